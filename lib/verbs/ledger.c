/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/ledger.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/verbs/ledger_inline.h"

#define KIND_MASK	3u
#define MTU_SHIFT(code)	(7 + (code))	/* 128 << code bytes */

/* ---------------------------------------------------------------------- made and destroyed ---- */

static uint32_t ring_size(uint32_t count)
{
	uint32_t size = 1;

	while (size < count)
		size <<= 1;
	return size;
}

static bool allocate(struct hf_ledger *ledger)
{
	size_t sends = (size_t)ledger->send_mask + 1, receives = (size_t)ledger->recv_mask + 1;

	ledger->sends = aligned_alloc(_Alignof(struct hf_ledger_send), sends * sizeof(*ledger->sends));
	ledger->send_sges = calloc(sends * ledger->max_send_sge, sizeof(*ledger->send_sges));
	ledger->inline_data = calloc(sends, ledger->max_inline ? ledger->max_inline : 1);
	ledger->receives = calloc(receives, sizeof(*ledger->receives));
	ledger->recv_sges = calloc(receives * ledger->max_recv_sge, sizeof(*ledger->recv_sges));
	return ledger->sends && ledger->send_sges && ledger->inline_data && ledger->receives && ledger->recv_sges;
}

/* Each slot has its part of the entries and of the inline data for good. */
static void lay_out(struct hf_ledger *ledger)
{
	memset(ledger->sends, 0, ((size_t)ledger->send_mask + 1) * sizeof(*ledger->sends));
	for (size_t i = 0; i <= ledger->send_mask; i++) {
		ledger->sends[i].wr.sg_list = &ledger->send_sges[i * ledger->max_send_sge];
		ledger->sends[i].inline_data = &ledger->inline_data[i * ledger->max_inline];
	}
	for (size_t i = 0; i <= ledger->recv_mask; i++)
		ledger->receives[i].wr.sg_list = &ledger->recv_sges[i * ledger->max_recv_sge];
}

struct hf_ledger *hf_ledger_new(const struct ibv_qp_init_attr *init, uint32_t qpn, uint32_t tag)
{
	const struct ibv_qp_cap *cap = &init->cap;
	struct hf_ledger *ledger;

	if (cap->max_send_wr > HF_LEDGER_MAX_WR || cap->max_recv_wr > HF_LEDGER_MAX_WR)
		return NULL;
	ledger = calloc(1, sizeof(*ledger));
	if (!ledger)
		return NULL;
	ledger->handles = (uint64_t)tag << 32;
	ledger->qpn = qpn;
	ledger->is_shared = init->srq;
	ledger->signals = init->sq_sig_all ? IBV_SEND_SIGNALED : 0;
	ledger->max_send = cap->max_send_wr;
	ledger->max_recv = init->srq ? 0 : cap->max_recv_wr;
	ledger->max_send_sge = cap->max_send_sge ? cap->max_send_sge : 1;
	ledger->max_recv_sge = cap->max_recv_sge ? cap->max_recv_sge : 1;
	ledger->max_inline = cap->max_inline_data;
	ledger->send_mask = ring_size(ledger->max_send) - 1;
	ledger->recv_mask = ring_size(ledger->max_recv) - 1;
	ledger->flushed_from = HF_LEDGER_NONE;
	if (!allocate(ledger)) {
		hf_ledger_free(ledger);
		return NULL;
	}
	lay_out(ledger);
	return ledger;
}

void hf_ledger_free(struct hf_ledger *ledger)
{
	if (!ledger)
		return;
	free(ledger->sends);
	free(ledger->send_sges);
	free(ledger->inline_data);
	free(ledger->receives);
	free(ledger->recv_sges);
	free(ledger);
}

void hf_ledger_forget_errors(struct hf_ledger *ledger)
{
	ledger->is_guarded = ledger->has_failed = ledger->is_drained = false;
	ledger->flushed_from = HF_LEDGER_NONE;
	ledger->send_error.is_there = ledger->recv_error.is_there = false;
}

