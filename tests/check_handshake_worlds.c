/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What the ends of a connection say to each other to move it: two machines over a channel that loses, doubles and
 * reorders, in simulated time. Neither may be left with other numbers than the other.
 */
#include <check.h>
#include <string.h>

#include "check_main.h"
#include "lib/verbs/handshake.h"

#define MS	UINT64_C(1000000)
#define SEEDS	2000

static struct hf_handshake_step step;

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
	bool is_unused;			/* nothing was sent or received */
	unsigned int lives;
	uint64_t life_ns;		/* when the program makes it anew */
	uint32_t sends_at, receives_at;	/* packet sequence numbers */
};

struct world {
	unsigned int seed;
	uint64_t random, now_ns, quiet_ns;
	unsigned int loss, doubling, failing;	/* of 256 */
	unsigned int lateness;			/* likewise: comes once more, seconds later */
	unsigned int lives;			/* of each end, 0: they are not made anew */
	uint64_t traffic_ns;			/* when messages are exchanged */
	unsigned int exchanges;
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

static void fly_late(struct world *world, int to, const struct hf_handshake_message *message)
{
	uint64_t delay_ns = world->delay_ns;

	world->delay_ns = 8000 * MS;
	fly(world, to, message);
	world->delay_ns = delay_ns;
}

static void send_message(struct world *world, int from, const struct hf_handshake_message *message)
{
	bool is_lossy = world->now_ns < world->quiet_ns;

	if (!is_lossy || !chance(world, world->loss))
		fly(world, !from, message);
	if (is_lossy && chance(world, world->doubling))
		fly(world, !from, message);
	if (world->lateness && chance(world, world->lateness))
		fly_late(world, !from, message);
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
	end->sends_at = end->offered.first_psn;
	end->receives_at = end->heard.first_psn;
	world->moved[index]++;
}

/* Where an end of this life, and as much used, has come to. */
static uint32_t numbers_of(const struct end *end)
{
	return end->is_unused ? 0 : 1 + end->lives;
}

static void follow(struct world *world, int index, const struct hf_handshake_step *now)
{
	struct end *end = &world->ends[index];

	if (now->has_message)
		send_message(world, index, &now->message);
	switch (now->action) {
	case HF_HANDSHAKE_DO_STOP:
		if (end->machine.is_initiator && end->machine.peer.oldest_psn != numbers_of(end)) {
			hf_handshake_not_done(&end->machine, HF_HANDSHAKE_UNKNOWN, &step);
			send_message(world, index, &step.message);
			break;
		}
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

static struct hf_handshake_offer offer_of(struct end *end, int index)
{
	struct hf_handshake_offer offer = { .mtu = 1 + index, .is_unused = end->is_unused };

	if (end->is_unused)
		return offer;
	end->offers++;
	offer.expected_psn = end->offers;
	offer.first_psn = end->offers + 1000 * (index + 1);
	offer.oldest_psn = offer.next_psn = 1 + end->lives;
	return offer;
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
		end->offered = offer_of(end, index);
	hf_handshake_done(&end->machine, offers ? &end->offered : NULL, world->now_ns, &step);
	follow(world, index, &step);
}

static void note_use(struct end *end)
{
	if (!end->is_unused)
		hf_handshake_use(&end->machine);
}

static void begin_one(struct world *world, int index)
{
	struct end *end = &world->ends[index];

	end->begins_ns = world->now_ns + span(world, (world->lives ? 100 : 3000) * MS);
	end->begins_left--;
	if (end->machine.state != HF_HANDSHAKE_IDLE || !end->is_running)
		return;
	note_use(end);
	ck_assert_int_eq(hf_handshake_begin(&end->machine, world->now_ns, &step), 0);
	follow(world, index, &step);
}

static uint64_t next_of(const struct end *end)
{
	uint64_t next_ns = hf_handshake_next_ns(&end->machine);

	if (end->life_ns < next_ns)
		next_ns = end->life_ns;
	if (end->begins_left && end->begins_ns < next_ns)
		next_ns = end->begins_ns;
	if (end->is_pending && end->done_ns < next_ns)
		next_ns = end->done_ns;
	return next_ns;
}

static bool is_connected(const struct world *world)
{
	const struct end *a = &world->ends[0], *b = &world->ends[1];

	return a->is_running && b->is_running && a->sends_at == b->receives_at && b->sends_at == a->receives_at;
}

/* The programs know that both have begun, and exchange messages, which come through as soon as nothing stands. */
static void exchange(struct world *world)
{
	struct end *a = &world->ends[0], *b = &world->ends[1];

	world->traffic_ns = world->now_ns + 20 * MS;
	if (a->machine.state != HF_HANDSHAKE_IDLE || b->machine.state != HF_HANDSHAKE_IDLE)
		return;
	ck_assert_uint_eq(a->lives, b->lives);
	ck_assert_msg(is_connected(world), "seed %u: in life %u", world->seed, a->lives);
	a->is_unused = b->is_unused = false;
	world->exchanges++;
	world->traffic_ns = world->now_ns + span(world, 200 * MS);
}

/* Its program resets it, and connects it as before. The other end's does so sooner or later, and only then they talk. */
static void live_anew(struct world *world, int index)
{
	struct end *end = &world->ends[index], *other = &world->ends[!index];

	hf_handshake_init(&end->machine, index + 1, 17, index, !index, (draw(world) >> 34 | 1) << 1);
	end->lives++;
	end->is_pending = false;
	end->is_running = end->is_unused = true;
	end->sends_at = end->receives_at = 0;
	end->life_ns = HF_HANDSHAKE_NEVER;
	world->traffic_ns = HF_HANDSHAKE_NEVER;
	if (other->lives < end->lives)
		return;
	world->traffic_ns = world->now_ns + span(world, 300 * MS);
	if (end->lives == world->lives)
		return;
	for (int i = 0; i < 2; i++)
		world->ends[i].life_ns = world->now_ns + 500 * MS + span(world, 400 * MS);
}

static void run_end(struct world *world, int index)
{
	struct end *end = &world->ends[index];

	if (end->life_ns <= world->now_ns)
		live_anew(world, index);
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
	if (world->traffic_ns < next_ns)
		next_ns = world->traffic_ns;
	world->now_ns = next_ns > world->now_ns ? next_ns : world->now_ns;
	for (int i = 0; i < CHANNEL; i++) {
		struct flight *flight = &world->flights[i];

		if (!flight->is_used || flight->at_ns > world->now_ns)
			continue;
		flight->is_used = false;
		note_use(&world->ends[flight->to]);
		if (hf_handshake_receive(&world->ends[flight->to].machine, &flight->message, sizeof(flight->message),
					 world->now_ns, &step) == 0)
			follow(world, flight->to, &step);
	}
	run_end(world, 0);
	run_end(world, 1);
	if (world->traffic_ns <= world->now_ns)
		exchange(world);
	return true;
}

static void run_world(struct world *world)
{
	unsigned int turns = 0;

	for (int i = 0; i < 2; i++) {
		struct end *end = &world->ends[i];

		hf_handshake_init(&end->machine, i + 1, 17, i, !i, 100 + 2 * i);
		end->is_running = true;
		end->begins_left = world->lives ? 100 : 4;
		end->begins_ns = 1 + span(world, 50 * MS);
		end->life_ns = world->lives ? 1 + span(world, 400 * MS) : HF_HANDSHAKE_NEVER;
	}
	world->traffic_ns = HF_HANDSHAKE_NEVER;
	while (run_next(world))
		ck_assert_uint_lt(turns++, 100000);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(world->ends[i].machine.state, HF_HANDSHAKE_IDLE);
}

static bool is_heard(const struct end *end, const struct end *other)
{
	return end->heard.expected_psn == other->offered.expected_psn &&
	       end->heard.first_psn == other->offered.first_psn && end->heard.mtu == other->offered.mtu;
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
	ck_assert_msg(is_heard(a, b) && is_heard(b, a), "seed %u: other numbers", seed);
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

/*
 * Programs that make their connection anew again and again, with the same numbers, one end sooner than the other, while
 * it is moved and words of before are still on their way: it always works.
 */
START_TEST(lives_are_told_apart)
{
	unsigned int exchanges = 0, moved = 0;

	for (unsigned int seed = 1; seed <= SEEDS; seed++) {
		struct world world = { .seed = seed, .random = seed * UINT64_C(0x9e3779b97f4a7c15),
				       .quiet_ns = 20000 * MS, .lives = 6, .doubling = 30, .lateness = 60 };

		world.delay_ns = (1 + seed % 5 * 10) * MS;
		world.work_ns = seed % 3 * 10 * MS;
		run_world(&world);
		ck_assert_uint_eq(world.ends[0].lives, world.lives);
		ck_assert_msg(is_connected(&world), "seed %u", seed);
		exchanges += world.exchanges;
		moved += world.moved[0];
	}
	ck_assert_uint_gt(exchanges, SEEDS);
	ck_assert_uint_gt(moved, SEEDS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("handshake");
	TCase *worlds = tcase_create("worlds");

	tcase_set_timeout(worlds, 120);
	tcase_add_test(worlds, sound_channel_always_moves);
	tcase_add_test(worlds, lossy_channel_never_disagrees);
	tcase_add_test(worlds, failing_ends_never_disagree);
	tcase_add_test(worlds, lives_are_told_apart);
	suite_add_tcase(suite, worlds);
	return check_main(suite);
}
