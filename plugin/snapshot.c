/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define PR_REVERSIBLE	0x80
#define PR_EXACTLY	0x80	/* selector 2 of MTU, rate and packet life */
#define PKEY_FULL	0x8000

struct index_node {
	uint64_t guid;
	uint32_t index;
	UT_hash_handle hh;
};

struct hf_registry {
	struct index_node *rows;
	struct index_node *columns;
};

struct hf_registry *hf_registry_new(void)
{
	return calloc(1, sizeof(struct hf_registry));
}

static void free_indexes(struct index_node **table)
{
	struct index_node *node, *next;

	HASH_ITER(hh, *table, node, next) {
		HASH_DEL(*table, node);
		free(node);
	}
}

void hf_registry_free(struct hf_registry *registry)
{
	if (!registry)
		return;
	free_indexes(&registry->rows);
	free_indexes(&registry->columns);
	free(registry);
}

static int find_or_add(struct index_node **table, uint64_t guid, uint32_t *ret_index)
{
	struct index_node *node;

	HASH_FIND(hh, *table, &guid, sizeof(guid), node);
	if (!node) {
		node = calloc(1, sizeof(*node));
		if (!node)
			return -ENOMEM;
		node->guid = guid;
		node->index = HASH_COUNT(*table);
		HASH_ADD(hh, *table, guid, sizeof(guid), node);
	}
	*ret_index = node->index;
	return 0;
}

int hf_registry_row(struct hf_registry *registry, uint64_t guid, uint32_t *ret_index)
{
	return find_or_add(&registry->rows, guid, ret_index);
}

int hf_registry_column(struct hf_registry *registry, uint64_t guid, uint32_t *ret_index)
{
	return find_or_add(&registry->columns, guid, ret_index);
}

uint32_t hf_registry_count_rows(const struct hf_registry *registry)
{
	return HASH_COUNT(registry->rows);
}

uint32_t hf_registry_count_columns(const struct hf_registry *registry)
{
	return HASH_COUNT(registry->columns);
}

uint8_t hf_rate_min(uint8_t a, uint8_t b)
{
	/* Mb/s by the IBA's code of a path rate (PathRecord, table 205) */
	static const uint32_t mbps[64] = {
		[2] = 2500, [3] = 10000, [4] = 30000, [5] = 5000, [6] = 20000, [7] = 40000, [8] = 60000,
		[9] = 80000, [10] = 120000, [11] = 14062, [12] = 56250, [13] = 112500, [14] = 168750,
		[15] = 25781, [16] = 103125, [17] = 206250, [18] = 309375, [19] = 28125, [20] = 50000,
		[21] = 400000, [22] = 600000,
	};

	return mbps[b & 0x3f] < mbps[a & 0x3f] ? b : a;
}

static void free_raw_tables(struct hf_snapshot *snapshot)
{
	free(snapshot->ports);
	free(snapshot->next_port);
	free(snapshot->sl);
	snapshot->ports = NULL;
	snapshot->next_port = NULL;
	snapshot->sl = NULL;
}

static size_t count_entries(const struct hf_snapshot *snapshot)
{
	return (size_t)snapshot->n_rows * snapshot->n_columns;
}

int hf_snapshot_new(uint32_t n_rows, uint32_t n_columns, unsigned int ports_per_row,
		    struct hf_snapshot **ret_snapshot)
{
	struct hf_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	size_t cells = (size_t)n_rows * n_columns;

	if (!snapshot)
		return -ENOMEM;
	snapshot->n_rows = n_rows;
	snapshot->n_columns = n_columns;
	snapshot->ports_per_row = ports_per_row;
	/* One more of each, so that an empty fabric is no special case. */
	snapshot->rows = calloc(n_rows + (size_t)1, sizeof(*snapshot->rows));
	snapshot->columns = calloc(n_columns + (size_t)1, sizeof(*snapshot->columns));
	snapshot->ports = calloc((size_t)n_rows * ports_per_row + 1, sizeof(*snapshot->ports));
	snapshot->next_port = malloc(cells + 1);
	snapshot->sl = calloc(cells + 1, 1);
	if (!snapshot->rows || !snapshot->columns || !snapshot->ports || !snapshot->next_port || !snapshot->sl) {
		hf_snapshot_free(snapshot);
		return -ENOMEM;
	}
	memset(snapshot->next_port, HF_NO_PORT, cells);
	*ret_snapshot = snapshot;
	return 0;
}

