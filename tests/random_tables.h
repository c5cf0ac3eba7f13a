/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Random tables of a fabric and a slow, plain reading of them: each pair of LIDs is walked hop by hop, as OpenSM walks
 * it to answer a query. The tables are worse than any routing engine's: loops, dead ends, routes to the wrong port,
 * cables that end nowhere, SL2VL tables full of VL15, hosts that come and go and change their LIDs.
 */
#ifndef HF_TESTS_RANDOM_TABLES_H
#define HF_TESTS_RANDOM_TABLES_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/tables.h"

#define RANDOM_PORTS	6	/* of a switch, port 0 included */
#define RANDOM_LIDS	400
#define RANDOM_CLASSES	4

/* HF_SEED=n repeats a run; otherwise every run is another one. */
static inline unsigned int random_seed(void)
{
	const char *given = getenv("HF_SEED");
	unsigned int seed = given ? strtoul(given, NULL, 0) : (unsigned int)time(NULL);

	printf("# seed %u\n", seed);
	fflush(stdout);
	return seed;
}

static inline unsigned int random_below(unsigned int n)
{
	return n ? (unsigned int)random() % n : 0;
}

static inline bool one_in(unsigned int n)
{
	return !random_below(n);
}

static inline uint8_t random_mtu(void)
{
	return 1 + random_below(5);
}

static inline uint8_t random_rate(void)
{
	return 2 + random_below(21);
}

static inline uint16_t random_drops(void)
{
	return one_in(3) ? 1 << random_below(HF_SLS) : 0;
}

/* Ports 0 of the switches come first. */
static inline uint32_t random_host(const struct hf_tables *tables)
{
	return tables->n_switches + random_below(tables->n_ports - tables->n_switches);
}

static inline struct hf_switch_port *random_switch_port_of(struct hf_tables *tables, uint32_t switch_, uint8_t number)
{
	return &tables->switch_ports[switch_ * RANDOM_PORTS + number];
}

/* The cable of a host, its other end included. */
static inline void random_cable(struct hf_tables *tables, uint32_t index)
{
	struct hf_table_port *port = &tables->ports[index];
	struct hf_switch_port *other;

	if (one_in(15)) {
		port->place = HF_PLACE_NOWHERE;
		return;
	}
	if (one_in(15)) {
		port->place = HF_PLACE_AT_PORT;
		port->peer = random_host(tables);
		return;
	}
	port->place = HF_PLACE_AT_SWITCH;
	port->peer = random_below(tables->n_switches);
	port->peer_port = 1 + random_below(RANDOM_PORTS - 1);
	other = random_switch_port_of(tables, port->peer, port->peer_port);
	other->peer_kind = HF_PEER_PORT;
	other->peer = index;
}

static inline void random_port(struct hf_tables *tables, uint32_t index)
{
	struct hf_table_port *port = &tables->ports[index];
	bool is_switch = index < tables->n_switches;

	memset(port, 0, sizeof(*port));
	if (is_switch)
		tables->switches[index].port = HF_NO_INDEX;
	if (one_in(10))
		return;
	port->guid = 0x100000 + index;
	port->lid = 1 + 4 * index + (one_in(10) ? 200 : 0);
	port->lmc = one_in(4) ? 1 + random_below(2) : 0;
	port->mtu = random_mtu();
	port->rate = random_rate();
	port->can = one_in(2) ? HF_CAN_ALL : random_below(HF_CAN_ALL + 1);
	port->terms_class = one_in(3) ? random_below(tables->n_terms_classes) : 0;
	port->sl_group = index % (tables->n_switches + 1);
	if (is_switch) {
		port->place = HF_PLACE_IN_SWITCH;
		port->peer = index;
		tables->switches[index].port = index;
	} else {
		port->drops = one_in(6) ? random_drops() : 0;
		random_cable(tables, index);
	}
}

static inline void random_switch_port(struct hf_tables *tables, uint32_t switch_, uint8_t number)
{
	struct hf_switch_port *port = random_switch_port_of(tables, switch_, number);

	*port = (struct hf_switch_port) { .mtu = random_mtu(), .rate = random_rate() };
	if (!number || one_in(5))
		return;
	if (one_in(5)) {
		port->peer_kind = HF_PEER_PORT;
		port->peer = random_host(tables);
	} else {
		port->peer_kind = HF_PEER_SWITCH;
		port->peer = random_below(tables->n_switches);
		port->peer_port = 1 + random_below(RANDOM_PORTS - 1);
	}
}

