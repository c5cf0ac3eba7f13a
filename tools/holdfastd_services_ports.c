/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The ports of services: one agent for all services of a port. */
#include "tools/holdfastd_services_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

#define REOPEN_S	1

/* Receiving */

static struct service *find_service(const struct holdfastd_services *services, const struct port *port,
				    const char *name)
{
	for (size_t i = 0; i < services->count; i++)
		if (services->services[i]->port == port && !strcmp(services->services[i]->config->name, name))
			return services->services[i];
	return NULL;
}

/* Forged and strange ones are counted, not logged: nobody shall fill the log from afar. */
static void take_mad(void *ctx, const struct hf_umad_received *received)
{
	const struct port *port = ctx;
	struct hf_service_msg msg;
	struct service *service;

	if (received->status || hf_service_wire_read(received->mad, received->len, &msg))
		return;
	service = find_service(port->services, port, msg.service);
	if (service)
		(void)hf_node_service_receive(service->node, hf_now_ns(), (const void *)received->mad, &msg);
}

static void run_port(const struct port *port)
{
	for (size_t i = 0; i < port->services->count; i++)
		if (port->services->services[i]->port == port)
			holdfastd_service_run(port->services->services[i]);
}

static void on_readable(evutil_socket_t fd, short events, void *ctx)
{
	struct port *port = ctx;

	(void)fd;
	(void)events;
	if (!holdfastd_agent_receive(&port->agent, take_mad, port))
		hf_log(HF_LOG_ERROR, "%s:%d: the adapter is gone, and with it the services' heartbeats", port->device,
		       port->port_num);
	run_port(port);
}

static int open_port(struct port *port)
{
	static const uint8_t methods[] = { HF_SERVICE_METHOD_SEND, HF_SERVICE_METHOD_REPORT };
	static const struct holdfastd_agent_class class = {
		HF_SERVICE_CLASS, HF_SERVICE_CLASS_VERSION, HF_SERVICE_OUI, methods, sizeof(methods),
	};

	return holdfastd_agent_open(&port->agent, port->services->base, port->device, port->port_num, &class,
				    on_readable, port);
}

static void on_port_timer(evutil_socket_t fd, short events, void *ctx)
{
	struct port *port = ctx;
	struct timeval delay = timeval_of_ns(port->services->options->port_interval_ms * NS_PER_MS);
	struct hf_umad_port now;

	(void)fd;
	(void)events;
	if (!port->agent.umad && open_port(port))
		delay = (struct timeval){ .tv_sec = REOPEN_S };
	if (port->agent.umad && !hf_umad_read_port(port->agent.umad, &now)) {
		bool is_other = now.sm_lid != port->now.sm_lid || now.lid != port->now.lid;

		port->now = now;
		for (size_t i = 0; is_other && i < port->services->count; i++)
			if (port->services->services[i]->port == port)
				hf_node_service_ask(port->services->services[i]->node, hf_now_ns());
		if (is_other)
			run_port(port);
	}
	evtimer_add(port->timer, &delay);
}

/* Which there are */

static void free_port(struct port *port)
{
	holdfastd_agent_close(&port->agent);
	if (port->timer)
		event_free(port->timer);
	free(port);
}

static bool is_named(const char *name, const struct hf_umad_port *port)
{
	char id[96];

	snprintf(id, sizeof(id), "%s:%d", port->device, port->port_num);
	return !name || !*name || !strcmp(name, id);
}

static int add_port(struct holdfastd_services *services, const struct hf_umad_port *found, struct port **ret_port)
{
	struct port **grown = realloc(services->ports, (services->port_count + 1) * sizeof(struct port *));
	struct port *port;
	const struct timeval at_once = { 0 };
	int err;

	if (!grown)
		return -ENOMEM;
	services->ports = grown;
	port = calloc(1, sizeof(*port));
	if (!port)
		return -ENOMEM;
	port->services = services;
	port->now = *found;
	port->guid = be64toh(found->gid.guid);
	port->port_num = found->port_num;
	snprintf(port->device, sizeof(port->device), "%s", found->device);
	port->timer = evtimer_new(services->base, on_port_timer, port);
	err = port->timer ? open_port(port) : -ENOMEM;
	if (err) {
		hf_log(HF_LOG_ERROR, "%s:%d: %s", port->device, port->port_num,
		       err == -EBUSY ? "another program receives the heartbeats of this port" : strerror(-err));
		free_port(port);
		return err;
	}
	evtimer_add(port->timer, &at_once);
	services->ports[services->port_count++] = port;
	*ret_port = port;
	return 0;
}

int holdfastd_services_get_port(struct holdfastd_services *services, const struct holdfastd_service *config,
				const struct hf_umad_port *found, size_t count, struct port **ret_port)
{
	size_t i = 0;

	while (i < count && !is_named(config->values.port, &found[i]))
		i++;
	if (i == count) {
		hf_log(HF_LOG_ERROR, "service %s: port \"%s\": no such InfiniBand port on this host", config->name,
		       config->values.port ? config->values.port : "");
		return -ENODEV;
	}
	for (size_t j = 0; j < services->port_count; j++)
		if (services->ports[j]->guid == be64toh(found[i].gid.guid)) {
			*ret_port = services->ports[j];
			return 0;
		}
	return add_port(services, &found[i], ret_port);
}

static bool is_used(const struct holdfastd_services *services, const struct port *port)
{
	for (size_t i = 0; i < services->count; i++)
		if (services->services[i]->port == port)
			return true;
	return false;
}

void holdfastd_services_drop_ports(struct holdfastd_services *services)
{
	size_t kept = 0;

	for (size_t i = 0; i < services->port_count; i++) {
		if (is_used(services, services->ports[i]))
			services->ports[kept++] = services->ports[i];
		else
			free_port(services->ports[i]);
	}
	services->port_count = kept;
}
