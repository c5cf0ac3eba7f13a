/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"
#include "fake_sa.h"

#include <errno.h>
#include <string.h>

#include "lib/reconciler.h"
#include "lib/sim_qp.h"
#include "lib/strategy.h"

#define SECOND_NS UINT64_C(1000000000)

static struct hf_path_cache *cache;
static struct hf_registry *registry;
static struct hf_reconciler reconciler;
static unsigned int changed, losses;

static void note_changed(void *ctx, const struct hf_connection *connection, const struct hf_path *old)
{
	(void)ctx;
	(void)connection;
	changed += old != NULL;
}

static void note_lost(void *ctx, const struct hf_connection *connection)
{
	(void)ctx;
	losses += connection->path_lost;
}

static const struct hf_reconciler_ops ops = { .changed = note_changed, .lost = note_lost };

static void setup(void)
{
	ck_assert_int_eq(hf_path_cache_new(&cache), 0);
	ck_assert_int_eq(hf_registry_new(&registry), 0);
	hf_reconciler_init(&reconciler, registry, cache, &ops, NULL);
}

static void teardown(void)
{
	hf_registry_free(registry);
	hf_path_cache_free(cache);
}

static struct hf_connection *connect_with(uint32_t qpn, unsigned int node, bool has_sqd)
{
	union hf_gid gid = fake_gid(node);
	struct hf_sim_qp *qp = malloc(sizeof(*qp));
	struct hf_connection *connection;

	hf_sim_qp_init(qp, qpn, (struct hf_sim_qp_caps){ .has_sqd = has_sqd });
	ck_assert_int_eq(hf_connection_create(registry, qpn, &gid, &hf_strategy_simulated, qp, &connection), 0);
	return connection;
}

static struct hf_connection *connect_to(uint32_t qpn, unsigned int node)
{
	return connect_with(qpn, node, true);
}

static void tell(unsigned int node, unsigned int sl)
{
	struct hf_path_record record = fake_path(1, node);

	record.qos_class_sl = htobe16(sl);
	ck_assert_int_eq(hf_path_cache_update(cache, &record, HF_SITE_UNKNOWN), 0);
}

static void lose(unsigned int node)
{
	struct hf_path_record record = fake_path(1, node);

	hf_path_cache_lose(cache, HF_PR_COMP_DGID, &record);
}

static const struct hf_sim_qp *qp_of(const struct hf_connection *connection)
{
	return connection->endpoint;
}

START_TEST(brings_a_connection_up_once_its_path_is_known)
{
	struct hf_connection *connection = connect_to(0x100, 2);

	hf_reconciler_run(&reconciler, 0);
	ck_assert_int_eq(connection->state, HF_CONNECTION_WAITING);
	ck_assert_int_eq(qp_of(connection)->attr.state, HF_QP_RESET);
	ck_assert(!connection->path_lost);

	tell(2, 3);
	hf_reconciler_run(&reconciler, 0);
	ck_assert_int_eq(connection->state, HF_CONNECTION_ESTABLISHED);
	ck_assert_int_eq(qp_of(connection)->attr.state, HF_QP_RTS);
	ck_assert_uint_eq(qp_of(connection)->attr.av.sl, 3);
	ck_assert_uint_eq(qp_of(connection)->attr.av.dlid, 8);
	ck_assert_uint_eq(connection->changes, 0);
	ck_assert_uint_eq(reconciler.counters.established, 1);
	ck_assert_uint_eq(changed, 0);
}
END_TEST

START_TEST(changes_those_that_differ_and_only_those)
{
	struct hf_connection *connections[50];

	for (unsigned int i = 0; i < 50; i++) {
		connections[i] = connect_to(0x100 + i, 2 + i % 10);
		tell(2 + i % 10, 0);
	}
	hf_reconciler_run(&reconciler, 0);
	for (unsigned int node = 2; node < 5; node++)
		tell(node, 1);
	hf_reconciler_run(&reconciler, 0);
	ck_assert_uint_eq(changed, 15);
	for (unsigned int i = 0; i < 50; i++) {
		bool is_affected = 2 + i % 10 < 5;

		ck_assert_uint_eq(connections[i]->changes, is_affected ? 1 : 0);
		ck_assert_uint_eq(qp_of(connections[i])->av_changes, is_affected ? 2 : 1);
		ck_assert_uint_eq(qp_of(connections[i])->attr.av.sl, is_affected ? 1 : 0);
	}
	hf_reconciler_run(&reconciler, 0);
	ck_assert_uint_eq(changed, 15);
}
END_TEST

START_TEST(one_destination_at_a_time)
{
	union hf_gid gid = fake_gid(3);

	connect_to(0x100, 2);
	connect_to(0x101, 3);
	connect_to(0x102, 3);
	tell(2, 0);
	tell(3, 0);
	hf_reconciler_run(&reconciler, 0);
	tell(2, 1);
	tell(3, 1);
	hf_reconciler_run_dgid(&reconciler, &gid, 0);
	ck_assert_uint_eq(changed, 2);
	ck_assert_uint_eq(hf_registry_find_qpn(registry, 0x100)->path.sl, 0);
}
END_TEST

