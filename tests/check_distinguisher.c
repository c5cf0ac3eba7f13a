/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <check.h>

#include "check_main.h"
#include "plugin/distinguisher.h"
#include "random_tables.h"

#define NO_CHANGE	HF_CHANGE_KINDS

/* One port's path to another: all records between their LIDs. */
struct slow_records {
	unsigned int count;
	struct {
		uint16_t slid, dlid;
		struct slow_answer answer;
	} records[16];
};

static void slow_query(const struct hf_tables *tables, uint32_t src, uint32_t dst, struct slow_records *ret_records)
{
	ret_records->count = 0;
	if (src >= tables->n_ports || dst >= tables->n_ports)
		return;
	for (uint32_t i = 0; i < 1U << tables->ports[src].lmc; i++)
		for (uint32_t j = 0; j < 1U << tables->ports[dst].lmc; j++) {
			struct slow_answer answer = slow_ask(tables, src, i, dst, j);

			if (!answer.is_there)
				continue;
			ret_records->records[ret_records->count].slid = tables->ports[src].lid + i;
			ret_records->records[ret_records->count].dlid = tables->ports[dst].lid + j;
			ret_records->records[ret_records->count++].answer = answer;
		}
}

/* Whether who uses one of the old records uses one that is right now. */
static bool slow_is_still_right(const struct slow_records *old, unsigned int which, const struct slow_records *new_)
{
	const struct slow_answer *before = &old->records[which].answer;

	for (unsigned int i = 0; i < new_->count; i++) {
		const struct slow_answer *after = &new_->records[i].answer;

		if (new_->records[i].slid == old->records[which].slid &&
		    new_->records[i].dlid == old->records[which].dlid)
			return after->pkey == before->pkey && after->mtu == before->mtu && after->rate == before->rate &&
			       after->pkt_life == before->pkt_life && (before->sls & after->sls) == before->sls;
	}
	return false;
}

static int slow_compare(const struct hf_tables *old, const struct hf_tables *new_, uint32_t src, uint32_t dst)
{
	struct slow_records before, after;

	slow_query(old, src, dst, &before);
	slow_query(new_, src, dst, &after);
	if (!before.count && !after.count)
		return NO_CHANGE;
	if (!before.count)
		return HF_CHANGE_APPEARED;
	if (!after.count)
		return HF_CHANGE_LOST;
	if (before.count != after.count)
		return HF_CHANGE_CHANGED;
	for (unsigned int i = 0; i < before.count; i++)
		if (!slow_is_still_right(&before, i, &after))
			return HF_CHANGE_CHANGED;
	return NO_CHANGE;
}

/* Each change once, those of one source together. @ret_kinds: [source][destination] */
static void collect_changes(const struct hf_changes *changes, uint32_t n_ports, int *ret_kinds)
{
	struct hf_change_cursor cursor = { 0 };
	struct hf_change change;
	uint32_t src = 0;

	for (uint32_t i = 0; i < n_ports * n_ports; i++)
		ret_kinds[i] = NO_CHANGE;
	while (hf_changes_next(changes, &cursor, &change)) {
		ck_assert_uint_ge(change.src, src);
		src = change.src;
		ck_assert_uint_lt(src, n_ports);
		ck_assert_uint_lt(change.dst, n_ports);
		ck_assert_int_eq(ret_kinds[src * n_ports + change.dst], NO_CHANGE);
		ret_kinds[src * n_ports + change.dst] = change.kind;
	}
	ck_assert(!hf_changes_next(changes, &cursor, &change));
}

static void check_against_slow(const struct hf_tables *old_tables, const struct hf_tables *new_tables,
			       uint64_t *totals)
{
	uint32_t n_ports = new_tables->n_ports;
	uint64_t counts[HF_CHANGE_KINDS + 1] = { 0 };
	int *kinds = malloc(n_ports * n_ports * sizeof(*kinds));
	struct hf_snapshot *old, *new_;
	struct hf_changes changes;

	ck_assert_int_eq(hf_snapshot_resolve(old_tables, &old), 0);
	ck_assert_int_eq(hf_snapshot_resolve(new_tables, &new_), 0);
	ck_assert_int_eq(hf_changes_find(old, new_, &changes), 0);
	collect_changes(&changes, n_ports, kinds);
	for (uint32_t src = 0; src < n_ports; src++)
		for (uint32_t dst = 0; dst < n_ports; dst++) {
			int kind = slow_compare(old_tables, new_tables, src, dst);

			ck_assert_int_eq(kinds[src * n_ports + dst], kind);
			counts[kind]++;
		}
	for (int i = 0; i < HF_CHANGE_KINDS; i++) {
		ck_assert_uint_eq(changes.counts[i], counts[i]);
		totals[i] += counts[i];
	}
	ck_assert(hf_changes_are_none(&changes) == !(counts[0] + counts[1] + counts[2]));
	hf_changes_fini(&changes);
	hf_snapshot_free(old);
	hf_snapshot_free(new_);
	free(kinds);
}

