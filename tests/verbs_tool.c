/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What a simulated adapter must do, through libibverbs's public interface, between two adapters of this process (or of
 * any two devices, hfsim0 and hfsim1 being the first two). Each command is one case and ends with 0 if it holds.
 *
 *	verbs_tool CASE
 */
#include "verbs_tool.h"

#include <dlfcn.h>
#include <poll.h>

static struct end a, b;

static void connected(const struct wiring *wiring)
{
	open_end(&a, 0);
	open_end(&b, 1);
	connect_ends(&a, &b, wiring);
}

static void fill(struct end *end, size_t at, size_t length)
{
	static uint8_t seed;

	seed++;
	for (size_t i = 0; i < length; i++)
		end->buffer[at + i] = (i * 7 + i / 251 + seed) & 0xff;
}

static struct ibv_send_wr rdma(enum ibv_wr_opcode opcode, struct ibv_sge *sge, size_t at, uint32_t length, size_t to)
{
	struct ibv_send_wr wr = request(&a, opcode, sge, at, length);

	wr.wr.rdma.remote_addr = (uintptr_t)b.buffer + to;
	wr.wr.rdma.rkey = b.mr->rkey;
	return wr;
}

/* --------------------------------------------------------------------------------- data ---- */

static const uint32_t lengths[] = { 0, 1, 2047, 2048, 2049, 32767, 32768, 32769, 65536, 1000003 };

#define EACH_LENGTH(length) for (size_t i_ = 0; i_ < sizeof(lengths) / sizeof(lengths[0]) && \
				 ((length) = lengths[i_], true); i_++)

static void sends(void)
{
	struct ibv_wc wc;
	uint32_t length;

	connected(&plain_wiring);
	EACH_LENGTH(length) {
		struct ibv_sge sge;
		struct ibv_send_wr wr = request(&a, IBV_WR_SEND_WITH_IMM, &sge, 0, length);

		fill(&a, 0, length);
		post_receive(&b, 1000, length);
		wr.imm_data = htobe32(0xabcd0000 + length);
		must_be(post(&a, &wr), 0);
		wc = completion(&b);
		must_be(wc.status, IBV_WC_SUCCESS);
		must_be(wc.opcode, IBV_WC_RECV);
		must_be(wc.byte_len, length);
		must_be(wc.wc_flags, IBV_WC_WITH_IMM);
		must_be(wc.imm_data, wr.imm_data);
		must_be(wc.qp_num, b.qp->qp_num);
		must_be(wc.src_qp, a.qp->qp_num);
		must(memcmp(a.buffer, b.buffer + 1000, length) == 0);
		wc = completion(&a);
		must_be(wc.status, IBV_WC_SUCCESS);
		must_be(wc.opcode, IBV_WC_SEND);
	}
}

static void pieces(void)
{
	struct ibv_recv_wr *bad, receive = { .num_sge = 2 };
	struct ibv_sge from[3], to[2];
	struct ibv_send_wr wr;

	connected(&plain_wiring);
	wr = request(&a, IBV_WR_SEND, from, 0, 0);
	receive.sg_list = to;
	fill(&a, 0, 100000);
	for (int i = 0; i < 3; i++)
		from[i] = (struct ibv_sge){ (uintptr_t)a.buffer + i * 30000, 10000 + i, a.mr->lkey };
	to[0] = (struct ibv_sge){ (uintptr_t)b.buffer, 5, b.mr->lkey };
	to[1] = (struct ibv_sge){ (uintptr_t)b.buffer + 200000, 50000, b.mr->lkey };
	wr.num_sge = 3;
	must_be(ibv_post_recv(b.qp, &receive, &bad), 0);
	must_be(post(&a, &wr), 0);
	must_be(completion(&b).byte_len, 30003);
	complete_with(&a, IBV_WC_SUCCESS);
	must(memcmp(b.buffer, a.buffer, 5) == 0);
	must(memcmp(b.buffer + 200000, a.buffer + 5, 9995) == 0);
	must(memcmp(b.buffer + 200000 + 9995, a.buffer + 30000, 10001) == 0);
	must(memcmp(b.buffer + 200000 + 19996, a.buffer + 60000, 10002) == 0);
}

static void inlined(void)
{
	struct ibv_send_wr wr;
	struct ibv_sge sge;
	char text[201];

	connected(&plain_wiring);
	wr = request(&a, IBV_WR_SEND, &sge, 0, 200);
	memset(text, 'x', sizeof(text));
	sge = (struct ibv_sge){ .addr = (uintptr_t)text, .length = 200 };
	wr.send_flags |= IBV_SEND_INLINE;
	/* Nothing is posted to receive it, so it waits; the text may change at once. */
	must_be(post(&a, &wr), 0);
	memset(text, 'y', sizeof(text));
	post_receive(&b, 0, 200);
	complete_with(&b, IBV_WC_SUCCESS);
	complete_with(&a, IBV_WC_SUCCESS);
	must(b.buffer[0] == 'x' && b.buffer[199] == 'x');
	sge.length = 201;
	must_be(post(&a, &wr), EINVAL);
}

