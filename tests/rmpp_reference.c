/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rmpp_reference.h"

#define MAX_TRANSFERS	256
#define NS_PER_MS	UINT64_C(1000000)

/* Where the fields lie (struct ib_mad_hdr, struct ib_rmpp_hdr). */
enum {
	AT_CLASS = 1,
	AT_CLASS_VERSION = 2,
	AT_METHOD = 3,
	AT_TID = 8,
	AT_RMPP_VERSION = 24,
	AT_RMPP_TYPE = 25,
	AT_RMPP_FLAGS = 26,
	AT_RMPP_STATUS = 27,
	AT_SEG_NUM = 28,
	AT_PAYLEN_NEWWIN = 32,
	AT_RMPP_END = 36,
};

/* Constants of include/rdma/ib_mad.h, without their IB_MGMT_. */
enum {
	METHOD_TRAP_REPRESS = 0x07,
	METHOD_RESP = 0x80,
	RMPP_VERSION = 1,
	RMPP_TYPE_DATA = 1,
	RMPP_TYPE_ACK = 2,
	RMPP_TYPE_STOP = 3,
	RMPP_TYPE_ABORT = 4,
	RMPP_FLAG_ACTIVE = 1,
	RMPP_FLAG_FIRST = 2,
	RMPP_FLAG_LAST = 4,
	RMPP_FLAGS = 7,
	RMPP_STATUS_SUCCESS = 0,
	RMPP_STATUS_RESX = 1,
	RMPP_STATUS_ABORT_MIN = 118,
	RMPP_STATUS_T2L = 118,
	RMPP_STATUS_BAD_SEG = 120,
	RMPP_STATUS_BADT = 121,
	RMPP_STATUS_W2S = 122,
	RMPP_STATUS_S2B = 123,
	RMPP_STATUS_BAD_STATUS = 124,
	RMPP_STATUS_UNV = 125,
	RMPP_STATUS_ABORT_MAX = 127,
	RMPP_DATA = 220,
};

/* A transfer being sent: struct ib_mad_send_wr_private and its ib_mad_send_buf. */
struct sending {
	bool used;
	struct hf_rmpp_addr to;
	uint8_t *mad;
	size_t len;
	size_t hdr_len;
	size_t pad;
	int seg_count;
	int seg_num;		/* last one sent */
	int last_ack;
	int newwin;		/* last one that may be sent */
	uint32_t timeout_ms;
	uint32_t max_retries;
	uint32_t retries_left;
	uint64_t cookie;
	uint64_t due_ns;
};

struct segment {
	bool here;
	uint8_t mad[HF_MAD_SIZE];
};

/* A transfer being received or remembered: struct mad_rmpp_recv. */
struct receiving {
	bool used;
	bool complete;		/* RMPP_STATE_COMPLETE; a transfer in RMPP_STATE_TIMEOUT is gone at once */
	struct hf_rmpp_addr from;	/* of the first segment */
	struct segment *segments;	/* [1] to [num_segments - 1] */
	int num_segments;
	int seg_num;		/* last one in sequence */
	int last_ack;		/* last one acknowledged */
	int newwin;
	int repwin;		/* granted for the response */
	uint64_t due_ns;	/* of timeout_work, or of cleanup_work once complete */
	bool superseded;	/* by a later request with the same TID */
};

struct rmpp_reference {
	struct hf_rmpp_ops ops;
	void *ctx;
	int window;
	uint32_t ack_timeout_ms;
	uint32_t receive_timeout_ms;
	uint32_t linger_ms;
	struct sending sending[MAX_TRANSFERS];
	struct receiving receiving[MAX_TRANSFERS];
};

static void *checked(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* ib_get_mad_data_offset() and ib_is_mad_class_rmpp() in one: 0 where the latter says no. */
static size_t data_offset(uint8_t mgmt_class)
{
	if (mgmt_class == 0x03)
		return 56;
	if (mgmt_class == 0x06 || mgmt_class == 0x10 || mgmt_class == 0x12)
		return 64;
	if (mgmt_class >= 0x30 && mgmt_class <= 0x4f)
		return 40;
	return 0;
}

/* ib_response_mad() */
static bool is_response(const uint8_t *mad)
{
	return mad[AT_METHOD] & METHOD_RESP || mad[AT_METHOD] == METHOD_TRAP_REPRESS;
}

static bool same_tid_and_class(const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a + AT_TID, b + AT_TID, 8) && a[AT_CLASS] == b[AT_CLASS];
}

