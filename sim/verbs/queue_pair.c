/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/qp_state.h"
#include "sim/verbs/exports.h"

#define MTU_BYTES(code)	(128u << (code))

/* ------------------------------------------------------------------------------- registry ---- */

struct hf_qp *hf_qp_find_locked(struct hf_context *context, uint32_t qpn)
{
	struct hf_qp *qp = context->qps[qpn % HF_MAX_QPS];

	return qp && qp->ibv.qp_num == qpn ? qp : NULL;
}

/* A number is given again as late as can be. */
static bool add_qp(struct hf_context *context, struct hf_qp *qp)
{
	for (unsigned int tries = 0; tries < HF_MAX_QPS; tries++) {
		unsigned int index = context->next_qp++ % HF_MAX_QPS;

		if (context->qps[index])
			continue;
		context->qps[index] = qp;
		qp->ibv.qp_num = context->endpoint.number << HF_QPN_INDEX_BITS | index;
		qp->ibv.handle = index;
		return true;
	}
	return false;
}

void hf_qp_work_locked(struct hf_qp *qp)
{
	struct hf_context *context = hf_qp_context(qp);

	if (!qp->is_working)
		DL_APPEND2(context->work, qp, work_prev, work_next);
	qp->is_working = true;
}

void hf_qp_set_timer_locked(struct hf_qp *qp, uint64_t deadline_ns)
{
	struct hf_context *context = hf_qp_context(qp);
	bool is_timed = deadline_ns != HF_NEVER;

	qp->deadline_ns = deadline_ns;
	if (is_timed && !qp->is_timed)
		DL_APPEND2(context->timed, qp, timed_prev, timed_next);
	else if (!is_timed && qp->is_timed)
		DL_DELETE2(context->timed, qp, timed_prev, timed_next);
	qp->is_timed = is_timed;
	if (is_timed)
		hf_context_wake_by_locked(context, deadline_ns);
}

static void leave_lists(struct hf_qp *qp)
{
	struct hf_context *context = hf_qp_context(qp);

	if (qp->is_working)
		DL_DELETE2(context->work, qp, work_prev, work_next);
	if (qp->is_waiting)
		DL_DELETE2(context->waiting, qp, waiting_prev, waiting_next);
	qp->is_working = qp->is_waiting = false;
	hf_qp_set_timer_locked(qp, HF_NEVER);
}

/* ------------------------------------------------------------------------ made and destroyed ---- */

static bool is_good_cap(const struct ibv_qp_cap *cap)
{
	return cap->max_send_wr <= HF_MAX_QP_WR && cap->max_recv_wr <= HF_MAX_QP_WR &&
	       cap->max_send_sge <= HF_MAX_SGE && cap->max_recv_sge <= HF_MAX_SGE &&
	       cap->max_inline_data <= HF_MAX_INLINE;
}

/* Memory for what the queue pair is to hold; a queue of no entries gets one, so that numbers can be taken modulo. */
static bool allocate(struct hf_qp *qp)
{
	struct ibv_qp_cap *cap = &qp->cap;

	if (cap->max_send_wr == 0)
		cap->max_send_wr = 1;
	if (cap->max_send_sge == 0)
		cap->max_send_sge = 1;
	qp->requests = calloc(cap->max_send_wr, sizeof(*qp->requests));
	qp->request_sges = calloc((size_t)cap->max_send_wr * cap->max_send_sge, sizeof(*qp->request_sges));
	qp->request_inline = calloc(cap->max_send_wr, cap->max_inline_data ? cap->max_inline_data : 1);
	if (!qp->requests || !qp->request_sges || !qp->request_inline)
		return false;
	for (uint32_t i = 0; i < cap->max_send_wr; i++) {
		qp->requests[i].sges = qp->request_sges + (size_t)i * cap->max_send_sge;
		qp->requests[i].inline_data = qp->request_inline + (size_t)i * cap->max_inline_data;
	}
	return hf_receive_queue_init(&qp->receives, qp->ibv.srq ? 0 : cap->max_recv_wr, cap->max_recv_sge) == 0;
}

static void release(struct hf_qp *qp)
{
	free(qp->requests);
	free(qp->request_sges);
	free(qp->request_inline);
	hf_post_fini_ex(qp);
	hf_receive_queue_fini(&qp->receives);
	free(qp);
}

