/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What test_umad.sh asks of the simulated ib_umad beyond what stock tools do, through stock libibumad. It runs with
 * two adapters, hfsim0 and hfsim1, and ends with 0 if what the name of the check says holds:
 *	umad_tool pair		a request of hfsim0 is hfsim1's, its answer comes back, all 256 bytes of both are whole,
 *				and poll(), select() and epoll see them
 *	umad_tool timeout	a request that nobody answers comes back after all retries, as 24 bytes
 *	umad_tool agents	two agents with equal transaction ids get their own answers; an unknown answer nobody's
 *	umad_tool short		a buffer that is too short loses nothing
 *	umad_tool duplicates	dup(), close() and fork() keep the device open, and a child's exit harms nothing
 *	umad_tool moved		a client that begins to ask for requests may get another slot of ibsim, and ibsim lives
 *	umad_tool cancelled	threads that are cancelled anywhere in their calls leave the device usable
 *	umad_tool dead		once standard input ends the device must fail at once; the caller ends ibsim before
 *	umad_tool silent	holds hfsim0 until standard input ends, and answers nothing
 */
#include <errno.h>
#include <fcntl.h>
#include <infiniband/umad.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/wire.h"

#define CLASS_VENDOR 0x32
#define OUI "\x00\x14\x05"
#define OUI_OFFSET 37
#define DATA_OFFSET 40
#define PATIENCE_MS 5000
#define UMAD_HEADER 64

struct port {
	int fd;
	int agent;
	uint16_t lid;
};

struct message {
	uint8_t header[UMAD_HEADER];
	uint8_t mad[HF_MAD_SIZE];
};

#define must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #condition, strerror(errno)); \
			exit(EXIT_FAILURE); \
		} \
	} while (0)

static struct port open_port(const char *adapter)
{
	struct port port = { .agent = -1 };
	umad_port_t attributes;
	char name[UMAD_CA_NAME_LEN];

	snprintf(name, sizeof(name), "%s", adapter);
	port.fd = umad_open_port(name, 1);
	must(port.fd >= 0);
	must(umad_get_port(name, 1, &attributes) == 0);
	port.lid = (uint16_t)attributes.base_lid;
	umad_release_port(&attributes);
	return port;
}

static int register_vendor(int fd, int method)
{
	long methods[16 / sizeof(long)] = { 0 };
	uint8_t oui[3];
	int agent;

	memcpy(oui, OUI, sizeof(oui));
	if (method)
		methods[0] = 1L << method;
	agent = umad_register_oui(fd, CLASS_VENDOR, 0, oui, methods);
	must(agent >= 0);
	return agent;
}

static void make_mad(uint8_t mad[HF_MAD_SIZE], uint8_t method, uint64_t tid, uint8_t seed)
{
	struct hf_mad_hdr hdr = {
		.base_version = 1,
		.mgmt_class = CLASS_VENDOR,
		.class_version = 1,
		.method = method,
		.tid = htobe64(tid),
		.attr_id = htobe16(0x99),
	};

	memset(mad, 0, HF_MAD_SIZE);
	memcpy(mad, &hdr, sizeof(hdr));
	memcpy(mad + OUI_OFFSET, OUI, 3);
	for (int i = DATA_OFFSET; i < HF_MAD_SIZE; i++)
		mad[i] = (uint8_t)(i * 7 + seed);
}

static bool has_data(const uint8_t mad[HF_MAD_SIZE], uint8_t seed)
{
	for (int i = DATA_OFFSET; i < HF_MAD_SIZE; i++)
		if (mad[i] != (uint8_t)(i * 7 + seed))
			return false;
	return true;
}

static uint64_t tid_of(const uint8_t *mad)
{
	struct hf_mad_hdr hdr;

	memcpy(&hdr, mad, sizeof(hdr));
	return be64toh(hdr.tid);
}

static int send_mad(int fd, int agent, uint16_t lid, struct message *message, int timeout_ms, int retries)
{
	umad_set_addr(message, lid, 1, 0, (int)0x80010000);
	return umad_send(fd, agent, message, HF_MAD_SIZE, timeout_ms, retries);
}

/* The agent that a MAD is for. */
static int receive(int fd, struct message *message, int *ret_length)
{
	int agent;

	*ret_length = HF_MAD_SIZE;
	agent = umad_recv(fd, message, ret_length, PATIENCE_MS);
	must(agent >= 0);
	return agent;
}

static bool is_readable_by_select(int fd)
{
	struct timeval patience = { PATIENCE_MS / 1000, 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, &patience) == 1;
}

static bool is_readable_by_epoll(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll_fd = epoll_create1(0), count;

	must(epoll_fd >= 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
	count = epoll_wait(epoll_fd, &event, 1, PATIENCE_MS);
	close(epoll_fd);
	return count == 1;
}

static bool is_readable_now(int fd)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };

	return poll(&readable, 1, 0) == 1;
}

