/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The receiving half. Packets of a connection are taken in the order of their numbers; of what comes twice, reads and
 * atomics are answered again and the rest is acknowledged again. Acknowledgements are given when what has come in is
 * dealt with, one for all of it.
 */
#include <errno.h>
#include <string.h>

#include "sim/verbs/adapter.h"

static bool is_connected(const struct hf_qp *qp)
{
	return qp->ibv.qp_type == IBV_QPT_RC;
}

/* ---------------------------------------------------------------------------- completions ---- */

static void end_receive(struct hf_qp *qp, struct ibv_wc *wc, bool is_solicited)
{
	wc->wr_id = qp->receive.wr_id;
	wc->qp_num = qp->ibv.qp_num;
	qp->has_receive = false;
	hf_cq_add_locked(qp->ibv.recv_cq, wc, is_solicited);
}

static void add_flushed(struct hf_qp *qp, uint64_t wr_id)
{
	struct ibv_wc wc = {
		.wr_id = wr_id,
		.status = IBV_WC_WR_FLUSH_ERR,
		.opcode = IBV_WC_RECV,
		.qp_num = qp->ibv.qp_num,
	};

	hf_cq_add_locked(qp->ibv.recv_cq, &wc, false);
}

void hf_responder_flush_locked(struct hf_qp *qp)
{
	struct hf_receive receive;

	if (qp->has_receive)
		add_flushed(qp, qp->receive.wr_id);
	qp->has_receive = false;
	if (qp->ibv.srq) {
		hf_event_qp_locked(qp, IBV_EVENT_QP_LAST_WQE_REACHED);
		return;
	}
	while (hf_receive_take_locked(qp, &receive))
		add_flushed(qp, receive.wr_id);
}

void hf_responder_reset_locked(struct hf_qp *qp)
{
	qp->receives.posted = qp->receives.taken = 0;
	qp->has_receive = false;
	qp->is_in_message = false;
	qp->is_nak_sent = false;
	qp->is_ack_due = qp->is_nak_due = false;
	qp->is_established = false;
	qp->replies_added = qp->replies_done = 0;
	qp->dup_reply = 0;
}

/* --------------------------------------------------------------------------------- answers ---- */

static void owe_ack(struct hf_qp *qp)
{
	if (!is_connected(qp))
		return;
	qp->is_ack_due = true;
	hf_qp_work_locked(qp);
}

static void owe_nak(struct hf_qp *qp, enum hf_nak nak)
{
	if (!is_connected(qp) || qp->is_nak_sent)
		return;
	qp->is_nak_sent = true;
	qp->is_nak_due = true;
	qp->nak_due = nak;
	hf_qp_work_locked(qp);
}

/* The other end did what it may not do; both learn of it. */
static void refuse(struct hf_qp *qp, enum hf_nak nak, enum ibv_event_type event)
{
	if (!is_connected(qp))
		return;
	owe_nak(qp, nak);
	hf_responder_run_locked(qp);
	hf_event_qp_locked(qp, event);
	hf_qp_error_locked(qp);
}

struct source {
	struct hf_qp *qp;
	struct hf_reply *reply;
};

static int read_memory(void *context, uint8_t *payload, uint32_t length)
{
	const struct source *source = context;
	const struct hf_reply *reply = source->reply;
	const uint8_t *memory = hf_key_reach_remote_locked(source->qp, reply->rkey, reply->address + reply->sent,
							   length, IBV_ACCESS_REMOTE_READ);

	if (!memory)
		return -EFAULT;
	memcpy(payload, memory, length);
	return 0;
}

static int send_reply_part(struct hf_qp *qp, struct hf_reply *reply)
{
	uint64_t left = reply->length - reply->sent;
	struct source source = { .qp = qp, .reply = reply };
	struct hf_packet packet = {
		.type = reply->is_atomic ? HF_PACKET_ATOMIC_RESPONSE : HF_PACKET_READ_RESPONSE,
		.dest_qpn = qp->attr.dest_qp_num,
		.psn = hf_psn_add(reply->psn, reply->sent / qp->mtu),
		.packets = 1,
		.total = reply->length,
		.compare_add = reply->result,
	};
	int rc;

	if (!reply->is_atomic) {
		packet.length = left < HF_PACKET_PAYLOAD_MAX ? left : HF_PACKET_PAYLOAD_MAX;
		packet.packets = packet.length ? (packet.length + qp->mtu - 1) / qp->mtu : 1;
		packet.flags = (reply->sent == 0 ? HF_PACKET_FIRST : 0) | (packet.length == left ? HF_PACKET_LAST : 0);
	}
	rc = hf_wire_send_locked(qp, &qp->path, &packet, packet.length ? read_memory : NULL, &source);
	if (rc == HF_NO_ROOM || rc < 0)
		return rc;
	if (rc == HF_LOST)
		hf_wire_tell_lost_locked(hf_qp_context(qp), &(struct hf_packet){
			.src_qpn = qp->attr.dest_qp_num, .dest_qpn = qp->ibv.qp_num, .psn = packet.psn,
			.packets = packet.packets });
	reply->sent += packet.length;
	return rc;
}

