/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The funnel on random graphs, against a reader that knows nothing of trees: it follows single packets from switch to
 * switch by the rule for default ports, and measures distances by trying all ways of each length.
 */
#include <check.h>
#include <errno.h>

#include "check_main.h"
#include "plugin/funnel.h"
#include "random_tables.h"

#define SWITCHES	24
#define PORTS		9
#define NOWHERE		UINT32_MAX

struct fabric {
	struct hf_funnel_graph graph;
	struct hf_switch_port ports[SWITCHES][PORTS];
	struct hf_default_ports held[SWITCHES];
	bool wanted[SWITCHES];
	uint32_t distance[SWITCHES];	/* to the root, by the slow reader */
};

static void cable(struct fabric *fabric, uint32_t a, uint8_t a_port, uint32_t b, uint8_t b_port)
{
	fabric->ports[a][a_port] = (struct hf_switch_port){ .peer = b, .peer_kind = HF_PEER_SWITCH,
							    .peer_port = b_port };
	fabric->ports[b][b_port] = (struct hf_switch_port){ .peer = a, .peer_kind = HF_PEER_SWITCH,
							    .peer_port = a_port };
}

static uint8_t free_port(const struct fabric *fabric, uint32_t switch_)
{
	for (uint8_t number = 1; number < PORTS; number++)
		if (fabric->ports[switch_][number].peer_kind == HF_PEER_NONE)
			return number;
	return 0;
}

/* Islands, double cables, cables back to the same switch, and cables of which one end is not seen. */
static void random_fabric(struct fabric *fabric)
{
	uint32_t n = 1 + random_below(SWITCHES);
	unsigned int cables = random_below(2 * n + 1);

	memset(fabric, 0, sizeof(*fabric));
	fabric->graph = (struct hf_funnel_graph){ n, PORTS, &fabric->ports[0][0] };
	for (uint32_t i = 0; i < n; i++) {
		fabric->wanted[i] = one_in(2);
		fabric->held[i].primary = random_below(one_in(9) ? 256 : PORTS);
		if (one_in(3))
			fabric->ports[i][1 + random_below(PORTS - 1)].peer_kind = HF_PEER_PORT;
	}
	while (cables--) {
		uint32_t a = random_below(n), b = random_below(n);
		uint8_t a_port = free_port(fabric, a), b_port;

		if (!a_port)
			continue;
		fabric->ports[a][a_port].peer_kind = HF_PEER_PORT;	/* taken, for the case that b is a */
		b_port = free_port(fabric, b);
		if (!b_port)
			continue;
		cable(fabric, a, a_port, b, b_port);
		if (one_in(20))
			fabric->ports[a][a_port].peer_kind = HF_PEER_NONE;
	}
}

static bool are_cabled(const struct fabric *fabric, uint32_t a, uint8_t a_port, uint32_t b)
{
	const struct hf_switch_port *port = &fabric->ports[a][a_port], *other = &fabric->ports[b][port->peer_port];

	return port->peer_kind == HF_PEER_SWITCH && port->peer == b && other->peer_kind == HF_PEER_SWITCH &&
	       other->peer == a && other->peer_port == a_port;
}

static void slow_distances(struct fabric *fabric, uint32_t root)
{
	uint32_t n = fabric->graph.n_switches;

	for (uint32_t i = 0; i < n; i++)
		fabric->distance[i] = i == root ? 0 : NOWHERE;
	for (uint32_t length = 1; length < n; length++)
		for (uint32_t a = 0; a < n; a++)
			for (uint8_t number = 1; number < PORTS; number++)
				for (uint32_t b = 0; b < n; b++)
					if (fabric->distance[a] == NOWHERE && are_cabled(fabric, a, number, b) &&
					    fabric->distance[b] == length - 1)
						fabric->distance[a] = length;
}

struct arrival {
	uint32_t switch_;	/* NOWHERE: it goes round for ever */
	uint8_t port;		/* from which it left the fabric of switches, or 0 */
	uint32_t hops;
};

