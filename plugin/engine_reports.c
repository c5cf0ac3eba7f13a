/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/engine_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

#define UMAD_SLACK_MS	1000	/* ib_umad's own timeout comes after the reporter's */

static struct hf_engine_announcement *find_announcement(struct hf_engine *engine, uint64_t epoch)
{
	struct hf_engine_announcement *announcement;

	TAILQ_FOREACH(announcement, &engine->announcements, next)
		if (announcement->epoch == epoch)
			return announcement;
	return NULL;
}

static void count_added(void *ctx, const struct hf_report *report)
{
	struct hf_engine_announcement *announcement = find_announcement(ctx, report->epoch);

	if (announcement)
		announcement->pending++;
}

static json_t *pack_gid(const union hf_gid *gid)
{
	char text[INET6_ADDRSTRLEN];

	return inet_ntop(AF_INET6, gid->raw, text, sizeof(text)) ? json_string(text) : json_null();
}

static void trace_sent(struct hf_engine *engine, const struct hf_mad_addr *to, const struct hf_report *report,
		       uint32_t tid, int attempt)
{
	if (!engine->config.trace)
		return;
	hf_trace_event(engine->config.trace, "report_sent", "{s:i, s:i, s:I, s:i, s:o*, s:o*}", "trap",
		       report->trap_num, "lid", to->lid, "tid", (json_int_t)tid, "attempt", attempt + 1,
		       "sgid", report->comp_mask & HF_PR_COMP_SGID ? pack_gid(&report->path.sgid) : NULL,
		       "dgid", report->comp_mask & HF_PR_COMP_DGID ? pack_gid(&report->path.dgid) : NULL);
}

static void put_epochs(const struct hf_report *report, struct hf_repath_notice *notice)
{
	const struct hf_report_epochs epochs = {
		.magic = HF_REPORT_MAGIC,
		.version = HF_DELTA_VERSION,
		.body_length = report->body.length,
		.instance = htobe64(report->instance),
		.base = htobe64(report->base),
		.epoch = htobe64(report->leads_to),
		.site = htobe32(report->site),
	};

	memcpy(notice->details.reserved, &epochs, sizeof(epochs));
}

static int send_report(void *ctx, const struct hf_mad_addr *to, const struct hf_report *report, uint32_t tid,
		       int attempt)
{
	struct hf_engine *engine = ctx;
	struct hf_engine_announcement *announcement = find_announcement(engine, report->epoch);
	struct hf_repath_notice notice;
	struct hf_sa_mad mad;
	int err;

	hf_sa_mad_init(&mad, HF_METHOD_REPORT, HF_ATTR_NOTICE, tid);
	hf_repath_notice_init(&notice, report->trap_num, engine->sm_lid, &engine->sm_gid, report->comp_mask,
			      report->comp_mask ? &report->path : NULL, report->wait);
	notice.toggle_count = htobe16(report->notice_count);
	if (report->instance)
		put_epochs(report, &notice);
	memcpy(mad.data, &notice, sizeof(notice));
	hf_report_put_body(&mad, report->body.bytes, report->body.length);
	err = hf_umad_send(engine->umad, engine->agent, to, &mad, sizeof(mad),
			   hf_reporter_lifetime_ms(&engine->config.reporter) + UMAD_SLACK_MS, 0);
	if (err == -EAGAIN)
		return err;
	trace_sent(engine, to, report, tid, attempt);
	if (announcement && !attempt)
		announcement->sent++;
	engine->status.counters.reports_sent += !attempt;
	return err;
}

static void trace_end(struct hf_engine *engine, const struct hf_mad_addr *to, const struct hf_report *report,
		      enum hf_report_end end, uint32_t tid, uint64_t ns)
{
	static const char *const reasons[] = {
		[HF_REPORT_TIMED_OUT] = "timeout",
		[HF_REPORT_REPLACED] = "replaced",
		[HF_REPORT_FORGOTTEN] = "unsubscribed",
	};

	if (end == HF_REPORT_ACKED)
		hf_trace_event(engine->config.trace, "report_acked", "{s:i, s:i, s:I, s:I}", "trap", report->trap_num,
			       "lid", to->lid, "tid", (json_int_t)tid, "us", (json_int_t)(ns / NS_PER_US));
	else
		hf_trace_event(engine->config.trace, "report_failed", "{s:i, s:i, s:I, s:s}", "trap",
			       report->trap_num, "lid", to->lid, "tid", (json_int_t)tid, "reason", reasons[end]);
}

static void count_done(void *ctx, const struct hf_mad_addr *to, const struct hf_report *report,
		       enum hf_report_end end, uint32_t tid, uint64_t ns)
{
	struct hf_engine *engine = ctx;
	struct hf_engine_announcement *announcement = find_announcement(engine, report->epoch);

	if (announcement) {
		announcement->pending--;
		announcement->acked += end == HF_REPORT_ACKED;
		announcement->failed += end == HF_REPORT_TIMED_OUT;
	}
	engine->status.counters.reports_acked += end == HF_REPORT_ACKED;
	engine->status.counters.reports_failed += end == HF_REPORT_TIMED_OUT;
	if (end == HF_REPORT_TIMED_OUT)
		hf_log(HF_LOG_INFO, "LID %u did not answer trap %u of routing %" PRIu64 "; it may hold old paths",
		       to->lid, report->trap_num, report->epoch);
	trace_end(engine, to, report, end, tid, ns);
}

const struct hf_reporter_ops hf_engine_reporter_ops = {
	.added = count_added,
	.send = send_report,
	.done = count_done,
};

void hf_engine_finish_announcements(struct hf_engine *engine)
{
	struct hf_engine_announcement *announcement, *next;

	for (announcement = TAILQ_FIRST(&engine->announcements); announcement; announcement = next) {
		next = TAILQ_NEXT(announcement, next);
		if (announcement->pending)
			continue;
		hf_trace_event(engine->config.trace, "announce_done", "{s:I, s:i, s:i, s:i, s:i}", "epoch",
			       (json_int_t)announcement->epoch, "hosts", (int)announcement->hosts,
			       "sent", (int)announcement->sent, "acked", (int)announcement->acked,
			       "failed", (int)announcement->failed);
		if (announcement->sent)
			hf_log(HF_LOG_INFO, "routing %" PRIu64 ": %zu hosts told, %zu Reports, %zu answered, %zu not",
			       announcement->epoch, announcement->hosts, announcement->sent, announcement->acked,
			       announcement->failed);
		TAILQ_REMOVE(&engine->announcements, announcement, next);
		free(announcement);
	}
}
