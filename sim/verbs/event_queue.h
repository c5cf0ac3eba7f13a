/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Events for a program that waits for them at a file descriptor: a list, and a pipe that holds a byte for each. An
 * event of an object that is destroyed is taken back, as the kernel does it. The lock is the caller's.
 */
#ifndef HF_SIM_VERBS_EVENT_QUEUE_H
#define HF_SIM_VERBS_EVENT_QUEUE_H

#include <stdbool.h>

struct hf_event {
	void *object;
	int type;
	int port;
	struct hf_event *prev, *next;
};

struct hf_event_queue {
	int read_fd, write_fd;
	struct hf_event *events;
};

int hf_event_queue_init(struct hf_event_queue *queue);
void hf_event_queue_fini(struct hf_event_queue *queue);

/* Lost where memory is short or the pipe is full, which takes tens of thousands that nobody reads. */
void hf_event_queue_add_locked(struct hf_event_queue *queue, void *object, int type, int port);
void hf_event_queue_remove_locked(struct hf_event_queue *queue, const void *object);

/* The oldest, without a wait; false where there is none. */
bool hf_event_queue_take_locked(struct hf_event_queue *queue, struct hf_event *ret_event);

/*
 * Wait for an event, as the descriptor's flags say; false where there is none, with errno as read() has it. Without the
 * lock: another thread may take the event first.
 */
bool hf_event_queue_wait(struct hf_event_queue *queue);

#endif
