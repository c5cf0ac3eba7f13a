/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The sending half. A request begins at a packet sequence number and is sent in parts; what is not acknowledged is sent
 * again from the beginning of the oldest request that is not, of which the responder drops what it has.
 *
 * A timer runs while something is known to be lost: the fabric says so of each packet, and the other end of each
 * answer. A real adapter cannot know and waits; here a process that the machine gives no time to would look like a
 * loss.
 */
#include <errno.h>
#include <string.h>

#include "sim/verbs/adapter.h"

#define TIMEOUT_UNIT_NS		4096
#define INFINITE_RNR_RETRIES	7
#define LOOK_NS			UINT64_C(200000000)	/* how often one looks if the other end still lives */
#define PATIENCE_NS		UINT64_C(5000000000)	/* with an end that lives and does not answer */

static struct hf_request *request_at(struct hf_qp *qp, uint64_t number)
{
	return &qp->requests[number % qp->cap.max_send_wr];
}

static bool is_connected(const struct hf_qp *qp)
{
	return qp->ibv.qp_type == IBV_QPT_RC;
}

static bool is_local(const struct hf_request *request)
{
	return request->opcode == IBV_WR_LOCAL_INV || request->opcode == IBV_WR_BIND_MW;
}

static bool is_atomic(const struct hf_request *request)
{
	return request->opcode == IBV_WR_ATOMIC_CMP_AND_SWP || request->opcode == IBV_WR_ATOMIC_FETCH_AND_ADD;
}

static bool is_read(const struct hf_request *request)
{
	return request->opcode == IBV_WR_RDMA_READ || is_atomic(request);
}

static uint32_t packets_of(const struct hf_qp *qp, uint64_t bytes)
{
	return bytes ? (bytes + qp->mtu - 1) / qp->mtu : 1;
}

/* --------------------------------------------------------------------------- completions ---- */

static enum ibv_wc_opcode wc_opcode(enum ibv_wr_opcode opcode)
{
	switch (opcode) {
	case IBV_WR_RDMA_WRITE:
	case IBV_WR_RDMA_WRITE_WITH_IMM:
		return IBV_WC_RDMA_WRITE;
	case IBV_WR_RDMA_READ:
		return IBV_WC_RDMA_READ;
	case IBV_WR_ATOMIC_CMP_AND_SWP:
		return IBV_WC_COMP_SWAP;
	case IBV_WR_ATOMIC_FETCH_AND_ADD:
		return IBV_WC_FETCH_ADD;
	case IBV_WR_LOCAL_INV:
		return IBV_WC_LOCAL_INV;
	case IBV_WR_BIND_MW:
		return IBV_WC_BIND_MW;
	case IBV_WR_SEND:
	case IBV_WR_SEND_WITH_IMM:
	case IBV_WR_SEND_WITH_INV:
	case IBV_WR_TSO:
	case IBV_WR_DRIVER1:
	case IBV_WR_ATOMIC_WRITE:
		break;
	}
	return IBV_WC_SEND;
}

static void complete(struct hf_qp *qp, enum ibv_wc_status status)
{
	const struct hf_request *request = request_at(qp, qp->done);
	struct ibv_wc wc = {
		.wr_id = request->wr_id,
		.status = status,
		.opcode = wc_opcode(request->opcode),
		.byte_len = request->length,
		.qp_num = qp->ibv.qp_num,
	};

	if (request->is_out)
		qp->reads_out--;
	qp->done++;
	if (qp->next < qp->done)
		qp->next = qp->done;
	if (status != IBV_WC_SUCCESS || qp->signals_all || (request->flags & IBV_SEND_SIGNALED))
		hf_cq_add_locked(qp->ibv.send_cq, &wc, false);
}

/* The request that is next to be completed has failed: so has the queue pair. */
static void fail(struct hf_qp *qp, enum ibv_wc_status status)
{
	if (qp->done < qp->posted)
		complete(qp, status);
	hf_qp_error_locked(qp);
}

/* A datagram or unreliable connection that cannot send goes on receiving. */
static void fail_send(struct hf_qp *qp, enum ibv_wc_status status)
{
	if (is_connected(qp)) {
		fail(qp, status);
		return;
	}
	complete(qp, status);
	while (qp->done < qp->posted)
		complete(qp, IBV_WC_WR_FLUSH_ERR);
	qp->state = qp->ibv.state = IBV_QPS_SQE;
}

