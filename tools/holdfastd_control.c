/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfastd_control.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "lib/gid.h"
#include "lib/log.h"

#define CLIENTS_MAX		32
#define REQUEST_MAX_BYTES	4096
#define IDLE_S			60	/* without a request */
#define STUCK_S			10	/* without reading the answer */

struct client {
	struct holdfastd_control *control;
	struct bufferevent *buffers;
	bool has_ended;		/* it sends no more: cut off once everything is answered */
	struct client *prev, *next;
};

struct holdfastd_control {
	struct event_base *base;
	struct evconnlistener *listener;
	const struct holdfastd_ports *ports;
	struct client *clients;
	unsigned int client_count;
	struct sockaddr_un address;
};

static json_t *json_gid(const uint8_t raw[16])
{
	union hf_gid gid;

	memcpy(gid.raw, raw, sizeof(gid.raw));
	return json_string(hf_gid_format(&gid).text);
}

static json_t *json_counters(const struct hf_host_counters *counters)
{
	const struct {
		const char *name;
		uint64_t value;
	} items[] = {
		{ "reports_repath", counters->reports_repath },	  { "reports_unpath", counters->reports_unpath },
		{ "reports_other", counters->reports_other },	  { "reports_repeated", counters->reports_repeated },
		{ "report_resps", counters->report_resps },
		{ "subscriptions", counters->subscriptions },	  { "queries", counters->queries },
		{ "queries_failed", counters->queries_failed },	  { "records", counters->records },
		{ "records_refused", counters->records_refused }, { "deltas", counters->deltas },
		{ "deltas_refused", counters->deltas_refused },	  { "whole_tables", counters->whole_tables },
		{ "changes", counters->changes },		  { "reports_taken", counters->reports_taken },
		{ "reports_known", counters->reports_known },	  { "gaps", counters->gaps },
		{ "mads_dropped", counters->mads_dropped },
		{ "established", counters->established },	  { "changed", counters->changed },
		{ "failed", counters->failed },			  { "lost", counters->lost },
		{ "returned", counters->returned },
	};
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		json_object_set_new(object, items[i].name, json_integer((json_int_t)items[i].value));
	return object;
}

static void append_status(void *ctx, const char *id, const struct hf_host *host)
{
	struct hf_host_status status;
	char instance[19];

	hf_host_get_status(host, &status);
	snprintf(instance, sizeof(instance), "0x%016" PRIx64, status.instance);
	json_array_append_new(ctx, json_pack("{s:s, s:s, s:o, s:i, s:i, s:s, s:s, s:b, s:i, s:i, s:s, s:I, s:o}",
					     "port", id, "name", status.name, "gid", json_gid(status.gid),
					     "lid", status.lid, "sm_lid", status.sm_lid, "state", status.state,
					     "query", status.query, "busy", status.busy,
					     "connections", (int)status.connections, "paths", (int)status.paths,
					     "instance", instance, "epoch", (json_int_t)status.epoch,
					     "counters", json_counters(&status.counters)));
}

/* What the records of one port have in common. */
struct list {
	json_t *array;
	const char *id;
};

static void append_connection(void *ctx, const struct hf_host_connection *connection)
{
	const struct hf_host_path *path = &connection->path;
	struct list *list = ctx;

	json_array_append_new(list->array,
		json_pack("{s:s, s:I, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:I, s:b}",
			  "port", list->id, "qpn", (json_int_t)connection->qpn, "dgid", json_gid(path->dgid),
			  "slid", path->slid, "dlid", path->dlid, "sl", path->sl, "mtu", path->mtu, "rate", path->rate,
			  "pkt_life", path->pkt_life, "pkey", path->pkey, "state", connection->state,
			  "qp_state", connection->qp_state, "strategy", connection->strategy,
			  "changes", (json_int_t)connection->changes, "path_lost", connection->path_lost));
}

static void append_path(void *ctx, const struct hf_host_path *path)
{
	struct list *list = ctx;

	json_array_append_new(list->array, json_pack("{s:s, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b}",
						     "port", list->id, "dgid", json_gid(path->dgid),
						     "slid", path->slid, "dlid", path->dlid, "sl", path->sl,
						     "mtu", path->mtu, "rate", path->rate, "pkt_life", path->pkt_life,
						     "pkey", path->pkey, "reachable", path->reachable));
}

static void append_connections(void *ctx, const char *id, const struct hf_host *host)
{
	struct list list = { ctx, id };

	hf_host_for_each_connection(host, append_connection, &list);
}

static void append_paths(void *ctx, const char *id, const struct hf_host *host)
{
	struct list list = { ctx, id };

	hf_host_for_each_path(host, append_path, &list);
}

static const struct {
	const char *what;
	void (*append)(void *array, const char *id, const struct hf_host *host);
} requests[] = {
	{ "status", append_status },
	{ "connections", append_connections },
	{ "paths", append_paths },
};

static json_t *answer_get(const struct holdfastd_control *control, const char *what)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		json_t *array;

		if (strcmp(what, requests[i].what))
			continue;
		array = json_array();
		holdfastd_ports_for_each(control->ports, requests[i].append, array);
		return json_pack("{s:o}", what, array);
	}
	return json_pack("{s:s}", "error", "get: status, connections or paths");
}

/* An answer to a line of a client; NULL where it is no request at all. */
static json_t *answer_line(const struct holdfastd_control *control, const char *line, size_t len)
{
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *what = json_string_value(json_object_get(request, "get"));
	json_t *answer = NULL;

	if (what)
		answer = answer_get(control, what);
	else if (json_is_object(request))
		answer = json_pack("{s:s}", "error", "a request is {\"get\": \"status\"} or the like");
	json_decref(request);
	return answer;
}