void hf_ledger_clear(struct hf_ledger *ledger)
{
	hf_ledger_next_epoch(ledger);
	ledger->is_limited = false;
	ledger->send_next = ledger->send_given = ledger->send_posted;
	ledger->recv_next = ledger->recv_given = ledger->recv_posted;
	ledger->sends_settled = ledger->receives_settled = 0;
	ledger->send_first = ledger->send_given;
	ledger->recv_first = ledger->recv_given;
	hf_ledger_forget_errors(ledger);
}

void hf_ledger_begin(struct hf_ledger *ledger, uint32_t first_psn, unsigned int mtu)
{
	ledger->next_psn = first_psn & HF_LEDGER_PSN_MASK;
	ledger->mtu_shift = MTU_SHIFT(mtu);
}

/* --------------------------------------------------------------------------------- handles ---- */

enum hf_ledger_kind hf_ledger_kind_of(uint64_t wr_id)
{
	return wr_id >> HF_LEDGER_KIND_SHIFT & KIND_MASK;
}

uint64_t hf_ledger_marker(const struct hf_ledger *ledger)
{
	return hf_ledger_handle(ledger, HF_LEDGER_MARKER, 0);
}

/* --------------------------------------------------------------------------- posting sends ---- */

int64_t hf_ledger_copy_inline(const struct hf_ledger *ledger, struct hf_ledger_send *send, const struct ibv_send_wr *wr)
{
	uint8_t *to = send->inline_data;
	uint32_t length = 0;

	for (int i = 0; i < wr->num_sge; i++) {
		if (wr->sg_list[i].length > ledger->max_inline - length)
			return -EINVAL;
		memcpy(to + length, (const void *)(uintptr_t)wr->sg_list[i].addr, wr->sg_list[i].length);
		length += wr->sg_list[i].length;
	}
	send->wr.sg_list[0] = (struct ibv_sge){ .addr = (uintptr_t)to, .length = length };
	send->wr.num_sge = wr->num_sge != 0;
	return length;
}

/* Windows are bound to the queue pair and lost with its connection. */
static bool is_lasting(const struct ibv_send_wr *wr)
{
	return wr->opcode == IBV_WR_BIND_MW || wr->opcode == IBV_WR_LOCAL_INV || wr->opcode == IBV_WR_DRIVER1 ||
	       wr->opcode == IBV_WR_TSO;
}

void hf_ledger_copy_special(struct hf_ledger *ledger, struct hf_ledger_send *send, const struct ibv_send_wr *wr)
{
	struct ibv_sge *sges = send->wr.sg_list;

	send->wr = *wr;
	send->wr.sg_list = sges;
	if (is_lasting(wr))
		ledger->is_limited = true;
	if (hf_ledger_is_atomic(wr->opcode))
		ledger->has_atomics = true;
}

uint32_t hf_ledger_packets_of_special(enum ibv_wr_opcode opcode, uint32_t packets_of_data)
{
	switch (opcode) {
	case IBV_WR_LOCAL_INV:
	case IBV_WR_BIND_MW:
		return 0;
	case IBV_WR_ATOMIC_CMP_AND_SWP:
	case IBV_WR_ATOMIC_FETCH_AND_ADD:
	case IBV_WR_ATOMIC_WRITE:
		return 1;
	case IBV_WR_RDMA_WRITE:
	case IBV_WR_RDMA_WRITE_WITH_IMM:
	case IBV_WR_SEND:
	case IBV_WR_SEND_WITH_IMM:
	case IBV_WR_RDMA_READ:
	case IBV_WR_SEND_WITH_INV:
	case IBV_WR_TSO:
	case IBV_WR_DRIVER1:
		break;
	}
	return packets_of_data;
}

static void number_sends(struct hf_ledger *ledger, uint64_t from, uint64_t end)
{
	for (uint64_t number = from; number != end; number++) {
		struct hf_ledger_send *send = hf_ledger_send_at(ledger, number);

		hf_ledger_number_packets(ledger, send, hf_ledger_is_plain(send->wr.opcode), hf_ledger_length(&send->wr));
	}
}

