/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/sim_qp.h"

#include <errno.h>
#include <string.h>

void hf_sim_qp_init(struct hf_sim_qp *qp, uint32_t qpn, struct hf_sim_qp_caps caps)
{
	memset(qp, 0, sizeof(*qp));
	qp->qpn = qpn;
	qp->caps = caps;
}

static int check(const struct hf_sim_qp *qp, const struct hf_sim_qp_attr *attr, uint32_t mask, enum hf_qp_state to)
{
	int err = hf_qp_check_modify(qp->attr.state, to, mask);

	if (err)
		return err;
	if (to == HF_QP_SQD && !qp->caps.has_sqd)
		return -EOPNOTSUPP;
	if (mask & (HF_QP_ATTR_ALT_PATH | HF_QP_ATTR_PATH_MIG_STATE) && !qp->caps.has_apm)
		return -EOPNOTSUPP;
	if (mask & HF_QP_ATTR_PATH_MIG_STATE)
		return hf_qp_check_migration(qp->attr.mig_state, attr->mig_state);
	return 0;
}

static void set_migration(struct hf_sim_qp *qp, const struct hf_sim_qp_attr *attr, uint32_t mask)
{
	if (mask & HF_QP_ATTR_ALT_PATH)
		qp->attr.alt_av = attr->alt_av;
	if (!(mask & HF_QP_ATTR_PATH_MIG_STATE))
		return;
	if (qp->attr.mig_state == HF_QP_ARMED && attr->mig_state == HF_QP_MIGRATED) {
		qp->attr.av = qp->attr.alt_av;
		qp->av_changes++;
	}
	qp->attr.mig_state = attr->mig_state;
	if (attr->mig_state == HF_QP_REARM && mask & HF_QP_ATTR_ALT_PATH)
		qp->attr.mig_state = HF_QP_ARMED;
}

static void set_attributes(struct hf_sim_qp *qp, const struct hf_sim_qp_attr *attr, uint32_t mask)
{
	if (mask & HF_QP_ATTR_AV) {
		qp->attr.av = attr->av;
		qp->av_changes++;
	}
	if (mask & HF_QP_ATTR_PATH_MTU)
		qp->attr.path_mtu = attr->path_mtu;
	if (mask & HF_QP_ATTR_TIMEOUT)
		qp->attr.timeout = attr->timeout;
	if (mask & HF_QP_ATTR_PKEY_INDEX)
		qp->attr.pkey = attr->pkey;
	if (mask & HF_QP_ATTR_DEST_QPN)
		qp->attr.dest_qpn = attr->dest_qpn;
	set_migration(qp, attr, mask);
}

int hf_sim_qp_modify(struct hf_sim_qp *qp, const struct hf_sim_qp_attr *attr, uint32_t mask)
{
	enum hf_qp_state from = qp->attr.state;
	enum hf_qp_state to = mask & HF_QP_ATTR_STATE ? attr->state : from;
	int err = check(qp, attr, mask, to);

	if (err)
		return err;
	if (to == HF_QP_RESET)
		memset(&qp->attr, 0, sizeof(qp->attr));
	set_attributes(qp, attr, mask);
	qp->attr.state = to;
	qp->transitions[from][to]++;
	return 0;
}
