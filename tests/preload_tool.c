/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Programs of a kind that are not among the stock ones, for libholdfast-verbs in front of two devices. Each command is
 * one of them and ends with 0 if what it saw was what a program may see.
 *
 *	preload_tool CASE
 */
#include "verbs_tool.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct end a, b;

/* A line on standard input; false at its end. */
static bool next_line(char *line, int size)
{
	if (!fgets(line, size, stdin))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

static void await_line(void)
{
	char line[64];

	must(next_line(line, sizeof(line)));
}

static void adjust(void)
{
	struct ibv_qp_attr attr = { .min_rnr_timer = 3 };

	must_be(ibv_modify_qp(a.qp, &attr, IBV_QP_MIN_RNR_TIMER), 0);
	must_be(query(a.qp).min_rnr_timer, 3);
	must_be(state_of(a.qp), IBV_QPS_RTS);
}

static void drain(void)
{
	struct ibv_qp_attr attr = { 0 };

	must_be(modify(a.qp, &attr, IBV_QPS_SQD, 0), 0);
	while (query(a.qp).sq_draining)
		;
	must_be(state_of(a.qp), IBV_QPS_SQD);
	must_be(modify(a.qp, &attr, IBV_QPS_RTS, 0), 0);
}

/* With the same numbers; the other end is as it was. */
static void connect_anew(struct end *end, const struct end *other)
{
	struct ibv_qp_attr attr = { 0 };

	must_be(modify(end->qp, &attr, IBV_QPS_RESET, 0), 0);
	to_init(end, &plain_wiring);
	to_rtr(end, other, &plain_wiring);
	to_rts(end, other, &plain_wiring);
}

/* Obeys, a line at a time, and says so. */
static void held(void)
{
	char line[64];

	open_end(&a, 0);
	open_end(&b, 1);
	connect_ends(&a, &b, &plain_wiring);
	printf("ready %u %u\n", a.qp->qp_num, b.qp->qp_num);
	while (next_line(line, sizeof(line))) {
		if (!strcmp(line, "exchange"))
			exchange(&a, &b);
		else if (!strcmp(line, "send"))
			post_send(&a, 0, 100);
		else if (!strcmp(line, "receive"))
			post_receive(&b, 100000, 100);
		else if (!strcmp(line, "completed"))
			complete_with(&a, IBV_WC_SUCCESS);
		else if (!strcmp(line, "flushed"))
			complete_with(&a, IBV_WC_WR_FLUSH_ERR);
		else if (!strcmp(line, "failed"))
			must_be(state_of(a.qp), IBV_QPS_ERR);
		else if (!strcmp(line, "query"))
			must_be(state_of(a.qp), IBV_QPS_RTS);
		else if (!strcmp(line, "adjust"))
			adjust();
		else if (!strcmp(line, "drain"))
			drain();
		else if (!strcmp(line, "anew"))
			connect_anew(&a, &b);
		else if (!strcmp(line, "other"))
			must_be(state_of(b.qp), IBV_QPS_RTS);
		else if (!strcmp(line, "other anew"))
			connect_anew(&b, &a);
		else if (!strcmp(line, "destroy"))
			must_be(ibv_destroy_qp(a.qp), 0);
		printf("done %s, SL %u\n", line, !strcmp(line, "query") ? query(a.qp).ah_attr.sl : 0);
	}
}

/* Its own use of an alternate path. */
static void migrates(void)
{
	struct ibv_qp_attr attr;

	open_end(&a, 0);
	open_end(&b, 1);
	connect_ends(&a, &b, &plain_wiring);
	attr = attributes(&a, &b, &plain_wiring);
	attr.path_mig_state = IBV_MIG_REARM;
	must_be(ibv_modify_qp(a.qp, &attr, IBV_QP_ALT_PATH | IBV_QP_PATH_MIG_STATE), 0);
	printf("ready %u\n", a.qp->qp_num);
	await_line();
	must_be(query(a.qp).path_mig_state, IBV_MIG_REARM);
	exchange(&a, &b);
}

/* A program that looks whether there are events must not be made to wait for one. */
static void looks_for_events(void)
{
	struct pollfd readable[2];
	struct ibv_async_event event;
	struct ibv_wc wc;

	open_end(&a, 0);
	open_end(&b, 1);
	connect_ends(&a, &b, &plain_wiring);
	printf("ready %u\n", a.qp->qp_num);
	for (;;) {
		post_receive(&b, 100000, 100);
		post_send(&a, 0, 100);
		complete_with(&b, IBV_WC_SUCCESS);
		must(has_completion(&a, DEADLINE_MS, &wc));
		readable[0] = (struct pollfd){ .fd = a.context->async_fd, .events = POLLIN };
		readable[1] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
		must(poll(readable, 2, 0) >= 0);
		if (readable[1].revents)
			break;
		if (!readable[0].revents)
			continue;
		must_be(ibv_get_async_event(a.context, &event), 0);
		printf("event %s\n", ibv_event_type_str(event.event_type));
		ibv_ack_async_event(&event);
	}
}

/* The child has devices and connections of its own; the parent's go on. */
static void forks(void)
{
	int status;
	pid_t child;

	open_end(&a, 0);
	open_end(&b, 1);
	connect_ends(&a, &b, &plain_wiring);
	exchange(&a, &b);
	printf("parent %d %u\n", (int)getpid(), a.qp->qp_num);
	await_line();
	child = fork();
	must(child >= 0);
	if (child == 0) {
		open_end(&a, 0);
		open_end(&b, 1);
		connect_ends(&a, &b, &plain_wiring);
		exchange(&a, &b);
		printf("child %d %u\n", (int)getpid(), a.qp->qp_num);
		await_line();
		exchange(&a, &b);
		exit(0);
	}
	must(waitpid(child, &status, 0) == child && status == 0);
	exchange(&a, &b);
	puts("again");
	await_line();
	exchange(&a, &b);
}

static bool is_socket(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* As some that become daemons do, but for the adapter's; the numbers are used again at once. */
static void closes_all(void)
{
	int files[64];

	open_end(&a, 0);
	open_end(&b, 1);
	connect_ends(&a, &b, &plain_wiring);
	printf("ready %u\n", a.qp->qp_num);
	await_line();
	for (int fd = STDERR_FILENO + 1; fd < 256; fd++)
		if (is_socket(fd))
			close(fd);
	for (int i = 0; i < 64; i++) {
		files[i] = open("closed", O_RDWR | O_CREAT, 0600);
		must(files[i] >= 0);
	}
	must_be(ibv_destroy_qp(a.qp), 0);
	must_be(ibv_destroy_qp(b.qp), 0);
	connect_ends(&a, &b, &plain_wiring);
	printf("closed %u\n", a.qp->qp_num);
	await_line();
	for (int i = 0; i < 64; i++)
		must_be(lseek(files[i], 0, SEEK_END), 0);
	exchange(&a, &b);
}

/* ----------------------------------------------------------------- a program that loads libibverbs ---- */

static void *library;
static bool by_version;

static void *symbol(const char *name)
{
	void *found = by_version ? dlvsym(library, name, "IBVERBS_1.1") : dlsym(library, name);

	must(found);
	return found;
}

#define LOADED(name) ((__typeof__(&name))symbol(#name))

static void load_end(struct end *end, unsigned int device)
{
	struct ibv_device **list = LOADED(ibv_get_device_list)(NULL);
	struct ibv_qp_init_attr attr = {
		.cap = { .max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC,
	};

	must(list && list[0] && list[device]);
	end->context = LOADED(ibv_open_device)(list[device]);
	must(end->context);
	end->pd = LOADED(ibv_alloc_pd)(end->context);
	end->cq = LOADED(ibv_create_cq)(end->context, 10, NULL, NULL, 0);
	attr.send_cq = attr.recv_cq = end->cq;
	end->qp = LOADED(ibv_create_qp)(end->pd, &attr);
	must(end->qp);
	must_be(LOADED(ibv_query_port)(end->context, 1, (struct _compat_ibv_port_attr *)&end->port), 0);
}

static void load_connect(struct end *own, struct end *other)
{
	struct ibv_qp_attr attr = attributes(own, other, &plain_wiring);

	attr.qp_state = IBV_QPS_INIT;
	must_be(LOADED(ibv_modify_qp)(own->qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
				      IBV_QP_ACCESS_FLAGS), 0);
	attr.qp_state = IBV_QPS_RTR;
	must_be(LOADED(ibv_modify_qp)(own->qp, &attr, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
				      IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER), 0);
	attr.qp_state = IBV_QPS_RTS;
	must_be(LOADED(ibv_modify_qp)(own->qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN | IBV_QP_TIMEOUT |
				      IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC), 0);
}

static void load(void)
{
	library = dlopen("libibverbs.so.1", RTLD_NOW | RTLD_LOCAL);
	must(library);
	load_end(&a, 0);
	load_end(&b, 1);
	load_connect(&a, &b);
	load_connect(&b, &a);
	printf("ready %u\n", a.qp->qp_num);
	await_line();
	must_be(LOADED(ibv_destroy_qp)(a.qp), 0);
	must_be(LOADED(ibv_close_device)(b.context), 0);
}

static void loads(void)
{
	load();
}

static void loads_by_version(void)
{
	by_version = true;
	load();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "held", held }, { "migrates", migrates }, { "looks_for_events", looks_for_events },
		{ "forks", forks }, { "closes_all", closes_all }, { "loads", loads },
		{ "loads_by_version", loads_by_version },
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (argc == 2 && !strcmp(argv[1], cases[i].name)) {
			cases[i].run();
			return 0;
		}
	fprintf(stderr, "usage: preload_tool CASE\n");
	return 2;
}