/* The rule for default ports, hop by hop. */
static struct arrival slow_walk(const struct fabric *fabric, const struct hf_default_ports *set, uint32_t from,
				uint8_t in)
{
	struct arrival at = { .switch_ = from };

	for (;; at.hops++) {
		at.port = in == set[at.switch_].primary ? set[at.switch_].not_primary : set[at.switch_].primary;
		if (!at.port || at.port >= PORTS || fabric->ports[at.switch_][at.port].peer_kind != HF_PEER_SWITCH)
			return at;
		if (at.hops > SWITCHES * PORTS)
			return (struct arrival){ .switch_ = NOWHERE };
		in = fabric->ports[at.switch_][at.port].peer_port;
		at.switch_ = fabric->ports[at.switch_][at.port].peer;
	}
}

static void write_hops(const struct hf_funnel *funnel, uint32_t count, struct hf_default_ports *set)
{
	for (uint32_t i = 0; i < count; i++)
		set[funnel->hops[i].switch_] = funnel->hops[i].ports;
}

static bool is_hop(const struct hf_funnel *funnel, uint32_t switch_)
{
	for (uint32_t i = 0; i < funnel->n_hops; i++)
		if (funnel->hops[i].switch_ == switch_)
			return true;
	return false;
}

static bool is_cut_off(const struct hf_funnel *funnel, uint32_t switch_)
{
	for (uint32_t i = 0; i < funnel->n_cut_off; i++)
		if (funnel->cut_off[i] == switch_)
			return true;
	return false;
}

/* What comes in anywhere reaches the end port, over as few hops as there are; what it sends itself stays here. */
static void check_arrivals(const struct fabric *fabric, const struct hf_funnel *funnel, uint32_t root,
			   uint8_t root_port)
{
	struct hf_default_ports set[SWITCHES] = { 0 };

	write_hops(funnel, funnel->n_hops, set);
	for (uint32_t i = 0; i < funnel->n_hops; i++) {
		const struct hf_funnel_hop *hop = &funnel->hops[i];

		ck_assert_uint_eq(hop->distance, fabric->distance[hop->switch_]);
		for (uint8_t in = 0; in < PORTS; in++) {
			struct arrival at = slow_walk(fabric, set, hop->switch_, in);

			if (in == hop->ports.primary) {
				ck_assert_uint_eq(at.switch_, hop->switch_);
				ck_assert_uint_eq(at.port, 0);
				continue;
			}
			ck_assert_uint_eq(at.switch_, root);
			ck_assert_uint_eq(at.port, root_port);
			ck_assert_uint_eq(at.hops, hop->distance);
		}
	}
}

/* Each switch that is wanted is set or cut off, and nothing is set that no wanted one needs. */
static void check_set(const struct fabric *fabric, const bool *wanted, const struct hf_funnel *funnel)
{
	struct hf_default_ports set[SWITCHES] = { 0 };
	bool used[SWITCHES] = { false };

	write_hops(funnel, funnel->n_hops, set);
	for (uint32_t i = 0; i < fabric->graph.n_switches; i++) {
		bool is_wanted = !wanted || wanted[i];
		uint32_t at = i;

		ck_assert_int_eq(is_cut_off(funnel, i), is_wanted && fabric->distance[i] == NOWHERE);
		if (!is_wanted || fabric->distance[i] == NOWHERE)
			continue;
		ck_assert(is_hop(funnel, i));
		for (used[at] = true; fabric->distance[at]; used[at] = true)
			at = fabric->ports[at][set[at].primary].peer;
	}
	for (uint32_t i = 0; i < fabric->graph.n_switches; i++)
		ck_assert_int_eq(is_hop(funnel, i), used[i]);
}

