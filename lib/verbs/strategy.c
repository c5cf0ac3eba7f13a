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

const struct hf_move_strategy *hf_strategy_get(enum hf_program_strategy id)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strategies[i]->id == id && is_allowed(strategies[i]))
			return strategies[i];
	return NULL;
}

const struct hf_move_strategy *hf_strategy_next(const struct hf_queue_pair *qp, int mask)
{
	uint32_t out = qp->move.tried | atomic_load(&qp->verbs->refused);

	for (size_t i = 0; i < COUNT; i++)
		if (is_allowed(strategies[i]) && !(out & 1u << strategies[i]->id) && strategies[i]->suits(qp, mask))
			return strategies[i];
	return NULL;
}

int hf_strategy_refusal(int err)
{
	return err == -EINVAL || err == -ENOSYS ? -EOPNOTSUPP : err;
}
