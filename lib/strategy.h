/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * How a connection is moved to another path. Each way is a struct of functions in one table; the reconciler knows no
 * other difference between them. The simulated one changes a struct hf_sim_qp; ways that work on verbs (automatic path
 * migration, drained send queue, reset) stand beside it.
 */
#ifndef HF_LIB_STRATEGY_H
#define HF_LIB_STRATEGY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/connection.h"
#include "lib/path_cache.h"

struct hf_strategy {
	const char *name;

	/*
	 * Brings a connection that has no path yet to where it can send; NULL where the program does that itself and
	 * registers the connection afterwards. Results as of apply.
	 */
	int (*establish)(struct hf_connection *connection, const struct hf_path *path, uint64_t now_ns);

	/*
	 * Moves an established connection to @path. Return: 0 when that is done; -EINPROGRESS where
	 * hf_reconciler_finish() will be called when it is; other -errno where the connection uses what it used before,
	 * or does not work and is tried again. The connection's "wanted" is @path, which is what it uses afterwards;
	 * a strategy that leaves some of it as it was says so there.
	 */
	int (*apply)(struct hf_connection *connection, const struct hf_path *path, uint64_t now_ns);

	/* Whether an established connection must be moved to use @path; NULL: where hf_path_differs() says so. */
	bool (*differs)(const struct hf_connection *connection, const struct hf_path *path);

	/* Frees the endpoint; NULL as endpoint is allowed. */
	void (*close)(void *endpoint);

	/* The queue pair's state, for people. */
	const char *(*qp_state)(const struct hf_connection *connection);
};

/* Return: the strategy; NULL if there is none of that name. */
const struct hf_strategy *hf_strategy_find(const char *name);

/*
 * The simulated strategy: RTS, SQD, the new address vector, RTS. Where the adapter refuses SQD, and for another MTU,
 * which can only be set on the way to RTR: the whole way through RESET. Its endpoint is a struct hf_sim_qp from
 * malloc().
 */
extern const struct hf_strategy hf_strategy_simulated;

extern const struct hf_strategy hf_strategy_program;	/* lib/strategy_program.h */

#endif
