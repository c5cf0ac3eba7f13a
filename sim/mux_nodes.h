/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The simulated nodes that clients of the mux are attached to, and which LIDs they have. Pure: no I/O. */
#ifndef HF_SIM_MUX_NODES_H
#define HF_SIM_MUX_NODES_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "sim/ibsim_proto.h"

#define HF_MUX_UNICAST_LIDS 0xc000

struct hf_mux_client;

struct hf_mux_node {
	char name[HF_IBSIM_NODE_NAME]; /* as ibsim finds it; the key */
	unsigned int users; /* clients, and one more where ibsim's shared slot is attached here */
	struct hf_mux_client *listener; /* gets the requests to this node; NULL for none. At most one, as in ibsim */
	uint16_t lid; /* base LID; 0 for none */
	uint16_t lids; /* how many, 1 << LMC */
	bool is_up; /* the physical state of the port is LinkUp */
	bool is_asked; /* a question about its port is on the way; the table does not look at it */
	UT_hash_handle hh;
};

struct hf_mux_nodes {
	struct hf_mux_node *by_name; /* in the order of the last hf_mux_nodes_next() */
	struct hf_mux_node *by_lid[HF_MUX_UNICAST_LIDS];
};

/**
 * hf_mux_nodes_get() - the node of this name, with one more user
 * @name:     zero-terminated
 * @ret_node: the node, new where it was unknown; end the use with hf_mux_nodes_put()
 *
 * Return: 0; -ENOMEM.
 */
int hf_mux_nodes_get(struct hf_mux_nodes *nodes, const char *name, struct hf_mux_node **ret_node);

/* Frees the node with its last user. Return: true if it is freed. */
bool hf_mux_nodes_put(struct hf_mux_nodes *nodes, struct hf_mux_node *node);

/* The node that was returned longest ago; NULL where there is none. */
struct hf_mux_node *hf_mux_nodes_next(struct hf_mux_nodes *nodes);

/**
 * hf_mux_nodes_set_port() - take over what ibsim says about the node's port
 * @portinfo: PortInfo attribute of the port
 *
 * A LID that another node had is this node's from now on.
 */
void hf_mux_nodes_set_port(struct hf_mux_nodes *nodes, struct hf_mux_node *node,
			   const uint8_t portinfo[HF_IBSIM_CTL_DATA]);

/* NULL if no client's node has this LID. */
struct hf_mux_node *hf_mux_nodes_by_lid(const struct hf_mux_nodes *nodes, uint16_t lid);

/* Is it one of the LIDs of this node? */
bool hf_mux_node_has_lid(const struct hf_mux_node *node, uint16_t lid);

#endif
