/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"
#include "fake_sa.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/path_cache.h"

static struct hf_path_cache *cache;

static void setup(void)
{
	ck_assert_int_eq(hf_path_cache_new(&cache), 0);
}

static void teardown(void)
{
	hf_path_cache_free(cache);
}

static const struct hf_path *find(unsigned int node)
{
	union hf_gid gid = fake_gid(node);

	return hf_path_cache_find(cache, &gid);
}

/* A table of paths to nodes @first to @last. */
static void put_table(unsigned int first, unsigned int last)
{
	hf_path_cache_begin_table(cache);
	for (unsigned int node = first; node <= last; node++) {
		struct hf_path_record record = fake_path(1, node);

		ck_assert_int_eq(hf_path_cache_put(cache, &record), 0);
	}
}

START_TEST(reads_every_field_of_a_record)
{
	struct hf_path_record record = fake_path(1, 2);
	const struct hf_path *path;

	record.qos_class_sl = htobe16(0xfff5);
	record.mtu = 0x80 | 5;
	record.rate = 0x80 | 16;
	record.pkt_life = 0x80 | 11;
	record.pkey = htobe16(0x8001);
	hf_path_cache_begin_table(cache);
	ck_assert_int_eq(hf_path_cache_put(cache, &record), 0);
	path = find(2);
	ck_assert_uint_eq(path->slid, 7);
	ck_assert_uint_eq(path->dlid, 8);
	ck_assert_uint_eq(path->sl, 5);
	ck_assert_uint_eq(path->mtu, 5);
	ck_assert_uint_eq(path->rate, 16);
	ck_assert_uint_eq(path->pkt_life, 11);
	ck_assert_uint_eq(path->pkey, 0x8001);
	ck_assert(path->reachable);
}
END_TEST

START_TEST(knows_nothing_of_what_it_was_not_told)
{
	put_table(2, 5);
	ck_assert_ptr_null(find(6));
	ck_assert_uint_eq(hf_path_cache_count(cache), 4);
}
END_TEST

START_TEST(what_a_table_leaves_out_is_lost)
{
	put_table(2, 9);
	ck_assert_uint_eq(hf_path_cache_end_table(cache), 0);
	put_table(4, 10);
	ck_assert_uint_eq(hf_path_cache_end_table(cache), 2);
	ck_assert(!find(2)->reachable);
	ck_assert(!find(3)->reachable);
	ck_assert(find(4)->reachable);
	ck_assert(find(10)->reachable);
	put_table(4, 10);
	ck_assert_uint_eq(hf_path_cache_end_table(cache), 0);
	put_table(2, 9);
	ck_assert_uint_eq(hf_path_cache_end_table(cache), 1);
	ck_assert(find(2)->reachable);
}
END_TEST

START_TEST(the_first_of_several_records_counts)
{
	struct hf_path_record first = fake_path(1, 2), second = fake_path(1, 2);

	first.dlid = htobe16(20);
	second.dlid = htobe16(21);
	for (int table = 0; table < 2; table++) {
		hf_path_cache_begin_table(cache);
		ck_assert_int_eq(hf_path_cache_put(cache, &first), 0);
		ck_assert_int_eq(hf_path_cache_put(cache, &second), 0);
		hf_path_cache_end_table(cache);
		ck_assert_uint_eq(find(2)->dlid, 20);
	}
}
END_TEST

START_TEST(an_update_replaces_one_path)
{
	struct hf_path_record record = fake_path(1, 3);

	put_table(2, 4);
	hf_path_cache_end_table(cache);
	record.qos_class_sl = htobe16(1);
	ck_assert_int_eq(hf_path_cache_update(cache, &record, HF_SITE_UNKNOWN), 0);
	ck_assert_uint_eq(find(3)->sl, 1);
	ck_assert_uint_eq(find(2)->sl, 0);
	record = fake_path(1, 30);
	ck_assert_int_eq(hf_path_cache_update(cache, &record, HF_SITE_UNKNOWN), 0);
	ck_assert(find(30)->reachable);
}
END_TEST

