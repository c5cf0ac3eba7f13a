/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A program as holdfastd sees one, without queue pairs:
 *	program_client SOCKET NAME
 * says HELLO and then does what standard input says, a command a line, until that ends:
 *	add QPN DEVICE PORT GID|- DLID SL DEST_QPN [NAME=VALUE ...]	further fields of the path: slid pkey mtu rate
 *	remove QPN
 *	peer QPN TEXT
 *	answer ERR STRATEGY LOST REPLAYED PAUSED_NS	how moves are answered from now on; "answer no": not at all
 *	flood QPN COUNT		as many PEERs, numbered
 *	raw BYTES		so many bytes that are no message
 * It prints what comes, a line each: "welcome", "move QPN DLID SL GID", "peer QPN TEXT DLID SL", and "end" where it was
 * cut off. Then it connects again, as soon as it can, and adds what it has.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/gid.h"
#include "lib/program_wire.h"

#define QPS_MAX		5000
#define WORDS_MAX	16
#define RETRY_MS	50

static struct hf_program_message adds[QPS_MAX];
static size_t add_count;
static int fd = -1;
static const char *socket_path, *program_name;
static struct hf_program_moved answer = { .strategy = HF_PROGRAM_STRATEGY_SQD };
static bool has_answer = true;

static void die(const char *what)
{
	fprintf(stderr, "program_client: %s\n", what);
	exit(2);
}

/* The end of the session is noticed where it is read. */
static void put(const struct hf_program_message *message)
{
	if (fd >= 0)
		(void)!send(fd, message, sizeof(*message), MSG_NOSIGNAL);
}

static bool connect_again(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct hf_program_message hello;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		fd = -1;
		return false;
	}
	hf_program_message_init(&hello, HF_PROGRAM_HELLO, 0);
	hello.hello.version = HF_PROGRAM_VERSION;
	snprintf(hello.hello.name, sizeof(hello.hello.name), "%s", program_name);
	put(&hello);
	for (size_t i = 0; i < add_count; i++)
		put(&adds[i]);
	return true;
}

static struct hf_program_message *find_add(uint32_t qpn)
{
	for (size_t i = 0; i < add_count; i++)
		if (adds[i].qpn == qpn)
			return &adds[i];
	return NULL;
}

static void set_field(struct hf_program_path *path, const char *setting)
{
	unsigned long value = strtoul(setting + strcspn(setting, "=") + 1, NULL, 0);

	if (!strncmp(setting, "slid=", 5))
		path->slid = value;
	else if (!strncmp(setting, "pkey=", 5))
		path->pkey = value;
	else if (!strncmp(setting, "mtu=", 4))
		path->mtu = value;
	else if (!strncmp(setting, "rate=", 5))
		path->rate = value;
	else
		die(setting);
}

static void do_add(size_t count, char **words)
{
	uint32_t qpn = count < 8 ? 0 : strtoul(words[1], NULL, 0);
	struct hf_program_message *add = find_add(qpn);

	if (count < 8 || (!add && add_count == QPS_MAX))
		die("add QPN DEVICE PORT GID|- DLID SL DEST_QPN");
	if (!add)
		add = &adds[add_count++];
	hf_program_message_init(add, HF_PROGRAM_ADD, qpn);
	snprintf(add->add.device, sizeof(add->add.device), "%s", words[2]);
	add->add.port_num = strtoul(words[3], NULL, 0);
	if (strcmp(words[4], "-") && hf_gid_parse(words[4], &add->add.path.dgid))
		die(words[4]);
	add->add.path.dlid = strtoul(words[5], NULL, 0);
	add->add.path.sl = strtoul(words[6], NULL, 0);
	add->add.dest_qpn = strtoul(words[7], NULL, 0);
	for (size_t i = 8; i < count; i++)
		set_field(&add->add.path, words[i]);
	put(add);
}

static void do_remove(size_t count, char **words)
{
	struct hf_program_message message;
	struct hf_program_message *add = count == 2 ? find_add(strtoul(words[1], NULL, 0)) : NULL;

	if (!add)
		die("remove QPN");
	hf_program_message_init(&message, HF_PROGRAM_REMOVE, add->qpn);
	*add = adds[--add_count];
	put(&message);
}

static void send_peer(uint32_t qpn, const char *text)
{
	struct hf_program_message message;

	if (strlen(text) > sizeof(message.peer.data))
		die(text);
	hf_program_message_init(&message, HF_PROGRAM_PEER, qpn);
	message.peer.length = strlen(text);
	memcpy(message.peer.data, text, message.peer.length);
	put(&message);
}

