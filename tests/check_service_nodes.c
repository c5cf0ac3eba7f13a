/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The nodes of a service and the SM, all of them the real parts, in simulated time: what they agree on when messages
 * get lost, are repeated, or do not pass between some of them.
 */
#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "lib/node_service.h"
#include "plugin/service.h"
#include "plugin/service_nodes.h"

#define MS		UINT64_C(1000000)
#define INTERVAL_MS	100
#define REPORT_MS	5000
#define LOST_MS		350	/* three intervals and a half */
#define NODES		3
#define SM		NODES	/* its index in the network */
#define PARTIES		(NODES + 1)
#define MAX_PACKETS	100000
#define SEEDS		20
#define EPOCH_MS		UINT64_C(1700000000)

struct packet {
	uint64_t at_ns;
	int from, to;
	bool is_gone;		/* delivered or lost */
	struct hf_service_mad mad;
};

struct node {
	struct hf_node_service *service;
	bool is_stopped;
	struct hf_node_order orders[16];	/* that it got */
	size_t n_orders;
	uint64_t hook_ms;		/* how long they take; UINT64_MAX: for ever */
	enum hf_service_progress hook_end[HF_SERVICE_ORDERS];
	uint64_t hook_end_ns;		/* of the one that runs; 0: none */
	unsigned int refusals[HF_SERVICE_STATUSES];
};

static struct node nodes[NODES];
static struct hf_service_nodes *sm;		/* NULL while it is down */
static struct hf_service service;
static struct hf_service_config config;
static struct hf_service_node config_nodes[NODES];
static bool sm_sees[NODES];
static struct hf_service_step steps[64];	/* that are still to be told to the nodes */
static size_t n_steps;
static size_t transfers_ended, transfers_good;
static struct hf_service_node_report reports[NODES];	/* the last of each */
static uint64_t owned_term, term_owner;		/* the latest of which a node says that it owns the service */

static struct packet *packets;
static size_t n_packets, first_live;
static bool is_cut[PARTIES][PARTIES];
static double loss;
static uint64_t now_ns, random_state;
static const struct hf_key key = { { 9 } }, other_key = { { 8 } };

