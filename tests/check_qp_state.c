/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/qp_state.h"
#include "qp_table.h"

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

#define ATTRIBUTE_COUNT QP_COUNT(qp_attributes)

static void check_refused(enum hf_qp_type type, enum hf_qp_state from, enum hf_qp_state to)
{
	ck_assert_int_eq(hf_qp_check_modify_type(type, from, to, 0), -EPERM);
	ck_assert_int_eq(hf_qp_check_modify_type(type, from, to, HF_QP_ATTR_STATE), -EPERM);
	ck_assert_int_eq(hf_qp_check_modify_type(type, from, to, (1u << ATTRIBUTE_COUNT) - 1), -EPERM);
}

/* Each attribute alone: missing if required, added if not. */
static void check_attributes(enum hf_qp_type type, enum hf_qp_state from, enum hf_qp_state to, uint32_t required,
			     uint32_t optional)
{
	ck_assert_int_eq(hf_qp_check_modify_type(type, from, to, required), 0);
	ck_assert_int_eq(hf_qp_check_modify_type(type, from, to, required | optional | HF_QP_ATTR_STATE), 0);
	for (size_t bit = 1; bit < ATTRIBUTE_COUNT; bit++) {
		uint32_t attribute = 1u << bit;

		if (required & attribute)
			ck_assert_int_eq(hf_qp_check_modify_type(type, from, to, required & ~attribute), -ENODATA);
		else
			ck_assert_msg(hf_qp_check_modify_type(type, from, to, required | attribute) ==
					      (optional & attribute ? 0 : -EINVAL),
				      "%s: %s from %s to %s", qp_types[type], qp_attributes[bit],
				      hf_qp_state_name(from), hf_qp_state_name(to));
	}
}

START_TEST(every_cell)
{
	enum hf_qp_state from = _i / HF_QP_STATE_COUNT % HF_QP_STATE_COUNT, to = _i % HF_QP_STATE_COUNT;
	enum hf_qp_type type = _i / HF_QP_STATE_COUNT / HF_QP_STATE_COUNT;
	const struct qp_row *row = qp_find_row(type, from, to);
	uint32_t required, optional;

	ck_assert_str_eq(qp_states[from], hf_qp_state_name(from));
	if (!row) {
		check_refused(type, from, to);
		return;
	}
	required = qp_mask_of(row->required);
	optional = qp_mask_of(row->optional);
	ck_assert_uint_lt(required | optional, 1u << ATTRIBUTE_COUNT);
	check_attributes(type, from, to, required, optional);
}
END_TEST

START_TEST(the_plain_check_is_for_rc)
{
	for (unsigned int bit = 0; bit < ATTRIBUTE_COUNT; bit++)
		ck_assert_int_eq(hf_qp_check_modify(HF_QP_SQD, HF_QP_SQD, 1u << bit),
				 hf_qp_check_modify_type(HF_QP_RC, HF_QP_SQD, HF_QP_SQD, 1u << bit));
	ck_assert_int_eq(hf_qp_check_modify_type(HF_QP_TYPE_COUNT, HF_QP_RESET, HF_QP_RESET, 0), -EINVAL);
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

	tcase_add_loop_test(tcase, every_cell, 0, HF_QP_TYPE_COUNT * HF_QP_STATE_COUNT * HF_QP_STATE_COUNT);
	tcase_add_test(tcase, the_plain_check_is_for_rc);
	tcase_add_test(tcase, refuses_states_that_are_none);
	tcase_add_loop_test(tcase, every_cell_of_migration, 0, HF_QP_MIG_STATE_COUNT * HF_QP_MIG_STATE_COUNT);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
