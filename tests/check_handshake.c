/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What the ends of a connection say to each other to move it: step by step, and two machines over a channel that loses,
 * doubles and reorders, in simulated time.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "check_main.h"
#include "lib/verbs/handshake.h"

#define MS	UINT64_C(1000000)
#define SEEDS	2000

static struct hf_handshake_step step;

/* ------------------------------------------------------------------------ step by step ---- */

static struct hf_handshake low, high;	/* the one with the smaller identity, and its peer */
static uint64_t now_ns;

static void set_up(void)
{
	now_ns = 1000 * MS;
	hf_handshake_init(&low, 1, 0x11, 100, 200);
	hf_handshake_init(&high, 2, 0x22, 200, 100);
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
	const struct hf_handshake_offer offer = { expected_psn, first_psn, mtu };

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

/* FROZEN comes when nobody wants it any more: the other end need not wait. */
START_TEST(late_frozen_is_refused)
{
	struct hf_handshake_message message = freeze(&low, &high);

	now_ns = low.deadline_ns;
	hf_handshake_tick(&low, now_ns, &step);
	hear(&low, &message, HF_HANDSHAKE_NOTHING);
	message = said(HF_HANDSHAKE_REFUSED);
	ck_assert_int_eq(message.reason, HF_HANDSHAKE_GAVE_UP);
	hear(&high, &message, HF_HANDSHAKE_END_BROKEN);
}
END_TEST

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

	hf_handshake_init(&high, 2, 0x22, 201, 100);
	ck_assert_int_eq(hf_handshake_receive(&high, &message, sizeof(message), now_ns, &step), -ESTALE);
}
END_TEST

/* An end that only receives does not know its first number yet; the other one does. */
START_TEST(one_end_only_receives)
{
	hf_handshake_init(&high, 2, 0x22, HF_HANDSHAKE_NO_PSN, 100);
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

	hf_handshake_init(&low, 1, 0x11, 100, 100);
	message = begin_reset(&low);
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
}
END_TEST

/* ---------------------------------------------------------------- two ends in simulated time ---- */

#define CHANNEL	256

struct flight {
	bool is_used;
	uint64_t at_ns;
	int to;
	struct hf_handshake_message message;
};

/* An end as a connection sees it: with which round it last began to send; none while it stands. */
struct end {
	struct hf_handshake machine;
	uint32_t runs;
	bool is_running;
	bool is_pending;		/* something is being done, till @done_ns */
	uint64_t done_ns;
	enum hf_handshake_action pending;
	uint64_t begins_ns;
	unsigned int begins_left;
	uint32_t offers;
	struct hf_handshake_offer offered, heard;
};

struct world {
	uint64_t random, now_ns, quiet_ns;
	unsigned int loss, doubling, failing;	/* of 256 */
	uint64_t delay_ns, work_ns;
	struct flight flights[CHANNEL];
	struct end ends[2];
	unsigned int moved[2], silent;
};

static uint64_t draw(struct world *world)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return world->random * UINT64_C(0x2545f4914f6cdd1d);
}

static bool chance(struct world *world, unsigned int of_256)
{
	return (draw(world) >> 32) % 256 < of_256;
}

static uint64_t span(struct world *world, uint64_t limit_ns)
{
	return limit_ns ? (draw(world) >> 16) % limit_ns : 0;
}

static void fly(struct world *world, int to, const struct hf_handshake_message *message)
{
	for (int i = 0; i < CHANNEL; i++) {
		if (world->flights[i].is_used)
			continue;
		world->flights[i] = (struct flight){ true, world->now_ns + 1 + span(world, world->delay_ns), to, *message };
		return;
	}
	ck_abort_msg("too many messages on their way");
}

static void send_message(struct world *world, int from, const struct hf_handshake_message *message)
{
	bool is_lossy = world->now_ns < world->quiet_ns;

	if (!is_lossy || !chance(world, world->loss))
		fly(world, !from, message);
	if (is_lossy && chance(world, world->doubling))
		fly(world, !from, message);
}

static void stop(struct end *end)
{
	end->is_running = false;
}

static void start(struct world *world, int index)
{
	struct end *end = &world->ends[index];

	end->is_running = true;
	end->runs = end->machine.round;
	world->moved[index]++;
}