/* ib_set_rmpp_flags(): the response time in the upper bits stays. */
static void set_flags(uint8_t *mad, uint8_t flags)
{
	mad[AT_RMPP_FLAGS] = (mad[AT_RMPP_FLAGS] & ~RMPP_FLAGS) | flags;
}

/*
 * What ack_recv(), ack_ds_ack() and nack_recv() begin with: the headers of the MAD that is answered, the R bit turned,
 * only the Active flag, and no data (get_pad_size() makes one zeroed segment of no data).
 */
static void begin_answer(uint8_t *answer, const uint8_t *mad)
{
	memset(answer, 0, HF_MAD_SIZE);
	memcpy(answer, mad, data_offset(mad[AT_CLASS]));
	answer[AT_METHOD] ^= METHOD_RESP;
	set_flags(answer, RMPP_FLAG_ACTIVE);
}

/* nack_recv() */
static void send_abort(struct rmpp_reference *ref, const struct hf_rmpp_addr *to, const uint8_t *mad, uint8_t status)
{
	uint8_t abort_mad[HF_MAD_SIZE];

	begin_answer(abort_mad, mad);
	abort_mad[AT_RMPP_VERSION] = RMPP_VERSION;
	abort_mad[AT_RMPP_TYPE] = RMPP_TYPE_ABORT;
	abort_mad[AT_RMPP_STATUS] = status;
	put32(abort_mad + AT_SEG_NUM, 0);
	put32(abort_mad + AT_PAYLEN_NEWWIN, 0);
	ref->ops.send(ref->ctx, to, abort_mad);
}

/* ack_ds_ack(): the requester's ACK of the final ACK, which turns the direction round. Its grant is always 1. */
static void send_ds_ack(struct rmpp_reference *ref, const struct hf_rmpp_addr *to, const uint8_t *mad)
{
	uint8_t ack[HF_MAD_SIZE];

	begin_answer(ack, mad);
	put32(ack + AT_SEG_NUM, 0);
	put32(ack + AT_PAYLEN_NEWWIN, 1);
	ref->ops.send(ref->ctx, to, ack);
}

/*
 * ack_recv() and format_ack(): @mad is the segment that made it necessary. Whatever that was, everything in sequence is
 * acknowledged. The address handle is the first segment's, QP and P_Key index are the last one's.
 */
static void send_ack(struct rmpp_reference *ref, struct receiving *recv, const struct hf_rmpp_addr *from,
		     const uint8_t *mad)
{
	struct hf_rmpp_addr to = recv->from;
	uint8_t ack[HF_MAD_SIZE];

	to.pkey_index = from->pkey_index;
	begin_answer(ack, mad);
	ack[AT_RMPP_TYPE] = RMPP_TYPE_ACK;
	put32(ack + AT_SEG_NUM, (uint32_t)recv->seg_num);
	put32(ack + AT_PAYLEN_NEWWIN, (uint32_t)recv->newwin);
	recv->last_ack = recv->seg_num;
	ref->ops.send(ref->ctx, &to, ack);
}

/* find_rmpp_recv() */
static struct receiving *find_receiving(struct rmpp_reference *ref, const struct hf_rmpp_addr *from,
					const uint8_t *mad)
{
	for (int i = 0; i < MAX_TRANSFERS; i++) {
		struct receiving *recv = &ref->receiving[i];

		if (!recv->used)
			continue;
		const uint8_t *first = recv->segments[1].mad;

		if (same_tid_and_class(first, mad) && first[AT_CLASS_VERSION] == mad[AT_CLASS_VERSION] &&
		    first[AT_METHOD] == mad[AT_METHOD] && recv->from.lid == from->lid && recv->from.qpn == from->qpn)
			return recv;
	}
	return NULL;
}

/* Part of init_newwin(): the request of a response, or the one before a request, from the same TID and port. */
static struct receiving *find_request(struct rmpp_reference *ref, const struct hf_rmpp_addr *peer, const uint8_t *mad)
{
	for (int i = 0; i < MAX_TRANSFERS; i++) {
		struct receiving *recv = &ref->receiving[i];

		if (!recv->used || recv->superseded)
			continue;
		const uint8_t *first = recv->segments[1].mad;

		if (same_tid_and_class(first, mad) && first[AT_CLASS_VERSION] == mad[AT_CLASS_VERSION] &&
		    !(first[AT_METHOD] & METHOD_RESP) && recv->from.lid == peer->lid && recv->from.qpn == peer->qpn)
			return recv;
	}
	return NULL;
}