/* Packets of what is staged have been numbered. */
static void take_numbers_back(struct hf_ledger *ledger)
{
	uint64_t posted = atomic_load_explicit(&ledger->send_posted, memory_order_relaxed);

	if (ledger->send_next != posted)
		ledger->next_psn = hf_ledger_send_at(ledger, posted)->psn;
}

void hf_ledger_count_staged(struct hf_ledger *ledger)
{
	take_numbers_back(ledger);
	number_sends(ledger, atomic_load_explicit(&ledger->send_posted, memory_order_relaxed), ledger->send_next);
}

void hf_ledger_drop_sends(struct hf_ledger *ledger)
{
	take_numbers_back(ledger);
	ledger->send_next = atomic_load_explicit(&ledger->send_posted, memory_order_relaxed);
}

void hf_ledger_keep_sends(struct hf_ledger *ledger)
{
	take_numbers_back(ledger);
	atomic_store_explicit(&ledger->send_posted, ledger->send_next, memory_order_release);
}

struct ibv_send_wr *hf_ledger_chain_sends(struct hf_ledger *ledger, uint64_t from, uint64_t end)
{
	for (uint64_t number = from; number + 1 != end; number++)
		hf_ledger_send_at(ledger, number)->wr.next = &hf_ledger_send_at(ledger, number + 1)->wr;
	hf_ledger_send_at(ledger, end - 1)->wr.next = NULL;
	return &hf_ledger_send_at(ledger, from)->wr;
}

struct ibv_send_wr *hf_ledger_give_kept_sends(struct hf_ledger *ledger)
{
	uint64_t end = atomic_load_explicit(&ledger->send_posted, memory_order_relaxed);

	struct ibv_send_wr *head;

	if (ledger->send_given == end)
		return NULL;
	number_sends(ledger, ledger->send_given, end);
	head = hf_ledger_chain_sends(ledger, ledger->send_given, end);
	ledger->send_given = end;
	return head;
}

unsigned int hf_ledger_take_back_sends(struct hf_ledger *ledger, const struct ibv_send_wr *bad)
{
	const struct hf_ledger_send *send =
		(const void *)((const char *)bad - offsetof(struct hf_ledger_send, wr));
	uint64_t end = atomic_load_explicit(&ledger->send_posted, memory_order_relaxed);
	uint64_t behind = (end - (uint64_t)(send - ledger->sends)) & ledger->send_mask;
	uint64_t number = end - (behind ? behind : (uint64_t)ledger->send_mask + 1);

	ledger->next_psn = send->psn;
	atomic_store_explicit(&ledger->send_posted, number, memory_order_release);
	ledger->send_next = ledger->send_given = number;
	return end - number;
}

/* ------------------------------------------------------------------------ posting receives ---- */

struct ibv_recv_wr *hf_ledger_chain_receives(struct hf_ledger *ledger, uint64_t from, uint64_t end)
{
	for (uint64_t number = from; number + 1 != end; number++)
		hf_ledger_receive_at(ledger, number)->wr.next = &hf_ledger_receive_at(ledger, number + 1)->wr;
	hf_ledger_receive_at(ledger, end - 1)->wr.next = NULL;
	return &hf_ledger_receive_at(ledger, from)->wr;
}

unsigned int hf_ledger_take_back_receives(struct hf_ledger *ledger, const struct ibv_recv_wr *bad)
{
	const struct hf_ledger_receive *receive = (const struct hf_ledger_receive *)bad;
	uint64_t end = atomic_load_explicit(&ledger->recv_posted, memory_order_relaxed);
	uint64_t behind = (end - (uint64_t)(receive - ledger->receives)) & ledger->recv_mask;
	uint64_t number = end - (behind ? behind : (uint64_t)ledger->recv_mask + 1);

	atomic_store_explicit(&ledger->recv_posted, number, memory_order_release);
	ledger->recv_next = ledger->recv_given = number;
	return end - number;
}

