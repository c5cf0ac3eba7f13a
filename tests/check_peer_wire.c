/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* MADs from program to program: what is written is read, and nothing else is. */
#include "check_main.h"

#include <errno.h>
#include <string.h>

#include "lib/peer_wire.h"

static const struct hf_peer_msg good = { .to_qpn = 0x123456, .from_qpn = 0x11, .length = 5, .data = "HELLO" };
static struct hf_peer_mad mad;
static struct hf_peer_msg msg;

static int read_mad(void)
{
	return hf_peer_wire_read(&mad, sizeof(mad), &msg);
}

START_TEST(what_is_written_is_read)
{
	struct hf_peer_msg longest = good;

	hf_peer_wire_write(&good, 7, &mad);
	ck_assert_uint_eq(be64toh(mad.hdr.tid), 7);
	ck_assert_int_eq(read_mad(), 0);
	ck_assert_int_eq(memcmp(&msg, &good, sizeof(msg)), 0);
	longest.length = HF_PEER_DATA_MAX;
	memset(longest.data, 0xa5, sizeof(longest.data));
	hf_peer_wire_write(&longest, 7, &mad);
	ck_assert_int_eq(read_mad(), 0);
	ck_assert_int_eq(memcmp(&msg, &longest, sizeof(msg)), 0);
	longest.length = 0;
	hf_peer_wire_write(&longest, 7, &mad);
	ck_assert_int_eq(read_mad(), 0);
	ck_assert_uint_eq(msg.length, 0);
}
END_TEST

/* As the bytes lie: another implementation could be written from this. */
START_TEST(the_layout)
{
	static const uint8_t head[] = { 1, 0x33, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0x10 };
	static const uint8_t body[] = {
		0, 0x02, 0x48, 0x46, 'H', 'P', 1, 5, 0, 0x12, 0x34, 0x56, 0, 0, 0, 0x11, 0, 0, 0, 0,
		'H', 'E', 'L', 'L', 'O', 0,
	};

	hf_peer_wire_write(&good, 7, &mad);
	ck_assert_int_eq(memcmp(&mad, head, sizeof(head)), 0);
	ck_assert_int_eq(memcmp((const uint8_t *)&mad + 36, body, sizeof(body)), 0);
}
END_TEST

START_TEST(nothing_else_is_read)
{
	/* A byte of each field that must be what it is. */
	static const size_t places[] = { 0, 1, 2, 3, 16, 17, 37, 38, 39, 40, 41 };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		hf_peer_wire_write(&good, 7, &mad);
		((uint8_t *)&mad)[places[i]] ^= 0x40;
		ck_assert_int_eq(read_mad(), -EBADMSG);
	}
	hf_peer_wire_write(&good, 7, &mad);
	ck_assert_int_eq(hf_peer_wire_read(&mad, sizeof(mad) - 1, &msg), -EBADMSG);
	mad.msg.version++;
	ck_assert_int_eq(read_mad(), -EPROTONOSUPPORT);
}
END_TEST

START_TEST(values_have_bounds)
{
	hf_peer_wire_write(&good, 7, &mad);
	mad.msg.length = HF_PEER_DATA_MAX + 1;
	ck_assert_int_eq(read_mad(), -EBADMSG);
	hf_peer_wire_write(&good, 7, &mad);
	mad.msg.to_qpn = 0;
	ck_assert_int_eq(read_mad(), -EBADMSG);
	mad.msg.to_qpn = htobe32(0x1000000);
	ck_assert_int_eq(read_mad(), -EBADMSG);
	hf_peer_wire_write(&good, 7, &mad);
	mad.msg.from_qpn = 0;
	ck_assert_int_eq(read_mad(), -EBADMSG);
	hf_peer_wire_write(&good, 7, &mad);
	memset(mad.msg.reserved2, 0xff, sizeof(mad.msg.reserved2));
	mad.msg.reserved1 = UINT32_MAX;
	mad.msg.data[10] = 0xff;
	ck_assert_int_eq(read_mad(), 0);
	ck_assert_uint_eq(msg.data[10], 0);
}
END_TEST

static Suite *peer_wire_suite(void)
{
	Suite *suite = suite_create("peer_wire");
	TCase *tcase = tcase_create("mads");

	tcase_add_test(tcase, what_is_written_is_read);
	tcase_add_test(tcase, the_layout);
	tcase_add_test(tcase, nothing_else_is_read);
	tcase_add_test(tcase, values_have_bounds);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return check_main(peer_wire_suite());
}
