/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Any datagrams from a client and any answers of ibsim. The first byte chooses the lanes; then come datagrams, each
 * behind a byte that says where it goes. Whatever they hold, ibsim has a datagram to read a limited number of times
 * for each that the client sends, and what passes no exchange is not touched.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sma/exchange.h"

#define READS_MAX 12	/* for one datagram: two questions of four tries each, the request, and the end */

enum { FROM_CLIENT, FROM_IBSIM, ANSWER, CONSOLE, KINDS };

static const char *const lanes[] = { NULL, "1", "2", "4", "8", "15" };

struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t take_byte(struct input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->at++;
}

static struct hf_ibsim_mad take_mad(struct input *input)
{
	struct hf_ibsim_mad mad = { .status = 0 };
	size_t len = input->left < HF_MAD_SIZE ? input->left : HF_MAD_SIZE;

	memcpy(mad.mad, input->at, len);
	input->at += len;
	input->left -= len;
	return mad;
}

/* ibsim reads what there is and answers with the input's data and with the headers that an answer has. */
static void run_through(struct hf_sma *sma, struct hf_sma_exchange *exchange, struct input *input)
{
	int reads = 0;

	while (hf_sma_exchange_is_readable(exchange)) {
		struct hf_ibsim_mad mad, answer = take_mad(input);
		bool is_lost = take_byte(input) & 1;

		if (++reads > READS_MAX || !hf_sma_exchange_next(sma, exchange, &mad))
			abort();
		if (is_lost)
			mad.status = htobe32(HF_IBSIM_STATUS_BOUNCED);
		else
			memcpy(mad.mad + HF_SMP_DATA_SIZE, answer.mad, HF_SMP_DATA_SIZE);
		mad.mad[offsetof(struct hf_mad_hdr, method)] = HF_METHOD_GET_RESP;
		hf_sma_exchange_written(sma, exchange, &mad);
	}
}

static void from_client(struct hf_sma *sma, struct hf_sma_exchange *exchange, struct input *input)
{
	struct hf_ibsim_mad mad = take_mad(input), next;

	while (hf_sma_exchange_next(sma, exchange, &next))
		;
	if (hf_sma_exchange_begin(exchange, &mad) && !hf_sma_exchange_is_readable(exchange))
		abort();
}

static void from_ibsim(struct hf_sma *sma, struct hf_sma_exchange *exchange, struct input *input)
{
	struct hf_ibsim_mad mad = take_mad(input), before = mad;
	bool was_idle = exchange->step == HF_SMA_IDLE;

	if (was_idle && (!hf_sma_exchange_written(sma, exchange, &mad) || memcmp(&mad, &before, sizeof(mad))))
		abort();
	if (!was_idle)
		hf_sma_exchange_written(sma, exchange, &mad);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input input = { data, len };
	struct hf_sma_exchange exchange;
	struct hf_sma sma;

	if (hf_sma_init(&sma, lanes[take_byte(&input) % (sizeof(lanes) / sizeof(lanes[0]))]) < 0)
		abort();
	hf_sma_exchange_init(&exchange);
	while (input.left) {
		switch (take_byte(&input) % KINDS) {
		case FROM_CLIENT:
			from_client(&sma, &exchange, &input);
			break;
		case FROM_IBSIM:
			from_ibsim(&sma, &exchange, &input);
			break;
		case ANSWER:
			run_through(&sma, &exchange, &input);
			break;
		case CONSOLE:
			sma.console_lines++;
			break;
		}
	}
	hf_sma_fini(&sma);
	return 0;
}
