/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/completion_queue.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/log.h"
#include "lib/verbs/data_path.h"
#include "lib/verbs/ledger_inline.h"
#include "lib/verbs/real.h"
#include "lib/verbs/work.h"

#define COLLECT_COUNT	32

struct hf_cq *_Atomic hf_cq_buckets[1u << HF_CQ_BUCKET_BITS];
static struct ibv_cq nobody;	/* of one that is being destroyed */

/* ------------------------------------------------------------------------------- the table ---- */

static struct hf_cq *make(struct hf_cq *_Atomic *bucket)
{
	struct hf_cq *cq = calloc(1, sizeof(*cq));

	if (!cq)
		return NULL;
	cq->next = atomic_load(bucket);
	atomic_store_explicit(bucket, cq, memory_order_release);
	return cq;
}

struct hf_cq *hf_cq_get(struct ibv_cq *ibv, int (*poll)(struct ibv_cq *cq, int count, struct ibv_wc *wc))
{
	struct hf_cq *_Atomic *bucket = hf_cq_bucket(ibv);
	struct hf_cq *cq;

	hf_work_lock_tables();
	cq = hf_cq_find_in(bucket, ibv);
	if (!cq) {
		cq = hf_cq_find_in(bucket, NULL);
		if (!cq)
			cq = make(bucket);
		if (cq) {
			cq->poll = poll;
			cq->base_cqe = ibv->cqe;
			cq->extra_cqe = 0;
			cq->stash_count = 0;
			cq->is_started = cq->is_at_stash = false;
			atomic_store_explicit(&cq->ibv, ibv, memory_order_release);
		}
	}
	hf_work_unlock_tables();
	return cq;
}

struct hf_cq *hf_cq_forget(struct ibv_cq *ibv)
{
	struct hf_cq *cq = hf_cq_find(ibv);

	if (!cq)
		return NULL;
	hf_work_forget_gone(cq);
	if (atomic_load(&cq->users))
		return NULL;
	atomic_store_explicit(&cq->ibv, &nobody, memory_order_release);
	return cq;
}

void hf_cq_forgotten(struct hf_cq *cq, struct ibv_cq *ibv)
{
	atomic_store_explicit(&cq->ibv, ibv, memory_order_release);
}

/* ------------------------------------------------------------------------------- the stash ---- */

int hf_cq_reserve_locked(struct hf_cq *cq, unsigned int count)
{
	unsigned int size = cq->stash_size ? cq->stash_size : 64;
	struct ibv_wc *stash;

	while (size - cq->stash_count < count)
		size *= 2;
	if (size == cq->stash_size)
		return 0;
	stash = malloc(size * sizeof(*stash));
	if (!stash)
		return -ENOMEM;
	for (unsigned int i = 0; i < cq->stash_count; i++)
		stash[i] = cq->stash[(cq->stash_at + i) & (cq->stash_size - 1)];
	free(cq->stash);
	cq->stash = stash;
	cq->stash_size = size;
	cq->stash_at = 0;
	return 0;
}

void hf_cq_push_locked(struct hf_cq *cq, const struct ibv_wc *wc)
{
	if (hf_cq_reserve_locked(cq, 1) < 0) {
		hf_log(HF_LOG_ERROR, "no memory: a completion of QPN 0x%x is lost", wc->qp_num);
		return;
	}
	cq->stash[(cq->stash_at + cq->stash_count++) & (cq->stash_size - 1)] = *wc;
}

int hf_cq_take_locked(struct hf_cq *cq, int count, struct ibv_wc *wc)
{
	int taken = 0;

	for (; taken < count && cq->stash_count; taken++, cq->stash_count--)
		wc[taken] = cq->stash[cq->stash_at++ & (cq->stash_size - 1)];
	return taken;
}

void hf_cq_purge_locked(struct hf_cq *cq, uint32_t qpn)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < cq->stash_count; i++) {
		const struct ibv_wc *wc = &cq->stash[(cq->stash_at + i) & (cq->stash_size - 1)];

		if (wc->qp_num != qpn)
			cq->stash[(cq->stash_at + kept++) & (cq->stash_size - 1)] = *wc;
	}
	cq->stash_count = kept;
}

/* --------------------------------------------------------------------------------- polling ---- */

/* Those that the adapter does not bring, and whose turn it is after the one that came. */
static void stash_settled(struct hf_cq *cq, struct hf_work *work, enum hf_ledger_kind kind)
{
	struct ibv_wc wc;

	while (hf_ledger_next_settled(work->ledger, kind, &wc))
		hf_cq_push_locked(cq, &wc);
}

