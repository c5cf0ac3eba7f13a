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
	return (uint64_t)ledger->tag << 32 | (uint32_t)kind << HF_LEDGER_KIND_SHIFT |
	       (ledger->epoch & HF_LEDGER_EPOCH_MASK) << HF_LEDGER_EPOCH_SHIFT | (number & HF_LEDGER_NUMBER_MASK);
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

/* The next packet sequence numbers are those of this request. */
void hf_ledger_number_packets(struct hf_ledger *ledger, struct hf_ledger_send *send);

/* Nothing is kept back. */
void hf_ledger_forget_errors(struct hf_ledger *ledger);

#endif
