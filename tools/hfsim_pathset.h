/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What the SA answers at one time for all pairs of ports, and which pairs differ between two times. Pure.
 *
 * A pair of ports has several records where the LMC is above 0. A record's SL is a set: DFSSSP draws one at random for
 * each answer, and the set is what several answers showed.
 */
#ifndef HF_TOOLS_HFSIM_PATHSET_H
#define HF_TOOLS_HFSIM_PATHSET_H

#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

/* Port GUIDs in host order, of a switch the node GUID; a port with itself is a pair, too. */
struct hf_pair {
	uint64_t sguid, dguid;
};

struct hf_path_item {
	struct hf_pair pair;
	uint16_t slid, dlid;
	uint16_t sls;		/* bit n: SL n */
	uint16_t pkey;
	uint8_t mtu, rate, pkt_life;
};

/* Zeroed memory is an empty set. */
struct hf_path_set {
	struct hf_path_item *items;	/* sorted by pair and LIDs once the set is finished */
	size_t count, room;
};

/* A list of pairs; sorted, each once, where a function gives it. Zeroed memory is an empty list. */
struct hf_pairs {
	struct hf_pair *list;
	size_t count, room;
};

int hf_pair_compare(const struct hf_pair *a, const struct hf_pair *b);

/* Return: 0; -ENOMEM. */
int hf_pairs_add(struct hf_pairs *pairs, const struct hf_pair *pair);
void hf_pairs_fini(struct hf_pairs *pairs);

/* Adds a record, also one that is there already with another SL. Return: 0; -ENOMEM. */
int hf_path_set_add_item(struct hf_path_set *set, const struct hf_path_item *item);
int hf_path_set_add(struct hf_path_set *set, const struct hf_path_record *record);

/* Sorts, and makes one of the records that differ in their SL alone. To be called before the set is asked. */
void hf_path_set_finish(struct hf_path_set *set);
void hf_path_set_fini(struct hf_path_set *set);

/* How many pairs have a record. */
size_t hf_path_set_count_pairs(const struct hf_path_set *set);

/*
 * Guesses the SLs that too few answers have shown of a finished set, where they are drawn at random: SLs that were seen
 * at one record are in one layer of DFSSSP, so each record with one of them may get any of them.
 */
void hf_path_set_spread_sls(struct hf_path_set *set);

/**
 * hf_path_set_compare() - find the pairs whose connections are out of date
 * @before, @after: finished
 * @ret_pairs:      sorted; to be given to hf_pairs_fini() also on failure
 *
 * A pair differs if it lost or gained a record, or if one differs in P_Key, MTU, rate or packet life, or if an SL that
 * could have been answered before can no more.
 *
 * Return: 0; -ENOMEM.
 */
int hf_path_set_compare(const struct hf_path_set *before, const struct hf_path_set *after,
			struct hf_pairs *ret_pairs);

/* What the two hold for one pair, a line each, for people; to be freed. NULL without memory. */
char *hf_path_set_describe(const struct hf_path_set *before, const struct hf_path_set *after,
			   const struct hf_pair *pair);

/**
 * hf_pairs_judge() - hold what was said against what is
 * @really:     pairs that differ; sorted
 * @said:       pairs that were said to have changed, several times where they were said to several times; gets sorted
 * @ret_missed: of @really, not said
 * @ret_false:  said once, and not of @really; what was said more than once may have changed back
 *
 * Return: 0; -ENOMEM.
 */
int hf_pairs_judge(const struct hf_pairs *really, struct hf_pairs *said, struct hf_pairs *ret_missed,
		   struct hf_pairs *ret_false);

#endif
