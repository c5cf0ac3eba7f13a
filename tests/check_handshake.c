/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What the ends of a connection say to each other to move it, step by step. check_handshake_worlds.c lets them talk. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "check_main.h"
#include "lib/verbs/handshake.h"

#define MS	UINT64_C(1000000)

#define LOW_LIFE	0x1112
#define HIGH_LIFE	0x2222

static struct hf_handshake_step step;

/* ------------------------------------------------------------------------ step by step ---- */

static struct hf_handshake low, high;	/* the one with the smaller identity, and its peer */
static uint64_t now_ns;

static void set_up(void)
{
	now_ns = 1000 * MS;
	hf_handshake_init(&low, 1, 0x11, 100, 200, LOW_LIFE);
	hf_handshake_init(&high, 2, 0x22, 200, 100, HIGH_LIFE);
	low.peer_life = HIGH_LIFE;
	high.peer_life = LOW_LIFE;
}

static struct hf_handshake_message said(enum hf_handshake_kind kind)
{
	ck_assert(step.has_message);
	ck_assert_str_eq(hf_handshake_kind_names[step.message.header.kind], hf_handshake_kind_names[kind]);
	return step.message;
}

static void hear(struct hf_handshake *end, const struct hf_handshake_message *message, enum hf_handshake_action action)
{
	ck_assert_int_eq(hf_handshake_receive(end, message, sizeof(*message), now_ns, &step), 0);
	ck_assert_int_eq(step.action, action);
}

static void do_offer(struct hf_handshake *end, uint32_t expected_psn, uint32_t first_psn, uint8_t mtu)
{
	const struct hf_handshake_offer offer = { .expected_psn = expected_psn, .first_psn = first_psn, .mtu = mtu };

	hf_handshake_done(end, &offer, now_ns, &step);
}

static struct hf_handshake_message begin_reset(struct hf_handshake *end)
{
	ck_assert_int_eq(hf_handshake_begin(end, now_ns, &step), 0);
	return said(HF_HANDSHAKE_FREEZE);
}

/* Up to where @end waits for FROZEN's consequences: returns FROZEN. */
static struct hf_handshake_message freeze(struct hf_handshake *end, struct hf_handshake *other)
{
	struct hf_handshake_message freeze = begin_reset(end);

	hear(other, &freeze, HF_HANDSHAKE_DO_STOP);
	do_offer(other, 7, 8, 4);
	return said(HF_HANDSHAKE_FROZEN);
}

static struct hf_handshake_message go(struct hf_handshake *end, const struct hf_handshake_message *frozen)
{
	hear(end, frozen, HF_HANDSHAKE_DO_STOP);
	hf_handshake_done(end, NULL, now_ns, &step);
	ck_assert_int_eq(step.action, HF_HANDSHAKE_DO_PREPARE);
	do_offer(end, 9, 10, 3);
	return said(HF_HANDSHAKE_GO);
}

static void finish(struct hf_handshake *end, struct hf_handshake *other, const struct hf_handshake_message *go_message)
{
	struct hf_handshake_message gone;

	hear(other, go_message, HF_HANDSHAKE_DO_RESTART);
	hf_handshake_done(other, NULL, now_ns, &step);
	ck_assert_int_eq(step.action, HF_HANDSHAKE_END_MOVED);
	gone = said(HF_HANDSHAKE_GONE);
	hear(end, &gone, HF_HANDSHAKE_DO_START);
	hf_handshake_done(end, NULL, now_ns, &step);
	ck_assert_int_eq(step.action, HF_HANDSHAKE_END_MOVED);
}

static void reset_once(struct hf_handshake *end, struct hf_handshake *other)
{
	struct hf_handshake_message message = freeze(end, other);

	message = go(end, &message);
	finish(end, other, &message);
}

START_TEST(reset_moves_both)
{
	reset_once(&low, &high);
	ck_assert_uint_eq(low.peer.expected_psn, 7);
	ck_assert_uint_eq(low.peer.first_psn, 8);
	ck_assert_uint_eq(low.peer.mtu, 4);
	ck_assert_uint_eq(high.peer.expected_psn, 9);
	ck_assert_uint_eq(high.peer.first_psn, 10);
	ck_assert_uint_eq(high.peer.mtu, 3);
	reset_once(&high, &low);
	reset_once(&low, &high);
	ck_assert_uint_eq(low.agreed, 3);
	ck_assert_uint_eq(high.agreed, 3);
	ck_assert_uint_eq(hf_handshake_next_ns(&low), HF_HANDSHAKE_NEVER);
	ck_assert_uint_eq(hf_handshake_next_ns(&high), HF_HANDSHAKE_NEVER);
}
END_TEST

