/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The strategy of connections whose queue pair another program has: that moves it, and says later what became of it
 * (doc/program-protocol.md). Such a connection comes with the path that it uses.
 */
#ifndef HF_LIB_STRATEGY_PROGRAM_H
#define HF_LIB_STRATEGY_PROGRAM_H

#include <holdfast/host.h>
#include <stdint.h>

#include "lib/connection.h"
#include "lib/path_cache.h"

/* From malloc(); the strategy's close() frees it. */
struct hf_program_endpoint {
	struct hf_path used;		/* by the program when it said so last; what it does not know is 0 */
	const uint8_t *lmc;		/* of the port, as it is now; borrowed */
	uint32_t dest_qpn;
	int pid;
	char *program;
	struct hf_host_move last_move;	/* its strategy is NULL before the first */
	void (*move)(void *ctx, const struct hf_host_path *path);
	void *ctx;
};

/* Return: the endpoint of a connection with hf_strategy_program; NULL for others. */
struct hf_program_endpoint *hf_program_endpoint_of(const struct hf_connection *connection);

#endif