static uint64_t random_u64(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint64_t guid_of(int node)
{
	return node == SM ? 0 : 0x1000 + node;
}

static uint16_t lid_of(int node)
{
	return 10 + node;
}

static struct hf_service_now sm_now(void)
{
	return (struct hf_service_now){ now_ns, EPOCH_MS + now_ns / MS };
}

static int put_on_wire(int from, int to, const struct hf_service_mad *mad)
{
	bool is_lost = is_cut[from][to] || (random_u64() >> 11) * 0x1p-53 < loss;

	ck_assert_uint_lt(n_packets, MAX_PACKETS);
	packets[n_packets++] = (struct packet){
		.at_ns = now_ns + 20000 + random_u64() % 100000, .from = from, .to = to, .is_gone = is_lost, .mad = *mad,
	};
	return 0;
}

/* A node */

static int index_of(const void *ctx)
{
	return (int)((const struct node *)ctx - nodes);
}

static void node_to_peer(void *ctx, uint64_t guid, const struct hf_service_mad *mad)
{
	put_on_wire(index_of(ctx), (int)(guid - 0x1000), mad);
}

static int node_to_sm(void *ctx, const struct hf_service_mad *mad)
{
	return put_on_wire(index_of(ctx), SM, mad);
}

static void note_order(void *ctx, const struct hf_node_order *order)
{
	struct node *node = ctx;

	ck_assert_uint_lt(node->n_orders, 16);
	node->orders[node->n_orders++] = *order;
	node->hook_end_ns = 0;
	if (order->order == HF_SERVICE_ORDER_NONE)
		return;
	uint64_t limit_ms = node->hook_ms < order->limit_ms ? node->hook_ms : order->limit_ms;

	node->hook_end_ns = now_ns + limit_ms * MS;
}

static void note_role(void *ctx, enum hf_node_role old, uint64_t old_term)
{
	const struct node *node = ctx;
	struct hf_node_service_status status;

	(void)old;
	hf_node_service_get_status(node->service, &status);
	ck_assert_uint_ge(status.term, old_term);
}

static void note_peer(void *ctx, const struct hf_peer *peer, enum hf_peer_state old)
{
	(void)ctx;
	ck_assert_int_ne(peer->state, old);
}

static void note_refused(void *ctx, enum hf_service_ask ask, uint64_t subject, enum hf_service_status status)
{
	struct node *node = ctx;

	(void)ask;
	(void)subject;
	node->refusals[status]++;
}

static const struct hf_node_service_ops node_ops = {
	.send_peer = node_to_peer, .send_sm = node_to_sm, .order = note_order, .role = note_role, .peer = note_peer,
	.refused = note_refused,
};

static void start_node_with(int index, const struct hf_key *with)
{
	struct node *node = &nodes[index];
	uint64_t peers[NODES];
	size_t n = 0;

	for (int i = 0; i < NODES; i++)
		if (i != index)
			peers[n++] = guid_of(i);
	hf_node_service_free(node->service);
	*node = (struct node){ .hook_ms = 50 };
	for (int i = 0; i < HF_SERVICE_ORDERS; i++)
		node->hook_end[i] = HF_SERVICE_PROGRESS_DONE;
	const struct hf_node_service_config node_config = {
		.service = "web", .guid = guid_of(index), .peers = peers, .peer_count = n, .report_ms = REPORT_MS,
		.timeout_ms = 200, .key = with, .instance = random_u64() | 1,
	};
	ck_assert_int_eq(hf_node_service_new(&node_config, &node_ops, node, &node->service), 0);
}

static void start_node(int index)
{
	start_node_with(index, &key);
}

static struct hf_node_service_status status_of(int index)
{
	struct hf_node_service_status status;

	hf_node_service_get_status(nodes[index].service, &status);
	return status;
}

/* The SM: the state machine of the service, and what its steps lead to. */

static void note_step(const struct hf_service_step *step)
{
	if (step->action == HF_SERVICE_ACT_NONE && step->state == step->old_state)
		return;
	ck_assert_uint_lt(n_steps, 64);
	steps[n_steps++] = *step;
}

static uint64_t member_guid(int node)
{
	return node < 0 ? 0 : guid_of(node);
}

/* As the services' thread does, some time later. */
static void tell_steps(void)
{
	for (size_t i = 0; i < n_steps && sm; i++) {
		const struct hf_service_step *step = &steps[i];

		switch (step->action) {
		case HF_SERVICE_ACT_TRANSFER:
			hf_service_nodes_transfer(sm, now_ns, "web", step->term, member_guid(step->from),
						  member_guid(step->to), config.hook_limit_ms);
			break;
		case HF_SERVICE_ACT_DRAIN:
			hf_service_nodes_drain(sm, now_ns, "web", step->term, member_guid(step->from),
					       member_guid(step->to), config.drain_limit_ms);
			break;
		case HF_SERVICE_ACT_CANCEL:
			hf_service_nodes_cancel(sm, now_ns, "web");
			break;
		case HF_SERVICE_ACT_MOVE:
		case HF_SERVICE_ACT_NONE:
		case HF_SERVICE_ACTIONS:
			hf_service_nodes_settle(sm, now_ns, "web");
			break;
		}
	}
	n_steps = 0;
}

static int sm_send(void *ctx, const struct hf_mad_addr *to, const struct hf_service_mad *mad)
{
	(void)ctx;
	return put_on_wire(SM, to->lid - 10, mad);
}

static int sm_look(void *ctx, const char *name, struct hf_service_look *ret_look)
{
	(void)ctx;
	if (strcmp(name, "web"))
		return -ENOENT;
	*ret_look = (struct hf_service_look){
		.is_ready = service.state != HF_SERVICE_UNKNOWN, .term = service.term,
		.owner = member_guid(service.owner), .interval_ms = INTERVAL_MS, .count = 3, .node_count = NODES,
	};
	for (int i = 0; i < NODES; i++) {
		ret_look->nodes[i].guid = guid_of(i);
		ret_look->nodes[i].lid = sm_sees[i] ? lid_of(i) : 0;
	}
	return 0;
}

static int node_index(uint64_t guid)
{
	return guid >= 0x1000 && guid < 0x1000 + NODES ? (int)(guid - 0x1000) : -1;
}

static int sm_failed(void *ctx, const char *name, uint64_t guid, uint64_t by_guid, uint64_t term)
{
	const struct hf_service_now now = sm_now();
	struct hf_service_step step;
	int err;

	(void)ctx;
	ck_assert_str_eq(name, "web");
	if (node_index(guid) < 0 || guid == by_guid)
		return -EACCES;
	err = hf_service_node_failed(&service, node_index(guid), term, HF_CAUSE_HEARTBEAT, &now, &step);
	note_step(&step);
	return err;
}

static int sm_recovered(void *ctx, const char *name, uint64_t guid, uint64_t by_guid, uint64_t term)
{
	const struct hf_service_now now = sm_now();
	struct hf_service_step step;

	(void)ctx;
	(void)name;
	(void)term;
	if (node_index(guid) < 0 || guid == by_guid)
		return -EACCES;
	hf_service_node_recovered(&service, node_index(guid), &now, &step);
	note_step(&step);
	return 0;
}

static void sm_later_term(void *ctx, const char *name, uint64_t term)
{
	(void)ctx;
	(void)name;
	hf_service_learn_term(&service, term);
}

static void sm_transfer_ended(void *ctx, const char *name, uint64_t term, bool has_succeeded)
{
	const struct hf_service_now now = sm_now();
	struct hf_service_step step;

	(void)ctx;
	(void)name;
	transfers_ended++;
	transfers_good += has_succeeded;
	hf_service_transfer_ended(&service, term, has_succeeded, &now, &step);
	note_step(&step);
}

static void sm_drained(void *ctx, const char *name, uint64_t term)
{
	const struct hf_service_now now = sm_now();
	struct hf_service_step step;

	(void)ctx;
	(void)name;
	hf_service_drained(&service, term, &now, &step);
	note_step(&step);
}

static void sm_reported(void *ctx, const char *name, const struct hf_service_node_report *report)
{
	(void)ctx;
	ck_assert_str_eq(name, "web");
	for (int i = 0; i < NODES; i++)
		if (guid_of(i) == report->guid)
			reports[i] = *report;
}

static const struct hf_service_nodes_ops sm_ops = {
	.send = sm_send, .look = sm_look, .failed = sm_failed, .recovered = sm_recovered, .later_term = sm_later_term,
	.reported = sm_reported, .transfer_ended = sm_transfer_ended, .drained = sm_drained,
};

static void sm_sweep(void)
{
	const struct hf_service_now now = sm_now();
	struct hf_service_step step;

	for (int i = 0; i < NODES; i++)
		hf_service_see(&service, i, guid_of(i), lid_of(i), sm_sees[i], &now);
	hf_service_seen(&service, &now, &step);
	note_step(&step);
}

/* @term: of its journal; 0 where it has lost it. */
static void start_sm(int owner, uint64_t term)
{
	const struct hf_service_now now = sm_now();
	struct hf_service_step step;

	hf_service_nodes_free(sm);
	ck_assert_int_eq(hf_service_nodes_new(&sm_ops, NULL, random_u64() | 1, &sm), 0);
	ck_assert_int_eq(hf_service_nodes_put(sm, "web", &key), 0);
	hf_service_nodes_sweep(sm);
	hf_service_init(&service, &config);
	sm_sweep();
	hf_service_found(&service, owner, term, &now, &step);
	note_step(&step);
	tell_steps();
}

/* Time */

static int deliver_to_sm(const struct packet *packet, uint16_t from_lid)
{
	const struct hf_mad_addr from = { .lid = from_lid, .qpn = 1 };
	int err = hf_service_nodes_receive(sm, now_ns, &from, &packet->mad, sizeof(packet->mad));

	tell_steps();
	return err;
}

static int deliver_to_node(int to, const struct packet *packet)
{
	struct hf_service_msg msg;

	ck_assert_int_eq(hf_service_wire_read(&packet->mad, sizeof(packet->mad), &msg), 0);
	return hf_node_service_receive(nodes[to].service, now_ns, &packet->mad, &msg);
}

static void deliver(struct packet *packet)
{
	packet->is_gone = true;
	if (packet->to == SM && sm)
		deliver_to_sm(packet, lid_of(packet->from));
	else if (packet->to != SM && nodes[packet->to].service)
		deliver_to_node(packet->to, packet);
}

static void end_hook(struct node *node)
{
	const struct hf_node_order *order = &node->orders[node->n_orders - 1];
	bool is_limit = node->hook_ms >= order->limit_ms;

	node->hook_end_ns = 0;
	hf_node_service_order_ended(node->service, now_ns, order->id,
				    is_limit ? HF_SERVICE_PROGRESS_LIMIT : node->hook_end[order->order], 0);
}

/* The SM decides, so at one term one node owns the service; the SM says itself which. */
static void check_one_owner(void)
{
	for (int i = 0; i < NODES; i++) {
		struct hf_node_service_status status;

		if (!nodes[i].service)
			continue;
		status = status_of(i);
		if (status.role != HF_NODE_OWNER)
			continue;
		if (status.term > owned_term) {
			owned_term = status.term;
			term_owner = status.owner;
		}
		ck_assert(status.term < owned_term || status.owner == term_owner);
	}
}

static struct packet *next_packet(void)
{
	struct packet *next = NULL;

	while (first_live < n_packets && packets[first_live].is_gone)
		first_live++;
	for (size_t i = first_live; i < n_packets; i++)
		if (!packets[i].is_gone && (packets[i].to == SM || !nodes[packets[i].to].is_stopped) &&
		    (!next || packets[i].at_ns < next->at_ns))
			next = &packets[i];
	return next;
}

static void run_timers(uint64_t *ret_next_ns)
{
	*ret_next_ns = UINT64_MAX;
	for (int i = 0; i < NODES; i++) {
		struct node *node = &nodes[i];
		uint64_t deadline_ns;

		if (!node->service || node->is_stopped)
			continue;
		if (node->hook_end_ns && now_ns >= node->hook_end_ns)
			end_hook(node);
		hf_node_service_run(node->service, now_ns);
		deadline_ns = hf_node_service_deadline_ns(node->service);
		if (node->hook_end_ns && node->hook_end_ns < deadline_ns)
			deadline_ns = node->hook_end_ns;
		ck_assert_uint_gt(deadline_ns, now_ns);
		*ret_next_ns = deadline_ns < *ret_next_ns ? deadline_ns : *ret_next_ns;
	}
	if (sm) {
		const struct hf_service_now now = sm_now();
		struct hf_service_step step;
		uint64_t deadline_ns;

		hf_service_tick(&service, &now, &step);
		note_step(&step);
		tell_steps();
		hf_service_nodes_run(sm, now_ns);
		deadline_ns = hf_service_nodes_deadline_ns(sm);
		ck_assert_uint_gt(deadline_ns, now_ns);
		*ret_next_ns = deadline_ns < *ret_next_ns ? deadline_ns : *ret_next_ns;
		deadline_ns = hf_service_deadline(&service);
		*ret_next_ns = deadline_ns < *ret_next_ns ? deadline_ns : *ret_next_ns;
	}
	check_one_owner();
}

static void pass_ms(uint64_t ms)
{
	uint64_t end_ns = now_ns + ms * MS, next_ns;

	for (;;) {
		struct packet *packet;

		run_timers(&next_ns);
		packet = next_packet();
		if (packet && packet->at_ns < next_ns)
			next_ns = packet->at_ns;
		if (next_ns > end_ns)
			break;
		now_ns = next_ns > now_ns ? next_ns : now_ns;
		if (packet && packet->at_ns <= now_ns)
			deliver(packet);
	}
	now_ns = end_ns;
}

static void cut(int a, int b, bool yes)
{
	is_cut[a][b] = is_cut[b][a] = yes;
}

static void kill_node(int index)
{
	hf_node_service_free(nodes[index].service);
	nodes[index] = (struct node){ 0 };
}

static void begin(uint64_t seed)
{
	random_state = seed;
	now_ns = 5000 * MS;
	n_packets = first_live = n_steps = 0;
	owned_term = term_owner = 0;
	loss = 0;
	transfers_ended = transfers_good = 0;
	memset(is_cut, 0, sizeof(is_cut));
	for (int i = 0; i < NODES; i++) {
		config_nodes[i] = (struct hf_service_node){ .port_guid = guid_of(i) };
		sm_sees[i] = true;
	}
	config = (struct hf_service_config){
		.name = (char *)"web", .detection = HF_DETECTION_SM | HF_DETECTION_HEARTBEAT | HF_DETECTION_OPERATOR,
		.failback = HF_FAILBACK_MANUAL, .hook_limit_ms = 1000, .nodes = config_nodes, .node_count = NODES,
		.heartbeat_interval_ms = INTERVAL_MS, .heartbeat_count = 3,
	};
	start_sm(0, 0);
	for (int i = 0; i < NODES; i++)
		start_node(i);
}

static void setup(void)
{
	packets = calloc(MAX_PACKETS, sizeof(*packets));
	memset(nodes, 0, sizeof(nodes));
	begin(1);
}

static void teardown(void)
{
	for (int i = 0; i < NODES; i++)
		kill_node(i);
	hf_service_nodes_free(sm);
	sm = NULL;
	free(packets);
}

/* All nodes that run know what the SM has decided. */
static void assert_agreed(int owner)
{
	ck_assert_int_eq(service.owner, owner);
	for (int i = 0; i < NODES; i++) {
		struct hf_node_service_status status;

		if (!nodes[i].service || nodes[i].is_stopped)
			continue;
		status = status_of(i);
		ck_assert_uint_eq(status.term, service.term);
		ck_assert_uint_eq(status.owner, guid_of(owner));
		ck_assert_int_eq(status.role, i == owner ? HF_NODE_OWNER : HF_NODE_STANDBY);
	}
}

START_TEST(test_start)
{
	pass_ms(300);
	assert_agreed(0);
	for (int i = 0; i < NODES; i++) {
		struct hf_node_service_status status = status_of(i);

		ck_assert(status.is_beating);
		ck_assert_int_eq(status.interval_ms, INTERVAL_MS);
		ck_assert_uint_eq(status.counters->timeouts, 0);
		/* The first request has nothing to show that it is new. */
		ck_assert_uint_eq(status.counters->again, 1);
		for (size_t j = 0; j < status.peer_count; j++)
			ck_assert_int_eq(status.peers[j].state, HF_PEER_ALIVE);
	}
	ck_assert_uint_eq(service.moves, 0);
}
END_TEST

START_TEST(test_peer_takes_over)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		uint64_t term;

		begin(seed);
		pass_ms(3000 + random_u64() % 100);
		term = service.term;
		nodes[0].is_stopped = true;
		pass_ms(LOST_MS + 5);
		/* Both others say so, and it moves once. */
		ck_assert_uint_eq(service.moves, 1);
		ck_assert_uint_gt(service.term, term);
		assert_agreed(1);
		pass_ms(3000);
		ck_assert_uint_eq(service.moves, 1);
		/* He thinks that he owns it, but at a term that is over, and learns so as soon as he runs. */
		ck_assert_int_eq(status_of(0).role, HF_NODE_OWNER);
		ck_assert_uint_eq(status_of(0).term, term);
		nodes[0].is_stopped = false;
		pass_ms(5);
		assert_agreed(1);
		pass_ms(300);
		ck_assert(!service.members[0].is_suspect);
		pass_ms(20000);
		ck_assert_uint_eq(service.moves, 1);
	}
}
END_TEST

