/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/delta_layout.h"

/* Where a body is being read. Once @is_bad, all further numbers are 0. */
struct reader {
	const uint8_t *at, *end;
	bool is_bad;
	uint8_t bits;		/* the byte whose bits are being read */
	unsigned int bits_left;	/* of it, the lower ones */
	bool has_sites, has_both;
	struct hf_delta_terms terms;	/* of the group that was read last; all zero before the first */
	struct hf_delta_own own;
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

/* As wide as it is, what is below 0 is beyond any last. */
static uint64_t go_up_or_down(uint32_t before, uint64_t distance)
{
	return distance & 1 ? before - distance / 2 - 1 : before + distance / 2;
}

static uint32_t get_site(struct reader *reader, uint32_t before)
{
	uint64_t site = go_up_or_down(before, get_number(reader));

	if (site > HF_SITE_LAST)
		reader->is_bad = true;
	return reader->is_bad ? HF_SITE_UNKNOWN : site;
}

static uint16_t get_lid(struct reader *reader, uint16_t before)
{
	uint8_t first = get_byte(reader);
	uint64_t lid;

	if (first >= IS_NEAR) {
		lid = go_up_or_down(before, first & NEAR_LAST);
	} else {
		lid = first << 8 | get_byte(reader);
		if (up_or_down(before, lid) <= NEAR_LAST)
			reader->is_bad = true;
	}
	if (lid == 0 || lid > LID_LAST)
		reader->is_bad = true;
	return reader->is_bad ? 0 : lid;
}

static void read_named(struct reader *reader, const struct hf_delta_visitor *visitor, void *ctx)
{
	size_t count = get_count(reader);
	uint32_t site = HF_SITE_UNKNOWN;
	uint64_t guid = 0;
	uint16_t lid = 0;

	for (size_t i = 0; i < count && !reader->is_bad; i++) {
		guid = get_ascending(reader, guid, UINT64_MAX);
		lid = get_lid(reader, lid);
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

static void hand_out_switch(const struct reader *reader, uint32_t number, enum hf_delta_list list,
			    const struct hf_delta_visitor *visitor, void *ctx)
{
	const struct hf_delta_terms own = list == LIST_BOTH ? apply_own(&reader->own, &reader->terms) : reader->terms;

	if (list != LIST_OWN_PORTS)
		visitor->at_site(ctx, hf_site(number, false), &reader->terms);
	if (list != LIST_ADAPTERS)
		visitor->at_site(ctx, hf_site(number, true), &own);
}

static void read_switches(struct reader *reader, enum hf_delta_list list, const struct hf_delta_visitor *visitor, void *ctx)
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
	for (enum hf_delta_list list = 0; list < LIST_LIDS && !reader->is_bad; list++)
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
