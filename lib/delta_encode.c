/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <stdbool.h>
#include <stdlib.h>

#include "lib/delta_layout.h"

#define LID_NUMBER_MAX_BYTES	3	/* one below 0xc000 */
#define LID_BYTES		2
#define SUM_BYTES		4
#define TERMS_MAX_BYTES		6
#define SITE_MAX_BYTES		4	/* 31 bits */
#define REST_BYTES		5
#define NO_KEY			UINT64_MAX

/* One that is alone in its group, and that alone in its section, costs the most; the counts have a byte each. */
#define PATH_MAX_BYTES (TERMS_MAX_BYTES + 2 + LID_NUMBER_MAX_BYTES)

uint32_t hf_site_sum(uint32_t site, uint16_t lid)
{
	uint64_t sum = ((uint64_t)site << 16 | lid) * UINT64_C(0x9e3779b97f4a7c15);

	return ((sum ^ sum >> 32) * UINT64_C(0xd6e8feb86659fd93)) >> 32;
}

size_t hf_delta_max_bytes(const struct hf_delta *delta)
{
	return 4 * NUMBER_MAX_BYTES + SUM_BYTES + 1 + REST_BYTES + delta->n_gone * NUMBER_MAX_BYTES +
	       delta->n_named * (NUMBER_MAX_BYTES + LID_BYTES + SITE_MAX_BYTES) + delta->n_paths * PATH_MAX_BYTES +
	       delta->n_sites * (TERMS_MAX_BYTES + 2 + SITE_MAX_BYTES);
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_guids(const void *a, const void *b)
{
	return compare(*(const uint64_t *)a, *(const uint64_t *)b);
}

static int compare_names(const void *a, const void *b)
{
	return compare(((const struct hf_delta_name *)a)->guid, ((const struct hf_delta_name *)b)->guid);
}

static int compare_paths(const void *a, const void *b)
{
	const struct hf_delta_path *first = a, *second = b;
	int order = compare(terms_key(&first->terms), terms_key(&second->terms));

	return order ? order : compare(first->lid, second->lid);
}

static int compare_sites(const void *a, const void *b)
{
	return compare(((const struct hf_delta_site *)a)->site, ((const struct hf_delta_site *)b)->site);
}

static unsigned int list_of(const struct hf_delta_site *site)
{
	return site->order & 0xff;
}

/* As they are written. */
static int compare_listed(const void *a, const void *b)
{
	const struct hf_delta_site *first = a, *second = b;
	int order = compare(first->order, second->order);

	return order ? order : compare(first->site, second->site);
}

/* Most come in order. */
static void sort(void *items, size_t count, size_t size, int (*order)(const void *a, const void *b))
{
	const char *at = items;

	for (size_t i = 1; i < count; i++)
		if (order(at + (i - 1) * size, at + i * size) > 0) {
			qsort(items, count, size, order);
			return;
		}
}

static uint8_t *put_number(uint8_t *to, uint64_t number)
{
	for (; number > 0x7f; number >>= 7)
		*to++ = 0x80 | (number & 0x7f);
	*to++ = number;
	return to;
}

static uint8_t *put_u16(uint8_t *to, uint16_t number)
{
	*to++ = number >> 8;
	*to++ = number & 0xff;
	return to;
}

static uint8_t *put_u32(uint8_t *to, uint32_t number)
{
	return put_u16(put_u16(to, number >> 16), number & 0xffff);
}

/* @before is what was written last; 0 for nothing, as neither a GUID nor a LID is. */
static uint8_t *put_ascending(uint8_t *to, uint64_t before, uint64_t value)
{
	return put_number(to, before ? value - before - 1 : value);
}

static uint8_t *put_gone(const struct hf_delta *delta, uint8_t *to)
{
	uint64_t before = 0;

	to = put_number(to, delta->n_gone);
	for (size_t i = 0; i < delta->n_gone; i++) {
		to = put_ascending(to, before, delta->gone[i]);
		before = delta->gone[i];
	}
	return to;
}

/* Neighbours are often at the same switch. */
static uint8_t *put_site(uint8_t *to, uint32_t before, uint32_t site)
{
	return put_number(to, up_or_down(before, site));
}

/* OpenSM numbers ports in the order of their GUIDs, or nearly so, when a fabric comes up. */
static uint8_t *put_lid(uint8_t *to, uint16_t before, uint16_t lid)
{
	uint32_t distance = up_or_down(before, lid);

	if (distance > NEAR_LAST)
		return put_u16(to, lid);
	*to++ = IS_NEAR | distance;
	return to;
}

static uint8_t *put_named(const struct hf_delta *delta, uint8_t *to)
{
	struct hf_delta_name before = { .guid = 0, .lid = 0, .site = HF_SITE_UNKNOWN };

	to = put_number(to, delta->n_named);
	for (size_t i = 0; i < delta->n_named; i++) {
		to = put_ascending(to, before.guid, delta->named[i].guid);
		to = put_lid(to, before.lid, delta->named[i].lid);
		to = put_site(to, before.site, delta->named[i].site);
		before = delta->named[i];
	}
	return to;
}

/*
 * The own port of a switch often differs from what hangs there, in the same way at all switches: in its MTU, say, not
 * in its SL. So the two are told as one, and the difference is written once.
 */
struct writer {
	const struct hf_delta *delta;
	size_t n_listed;
	struct hf_delta_own own;
};

/* How the own port of a switch, the next in their order, differs from what hangs there. */
static struct hf_delta_own find_own(const struct hf_delta_site *site)
{
	const struct hf_delta_terms *terms = &site[0].terms, *own = &site[1].terms;

	return (struct hf_delta_own) {
		.fields = (terms->pkey != own->pkey ? OWN_PKEY : 0) | (terms->mtu != own->mtu ? OWN_MTU : 0) |
			  (terms->rate != own->rate ? OWN_RATE : 0) |
			  (terms->pkt_life != own->pkt_life ? OWN_PKT_LIFE : 0),
		.terms = *own,
	};
}

static bool is_pair(const struct hf_delta *delta, size_t at)
{
	const struct hf_delta_site *site = &delta->sites[at];

	return at + 1 < delta->n_sites && !hf_site_is_own_port(site->site) && site[1].site == site->site + 1 &&
	       site[1].terms.sl == site->terms.sl;
}

static bool fits_pair(const struct hf_delta_site *site, const struct hf_delta_own *own)
{
	const struct hf_delta_terms terms = apply_own(own, &site->terms);

	return terms_key(&site[1].terms) == terms_key(&terms);
}

static size_t count_pairs(const struct hf_delta *delta, const struct hf_delta_own *own)
{
	size_t count = 0;

	for (size_t i = 0; i < delta->n_sites; i++)
		count += is_pair(delta, i) && fits_pair(&delta->sites[i], own);
	return count;
}

/* The one that more than half of them have is found in one pass; where there is none, any will do. */
static struct hf_delta_own choose_own(const struct hf_delta *delta)
{
	const struct hf_delta_own same = { .fields = 0 };
	struct hf_delta_own best = same;
	size_t votes = 0;

	for (size_t i = 0; i < delta->n_sites; i++) {
		if (!is_pair(delta, i))
			continue;
		if (votes == 0)
			best = find_own(&delta->sites[i]);
		votes += fits_pair(&delta->sites[i], &best) ? 1 : -1;
	}
	return count_pairs(delta, &best) > count_pairs(delta, &same) ? best : same;
}

/* Puts a site behind those that are in a list. */
static void put_in_list(struct writer *writer, struct hf_delta_site *site, unsigned int list)
{
	struct hf_delta_site *place = &writer->delta->sites[writer->n_listed++], other = *place;

	*place = *site;
	*site = other;
	place->order = terms_key(&place->terms) << 8 | list;
}

/* The own port of one in LIST_BOTH is in no list, and stays behind. */
static void list_sites(struct hf_delta *delta, struct writer *writer)
{
	*writer = (struct writer) { .delta = delta };
	sort(delta->sites, delta->n_sites, sizeof(*delta->sites), compare_sites);
	writer->own = choose_own(delta);
	for (size_t i = 0; i < delta->n_sites; i++) {
		struct hf_delta_site *site = &delta->sites[i];

		if (is_pair(delta, i) && fits_pair(site, &writer->own)) {
			put_in_list(writer, site, LIST_BOTH);
			i++;
		} else {
			put_in_list(writer, site, hf_site_is_own_port(site->site) ? LIST_OWN_PORTS : LIST_ADAPTERS);
		}
	}
	sort(delta->sites, writer->n_listed, sizeof(*delta->sites), compare_listed);
}

/* The items of some terms; zeroed before the first. */
struct group {
	uint64_t key;
	const struct hf_delta_terms *terms;
	const struct hf_delta_site *sites;
	const struct hf_delta_path *paths;
	size_t n_sites, n_paths;
	size_t next_site, next_path;	/* behind it */
};

static uint64_t site_key(const struct writer *writer, size_t at)
{
	return at < writer->n_listed ? terms_key(&writer->delta->sites[at].terms) : NO_KEY;
}

static uint64_t path_key(const struct writer *writer, size_t at)
{
	return at < writer->delta->n_paths ? terms_key(&writer->delta->paths[at].terms) : NO_KEY;
}

static bool next_group(const struct writer *writer, struct group *group)
{
	size_t first_site = group->next_site, first_path = group->next_path;
	uint64_t of_site = site_key(writer, first_site), of_path = path_key(writer, first_path);

	group->key = of_site < of_path ? of_site : of_path;
	if (group->key == NO_KEY)
		return false;
	group->sites = writer->delta->sites + first_site;
	group->paths = writer->delta->paths + first_path;
	group->terms = of_site == group->key ? &group->sites->terms : &group->paths->terms;
	while (site_key(writer, group->next_site) == group->key)
		group->next_site++;
	while (path_key(writer, group->next_path) == group->key)
		group->next_path++;
	group->n_sites = group->next_site - first_site;
	group->n_paths = group->next_path - first_path;
	return true;
}

/* Numbers of few bits come without regard to bytes, the highest bit first; zeros fill the last byte. */
struct bits {
	uint8_t *at;
	unsigned int used;	/* of the byte there */
};

static void put_bit(struct bits *bits, bool bit)
{
	if (!bits->used)
		*bits->at = 0;
	*bits->at |= bit << (7 - bits->used);
	bits->used = (bits->used + 1) % 8;
	bits->at += !bits->used;
}

/* In Elias' gamma code: as many zeros as bits follow its highest one, then the number; at least 1. */
static void put_gap(struct bits *bits, uint32_t gap)
{
	unsigned int length = 32 - __builtin_clz(gap);

	for (unsigned int i = 1; i < length; i++)
		put_bit(bits, false);
	while (length-- > 0)
		put_bit(bits, gap >> length & 1);
}

static size_t list_length(const struct group *group, size_t first)
{
	size_t count = 0;

	while (first + count < group->n_sites && list_of(&group->sites[first + count]) == list_of(&group->sites[first]))
		count++;
	return count;
}

static uint8_t *put_switches(const struct hf_delta_site *sites, size_t count, uint8_t *to)
{
	struct bits bits = { .at = put_number(to, count) };
	uint32_t expected = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t number = hf_site_switch(sites[i].site);

		put_gap(&bits, number + 1 - expected);
		expected = number + 1;
	}
	return bits.at + (bits.used > 0);
}

