/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/path_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/gid.h"
#include "lib/hash.h"

#define LID_COUNT (HF_DELTA_MAX + 1)	/* the unicast LIDs, and 0 */

struct entry {
	struct hf_path path;
	uint64_t table;		/* number of the last table that has it */
	bool not_added;
	UT_hash_handle hh;	/* by path.dgid */
};

struct hf_path_cache {
	struct entry *entries;
	uint64_t table;
	struct hf_path_origin origin;		/* of the delta that is being taken */
	struct entry *by_lid[LID_COUNT];	/* whose LID it is; NULL for nobody's */
};

bool hf_path_differs(const struct hf_path *a, const struct hf_path *b)
{
	return a->dlid != b->dlid || a->slid != b->slid || a->pkey != b->pkey || a->sl != b->sl || a->mtu != b->mtu ||
	       a->rate != b->rate || a->pkt_life != b->pkt_life;
}

int hf_path_cache_new(struct hf_path_cache **ret_cache)
{
	struct hf_path_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	*ret_cache = cache;
	return 0;
}

void hf_path_cache_free(struct hf_path_cache *cache)
{
	struct entry *entry, *next;

	if (!cache)
		return;
	HASH_ITER(hh, cache->entries, entry, next) {
		HASH_DEL(cache->entries, entry);
		free(entry);
	}
	free(cache);
}

static struct entry *find_entry(const struct hf_path_cache *cache, const union hf_gid *dgid)
{
	struct entry *entry;

	HASH_FIND(hh, cache->entries, dgid, sizeof(*dgid), entry);
	return entry;
}

const struct hf_path *hf_path_cache_find(const struct hf_path_cache *cache, const union hf_gid *dgid)
{
	const struct entry *entry = find_entry(cache, dgid);

	return entry ? &entry->path : NULL;
}

static int add_entry(struct hf_path_cache *cache, const union hf_gid *dgid, struct entry **ret_entry)
{
	struct entry *entry;

	if (HASH_COUNT(cache->entries) >= HF_PATH_CACHE_MAX)
		return -ENOSPC;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->path.dgid = *dgid;
	HASH_ADD(hh, cache->entries, path.dgid, sizeof(entry->path.dgid), entry);
	if (entry->not_added) {
		free(entry);
		return -ENOMEM;
	}
	*ret_entry = entry;
	return 0;
}

static bool is_unicast(uint16_t lid)
{
	return lid > 0 && lid < LID_COUNT;
}

/* Its LID may be another's by now. */
static void drop_lid(struct hf_path_cache *cache, const struct entry *entry)
{
	uint16_t lid = entry->path.dlid;

	if (is_unicast(lid) && cache->by_lid[lid] == entry)
		cache->by_lid[lid] = NULL;
}

static void set_lid(struct hf_path_cache *cache, struct entry *entry, uint16_t lid)
{
	drop_lid(cache, entry);
	entry->path.dlid = lid;
	if (is_unicast(lid))
		cache->by_lid[lid] = entry;
}

static int find_or_add_entry(struct hf_path_cache *cache, const union hf_gid *dgid, struct entry **ret_entry)
{
	struct entry *entry = find_entry(cache, dgid);

	if (!entry)
		return add_entry(cache, dgid, ret_entry);
	*ret_entry = entry;
	return 0;
}

static int set_path(struct hf_path_cache *cache, struct entry *entry, const struct hf_path_record *record)
{
	union hf_gid dgid = record->dgid;

	if (!entry) {
		int err = add_entry(cache, &dgid, &entry);

		if (err)
			return err;
	}
	entry->table = cache->table;
	set_lid(cache, entry, be16toh(record->dlid));
	entry->path = (struct hf_path){
		.dgid = dgid,
		.dlid = be16toh(record->dlid),
		.slid = be16toh(record->slid),
		.pkey = be16toh(record->pkey),
		.sl = hf_path_record_sl(record),
		.mtu = hf_path_record_mtu(record),
		.rate = hf_path_record_rate(record),
		.pkt_life = hf_path_record_pkt_life(record),
		.reachable = true,
	};
	return 0;
}

void hf_path_cache_begin_table(struct hf_path_cache *cache)
{
	cache->table++;
	memset(cache->by_lid, 0, sizeof(cache->by_lid));
}

