/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/session.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <utlist.h>

#include "lib/log.h"
#include "lib/qp_state.h"
#include "lib/verbs/move.h"
#include "lib/verbs/own_fd.h"
#include "lib/verbs/queue_pair.h"
#include "lib/verbs/settings.h"

#define NS_PER_S	UINT64_C(1000000000)
#define NEVER		UINT64_MAX
#define RETRY_NS_MIN	UINT64_C(100000000)
#define RETRY_NS_MAX	UINT64_C(5000000000)
#define WELCOME_NS	UINT64_C(5000000000)	/* for holdfastd to answer */
#define SETTLING_NS	UINT64_C(2000000000)	/* who is in RTR for so long will stay there */
#define RECEIVE_MAX	64			/* messages, until moves are looked at again */

enum session_state {
	SESSION_NONE,
	SESSION_GREETING,	/* HELLO was sent */
	SESSION_OPEN,
};

/* A message that did not go out at once. */
struct outgoing {
	struct hf_program_message message;
	struct outgoing *prev, *next;
};

/* What threads of the program share with the session's. A leaf among the locks. */
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_running;
static struct hf_own_fd bell_out = HF_OWN_FD_NONE, bell_in = HF_OWN_FD_NONE;
static atomic_uint session_number;

/* The session thread's. */
static struct {
	enum session_state state;
	struct hf_own_fd socket;
	uint64_t retry_ns;		/* when to look for holdfastd again; the end of its time to answer HELLO */
	uint64_t backoff_ns;
	struct outgoing *outbox;
	struct hf_queue_pair *moving;
} session = { .socket = HF_OWN_FD_NONE, .backoff_ns = RETRY_NS_MIN };

uint64_t hf_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

unsigned int hf_session_number(void)
{
	return atomic_load(&session_number);
}

/* --------------------------------------------------------------------------------- to holdfastd ---- */

static void close_session(const char *why)
{
	struct outgoing *out, *next;

	if (session.state == SESSION_OPEN)
		hf_log(HF_LOG_INFO, "session with holdfastd ended: %s", why);
	hf_own_fd_close(&session.socket);
	DL_FOREACH_SAFE(session.outbox, out, next)
		free(out);
	session.outbox = NULL;
	session.state = SESSION_NONE;
	session.retry_ns = hf_clock_ns() + session.backoff_ns;
	session.backoff_ns = session.backoff_ns * 2 < RETRY_NS_MAX ? session.backoff_ns * 2 : RETRY_NS_MAX;
	atomic_fetch_add(&session_number, 1);
}

