/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/umad/disorder.h"

#include <stdio.h>

#include "sim/umad/mad.h"

#define HOLD_NS (20 * UINT64_C(1000000))

/* splitmix64 */
static uint64_t draw(struct hf_disorder *disorder)
{
	uint64_t value = disorder->random += UINT64_C(0x9e3779b97f4a7c15);

	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

void hf_disorder_init(struct hf_disorder *disorder, const char *text, unsigned int adapter)
{
	unsigned int percent, seed;

	*disorder = (struct hf_disorder){ 0 };
	if (!text || sscanf(text, "%u %u", &percent, &seed) != 2)
		return;
	disorder->percent = percent;
	disorder->random = (uint64_t)adapter << 32 | seed;
}

bool hf_disorder_hold(struct hf_disorder *disorder, const struct hf_ibsim_mad *mad, uint64_t now_ns)
{
	if (disorder->percent == 0 || disorder->is_holding ||
	    hf_mad_header(mad->mad).mgmt_class != HF_CLASS_SUBN_ADM || draw(disorder) % 100 >= disorder->percent)
		return false;
	disorder->is_holding = true;
	disorder->held = *mad;
	disorder->until_ns = now_ns + HOLD_NS;
	return true;
}

bool hf_disorder_release(struct hf_disorder *disorder, struct hf_ibsim_mad *ret_mad)
{
	if (!disorder->is_holding)
		return false;
	disorder->is_holding = false;
	*ret_mad = disorder->held;
	return true;
}

uint64_t hf_disorder_deadline_ns(const struct hf_disorder *disorder)
{
	return disorder->is_holding ? disorder->until_ns : UINT64_MAX;
}
