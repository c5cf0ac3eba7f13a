/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfastd_services.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/node_service.h"
#include "lib/umad_io.h"
#include "tools/holdfastd_hook.h"
#include "tools/holdfastd_services_file.h"

#define NS_PER_MS	UINT64_C(1000000)
#define REOPEN_S	1
#define MADS_AT_A_TIME	64
#define QPN_GSI		1
#define GUID_TEXT	19
#define ENV_MAX		64
#define ENV_OURS	8

static const uint8_t methods[] = { HF_SERVICE_METHOD_SEND, HF_SERVICE_METHOD_REPORT };

/* Services of one port share its agent. */
struct port {
	struct holdfastd_services *services;
	char device[64];
	int port_num;
	uint64_t guid;			/* host order */
	struct hf_umad_port now;	/* as read last */
	struct hf_umad *umad;		/* NULL while the adapter is gone */
	int agent;
	struct event *readable;
	struct event *timer;		/* the next reading of the port, or try to open it */
};

/* A run of the hook program. */
struct run {
	bool is_wanted;
	struct hf_node_order order;	/* id 0: the notice of a role */
	uint64_t term;
};

struct service {
	struct holdfastd_services *services;
	const struct holdfastd_service *config;
	struct port *port;
	struct hf_node_service *node;
	struct event *timer;
	struct holdfastd_hook *hook;
	struct run running;		/* is_wanted while the hook runs */
	struct run next_order, next_notice;
	char role_told[16];		/* by a notice */
	bool is_handling;		/* the node's functions may not be called from within its callbacks */
};

struct holdfastd_services {
	struct event_base *base;
	const struct holdfastd_options *options;
	const struct holdfastd_ports *hosts;
	struct hf_trace *trace;
	struct holdfastd_services_file file;
	struct port **ports;
	size_t port_count;
	struct service *services;
	size_t count;
};

static struct timeval timeval_of_ns(uint64_t ns)
{
	return (struct timeval){ .tv_sec = ns / 1000000000, .tv_usec = ns % 1000000000 / 1000 + 1 };
}

struct guid_text {
	char text[GUID_TEXT];
};

static struct guid_text format_guid(uint64_t guid)
{
	struct guid_text out;

	snprintf(out.text, sizeof(out.text), "0x%016" PRIx64, guid);
	return out;
}

/* Sending */

struct path_search {
	const struct port *port;
	const union hf_gid *dgid;
	struct hf_host_path path;
	bool is_found;
};

static void find_path(void *ctx, const char *id, const struct hf_host *host)
{
	struct path_search *search = ctx;
	struct hf_host_status status;

	(void)id;
	hf_host_get_status(host, &status);
	if (!strcmp(status.device, search->port->device) && status.port_num == search->port->port_num)
		search->is_found = !hf_host_find_path(host, search->dgid->raw, &search->path);
}

/* As the SM says: holdfastd knows the path to every port. A peer that has none cannot be reached anyway. */
static void send_peer(void *ctx, uint64_t guid, const struct hf_service_mad *mad)
{
	const struct service *service = ctx;
	const struct port *port = service->port;
	const union hf_gid dgid = { .prefix = port->now.gid.prefix, .guid = htobe64(guid) };
	struct path_search search = { .port = port, .dgid = &dgid };

	holdfastd_ports_for_each(service->services->hosts, find_path, &search);
	if (!port->umad || !search.is_found || !search.path.reachable)
		return;
	const struct hf_mad_addr to = { .lid = search.path.dlid, .qpn = QPN_GSI, .sl = search.path.sl };

	/* One that is lost is what heartbeats are for. */
	(void)hf_umad_send(port->umad, port->agent, &to, mad, sizeof(*mad), 0, 0);
}