static uint8_t *put_lids(const struct hf_delta_path *paths, size_t count, uint8_t *to)
{
	uint16_t before = 0;

	to = put_number(to, count);
	for (size_t i = 0; i < count; i++) {
		to = put_ascending(to, before, paths[i].lid);
		before = paths[i].lid;
	}
	return to;
}

static uint8_t *put_rest(const struct hf_delta_terms *terms, unsigned int fields, uint8_t *to)
{
	if (fields & OWN_PKEY)
		to = put_u16(to, terms->pkey);
	if (fields & OWN_MTU)
		*to++ = terms->mtu;
	if (fields & OWN_RATE)
		*to++ = terms->rate;
	if (fields & OWN_PKT_LIFE)
		*to++ = terms->pkt_life;
	return to;
}

static uint8_t *put_group(const struct group *group, uint8_t *to)
{
	uint8_t *head = to++;

	*head = group->terms->sl;
	for (size_t i = 0, count; i < group->n_sites; i += count) {
		count = list_length(group, i);
		*head |= LIST_FOLLOWS(list_of(&group->sites[i]));
		to = put_switches(&group->sites[i], count, to);
	}
	if (group->n_paths) {
		*head |= LIST_FOLLOWS(LIST_LIDS);
		to = put_lids(group->paths, group->n_paths, to);
	}
	return to;
}