START_TEST(a_lost_path_leaves_its_connection_as_it_is)
{
	struct hf_connection *connection = connect_to(0x100, 2);

	tell(2, 0);
	hf_reconciler_run(&reconciler, 0);
	lose(2);
	hf_reconciler_run(&reconciler, 0);
	hf_reconciler_run(&reconciler, 0);
	ck_assert(connection->path_lost);
	ck_assert_uint_eq(losses, 1);
	ck_assert_int_eq(connection->state, HF_CONNECTION_ESTABLISHED);
	ck_assert_int_eq(qp_of(connection)->attr.state, HF_QP_RTS);
	ck_assert_uint_eq(qp_of(connection)->av_changes, 1);
	ck_assert(!hf_reconciler_is_busy(&reconciler));
}
END_TEST

START_TEST(a_path_that_returns_repairs_its_connection)
{
	struct hf_connection *connection = connect_to(0x100, 2);

	tell(2, 0);
	hf_reconciler_run(&reconciler, 0);
	lose(2);
	hf_reconciler_run(&reconciler, 0);
	tell(2, 1);
	hf_reconciler_run(&reconciler, 0);
	ck_assert(!connection->path_lost);
	ck_assert_uint_eq(connection->changes, 1);
	ck_assert_uint_eq(qp_of(connection)->attr.av.sl, 1);
	ck_assert_uint_eq(reconciler.counters.returned, 1);
}
END_TEST

START_TEST(a_path_that_returns_unchanged_changes_nothing)
{
	struct hf_connection *connection = connect_to(0x100, 2);

	tell(2, 0);
	hf_reconciler_run(&reconciler, 0);
	lose(2);
	hf_reconciler_run(&reconciler, 0);
	tell(2, 0);
	hf_reconciler_run(&reconciler, 0);
	ck_assert(!connection->path_lost);
	ck_assert_uint_eq(connection->changes, 0);
}
END_TEST

START_TEST(drains_where_the_adapter_can)
{
	struct hf_connection *connection = connect_to(0x100, 2);

	tell(2, 0);
	hf_reconciler_run(&reconciler, 0);
	tell(2, 1);
	hf_reconciler_run(&reconciler, 0);
	ck_assert_uint_eq(qp_of(connection)->transitions[HF_QP_RTS][HF_QP_SQD], 1);
	ck_assert_uint_eq(qp_of(connection)->transitions[HF_QP_SQD][HF_QP_SQD], 1);
	ck_assert_uint_eq(qp_of(connection)->transitions[HF_QP_SQD][HF_QP_RTS], 1);
	ck_assert_uint_eq(qp_of(connection)->transitions[HF_QP_RTS][HF_QP_RESET], 0);
}
END_TEST

START_TEST(resets_where_the_adapter_cannot_drain)
{
	struct hf_connection *connection = connect_with(0x100, 2, false);

	tell(2, 0);
	hf_reconciler_run(&reconciler, 0);
	tell(2, 1);
	hf_reconciler_run(&reconciler, 0);
	ck_assert_uint_eq(qp_of(connection)->transitions[HF_QP_RTS][HF_QP_SQD], 0);
	ck_assert_uint_eq(qp_of(connection)->transitions[HF_QP_RTS][HF_QP_RESET], 1);
	ck_assert_int_eq(qp_of(connection)->attr.state, HF_QP_RTS);
	ck_assert_uint_eq(qp_of(connection)->attr.av.sl, 1);
}
END_TEST

/* No state but RTR takes a path MTU. */
START_TEST(resets_where_the_mtu_changes)
{
	struct hf_connection *connection = connect_to(0x100, 2);
	struct hf_path_record record = fake_path(1, 2);

	tell(2, 0);
	hf_reconciler_run(&reconciler, 0);
	record.mtu = 3;
	ck_assert_int_eq(hf_path_cache_update(cache, &record, HF_SITE_UNKNOWN), 0);
	hf_reconciler_run(&reconciler, 0);
	ck_assert_uint_eq(qp_of(connection)->transitions[HF_QP_RTS][HF_QP_RESET], 1);
	ck_assert_uint_eq(qp_of(connection)->attr.path_mtu, 3);
}
END_TEST

/* A strategy whose result the test chooses. */
static int apply_result;
static unsigned int applied;

static int chosen_apply(struct hf_connection *connection, const struct hf_path *path, uint64_t now_ns)
{
	(void)connection;
	(void)path;
	(void)now_ns;
	applied++;
	return apply_result;
}

static const struct hf_strategy chosen = { .name = "chosen", .apply = chosen_apply, .close = free };

static struct hf_connection *connect_chosen(void)
{
	union hf_gid gid = fake_gid(2);
	struct hf_connection *connection;