static int send_sm(void *ctx, const struct hf_service_mad *mad)
{
	const struct service *service = ctx;
	const struct port *port = service->port;
	const struct hf_mad_addr to = { .lid = port->now.sm_lid, .qpn = QPN_GSI, .sl = port->now.sm_sl };

	if (!port->umad || !to.lid)
		return -ENOTCONN;
	/* The kernel knows the answer as long as we would wait for it. */
	return hf_umad_send(port->umad, port->agent, &to, mad, sizeof(*mad), service->config->values.report_ms, 0);
}

/* Hooks */

static const char *phase_of(const struct service *service, const struct run *run)
{
	return run->order.id ? hf_service_order_names[run->order.order] : service->role_told;
}

static uint32_t limit_of(const struct service *service, const struct run *run)
{
	uint32_t limit_ms = service->config->values.hook_limit_ms;

	return run->order.id && run->order.limit_ms < limit_ms ? run->order.limit_ms + !run->order.limit_ms : limit_ms;
}

/* holdfastd's own variables of these names would only confuse. */
static size_t copy_environment(char *environ_[ENV_MAX + ENV_OURS])
{
	size_t n = 0;

	for (char **var = environ; *var && n < ENV_MAX; var++)
		if (strncmp(*var, "HF_", 3))
			environ_[n++] = *var;
	return n;
}

static void start_hook(struct service *service, const struct run *run)
{
	const char *program = service->config->values.hook, *phase = phase_of(service, run);
	char *argv[] = { (char *)program, (char *)phase, service->config->name, NULL };
	char *environ_[ENV_MAX + ENV_OURS], ours[ENV_OURS][128];
	struct hf_node_service_status status;
	size_t n = copy_environment(environ_), i = 0;

	hf_node_service_get_status(service->node, &status);
	snprintf(ours[i++], sizeof(ours[0]), "HF_PHASE=%s", phase);
	snprintf(ours[i++], sizeof(ours[0]), "HF_SERVICE=%s", service->config->name);
	snprintf(ours[i++], sizeof(ours[0]), "HF_TERM=%" PRIu64, run->term);
	snprintf(ours[i++], sizeof(ours[0]), "HF_OWNER=%s", format_guid(status.owner).text);
	snprintf(ours[i++], sizeof(ours[0]), "HF_PORT=%s", format_guid(service->port->guid).text);
	snprintf(ours[i++], sizeof(ours[0]), "HF_PEER=%s", run->order.id ? format_guid(run->order.subject).text : "");
	snprintf(ours[i++], sizeof(ours[0]), "HF_LIMIT_MS=%" PRIu32, limit_of(service, run));
	for (size_t j = 0; j < i; j++)
		environ_[n++] = ours[j];
	environ_[n] = NULL;
	service->running = *run;
	service->running.is_wanted = true;
	hf_trace_event(service->services->trace, "hook_started", "{s:s, s:s, s:I}", "service", service->config->name,
		       "phase", phase, "term", (json_int_t)run->term);
	holdfastd_hook_start(service->hook, argv, environ_, limit_of(service, run));
}

static void run_node(struct service *service);

/* Orders go first. */
static void start_next(struct service *service)
{
	struct run *next = service->next_order.is_wanted ? &service->next_order : &service->next_notice;
	struct run run = *next;

	if (holdfastd_hook_is_running(service->hook) || !run.is_wanted)
		return;
	next->is_wanted = false;
	start_hook(service, &run);
}

static const struct {
	const char *name;
	enum hf_service_progress progress;
} ends[] = {
	[HOLDFASTD_HOOK_OK] = { "ok", HF_SERVICE_PROGRESS_DONE },
	[HOLDFASTD_HOOK_FAILED] = { "failed", HF_SERVICE_PROGRESS_FAILED },
	[HOLDFASTD_HOOK_LIMIT] = { "limit", HF_SERVICE_PROGRESS_LIMIT },
	[HOLDFASTD_HOOK_STOPPED] = { "stopped", HF_SERVICE_PROGRESS_FAILED },
};

