/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What hfsim's subcommands share. Each gets its own name as argv[0] and returns an enum hf_exit. */
#ifndef HF_TOOLS_HFSIM_H
#define HF_TOOLS_HFSIM_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/scenario.h"

enum hf_exit {
	HF_EXIT_OK,
	HF_EXIT_FAILED,		/* what must hold did not */
	HF_EXIT_USAGE,		/* an option, a scenario or a file is wrong, or a program is missing */
};

int hf_command_run(int argc, char **argv);
int hf_command_compare(int argc, char **argv);
int hf_command_list(int argc, char **argv);
int hf_command_check(int argc, char **argv);
int hf_command_topology(int argc, char **argv);
int hf_command_soak(int argc, char **argv);
int hf_command_answer(int argc, char **argv);

/**
 * hf_open_scenario() - load a scenario by its file or its name
 * @name:         a path, with a slash or ending in ".conf"; or a name in the scenario folder
 * @ret_scenario: to be freed with hf_scenario_free()
 *
 * Says on standard error what is wrong.
 *
 * Return: 0; a negative errno.
 */
int hf_open_scenario(const char *name, struct hf_scenario **ret_scenario);

/* hf_scenario_set() for "KEY=VALUE"; says on standard error what is wrong. Return: 0; a negative errno. */
int hf_change_scenario(struct hf_scenario *scenario, const char *setting);

#endif
