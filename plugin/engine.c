/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/log.h"

#define NS_PER_MS	UINT64_C(1000000)
#define NS_PER_US	UINT64_C(1000)
#define REOPEN_NS	(1000 * NS_PER_MS)
#define MAX_TRAPS	1024	/* posted and not traced yet; a storm beyond is dropped */
#define UMAD_SLACK_MS	1000	/* ib_umad's own timeout comes after the reporter's */

enum event_kind {
	EVENT_TRAP,
	EVENT_SWEEP_START,
	EVENT_ROUTING,
	EVENT_LOST_ROUTING,
	EVENT_SUBNET_UP,
	EVENT_NOT_MASTER,
};

struct event {
	struct event *next;
	enum event_kind kind;
	uint64_t at_ns;
	uint16_t trap_num, issuer_lid;		/* EVENT_TRAP */
	struct hf_osm_copy copy;		/* EVENT_ROUTING */
	struct hf_osm_update update;		/* EVENT_SUBNET_UP; all zero where there is none */
};

/* A routing that has not been announced. */
struct pending_routing {
	struct hf_tables *tables;
	struct hf_snapshot *snapshot;
	uint64_t epoch;
	struct hf_subscriber *subscribers;
	size_t count;
};

/* How far the Reports of one routing are. */
struct announcement {
	uint64_t epoch;
	size_t hosts, pending, sent, acked, failed;
	TAILQ_ENTRY(announcement) next;
};

struct hf_engine {
	struct hf_engine_config config;
	pthread_t thread;
	int wake_fd;
	atomic_bool is_stopping;
	_Atomic(struct event *) posted;		/* newest first */
	atomic_bool is_dropped;			/* an event of a routing, without memory */
	atomic_int traps_posted;
	atomic_ulong lft_changes;

	/* Below: of the thread alone. */
	struct hf_umad *umad;
	int agent;
	uint64_t open_at_ns;
	bool wants_umad;
	struct hf_snapshot *announced;		/* what the hosts were last told of */
	struct pending_routing waiting;		/* for SUBNET UP; without a snapshot where none is */
	bool is_unsure;				/* hosts may hold paths that were never announced */
	bool is_lost;				/* a routing is in force of which nothing is known */
	char routing_engine[32];		/* in force */
	union hf_gid sm_gid;
	uint16_t sm_lid;
	struct hf_reporter *reporter;
	TAILQ_HEAD(, announcement) announcements;
	struct hf_status status;		/* what is published */
};

/* What OpenSM's threads do */

static void wake(struct hf_engine *engine)
{
	uint64_t one = 1;

	/* It can only fail by overflow, and then the thread is awake anyway. */
	if (write(engine->wake_fd, &one, sizeof(one)) < 0)
		errno = 0;
}

static void post(struct hf_engine *engine, struct event *event)
{
	event->at_ns = hf_now_ns();
	event->next = atomic_load(&engine->posted);
	while (!atomic_compare_exchange_weak(&engine->posted, &event->next, event))
		;
	wake(engine);
}

/* Without memory to say it: what is known of routings is not what is in force. */
static void post_dropped(struct hf_engine *engine)
{
	atomic_store(&engine->is_dropped, true);
	wake(engine);
}

static void post_kind(struct hf_engine *engine, enum event_kind kind)
{
	struct event *event = calloc(1, sizeof(*event));

	if (!event) {
		post_dropped(engine);
		return;
	}
	event->kind = kind;
	post(engine, event);
}

void hf_engine_post_trap(struct hf_engine *engine, uint16_t trap_num, uint16_t issuer_lid)
{
	struct event *event;

	if (!engine->config.trace)
		return;
	event = atomic_fetch_add(&engine->traps_posted, 1) < MAX_TRAPS ? calloc(1, sizeof(*event)) : NULL;
	if (!event) {
		atomic_fetch_sub(&engine->traps_posted, 1);
		return;
	}
	event->kind = EVENT_TRAP;
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
	post_kind(engine, EVENT_SWEEP_START);
}