static void count_users(struct hf_qp *qp, int change)
{
	((struct hf_pd *)qp->ibv.pd)->users += change;
	((struct hf_cq *)qp->ibv.send_cq)->users += change;
	((struct hf_cq *)qp->ibv.recv_cq)->users += change;
	if (qp->ibv.srq)
		((struct hf_srq *)qp->ibv.srq)->users += change;
}

static bool is_good_type(enum ibv_qp_type type)
{
	return type == IBV_QPT_RC || type == IBV_QPT_UC || type == IBV_QPT_UD;
}

static struct ibv_qp *create(struct ibv_context *ibv_context, struct ibv_pd *pd, struct ibv_qp_init_attr *attr,
			     bool is_ex)
{
	struct hf_context *context = hf_context_of(ibv_context);
	struct hf_qp *qp;
	bool is_added;

	if (!is_good_type(attr->qp_type)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	if (!pd || !attr->send_cq || !attr->recv_cq || !is_good_cap(&attr->cap)) {
		errno = EINVAL;
		return NULL;
	}
	qp = calloc(1, sizeof(*qp));
	if (!qp)
		return NULL;
	qp->ibv = (struct ibv_qp){
		.context = ibv_context,
		.qp_context = attr->qp_context,
		.pd = pd,
		.send_cq = attr->send_cq,
		.recv_cq = attr->recv_cq,
		.srq = attr->srq,
		.state = IBV_QPS_RESET,
		.qp_type = attr->qp_type,
	};
	pthread_mutex_init(&qp->ibv.mutex, NULL);
	pthread_cond_init(&qp->ibv.cond, NULL);
	qp->is_ex = is_ex;
	qp->signals_all = attr->sq_sig_all;
	qp->cap = attr->cap;
	qp->state = IBV_QPS_RESET;
	qp->migration = IBV_MIG_MIGRATED;
	qp->deadline_ns = HF_NEVER;
	qp->mtu = MTU_BYTES(IBV_MTU_256);
	if (!allocate(qp) || (is_ex && !hf_post_init_ex(qp))) {
		errno = ENOMEM;
		goto err_release;
	}
	hf_context_lock(context);
	is_added = add_qp(context, qp);
	if (is_added)
		count_users(qp, 1);
	hf_context_unlock(context);
	if (!is_added) {
		errno = ENOMEM;
		goto err_release;
	}
	attr->cap = qp->cap;
	if (attr->srq)
		attr->cap.max_recv_wr = attr->cap.max_recv_sge = 0;
	return &qp->ibv;

err_release:
	release(qp);
	return NULL;
}

struct ibv_qp *hf_ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	return create(pd->context, pd, attr, false);
}

struct ibv_qp *hf_create_qp_ex(struct ibv_context *context, struct ibv_qp_init_attr_ex *attr)
{
	const uint32_t known = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS | IBV_QP_INIT_ATTR_CREATE_FLAGS;
	bool is_ex = attr->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS;

	if (attr->comp_mask & ~known || !(attr->comp_mask & IBV_QP_INIT_ATTR_PD) ||
	    ((attr->comp_mask & IBV_QP_INIT_ATTR_CREATE_FLAGS) && attr->create_flags) ||
	    (is_ex && attr->send_ops_flags & ~(uint64_t)HF_SEND_OPS)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	/* The extended attributes begin with the plain ones. */
	return create(context, attr->pd, (struct ibv_qp_init_attr *)attr, is_ex);
}

struct ibv_qp_ex *hf_ibv_qp_to_qp_ex(struct ibv_qp *ibv)
{
	struct hf_qp *qp = hf_qp_of(ibv);

	return qp->is_ex ? &qp->ex : NULL;
}

static void leave_groups(struct hf_qp *qp)
{
	if (qp->groups)
		DL_DELETE2(hf_qp_context(qp)->multicast, qp, multicast_prev, multicast_next);
	while (qp->groups) {
		struct hf_group *group = qp->groups;

		qp->groups = group->next;
		free(group);
	}
}

int hf_ibv_destroy_qp(struct ibv_qp *ibv)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_qp *qp = hf_qp_of(ibv);
	uint32_t events;