/* Sender */

/*
 * ib_find_send_mad() with rcv_has_same_gid(): TID, class and the opposite direction; a response is also told by its
 * destination's LID. Neither QP nor class version nor the rest of the method counts.
 */
static struct sending *find_sending(struct rmpp_reference *ref, const struct hf_rmpp_addr *from, const uint8_t *mad)
{
	for (int i = 0; i < MAX_TRANSFERS; i++) {
		struct sending *send = &ref->sending[i];

		if (!send->used || !same_tid_and_class(send->mad, mad) || is_response(send->mad) == is_response(mad))
			continue;
		if (is_response(send->mad) && send->to.lid != from->lid)
			continue;
		return send;
	}
	return NULL;
}

/* ib_mad_complete_send_wr() to its end */
static void end_sending(struct rmpp_reference *ref, struct sending *send, int status)
{
	uint64_t cookie = send->cookie;

	free(send->mad);
	memset(send, 0, sizeof(*send));
	ref->ops.sent(ref->ctx, cookie, status);
}

/* send_next_seg() and ib_send_mad() */
static void send_next_segment(struct rmpp_reference *ref, struct sending *send)
{
	size_t seg_size = HF_MAD_SIZE - send->hdr_len;
	size_t at = send->hdr_len + (size_t)send->seg_num * seg_size;
	size_t left = send->len - at;
	uint8_t flags = RMPP_FLAG_ACTIVE;
	uint32_t paylen = 0;
	uint8_t mad[HF_MAD_SIZE] = { 0 };

	send->seg_num++;
	if (send->seg_num == 1) {
		flags |= RMPP_FLAG_FIRST;
		paylen = (uint32_t)(send->seg_count * RMPP_DATA - send->pad);
	}
	if (send->seg_num == send->seg_count) {
		flags |= RMPP_FLAG_LAST;
		paylen = (uint32_t)(RMPP_DATA - send->pad);
	}
	memcpy(mad, send->mad, send->hdr_len);
	memcpy(mad + send->hdr_len, send->mad + at, left < seg_size ? left : seg_size);
	mad[AT_RMPP_VERSION] = RMPP_VERSION;
	mad[AT_RMPP_TYPE] = RMPP_TYPE_DATA;
	mad[AT_RMPP_FLAGS] = flags;	/* response time 0: copy_rmpp_mad() leaves the RMPP header out */
	mad[AT_RMPP_STATUS] = RMPP_STATUS_SUCCESS;
	put32(mad + AT_SEG_NUM, (uint32_t)send->seg_num);
	put32(mad + AT_PAYLEN_NEWWIN, paylen);
	ref->ops.send(ref->ctx, &send->to, mad);
}

/*
 * send_next_seg(), then ib_process_rmpp_send_wc() as each send completes, until the segment sent is the one at the
 * window edge or the last (with a window of 0, which a double-sided ACK may grant, the former never comes); then
 * wait_for_response(), with the timer of send_next_seg(): the caller's timeout, but 2 s where it is longer or none.
 */
static void send_window(struct rmpp_reference *ref, struct sending *send, uint64_t now_ns)
{
	uint32_t wait_ms = send->timeout_ms;

	do
		send_next_segment(ref, send);
	while (send->seg_num != send->newwin && send->seg_num != send->seg_count);
	if (!wait_ms || wait_ms > ref->ack_timeout_ms)
		wait_ms = ref->ack_timeout_ms;
	send->due_ns = now_ns + wait_ms * NS_PER_MS;
}

/* abort_send(): not for what is acknowledged and waits for its response. */
static void abort_sending(struct rmpp_reference *ref, const struct hf_rmpp_addr *from, const uint8_t *mad)
{
	struct sending *send = find_sending(ref, from, mad);

	if (send && send->last_ack != send->seg_count)
		end_sending(ref, send, -EREMOTEIO);
}

static void abort_both(struct rmpp_reference *ref, const struct hf_rmpp_addr *from, const uint8_t *mad, uint8_t status)
{
	abort_sending(ref, from, mad);
	send_abort(ref, from, mad, status);
}

