/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/work.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <utlist.h>

#include "lib/verbs/shared_receives.h"

#define MARKERS		2	/* completions that no request of the program's is the reason of */

struct hf_work *_Atomic hf_works[HF_WORKS_MAX];
_Atomic uint32_t hf_works_salt;
static uint32_t next_index;
static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;

/* Destroyed, but completions may still come. Each is freed under the lock, which is taken before all others here. */
static struct hf_work *gone;
static pthread_mutex_t gone_lock = PTHREAD_MUTEX_INITIALIZER;

/* ------------------------------------------------------------------------------- the table ---- */

void hf_work_lock_tables(void)
{
	pthread_mutex_lock(&tables_lock);
}

void hf_work_unlock_tables(void)
{
	pthread_mutex_unlock(&tables_lock);
}

void hf_work_fork_prepare(void)
{
	pthread_mutex_lock(&gone_lock);
	pthread_mutex_lock(&tables_lock);
}

void hf_work_fork_done(void)
{
	pthread_mutex_unlock(&tables_lock);
	pthread_mutex_unlock(&gone_lock);
}

enum hf_ledger_verdict hf_work_complete(struct hf_work **ret_work, uint64_t *wr_id, enum ibv_wc_status status,
					uint32_t vendor_err)
{
	*ret_work = NULL;
	if (!hf_work_is_handle(*wr_id))
		return HF_LEDGER_FOREIGN;
	if (hf_ledger_kind_of(*wr_id) == HF_LEDGER_SHARED)
		return hf_srq_complete(wr_id, status);
	*ret_work = hf_work_at(*wr_id);
	return *ret_work ? hf_ledger_complete_parts((*ret_work)->ledger, wr_id, status, vendor_err) : HF_LEDGER_FOREIGN;
}

/* Not 0, nor like a pointer's or a small number's upper half. */
static uint32_t draw_salt(void)
{
	uint16_t drawn = 0;

	if (getrandom(&drawn, sizeof(drawn), 0) != sizeof(drawn))
		drawn = (uint16_t)((uintptr_t)&drawn >> 4);
	return drawn | 0x8000;
}

uint32_t hf_work_salt(void)
{
	hf_work_lock_tables();
	if (!hf_works_salt)
		hf_works_salt = draw_salt();
	hf_work_unlock_tables();
	return hf_works_salt;
}

static bool add(struct hf_work *work)
{
	bool is_added = false;

	hf_work_lock_tables();
	/* A place is given again as late as can be. */
	for (unsigned int tries = 0; tries < HF_WORKS_MAX && !is_added; tries++) {
		work->index = next_index++ % HF_WORKS_MAX;
		is_added = !hf_works[work->index];
	}
	if (is_added)
		atomic_store_explicit(&hf_works[work->index], work, memory_order_release);
	hf_work_unlock_tables();
	return is_added;
}

static void drop(struct hf_work *work)
{
	hf_work_lock_tables();
	atomic_store_explicit(&hf_works[work->index], NULL, memory_order_release);
	hf_work_unlock_tables();
}

/* ----------------------------------------------------------------------------------- locks ---- */

static void lock_queues(struct hf_work *work)
{
	struct hf_cq *first = work->send_cq < work->recv_cq ? work->send_cq : work->recv_cq;
	struct hf_cq *second = work->send_cq < work->recv_cq ? work->recv_cq : work->send_cq;

	hf_short_lock_take_first(&first->lock);
	if (second != first)
		hf_short_lock_take_first(&second->lock);
}

static void unlock_queues(struct hf_work *work)
{
	hf_short_lock_give(&work->send_cq->lock);
	if (work->recv_cq != work->send_cq)
		hf_short_lock_give(&work->recv_cq->lock);
}

/* What its shared receive queue gives back flushed is posted again meanwhile. */
static void guard_shared(struct hf_work *work, bool is_guarded)
{
	struct hf_srq *srq = work->ibv->srq ? hf_srq_find(work->ibv->srq) : NULL;

	if (!srq || work->guards_shared == is_guarded)
		return;
	work->guards_shared = is_guarded;
	if (is_guarded)
		hf_srq_guard(srq);
	else
		hf_srq_unguard(srq);
}

static void lock_all(struct hf_work *work)
{
	hf_short_lock_take_first(&work->send_lock);
	hf_short_lock_take_first(&work->recv_lock);
	lock_queues(work);
}

static void unlock_all(struct hf_work *work)
{
	unlock_queues(work);
	hf_short_lock_give(&work->recv_lock);
	hf_short_lock_give(&work->send_lock);
}

/* ---------------------------------------------------------------------- made and destroyed ---- */

static void release(struct hf_work *work)
{
	hf_ledger_free(work->ledger);
	free(work);
}

