/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* One run of a scenario: bring up, break, measure from outside, judge. */
#ifndef HF_TOOLS_HFSIM_RUN_H
#define HF_TOOLS_HFSIM_RUN_H

#include <jansson.h>

#include "sim/scenario.h"
#include "tools/hfsim_fabric.h"
#include "tools/hfsim_judge.h"
#include "tools/hfsim_mads.h"
#include "tools/hfsim_packets.h"
#include "tools/hfsim_staleness.h"

/* What was read from outside at one quiet time. */
struct hf_measure {
	struct hf_tables *tables;
	struct hf_uses uses;
};

struct hf_fault_run {
	const struct hf_fault *fault;
	uint64_t cut_ns;		/* just before ibsim was told */
	uint64_t settled_ns;		/* when all was quiet again */
	struct hf_measure before;	/* the last quiet time before the cut; borrowed */
	struct hf_measure after;	/* the next one; borrowed */
	struct hf_mad_counts sm_mads;	/* between cut and settled: at the SM's adapter, */
	struct hf_mad_counts host_mads;	/* at the hosts' adapters */
};

struct hf_run {
	const struct hf_scenario *scenario;
	struct hf_fabric fabric;
	uint64_t start_ns, subnet_up_ns, connected_ns;
	struct hf_measure *measures;	/* before the first fault, and at each quiet time since */
	size_t n_measures;
	struct hf_fault_run *faults;
	size_t n_faults;		/* that were begun */
	struct hf_staleness staleness;	/* at the end */
	struct hf_packets packets;	/* to services */
	uint64_t end_ns;		/* of sending; 0 without services */
	size_t n_silent;		/* services that nobody heard at the end */
	char error[HF_FABRIC_ERROR_MAX]; /* why the run could not be finished, empty otherwise */
};

/* Told what happens, while it happens. */
typedef void hf_run_progress(void *ctx, const char *line);

/**
 * hf_run() - run a scenario to its end; afterwards none of its processes is left
 * @run:      filled; to be given to hf_run_fini() in any case
 * @scenario: borrowed
 * @dir:      the run's directory; NULL for a new one
 * @progress: may be NULL
 * @ctx:      for @progress
 *
 * Return: 0 where it came to its end, whatever the judge will say; otherwise a negative errno, and run->error.
 */
int hf_run(struct hf_run *run, const struct hf_scenario *scenario, const char *dir, hf_run_progress *progress,
	   void *ctx);

void hf_run_fini(struct hf_run *run, bool keep_dir);

#endif