/* The end of process_rmpp_ack() for the ACK of the last segment. */
static void last_segment_acked(struct rmpp_reference *ref, struct sending *send, const struct hf_rmpp_addr *from,
			       const uint8_t *mad, uint64_t now_ns)
{
	if (!send->timeout_ms) {
		end_sending(ref, send, 0);
		return;
	}
	send->due_ns = now_ns + send->timeout_ms * NS_PER_MS;	/* ib_reset_mad_timeout(): all of it */
	send_ds_ack(ref, from, mad);
}

/* process_rmpp_ack(), numbers signed as there */
static void receive_ack(struct rmpp_reference *ref, const struct hf_rmpp_addr *from, const uint8_t *mad,
			uint64_t now_ns)
{
	int seg_num = (int)get32(mad + AT_SEG_NUM);
	int newwin = (int)get32(mad + AT_PAYLEN_NEWWIN);
	struct sending *send = find_sending(ref, from, mad);

	if (mad[AT_RMPP_STATUS] != RMPP_STATUS_SUCCESS) {
		abort_both(ref, from, mad, RMPP_STATUS_BAD_STATUS);
		return;
	}
	if (newwin < seg_num) {
		abort_both(ref, from, mad, RMPP_STATUS_W2S);
		return;
	}
	if (!send) {
		/* process_ds_ack(): the peer has our final ACK and says how many segments of the response it takes */
		struct receiving *recv = seg_num ? NULL : find_receiving(ref, from, mad);

		if (recv && recv->complete)
			recv->repwin = newwin;
		return;
	}
	if (send->last_ack == send->seg_count) {
		send_ds_ack(ref, from, mad);
		return;
	}
	if (seg_num > send->seg_count || seg_num > send->newwin) {
		abort_both(ref, from, mad, RMPP_STATUS_S2B);
		return;
	}
	if (newwin < send->newwin || seg_num < send->last_ack)
		return;		/* an old one */
	if (seg_num > send->last_ack) {
		send->last_ack = seg_num;
		send->retries_left = send->max_retries;
	}
	send->newwin = newwin;
	if (send->last_ack == send->seg_count)
		last_segment_acked(ref, send, from, mad, now_ns);
	else if (send->seg_num < send->newwin && send->seg_num < send->seg_count)
		send_window(ref, send, now_ns);
}

/* timeout_sends(), retry_send() and ib_retry_rmpp(): back to the last ACK, but the wait for a response ends it. */
static void sending_timed_out(struct rmpp_reference *ref, struct sending *send, uint64_t now_ns)
{
	if (!send->retries_left || send->last_ack == send->seg_count) {
		end_sending(ref, send, -ETIMEDOUT);
		return;
	}
	send->retries_left--;
	send->seg_num = send->last_ack;
	send_window(ref, send, now_ns);
}

/* init_newwin(): the window that a double-sided ACK granted for the response; otherwise 1. */
static int first_window(struct rmpp_reference *ref, const struct sending *send)
{
	const struct receiving *request = NULL;

	if (send->mad[AT_METHOD] & METHOD_RESP)
		request = find_request(ref, &send->to, send->mad);
	return request ? request->repwin : 1;
}

/* is_duplicate() of user_mad.c */
static bool is_duplicate(const struct rmpp_reference *ref, const struct hf_rmpp_addr *to, const uint8_t *mad)
{
	for (int i = 0; i < MAX_TRANSFERS; i++) {
		const struct sending *send = &ref->sending[i];

		if (!send->used || !same_tid_and_class(send->mad, mad) || is_response(send->mad) != is_response(mad))
			continue;
		if (!is_response(mad) || send->to.lid == to->lid)
			return true;
	}
	return false;
}

static struct sending *free_sending(struct rmpp_reference *ref)
{
	for (int i = 0; i < MAX_TRANSFERS; i++)
		if (!ref->sending[i].used)
			return &ref->sending[i];
	abort();
}