/* Return: 0 when all is sent; HF_NO_ROOM; -EFAULT. */
static int send_reply(struct hf_qp *qp, struct hf_reply *reply)
{
	int rc;

	do {
		rc = send_reply_part(qp, reply);
		if (rc == HF_NO_ROOM || rc < 0)
			return rc;
	} while (!reply->is_atomic && reply->sent < reply->length);
	return 0;
}

/* The replies in their order; true if none is left. */
static bool send_replies(struct hf_qp *qp)
{
	int rc;

	while (qp->dup_reply || qp->replies_done < qp->replies_added) {
		uint64_t number = qp->dup_reply ? qp->dup_reply - 1 : qp->replies_done;

		rc = send_reply(qp, &qp->replies[number % HF_MAX_RD_ATOMIC]);
		if (rc == HF_NO_ROOM)
			return false;
		if (rc < 0) {
			refuse(qp, HF_NAK_ACCESS, IBV_EVENT_QP_ACCESS_ERR);
			return false;
		}
		if (!qp->dup_reply)
			qp->replies_done++;
		else if (qp->dup_reply == qp->replies_done)
			qp->dup_reply = 0;	/* all that was answered before is again */
		else
			qp->replies[qp->dup_reply++ % HF_MAX_RD_ATOMIC].sent = 0;
	}
	return true;
}

static bool send_ack(struct hf_qp *qp, uint8_t type, uint32_t psn)
{
	struct hf_packet packet = {
		.type = type,
		.nak = qp->nak_due,
		.rnr_timer = qp->attr.min_rnr_timer,
		.dest_qpn = qp->attr.dest_qp_num,
		.psn = psn,
		.packets = 1,
	};
	int rc = hf_wire_send_locked(qp, &qp->path, &packet, NULL, NULL);

	if (rc == HF_LOST)
		hf_wire_tell_lost_locked(hf_qp_context(qp), &(struct hf_packet){
			.src_qpn = qp->attr.dest_qp_num, .dest_qpn = qp->ibv.qp_num, .psn = psn, .packets = 1 });
	return rc != HF_NO_ROOM;
}

void hf_responder_run_locked(struct hf_qp *qp)
{
	if (!is_connected(qp) || qp->state < IBV_QPS_RTR || qp->state > IBV_QPS_SQD || qp->is_waiting)
		return;
	if (qp->is_nak_due && qp->nak_due == HF_NAK_ACCESS && qp->replies_done < qp->replies_added) {
		/* it is a reply that may not be given */
		if (send_ack(qp, HF_PACKET_NAK, qp->replies[qp->replies_done % HF_MAX_RD_ATOMIC].psn))
			qp->is_nak_due = false;
		return;
	}
	if (!send_replies(qp))
		return;
	if (qp->is_nak_due) {
		if (!send_ack(qp, HF_PACKET_NAK, qp->expected_psn))
			return;
		qp->is_nak_due = qp->is_ack_due = false;
	}
	if (qp->is_ack_due && send_ack(qp, HF_PACKET_ACK, hf_psn_add(qp->expected_psn, HF_PSN_MASK)))
		qp->is_ack_due = false;
}

/* ---------------------------------------------------------------------------------- messages ---- */

/* Where a message's bytes go that come after the first @skip. */
static enum ibv_wc_status scatter(struct hf_qp *qp, uint64_t skip, const uint8_t *payload, uint32_t length)
{
	const struct hf_receive *receive = &qp->receive;

	for (int i = 0; i < receive->sge_count && length > 0; i++) {
		const struct ibv_sge *sge = &receive->sges[i];
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
			return IBV_WC_LOC_PROT_ERR;
		memcpy(memory, payload, part);
		payload += part;
		length -= part;
		skip = 0;
	}
	return length ? IBV_WC_LOC_LEN_ERR : IBV_WC_SUCCESS;
}

