/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <check.h>
#include <string.h>

#include "check_main.h"
#include "plugin/snapshot.h"
#include "random_tables.h"

START_TEST(registry_keeps_indexes_and_columns)
{
	struct hf_port_registry *registry = hf_port_registry_new();
	uint32_t index, column;

	ck_assert_ptr_nonnull(registry);
	for (uint64_t round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 1000; i++) {
			ck_assert_int_eq(hf_port_registry_add(registry, i << 32 | 7, 1, &index, &column), 0);
			ck_assert_uint_eq(index, i);
			ck_assert_uint_eq(column, 2 * i);
			ck_assert_uint_eq(hf_port_registry_find(registry, i << 32 | 7), i);
		}
	ck_assert_uint_eq(hf_port_registry_find(registry, 1), HF_NO_INDEX);
	ck_assert_uint_eq(hf_port_registry_count_ports(registry), 1000);
	ck_assert_uint_eq(hf_port_registry_count_columns(registry), 2000);

	/* Fewer LIDs fit where more were; more get columns of their own. */
	ck_assert_int_eq(hf_port_registry_add(registry, 7, 0, &index, &column), 0);
	ck_assert_uint_eq(column, 0);
	ck_assert_int_eq(hf_port_registry_add(registry, 7, 3, &index, &column), 0);
	ck_assert_uint_eq(index, 0);
	ck_assert_uint_eq(column, 2000);
	ck_assert_uint_eq(hf_port_registry_count_columns(registry), 2008);
	hf_port_registry_free(registry);
}
END_TEST

START_TEST(entry_holds_what_was_packed)
{
	for (unsigned int sl = 0; sl < 32; sl++)
		for (unsigned int mtu = 1; mtu <= 5; mtu++)
			for (unsigned int rate = 2; rate <= 22; rate++)
				for (unsigned int life = 1; life < HF_PKT_LIVES; life++) {
					hf_entry entry = hf_entry_pack(sl, mtu, rate, life);

					ck_assert_uint_eq(hf_entry_sl(entry) | (entry & HF_SL_IS_SPREAD), sl);
					ck_assert_uint_eq(hf_entry_mtu(entry), mtu);
					ck_assert_uint_eq(hf_entry_rate(entry), rate);
					ck_assert_uint_eq(hf_entry_life(entry), life);
				}
}
END_TEST

START_TEST(rates_compare_by_data)
{
	for (unsigned int a = 2; a <= 22; a++)
		for (unsigned int b = 2; b <= 22; b++)
			ck_assert_uint_eq(hf_rate_min(a, b), slow_mbps(a) <= slow_mbps(b) ? a : b);
}
END_TEST

static void check_entry(const struct hf_tables *tables, const struct hf_snapshot *snapshot, uint32_t src,
			uint32_t src_lid, uint32_t dst, uint32_t dst_lid, unsigned int *reachable)
{
	struct slow_answer answer = slow_ask(tables, src, src_lid, dst, dst_lid);
	hf_entry entry = hf_snapshot_entry(snapshot, src, src_lid, dst, dst_lid);
	unsigned int sls = 1;

	ck_assert_int_eq(entry != 0, answer.is_there);
	if (!entry)
		return;
	*reachable += src != dst;
	if (entry & HF_SL_IS_SPREAD && snapshot->sl_spread[hf_entry_sl(entry)])
		sls = (1U << snapshot->sl_spread[hf_entry_sl(entry)]) - 1;
	ck_assert_uint_eq(sls << hf_entry_sl(entry), answer.sls);
	ck_assert_uint_eq(hf_entry_mtu(entry), answer.mtu);
	ck_assert_uint_eq(hf_entry_rate(entry), answer.rate);
	ck_assert_uint_eq(hf_snapshot_pkt_life(snapshot, entry), answer.pkt_life);
}

