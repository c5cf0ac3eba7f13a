/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sim/creditloop.h"
#include "sim/creditloop_graph.h"

/* A generated fabric with LIDs, routes by a rule of the test, and flows between all hosts. */
struct fixture {
	struct hf_topology *topology;
	struct hf_creditloop *check;
	struct hf_creditloop_flow *flows;
	size_t flow_count;
	struct hf_creditloop_result *result;
};

/* An assertion for the inside of long loops: Check's own write to a pipe each time. */
static void must(bool holds)
{
	if (!holds)
		ck_abort();
}

/* The output port of @sw to a host on @target. */
typedef unsigned int route_fn(const struct hf_topology_node *sw, const struct hf_topology_node *target);

/* The SL of a flow between hosts on these switches. */
typedef uint8_t sl_fn(const struct hf_topology_node *from, const struct hf_topology_node *to);

static uint16_t lid_of(const struct hf_topology_node *node)
{
	return node->ports[node->type != HF_NODE_SWITCH].lid;
}

static struct hf_topology_node *host_switch(const struct hf_topology_node *host)
{
	return host->ports[1].remote;
}

static void route(struct fixture *f, route_fn *rule)
{
	for (unsigned int i = 0; i < f->topology->node_count; i++) {
		const struct hf_topology_node *sw = f->topology->nodes[i];

		for (unsigned int j = 0; sw->type == HF_NODE_SWITCH && j < f->topology->node_count; j++) {
			const struct hf_topology_node *node = f->topology->nodes[j];
			uint8_t port;

			if (node->type == HF_NODE_SWITCH)
				continue;
			port = host_switch(node) == sw ? node->ports[1].remote_port : rule(sw, host_switch(node));
			must(!hf_creditloop_set_lft(f->check, sw, lid_of(node), &port, 1));
		}
	}
}

static struct fixture setup(const char *kind, const char *size, unsigned int hosts, route_fn *rule)
{
	struct fixture f = { 0 };
	char *error = NULL;

	ck_assert_msg(!hf_topology_from_spec(kind, size, hosts, false, &f.topology, &error), "%s", error);
	for (unsigned int i = 0; i < f.topology->node_count; i++)
		f.topology->nodes[i]->ports[f.topology->nodes[i]->type != HF_NODE_SWITCH].lid = i + 1;
	f.check = hf_creditloop_new(f.topology);
	ck_assert_ptr_nonnull(f.check);
	f.flows = calloc((size_t)f.topology->node_count * f.topology->node_count, sizeof(*f.flows));
	if (rule)
		route(&f, rule);
	return f;
}

/* All hosts to all hosts, with the SL that @sl gives to source and destination switch; NULL: SL 0. */
static void all_to_all(struct fixture *f, sl_fn *sl)
{
	f->flow_count = 0;
	for (unsigned int i = 0; i < f->topology->node_count; i++)
		for (unsigned int j = 0; j < f->topology->node_count; j++) {
			const struct hf_topology_node *a = f->topology->nodes[i], *b = f->topology->nodes[j];

			if (a == b || a->type != HF_NODE_CA || b->type != HF_NODE_CA)
				continue;
			f->flows[f->flow_count++] = (struct hf_creditloop_flow){
				.slid = lid_of(a), .dlid = lid_of(b), .sl = sl ? sl(host_switch(a), host_switch(b)) : 0,
			};
		}
}

static const struct hf_creditloop_result *run(struct fixture *f)
{
	hf_creditloop_result_free(f->result);
	f->result = NULL;
	ck_assert_int_eq(hf_creditloop_check(f->check, f->flows, f->flow_count, &f->result), 0);
	return f->result;
}

static void teardown(struct fixture *f)
{
	hf_creditloop_result_free(f->result);
	hf_creditloop_free(f->check);
	hf_topology_free(f->topology);
	free(f->flows);
}

static struct hf_topology_node *find(struct fixture *f, const char *name)
{
	struct hf_topology_node *node = hf_topology_find_name(f->topology, name);