static void follow(struct world *world, int index, const struct hf_handshake_step *now)
{
	struct end *end = &world->ends[index];

	if (now->has_message)
		send_message(world, index, &now->message);
	switch (now->action) {
	case HF_HANDSHAKE_DO_STOP:
		stop(end);
		/* fall through */
	case HF_HANDSHAKE_DO_PREPARE:
	case HF_HANDSHAKE_DO_START:
	case HF_HANDSHAKE_DO_RESTART:
		ck_assert(!end->is_pending);
		end->is_pending = true;
		end->pending = now->action;
		end->done_ns = world->now_ns + span(world, world->work_ns);
		if (now->action == HF_HANDSHAKE_DO_PREPARE || now->action == HF_HANDSHAKE_DO_RESTART)
			end->heard = end->machine.peer;
		break;
	case HF_HANDSHAKE_END_BROKEN:
		end->is_pending = false;
		break;
	case HF_HANDSHAKE_END_SILENT:
		world->silent++;
		break;
	case HF_HANDSHAKE_NOTHING:
	case HF_HANDSHAKE_END_MOVED:
	case HF_HANDSHAKE_END_REFUSED:
		break;
	case HF_HANDSHAKE_ACTIONS:
		ck_abort();
	}
}

static void work_is_done(struct world *world, int index)
{
	struct end *end = &world->ends[index];
	bool offers = end->pending == HF_HANDSHAKE_DO_PREPARE ||
		      (end->pending == HF_HANDSHAKE_DO_STOP && !end->machine.is_initiator);

	end->is_pending = false;
	if (chance(world, world->failing)) {
		stop(end);
		hf_handshake_not_done(&end->machine, HF_HANDSHAKE_FAILED, &step);
		follow(world, index, &step);
		return;
	}
	if (end->pending == HF_HANDSHAKE_DO_START || end->pending == HF_HANDSHAKE_DO_RESTART)
		start(world, index);
	if (offers)
		end->offered = (struct hf_handshake_offer){ ++end->offers, end->offers + 1000 * (index + 1), 1 + index };
	hf_handshake_done(&end->machine, offers ? &end->offered : NULL, world->now_ns, &step);
	follow(world, index, &step);
}

static void begin_one(struct world *world, int index)
{
	struct end *end = &world->ends[index];

	end->begins_ns = world->now_ns + span(world, 3000 * MS);
	end->begins_left--;
	if (end->machine.state != HF_HANDSHAKE_IDLE || !end->is_running)
		return;
	ck_assert_int_eq(hf_handshake_begin(&end->machine, world->now_ns, &step), 0);
	follow(world, index, &step);
}

static uint64_t next_of(const struct end *end)
{
	uint64_t next_ns = hf_handshake_next_ns(&end->machine);

	if (end->begins_left && end->begins_ns < next_ns)
		next_ns = end->begins_ns;
	if (end->is_pending && end->done_ns < next_ns)
		next_ns = end->done_ns;
	return next_ns;
}

static void run_end(struct world *world, int index)
{
	struct end *end = &world->ends[index];

	if (end->is_pending && end->done_ns <= world->now_ns)
		work_is_done(world, index);
	if (end->begins_left && end->begins_ns <= world->now_ns)
		begin_one(world, index);
	if (hf_handshake_next_ns(&end->machine) <= world->now_ns) {
		hf_handshake_tick(&end->machine, world->now_ns, &step);
		follow(world, index, &step);
	}
}

static bool run_next(struct world *world)
{
	uint64_t next_ns = HF_HANDSHAKE_NEVER;

	for (int i = 0; i < CHANNEL; i++)
		if (world->flights[i].is_used && world->flights[i].at_ns < next_ns)
			next_ns = world->flights[i].at_ns;
	for (int i = 0; i < 2; i++)
		if (next_of(&world->ends[i]) < next_ns)
			next_ns = next_of(&world->ends[i]);
	if (next_ns == HF_HANDSHAKE_NEVER)
		return false;
	world->now_ns = next_ns > world->now_ns ? next_ns : world->now_ns;
	for (int i = 0; i < CHANNEL; i++) {
		struct flight *flight = &world->flights[i];

		if (!flight->is_used || flight->at_ns > world->now_ns)
			continue;
		flight->is_used = false;
		ck_assert_int_eq(hf_handshake_receive(&world->ends[flight->to].machine, &flight->message,
						      sizeof(flight->message), world->now_ns, &step), 0);
		follow(world, flight->to, &step);
	}
	run_end(world, 0);
	run_end(world, 1);
	return true;
}

