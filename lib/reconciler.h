/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Compares what the SM says with what each connection uses and changes those that differ, and only those. A connection
 * whose path is lost is marked and left alone: it may still work, and nothing better is known. When the path is back,
 * the mark goes and the connection is compared like any other.
 */
#ifndef HF_LIB_RECONCILER_H
#define HF_LIB_RECONCILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/connection.h"
#include "lib/path_cache.h"

struct hf_reconciler_counters {
	uint64_t established;
	uint64_t changed;
	uint64_t failed;
	uint64_t lost;		/* paths of connections */
	uint64_t returned;
};

struct hf_reconciler_ops {
	/* A connection uses a path: its first (@old NULL) or another than before; for traces. */
	void (*changed)(void *ctx, const struct hf_connection *connection, const struct hf_path *old);
	/* path_lost changed. */
	void (*lost)(void *ctx, const struct hf_connection *connection);
};

struct hf_reconciler {
	struct hf_registry *registry;
	const struct hf_path_cache *cache;
	const struct hf_reconciler_ops *ops;
	void *ctx;
	struct hf_reconciler_counters counters;
	size_t pending;		/* connections CHANGING or FAILED, of which the latter are tried again */
	uint64_t retry_ns;	/* when; UINT64_MAX for never */
};

/* All arguments are borrowed. */
void hf_reconciler_init(struct hf_reconciler *reconciler, struct hf_registry *registry,
			const struct hf_path_cache *cache, const struct hf_reconciler_ops *ops, void *ctx);

/* Compares every connection; after a table, and after a trap 68. Cost: O(connections). */
void hf_reconciler_run(struct hf_reconciler *reconciler, uint64_t now_ns);

/* Compares the connections to one destination; after a trap 69 with its path, and for a new connection. */
void hf_reconciler_run_dgid(struct hf_reconciler *reconciler, const union hf_gid *dgid, uint64_t now_ns);

/* Compares one; after the program that has it said something new of it. */
void hf_reconciler_run_connection(struct hf_reconciler *reconciler, struct hf_connection *connection, uint64_t now_ns);

/**
 * hf_reconciler_finish() - a strategy that returned -EINPROGRESS has ended
 * @reconciler: the reconciler
 * @connection: CHANGING
 * @err:        0, or why it failed
 * @now_ns:     the time
 *
 * If the SM said something new meanwhile, the next change begins here.
 */
void hf_reconciler_finish(struct hf_reconciler *reconciler, struct hf_connection *connection, int err,
			  uint64_t now_ns);

/**
 * hf_reconciler_note_moved() - a connection uses another path, and it was not this end that brought it there
 * @reconciler: the reconciler
 * @connection: a change that is under way or to be tried again has ended with this
 * @path:       in use from now on
 * @now_ns:     the time
 */
void hf_reconciler_note_moved(struct hf_reconciler *reconciler, struct hf_connection *connection,
			      const struct hf_path *path, uint64_t now_ns);

/* To be called before a connection is destroyed. */
void hf_reconciler_forget(struct hf_reconciler *reconciler, const struct hf_connection *connection);

/* Tries again what failed, when it is due. */
void hf_reconciler_handle_timer(struct hf_reconciler *reconciler, uint64_t now_ns);

static inline uint64_t hf_reconciler_deadline_ns(const struct hf_reconciler *reconciler)
{
	return reconciler->retry_ns;
}

/* Whether a change is under way or to be tried again. */
bool hf_reconciler_is_busy(const struct hf_reconciler *reconciler);

#endif
