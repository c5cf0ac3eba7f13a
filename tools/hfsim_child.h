/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The processes of a run. Each is the leader of a process group of its own, so that a terminal's SIGINT reaches hfsim
 * alone, and gets SIGKILL from the kernel when hfsim itself is killed: nothing outlives a run.
 */
#ifndef HF_TOOLS_HFSIM_CHILD_H
#define HF_TOOLS_HFSIM_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct hf_child {
	char *name;	/* as messages call it */
	char *log_path;	/* gets its standard error */
	pid_t pid;	/* 0: never started */
	bool ended;
	int status;	/* as waitpid() tells it, once it has ended */
};

/**
 * hf_child_start() - start a process
 * @child:       filled; to be given to hf_child_stop() also on failure
 * @name:        copied
 * @argv:        program, found on PATH where it has no slash, and its arguments; ends with NULL
 * @environment: "NAME=value" strings on top of hfsim's own environment; ends with NULL
 * @log_path:    file that gets its standard error, appended to
 * @output_path: the same for its standard output; NULL for the log
 * @input_fd:    becomes its standard input; -1 for none
 *
 * Return: 0; -ENOMEM; the negative errno of fork, of opening the log or of exec.
 */
int hf_child_start(struct hf_child *child, const char *name, char *const argv[], char *const environment[],
		   const char *log_path, const char *output_path, int input_fd);

/* Looks once whether it has ended, without waiting. */
bool hf_child_has_ended(struct hf_child *child);

/**
 * hf_child_wait() - wait for its end
 * @child:      started or not
 * @timeout_ms: how long; -1 for ever
 *
 * Return: 0; -ETIMEDOUT.
 */
int hf_child_wait(struct hf_child *child, int timeout_ms);

/* Sends SIGTERM to its group, without waiting. */
void hf_child_terminate(struct hf_child *child);

/**
 * hf_child_stop() - end it: SIGTERM, and SIGKILL where that did not suffice
 * @child:      started or not; freed for another start
 * @timeout_ms: how long it may take after SIGTERM
 *
 * Return: 0; -ETIMEDOUT where SIGKILL was needed.
 */
int hf_child_stop(struct hf_child *child, int timeout_ms);

/* One line about its end, "ended with exit status 1", in a static buffer. */
const char *hf_child_describe_end(const struct hf_child *child);

#endif