/* Every pair of LIDs of random tables against a walk hop by hop. */
START_TEST(resolve_equals_slow_walk)
{
	unsigned int reachable = 0;

	srandom(random_seed());
	for (unsigned int round = 0; round < 400; round++) {
		struct hf_port_registry *registry = hf_port_registry_new();
		struct hf_tables *tables = random_tables(registry, 1 + random_below(10), 1 + random_below(14),
							 (enum hf_sl_by)(round % 4), random());
		struct hf_snapshot *snapshot;

		ck_assert_int_eq(hf_snapshot_resolve(tables, &snapshot), 0);
		for (uint32_t src = 0; src < tables->n_ports; src++)
			for (uint32_t dst = 0; dst < tables->n_ports; dst++)
				for (uint32_t i = 0; i < 1U << tables->ports[src].lmc; i++)
					for (uint32_t j = 0; j < 1U << tables->ports[dst].lmc; j++)
						check_entry(tables, snapshot, src, i, dst, j, &reachable);
		hf_snapshot_free(snapshot);
		hf_tables_free(tables);
		hf_port_registry_free(registry);
	}
	ck_assert_uint_gt(reachable, 5000);
}
END_TEST

/* Switches in a row, one host each: host i at switch i. */
static struct hf_tables *chain(uint32_t n_switches)
{
	struct hf_tables *tables;

	ck_assert_int_eq(hf_tables_new(n_switches, n_switches, n_switches, 4, n_switches + 10, &tables), 0);
	tables->routing.subnet_prefix = htobe64(0xfe80000000000000);
	for (uint32_t i = 0; i < n_switches; i++) {
		struct hf_switch_port *ports = &tables->switch_ports[i * 4];

		tables->switches[i] = (struct hf_table_switch) { .guid = 0x200000 + i, .port = HF_NO_INDEX };
		tables->ports[i] = (struct hf_table_port) {
			.guid = 0x100000 + i, .first_column = i, .lid = 10 + i, .place = HF_PLACE_AT_SWITCH, .peer = i,
			.peer_port = 1, .mtu = 5, .rate = 16, .can = HF_CAN_ALL,
		};
		for (int number = 0; number < 4; number++)
			ports[number] = (struct hf_switch_port) { .mtu = 5, .rate = 16 };
		ports[1].peer_kind = HF_PEER_PORT;
		ports[1].peer = i;
		if (i) {
			ports[2].peer_kind = HF_PEER_SWITCH;
			ports[2].peer = i - 1;
			ports[2].peer_port = 3;
		}
		if (i + 1 < n_switches) {
			ports[3].peer_kind = HF_PEER_SWITCH;
			ports[3].peer = i + 1;
			ports[3].peer_port = 2;
		}
		for (uint32_t j = 0; j < n_switches; j++)
			tables->forwarding[i * tables->lids + 10 + j] = j < i ? 2 : j > i ? 3 : 1;
	}
	return tables;
}

START_TEST(path_of_65_switches_is_none)
{
	struct hf_tables *tables = chain(70);
	struct hf_snapshot *snapshot;

	ck_assert_int_eq(hf_snapshot_resolve(tables, &snapshot), 0);
	for (uint32_t i = 1; i < 70; i++) {
		ck_assert_int_eq(hf_snapshot_path(snapshot, 0, i) != 0, i < 64);
		ck_assert_int_eq(hf_snapshot_path(snapshot, i, 0) != 0, slow_ask(tables, i, 0, 0, 0).is_there);
	}
	hf_snapshot_free(snapshot);
	hf_tables_free(tables);
}
END_TEST

START_TEST(record_is_as_the_sa_answers)
{
	struct hf_tables *tables = chain(2);
	struct hf_snapshot *snapshot;
	struct hf_path_record record;

	tables->switch_ports[1 * 4 + 2].mtu = 4;
	tables->switch_ports[1 * 4 + 2].rate = 7;
	ck_assert_int_eq(hf_tables_set_terms(tables, 2, 1), 0);
	tables->terms[0] = (struct hf_terms) { .pkey = 0x7fff, .sl = 4, .pkt_life = 17 };
	tables->ports[1].terms_class = 1;
	ck_assert_int_eq(hf_snapshot_resolve(tables, &snapshot), 0);
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
	ck_assert_uint_eq(record.pkt_life, 0x80 | 17);
	ck_assert_uint_eq(record.num_path, 0x80);
	hf_snapshot_path_record(snapshot, 1, 1, &record);
	ck_assert_uint_eq(record.pkt_life, 0x80);
	hf_snapshot_free(snapshot);
	hf_tables_free(tables);
}
END_TEST

