/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What another program says to a connection's handshake, at any moment of it. A byte says what happens: a message (the
 * bytes after it), what was to be done is done or is not, time passes, one is begun, or the connection is used. The machine
 * must stay in its table, and ask for nothing new while something is being done.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/verbs/handshake.h"

#define TICK_NS UINT64_C(60000000)
#define LIFE	2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool is_work(enum hf_handshake_action action)
{
	return action >= HF_HANDSHAKE_DO_STOP && action <= HF_HANDSHAKE_DO_RESTART;
}

static void finish_work(struct hf_handshake *handshake, bool is_done, uint64_t now_ns, struct hf_handshake_step *step)
{
	const struct hf_handshake_offer offer = {
		.expected_psn = 1, .first_psn = 2, .mtu = 3, .is_unused = !(handshake->life & HF_HANDSHAKE_USED),
	};

	if (is_done)
		hf_handshake_done(handshake, &offer, now_ns, step);
	else
		hf_handshake_not_done(handshake, HF_HANDSHAKE_FAILED, step);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const size_t size = sizeof(struct hf_handshake_message);
	struct hf_handshake_message reply;
	struct hf_handshake handshake;
	uint64_t now_ns = 1;
	bool is_working = false;

	hf_handshake_init(&handshake, 1, 0x11, 0, 0, LIFE);
	for (size_t at = 0; at < len;) {
		struct hf_handshake_step step = { .action = HF_HANDSHAKE_NOTHING };
		uint8_t what = data[at++] % 6;

		if (what == 0) {
			size_t length = len - at < size ? len - at : size;

			hf_handshake_refuse(data + at, length, &reply);
			hf_handshake_receive(&handshake, data + at, length, now_ns, &step);
			at += length;
		} else if (what <= 2 && is_working) {
			is_working = false;
			finish_work(&handshake, what == 1, now_ns, &step);
		} else if (what == 3) {
			now_ns += TICK_NS;
			hf_handshake_tick(&handshake, now_ns, &step);
		} else if (what == 4) {
			hf_handshake_begin(&handshake, now_ns, &step);
		} else if (what == 5) {
			hf_handshake_use(&handshake);
		}
		if (is_working && is_work(step.action))
			abort();
		is_working = is_work(step.action) || (is_working && step.action != HF_HANDSHAKE_END_BROKEN);
		if (handshake.state >= HF_HANDSHAKE_STATES)
			abort();
	}
	return 0;
}
