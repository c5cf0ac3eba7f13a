/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/distinguisher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t count_columns(const struct hf_changes *changes)
{
	return max_u32(changes->old->n_columns, changes->new_->n_columns);
}

static const hf_entry *row_entries(const struct hf_snapshot *snapshot, uint32_t row)
{
	return &snapshot->entries[(size_t)row * snapshot->n_columns];
}

static bool is_row_equal(const struct hf_snapshot *old, const struct hf_snapshot *new_, uint32_t row)
{
	size_t common = min_u32(old->n_columns, new_->n_columns);

	return !memcmp(row_entries(old, row), row_entries(new_, row), common * sizeof(hf_entry));
}

/* As the end that a path leads to: everything else about it is in the entries. */
static bool destination_differs(const struct hf_column *old, const struct hf_column *new_)
{
	return old->guid != new_->guid || old->lid != new_->lid;
}

/* As the end that a path starts from: its own link counts in too. */
static bool source_differs(const struct hf_column *old, const struct hf_column *new_)
{
	return destination_differs(old, new_) || old->row != new_->row || old->mtu != new_->mtu ||
	       old->rate != new_->rate;
}

static int find_equal_parts(struct hf_changes *changes)
{
	uint32_t n_rows = min_u32(changes->old->n_rows, changes->new_->n_rows);
	uint32_t n_columns = count_columns(changes);

	changes->row_is_equal = calloc(max_u32(changes->old->n_rows, changes->new_->n_rows) + (size_t)1,
				       sizeof(*changes->row_is_equal));
	changes->destination_differs = calloc(n_columns + (size_t)1, sizeof(*changes->destination_differs));
	changes->destinations = calloc(n_columns + (size_t)1, sizeof(*changes->destinations));
	if (!changes->row_is_equal || !changes->destination_differs || !changes->destinations)
		return -ENOMEM;

	for (uint32_t row = 0; row < n_rows; row++)
		changes->row_is_equal[row] = is_row_equal(changes->old, changes->new_, row);
	for (uint32_t i = 0; i < n_columns; i++) {
		if (!destination_differs(hf_snapshot_column(changes->old, i), hf_snapshot_column(changes->new_, i)))
			continue;
		changes->destination_differs[i] = true;
		changes->destinations[changes->n_destinations++] = i;
	}
	return 0;
}

int hf_changes_find(const struct hf_snapshot *old, const struct hf_snapshot *new_, struct hf_changes *ret_changes)
{
	struct hf_changes changes = {
		.old = old,
		.new_ = new_,
		.pkt_life_differs = old->pkt_life != new_->pkt_life,
	};
	struct hf_change_cursor cursor = { 0 };
	struct hf_change change;
	int err = find_equal_parts(&changes);

	if (err) {
		hf_changes_fini(&changes);
		return err;
	}
	while (hf_changes_next(&changes, &cursor, &change))
		changes.counts[change.kind]++;
	*ret_changes = changes;
	return 0;
}

void hf_changes_fini(struct hf_changes *changes)
{
	free(changes->row_is_equal);
	free(changes->destination_differs);
	free(changes->destinations);
	changes->row_is_equal = NULL;
	changes->destination_differs = NULL;
	changes->destinations = NULL;
}

enum scope {
	SCOPE_NOTHING,
	SCOPE_DESTINATIONS,	/* only the columns whose destination_differs */
	SCOPE_ALL,
};

static enum scope scope_of_source(const struct hf_changes *changes, uint32_t src)
{
	const struct hf_column *old = hf_snapshot_column(changes->old, src);
	const struct hf_column *new_ = hf_snapshot_column(changes->new_, src);

	if (!hf_column_is_present(old) && !hf_column_is_present(new_))
		return SCOPE_NOTHING;
	if (changes->pkt_life_differs || source_differs(old, new_))
		return SCOPE_ALL;
	if (new_->row != HF_NO_INDEX && !changes->row_is_equal[new_->row])
		return SCOPE_ALL;
	return changes->n_destinations ? SCOPE_DESTINATIONS : SCOPE_NOTHING;
}

static bool compare_path(const struct hf_changes *changes, uint32_t src, uint32_t dst,
			 enum hf_change_kind *ret_kind)
{
	hf_entry old = hf_snapshot_path(changes->old, src, dst);
	hf_entry new_ = hf_snapshot_path(changes->new_, src, dst);

	if (!old && !new_)
		return false;
	if (!old || !new_) {
		*ret_kind = old ? HF_CHANGE_LOST : HF_CHANGE_APPEARED;
		return true;
	}
	*ret_kind = HF_CHANGE_CHANGED;
	return old != new_ || changes->pkt_life_differs || changes->destination_differs[dst] ||
	       changes->destination_differs[src];
}

bool hf_changes_next(const struct hf_changes *changes, struct hf_change_cursor *cursor, struct hf_change *ret_change)
{
	uint32_t n_columns = count_columns(changes);

	for (; cursor->src < n_columns; cursor->src++, cursor->position = 0) {
		enum scope scope = scope_of_source(changes, cursor->src);
		uint32_t end = scope == SCOPE_ALL ? n_columns : changes->n_destinations;

		if (scope == SCOPE_NOTHING)
			continue;
		while (cursor->position < end) {
			uint32_t at = cursor->position++;
			uint32_t dst = scope == SCOPE_ALL ? at : changes->destinations[at];

			if (dst == cursor->src || !compare_path(changes, cursor->src, dst, &ret_change->kind))
				continue;
			ret_change->src = cursor->src;
			ret_change->dst = dst;
			return true;
		}
	}
	return false;
}
