/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfastd_ports.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/trace.h"
#include "lib/umad_io.h"
#include "tools/holdfastd_connect.h"

#define REOPEN_S	5
#define ID_BYTES	96

struct port {
	struct holdfastd_ports *ports;
	char id[ID_BYTES];		/* adapter:number */
	char device[64];
	int port_num;
	struct hf_host *host;		/* NULL while the adapter is gone */
	struct event *readable;
	struct event *timer;		/* the host's deadline, or the next try to open it */
};

struct holdfastd_ports {
	struct event_base *base;
	const struct holdfastd_options *options;
	struct holdfastd_connect connect;
	struct port **ports;
	size_t count;
	struct event *stop_timer;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
	const struct holdfastd_ports_watcher *watcher;	/* NULL: nobody */
	void *watcher_ctx;
};

static struct timeval timeval_of_ns(uint64_t ns)
{
	return (struct timeval){ .tv_sec = ns / 1000000000, .tv_usec = ns % 1000000000 / 1000 };
}

/* The node's name is the first word of what the SM sees as its description. */
static void read_node_name(const char *device, char *name, size_t size)
{
	char path[128];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/infiniband/%s/node_desc", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, name, size - 1);
		close(fd);
	}
	name[len > 0 ? len : 0] = '\0';
	for (char *c = name; *c; c++)
		if (!isgraph((unsigned char)*c))
			*c = '\0';
	if (!*name)
		snprintf(name, size, "%s", device);
}

static void set_intervals(const struct holdfastd_options *options, struct hf_host_config *config)
{
	config->port_interval_ms = options->port_interval_ms;
	config->request_timeout_ms = options->request_timeout_ms;
	config->query_timeout_ms = options->query_timeout_ms;
	config->check_interval_ms = options->check_interval_s * 1000;
}

static const char *non_empty(const char *text)
{
	return text && *text ? text : NULL;
}

static int open_host(struct port *port)
{
	const struct holdfastd_options *options = port->ports->options;
	struct hf_host_config config;
	struct hf_host *host;
	char name[64];
	int err;

	hf_host_config_init(&config);
	set_intervals(options, &config);
	read_node_name(port->device, name, sizeof(name));
	config.device = port->device;
	config.port_num = port->port_num;
	config.name = name;
	config.trace = non_empty(options->trace);
	err = hf_host_new(&config, &host);
	if (err)
		return err;
	err = holdfastd_connect_apply(&port->ports->connect, host, options->simulated_sqd);
	if (err) {
		hf_host_free(host);
		return err;
	}
	port->host = host;
	return 0;
}

static void arm_timer(struct port *port)
{
	uint64_t now_ns = hf_now_ns(), deadline_ns = hf_host_deadline_ns(port->host);
	struct timeval delay = timeval_of_ns(deadline_ns > now_ns ? deadline_ns - now_ns : 0);

	evtimer_add(port->timer, &delay);
}

static void check_stopped(struct holdfastd_ports *ports)
{
	void (*stopped)(void *ctx) = ports->stopped;

	if (!stopped)
		return;
	for (size_t i = 0; i < ports->count; i++)
		if (ports->ports[i]->host && !hf_host_is_stopped(ports->ports[i]->host))
			return;
	ports->stopped = NULL;
	stopped(ports->stopped_ctx);
}

static void tell_opened(const struct port *port)
{
	const struct holdfastd_ports *ports = port->ports;

	if (ports->watcher)
		ports->watcher->opened(ports->watcher_ctx, port->device, port->port_num, port->host);
}

static void close_host(struct port *port)
{
	const struct timeval delay = { .tv_sec = REOPEN_S };
	const struct holdfastd_ports *ports = port->ports;

	hf_log(HF_LOG_ERROR, "%s: the adapter is gone; looking for it every %d s", port->id, REOPEN_S);
	event_free(port->readable);
	port->readable = NULL;
	if (ports->watcher)
		ports->watcher->closed(ports->watcher_ctx, port->host);
	hf_host_free(port->host);
	port->host = NULL;
	evtimer_add(port->timer, &delay);
}

static void handle(struct port *port)
{
	if (hf_host_handle(port->host))
		close_host(port);
	else
		arm_timer(port);
	check_stopped(port->ports);
}

