/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The trace: what a program did and when, as JSON lines for tools to read (the log is for people). One object a line:
 *
 *	{"t": 123456789, "who": "host:H_0_0", "ev": "query_done", "records": 14, "us": 812}
 *
 * "t" is CLOCK_MONOTONIC in nanoseconds, so the traces of all programs on one machine merge by sorting. The events and
 * their fields are listed in holdfast-trace(5).
 */
#ifndef HF_LIB_TRACE_H
#define HF_LIB_TRACE_H

#include <stdint.h>

struct hf_trace;

/**
 * hf_trace_open() - append to a trace file
 * @path:      created where it does not exist
 * @who:       the writer's name in every line; copied
 * @ret_trace: to be closed with hf_trace_close()
 *
 * Return: 0; -ENOMEM; the negative errno of open().
 */
int hf_trace_open(const char *path, const char *who, struct hf_trace **ret_trace);

/* @trace may be NULL. */
void hf_trace_close(struct hf_trace *trace);

/**
 * hf_trace_event() - write one line
 * @trace:  NULL does nothing
 * @event:  its name
 * @format: the further fields as json_pack() takes them, e.g. "{s:i, s:s}"; NULL for none
 *
 * Context: any thread; each line is one write(). A line that cannot be written is dropped.
 */
void hf_trace_event(struct hf_trace *trace, const char *event, const char *format, ...);

/* CLOCK_MONOTONIC in nanoseconds: the clock of traces, timers and deadlines everywhere in Holdfast. */
uint64_t hf_now_ns(void);

#endif