static void writes(void)
{
	uint32_t length;

	connected(&plain_wiring);
	EACH_LENGTH(length) {
		struct ibv_sge sge;
		struct ibv_send_wr wr = rdma(IBV_WR_RDMA_WRITE, &sge, 0, length, 4096);

		fill(&a, 0, length);
		must_be(post(&a, &wr), 0);
		must_be(completion(&a).opcode, IBV_WC_RDMA_WRITE);
		must(memcmp(a.buffer, b.buffer + 4096, length) == 0);
		wr.opcode = IBV_WR_RDMA_WRITE_WITH_IMM;
		wr.imm_data = 77;
		fill(&a, 0, length);
		post_receive(&b, 0, 0);
		must_be(post(&a, &wr), 0);

		struct ibv_wc wc = completion(&b);

		must_be(wc.opcode, IBV_WC_RECV_RDMA_WITH_IMM);
		must_be(wc.byte_len, length);
		must_be(wc.imm_data, 77);
		must(memcmp(a.buffer, b.buffer + 4096, length) == 0);
		complete_with(&a, IBV_WC_SUCCESS);
	}
}

static void reads(void)
{
	uint32_t length;

	connected(&plain_wiring);
	EACH_LENGTH(length) {
		struct ibv_sge sge;
		struct ibv_send_wr wr = rdma(IBV_WR_RDMA_READ, &sge, 4096, length, 100);

		fill(&b, 100, length);
		must_be(post(&a, &wr), 0);
		must_be(completion(&a).opcode, IBV_WC_RDMA_READ);
		must(memcmp(a.buffer + 4096, b.buffer + 100, length) == 0);
	}
	/* More than may be outstanding at once, and writes between them, which a fence holds back. */
	fill(&b, 0, 40000);
	for (int i = 0; i < 40; i++) {
		struct ibv_sge sge;
		struct ibv_send_wr wr = rdma(IBV_WR_RDMA_READ, &sge, 100000 + i * 1000, 1000, i * 1000);

		must_be(post(&a, &wr), 0);
		wr = rdma(IBV_WR_RDMA_WRITE, &sge, 100000 + i * 1000, 1000, 500000 + i * 1000);
		wr.send_flags |= IBV_SEND_FENCE;
		must_be(post(&a, &wr), 0);
	}
	for (int i = 0; i < 80; i++)
		must_be(completion(&a).opcode, i % 2 ? IBV_WC_RDMA_WRITE : IBV_WC_RDMA_READ);
	must(memcmp(b.buffer, b.buffer + 500000, 40000) == 0);
}

static void atomics(void)
{
	uint64_t *result, *target;
	struct ibv_send_wr wr;
	struct ibv_sge sge;

	connected(&plain_wiring);
	result = (uint64_t *)a.buffer;
	target = (uint64_t *)(b.buffer + 64);
	*target = 40;
	wr = request(&a, IBV_WR_ATOMIC_FETCH_AND_ADD, &sge, 0, 8);
	wr.wr.atomic.remote_addr = (uintptr_t)target;
	wr.wr.atomic.rkey = b.mr->rkey;
	wr.wr.atomic.compare_add = 2;
	must_be(post(&a, &wr), 0);
	must_be(completion(&a).opcode, IBV_WC_FETCH_ADD);
	must_be(*result, 40);
	must_be(*target, 42);
	wr.opcode = IBV_WR_ATOMIC_CMP_AND_SWP;
	wr.wr.atomic.compare_add = 41;
	wr.wr.atomic.swap = 7;
	must_be(post(&a, &wr), 0);
	must_be(completion(&a).opcode, IBV_WC_COMP_SWAP);
	must_be(*result, 42);
	must_be(*target, 42);
	wr.wr.atomic.compare_add = 42;
	must_be(post(&a, &wr), 0);
	complete_with(&a, IBV_WC_SUCCESS);
	must_be(*result, 42);
	must_be(*target, 7);
	wr.wr.atomic.remote_addr += 4;
	must_be(post(&a, &wr), 0);
	complete_with(&a, IBV_WC_REM_INV_REQ_ERR);
	expect_event(&b, IBV_EVENT_QP_REQ_ERR);
}

/* --------------------------------------------------------------------------------- keys ---- */

/* One request with something wrong, on a fresh connection: how it ends here and what the other end is told. */
static void refused(struct ibv_send_wr wr, enum ibv_wc_status status)
{
	must_be(post(&a, &wr), 0);
	complete_with(&a, status);
	must_be(state_of(a.qp), IBV_QPS_ERR);
	must_be(ibv_destroy_qp(a.qp), 0);
	must_be(ibv_destroy_qp(b.qp), 0);
	connect_ends(&a, &b, &plain_wiring);
}

