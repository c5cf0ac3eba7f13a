/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The body of a delta: which paths of one port are new, other or gone, in a byte or two each. doc/protocol.md has the
 * layout and says who sends it; struct hf_delta_hdr and struct hf_report_epochs (lib/wire.h) come in front of it.
 * Pure. GUIDs and LIDs are in host order; MTU, rate and packet life are the IBA's codes.
 */
#ifndef HF_LIB_DELTA_H
#define HF_LIB_DELTA_H

#include <stddef.h>
#include <stdint.h>

#define HF_DELTA_MAX	49151	/* destinations: the unicast LIDs of a subnet */

/* What a path consists of besides its two ends. */
struct hf_delta_terms {
	uint16_t pkey;
	uint8_t sl, mtu, rate, pkt_life;
};

struct hf_delta_name {
	uint64_t guid;
	uint16_t lid;
};

struct hf_delta_path {
	uint16_t lid;
	struct hf_delta_terms terms;
};

/* The parts of a body; the caller owns the arrays. */
struct hf_delta {
	uint64_t *gone;
	struct hf_delta_name *named;
	struct hf_delta_path *paths;
	size_t n_gone, n_named, n_paths;
};

/* The size that a body has at most, in bytes. */
size_t hf_delta_max_bytes(const struct hf_delta *delta);

/**
 * hf_delta_encode() - write a body
 * @delta:   its arrays get sorted; no GUID twice in @gone or in @named, no LID twice in @named or in @paths
 * @to:      of hf_delta_max_bytes() bytes at least
 *
 * Return: its length in bytes.
 */
size_t hf_delta_encode(struct hf_delta *delta, uint8_t *to);

/* Takes what a body says, in its order: all that is gone, all names, all paths. Each may be NULL. */
struct hf_delta_visitor {
	void (*gone)(void *ctx, uint64_t guid);
	void (*named)(void *ctx, uint64_t guid, uint16_t lid);
	void (*path)(void *ctx, uint16_t lid, const struct hf_delta_terms *terms);
};

/**
 * hf_delta_decode() - read a body
 * @body:    from the wire: anything
 * @length:  in bytes
 * @visitor: called for each item once the body as a whole has been found good
 * @ctx:     passed to @visitor
 *
 * Good is a body that hf_delta_encode() might have written: numbers in their shortest form, ascending, GUIDs not 0, LIDs
 * from 1 to 0xbfff, SL below 16, MTU, rate and packet life below 64, P_Key not 0, no LID named twice or with two paths,
 * groups ascending by their terms and none twice, no more than HF_DELTA_MAX of a kind, and nothing behind its end.
 *
 * Return: 0; -EBADMSG, and @visitor was not called.
 */
int hf_delta_decode(const uint8_t *body, size_t length, const struct hf_delta_visitor *visitor, void *ctx);

#endif