/* ib_umad_write(), ib_create_send_mad(), ib_post_send_mad(), ib_send_rmpp_mad() */
int rmpp_reference_send(struct rmpp_reference *ref, const struct hf_rmpp_addr *to, const uint8_t *mad, size_t len,
			uint32_t timeout_ms, uint32_t retries, uint64_t cookie, uint64_t now_ns)
{
	size_t hdr_len = len < AT_RMPP_END ? 0 : data_offset(mad[AT_CLASS]);

	if (!hdr_len || len < hdr_len)
		return -EINVAL;
	if (is_duplicate(ref, to, mad))
		return -EEXIST;
	struct sending *send = free_sending(ref);
	size_t seg_size = HF_MAD_SIZE - hdr_len;
	size_t data_len = len - hdr_len;

	send->used = true;
	send->to = *to;
	send->mad = checked(malloc(len));
	memcpy(send->mad, mad, len);
	send->len = len;
	send->hdr_len = hdr_len;
	/* get_pad_size() and alloc_send_rmpp_list(): no data make one segment, all padding */
	send->seg_count = data_len ? (int)((data_len + seg_size - 1) / seg_size) : 1;
	send->pad = (size_t)send->seg_count * seg_size - data_len;
	send->timeout_ms = timeout_ms;
	send->max_retries = retries;
	send->retries_left = retries;
	send->cookie = cookie;
	send->newwin = first_window(ref, send);
	send_window(ref, send, now_ns);
	return 0;
}

int rmpp_reference_cancel(struct rmpp_reference *ref, uint64_t cookie)
{
	int ret = -ENOENT;

	for (int i = 0; i < MAX_TRANSFERS; i++) {
		if (ref->sending[i].used && ref->sending[i].cookie == cookie) {
			end_sending(ref, &ref->sending[i], -ECANCELED);
			ret = 0;
		}
	}
	return ret;
}

/* Receiver */

static void forget(struct receiving *recv)
{
	free(recv->segments);
	memset(recv, 0, sizeof(*recv));
}

static void store_segment(struct receiving *recv, int seg_num, const uint8_t *mad)
{
	if (seg_num >= recv->num_segments) {
		int num = seg_num + 100;

		recv->segments = checked(realloc(recv->segments, (size_t)num * sizeof(*recv->segments)));
		memset(&recv->segments[recv->num_segments], 0,
		       (size_t)(num - recv->num_segments) * sizeof(*recv->segments));
		recv->num_segments = num;
	}
	recv->segments[seg_num].here = true;
	memcpy(recv->segments[seg_num].mad, mad, HF_MAD_SIZE);
}

static bool is_last(const struct receiving *recv, int seg_num)
{
	return recv->segments[seg_num].mad[AT_RMPP_FLAGS] & RMPP_FLAG_LAST;
}

/* get_mad_len(): the last segment's payload length counts, and one that cannot be means a full segment. */
static size_t mad_len(const struct receiving *recv)
{
	const uint8_t *last = recv->segments[recv->seg_num].mad;
	size_t hdr_len = data_offset(last[AT_CLASS]);
	uint32_t paylen = get32(last + AT_PAYLEN_NEWWIN);
	uint32_t pad = paylen <= RMPP_DATA ? RMPP_DATA - paylen : 0;

	return hdr_len + (size_t)recv->seg_num * (HF_MAD_SIZE - hdr_len) - pad;
}

/* recv_handler() and copy_recv_mad() of user_mad.c */
static void deliver(struct rmpp_reference *ref, const struct receiving *recv)
{
	size_t hdr_len = data_offset(recv->segments[1].mad[AT_CLASS]);
	size_t seg_size = HF_MAD_SIZE - hdr_len;
	uint8_t *mad = checked(malloc(hdr_len + (size_t)recv->seg_num * seg_size));

	memcpy(mad, recv->segments[1].mad, hdr_len);
	for (int i = 1; i <= recv->seg_num; i++)
		memcpy(mad + hdr_len + (size_t)(i - 1) * seg_size, recv->segments[i].mad + hdr_len, seg_size);
	ref->ops.deliver(ref->ctx, &recv->from, mad, mad_len(recv));
	free(mad);
}

/*
 * complete_rmpp(), then ib_mad_complete_recv(): the last ACK has the first segment's headers; the request that a
 * response answers ends after the response was delivered, acknowledged or not.
 */
static void complete(struct rmpp_reference *ref, struct receiving *recv, uint64_t now_ns)
{
	const uint8_t *first = recv->segments[1].mad;

	recv->complete = true;
	recv->due_ns = now_ns + ref->linger_ms * NS_PER_MS;
	send_ack(ref, recv, &recv->from, first);
	deliver(ref, recv);
	struct sending *request = is_response(first) ? find_sending(ref, &recv->from, first) : NULL;

	if (request)
		end_sending(ref, request, 0);
}

