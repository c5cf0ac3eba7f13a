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
#define SWITCH_MAX_BYTES	4	/* 31 bits */
#define LID_LAST		0xbfff
#define SL_MASK			0x0f
#define REST_FOLLOWS		0x10	/* P_Key, MTU, rate and packet life, in the byte of the SL */
#define LIST_FOLLOWS(ends)	(0x20 << (ends))
#define CODE_LAST		0x3f	/* MTU, rate and packet life have 6 bits */
#define GAP_BITS		16	/* of the distance between two switches */
#define NO_KEY			UINT64_MAX

/* One that is alone in its group costs the most; the group's counts have a byte each. */
#define PATH_MAX_BYTES (TERMS_MAX_BYTES + 2 + LID_NUMBER_MAX_BYTES)

static_assert(HF_DELTA_MAX == LID_LAST, "a delta has room for each unicast LID");
static_assert(HF_DELTA_MAX < 1 << GAP_BITS, "a switch's number fits");
static_assert(LIST_FOLLOWS(HF_DELTA_ENDS - 1) == 0x80, "a byte has room for all lists");

uint32_t hf_site_sum(uint32_t site, uint16_t lid)
{
	uint64_t sum = ((uint64_t)site << 16 | lid) * UINT64_C(0x9e3779b97f4a7c15);

	return ((sum ^ sum >> 32) * UINT64_C(0xd6e8feb86659fd93)) >> 32;
}

size_t hf_delta_max_bytes(const struct hf_delta *delta)
{
	return 4 * NUMBER_MAX_BYTES + SUM_BYTES + delta->n_gone * NUMBER_MAX_BYTES +
	       delta->n_named * (NUMBER_MAX_BYTES + LID_BYTES + LID_NUMBER_MAX_BYTES) + delta->n_paths * PATH_MAX_BYTES +
	       delta->n_switches * (TERMS_MAX_BYTES + 2 + SWITCH_MAX_BYTES);
}