static void on_readable(evutil_socket_t fd, short events, void *ctx)
{
	(void)fd;
	(void)events;
	handle(ctx);
}

static int start_port(struct port *port)
{
	int err = open_host(port);

	if (err)
		return err;
	port->readable = event_new(port->ports->base, hf_host_fd(port->host), EV_READ | EV_PERSIST, on_readable, port);
	if (!port->readable || event_add(port->readable, NULL)) {
		err = -ENOMEM;
		goto err_free_host;
	}
	arm_timer(port);
	tell_opened(port);
	return 0;

err_free_host:
	hf_host_free(port->host);
	port->host = NULL;
	return err;
}

static void on_timer(evutil_socket_t fd, short events, void *ctx)
{
	const struct timeval delay = { .tv_sec = REOPEN_S };
	struct port *port = ctx;

	(void)fd;
	(void)events;
	if (port->host)
		handle(port);
	else if (start_port(port))
		evtimer_add(port->timer, &delay);
	else
		hf_log(HF_LOG_INFO, "%s: the adapter is back", port->id);
}

static void free_port(struct port *port)
{
	if (port->readable)
		event_free(port->readable);
	if (port->timer)
		event_free(port->timer);
	hf_host_free(port->host);
	free(port);
}

static int add_port(struct holdfastd_ports *ports, const char *device, int port_num)
{
	struct port **grown = realloc(ports->ports, (ports->count + 1) * sizeof(*grown));
	struct port *port;
	int err = -ENOMEM;

	if (!grown)
		return err;
	ports->ports = grown;
	port = calloc(1, sizeof(*port));
	if (!port)
		return err;
	port->ports = ports;
	port->port_num = port_num;
	snprintf(port->device, sizeof(port->device), "%s", device);
	snprintf(port->id, sizeof(port->id), "%s:%d", device, port_num);
	port->timer = evtimer_new(ports->base, on_timer, port);
	if (!port->timer)
		goto err_free_port;
	err = start_port(port);
	if (err) {
		hf_log(HF_LOG_ERROR, "%s: %s", port->id,
		       err == -EBUSY ? "another program receives this port's reports" : strerror(-err));
		goto err_free_port;
	}
	ports->ports[ports->count++] = port;
	return 0;

err_free_port:
	free_port(port);
	return err;
}

/* "mlx5_0:1", or "mlx5_0" for all its ports, or "all". */
static bool is_named(const char *word, const struct hf_umad_port *port)
{
	char id[ID_BYTES];

	snprintf(id, sizeof(id), "%s:%d", port->device, port->port_num);
	return !strcmp(word, "all") || !strcmp(word, port->device) || !strcmp(word, id);
}

static bool is_open(const struct holdfastd_ports *ports, const struct hf_umad_port *port)
{
	for (size_t i = 0; i < ports->count; i++)
		if (!strcmp(ports->ports[i]->device, port->device) && ports->ports[i]->port_num == port->port_num)
			return true;
	return false;
}

static int add_named(struct holdfastd_ports *ports, const char *word, const struct hf_umad_port *found, size_t count)
{
	bool is_known = false;
	int err = 0;

	for (size_t i = 0; i < count && !err; i++) {
		if (!is_named(word, &found[i]))
			continue;
		is_known = true;
		if (!is_open(ports, &found[i]))
			err = add_port(ports, found[i].device, found[i].port_num);
	}
	if (is_known)
		return err;
	hf_log(HF_LOG_ERROR, "ports: no InfiniBand port for '%s' on this host", word);
	return -ENODEV;
}

static int add_all_named(struct holdfastd_ports *ports)
{
	struct hf_umad_port *found;
	char *list, *save, *word;
	size_t count;
	int err = hf_umad_list_ports(&found, &count);

	if (err) {
		hf_log(HF_LOG_ERROR, "the InfiniBand adapters cannot be read: %s", strerror(-err));
		return err;
	}
	list = strdup(ports->options->ports);
	if (!list) {
		err = -ENOMEM;
		goto err_free_found;
	}
	word = strtok_r(list, " ,\t", &save);
	if (!word) {
		hf_log(HF_LOG_ERROR, "ports: names no port");
		err = -EINVAL;
	}
	for (; word && !err; word = strtok_r(NULL, " ,\t", &save))
		err = add_named(ports, word, found, count);
	free(list);
err_free_found:
	free(found);
	return err;
}