/* A request from one port to another and its answer. */
static void exchange(const struct port *from, const struct port *to, uint8_t seed)
{
	struct message message = { 0 };
	int length;
	uint64_t tid;

	make_mad(message.mad, HF_METHOD_GET, seed, seed);
	must(send_mad(from->fd, from->agent, to->lid, &message, PATIENCE_MS, 0) == 0);
	must(is_readable_by_select(to->fd));
	must(receive(to->fd, &message, &length) == to->agent && length == HF_MAD_SIZE);
	must(umad_status(&message) == 0 && has_data(message.mad, seed));
	must(be16toh(umad_get_mad_addr(&message)->lid) == from->lid);
	tid = tid_of(message.mad);
	make_mad(message.mad, HF_METHOD_GET_RESP, tid, (uint8_t)(seed + 1));
	must(send_mad(to->fd, to->agent, from->lid, &message, 0, 0) == 0);
	must(is_readable_by_epoll(from->fd));
	must(receive(from->fd, &message, &length) == from->agent && length == HF_MAD_SIZE);
	must(umad_status(&message) == 0 && has_data(message.mad, (uint8_t)(seed + 1)));
	must((tid_of(message.mad) & 0xffffffff) == seed);
	must(!is_readable_now(from->fd) && !is_readable_now(to->fd));
}

static void open_pair(struct port *ret_a, struct port *ret_b)
{
	*ret_a = open_port("hfsim0");
	*ret_b = open_port("hfsim1");
	must(ret_a->lid != 0 && ret_b->lid != 0 && ret_a->lid != ret_b->lid);
	ret_a->agent = register_vendor(ret_a->fd, 0);
	ret_b->agent = register_vendor(ret_b->fd, HF_METHOD_GET);
}

static void check_pair(void)
{
	struct port a, b;

	open_pair(&a, &b);
	for (int i = 1; i < 100; i++)
		exchange(&a, &b, (uint8_t)i);
}

static void check_timeout(void)
{
	struct port a = open_port("hfsim0"), b = open_port("hfsim1");
	struct message message = { 0 };
	int length;

	a.agent = register_vendor(a.fd, 0);
	make_mad(message.mad, HF_METHOD_GET, 5, 0);
	must(send_mad(a.fd, a.agent, b.lid, &message, 50, 3) == 0);
	/* While it waits its id is taken. */
	must(send_mad(a.fd, a.agent, b.lid, &message, 50, 3) == -EIO && errno == EINVAL);
	must(umad_poll(a.fd, 150) == -ETIMEDOUT);
	must(receive(a.fd, &message, &length) == a.agent);
	must(umad_status(&message) == ETIMEDOUT && length == (int)sizeof(struct hf_mad_hdr));
	must((tid_of(message.mad) & 0xffffffff) == 5);
}

static void check_agents(void)
{
	struct message message = { 0 };
	int other, length;
	struct port a, b;

	open_pair(&a, &b);
	other = register_vendor(a.fd, 0);
	for (int i = 0; i < 2; i++) {
		make_mad(message.mad, HF_METHOD_GET, 1, (uint8_t)i);
		must(send_mad(a.fd, i ? other : a.agent, b.lid, &message, PATIENCE_MS, 0) == 0);
	}
	for (int i = 0; i < 2; i++) {
		must(receive(b.fd, &message, &length) == b.agent);
		message.mad[offsetof(struct hf_mad_hdr, method)] = HF_METHOD_GET_RESP;
		must(send_mad(b.fd, b.agent, a.lid, &message, 0, 0) == 0);
		/* Twice: nobody waits for the second any more. */
		must(send_mad(b.fd, b.agent, a.lid, &message, 0, 0) == 0);
		must(receive(a.fd, &message, &length) == (has_data(message.mad, 1) ? other : a.agent));
	}
	exchange(&a, &b, 77);
}

static void check_short(void)
{
	struct message message = { 0 };
	int length = 100;
	struct port a, b;

	open_pair(&a, &b);
	make_mad(message.mad, HF_METHOD_GET, 9, 9);
	must(send_mad(a.fd, a.agent, b.lid, &message, PATIENCE_MS, 0) == 0);
	must(umad_poll(b.fd, PATIENCE_MS) == 0);
	must(umad_recv(b.fd, &message, &length, 0) == -EINVAL);
	must(is_readable_now(b.fd));
	must(receive(b.fd, &message, &length) == b.agent && has_data(message.mad, 9));
	must(umad_recv(b.fd, &message, &length, 0) == -EAGAIN);
	must(write(a.fd, &message, UMAD_HEADER + 35) == -1 && errno == EINVAL);
}

