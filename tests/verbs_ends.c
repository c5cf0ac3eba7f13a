/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "verbs_tool.h"

#include <poll.h>
#include <time.h>

const struct wiring plain_wiring = {
	.type = IBV_QPT_RC,
	.access = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC,
	.timeout = 14,
	.retry_cnt = 3,
	.rnr_retry = 7,
	.min_rnr_timer = 12,
	.max_rd_atomic = 4,
	.psn = 0xfffff0,	/* soon over the end of the circle */
};

uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void open_end(struct end *end, unsigned int device)
{
	int count;
	struct ibv_device **list = ibv_get_device_list(&count);

	must(list && (int)device < count);
	memset(end, 0, sizeof(*end));
	end->context = ibv_open_device(list[device]);
	must(end->context);
	ibv_free_device_list(list);
	end->pd = ibv_alloc_pd(end->context);
	end->cq = ibv_create_cq(end->context, 1000, NULL, NULL, 0);
	end->buffer = calloc(1, BUFFER_SIZE);
	must(end->pd && end->cq && end->buffer);
	end->mr = ibv_reg_mr(end->pd, end->buffer, BUFFER_SIZE,
			     IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
				     IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_MW_BIND);
	must(end->mr);
	must(ibv_query_port(end->context, 1, &end->port) == 0);
	must(ibv_query_gid(end->context, 1, 0, &end->gid) == 0);
}

struct ibv_qp *new_qp(struct end *end, enum ibv_qp_type type)
{
	struct ibv_qp_init_attr attr = {
		.send_cq = end->cq,
		.recv_cq = end->cq,
		.srq = end->srq,
		.cap = { .max_send_wr = 100, .max_recv_wr = 100, .max_send_sge = 4, .max_recv_sge = 4,
			 .max_inline_data = 200 },
		.qp_type = type,
	};
	struct ibv_qp *qp = ibv_create_qp(end->pd, &attr);

	must(qp);
	return qp;
}

struct ibv_ah_attr address(const struct end *end, const struct wiring *wiring)
{
	struct ibv_ah_attr ah = { .dlid = end->port.lid + wiring->lid_offset, .sl = wiring->sl, .port_num = 1 };

	if (end->port.link_layer == IBV_LINK_LAYER_ETHERNET) {
		ah.dlid = 0;
		ah.is_global = 1;
		ah.grh = (struct ibv_global_route){ .dgid = end->gid, .hop_limit = 1 };
	}
	return ah;
}

struct ibv_qp_attr attributes(const struct end *own, const struct end *other, const struct wiring *wiring)
{
	struct wiring alternate = { .lid_offset = !wiring->lid_offset, .sl = wiring->sl };
	struct ibv_qp_attr attr = {
		.path_mtu = IBV_MTU_2048,
		.path_mig_state = IBV_MIG_MIGRATED,
		.qkey = 0x1234,
		.rq_psn = wiring->psn,
		.sq_psn = wiring->psn,
		.dest_qp_num = other->qp ? other->qp->qp_num : 0,
		.qp_access_flags = wiring->access,
		.ah_attr = address(other, wiring),
		.alt_ah_attr = address(other, &alternate),
		.port_num = 1,
		.alt_port_num = 1,
		.timeout = wiring->timeout,
		.alt_timeout = wiring->timeout,
		.retry_cnt = wiring->retry_cnt,
		.rnr_retry = wiring->rnr_retry,
		.min_rnr_timer = wiring->min_rnr_timer,
		.max_rd_atomic = wiring->max_rd_atomic,
		.max_dest_rd_atomic = wiring->max_rd_atomic,
		.en_sqd_async_notify = 1,
	};

	(void)own;
	return attr;
}

int modify(struct ibv_qp *qp, struct ibv_qp_attr *attr, enum ibv_qp_state state, int mask)
{
	attr->qp_state = state;
	return ibv_modify_qp(qp, attr, mask | IBV_QP_STATE);
}

void to_init(struct end *end, const struct wiring *wiring)
{
	struct ibv_qp_attr attr = attributes(end, end, wiring);

	must_be(modify(end->qp, &attr, IBV_QPS_INIT, IBV_QP_PKEY_INDEX | IBV_QP_PORT |
		       (wiring->type == IBV_QPT_UD ? IBV_QP_QKEY : IBV_QP_ACCESS_FLAGS)), 0);
}