	ck_assert_ptr_nonnull(node);
	return node;
}

/* A cycle must be one: each channel ends where the next begins, on one lane here, and none stands there twice. */
static void assert_cycle(const struct hf_creditloop_cycle *cycle, size_t length)
{
	ck_assert_uint_eq(cycle->channel_count, length);
	for (size_t i = 0; i < length; i++) {
		const struct hf_creditloop_channel *a = &cycle->channels[i], *b = &cycle->channels[(i + 1) % length];

		ck_assert_ptr_eq(a->node->ports[a->port].remote, b->node);
		for (size_t j = 0; j < i; j++)
			ck_assert(cycle->channels[j].node != a->node || cycle->channels[j].port != a->port);
	}
}

/* Of "S_x_y"; 0 where the name has no such coordinate. */
static int coordinate(const struct hf_topology_node *sw, int dimension)
{
	const char *at = sw->name;

	do {
		at = strchr(at + 1, '_');
	} while (at && dimension-- > 0);
	return at ? atoi(at + 1) : 0;
}

/* Ring of 6, the shorter way; half-way round goes up. Port 1 leads down, port 2 up. */
static unsigned int ring_rule(const struct hf_topology_node *sw, const struct hf_topology_node *target)
{
	return (coordinate(target, 0) - coordinate(sw, 0) + 6) % 6 <= 3 ? 2 : 1;
}

/* SL 1 for flows that cross the cable between S_5 and S_0: each SL alone leaves part of the ring unused. */
static uint8_t dateline_sl(const struct hf_topology_node *from, const struct hf_topology_node *to)
{
	bool up = ring_rule(from, to) == 2;

	return up ? coordinate(to, 0) < coordinate(from, 0) : coordinate(to, 0) > coordinate(from, 0);
}

static unsigned int xy_rule(const struct hf_topology_node *sw, const struct hf_topology_node *target)
{
	int dx = coordinate(target, 0) - coordinate(sw, 0), dy = coordinate(target, 1) - coordinate(sw, 1);

	return dx ? (dx > 0 ? 2 : 1) : (dy > 0 ? 4 : 3);
}

/* XY to targets in even columns, YX to the others: turns of both kinds. */
static unsigned int mixed_rule(const struct hf_topology_node *sw, const struct hf_topology_node *target)
{
	int dy = coordinate(target, 1) - coordinate(sw, 1);

	if (coordinate(target, 0) % 2 == 0 || !dy)
		return xy_rule(sw, target);
	return dy > 0 ? 4 : 3;
}

START_TEST(test_ring_one_lane)
{
	struct fixture f = setup("ring", "6", 1, ring_rule);
	const struct hf_creditloop_result *result;
	char *text;

	all_to_all(&f, NULL);
	result = run(&f);
	ck_assert_uint_eq(result->failure_count, 0);
	ck_assert_uint_eq(result->cycle_count, 2);
	assert_cycle(&result->cycles[0], 6);
	assert_cycle(&result->cycles[1], 6);
	text = hf_creditloop_cycle_text(&result->cycles[0]);
	ck_assert_str_eq(text, "S_0[1] > S_5[2] VL 0, S_5[1] > S_4[2] VL 0, S_4[1] > S_3[2] VL 0, "
			 "S_3[1] > S_2[2] VL 0, S_2[1] > S_1[2] VL 0, S_1[1] > S_0[2] VL 0, back to S_0[1]");
	free(text);
	teardown(&f);
}
END_TEST

