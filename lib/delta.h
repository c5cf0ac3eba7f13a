/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The body of a delta: which paths of one port are new, other or gone, in a byte or two each. doc/protocol.md has the
 * layout and says who sends it; struct hf_delta_hdr and struct hf_report_epochs (lib/wire.h) come in front of it.
 * Pure. GUIDs and LIDs are in host order; MTU, rate and packet life are the IBA's codes.
 */
#ifndef HF_LIB_DELTA_H
#define HF_LIB_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_DELTA_MAX	49151	/* destinations: the unicast LIDs of a subnet; and switches */

/*
 * Where a destination is: it hangs at a switch, or is that switch's own port 0. The plugin numbers the switches from 0,
 * once for each instance, and names a destination with its site; so a path that all at a switch have is told once.
 */
#define HF_SITE_UNKNOWN	0
#define HF_SITE_LAST	(2 * HF_DELTA_MAX)

static inline uint32_t hf_site(uint32_t switch_number, bool is_own_port)
{
	return 1 + 2 * switch_number + is_own_port;
}

/* Both of a site that is known. */
static inline uint32_t hf_site_switch(uint32_t site)
{
	return (site - 1) / 2;
}

static inline bool hf_site_is_own_port(uint32_t site)
{
	return (site - 1) & 1;
}

/* A destination's part of the sum of those that are told by their sites. */
uint32_t hf_site_sum(uint32_t site, uint16_t lid);

/* What a path consists of besides its two ends. */
struct hf_delta_terms {
	uint16_t pkey;
	uint8_t sl, mtu, rate, pkt_life;
};

struct hf_delta_name {
	uint64_t guid;
	uint16_t lid;
	uint32_t site;
};

struct hf_delta_path {
	uint16_t lid;
	struct hf_delta_terms terms;
};

/* All destinations at a site that the host knows and that are not gone have this path. */
struct hf_delta_site {
	uint32_t site;
	struct hf_delta_terms terms;
	uint64_t order;	/* for hf_delta_encode() alone */
};

/* The parts of a body; the caller owns the arrays. */
struct hf_delta {
	uint64_t *gone;
	struct hf_delta_name *named;
	struct hf_delta_path *paths;
	struct hf_delta_site *sites;
	size_t n_gone, n_named, n_paths, n_sites;
	/* The destinations that are told by their sites: how many, and the sum of their hf_site_sum(). */
	uint32_t covered, covered_sum;
};

/* The size that a body has at most, in bytes. */
size_t hf_delta_max_bytes(const struct hf_delta *delta);

/**
 * hf_delta_encode() - write a body
 * @delta:   its arrays get sorted; no GUID twice in @gone or in @named, no LID twice in @named or in @paths, no site
 *           twice in @sites
 * @to:      of hf_delta_max_bytes() bytes at least
 *
 * Return: its length in bytes.
 */
size_t hf_delta_encode(struct hf_delta *delta, uint8_t *to);

/*
 * Takes what a body says: first all that is gone, then all names, then paths to sites and to LIDs in any order, and at
 * last, where there were paths to sites, which destinations they mean. Each may be NULL.
 */
struct hf_delta_visitor {
	void (*gone)(void *ctx, uint64_t guid);
	void (*named)(void *ctx, uint64_t guid, uint16_t lid, uint32_t site);
	void (*path)(void *ctx, uint16_t lid, const struct hf_delta_terms *terms);
	void (*at_site)(void *ctx, uint32_t site, const struct hf_delta_terms *terms);
	void (*covered)(void *ctx, uint32_t count, uint32_t sum);
};

/**
 * hf_delta_decode() - read a body
 * @body:    from the wire: anything
 * @length:  in bytes
 * @visitor: called for each item once the body as a whole has been found good
 * @ctx:     passed to @visitor
 *
 * Good is a body in the form that hf_delta_encode() writes: numbers in their shortest form, ascending, GUIDs not 0, LIDs
 * from 1 to 0xbfff, SL below 16, MTU, rate and packet life below 64, P_Key not 0, no LID named twice or with two paths,
 * no site with two paths, groups ascending by their terms and none twice, no more than HF_DELTA_MAX of a kind, and
 * nothing behind its end.
 *
 * Return: 0; -EBADMSG, and @visitor was not called.
 */
int hf_delta_decode(const uint8_t *body, size_t length, const struct hf_delta_visitor *visitor, void *ctx);

#endif