static void note_hook_end(void *ctx, enum holdfastd_hook_end end, uint16_t status)
{
	struct service *service = ctx;
	const struct run run = service->running;
	const char *phase = phase_of(service, &run);

	service->running.is_wanted = false;
	hf_trace_event(service->services->trace, "hook_ended", "{s:s, s:s, s:s, s:i}", "service",
		       service->config->name, "phase", phase, "end", ends[end].name, "status", status);
	hf_log(end == HOLDFASTD_HOOK_OK ? HF_LOG_INFO : HF_LOG_WARN, "service %s: hook %s, phase %s: %s, status %u",
	       service->config->name, service->config->values.hook, phase, ends[end].name, status);
	if (run.order.id)
		hf_node_service_order_ended(service->node, hf_now_ns(), run.order.id, ends[end].progress, status);
	start_next(service);
	run_node(service);
}

static void note_connections(void *ctx, uint32_t connections)
{
	struct service *service = ctx;

	hf_node_service_set_connections(service->node, hf_now_ns(), connections);
	run_node(service);
}

static const struct holdfastd_hook_ops hook_ops = { .ended = note_hook_end, .connections = note_connections };

/* What the node says */

static void take_order(void *ctx, const struct hf_node_order *order)
{
	struct service *service = ctx;
	struct hf_node_service_status status;

	hf_node_service_get_status(service->node, &status);
	hf_log(HF_LOG_INFO, "service %s: the SM's order: %s", service->config->name,
	       hf_service_order_names[order->order]);
	service->next_order = (struct run){ .is_wanted = order->id, .order = *order, .term = status.term };
	if (service->running.is_wanted && service->running.order.id)
		holdfastd_hook_stop(service->hook);
}

static void note_role(void *ctx, enum hf_node_role old, uint64_t old_term)
{
	struct service *service = ctx;
	struct hf_node_service_status status;

	(void)old_term;
	hf_node_service_get_status(service->node, &status);
	hf_trace_event(service->services->trace, "service_role", "{s:s, s:s, s:I, s:s}", "service", status.service,
		       "role", hf_node_role_names[status.role], "term", (json_int_t)status.term, "owner",
		       format_guid(status.owner).text);
	hf_log(HF_LOG_INFO, "service %s: %s -> %s at term %" PRIu64 ", owner is port %s", status.service,
	       hf_node_role_names[old], hf_node_role_names[status.role], status.term, format_guid(status.owner).text);
	if (!strcmp(service->role_told, hf_node_role_names[status.role]))
		return;
	snprintf(service->role_told, sizeof(service->role_told), "%s", hf_node_role_names[status.role]);
	service->next_notice = (struct run){
		.is_wanted = service->config->values.hook && *service->config->values.hook, .term = status.term,
	};
}

static void note_peer(void *ctx, const struct hf_peer *peer, enum hf_peer_state old)
{
	struct service *service = ctx;

	hf_trace_event(service->services->trace, "service_peer", "{s:s, s:s, s:s}", "service", service->config->name,
		       "guid", format_guid(peer->guid).text, "state", hf_peer_state_names[peer->state]);
	hf_log(peer->state == HF_PEER_LOST ? HF_LOG_WARN : HF_LOG_INFO, "service %s: peer %s: %s -> %s",
	       service->config->name, format_guid(peer->guid).text, hf_peer_state_names[old],
	       hf_peer_state_names[peer->state]);
}

static void note_refused(void *ctx, enum hf_service_ask ask, uint64_t subject, enum hf_service_status status)
{
	struct service *service = ctx;

	hf_trace_event(service->services->trace, "service_refused", "{s:s, s:s, s:s, s:s}", "service",
		       service->config->name, "ask", hf_service_ask_names[ask], "guid", format_guid(subject).text,
		       "status", hf_service_status_names[status]);
	hf_log(HF_LOG_INFO, "service %s: the SM refuses \"%s\" of port %s: %s", service->config->name,
	       hf_service_ask_names[ask], format_guid(subject).text, hf_service_status_names[status]);
}