START_TEST(test_ring_two_lanes)
{
	static const uint8_t all_on_lane_0[HF_SL_COUNT];
	struct fixture f = setup("ring", "6", 1, ring_rule);
	const struct hf_creditloop_result *result;

	all_to_all(&f, dateline_sl);
	result = run(&f);
	ck_assert_uint_eq(result->cycle_count, 0);
	ck_assert_uint_eq(result->failure_count, 0);
	/* Two SLs help only where they are two lanes. */
	for (unsigned int i = 0; i < 6; i++)
		for (unsigned int in = 0; in <= 3; in++)
			for (unsigned int out = 1; out <= 2; out++)
				ck_assert_int_eq(hf_creditloop_set_sl2vl(f.check, f.topology->nodes[i], in, out,
									 all_on_lane_0), 0);
	ck_assert_uint_eq(run(&f)->cycle_count, 2);
	teardown(&f);
}
END_TEST

START_TEST(test_mesh_xy)
{
	struct fixture f = setup("mesh", "4x5", 1, xy_rule);
	const struct hf_creditloop_result *result;

	all_to_all(&f, NULL);
	result = run(&f);
	ck_assert_uint_eq(result->cycle_count, 0);
	ck_assert_uint_eq(result->failure_count, 0);
	/* Each of the 31 cables both ways, and the one to each of the 20 hosts. */
	ck_assert_uint_eq(result->channel_count, 2 * 31 + 20);
	teardown(&f);
}
END_TEST

START_TEST(test_mesh_mixed_turns)
{
	struct fixture f = setup("mesh", "4x5", 1, mixed_rule);
	const struct hf_creditloop_result *result;

	all_to_all(&f, NULL);
	result = run(&f);
	ck_assert_uint_eq(result->failure_count, 0);
	ck_assert_uint_ge(result->cycle_count, 1);
	for (size_t i = 0; i < result->cycle_count; i++)
		assert_cycle(&result->cycles[i], result->cycles[i].channel_count);
	teardown(&f);
}
END_TEST

static void assert_failure(struct fixture *f, enum hf_flow_failure reason, const char *node, unsigned int port)
{
	const struct hf_creditloop_result *result = run(f);

	ck_assert_uint_eq(result->failure_count, 1);
	ck_assert_uint_eq(result->failures[0].flow, 0);
	ck_assert_msg(result->failures[0].reason == reason, "%s", hf_flow_failure_text(result->failures[0].reason));
	if (node)
		ck_assert_str_eq(result->failures[0].node->name, node);
	else
		ck_assert_ptr_null(result->failures[0].node);
	ck_assert_uint_eq(result->failures[0].port, port);
}

/* One flow, H_0_0 to H_2_0 over S_0, S_1, S_2, and everything that can be wrong on its way. */
START_TEST(test_failures)
{
	static const uint8_t drop[HF_SL_COUNT] = { [0] = HF_VL_DROP };
	static const uint8_t lane_0[HF_SL_COUNT];
	struct fixture f = setup("ring", "6", 1, ring_rule);
	struct hf_topology_node *source = find(&f, "H_0_0"), *target = find(&f, "H_2_0"), *middle = find(&f, "S_1");
	uint8_t port;

	f.flow_count = 1;
	f.flows[0] = (struct hf_creditloop_flow){ .slid = lid_of(source), .dlid = lid_of(target) };
	ck_assert_uint_eq(run(&f)->failure_count, 0);

	f.flows[0].slid = 0x999;
	assert_failure(&f, HF_FLOW_NO_SOURCE, NULL, 0);
	f.flows[0].slid = lid_of(source);
	f.flows[0].dlid = 0x999;
	assert_failure(&f, HF_FLOW_NO_ROUTE, "S_0", 0);
	f.flows[0].dlid = 0xC123;
	assert_failure(&f, HF_FLOW_NO_ROUTE, "S_0", 0);
	f.flows[0].dlid = lid_of(target);

	port = 77;
	hf_creditloop_set_lft(f.check, middle, lid_of(target), &port, 1);
	assert_failure(&f, HF_FLOW_NO_ROUTE, "S_1", 0);
	port = 1;
	hf_creditloop_set_lft(f.check, middle, lid_of(target), &port, 1);
	assert_failure(&f, HF_FLOW_LOOP, "S_0", 2);
	port = 3;
	hf_creditloop_set_lft(f.check, middle, lid_of(target), &port, 1);
	assert_failure(&f, HF_FLOW_WRONG_END, "H_1_0", 1);
	port = 2;
	hf_creditloop_set_lft(f.check, middle, lid_of(target), &port, 1);
	ck_assert_uint_eq(run(&f)->failure_count, 0);

	/* Only the table for the port where the flow comes in counts. */
	ck_assert_int_eq(hf_creditloop_set_sl2vl(f.check, middle, 3, 2, drop), 0);
	ck_assert_uint_eq(run(&f)->failure_count, 0);
	ck_assert_int_eq(hf_creditloop_set_sl2vl(f.check, middle, 1, 2, drop), 0);
	assert_failure(&f, HF_FLOW_VL_DROP, "S_1", 2);
	ck_assert_int_eq(hf_creditloop_set_sl2vl(f.check, middle, 1, 2, lane_0), 0);
	ck_assert_int_eq(hf_creditloop_set_sl2vl(f.check, source, 0, 1, drop), 0);
	assert_failure(&f, HF_FLOW_VL_DROP, "H_0_0", 1);
	ck_assert_int_eq(hf_creditloop_set_sl2vl(f.check, source, 0, 1, lane_0), 0);

	hf_topology_disconnect(middle, 2);
	assert_failure(&f, HF_FLOW_LINK_DOWN, "S_1", 2);
	teardown(&f);
}
END_TEST