static int load_connect(struct holdfastd_ports *ports)
{
	const char *path = non_empty(ports->options->connect);
	char *error = NULL;
	int err;

	if (!path)
		return 0;
	err = holdfastd_connect_load(path, &ports->connect, &error);
	if (err)
		hf_log(HF_LOG_ERROR, "%s", error ? error : strerror(-err));
	free(error);
	return err;
}

static void on_stop_timeout(evutil_socket_t fd, short events, void *ctx)
{
	struct holdfastd_ports *ports = ctx;
	void (*stopped)(void *ctx) = ports->stopped;

	(void)fd;
	(void)events;
	ports->stopped = NULL;
	if (stopped)
		stopped(ports->stopped_ctx);
}

int holdfastd_ports_new(struct event_base *base, const struct holdfastd_options *options,
			struct holdfastd_ports **ret_ports)
{
	struct holdfastd_ports *ports = calloc(1, sizeof(*ports));
	int err;

	if (!ports)
		return -ENOMEM;
	ports->base = base;
	ports->options = options;
	ports->stop_timer = evtimer_new(base, on_stop_timeout, ports);
	err = ports->stop_timer ? load_connect(ports) : -ENOMEM;
	if (!err)
		err = add_all_named(ports);
	if (err) {
		holdfastd_ports_free(ports);
		return err;
	}
	*ret_ports = ports;
	return 0;
}

void holdfastd_ports_free(struct holdfastd_ports *ports)
{
	if (!ports)
		return;
	for (size_t i = 0; i < ports->count; i++)
		free_port(ports->ports[i]);
	free(ports->ports);
	holdfastd_connect_fini(&ports->connect);
	if (ports->stop_timer)
		event_free(ports->stop_timer);
	free(ports);
}

void holdfastd_ports_reload(struct holdfastd_ports *ports)
{
	struct hf_host_config config;

	hf_host_config_init(&config);
	set_intervals(ports->options, &config);
	for (size_t i = 0; i < ports->count; i++)
		if (ports->ports[i]->host)
			hf_host_set_config(ports->ports[i]->host, &config);
}

void holdfastd_ports_stop(struct holdfastd_ports *ports, void (*stopped)(void *ctx), void *ctx)
{
	struct timeval delay = timeval_of_ns(ports->options->stop_timeout_ms * UINT64_C(1000000));

	ports->stopped = stopped;
	ports->stopped_ctx = ctx;
	for (size_t i = 0; i < ports->count; i++) {
		if (!ports->ports[i]->host)
			continue;
		hf_host_stop(ports->ports[i]->host);
		arm_timer(ports->ports[i]);
	}
	evtimer_add(ports->stop_timer, &delay);
	check_stopped(ports);
}

void holdfastd_ports_watch(struct holdfastd_ports *ports, const struct holdfastd_ports_watcher *watcher, void *ctx)
{
	ports->watcher = watcher;
	ports->watcher_ctx = ctx;
	for (size_t i = 0; watcher && i < ports->count; i++)
		if (ports->ports[i]->host)
			tell_opened(ports->ports[i]);
}

struct hf_host *holdfastd_ports_find(const struct holdfastd_ports *ports, const char *device, int port_num)
{
	for (size_t i = 0; i < ports->count; i++)
		if (!strcmp(ports->ports[i]->device, device) && ports->ports[i]->port_num == port_num)
			return ports->ports[i]->host;
	return NULL;
}

void holdfastd_ports_wake(const struct holdfastd_ports *ports, const struct hf_host *host)
{
	const struct timeval at_once = { 0 };

	for (size_t i = 0; i < ports->count; i++)
		if (ports->ports[i]->host && ports->ports[i]->host == host)
			evtimer_add(ports->ports[i]->timer, &at_once);
}

void holdfastd_ports_for_each(const struct holdfastd_ports *ports,
			      void (*visit)(void *ctx, const char *id, const struct hf_host *host), void *ctx)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->ports[i]->host)
			visit(ctx, ports->ports[i]->id, ports->ports[i]->host);
}
