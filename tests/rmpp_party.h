/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Engine and reference behind one interface, and both in one: the twin, which lets no difference between them pass. */
#ifndef HF_TESTS_RMPP_PARTY_H
#define HF_TESTS_RMPP_PARTY_H

#include "sim/rmpp.h"

/**
 * struct rmpp_party_kind - who speaks RMPP at one end of a link
 * @name:  for messages
 * @start: as hf_rmpp_new(); the other members as their namesakes there
 */
struct rmpp_party_kind {
	const char *name;
	void *(*start)(const struct hf_rmpp_ops *ops, void *ctx, const struct hf_rmpp_config *config);
	void (*stop)(void *party);
	int (*send)(void *party, const struct hf_rmpp_addr *to, const uint8_t *mad, size_t len, uint32_t timeout_ms,
		    uint32_t retries, uint64_t cookie, uint64_t now_ns);
	int (*receive)(void *party, const struct hf_rmpp_addr *from, const uint8_t mad[HF_MAD_SIZE],
		       uint64_t now_ns);
	int (*cancel)(void *party, uint64_t cookie);
	uint64_t (*deadline_ns)(const void *party);
	void (*expire)(void *party, uint64_t now_ns);
};

extern const struct rmpp_party_kind rmpp_engine;
extern const struct rmpp_party_kind rmpp_model;	/* the reference */

/*
 * Engine and reference, fed alike. After each call everything they called back (what, to whom, each byte, in which
 * order), what they returned and their next deadline must be the same; only the order in which stopping cancels
 * transfers is free. The reference's output is what goes on. The test fails at the first difference.
 */
extern const struct rmpp_party_kind rmpp_twin;

/* What is being tested, seed included: begins each message of a failure. */
extern char rmpp_case[160];

#endif