/* A receive that cannot take the message ends the connection, or of a datagram itself alone. */
static void fail_receive(struct hf_qp *qp, enum ibv_wc_status status)
{
	struct ibv_wc wc = { .status = status, .opcode = IBV_WC_RECV };

	end_receive(qp, &wc, false);
	if (qp->ibv.qp_type == IBV_QPT_UD)
		return;
	if (!is_connected(qp)) {
		hf_qp_error_locked(qp);
		return;
	}
	owe_nak(qp, status == IBV_WC_LOC_LEN_ERR ? HF_NAK_INVALID_REQUEST : HF_NAK_OPERATION);
	hf_responder_run_locked(qp);
	hf_qp_error_locked(qp);
}

/* Return: 0; -EAGAIN where nothing is posted; -EIO where the queue pair has failed. */
static int take_send(struct hf_qp *qp, const struct hf_packet *packet, const uint8_t *payload)
{
	enum ibv_wc_status status;

	if (packet->flags & HF_PACKET_FIRST) {
		if (!hf_receive_take_locked(qp, &qp->receive))
			return -EAGAIN;
		qp->has_receive = true;
		qp->message_at = 0;
	}
	status = scatter(qp, qp->message_at, payload, packet->length);
	if (status != IBV_WC_SUCCESS) {
		fail_receive(qp, status);
		return -EIO;
	}
	qp->message_at += packet->length;
	return 0;
}

static int take_write(struct hf_qp *qp, const struct hf_packet *packet, const uint8_t *payload)
{
	bool wants_receive = (packet->flags & HF_PACKET_LAST) && (packet->flags & HF_PACKET_IMMEDIATE);
	uint8_t *memory = hf_key_reach_remote_locked(qp, packet->rkey, packet->address, packet->length,
						     IBV_ACCESS_REMOTE_WRITE);

	if (!memory) {
		refuse(qp, HF_NAK_ACCESS, IBV_EVENT_QP_ACCESS_ERR);
		return -EIO;
	}
	if (wants_receive) {
		if (!hf_receive_take_locked(qp, &qp->receive))
			return -EAGAIN;
		qp->has_receive = true;
	}
	memcpy(memory, payload, packet->length);
	return 0;
}

/* The last packet of a message has come. Return: 0; -EIO. */
static int end_message(struct hf_qp *qp, const struct hf_packet *packet)
{
	struct ibv_wc wc = {
		.opcode = packet->type == HF_PACKET_WRITE ? IBV_WC_RECV_RDMA_WITH_IMM : IBV_WC_RECV,
		.byte_len = packet->type == HF_PACKET_WRITE ? packet->total : qp->message_at,
		.slid = packet->slid,
		.sl = packet->sl,
		.src_qp = packet->src_qpn,
	};

	if (packet->flags & HF_PACKET_IMMEDIATE) {
		wc.wc_flags |= IBV_WC_WITH_IMM;
		wc.imm_data = packet->immediate;
	}
	if (packet->flags & HF_PACKET_INVALIDATE) {
		if (hf_key_invalidate_locked(qp, packet->immediate) != IBV_WC_SUCCESS) {
			fail_receive(qp, IBV_WC_LOC_PROT_ERR);
			return -EIO;
		}
		wc.wc_flags |= IBV_WC_WITH_INV;
		wc.invalidated_rkey = packet->immediate;
	}
	if (qp->has_receive)
		end_receive(qp, &wc, packet->flags & HF_PACKET_SOLICITED);
	return 0;
}

/* ------------------------------------------------------------------------- reads and atomics ---- */

/* Replies that were given stay as long as their place is not needed: they may be asked for again. */
static struct hf_reply *add_reply(struct hf_qp *qp)
{
	struct hf_reply *reply;

	if (qp->replies_added - qp->replies_done >= qp->attr.max_dest_rd_atomic)
		return NULL;
	reply = &qp->replies[qp->replies_added++ % HF_MAX_RD_ATOMIC];
	*reply = (struct hf_reply){ .packets = 1 };
	return reply;
}

static int take_read(struct hf_qp *qp, const struct hf_packet *packet)
{
	struct hf_reply *reply;

	if (!hf_key_reach_remote_locked(qp, packet->rkey, packet->address, packet->total, IBV_ACCESS_REMOTE_READ)) {
		refuse(qp, HF_NAK_ACCESS, IBV_EVENT_QP_ACCESS_ERR);
		return -EIO;
	}
	reply = add_reply(qp);
	if (!reply) {
		refuse(qp, HF_NAK_INVALID_REQUEST, IBV_EVENT_QP_REQ_ERR);
		return -EIO;
	}
	reply->psn = packet->psn;
	reply->packets = packet->total ? (packet->total + qp->mtu - 1) / qp->mtu : 1;
	reply->address = packet->address;
	reply->length = packet->total;
	reply->rkey = packet->rkey;
	qp->expected_psn = hf_psn_add(packet->psn, reply->packets);
	hf_qp_work_locked(qp);
	return 0;
}

