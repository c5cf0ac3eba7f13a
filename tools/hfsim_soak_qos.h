/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What a soak's subnet manager is told of QoS: a policy of levels for groups of ports, and SLs that are dropped. */
#ifndef HF_TOOLS_HFSIM_SOAK_QOS_H
#define HF_TOOLS_HFSIM_SOAK_QOS_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/topology.h"
#include "tools/hfsim_random.h"

#define HF_SOAK_LEVELS	4
#define HF_SOAK_GROUPS	2
#define HF_SOAK_SLS	16

struct hf_soak_level {
	unsigned int sl;
	unsigned int mtu_limit, rate_limit, pkt_life;	/* in the IBA's codes; 0: the level does not say */
};

struct hf_soak_qos {
	const struct hf_topology *topology;
	bool has_policy;
	struct hf_soak_level levels[HF_SOAK_LEVELS];	/* [0] where no rule matches */
	bool *is_in_group[HF_SOAK_GROUPS];		/* by index of the node */
	bool has_drops;
	bool is_dropped[HF_SOAK_SLS];			/* SLs that lead to VL 15 everywhere; never SL 0 */
};

/* Draws one; to be given to hf_soak_qos_fini() also on failure. Return: 0; -ENOMEM. */
int hf_soak_qos_init(struct hf_soak_qos *qos, const struct hf_topology *topology, struct hf_random *random);
void hf_soak_qos_fini(struct hf_soak_qos *qos);

/* Draws one level, or one port's place in a group, or one dropped SL anew. */
void hf_soak_qos_change(struct hf_soak_qos *qos, struct hf_random *random);

/* Writes qos-policy.conf of OpenSM. Return: 0; a negative errno. */
int hf_soak_qos_write(const struct hf_soak_qos *qos, const char *path);

/* The value of qos_sl2vl in opensm.conf. */
void hf_soak_qos_sl2vl(const struct hf_soak_qos *qos, char *text, size_t size);

#endif
