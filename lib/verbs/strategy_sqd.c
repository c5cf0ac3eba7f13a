/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * SQD: the adapter sends what it has begun and no more; then another address vector may be put in, and it goes on.
 * The other end need not know. Nothing is lost, what the program posts meanwhile waits.
 *
 * No event is asked for, as it would be the program's: the adapter is asked until it says that it is drained.
 */
#include <errno.h>

#include "lib/log.h"
#include "lib/verbs/move.h"
#include "lib/verbs/queue_pair.h"
#include "lib/verbs/real.h"
#include "lib/verbs/session.h"
#include "lib/verbs/settings.h"
#include "lib/verbs/strategy.h"

#define ASK_AFTER_NS	UINT64_C(20000)		/* at first, then after a quarter of the time that has passed */
#define ASK_EVERY_NS	UINT64_C(1000000)	/* at least */
#define RESUME_EVERY_NS	UINT64_C(10000000)
#define NS_PER_MS	UINT64_C(1000000)

enum step {
	STEP_DRAINING,
	STEP_RESUMING,	/* back to RTS, which the adapter would not do when it was asked last; result says with what */
};

static bool sqd_suits(const struct hf_queue_pair *qp, int mask)
{
	return !qp->uses_sqd && !(mask & IBV_QP_PATH_MTU);
}

static void kick(struct hf_queue_pair *qp)
{
	if (qp->verbs->needs_kick)
		hf_verbs_kick(qp->ibv);
}

static int resume(struct hf_queue_pair *qp)
{
	const struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTS };
	int err = hf_verbs_modify(qp->ibv, &attr, IBV_QP_STATE);

	if (err)
		return err;
	kick(qp);
	hf_move_resume_locked(qp);
	qp->move.is_in_sqd = false;
	return 0;
}

/* It neither drains nor goes back: the program sees a connection that has failed. */
static int break_off(struct hf_queue_pair *qp)
{
	const struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };

	hf_log(HF_LOG_WARN, "QPN 0x%x at %s: stuck in SQD, brought to the error state", qp->qpn, qp->verbs->device);
	hf_verbs_modify(qp->ibv, &attr, IBV_QP_STATE);
	qp->move.is_in_sqd = false;
	return -ENOTCONN;
}

/* An adapter that is not in SQD any more has failed: the program sees that by itself. */
static bool has_failed(struct hf_queue_pair *qp)
{
	struct ibv_qp_attr attr;

	if (hf_verbs_query(qp->ibv, &attr, IBV_QP_STATE) == 0 && attr.qp_state == IBV_QPS_SQD)
		return false;
	qp->move.is_in_sqd = false;
	return true;
}

/* The end of it, with @result, as soon as the adapter is back in RTS. */
static int leave(struct hf_queue_pair *qp, int result, uint64_t now_ns)
{
	if (resume(qp) == 0)
		return result;
	if (has_failed(qp))
		return -ENOTCONN;
	if (qp->move.step != STEP_RESUMING)
		qp->move.deadline_ns = now_ns + hf_verbs_settings()->stuck_ms * NS_PER_MS;
	if (now_ns >= qp->move.deadline_ns)
		return break_off(qp);
	kick(qp);
	hf_move_stuck_locked(qp, result);
	qp->move.step = STEP_RESUMING;
	qp->move.result = result;
	qp->move.wake_ns = now_ns + RESUME_EVERY_NS;
	return -EINPROGRESS;
}

int hf_strategy_sqd_leave(struct hf_queue_pair *qp, int err, uint64_t now_ns)
{
	qp->move.strategy = &hf_strategy_sqd;
	qp->move.step = STEP_DRAINING;
	return leave(qp, err, now_ns);
}

/* Some adapters do not go back to RTS while they drain: the next strategy has it in SQD then. */
static int give_up(struct hf_queue_pair *qp)
{
	return resume(qp) == 0 || !has_failed(qp) ? -ETIMEDOUT : -ENOTCONN;
}

static int change(struct hf_queue_pair *qp)
{
	struct ibv_qp_attr attr;
	int mask, err = hf_queue_pair_route_locked(qp, &qp->move.path, &attr, &mask);

	mask &= IBV_QP_AV | IBV_QP_PKEY_INDEX;
	if (!err && mask)
		err = hf_verbs_modify(qp->ibv, &attr, mask);
	if (!err) {
		qp->attr.ah_attr = attr.ah_attr;
		qp->attr.pkey_index = attr.pkey_index;
	}
	/* The kernel's ib_uverbs adds the port to the mask, which unreliable connections may not set in SQD. */
	return err == -EINVAL ? -EAGAIN : err;
}

static uint64_t ask_after_ns(const struct hf_move *move, uint64_t now_ns)
{
	uint64_t span_ns = ASK_AFTER_NS + (now_ns - move->paused_since_ns) / 4;

	return span_ns < ASK_EVERY_NS ? span_ns : ASK_EVERY_NS;
}

static int drain(struct hf_queue_pair *qp, uint64_t now_ns)
{
	struct ibv_qp_attr attr = { .sq_draining = 0 };
	int err = hf_verbs_query(qp->ibv, &attr, IBV_QP_STATE);

	if (err || attr.qp_state != IBV_QPS_SQD)
		return leave(qp, err ? err : -ENOTCONN, now_ns);
	err = attr.sq_draining ? -EBUSY : change(qp);
	if (err != -EBUSY)
		return leave(qp, err, now_ns);
	if (now_ns >= qp->move.deadline_ns)
		return give_up(qp);
	/* The last acknowledgement alone does not make every adapter look whether it is drained. */
	kick(qp);
	qp->move.wake_ns = now_ns + ask_after_ns(&qp->move, now_ns);
	return -EINPROGRESS;
}

static int sqd_begin(struct hf_queue_pair *qp, uint64_t now_ns)
{
	const struct ibv_qp_attr attr = { .qp_state = IBV_QPS_SQD };
	int err;

	/* Some adapters send the event though nobody has asked for it. */
	qp->hides_drained = true;
	err = hf_verbs_modify(qp->ibv, &attr, IBV_QP_STATE);
	if (err)
		return hf_strategy_refusal(err);
	hf_move_pause_locked(qp);
	qp->move.is_in_sqd = true;
	qp->move.step = STEP_DRAINING;
	qp->move.deadline_ns = qp->move.paused_since_ns + hf_verbs_settings()->drain_ms * NS_PER_MS;
	return drain(qp, now_ns);
}

static int sqd_step(struct hf_queue_pair *qp, uint64_t now_ns)
{
	return qp->move.step == STEP_DRAINING ? drain(qp, now_ns) : leave(qp, qp->move.result, now_ns);
}

static int sqd_cut(struct hf_queue_pair *qp, uint64_t now_ns)
{
	(void)now_ns;
	return resume(qp) == 0 ? 0 : -EBUSY;
}

const struct hf_move_strategy hf_strategy_sqd = {
	.id = HF_PROGRAM_STRATEGY_SQD,
	.is_visible = true,
	.suits = sqd_suits,
	.begin = sqd_begin,
	.step = sqd_step,
	.cut = sqd_cut,
};
