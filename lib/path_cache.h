/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The paths of one port as the SM says they are now, by destination GID. The cache knows nothing of connections: the
 * reconciler compares it with what each of them uses.
 *
 * Deltas (doc/protocol.md) name a destination by its LID. Whatever comes in says whose a LID is: a record, or the names
 * of a delta. A LID is that destination's that had it last, be it reachable or not; with a whole table all LIDs are
 * forgotten but its own. A delta also names all destinations at a site: these are the ones that were named with it
 * and have not been lost since.
 */
#ifndef HF_LIB_PATH_CACHE_H
#define HF_LIB_PATH_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/delta.h"
#include "lib/wire.h"

#define HF_PATH_CACHE_MAX 65536	/* more destinations than a subnet has LIDs */

/* Host order; MTU, rate and packet life in the IBA's codes, without selectors. */
struct hf_path {
	union hf_gid dgid;
	uint16_t dlid;
	uint16_t slid;
	uint16_t pkey;
	uint8_t sl;
	uint8_t mtu;
	uint8_t rate;
	uint8_t pkt_life;
	bool reachable;
};

/* Whether a connection that uses @a must be changed to use @b: DLID, SLID, P_Key, SL, MTU, rate, packet life. */
bool hf_path_differs(const struct hf_path *a, const struct hf_path *b);

struct hf_path_cache;

/* Return: 0; -ENOMEM. */
int hf_path_cache_new(struct hf_path_cache **ret_cache);

/* @cache may be NULL. */
void hf_path_cache_free(struct hf_path_cache *cache);

/* Return: the path, owned by the cache and valid until its next change; NULL where the SM named none yet. */
const struct hf_path *hf_path_cache_find(const struct hf_path_cache *cache, const union hf_gid *dgid);

/**
 * hf_path_cache_begin_table() - a whole table of this port's paths follows
 * @cache: the cache
 *
 * Each record goes to hf_path_cache_put(); hf_path_cache_end_table() then makes every path unreachable that was not
 * among them. Where a table has several records for a destination (LMC, partitions), the first counts.
 */
void hf_path_cache_begin_table(struct hf_path_cache *cache);

/**
 * hf_path_cache_put() - take a record of a table
 * @cache:  between begin and end of a table
 * @record: all fields count
 *
 * Return: 0; -ENOMEM; -ENOSPC beyond HF_PATH_CACHE_MAX destinations.
 */
int hf_path_cache_put(struct hf_path_cache *cache, const struct hf_path_record *record);

/* Return: how many paths the table no longer has. */
size_t hf_path_cache_end_table(struct hf_path_cache *cache);

/* What all paths of a delta have in common; host order. */
struct hf_path_origin {
	uint64_t subnet_prefix;	/* of their destinations */
	uint16_t slid;
};

/**
 * hf_path_cache_begin_delta() - what changed of this port's paths follows
 * @cache:    the cache
 * @origin:   copied
 * @is_whole: every path follows, not only those that changed
 *
 * The items of the delta go to the three functions below, in its order. Where it is whole and all its items were taken,
 * hf_path_cache_end_table() then makes every path unreachable that was not among them.
 */
void hf_path_cache_begin_delta(struct hf_path_cache *cache, const struct hf_path_origin *origin, bool is_whole);

/* There is no path to port @guid. It keeps its LID until another gets it. Return: the path lost; NULL if none was. */
const struct hf_path *hf_path_cache_lose_guid(struct hf_path_cache *cache, uint64_t guid);

/* Port @guid has this LID and site. If there is a path, it leads there, too. Return: 0; -ENOMEM; -ENOSPC as above. */
int hf_path_cache_name(struct hf_path_cache *cache, uint64_t guid, uint16_t lid, uint32_t site);

/* The path to the port with LID @lid. Return: 0; -ENOENT where no port is known to have it. */
int hf_path_cache_set(struct hf_path_cache *cache, uint16_t lid, const struct hf_delta_terms *terms);

/* The path to all that is at a site, once hf_path_cache_set_sites() says so. Return: 0; -ENOMEM. */
int hf_path_cache_add_site(struct hf_path_cache *cache, uint32_t site, const struct hf_delta_terms *terms);

/**
 * hf_path_cache_set_sites() - the paths that were given to hf_path_cache_add_site() in this delta
 * @cache: the cache
 * @count: so many destinations are at these sites
 * @sum:   and this is the sum of their hf_site_sum()
 * @set:   called for each, when its path is set; it may not change the cache
 * @ctx:   passed to @set
 *
 * Return: 0; -ESTALE where other destinations are known there, and nothing is set.
 */
int hf_path_cache_set_sites(struct hf_path_cache *cache, uint32_t count, uint32_t sum,
			    void (*set)(void *ctx, const struct hf_path *path), void *ctx);

/* As hf_path_cache_find(), for the destination that has this LID, whether or not a path leads there. */
const struct hf_path *hf_path_cache_find_lid(const struct hf_path_cache *cache, uint16_t lid);

/**
 * hf_path_cache_update() - take the one path that a trap 69 carries
 * @cache:  the cache
 * @record: all fields count
 * @site:   where the destination is, or HF_SITE_UNKNOWN
 *
 * Return: 0; -ENOMEM; -ENOSPC beyond HF_PATH_CACHE_MAX destinations.
 */
int hf_path_cache_update(struct hf_path_cache *cache, const struct hf_path_record *record, uint32_t site);

/**
 * hf_path_cache_lose() - take the set of paths that a trap 68 names
 * @cache:     the cache
 * @comp_mask: HF_PR_COMP_*, host order; DGID, DLID, SLID and P_Key select, other fields do not; 0 means all
 * @record:    the values to compare with
 *
 * The caller has compared the source GID.
 *
 * Return: how many paths were reachable before and are not now.
 */
size_t hf_path_cache_lose(struct hf_path_cache *cache, uint64_t comp_mask, const struct hf_path_record *record);

size_t hf_path_cache_count(const struct hf_path_cache *cache);

/* @visit may not change the cache. */
void hf_path_cache_for_each(const struct hf_path_cache *cache, void (*visit)(void *ctx, const struct hf_path *path),
			    void *ctx);

#endif
