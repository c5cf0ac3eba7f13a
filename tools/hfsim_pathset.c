/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_pathset.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_SLS		16
#define ROOM_MIN	256

int hf_pair_compare(const struct hf_pair *a, const struct hf_pair *b)
{
	if (a->sguid != b->sguid)
		return a->sguid < b->sguid ? -1 : 1;
	return a->dguid < b->dguid ? -1 : a->dguid > b->dguid;
}

/* Makes room for one more. Return: the list, moved or not; NULL without memory, and the list stays. */
static void *grow(void *list, size_t count, size_t *room, size_t item_size)
{
	size_t wanted = *room ? *room * 2 : ROOM_MIN;
	void *grown;

	if (count < *room)
		return list;
	grown = realloc(list, wanted * item_size);
	if (grown)
		*room = wanted;
	return grown;
}

int hf_pairs_add(struct hf_pairs *pairs, const struct hf_pair *pair)
{
	struct hf_pair *list = grow(pairs->list, pairs->count, &pairs->room, sizeof(*list));

	if (!list)
		return -ENOMEM;
	pairs->list = list;
	list[pairs->count++] = *pair;
	return 0;
}

void hf_pairs_fini(struct hf_pairs *pairs)
{
	free(pairs->list);
	*pairs = (struct hf_pairs){ 0 };
}

int hf_path_set_add_item(struct hf_path_set *set, const struct hf_path_item *item)
{
	struct hf_path_item *items = grow(set->items, set->count, &set->room, sizeof(*items));

	if (!items)
		return -ENOMEM;
	set->items = items;
	items[set->count++] = *item;
	return 0;
}

int hf_path_set_add(struct hf_path_set *set, const struct hf_path_record *record)
{
	const struct hf_path_item item = {
		.pair = { .sguid = be64toh(record->sgid.guid), .dguid = be64toh(record->dgid.guid) },
		.slid = be16toh(record->slid), .dlid = be16toh(record->dlid),
		.sls = 1 << hf_path_record_sl(record), .mtu = hf_path_record_mtu(record),
		.rate = hf_path_record_rate(record), .pkt_life = hf_path_record_pkt_life(record),
		.pkey = be16toh(record->pkey),
	};

	return hf_path_set_add_item(set, &item);
}

static int compare_places(const struct hf_path_item *a, const struct hf_path_item *b)
{
	int order = hf_pair_compare(&a->pair, &b->pair);

	if (order != 0)
		return order;
	return a->slid != b->slid ? a->slid - b->slid : a->dlid - b->dlid;
}

static bool is_equal_but_sl(const struct hf_path_item *a, const struct hf_path_item *b)
{
	return a->pkey == b->pkey && a->mtu == b->mtu && a->rate == b->rate && a->pkt_life == b->pkt_life;
}

static int compare_items(const void *left, const void *right)
{
	const struct hf_path_item *a = left, *b = right;
	int order = compare_places(a, b);

	if (order != 0 || is_equal_but_sl(a, b))
		return order;
	if (a->pkey != b->pkey)
		return a->pkey - b->pkey;
	if (a->mtu != b->mtu)
		return a->mtu - b->mtu;
	return a->rate != b->rate ? a->rate - b->rate : a->pkt_life - b->pkt_life;
}

void hf_path_set_finish(struct hf_path_set *set)
{
	size_t kept = 0;

	if (set->count == 0)
		return;
	qsort(set->items, set->count, sizeof(*set->items), compare_items);
	for (size_t i = 1; i < set->count; i++) {
		if (compare_items(&set->items[kept], &set->items[i]) == 0)
			set->items[kept].sls |= set->items[i].sls;
		else
			set->items[++kept] = set->items[i];
	}
	set->count = kept + 1;
}

void hf_path_set_fini(struct hf_path_set *set)
{
	free(set->items);
	*set = (struct hf_path_set){ 0 };
}

size_t hf_path_set_count_pairs(const struct hf_path_set *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->count; i++)
		count += i == 0 || hf_pair_compare(&set->items[i - 1].pair, &set->items[i].pair) != 0;
	return count;
}

