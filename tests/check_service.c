/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The state machine of a service, in simulated time. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "check_main.h"
#include "plugin/service.h"

#define MS		UINT64_C(1000000)
#define EPOCH_MS		UINT64_C(1700000000)
#define NODES		3

static struct hf_service_node nodes[NODES] = { { .port_guid = 1 }, { .port_guid = 2 }, { .port_guid = 3 } };
static struct hf_service_config config;
static struct hf_service service;
static struct hf_service_now now;
static struct hf_service_step step;

static void set_up(void)
{
	config = (struct hf_service_config) {
		.name = "s", .nodes = nodes, .node_count = NODES,
		.detection = HF_DETECTION_SM | HF_DETECTION_HEARTBEAT | HF_DETECTION_OPERATOR,
		.failback = HF_FAILBACK_MANUAL, .failback_delay_ms = 1000, .hold_down_ms = 500, .hook_limit_ms = 100,
	};
	now = (struct hf_service_now) { .ns = 10000 * MS, .epoch_ms = EPOCH_MS };
	hf_service_init(&service, &config);
}

static void pass(uint64_t ms)
{
	now.ns += ms * MS;
	now.epoch_ms = EPOCH_MS + (now.ns - 10000 * MS) / MS;
}

static void see(int node, bool is_present)
{
	hf_service_see(&service, node, (uint64_t)node + 1, (uint16_t)(node + 1), is_present, &now);
}

static void seen(void)
{
	hf_service_seen(&service, &now, &step);
}

/* All nodes are there, and the first owns it. */
static void start(void)
{
	for (int i = 0; i < NODES; i++)
		see(i, true);
	hf_service_found(&service, HF_SERVICE_NOBODY, 0, &now, &step);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_MOVE);
	ck_assert_int_eq(service.owner, 0);
}

static void lose(int node)
{
	see(node, false);
	seen();
}

static void expect_move(int from, int to, enum hf_service_cause cause)
{
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_MOVE);
	ck_assert_int_eq(step.from, from);
	ck_assert_int_eq(step.to, to);
	ck_assert_int_eq(step.cause, cause);
	ck_assert_int_eq(service.owner, to);
	ck_assert_uint_eq(step.term, service.term);
}

START_TEST(first_owner_and_its_term)
{
	start();
	ck_assert_uint_eq(service.term, EPOCH_MS);
	ck_assert_int_eq(service.state, HF_SERVICE_OWNED);
	seen();
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_NONE);
}
END_TEST

START_TEST(found_owner_keeps_its_term)
{
	see(1, true);
	hf_service_found(&service, 1, 77, &now, &step);
	ck_assert_int_eq(service.owner, 1);
	ck_assert_uint_eq(service.term, 77);
}
END_TEST

START_TEST(found_without_a_term_begins_a_higher_one)
{
	see(1, true);
	hf_service_learn_term(&service, EPOCH_MS + 50);
	hf_service_found(&service, 1, 0, &now, &step);
	ck_assert_uint_eq(service.term, EPOCH_MS + 51);
}
END_TEST

START_TEST(found_owner_is_gone)
{
	see(2, true);
	hf_service_found(&service, 0, 5, &now, &step);
	ck_assert_int_eq(service.owner, 2);
	ck_assert_uint_gt(service.term, 5);
}
END_TEST

/* The SM, a peer and another peer say the same. */
START_TEST(one_failure_seen_three_ways_moves_once)
{
	uint64_t term;

	start();
	term = service.term;
	ck_assert_int_eq(hf_service_node_failed(&service, 0, term, HF_CAUSE_HEARTBEAT, &now, &step), 0);
	expect_move(0, 1, HF_CAUSE_HEARTBEAT);
	ck_assert_uint_gt(service.term, term);
	ck_assert_int_eq(hf_service_node_failed(&service, 0, term, HF_CAUSE_HEARTBEAT, &now, &step), -ESTALE);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_NONE);
	ck_assert_int_eq(hf_service_node_failed(&service, 0, 0, HF_CAUSE_HEARTBEAT, &now, &step), 0);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_NONE);
	lose(0);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_NONE);
	ck_assert_uint_eq(service.moves, 2);
	ck_assert_uint_eq(service.members[0].failures, 2);
}
END_TEST

