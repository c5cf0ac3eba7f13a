/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A running simulated fabric: ibsim, opensm with the plugin, holdfastd for the hosts, all in a directory of their own
 * and under a socket name of their own, and the events that they trace. Starting it and waiting on it are the only
 * things that take time in a run, and each has its deadline.
 *
 * Functions that fail leave the reason in hf_fabric.error, one line for people.
 */
#ifndef HF_TOOLS_HFSIM_FABRIC_H
#define HF_TOOLS_HFSIM_FABRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/scenario.h"
#include "tools/hfsim_child.h"
#include "tools/hfsim_events.h"
#include "tools/hfsim_ibsim.h"
#include "tools/hfsim_reach.h"
#include "tools/hfsim_where.h"

#define HF_FABRIC_DIR_MAX	256
#define HF_FABRIC_ERROR_MAX	1024

/* One holdfastd. */
struct hf_daemon {
	struct hf_child child;
	size_t index;		/* names its files */
	char *node_names;	/* of its adapters, blank-separated, in order */
	size_t first_host;	/* in hf_scenario.hosts */
	size_t n_hosts;
	bool is_silenced;	/* a fault has killed or stopped it: it is not waited for */
};

struct hf_fabric {
	const struct hf_scenario *scenario;
	char dir[HF_FABRIC_DIR_MAX];
	char socket_name[48];		/* IBSIM_SOCKNAME of opensm and of diagnostics */
	char host_socket_name[64];	/* of the hosts: the same, or the multiplexer's */
	char *parts[HF_N_PARTS];
	bool is_sm_stopped;		/* opensm has got SIGSTOP */
	bool is_captured;		/* MADs are written to files; the scenario's unless changed after init */
	struct hf_reach reach;		/* what the faults have cut off */
	struct hf_ibsim ibsim;
	struct hf_child mux;
	struct hf_child opensm;
	struct hf_child standby;	/* the opensm at hf_scenario.standby_node */
	struct hf_streams *streams;	/* packets to services; NULL without */
	struct hf_programs *programs;	/* verbs programs; NULL without */
	struct hf_daemon *daemons;
	size_t n_daemons;
	struct hf_events events;
	int signal_fd, inotify_fd;
	uint64_t deadline_ns;		/* of the whole run */
	char error[HF_FABRIC_ERROR_MAX];
};

/* A path below the run's directory, by value. */
struct hf_file_path {
	char text[HF_FABRIC_DIR_MAX + 64];
};

struct hf_file_path hf_fabric_path(const struct hf_fabric *fabric, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Sets the error line. Return: @err. */
int hf_fabric_fail(struct hf_fabric *fabric, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/**
 * hf_fabric_init() - find the programs, make the directory, take over signals
 * @fabric:   filled; to be given to hf_fabric_fini() also on failure
 * @scenario: what is to run; borrowed
 * @dir:      the run's directory, made where it is missing; NULL for a new one under $TMPDIR
 *
 * Return: 0; -ENOENT where a program is missing; another negative errno.
 */
int hf_fabric_init(struct hf_fabric *fabric, const struct hf_scenario *scenario, const char *dir);

/**
 * hf_fabric_start_sm() - start ibsim and opensm, and wait for SUBNET UP
 *
 * Return: 0; -EINTR where a signal asks to end; -EPIPE where a process of the run has ended; -ETIMEDOUT; -ENOEXEC where
 * the plugin refuses to load; another negative errno.
 */
int hf_fabric_start_sm(struct hf_fabric *fabric);

/* Starts opensm alone, and does not wait. Return: 0; a negative errno. */
int hf_fabric_start_opensm(struct hf_fabric *fabric);

/* Whether an opensm runs that can be waited for: the first one, or a standby that takes over from it. */
bool hf_fabric_has_sm(const struct hf_fabric *fabric);

/* Starts one holdfastd for the hosts that @daemon names, and does not wait. Return: 0; a negative errno. */
int hf_fabric_start_daemon(struct hf_fabric *fabric, struct hf_daemon *daemon);

/**
 * hf_fabric_start_client() - start a program at a host's adapter, and do not wait
 * @child: to be given to hf_child_stop() also on failure
 * @name:  as messages call it
 * @argv:  ends with NULL
 * @node:  whose adapter it has
 * @log:   file for what it says, in the run's directory
 *
 * Return: 0; a negative errno.
 */
int hf_fabric_start_client(struct hf_fabric *fabric, struct hf_child *child, const char *name, char *const argv[],
			   const char *node, const char *log);

struct hf_program_start {
	const char *name;	/* as messages call it */
	char *const *argv;	/* ends with NULL */
	const struct hf_topology_node *node;	/* whose adapter it has */
	const char *log;	/* file for what it says, in the run's directory */
	const char *strategy, *model;		/* as in struct hf_program */
};

/**
 * hf_fabric_start_program() - start a verbs program at a host's adapter, and do not wait
 * @child: to be given to hf_child_stop() also on failure
 * @start: how
 *
 * Return: 0; a negative errno.
 */
int hf_fabric_start_program(struct hf_fabric *fabric, struct hf_child *child, const struct hf_program_start *start);

/* Ends all processes, hosts first. The directory, the events and the error line stay. */
void hf_fabric_stop(struct hf_fabric *fabric);

/* Stops what still runs and frees everything; the directory is removed if @keep_dir is false. */
void hf_fabric_fini(struct hf_fabric *fabric, bool keep_dir);

/**
 * hf_fabric_wait() - wait for a state
 * @what:       the state, for the error line
 * @is_reached: asked when a trace has grown, and every few milliseconds
 * @ctx:        for @is_reached
 * @timeout_ms: how long; the run's own deadline counts, too
 *
 * Return: 0; -EINTR where a signal asks to end; -EPIPE where a process of the run has ended; -ETIMEDOUT; the negative
 * errno of reading a trace.
 */
int hf_fabric_wait(struct hf_fabric *fabric, const char *what, bool (*is_reached)(struct hf_fabric *fabric, void *ctx),
		   void *ctx, int timeout_ms);

/* For hf_fabric_wait(): whether the time at @ctx, a uint64_t in nanoseconds, has come. */
bool hf_fabric_is_past(struct hf_fabric *fabric, void *ctx);

/**
 * hf_fabric_start_tool() - start a diagnostic at the SM's node, and do not wait
 * @tool:        to be given to hf_child_stop() also on failure
 * @argv:        program and arguments; ends with NULL
 * @output_path: gets its standard output; NULL for the log
 * @input_fd:    becomes its standard input; -1 for none
 *
 * Return: 0; a negative errno.
 */
int hf_fabric_start_tool(struct hf_fabric *fabric, struct hf_child *tool, char *const argv[], const char *output_path,
			 int input_fd);

/**
 * hf_fabric_run_tool() - run a diagnostic at the SM's node to its end
 * @argv:        program and arguments; ends with NULL
 * @output_path: gets its standard output
 * @timeout_ms:  how long it may take
 *
 * Return: 0; -EPROTO where it failed; otherwise as hf_fabric_wait().
 */
int hf_fabric_run_tool(struct hf_fabric *fabric, char *const argv[], const struct hf_file_path *output_path,
		       int timeout_ms);

#endif
