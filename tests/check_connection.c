/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"
#include "fake_sa.h"

#include <errno.h>

#include "lib/connection.h"
#include "lib/strategy.h"

static struct hf_registry *registry;
static int closed;

static void count_closed(void *endpoint)
{
	(void)endpoint;
	closed++;
}

static const struct hf_strategy strategy = { .name = "none", .close = count_closed };

static void setup(void)
{
	ck_assert_int_eq(hf_registry_new(&registry), 0);
}

static void teardown(void)
{
	hf_registry_free(registry);
}

static struct hf_connection *create(uint32_t qpn, unsigned int node)
{
	union hf_gid gid = fake_gid(node);
	struct hf_connection *connection;

	ck_assert_int_eq(hf_connection_create(registry, qpn, &gid, &strategy, NULL, &connection), 0);
	return connection;
}

static size_t count_to(unsigned int node)
{
	union hf_gid gid = fake_gid(node);
	struct hf_connection *connection = hf_registry_find_dgid(registry, &gid);
	size_t count = 0;

	for (; connection; connection = connection->next)
		count++;
	return count;
}

START_TEST(finds_by_number_and_by_destination)
{
	struct hf_connection *a = create(0x100, 2), *b = create(0x101, 2), *c = create(0x102, 3);

	ck_assert_ptr_eq(hf_registry_find_qpn(registry, 0x100), a);
	ck_assert_ptr_eq(hf_registry_find_qpn(registry, 0x101), b);
	ck_assert_ptr_eq(hf_registry_find_qpn(registry, 0x102), c);
	ck_assert_ptr_null(hf_registry_find_qpn(registry, 0x103));
	ck_assert_uint_eq(count_to(2), 2);
	ck_assert_uint_eq(count_to(3), 1);
	ck_assert_uint_eq(count_to(4), 0);
	ck_assert_uint_eq(hf_registry_count(registry), 3);
}
END_TEST

START_TEST(refuses_a_number_twice)
{
	union hf_gid gid = fake_gid(3);
	struct hf_connection *connection = create(0x100, 2), *other = NULL;

	ck_assert_int_eq(hf_connection_create(registry, 0x100, &gid, &strategy, NULL, &other), -EEXIST);
	ck_assert_ptr_null(other);
	ck_assert_uint_eq(count_to(3), 0);
	ck_assert_ptr_eq(hf_registry_find_qpn(registry, 0x100), connection);
	ck_assert_int_eq(closed, 0);
}
END_TEST

START_TEST(forgets_what_is_destroyed)
{
	struct hf_connection *a = create(0x100, 2), *b = create(0x101, 2);

	hf_connection_destroy(registry, a);
	ck_assert_int_eq(closed, 1);
	ck_assert_ptr_null(hf_registry_find_qpn(registry, 0x100));
	ck_assert_uint_eq(count_to(2), 1);
	hf_connection_destroy(registry, b);
	ck_assert_uint_eq(count_to(2), 0);
	ck_assert_uint_eq(hf_registry_count(registry), 0);
	create(0x100, 2);
	ck_assert_uint_eq(count_to(2), 1);
}
END_TEST

static void check_order(void *ctx, struct hf_connection *connection)
{
	uint32_t *next = ctx;

	ck_assert_uint_eq(connection->qpn, *next);
	++*next;
}

START_TEST(visits_in_the_order_of_creation)
{
	uint32_t next = 0x100;

	for (uint32_t qpn = 0x100; qpn < 0x1100; qpn++)
		create(qpn, qpn % 7);
	hf_registry_for_each(registry, check_order, &next);
	ck_assert_uint_eq(next, 0x1100);
}
END_TEST

#define NONE -1

static const int expected[HF_CONNECTION_STATE_COUNT][HF_CONNECTION_EVENT_COUNT] = {
	/*				    BEGIN		    DONE		       FAIL */
	[HF_CONNECTION_WAITING] = { HF_CONNECTION_CHANGING, NONE, NONE },
	[HF_CONNECTION_ESTABLISHED] = { HF_CONNECTION_CHANGING, NONE, NONE },
	[HF_CONNECTION_CHANGING] = { NONE, HF_CONNECTION_ESTABLISHED, HF_CONNECTION_FAILED },
	[HF_CONNECTION_FAILED] = { HF_CONNECTION_CHANGING, NONE, NONE },
};

START_TEST(every_cell)
{
	enum hf_connection_state state = _i / HF_CONNECTION_EVENT_COUNT;
	enum hf_connection_event event = _i % HF_CONNECTION_EVENT_COUNT;
	struct hf_connection *connection = create(0x100, 2);
	int result;

	connection->state = state;
	result = hf_connection_step(connection, event);
	if (expected[state][event] == NONE) {
		ck_assert_int_eq(result, -EINVAL);
		ck_assert_int_eq(connection->state, state);
	} else {
		ck_assert_int_eq(result, 0);
		ck_assert_int_eq(connection->state, expected[state][event]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("connection");
	TCase *tcase = tcase_create("connection");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, finds_by_number_and_by_destination);
	tcase_add_test(tcase, refuses_a_number_twice);
	tcase_add_test(tcase, forgets_what_is_destroyed);
	tcase_add_test(tcase, visits_in_the_order_of_creation);
	tcase_add_loop_test(tcase, every_cell, 0, HF_CONNECTION_STATE_COUNT * HF_CONNECTION_EVENT_COUNT);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
