/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/distinguisher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const hf_change_names[HF_CHANGE_KINDS] = {
	[HF_CHANGE_CHANGED] = "changed",
	[HF_CHANGE_LOST] = "lost",
	[HF_CHANGE_APPEARED] = "appeared",
};

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t count_ports(const struct hf_changes *changes)
{
	return max_u32(changes->old->n_ports, changes->new_->n_ports);
}

static const hf_entry *row_entries(const struct hf_snapshot *snapshot, uint32_t row)
{
	return &snapshot->entries[(size_t)row * snapshot->n_columns];
}

static uint32_t count_lids(const struct hf_port *port)
{
	return hf_port_is_present(port) ? hf_port_count_lids(port) : 0;
}

/* One that is absent in both has none, and so the same. */
static bool lids_differ(const struct hf_port *old, const struct hf_port *new_)
{
	return old->lid != new_->lid || old->lmc != new_->lmc;
}

/* Answers */

/* Both entries are paths. */
static bool answers_differ(const struct hf_changes *changes, hf_entry old, hf_entry new_)
{
	if (old == new_ && !changes->codes_differ)
		return false;
	return hf_entry_mtu(old) != hf_entry_mtu(new_) || hf_entry_rate(old) != hf_entry_rate(new_) ||
	       hf_snapshot_pkt_life(changes->old, old) != hf_snapshot_pkt_life(changes->new_, new_) ||
	       (hf_snapshot_sls(changes->old, old) & ~hf_snapshot_sls(changes->new_, new_));
}

static bool codes_differ(const struct hf_snapshot *old, const struct hf_snapshot *new_)
{
	if (memcmp(old->pkt_lives, new_->pkt_lives, sizeof(old->pkt_lives)))
		return true;
	for (int sl = 0; sl < HF_SLS; sl++)
		if (old->sl_spread[sl] > 1 && old->sl_spread[sl] > new_->sl_spread[sl])
			return true;
	return false;
}

/* Classes are numbered anew in each snapshot; almost always a class is still one, with the same P_Keys. */
static bool pkeys_differ(const struct hf_snapshot *old, const struct hf_snapshot *new_)
{
	uint32_t n_classes = old->n_terms_classes;
	uint32_t *class_now = malloc((n_classes + (size_t)1) * sizeof(*class_now));
	bool differ = !class_now;

	for (uint32_t i = 0; !differ && i < n_classes; i++)
		class_now[i] = HF_NO_INDEX;
	for (uint32_t i = 0; !differ && i < min_u32(old->n_ports, new_->n_ports); i++) {
		const struct hf_port *before = &old->ports[i], *after = &new_->ports[i];

		if (!hf_port_is_present(before) || !hf_port_is_present(after))
			continue;
		if (class_now[before->terms_class] == HF_NO_INDEX)
			class_now[before->terms_class] = after->terms_class;
		differ = class_now[before->terms_class] != after->terms_class;
	}
	for (uint32_t i = 0; !differ && i < n_classes; i++)
		for (uint32_t j = 0; !differ && class_now[i] != HF_NO_INDEX && j < n_classes; j++)
			differ = class_now[j] != HF_NO_INDEX &&
				 hf_snapshot_pkey(old, i, j) != hf_snapshot_pkey(new_, class_now[i], class_now[j]);
	free(class_now);
	return differ;
}

/* The records of two ports, in one snapshot. LIDs of sources count from 0 where they are the same in both. */
struct records {
	const struct hf_snapshot *snapshot;
	uint32_t row, first_column;
	uint32_t src_lid, src_lids;
	uint32_t dst_lid, dst_lids;
	bool is_loopback;
};

static struct records get_records(const struct hf_snapshot *snapshot, uint32_t row, uint32_t src_lid,
				  uint32_t src_lids, uint32_t dst, bool is_loopback)
{
	const struct hf_port *port = hf_snapshot_port(snapshot, dst);

	return (struct records) {
		.snapshot = snapshot,
		.row = row,
		.first_column = port->first_column,
		.src_lid = src_lid,
		.src_lids = src_lids,
		.dst_lid = port->lid,
		.dst_lids = count_lids(port),
		.is_loopback = is_loopback,
	};
}