static void drop_client(struct client *client)
{
	struct holdfastd_control *control = client->control;

	DL_DELETE(control->clients, client);
	control->client_count--;
	bufferevent_free(client->buffers);
	free(client);
}

/* Nothing that the client sends from here on is looked at. */
static void end_input(struct client *client)
{
	client->has_ended = true;
	bufferevent_disable(client->buffers, EV_READ);
}

/* Takes @answer. A client that cannot be answered for want of memory is gone afterwards. */
static void send_answer(struct client *client, json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);

	json_decref(answer);
	if (!text || bufferevent_write(client->buffers, text, strlen(text)) ||
	    bufferevent_write(client->buffers, "\n", 1))
		drop_client(client);
	free(text);
}

static void refuse(struct client *client, const char *why)
{
	struct evbuffer *input = bufferevent_get_input(client->buffers);

	end_input(client);
	evbuffer_drain(input, evbuffer_get_length(input));
	send_answer(client, json_pack("{s:s}", "error", why));
}

static void answer_request(struct client *client, const char *line, size_t len)
{
	json_t *answer = answer_line(client->control, line, len);

	if (answer)
		send_answer(client, answer);
	else
		refuse(client, "a request is one JSON object on one line");
}

/* One request at a time: the next is looked at when the answer has gone out. The client may be gone afterwards. */
static void take_request(struct client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->buffers);
	size_t len;
	char *line;

	if (evbuffer_get_length(bufferevent_get_output(client->buffers)) > 0)
		return;
	line = evbuffer_readln(input, &len, EVBUFFER_EOL_LF);
	if (line)
		answer_request(client, line, len);
	else if (client->has_ended)
		drop_client(client);
	else if (evbuffer_get_length(input) >= REQUEST_MAX_BYTES)
		refuse(client, "the request is too long");
	free(line);
}

static void on_read(struct bufferevent *buffers, void *ctx)
{
	(void)buffers;
	take_request(ctx);
}

static void on_written(struct bufferevent *buffers, void *ctx)
{
	(void)buffers;
	take_request(ctx);
}

/* A client that has shut down its side still gets its answers. */
static void on_end(struct bufferevent *buffers, short events, void *ctx)
{
	struct client *client = ctx;

	(void)buffers;
	if (events & BEV_EVENT_EOF && events & BEV_EVENT_READING) {
		end_input(client);
		take_request(client);
		return;
	}
	if (events & BEV_EVENT_TIMEOUT)
		hf_log(HF_LOG_WARN, "control socket: a client that does not %s was cut off",
		       events & BEV_EVENT_WRITING ? "read its answer" : "ask");
	drop_client(client);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int address_len,
		      void *ctx)
{
	const struct timeval idle = { .tv_sec = IDLE_S }, stuck = { .tv_sec = STUCK_S };
	struct holdfastd_control *control = ctx;
	struct client *client = NULL;

	(void)listener;
	(void)address;
	(void)address_len;
	if (control->client_count < CLIENTS_MAX)
		client = calloc(1, sizeof(*client));
	if (!client)
		goto err_close_fd;
	client->control = control;
	client->buffers = bufferevent_socket_new(control->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!client->buffers)
		goto err_free_client;
	DL_APPEND(control->clients, client);
	control->client_count++;
	bufferevent_setcb(client->buffers, on_read, on_written, on_end, client);
	bufferevent_setwatermark(client->buffers, EV_READ, 0, REQUEST_MAX_BYTES);
	bufferevent_set_timeouts(client->buffers, &idle, &stuck);
	bufferevent_enable(client->buffers, EV_READ | EV_WRITE);
	return;

err_free_client:
	free(client);
err_close_fd:
	evutil_closesocket(fd);
}

/* Whether a socket file is there that nobody listens on. */
static bool is_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_refused;

	if (fd < 0)
		return false;
	is_refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) && errno == ECONNREFUSED;
	close(fd);
	return is_refused;
}

/* The owner alone may ask: umask holds from bind() on, so there is no moment when others could. */
static int bind_socket(int fd, const struct sockaddr_un *address)
{
	mode_t old = umask(0177);
	int err = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;

	if (err == -EADDRINUSE && is_stale(address) && !unlink(address->sun_path))
		err = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;
	umask(old);
	return err;
}

/* Return: the socket, or negative errno. */
static int open_socket(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = bind_socket(fd, address);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

int holdfastd_control_new(struct event_base *base, const char *path, const struct holdfastd_ports *ports,
			  struct holdfastd_control **ret_control)
{
	struct holdfastd_control *control;
	int err, fd;

	if (strlen(path) >= sizeof(control->address.sun_path))
		return -ENAMETOOLONG;
	control = calloc(1, sizeof(*control));
	if (!control)
		return -ENOMEM;
	control->base = base;
	control->ports = ports;
	control->address.sun_family = AF_UNIX;
	strcpy(control->address.sun_path, path);
	fd = open_socket(&control->address);
	if (fd < 0) {
		err = fd;
		goto err_free_control;
	}
	control->listener = evconnlistener_new(base, on_accept, control, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
					       CLIENTS_MAX, fd);
	if (!control->listener) {
		err = -ENOMEM;
		goto err_unlink;
	}
	*ret_control = control;
	return 0;

err_unlink:
	close(fd);
	unlink(path);
err_free_control:
	free(control);
	return err;
}

void holdfastd_control_free(struct holdfastd_control *control)
{
	if (!control)
		return;
	while (control->clients)
		drop_client(control->clients);
	evconnlistener_free(control->listener);
	unlink(control->address.sun_path);
	free(control);
}
