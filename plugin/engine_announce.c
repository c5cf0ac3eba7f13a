/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/engine_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

struct emission {
	struct hf_engine *engine;
	struct hf_engine_announcement *announcement;
	const struct hf_subscriber *subscribers;
	bool *told;	/* by index in @subscribers */
};

static int add_report(void *ctx, const struct hf_subscriber *to, const struct hf_report *report)
{
	struct emission *emission = ctx;
	bool *told = &emission->told[to - emission->subscribers];

	if (atomic_load(&emission->engine->is_stopping))
		return -ECANCELED;
	emission->announcement->hosts += !*told;
	*told = true;
	return hf_reporter_add(emission->engine->reporter, to, report);
}

/* @changes: NULL where they are not known. */
static int signal_subscribers(struct hf_engine *engine, const struct hf_engine_pending *routing,
			      const struct hf_changes *changes, struct emission *emission)
{
	int err = changes ? hf_signal(engine->config.mode, changes, engine->config.bulk, routing->subscribers,
				      routing->count, add_report, emission) : 0;

	if (err || (changes && !engine->is_unsure))
		return err;
	return hf_signal_unknown(engine->config.mode, routing->epoch, routing->subscribers, routing->count, add_report,
				 emission);
}

int hf_engine_tell_subscribers(struct hf_engine *engine, const struct hf_engine_pending *routing,
			       const struct hf_changes *changes)
{
	struct emission emission = {
		.engine = engine,
		.announcement = calloc(1, sizeof(*emission.announcement)),
		.subscribers = routing->subscribers,
		.told = calloc(routing->count + 1, sizeof(*emission.told)),
	};
	int err = -ENOMEM;

	if (!emission.announcement || !emission.told) {
		free(emission.announcement);
		goto err_free_told;
	}
	emission.announcement->epoch = routing->epoch;
	TAILQ_INSERT_TAIL(&engine->announcements, emission.announcement, next);
	hf_reporter_keep(engine->reporter, routing->subscribers, routing->count);
	err = signal_subscribers(engine, routing, changes, &emission);

err_free_told:
	free(emission.told);
	return err;
}

static void tell_comparison(struct hf_engine *engine, const struct hf_changes *changes, uint64_t compare_us)
{
	const struct hf_routing *routing = &changes->new_->routing;

	engine->status.comparison = (struct hf_status_comparison) { .epoch = routing->epoch, .compare_us = compare_us };
	memcpy(engine->status.comparison.counts, changes->counts, sizeof(changes->counts));
	hf_trace_event(engine->config.trace, "diff", "{s:I, s:I, s:I, s:I, s:I}",
		       "epoch", (json_int_t)routing->epoch,
		       "changed", (json_int_t)changes->counts[HF_CHANGE_CHANGED],
		       "lost", (json_int_t)changes->counts[HF_CHANGE_LOST],
		       "appeared", (json_int_t)changes->counts[HF_CHANGE_APPEARED],
		       "compare_us", (json_int_t)compare_us);
	hf_log(hf_changes_are_none(changes) ? HF_LOG_DEBUG : HF_LOG_INFO,
	       "routing %" PRIu64 " (%s): %" PRIu64 " paths changed, %" PRIu64 " lost, %" PRIu64 " appeared",
	       routing->epoch, routing->engine, changes->counts[HF_CHANGE_CHANGED], changes->counts[HF_CHANGE_LOST],
	       changes->counts[HF_CHANGE_APPEARED]);
}

static json_t *pack_guid(const struct hf_changes *changes, uint32_t port)
{
	uint64_t guid = hf_snapshot_port(changes->new_, port)->guid;
	char text[24];

	if (!guid)
		guid = hf_snapshot_port(changes->old, port)->guid;
	snprintf(text, sizeof(text), "0x%016" PRIx64, guid);
	return json_string(text);
}

