/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What the Linux MAD layer does with RMPP (drivers/infiniband/core/mad_rmpp.c and mad.c, 5.x and 6.x), written down as
 * plainly as possible: arrays, linear searches, one struct a transfer, no thought of speed. The engine of sim/rmpp.h is
 * held to it; calls, callbacks and their order are those of that contract, nothing else is shared.
 *
 * Where this is not the kernel:
 *  - time is in ns; the kernel rounds each timer up to a jiffy (1 to 10 ms);
 *  - a segment leaves, and its send completes, inside the call that sends it. In the kernel an ACK may overtake the
 *    send completion, and the send queue holds 128 MADs at once;
 *  - wait_for_response() adds the time to a timeout that already is a point in time whenever a sender with a timeout of
 *    at most 2 s goes on after an ACK, so that its timer is lost until it fires, long after. Here each window has it;
 *  - where several remembered requests have the TID of a response, the last one from the QP that is answered says how
 *    many segments go at once. In the kernel, init_newwin() takes the first one from that LID;
 *  - a response that has no request is delivered (ib_mad_complete_recv() drops it): plain requests are the caller's;
 *  - one LID a port (LMC 0), no GRH; MADs of classes without RMPP and of other base versions do not come here.
 */
#ifndef HF_TESTS_RMPP_REFERENCE_H
#define HF_TESTS_RMPP_REFERENCE_H

#include "sim/rmpp.h"

struct rmpp_reference;

/* As hf_rmpp_*(). Not for production: aborts where memory or its arrays are used up. */
struct rmpp_reference *rmpp_reference_new(const struct hf_rmpp_ops *ops, void *ctx,
					  const struct hf_rmpp_config *config);
void rmpp_reference_free(struct rmpp_reference *ref);
int rmpp_reference_send(struct rmpp_reference *ref, const struct hf_rmpp_addr *to, const uint8_t *mad, size_t len,
			uint32_t timeout_ms, uint32_t retries, uint64_t cookie, uint64_t now_ns);
int rmpp_reference_receive(struct rmpp_reference *ref, const struct hf_rmpp_addr *from,
			   const uint8_t mad[HF_MAD_SIZE], uint64_t now_ns);
int rmpp_reference_cancel(struct rmpp_reference *ref, uint64_t cookie);
uint64_t rmpp_reference_deadline_ns(const struct rmpp_reference *ref);
void rmpp_reference_expire(struct rmpp_reference *ref, uint64_t now_ns);

#endif