static void keys(void)
{
	struct wiring closed = plain_wiring;
	struct ibv_mr *read_only;
	struct ibv_send_wr wr;
	struct ibv_sge sge;

	connected(&plain_wiring);
	errno = 0;
	must(!ibv_reg_mr(b.pd, b.buffer, 10, IBV_ACCESS_REMOTE_WRITE) && errno == EINVAL);
	read_only = ibv_reg_mr(b.pd, b.buffer, 1000, IBV_ACCESS_REMOTE_READ);
	must(read_only);

	wr = rdma(IBV_WR_RDMA_WRITE, &sge, 0, 100, 0);
	wr.wr.rdma.rkey ^= 0x100;
	refused(wr, IBV_WC_REM_ACCESS_ERR);
	wr = rdma(IBV_WR_RDMA_WRITE, &sge, 0, 100, BUFFER_SIZE - 99);
	refused(wr, IBV_WC_REM_ACCESS_ERR);
	wr = rdma(IBV_WR_RDMA_READ, &sge, 0, 100, -1);
	refused(wr, IBV_WC_REM_ACCESS_ERR);
	wr = rdma(IBV_WR_RDMA_WRITE, &sge, 0, 100, 0);
	wr.wr.rdma.rkey = read_only->rkey;
	refused(wr, IBV_WC_REM_ACCESS_ERR);
	wr = rdma(IBV_WR_RDMA_READ, &sge, 0, 1001, 0);
	wr.wr.rdma.rkey = read_only->rkey;
	refused(wr, IBV_WC_REM_ACCESS_ERR);
	wr = rdma(IBV_WR_RDMA_WRITE, &sge, 0, 100, 0);
	sge.lkey ^= 1;
	refused(wr, IBV_WC_LOC_PROT_ERR);
	wr = rdma(IBV_WR_RDMA_WRITE, &sge, BUFFER_SIZE - 50, 100, 0);
	refused(wr, IBV_WC_LOC_PROT_ERR);
	wr = rdma(IBV_WR_RDMA_READ, &sge, 0, 100, 0);
	wr.wr.rdma.rkey = read_only->rkey;
	must_be(post(&a, &wr), 0);
	complete_with(&a, IBV_WC_SUCCESS);

	/* The queue pair itself allows nothing. */
	must_be(ibv_destroy_qp(a.qp), 0);
	must_be(ibv_destroy_qp(b.qp), 0);
	closed.access = 0;
	connect_ends(&a, &b, &closed);
	wr = rdma(IBV_WR_RDMA_WRITE, &sge, 0, 100, 0);
	must_be(post(&a, &wr), 0);
	complete_with(&a, IBV_WC_REM_ACCESS_ERR);
	expect_event(&b, IBV_EVENT_QP_ACCESS_ERR);
	must_be(state_of(b.qp), IBV_QPS_ERR);

	/* A region of another protection domain is none. */
	must_be(ibv_dereg_mr(read_only), 0);
	must_be(ibv_dealloc_pd(b.pd), EBUSY);
}

static void too_long(void)
{
	connected(&plain_wiring);
	post_receive(&b, 0, 4999);
	post_send(&a, 0, 5000);
	complete_with(&b, IBV_WC_LOC_LEN_ERR);
	complete_with(&a, IBV_WC_REM_INV_REQ_ERR);
	must_be(state_of(a.qp), IBV_QPS_ERR);
	must_be(state_of(b.qp), IBV_QPS_ERR);
}

static void windows(void)
{
	struct ibv_mw *mw;
	struct ibv_send_wr wr;
	struct ibv_sge sge;

	connected(&plain_wiring);
	mw = ibv_alloc_mw(b.pd, IBV_MW_TYPE_2);
	must(mw);
	wr = (struct ibv_send_wr){
		.opcode = IBV_WR_BIND_MW,
		.send_flags = IBV_SEND_SIGNALED,
		.bind_mw = { .mw = mw, .rkey = ibv_inc_rkey(mw->rkey),
			     .bind_info = { b.mr, (uintptr_t)b.buffer + 1000, 100, IBV_ACCESS_REMOTE_WRITE } },
	};
	mw->rkey = wr.bind_mw.rkey;
	must_be(post(&b, &wr), 0);
	must_be(completion(&b).opcode, IBV_WC_BIND_MW);
	must_be(ibv_dereg_mr(b.mr), EBUSY);

	fill(&a, 0, 100);
	wr = rdma(IBV_WR_RDMA_WRITE, &sge, 0, 100, 1000);
	wr.wr.rdma.rkey = mw->rkey;
	must_be(post(&a, &wr), 0);
	complete_with(&a, IBV_WC_SUCCESS);
	must(memcmp(a.buffer, b.buffer + 1000, 100) == 0);

	/* The other end gives it back with a message. */
	post_receive(&b, 0, 10);
	wr = request(&a, IBV_WR_SEND_WITH_INV, &sge, 0, 10);
	wr.invalidate_rkey = mw->rkey;
	must_be(post(&a, &wr), 0);

	struct ibv_wc wc = completion(&b);

	must_be(wc.wc_flags, IBV_WC_WITH_INV);
	must_be(wc.invalidated_rkey, mw->rkey);
	complete_with(&a, IBV_WC_SUCCESS);
	wr = rdma(IBV_WR_RDMA_WRITE, &sge, 0, 100, 1000);
	wr.wr.rdma.rkey = mw->rkey;
	refused(wr, IBV_WC_REM_ACCESS_ERR);

	/* Bound anew, invalidated at home, and bound to what it may not. */
	wr = (struct ibv_send_wr){
		.opcode = IBV_WR_BIND_MW,
		.send_flags = IBV_SEND_SIGNALED,
		.bind_mw = { .mw = mw, .rkey = ibv_inc_rkey(mw->rkey),
			     .bind_info = { b.mr, (uintptr_t)b.buffer, 100, IBV_ACCESS_REMOTE_READ } },
	};
	mw->rkey = wr.bind_mw.rkey;
	must_be(post(&b, &wr), 0);
	complete_with(&b, IBV_WC_SUCCESS);
	wr = (struct ibv_send_wr){ .opcode = IBV_WR_LOCAL_INV, .send_flags = IBV_SEND_SIGNALED };
	wr.invalidate_rkey = mw->rkey;
	must_be(post(&b, &wr), 0);
	must_be(completion(&b).opcode, IBV_WC_LOCAL_INV);
	wr = rdma(IBV_WR_RDMA_READ, &sge, 0, 100, 0);
	wr.wr.rdma.rkey = mw->rkey;
	refused(wr, IBV_WC_REM_ACCESS_ERR);
	wr = (struct ibv_send_wr){
		.opcode = IBV_WR_BIND_MW,
		.bind_mw = { .mw = mw, .rkey = ibv_inc_rkey(mw->rkey),
			     .bind_info = { b.mr, (uintptr_t)b.buffer + BUFFER_SIZE - 10, 100, 0 } },
	};
	must_be(post(&b, &wr), 0);
	complete_with(&b, IBV_WC_MW_BIND_ERR);
	must_be(ibv_dealloc_mw(mw), 0);
	must_be(ibv_dereg_mr(b.mr), 0);
}

