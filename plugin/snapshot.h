/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What the fabric's paths were at the end of one routing, as plain tables: no OpenSM type, nothing that changes later.
 *
 * A row is a switch, a column is an end port (of a channel adapter or a router). A registry gives each GUID its index
 * once and for ever, so that snapshots compare by position; what has left the fabric keeps its index and is absent.
 *
 * A snapshot is built in two steps. osm.c fills the raw tables (ports, next hops, SLs) by copying, under OpenSM's lock;
 * hf_snapshot_resolve() walks them into entries on the plugin's own thread.
 */
#ifndef HF_PLUGIN_SNAPSHOT_H
#define HF_PLUGIN_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

#define HF_NO_INDEX	UINT32_MAX
#define HF_NO_PORT	0xff	/* next hop: the switch has no route */

/**
 * hf_registry_new() - make an empty registry
 *
 * Return: the registry, to be freed with hf_registry_free(); NULL without memory.
 */
struct hf_registry *hf_registry_new(void);

/* @registry may be NULL. */
void hf_registry_free(struct hf_registry *registry);

/**
 * hf_registry_row() - the row of a switch, hf_registry_column() the column of an end port
 * @registry:  where a GUID that is new gets the next index
 * @guid:      node GUID of the switch or port GUID of the end port, host order
 * @ret_index: its index, the same in every call
 *
 * Return: 0; -ENOMEM.
 */
int hf_registry_row(struct hf_registry *registry, uint64_t guid, uint32_t *ret_index);
int hf_registry_column(struct hf_registry *registry, uint64_t guid, uint32_t *ret_index);

uint32_t hf_registry_count_rows(const struct hf_registry *registry);
uint32_t hf_registry_count_columns(const struct hf_registry *registry);

/*
 * How traffic that enters the fabric at one switch reaches one end port, packed so that equal paths are equal numbers:
 * bit 15 reachable, bits 12..7 rate, 6..4 MTU, 3..0 SL; MTU and rate in the IBA's codes. 0 where there is no path.
 */
typedef uint16_t hf_entry;

#define HF_ENTRY_REACHABLE	0x8000

static inline hf_entry hf_entry_pack(unsigned int sl, unsigned int mtu, unsigned int rate)
{
	return HF_ENTRY_REACHABLE | (rate & 0x3f) << 7 | (mtu & 0x7) << 4 | (sl & 0xf);
}

static inline unsigned int hf_entry_sl(hf_entry entry)
{
	return entry & 0xf;
}

static inline unsigned int hf_entry_mtu(hf_entry entry)
{
	return entry >> 4 & 0x7;
}

static inline unsigned int hf_entry_rate(hf_entry entry)
{
	return entry >> 7 & 0x3f;
}

/* Smaller of two rates in the IBA's codes, which are not in order of speed. */
uint8_t hf_rate_min(uint8_t a, uint8_t b);

struct hf_row {
	uint64_t guid;		/* 0 while the switch is absent */
	uint32_t columns;	/* end ports at this switch; entries are filled only where there are any */
	uint32_t first_column;	/* one of them */
};

struct hf_column {
	uint64_t guid;		/* port GUID; 0 while the port is absent */
	uint32_t row;		/* its switch; HF_NO_INDEX where it is cabled to none */
	uint16_t lid;		/* base LID */
	uint8_t lmc;
	uint8_t mtu, rate;	/* of the link to its switch, both ends counted */
	uint16_t pkey;		/* of the default partition, with the membership bit; 0 where it is no member */
};

enum hf_peer_kind {
	HF_PEER_NONE,
	HF_PEER_SWITCH,		/* index is a row */
	HF_PEER_END_PORT,	/* index is a column */
};

/* One external port of a switch and what is at the other end of its cable. */
struct hf_switch_port {
	uint32_t peer_index;
	uint8_t peer_kind;	/* enum hf_peer_kind */
	uint8_t peer_port;	/* port number of a HF_PEER_SWITCH */
	uint8_t mtu, rate;	/* of this port alone */
};

struct hf_snapshot {
	uint64_t epoch;		/* counts the routings of this SM instance, from 1 */
	uint64_t instance;	/* random at each start of the plugin: epochs compare within one instance only */
	char engine[32];	/* the routing engine that was really used */
	bool reroute;		/* no SUBNET UP will follow */
	bool is_master;
	uint16_t sm_lid;
	union hf_gid sm_gid;
	__be64 subnet_prefix;
	uint8_t pkt_life;	/* the IBA's code */

	uint32_t n_rows, n_columns;
	struct hf_row *rows;
	struct hf_column *columns;
	hf_entry *entries;	/* [row][column]; NULL before hf_snapshot_resolve() */

	/* Raw tables, gone after hf_snapshot_resolve(). */
	unsigned int ports_per_row;
	struct hf_switch_port *ports;	/* [row][port number] */
	uint8_t *next_port;		/* [row][column]: port number, or HF_NO_PORT */
	uint8_t *sl;			/* [row][column] */
};

/**
 * hf_snapshot_new() - make a snapshot in which everything is absent
 * @n_rows, @n_columns: as the registry counts them now
 * @ports_per_row:      highest port number of any switch, plus 1
 * @ret_snapshot:       to be freed with hf_snapshot_free()
 *
 * Return: 0; -ENOMEM.
 */
int hf_snapshot_new(uint32_t n_rows, uint32_t n_columns, unsigned int ports_per_row,
		    struct hf_snapshot **ret_snapshot);

/* @snapshot may be NULL. */
void hf_snapshot_free(struct hf_snapshot *snapshot);

/**
 * hf_snapshot_resolve() - walk the raw tables into entries and free them
 * @snapshot: with raw tables; unchanged on failure
 *
 * An entry's MTU and rate are the least of every port crossed behind the source's own link. A walk that ends in a
 * loop, at a switch without route or at another end port gives no path.
 *
 * Context: any thread. Cost: O(rows x columns), each hop walked once a destination.
 * Return: 0; -ENOMEM.
 */
int hf_snapshot_resolve(struct hf_snapshot *snapshot);

/* The column, or an absent one where the index is not in this snapshot. */
const struct hf_column *hf_snapshot_column(const struct hf_snapshot *snapshot, uint32_t index);

static inline bool hf_column_is_present(const struct hf_column *column)
{
	return column->guid != 0;
}

/**
 * hf_snapshot_path() - the path from one end port to another
 * @snapshot: resolved
 * @src:      column of the source
 * @dst:      column of the destination, another than @src
 *
 * Return: the entry with MTU and rate of the source's own link counted in; 0 where there is no path.
 */
hf_entry hf_snapshot_path(const struct hf_snapshot *snapshot, uint32_t src, uint32_t dst);

/**
 * hf_snapshot_path_record() - the path as the SA would answer it
 * @snapshot:   resolved
 * @src, @dst:  columns
 * @ret_record: filled; SL, MTU, rate and packet life are zero where there is no path
 *
 * Of ports with several LIDs it is the path between the base LIDs.
 */
void hf_snapshot_path_record(const struct hf_snapshot *snapshot, uint32_t src, uint32_t dst,
			     struct hf_path_record *ret_record);

#endif
