/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What the two ends of a reliable connection say to each other to reset it (doc/program-protocol.md). A pure state
 * machine for each connection: messages, time and the outcome of what it asks for go in; messages to send and what is
 * to be done come out.
 *
 *   initiator             other end
 *   FREEZE ->
 *                         <- LIFE     where FREEZE does not name this life of the other end
 *   FREEZE ->             stops
 *                         <- FROZEN
 *   stops, and is ready
 *   to receive; GO ->     restarts
 *                         <- GONE
 *   begins to send
 *
 * Each move of a connection is a round, and rounds count up; so what arrives late is known to be old. The initiator
 * repeats its question until it is answered, and who is frozen says so until it hears GO. Where both begin at once, the
 * one with the smaller identity goes on.
 *
 * A program may make its connection anew, with the same queue pairs and the same packet sequence numbers. Each time an
 * end begins a new life, which has a number drawn by chance, and each message names the lives of both ends. Who is asked
 * to freeze does so only when it is called by its life: so it was heard by whoever asks, and what is late does nothing.
 * As one end may begin its new life while the other is still in its old one, the number changes once more when the
 * connection is used for the first time, which a program does when both are there.
 *
 * Not thread-safe: the caller serialises.
 */
#ifndef HF_LIB_VERBS_HANDSHAKE_H
#define HF_LIB_VERBS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/verbs/strategy.h"
#include "lib/wire.h"

#define HF_HANDSHAKE_VERSION	1
#define HF_HANDSHAKE_RESEND_NS	UINT64_C(50000000)
#define HF_HANDSHAKE_ASK_NS	UINT64_C(1000000000)	/* for an answer to the first question */
#define HF_HANDSHAKE_LIMIT_NS	UINT64_C(2000000000)	/* the initiator's, for all */
#define HF_HANDSHAKE_HALT_NS	UINT64_C(2500000000)	/* how long the other end waits for GO: longer than that */
#define HF_HANDSHAKE_NEVER	UINT64_MAX
#define HF_HANDSHAKE_NO_PSN	UINT32_MAX		/* of an end whose program has only begun to receive */
#define HF_HANDSHAKE_USED	1u			/* a life in which something was sent or has come */

enum hf_handshake_kind {
	HF_HANDSHAKE_FREEZE = 1,
	HF_HANDSHAKE_FROZEN,
	HF_HANDSHAKE_GO,
	HF_HANDSHAKE_GONE,
	HF_HANDSHAKE_REFUSED,
	HF_HANDSHAKE_LIFE,	/* the answer to a FREEZE that does not know it */
	HF_HANDSHAKE_KINDS,
};

enum hf_handshake_reason {
	HF_HANDSHAKE_NO_REASON,
	HF_HANDSHAKE_UNKNOWN,	/* no such connection, or not in this life */
	HF_HANDSHAKE_NOT_ABLE,	/* this queue pair, this adapter or this configuration does not do it */
	HF_HANDSHAKE_FAILED,	/* it was tried */
	HF_HANDSHAKE_GAVE_UP,	/* too late */
	HF_HANDSHAKE_REASONS,
};

/* On the wire. */
struct hf_handshake_message {
	struct hf_peer_header header; /* kind: enum hf_handshake_kind */
	uint8_t version;
	uint8_t reason;		/* enum hf_handshake_reason, in REFUSED */
	uint8_t mtu;		/* IBA's code; in FROZEN the largest that this end can use, in GO that of both */
	uint8_t reserved;
	__be32 round;
	__be32 floor;		/* in FROZEN: later rounds are above it */
	__be64 guid;		/* the sender's port */
	__be32 qpn;		/* and queue pair */
	__be32 sender_psn;	/* with which the program at the sender began to send, or HF_HANDSHAKE_NO_PSN */
	__be32 receiver_psn;	/* and the program at the receiver */
	__be32 expected_psn;	/* in FROZEN and GO: what the sender would have received next */
	__be32 first_psn;	/* and with what it begins anew */
	__be32 oldest_psn;	/* likewise: what the sender has sent and may not have been received begins here */
	__be32 next_psn;	/* and ends before this */
	__be32 sender_life;
	__be32 receiver_life;	/* 0: not known yet */
} __attribute__((packed));

