/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The path record distinguisher: which paths differ between two routings (repath-signalling, Algorithms 1 and 2). A
 * path is an ordered pair of end ports. Pure: two snapshots in, a set of changes out.
 *
 * The seed compares one SL per pair of switches. Here a path differs in its SL, MTU or rate, in a LID of its ends, in
 * the fabric's packet life, or in that it exists at all.
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

struct hf_change {
	uint32_t src, dst;	/* columns */
	enum hf_change_kind kind;
};

/* Borrows both snapshots: they must outlive it. Which paths changed is walked, not stored: there may be millions. */
struct hf_changes {
	const struct hf_snapshot *old, *new_;
	uint64_t counts[HF_CHANGE_KINDS];	/* of paths */

	/* What the walk may skip. */
	bool *row_is_equal;		/* by row: same entries in both */
	bool *destination_differs;	/* by column: another LID, come or gone */
	uint32_t *destinations;		/* the columns whose destination_differs */
	uint32_t n_destinations;
	bool pkt_life_differs;
};

/* Where a walk over the changes stands; starts zeroed. */
struct hf_change_cursor {
	uint32_t src, position;
};

/**
 * hf_changes_find() - compare two routings
 * @old:         resolved snapshot of the earlier one
 * @new_:        resolved snapshot of the later one; indexes of the same registry, which may have grown
 * @ret_changes: to be cleared with hf_changes_fini()
 *
 * Cost: memcmp of every row, then O(columns) for each source whose row or own link differs.
 * Return: 0; -ENOMEM.
 */
int hf_changes_find(const struct hf_snapshot *old, const struct hf_snapshot *new_, struct hf_changes *ret_changes);

void hf_changes_fini(struct hf_changes *changes);

static inline bool hf_changes_are_none(const struct hf_changes *changes)
{
	return !changes->counts[HF_CHANGE_CHANGED] && !changes->counts[HF_CHANGE_LOST] &&
	       !changes->counts[HF_CHANGE_APPEARED];
}

/* Steps to the next change, ordered by source, then destination; false behind the last. */
bool hf_changes_next(const struct hf_changes *changes, struct hf_change_cursor *cursor, struct hf_change *ret_change);

#endif