/* One failure seen by all: the SM's sweep comes before, after or between what the peers say. */
START_TEST(test_seen_three_ways)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		uint64_t sweep_ms;

		begin(seed);
		pass_ms(1000 + random_u64() % 100);
		kill_node(0);
		sweep_ms = random_u64() % (LOST_MS + 100);
		pass_ms(sweep_ms);
		sm_sees[0] = false;
		sm_sweep();
		tell_steps();
		pass_ms(1000);
		ck_assert_uint_eq(service.moves, 1);
		assert_agreed(1);
		/* Who was refused for it was late, not wrong. */
		ck_assert_uint_eq(nodes[1].refusals[HF_SERVICE_NO_NODE], 0);
		ck_assert_uint_eq(nodes[1].refusals[HF_SERVICE_DISABLED], 0);
	}
}
END_TEST

/* Nodes that do not hear each other, though all reach the SM. */
START_TEST(test_partition_of_two)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(seed);
		kill_node(2);
		sm_sees[2] = false;
		sm_sweep();
		pass_ms(1000 + random_u64() % 100);
		cut(0, 1, true);
		pass_ms(60000);
		ck_assert_uint_le(service.moves, 1);
		assert_agreed(service.owner);
		cut(0, 1, false);
		pass_ms(1000);
		ck_assert_uint_le(service.moves, 1);
		assert_agreed(service.owner);
		ck_assert(!service.members[0].is_suspect && !service.members[1].is_suspect);
	}
}
END_TEST

