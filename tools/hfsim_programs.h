/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The verbs programs of a running fabric, on simulated adapters (hfsim-verbs(7)), with libholdfast-verbs in front of
 * them unless the scenario says otherwise. They run from when the hosts are up to the end of the run.
 */
#ifndef HF_TOOLS_HFSIM_PROGRAMS_H
#define HF_TOOLS_HFSIM_PROGRAMS_H

#include <jansson.h>

#include "tools/hfsim_fabric.h"

struct hf_tables;

/* Starts them and waits until each sends. Without programs it does nothing. Return: as hf_fabric_wait(). */
int hf_programs_start(struct hf_fabric *fabric);

/*
 * After the last fault: gives each time to send once more, and notes who does. Return: as hf_fabric_wait(); that some
 * do not is no failure.
 */
int hf_programs_finish(struct hf_fabric *fabric);

void hf_programs_stop(struct hf_fabric *fabric);
void hf_programs_free(struct hf_fabric *fabric);

/**
 * hf_programs_add_result() - what became of them, for "hfsim run --json"
 * @fabric: stopped
 * @tables: of the fabric as it was in the end; NULL if they were not read
 * @result: gets programs_ended, programs_silent, programs_on_wrong_sl and work_requests_lost
 */
void hf_programs_add_result(const struct hf_fabric *fabric, const struct hf_tables *tables, json_t *result);

/**
 * hf_programs_pack_fault() - what a fault did to them
 * @fabric:  stopped
 * @from_ns: the cut
 * @to_ns:   when all was quiet again
 *
 * Return: an array of objects; NULL without memory.
 */
json_t *hf_programs_pack_fault(const struct hf_fabric *fabric, uint64_t from_ns, uint64_t to_ns);

#endif
