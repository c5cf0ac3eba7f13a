/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The work requests of a queue pair that can be reset: its record (ledger.h), what the program's posts go through, and
 * the steps by which a reset takes them out of the adapter and brings them back.
 *
 * Locks, in the order in which they are taken, after the queue pair's (queue_pair.h):
 *   hf_work.send_lock  posting sends: held over the adapter's own post, or from wr_start to wr_complete
 *   hf_work.recv_lock  posting receives
 *   hf_cq.lock         completions; two of them by address
 * The program's data path takes one of them each, which nobody else holds while nothing moves.
 */
#ifndef HF_LIB_VERBS_WORK_H
#define HF_LIB_VERBS_WORK_H

#include <infiniband/verbs.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/verbs/completion_queue.h"
#include "lib/verbs/handshake.h"
#include "lib/verbs/ledger.h"
#include "lib/verbs/short_lock.h"

/* The tag of a handle: a number that this process has drawn, and a place in this table. */
#define HF_WORKS_BITS	16
#define HF_WORKS_MAX	(1u << HF_WORKS_BITS)

extern struct hf_work *_Atomic hf_works[HF_WORKS_MAX];
extern _Atomic uint32_t hf_works_salt;	/* 0: not drawn yet */

struct hf_work {
	/* What each work request meets. */
	struct hf_ledger *ledger;
	struct ibv_qp *ibv;
	struct {
		int (*post_send)(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad_wr);
		int (*post_recv)(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr);
	} ops;				/* the adapter's */
	struct hf_short_lock send_lock, recv_lock;
	bool keeps_sends, keeps_receives; /* posts are recorded only */

	struct hf_cq *send_cq, *recv_cq;
	uint32_t index;			/* in the table of all */
	struct hf_work *gone_prev, *gone_next; /* of those that were destroyed */
	bool is_enlarged;		/* its queues have room for a reset */
	int batch_error;		/* of the extended interface, from wr_start on */
	struct ibv_send_wr nowhere;	/* then what there is no place for goes here */
	bool is_marked;			/* a marker is with the adapter */
	bool guards_shared;		/* its shared receive queue, if it has one */

	/* strategy_reset.c's, under the queue pair's lock. */
	struct hf_handshake handshake;
	struct ibv_qp_attr wanted;	/* the path to be used */
	struct hf_handshake_offer offer; /* what this end has said of itself */
	struct hf_ledger_count count;
	uint64_t held_until_ns;		/* 0: not held */
	uint64_t sends_before;		/* how many were posted before the program brought it to RESET */
	bool is_peer_silent;		/* it was asked in vain the last time */
};

/**
 * hf_work_new() - a queue pair of type RC or UC was created
 * @ibv:  it
 * @init: as ibv_create_qp() gave it back
 * @ops:  the adapter's
 *
 * Return: its record; NULL where there can be none, and it cannot be reset.
 */
struct hf_work *hf_work_new(struct ibv_qp *ibv, const struct ibv_qp_init_attr *init,
			    const struct ibv_context_ops *ops);

/* The queue pair was destroyed. NULL is allowed. */
void hf_work_remove(struct hf_work *work);

/* For whoever adds to the tables of records, completion queues and shared receive queues, or takes away. A leaf. */
void hf_work_lock_tables(void);
void hf_work_unlock_tables(void);

/* fork(): nobody holds locks of tables meanwhile; in both processes afterwards. */
void hf_work_fork_prepare(void);
void hf_work_fork_done(void);

/* Upper half of the tags of this process's handles. */
uint32_t hf_work_salt(void);

/* Is a completion's number a handle of ours, by all appearances? */
static inline bool hf_work_is_handle(uint64_t wr_id)
{
	return wr_id >> (32 + HF_WORKS_BITS) == atomic_load_explicit(&hf_works_salt, memory_order_relaxed);
}

/* Whose it would be; NULL: nobody's. */
static inline struct hf_work *hf_work_at(uint64_t handle)
{
	return atomic_load_explicit(&hf_works[hf_ledger_tag_of(handle) & (HF_WORKS_MAX - 1)], memory_order_acquire);
}

/*
 * What a completion means; @wr_id as for hf_ledger_complete_parts(). The lock of the queue that brought it is held.
 * @ret_work: whose it is, NULL: of no record's, or of a shared receive queue.
 */
enum hf_ledger_verdict hf_work_complete(struct hf_work **ret_work, uint64_t *wr_id, enum ibv_wc_status status,
					uint32_t vendor_err);

/* The queue was destroyed: what was destroyed before and waited for completions of it is gone too. */
void hf_work_forget_gone(const struct hf_cq *cq);

/* ---- posting.c ---- */

/* The program's posts: they overwrite those of ibv_context_ops. */
int hf_work_program_post_send(struct ibv_qp *ibv, struct ibv_send_wr *wr, struct ibv_send_wr **bad_wr);
int hf_work_program_post_recv(struct ibv_qp *ibv, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr);

/* Posts what was staged. With send_lock. Return: 0; errno. */
int hf_work_post_staged_locked(struct hf_work *work);

/* ---- what the program does to its queue pair ---- */

/* The program brought the queue pair to RESET; the state from which it can send. */
void hf_work_clear(struct hf_work *work);
void hf_work_begin(struct hf_work *work, uint32_t first_psn, unsigned int mtu);

/* ---- a reset, on the session thread; 0 or -errno ---- */

/*
 * Before anything is stopped: posts of sends are kept, so that the atomics that are with the adapter can end. Return of
 * hf_work_hold(): whether there are any; else nothing is held. Of hf_work_atomics(): what there is still.
 */
bool hf_work_hold(struct hf_work *work);
enum hf_ledger_atomics hf_work_atomics(struct hf_work *work);

/* What was held is posted after all. */
int hf_work_let_go(struct hf_work *work);

/* From here on errors that the freeze of an end brings about are kept back. */
void hf_work_guard(struct hf_work *work);

/* Return: false where some were, and they stay so. */
bool hf_work_unguard(struct hf_work *work);

/*
 * What was sent: its packets that may not have been received begin with @ret_oldest, and end before @ret_next. Return:
 * whether anything was sent since the program brought the queue pair to RESET.
 */
bool hf_work_has_sent(struct hf_work *work, uint32_t *ret_oldest, uint32_t *ret_next);

/* Posts are kept from now on. -ENOMEM or what the adapter said when there is no room for what is to come. */
int hf_work_freeze(struct hf_work *work);

/* The queue pair is in error. Return: whether the adapter has given back everything. */
bool hf_work_collect(struct hf_work *work);

/* hf_ledger_settle(), or hf_ledger_settle_unreliable() where @expected_psn is HF_HANDSHAKE_NO_PSN. */
int hf_work_settle(struct hf_work *work, uint32_t expected_psn, bool replays);

/* Something was stashed that the program may be asleep for: the adapter is made to wake it. In error. */
bool hf_work_needs_wake(struct hf_work *work);
void hf_work_wake(struct hf_work *work);

/* The queue pair is in RESET; INIT, or RTR; RTS. */
void hf_work_restart(struct hf_work *work, uint32_t first_psn, unsigned int mtu);
int hf_work_replay_receives(struct hf_work *work);
int hf_work_replay_sends(struct hf_work *work);

/* All ends in errors, and the program may post again. The queue pair is in error, or the program brings it there. */
void hf_work_give_up(struct hf_work *work);

#endif
