/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/sma/store.h"

#include <stdlib.h>

_Static_assert(sizeof(struct hf_sma_key) == 16, "hashed as bytes, so it must have no holes");

void hf_sma_store_fini(struct hf_sma_store *store)
{
	struct hf_sma_record *record, *next;

	HASH_ITER(hh, store->by_key, record, next)
		hf_sma_store_remove(store, record);
}

struct hf_sma_record *hf_sma_store_find(const struct hf_sma_store *store, uint64_t node_guid, unsigned int port)
{
	struct hf_sma_key key = { .node_guid = node_guid, .port = port };
	struct hf_sma_record *record;

	HASH_FIND(hh, store->by_key, &key, sizeof(key), record);
	return record;
}

struct hf_sma_record *hf_sma_store_add(struct hf_sma_store *store, uint64_t node_guid, unsigned int port,
				       unsigned int port_count)
{
	struct hf_sma_record *record = hf_sma_store_find(store, node_guid, port);

	if (record && record->port_count >= port_count)
		return record;
	if (record)
		hf_sma_store_remove(store, record);
	record = calloc(1, sizeof(*record) + port_count * sizeof(record->ports[0]));
	if (!record)
		return NULL;
	record->key = (struct hf_sma_key){ .node_guid = node_guid, .port = port };
	record->port_count = port_count;
	HASH_ADD(hh, store->by_key, key, sizeof(record->key), record);
	if (!record->not_added)
		return record;
	free(record);
	return NULL;
}

void hf_sma_store_remove(struct hf_sma_store *store, struct hf_sma_record *record)
{
	HASH_DELETE(hh, store->by_key, record);
	free(record);
}