/* Joins all layers that have an SL of @sls into one. */
static void join_layers(uint16_t layers[N_SLS], uint16_t sls)
{
	uint16_t joined = sls;

	for (unsigned int sl = 0; sl < N_SLS; sl++)
		if (sls & 1 << sl)
			joined |= layers[sl];
	for (unsigned int sl = 0; sl < N_SLS; sl++)
		if (joined & 1 << sl)
			layers[sl] = joined;
}

void hf_path_set_spread_sls(struct hf_path_set *set)
{
	uint16_t layers[N_SLS] = { 0 };

	for (size_t i = 0; i < set->count; i++)
		join_layers(layers, set->items[i].sls);
	/* All SLs of a record are in one layer now. */
	for (size_t i = 0; i < set->count; i++)
		set->items[i].sls = layers[__builtin_ctz(set->items[i].sls)];
}

/* Index of the first item behind those of the pair at @from. */
static size_t pair_end(const struct hf_path_set *set, size_t from)
{
	size_t end = from;

	while (end < set->count && hf_pair_compare(&set->items[from].pair, &set->items[end].pair) == 0)
		end++;
	return end;
}

static bool is_pair_kept(const struct hf_path_item *before, const struct hf_path_item *after, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (compare_items(&before[i], &after[i]) != 0 || before[i].sls & ~after[i].sls)
			return false;
	return true;
}

int hf_path_set_compare(const struct hf_path_set *before, const struct hf_path_set *after, struct hf_pairs *ret_pairs)
{
	size_t i = 0, j = 0;

	*ret_pairs = (struct hf_pairs){ 0 };
	while (i < before->count || j < after->count) {
		int order = i == before->count ? 1 : j == after->count ? -1 :
			    hf_pair_compare(&before->items[i].pair, &after->items[j].pair);
		const struct hf_pair *pair = order <= 0 ? &before->items[i].pair : &after->items[j].pair;
		size_t i_end = order <= 0 ? pair_end(before, i) : i;
		size_t j_end = order >= 0 ? pair_end(after, j) : j;

		if (order != 0 || i_end - i != j_end - j ||
		    !is_pair_kept(&before->items[i], &after->items[j], i_end - i)) {
			int err = hf_pairs_add(ret_pairs, pair);

			if (err)
				return err;
		}
		i = i_end;
		j = j_end;
	}
	return 0;
}

static void describe_side(const struct hf_path_set *set, const char *when, const struct hf_pair *pair, FILE *out)
{
	fprintf(out, "%s:", when);
	for (size_t i = 0; i < set->count; i++) {
		const struct hf_path_item *item = &set->items[i];

		if (hf_pair_compare(&item->pair, pair) == 0)
			fprintf(out, " %u>%u P_Key 0x%04x SLs 0x%x MTU %u rate %u life %u;", item->slid, item->dlid,
				item->pkey, item->sls, item->mtu, item->rate, item->pkt_life);
	}
}

char *hf_path_set_describe(const struct hf_path_set *before, const struct hf_path_set *after,
			   const struct hf_pair *pair)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	describe_side(before, "before", pair, out);
	describe_side(after, " after", pair, out);
	fclose(out);
	return text;
}

static int compare_pairs(const void *left, const void *right)
{
	return hf_pair_compare(left, right);
}

int hf_pairs_judge(const struct hf_pairs *really, struct hf_pairs *said, struct hf_pairs *ret_missed,
		   struct hf_pairs *ret_false)
{
	size_t i = 0, j = 0;
	int err = 0;

	*ret_missed = *ret_false = (struct hf_pairs){ 0 };
	if (said->count > 0)
		qsort(said->list, said->count, sizeof(*said->list), compare_pairs);
	while (!err && (i < really->count || j < said->count)) {
		int order = i == really->count ? 1 : j == said->count ? -1 :
			    hf_pair_compare(&really->list[i], &said->list[j]);
		size_t times = 0;

		while (order >= 0 && j + times < said->count &&
		       hf_pair_compare(&said->list[j], &said->list[j + times]) == 0)
			times++;
		if (order < 0)
			err = hf_pairs_add(ret_missed, &really->list[i]);
		else if (order > 0 && times == 1)
			err = hf_pairs_add(ret_false, &said->list[j]);
		i += order <= 0;
		j += times;
	}
	return err;
}
