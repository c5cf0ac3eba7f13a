/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Whether the hosts of a running fabric hold what the SA answers, and how long it takes until they do. */
#ifndef HF_TOOLS_HFSIM_STALENESS_H
#define HF_TOOLS_HFSIM_STALENESS_H

#include <jansson.h>

#include "tools/hfsim_fabric.h"

struct hf_staleness {
	bool is_judged;
	size_t n_stale;		/* (host, destination) that differ, when last looked at */
	json_t *texts;		/* some of them for people, array of strings; NULL before the judgement */
	uint64_t fresh_ns;	/* when nothing was stale; 0: never */
};

/**
 * hf_staleness_wait() - ask SA and hosts, again and again, until no host is stale
 * @fabric:        running
 * @limit_ms:      how long; 0 for one look
 * @ret_staleness: to be given to hf_staleness_fini() in any case
 *
 * Stock saquery asks. Of fabrics that are too large for its text, and for the SLs that are drawn for each answer, hfsim
 * asks the same question itself.
 *
 * Return: 0, also where something is still stale; -EINTR, -EPIPE and so on as hf_fabric_wait(); where the SA or a host
 * did not answer within the limit, its error.
 */
int hf_staleness_wait(struct hf_fabric *fabric, int limit_ms, struct hf_staleness *ret_staleness);

void hf_staleness_fini(struct hf_staleness *staleness);

#endif