void to_rtr(struct end *end, const struct end *other, const struct wiring *wiring)
{
	struct ibv_qp_attr attr = attributes(end, other, wiring);
	int mask = 0;

	if (wiring->type != IBV_QPT_UD)
		mask = IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;
	if (wiring->type == IBV_QPT_RC)
		mask |= IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
	must_be(modify(end->qp, &attr, IBV_QPS_RTR, mask), 0);
}

void to_rts(struct end *end, const struct end *other, const struct wiring *wiring)
{
	struct ibv_qp_attr attr = attributes(end, other, wiring);
	int mask = IBV_QP_SQ_PSN;

	if (wiring->type == IBV_QPT_RC)
		mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC;
	must_be(modify(end->qp, &attr, IBV_QPS_RTS, mask), 0);
}

void connect_ends(struct end *a, struct end *b, const struct wiring *wiring)
{
	struct end *ends[] = { a, b };

	for (int i = 0; i < 2; i++) {
		ends[i]->qp = new_qp(ends[i], wiring->type);
		to_init(ends[i], wiring);
	}
	for (int i = 0; i < 2; i++) {
		to_rtr(ends[i], ends[!i], wiring);
		to_rts(ends[i], ends[!i], wiring);
	}
}

struct ibv_qp_attr query(struct ibv_qp *qp)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	must_be(ibv_query_qp(qp, &attr, IBV_QP_STATE, &init), 0);
	return attr;
}

enum ibv_qp_state state_of(struct ibv_qp *qp)
{
	return query(qp).qp_state;
}

bool has_completion(struct end *end, int within_ms, struct ibv_wc *ret_wc)
{
	uint64_t deadline = clock_ms() + within_ms;

	do {
		int count = ibv_poll_cq(end->cq, 1, ret_wc);

		must(count >= 0);
		if (count)
			return true;
		poll(NULL, 0, 1);
	} while (clock_ms() < deadline);
	return false;
}

struct ibv_wc completion(struct end *end)
{
	struct ibv_wc wc;

	must(has_completion(end, DEADLINE_MS, &wc));
	return wc;
}

void complete_with(struct end *end, enum ibv_wc_status status)
{
	struct ibv_wc wc = completion(end);

	if (wc.status != status)
		fprintf(stderr, "status is \"%s\"\n", ibv_wc_status_str(wc.status));
	must_be(wc.status, status);
}

void post_receive(struct end *end, size_t at, uint32_t length)
{
	struct ibv_sge sge = { .addr = (uintptr_t)end->buffer + at, .length = length, .lkey = end->mr->lkey };
	struct ibv_recv_wr *bad, wr = { .wr_id = at, .sg_list = &sge, .num_sge = 1 };

	must_be(end->srq ? ibv_post_srq_recv(end->srq, &wr, &bad) : ibv_post_recv(end->qp, &wr, &bad), 0);
}

struct ibv_send_wr request(struct end *end, enum ibv_wr_opcode opcode, struct ibv_sge *sge, size_t at, uint32_t length)
{
	*sge = (struct ibv_sge){ .addr = (uintptr_t)end->buffer + at, .length = length, .lkey = end->mr->lkey };
	return (struct ibv_send_wr){
		.wr_id = at, .sg_list = sge, .num_sge = 1, .opcode = opcode, .send_flags = IBV_SEND_SIGNALED,
	};
}

int post(struct end *end, struct ibv_send_wr *wr)
{
	struct ibv_send_wr *bad;

	return ibv_post_send(end->qp, wr, &bad);
}

void post_send(struct end *end, size_t at, uint32_t length)
{
	struct ibv_sge sge;
	struct ibv_send_wr wr = request(end, IBV_WR_SEND, &sge, at, length);

	must_be(post(end, &wr), 0);
}

void expect_event(struct end *end, enum ibv_event_type type)
{
	struct pollfd readable = { .fd = end->context->async_fd, .events = POLLIN };
	struct ibv_async_event event;

	must_be(poll(&readable, 1, DEADLINE_MS), 1);
	must_be(ibv_get_async_event(end->context, &event), 0);
	if (event.event_type != type)
		fprintf(stderr, "event is \"%s\"\n", ibv_event_type_str(event.event_type));
	must_be(event.event_type, type);
	ibv_ack_async_event(&event);
}

void exchange(struct end *a, struct end *b)
{
	static uint8_t count;

	memset(a->buffer, ++count, 5000);
	post_receive(b, 100000, 5000);
	post_send(a, 0, 5000);
	complete_with(b, IBV_WC_SUCCESS);
	complete_with(a, IBV_WC_SUCCESS);
	must(memcmp(a->buffer, b->buffer + 100000, 5000) == 0);
}