/* A switch's own port sends and receives, LMC gives a port several LIDs, a port may talk to itself. */
START_TEST(test_ends)
{
	struct fixture f = setup("ring", "6", 1, ring_rule);
	struct hf_topology_node *host = find(&f, "H_3_0"), *a = find(&f, "S_0"), *b = find(&f, "S_1");
	uint8_t up = 2, to_host = 3;

	host->ports[1].lid = 0x100;
	host->ports[1].lmc = 2;
	for (unsigned int i = 0; i < 6; i++)
		hf_creditloop_set_lft(f.check, f.topology->nodes[i], 0x103, i == 3 ? &to_host : &up, 1);
	hf_creditloop_set_lft(f.check, a, lid_of(b), &up, 1);
	f.flows[0] = (struct hf_creditloop_flow){ .slid = lid_of(a), .dlid = lid_of(b) };
	f.flows[1] = (struct hf_creditloop_flow){ .slid = lid_of(a), .dlid = 0x103 };
	f.flows[2] = (struct hf_creditloop_flow){ .slid = 0x102, .dlid = 0x101 };
	f.flow_count = 3;
	ck_assert_uint_eq(run(&f)->failure_count, 0);
	teardown(&f);
}
END_TEST

START_TEST(test_refuses)
{
	static const uint8_t too_high[HF_SL_COUNT] = { [3] = 16 }, fine[HF_SL_COUNT];
	struct fixture f = setup("ring", "6", 1, NULL);
	const struct hf_topology_node *sw = find(&f, "S_0"), *host = find(&f, "H_0_0");
	uint8_t block[64] = { 0 };

	ck_assert_int_eq(hf_creditloop_set_lft(f.check, host, 0, block, 64), -EINVAL);
	ck_assert_int_eq(hf_creditloop_set_lft(f.check, sw, 0xBFC0, block, 64), 0);
	ck_assert_int_eq(hf_creditloop_set_lft(f.check, sw, 0xBFC1, block, 64), -EINVAL);
	ck_assert_int_eq(hf_creditloop_set_lft(f.check, sw, 0, block, SIZE_MAX), -EINVAL);
	ck_assert_int_eq(hf_creditloop_set_sl2vl(f.check, sw, 4, 1, fine), -EINVAL);
	ck_assert_int_eq(hf_creditloop_set_sl2vl(f.check, sw, 1, 4, fine), -EINVAL);
	ck_assert_int_eq(hf_creditloop_set_sl2vl(f.check, sw, 1, 1, too_high), -EINVAL);
	f.flows[0] = (struct hf_creditloop_flow){ .slid = 1, .dlid = 2, .sl = 16 };
	ck_assert_int_eq(hf_creditloop_check(f.check, f.flows, 1, &f.result), -EINVAL);
	ck_assert_ptr_null(f.result);
	ck_assert_int_eq(hf_creditloop_check(f.check, f.flows, 0, &f.result), 0);
	ck_assert_uint_eq(f.result->cycle_count + f.result->failure_count + f.result->dependency_count, 0);
	teardown(&f);
}
END_TEST