static const struct hf_node_service_ops node_ops = {
	.send_peer = send_peer,
	.send_sm = send_sm,
	.order = take_order,
	.role = note_role,
	.peer = note_peer,
	.refused = note_refused,
};

/* Orders for which there is no program are carried out by that. */
static void settle_orders(struct service *service)
{
	const char *program = service->config->values.hook;

	if (service->next_order.is_wanted && (!program || !*program)) {
		service->next_order.is_wanted = false;
		hf_node_service_order_ended(service->node, hf_now_ns(), service->next_order.order.id,
					    HF_SERVICE_PROGRESS_DONE, 0);
	}
	start_next(service);
}

static void run_node(struct service *service)
{
	uint64_t now_ns, deadline_ns;
	struct timeval delay;

	/* Who calls from within goes on here when it has returned. */
	if (service->is_handling)
		return;
	service->is_handling = true;
	do {
		settle_orders(service);
		now_ns = hf_now_ns();
		hf_node_service_run(service->node, now_ns);
		deadline_ns = hf_node_service_deadline_ns(service->node);
	} while (deadline_ns <= now_ns);
	service->is_handling = false;
	delay = timeval_of_ns(deadline_ns - now_ns);
	evtimer_add(service->timer, &delay);
}

static void on_service_timer(evutil_socket_t fd, short events, void *ctx)
{
	(void)fd;
	(void)events;
	run_node(ctx);
}

/* Receiving */

static struct service *find_service(const struct holdfastd_services *services, const struct port *port,
				    const char *name)
{
	for (size_t i = 0; i < services->count; i++)
		if (services->services[i].port == port && !strcmp(services->services[i].config->name, name))
			return &services->services[i];
	return NULL;
}

/* Forged and strange ones are counted, not logged: nobody shall fill the log from afar. */
static void take_mad(struct port *port, const struct hf_umad_received *received)
{
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
		if (port->services->services[i].port == port)
			run_node(&port->services->services[i]);
}

static void close_port(struct port *port)
{
	if (port->readable)
		event_free(port->readable);
	port->readable = NULL;
	hf_umad_close(port->umad);
	port->umad = NULL;
}

static void on_readable(evutil_socket_t fd, short events, void *ctx)
{
	struct port *port = ctx;
	struct hf_umad_received received;
	int err = 0;

	(void)fd;
	(void)events;
	for (int i = 0; i < MADS_AT_A_TIME && !(err = hf_umad_recv(port->umad, &received)); i++) {
		take_mad(port, &received);
		free(received.mad);
	}
	if (err == -ENODEV || err == -EIO) {
		hf_log(HF_LOG_ERROR, "%s:%d: the adapter is gone, and with it the services' heartbeats", port->device,
		       port->port_num);
		close_port(port);
	}
	run_port(port);
}

static int open_port(struct port *port)
{
	int err = hf_umad_open(port->device, port->port_num, &port->umad);

	if (err)
		return err;
	err = hf_umad_register_vendor(port->umad, HF_SERVICE_CLASS, HF_SERVICE_CLASS_VERSION, HF_SERVICE_OUI, methods,
				      sizeof(methods), &port->agent);
	if (err)
		goto err_close_port;
	port->readable = event_new(port->services->base, hf_umad_fd(port->umad), EV_READ | EV_PERSIST, on_readable,
				   port);
	if (!port->readable || event_add(port->readable, NULL)) {
		err = -ENOMEM;
		goto err_close_port;
	}
	return 0;

err_close_port:
	close_port(port);
	return err;
}

