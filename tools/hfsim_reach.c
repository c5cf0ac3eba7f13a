/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_reach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PORTS (HF_TOPOLOGY_PORT_MAX + 1)

int hf_reach_init(struct hf_reach *reach, const struct hf_topology *topology)
{
	*reach = (struct hf_reach){
		.topology = topology,
		.is_cut = calloc((size_t)topology->node_count * PORTS, sizeof(bool)),
		.is_reached = calloc(topology->node_count, sizeof(bool)),
	};
	if (!reach->is_cut || !reach->is_reached) {
		hf_reach_fini(reach);
		return -ENOMEM;
	}
	return 0;
}

void hf_reach_fini(struct hf_reach *reach)
{
	free(reach->is_cut);
	free(reach->is_reached);
	*reach = (struct hf_reach){ 0 };
}

static void cut_port(struct hf_reach *reach, const struct hf_topology_node *node, unsigned int port, bool is_cut)
{
	const struct hf_topology_port *end = &node->ports[port];

	reach->is_cut[node->index * PORTS + port] = is_cut;
	if (end->remote)
		reach->is_cut[end->remote->index * PORTS + end->remote_port] = is_cut;
}

void hf_reach_cut(struct hf_reach *reach, const struct hf_topology_node *node, unsigned int port, bool is_cut)
{
	if (port > 0) {
		cut_port(reach, node, port, is_cut);
		return;
	}
	for (unsigned int i = 1; i <= node->port_count; i++)
		cut_port(reach, node, i, is_cut);
}

int hf_reach_update(struct hf_reach *reach, const struct hf_topology_node *from)
{
	const struct hf_topology_node **queue = calloc(reach->topology->node_count, sizeof(struct hf_topology_node *));
	size_t first = 0, last = 0;

	if (!queue)
		return -ENOMEM;
	memset(reach->is_reached, 0, reach->topology->node_count * sizeof(bool));
	reach->is_reached[from->index] = true;
	queue[last++] = from;
	while (first < last) {
		const struct hf_topology_node *node = queue[first++];

		/* Nothing passes through an adapter. */
		if (node->type != HF_NODE_SWITCH && node != from)
			continue;
		for (unsigned int i = 1; i <= node->port_count; i++) {
			const struct hf_topology_node *next = node->ports[i].remote;

			if (!next || reach->is_cut[node->index * PORTS + i] || reach->is_reached[next->index])
				continue;
			reach->is_reached[next->index] = true;
			queue[last++] = next;
		}
	}
	free(queue);
	return 0;
}

bool hf_reach_has(const struct hf_reach *reach, const struct hf_topology_node *node)
{
	return reach->is_reached[node->index];
}
