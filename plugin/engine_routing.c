/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/engine_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

void hf_engine_free_pending(struct hf_engine_pending *routing)
{
	hf_tables_free(routing->tables);
	hf_snapshot_free(routing->snapshot);
	free(routing->subscribers);
	*routing = (struct hf_engine_pending) { 0 };
}

void hf_engine_forget_routings(struct hf_engine *engine)
{
	hf_engine_free_pending(&engine->waiting);
	hf_bulk_forget(engine->config.bulk);
	engine->is_unsure = false;
	engine->is_lost = false;
	hf_engine_set_announced(engine, NULL);
}

static void trace_routing(struct hf_engine *engine, const struct hf_engine_event *event)
{
	const struct hf_osm_copy *copy = &event->copy;
	const struct hf_routing *routing = &copy->tables->routing;

	hf_trace_event(engine->config.trace, "routing_done",
		       "{s:I, s:I, s:s, s:s, s:b, s:b, s:b, s:I, s:I, s:i, s:i}",
		       "t", (json_int_t)event->at_ns, "epoch", (json_int_t)routing->epoch, "engine", routing->engine,
		       "wanted_engine", routing->wanted_engine, "reroute", routing->reroute,
		       "first", !engine->announced && !engine->waiting.snapshot, "written", routing->is_written,
		       "snapshot_us", (json_int_t)(copy->taken_ns / NS_PER_US),
		       "lock_us", (json_int_t)(copy->longest_lock_ns / NS_PER_US),
		       "lft_changes", (int)atomic_exchange(&engine->lft_changes, 0), "subscribers", (int)copy->count);
}

/* OpenSM itself says nothing where an engine fails and another one routes. */
static void watch_routing_engine(struct hf_engine *engine, const struct hf_routing *routing, uint64_t at_ns)
{
	bool is_fallback = strcmp(routing->engine, routing->wanted_engine);

	if (is_fallback && !engine->status.is_fallback) {
		engine->status.fallback_epoch = routing->epoch;
		engine->status.fallback_ns = at_ns;
	}
	engine->status.is_fallback = is_fallback;
	if (!strcmp(engine->routing_engine, routing->engine))
		return;
	if (is_fallback)
		hf_log(HF_LOG_WARN, "routing engine %s failed, %s routes instead: the SLs of all paths may be others",
		       routing->wanted_engine, routing->engine);
	else if (engine->routing_engine[0])
		hf_log(HF_LOG_INFO, "routing engine %s routes again", routing->engine);
	memcpy(engine->routing_engine, routing->engine, sizeof(engine->routing_engine));
}

/* Hosts may have asked while @skipped was in force, which is never announced now. */
static void skip_routing(struct hf_engine *engine, const struct hf_snapshot *skipped, const struct hf_snapshot *next)
{
	struct hf_changes changes;

	if (!hf_changes_find(skipped, next, &changes)) {
		engine->is_unsure |= !hf_changes_are_none(&changes);
		hf_changes_fini(&changes);
	} else {
		engine->is_unsure = true;
	}
}

void hf_engine_lose_routing(struct hf_engine *engine)
{
	hf_engine_free_pending(&engine->waiting);
	hf_bulk_forget(engine->config.bulk);
	engine->is_lost = true;
}

void hf_engine_tell_lost(struct hf_engine *engine, struct hf_subscriber *subscribers, size_t count)
{
	const struct hf_engine_pending lost = {
		.epoch = engine->status.routing.epoch, .subscribers = subscribers, .count = count,
	};
	int err;

	if (!engine->is_lost)
		return;
	hf_engine_forget_routings(engine);
	/* Before the first announcement nobody has asked anybody but OpenSM. */
	err = count && engine->sm_lid ? hf_engine_tell_subscribers(engine, &lost, NULL) : 0;
	if (err && err != -ECANCELED)
		hf_log(HF_LOG_ERROR, "not all hosts could be told to ask (%s); the next routing makes up for it",
		       strerror(-err));
}

