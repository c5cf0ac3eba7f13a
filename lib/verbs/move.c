/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/move.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "lib/verbs/real.h"
#include "lib/verbs/session.h"
#include "lib/verbs/strategy.h"

#define PATIENCE_NS	UINT64_C(100000000)	/* of the program, until its call cuts a move short */
#define NS_PER_S	UINT64_C(1000000000)

void hf_move_pause_locked(struct hf_queue_pair *qp)
{
	if (!qp->move.paused_since_ns)
		qp->move.paused_since_ns = hf_clock_ns();
}

void hf_move_resume_locked(struct hf_queue_pair *qp)
{
	if (qp->move.paused_since_ns)
		qp->move.paused_ns += hf_clock_ns() - qp->move.paused_since_ns;
	qp->move.paused_since_ns = 0;
}

/* ----------------------------------------------------------------------- from begin to end ---- */

static void answer_locked(struct hf_queue_pair *qp, int err, enum hf_program_strategy strategy)
{
	const struct hf_move *move = &qp->move;

	qp->answer = (struct hf_program_moved){
		.move_id = move->id, .err = err, .strategy = strategy, .lost = move->lost, .replayed = move->replayed,
		.paused_ns = move->paused_ns,
	};
	qp->answer_session = move->session;
	/* It is tried again: what has been said is not said once more. */
	if (err && err != qp->last_error)
		hf_log(HF_LOG_WARN, "QPN 0x%x at %s: not moved to DLID %u SL %u: %s", qp->qpn, qp->verbs->device,
		       move->path.dlid, move->path.sl, strerror(-err));
	if (!err)
		hf_log(HF_LOG_INFO, "QPN 0x%x at %s: moved to DLID %u SL %u by %s, could not send for %llu us", qp->qpn,
		       qp->verbs->device, move->path.dlid, move->path.sl, hf_program_strategy_names[strategy],
		       (unsigned long long)move->paused_ns / 1000);
	qp->last_error = err;
}

/* While a move is stuck no other can begin. */
static void refuse_locked(struct hf_queue_pair *qp, const struct hf_program_move *order)
{
	qp->answer = (struct hf_program_moved){ .move_id = order->move_id, .err = -EBUSY };
	qp->answer_session = hf_session_number();
	hf_session_tell(qp);
}

void hf_move_stuck_locked(struct hf_queue_pair *qp, int err)
{
	if (qp->move.is_stuck)
		return;
	qp->move.is_stuck = true;
	if (qp->move.id) {
		answer_locked(qp, err ? err : -EBUSY, HF_PROGRAM_STRATEGY_NONE);
		qp->move.id = 0;
		hf_session_tell(qp);
	} else if (qp->order.move_id) {
		refuse_locked(qp, &qp->order);
		qp->order.move_id = 0;
	}
}

/* The other end has moved it: that is told with what it uses now. */
static void note_passive_locked(struct hf_queue_pair *qp, enum hf_program_strategy strategy)
{
	qp->passive.strategy = strategy;
	qp->passive.lost += qp->move.lost;
	qp->passive.replayed += qp->move.replayed;
	qp->passive.paused_ns += qp->move.paused_ns;
}

static void end_locked(struct hf_queue_pair *qp, int err)
{
	enum hf_program_strategy strategy =
		err || !qp->move.strategy ? HF_PROGRAM_STRATEGY_NONE : qp->move.strategy->id;

	hf_move_resume_locked(qp);
	if (qp->move.id)
		answer_locked(qp, err, strategy);
	else if (!err)
		note_passive_locked(qp, strategy);
	/* Where nobody waits for the answer, what it uses now is told. */
	if (!err && (!qp->move.id || qp->move.session != hf_session_number()))
		qp->is_changed = true;
	memset(&qp->move, 0, sizeof(qp->move));
	pthread_cond_broadcast(&qp->idle);
	hf_session_tell(qp);
}

/* Is the adapter where the program brought it? What brought it elsewhere is a failure that the program sees. */
static int check_state_locked(struct hf_queue_pair *qp)
{
	struct ibv_qp_attr attr;
	int err = hf_verbs_query(qp->ibv, &attr, IBV_QP_STATE);

	if (err)
		return err;
	if (attr.qp_state == qp->state || (qp->move.is_in_sqd && attr.qp_state == IBV_QPS_SQD))
		return 0;
	qp->state = attr.qp_state;
	qp->is_changed = true;
	return -ENOTCONN;
}

