/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Reset: both ends of a reliable connection stop, agree on packet sequence numbers (handshake.h), make their queue
 * pairs anew on the new path, and post once more what was not executed (ledger.h). An unreliable connection has nothing
 * to agree on: its end alone is reset.
 */
#include <errno.h>
#include <string.h>

#include "lib/log.h"
#include "lib/verbs/queue_pair.h"
#include "lib/verbs/real.h"
#include "lib/verbs/session.h"
#include "lib/verbs/settings.h"
#include "lib/verbs/strategy.h"
#include "lib/verbs/work.h"

#define COLLECT_NS	UINT64_C(200000000)	/* for the adapter to give back everything */
#define WAKE_NS		UINT64_C(50000000)	/* and the marker that wakes the program */
#define LOOK_EVERY_NS	UINT64_C(100000)
#define HOLD_NS		UINT64_C(20000000)	/* for atomics to end before anything is stopped */
#define HOLD_SILENT_NS	UINT64_C(2000000)	/* likewise, those that the program does not want to hear of */
#define HOLD_ASKING_NS	UINT64_C(100000000)	/* and for the other end to answer then */
#define PSN_MASK	0xffffffu

enum phase {
	PHASE_TALKING,	/* the handshake goes on, or waits for the other end */
	PHASE_HOLDING,	/* atomics end, whose results would be lost */
	PHASE_STOPPING,	/* the adapter gives back what it has */
	PHASE_WAKING,	/* what was settled is stashed, and the program made to look */
};

static int follow(struct hf_queue_pair *qp, const struct hf_handshake_step *step, uint64_t now_ns);

static bool is_reliable(const struct hf_queue_pair *qp)
{
	return qp->init.qp_type == IBV_QPT_RC;
}

static bool can_send(const struct hf_queue_pair *qp)
{
	return qp->state == IBV_QPS_RTS;
}

static bool is_able(const struct hf_queue_pair *qp)
{
	return qp->work && !qp->work->ledger->is_limited && !qp->uses_migration;
}

static bool reset_suits(const struct hf_queue_pair *qp, int mask)
{
	(void)mask;
	return is_able(qp);
}

/* ------------------------------------------------------------------------------ transitions ---- */

static int to_state(struct hf_queue_pair *qp, enum ibv_qp_state state)
{
	const struct ibv_qp_attr attr = { .qp_state = state };

	return hf_verbs_modify(qp->ibv, &attr, IBV_QP_STATE);
}

static int to_error(struct hf_queue_pair *qp)
{
	int err = to_state(qp, IBV_QPS_ERR);

	if (!err && qp->init.srq)
		qp->hides_last_wqe++;
	return err;
}

