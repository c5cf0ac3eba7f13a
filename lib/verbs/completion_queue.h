/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What libholdfast-verbs knows of completion queues with recorded queue pairs (work.h) on them. Completions that were
 * taken out of the adapter for a reset, or that it will never bring, wait in a stash that the program's polls see
 * first.
 */
#ifndef HF_LIB_VERBS_COMPLETION_QUEUE_H
#define HF_LIB_VERBS_COMPLETION_QUEUE_H

#include <infiniband/verbs.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/verbs/short_lock.h"

/* Never freed: one whose queue was destroyed serves the next. */
struct hf_cq {
	_Atomic(struct ibv_cq *) ibv;		/* NULL: none */
	struct hf_cq *_Atomic next;		/* in its bucket */
	atomic_uint users;			/* records whose completions it brings */
	int (*poll)(struct ibv_cq *cq, int count, struct ibv_wc *wc); /* the adapter's */

	/* Guards the rest, and the completion side of the records. Rank: work.h. */
	struct hf_short_lock lock;
	int base_cqe, extra_cqe;		/* as the program made it; room added for resets */
	struct ibv_wc *stash;
	unsigned int stash_size, stash_at, stash_count;

	/* Of a queue with the extended interface, poll_facade.c: the adapter's functions, and where the program is. */
	struct ibv_cq_ex real;
	bool is_started;			/* a poll of the adapter's */
	bool is_at_stash;			/* it looks at @current */
	struct ibv_wc current;
};

#define HF_CQ_BUCKET_BITS	10

extern struct hf_cq *_Atomic hf_cq_buckets[1u << HF_CQ_BUCKET_BITS];

static inline struct hf_cq *_Atomic *hf_cq_bucket(const struct ibv_cq *ibv)
{
	/* Allocated memory: the lower bits are all the same. */
	return &hf_cq_buckets[((uintptr_t)ibv >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - HF_CQ_BUCKET_BITS)];
}

static inline struct hf_cq *hf_cq_find_in(struct hf_cq *_Atomic *bucket, const struct ibv_cq *ibv)
{
	struct hf_cq *cq = atomic_load_explicit(bucket, memory_order_acquire);

	while (cq && atomic_load_explicit(&cq->ibv, memory_order_acquire) != ibv)
		cq = atomic_load_explicit(&cq->next, memory_order_acquire);
	return cq;
}

/* What is known of a queue; NULL: nothing. Takes no lock. */
static inline struct hf_cq *hf_cq_find(const struct ibv_cq *ibv)
{
	return hf_cq_find_in(hf_cq_bucket(ibv), ibv);
}

/* Makes it known where it is not. NULL: no memory. */
struct hf_cq *hf_cq_get(struct ibv_cq *ibv, int (*poll)(struct ibv_cq *cq, int count, struct ibv_wc *wc));

/*
 * Before it is destroyed: its memory may be another's as soon as it is. Return: what was known of it, for
 * hf_cq_forgotten(); NULL: nothing was, or queue pairs use it and it cannot be destroyed.
 */
struct hf_cq *hf_cq_forget(struct ibv_cq *ibv);

/* @ibv: what it is still; NULL: it is gone. */
void hf_cq_forgotten(struct hf_cq *cq, struct ibv_cq *ibv);

/* Room in the stash. Return: 0; -ENOMEM. */
int hf_cq_reserve_locked(struct hf_cq *cq, unsigned int count);
void hf_cq_push_locked(struct hf_cq *cq, const struct ibv_wc *wc);
int hf_cq_take_locked(struct hf_cq *cq, int count, struct ibv_wc *wc);

/* Of a queue pair that was destroyed or reset by the program, nothing is told any more. */
void hf_cq_purge_locked(struct hf_cq *cq, uint32_t qpn);

/* Everything that the adapter has, into the stash. */
void hf_cq_collect_locked(struct hf_cq *cq);

/* Room in the adapter for @count more. Return: 0; -errno. Not locked. */
int hf_cq_enlarge(struct hf_cq *cq, unsigned int count);

/* The program's ibv_resize_cq(): the room for resets stays. */
int hf_cq_program_resize(struct ibv_cq *ibv, int cqe);

/* The program's poll: overwrites ibv_context_ops.poll_cq. */
int hf_cq_program_poll(struct ibv_cq *ibv, int count, struct ibv_wc *wc);

/* Stands in front of a queue's functions of the extended interface. */
void hf_cq_stand_in_front(struct hf_cq *cq, struct ibv_cq_ex *ex);

#endif
