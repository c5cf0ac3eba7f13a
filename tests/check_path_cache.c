/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"
#include "fake_sa.h"

#include <errno.h>

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
	ck_assert_int_eq(hf_path_cache_update(cache, &record), 0);
	ck_assert_uint_eq(find(3)->sl, 1);
	ck_assert_uint_eq(find(2)->sl, 0);
	record = fake_path(1, 30);
	ck_assert_int_eq(hf_path_cache_update(cache, &record), 0);
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

START_TEST(has_a_bound)
{
	struct hf_path_record record;

	put_table(2, 1 + HF_PATH_CACHE_MAX);
	record = fake_path(1, HF_PATH_CACHE_MAX + 10);
	ck_assert_int_eq(hf_path_cache_put(cache, &record), -ENOSPC);
	ck_assert_int_eq(hf_path_cache_update(cache, &record), -ENOSPC);
	record = fake_path(1, 2);
	ck_assert_int_eq(hf_path_cache_update(cache, &record), 0);
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
	tcase_add_test(tcase, has_a_bound);
	tcase_add_test(tcase, differs_by_each_field_that_connections_use);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
