/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/qp_state.h"

#include <errno.h>
#include <stdbool.h>

#define A(name) HF_QP_ATTR_##name

struct transition {
	bool exists;
	uint32_t required;
	uint32_t optional;
};

#define WAY_TO_RESET_AND_ERR	[HF_QP_RESET] = { .exists = true }, [HF_QP_ERR] = { .exists = true }
#define UD_SEND			(A(CUR_STATE) | A(QKEY))
#define UC_SEND			(A(CUR_STATE) | A(ALT_PATH) | A(ACCESS_FLAGS) | A(PATH_MIG_STATE))
#define RC_SEND			(UC_SEND | A(MIN_RNR_TIMER))

static const struct transition transitions[HF_QP_TYPE_COUNT][HF_QP_STATE_COUNT][HF_QP_STATE_COUNT] = {
	[HF_QP_RC] = {
		[HF_QP_RESET] = {
			[HF_QP_RESET] = { .exists = true },
			[HF_QP_INIT] = { .exists = true, .required = A(PKEY_INDEX) | A(PORT) | A(ACCESS_FLAGS) },
		},
		[HF_QP_INIT] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_INIT] = { .exists = true, .optional = A(PKEY_INDEX) | A(PORT) | A(ACCESS_FLAGS) },
			[HF_QP_RTR] = {
				.exists = true,
				.required = A(AV) | A(PATH_MTU) | A(DEST_QPN) | A(RQ_PSN) | A(MAX_DEST_RD_ATOMIC) |
					    A(MIN_RNR_TIMER),
				.optional = A(ALT_PATH) | A(ACCESS_FLAGS) | A(PKEY_INDEX),
			},
		},
		[HF_QP_RTR] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_RTS] = {
				.exists = true,
				.required = A(TIMEOUT) | A(RETRY_CNT) | A(RNR_RETRY) | A(SQ_PSN) |
					    A(MAX_QP_RD_ATOMIC),
				.optional = RC_SEND,
			},
		},
		[HF_QP_RTS] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_RTS] = { .exists = true, .optional = RC_SEND },
			[HF_QP_SQD] = { .exists = true, .optional = A(EN_SQD_ASYNC_NOTIFY) },
		},
		[HF_QP_SQD] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_RTS] = { .exists = true, .optional = RC_SEND },
			[HF_QP_SQD] = {
				.exists = true,
				.optional = A(PORT) | A(AV) | A(TIMEOUT) | A(RETRY_CNT) | A(RNR_RETRY) |
					    A(MAX_QP_RD_ATOMIC) | A(MAX_DEST_RD_ATOMIC) | A(ALT_PATH) |
					    A(ACCESS_FLAGS) | A(PKEY_INDEX) | A(MIN_RNR_TIMER) | A(PATH_MIG_STATE),
			},
		},
		[HF_QP_SQE] = { WAY_TO_RESET_AND_ERR, [HF_QP_RTS] = { .exists = true } },
		[HF_QP_ERR] = { WAY_TO_RESET_AND_ERR },
	},
	[HF_QP_UC] = {
		[HF_QP_RESET] = {
			[HF_QP_RESET] = { .exists = true },
			[HF_QP_INIT] = { .exists = true, .required = A(PKEY_INDEX) | A(PORT) | A(ACCESS_FLAGS) },
		},
		[HF_QP_INIT] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_INIT] = { .exists = true, .optional = A(PKEY_INDEX) | A(PORT) | A(ACCESS_FLAGS) },
			[HF_QP_RTR] = {
				.exists = true,
				.required = A(AV) | A(PATH_MTU) | A(DEST_QPN) | A(RQ_PSN),
				.optional = A(ALT_PATH) | A(ACCESS_FLAGS) | A(PKEY_INDEX),
			},
		},
		[HF_QP_RTR] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_RTS] = { .exists = true, .required = A(SQ_PSN), .optional = UC_SEND },
		},
		[HF_QP_RTS] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_RTS] = { .exists = true, .optional = UC_SEND },
			[HF_QP_SQD] = { .exists = true, .optional = A(EN_SQD_ASYNC_NOTIFY) },
		},
		[HF_QP_SQD] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_RTS] = { .exists = true, .optional = UC_SEND },
			[HF_QP_SQD] = {
				.exists = true,
				.optional = A(AV) | A(ALT_PATH) | A(ACCESS_FLAGS) | A(PKEY_INDEX) | A(PATH_MIG_STATE),
			},
		},
		[HF_QP_SQE] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_RTS] = { .exists = true, .optional = A(CUR_STATE) | A(ACCESS_FLAGS) },
		},
		[HF_QP_ERR] = { WAY_TO_RESET_AND_ERR },
	},
	[HF_QP_UD] = {
		[HF_QP_RESET] = {
			[HF_QP_RESET] = { .exists = true },
			[HF_QP_INIT] = { .exists = true, .required = A(PKEY_INDEX) | A(PORT) | A(QKEY) },
		},
		[HF_QP_INIT] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_INIT] = { .exists = true, .optional = A(PKEY_INDEX) | A(PORT) | A(QKEY) },
			[HF_QP_RTR] = { .exists = true, .optional = A(PKEY_INDEX) | A(QKEY) },
		},
		[HF_QP_RTR] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_RTS] = { .exists = true, .required = A(SQ_PSN), .optional = UD_SEND },
		},
		[HF_QP_RTS] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_RTS] = { .exists = true, .optional = UD_SEND },
			[HF_QP_SQD] = { .exists = true, .optional = A(EN_SQD_ASYNC_NOTIFY) },
		},
		[HF_QP_SQD] = {
			WAY_TO_RESET_AND_ERR,
			[HF_QP_RTS] = { .exists = true, .optional = UD_SEND },
			[HF_QP_SQD] = { .exists = true, .optional = A(PKEY_INDEX) | A(QKEY) },
		},
		[HF_QP_SQE] = { WAY_TO_RESET_AND_ERR, [HF_QP_RTS] = { .exists = true, .optional = UD_SEND } },
		[HF_QP_ERR] = { WAY_TO_RESET_AND_ERR },
	},
};

