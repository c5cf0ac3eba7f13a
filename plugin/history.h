/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Which destinations changed for which source in each announcement, as far back as memory is allowed to go (see
 * doc/protocol.md). It keeps no paths: who missed something is told how its paths are now. Pure.
 *
 * Sets of destinations are bits, by port of the registry. Sources of one class share a set, so a step costs at most
 * a quarter of a bit for each bit of a snapshot's entries.
 */
#ifndef HF_PLUGIN_HISTORY_H
#define HF_PLUGIN_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin/distinguisher.h"

struct hf_history;

/* Destinations, by port. */
struct hf_destinations {
	uint32_t n_ports;
	uint64_t *changed;	/* their paths are to be told */
	uint64_t *named;	/* of these: new to the source, or with another LID than it knows */
};

static inline size_t hf_destinations_words(uint32_t n_ports)
{
	return n_ports / 64 + 1;
}

static inline bool hf_destinations_has(const uint64_t *set, uint32_t port)
{
	return set[port / 64] >> port % 64 & 1;
}

static inline void hf_destinations_add(uint64_t *set, uint32_t port)
{
	set[port / 64] |= UINT64_C(1) << port % 64;
}

/* None. Return: 0; -ENOMEM. */
int hf_destinations_init(uint32_t n_ports, struct hf_destinations *ret_set);

/* Also of one that is all zero. */
void hf_destinations_fini(struct hf_destinations *set);

/* To none again. */
void hf_destinations_clear(struct hf_destinations *set);

/* How many of them have changed. */
size_t hf_destinations_count(const struct hf_destinations *set);

/**
 * hf_history_new() - make an empty history
 * @max_bytes:   of what it keeps; the last step is kept whatever its size, for who has just been told will ask for it
 * @ret_history: to be freed with hf_history_free()
 *
 * Return: 0; -ENOMEM.
 */
int hf_history_new(size_t max_bytes, struct hf_history **ret_history);

/* @history may be NULL. */
void hf_history_free(struct hf_history *history);

/* Forgets everything. */
void hf_history_clear(struct hf_history *history);

/**
 * hf_history_begin() - begin with an announcement of which nobody knows what it changed
 * @history: empty
 * @first:   its snapshot
 *
 * It counts as a change for every source: hosts may hold a table of this instance from before a history that was lost.
 *
 * Return: 0; -ENOMEM.
 */
int hf_history_begin(struct hf_history *history, const struct hf_snapshot *first);

/**
 * hf_history_add() - append an announcement
 * @history: begun
 * @changes: from the announcement before; an announcement without changes takes no room
 *
 * The oldest steps make room where it is needed.
 *
 * Return: 0; -ENOMEM, and the history is that of before.
 */
int hf_history_add(struct hf_history *history, const struct hf_changes *changes);

/* The GUID of a port that is or was there; 0 for none. */
uint64_t hf_history_guid(const struct hf_history *history, uint32_t port);

/* All ports of the snapshot that was added last, in the order of their GUIDs; @n is below their number. */
uint32_t hf_history_nth(const struct hf_history *history, uint32_t n);

/* Where a port of the snapshot that was added last is: a site as in lib/delta.h. */
uint32_t hf_history_site(const struct hf_history *history, const struct hf_snapshot *snapshot, uint32_t port);

/* How many switches it has numbered. */
uint32_t hf_history_count_switches(const struct hf_history *history);

/* The epoch that it reaches to; 0 where it was not begun. */
uint64_t hf_history_epoch(const struct hf_history *history);

/* What was missed since this epoch, or a later one, can be told. */
uint64_t hf_history_oldest(const struct hf_history *history);

/* The last epoch but hf_history_epoch() in which anything changed for a source; 0 for none. */
uint64_t hf_history_base(const struct hf_history *history, uint32_t port);

/**
 * hf_history_collect() - what has changed for a source since an epoch
 * @history: the history
 * @port:    the source
 * @since:   hf_history_oldest() or later
 * @set:     what is found is added
 *
 * Cost: O(steps since then x ports / 64).
 */
void hf_history_collect(const struct hf_history *history, uint32_t port, uint64_t since, struct hf_destinations *set);

/* How many bytes its steps take. */
size_t hf_history_bytes(const struct hf_history *history);

#endif
