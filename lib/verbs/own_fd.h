/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A descriptor in a process that is not ours: the program may close it, as some close all that they do not know, and
 * get its number for something else. So it is looked at before it is used.
 */
#ifndef HF_LIB_VERBS_OWN_FD_H
#define HF_LIB_VERBS_OWN_FD_H

#include <stdbool.h>
#include <sys/types.h>

struct hf_own_fd {
	int fd;		/* -1: none */
	dev_t device;
	ino_t inode;
};

#define HF_OWN_FD_NONE { .fd = -1 }

/* @fd: a socket; passes to the result. */
struct hf_own_fd hf_own_fd_of(int fd);

/* It is still what it was. */
bool hf_own_fd_is_good(const struct hf_own_fd *own);

/* Closes it where it is good; there is none afterwards. */
void hf_own_fd_close(struct hf_own_fd *own);

#endif
