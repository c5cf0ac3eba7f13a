/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <check.h>

#include "check_main.h"
#include "plugin/distinguisher.h"
#include "random_tables.h"

/* What the distinguisher must find, said plainly: both paths walked, then compared field by field. */
static bool slow_compare(const struct hf_snapshot *old, const struct hf_snapshot *new_, uint32_t src, uint32_t dst,
			 enum hf_change_kind *ret_kind)
{
	bool was_there = src < old->n_columns && dst < old->n_columns;
	struct slow_path before = was_there ? slow_walk(old, src, dst) : (struct slow_path) { 0 };
	struct slow_path after = slow_walk(new_, src, dst);

	if (before.is_reachable != after.is_reachable) {
		*ret_kind = after.is_reachable ? HF_CHANGE_APPEARED : HF_CHANGE_LOST;
		return true;
	}
	*ret_kind = HF_CHANGE_CHANGED;
	return after.is_reachable &&
	       (before.sl != after.sl || before.mtu != after.mtu || before.rate != after.rate ||
		old->columns[src].lid != new_->columns[src].lid || old->columns[dst].lid != new_->columns[dst].lid ||
		old->pkt_life != new_->pkt_life);
}

static void check_against_slow(const struct hf_snapshot *old_raw, const struct hf_snapshot *new_raw,
			       uint64_t *totals)
{
	struct hf_snapshot *old = copy_tables(old_raw, old_raw->n_rows, old_raw->n_columns);
	struct hf_snapshot *new_ = copy_tables(new_raw, new_raw->n_rows, new_raw->n_columns);
	uint64_t counts[HF_CHANGE_KINDS] = { 0 };
	struct hf_change_cursor cursor = { 0 };
	struct hf_changes changes;
	struct hf_change change;
	enum hf_change_kind kind;

	old->pkt_life = old_raw->pkt_life;
	new_->pkt_life = new_raw->pkt_life;
	ck_assert_int_eq(hf_snapshot_resolve(old), 0);
	ck_assert_int_eq(hf_snapshot_resolve(new_), 0);
	ck_assert_int_eq(hf_changes_find(old, new_, &changes), 0);
	for (uint32_t src = 0; src < new_raw->n_columns; src++)
		for (uint32_t dst = 0; dst < new_raw->n_columns; dst++) {
			if (src == dst || !slow_compare(old_raw, new_raw, src, dst, &kind))
				continue;
			ck_assert(hf_changes_next(&changes, &cursor, &change));
			ck_assert_uint_eq(change.src, src);
			ck_assert_uint_eq(change.dst, dst);
			ck_assert_int_eq(change.kind, kind);
			counts[kind]++;
			totals[kind]++;
		}
	ck_assert(!hf_changes_next(&changes, &cursor, &change));
	for (int i = 0; i < HF_CHANGE_KINDS; i++)
		ck_assert_uint_eq(changes.counts[i], counts[i]);
	ck_assert(hf_changes_are_none(&changes) == !(counts[0] + counts[1] + counts[2]));
	hf_changes_fini(&changes);
	hf_snapshot_free(old);
	hf_snapshot_free(new_);
}

START_TEST(finds_what_a_slow_comparison_finds)
{
	uint64_t totals[HF_CHANGE_KINDS] = { 0 };

	srandom(random_seed());
	for (unsigned int round = 0; round < 400; round++) {
		struct hf_snapshot *old = random_tables(1 + random_below(10), 1 + random_below(16));
		/* It grows in every second round. */
		struct hf_snapshot *new_ = copy_tables(old, old->n_rows + (round % 2) * random_below(4),
						       old->n_columns + (round % 2) * random_below(6));

		mutate_tables(new_, random_below(12));
		if (!random_below(20))
			new_->pkt_life++;
		check_against_slow(old, new_, totals);
		hf_snapshot_free(old);
		hf_snapshot_free(new_);
	}
	for (int i = 0; i < HF_CHANGE_KINDS; i++)
		ck_assert_uint_gt(totals[i], 100);
}
END_TEST

START_TEST(equal_routings_have_no_change)
{
	uint64_t totals[HF_CHANGE_KINDS] = { 0 };

	srandom(random_seed());
	for (unsigned int round = 0; round < 50; round++) {
		struct hf_snapshot *raw = random_tables(8, 16);

		check_against_slow(raw, raw, totals);
		hf_snapshot_free(raw);
	}
	ck_assert_uint_eq(totals[0] + totals[1] + totals[2], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("distinguisher");
	TCase *tcase = tcase_create("distinguisher");

	tcase_add_test(tcase, finds_what_a_slow_comparison_finds);
	tcase_add_test(tcase, equal_routings_have_no_change);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