START_TEST(smaller_goes_on)
{
	struct hf_handshake_message from_low = begin_reset(&low), from_high = begin_reset(&high), message;

	hear(&low, &from_high, HF_HANDSHAKE_NOTHING);
	ck_assert(!step.has_message);
	hear(&high, &from_low, HF_HANDSHAKE_DO_STOP);
	ck_assert(!high.is_initiator);
	do_offer(&high, 7, 8, 4);
	message = said(HF_HANDSHAKE_FROZEN);
	message = go(&low, &message);
	finish(&low, &high, &message);
	/* What the other one had asked comes late. */
	hear(&low, &from_high, HF_HANDSHAKE_NOTHING);
	ck_assert(!step.has_message);
}
END_TEST

/* Its proposals that nobody heard do not come back as new ones. */
START_TEST(late_proposals_are_old)
{
	struct hf_handshake_message late[3], message;

	for (int i = 0; i < 3; i++) {
		late[i] = begin_reset(&high);
		now_ns = high.deadline_ns;
		hf_handshake_tick(&high, now_ns, &step);
		ck_assert_int_eq(step.action, HF_HANDSHAKE_END_SILENT);
	}
	message = freeze(&low, &high);
	message = go(&low, &message);
	finish(&low, &high, &message);
	for (int i = 0; i < 3; i++)
		hear(&low, &late[i], HF_HANDSHAKE_NOTHING);
	reset_once(&high, &low);
}
END_TEST

START_TEST(questions_are_repeated)
{
	struct hf_handshake_message first = begin_reset(&low);
	uint64_t begun_ns = now_ns;
	unsigned int repeats = 0;

	for (;;) {
		now_ns = hf_handshake_next_ns(&low);
		hf_handshake_tick(&low, now_ns - 1, &step);
		ck_assert(!step.has_message);
		hf_handshake_tick(&low, now_ns, &step);
		if (step.action == HF_HANDSHAKE_END_SILENT)
			break;
		said(HF_HANDSHAKE_FREEZE);
		ck_assert_mem_eq(&step.message, &first, sizeof(first));
		repeats++;
	}
	ck_assert_uint_eq(repeats, 19);
	ck_assert_uint_eq(now_ns - begun_ns, HF_HANDSHAKE_ASK_NS);
	ck_assert_uint_eq(hf_handshake_next_ns(&low), HF_HANDSHAKE_NEVER);
}
END_TEST

START_TEST(doubled_messages_change_nothing)
{
	struct hf_handshake_message freeze_message = begin_reset(&low), frozen, go_message, gone;

	hear(&high, &freeze_message, HF_HANDSHAKE_DO_STOP);
	hear(&high, &freeze_message, HF_HANDSHAKE_NOTHING);
	do_offer(&high, 7, 8, 4);
	frozen = said(HF_HANDSHAKE_FROZEN);
	hear(&high, &freeze_message, HF_HANDSHAKE_NOTHING);
	said(HF_HANDSHAKE_FROZEN);
	go_message = go(&low, &frozen);
	hear(&low, &frozen, HF_HANDSHAKE_NOTHING);
	hear(&high, &go_message, HF_HANDSHAKE_DO_RESTART);
	hear(&high, &go_message, HF_HANDSHAKE_NOTHING);
	hf_handshake_done(&high, NULL, now_ns, &step);
	said(HF_HANDSHAKE_GONE);
	hear(&high, &go_message, HF_HANDSHAKE_NOTHING);
	gone = said(HF_HANDSHAKE_GONE);
	hear(&high, &freeze_message, HF_HANDSHAKE_NOTHING);
	ck_assert(!step.has_message);
	hear(&low, &gone, HF_HANDSHAKE_DO_START);
	hear(&low, &gone, HF_HANDSHAKE_NOTHING);
	hf_handshake_done(&low, NULL, now_ns, &step);
	hear(&low, &gone, HF_HANDSHAKE_NOTHING);
}
END_TEST