static const struct {
	uint64_t comp_mask;
	size_t lost;
} selections[] = {
	{ 0, 4 },
	{ HF_PR_COMP_SGID, 4 },
	{ HF_PR_COMP_DGID, 1 },
	{ HF_PR_COMP_SGID | HF_PR_COMP_DGID, 1 },
	{ HF_PR_COMP_DLID, 1 },
	{ HF_PR_COMP_SLID, 4 },
	{ HF_PR_COMP_PKEY, 4 },
	{ HF_PR_COMP_DGID | HF_PR_COMP_SL | HF_PR_COMP_MTU, 1 },
};

START_TEST(loses_what_is_selected)
{
	struct hf_path_record record = fake_path(1, 3);

	put_table(2, 5);
	hf_path_cache_end_table(cache);
	ck_assert_uint_eq(hf_path_cache_lose(cache, selections[_i].comp_mask, &record), selections[_i].lost);
	ck_assert(!find(3)->reachable);
	ck_assert_uint_eq(hf_path_cache_lose(cache, selections[_i].comp_mask, &record), 0);
}
END_TEST

START_TEST(loses_nothing_where_a_field_differs)
{
	struct hf_path_record record = fake_path(1, 3);

	put_table(2, 5);
	record.pkey = htobe16(0x8002);
	ck_assert_uint_eq(hf_path_cache_lose(cache, HF_PR_COMP_DGID | HF_PR_COMP_PKEY, &record), 0);
	record = fake_path(2, 3);
	ck_assert_uint_eq(hf_path_cache_lose(cache, HF_PR_COMP_SLID, &record), 0);
	ck_assert(find(3)->reachable);
}
END_TEST

#define PREFIX UINT64_C(0xfe80000000000000)
#define GUID(node) (UINT64_C(0x100) + (node))	/* as in fake_gid() */
#define LID(node) (6 + (node))			/* as in fake_path() */

static const struct hf_path_origin origin = { .subnet_prefix = PREFIX, .slid = 7 };
static const struct hf_delta_terms terms = { .pkey = 0xffff, .sl = 3, .mtu = 5, .rate = 16, .pkt_life = 17 };

/* From node 2 on, as records. */
static void put_whole_table(unsigned int last)
{
	put_table(2, last);
	hf_path_cache_end_table(cache);
}

START_TEST(a_delta_changes_what_it_names)
{
	const struct hf_path_origin other_origin = { .subnet_prefix = PREFIX, .slid = 70 };

	put_whole_table(9);
	hf_path_cache_begin_delta(cache, &other_origin, false);
	ck_assert(hf_path_cache_lose_guid(cache, GUID(3)));
	ck_assert(!hf_path_cache_lose_guid(cache, GUID(3)));
	ck_assert(!hf_path_cache_lose_guid(cache, GUID(30)));
	ck_assert_int_eq(hf_path_cache_set(cache, LID(4), &terms), 0);
	ck_assert(!find(3)->reachable);
	ck_assert_uint_eq(find(4)->sl, 3);
	ck_assert_uint_eq(find(4)->mtu, 5);
	ck_assert_uint_eq(find(4)->rate, 16);
	ck_assert_uint_eq(find(4)->pkt_life, 17);
	ck_assert_uint_eq(find(4)->pkey, 0xffff);
	ck_assert_uint_eq(find(4)->slid, 70);
	ck_assert_uint_eq(find(4)->dlid, LID(4));
	ck_assert_uint_eq(find(5)->slid, 7);
	ck_assert_ptr_null(find(30));
}
END_TEST

START_TEST(a_whole_delta_leaves_nothing_else)
{
	put_whole_table(9);
	hf_path_cache_begin_delta(cache, &origin, true);
	ck_assert_int_eq(hf_path_cache_name(cache, GUID(4), 40, HF_SITE_UNKNOWN), 0);
	ck_assert_int_eq(hf_path_cache_name(cache, GUID(30), 41, HF_SITE_UNKNOWN), 0);
	ck_assert_int_eq(hf_path_cache_set(cache, 40, &terms), 0);
	ck_assert_int_eq(hf_path_cache_set(cache, 41, &terms), 0);
	ck_assert_int_eq(hf_path_cache_set(cache, LID(5), &terms), -ENOENT);	/* a LID of the table before */
	ck_assert_uint_eq(hf_path_cache_end_table(cache), 7);
	ck_assert(find(4)->reachable && find(30)->reachable);
	ck_assert_uint_eq(find(30)->dlid, 41);
	ck_assert(!find(5)->reachable);
}
END_TEST