static size_t count_sections(const struct writer *writer)
{
	struct group group = { 0 };
	uint64_t before = 0;
	size_t count = 0;

	while (next_group(writer, &group)) {
		count += section_key(group.terms) != before;
		before = section_key(group.terms);
	}
	return count;
}

/* How many there are in a group's section from that one on. */
static size_t count_groups(const struct writer *writer, struct group group)
{
	uint64_t key = section_key(group.terms);
	size_t count = 1;

	while (next_group(writer, &group) && section_key(group.terms) == key)
		count++;
	return count;
}

static uint8_t *put_sections(const struct writer *writer, uint8_t *to)
{
	struct group group = { 0 };
	uint64_t before = 0;

	to = put_number(to, count_sections(writer));
	while (next_group(writer, &group)) {
		if (section_key(group.terms) != before) {
			to = put_rest(group.terms, OWN_ALL, to);
			to = put_number(to, count_groups(writer, group));
		}
		to = put_group(&group, to);
		before = section_key(group.terms);
	}
	return to;
}

size_t hf_delta_encode(struct hf_delta *delta, uint8_t *to)
{
	const uint8_t *begin = to;
	struct writer writer;

	sort(delta->gone, delta->n_gone, sizeof(*delta->gone), compare_guids);
	sort(delta->named, delta->n_named, sizeof(*delta->named), compare_names);
	sort(delta->paths, delta->n_paths, sizeof(*delta->paths), compare_paths);
	list_sites(delta, &writer);
	to = put_gone(delta, to);
	to = put_named(delta, to);
	*to++ = writer.own.fields;
	to = put_rest(&writer.own.terms, writer.own.fields, to);
	to = put_sections(&writer, to);
	if (delta->n_sites) {
		to = put_number(to, delta->covered);
		to = put_u32(to, delta->covered_sum);
	}
	return to - begin;
}
