/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* When a program is told to move its connection, and what is thought to be in use afterwards. */
#include "check_main.h"
#include "fake_sa.h"

#include <errno.h>
#include <string.h>

#include "lib/reconciler.h"
#include "lib/strategy.h"
#include "lib/strategy_program.h"

#define SECOND_NS UINT64_C(1000000000)

static struct hf_path_cache *cache;
static struct hf_registry *registry;
static struct hf_reconciler reconciler;
static unsigned int established, changed, losses, moves;
static struct hf_host_path last_move;
static uint8_t lmc;
static struct hf_connection *connection;

static void note_changed(void *ctx, const struct hf_connection *which, const struct hf_path *old)
{
	(void)ctx;
	(void)which;
	changed += old != NULL;
	established += old == NULL;
}

static void note_lost(void *ctx, const struct hf_connection *which)
{
	(void)ctx;
	losses += which->path_lost;
}

static const struct hf_reconciler_ops ops = { .changed = note_changed, .lost = note_lost };

static void note_move(void *ctx, const struct hf_host_path *path)
{
	(void)ctx;
	moves++;
	last_move = *path;
}

static void setup(void)
{
	established = changed = losses = moves = 0;
	lmc = 0;
	ck_assert_int_eq(hf_path_cache_new(&cache), 0);
	ck_assert_int_eq(hf_registry_new(&registry), 0);
	hf_reconciler_init(&reconciler, registry, cache, &ops, NULL);
}

static void teardown(void)
{
	hf_registry_free(registry);
	hf_path_cache_free(cache);
}

/* The path to node 2 as the SM says it, as far as a program knows it. */
static struct hf_path known_path(void)
{
	return (struct hf_path){ .dgid = fake_gid(2), .dlid = 8, .slid = 7, .pkey = 0xffff, .mtu = 4, .rate = 7 };
}

static void connect_with(const struct hf_path *used)
{
	struct hf_program_endpoint *endpoint = calloc(1, sizeof(*endpoint));

	endpoint->used = *used;
	endpoint->lmc = &lmc;
	endpoint->move = note_move;
	ck_assert_int_eq(hf_connection_create(registry, 0x100, &used->dgid, &hf_strategy_program, endpoint,
					      &connection), 0);
	hf_reconciler_run(&reconciler, 0);
}

static void tell(const struct hf_path_record *record)
{
	ck_assert_int_eq(hf_path_cache_update(cache, record, HF_SITE_UNKNOWN), 0);
	hf_reconciler_run(&reconciler, 0);
}

static void tell_sl(unsigned int sl)
{
	struct hf_path_record record = fake_path(1, 2);

	record.qos_class_sl = htobe16(sl);
	tell(&record);
}

START_TEST(waits_for_the_table)
{
	struct hf_path used = known_path();

	connect_with(&used);
	ck_assert_int_eq(connection->state, HF_CONNECTION_WAITING);
	ck_assert_uint_eq(moves + losses, 0);
	tell_sl(0);
	ck_assert_int_eq(connection->state, HF_CONNECTION_ESTABLISHED);
	ck_assert_uint_eq(established, 1);
	ck_assert_uint_eq(moves, 0);
}
END_TEST

START_TEST(what_differs_from_the_beginning_is_moved)
{
	struct hf_path used = known_path();

	used.sl = 3;
	connect_with(&used);
	tell_sl(0);
	ck_assert_uint_eq(established, 1);
	ck_assert_int_eq(connection->state, HF_CONNECTION_CHANGING);
	ck_assert_uint_eq(connection->path.sl, 3);
	ck_assert_uint_eq(moves, 1);
	ck_assert_uint_eq(last_move.sl, 0);
	ck_assert(last_move.reachable);
	hf_reconciler_finish(&reconciler, connection, 0, 0);
	ck_assert_uint_eq(connection->path.sl, 0);
	ck_assert_uint_eq(changed, 1);
	hf_reconciler_run(&reconciler, 0);
	ck_assert_uint_eq(moves, 1);
}
END_TEST

