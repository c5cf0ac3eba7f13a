/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/reconciler.h"

#include <errno.h>
#include <string.h>

#include "lib/gid.h"
#include "lib/log.h"
#include "lib/strategy.h"

#define RETRY_NS UINT64_C(1000000000)
#define NEVER UINT64_MAX

void hf_reconciler_init(struct hf_reconciler *reconciler, struct hf_registry *registry,
			const struct hf_path_cache *cache, const struct hf_reconciler_ops *ops, void *ctx)
{
	*reconciler = (struct hf_reconciler){
		.registry = registry, .cache = cache, .ops = ops, .ctx = ctx, .retry_ns = NEVER,
	};
}

static bool is_pending(const struct hf_connection *connection)
{
	return connection->state == HF_CONNECTION_CHANGING || connection->state == HF_CONNECTION_FAILED;
}

static bool has_path(const struct hf_connection *connection)
{
	return connection->path.reachable;
}

static void note_done(struct hf_reconciler *reconciler, struct hf_connection *connection)
{
	struct hf_path old = connection->path;
	bool is_first = !has_path(connection);

	connection->path = connection->wanted;
	connection->retry_ns = 0;
	if (is_first) {
		reconciler->counters.established++;
	} else {
		reconciler->counters.changed++;
		connection->changes++;
	}
	reconciler->ops->changed(reconciler->ctx, connection, is_first ? NULL : &old);
}

/* A row of failures is told once. */
static void note_failure(struct hf_reconciler *reconciler, struct hf_connection *connection, int err, uint64_t now_ns)
{
	enum hf_log_level level = connection->retry_ns ? HF_LOG_DEBUG : HF_LOG_WARN;

	connection->failures++;
	connection->retry_ns = now_ns + RETRY_NS;
	reconciler->counters.failed++;
	if (connection->retry_ns < reconciler->retry_ns)
		reconciler->retry_ns = connection->retry_ns;
	hf_log(level, "QPN 0x%x to %s could not be moved to DLID %u SL %u (%s); tried again every %u s",
	       connection->qpn, hf_gid_format(&connection->dgid).text, connection->wanted.dlid, connection->wanted.sl,
	       strerror(-err), (unsigned int)(RETRY_NS / 1000000000));
}

/* Ends a change whose connection is CHANGING. */
static void end_change(struct hf_reconciler *reconciler, struct hf_connection *connection, int err, uint64_t now_ns)
{
	hf_connection_step(connection, err ? HF_CONNECTION_FAIL : HF_CONNECTION_DONE);
	if (err)
		note_failure(reconciler, connection, err, now_ns);
	else
		note_done(reconciler, connection);
	if (!is_pending(connection))
		reconciler->pending--;
}

static void begin_change(struct hf_reconciler *reconciler, struct hf_connection *connection, const struct hf_path *path,
			 uint64_t now_ns)
{
	const struct hf_strategy *strategy = connection->strategy;
	int (*change)(struct hf_connection *, const struct hf_path *, uint64_t) = strategy->apply;
	int err;

	if (!has_path(connection) && strategy->establish)
		change = strategy->establish;
	if (!is_pending(connection))
		reconciler->pending++;
	hf_connection_step(connection, HF_CONNECTION_BEGIN);
	connection->wanted = *path;
	err = change(connection, path, now_ns);
	if (err != -EINPROGRESS)
		end_change(reconciler, connection, err, now_ns);
}

static void set_lost(struct hf_reconciler *reconciler, struct hf_connection *connection, bool is_lost)
{
	if (connection->path_lost == is_lost)
		return;
	connection->path_lost = is_lost;
	if (is_lost)
		reconciler->counters.lost++;
	else
		reconciler->counters.returned++;
	reconciler->ops->lost(reconciler->ctx, connection);
}