static void type_1_window(void)
{
	struct ibv_mw *mw;
	struct ibv_mw_bind bind;
	struct ibv_send_wr wr;
	struct ibv_sge sge;

	connected(&plain_wiring);
	mw = ibv_alloc_mw(b.pd, IBV_MW_TYPE_1);
	must(mw);
	bind = (struct ibv_mw_bind){
		.send_flags = IBV_SEND_SIGNALED,
		.bind_info = { b.mr, (uintptr_t)b.buffer + 100, 50, IBV_ACCESS_REMOTE_READ },
	};
	must_be(ibv_bind_mw(b.qp, mw, &bind), 0);
	must_be(completion(&b).opcode, IBV_WC_BIND_MW);
	wr = rdma(IBV_WR_RDMA_READ, &sge, 0, 50, 100);
	wr.wr.rdma.rkey = mw->rkey;
	must_be(post(&a, &wr), 0);
	complete_with(&a, IBV_WC_SUCCESS);
	wr = rdma(IBV_WR_RDMA_WRITE, &sge, 0, 50, 100);
	wr.wr.rdma.rkey = mw->rkey;
	refused(wr, IBV_WC_REM_ACCESS_ERR);
}

/* ----------------------------------------------------------------------- receiver not ready ---- */

static void not_ready(void)
{
	struct wiring impatient = plain_wiring;

	impatient.rnr_retry = 2;
	impatient.min_rnr_timer = 16;	/* 2.56 ms */
	connected(&impatient);
	post_send(&a, 0, 100);
	complete_with(&a, IBV_WC_RNR_RETRY_EXC_ERR);
	must_be(state_of(a.qp), IBV_QPS_ERR);
	must_be(state_of(b.qp), IBV_QPS_RTS);

	/* Patient for ever; in order when it is ready at last. */
	must_be(ibv_destroy_qp(a.qp), 0);
	must_be(ibv_destroy_qp(b.qp), 0);
	connect_ends(&a, &b, &plain_wiring);
	fill(&a, 0, 300000);
	for (int i = 0; i < 3; i++)
		post_send(&a, i * 100000, 100000);
	poll(NULL, 0, 50);
	for (int i = 0; i < 3; i++) {
		post_receive(&b, 1000000 + i * 100000, 100000);
		poll(NULL, 0, 10);
	}
	for (int i = 0; i < 3; i++) {
		must_be(completion(&b).wr_id, 1000000 + i * 100000);
		must_be(completion(&a).wr_id, i * 100000);
	}
	must(memcmp(a.buffer, b.buffer + 1000000, 300000) == 0);
}

static void shared_receives(void)
{
	struct ibv_srq_init_attr init = { .attr = { .max_wr = 20, .max_sge = 1 } };
	struct ibv_srq_attr limit = { .srq_limit = 5 };
	struct ibv_qp_attr attr;

	open_end(&a, 0);
	open_end(&b, 1);
	b.srq = ibv_create_srq(b.pd, &init);
	must(b.srq);
	connect_ends(&a, &b, &plain_wiring);
	for (int i = 0; i < 8; i++)
		post_receive(&b, i * 1000, 1000);
	must_be(ibv_modify_srq(b.srq, &limit, IBV_SRQ_LIMIT), 0);
	for (int i = 0; i < 4; i++) {
		post_send(&a, 0, 500);
		must_be(completion(&b).wr_id, i * 1000);
		complete_with(&a, IBV_WC_SUCCESS);
	}
	expect_event(&b, IBV_EVENT_SRQ_LIMIT_REACHED);
	must_be(ibv_query_srq(b.srq, &limit), 0);
	must_be(limit.srq_limit, 0);
	must_be(ibv_destroy_srq(b.srq), EBUSY);
	attr = attributes(&b, &a, &plain_wiring);
	must_be(modify(b.qp, &attr, IBV_QPS_ERR, 0), 0);
	expect_event(&b, IBV_EVENT_QP_LAST_WQE_REACHED);
	must_be(ibv_destroy_qp(b.qp), 0);
	must_be(ibv_destroy_srq(b.srq), 0);
}

/* -------------------------------------------------------------------------------- flushes ---- */

static void flushes(void)
{
	struct ibv_qp_attr attr;
	struct ibv_wc wc;

	connected(&plain_wiring);
	for (int i = 0; i < 3; i++)
		post_receive(&a, i, 10);
	post_send(&a, 100, 10);	/* waits for a receive */
	poll(NULL, 0, 5);
	attr = attributes(&a, &b, &plain_wiring);
	must_be(modify(a.qp, &attr, IBV_QPS_ERR, 0), 0);
	for (int i = 0; i < 4; i++)
		complete_with(&a, IBV_WC_WR_FLUSH_ERR);
	post_send(&a, 100, 10);
	post_receive(&a, 0, 10);
	complete_with(&a, IBV_WC_WR_FLUSH_ERR);
	complete_with(&a, IBV_WC_WR_FLUSH_ERR);
	must(!has_completion(&a, 20, &wc));

	/* A reset takes back what has not been polled. */
	post_send(&a, 100, 10);
	must_be(modify(a.qp, &attr, IBV_QPS_RESET, 0), 0);
	must(!has_completion(&a, 20, &wc));
	to_init(&a, &plain_wiring);
	to_rtr(&a, &b, &plain_wiring);
	to_rts(&a, &b, &plain_wiring);
	must_be(modify(b.qp, &attr, IBV_QPS_RESET, 0), 0);
	to_init(&b, &plain_wiring);
	to_rtr(&b, &a, &plain_wiring);
	to_rts(&b, &a, &plain_wiring);
	exchange(&a, &b);
	exchange(&b, &a);
}