/* {0} | {1, 2}, then {0, 1} | {2}, ten times: it moves away from who is cut off, and nobody pulls it back. */
START_TEST(test_partitions)
{
	uint64_t all_moves = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(seed);
		pass_ms(1000 + random_u64() % 100);
		for (int i = 0; i < 10; i++) {
			uint64_t moves = service.moves;
			int lonely = i % 2 ? 2 : 0;

			cut(lonely, 1, true);
			cut(lonely, 2 - lonely, true);
			pass_ms(5000);
			ck_assert_uint_le(service.moves - moves, 1);
			assert_agreed(service.owner);
			cut(lonely, 1, false);
			cut(lonely, 2 - lonely, false);
			pass_ms(1000);
			ck_assert_uint_le(service.moves - moves, 1);
			assert_agreed(service.owner);
		}
		all_moves += service.moves;
	}
	ck_assert_uint_gt(all_moves, SEEDS);
}
END_TEST

/* Who said that the other has failed, and was believed, then fails himself: his word does not stand for ever. */
START_TEST(test_accuser_fails)
{
	kill_node(2);
	sm_sees[2] = false;
	sm_sweep();
	pass_ms(1000);
	/* 0 does not hear 1, and is the first to say so. */
	is_cut[1][0] = true;
	is_cut[0][1] = true;
	is_cut[1][SM] = true;
	pass_ms(1000);
	is_cut[1][SM] = false;
	pass_ms(20000);
	ck_assert(service.members[1].is_suspect);
	ck_assert_uint_eq(service.moves, 0);
	assert_agreed(0);
	nodes[0].is_stopped = true;
	pass_ms(1200);
	ck_assert_uint_eq(service.moves, 1);
	assert_agreed(1);
	nodes[0].is_stopped = false;
	pass_ms(60000);
	ck_assert_uint_eq(service.moves, 1);
	assert_agreed(1);
}
END_TEST

