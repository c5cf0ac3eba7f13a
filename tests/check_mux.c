/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The pure parts of hfsim-mux: tags in transaction ids, and which node has a LID. */
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "sim/mux_nodes.h"
#include "sim/mux_tags.h"

#define PROGRAM_PART UINT64_C(0x89abcdef)

static struct hf_mux_tags tags;
static struct hf_mux_nodes nodes;

static uint64_t tid_with_tag(uint16_t tag)
{
	return (uint64_t)tag << 32 | PROGRAM_PART;
}

START_TEST(answer_comes_back)
{
	uint16_t client;
	uint64_t tid;

	hf_mux_tags_init(&tags, 0xffff);

	uint64_t first = hf_mux_tags_to_ibsim(&tags, 3, tid_with_tag(7));
	uint64_t second = hf_mux_tags_to_ibsim(&tags, 1023, UINT64_C(0xaaaa) << 48 | tid_with_tag(7));

	ck_assert_uint_ne(first, second);
	ck_assert_uint_eq(first >> 48, 0);
	ck_assert(hf_mux_tags_to_client(&tags, UINT64_C(2) << 48 | first, &client, &tid));
	ck_assert_uint_eq(client, 3);
	ck_assert_uint_eq(tid, UINT64_C(3) << 48 | tid_with_tag(7));
	ck_assert(hf_mux_tags_to_client(&tags, second, &client, &tid));
	ck_assert_uint_eq(client, 1023);
	ck_assert_uint_eq(tid, UINT64_C(1023) << 48 | tid_with_tag(7));
}
END_TEST

START_TEST(tag_stays)
{
	hf_mux_tags_init(&tags, 0);

	uint64_t first = hf_mux_tags_to_ibsim(&tags, 0, tid_with_tag(1));

	for (uint16_t tag = 2; tag <= HF_MUX_CLIENT_TAGS; tag++)
		hf_mux_tags_to_ibsim(&tags, 0, tid_with_tag(tag));
	ck_assert_uint_eq(hf_mux_tags_to_ibsim(&tags, 0, tid_with_tag(1)), first);
}
END_TEST

START_TEST(oldest_tag_goes)
{
	uint16_t client;
	uint64_t tid;

	hf_mux_tags_init(&tags, 0);

	uint64_t first = hf_mux_tags_to_ibsim(&tags, 5, tid_with_tag(1));
	uint64_t second = hf_mux_tags_to_ibsim(&tags, 5, tid_with_tag(2));

	hf_mux_tags_to_ibsim(&tags, 5, tid_with_tag(1));
	for (uint16_t tag = 3; tag <= HF_MUX_CLIENT_TAGS + 1; tag++)
		hf_mux_tags_to_ibsim(&tags, 5, tid_with_tag(tag));
	ck_assert(hf_mux_tags_to_client(&tags, first, &client, &tid));
	ck_assert(!hf_mux_tags_to_client(&tags, second, &client, &tid));
}
END_TEST

/* All tags of all clients at once, each told from the others; a client more than that costs only its own. */
START_TEST(never_runs_out)
{
	uint16_t client;
	uint64_t tid;

	hf_mux_tags_init(&tags, 12345);
	for (unsigned int i = 0; i < HF_MUX_CLIENTS; i++) {
		for (uint16_t tag = 0; tag <= HF_MUX_CLIENT_TAGS; tag++) {
			uint64_t sent = hf_mux_tags_to_ibsim(&tags, (uint16_t)i, tid_with_tag(tag));

			ck_assert(hf_mux_tags_to_client(&tags, sent, &client, &tid));
			ck_assert_uint_eq(client, i);
			ck_assert_uint_eq(tid, (uint64_t)i << 48 | tid_with_tag(tag));
		}
	}
}
END_TEST

START_TEST(dead_client_is_forgotten)
{
	uint16_t client;
	uint64_t tid;

	hf_mux_tags_init(&tags, 9);

	uint64_t dead = hf_mux_tags_to_ibsim(&tags, 4, tid_with_tag(1));

	hf_mux_tags_forget(&tags, 4);
	ck_assert(!hf_mux_tags_to_client(&tags, dead, &client, &tid));
	ck_assert_uint_ne(hf_mux_tags_to_ibsim(&tags, 4, tid_with_tag(1)), dead);
}
END_TEST

static struct hf_mux_node *get(const char *name)
{
	struct hf_mux_node *node;