static void run_world(struct world *world)
{
	unsigned int turns = 0;

	for (int i = 0; i < 2; i++) {
		struct end *end = &world->ends[i];

		hf_handshake_init(&end->machine, i + 1, 17, i, !i);
		end->is_running = true;
		end->begins_left = 4;
		end->begins_ns = 1 + span(world, 50 * MS);
	}
	while (run_next(world))
		ck_assert_uint_lt(turns++, 100000);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(world->ends[i].machine.state, HF_HANDSHAKE_IDLE);
}

/* Two ends that both believe to be connected are so, with the same numbers. */
static void agree(const struct world *world, unsigned int seed)
{
	const struct end *a = &world->ends[0], *b = &world->ends[1];

	if (!a->is_running || !b->is_running)
		return;
	ck_assert_msg(a->runs == b->runs, "seed %u: rounds %u and %u", seed, a->runs, b->runs);
	if (a->runs == 0)
		return;
	ck_assert_msg(memcmp(&a->heard, &b->offered, sizeof(a->heard)) == 0 &&
		      memcmp(&b->heard, &a->offered, sizeof(b->heard)) == 0, "seed %u: other numbers", seed);
}

START_TEST(sound_channel_always_moves)
{
	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		struct world world = { .random = seed * UINT64_C(0x9e3779b97f4a7c15), .delay_ns = 20 * MS,
				       .work_ns = 30 * MS };

		run_world(&world);
		ck_assert_msg(world.ends[0].is_running && world.ends[1].is_running, "seed %u", seed);
		ck_assert_uint_eq(world.moved[0], world.moved[1]);
		ck_assert_uint_eq(world.silent, 0);
		agree(&world, seed);
	}
}
END_TEST

START_TEST(lossy_channel_never_disagrees)
{
	unsigned int moved = 0, broken = 0;

	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		struct world world = { .random = seed * UINT64_C(0xd1342543de82ef95), .quiet_ns = 20000 * MS };

		world.loss = seed % 16 * 12;
		world.doubling = seed / 16 % 4 * 40;
		world.delay_ns = (1 + seed % 7 * 50) * MS;
		world.work_ns = seed % 5 * 50 * MS;
		run_world(&world);
		agree(&world, seed);
		moved += world.moved[0] + world.moved[1];
		broken += !world.ends[0].is_running || !world.ends[1].is_running;
	}
	ck_assert_uint_gt(moved, SEEDS);
	ck_assert_uint_gt(broken, 0);
}
END_TEST

START_TEST(failing_ends_never_disagree)
{
	unsigned int broken = 0;

	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		struct world world = { .random = seed * UINT64_C(0xaef17502108ef2d9), .quiet_ns = 20000 * MS,
				       .failing = 30, .loss = seed % 4 * 20, .doubling = 30, .delay_ns = 60 * MS,
				       .work_ns = 100 * MS };

		run_world(&world);
		agree(&world, seed);
		broken += !world.ends[0].is_running;
	}
	ck_assert_uint_gt(broken, 0);
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
	now_ns = hf_handshake_next_ns(&high);
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
	TCase *steps = tcase_create("steps"), *worlds = tcase_create("worlds");

	tcase_add_checked_fixture(steps, set_up, NULL);
	tcase_add_test(steps, reset_moves_both);
	tcase_add_test(steps, smaller_goes_on);
	tcase_add_test(steps, late_proposals_are_old);
	tcase_add_test(steps, questions_are_repeated);
	tcase_add_test(steps, doubled_messages_change_nothing);
	tcase_add_test(steps, unconfirmed_starts);
	tcase_add_test(steps, halted_end_gives_up);
	tcase_add_test(steps, second_try_finds_it_halted);
	tcase_add_test(steps, late_frozen_is_refused);
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
	tcase_set_timeout(worlds, 120);
	tcase_add_test(worlds, sound_channel_always_moves);
	tcase_add_test(worlds, lossy_channel_never_disagrees);
	tcase_add_test(worlds, failing_ends_never_disagree);
	suite_add_tcase(suite, worlds);
	return check_main(suite);
}