/* GONE never comes: the initiator starts, for the other end may have. */
START_TEST(unconfirmed_starts)
{
	struct hf_handshake_message message = freeze(&low, &high);

	go(&low, &message);
	now_ns = low.deadline_ns;
	hf_handshake_tick(&low, now_ns, &step);
	ck_assert_int_eq(step.action, HF_HANDSHAKE_DO_START);
	hf_handshake_done(&low, NULL, now_ns, &step);
	ck_assert_int_eq(step.action, HF_HANDSHAKE_END_MOVED);
	/* The other end still waits and is asked by nobody; what it says again brings it GO. */
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_GO);
	hear(&high, &message, HF_HANDSHAKE_DO_RESTART);
}
END_TEST

START_TEST(halted_end_gives_up)
{
	struct hf_handshake_message message = freeze(&low, &high);

	now_ns = high.deadline_ns;
	ck_assert_uint_ge(now_ns, low.begun_ns + HF_HANDSHAKE_LIMIT_NS);
	hf_handshake_tick(&high, now_ns, &step);
	ck_assert_int_eq(step.action, HF_HANDSHAKE_END_BROKEN);
	message = go(&low, &message);
	hear(&high, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_REFUSED);
	hear(&low, &message, HF_HANDSHAKE_END_BROKEN);
}
END_TEST

/* The initiator gave up, and tries again while the other end still waits. */
START_TEST(second_try_finds_it_halted)
{
	struct hf_handshake_message lost = freeze(&low, &high), message;

	now_ns = low.deadline_ns;
	hf_handshake_tick(&low, now_ns, &step);
	ck_assert_int_eq(step.action, HF_HANDSHAKE_END_SILENT);
	message = begin_reset(&low);
	hear(&low, &lost, HF_HANDSHAKE_NOTHING);
	ck_assert(!step.has_message);
	hear(&high, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_FROZEN);
	message = go(&low, &message);
	finish(&low, &high, &message);
}
END_TEST

/* FROZEN comes when it is not waited for any more: the other end has stopped, so it is asked again. */
START_TEST(late_frozen_is_taken_up)
{
	struct hf_handshake_message message = freeze(&low, &high);

	now_ns = low.deadline_ns + 500 * MS;
	hf_handshake_tick(&low, now_ns, &step);
	ck_assert_int_eq(step.action, HF_HANDSHAKE_END_SILENT);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_FREEZE);
	hear(&high, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_FROZEN);
	message = go(&low, &message);
	ck_assert_uint_eq(low.deadline_ns, now_ns + HF_HANDSHAKE_LIMIT_NS);
	finish(&low, &high, &message);
	reset_once(&low, &high);
}
END_TEST

/* But not one of a round that has ended otherwise. */
START_TEST(ended_round_is_not_taken_up)
{
	struct hf_handshake_message message = freeze(&low, &high);

	hear(&low, &message, HF_HANDSHAKE_DO_STOP);
	hf_handshake_not_done(&low, HF_HANDSHAKE_NOT_ABLE, &step);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_REFUSED);
	ck_assert_int_eq(message.reason, HF_HANDSHAKE_GAVE_UP);
	hear(&high, &message, HF_HANDSHAKE_END_BROKEN);
}
END_TEST

/* The other end says that it is frozen, whether it is asked again or not. */
START_TEST(frozen_is_repeated)
{
	struct hf_handshake_message frozen = freeze(&low, &high), go_message = go(&low, &frozen), gone;

	for (int i = 0; i < 3; i++) {
		now_ns += HF_HANDSHAKE_RESEND_NS;
		ck_assert_uint_eq(hf_handshake_next_ns(&high), now_ns);
		hf_handshake_tick(&high, now_ns, &step);
		said(HF_HANDSHAKE_FROZEN);
		ck_assert_mem_eq(&step.message, &frozen, sizeof(frozen));
		hear(&low, &frozen, HF_HANDSHAKE_NOTHING);
	}
	/* GO was lost, and who said it has begun. */
	now_ns = low.deadline_ns;
	hf_handshake_tick(&low, now_ns, &step);
	hf_handshake_done(&low, NULL, now_ns, &step);
	ck_assert_int_eq(step.action, HF_HANDSHAKE_END_MOVED);
	hear(&low, &frozen, HF_HANDSHAKE_NOTHING);
	go_message = said(HF_HANDSHAKE_GO);
	hear(&high, &go_message, HF_HANDSHAKE_DO_RESTART);
	hf_handshake_done(&high, NULL, now_ns, &step);
	gone = said(HF_HANDSHAKE_GONE);
	hear(&low, &gone, HF_HANDSHAKE_NOTHING);
}
END_TEST

/* ---- lives ---- */

static void make_anew(struct hf_handshake *end, uint32_t life)
{
	hf_handshake_init(end, end->guid, end->qpn, end->own_psn, end->peer_psn, life);
}