static inline void random_switch_drops(struct hf_tables *tables, uint32_t switch_)
{
	const size_t size = RANDOM_PORTS * RANDOM_PORTS;

	free(tables->switches[switch_].drops);
	tables->switches[switch_].drops = NULL;
	if (!one_in(4))
		return;
	tables->switches[switch_].drops = calloc(size, sizeof(uint16_t));
	for (size_t i = 0; i < size; i++)
		tables->switches[switch_].drops[i] = random_drops();
}

static inline void random_route(struct hf_tables *tables, uint32_t switch_, unsigned int lid)
{
	tables->forwarding[switch_ * RANDOM_LIDS + lid] = one_in(14) ? random_below(256) :
							  random_below(RANDOM_PORTS);
}

/* Paths are rare among wholly random routes: most switches do route to what hangs at them. */
static inline void route_to_own(struct hf_tables *tables, uint32_t index)
{
	const struct hf_table_port *port = &tables->ports[index];

	if (!port->guid || one_in(8) || (port->place != HF_PLACE_AT_SWITCH && port->place != HF_PLACE_IN_SWITCH))
		return;
	for (unsigned int i = 0; i < 1U << port->lmc; i++)
		tables->forwarding[port->peer * RANDOM_LIDS + port->lid + i] = port->peer_port;
}

static inline void random_terms(struct hf_tables *tables, size_t index)
{
	tables->terms[index] = (struct hf_terms) {
		.pkey = one_in(5) ? 0 : 0x8000 + random_below(100),
		.sl = one_in(2) ? 0 : random_below(HF_SLS),
		.mtu_limit = one_in(4) ? random_mtu() : 0,
		.rate_limit = one_in(4) ? random_rate() : 0,
		.pkt_life = one_in(4) ? 14 + random_below(3) : 18,
	};
}

/* The same numbers for the same places, however large the table. */
static inline uint8_t random_sl(unsigned int seed, unsigned int variant, uint32_t src, uint32_t dst)
{
	uint64_t hash = (seed + variant * 131ULL + src * 7919ULL + dst * 104729ULL) * 0x9e3779b97f4a7c15ULL;

	switch (hash >> 61) {
	case 0:
		return HF_SL_IS_HINT;
	case 1:
	case 2:
		return (hash >> 40 & 3) | HF_SL_IS_SPREAD;
	default:
		return hash >> 40 & 3;
	}
}

static inline void random_sls(struct hf_tables *tables, enum hf_sl_by by, unsigned int seed)
{
	uint32_t sources, destinations;

	ck_assert_int_eq(hf_tables_set_sls(tables, by, tables->n_switches + 1, 2), 0);
	sources = hf_tables_count_sl_sources(tables);
	destinations = hf_tables_count_sl_destinations(tables);
	for (unsigned int variant = 0; variant < 2; variant++)
		for (uint32_t dst = 0; dst < destinations; dst++)
			for (uint32_t src = 0; src < sources; src++)
				tables->sls[(variant * destinations + dst) * sources + src] =
					random_sl(seed, variant, src, dst);
}

static inline void register_ports(struct hf_port_registry *registry, struct hf_tables *tables)
{
	uint32_t index;

	for (uint32_t i = 0; i < tables->n_ports; i++) {
		ck_assert_int_eq(hf_port_registry_add(registry, 0x100000 + i, tables->ports[i].lmc, &index,
						      &tables->ports[i].first_column), 0);
		ck_assert_uint_eq(index, i);
	}
	tables->n_columns = hf_port_registry_count_columns(registry);
}

/* @sl_seed: two tables with the same one, and the same @by, have the same SLs. */
static inline struct hf_tables *random_tables(struct hf_port_registry *registry, uint32_t n_switches,
					      uint32_t n_hosts, enum hf_sl_by by, unsigned int sl_seed)
{
	struct hf_tables *tables;

	ck_assert_int_eq(hf_tables_new(n_switches + n_hosts, 0, n_switches, RANDOM_PORTS, RANDOM_LIDS, &tables), 0);
	ck_assert_int_eq(hf_tables_set_terms(tables, RANDOM_CLASSES, RANDOM_CLASSES * RANDOM_CLASSES), 0);
	tables->routing.epoch = 1;
	tables->only_original_rates = one_in(6);
	for (size_t i = 0; i < RANDOM_CLASSES * RANDOM_CLASSES; i++) {
		random_terms(tables, i);
		tables->terms_index[i] = i;
	}
	for (uint32_t i = 0; i < n_switches; i++) {
		for (uint8_t number = 0; number < RANDOM_PORTS; number++)
			random_switch_port(tables, i, number);
		for (unsigned int lid = 0; lid < RANDOM_LIDS; lid++)
			random_route(tables, i, lid);
		random_switch_drops(tables, i);
	}
	for (uint32_t i = 0; i < tables->n_ports; i++) {
		random_port(tables, i);
		route_to_own(tables, i);
	}
	for (int sl = 0; sl < HF_SLS; sl++) {
		tables->sl_variant[sl] = random_below(2);
		tables->sl_spread[sl] = sl < 4 ? random_below(4) : 0;
	}
	register_ports(registry, tables);
	random_sls(tables, by, sl_seed);
	return tables;
}

