/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/control.h"

#include <errno.h>
#include <stdbool.h>
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

#include "lib/log.h"

#define CLIENTS_MAX		32
#define REQUEST_MAX_BYTES	4096
#define IDLE_S			60	/* without a request */
#define STUCK_S			10	/* without reading the answer */

struct client {
	struct hf_control *control;
	struct bufferevent *buffers;
	struct hf_local_peer asker;
	bool has_ended;		/* it sends no more: cut off once everything is answered */
	struct client *prev, *next;
};

struct hf_control {
	struct event_base *base;
	struct evconnlistener *listener;
	hf_control_answer_fn answer;
	void *ctx;
	struct client *clients;
	const struct hf_local_peer *asker;	/* while a request is answered */
	unsigned int client_count;
	struct sockaddr_un address;
};

static void drop_client(struct client *client)
{
	struct hf_control *control = client->control;

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

const struct hf_local_peer *hf_control_asker(const struct hf_control *control)
{
	return control->asker;
}

static void answer_request(struct client *client, const char *line, size_t len)
{
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);

	client->control->asker = &client->asker;
	if (json_is_object(request))
		send_answer(client, client->control->answer(client->control->ctx, request));
	else
		refuse(client, "a request is one JSON object on one line");
	json_decref(request);
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
	struct hf_control *control = ctx;
	struct client *client = NULL;

	(void)listener;
	(void)address;
	(void)address_len;
	if (control->client_count < CLIENTS_MAX)
		client = calloc(1, sizeof(*client));
	if (!client)
		goto err_close_fd;
	client->control = control;
	hf_local_peer_learn(fd, &client->asker);
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

int hf_control_new(struct event_base *base, const char *path, hf_control_answer_fn answer, void *ctx,
		   struct hf_control **ret_control)
{
	struct hf_control *control;
	int err, fd;

	if (strlen(path) >= sizeof(control->address.sun_path))
		return -ENAMETOOLONG;
	control = calloc(1, sizeof(*control));
	if (!control)
		return -ENOMEM;
	control->base = base;
	control->answer = answer;
	control->ctx = ctx;
	control->address.sun_family = AF_UNIX;
	strcpy(control->address.sun_path, path);
	/* The owner alone may ask. */
	fd = hf_local_socket_open(&control->address, SOCK_STREAM, 0600);
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

int hf_control_admit_all(struct hf_control *control)
{
	return chmod(control->address.sun_path, 0666) ? -errno : 0;
}

void hf_control_free(struct hf_control *control)
{
	if (!control)
		return;
	while (control->clients)
		drop_client(control->clients);
	evconnlistener_free(control->listener);
	unlink(control->address.sun_path);
	free(control);
}
