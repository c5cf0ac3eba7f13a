/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A simulated reliable-connected queue pair: it carries no data, but keeps state, address vector and attributes by the
 * rules of qp_state.h and refuses what an adapter would refuse.
 */
#ifndef HF_LIB_SIM_QP_H
#define HF_LIB_SIM_QP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/qp_state.h"
#include "lib/wire.h"

/* Where packets go: what ibv_ah_attr holds, without the GRH that no path inside a subnet needs. */
struct hf_av {
	union hf_gid dgid;
	uint16_t dlid;
	uint8_t sl;
	uint8_t rate;		/* the IBA's code */
	uint8_t path_bits;	/* lower bits of the source LID */
};

struct hf_sim_qp_attr {
	enum hf_qp_state state;
	enum hf_qp_mig_state mig_state;
	struct hf_av av;
	struct hf_av alt_av;
	uint8_t path_mtu;	/* the IBA's code */
	uint8_t timeout;	/* local ACK timeout, 4.096 us * 2^timeout */
	uint16_t pkey;		/* an adapter keeps its index */
	uint32_t dest_qpn;
};

/* What the simulated adapter can do; real ones differ (mlx5 has no SQD, not all have APM). */
struct hf_sim_qp_caps {
	bool has_sqd;
	bool has_apm;
};

struct hf_sim_qp {
	uint32_t qpn;
	struct hf_sim_qp_caps caps;
	struct hf_sim_qp_attr attr;
	uint32_t transitions[HF_QP_STATE_COUNT][HF_QP_STATE_COUNT]; /* how often each was made */
	uint32_t av_changes;	/* address vectors set, the first one included */
};

/* @qp is in RESET afterwards, as a queue pair just created. */
void hf_sim_qp_init(struct hf_sim_qp *qp, uint32_t qpn, struct hf_sim_qp_caps caps);

/**
 * hf_sim_qp_modify() - what ibv_modify_qp() does
 * @qp:   unchanged on failure
 * @attr: the values of the attributes in @mask
 * @mask: enum hf_qp_attr_mask; attributes that the simulation keeps no value of may be in it, too
 *
 * RESET clears every attribute. ALT_PATH with REARM makes the pair ARMED at once, as if the peer were rearmed already;
 * migrating an armed pair makes the alternate path the primary one.
 *
 * Return: 0; -EOPNOTSUPP for SQD or APM on an adapter without; what hf_qp_check_modify() and hf_qp_check_migration()
 * return.
 */
int hf_sim_qp_modify(struct hf_sim_qp *qp, const struct hf_sim_qp_attr *attr, uint32_t mask);

#endif