START_TEST(the_subnet_prefix_comes_with_the_delta)
{
	const struct hf_path_origin elsewhere = { .subnet_prefix = 0xfec0000000000001, .slid = 7 };
	const union hf_gid gid = { .prefix = htobe64(0xfec0000000000001), .guid = htobe64(GUID(2)) };

	put_whole_table(2);
	hf_path_cache_begin_delta(cache, &elsewhere, false);
	ck_assert(!hf_path_cache_lose_guid(cache, GUID(2)));
	ck_assert_int_eq(hf_path_cache_name(cache, GUID(2), 50, HF_SITE_UNKNOWN), 0);
	ck_assert_int_eq(hf_path_cache_set(cache, 50, &terms), 0);
	ck_assert_uint_eq(find(2)->dlid, LID(2));
	ck_assert_uint_eq(hf_path_cache_find(cache, &gid)->dlid, 50);
}
END_TEST

START_TEST(an_unknown_lid_is_an_error)
{
	static const uint16_t lids[] = { 0, 5, LID(10), 0xbfff, 0xc000, 0xffff };

	put_whole_table(9);
	hf_path_cache_begin_delta(cache, &origin, false);
	for (size_t i = 0; i < sizeof(lids) / sizeof(lids[0]); i++) {
		ck_assert_int_eq(hf_path_cache_set(cache, lids[i], &terms), -ENOENT);
		ck_assert_ptr_null(hf_path_cache_find_lid(cache, lids[i]));
	}
	ck_assert_uint_eq(hf_path_cache_count(cache), 8);
}
END_TEST

/* A name without a path: no connection may be made from it. */
START_TEST(a_name_is_no_path)
{
	hf_path_cache_begin_delta(cache, &origin, false);
	ck_assert_int_eq(hf_path_cache_name(cache, GUID(2), 40, HF_SITE_UNKNOWN), 0);
	ck_assert(!find(2)->reachable);
	ck_assert_ptr_eq(hf_path_cache_find_lid(cache, 40), find(2));
}
END_TEST

START_TEST(two_ports_exchange_their_lids)
{
	put_whole_table(4);
	hf_path_cache_begin_delta(cache, &origin, false);
	ck_assert_int_eq(hf_path_cache_name(cache, GUID(2), LID(3), HF_SITE_UNKNOWN), 0);
	ck_assert_int_eq(hf_path_cache_name(cache, GUID(3), LID(2), HF_SITE_UNKNOWN), 0);
	ck_assert_int_eq(hf_path_cache_set(cache, LID(2), &terms), 0);
	ck_assert_uint_eq(find(3)->sl, 3);
	ck_assert_uint_eq(find(3)->dlid, LID(2));
	ck_assert_uint_eq(find(2)->sl, 0);
	ck_assert_uint_eq(find(2)->dlid, LID(3));
}
END_TEST

/* Node 2 is gone and node 20 has its LID. When node 2 is back under another, the old LID stays where it is. */
START_TEST(a_lid_passes_on_from_a_port_that_is_gone)
{
	put_whole_table(4);
	hf_path_cache_begin_delta(cache, &origin, false);
	ck_assert(hf_path_cache_lose_guid(cache, GUID(2)));
	ck_assert_int_eq(hf_path_cache_name(cache, GUID(20), LID(2), HF_SITE_UNKNOWN), 0);
	ck_assert_int_eq(hf_path_cache_set(cache, LID(2), &terms), 0);
	ck_assert(!find(2)->reachable);
	ck_assert(find(20)->reachable);

	ck_assert_int_eq(hf_path_cache_name(cache, GUID(2), 50, HF_SITE_UNKNOWN), 0);
	ck_assert_int_eq(hf_path_cache_set(cache, 50, &terms), 0);
	ck_assert_uint_eq(find(2)->dlid, 50);
	ck_assert_ptr_eq(hf_path_cache_find_lid(cache, LID(2)), find(20));
}
END_TEST

