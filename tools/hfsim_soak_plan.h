/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What one soak runs on: a fabric and the settings of its subnet manager, drawn from a seed to suit a routing engine.
 */
#ifndef HF_TOOLS_HFSIM_SOAK_PLAN_H
#define HF_TOOLS_HFSIM_SOAK_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/scenario.h"
#include "sim/topology.h"
#include "tools/hfsim_random.h"
#include "tools/hfsim_soak_qos.h"

#define HF_SOAK_PARTITIONS_MAX 3

struct hf_soak_engine {
	const char *name;		/* as OpenSM's configuration has it */
	const char *const *fabrics;	/* specs of fabrics that suit it, ends with NULL */
	bool needs_qos;
	bool is_drawn;			/* draws the SL of a path at random */
	unsigned int cuts_max;		/* cables that may be missing at a time */
	const char *second;		/* the engine that a restart of the subnet manager may change to */
};

/* A partition beside the default one. */
struct hf_soak_partition {
	unsigned int sl;
	bool *is_member;		/* by index of the node in the topology; what is missing here is no member */
};

struct hf_soak_plan {
	const struct hf_soak_engine *engine;
	uint64_t seed;
	struct hf_random random;	/* goes on drawing faults */
	char fabric[64];		/* its spec */
	struct hf_topology *topology;
	unsigned int lmc;
	unsigned int lanes;		/* of each port; with few of them LASH and DFSSSP fail */
	bool has_qos;
	struct hf_soak_qos qos;
	bool has_roots;			/* the roots of a tree are given, for engines that want them */
	bool is_default_limited;	/* hosts share the default partition with the subnet manager only */
	struct hf_soak_partition partitions[HF_SOAK_PARTITIONS_MAX];
	size_t n_partitions;
};

/* All engines, ends with one whose name is NULL. */
extern const struct hf_soak_engine hf_soak_engines[];

/* NULL where there is none of the name. */
const struct hf_soak_engine *hf_soak_engine_find(const char *name);

/* The seed of the fabric behind the one with this seed. */
uint64_t hf_soak_next_seed(uint64_t seed);

/**
 * hf_soak_plan_init() - draw a plan
 * @plan:      filled; to be given to hf_soak_plan_fini() also on failure
 * @engine:    which it shall suit
 * @seed:      the same one gives the same plan
 * @fabric:    "KIND:SIZE" or "KIND:SIZE:HOSTS" as "hfsim topology" has them, or "random:SWITCHES"; NULL to draw one of
 *             @engine's
 * @ret_error: what is wrong with @fabric; caller frees it
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int hf_soak_plan_init(struct hf_soak_plan *plan, const struct hf_soak_engine *engine, uint64_t seed,
		      const char *fabric, char **ret_error);

void hf_soak_plan_fini(struct hf_soak_plan *plan);

/* In words: "mesh:3x2:1, LMC 1, QoS, 2 partitions". */
void hf_soak_plan_describe(const struct hf_soak_plan *plan, char *text, size_t size);

/* Writes what opensm reads again at each heavy sweep. Return: 0; the negative errno of writing. */
int hf_soak_plan_write_partitions(const struct hf_soak_plan *plan, const char *path);

/**
 * hf_soak_plan_scenario() - write the plan's files into a folder and load them
 * @dir:          the folder
 * @ret_scenario: no hosts run in it; caller frees with hf_scenario_free()
 * @ret_error:    caller frees it
 *
 * Return: 0; a negative errno.
 */
int hf_soak_plan_scenario(const struct hf_soak_plan *plan, const char *dir, struct hf_scenario **ret_scenario,
			  char **ret_error);

#endif
