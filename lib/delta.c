/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/delta.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX_BYTES	10	/* a number of 64 bits, 7 in each */
#define LID_NUMBER_MAX_BYTES	3	/* one below 0xc000 */
#define LID_BYTES		2
#define SUM_BYTES		4
#define TERMS_MAX_BYTES		6
#define SITE_MAX_BYTES		4	/* 31 bits */
#define REST_BYTES		5
#define LID_LAST		0xbfff
#define SL_MASK			0x0f
#define LIST_FOLLOWS(list)	(0x10 << (list))	/* in the byte of the SL */
#define CODE_LAST		0x3f	/* MTU, rate and packet life have 6 bits */
#define GAP_BITS		16	/* of the distance between two switches */
#define NO_KEY			UINT64_MAX

/* One that is alone in its group, and that alone in its section, costs the most; the counts have a byte each. */
#define PATH_MAX_BYTES (TERMS_MAX_BYTES + 2 + LID_NUMBER_MAX_BYTES)

static_assert(HF_DELTA_MAX == LID_LAST, "a delta has room for each unicast LID");
static_assert(HF_DELTA_MAX < 1 << GAP_BITS, "a switch's number fits");
/* What a list means: switches, but for the last. */
enum list {
	LIST_BOTH,		/* what hangs there, and their own ports */
	LIST_ADAPTERS,
	LIST_OWN_PORTS,
	LIST_LIDS,
	LISTS,
	IN_NO_LIST = LISTS,	/* the own port of one in LIST_BOTH */
};

static_assert(LIST_FOLLOWS(LISTS - 1) == 0x80, "a byte has room for all lists");

/* Fields in which own ports of switches in LIST_BOTH differ from what hangs there. */
enum {
	OWN_PKEY = 0x1,
	OWN_MTU = 0x2,
	OWN_RATE = 0x4,
	OWN_PKT_LIFE = 0x8,
	OWN_ALL = 0xf,
};

struct own {
	unsigned int fields;
	struct hf_delta_terms terms;	/* of these */
};

uint32_t hf_site_sum(uint32_t site, uint16_t lid)
{
	uint64_t sum = ((uint64_t)site << 16 | lid) * UINT64_C(0x9e3779b97f4a7c15);

	return ((sum ^ sum >> 32) * UINT64_C(0xd6e8feb86659fd93)) >> 32;
}

size_t hf_delta_max_bytes(const struct hf_delta *delta)
{
	return 4 * NUMBER_MAX_BYTES + SUM_BYTES + 1 + REST_BYTES + delta->n_gone * NUMBER_MAX_BYTES +
	       delta->n_named * (NUMBER_MAX_BYTES + LID_BYTES + LID_NUMBER_MAX_BYTES) + delta->n_paths * PATH_MAX_BYTES +
	       delta->n_sites * (TERMS_MAX_BYTES + 2 + SITE_MAX_BYTES);
}

/* The SL counts least: what has all else in common is in a section. */
static uint64_t terms_key(const struct hf_delta_terms *terms)
{
	return (uint64_t)terms->pkey << 32 | (uint64_t)terms->mtu << 24 | (uint64_t)terms->rate << 16 |
	       (uint64_t)terms->pkt_life << 8 | terms->sl;
}