START_TEST(a_port_that_comes_back_has_its_lid)
{
	put_whole_table(4);
	hf_path_cache_begin_delta(cache, &origin, false);
	ck_assert(hf_path_cache_lose_guid(cache, GUID(2)));
	ck_assert_int_eq(hf_path_cache_set(cache, LID(2), &terms), 0);
	ck_assert(find(2)->reachable);
}
END_TEST

START_TEST(records_tell_lids)
{
	struct hf_path_record record = fake_path(1, 2);

	put_whole_table(4);
	record.dlid = htobe16(LID(3));
	ck_assert_int_eq(hf_path_cache_update(cache, &record, HF_SITE_UNKNOWN), 0);
	ck_assert_ptr_eq(hf_path_cache_find_lid(cache, LID(3)), find(2));
	ck_assert_ptr_null(hf_path_cache_find_lid(cache, LID(2)));

	record = fake_path(1, 3);
	record.dlid = htobe16(60);
	ck_assert_int_eq(hf_path_cache_update(cache, &record, HF_SITE_UNKNOWN), 0);
	ck_assert_ptr_eq(hf_path_cache_find_lid(cache, LID(3)), find(2));
	ck_assert_ptr_eq(hf_path_cache_find_lid(cache, 60), find(3));

	put_whole_table(3);
	ck_assert_ptr_eq(hf_path_cache_find_lid(cache, LID(2)), find(2));
	ck_assert_ptr_null(hf_path_cache_find_lid(cache, LID(4)));
	ck_assert_ptr_null(hf_path_cache_find_lid(cache, 60));

	record.dlid = htobe16(0xffff);
	ck_assert_int_eq(hf_path_cache_update(cache, &record, HF_SITE_UNKNOWN), 0);
	ck_assert_ptr_null(hf_path_cache_find_lid(cache, 0xffff));
}
END_TEST

/* Switch 3 is node 2; 3 to 5 hang at it, and 6 at switch 700. */
static void put_sites(void)
{
	put_whole_table(6);
	hf_path_cache_begin_delta(cache, &origin, true);
	for (unsigned int node = 2; node <= 6; node++) {
		uint32_t site = node == 6 ? hf_site(700, false) : hf_site(3, node == 2);

		ck_assert_int_eq(hf_path_cache_name(cache, GUID(node), LID(node), site), 0);
		ck_assert_int_eq(hf_path_cache_set(cache, LID(node), &terms), 0);
	}
	ck_assert_uint_eq(hf_path_cache_end_table(cache), 0);
	hf_path_cache_begin_delta(cache, &origin, false);
}

static uint32_t sum_of(unsigned int first, unsigned int last)
{
	uint32_t sum = 0;

	for (unsigned int node = first; node <= last; node++)
		sum += hf_site_sum(node == 6 ? hf_site(700, false) : hf_site(3, node == 2), LID(node));
	return sum;
}

static void add_site(uint32_t number, bool is_own_port, uint8_t sl)
{
	struct hf_delta_terms some = terms;

	some.sl = sl;
	ck_assert_int_eq(hf_path_cache_add_site(cache, hf_site(number, is_own_port), &some), 0);
}

static void count_set(void *ctx, const struct hf_path *path)
{
	ck_assert(path->reachable);
	++*(size_t *)ctx;
}

static void expect_set(uint32_t count, uint32_t sum, int err)
{
	size_t set = 0;

	ck_assert_int_eq(hf_path_cache_set_sites(cache, count, sum, count_set, &set), err);
	ck_assert_uint_eq(set, err ? 0 : count);
}

START_TEST(a_site_tells_the_paths_to_all_there)
{
	bool is_own_port = _i;
	unsigned int first = is_own_port ? 2 : 3, last = is_own_port ? 2 : 5;

	put_sites();
	add_site(3, is_own_port, 9);
	ck_assert_uint_eq(find(first)->sl, terms.sl);
	expect_set(last - first + 1, sum_of(first, last), 0);
	for (unsigned int node = 2; node <= 6; node++)
		ck_assert_uint_eq(find(node)->sl, node >= first && node <= last ? 9 : terms.sl);
	/* What a delta told is that delta's. */
	hf_path_cache_begin_delta(cache, &origin, false);
	add_site(700, false, 8);
	expect_set(1, sum_of(6, 6), 0);
	ck_assert_uint_eq(find(6)->sl, 8);
}
END_TEST

