/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/program_server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include <event2/listener.h>

#include "lib/local_socket.h"
#include "lib/log.h"

#define SESSIONS_MAX		512
#define QPS_MAX			4096
#define PATIENCE_MS		15000
#define BACKLOG			64
#define SEND_BYTES		(32 * 1024)	/* that the kernel keeps for a program */
#define MESSAGES_AT_A_TIME	32

struct hf_program_session {
	struct hf_program_server *server;
	int fd;
	struct hf_program_who who;
	struct event *readable;
	struct event *writable;		/* pending while there is something to send, or it did not read */
	struct event *overdue;		/* pending while it owes an answer */
	struct hf_program_qp *qps;
	struct hf_program_qp *sending;
	unsigned int awaited;		/* moves that it has not answered */
	bool is_greeted, has_complained;
	struct hf_program_session *prev, *next;
};

struct hf_program_server {
	struct event_base *base;
	struct evconnlistener *listener;
	const struct hf_program_server_ops *ops;
	void *ctx;
	struct hf_program_server_config config;
	bool has_group;
	gid_t group;
	struct hf_program_session *sessions;
	unsigned int session_count, greeted_count;
	struct hf_program_qp *by_key;
	uint32_t last_move_id;
	struct sockaddr_un address;
};

void hf_program_server_config_init(struct hf_program_server_config *config)
{
	*config = (struct hf_program_server_config){
		.sessions_max = SESSIONS_MAX, .qps_max = QPS_MAX, .patience_ms = PATIENCE_MS,
	};
}

static struct timeval patience(const struct hf_program_session *session)
{
	unsigned int ms = session->server->config.patience_ms;

	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

/* Queue pairs */

static void end_wait(struct hf_program_qp *qp)
{
	if (!qp->is_awaited)
		return;
	qp->is_awaited = false;
	qp->session->awaited--;
}

static void remove_qp(struct hf_program_qp *qp)
{
	struct hf_program_session *session = qp->session;
	struct hf_program_server *server = session->server;

	server->ops->removed(server->ctx, qp);
	end_wait(qp);
	if (qp->is_sending)
		DL_DELETE(session->sending, qp);
	HASH_DEL(session->qps, qp);
	HASH_DELETE(hh_key, server->by_key, qp);
	free(qp);
}

static struct hf_program_qp *find_qp(const struct hf_program_session *session, const struct hf_program_message *message)
{
	const uint32_t own_key[2] = { message->adapter, message->qpn };
	struct hf_program_qp *qp;

	HASH_FIND(hh, session->qps, own_key, sizeof(own_key), qp);
	return qp;
}

static struct hf_program_qp *find_key(const struct hf_program_server *server, const struct hf_program_qp_key *key)
{
	struct hf_program_qp *qp;

	HASH_FIND(hh_key, server->by_key, key, sizeof(*key), qp);
	return qp;
}

static struct hf_program_qp_key key_of(const struct hf_program_message *message)
{
	struct hf_program_qp_key key = { .qpn = message->qpn };

	memcpy(key.device, message->add.device, strlen(message->add.device));
	return key;
}

/* Return: NULL without memory. */
static struct hf_program_qp *create_qp(struct hf_program_session *session, const struct hf_program_message *message)
{
	struct hf_program_server *server = session->server;
	struct hf_program_qp *qp = calloc(1, sizeof(*qp));

