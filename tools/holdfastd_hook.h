/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A hook program: run as a child in a process group of its own, for a limited time, one at a time. */
#ifndef HF_TOOLS_HOLDFASTD_HOOK_H
#define HF_TOOLS_HOLDFASTD_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#define HOLDFASTD_HOOK_SIGNALLED	256	/* added to the number of the signal that ended it */

enum holdfastd_hook_end {
	HOLDFASTD_HOOK_OK,		/* exit status 0 */
	HOLDFASTD_HOOK_FAILED,		/* another one, a signal, or it could not be run */
	HOLDFASTD_HOOK_LIMIT,		/* its time had passed: it was killed, with its whole group */
	HOLDFASTD_HOOK_STOPPED,		/* by holdfastd_hook_stop() */
};

struct holdfastd_hook;

struct holdfastd_hook_ops {
	/* @status: exit status, or HOLDFASTD_HOOK_SIGNALLED and a signal. It may start the next one. */
	void (*ended)(void *ctx, enum holdfastd_hook_end end, uint16_t status);

	/* It wrote "connections N" in a line of its standard output. */
	void (*connections)(void *ctx, uint32_t connections);
};

/* Return: 0; -ENOMEM. */
int holdfastd_hook_new(struct event_base *base, const struct holdfastd_hook_ops *ops, void *ctx,
		       struct holdfastd_hook **ret_hook);

/* Kills what runs, and waits for its end. @hook may be NULL. */
void holdfastd_hook_free(struct holdfastd_hook *hook);

/**
 * holdfastd_hook_start() - run a program
 * @hook:     where none runs
 * @argv:     argv[0] is the file
 * @environ_: all of its environment
 * @limit_ms: from 1
 *
 * ended() is called later in any case.
 */
void holdfastd_hook_start(struct holdfastd_hook *hook, char *const argv[], char *const environ_[], uint32_t limit_ms);

/* Kills it, if one runs; ended() is called when it has ended. */
void holdfastd_hook_stop(struct holdfastd_hook *hook);

bool holdfastd_hook_is_running(const struct holdfastd_hook *hook);

#endif
