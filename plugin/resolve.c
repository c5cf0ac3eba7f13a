/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * From tables to answers. For one destination LID after the other: each switch's way to it follows from that of the
 * next switch, and each row's entry from the way of the switch where its traffic enters.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "plugin/snapshot.h"

#define BLOCK		64	/* columns resolved together: tables are read and written in cache lines */
#define RATES		32
#define CANS		(HF_CAN_ALL + 1)
#define UNREACHABLE	0xff	/* hops */

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
	uint32_t peer;			/* node or port */
	uint8_t kind;			/* enum hf_peer_kind */
	uint8_t mtu, rate;		/* of both ends of the cable */
	uint8_t peer_mtu, peer_rate;	/* of its far end alone */
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
	uint8_t mtu, rate;
	uint16_t drops;
};

/* What a source is, as far as it counts; compared as bytes. */
struct row {
	uint32_t peer;		/* node, switch or port, by @place */
	uint32_t self;		/* its port; HF_NO_INDEX where it does not matter */
	uint32_t sl_source;
	uint16_t drops;
	uint16_t terms_class;
	uint8_t place;
	uint8_t mtu, rate;	/* of its own port, and of the switch's where it hangs at one */
	uint8_t can;
};

struct row_node {
	struct row row;
	uint32_t index;
	UT_hash_handle hh;
};

struct job {
	const struct hf_tables *tables;
	struct hf_snapshot *snapshot;

	uint32_t n_nodes;
	struct node *nodes;
	uint32_t *first_node;		/* by switch */
	struct hop *hops;		/* [switch][port number] */

	struct row *rows;
	uint32_t rows_size;
	struct row_node *row_hash;

	uint32_t *port_of;		/* by column, or HF_NO_INDEX */
	uint8_t life_codes[64];		/* by packet life */
	uint8_t rates[CANS][CANS][RATES];	/* [source can][destination can][rate] */

	uint8_t *next_ports;		/* [column of the block][switch] */
	struct way *ways;		/* by node */
	uint32_t *stack;
	hf_entry *block;		/* [column of the block][row] */
};

static uint8_t min_u8(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
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
	struct hop hop = { .peer = port->peer, .kind = port->peer_kind, .mtu = port->mtu, .rate = port->rate };
	const struct hf_switch_port *peer;

	if (port->peer_kind != HF_PEER_SWITCH)
		return hop;
	peer = &tables->switch_ports[(size_t)port->peer * tables->ports_per_switch + port->peer_port];
	hop.peer = node_of(job, port->peer, port->peer_port);
	hop.peer_mtu = peer->mtu;
	hop.peer_rate = peer->rate;
	hop.mtu = min_u8(port->mtu, peer->mtu);
	hop.rate = hf_rate_min(port->rate, peer->rate);
	return hop;
}