/* The same tables in a fabric that may have more hosts. */
static inline struct hf_tables *copy_tables(struct hf_port_registry *registry, const struct hf_tables *from,
					    uint32_t more_hosts, enum hf_sl_by by, unsigned int sl_seed)
{
	uint32_t n_hosts = from->n_ports - from->n_switches + more_hosts;
	struct hf_tables *copy = random_tables(registry, from->n_switches, n_hosts, by, sl_seed);
	size_t n_drops = RANDOM_PORTS * RANDOM_PORTS;

	copy->routing.epoch = from->routing.epoch + 1;
	copy->only_original_rates = from->only_original_rates;
	memcpy(copy->ports, from->ports, from->n_ports * sizeof(*copy->ports));
	memcpy(copy->switch_ports, from->switch_ports, from->n_switches * RANDOM_PORTS * sizeof(*copy->switch_ports));
	memcpy(copy->forwarding, from->forwarding, (size_t)from->n_switches * RANDOM_LIDS);
	memcpy(copy->terms, from->terms, from->n_terms * sizeof(*copy->terms));
	memcpy(copy->sl_variant, from->sl_variant, sizeof(copy->sl_variant));
	memcpy(copy->sl_spread, from->sl_spread, sizeof(copy->sl_spread));
	for (uint32_t i = 0; i < from->n_switches; i++) {
		copy->switches[i].port = from->switches[i].port;
		free(copy->switches[i].drops);
		copy->switches[i].drops = NULL;
		if (!from->switches[i].drops)
			continue;
		copy->switches[i].drops = malloc(n_drops * sizeof(uint16_t));
		memcpy(copy->switches[i].drops, from->switches[i].drops, n_drops * sizeof(uint16_t));
	}
	register_ports(registry, copy);
	random_sls(copy, by, sl_seed);
	return copy;
}

/* As another numbering does: no answer is another. */
static inline void swap_classes(struct hf_tables *tables, uint32_t a, uint32_t b)
{
	uint32_t n = tables->n_terms_classes;
	uint16_t *index = malloc(n * n * sizeof(*index));

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < n; j++)
			index[(i == a ? b : i == b ? a : i) * n + (j == a ? b : j == b ? a : j)] =
				tables->terms_index[i * n + j];
	memcpy(tables->terms_index, index, n * n * sizeof(*index));
	free(index);
	for (uint32_t i = 0; i < tables->n_ports; i++) {
		uint16_t *class = &tables->ports[i].terms_class;

		*class = *class == a ? b : *class == b ? a : *class;
	}
}

static inline void mutate_once(struct hf_tables *tables)
{
	uint32_t switch_ = random_below(tables->n_switches), port = random_below(tables->n_ports);
	size_t n_sls = (size_t)hf_tables_count_sl_sources(tables) * hf_tables_count_sl_destinations(tables);

	switch (random_below(11)) {
	case 10:
		swap_classes(tables, random_below(tables->n_terms_classes), random_below(tables->n_terms_classes));
		break;
	case 0:
		random_port(tables, port);
		route_to_own(tables, port);
		break;
	case 1:
		random_switch_port(tables, switch_, random_below(RANDOM_PORTS));
		break;
	case 2:
		random_switch_drops(tables, switch_);
		break;
	case 3:
		random_terms(tables, random_below(tables->n_terms));
		break;
	case 4:
		tables->sl_spread[random_below(4)] = random_below(4);
		break;
	case 5:
		tables->sls[random_below(2 * n_sls)] = random_below(4);
		break;
	case 6:
		if (tables->ports[port].guid)
			tables->ports[port].lid = 202 + random_below(190);
		break;
	default:
		random_route(tables, switch_, random_below(4 * tables->n_ports + 4));
		break;
	}
}