/* Each end learns of the other's life when it is needed, and at the end both know. */
START_TEST(ends_meet)
{
	struct hf_handshake_message first, message;

	make_anew(&low, 0x3330);
	make_anew(&high, 0x4440);
	first = begin_reset(&low);
	ck_assert_uint_eq(be32toh(first.receiver_life), 0);
	hear(&high, &first, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_LIFE);
	ck_assert_int_eq(high.state, HF_HANDSHAKE_IDLE);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	first = said(HF_HANDSHAKE_FREEZE);
	ck_assert_uint_eq(be32toh(first.receiver_life), 0x4440);
	/* Said twice: once is enough. */
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	ck_assert(!step.has_message);
	hear(&high, &first, HF_HANDSHAKE_DO_STOP);
	do_offer(&high, 7, 8, 4);
	message = said(HF_HANDSHAKE_FROZEN);
	message = go(&low, &message);
	finish(&low, &high, &message);
	ck_assert_uint_eq(high.peer_life, 0x3330);
	/* From here on there is nothing to learn. */
	reset_once(&high, &low);
	reset_once(&low, &high);
}
END_TEST

/* A question to an earlier life, of an earlier life: nobody stops. */
START_TEST(late_question_stops_nobody)
{
	struct hf_handshake_message message = begin_reset(&low);

	make_anew(&low, 0x3330);
	make_anew(&high, 0x4440);
	hear(&high, &message, HF_HANDSHAKE_NOTHING);
	ck_assert_int_eq(high.state, HF_HANDSHAKE_IDLE);
	message = said(HF_HANDSHAKE_LIFE);
	ck_assert_int_eq(hf_handshake_receive(&low, &message, sizeof(message), now_ns, &step), -ESTALE);
	ck_assert_int_eq(hf_handshake_begin(&low, now_ns, &step), 0);
	ck_assert_int_eq(hf_handshake_receive(&low, &message, sizeof(message), now_ns, &step), -ESTALE);
}
END_TEST

/* Nor does anything else that an earlier life has said, to whichever, at any time. */
START_TEST(late_words_do_nothing)
{
	struct hf_handshake_message frozen = freeze(&low, &high), go_message = go(&low, &frozen), gone, refused;

	hear(&high, &go_message, HF_HANDSHAKE_DO_RESTART);
	hf_handshake_done(&high, NULL, now_ns, &step);
	gone = said(HF_HANDSHAKE_GONE);
	refused = gone;
	refused.header.kind = HF_HANDSHAKE_REFUSED;
	make_anew(&low, 0x3330);
	make_anew(&high, 0x4440);
	low.peer_life = 0x4440, high.peer_life = 0x3330;
	frozen.round = gone.round = refused.round = freeze(&low, &high).round;
	hear(&low, &frozen, HF_HANDSHAKE_NOTHING);
	ck_assert_int_eq(said(HF_HANDSHAKE_REFUSED).reason, HF_HANDSHAKE_UNKNOWN);
	ck_assert_int_eq(hf_handshake_receive(&low, &gone, sizeof(gone), now_ns, &step), -ESTALE);
	ck_assert_int_eq(hf_handshake_receive(&low, &refused, sizeof(refused), now_ns, &step), -ESTALE);
	ck_assert_int_eq(low.state, HF_HANDSHAKE_ASKING);
	go_message.round = frozen.round;
	hear(&high, &go_message, HF_HANDSHAKE_NOTHING);
	ck_assert_int_eq(said(HF_HANDSHAKE_REFUSED).reason, HF_HANDSHAKE_UNKNOWN);
	ck_assert_int_eq(high.state, HF_HANDSHAKE_HALTED);
}
END_TEST

/* What was agreed with before a connection was used may have been another end: who asks now must say so anew. */
START_TEST(used_end_wants_to_be_called_so)
{
	struct hf_handshake_message early = begin_reset(&low), message;

	hf_handshake_use(&high);
	hear(&high, &early, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_LIFE);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_FREEZE);
	/* Being used in between changes nothing of what goes on. */
	hf_handshake_use(&low);
	hear(&high, &message, HF_HANDSHAKE_DO_STOP);
	do_offer(&high, 7, 8, 4);
	message = said(HF_HANDSHAKE_FROZEN);
	message = go(&low, &message);
	finish(&low, &high, &message);
	/* Nor of what has been said before. */
	hf_handshake_use(&low);
	ck_assert_uint_ne(low.life, LOW_LIFE);
	hear(&high, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_GONE);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	message = begin_reset(&high);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_LIFE);
	hear(&high, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_FREEZE);
	hear(&low, &message, HF_HANDSHAKE_DO_STOP);
}
END_TEST

