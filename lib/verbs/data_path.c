/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/data_path.h"

#include "lib/log.h"
#include "lib/verbs/probe.h"
#include "lib/verbs/real.h"
#include "lib/verbs/settings.h"
#include "lib/verbs/shared_receives.h"
#include "lib/verbs/work.h"

/* Recording costs each work request a little: where a queue can be drained, programs are spared it. */
static bool is_wanted(struct ibv_context *ibv)
{
	const struct hf_verbs_settings *settings = hf_verbs_settings();

	if (settings->strategy != HF_PROGRAM_STRATEGY_NONE)
		return settings->strategy == HF_PROGRAM_STRATEGY_RESET;
	return settings->records_all || !hf_probe_drains(ibv);
}

const struct ibv_context_ops *hf_data_path_ops(struct ibv_context *ibv)
{
	return &hf_verbs_get(ibv)->ops;
}

static int post_srq_recv(struct ibv_srq *ibv, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr)
{
	struct hf_srq *srq = hf_srq_find(ibv);

	return srq ? hf_srq_post(srq, wr, bad_wr) : hf_data_path_ops(ibv->context)->post_srq_recv(ibv, wr, bad_wr);
}

static struct ibv_cq_ex *create_cq_ex(struct ibv_context *ibv, struct ibv_cq_init_attr_ex *attr)
{
	struct ibv_cq_ex *ex = hf_verbs_get(ibv)->create_cq_ex(ibv, attr);
	struct hf_cq *cq = ex ? hf_cq_get(ibv_cq_ex_to_cq(ex), hf_data_path_ops(ibv)->poll_cq) : NULL;

	if (cq)
		hf_cq_stand_in_front(cq, ex);
	return ex;
}

void hf_data_path_watch(struct hf_verbs *verbs, struct ibv_context *ibv)
{
	struct verbs_context *extended = verbs_get_ctx_op(ibv, create_cq_ex);

	if (verbs->is_probed)
		return;
	verbs->is_probed = true;
	verbs->is_recorded = is_wanted(ibv);
	hf_log(HF_LOG_INFO, "%s: %s", verbs->device, verbs->is_recorded ? "work requests are recorded, for resets" :
	       "the data path stays as it is");
	if (!verbs->is_recorded)
		return;
	verbs->ops = ibv->ops;
	ibv->ops.post_send = hf_work_program_post_send;
	ibv->ops.post_recv = hf_work_program_post_recv;
	ibv->ops.post_srq_recv = post_srq_recv;
	ibv->ops.poll_cq = hf_cq_program_poll;
	if (extended) {
		verbs->create_cq_ex = extended->create_cq_ex;
		extended->create_cq_ex = create_cq_ex;
	}
}

void hf_data_path_add_shared(struct ibv_srq *srq, const struct ibv_srq_attr *attr)
{
	struct hf_verbs *verbs = hf_verbs_get(srq->context);

	if (verbs && verbs->is_recorded)
		hf_srq_add(srq, attr, hf_work_salt(), verbs->ops.post_srq_recv);
}

void hf_data_path_remove_shared(struct ibv_srq *srq)
{
	hf_srq_remove(srq);
}

void hf_data_path_add(struct hf_queue_pair *qp, uint64_t ops)
{
	if (!qp->verbs->is_recorded || !hf_send_facade_has(ops))
		return;
	qp->work = hf_work_new(qp->ibv, &qp->init, &qp->verbs->ops);
	if (qp->work && ops)
		hf_send_facade_stand_in_front(hf_real_qp_to_qp_ex(qp->ibv));
}
