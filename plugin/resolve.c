/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * From tables to answers. For one destination LID after the other: each switch's way to it follows from that of the
 * next switch, and each row's entry from the way of the switch where its traffic enters.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "plugin/snapshot.h"

#define BLOCK		64	/* columns resolved together: tables are read and written in cache lines */
#define LINE_ENTRIES	32	/* of a cache line */
#define RATES		32
#define CANS		(HF_CAN_ALL + 1)
#define LIVES		64
#define UNREACHABLE	0xff	/* hops */

/*
 * What limits a path: its MTU's code in bits 7..5, the rank of its rate in 4..0, both less for less. The lesser of two
 * is looked up, for it may have the MTU of one and the rate of the other.
 */
#define LIMITS		256
#define NO_LIMIT	(LIMITS - 1)
#define NO_RANK		(RATES - 1)

/*
 * A switch as it is entered. How it is entered matters only where SL2VL tables drop SLs: those switches have a node for
 * each port, the others one.
 */
struct node {
	uint32_t switch_;
	const uint16_t *drops;	/* by port out; NULL for none */
};

/* The way out of one port of a switch to what is behind it. */
struct hop {
	uint32_t peer;		/* node or port */
	uint8_t kind;		/* enum hf_peer_kind; port 0 leads to the switch's own port */
	uint8_t limit;		/* of both ends of the cable */
	uint8_t far_limit;	/* of its far end alone */
};

enum way_state {
	WAY_NEW,
	WAY_BEGUN,
	WAY_KNOWN,
};

/* From a switch that has been entered to the destination. */
struct way {
	uint8_t state;	/* enum way_state */
	uint8_t hops;	/* switches, or UNREACHABLE */
	uint8_t limit;
	uint16_t drops;
};

/* A switch on the way, and how the way goes on. */
struct step {
	uint32_t node;
	const struct hop *hop;
};

/* What a source is, as far as it counts; compared as bytes. */
struct row {
	uint32_t peer;		/* node, switch or port, by @place */
	uint32_t self;		/* its port; HF_NO_INDEX where it does not matter */
	uint32_t sl_source;
	uint16_t drops;
	uint16_t terms_class;
	uint8_t limit;		/* of its own port, and of the switch's where it hangs at one */
	uint8_t place;
	uint8_t can;
	uint8_t reserved;
};

/* What the terms for one class of sources make of a destination. */
struct offer {
	bool is_allowed;
	uint8_t sl;
	uint8_t limit;
	hf_entry life;		/* the entry's bits */
	const uint8_t *sls;	/* by source */
};

/* One destination LID, while its column is resolved. */
struct destination {
	uint32_t index;		/* its port */
	const struct hf_table_port *port;
	uint8_t limit;
	const uint8_t *next_ports;	/* by switch */
	const hf_entry (*rates)[LIMITS];	/* [what the source can][limit]: the entry's MTU and rate */
};

struct row_node {
	struct row row;
	uint32_t index;
	bool not_added;
	UT_hash_handle hh;
};

struct job {
	const struct hf_tables *tables;
	struct hf_snapshot *snapshot;

	uint32_t n_nodes;
	struct node *nodes;
	uint32_t *first_node;		/* by switch */
	uint32_t hops_per_switch;
	struct hop *hops;		/* [switch][port number], the last one for all that are no port */

	struct row *rows;
	uint32_t rows_size;
	struct row_node *row_hash;

	uint32_t *port_of;		/* by column, or HF_NO_INDEX */
	uint8_t life_codes[LIVES];	/* by packet life */
	uint8_t ranks[RATES];		/* by rate */
	uint8_t lesser[LIMITS][LIMITS];
	hf_entry rates[CANS][CANS][LIMITS];	/* [destination can][source can][limit] */

	uint8_t *next_ports;		/* [column of the block][switch] */
	struct way *ways;		/* by node */
	struct step *steps;
	struct offer *offers;		/* by class of sources */
	hf_entry *block;		/* [column of the block][row], with gaps */
	size_t block_stride;
};

static uint8_t make_limit(const struct job *job, uint8_t mtu, uint8_t rate)
{
	return (mtu & 0x7) << 5 | job->ranks[rate % RATES];
}

