/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <check.h>
#include <string.h>

#include "check_main.h"
#include "random_tables.h"

START_TEST(registry_keeps_indexes)
{
	struct hf_registry *registry = hf_registry_new();
	uint32_t index;

	ck_assert_ptr_nonnull(registry);
	for (uint64_t round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 1000; i++) {
			ck_assert_int_eq(hf_registry_row(registry, i << 32 | 7, &index), 0);
			ck_assert_uint_eq(index, i);
			ck_assert_int_eq(hf_registry_column(registry, ~i, &index), 0);
			ck_assert_uint_eq(index, i);
		}
	ck_assert_uint_eq(hf_registry_count_rows(registry), 1000);
	ck_assert_uint_eq(hf_registry_count_columns(registry), 1000);
	hf_registry_free(registry);
}
END_TEST

START_TEST(entry_holds_what_was_packed)
{
	for (unsigned int sl = 0; sl < 16; sl++)
		for (unsigned int mtu = 1; mtu <= 5; mtu++)
			for (unsigned int rate = 2; rate <= 22; rate++) {
				hf_entry entry = hf_entry_pack(sl, mtu, rate);

				ck_assert(entry & HF_ENTRY_REACHABLE);
				ck_assert_uint_eq(hf_entry_sl(entry), sl);
				ck_assert_uint_eq(hf_entry_mtu(entry), mtu);
				ck_assert_uint_eq(hf_entry_rate(entry), rate);
			}
}
END_TEST

START_TEST(rates_compare_by_speed)
{
	for (unsigned int a = 2; a <= 22; a++)
		for (unsigned int b = 2; b <= 22; b++)
			ck_assert_uint_eq(hf_rate_min(a, b), slow_mbps(a) <= slow_mbps(b) ? a : b);
}
END_TEST

/* Every path of random tables against a walk hop by hop. */
START_TEST(resolve_equals_slow_walk)
{
	unsigned int reachable = 0;

	srandom(random_seed());
	for (unsigned int round = 0; round < 300; round++) {
		struct hf_snapshot *raw = random_tables(1 + random_below(12), 1 + random_below(20));
		struct hf_snapshot *resolved = copy_tables(raw, raw->n_rows, raw->n_columns);

		ck_assert_int_eq(hf_snapshot_resolve(resolved), 0);
		ck_assert_ptr_null(resolved->ports);
		for (uint32_t src = 0; src < raw->n_columns; src++)
			for (uint32_t dst = 0; dst < raw->n_columns; dst++) {
				struct slow_path path = slow_walk(raw, src, dst);
				hf_entry entry = hf_snapshot_path(resolved, src, dst);

				if (src == dst)
					continue;
				reachable += path.is_reachable;
				ck_assert_uint_eq(entry, path.is_reachable ?
						  hf_entry_pack(path.sl, path.mtu, path.rate) : 0);
			}
		hf_snapshot_free(raw);
		hf_snapshot_free(resolved);
	}
	ck_assert_uint_gt(reachable, 1000);
}
END_TEST

/* Two switches, a host each, the cable between them slower than the hosts' own. */
static struct hf_snapshot *two_switches(void)
{
	struct hf_snapshot *snapshot;

	ck_assert_int_eq(hf_snapshot_new(2, 2, 3, &snapshot), 0);
	snapshot->subnet_prefix = htobe64(0xfe80000000000000);
	snapshot->pkt_life = 18;
	for (uint32_t i = 0; i < 2; i++) {
		snapshot->rows[i] = (struct hf_row) { .guid = 0x200000 + i, .columns = 1 };
		snapshot->columns[i] = (struct hf_column) {
			.guid = 0x100000 + i, .row = i, .lid = 10 + i, .mtu = 5, .rate = 16,
			.pkey = i ? 0x7fff : 0xffff,
		};
		snapshot->ports[i * 3 + 1] = (struct hf_switch_port) {
			.peer_kind = HF_PEER_END_PORT, .peer_index = i, .mtu = 5, .rate = 16,
		};
		snapshot->ports[i * 3 + 2] = (struct hf_switch_port) {
			.peer_kind = HF_PEER_SWITCH, .peer_index = !i, .peer_port = 2, .mtu = i ? 4 : 5, .rate = 7,
		};
		snapshot->next_port[i * 2 + i] = 1;
		snapshot->next_port[i * 2 + !i] = 2;
		snapshot->sl[i * 2 + !i] = 3 + i;
	}
	ck_assert_int_eq(hf_snapshot_resolve(snapshot), 0);
	return snapshot;
}

START_TEST(record_is_as_the_sa_answers)
{
	struct hf_snapshot *snapshot = two_switches();
	struct hf_path_record record;

	hf_snapshot_path_record(snapshot, 1, 0, &record);
	ck_assert_uint_eq(be64toh(record.sgid.guid), 0x100001);
	ck_assert_uint_eq(be64toh(record.dgid.guid), 0x100000);
	ck_assert_uint_eq(be64toh(record.dgid.prefix), 0xfe80000000000000);
	ck_assert_uint_eq(be16toh(record.slid), 11);
	ck_assert_uint_eq(be16toh(record.dlid), 10);
	ck_assert_uint_eq(be16toh(record.pkey), 0x7fff);
	ck_assert_uint_eq(hf_path_record_sl(&record), 4);
	ck_assert_uint_eq(record.mtu, 0x80 | 4);
	ck_assert_uint_eq(record.rate, 0x80 | 7);
	ck_assert_uint_eq(record.pkt_life, 0x80 | 18);
	ck_assert_uint_eq(record.num_path, 0x80);
	hf_snapshot_free(snapshot);
}
END_TEST

START_TEST(empty_fabric_is_no_special_case)
{
	struct hf_snapshot *snapshot;

	ck_assert_int_eq(hf_snapshot_new(0, 0, 1, &snapshot), 0);
	ck_assert_int_eq(hf_snapshot_resolve(snapshot), 0);
	ck_assert_uint_eq(hf_snapshot_path(snapshot, 0, 1), 0);
	ck_assert(!hf_column_is_present(hf_snapshot_column(snapshot, 5)));
	hf_snapshot_free(snapshot);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tcase = tcase_create("snapshot");

	tcase_add_test(tcase, registry_keeps_indexes);
	tcase_add_test(tcase, entry_holds_what_was_packed);
	tcase_add_test(tcase, rates_compare_by_speed);
	tcase_add_test(tcase, resolve_equals_slow_walk);
	tcase_add_test(tcase, record_is_as_the_sa_answers);
	tcase_add_test(tcase, empty_fabric_is_no_special_case);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