static void on_port_timer(evutil_socket_t fd, short events, void *ctx)
{
	struct port *port = ctx;
	struct timeval delay = timeval_of_ns(port->services->options->port_interval_ms * NS_PER_MS);
	struct hf_umad_port now;

	(void)fd;
	(void)events;
	if (!port->umad && open_port(port))
		delay = (struct timeval){ .tv_sec = REOPEN_S };
	if (port->umad && !hf_umad_read_port(port->umad, &now)) {
		bool is_other = now.sm_lid != port->now.sm_lid || now.lid != port->now.lid;

		port->now = now;
		for (size_t i = 0; is_other && i < port->services->count; i++)
			if (port->services->services[i].port == port)
				hf_node_service_ask(port->services->services[i].node, hf_now_ns());
		if (is_other)
			run_port(port);
	}
	evtimer_add(port->timer, &delay);
}

/* Start and end */

static void free_port(struct port *port)
{
	close_port(port);
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

static int get_port(struct holdfastd_services *services, const struct holdfastd_service *config,
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

static int start_service(struct service *service)
{
	const struct holdfastd_service *config = service->config;
	struct hf_node_service_config node_config = {
		.service = config->name, .guid = service->port->guid, .peers = config->peers,
		.peer_count = config->peer_count, .interval_ms = config->values.interval_ms,
		.count = config->values.count, .report_ms = config->values.report_ms,
		.timeout_ms = config->values.timeout_ms, .key = &config->key,
	};
	const struct timeval at_once = { 0 };
	int err;

	for (size_t i = 0; i < config->peer_count; i++)
		if (config->peers[i] == service->port->guid) {
			hf_log(HF_LOG_ERROR, "service %s: peers: %s is this node's own port", config->name,
			       format_guid(config->peers[i]).text);
			return -EINVAL;
		}
	if (getrandom(&node_config.instance, sizeof(node_config.instance), 0) != sizeof(node_config.instance))
		return -errno;
	node_config.instance |= !node_config.instance;
	err = hf_node_service_new(&node_config, &node_ops, service, &service->node);
	if (!err)
		err = holdfastd_hook_new(service->services->base, &hook_ops, service, &service->hook);
	if (err)
		return err;
	service->timer = evtimer_new(service->services->base, on_service_timer, service);
	return service->timer && !evtimer_add(service->timer, &at_once) ? 0 : -ENOMEM;
}

static int start_all(struct holdfastd_services *services)
{
	struct hf_umad_port *found;
	size_t count;
	int err = hf_umad_list_ports(&found, &count);

	if (err)
		return err;
	services->services = calloc(services->file.count + 1, sizeof(*services->services));
	if (!services->services)
		err = -ENOMEM;
	for (size_t i = 0; i < services->file.count && !err; i++) {
		struct service *service = &services->services[services->count];

		*service = (struct service){ .services = services, .config = &services->file.services[i] };
		err = get_port(services, service->config, found, count, &service->port);
		if (err)
			break;
		services->count++;
		err = start_service(service);
	}
	free(found);
	return err;
}

static int open_trace(struct holdfastd_services *services)
{
	const char *path = services->options->trace;
	char who[96];

	if (!path || !*path || !services->count)
		return 0;
	snprintf(who, sizeof(who), "services:%s", format_guid(services->services[0].port->guid).text);
	return hf_trace_open(path, who, &services->trace);
}

int holdfastd_services_new(struct event_base *base, const struct holdfastd_options *options,
			   const struct holdfastd_ports *ports, struct holdfastd_services **ret_services)
{
	struct holdfastd_services *services;
	char *error = NULL;
	int err;

	*ret_services = NULL;
	if (!options->services || !*options->services)
		return 0;
	services = calloc(1, sizeof(*services));
	if (!services)
		return -ENOMEM;
	services->base = base;
	services->options = options;
	services->hosts = ports;
	err = holdfastd_services_file_load(options->services, &services->file, &error);
	if (err)
		hf_log(HF_LOG_ERROR, "%s", error ? error : strerror(-err));
	free(error);
	if (!err)
		err = start_all(services);
	if (!err)
		err = open_trace(services);
	if (err) {
		holdfastd_services_free(services);
		return err;
	}
	*ret_services = services;
	return 0;
}

void holdfastd_services_free(struct holdfastd_services *services)
{
	if (!services)
		return;
	for (size_t i = 0; i < services->count; i++) {
		struct service *service = &services->services[i];

		holdfastd_hook_free(service->hook);
		if (service->timer)
			event_free(service->timer);
		hf_node_service_free(service->node);
	}
	free(services->services);
	for (size_t i = 0; i < services->port_count; i++)
		free_port(services->ports[i]);
	free(services->ports);
	hf_trace_close(services->trace);
	holdfastd_services_file_fini(&services->file);
	free(services);
}

/* Status */

/* In milliseconds; -1 where it never was. */
static json_int_t age_ms(uint64_t then_ns)
{
	return then_ns ? (json_int_t)((hf_now_ns() - then_ns) / NS_PER_MS) : -1;
}

static json_t *describe_peers(const struct hf_node_service_status *status)
{
	json_t *array = json_array();

	for (size_t i = 0; i < status->peer_count; i++) {
		const struct hf_peer *peer = &status->peers[i];

		json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:I, s:s, s:I}",
						       "guid", format_guid(peer->guid).text,
						       "state", hf_peer_state_names[peer->state],
						       "heard_ms", age_ms(peer->heard_ns),
						       "term", (json_int_t)peer->term,
						       "owner", format_guid(peer->owner).text,
						       "restarts", (json_int_t)peer->restarts));
	}
	return array;
}

