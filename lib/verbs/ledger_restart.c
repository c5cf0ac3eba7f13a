/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What becomes of the recorded work requests when their queue pair is frozen and begins anew. */
#include <errno.h>

#include "lib/verbs/ledger.h"
#include "lib/verbs/ledger_slots.h"

#define MTU_SHIFT(code)	(7 + (code))

/* --------------------------------------------------------------------------------- guarded ---- */

void hf_ledger_guard(struct hf_ledger *ledger)
{
	hf_ledger_forget_errors(ledger);
	ledger->recv_ended = ledger->recv_first;
	ledger->is_guarded = true;
}

bool hf_ledger_unguard(struct hf_ledger *ledger)
{
	if (ledger->send_error.is_there || ledger->recv_error.is_there)
		return false;
	ledger->is_guarded = false;
	return true;
}

enum hf_ledger_atomics hf_ledger_atomics(const struct hf_ledger *ledger)
{
	enum hf_ledger_atomics found = HF_LEDGER_NO_ATOMIC;

	if (!ledger->has_atomics)
		return found;
	for (uint64_t number = ledger->send_first; number < ledger->send_given; number++) {
		const struct hf_ledger_send *send = hf_ledger_send_at(ledger, number);

		if (hf_ledger_is_settled(send->fate))
			continue;
		if (hf_ledger_is_atomic(send->wr.opcode) && found == HF_LEDGER_NO_ATOMIC)
			found = HF_LEDGER_SILENT_ATOMIC;
		/* A later one that will be heard of says that those before it have ended. */
		if (send->is_signalled && found == HF_LEDGER_SILENT_ATOMIC)
			return HF_LEDGER_ATOMIC;
	}
	return found;
}

bool hf_ledger_is_drained(const struct hf_ledger *ledger)
{
	return ledger->is_drained &&
	       (ledger->recv_ended >= ledger->recv_given || ledger->recv_first >= ledger->recv_given);
}

/* -------------------------------------------------------------------------------- settling ---- */

static uint32_t distance(uint32_t from, uint32_t to)
{
	return (to - from) & HF_LEDGER_PSN_MASK;
}

/* One that was not settled before. */
static void set_fate(struct hf_ledger *ledger, struct hf_ledger_send *send, enum hf_ledger_fate fate, bool was_given,
		     struct hf_ledger_count *count)
{
	send->fate = fate;
	ledger->sends_settled += hf_ledger_is_settled(fate);
	if (fate == HF_LEDGER_ERROR)
		count->lost++;
	else if (fate == HF_LEDGER_REPLAY && was_given)
		count->replayed++;
}

/* The adapter has completed it, though without a word. */
static bool is_complete(const struct hf_ledger *ledger, uint64_t number)
{
	return ledger->flushed_from == HF_LEDGER_NONE ? ledger->is_drained : number < ledger->flushed_from;
}

/* Of a request that was not completed; @expected: how far from @base the other end has come. */
static enum hf_ledger_fate judge(const struct hf_ledger_send *send, uint32_t base, uint32_t expected, bool replays)
{
	enum hf_ledger_fate again = replays ? HF_LEDGER_REPLAY : HF_LEDGER_ERROR;
	uint32_t at = distance(base, send->psn);

	if (at + send->packets > expected)
		return again;
	switch (send->wr.opcode) {
	case IBV_WR_RDMA_READ:
		return again;
	case IBV_WR_ATOMIC_CMP_AND_SWP:
	case IBV_WR_ATOMIC_FETCH_AND_ADD:
		return HF_LEDGER_ERROR;
	case IBV_WR_LOCAL_INV:
	case IBV_WR_BIND_MW:
		/* Done where a later one has been executed; the last of all may be or not. */
		return at < expected ? HF_LEDGER_SUCCESS : HF_LEDGER_ERROR;
	case IBV_WR_RDMA_WRITE:
	case IBV_WR_RDMA_WRITE_WITH_IMM:
	case IBV_WR_SEND:
	case IBV_WR_SEND_WITH_IMM:
	case IBV_WR_SEND_WITH_INV:
	case IBV_WR_TSO:
	case IBV_WR_DRIVER1:
	case IBV_WR_ATOMIC_WRITE:
		break;
	}
	return HF_LEDGER_SUCCESS;
}

static void settle_kept(struct hf_ledger *ledger, bool is_cut, struct hf_ledger_count *count)
{
	for (uint64_t number = ledger->send_given; number < ledger->send_posted; number++) {
		struct hf_ledger_send *send = hf_ledger_send_at(ledger, number);

		set_fate(ledger, send, is_cut ? HF_LEDGER_ERROR : HF_LEDGER_REPLAY, false, count);
	}
}

static void settle_receives(struct hf_ledger *ledger, enum hf_ledger_fate fate)
{
	ledger->receives_settled = hf_ledger_is_settled(fate) ? ledger->recv_posted - ledger->recv_first : 0;
	for (uint64_t number = ledger->recv_first; number < ledger->recv_posted; number++)
		hf_ledger_receive_at(ledger, number)->fate = fate;
}

uint32_t hf_ledger_oldest_psn(const struct hf_ledger *ledger)
{
	for (uint64_t number = ledger->send_first; number < ledger->send_given; number++) {
		const struct hf_ledger_send *send = hf_ledger_send_at(ledger, number);

		if (!hf_ledger_is_settled(send->fate))
			return send->psn;
	}
	return ledger->next_psn;
}

