/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/shared_receives.h"

#include <stdlib.h>

#include "lib/verbs/ledger_slots.h"
#include "lib/verbs/short_lock.h"
#include "lib/verbs/work.h"

#define SRQS_MAX	1024
#define NO_SLOT		UINT32_MAX

struct slot {
	struct ibv_recv_wr wr;
	uint64_t wr_id;
	uint32_t next_free;
	bool is_posted;
};

/* Never freed: one whose queue was destroyed serves the next. */
struct hf_srq {
	_Atomic(const struct ibv_srq *) ibv;	/* NULL: none */
	int (*post)(struct ibv_srq *srq, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr);
	atomic_uint guards;
	uint32_t tag, slot_count, max_sge;

	struct hf_short_lock lock;		/* guards the slots; after those of completions */
	struct slot *slots;
	struct ibv_sge *sges;
	uint32_t first_free;
};

static struct hf_srq srqs[SRQS_MAX];
static atomic_uint srq_count;			/* those above were never used */

/* ------------------------------------------------------------------------------- the table ---- */

struct hf_srq *hf_srq_find(const struct ibv_srq *ibv)
{
	unsigned int count = atomic_load_explicit(&srq_count, memory_order_acquire);

	for (unsigned int i = 0; i < count; i++)
		if (atomic_load_explicit(&srqs[i].ibv, memory_order_acquire) == ibv)
			return &srqs[i];
	return NULL;
}

static void release(struct hf_srq *srq)
{
	free(srq->slots);
	free(srq->sges);
	srq->slots = NULL;
	srq->sges = NULL;
}

static bool allocate(struct hf_srq *srq, const struct ibv_srq_attr *attr)
{
	release(srq);
	srq->slot_count = attr->max_wr;
	srq->max_sge = attr->max_sge ? attr->max_sge : 1;
	srq->slots = calloc(srq->slot_count ? srq->slot_count : 1, sizeof(*srq->slots));
	srq->sges = calloc((size_t)(srq->slot_count ? srq->slot_count : 1) * srq->max_sge, sizeof(*srq->sges));
	if (!srq->slots || !srq->sges) {
		release(srq);
		return false;
	}
	for (uint32_t i = 0; i < srq->slot_count; i++) {
		srq->slots[i].next_free = i + 1 < srq->slot_count ? i + 1 : NO_SLOT;
		srq->slots[i].wr.sg_list = &srq->sges[(size_t)i * srq->max_sge];
	}
	srq->first_free = srq->slot_count ? 0 : NO_SLOT;
	return true;
}

void hf_srq_add(struct ibv_srq *ibv, const struct ibv_srq_attr *attr, uint32_t salt,
		int (*post)(struct ibv_srq *srq, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr))
{
	unsigned int index = 0, count;

	if (attr->max_wr > HF_LEDGER_NUMBER_MASK)
		return;
	hf_work_lock_tables();
	count = atomic_load(&srq_count);
	while (index < count && atomic_load(&srqs[index].ibv))
		index++;
	if (index < SRQS_MAX && allocate(&srqs[index], attr)) {
		srqs[index].post = post;
		srqs[index].tag = salt << 16 | index;
		atomic_store(&srqs[index].guards, 0);
		atomic_store_explicit(&srqs[index].ibv, ibv, memory_order_release);
		if (index == count)
			atomic_store_explicit(&srq_count, count + 1, memory_order_release);
	}
	hf_work_unlock_tables();
}

/* Its slots stay until the next one takes the place: completions of its queue pairs may have been left. */
void hf_srq_remove(const struct ibv_srq *ibv)
{
	struct hf_srq *srq = hf_srq_find(ibv);

	if (srq)
		atomic_store_explicit(&srq->ibv, NULL, memory_order_release);
}

/* -------------------------------------------------------------------------------- posting ---- */

static void give_slot_locked(struct hf_srq *srq, struct slot *slot)
{
	slot->is_posted = false;
	slot->next_free = srq->first_free;
	srq->first_free = slot - srq->slots;
}

