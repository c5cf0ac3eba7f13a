/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What a record costs a work request, from its post to its completion: in front of an adapter that does nothing but
 * remember what it was given, with and without one. Instructions: bench_instructions.sh.
 *
 *	bench_record [--figures] [--rounds N]
 *	bench_record --kernel NAME	that one alone, once; prints its work requests
 */
#include <err.h>
#include <getopt.h>
#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/verbs/data_path.h"
#include "lib/verbs/queue_pair.h"
#include "tests/bench.h"

#define QUEUE		128
#define LIST		16		/* requests in one post, completions in one poll */
#define REQUESTS	1600000u
#define KERNEL_REQUESTS	16000u

void bench_run_kernel(const struct bench_kernel *kernel);

/* -------------------------------------------------------------------- an adapter of nothing ---- */

struct adapter {
	struct ibv_device device;
	struct ibv_context context;
	struct ibv_cq cq;
	struct ibv_qp qp;
	struct ibv_wc done[QUEUE];	/* a completion for each request, at once */
	unsigned int posted, polled;
};

static struct adapter *adapter_of(struct ibv_context *context)
{
	return (struct adapter *)((char *)context - offsetof(struct adapter, context));
}

static void finish(struct adapter *adapter, uint64_t wr_id, enum ibv_wc_opcode opcode)
{
	struct ibv_wc *wc = &adapter->done[adapter->posted++ % QUEUE];

	wc->wr_id = wr_id;
	wc->status = IBV_WC_SUCCESS;
	wc->opcode = opcode;
	wc->qp_num = adapter->qp.qp_num;
}

static int post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad_wr)
{
	(void)bad_wr;
	for (; wr; wr = wr->next)
		finish(adapter_of(qp->context), wr->wr_id, IBV_WC_SEND);
	return 0;
}

static int post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr)
{
	(void)bad_wr;
	for (; wr; wr = wr->next)
		finish(adapter_of(qp->context), wr->wr_id, IBV_WC_RECV);
	return 0;
}

static int poll_cq(struct ibv_cq *cq, int count, struct ibv_wc *wc)
{
	struct adapter *adapter = adapter_of(cq->context);
	int got = 0;

	for (; got < count && adapter->polled != adapter->posted; got++)
		wc[got] = adapter->done[adapter->polled++ % QUEUE];
	return got;
}

static struct adapter *make(const char *name, bool is_recorded)
{
	const struct ibv_qp_init_attr init = {
		.cap = { .max_send_wr = QUEUE, .max_recv_wr = QUEUE, .max_send_sge = 4, .max_recv_sge = 4,
			 .max_inline_data = 64 },
		.qp_type = IBV_QPT_RC,
	};
	const struct ibv_qp_attr connected = { .qp_state = IBV_QPS_RTS, .path_mtu = IBV_MTU_4096, .sq_psn = 1000 };
	struct adapter *adapter = calloc(1, sizeof(*adapter));
	struct hf_queue_pair *qp;

	if (!adapter)
		err(EXIT_FAILURE, "adapter");
	snprintf(adapter->device.name, sizeof(adapter->device.name), "%s", name);
	adapter->context.device = &adapter->device;
	adapter->context.ops.post_send = post_send;
	adapter->context.ops.post_recv = post_recv;
	adapter->context.ops.poll_cq = poll_cq;
	adapter->cq = (struct ibv_cq){ .context = &adapter->context, .cqe = 2 * QUEUE };
	adapter->qp = (struct ibv_qp){ .context = &adapter->context, .send_cq = &adapter->cq, .recv_cq = &adapter->cq,
				       .qp_num = 0x123, .qp_type = IBV_QPT_RC };
	if (!is_recorded)
		return adapter;
	hf_data_path_decide(hf_verbs_get(&adapter->context), &adapter->context);
	hf_queue_pair_add(&adapter->qp, &init);
	qp = hf_queue_pair_of(&adapter->qp);
	hf_data_path_add(qp, 0);
	if (!qp->work)
		errx(EXIT_FAILURE, "is not recorded");
	hf_queue_pair_note_locked(qp, &connected, IBV_QP_STATE | IBV_QP_SQ_PSN | IBV_QP_PATH_MTU);
	return adapter;
}

/* --------------------------------------------------------------------------------- kernels ---- */

struct work {
	struct adapter *adapter;
	unsigned int requests;
};

static uint64_t checksum;

static void poll_all(struct adapter *adapter, int wanted)
{
	struct ibv_wc wc[LIST];

	for (int got = 0; wanted > 0; wanted -= got) {
		got = ibv_poll_cq(&adapter->cq, wanted, wc);
		if (got <= 0)
			errx(EXIT_FAILURE, "a completion is missing");
		checksum += wc[got - 1].wr_id;
	}
}

/* As ib_send_lat does: signalled, of one entry, one after the other. */
static void sends(void *ctx)
{
	const struct work *work = ctx;
	struct ibv_sge sge = { .addr = 0x1000, .length = 64, .lkey = 1 };
	struct ibv_send_wr *bad, wr = {
		.opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED, .sg_list = &sge, .num_sge = 1,
	};

	for (unsigned int i = 0; i < work->requests; i++) {
		wr.wr_id = i;
		if (ibv_post_send(&work->adapter->qp, &wr, &bad))
			errx(EXIT_FAILURE, "a send is refused");
		poll_all(work->adapter, 1);
	}
}

