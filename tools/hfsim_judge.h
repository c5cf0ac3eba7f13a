/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The judge: what the fabric's tables and the SM say against what the hosts' connections use. Pure: it takes what was
 * read from outside, so recorded inputs can be judged again.
 */
#ifndef HF_TOOLS_HFSIM_JUDGE_H
#define HF_TOOLS_HFSIM_JUDGE_H

#include <jansson.h>
#include <stdbool.h>

#include "tools/hfsim_tables.h"

/* What one connection uses, as its host says. */
struct hf_use {
	uint32_t qpn;
	uint64_t dest_guid;	/* port GUID of the other end */
	uint16_t slid, dlid;
	uint8_t sl, mtu, rate;
	bool is_lost;		/* the host knows that there is no path */
	bool is_program;	/* its queue pair is a program's */
};

struct hf_uses {
	struct hf_use *list;
	size_t count;
};

/**
 * hf_uses_parse() - take over what hf_hosts_connections() gave
 * @ret_uses: connections that have had a path; free ret_uses->list
 *
 * Return: 0; -EPROTO where a field is missing or out of range; -ENOMEM.
 */
int hf_uses_parse(const json_t *connections, struct hf_uses *ret_uses);

/**
 * hf_judge_stale() - find the connections that do not use what the SM would answer now
 * @tables:     of now
 * @uses:       of now
 * @ret_count:  how many
 * @ret_texts:  array of strings, one for each: which connection, what it uses, what the SM says; json_decref() it
 *
 * SL, DLID, MTU and rate count. A connection whose path is lost is stale if its host does not know it.
 *
 * Return: 0; -ENOMEM.
 */
int hf_judge_stale(const struct hf_tables *tables, const struct hf_uses *uses, size_t *ret_count, json_t **ret_texts);

/**
 * hf_judge_loops() - find credit loops
 * @tables:    what the switches hold
 * @uses:      SLs of the connections, of the same time or another
 * @ret_count: how many cycles
 * @ret_texts: array of strings, each cycle by its links and lanes; json_decref() it
 *
 * Return: 0; -ENOMEM.
 */
int hf_judge_loops(const struct hf_tables *tables, const struct hf_uses *uses, size_t *ret_count, json_t **ret_texts);

#endif