static void free_update(const struct hf_osm_update *update)
{
	free(update->links);
	free(update->subscribers);
}

void hf_engine_post_subnet_up(struct hf_engine *engine, const struct hf_osm_update *update)
{
	struct event *event = calloc(1, sizeof(*event));

	if (!event) {
		if (update)
			free_update(update);
		hf_bulk_end_announcement(engine->config.bulk);
		post_dropped(engine);
		return;
	}
	event->kind = EVENT_SUBNET_UP;
	if (update)
		event->update = *update;
	post(engine, event);
}

void hf_engine_post_not_master(struct hf_engine *engine)
{
	post_kind(engine, EVENT_NOT_MASTER);
}

static void free_copy(const struct hf_osm_copy *copy)
{
	hf_tables_free(copy->tables);
	free(copy->subscribers);
}

static void free_event(struct event *event)
{
	free_copy(&event->copy);
	free_update(&event->update);
	free(event);
}

void hf_engine_post_routing(struct hf_engine *engine, const struct hf_osm_copy *copy)
{
	struct event *event = calloc(1, sizeof(*event));

	if (!event) {
		if (copy->tables->routing.reroute)
			hf_bulk_end_announcement(engine->config.bulk);
		free_copy(copy);
		post_dropped(engine);
		return;
	}
	event->kind = EVENT_ROUTING;
	event->copy = *copy;
	post(engine, event);
}

void hf_engine_post_lost_routing(struct hf_engine *engine)
{
	post_kind(engine, EVENT_LOST_ROUTING);
}

/* The port */

static int open_port(struct hf_engine *engine)
{
	struct hf_umad_port *ports = NULL;
	size_t count = 0, i;
	int err = hf_umad_list_ports(&ports, &count);

	if (err)
		return err;
	for (i = 0; i < count && ports[i].gid.guid != engine->config.port_guid; i++)
		;
	err = i < count ? hf_umad_open(ports[i].device, ports[i].port_num, &engine->umad) : -ENODEV;
	free(ports);
	if (err)
		return err;
	err = hf_umad_register_sa(engine->umad, false, &engine->agent);
	if (err) {
		hf_umad_close(engine->umad);
		engine->umad = NULL;
	}
	return err;
}

static void ensure_port(struct hf_engine *engine, uint64_t now_ns)
{
	int err;

	if (!engine->wants_umad || engine->umad || now_ns < engine->open_at_ns)
		return;
	err = open_port(engine);
	if (!err)
		return;
	if (!engine->open_at_ns)
		hf_log(HF_LOG_WARN, "port GUID 0x%016" PRIx64 " cannot be opened for Reports (%s); trying on", (uint64_t)
		       be64toh(engine->config.port_guid), strerror(-err));
	engine->open_at_ns = now_ns + REOPEN_NS;
}

static void close_port(struct hf_engine *engine)
{
	hf_umad_close(engine->umad);
	engine->umad = NULL;
	engine->open_at_ns = 0;
}

/* Is it the ReportResp of a Notice? Only its header counts. */
static bool is_report_response(const struct hf_umad_received *received)
{
	const struct hf_mad_hdr *hdr = (const struct hf_mad_hdr *)received->mad;

	return !received->status && received->len >= sizeof(*hdr) && hdr->mgmt_class == HF_CLASS_SUBN_ADM &&
	       hdr->method == HF_METHOD_REPORT_RESP && be16toh(hdr->attr_id) == HF_ATTR_NOTICE;
}

static void receive(struct hf_engine *engine)
{
	struct hf_umad_received received;
	int err;

	while (!(err = hf_umad_recv(engine->umad, &received))) {
		const struct hf_mad_hdr *hdr = (const struct hf_mad_hdr *)received.mad;

		if (is_report_response(&received))
			hf_reporter_answer(engine->reporter, received.from.lid, (uint32_t)be64toh(hdr->tid),
					   hf_now_ns());
		free(received.mad);
	}
	if (err == -ENODEV || err == -EIO)
		close_port(engine);
}

