/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The RMPP engine at its edges: sizes, windows, timers, aborts, duplicates, limits. Two engines, or one and handmade
 * MADs, meet on a wire that is a queue here; time is a variable.
 */
#include "check_main.h"
#include "sim/rmpp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS UINT64_C(1000000)
#define QUEUE_LEN 4096
#define WINDOW 64
#define TID 0x1234567800abcdefULL

enum { TYPE_DATA = 1, TYPE_ACK = 2, TYPE_STOP = 3, TYPE_ABORT = 4 };
enum { FLAG_ACTIVE = 1, FLAG_FIRST = 2, FLAG_LAST = 4 };

struct end {
	struct hf_rmpp_addr addr;
	struct hf_rmpp *rmpp;
	unsigned int delivered;
	uint8_t *mad; /* delivered last */
	size_t len;
	unsigned int ended;
	uint64_t cookie; /* ended last */
	int status;
};

struct frame {
	const struct end *from;
	struct hf_rmpp_addr to;
	uint8_t mad[HF_MAD_SIZE];
};

static struct end host, sm;
static struct frame queue[QUEUE_LEN];
static unsigned int queue_head, queue_tail;
static uint64_t now;

/* The wire */

static int on_send(void *ctx, const struct hf_rmpp_addr *to, const uint8_t mad[HF_MAD_SIZE])
{
	struct frame *frame = &queue[queue_tail++ % QUEUE_LEN];

	if (queue_tail - queue_head > QUEUE_LEN)
		abort(); /* an assertion of Check would allocate */
	frame->from = ctx;
	frame->to = *to;
	memcpy(frame->mad, mad, HF_MAD_SIZE);
	return 0;
}

static void on_deliver(void *ctx, const struct hf_rmpp_addr *from, const uint8_t *mad, size_t len)
{
	struct end *end = ctx;

	(void)from;
	end->delivered++;
	free(end->mad);
	end->mad = malloc(len);
	ck_assert_ptr_nonnull(end->mad);
	memcpy(end->mad, mad, len);
	end->len = len;
}

static void on_sent(void *ctx, uint64_t cookie, int status)
{
	struct end *end = ctx;

	end->ended++;
	end->cookie = cookie;
	end->status = status;
}

/* Memory that runs out: the linker hands the engine these (--wrap). */

static int allocations_left = -1; /* below 0: any number */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool may_allocate(void)
{
	return allocations_left < 0 || allocations_left-- > 0;
}

void *__wrap_malloc(size_t size)
{
	return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size)
{
	return may_allocate() ? __real_realloc(old, size) : NULL;
}

static const struct hf_rmpp_ops ops = { .send = on_send, .deliver = on_deliver, .sent = on_sent };

static void lose_all(void)
{
	queue_head = queue_tail;
}

static void start(struct end *end, uint32_t lid, const struct hf_rmpp_config *config)
{
	*end = (struct end){ .addr = { .lid = lid, .qpn = 1 } };
	ck_assert_int_eq(hf_rmpp_new(&ops, end, config, &end->rmpp), 0);
}

static void stop(struct end *end)
{
	hf_rmpp_free(end->rmpp);
	free(end->mad);
}

static void setup(void)
{
	lose_all();
	now = 1000 * NS_PER_MS;
	start(&host, 2, NULL);
	start(&sm, 1, NULL);
}

static void teardown(void)
{
	stop(&host);
	stop(&sm);
}

static struct end *peer_of(const struct end *end)
{
	return end == &host ? &sm : &host;
}

static unsigned int on_wire(void)
{
	return queue_tail - queue_head;
}

static struct frame *take(void)
{
	ck_assert_uint_gt(on_wire(), 0);
	return &queue[queue_head++ % QUEUE_LEN];
}

static void carry(const struct frame *frame)
{
	struct frame copy = *frame;

	ck_assert_int_eq(hf_rmpp_receive(peer_of(copy.from)->rmpp, &copy.from->addr, copy.mad, now), 0);
}

static void carry_all(void)
{
	while (on_wire())
		carry(take());
}

static const struct hf_rmpp_hdr *rmpp_of(const uint8_t *mad)
{
	return &((const struct hf_sa_mad *)mad)->rmpp;
}

static void expect(const struct frame *frame, uint8_t type, uint8_t status, uint32_t seg, uint32_t second)
{
	const struct hf_rmpp_hdr *hdr = rmpp_of(frame->mad);

	ck_assert_uint_eq(hdr->version, 1);
	ck_assert_uint_eq(hdr->type, type);
	ck_assert_uint_eq(hdr->rtime_flags & FLAG_ACTIVE, FLAG_ACTIVE);
	ck_assert_uint_eq(hdr->status, status);
	ck_assert_uint_eq(be32toh(hdr->seg_num), seg);
	ck_assert_uint_eq(be32toh(hdr->paylen_newwin), second);
}

/* MADs */

static void fill_header(uint8_t *mad, uint8_t mgmt_class, uint8_t method)
{
	*(struct hf_mad_hdr *)mad = (struct hf_mad_hdr){
		.base_version = 1,
		.mgmt_class = mgmt_class,
		.class_version = 2,
		.method = method,
		.tid = htobe64(TID),
	};
}

/* A MAD whose bytes after the RMPP header tell their places; the caller frees it. */
static uint8_t *new_mad(uint8_t mgmt_class, uint8_t method, size_t len)
{
	uint8_t *mad = calloc(1, len > HF_MAD_SIZE ? len : HF_MAD_SIZE);

	ck_assert_ptr_nonnull(mad);
	fill_header(mad, mgmt_class, method);
	for (size_t i = 36; i < len; i++)
		mad[i] = i * 7 + i / 251;
	return mad;
}

