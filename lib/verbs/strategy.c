/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/strategy.h"

#include <errno.h>
#include <stddef.h>

#include "lib/verbs/queue_pair.h"
#include "lib/verbs/settings.h"

static const struct hf_move_strategy *const strategies[] = {
	&hf_strategy_apm,
	&hf_strategy_sqd,
};

#define COUNT (sizeof(strategies) / sizeof(strategies[0]))

static bool is_allowed(const struct hf_move_strategy *strategy)
{
	enum hf_program_strategy only = hf_verbs_settings()->strategy;

	return only == HF_PROGRAM_STRATEGY_NONE || only == strategy->id;
}

static bool takes(const struct hf_move_strategy *strategy, enum ibv_qp_state state)
{
	return state == IBV_QPS_RTS || (state == IBV_QPS_RTR && strategy->takes_rtr);
}

bool hf_strategy_takes(enum ibv_qp_state state)
{
	for (size_t i = 0; i < COUNT; i++)
		if (is_allowed(strategies[i]) && takes(strategies[i], state))
			return true;
	return false;
}

const struct hf_move_strategy *hf_strategy_get(enum hf_program_strategy id, enum ibv_qp_state state)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strategies[i]->id == id && is_allowed(strategies[i]) && takes(strategies[i], state))
			return strategies[i];
	return NULL;
}

const struct hf_move_strategy *hf_strategy_next(const struct hf_queue_pair *qp, int mask)
{
	uint32_t out = qp->move.tried | atomic_load(&qp->verbs->refused);

	for (size_t i = 0; i < COUNT; i++)
		if (is_allowed(strategies[i]) && takes(strategies[i], qp->state) &&
		    !(out & 1u << strategies[i]->id) && strategies[i]->suits(qp, mask))
			return strategies[i];
	return NULL;
}

int hf_strategy_refusal(int err)
{
	return err == -EINVAL || err == -ENOSYS ? -EOPNOTSUPP : err;
}