static void overrun(void)
{
	struct ibv_cq *small;

	open_end(&a, 0);
	open_end(&b, 1);
	small = ibv_create_cq(a.context, 2, NULL, NULL, 0);
	must(small);
	must_be(ibv_destroy_cq(a.cq), 0);
	a.cq = small;
	connect_ends(&a, &b, &plain_wiring);
	for (int i = 0; i < 3; i++) {
		post_receive(&b, 0, 10);
		post_send(&a, 0, 10);
		complete_with(&b, IBV_WC_SUCCESS);
	}
	expect_event(&a, IBV_EVENT_CQ_ERR);
	expect_event(&a, IBV_EVENT_QP_FATAL);
}

/* ---------------------------------------------------------------------------- notification ---- */

static void notified(void)
{
	struct ibv_comp_channel *channel;
	struct pollfd readable = { .events = POLLIN };
	struct ibv_cq *cq;
	void *context;

	open_end(&a, 0);
	open_end(&b, 1);
	channel = ibv_create_comp_channel(b.context);
	must(channel);
	must_be(ibv_destroy_cq(b.cq), 0);
	b.cq = ibv_create_cq(b.context, 100, &b, channel, 0);
	must(b.cq);
	connect_ends(&a, &b, &plain_wiring);
	readable.fd = channel->fd;
	must_be(ibv_req_notify_cq(b.cq, 0), 0);
	must_be(poll(&readable, 1, 20), 0);
	for (int i = 0; i < 3; i++)
		post_receive(&b, 0, 10);
	post_send(&a, 0, 10);
	must_be(poll(&readable, 1, DEADLINE_MS), 1);
	must_be(ibv_get_cq_event(channel, &cq, &context), 0);
	must(cq == b.cq && context == &b);
	complete_with(&b, IBV_WC_SUCCESS);

	/* Armed for one event; for solicited ones this message is none, the next is. */
	must_be(ibv_req_notify_cq(b.cq, 1), 0);
	post_send(&a, 0, 10);
	complete_with(&b, IBV_WC_SUCCESS);
	must_be(poll(&readable, 1, 20), 0);

	struct ibv_sge sge;
	struct ibv_send_wr wr = request(&a, IBV_WR_SEND, &sge, 0, 10);

	wr.send_flags |= IBV_SEND_SOLICITED;
	must_be(post(&a, &wr), 0);
	must_be(poll(&readable, 1, DEADLINE_MS), 1);
	must_be(ibv_get_cq_event(channel, &cq, &context), 0);
	ibv_ack_cq_events(b.cq, 2);
	must_be(ibv_destroy_qp(b.qp), 0);
	must_be(ibv_destroy_comp_channel(channel), EBUSY);
	must_be(ibv_destroy_cq(b.cq), 0);
	must_be(ibv_destroy_comp_channel(channel), 0);
}

/* ------------------------------------------------------------------------------------ SQD ---- */

static void drained(void)
{
	struct ibv_qp_attr attr;
	struct ibv_wc wc;

	connected(&plain_wiring);
	attr = attributes(&a, &b, &plain_wiring);
	/* Something is on its way, for nobody receives it yet. */
	post_send(&a, 0, 200000);
	must_be(modify(a.qp, &attr, IBV_QPS_SQD, IBV_QP_EN_SQD_ASYNC_NOTIFY), 0);
	must_be(query(a.qp).sq_draining, 1);
	attr.ah_attr.sl = 3;
	must_be(modify(a.qp, &attr, IBV_QPS_SQD, IBV_QP_AV), EBUSY);
	post_send(&a, 0, 1000);
	post_receive(&b, 0, 200000);
	post_receive(&b, 0, 200000);
	complete_with(&a, IBV_WC_SUCCESS);
	complete_with(&b, IBV_WC_SUCCESS);
	expect_event(&a, IBV_EVENT_SQ_DRAINED);
	must_be(query(a.qp).sq_draining, 0);
	must(!has_completion(&a, 30, &wc));
	must_be(modify(a.qp, &attr, IBV_QPS_SQD, IBV_QP_AV), 0);

	/* The other direction goes on meanwhile. */
	exchange(&b, &a);
	must(!has_completion(&b, 10, &wc));
	must_be(modify(a.qp, &attr, IBV_QPS_RTS, 0), 0);
	complete_with(&a, IBV_WC_SUCCESS);
	must_be(completion(&b).sl, 3);
	must_be(query(a.qp).ah_attr.sl, 3);
}

/* ------------------------------------------------------------------------------------ APM ---- */

static void rearm(struct end *end, const struct end *other, const struct wiring *wiring)
{
	struct ibv_qp_attr attr = attributes(end, other, wiring);

	attr.alt_ah_attr.sl = 5;
	attr.path_mig_state = IBV_MIG_REARM;
	must_be(modify(end->qp, &attr, IBV_QPS_RTS, IBV_QP_ALT_PATH | IBV_QP_PATH_MIG_STATE), 0);
	must_be(query(end->qp).path_mig_state, IBV_MIG_REARM);
}