static void trace_paths(struct hf_engine *engine, const struct hf_changes *changes)
{
	struct hf_change_cursor cursor = { 0 };
	struct hf_change change;

	while (!atomic_load(&engine->is_stopping) && hf_changes_next(changes, &cursor, &change))
		hf_trace_event(engine->config.trace, "path_changed", "{s:I, s:o, s:o, s:s}",
			       "epoch", (json_int_t)changes->new_->routing.epoch,
			       "sguid", pack_guid(changes, change.src), "dguid", pack_guid(changes, change.dst),
			       "kind", hf_change_names[change.kind]);
}

/* What any way of telling the hosts has to bring across. */
static void trace_announcement(struct hf_engine *engine, const struct hf_engine_pending *routing)
{
	size_t hosts = 0, all_changes = 0, bytes = 0;

	if (!engine->config.trace)
		return;
	for (size_t i = 0; i < routing->count; i++) {
		uint32_t port = routing->subscribers[i].port;
		size_t changes = 0;

		/* They are in the order of their LIDs. */
		if (i && routing->subscribers[i - 1].port == port)
			continue;
		if (port != HF_NO_INDEX)
			bytes += hf_bulk_weigh(engine->config.bulk, port, &changes);
		hosts += changes > 0;
		all_changes += changes;
	}
	hf_trace_event(engine->config.trace, "announcement", "{s:I, s:I, s:I, s:I}",
		       "epoch", (json_int_t)routing->snapshot->routing.epoch, "hosts", (json_int_t)hosts,
		       "changes", (json_int_t)all_changes, "bytes", (json_int_t)bytes);
}

/*
 * The first routing only records. Whoever has subscribed by then did so with another SM, or with this one before it was
 * standby, and must ask.
 */
static int record_and_tell(struct hf_engine *engine, const struct hf_engine_pending *routing)
{
	int err = hf_bulk_publish(engine->config.bulk, routing->snapshot, NULL);
	int tell_err = routing->count ? hf_engine_tell_subscribers(engine, routing, NULL) : 0;

	return err ? err : tell_err;
}

/* Whatever memory is short for, what was announced before is not answered any more. */
static int compare_and_tell(struct hf_engine *engine, const struct hf_engine_pending *routing)
{
	uint64_t start_ns = hf_now_ns();
	struct hf_changes changes;
	int err, tell_err;

	if (hf_changes_find(engine->announced, routing->snapshot, &changes))
		return record_and_tell(engine, routing);
	tell_comparison(engine, &changes, (hf_now_ns() - start_ns) / NS_PER_US);
	if (engine->config.trace && engine->config.trace_paths)
		trace_paths(engine, &changes);
	/* Who is told may ask at once. */
	err = hf_bulk_publish(engine->config.bulk, routing->snapshot, &changes);
	if (!err)
		trace_announcement(engine, routing);
	tell_err = hf_engine_tell_subscribers(engine, routing,
					      err || hf_bulk_is_anew(engine->config.bulk) ? NULL : &changes);
	hf_changes_fini(&changes);
	return err ? err : tell_err;
}

void hf_engine_announce(struct hf_engine *engine)
{
	struct hf_engine_pending routing = engine->waiting;
	int err;

	if (!routing.snapshot || !routing.snapshot->routing.is_written)
		return;
	engine->waiting = (struct hf_engine_pending) { 0 };
	engine->sm_lid = routing.snapshot->routing.sm_lid;
	engine->sm_gid = routing.snapshot->routing.sm_gid;
	err = engine->announced ? compare_and_tell(engine, &routing) : record_and_tell(engine, &routing);
	/* What was published stays, told or not: where not all were told, the next announcement has all ask. */
	hf_engine_set_announced(engine, routing.snapshot);
	engine->is_unsure = err;
	routing.snapshot = NULL;
	if (!err)
		engine->status.counters.announcements++;
	else if (err != -ECANCELED)
		hf_log(HF_LOG_ERROR, "routing %" PRIu64 " could not be announced (%s); the next one makes up for it",
		       engine->announced->routing.epoch, strerror(-err));
	hf_engine_free_pending(&routing);
}