START_TEST(a_detection_that_is_not_configured_moves_nothing)
{
	config.detection = HF_DETECTION_SM;
	start();
	ck_assert_int_eq(hf_service_node_failed(&service, 0, 0, HF_CAUSE_HEARTBEAT, &now, &step), -EPERM);
	ck_assert_int_eq(hf_service_fail_over(&service, 1, &now, &step), -EPERM);
	ck_assert_int_eq(service.owner, 0);
	config.detection = HF_DETECTION_HEARTBEAT;
	lose(0);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_NONE);
	ck_assert_int_eq(hf_service_node_failed(&service, 0, 0, HF_CAUSE_HEARTBEAT, &now, &step), 0);
	expect_move(0, 1, HF_CAUSE_HEARTBEAT);
}
END_TEST

START_TEST(a_node_under_hold_down_is_the_last_choice)
{
	start();
	lose(0);
	expect_move(0, 1, HF_CAUSE_SM);
	pass(10);
	see(0, true);
	seen();
	ck_assert(hf_service_is_held_down(&service, 0, now.ns));
	pass(10);
	lose(1);
	expect_move(1, 2, HF_CAUSE_SM);
	lose(2);
	expect_move(2, 0, HF_CAUSE_SM);
	pass(600);
	ck_assert(!hf_service_is_held_down(&service, 0, now.ns));
}
END_TEST

START_TEST(all_gone_and_one_back)
{
	uint64_t term;

	start();
	for (int i = 0; i < NODES; i++)
		see(i, false);
	seen();
	expect_move(0, HF_SERVICE_NOBODY, HF_CAUSE_SM);
	ck_assert_int_eq(service.state, HF_SERVICE_ORPHANED);
	term = service.term;
	see(2, true);
	seen();
	expect_move(HF_SERVICE_NOBODY, 2, HF_CAUSE_RETURN);
	ck_assert_uint_gt(service.term, term);
}
END_TEST

START_TEST(a_suspect_is_better_than_nobody)
{
	start();
	ck_assert_int_eq(hf_service_node_failed(&service, 1, 0, HF_CAUSE_HEARTBEAT, &now, &step), 0);
	lose(2);
	lose(0);
	expect_move(0, 1, HF_CAUSE_SM);
	/* And the only one there is stays the owner whatever peers say. */
	ck_assert_int_eq(hf_service_node_failed(&service, 1, 0, HF_CAUSE_HEARTBEAT, &now, &step), 0);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_NONE);
	see(2, true);
	seen();
	expect_move(1, 2, HF_CAUSE_HEARTBEAT);
}
END_TEST

START_TEST(automatic_failback_after_the_delay)
{
	config.failback = HF_FAILBACK_AUTOMATIC;
	start();
	lose(0);
	pass(100);
	see(0, true);
	seen();
	ck_assert_uint_eq(hf_service_deadline(&service), now.ns + 1000 * MS);
	pass(999);
	hf_service_tick(&service, &now, &step);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_NONE);
	pass(1);
	hf_service_tick(&service, &now, &step);
	expect_move(1, 0, HF_CAUSE_FAILBACK);
	ck_assert_uint_eq(hf_service_deadline(&service), UINT64_MAX);
}
END_TEST

START_TEST(a_node_that_flaps_waits_anew)
{
	config.failback = HF_FAILBACK_AUTOMATIC;
	start();
	lose(0);
	for (int i = 0; i < 20; i++) {
		pass(400);
		see(0, i % 2 == 0);
		seen();
		hf_service_tick(&service, &now, &step);
		ck_assert_int_eq(service.owner, 1);
	}
	ck_assert_uint_eq(service.moves, 2);
}
END_TEST

START_TEST(manual_and_never_wait_for_the_operator)
{
	start();
	lose(0);
	see(0, true);
	seen();
	pass(100000);
	hf_service_tick(&service, &now, &step);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_NONE);
	config.failback = HF_FAILBACK_NEVER;
	ck_assert_int_eq(hf_service_fail_back(&service, &now, &step), -EPERM);
	config.failback = HF_FAILBACK_MANUAL;
	ck_assert_int_eq(hf_service_fail_back(&service, &now, &step), 0);
	expect_move(1, 0, HF_CAUSE_OPERATOR);
	ck_assert_int_eq(hf_service_fail_back(&service, &now, &step), -EALREADY);
}
END_TEST