	hf_context_lock(context);
	/* What is due to the other end it shall still have. */
	hf_responder_run_locked(qp);
	leave_lists(qp);
	leave_groups(qp);
	hf_mw_forget_qp_locked(qp);
	hf_cq_purge_locked(ibv->send_cq, qp);
	hf_cq_purge_locked(ibv->recv_cq, qp);
	context->qps[ibv->qp_num % HF_MAX_QPS] = NULL;
	count_users(qp, -1);
	hf_event_forget_locked(context, qp);
	events = qp->async_events;
	hf_context_unlock(context);
	pthread_mutex_lock(&ibv->mutex);
	while (ibv->events_completed != events)
		pthread_cond_wait(&ibv->cond, &ibv->mutex);
	pthread_mutex_unlock(&ibv->mutex);
	release(qp);
	return 0;
}

/* --------------------------------------------------------------------------------- states ---- */

static void set_state(struct hf_qp *qp, enum ibv_qp_state state)
{
	qp->state = qp->ibv.state = state;
}

void hf_qp_error_locked(struct hf_qp *qp)
{
	if (qp->state == IBV_QPS_ERR || qp->state == IBV_QPS_RESET)
		return;
	set_state(qp, IBV_QPS_ERR);
	hf_requester_flush_locked(qp);
	hf_responder_flush_locked(qp);
}

void hf_qp_migrate_locked(struct hf_qp *qp)
{
	struct hf_qp_path other = qp->path;

	qp->path = qp->alternate;
	qp->alternate = other;
	qp->migration = IBV_MIG_MIGRATED;
	hf_event_qp_locked(qp, IBV_EVENT_PATH_MIG);
	hf_qp_work_locked(qp);
}

static void reset(struct hf_qp *qp)
{
	leave_lists(qp);
	hf_requester_reset_locked(qp);
	hf_responder_reset_locked(qp);
	hf_mw_forget_qp_locked(qp);
	hf_cq_purge_locked(qp->ibv.send_cq, qp);
	hf_cq_purge_locked(qp->ibv.recv_cq, qp);
	qp->has_alternate = false;
	qp->migration = IBV_MIG_MIGRATED;
	memset(&qp->path, 0, sizeof(qp->path));
	memset(&qp->alternate, 0, sizeof(qp->alternate));
	memset(&qp->attr, 0, sizeof(qp->attr));
	set_state(qp, IBV_QPS_RESET);
}

static enum hf_qp_type table_type(enum ibv_qp_type type)
{
	return type == IBV_QPT_UC ? HF_QP_UC : type == IBV_QPT_UD ? HF_QP_UD : HF_QP_RC;
}

static bool is_good_path(const struct hf_context *context, const struct ibv_ah_attr *ah, unsigned int port)
{
	struct hf_map_port info;
	__be64 guid;

	if (hf_context_port(context, port, &info) < 0 || ah->sl >= HF_FABRIC_SLS)
		return false;
	return !ah->is_global || hf_map_get_guid(&context->fabric, &info, ah->grh.sgid_index, &guid) == 0;
}

/* Values that the adapter does not have, whatever the state. */
static bool is_good_value(struct hf_qp *qp, const struct ibv_qp_attr *attr, int mask)
{
	struct hf_context *context = hf_qp_context(qp);
	unsigned int port = mask & IBV_QP_PORT ? attr->port_num : qp->path.port;
	struct hf_map_port info;

	if ((mask & IBV_QP_PORT) && hf_context_port(context, attr->port_num, &info) < 0)
		return false;
	if ((mask & IBV_QP_PKEY_INDEX) &&
	    (hf_context_port(context, port, &info) < 0 || attr->pkey_index >= info.pkey_count))
		return false;
	if ((mask & IBV_QP_AV) && !is_good_path(context, &attr->ah_attr, port))
		return false;
	if ((mask & IBV_QP_ALT_PATH) && (!is_good_path(context, &attr->alt_ah_attr, attr->alt_port_num) ||
	    hf_context_port(context, attr->alt_port_num, &info) < 0 || attr->alt_pkey_index >= info.pkey_count))
		return false;
	if ((mask & IBV_QP_PATH_MTU) && (attr->path_mtu < IBV_MTU_256 || attr->path_mtu > IBV_MTU_4096))
		return false;
	if (((mask & IBV_QP_MAX_QP_RD_ATOMIC) && attr->max_rd_atomic > HF_MAX_RD_ATOMIC) ||
	    ((mask & IBV_QP_MAX_DEST_RD_ATOMIC) && attr->max_dest_rd_atomic > HF_MAX_RD_ATOMIC))
		return false;
	return !((mask & IBV_QP_RETRY_CNT) && attr->retry_cnt > 7) &&
	       !((mask & IBV_QP_RNR_RETRY) && attr->rnr_retry > 7) &&
	       !((mask & IBV_QP_TIMEOUT) && attr->timeout > 31) &&
	       !((mask & IBV_QP_MIN_RNR_TIMER) && attr->min_rnr_timer > 31);
}

