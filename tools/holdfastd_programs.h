/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The programs with libholdfast-verbs on this host: their connections become connections of its ports. */
#ifndef HF_TOOLS_HOLDFASTD_PROGRAMS_H
#define HF_TOOLS_HOLDFASTD_PROGRAMS_H

#include <event2/event.h>

#include "tools/holdfastd_options.h"
#include "tools/holdfastd_ports.h"

struct holdfastd_programs;

/**
 * holdfastd_programs_new() - let programs connect
 * @base:         the loop
 * @options:      borrowed for this call
 * @ports:        borrowed; watched from now on
 * @ret_programs: to be freed with holdfastd_programs_free(), before the ports; NULL where the options name no socket
 *
 * What fails is logged here.
 *
 * Return: 0; what hf_program_server_new() returns; -ENOMEM.
 */
int holdfastd_programs_new(struct event_base *base, const struct holdfastd_options *options,
			   struct holdfastd_ports *ports, struct holdfastd_programs **ret_programs);

/* @programs may be NULL. */
void holdfastd_programs_free(struct holdfastd_programs *programs);

/* How many are connected. @programs may be NULL. */
unsigned int holdfastd_programs_count(const struct holdfastd_programs *programs);

#endif