/* Return: 0; -EAGAIN: holdfastd is slow; other -errno: the session has ended. */
static int put(const struct hf_program_message *message)
{
	if (!hf_own_fd_is_good(&session.socket)) {
		close_session("the program has closed it");
		return -ENOTCONN;
	}
	if (send(session.socket.fd, message, sizeof(*message), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(*message))
		return 0;
	if (errno == EAGAIN || errno == EINTR)
		return -EAGAIN;
	close_session(strerror(errno));
	return -ENOTCONN;
}

/* What must arrive, in its order. */
static void say(const struct hf_program_message *message)
{
	struct outgoing *out;

	if (session.state == SESSION_NONE || (!session.outbox && put(message) != -EAGAIN))
		return;
	out = malloc(sizeof(*out));
	if (!out) {
		close_session("no memory");
		return;
	}
	out->message = *message;
	DL_APPEND(session.outbox, out);
}

static void flush(void)
{
	while (session.outbox) {
		struct outgoing *out = session.outbox;

		if (put(&out->message) < 0)
			return;
		DL_DELETE(session.outbox, out);
		free(out);
	}
}

static void init_message(struct hf_program_message *message, enum hf_program_kind kind, const struct hf_queue_pair *qp)
{
	hf_program_message_init(message, kind, qp->qpn);
	message->adapter = qp->number;
}

int hf_session_send_peer(struct hf_queue_pair *qp, const void *data, size_t length)
{
	struct hf_program_message message;

	if (session.state != SESSION_OPEN || !qp->is_told)
		return -ENOTCONN;
	if (session.outbox)
		return -EAGAIN;
	init_message(&message, HF_PROGRAM_PEER, qp);
	message.peer.length = length;
	memcpy(message.peer.data, data, length);
	return put(&message);
}

/* ----------------------------------------------------------------------------- what is told ---- */

static void say_answer_locked(struct hf_queue_pair *qp)
{
	struct hf_program_message message;

	if (qp->answer.move_id && qp->answer_session == hf_session_number()) {
		init_message(&message, HF_PROGRAM_MOVED, qp);
		message.moved = qp->answer;
		say(&message);
	}
	qp->answer.move_id = 0;
}

static void say_add_locked(struct hf_queue_pair *qp)
{
	struct hf_program_message message;
	int err;

	init_message(&message, HF_PROGRAM_ADD, qp);
	memcpy(message.add.device, qp->verbs->device, sizeof(message.add.device));
	message.add.port_num = qp->attr.port_num;
	message.add.qp_type = qp->init.qp_type == IBV_QPT_UC ? HF_QP_UC : HF_QP_RC;
	message.add.dest_qpn = qp->attr.dest_qp_num;
	err = hf_queue_pair_path_locked(qp, &message.add.path);
	if (!err)
		err = hf_program_check(&message, sizeof(message), HF_PROGRAM_FROM_PROGRAM);
	if (err) {
		hf_log(HF_LOG_WARN, "QPN 0x%x at %s: its path cannot be told, not moved: %s", qp->qpn,
		       qp->verbs->device, strerror(-err));
		return;
	}
	message.add.moved = qp->passive;
	qp->passive = (struct hf_program_done){ .strategy = HF_PROGRAM_STRATEGY_NONE };
	say(&message);
	qp->is_told = true;
}

static void say_remove(struct hf_queue_pair *qp)
{
	struct hf_program_message message;

	init_message(&message, HF_PROGRAM_REMOVE, qp);
	say(&message);
	qp->is_told = false;
}

static void watch_locked(struct hf_queue_pair *qp)
{
	if (qp->is_moving)
		return;
	qp->is_moving = true;
	hf_queue_pair_ref(qp);
	DL_APPEND2(session.moving, qp, moving_prev, moving_next);
}

/* On its way to RTS a queue pair is in RTR, too, and a move would stand in the program's way. */
static bool is_settling_locked(struct hf_queue_pair *qp)
{
	if (qp->state != IBV_QPS_RTR || qp->is_told || hf_clock_ns() >= qp->rtr_ns + SETTLING_NS)
		return false;
	qp->settles_ns = qp->rtr_ns + SETTLING_NS;
	watch_locked(qp);
	return true;
}

static void tell_locked(struct hf_queue_pair *qp)
{
	bool is_connected = hf_queue_pair_is_connected_locked(qp);

	if (is_connected && is_settling_locked(qp))
		return;

	/* An order that came meanwhile has found it moved, and is answered so: first, by whom. */
	if (is_connected && qp->is_told && qp->passive.strategy != HF_PROGRAM_STRATEGY_NONE) {
		say_add_locked(qp);
		qp->is_changed = false;
	}
	say_answer_locked(qp);
	if (is_connected && (qp->is_changed || !qp->is_told))
		say_add_locked(qp);
	else if (!is_connected && qp->is_told)
		say_remove(qp);
	qp->is_changed = false;
}

/* While there is no session nothing is told, and all at the beginning of the next. */
static void tell(void)
{
	struct hf_queue_pair *qp;

	while (!session.outbox && (qp = hf_queue_pair_next_to_tell())) {
		if (session.state == SESSION_OPEN) {
			pthread_mutex_lock(&qp->lock);
			tell_locked(qp);
			pthread_mutex_unlock(&qp->lock);
		}
		hf_queue_pair_unref(qp);
	}
}

/* ------------------------------------------------------------------------- from holdfastd ---- */

static void greet(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct hf_program_message hello;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0)
		session.socket = hf_own_fd_of(fd);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", hf_verbs_settings()->socket);
	if (session.socket.fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close_session("");
		return;
	}
	session.state = SESSION_GREETING;
	session.retry_ns = hf_clock_ns() + WELCOME_NS;
	hf_program_message_init(&hello, HF_PROGRAM_HELLO, 0);
	hello.hello.version = HF_PROGRAM_VERSION;
	snprintf(hello.hello.name, sizeof(hello.hello.name), "%s", program_invocation_short_name);
	say(&hello);
}

