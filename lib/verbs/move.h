/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Moves, from the order to the answer, and what becomes of them when the program uses its queue pair meanwhile. */
#ifndef HF_LIB_VERBS_MOVE_H
#define HF_LIB_VERBS_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/verbs/queue_pair.h"

/* ---- on the session thread ---- */

/* An order of holdfastd's. What becomes of it is told later: hf_queue_pair_tell(). */
void hf_move_begin_locked(struct hf_queue_pair *qp, const struct hf_program_move *order, uint64_t now_ns);

void hf_move_peer_locked(struct hf_queue_pair *qp, const struct hf_program_peer *message, uint64_t now_ns);

/* What is due. */
void hf_move_step_locked(struct hf_queue_pair *qp, uint64_t now_ns);

/* Is there something to be stepped? */
static inline bool hf_move_is_under_way_locked(const struct hf_queue_pair *qp)
{
	return qp->move.strategy || qp->order.move_id;
}

/* When it is due. An order that waits for the program is so with the next call of hf_session_wake(), too. */
uint64_t hf_move_due_ns_locked(const struct hf_queue_pair *qp, uint64_t now_ns);

/* ---- on the program's threads ---- */

enum hf_move_claim {
	HF_CLAIM_QUERY,		/* looks */
	HF_CLAIM_ADJUST,	/* changes what matters to itself alone, and leaves it in its state */
	HF_CLAIM_MODIFY,	/* changes, and expects what it left */
	HF_CLAIM_END,		/* destroys, or resets whatever there is */
};

/**
 * hf_queue_pair_claim() - the program calls for its queue pair: take the lock, with no move of it in sight
 * @qp:    not locked
 * @claim: what for
 *
 * HF_CLAIM_END abandons a move at once. Others wait for its end: a tenth of a second, after which it is cut short, or
 * where that cannot be, until it has ended by itself; but for HF_CLAIM_QUERY and HF_CLAIM_ADJUST not where nothing has
 * been done to the queue pair yet. No other move begins before who waits has had its turn. The thread cannot be cancelled
 * until hf_queue_pair_release().
 *
 * Return: to be given to hf_queue_pair_release().
 */
int hf_queue_pair_claim(struct hf_queue_pair *qp, enum hf_move_claim claim);
void hf_queue_pair_release(struct hf_queue_pair *qp, int claim_state);

#endif
