/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/verbs/exports.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#define POLLS_A_YIELD 32

/* ------------------------------------------------------------------------------ channels ---- */

struct ibv_comp_channel *hf_ibv_create_comp_channel(struct ibv_context *context)
{
	struct hf_channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return NULL;
	if (hf_event_queue_init(&channel->events) < 0) {
		free(channel);
		return NULL;
	}
	channel->ibv = (struct ibv_comp_channel){ .context = context, .fd = channel->events.read_fd };
	return &channel->ibv;
}

int hf_ibv_destroy_comp_channel(struct ibv_comp_channel *ibv)
{
	struct hf_channel *channel = (struct hf_channel *)ibv;
	struct hf_context *context = hf_context_of(ibv->context);
	bool is_used;

	hf_context_lock(context);
	is_used = ibv->refcnt;
	hf_context_unlock(context);
	if (is_used)
		return EBUSY;
	hf_event_queue_fini(&channel->events);
	free(channel);
	return 0;
}

static void tell_channel(struct hf_cq *cq)
{
	struct hf_channel *channel = (struct hf_channel *)cq->ibv.channel;

	cq->armed = HF_CQ_UNARMED;
	if (channel)
		hf_event_queue_add_locked(&channel->events, cq, 0, 0);
}

int hf_ibv_get_cq_event(struct ibv_comp_channel *ibv, struct ibv_cq **cq, void **cq_context)
{
	struct hf_channel *channel = (struct hf_channel *)ibv;
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_event event;
	bool is_taken = false;

	while (!is_taken) {
		if (!hf_event_queue_wait(&channel->events))
			return -1;
		hf_context_lock(context);
		is_taken = hf_event_queue_take_locked(&channel->events, &event);
		if (is_taken)
			((struct hf_cq *)event.object)->comp_events++;
		hf_context_unlock(context);
	}
	*cq = event.object;
	*cq_context = (*cq)->cq_context;
	return 0;
}

void hf_ibv_ack_cq_events(struct ibv_cq *cq, unsigned int count)
{
	pthread_mutex_lock(&cq->mutex);
	cq->comp_events_completed += count;
	pthread_cond_signal(&cq->cond);
	pthread_mutex_unlock(&cq->mutex);
}

/* -------------------------------------------------------------------------------- queues ---- */

struct ibv_cq *hf_ibv_create_cq(struct ibv_context *context, int cqe, void *cq_context,
				struct ibv_comp_channel *channel, int comp_vector)
{
	struct hf_cq *cq;

	if (cqe < 1 || cqe > HF_MAX_CQE || comp_vector < 0 || comp_vector >= context->num_comp_vectors) {
		errno = EINVAL;
		return NULL;
	}
	cq = calloc(1, sizeof(*cq));
	if (!cq)
		return NULL;
	cq->entries = calloc(cqe, sizeof(*cq->entries));
	if (!cq->entries) {
		free(cq);
		return NULL;
	}
	cq->size = cqe;
	cq->ibv.context = context;
	cq->ibv.channel = channel;
	cq->ibv.cq_context = cq_context;
	cq->ibv.cqe = cqe;
	pthread_mutex_init(&cq->ibv.mutex, NULL);
	pthread_cond_init(&cq->ibv.cond, NULL);
	hf_context_lock(hf_context_of(context));
	if (channel)
		channel->refcnt++;
	hf_context_unlock(hf_context_of(context));
	return &cq->ibv;
}

int hf_ibv_resize_cq(struct ibv_cq *ibv, int cqe)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_cq *cq = (struct hf_cq *)ibv;
	struct ibv_wc *entries;
	uint64_t count = 0;

	if (cqe < 1 || cqe > HF_MAX_CQE)
		return EINVAL;
	entries = calloc(cqe, sizeof(*entries));
	if (!entries)
		return ENOMEM;
	hf_context_lock(context);
	if (cq->added - cq->taken > (uint64_t)cqe) {
		hf_context_unlock(context);
		free(entries);
		return EINVAL;
	}
	for (; cq->taken < cq->added; cq->taken++)
		entries[count++] = cq->entries[cq->taken % cq->size];
	free(cq->entries);
	cq->entries = entries;
	cq->size = cq->ibv.cqe = cqe;
	cq->taken = 0;
	cq->added = count;
	hf_context_unlock(context);
	return 0;
}

