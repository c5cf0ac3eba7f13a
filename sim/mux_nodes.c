/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/mux_nodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where the fields lie in PortInfo (IBA volume 1, 14.2.5.6) */
#define PORTINFO_LID		16
#define PORTINFO_PHYS_STATE	33 /* upper half */
#define PORTINFO_LMC		34 /* lower 3 bits */
#define PHYS_STATE_LINK_UP	5

int hf_mux_nodes_get(struct hf_mux_nodes *nodes, const char *name, struct hf_mux_node **ret_node)
{
	struct hf_mux_node *node;

	HASH_FIND_STR(nodes->by_name, name, node);
	if (!node) {
		node = calloc(1, sizeof(*node));
		if (!node)
			return -ENOMEM;
		snprintf(node->name, sizeof(node->name), "%s", name);
		HASH_ADD_STR(nodes->by_name, name, node);
	}
	node->users++;
	*ret_node = node;
	return 0;
}

static void clear_lids(struct hf_mux_nodes *nodes, const struct hf_mux_node *node)
{
	for (unsigned int lid = node->lid; lid < (unsigned int)node->lid + node->lids; lid++) {
		if (nodes->by_lid[lid] == node)
			nodes->by_lid[lid] = NULL;
	}
}

bool hf_mux_nodes_put(struct hf_mux_nodes *nodes, struct hf_mux_node *node)
{
	if (--node->users)
		return false;
	clear_lids(nodes, node);
	HASH_DEL(nodes->by_name, node);
	free(node);
	return true;
}

struct hf_mux_node *hf_mux_nodes_next(struct hf_mux_nodes *nodes)
{
	struct hf_mux_node *node = nodes->by_name;

	if (node) {
		HASH_DEL(nodes->by_name, node);
		HASH_ADD_STR(nodes->by_name, name, node);
	}
	return node;
}

void hf_mux_nodes_set_port(struct hf_mux_nodes *nodes, struct hf_mux_node *node,
			   const uint8_t portinfo[HF_IBSIM_CTL_DATA])
{
	uint16_t lid = (uint16_t)(portinfo[PORTINFO_LID] << 8 | portinfo[PORTINFO_LID + 1]);
	uint16_t lids = (uint16_t)(1 << (portinfo[PORTINFO_LMC] & 7));

	clear_lids(nodes, node);
	node->is_up = portinfo[PORTINFO_PHYS_STATE] >> 4 == PHYS_STATE_LINK_UP;
	node->lid = node->lids = 0;
	if (lid == 0 || lid + lids > HF_MUX_UNICAST_LIDS)
		return;
	node->lid = lid;
	node->lids = lids;
	for (unsigned int i = 0; i < lids; i++)
		nodes->by_lid[lid + i] = node;
}

struct hf_mux_node *hf_mux_nodes_by_lid(const struct hf_mux_nodes *nodes, uint16_t lid)
{
	return lid < HF_MUX_UNICAST_LIDS ? nodes->by_lid[lid] : NULL;
}

bool hf_mux_node_has_lid(const struct hf_mux_node *node, uint16_t lid)
{
	return lid && lid >= node->lid && lid < node->lid + node->lids;
}
