/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/umad/mad_layer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "sim/rmpp.h"
#include "sim/umad/adapter.h"
#include "sim/umad/capture.h"
#include "sim/umad/engine.h"
#include "sim/umad/file.h"
#include "sim/umad/mad.h"

#define LID_PERMISSIVE 0xffff

static int transmit_locked(struct hf_adapter *adapter, const struct hf_ibsim_mad *mad)
{
	struct hf_outgoing *outgoing;
	int rc = adapter->outgoing ? -EAGAIN : hf_ibsim_link_send(&adapter->link, mad);

	if (rc == 0)
		return 0;
	if (rc != -EAGAIN) {
		hf_adapter_fail_locked(adapter);
		return -EIO;
	}
	outgoing = malloc(sizeof(*outgoing));
	if (!outgoing)
		return -ENOMEM;
	outgoing->mad = *mad;
	DL_APPEND(adapter->outgoing, outgoing);
	return 0;
}

static int send_mad_locked(struct hf_adapter *adapter, const struct hf_agent *agent, uint16_t dlid, uint32_t dqp,
			   const uint8_t *mad, size_t len)
{
	struct hf_ibsim_mad packet = {
		.dlid = htons(dlid),
		.slid = dlid == LID_PERMISSIVE ? LID_PERMISSIVE : HF_IBSIM_SLID_AUTO,
		.dqp = htonl(dqp),
		.sqp = htonl(agent->is.qpn),
		.length = htobe64(HF_IBSIM_MAD_SIZE),
	};

	if (!adapter->is_up)
		return -EIO;
	memcpy(packet.mad, mad, len < HF_MAD_SIZE ? len : HF_MAD_SIZE);
	hf_capture_mad(adapter->index, true, adapter->lid, &packet);
	return transmit_locked(adapter, &packet);
}

void hf_mad_layer_send_queued_locked(struct hf_adapter *adapter)
{
	struct hf_outgoing *first;

	while ((first = adapter->outgoing)) {
		int rc = hf_ibsim_link_send(&adapter->link, &first->mad);

		if (rc == -EAGAIN)
			return;
		if (rc < 0) {
			hf_adapter_fail_locked(adapter);
			return;
		}
		DL_DELETE(adapter->outgoing, first);
		free(first);
	}
}

static void queue_received(struct hf_agent *agent, const struct hf_rmpp_addr *from, const uint8_t *mad, size_t len)
{
	const struct ib_user_mad_hdr hdr = {
		.id = agent->id,
		.qpn = htonl(from->qpn),
		.lid = htons((uint16_t)from->lid),
		.sl = from->sl,
		.path_bits = from->path_bits,
		.pkey_index = from->pkey_index,
	};

	hf_file_queue_locked(agent->file, &hdr, mad, len);
}

/* The kernel returns the common header of a request that was not answered. */
static void queue_timeout(const struct hf_transaction *transaction)
{
	struct ib_user_mad_hdr hdr = transaction->hdr;

	hdr.status = ETIMEDOUT;
	hf_file_queue_locked(transaction->agent->file, &hdr, transaction->mad, sizeof(struct hf_mad_hdr));
}

/*
 * A whole MAD for an agent. A response that nobody waits for is dropped, unless the program does RMPP by itself: then
 * only it knows which segments it waits for.
 */
static void deliver(struct hf_adapter *adapter, struct hf_agent *agent, const struct hf_rmpp_addr *from,
		    const uint8_t *mad, size_t len)
{
	struct hf_transaction *transaction;

	if (hf_mad_is_response(mad)) {
		transaction = hf_transaction_answered_by(&adapter->transactions, mad);
		if (transaction && transaction->agent != agent)
			return;
		if (!transaction && (agent->rmpp || !hf_rmpp_is_active(mad, len)))
			return;
		if (transaction && !transaction->is_rmpp)
			hf_transaction_remove(&adapter->transactions, transaction);
	}
	queue_received(agent, from, mad, len);
}