/* 0 where there is none between these LIDs. */
static hf_entry get_record(const struct records *records, uint32_t src_lid, uint32_t dst_lid)
{
	const struct hf_snapshot *snapshot = records->snapshot;
	uint32_t src = src_lid - records->src_lid, dst = dst_lid - records->dst_lid;

	if (src >= records->src_lids || dst >= records->dst_lids)
		return 0;
	if (records->is_loopback && snapshot->loopbacks)
		return snapshot->loopbacks[records->first_column + dst];
	return row_entries(snapshot, records->row + (snapshot->rows_are_lids ? src : 0))[records->first_column + dst];
}

#define for_each_record(r, src, dst) \
	for (uint32_t src = (r)->src_lid; src < (r)->src_lid + (r)->src_lids; src++) \
		for (uint32_t dst = (r)->dst_lid; dst < (r)->dst_lid + (r)->dst_lids; dst++)

static bool has_record(const struct records *records)
{
	for_each_record(records, src_lid, dst_lid)
		if (get_record(records, src_lid, dst_lid))
			return true;
	return false;
}

static bool records_differ(const struct hf_changes *changes, const struct records *old, const struct records *new_)
{
	for_each_record(old, src_lid, dst_lid) {
		hf_entry before = get_record(old, src_lid, dst_lid);
		hf_entry after = get_record(new_, src_lid, dst_lid);

		if (before && (!after || answers_differ(changes, before, after)))
			return true;
	}
	for_each_record(new_, src_lid, dst_lid)
		if (get_record(new_, src_lid, dst_lid) && !get_record(old, src_lid, dst_lid))
			return true;
	return false;
}

static bool path_pkeys_differ(const struct hf_changes *changes, const struct hf_source_class *class, uint32_t dst)
{
	return changes->pkeys_differ &&
	       hf_snapshot_pkey(changes->old, class->old_terms, hf_snapshot_port(changes->old, dst)->terms_class) !=
	       hf_snapshot_pkey(changes->new_, class->new_terms, hf_snapshot_port(changes->new_, dst)->terms_class);
}

static bool compare_path(const struct hf_changes *changes, const struct hf_source_class *class, uint32_t dst,
			 bool is_loopback, enum hf_change_kind *ret_kind)
{
	struct records old = get_records(changes->old, class->old_row, class->old_lid, class->old_lids, dst,
					 is_loopback);
	struct records new_ = get_records(changes->new_, class->new_row, class->new_lid, class->new_lids, dst,
					  is_loopback);
	bool was_there = has_record(&old);

	if (was_there != has_record(&new_)) {
		*ret_kind = was_there ? HF_CHANGE_LOST : HF_CHANGE_APPEARED;
		return true;
	}
	*ret_kind = HF_CHANGE_CHANGED;
	return was_there && (path_pkeys_differ(changes, class, dst) || records_differ(changes, &old, &new_));
}

/* The same for a destination with one LID, the same in both, and a class that is plain: the entries differ. */
static bool compare_entry(const struct hf_changes *changes, hf_entry old, hf_entry new_, enum hf_change_kind *ret_kind)
{
	*ret_kind = !old ? HF_CHANGE_APPEARED : !new_ ? HF_CHANGE_LOST : HF_CHANGE_CHANGED;
	return !old || !new_ || !((old | new_) & HF_SL_IS_SPREAD) || answers_differ(changes, old, new_);
}

/* The walk over one class */

typedef uint16_t lanes __attribute__((vector_size(16), aligned(2), may_alias));

#define LANES	(sizeof(lanes) / sizeof(hf_entry))

static bool lanes_differ(const hf_entry *a, const hf_entry *b)
{
	return memcmp(a, b, sizeof(lanes));
}

