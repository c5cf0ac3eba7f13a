/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Heartbeats in simulated time, over links that lose, delay, double and reorder, with somebody who records and repeats
 * what he sees. Each test has its own seeds.
 */
#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "lib/heartbeat.h"

#define MS		UINT64_C(1000000)
#define INTERVAL_MS	100
#define INTERVAL	(INTERVAL_MS * MS)
#define COUNT		3
#define NODES		3
#define MAX_PACKETS	200000
#define SEEDS		20

struct packet {
	uint64_t at_ns;			/* when it arrives */
	int from, to;
	struct hf_service_mad mad;
};

struct node {
	struct hf_heartbeat *heartbeat;
	struct hf_stamper stamper;
	bool is_stopped;		/* neither receives nor runs */
	int64_t clock_offset;		/* of its clock from ours */
	enum hf_peer_state seen[NODES];	/* by changed() */
	uint64_t changed_ns[NODES];
	unsigned int changes[NODES];
	uint64_t term, owner;		/* by later_term() */
};

static struct node nodes[NODES];
static struct packet *packets;		/* all that were ever sent, in order of sending */
static size_t n_packets, n_live;	/* those before n_live are no longer under way */
static bool *delivered;
static uint64_t now_ns;
static bool is_cut[NODES][NODES];	/* [from][to] */
static double loss, doubling;
static uint64_t delay_min, delay_max;
static uint64_t random_state;
static int count = COUNT;