struct hf_work *hf_work_new(struct ibv_qp *ibv, const struct ibv_qp_init_attr *init,
			    const struct ibv_context_ops *ops)
{
	struct hf_work *work = calloc(1, sizeof(*work));

	if (!work)
		return NULL;
	work->ibv = ibv;
	work->ops.post_send = ops->post_send;
	work->ops.post_recv = ops->post_recv;
	work->send_cq = hf_cq_get(ibv->send_cq, ops->poll_cq);
	work->recv_cq = hf_cq_get(ibv->recv_cq, ops->poll_cq);
	if (!work->send_cq || !work->recv_cq || !add(work))
		goto err_release;
	work->ledger = hf_ledger_new(init, ibv->qp_num, hf_work_salt() << HF_WORKS_BITS | work->index);
	if (!work->ledger)
		goto err_drop;
	atomic_fetch_add(&work->send_cq->users, 1);
	atomic_fetch_add(&work->recv_cq->users, 1);
	return work;

err_drop:
	drop(work);
err_release:
	release(work);
	return NULL;
}

static void forget(struct hf_work *work)
{
	lock_all(work);
	drop(work);
	unlock_all(work);
	atomic_fetch_sub(&work->send_cq->users, 1);
	atomic_fetch_sub(&work->recv_cq->users, 1);
	release(work);
}

static bool has_outstanding(const struct hf_work *work)
{
	return hf_ledger_sends_outstanding(work->ledger) || hf_ledger_receives_outstanding(work->ledger);
}

/* Most adapters take their completions back, but not all: those that come find the program's numbers still. */
void hf_work_remove(struct hf_work *work)
{
	bool stays;

	if (!work)
		return;
	lock_all(work);
	hf_cq_purge_locked(work->send_cq, work->ledger->qpn);
	hf_cq_purge_locked(work->recv_cq, work->ledger->qpn);
	stays = has_outstanding(work);
	unlock_all(work);
	if (!stays) {
		forget(work);
		return;
	}
	pthread_mutex_lock(&gone_lock);
	DL_APPEND2(gone, work, gone_prev, gone_next);
	pthread_mutex_unlock(&gone_lock);
}

void hf_work_forget_gone(const struct hf_cq *cq)
{
	struct hf_work *work, *next;

	pthread_mutex_lock(&gone_lock);
	DL_FOREACH_SAFE2(gone, work, next, gone_next) {
		if (work->send_cq != cq && work->recv_cq != cq)
			continue;
		DL_DELETE2(gone, work, gone_prev, gone_next);
		forget(work);
	}
	pthread_mutex_unlock(&gone_lock);
}

/* -------------------------------------------------------------------- as the program has it ---- */

void hf_work_clear(struct hf_work *work)
{
	lock_all(work);
	hf_ledger_clear(work->ledger);
	work->sends_before = work->ledger->send_given;
	guard_shared(work, false);
	hf_cq_purge_locked(work->send_cq, work->ledger->qpn);
	hf_cq_purge_locked(work->recv_cq, work->ledger->qpn);
	work->keeps_sends = work->keeps_receives = work->is_marked = false;
	unlock_all(work);
}

void hf_work_begin(struct hf_work *work, uint32_t first_psn, unsigned int mtu)
{
	hf_short_lock_take(&work->send_lock);
	hf_ledger_begin(work->ledger, first_psn, mtu);
	hf_short_lock_give(&work->send_lock);
}

/* --------------------------------------------------------------------------------- a reset ---- */

bool hf_work_hold(struct hf_work *work)
{
	bool has_atomic;

	lock_all(work);
	has_atomic = hf_ledger_atomics(work->ledger) != HF_LEDGER_NO_ATOMIC;
	if (has_atomic)
		work->keeps_sends = true;
	unlock_all(work);
	return has_atomic;
}

enum hf_ledger_atomics hf_work_atomics(struct hf_work *work)
{
	enum hf_ledger_atomics atomics;

	lock_all(work);
	hf_cq_collect_locked(work->send_cq);
	atomics = hf_ledger_atomics(work->ledger);
	unlock_all(work);
	return atomics;
}

int hf_work_let_go(struct hf_work *work)
{
	struct ibv_send_wr *head, *bad;
	int err;

	hf_short_lock_take_first(&work->send_lock);
	head = bad = hf_ledger_give_kept_sends(work->ledger);
	err = head ? work->ops.post_send(work->ibv, head, &bad) : 0;
	work->keeps_sends = false;
	hf_short_lock_give(&work->send_lock);
	return -err;
}

void hf_work_guard(struct hf_work *work)
{
	lock_all(work);
	hf_ledger_guard(work->ledger);
	guard_shared(work, true);
	unlock_all(work);
}

bool hf_work_unguard(struct hf_work *work)
{
	bool is_clean;

	lock_all(work);
	is_clean = hf_ledger_unguard(work->ledger);
	if (is_clean)
		guard_shared(work, false);
	unlock_all(work);
	return is_clean;
}

bool hf_work_has_sent(struct hf_work *work, uint32_t *ret_oldest, uint32_t *ret_next)
{
	bool has_sent;

	lock_all(work);
	*ret_oldest = hf_ledger_oldest_psn(work->ledger);
	*ret_next = work->ledger->next_psn;
	has_sent = work->ledger->send_given != work->sends_before;
	unlock_all(work);
	return has_sent;
}

