/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"

#include <errno.h>
#include <string.h>

#include "lib/sim_qp.h"

#define A(name) HF_QP_ATTR_##name
#define TO_INIT (A(STATE) | A(PKEY_INDEX) | A(PORT) | A(ACCESS_FLAGS))
#define TO_RTR (A(STATE) | A(AV) | A(PATH_MTU) | A(DEST_QPN) | A(RQ_PSN) | A(MAX_DEST_RD_ATOMIC) | A(MIN_RNR_TIMER))
#define TO_RTS (A(STATE) | A(TIMEOUT) | A(RETRY_CNT) | A(RNR_RETRY) | A(SQ_PSN) | A(MAX_QP_RD_ATOMIC))

static struct hf_sim_qp qp;
static struct hf_sim_qp_attr attr;

static int modify_to(enum hf_qp_state state, uint32_t mask)
{
	attr.state = state;
	return hf_sim_qp_modify(&qp, &attr, mask);
}

static void bring_up(bool has_sqd, bool has_apm)
{
	hf_sim_qp_init(&qp, 0x100, (struct hf_sim_qp_caps){ .has_sqd = has_sqd, .has_apm = has_apm });
	attr = (struct hf_sim_qp_attr){ .av = { .dlid = 8, .sl = 1 }, .path_mtu = 4, .pkey = 0xffff, .dest_qpn = 5 };
	ck_assert_int_eq(modify_to(HF_QP_INIT, TO_INIT), 0);
	ck_assert_int_eq(modify_to(HF_QP_RTR, TO_RTR), 0);
	ck_assert_int_eq(modify_to(HF_QP_RTS, TO_RTS), 0);
}

START_TEST(keeps_what_it_is_given)
{
	bring_up(true, false);
	ck_assert_int_eq(qp.attr.state, HF_QP_RTS);
	ck_assert_uint_eq(qp.attr.av.dlid, 8);
	ck_assert_uint_eq(qp.attr.av.sl, 1);
	ck_assert_uint_eq(qp.attr.path_mtu, 4);
	ck_assert_uint_eq(qp.attr.pkey, 0xffff);
	ck_assert_uint_eq(qp.attr.dest_qpn, 5);
	ck_assert_uint_eq(qp.av_changes, 1);
	ck_assert_uint_eq(qp.transitions[HF_QP_INIT][HF_QP_RTR], 1);
}
END_TEST

START_TEST(is_unchanged_by_what_it_refuses)
{
	struct hf_sim_qp before;

	bring_up(true, true);
	before = qp;
	attr.av.sl = 9;
	ck_assert_int_eq(hf_sim_qp_modify(&qp, &attr, A(AV)), -EINVAL);
	ck_assert_int_eq(modify_to(HF_QP_RTR, TO_RTR), -EPERM);
	ck_assert_int_eq(modify_to(HF_QP_SQD, A(STATE) | A(AV)), -EINVAL);
	attr.mig_state = HF_QP_ARMED;
	ck_assert_int_eq(hf_sim_qp_modify(&qp, &attr, A(PATH_MIG_STATE)), -EPERM);
	ck_assert_mem_eq(&before, &qp, sizeof(qp));
}
END_TEST

START_TEST(refuses_sqd_on_an_adapter_without)
{
	bring_up(false, false);
	ck_assert_int_eq(modify_to(HF_QP_SQD, A(STATE)), -EOPNOTSUPP);
	ck_assert_int_eq(qp.attr.state, HF_QP_RTS);
}
END_TEST

START_TEST(refuses_apm_on_an_adapter_without)
{
	bring_up(true, false);
	attr.mig_state = HF_QP_REARM;
	ck_assert_int_eq(hf_sim_qp_modify(&qp, &attr, A(ALT_PATH) | A(PATH_MIG_STATE)), -EOPNOTSUPP);
}
END_TEST

START_TEST(reset_clears_everything)
{
	static const struct hf_sim_qp_attr cleared;

	bring_up(true, true);
	ck_assert_int_eq(modify_to(HF_QP_RESET, A(STATE)), 0);
	ck_assert_mem_eq(&qp.attr, &cleared, sizeof(cleared));
}
END_TEST

START_TEST(migrates_to_the_alternate_path)
{
	bring_up(true, true);
	attr.alt_av = (struct hf_av){ .dlid = 8, .sl = 6 };
	attr.mig_state = HF_QP_REARM;
	ck_assert_int_eq(hf_sim_qp_modify(&qp, &attr, A(ALT_PATH) | A(PATH_MIG_STATE)), 0);
	ck_assert_int_eq(qp.attr.mig_state, HF_QP_ARMED);
	ck_assert_uint_eq(qp.attr.av.sl, 1);
	attr.mig_state = HF_QP_MIGRATED;
	ck_assert_int_eq(hf_sim_qp_modify(&qp, &attr, A(PATH_MIG_STATE)), 0);
	ck_assert_uint_eq(qp.attr.av.sl, 6);
	ck_assert_int_eq(qp.attr.state, HF_QP_RTS);
	ck_assert_uint_eq(qp.av_changes, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sim_qp");
	TCase *tcase = tcase_create("sim_qp");

	tcase_add_test(tcase, keeps_what_it_is_given);
	tcase_add_test(tcase, is_unchanged_by_what_it_refuses);
	tcase_add_test(tcase, refuses_sqd_on_an_adapter_without);
	tcase_add_test(tcase, refuses_apm_on_an_adapter_without);
	tcase_add_test(tcase, reset_clears_everything);
	tcase_add_test(tcase, migrates_to_the_alternate_path);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
