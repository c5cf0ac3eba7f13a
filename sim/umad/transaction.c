/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/umad/transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/umad/mad.h"

#define NSEC_PER_MSEC UINT64_C(1000000)

_Static_assert(sizeof(struct hf_transaction_key) == 16, "hashed as bytes, so it must have no holes");

void hf_transaction_table_init(struct hf_transaction_table *table)
{
	*table = (struct hf_transaction_table){ .not_before_ns = UINT64_MAX };
}

static struct hf_transaction_key make_key(const uint8_t *mad, bool is_response, uint16_t dlid)
{
	struct hf_mad_hdr hdr = hf_mad_header(mad);
	struct hf_transaction_key key = {
		.tid = be64toh(hdr.tid),
		.mgmt_class = hdr.mgmt_class,
		.is_response = is_response,
	};

	if (is_response)
		key.dlid = dlid;
	else
		key.tid &= ~HF_TID_SLOT_MASK;
	return key;
}

static struct hf_transaction *find(const struct hf_transaction_table *table, const struct hf_transaction_key *key)
{
	struct hf_transaction *found;

	HASH_FIND(hh, table->by_key, key, sizeof(*key), found);
	return found;
}

static void set_deadline(struct hf_transaction_table *table, struct hf_transaction *transaction, uint64_t deadline_ns)
{
	transaction->deadline_ns = deadline_ns;
	if (deadline_ns < table->not_before_ns)
		table->not_before_ns = deadline_ns;
}

int hf_transaction_add(struct hf_transaction_table *table, struct hf_agent *agent, const struct ib_user_mad_hdr *hdr,
		       const uint8_t *mad, size_t len, bool is_rmpp, uint64_t now_ns,
		       struct hf_transaction **ret_transaction)
{
	struct hf_transaction_key key = make_key(mad, hf_mad_is_response(mad), be16toh(hdr->lid));
	struct hf_transaction *transaction;

	if (find(table, &key))
		return -EINVAL;
	transaction = calloc(1, sizeof(*transaction));
	if (!transaction)
		return -ENOMEM;
	transaction->key = key;
	transaction->agent = agent;
	transaction->is_rmpp = is_rmpp;
	transaction->timeout_ns = hdr->timeout_ms * NSEC_PER_MSEC;
	transaction->retries_left = hdr->retries;
	transaction->hdr = *hdr;
	memcpy(transaction->mad, mad, len < HF_MAD_SIZE ? len : HF_MAD_SIZE);
	set_deadline(table, transaction, is_rmpp ? UINT64_MAX : now_ns + transaction->timeout_ns);
	HASH_ADD(hh, table->by_key, key, sizeof(transaction->key), transaction);
	*ret_transaction = transaction;
	return 0;
}

void hf_transaction_remove(struct hf_transaction_table *table, struct hf_transaction *transaction)
{
	HASH_DELETE(hh, table->by_key, transaction);
	free(transaction);
}

struct hf_transaction *hf_transaction_answered_by(const struct hf_transaction_table *table, const uint8_t *mad)
{
	struct hf_transaction_key key = make_key(mad, false, 0);

	return find(table, &key);
}

struct hf_transaction *hf_transaction_next_due(struct hf_transaction_table *table, uint64_t now_ns)
{
	struct hf_transaction *transaction, *next;
	uint64_t earliest_ns = UINT64_MAX;

	if (now_ns < table->not_before_ns)
		return NULL;
	HASH_ITER(hh, table->by_key, transaction, next) {
		if (transaction->deadline_ns <= now_ns)
			return transaction;
		if (transaction->deadline_ns < earliest_ns)
			earliest_ns = transaction->deadline_ns;
	}
	table->not_before_ns = earliest_ns;
	return NULL;
}

bool hf_transaction_try_again(struct hf_transaction_table *table, struct hf_transaction *transaction, uint64_t now_ns)
{
	if (transaction->retries_left == 0)
		return false;
	transaction->retries_left--;
	set_deadline(table, transaction, now_ns + transaction->timeout_ns);
	return true;
}

uint64_t hf_transaction_deadline_ns(const struct hf_transaction_table *table)
{
	return table->not_before_ns;
}
