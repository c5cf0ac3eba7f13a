/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What each work request of the program's meets of its record: from the post to the completion of a success. */
#ifndef HF_LIB_VERBS_LEDGER_INLINE_H
#define HF_LIB_VERBS_LEDGER_INLINE_H

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "lib/verbs/ledger.h"
#include "lib/verbs/ledger_slots.h"

#define HF_LIKELY(condition)	__builtin_expect(!!(condition), 1)

/* Return: how many bytes they are. */
static inline uint64_t hf_ledger_copy_sges(struct ibv_sge *to, const struct ibv_sge *from, int count)
{
	uint64_t length;

	/* Most requests have one. */
	if (count == 0)
		return 0;
	*to = *from;
	length = from->length;
	for (int i = 1; i < count; i++) {
		to[i] = from[i];
		length += from[i].length;
	}
	return length;
}

/* ---- posting sends ---- */

/* What is not only data. */
void hf_ledger_copy_special(struct hf_ledger *ledger, struct hf_ledger_send *send, const struct ibv_send_wr *wr);

/* Return: how many bytes it has copied; -EINVAL. */
int64_t hf_ledger_copy_inline(const struct hf_ledger *ledger, struct hf_ledger_send *send, const struct ibv_send_wr *wr);

/* The rest is that of other kinds of requests. */
static inline void hf_ledger_copy_plain(struct ibv_send_wr *to, const struct ibv_send_wr *wr)
{
	to->num_sge = wr->num_sge;
	to->opcode = wr->opcode;
	to->send_flags = wr->send_flags;
	to->imm_data = wr->imm_data;
	to->wr.rdma.remote_addr = wr->wr.rdma.remote_addr;
	to->wr.rdma.rkey = wr->wr.rdma.rkey;
}

/**
 * hf_ledger_stage_send() - copy a work request into the next slot
 *
 * Staged ones are posted together by hf_ledger_give_sends() or hf_ledger_keep_sends(), or dropped by
 * hf_ledger_drop_sends().
 *
 * Return: 0; -ENOMEM where the queue is full; -EINVAL for more entries or inline data than the queue pair has room for.
 */
static inline int hf_ledger_stage_send(struct hf_ledger *ledger, const struct ibv_send_wr *wr)
{
	uint64_t number = ledger->send_next;
	struct hf_ledger_send *send = hf_ledger_send_at(ledger, number);
	bool is_plain = hf_ledger_is_plain(wr->opcode);
	int64_t length;

	if (number - atomic_load_explicit(&ledger->send_first, memory_order_acquire) >= ledger->max_send)
		return -ENOMEM;
	if ((uint32_t)wr->num_sge > ledger->max_send_sge)
		return -EINVAL;
	if (HF_LIKELY(is_plain))
		hf_ledger_copy_plain(&send->wr, wr);
	else
		hf_ledger_copy_special(ledger, send, wr);
	if (wr->send_flags & IBV_SEND_INLINE) {
		length = hf_ledger_copy_inline(ledger, send, wr);
		if (length < 0)
			return -EINVAL;
	} else {
		length = hf_ledger_copy_sges(send->wr.sg_list, wr->sg_list, wr->num_sge);
	}
	send->wr.wr_id = hf_ledger_handle(ledger, HF_LEDGER_SEND, number);
	send->wr_id = wr->wr_id;
	send->fate = HF_LEDGER_PENDING;
	send->is_signalled = (wr->send_flags | ledger->signals) & IBV_SEND_SIGNALED;
	if (!send->is_signalled)
		ledger->has_unsignalled = true;
	hf_ledger_number_packets(ledger, send, is_plain, length);
	ledger->send_next = number + 1;
	return 0;
}

static inline bool hf_ledger_has_staged(const struct hf_ledger *ledger)
{
	return ledger->send_next != atomic_load_explicit(&ledger->send_posted, memory_order_relaxed);
}

/* The slot of the one that was staged last, to be completed by hand; its sg_list has room for max_send_sge entries. */
static inline struct ibv_send_wr *hf_ledger_staged_send(struct hf_ledger *ledger)
{
	return &hf_ledger_send_at(ledger, ledger->send_next - 1)->wr;
}

static inline uint8_t *hf_ledger_staged_inline(struct hf_ledger *ledger)
{
	return hf_ledger_send_at(ledger, ledger->send_next - 1)->inline_data;
}

/* Those staged were completed by hand: other lengths are other packets. */
void hf_ledger_count_staged(struct hf_ledger *ledger);

void hf_ledger_drop_sends(struct hf_ledger *ledger);

