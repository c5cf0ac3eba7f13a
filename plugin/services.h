/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * All services: the state machines of the services file, what they own, and who is told. Whoever has seen something
 * (OpenSM's sweeper, a peer's request, the operator) says it here; what follows from it is decided under one lock, so
 * the same failure seen three ways moves a service once.
 *
 * It knows no OpenSM: what is to be done to the fabric goes through struct hf_services_fabric.
 *
 * Locks: the services' lock guards everything here. Its rank is above OpenSM's lock (taken before it) and it must not
 * be taken where OpenSM's may be held: inside the events TRAP and LFT_CHANGE.
 */
#ifndef HF_PLUGIN_SERVICES_H
#define HF_PLUGIN_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/trace.h"
#include "plugin/service.h"
#include "plugin/service_mechanism.h"
#include "plugin/service_nodes.h"
#include "plugin/services_file.h"

struct hf_services;

/* What happened to a service, for operators, the trace, and the nodes. */
enum hf_services_news {
	HF_NEWS_OWNER,		/* it has another owner, or none; or this SM has found who it is */
	HF_NEWS_TRANSFER,	/* hooks are to run on "from" and "to" */
	HF_NEWS_DRAIN,		/* "from" is to end its connections */
	HF_NEWS_CANCEL,		/* the failback to "to" does not happen */
	HF_NEWS_NODE,		/* a node failed, came, or was said to have */
	HF_NEWS_REFUSED,	/* somebody asked for what cannot be */
	HF_NEWS_KINDS,
};

extern const char *const hf_services_news_names[HF_NEWS_KINDS];

struct hf_services_item {
	uint64_t seq;		/* 1, 2, ...; without a gap */
	uint64_t at_ns;		/* CLOCK_MONOTONIC */
	uint64_t epoch_ms;	/* CLOCK_REALTIME */
	enum hf_services_news news;
	char service[HF_SERVICE_NAME_MAX + 1];
	enum hf_service_state state;
	enum hf_service_cause cause;
	uint64_t term;
	struct hf_service_port from, to;	/* guid 0: nobody */
	char text[128];		/* for people: who, or why not */
};

/*
 * Who is told of each item, in order, on the services' thread, with no lock held. It may call hf_services_*().
 */
typedef void (*hf_services_listener)(void *ctx, const struct hf_services_item *item);

/* Where the SM sees a node of the file. */
struct hf_services_sight {
	bool is_there;
	struct hf_service_port port;	/* also of one that has gone, as long as it is known */
};

/* What the plugin's osm_services.c supplies: OpenSM. */
struct hf_services_fabric {
	struct osm_opensm *osm;
	const struct hf_service_mechanism *const *mechanisms;	/* by mode */
	bool (*is_master)(struct osm_opensm *osm);
	/* OpenSM's lock, exclusively. */
	void (*lock)(struct osm_opensm *osm);
	void (*unlock)(struct osm_opensm *osm);
	/*
	 * Between begin_look() and end_look(), under the lock: where is it? @ret_sight->port is what was seen last:
	 * where several nodes have a description now, it is still the one that it was.
	 */
	int (*begin_look)(struct osm_opensm *osm);
	void (*look)(struct osm_opensm *osm, const struct hf_service_node *node, struct hf_services_sight *ret_sight);
	void (*end_look)(struct osm_opensm *osm);
	/* On the sweeper without the lock: until all SMPs that were queued are answered. */
	void (*wait_for_answers)(struct osm_opensm *osm);
};

struct hf_services_setup {
	struct hf_services_fabric fabric;
	const char *file;		/* the services file; copied */
	const char *journal;		/* of owners; NULL or empty: none; copied */
	struct hf_trace *trace;		/* borrowed; may be NULL */
};

/**
 * hf_services_new() - read the services file and the journal
 * @setup:        copied
 * @ret_services: to be freed with hf_services_free()
 * @ret_error:    set on failure to one line
 *
 * A journal that cannot be read is put aside, with a line in the log: the fabric says who owns what.
 *
 * Return: 0; as hf_services_file_load().
 */
int hf_services_new(const struct hf_services_setup *setup, struct hf_services **ret_services, char **ret_error);

/* Start the thread, when all listeners are there. Return: 0; the negative errno of pthread_create(). */
int hf_services_start(struct hf_services *services);

/* Ends the thread; everything stays as it is in the fabric. @services may be NULL. */
void hf_services_free(struct hf_services *services);

/*
 * What OpenSM's sweeper says, in its events and without OpenSM's lock. Cost: O(nodes of all services), plus what moves.
 */