	ck_assert_int_eq(hf_mux_nodes_get(&nodes, name, &node), 0);
	return node;
}

static void set_port(struct hf_mux_node *node, uint16_t lid, uint8_t lmc, uint8_t phys_state)
{
	uint8_t portinfo[HF_IBSIM_CTL_DATA] = { 0 };

	portinfo[16] = (uint8_t)(lid >> 8);
	portinfo[17] = (uint8_t)lid;
	portinfo[33] = (uint8_t)(phys_state << 4);
	portinfo[34] = lmc;
	hf_mux_nodes_set_port(&nodes, node, portinfo);
}

START_TEST(lid_range)
{
	struct hf_mux_node *a = get("A");

	ck_assert_ptr_eq(get("A"), a);
	set_port(a, 0x100, 2, 5);
	ck_assert(a->is_up);
	ck_assert_ptr_null(hf_mux_nodes_by_lid(&nodes, 0xff));
	ck_assert_ptr_eq(hf_mux_nodes_by_lid(&nodes, 0x100), a);
	ck_assert_ptr_eq(hf_mux_nodes_by_lid(&nodes, 0x103), a);
	ck_assert_ptr_null(hf_mux_nodes_by_lid(&nodes, 0x104));
	ck_assert(hf_mux_node_has_lid(a, 0x103) && !hf_mux_node_has_lid(a, 0x104) && !hf_mux_node_has_lid(a, 0));
	ck_assert(!hf_mux_nodes_put(&nodes, a) && hf_mux_nodes_put(&nodes, a));
	ck_assert_ptr_null(hf_mux_nodes_by_lid(&nodes, 0x100));
}
END_TEST

START_TEST(lid_moves)
{
	struct hf_mux_node *a = get("A"), *b = get("B");

	set_port(a, 7, 0, 5);
	set_port(b, 7, 0, 2);
	ck_assert(!b->is_up);
	ck_assert_ptr_eq(hf_mux_nodes_by_lid(&nodes, 7), b);
	set_port(a, 8, 0, 5);
	ck_assert_ptr_eq(hf_mux_nodes_by_lid(&nodes, 7), b);
	ck_assert_ptr_eq(hf_mux_nodes_by_lid(&nodes, 8), a);
	ck_assert(hf_mux_nodes_put(&nodes, a) && hf_mux_nodes_put(&nodes, b));
}
END_TEST

START_TEST(lid_out_of_range)
{
	struct hf_mux_node *a = get("A");

	set_port(a, 0xbfff, 7, 5);
	ck_assert_uint_eq(a->lid, 0);
	set_port(a, 0xffff, 0, 5);
	ck_assert_uint_eq(a->lid, 0);
	ck_assert_ptr_null(hf_mux_nodes_by_lid(&nodes, 0xffff));
	set_port(a, 0, 0, 5);
	ck_assert_ptr_null(hf_mux_nodes_by_lid(&nodes, 0));
	ck_assert(hf_mux_nodes_put(&nodes, a));
}
END_TEST

START_TEST(all_take_turns)
{
	struct hf_mux_node *a = get("A"), *b = get("B");

	ck_assert_ptr_eq(hf_mux_nodes_next(&nodes), a);
	ck_assert_ptr_eq(hf_mux_nodes_next(&nodes), b);
	ck_assert_ptr_eq(hf_mux_nodes_next(&nodes), a);
	ck_assert(hf_mux_nodes_put(&nodes, a) && hf_mux_nodes_put(&nodes, b));
	ck_assert_ptr_null(hf_mux_nodes_next(&nodes));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mux");
	TCase *tag_tests = tcase_create("tags"), *node_tests = tcase_create("nodes");

	tcase_add_test(tag_tests, answer_comes_back);
	tcase_add_test(tag_tests, tag_stays);
	tcase_add_test(tag_tests, oldest_tag_goes);
	tcase_add_test(tag_tests, never_runs_out);
	tcase_add_test(tag_tests, dead_client_is_forgotten);
	tcase_add_test(node_tests, lid_range);
	tcase_add_test(node_tests, lid_moves);
	tcase_add_test(node_tests, lid_out_of_range);
	tcase_add_test(node_tests, all_take_turns);
	suite_add_tcase(suite, tag_tests);
	suite_add_tcase(suite, node_tests);
	return check_main(suite);
}