static void check_duplicates(void)
{
	struct port a, b, copy;
	pid_t child;
	int status;

	open_pair(&a, &b);
	copy = a;
	copy.fd = dup(a.fd);
	must(copy.fd >= 0 && copy.fd != a.fd);
	close(a.fd);
	exchange(&copy, &b, 1);
	must(dup2(copy.fd, a.fd) == a.fd);
	close(copy.fd);
	copy.fd = fcntl(a.fd, F_DUPFD_CLOEXEC, 100);
	must(copy.fd >= 100);
	close(a.fd);
	exchange(&copy, &b, 2);

	child = fork();
	must(child >= 0);
	if (child == 0) {
		uint8_t packet[UMAD_HEADER + HF_MAD_SIZE];

		/* The device is the parent's; a new one is the child's own. */
		must(read(copy.fd, packet, sizeof(packet)) == -1 && errno == EIO);
		close(copy.fd);
		a = open_port("hfsim0");
		must(a.lid == copy.lid);
		exit(EXIT_SUCCESS);
	}
	must(waitpid(child, &status, 0) == child && status == 0);
	exchange(&copy, &b, 3);
}

/* Holds ibsim's lowest free slot until the pipe is closed. */
static pid_t start_slot_holder(int pipe_fds[2])
{
	struct pollfd closed;
	pid_t child;
	int ready[2];
	char c;

	must(pipe(pipe_fds) == 0 && pipe(ready) == 0);
	child = fork();
	must(child >= 0);
	if (child == 0) {
		close(pipe_fds[1]);
		open_port("hfsim0");
		must(write(ready[1], "", 1) == 1);
		closed = (struct pollfd){ .fd = pipe_fds[0] };
		poll(&closed, 1, PATIENCE_MS);
		exit(EXIT_SUCCESS);
	}
	must(read(ready[0], &c, 1) == 1);
	return child;
}

static void check_moved(void)
{
	int pipe_fds[2], status;
	pid_t holder = start_slot_holder(pipe_fds);
	struct port a, b = open_port("hfsim1");

	close(pipe_fds[1]);
	must(waitpid(holder, &status, 0) == holder && status == 0);
	b.agent = register_vendor(b.fd, HF_METHOD_GET);
	a = open_port("hfsim0");
	a.agent = register_vendor(a.fd, 0);
	exchange(&a, &b, 1);
}

struct sender {
	struct port from, to;
};

static void *send_and_receive(void *arg)
{
	const struct sender *sender = arg;
	struct message message = { 0 };
	int length;

	for (uint64_t tid = 1000;; tid++) {
		make_mad(message.mad, HF_METHOD_GET, tid, 0);
		send_mad(sender->from.fd, sender->from.agent, sender->to.lid, &message, 1, 0);
		length = HF_MAD_SIZE;
		umad_recv(sender->to.fd, &message, &length, 0);
	}
	return NULL;
}

static void drop_all(int fd)
{
	struct message message;
	int length = HF_MAD_SIZE;

	while (umad_poll(fd, 100) == 0) {
		umad_recv(fd, &message, &length, 0);
		length = HF_MAD_SIZE;
	}
}

static void check_cancelled(void)
{
	struct sender sender;
	pthread_t thread;

	open_pair(&sender.from, &sender.to);
	for (int i = 0; i < 300; i++) {
		must(pthread_create(&thread, NULL, send_and_receive, &sender) == 0);
		for (volatile int spin = 0; spin < i * 200; spin++)
			;
		must(pthread_cancel(thread) == 0 && pthread_join(thread, NULL) == 0);
	}
	drop_all(sender.to.fd);
	drop_all(sender.from.fd);
	exchange(&sender.from, &sender.to, 1);
}

static void wait_for_end_of_input(void)
{
	char c;

	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

static void check_dead(void)
{
	struct message message = { 0 };
	struct port a, b;
	char name[] = "hfsim0";

	open_pair(&a, &b);
	exchange(&a, &b, 1);
	wait_for_end_of_input();
	must(umad_poll(a.fd, PATIENCE_MS) == 0);
	must(read(a.fd, &message, sizeof(message)) == -1 && errno == EIO);
	make_mad(message.mad, HF_METHOD_GET, 1, 1);
	must(send_mad(b.fd, b.agent, a.lid, &message, PATIENCE_MS, 0) == -EIO && errno == EIO);
	must(umad_open_port(name, 1) < 0);
}

static void check_silent(void)
{
	open_port("hfsim0");
	wait_for_end_of_input();
}

static const struct {
	const char *name;
	void (*run)(void);
} checks[] = {
	{ "pair", check_pair },		{ "timeout", check_timeout }, { "agents", check_agents },
	{ "short", check_short },	{ "dead", check_dead },	      { "silent", check_silent },
	{ "duplicates", check_duplicates }, { "moved", check_moved }, { "cancelled", check_cancelled },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(checks) / sizeof(checks[0]); i++)
		if (strcmp(argv[1], checks[i].name) == 0) {
			checks[i].run();
			return EXIT_SUCCESS;
		}
	fprintf(stderr, "usage: umad_tool CHECK\n");
	return EXIT_FAILURE;
}
