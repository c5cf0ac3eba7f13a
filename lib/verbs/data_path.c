/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/data_path.h"

#include <errno.h>
#include <pthread.h>

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

static void stand_in_front(struct hf_verbs *verbs, struct ibv_context *ibv)
{
	verbs->ops = ibv->ops;
	ibv->ops.post_send = hf_work_program_post_send;
	ibv->ops.post_recv = hf_work_program_post_recv;
	ibv->ops.post_srq_recv = post_srq_recv;
	ibv->ops.poll_cq = hf_cq_program_poll;
}

void hf_data_path_decide(struct hf_verbs *verbs, struct ibv_context *ibv)
{
	static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
	bool is_first;

	pthread_mutex_lock(&once);
	is_first = !verbs->is_decided;
	if (is_first) {
		verbs->is_recorded = is_wanted(ibv);
		if (verbs->is_recorded)
			stand_in_front(verbs, ibv);
		verbs->is_decided = true;
	}
	pthread_mutex_unlock(&once);
	if (is_first)
		hf_log(HF_LOG_INFO, "%s: %s", verbs->device, verbs->is_recorded ?
		       "work requests are recorded, for resets" : "the data path stays as it is");
}

static struct ibv_cq_ex *create_cq_ex(struct ibv_context *ibv, struct ibv_cq_init_attr_ex *attr)
{
	struct hf_verbs *verbs = hf_verbs_get(ibv);
	struct ibv_cq_ex *ex = verbs->create_cq_ex(ibv, attr);
	int error = errno;
	struct hf_cq *cq;

	if (!ex)
		return NULL;
	hf_data_path_decide(verbs, ibv);
	cq = verbs->is_recorded ? hf_cq_get(ibv_cq_ex_to_cq(ex), verbs->ops.poll_cq) : NULL;
	if (cq)
		hf_cq_stand_in_front(cq, ex);
	errno = error;
	return ex;
}

void hf_data_path_watch(struct hf_verbs *verbs, struct ibv_context *ibv)
{
	struct verbs_context *extended = verbs_get_ctx_op(ibv, create_cq_ex);

	if (!extended || extended->create_cq_ex == create_cq_ex)
		return;
	verbs->create_cq_ex = extended->create_cq_ex;
	extended->create_cq_ex = create_cq_ex;
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
