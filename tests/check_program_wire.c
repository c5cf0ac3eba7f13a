/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Which messages between holdfastd and programs may be looked at. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "check_main.h"
#include "lib/program_wire.h"
#include "lib/qp_state.h"

static struct hf_program_message message;

static const struct hf_program_path good_path = {
	.dgid = { .raw = { 0xfe, 0x80, [15] = 1 } }, .dlid = 5, .slid = 6, .pkey = 0xffff, .sl = 3, .mtu = 4,
	.rate = 7, .pkt_life = 18, .reachable = 1,
};

static int check(enum hf_program_side from)
{
	return hf_program_check(&message, sizeof(message), from);
}

static int from_program(void)
{
	return check(HF_PROGRAM_FROM_PROGRAM);
}

static int from_daemon(void)
{
	return check(HF_PROGRAM_FROM_DAEMON);
}

static void make_add(void)
{
	hf_program_message_init(&message, HF_PROGRAM_ADD, 0x11);
	strcpy(message.add.device, "hfsim0");
	message.add.port_num = 1;
	message.add.qp_type = HF_QP_RC;
	message.add.dest_qpn = 0x12;
	message.add.path = good_path;
}

static void make_moved(void)
{
	hf_program_message_init(&message, HF_PROGRAM_MOVED, 0x11);
	message.moved.move_id = 1;
	message.moved.strategy = HF_PROGRAM_STRATEGY_SQD;
}

START_TEST(each_kind_from_its_side)
{
	for (unsigned int kind = 0; kind < HF_PROGRAM_KINDS + 2; kind++) {
		bool is_greeting = kind == HF_PROGRAM_HELLO || kind == HF_PROGRAM_WELCOME;
		bool by_program = kind == HF_PROGRAM_HELLO || kind == HF_PROGRAM_ADD || kind == HF_PROGRAM_REMOVE ||
				  kind == HF_PROGRAM_MOVED || kind == HF_PROGRAM_PEER;
		bool by_daemon = kind == HF_PROGRAM_WELCOME || kind == HF_PROGRAM_MOVE || kind == HF_PROGRAM_PEER;

		make_add();
		if (kind == HF_PROGRAM_MOVED)
			make_moved();
		else if (kind != HF_PROGRAM_ADD)
			hf_program_message_init(&message, kind, is_greeting ? 0 : 0x11);
		if (is_greeting)
			message.hello.version = HF_PROGRAM_VERSION;
		if (kind == HF_PROGRAM_MOVE)
			message.move.move_id = 1;
		ck_assert_int_eq(from_program(), by_program ? 0 : -EBADMSG);
		ck_assert_int_eq(from_daemon(), by_daemon ? 0 : -EBADMSG);
		if (by_program || by_daemon) {
			ck_assert_ptr_nonnull(hf_program_kind_names[kind]);
			message.magic ^= 1;
			ck_assert_int_eq(from_program(), -EBADMSG);
			ck_assert_int_eq(from_daemon(), -EBADMSG);
		}
	}
	message.kind = UINT32_MAX;
	ck_assert_int_eq(from_program(), -EBADMSG);
}
END_TEST

START_TEST(only_of_their_length)
{
	make_add();
	ck_assert_int_eq(from_program(), 0);
	ck_assert_int_eq(hf_program_check(&message, 0, HF_PROGRAM_FROM_PROGRAM), -EBADMSG);
	ck_assert_int_eq(hf_program_check(&message, sizeof(message) - 1, HF_PROGRAM_FROM_PROGRAM), -EBADMSG);
	ck_assert_int_eq(hf_program_check(&message, sizeof(message) + 1, HF_PROGRAM_FROM_PROGRAM), -EBADMSG);
}
END_TEST

/* Of another version nothing else is known, so nothing else is looked at. */
START_TEST(another_version)
{
	hf_program_message_init(&message, HF_PROGRAM_HELLO, 0);
	message.hello.version = HF_PROGRAM_VERSION;
	ck_assert_int_eq(from_program(), 0);
	memset(message.hello.name, 'x', sizeof(message.hello.name));
	ck_assert_int_eq(from_program(), -EBADMSG);
	message.hello.version++;
	ck_assert_int_eq(from_program(), -EPROTONOSUPPORT);
	message.kind = HF_PROGRAM_WELCOME;
	ck_assert_int_eq(from_program(), -EBADMSG);
	ck_assert_int_eq(from_daemon(), -EPROTONOSUPPORT);
	message.hello.version--;
	ck_assert_int_eq(from_daemon(), 0);
	message.qpn = 1;
	ck_assert_int_eq(from_daemon(), -EBADMSG);
}
END_TEST

START_TEST(queue_pair_numbers_have_24_bits)
{
	make_add();
	message.qpn = 0;
	ck_assert_int_eq(from_program(), -EBADMSG);
	message.qpn = 0xffffff;
	ck_assert_int_eq(from_program(), 0);
	message.qpn = 0x1000000;
	ck_assert_int_eq(from_program(), -EBADMSG);
	make_add();
	message.add.dest_qpn = 0;
	ck_assert_int_eq(from_program(), -EBADMSG);
	message.add.dest_qpn = 0x1000000;
	ck_assert_int_eq(from_program(), -EBADMSG);
}
END_TEST

