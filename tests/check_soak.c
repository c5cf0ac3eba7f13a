/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The pure parts of "hfsim soak": what differs between two answers of the SA, what was missed, and plans from seeds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "tools/hfsim_pathset.h"
#include "tools/hfsim_soak_plan.h"

struct path {
	uint64_t sguid, dguid;
	uint16_t slid, dlid;
	uint8_t sl, mtu, rate, pkt_life;
	uint16_t pkey;
};

static struct hf_path_set make_set(const struct path *paths, size_t count)
{
	struct hf_path_set set = { 0 };

	for (size_t i = 0; i < count; i++) {
		const struct hf_path_record record = {
			.sgid = { .guid = htobe64(paths[i].sguid) }, .dgid = { .guid = htobe64(paths[i].dguid) },
			.slid = htobe16(paths[i].slid), .dlid = htobe16(paths[i].dlid),
			.qos_class_sl = htobe16(paths[i].sl), .mtu = 2 << 6 | paths[i].mtu,
			.rate = 2 << 6 | paths[i].rate, .pkt_life = 2 << 6 | paths[i].pkt_life,
			.pkey = htobe16(paths[i].pkey),
		};

		ck_assert_int_eq(hf_path_set_add(&set, &record), 0);
	}
	hf_path_set_finish(&set);
	return set;
}

static size_t count_differences(const struct path *before, size_t n_before, const struct path *after, size_t n_after)
{
	struct hf_path_set before_set = make_set(before, n_before), after_set = make_set(after, n_after);
	struct hf_pairs pairs;
	size_t count;

	ck_assert_int_eq(hf_path_set_compare(&before_set, &after_set, &pairs), 0);
	count = pairs.count;
	hf_pairs_fini(&pairs);
	hf_path_set_fini(&before_set);
	hf_path_set_fini(&after_set);
	return count;
}

static const struct path plain[] = {
	{ 1, 2, 11, 12, 0, 4, 3, 18, 0xffff }, { 2, 1, 12, 11, 0, 4, 3, 18, 0xffff },
	{ 1, 1, 11, 11, 0, 4, 3, 0, 0xffff }, { 1, 3, 11, 13, 0, 4, 3, 18, 0xffff },
};

#define N_PLAIN (sizeof(plain) / sizeof(plain[0]))

START_TEST(equal_answers_do_not_differ_in_any_order)
{
	const struct path turned[] = { plain[3], plain[1], plain[0], plain[2] };

	ck_assert_uint_eq(count_differences(plain, N_PLAIN, turned, N_PLAIN), 0);
}
END_TEST

START_TEST(each_attribute_makes_a_difference)
{
	for (unsigned int attribute = 0; attribute < 7; attribute++) {
		struct path after[N_PLAIN];

		memcpy(after, plain, sizeof(after));
		after[1].sl += attribute == 0;
		after[1].mtu -= attribute == 1;
		after[1].rate -= attribute == 2;
		after[1].pkt_life -= attribute == 3;
		after[1].dlid += attribute == 4;
		after[1].slid += attribute == 5;
		after[1].pkey -= attribute == 6;
		ck_assert_uint_eq(count_differences(plain, N_PLAIN, after, N_PLAIN), 1);
	}
}
END_TEST

START_TEST(lost_and_new_paths_differ)
{
	ck_assert_uint_eq(count_differences(plain, N_PLAIN, plain, N_PLAIN - 1), 1);
	ck_assert_uint_eq(count_differences(plain, 1, plain, N_PLAIN), 3);
	ck_assert_uint_eq(count_differences(plain, N_PLAIN, plain, 0), 4);
	ck_assert_uint_eq(count_differences(plain, 0, plain, 0), 0);
}
END_TEST

START_TEST(one_of_several_lids_makes_a_difference)
{
	const struct path before[] = { { 1, 2, 10, 20, 0, 4, 3, 18, 0xffff }, { 1, 2, 11, 21, 0, 4, 3, 18, 0xffff } };
	const struct path after[] = { { 1, 2, 10, 20, 0, 4, 3, 18, 0xffff }, { 1, 2, 11, 21, 1, 4, 3, 18, 0xffff } };

	ck_assert_uint_eq(count_differences(before, 2, before, 2), 0);
	ck_assert_uint_eq(count_differences(before, 2, after, 2), 1);
	ck_assert_uint_eq(count_differences(before, 2, before, 1), 1);
}
END_TEST

static const struct path drawn[] = {
	{ 1, 2, 1, 2, 0, 4, 3, 18, 0xffff }, { 1, 2, 1, 2, 1, 4, 3, 18, 0xffff }, { 1, 2, 1, 2, 2, 4, 3, 18, 0xffff },
};

START_TEST(more_sls_to_draw_from_are_no_difference_fewer_are)
{
	ck_assert_uint_eq(count_differences(drawn, 2, drawn, 3), 0);
	ck_assert_uint_eq(count_differences(drawn, 3, drawn, 2), 1);
	ck_assert_uint_eq(count_differences(drawn, 2, drawn + 1, 2), 1);
}
END_TEST