static json_t *describe_counters(const struct hf_node_service_status *status)
{
	const struct hf_heartbeat_counters *beats = status->heartbeats;
	const struct hf_node_service_counters *talk = status->counters;
	const struct {
		const char *name;
		uint64_t value;
	} items[] = {
		{ "heartbeats_sent", beats->sent }, { "heartbeats_heard", beats->heard },
		{ "heartbeats_stale", beats->stale }, { "heartbeats_repeated", beats->repeated },
		{ "peers_lost", beats->lost }, { "peers_back", beats->back }, { "stalls", beats->stalls },
		{ "requests", talk->requests }, { "answers", talk->answers }, { "again", talk->again },
		{ "timeouts", talk->timeouts }, { "refused", talk->refused }, { "bells", talk->bells },
		{ "forged", beats->forged + talk->forged }, { "strange", beats->strange + talk->strange },
	};
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		json_object_set_new(object, items[i].name, json_integer((json_int_t)items[i].value));
	return object;
}

static json_t *describe_service(const struct service *service)
{
	struct hf_node_service_status status;
	char port[96];

	hf_node_service_get_status(service->node, &status);
	snprintf(port, sizeof(port), "%s:%d", service->port->device, service->port->port_num);
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:s, s:b, s:i, s:i, s:s, s:s, s:i, s:I, s:s, s:o, s:o}",
			 "service", status.service, "port", port, "guid", format_guid(service->port->guid).text,
			 "role", hf_node_role_names[status.role], "term", (json_int_t)status.term,
			 "owner", format_guid(status.owner).text, "answered_ms", age_ms(status.answered_ns),
			 "answer", hf_service_status_names[status.answer], "beating", status.is_beating,
			 "interval_ms", status.interval_ms, "count", status.count,
			 "order", hf_service_order_names[status.order.order],
			 "progress", hf_service_progress_names[status.progress], "exit_status", status.exit_status,
			 "connections", status.connections == HF_SERVICE_CONNECTIONS_UNKNOWN ? (json_int_t)-1 :
			 (json_int_t)status.connections,
			 "hook", service->running.is_wanted ? phase_of(service, &service->running) : "",
			 "peers", describe_peers(&status), "counters", describe_counters(&status));
}

json_t *holdfastd_services_describe(const struct holdfastd_services *services)
{
	json_t *array = json_array();

	for (size_t i = 0; services && i < services->count; i++)
		json_array_append_new(array, describe_service(&services->services[i]));
	return array;
}