static uint64_t random_u64(void)
{
	random_state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = random_state;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static bool happens(double chance)
{
	return (random_u64() >> 11) * 0x1p-53 < chance;
}

static uint64_t guid_of(int node)
{
	return 0x1000 + node;
}

static int node_of(uint64_t guid)
{
	return (int)(guid - 0x1000);
}

static uint64_t clock_of(const struct node *node)
{
	return now_ns + node->clock_offset;
}

static void put_on_wire(int from, int to, const struct hf_service_mad *mad, bool is_lost)
{
	ck_assert_uint_lt(n_packets, MAX_PACKETS);
	packets[n_packets] = (struct packet){
		.at_ns = now_ns + delay_min + random_u64() % (delay_max - delay_min + 1),
		.from = from, .to = to, .mad = *mad,
	};
	delivered[n_packets++] = is_lost;
}

static void send_packet(void *ctx, uint64_t guid, const struct hf_service_mad *mad)
{
	int from = (int)((struct node *)ctx - nodes), to = node_of(guid);
	bool is_lost = is_cut[from][to] || happens(loss);

	put_on_wire(from, to, mad, is_lost);
	if (!is_lost && happens(doubling))
		put_on_wire(from, to, mad, false);
}

static void note_changed(void *ctx, const struct hf_peer *peer, enum hf_peer_state old)
{
	struct node *node = ctx;
	int index = node_of(peer->guid);

	ck_assert_int_eq(node->seen[index], old);
	ck_assert_int_ne(peer->state, old);
	node->seen[index] = peer->state;
	node->changed_ns[index] = now_ns;
	node->changes[index]++;
}

static void note_term(void *ctx, uint64_t term, uint64_t owner)
{
	struct node *node = ctx;

	node->term = term;
	node->owner = owner;
	hf_heartbeat_set_term(node->heartbeat, term, owner);
}

static const struct hf_heartbeat_ops ops = {
	.send = send_packet, .changed = note_changed, .later_term = note_term,
};

static const struct hf_key good_key = { { 1, 2, 3 } }, bad_key = { { 1, 2, 4 } };

static void start_node(int index, const struct hf_key *key)
{
	struct node *node = &nodes[index];
	uint64_t peers[NODES];
	size_t n_peers = 0;

	for (int i = 0; i < NODES; i++)
		if (i != index)
			peers[n_peers++] = guid_of(i);
	hf_heartbeat_free(node->heartbeat);
	*node = (struct node){ .stamper.instance = random_u64() | 1 };
	const struct hf_heartbeat_config config = {
		.service = "web", .guid = guid_of(index), .peers = peers, .peer_count = n_peers,
		.interval_ms = INTERVAL_MS, .count = count, .key = key, .stamper = &node->stamper,
	};
	ck_assert_int_eq(hf_heartbeat_new(&config, &ops, node, &node->heartbeat), 0);
}

static int give(int to, const struct hf_service_mad *mad)
{
	struct hf_service_msg msg;

	ck_assert_int_eq(hf_service_wire_read(mad, sizeof(*mad), &msg), 0);
	return hf_heartbeat_receive(nodes[to].heartbeat, clock_of(&nodes[to]), mad, &msg);
}

static struct packet *next_packet(size_t *ret_index)
{
	struct packet *next = NULL;

	while (n_live < n_packets && delivered[n_live])
		n_live++;
	for (size_t i = n_live; i < n_packets; i++)
		if (!delivered[i] && (!next || packets[i].at_ns < next->at_ns)) {
			next = &packets[i];
			*ret_index = i;
		}
	return next;
}

static int next_node(uint64_t *ret_ns)
{
	int next = -1;

	for (int i = 0; i < NODES; i++) {
		uint64_t deadline_ns;

		if (!nodes[i].heartbeat || nodes[i].is_stopped)
			continue;
		deadline_ns = hf_heartbeat_deadline_ns(nodes[i].heartbeat);
		deadline_ns = deadline_ns ? deadline_ns - nodes[i].clock_offset : now_ns;
		if (next < 0 || deadline_ns < *ret_ns) {
			next = i;
			*ret_ns = deadline_ns;
		}
	}
	return next;
}

/* Lets time pass. What arrives at one who stands still waits for him. */
static void pass(uint64_t ns)
{
	uint64_t end_ns = now_ns + ns;

	for (;;) {
		uint64_t node_ns = UINT64_MAX;
		size_t index = 0;
		struct packet *packet = next_packet(&index);
		int node = next_node(&node_ns);

		if (packet && packet->at_ns <= end_ns && (node < 0 || packet->at_ns <= node_ns)) {
			now_ns = packet->at_ns > now_ns ? packet->at_ns : now_ns;
			if (nodes[packet->to].is_stopped) {
				packet->at_ns = end_ns + 1;
				continue;
			}
			delivered[index] = true;
			if (nodes[packet->to].heartbeat)
				give(packet->to, &packet->mad);
			continue;
		}
		if (node < 0 || node_ns > end_ns)
			break;
		now_ns = node_ns > now_ns ? node_ns : now_ns;
		hf_heartbeat_run(nodes[node].heartbeat, clock_of(&nodes[node]));
	}
	now_ns = end_ns;
}

static void pass_intervals(double n)
{
	pass((uint64_t)(n * INTERVAL));
}

static enum hf_peer_state sees(int node, int peer)
{
	size_t n;
	const struct hf_peer *peers = hf_heartbeat_peers(nodes[node].heartbeat, &n);

	for (size_t i = 0; i < n; i++)
		if (peers[i].guid == guid_of(peer)) {
			ck_assert_int_eq(peers[i].state, nodes[node].seen[peer]);
			return peers[i].state;
		}
	ck_abort_msg("no such peer");
	return HF_PEER_UNKNOWN;
}

static const struct hf_heartbeat_counters *counters(int node)
{
	return hf_heartbeat_counters(nodes[node].heartbeat);
}

static void kill_node(int node)
{
	hf_heartbeat_free(nodes[node].heartbeat);
	nodes[node] = (struct node){ 0 };
}

static void cut(int a, int b, bool yes)
{
	is_cut[a][b] = is_cut[b][a] = yes;
}

static void begin(uint64_t seed)
{
	random_state = seed;
	now_ns = 1000 * MS + random_u64() % (1000 * MS);
	n_packets = n_live = 0;
	loss = doubling = 0;
	delay_min = 5000;
	delay_max = 200000;
	count = COUNT;
	memset(is_cut, 0, sizeof(is_cut));
}

static void setup(void)
{
	packets = calloc(MAX_PACKETS, sizeof(*packets));
	delivered = calloc(MAX_PACKETS, sizeof(*delivered));
	memset(nodes, 0, sizeof(nodes));
	begin(1);
}

static void teardown(void)
{
	for (int i = 0; i < NODES; i++)
		kill_node(i);
	free(packets);
	free(delivered);
}

static void start_two(void)
{
	start_node(0, &good_key);
	start_node(1, &good_key);
}

START_TEST(test_hear_each_other)
{
	start_two();
	pass_intervals(1.1);
	ck_assert_int_eq(sees(0, 1), HF_PEER_ALIVE);
	ck_assert_int_eq(sees(1, 0), HF_PEER_ALIVE);
	ck_assert_int_eq(sees(0, 2), HF_PEER_UNKNOWN);
	pass_intervals(1000);
	ck_assert_uint_eq(nodes[0].changes[1], 1);
	ck_assert_uint_eq(counters(0)->lost, 0);
	/* What was sent at once may arrive in any order; later nothing is. */
	ck_assert_uint_le(counters(0)->repeated, 2);
	/* To two peers, one of which is not there, each interval; and a few out of turn at the start. */
	ck_assert_uint_ge(counters(0)->sent, 2 * 1001);
	ck_assert_uint_le(counters(0)->sent, 2 * 1001 + 4);
}
END_TEST

/* Not before the whole time, and no later. */
START_TEST(test_lost_in_time)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		size_t last;

		begin(seed);
		start_two();
		pass(10 * INTERVAL + random_u64() % INTERVAL);
		last = n_packets;
		while (packets[--last].from != 0 || packets[last].to != 1)
			;
		kill_node(0);
		pass_intervals(COUNT + 2);
		ck_assert_int_eq(sees(1, 0), HF_PEER_LOST);
		uint64_t heard_ns = packets[last].at_ns;
		uint64_t silent_ns = nodes[1].changed_ns[0] - heard_ns;

		ck_assert_uint_eq(silent_ns, hf_heartbeat_lost_ns(INTERVAL_MS, COUNT));
		ck_assert_uint_eq(nodes[1].changes[0], 2);
	}
}
END_TEST

