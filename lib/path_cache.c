/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/path_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/gid.h"
#include "lib/hash.h"

#define LID_COUNT (HF_DELTA_MAX + 1)	/* the unicast LIDs, and 0 */

struct entry {
	struct hf_path path;
	uint64_t table;		/* number of the last table that has it */
	bool not_added;
	uint32_t site;		/* HF_SITE_UNKNOWN: in no list */
	LIST_ENTRY(entry) beside;	/* at the same switch */
	UT_hash_handle hh;	/* by path.dgid */
};

/* What is known to be at a switch; and, while a delta is taken, what it says of the path to that. */
struct at_switch {
	LIST_HEAD(, entry) entries;
	bool is_told[2];			/* of what hangs at it, of its own port */
	struct hf_delta_terms terms[2];
};

struct hf_path_cache {
	struct entry *entries;
	uint64_t table;
	struct hf_path_origin origin;		/* of the delta that is being taken */
	struct entry *by_lid[LID_COUNT];	/* whose LID it is; NULL for nobody's */
	struct at_switch **switches;		/* by number; NULL where nothing is known */
	uint32_t n_switches;
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
	for (uint32_t i = 0; i < cache->n_switches; i++)
		free(cache->switches[i]);
	free(cache->switches);
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

static int grow_switches(struct hf_path_cache *cache, uint32_t number)
{
	uint32_t n_switches = 2 * cache->n_switches > number ? 2 * cache->n_switches : number + 1;
	struct at_switch **grown = realloc(cache->switches, n_switches * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	memset(grown + cache->n_switches, 0, (n_switches - cache->n_switches) * sizeof(*grown));
	cache->switches = grown;
	cache->n_switches = n_switches;
	return 0;
}

static int find_or_add_switch(struct hf_path_cache *cache, uint32_t number, struct at_switch **ret_switch)
{
	if (number >= cache->n_switches && grow_switches(cache, number))
		return -ENOMEM;
	if (!cache->switches[number])
		cache->switches[number] = calloc(1, sizeof(*cache->switches[number]));
	*ret_switch = cache->switches[number];
	return *ret_switch ? 0 : -ENOMEM;
}

static void forget_site(struct entry *entry)
{
	if (entry->site != HF_SITE_UNKNOWN)
		LIST_REMOVE(entry, beside);
	entry->site = HF_SITE_UNKNOWN;
}

static int set_site(struct hf_path_cache *cache, struct entry *entry, uint32_t site)
{
	struct at_switch *at;

	if (entry->site == site)
		return 0;
	forget_site(entry);
	if (site == HF_SITE_UNKNOWN)
		return 0;
	if (find_or_add_switch(cache, hf_site_switch(site), &at))
		return -ENOMEM;
	entry->site = site;
	LIST_INSERT_HEAD(&at->entries, entry, beside);
	return 0;
}

/* No path leads there any more. */
static void lose_entry(struct entry *entry)
{
	entry->path.reachable = false;
	forget_site(entry);
}

static int find_or_add_entry(struct hf_path_cache *cache, const union hf_gid *dgid, struct entry **ret_entry)
{
	struct entry *entry = find_entry(cache, dgid);

	if (!entry)
		return add_entry(cache, dgid, ret_entry);
	*ret_entry = entry;
	return 0;
}

static int set_path(struct hf_path_cache *cache, struct entry *entry, const struct hf_path_record *record,
		    uint32_t site)
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
	return set_site(cache, entry, site);
}

void hf_path_cache_begin_table(struct hf_path_cache *cache)
{
	cache->table++;
	memset(cache->by_lid, 0, sizeof(cache->by_lid));
	for (struct entry *entry = cache->entries; entry; entry = entry->hh.next)
		forget_site(entry);
}

int hf_path_cache_put(struct hf_path_cache *cache, const struct hf_path_record *record)
{
	union hf_gid dgid = record->dgid;
	struct entry *entry = find_entry(cache, &dgid);

	if (entry && entry->table == cache->table)
		return 0;
	return set_path(cache, entry, record, HF_SITE_UNKNOWN);
}

int hf_path_cache_update(struct hf_path_cache *cache, const struct hf_path_record *record, uint32_t site)
{
	union hf_gid dgid = record->dgid;

	return set_path(cache, find_entry(cache, &dgid), record, site);
}

size_t hf_path_cache_end_table(struct hf_path_cache *cache)
{
	size_t lost = 0;

	for (struct entry *entry = cache->entries; entry; entry = entry->hh.next) {
		if (entry->table == cache->table || !entry->path.reachable)
			continue;
		lose_entry(entry);
		lost++;
	}
	return lost;
}

void hf_path_cache_begin_delta(struct hf_path_cache *cache, const struct hf_path_origin *origin, bool is_whole)
{
	cache->origin = *origin;
	for (uint32_t i = 0; i < cache->n_switches; i++)
		if (cache->switches[i])
			cache->switches[i]->is_told[false] = cache->switches[i]->is_told[true] = false;
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
	bool was_reachable = entry && entry->path.reachable;

	if (entry)
		lose_entry(entry);
	return was_reachable ? &entry->path : NULL;
}

int hf_path_cache_name(struct hf_path_cache *cache, uint64_t guid, uint16_t lid, uint32_t site)
{
	union hf_gid dgid = delta_gid(cache, guid);
	struct entry *entry;
	int err = find_or_add_entry(cache, &dgid, &entry);

	if (err)
		return err;
	set_lid(cache, entry, lid);
	return set_site(cache, entry, site);
}

static void set_terms(struct hf_path_cache *cache, struct entry *entry, const struct hf_delta_terms *terms)
{
	entry->table = cache->table;
	entry->path.slid = cache->origin.slid;
	entry->path.pkey = terms->pkey;
	entry->path.sl = terms->sl;
	entry->path.mtu = terms->mtu;
	entry->path.rate = terms->rate;
	entry->path.pkt_life = terms->pkt_life;
	entry->path.reachable = true;
}

int hf_path_cache_set(struct hf_path_cache *cache, uint16_t lid, const struct hf_delta_terms *terms)
{
	struct entry *entry = is_unicast(lid) ? cache->by_lid[lid] : NULL;

	if (!entry)
		return -ENOENT;
	set_terms(cache, entry, terms);
	return 0;
}

int hf_path_cache_add_site(struct hf_path_cache *cache, uint32_t site, const struct hf_delta_terms *terms)
{
	bool is_own_port = hf_site_is_own_port(site);
	struct at_switch *at;

	if (find_or_add_switch(cache, hf_site_switch(site), &at))
		return -ENOMEM;
	at->is_told[is_own_port] = true;
	at->terms[is_own_port] = *terms;
	return 0;
}

/* The terms of the path to it that the delta told by its site; NULL for none. */
static const struct hf_delta_terms *told_terms(const struct hf_path_cache *cache, const struct entry *entry)
{
	const struct at_switch *at = cache->switches[hf_site_switch(entry->site)];
	bool is_own_port = hf_site_is_own_port(entry->site);

	return at->is_told[is_own_port] ? &at->terms[is_own_port] : NULL;
}

/* Where a walk over the destinations that a delta told by their sites stands; starts zeroed. */
struct told_cursor {
	uint32_t next_switch;
	struct entry *entry;
};

static struct entry *next_told(const struct hf_path_cache *cache, struct told_cursor *cursor)
{
	do {
		cursor->entry = cursor->entry ? LIST_NEXT(cursor->entry, beside) : NULL;
		while (!cursor->entry && cursor->next_switch < cache->n_switches) {
			const struct at_switch *at = cache->switches[cursor->next_switch++];

			cursor->entry = at ? LIST_FIRST(&at->entries) : NULL;
		}
	} while (cursor->entry && !told_terms(cache, cursor->entry));
	return cursor->entry;
}

static bool covers(const struct hf_path_cache *cache, uint32_t count, uint32_t sum)
{
	struct told_cursor cursor = { 0 };
	const struct entry *entry;

	while ((entry = next_told(cache, &cursor))) {
		count--;
		sum -= hf_site_sum(entry->site, entry->path.dlid);
	}
	return count == 0 && sum == 0;
}

int hf_path_cache_set_sites(struct hf_path_cache *cache, uint32_t count, uint32_t sum,
			    void (*set)(void *ctx, const struct hf_path *path), void *ctx)
{
	struct told_cursor cursor = { 0 };
	struct entry *entry;

	if (!covers(cache, count, sum))
		return -ESTALE;
	while ((entry = next_told(cache, &cursor))) {
		set_terms(cache, entry, told_terms(cache, entry));
		set(ctx, &entry->path);
	}
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
		lose_entry(entry);
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