static void take_slot_locked(struct hf_srq *srq, const struct ibv_recv_wr *wr, struct ibv_recv_wr ***tail)
{
	uint32_t index = srq->first_free;
	struct slot *slot = &srq->slots[index];

	srq->first_free = slot->next_free;
	slot->is_posted = true;
	slot->wr_id = wr->wr_id;
	slot->wr.wr_id = (uint64_t)srq->tag << 32 | (uint32_t)HF_LEDGER_SHARED << HF_LEDGER_KIND_SHIFT | index;
	slot->wr.num_sge = wr->num_sge;
	slot->wr.next = NULL;
	for (int i = 0; i < wr->num_sge; i++)
		slot->wr.sg_list[i] = wr->sg_list[i];
	**tail = &slot->wr;
	*tail = &slot->wr.next;
}

/* Is there a slot for each? */
static bool has_room_locked(const struct hf_srq *srq, const struct ibv_recv_wr *wr)
{
	uint32_t free_slot = srq->first_free;

	for (; wr; wr = wr->next) {
		if (free_slot == NO_SLOT || wr->num_sge < 0 || (uint32_t)wr->num_sge > srq->max_sge)
			return false;
		free_slot = srq->slots[free_slot].next_free;
	}
	return true;
}

/* What the adapter did not take is the program's again. */
static struct ibv_recv_wr *take_back_locked(struct hf_srq *srq, struct ibv_recv_wr *head, struct ibv_recv_wr *bad,
					    struct ibv_recv_wr *wr)
{
	while (head != bad && head && wr) {
		head = head->next;
		wr = wr->next;
	}
	while (head) {
		struct ibv_recv_wr *next = head->next;

		give_slot_locked(srq, (struct slot *)head);
		head = next;
	}
	return wr;
}

/* Where the program has made its queue longer, those beyond our slots are posted as they are. */
int hf_srq_post(struct hf_srq *srq, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr)
{
	struct ibv_srq *ibv = (struct ibv_srq *)atomic_load_explicit(&srq->ibv, memory_order_relaxed);
	struct ibv_recv_wr *head = NULL, **tail = &head, *bad = NULL;
	int err;

	hf_short_lock_take(&srq->lock);
	if (!has_room_locked(srq, wr)) {
		hf_short_lock_give(&srq->lock);
		return srq->post(ibv, wr, bad_wr);
	}
	for (struct ibv_recv_wr *next = wr; next; next = next->next)
		take_slot_locked(srq, next, &tail);
	err = head ? srq->post(ibv, head, &bad) : 0;
	if (err)
		*bad_wr = take_back_locked(srq, head, bad, wr);
	hf_short_lock_give(&srq->lock);
	return err;
}

/* ----------------------------------------------------------------------------- completions ---- */

void hf_srq_guard(struct hf_srq *srq)
{
	atomic_fetch_add(&srq->guards, 1);
}

void hf_srq_unguard(struct hf_srq *srq)
{
	atomic_fetch_sub(&srq->guards, 1);
}

static enum hf_ledger_verdict complete_locked(struct hf_srq *srq, struct slot *slot, uint64_t *wr_id,
					      enum ibv_wc_status status)
{
	struct ibv_srq *ibv = (struct ibv_srq *)atomic_load_explicit(&srq->ibv, memory_order_relaxed);
	struct ibv_recv_wr *bad;

	if (!slot->is_posted)
		return HF_LEDGER_FOREIGN;
	if (status == IBV_WC_WR_FLUSH_ERR && ibv && atomic_load(&srq->guards)) {
		slot->wr.next = NULL;
		if (srq->post(ibv, &slot->wr, &bad) == 0)
			return HF_LEDGER_SWALLOW;
	}
	*wr_id = slot->wr_id;
	give_slot_locked(srq, slot);
	return HF_LEDGER_DELIVER;
}

enum hf_ledger_verdict hf_srq_complete(uint64_t *wr_id, enum ibv_wc_status status)
{
	uint32_t index = hf_ledger_tag_of(*wr_id) & 0xffff, number = *wr_id & HF_LEDGER_NUMBER_MASK;
	enum hf_ledger_verdict verdict;
	struct hf_srq *srq;

	if (index >= atomic_load_explicit(&srq_count, memory_order_acquire))
		return HF_LEDGER_FOREIGN;
	srq = &srqs[index];
	if (hf_ledger_tag_of(*wr_id) != srq->tag || number >= srq->slot_count)
		return HF_LEDGER_FOREIGN;
	hf_short_lock_take(&srq->lock);
	verdict = complete_locked(srq, &srq->slots[number], wr_id, status);
	hf_short_lock_give(&srq->lock);
	return verdict;
}
