/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Against messages that were recorded: a stamp in each message, and the receiver's last stamp sent back in it.
 *
 * A stamp is a random number that a program draws when it starts, its instance, and its clock, which a stamp never
 * shows twice. Who finds a recent stamp of his own in an authentic message knows that it was made after that, by who is
 * alive now, and not by an earlier life of the same peer; and one whose own stamp is not higher than the last is a
 * repetition. So each message is a challenge and answers the last one, and nothing else is needed but to send one's
 * stamp to who has not seen it.
 */
#ifndef HF_LIB_STAMP_H
#define HF_LIB_STAMP_H

#include <stdint.h>

struct hf_stamp {
	uint64_t instance;	/* 0: none */
	uint64_t ns;
};

/* One's own stamps. */
struct hf_stamper {
	uint64_t instance;
	uint64_t last_ns;
};

/* What is remembered of a peer. */
#define HF_STAMP_RETIRED	4

struct hf_contact {
	struct hf_stamp last;				/* of the last message that was taken */
	uint64_t retired[HF_STAMP_RETIRED];		/* instances that others have followed */
	unsigned int retired_count;			/* in all */
};

enum hf_contact_verdict {
	HF_CONTACT_FRESH,	/* from now on its stamp is the last */
	HF_CONTACT_STALE,	/* may be old: the peer has not shown that it has a recent stamp of ours */
	HF_CONTACT_REPEATED,	/* was taken before, or came after a later one */
};

/**
 * hf_stamper_next() - a stamp for the next message
 * @stamper: with an instance that is random and not 0
 * @now_ns:  CLOCK_MONOTONIC
 *
 * Return: one that is higher than all before, also where the clock stands still or goes back.
 */
struct hf_stamp hf_stamper_next(struct hf_stamper *stamper, uint64_t now_ns);

/**
 * hf_contact_check() - is an authentic message new?
 * @contact:   of the peer that it comes from; updated where it is
 * @stamper:   one's own
 * @stamp:     the message's
 * @echo:      what it sends back
 * @now_ns:    CLOCK_MONOTONIC
 * @window_ns: how old the stamp may be that it sends back
 *
 * Return: the verdict.
 */
enum hf_contact_verdict hf_contact_check(struct hf_contact *contact, const struct hf_stamper *stamper,
					 const struct hf_stamp *stamp, const struct hf_stamp *echo, uint64_t now_ns,
					 uint64_t window_ns);

#endif