/* Posts what is staged, for later. */
void hf_ledger_keep_sends(struct hf_ledger *ledger);

/* Return: those from @from to before @end, which are some, one after the other. */
struct ibv_send_wr *hf_ledger_chain_sends(struct hf_ledger *ledger, uint64_t from, uint64_t end);

/* Posts what is staged: before the adapter has it, as it may complete it at once. Return: a chain for it; NULL: nothing. */
static inline struct ibv_send_wr *hf_ledger_give_sends(struct hf_ledger *ledger)
{
	uint64_t from = atomic_load_explicit(&ledger->send_posted, memory_order_relaxed), end = ledger->send_next;
	struct hf_ledger_send *last = hf_ledger_send_at(ledger, end - 1);

	if (from == end)
		return NULL;
	ledger->send_given = end;
	atomic_store_explicit(&ledger->send_posted, end, memory_order_release);
	if (from != end - 1)
		return hf_ledger_chain_sends(ledger, from, end);
	last->wr.next = NULL;
	return &last->wr;
}

/* ---- posting receives ---- */

static inline int hf_ledger_stage_receive(struct hf_ledger *ledger, const struct ibv_recv_wr *wr)
{
	uint64_t number = ledger->recv_next;
	struct hf_ledger_receive *receive = hf_ledger_receive_at(ledger, number);

	if (number - atomic_load_explicit(&ledger->recv_first, memory_order_acquire) >= ledger->max_recv)
		return -ENOMEM;
	if ((uint32_t)wr->num_sge > ledger->max_recv_sge)
		return -EINVAL;
	hf_ledger_copy_sges(receive->wr.sg_list, wr->sg_list, wr->num_sge);
	receive->wr.num_sge = wr->num_sge;
	receive->wr.wr_id = hf_ledger_handle(ledger, HF_LEDGER_RECEIVE, number);
	receive->wr_id = wr->wr_id;
	receive->fate = HF_LEDGER_PENDING;
	ledger->recv_next = number + 1;
	return 0;
}

static inline void hf_ledger_keep_receives(struct hf_ledger *ledger)
{
	atomic_store_explicit(&ledger->recv_posted, ledger->recv_next, memory_order_release);
}

struct ibv_recv_wr *hf_ledger_chain_receives(struct hf_ledger *ledger, uint64_t from, uint64_t end);

static inline struct ibv_recv_wr *hf_ledger_give_receives(struct hf_ledger *ledger)
{
	uint64_t from = atomic_load_explicit(&ledger->recv_posted, memory_order_relaxed), end = ledger->recv_next;
	struct hf_ledger_receive *last = hf_ledger_receive_at(ledger, end - 1);

	if (from == end)
		return NULL;
	ledger->recv_given = end;
	atomic_store_explicit(&ledger->recv_posted, end, memory_order_release);
	if (from != end - 1)
		return hf_ledger_chain_receives(ledger, from, end);
	last->wr.next = NULL;
	return &last->wr;
}

/* ---- completions ---- */

/*
 * A success of the adapter's. Return: true: the program's, @wr_id is its own again, and there is nothing more to be done;
 * false: hf_ledger_complete() knows what there is.
 */
static inline bool hf_ledger_complete_plainly(struct hf_ledger *ledger, uint64_t *wr_id)
{
	uint64_t lower = *wr_id - ledger->handles, first, number;

	if (lower <= HF_LEDGER_NUMBER_MASK) {
		const struct hf_ledger_send *send;

		first = atomic_load_explicit(&ledger->send_first, memory_order_relaxed);
		number = hf_ledger_number(lower, first);
		send = hf_ledger_send_at(ledger, number);
		if (number >= atomic_load_explicit(&ledger->send_posted, memory_order_acquire) || !send->is_signalled ||
		    ledger->sends_settled)
			return false;
		*wr_id = send->wr_id;
		atomic_store_explicit(&ledger->send_first, number + 1, memory_order_release);
		return true;
	}
	lower -= (uint32_t)HF_LEDGER_RECEIVE << HF_LEDGER_KIND_SHIFT;
	if (lower > HF_LEDGER_NUMBER_MASK)
		return false;
	first = atomic_load_explicit(&ledger->recv_first, memory_order_relaxed);
	number = hf_ledger_number(lower, first);
	if (number >= atomic_load_explicit(&ledger->recv_posted, memory_order_acquire) || ledger->receives_settled)
		return false;
	*wr_id = hf_ledger_receive_at(ledger, number)->wr_id;
	atomic_store_explicit(&ledger->recv_first, number + 1, memory_order_release);
	return true;
}

#endif