void hf_requester_flush_locked(struct hf_qp *qp)
{
	while (qp->done < qp->posted)
		complete(qp, IBV_WC_WR_FLUSH_ERR);
	qp->is_lost = false;
	hf_qp_set_timer_locked(qp, HF_NEVER);
}

void hf_requester_reset_locked(struct hf_qp *qp)
{
	qp->posted = qp->next = qp->done = 0;
	qp->reads_out = 0;
	qp->is_lost = false;
	qp->rnr_until_ns = 0;
	qp->wants_drained_event = false;
	qp->is_drained = false;
	hf_qp_set_timer_locked(qp, HF_NEVER);
}

/* -------------------------------------------------------------------------------- timers ---- */

static uint64_t timeout_ns(const struct hf_qp *qp)
{
	return qp->path.timeout ? (uint64_t)TIMEOUT_UNIT_NS << (qp->path.timeout & 31) : HF_NEVER;
}

static uint64_t later(uint64_t now_ns, uint64_t span_ns)
{
	return span_ns == HF_NEVER ? HF_NEVER : now_ns + span_ns;
}

static bool is_unanswered(const struct hf_qp *qp)
{
	return is_connected(qp) && (qp->done < qp->next || (qp->done < qp->posted &&
	       qp->requests[qp->done % qp->cap.max_send_wr].sent > 0));
}

static void set_timer(struct hf_qp *qp, uint64_t now_ns)
{
	uint64_t deadline_ns = HF_NEVER;

	if (qp->rnr_until_ns)
		deadline_ns = qp->rnr_until_ns;
	else if (is_unanswered(qp) && qp->path.timeout)
		deadline_ns = qp->is_lost ? later(qp->progress_ns, timeout_ns(qp)) : now_ns + LOOK_NS;
	hf_qp_set_timer_locked(qp, deadline_ns);
}

static void note_loss(struct hf_qp *qp, uint32_t psn)
{
	uint64_t now_ns = hf_clock_ns();

	if (!is_connected(qp))
		return;
	if (!qp->is_lost || hf_psn_diff(psn, qp->lost_psn) > 0)
		qp->lost_psn = psn;
	if (!qp->is_lost)
		qp->progress_ns = now_ns;
	qp->is_lost = true;
	set_timer(qp, now_ns);
}

/* Everything that is not acknowledged is to be sent again. */
static void rewind_requests(struct hf_qp *qp)
{
	for (uint64_t i = qp->done; i < qp->posted && request_at(qp, i)->has_psn; i++) {
		struct hf_request *request = request_at(qp, i);

		if (request->is_answered)
			continue;
		request->sent = 0;
		request->received = 0;
	}
	qp->next = qp->done;
	qp->is_lost = false;
	qp->progress_ns = hf_clock_ns();
	hf_qp_work_locked(qp);
}

/* The number of tries is used up: the other path, if there is one, has as many again. */
static void retry(struct hf_qp *qp)
{
	if (qp->retries_left == 0 && qp->migration == IBV_MIG_ARMED) {
		hf_qp_migrate_locked(qp);
		qp->retries_left = qp->attr.retry_cnt + 1;
	}
	if (qp->retries_left == 0) {
		fail(qp, IBV_WC_RETRY_EXC_ERR);
		return;
	}
	qp->retries_left--;
	rewind_requests(qp);
	set_timer(qp, qp->progress_ns);
}

void hf_requester_timer_locked(struct hf_qp *qp, uint64_t now_ns)
{
	struct hf_context *context = hf_qp_context(qp);

	if (qp->rnr_until_ns) {
		qp->rnr_until_ns = 0;
		rewind_requests(qp);
		set_timer(qp, now_ns);
		return;
	}
	if (!is_unanswered(qp))
		return;
	if (qp->is_lost || now_ns - qp->progress_ns > PATIENCE_NS)
		retry(qp);
	else if (!hf_endpoint_is_alive(&context->endpoint, qp->attr.dest_qp_num >> HF_QPN_INDEX_BITS, true))
		note_loss(qp, hf_psn_add(qp->next_psn, HF_PSN_MASK));
	else
		set_timer(qp, now_ns);
}

/* ------------------------------------------------------------------------------- sending ---- */

/* What is left of a request's own memory from a byte on, for a part of it. */
struct gather {
	struct hf_qp *qp;
	const struct hf_request *request;
	uint64_t offset;
};