START_TEST(test_missed_are_counted)
{
	start_two();
	pass_intervals(10.3);
	is_cut[0][1] = true;
	pass_intervals(COUNT - 1);
	is_cut[0][1] = false;
	pass_intervals(10);
	ck_assert_uint_eq(counters(1)->lost, 0);
	is_cut[0][1] = true;
	pass_intervals(COUNT + 1);
	is_cut[0][1] = false;
	ck_assert_int_eq(sees(1, 0), HF_PEER_LOST);
	pass_intervals(2);
	ck_assert_int_eq(sees(1, 0), HF_PEER_ALIVE);
	ck_assert_uint_eq(counters(1)->lost, 1);
}
END_TEST

/* One who cannot hear us is as good as lost: what he sends shows nothing recent. */
START_TEST(test_one_way)
{
	start_two();
	pass_intervals(10);
	is_cut[1][0] = true;
	pass_intervals(2 * (COUNT + 1));
	ck_assert_int_eq(sees(0, 1), HF_PEER_LOST);
	ck_assert_int_eq(sees(1, 0), HF_PEER_LOST);
	is_cut[1][0] = false;
	pass_intervals(2);
	ck_assert_int_eq(sees(0, 1), HF_PEER_ALIVE);
	ck_assert_int_eq(sees(1, 0), HF_PEER_ALIVE);
}
END_TEST

/* Loss, doubles and disorder: nobody is lost while one of ten comes through, and whoever dies is lost. */
START_TEST(test_bad_links)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(seed);
		count = 12;
		loss = 0.3;
		doubling = 0.3;
		delay_max = 3 * INTERVAL;
		for (int i = 0; i < NODES; i++)
			start_node(i, &good_key);
		pass_intervals(600);
		for (int i = 0; i < NODES; i++) {
			ck_assert_uint_eq(counters(i)->lost, 0);
			ck_assert_uint_gt(counters(i)->repeated, 0);
			for (int j = 0; j < NODES; j++)
				ck_assert(i == j || sees(i, j) == HF_PEER_ALIVE);
		}
		kill_node(0);
		pass_intervals(count + 5);
		ck_assert_int_eq(sees(1, 0), HF_PEER_LOST);
		ck_assert_int_eq(sees(2, 0), HF_PEER_LOST);
		ck_assert_int_eq(sees(1, 2), HF_PEER_ALIVE);
	}
}
END_TEST

