/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/data_path.h"

#include "lib/verbs/real.h"
#include "lib/verbs/settings.h"
#include "lib/verbs/work.h"

static bool is_wanted(void)
{
	enum hf_program_strategy only = hf_verbs_settings()->strategy;

	return only == HF_PROGRAM_STRATEGY_NONE || only == HF_PROGRAM_STRATEGY_RESET;
}

const struct ibv_context_ops *hf_data_path_ops(struct ibv_context *ibv)
{
	return &hf_verbs_get(ibv)->ops;
}

static struct hf_work *work_of(const struct ibv_qp *ibv)
{
	struct hf_queue_pair *qp = hf_queue_pair_of(ibv);

	return qp ? qp->work : NULL;
}

static int post_send(struct ibv_qp *ibv, struct ibv_send_wr *wr, struct ibv_send_wr **bad_wr)
{
	struct hf_work *work = work_of(ibv);

	return work ? hf_work_post_send(work, wr, bad_wr) : hf_data_path_ops(ibv->context)->post_send(ibv, wr, bad_wr);
}

/* Receives of a shared queue are posted to it, and none here. */
static int post_recv(struct ibv_qp *ibv, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr)
{
	struct hf_work *work = ibv->srq ? NULL : work_of(ibv);

	return work ? hf_work_post_recv(work, wr, bad_wr) : hf_data_path_ops(ibv->context)->post_recv(ibv, wr, bad_wr);
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

	if (!is_wanted() || ibv->ops.poll_cq == hf_cq_program_poll)
		return;
	verbs->ops = ibv->ops;
	ibv->ops.post_send = post_send;
	ibv->ops.post_recv = post_recv;
	ibv->ops.poll_cq = hf_cq_program_poll;
	if (extended) {
		verbs->create_cq_ex = extended->create_cq_ex;
		extended->create_cq_ex = create_cq_ex;
	}
}

void hf_data_path_add(struct hf_queue_pair *qp, uint64_t ops)
{
	if (!is_wanted() || !hf_send_facade_has(ops))
		return;
	qp->work = hf_work_new(qp->ibv, &qp->init, &qp->verbs->ops);
	if (qp->work && ops)
		hf_send_facade_stand_in_front(hf_real_qp_to_qp_ex(qp->ibv));
}