static int send_sa(struct end *end, uint8_t method, unsigned int segments, uint32_t timeout_ms, uint32_t retries)
{
	size_t len = 56 + (size_t)segments * HF_SA_DATA_SIZE;
	uint8_t *mad = new_mad(HF_CLASS_SUBN_ADM, method, len);
	int rc = hf_rmpp_send(end->rmpp, &peer_of(end)->addr, mad, len, timeout_ms, retries, 77, now);

	free(mad);
	return rc;
}

static void make_rmpp(uint8_t mad[HF_MAD_SIZE], uint8_t method, uint8_t type, uint8_t flags, uint32_t seg,
		      uint32_t second)
{
	memset(mad, 0, HF_MAD_SIZE);
	fill_header(mad, HF_CLASS_SUBN_ADM, method);
	((struct hf_sa_mad *)mad)->rmpp = (struct hf_rmpp_hdr){
		.version = 1,
		.type = type,
		.rtime_flags = flags | FLAG_ACTIVE,
		.seg_num = htobe32(seg),
		.paylen_newwin = htobe32(second),
	};
}

static void give(struct end *end, const uint8_t mad[HF_MAD_SIZE])
{
	ck_assert_int_eq(hf_rmpp_receive(end->rmpp, &peer_of(end)->addr, mad, now), 0);
}

static void give_rmpp(struct end *end, uint8_t method, uint8_t type, uint8_t flags, uint32_t seg, uint32_t second)
{
	uint8_t mad[HF_MAD_SIZE];

	make_rmpp(mad, method, type, flags, seg, second);
	give(end, mad);
}

static void give_data(struct end *end, uint8_t flags, uint32_t seg)
{
	give_rmpp(end, HF_METHOD_GET_TABLE_RESP, TYPE_DATA, flags, seg, flags & FLAG_LAST ? 220 : 0);
}

static void give_ack(struct end *end, uint32_t seg, uint32_t newwin)
{
	give_rmpp(end, HF_METHOD_GET_TABLE, TYPE_ACK, 0, seg, newwin);
}

static void expire_at(struct end *end, uint64_t at_ns)
{
	ck_assert_uint_eq(hf_rmpp_deadline_ns(end->rmpp), at_ns);
	now = at_ns - 1;
	hf_rmpp_expire(end->rmpp, now);
	ck_assert_uint_eq(on_wire(), 0);
	now = at_ns;
	hf_rmpp_expire(end->rmpp, now);
}

/* Whole transfers */

static const struct {
	uint8_t mgmt_class;
	size_t offset;
} classes[] = { { 0x03, 56 }, { 0x06, 64 }, { 0x10, 64 }, { 0x12, 64 }, { 0x30, 40 }, { 0x4f, 40 } };

static void check_transfer(uint8_t mgmt_class, size_t len)
{
	uint8_t *mad = new_mad(mgmt_class, HF_METHOD_GET_TABLE_RESP, len);

	setup();
	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &host.addr, mad, len, 0, 3, 5, now), 0);
	carry_all();
	ck_assert_uint_eq(host.delivered, 1);
	ck_assert_uint_eq(host.len, len);
	ck_assert_mem_eq(host.mad, mad, 24);
	ck_assert_mem_eq(host.mad + 36, mad + 36, len - 36);
	ck_assert_uint_eq(sm.ended, 1);
	ck_assert_uint_eq(sm.cookie, 5);
	ck_assert_int_eq(sm.status, 0);
	ck_assert_uint_eq(hf_rmpp_deadline_ns(sm.rmpp), UINT64_MAX);
	free(mad);
	teardown();
}

START_TEST(test_sizes)
{
	size_t offset = classes[_i].offset, chunk = HF_MAD_SIZE - offset;
	const size_t data[] = { 0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, 65 * chunk, 65 * chunk + 1,
				130 * chunk - 1, 1000 * chunk };

	ck_assert_uint_eq(hf_rmpp_data_offset(classes[_i].mgmt_class), offset);
	for (size_t i = 0; i < sizeof(data) / sizeof(*data); i++)
		check_transfer(classes[_i].mgmt_class, offset + data[i]);
}
END_TEST

START_TEST(test_refused_sends)
{
	uint8_t *mad = new_mad(HF_CLASS_SUBN_ADM, HF_METHOD_GET_TABLE_RESP, 600);

	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &host.addr, mad, 55, 0, 3, 0, now), -EINVAL);
	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &host.addr, mad, 0, 0, 3, 0, now), -EINVAL);
	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &host.addr, mad, SIZE_MAX / 2, 0, 3, 0, now), -EINVAL);
	mad[1] = HF_CLASS_SUBN_DIRECTED;
	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &host.addr, mad, 600, 0, 3, 0, now), -EINVAL);
	ck_assert_uint_eq(on_wire(), 0);
	free(mad);
}
END_TEST

START_TEST(test_same_transfer_twice)
{
	struct hf_rmpp_addr other = { .lid = 9, .qpn = 1 };
	uint8_t *mad = new_mad(HF_CLASS_SUBN_ADM, HF_METHOD_GET_TABLE_RESP, 600);

	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &host.addr, mad, 600, 0, 3, 0, now), 0);
	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &host.addr, mad, 600, 0, 3, 0, now), -EEXIST);
	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &other, mad, 600, 0, 3, 0, now), 0);
	mad[3] = HF_METHOD_GET_TABLE;
	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &host.addr, mad, 600, 1000, 3, 0, now), 0);
	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &other, mad, 600, 1000, 3, 0, now), -EEXIST);
	free(mad);
}
END_TEST

