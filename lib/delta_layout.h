/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What the writer and the reader of a delta's body know of its layout; doc/protocol.md has it. */
#ifndef HF_LIB_DELTA_LAYOUT_H
#define HF_LIB_DELTA_LAYOUT_H

#include <assert.h>
#include <stdint.h>

#include "lib/delta.h"

#define NUMBER_MAX_BYTES	10	/* a number of 64 bits, 7 in each */
#define LID_LAST		0xbfff
#define SL_MASK			0x0f
#define LIST_FOLLOWS(list)	(0x10 << (list))	/* in the byte of the SL */
#define CODE_LAST		0x3f	/* MTU, rate and packet life have 6 bits */
#define IS_NEAR			0xc0	/* in the first byte of a name's LID: the rest of the byte is the distance */
#define NEAR_LAST		0x3f
#define GAP_BITS		16	/* of the distance between two switches */

static_assert(HF_DELTA_MAX == LID_LAST, "a delta has room for each unicast LID");
static_assert(LID_LAST >> 8 < IS_NEAR, "no LID begins like a distance");
static_assert(HF_DELTA_MAX < 1 << GAP_BITS, "a switch's number fits");

/* What a list means: switches, but for the last. */
enum hf_delta_list {
	LIST_BOTH,		/* what hangs there, and their own ports */
	LIST_ADAPTERS,
	LIST_OWN_PORTS,
	LIST_LIDS,
	LISTS,
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

struct hf_delta_own {
	unsigned int fields;
	struct hf_delta_terms terms;	/* of these */
};

/* The distance from one number to another: 0, -1, 1, -2, 2 and so on are 0, 1, 2, 3, 4. */
static inline uint32_t up_or_down(uint32_t before, uint32_t value)
{
	return value >= before ? 2 * (value - before) : 2 * (before - value) - 1;
}

/* The SL counts least: what has all else in common is in a section. */
static inline uint64_t terms_key(const struct hf_delta_terms *terms)
{
	return (uint64_t)terms->pkey << 32 | (uint64_t)terms->mtu << 24 | (uint64_t)terms->rate << 16 |
	       (uint64_t)terms->pkt_life << 8 | terms->sl;
}

static inline uint64_t section_key(const struct hf_delta_terms *terms)
{
	return terms_key(terms) >> 8;
}

static inline struct hf_delta_terms apply_own(const struct hf_delta_own *own, const struct hf_delta_terms *terms)
{
	return (struct hf_delta_terms) {
		.pkey = own->fields & OWN_PKEY ? own->terms.pkey : terms->pkey,
		.sl = terms->sl,
		.mtu = own->fields & OWN_MTU ? own->terms.mtu : terms->mtu,
		.rate = own->fields & OWN_RATE ? own->terms.rate : terms->rate,
		.pkt_life = own->fields & OWN_PKT_LIFE ? own->terms.pkt_life : terms->pkt_life,
	};
}

#endif
