/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "sim/verbs/ring.h"

static struct hf_ring ring;

static void set_up(void)
{
	memset(&ring, 0, sizeof(ring));
}

static bool put(uint32_t number, uint32_t length)
{
	struct hf_packet *packet = hf_ring_reserve(&ring, length);

	if (!packet)
		return false;
	*packet = (struct hf_packet){
		.type = HF_PACKET_WRITE, .psn = number & HF_PSN_MASK, .packets = 1, .length = length, .total = length,
	};
	memset(packet + 1, number & 0xff, length);
	hf_ring_commit(&ring, length);
	return true;
}

static void take(uint32_t number, uint32_t length)
{
	struct hf_packet packet;
	const uint8_t *payload;
	uint32_t same = 0;

	ck_assert_int_eq(hf_ring_peek(&ring, &packet, &payload), 1);
	ck_assert_uint_eq(packet.psn, number & HF_PSN_MASK);
	ck_assert_uint_eq(packet.length, length);
	while (same < length && payload[same] == (number & 0xff))
		same++;
	ck_assert_uint_eq(same, length);
	hf_ring_release(&ring, length);
}

static uint32_t length_of(uint32_t number)
{
	return number * 7919 % (HF_PACKET_PAYLOAD_MAX + 1);
}

START_TEST(keeps_order_around_the_end)
{
	uint32_t put_number = 0, taken = 0;

	for (int round = 0; round < 200; round++) {
		while (put(put_number, length_of(put_number)))
			put_number++;
		/* Never all of it, so that it wraps at every place. */
		for (uint32_t left = 1 + round % 5; left && taken < put_number; left--, taken++)
			take(taken, length_of(taken));
	}
	for (; taken < put_number; taken++)
		take(taken, length_of(taken));
	ck_assert(hf_ring_is_empty(&ring));
	ck_assert_uint_gt(put_number, 500);
}
END_TEST

START_TEST(holds_several_of_the_largest)
{
	unsigned int count = 0;

	while (put(count, HF_PACKET_PAYLOAD_MAX))
		count++;
	ck_assert_uint_ge(count, 4);
}
END_TEST

static void *write_many(void *argument)
{
	for (uint32_t number = 0; number < 20000; number++)
		while (!put(number, length_of(number) / 64))
			sched_yield();
	return argument;
}

START_TEST(two_threads)
{
	pthread_t writer;

	ck_assert_int_eq(pthread_create(&writer, NULL, write_many, NULL), 0);
	for (uint32_t number = 0; number < 20000; number++) {
		while (hf_ring_is_empty(&ring))
			sched_yield();
		take(number, length_of(number) / 64);
	}
	pthread_join(writer, NULL);
}
END_TEST

START_TEST(refuses_nonsense)
{
	struct hf_packet packet;
	const uint8_t *payload;

	/* more than there is, less than a header, not aligned, over the end */
	static const uint32_t sizes[] = { 1 << 30, 0, 100, HF_RING_DATA_SIZE + 64 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		set_up();
		put(1, 10);
		memcpy(ring.data, &sizes[i], sizeof(sizes[i]));
		ck_assert_int_eq(hf_ring_peek(&ring, &packet, &payload), -EPROTO);
	}
	set_up();
	put(1, 10);
	ring.head = HF_RING_DATA_SIZE * 2;
	ck_assert_int_eq(hf_ring_peek(&ring, &packet, &payload), -EPROTO);
	set_up();
	put(1, 10);
	((struct hf_packet *)(ring.data + HF_RING_ALIGNMENT))->length = 5000;
	ck_assert_int_eq(hf_ring_peek(&ring, &packet, &payload), -EPROTO);
}
END_TEST

START_TEST(knows_its_packets)
{
	const struct hf_packet good = {
		.type = HF_PACKET_SEND, .dest_qpn = 5, .packets = 1, .length = 100, .total = 200,
	};
	struct hf_packet packet = good;

	ck_assert(hf_packet_check(&packet, 100));
	ck_assert(!hf_packet_check(&packet, 99));
	packet.type = HF_PACKET_TYPE_COUNT;
	ck_assert(!hf_packet_check(&packet, 100));
	packet = good;
	packet.type = HF_PACKET_ACK;
	ck_assert(!hf_packet_check(&packet, 100));
	packet = good;
	packet.psn = 1 << 24;
	ck_assert(!hf_packet_check(&packet, 100));
	packet = good;
	packet.packets = 0;
	ck_assert(!hf_packet_check(&packet, 100));
	packet = good;
	packet.total = 99;
	ck_assert(!hf_packet_check(&packet, 100));
	packet = good;
	packet.sl = 16;
	ck_assert(!hf_packet_check(&packet, 100));
}
END_TEST

START_TEST(numbers_are_a_circle)
{
	ck_assert_uint_eq(hf_psn_add(0xffffff, 2), 1);
	ck_assert_int_eq(hf_psn_diff(1, 0xffffff), 2);
	ck_assert_int_eq(hf_psn_diff(0xffffff, 1), -2);
	ck_assert_int_eq(hf_psn_diff(0x7fffff, 0), 0x7fffff);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verbs_ring");
	TCase *tcase = tcase_create("verbs_ring");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, keeps_order_around_the_end);
	tcase_add_test(tcase, holds_several_of_the_largest);
	tcase_add_test(tcase, two_threads);
	tcase_add_test(tcase, refuses_nonsense);
	tcase_add_test(tcase, knows_its_packets);
	tcase_add_test(tcase, numbers_are_a_circle);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