static int gather(void *context, uint8_t *payload, uint32_t length)
{
	const struct gather *what = context;
	const struct hf_request *request = what->request;
	uint64_t skip = what->offset;

	if (request->is_inline) {
		memcpy(payload, request->inline_data + skip, length);
		return 0;
	}
	for (int i = 0; i < request->sge_count && length > 0; i++) {
		const struct ibv_sge *sge = &request->sges[i];
		const uint8_t *memory;
		uint32_t part;

		if (skip >= sge->length) {
			skip -= sge->length;
			continue;
		}
		part = sge->length - skip < length ? sge->length - skip : length;
		memory = hf_key_reach_locked(hf_qp_context(what->qp), sge->lkey, what->qp, what->qp->ibv.pd,
					     sge->addr + skip, part, 0);
		if (!memory)
			return -EFAULT;
		memcpy(payload, memory, part);
		payload += part;
		length -= part;
		skip = 0;
	}
	return length ? -EFAULT : 0;
}

/* Put an answer's bytes where the request wants them. */
static bool scatter(struct hf_qp *qp, const struct hf_request *request, uint64_t skip, const uint8_t *payload,
		    uint32_t length)
{
	for (int i = 0; i < request->sge_count && length > 0; i++) {
		const struct ibv_sge *sge = &request->sges[i];
		uint8_t *memory;
		uint32_t part;

		if (skip >= sge->length) {
			skip -= sge->length;
			continue;
		}
		part = sge->length - skip < length ? sge->length - skip : length;
		memory = hf_key_reach_locked(hf_qp_context(qp), sge->lkey, qp, qp->ibv.pd, sge->addr + skip, part,
					     IBV_ACCESS_LOCAL_WRITE);
		if (!memory)
			return false;
		memcpy(memory, payload, part);
		payload += part;
		length -= part;
		skip = 0;
	}
	return length == 0;
}

static void give_psn(struct hf_qp *qp, struct hf_request *request)
{
	request->packets = is_local(request) ? 0 : is_atomic(request) ? 1 : packets_of(qp, request->length);
	request->psn = qp->next_psn;
	request->has_psn = true;
	qp->next_psn = hf_psn_add(qp->next_psn, request->packets);
	if (qp->done == qp->next)
		qp->progress_ns = hf_clock_ns();
}

static bool may_begin(const struct hf_qp *qp, const struct hf_request *request)
{
	if (qp->state != IBV_QPS_RTS && !(qp->state == IBV_QPS_SQD && request->has_psn))
		return false;
	if (qp->rnr_until_ns || ((request->flags & IBV_SEND_FENCE) && qp->reads_out > 0 && !request->is_out))
		return false;
	return !is_read(request) || request->is_out || qp->reads_out < qp->attr.max_rd_atomic;
}

static uint8_t packet_type(const struct hf_request *request)
{
	switch (request->opcode) {
	case IBV_WR_RDMA_WRITE:
	case IBV_WR_RDMA_WRITE_WITH_IMM:
		return HF_PACKET_WRITE;
	case IBV_WR_RDMA_READ:
		return HF_PACKET_READ;
	case IBV_WR_ATOMIC_CMP_AND_SWP:
		return HF_PACKET_CMP_SWAP;
	case IBV_WR_ATOMIC_FETCH_AND_ADD:
		return HF_PACKET_FETCH_ADD;
	case IBV_WR_SEND:
	case IBV_WR_SEND_WITH_IMM:
	case IBV_WR_SEND_WITH_INV:
	case IBV_WR_LOCAL_INV:
	case IBV_WR_BIND_MW:
	case IBV_WR_TSO:
	case IBV_WR_DRIVER1:
	case IBV_WR_ATOMIC_WRITE:
		break;
	}
	return HF_PACKET_SEND;
}

static struct hf_packet next_packet(const struct hf_qp *qp, const struct hf_request *request)
{
	uint64_t left = request->length - request->sent;
	struct hf_packet packet = {
		.type = packet_type(request),
		.dest_qpn = qp->attr.dest_qp_num,
		.psn = hf_psn_add(request->psn, request->sent / qp->mtu),
		.rkey = request->rkey,
		.address = request->remote_address + request->sent,
		.total = request->length,
		.immediate = request->immediate,
		.compare_add = request->compare_add,
		.swap = request->swap,
	};