/* The first place from @at on where two rows differ, or @end. */
static uint32_t next_difference(const hf_entry *a, const hf_entry *b, uint32_t at, uint32_t end)
{
	while (at + LANES <= end && !lanes_differ(&a[at], &b[at]))
		at += LANES;
	while (at < end && a[at] == b[at])
		at++;
	return at;
}

static bool next_among_listed(const struct hf_changes *changes, const struct hf_source_class *class,
			      struct hf_class_cursor *position, uint32_t *ret_dst, enum hf_change_kind *ret_kind)
{
	while (position->listed < changes->n_listed) {
		*ret_dst = changes->listed[position->listed++];
		if (compare_path(changes, class, *ret_dst, false, ret_kind))
			return true;
	}
	return false;
}

static bool next_among_ports(const struct hf_changes *changes, const struct hf_source_class *class,
			     struct hf_class_cursor *position, uint32_t *ret_dst, enum hf_change_kind *ret_kind)
{
	while (position->at < count_ports(changes)) {
		*ret_dst = position->at++;
		if (!changes->is_listed[*ret_dst] && compare_path(changes, class, *ret_dst, false, ret_kind))
			return true;
	}
	return false;
}

static uint32_t end_of_lids(const struct hf_changes *changes, uint32_t index)
{
	const struct hf_port *port = &changes->new_->ports[index];

	return port->first_column + hf_port_count_lids(port);
}

static uint32_t count_common_columns(const struct hf_changes *changes)
{
	return min_u32(changes->old->n_columns, changes->new_->n_columns);
}

static bool next_among_columns(const struct hf_changes *changes, const struct hf_source_class *class,
			       struct hf_class_cursor *position, uint32_t *ret_dst, enum hf_change_kind *ret_kind)
{
	const hf_entry *old = row_entries(changes->old, class->old_row);
	const hf_entry *new_ = row_entries(changes->new_, class->new_row);
	uint32_t end = count_common_columns(changes), at;

	while ((at = next_difference(old, new_, position->at, end)) < end) {
		position->at = at + 1;
		*ret_dst = changes->port_of[at];
		if (*ret_dst < HF_COLUMN_IS_SHARED) {
			if (compare_entry(changes, old[at], new_[at], ret_kind))
				return true;
		} else if (*ret_dst != HF_NO_INDEX) {
			*ret_dst -= HF_COLUMN_IS_SHARED;
			position->at = end_of_lids(changes, *ret_dst);
			if (compare_path(changes, class, *ret_dst, false, ret_kind))
				return true;
		}
	}
	position->at = end;
	return false;
}

static bool next_of_class(const struct hf_changes *changes, const struct hf_source_class *class,
			  struct hf_class_cursor *position, uint32_t *ret_dst, enum hf_change_kind *ret_kind)
{
	if (next_among_listed(changes, class, position, ret_dst, ret_kind))
		return true;
	if (!class->is_plain)
		return next_among_ports(changes, class, position, ret_dst, ret_kind);
	return !class->rows_are_equal && next_among_columns(changes, class, position, ret_dst, ret_kind);
}

bool hf_changes_next_of_class(const struct hf_changes *changes, uint32_t class, struct hf_class_cursor *cursor,
			      uint32_t *ret_dst, enum hf_change_kind *ret_kind)
{
	return next_of_class(changes, &changes->classes[class], cursor, ret_dst, ret_kind);
}

/* Preparation */

/* A source with several rows has one class of its own, so its rows need not be compared at once. */
static bool is_plain(const struct hf_changes *changes, const struct hf_source_class *class)
{
	bool has_rows = changes->old->rows_are_lids || changes->new_->rows_are_lids;

	return class->old_lids && class->new_lids && !class->old_lid && !changes->codes_differ &&
	       !changes->pkeys_differ && !(has_rows && class->new_lids > 1);
}

static bool rows_are_equal(const struct hf_changes *changes, const struct hf_source_class *class)
{
	return !memcmp(row_entries(changes->old, class->old_row), row_entries(changes->new_, class->new_row),
		       count_common_columns(changes) * sizeof(hf_entry));
}