static bool differs(const struct hf_connection *connection, const struct hf_path *path)
{
	const struct hf_strategy *strategy = connection->strategy;

	return strategy->differs ? strategy->differs(connection, path) : hf_path_differs(&connection->path, path);
}

/* A connection that waits for its first path has lost none. Its first may be one of its own, which is compared, too. */
static void compare(struct hf_reconciler *reconciler, struct hf_connection *connection, uint64_t now_ns)
{
	const struct hf_path *path = hf_path_cache_find(reconciler->cache, &connection->dgid);
	bool is_known = path && path->reachable;
	bool is_first = !has_path(connection);

	set_lost(reconciler, connection, !is_known && has_path(connection));
	if (!is_known || connection->state == HF_CONNECTION_CHANGING)
		return;
	if (is_first || differs(connection, path) || connection->state == HF_CONNECTION_FAILED)
		begin_change(reconciler, connection, path, now_ns);
	if (is_first && connection->state == HF_CONNECTION_ESTABLISHED && differs(connection, path))
		begin_change(reconciler, connection, path, now_ns);
}

struct pass {
	struct hf_reconciler *reconciler;
	uint64_t now_ns;
};

static void compare_visited(void *ctx, struct hf_connection *connection)
{
	const struct pass *pass = ctx;

	compare(pass->reconciler, connection, pass->now_ns);
}

void hf_reconciler_run(struct hf_reconciler *reconciler, uint64_t now_ns)
{
	struct pass pass = { reconciler, now_ns };

	hf_registry_for_each(reconciler->registry, compare_visited, &pass);
}

void hf_reconciler_run_dgid(struct hf_reconciler *reconciler, const union hf_gid *dgid, uint64_t now_ns)
{
	struct hf_connection *connection = hf_registry_find_dgid(reconciler->registry, dgid);

	for (; connection; connection = connection->next)
		compare(reconciler, connection, now_ns);
}

void hf_reconciler_run_connection(struct hf_reconciler *reconciler, struct hf_connection *connection, uint64_t now_ns)
{
	compare(reconciler, connection, now_ns);
}

void hf_reconciler_finish(struct hf_reconciler *reconciler, struct hf_connection *connection, int err,
			  uint64_t now_ns)
{
	if (connection->state != HF_CONNECTION_CHANGING)
		return;
	end_change(reconciler, connection, err, now_ns);
	if (!err)
		compare(reconciler, connection, now_ns);
}

void hf_reconciler_note_moved(struct hf_reconciler *reconciler, struct hf_connection *connection,
			      const struct hf_path *path, uint64_t now_ns)
{
	if (!has_path(connection))
		return;
	if (!is_pending(connection))
		reconciler->pending++;
	if (connection->state != HF_CONNECTION_CHANGING)
		hf_connection_step(connection, HF_CONNECTION_BEGIN);
	connection->wanted = *path;
	hf_reconciler_finish(reconciler, connection, 0, now_ns);
}

void hf_reconciler_forget(struct hf_reconciler *reconciler, const struct hf_connection *connection)
{
	if (is_pending(connection))
		reconciler->pending--;
}

static void retry_visited(void *ctx, struct hf_connection *connection)
{
	const struct pass *pass = ctx;

	if (connection->state != HF_CONNECTION_FAILED)
		return;
	if (connection->retry_ns <= pass->now_ns)
		compare(pass->reconciler, connection, pass->now_ns);
	else if (connection->retry_ns < pass->reconciler->retry_ns)
		pass->reconciler->retry_ns = connection->retry_ns;
}

void hf_reconciler_handle_timer(struct hf_reconciler *reconciler, uint64_t now_ns)
{
	struct pass pass = { reconciler, now_ns };

	if (now_ns < reconciler->retry_ns)
		return;
	reconciler->retry_ns = NEVER;
	hf_registry_for_each(reconciler->registry, retry_visited, &pass);
}

bool hf_reconciler_is_busy(const struct hf_reconciler *reconciler)
{
	return reconciler->pending > 0;
}