static int take_atomic(struct hf_qp *qp, const struct hf_packet *packet)
{
	uint64_t *memory = (uint64_t *)hf_key_reach_remote_locked(qp, packet->rkey, packet->address, sizeof(*memory),
								  IBV_ACCESS_REMOTE_ATOMIC);
	uint64_t found = packet->compare_add;
	struct hf_reply *reply;

	if (!memory) {
		refuse(qp, HF_NAK_ACCESS, IBV_EVENT_QP_ACCESS_ERR);
		return -EIO;
	}
	reply = (uintptr_t)memory % sizeof(*memory) ? NULL : add_reply(qp);
	if (!reply) {
		refuse(qp, HF_NAK_INVALID_REQUEST, IBV_EVENT_QP_REQ_ERR);
		return -EIO;
	}
	if (packet->type == HF_PACKET_FETCH_ADD)
		found = __atomic_fetch_add(memory, packet->compare_add, __ATOMIC_SEQ_CST);
	else
		__atomic_compare_exchange_n(memory, &found, packet->swap, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	reply->is_atomic = true;
	reply->psn = packet->psn;
	reply->result = found;
	qp->expected_psn = hf_psn_add(packet->psn, 1);
	hf_qp_work_locked(qp);
	return 0;
}

/* ------------------------------------------------------------------------------- connections ---- */

/* Asked again from this reply on; a reply that is no longer kept cannot be given, and the other end gives up. */
static void answer_again(struct hf_qp *qp, const struct hf_packet *packet)
{
	uint64_t kept = qp->replies_done < HF_MAX_RD_ATOMIC ? qp->replies_done : HF_MAX_RD_ATOMIC;

	for (uint64_t i = qp->replies_done - kept; i < qp->replies_done; i++) {
		struct hf_reply *reply = &qp->replies[i % HF_MAX_RD_ATOMIC];

		if (reply->psn != packet->psn)
			continue;
		reply->sent = 0;
		if (!qp->dup_reply || i + 1 < qp->dup_reply)
			qp->dup_reply = i + 1;
		hf_qp_work_locked(qp);
		return;
	}
}

static void take_duplicate(struct hf_qp *qp, const struct hf_packet *packet)
{
	if (!is_connected(qp))
		return;
	if (packet->type >= HF_PACKET_READ && packet->type <= HF_PACKET_FETCH_ADD)
		answer_again(qp, packet);
	else
		owe_ack(qp);
}

static int take_in_order(struct hf_qp *qp, const struct hf_packet *packet, const uint8_t *payload)
{
	int rc = 0;

	switch ((enum hf_packet_type)packet->type) {
	case HF_PACKET_READ:
		return is_connected(qp) ? take_read(qp, packet) : 0;
	case HF_PACKET_CMP_SWAP:
	case HF_PACKET_FETCH_ADD:
		return is_connected(qp) ? take_atomic(qp, packet) : 0;
	case HF_PACKET_WRITE:
		rc = take_write(qp, packet, payload);
		break;
	case HF_PACKET_SEND:
		rc = take_send(qp, packet, payload);
		break;
	case HF_PACKET_READ_RESPONSE:
	case HF_PACKET_ATOMIC_RESPONSE:
	case HF_PACKET_ACK:
	case HF_PACKET_NAK:
	case HF_PACKET_LOST:
	case HF_PACKET_TYPE_COUNT:
		return 0;
	}
	if (rc == 0 && (packet->flags & HF_PACKET_LAST))
		rc = end_message(qp, packet);
	if (rc == 0) {
		qp->is_in_message = !(packet->flags & HF_PACKET_LAST);
		qp->expected_psn = hf_psn_add(packet->psn, packet->packets);
		owe_ack(qp);
	}
	return rc;
}

static void see_first(struct hf_qp *qp)
{
	if (qp->state != IBV_QPS_RTR || qp->is_established)
		return;
	qp->is_established = true;
	hf_event_qp_locked(qp, IBV_EVENT_COMM_EST);
}

static void take_request(struct hf_qp *qp, const struct hf_packet *packet, const uint8_t *payload)
{
	int32_t ahead = hf_psn_diff(packet->psn, qp->expected_psn);
	bool begins = packet->flags & HF_PACKET_FIRST;

	if (ahead < 0) {
		take_duplicate(qp, packet);
		return;
	}
	if (ahead > 0) {
		owe_nak(qp, HF_NAK_SEQUENCE);
		return;
	}
	qp->is_nak_sent = false;
	if (begins == qp->is_in_message || (packet->length % qp->mtu && !(packet->flags & HF_PACKET_LAST))) {
		refuse(qp, HF_NAK_INVALID_REQUEST, IBV_EVENT_QP_REQ_ERR);
		return;
	}
	if (take_in_order(qp, packet, payload) == -EAGAIN)
		owe_nak(qp, HF_NAK_RNR);
}

/* An unreliable connection drops a message of which a packet is missing, and goes on with the next. */
static void take_unreliable(struct hf_qp *qp, const struct hf_packet *packet, const uint8_t *payload)
{
	bool begins = packet->flags & HF_PACKET_FIRST;

	if (!begins && (packet->psn != qp->expected_psn || !qp->is_in_message)) {
		qp->is_in_message = false;
		return;
	}
	if (begins && qp->has_receive) {
		/* the receive of the message that is dropped takes this one */
		qp->message_at = 0;
		qp->expected_psn = packet->psn;
		if (packet->type == HF_PACKET_SEND) {
			struct hf_packet rest = *packet;

			rest.flags &= ~HF_PACKET_FIRST;
			take_in_order(qp, &rest, payload);
			return;
		}
	}
	qp->expected_psn = packet->psn;
	if (take_in_order(qp, packet, payload) == -EAGAIN)
		qp->is_in_message = false;
}

/* --------------------------------------------------------------------------------- datagrams ---- */

static void make_grh(const struct hf_packet *packet, struct ibv_grh *ret_grh)
{
	*ret_grh = (struct ibv_grh){
		.version_tclass_flow = htobe32(6u << 28 | packet->traffic_class << 20 |
					       (packet->flow_label & 0xfffff)),
		.paylen = htobe16(packet->length + 24),	/* with BTH, DETH and ICRC */
		.next_hdr = 0x1b,
		.hop_limit = packet->hop_limit,
	};
	memcpy(&ret_grh->sgid, packet->sgid, sizeof(ret_grh->sgid));
	memcpy(&ret_grh->dgid, packet->dgid, sizeof(ret_grh->dgid));
}

/* The first bytes of a receive are for a GRH, whether there is one or not. */
static void take_datagram(struct hf_qp *qp, const struct hf_packet *packet, const uint8_t *payload)
{
	struct ibv_grh grh = { .paylen = 0 };
	enum ibv_wc_status status;
	struct ibv_wc wc = {
		.opcode = IBV_WC_RECV,
		.byte_len = packet->length + HF_GRH_SIZE,
		.src_qp = packet->src_qpn,
		.slid = packet->slid,
		.sl = packet->sl,
		.pkey_index = qp->path.pkey_index,
	};

	if (packet->type != HF_PACKET_SEND || packet->qkey != qp->attr.qkey ||
	    !hf_receive_take_locked(qp, &qp->receive))
		return;
	qp->has_receive = true;
	if (packet->flags & HF_PACKET_GRH) {
		make_grh(packet, &grh);
		wc.wc_flags |= IBV_WC_GRH;
	}
	status = scatter(qp, 0, (const uint8_t *)&grh, HF_GRH_SIZE);
	if (status == IBV_WC_SUCCESS)
		status = scatter(qp, HF_GRH_SIZE, payload, packet->length);
	if (status != IBV_WC_SUCCESS) {
		fail_receive(qp, status);
		return;
	}
	if (packet->flags & HF_PACKET_IMMEDIATE) {
		wc.wc_flags |= IBV_WC_WITH_IMM;
		wc.imm_data = packet->immediate;
	}
	end_receive(qp, &wc, packet->flags & HF_PACKET_SOLICITED);
}

void hf_responder_request_locked(struct hf_qp *qp, const struct hf_packet *packet, const uint8_t *payload)
{
	if (qp->state < IBV_QPS_RTR || qp->state == IBV_QPS_ERR)
		return;
	switch (qp->ibv.qp_type) {
	case IBV_QPT_UD:
		take_datagram(qp, packet, payload);
		break;
	case IBV_QPT_UC:
		see_first(qp);
		take_unreliable(qp, packet, payload);
		break;
	case IBV_QPT_RC:
		see_first(qp);
		take_request(qp, packet, payload);
		break;
	case IBV_QPT_RAW_PACKET:
	case IBV_QPT_XRC_SEND:
	case IBV_QPT_XRC_RECV:
	case IBV_QPT_DRIVER:
		break;
	}
}
