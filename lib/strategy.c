/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/strategy.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct hf_strategy *const strategies[] = {
	&hf_strategy_simulated,
	&hf_strategy_program,
};

const struct hf_strategy *hf_strategy_find(const char *name)
{
	for (size_t i = 0; i < sizeof(strategies) / sizeof(strategies[0]); i++)
		if (!strcmp(strategies[i]->name, name))
			return strategies[i];
	return NULL;
}