static void inline_sends(void *ctx)
{
	const struct work *work = ctx;
	uint64_t data = 1;
	struct ibv_sge sge = { .addr = (uintptr_t)&data, .length = sizeof(data) };
	struct ibv_send_wr *bad, wr = {
		.opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED | IBV_SEND_INLINE, .sg_list = &sge, .num_sge = 1,
	};

	for (unsigned int i = 0; i < work->requests; i++) {
		wr.wr_id = i;
		if (ibv_post_send(&work->adapter->qp, &wr, &bad))
			errx(EXIT_FAILURE, "a send is refused");
		poll_all(work->adapter, 1);
	}
}

/* As who wants throughput does: lists of writes. */
static void writes(void *ctx)
{
	const struct work *work = ctx;
	struct ibv_sge sge = { .addr = 0x1000, .length = 65536, .lkey = 1 };
	struct ibv_send_wr *bad, wr[LIST];

	for (unsigned int i = 0; i < LIST; i++)
		wr[i] = (struct ibv_send_wr){
			.wr_id = i, .next = i + 1 < LIST ? &wr[i + 1] : NULL, .opcode = IBV_WR_RDMA_WRITE,
			.send_flags = IBV_SEND_SIGNALED, .sg_list = &sge, .num_sge = 1,
			.wr.rdma = { .remote_addr = 0x2000, .rkey = 2 },
		};
	for (unsigned int i = 0; i < work->requests; i += LIST) {
		if (ibv_post_send(&work->adapter->qp, wr, &bad))
			errx(EXIT_FAILURE, "a write is refused");
		poll_all(work->adapter, LIST);
	}
}

static void receives(void *ctx)
{
	const struct work *work = ctx;
	struct ibv_sge sge = { .addr = 0x1000, .length = 64, .lkey = 1 };
	struct ibv_recv_wr *bad, wr = { .sg_list = &sge, .num_sge = 1 };

	for (unsigned int i = 0; i < work->requests; i++) {
		wr.wr_id = i;
		if (ibv_post_recv(&work->adapter->qp, &wr, &bad))
			errx(EXIT_FAILURE, "a receive is refused");
		poll_all(work->adapter, 1);
	}
}

static void empty_polls(void *ctx)
{
	const struct work *work = ctx;
	struct ibv_wc wc;

	for (unsigned int i = 0; i < work->requests; i++)
		if (ibv_poll_cq(&work->adapter->cq, 1, &wc))
			errx(EXIT_FAILURE, "a completion of nothing");
}

static const struct {
	const char *name;
	void (*run)(void *ctx);
} kernels[] = {
	{ "send", sends },
	{ "inline", inline_sends },
	{ "write", writes },
	{ "receive", receives },
	{ "poll", empty_polls },
};

#define KERNELS	(sizeof(kernels) / sizeof(kernels[0]))

/* callgrind counts what happens in here. */
__attribute__((noinline)) void bench_run_kernel(const struct bench_kernel *kernel)
{
	kernel->run(kernel->ctx);
}

/* NAME: with a record; plain-NAME: without. */
static int show_kernel(const char *name)
{
	bool is_plain = strncmp(name, "plain-", strlen("plain-")) == 0;
	struct work work = { make("fake", !is_plain), KERNEL_REQUESTS };

	if (is_plain)
		name += strlen("plain-");
	for (size_t i = 0; i < KERNELS; i++)
		if (!strcmp(name, kernels[i].name)) {
			kernels[i].run(&work);
			bench_run_kernel(&(struct bench_kernel){ .run = kernels[i].run, .ctx = &work });
			printf("%u\n", work.requests);
			return EXIT_SUCCESS;
		}
	errx(EXIT_FAILURE, "no kernel %s", name);
}

static const char *figure_name(size_t kernel, char *name, size_t size)
{
	snprintf(name, size, "recorded_%s_ns", kernels[kernel].name);
	return name;
}

static void measure(unsigned int rounds)
{
	struct work recorded = { make("recorded", true), REQUESTS }, plain = { make("plain", false), REQUESTS };

	printf("Nanoseconds for a request from its post to its completion, an adapter of nothing\n%-8s %9s %9s %9s\n", "",
	       "recorded", "plain", "more");
	for (size_t i = 0; i < KERNELS; i++) {
		struct bench_kernel pair[] = { { kernels[i].run, &recorded, 0 }, { kernels[i].run, &plain, 0 } };
		struct bench_figure figure = { .reference_name = "the same without a record", .unit = "ns" };
		char name[32];

		bench_alternate(pair, 2, rounds);
		figure.name = figure_name(i, name, sizeof(name));
		figure.ours = pair[0].ms * 1e6 / REQUESTS;
		figure.reference = pair[1].ms * 1e6 / REQUESTS;
		printf("%-8s %9.1f %9.1f %9.1f\n", kernels[i].name, figure.ours, figure.reference,
		       figure.ours - figure.reference);
		bench_write_figure(&figure);
	}
}

static void list_figures(void)
{
	char name[32];

	for (size_t i = 0; i < KERNELS; i++)
		puts(figure_name(i, name, sizeof(name)));
}

/* Before the library reads its environment, when it is loaded. */
__attribute__((constructor(101))) static void record_all(void)
{
	setenv("HOLDFAST_STRATEGY", "all", 1);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "figures", no_argument, NULL, 'f' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "rounds", required_argument, NULL, 'r' },
		{ 0 },
	};
	const char *kernel = NULL;
	unsigned int rounds = 15;
	bool only_names = false;

	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'f')
			only_names = true;
		else if (option == 'k')
			kernel = optarg;
		else if (option == 'r')
			rounds = strtoul(optarg, NULL, 10);
		else
			return EXIT_FAILURE;
	}
	if (kernel)
		return show_kernel(kernel);
	if (only_names)
		list_figures();
	else
		measure(rounds);
	return EXIT_SUCCESS;
}