static int to_init(struct hf_queue_pair *qp)
{
	struct ibv_qp_attr attr = qp->attr;

	attr.qp_state = IBV_QPS_INIT;
	attr.pkey_index = qp->work->wanted.pkey_index;
	return hf_verbs_modify(qp->ibv, &attr,
			       IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
}

static int to_receive(struct hf_queue_pair *qp, uint32_t expected_psn)
{
	int mask = IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;
	struct ibv_qp_attr attr = qp->attr;

	if (is_reliable(qp))
		mask |= IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
	attr.qp_state = IBV_QPS_RTR;
	attr.ah_attr = qp->work->wanted.ah_attr;
	attr.path_mtu = qp->work->wanted.path_mtu;
	attr.rq_psn = expected_psn;
	return hf_verbs_modify(qp->ibv, &attr, mask);
}

static int to_send(struct hf_queue_pair *qp, uint32_t first_psn)
{
	int mask = IBV_QP_STATE | IBV_QP_SQ_PSN;
	struct ibv_qp_attr attr = qp->attr;

	if (is_reliable(qp))
		mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC;
	attr.qp_state = IBV_QPS_RTS;
	attr.sq_psn = first_psn;
	return hf_verbs_modify(qp->ibv, &attr, mask);
}

/* ----------------------------------------------------------------------------------- broken ---- */

/* A program that sleeps for completions of receives alone is woken by one that the adapter flushes. */
static void wake_receiver(struct hf_queue_pair *qp)
{
	struct hf_work *work = qp->work;
	struct ibv_recv_wr marker = { .wr_id = hf_ledger_marker(work->ledger) }, *bad;

	if (work->recv_cq == work->send_cq || qp->init.srq || !qp->ibv->recv_cq->channel)
		return;
	if (to_state(qp, IBV_QPS_RESET) == 0 && to_init(qp) == 0)
		work->ops.post_recv(qp->ibv, &marker, &bad);
	to_state(qp, IBV_QPS_ERR);
}

/* It is in error, or cannot be brought anywhere else: the program sees what it would have seen. */
static int leave_broken(struct hf_queue_pair *qp, int err)
{
	struct hf_work *work = qp->work;

	if (to_error(qp) < 0 && to_init(qp) == 0)
		to_error(qp);
	hf_work_give_up(work);
	wake_receiver(qp);
	hf_work_wake(work);
	qp->move.lost = work->count.lost;
	qp->state = IBV_QPS_ERR;
	qp->is_changed = true;
	return err;
}

static int fail(struct hf_queue_pair *qp, int err)
{
	struct hf_handshake_step step = { .action = HF_HANDSHAKE_NOTHING };

	if (is_reliable(qp)) {
		hf_handshake_not_done(&qp->work->handshake, HF_HANDSHAKE_FAILED, &step);
		if (step.has_message)
			hf_session_send_peer(qp, &step.message, sizeof(step.message));
	}
	return leave_broken(qp, err);
}

/* Posts that were held, if they were. */
static int let_go(struct hf_queue_pair *qp)
{
	struct hf_work *work = qp->work;

	if (!work->held_until_ns)
		return 0;
	work->held_until_ns = 0;
	hf_move_resume_locked(qp);
	return hf_work_let_go(work);
}

/* The other end was asked in vain: nothing was done, unless the queue pair has failed by itself meanwhile. */
static int end_asking(struct hf_queue_pair *qp, int err)
{
	struct hf_work *work = qp->work;

	work->is_peer_silent = true;
	return hf_work_unguard(work) && let_go(qp) == 0 ? err : leave_broken(qp, -ENOTCONN);
}

/* --------------------------------------------------------------------------------- stopping ---- */

/* The path to be used. One that leads nowhere is not: the other end may want to move all the same. */
static void choose_path(struct hf_queue_pair *qp)
{
	int mask;

	qp->work->wanted = qp->attr;
	hf_queue_pair_route_locked(qp, &qp->move.path, &qp->work->wanted, &mask);
}

/* The other end wants it; is it where the program brought it, and can it be stopped? */
static bool is_stoppable(struct hf_queue_pair *qp)
{
	struct ibv_qp_attr attr;

	if (!is_able(qp) || hf_verbs_query(qp->ibv, &attr, IBV_QP_STATE) < 0)
		return false;
	/* One that fails while it asks itself has told the program nothing yet. */
	return attr.qp_state == qp->state || qp->move.is_in_sqd || qp->work->ledger->is_guarded;
}

static int refuse(struct hf_queue_pair *qp, enum hf_handshake_reason reason, int err)
{
	struct hf_handshake_step step;

	hf_handshake_not_done(&qp->work->handshake, reason, &step);
	if (step.has_message)
		hf_session_send_peer(qp, &step.message, sizeof(step.message));
	return qp->work->ledger->is_guarded ? end_asking(qp, err) : err;
}

/* Return: whether there is something to wait for. */
static bool hold(struct hf_queue_pair *qp, uint64_t now_ns)
{
	if (!hf_work_hold(qp->work))
		return false;
	hf_move_pause_locked(qp);
	qp->work->held_until_ns = now_ns + HOLD_ASKING_NS;
	qp->move.step = PHASE_HOLDING;
	qp->move.deadline_ns = now_ns + HOLD_NS;
	qp->move.wake_ns = now_ns;
	return true;
}

static int stop(struct hf_queue_pair *qp, uint64_t now_ns)
{
	struct hf_work *work = qp->work;
	int err;

	choose_path(qp);
	work->held_until_ns = 0;
	err = hf_work_freeze(work);
	if (err)
		return is_reliable(qp) ? refuse(qp, HF_HANDSHAKE_NOT_ABLE, -EAGAIN) : -EAGAIN;
	hf_move_pause_locked(qp);
	err = to_error(qp);
	if (err)
		return fail(qp, err);
	qp->move.step = PHASE_STOPPING;
	qp->move.deadline_ns = now_ns + COLLECT_NS;
	qp->move.wake_ns = now_ns;
	return -EINPROGRESS;
}

/*
 * What this end says of itself. One that has sent nothing begins with what the program gives: should the program make
 * the other end anew at this moment, the numbers still fit.
 */
static int describe(struct hf_queue_pair *qp, struct hf_handshake_offer *ret_offer)
{
	struct hf_work *work = qp->work;
	struct hf_handshake_offer offer = { .mtu = work->wanted.path_mtu };
	bool has_sent = hf_work_has_sent(work, &offer.oldest_psn, &offer.next_psn);
	struct ibv_qp_attr attr;
	int err = hf_verbs_query(qp->ibv, &attr, IBV_QP_RQ_PSN);

	if (err)
		return err;
	/* Its program has not said yet what it will begin with, but the other end has. */
	if (!can_send(qp))
		offer.oldest_psn = offer.next_psn = work->handshake.told_psn & PSN_MASK;
	offer.expected_psn = attr.rq_psn & PSN_MASK;
	offer.first_psn = (offer.next_psn + (is_reliable(qp) && has_sent ? HF_LEDGER_PSN_JUMP : 0)) & PSN_MASK;
	offer.is_unused = !has_sent && offer.expected_psn == work->handshake.peer_psn;
	*ret_offer = offer;
	return 0;
}

/* Its life goes by another number as soon as it is used. */
static void note_use(struct hf_queue_pair *qp)
{
	struct hf_handshake *handshake = &qp->work->handshake;
	struct hf_handshake_offer offer;

	if (handshake->state == HF_HANDSHAKE_IDLE && !(handshake->life & HF_HANDSHAKE_USED) &&
	    (describe(qp, &offer) < 0 || !offer.is_unused))
		hf_handshake_use(handshake);
}

static bool is_within(uint32_t from, uint32_t psn, uint32_t to)
{
	return ((psn - from) & PSN_MASK) <= ((to - from) & PSN_MASK);
}

/*
 * The other end is frozen. Where the numbers do not fit, its program has not made it anew yet, and ours has, or the
 * other way round: what was sent up to now went over another connection. Nothing has been done to this end.
 */
static int stop_as_well(struct hf_queue_pair *qp, uint64_t now_ns)
{
	const struct hf_handshake_offer *peer = &qp->work->handshake.peer;
	struct hf_handshake_offer own;

	if (!is_stoppable(qp) || describe(qp, &own) < 0)
		return refuse(qp, HF_HANDSHAKE_NOT_ABLE, -EAGAIN);
	if (!is_within(peer->oldest_psn, own.expected_psn, peer->next_psn) ||
	    !is_within(own.oldest_psn, peer->expected_psn, own.next_psn))
		return refuse(qp, HF_HANDSHAKE_UNKNOWN, -EAGAIN);
	return stop(qp, now_ns);
}

/* What has come here, or was confirmed, makes two ends that are in use; one that is not is another one. */
static bool is_meant(struct hf_queue_pair *qp)
{
	const struct hf_handshake *handshake = &qp->work->handshake;
	struct hf_handshake_offer own;

	if (handshake->peer_life & HF_HANDSHAKE_USED)
		return true;
	return describe(qp, &own) == 0 && own.expected_psn == handshake->peer_psn &&
	       (!can_send(qp) || own.oldest_psn == handshake->own_psn);
}

/* The other end asks for it, and can still answer what this one has asked of it. */
static int stop_for_other(struct hf_queue_pair *qp, uint64_t now_ns)
{
	if (!is_stoppable(qp))
		return refuse(qp, HF_HANDSHAKE_NOT_ABLE, -EAGAIN);
	if (!is_meant(qp))
		return refuse(qp, HF_HANDSHAKE_UNKNOWN, -EAGAIN);
	return hold(qp, now_ns) ? -EINPROGRESS : stop(qp, now_ns);
}

static int settle(struct hf_queue_pair *qp, uint64_t now_ns);

static int stopped(struct hf_queue_pair *qp, uint64_t now_ns)
{
	struct hf_work *work = qp->work;
	struct hf_handshake_step step;
	int err = describe(qp, &work->offer);

	if (err)
		return fail(qp, err);
	qp->move.step = PHASE_TALKING;
	if (!is_reliable(qp))
		return settle(qp, now_ns);
	hf_handshake_done(&work->handshake, work->handshake.is_initiator ? NULL : &work->offer, now_ns, &step);
	return follow(qp, &step, now_ns);
}

/* ------------------------------------------------------------------------------ starting anew ---- */

static int finish(struct hf_queue_pair *qp)
{
	const struct hf_work *work = qp->work;

	hf_move_resume_locked(qp);
	qp->work->is_peer_silent = false;
	qp->attr.ah_attr = work->wanted.ah_attr;
	qp->attr.pkey_index = work->wanted.pkey_index;
	qp->attr.path_mtu = work->wanted.path_mtu;
	qp->is_alternate_ours = false;
	qp->move.lost = work->count.lost;
	qp->move.replayed = work->count.replayed;
	return 0;
}

static int start(struct hf_queue_pair *qp, uint64_t now_ns)
{
	struct hf_work *work = qp->work;
	struct hf_handshake_step step;
	int err = can_send(qp) ? to_send(qp, work->offer.first_psn) : 0;

	if (!err)
		err = hf_work_replay_sends(work);
	if (err)
		return fail(qp, err);
	if (!is_reliable(qp))
		return finish(qp);
	hf_handshake_done(&work->handshake, NULL, now_ns, &step);
	return follow(qp, &step, now_ns);
}

/* Up to where it can receive. */
static int rebuild(struct hf_queue_pair *qp)
{
	struct hf_work *work = qp->work;
	int err = to_state(qp, IBV_QPS_RESET);

	hf_work_restart(work, work->offer.first_psn, work->wanted.path_mtu);
	qp->hides_established = can_send(qp);
	if (!err)
		err = to_init(qp);
	if (!err)
		err = hf_work_replay_receives(work);
	if (!err)
		err = to_receive(qp, is_reliable(qp) ? work->handshake.peer.first_psn : work->offer.expected_psn);
	return err;
}

static int begin_anew(struct hf_queue_pair *qp, uint64_t now_ns)
{
	struct hf_work *work = qp->work;
	struct hf_handshake_step step;
	int err = rebuild(qp);

	qp->move.step = PHASE_TALKING;
	if (err)
		return fail(qp, err);
	if (!is_reliable(qp) || !work->handshake.is_initiator)
		return start(qp, now_ns);
	work->offer.mtu = work->wanted.path_mtu;
	hf_handshake_done(&work->handshake, &work->offer, now_ns, &step);
	return follow(qp, &step, now_ns);
}

/* Both ends have stopped, and what the other has received is known. */
static int settle(struct hf_queue_pair *qp, uint64_t now_ns)
{
	struct hf_work *work = qp->work;
	bool has_sent = is_reliable(qp) && can_send(qp);
	int err = hf_work_settle(work, has_sent ? work->handshake.peer.expected_psn : HF_HANDSHAKE_NO_PSN,
				 hf_verbs_settings()->replays);

	if (err)
		return fail(qp, err);
	if (is_reliable(qp) && work->handshake.peer.mtu < work->wanted.path_mtu)
		work->wanted.path_mtu = work->handshake.peer.mtu;
	if (!hf_work_needs_wake(work))
		return begin_anew(qp, now_ns);
	hf_work_wake(work);
	qp->move.step = PHASE_WAKING;
	qp->move.deadline_ns = now_ns + WAKE_NS;
	qp->move.wake_ns = now_ns;
	return -EINPROGRESS;
}

/* -------------------------------------------------------------------------------- the strategy ---- */

static int talk_on(struct hf_queue_pair *qp)
{
	const struct hf_handshake *handshake = &qp->work->handshake;

	/* What came was nothing to wait for. */
	if (qp->move.step == PHASE_HOLDING)
		return -EINPROGRESS;
	if (handshake->state == HF_HANDSHAKE_IDLE)
		return -ENOENT;
	if (qp->move.step == PHASE_TALKING)
		qp->move.wake_ns = hf_handshake_next_ns(handshake);
	if (qp->work->held_until_ns && qp->work->held_until_ns < qp->move.wake_ns)
		qp->move.wake_ns = qp->work->held_until_ns;
	return -EINPROGRESS;
}

static int follow(struct hf_queue_pair *qp, const struct hf_handshake_step *step, uint64_t now_ns)
{
	/* What is lost is asked for again. */
	if (step->has_message)
		hf_session_send_peer(qp, &step->message, sizeof(step->message));
	switch (step->action) {
	case HF_HANDSHAKE_NOTHING:
		return talk_on(qp);
	case HF_HANDSHAKE_DO_STOP:
		return qp->work->handshake.is_initiator ? stop_as_well(qp, now_ns) : stop_for_other(qp, now_ns);
	case HF_HANDSHAKE_DO_PREPARE:
	case HF_HANDSHAKE_DO_RESTART:
		return settle(qp, now_ns);
	case HF_HANDSHAKE_DO_START:
		return start(qp, now_ns);
	case HF_HANDSHAKE_END_MOVED:
		return finish(qp);
	case HF_HANDSHAKE_END_REFUSED:
		return end_asking(qp, -EAGAIN);
	case HF_HANDSHAKE_END_SILENT:
		return end_asking(qp, -ETIMEDOUT);
	case HF_HANDSHAKE_END_BROKEN:
	case HF_HANDSHAKE_ACTIONS:
		break;
	}
	hf_log(HF_LOG_WARN, "QPN 0x%x at %s: the other end did not come back: %s", qp->qpn, qp->verbs->device,
	       hf_handshake_reason_names[qp->work->handshake.reason]);
	return leave_broken(qp, -ECONNRESET);
}

static int ask(struct hf_queue_pair *qp, uint64_t now_ns)
{
	struct hf_work *work = qp->work;
	struct hf_handshake_step step;
	int err;

	qp->move.step = PHASE_TALKING;
	err = hf_verbs_guid(qp->ibv->context, qp->attr.port_num, &work->handshake.guid);
	note_use(qp);
	if (!err)
		err = hf_handshake_begin(&work->handshake, now_ns, &step);
	if (err)
		return err;
	hf_work_guard(work);
	return follow(qp, &step, now_ns);
}

static int reset_begin(struct hf_queue_pair *qp, uint64_t now_ns)
{
	if (!is_reliable(qp))
		return stop(qp, now_ns);
	/* Nothing is held for one that does not answer. */
	return !qp->work->is_peer_silent && hold(qp, now_ns) ? -EINPROGRESS : ask(qp, now_ns);
}

/* How long what the adapter has may still be waited for. */
static uint64_t held_until(const struct hf_queue_pair *qp, enum hf_ledger_atomics atomics)
{
	switch (atomics) {
	case HF_LEDGER_NO_ATOMIC:
		break;
	case HF_LEDGER_SILENT_ATOMIC:
		return qp->move.deadline_ns - HOLD_NS + HOLD_SILENT_NS;
	case HF_LEDGER_ATOMIC:
		return qp->move.deadline_ns;
	}
	return 0;
}

static int hold_on(struct hf_queue_pair *qp, uint64_t now_ns)
{
	if (now_ns < held_until(qp, hf_work_atomics(qp->work))) {
		qp->move.wake_ns = now_ns + LOOK_EVERY_NS;
		return -EINPROGRESS;
	}
	/* The other end may have asked meanwhile. */
	return qp->work->handshake.state == HF_HANDSHAKE_HALTING ? stop(qp, now_ns) : ask(qp, now_ns);
}

static int reset_step(struct hf_queue_pair *qp, uint64_t now_ns)
{
	struct hf_handshake_step step;

	if (qp->move.step == PHASE_HOLDING)
		return hold_on(qp, now_ns);
	if (qp->move.step == PHASE_TALKING) {
		if (qp->work->held_until_ns && now_ns >= qp->work->held_until_ns && let_go(qp) < 0) {
			hf_handshake_abandon(&qp->work->handshake);
			return leave_broken(qp, -EIO);
		}
		hf_handshake_tick(&qp->work->handshake, now_ns, &step);
		return follow(qp, &step, now_ns);
	}
	if (!hf_work_collect(qp->work) && now_ns < qp->move.deadline_ns) {
		qp->move.wake_ns = now_ns + LOOK_EVERY_NS;
		return -EINPROGRESS;
	}
	return qp->move.step == PHASE_STOPPING ? stopped(qp, now_ns) : begin_anew(qp, now_ns);
}

static void say_no(struct hf_queue_pair *qp, const struct hf_program_peer *message)
{
	struct hf_handshake_message reply;

	if (hf_handshake_refuse(message->data, message->length, &reply) == 0)
		hf_session_send_peer(qp, &reply, sizeof(reply));
}

static int reset_peer(struct hf_queue_pair *qp, const struct hf_program_peer *message, uint64_t now_ns)
{
	struct hf_work *work = qp->work;
	struct hf_handshake_step step;
	int err;

	if (!work || !is_reliable(qp)) {
		say_no(qp, message);
		return -ENOENT;
	}
	err = hf_verbs_guid(qp->ibv->context, qp->attr.port_num, &work->handshake.guid);
	note_use(qp);
	if (!err)
		err = hf_handshake_receive(&work->handshake, message->data, message->length, now_ns, &step);
	return err ? talk_on(qp) : follow(qp, &step, now_ns);
}

/*
 * While the other end is asked the queue pair is as the program left it, if it has not failed by itself. From then on it
 * is waited for: the other end has stopped, and counts on this one.
 */
static bool reset_is_untouched(struct hf_queue_pair *qp)
{
	const struct hf_handshake *handshake = &qp->work->handshake;
	struct ibv_qp_attr attr;

	return (qp->move.step == PHASE_HOLDING || handshake->state == HF_HANDSHAKE_ASKING) &&
	       hf_verbs_query(qp->ibv, &attr, IBV_QP_STATE) == 0 && attr.qp_state == qp->state;
}

/* What was kept back is the program's now. */
static void reset_abandon(struct hf_queue_pair *qp)
{
	hf_handshake_abandon(&qp->work->handshake);
	qp->work->held_until_ns = 0;
	hf_work_give_up(qp->work);
}

const struct hf_move_strategy hf_strategy_reset = {
	.id = HF_PROGRAM_STRATEGY_RESET,
	.is_visible = true,
	.takes_rtr = true,
	.suits = reset_suits,
	.begin = reset_begin,
	.step = reset_step,
	.peer = reset_peer,
	.is_untouched = reset_is_untouched,
	.abandon = reset_abandon,
};