static inline void mutate_tables(struct hf_port_registry *registry, struct hf_tables *tables, unsigned int how_much)
{
	enum hf_sl_by by = tables->sl_by;
	uint32_t n_columns = tables->n_columns;

	for (unsigned int i = 0; i < how_much; i++)
		mutate_once(tables);
	/* A port with a larger LMC has got other columns. */
	register_ports(registry, tables);
	if (tables->n_columns != n_columns)
		random_sls(tables, by, random());
}

/* What a path carries in Mb/s of data, by lanes and speed. */
static inline double slow_mbps(uint8_t rate)
{
	const double sdr = 2500 * .8, fdr = 14062.5 * 64 / 66, edr = 25781.25 * 64 / 66, hdr = 2 * edr;
	static const uint8_t sdr_lanes[] = { [2] = 1, [5] = 2, [3] = 4, [6] = 8, [4] = 12, [7] = 16, [8] = 24, [9] = 32,
					     [10] = 48 };

	switch (rate) {
	case 11: return fdr;
	case 19: return 2 * fdr;
	case 12: return 4 * fdr;
	case 13: return 8 * fdr;
	case 14: return 12 * fdr;
	case 15: return edr;
	case 20: return 2 * edr;
	case 16: return 4 * edr;
	case 17: return 8 * edr;
	case 18: return 12 * edr;
	case 21: return 8 * hdr;
	case 22: return 12 * hdr;
	default: return rate < sizeof(sdr_lanes) ? sdr_lanes[rate] * sdr : 0;
	}
}

/* All that the SA says of one pair of LIDs. */
struct slow_answer {
	bool is_there;
	uint16_t sls;	/* a bit for each that may be given */
	uint16_t pkey;
	uint8_t mtu, rate, pkt_life;
};

struct slow_path {
	const struct hf_tables *tables;
	uint32_t src, src_lid, dst, dst_lid;
	uint8_t mtu, rate;
	uint16_t drops;
};

static inline void slow_cross(struct slow_path *path, uint8_t mtu, uint8_t rate)
{
	if (mtu < path->mtu)
		path->mtu = mtu;
	if (slow_mbps(rate) < slow_mbps(path->rate))
		path->rate = rate;
}

static inline uint8_t slow_rate_at(const struct hf_table_port *port, uint8_t rate)
{
	if (rate == 19 && !(port->can & HF_CAN_2X))
		return port->can & HF_CAN_EXTENDED ? 15 : 6;
	if (rate == 20 && !(port->can & HF_CAN_2X) && !(port->can & HF_CAN_HDR))
		return 7;
	if ((rate == 21 || rate == 22) && !(port->can & HF_CAN_HDR))
		return 18;
	return rate;
}

static inline uint8_t slow_rate(const struct slow_path *path)
{
	const struct hf_tables *tables = path->tables;
	static const uint8_t original[] = { [19] = 15, [20] = 7, [21] = 18, [22] = 18 };

	if (tables->only_original_rates)
		return path->rate >= 19 ? original[path->rate] : path->rate;
	return slow_rate_at(&tables->ports[path->dst], slow_rate_at(&tables->ports[path->src], path->rate));
}

static inline uint16_t slow_sls(const struct slow_path *path, uint8_t hint)
{
	const struct hf_tables *tables = path->tables;
	const struct hf_table_port *src = &tables->ports[path->src], *dst = &tables->ports[path->dst];
	uint32_t row = 0, column = 0, sources = 1, destinations = 1;
	uint8_t sl;

	switch (tables->sl_by) {
	case HF_SL_BY_NOTHING:
		break;
	case HF_SL_BY_GROUPS:
		row = src->sl_group;
		column = dst->sl_group;
		sources = destinations = tables->n_sl_groups;
		break;
	case HF_SL_BY_LIDS:
		row = src->first_column + path->src_lid;
		sources = tables->n_columns;
		/* fall through */
	case HF_SL_BY_DLID:
		column = dst->first_column + path->dst_lid;
		destinations = tables->n_columns;
		break;
	}
	sl = tables->sls[((size_t)tables->sl_variant[hint] * destinations + column) * sources + row];
	if (sl & HF_SL_IS_HINT)
		return 1 << hint;
	if (!(sl & HF_SL_IS_SPREAD) || tables->sl_spread[sl & HF_SL_MASK] < 2)
		return 1 << (sl & HF_SL_MASK);
	return ((1 << tables->sl_spread[sl & HF_SL_MASK]) - 1) << (sl & HF_SL_MASK);
}

