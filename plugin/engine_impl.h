/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The inside of hf_engine, for its parts alone: engine.c has the thread, engine_post.c what OpenSM's threads hand to
 * it, engine_routing.c what a routing is before it is announced, engine_announce.c how it is, engine_reports.c the
 * Reports that bring it out, engine_port.c the port that they go through, engine_status.c what is said of all that.
 */
#ifndef HF_PLUGIN_ENGINE_IMPL_H
#define HF_PLUGIN_ENGINE_IMPL_H

#include "plugin/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#define NS_PER_MS	UINT64_C(1000000)
#define NS_PER_US	UINT64_C(1000)

enum hf_engine_event_kind {
	HF_EVENT_TRAP,
	HF_EVENT_SWEEP_START,
	HF_EVENT_ROUTING,
	HF_EVENT_LOST_ROUTING,
	HF_EVENT_SUBNET_UP,
	HF_EVENT_NOT_MASTER,
};

struct hf_engine_event {
	struct hf_engine_event *next;
	enum hf_engine_event_kind kind;
	uint64_t at_ns;
	uint16_t trap_num, issuer_lid;		/* HF_EVENT_TRAP */
	struct hf_osm_copy copy;		/* HF_EVENT_ROUTING */
	struct hf_osm_update update;		/* HF_EVENT_SUBNET_UP; all zero where there is none */
};

/* A routing that has not been announced. */
struct hf_engine_pending {
	struct hf_tables *tables;
	struct hf_snapshot *snapshot;
	uint64_t epoch;
	struct hf_subscriber *subscribers;
	size_t count;
};

/* How far the Reports of one routing are. */
struct hf_engine_announcement {
	uint64_t epoch;
	size_t hosts, pending, sent, acked, failed;
	TAILQ_ENTRY(hf_engine_announcement) next;
};

struct hf_engine {
	struct hf_engine_config config;
	pthread_t thread;
	int wake_fd;
	atomic_bool is_stopping;
	_Atomic(struct hf_engine_event *) posted;	/* newest first */
	atomic_bool is_dropped;			/* an event of a routing, without memory */
	atomic_int traps_posted;
	atomic_ulong lft_changes;

	/* Below: of the thread alone. */
	struct hf_umad *umad;
	int agent;
	uint64_t open_at_ns;
	bool wants_umad;
	struct hf_snapshot *announced;		/* what the hosts were last told of */
	struct hf_engine_pending waiting;	/* for SUBNET UP; without a snapshot where none is */
	bool is_unsure;				/* hosts may hold paths that were never announced */
	bool is_lost;				/* a routing is in force of which nothing is known */
	char routing_engine[32];		/* in force */
	union hf_gid sm_gid;
	uint16_t sm_lid;
	struct hf_reporter *reporter;
	TAILQ_HEAD(, hf_engine_announcement) announcements;
	struct hf_status status;		/* what is published */
};

/* Any thread. The thread has something to do. */
void hf_engine_wake(struct hf_engine *engine);

/* The functions below are called by the thread alone, or where it has ended. */

/* All that was posted, oldest first; each to be freed with hf_engine_free_event(). */
struct hf_engine_event *hf_engine_take_posted(struct hf_engine *engine);

void hf_engine_free_event(struct hf_engine_event *event);

/* The routing in @event waits for its announcement from now on; what is kept of its copy is taken out of it. */
void hf_engine_take_routing(struct hf_engine *engine, struct hf_engine_event *event);

/* What waits is not what will be in force. OpenSM answers until the next announcement. */
void hf_engine_lose_routing(struct hf_engine *engine);

/* Tells @subscribers of a routing that was lost, if one was: the next routing is the first one for everybody. */
void hf_engine_tell_lost(struct hf_engine *engine, struct hf_subscriber *subscribers, size_t count);

/* What hosts hold now is not known any more. */
void hf_engine_forget_routings(struct hf_engine *engine);

/* What SUBNET UP says of the routing that waits; what is used of @update is taken out of it. */
void hf_engine_update_waiting(struct hf_engine *engine, struct hf_osm_update *update);

void hf_engine_free_pending(struct hf_engine_pending *routing);

/* Announces the routing that waits, if one does and the switches have it. */
void hf_engine_announce(struct hf_engine *engine);

/**
 * hf_engine_tell_subscribers() - hand what they are told to the reporter
 * @engine:  of the thread
 * @routing: its subscribers and its epoch
 * @changes: NULL where they are not known
 *
 * Return: 0; -ENOMEM; -ECANCELED where the thread ends; what the reporter returned.
 */
int hf_engine_tell_subscribers(struct hf_engine *engine, const struct hf_engine_pending *routing,
			       const struct hf_changes *changes);

/* Of the reporter, with the engine as their context. */
extern const struct hf_reporter_ops hf_engine_reporter_ops;

/* Those of which no Report is pending any more are told in the log and the trace, and gone. */
void hf_engine_finish_announcements(struct hf_engine *engine);

/* Opens the port, if it is wanted, not open and time to try. */
void hf_engine_ensure_port(struct hf_engine *engine, uint64_t now_ns);

/* All that the port has received; closes one that is gone. */
void hf_engine_receive(struct hf_engine *engine);

void hf_engine_publish_status(struct hf_engine *engine);

/* Takes @snapshot over, NULL for none. It is published at once, so that nobody else keeps the one before. */
void hf_engine_set_announced(struct hf_engine *engine, struct hf_snapshot *snapshot);

#endif