/* Who is cut off from the SM as well keeps his old belief, and nobody else shares it. */
START_TEST(test_cut_off)
{
	uint64_t term;

	pass_ms(1000);
	term = service.term;
	for (int i = 1; i < PARTIES; i++)
		cut(0, i, true);
	pass_ms(5000);
	ck_assert_int_eq(service.owner, 1);
	ck_assert_uint_eq(status_of(0).term, term);
	ck_assert_int_eq(status_of(1).role, HF_NODE_OWNER);
	for (int i = 1; i < PARTIES; i++)
		cut(0, i, false);
	pass_ms(200);
	assert_agreed(1);
}
END_TEST

START_TEST(test_bad_links)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(seed);
		loss = 0.2;
		pass_ms(20000);
		for (int i = 0; i < NODES; i++)
			ck_assert_uint_eq(status_of(i).term, service.term);
		nodes[service.owner].is_stopped = true;
		pass_ms(3000);
		loss = 0;
		pass_ms(REPORT_MS + 1000);
		assert_agreed(service.owner);
		ck_assert(!nodes[service.owner].is_stopped);
	}
}
END_TEST

/* Without a bell they find out when they ask. */
START_TEST(test_lost_bells)
{
	const struct hf_service_now now = sm_now();
	struct hf_service_step step;

	pass_ms(1000);
	for (int i = 0; i < NODES; i++)
		is_cut[SM][i] = true;
	ck_assert_int_eq(hf_service_fail_over(&service, 2, &now, &step), 0);
	note_step(&step);
	tell_steps();
	pass_ms(20000);
	for (int i = 0; i < NODES; i++)
		is_cut[SM][i] = false;
	pass_ms(REPORT_MS + 100);
	assert_agreed(2);
	ck_assert_uint_ge(hf_service_nodes_counters(sm)->bells, NODES);
	ck_assert_uint_le(hf_service_nodes_counters(sm)->bells, 8 * NODES + 2 * NODES);
}
END_TEST