static void begin_session(void)
{
	session.state = SESSION_OPEN;
	session.backoff_ns = RETRY_NS_MIN;
	hf_log(HF_LOG_INFO, "session with holdfastd at %s", hf_verbs_settings()->socket);
	hf_queue_pair_tell_all();
}

static void take_for_queue_pair(const struct hf_program_message *message)
{
	struct hf_queue_pair *qp = hf_queue_pair_find(message->adapter, message->qpn);

	/* One that has gone meanwhile: it is being told. */
	if (!qp)
		return;
	pthread_mutex_lock(&qp->lock);
	if (message->kind == HF_PROGRAM_MOVE)
		hf_move_begin_locked(qp, &message->move, hf_clock_ns());
	else
		hf_move_peer_locked(qp, &message->peer, hf_clock_ns());
	if (hf_move_is_under_way_locked(qp))
		watch_locked(qp);
	pthread_mutex_unlock(&qp->lock);
	hf_queue_pair_unref(qp);
}

static void take(const struct hf_program_message *message, size_t length)
{
	bool is_welcome;

	if (hf_program_check(message, length, HF_PROGRAM_FROM_DAEMON) < 0) {
		close_session("it said what is no message");
		return;
	}
	is_welcome = message->kind == HF_PROGRAM_WELCOME;
	if (is_welcome != (session.state == SESSION_GREETING))
		close_session("it spoke out of turn");
	else if (is_welcome)
		begin_session();
	else
		take_for_queue_pair(message);
}

/* Return: there may be more. */
static bool receive(void)
{
	struct hf_program_message message;
	ssize_t length;

	if (session.state == SESSION_NONE)
		return false;
	if (!hf_own_fd_is_good(&session.socket)) {
		close_session("the program has closed it");
		return false;
	}
	length = recv(session.socket.fd, &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length <= 0)
		close_session(length ? strerror(errno) : "it has closed it");
	else
		take(&message, length);
	return true;
}

/* ------------------------------------------------------------------------------ the thread ---- */

/* Return: when it is due next; NEVER where it need not be stepped any more. */
static uint64_t step_locked(struct hf_queue_pair *qp)
{
	uint64_t now_ns = hf_clock_ns(), due_ns;

	hf_move_step_locked(qp, now_ns);
	if (qp->settles_ns && now_ns >= qp->settles_ns) {
		qp->settles_ns = 0;
		hf_session_tell(qp);
	}
	due_ns = hf_move_is_under_way_locked(qp) ? hf_move_due_ns_locked(qp, now_ns) : NEVER;
	return qp->settles_ns && qp->settles_ns < due_ns ? qp->settles_ns : due_ns;
}

/* Return: when the next is due. */
static uint64_t step_moves(void)
{
	struct hf_queue_pair *qp, *next;
	uint64_t due_ns = NEVER;

	DL_FOREACH_SAFE2(session.moving, qp, next, moving_next) {
		uint64_t its_due_ns;

		pthread_mutex_lock(&qp->lock);
		its_due_ns = step_locked(qp);
		pthread_mutex_unlock(&qp->lock);
		if (its_due_ns < due_ns)
			due_ns = its_due_ns;
		if (its_due_ns != NEVER)
			continue;
		DL_DELETE2(session.moving, qp, moving_prev, moving_next);
		qp->is_moving = false;
		hf_queue_pair_unref(qp);
	}
	return due_ns;
}

