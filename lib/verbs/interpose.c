/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The functions of libibverbs that this library stands in front of, so that it knows the program's queue pairs and the
 * program does not meet their moves. Each does what libibverbs's does, and notes what came of it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/verbs/completion_queue.h"
#include "lib/verbs/data_path.h"
#include "lib/verbs/move.h"
#include "lib/verbs/queue_pair.h"
#include "lib/verbs/real.h"
#include "lib/verbs/session.h"
#include "lib/verbs/work.h"

#define EXPORT __attribute__((visibility("default")))

/* --------------------------------------------------------------------------------- devices ---- */

static struct ibv_qp *create_qp_ex(struct ibv_context *context, struct ibv_qp_init_attr_ex *attr);

/* Makes a device known. Its queue pairs may be made without a function of libibverbs's being called. */
static struct hf_verbs *watch(struct ibv_context *context)
{
	static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
	struct verbs_context *extended = verbs_get_ctx_op(context, create_qp_ex);
	struct hf_verbs *verbs = hf_verbs_get(context);

	pthread_mutex_lock(&once);
	if (verbs && extended && extended->create_qp_ex != create_qp_ex) {
		verbs->create_qp_ex = extended->create_qp_ex;
		extended->create_qp_ex = create_qp_ex;
	}
	if (verbs)
		hf_data_path_watch(verbs, context);
	pthread_mutex_unlock(&once);
	return verbs;
}

/* And that its queues may be recorded. */
static struct hf_verbs *watch_used(struct ibv_context *context)
{
	struct hf_verbs *verbs = watch(context);

	if (verbs)
		hf_data_path_decide(verbs, context);
	return verbs;
}

static struct ibv_context *watch_new(struct ibv_context *context)
{
	int error = errno;

	if (context)
		watch(context);
	errno = error;
	return context;
}

EXPORT struct ibv_context *ibv_open_device(struct ibv_device *device)
{
	return watch_new(hf_real_open_device(device));
}

EXPORT struct ibv_context *ibv_import_device(int cmd_fd)
{
	return watch_new(hf_real_import_device(cmd_fd));
}

/* ----------------------------------------------------------------------------- queue pairs ---- */

static bool is_ours(enum ibv_qp_type type)
{
	return type == IBV_QPT_RC || type == IBV_QPT_UC;
}

static void add(struct ibv_qp *ibv, const struct ibv_qp_init_attr *init, uint64_t send_ops)
{
	struct hf_queue_pair *qp;

	hf_queue_pair_add(ibv, init);
	qp = hf_queue_pair_of(ibv);
	if (qp)
		hf_data_path_add(qp, send_ops);
}

EXPORT struct ibv_qp *ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	struct ibv_qp *qp = hf_real_create_qp(pd, attr);
	int error = errno;

	if (qp && is_ours(qp->qp_type) && watch_used(qp->context))
		add(qp, attr, 0);
	errno = error;
	return qp;
}

static struct ibv_qp *create_qp_ex(struct ibv_context *context, struct ibv_qp_init_attr_ex *attr)
{
	struct hf_verbs *verbs = hf_verbs_get(context);
	struct ibv_qp *qp = verbs->create_qp_ex(context, attr);
	int error = errno;

	/* The extended attributes begin with the plain ones. */
	if (qp && is_ours(qp->qp_type)) {
		hf_data_path_decide(verbs, context);
		add(qp, (struct ibv_qp_init_attr *)attr,
		    attr->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS ? attr->send_ops_flags : 0);
	}
	errno = error;
	return qp;
}

static enum hf_move_claim claim_for(const struct ibv_qp_attr *attr, int mask)
{
	const int own = IBV_QP_STATE | IBV_QP_CUR_STATE | IBV_QP_ACCESS_FLAGS | IBV_QP_MIN_RNR_TIMER;

	if ((mask & IBV_QP_STATE) && (attr->qp_state == IBV_QPS_RESET || attr->qp_state == IBV_QPS_ERR))
		return HF_CLAIM_END;
	/* From RTR to RTS it takes more than that. */
	return !(mask & ~own) && (!(mask & IBV_QP_STATE) || attr->qp_state == IBV_QPS_RTS) ? HF_CLAIM_ADJUST :
	       HF_CLAIM_MODIFY;
}