static void replay_to_sm(size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (packets[i].to == SM)
			deliver_to_sm(&packets[i], lid_of(packets[i].from));
}

START_TEST(test_replayed_requests)
{
	uint64_t term, moves;
	size_t n;

	pass_ms(1000);
	nodes[0].is_stopped = true;
	pass_ms(1000);
	nodes[0].is_stopped = false;
	pass_ms(1000);
	ck_assert_int_eq(service.owner, 1);
	const struct hf_service_now now = sm_now();
	struct hf_service_step step;

	ck_assert_int_eq(hf_service_fail_over(&service, 0, &now, &step), 0);
	note_step(&step);
	tell_steps();
	pass_ms(1000);
	n = n_packets;
	moves = service.moves;
	term = service.term;
	/* While the SM and nodes live, */
	for (int i = 0; i < 5; i++) {
		replay_to_sm(n);
		pass_ms(300);
	}
	ck_assert_uint_eq(service.moves, moves);
	ck_assert_uint_ge(hf_service_nodes_counters(sm)->repeated, 5 * 3);
	assert_agreed(0);
	/* and to one that was started anew, and remembers no stamp, but that term, so that theirs would be believed. */
	for (int i = 0; i < NODES; i++)
		kill_node(i);
	pass_ms(10);
	start_sm(0, term);
	service.term = EPOCH_MS;
	for (int i = 0; i < 5; i++) {
		replay_to_sm(n);
		pass_ms(300);
	}
	ck_assert_int_eq(service.owner, 0);
	ck_assert_uint_eq(service.moves, 0);
	ck_assert_uint_eq(hf_service_nodes_counters(sm)->requests, 0);
	ck_assert_uint_gt(hf_service_nodes_counters(sm)->again, 0);
	for (int i = 0; i < NODES; i++)
		ck_assert(!service.members[i].is_suspect);
}
END_TEST

/* Answers and bells that were recorded. */
START_TEST(test_replayed_answers)
{
	size_t n;
	uint64_t term;

	pass_ms(1000);
	nodes[0].is_stopped = true;
	pass_ms(1000);
	nodes[0].is_stopped = false;
	pass_ms(1000);
	n = n_packets;
	term = status_of(2).term;
	start_node(2);
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < n; i++)
			if (packets[i].from == SM && packets[i].to == 2)
				deliver_to_node(2, &packets[i]);
		if (!round)
			ck_assert_int_eq(status_of(2).role, HF_NODE_UNKNOWN);
		pass_ms(100);
	}
	ck_assert_uint_eq(status_of(2).term, term);
	assert_agreed(1);
	/* Bells that are repeated without end do not make him ask without end. */
	uint64_t requests = status_of(2).counters->requests;

	for (int i = 0; i < 1000; i++) {
		for (size_t j = 0; j < n; j++)
			if (packets[j].from == SM && packets[j].to == 2)
				deliver_to_node(2, &packets[j]);
		pass_ms(1);
	}
	ck_assert_uint_le(status_of(2).counters->requests - requests, 120);
}
END_TEST

static struct packet make_request(const struct hf_key *with, uint64_t from, const char *name, uint64_t to)
{
	struct packet packet = { .from = 1, .to = SM };
	struct hf_service_msg msg = {
		.kind = HF_SERVICE_REQUEST, .from = from, .to = to, .stamp = { 77, now_ns },
		.term = service.term, .owner = guid_of(0),
		.request = { .ask = HF_SERVICE_ASK_FAILED, .subject = guid_of(0) },
	};

	strcpy(msg.service, name);
	hf_service_wire_write(&msg, with, 1, &packet.mad);
	return packet;
}

START_TEST(test_who_may_ask)
{
	const struct hf_service_nodes_counters *counters = hf_service_nodes_counters(sm);
	struct packet packet;

	pass_ms(1000);
	packet = make_request(&other_key, guid_of(1), "web", 0);
	ck_assert_int_eq(deliver_to_sm(&packet, lid_of(1)), -EKEYREJECTED);
	packet = make_request(&key, guid_of(1), "db", 0);
	ck_assert_int_eq(deliver_to_sm(&packet, lid_of(1)), -EKEYREJECTED);
	ck_assert_uint_eq(counters->forged, 2);
	/* It has the key, but is none of the nodes, or sends from another port than it says. */
	packet = make_request(&key, 0x1077, "web", 0);
	ck_assert_int_eq(deliver_to_sm(&packet, lid_of(1)), -ENOENT);
	packet = make_request(&key, guid_of(1), "web", 0);
	ck_assert_int_eq(deliver_to_sm(&packet, lid_of(2)), -ENOENT);
	ck_assert_int_eq(deliver_to_sm(&packet, 99), -ENOENT);
	packet = make_request(&key, guid_of(1), "web", guid_of(0));
	ck_assert_int_eq(deliver_to_sm(&packet, lid_of(1)), -ENOENT);
	ck_assert_uint_eq(counters->strange, 4);
	/* All is right but that nothing shows that it is new. */
	packet = make_request(&key, guid_of(1), "web", 0);
	ck_assert_int_eq(deliver_to_sm(&packet, lid_of(1)), 0);
	ck_assert_uint_eq(counters->again, NODES + 1);
	ck_assert_uint_eq(service.moves, 0);
	/* A heartbeat is no request. */
	for (size_t i = 0; i < n_packets; i++)
		if (packets[i].to != SM && packets[i].from != SM) {
			ck_assert_int_eq(deliver_to_sm(&packets[i], lid_of(packets[i].from)), -ENOENT);
			break;
		}
}
END_TEST

