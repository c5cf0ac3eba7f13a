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
#define TERMS_BYTES		6
#define LID_LAST		0xbfff
#define SL_LAST			15
#define CODE_LAST		0x3f	/* MTU, rate and packet life have 6 bits */

/* A path that is the only one of its group costs the most; its group's count has one byte. */
#define PATH_MAX_BYTES (TERMS_BYTES + 1 + LID_NUMBER_MAX_BYTES)

static_assert(HF_DELTA_MAX == LID_LAST, "a delta has room for each unicast LID");

size_t hf_delta_max_bytes(const struct hf_delta *delta)
{
	return 3 * NUMBER_MAX_BYTES + delta->n_gone * NUMBER_MAX_BYTES +
	       delta->n_named * (NUMBER_MAX_BYTES + LID_BYTES) + delta->n_paths * PATH_MAX_BYTES;
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

static uint8_t *put_named(const struct hf_delta *delta, uint8_t *to)
{
	uint64_t before = 0;

	to = put_number(to, delta->n_named);
	for (size_t i = 0; i < delta->n_named; i++) {
		to = put_ascending(to, before, delta->named[i].guid);
		to = put_u16(to, delta->named[i].lid);
		before = delta->named[i].guid;
	}
	return to;
}

/* Return: how many of the @count sorted paths at @paths have the first one's terms. */
static size_t group_size(const struct hf_delta_path *paths, size_t count)
{
	uint64_t key = terms_key(&paths->terms);
	size_t size = 1;

	while (size < count && terms_key(&paths[size].terms) == key)
		size++;
	return size;
}

static uint8_t *put_group(const struct hf_delta_path *paths, size_t count, uint8_t *to)
{
	const struct hf_delta_terms *terms = &paths->terms;
	uint16_t before = 0;

	to = put_u16(to, terms->pkey);
	*to++ = terms->sl;
	*to++ = terms->mtu;
	*to++ = terms->rate;
	*to++ = terms->pkt_life;
	to = put_number(to, count);
	for (size_t i = 0; i < count; i++) {
		to = put_ascending(to, before, paths[i].lid);
		before = paths[i].lid;
	}
	return to;
}

static uint8_t *put_groups(const struct hf_delta *delta, uint8_t *to)
{
	size_t groups = 0, size;

	for (size_t i = 0; i < delta->n_paths; i += size, groups++)
		size = group_size(delta->paths + i, delta->n_paths - i);
	to = put_number(to, groups);
	for (size_t i = 0; i < delta->n_paths; i += size) {
		size = group_size(delta->paths + i, delta->n_paths - i);
		to = put_group(delta->paths + i, size, to);
	}
	return to;
}

size_t hf_delta_encode(struct hf_delta *delta, uint8_t *to)
{
	const uint8_t *begin = to;

	sort(delta->gone, delta->n_gone, sizeof(*delta->gone), compare_guids);
	sort(delta->named, delta->n_named, sizeof(*delta->named), compare_names);
	sort(delta->paths, delta->n_paths, sizeof(*delta->paths), compare_paths);
	to = put_gone(delta, to);
	to = put_named(delta, to);
	to = put_groups(delta, to);
	return to - begin;
}

/* Where a body is being read. Once @is_bad, all further numbers are 0. */
struct reader {
	const uint8_t *at, *end;
	bool is_bad;
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

static void read_named(struct reader *reader, const struct hf_delta_visitor *visitor, void *ctx)
{
	size_t count = get_count(reader);
	uint64_t guid = 0;

	for (size_t i = 0; i < count && !reader->is_bad; i++) {
		uint16_t lid;

		guid = get_ascending(reader, guid, UINT64_MAX);
		lid = get_lid(reader);
		if (!reader->is_bad && visitor->named)
			visitor->named(ctx, guid, lid);
	}
}

/* Their order is that of their numbers, the P_Key's first: each group has terms of its own. */
static void get_terms(struct reader *reader, struct hf_delta_terms *terms)
{
	terms->pkey = get_u16(reader);
	terms->sl = get_byte(reader);
	terms->mtu = get_byte(reader);
	terms->rate = get_byte(reader);
	terms->pkt_life = get_byte(reader);
	if (terms->pkey == 0 || terms->sl > SL_LAST || terms->mtu > CODE_LAST || terms->rate > CODE_LAST ||
	    terms->pkt_life > CODE_LAST)
		reader->is_bad = true;
}

static void read_group(struct reader *reader, uint64_t *key, const struct hf_delta_visitor *visitor, void *ctx)
{
	struct hf_delta_terms terms;
	uint16_t lid = 0;
	size_t count;

	get_terms(reader, &terms);
	if (terms_key(&terms) <= *key)
		reader->is_bad = true;
	*key = terms_key(&terms);
	count = get_count(reader);
	if (count == 0)
		reader->is_bad = true;
	for (size_t i = 0; i < count && !reader->is_bad; i++) {
		lid = get_ascending(reader, lid, LID_LAST);
		if (!reader->is_bad && visitor->path)
			visitor->path(ctx, lid, &terms);
	}
}

static bool read_body(const uint8_t *body, size_t length, const struct hf_delta_visitor *visitor, void *ctx)
{
	struct reader reader = { .at = body, .end = body + length };
	uint64_t key = 0;
	size_t groups;

	read_gone(&reader, visitor, ctx);
	read_named(&reader, visitor, ctx);
	groups = get_count(&reader);
	for (size_t i = 0; i < groups && !reader.is_bad; i++)
		read_group(&reader, &key, visitor, ctx);
	return !reader.is_bad && reader.at == reader.end;
}

/* A bit for each LID that has been named, and for each that has a path. */
struct lids_seen {
	uint8_t named[LID_LAST / 8 + 1], paths[LID_LAST / 8 + 1];
	bool is_double;
};

static void note_lid(struct lids_seen *seen, uint8_t *bits, uint16_t lid)
{
	if (bits[lid / 8] & 1u << lid % 8)
		seen->is_double = true;
	bits[lid / 8] |= 1u << lid % 8;
}

static void note_named(void *ctx, uint64_t guid, uint16_t lid)
{
	struct lids_seen *seen = ctx;

	(void)guid;
	note_lid(seen, seen->named, lid);
}

static void note_path(void *ctx, uint16_t lid, const struct hf_delta_terms *terms)
{
	struct lids_seen *seen = ctx;

	(void)terms;
	note_lid(seen, seen->paths, lid);
}

int hf_delta_decode(const uint8_t *body, size_t length, const struct hf_delta_visitor *visitor, void *ctx)
{
	static const struct hf_delta_visitor check = { .named = note_named, .path = note_path };
	struct lids_seen seen;

	memset(&seen, 0, sizeof(seen));
	if (!read_body(body, length, &check, &seen) || seen.is_double)
		return -EBADMSG;
	read_body(body, length, visitor, ctx);
	return 0;
}
