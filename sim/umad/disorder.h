/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Puts what an adapter receives into another order, as adaptive routing or a busy receiver would: some MADs are held
 * back until the next one has passed, or for 20 ms. ibsim itself keeps the order. Pure; SMPs are never held back.
 */
#ifndef HF_SIM_UMAD_DISORDER_H
#define HF_SIM_UMAD_DISORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/ibsim_proto.h"

struct hf_disorder {
	unsigned int percent; /* of the MADs; 0: all stays in order */
	uint64_t random;
	bool is_holding;
	struct hf_ibsim_mad held;
	uint64_t until_ns; /* CLOCK_MONOTONIC; then it goes on in any case */
};

/**
 * hf_disorder_init() - read the setting
 * @disorder: filled in
 * @text:     "PERCENT SEED", or NULL for none; what is not two numbers counts as none
 * @adapter:  tells the adapters of one process apart
 */
void hf_disorder_init(struct hf_disorder *disorder, const char *text, unsigned int adapter);

/**
 * hf_disorder_hold() - decide about a MAD that arrived
 * @disorder: may keep a copy
 * @mad:      borrowed
 * @now_ns:   now
 *
 * Return: true where it is held back, and hf_disorder_release() will give it.
 */
bool hf_disorder_hold(struct hf_disorder *disorder, const struct hf_ibsim_mad *mad, uint64_t now_ns);

/* Gives what was held back, behind the MAD that passed it. Return: whether there is something. */
bool hf_disorder_release(struct hf_disorder *disorder, struct hf_ibsim_mad *ret_mad);

/* When what is held back goes on in any case; UINT64_MAX where nothing is. */
uint64_t hf_disorder_deadline_ns(const struct hf_disorder *disorder);

#endif