/* What the table of transitions does not say. */
static int check(struct hf_qp *qp, enum ibv_qp_state to, const struct ibv_qp_attr *attr, int mask)
{
	const struct hf_model *model = hf_model();

	if ((mask & IBV_QP_CUR_STATE) && attr->cur_qp_state != qp->state)
		return EINVAL;
	if (hf_qp_check_modify_type(table_type(qp->ibv.qp_type), (enum hf_qp_state)qp->state, (enum hf_qp_state)to,
				    mask & ~IBV_QP_STATE) != 0)
		return EINVAL;
	if (qp->state == IBV_QPS_RTS && to == IBV_QPS_SQD && !model->has_sqd)
		return EINVAL;
	if ((mask & (IBV_QP_ALT_PATH | IBV_QP_PATH_MIG_STATE)) && !model->has_apm)
		return EINVAL;
	if (qp->state == IBV_QPS_SQD && to == IBV_QPS_SQD && (mask & ~IBV_QP_STATE) && !qp->is_drained)
		return EBUSY;
	if (qp->state == IBV_QPS_SQD && to == IBV_QPS_RTS && !qp->is_drained && model->leaves_sqd_drained)
		return EINVAL;
	if ((mask & IBV_QP_ALT_PATH) && qp->migration == IBV_MIG_ARMED)
		return EINVAL;
	if (mask & IBV_QP_PATH_MIG_STATE) {
		if (hf_qp_check_migration((enum hf_qp_mig_state)qp->migration,
					  (enum hf_qp_mig_state)attr->path_mig_state) != 0)
			return EINVAL;
		if (attr->path_mig_state == IBV_MIG_REARM && !qp->has_alternate && !(mask & IBV_QP_ALT_PATH))
			return EINVAL;
	}
	return is_good_value(qp, attr, mask) ? 0 : EINVAL;
}

static void take_path(struct hf_qp *qp, const struct ibv_qp_attr *attr, int mask)
{
	if (mask & IBV_QP_PORT)
		qp->path.port = attr->port_num;
	if (mask & IBV_QP_PKEY_INDEX)
		qp->path.pkey_index = attr->pkey_index;
	if (mask & IBV_QP_TIMEOUT)
		qp->path.timeout = attr->timeout;
	if (mask & IBV_QP_AV)
		qp->path.ah = attr->ah_attr;
	if (mask & IBV_QP_ALT_PATH) {
		qp->alternate = (struct hf_qp_path){
			.ah = attr->alt_ah_attr,
			.pkey_index = attr->alt_pkey_index,
			.port = attr->alt_port_num,
			.timeout = attr->alt_timeout,
		};
		qp->has_alternate = true;
	}
}

static void take_values(struct hf_qp *qp, const struct ibv_qp_attr *attr, int mask)
{
	struct ibv_qp_attr *own = &qp->attr;

	if (mask & IBV_QP_ACCESS_FLAGS)
		own->qp_access_flags = attr->qp_access_flags;
	if (mask & IBV_QP_QKEY)
		own->qkey = attr->qkey;
	if (mask & IBV_QP_PATH_MTU) {
		own->path_mtu = attr->path_mtu;
		qp->mtu = MTU_BYTES(attr->path_mtu);
	}
	if (mask & IBV_QP_DEST_QPN)
		own->dest_qp_num = attr->dest_qp_num & HF_QPN_MASK;
	if (mask & IBV_QP_RQ_PSN)
		qp->expected_psn = attr->rq_psn & HF_PSN_MASK;
	if (mask & IBV_QP_SQ_PSN)
		qp->next_psn = attr->sq_psn & HF_PSN_MASK;
	if (mask & IBV_QP_MAX_QP_RD_ATOMIC)
		own->max_rd_atomic = attr->max_rd_atomic;
	if (mask & IBV_QP_MAX_DEST_RD_ATOMIC)
		own->max_dest_rd_atomic = attr->max_dest_rd_atomic;
	if (mask & IBV_QP_MIN_RNR_TIMER)
		own->min_rnr_timer = attr->min_rnr_timer;
	if (mask & IBV_QP_RETRY_CNT)
		own->retry_cnt = qp->retries_left = attr->retry_cnt;
	if (mask & IBV_QP_RNR_RETRY)
		own->rnr_retry = qp->rnr_retries_left = attr->rnr_retry;
	if (mask & IBV_QP_EN_SQD_ASYNC_NOTIFY)
		own->en_sqd_async_notify = attr->en_sqd_async_notify;
}

