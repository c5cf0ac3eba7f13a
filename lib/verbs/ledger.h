/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The record of a queue pair's work requests, from the post to the completion, so that they can be posted once more.
 * Pure: no call of verbs. What is posted is copied, with its scatter list and inline data, into the slot of a ring; the
 * copy is what the adapter gets. Its wr_id is a handle, for which the completion brings the program's own back.
 *
 *   handle   the queue pair's tag | kind | epoch | lower bits of the number of the work request
 *
 * Each restart of the queue pair is an epoch: completions of an earlier one mean nothing any more.
 *
 * The send queue, by number of work request:
 *
 *   first             given              posted
 *     | with the adapter | recorded only   |
 *
 * What the adapter has is all of it until the queue pair is frozen and posts are kept (hf_ledger_keep_sends()). While it is
 * guarded, errors that a frozen end brings about are kept back; what becomes of the requests is then decided by
 * hf_ledger_settle(), or by hf_ledger_give_up().
 *
 * What each request of the program's goes through is inline, in ledger_inline.h.
 *
 * Locks: the caller has one for posting sends (stage, give, take_back), one for posting receives, and one for
 * completions of each kind; whoever calls a function that names none of these holds all of them. The counters that the
 * others look at are atomic.
 */
#ifndef HF_LIB_VERBS_LEDGER_H
#define HF_LIB_VERBS_LEDGER_H

#include <infiniband/verbs.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HF_LEDGER_PSN_MASK	0xffffffu
#define HF_LEDGER_PSN_JUMP	0x400000u	/* from what was sent to where it begins anew */
#define HF_LEDGER_NUMBER_BITS	23
#define HF_LEDGER_MAX_WR	(1u << (HF_LEDGER_NUMBER_BITS - 1))

enum hf_ledger_kind {
	HF_LEDGER_SEND,
	HF_LEDGER_RECEIVE,
	HF_LEDGER_MARKER,	/* of nobody's request; says that the send queue is empty */
	HF_LEDGER_SHARED,	/* of a shared receive queue, shared_receives.h */
};

/* What becomes of a request. */
enum hf_ledger_fate {
	HF_LEDGER_PENDING,	/* the adapter's completion says it */
	HF_LEDGER_REPLAY,	/* it is to be posted once more */
	HF_LEDGER_SUCCESS,	/* it was executed */
	HF_LEDGER_ERROR,	/* it has failed, or it is not known whether it was executed */
};

/* What is used of most requests comes first: two cache lines. */
struct hf_ledger_send {
	uint64_t wr_id;		/* the program's */
	uint32_t psn, packets;
	uint8_t fate;		/* enum hf_ledger_fate */
	bool is_signalled;	/* by the program */
	uint8_t *inline_data;	/* room for it */
	struct ibv_send_wr wr;	/* as the adapter gets it */
} __attribute__((aligned(64)));

struct hf_ledger_receive {
	struct ibv_recv_wr wr;
	uint64_t wr_id;
	uint8_t fate;
};

/* The first error that was kept back. */
struct hf_ledger_error {
	bool is_there;
	uint64_t number;	/* of the request */
	enum ibv_wc_status status;
	uint32_t vendor_err;
};

struct hf_ledger {
	/* What each send meets. */
	uint64_t handles;		/* tag and epoch, where handles have them */
	struct hf_ledger_send *sends;
	uint32_t max_send, send_mask;	/* as the queue pair has it; the ring is a power of two */
	uint32_t max_send_sge;
	uint32_t next_psn;		/* of what is given next */
	uint64_t send_next;		/* where the next is staged */
	_Atomic uint64_t send_first, send_posted;
	uint32_t mtu_shift;		/* packets have 1 << mtu_shift bytes */
	uint8_t signals;		/* IBV_SEND_SIGNALED where all are */
	bool has_unsignalled;		/* some day some send was */
	uint64_t sends_settled;		/* how many of those posted */

	/* And each receive. */
	struct hf_ledger_receive *receives;
	uint32_t max_recv, recv_mask;
	uint32_t max_recv_sge;
	uint64_t recv_next;
	_Atomic uint64_t recv_first, recv_posted;
	uint64_t receives_settled;

	uint32_t qpn;
	uint32_t max_inline;
	bool is_shared;			/* receives are another queue's: none are recorded */
	atomic_bool is_limited;		/* something was posted that a restart would not bring back */
	bool has_atomics;		/* some day some were posted */
	bool is_guarded;
	bool has_failed;		/* while guarded: an error that is the request's own */
	struct ibv_sge *send_sges, *recv_sges;
	uint8_t *inline_data;

	uint64_t send_given;
	uint64_t flushed_from;		/* while guarded: the first send that was not completed; HF_LEDGER_NONE: none */
	bool is_drained;		/* the marker has come */
	struct hf_ledger_error send_error;

	uint64_t recv_given;
	uint64_t recv_ended;		/* while guarded: those before it have come back */
	struct hf_ledger_error recv_error;
};

#define HF_LEDGER_NONE	UINT64_MAX

/* ---- made and destroyed ---- */

/**
 * hf_ledger_new() - a record for a queue pair
 * @init: as ibv_create_qp() gave it back
 * @qpn:  for the completions that are made up
 * @tag:  upper half of the handles; no other queue pair of the process has it, and nothing that a program would use
 *
 * Return: it, for hf_ledger_free(); NULL: no memory, or queues too long to be numbered.
 */
struct hf_ledger *hf_ledger_new(const struct ibv_qp_init_attr *init, uint32_t qpn, uint32_t tag);
void hf_ledger_free(struct hf_ledger *ledger);

