/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Engines that draw SLs at random, and what asking them finds out. */
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "plugin/sampling.h"
#include "random_tables.h"

#define LIDS	24

/* Spreads as DFSSSP does: a layer's first SL, or one of so many from there on. */
struct drawing_engine {
	uint8_t spread[HF_SLS];		/* by the first SL of a layer; 0 elsewhere */
	uint8_t first[LIDS + 1][LIDS + 1];	/* by LIDs */
	unsigned int asked;
};

static uint8_t draw(void *ctx, uint16_t slid, uint16_t dlid)
{
	struct drawing_engine *engine = ctx;
	uint8_t first;

	/* An assertion of Check here would take longer than all else. */
	if (slid < 1 || slid > LIDS || dlid < 1 || dlid > LIDS)
		ck_abort_msg("asked for LIDs %u and %u", slid, dlid);
	engine->asked++;
	first = engine->first[slid][dlid];
	return first + random_below(engine->spread[first]);
}

/* Layers side by side, of 1 to 5 SLs, and for each path one of them; each layer has some paths. */
static struct drawing_engine random_engine(void)
{
	struct drawing_engine engine = { .asked = 0 };
	uint8_t firsts[HF_SLS];
	unsigned int n_layers = 0;

	for (unsigned int sl = 0; sl < HF_SLS && (!sl || !one_in(6)); sl += engine.spread[sl]) {
		firsts[n_layers++] = sl;
		engine.spread[sl] = 1 + random_below(HF_SLS - sl < 5 ? HF_SLS - sl : 5);
	}
	for (unsigned int slid = 1; slid <= LIDS; slid++)
		for (unsigned int dlid = 1; dlid <= LIDS; dlid++)
			engine.first[slid][dlid] = firsts[random_below(n_layers)];
	return engine;
}

START_TEST(layers_are_found)
{
	srandom(random_seed());
	for (unsigned int round = 0; round < 100; round++) {
		struct drawing_engine engine = random_engine();
		uint16_t lids[2 * LIDS];
		uint8_t layer[HF_SLS], first = 0;

		/* Every second place has no LID. */
		for (unsigned int i = 0; i < 2 * LIDS; i++)
			lids[i] = i % 2 ? i / 2 + 1 : 0;
		hf_sample_layers(lids, 2 * LIDS, draw, &engine, layer);
		for (unsigned int sl = 0; sl < HF_SLS; sl++) {
			if (engine.spread[sl] || sl >= first + engine.spread[first])
				first = sl;
			ck_assert_uint_eq(layer[sl], first);
		}
		ck_assert_uint_eq(engine.asked, HF_SAMPLED_PATHS * HF_SAMPLES_PER_PATH);
	}
}
END_TEST

START_TEST(without_lids_nothing_is_asked)
{
	const uint16_t none[3] = { 0 };
	struct drawing_engine engine = { .asked = 0 };
	uint8_t layer[HF_SLS];

	hf_sample_layers(none, 3, draw, &engine, layer);
	hf_sample_layers(NULL, 0, draw, &engine, layer);
	ck_assert_uint_eq(engine.asked, 0);
	for (unsigned int sl = 0; sl < HF_SLS; sl++)
		ck_assert_uint_eq(layer[sl], sl);
}
END_TEST

/* Whatever was drawn of a layer stands for the whole of it; what is offered and layers of one SL stay as they are. */
START_TEST(drawn_sls_become_their_layers)
{
	const uint8_t layer[HF_SLS] = { 0, 0, 0, 3, 4, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	const uint8_t drawn[9] = { 0, 1, 2, 3, 4, 5, 6, HF_SL_IS_HINT, 15 };
	const uint8_t merged[9] = {
		HF_SL_IS_SPREAD | 0, HF_SL_IS_SPREAD | 0, HF_SL_IS_SPREAD | 0, 3, HF_SL_IS_SPREAD | 4,
		HF_SL_IS_SPREAD | 4, 6, HF_SL_IS_HINT, 15,
	};
	struct hf_tables *tables;

	ck_assert_int_eq(hf_tables_new(3, 3, 1, 4, 4, &tables), 0);
	ck_assert_int_eq(hf_tables_set_sls(tables, HF_SL_BY_LIDS, 0, 2), 0);
	memcpy(tables->sls, drawn, 9);
	memcpy(tables->sls + 9, drawn, 9);
	tables->sl_spread[9] = 7;
	hf_merge_layers(tables, layer);
	ck_assert_mem_eq(tables->sls, merged, 9);
	ck_assert_mem_eq(tables->sls + 9, merged, 9);
	ck_assert_uint_eq(tables->sl_spread[0], 3);
	ck_assert_uint_eq(tables->sl_spread[1], 0);
	ck_assert_uint_eq(tables->sl_spread[3], 1);
	ck_assert_uint_eq(tables->sl_spread[4], 2);
	ck_assert_uint_eq(tables->sl_spread[9], 1);
	hf_tables_free(tables);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sampling");
	TCase *tcase = tcase_create("sampling");

	tcase_add_test(tcase, layers_are_found);
	tcase_add_test(tcase, without_lids_nothing_is_asked);
	tcase_add_test(tcase, drawn_sls_become_their_layers);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
