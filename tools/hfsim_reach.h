/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Which nodes can still be reached when cables have been taken away. Pure. */
#ifndef HF_TOOLS_HFSIM_REACH_H
#define HF_TOOLS_HFSIM_REACH_H

#include <stdbool.h>

#include "sim/topology.h"

struct hf_reach {
	const struct hf_topology *topology;
	bool *is_cut;		/* cable at [node index * (HF_TOPOLOGY_PORT_MAX + 1) + port], at both of its ends */
	bool *is_reached;	/* by node index */
};

/**
 * hf_reach_init() - start with all cables
 * @topology: borrowed
 *
 * Return: 0; -ENOMEM.
 */
int hf_reach_init(struct hf_reach *reach, const struct hf_topology *topology);

void hf_reach_fini(struct hf_reach *reach);

/* Takes away (or lays again) the cable at a port, or all cables of the node where @port is 0. */
void hf_reach_cut(struct hf_reach *reach, const struct hf_topology_node *node, unsigned int port, bool is_cut);

/* Finds out again what can be reached from a node. Return: 0; -ENOMEM. */
int hf_reach_update(struct hf_reach *reach, const struct hf_topology_node *from);

/* As of the last update. */
bool hf_reach_has(const struct hf_reach *reach, const struct hf_topology_node *node);

#endif