/* The program has brought the queue pair to RESET: nothing is outstanding. */
void hf_ledger_clear(struct hf_ledger *ledger);

/* Where sending begins, and with packets of which size (IBA's code). */
void hf_ledger_begin(struct hf_ledger *ledger, uint32_t first_psn, unsigned int mtu);

/* ---- posting, with ledger_inline.h ---- */

/* What was kept is posted after all: a chain for the adapter, or NULL. */
struct ibv_send_wr *hf_ledger_give_kept_sends(struct hf_ledger *ledger);

/* The adapter has refused the chain from @bad on. Return: how many these are. */
unsigned int hf_ledger_take_back_sends(struct hf_ledger *ledger, const struct ibv_send_wr *bad);
unsigned int hf_ledger_take_back_receives(struct hf_ledger *ledger, const struct ibv_recv_wr *bad);

/* ---- completions ---- */

enum hf_ledger_verdict {
	HF_LEDGER_FOREIGN,	/* not of this record; untouched */
	HF_LEDGER_DELIVER,	/* the program's; wr_id is its own again */
	HF_LEDGER_SWALLOW,
};

static inline uint32_t hf_ledger_tag_of(uint64_t wr_id)
{
	return wr_id >> 32;
}

static inline uint32_t hf_ledger_tag(const struct hf_ledger *ledger)
{
	return hf_ledger_tag_of(ledger->handles);
}

/* Of which queue is a completion of ours? */
enum hf_ledger_kind hf_ledger_kind_of(uint64_t wr_id);

/* A completion of the adapter's. After it, hf_ledger_next_settled() may have more of the kind. */
enum hf_ledger_verdict hf_ledger_complete(struct hf_ledger *ledger, struct ibv_wc *wc);

/* The same of its parts, where there is no struct ibv_wc. @wr_id: the handle; the program's own where it delivers. */
enum hf_ledger_verdict hf_ledger_complete_parts(struct hf_ledger *ledger, uint64_t *wr_id, enum ibv_wc_status status,
						uint32_t vendor_err);

/* The next completion that the adapter does not bring, in its turn. Return: whether there is one. */
bool hf_ledger_next_settled(struct hf_ledger *ledger, enum hf_ledger_kind kind, struct ibv_wc *ret_wc);

/* Might there be one? */
static inline bool hf_ledger_has_settled(const struct hf_ledger *ledger)
{
	return ledger->sends_settled || ledger->receives_settled;
}

/* ---- a restart ---- */

/* From here on errors are kept back. */
void hf_ledger_guard(struct hf_ledger *ledger);

/* Nothing was kept back after all. Return: false, and it stays guarded, where something was. */
bool hf_ledger_unguard(struct hf_ledger *ledger);

/* A handle for a request that says, when it comes back, that all before it have come. */
uint64_t hf_ledger_marker(const struct hf_ledger *ledger);

/* Atomics that the adapter has, and whose results have not come. */
enum hf_ledger_atomics {
	HF_LEDGER_NO_ATOMIC,
	HF_LEDGER_SILENT_ATOMIC,	/* only such as end without a word: they may have ended */
	HF_LEDGER_ATOMIC,
};

enum hf_ledger_atomics hf_ledger_atomics(const struct hf_ledger *ledger);

/* The first packet of the oldest request that is not known to be executed; next_psn where there is none. */
uint32_t hf_ledger_oldest_psn(const struct hf_ledger *ledger);

/* While guarded, and the queue pair in error: has the adapter given back everything? */
bool hf_ledger_is_drained(const struct hf_ledger *ledger);

struct hf_ledger_count {
	uint32_t replayed, lost;
};

/**
 * hf_ledger_settle() - what becomes of the requests of a reliable connection
 * @expected_psn: what the other end would have received next
 * @replays:      false: those that were not executed end in an error, and all after the first of these
 * @ret_count:    of those that the adapter had
 *
 * An executed one is a success; a read is asked again, as its answer may not have come; an atomic of which that is true
 * ends in an error. The rest is to be replayed, from the start of the message. Receives are all to be replayed.
 *
 * Return: 0; -EPROTO where no request of ours can have led to @expected_psn. Nothing is settled then.
 */
int hf_ledger_settle(struct hf_ledger *ledger, uint32_t expected_psn, bool replays, struct hf_ledger_count *ret_count);

/* The same for an unreliable one: what the adapter has sent, is sent. */
void hf_ledger_settle_unreliable(struct hf_ledger *ledger, bool replays, struct hf_ledger_count *ret_count);

/* All end in an error, the one that was kept back among them. */
void hf_ledger_give_up(struct hf_ledger *ledger, struct hf_ledger_count *ret_count);

/* A new epoch. Then what is to be replayed, as chains; NULL: nothing. The adapter has it from then on. */
void hf_ledger_restart(struct hf_ledger *ledger, uint32_t first_psn, unsigned int mtu);
struct ibv_recv_wr *hf_ledger_replay_receives(struct hf_ledger *ledger);
struct ibv_send_wr *hf_ledger_replay_sends(struct hf_ledger *ledger);

static inline uint64_t hf_ledger_sends_outstanding(const struct hf_ledger *ledger)
{
	return atomic_load_explicit(&ledger->send_posted, memory_order_acquire) -
	       atomic_load_explicit(&ledger->send_first, memory_order_acquire);
}

static inline uint64_t hf_ledger_receives_outstanding(const struct hf_ledger *ledger)
{
	return atomic_load_explicit(&ledger->recv_posted, memory_order_acquire) -
	       atomic_load_explicit(&ledger->recv_first, memory_order_acquire);
}

#endif