static inline struct slow_answer slow_arrive(struct slow_path *path)
{
	const struct hf_tables *tables = path->tables;
	const struct hf_table_port *src = &tables->ports[path->src], *dst = &tables->ports[path->dst];
	const struct hf_terms *terms = &tables->terms[tables->terms_index[src->terms_class * tables->n_terms_classes +
									  dst->terms_class]];
	struct slow_answer answer = { 0 };

	slow_cross(path, dst->mtu, dst->rate);
	if (!terms->pkey || path->drops & 1 << terms->sl)
		return answer;
	slow_cross(path, terms->mtu_limit ? terms->mtu_limit : 0xff,
		   terms->rate_limit ? terms->rate_limit : path->rate);
	answer.is_there = true;
	answer.pkey = terms->pkey;
	answer.sls = slow_sls(path, terms->sl);
	answer.mtu = path->mtu;
	answer.rate = slow_rate(path);
	answer.pkt_life = path->src == path->dst ? 0 : terms->pkt_life;
	return answer;
}

/* The switch's way out, or one that it has not. */
static inline uint8_t slow_next(const struct slow_path *path, uint32_t switch_)
{
	unsigned int lid = path->tables->ports[path->dst].lid + path->dst_lid;

	return path->tables->forwarding[(size_t)switch_ * path->tables->lids + lid];
}

static inline uint16_t slow_drops(const struct slow_path *path, uint32_t switch_, uint8_t in, uint8_t out)
{
	const uint16_t *drops = path->tables->switches[switch_].drops;

	return drops ? drops[in * path->tables->ports_per_switch + out] : 0;
}

static inline struct slow_answer slow_ask(const struct hf_tables *tables, uint32_t src, uint32_t src_lid, uint32_t dst,
					  uint32_t dst_lid)
{
	const struct slow_answer none = { 0 };
	const struct hf_table_port *from = &tables->ports[src], *to = &tables->ports[dst];
	struct slow_path path = {
		.tables = tables, .src = src, .src_lid = src_lid, .dst = dst, .dst_lid = dst_lid,
		.mtu = from->mtu, .rate = from->rate, .drops = from->drops,
	};
	/* The far end of the cable that is crossed next. */
	struct hf_switch_port cable = { .peer_kind = HF_PEER_NONE };
	uint8_t out;

	if (src >= tables->n_ports || dst >= tables->n_ports || !from->guid || !to->guid)
		return none;
	if (to->place == HF_PLACE_IN_SWITCH && slow_next(&path, to->peer) != 0)
		return none;
	switch ((enum hf_place)from->place) {
	case HF_PLACE_NOWHERE:
		break;
	case HF_PLACE_AT_PORT:
		cable = (struct hf_switch_port) { .peer_kind = HF_PEER_PORT, .peer = from->peer };
		break;
	case HF_PLACE_AT_SWITCH:
		cable = (struct hf_switch_port) {
			.peer_kind = HF_PEER_SWITCH, .peer = from->peer, .peer_port = from->peer_port,
		};
		break;
	case HF_PLACE_IN_SWITCH:
		out = slow_next(&path, from->peer);
		if (out >= tables->ports_per_switch)
			return none;
		path.drops |= slow_drops(&path, from->peer, 0, out);
		if (out)
			cable = tables->switch_ports[(size_t)from->peer * tables->ports_per_switch + out];
		break;
	}
	if (src == dst)
		return slow_arrive(&path);
	for (unsigned int hops = 0;;) {
		const struct hf_switch_port *entered, *left;
		uint32_t switch_ = cable.peer;

		if (cable.peer_kind == HF_PEER_PORT)
			return cable.peer == dst ? slow_arrive(&path) : none;
		if (cable.peer_kind == HF_PEER_NONE)
			return none;
		out = slow_next(&path, switch_);
		if (out >= tables->ports_per_switch || ++hops > 64)
			return none;
		entered = &tables->switch_ports[(size_t)switch_ * tables->ports_per_switch + cable.peer_port];
		left = &tables->switch_ports[(size_t)switch_ * tables->ports_per_switch + out];
		slow_cross(&path, entered->mtu, entered->rate);
		slow_cross(&path, left->mtu, left->rate);
		path.drops |= slow_drops(&path, switch_, cable.peer_port, out);
		if (!out)
			return tables->switches[switch_].port == dst ? slow_arrive(&path) : none;
		cable = *left;
	}
}

#endif
