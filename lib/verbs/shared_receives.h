/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The record of a shared receive queue: its requests stay posted while a queue pair that uses it is reset, but the one
 * that a message was going into comes back flushed, and is posted once more. Any queue pair takes any of them, so that
 * slots are given and taken in no order.
 */
#ifndef HF_LIB_VERBS_SHARED_RECEIVES_H
#define HF_LIB_VERBS_SHARED_RECEIVES_H

#include <infiniband/verbs.h>
#include <stdatomic.h>
#include <stdint.h>

#include "lib/verbs/ledger.h"

struct hf_srq;

/* A queue was created. @salt: upper half of the tags of handles. Without memory it stays unknown. */
void hf_srq_add(struct ibv_srq *ibv, const struct ibv_srq_attr *attr, uint32_t salt,
		int (*post)(struct ibv_srq *srq, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr));

/* It was destroyed. */
void hf_srq_remove(const struct ibv_srq *ibv);

/* What is known of it; NULL: nothing. Takes no lock. */
struct hf_srq *hf_srq_find(const struct ibv_srq *ibv);

int hf_srq_post(struct hf_srq *srq, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr);

/* While there are guards, what comes back flushed is posted again and not told. Of a queue pair that is reset. */
void hf_srq_guard(struct hf_srq *srq);
void hf_srq_unguard(struct hf_srq *srq);

/* A completion with a handle of kind HF_LEDGER_SHARED. */
enum hf_ledger_verdict hf_srq_complete(uint64_t *wr_id, enum ibv_wc_status status);

#endif