/* The initiator was made anew when the other end had stopped. */
START_TEST(frozen_for_a_life_that_is_over)
{
	struct hf_handshake_message message = freeze(&low, &high);

	make_anew(&low, 0x3330);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_REFUSED);
	hear(&high, &message, HF_HANDSHAKE_END_BROKEN);
	ck_assert_int_eq(high.reason, HF_HANDSHAKE_UNKNOWN);
}
END_TEST

static void goes_on_alone(void)
{
	ck_assert_int_eq(step.action, HF_HANDSHAKE_DO_RESTART);
	ck_assert_uint_eq(high.peer.expected_psn, 200);
	ck_assert_uint_eq(high.peer.first_psn, 100);
	ck_assert_uint_eq(high.peer.mtu, 4);
	hf_handshake_done(&high, NULL, now_ns, &step);
	ck_assert_int_eq(step.action, HF_HANDSHAKE_END_MOVED);
}

static struct hf_handshake_message freeze_unused(void)
{
	const struct hf_handshake_offer offer = { .expected_psn = 100, .first_psn = 200, .mtu = 4, .is_unused = true };
	struct hf_handshake_message message = begin_reset(&low);

	hear(&high, &message, HF_HANDSHAKE_DO_STOP);
	hf_handshake_done(&high, &offer, now_ns, &step);
	return said(HF_HANDSHAKE_FROZEN);
}

/* Where nothing had been sent or received, it is where its program has left it. */
START_TEST(unused_end_goes_on_alone)
{
	struct hf_handshake_message message = freeze_unused();

	make_anew(&low, 0x3330);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_REFUSED);
	hear(&high, &message, HF_HANDSHAKE_DO_RESTART);
	goes_on_alone();
	low.peer_life = high.life;
	reset_once(&low, &high);
}
END_TEST

START_TEST(unused_end_does_not_give_up)
{
	freeze_unused();
	now_ns = high.deadline_ns;
	hf_handshake_tick(&high, now_ns, &step);
	goes_on_alone();
}
END_TEST

/* The other end was made anew when the initiator had stopped: that begins to send, and sees what comes of it. */
START_TEST(other_end_is_made_anew)
{
	struct hf_handshake_message message = freeze(&low, &high);

	message = go(&low, &message);
	make_anew(&high, 0x4440);
	hear(&high, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_REFUSED);
	hear(&low, &message, HF_HANDSHAKE_DO_START);
	hf_handshake_done(&low, NULL, now_ns, &step);
	ck_assert_int_eq(step.action, HF_HANDSHAKE_END_MOVED);
}
END_TEST

/* Rounds are of two lives: who begins anew begins with the first. */
START_TEST(new_life_counts_anew)
{
	struct hf_handshake_message message;

	reset_once(&low, &high);
	reset_once(&high, &low);
	make_anew(&high, 0x4440);
	message = begin_reset(&high);
	ck_assert_uint_eq(be32toh(message.round), 1);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_LIFE);
	hear(&high, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_FREEZE);
	hear(&low, &message, HF_HANDSHAKE_DO_STOP);
	do_offer(&low, 7, 8, 4);
	message = said(HF_HANDSHAKE_FROZEN);
	message = go(&high, &message);
	finish(&high, &low, &message);
}
END_TEST

/* ---- each word in each state ---- */

/* Brings an end there, after a round of its own that nobody has answered. Return: it. */
static struct hf_handshake *bring_to(enum hf_handshake_state state)
{
	struct hf_handshake *end = state >= HF_HANDSHAKE_HALTING ? &high : &low;
	struct hf_handshake_message message;

	set_up();
	begin_reset(end);
	now_ns = end->deadline_ns;
	hf_handshake_tick(end, now_ns, &step);
	if (end->state == state)
		return end;
	message = begin_reset(&low);
	if (end->state == state)
		return end;
	hear(&high, &message, HF_HANDSHAKE_DO_STOP);
	if (end->state == state)
		return end;
	do_offer(&high, 7, 8, 4);
	message = said(HF_HANDSHAKE_FROZEN);
	if (end->state == state)
		return end;
	hear(&low, &message, HF_HANDSHAKE_DO_STOP);
	if (end->state == state)
		return end;
	hf_handshake_done(&low, NULL, now_ns, &step);
	if (end->state == state)
		return end;
	do_offer(&low, 9, 10, 3);
	message = said(HF_HANDSHAKE_GO);
	if (end->state == state)
		return end;
	hear(&high, &message, HF_HANDSHAKE_DO_RESTART);
	if (end->state == state)
		return end;
	hf_handshake_done(&high, NULL, now_ns, &step);
	message = said(HF_HANDSHAKE_GONE);
	hear(&low, &message, HF_HANDSHAKE_DO_START);
	ck_assert_int_eq(end->state, state);
	return end;
}