static void take_migration(struct hf_qp *qp, enum ibv_mig_state state)
{
	if (qp->migration == IBV_MIG_ARMED && state == IBV_MIG_MIGRATED)
		hf_qp_migrate_locked(qp);
	else
		qp->migration = state;
}

static void enter(struct hf_qp *qp, enum ibv_qp_state to, const struct ibv_qp_attr *attr, int mask)
{
	enum ibv_qp_state from = qp->state;
	struct hf_map_port port;

	if (to == IBV_QPS_RESET) {
		reset(qp);
		return;
	}
	if (to == IBV_QPS_ERR) {
		hf_qp_error_locked(qp);
		return;
	}
	take_path(qp, attr, mask);
	take_values(qp, attr, mask);
	if (qp->ibv.qp_type == IBV_QPT_UD && hf_context_port(hf_qp_context(qp), qp->path.port, &port) == 0)
		qp->mtu = MTU_BYTES(port.mtu);
	if (mask & IBV_QP_PATH_MIG_STATE)
		take_migration(qp, attr->path_mig_state);
	set_state(qp, to);
	if (from == IBV_QPS_RTS && to == IBV_QPS_SQD) {
		qp->is_drained = false;
		qp->wants_drained_event = (mask & IBV_QP_EN_SQD_ASYNC_NOTIFY) && attr->en_sqd_async_notify;
	}
	hf_qp_work_locked(qp);
}

int hf_ibv_modify_qp(struct ibv_qp *ibv, struct ibv_qp_attr *attr, int mask)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_qp *qp = hf_qp_of(ibv);
	enum ibv_qp_state to;
	int err;

	hf_context_lock(context);
	hf_progress_locked(context);
	to = mask & IBV_QP_STATE ? attr->qp_state : qp->state;
	err = check(qp, to, attr, mask);
	if (!err) {
		enter(qp, to, attr, mask);
		hf_progress_locked(context);
	}
	hf_context_unlock(context);
	return err;
}

int hf_ibv_query_qp(struct ibv_qp *ibv, struct ibv_qp_attr *attr, int mask, struct ibv_qp_init_attr *init_attr)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_qp *qp = hf_qp_of(ibv);

	(void)mask;
	hf_context_lock(context);
	hf_progress_locked(context);
	*attr = qp->attr;
	attr->qp_state = attr->cur_qp_state = qp->state;
	attr->path_mig_state = qp->migration;
	attr->rq_psn = qp->expected_psn;
	attr->sq_psn = qp->next_psn;
	attr->cap = qp->cap;
	attr->ah_attr = qp->path.ah;
	attr->ah_attr.port_num = qp->path.port;
	attr->pkey_index = qp->path.pkey_index;
	attr->port_num = qp->path.port;
	attr->timeout = qp->path.timeout;
	attr->alt_ah_attr = qp->alternate.ah;
	attr->alt_pkey_index = qp->alternate.pkey_index;
	attr->alt_port_num = qp->alternate.port;
	attr->alt_timeout = qp->alternate.timeout;
	attr->sq_draining = qp->state == IBV_QPS_SQD && !qp->is_drained;
	*init_attr = (struct ibv_qp_init_attr){
		.qp_context = ibv->qp_context,
		.send_cq = ibv->send_cq,
		.recv_cq = ibv->recv_cq,
		.srq = ibv->srq,
		.cap = qp->cap,
		.qp_type = ibv->qp_type,
		.sq_sig_all = qp->signals_all,
	};
	hf_context_unlock(context);
	return 0;
}

