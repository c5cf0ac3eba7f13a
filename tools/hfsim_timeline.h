/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The events of a run as lines for people, in milliseconds from a fault. Pure. */
#ifndef HF_TOOLS_HFSIM_TIMELINE_H
#define HF_TOOLS_HFSIM_TIMELINE_H

#include <stdio.h>

#include "tools/hfsim_events.h"
#include "tools/hfsim_tables.h"

/* Tables that know nodes; either may be NULL. A node that comes or goes is in one of them only. */
struct hf_timeline_names {
	const struct hf_tables *before, *after;
};

/**
 * hf_timeline_print() - print the events of a time span
 * @events:  of the run
 * @names:   give names to LIDs and GIDs
 * @from_ns: milliseconds count from here
 * @to_ns:   first time that is left out
 * @most:    of more events of one kind than this only the first and the last are printed, with their number
 */
void hf_timeline_print(const struct hf_events *events, const struct hf_timeline_names *names, uint64_t from_ns,
		       uint64_t to_ns, size_t most, FILE *out);

#endif
