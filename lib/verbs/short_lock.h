/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A lock for the data path: one exchange to take it, one store to give it back. Who finds it held lets others run; that
 * is so while a queue pair is reset, or where threads of the program share a queue. A program that polls has it nearly
 * all the time, so whoever comes to reset a queue pair goes first.
 */
#ifndef HF_LIB_VERBS_SHORT_LOCK_H
#define HF_LIB_VERBS_SHORT_LOCK_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

struct hf_short_lock {
	atomic_bool is_held;
	atomic_uint wanted;	/* by how many that go first */
};

static inline bool hf_short_lock_try(struct hf_short_lock *lock)
{
	return !atomic_exchange_explicit(&lock->is_held, true, memory_order_acquire);
}

static inline bool hf_short_lock_try_after(struct hf_short_lock *lock)
{
	return !atomic_load_explicit(&lock->wanted, memory_order_relaxed) && hf_short_lock_try(lock);
}

/* Apart from the data path, which next to never comes here. */
void hf_short_lock_wait(struct hf_short_lock *lock);

static inline void hf_short_lock_take(struct hf_short_lock *lock)
{
	if (!hf_short_lock_try_after(lock))
		hf_short_lock_wait(lock);
}

static inline void hf_short_lock_take_first(struct hf_short_lock *lock)
{
	atomic_fetch_add(&lock->wanted, 1);
	while (!hf_short_lock_try(lock))
		sched_yield();
	atomic_fetch_sub(&lock->wanted, 1);
}

static inline void hf_short_lock_give(struct hf_short_lock *lock)
{
	atomic_store_explicit(&lock->is_held, false, memory_order_release);
}

#endif