/* The sender */

START_TEST(test_segments_on_the_wire)
{
	size_t len = 56 + 2 * HF_SA_DATA_SIZE + 10;
	uint8_t *mad = new_mad(HF_CLASS_SUBN_ADM, HF_METHOD_GET_TABLE_RESP, len);

	memset(mad + 24, 0xff, 12); /* the caller's RMPP header does not matter */
	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &host.addr, mad, len, 0, 3, 0, now), 0);
	ck_assert_uint_eq(on_wire(), 1);
	struct frame *frame = take();

	expect(frame, TYPE_DATA, 0, 1, 3 * 220 - 190);
	ck_assert_uint_eq(rmpp_of(frame->mad)->rtime_flags, FLAG_ACTIVE | FLAG_FIRST);
	give_ack(&sm, 1, 65);
	ck_assert_uint_eq(on_wire(), 2);
	frame = take();
	expect(frame, TYPE_DATA, 0, 2, 0);
	ck_assert_uint_eq(rmpp_of(frame->mad)->rtime_flags, FLAG_ACTIVE);
	frame = take();
	expect(frame, TYPE_DATA, 0, 3, 220 - 190);
	ck_assert_uint_eq(rmpp_of(frame->mad)->rtime_flags, FLAG_ACTIVE | FLAG_LAST);
	ck_assert_mem_eq(frame->mad + 36, mad + 36, 20);
	ck_assert_mem_eq(frame->mad + 56, mad + 456, 10);
	for (size_t i = 66; i < HF_MAD_SIZE; i++)
		ck_assert_uint_eq(frame->mad[i], 0);
	free(mad);
}
END_TEST

START_TEST(test_sender_keeps_to_the_window)
{
	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 200, 0, 3), 0);
	ck_assert_uint_eq(on_wire(), 1);
	lose_all();
	give_ack(&sm, 1, 11);
	ck_assert_uint_eq(on_wire(), 10);
	lose_all();
	give_ack(&sm, 5, 11); /* nothing new granted */
	ck_assert_uint_eq(on_wire(), 0);
	give_ack(&sm, 4, 100); /* older than the last one */
	give_ack(&sm, 6, 10);  /* takes back what was granted */
	ck_assert_uint_eq(on_wire(), 0);
	give_ack(&sm, 5, 12);
	ck_assert_uint_eq(on_wire(), 1);
	expect(take(), TYPE_DATA, 0, 12, 0);
}
END_TEST

START_TEST(test_sender_goes_back)
{
	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 10, 0, 2), 0);
	give_ack(&sm, 1, 65);
	give_ack(&sm, 4, 65);
	lose_all();
	expire_at(&sm, now + 2000 * NS_PER_MS);
	ck_assert_uint_eq(on_wire(), 6);
	expect(take(), TYPE_DATA, 0, 5, 0);
	lose_all();
	give_ack(&sm, 5, 65); /* progress: both retries are back, the timer runs on */
	expire_at(&sm, now + 2000 * NS_PER_MS);
	lose_all();
	expire_at(&sm, now + 2000 * NS_PER_MS);
	expect(take(), TYPE_DATA, 0, 6, 0);
	lose_all();
	ck_assert_uint_eq(sm.ended, 0);
	expire_at(&sm, now + 2000 * NS_PER_MS);
	ck_assert_uint_eq(sm.ended, 1);
	ck_assert_int_eq(sm.status, -ETIMEDOUT);
	ck_assert_uint_eq(on_wire(), 0);
}
END_TEST

START_TEST(test_sender_timer)
{
	static const struct {
		uint32_t timeout_ms, timer_ms;
	} cases[] = { { 0, 2000 }, { 1, 1 }, { 1999, 1999 }, { 2001, 2000 }, { 60000, 2000 } };

	ck_assert_int_eq(send_sa(&host, HF_METHOD_GET_TABLE, 100, cases[_i].timeout_ms, 1), 0);
	lose_all();
	now += 5 * NS_PER_MS;
	give_rmpp(&host, HF_METHOD_GET_TABLE_RESP, TYPE_ACK, 0, 1, 65);
	lose_all();
	expire_at(&host, now + cases[_i].timer_ms * NS_PER_MS);
	ck_assert_uint_eq(on_wire(), WINDOW);
	lose_all();
	expire_at(&host, now + cases[_i].timer_ms * NS_PER_MS);
	ck_assert_int_eq(host.status, -ETIMEDOUT);
}
END_TEST

START_TEST(test_timers_in_order)
{
	uint8_t *mad = new_mad(HF_CLASS_SUBN_ADM, HF_METHOD_GET_TABLE, 300);
	static const uint32_t timeouts_ms[] = { 500, 100, 900, 100, 300 };
	static const uint64_t order[] = { 1, 3, 4, 0, 2 };

	for (unsigned int i = 0; i < 5; i++) {
		mad[15] = i;
		ck_assert_int_eq(hf_rmpp_send(host.rmpp, &sm.addr, mad, 300, timeouts_ms[i], 0, i, now), 0);
	}
	for (unsigned int i = 0; i < 5; i++) {
		now = hf_rmpp_deadline_ns(host.rmpp);
		ck_assert_uint_eq(now, (1000 + timeouts_ms[order[i]]) * NS_PER_MS);
		if (i == 0)
			continue; /* two are due at once */
		hf_rmpp_expire(host.rmpp, now);
		ck_assert_uint_eq(host.ended, i + 1);
		ck_assert_uint_eq(host.cookie, order[i]);
	}
	ck_assert_uint_eq(hf_rmpp_deadline_ns(host.rmpp), UINT64_MAX);
	free(mad);
}
END_TEST

