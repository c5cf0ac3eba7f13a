/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Two ends of a reliable connection in one process send each other numbered messages of all kinds as fast as they can,
 * until standard input ends: sends, with immediate data and inline, writes with and without immediate data, reads,
 * signalled and not, one by one and in chains. Each end checks that what it receives comes in order, whole and once,
 * and that its own completions come in order, each once, with its own numbers.
 *
 *   preload_order [new] [extended] [events] [flush] [changes]
 *     new        posts with ibv_wr_start() to ibv_wr_complete()
 *     extended   polls with ibv_start_poll() to ibv_end_poll()
 *     events     sleeps for completions
 *     flush      requests may be flushed; then messages may be missing, but none comes twice or out of order
 *
 *     changes    a thread of its own modifies and queries one of the queue pairs all the time
 *
 * It prints "ready" when both are connected, and at the end what came of it.
 */
#include <errno.h>
#include <infiniband/verbs.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE		10240		/* of a buffer */
#define SENDS		32
#define RECEIVES	64
#define TARGETS		256		/* for writes: more than a sender can be ahead of the receiver */
#define CHAIN		5
#define INLINE		128
#define SLEEP_MS	30000		/* nothing may take that long */
#define END		UINT64_MAX	/* the number of the last message */

enum kind { SEND, SEND_INLINE, SEND_IMM, WRITE, WRITE_IMM, READ };

struct end {
	const char *name;
	struct end *peer;
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel;
	struct ibv_cq *send_cq, *recv_cq;
	struct ibv_qp *qp;
	struct ibv_mr *mr;
	struct memory *memory;
	pthread_t thread;
	uint64_t posted, done;		/* messages of our own: posted, completed or known to be */
	uint64_t next_in;		/* the next that is to be received */
	uint64_t received, flushed;
	uint32_t in_buffer;		/* where it will be */
	bool is_end_posted, is_end_done, has_ended;
};

struct memory {
	uint8_t out[SENDS][SIZE];
	uint8_t in[RECEIVES][SIZE];
	uint8_t target[TARGETS][SIZE];
	uint8_t fixed[SIZE];		/* for reads */
};

static bool is_new, is_extended, is_waiting, may_flush, is_changing;
static atomic_bool is_stopping;

static void __attribute__((noreturn, format(printf, 2, 3))) fail(const struct end *end, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printf("%s: ", end ? end->name : "preload_order");
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	fflush(stdout);
	_exit(1);
}

/* ------------------------------------------------------------------------------- messages ---- */

static enum kind kind_of(uint64_t number)
{
	static const enum kind kinds[] = {
		SEND, SEND_INLINE, WRITE_IMM, SEND, WRITE, SEND_IMM, READ, SEND_INLINE, SEND_IMM, WRITE, WRITE_IMM,
	};

	return number == END ? SEND_IMM : kinds[number % (sizeof(kinds) / sizeof(kinds[0]))];
}

static bool is_signalled(uint64_t number)
{
	return number == END || kind_of(number) == READ || number % 7 == 0 || number % 16 == 15;
}

static bool is_received(uint64_t number)
{
	return kind_of(number) != WRITE && kind_of(number) != READ;
}

static uint32_t length_of(uint64_t number)
{
	static const uint32_t lengths[] = { 8, 64, 2000, 2048, 4097, 10000 };

	if (number == END || kind_of(number) == SEND_INLINE)
		return 8 + number % 100;
	return lengths[number % 6];
}

/* The number, and bytes that follow from it. */
static void fill(uint8_t *at, uint64_t number)
{
	memset(at, (int)(number * 31 & 0xff), length_of(number));
	memcpy(at, &number, sizeof(number));
}

static bool is_whole(const uint8_t *at, uint64_t number)
{
	uint32_t length = length_of(number);

	for (uint32_t i = sizeof(number); i < length; i++)
		if (at[i] != (uint8_t)(number * 31))
			return false;
	return memcmp(at, &number, sizeof(number)) == 0;
}