static uint8_t lesser(const struct job *job, uint8_t a, uint8_t b)
{
	return job->lesser[a][b];
}

/* Nodes and hops */

static uint32_t node_of(const struct job *job, uint32_t switch_, uint8_t in_port)
{
	return job->first_node[switch_] + (job->tables->switches[switch_].drops ? in_port : 0);
}

static int number_nodes(struct job *job)
{
	const struct hf_tables *tables = job->tables;

	job->first_node = malloc((tables->n_switches + (size_t)1) * sizeof(*job->first_node));
	if (!job->first_node)
		return -ENOMEM;
	for (uint32_t i = 0; i < tables->n_switches; i++) {
		job->first_node[i] = job->n_nodes;
		job->n_nodes += tables->switches[i].drops ? tables->ports_per_switch : 1;
	}
	job->nodes = calloc(job->n_nodes + (size_t)1, sizeof(*job->nodes));
	if (!job->nodes)
		return -ENOMEM;
	for (uint32_t i = 0; i < tables->n_switches; i++) {
		const uint16_t *drops = tables->switches[i].drops;
		uint32_t end = i + 1 < tables->n_switches ? job->first_node[i + 1] : job->n_nodes;

		for (uint32_t node = job->first_node[i]; node < end; node++) {
			size_t in_port = node - job->first_node[i];

			job->nodes[node].switch_ = i;
			job->nodes[node].drops = drops ? &drops[in_port * tables->ports_per_switch] : NULL;
		}
	}
	return 0;
}

static struct hop make_hop(const struct job *job, const struct hf_switch_port *port)
{
	const struct hf_tables *tables = job->tables;
	uint8_t limit = make_limit(job, port->mtu, port->rate);
	struct hop hop = { .peer = port->peer, .kind = port->peer_kind, .limit = limit };
	const struct hf_switch_port *peer;

	if (port->peer_kind != HF_PEER_SWITCH)
		return hop;
	peer = &tables->switch_ports[(size_t)port->peer * tables->ports_per_switch + port->peer_port];
	hop.peer = node_of(job, port->peer, port->peer_port);
	hop.far_limit = make_limit(job, peer->mtu, peer->rate);
	hop.limit = lesser(job, limit, hop.far_limit);
	return hop;
}

static void make_hops_of(struct job *job, uint32_t switch_)
{
	const struct hf_tables *tables = job->tables;
	struct hop *hops = &job->hops[(size_t)switch_ * job->hops_per_switch];

	for (unsigned int i = 0; i < tables->ports_per_switch; i++)
		hops[i] = make_hop(job, &tables->switch_ports[(size_t)switch_ * tables->ports_per_switch + i]);
	hops[0].kind = tables->switches[switch_].port == HF_NO_INDEX ? HF_PEER_NONE : HF_PEER_PORT;
	hops[0].peer = tables->switches[switch_].port;
	hops[tables->ports_per_switch] = (struct hop) { .kind = HF_PEER_NONE };
}

static int make_hops(struct job *job)
{
	job->hops_per_switch = job->tables->ports_per_switch + 1;
	job->hops = malloc(((size_t)job->tables->n_switches * job->hops_per_switch + 1) * sizeof(*job->hops));
	if (!job->hops)
		return -ENOMEM;
	for (uint32_t i = 0; i < job->tables->n_switches; i++)
		make_hops_of(job, i);
	return 0;
}

/* Rows */

static uint32_t sl_source(const struct job *job, const struct hf_table_port *port, uint32_t lid)
{
	switch (job->tables->sl_by) {
	case HF_SL_BY_NOTHING:
	case HF_SL_BY_DLID:
		break;
	case HF_SL_BY_GROUPS:
		return port->sl_group;
	case HF_SL_BY_LIDS:
		return port->first_column + lid;
	}
	return 0;
}

static uint32_t sl_destination(const struct job *job, const struct hf_table_port *port, uint32_t lid)
{
	switch (job->tables->sl_by) {
	case HF_SL_BY_NOTHING:
		break;
	case HF_SL_BY_GROUPS:
		return port->sl_group;
	case HF_SL_BY_DLID:
	case HF_SL_BY_LIDS:
		return port->first_column + lid;
	}
	return 0;
}

