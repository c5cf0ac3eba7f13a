/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The events of a run: what the programs wrote to their traces (holdfast-trace(5)), read while they write, and what
 * hfsim itself did, in one list in the order of time.
 */
#ifndef HF_TOOLS_HFSIM_EVENTS_H
#define HF_TOOLS_HFSIM_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_EVENTS_WHO "hfsim"	/* "who" of hfsim's own events */

/* The strings belong to @fields. */
struct hf_event {
	uint64_t time_ns;
	const char *who;
	const char *name;
	json_t *fields;		/* the whole line */
};

struct hf_events {
	struct hf_event *list;	/* sorted by time */
	size_t count, room;
	struct hf_events_file *files;
	size_t n_files;
	size_t n_bad_lines;	/* that were no events */
};

/* Zeroed memory is an empty list. */
void hf_events_fini(struct hf_events *events);

/**
 * hf_events_follow() - read a trace from now on, each time hf_events_read() is called
 * @path: copied; the file may come later
 *
 * Return: 0; -ENOMEM.
 */
int hf_events_follow(struct hf_events *events, const char *path);

/* The same where "who" is to be another than the one in the trace: @who, static. */
int hf_events_follow_as(struct hf_events *events, const char *path, const char *who);

/**
 * hf_events_read() - take what has been written since the last call
 *
 * A line without its newline is left for the next time. A line that is no event is counted and left out.
 *
 * Return: how many events came; -ENOMEM; the negative errno of reading.
 */
int hf_events_read(struct hf_events *events);

/**
 * hf_events_add() - add an event of hfsim's own, now
 * @name:   of the event
 * @format: further fields as json_pack() takes them; NULL for none
 *
 * Return: its time in nanoseconds; 0 without memory.
 */
uint64_t hf_events_add(struct hf_events *events, const char *name, const char *format, ...);

/**
 * hf_events_find() - find the first event of a name
 * @from:   index where to start
 * @who:    what "who" must begin with, "" for anyone
 * @name:   of the event
 * @ret_at: index of the event
 *
 * Return: true if there is one.
 */
bool hf_events_find(const struct hf_events *events, size_t from, const char *who, const char *name, size_t *ret_at);

/* Frees the first @count events; indices of the others go down by it. For runs that would hold too many. */
void hf_events_forget(struct hf_events *events, size_t count);

/* Index of the first event at or after a time; the count if there is none. */
size_t hf_events_at(const struct hf_events *events, uint64_t time_ns);

/* A number field, or 0. */
json_int_t hf_event_number(const struct hf_event *event, const char *field);

/* A string field, or "". */
const char *hf_event_text(const struct hf_event *event, const char *field);

/* Whether "who" begins so. */
bool hf_event_is_by(const struct hf_event *event, const char *who);

#endif