void hf_services_reread(struct hf_services *services);	/* where the file has changed */
void hf_services_sweep_done(struct hf_services *services);	/* HEAVY_SWEEP_DONE */
void hf_services_routed(struct hf_services *services);		/* UCAST_ROUTING_DONE of a heavy sweep */
void hf_services_up(struct hf_services *services);		/* SUBNET UP */
void hf_services_not_master(struct hf_services *services);

/* A host has joined or left a group. Any thread that holds no lock of OpenSM's. */
void hf_services_member_changed(struct hf_services *services, const uint8_t mgid[16]);

/* Where a client that asks for the path to a service's MGID is to be sent. */
struct hf_services_target {
	uint16_t lid;		/* 0: to the group, as OpenSM answers */
};

/* Return: whether it is a service's MGID. Likewise; takes OpenSM's lock. */
bool hf_services_find_target(struct hf_services *services, const uint8_t mgid[16],
			     struct hf_services_target *ret_target);

/* What is known of one node of a service. */
struct hf_services_node_view {
	char name[72];		/* as the file has it */
	struct hf_service_port port;
	bool is_present, is_suspect, is_held_down;
	uint64_t up_ms;		/* for which it has been there */
	uint64_t failures;
	struct hf_service_node_report report;	/* what it says of itself; heard_ns 0: nothing yet */
};

struct hf_services_view {
	char name[HF_SERVICE_NAME_MAX + 1];
	enum hf_service_mode mode;
	enum hf_service_state state;
	uint8_t mgid[16];
	uint16_t mlid, lid;
	uint64_t term;
	int owner, target;	/* indices into nodes, or HF_SERVICE_NOBODY */
	uint64_t moves;
	const struct hf_service_config *config;	/* until the call returns */
	size_t node_count;
	struct hf_services_node_view nodes[HF_SERVICE_NODES_MAX];
};

/* Calls @visit for each service in order of names, or for the one called @name. Return: how many there were. */
size_t hf_services_visit(struct hf_services *services, const char *name,
			 void (*visit)(void *ctx, const struct hf_services_view *view), void *ctx);

/**
 * hf_services_report_failure() - a peer misses a node's heartbeats
 * @services: all
 * @name:     of the service
 * @guid:     the port of the node that has failed
 * @by_guid:  the port of the node that says so; must be one of the service's
 * @term:     the term that it knows; 0: none
 *
 * The caller has checked that the request comes from whom it says and is not an old one.
 *
 * Return: 0: it was believed, which need not move anything; -ENOENT: no such service; -EACCES: one of the two is none
 * of its nodes, or they are the same; -EPERM: heartbeats are not among its detections; -ESTALE: the term is over;
 * -EAGAIN: this SM is not the master, or not yet.
 */
int hf_services_report_failure(struct hf_services *services, const char *name, uint64_t guid, uint64_t by_guid,
			       uint64_t term);

/* A node's heartbeats are back. As above. */
int hf_services_report_recovery(struct hf_services *services, const char *name, uint64_t guid, uint64_t by_guid,
				uint64_t term);

/* A node has shown a term in any message that was authenticated. */
int hf_services_learn_term(struct hf_services *services, const char *name, uint64_t term);

/* What a node says of itself, for those who look. Return: 0; -ENOENT: no such service, or it is none of its nodes. */
int hf_services_note_report(struct hf_services *services, const char *name,
			    const struct hf_service_node_report *report);

/* What came of HF_NEWS_TRANSFER and HF_NEWS_DRAIN; @term as it was told. Return: 0; -ENOENT. */
int hf_services_transfer_ended(struct hf_services *services, const char *name, uint64_t term, bool has_succeeded);
int hf_services_drained(struct hf_services *services, const char *name, uint64_t term);

/**
 * hf_services_fail_over(), hf_services_fail_back() - the operator's commands
 * @services: all
 * @name:     of the service
 * @node:     a GUID or LID as a number, or the name of the file; NULL: the best
 * @by:       the operator, for the log
 * @ret_why:  on failure one sentence; caller frees it
 *
 * Return: 0; -ENOENT, -ESRCH (no such node); as hf_service_fail_over() and hf_service_fail_back().
 */
int hf_services_fail_over(struct hf_services *services, const char *name, const char *node, const char *by,
			  char **ret_why);
int hf_services_fail_back(struct hf_services *services, const char *name, const char *by, char **ret_why);

/* Items after @seq, at most @max, oldest first; those that are too old are left out. Return: how many. */
size_t hf_services_items(struct hf_services *services, uint64_t seq, struct hf_services_item *ret_items, size_t max);

/* Adds a listener. Before hf_services_start(), which no one may call twice. Return: 0; -ENOSPC. */
int hf_services_listen(struct hf_services *services, hf_services_listener listener, void *ctx);

#endif