	ck_assert_int_eq(hf_connection_create(registry, 0x100, &gid, &chosen, NULL, &connection), 0);
	tell(2, 0);
	apply_result = 0;
	hf_reconciler_run(&reconciler, 0);
	ck_assert_int_eq(connection->state, HF_CONNECTION_ESTABLISHED);
	applied = 0;
	return connection;
}

START_TEST(what_fails_is_tried_again)
{
	struct hf_connection *connection = connect_chosen();

	apply_result = -EIO;
	tell(2, 1);
	hf_reconciler_run(&reconciler, 0);
	ck_assert_int_eq(connection->state, HF_CONNECTION_FAILED);
	ck_assert_uint_eq(connection->path.sl, 0);
	ck_assert(hf_reconciler_is_busy(&reconciler));
	ck_assert_uint_eq(hf_reconciler_deadline_ns(&reconciler), SECOND_NS);

	hf_reconciler_handle_timer(&reconciler, SECOND_NS - 1);
	ck_assert_uint_eq(applied, 1);
	hf_reconciler_handle_timer(&reconciler, SECOND_NS);
	ck_assert_uint_eq(applied, 2);
	apply_result = 0;
	hf_reconciler_handle_timer(&reconciler, 2 * SECOND_NS);
	ck_assert_int_eq(connection->state, HF_CONNECTION_ESTABLISHED);
	ck_assert_uint_eq(connection->path.sl, 1);
	ck_assert(!hf_reconciler_is_busy(&reconciler));
	ck_assert_uint_eq(hf_reconciler_deadline_ns(&reconciler), UINT64_MAX);
	ck_assert_uint_eq(reconciler.counters.failed, 2);
}
END_TEST

START_TEST(a_change_may_end_later)
{
	struct hf_connection *connection = connect_chosen();

	apply_result = -EINPROGRESS;
	tell(2, 1);
	hf_reconciler_run(&reconciler, 0);
	ck_assert_int_eq(connection->state, HF_CONNECTION_CHANGING);
	ck_assert(hf_reconciler_is_busy(&reconciler));
	hf_reconciler_run(&reconciler, 0);
	ck_assert_uint_eq(applied, 1);
	hf_reconciler_finish(&reconciler, connection, 0, 0);
	ck_assert_uint_eq(connection->path.sl, 1);
	ck_assert(!hf_reconciler_is_busy(&reconciler));
	ck_assert_uint_eq(changed, 1);
}
END_TEST

START_TEST(what_was_said_during_a_change_is_done_after_it)
{
	struct hf_connection *connection = connect_chosen();

	apply_result = -EINPROGRESS;
	tell(2, 1);
	hf_reconciler_run(&reconciler, 0);
	tell(2, 2);
	hf_reconciler_run(&reconciler, 0);
	hf_reconciler_finish(&reconciler, connection, 0, 0);
	ck_assert_int_eq(connection->state, HF_CONNECTION_CHANGING);
	ck_assert_uint_eq(applied, 2);
	hf_reconciler_finish(&reconciler, connection, 0, 0);
	ck_assert_uint_eq(connection->path.sl, 2);
}
END_TEST

START_TEST(a_destroyed_connection_is_not_waited_for)
{
	struct hf_connection *connection = connect_chosen();

	apply_result = -EIO;
	tell(2, 1);
	hf_reconciler_run(&reconciler, 0);
	hf_reconciler_forget(&reconciler, connection);
	hf_connection_destroy(registry, connection);
	ck_assert(!hf_reconciler_is_busy(&reconciler));
	hf_reconciler_handle_timer(&reconciler, SECOND_NS);
	ck_assert_uint_eq(hf_reconciler_deadline_ns(&reconciler), UINT64_MAX);
}
END_TEST

START_TEST(strategies_are_found_by_name)
{
	ck_assert_ptr_eq(hf_strategy_find("simulated"), &hf_strategy_simulated);
	ck_assert_ptr_null(hf_strategy_find("none"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reconciler");
	TCase *tcase = tcase_create("reconciler");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, brings_a_connection_up_once_its_path_is_known);
	tcase_add_test(tcase, changes_those_that_differ_and_only_those);
	tcase_add_test(tcase, one_destination_at_a_time);
	tcase_add_test(tcase, a_lost_path_leaves_its_connection_as_it_is);
	tcase_add_test(tcase, a_path_that_returns_repairs_its_connection);
	tcase_add_test(tcase, a_path_that_returns_unchanged_changes_nothing);
	tcase_add_test(tcase, drains_where_the_adapter_can);
	tcase_add_test(tcase, resets_where_the_adapter_cannot_drain);
	tcase_add_test(tcase, resets_where_the_mtu_changes);
	tcase_add_test(tcase, what_fails_is_tried_again);
	tcase_add_test(tcase, a_change_may_end_later);
	tcase_add_test(tcase, what_was_said_during_a_change_is_done_after_it);
	tcase_add_test(tcase, a_destroyed_connection_is_not_waited_for);
	tcase_add_test(tcase, strategies_are_found_by_name);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
