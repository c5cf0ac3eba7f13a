/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/engine_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_TRAPS	1024	/* posted and not traced yet; a storm beyond is dropped */

void hf_engine_wake(struct hf_engine *engine)
{
	uint64_t one = 1;

	/* It can only fail by overflow, and then the thread is awake anyway. */
	if (write(engine->wake_fd, &one, sizeof(one)) < 0)
		errno = 0;
}

static void post(struct hf_engine *engine, struct hf_engine_event *event)
{
	event->at_ns = hf_now_ns();
	event->next = atomic_load(&engine->posted);
	while (!atomic_compare_exchange_weak(&engine->posted, &event->next, event))
		;
	hf_engine_wake(engine);
}

/* Without memory to say it: what is known of routings is not what is in force. */
static void post_dropped(struct hf_engine *engine)
{
	atomic_store(&engine->is_dropped, true);
	hf_engine_wake(engine);
}

static void post_kind(struct hf_engine *engine, enum hf_engine_event_kind kind)
{
	struct hf_engine_event *event = calloc(1, sizeof(*event));

	if (!event) {
		post_dropped(engine);
		return;
	}
	event->kind = kind;
	post(engine, event);
}

void hf_engine_post_trap(struct hf_engine *engine, uint16_t trap_num, uint16_t issuer_lid)
{
	struct hf_engine_event *event;

	if (!engine->config.trace)
		return;
	event = atomic_fetch_add(&engine->traps_posted, 1) < MAX_TRAPS ? calloc(1, sizeof(*event)) : NULL;
	if (!event) {
		atomic_fetch_sub(&engine->traps_posted, 1);
		return;
	}
	event->kind = HF_EVENT_TRAP;
	event->trap_num = trap_num;
	event->issuer_lid = issuer_lid;
	post(engine, event);
}

void hf_engine_post_lft_change(struct hf_engine *engine)
{
	atomic_fetch_add(&engine->lft_changes, 1);
}

void hf_engine_post_sweep_start(struct hf_engine *engine)
{
	post_kind(engine, HF_EVENT_SWEEP_START);
}

static void free_update(const struct hf_osm_update *update)
{
	free(update->links);
	free(update->subscribers);
}

void hf_engine_post_subnet_up(struct hf_engine *engine, const struct hf_osm_update *update)
{
	struct hf_engine_event *event = calloc(1, sizeof(*event));

	if (!event) {
		if (update)
			free_update(update);
		hf_bulk_end_announcement(engine->config.bulk);
		post_dropped(engine);
		return;
	}
	event->kind = HF_EVENT_SUBNET_UP;
	if (update)
		event->update = *update;
	post(engine, event);
}

void hf_engine_post_not_master(struct hf_engine *engine)
{
	post_kind(engine, HF_EVENT_NOT_MASTER);
}

static void free_copy(const struct hf_osm_copy *copy)
{
	hf_tables_free(copy->tables);
	free(copy->subscribers);
}

void hf_engine_free_event(struct hf_engine_event *event)
{
	free_copy(&event->copy);
	free_update(&event->update);
	free(event);
}

void hf_engine_post_routing(struct hf_engine *engine, const struct hf_osm_copy *copy)
{
	struct hf_engine_event *event = calloc(1, sizeof(*event));

	if (!event) {
		if (copy->tables->routing.reroute)
			hf_bulk_end_announcement(engine->config.bulk);
		free_copy(copy);
		post_dropped(engine);
		return;
	}
	event->kind = HF_EVENT_ROUTING;
	event->copy = *copy;
	post(engine, event);
}

void hf_engine_post_lost_routing(struct hf_engine *engine)
{
	post_kind(engine, HF_EVENT_LOST_ROUTING);
}

struct hf_engine_event *hf_engine_take_posted(struct hf_engine *engine)
{
	struct hf_engine_event *newest = atomic_exchange(&engine->posted, NULL);
	struct hf_engine_event *oldest = NULL;

	while (newest) {
		struct hf_engine_event *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}
