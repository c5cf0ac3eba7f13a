/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What was announced, for those who ask: "which of my paths have changed since epoch E" (doc/protocol.md). The engine
 * publishes, OpenSM's threads answer queries, and both may do so at once.
 */
#ifndef HF_PLUGIN_BULK_H
#define HF_PLUGIN_BULK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"
#include "plugin/history.h"
#include "plugin/snapshot.h"

struct hf_bulk;
struct hf_subscriber;

/**
 * hf_bulk_new() - with nothing to answer from
 * @history_bytes: for hf_history_new()
 * @ret_bulk:      to be freed with hf_bulk_free()
 *
 * Return: 0; -ENOMEM; the negative errno of pthread_rwlock_init().
 */
int hf_bulk_new(size_t history_bytes, struct hf_bulk **ret_bulk);

/* @bulk may be NULL. */
void hf_bulk_free(struct hf_bulk *bulk);

/**
 * hf_bulk_publish() - answer from another snapshot from now on
 * @bulk:     where the one before is not used any more when this returns
 * @snapshot: of the announcement; borrowed until the next one, or hf_bulk_forget()
 * @changes:  from the one before; NULL where nothing is known of that
 *
 * Where memory is short the history begins anew; see hf_bulk_is_anew().
 *
 * Return: 0; -ENOMEM, and there is nothing to answer from.
 */
int hf_bulk_publish(struct hf_bulk *bulk, const struct hf_snapshot *snapshot, const struct hf_changes *changes);

void hf_bulk_forget(struct hf_bulk *bulk);

/**
 * hf_bulk_begin_announcement() - subscribers are read now, and what is published next is announced to them
 * @bulk: answers nobody from what was published before who will not be told of what comes: OpenSM does, as it routes now
 *
 * Where one announcement begins before another has ended, only those count who are told of both.
 *
 * Context: any thread, as of the next two.
 */
void hf_bulk_begin_announcement(struct hf_bulk *bulk);

/* Who is told of it; without this call nobody. Only who hears both traps is sure to be. */
void hf_bulk_set_audience(struct hf_bulk *bulk, const struct hf_subscriber *subscribers, size_t count);

/* It has been published, or will not be. One call for each begin. */
void hf_bulk_end_announcement(struct hf_bulk *bulk);

/* Whether nothing is known of what the announcement that was published last has changed; for the publishing thread. */
bool hf_bulk_is_anew(const struct hf_bulk *bulk);

/**
 * hf_bulk_told() - what a port is to be told of the announcement that was published last
 * @bulk:     only the thread that publishes may ask
 * @port:     the source
 * @ret_set:  of n_ports of the snapshot or more, all zero: what has changed for it
 * @ret_base: the last announcement before in which anything changed for it; see struct hf_report_epochs
 *
 * Return: how many destinations.
 */
size_t hf_bulk_told(const struct hf_bulk *bulk, uint32_t port, struct hf_destinations *ret_set, uint64_t *ret_base);

#define HF_BULK_BODIES	2	/* a query and its answer cost as much as two Reports, or more */

/* The body of a delta in a Report. */
struct hf_report_body {
	uint8_t length;		/* 0 for none */
	uint8_t bytes[HF_REPORT_BODY_MAX];
	uint32_t changes;	/* destinations that it tells of */
};

/**
 * hf_bulk_report_bodies() - what changed for a port as one delta or several, each with room in a Report
 * @bulk:       only the thread that publishes may ask
 * @port:       the source
 * @set:        from hf_bulk_told()
 * @room:       that each has, in bytes; HF_REPORT_BODY_MAX at most
 * @ret_bodies: filled; they lead on from one another
 *
 * Return: how many; 0 where they do not fit, or memory is short.
 */
unsigned int hf_bulk_report_bodies(struct hf_bulk *bulk, uint32_t port, const struct hf_destinations *set, size_t room,
				   struct hf_report_body ret_bodies[HF_BULK_BODIES]);

/**
 * hf_bulk_weigh() - how much there is to tell a port of the announcement that was published last
 * @bulk:        only the thread that publishes may ask
 * @port:        the source
 * @ret_changes: how many destinations
 *
 * Return: the length of the body that tells them, in bytes; 0 for none, where the port is absent, or without memory.
 */
size_t hf_bulk_weigh(struct hf_bulk *bulk, uint32_t port, size_t *ret_changes);

/* Where a port of the snapshot published is: a site as in lib/delta.h; for the publishing thread. */
uint32_t hf_bulk_site(const struct hf_bulk *bulk, uint32_t port);

/* Like hf_snapshot_path_record() of the snapshot published, but of an SL that is one of several they come in turn. */
void hf_bulk_path_record(struct hf_bulk *bulk, uint32_t src, uint32_t dst, struct hf_path_record *ret_record);

enum hf_bulk_verdict {
	HF_BULK_NOT_OURS,	/* OpenSM answers as always */
	HF_BULK_REFUSED,	/* with a status */
	HF_BULK_ANSWERED,
};

struct hf_bulk_answer {
	enum hf_bulk_verdict verdict;
	uint16_t status;	/* HF_SA_STATUS_*, where it is refused */
	uint8_t *data;		/* SA data, words of HF_DELTA_ATTR_OFFSET * 8 bytes; freed with free() */
	size_t length;		/* of it, in bytes */
	uint64_t instance, epoch, base;
	size_t changes;		/* destinations in it */
	bool is_whole;
};

/* Whether a query is one that hf_bulk_answer() may answer: SubnAdmGetTable(PathRecord) with the mark of a host. */
bool hf_bulk_is_asked(const struct hf_sa_mad *query);

/**
 * hf_bulk_answer() - answer a query
 * @bulk:       from what was published
 * @query:      for which hf_bulk_is_asked() is true; nothing else in it is trusted
 * @from_lid:   the LID that it came from
 * @ret_answer: see there
 *
 * Context: any thread; takes the store's lock, shared. Cost: O(destinations that are told).
 */
void hf_bulk_answer(struct hf_bulk *bulk, const struct hf_sa_mad *query, uint16_t from_lid,
		    struct hf_bulk_answer *ret_answer);

struct hf_bulk_status {
	uint64_t instance, epoch, oldest;	/* 0 where there is nothing to answer from */
	size_t history_bytes;
	uint64_t answers, whole, refused, changes, bytes;	/* since the start */
};

/* Context: any thread. */
void hf_bulk_get_status(struct hf_bulk *bulk, struct hf_bulk_status *ret_status);

#endif
