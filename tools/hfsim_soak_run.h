/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * One soak: a fabric of a plan, faults, and after each of them the SA's answers for all pairs held against what the
 * plugin says has changed. OpenSM itself is the judge.
 */
#ifndef HF_TOOLS_HFSIM_SOAK_RUN_H
#define HF_TOOLS_HFSIM_SOAK_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/hfsim_soak_plan.h"

/* What a soak shall do. */
struct hf_soak_task {
	const struct hf_soak_engine *engine;
	uint64_t seed;
	unsigned int n_faults;
	const char *fabric;		/* see hf_soak_plan_init() */
	const char *const *settings;	/* "sm.NAME=VALUE" and the like, see hf_scenario_set(); ends with NULL */
	bool is_verbose;		/* say on standard error what happens */
	bool keep;			/* keep the run's folder, also where all is well */
};

/**
 * hf_soak_run() - do it; afterwards none of its processes is left
 *
 * Return: the result, an object, see hfsim(1); json_decref() it. NULL without memory.
 */
json_t *hf_soak_run(const struct hf_soak_task *task);

#endif
