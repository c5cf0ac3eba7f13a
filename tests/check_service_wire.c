/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The messages of services on the wire, and the keys that they are authenticated with. */
#include <check.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_main.h"
#include "lib/service_wire.h"

static const struct hf_key key = { { 0x0b, 0x0b } };

static struct hf_service_msg sample(enum hf_service_kind kind)
{
	struct hf_service_msg msg = {
		.kind = kind, .service = "web-1", .from = 0x1122334455667788, .to = 0x99aabbccddeeff00,
		.stamp = { 0x0102030405060708, 0x1112131415161718 },
		.echo = { 0x2122232425262728, 0x3132333435363738 },
		.term = 0x4142434445464748, .owner = 0x5152535455565758,
	};

	switch (kind) {
	case HF_SERVICE_HEARTBEAT:
		msg.heartbeat = (struct hf_service_heartbeat){ .interval_ms = 100, .count = 3 };
		break;
	case HF_SERVICE_REQUEST:
		msg.request = (struct hf_service_request){
			.ask = HF_SERVICE_ASK_FAILED, .progress = HF_SERVICE_PROGRESS_FAILED, .exit_status = 0x0102,
			.order_id = 0x61626364, .connections = 0x71727374, .subject = 0x8182838485868788,
		};
		break;
	case HF_SERVICE_ANSWER:
		msg.answer = (struct hf_service_answer){
			.status = HF_SERVICE_STALE_TERM, .order = HF_SERVICE_ORDER_DRAIN, .order_id = 0x61626364,
			.limit_ms = 0x71727374, .subject = 0x8182838485868788, .interval_ms = 0x11223344, .count = 0x55,
		};
		break;
	case HF_SERVICE_BELL:
	case HF_SERVICE_KINDS:
		break;
	}
	return msg;
}

static struct hf_service_mad write_sample(enum hf_service_kind kind)
{
	const struct hf_service_msg msg = sample(kind);
	struct hf_service_mad mad;

	hf_service_wire_write(&msg, &key, 0x7766554433221100, &mad);
	return mad;
}

START_TEST(test_round_trip)
{
	const struct hf_service_msg msg = sample(_i);
	struct hf_service_mad mad = write_sample(_i);
	struct hf_service_msg read;

	ck_assert_int_eq(hf_service_wire_read(&mad, sizeof(mad), &read), 0);
	ck_assert_mem_eq(&read, &msg, sizeof(msg));
	ck_assert(hf_service_wire_is_authentic(&mad, &key));
	ck_assert_uint_eq(hf_service_wire_tid(&mad), 0x7766554433221100);
}
END_TEST

/* Byte by byte, so that no change of the layout goes unnoticed. */
START_TEST(test_bytes)
{
	const struct hf_service_mad mad = write_sample(HF_SERVICE_REQUEST);
	const uint8_t *at = (const uint8_t *)&mad;

	ck_assert_mem_eq(at, "\x01\x32\x01\x02\0\0\0\0\x77\x66\x55\x44\x33\x22\x11\0\0\x11\0\0\0\0\0\0", 24);
	ck_assert_mem_eq(at + 24, "\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\x48\x46HS\x01\x02\0\0\0\0web-1\0", 30);
	ck_assert_mem_eq(at + 40 + 72, "\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\0", 16);
	ck_assert_mem_eq(at + 40 + 120, "ABCDEFGHQRSTUVWX", 16);
	ck_assert_mem_eq(at + 40 + 136, "\x01\x03\x01\x02" "abcdqrst\0\0\0\0\x81\x82\x83\x84\x85\x86\x87\x88", 24);
}
END_TEST

/* Any bit of the message that is changed on the way shows. */
START_TEST(test_tampering)
{
	struct hf_service_mad mad = write_sample(_i);
	uint8_t *msg = (uint8_t *)&mad.msg;

	for (size_t bit = 0; bit < 8 * sizeof(mad.msg); bit++) {
		msg[bit / 8] ^= 1 << bit % 8;
		ck_assert(!hf_service_wire_is_authentic(&mad, &key));
		msg[bit / 8] ^= 1 << bit % 8;
	}
	ck_assert(hf_service_wire_is_authentic(&mad, &key));
	ck_assert(!hf_service_wire_is_authentic(&mad, &(struct hf_key){ { 0x0b, 0x0b, 1 } }));
}
END_TEST

static int read_changed(enum hf_service_kind kind, size_t at, uint8_t value)
{
	struct hf_service_mad mad = write_sample(kind);
	struct hf_service_msg msg, before;

	((uint8_t *)&mad)[at] = value;
	memset(&msg, 0x5a, sizeof(msg));
	before = msg;
	int err = hf_service_wire_read(&mad, sizeof(mad), &msg);

	/* Untouched on failure. */
	ck_assert(!err || !memcmp(&msg, &before, sizeof(msg)));
	return err;
}

START_TEST(test_refused)
{
	const size_t body = 40 + 136;
	struct hf_service_mad mad = write_sample(HF_SERVICE_BELL);
	struct hf_service_msg msg;

	ck_assert_int_eq(hf_service_wire_read(&mad, sizeof(mad) - 1, &msg), -EBADMSG);
	ck_assert_int_eq(hf_service_wire_read(&mad, 0, &msg), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 0, 2), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 1, 0x33), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 2, 2), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 3, 0x02), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 17, 0x10), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 37, 0x00), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 40, 'X'), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 42, 2), -EPROTONOSUPPORT);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 43, 0), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 43, HF_SERVICE_KINDS), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 43, HF_SERVICE_HEARTBEAT), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_REQUEST, body, HF_SERVICE_ASKS), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_REQUEST, body + 1, HF_SERVICE_PROGRESSES), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_ANSWER, body, HF_SERVICE_STATUSES), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_ANSWER, body + 1, HF_SERVICE_ORDERS), -EBADMSG);
	/* No order, and yet an id. */
	ck_assert_int_eq(read_changed(HF_SERVICE_ANSWER, body + 1, HF_SERVICE_ORDER_NONE), -EBADMSG);
	/* Reserved bytes are left to later versions. */
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 40 + 4, 1), 0);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 40 + 160, 1), 0);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 24, 1), 0);
}
END_TEST