static uint64_t number_at(const uint8_t *at)
{
	uint64_t number;

	memcpy(&number, at, sizeof(number));
	return number;
}

/* -------------------------------------------------------------------------------- sending ---- */

static void build(struct end *end, uint64_t number, struct ibv_send_wr *wr, struct ibv_sge *sge)
{
	static const enum ibv_wr_opcode opcodes[] = {
		[SEND] = IBV_WR_SEND, [SEND_INLINE] = IBV_WR_SEND, [SEND_IMM] = IBV_WR_SEND_WITH_IMM,
		[WRITE] = IBV_WR_RDMA_WRITE, [WRITE_IMM] = IBV_WR_RDMA_WRITE_WITH_IMM, [READ] = IBV_WR_RDMA_READ,
	};
	enum kind kind = kind_of(number);
	uint8_t *out = end->memory->out[(number == END ? end->posted : number) % SENDS];
	struct memory *far = end->peer->memory;

	memset(out, 0, SIZE);
	if (kind != READ)
		fill(out, number);
	*sge = (struct ibv_sge){ .addr = (uintptr_t)out, .length = length_of(number), .lkey = end->mr->lkey };
	*wr = (struct ibv_send_wr){ .wr_id = number, .opcode = opcodes[kind], .sg_list = sge, .num_sge = 1,
				    .imm_data = (uint32_t)number };
	wr->send_flags = (is_signalled(number) ? IBV_SEND_SIGNALED : 0) | (kind == SEND_INLINE ? IBV_SEND_INLINE : 0);
	wr->wr.rdma.rkey = end->peer->mr->rkey;
	wr->wr.rdma.remote_addr = (uintptr_t)(kind == READ ? far->fixed : far->target[number % TARGETS]);
}

static void post_new(struct end *end, const struct ibv_send_wr *wr)
{
	struct ibv_qp_ex *ex = ibv_qp_to_qp_ex(end->qp);
	int err;

	ibv_wr_start(ex);
	for (; wr; wr = wr->next) {
		ex->wr_id = wr->wr_id;
		ex->wr_flags = wr->send_flags & IBV_SEND_SIGNALED;
		if (wr->opcode == IBV_WR_SEND)
			ibv_wr_send(ex);
		else if (wr->opcode == IBV_WR_SEND_WITH_IMM)
			ibv_wr_send_imm(ex, wr->imm_data);
		else if (wr->opcode == IBV_WR_RDMA_WRITE)
			ibv_wr_rdma_write(ex, wr->wr.rdma.rkey, wr->wr.rdma.remote_addr);
		else if (wr->opcode == IBV_WR_RDMA_WRITE_WITH_IMM)
			ibv_wr_rdma_write_imm(ex, wr->wr.rdma.rkey, wr->wr.rdma.remote_addr, wr->imm_data);
		else
			ibv_wr_rdma_read(ex, wr->wr.rdma.rkey, wr->wr.rdma.remote_addr);
		if (wr->send_flags & IBV_SEND_INLINE)
			ibv_wr_set_inline_data(ex, (void *)(uintptr_t)wr->sg_list->addr, wr->sg_list->length);
		else
			ibv_wr_set_sge(ex, wr->sg_list->lkey, wr->sg_list->addr, wr->sg_list->length);
	}
	err = ibv_wr_complete(ex);
	if (err)
		fail(end, "ibv_wr_complete: %s", strerror(err));
}

static void post_chain(struct end *end, struct ibv_send_wr *wr)
{
	struct ibv_send_wr *bad = NULL;
	int err;

	if (is_new) {
		post_new(end, wr);
		return;
	}
	err = ibv_post_send(end->qp, wr, &bad);
	if (err)
		fail(end, "ibv_post_send of %" PRIu64 ": %s", bad ? bad->wr_id : 0, strerror(err));
}

