/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What follows from the packet files of a run, on files made by hand. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "tools/hfsim_packets.h"

#define MS	UINT64_C(1000000)

static char folder[64], sent_path[96], paths[2][96];
static const char *const receivers[2] = { paths[0], paths[1] };

static void make_files(void)
{
	strcpy(folder, "/tmp/check_packets.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(sent_path, sizeof(sent_path), "%s/sent", folder);
	for (int i = 0; i < 2; i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%d", folder, i);
}

static void remove_files(void)
{
	unlink(sent_path);
	unlink(paths[0]);
	unlink(paths[1]);
	rmdir(folder);
}

static void add(const char *path, uint32_t service, uint32_t seq, uint32_t port)
{
	const struct hf_packet packet = {
		.sent_ns = (100 + seq) * MS, .received_ns = port ? (100 + seq) * MS + 1000 : 0, .seq = seq,
		.service = service, .port = port,
	};
	FILE *file = fopen(path, "a");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fwrite(&packet, sizeof(packet), 1, file), 1);
	ck_assert_int_eq(fclose(file), 0);
}

/* Sent each millisecond from 100 ms on; one letter a packet: who received it, - nobody, * both. */
static void make_stream(uint32_t service, const char *who)
{
	for (uint32_t seq = 0; who[seq]; seq++) {
		add(sent_path, service, seq, 0);
		if (who[seq] == 'a' || who[seq] == '*')
			add(paths[0], service, seq, 11);
		if (who[seq] == 'b' || who[seq] == '*')
			add(paths[1], service, seq, 22);
	}
}

static struct hf_packet_span judge(uint32_t service, uint64_t from_ms, uint64_t to_ms)
{
	struct hf_packet_span span;
	struct hf_packets packets;

	ck_assert_int_eq(hf_packets_load(sent_path, receivers, 2, &packets), 0);
	hf_packets_judge(&packets, service, from_ms * MS, to_ms * MS, &span);
	hf_packets_fini(&packets);
	return span;
}

START_TEST(counts)
{
	struct hf_packet_span span;

	make_stream(0, "aaaa---bb*bb");
	make_stream(1, "bbbbbbbbbbbb");
	span = judge(0, 0, 1000);
	ck_assert_uint_eq(span.sent, 12);
	ck_assert_uint_eq(span.lost, 3);
	ck_assert_uint_eq(span.doubled, 1);
	ck_assert_uint_eq(span.silent_ns, 4 * MS);
	ck_assert_uint_eq(span.moved_ns, 107 * MS);
	/* Of the doubled one the first copy counts, which was at the other port. */
	ck_assert_uint_eq(span.ports, 2);
	span = judge(1, 0, 1000);
	ck_assert_uint_eq(span.sent, 12);
	ck_assert_uint_eq(span.lost + span.doubled + span.silent_ns + span.moved_ns, 0);
	ck_assert_uint_eq(span.ports, 1);
	ck_assert_uint_eq(judge(2, 0, 1000).sent, 0);
}
END_TEST

START_TEST(spans)
{
	struct hf_packet_span span;

	make_stream(0, "aa---a-aa--");
	/* The silence that began before counts as a whole, and so does one that goes on behind. */
	span = judge(0, 103, 107);
	ck_assert_uint_eq(span.sent, 4);
	ck_assert_uint_eq(span.lost, 3);
	ck_assert_uint_eq(span.silent_ns, 4 * MS);
	span = judge(0, 106, 110);
	ck_assert_uint_eq(span.silent_ns, 2 * MS);
	ck_assert_uint_eq(span.moved_ns, 0);
}
END_TEST

/* A receiver that was killed while it wrote, one that never ran, and one that tells of what nobody sent. */
START_TEST(bad_files)
{
	struct hf_packets packets;
	FILE *file;

	make_stream(0, "aaa");
	file = fopen(paths[0], "a");
	ck_assert_int_eq(fwrite("cut off", 7, 1, file), 1);
	ck_assert_int_eq(fclose(file), 0);
	add(paths[1], 0, 77, 22);
	add(paths[1], 9, 1, 22);
	ck_assert_int_eq(hf_packets_load(sent_path, receivers, 2, &packets), 0);
	ck_assert_uint_eq(packets.count, 3);
	ck_assert_uint_eq(packets.strays, 2);
	hf_packets_fini(&packets);
	unlink(paths[1]);
	ck_assert_int_eq(hf_packets_load(sent_path, receivers, 2, &packets), 0);
	ck_assert_uint_eq(packets.strays, 0);
	hf_packets_fini(&packets);
	ck_assert_int_lt(hf_packets_load("/nonexistent", receivers, 2, &packets), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("packets");
	TCase *tcase = tcase_create("packets");

	tcase_add_checked_fixture(tcase, make_files, remove_files);
	tcase_add_test(tcase, counts);
	tcase_add_test(tcase, spans);
	tcase_add_test(tcase, bad_files);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
