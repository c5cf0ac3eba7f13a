/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Asks a running fabric's SA for all path records, again and again, at the cost of the query alone. The adapter belongs
 * to a process with the simulated ib_umad in it: hfsim once more, as a child, with a socket between the two.
 */
#ifndef HF_TOOLS_HFSIM_ASKER_H
#define HF_TOOLS_HFSIM_ASKER_H

#include <stdint.h>

#include "tools/hfsim_fabric.h"
#include "tools/hfsim_pathset.h"

#define HF_ASKER_COMMAND	"answer-paths"	/* the subcommand that the child runs */

/* Over the socket: a question, and as many answers as it wants, each with its records behind it. Host order. */
struct hf_asker_question {
	uint32_t times;
};

struct hf_asker_answer {
	int32_t err;		/* 0, or a negative errno, and the end */
	uint32_t n_records;	/* struct hf_path_record */
};

struct hf_asker {
	struct hf_child child;
	int fd;
};

/* Starts the child at the SM's node. @asker is to be given to hf_asker_stop() in any case. Return: 0; -errno. */
int hf_asker_start(struct hf_asker *asker, struct hf_fabric *fabric);

/**
 * hf_asker_ask() - get all path records
 * @asker:      started
 * @times:      so often
 * @timeout_ms: of all answers together
 * @ret_set:    all answers in one, finished; to be given to hf_path_set_fini() also on failure
 *
 * Return: 0; -ETIMEDOUT; -EPIPE where the child ended; -ENOMEM; what the SA's answer was refused with.
 */
int hf_asker_ask(struct hf_asker *asker, uint32_t times, int timeout_ms, struct hf_path_set *ret_set);

void hf_asker_stop(struct hf_asker *asker);

#endif