/* Room as the program knows it: what was not signalled counts until a later one has completed. */
static bool post_some(struct end *end)
{
	struct ibv_send_wr wr[CHAIN];
	struct ibv_sge sges[CHAIN];
	unsigned int room = SENDS - 1 - (end->posted - end->done), count = 0, wanted = 1 + end->posted % CHAIN;

	if (atomic_load(&is_stopping) || room < wanted)
		return false;
	for (; count < wanted; count++) {
		build(end, end->posted + count, &wr[count], &sges[count]);
		if (count)
			wr[count - 1].next = &wr[count];
	}
	post_chain(end, wr);
	/* Inline data is the adapter's as soon as it is posted. */
	for (unsigned int i = 0; i < count; i++)
		if (wr[i].send_flags & IBV_SEND_INLINE)
			memset((void *)(uintptr_t)sges[i].addr, 0xee, sges[i].length);
	end->posted += count;
	return true;
}

/* The last one, when all others are done. */
static bool post_end(struct end *end)
{
	struct ibv_send_wr wr;
	struct ibv_sge sge;

	if (!atomic_load(&is_stopping) || end->is_end_posted)
		return false;
	/* What is not signalled at the end completes with it. */
	build(end, END, &wr, &sge);
	post_chain(end, &wr);
	end->is_end_posted = true;
	return true;
}

static void see_sent(struct end *end, uint64_t number, enum ibv_wc_status status)
{
	uint64_t until = number == END ? end->posted : number;

	if (status != IBV_WC_SUCCESS && !(may_flush && status == IBV_WC_WR_FLUSH_ERR))
		fail(end, "message %" PRIu64 ": %s", number, ibv_wc_status_str(status));
	if (number != END && (number < end->done || number >= end->posted))
		fail(end, "completion of %" PRIu64 ", between %" PRIu64 " and %" PRIu64, number, end->done, end->posted);
	for (uint64_t i = end->done; i < until; i++)
		if (is_signalled(i))
			fail(end, "no completion of %" PRIu64 ", but of %" PRIu64, i, number);
	end->flushed += status != IBV_WC_SUCCESS;
	if (number == END) {
		end->done = end->posted;
		end->is_end_done = status == IBV_WC_SUCCESS;
		end->is_end_posted = end->is_end_done;
		return;
	}
	if (status == IBV_WC_SUCCESS && kind_of(number) == READ &&
	    memcmp(end->memory->out[number % SENDS], end->peer->memory->fixed, length_of(number)) != 0)
		fail(end, "read %" PRIu64 " has brought something else", number);
	end->done = number + 1;
}

/* ------------------------------------------------------------------------------ receiving ---- */

static void post_receive(struct end *end, uint32_t buffer)
{
	struct ibv_sge sge = { .addr = (uintptr_t)end->memory->in[buffer], .length = SIZE, .lkey = end->mr->lkey };
	struct ibv_recv_wr wr = { .wr_id = buffer, .sg_list = &sge, .num_sge = 1 }, *bad;
	int err = ibv_post_recv(end->qp, &wr, &bad);

	if (err)
		fail(end, "ibv_post_recv: %s", strerror(err));
}

/* Which message must it be? Where some may be flushed, what is there says it. */
static uint64_t next_message(struct end *end, const uint8_t *in, bool has_imm, uint32_t imm, bool is_write)
{
	uint64_t number = end->next_in, there = number_at(in);

	if (has_imm && imm == UINT32_MAX && !is_write)
		return END;
	while (!is_received(number) || (may_flush && (is_write ? (uint32_t)number != imm : number != there))) {
		number++;
		if (number > end->next_in + 1000000)
			fail(end, "after %" PRIu64 " came %" PRIu64 " again", end->next_in, there);
	}
	return number;
}