static bool is_same_class(const struct hf_source_class *a, const struct hf_source_class *b)
{
	return a->old_row == b->old_row && a->new_row == b->new_row && a->old_lids == b->old_lids &&
	       a->new_lids == b->new_lids && a->old_lid == b->old_lid && a->new_lid == b->new_lid;
}

static struct hf_source_class make_class(const struct hf_changes *changes, uint32_t port)
{
	const struct hf_port *old = hf_snapshot_port(changes->old, port);
	const struct hf_port *new_ = hf_snapshot_port(changes->new_, port);

	struct hf_source_class class = {
		.old_row = old->row,
		.new_row = new_->row,
		.old_lids = count_lids(old),
		.new_lids = count_lids(new_),
		.old_terms = old->terms_class,
		.new_terms = new_->terms_class,
		.next = HF_NO_INDEX,
	};

	if (hf_port_is_present(old) && hf_port_is_present(new_) && lids_differ(old, new_)) {
		class.old_lid = old->lid;
		class.new_lid = new_->lid;
	}
	return class;
}

/* @first: by new row, the classes that have it; absent ports share the first row's. */
static uint32_t find_or_add_class(struct hf_changes *changes, uint32_t *first, const struct hf_source_class *class)
{
	uint32_t index;

	for (index = first[class->new_row]; index != HF_NO_INDEX; index = changes->classes[index].next)
		if (is_same_class(&changes->classes[index], class))
			return index;
	index = changes->n_classes++;
	changes->classes[index] = *class;
	changes->classes[index].next = first[class->new_row];
	first[class->new_row] = index;
	return index;
}

static int find_classes(struct hf_changes *changes)
{
	uint32_t n_rows = changes->new_->n_rows;
	uint32_t *first = malloc((n_rows + (size_t)1) * sizeof(*first));

	if (!first)
		return -ENOMEM;
	for (uint32_t i = 0; i <= n_rows; i++)
		first[i] = HF_NO_INDEX;
	for (uint32_t i = 0; i < count_ports(changes); i++) {
		struct hf_source_class class = make_class(changes, i);

		changes->class_of[i] = HF_NO_INDEX;
		if (!class.old_lids && !class.new_lids)
			continue;
		changes->class_of[i] = find_or_add_class(changes, first, &class);
		changes->classes[changes->class_of[i]].members++;
	}
	free(first);
	for (uint32_t i = 0; i < changes->n_classes; i++) {
		struct hf_source_class *class = &changes->classes[i];

		class->is_plain = is_plain(changes, class);
		class->rows_are_equal = class->is_plain && rows_are_equal(changes, class);
	}
	return 0;
}

static bool has_spread(const struct hf_snapshot *snapshot)
{
	for (int sl = 0; sl < HF_SLS; sl++)
		if (snapshot->sl_spread[sl] > 1)
			return true;
	return false;
}

static void list_ports(struct hf_changes *changes)
{
	changes->columns_are_plain = !has_spread(changes->old) && !has_spread(changes->new_);
	for (uint32_t i = 0; i < changes->new_->n_columns; i++)
		changes->port_of[i] = HF_NO_INDEX;
	for (uint32_t i = 0; i < count_ports(changes); i++) {
		const struct hf_port *old = hf_snapshot_port(changes->old, i);
		const struct hf_port *new_ = hf_snapshot_port(changes->new_, i);

		changes->is_listed[i] = lids_differ(old, new_) || old->first_column != new_->first_column;
		if (changes->is_listed[i] || new_->lmc)
			changes->columns_are_plain = false;
		if (changes->is_listed[i]) {
			changes->listed[changes->n_listed++] = i;
			continue;
		}
		for (uint32_t lid = 0; lid < count_lids(new_); lid++)
			changes->port_of[new_->first_column + lid] = i + (new_->lmc ? HF_COLUMN_IS_SHARED : 0);
	}
}

