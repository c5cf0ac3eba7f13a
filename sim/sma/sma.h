/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The part of a subnet management agent that ibsim does not have: what Set() of SwitchInfo, GUIDInfo and PortInfo
 * writes and ibsim forgets, and switches with more lanes. A request is changed before ibsim sees it, and ibsim's answer
 * before the client does. hfsim-sma(7) tells which fields are kept, and how long. Pure: no I/O, no clock; one thread.
 */
#ifndef HF_SIM_SMA_SMA_H
#define HF_SIM_SMA_SMA_H

#include "sim/sma/smp.h"
#include "sim/sma/store.h"

struct hf_sma {
	unsigned int vl_cap;		/* what VLCap of each port says (IBA's code); 0: what ibsim says */
	unsigned int console_lines;	/* to be counted by the caller: each may have reset nodes */
	struct hf_sma_store store;
	/* If set: told of each record that was changed, and before one is removed. */
	void (*keep)(const struct hf_sma_record *record, bool is_gone);
};

/* The agent that answers a request. */
struct hf_sma_agent {
	uint64_t node_guid;	/* host order */
	bool is_switch;
	unsigned int port_count;
	unsigned int local_port;	/* where the request came in */
	unsigned int guid_cap;	/* 0 until hf_sma_see_port_info() */
};

/**
 * hf_sma_init() - set up
 * @sma:   to be ended with hf_sma_fini()
 * @lanes: data lanes of each port, as text: 1, 2, 4, 8 or 15; NULL for those that ibsim gives them
 *
 * Return: 0; -EINVAL.
 */
int hf_sma_init(struct hf_sma *sma, const char *lanes);
void hf_sma_fini(struct hf_sma *sma);

/* Is it a Get or Set that this agent has a part in? */
bool hf_sma_concerns(const struct hf_smp *request);

/* What ibsim says about the agent in its answer to Get(NodeInfo). */
void hf_sma_see_node_info(struct hf_sma_agent *agent, const struct hf_smp_node_info *info);

/* Must hf_sma_see_port_info() come before hf_sma_answer()? */
bool hf_sma_needs_port_info(const struct hf_sma *sma, const struct hf_sma_agent *agent, const struct hf_smp *request);

/**
 * hf_sma_see_port_info() - take note of what ibsim says about the port that has the agent's LID
 * @sma:   where a port whose LID ibsim has forgotten is forgotten too: it was reset
 * @agent: gets its guid_cap
 * @info:  of port 0 of a switch, of the local port of an adapter
 */
void hf_sma_see_port_info(struct hf_sma *sma, struct hf_sma_agent *agent, const struct hf_smp_port_info *info);

/* What ibsim must be asked in place of @request; it may be the same. */
struct hf_smp hf_sma_request(const struct hf_sma *sma, const struct hf_smp *request);

/**
 * hf_sma_answer() - keep what a request has set and complete its answer
 * @sma:     state
 * @agent:   who answers
 * @request: as the client sent it
 * @answer:  ibsim's; becomes the client's
 *
 * Return: 0; -ENOMEM, then the answer must not reach the client.
 */
int hf_sma_answer(struct hf_sma *sma, const struct hf_sma_agent *agent, const struct hf_smp *request,
		  struct hf_smp *answer);

#endif