static void see_received(struct end *end, const struct ibv_wc *wc)
{
	bool has_imm = wc->wc_flags & IBV_WC_WITH_IMM, is_write = wc->opcode == IBV_WC_RECV_RDMA_WITH_IMM;
	const uint8_t *in = end->memory->in[end->in_buffer];
	uint64_t number;

	if (wc->status != IBV_WC_SUCCESS)
		fail(end, "receive %" PRIu64 ": %s", wc->wr_id, ibv_wc_status_str(wc->status));
	if (wc->wr_id != end->in_buffer)
		fail(end, "receive %" PRIu64 " instead of %u", wc->wr_id, end->in_buffer);
	number = next_message(end, in, has_imm, wc->imm_data, is_write);
	if (is_write)
		in = end->memory->target[number % TARGETS];
	if (is_write != (kind_of(number) == WRITE_IMM) || has_imm != (is_write || kind_of(number) == SEND_IMM) ||
	    (has_imm && wc->imm_data != (uint32_t)number) || wc->byte_len != length_of(number) || !is_whole(in, number))
		fail(end, "message %" PRIu64 " (%u bytes): came as %u bytes, opcode %u, immediate %u, number %" PRIu64
		     ", %s", number, length_of(number), wc->byte_len, wc->opcode, has_imm ? wc->imm_data : 0,
		     number_at(in), is_whole(in, number) ? "whole" : "not whole");
	memset(end->memory->in[end->in_buffer], 0, sizeof(uint64_t));
	post_receive(end, end->in_buffer);
	end->in_buffer = (end->in_buffer + 1) % RECEIVES;
	end->received++;
	if (number == END)
		end->has_ended = true;
	else
		end->next_in = number + 1;
}

/* -------------------------------------------------------------------------------- polling ---- */

static int poll_extended(struct ibv_cq *cq, int count, struct ibv_wc *wc)
{
	struct ibv_cq_ex *ex = (struct ibv_cq_ex *)cq;
	struct ibv_poll_cq_attr attr = { 0 };
	int got = 0, err = ibv_start_poll(ex, &attr);

	if (err)
		return err == ENOENT ? 0 : -err;
	while (!err) {
		wc[got++] = (struct ibv_wc){
			.wr_id = ex->wr_id, .status = ex->status, .opcode = ibv_wc_read_opcode(ex),
			.byte_len = ibv_wc_read_byte_len(ex), .wc_flags = ibv_wc_read_wc_flags(ex),
			.imm_data = ibv_wc_read_imm_data(ex), .qp_num = ibv_wc_read_qp_num(ex),
		};
		err = got < count ? ibv_next_poll(ex) : ENOENT;
	}
	ibv_end_poll(ex);
	return got;
}

static bool look(struct end *end, struct ibv_cq *cq)
{
	struct ibv_wc wc[8];
	int got = is_extended ? poll_extended(cq, 8, wc) : ibv_poll_cq(cq, 1 + (int)(end->posted % 8), wc);

	if (got < 0)
		fail(end, "polling: %d", got);
	for (int i = 0; i < got; i++) {
		if (wc[i].qp_num != end->qp->qp_num)
			fail(end, "a completion of queue pair %u", wc[i].qp_num);
		if (cq == end->send_cq)
			see_sent(end, wc[i].wr_id, wc[i].status);
		else
			see_received(end, &wc[i]);
	}
	return got > 0;
}

static bool look_at_both(struct end *end)
{
	bool is_found = look(end, end->send_cq);

	return look(end, end->recv_cq) || is_found;
}

static bool is_over(const struct end *end)
{
	return end->is_end_done && end->has_ended;
}

/* As a program should: arm, look once more, sleep. Only the end of standard input needs no completion. */
static void sleep_for_completions(struct end *end)
{
	struct pollfd fd = { .fd = end->channel->fd, .events = POLLIN };
	struct ibv_cq *cq;
	void *context;
	int slept = 0;

	if (ibv_req_notify_cq(end->send_cq, 0) || ibv_req_notify_cq(end->recv_cq, 0))
		fail(end, "arming");
	if (look_at_both(end))
		return;
	while (poll(&fd, 1, 100) == 0) {
		slept += 100;
		if (atomic_load(&is_stopping) && !end->is_end_posted)
			return;
		if (slept >= SLEEP_MS && end->posted != end->done)
			fail(end, "sleeps for ever: posted %" PRIu64 ", done %" PRIu64, end->posted, end->done);
	}
	if (ibv_get_cq_event(end->channel, &cq, &context) < 0)
		fail(end, "ibv_get_cq_event");
	ibv_ack_cq_events(cq, 1);
}