START_TEST(test_peer_ends_transfer)
{
	static const struct {
		uint8_t type, status;
		bool is_legal;
	} cases[] = {
		{ TYPE_STOP, HF_RMPP_STATUS_RESX, true }, { TYPE_STOP, HF_RMPP_STATUS_T2L, false },
		{ TYPE_STOP, 0, false },                  { TYPE_ABORT, HF_RMPP_STATUS_T2L, true },
		{ TYPE_ABORT, 117, false },               { TYPE_ABORT, HF_RMPP_STATUS_UNSPEC, true },
		{ TYPE_ABORT, 128, false },               { TYPE_ABORT, HF_RMPP_STATUS_RESX, false },
		{ TYPE_ACK, 1, false },
	};
	uint8_t mad[HF_MAD_SIZE];

	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 10, 0, 3), 0);
	lose_all();
	make_rmpp(mad, HF_METHOD_GET_TABLE, cases[_i].type, 0, 0, 0);
	((struct hf_sa_mad *)mad)->rmpp.status = cases[_i].status;
	((struct hf_sa_mad *)mad)->hdr.tid ^= 1;
	give(&sm, mad); /* another's */
	ck_assert_uint_eq(sm.ended, 0);
	lose_all();
	((struct hf_sa_mad *)mad)->hdr.tid ^= 1;
	give(&sm, mad);
	ck_assert_uint_eq(sm.ended, 1);
	ck_assert_int_eq(sm.status, -EREMOTEIO);
	ck_assert_uint_eq(on_wire(), !cases[_i].is_legal);
	if (!cases[_i].is_legal)
		expect(take(), TYPE_ABORT, HF_RMPP_STATUS_BAD_STATUS, 0, 0);
}
END_TEST

START_TEST(test_senseless_acks)
{
	static const struct {
		uint32_t seg, newwin;
		uint8_t status;
	} cases[] = {
		{ 2, 1, HF_RMPP_STATUS_W2S },
		{ 2, 65, HF_RMPP_STATUS_S2B },
		{ 11, 65, HF_RMPP_STATUS_S2B },
		{ 1, UINT32_MAX, HF_RMPP_STATUS_W2S },
	};

	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 10, 0, 3), 0);
	lose_all();
	give_ack(&sm, cases[_i].seg, cases[_i].newwin);
	ck_assert_int_eq(sm.status, -EREMOTEIO);
	ck_assert_uint_eq(sm.ended, 1);
	ck_assert_uint_eq(on_wire(), 1);
	const struct frame *frame = take();

	expect(frame, TYPE_ABORT, cases[_i].status, 0, 0);
	ck_assert_uint_eq(frame->mad[3], HF_METHOD_GET_TABLE_RESP);
}
END_TEST

START_TEST(test_ack_beyond_the_end)
{
	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 10, 0, 3), 0);
	give_ack(&sm, 1, 65);
	lose_all();
	give_ack(&sm, 11, 65);
	ck_assert_int_eq(sm.status, -EREMOTEIO);
	expect(take(), TYPE_ABORT, HF_RMPP_STATUS_S2B, 0, 0);
}
END_TEST

START_TEST(test_cancel)
{
	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 10, 0, 3), 0);
	lose_all();
	ck_assert_int_eq(hf_rmpp_cancel(sm.rmpp, 78), -ENOENT);
	ck_assert_int_eq(hf_rmpp_cancel(sm.rmpp, 77), 0);
	ck_assert_int_eq(sm.status, -ECANCELED);
	ck_assert_uint_eq(sm.ended, 1);
	ck_assert_int_eq(hf_rmpp_cancel(sm.rmpp, 77), -ENOENT);
	ck_assert_uint_eq(hf_rmpp_deadline_ns(sm.rmpp), UINT64_MAX);
	give_ack(&sm, 1, 65);
	ck_assert_uint_eq(on_wire(), 0);
	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 10, 0, 3), 0);
	hf_rmpp_free(sm.rmpp);
	sm.rmpp = NULL;
	ck_assert_int_eq(sm.status, -ECANCELED);
	ck_assert_uint_eq(sm.ended, 2);
}
END_TEST

/* The receiver */

START_TEST(test_receiver_acks)
{
	give_data(&host, FLAG_FIRST, 1);
	ck_assert_uint_eq(on_wire(), 1);
	const struct frame *frame = take();

	expect(frame, TYPE_ACK, 0, 1, 1 + WINDOW);
	ck_assert_uint_eq(frame->mad[3], HF_METHOD_GET_TABLE);
	ck_assert_uint_eq(frame->to.lid, sm.addr.lid);
	for (uint32_t seg = 2; seg < 1 + WINDOW; seg++)
		give_data(&host, 0, seg);
	ck_assert_uint_eq(on_wire(), 0);
	give_data(&host, 0, 2 + WINDOW); /* beyond the window */
	give_data(&host, 0, 5);          /* held, not yet acknowledged */
	ck_assert_uint_eq(on_wire(), 0);
	give_data(&host, 0, 1 + WINDOW);
	expect(take(), TYPE_ACK, 0, 1 + WINDOW, 1 + 2 * WINDOW);
	give_data(&host, 0, 5); /* acknowledged: say it again */
	expect(take(), TYPE_ACK, 0, 1 + WINDOW, 1 + 2 * WINDOW);
	give_data(&host, FLAG_LAST, 2 + WINDOW);
	expect(take(), TYPE_ACK, 0, 2 + WINDOW, 1 + 2 * WINDOW);
	ck_assert_uint_eq(host.delivered, 1);
	ck_assert_uint_eq(host.len, 56 + (2 + WINDOW) * HF_SA_DATA_SIZE);
}
END_TEST

