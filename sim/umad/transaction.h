/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What the programs of one port have sent and not finished: requests that wait for their response, and everything that
 * the RMPP engine is sending. Pure: no I/O, no locks, no clock.
 */
#ifndef HF_SIM_UMAD_TRANSACTION_H
#define HF_SIM_UMAD_TRANSACTION_H

#include <rdma/ib_user_mad.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "lib/wire.h"

struct hf_agent;

/* Two transactions with the same key must not be under way at once, as the kernel's is_duplicate() has it. */
struct hf_transaction_key {
	uint64_t tid; /* without ibsim's slot in those of requests, which is not known when they are sent */
	uint16_t dlid; /* of responses; 0 for requests */
	uint8_t mgmt_class;
	bool is_response;
	uint32_t pad;
};

struct hf_transaction {
	struct hf_transaction_key key;
	struct hf_agent *agent; /* borrowed */
	bool is_rmpp; /* timers and segments are the RMPP engine's */
	uint64_t deadline_ns; /* of this try; UINT64_MAX if @is_rmpp */
	uint64_t timeout_ns;
	uint32_t retries_left;
	struct ib_user_mad_hdr hdr; /* as the program handed it in */
	uint8_t mad[HF_MAD_SIZE]; /* as it went out; if @is_rmpp only its common header counts */
	UT_hash_handle hh;
};

struct hf_transaction_table {
	struct hf_transaction *by_key;
	uint64_t not_before_ns; /* no deadline lies before this one */
};

void hf_transaction_table_init(struct hf_transaction_table *table);

/**
 * hf_transaction_add() - begin a transaction
 * @table:           table
 * @agent:           who sends; borrowed until the transaction is removed
 * @hdr:             copied; its timeout_ms and retries count unless @is_rmpp
 * @mad:             the MAD as it goes out; its first @len, at most 256 bytes are copied
 * @len:             bytes at @mad, at least 36
 * @is_rmpp:         left to the RMPP engine
 * @now_ns:          the time
 * @ret_transaction: in the table; ends with hf_transaction_remove()
 *
 * Return: 0; -EINVAL if one with this key is under way; -ENOMEM.
 */
int hf_transaction_add(struct hf_transaction_table *table, struct hf_agent *agent, const struct ib_user_mad_hdr *hdr,
		       const uint8_t *mad, size_t len, bool is_rmpp, uint64_t now_ns,
		       struct hf_transaction **ret_transaction);

/** hf_transaction_remove() - end a transaction and free it. */
void hf_transaction_remove(struct hf_transaction_table *table, struct hf_transaction *transaction);

/** hf_transaction_answered_by() - the request that a response answers, NULL if none waits for it. */
struct hf_transaction *hf_transaction_answered_by(const struct hf_transaction_table *table, const uint8_t *mad);

/**
 * hf_transaction_next_due() - a transaction whose deadline has come
 * @table:  table
 * @now_ns: the time
 *
 * The caller sends it again and calls hf_transaction_try_again(), or removes it; then it asks for the next one.
 *
 * Return: a transaction or NULL.
 */
struct hf_transaction *hf_transaction_next_due(struct hf_transaction_table *table, uint64_t now_ns);

/** hf_transaction_try_again() - count a retry; false, and no other change, if none is left. */
bool hf_transaction_try_again(struct hf_transaction_table *table, struct hf_transaction *transaction, uint64_t now_ns);

/**
 * hf_transaction_deadline_ns() - when to call hf_transaction_next_due()
 * @table: table
 *
 * Return: a time that is not after the first deadline, but may be before it; UINT64_MAX if there is none. Cost: O(1).
 */
uint64_t hf_transaction_deadline_ns(const struct hf_transaction_table *table);

#endif
