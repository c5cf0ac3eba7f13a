/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Brings reports to their subscribers: a queue each, one window for all, timers and retries. Pure: the clock is passed
 * in and MADs leave through a callback, so tests drive it in simulated time.
 *
 * The window bounds how many MADs are on their way. A report holds its place in it until it is answered, or for
 * pace_ms at most; then it goes on waiting outside. So n dead subscribers cost the others n / window * pace_ms at most,
 * once: retries, and first attempts to who was silent last time, leave only when nothing else wants to.
 *
 * A subscriber gets its reports in order, per_subscriber at a time. Where more than queue_max wait for it, or one was
 * given up, the waiting ones are replaced by a single wildcard trap 69: the host then asks for everything.
 *
 * The attempts of a report have a transaction id each, as the kernel wants, and one notice count: by it the host knows
 * them for the same. Each host's reports are counted apart, so that a count comes again after 32,767 of them only.
 */
#ifndef HF_PLUGIN_REPORTER_H
#define HF_PLUGIN_REPORTER_H

#include <stdint.h>

#include "lib/umad_io.h"
#include "plugin/signaller.h"

#define HF_REPORTER_MAX_RETRIES	10

enum hf_backoff {
	HF_BACKOFF_EXPONENTIAL,	/* attempt n (from 0) waits timeout_ms * 2^n */
	HF_BACKOFF_LINEAR,	/* timeout_ms * (n + 1) */
	HF_BACKOFFS,
};

struct hf_reporter_config {
	int window;		/* MADs on their way, from 1 */
	int per_subscriber;	/* of these to one subscriber, from 1 */
	int pace_ms;		/* how long an unanswered one counts against the window */
	int timeout_ms;		/* of the first attempt */
	int retries;		/* attempts after the first; 0 to HF_REPORTER_MAX_RETRIES */
	int backoff;		/* enum hf_backoff */
	int queue_max;		/* reports waiting for one subscriber, from 1 */
};

enum hf_report_end {
	HF_REPORT_ACKED,
	HF_REPORT_TIMED_OUT,	/* every attempt */
	HF_REPORT_REPLACED,	/* by a wildcard that says as much */
	HF_REPORT_FORGOTTEN,	/* the subscriber is no longer one, or the reporter was cleared */
};

struct hf_reporter_ops {
	/* @added: the report waits now; each has one done() later. Also called for wildcards that replace others. */
	void (*added)(void *ctx, const struct hf_report *report);

	/**
	 * @send: send one attempt; @attempt counts from 0, each has its own transaction id
	 * Return: 0; -EAGAIN where there is no room now; another negative errno counts as a MAD lost on the way.
	 */
	int (*send)(void *ctx, const struct hf_mad_addr *to, const struct hf_report *report, uint32_t tid,
		    int attempt);

	/* @done: the report's last event, @ns after its first attempt (0 where there was none). */
	void (*done)(void *ctx, const struct hf_mad_addr *to, const struct hf_report *report,
		     enum hf_report_end end, uint32_t tid, uint64_t ns);
};

struct hf_reporter;

/**
 * hf_reporter_new() - make a reporter
 * @config:       copied
 * @ops:          borrowed for the reporter's life; none of them may call the reporter
 * @ctx:          passed to @ops
 * @first_id:     where transaction ids start: random, so that a peer does not take a new start for duplicates
 * @ret_reporter: to be freed with hf_reporter_free()
 *
 * Return: 0; -ENOMEM.
 */
int hf_reporter_new(const struct hf_reporter_config *config, const struct hf_reporter_ops *ops, void *ctx,
		    uint32_t first_id, struct hf_reporter **ret_reporter);

/* @reporter may be NULL. Reports that still wait end without a call of done(). */
void hf_reporter_free(struct hf_reporter *reporter);

/* From the first attempt until a report is given up, in milliseconds. */
int hf_reporter_lifetime_ms(const struct hf_reporter_config *config);

/**
 * hf_reporter_add() - queue a report
 * @reporter: nothing is sent before hf_reporter_run()
 * @to:       its address and which traps it hears; copied
 * @report:   copied
 *
 * A wildcard trap 69 replaces the trap 69 reports that wait for the same subscriber and have not been sent yet.
 *
 * Return: 0; -ENOMEM.
 */
int hf_reporter_add(struct hf_reporter *reporter, const struct hf_subscriber *to, const struct hf_report *report);

/**
 * hf_reporter_run() - send what may be sent, and give up what has timed out
 * @reporter: the reporter
 * @now_ns:   CLOCK_MONOTONIC
 *
 * Call it after hf_reporter_add() and hf_reporter_answer() and at hf_reporter_deadline().
 */
void hf_reporter_run(struct hf_reporter *reporter, uint64_t now_ns);

/**
 * hf_reporter_answer() - take a ReportResp
 * @reporter: the reporter
 * @from_lid: where it came from; an answer from elsewhere than the report went to is ignored
 * @tid:      lower 32 bits of its transaction id: of any attempt
 * @now_ns:   CLOCK_MONOTONIC
 */
void hf_reporter_answer(struct hf_reporter *reporter, uint16_t from_lid, uint32_t tid, uint64_t now_ns);

/* When hf_reporter_run() has something to do next, CLOCK_MONOTONIC in ns; UINT64_MAX for never. */
uint64_t hf_reporter_deadline(const struct hf_reporter *reporter);

/* Forgets every subscriber that is not among these, with all that waits for it. */
void hf_reporter_keep(struct hf_reporter *reporter, const struct hf_subscriber *subscribers, size_t count);

/* Reports that have not ended yet. */
size_t hf_reporter_pending(const struct hf_reporter *reporter);

#endif