static int rmpp_send(void *ctx, const struct hf_rmpp_addr *to, const uint8_t mad[HF_MAD_SIZE])
{
	struct hf_agent *agent = ctx;

	return send_mad_locked(agent->port, agent, (uint16_t)to->lid, to->qpn, mad, HF_MAD_SIZE);
}

static void rmpp_deliver(void *ctx, const struct hf_rmpp_addr *from, const uint8_t *mad, size_t len)
{
	struct hf_agent *agent = ctx;

	deliver(agent->port, agent, from, mad, len);
}

static void rmpp_sent(void *ctx, uint64_t cookie, int status)
{
	struct hf_transaction *transaction = (struct hf_transaction *)(uintptr_t)cookie;
	struct hf_agent *agent = ctx;
	struct hf_adapter *adapter = agent->port;

	if (status == -ETIMEDOUT)
		queue_timeout(transaction);
	hf_transaction_remove(&adapter->transactions, transaction);
}

static const struct hf_rmpp_ops rmpp_ops = { .send = rmpp_send, .deliver = rmpp_deliver, .sent = rmpp_sent };

int hf_mad_layer_register_locked(struct hf_adapter *adapter, struct hf_file *file, uint32_t id,
				 const struct hf_agent_request *request, struct hf_agent **ret_agent)
{
	struct hf_agent *agent;
	int rc = hf_agent_add(&adapter->agents, request, &agent);

	if (rc < 0)
		return rc;
	agent->id = id;
	agent->file = file;
	agent->port = adapter;
	if (request->rmpp_version && !request->does_own_rmpp) {
		rc = hf_rmpp_new(&rmpp_ops, agent, NULL, &agent->rmpp);
		if (rc < 0) {
			hf_agent_remove(&adapter->agents, agent);
			return rc;
		}
	}
	*ret_agent = agent;
	return 0;
}

void hf_mad_layer_unregister_locked(struct hf_adapter *adapter, struct hf_agent *agent)
{
	struct hf_transaction *transaction, *next;

	hf_rmpp_free(agent->rmpp);
	HASH_ITER(hh, adapter->transactions.by_key, transaction, next)
		if (transaction->agent == agent)
			hf_transaction_remove(&adapter->transactions, transaction);
	hf_agent_remove(&adapter->agents, agent);
}

static int post_rmpp_locked(struct hf_adapter *adapter, struct hf_agent *agent, const struct ib_user_mad_hdr *hdr,
			    const uint8_t *mad, size_t len)
{
	const struct hf_rmpp_addr to = {
		.lid = ntohs(hdr->lid),
		.qpn = ntohl(hdr->qpn),
		.pkey_index = hdr->pkey_index,
		.sl = hdr->sl,
		.path_bits = hdr->path_bits,
	};
	uint64_t now_ns = hf_engine_now_ns();
	struct hf_transaction *transaction;
	int rc = hf_transaction_add(&adapter->transactions, agent, hdr, mad, len, true, now_ns, &transaction);

	if (rc < 0)
		return rc;
	rc = hf_rmpp_send(agent->rmpp, &to, mad, len, hdr->timeout_ms, hdr->retries, (uintptr_t)transaction, now_ns);
	if (rc < 0) {
		hf_transaction_remove(&adapter->transactions, transaction);
		return rc == -EEXIST ? -EINVAL : rc;
	}
	return 0;
}

static int post_plain_locked(struct hf_adapter *adapter, struct hf_agent *agent, const struct ib_user_mad_hdr *hdr,
			     const uint8_t *mad, size_t len)
{
	struct hf_transaction *transaction = NULL;
	int rc;

	if (len > HF_MAD_SIZE)
		return -EINVAL;
	if (hdr->timeout_ms > 0 && !hf_mad_is_response(mad)) {
		rc = hf_transaction_add(&adapter->transactions, agent, hdr, mad, len, false, hf_engine_now_ns(),
					&transaction);
		if (rc < 0)
			return rc;
	}
	rc = send_mad_locked(adapter, agent, ntohs(hdr->lid), ntohl(hdr->qpn), mad, len);
	if (rc == -ENOMEM && transaction)
		hf_transaction_remove(&adapter->transactions, transaction);
	return rc;
}