void hf_snapshot_free(struct hf_snapshot *snapshot)
{
	if (!snapshot)
		return;
	free_raw_tables(snapshot);
	free(snapshot->rows);
	free(snapshot->columns);
	free(snapshot->entries);
	free(snapshot);
}

enum walk_state {
	WALK_NEW,
	WALK_ON_THE_WAY,
	WALK_DONE,
};

/* What one switch knows about the destination that is being walked to. */
struct walk {
	uint8_t state;		/* enum walk_state */
	bool is_reachable;
	uint8_t mtu, rate;
};

static const struct hf_switch_port *route(const struct hf_snapshot *snapshot, uint32_t row, uint32_t dst)
{
	uint8_t port = snapshot->next_port[(size_t)row * snapshot->n_columns + dst];

	if (port == HF_NO_PORT || port >= snapshot->ports_per_row)
		return NULL;
	return &snapshot->ports[(size_t)row * snapshot->ports_per_row + port];
}

/* The last switch: either the destination hangs on its port, or the walk ends here without a path. */
static void end_walk(const struct hf_snapshot *snapshot, const struct hf_switch_port *port, uint32_t dst,
		     struct walk *walk)
{
	walk->state = WALK_DONE;
	walk->is_reachable = port && port->peer_kind == HF_PEER_END_PORT && port->peer_index == dst;
	if (walk->is_reachable) {
		walk->mtu = snapshot->columns[dst].mtu;
		walk->rate = snapshot->columns[dst].rate;
	}
}

static void extend_walk(const struct hf_snapshot *snapshot, const struct hf_switch_port *port,
			const struct walk *next, struct walk *walk)
{
	const struct hf_switch_port *peer = &snapshot->ports[(size_t)port->peer_index * snapshot->ports_per_row +
							     port->peer_port];

	walk->state = WALK_DONE;
	walk->is_reachable = next->is_reachable;
	if (!next->is_reachable)
		return;
	walk->mtu = port->mtu < peer->mtu ? port->mtu : peer->mtu;
	walk->mtu = next->mtu < walk->mtu ? next->mtu : walk->mtu;
	walk->rate = hf_rate_min(hf_rate_min(port->rate, peer->rate), next->rate);
}

/* Walks from a switch to the destination and gives every switch on the way its result. @stack holds n_rows rows. */
static void walk_from(const struct hf_snapshot *snapshot, uint32_t row, uint32_t dst, struct walk *walks,
		      uint32_t *stack)
{
	const struct hf_switch_port *port;
	uint32_t depth = 0;

	for (;;) {
		if (walks[row].state == WALK_ON_THE_WAY)
			walks[row] = (struct walk) { .state = WALK_DONE };	/* a loop */
		if (walks[row].state == WALK_DONE)
			break;
		port = route(snapshot, row, dst);
		if (!port || port->peer_kind != HF_PEER_SWITCH) {
			end_walk(snapshot, port, dst, &walks[row]);
			break;
		}
		walks[row].state = WALK_ON_THE_WAY;
		stack[depth++] = row;
		row = port->peer_index;
	}
	while (depth) {
		const struct walk *next = &walks[row];

		row = stack[--depth];
		if (walks[row].state == WALK_ON_THE_WAY)
			extend_walk(snapshot, route(snapshot, row, dst), next, &walks[row]);
	}
}

/* The one place that says what a path is from a switch on. */
static hf_entry make_entry(const struct hf_snapshot *snapshot, uint32_t row, uint32_t dst, const struct walk *walk)
{
	if (!walk->is_reachable)
		return 0;
	return hf_entry_pack(snapshot->sl[(size_t)row * snapshot->n_columns + dst], walk->mtu, walk->rate);
}