HF_CHECK_SIZE(struct hf_handshake_message, 60);
HF_CHECK_AT(struct hf_handshake_message, round, 8);
HF_CHECK_AT(struct hf_handshake_message, guid, 16);
HF_CHECK_AT(struct hf_handshake_message, first_psn, 40);
HF_CHECK_AT(struct hf_handshake_message, receiver_life, 56);

enum hf_handshake_state {
	HF_HANDSHAKE_IDLE,
	HF_HANDSHAKE_ASKING,		/* FREEZE was said */
	HF_HANDSHAKE_STOPPING,		/* the other end is frozen; this one stops */
	HF_HANDSHAKE_PREPARING,		/* until it can receive again */
	HF_HANDSHAKE_GOING,		/* GO was said */
	HF_HANDSHAKE_STARTING,		/* the other end has restarted; this one begins to send */
	HF_HANDSHAKE_HALTING,		/* the other end said FREEZE; this one stops */
	HF_HANDSHAKE_HALTED,		/* FROZEN was said */
	HF_HANDSHAKE_RESTARTING,	/* the other end said GO */
	HF_HANDSHAKE_STATES,
};

enum hf_handshake_event {
	HF_HANDSHAKE_EV_BEGIN,
	HF_HANDSHAKE_EV_DONE,		/* what was to be done */
	HF_HANDSHAKE_EV_NOT_DONE,
	HF_HANDSHAKE_EV_RESEND,
	HF_HANDSHAKE_EV_DEADLINE,
	HF_HANDSHAKE_EV_FREEZE,		/* of a new round, and not to be ignored for our own */
	HF_HANDSHAKE_EV_FREEZE_AGAIN,	/* of the round that goes on */
	HF_HANDSHAKE_EV_LIFE,		/* of the other end, that we did not know of */
	HF_HANDSHAKE_EV_FROZEN,
	HF_HANDSHAKE_EV_FROZEN_YET,	/* of a round of ours that ended without an answer: the other end has stopped */
	HF_HANDSHAKE_EV_FROZEN_LATE,	/* of a round that we have said GO in and not heard more of */
	HF_HANDSHAKE_EV_FROZEN_STRAY,	/* of one that is over */
	HF_HANDSHAKE_EV_GO,
	HF_HANDSHAKE_EV_GO_AGAIN,	/* of the round that was completed last */
	HF_HANDSHAKE_EV_GO_STRAY,
	HF_HANDSHAKE_EV_GONE,
	HF_HANDSHAKE_EV_REFUSED,
	HF_HANDSHAKE_EV_UNKNOWN,	/* refused, as the program has made the other end anew, or ended it */
	HF_HANDSHAKE_EV_ALONE,		/* no GO comes, and as nothing was ever said it is not needed */
	HF_HANDSHAKE_EV_STRAY,		/* any other; means nothing in any state */
	HF_HANDSHAKE_EVENTS,
};

enum hf_handshake_action {
	HF_HANDSHAKE_NOTHING,
	/* To be done, and then told with hf_handshake_done() or hf_handshake_not_done(): */
	HF_HANDSHAKE_DO_STOP,	 /* nothing is received or sent any more */
	HF_HANDSHAKE_DO_PREPARE, /* up to RTR */
	HF_HANDSHAKE_DO_START,	 /* from there to RTS, and replay */
	HF_HANDSHAKE_DO_RESTART, /* both */
	/* The end: */
	HF_HANDSHAKE_END_MOVED,
	HF_HANDSHAKE_END_REFUSED, /* nothing was done, the connection is as it was */
	HF_HANDSHAKE_END_SILENT,  /* likewise: no answer; when one comes yet, it is asked again */
	HF_HANDSHAKE_END_BROKEN,  /* stopped, and cannot be started: leave it in error */
	HF_HANDSHAKE_ACTIONS,
};

/* What an end says of itself in FROZEN and GO. */
struct hf_handshake_offer {
	uint32_t expected_psn;
	uint32_t first_psn;
	uint32_t oldest_psn, next_psn;
	uint8_t mtu;
	bool is_unused;		/* nothing was sent or has come in this life: first_psn is the program's; not said */
};