/* All that was ever sent, again and again, to its receiver and to all others. */
static void replay_all(size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (int to = 0; to < NODES; to++)
			if (nodes[to].heartbeat)
				ck_assert_int_ne(give(to, &packets[i].mad), 0);
}

START_TEST(test_replay_does_not_revive)
{
	size_t n;

	start_two();
	pass_intervals(50);
	kill_node(0);
	n = n_packets;
	pass(2 * delay_max);
	for (int i = 0; i < 20; i++) {
		replay_all(n);
		pass_intervals(0.5);
	}
	ck_assert_int_eq(sees(1, 0), HF_PEER_LOST);
	ck_assert_uint_eq(counters(1)->back, 1);
}
END_TEST

/* A node that was started anew remembers nothing, and yet believes nothing of what was recorded before. */
START_TEST(test_replay_to_newborn)
{
	size_t n;

	start_two();
	pass_intervals(50);
	kill_node(0);
	kill_node(1);
	pass(2 * delay_max);
	n = n_packets;
	start_node(1, &good_key);
	for (int i = 0; i < 20; i++) {
		replay_all(n);
		pass_intervals(0.5);
	}
	ck_assert_int_eq(sees(1, 0), HF_PEER_UNKNOWN);
	ck_assert_uint_eq(counters(1)->heard, 0);
	/* And nobody makes it send without end. */
	ck_assert_uint_le(counters(1)->sent, 10 * (2 + 4) + 6);
}
END_TEST

/* Somebody holds back what a node sent last, and hands it over after its death: he gains one such time at most. */
START_TEST(test_withheld)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		size_t first, n;
		uint64_t dead_ns;

		begin(seed);
		start_two();
		pass(10 * INTERVAL + random_u64() % INTERVAL);
		first = n_packets;
		is_cut[0][1] = true;
		pass_intervals(COUNT - 0.5);
		n = n_packets;
		dead_ns = now_ns;
		kill_node(0);
		for (size_t i = first; i < n; i++)
			if (packets[i].from == 0 && packets[i].to == 1) {
				give(1, &packets[i].mad);
				pass_intervals(1);
			}
		pass_intervals(2 * COUNT + 2);
		ck_assert_int_eq(sees(1, 0), HF_PEER_LOST);
		ck_assert_uint_gt(nodes[1].changed_ns[0], dead_ns);
		ck_assert_uint_le(nodes[1].changed_ns[0] - dead_ns,
				  2 * hf_heartbeat_lost_ns(INTERVAL_MS, COUNT));
	}
}
END_TEST

START_TEST(test_restart)
{
	size_t n, old;
	const struct hf_peer *peers;

	start_two();
	pass_intervals(20);
	kill_node(0);
	old = n_packets;
	pass_intervals(0.2);
	start_node(0, &good_key);
	pass_intervals(2);
	/* Too short a break to be noticed otherwise. */
	ck_assert_int_eq(sees(1, 0), HF_PEER_ALIVE);
	ck_assert_uint_eq(counters(1)->lost, 0);
	peers = hf_heartbeat_peers(nodes[1].heartbeat, &n);
	ck_assert_uint_eq(peers[0].restarts, 1);
	replay_all(old);
	ck_assert_uint_eq(peers[0].restarts, 1);
	kill_node(0);
	for (int i = 0; i < 10; i++) {
		replay_all(old);
		pass_intervals(0.5);
	}
	ck_assert_int_eq(sees(1, 0), HF_PEER_LOST);
}
END_TEST

START_TEST(test_wrong_key)
{
	start_node(0, &bad_key);
	start_node(1, &good_key);
	pass_intervals(50);
	ck_assert_int_eq(sees(0, 1), HF_PEER_UNKNOWN);
	ck_assert_int_eq(sees(1, 0), HF_PEER_UNKNOWN);
	ck_assert_uint_ge(counters(1)->forged, 50);
	ck_assert_uint_eq(counters(1)->stale, 0);
}
END_TEST