static uint64_t section_key(const struct hf_delta_terms *terms)
{
	return terms_key(terms) >> 8;
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

/* As they are written: what is in no list comes last. */
static int compare_listed(const void *a, const void *b)
{
	const struct hf_delta_site *first = a, *second = b;
	int order = compare(first->list == IN_NO_LIST, second->list == IN_NO_LIST);

	if (!order)
		order = compare(terms_key(&first->terms), terms_key(&second->terms));
	if (!order)
		order = compare(first->list, second->list);
	return order ? order : compare(first->site, second->site);
}

static void sort(void *items, size_t count, size_t size, int (*order)(const void *a, const void *b))
{
	if (count > 1)
		qsort(items, count, size, order);
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

/* Up or down: 0, -1, 1, -2, 2 and so on are 0, 1, 2, 3, 4. Neighbours are often at the same switch. */
static uint8_t *put_site(uint8_t *to, uint32_t before, uint32_t site)
{
	return put_number(to, site >= before ? 2 * (site - before) : 2 * (before - site) - 1);
}

static uint8_t *put_named(const struct hf_delta *delta, uint8_t *to)
{
	uint32_t site = HF_SITE_UNKNOWN;
	uint64_t before = 0;

	to = put_number(to, delta->n_named);
	for (size_t i = 0; i < delta->n_named; i++) {
		to = put_ascending(to, before, delta->named[i].guid);
		to = put_u16(to, delta->named[i].lid);
		to = put_site(to, site, delta->named[i].site);
		before = delta->named[i].guid;
		site = delta->named[i].site;
	}
	return to;
}

static bool terms_differ(const struct hf_delta_terms *a, const struct hf_delta_terms *b)
{
	return terms_key(a) != terms_key(b);
}

/*
 * The own port of a switch often differs from what hangs there, in the same way at all switches: in its MTU, say, not
 * in its SL. So the two are told as one, and the difference is written once.
 */
struct writer {
	const struct hf_delta *delta;
	size_t n_listed;
	struct own own;
};

static struct hf_delta_terms apply_own(const struct own *own, const struct hf_delta_terms *terms)
{
	return (struct hf_delta_terms) {
		.pkey = own->fields & OWN_PKEY ? own->terms.pkey : terms->pkey,
		.sl = terms->sl,
		.mtu = own->fields & OWN_MTU ? own->terms.mtu : terms->mtu,
		.rate = own->fields & OWN_RATE ? own->terms.rate : terms->rate,
		.pkt_life = own->fields & OWN_PKT_LIFE ? own->terms.pkt_life : terms->pkt_life,
	};
}

/* How the own port of a switch, the next in their order, differs from what hangs there. */
static struct own find_own(const struct hf_delta_site *site)
{
	const struct hf_delta_terms *terms = &site[0].terms, *own = &site[1].terms;

	return (struct own) {
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

static bool fits_pair(const struct hf_delta_site *site, const struct own *own)
{
	const struct hf_delta_terms terms = apply_own(own, &site->terms);

	return !terms_differ(&site[1].terms, &terms);
}

static size_t count_pairs(const struct hf_delta *delta, const struct own *own)
{
	size_t count = 0;

	for (size_t i = 0; i < delta->n_sites; i++)
		count += is_pair(delta, i) && fits_pair(&delta->sites[i], own);
	return count;
}

/* The one that more than half of them have is found in one pass; where there is none, any will do. */
static struct own choose_own(const struct hf_delta *delta)
{
	const struct own same = { .fields = 0 };
	struct own best = same;
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

static void list_sites(struct hf_delta *delta, struct writer *writer)
{
	*writer = (struct writer) { .delta = delta };
	sort(delta->sites, delta->n_sites, sizeof(*delta->sites), compare_sites);
	writer->own = choose_own(delta);
	for (size_t i = 0; i < delta->n_sites; i++) {
		struct hf_delta_site *site = &delta->sites[i];

		writer->n_listed++;
		site->list = hf_site_is_own_port(site->site) ? LIST_OWN_PORTS : LIST_ADAPTERS;
		if (is_pair(delta, i) && fits_pair(site, &writer->own)) {
			site->list = LIST_BOTH;
			site[1].list = IN_NO_LIST;
			i++;
		}
	}
	sort(delta->sites, delta->n_sites, sizeof(*delta->sites), compare_listed);
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

	while (first + count < group->n_sites && group->sites[first + count].list == group->sites[first].list)
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
		*head |= LIST_FOLLOWS(group->sites[i].list);
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

/* Where a body is being read. Once @is_bad, all further numbers are 0. */
struct reader {
	const uint8_t *at, *end;
	bool is_bad;
	uint8_t bits;		/* the byte whose bits are being read */
	unsigned int bits_left;	/* of it, the lower ones */
	bool has_sites, has_both;
	struct hf_delta_terms terms;	/* of the group that was read last; all zero before the first */
	struct own own;
};

static uint8_t get_byte(struct reader *reader)
{
	if (reader->at == reader->end)
		reader->is_bad = true;
	return reader->is_bad ? 0 : *reader->at++;
}

static uint16_t get_u16(struct reader *reader)
{
	uint16_t high = get_byte(reader);

	return high << 8 | get_byte(reader);
}

/* The tenth byte has the 64th bit alone; a last byte of 0 makes a number longer than it must be. */
static uint64_t get_number(struct reader *reader)
{
	uint64_t number = 0;

	for (unsigned int shift = 0; shift < 7 * NUMBER_MAX_BYTES; shift += 7) {
		uint8_t byte = get_byte(reader);

		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if ((shift > 0 && byte == 0) || (shift == 63 && byte > 1))
			break;
		return reader->is_bad ? 0 : number;
	}
	reader->is_bad = true;
	return 0;
}

static size_t get_count(struct reader *reader)
{
	uint64_t count = get_number(reader);

	if (count > HF_DELTA_MAX)
		reader->is_bad = true;
	return reader->is_bad ? 0 : count;
}

/* Return: from 1 to @last; 0 where it is bad. */
static uint64_t get_ascending(struct reader *reader, uint64_t before, uint64_t last)
{
	uint64_t number = get_number(reader);

	if (before ? number >= last - before : number == 0 || number > last)
		reader->is_bad = true;
	if (reader->is_bad)
		return 0;
	return before ? before + 1 + number : number;
}

static uint16_t get_lid(struct reader *reader)
{
	uint16_t lid = get_u16(reader);

	if (lid == 0 || lid > LID_LAST)
		reader->is_bad = true;
	return lid;
}

static void read_gone(struct reader *reader, const struct hf_delta_visitor *visitor, void *ctx)
{
	size_t count = get_count(reader);
	uint64_t guid = 0;

	for (size_t i = 0; i < count && !reader->is_bad; i++) {
		guid = get_ascending(reader, guid, UINT64_MAX);
		if (!reader->is_bad && visitor->gone)
			visitor->gone(ctx, guid);
	}
}

static uint32_t get_site(struct reader *reader, uint32_t before)
{
	uint64_t number = get_number(reader), site;

	/* As wide as it is, what is below 0 is beyond the last. */
	site = number & 1 ? before - number / 2 - 1 : before + number / 2;
	if (site > HF_SITE_LAST)
		reader->is_bad = true;
	return reader->is_bad ? HF_SITE_UNKNOWN : site;
}

static void read_named(struct reader *reader, const struct hf_delta_visitor *visitor, void *ctx)
{
	size_t count = get_count(reader);
	uint32_t site = HF_SITE_UNKNOWN;
	uint64_t guid = 0;

	for (size_t i = 0; i < count && !reader->is_bad; i++) {
		uint16_t lid;

		guid = get_ascending(reader, guid, UINT64_MAX);
		lid = get_lid(reader);
		site = get_site(reader, site);
		if (!reader->is_bad && visitor->named)
			visitor->named(ctx, guid, lid, site);
	}
}

static bool get_bit(struct reader *reader)
{
	if (!reader->bits_left) {
		reader->bits = get_byte(reader);
		reader->bits_left = 8;
	}
	reader->bits_left--;
	return reader->bits >> reader->bits_left & 1;
}

static uint32_t get_gap(struct reader *reader)
{
	unsigned int length = 1;
	uint32_t gap = 1;

	while (!reader->is_bad && !get_bit(reader))
		if (++length > GAP_BITS)
			reader->is_bad = true;
	while (--length > 0 && !reader->is_bad)
		gap = gap << 1 | get_bit(reader);
	return gap;
}

/* What fills the last byte must be zeros. */
static void end_bits(struct reader *reader)
{
	if (reader->bits & ((1U << reader->bits_left) - 1))
		reader->is_bad = true;
	reader->bits_left = 0;
}

static void hand_out_switch(const struct reader *reader, uint32_t number, enum list list,
			    const struct hf_delta_visitor *visitor, void *ctx)
{
	const struct hf_delta_terms own = list == LIST_BOTH ? apply_own(&reader->own, &reader->terms) : reader->terms;

	if (list != LIST_OWN_PORTS)
		visitor->at_site(ctx, hf_site(number, false), &reader->terms);
	if (list != LIST_ADAPTERS)
		visitor->at_site(ctx, hf_site(number, true), &own);
}

static void read_switches(struct reader *reader, enum list list, const struct hf_delta_visitor *visitor, void *ctx)
{
	size_t count = get_count(reader);
	uint32_t expected = 0;

	reader->has_sites = true;
	reader->has_both = reader->has_both || list == LIST_BOTH;
	reader->bits = 0;
	if (count == 0)
		reader->is_bad = true;
	for (size_t i = 0; i < count && !reader->is_bad; i++) {
		uint32_t number = expected + get_gap(reader) - 1;

		expected = number + 1;
		if (number >= HF_DELTA_MAX)
			reader->is_bad = true;
		if (!reader->is_bad && visitor->at_site)
			hand_out_switch(reader, number, list, visitor, ctx);
	}
	end_bits(reader);
}

static void read_lids(struct reader *reader, const struct hf_delta_visitor *visitor, void *ctx)
{
	size_t count = get_count(reader);
	uint16_t lid = 0;

	if (count == 0)
		reader->is_bad = true;
	for (size_t i = 0; i < count && !reader->is_bad; i++) {
		lid = get_ascending(reader, lid, LID_LAST);
		if (!reader->is_bad && visitor->path)
			visitor->path(ctx, lid, &reader->terms);
	}
}

static uint8_t get_code(struct reader *reader)
{
	uint8_t code = get_byte(reader);

	if (code > CODE_LAST)
		reader->is_bad = true;
	return code;
}

static void get_rest(struct reader *reader, unsigned int fields, struct hf_delta_terms *terms)
{
	if (fields & OWN_PKEY) {
		terms->pkey = get_u16(reader);
		if (terms->pkey == 0)
			reader->is_bad = true;
	}
	if (fields & OWN_MTU)
		terms->mtu = get_code(reader);
	if (fields & OWN_RATE)
		terms->rate = get_code(reader);
	if (fields & OWN_PKT_LIFE)
		terms->pkt_life = get_code(reader);
}

static void read_own(struct reader *reader)
{
	reader->own.fields = get_byte(reader);
	if (reader->own.fields > OWN_ALL)
		reader->is_bad = true;
	get_rest(reader, reader->own.fields, &reader->own.terms);
}

static void read_group(struct reader *reader, int *before, const struct hf_delta_visitor *visitor, void *ctx)
{
	uint8_t head = get_byte(reader);

	reader->terms.sl = head & SL_MASK;
	if (reader->terms.sl <= *before || head <= SL_MASK)
		reader->is_bad = true;
	*before = reader->terms.sl;
	for (enum list list = 0; list < LIST_LIDS && !reader->is_bad; list++)
		if (head & LIST_FOLLOWS(list))
			read_switches(reader, list, visitor, ctx);
	if (head & LIST_FOLLOWS(LIST_LIDS) && !reader->is_bad)
		read_lids(reader, visitor, ctx);
}

static void read_section(struct reader *reader, const struct hf_delta_visitor *visitor, void *ctx)
{
	uint64_t before = section_key(&reader->terms);
	int sl = -1;
	size_t groups;

	get_rest(reader, OWN_ALL, &reader->terms);
	groups = get_count(reader);
	if (section_key(&reader->terms) <= before || groups == 0)
		reader->is_bad = true;
	for (size_t i = 0; i < groups && !reader->is_bad; i++)
		read_group(reader, &sl, visitor, ctx);
}

static void read_covered(struct reader *reader, const struct hf_delta_visitor *visitor, void *ctx)
{
	size_t count = get_count(reader);
	uint32_t sum = (uint32_t)get_u16(reader) << 16;

	sum |= get_u16(reader);
	if (!reader->is_bad && visitor->covered)
		visitor->covered(ctx, count, sum);
}

static bool read_body(const uint8_t *body, size_t length, const struct hf_delta_visitor *visitor, void *ctx)
{
	struct reader reader = { .at = body, .end = body + length };
	size_t sections;

	read_gone(&reader, visitor, ctx);
	read_named(&reader, visitor, ctx);
	read_own(&reader);
	sections = get_count(&reader);
	for (size_t i = 0; i < sections && !reader.is_bad; i++)
		read_section(&reader, visitor, ctx);
	if (reader.has_sites)
		read_covered(&reader, visitor, ctx);
	/* A difference that is nobody's says nothing. */
	if (reader.own.fields && !reader.has_both)
		reader.is_bad = true;
	return !reader.is_bad && reader.at == reader.end;
}

/* A bit for each LID that has been named, for each that has a path, and for each site that has one. */
struct items_seen {
	uint8_t named[LID_LAST / 8 + 1], paths[LID_LAST / 8 + 1], sites[HF_SITE_LAST / 8 + 1];
	bool is_double;
};

static void note(struct items_seen *seen, uint8_t *bits, uint32_t number)
{
	if (bits[number / 8] & 1u << number % 8)
		seen->is_double = true;
	bits[number / 8] |= 1u << number % 8;
}

static void note_named(void *ctx, uint64_t guid, uint16_t lid, uint32_t site)
{
	struct items_seen *seen = ctx;

	(void)guid;
	(void)site;
	note(seen, seen->named, lid);
}

static void note_path(void *ctx, uint16_t lid, const struct hf_delta_terms *terms)
{
	struct items_seen *seen = ctx;

	(void)terms;
	note(seen, seen->paths, lid);
}

static void note_site(void *ctx, uint32_t site, const struct hf_delta_terms *terms)
{
	struct items_seen *seen = ctx;

	(void)terms;
	note(seen, seen->sites, site);
}

int hf_delta_decode(const uint8_t *body, size_t length, const struct hf_delta_visitor *visitor, void *ctx)
{
	static const struct hf_delta_visitor check = {
		.named = note_named, .path = note_path, .at_site = note_site,
	};
	struct items_seen seen;

	memset(&seen, 0, sizeof(seen));
	if (!read_body(body, length, &check, &seen) || seen.is_double)
		return -EBADMSG;
	read_body(body, length, visitor, ctx);
	return 0;
}