static int prepare(struct hf_changes *changes)
{
	size_t n_ports = count_ports(changes) + (size_t)1;

	changes->codes_differ = codes_differ(changes->old, changes->new_);
	changes->pkeys_differ = pkeys_differ(changes->old, changes->new_);
	changes->classes = malloc(n_ports * sizeof(*changes->classes));
	changes->class_of = malloc(n_ports * sizeof(*changes->class_of));
	changes->port_of = malloc((changes->new_->n_columns + (size_t)1) * sizeof(*changes->port_of));
	changes->is_listed = malloc(n_ports * sizeof(*changes->is_listed));
	changes->listed = malloc(n_ports * sizeof(*changes->listed));
	if (!changes->classes || !changes->class_of || !changes->port_of || !changes->is_listed || !changes->listed)
		return -ENOMEM;
	list_ports(changes);
	return find_classes(changes);
}

/* Cheaply: a port with one LID, the same in both. */
static bool is_same_loopback(const struct hf_changes *changes, uint32_t port)
{
	const hf_entry *old = changes->old->loopbacks, *new_ = changes->new_->loopbacks;
	uint32_t column;

	if (!old || !new_ || changes->codes_differ || changes->pkeys_differ || changes->is_listed[port] ||
	    changes->new_->ports[port].lmc)
		return false;
	column = changes->new_->ports[port].first_column;
	return old[column] == new_[column];
}

static bool compare_loopback(const struct hf_changes *changes, uint32_t port, enum hf_change_kind *ret_kind)
{
	return !is_same_loopback(changes, port) &&
	       compare_path(changes, &changes->classes[changes->class_of[port]], port, true, ret_kind);
}

bool hf_changes_to_itself(const struct hf_changes *changes, uint32_t port, enum hf_change_kind *ret_kind)
{
	return compare_loopback(changes, port, ret_kind);
}

/* Counting. What a class's own ports are to themselves is counted too, and taken off at the end. */

static uint64_t sum_lanes(lanes counts)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < LANES; i++)
		sum += counts[i];
	return sum;
}

/* Without a branch: which entries differ cannot be predicted. At most UINT16_MAX of them. */
static void count_lanes(const hf_entry *old, const hf_entry *new_, size_t count, uint64_t *counts)
{
	const lanes none = { 0 };
	lanes differing = none, appeared = none, lost = none;

	for (size_t i = 0; i < count; i += LANES) {
		lanes before = *(const lanes *)&old[i], after = *(const lanes *)&new_[i];
		lanes differs = (lanes)(before != after);

		/* True is -1. */
		differing -= differs;
		appeared -= differs & (lanes)(before == none);
		lost -= differs & (lanes)(after == none);
	}
	counts[HF_CHANGE_APPEARED] += sum_lanes(appeared);
	counts[HF_CHANGE_LOST] += sum_lanes(lost);
	counts[HF_CHANGE_CHANGED] += sum_lanes(differing) - sum_lanes(appeared) - sum_lanes(lost);
}

/* Where each column is a port of its own and each other entry another answer, none need be looked at alone. */
static void count_columns(const struct hf_changes *changes, const struct hf_source_class *class,
			  struct hf_class_cursor *position, uint64_t *counts)
{
	const hf_entry *old = row_entries(changes->old, class->old_row);
	const hf_entry *new_ = row_entries(changes->new_, class->new_row);
	uint32_t end = count_common_columns(changes) / LANES * LANES;

	while (position->at < end) {
		uint32_t count = min_u32(end - position->at, UINT16_MAX / LANES * LANES);

		count_lanes(&old[position->at], &new_[position->at], count, counts);
		position->at += count;
	}
}

static void count_class(struct hf_changes *changes, const struct hf_source_class *class)
{
	uint64_t counts[HF_CHANGE_KINDS] = { 0 };
	struct hf_class_cursor position = { 0 };
	enum hf_change_kind kind;
	uint32_t dst;

	if (class->is_plain && !class->rows_are_equal && changes->columns_are_plain)
		count_columns(changes, class, &position, counts);
	while (next_of_class(changes, class, &position, &dst, &kind))
		counts[kind]++;
	for (int i = 0; i < HF_CHANGE_KINDS; i++)
		changes->counts[i] += counts[i] * class->members;
}