/* Reports */

static struct announcement *find_announcement(struct hf_engine *engine, uint64_t epoch)
{
	struct announcement *announcement;

	TAILQ_FOREACH(announcement, &engine->announcements, next)
		if (announcement->epoch == epoch)
			return announcement;
	return NULL;
}

static void count_added(void *ctx, const struct hf_report *report)
{
	struct announcement *announcement = find_announcement(ctx, report->epoch);

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
	struct announcement *announcement = find_announcement(engine, report->epoch);
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
	struct announcement *announcement = find_announcement(engine, report->epoch);

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

static const struct hf_reporter_ops reporter_ops = {
	.added = count_added,
	.send = send_report,
	.done = count_done,
};

static void finish_announcements(struct hf_engine *engine)
{
	struct announcement *announcement, *next;

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

/* Status */

static enum hf_waiting find_waiting(const struct hf_engine *engine)
{
	if (!engine->waiting.snapshot)
		return HF_WAITING_NOTHING;
	return engine->waiting.snapshot->routing.is_written ? HF_WAITING_SUBNET_UP : HF_WAITING_WRITTEN;
}

static void publish_status(struct hf_engine *engine)
{
	struct hf_status *status = &engine->status;

	status->waiting = find_waiting(engine);
	status->waiting_epoch = engine->waiting.snapshot ? engine->waiting.snapshot->routing.epoch : 0;
	hf_status_publish(engine->config.board, status, engine->announced);
}

static struct hf_status_announced describe_snapshot(const struct hf_snapshot *snapshot)
{
	struct hf_status_announced announced = {
		.epoch = snapshot->routing.epoch,
		.rows = snapshot->n_rows,
		.columns = snapshot->n_columns,
		.entries = (uint64_t)snapshot->n_rows * snapshot->n_columns,
		.bytes = hf_snapshot_bytes(snapshot),
	};
	uint32_t ports, switches;

	hf_snapshot_count_ports(snapshot, &ports, &switches);
	announced.ports = ports;
	announced.switches = switches;
	return announced;
}

/* Takes @snapshot over, NULL for none. It is published at once, so that nobody else keeps the one before. */
static void set_announced(struct hf_engine *engine, struct hf_snapshot *snapshot)
{
	hf_snapshot_free(engine->announced);
	engine->announced = snapshot;
	engine->status.announced = snapshot ? describe_snapshot(snapshot) : (struct hf_status_announced) { 0 };
	publish_status(engine);
}

/* Routings */

struct emission {
	struct hf_engine *engine;
	struct announcement *announcement;
	const struct hf_subscriber *subscribers;
	bool *told;	/* by index in @subscribers */
};

static int add_report(void *ctx, const struct hf_subscriber *to, const struct hf_report *report)
{
	struct emission *emission = ctx;
	bool *told = &emission->told[to - emission->subscribers];

	if (atomic_load(&emission->engine->is_stopping))
		return -ECANCELED;
	emission->announcement->hosts += !*told;
	*told = true;
	return hf_reporter_add(emission->engine->reporter, to, report);
}

/* @changes: NULL where they are not known. */
static int signal_subscribers(struct hf_engine *engine, const struct pending_routing *routing,
			      const struct hf_changes *changes, struct emission *emission)
{
	int err = changes ? hf_signal(engine->config.mode, changes, engine->config.bulk, routing->subscribers,
				      routing->count, add_report, emission) : 0;

	if (err || (changes && !engine->is_unsure))
		return err;
	return hf_signal_unknown(engine->config.mode, routing->epoch, routing->subscribers, routing->count, add_report,
				 emission);
}

static int tell_subscribers(struct hf_engine *engine, const struct pending_routing *routing,
			    const struct hf_changes *changes)
{
	struct emission emission = {
		.engine = engine,
		.announcement = calloc(1, sizeof(*emission.announcement)),
		.subscribers = routing->subscribers,
		.told = calloc(routing->count + 1, sizeof(*emission.told)),
	};
	int err = -ENOMEM;

	if (!emission.announcement || !emission.told) {
		free(emission.announcement);
		goto err_free_told;
	}
	emission.announcement->epoch = routing->epoch;
	TAILQ_INSERT_TAIL(&engine->announcements, emission.announcement, next);
	hf_reporter_keep(engine->reporter, routing->subscribers, routing->count);
	err = signal_subscribers(engine, routing, changes, &emission);

err_free_told:
	free(emission.told);
	return err;
}

static void tell_comparison(struct hf_engine *engine, const struct hf_changes *changes, uint64_t compare_us)
{
	const struct hf_routing *routing = &changes->new_->routing;

	engine->status.comparison = (struct hf_status_comparison) { .epoch = routing->epoch, .compare_us = compare_us };
	memcpy(engine->status.comparison.counts, changes->counts, sizeof(changes->counts));
	hf_trace_event(engine->config.trace, "diff", "{s:I, s:I, s:I, s:I, s:I}",
		       "epoch", (json_int_t)routing->epoch,
		       "changed", (json_int_t)changes->counts[HF_CHANGE_CHANGED],
		       "lost", (json_int_t)changes->counts[HF_CHANGE_LOST],
		       "appeared", (json_int_t)changes->counts[HF_CHANGE_APPEARED],
		       "compare_us", (json_int_t)compare_us);
	hf_log(hf_changes_are_none(changes) ? HF_LOG_DEBUG : HF_LOG_INFO,
	       "routing %" PRIu64 " (%s): %" PRIu64 " paths changed, %" PRIu64 " lost, %" PRIu64 " appeared",
	       routing->epoch, routing->engine, changes->counts[HF_CHANGE_CHANGED], changes->counts[HF_CHANGE_LOST],
	       changes->counts[HF_CHANGE_APPEARED]);
}

static json_t *pack_guid(const struct hf_changes *changes, uint32_t port)
{
	uint64_t guid = hf_snapshot_port(changes->new_, port)->guid;
	char text[24];

	if (!guid)
		guid = hf_snapshot_port(changes->old, port)->guid;
	snprintf(text, sizeof(text), "0x%016" PRIx64, guid);
	return json_string(text);
}

static void trace_paths(struct hf_engine *engine, const struct hf_changes *changes)
{
	struct hf_change_cursor cursor = { 0 };
	struct hf_change change;

	while (!atomic_load(&engine->is_stopping) && hf_changes_next(changes, &cursor, &change))
		hf_trace_event(engine->config.trace, "path_changed", "{s:I, s:o, s:o, s:s}",
			       "epoch", (json_int_t)changes->new_->routing.epoch,
			       "sguid", pack_guid(changes, change.src), "dguid", pack_guid(changes, change.dst),
			       "kind", hf_change_names[change.kind]);
}

/* What any way of telling the hosts has to bring across. */
static void trace_announcement(struct hf_engine *engine, const struct pending_routing *routing)
{
	size_t hosts = 0, all_changes = 0, bytes = 0;

	if (!engine->config.trace)
		return;
	for (size_t i = 0; i < routing->count; i++) {
		uint32_t port = routing->subscribers[i].port;
		size_t changes = 0;

		/* They are in the order of their LIDs. */
		if (i && routing->subscribers[i - 1].port == port)
			continue;
		if (port != HF_NO_INDEX)
			bytes += hf_bulk_weigh(engine->config.bulk, port, &changes);
		hosts += changes > 0;
		all_changes += changes;
	}
	hf_trace_event(engine->config.trace, "announcement", "{s:I, s:I, s:I, s:I}",
		       "epoch", (json_int_t)routing->snapshot->routing.epoch, "hosts", (json_int_t)hosts,
		       "changes", (json_int_t)all_changes, "bytes", (json_int_t)bytes);
}

/*
 * The first routing only records. Whoever has subscribed by then did so with another SM, or with this one before it was
 * standby, and must ask.
 */
static int record_and_tell(struct hf_engine *engine, const struct pending_routing *routing)
{
	int err = hf_bulk_publish(engine->config.bulk, routing->snapshot, NULL);
	int tell_err = routing->count ? tell_subscribers(engine, routing, NULL) : 0;

	return err ? err : tell_err;
}

/* Whatever memory is short for, what was announced before is not answered any more. */
static int compare_and_tell(struct hf_engine *engine, const struct pending_routing *routing)
{
	uint64_t start_ns = hf_now_ns();
	struct hf_changes changes;
	int err, tell_err;

	if (hf_changes_find(engine->announced, routing->snapshot, &changes))
		return record_and_tell(engine, routing);
	tell_comparison(engine, &changes, (hf_now_ns() - start_ns) / NS_PER_US);
	if (engine->config.trace && engine->config.trace_paths)
		trace_paths(engine, &changes);
	/* Who is told may ask at once. */
	err = hf_bulk_publish(engine->config.bulk, routing->snapshot, &changes);
	if (!err)
		trace_announcement(engine, routing);
	tell_err = tell_subscribers(engine, routing, err || hf_bulk_is_anew(engine->config.bulk) ? NULL : &changes);
	hf_changes_fini(&changes);
	return err ? err : tell_err;
}

static void free_pending(struct pending_routing *routing)
{
	hf_tables_free(routing->tables);
	hf_snapshot_free(routing->snapshot);
	free(routing->subscribers);
	*routing = (struct pending_routing) { 0 };
}

static void announce(struct hf_engine *engine)
{
	struct pending_routing routing = engine->waiting;
	int err;

	if (!routing.snapshot || !routing.snapshot->routing.is_written)
		return;
	engine->waiting = (struct pending_routing) { 0 };
	engine->sm_lid = routing.snapshot->routing.sm_lid;
	engine->sm_gid = routing.snapshot->routing.sm_gid;
	err = engine->announced ? compare_and_tell(engine, &routing) : record_and_tell(engine, &routing);
	/* What was published stays, told or not: where not all were told, the next announcement tells everybody to ask. */
	set_announced(engine, routing.snapshot);
	engine->is_unsure = err;
	routing.snapshot = NULL;
	if (!err)
		engine->status.counters.announcements++;
	else if (err != -ECANCELED)
		hf_log(HF_LOG_ERROR, "routing %" PRIu64 " could not be announced (%s); the next one makes up for it",
		       engine->announced->routing.epoch, strerror(-err));
	free_pending(&routing);
}

/* What hosts hold now is not known any more. */
static void forget_routings(struct hf_engine *engine)
{
	free_pending(&engine->waiting);
	hf_bulk_forget(engine->config.bulk);
	engine->is_unsure = false;
	engine->is_lost = false;
	set_announced(engine, NULL);
}

static void trace_routing(struct hf_engine *engine, const struct event *event)
{
	const struct hf_osm_copy *copy = &event->copy;
	const struct hf_routing *routing = &copy->tables->routing;

	hf_trace_event(engine->config.trace, "routing_done",
		       "{s:I, s:I, s:s, s:s, s:b, s:b, s:b, s:I, s:I, s:i, s:i}",
		       "t", (json_int_t)event->at_ns, "epoch", (json_int_t)routing->epoch, "engine", routing->engine,
		       "wanted_engine", routing->wanted_engine, "reroute", routing->reroute,
		       "first", !engine->announced && !engine->waiting.snapshot, "written", routing->is_written,
		       "snapshot_us", (json_int_t)(copy->taken_ns / NS_PER_US),
		       "lock_us", (json_int_t)(copy->longest_lock_ns / NS_PER_US),
		       "lft_changes", (int)atomic_exchange(&engine->lft_changes, 0), "subscribers", (int)copy->count);
}

/* OpenSM itself says nothing where an engine fails and another one routes. */
static void watch_routing_engine(struct hf_engine *engine, const struct hf_routing *routing, uint64_t at_ns)
{
	bool is_fallback = strcmp(routing->engine, routing->wanted_engine);

	if (is_fallback && !engine->status.is_fallback) {
		engine->status.fallback_epoch = routing->epoch;
		engine->status.fallback_ns = at_ns;
	}
	engine->status.is_fallback = is_fallback;
	if (!strcmp(engine->routing_engine, routing->engine))
		return;
	if (is_fallback)
		hf_log(HF_LOG_WARN, "routing engine %s failed, %s routes instead: the SLs of all paths may be others",
		       routing->wanted_engine, routing->engine);
	else if (engine->routing_engine[0])
		hf_log(HF_LOG_INFO, "routing engine %s routes again", routing->engine);
	memcpy(engine->routing_engine, routing->engine, sizeof(engine->routing_engine));
}

/* Hosts may have asked while @skipped was in force, which is never announced now. */
static void skip_routing(struct hf_engine *engine, const struct hf_snapshot *skipped, const struct hf_snapshot *next)
{
	struct hf_changes changes;

	if (!hf_changes_find(skipped, next, &changes)) {
		engine->is_unsure |= !hf_changes_are_none(&changes);
		hf_changes_fini(&changes);
	} else {
		engine->is_unsure = true;
	}
}

/* What waits is not what will be in force. OpenSM answers until the next announcement. */
static void lose_routing(struct hf_engine *engine)
{
	free_pending(&engine->waiting);
	hf_bulk_forget(engine->config.bulk);
	engine->is_lost = true;
}

/* The next routing is the first one for everybody. */
static void tell_lost(struct hf_engine *engine, struct hf_subscriber *subscribers, size_t count)
{
	const struct pending_routing lost = {
		.epoch = engine->status.routing.epoch, .subscribers = subscribers, .count = count,
	};
	int err;

	if (!engine->is_lost)
		return;
	forget_routings(engine);
	/* Before the first announcement nobody has asked anybody but OpenSM. */
	err = count && engine->sm_lid ? tell_subscribers(engine, &lost, NULL) : 0;
	if (err && err != -ECANCELED)
		hf_log(HF_LOG_ERROR, "not all hosts could be told to ask (%s); the next routing makes up for it",
		       strerror(-err));
}

static void wait_for_subnet_up(struct hf_engine *engine, struct hf_snapshot *snapshot, struct hf_osm_copy *copy)
{
	if (engine->waiting.snapshot)
		skip_routing(engine, engine->waiting.snapshot, snapshot);
	free_pending(&engine->waiting);
	engine->waiting = (struct pending_routing) {
		.tables = copy->tables, .snapshot = snapshot, .epoch = snapshot->routing.epoch,
		.subscribers = copy->subscribers, .count = copy->count,
	};
	copy->tables = NULL;
	copy->subscribers = NULL;
	if (!snapshot->routing.is_written)
		hf_log(HF_LOG_WARN, "routing %" PRIu64 " has not reached all switches; it is not announced",
		       snapshot->routing.epoch);
	else if (snapshot->routing.reroute)
		announce(engine);
}

static int resolve(struct hf_engine *engine, const struct hf_tables *tables, struct hf_snapshot **ret_snapshot)
{
	uint64_t start_ns = hf_now_ns();
	int err = hf_snapshot_resolve(tables, ret_snapshot);

	engine->status.routing.resolve_us = (hf_now_ns() - start_ns) / NS_PER_US;
	if (err)
		hf_log(HF_LOG_ERROR, "routing %" PRIu64 " could not be read (%s); all hosts are told to ask for OpenSM's "
		       "paths", tables->routing.epoch, strerror(-err));
	return err;
}

/* Links may have come up otherwise than they were when routes were computed: another rate, say. */
static void update_links(struct hf_engine *engine, const struct hf_osm_update *update)
{
	struct pending_routing *routing = &engine->waiting;
	struct hf_snapshot *snapshot;

	if (!routing->snapshot || !update->links || update->n_links != hf_tables_count_links(routing->tables) ||
	    !hf_tables_update_links(routing->tables, update->links))
		return;
	if (resolve(engine, routing->tables, &snapshot)) {
		lose_routing(engine);
		return;
	}
	hf_snapshot_free(routing->snapshot);
	routing->snapshot = snapshot;
}

/* Whoever has subscribed since may have asked already, and was answered from what was announced before. */
static void update_subscribers(struct hf_engine *engine, struct hf_osm_update *update)
{
	struct pending_routing *routing = &engine->waiting;

	if (!routing->snapshot || !update->subscribers)
		return;
	free(routing->subscribers);
	routing->subscribers = update->subscribers;
	routing->count = update->n_subscribers;
	update->subscribers = NULL;
}

static void tell_routing(struct hf_engine *engine, const struct hf_osm_copy *copy)
{
	const struct hf_routing *routing = &copy->tables->routing;
	struct hf_status_routing *told = &engine->status.routing;

	*told = (struct hf_status_routing) {
		.epoch = routing->epoch,
		.instance = routing->instance,
		.copy_us = copy->taken_ns / NS_PER_US,
		.lock_us = copy->longest_lock_ns / NS_PER_US,
		.subscribers = copy->count,
	};
	memcpy(told->engine, routing->engine, sizeof(told->engine));
	memcpy(told->wanted_engine, routing->wanted_engine, sizeof(told->wanted_engine));
	engine->status.counters.routings++;
}

static void take_routing(struct hf_engine *engine, struct event *event)
{
	const struct hf_routing *routing = &event->copy.tables->routing;
	struct hf_snapshot *snapshot;

	if (!routing->is_master || routing->is_first_sweep)
		forget_routings(engine);
	trace_routing(engine, event);
	engine->status.is_master = routing->is_master;
	if (!routing->is_master)
		return;
	tell_routing(engine, &event->copy);
	watch_routing_engine(engine, routing, event->at_ns);
	engine->wants_umad = true;
	if (resolve(engine, event->copy.tables, &snapshot)) {
		lose_routing(engine);
		/* No SUBNET UP follows. */
		if (routing->reroute)
			tell_lost(engine, event->copy.subscribers, event->copy.count);
		return;
	}
	engine->is_unsure |= engine->is_lost;
	engine->is_lost = false;
	wait_for_subnet_up(engine, snapshot, &event->copy);
}

static void trace_plain(struct hf_engine *engine, const struct event *event, const char *name)
{
	hf_trace_event(engine->config.trace, name, "{s:I}", "t", (json_int_t)event->at_ns);
}

static void handle_event(struct hf_engine *engine, struct event *event)
{
	bool is_reroute = event->copy.tables && event->copy.tables->routing.reroute;

	switch (event->kind) {
	case EVENT_TRAP:
		atomic_fetch_sub(&engine->traps_posted, 1);
		hf_trace_event(engine->config.trace, "trap", "{s:I, s:i, s:i}", "t", (json_int_t)event->at_ns,
			       "num", event->trap_num, "lid", event->issuer_lid);
		break;
	case EVENT_SWEEP_START:
		trace_plain(engine, event, "sweep_start");
		break;
	case EVENT_ROUTING:
		take_routing(engine, event);
		if (is_reroute)
			hf_bulk_end_announcement(engine->config.bulk);
		break;
	case EVENT_LOST_ROUTING:
		lose_routing(engine);
		break;
	case EVENT_SUBNET_UP:
		trace_plain(engine, event, "subnet_up");
		update_links(engine, &event->update);
		update_subscribers(engine, &event->update);
		announce(engine);
		tell_lost(engine, event->update.subscribers, event->update.n_subscribers);
		hf_bulk_end_announcement(engine->config.bulk);
		break;
	case EVENT_NOT_MASTER:
		engine->status.is_master = false;
		engine->status.routing = (struct hf_status_routing) { 0 };
		engine->status.is_fallback = false;
		hf_reporter_keep(engine->reporter, NULL, 0);
		forget_routings(engine);
		break;
	}
}

/* All that was posted, oldest first. */
static struct event *take_posted(struct hf_engine *engine)
{
	struct event *newest = atomic_exchange(&engine->posted, NULL);
	struct event *oldest = NULL;

	while (newest) {
		struct event *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

static void handle_posted(struct hf_engine *engine)
{
	struct event *event = take_posted(engine);

	while (event) {
		struct event *next = event->next;

		if (!atomic_load(&engine->is_stopping))
			handle_event(engine, event);
		free_event(event);
		event = next;
	}
	if (atomic_exchange(&engine->is_dropped, false))
		lose_routing(engine);
}

/* The thread */

static int poll_timeout_ms(const struct hf_engine *engine)
{
	uint64_t now_ns = hf_now_ns();
	uint64_t deadline_ns = engine->umad ? hf_reporter_deadline(engine->reporter) : UINT64_MAX;

	if (engine->wants_umad && !engine->umad)
		deadline_ns = engine->open_at_ns;
	if (deadline_ns == UINT64_MAX)
		return -1;
	if (deadline_ns <= now_ns)
		return 0;
	return (deadline_ns - now_ns) / NS_PER_MS + 1;
}

static void wait_for_work(struct hf_engine *engine)
{
	struct pollfd fds[2] = {
		{ .fd = engine->wake_fd, .events = POLLIN },
		{ .fd = engine->umad ? hf_umad_fd(engine->umad) : -1, .events = POLLIN },
	};
	uint64_t count;

	if (poll(fds, 2, poll_timeout_ms(engine)) <= 0)
		return;
	if (fds[0].revents && read(engine->wake_fd, &count, sizeof(count)) < 0)
		errno = 0;
	if (fds[1].revents)
		receive(engine);
}

static void *run(void *arg)
{
	struct hf_engine *engine = arg;

	while (!atomic_load(&engine->is_stopping)) {
		wait_for_work(engine);
		handle_posted(engine);
		ensure_port(engine, hf_now_ns());
		if (engine->umad)
			hf_reporter_run(engine->reporter, hf_now_ns());
		finish_announcements(engine);
		publish_status(engine);
	}
	return NULL;
}

/* OpenSM's signals are its main thread's. */
static int start_thread(struct hf_engine *engine)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&engine->thread, NULL, run, engine);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

int hf_engine_start(const struct hf_engine_config *config, struct hf_engine **ret_engine)
{
	struct hf_engine *engine = calloc(1, sizeof(*engine));
	uint32_t first_id;
	int err;

	if (!engine)
		return -ENOMEM;
	engine->config = *config;
	TAILQ_INIT(&engine->announcements);
	if (getrandom(&first_id, sizeof(first_id), 0) != sizeof(first_id)) {
		err = -errno;
		goto err_free_engine;
	}
	engine->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->wake_fd < 0) {
		err = -errno;
		goto err_free_engine;
	}
	err = hf_reporter_new(&config->reporter, &reporter_ops, engine, first_id, &engine->reporter);
	if (err)
		goto err_close_wake_fd;
	err = start_thread(engine);
	if (err)
		goto err_free_reporter;
	*ret_engine = engine;
	return 0;

err_free_reporter:
	hf_reporter_free(engine->reporter);
err_close_wake_fd:
	close(engine->wake_fd);
err_free_engine:
	free(engine);
	return err;
}

void hf_engine_stop(struct hf_engine *engine)
{
	struct announcement *announcement;

	if (!engine)
		return;
	atomic_store(&engine->is_stopping, true);
	wake(engine);
	pthread_join(engine->thread, NULL);
	handle_posted(engine);
	forget_routings(engine);
	hf_reporter_free(engine->reporter);
	while ((announcement = TAILQ_FIRST(&engine->announcements))) {
		TAILQ_REMOVE(&engine->announcements, announcement, next);
		free(announcement);
	}
	hf_umad_close(engine->umad);
	close(engine->wake_fd);
	free(engine);
}