START_TEST(test_first_copy_counts)
{
	uint8_t mad[HF_MAD_SIZE];

	give_data(&host, FLAG_FIRST, 1);
	give_data(&host, FLAG_LAST, 3);
	make_rmpp(mad, HF_METHOD_GET_TABLE_RESP, TYPE_DATA, 0, 3, 0);
	memset(mad + 56, 0xee, HF_SA_DATA_SIZE);
	give(&host, mad);
	give_data(&host, 0, 2);
	ck_assert_uint_eq(host.delivered, 1);
	ck_assert_uint_eq(host.mad[56 + 2 * HF_SA_DATA_SIZE], 0);
}
END_TEST

/* The class header and the response time come back; what follows is zero. */
START_TEST(test_ack_repeats_headers)
{
	uint8_t mad[HF_MAD_SIZE];

	make_rmpp(mad, HF_METHOD_GET_TABLE_RESP, TYPE_DATA, FLAG_FIRST, 1, 0);
	memset(mad + 36, 0x5a, HF_MAD_SIZE - 36);
	((struct hf_sa_mad *)mad)->rmpp.rtime_flags |= 19 << 3;
	give(&host, mad);
	const struct frame *frame = take();

	expect(frame, TYPE_ACK, 0, 1, 1 + WINDOW);
	ck_assert_uint_eq(rmpp_of(frame->mad)->rtime_flags, 19 << 3 | FLAG_ACTIVE);
	ck_assert_mem_eq(frame->mad + 36, mad + 36, 20);
	for (size_t i = 56; i < HF_MAD_SIZE; i++)
		ck_assert_uint_eq(frame->mad[i], 0);
}
END_TEST

START_TEST(test_receiver_sorts)
{
	size_t len = 56 + 40 * HF_SA_DATA_SIZE - 3;
	uint8_t *mad = new_mad(HF_CLASS_SUBN_ADM, HF_METHOD_GET_TABLE_RESP, len);

	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &host.addr, mad, len, 0, 3, 0, now), 0);
	carry(take());
	carry(take());
	ck_assert_uint_eq(on_wire(), 39);
	struct frame segments[39];

	for (int i = 0; i < 39; i++)
		segments[i] = *take();
	for (int i = 38; i >= 0; i--) {
		carry(&segments[i]);
		carry(&segments[i]);
	}
	ck_assert_uint_eq(host.delivered, 1);
	ck_assert_uint_eq(host.len, len);
	ck_assert_mem_eq(host.mad + 36, mad + 36, len - 36);
	carry_all();
	ck_assert_int_eq(sm.status, 0);
	ck_assert_uint_eq(sm.ended, 1);
	free(mad);
}
END_TEST

START_TEST(test_receiver_gives_up)
{
	uint64_t begin = now;

	give_data(&host, FLAG_FIRST, 1);
	lose_all();
	now += 39000 * NS_PER_MS;
	give_data(&host, 0, 2); /* progress does not help */
	expire_at(&host, begin + 40000 * NS_PER_MS);
	ck_assert_uint_eq(on_wire(), 1);
	expect(take(), TYPE_ABORT, HF_RMPP_STATUS_T2L, 0, 0);
	give_data(&host, FLAG_LAST, 3);
	ck_assert_uint_eq(on_wire(), 0);
	ck_assert_uint_eq(host.delivered, 0);
	ck_assert_uint_eq(hf_rmpp_deadline_ns(host.rmpp), UINT64_MAX);
}
END_TEST

START_TEST(test_receiver_remembers)
{
	give_data(&host, FLAG_FIRST | FLAG_LAST, 1);
	expect(take(), TYPE_ACK, 0, 1, 1);
	ck_assert_uint_eq(host.delivered, 1);
	give_data(&host, FLAG_FIRST | FLAG_LAST, 1);
	expect(take(), TYPE_ACK, 0, 1, 1);
	ck_assert_uint_eq(host.delivered, 1);
	expire_at(&host, now + 10000 * NS_PER_MS);
	ck_assert_uint_eq(on_wire(), 0);
	give_data(&host, FLAG_FIRST | FLAG_LAST, 1);
	ck_assert_uint_eq(host.delivered, 2);
}
END_TEST

START_TEST(test_abort_leaves_receiver_alone)
{
	uint8_t mad[HF_MAD_SIZE];

	give_data(&host, FLAG_FIRST, 1);
	make_rmpp(mad, HF_METHOD_GET_TABLE_RESP, TYPE_ABORT, 0, 0, 0);
	((struct hf_sa_mad *)mad)->rmpp.status = HF_RMPP_STATUS_TMR;
	give(&host, mad);
	give_data(&host, FLAG_LAST, 2);
	ck_assert_uint_eq(host.delivered, 1);
}
END_TEST

