/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What a run has shown, as the JSON object that "hfsim run --json" writes; its members are listed in hfsim(1). */
#ifndef HF_TOOLS_HFSIM_RESULT_H
#define HF_TOOLS_HFSIM_RESULT_H

#include <jansson.h>
#include <stdbool.h>

#include "tools/hfsim_run.h"

/**
 * hf_result_new() - judge a run
 * @run: finished, or ended with run->error
 *
 * Return: the result, to be given to json_decref(); NULL without memory.
 */
json_t *hf_result_new(const struct hf_run *run);

/* Whether its verdict is "pass". */
bool hf_result_is_pass(const json_t *result);

/**
 * hf_result_check_musts() - add the verdict: what must hold against the numbers of a result
 * @result:   its numbers; gets "verdict" and "reasons"
 * @scenario: says what must hold
 * @error:    why the run could not be finished; empty otherwise
 *
 * Return: 0; -ENOMEM.
 */
int hf_result_check_musts(json_t *result, const struct hf_scenario *scenario, const char *error);

#endif
