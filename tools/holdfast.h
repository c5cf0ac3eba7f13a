/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What holdfast(8) and its subcommands share: each subcommand is one file with one entry in the table of holdfast.c. */
#ifndef HF_TOOLS_HOLDFAST_H
#define HF_TOOLS_HOLDFAST_H

enum hf_exit {
	HF_EXIT_OK,
	HF_EXIT_FAILED,
	HF_EXIT_USAGE,
	HF_EXIT_REFUSED,	/* the plugin understands, but will not do it now */
	HF_EXIT_DENIED,		/* this user may not */
	HF_EXIT_NOT_FOUND,	/* no such service, or none of its nodes */
};

/**
 * hf_command_tables() - print the forwarding and SL to VL tables that the fabric holds, read from outside
 * @argc: number of arguments, the command's own name among them
 * @argv: the arguments
 *
 * Return: enum hf_exit.
 */
int hf_command_tables(int argc, char **argv);

/**
 * hf_command_diff() - print which paths differ between two snapshot files, and how
 * @argc, @argv: as above
 *
 * Return: 0 where none does, 1 where some do, 2 on any error, as diff(1).
 */
int hf_command_diff(int argc, char **argv);

/* Services: who owns which, move one, bring one back, what happened to them. Return: enum hf_exit. */
int hf_command_services(int argc, char **argv);
int hf_command_failover(int argc, char **argv);
int hf_command_failback(int argc, char **argv);
int hf_command_events(int argc, char **argv);

/* Read a services file. Return: enum hf_exit. */
int hf_command_check_config(int argc, char **argv);

/* Let the plugin write its snapshot to a file. Return: enum hf_exit. */
int hf_command_snapshot(int argc, char **argv);

/* Print what the plugin says of itself. Return: enum hf_exit. */
int hf_command_status(int argc, char **argv);

#endif
