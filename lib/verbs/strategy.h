/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * How a connected queue pair is moved to another path: each way is a struct of functions in one file, and an entry in
 * the table in strategy.c, in the order in which they are preferred.
 *
 * All functions are called with the queue pair's lock held, by the session thread if not said otherwise, and return at
 * once. A strategy that has to wait, for the adapter or for the other end, sets move.wake_ns and returns -EINPROGRESS;
 * its step function is called then, or sooner when a message of the other end came. What it has to remember is in the
 * struct hf_move. All bounds are its own: it must come to an end by itself.
 */
#ifndef HF_LIB_VERBS_STRATEGY_H
#define HF_LIB_VERBS_STRATEGY_H

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/program_wire.h"

struct hf_queue_pair;

/*
 * What the ends of a connection say to each other begins with this; the rest is the strategy's. Numbers of more than
 * a byte are big endian.
 */
struct hf_peer_header {
	uint8_t strategy;	/* enum hf_program_strategy: whose message it is */
	uint8_t kind;		/* the strategy's */
	uint8_t reserved[2];
};

/*
 * Results of begin, step and peer:
 *   0             done: the queue pair uses move.path, and attr says so
 *   -EINPROGRESS  goes on at move.wake_ns
 *   -EOPNOTSUPP   the adapter cannot do this at all: it is not tried again on this device, and the next one is
 *   -EAGAIN, -ETIMEDOUT, -EBUSY
 *                 not this time: the next strategy is tried
 *   other -errno  the move has failed
 * Where it is not 0 or -EINPROGRESS, the queue pair uses what it used before, or is where its own failure brought it.
 */
struct hf_move_strategy {
	enum hf_program_strategy id;

	/* While it works the queue pair is in states that the program did not bring it to: who asks must wait. */
	bool is_visible;

	/*
	 * Even so: is the queue pair as the program left it as yet? Then it may look at it, and change what does not bring
	 * it to another state. On any thread. NULL: never.
	 */
	bool (*is_untouched)(struct hf_queue_pair *qp);

	/*
	 * It can also move a queue pair that the program left in RTR, as one does that only receives: begin and peer may
	 * find it there. What it sends, answers, goes by its path too.
	 */
	bool takes_rtr;

	/* Can it bring about what differs (@mask, of hf_queue_pair_route_locked())? */
	bool (*suits)(const struct hf_queue_pair *qp, int mask);

	/* The queue pair is in RTS (or RTR), by the program and by the adapter. */
	int (*begin)(struct hf_queue_pair *qp, uint64_t now_ns);

	int (*step)(struct hf_queue_pair *qp, uint64_t now_ns);

	/*
	 * A message of the other end's, at least a header long; NULL where there are none. When no move is under way it
	 * comes to this strategy with qp->move empty but for path, which is the SM's path to the other end (not
	 * reachable: not known): -EINPROGRESS makes the queue pair take part in the other end's move from then on,
	 * -ENOENT leaves it as it is. While a move of another strategy is under way, messages are dropped: they are
	 * repeated.
	 */
	int (*peer)(struct hf_queue_pair *qp, const struct hf_program_peer *message, uint64_t now_ns);

	/*
	 * The program wants to modify its queue pair, and has waited a moment, or a move of holdfastd's comes while
	 * another end's is under way: back to what the program knows of. On any thread. NULL: it cannot be cut short.
	 *
	 * Return: 0: the move has ended; -EBUSY: it cannot be cut short, and will end by itself.
	 */
	int (*cut)(struct hf_queue_pair *qp, uint64_t now_ns);

	/*
	 * The program destroys the queue pair, or brings it to RESET or ERR: nothing more may be done to it. NULL where
	 * there is nothing to be cleared. On the program's thread.
	 */
	void (*abandon)(struct hf_queue_pair *qp);
};

extern const struct hf_move_strategy hf_strategy_apm;
extern const struct hf_move_strategy hf_strategy_sqd;
extern const struct hf_move_strategy hf_strategy_reset;

/**
 * hf_strategy_next() - what to try next
 * @qp:   its move says what was tried already
 * @mask: what differs
 *
 * Return: the strategy; NULL: there is none left.
 */
const struct hf_move_strategy *hf_strategy_next(const struct hf_queue_pair *qp, int mask);

/*
 * Return: the strategy; NULL: there is none, or it is not to be used (HOLDFAST_STRATEGY), or not with a queue pair that
 * the program brought to @state.
 */
const struct hf_move_strategy *hf_strategy_get(enum hf_program_strategy id, enum ibv_qp_state state);

/* Can a queue pair be moved in the state that the program brought it to? What can is told to holdfastd. */
bool hf_strategy_takes(enum ibv_qp_state state);

/*
 * A queue pair that move.is_in_sqd says is left in SQD, by whatever strategies came after sqd: back to RTS, and the end
 * with @err. Return: as of a step.
 */
int hf_strategy_sqd_leave(struct hf_queue_pair *qp, int err, uint64_t now_ns);

/* Adapters say in several ways that they cannot do something: those become -EOPNOTSUPP. */
int hf_strategy_refusal(int err);

/* The time in which the queue pair could not send, for the answer. */
void hf_move_pause_locked(struct hf_queue_pair *qp);
void hf_move_resume_locked(struct hf_queue_pair *qp);

/* It goes on, but nobody knows for how long: holdfastd, which waits, is answered with @err, and orders are refused. */
void hf_move_stuck_locked(struct hf_queue_pair *qp, int err);

#endif