/* Both ends are armed when both have heard from the other. */
static void arm(const struct wiring *wiring)
{
	rearm(&a, &b, wiring);
	exchange(&a, &b);
	must_be(query(a.qp).path_mig_state, IBV_MIG_REARM);
	rearm(&b, &a, wiring);
	exchange(&a, &b);
	exchange(&b, &a);
	must_be(query(a.qp).path_mig_state, IBV_MIG_ARMED);
	must_be(query(b.qp).path_mig_state, IBV_MIG_ARMED);
}

static void migrated(void)
{
	struct ibv_qp_attr attr;

	connected(&plain_wiring);
	attr = attributes(&a, &b, &plain_wiring);
	attr.path_mig_state = IBV_MIG_REARM;
	must_be(modify(a.qp, &attr, IBV_QPS_RTS, IBV_QP_PATH_MIG_STATE), EINVAL);	/* without another path */
	attr.path_mig_state = IBV_MIG_ARMED;
	must_be(modify(a.qp, &attr, IBV_QPS_RTS, IBV_QP_ALT_PATH | IBV_QP_PATH_MIG_STATE), EINVAL);
	arm(&plain_wiring);
	attr.path_mig_state = IBV_MIG_MIGRATED;
	must_be(modify(a.qp, &attr, IBV_QPS_RTS, IBV_QP_PATH_MIG_STATE), 0);
	expect_event(&a, IBV_EVENT_PATH_MIG);
	must_be(query(a.qp).ah_attr.sl, 5);
	exchange(&a, &b);
	expect_event(&b, IBV_EVENT_PATH_MIG);
	must_be(query(b.qp).path_mig_state, IBV_MIG_MIGRATED);
	must_be(query(b.qp).ah_attr.sl, 5);
	must_be(query(b.qp).ah_attr.dlid, a.port.lid + 1);
	exchange(&b, &a);
	/* And once more, back to where it came from. */
	arm(&plain_wiring);
}

/* The path that is used breaks: whoever sends finds out, the other follows. The script breaks it at "armed". */
static void migrated_by_failure(void)
{
	connected(&plain_wiring);
	arm(&plain_wiring);
	puts("armed");
	fflush(stdout);
	must(getchar() == '\n');
	exchange(&a, &b);
	expect_event(&a, IBV_EVENT_PATH_MIG);
	expect_event(&b, IBV_EVENT_PATH_MIG);
	must_be(query(a.qp).ah_attr.dlid, b.port.lid + 1);
	exchange(&b, &a);
}

/* ------------------------------------------------------------------------------- failures ---- */

/* The script breaks the path between "ready" and the line that it sends. */
static void lost(void)
{
	struct wiring quick = plain_wiring;
	uint64_t began;

	quick.timeout = 15;	/* 134 ms, and as often again as retry_cnt says */
	quick.retry_cnt = 2;
	connected(&quick);
	exchange(&a, &b);
	puts("ready");
	fflush(stdout);
	must(getchar() == '\n');
	began = clock_ms();
	post_receive(&b, 0, 10);
	for (int i = 0; i < 3; i++)
		post_send(&a, 0, 10);
	complete_with(&a, IBV_WC_RETRY_EXC_ERR);
	printf("after %d ms\n", (int)(clock_ms() - began));
	must(clock_ms() - began >= 3 * 134);
	complete_with(&a, IBV_WC_WR_FLUSH_ERR);
	complete_with(&a, IBV_WC_WR_FLUSH_ERR);
	must_be(state_of(a.qp), IBV_QPS_ERR);
	must_be(state_of(b.qp), IBV_QPS_RTS);
}

/* The path comes back before the retries are used up: nothing is lost. */
static void healed(void)
{
	struct wiring patient = plain_wiring;
	struct ibv_wc wc;

	patient.timeout = 16;
	patient.retry_cnt = 7;
	connected(&patient);
	fill(&a, 0, 1000000);
	for (int i = 0; i < 10; i++)
		post_receive(&b, 2000000 + i * 100000, 100000);
	puts("ready");
	fflush(stdout);
	must(getchar() == '\n');
	for (int i = 0; i < 10; i++)
		post_send(&a, i * 100000, 100000);
	must(!has_completion(&a, 100, &wc));
	puts("lost");
	fflush(stdout);
	for (int i = 0; i < 10; i++) {
		complete_with(&a, IBV_WC_SUCCESS);
		complete_with(&b, IBV_WC_SUCCESS);
	}
	must(memcmp(a.buffer, b.buffer + 2000000, 1000000) == 0);
}

static void unreliable(void)
{
	struct wiring wiring = plain_wiring;
	struct ibv_wc wc;

	wiring.type = IBV_QPT_UC;
	connected(&wiring);
	exchange(&a, &b);
	/* Nobody receives it: it is gone, and the next one comes. */
	post_send(&a, 0, 100000);
	complete_with(&a, IBV_WC_SUCCESS);
	must(!has_completion(&b, 20, &wc));
	exchange(&a, &b);
	puts("ready");
	fflush(stdout);
	must(getchar() == '\n');
	post_receive(&b, 100000, 5000);
	post_send(&a, 0, 5000);
	complete_with(&a, IBV_WC_SUCCESS);
	must(!has_completion(&b, 50, &wc));
}

/* The other end is there and does not listen. */
static void deaf(void)
{
	struct wiring quick = plain_wiring;

	quick.timeout = 10;
	open_end(&a, 0);
	open_end(&b, 1);
	a.qp = new_qp(&a, IBV_QPT_RC);
	b.qp = new_qp(&b, IBV_QPT_RC);
	to_init(&a, &quick);
	to_rtr(&a, &b, &quick);
	to_rts(&a, &b, &quick);
	/* A queue pair that is not ready answers nothing. */
	post_send(&a, 0, 10);
	complete_with(&a, IBV_WC_RETRY_EXC_ERR);
	must_be(ibv_destroy_qp(a.qp), 0);
	must_be(ibv_destroy_qp(b.qp), 0);
}