static bool is_next_worth_it(int err)
{
	return err == -EOPNOTSUPP || err == -EAGAIN || err == -ETIMEDOUT || err == -EBUSY;
}

static void note_refusal_locked(struct hf_queue_pair *qp)
{
	uint32_t bit = 1u << qp->move.strategy->id;

	if (!(atomic_fetch_or(&qp->verbs->refused, bit) & bit))
		hf_log(HF_LOG_INFO, "%s cannot do %s", qp->verbs->device,
		       hf_program_strategy_names[qp->move.strategy->id]);
}

static int try_locked(struct hf_queue_pair *qp, const struct hf_move_strategy *next, uint64_t now_ns)
{
	qp->move.strategy = next;
	qp->move.step = 0;
	hf_log(HF_LOG_DEBUG, "QPN 0x%x at %s: %s", qp->qpn, qp->verbs->device, hf_program_strategy_names[next->id]);
	return next->begin(qp, now_ns);
}

/* What a strategy said: go on, try the next one, or end. What a queue pair that has failed refuses means nothing. */
static void settle_locked(struct hf_queue_pair *qp, int err, uint64_t now_ns)
{
	const struct hf_move_strategy *next;
	struct ibv_qp_attr attr;
	int mask, failure;

	while (qp->move.id && is_next_worth_it(err)) {
		qp->move.tried |= 1u << qp->move.strategy->id;
		hf_log(HF_LOG_DEBUG, "QPN 0x%x at %s: not by %s: %s", qp->qpn, qp->verbs->device,
		       hf_program_strategy_names[qp->move.strategy->id], strerror(-err));
		failure = check_state_locked(qp);
		if (!failure && err == -EOPNOTSUPP)
			note_refusal_locked(qp);
		if (!failure)
			failure = hf_queue_pair_route_locked(qp, &qp->move.path, &attr, &mask);
		next = failure ? NULL : hf_strategy_next(qp, mask);
		if (failure)
			err = failure;
		if (!next)
			break;
		err = try_locked(qp, next, now_ns);
	}
	if (err && err != -EINPROGRESS && qp->move.is_in_sqd)
		err = hf_strategy_sqd_leave(qp, err, now_ns);
	if (err != -EINPROGRESS)
		end_locked(qp, err);
}

/* Return: whether it has ended. */
static bool cut_locked(struct hf_queue_pair *qp, uint64_t now_ns)
{
	if (!qp->move.strategy->cut || qp->move.strategy->cut(qp, now_ns) < 0)
		return false;
	if (qp->move.is_in_sqd && hf_strategy_sqd_leave(qp, -EINTR, now_ns) == -EINPROGRESS)
		return false;
	end_locked(qp, -EINTR);
	return true;
}

static int check_order_locked(struct hf_queue_pair *qp, int *ret_mask)
{
	struct ibv_qp_attr attr;
	int err;

	if (!hf_queue_pair_is_connected_locked(qp))
		return -EBUSY;
	if (qp->uses_migration)
		return -EPERM;
	err = check_state_locked(qp);
	return err ? err : hf_queue_pair_route_locked(qp, &qp->move.path, &attr, ret_mask);
}

void hf_move_begin_locked(struct hf_queue_pair *qp, const struct hf_program_move *order, uint64_t now_ns)
{
	const struct hf_move_strategy *first;
	int mask = 0, err;

	if (qp->move.strategy && qp->move.id == 0)
		cut_locked(qp, now_ns);
	if (qp->move.strategy && qp->move.is_stuck) {
		refuse_locked(qp, order);
		return;
	}
	/* It may have come to another path than this end has been told of now. */
	if (qp->move.strategy || qp->waiting) {
		qp->order = *order;
		qp->order_session = hf_session_number();
		return;
	}
	qp->order.move_id = 0;
	qp->move = (struct hf_move){ .id = order->move_id, .session = hf_session_number(), .path = order->path };
	err = check_order_locked(qp, &mask);
	first = err || !mask ? NULL : hf_strategy_next(qp, mask);
	if (first)
		settle_locked(qp, try_locked(qp, first, now_ns), now_ns);
	else
		end_locked(qp, !err && mask ? -EOPNOTSUPP : err);
}