static void do_peer(size_t count, char **words)
{
	if (count != 3)
		die("peer QPN TEXT");
	send_peer(strtoul(words[1], NULL, 0), words[2]);
}

static void do_flood(size_t count, char **words)
{
	char text[16];

	if (count != 3)
		die("flood QPN COUNT");
	for (int i = 0; i < atoi(words[2]); i++) {
		snprintf(text, sizeof(text), "%d", i);
		send_peer(strtoul(words[1], NULL, 0), text);
	}
}

static void do_answer(size_t count, char **words)
{
	has_answer = count == 6;
	if (!has_answer)
		return;
	answer.err = atoi(words[1]);
	for (answer.strategy = 0; answer.strategy < HF_PROGRAM_STRATEGIES; answer.strategy++)
		if (!strcmp(words[2], hf_program_strategy_names[answer.strategy]))
			break;
	answer.lost = strtoul(words[3], NULL, 0);
	answer.replayed = strtoul(words[4], NULL, 0);
	answer.paused_ns = strtoull(words[5], NULL, 0);
}

static void do_raw(size_t count, char **words)
{
	static const char bytes[1024];
	size_t length = count == 2 ? strtoul(words[1], NULL, 0) : 0;

	(void)!send(fd, bytes, length < sizeof(bytes) ? length : sizeof(bytes), MSG_NOSIGNAL);
}

static const struct {
	const char *name;
	void (*run)(size_t count, char **words);
} commands[] = {
	{ "add", do_add }, { "remove", do_remove }, { "peer", do_peer }, { "flood", do_flood },
	{ "answer", do_answer }, { "raw", do_raw },
};

static void run_command(char *line)
{
	char *words[WORDS_MAX], *save;
	size_t count = 0;

	for (char *word = strtok_r(line, " \n", &save); word && count < WORDS_MAX; word = strtok_r(NULL, " \n", &save))
		words[count++] = word;
	for (size_t i = 0; count && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(words[0], commands[i].name)) {
			commands[i].run(count, words);
			return;
		}
	if (count)
		die(words[0]);
}

static void take_move(const struct hf_program_message *move)
{
	struct hf_program_message moved, *add = find_add(move->qpn);

	printf("move 0x%x %u %u %s\n", move->qpn, move->move.path.dlid, move->move.path.sl,
	       hf_gid_format(&move->move.path.dgid).text);
	if (!has_answer || !add)
		return;
	hf_program_message_init(&moved, HF_PROGRAM_MOVED, move->qpn);
	moved.moved = answer;
	moved.moved.move_id = move->move.move_id;
	put(&moved);
	if (answer.err)
		return;
	add->add.path.dlid = move->move.path.dlid;
	add->add.path.sl = move->move.path.sl;
}

static void take_message(void)
{
	struct hf_program_message message;
	ssize_t length = recv(fd, &message, sizeof(message), MSG_TRUNC);

	if (length <= 0) {
		puts("end");
		close(fd);
		fd = -1;
		return;
	}
	if (hf_program_check(&message, length, HF_PROGRAM_FROM_DAEMON))
		die("what holdfastd sent is no message");
	if (message.kind == HF_PROGRAM_WELCOME)
		puts("welcome");
	else if (message.kind == HF_PROGRAM_MOVE)
		take_move(&message);
	else
		printf("peer 0x%x %.*s %u %u\n", message.qpn, (int)message.peer.length, (char *)message.peer.data,
		       message.peer.path.dlid, message.peer.path.sl);
}

/* Commands are taken byte by byte, so that none waits in a buffer while poll() is asked. Return: false at the end. */
static bool take_command(void)
{
	static char line[512];
	static size_t length;
	char c;

	if (read(STDIN_FILENO, &c, 1) != 1)
		return false;
	if (length < sizeof(line) - 1)
		line[length++] = c;
	if (c == '\n') {
		line[length] = '\0';
		length = 0;
		run_command(line);
	}
	return true;
}

int main(int argc, char *argv[])
{
	if (argc != 3)
		die("SOCKET NAME");
	socket_path = argv[1];
	program_name = argv[2];
	setlinebuf(stdout);
	for (;;) {
		bool is_connected = fd >= 0 || connect_again();
		struct pollfd poll_fds[] = {
			{ .fd = STDIN_FILENO, .events = POLLIN }, { .fd = fd, .events = POLLIN },
		};

		if (poll(poll_fds, 2, is_connected ? -1 : RETRY_MS) < 0)
			return EXIT_FAILURE;
		if (poll_fds[1].revents)
			take_message();
		if (poll_fds[0].revents && !take_command())
			return EXIT_SUCCESS;
	}
}