START_TEST(test_2000_hosts)
{
	struct fixture f = setup("mesh", "20x20", 5, xy_rule);
	const struct hf_creditloop_result *result;

	all_to_all(&f, NULL);
	ck_assert_uint_eq(f.flow_count, 2000 * 1999);
	result = run(&f);
	ck_assert_uint_eq(result->cycle_count, 0);
	ck_assert_uint_eq(result->failure_count, 0);
	ck_assert_uint_eq(result->channel_count, 2 * 2 * 19 * 20 + 2000);
	teardown(&f);
}
END_TEST

/*
 * Against a slow reference: fabrics, tables and flows drawn at random, each flow walked by itself, and the closure of
 * the dependencies after Floyd and Warshall.
 */
enum { SWITCHES = 5, PORTS = 5, HOST_PORT = PORTS, LANES = 3, SLS = 3, CHANNELS = SWITCHES * (PORTS + 1) * LANES };

struct reference {
	uint8_t lft[SWITCHES][2 * SWITCHES + 1];
	uint8_t sl2vl[SWITCHES][PORTS + 1][PORTS + 1][SLS];
	bool closure[CHANNELS][CHANNELS], direct[CHANNELS][CHANNELS];
};

static unsigned int draw(unsigned int *seed, unsigned int below)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % below;
}

static unsigned int channel_number(unsigned int sw, unsigned int port, unsigned int vl)
{
	return (sw * (PORTS + 1) + port) * LANES + vl;
}

/* Switches 0 to 4 have LIDs 1 to 5 and hosts with LIDs 6 to 10 at their last port; cables are drawn. */
static struct hf_topology *random_fabric(unsigned int *seed)
{
	struct hf_topology *t = hf_topology_new();
	struct hf_topology_node *node;
	char name[16];

	for (unsigned int i = 0; i < 2 * SWITCHES; i++) {
		bool is_switch = i < SWITCHES;

		snprintf(name, sizeof(name), "N%u", i);
		ck_assert_int_eq(hf_topology_add_node(t, is_switch ? HF_NODE_SWITCH : HF_NODE_CA, name, 100 * (i + 1),
						      is_switch ? PORTS : 1, &node), 0);
		node->ports[!is_switch].lid = i + 1;
		if (!is_switch)
			ck_assert_int_eq(hf_topology_connect(node, 1, t->nodes[i - SWITCHES], HOST_PORT), 0);
	}
	for (unsigned int i = 0; i < 3 * SWITCHES; i++)
		hf_topology_connect(t->nodes[draw(seed, SWITCHES)], 1 + draw(seed, PORTS - 1),
				    t->nodes[draw(seed, SWITCHES)], 1 + draw(seed, PORTS - 1));
	return t;
}

static void random_tables(unsigned int *seed, const struct hf_topology *t, struct hf_creditloop *check,
			  struct reference *ref)
{
	for (unsigned int sw = 0; sw < SWITCHES; sw++) {
		for (unsigned int lid = 1; lid <= 2 * SWITCHES; lid++) {
			bool is_own = lid == sw + SWITCHES + 1;

			/* Mostly a port that exists, now and then none; hosts of one's own are mostly found. */
			ref->lft[sw][lid] = is_own && draw(seed, 8) ? HOST_PORT : draw(seed, PORTS + 2);
			must(!hf_creditloop_set_lft(check, t->nodes[sw], lid, &ref->lft[sw][lid], 1));
		}
		for (unsigned int in = 0; in <= PORTS; in++)
			for (unsigned int out = 0; out <= PORTS; out++) {
				uint8_t vls[HF_SL_COUNT] = { 0 };

				for (unsigned int sl = 0; sl < SLS; sl++) {
					vls[sl] = draw(seed, 60) ? draw(seed, LANES) : HF_VL_DROP;
					ref->sl2vl[sw][in][out][sl] = vls[sl];
				}
				must(!hf_creditloop_set_sl2vl(check, t->nodes[sw], in, out, vls));
			}
	}
}