/* ----------------------------------------------------------------------------- completions ---- */

/* What the other end, or this one, brings about by being frozen. */
static bool is_of_freeze(enum ibv_wc_status status)
{
	return status == IBV_WC_WR_FLUSH_ERR || status == IBV_WC_RETRY_EXC_ERR;
}

static void keep_back(struct hf_ledger *ledger, struct hf_ledger_error *error, uint64_t number,
		      enum ibv_wc_status status, uint32_t vendor_err)
{
	if (!error->is_there)
		*error = (struct hf_ledger_error){ true, number, status, vendor_err };
	if (!is_of_freeze(status))
		ledger->has_failed = true;
}

static enum hf_ledger_verdict complete_send(struct hf_ledger *ledger, uint64_t *wr_id, enum ibv_wc_status status,
					    uint32_t vendor_err)
{
	uint64_t number = hf_ledger_number(*wr_id, atomic_load_explicit(&ledger->send_first, memory_order_relaxed));
	const struct hf_ledger_send *send = hf_ledger_send_at(ledger, number);
	bool is_told;

	if (number >= atomic_load_explicit(&ledger->send_posted, memory_order_acquire))
		return HF_LEDGER_FOREIGN;
	if (status != IBV_WC_SUCCESS && ledger->is_guarded) {
		if (ledger->flushed_from == HF_LEDGER_NONE)
			ledger->flushed_from = number;
		keep_back(ledger, &ledger->send_error, number, status, vendor_err);
		return HF_LEDGER_SWALLOW;
	}
	*wr_id = send->wr_id;
	is_told = send->is_signalled || status != IBV_WC_SUCCESS;
	/* Those before it were not signalled, and have been executed. From here on another thread may use the slots. */
	atomic_store_explicit(&ledger->send_first, number + 1, memory_order_release);
	return is_told ? HF_LEDGER_DELIVER : HF_LEDGER_SWALLOW;
}

static enum hf_ledger_verdict complete_receive(struct hf_ledger *ledger, uint64_t *wr_id, enum ibv_wc_status status,
					       uint32_t vendor_err)
{
	uint64_t number = hf_ledger_number(*wr_id, atomic_load_explicit(&ledger->recv_first, memory_order_relaxed));

	if (number >= atomic_load_explicit(&ledger->recv_posted, memory_order_acquire))
		return HF_LEDGER_FOREIGN;
	if (status != IBV_WC_SUCCESS && ledger->is_guarded) {
		ledger->recv_ended = number + 1;
		keep_back(ledger, &ledger->recv_error, number, status, vendor_err);
		return HF_LEDGER_SWALLOW;
	}
	*wr_id = hf_ledger_receive_at(ledger, number)->wr_id;
	atomic_store_explicit(&ledger->recv_first, number + 1, memory_order_release);
	return HF_LEDGER_DELIVER;
}

enum hf_ledger_verdict hf_ledger_complete_parts(struct hf_ledger *ledger, uint64_t *wr_id, enum ibv_wc_status status,
						uint32_t vendor_err)
{
	if (hf_ledger_tag_of(*wr_id) != hf_ledger_tag(ledger))
		return HF_LEDGER_FOREIGN;
	if (hf_ledger_epoch_of(*wr_id) != hf_ledger_epoch_of(ledger->handles))
		return HF_LEDGER_SWALLOW;
	switch (hf_ledger_kind_of(*wr_id)) {
	case HF_LEDGER_SEND:
		return complete_send(ledger, wr_id, status, vendor_err);
	case HF_LEDGER_RECEIVE:
		return complete_receive(ledger, wr_id, status, vendor_err);
	case HF_LEDGER_SHARED:
		return HF_LEDGER_FOREIGN;
	case HF_LEDGER_MARKER:
		break;
	}
	ledger->is_drained = true;
	return HF_LEDGER_SWALLOW;
}

