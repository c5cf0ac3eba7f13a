/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Messages of services, to who must not trust them. The input is a row of steps: a byte that says who gets the message
 * and how, then its 216 bytes behind the OUI. In half of the steps the message is authenticated anew, so that what is
 * behind that check is reached; in others stamps that are recent are put in.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/node_service.h"
#include "plugin/service_nodes.h"

#define STEP_BYTES	(1 + sizeof(struct hf_service_wire))
#define MS		UINT64_C(1000000)
#define GUID		UINT64_C(0x11)
#define PEER		UINT64_C(0x22)

enum step_flag {
	STEP_TO_SM = 0x01,
	STEP_SEALED = 0x02,
	STEP_FRESH = 0x04,
	STEP_RUN = 0x08,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct hf_key key = { { 1 } };

struct party {
	struct hf_stamp sent;		/* of the last MAD that it sent */
};

static struct party node, sm;
static uint64_t term;

static void note_stamp(struct party *party, const struct hf_service_mad *mad)
{
	struct hf_service_msg msg;

	/* What is sent can be read, and is what was meant. */
	if (hf_service_wire_read(mad, sizeof(*mad), &msg) || !hf_service_wire_is_authentic(mad, &key))
		abort();
	if (party->sent.instance == msg.stamp.instance && msg.stamp.ns <= party->sent.ns)
		abort();
	party->sent = msg.stamp;
}

static void send_peer(void *ctx, uint64_t guid, const struct hf_service_mad *mad)
{
	(void)guid;
	note_stamp(ctx, mad);
}

static int send_sm(void *ctx, const struct hf_service_mad *mad)
{
	note_stamp(ctx, mad);
	return 0;
}

static void ignore_order(void *ctx, const struct hf_node_order *order)
{
	(void)ctx;
	if (order->order >= HF_SERVICE_ORDERS)
		abort();
}

static void ignore_role(void *ctx, enum hf_node_role old, uint64_t old_term)
{
	(void)ctx;
	(void)old;
	(void)old_term;
}

static void ignore_peer(void *ctx, const struct hf_peer *peer, enum hf_peer_state old)
{
	(void)ctx;
	if (peer->state == old)
		abort();
}

static void ignore_refusal(void *ctx, enum hf_service_ask ask, uint64_t subject, enum hf_service_status status)
{
	(void)ctx;
	(void)ask;
	(void)subject;
	(void)status;
}

static const struct hf_node_service_ops node_ops = {
	.send_peer = send_peer, .send_sm = send_sm, .order = ignore_order, .role = ignore_role, .peer = ignore_peer,
	.refused = ignore_refusal,
};

static int send_node(void *ctx, const struct hf_mad_addr *to, const struct hf_service_mad *mad)
{
	(void)to;
	note_stamp(ctx, mad);
	return 0;
}

static int look(void *ctx, const char *service, struct hf_service_look *ret_look)
{
	(void)ctx;
	(void)service;
	*ret_look = (struct hf_service_look){
		.is_ready = true, .term = term, .owner = PEER, .interval_ms = 10, .count = 3, .node_count = 3,
		.nodes = { { GUID, 5 }, { PEER, 6 }, { 0, 0 } },
	};
	return 0;
}

static int change(void *ctx, const char *service, uint64_t guid, uint64_t by_guid, uint64_t by_term)
{
	(void)ctx;
	(void)service;
	(void)by_term;
	/* Only nodes are told of, and by nodes. */
	if ((guid != GUID && guid != PEER) || (by_guid != GUID && by_guid != PEER))
		abort();
	return 0;
}

static void learn(void *ctx, const char *service, uint64_t later)
{
	(void)ctx;
	(void)service;
	if (later <= term)
		abort();
	term = later;
}

static void take_report(void *ctx, const char *service, const struct hf_service_node_report *report)
{
	(void)ctx;
	(void)service;
	if (!report->guid || report->order >= HF_SERVICE_ORDERS || report->progress >= HF_SERVICE_PROGRESSES)
		abort();
}

static void end_transfer(void *ctx, const char *service, uint64_t at, bool has_succeeded)
{
	(void)ctx;
	(void)service;
	(void)has_succeeded;
	if (at != 7)
		abort();
}

static void end_drain(void *ctx, const char *service, uint64_t at)
{
	end_transfer(ctx, service, at, true);
}

static const struct hf_service_nodes_ops sm_ops = {
	.send = send_node, .look = look, .failed = change, .recovered = change, .later_term = learn,
	.reported = take_report, .transfer_ended = end_transfer, .drained = end_drain,
};

static void make_mad(const uint8_t *step, struct hf_service_mad *mad)
{
	const struct party *to = step[0] & STEP_TO_SM ? &sm : &node;
	bool is_kind = step[4] >= HF_SERVICE_HEARTBEAT && step[4] < HF_SERVICE_KINDS;
	const struct hf_service_msg msg = { .kind = is_kind ? step[4] : HF_SERVICE_HEARTBEAT, .service = "s" };

	/* For the headers that fit this kind. */
	hf_service_wire_write(&msg, &key, 1, mad);
	memcpy(&mad->msg, step + 1, sizeof(mad->msg));
	if (step[0] & STEP_FRESH) {
		mad->msg.echo_instance = htobe64(to->sent.instance);
		mad->msg.echo_stamp = htobe64(to->sent.ns);
	}
	if (step[0] & STEP_SEALED)
		hf_key_mac(&key, &mad->msg, offsetof(struct hf_service_wire, mac), mad->msg.mac);
}

/* What was read, written and read again is the same. */
static void check_round_trip(const struct hf_service_msg *msg)
{
	struct hf_service_mad mad;
	struct hf_service_msg again;

	hf_service_wire_write(msg, &key, 1, &mad);
	if (hf_service_wire_read(&mad, sizeof(mad), &again) || memcmp(msg, &again, sizeof(again)))
		abort();
}

static void do_step(const uint8_t *step, uint64_t now_ns, struct hf_node_service *service,
		    struct hf_service_nodes *nodes)
{
	const struct hf_mad_addr from = { .lid = step[0] & 0x80 ? 6 : 5, .qpn = 1 };
	struct hf_service_mad mad;
	struct hf_service_msg msg;