/* Others than the SM means: nothing is set. */
START_TEST(a_site_with_others_tells_nothing)
{
	put_sites();
	add_site(3, false, 9);
	add_site(48000, false, 9);
	expect_set(2, sum_of(3, 5), -ESTALE);
	expect_set(3, sum_of(3, 5) + 1, -ESTALE);
	expect_set(3, sum_of(3, 4) + sum_of(6, 6), -ESTALE);
	expect_set(0, 0, -ESTALE);
	for (unsigned int node = 2; node <= 6; node++)
		ck_assert_uint_eq(find(node)->sl, terms.sl);
	expect_set(3, sum_of(3, 5), 0);
}
END_TEST

/* What is lost is at no site any more, until it is named again. */
START_TEST(what_is_lost_has_left_its_site)
{
	struct hf_path_record record = fake_path(1, 5);

	put_sites();
	if (_i == 0)
		ck_assert(hf_path_cache_lose_guid(cache, GUID(5)));
	else
		ck_assert_uint_eq(hf_path_cache_lose(cache, HF_PR_COMP_DGID, &record), 1);
	add_site(3, false, 9);
	expect_set(3, sum_of(3, 5), -ESTALE);
	expect_set(2, sum_of(3, 4), 0);
	ck_assert(!find(5)->reachable);

	hf_path_cache_begin_delta(cache, &origin, false);
	ck_assert_int_eq(hf_path_cache_update(cache, &record, hf_site(3, false)), 0);
	add_site(3, false, 11);
	expect_set(3, sum_of(3, 5), 0);
	ck_assert_uint_eq(find(5)->sl, 11);
}
END_TEST

/* A destination that is new and the path to its site come in one delta. */
START_TEST(a_name_and_its_site_make_a_path)
{
	put_sites();
	ck_assert_int_eq(hf_path_cache_name(cache, GUID(30), LID(30), hf_site(9, false)), 0);
	add_site(9, false, 4);
	expect_set(1, hf_site_sum(hf_site(9, false), LID(30)), 0);
	ck_assert(find(30)->reachable);
	ck_assert_uint_eq(find(30)->sl, 4);
	ck_assert_uint_eq(find(30)->dlid, LID(30));
}
END_TEST

START_TEST(a_whole_table_forgets_the_sites)
{
	put_sites();
	if (_i == 0)
		put_whole_table(6);
	else
		hf_path_cache_begin_delta(cache, &origin, true);
	add_site(3, false, 9);
	expect_set(3, sum_of(3, 5), -ESTALE);
	expect_set(0, 0, 0);
}
END_TEST

/*
 * A model of few ports and fewer LIDs, so that LIDs change hands all the time: whatever happened before, a path goes to
 * the port that was named last with its LID.
 */
#define MODEL_PORTS	12
#define MODEL_LIDS	16

START_TEST(lids_that_change_hands)
{
	unsigned int lid_of[MODEL_PORTS] = { 0 }, sl_of[MODEL_PORTS] = { 0 };
	bool is_reachable[MODEL_PORTS] = { false };
	int owner[MODEL_LIDS];

	printf("# seed %d\n", _i);
	srandom(_i);
	for (int lid = 0; lid < MODEL_LIDS; lid++)
		owner[lid] = -1;
	hf_path_cache_begin_delta(cache, &origin, false);
	for (int step = 0; step < 2000; step++) {
		int port = random() % MODEL_PORTS, lid = 1 + random() % (MODEL_LIDS - 1);
		struct hf_delta_terms some = terms;

		some.sl = random() % 16;
		switch (random() % 3) {
		case 0:
			ck_assert_int_eq(!!hf_path_cache_lose_guid(cache, GUID(port)), is_reachable[port]);
			is_reachable[port] = false;
			break;
		case 1:
			ck_assert_int_eq(hf_path_cache_name(cache, GUID(port), lid, HF_SITE_UNKNOWN), 0);
			if (owner[lid_of[port]] == port)
				owner[lid_of[port]] = -1;
			lid_of[port] = lid;
			owner[lid] = port;
			break;
		case 2:
			ck_assert_int_eq(hf_path_cache_set(cache, lid, &some), owner[lid] < 0 ? -ENOENT : 0);
			if (owner[lid] >= 0) {
				is_reachable[owner[lid]] = true;
				sl_of[owner[lid]] = some.sl;
			}
			break;
		}
		for (port = 0; port < MODEL_PORTS; port++) {
			const struct hf_path *path = find(port);

			ck_assert_int_eq(path && path->reachable, is_reachable[port]);
			ck_assert(!path || (path->dlid == lid_of[port] && path->sl == sl_of[port]));
		}
	}
}
END_TEST