START_TEST(test_wrong_key)
{
	start_node_with(1, &other_key);
	pass_ms(10000);
	ck_assert_int_eq(status_of(1).role, HF_NODE_UNKNOWN);
	ck_assert_uint_eq(status_of(1).counters->answers, 0);
	ck_assert_uint_gt(status_of(1).counters->timeouts, 3);
	/* He asks less and less often. */
	ck_assert_uint_lt(status_of(1).counters->requests, 12);
	ck_assert_int_eq(service.owner, 0);
	ck_assert_uint_eq(service.moves, 0);
}
END_TEST

/* Failbacks */

static void fail_over_and_back(void)
{
	const struct hf_service_now now = sm_now();
	struct hf_service_step step;

	ck_assert_int_eq(hf_service_fail_over(&service, 1, &now, &step), 0);
	note_step(&step);
	tell_steps();
	pass_ms(500);
	assert_agreed(1);
	const struct hf_service_now then = sm_now();

	ck_assert_int_eq(hf_service_fail_back(&service, &then, &step), 0);
	note_step(&step);
	tell_steps();
}

static void begin_with_hooks(int drain_limit_ms)
{
	begin(7);
	config.state_transfer = true;
	config.drain_limit_ms = drain_limit_ms;
	pass_ms(1000);
}

static void assert_orders(int node, size_t n, const enum hf_service_order *orders)
{
	ck_assert_uint_eq(nodes[node].n_orders, n);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(nodes[node].orders[i].order, orders[i]);
}

#define ORDERS(node, ...) do { \
		const enum hf_service_order orders_[] = { __VA_ARGS__ }; \
		assert_orders(node, sizeof(orders_) / sizeof(orders_[0]), orders_); \
	} while (0)

START_TEST(test_failback)
{
	begin_with_hooks(5000);
	nodes[0].hook_ms = 300;
	nodes[1].hook_ms = 200;
	fail_over_and_back();
	pass_ms(150);
	ORDERS(1, HF_SERVICE_ORDER_GIVE);
	ck_assert_uint_eq(nodes[1].orders[0].subject, guid_of(0));
	assert_orders(0, 0, NULL);
	/* Nobody takes what is not ready. */
	pass_ms(100);
	ORDERS(0, HF_SERVICE_ORDER_TAKE);
	ck_assert_uint_eq(nodes[0].orders[0].subject, guid_of(1));
	ck_assert_uint_lt(nodes[0].orders[0].limit_ms, 1000 - 150);
	ck_assert_int_eq(service.owner, 1);
	pass_ms(300);
	ORDERS(1, HF_SERVICE_ORDER_GIVE, HF_SERVICE_ORDER_DRAIN);
	ck_assert_int_eq(service.owner, 1);
	pass_ms(300);
	assert_agreed(0);
	ck_assert_uint_eq(transfers_good, 1);
	ck_assert_uint_eq(service.moves, 2);
	pass_ms(100);
	for (int i = 0; i < NODES; i++)
		ck_assert_int_eq(status_of(i).order.order, HF_SERVICE_ORDER_NONE);
	assert_orders(2, 0, NULL);
}
END_TEST

/* _i: 0: the one who gives fails; 1: the one who takes; 2, 3: they exceed the limit. */
START_TEST(test_hook_fails)
{
	int who = _i % 2 ? 0 : 1;

	begin_with_hooks(0);
	for (int i = 0; i < HF_SERVICE_ORDERS; i++)
		nodes[who].hook_end[i] = HF_SERVICE_PROGRESS_FAILED;
	if (_i >= 2)
		nodes[who].hook_ms = UINT64_MAX;
	fail_over_and_back();
	pass_ms(2000);
	assert_agreed(1);
	ck_assert_int_eq(service.state, HF_SERVICE_OWNED);
	ck_assert_uint_eq(service.moves, 1);
	ck_assert_uint_eq(transfers_good, 0);
	ORDERS(1, HF_SERVICE_ORDER_GIVE, HF_SERVICE_ORDER_RESUME);
	if (who == 0)
		ORDERS(0, HF_SERVICE_ORDER_TAKE, HF_SERVICE_ORDER_RESUME);
	else
		assert_orders(0, 0, NULL);
}
END_TEST