/* A message of the other end's, of the round that goes on or of another. */
static struct hf_handshake_message word_for(const struct hf_handshake *end, enum hf_handshake_kind kind, uint32_t round)
{
	return (struct hf_handshake_message){
		.header = { .strategy = HF_PROGRAM_STRATEGY_RESET, .kind = kind },
		.version = HF_HANDSHAKE_VERSION, .mtu = 3, .round = htobe32(round),
		.sender_psn = htobe32(end->peer_psn), .receiver_psn = htobe32(end->own_psn),
		.sender_life = htobe32(end->peer_life), .receiver_life = htobe32(end->life),
	};
}

START_TEST(refusals_in_each_state)
{
	static const struct {
		enum hf_handshake_action failed, unknown;
	} wanted[HF_HANDSHAKE_STATES] = {
		[HF_HANDSHAKE_ASKING] = { HF_HANDSHAKE_END_REFUSED, HF_HANDSHAKE_END_REFUSED },
		[HF_HANDSHAKE_STOPPING] = { HF_HANDSHAKE_END_BROKEN, HF_HANDSHAKE_NOTHING },
		[HF_HANDSHAKE_PREPARING] = { HF_HANDSHAKE_END_BROKEN, HF_HANDSHAKE_NOTHING },
		[HF_HANDSHAKE_GOING] = { HF_HANDSHAKE_END_BROKEN, HF_HANDSHAKE_DO_START },
		[HF_HANDSHAKE_HALTED] = { HF_HANDSHAKE_END_BROKEN, HF_HANDSHAKE_END_BROKEN },
	};

	for (int state = 0; state < HF_HANDSHAKE_STATES; state++) {
		struct hf_handshake *end = bring_to(state);
		struct hf_handshake_message message = word_for(end, HF_HANDSHAKE_REFUSED, end->round);

		message.reason = HF_HANDSHAKE_FAILED;
		hear(end, &message, wanted[state].failed);
		end = bring_to(state);
		message.reason = HF_HANDSHAKE_UNKNOWN;
		hear(end, &message, wanted[state].unknown);
		ck_assert(!step.has_message);
	}
}
END_TEST

/* Only who asks takes it up, and only who has nothing else to do asks anew one that is frozen yet. */
START_TEST(lives_and_frozen_ends_in_each_state)
{
	for (int state = 0; state < HF_HANDSHAKE_STATES; state++) {
		struct hf_handshake *end = bring_to(state);
		struct hf_handshake_message message = word_for(end, HF_HANDSHAKE_LIFE, end->round);

		message.sender_life = htobe32(0x5550);
		hear(end, &message, HF_HANDSHAKE_NOTHING);
		ck_assert_int_eq(end->state, state);
		if (state == HF_HANDSHAKE_ASKING)
			said(HF_HANDSHAKE_FREEZE);
		ck_assert_int_eq(step.has_message, state == HF_HANDSHAKE_ASKING);
		end = bring_to(state);
		message = word_for(end, HF_HANDSHAKE_FROZEN, 1);
		hear(end, &message, HF_HANDSHAKE_NOTHING);
		ck_assert_int_eq(end->state, state == HF_HANDSHAKE_IDLE ? HF_HANDSHAKE_ASKING : state);
		ck_assert_int_eq(step.has_message, state == HF_HANDSHAKE_IDLE);
	}
}
END_TEST