START_TEST(has_a_bound)
{
	struct hf_path_record record;

	put_table(2, 1 + HF_PATH_CACHE_MAX);
	record = fake_path(1, HF_PATH_CACHE_MAX + 10);
	ck_assert_int_eq(hf_path_cache_put(cache, &record), -ENOSPC);
	ck_assert_int_eq(hf_path_cache_update(cache, &record, HF_SITE_UNKNOWN), -ENOSPC);
	ck_assert_int_eq(hf_path_cache_name(cache, GUID(HF_PATH_CACHE_MAX + 10), 1, HF_SITE_UNKNOWN), -ENOSPC);
	record = fake_path(1, 2);
	ck_assert_int_eq(hf_path_cache_update(cache, &record, HF_SITE_UNKNOWN), 0);
}
END_TEST

START_TEST(differs_by_each_field_that_connections_use)
{
	const struct hf_path path = { .dlid = 8, .slid = 7, .sl = 1, .mtu = 4, .rate = 7, .pkey = 0xffff };
	struct hf_path other[] = { path, path, path, path, path, path, path };

	ck_assert(!hf_path_differs(&path, &other[0]));
	other[0].dlid++;
	other[1].slid++;
	other[2].sl++;
	other[3].mtu++;
	other[4].rate++;
	other[5].pkt_life++;
	other[6].pkey--;
	for (size_t i = 0; i < 7; i++)
		ck_assert(hf_path_differs(&path, &other[i]));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("path_cache");
	TCase *tcase = tcase_create("path_cache");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, reads_every_field_of_a_record);
	tcase_add_test(tcase, knows_nothing_of_what_it_was_not_told);
	tcase_add_test(tcase, what_a_table_leaves_out_is_lost);
	tcase_add_test(tcase, the_first_of_several_records_counts);
	tcase_add_test(tcase, an_update_replaces_one_path);
	tcase_add_loop_test(tcase, loses_what_is_selected, 0, sizeof(selections) / sizeof(selections[0]));
	tcase_add_test(tcase, loses_nothing_where_a_field_differs);
	tcase_add_test(tcase, a_delta_changes_what_it_names);
	tcase_add_test(tcase, a_whole_delta_leaves_nothing_else);
	tcase_add_test(tcase, the_subnet_prefix_comes_with_the_delta);
	tcase_add_test(tcase, an_unknown_lid_is_an_error);
	tcase_add_test(tcase, a_name_is_no_path);
	tcase_add_test(tcase, two_ports_exchange_their_lids);
	tcase_add_test(tcase, a_lid_passes_on_from_a_port_that_is_gone);
	tcase_add_test(tcase, a_port_that_comes_back_has_its_lid);
	tcase_add_test(tcase, records_tell_lids);
	tcase_add_loop_test(tcase, a_site_tells_the_paths_to_all_there, 0, 2);
	tcase_add_test(tcase, a_site_with_others_tells_nothing);
	tcase_add_loop_test(tcase, what_is_lost_has_left_its_site, 0, 2);
	tcase_add_test(tcase, a_name_and_its_site_make_a_path);
	tcase_add_loop_test(tcase, a_whole_table_forgets_the_sites, 0, 2);
	tcase_add_loop_test(tcase, lids_that_change_hands, 0, 20);
	tcase_add_test(tcase, has_a_bound);
	tcase_add_test(tcase, differs_by_each_field_that_connections_use);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