	make_mad(step, &mad);
	if (step[0] & STEP_TO_SM)
		(void)hf_service_nodes_receive(nodes, now_ns, &from, &mad, sizeof(mad));
	if (!hf_service_wire_read(&mad, sizeof(mad), &msg)) {
		check_round_trip(&msg);
		if (!(step[0] & STEP_TO_SM))
			(void)hf_node_service_receive(service, now_ns, &mad, &msg);
	}
	if (step[0] & STEP_RUN) {
		hf_node_service_run(service, now_ns);
		hf_service_nodes_run(nodes, now_ns);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint64_t peers[] = { PEER };
	const struct hf_node_service_config config = {
		.service = "s", .guid = GUID, .peers = peers, .peer_count = 1, .interval_ms = 10, .count = 3,
		.report_ms = 100, .timeout_ms = 10, .key = &key, .instance = 3,
	};
	struct hf_node_service *service;
	struct hf_service_nodes *nodes;
	uint64_t now_ns = 1000 * MS;

	node = sm = (struct party){ { 0 } };
	term = 7;
	if (hf_node_service_new(&config, &node_ops, &node, &service) || hf_service_nodes_new(&sm_ops, &sm, 4, &nodes))
		abort();
	hf_service_nodes_put(nodes, "s", &key);
	hf_service_nodes_transfer(nodes, now_ns, "s", 7, PEER, GUID, 1000);
	hf_node_service_run(service, now_ns);
	hf_service_nodes_run(nodes, now_ns);
	for (; len >= STEP_BYTES; data += STEP_BYTES, len -= STEP_BYTES) {
		now_ns += (data[0] >> 4 & 7) * 10 * MS;
		do_step(data, now_ns, service, nodes);
	}
	hf_node_service_free(service);
	hf_service_nodes_free(nodes);
	return 0;
}