/* Return: the failure, or -1. Marks each dependency between channels of switches. */
static int reference_walk(const struct hf_topology *t, struct reference *ref, const struct hf_creditloop_flow *flow)
{
	unsigned int sw = flow->slid - SWITCHES - 1, in = HOST_PORT;
	int previous = -1;

	if (flow->slid == flow->dlid)
		return -1;
	for (unsigned int hops = 0; hops <= CHANNELS; hops++) {
		const struct hf_topology_port *port;
		unsigned int out = ref->lft[sw][flow->dlid], vl;
		int channel;

		if (flow->dlid == sw + 1)
			return -1;
		if (out < 1 || out > PORTS)
			return HF_FLOW_NO_ROUTE;
		port = &t->nodes[sw]->ports[out];
		if (!port->remote)
			return HF_FLOW_LINK_DOWN;
		vl = ref->sl2vl[sw][in][out][flow->sl];
		if (vl == HF_VL_DROP)
			return HF_FLOW_VL_DROP;
		channel = channel_number(sw, out, vl);
		if (previous >= 0)
			ref->direct[previous][channel] = true;
		previous = channel;
		if (port->remote->type == HF_NODE_CA)
			return port->remote->ports[1].lid == flow->dlid ? -1 : HF_FLOW_WRONG_END;
		sw = port->remote->index;
		in = port->remote_port;
	}
	return HF_FLOW_LOOP;
}

/* Return: how many components have a cycle: classes of channels that reach each other, counted at their first. */
static unsigned int count_components(struct reference *ref)
{
	unsigned int count = 0;

	memcpy(ref->closure, ref->direct, sizeof(ref->closure));
	for (int k = 0; k < CHANNELS; k++)
		for (int i = 0; i < CHANNELS; i++)
			for (int j = 0; j < CHANNELS && ref->closure[i][k]; j++)
				ref->closure[i][j] |= ref->closure[k][j];
	for (int i = 0; i < CHANNELS; i++) {
		bool is_first = ref->closure[i][i];

		for (int j = 0; j < i; j++)
			is_first &= !(ref->closure[i][j] && ref->closure[j][i]);
		count += is_first;
	}
	return count;
}

static void compare_cycles(const struct hf_creditloop_result *result, const struct reference *ref)
{
	for (size_t i = 0; i < result->cycle_count; i++) {
		const struct hf_creditloop_cycle *cycle = &result->cycles[i];

		for (size_t j = 0; j < cycle->channel_count; j++) {
			const struct hf_creditloop_channel *a = &cycle->channels[j];
			const struct hf_creditloop_channel *b = &cycle->channels[(j + 1) % cycle->channel_count];

			must(ref->direct[channel_number(a->node->index, a->port, a->vl)]
					[channel_number(b->node->index, b->port, b->vl)]);
			for (size_t k = 0; k < j; k++)
				must(cycle->channels[k].node != a->node || cycle->channels[k].port != a->port ||
				     cycle->channels[k].vl != a->vl);
		}
	}
}