int hf_path_cache_put(struct hf_path_cache *cache, const struct hf_path_record *record)
{
	union hf_gid dgid = record->dgid;
	struct entry *entry = find_entry(cache, &dgid);

	if (entry && entry->table == cache->table)
		return 0;
	return set_path(cache, entry, record);
}

int hf_path_cache_update(struct hf_path_cache *cache, const struct hf_path_record *record)
{
	union hf_gid dgid = record->dgid;

	return set_path(cache, find_entry(cache, &dgid), record);
}

size_t hf_path_cache_end_table(struct hf_path_cache *cache)
{
	size_t lost = 0;

	for (struct entry *entry = cache->entries; entry; entry = entry->hh.next) {
		if (entry->table == cache->table || !entry->path.reachable)
			continue;
		entry->path.reachable = false;
		lost++;
	}
	return lost;
}

void hf_path_cache_begin_delta(struct hf_path_cache *cache, const struct hf_path_origin *origin, bool is_whole)
{
	cache->origin = *origin;
	if (is_whole)
		hf_path_cache_begin_table(cache);
}

static union hf_gid delta_gid(const struct hf_path_cache *cache, uint64_t guid)
{
	return (union hf_gid){ .prefix = htobe64(cache->origin.subnet_prefix), .guid = htobe64(guid) };
}

const struct hf_path *hf_path_cache_lose_guid(struct hf_path_cache *cache, uint64_t guid)
{
	union hf_gid dgid = delta_gid(cache, guid);
	struct entry *entry = find_entry(cache, &dgid);

	if (!entry || !entry->path.reachable)
		return NULL;
	entry->path.reachable = false;
	return &entry->path;
}

int hf_path_cache_name(struct hf_path_cache *cache, uint64_t guid, uint16_t lid)
{
	union hf_gid dgid = delta_gid(cache, guid);
	struct entry *entry;
	int err = find_or_add_entry(cache, &dgid, &entry);

	if (err)
		return err;
	set_lid(cache, entry, lid);
	return 0;
}

int hf_path_cache_set(struct hf_path_cache *cache, uint16_t lid, const struct hf_delta_terms *terms)
{
	struct entry *entry = is_unicast(lid) ? cache->by_lid[lid] : NULL;

	if (!entry)
		return -ENOENT;
	entry->table = cache->table;
	entry->path.slid = cache->origin.slid;
	entry->path.pkey = terms->pkey;
	entry->path.sl = terms->sl;
	entry->path.mtu = terms->mtu;
	entry->path.rate = terms->rate;
	entry->path.pkt_life = terms->pkt_life;
	entry->path.reachable = true;
	return 0;
}

const struct hf_path *hf_path_cache_find_lid(const struct hf_path_cache *cache, uint16_t lid)
{
	return is_unicast(lid) && cache->by_lid[lid] ? &cache->by_lid[lid]->path : NULL;
}

static bool is_selected(const struct hf_path *path, uint64_t comp_mask, const struct hf_path_record *record)
{
	union hf_gid dgid = record->dgid;

	return !((comp_mask & HF_PR_COMP_DGID && !hf_gid_is_equal(&path->dgid, &dgid)) ||
		 (comp_mask & HF_PR_COMP_DLID && path->dlid != be16toh(record->dlid)) ||
		 (comp_mask & HF_PR_COMP_SLID && path->slid != be16toh(record->slid)) ||
		 (comp_mask & HF_PR_COMP_PKEY && path->pkey != be16toh(record->pkey)));
}

size_t hf_path_cache_lose(struct hf_path_cache *cache, uint64_t comp_mask, const struct hf_path_record *record)
{
	size_t lost = 0;

	for (struct entry *entry = cache->entries; entry; entry = entry->hh.next) {
		if (!entry->path.reachable || !is_selected(&entry->path, comp_mask, record))
			continue;
		entry->path.reachable = false;
		lost++;
	}
	return lost;
}

size_t hf_path_cache_count(const struct hf_path_cache *cache)
{
	return HASH_COUNT(cache->entries);
}

void hf_path_cache_for_each(const struct hf_path_cache *cache, void (*visit)(void *ctx, const struct hf_path *path),
			    void *ctx)
{
	for (const struct entry *entry = cache->entries; entry; entry = entry->hh.next)
		visit(ctx, &entry->path);
}
