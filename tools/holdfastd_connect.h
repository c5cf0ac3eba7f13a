/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The connect file of simulations: "[LOCAL] DGID" a line, "#" begins a comment. LOCAL is an adapter, adapter:number, a
 * node name or a GID; without it all local ports are meant.
 */
#ifndef HF_TOOLS_HOLDFASTD_CONNECT_H
#define HF_TOOLS_HOLDFASTD_CONNECT_H

#include <stddef.h>

#include <holdfast/host.h>

#include "lib/wire.h"

struct holdfastd_connect_line {
	char *local;		/* NULL: all */
	union hf_gid dgid;
};

struct holdfastd_connect {
	struct holdfastd_connect_line *lines;
	size_t count;
};

/**
 * holdfastd_connect_load() - read a connect file
 * @path:        the file
 * @ret_connect: to be ended with holdfastd_connect_fini()
 * @ret_error:   set on failure to one line that names file and line; caller frees it
 *
 * Return: 0; -EINVAL for what the file says; -ENOMEM; the negative errno of reading it.
 */
int holdfastd_connect_load(const char *path, struct holdfastd_connect *ret_connect, char **ret_error);

void holdfastd_connect_fini(struct holdfastd_connect *connect);

/**
 * holdfastd_connect_apply() - create the connections of one port
 * @connect: the file
 * @host:    the port; its own GID as destination is skipped
 * @has_sqd: as in hf_host_connect_simulated()
 *
 * Return: 0; -ENOMEM.
 */
int holdfastd_connect_apply(const struct holdfastd_connect *connect, struct hf_host *host, bool has_sqd);

#endif