/* Return: how many cycles there were. */
static size_t compare_random(unsigned int seed)
{
	struct hf_creditloop_flow flows[100];
	struct reference *ref = calloc(1, sizeof(*ref));
	struct hf_topology *t = random_fabric(&seed);
	struct hf_creditloop *check = hf_creditloop_new(t);
	struct hf_creditloop_result *result;
	size_t failures = 0, dependencies = 0, cycles, count = draw(&seed, 100);

	random_tables(&seed, t, check, ref);
	for (size_t i = 0; i < count; i++)
		flows[i] = (struct hf_creditloop_flow){ .slid = SWITCHES + 1 + draw(&seed, SWITCHES),
							.dlid = 1 + draw(&seed, 2 * SWITCHES), .sl = draw(&seed, SLS) };
	ck_assert_int_eq(hf_creditloop_check(check, flows, count, &result), 0);
	for (size_t i = 0; i < count; i++) {
		int reason = reference_walk(t, ref, &flows[i]);

		if (reason < 0)
			continue;
		ck_assert_uint_lt(failures, result->failure_count);
		ck_assert_uint_eq(result->failures[failures].flow, i);
		ck_assert_int_eq((int)result->failures[failures].reason, reason);
		failures++;
	}
	ck_assert_uint_eq(result->failure_count, failures);
	for (int i = 0; i < CHANNELS; i++)
		for (int j = 0; j < CHANNELS; j++)
			dependencies += ref->direct[i][j];
	ck_assert_uint_eq(result->dependency_count, dependencies);
	ck_assert_uint_eq(result->cycle_count, count_components(ref));
	compare_cycles(result, ref);
	cycles = result->cycle_count;
	hf_creditloop_result_free(result);
	hf_creditloop_free(check);
	hf_topology_free(t);
	free(ref);
	return cycles;
}

START_TEST(test_random)
{
	size_t with_cycles = 0, with_several = 0;

	for (unsigned int seed = 1; seed <= 1000; seed++) {
		size_t cycles = compare_random(seed * 7919);

		with_cycles += cycles > 0;
		with_several += cycles > 1;
	}
	/* What is drawn must be worth comparing. */
	ck_assert_uint_ge(with_cycles, 100);
	ck_assert_uint_le(with_cycles, 900);
	ck_assert_uint_ge(with_several, 10);
}
END_TEST

/* Deep enough to overflow a stack if the search were recursive. */
START_TEST(test_long_cycle)
{
	enum { LENGTH = 1000000 };
	struct hf__graph graph;
	struct hf__cycle *cycles;
	size_t count;

	ck_assert_int_eq(hf__graph_init(&graph, LENGTH + 2), 0);
	for (uint32_t i = 0; i < LENGTH; i++)
		must(!hf__graph_add(&graph, i, (i + 1) % LENGTH));
	ck_assert_int_eq(hf__graph_add(&graph, LENGTH, 0), 0);
	ck_assert_int_eq(hf__graph_add(&graph, LENGTH + 1, LENGTH + 1), 0);
	ck_assert_int_eq(hf__graph_find_cycles(&graph, &cycles, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(cycles[0].count, LENGTH);
	for (uint32_t i = 0; i < LENGTH; i++)
		must(cycles[0].vertices[i] == i);
	ck_assert_uint_eq(cycles[1].count, 1);
	ck_assert_uint_eq(cycles[1].vertices[0], LENGTH + 1);
	hf__cycles_free(cycles, count);
	hf__graph_fini(&graph);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("creditloop");
	TCase *known = tcase_create("known"), *heavy = tcase_create("heavy");

	tcase_add_test(known, test_ring_one_lane);
	tcase_add_test(known, test_ring_two_lanes);
	tcase_add_test(known, test_mesh_xy);
	tcase_add_test(known, test_mesh_mixed_turns);
	tcase_add_test(known, test_failures);
	tcase_add_test(known, test_ends);
	tcase_add_test(known, test_refuses);
	suite_add_tcase(suite, known);
	tcase_set_timeout(heavy, 120);
	tcase_add_test(heavy, test_random);
	tcase_add_test(heavy, test_long_cycle);
	tcase_add_test(heavy, test_2000_hosts);
	suite_add_tcase(suite, heavy);
	return check_main(suite);
}