START_TEST(a_refusal_is_tried_again_after_a_second)
{
	struct hf_path used = known_path();

	tell_sl(1);
	connect_with(&used);
	ck_assert_uint_eq(moves, 1);
	hf_reconciler_finish(&reconciler, connection, -ETIMEDOUT, 0);
	ck_assert_uint_eq(connection->path.sl, 0);
	hf_reconciler_handle_timer(&reconciler, SECOND_NS);
	ck_assert_uint_eq(moves, 2);
	hf_reconciler_finish(&reconciler, connection, 0, SECOND_NS);
	ck_assert_uint_eq(connection->path.sl, 1);
	ck_assert(!hf_reconciler_is_busy(&reconciler));
}
END_TEST

static void is_at(const struct hf_path *path)
{
	struct hf_path used = *path;

	used.dgid = connection->dgid;
	used.reachable = true;
	hf_reconciler_note_moved(&reconciler, connection, &used, 0);
}

START_TEST(the_other_end_may_be_first)
{
	struct hf_path used = known_path();

	tell_sl(0);
	connect_with(&used);
	tell_sl(1);
	ck_assert_int_eq(connection->state, HF_CONNECTION_CHANGING);
	used.sl = 1;
	is_at(&used);
	ck_assert_int_eq(connection->state, HF_CONNECTION_ESTABLISHED);
	ck_assert_uint_eq(connection->path.sl, 1);
	ck_assert_uint_eq(changed, 1);
	hf_reconciler_finish(&reconciler, connection, -ETIMEDOUT, 0);
	ck_assert_uint_eq(changed, 1);
	ck_assert(!hf_reconciler_is_busy(&reconciler));
	tell_sl(3);
	hf_reconciler_finish(&reconciler, connection, -EBUSY, 0);
	ck_assert_int_eq(connection->state, HF_CONNECTION_FAILED);
	used.sl = 3;
	is_at(&used);
	ck_assert_int_eq(connection->state, HF_CONNECTION_ESTABLISHED);
	ck_assert(!hf_reconciler_is_busy(&reconciler));
	hf_reconciler_handle_timer(&reconciler, 2 * SECOND_NS);
	ck_assert_uint_eq(moves, 2);
	ck_assert_uint_eq(changed, 2);
	/* This end has not been told by the SM yet: what it is told then may be what it uses. */
	used.sl = 2;
	is_at(&used);
	ck_assert_uint_eq(changed, 3);
}
END_TEST

/* Each alone: whether it moves. */
static const struct {
	const char *what;
	struct { uint16_t dlid, slid, pkey; uint8_t sl, mtu, rate, pkt_life; } used;
	uint8_t lmc;
	bool moves;
} cases[] = {
	{ "the same", { 8, 7, 0xffff, 0, 4, 7, 18 }, 0, false },
	{ "nothing known but the address", { 8, 0, 0, 0, 0, 0, 0 }, 0, false },
	{ "DLID", { 9, 7, 0xffff, 0, 4, 7, 18 }, 0, true },
	{ "SL", { 8, 0, 0, 1, 0, 0, 0 }, 0, true },
	{ "SLID without LMC", { 8, 6, 0xffff, 0, 4, 7, 18 }, 0, false },
	{ "path bits", { 8, 6, 0xffff, 0, 4, 7, 18 }, 1, true },
	{ "the same path bits of another LID", { 8, 5, 0xffff, 0, 4, 7, 18 }, 1, false },
	{ "another partition", { 9, 7, 0x8001, 5, 4, 7, 18 }, 0, false },
	{ "limited membership", { 8, 7, 0x7fff, 0, 4, 7, 18 }, 0, false },
	{ "limited membership and SL", { 8, 7, 0x7fff, 1, 4, 7, 18 }, 0, true },
	{ "a smaller MTU", { 8, 7, 0xffff, 0, 3, 7, 18 }, 0, false },
	{ "an MTU that the path does not have", { 8, 7, 0xffff, 0, 5, 7, 18 }, 0, true },
	{ "rate", { 8, 7, 0xffff, 0, 4, 3, 18 }, 0, true },
	{ "packet life", { 8, 7, 0xffff, 0, 4, 7, 17 }, 0, false },
};