static void *run(void *argument)
{
	struct end *end = argument;

	while (!is_over(end)) {
		bool is_busy = post_some(end);

		is_busy = look_at_both(end) || is_busy;
		is_busy = post_end(end) || is_busy;
		if (!is_busy && is_waiting && !is_over(end))
			sleep_for_completions(end);
	}
	return NULL;
}

/* ------------------------------------------------------------------------------- changing ---- */

/* What it asks for is what it sees, and the queue pair is where it was. */
static void *change(void *argument)
{
	struct end *end = argument;

	for (unsigned int i = 0; !atomic_load(&is_stopping); i++) {
		struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTS, .min_rnr_timer = 1 + i % 5 };
		struct ibv_qp_init_attr init;
		int err = ibv_modify_qp(end->qp, &attr, IBV_QP_MIN_RNR_TIMER | (i % 2 ? IBV_QP_STATE : 0));

		if (err)
			fail(end, "change %u: %s", i, strerror(err));
		if (ibv_query_qp(end->qp, &attr, IBV_QP_STATE | IBV_QP_MIN_RNR_TIMER, &init))
			fail(end, "query %u", i);
		if (attr.qp_state != IBV_QPS_RTS || attr.min_rnr_timer != 1 + i % 5)
			fail(end, "change %u: in state %d, with %u", i, attr.qp_state, attr.min_rnr_timer);
	}
	return NULL;
}

/* -------------------------------------------------------------------------------- connect ---- */

static struct ibv_cq *make_cq(struct end *end, int count)
{
	struct ibv_cq_init_attr_ex attr = {
		.cqe = count, .channel = end->channel,
		.wc_flags = IBV_WC_EX_WITH_BYTE_LEN | IBV_WC_EX_WITH_IMM | IBV_WC_EX_WITH_QP_NUM,
	};

	return is_extended ? (struct ibv_cq *)ibv_create_cq_ex(end->context, &attr) :
			     ibv_create_cq(end->context, count, NULL, end->channel, 0);
}

static struct ibv_qp *make_qp(struct end *end)
{
	struct ibv_qp_init_attr_ex attr = {
		.send_cq = end->send_cq, .recv_cq = end->recv_cq, .qp_type = IBV_QPT_RC, .pd = end->pd,
		.cap = { .max_send_wr = SENDS, .max_recv_wr = RECEIVES, .max_send_sge = 1, .max_recv_sge = 1,
			 .max_inline_data = INLINE },
		.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.send_ops_flags = IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM | IBV_QP_EX_WITH_RDMA_WRITE |
				  IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM | IBV_QP_EX_WITH_RDMA_READ,
	};

	return is_new ? ibv_create_qp_ex(end->context, &attr) :
			ibv_create_qp(end->pd, (struct ibv_qp_init_attr *)&attr);
}

static void open_end(struct end *end, struct ibv_device *device)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT, .port_num = 1,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ,
	};

	end->context = ibv_open_device(device);
	end->pd = end->context ? ibv_alloc_pd(end->context) : NULL;
	end->channel = end->pd && is_waiting ? ibv_create_comp_channel(end->context) : NULL;
	end->memory = calloc(1, sizeof(*end->memory));
	if (!end->pd || !end->memory || (is_waiting && !end->channel))
		fail(end, "%s cannot be opened", device->name);
	memset(end->memory->fixed, end->name[0], SIZE);
	end->mr = ibv_reg_mr(end->pd, end->memory, sizeof(*end->memory),
			     IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
	/* Room for what is signalled, and no more: the library has to see to the rest. */
	end->send_cq = make_cq(end, SENDS / 2);
	end->recv_cq = make_cq(end, RECEIVES);
	end->qp = end->mr && end->send_cq && end->recv_cq ? make_qp(end) : NULL;
	if (!end->qp || ibv_modify_qp(end->qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
				      IBV_QP_ACCESS_FLAGS))
		fail(end, "no queue pair");
	for (uint32_t i = 0; i < RECEIVES; i++)
		post_receive(end, i);
}

