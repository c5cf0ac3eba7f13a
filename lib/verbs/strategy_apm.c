/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Automatic path migration: the new path is loaded as the alternate one, both ends rearm, the adapters agree that they
 * are armed, with a bit in the packets that they send anyway, and migrate. Nothing is interrupted.
 *
 * Both ends load the path that is the latest for them, so that it does not matter which of them migrates, or if a
 * failure does. Where no packets come and go they are never armed: that is waited for, but not long.
 */
#include <errno.h>
#include <string.h>

#include "lib/verbs/move.h"
#include "lib/verbs/queue_pair.h"
#include "lib/verbs/real.h"
#include "lib/verbs/session.h"
#include "lib/verbs/strategy.h"

#define ARM_NS		UINT64_C(500000000)	/* until both must be armed */
#define TAKE_PART_NS	UINT64_C(2000000000)	/* until the other end must have migrated */
#define REPEAT_NS	UINT64_C(50000000)
#define ASK_EVERY_NS	UINT64_C(1000000)

/*
 * ARM is repeated until this end is armed. An answer would mean little: the other end may have armed and migrated
 * before this one was armed, and must then do it again.
 */
enum kind {
	KIND_ARM = 1,	/* load your latest path, and rearm */
	KIND_CANNOT,	/* that cannot be done */
};

enum step {
	STEP_ARMING,
	STEP_TAKING_PART,
};

static bool apm_suits(const struct hf_queue_pair *qp, int mask)
{
	(void)qp;
	return !(mask & IBV_QP_PATH_MTU);
}

static void say(struct hf_queue_pair *qp, enum kind kind)
{
	const struct hf_peer_header header = { .strategy = HF_PROGRAM_STRATEGY_APM, .kind = kind };

	/* What is lost is asked for again. */
	hf_session_send_peer(qp, &header, sizeof(header));
}

static bool is_same_path(const struct ibv_ah_attr *a, uint16_t pkey_a, const struct ibv_ah_attr *b, uint16_t pkey_b)
{
	return pkey_a == pkey_b && a->dlid == b->dlid && a->sl == b->sl && a->src_path_bits == b->src_path_bits &&
	       a->static_rate == b->static_rate && a->is_global == b->is_global &&
	       (!a->is_global || memcmp(&a->grh, &b->grh, sizeof(a->grh)) == 0);
}

static bool is_alternate(const struct hf_queue_pair *qp, const struct ibv_qp_attr *wanted)
{
	return qp->is_alternate_ours && is_same_path(&qp->attr.alt_ah_attr, qp->attr.alt_pkey_index, &wanted->ah_attr,
						     wanted->pkey_index);
}

/* The adapter's migration state; where it has migrated since, what is noted of the queue pair follows it. */
static int look(struct hf_queue_pair *qp, enum ibv_mig_state *ret_state)
{
	struct ibv_qp_attr attr;
	int err = hf_verbs_query(qp->ibv, &attr, IBV_QP_STATE | IBV_QP_PATH_MIG_STATE | IBV_QP_AV);

	if (err)
		return err;
	if (attr.qp_state != IBV_QPS_RTS)
		return -ENOTCONN;
	*ret_state = attr.path_mig_state;
	if (attr.path_mig_state != IBV_MIG_MIGRATED || !qp->is_alternate_ours)
		return 0;
	qp->is_alternate_ours = false;
	/* Not so where it has not taken the rearming seriously. */
	if (attr.ah_attr.dlid == qp->attr.alt_ah_attr.dlid && attr.ah_attr.sl == qp->attr.alt_ah_attr.sl) {
		qp->attr.ah_attr = qp->attr.alt_ah_attr;
		qp->attr.pkey_index = qp->attr.alt_pkey_index;
	}
	return 0;
}

/* A path becomes the alternate one, of a queue pair in @state. */
static int load(struct hf_queue_pair *qp, enum ibv_mig_state state, const struct ibv_qp_attr *path)
{
	const struct ibv_qp_attr attr = {
		.alt_ah_attr = path->ah_attr,
		.alt_pkey_index = path->pkey_index,
		.alt_port_num = path->port_num,
		.alt_timeout = path->timeout,
		.path_mig_state = IBV_MIG_REARM,
	};
	int err;

	qp->hides_migrated = true;
	err = hf_verbs_modify(qp->ibv, &attr, IBV_QP_ALT_PATH | IBV_QP_PATH_MIG_STATE);
	/* One that waits to be armed may have been just now, and an armed one cannot be loaded. */
	if (err)
		return state == IBV_MIG_MIGRATED ? hf_strategy_refusal(err) : -EBUSY;
	qp->attr.alt_ah_attr = attr.alt_ah_attr;
	qp->attr.alt_pkey_index = attr.alt_pkey_index;
	qp->attr.alt_port_num = attr.alt_port_num;
	qp->attr.alt_timeout = attr.alt_timeout;
	qp->is_alternate_ours = true;
	return 0;
}

/* From armed to migrated; the other end, or a failure, may do the same in this moment. */
static int migrate(struct hf_queue_pair *qp)
{
	const struct ibv_qp_attr attr = { .path_mig_state = IBV_MIG_MIGRATED };
	enum ibv_mig_state state;
	int err = hf_verbs_modify(qp->ibv, &attr, IBV_QP_PATH_MIG_STATE), seen = look(qp, &state);

	if (seen < 0)
		return seen;
	return state == IBV_MIG_MIGRATED ? 0 : err ? err : -EAGAIN;
}