START_TEST(only_what_counts_is_compared)
{
	const struct hf_path used = {
		.dgid = fake_gid(2), .dlid = cases[_i].used.dlid, .slid = cases[_i].used.slid,
		.pkey = cases[_i].used.pkey, .sl = cases[_i].used.sl, .mtu = cases[_i].used.mtu,
		.rate = cases[_i].used.rate, .pkt_life = cases[_i].used.pkt_life,
	};

	lmc = cases[_i].lmc;
	tell_sl(0);
	connect_with(&used);
	ck_assert_msg(moves == cases[_i].moves, "%s", cases[_i].what);
	/* What was not known before is not thought to be known afterwards: it leads to no further move. */
	hf_reconciler_finish(&reconciler, connection, 0, 0);
	hf_reconciler_run(&reconciler, 0);
	ck_assert_msg(moves == cases[_i].moves, "%s", cases[_i].what);
	ck_assert_uint_eq(connection->path.pkey, used.pkey);
	ck_assert_int_eq(connection->path.slid == 0, used.slid == 0);
	ck_assert_int_eq(connection->path.rate == 0, used.rate == 0);
	ck_assert_uint_eq(connection->path.mtu, used.mtu < 4 ? used.mtu : 4);
}
END_TEST

START_TEST(a_larger_mtu_is_nothing_to_move_for)
{
	struct hf_path used = known_path();
	struct hf_path_record record = fake_path(1, 2);

	tell_sl(0);
	connect_with(&used);
	record.mtu = 5;
	tell(&record);
	ck_assert_uint_eq(moves, 0);
	record.mtu = 3;
	tell(&record);
	ck_assert_uint_eq(moves, 1);
	hf_reconciler_finish(&reconciler, connection, 0, 0);
	ck_assert_uint_eq(connection->path.mtu, 3);
	record.mtu = 4;
	tell(&record);
	ck_assert_uint_eq(moves, 1);
}
END_TEST

START_TEST(a_connection_gets_another_destination)
{
	struct hf_path used = known_path();
	const union hf_gid gid = fake_gid(2), none = { .guid = 0 };

	used.dgid = none;
	used.sl = 1;
	tell_sl(0);
	connect_with(&used);
	ck_assert_int_eq(connection->state, HF_CONNECTION_WAITING);
	ck_assert_int_eq(hf_connection_set_dgid(registry, connection, &gid), 0);
	ck_assert_ptr_eq(hf_registry_find_dgid(registry, &gid), connection);
	ck_assert_ptr_null(hf_registry_find_dgid(registry, &none));
	hf_reconciler_run_connection(&reconciler, connection, 0);
	ck_assert_uint_eq(established, 1);
	ck_assert_uint_eq(moves, 1);
	ck_assert_int_eq(memcmp(connection->path.dgid.raw, gid.raw, sizeof(gid.raw)), 0);
}
END_TEST

static Suite *strategy_program_suite(void)
{
	Suite *suite = suite_create("strategy_program");
	TCase *tcase = tcase_create("program");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, waits_for_the_table);
	tcase_add_test(tcase, what_differs_from_the_beginning_is_moved);
	tcase_add_test(tcase, a_refusal_is_tried_again_after_a_second);
	tcase_add_test(tcase, the_other_end_may_be_first);
	tcase_add_loop_test(tcase, only_what_counts_is_compared, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tcase, a_larger_mtu_is_nothing_to_move_for);
	tcase_add_test(tcase, a_connection_gets_another_destination);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return check_main(strategy_program_suite());
}