	if (is_read(request)) {
		packet.psn = request->psn;
		packet.address = request->remote_address;
		packet.packets = 1;
		packet.flags = HF_PACKET_FIRST | HF_PACKET_LAST;
		return packet;
	}
	packet.length = left < HF_PACKET_PAYLOAD_MAX ? left : HF_PACKET_PAYLOAD_MAX;
	packet.packets = packets_of(qp, packet.length);
	if (request->sent == 0)
		packet.flags |= HF_PACKET_FIRST;
	if (packet.length == left) {
		packet.flags |= HF_PACKET_LAST;
		if (request->flags & IBV_SEND_SOLICITED)
			packet.flags |= HF_PACKET_SOLICITED;
		if (request->opcode == IBV_WR_SEND_WITH_IMM || request->opcode == IBV_WR_RDMA_WRITE_WITH_IMM)
			packet.flags |= HF_PACKET_IMMEDIATE;
		if (request->opcode == IBV_WR_SEND_WITH_INV)
			packet.flags |= HF_PACKET_INVALIDATE;
	}
	return packet;
}

static int send_datagram(struct hf_qp *qp, struct hf_request *request, struct hf_packet *packet, struct gather *what)
{
	struct hf_qp_path path = { .ah = request->ah, .port = qp->path.port, .pkey_index = qp->path.pkey_index };

	packet->flags |= HF_PACKET_DATAGRAM;
	packet->dest_qpn = request->remote_qpn;
	packet->qkey = request->remote_qkey & 0x80000000u ? qp->attr.qkey : request->remote_qkey;
	if (request->ah.dlid >= HF_FABRIC_MLID_FIRST)
		return hf_wire_flood_locked(qp, &path, packet, gather, what);
	return hf_wire_send_locked(qp, &path, packet, gather, what);
}

/*
 * The next packet of a request.
 *
 * Return: true if one may go on; false if there is no room, or the queue pair has failed.
 */
static bool send_part(struct hf_qp *qp, struct hf_request *request)
{
	struct hf_packet packet = next_packet(qp, request);
	struct gather what = { .qp = qp, .request = request, .offset = request->sent };
	int rc;

	if (qp->ibv.qp_type == IBV_QPT_UD)
		rc = send_datagram(qp, request, &packet, &what);
	else
		rc = hf_wire_send_locked(qp, &qp->path, &packet, packet.length ? gather : NULL, &what);
	if (rc == HF_NO_ROOM)
		return false;
	if (rc < 0) {
		/* What is before it must have its end first; it fails when it is the oldest. */
		if (qp->done == qp->next)
			fail_send(qp, IBV_WC_LOC_PROT_ERR);
		return false;
	}
	if (rc == HF_LOST)
		note_loss(qp, hf_psn_add(packet.psn, (is_read(request) ? request->packets : packet.packets) - 1));
	request->sent = is_read(request) ? 1 : request->sent + packet.length;
	if (is_read(request) || (packet.flags & HF_PACKET_LAST)) {
		if (is_read(request) && !request->is_out) {
			request->is_out = true;
			qp->reads_out++;
		}
		qp->next++;
		if (!is_connected(qp))
			complete(qp, IBV_WC_SUCCESS);
	}
	return true;
}

/* What has no packet is done in its turn. */
static enum ibv_wc_status run_local(struct hf_qp *qp, const struct hf_request *request)
{
	if (request->opcode == IBV_WR_LOCAL_INV)
		return hf_key_invalidate_locked(qp, request->immediate);
	return hf_mw_bind_locked(qp, request->mw, request->rkey, &request->bind);
}

/* Complete what needs no more: what is acknowledged up to @psn, and local requests behind it. */
static void retire(struct hf_qp *qp)
{
	while (qp->done < qp->next && request_at(qp, qp->done)->is_answered)
		complete(qp, IBV_WC_SUCCESS);
}

static bool run_one(struct hf_qp *qp, struct hf_request *request)
{
	enum ibv_wc_status status;

	if (!is_local(request))
		return send_part(qp, request);
	if (!request->is_answered) {
		status = run_local(qp, request);
		if (status != IBV_WC_SUCCESS && qp->done < qp->next)
			return false;	/* fails when it is the oldest */
		if (status != IBV_WC_SUCCESS) {
			fail_send(qp, status);
			return false;
		}
	}
	request->is_answered = true;
	qp->next++;
	retire(qp);
	return true;
}