int hf_snapshot_resolve(struct hf_snapshot *snapshot)
{
	struct walk *walks = malloc((snapshot->n_rows + (size_t)1) * sizeof(*walks));
	uint32_t *stack = malloc((snapshot->n_rows + (size_t)1) * sizeof(*stack));
	hf_entry *entries = calloc(count_entries(snapshot) + 1, sizeof(*entries));
	int err = walks && stack && entries ? 0 : -ENOMEM;

	for (uint32_t dst = 0; !err && dst < snapshot->n_columns; dst++) {
		if (!hf_column_is_present(&snapshot->columns[dst]))
			continue;
		memset(walks, 0, snapshot->n_rows * sizeof(*walks));
		for (uint32_t row = 0; row < snapshot->n_rows; row++) {
			if (!snapshot->rows[row].columns)
				continue;
			walk_from(snapshot, row, dst, walks, stack);
			entries[(size_t)row * snapshot->n_columns + dst] = make_entry(snapshot, row, dst,
										      &walks[row]);
		}
	}
	free(walks);
	free(stack);
	if (err) {
		free(entries);
		return err;
	}
	free_raw_tables(snapshot);
	snapshot->entries = entries;
	return 0;
}

const struct hf_column *hf_snapshot_column(const struct hf_snapshot *snapshot, uint32_t index)
{
	static const struct hf_column absent = { .row = HF_NO_INDEX };

	return index < snapshot->n_columns ? &snapshot->columns[index] : &absent;
}

hf_entry hf_snapshot_path(const struct hf_snapshot *snapshot, uint32_t src, uint32_t dst)
{
	const struct hf_column *source = hf_snapshot_column(snapshot, src);
	const struct hf_column *destination = hf_snapshot_column(snapshot, dst);
	unsigned int mtu;
	hf_entry entry;

	if (!hf_column_is_present(source) || !hf_column_is_present(destination) || source->row == HF_NO_INDEX)
		return 0;
	entry = snapshot->entries[(size_t)source->row * snapshot->n_columns + dst];
	if (!(entry & HF_ENTRY_REACHABLE))
		return 0;
	mtu = hf_entry_mtu(entry);
	return hf_entry_pack(hf_entry_sl(entry), source->mtu < mtu ? source->mtu : mtu,
			     hf_rate_min(hf_entry_rate(entry), source->rate));
}

static union hf_gid column_gid(const struct hf_snapshot *snapshot, const struct hf_column *column)
{
	union hf_gid gid;

	gid.prefix = snapshot->subnet_prefix;
	gid.guid = htobe64(column->guid);
	return gid;
}

void hf_snapshot_path_record(const struct hf_snapshot *snapshot, uint32_t src, uint32_t dst,
			     struct hf_path_record *ret_record)
{
	const struct hf_column *source = hf_snapshot_column(snapshot, src);
	const struct hf_column *destination = hf_snapshot_column(snapshot, dst);
	hf_entry path = hf_snapshot_path(snapshot, src, dst);

	memset(ret_record, 0, sizeof(*ret_record));
	ret_record->sgid = column_gid(snapshot, source);
	ret_record->dgid = column_gid(snapshot, destination);
	ret_record->slid = htobe16(source->lid);
	ret_record->dlid = htobe16(destination->lid);
	ret_record->num_path = PR_REVERSIBLE;
	/* Two limited members cannot talk, so the source's own key is the common one wherever there is one. */
	if ((source->pkey | destination->pkey) & PKEY_FULL)
		ret_record->pkey = htobe16(source->pkey);
	if (!(path & HF_ENTRY_REACHABLE))
		return;
	ret_record->qos_class_sl = htobe16(hf_entry_sl(path));
	ret_record->mtu = PR_EXACTLY | hf_entry_mtu(path);
	ret_record->rate = PR_EXACTLY | hf_entry_rate(path);
	ret_record->pkt_life = PR_EXACTLY | snapshot->pkt_life;
}