/* continue_rmpp() */
static void continue_receiving(struct rmpp_reference *ref, struct receiving *recv, const struct hf_rmpp_addr *from,
			       const uint8_t *mad, uint64_t now_ns)
{
	int seg_num = (int)get32(mad + AT_SEG_NUM);

	if (seg_num > recv->newwin)
		return;
	if (seg_num <= recv->last_ack || recv->complete) {
		send_ack(ref, recv, from, mad);
		return;
	}
	if (seg_num < recv->num_segments && recv->segments[seg_num].here)
		return;		/* find_seg_location() has no place for it */
	store_segment(recv, seg_num, mad);
	if (seg_num != recv->seg_num + 1)
		return;
	/* update_seg_num() */
	do
		recv->seg_num++;
	while (recv->seg_num + 1 < recv->num_segments && recv->segments[recv->seg_num + 1].here);
	if (is_last(recv, recv->seg_num)) {
		complete(ref, recv, now_ns);
	} else if (recv->seg_num == recv->newwin) {
		recv->newwin += ref->window;
		send_ack(ref, recv, from, mad);
	}
}

static struct receiving *free_receiving(struct rmpp_reference *ref)
{
	for (int i = 0; i < MAX_TRANSFERS; i++)
		if (!ref->receiving[i].used)
			return &ref->receiving[i];
	abort();
}

/* start_rmpp() with create_rmpp_recv(): 40 s for the whole transfer from here on, 10 s of memory afterwards. */
static void start_receiving(struct rmpp_reference *ref, const struct hf_rmpp_addr *from, const uint8_t *mad,
			    uint64_t now_ns)
{
	struct receiving *older = find_request(ref, from, mad);
	struct receiving *recv = free_receiving(ref);

	if (!(mad[AT_METHOD] & METHOD_RESP) && older)
		older->superseded = true;
	recv->used = true;
	recv->from = *from;
	recv->seg_num = 1;
	recv->newwin = 1;
	recv->repwin = 1;
	store_segment(recv, 1, mad);
	if (is_last(recv, 1)) {
		complete(ref, recv, now_ns);
		return;
	}
	recv->due_ns = now_ns + ref->receive_timeout_ms * NS_PER_MS;
	recv->newwin += ref->window;
	send_ack(ref, recv, from, mad);
}

/* process_rmpp_data() */
static void receive_data(struct rmpp_reference *ref, const struct hf_rmpp_addr *from, const uint8_t *mad,
			 uint64_t now_ns)
{
	bool seg_is_1 = get32(mad + AT_SEG_NUM) == 1;
	bool says_first = mad[AT_RMPP_FLAGS] & RMPP_FLAG_FIRST;

	if (mad[AT_RMPP_STATUS] != RMPP_STATUS_SUCCESS) {
		send_abort(ref, from, mad, RMPP_STATUS_BAD_STATUS);
		return;
	}
	if (seg_is_1 != says_first) {
		send_abort(ref, from, mad, RMPP_STATUS_BAD_SEG);
		return;
	}
	struct receiving *recv = find_receiving(ref, from, mad);

	if (recv)
		continue_receiving(ref, recv, from, mad, now_ns);
	else if (seg_is_1)
		start_receiving(ref, from, mad, now_ns);
}

/* recv_timeout_handler() and recv_cleanup_handler() */
static void receiving_timed_out(struct rmpp_reference *ref, struct receiving *recv)
{
	struct hf_rmpp_addr from = recv->from;
	uint8_t first[HF_MAD_SIZE];
	bool was_complete = recv->complete;

	memcpy(first, recv->segments[1].mad, sizeof(first));
	forget(recv);
	if (!was_complete)
		send_abort(ref, &from, first, RMPP_STATUS_T2L);
}

/* process_rmpp_stop() and process_rmpp_abort(): each has its own statuses. */
static void receive_stop_or_abort(struct rmpp_reference *ref, const struct hf_rmpp_addr *from, const uint8_t *mad)
{
	uint8_t status = mad[AT_RMPP_STATUS];
	bool known = mad[AT_RMPP_TYPE] == RMPP_TYPE_STOP ?
		     status == RMPP_STATUS_RESX : status >= RMPP_STATUS_ABORT_MIN && status <= RMPP_STATUS_ABORT_MAX;

	if (known)
		abort_sending(ref, from, mad);
	else
		abort_both(ref, from, mad, RMPP_STATUS_BAD_STATUS);
}

