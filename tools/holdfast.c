/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* holdfast(8): the operator's program. */
#include <stdio.h>
#include <string.h>

#include "tools/holdfast.h"

struct command {
	const char *name;
	const char *help;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "check-config", "read a services file as the plugin of opensm would", hf_command_check_config },
	{ "diff", "which paths differ between two snapshot files, and how", hf_command_diff },
	{ "events", "what happened to services", hf_command_events },
	{ "failback", "bring a service back to its first node that is there", hf_command_failback },
	{ "failover", "move a service to another node", hf_command_failover },
	{ "services", "who owns which service", hf_command_services },
	{ "snapshot", "let the plugin of opensm write every path of the last routing to a file", hf_command_snapshot },
	{ "status", "what the plugin of opensm is doing", hf_command_status },
	{ "tables", "forwarding and SL to VL tables of the fabric, as its switches hold them", hf_command_tables },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
	fprintf(out, "usage: holdfast COMMAND [OPTION ...]\n\ncommands:\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n\"holdfast COMMAND --help\" lists a command's options; holdfast(8) explains them.\n");
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

	if (strcmp(argv[1], "--check-config") == 0)
		return hf_command_check_config(argc - 1, argv + 1);
	if (strcmp(argv[1], "--help") == 0) {
		print_usage(stdout);
		return HF_EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("holdfast %s\n", PACKAGE_VERSION);
		return HF_EXIT_OK;
	}
	fprintf(stderr, "holdfast: there is no command \"%s\"\n", argv[1]);
	print_usage(stderr);
	return HF_EXIT_USAGE;
}