static void port_events(void)
{
	open_end(&a, 0);
	puts("ready");
	fflush(stdout);
	expect_event(&a, IBV_EVENT_PORT_ERR);
	puts("down");
	fflush(stdout);
	expect_event(&a, IBV_EVENT_PORT_ACTIVE);
}

/* ------------------------------------------------------------------------------ datagrams ---- */

static void send_datagram(struct ibv_ah *ah, uint32_t qpn, uint32_t qkey, uint32_t length)
{
	struct ibv_sge sge;
	struct ibv_send_wr wr = request(&a, IBV_WR_SEND, &sge, 0, length);

	wr.wr.ud.ah = ah;
	wr.wr.ud.remote_qpn = qpn;
	wr.wr.ud.remote_qkey = qkey;
	must_be(post(&a, &wr), 0);
	complete_with(&a, IBV_WC_SUCCESS);
}

static void datagrams(void)
{
	struct wiring wiring = plain_wiring;
	struct ibv_ah_attr to = { .sl = 2, .port_num = 1, .is_global = 1 };
	union ibv_gid gid;
	struct ibv_grh *grh;
	struct ibv_ah *ah;
	struct ibv_wc wc;

	wiring.type = IBV_QPT_UD;
	connected(&wiring);
	must_be(ibv_query_gid(b.context, 1, 0, &gid), 0);
	to.dlid = b.port.lid;
	to.grh = (struct ibv_global_route){ .dgid = gid, .hop_limit = 7, .traffic_class = 9, .flow_label = 0x12345 };
	ah = ibv_create_ah(a.pd, &to);
	must(ah);
	fill(&a, 0, 2048);
	post_receive(&b, 0, 2088);
	send_datagram(ah, b.qp->qp_num, 0x1234, 2048);
	wc = completion(&b);
	must_be(wc.status, IBV_WC_SUCCESS);
	must_be(wc.byte_len, 2088);
	must_be(wc.wc_flags, IBV_WC_GRH);
	must_be(wc.src_qp, a.qp->qp_num);
	must_be(wc.slid, a.port.lid);
	must_be(wc.sl, 2);
	must(memcmp(a.buffer, b.buffer + 40, 2048) == 0);
	grh = (struct ibv_grh *)b.buffer;
	must_be(be32toh(grh->version_tclass_flow), 0x60912345);
	must(memcmp(&grh->dgid, &gid, sizeof(gid)) == 0);

	/* An answer to where it came from. */
	struct ibv_ah_attr back;

	must_be(ibv_init_ah_from_wc(b.context, 1, &wc, grh, &back), 0);
	must_be(back.dlid, a.port.lid);
	must_be(back.is_global, 1);

	/* What has another Q_Key, goes to nobody, or finds nothing posted is gone. */
	post_receive(&b, 0, 2088);
	send_datagram(ah, b.qp->qp_num, 0x4321, 10);
	send_datagram(ah, b.qp->qp_num ^ 0x100, 0x1234, 10);
	must(!has_completion(&b, 30, &wc));
	send_datagram(ah, b.qp->qp_num, 0x1234, 10);
	must_be(completion(&b).byte_len, 50);
	send_datagram(ah, b.qp->qp_num, 0x1234, 10);
	must(!has_completion(&b, 30, &wc));

	struct ibv_sge sge;
	struct ibv_send_wr wr = request(&a, IBV_WR_SEND, &sge, 0, 2049);

	wr.wr.ud.ah = ah;
	must_be(post(&a, &wr), EINVAL);
	must_be(ibv_destroy_ah(ah), 0);
}

/* A datagram to MLID 0xc005; verbs_tool multicast HOW_MANY: so many of the other devices have it. */
static void multicast(int wanted)
{
	static const union ibv_gid group = { .raw = { 0xff, 0x12, 0x40, 0x1b, [15] = 5 } };
	struct wiring wiring = plain_wiring;
	struct ibv_ah_attr to = {
		.dlid = 0xc005, .port_num = 1, .is_global = 1, .grh = { .dgid = group, .hop_limit = 1 },
	};
	struct end others[8];
	struct ibv_wc wc;
	struct ibv_ah *ah;
	int count, got = 0;

	ibv_free_device_list(ibv_get_device_list(&count));
	must(count >= 2 && count <= 9);
	wiring.type = IBV_QPT_UD;
	open_end(&a, 0);
	a.qp = new_qp(&a, IBV_QPT_UD);
	to_init(&a, &wiring);
	to_rtr(&a, &a, &wiring);
	to_rts(&a, &a, &wiring);
	for (int i = 0; i < count - 1; i++) {
		open_end(&others[i], i + 1);
		others[i].qp = new_qp(&others[i], IBV_QPT_UD);
		to_init(&others[i], &wiring);
		to_rtr(&others[i], &a, &wiring);
		must_be(ibv_attach_mcast(others[i].qp, &group, 0xc005), 0);
		post_receive(&others[i], 0, 1000);
	}
	ah = ibv_create_ah(a.pd, &to);
	must(ah);
	fill(&a, 0, 100);
	send_datagram(ah, 0xffffff, 0x1234, 100);
	for (int i = 0; i < count - 1; i++) {
		if (!has_completion(&others[i], 100, &wc))
			continue;
		got++;
		must_be(wc.byte_len, 140);
		must(memcmp(a.buffer, others[i].buffer + 40, 100) == 0);
		must_be(ibv_detach_mcast(others[i].qp, &group, 0xc005), 0);
		post_receive(&others[i], 0, 1000);
	}
	must_be(got, wanted);
	send_datagram(ah, 0xffffff, 0x1234, 100);
	for (int i = 0; i < count - 1; i++)
		must(!has_completion(&others[i], 20, &wc));
}

