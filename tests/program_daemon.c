/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Stands for holdfastd before programs with libholdfast-verbs, without a fabric or a subnet manager behind it: it says
 * on standard output what they say, and orders moves as it is told on standard input.
 *
 *   program_daemon SOCKET
 *
 * Lines that it prints, numbers of queue pairs in decimal:
 *   hello PID NAME | gone PID
 *   add PID QPN dest=QPN device=NAME port=N type=rc|uc dlid=N slid=N sl=N mtu=N rate=N pkey=N
 *   passive PID QPN strategy=NAME lost=N replayed=N paused_us=N	after an add: the other end moved it there
 *   remove PID QPN
 *   moved PID QPN id=N err=N strategy=NAME lost=N replayed=N paused_us=N
 *   peer PID QPN length=N to PID QPN|nobody
 *
 * Commands. CONNECTION is QPN, PID:QPN or all; a path is what the program added, with what is named changed:
 *   move CONNECTION [sl=N] [dlid=N] [slid=N] [mtu=N] [rate=N] [pkey=N] [reachable=N]
 *   path CONNECTION ...    the same as the SM's path, that goes with PEERs to it
 *   lose N [M]             N PEERs are lost, after the next M
 *   close                  ends all sessions; the programs may come again
 *   deaf | hears           does not read what programs say | does again
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/program_wire.h"
#include "lib/qp_state.h"

#define PROGRAM_MAX	64
#define CONNECTION_MAX	4096
#define LINE_BYTES	256
#define BACKLOG		16

struct program {
	int fd;			/* -1: free */
	pid_t pid;
};

struct connection {
	struct program *program; /* NULL: free */
	uint32_t qpn, number, dest_qpn;
	struct hf_program_path path, wanted;
};

static struct program programs[PROGRAM_MAX];
static struct connection connections[CONNECTION_MAX];
static uint32_t next_id = 1;
static unsigned int to_lose, to_pass;
static bool is_deaf;