int hf_mad_layer_post_locked(struct hf_adapter *adapter, struct hf_agent *agent, const struct ib_user_mad_hdr *hdr,
			     uint8_t *mad, size_t len)
{
	int rc;

	if (!hf_mad_is_response(mad) && hf_mad_header(mad).method != HF_METHOD_SEND)
		hf_mad_set_tid(mad, (uint64_t)agent->tag << HF_TID_TAG_SHIFT | (hf_mad_tid(mad) & HF_TID_PROGRAM_MASK));
	if (agent->rmpp && hf_rmpp_is_active(mad, len))
		rc = post_rmpp_locked(adapter, agent, hdr, mad, len);
	else
		rc = post_plain_locked(adapter, agent, hdr, mad, len);
	hf_engine_wake_locked(adapter);
	return rc;
}

void hf_mad_layer_receive_locked(struct hf_adapter *adapter, const struct hf_ibsim_mad *mad, uint64_t now_ns)
{
	const struct hf_rmpp_addr from = { .lid = ntohs((uint16_t)mad->slid), .qpn = ntohl(mad->sqp) };
	uint16_t dlid = ntohs((uint16_t)mad->dlid);
	struct hf_agent *agent;

	if (mad->status != 0)
		return;
	if (dlid != LID_PERMISSIVE)
		adapter->lid = dlid;
	hf_capture_mad(adapter->index, false, adapter->lid, mad);
	agent = hf_agent_find(&adapter->agents, mad->mad);
	if (!agent)
		return;
	if (!agent->rmpp || hf_rmpp_receive(agent->rmpp, &from, mad->mad, now_ns) != 0)
		deliver(adapter, agent, &from, mad->mad, HF_MAD_SIZE);
}

static void expire_transactions_locked(struct hf_adapter *adapter, uint64_t now_ns)
{
	struct hf_transaction *transaction;

	while ((transaction = hf_transaction_next_due(&adapter->transactions, now_ns))) {
		const struct ib_user_mad_hdr *hdr = &transaction->hdr;

		if (!hf_transaction_try_again(&adapter->transactions, transaction, now_ns)) {
			queue_timeout(transaction);
			hf_transaction_remove(&adapter->transactions, transaction);
		} else if (send_mad_locked(adapter, transaction->agent, ntohs(hdr->lid), ntohl(hdr->qpn),
					   transaction->mad, HF_MAD_SIZE) == -EIO) {
			return; /* ibsim is gone, and with it the transactions */
		}
	}
}

void hf_mad_layer_expire_locked(struct hf_adapter *adapter, uint64_t now_ns)
{
	struct hf_agent *agent;

	expire_transactions_locked(adapter, now_ns);
	DL_FOREACH(adapter->agents.first, agent)
		if (agent->rmpp)
			hf_rmpp_expire(agent->rmpp, now_ns);
}

uint64_t hf_mad_layer_deadline_ns_locked(const struct hf_adapter *adapter)
{
	uint64_t deadline_ns = hf_transaction_deadline_ns(&adapter->transactions);
	const struct hf_agent *agent;

	DL_FOREACH(adapter->agents.first, agent) {
		uint64_t rmpp_ns = agent->rmpp ? hf_rmpp_deadline_ns(agent->rmpp) : UINT64_MAX;

		if (rmpp_ns < deadline_ns)
			deadline_ns = rmpp_ns;
	}
	return deadline_ns;
}

/* What the RMPP engines send stays: they may be the ones that called. It ends when the agents do. */
void hf_mad_layer_fail_locked(struct hf_adapter *adapter)
{
	struct hf_transaction *transaction, *next;
	struct hf_outgoing *outgoing, *next_outgoing;

	HASH_ITER(hh, adapter->transactions.by_key, transaction, next)
		if (!transaction->is_rmpp)
			hf_transaction_remove(&adapter->transactions, transaction);
	DL_FOREACH_SAFE(adapter->outgoing, outgoing, next_outgoing)
		free(outgoing);
	adapter->outgoing = NULL;
}