START_TEST(finds_what_a_slow_comparison_finds)
{
	uint64_t totals[HF_CHANGE_KINDS] = { 0 };

	srandom(random_seed());
	for (unsigned int round = 0; round < 1000; round++) {
		struct hf_port_registry *registry = hf_port_registry_new();
		enum hf_sl_by by = (enum hf_sl_by)(round % 4);
		/* Another engine now and then, and growth in every third round. */
		enum hf_sl_by other_by = one_in(10) ? (enum hf_sl_by)random_below(4) : by;
		unsigned int seed = random();
		struct hf_tables *old = random_tables(registry, 1 + random_below(8), 1 + random_below(12), by, seed);
		struct hf_tables *new_ = copy_tables(registry, old, round % 3 ? 0 : random_below(4), other_by, seed);

		mutate_tables(registry, new_, random_below(6));
		check_against_slow(old, new_, totals);
		hf_tables_free(old);
		hf_tables_free(new_);
		hf_port_registry_free(registry);
	}
	for (int i = 0; i < HF_CHANGE_KINDS; i++)
		ck_assert_uint_gt(totals[i], 500);
}
END_TEST

START_TEST(equal_routings_have_no_change)
{
	uint64_t totals[HF_CHANGE_KINDS] = { 0 };

	srandom(random_seed());
	for (unsigned int round = 0; round < 50; round++) {
		struct hf_port_registry *registry = hf_port_registry_new();
		struct hf_tables *tables = random_tables(registry, 8, 16, (enum hf_sl_by)(round % 4), round);

		check_against_slow(tables, tables, totals);
		hf_tables_free(tables);
		hf_port_registry_free(registry);
	}
	ck_assert_uint_eq(totals[0] + totals[1] + totals[2], 0);
}
END_TEST

/* The entries of one row at every length and alignment against a plain loop. */
START_TEST(finds_single_entries_in_long_rows)
{
	struct hf_tables *tables;
	struct hf_snapshot *old, *new_;
	const uint32_t n_ports = 203;
	struct hf_changes changes;

	ck_assert_int_eq(hf_tables_new(n_ports, n_ports, 1, n_ports + 1, n_ports + 1, &tables), 0);
	tables->switches[0].port = HF_NO_INDEX;
	for (uint32_t i = 0; i < n_ports; i++) {
		tables->ports[i] = (struct hf_table_port) {
			.guid = 0x100000 + i, .first_column = i, .lid = 1 + i, .place = HF_PLACE_AT_SWITCH,
			.peer_port = 1 + i, .mtu = 4, .rate = 7,
		};
		tables->switch_ports[1 + i] = (struct hf_switch_port) {
			.peer_kind = HF_PEER_PORT, .peer = i, .mtu = 4, .rate = 7,
		};
		tables->forwarding[1 + i] = 1 + i;
	}
	ck_assert_int_eq(hf_snapshot_resolve(tables, &old), 0);
	ck_assert_int_eq(hf_snapshot_resolve(tables, &new_), 0);
	ck_assert_uint_eq(new_->n_rows, 1);
	for (uint32_t i = 0; i < n_ports; i++)
		for (uint32_t j = i; j < n_ports; j++) {
			new_->entries[i] ^= 1;
			new_->entries[j] ^= i == j ? 0 : 1;
			ck_assert_int_eq(hf_changes_find(old, new_, &changes), 0);
			/* Each destination for all sources but itself. */
			ck_assert_uint_eq(changes.counts[HF_CHANGE_CHANGED], (i == j ? 1 : 2) * (n_ports - 1));
			hf_changes_fini(&changes);
			new_->entries[i] = old->entries[i];
			new_->entries[j] = old->entries[j];
		}
	hf_snapshot_free(old);
	hf_snapshot_free(new_);
	hf_tables_free(tables);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("distinguisher");
	TCase *tcase = tcase_create("distinguisher");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, finds_what_a_slow_comparison_finds);
	tcase_add_test(tcase, equal_routings_have_no_change);
	tcase_add_test(tcase, finds_single_entries_in_long_rows);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
