/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What ports send in the course of a run: a thread looks at the packet counters of the fabric map all the time and
 * keeps the spans of time in which packets went out on one SL.
 */
#ifndef HF_TOOLS_HFSIM_SAMPLER_H
#define HF_TOOLS_HFSIM_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/topology.h"

#define HF_SAMPLER_NO_SL	-1

struct hf_sampler;

/**
 * hf_sampler_start() - begin to look
 * @map:         path of the fabric map
 * @nodes:       adapters, whose first linked ports are looked at; borrowed
 * @count:       of them
 * @ret_sampler: to be given to hf_sampler_free()
 *
 * Return: 0; -ENOMEM; the negative errno of opening the map or of making the thread.
 */
int hf_sampler_start(const char *map, const struct hf_topology_node *const *nodes, size_t count,
		     struct hf_sampler **ret_sampler);

/* Ends the looking; what was seen stays. */
void hf_sampler_stop(struct hf_sampler *sampler);

/* @sampler may be NULL. */
void hf_sampler_free(struct hf_sampler *sampler);

/* All packets that a node has sent so far. */
uint64_t hf_sampler_packets(struct hf_sampler *sampler, size_t node);

/* The SL of the last packet at that time or before; HF_SAMPLER_NO_SL. After hf_sampler_stop() only. */
int hf_sampler_sl_at(const struct hf_sampler *sampler, size_t node, uint64_t time_ns);

/**
 * hf_sampler_pause_ns() - the longest time without a packet
 * @sampler: stopped
 * @node:    index
 * @from_ns: a pause that ended before does not count
 * @to_ns:   nor one that began later
 *
 * One that has no end lasts until @to_ns.
 */
uint64_t hf_sampler_pause_ns(const struct hf_sampler *sampler, size_t node, uint64_t from_ns, uint64_t to_ns);

#endif