START_TEST(test_names)
{
	struct hf_service_mad mad = write_sample(HF_SERVICE_BELL);
	struct hf_service_msg msg;

	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 48, '\0'), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 48, ' '), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 48, '\n'), -EBADMSG);
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 48, 0x80), -EBADMSG);
	/* Something behind the name's end: the same name in another form. */
	ck_assert_int_eq(read_changed(HF_SERVICE_BELL, 48 + 63, 'x'), -EBADMSG);
	memset(mad.msg.service, 'n', sizeof(mad.msg.service));
	ck_assert_int_eq(hf_service_wire_read(&mad, sizeof(mad), &msg), -EBADMSG);
	mad.msg.service[63] = '\0';
	ck_assert_int_eq(hf_service_wire_read(&mad, sizeof(mad), &msg), 0);
	ck_assert_uint_eq(strlen(msg.service), HF_SERVICE_WIRE_NAME_MAX);
	ck_assert(!hf_service_name_is_valid(""));
	ck_assert(!hf_service_name_is_valid("a b"));
	ck_assert(!hf_service_name_is_valid("a:b"));
	ck_assert(hf_service_name_is_valid("db.replica_2-X"));
}
END_TEST

/* RFC 4231, test case 2, has a key of 4 bytes; one that is filled up with zeros is the same key. */
START_TEST(test_hmac)
{
	static const uint8_t expected[] = {
		0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
		0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43,
	};
	const struct hf_key jefe = { { 'J', 'e', 'f', 'e' } };
	uint8_t mac[HF_MAC_SIZE];

	hf_key_mac(&jefe, "what do ya want for nothing?", 28, mac);
	ck_assert_mem_eq(mac, expected, sizeof(mac));
}
END_TEST

static char path[] = "/tmp/hf-key.XXXXXX";

static void setup_file(void)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void teardown_file(void)
{
	unlink(path);
	rmdir(path);
}

static int load(const char *text, mode_t mode, struct hf_key *ret_key, const char *expected)
{
	FILE *file = fopen(path, "w");
	char *error = NULL;
	int err;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
	err = hf_key_load(path, ret_key, &error);
	ck_assert_int_eq(!err, !error);
	if (err) {
		ck_assert_ptr_nonnull(strstr(error, path));
		ck_assert_msg(strstr(error, expected) != NULL, "%s", error);
	}
	free(error);
	return err;
}

#define DIGITS "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100"

START_TEST(test_key_file)
{
	struct hf_key loaded;
	char *error = NULL;

	ck_assert_int_eq(load(DIGITS "\n", 0600, &loaded, ""), 0);
	ck_assert_mem_eq(loaded.bytes, "\0\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
				       "\xff\xee\xdd\xcc\xbb\xaa\x99\x88\x77\x66\x55\x44\x33\x22\x11", HF_KEY_SIZE);
	ck_assert_int_eq(load(DIGITS, 0400, &loaded, ""), 0);
	ck_assert_int_eq(load(DIGITS "\n", 0640, &loaded, "chmod 600"), -EACCES);
	ck_assert_int_eq(load(DIGITS "\n", 0604, &loaded, "chmod 600"), -EACCES);
	ck_assert_int_eq(load("", 0600, &loaded, "64 hexadecimal"), -EINVAL);
	ck_assert_int_eq(load(DIGITS "0", 0600, &loaded, "64 hexadecimal"), -EINVAL);
	ck_assert_int_eq(load(DIGITS "\n\n", 0600, &loaded, "64 hexadecimal"), -EINVAL);
	ck_assert_int_eq(load(DIGITS "00\n", 0600, &loaded, "64 hexadecimal"), -EINVAL);
	ck_assert_int_eq(load("x" DIGITS, 0600, &loaded, "64 hexadecimal"), -EINVAL);
	ck_assert_int_eq(load("0 112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100", 0600, &loaded,
			      "64 hexadecimal"), -EINVAL);
	unlink(path);
	ck_assert_int_eq(hf_key_load(path, &loaded, &error), -ENOENT);
	free(error);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(hf_key_load(path, &loaded, &error), -EACCES);
	ck_assert_ptr_nonnull(strstr(error, "regular file"));
	free(error);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("service_wire");
	TCase *wire = tcase_create("wire"), *files = tcase_create("key files");

	tcase_add_loop_test(wire, test_round_trip, HF_SERVICE_HEARTBEAT, HF_SERVICE_KINDS);
	tcase_add_test(wire, test_bytes);
	tcase_add_loop_test(wire, test_tampering, HF_SERVICE_HEARTBEAT, HF_SERVICE_KINDS);
	tcase_add_test(wire, test_refused);
	tcase_add_test(wire, test_names);
	tcase_add_test(wire, test_hmac);
	suite_add_tcase(suite, wire);
	tcase_add_checked_fixture(files, setup_file, teardown_file);
	tcase_add_test(files, test_key_file);
	suite_add_tcase(suite, files);
	return check_main(suite);
}