START_TEST(test_drain_limit)
{
	begin_with_hooks(2000);
	config.state_transfer = false;
	nodes[1].hook_ms = 100000;
	fail_over_and_back();
	pass_ms(1900);
	ORDERS(1, HF_SERVICE_ORDER_DRAIN);
	hf_node_service_set_connections(nodes[1].service, now_ns, 12);
	pass_ms(50);
	ck_assert_uint_eq(reports[1].connections, 12);
	ck_assert_int_eq(reports[1].order, HF_SERVICE_ORDER_DRAIN);
	ck_assert_int_eq(reports[1].progress, HF_SERVICE_PROGRESS_RUNNING);
	ck_assert(!reports[1].is_behind);
	ck_assert_int_eq(service.owner, 1);
	pass_ms(200);
	assert_agreed(0);
	ck_assert_int_eq(reports[1].order, HF_SERVICE_ORDER_NONE);
	ck_assert_uint_eq(reports[1].term, service.term);
}
END_TEST

/* The owner dies while its state is carried over: the service moves, and no order is left. */
START_TEST(test_dies_in_failback)
{
	begin_with_hooks(0);
	nodes[1].hook_ms = UINT64_MAX;
	config.hook_limit_ms = 60000;
	fail_over_and_back();
	pass_ms(200);
	ORDERS(1, HF_SERVICE_ORDER_GIVE);
	nodes[1].is_stopped = true;
	pass_ms(LOST_MS + 100);
	assert_agreed(0);
	nodes[1].is_stopped = false;
	pass_ms(500);
	ORDERS(1, HF_SERVICE_ORDER_GIVE, HF_SERVICE_ORDER_NONE);
	ck_assert_uint_eq(transfers_ended, 0);
}
END_TEST

/* The SM is started anew while a hook runs, knows of no failback, and its first order has the number of the old one. */
START_TEST(test_sm_restarts)
{
	uint64_t term;

	begin_with_hooks(0);
	nodes[1].hook_ms = UINT64_MAX;
	config.hook_limit_ms = 60000;
	fail_over_and_back();
	pass_ms(200);
	term = service.term;
	hf_service_nodes_free(sm);
	sm = NULL;
	pass_ms(3000);
	start_sm(1, term);
	pass_ms(1000);
	ORDERS(1, HF_SERVICE_ORDER_GIVE, HF_SERVICE_ORDER_NONE);
	assert_agreed(1);
	ck_assert_uint_eq(service.term, term);
	nodes[1].hook_ms = 20;
	const struct hf_service_now now = sm_now();
	struct hf_service_step step;

	ck_assert_int_eq(hf_service_fail_back(&service, &now, &step), 0);
	note_step(&step);
	tell_steps();
	pass_ms(1000);
	assert_agreed(0);
}
END_TEST

/* It has lost its journal, and its clock: the nodes know a later term, and the next one is later still. */
START_TEST(test_sm_forgets)
{
	uint64_t term;

	pass_ms(1000);
	start_sm(0, 0);
	term = EPOCH_MS + 1000000;
	service.term = term;
	hf_service_nodes_settle(sm, now_ns, "web");
	pass_ms(1000);
	assert_agreed(0);
	start_sm(0, 0);
	ck_assert_uint_lt(service.term, term);
	hf_service_nodes_settle(sm, now_ns, "web");
	pass_ms(1000);
	ck_assert_uint_eq(status_of(1).term, term);
	nodes[0].is_stopped = true;
	pass_ms(1000);
	ck_assert_uint_gt(service.term, term);
	assert_agreed(1);
}
END_TEST

START_TEST(test_not_master)
{
	const struct hf_service_now now = sm_now();
	struct hf_service_step step;

	pass_ms(1000);
	hf_service_release(&service, &now, &step);
	nodes[0].is_stopped = true;
	pass_ms(3000);
	/* Nobody is told anything, nor forgets. */
	ck_assert_int_eq(status_of(1).answer, HF_SERVICE_NOT_READY);
	ck_assert_uint_eq(status_of(1).owner, guid_of(0));
	ck_assert_uint_eq(service.moves, 0);
	start_sm(0, service.term);
	pass_ms(6000);
	assert_agreed(1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("service_nodes");
	TCase *tcase = tcase_create("simulated time");

	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_start);
	tcase_add_test(tcase, test_peer_takes_over);
	tcase_add_test(tcase, test_seen_three_ways);
	tcase_add_test(tcase, test_partition_of_two);
	tcase_add_test(tcase, test_partitions);
	tcase_add_test(tcase, test_accuser_fails);
	tcase_add_test(tcase, test_cut_off);
	tcase_add_test(tcase, test_bad_links);
	tcase_add_test(tcase, test_lost_bells);
	tcase_add_test(tcase, test_replayed_requests);
	tcase_add_test(tcase, test_replayed_answers);
	tcase_add_test(tcase, test_who_may_ask);
	tcase_add_test(tcase, test_wrong_key);
	tcase_add_test(tcase, test_failback);
	tcase_add_loop_test(tcase, test_hook_fails, 0, 4);
	tcase_add_test(tcase, test_drain_limit);
	tcase_add_test(tcase, test_dies_in_failback);
	tcase_add_test(tcase, test_sm_restarts);
	tcase_add_test(tcase, test_sm_forgets);
	tcase_add_test(tcase, test_not_master);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
