/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Which SLs a routing engine that draws them at random takes for each other, found out by asking it. Engines spread a
 * layer of paths over SLs that follow each other: SLs that were given for the same path belong together, and so do
 * those between them. Pure: the engine is a function.
 */
#ifndef HF_PLUGIN_SAMPLING_H
#define HF_PLUGIN_SAMPLING_H

#include <stdint.h>

#include "plugin/tables.h"

#define HF_SAMPLED_PATHS	1024
#define HF_SAMPLES_PER_PATH	32

/* An SL for the path, 0 to 15. */
typedef uint8_t (*hf_ask_sl)(void *ctx, uint16_t slid, uint16_t dlid);

/**
 * hf_sample_layers() - draw SLs of random paths
 * @lids:      between which there are paths; 0 is none
 * @count:     of them
 * @ask:       called HF_SAMPLES_PER_PATH times for each of HF_SAMPLED_PATHS paths
 * @ctx:       passed to @ask
 * @ret_layer: by SL, the first SL of its layer; one that was never seen is a layer of its own
 */
void hf_sample_layers(const uint16_t *lids, uint32_t count, hf_ask_sl ask, void *ctx, uint8_t ret_layer[HF_SLS]);

/**
 * hf_merge_layers() - make SLs that were drawn once into the sets that they were drawn from
 * @tables: whose sls and sl_spread change
 * @layer:  of hf_sample_layers()
 */
void hf_merge_layers(struct hf_tables *tables, const uint8_t layer[HF_SLS]);

#endif