int hf_ibv_destroy_cq(struct ibv_cq *ibv)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_cq *cq = (struct hf_cq *)ibv;
	uint32_t comp_events, async_events;

	hf_context_lock(context);
	if (cq->users) {
		hf_context_unlock(context);
		return EBUSY;
	}
	if (ibv->channel) {
		ibv->channel->refcnt--;
		hf_event_queue_remove_locked(&((struct hf_channel *)ibv->channel)->events, cq);
	}
	hf_event_forget_locked(context, cq);
	cq->armed = HF_CQ_UNARMED;
	comp_events = cq->comp_events;
	async_events = cq->async_events;
	hf_context_unlock(context);
	pthread_mutex_lock(&ibv->mutex);
	while (ibv->comp_events_completed != comp_events || ibv->async_events_completed != async_events)
		pthread_cond_wait(&ibv->cond, &ibv->mutex);
	pthread_mutex_unlock(&ibv->mutex);
	free(cq->entries);
	free(cq);
	return 0;
}

static bool uses_cq(const struct hf_qp *qp, const struct hf_cq *cq)
{
	return qp->ibv.send_cq == &cq->ibv || qp->ibv.recv_cq == &cq->ibv;
}

/* A queue that was full has lost a completion and takes no more; so its queue pairs cannot go on. */
static void overrun(struct hf_cq *cq)
{
	struct hf_context *context = hf_context_of(cq->ibv.context);

	cq->has_overrun = true;
	hf_event_cq_locked(cq, IBV_EVENT_CQ_ERR);
	for (unsigned int i = 0; i < HF_MAX_QPS; i++) {
		struct hf_qp *qp = context->qps[i];

		if (!qp || !uses_cq(qp, cq) || qp->state == IBV_QPS_RESET || qp->state == IBV_QPS_ERR)
			continue;
		hf_event_qp_locked(qp, IBV_EVENT_QP_FATAL);
		hf_qp_error_locked(qp);
	}
}

void hf_cq_add_locked(struct ibv_cq *ibv, const struct ibv_wc *wc, bool is_solicited)
{
	struct hf_cq *cq = (struct hf_cq *)ibv;

	if (cq->has_overrun)
		return;
	if (cq->added - cq->taken == cq->size) {
		overrun(cq);
		return;
	}
	cq->entries[cq->added++ % cq->size] = *wc;
	if (cq->armed == HF_CQ_ARMED ||
	    (cq->armed == HF_CQ_ARMED_SOLICITED && (is_solicited || wc->status != IBV_WC_SUCCESS)))
		tell_channel(cq);
}

void hf_cq_purge_locked(struct ibv_cq *ibv, const struct hf_qp *qp)
{
	struct hf_cq *cq = (struct hf_cq *)ibv;
	uint64_t kept = cq->taken;

	for (uint64_t i = cq->taken; i < cq->added; i++) {
		const struct ibv_wc *wc = &cq->entries[i % cq->size];

		if (wc->qp_num != qp->ibv.qp_num)
			cq->entries[kept++ % cq->size] = *wc;
	}
	cq->added = kept;
}

static int take(struct hf_cq *cq, int count, struct ibv_wc *wc)
{
	int taken = 0;

	for (; taken < count && cq->taken < cq->added; taken++)
		wc[taken] = cq->entries[cq->taken++ % cq->size];
	return taken;
}

/* A program that looks again and again may wait for one that has no processor to run on. */
static void see_empty(struct hf_context *context, bool is_empty)
{
	context->empty_polls = is_empty ? context->empty_polls + 1 : 0;
}

static bool shall_yield(const struct hf_context *context)
{
	return context->empty_polls && context->empty_polls % POLLS_A_YIELD == 0;
}

int hf_poll_cq(struct ibv_cq *ibv, int count, struct ibv_wc *wc)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_cq *cq = (struct hf_cq *)ibv;
	bool yields;
	int taken;

	hf_context_lock(context);
	context->polls++;
	if (cq->added == cq->taken)
		hf_progress_locked(context);
	taken = take(cq, count, wc);
	see_empty(context, taken == 0);
	yields = shall_yield(context);
	hf_context_unlock(context);
	if (yields)
		sched_yield();
	return taken;
}