/* A question that names another life is told this one, whatever goes on here, and changes nothing. */
START_TEST(other_lives_in_each_state)
{
	for (int state = 0; state < HF_HANDSHAKE_STATES; state++) {
		struct hf_handshake *end = bring_to(state), before = *end;

		for (int kind = HF_HANDSHAKE_FREEZE; kind < HF_HANDSHAKE_KINDS; kind++) {
			struct hf_handshake_message message = word_for(end, kind, end->round);
			bool is_answered = kind <= HF_HANDSHAKE_GO;
			int err;

			message.receiver_life = htobe32(0x7770);
			step.has_message = false;
			err = hf_handshake_receive(end, &message, sizeof(message), now_ns, &step);
			ck_assert_int_eq(err, is_answered ? 0 : -ESTALE);
			ck_assert_mem_eq(end, &before, sizeof(before));
			if (is_answered)
				said(kind == HF_HANDSHAKE_FREEZE ? HF_HANDSHAKE_LIFE : HF_HANDSHAKE_REFUSED);
		}
	}
}
END_TEST

/* ---- what else may come ---- */

START_TEST(nobody_knows_of_it)
{
	struct hf_handshake_message message = begin_reset(&low), reply;

	ck_assert_int_eq(hf_handshake_refuse(&message, sizeof(message), &reply), 0);
	hear(&low, &reply, HF_HANDSHAKE_END_REFUSED);
	ck_assert_int_eq(low.reason, HF_HANDSHAKE_UNKNOWN);
	ck_assert_int_eq(hf_handshake_refuse(&reply, sizeof(reply), &message), -ENOMSG);
	ck_assert_int_eq(hf_handshake_refuse(&reply, sizeof(reply) - 1, &message), -EBADMSG);
}
END_TEST

START_TEST(unable_end_refuses)
{
	struct hf_handshake_message message = begin_reset(&low);

	hear(&high, &message, HF_HANDSHAKE_DO_STOP);
	hf_handshake_not_done(&high, HF_HANDSHAKE_NOT_ABLE, &step);
	message = said(HF_HANDSHAKE_REFUSED);
	hear(&low, &message, HF_HANDSHAKE_END_REFUSED);
}
END_TEST

START_TEST(busy_while_it_goes_on)
{
	begin_reset(&low);
	ck_assert_int_eq(hf_handshake_begin(&low, now_ns, &step), -EBUSY);
}
END_TEST

/* The programs have connected their queue pairs anew since. */
START_TEST(other_connection_is_stale)
{
	struct hf_handshake_message message = begin_reset(&low);

	hf_handshake_init(&high, 2, 0x22, 201, 100, HIGH_LIFE);
	ck_assert_int_eq(hf_handshake_receive(&high, &message, sizeof(message), now_ns, &step), -ESTALE);
}
END_TEST

/* An end that only receives does not know its first number yet; the other one does. */
START_TEST(one_end_only_receives)
{
	hf_handshake_init(&high, 2, 0x22, HF_HANDSHAKE_NO_PSN, 100, HIGH_LIFE);
	reset_once(&low, &high);
	ck_assert_uint_eq(high.told_psn, 200);
	reset_once(&high, &low);
}
END_TEST

START_TEST(abandoned)
{
	struct hf_handshake_message message = begin_reset(&low);

	hf_handshake_abandon(&low);
	ck_assert_uint_eq(hf_handshake_next_ns(&low), HF_HANDSHAKE_NEVER);
	hear(&high, &message, HF_HANDSHAKE_DO_STOP);
	do_offer(&high, 7, 8, 4);
	message = said(HF_HANDSHAKE_FROZEN);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	said(HF_HANDSHAKE_REFUSED);
}
END_TEST

/* A queue pair that is connected to itself hears itself, and nothing comes of it. */
START_TEST(connected_to_itself)
{
	struct hf_handshake_message message;

	hf_handshake_init(&low, 1, 0x11, 100, 100, LOW_LIFE);
	message = begin_reset(&low);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_LIFE);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_FREEZE);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	ck_assert(!step.has_message);
}
END_TEST

static void refused_when(struct hf_handshake_message message, size_t length)
{
	uint8_t data[sizeof(message) + 1] = { 0 };

	memcpy(data, &message, sizeof(message));
	ck_assert_int_eq(hf_handshake_receive(&high, data, length, now_ns, &step), -EBADMSG);
	ck_assert_int_eq(high.state, HF_HANDSHAKE_IDLE);
}