START_TEST(test_not_for_us)
{
	struct hf_service_msg msg;
	struct hf_service_mad mad;

	for (int i = 0; i < NODES; i++)
		start_node(i, &good_key);
	pass_intervals(10);
	ck_assert_int_eq(hf_service_wire_read(&packets[n_packets - 1].mad, sizeof(mad), &msg), 0);
	struct hf_service_msg good = msg;
	int from = node_of(msg.from), to = node_of(msg.to);

	good.stamp = hf_stamper_next(&nodes[from].stamper, now_ns);
	good.echo = hf_stamper_next(&nodes[to].stamper, now_ns);
	msg = good;
	msg.to = good.from;	/* reflected */
	hf_service_wire_write(&msg, &good_key, 0, &mad);
	ck_assert_int_eq(give(from, &mad), -ENOENT);
	ck_assert_int_eq(give(to, &mad), -ENOENT);
	msg = good;
	msg.from = 0x77;	/* no peer, though it has the key */
	hf_service_wire_write(&msg, &good_key, 0, &mad);
	ck_assert_int_eq(give(to, &mad), -ENOENT);
	msg = good;
	strcpy(msg.service, "db");
	hf_service_wire_write(&msg, &good_key, 0, &mad);
	ck_assert_int_eq(give(to, &mad), -ENOENT);
	ck_assert_uint_eq(counters(to)->strange, 3);
	hf_service_wire_write(&good, &good_key, 0, &mad);
	ck_assert_int_eq(give(to, &mad), 0);
	ck_assert_int_eq(give(to, &mad), -EALREADY);
}
END_TEST

/* Who stood still missed heartbeats that were there; who is dead is found all the same. */
START_TEST(test_stall)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(seed);
		start_two();
		pass(10 * INTERVAL + random_u64() % INTERVAL);
		nodes[1].is_stopped = true;
		pass_intervals(50);
		ck_assert_int_eq(sees(0, 1), HF_PEER_LOST);
		nodes[1].is_stopped = false;
		pass_intervals(COUNT + 2);
		ck_assert_uint_eq(counters(1)->stalls, 1);
		ck_assert_uint_eq(counters(1)->lost, 0);
		ck_assert_int_eq(sees(1, 0), HF_PEER_ALIVE);
		ck_assert_int_eq(sees(0, 1), HF_PEER_ALIVE);
		nodes[1].is_stopped = true;
		pass_intervals(5);
		kill_node(0);
		pass_intervals(5);
		nodes[1].is_stopped = false;
		uint64_t resumed_ns = now_ns;

		pass_intervals(COUNT + 2);
		ck_assert_int_eq(sees(1, 0), HF_PEER_LOST);
		ck_assert_uint_ge(nodes[1].changed_ns[0] - resumed_ns, hf_heartbeat_lost_ns(INTERVAL_MS, COUNT));
	}
}
END_TEST

/* A clock that jumps ahead or back, as no monotonic one should: nobody is lost for it, and the dead are found. */
START_TEST(test_clock_jumps)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(seed);
		start_two();
		now_ns += 1000000 * MS;
		pass_intervals(10);
		nodes[1].clock_offset = 500000 * MS;
		pass_intervals(10);
		ck_assert_int_eq(sees(0, 1), HF_PEER_ALIVE);
		ck_assert_int_eq(sees(1, 0), HF_PEER_ALIVE);
		ck_assert_uint_eq(counters(1)->lost, 0);
		nodes[1].clock_offset -= (int64_t)(3 * INTERVAL);
		pass_intervals(20);
		ck_assert_int_eq(sees(1, 0), HF_PEER_ALIVE);
		ck_assert_uint_eq(counters(1)->lost, 0);
		kill_node(0);
		pass_intervals(2 * COUNT + 2);
		ck_assert_int_eq(sees(1, 0), HF_PEER_LOST);
	}
}
END_TEST