/* --------------------------------------------------------------- address handles and groups ---- */

struct ibv_ah *hf_ibv_create_ah(struct ibv_pd *pd, struct ibv_ah_attr *attr)
{
	struct hf_ah *ah;

	if (!is_good_path(hf_context_of(pd->context), attr, attr->port_num)) {
		errno = EINVAL;
		return NULL;
	}
	ah = calloc(1, sizeof(*ah));
	if (!ah)
		return NULL;
	ah->ibv = (struct ibv_ah){ .context = pd->context, .pd = pd };
	ah->attr = *attr;
	hf_context_lock(hf_context_of(pd->context));
	((struct hf_pd *)pd)->users++;
	hf_context_unlock(hf_context_of(pd->context));
	return &ah->ibv;
}

int hf_ibv_destroy_ah(struct ibv_ah *ibv)
{
	struct hf_context *context = hf_context_of(ibv->context);

	hf_context_lock(context);
	((struct hf_pd *)ibv->pd)->users--;
	hf_context_unlock(context);
	free(ibv);
	return 0;
}

static int find_gid(struct ibv_context *context, uint8_t port, const union ibv_gid *gid)
{
	union ibv_gid own;

	for (int i = 0; i < HF_FABRIC_GUIDS && hf_ibv_query_gid(context, port, i, &own) == 0; i++)
		if (memcmp(own.raw, gid->raw, sizeof(own.raw)) == 0)
			return i;
	return -1;
}

int hf_ibv_init_ah_from_wc(struct ibv_context *context, uint8_t port, struct ibv_wc *wc, struct ibv_grh *grh,
			   struct ibv_ah_attr *attr)
{
	uint32_t flow;
	int index;

	*attr = (struct ibv_ah_attr){
		.dlid = wc->slid, .sl = wc->sl, .src_path_bits = wc->dlid_path_bits, .port_num = port,
	};
	if (!(wc->wc_flags & IBV_WC_GRH))
		return 0;
	index = find_gid(context, port, &grh->dgid);
	if (index < 0)
		return -1;
	flow = be32toh(grh->version_tclass_flow);
	attr->is_global = 1;
	attr->grh.dgid = grh->sgid;
	attr->grh.sgid_index = index;
	attr->grh.flow_label = flow & 0xfffff;
	attr->grh.hop_limit = grh->hop_limit;
	attr->grh.traffic_class = flow >> 20 & 0xff;
	return 0;
}

static struct hf_group **find_group(struct hf_qp *qp, const union ibv_gid *gid, uint16_t lid)
{
	struct hf_group **at = &qp->groups;

	while (*at && ((*at)->lid != lid || memcmp((*at)->gid.raw, gid->raw, sizeof(gid->raw)) != 0))
		at = &(*at)->next;
	return at;
}

int hf_ibv_attach_mcast(struct ibv_qp *ibv, const union ibv_gid *gid, uint16_t lid)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_qp *qp = hf_qp_of(ibv);
	struct hf_group *group;
	bool is_new;

	if (ibv->qp_type != IBV_QPT_UD || gid->raw[0] != 0xff || lid < HF_FABRIC_MLID_FIRST)
		return EINVAL;
	group = calloc(1, sizeof(*group));
	if (!group)
		return ENOMEM;
	*group = (struct hf_group){ .gid = *gid, .lid = lid };
	hf_context_lock(context);
	is_new = !*find_group(qp, gid, lid);
	if (is_new) {
		if (!qp->groups)
			DL_APPEND2(context->multicast, qp, multicast_prev, multicast_next);
		group->next = qp->groups;
		qp->groups = group;
	}
	hf_context_unlock(context);
	if (!is_new)
		free(group);
	return 0;
}

int hf_ibv_detach_mcast(struct ibv_qp *ibv, const union ibv_gid *gid, uint16_t lid)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_qp *qp = hf_qp_of(ibv);
	struct hf_group **at, *group;

	hf_context_lock(context);
	at = find_group(qp, gid, lid);
	group = *at;
	if (group) {
		*at = group->next;
		if (!qp->groups)
			DL_DELETE2(context->multicast, qp, multicast_prev, multicast_next);
	}
	hf_context_unlock(context);
	free(group);
	return group ? 0 : EINVAL;
}
