/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Where the programs and libraries of a run are: beside hfsim in a build tree, or where they are installed. */
#ifndef HF_TOOLS_HFSIM_WHERE_H
#define HF_TOOLS_HFSIM_WHERE_H

enum hf_part {
	HF_PART_IBSIM,
	HF_PART_OPENSM,
	HF_PART_SAQUERY,
	HF_PART_HOLDFAST,
	HF_PART_HOLDFASTD,
	HF_PART_MUX,
	HF_PART_TRAFFIC,	/* sends to services, and receives */
	HF_PART_UMAD,		/* the simulated ib_umad, a preload library */
	HF_PART_SIM_VERBS,	/* simulated adapters, a preload library */
	HF_PART_VERBS,		/* libholdfast-verbs.so */
	HF_PART_SMA,		/* what ibsim does not keep, a preload library for ibsim */
	HF_PART_PLUGIN_DIR,	/* the folder of libosmholdfast.so */
	HF_PART_SCENARIO_DIR,
	HF_N_PARTS,
};

/**
 * hf_where() - find a part
 * @part:     which
 * @ret_path: absolute path, to be freed
 *
 * The environment comes first (HF_IBSIM, HF_OPENSM, HF_SAQUERY, HF_HOLDFAST, HF_HOLDFASTD, HF_MUX, HF_TRAFFIC,
 * HF_UMAD, HF_SIM_VERBS, HF_VERBS, HF_SMA, HF_PLUGIN_DIR, HF_SCENARIO_DIR), then the build tree that hfsim lies in,
 * then the folders of the installation, then PATH.
 *
 * Return: 0; -ENOENT where it is nowhere; -ENOMEM.
 */
int hf_where(enum hf_part part, char **ret_path);

/* What messages call a part, and the variable that names it. */
const char *hf_part_name(enum hf_part part);
const char *hf_part_variable(enum hf_part part);

#endif