/*
 * Has the alternate path be @wanted, and rearmed. One that is armed already cannot be loaded any more: an earlier move
 * was not armed in its time, but later. It is used up by a migration, where that leads to no path that is worse.
 */
static int prepare(struct hf_queue_pair *qp, const struct ibv_qp_attr *wanted)
{
	const struct ibv_qp_attr *own = &qp->attr;
	enum ibv_mig_state state;
	int err = look(qp, &state);

	if (err)
		return err;
	if (state != IBV_MIG_MIGRATED && is_alternate(qp, wanted))
		return 0;
	if (state == IBV_MIG_ARMED) {
		if (!is_alternate(qp, own))
			return -EBUSY;
		err = migrate(qp);
		if (err)
			return err;
		state = IBV_MIG_MIGRATED;
	}
	return load(qp, state, wanted);
}

/* Migrated; to where it was meant to? */
static int check(const struct hf_queue_pair *qp)
{
	struct ibv_qp_attr attr;
	int mask, err = hf_queue_pair_route_locked(qp, &qp->move.path, &attr, &mask);

	return err ? err : mask ? -EAGAIN : 0;
}

static int arm(struct hf_queue_pair *qp, uint64_t now_ns)
{
	struct hf_move *move = &qp->move;
	enum ibv_mig_state state;
	int err = look(qp, &state);

	if (err)
		return err;
	if (state == IBV_MIG_ARMED) {
		err = migrate(qp);
		if (err)
			return err;
		state = IBV_MIG_MIGRATED;
	}
	if (state == IBV_MIG_MIGRATED)
		return check(qp);
	if (now_ns >= move->deadline_ns)
		return -ETIMEDOUT;
	if (now_ns >= move->repeat_ns) {
		say(qp, KIND_ARM);
		move->repeat_ns = now_ns + REPEAT_NS;
	}
	move->wake_ns = now_ns + ASK_EVERY_NS;
	return -EINPROGRESS;
}

static int apm_begin(struct hf_queue_pair *qp, uint64_t now_ns)
{
	struct ibv_qp_attr wanted;
	int mask, err = hf_queue_pair_route_locked(qp, &qp->move.path, &wanted, &mask);

	if (!err)
		err = prepare(qp, &wanted);
	if (err)
		return err;
	qp->move.step = STEP_ARMING;
	qp->move.deadline_ns = now_ns + ARM_NS;
	qp->move.repeat_ns = now_ns;
	return arm(qp, now_ns);
}

/*
 * The other end's move: whoever is armed first migrates, and the other follows. If the other end has long been done,
 * and only its word came late, this one must not stay armed: then its next path could not be loaded.
 */
static int follow(struct hf_queue_pair *qp, uint64_t now_ns)
{
	enum ibv_mig_state state;
	int err = look(qp, &state);

	if (err)
		return err;
	if (state == IBV_MIG_MIGRATED)
		return 0;
	if (state == IBV_MIG_ARMED)
		return migrate(qp);
	qp->move.wake_ns = now_ns + ASK_EVERY_NS;
	return now_ns < qp->move.deadline_ns ? -EINPROGRESS : -ETIMEDOUT;
}

static int apm_step(struct hf_queue_pair *qp, uint64_t now_ns)
{
	return qp->move.step == STEP_TAKING_PART ? follow(qp, now_ns) : arm(qp, now_ns);
}

/* The path that the SM has; where that is not known, the one in use will do to be armed. */
static int take_part(struct hf_queue_pair *qp, uint64_t now_ns)
{
	struct ibv_qp_attr wanted;
	int mask, err;

	if (hf_queue_pair_route_locked(qp, &qp->move.path, &wanted, &mask) < 0 || (mask & IBV_QP_PATH_MTU))
		wanted = qp->attr;
	err = qp->uses_migration ? -EPERM : prepare(qp, &wanted);
	if (err) {
		say(qp, KIND_CANNOT);
		return -ENOENT;
	}
	qp->move.step = STEP_TAKING_PART;
	qp->move.deadline_ns = now_ns + TAKE_PART_NS;
	return follow(qp, now_ns);
}

static int apm_peer(struct hf_queue_pair *qp, const struct hf_program_peer *message, uint64_t now_ns)
{
	const struct hf_peer_header *header = (const struct hf_peer_header *)message->data;
	bool is_idle = !qp->move.deadline_ns;

	if (header->kind == KIND_CANNOT)
		return qp->move.id ? -EAGAIN : is_idle ? -ENOENT : -EINPROGRESS;
	if (header->kind == KIND_ARM && is_idle)
		return take_part(qp, now_ns);
	return is_idle ? -ENOENT : apm_step(qp, now_ns);
}

/* What is loaded may stay: it is a path that the SM has. */
static int apm_cut(struct hf_queue_pair *qp, uint64_t now_ns)
{
	(void)qp;
	(void)now_ns;
	return 0;
}

const struct hf_move_strategy hf_strategy_apm = {
	.id = HF_PROGRAM_STRATEGY_APM,
	.suits = apm_suits,
	.begin = apm_begin,
	.step = apm_step,
	.peer = apm_peer,
	.cut = apm_cut,
};
