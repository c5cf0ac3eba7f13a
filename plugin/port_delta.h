/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What a port is told of the paths that begin at it: a snapshot's entries as a delta (lib/delta.h). Pure. */
#ifndef HF_PLUGIN_PORT_DELTA_H
#define HF_PLUGIN_PORT_DELTA_H

#include <stdatomic.h>
#include <stdint.h>

#include "lib/delta.h"
#include "plugin/history.h"
#include "plugin/snapshot.h"

/**
 * hf_draw_sl() - the SL that a path is given
 * @snapshot: resolved
 * @entry:    of a path in it
 * @draws:    counts the draws
 *
 * Where the SL is one of several, they are given in turn: so many paths are spread over them evenly, as OpenSM spreads
 * them by chance.
 */
uint8_t hf_draw_sl(const struct hf_snapshot *snapshot, hf_entry entry, atomic_uint *draws);

/**
 * hf_port_delta_init() - collect the paths from one port
 * @snapshot:  resolved
 * @history:   of the announcements up to @snapshot
 * @src:       a port that is present
 * @set:       to these destinations; NULL for all that it reaches
 * @draws:     for hf_draw_sl()
 * @ret_delta: to be cleared with hf_port_delta_fini()
 *
 * Between base LIDs, as the SA answers where one path for each pair of ports is asked for. Where all paths to a
 * site are alike, and one of them is to be told, they are told as the site's.
 *
 * Return: 0; -ENOMEM.
 */
int hf_port_delta_init(const struct hf_snapshot *snapshot, const struct hf_history *history, uint32_t src,
		       const struct hf_destinations *set, atomic_uint *draws, struct hf_delta *ret_delta);

void hf_port_delta_fini(struct hf_delta *delta);

#endif