START_TEST(test_bad_mads)
{
	static const struct {
		uint8_t version, type, flags, status;
		uint32_t seg;
		uint8_t answer;
	} cases[] = {
		{ 0, TYPE_DATA, FLAG_FIRST, 0, 1, HF_RMPP_STATUS_UNV },
		{ 2, TYPE_ACK, 0, 0, 1, HF_RMPP_STATUS_UNV },
		{ 1, 0, FLAG_FIRST, 0, 1, HF_RMPP_STATUS_BADT },
		{ 1, 5, 0, 0, 1, HF_RMPP_STATUS_BADT },
		{ 1, TYPE_DATA, FLAG_FIRST, 1, 1, HF_RMPP_STATUS_BAD_STATUS },
		{ 1, TYPE_DATA, 0, 0, 1, HF_RMPP_STATUS_BAD_SEG },
		{ 1, TYPE_DATA, FLAG_FIRST, 0, 2, HF_RMPP_STATUS_BAD_SEG },
		{ 1, TYPE_DATA, FLAG_FIRST, 0, 0, HF_RMPP_STATUS_BAD_SEG },
	};
	uint8_t mad[HF_MAD_SIZE];

	make_rmpp(mad, HF_METHOD_GET_TABLE_RESP, cases[_i].type, cases[_i].flags, cases[_i].seg, 0);
	((struct hf_sa_mad *)mad)->rmpp.version = cases[_i].version;
	((struct hf_sa_mad *)mad)->rmpp.status = cases[_i].status;
	give(&host, mad);
	ck_assert_uint_eq(on_wire(), 1);
	expect(take(), TYPE_ABORT, cases[_i].answer, 0, 0);
	ck_assert_uint_eq(hf_rmpp_deadline_ns(host.rmpp), UINT64_MAX);
}
END_TEST

START_TEST(test_odd_segment_numbers)
{
	give_data(&host, 0, 2); /* of nothing that began */
	ck_assert_uint_eq(on_wire(), 0);
	give_data(&host, FLAG_FIRST, 1);
	lose_all();
	give_data(&host, 0, INT32_MAX);
	ck_assert_uint_eq(on_wire(), 0);
	give_data(&host, 0, 0); /* counts as acknowledged long ago, and so does all from 2^31 on */
	give_data(&host, 0, UINT32_MAX);
	ck_assert_uint_eq(on_wire(), 2);
	expect(take(), TYPE_ACK, 0, 1, 65);
	expect(take(), TYPE_ACK, 0, 1, 65);
}
END_TEST

START_TEST(test_odd_payload_lengths)
{
	static const struct {
		uint32_t payload_len;
		size_t len;
	} cases[] = { { 0, 36 }, { 20, 56 }, { 219, 255 }, { 220, 256 }, { 221, 256 }, { UINT32_MAX, 256 } };

	give_rmpp(&host, HF_METHOD_GET_TABLE_RESP, TYPE_DATA, FLAG_FIRST | FLAG_LAST, 1, cases[_i].payload_len);
	ck_assert_uint_eq(host.delivered, 1);
	ck_assert_uint_eq(host.len, cases[_i].len);
}
END_TEST

START_TEST(test_not_rmpp)
{
	uint8_t mad[HF_MAD_SIZE];

	make_rmpp(mad, HF_METHOD_GET_TABLE_RESP, TYPE_DATA, FLAG_FIRST | FLAG_LAST, 1, 220);
	ck_assert(hf_rmpp_is_active(mad, HF_MAD_SIZE));
	ck_assert(!hf_rmpp_is_active(mad, 35));
	mad[1] = HF_CLASS_SUBN_LID;
	ck_assert_int_eq(hf_rmpp_receive(host.rmpp, &sm.addr, mad, now), 1);
	mad[1] = HF_CLASS_SUBN_ADM;
	((struct hf_sa_mad *)mad)->rmpp.rtime_flags = FLAG_FIRST | FLAG_LAST;
	ck_assert_int_eq(hf_rmpp_receive(host.rmpp, &sm.addr, mad, now), 1);
	ck_assert_uint_eq(host.delivered, 0);
	ck_assert_uint_eq(on_wire(), 0);
}
END_TEST

START_TEST(test_max_bytes)
{
	const struct hf_rmpp_config config = { .max_bytes = 56 + 3 * HF_SA_DATA_SIZE };

	stop(&host);
	start(&host, 2, &config);
	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 3, 0, 3), 0);
	carry_all();
	ck_assert_uint_eq(host.delivered, 1);
	now += 10000 * NS_PER_MS;
	hf_rmpp_expire(host.rmpp, now);
	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 4, 0, 3), 0);
	carry_all();
	ck_assert_uint_eq(host.delivered, 1);
	ck_assert_uint_eq(sm.ended, 2);
	ck_assert_int_eq(sm.status, -EREMOTEIO);
	ck_assert_uint_eq(hf_rmpp_deadline_ns(host.rmpp), UINT64_MAX);
}
END_TEST

static void give_first(struct end *end, uint8_t tid, uint8_t flags)
{
	uint8_t mad[HF_MAD_SIZE];

	make_rmpp(mad, HF_METHOD_GET_TABLE_RESP, TYPE_DATA, FLAG_FIRST | flags, 1, 220);
	mad[15] = tid;
	give(end, mad);
}

START_TEST(test_max_transfers)
{
	const struct hf_rmpp_config config = { .max_transfers = 2 };

	stop(&host);
	start(&host, 2, &config);
	give_first(&host, 1, 0);
	give_first(&host, 2, FLAG_LAST);
	give_first(&host, 3, 0); /* in place of the remembered one */
	ck_assert_uint_eq(on_wire(), 3);
	give_first(&host, 4, 0);
	ck_assert_uint_eq(on_wire(), 3);
	give_first(&host, 1, 0); /* still known */
	ck_assert_uint_eq(on_wire(), 4);
}
END_TEST

/* Requests and responses */