static void wait_for_subnet_up(struct hf_engine *engine, struct hf_snapshot *snapshot, struct hf_osm_copy *copy)
{
	if (engine->waiting.snapshot)
		skip_routing(engine, engine->waiting.snapshot, snapshot);
	hf_engine_free_pending(&engine->waiting);
	engine->waiting = (struct hf_engine_pending) {
		.tables = copy->tables, .snapshot = snapshot, .epoch = snapshot->routing.epoch,
		.subscribers = copy->subscribers, .count = copy->count,
	};
	copy->tables = NULL;
	copy->subscribers = NULL;
	if (!snapshot->routing.is_written)
		hf_log(HF_LOG_WARN, "routing %" PRIu64 " has not reached all switches; it is not announced",
		       snapshot->routing.epoch);
	else if (snapshot->routing.reroute)
		hf_engine_announce(engine);
}

static int resolve(struct hf_engine *engine, const struct hf_tables *tables, struct hf_snapshot **ret_snapshot)
{
	uint64_t start_ns = hf_now_ns();
	int err = hf_snapshot_resolve(tables, ret_snapshot);

	engine->status.routing.resolve_us = (hf_now_ns() - start_ns) / NS_PER_US;
	if (err)
		hf_log(HF_LOG_ERROR, "routing %" PRIu64 " could not be read (%s); all hosts are told to ask for OpenSM's "
		       "paths", tables->routing.epoch, strerror(-err));
	return err;
}

/* Links may have come up otherwise than they were when routes were computed: another rate, say. */
static void update_links(struct hf_engine *engine, const struct hf_osm_update *update)
{
	struct hf_engine_pending *routing = &engine->waiting;
	struct hf_snapshot *snapshot;

	if (!routing->snapshot || !update->links || update->n_links != hf_tables_count_links(routing->tables) ||
	    !hf_tables_update_links(routing->tables, update->links))
		return;
	if (resolve(engine, routing->tables, &snapshot)) {
		hf_engine_lose_routing(engine);
		return;
	}
	hf_snapshot_free(routing->snapshot);
	routing->snapshot = snapshot;
}

/* Whoever has subscribed since may have asked already, and was answered from what was announced before. */
static void update_subscribers(struct hf_engine *engine, struct hf_osm_update *update)
{
	struct hf_engine_pending *routing = &engine->waiting;

	if (!routing->snapshot || !update->subscribers)
		return;
	free(routing->subscribers);
	routing->subscribers = update->subscribers;
	routing->count = update->n_subscribers;
	update->subscribers = NULL;
}

void hf_engine_update_waiting(struct hf_engine *engine, struct hf_osm_update *update)
{
	update_links(engine, update);
	update_subscribers(engine, update);
}

static void tell_routing(struct hf_engine *engine, const struct hf_osm_copy *copy)
{
	const struct hf_routing *routing = &copy->tables->routing;
	struct hf_status_routing *told = &engine->status.routing;

	*told = (struct hf_status_routing) {
		.epoch = routing->epoch,
		.instance = routing->instance,
		.copy_us = copy->taken_ns / NS_PER_US,
		.lock_us = copy->longest_lock_ns / NS_PER_US,
		.subscribers = copy->count,
	};
	memcpy(told->engine, routing->engine, sizeof(told->engine));
	memcpy(told->wanted_engine, routing->wanted_engine, sizeof(told->wanted_engine));
	engine->status.counters.routings++;
}

void hf_engine_take_routing(struct hf_engine *engine, struct hf_engine_event *event)
{
	const struct hf_routing *routing = &event->copy.tables->routing;
	struct hf_snapshot *snapshot;

	if (!routing->is_master || routing->is_first_sweep)
		hf_engine_forget_routings(engine);
	trace_routing(engine, event);
	engine->status.is_master = routing->is_master;
	if (!routing->is_master)
		return;
	tell_routing(engine, &event->copy);
	watch_routing_engine(engine, routing, event->at_ns);
	engine->wants_umad = true;
	if (resolve(engine, event->copy.tables, &snapshot)) {
		hf_engine_lose_routing(engine);
		/* No SUBNET UP follows. */
		if (routing->reroute)
			hf_engine_tell_lost(engine, event->copy.subscribers, event->copy.count);
		return;
	}
	engine->is_unsure |= engine->is_lost;
	engine->is_lost = false;
	wait_for_subnet_up(engine, snapshot, &event->copy);
}