static struct row make_row(const struct job *job, uint32_t index, uint32_t lid)
{
	const struct hf_tables *tables = job->tables;
	const struct hf_table_port *port = &tables->ports[index];
	const struct hf_switch_port *entered;
	struct row row;

	memset(&row, 0, sizeof(row));
	row.peer = port->peer;
	row.self = HF_NO_INDEX;
	row.sl_source = sl_source(job, port, lid);
	row.drops = port->drops;
	row.terms_class = port->terms_class;
	row.place = port->place;
	row.limit = make_limit(job, port->mtu, port->rate);
	row.can = port->can;
	switch ((enum hf_place)port->place) {
	case HF_PLACE_NOWHERE:
	case HF_PLACE_IN_SWITCH:
		break;
	case HF_PLACE_AT_SWITCH:
		entered = &tables->switch_ports[(size_t)port->peer * tables->ports_per_switch + port->peer_port];
		row.peer = node_of(job, port->peer, port->peer_port);
		row.limit = lesser(job, row.limit, make_limit(job, entered->mtu, entered->rate));
		break;
	case HF_PLACE_AT_PORT:
		row.self = index;
		break;
	}
	return row;
}

static int add_row(struct job *job, const struct row *row, uint32_t *ret_index)
{
	uint32_t index = job->snapshot->n_rows;

	if (index == job->rows_size) {
		uint32_t size = index ? 2 * index : 64;
		struct row *rows = realloc(job->rows, size * sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		job->rows = rows;
		job->rows_size = size;
	}
	job->rows[index] = *row;
	job->snapshot->n_rows++;
	*ret_index = index;
	return 0;
}

static int find_or_add_row(struct job *job, const struct row *row, uint32_t *ret_index)
{
	struct row_node *node;
	int err;

	HASH_FIND(hh, job->row_hash, row, sizeof(*row), node);
	if (!node) {
		node = calloc(1, sizeof(*node));
		if (!node)
			return -ENOMEM;
		node->row = *row;
		err = add_row(job, row, &node->index);
		if (err) {
			free(node);
			return err;
		}
		HASH_ADD(hh, job->row_hash, row, sizeof(node->row), node);
		if (node->not_added) {
			free(node);
			return -ENOMEM;
		}
	}
	*ret_index = node->index;
	return 0;
}

static void free_row_hash(struct job *job)
{
	struct row_node *node, *next;

	HASH_ITER(hh, job->row_hash, node, next) {
		HASH_DEL(job->row_hash, node);
		free(node);
	}
}

static int classify_port(struct job *job, uint32_t index)
{
	struct hf_port *port = &job->snapshot->ports[index];
	struct row row = make_row(job, index, 0);
	uint32_t other;
	int err;

	if (!job->snapshot->rows_are_lids)
		return find_or_add_row(job, &row, &port->row);
	err = add_row(job, &row, &port->row);
	for (uint32_t lid = 1; !err && lid < hf_port_count_lids(port); lid++) {
		row = make_row(job, index, lid);
		err = add_row(job, &row, &other);
	}
	return err;
}

static int make_ports(struct job *job)
{
	const struct hf_tables *tables = job->tables;
	int err = 0;

	for (uint32_t i = 0; !err && i < tables->n_ports; i++) {
		const struct hf_table_port *from = &tables->ports[i];
		struct hf_port *port = &job->snapshot->ports[i];

		if (!from->guid || !from->lid)
			continue;
		port->guid = from->guid;
		port->first_column = from->first_column;
		port->lid = from->lid;
		port->lmc = from->lmc;
		port->terms_class = from->terms_class;
		port->is_switch = from->place == HF_PLACE_IN_SWITCH;
		port->switch_ = from->place == HF_PLACE_IN_SWITCH || from->place == HF_PLACE_AT_SWITCH ?
				tables->switches[from->peer].port : HF_NO_INDEX;
		for (uint32_t lid = 0; lid < hf_port_count_lids(port); lid++)
			job->port_of[port->first_column + lid] = i;
		err = classify_port(job, i);
	}
	return err;
}

/* Codes */

/* There are two, unless a QoS policy sets more; above seven the longest ones share a code. */
static void make_life_codes(struct job *job)
{
	uint8_t *lives = job->snapshot->pkt_lives;
	bool is_used[LIVES] = { [0] = true };
	unsigned int code = 0;

	for (uint32_t i = 0; i < job->tables->n_terms; i++)
		is_used[job->tables->terms[i].pkt_life % LIVES] = true;
	for (unsigned int life = 0; life < LIVES; life++) {
		if (!is_used[life])
			continue;
		if (code < HF_PKT_LIVES - 1)
			code++;
		lives[code] = life;
		job->life_codes[life] = code;
	}
}

static uint8_t original_rate(uint8_t rate)
{
	return hf_rate_for(HF_CAN_EXTENDED, rate);
}

/* A rank is how many rates are slower; unknown ones share rank 0. */
static void make_ranks(struct job *job)
{
	for (unsigned int rate = 0; rate < RATES; rate++)
		for (unsigned int other = 0; other < RATES; other++)
			job->ranks[rate] += hf_rate_min(rate, other) != rate;
}

static unsigned int min_bits(unsigned int a, unsigned int b, unsigned int mask)
{
	return (a & mask) < (b & mask) ? a & mask : b & mask;
}

static void make_limits(struct job *job)
{
	for (unsigned int a = 0; a < LIMITS; a++)
		for (unsigned int b = 0; b < LIMITS; b++)
			job->lesser[a][b] = min_bits(a, b, LIMITS - RATES) | min_bits(a, b, RATES - 1);
}

static uint8_t answered_rate(const struct job *job, unsigned int src, unsigned int dst, uint8_t rate)
{
	return job->tables->only_original_rates ? original_rate(rate) : hf_rate_for(dst, hf_rate_for(src, rate));
}

static void make_rates(struct job *job)
{
	for (unsigned int dst = 0; dst < CANS; dst++)
		for (unsigned int src = 0; src < CANS; src++)
			for (unsigned int rate = RATES; rate-- > 0;)
				for (unsigned int mtu = 0; mtu < LIMITS / RATES; mtu++)
					job->rates[dst][src][make_limit(job, mtu, rate)] =
						hf_entry_pack(0, mtu, answered_rate(job, src, dst, rate), 0);
}

static int copy_pkeys(struct job *job)
{
	const struct hf_tables *tables = job->tables;
	size_t count = (size_t)tables->n_terms_classes * tables->n_terms_classes;

	job->snapshot->pkeys = malloc((count + 1) * sizeof(*job->snapshot->pkeys));
	if (!job->snapshot->pkeys)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		job->snapshot->pkeys[i] = tables->terms[tables->terms_index[i]].pkey;
	job->snapshot->n_terms_classes = tables->n_terms_classes;
	return 0;
}

/* Ways */

static const struct hop *next_hop(const struct job *job, const struct destination *to, uint32_t switch_)
{
	return &job->hops[(size_t)switch_ * job->hops_per_switch + to->next_ports[switch_]];
}

static uint16_t dropped(const struct destination *to, const struct node *node)
{
	return node->drops ? node->drops[to->next_ports[node->switch_]] : 0;
}

/* The last switch: either the destination hangs on its port, or the way ends here. */
static void end_way(const struct job *job, const struct destination *to, const struct step *step)
{
	struct way *way = &job->ways[step->node];

	way->state = WAY_KNOWN;
	if (step->hop->kind != HF_PEER_PORT || step->hop->peer != to->index)
		return;
	way->hops = 1;
	way->limit = lesser(job, step->hop->limit, to->limit);
	way->drops = dropped(to, &job->nodes[step->node]);
}

static void extend_way(const struct job *job, const struct destination *to, const struct step *step)
{
	const struct way *next = &job->ways[step->hop->peer];
	struct way *way = &job->ways[step->node];

	way->state = WAY_KNOWN;
	if (next->hops >= HF_MAX_HOPS)
		return;
	way->hops = next->hops + 1;
	way->limit = lesser(job, step->hop->limit, next->limit);
	way->drops = next->drops | dropped(to, &job->nodes[step->node]);
}

/* Finds a switch's way and that of every switch on it. */
static void find_way(const struct job *job, const struct destination *to, uint32_t index)
{
	struct step *step = job->steps;

	/* One that has been begun is met again in a loop; it stays unreachable. */
	for (; job->ways[index].state == WAY_NEW; step++) {
		step->node = index;
		step->hop = next_hop(job, to, job->nodes[index].switch_);
		if (step->hop->kind != HF_PEER_SWITCH) {
			end_way(job, to, step);
			break;
		}
		job->ways[index].state = WAY_BEGUN;
		index = step->hop->peer;
	}
	while (step-- > job->steps)
		extend_way(job, to, step);
}

static void find_ways(struct job *job, const struct destination *to)
{
	static const struct way unknown = { .hops = UNREACHABLE };

	for (uint32_t i = 0; i < job->n_nodes; i++)
		job->ways[i] = unknown;
	for (uint32_t i = 0; i < job->n_nodes; i++)
		if (job->ways[i].state == WAY_NEW)
			find_way(job, to, i);
}

/* Entries */

/* How a source reaches a destination, before terms count. */
struct reach {
	bool is_reached;
	uint8_t limit;
	uint16_t drops;
};

/* The switch's own port out does not count for its MTU and rate: so answers OpenSM. */
static struct reach reach_from_switch(const struct job *job, const struct destination *to, const struct row *row)
{
	const struct hop *hop = next_hop(job, to, row->peer);
	struct reach reach = { 0 };
	const uint16_t *drops;

	if (hop->kind == HF_PEER_SWITCH) {
		const struct way *way = &job->ways[hop->peer];

		reach = (struct reach) {
			way->hops <= HF_MAX_HOPS, lesser(job, hop->far_limit, way->limit), way->drops,
		};
	} else if (hop->kind == HF_PEER_PORT) {
		reach = (struct reach) { hop->peer == to->index, to->limit, 0 };
	}
	drops = job->tables->switches[row->peer].drops;
	if (reach.is_reached && drops)
		reach.drops |= drops[to->next_ports[row->peer]];
	return reach;
}

static struct reach find_reach(const struct job *job, const struct destination *to, const struct row *row)
{
	const struct way *way;

	switch ((enum hf_place)row->place) {
	case HF_PLACE_NOWHERE:
		break;
	case HF_PLACE_AT_SWITCH:
		way = &job->ways[row->peer];
		return (struct reach) { way->hops <= HF_MAX_HOPS, way->limit, way->drops };
	case HF_PLACE_IN_SWITCH:
		return reach_from_switch(job, to, row);
	case HF_PLACE_AT_PORT:
		return (struct reach) { row->peer == to->index, to->limit, 0 };
	}
	return (struct reach) { 0 };
}

/* The one place that says what an answer is. */
static hf_entry make_entry(const struct job *job, const struct destination *to, const struct offer *offer,
			   const struct row *row, struct reach reach)
{
	uint8_t limit = lesser(job, offer->limit, lesser(job, row->limit, reach.limit));
	uint8_t sl;

	if (!reach.is_reached || !offer->is_allowed || (reach.drops | row->drops) >> offer->sl & 1)
		return 0;
	sl = offer->sls[row->sl_source];
	return offer->life | to->rates[row->can][limit] | (sl & HF_SL_IS_HINT ? offer->sl : sl);
}

static void make_offers(struct job *job, const struct destination *to, uint32_t dst_lid)
{
	const struct hf_tables *tables = job->tables;
	size_t sources = hf_tables_count_sl_sources(tables);
	size_t destinations = hf_tables_count_sl_destinations(tables);
	size_t sl_row = sl_destination(job, to->port, dst_lid);

	for (uint32_t class = 0; class < tables->n_terms_classes; class++) {
		size_t at = (size_t)class * tables->n_terms_classes + to->port->terms_class;
		const struct hf_terms *terms = &tables->terms[tables->terms_index[at]];
		uint8_t sl = terms->sl % HF_SLS;

		job->offers[class] = (struct offer) {
			.is_allowed = terms->pkey,
			.sl = sl,
			.limit = ((terms->mtu_limit ? terms->mtu_limit : NO_LIMIT) & 0x7) << 5 |
				 (terms->rate_limit ? job->ranks[terms->rate_limit % RATES] : NO_RANK),
			.life = hf_entry_pack(0, 0, 0, job->life_codes[terms->pkt_life % LIVES]),
			.sls = &tables->sls[(tables->sl_variant[sl] * destinations + sl_row) * sources],
		};
	}
}

/* A port reaches itself without its cable, a switch only if it routes its own LID to its port 0. */
static struct reach find_reach_of_itself(const struct job *job, const struct destination *to)
{
	const uint16_t *drops;

	if (to->port->place != HF_PLACE_IN_SWITCH)
		return (struct reach) { .is_reached = true, .limit = to->limit };
	drops = job->tables->switches[to->port->peer].drops;
	return (struct reach) {
		.is_reached = to->next_ports[to->port->peer] == 0,
		.limit = to->limit,
		.drops = drops ? drops[0] : 0,
	};
}

static hf_entry make_loopback(const struct job *job, const struct destination *to, uint32_t row_index)
{
	struct row row = job->rows[row_index];
	struct offer offer = job->offers[row.terms_class];

	row.limit = to->limit;
	offer.life = hf_entry_pack(0, 0, 0, job->life_codes[0]);
	return make_entry(job, to, &offer, &row, find_reach_of_itself(job, to));
}

static void resolve_loopbacks(struct job *job, const struct destination *to, uint32_t column, hf_entry *entries)
{
	const struct hf_port *port = &job->snapshot->ports[to->index];

	if (job->snapshot->loopbacks) {
		job->snapshot->loopbacks[column] = make_loopback(job, to, port->row);
		return;
	}
	for (uint32_t row = port->row; row < port->row + hf_port_count_lids(port); row++)
		entries[row] = make_loopback(job, to, row);
}

/* @entries: by row */
static void resolve_column(struct job *job, uint32_t column, const uint8_t *next_ports, hf_entry *entries)
{
	struct destination to = { .index = job->port_of[column], .next_ports = next_ports };

	if (to.index == HF_NO_INDEX) {
		memset(entries, 0, job->snapshot->n_rows * sizeof(*entries));
		return;
	}
	to.port = &job->tables->ports[to.index];
	to.limit = make_limit(job, to.port->mtu, to.port->rate);
	to.rates = job->rates[to.port->can % CANS];
	make_offers(job, &to, column - to.port->first_column);
	find_ways(job, &to);
	for (uint32_t i = 0; i < job->snapshot->n_rows; i++) {
		const struct row *row = &job->rows[i];

		entries[i] = make_entry(job, &to, &job->offers[row->terms_class], row, find_reach(job, &to, row));
	}
	resolve_loopbacks(job, &to, column, entries);
}

static unsigned int column_lid(const struct job *job, uint32_t column)
{
	const struct hf_table_port *port;

	if (job->port_of[column] == HF_NO_INDEX)
		return job->tables->lids;
	port = &job->tables->ports[job->port_of[column]];
	return port->lid + (column - port->first_column);
}

/* Turns the forwarding tables so that a column lies together. What is no port gets the number behind the last. */
static void turn_forwarding(struct job *job, uint32_t first, uint32_t count)
{
	const struct hf_tables *tables = job->tables;

	for (uint32_t i = 0; i < count; i++) {
		unsigned int lid = column_lid(job, first + i);
		uint8_t *next_ports = &job->next_ports[(size_t)i * tables->n_switches];

		if (lid >= tables->lids) {
			memset(next_ports, tables->ports_per_switch, tables->n_switches);
			continue;
		}
		for (uint32_t j = 0; j < tables->n_switches; j++) {
			uint8_t port = tables->forwarding[(size_t)j * tables->lids + lid];

			next_ports[j] = port < tables->ports_per_switch ? port : tables->ports_per_switch;
		}
	}
}

static void store_block(struct job *job, uint32_t first, uint32_t count)
{
	struct hf_snapshot *snapshot = job->snapshot;

	for (uint32_t row = 0; row < snapshot->n_rows; row++) {
		hf_entry *entries = &snapshot->entries[(size_t)row * snapshot->n_columns + first];

		for (uint32_t i = 0; i < count; i++)
			entries[i] = job->block[i * job->block_stride + row];
	}
}

static void resolve_columns(struct job *job)
{
	uint32_t n_columns = job->snapshot->n_columns;

	for (uint32_t first = 0; first < n_columns; first += BLOCK) {
		uint32_t count = n_columns - first < BLOCK ? n_columns - first : BLOCK;

		turn_forwarding(job, first, count);
		for (uint32_t i = 0; i < count; i++)
			resolve_column(job, first + i, &job->next_ports[(size_t)i * job->tables->n_switches],
				       &job->block[i * job->block_stride]);
		store_block(job, first, count);
	}
}

/* The job */

static int begin_snapshot(struct job *job)
{
	const struct hf_tables *tables = job->tables;
	struct hf_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (!snapshot)
		return -ENOMEM;
	job->snapshot = snapshot;
	snapshot->routing = tables->routing;
	snapshot->n_ports = tables->n_ports;
	snapshot->n_columns = tables->n_columns;
	snapshot->rows_are_lids = tables->sl_by == HF_SL_BY_LIDS;
	memcpy(snapshot->sl_spread, tables->sl_spread, sizeof(snapshot->sl_spread));
	snapshot->ports = calloc(tables->n_ports + (size_t)1, sizeof(*snapshot->ports));
	if (!snapshot->rows_are_lids)
		snapshot->loopbacks = calloc(tables->n_columns + (size_t)1, sizeof(*snapshot->loopbacks));
	if (!snapshot->ports || (!snapshot->rows_are_lids && !snapshot->loopbacks))
		return -ENOMEM;
	return 0;
}

static int allocate_blocks(struct job *job)
{
	struct hf_snapshot *snapshot = job->snapshot;

	job->next_ports = malloc((size_t)BLOCK * job->tables->n_switches + 1);
	job->ways = malloc((job->n_nodes + (size_t)1) * sizeof(*job->ways));
	job->steps = malloc((job->n_nodes + (size_t)1) * sizeof(*job->steps));
	job->offers = malloc((job->tables->n_terms_classes + (size_t)1) * sizeof(*job->offers));
	/* An odd number of lines: a column's rows lie in other sets of the cache than the next one's. */
	job->block_stride = (size_t)(snapshot->n_rows / (2 * LINE_ENTRIES)) * 2 * LINE_ENTRIES + 3 * LINE_ENTRIES;
	job->block = malloc(BLOCK * job->block_stride * sizeof(*job->block));
	snapshot->entries = malloc(((size_t)snapshot->n_rows * snapshot->n_columns + 1) * sizeof(*snapshot->entries));
	if (!job->next_ports || !job->ways || !job->steps || !job->offers || !job->block || !snapshot->entries)
		return -ENOMEM;
	return 0;
}

static int prepare(struct job *job)
{
	uint32_t n_columns = job->tables->n_columns;
	int err = begin_snapshot(job);

	job->port_of = malloc((n_columns + (size_t)1) * sizeof(*job->port_of));
	if (err || !job->port_of)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_columns; i++)
		job->port_of[i] = HF_NO_INDEX;
	make_life_codes(job);
	make_ranks(job);
	make_limits(job);
	make_rates(job);
	err = copy_pkeys(job);
	if (!err)
		err = number_nodes(job);
	if (!err)
		err = make_hops(job);
	if (!err)
		err = make_ports(job);
	return err ? err : allocate_blocks(job);
}

int hf_snapshot_resolve(const struct hf_tables *tables, struct hf_snapshot **ret_snapshot)
{
	struct job job = { .tables = tables };
	int err = prepare(&job);

	if (!err)
		resolve_columns(&job);
	free_row_hash(&job);
	free(job.nodes);
	free(job.first_node);
	free(job.hops);
	free(job.rows);
	free(job.port_of);
	free(job.next_ports);
	free(job.ways);
	free(job.steps);
	free(job.offers);
	free(job.block);
	if (err) {
		hf_snapshot_free(job.snapshot);
		return err;
	}
	*ret_snapshot = job.snapshot;
	return 0;
}
