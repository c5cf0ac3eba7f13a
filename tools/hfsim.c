/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* hfsim(1): runs scenarios on a simulated fabric. */
#include "tools/hfsim.h"
#include "tools/hfsim_asker.h"

#include <stdio.h>
#include <string.h>

struct command {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "run", "SCENARIO [--mode MODE] [--set KEY=VALUE ...] [--json FILE] [--dir DIR] [--keep] [--verbose]",
	  "run a scenario, print its timeline and a verdict", hf_command_run },
	{ "compare", "SCENARIO [--set KEY=VALUE ...] [MODE ...]", "run a scenario in several modes, print their MADs",
	  hf_command_compare },
	{ "soak",
	  "[--engine NAME|all] [--faults N] [--seed S] [--topology SPEC] [--set KEY=VALUE ...] [--jobs J] [--json FILE]\n"
	  "\t     [--keep] [--verbose]",
	  "break random fabrics, ask OpenSM whether the plugin saw all that changed", hf_command_soak },
	{ "list", "", "name the scenarios", hf_command_list },
	{ "check", "FILE ...", "check scenario files", hf_command_check },
	{ "topology", "KIND SIZE [--hosts N] [--sm]", "print a fabric as a file for ibsim", hf_command_topology },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
	fprintf(out, "usage:\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  hfsim %s %s\n\t%s\n", commands[i].name, commands[i].arguments, commands[i].help);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return HF_EXIT_USAGE;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	/* For hfsim alone. */
	if (strcmp(argv[1], HF_ASKER_COMMAND) == 0)
		return hf_command_answer(argc - 1, argv + 1);

	if (strcmp(argv[1], "--help") == 0) {
		print_usage(stdout);
		return HF_EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("hfsim %s\n", PACKAGE_VERSION);
		return HF_EXIT_OK;
	}
	fprintf(stderr, "hfsim: there is no command \"%s\"\n", argv[1]);
	print_usage(stderr);
	return HF_EXIT_USAGE;
}
