/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A stock ibsim as a child, driven through its console: a pipe to its standard input, its output in a log file. */
#ifndef HF_TOOLS_HFSIM_IBSIM_H
#define HF_TOOLS_HFSIM_IBSIM_H

#include <sys/types.h>

#include "sim/topology.h"
#include "tools/hfsim_child.h"

struct hf_ibsim {
	struct hf_child child;
	int console_fd;
	off_t log_at;	/* what of its log has been read */
};

/**
 * hf_ibsim_start() - start it and wait until it serves its sockets
 * @ibsim:       filled; to be given to hf_ibsim_stop() also on failure
 * @program:     path of ibsim
 * @topology:    gives the sizes
 * @net_path:    file of hf_topology_write()
 * @environment: holds IBSIM_SOCKNAME
 * @log_path:    gets its output
 * @timeout_ms:  how long it may take
 *
 * Return: 0; -EPIPE where it ended; -ETIMEDOUT; -ENOMEM; another negative errno.
 */
int hf_ibsim_start(struct hf_ibsim *ibsim, const char *program, const struct hf_topology *topology,
		   const char *net_path, char *const environment[], const char *log_path, int timeout_ms);

/**
 * hf_ibsim_command() - give a command to the console and wait until it is done
 * @command:    without its newline
 * @timeout_ms: how long it may take
 * @ret_answer: what it printed, to be freed; NULL where that is not wanted
 *
 * Return: 0; -EINVAL where ibsim refused it, @ret_answer says why; -EPIPE where ibsim ended; -ETIMEDOUT; -ENOMEM.
 */
int hf_ibsim_command(struct hf_ibsim *ibsim, const char *command, int timeout_ms, char **ret_answer);

/* Ends it. */
int hf_ibsim_stop(struct hf_ibsim *ibsim, int timeout_ms);

#endif
