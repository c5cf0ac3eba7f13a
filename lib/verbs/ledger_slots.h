/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The slots of a ledger's rings, for its two sources. */
#ifndef HF_LIB_VERBS_LEDGER_SLOTS_H
#define HF_LIB_VERBS_LEDGER_SLOTS_H

#include "lib/verbs/ledger.h"

#define HF_LEDGER_KIND_SHIFT	30
#define HF_LEDGER_EPOCH_SHIFT	HF_LEDGER_NUMBER_BITS
#define HF_LEDGER_EPOCH_MASK	((1u << (HF_LEDGER_KIND_SHIFT - HF_LEDGER_EPOCH_SHIFT)) - 1)
#define HF_LEDGER_NUMBER_MASK	((1u << HF_LEDGER_NUMBER_BITS) - 1)

static inline uint64_t hf_ledger_handle(const struct hf_ledger *ledger, enum hf_ledger_kind kind, uint64_t number)
{
	return ledger->handles | (uint32_t)kind << HF_LEDGER_KIND_SHIFT | (number & HF_LEDGER_NUMBER_MASK);
}

static inline uint32_t hf_ledger_epoch_of(uint64_t handle)
{
	return handle >> HF_LEDGER_EPOCH_SHIFT & HF_LEDGER_EPOCH_MASK;
}

static inline void hf_ledger_next_epoch(struct hf_ledger *ledger)
{
	uint32_t epoch = (hf_ledger_epoch_of(ledger->handles) + 1) & HF_LEDGER_EPOCH_MASK;

	ledger->handles = (uint64_t)hf_ledger_tag(ledger) << 32 | epoch << HF_LEDGER_EPOCH_SHIFT;
}

/* The number of which a handle has the lower bits: the first with them from @first on. */
static inline uint64_t hf_ledger_number(uint64_t handle, uint64_t first)
{
	return first + ((handle - first) & HF_LEDGER_NUMBER_MASK);
}

static inline struct hf_ledger_send *hf_ledger_send_at(const struct hf_ledger *ledger, uint64_t number)
{
	return &ledger->sends[number & ledger->send_mask];
}

static inline struct hf_ledger_receive *hf_ledger_receive_at(const struct hf_ledger *ledger, uint64_t number)
{
	return &ledger->receives[number & ledger->recv_mask];
}

static inline bool hf_ledger_is_atomic(enum ibv_wr_opcode opcode)
{
	return opcode == IBV_WR_ATOMIC_CMP_AND_SWP || opcode == IBV_WR_ATOMIC_FETCH_AND_ADD;
}

static inline bool hf_ledger_is_settled(enum hf_ledger_fate fate)
{
	return fate == HF_LEDGER_SUCCESS || fate == HF_LEDGER_ERROR;
}

/* Only data to send or to fetch: the first opcodes. */
static inline bool hf_ledger_is_plain(enum ibv_wr_opcode opcode)
{
	return opcode <= IBV_WR_RDMA_READ;
}

static inline uint64_t hf_ledger_length(const struct ibv_send_wr *wr)
{
	uint64_t length = 0;

	for (int i = 0; i < wr->num_sge; i++)
		length += wr->sg_list[i].length;
	return length;
}

/* How many a request is that is not plain. */
uint32_t hf_ledger_packets_of_special(enum ibv_wr_opcode opcode, uint32_t packets_of_data);

/* The next packet sequence numbers are those of this request, with so many bytes. */
static inline void hf_ledger_number_packets(struct hf_ledger *ledger, struct hf_ledger_send *send, bool is_plain,
					    uint64_t length)
{
	uint32_t packets = ((length - (length != 0)) >> ledger->mtu_shift) + 1;

	if (!is_plain)
		packets = hf_ledger_packets_of_special(send->wr.opcode, packets);
	send->psn = ledger->next_psn;
	send->packets = packets;
	ledger->next_psn = (send->psn + packets) & HF_LEDGER_PSN_MASK;
}

/* Nothing is kept back. */
void hf_ledger_forget_errors(struct hf_ledger *ledger);

#endif
