/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Credit loops: from the tables that the switches hold and the service levels that flows use, can buffers wait for each
 * other in a circle?
 *
 * A channel is one direction of a cable and one virtual lane on it. A flow that leaves one channel for the next makes
 * the first depend on the second; a cycle of dependencies is a credit loop (Dally and Seitz, 1987). Who read the
 * tables, and from which fabric, is no matter here.
 */
#ifndef HF_SIM_CREDITLOOP_H
#define HF_SIM_CREDITLOOP_H

#include "sim/topology.h"

#define HF_SL_COUNT	16
#define HF_VL_DROP	15	/* in an SL2VL table: packets of this SL are dropped */

struct hf_creditloop;

/* Source and destination are ports of the topology by their LIDs (hf_topology_port.lid and lmc). */
struct hf_creditloop_flow {
	uint16_t slid, dlid;
	uint8_t sl;
};

enum hf_flow_failure {
	HF_FLOW_NO_SOURCE,	/* no port has the SLID */
	HF_FLOW_NO_ROUTE,	/* the LFT has no port, or none that exists, for the DLID */
	HF_FLOW_LINK_DOWN,	/* it leaves at a port without a cable */
	HF_FLOW_VL_DROP,	/* SL2VL says lane 15 */
	HF_FLOW_LOOP,		/* it comes to a channel for the second time */
	HF_FLOW_WRONG_END,	/* it ends at a port that does not have the DLID */
};

struct hf_creditloop_failure {
	size_t flow;				/* index of the flow */
	enum hf_flow_failure reason;
	const struct hf_topology_node *node;	/* where it ends; NULL for HF_FLOW_NO_SOURCE */
	unsigned int port;			/* the port it would have left by, or arrived at; 0: none */
};

/* From @port of @node to that port's remote. */
struct hf_creditloop_channel {
	const struct hf_topology_node *node;
	uint8_t port;
	uint8_t vl;
};

/* Each channel depends on the one behind it, the last on the first. */
struct hf_creditloop_cycle {
	struct hf_creditloop_channel *channels;
	size_t channel_count;
};

struct hf_creditloop_result {
	struct hf_creditloop_cycle *cycles;	/* one for each strongly connected part of the dependency graph */
	size_t cycle_count;
	struct hf_creditloop_failure *failures;	/* by rising flow */
	size_t failure_count;
	size_t channel_count;			/* channels between switches that flows use */
	size_t dependency_count;
};

/**
 * hf_creditloop_new() - begin a check
 * @topology: the cables as they are now, with LIDs at the ports; borrowed until hf_creditloop_free(), and neither nodes
 *            nor cables may change until then
 *
 * Return: the check without any table, or NULL.
 */
struct hf_creditloop *hf_creditloop_new(const struct hf_topology *topology);
void hf_creditloop_free(struct hf_creditloop *check);

/**
 * hf_creditloop_set_lft() - set part of a switch's linear forwarding table
 * @check:     the check
 * @node:      a switch of its topology
 * @first_lid: LID of the first entry
 * @ports:     output ports, 0xFF for none; copied
 * @count:     entries: 64 for a block as an SMP brings it. What is set twice counts as last set, what never is has no
 *             route
 *
 * Return: 0; -EINVAL where @node is no switch or the LIDs are not unicast; -ENOMEM.
 */
int hf_creditloop_set_lft(struct hf_creditloop *check, const struct hf_topology_node *node, uint16_t first_lid,
			  const uint8_t *ports, size_t count);

/**
 * hf_creditloop_set_sl2vl() - set one SL to VL table
 * @check:    the check
 * @node:     a node of its topology
 * @in_port:  of a switch: where the packet came in, 0 for its own; else not looked at
 * @out_port: where it leaves
 * @vls:      VL of each SL; copied
 *
 * Ports without a table have the identity: SL n on VL n.
 *
 * Return: 0; -EINVAL for a port that does not exist or a VL above 15; -ENOMEM.
 */
int hf_creditloop_set_sl2vl(struct hf_creditloop *check, const struct hf_topology_node *node, unsigned int in_port,
			    unsigned int out_port, const uint8_t vls[HF_SL_COUNT]);

/**
 * hf_creditloop_check() - walk all flows and look for cycles
 * @check:      with all tables set; unchanged, and may be asked again with other flows
 * @flows:      borrowed; the same one may stand there often
 * @flow_count: may be 0
 * @ret_result: caller frees with hf_creditloop_result_free() before the topology
 *
 * A flow that does not arrive is reported, and what it depends on up to there counts. Of each strongly connected part
 * of the graph one cycle is given, the shortest through one of its channels. Channels to and from adapters are in no
 * cycle, because adapters do not forward.
 *
 * Cost: for each pair of DLID and SL that occurs, every channel that leads there once, whatever the number of flows.
 *
 * Return: 0 whether there are cycles or not; -EINVAL for an SL above 15; -ENOMEM.
 */
int hf_creditloop_check(const struct hf_creditloop *check, const struct hf_creditloop_flow *flows, size_t flow_count,
			struct hf_creditloop_result **ret_result);
void hf_creditloop_result_free(struct hf_creditloop_result *result);

/* Writes "S_0_0[2] > S_1_0[1] VL 0, ..., back to S_0_0[2]". Return: a string that the caller frees, or NULL. */
char *hf_creditloop_cycle_text(const struct hf_creditloop_cycle *cycle);

/* Return: a few words, static. */
const char *hf_flow_failure_text(enum hf_flow_failure reason);

#endif