static bool compare_itself_as_others_do(const struct hf_changes *changes, uint32_t port, enum hf_change_kind *ret_kind)
{
	const struct hf_source_class *class = &changes->classes[changes->class_of[port]];

	if (class->is_plain && class->rows_are_equal && !changes->is_listed[port])
		return false;
	return compare_path(changes, class, port, false, ret_kind);
}

static void count_changes(struct hf_changes *changes)
{
	enum hf_change_kind kind;

	for (uint32_t i = 0; i < changes->n_classes; i++)
		count_class(changes, &changes->classes[i]);
	for (uint32_t i = 0; i < count_ports(changes); i++) {
		if (changes->class_of[i] == HF_NO_INDEX)
			continue;
		if (compare_itself_as_others_do(changes, i, &kind))
			changes->counts[kind]--;
		if (compare_loopback(changes, i, &kind))
			changes->counts[kind]++;
	}
}

static size_t count_pkeys(const struct hf_snapshot *snapshot)
{
	return (size_t)snapshot->n_terms_classes * snapshot->n_terms_classes;
}

/* No change is the usual case. */
static bool are_equal(const struct hf_snapshot *old, const struct hf_snapshot *new_)
{
	size_t n_entries = (size_t)new_->n_rows * new_->n_columns;

	return old->n_ports == new_->n_ports && old->n_columns == new_->n_columns && old->n_rows == new_->n_rows &&
	       old->rows_are_lids == new_->rows_are_lids && !codes_differ(old, new_) &&
	       old->n_terms_classes == new_->n_terms_classes &&
	       !memcmp(old->pkeys, new_->pkeys, count_pkeys(new_) * sizeof(*new_->pkeys)) &&
	       !memcmp(old->ports, new_->ports, new_->n_ports * sizeof(*new_->ports)) &&
	       (!new_->loopbacks || !memcmp(old->loopbacks, new_->loopbacks, new_->n_columns * sizeof(hf_entry))) &&
	       !memcmp(old->entries, new_->entries, n_entries * sizeof(hf_entry));
}

int hf_changes_find(const struct hf_snapshot *old, const struct hf_snapshot *new_, struct hf_changes *ret_changes)
{
	struct hf_changes changes = { .old = old, .new_ = new_ };
	int err;

	if (are_equal(old, new_)) {
		*ret_changes = changes;
		return 0;
	}
	err = prepare(&changes);
	if (err) {
		hf_changes_fini(&changes);
		return err;
	}
	count_changes(&changes);
	*ret_changes = changes;
	return 0;
}

void hf_changes_fini(struct hf_changes *changes)
{
	free(changes->classes);
	free(changes->class_of);
	free(changes->port_of);
	free(changes->is_listed);
	free(changes->listed);
	*changes = (struct hf_changes) { 0 };
}

static bool next_of_source(const struct hf_changes *changes, struct hf_change_cursor *cursor,
			   struct hf_change *ret_change)
{
	const struct hf_source_class *class = &changes->classes[changes->class_of[cursor->src]];
	bool found;

	if (!cursor->met_itself) {
		cursor->met_itself = true;
		ret_change->dst = cursor->src;
		if (compare_loopback(changes, cursor->src, &ret_change->kind))
			return true;
	}
	do {
		found = next_of_class(changes, class, &cursor->of_class, &ret_change->dst, &ret_change->kind);
	} while (found && ret_change->dst == cursor->src);
	return found;
}

bool hf_changes_next(const struct hf_changes *changes, struct hf_change_cursor *cursor, struct hf_change *ret_change)
{
	if (hf_changes_are_none(changes))
		return false;
	for (; cursor->src < count_ports(changes); *cursor = (struct hf_change_cursor) { .src = cursor->src + 1 }) {
		if (changes->class_of[cursor->src] == HF_NO_INDEX || !next_of_source(changes, cursor, ret_change))
			continue;
		ret_change->src = cursor->src;
		return true;
	}
	return false;
}