static void begin_failback(void)
{
	config.state_transfer = true;
	start();
	lose(0);
	see(0, true);
	seen();
	ck_assert_int_eq(hf_service_fail_back(&service, &now, &step), 0);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_TRANSFER);
	ck_assert_int_eq(step.from, 1);
	ck_assert_int_eq(step.to, 0);
	ck_assert_int_eq(service.owner, 1);
	ck_assert_int_eq(hf_service_fail_back(&service, &now, &step), -EINPROGRESS);
}

START_TEST(hooks_then_draining_then_the_move)
{
	config.drain_limit_ms = 300;
	begin_failback();
	hf_service_transfer_ended(&service, service.term - 1, true, &now, &step);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_NONE);
	hf_service_transfer_ended(&service, service.term, true, &now, &step);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_DRAIN);
	ck_assert_uint_eq(hf_service_deadline(&service), now.ns + 300 * MS);
	ck_assert_int_eq(service.owner, 1);
	hf_service_drained(&service, service.term, &now, &step);
	expect_move(1, 0, HF_CAUSE_FAILBACK);
}
END_TEST

START_TEST(draining_has_a_limit)
{
	config.drain_limit_ms = 300;
	begin_failback();
	hf_service_transfer_ended(&service, service.term, true, &now, &step);
	pass(300);
	hf_service_tick(&service, &now, &step);
	expect_move(1, 0, HF_CAUSE_FAILBACK);
}
END_TEST

START_TEST(a_failed_hook_keeps_the_service_where_it_is)
{
	begin_failback();
	hf_service_transfer_ended(&service, service.term, false, &now, &step);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_CANCEL);
	ck_assert_int_eq(step.to, 0);
	ck_assert_int_eq(service.owner, 1);
	ck_assert_int_eq(service.state, HF_SERVICE_OWNED);
}
END_TEST

START_TEST(a_hook_that_hangs_has_failed)
{
	begin_failback();
	pass(100);
	hf_service_tick(&service, &now, &step);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_CANCEL);
	ck_assert_int_eq(service.owner, 1);
	hf_service_transfer_ended(&service, service.term, true, &now, &step);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_NONE);
}
END_TEST

START_TEST(nodes_that_fail_during_a_failback)
{
	begin_failback();
	lose(0);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_CANCEL);
	ck_assert_int_eq(service.owner, 1);
	see(0, true);
	seen();
	ck_assert_int_eq(hf_service_fail_back(&service, &now, &step), 0);
	lose(1);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_MOVE);
	ck_assert_int_eq(service.state, HF_SERVICE_OWNED);
	ck_assert_int_eq(service.owner, 2);
}
END_TEST

START_TEST(the_operator_names_a_node)
{
	start();
	ck_assert_int_eq(hf_service_fail_over(&service, 0, &now, &step), -EALREADY);
	ck_assert_int_eq(hf_service_fail_over(&service, 2, &now, &step), 0);
	expect_move(0, 2, HF_CAUSE_OPERATOR);
	ck_assert_int_eq(hf_service_fail_over(&service, HF_SERVICE_NOBODY, &now, &step), 0);
	expect_move(2, 0, HF_CAUSE_OPERATOR);
	lose(1);
	ck_assert_int_eq(hf_service_fail_over(&service, 1, &now, &step), -EHOSTDOWN);
	hf_service_release(&service, &now, &step);
	ck_assert_int_eq(hf_service_fail_over(&service, 1, &now, &step), -EAGAIN);
}
END_TEST

START_TEST(a_release_keeps_the_term)
{
	uint64_t term;

	start();
	term = service.term;
	hf_service_release(&service, &now, &step);
	ck_assert_int_eq(service.state, HF_SERVICE_UNKNOWN);
	ck_assert_int_eq(service.owner, HF_SERVICE_NOBODY);
	see(1, true);
	hf_service_found(&service, 1, 0, &now, &step);
	ck_assert_uint_gt(service.term, term);
}
END_TEST