static const char *const state_names[] = {
	[HF_QP_RESET] = "RESET", [HF_QP_INIT] = "INIT", [HF_QP_RTR] = "RTR", [HF_QP_RTS] = "RTS",
	[HF_QP_SQD] = "SQD",	 [HF_QP_SQE] = "SQE",	[HF_QP_ERR] = "ERR",
};

static const char *const mig_state_names[] = {
	[HF_QP_MIGRATED] = "MIGRATED", [HF_QP_REARM] = "REARM", [HF_QP_ARMED] = "ARMED",
};

int hf_qp_check_modify(enum hf_qp_state from, enum hf_qp_state to, uint32_t mask)
{
	return hf_qp_check_modify_type(HF_QP_RC, from, to, mask);
}

int hf_qp_check_modify_type(enum hf_qp_type type, enum hf_qp_state from, enum hf_qp_state to, uint32_t mask)
{
	const struct transition *transition;

	if ((unsigned int)type >= HF_QP_TYPE_COUNT)
		return -EINVAL;
	if ((unsigned int)from >= HF_QP_STATE_COUNT || (unsigned int)to >= HF_QP_STATE_COUNT)
		return -EINVAL;
	transition = &transitions[type][from][to];
	if (!transition->exists)
		return -EPERM;
	if (mask & ~(transition->required | transition->optional | A(STATE)))
		return -EINVAL;
	return (mask & transition->required) == transition->required ? 0 : -ENODATA;
}

int hf_qp_check_migration(enum hf_qp_mig_state from, enum hf_qp_mig_state to)
{
	static const bool allowed[HF_QP_MIG_STATE_COUNT][HF_QP_MIG_STATE_COUNT] = {
		[HF_QP_MIGRATED] = { [HF_QP_MIGRATED] = true, [HF_QP_REARM] = true },
		[HF_QP_REARM] = { [HF_QP_REARM] = true },
		[HF_QP_ARMED] = { [HF_QP_ARMED] = true, [HF_QP_MIGRATED] = true },
	};

	if ((unsigned int)from >= HF_QP_MIG_STATE_COUNT || (unsigned int)to >= HF_QP_MIG_STATE_COUNT)
		return -EPERM;
	return allowed[from][to] ? 0 : -EPERM;
}

const char *hf_qp_state_name(enum hf_qp_state state)
{
	return state_names[state];
}

const char *hf_qp_mig_state_name(enum hf_qp_mig_state state)
{
	return mig_state_names[state];
}