static void connect_end(struct end *end, uint32_t first_psn)
{
	struct ibv_port_attr port;
	union ibv_gid gid;
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTR, .path_mtu = IBV_MTU_2048, .dest_qp_num = end->peer->qp->qp_num,
		.rq_psn = 0xfffff0 - first_psn, .max_dest_rd_atomic = 4, .min_rnr_timer = 1, .timeout = 17,
		.retry_cnt = 7, .rnr_retry = 7, .sq_psn = first_psn, .max_rd_atomic = 4,
	};

	if (ibv_query_port(end->peer->context, 1, &port) || ibv_query_gid(end->peer->context, 1, 0, &gid))
		fail(end, "no port");
	attr.ah_attr = (struct ibv_ah_attr){ .dlid = port.lid, .port_num = 1 };
	if (port.link_layer == IBV_LINK_LAYER_ETHERNET) {
		attr.ah_attr.is_global = 1;
		attr.ah_attr.grh = (struct ibv_global_route){ .dgid = gid, .hop_limit = 1 };
	}
	if (ibv_modify_qp(end->qp, &attr, IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
			  IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER))
		fail(end, "not to RTR");
	attr.qp_state = IBV_QPS_RTS;
	if (ibv_modify_qp(end->qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
			  IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC))
		fail(end, "not to RTS");
}

static void close_end(struct end *end)
{
	if (ibv_destroy_qp(end->qp) || ibv_destroy_cq(end->send_cq) || ibv_destroy_cq(end->recv_cq) ||
	    (end->channel && ibv_destroy_comp_channel(end->channel)) || ibv_dereg_mr(end->mr) ||
	    ibv_dealloc_pd(end->pd) || ibv_close_device(end->context))
		fail(end, "not all could be destroyed");
	free(end->memory);
}

static void read_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		is_new = is_new || !strcmp(argv[i], "new");
		is_extended = is_extended || !strcmp(argv[i], "extended");
		is_waiting = is_waiting || !strcmp(argv[i], "events");
		may_flush = may_flush || !strcmp(argv[i], "flush");
		is_changing = is_changing || !strcmp(argv[i], "changes");
	}
}

int main(int argc, char **argv)
{
	struct end ends[2] = { { .name = "a", .peer = &ends[1] }, { .name = "b", .peer = &ends[0] } };
	int count;
	struct ibv_device **devices = ibv_get_device_list(&count);
	pthread_t changer;

	read_options(argc, argv);
	if (!devices || count < 2)
		fail(NULL, "there must be two devices");
	for (int i = 0; i < 2; i++)
		open_end(&ends[i], devices[i]);
	/* One of them begins so that its numbers soon wrap. */
	connect_end(&ends[0], 0xffff00);
	connect_end(&ends[1], 0xf0);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&ends[i].thread, NULL, run, &ends[i]))
			fail(NULL, "no thread");
	if (is_changing && pthread_create(&changer, NULL, change, &ends[0]))
		fail(NULL, "no thread");
	printf("ready\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	atomic_store(&is_stopping, true);
	if (is_changing)
		pthread_join(changer, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(ends[i].thread, NULL);
	for (int i = 0; i < 2; i++)
		printf("%s: sent %" PRIu64 ", received %" PRIu64 ", flushed %" PRIu64 "\n", ends[i].name, ends[i].posted,
		       ends[i].received, ends[i].flushed);
	for (int i = 0; i < 2; i++)
		close_end(&ends[i]);
	ibv_free_device_list(devices);
	return 0;
}