START_TEST(the_file_no_longer_names_the_owner)
{
	struct hf_service_node rest[] = { { .port_guid = 3 }, { .port_guid = 2 } };
	struct hf_service_config other = config;

	start();
	other.nodes = rest;
	other.node_count = 2;
	hf_service_reconfigure(&service, &other, &now, &step);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_MOVE);
	ck_assert_int_eq(step.cause, HF_CAUSE_CONFIG);
	ck_assert_int_eq(service.owner, 0);
	ck_assert_uint_eq(service.members[0].guid, 3);
	/* In another order the owner stays. */
	hf_service_reconfigure(&service, &config, &now, &step);
	ck_assert_int_eq(step.action, HF_SERVICE_ACT_NONE);
	ck_assert_int_eq(service.owner, 2);
}
END_TEST

/* Whatever happens, in any order: terms never go back, and each other owner has another one. */
START_TEST(anything_in_any_order)
{
	unsigned int seed = (unsigned int)_i + 1;

	config.failback = (int)(seed % HF_FAILBACKS);
	config.state_transfer = seed % 2;
	config.drain_limit_ms = seed % 3 ? 0 : 50;
	for (int i = 0; i < 20000; i++) {
		struct hf_service before = service;
		int node = rand_r(&seed) % NODES;

		pass((uint64_t)(rand_r(&seed) % 300));
		switch (rand_r(&seed) % 10) {
		case 0:
		case 1:
			see(node, rand_r(&seed) % 2);
			seen();
			break;
		case 2:
			hf_service_node_failed(&service, node, rand_r(&seed) % 2 ? service.term : 0, HF_CAUSE_HEARTBEAT, &now,
					       &step);
			break;
		case 3:
			hf_service_node_recovered(&service, node, &now, &step);
			break;
		case 4:
			hf_service_fail_over(&service, rand_r(&seed) % 2 ? node : HF_SERVICE_NOBODY, &now, &step);
			break;
		case 5:
			hf_service_fail_back(&service, &now, &step);
			break;
		case 6:
			hf_service_transfer_ended(&service, service.term, rand_r(&seed) % 2, &now, &step);
			break;
		case 7:
			hf_service_drained(&service, service.term, &now, &step);
			break;
		case 8:
			hf_service_tick(&service, &now, &step);
			break;
		case 9:
			if (rand_r(&seed) % 20 == 0)
				hf_service_release(&service, &now, &step);
			else
				hf_service_found(&service, node - 1, rand_r(&seed) % 2 ? service.term : 0, &now, &step);
			break;
		}
		ck_assert_uint_ge(service.term, before.term);
		if (service.owner >= 0 && before.owner >= 0 && service.owner != before.owner)
			ck_assert_uint_gt(service.term, before.term);
		ck_assert(service.state != HF_SERVICE_ORPHANED || service.owner == HF_SERVICE_NOBODY);
		ck_assert(service.state == HF_SERVICE_ORPHANED || service.state == HF_SERVICE_UNKNOWN ||
			  service.owner >= 0);
		ck_assert((service.state == HF_SERVICE_TRANSFERRING || service.state == HF_SERVICE_DRAINING) ==
			  (service.target >= 0));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("service");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, first_owner_and_its_term);
	tcase_add_test(tcase, found_owner_keeps_its_term);
	tcase_add_test(tcase, found_without_a_term_begins_a_higher_one);
	tcase_add_test(tcase, found_owner_is_gone);
	tcase_add_test(tcase, one_failure_seen_three_ways_moves_once);
	tcase_add_test(tcase, a_detection_that_is_not_configured_moves_nothing);
	tcase_add_test(tcase, a_node_under_hold_down_is_the_last_choice);
	tcase_add_test(tcase, all_gone_and_one_back);
	tcase_add_test(tcase, a_suspect_is_better_than_nobody);
	tcase_add_test(tcase, automatic_failback_after_the_delay);
	tcase_add_test(tcase, a_node_that_flaps_waits_anew);
	tcase_add_test(tcase, manual_and_never_wait_for_the_operator);
	tcase_add_test(tcase, hooks_then_draining_then_the_move);
	tcase_add_test(tcase, draining_has_a_limit);
	tcase_add_test(tcase, a_failed_hook_keeps_the_service_where_it_is);
	tcase_add_test(tcase, a_hook_that_hangs_has_failed);
	tcase_add_test(tcase, nodes_that_fail_during_a_failback);
	tcase_add_test(tcase, the_operator_names_a_node);
	tcase_add_test(tcase, a_release_keeps_the_term);
	tcase_add_test(tcase, the_file_no_longer_names_the_owner);
	tcase_add_loop_test(tcase, anything_in_any_order, 0, 12);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