static void see_drained(struct hf_qp *qp)
{
	struct hf_request *request = qp->next < qp->posted ? request_at(qp, qp->next) : NULL;

	if (qp->state != IBV_QPS_SQD || qp->is_drained || qp->done < qp->next || (request && request->has_psn))
		return;
	qp->is_drained = true;
	if (qp->wants_drained_event)
		hf_event_qp_locked(qp, IBV_EVENT_SQ_DRAINED);
}

void hf_requester_run_locked(struct hf_qp *qp)
{
	bool was_idle = !is_unanswered(qp);

	while (qp->next < qp->posted && !qp->is_waiting) {
		struct hf_request *request = request_at(qp, qp->next);

		if (!may_begin(qp, request))
			break;
		if (!request->has_psn)
			give_psn(qp, request);
		if (!run_one(qp, request))
			break;
	}
	if (was_idle && is_unanswered(qp))
		set_timer(qp, hf_clock_ns());
	see_drained(qp);
}

/* ------------------------------------------------------------------------------- answers ---- */

static uint32_t last_psn(const struct hf_request *request)
{
	return hf_psn_add(request->psn, request->packets - 1);
}

/* Something new is acknowledged: the other end lives. */
static void see_progress(struct hf_qp *qp, uint32_t psn)
{
	qp->progress_ns = hf_clock_ns();
	qp->retries_left = qp->attr.retry_cnt;
	qp->rnr_retries_left = qp->attr.rnr_retry;
	if (qp->is_lost && hf_psn_diff(psn, qp->lost_psn) >= 0)
		qp->is_lost = false;
}

/*
 * All requests up to @psn are done, unless one of them waits for data that should have come before: that is lost.
 */
static bool acknowledge(struct hf_qp *qp, uint32_t psn)
{
	bool is_whole = true;

	for (uint64_t i = qp->done; i < qp->posted && is_whole; i++) {
		struct hf_request *request = request_at(qp, i);

		if (!request->has_psn || (!is_local(request) && hf_psn_diff(last_psn(request), psn) > 0))
			break;
		if (request->is_answered)
			continue;
		if (is_read(request)) {
			is_whole = false;
			break;
		}
		/* It has been sent before, even if a rewind has not come to it again. */
		request->is_answered = true;
		if (i >= qp->next)
			qp->next = i + 1;
		see_progress(qp, last_psn(request));
	}
	retire(qp);
	return is_whole;
}

static bool is_outstanding(const struct hf_qp *qp, uint32_t psn)
{
	const struct hf_request *oldest;

	if (qp->done == qp->posted)
		return false;
	oldest = &qp->requests[qp->done % qp->cap.max_send_wr];
	return oldest->has_psn && hf_psn_diff(psn, oldest->psn) >= 0 && hf_psn_diff(qp->next_psn, psn) > 0;
}

static void take_ack(struct hf_qp *qp, uint32_t psn)
{
	if (is_outstanding(qp, psn)) {
		/* A part of a long message counts as well. */
		see_progress(qp, psn);
		if (!acknowledge(qp, psn)) {
			retry(qp);
			return;
		}
	}
	set_timer(qp, hf_clock_ns());
	hf_qp_work_locked(qp);
}

static uint64_t rnr_ns(unsigned int code)
{
	/* in units of 10 us, IBA volume 1, table 45 */
	static const uint32_t units[32] = {
		65536, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536,
		2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152,
	};

	return (uint64_t)units[code & 31] * 10000;
}

static void take_rnr(struct hf_qp *qp, const struct hf_packet *packet)
{
	if (qp->attr.rnr_retry != INFINITE_RNR_RETRIES) {
		if (qp->rnr_retries_left == 0) {
			fail(qp, IBV_WC_RNR_RETRY_EXC_ERR);
			return;
		}
		qp->rnr_retries_left--;
	}
	qp->is_lost = false;
	qp->progress_ns = hf_clock_ns();
	qp->rnr_until_ns = qp->progress_ns + rnr_ns(packet->rnr_timer);
	set_timer(qp, qp->progress_ns);
}