/*
 * Makes the descriptors by which the thread is woken, where they are not there, or the program has closed them. A
 * thread that waits at the old ones sees that the other end is closed.
 */
static bool has_bell_locked(void)
{
	int ends[2];

	if (hf_own_fd_is_good(&bell_out) && hf_own_fd_is_good(&bell_in))
		return true;
	hf_own_fd_close(&bell_out);
	hf_own_fd_close(&bell_in);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return false;
	bell_out = hf_own_fd_of(ends[0]);
	bell_in = hf_own_fd_of(ends[1]);
	return true;
}

static int bell(void)
{
	int fd;

	pthread_mutex_lock(&start_lock);
	fd = has_bell_locked() ? bell_in.fd : -1;
	pthread_mutex_unlock(&start_lock);
	return fd;
}

/* Until something comes in, can go out, is to be told or is due. Without descriptors for a bell: not long. */
static void wait_until(uint64_t due_ns)
{
	struct pollfd fds[] = {
		{ .fd = bell(), .events = POLLIN },
		{ .fd = session.socket.fd, .events = session.outbox ? POLLIN | POLLOUT : POLLIN },
	};
	uint64_t now_ns = hf_clock_ns(), span_ns = due_ns > now_ns ? due_ns - now_ns : 0;
	struct timespec span;
	char bytes[64];

	if (fds[0].fd < 0 && span_ns > RETRY_NS_MIN)
		span_ns = RETRY_NS_MIN;
	span = (struct timespec){ .tv_sec = span_ns / NS_PER_S, .tv_nsec = span_ns % NS_PER_S };
	ppoll(fds, 2, span_ns > NEVER / 2 ? NULL : &span, NULL);
	if (fds[0].revents & POLLIN)
		while (recv(fds[0].fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
			;
}

static void *run(void *unused)
{
	pthread_setname_np(pthread_self(), "holdfast");
	for (;;) {
		uint64_t due_ns;

		if (session.state != SESSION_OPEN && hf_clock_ns() >= session.retry_ns) {
			if (session.state == SESSION_GREETING)
				close_session("");
			else
				greet();
		}
		for (int i = 0; i < RECEIVE_MAX && receive(); i++)
			;
		flush();
		tell();
		due_ns = step_moves();
		if (session.state != SESSION_OPEN && session.retry_ns < due_ns)
			due_ns = session.retry_ns;
		wait_until(due_ns);
	}
	return unused;
}

/* The program's signals are for its own threads. */
static bool start(void)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int err;

	if (pthread_attr_init(&attr) != 0)
		return false;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attr, run, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return err == 0;
}

void hf_session_wake(void)
{
	int error = errno;

	pthread_mutex_lock(&start_lock);
	if (!is_running)
		is_running = start();
	/* Where the bell is full it has been rung. */
	if (has_bell_locked())
		send(bell_out.fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	pthread_mutex_unlock(&start_lock);
	errno = error;
}

void hf_session_tell(struct hf_queue_pair *qp)
{
	hf_queue_pair_tell(qp);
	hf_session_wake();
}

void hf_session_fork_prepare(void)
{
	pthread_mutex_lock(&start_lock);
}

void hf_session_fork_parent(void)
{
	pthread_mutex_unlock(&start_lock);
}

/* Its copies of the descriptors would keep the parent's session open. */
void hf_session_fork_child(void)
{
	hf_own_fd_close(&session.socket);
	hf_own_fd_close(&bell_out);
	hf_own_fd_close(&bell_in);
	session.state = SESSION_NONE;
	session.retry_ns = 0;
	session.backoff_ns = RETRY_NS_MIN;
	session.outbox = NULL;
	session.moving = NULL;
	is_running = false;
	pthread_mutex_init(&start_lock, NULL);
}