START_TEST(a_connection_names_what_it_must)
{
	make_add();
	memset(message.add.device, 'x', sizeof(message.add.device));
	ck_assert_int_eq(from_program(), -EBADMSG);
	message.add.device[HF_PROGRAM_DEVICE_MAX] = '\0';
	ck_assert_int_eq(from_program(), 0);
	message.add.device[0] = '\0';
	ck_assert_int_eq(from_program(), -EBADMSG);
	make_add();
	message.add.port_num = 0;
	ck_assert_int_eq(from_program(), -EBADMSG);
	make_add();
	message.add.qp_type = HF_QP_UC;
	ck_assert_int_eq(from_program(), 0);
	message.add.qp_type = HF_QP_UD;
	ck_assert_int_eq(from_program(), -EBADMSG);
	make_add();
	memset(&message.add.path.dgid, 0, sizeof(message.add.path.dgid));
	ck_assert_int_eq(from_program(), 0);
	message.add.path.dlid = 0;
	ck_assert_int_eq(from_program(), -EBADMSG);
	message.add.path.dgid = good_path.dgid;
	ck_assert_int_eq(from_program(), 0);
	message.add.moved.strategy = HF_PROGRAM_STRATEGIES;
	ck_assert_int_eq(from_program(), -EBADMSG);
	message.add.moved.strategy = HF_PROGRAM_STRATEGY_RESET;
	ck_assert_int_eq(from_program(), 0);
}
END_TEST

/* Each field of a path one beyond what it may be, in all kinds that have one. */
START_TEST(paths_have_defined_values)
{
	struct hf_program_path bad[] = {
		good_path, good_path, good_path, good_path, good_path, good_path, good_path,
	};

	bad[0].dlid = 0xc000;
	bad[1].slid = 0xc000;
	bad[2].sl = 16;
	bad[3].mtu = 64;
	bad[4].rate = 64;
	bad[5].pkt_life = 64;
	bad[6].reachable = 2;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_add();
		message.add.path = bad[i];
		ck_assert_int_eq(from_program(), -EBADMSG);
		hf_program_message_init(&message, HF_PROGRAM_MOVE, 0x11);
		message.move.move_id = 1;
		message.move.path = bad[i];
		ck_assert_int_eq(from_daemon(), -EBADMSG);
		message.move.path = good_path;
		ck_assert_int_eq(from_daemon(), 0);
		hf_program_message_init(&message, HF_PROGRAM_PEER, 0x11);
		message.peer.path = bad[i];
		ck_assert_int_eq(from_daemon(), -EBADMSG);
	}
}
END_TEST

START_TEST(moves_and_their_answers)
{
	hf_program_message_init(&message, HF_PROGRAM_MOVE, 0x11);
	ck_assert_int_eq(from_daemon(), -EBADMSG);
	make_moved();
	message.moved.move_id = 0;
	ck_assert_int_eq(from_program(), -EBADMSG);
	make_moved();
	message.moved.err = -ETIMEDOUT;
	ck_assert_int_eq(from_program(), 0);
	message.moved.err = 1;
	ck_assert_int_eq(from_program(), -EBADMSG);
	message.moved.err = INT_MIN;
	ck_assert_int_eq(from_program(), -EBADMSG);
	make_moved();
	message.moved.strategy = HF_PROGRAM_STRATEGIES;
	ck_assert_int_eq(from_program(), -EBADMSG);
	for (size_t i = 0; i < HF_PROGRAM_STRATEGIES; i++)
		ck_assert_ptr_nonnull(hf_program_strategy_names[i]);
}
END_TEST

START_TEST(words_between_programs_are_short)
{
	hf_program_message_init(&message, HF_PROGRAM_PEER, 0x11);
	message.peer.length = HF_PROGRAM_PEER_MAX;
	ck_assert_int_eq(from_program(), 0);
	ck_assert_int_eq(from_daemon(), 0);
	message.peer.length++;
	ck_assert_int_eq(from_program(), -EBADMSG);
	ck_assert_int_eq(from_daemon(), -EBADMSG);
}
END_TEST

START_TEST(reserved_bytes_may_have_any_value)
{
	make_add();
	message.adapter = UINT32_MAX;
	memset(message.add.reserved, 0xff, sizeof(message.add.reserved));
	memset(message.add.path.reserved, 0xff, sizeof(message.add.path.reserved));
	ck_assert_int_eq(from_program(), 0);
}
END_TEST

static Suite *program_wire_suite(void)
{
	Suite *suite = suite_create("program_wire");
	TCase *tcase = tcase_create("check");

	tcase_add_test(tcase, each_kind_from_its_side);
	tcase_add_test(tcase, only_of_their_length);
	tcase_add_test(tcase, another_version);
	tcase_add_test(tcase, queue_pair_numbers_have_24_bits);
	tcase_add_test(tcase, a_connection_names_what_it_must);
	tcase_add_test(tcase, paths_have_defined_values);
	tcase_add_test(tcase, moves_and_their_answers);
	tcase_add_test(tcase, words_between_programs_are_short);
	tcase_add_test(tcase, reserved_bytes_may_have_any_value);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return check_main(program_wire_suite());
}