struct hf_handshake {
	uint64_t guid;
	uint32_t qpn;
	uint32_t own_psn, peer_psn;	/* with which the programs have connected; each may be HF_HANDSHAKE_NO_PSN */
	uint32_t told_psn;		/* what the other end has for own_psn */
	uint32_t life, peer_life;	/* peer_life 0: not known; at DO_STOP for the other end, its own */
	enum hf_handshake_state state;
	uint32_t round;			/* the one that goes on, or went on last */
	uint32_t last;			/* no round up to this one is new */
	uint32_t proposed;		/* the highest that we have proposed */
	uint32_t agreed;		/* the round that was completed last, 0: none */
	uint32_t closed;		/* no round of ours up to this one is taken up again */
	bool is_initiator;
	enum hf_handshake_reason reason; /* END_REFUSED, END_BROKEN: what the other end said */
	struct hf_handshake_offer own;
	struct hf_handshake_offer peer;	/* valid at DO_PREPARE, and at DO_RESTART with the MTU that both use */
	uint64_t begun_ns, resend_ns, deadline_ns;
};

struct hf_handshake_step {
	enum hf_handshake_action action;
	bool has_message;
	struct hf_handshake_message message; /* to the other end */
};

extern const char *const hf_handshake_kind_names[HF_HANDSHAKE_KINDS];
extern const char *const hf_handshake_state_names[HF_HANDSHAKE_STATES];
extern const char *const hf_handshake_reason_names[HF_HANDSHAKE_REASONS];

/**
 * hf_handshake_init() - a connection that the program has just made, or made anew
 * @handshake: the machine
 * @guid:      of the own port
 * @qpn:       of the own queue pair
 * @own_psn:   the first that the program sends with, or HF_HANDSHAKE_NO_PSN; then what it will be is told_psn, as soon
 *             as the other end has spoken
 * @peer_psn:  the first that it receives
 * @life:      drawn by chance, even and not 0
 *
 * It forgets whatever went on.
 */
void hf_handshake_init(struct hf_handshake *handshake, uint64_t guid, uint32_t qpn, uint32_t own_psn,
		       uint32_t peer_psn, uint32_t life);

/* Something was sent, or has come. To be said before the functions below; means nothing while something goes on. */
void hf_handshake_use(struct hf_handshake *handshake);

/**
 * hf_handshake_begin() - ask the other end to freeze
 *
 * Return: 0; -EBUSY while something goes on.
 */
int hf_handshake_begin(struct hf_handshake *handshake, uint64_t now_ns, struct hf_handshake_step *ret_step);

/**
 * hf_handshake_done() - what a step asked for is done
 * @offer: after DO_STOP where this end is not the initiator, and after DO_PREPARE: what to say; else NULL
 *
 * Not after an END that came meanwhile; nor is the function below.
 */
void hf_handshake_done(struct hf_handshake *handshake, const struct hf_handshake_offer *offer, uint64_t now_ns,
		       struct hf_handshake_step *ret_step);

/* It cannot be done. The machine is idle after it; the other end is told. */
void hf_handshake_not_done(struct hf_handshake *handshake, enum hf_handshake_reason reason,
			   struct hf_handshake_step *ret_step);

/**
 * hf_handshake_receive() - something has come from the other end
 *
 * Return: 0; -EBADMSG for what is no message of ours, -ESTALE for one about another connection of these queue pairs that
 * wants no answer; @ret_step is untouched then.
 */
int hf_handshake_receive(struct hf_handshake *handshake, const void *data, size_t length, uint64_t now_ns,
			 struct hf_handshake_step *ret_step);

/* Time has passed. Due when hf_handshake_next_ns() is. */
void hf_handshake_tick(struct hf_handshake *handshake, uint64_t now_ns, struct hf_handshake_step *ret_step);
uint64_t hf_handshake_next_ns(const struct hf_handshake *handshake);

/* Nothing goes on any more, and nobody is told. */
void hf_handshake_abandon(struct hf_handshake *handshake);

/**
 * hf_handshake_refuse() - the answer for a queue pair that has no machine
 * @data:      what came
 * @length:    bytes of it
 * @ret_reply: what to send back
 *
 * Return: 0; -EBADMSG for what is no message, -ENOMSG for one that wants no answer.
 */
int hf_handshake_refuse(const void *data, size_t length, struct hf_handshake_message *ret_reply);

#endif