static void check_held(const struct fabric *fabric, const struct hf_funnel *funnel)
{
	for (uint32_t i = 0; i < funnel->n_hops; i++) {
		uint32_t from = funnel->hops[i].switch_;
		uint8_t held = fabric->held[from].primary;

		if (!fabric->distance[from] || held >= PORTS)
			continue;
		for (uint32_t to = 0; to < fabric->graph.n_switches; to++)
			if (held && are_cabled(fabric, from, held, to) && fabric->distance[to] != NOWHERE &&
			    fabric->distance[to] + 1 == fabric->distance[from])
				ck_assert_uint_eq(funnel->hops[i].ports.primary, held);
	}
}

START_TEST(random_graphs)
{
	unsigned int seed = random_seed();

	srandom(seed);
	for (unsigned int round = 0; round < 3000; round++) {
		struct fabric fabric;
		struct hf_funnel funnel;
		uint32_t root;
		uint8_t root_port;

		random_fabric(&fabric);
		root = random_below(fabric.graph.n_switches);
		root_port = one_in(5) ? 0 : free_port(&fabric, root);
		const bool *wanted = one_in(2) ? NULL : fabric.wanted;
		const struct hf_default_ports *held = one_in(2) ? NULL : fabric.held;

		slow_distances(&fabric, root);
		ck_assert_int_eq(hf_funnel_compute(&fabric.graph, root, root_port, wanted, held, &funnel), 0);
		check_arrivals(&fabric, &funnel, root, root_port);
		check_set(&fabric, wanted, &funnel);
		if (held)
			check_held(&fabric, &funnel);
		hf_funnel_fini(&funnel);
	}
}
END_TEST

/* While the second tree is written over the first, each packet ends at one of the two end ports. */
START_TEST(no_loop_while_writing)
{
	unsigned int seed = random_seed(), moves = 0;

	srandom(seed);
	for (unsigned int round = 0; round < 2000; round++) {
		struct fabric fabric;
		struct hf_funnel old, new_;
		uint32_t from, to;
		uint8_t from_port, to_port;

		random_fabric(&fabric);
		from = random_below(fabric.graph.n_switches);
		to = random_below(fabric.graph.n_switches);
		from_port = free_port(&fabric, from);
		fabric.ports[from][from_port].peer_kind = HF_PEER_PORT;
		to_port = free_port(&fabric, to);
		if (!from_port || !to_port)
			continue;
		memset(fabric.held, 0, sizeof(fabric.held));
		ck_assert_int_eq(hf_funnel_compute(&fabric.graph, from, from_port, NULL, fabric.held, &old), 0);
		write_hops(&old, old.n_hops, fabric.held);
		ck_assert_int_eq(hf_funnel_compute(&fabric.graph, to, to_port, one_in(2) ? NULL : fabric.wanted,
						   fabric.held, &new_), 0);
		for (uint32_t written = 0; written <= new_.n_hops; written++) {
			struct hf_default_ports set[SWITCHES];

			memcpy(set, fabric.held, sizeof(set));
			write_hops(&new_, written, set);
			for (uint32_t i = 0; i < old.n_hops; i++) {
				struct arrival at = slow_walk(&fabric, set, old.hops[i].switch_, 0);

				ck_assert_uint_ne(at.switch_, NOWHERE);
				ck_assert((at.switch_ == from && at.port == from_port) ||
					  (at.switch_ == to && at.port == to_port));
				moves += at.switch_ == to;
			}
		}
		hf_funnel_fini(&old);
		hf_funnel_fini(&new_);
	}
	ck_assert_uint_gt(moves, 1000);
}
END_TEST

START_TEST(refuses_what_is_not_there)
{
	struct hf_switch_port ports[2][3] = { 0 };
	const struct hf_funnel_graph graph = { 2, 3, &ports[0][0] };
	struct hf_funnel funnel;

	ck_assert_int_eq(hf_funnel_compute(&graph, 2, 1, NULL, NULL, &funnel), -EINVAL);
	ck_assert_int_eq(hf_funnel_compute(&graph, 0, 3, NULL, NULL, &funnel), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("funnel");
	TCase *tcase = tcase_create("funnel");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, random_graphs);
	tcase_add_test(tcase, no_loop_while_writing);
	tcase_add_test(tcase, refuses_what_is_not_there);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
