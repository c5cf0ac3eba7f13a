/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Numbers that look random and are the same for the same seed on every machine: splitmix64. */
#ifndef HF_TOOLS_HFSIM_RANDOM_H
#define HF_TOOLS_HFSIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct hf_random {
	uint64_t state;		/* starts as the seed */
};

static inline uint64_t hf_random_next(struct hf_random *random)
{
	uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 to @limit - 1; @limit is not 0. */
static inline uint32_t hf_random_below(struct hf_random *random, uint32_t limit)
{
	return hf_random_next(random) % limit;
}

static inline bool hf_random_percent(struct hf_random *random, uint32_t percent)
{
	return hf_random_below(random, 100) < percent;
}

#endif