/* A program that arms a queue is about to sleep, and its polls will end. */
int hf_req_notify_cq(struct ibv_cq *ibv, int solicited_only)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_cq *cq = (struct hf_cq *)ibv;

	hf_context_lock(context);
	if (!solicited_only)
		cq->armed = HF_CQ_ARMED;
	else if (cq->armed == HF_CQ_UNARMED)
		cq->armed = HF_CQ_ARMED_SOLICITED;
	context->is_signalled = true;
	hf_context_wake_by_locked(context, 0);
	hf_context_unlock(context);
	return 0;
}

/* ------------------------------------------------------------- the extended interface ---- */

static int next_poll(struct ibv_cq_ex *ex)
{
	struct hf_cq *cq = (struct hf_cq *)ex;

	if (take(cq, 1, &cq->current) == 0)
		return ENOENT;
	ex->wr_id = cq->current.wr_id;
	ex->status = cq->current.status;
	return 0;
}

/* The lock is held from a start that found something to the end. */
static int start_poll(struct ibv_cq_ex *ex, struct ibv_poll_cq_attr *attr)
{
	struct hf_context *context = hf_context_of(ex->context);
	struct hf_cq *cq = (struct hf_cq *)ex;
	bool is_empty;

	if (attr->comp_mask)
		return EINVAL;
	hf_context_lock(context);
	context->polls++;
	if (cq->added == cq->taken)
		hf_progress_locked(context);
	is_empty = next_poll(ex) != 0;
	see_empty(context, is_empty);
	if (!is_empty)
		return 0;
	is_empty = shall_yield(context);
	hf_context_unlock(context);
	if (is_empty)
		sched_yield();
	return ENOENT;
}

static void end_poll(struct ibv_cq_ex *ex)
{
	hf_context_unlock(hf_context_of(ex->context));
}

static enum ibv_wc_opcode read_opcode(struct ibv_cq_ex *ex) { return ((struct hf_cq *)ex)->current.opcode; }
static uint32_t read_vendor_err(struct ibv_cq_ex *ex) { return ((struct hf_cq *)ex)->current.vendor_err; }
static uint32_t read_byte_len(struct ibv_cq_ex *ex) { return ((struct hf_cq *)ex)->current.byte_len; }
static __be32 read_imm_data(struct ibv_cq_ex *ex) { return ((struct hf_cq *)ex)->current.imm_data; }
static uint32_t read_qp_num(struct ibv_cq_ex *ex) { return ((struct hf_cq *)ex)->current.qp_num; }
static uint32_t read_src_qp(struct ibv_cq_ex *ex) { return ((struct hf_cq *)ex)->current.src_qp; }
static unsigned int read_wc_flags(struct ibv_cq_ex *ex) { return ((struct hf_cq *)ex)->current.wc_flags; }
static uint32_t read_slid(struct ibv_cq_ex *ex) { return ((struct hf_cq *)ex)->current.slid; }
static uint8_t read_sl(struct ibv_cq_ex *ex) { return ((struct hf_cq *)ex)->current.sl; }
static uint8_t read_dlid_path_bits(struct ibv_cq_ex *ex) { return ((struct hf_cq *)ex)->current.dlid_path_bits; }

struct ibv_cq_ex *hf_create_cq_ex(struct ibv_context *context, struct ibv_cq_init_attr_ex *attr)
{
	struct ibv_cq *ibv;
	struct ibv_cq_ex *ex;

