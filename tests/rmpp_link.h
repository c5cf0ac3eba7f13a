/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A link between two who speak RMPP, in simulated time: it loses, doubles, delays, reorders and, where asked, falsifies
 * MADs, all from one seed. It sends what it is told to send, and checks that whatever arrives is what was sent, once.
 */
#ifndef HF_TESTS_RMPP_LINK_H
#define HF_TESTS_RMPP_LINK_H

#include "rmpp_party.h"

struct rmpp_random {
	uint64_t state;
};

uint64_t rmpp_random_next(struct rmpp_random *random);

/* 0 to @bound - 1; @bound is not 0. */
uint64_t rmpp_random_below(struct rmpp_random *random, uint64_t bound);

bool rmpp_random_permille(struct rmpp_random *random, unsigned int permille);

/* What happens to MADs in one direction. A late one takes up to @late_us longer than the others, which overtake it. */
struct rmpp_conditions {
	unsigned int loss_permille;
	unsigned int double_permille;
	unsigned int late_permille;
	uint32_t delay_us;
	uint32_t late_us;
};

/*
 * struct rmpp_link_config - a link and its ends
 * @kinds:          of end 0 and end 1
 * @rmpp:           given to both
 * @towards:        conditions of what is sent to end 0 and to end 1
 * @falsify_permille: MADs whose headers are changed on the way
 * @replay_permille:  MADs that come a second time, up to 15 s later
 * @timer_late_us:    timers are run up to this much too late, and sometimes when nothing is due
 *
 * With the last three 0 the link checks every delivery.
 */
struct rmpp_link_config {
	uint64_t seed;
	const struct rmpp_party_kind *kinds[2];
	struct hf_rmpp_config rmpp;
	struct rmpp_conditions towards[2];
	unsigned int falsify_permille;
	unsigned int replay_permille;
	uint32_t timer_late_us;
};

enum rmpp_answer { RMPP_NO_ANSWER, RMPP_PLAIN_ANSWER, RMPP_RMPP_ANSWER };

/*
 * struct rmpp_transfer - a MAD to send, and what became of it
 * @len:         headers included
 * @cancel_ns:   when it is cancelled; 0: never
 * @answer:      what the other end does with the request: nothing, a response of 256 bytes, or one by RMPP
 * @answer_len:  length of the latter, headers included; it is sent with no timeout and the request's retries
 * @is_plain:    a response that was not sent by RMPP; lost or not, its send is complete
 * @delivered:   how often it arrived
 * @ended:       its send has completed, with @status
 */
struct rmpp_transfer {
	uint64_t start_ns;
	int side;
	uint8_t mgmt_class;
	uint8_t method;
	uint64_t tid;
	size_t len;
	uint32_t timeout_ms;
	uint32_t retries;
	uint64_t cancel_ns;
	enum rmpp_answer answer;
	size_t answer_len;

	bool is_plain;
	bool started;
	unsigned int delivered;
	bool ended;
	int status;
};

/* Something an end did: all of them make the trace of a run. */
enum rmpp_event_kind { RMPP_EVENT_SEND, RMPP_EVENT_DELIVER, RMPP_EVENT_SENT };

struct rmpp_event {
	uint64_t at_ns;
	int side;
	enum rmpp_event_kind kind;
	uint64_t digest;	/* of all bytes, or cookie and status */
	uint8_t rmpp_header[12];	/* of a MAD */
	uint8_t method;
};

struct rmpp_link;

struct rmpp_link *rmpp_link_new(const struct rmpp_link_config *config);
void rmpp_link_free(struct rmpp_link *link);
void rmpp_link_add(struct rmpp_link *link, const struct rmpp_transfer *transfer);

/* A MAD that no end sent, for @side, at @at_ns. */
void rmpp_link_inject(struct rmpp_link *link, int side, uint64_t at_ns, const struct hf_rmpp_addr *from,
		      const uint8_t mad[HF_MAD_SIZE]);

/* Until nothing is left to happen, or to the end of the time given. */
void rmpp_link_run(struct rmpp_link *link, uint64_t until_ns);

/* What was added, responses included; and the trace. Both borrowed, until the link changes. */
const struct rmpp_transfer *rmpp_link_transfers(const struct rmpp_link *link, size_t *ret_num);
const struct rmpp_event *rmpp_link_trace(const struct rmpp_link *link, size_t *ret_num);

#endif