static void take_nak(struct hf_qp *qp, const struct hf_packet *packet)
{
	/* It acknowledges what is before it. */
	uint32_t before = hf_psn_add(packet->psn, HF_PSN_MASK);

	if (!is_outstanding(qp, packet->psn))
		return;
	if (is_outstanding(qp, before)) {
		see_progress(qp, before);
		if (!acknowledge(qp, before)) {
			retry(qp);
			return;
		}
	}
	switch ((enum hf_nak)packet->nak) {
	case HF_NAK_SEQUENCE:
		retry(qp);
		break;
	case HF_NAK_RNR:
		take_rnr(qp, packet);
		break;
	case HF_NAK_INVALID_REQUEST:
		fail(qp, IBV_WC_REM_INV_REQ_ERR);
		break;
	case HF_NAK_ACCESS:
		fail(qp, IBV_WC_REM_ACCESS_ERR);
		break;
	case HF_NAK_OPERATION:
	case HF_NAK_COUNT:
		fail(qp, IBV_WC_REM_OP_ERR);
		break;
	}
}

static struct hf_request *find_read(struct hf_qp *qp, uint32_t psn)
{
	for (uint64_t i = qp->done; i < qp->posted; i++) {
		struct hf_request *request = request_at(qp, i);

		if (!request->has_psn)
			break;
		if (is_read(request) && hf_psn_diff(psn, request->psn) >= 0 &&
		    hf_psn_diff(last_psn(request), psn) >= 0)
			return request;
	}
	return NULL;
}

static void take_read_response(struct hf_qp *qp, const struct hf_packet *packet, const uint8_t *payload)
{
	struct hf_request *request = find_read(qp, packet->psn);
	uint64_t at;

	if (!request || request->is_answered || request->opcode != IBV_WR_RDMA_READ || request->sent == 0)
		return;
	at = (uint64_t)(uint32_t)hf_psn_diff(packet->psn, request->psn) * qp->mtu;
	if (at < request->received)
		return;
	if (at > request->received) {
		retry(qp);
		return;
	}
	if (packet->length > request->length - at ||
	    (!(packet->flags & HF_PACKET_LAST) && packet->length % qp->mtu)) {
		fail(qp, IBV_WC_BAD_RESP_ERR);
		return;
	}
	if (!acknowledge(qp, hf_psn_add(request->psn, HF_PSN_MASK))) {
		retry(qp);
		return;
	}
	if (!scatter(qp, request, at, payload, packet->length)) {
		fail(qp, IBV_WC_LOC_PROT_ERR);
		return;
	}
	request->received += packet->length;
	see_progress(qp, hf_psn_add(packet->psn, packet->packets - 1));
	request->is_answered = request->received == request->length;
	retire(qp);
	set_timer(qp, hf_clock_ns());
	hf_qp_work_locked(qp);
}

static void take_atomic_response(struct hf_qp *qp, const struct hf_packet *packet)
{
	struct hf_request *request = find_read(qp, packet->psn);
	uint64_t result = packet->compare_add;

	if (!request || request->is_answered || !is_atomic(request) || request->sent == 0)
		return;
	if (!acknowledge(qp, hf_psn_add(request->psn, HF_PSN_MASK))) {
		retry(qp);
		return;
	}
	if (!scatter(qp, request, 0, (const uint8_t *)&result, sizeof(result))) {
		fail(qp, IBV_WC_LOC_PROT_ERR);
		return;
	}
	see_progress(qp, packet->psn);
	request->is_answered = true;
	retire(qp);
	set_timer(qp, hf_clock_ns());
	hf_qp_work_locked(qp);
}

void hf_requester_answer_locked(struct hf_qp *qp, const struct hf_packet *packet, const uint8_t *payload)
{
	if (!is_connected(qp) || (qp->state != IBV_QPS_RTS && qp->state != IBV_QPS_SQD))
		return;
	switch ((enum hf_packet_type)packet->type) {
	case HF_PACKET_ACK:
		take_ack(qp, packet->psn);
		break;
	case HF_PACKET_NAK:
		take_nak(qp, packet);
		break;
	case HF_PACKET_READ_RESPONSE:
		take_read_response(qp, packet, payload);
		break;
	case HF_PACKET_ATOMIC_RESPONSE:
		take_atomic_response(qp, packet);
		break;
	case HF_PACKET_LOST:
		if (is_outstanding(qp, packet->psn))
			note_loss(qp, packet->psn);
		break;
	case HF_PACKET_SEND:
	case HF_PACKET_WRITE:
	case HF_PACKET_READ:
	case HF_PACKET_CMP_SWAP:
	case HF_PACKET_FETCH_ADD:
	case HF_PACKET_TYPE_COUNT:
		break;
	}
	see_drained(qp);
}