START_TEST(bad_messages)
{
	struct hf_handshake_message good = begin_reset(&low), bad;

	ck_assert_uint_le(sizeof(good), 64);
	refused_when(good, 0);
	refused_when(good, sizeof(good) - 1);
	refused_when(good, sizeof(good) + 1);
	bad = good, bad.header.strategy--, refused_when(bad, sizeof(bad));
	bad = good, bad.version++, refused_when(bad, sizeof(bad));
	bad = good, bad.header.kind = 0, refused_when(bad, sizeof(bad));
	bad = good, bad.header.kind = HF_HANDSHAKE_KINDS, refused_when(bad, sizeof(bad));
	bad = good, bad.reason = HF_HANDSHAKE_REASONS, refused_when(bad, sizeof(bad));
	bad = good, bad.round = 0, refused_when(bad, sizeof(bad));
	bad = good, bad.header.kind = HF_HANDSHAKE_FROZEN, bad.mtu = 6, refused_when(bad, sizeof(bad));
	bad.mtu = 0, refused_when(bad, sizeof(bad));
	bad.mtu = 3, bad.expected_psn = htobe32(0x1000000), refused_when(bad, sizeof(bad));
	bad.expected_psn = 0, bad.first_psn = htobe32(0x1000000), refused_when(bad, sizeof(bad));
	bad.first_psn = 0, bad.oldest_psn = htobe32(0x1000000), refused_when(bad, sizeof(bad));
	bad.oldest_psn = 0, bad.next_psn = htobe32(0x1000000), refused_when(bad, sizeof(bad));
}
END_TEST

/* One way alone is heard: nothing is agreed, and who asked has done nothing. */
START_TEST(dead_way_back)
{
	struct hf_handshake_message message = freeze(&low, &high);

	(void)message;
	while (low.state != HF_HANDSHAKE_IDLE) {
		now_ns = hf_handshake_next_ns(&low);
		hf_handshake_tick(&low, now_ns, &step);
		if (step.has_message) {
			message = step.message;
			hear(&high, &message, HF_HANDSHAKE_NOTHING);
		}
	}
	now_ns = high.deadline_ns;
	hf_handshake_tick(&high, now_ns, &step);
	ck_assert_int_eq(step.action, HF_HANDSHAKE_END_BROKEN);
}
END_TEST

START_TEST(names_are_complete)
{
	for (int i = HF_HANDSHAKE_FREEZE; i < HF_HANDSHAKE_KINDS; i++)
		ck_assert_ptr_nonnull(hf_handshake_kind_names[i]);
	for (int i = 0; i < HF_HANDSHAKE_STATES; i++)
		ck_assert_ptr_nonnull(hf_handshake_state_names[i]);
	for (int i = 0; i < HF_HANDSHAKE_REASONS; i++)
		ck_assert_ptr_nonnull(hf_handshake_reason_names[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("handshake");
	TCase *steps = tcase_create("steps");

	tcase_add_checked_fixture(steps, set_up, NULL);
	tcase_add_test(steps, reset_moves_both);
	tcase_add_test(steps, smaller_goes_on);
	tcase_add_test(steps, late_proposals_are_old);
	tcase_add_test(steps, questions_are_repeated);
	tcase_add_test(steps, doubled_messages_change_nothing);
	tcase_add_test(steps, unconfirmed_starts);
	tcase_add_test(steps, halted_end_gives_up);
	tcase_add_test(steps, second_try_finds_it_halted);
	tcase_add_test(steps, late_frozen_is_taken_up);
	tcase_add_test(steps, ended_round_is_not_taken_up);
	tcase_add_test(steps, frozen_is_repeated);
	tcase_add_test(steps, ends_meet);
	tcase_add_test(steps, late_question_stops_nobody);
	tcase_add_test(steps, late_words_do_nothing);
	tcase_add_test(steps, used_end_wants_to_be_called_so);
	tcase_add_test(steps, frozen_for_a_life_that_is_over);
	tcase_add_test(steps, unused_end_goes_on_alone);
	tcase_add_test(steps, unused_end_does_not_give_up);
	tcase_add_test(steps, other_end_is_made_anew);
	tcase_add_test(steps, new_life_counts_anew);
	tcase_add_test(steps, refusals_in_each_state);
	tcase_add_test(steps, lives_and_frozen_ends_in_each_state);
	tcase_add_test(steps, other_lives_in_each_state);
	tcase_add_test(steps, nobody_knows_of_it);
	tcase_add_test(steps, unable_end_refuses);
	tcase_add_test(steps, busy_while_it_goes_on);
	tcase_add_test(steps, other_connection_is_stale);
	tcase_add_test(steps, one_end_only_receives);
	tcase_add_test(steps, abandoned);
	tcase_add_test(steps, connected_to_itself);
	tcase_add_test(steps, bad_messages);
	tcase_add_test(steps, dead_way_back);
	tcase_add_test(steps, names_are_complete);
	suite_add_tcase(suite, steps);
	return check_main(suite);
}