EXPORT int ibv_modify_qp(struct ibv_qp *ibv, struct ibv_qp_attr *attr, int mask)
{
	struct hf_queue_pair *qp = hf_queue_pair_of(ibv);
	bool is_changed;
	int claim, err, error;

	if (!qp)
		return hf_real_modify_qp(ibv, attr, mask);
	claim = hf_queue_pair_claim(qp, claim_for(attr, mask));
	err = hf_real_modify_qp(ibv, attr, mask);
	error = errno;
	if (!err)
		hf_queue_pair_note_locked(qp, attr, mask);
	is_changed = qp->is_changed;
	hf_queue_pair_release(qp, claim);
	if (is_changed)
		hf_session_tell(qp);
	errno = error;
	return err;
}

EXPORT int ibv_query_qp(struct ibv_qp *ibv, struct ibv_qp_attr *attr, int mask, struct ibv_qp_init_attr *init)
{
	struct hf_queue_pair *qp = hf_queue_pair_of(ibv);
	int claim, err;

	if (!qp)
		return hf_real_query_qp(ibv, attr, mask, init);
	claim = hf_queue_pair_claim(qp, HF_CLAIM_QUERY);
	err = hf_real_query_qp(ibv, attr, mask, init);
	hf_queue_pair_release(qp, claim);
	return err;
}

/* From now on it is none for the session thread; who can be told of it, is told that it is gone. */
static void take_away(struct hf_queue_pair *qp)
{
	int claim = hf_queue_pair_claim(qp, HF_CLAIM_END);

	if (hf_queue_pair_is_connected_locked(qp))
		hf_session_tell(qp);
	qp->ibv = NULL;
	hf_queue_pair_release(qp, claim);
}

static void give_back(struct hf_queue_pair *qp, struct ibv_qp *ibv)
{
	pthread_mutex_lock(&qp->lock);
	qp->ibv = ibv;
	hf_queue_pair_tell(qp);
	pthread_mutex_unlock(&qp->lock);
	hf_session_wake();
}

/*
 * The lock is not held while libibverbs destroys it: that may wait until the program has acknowledged events, among
 * which those of moves must still be known as such. Its number may be another one's as soon as it is destroyed.
 */
EXPORT int ibv_destroy_qp(struct ibv_qp *ibv)
{
	struct hf_queue_pair *qp = hf_queue_pair_of(ibv);
	int err, error;

	if (!qp)
		return hf_real_destroy_qp(ibv);
	hf_queue_pair_ref(qp);
	take_away(qp);
	err = hf_real_destroy_qp(ibv);
	error = errno;
	if (err)
		give_back(qp, ibv);
	else
		hf_queue_pair_remove(qp);
	hf_queue_pair_unref(qp);
	errno = error;
	return err;
}

/* A program may close a device with queue pairs on it. */
EXPORT int ibv_close_device(struct ibv_context *context)
{
	struct hf_verbs *verbs = hf_verbs_get(context);
	struct hf_queue_pair *qp;

	while (verbs && (qp = hf_verbs_first_queue_pair(verbs))) {
		take_away(qp);
		hf_queue_pair_remove(qp);
		hf_queue_pair_unref(qp);
	}
	if (verbs)
		hf_verbs_forget(verbs);
	return hf_real_close_device(context);
}

/* -------------------------------------------------------------------- shared receive queues ---- */

EXPORT struct ibv_srq *ibv_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *attr)
{
	struct ibv_srq *srq = hf_real_create_srq(pd, attr);
	int error = errno;

	if (srq && watch_used(srq->context))
		hf_data_path_add_shared(srq, &attr->attr);
	errno = error;
	return srq;
}

/* Nobody uses it any more, or it is not destroyed. */
EXPORT int ibv_destroy_srq(struct ibv_srq *srq)
{
	int err = hf_real_destroy_srq(srq);

	if (!err)
		hf_data_path_remove_shared(srq);
	return err;
}

/* ----------------------------------------------------------------------- completion queues ---- */

/* Before anyone can poll it: from a poll that has begun nothing can be kept any more. */
EXPORT struct ibv_cq *ibv_create_cq(struct ibv_context *context, int cqe, void *cq_context,
				    struct ibv_comp_channel *channel, int vector)
{
	int error = errno;

	watch_used(context);
	errno = error;
	return hf_real_create_cq(context, cqe, cq_context, channel, vector);
}

/* One with queue pairs on it cannot be destroyed, and libibverbs says so. */
EXPORT int ibv_destroy_cq(struct ibv_cq *cq)
{
	struct hf_cq *forgotten = hf_cq_forget(cq);
	int err = hf_real_destroy_cq(cq);

	if (forgotten)
		hf_cq_forgotten(forgotten, err ? cq : NULL);
	return err;
}