static uint64_t terms_key(const struct hf_delta_terms *terms)
{
	return (uint64_t)terms->pkey << 32 | (uint64_t)terms->sl << 24 | (uint64_t)terms->mtu << 16 |
	       (uint64_t)terms->rate << 8 | terms->pkt_life;
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

static int compare_switches(const void *a, const void *b)
{
	const struct hf_delta_switch *first = a, *second = b;
	int order = compare(terms_key(&first->terms), terms_key(&second->terms));

	if (!order)
		order = compare(first->ends, second->ends);
	return order ? order : compare(first->number, second->number);
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

/* The items of some terms; zeroed before the first. */
struct group {
	uint64_t key;
	const struct hf_delta_terms *terms;
	const struct hf_delta_switch *switches;
	const struct hf_delta_path *paths;
	size_t n_switches, n_paths;
	size_t next_switch, next_path;	/* behind it */
};

static uint64_t switch_key(const struct hf_delta *delta, size_t at)
{
	return at < delta->n_switches ? terms_key(&delta->switches[at].terms) : NO_KEY;
}

static uint64_t path_key(const struct hf_delta *delta, size_t at)
{
	return at < delta->n_paths ? terms_key(&delta->paths[at].terms) : NO_KEY;
}

static bool next_group(const struct hf_delta *delta, struct group *group)
{
	size_t first_switch = group->next_switch, first_path = group->next_path;
	uint64_t of_switch = switch_key(delta, first_switch), of_path = path_key(delta, first_path);

	group->key = of_switch < of_path ? of_switch : of_path;
	if (group->key == NO_KEY)
		return false;
	group->switches = delta->switches + first_switch;
	group->paths = delta->paths + first_path;
	group->terms = of_switch == group->key ? &group->switches->terms : &group->paths->terms;
	while (switch_key(delta, group->next_switch) == group->key)
		group->next_switch++;
	while (path_key(delta, group->next_path) == group->key)
		group->next_path++;
	group->n_switches = group->next_switch - first_switch;
	group->n_paths = group->next_path - first_path;
	return true;
}

/* All but the SL. */
static bool rest_differs(const struct hf_delta_terms *a, const struct hf_delta_terms *b)
{
	return a->pkey != b->pkey || a->mtu != b->mtu || a->rate != b->rate || a->pkt_life != b->pkt_life;
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

static size_t count_ends(const struct group *group, size_t first)
{
	size_t count = 0;

	while (first + count < group->n_switches && group->switches[first + count].ends == group->switches[first].ends)
		count++;
	return count;
}

static uint8_t *put_switches(const struct hf_delta_switch *switches, size_t count, uint8_t *to)
{
	struct bits bits = { .at = put_number(to, count) };
	uint32_t expected = 0;

	for (size_t i = 0; i < count; i++) {
		put_gap(&bits, switches[i].number + 1 - expected);
		expected = switches[i].number + 1;
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

static uint8_t *put_group(const struct group *group, const struct hf_delta_terms *before, uint8_t *to)
{
	const struct hf_delta_terms *terms = group->terms;
	uint8_t *head = to++;

	*head = terms->sl;
	if (!before || rest_differs(terms, before)) {
		*head |= REST_FOLLOWS;
		to = put_u16(to, terms->pkey);
		*to++ = terms->mtu;
		*to++ = terms->rate;
		*to++ = terms->pkt_life;
	}
	for (size_t i = 0, count; i < group->n_switches; i += count) {
		count = count_ends(group, i);
		*head |= LIST_FOLLOWS(group->switches[i].ends);
		to = put_switches(&group->switches[i], count, to);
	}
	return put_lids(group->paths, group->n_paths, to);
}

static uint8_t *put_groups(const struct hf_delta *delta, uint8_t *to)
{
	const struct hf_delta_terms *before = NULL;
	struct group group = { 0 };
	size_t groups = 0;

	while (next_group(delta, &group))
		groups++;
	to = put_number(to, groups);
	group = (struct group) { 0 };
	while (next_group(delta, &group)) {
		to = put_group(&group, before, to);
		before = group.terms;
	}
	return to;
}

size_t hf_delta_encode(struct hf_delta *delta, uint8_t *to)
{
	const uint8_t *begin = to;

	sort(delta->gone, delta->n_gone, sizeof(*delta->gone), compare_guids);
	sort(delta->named, delta->n_named, sizeof(*delta->named), compare_names);
	sort(delta->paths, delta->n_paths, sizeof(*delta->paths), compare_paths);
	sort(delta->switches, delta->n_switches, sizeof(*delta->switches), compare_switches);
	to = put_gone(delta, to);
	to = put_named(delta, to);
	to = put_groups(delta, to);
	if (delta->n_switches) {
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
	bool has_switches;
	struct hf_delta_terms terms;	/* of the group before; P_Key 0 for none */
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

static void read_switches(struct reader *reader, enum hf_delta_ends ends, const struct hf_delta_visitor *visitor,
			  void *ctx)
{
	struct hf_delta_switch item = { .ends = ends, .terms = reader->terms };
	size_t count = get_count(reader);
	uint32_t expected = 0;

	reader->has_switches = true;
	reader->bits = 0;
	if (count == 0)
		reader->is_bad = true;
	for (size_t i = 0; i < count && !reader->is_bad; i++) {
		item.number = expected + get_gap(reader) - 1;
		expected = item.number + 1;
		if (item.number >= HF_DELTA_MAX)
			reader->is_bad = true;
		if (!reader->is_bad && visitor->at_switch)
			visitor->at_switch(ctx, &item);
	}
	end_bits(reader);
}

static void read_lids(struct reader *reader, bool may_be_none, const struct hf_delta_visitor *visitor, void *ctx)
{
	size_t count = get_count(reader);
	uint16_t lid = 0;

	if (count == 0 && !may_be_none)
		reader->is_bad = true;
	for (size_t i = 0; i < count && !reader->is_bad; i++) {
		lid = get_ascending(reader, lid, LID_LAST);
		if (!reader->is_bad && visitor->path)
			visitor->path(ctx, lid, &reader->terms);
	}
}

static void get_terms(struct reader *reader, uint8_t head)
{
	struct hf_delta_terms before = reader->terms, *terms = &reader->terms;
	bool is_other;

	terms->sl = head & SL_MASK;
	if (head & REST_FOLLOWS) {
		terms->pkey = get_u16(reader);
		terms->mtu = get_byte(reader);
		terms->rate = get_byte(reader);
		terms->pkt_life = get_byte(reader);
	}
	is_other = before.pkey == 0 || rest_differs(terms, &before);
	if (is_other != !!(head & REST_FOLLOWS) || terms->pkey == 0 || terms->mtu > CODE_LAST ||
	    terms->rate > CODE_LAST || terms->pkt_life > CODE_LAST)
		reader->is_bad = true;
	/* Their order is that of their numbers, the P_Key's first: each group has terms of its own. */
	if (before.pkey && terms_key(terms) <= terms_key(&before))
		reader->is_bad = true;
}

static void read_group(struct reader *reader, const struct hf_delta_visitor *visitor, void *ctx)
{
	uint8_t head = get_byte(reader);
	bool has_list = false;

	get_terms(reader, head);
	for (unsigned int ends = 0; ends < HF_DELTA_ENDS && !reader->is_bad; ends++)
		if (head & LIST_FOLLOWS(ends)) {
			read_switches(reader, ends, visitor, ctx);
			has_list = true;
		}
	read_lids(reader, has_list, visitor, ctx);
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
	size_t groups;

	read_gone(&reader, visitor, ctx);
	read_named(&reader, visitor, ctx);
	groups = get_count(&reader);
	for (size_t i = 0; i < groups && !reader.is_bad; i++)
		read_group(&reader, visitor, ctx);
	if (reader.has_switches)
		read_covered(&reader, visitor, ctx);
	return !reader.is_bad && reader.at == reader.end;
}

/* A bit for each LID that has been named, for each that has a path, and for each switch's ends that have one. */
struct items_seen {
	uint8_t named[LID_LAST / 8 + 1], paths[LID_LAST / 8 + 1], adapters[LID_LAST / 8 + 1], own_ports[LID_LAST / 8 + 1];
	bool is_double;
};

static void note(struct items_seen *seen, uint8_t *bits, uint16_t number)
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

static void note_switch(void *ctx, const struct hf_delta_switch *item)
{
	struct items_seen *seen = ctx;

	if (hf_delta_ends_have(item->ends, false))
		note(seen, seen->adapters, item->number);
	if (hf_delta_ends_have(item->ends, true))
		note(seen, seen->own_ports, item->number);
}

int hf_delta_decode(const uint8_t *body, size_t length, const struct hf_delta_visitor *visitor, void *ctx)
{
	static const struct hf_delta_visitor check = {
		.named = note_named, .path = note_path, .at_switch = note_switch,
	};
	struct items_seen seen;

	memset(&seen, 0, sizeof(seen));
	if (!read_body(body, length, &check, &seen) || seen.is_double)
		return -EBADMSG;
	read_body(body, length, visitor, ctx);
	return 0;
}
