/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/short_lock.h"

#include <time.h>

#define LOOKS	200	/* before the processor is given away */
#define YIELDS	200	/* before sleeping: its holder may be a program that takes its time */
#define NAP_NS	20000

static bool may_be_free(const struct hf_short_lock *lock)
{
	return !atomic_load_explicit(&lock->is_held, memory_order_relaxed) &&
	       !atomic_load_explicit(&lock->wanted, memory_order_relaxed);
}

static void look(const struct hf_short_lock *lock, unsigned int tries)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };

	for (unsigned int i = 0; i < LOOKS; i++)
		if (may_be_free(lock))
			return;
	if (tries < YIELDS)
		sched_yield();
	else
		nanosleep(&nap, NULL);
}

void hf_short_lock_wait(struct hf_short_lock *lock)
{
	for (unsigned int tries = 0; !hf_short_lock_try_after(lock); tries++)
		look(lock, tries);
}