/* -------------------------------------------------------------- the extended interfaces ---- */

static void extended(void)
{
	struct ibv_cq_init_attr_ex cq_attr = { .cqe = 100, .wc_flags = IBV_WC_STANDARD_FLAGS };
	struct ibv_qp_init_attr_ex attr = {
		.cap = { .max_send_wr = 10, .max_recv_wr = 10, .max_send_sge = 2, .max_recv_sge = 2,
			 .max_inline_data = 64 },
		.qp_type = IBV_QPT_RC,
		.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.send_ops_flags = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_RDMA_WRITE,
	};
	struct ibv_poll_cq_attr no_attr = { 0 };
	struct ibv_cq_ex *cq;
	struct ibv_qp_ex *ex;

	open_end(&a, 0);
	open_end(&b, 1);
	cq = ibv_create_cq_ex(a.context, &cq_attr);
	must(cq);
	attr.pd = a.pd;
	attr.send_cq = attr.recv_cq = ibv_cq_ex_to_cq(cq);
	a.qp = ibv_create_qp_ex(a.context, &attr);
	must(a.qp);
	ex = ibv_qp_to_qp_ex(a.qp);
	must(ex);
	b.qp = new_qp(&b, IBV_QPT_RC);
	must(!ibv_qp_to_qp_ex(b.qp));
	to_init(&a, &plain_wiring);
	to_init(&b, &plain_wiring);
	to_rtr(&a, &b, &plain_wiring);
	to_rtr(&b, &a, &plain_wiring);
	to_rts(&a, &b, &plain_wiring);
	post_receive(&b, 0, 100);
	fill(&a, 0, 1000);
	ibv_wr_start(ex);
	ex->wr_id = 1;
	ex->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_rdma_write(ex, b.mr->rkey, (uintptr_t)b.buffer + 5000);
	ibv_wr_set_sge(ex, a.mr->lkey, (uintptr_t)a.buffer, 1000);
	ex->wr_id = 2;
	ibv_wr_send(ex);
	ibv_wr_set_inline_data(ex, "hello", 5);
	must_be(ibv_wr_complete(ex), 0);
	must_be(completion(&b).byte_len, 5);
	expect_event(&b, IBV_EVENT_COMM_EST);	/* it is ready to receive only */
	must(memcmp(b.buffer, "hello", 5) == 0 && memcmp(b.buffer + 5000, a.buffer, 1000) == 0);

	int rc = ENOENT;

	for (uint64_t deadline = clock_ms() + DEADLINE_MS; rc == ENOENT && clock_ms() < deadline;)
		rc = ibv_start_poll(cq, &no_attr);
	must_be(rc, 0);
	must_be(cq->wr_id, 1);
	must_be(cq->status, IBV_WC_SUCCESS);
	must_be(ibv_wc_read_opcode(cq), IBV_WC_RDMA_WRITE);
	while ((rc = ibv_next_poll(cq)) == ENOENT) {
		ibv_end_poll(cq);
		while (ibv_start_poll(cq, &no_attr) != 0)
			;
		break;
	}
	must_be(cq->wr_id, 2);
	ibv_end_poll(cq);
	ibv_wr_start(ex);
	ibv_wr_send(ex);
	ibv_wr_abort(ex);
}

/* A program that loads libibverbs itself. */
static void loaded(void)
{
	void *library = dlopen("libibverbs.so.1", RTLD_NOW);
	struct ibv_device **(*list)(int *count);
	const char *(*status_name)(enum ibv_wc_status status);
	const char *(*name)(struct ibv_device *device);
	int count;

	must(library);
	list = dlvsym(library, "ibv_get_device_list", "IBVERBS_1.1");
	name = dlsym(library, "ibv_get_device_name");
	status_name = dlsym(library, "ibv_wc_status_str");
	must(list);
	must(name);
	must(status_name);
	must(list(&count) && count == 2);
	must(strcmp(name(list(NULL)[1]), "hfsim1") == 0);
	must(strcmp(status_name(IBV_WC_SUCCESS), "success") == 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "transitions", transitions }, { "answers", answers }, { "sends", sends }, { "pieces", pieces }, { "inlined", inlined },
	{ "writes", writes }, { "reads", reads }, { "atomics", atomics }, { "keys", keys }, { "too_long", too_long },
	{ "windows", windows }, { "type_1_window", type_1_window }, { "not_ready", not_ready },
	{ "shared_receives", shared_receives }, { "flushes", flushes }, { "overrun", overrun },
	{ "notified", notified }, { "drained", drained }, { "migrated", migrated },
	{ "migrated_by_failure", migrated_by_failure }, { "lost", lost }, { "healed", healed },
	{ "unreliable", unreliable }, { "deaf", deaf }, { "port_events", port_events },
	{ "datagrams", datagrams }, { "extended", extended }, { "loaded", loaded },
};

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "multicast") == 0) {
		multicast(atoi(argv[2]));
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return EXIT_SUCCESS;
		}
	}
	fprintf(stderr, "usage: verbs_tool CASE\n");
	return EXIT_FAILURE;
}