static int make_hops(struct job *job)
{
	size_t count = (size_t)job->tables->n_switches * job->tables->ports_per_switch;

	job->hops = malloc((count + 1) * sizeof(*job->hops));
	if (!job->hops)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		job->hops[i] = make_hop(job, &job->tables->switch_ports[i]);
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
	row.mtu = port->mtu;
	row.rate = port->rate;
	row.can = port->can;
	switch ((enum hf_place)port->place) {
	case HF_PLACE_NOWHERE:
	case HF_PLACE_IN_SWITCH:
		break;
	case HF_PLACE_AT_SWITCH:
		entered = &tables->switch_ports[(size_t)port->peer * tables->ports_per_switch + port->peer_port];
		row.peer = node_of(job, port->peer, port->peer_port);
		row.mtu = min_u8(port->mtu, entered->mtu);
		row.rate = hf_rate_min(port->rate, entered->rate);
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
	bool is_used[64] = { [0] = true };
	unsigned int code = 0;

	for (uint32_t i = 0; i < job->tables->n_terms; i++)
		is_used[job->tables->terms[i].pkt_life & 0x3f] = true;
	for (unsigned int life = 0; life < 64; life++) {
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

static void make_rates(struct job *job)
{
	for (unsigned int src = 0; src < CANS; src++)
		for (unsigned int dst = 0; dst < CANS; dst++)
			for (unsigned int rate = 0; rate < RATES; rate++)
				job->rates[src][dst][rate] = job->tables->only_original_rates ?
							     original_rate(rate) :
							     hf_rate_for(dst, hf_rate_for(src, rate));
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

/* The last switch: either the destination hangs on its port, or the way ends here. */
static void end_way(const struct job *job, const struct node *node, uint8_t out, uint32_t dst, struct way *way)
{
	const struct hf_tables *tables = job->tables;
	const struct hf_table_port *port = &tables->ports[dst];
	const struct hop *hop;
	bool is_there;

	if (out >= tables->ports_per_switch)
		return;
	hop = &job->hops[(size_t)node->switch_ * tables->ports_per_switch + out];
	if (out == 0)
		is_there = tables->switches[node->switch_].port == dst;
	else
		is_there = hop->kind == HF_PEER_PORT && hop->peer == dst;
	if (!is_there)
		return;
	way->hops = 1;
	way->mtu = min_u8(hop->mtu, port->mtu);
	way->rate = hf_rate_min(hop->rate, port->rate);
	way->drops = node->drops ? node->drops[out] : 0;
}

static void extend_way(const struct job *job, const struct node *node, uint8_t out, struct way *way)
{
	const struct hop *hop = &job->hops[(size_t)node->switch_ * job->tables->ports_per_switch + out];
	const struct way *next = &job->ways[hop->peer];

	way->state = WAY_KNOWN;
	if (next->hops >= HF_MAX_HOPS)
		return;
	way->hops = next->hops + 1;
	way->mtu = min_u8(hop->mtu, next->mtu);
	way->rate = hf_rate_min(hop->rate, next->rate);
	way->drops = next->drops | (node->drops ? node->drops[out] : 0);
}

static bool leads_to_switch(const struct job *job, uint32_t switch_, uint8_t out)
{
	return out != 0 && out < job->tables->ports_per_switch &&
	       job->hops[(size_t)switch_ * job->tables->ports_per_switch + out].kind == HF_PEER_SWITCH;
}

/* Finds a switch's way and that of every switch on it. @next_ports: by switch. */
static void find_way(struct job *job, uint32_t index, uint32_t dst, const uint8_t *next_ports)
{
	const struct hf_tables *tables = job->tables;
	uint32_t depth = 0;

	/* One that has been begun is met again in a loop; it stays unreachable. */
	while (job->ways[index].state == WAY_NEW) {
		const struct node *node = &job->nodes[index];
		uint8_t out = next_ports[node->switch_];

		if (!leads_to_switch(job, node->switch_, out)) {
			job->ways[index].state = WAY_KNOWN;
			end_way(job, node, out, dst, &job->ways[index]);
			break;
		}
		job->ways[index].state = WAY_BEGUN;
		job->stack[depth++] = index;
		index = job->hops[(size_t)node->switch_ * tables->ports_per_switch + out].peer;
	}
	while (depth) {
		const struct node *node = &job->nodes[job->stack[--depth]];

		extend_way(job, node, next_ports[node->switch_], &job->ways[job->stack[depth]]);
	}
}

static void forget_ways(struct job *job)
{
	static const struct way unknown = { .hops = UNREACHABLE };

	for (uint32_t i = 0; i < job->n_nodes; i++)
		job->ways[i] = unknown;
}

/* Entries */

/* What a source can do with a destination that is reached, before terms count. */
struct reach {
	bool is_reached;
	uint8_t mtu, rate;
	uint16_t drops;
};

static struct reach reach_over(const struct row *row, uint8_t mtu, uint8_t rate, uint16_t drops)
{
	return (struct reach) {
		.is_reached = true,
		.mtu = min_u8(row->mtu, mtu),
		.rate = hf_rate_min(row->rate, rate),
		.drops = row->drops | drops,
	};
}

/* The switch's own port out does not count for its MTU and rate: so answers OpenSM. */
static struct reach reach_from_switch(struct job *job, const struct row *row, uint32_t dst, const uint8_t *next_ports)
{
	const struct hf_tables *tables = job->tables;
	const struct hf_table_port *port = &tables->ports[dst];
	const uint16_t *drops = tables->switches[row->peer].drops;
	uint8_t out = next_ports[row->peer];
	const struct hop *hop;
	const struct way *way;

	if (out == 0 || out >= tables->ports_per_switch)
		return (struct reach) { 0 };
	hop = &job->hops[(size_t)row->peer * tables->ports_per_switch + out];
	if (hop->kind == HF_PEER_NONE || (hop->kind == HF_PEER_PORT && hop->peer != dst))
		return (struct reach) { 0 };
	if (hop->kind == HF_PEER_PORT)
		return reach_over(row, port->mtu, port->rate, drops ? drops[out] : 0);
	find_way(job, hop->peer, dst, next_ports);
	way = &job->ways[hop->peer];
	if (way->hops > HF_MAX_HOPS)
		return (struct reach) { 0 };
	return reach_over(row, min_u8(hop->peer_mtu, way->mtu), hf_rate_min(hop->peer_rate, way->rate),
			  way->drops | (drops ? drops[out] : 0));
}

static struct reach find_reach(struct job *job, const struct row *row, uint32_t dst, const uint8_t *next_ports)
{
	const struct hf_table_port *port = &job->tables->ports[dst];
	const struct way *way;

	switch ((enum hf_place)row->place) {
	case HF_PLACE_NOWHERE:
		break;
	case HF_PLACE_AT_SWITCH:
		find_way(job, row->peer, dst, next_ports);
		way = &job->ways[row->peer];
		if (way->hops <= HF_MAX_HOPS)
			return reach_over(row, way->mtu, way->rate, way->drops);
		break;
	case HF_PLACE_IN_SWITCH:
		return reach_from_switch(job, row, dst, next_ports);
	case HF_PLACE_AT_PORT:
		if (row->peer == dst)
			return reach_over(row, port->mtu, port->rate, 0);
		break;
	}
	return (struct reach) { 0 };
}

/* A port reaches itself without its cable, a switch only if it routes its own LID to its port 0. */
static struct reach find_reach_of_itself(const struct job *job, uint32_t index, const uint8_t *next_ports)
{
	const struct hf_table_port *port = &job->tables->ports[index];
	const uint16_t *drops;

	if (port->place != HF_PLACE_IN_SWITCH)
		return (struct reach) { true, port->mtu, port->rate, port->drops };
	if (next_ports[port->peer] != 0)
		return (struct reach) { 0 };
	drops = job->tables->switches[port->peer].drops;
	return (struct reach) { true, port->mtu, port->rate, port->drops | (drops ? drops[0] : 0) };
}

static uint8_t find_sl(const struct job *job, uint8_t hint, uint32_t src, uint32_t dst)
{
	const struct hf_tables *tables = job->tables;
	size_t sources = hf_tables_count_sl_sources(tables);
	size_t table = sources * hf_tables_count_sl_destinations(tables);
	uint8_t sl = tables->sls[tables->sl_variant[hint] * table + dst * sources + src];

	return sl & HF_SL_IS_HINT ? hint : sl;
}

/* The one place that says what an answer is. */
static hf_entry make_entry(const struct job *job, const struct row *row, const struct hf_table_port *dst,
			   uint32_t dst_lid, bool is_itself, struct reach reach)
{
	const struct hf_tables *tables = job->tables;
	const struct hf_terms *terms;
	uint8_t sl;

	if (!reach.is_reached)
		return 0;
	terms = &tables->terms[tables->terms_index[(size_t)row->terms_class * tables->n_terms_classes +
						   dst->terms_class]];
	if (!terms->pkey || reach.drops >> terms->sl & 1)
		return 0;
	if (terms->mtu_limit)
		reach.mtu = min_u8(reach.mtu, terms->mtu_limit);
	if (terms->rate_limit)
		reach.rate = hf_rate_min(reach.rate, terms->rate_limit);
	sl = find_sl(job, terms->sl, row->sl_source, sl_destination(job, dst, dst_lid));
	return hf_entry_pack(sl, reach.mtu, job->rates[row->can][dst->can][reach.rate % RATES],
			     job->life_codes[is_itself ? 0 : terms->pkt_life & 0x3f]);
}

static void resolve_loopbacks(struct job *job, uint32_t dst, uint32_t column, const uint8_t *next_ports,
			      hf_entry *entries)
{
	const struct hf_port *port = &job->snapshot->ports[dst];
	const struct hf_table_port *to = &job->tables->ports[dst];
	struct reach reach = find_reach_of_itself(job, dst, next_ports);
	uint32_t dst_lid = column - port->first_column;

	if (job->snapshot->loopbacks) {
		job->snapshot->loopbacks[column] = make_entry(job, &job->rows[port->row], to, dst_lid, true, reach);
		return;
	}
	for (uint32_t lid = 0; lid < hf_port_count_lids(port); lid++)
		entries[port->row + lid] = make_entry(job, &job->rows[port->row + lid], to, dst_lid, true, reach);
}

/* @entries: by row */
static void resolve_column(struct job *job, uint32_t column, const uint8_t *next_ports, hf_entry *entries)
{
	uint32_t dst = job->port_of[column];
	const struct hf_table_port *to;

	if (dst == HF_NO_INDEX) {
		memset(entries, 0, job->snapshot->n_rows * sizeof(*entries));
		return;
	}
	to = &job->tables->ports[dst];
	forget_ways(job);
	for (uint32_t i = 0; i < job->snapshot->n_rows; i++)
		entries[i] = make_entry(job, &job->rows[i], to, column - to->first_column, false,
					find_reach(job, &job->rows[i], dst, next_ports));
	resolve_loopbacks(job, dst, column, next_ports, entries);
}

static unsigned int column_lid(const struct job *job, uint32_t column)
{
	const struct hf_table_port *port;

	if (job->port_of[column] == HF_NO_INDEX)
		return job->tables->lids;
	port = &job->tables->ports[job->port_of[column]];
	return port->lid + (column - port->first_column);
}

/* Turns the forwarding tables so that a column's ports lie together. */
static void turn_forwarding(struct job *job, uint32_t first, uint32_t count)
{
	const struct hf_tables *tables = job->tables;

	for (uint32_t i = 0; i < count; i++) {
		unsigned int lid = column_lid(job, first + i);
		uint8_t *next_ports = &job->next_ports[(size_t)i * tables->n_switches];

		if (lid >= tables->lids) {
			memset(next_ports, HF_NO_PORT, tables->n_switches);
			continue;
		}
		for (uint32_t j = 0; j < tables->n_switches; j++)
			next_ports[j] = tables->forwarding[(size_t)j * tables->lids + lid];
	}
}

static void store_block(struct job *job, uint32_t first, uint32_t count)
{
	struct hf_snapshot *snapshot = job->snapshot;

	for (uint32_t row = 0; row < snapshot->n_rows; row++) {
		hf_entry *entries = &snapshot->entries[(size_t)row * snapshot->n_columns + first];

		for (uint32_t i = 0; i < count; i++)
			entries[i] = job->block[(size_t)i * snapshot->n_rows + row];
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
				       &job->block[(size_t)i * job->snapshot->n_rows]);
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
	job->stack = malloc((job->n_nodes + (size_t)1) * sizeof(*job->stack));
	job->block = malloc(((size_t)BLOCK * snapshot->n_rows + 1) * sizeof(*job->block));
	snapshot->entries = malloc(((size_t)snapshot->n_rows * snapshot->n_columns + 1) * sizeof(*snapshot->entries));
	return job->next_ports && job->ways && job->stack && job->block && snapshot->entries ? 0 : -ENOMEM;
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
	free(job.stack);
	free(job.block);
	if (err) {
		hf_snapshot_free(job.snapshot);
		return err;
	}
	*ret_snapshot = job.snapshot;
	return 0;
}