EXPORT int ibv_resize_cq(struct ibv_cq *cq, int cqe)
{
	return hf_cq_program_resize(cq, cqe);
}

/* ---------------------------------------------------------------------------------- events ---- */

static bool is_hidden_locked(struct hf_queue_pair *qp, enum ibv_event_type type)
{
	if (type == IBV_EVENT_SQ_DRAINED)
		return qp->hides_drained;
	if (type == IBV_EVENT_COMM_EST)
		return qp->hides_established;
	if (type != IBV_EVENT_QP_LAST_WQE_REACHED)
		return qp->hides_migrated;
	if (qp->hides_last_wqe == 0)
		return false;
	qp->hides_last_wqe--;
	return true;
}

static bool is_of_a_move(const struct ibv_async_event *event)
{
	enum ibv_event_type type = event->event_type;
	struct hf_queue_pair *qp;
	bool is_hidden;

	if (type != IBV_EVENT_SQ_DRAINED && type != IBV_EVENT_PATH_MIG && type != IBV_EVENT_PATH_MIG_ERR &&
	    type != IBV_EVENT_COMM_EST && type != IBV_EVENT_QP_LAST_WQE_REACHED)
		return false;
	qp = hf_queue_pair_of(event->element.qp);
	if (!qp)
		return false;
	pthread_mutex_lock(&qp->lock);
	is_hidden = is_hidden_locked(qp, type);
	pthread_mutex_unlock(&qp->lock);
	return is_hidden;
}

static bool is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

/* The program has a thread for events, that waits here for them; others look whether there is one, and then call. */
static bool may_wait(struct ibv_context *context)
{
	struct hf_verbs *verbs = hf_verbs_get(context);
	int error = errno, flags = fcntl(context->async_fd, F_GETFL);
	bool is_waiting = verbs && (flags & O_NONBLOCK || !is_readable(context->async_fd));

	if (is_waiting)
		atomic_store(&verbs->waits_for_events, true);
	errno = error;
	return verbs && atomic_load(&verbs->waits_for_events);
}

/*
 * Events of moves are not for the program. But where it knows that it will not have to wait, it must not: then it gets
 * to see an event that it has not asked for, and that means nothing to it.
 */
EXPORT int ibv_get_async_event(struct ibv_context *context, struct ibv_async_event *event)
{
	bool waits = may_wait(context);

	for (;;) {
		int err = hf_real_get_async_event(context, event);

		if (err || !is_of_a_move(event) || (!waits && !is_readable(context->async_fd)))
			return err;
		hf_real_ack_async_event(event);
	}
}

/* ------------------------------------------------------------------------ programs that load ---- */

/* libibverbs asked for by its name, by anyone but itself. */
static bool is_for_verbs(const char *name, const void *caller)
{
	const char *base = name ? strrchr(name, '/') : NULL;
	Dl_info info;

	base = base ? base + 1 : name;
	return base && strncmp(base, "libibverbs.so", strlen("libibverbs.so")) == 0 && dladdr(caller, &info) &&
	       !strstr(info.dli_fname, "libibverbs");
}

static void *load_verbs(const char *name, int flags)
{
	/* Where that fails the program shall have the error. */
	void *handle = hf_real_dlopen()(name, flags);

	return handle ? hf_real_dlopen()(NULL, flags) : NULL;
}

/*
 * Who loads libibverbs and looks for its functions there gets the handle of the whole program, in which what is
 * preloaded comes first. All else is passed on by a jump, as it depends on who calls where a library is looked for: so
 * this function must be optimized.
 */
EXPORT __attribute__((optimize("O2"))) void *dlopen(const char *name, int flags)
{
	if (is_for_verbs(name, __builtin_return_address(0)))
		return load_verbs(name, flags);
	return hf_real_dlopen()(name, flags);
}

/* ------------------------------------------------------------------------------------ fork ---- */

static void before_fork(void)
{
	hf_session_fork_prepare();
	hf_registry_fork_prepare();
	hf_work_fork_prepare();
}

static void in_parent(void)
{
	hf_work_fork_done();
	hf_registry_fork_parent();
	hf_session_fork_parent();
}

static void in_child(void)
{
	hf_work_fork_done();
	hf_registry_fork_child();
	hf_session_fork_child();
}

__attribute__((constructor))
static void watch_forks(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}