static void fail(const char *what)
{
	fprintf(stderr, "program_daemon: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void say(struct program *program, const struct hf_program_message *message)
{
	if (send(program->fd, message, sizeof(*message), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		fprintf(stderr, "program_daemon: to %d: %s\n", (int)program->pid, strerror(errno));
}

static struct connection *find(struct program *program, const struct hf_program_message *message)
{
	for (size_t i = 0; i < CONNECTION_MAX; i++)
		if (connections[i].program == program && connections[i].qpn == message->qpn &&
		    connections[i].number == message->adapter)
			return &connections[i];
	return NULL;
}

static struct connection *find_free(void)
{
	for (size_t i = 0; i < CONNECTION_MAX; i++)
		if (!connections[i].program)
			return &connections[i];
	errno = ENOSPC;
	fail("connections");
	return NULL;
}

/* Two adapters may have the same numbers, but none is connected with itself here. */
static struct connection *find_far(const struct connection *near)
{
	for (size_t i = 0; i < CONNECTION_MAX; i++)
		if (connections[i].program && &connections[i] != near && connections[i].qpn == near->dest_qpn &&
		    connections[i].dest_qpn == near->qpn)
			return &connections[i];
	return NULL;
}

static void end(struct program *program)
{
	printf("gone %d\n", (int)program->pid);
	for (size_t i = 0; i < CONNECTION_MAX; i++)
		if (connections[i].program == program)
			connections[i].program = NULL;
	close(program->fd);
	program->fd = -1;
}

/* --------------------------------------------------------------------------- what programs say ---- */

static void welcome(struct program *program, const struct hf_program_message *message)
{
	struct hf_program_message answer;

	printf("hello %d %s\n", (int)program->pid, message->hello.name);
	hf_program_message_init(&answer, HF_PROGRAM_WELCOME, 0);
	answer.welcome.version = HF_PROGRAM_VERSION;
	say(program, &answer);
}

static void add(struct program *program, const struct hf_program_message *message)
{
	const struct hf_program_add *added = &message->add;
	const struct hf_program_path *path = &added->path;
	struct connection *connection = find(program, message);

	if (!connection)
		connection = find_free();
	*connection = (struct connection){
		.program = program, .qpn = message->qpn, .number = message->adapter, .dest_qpn = added->dest_qpn,
		.path = *path, .wanted = *path,
	};
	printf("add %d %u dest=%u device=%s port=%u type=%s dlid=%u slid=%u sl=%u mtu=%u rate=%u pkey=%u\n",
	       (int)program->pid, message->qpn, added->dest_qpn, added->device, added->port_num,
	       added->qp_type == HF_QP_UC ? "uc" : "rc", path->dlid, path->slid, path->sl, path->mtu, path->rate,
	       path->pkey);
	if (added->moved.strategy != HF_PROGRAM_STRATEGY_NONE)
		printf("passive %d %u strategy=%s lost=%u replayed=%u paused_us=%" PRIu64 "\n", (int)program->pid,
		       message->qpn, hf_program_strategy_names[added->moved.strategy], added->moved.lost,
		       added->moved.replayed, added->moved.paused_ns / 1000);
}

static void moved(struct program *program, const struct hf_program_message *message)
{
	const struct hf_program_moved *moved = &message->moved;
	struct connection *connection = find(program, message);

	printf("moved %d %u id=%u err=%d strategy=%s lost=%u replayed=%u paused_us=%" PRIu64 "\n", (int)program->pid,
	       message->qpn, moved->move_id, moved->err, hf_program_strategy_names[moved->strategy], moved->lost,
	       moved->replayed, moved->paused_ns / 1000);
	if (connection && !moved->err)
		connection->path = connection->wanted;
}

static void relay(struct program *program, const struct hf_program_message *message)
{
	struct connection *near = find(program, message), *far = near ? find_far(near) : NULL;
	struct hf_program_message copy = *message;

	printf("peer %d %u length=%u to ", (int)program->pid, message->qpn, message->peer.length);
	if ((to_lose && !to_pass) || !far) {
		puts("nobody");
		to_lose -= to_lose > 0;
		return;
	}
	to_pass -= to_pass > 0;
	printf("%d %u\n", (int)far->program->pid, far->qpn);
	copy.qpn = far->qpn;
	copy.adapter = far->number;
	copy.peer.path = far->wanted;
	say(far->program, &copy);
}

static void take(struct program *program)
{
	struct hf_program_message message;
	ssize_t length = recv(program->fd, &message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);
	struct connection *connection;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length > 0 && hf_program_check(&message, length, HF_PROGRAM_FROM_PROGRAM) < 0)
		printf("bad %d\n", (int)program->pid);
	if (length <= 0 || hf_program_check(&message, length, HF_PROGRAM_FROM_PROGRAM) < 0) {
		end(program);
		return;
	}
	switch (message.kind) {
	case HF_PROGRAM_HELLO:
		welcome(program, &message);
		break;
	case HF_PROGRAM_ADD:
		add(program, &message);
		break;
	case HF_PROGRAM_REMOVE:
		printf("remove %d %u\n", (int)program->pid, message.qpn);
		connection = find(program, &message);
		if (connection)
			connection->program = NULL;
		break;
	case HF_PROGRAM_MOVED:
		moved(program, &message);
		break;
	case HF_PROGRAM_PEER:
		relay(program, &message);
		break;
	}
}

/* ------------------------------------------------------------------------------- commands ---- */

static bool is_meant(const struct connection *connection, const char *name)
{
	const char *colon = strchr(name, ':');

	if (!connection->program)
		return false;
	if (!strcmp(name, "all"))
		return true;
	return (!colon || connection->program->pid == (pid_t)strtoul(name, NULL, 10)) &&
	       connection->qpn == strtoul(colon ? colon + 1 : name, NULL, 10);
}

static void set(struct hf_program_path *path, const char *word)
{
	const char *value = strchr(word, '=');
	unsigned long number = value ? strtoul(value + 1, NULL, 10) : 0;
	size_t length = value ? (size_t)(value - word) : 0;

#define SET(name) \
	if (length == strlen(#name) && !strncmp(word, #name, length)) \
		path->name = number
	SET(sl);
	SET(dlid);
	SET(slid);
	SET(mtu);
	SET(rate);
	SET(pkey);
	SET(reachable);
#undef SET
}

static void order(struct connection *connection)
{
	struct hf_program_message message;

	hf_program_message_init(&message, HF_PROGRAM_MOVE, connection->qpn);
	message.adapter = connection->number;
	message.move.move_id = next_id++;
	message.move.path = connection->wanted;
	say(connection->program, &message);
}

static void obey(char *line)
{
	char *words[16];
	size_t count = 0;

	for (char *word = strtok(line, " \n"); word && count < 16; word = strtok(NULL, " \n"))
		words[count++] = word;
	if (count == 0)
		return;
	if (!strcmp(words[0], "lose") && count > 1)
		to_lose = strtoul(words[1], NULL, 10), to_pass = count > 2 ? strtoul(words[2], NULL, 10) : 0;
	if (!strcmp(words[0], "deaf") || !strcmp(words[0], "hears"))
		is_deaf = words[0][0] == 'd';
	for (size_t i = 0; i < PROGRAM_MAX && !strcmp(words[0], "close"); i++)
		if (programs[i].fd >= 0)
			end(&programs[i]);
	if (count < 2 || (strcmp(words[0], "move") && strcmp(words[0], "path")))
		return;
	for (size_t i = 0; i < CONNECTION_MAX; i++) {
		if (!is_meant(&connections[i], words[1]))
			continue;
		for (size_t w = 2; w < count; w++)
			set(&connections[i].wanted, words[w]);
		if (words[0][0] == 'm')
			order(&connections[i]);
	}
}

/* ----------------------------------------------------------------------------------- loop ---- */

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
		fail(path);
	return fd;
}

static void accept_program(int listener)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);
	int fd = accept(listener, NULL, NULL);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		fail("accept");
	for (size_t i = 0; i < PROGRAM_MAX; i++) {
		if (programs[i].fd >= 0)
			continue;
		programs[i] = (struct program){ .fd = fd, .pid = peer.pid };
		return;
	}
	close(fd);
}

static void run(int listener)
{
	struct pollfd fds[PROGRAM_MAX + 2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN }, { .fd = listener, .events = POLLIN },
	};
	char line[LINE_BYTES];

	for (;;) {
		for (size_t i = 0; i < PROGRAM_MAX; i++)
			fds[i + 2] = (struct pollfd){ .fd = is_deaf ? -1 : programs[i].fd, .events = POLLIN };
		if (poll(fds, PROGRAM_MAX + 2, -1) < 0 && errno != EINTR)
			fail("poll");
		for (size_t i = 0; i < PROGRAM_MAX; i++)
			if (fds[i + 2].revents && programs[i].fd == fds[i + 2].fd)
				take(&programs[i]);
		if (fds[1].revents)
			accept_program(listener);
		if (fds[0].revents) {
			if (!fgets(line, sizeof(line), stdin))
				return;
			obey(line);
		}
	}
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: program_daemon SOCKET\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* A line at a time, so that none waits in a buffer that poll() does not see. */
	setvbuf(stdin, NULL, _IONBF, 0);
	for (size_t i = 0; i < PROGRAM_MAX; i++)
		programs[i].fd = -1;
	run(listen_at(argv[1]));
	return 0;
}
