/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef HF_TOOLS_HFSIM_FAULTS_H
#define HF_TOOLS_HFSIM_FAULTS_H

#include "tools/hfsim_fabric.h"

/**
 * hf_fault_apply() - break (or mend) something in a running fabric
 * @fabric: the fabric; what it can expect of its hosts is updated
 * @fault:  what
 *
 * Return: 0; a negative errno, with fabric->error set.
 */
int hf_fault_apply(struct hf_fabric *fabric, const struct hf_fault *fault);

/* Whether another opensm than before is the master afterwards: hosts subscribe anew. */
bool hf_fault_is_new_sm(const struct hf_fabric *fabric, const struct hf_fault *fault);

/* Whether the subnet manager computes routes again because of it. */
bool hf_fault_is_rerouted(const struct hf_fabric *fabric, const struct hf_fault *fault);

#endif
