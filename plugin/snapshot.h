/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What the SA would answer for every path of one routing: one number for each source and destination LID.
 *
 * A column is a destination LID, see plugin/tables.h. A row is a class of sources that cannot differ: ports at the same
 * switch, with the same MTU, rate and partitions. Where the routing engine's SL depends on the source's LID, each LID
 * has a row of its own. Rows are numbered anew in each snapshot; ports name theirs.
 */
#ifndef HF_PLUGIN_SNAPSHOT_H
#define HF_PLUGIN_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"
#include "plugin/tables.h"

#define HF_PKT_LIVES	8
#define HF_MAX_HOPS	64	/* the SA knows no path through more switches */

/*
 * An answer of the SA, packed so that equal answers are equal numbers: bits 15..13 packet life, as an index of
 * pkt_lives; 12..8 rate, 7..5 MTU, in the IBA's codes; 4: the SL is one of several; 3..0 SL. 0 where there is no path.
 */
typedef uint16_t hf_entry;

static inline hf_entry hf_entry_pack(unsigned int sl, unsigned int mtu, unsigned int rate, unsigned int life)
{
	return (life & 0x7) << 13 | (rate & 0x1f) << 8 | (mtu & 0x7) << 5 | (sl & (HF_SL_IS_SPREAD | HF_SL_MASK));
}

static inline unsigned int hf_entry_sl(hf_entry entry)
{
	return entry & HF_SL_MASK;
}

static inline unsigned int hf_entry_mtu(hf_entry entry)
{
	return entry >> 5 & 0x7;
}

static inline unsigned int hf_entry_rate(hf_entry entry)
{
	return entry >> 8 & 0x1f;
}

static inline unsigned int hf_entry_life(hf_entry entry)
{
	return entry >> 13;
}

/* The slower of two rates in the IBA's codes, by the data they carry: the order of the codes is another. */
uint8_t hf_rate_min(uint8_t a, uint8_t b);

/* The rate that the SA answers where one end's port has only these HF_CAN_* capabilities. */
uint8_t hf_rate_for(unsigned int can, uint8_t rate);

struct hf_port {
	uint64_t guid;		/* 0 while absent */
	uint32_t first_column;	/* of 2^lmc */
	uint32_t row;		/* the first of 2^lmc where rows_are_lids */
	uint32_t switch_;	/* port 0 of the switch where it hangs, or itself; HF_NO_INDEX for none or not known */
	uint16_t lid;		/* base LID */
	uint16_t terms_class;
	uint8_t lmc;
	bool is_switch;		/* port 0 of one */
};

struct hf_snapshot {
	struct hf_routing routing;
	atomic_uint sharers;	/* besides the first owner, see hf_snapshot_share() */

	uint32_t n_ports, n_columns, n_rows;
	bool rows_are_lids;
	struct hf_port *ports;
	hf_entry *entries;		/* [row][column] */
	hf_entry *loopbacks;		/* [column]: from its own port; NULL where rows_are_lids, entries hold it */

	uint8_t pkt_lives[HF_PKT_LIVES];	/* the IBA's codes; [0] is none */
	uint8_t sl_spread[HF_SLS];		/* by SL: over how many it is spread */
	uint32_t n_terms_classes;
	uint16_t *pkeys;		/* [class of the source][class of the destination] */
};

/**
 * hf_snapshot_resolve() - follow every path through the tables
 * @tables:       borrowed
 * @ret_snapshot: to be freed with hf_snapshot_free()
 *
 * Every path is what OpenSM 3.3.23 answers to PathRecord queries, except that a switch whose own LID is not routed to
 * its port 0 cannot be reached, and that a rate which the destination does not know is lowered without asking whether
 * there is a way back.
 *
 * Context: any thread. Cost: O(switches x columns + rows x columns): each switch's way to a LID follows from the next.
 * Return: 0; -ENOMEM.
 */
int hf_snapshot_resolve(const struct hf_tables *tables, struct hf_snapshot **ret_snapshot);

/**
 * hf_snapshot_share() - become another owner of a snapshot, which nobody may change from here on
 * @snapshot: of which the caller is an owner
 *
 * Context: any thread.
 * Return: the snapshot; each owner gives it up with hf_snapshot_free().
 */
struct hf_snapshot *hf_snapshot_share(struct hf_snapshot *snapshot);

/* Freed where the caller is its only owner. @snapshot may be NULL. Context: any thread. */
void hf_snapshot_free(struct hf_snapshot *snapshot);

/* How many bytes it holds, all in all. */
size_t hf_snapshot_bytes(const struct hf_snapshot *snapshot);

/* How many of its ports are there, those of switches included, and how many of them are switches. */
void hf_snapshot_count_ports(const struct hf_snapshot *snapshot, uint32_t *ret_ports, uint32_t *ret_switches);

/* The port, or an absent one where the index is not in this snapshot. */
const struct hf_port *hf_snapshot_port(const struct hf_snapshot *snapshot, uint32_t index);

static inline bool hf_port_is_present(const struct hf_port *port)
{
	return port->guid != 0;
}

static inline uint32_t hf_port_count_lids(const struct hf_port *port)
{
	return 1U << port->lmc;
}

/**
 * hf_snapshot_entry() - the path from one LID to another
 * @snapshot:         resolved
 * @src, @dst:        ports, equal or not; in the snapshot or not
 * @src_lid, @dst_lid: which of their LIDs, counted from the base LID
 *
 * Return: the entry; 0 where there is no path.
 */
hf_entry hf_snapshot_entry(const struct hf_snapshot *snapshot, uint32_t src, uint32_t src_lid, uint32_t dst,
			   uint32_t dst_lid);

/* The path from base LID to base LID. */
static inline hf_entry hf_snapshot_path(const struct hf_snapshot *snapshot, uint32_t src, uint32_t dst)
{
	return hf_snapshot_entry(snapshot, src, 0, dst, 0);
}

/* The P_Key of the paths from one class of ports to another. */
static inline uint16_t hf_snapshot_pkey(const struct hf_snapshot *snapshot, uint32_t src_class, uint32_t dst_class)
{
	return snapshot->pkeys[(size_t)src_class * snapshot->n_terms_classes + dst_class];
}

/* The SLs of an entry that is a path, a bit for each. */
static inline uint16_t hf_snapshot_sls(const struct hf_snapshot *snapshot, hf_entry entry)
{
	unsigned int sl = hf_entry_sl(entry);
	unsigned int count = entry & HF_SL_IS_SPREAD ? snapshot->sl_spread[sl] : 1;

	return ((1U << (count ? count : 1)) - 1) << sl;
}

/* The packet life of an entry that is a path, in the IBA's code. */
static inline uint8_t hf_snapshot_pkt_life(const struct hf_snapshot *snapshot, hf_entry entry)
{
	return snapshot->pkt_lives[hf_entry_life(entry)];
}

/**
 * hf_snapshot_path_record() - the path as the SA would answer it
 * @snapshot:   resolved
 * @src, @dst:  ports
 * @ret_record: filled; SL, MTU, rate and packet life are zero where there is no path
 *
 * Of ports with several LIDs it is the path between the base LIDs; of an SL that is one of several, the first.
 */
void hf_snapshot_path_record(const struct hf_snapshot *snapshot, uint32_t src, uint32_t dst,
			     struct hf_path_record *ret_record);

#endif
