/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The path record distinguisher: which paths differ between two routings (repath-signalling, Algorithms 1 and 2). A
 * path is an ordered pair of ports, a port with itself included. Pure: two snapshots in, a set of changes out.
 *
 * The seed compares one SL per pair of switches. Here a path is all that the SA answers for the two ports: a record for
 * each pair of their LIDs, with P_Key, SL, MTU, rate and packet life. It has changed if that set is not the same.
 *
 * Of an SL that the routing engine draws at random among several, the answer is the set of these. It has changed if one
 * that may have been given before cannot be given now: more to choose from is no change, for nobody uses a wrong one.
 */
#ifndef HF_PLUGIN_DISTINGUISHER_H
#define HF_PLUGIN_DISTINGUISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/snapshot.h"

enum hf_change_kind {
	HF_CHANGE_CHANGED,	/* a path before and after, with another record */
	HF_CHANGE_LOST,
	HF_CHANGE_APPEARED,
	HF_CHANGE_KINDS,
};

extern const char *const hf_change_names[HF_CHANGE_KINDS];

struct hf_change {
	uint32_t src, dst;	/* ports */
	enum hf_change_kind kind;
};

/* Sources that share a row before and a row after: what changed for one changed for all. */
struct hf_source_class {
	uint32_t old_row, new_row;	/* the first of each */
	uint32_t old_lids, new_lids;	/* how many a source has; 0 where it is absent */
	uint16_t old_lid, new_lid;	/* the base LIDs where they differ: it has one member then; else 0 */
	uint16_t old_terms, new_terms;	/* their terms_class */
	bool rows_are_equal;
	bool is_plain;			/* the entries of one row tell all */
	uint32_t members;
	uint32_t next;			/* class with the same new_row */
};

#define HF_COLUMN_IS_SHARED	0x80000000	/* added to the port: it has other columns too */

/* Borrows both snapshots: they must outlive it. Which paths changed is walked, not stored: there may be millions. */
struct hf_changes {
	const struct hf_snapshot *old, *new_;
	uint64_t counts[HF_CHANGE_KINDS];	/* of paths */

	/* What the walk may skip; nothing where there is no change. */
	struct hf_source_class *classes;
	uint32_t n_classes;
	uint32_t *class_of;		/* by port; HF_NO_INDEX where it is absent in both */
	uint32_t *port_of;		/* by column of @new_; HF_NO_INDEX where it is unused or its port is listed */
	bool *is_listed;		/* by port: it has other LIDs or columns, has come or gone */
	uint32_t *listed;		/* these ports */
	uint32_t n_listed;
	bool codes_differ;		/* equal entries may be different answers */
	bool pkeys_differ;		/* likewise: paths may have another P_Key */
	bool columns_are_plain;		/* each is a port, and entries that differ are different answers */
};

/* Where a walk over the changes of one class of sources stands; starts zeroed. */
struct hf_class_cursor {
	uint32_t listed;	/* how many of the listed ports have been met */
	uint32_t at;		/* column; port where the class is not plain */
};

/* Where a walk over all changes stands; starts zeroed. */
struct hf_change_cursor {
	uint32_t src;
	bool met_itself;
	struct hf_class_cursor of_class;
};

/**
 * hf_changes_find() - compare two routings
 * @old:         snapshot of the earlier one
 * @new_:        snapshot of the later one; of the same registry, which may have grown
 * @ret_changes: to be cleared with hf_changes_fini()
 *
 * Cost: one pass over the entries of both, and a little more for each that differs.
 * Return: 0; -ENOMEM.
 */
int hf_changes_find(const struct hf_snapshot *old, const struct hf_snapshot *new_, struct hf_changes *ret_changes);

void hf_changes_fini(struct hf_changes *changes);

static inline bool hf_changes_are_none(const struct hf_changes *changes)
{
	return !changes->counts[HF_CHANGE_CHANGED] && !changes->counts[HF_CHANGE_LOST] &&
	       !changes->counts[HF_CHANGE_APPEARED];
}

/* The class of a source; HF_NO_INDEX where it is absent in both, and where nothing at all has changed. */
static inline uint32_t hf_changes_class(const struct hf_changes *changes, uint32_t port)
{
	return changes->class_of ? changes->class_of[port] : HF_NO_INDEX;
}

/**
 * hf_changes_next_of_class() - step to the next destination whose path from a class of sources has changed
 * @changes:  found
 * @class:    below n_classes
 * @cursor:   where the walk stands
 * @ret_dst:  the destination, each once, in no order
 * @ret_kind: what happened
 *
 * The class's own ports are met as its other ports see them: what one is to itself hf_changes_to_itself() tells.
 *
 * Return: false behind the last.
 */
bool hf_changes_next_of_class(const struct hf_changes *changes, uint32_t class, struct hf_class_cursor *cursor,
			      uint32_t *ret_dst, enum hf_change_kind *ret_kind);

/* Whether the path from a port, whose class is not HF_NO_INDEX, to itself has changed. */
bool hf_changes_to_itself(const struct hf_changes *changes, uint32_t port, enum hf_change_kind *ret_kind);

/* Steps to the next change, those of one source together, in the order of the ports; false behind the last. */
bool hf_changes_next(const struct hf_changes *changes, struct hf_change_cursor *cursor, struct hf_change *ret_change);

#endif
