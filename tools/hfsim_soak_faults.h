/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The faults of a soak: drawn at random, told to ibsim and opensm, and remembered so that they can be mended. */
#ifndef HF_TOOLS_HFSIM_SOAK_FAULTS_H
#define HF_TOOLS_HFSIM_SOAK_FAULTS_H

#include "tools/hfsim_fabric.h"
#include "tools/hfsim_soak_plan.h"

#define HF_SOAK_STEP_TEXT_MAX	512

struct hf_soak_cable {
	struct hf_topology_node *a, *b;
	unsigned int port_a, port_b;
	bool is_cut;
};

struct hf_soak_breaker {
	struct hf_soak_plan *plan;
	struct hf_fabric *fabric;
	struct hf_soak_cable *cables;	/* all but the subnet manager's own */
	size_t n_cables;
	unsigned int subnet_timeout;	/* as opensm.conf has it now */
	const char *engine;		/* that opensm was told to use */
	uint64_t struck_ns;		/* just before ibsim or opensm was told something last */
};

/* What one step did. */
struct hf_soak_step {
	char text[HF_SOAK_STEP_TEXT_MAX];	/* in words */
	bool is_restart;			/* another opensm runs now */
};

/* Return: 0; -ENOMEM. */
int hf_soak_breaker_init(struct hf_soak_breaker *breaker, struct hf_soak_plan *plan, struct hf_fabric *fabric);
void hf_soak_breaker_fini(struct hf_soak_breaker *breaker);

/**
 * hf_soak_break() - break or mend something, or several things at once
 * @ret_step: what was done, also on failure
 *
 * Return: 0; a negative errno, with the fabric's error set.
 */
int hf_soak_break(struct hf_soak_breaker *breaker, struct hf_soak_step *ret_step);

/* Has opensm sweep. Return: as above. */
int hf_soak_hup(struct hf_soak_breaker *breaker);

#endif
