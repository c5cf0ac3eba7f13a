/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The plugin's own thread. OpenSM's threads post what happened and go on; the thread compares routings, decides who
 * hears what and brings the Reports out. It never touches anything of OpenSM's but its log.
 *
 * A routing of a heavy sweep is announced at SUBNET UP, when the SA answers and the ports are active; one of a reroute
 * at once, as no SUBNET UP follows. One that the switches have not taken is not announced, it waits for the next. Where
 * several routings come before an announcement, the last is compared with the one that was announced last; a host may
 * hold a path of one between them, so if those differ everybody is told to ask.
 */
#ifndef HF_PLUGIN_ENGINE_H
#define HF_PLUGIN_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/trace.h"
#include "plugin/bulk.h"
#include "plugin/reporter.h"
#include "plugin/signaller.h"
#include "plugin/status.h"
#include "plugin/tables.h"

struct hf_engine;

struct hf_engine_config {
	enum hf_mode mode;
	struct hf_reporter_config reporter;
	struct hf_bulk *bulk;		/* borrowed: where announcements are published */
	struct hf_trace *trace;		/* borrowed; may be NULL */
	bool trace_paths;		/* a line for each path that changed */
	__be64 port_guid;		/* of the SM's port, from which the Reports go */
	struct hf_status_board *board;	/* borrowed: where the thread tells of itself */
};

/**
 * hf_engine_start() - start the thread
 * @config:     copied
 * @ret_engine: to be ended with hf_engine_stop()
 *
 * The port is opened at the first routing, and again whenever it went away.
 *
 * Return: 0; -ENOMEM; the negative errno of eventfd(), getrandom() or pthread_create().
 */
int hf_engine_start(const struct hf_engine_config *config, struct hf_engine **ret_engine);

/* Ends the thread, whatever it is doing, and frees the engine; reports that wait are dropped. May be NULL. */
void hf_engine_stop(struct hf_engine *engine);

/*
 * What OpenSM's threads post. None of these blocks or takes a lock, and all may be called from any thread. Where there
 * is no memory for an event it is dropped, and counts as a lost routing if it was more than a trap.
 */
void hf_engine_post_trap(struct hf_engine *engine, uint16_t trap_num, uint16_t issuer_lid);
void hf_engine_post_lft_change(struct hf_engine *engine);
void hf_engine_post_sweep_start(struct hf_engine *engine);

/* What was copied from OpenSM at SUBNET UP, since routing. */
struct hf_osm_update {
	struct hf_link *links;			/* for hf_tables_update_links(); freed with free() */
	size_t n_links;
	struct hf_subscriber *subscribers;	/* likewise */
	size_t n_subscribers;
};

/*
 * Takes the parts of @update over in any case; NULL where nothing could be copied. Ends the announcement that the
 * caller has begun with hf_bulk_begin_announcement().
 */
void hf_engine_post_subnet_up(struct hf_engine *engine, const struct hf_osm_update *update);

/*
 * This SM is not the master any more: the next one tells the hosts. What was announced says nothing about what they
 * will hold when this one comes back, so then everybody is told to ask.
 */
void hf_engine_post_not_master(struct hf_engine *engine);

/* What was copied from OpenSM at the end of a routing. */
struct hf_osm_copy {
	struct hf_tables *tables;
	struct hf_subscriber *subscribers;	/* freed with free() */
	size_t count;
	uint64_t taken_ns;		/* how long it took */
	uint64_t longest_lock_ns;	/* and held OpenSM's lock in one piece */
};

/* Takes the parts of @copy over in any case. That of a reroute is announced at once: ends what the caller has begun. */
void hf_engine_post_routing(struct hf_engine *engine, const struct hf_osm_copy *copy);

/* A routing could not be copied: after SUBNET UP everybody is told to ask, and OpenSM answers until the next one. */
void hf_engine_post_lost_routing(struct hf_engine *engine);

#endif
