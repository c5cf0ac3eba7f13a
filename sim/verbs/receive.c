/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/verbs/exports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int hf_receive_queue_init(struct hf_receive_queue *queue, uint32_t max_wr, uint32_t max_sge)
{
	*queue = (struct hf_receive_queue){ .max_wr = max_wr, .max_sge = max_sge };
	if (max_wr == 0)
		return 0;
	queue->entries = calloc(max_wr, sizeof(*queue->entries));
	return queue->entries ? 0 : -ENOMEM;
}

void hf_receive_queue_fini(struct hf_receive_queue *queue)
{
	free(queue->entries);
	queue->entries = NULL;
}

static int post_one(struct hf_receive_queue *queue, const struct ibv_recv_wr *wr)
{
	struct hf_receive *entry;

	if (queue->posted - queue->taken >= queue->max_wr)
		return ENOMEM;
	if (wr->num_sge < 0 || (uint32_t)wr->num_sge > queue->max_sge)
		return EINVAL;
	entry = &queue->entries[queue->posted % queue->max_wr];
	entry->wr_id = wr->wr_id;
	entry->sge_count = wr->num_sge;
	memcpy(entry->sges, wr->sg_list, wr->num_sge * sizeof(entry->sges[0]));
	queue->posted++;
	return 0;
}

int hf_receive_post_locked(struct hf_receive_queue *queue, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr)
{
	for (; wr; wr = wr->next) {
		int err = post_one(queue, wr);

		if (err) {
			*bad_wr = wr;
			return err;
		}
	}
	return 0;
}

bool hf_receive_take_locked(struct hf_qp *qp, struct hf_receive *ret_receive)
{
	struct hf_srq *srq = (struct hf_srq *)qp->ibv.srq;
	struct hf_receive_queue *queue = srq ? &srq->queue : &qp->receives;
	const struct hf_receive *entry;

	if (queue->posted == queue->taken)
		return false;
	entry = &queue->entries[queue->taken++ % queue->max_wr];
	ret_receive->wr_id = entry->wr_id;
	ret_receive->sge_count = entry->sge_count;
	memcpy(ret_receive->sges, entry->sges, entry->sge_count * sizeof(entry->sges[0]));
	if (srq && srq->limit && queue->posted - queue->taken < srq->limit) {
		srq->limit = 0;
		hf_event_srq_locked(&srq->ibv, IBV_EVENT_SRQ_LIMIT_REACHED);
	}
	return true;
}

struct ibv_srq *hf_ibv_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *attr)
{
	struct hf_srq *srq;

	if (attr->attr.max_wr == 0 || attr->attr.max_wr > HF_MAX_SRQ_WR || attr->attr.max_sge > HF_MAX_SGE) {
		errno = EINVAL;
		return NULL;
	}
	srq = calloc(1, sizeof(*srq));
	if (!srq || hf_receive_queue_init(&srq->queue, attr->attr.max_wr, attr->attr.max_sge) < 0) {
		free(srq);
		errno = ENOMEM;
		return NULL;
	}
	srq->ibv = (struct ibv_srq){ .context = pd->context, .srq_context = attr->srq_context, .pd = pd };
	pthread_mutex_init(&srq->ibv.mutex, NULL);
	pthread_cond_init(&srq->ibv.cond, NULL);
	hf_context_lock(hf_context_of(pd->context));
	((struct hf_pd *)pd)->users++;
	hf_context_unlock(hf_context_of(pd->context));
	return &srq->ibv;
}

struct ibv_srq *hf_create_srq_ex(struct ibv_context *context, struct ibv_srq_init_attr_ex *attr)
{
	(void)context;
	if (!(attr->comp_mask & IBV_SRQ_INIT_ATTR_PD) ||
	    ((attr->comp_mask & IBV_SRQ_INIT_ATTR_TYPE) && attr->srq_type != IBV_SRQT_BASIC)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	return hf_ibv_create_srq(attr->pd, (struct ibv_srq_init_attr *)attr);
}

/* What does not fit into the new size stays where it is: a queue does not become smaller than what is posted. */
static int resize(struct hf_srq *srq, uint32_t max_wr)
{
	struct hf_receive_queue *queue = &srq->queue, bigger;

	if (max_wr == 0 || max_wr > HF_MAX_SRQ_WR || queue->posted - queue->taken > max_wr)
		return EINVAL;
	if (hf_receive_queue_init(&bigger, max_wr, queue->max_sge) < 0)
		return ENOMEM;
	for (; queue->taken < queue->posted; queue->taken++)
		bigger.entries[bigger.posted++ % max_wr] = queue->entries[queue->taken % queue->max_wr];
	hf_receive_queue_fini(queue);
	*queue = bigger;
	return 0;
}

int hf_ibv_modify_srq(struct ibv_srq *ibv, struct ibv_srq_attr *attr, int mask)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_srq *srq = (struct hf_srq *)ibv;
	int rc = 0;

	if (mask & ~(IBV_SRQ_MAX_WR | IBV_SRQ_LIMIT))
		return EINVAL;
	hf_context_lock(context);
	if (mask & IBV_SRQ_MAX_WR)
		rc = resize(srq, attr->max_wr);
	if (rc == 0 && (mask & IBV_SRQ_LIMIT)) {
		if (attr->srq_limit >= srq->queue.max_wr)
			rc = EINVAL;
		else
			srq->limit = attr->srq_limit;
	}
	hf_context_unlock(context);
	return rc;
}

int hf_ibv_query_srq(struct ibv_srq *ibv, struct ibv_srq_attr *attr)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_srq *srq = (struct hf_srq *)ibv;

	hf_context_lock(context);
	*attr = (struct ibv_srq_attr){
		.max_wr = srq->queue.max_wr, .max_sge = srq->queue.max_sge, .srq_limit = srq->limit,
	};
	hf_context_unlock(context);
	return 0;
}

int hf_ibv_destroy_srq(struct ibv_srq *ibv)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_srq *srq = (struct hf_srq *)ibv;
	uint32_t events;

	hf_context_lock(context);
	if (srq->users) {
		hf_context_unlock(context);
		return EBUSY;
	}
	hf_event_forget_locked(context, srq);
	events = srq->async_events;
	((struct hf_pd *)ibv->pd)->users--;
	hf_context_unlock(context);
	pthread_mutex_lock(&ibv->mutex);
	while (ibv->events_completed != events)
		pthread_cond_wait(&ibv->cond, &ibv->mutex);
	pthread_mutex_unlock(&ibv->mutex);
	hf_receive_queue_fini(&srq->queue);
	free(srq);
	return 0;
}

int hf_post_srq_recv(struct ibv_srq *ibv, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr)
{
	struct hf_context *context = hf_context_of(ibv->context);
	int rc;

	hf_context_lock(context);
	rc = hf_receive_post_locked(&((struct hf_srq *)ibv)->queue, wr, bad_wr);
	hf_context_unlock(context);
	return rc;
}