	if (attr->wc_flags & ~(uint64_t)IBV_WC_STANDARD_FLAGS ||
	    attr->comp_mask & ~(uint32_t)IBV_CQ_INIT_ATTR_MASK_FLAGS ||
	    ((attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_FLAGS) &&
	     attr->flags & ~(uint32_t)IBV_CREATE_CQ_ATTR_SINGLE_THREADED)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	ibv = hf_ibv_create_cq(context, attr->cqe, attr->cq_context, attr->channel, attr->comp_vector);
	if (!ibv)
		return NULL;
	ex = &((struct hf_cq *)ibv)->ex;
	ex->start_poll = start_poll;
	ex->next_poll = next_poll;
	ex->end_poll = end_poll;
	ex->read_opcode = read_opcode;
	ex->read_vendor_err = read_vendor_err;
	ex->read_byte_len = read_byte_len;
	ex->read_imm_data = read_imm_data;
	ex->read_qp_num = read_qp_num;
	ex->read_src_qp = read_src_qp;
	ex->read_wc_flags = read_wc_flags;
	ex->read_slid = read_slid;
	ex->read_sl = read_sl;
	ex->read_dlid_path_bits = read_dlid_path_bits;
	return ex;
}

/* ------------------------------------------------------------------- asynchronous events ---- */

void hf_event_qp_locked(struct hf_qp *qp, enum ibv_event_type type)
{
	hf_event_queue_add_locked(&hf_qp_context(qp)->events, qp, type, 0);
}

void hf_event_cq_locked(struct hf_cq *cq, enum ibv_event_type type)
{
	hf_event_queue_add_locked(&hf_context_of(cq->ibv.context)->events, cq, type, 0);
}

void hf_event_srq_locked(struct ibv_srq *srq, enum ibv_event_type type)
{
	hf_event_queue_add_locked(&hf_context_of(srq->context)->events, srq, type, 0);
}

void hf_event_port_locked(struct hf_context *context, unsigned int port, enum ibv_event_type type)
{
	hf_event_queue_add_locked(&context->events, NULL, type, port);
}

void hf_event_forget_locked(struct hf_context *context, const void *object)
{
	hf_event_queue_remove_locked(&context->events, object);
}

enum element { ELEMENT_PORT, ELEMENT_CQ, ELEMENT_SRQ, ELEMENT_QP };

/* Of the kinds that there are, most are a queue pair's. */
static enum element element_of(enum ibv_event_type type)
{
	if (type == IBV_EVENT_CQ_ERR)
		return ELEMENT_CQ;
	if (type == IBV_EVENT_SRQ_ERR || type == IBV_EVENT_SRQ_LIMIT_REACHED)
		return ELEMENT_SRQ;
	if (type <= IBV_EVENT_PATH_MIG_ERR || type == IBV_EVENT_QP_LAST_WQE_REACHED)
		return ELEMENT_QP;
	return ELEMENT_PORT;
}

static void deliver(const struct hf_event *event, struct ibv_async_event *ret_event)
{
	ret_event->event_type = event->type;
	switch (element_of(event->type)) {
	case ELEMENT_PORT:
		ret_event->element.port_num = event->port;
		break;
	case ELEMENT_CQ:
		ret_event->element.cq = event->object;
		((struct hf_cq *)event->object)->async_events++;
		break;
	case ELEMENT_SRQ:
		ret_event->element.srq = event->object;
		((struct hf_srq *)event->object)->async_events++;
		break;
	case ELEMENT_QP:
		ret_event->element.qp = event->object;
		((struct hf_qp *)event->object)->async_events++;
		break;
	}
}

int hf_ibv_get_async_event(struct ibv_context *ibv, struct ibv_async_event *ret_event)
{
	struct hf_context *context = hf_context_of(ibv);
	struct hf_event event;
	bool is_taken = false;

	while (!is_taken) {
		if (!hf_event_queue_wait(&context->events))
			return -1;
		hf_context_lock(context);
		is_taken = hf_event_queue_take_locked(&context->events, &event);
		if (is_taken)
			deliver(&event, ret_event);
		hf_context_unlock(context);
	}
	return 0;
}

static void ack(pthread_mutex_t *mutex, pthread_cond_t *cond, uint32_t *completed)
{
	pthread_mutex_lock(mutex);
	(*completed)++;
	pthread_cond_signal(cond);
	pthread_mutex_unlock(mutex);
}

void hf_ibv_ack_async_event(struct ibv_async_event *event)
{
	struct ibv_qp *qp = event->element.qp;
	struct ibv_cq *cq = event->element.cq;
	struct ibv_srq *srq = event->element.srq;

	switch (element_of(event->event_type)) {
	case ELEMENT_PORT:
		break;
	case ELEMENT_CQ:
		ack(&cq->mutex, &cq->cond, &cq->async_events_completed);
		break;
	case ELEMENT_SRQ:
		ack(&srq->mutex, &srq->cond, &srq->events_completed);
		break;
	case ELEMENT_QP:
		ack(&qp->mutex, &qp->cond, &qp->events_completed);
		break;
	}
}