int hf_ledger_settle(struct hf_ledger *ledger, uint32_t expected_psn, bool replays, struct hf_ledger_count *ret_count)
{
	uint32_t base = hf_ledger_oldest_psn(ledger), expected = distance(base, expected_psn);
	struct hf_ledger_count count = { 0 };
	enum hf_ledger_fate fate;
	bool is_cut = false;

	if (expected > distance(base, ledger->next_psn))
		return -EPROTO;
	for (uint64_t number = ledger->send_first; number < ledger->send_given; number++) {
		struct hf_ledger_send *send = hf_ledger_send_at(ledger, number);

		if (hf_ledger_is_settled(send->fate))
			continue;
		fate = is_complete(ledger, number) ? HF_LEDGER_SUCCESS : judge(send, base, expected, replays);
		is_cut = is_cut || (fate == HF_LEDGER_ERROR && !replays);
		set_fate(ledger, send, fate, true, &count);
	}
	settle_kept(ledger, is_cut, &count);
	settle_receives(ledger, HF_LEDGER_REPLAY);
	/* What was kept back came of the freeze, and is none of the program's. */
	ledger->send_error.is_there = ledger->recv_error.is_there = false;
	*ret_count = count;
	return 0;
}

void hf_ledger_settle_unreliable(struct hf_ledger *ledger, bool replays, struct hf_ledger_count *ret_count)
{
	struct hf_ledger_count count = { 0 };
	enum hf_ledger_fate fate;
	bool is_cut = false;

	for (uint64_t number = ledger->send_first; number < ledger->send_given; number++) {
		struct hf_ledger_send *send = hf_ledger_send_at(ledger, number);

		if (hf_ledger_is_settled(send->fate))
			continue;
		fate = is_complete(ledger, number) ? HF_LEDGER_SUCCESS :
		       replays && ledger->is_drained ? HF_LEDGER_REPLAY : HF_LEDGER_ERROR;
		is_cut = is_cut || (fate == HF_LEDGER_ERROR && !replays);
		set_fate(ledger, send, fate, true, &count);
	}
	settle_kept(ledger, is_cut, &count);
	settle_receives(ledger, HF_LEDGER_REPLAY);
	ledger->send_error.is_there = ledger->recv_error.is_there = false;
	*ret_count = count;
}

void hf_ledger_give_up(struct hf_ledger *ledger, struct hf_ledger_count *ret_count)
{
	struct hf_ledger_error send_error = ledger->send_error, recv_error = ledger->recv_error;
	struct hf_ledger_count count = { 0 };

	for (uint64_t number = ledger->send_first; number < ledger->send_posted; number++) {
		struct hf_ledger_send *send = hf_ledger_send_at(ledger, number);

		if (hf_ledger_is_settled(send->fate))
			continue;
		set_fate(ledger, send, number < ledger->send_given && is_complete(ledger, number) ? HF_LEDGER_SUCCESS :
			 HF_LEDGER_ERROR, false, &count);
	}
	settle_receives(ledger, HF_LEDGER_ERROR);
	hf_ledger_next_epoch(ledger);
	ledger->send_given = ledger->send_posted;
	ledger->recv_given = ledger->recv_posted;
	hf_ledger_forget_errors(ledger);
	ledger->send_error = send_error;
	ledger->recv_error = recv_error;
	*ret_count = count;
}

/* ------------------------------------------------------------------------------- beginning anew ---- */

void hf_ledger_restart(struct hf_ledger *ledger, uint32_t first_psn, unsigned int mtu)
{
	hf_ledger_next_epoch(ledger);
	ledger->next_psn = first_psn & HF_LEDGER_PSN_MASK;
	ledger->mtu_shift = MTU_SHIFT(mtu);
	hf_ledger_forget_errors(ledger);
}

struct ibv_recv_wr *hf_ledger_replay_receives(struct hf_ledger *ledger)
{
	struct ibv_recv_wr *head = NULL, **tail = &head;

	for (uint64_t number = ledger->recv_first; number < ledger->recv_posted; number++) {
		struct hf_ledger_receive *receive = hf_ledger_receive_at(ledger, number);

		if (hf_ledger_is_settled(receive->fate))
			continue;
		receive->fate = HF_LEDGER_PENDING;
		receive->wr.wr_id = hf_ledger_handle(ledger, HF_LEDGER_RECEIVE, number);
		receive->wr.next = NULL;
		*tail = &receive->wr;
		tail = &receive->wr.next;
	}
	ledger->recv_given = ledger->recv_posted;
	return head;
}

/* Its completion is wanted where it is the turn of one that the adapter does not complete. */
static bool is_followed_by_settled(const struct hf_ledger *ledger, uint64_t number)
{
	return number + 1 < ledger->send_posted &&
	       hf_ledger_is_settled(hf_ledger_send_at(ledger, number + 1)->fate);
}

struct ibv_send_wr *hf_ledger_replay_sends(struct hf_ledger *ledger)
{
	struct ibv_send_wr *head = NULL, **tail = &head;

	for (uint64_t number = ledger->send_first; number < ledger->send_posted; number++) {
		struct hf_ledger_send *send = hf_ledger_send_at(ledger, number);

		if (hf_ledger_is_settled(send->fate))
			continue;
		send->fate = HF_LEDGER_PENDING;
		send->wr.wr_id = hf_ledger_handle(ledger, HF_LEDGER_SEND, number);
		if (is_followed_by_settled(ledger, number))
			send->wr.send_flags |= IBV_SEND_SIGNALED;
		send->wr.next = NULL;
		hf_ledger_number_packets(ledger, send, hf_ledger_is_plain(send->wr.opcode), hf_ledger_length(&send->wr));
		*tail = &send->wr;
		tail = &send->wr.next;
	}
	ledger->send_given = ledger->send_posted;
	return head;
}
