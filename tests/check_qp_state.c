/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/qp_state.h"

#if __has_include(<infiniband/verbs.h>)
#include <infiniband/verbs.h>

/* Our values are those of libibverbs, so that an adapter's masks can be checked as they are. */
static_assert((int)HF_QP_ERR == (int)IBV_QPS_ERR && (int)HF_QP_SQD == (int)IBV_QPS_SQD, "states differ");
static_assert((int)HF_QP_ATTR_DEST_QPN == (int)IBV_QP_DEST_QPN && (int)HF_QP_ATTR_AV == (int)IBV_QP_AV &&
		       (int)HF_QP_ATTR_ALT_PATH == (int)IBV_QP_ALT_PATH &&
		       (int)HF_QP_ATTR_PATH_MIG_STATE == (int)IBV_QP_PATH_MIG_STATE &&
		       (int)HF_QP_ATTR_MIN_RNR_TIMER == (int)IBV_QP_MIN_RNR_TIMER, "attributes differ");
static_assert((int)HF_QP_MIGRATED == (int)IBV_MIG_MIGRATED && (int)HF_QP_REARM == (int)IBV_MIG_REARM &&
		       (int)HF_QP_ARMED == (int)IBV_MIG_ARMED, "migration states differ");
#endif

/*
 * The table of the IBA's Modify Queue Pair for RC, written as text and independently of the code: attributes that must
 * come along, then those that may. A pair of states that is not here is no transition.
 */
static const struct {
	const char *from, *to, *required, *optional;
} table[] = {
	{ "RESET", "RESET", "", "" },
	{ "RESET", "INIT", "pkey_index port access_flags", "" },
	{ "INIT", "RESET", "", "" },
	{ "INIT", "INIT", "", "pkey_index port access_flags" },
	{ "INIT", "RTR", "av path_mtu dest_qpn rq_psn max_dest_rd_atomic min_rnr_timer",
	  "alt_path access_flags pkey_index" },
	{ "INIT", "ERR", "", "" },
	{ "RTR", "RESET", "", "" },
	{ "RTR", "RTS", "timeout retry_cnt rnr_retry sq_psn max_rd_atomic",
	  "cur_state alt_path access_flags min_rnr_timer path_mig_state" },
	{ "RTR", "ERR", "", "" },
	{ "RTS", "RESET", "", "" },
	{ "RTS", "RTS", "", "cur_state access_flags alt_path path_mig_state min_rnr_timer" },
	{ "RTS", "SQD", "", "sqd_notify" },
	{ "RTS", "ERR", "", "" },
	{ "SQD", "RESET", "", "" },
	{ "SQD", "RTS", "", "cur_state access_flags alt_path path_mig_state min_rnr_timer" },
	{ "SQD", "SQD", "",
	  "port av timeout retry_cnt rnr_retry max_rd_atomic max_dest_rd_atomic alt_path access_flags pkey_index "
	  "min_rnr_timer path_mig_state" },
	{ "SQD", "ERR", "", "" },
	{ "SQE", "RESET", "", "" },
	{ "SQE", "RTS", "", "" },
	{ "SQE", "ERR", "", "" },
	{ "ERR", "RESET", "", "" },
	{ "ERR", "ERR", "", "" },
};

/* By bit number. */
static const char *const attribute_names[] = {
	"state", "cur_state", "sqd_notify", "access_flags", "pkey_index", "port", "qkey", "av", "path_mtu", "timeout",
	"retry_cnt", "rnr_retry", "rq_psn", "max_rd_atomic", "alt_path", "min_rnr_timer", "sq_psn",
	"max_dest_rd_atomic", "path_mig_state", "cap", "dest_qpn",
};

#define ATTRIBUTE_COUNT (sizeof(attribute_names) / sizeof(attribute_names[0]))
#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

