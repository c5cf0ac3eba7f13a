/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A mutex whose holder cannot be cancelled. opensm cancels its receiver thread at the end, and much of what happens
 * under our locks is a cancellation point: the lock would stay locked for ever.
 */
#ifndef HF_SIM_UMAD_LOCK_H
#define HF_SIM_UMAD_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

struct hf_lock {
	pthread_mutex_t mutex;
	int cancel_state; /* of the holder, before */
};

#define HF_LOCK_INITIALIZER { .mutex = PTHREAD_MUTEX_INITIALIZER }

static inline void hf_lock_init(struct hf_lock *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
}

static inline void hf_lock(struct hf_lock *lock)
{
	int cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	pthread_mutex_lock(&lock->mutex);
	lock->cancel_state = cancel_state;
}

/* hf_lock_for_a_while() - give up after some seconds; true if locked. */
static inline bool hf_lock_for_a_while(struct hf_lock *lock, int seconds)
{
	struct timespec deadline;
	int cancel_state;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += seconds;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	if (pthread_mutex_timedlock(&lock->mutex, &deadline) != 0) {
		pthread_setcancelstate(cancel_state, NULL);
		return false;
	}
	lock->cancel_state = cancel_state;
	return true;
}

static inline void hf_unlock(struct hf_lock *lock)
{
	int cancel_state = lock->cancel_state;

	pthread_mutex_unlock(&lock->mutex);
	pthread_setcancelstate(cancel_state, NULL);
}

#endif
