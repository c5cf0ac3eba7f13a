/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What an adapter can do is nowhere said: it is tried, on a queue pair that is connected with itself. */
#ifndef HF_LIB_VERBS_PROBE_H
#define HF_LIB_VERBS_PROBE_H

#include <infiniband/verbs.h>
#include <stdbool.h>

/**
 * hf_probe_drains() - can an adapter bring a queue pair from RTS to SQD?
 * @context: open
 *
 * Context: any thread. Cost: four objects are created and destroyed; a millisecond on a real adapter.
 * Return: whether it has done so. false also where that could not be tried: no port is up, no memory.
 */
bool hf_probe_drains(struct ibv_context *context);

#endif
