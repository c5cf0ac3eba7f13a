/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Where switches send multicast packets whose MLID is in no table of theirs: a tree of default ports that leads all of
 * them to one end port. Plain graphs and numbers; nothing of OpenSM.
 *
 * A switch forwards such a packet to its DefaultMulticastPrimaryPort, and one that came in there to its
 * DefaultMulticastNotPrimaryPort. Here the primary port of each switch leads one hop nearer to the end port, so packets
 * follow a tree; nothing comes in from there but what the end port itself sends, and that goes to port 0, where the
 * switch takes no data: it is not sent back to its sender, and nowhere else.
 */
#ifndef HF_PLUGIN_FUNNEL_H
#define HF_PLUGIN_FUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin/tables.h"

/* What packets meet that come in at the primary port. */
#define HF_FUNNEL_SINK	0

struct hf_default_ports {
	uint8_t primary, not_primary;
};

/* Of the switch ports only their peers count; a cable of which the two ends do not name each other is no way. */
struct hf_funnel_graph {
	uint32_t n_switches;
	unsigned int ports_per_switch;			/* highest number of any, plus 1 */
	const struct hf_switch_port *switch_ports;	/* [switch][number]; borrowed */
};

/* One switch that must be set. */
struct hf_funnel_hop {
	uint32_t switch_;
	uint32_t distance;		/* hops to the switch of the end port, itself 0 */
	struct hf_default_ports ports;
};

struct hf_funnel {
	struct hf_funnel_hop *hops;	/* by rising distance, then number */
	uint32_t n_hops;
	uint32_t *cut_off;		/* wanted, but without a way to the end port; by rising number */
	uint32_t n_cut_off;
};

/**
 * hf_funnel_compute() - find out which default ports lead all unknown multicast to one end port
 * @graph:      borrowed
 * @root:       the switch at which the end port hangs
 * @root_port:  the number of its port there; 0 if the end port is that switch's own
 * @wanted:     [switch]: whose packets are to arrive; NULL for all. Those on the way are set as well, and no others
 * @held:       [switch]: what is set now. A primary port that is on a shortest way already stays; NULL if unknown
 * @ret_funnel: to be cleared with hf_funnel_fini()
 *
 * If the hops are written in their order, then at no moment is there a loop, whatever tree was there before: those
 * written form a tree around the end port, and what enters it never leaves it.
 *
 * Cost: O(switches x ports).
 * Return: 0; -EINVAL if @root or @root_port is not in the graph; -ENOMEM. @ret_funnel is untouched on failure.
 */
int hf_funnel_compute(const struct hf_funnel_graph *graph, uint32_t root, uint8_t root_port, const bool *wanted,
		      const struct hf_default_ports *held, struct hf_funnel *ret_funnel);

void hf_funnel_fini(struct hf_funnel *funnel);

#endif