/* Return: whether the program is to see it. */
static bool admit(struct hf_cq *cq, struct ibv_wc *wc, int *kept, struct ibv_wc *out)
{
	enum hf_ledger_kind kind = hf_ledger_kind_of(wc->wr_id);
	struct hf_work *work;

	if (hf_work_complete(&work, &wc->wr_id, wc->status, wc->vendor_err) == HF_LEDGER_SWALLOW) {
		if (work)
			stash_settled(cq, work, kind);
		return false;
	}
	if (out && !cq->stash_count)
		out[(*kept)++] = *wc;
	else
		hf_cq_push_locked(cq, wc);
	if (work && hf_ledger_has_settled(work->ledger))
		stash_settled(cq, work, kind);
	return true;
}

/* The rest of those that the adapter gave, from @kept on, and of what the program has asked for. */
static __attribute__((noinline)) int poll_rest_locked(struct hf_cq *cq, int count, struct ibv_wc *wc, int kept, int got)
{
	for (int first = kept; got >= 0; first = kept) {
		int wanted = count - first;

		for (int i = 0; i < got; i++)
			admit(cq, &wc[first + i], &kept, wc);
		if (got < wanted || kept == count || cq->stash_count)
			break;
		got = cq->poll(cq->ibv, count - kept, wc + kept);
	}
	if (got < 0 && !kept)
		return got;
	return kept + hf_cq_take_locked(cq, count - kept, wc + kept);
}

/* What is a success and nothing more: nearly all are. A handle is of a record that this queue's lock guards. */
static inline bool admit_plainly(struct ibv_wc *wc)
{
	struct hf_work *work;

	if (wc->status != IBV_WC_SUCCESS || !hf_work_is_handle(wc->wr_id))
		return false;
	work = hf_work_at(wc->wr_id);
	return work && hf_ledger_complete_plainly(work->ledger, &wc->wr_id);
}

static __attribute__((noinline)) int poll_stashed_locked(struct hf_cq *cq, int count, struct ibv_wc *wc)
{
	int kept = hf_cq_take_locked(cq, count, wc);

	if (kept == count)
		return kept;
	return poll_rest_locked(cq, count, wc, kept, cq->poll(cq->ibv, count - kept, wc + kept));
}

/* An empty answer is the adapter's own: a program that got none sleeps until there is an event. */
static inline int poll_locked(struct hf_cq *cq, int count, struct ibv_wc *wc)
{
	int got, kept = 0;

	if (cq->stash_count)
		return poll_stashed_locked(cq, count, wc);
	got = cq->poll(cq->ibv, count, wc);
	while (kept < got && admit_plainly(&wc[kept]))
		kept++;
	return kept < got ? poll_rest_locked(cq, count, wc, kept, got - kept) : got;
}

void hf_cq_collect_locked(struct hf_cq *cq)
{
	struct ibv_wc wc[COLLECT_COUNT];
	int got;

	do {
		if (hf_cq_reserve_locked(cq, COLLECT_COUNT) < 0)
			return;
		got = cq->poll(cq->ibv, COLLECT_COUNT, wc);
		for (int i = 0; i < got; i++)
			admit(cq, &wc[i], NULL, NULL);
	} while (got == COLLECT_COUNT);
}

int hf_cq_program_poll(struct ibv_cq *ibv, int count, struct ibv_wc *wc)
{
	struct hf_cq *cq = hf_cq_find(ibv);
	int got;

	if (!cq)
		return hf_data_path_ops(ibv->context)->poll_cq(ibv, count, wc);
	if (!atomic_load_explicit(&cq->users, memory_order_acquire))
		return cq->poll(ibv, count, wc);
	hf_short_lock_take(&cq->lock);
	got = poll_locked(cq, count, wc);
	hf_short_lock_give(&cq->lock);
	return got;
}

int hf_cq_enlarge(struct hf_cq *cq, unsigned int count)
{
	int extra, err;

	hf_short_lock_take(&cq->lock);
	extra = cq->extra_cqe += count;
	hf_short_lock_give(&cq->lock);
	errno = 0;
	err = hf_real_resize_cq(cq->ibv, cq->base_cqe + extra);
	if (!err)
		return 0;
	hf_short_lock_take(&cq->lock);
	cq->extra_cqe -= count;
	hf_short_lock_give(&cq->lock);
	return err > 0 ? -err : errno ? -errno : -EIO;
}

int hf_cq_program_resize(struct ibv_cq *ibv, int cqe)
{
	struct hf_cq *cq = hf_cq_find(ibv);
	int extra, err;

	if (!cq || cqe < 0)
		return hf_real_resize_cq(ibv, cqe);
	hf_short_lock_take(&cq->lock);
	extra = cq->extra_cqe;
	hf_short_lock_give(&cq->lock);
	err = hf_real_resize_cq(ibv, cqe + extra);
	if (!err)
		cq->base_cqe = cqe;
	return err;
}
