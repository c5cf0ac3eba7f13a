/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A hostile peer against the RMPP engine. The input is a program of steps: a byte that chooses, then its operands;
 * a short operand reads as zeros. Small numbers are enough to reach the windows, so segment numbers come as a byte
 * unless the step asks for all four.
 */
#include "sim/rmpp.h"

#include <stdlib.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)
#define MAX_LEN 40000 /* of a MAD that the program sends: three windows */

struct input {
	const uint8_t *data;
	size_t len;
};

struct account {
	unsigned int begun;
	unsigned int ended;
};

static uint8_t next_byte(struct input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->data++;
}

static uint16_t next_u16(struct input *in)
{
	uint16_t high = next_byte(in);

	return high << 8 | next_byte(in);
}

static uint32_t next_u32(struct input *in)
{
	uint32_t high = next_u16(in);

	return high << 16 | next_u16(in);
}

/* Reads each byte that it is handed, for the sanitizers to see. */
static void touch(const uint8_t *mad, size_t len)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += mad[i];
	(void)sum;
}

static int on_send(void *ctx, const struct hf_rmpp_addr *to, const uint8_t mad[HF_MAD_SIZE])
{
	(void)ctx, (void)to;
	touch(mad, HF_MAD_SIZE);
	if (!hf_rmpp_is_active(mad, HF_MAD_SIZE))
		abort();
	return 0;
}

static void on_deliver(void *ctx, const struct hf_rmpp_addr *from, const uint8_t *mad, size_t len)
{
	(void)ctx, (void)from;
	if (len < 36)
		abort();
	touch(mad, len);
}

static void on_sent(void *ctx, uint64_t cookie, int status)
{
	struct account *account = ctx;

	(void)cookie, (void)status;
	account->ended++;
}

static uint8_t next_class(struct input *in)
{
	static const uint8_t classes[] = { 0x03, 0x06, 0x30, 0x4f };
	uint8_t choice = next_byte(in);

	return choice < sizeof(classes) ? classes[choice] : choice;
}

static void fill_header(struct input *in, uint8_t *mad)
{
	static const uint8_t methods[] = { HF_METHOD_GET_TABLE, HF_METHOD_GET_TABLE_RESP };

	mad[0] = 1;
	mad[1] = next_class(in);
	mad[2] = 2;
	mad[3] = methods[next_byte(in) & 1];
	mad[15] = next_byte(in) & 3; /* TID */
}

static struct hf_rmpp_addr next_addr(struct input *in)
{
	return (struct hf_rmpp_addr){ .lid = 1 + (next_byte(in) & 1), .qpn = 1 };
}

static void receive_mad(struct hf_rmpp *rmpp, struct input *in, bool wide, uint64_t now_ns)
{
	uint8_t mad[HF_MAD_SIZE];
	struct hf_rmpp_hdr hdr;
	struct hf_rmpp_addr from = next_addr(in);

	memset(mad, 0xa5, sizeof(mad));
	memset(mad, 0, 24);
	fill_header(in, mad);
	hdr.version = wide ? next_byte(in) : 1;
	hdr.type = next_byte(in);
	hdr.rtime_flags = next_byte(in);
	hdr.status = wide ? next_byte(in) : 0;
	hdr.seg_num = htobe32(wide ? next_u32(in) : next_byte(in));
	hdr.paylen_newwin = htobe32(wide ? next_u32(in) : next_byte(in));
	memcpy(mad + 24, &hdr, sizeof(hdr));
	hf_rmpp_receive(rmpp, &from, mad, now_ns);
}

static void send_mad(struct hf_rmpp *rmpp, struct input *in, struct account *account, uint64_t now_ns)
{
	static uint8_t mad[MAX_LEN];
	struct hf_rmpp_addr to = next_addr(in);

	fill_header(in, mad);
	size_t len = next_u16(in) % MAX_LEN;
	uint32_t timeout_ms = next_u16(in);
	uint32_t retries = next_byte(in) & 7;

	if (!hf_rmpp_send(rmpp, &to, mad, len, timeout_ms, retries, next_byte(in) & 3, now_ns))
		account->begun++;
}

static void pass_time(struct hf_rmpp *rmpp, uint64_t *now_ns, uint16_t ms)
{
	*now_ns += ms * NS_PER_MS;
	hf_rmpp_expire(rmpp, *now_ns);
	if (hf_rmpp_deadline_ns(rmpp) <= *now_ns)
		abort();
}

static void run_step(struct hf_rmpp *rmpp, struct input *in, struct account *account, uint64_t *now_ns)
{
	switch (next_byte(in) % 6) {
	case 0:
	case 1:
		receive_mad(rmpp, in, false, *now_ns);
		break;
	case 2:
		receive_mad(rmpp, in, true, *now_ns);
		break;
	case 3:
		send_mad(rmpp, in, account, *now_ns);
		break;
	case 4:
		pass_time(rmpp, now_ns, next_u16(in));
		break;
	case 5:
		hf_rmpp_cancel(rmpp, next_byte(in) & 3);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct hf_rmpp_ops ops = { .send = on_send, .deliver = on_deliver, .sent = on_sent };
	struct input in = { data, len };
	struct account account = { 0 };
	uint64_t now_ns = 0;
	struct hf_rmpp *rmpp;
	const struct hf_rmpp_config config = {
		.window = next_byte(&in),
		.max_bytes = next_u16(&in),
		.max_transfers = next_byte(&in) & 7,
	};

	if (hf_rmpp_new(&ops, &account, &config, &rmpp))
		return 0;
	while (in.len)
		run_step(rmpp, &in, &account, &now_ns);
	hf_rmpp_free(rmpp);
	if (account.begun != account.ended)
		abort();
	return 0;
}
