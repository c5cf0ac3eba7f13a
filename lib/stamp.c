/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/stamp.h"

#include <stdbool.h>

struct hf_stamp hf_stamper_next(struct hf_stamper *stamper, uint64_t now_ns)
{
	stamper->last_ns = now_ns > stamper->last_ns ? now_ns : stamper->last_ns + 1;
	return (struct hf_stamp){ stamper->instance, stamper->last_ns };
}

static bool is_retired(const struct hf_contact *contact, uint64_t instance)
{
	unsigned int count = contact->retired_count < HF_STAMP_RETIRED ? contact->retired_count : HF_STAMP_RETIRED;

	for (unsigned int i = 0; i < count; i++)
		if (contact->retired[i] == instance)
			return true;
	return false;
}

/* The stamps may be ahead of the clock: it went back, or several were drawn at one time. */
static bool is_recent(const struct hf_stamper *stamper, const struct hf_stamp *echo, uint64_t now_ns,
		      uint64_t window_ns)
{
	if (echo->instance != stamper->instance || echo->ns > stamper->last_ns)
		return false;
	return echo->ns >= now_ns || now_ns - echo->ns <= window_ns;
}

enum hf_contact_verdict hf_contact_check(struct hf_contact *contact, const struct hf_stamper *stamper,
					 const struct hf_stamp *stamp, const struct hf_stamp *echo, uint64_t now_ns,
					 uint64_t window_ns)
{
	struct hf_stamp *last = &contact->last;

	if (stamp->instance == last->instance ? stamp->ns <= last->ns : is_retired(contact, stamp->instance))
		return HF_CONTACT_REPEATED;
	if (!is_recent(stamper, echo, now_ns, window_ns))
		return HF_CONTACT_STALE;
	if (last->instance && last->instance != stamp->instance)
		contact->retired[contact->retired_count++ % HF_STAMP_RETIRED] = last->instance;
	*last = *stamp;
	return HF_CONTACT_FRESH;
}