/* The adapter gives back all requests at once, also those that the program did not want to hear of. */
static int enlarge(struct hf_work *work)
{
	const struct hf_ledger *ledger = work->ledger;
	int err = hf_cq_enlarge(work->send_cq, ledger->max_send + MARKERS);

	if (!err && work->recv_cq != work->send_cq && !ledger->is_shared)
		err = hf_cq_enlarge(work->recv_cq, MARKERS);
	work->is_enlarged = !err;
	return err;
}

static int reserve_locked(struct hf_work *work)
{
	const struct hf_ledger *ledger = work->ledger;
	int err = hf_cq_reserve_locked(work->send_cq, ledger->max_send + ledger->max_recv);

	return err ? err : hf_cq_reserve_locked(work->recv_cq, ledger->max_recv);
}

int hf_work_freeze(struct hf_work *work)
{
	int err = work->is_enlarged ? 0 : enlarge(work);

	lock_all(work);
	/* Where the adapter cannot do that: a program that hears of all its requests has room for all of them. */
	if (!err || !work->ledger->has_unsignalled)
		err = reserve_locked(work);
	if (!err) {
		if (!work->ledger->is_guarded)
			hf_ledger_guard(work->ledger);
		guard_shared(work, true);
		work->keeps_sends = work->keeps_receives = true;
		work->is_marked = false;
	}
	unlock_all(work);
	return err;
}

/* A request that does nothing: in the error state it comes back when all before it have. */
static bool mark_locked(struct hf_work *work)
{
	struct ibv_send_wr marker = {
		.wr_id = hf_ledger_marker(work->ledger), .opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED,
	}, *bad;

	return work->ops.post_send(work->ibv, &marker, &bad) == 0;
}

bool hf_work_collect(struct hf_work *work)
{
	bool is_drained;

	lock_all(work);
	/* A full queue takes it when some have come back. */
	if (!work->is_marked)
		work->is_marked = mark_locked(work);
	hf_cq_collect_locked(work->send_cq);
	if (work->recv_cq != work->send_cq)
		hf_cq_collect_locked(work->recv_cq);
	is_drained = hf_ledger_is_drained(work->ledger);
	unlock_all(work);
	return is_drained;
}

static void stash_settled_locked(struct hf_work *work)
{
	struct ibv_wc wc;

	while (hf_ledger_next_settled(work->ledger, HF_LEDGER_SEND, &wc))
		hf_cq_push_locked(work->send_cq, &wc);
	while (hf_ledger_next_settled(work->ledger, HF_LEDGER_RECEIVE, &wc))
		hf_cq_push_locked(work->recv_cq, &wc);
}

int hf_work_settle(struct hf_work *work, uint32_t expected_psn, bool replays)
{
	int err = 0;

	lock_all(work);
	if (work->ledger->has_failed)
		err = -EIO;
	else if (expected_psn == HF_HANDSHAKE_NO_PSN)
		hf_ledger_settle_unreliable(work->ledger, replays, &work->count);
	else
		err = hf_ledger_settle(work->ledger, expected_psn, replays, &work->count);
	if (!err)
		stash_settled_locked(work);
	unlock_all(work);
	return err;
}

bool hf_work_needs_wake(struct hf_work *work)
{
	bool needs;

	lock_queues(work);
	needs = work->send_cq->stash_count && work->ibv->send_cq->channel;
	unlock_queues(work);
	return needs;
}

void hf_work_wake(struct hf_work *work)
{
	lock_all(work);
	work->ledger->is_drained = false;
	work->is_marked = mark_locked(work);
	unlock_all(work);
}

void hf_work_restart(struct hf_work *work, uint32_t first_psn, unsigned int mtu)
{
	lock_all(work);
	hf_ledger_restart(work->ledger, first_psn, mtu);
	unlock_all(work);
}

int hf_work_replay_receives(struct hf_work *work)
{
	struct ibv_recv_wr *head, *bad;
	int err;

	hf_short_lock_take_first(&work->recv_lock);
	lock_queues(work);
	head = bad = hf_ledger_replay_receives(work->ledger);
	unlock_queues(work);
	err = head ? work->ops.post_recv(work->ibv, head, &bad) : 0;
	work->keeps_receives = err;
	hf_short_lock_give(&work->recv_lock);
	return -err;
}

int hf_work_replay_sends(struct hf_work *work)
{
	struct ibv_send_wr *head, *bad;
	int err;

	hf_short_lock_take_first(&work->send_lock);
	lock_queues(work);
	head = bad = hf_ledger_replay_sends(work->ledger);
	unlock_queues(work);
	err = head ? work->ops.post_send(work->ibv, head, &bad) : 0;
	work->keeps_sends = err;
	guard_shared(work, false);
	hf_short_lock_give(&work->send_lock);
	return -err;
}

void hf_work_give_up(struct hf_work *work)
{
	lock_all(work);
	hf_ledger_give_up(work->ledger, &work->count);
	guard_shared(work, false);
	stash_settled_locked(work);
	work->keeps_sends = work->keeps_receives = work->is_marked = false;
	unlock_all(work);
}