	if (!qp)
		return NULL;
	qp->session = session;
	qp->who = &session->who;
	qp->key = key_of(message);
	qp->own_key[0] = message->adapter;
	qp->own_key[1] = message->qpn;
	HASH_ADD(hh, session->qps, own_key, sizeof(qp->own_key), qp);
	if (qp->not_added)
		goto err_free_qp;
	HASH_ADD(hh_key, server->by_key, key, sizeof(qp->key), qp);
	if (qp->not_added)
		goto err_remove_qp;
	return qp;

err_remove_qp:
	HASH_DEL(session->qps, qp);
err_free_qp:
	free(qp);
	return NULL;
}

/* Sessions */

static void drop_session(struct hf_program_session *session)
{
	struct hf_program_server *server = session->server;
	struct hf_program_qp *qp, *next;

	HASH_ITER(hh, session->qps, qp, next)
		remove_qp(qp);
	DL_DELETE(server->sessions, session);
	server->session_count--;
	server->greeted_count -= session->is_greeted;
	event_free(session->readable);
	event_free(session->writable);
	event_free(session->overdue);
	close(session->fd);
	free(session);
}

static void cut_off(struct hf_program_session *session, const char *why)
{
	hf_log(HF_LOG_WARN, "program \"%s\" (pid %d) %s: cut off", session->who.name, session->who.pid, why);
	drop_session(session);
}

/* One line a session. */
static void complain(struct hf_program_session *session, const struct hf_program_qp_key *key, const char *why)
{
	if (!session->has_complained)
		hf_log(HF_LOG_WARN, "program \"%s\" (pid %d): %s QPN 0x%x is left alone: %s", session->who.name,
		       session->who.pid, key->device, key->qpn, why);
	session->has_complained = true;
}

/* Starts anew how long it may take until the next answer. */
static void watch_answers(struct hf_program_session *session)
{
	struct timeval limit = patience(session);

	if (session->awaited > 0)
		event_add(session->overdue, &limit);
	else
		event_del(session->overdue);
}

static void await_writable(struct hf_program_session *session)
{
	struct timeval limit = patience(session);

	if (!event_pending(session->writable, EV_WRITE, NULL))
		event_add(session->writable, &limit);
}

/* Return: 0; -EAGAIN where the program has not read what came before; other -errno. */
static int send_message(struct hf_program_session *session, const struct hf_program_message *message)
{
	if (send(session->fd, message, sizeof(*message), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS ? -EAGAIN : -errno;
}

static void init_message(struct hf_program_message *message, enum hf_program_kind kind, const struct hf_program_qp *qp)
{
	hf_program_message_init(message, kind, qp->own_key[1]);
	message->adapter = qp->own_key[0];
}

static int send_move(struct hf_program_qp *qp)
{
	struct hf_program_server *server = qp->session->server;
	struct hf_program_message message;
	uint32_t move_id = server->last_move_id + 1;
	int err;

	move_id += !move_id;
	init_message(&message, HF_PROGRAM_MOVE, qp);
	message.move.move_id = move_id;
	message.move.path = qp->move_path;
	err = send_message(qp->session, &message);
	if (err)
		return err;
	qp->move_id = server->last_move_id = move_id;
	qp->is_awaited = true;
	qp->session->awaited++;
	return 0;
}

static void on_writable(evutil_socket_t fd, short events, void *ctx)
{
	struct hf_program_session *session = ctx;
	struct hf_program_qp *qp, *next;
	bool was_awaited = session->awaited > 0;
	int err = 0;

	(void)fd;
	if (events & EV_TIMEOUT) {
		cut_off(session, "does not read");
		return;
	}
	DL_FOREACH_SAFE(session->sending, qp, next) {
		err = send_move(qp);
		if (err)
			break;
		qp->is_sending = false;
		DL_DELETE(session->sending, qp);
	}
	if (err == -EAGAIN)
		await_writable(session);
	if (!was_awaited)
		watch_answers(session);
	/* Any other error is the program's end, which is read. */
}

static void on_overdue(evutil_socket_t fd, short events, void *ctx)
{
	struct hf_program_session *session = ctx;

	(void)fd;
	(void)events;
	cut_off(session, session->is_greeted ? "does not answer" : "says nothing");
}

/* What programs say */

static int take_hello(struct hf_program_session *session, const struct hf_program_message *message)
{
	struct hf_program_message welcome;

	if (session->is_greeted)
		return -EPROTO;
	snprintf(session->who.name, sizeof(session->who.name), "%s", message->hello.name);
	for (char *c = session->who.name; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
			*c = '?';
	session->is_greeted = true;
	session->server->greeted_count++;
	watch_answers(session);
	hf_program_message_init(&welcome, HF_PROGRAM_WELCOME, 0);
	welcome.welcome.version = HF_PROGRAM_VERSION;
	return send_message(session, &welcome);
}

/* A program that has ended may still be there, while the next one has got its queue pair's number. */
static bool is_taken(struct hf_program_session *session, const struct hf_program_qp_key *key)
{
	struct hf_program_qp *qp = find_key(session->server, key);
	struct pollfd poll_fd = { .events = POLLRDHUP };

	if (!qp)
		return false;
	poll_fd.fd = qp->session->fd;
	if (qp->session == session || poll(&poll_fd, 1, 0) < 1)
		return true;
	drop_session(qp->session);
	return false;
}

static bool is_same_connection(const struct hf_program_add *a, const struct hf_program_add *b)
{
	static const union hf_gid none;
	bool has_gid = memcmp(a->path.dgid.raw, none.raw, sizeof(none.raw));

	return !strcmp(a->device, b->device) && a->port_num == b->port_num && a->qp_type == b->qp_type &&
	       a->dest_qpn == b->dest_qpn && !memcmp(a->path.dgid.raw, b->path.dgid.raw, sizeof(a->path.dgid.raw)) &&
	       (has_gid || a->path.dlid == b->path.dlid);
}

static int take_add(struct hf_program_session *session, const struct hf_program_message *message)
{
	struct hf_program_server *server = session->server;
	struct hf_program_qp *qp = find_qp(session, message);
	const struct hf_program_qp_key key = key_of(message);

	if (qp && !is_same_connection(&qp->add, &message->add)) {
		remove_qp(qp);
		watch_answers(session);
		qp = NULL;
	}
	if (!qp) {
		if (is_taken(session, &key)) {
			complain(session, &key, "another one has this number");
			return 0;
		}
		if (HASH_COUNT(session->qps) >= server->config.qps_max) {
			complain(session, &key, "the program has too many");
			return 0;
		}
		qp = create_qp(session, message);
		if (!qp)
			return -ENOMEM;
	}
	qp->add = message->add;
	server->ops->added(server->ctx, qp);
	return 0;
}

static int take_moved(struct hf_program_session *session, struct hf_program_qp *qp,
		      const struct hf_program_moved *moved)
{
	/* One that is too late: the queue pair was removed and added since. */
	if (!qp->is_awaited || qp->move_id != moved->move_id)
		return 0;
	end_wait(qp);
	watch_answers(session);
	session->server->ops->moved(session->server->ctx, qp, moved);
	return 0;
}

/* What is said of a queue pair that was not taken is not looked at. Return: 0; -errno ends the session. */
static int take_message(struct hf_program_session *session, const struct hf_program_message *message, size_t length)
{
	struct hf_program_server *server = session->server;
	int err = hf_program_check(message, length, HF_PROGRAM_FROM_PROGRAM);
	struct hf_program_qp *qp;

	if (err)
		return err;
	if (!session->is_greeted && message->kind != HF_PROGRAM_HELLO)
		return -EPROTO;
	qp = find_qp(session, message);
	switch ((enum hf_program_kind)message->kind) {
	case HF_PROGRAM_HELLO:
		return take_hello(session, message);
	case HF_PROGRAM_ADD:
		return take_add(session, message);
	case HF_PROGRAM_REMOVE:
		if (qp)
			remove_qp(qp);
		watch_answers(session);
		return 0;
	case HF_PROGRAM_MOVED:
		return qp ? take_moved(session, qp, &message->moved) : 0;
	case HF_PROGRAM_PEER:
		if (qp)
			server->ops->peer(server->ctx, qp, message->peer.data, message->peer.length);
		return 0;
	case HF_PROGRAM_WELCOME:
	case HF_PROGRAM_MOVE:
	case HF_PROGRAM_KINDS:
		break;
	}
	return -EPROTO;
}

static void end_badly(struct hf_program_session *session, int err)
{
	if (err == -EPROTONOSUPPORT)
		cut_off(session, "speaks another version of the protocol");
	else if (err == -EBADMSG || err == -EPROTO)
		cut_off(session, "does not keep to the protocol");
	else
		cut_off(session, strerror(-err));
}

static void on_readable(evutil_socket_t fd, short events, void *ctx)
{
	struct hf_program_session *session = ctx;
	struct hf_program_message message;

	(void)events;
	for (int i = 0; i < MESSAGES_AT_A_TIME; i++) {
		ssize_t length = recv(fd, &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);
		int err;

		if (length < 0 && (errno == EWOULDBLOCK || errno == EINTR))
			return;
		if (length <= 0) {
			drop_session(session);
			return;
		}
		err = take_message(session, &message, length);
		if (err) {
			end_badly(session, err);
			return;
		}
	}
}

/* To programs */

void hf_program_qp_move(struct hf_program_qp *qp, const struct hf_program_path *path)
{
	struct hf_program_session *session = qp->session;

	end_wait(qp);
	qp->move_path = *path;
	if (!qp->is_sending) {
		qp->is_sending = true;
		DL_APPEND(session->sending, qp);
	}
	await_writable(session);
}

void hf_program_qp_peer(struct hf_program_qp *qp, const struct hf_program_path *path, const uint8_t *data,
			size_t length)
{
	struct hf_program_message message;

	if (length > sizeof(message.peer.data))
		return;
	init_message(&message, HF_PROGRAM_PEER, qp);
	message.peer.length = length;
	memcpy(message.peer.data, data, length);
	message.peer.path = *path;
	if (send_message(qp->session, &message) == -EAGAIN)
		await_writable(qp->session);
}

/* Who comes */

static bool may_connect(const struct hf_program_server *server, const struct hf_local_peer *peer)
{
	return !server->has_group || !peer->uid || peer->uid == geteuid() ||
	       hf_local_peer_is_in_group(peer, server->group);
}

static int make_events(struct hf_program_session *session)
{
	struct event_base *base = session->server->base;
	struct timeval limit = patience(session);

	session->readable = event_new(base, session->fd, EV_READ | EV_PERSIST, on_readable, session);
	session->writable = event_new(base, session->fd, EV_WRITE, on_writable, session);
	session->overdue = evtimer_new(base, on_overdue, session);
	if (!session->readable || !session->writable || !session->overdue)
		return -ENOMEM;
	if (event_add(session->readable, NULL) || event_add(session->overdue, &limit))
		return -ENOMEM;
	return 0;
}

static void free_events(struct hf_program_session *session)
{
	struct event *events[] = { session->readable, session->writable, session->overdue };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int address_len,
		      void *ctx)
{
	const int send_bytes = SEND_BYTES;
	struct hf_program_server *server = ctx;
	struct hf_program_session *session;
	struct hf_local_peer peer;

	(void)listener;
	(void)address;
	(void)address_len;
	hf_local_peer_learn(fd, &peer);
	if (!may_connect(server, &peer) || server->session_count >= server->config.sessions_max)
		goto err_close_fd;
	session = calloc(1, sizeof(*session));
	if (!session)
		goto err_close_fd;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes));
	session->server = server;
	session->fd = fd;
	session->who.pid = peer.pid;
	if (make_events(session))
		goto err_free_session;
	DL_APPEND(server->sessions, session);
	server->session_count++;
	return;

err_free_session:
	free_events(session);
	free(session);
err_close_fd:
	evutil_closesocket(fd);
}

/* Start and end */

static int open_socket(struct hf_program_server *server)
{
	int fd = hf_local_socket_open(&server->address, SOCK_SEQPACKET, 0666);

	if (fd < 0)
		return fd;
	server->listener = evconnlistener_new(server->base, on_accept, server,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
	if (server->listener)
		return 0;
	close(fd);
	unlink(server->address.sun_path);
	return -ENOMEM;
}

int hf_program_server_new(struct event_base *base, const struct hf_program_server_config *config,
			  const struct hf_program_server_ops *ops, void *ctx, struct hf_program_server **ret_server)
{
	struct hf_program_server *server;
	int err = 0;

	if (strlen(config->path) >= sizeof(server->address.sun_path))
		return -ENAMETOOLONG;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->base = base;
	server->config = *config;
	server->ops = ops;
	server->ctx = ctx;
	server->address.sun_family = AF_UNIX;
	strcpy(server->address.sun_path, config->path);
	server->has_group = config->group && *config->group;
	if (server->has_group)
		err = hf_local_group_find(config->group, &server->group);
	if (!err)
		err = open_socket(server);
	if (err) {
		free(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

void hf_program_server_free(struct hf_program_server *server)
{
	if (!server)
		return;
	while (server->sessions)
		drop_session(server->sessions);
	evconnlistener_free(server->listener);
	unlink(server->address.sun_path);
	free(server);
}

unsigned int hf_program_server_count(const struct hf_program_server *server)
{
	return server->greeted_count;
}

void hf_program_server_for_each(struct hf_program_server *server, void (*visit)(void *ctx, struct hf_program_qp *qp),
				void *ctx)
{
	for (struct hf_program_qp *qp = server->by_key; qp; qp = qp->hh_key.next)
		visit(ctx, qp);
}