START_TEST(test_double_sided)
{
	ck_assert_int_eq(send_sa(&host, HF_METHOD_GET_TABLE, 3, 700, 3), 0);
	carry(take()); /* the first segment */
	carry(take()); /* its ACK */
	carry(take());
	carry(take());
	ck_assert_uint_eq(sm.delivered, 1);
	carry(take()); /* the last ACK */
	ck_assert_uint_eq(on_wire(), 1);
	const struct frame *grant = take();

	expect(grant, TYPE_ACK, 0, 0, 1);
	ck_assert_uint_eq(grant->mad[3], HF_METHOD_GET_TABLE);
	carry(grant);
	ck_assert_uint_eq(host.ended, 0);

	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 5, 0, 3), 0);
	carry_all();
	ck_assert_uint_eq(host.delivered, 1);
	ck_assert_uint_eq(host.ended, 1);
	ck_assert_int_eq(host.status, 0);
	ck_assert_uint_eq(sm.ended, 1);
	ck_assert_int_eq(sm.status, 0);
}
END_TEST

START_TEST(test_last_ack_again)
{
	ck_assert_int_eq(send_sa(&host, HF_METHOD_GET_TABLE, 1, 700, 3), 0);
	lose_all();
	for (int i = 0; i < 2; i++) {
		give_rmpp(&host, HF_METHOD_GET_TABLE_RESP, TYPE_ACK, 0, 1, 1);
		ck_assert_uint_eq(on_wire(), 1);
		expect(take(), TYPE_ACK, 0, 0, 1);
	}
	give_rmpp(&host, HF_METHOD_GET_TABLE_RESP, TYPE_ABORT, 0, 0, 0); /* too late, illegal or not */
	ck_assert_uint_eq(host.ended, 0);
}
END_TEST

START_TEST(test_granted_window)
{
	give_rmpp(&sm, HF_METHOD_GET_TABLE, TYPE_DATA, FLAG_FIRST | FLAG_LAST, 1, 220);
	give_ack(&sm, 0, 6);
	lose_all();
	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 10, 0, 3), 0);
	ck_assert_uint_eq(on_wire(), 6);
}
END_TEST

START_TEST(test_window_granted_too_early)
{
	give_rmpp(&sm, HF_METHOD_GET_TABLE, TYPE_DATA, FLAG_FIRST, 1, 0);
	give_ack(&sm, 0, 6);
	give_rmpp(&sm, HF_METHOD_GET_TABLE, TYPE_DATA, FLAG_LAST, 2, 220);
	lose_all();
	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 10, 0, 3), 0);
	ck_assert_uint_eq(on_wire(), 1);
}
END_TEST

START_TEST(test_granted_window_is_forgotten)
{
	give_rmpp(&sm, HF_METHOD_GET_TABLE, TYPE_DATA, FLAG_FIRST | FLAG_LAST, 1, 220);
	give_ack(&sm, 0, 6);
	lose_all();
	expire_at(&sm, now + 10000 * NS_PER_MS);
	ck_assert_int_eq(send_sa(&sm, HF_METHOD_GET_TABLE_RESP, 10, 0, 3), 0);
	ck_assert_uint_eq(on_wire(), 1);
}
END_TEST

START_TEST(test_no_response)
{
	ck_assert_int_eq(send_sa(&host, HF_METHOD_GET_TABLE, 1, 5000, 3), 0);
	now += NS_PER_MS;
	carry(take());
	carry(take());
	lose_all();
	expire_at(&host, now + 5000 * NS_PER_MS);
	ck_assert_uint_eq(on_wire(), 0);
	ck_assert_uint_eq(host.ended, 1);
	ck_assert_int_eq(host.status, -ETIMEDOUT);
}
END_TEST

START_TEST(test_plain_response)
{
	uint8_t mad[HF_MAD_SIZE] = { 0 };

	ck_assert_int_eq(send_sa(&host, HF_METHOD_GET_TABLE, 3, 700, 3), 0);
	lose_all();
	fill_header(mad, HF_CLASS_SUBN_ADM, HF_METHOD_GET_TABLE_RESP);
	give(&host, mad); /* before the last ACK: an answer is an answer */
	ck_assert_uint_eq(host.delivered, 1);
	ck_assert_uint_eq(host.len, HF_MAD_SIZE);
	ck_assert_uint_eq(host.ended, 1);
	ck_assert_int_eq(host.status, 0);
	ck_assert_int_eq(hf_rmpp_receive(host.rmpp, &sm.addr, mad, now), 1);
}
END_TEST

START_TEST(test_many_at_once)
{
	enum { TRANSFERS = 1000, LEN = 56 + 3 * HF_SA_DATA_SIZE };
	uint8_t *mad = new_mad(HF_CLASS_SUBN_ADM, HF_METHOD_GET_TABLE_RESP, LEN);

	for (unsigned int i = 0; i < TRANSFERS; i++) {
		mad[14] = i >> 8;
		mad[15] = i;
		ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &host.addr, mad, LEN, 0, 3, i, now), 0);
	}
	carry_all();
	ck_assert_uint_eq(host.delivered, TRANSFERS);
	ck_assert_uint_eq(sm.ended, TRANSFERS);
	free(mad);
}
END_TEST