/* {0} | {1, 2}, then {0, 1} | {2}, then together again. */
START_TEST(test_partitions)
{
	for (int i = 0; i < NODES; i++)
		start_node(i, &good_key);
	pass_intervals(5);
	cut(0, 1, true);
	cut(0, 2, true);
	pass_intervals(COUNT + 2);
	ck_assert(sees(0, 1) == HF_PEER_LOST && sees(0, 2) == HF_PEER_LOST);
	ck_assert(sees(1, 0) == HF_PEER_LOST && sees(1, 2) == HF_PEER_ALIVE);
	ck_assert(sees(2, 0) == HF_PEER_LOST && sees(2, 1) == HF_PEER_ALIVE);
	cut(0, 1, false);
	cut(1, 2, true);
	pass_intervals(COUNT + 2);
	ck_assert(sees(0, 1) == HF_PEER_ALIVE && sees(0, 2) == HF_PEER_LOST);
	ck_assert(sees(1, 0) == HF_PEER_ALIVE && sees(1, 2) == HF_PEER_LOST);
	ck_assert(sees(2, 0) == HF_PEER_LOST && sees(2, 1) == HF_PEER_LOST);
	cut(0, 2, false);
	cut(1, 2, false);
	pass_intervals(2.1);
	for (int i = 0; i < NODES; i++)
		for (int j = 0; j < NODES; j++)
			ck_assert(i == j || sees(i, j) == HF_PEER_ALIVE);
	ck_assert_uint_eq(counters(1)->lost, 2);
}
END_TEST

/* Each node learns the latest term, in whatever order they hear of it, and an old message does not take it back. */
START_TEST(test_terms)
{
	size_t n;

	for (int i = 0; i < NODES; i++)
		start_node(i, &good_key);
	pass_intervals(5);
	hf_heartbeat_set_term(nodes[0].heartbeat, 7, guid_of(0));
	cut(0, 2, true);
	pass_intervals(2.1);
	ck_assert_uint_eq(nodes[1].term, 7);
	ck_assert_uint_eq(nodes[2].term, 7);
	ck_assert_uint_eq(nodes[2].owner, guid_of(0));
	n = n_packets;
	hf_heartbeat_set_term(nodes[2].heartbeat, 9, guid_of(2));
	pass_intervals(2.1);
	ck_assert_uint_eq(nodes[1].term, 9);
	ck_assert_uint_eq(nodes[0].term, 9);
	replay_all(n);
	ck_assert_uint_eq(nodes[0].term, 9);
	ck_assert_uint_eq(nodes[1].owner, guid_of(2));
}
END_TEST

START_TEST(test_other_times)
{
	start_two();
	pass_intervals(10);
	for (int i = 0; i < 2; i++)
		hf_heartbeat_set_times(nodes[i].heartbeat, now_ns, 10 * INTERVAL_MS, 5);
	pass_intervals(100);
	ck_assert_uint_eq(counters(0)->lost + counters(1)->lost, 0);
	kill_node(0);
	pass_intervals(40);
	ck_assert_int_eq(sees(1, 0), HF_PEER_ALIVE);
	pass_intervals(20);
	ck_assert_int_eq(sees(1, 0), HF_PEER_LOST);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("heartbeat");
	TCase *tcase = tcase_create("simulated time");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_hear_each_other);
	tcase_add_test(tcase, test_lost_in_time);
	tcase_add_test(tcase, test_missed_are_counted);
	tcase_add_test(tcase, test_one_way);
	tcase_add_test(tcase, test_bad_links);
	tcase_add_test(tcase, test_replay_does_not_revive);
	tcase_add_test(tcase, test_replay_to_newborn);
	tcase_add_test(tcase, test_withheld);
	tcase_add_test(tcase, test_restart);
	tcase_add_test(tcase, test_wrong_key);
	tcase_add_test(tcase, test_not_for_us);
	tcase_add_test(tcase, test_stall);
	tcase_add_test(tcase, test_clock_jumps);
	tcase_add_test(tcase, test_partitions);
	tcase_add_test(tcase, test_terms);
	tcase_add_test(tcase, test_other_times);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
