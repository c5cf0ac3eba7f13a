/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What a run has shown, for people. */
#ifndef HF_TOOLS_HFSIM_REPORT_H
#define HF_TOOLS_HFSIM_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/hfsim_run.h"

/**
 * hf_report_print() - print timeline, SLs, MADs and verdict
 * @run:        gives the events and the SLs
 * @result:     its hf_result_new()
 * @is_verbose: print every event; otherwise only the first and the last of many
 */
void hf_report_print(const struct hf_run *run, const json_t *result, bool is_verbose, FILE *out);

#endif
