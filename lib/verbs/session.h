/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The one thread of the library: it talks with holdfastd and moves queue pairs. It is started when the first queue pair
 * connects, blocks all signals, and ends with the process; a child of fork() starts its own. While there is no
 * holdfastd it looks for one now and then, and the program runs as if the library was not there.
 */
#ifndef HF_LIB_VERBS_SESSION_H
#define HF_LIB_VERBS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_queue_pair;

/* Starts the thread where it does not run, and has it look at what is to be told. Any thread; errno is kept. */
void hf_session_wake(void);

/* hf_queue_pair_tell(), and at once. Any thread. */
void hf_session_tell(struct hf_queue_pair *qp);

/**
 * hf_session_send_peer() - say something to the program at the other end of a connection
 * @qp:     locked
 * @data:   begins with a struct hf_peer_header
 * @length: at most HF_PROGRAM_PEER_MAX
 *
 * It may be lost, doubled or late. On the session thread.
 *
 * Return: 0; -ENOTCONN where no holdfastd takes it, or -EAGAIN while it takes nothing.
 */
int hf_session_send_peer(struct hf_queue_pair *qp, const void *data, size_t length);

/* Counts the sessions with holdfastd: what was said in one is forgotten in the next. */
unsigned int hf_session_number(void);

/* fork(): the child has no thread, and no session with holdfastd. */
void hf_session_fork_prepare(void);
void hf_session_fork_parent(void);
void hf_session_fork_child(void);

uint64_t hf_clock_ns(void);	/* CLOCK_MONOTONIC */

#endif