/* One MAD in ten is lost and one in ten overtaken, in both directions. */
START_TEST(test_loss)
{
	size_t len = 56 + 300 * HF_SA_DATA_SIZE - 1;
	uint8_t *mad = new_mad(HF_CLASS_SUBN_ADM, HF_METHOD_GET_TABLE_RESP, len);
	const struct hf_rmpp_config config = { .ack_timeout_ms = 100 };

	stop(&sm);
	start(&sm, 1, &config);
	srand(_i);
	ck_assert_int_eq(hf_rmpp_send(sm.rmpp, &host.addr, mad, len, 0, 20, 0, now), 0);
	while (!sm.ended) {
		while (on_wire()) {
			struct frame frame = *take();
			int fate = rand() % 10;

			if (fate == 1 && on_wire()) {
				struct frame other = queue[queue_head % QUEUE_LEN];

				queue[queue_head % QUEUE_LEN] = frame;
				frame = other;
			}
			if (fate != 0)
				carry(&frame);
		}
		now = hf_rmpp_deadline_ns(sm.rmpp);
		if (!sm.ended)
			hf_rmpp_expire(sm.rmpp, now);
	}
	ck_assert_int_eq(sm.status, 0);
	ck_assert_uint_eq(host.delivered, 1);
	ck_assert_uint_eq(host.len, len);
	ck_assert_mem_eq(host.mad + 36, mad + 36, len - 36);
	free(mad);
}
END_TEST

static void give_with_memory(struct end *end, const uint8_t mad[HF_MAD_SIZE], int allocations)
{
	allocations_left = allocations;
	int rc = hf_rmpp_receive(end->rmpp, &peer_of(end)->addr, mad, now);

	allocations_left = -1; /* before Check allocates */
	ck_assert_int_eq(rc, 0);
}

/* Whatever allocation fails: an error or a lost MAD, and the next try succeeds. */
START_TEST(test_out_of_memory)
{
	uint8_t *mad = new_mad(HF_CLASS_SUBN_ADM, HF_METHOD_GET_TABLE, 856);
	unsigned int failures = 0;

	for (int rc = -ENOMEM; rc; failures++) {
		allocations_left = failures;
		rc = hf_rmpp_send(sm.rmpp, &host.addr, mad, 856, 0, 3, 0, now);
		allocations_left = -1;
		ck_assert(rc == 0 || rc == -ENOMEM);
	}
	ck_assert_uint_gt(failures, 3);
	lose_all();
	make_rmpp(mad, HF_METHOD_GET_TABLE, TYPE_DATA, FLAG_FIRST, 1, 0);
	for (failures = 0; hf_rmpp_deadline_ns(host.rmpp) == UINT64_MAX; failures++)
		give_with_memory(&host, mad, failures);
	ck_assert_uint_gt(failures, 5);
	lose_all();
	give_rmpp(&host, HF_METHOD_GET_TABLE, TYPE_DATA, 0, 2, 0);
	make_rmpp(mad, HF_METHOD_GET_TABLE, TYPE_DATA, 0, 10, 0);
	give_with_memory(&host, mad, 0);
	expect(take(), TYPE_STOP, HF_RMPP_STATUS_RESX, 0, 0);
	ck_assert_uint_eq(hf_rmpp_deadline_ns(host.rmpp), UINT64_MAX);
	free(mad);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	suite_add_tcase(suite, tc);
	return tc;
}

static void add_sender_tests(TCase *tc)
{
	tcase_add_test(tc, test_refused_sends);
	tcase_add_test(tc, test_same_transfer_twice);
	tcase_add_test(tc, test_segments_on_the_wire);
	tcase_add_test(tc, test_sender_keeps_to_the_window);
	tcase_add_test(tc, test_sender_goes_back);
	tcase_add_loop_test(tc, test_sender_timer, 0, 5);
	tcase_add_test(tc, test_timers_in_order);
	tcase_add_loop_test(tc, test_peer_ends_transfer, 0, 9);
	tcase_add_loop_test(tc, test_senseless_acks, 0, 4);
	tcase_add_test(tc, test_ack_beyond_the_end);
	tcase_add_test(tc, test_cancel);
}

static void add_receiver_tests(TCase *tc)
{
	tcase_add_test(tc, test_receiver_acks);
	tcase_add_test(tc, test_receiver_sorts);
	tcase_add_test(tc, test_first_copy_counts);
	tcase_add_test(tc, test_ack_repeats_headers);
	tcase_add_test(tc, test_receiver_gives_up);
	tcase_add_test(tc, test_receiver_remembers);
	tcase_add_test(tc, test_abort_leaves_receiver_alone);
	tcase_add_loop_test(tc, test_bad_mads, 0, 8);
	tcase_add_test(tc, test_odd_segment_numbers);
	tcase_add_loop_test(tc, test_odd_payload_lengths, 0, 6);
	tcase_add_test(tc, test_not_rmpp);
	tcase_add_test(tc, test_max_bytes);
	tcase_add_test(tc, test_max_transfers);
}

static void add_exchange_tests(TCase *tc)
{
	tcase_add_test(tc, test_double_sided);
	tcase_add_test(tc, test_last_ack_again);
	tcase_add_test(tc, test_granted_window);
	tcase_add_test(tc, test_window_granted_too_early);
	tcase_add_test(tc, test_granted_window_is_forgotten);
	tcase_add_test(tc, test_no_response);
	tcase_add_test(tc, test_plain_response);
	tcase_add_test(tc, test_many_at_once);
	tcase_add_test(tc, test_out_of_memory);
	tcase_add_loop_test(tc, test_loss, 0, 20);
}

int main(void)
{
	Suite *suite = suite_create("rmpp engine");
	TCase *sizes = tcase_create("sizes");

	tcase_add_loop_test(sizes, test_sizes, 0, sizeof(classes) / sizeof(*classes));
	suite_add_tcase(suite, sizes);
	add_sender_tests(add_case(suite, "sender"));
	add_receiver_tests(add_case(suite, "receiver"));
	add_exchange_tests(add_case(suite, "exchange"));
	return check_main(suite);
}