/* ib_mad_complete_recv() for a MAD that is no RMPP: the response to a request that was sent by RMPP, or not ours. */
static int receive_plain(struct rmpp_reference *ref, const struct hf_rmpp_addr *from, const uint8_t *mad)
{
	struct sending *request = is_response(mad) ? find_sending(ref, from, mad) : NULL;

	if (!request)
		return 1;
	ref->ops.deliver(ref->ctx, from, mad, HF_MAD_SIZE);
	end_sending(ref, request, 0);
	return 0;
}

/* ib_process_rmpp_recv_wc() */
int rmpp_reference_receive(struct rmpp_reference *ref, const struct hf_rmpp_addr *from,
			   const uint8_t mad[HF_MAD_SIZE], uint64_t now_ns)
{
	if (!data_offset(mad[AT_CLASS]) || !(mad[AT_RMPP_FLAGS] & RMPP_FLAG_ACTIVE))
		return receive_plain(ref, from, mad);
	if (mad[AT_RMPP_VERSION] != RMPP_VERSION) {
		abort_both(ref, from, mad, RMPP_STATUS_UNV);
		return 0;
	}
	switch (mad[AT_RMPP_TYPE]) {
	case RMPP_TYPE_DATA:
		receive_data(ref, from, mad, now_ns);
		break;
	case RMPP_TYPE_ACK:
		receive_ack(ref, from, mad, now_ns);
		break;
	case RMPP_TYPE_STOP:
	case RMPP_TYPE_ABORT:
		receive_stop_or_abort(ref, from, mad);
		break;
	default:
		abort_both(ref, from, mad, RMPP_STATUS_BADT);
		break;
	}
	return 0;
}

/* Timers */

uint64_t rmpp_reference_deadline_ns(const struct rmpp_reference *ref)
{
	uint64_t first_ns = UINT64_MAX;

	for (int i = 0; i < MAX_TRANSFERS; i++) {
		if (ref->sending[i].used && ref->sending[i].due_ns < first_ns)
			first_ns = ref->sending[i].due_ns;
		if (ref->receiving[i].used && ref->receiving[i].due_ns < first_ns)
			first_ns = ref->receiving[i].due_ns;
	}
	return first_ns;
}

/* Whatever is due, the earliest first, as the work items of the kernel run. */
void rmpp_reference_expire(struct rmpp_reference *ref, uint64_t now_ns)
{
	for (uint64_t due_ns; (due_ns = rmpp_reference_deadline_ns(ref)) <= now_ns;) {
		for (int i = 0; i < MAX_TRANSFERS; i++) {
			if (ref->sending[i].used && ref->sending[i].due_ns == due_ns)
				sending_timed_out(ref, &ref->sending[i], now_ns);
			if (ref->receiving[i].used && ref->receiving[i].due_ns == due_ns)
				receiving_timed_out(ref, &ref->receiving[i]);
		}
	}
}

struct rmpp_reference *rmpp_reference_new(const struct hf_rmpp_ops *ops, void *ctx,
					  const struct hf_rmpp_config *config)
{
	struct rmpp_reference *ref = checked(calloc(1, sizeof(*ref)));

	ref->ops = *ops;
	ref->ctx = ctx;
	ref->window = config && config->window ? (int)config->window : 64;	/* window_size(): 512 receives >> 3 */
	ref->ack_timeout_ms = config && config->ack_timeout_ms ? config->ack_timeout_ms : 2000;
	ref->receive_timeout_ms = config && config->receive_timeout_ms ? config->receive_timeout_ms : 40000;
	ref->linger_ms = config && config->linger_ms ? config->linger_ms : 10000;
	return ref;
}

void rmpp_reference_free(struct rmpp_reference *ref)
{
	if (!ref)
		return;
	for (int i = 0; i < MAX_TRANSFERS; i++) {
		if (ref->sending[i].used)
			end_sending(ref, &ref->sending[i], -ECANCELED);
		if (ref->receiving[i].used)
			forget(&ref->receiving[i]);
	}
	free(ref);
}