START_TEST(sls_spread_in_their_layer)
{
	const struct path paths[] = {
		{ 1, 2, 1, 2, 0, 4, 3, 18, 0xffff }, { 1, 2, 1, 2, 1, 4, 3, 18, 0xffff }, { 2, 1, 2, 1, 1, 4, 3, 18, 0xffff },
		{ 2, 1, 2, 1, 2, 4, 3, 18, 0xffff }, { 1, 3, 1, 3, 2, 4, 3, 18, 0xffff }, { 3, 1, 3, 1, 5, 4, 3, 18, 0xffff },
	};
	struct hf_path_set set = make_set(paths, sizeof(paths) / sizeof(paths[0]));

	ck_assert_uint_eq(hf_path_set_count_pairs(&set), 4);
	hf_path_set_spread_sls(&set);
	ck_assert_uint_eq(set.items[0].sls, 0x7);
	ck_assert_uint_eq(set.items[1].sls, 0x7);	/* 1 to 3: SL 2 was seen, which belongs to 0 and 1 */
	ck_assert_uint_eq(set.items[2].sls, 0x7);
	ck_assert_uint_eq(set.items[3].sls, 0x20);
	hf_path_set_fini(&set);
}
END_TEST

static struct hf_pairs make_pairs(const char *letters)
{
	struct hf_pairs pairs = { 0 };

	for (; *letters; letters++)
		ck_assert_int_eq(hf_pairs_add(&pairs, &(struct hf_pair){ *letters, 1 }), 0);
	return pairs;
}

static void assert_pairs(struct hf_pairs *pairs, const char *letters)
{
	ck_assert_uint_eq(pairs->count, strlen(letters));
	for (size_t i = 0; i < pairs->count; i++)
		ck_assert_uint_eq(pairs->list[i].sguid, (unsigned char)letters[i]);
	hf_pairs_fini(pairs);
}

static void assert_judgement(const char *really, const char *said, const char *missed, const char *false_)
{
	struct hf_pairs really_pairs = make_pairs(really), said_pairs = make_pairs(said), missed_pairs, false_pairs;

	ck_assert_int_eq(hf_pairs_judge(&really_pairs, &said_pairs, &missed_pairs, &false_pairs), 0);
	assert_pairs(&missed_pairs, missed);
	assert_pairs(&false_pairs, false_);
	hf_pairs_fini(&really_pairs);
	hf_pairs_fini(&said_pairs);
}

START_TEST(missed_and_false_are_found)
{
	assert_judgement("", "", "", "");
	assert_judgement("abc", "cab", "", "");
	assert_judgement("abc", "b", "ac", "");
	assert_judgement("b", "cab", "", "ac");
	assert_judgement("ac", "bd", "ac", "bd");
}
END_TEST

START_TEST(what_was_said_twice_may_have_changed_back)
{
	assert_judgement("a", "abba", "", "");
	assert_judgement("", "aab", "", "b");
}
END_TEST

static void assert_equal_plans(const struct hf_soak_plan *a, const struct hf_soak_plan *b)
{
	char text_a[256], text_b[256];

	hf_soak_plan_describe(a, text_a, sizeof(text_a));
	hf_soak_plan_describe(b, text_b, sizeof(text_b));
	ck_assert_str_eq(text_a, text_b);
	ck_assert_uint_eq(a->topology->node_count, b->topology->node_count);
	ck_assert_uint_eq(hf_topology_count_links(a->topology), hf_topology_count_links(b->topology));
	ck_assert_uint_eq(a->random.state, b->random.state);
}

START_TEST(a_seed_gives_the_same_plan_again)
{
	for (const struct hf_soak_engine *engine = hf_soak_engines; engine->name; engine++) {
		for (uint64_t seed = 0; seed < 50; seed++) {
			struct hf_soak_plan plan, again;
			char *error = NULL;

			ck_assert_int_eq(hf_soak_plan_init(&plan, engine, seed, NULL, &error), 0);
			ck_assert_int_eq(hf_soak_plan_init(&again, engine, seed, NULL, &error), 0);
			assert_equal_plans(&plan, &again);
			ck_assert_uint_ge(hf_topology_count_type(plan.topology, HF_NODE_SWITCH), 4);
			ck_assert_uint_le(hf_topology_count_type(plan.topology, HF_NODE_SWITCH), 20);
			ck_assert_ptr_nonnull(hf_topology_find_name(plan.topology, HF_TOPOLOGY_SM_NAME));
			hf_soak_plan_fini(&plan);
			hf_soak_plan_fini(&again);
		}
	}
}
END_TEST

START_TEST(a_fabric_that_cannot_be_is_refused)
{
	static const char *const fabrics[] = { "mesh", "mesh:0x2", "mesh:2x2:many", "random:0", "random:x", "pie:3" };

	for (size_t i = 0; i < sizeof(fabrics) / sizeof(fabrics[0]); i++) {
		struct hf_soak_plan plan;
		char *error = NULL;

		ck_assert_int_lt(hf_soak_plan_init(&plan, hf_soak_engines, 1, fabrics[i], &error), 0);
		ck_assert_ptr_nonnull(error);
		free(error);
		hf_soak_plan_fini(&plan);
	}
}
END_TEST

static Suite *soak_suite(void)
{
	Suite *suite = suite_create("soak");
	TCase *tcase = tcase_create("soak");

	tcase_add_test(tcase, equal_answers_do_not_differ_in_any_order);
	tcase_add_test(tcase, each_attribute_makes_a_difference);
	tcase_add_test(tcase, lost_and_new_paths_differ);
	tcase_add_test(tcase, one_of_several_lids_makes_a_difference);
	tcase_add_test(tcase, more_sls_to_draw_from_are_no_difference_fewer_are);
	tcase_add_test(tcase, sls_spread_in_their_layer);
	tcase_add_test(tcase, missed_and_false_are_found);
	tcase_add_test(tcase, what_was_said_twice_may_have_changed_back);
	tcase_add_test(tcase, a_seed_gives_the_same_plan_again);
	tcase_add_test(tcase, a_fabric_that_cannot_be_is_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return check_main(soak_suite());
}