void hf_move_step_locked(struct hf_queue_pair *qp, uint64_t now_ns)
{
	const struct hf_program_move order = qp->order;

	if (qp->move.strategy && now_ns >= qp->move.wake_ns)
		settle_locked(qp, qp->move.strategy->step(qp, now_ns), now_ns);
	if (!qp->move.strategy && !qp->waiting && order.move_id) {
		qp->order.move_id = 0;
		if (qp->order_session == hf_session_number())
			hf_move_begin_locked(qp, &order, now_ns);
	}
}

uint64_t hf_move_due_ns_locked(const struct hf_queue_pair *qp, uint64_t now_ns)
{
	return qp->move.strategy ? qp->move.wake_ns : now_ns + PATIENCE_NS;
}

/* --------------------------------------------------------------------- from the other end ---- */

void hf_move_peer_locked(struct hf_queue_pair *qp, const struct hf_program_peer *message, uint64_t now_ns)
{
	const struct hf_peer_header *header = (const struct hf_peer_header *)message->data;
	const struct hf_move_strategy *strategy = qp->move.strategy;
	bool is_idle = !strategy;
	int err;

	/* What is not heard is said again. */
	if (message->length < sizeof(*header) || !qp->ibv || (is_idle && qp->waiting))
		return;
	if (is_idle)
		strategy = hf_strategy_get(header->strategy, qp->state);
	if (!strategy || strategy->id != header->strategy || !strategy->peer)
		return;
	if (is_idle)
		qp->move = (struct hf_move){ .strategy = strategy, .path = message->path };
	err = strategy->peer(qp, message, now_ns);
	if (is_idle && err == -ENOENT)
		memset(&qp->move, 0, sizeof(qp->move));
	else
		settle_locked(qp, err, now_ns);
}

/* ----------------------------------------------------------------------------- the program ---- */

static void abandon_locked(struct hf_queue_pair *qp)
{
	if (qp->move.strategy->abandon)
		qp->move.strategy->abandon(qp);
	end_locked(qp, -ECANCELED);
}

static bool is_in_the_way(struct hf_queue_pair *qp, enum hf_move_claim claim)
{
	const struct hf_move_strategy *strategy = qp->move.strategy;

	if (!strategy || (claim == HF_CLAIM_QUERY && !strategy->is_visible))
		return false;
	return (claim != HF_CLAIM_QUERY && claim != HF_CLAIM_ADJUST) || !strategy->is_untouched ||
	       !strategy->is_untouched(qp);
}

static void await_locked(struct hf_queue_pair *qp, uint64_t span_ns)
{
	uint64_t deadline_ns = hf_clock_ns() + span_ns;
	const struct timespec deadline = {
		.tv_sec = deadline_ns / NS_PER_S, .tv_nsec = deadline_ns % NS_PER_S,
	};
	int err = 0;

	while (qp->move.strategy && err == 0)
		err = pthread_cond_clockwait(&qp->idle, &qp->lock, CLOCK_MONOTONIC, &deadline);
}

int hf_queue_pair_claim(struct hf_queue_pair *qp, enum hf_move_claim claim)
{
	int cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	pthread_mutex_lock(&qp->lock);
	if (!is_in_the_way(qp, claim))
		return cancel_state;
	if (claim == HF_CLAIM_END) {
		abandon_locked(qp);
		return cancel_state;
	}
	qp->waiting++;
	if (qp->move.strategy->is_visible)
		await_locked(qp, PATIENCE_NS);
	while (qp->move.strategy && !cut_locked(qp, hf_clock_ns()))
		await_locked(qp, PATIENCE_NS);
	qp->waiting--;
	return cancel_state;
}

void hf_queue_pair_release(struct hf_queue_pair *qp, int claim_state)
{
	bool is_ordered = qp->order.move_id && !qp->waiting;

	pthread_mutex_unlock(&qp->lock);
	if (is_ordered)
		hf_session_wake();
	pthread_setcancelstate(claim_state, NULL);
}