enum hf_ledger_verdict hf_ledger_complete(struct hf_ledger *ledger, struct ibv_wc *wc)
{
	return hf_ledger_complete_parts(ledger, &wc->wr_id, wc->status, wc->vendor_err);
}

static enum ibv_wc_opcode completed_opcode(enum ibv_wr_opcode opcode)
{
	switch (opcode) {
	case IBV_WR_RDMA_WRITE:
	case IBV_WR_RDMA_WRITE_WITH_IMM:
		return IBV_WC_RDMA_WRITE;
	case IBV_WR_RDMA_READ:
		return IBV_WC_RDMA_READ;
	case IBV_WR_ATOMIC_CMP_AND_SWP:
		return IBV_WC_COMP_SWAP;
	case IBV_WR_ATOMIC_FETCH_AND_ADD:
		return IBV_WC_FETCH_ADD;
	case IBV_WR_LOCAL_INV:
		return IBV_WC_LOCAL_INV;
	case IBV_WR_BIND_MW:
		return IBV_WC_BIND_MW;
	case IBV_WR_TSO:
		return IBV_WC_TSO;
	case IBV_WR_ATOMIC_WRITE:
		return IBV_WC_ATOMIC_WRITE;
	case IBV_WR_SEND:
	case IBV_WR_SEND_WITH_IMM:
	case IBV_WR_SEND_WITH_INV:
	case IBV_WR_DRIVER1:
		break;
	}
	return IBV_WC_SEND;
}

static void make_up(const struct hf_ledger *ledger, uint64_t wr_id, enum hf_ledger_fate fate,
		    const struct hf_ledger_error *error, uint64_t number, struct ibv_wc *ret_wc)
{
	*ret_wc = (struct ibv_wc){ .wr_id = wr_id, .qp_num = ledger->qpn };
	if (fate == HF_LEDGER_SUCCESS)
		return;
	ret_wc->status = IBV_WC_WR_FLUSH_ERR;
	if (error->is_there && error->number == number) {
		ret_wc->status = error->status;
		ret_wc->vendor_err = error->vendor_err;
	}
}

static bool next_settled_send(struct hf_ledger *ledger, struct ibv_wc *ret_wc)
{
	uint64_t number = atomic_load_explicit(&ledger->send_first, memory_order_relaxed);

	for (; number < atomic_load_explicit(&ledger->send_posted, memory_order_acquire); number++) {
		const struct hf_ledger_send *send = hf_ledger_send_at(ledger, number);
		bool is_told = send->is_signalled || send->fate == HF_LEDGER_ERROR;

		if (!hf_ledger_is_settled(send->fate))
			return false;
		make_up(ledger, send->wr_id, send->fate, &ledger->send_error, number, ret_wc);
		ret_wc->opcode = completed_opcode(send->wr.opcode);
		ledger->sends_settled--;
		atomic_store_explicit(&ledger->send_first, number + 1, memory_order_release);
		if (is_told)
			return true;
	}
	return false;
}

static bool next_settled_receive(struct hf_ledger *ledger, struct ibv_wc *ret_wc)
{
	uint64_t number = atomic_load_explicit(&ledger->recv_first, memory_order_relaxed);
	const struct hf_ledger_receive *receive = hf_ledger_receive_at(ledger, number);

	if (number >= atomic_load_explicit(&ledger->recv_posted, memory_order_acquire) || !hf_ledger_is_settled(receive->fate))
		return false;
	make_up(ledger, receive->wr_id, receive->fate, &ledger->recv_error, number, ret_wc);
	ret_wc->opcode = IBV_WC_RECV;
	ledger->receives_settled--;
	atomic_store_explicit(&ledger->recv_first, number + 1, memory_order_release);
	return true;
}

bool hf_ledger_next_settled(struct hf_ledger *ledger, enum hf_ledger_kind kind, struct ibv_wc *ret_wc)
{
	return kind == HF_LEDGER_RECEIVE ? next_settled_receive(ledger, ret_wc) : next_settled_send(ledger, ret_wc);
}