START_TEST(links_are_updated_in_place)
{
	struct hf_tables *tables = chain(3);
	size_t count = hf_tables_count_links(tables);
	struct hf_link *links = calloc(count, sizeof(*links));

	ck_assert_uint_eq(count, 3 + 3 * 4);
	for (size_t i = 0; i < count; i++)
		links[i] = (struct hf_link) { .mtu = 5, .rate = 16, .can = i < 3 ? HF_CAN_ALL : 0 };
	ck_assert(!hf_tables_update_links(tables, links));
	links[1].can = 0;
	ck_assert(hf_tables_update_links(tables, links));
	ck_assert_uint_eq(tables->ports[1].can, 0);
	links[3 + 2 * 4 + 1].rate = 7;
	ck_assert(hf_tables_update_links(tables, links));
	ck_assert_uint_eq(tables->switch_ports[2 * 4 + 1].rate, 7);
	ck_assert(!hf_tables_update_links(tables, links));
	free(links);
	hf_tables_free(tables);
}
END_TEST

/* Hosts at one switch with equal ports share a row; another MTU, partition or switch is another row. */
START_TEST(sources_that_cannot_differ_share_a_row)
{
	struct hf_tables *tables = chain(6);
	struct hf_snapshot *snapshot;

	for (uint32_t i = 0; i < 4; i++)
		tables->ports[i].peer = 0;
	tables->ports[3].mtu = 4;
	ck_assert_int_eq(hf_snapshot_resolve(tables, &snapshot), 0);
	ck_assert_uint_eq(snapshot->n_rows, 4);
	ck_assert_uint_eq(snapshot->ports[0].row, snapshot->ports[1].row);
	ck_assert_uint_eq(snapshot->ports[0].row, snapshot->ports[2].row);
	ck_assert_uint_ne(snapshot->ports[0].row, snapshot->ports[3].row);
	ck_assert_uint_ge(hf_snapshot_bytes(snapshot), 2 * 4 * 6);
	ck_assert_uint_lt(hf_snapshot_bytes(snapshot), 2 * 4 * 6 + 2000);
	hf_snapshot_free(snapshot);
	hf_tables_free(tables);
}
END_TEST

START_TEST(empty_fabric_is_no_special_case)
{
	struct hf_tables *tables;
	struct hf_snapshot *snapshot;

	ck_assert_int_eq(hf_tables_new(0, 0, 0, 1, 0, &tables), 0);
	ck_assert_int_eq(hf_snapshot_resolve(tables, &snapshot), 0);
	ck_assert_uint_eq(hf_snapshot_path(snapshot, 0, 1), 0);
	ck_assert(!hf_port_is_present(hf_snapshot_port(snapshot, 5)));
	hf_snapshot_free(snapshot);
	hf_tables_free(tables);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tcase = tcase_create("snapshot");

	tcase_add_test(tcase, registry_keeps_indexes_and_columns);
	tcase_add_test(tcase, entry_holds_what_was_packed);
	tcase_add_test(tcase, rates_compare_by_data);
	tcase_add_test(tcase, resolve_equals_slow_walk);
	tcase_add_test(tcase, path_of_65_switches_is_none);
	tcase_add_test(tcase, record_is_as_the_sa_answers);
	tcase_add_test(tcase, links_are_updated_in_place);
	tcase_add_test(tcase, sources_that_cannot_differ_share_a_row);
	tcase_add_test(tcase, empty_fabric_is_no_special_case);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