static uint32_t mask_of(const char *words)
{
	uint32_t mask = 0;
	char copy[256], *save, *word;

	strcpy(copy, words);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		size_t bit = 0;

		while (bit < ATTRIBUTE_COUNT && strcmp(attribute_names[bit], word))
			bit++;
		ck_assert_uint_lt(bit, ATTRIBUTE_COUNT);
		mask |= 1u << bit;
	}
	return mask;
}

static int find_row(enum hf_qp_state from, enum hf_qp_state to)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (!strcmp(table[i].from, hf_qp_state_name(from)) && !strcmp(table[i].to, hf_qp_state_name(to)))
			return i;
	return -1;
}

static void check_refused(enum hf_qp_state from, enum hf_qp_state to)
{
	ck_assert_int_eq(hf_qp_check_modify(from, to, 0), -EPERM);
	ck_assert_int_eq(hf_qp_check_modify(from, to, HF_QP_ATTR_STATE), -EPERM);
	ck_assert_int_eq(hf_qp_check_modify(from, to, (1u << ATTRIBUTE_COUNT) - 1), -EPERM);
}

/* Each attribute alone: missing if required, added if not. */
static void check_attributes(enum hf_qp_state from, enum hf_qp_state to, uint32_t required, uint32_t optional)
{
	ck_assert_int_eq(hf_qp_check_modify(from, to, required), 0);
	ck_assert_int_eq(hf_qp_check_modify(from, to, required | optional | HF_QP_ATTR_STATE), 0);
	for (size_t bit = 1; bit < ATTRIBUTE_COUNT; bit++) {
		uint32_t attribute = 1u << bit;

		if (required & attribute)
			ck_assert_int_eq(hf_qp_check_modify(from, to, required & ~attribute), -ENODATA);
		else
			ck_assert_msg(hf_qp_check_modify(from, to, required | attribute) ==
					      (optional & attribute ? 0 : -EINVAL),
				      "%s from %s to %s", attribute_names[bit], hf_qp_state_name(from),
				      hf_qp_state_name(to));
	}
}

START_TEST(every_cell)
{
	enum hf_qp_state from = _i / HF_QP_STATE_COUNT, to = _i % HF_QP_STATE_COUNT;
	int row = find_row(from, to);

	if (row < 0)
		check_refused(from, to);
	else
		check_attributes(from, to, mask_of(table[row].required), mask_of(table[row].optional));
}
END_TEST

START_TEST(refuses_states_that_are_none)
{
	ck_assert_int_eq(hf_qp_check_modify(HF_QP_STATE_COUNT, HF_QP_RESET, 0), -EINVAL);
	ck_assert_int_eq(hf_qp_check_modify(HF_QP_RESET, HF_QP_STATE_COUNT, 0), -EINVAL);
	ck_assert_int_eq(hf_qp_check_modify((enum hf_qp_state)-1, HF_QP_RESET, 0), -EINVAL);
}
END_TEST

START_TEST(every_cell_of_migration)
{
	static const char *const allowed[] = {
		"MIGRATED MIGRATED", "MIGRATED REARM", "REARM REARM", "ARMED ARMED", "ARMED MIGRATED",
	};
	enum hf_qp_mig_state from = _i / HF_QP_MIG_STATE_COUNT, to = _i % HF_QP_MIG_STATE_COUNT;
	char pair[64];
	int result = -EPERM;

	snprintf(pair, sizeof(pair), "%s %s", hf_qp_mig_state_name(from), hf_qp_mig_state_name(to));
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (!strcmp(pair, allowed[i]))
			result = 0;
	ck_assert_msg(hf_qp_check_migration(from, to) == result, "%s", pair);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("qp_state");
	TCase *tcase = tcase_create("qp_state");

	tcase_add_loop_test(tcase, every_cell, 0, HF_QP_STATE_COUNT * HF_QP_STATE_COUNT);
	tcase_add_test(tcase, refuses_states_that_are_none);
	tcase_add_loop_test(tcase, every_cell_of_migration, 0, HF_QP_MIG_STATE_COUNT * HF_QP_MIG_STATE_COUNT);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
