/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/sampling.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static uint16_t random_lid(const uint16_t *lids, uint32_t count)
{
	uint32_t at = count ? (uint32_t)random() % count : 0;

	for (uint32_t i = 0; i < count; i++, at = at + 1 < count ? at + 1 : 0)
		if (lids[at])
			return lids[at];
	return 0;
}

static void widen(uint8_t *first, uint8_t *last, uint8_t sl)
{
	if (sl < *first)
		*first = sl;
	if (sl > *last)
		*last = sl;
}

void hf_sample_layers(const uint16_t *lids, uint32_t count, hf_ask_sl ask, void *ctx, uint8_t ret_layer[HF_SLS])
{
	bool is_joined[HF_SLS] = { false };	/* with the SL above it */

	for (int i = 0; i < HF_SAMPLED_PATHS; i++) {
		uint16_t slid = random_lid(lids, count), dlid = random_lid(lids, count);
		uint8_t first = HF_SL_MASK, last = 0;

		for (int sample = 0; slid && dlid && sample < HF_SAMPLES_PER_PATH; sample++)
			widen(&first, &last, ask(ctx, slid, dlid));
		for (uint8_t sl = first; sl < last; sl++)
			is_joined[sl] = true;
	}
	for (uint8_t sl = 0; sl < HF_SLS; sl++)
		ret_layer[sl] = sl && is_joined[sl - 1] ? ret_layer[sl - 1] : sl;
}

void hf_merge_layers(struct hf_tables *tables, const uint8_t layer[HF_SLS])
{
	size_t count = (size_t)hf_tables_count_sl_sources(tables) * hf_tables_count_sl_destinations(tables) *
		       tables->n_sl_variants;

	memset(tables->sl_spread, 0, sizeof(tables->sl_spread));
	for (uint8_t sl = 0; sl < HF_SLS; sl++)
		tables->sl_spread[layer[sl]]++;
	for (size_t i = 0; i < count; i++) {
		uint8_t sl = tables->sls[i];

		if (!(sl & HF_SL_IS_HINT) && tables->sl_spread[layer[sl]] > 1)
			tables->sls[i] = layer[sl] | HF_SL_IS_SPREAD;
	}
}
