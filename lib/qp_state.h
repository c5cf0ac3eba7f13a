/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The states of a queue pair and what may be changed on the way from one to the other, as the IBA
 * lays it down (volume 1, 10.3.1 and the modifier table of Modify Queue Pair, 11.2.5.2) and ibv_modify_qp(3) and the
 * kernel check it. States and attributes have the values of enum ibv_qp_state and enum ibv_qp_attr_mask.
 */
#ifndef HF_LIB_QP_STATE_H
#define HF_LIB_QP_STATE_H

#include <stdint.h>

enum hf_qp_state {
	HF_QP_RESET,
	HF_QP_INIT,
	HF_QP_RTR,
	HF_QP_RTS,
	HF_QP_SQD,
	HF_QP_SQE,	/* no RC queue pair comes to be in it, but the table knows ways out */
	HF_QP_ERR,
	HF_QP_STATE_COUNT,
};

enum hf_qp_type {
	HF_QP_RC,
	HF_QP_UC,
	HF_QP_UD,
	HF_QP_TYPE_COUNT,
};

enum hf_qp_attr_mask {
	HF_QP_ATTR_STATE		= 1 << 0,
	HF_QP_ATTR_CUR_STATE		= 1 << 1,
	HF_QP_ATTR_EN_SQD_ASYNC_NOTIFY	= 1 << 2,
	HF_QP_ATTR_ACCESS_FLAGS		= 1 << 3,
	HF_QP_ATTR_PKEY_INDEX		= 1 << 4,
	HF_QP_ATTR_PORT			= 1 << 5,
	HF_QP_ATTR_QKEY			= 1 << 6,
	HF_QP_ATTR_AV			= 1 << 7,
	HF_QP_ATTR_PATH_MTU		= 1 << 8,
	HF_QP_ATTR_TIMEOUT		= 1 << 9,
	HF_QP_ATTR_RETRY_CNT		= 1 << 10,
	HF_QP_ATTR_RNR_RETRY		= 1 << 11,
	HF_QP_ATTR_RQ_PSN		= 1 << 12,
	HF_QP_ATTR_MAX_QP_RD_ATOMIC	= 1 << 13,
	HF_QP_ATTR_ALT_PATH		= 1 << 14,
	HF_QP_ATTR_MIN_RNR_TIMER	= 1 << 15,
	HF_QP_ATTR_SQ_PSN		= 1 << 16,
	HF_QP_ATTR_MAX_DEST_RD_ATOMIC	= 1 << 17,
	HF_QP_ATTR_PATH_MIG_STATE	= 1 << 18,
	HF_QP_ATTR_CAP			= 1 << 19,
	HF_QP_ATTR_DEST_QPN		= 1 << 20,
};

enum hf_qp_mig_state {
	HF_QP_MIGRATED,
	HF_QP_REARM,
	HF_QP_ARMED,
	HF_QP_MIG_STATE_COUNT,
};

/**
 * hf_qp_check_modify() - may a reliable-connected queue pair be modified so?
 * @from: its state
 * @to:   the state asked for; @from itself where only attributes change
 * @mask: enum hf_qp_attr_mask: the attributes that come along; HF_QP_ATTR_STATE is free
 *
 * Return: 0; -EPERM where there is no such transition; -ENODATA where a required attribute is missing; -EINVAL where
 * an attribute is neither required nor optional there, or a state is none.
 */
int hf_qp_check_modify(enum hf_qp_state from, enum hf_qp_state to, uint32_t mask);

/* The same for a queue pair of any type; -EINVAL also where the type is none. */
int hf_qp_check_modify_type(enum hf_qp_type type, enum hf_qp_state from, enum hf_qp_state to, uint32_t mask);

/**
 * hf_qp_check_migration() - may the program set the path migration state so?
 * @from: the migration state
 * @to:   the one asked for
 *
 * The program rearms a migrated pair and may migrate an armed one; that REARM becomes ARMED is the channel adapter's
 * doing, after both ends are rearmed. Setting the state that is there changes nothing and is allowed.
 *
 * Source: IBA volume 1, 17.2.8 (automatic path migration).
 *
 * Return: 0; -EPERM.
 */
int hf_qp_check_migration(enum hf_qp_mig_state from, enum hf_qp_mig_state to);

const char *hf_qp_state_name(enum hf_qp_state state);
const char *hf_qp_mig_state_name(enum hf_qp_mig_state state);

#endif
