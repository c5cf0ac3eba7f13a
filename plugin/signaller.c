/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/signaller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMP_PATH	(HF_PR_COMP_SGID | HF_PR_COMP_DGID)
#define LIST_END	UINT32_MAX

struct job {
	const struct hf_changes *changes;
	struct hf_bulk *bulk;
	const struct hf_subscriber *subscribers;
	size_t count;
	hf_emit_fn emit;
	void *ctx;

	/* The subscribers at each port: a chain of indexes into @subscribers. */
	uint32_t n_ports;
	uint32_t *first;	/* by port */
	uint32_t *next;		/* by subscriber */

	uint32_t *lost_to;	/* by port: how many paths to it were lost; NULL where none was */
};

static bool is_present(const struct job *job, uint32_t port)
{
	return hf_port_is_present(hf_snapshot_port(job->changes->new_, port));
}

static uint64_t new_epoch(const struct job *job)
{
	return job->changes->new_->routing.epoch;
}

static bool has_subscriber(const struct job *job, uint32_t port)
{
	return job->first[port] != LIST_END;
}

static bool concerns_subscriber(const struct job *job, const struct hf_change *change)
{
	return has_subscriber(job, change->src) || has_subscriber(job, change->dst);
}

static unsigned int hears_bit(const struct hf_report *report)
{
	return report->trap_num == HF_TRAP_UNPATH ? HF_HEARS_UNPATH : HF_HEARS_REPATH;
}

static int emit_to_all(const struct job *job, const struct hf_report *report)
{
	int err = 0;

	for (size_t i = 0; i < job->count && !err; i++)
		if (job->subscribers[i].hears & hears_bit(report))
			err = job->emit(job->ctx, &job->subscribers[i], report);
	return err;
}

static int emit_to_port(const struct job *job, uint32_t port, const struct hf_report *report)
{
	int err = 0;

	if (!is_present(job, port))
		return 0;
	for (uint32_t i = job->first[port]; i != LIST_END && !err; i = job->next[i])
		if (job->subscribers[i].hears & hears_bit(report))
			err = job->emit(job->ctx, &job->subscribers[i], report);
	return err;
}

static int emit_to_both_ends(const struct job *job, const struct hf_change *change, const struct hf_report *report)
{
	int err = emit_to_port(job, change->src, report);

	return err || change->dst == change->src ? err : emit_to_port(job, change->dst, report);
}

/* After this, lost_to is 0 wherever some source still reaches the destination. */
static void keep_lost_to_everyone(const struct job *job)
{
	for (uint32_t dst = 0; dst < job->n_ports; dst++)
		for (uint32_t src = 0; job->lost_to[dst] && src < job->n_ports; src++)
			if (src != dst && hf_snapshot_path(job->changes->new_, src, dst))
				job->lost_to[dst] = 0;
}

static int find_lost_to_everyone(struct job *job)
{
	struct hf_change_cursor cursor = { 0 };
	struct hf_change change;

	job->lost_to = calloc(job->n_ports + (size_t)1, sizeof(*job->lost_to));
	if (!job->lost_to)
		return -ENOMEM;
	while (hf_changes_next(job->changes, &cursor, &change))
		if (change.kind == HF_CHANGE_LOST && concerns_subscriber(job, &change))
			job->lost_to[change.dst]++;
	keep_lost_to_everyone(job);
	return 0;
}

/* A report of a path that is gone: its record is the one of the routing before, all that a host can know it by. */
static void unpath_report(const struct job *job, uint32_t src, uint32_t dst, uint64_t comp_mask,
			  struct hf_report *report)
{
	struct hf_path_record lost;

	hf_snapshot_path_record(job->changes->old, src, dst, &lost);
	*report = (struct hf_report) {
		.epoch = new_epoch(job),
		.trap_num = HF_TRAP_UNPATH,
		.wait = is_present(job, dst),
		.comp_mask = comp_mask,
	};
	report->path.dgid = lost.dgid;
	if (comp_mask & HF_PR_COMP_SGID)
		report->path.sgid = lost.sgid;
}

static int signal_lost_destinations(const struct job *job)
{
	struct hf_report report;
	int err = 0;

	for (uint32_t dst = 0; dst < job->n_ports && !err; dst++) {
		if (!job->lost_to[dst])
			continue;
		unpath_report(job, dst, dst, HF_PR_COMP_DGID, &report);
		err = emit_to_all(job, &report);
	}
	return err;
}

/* Paths from or to a port that is lost to everyone are covered by the report about that port. */
static int signal_lost_paths(const struct job *job)
{
	struct hf_change_cursor cursor = { 0 };
	struct hf_change change;
	struct hf_report report;
	int err = 0;

	while (!err && hf_changes_next(job->changes, &cursor, &change)) {
		if (change.kind != HF_CHANGE_LOST || job->lost_to[change.dst] || job->lost_to[change.src])
			continue;
		unpath_report(job, change.src, change.dst, COMP_PATH, &report);
		err = emit_to_both_ends(job, &change, &report);
	}
	return err;
}

static int signal_lost(struct job *job)
{
	int err;

	if (!job->changes->counts[HF_CHANGE_LOST])
		return 0;
	err = find_lost_to_everyone(job);
	if (!err)
		err = signal_lost_destinations(job);
	if (!err)
		err = signal_lost_paths(job);
	return err;
}

static int emit_wildcard(const struct job *job, uint64_t epoch)
{
	const struct hf_report report = { .epoch = epoch, .trap_num = HF_TRAP_REPATH };

	return emit_to_all(job, &report);
}

static int signal_off(struct job *job)
{
	(void)job;
	return 0;
}

/* Figure 3: the SM does not know what changed, so everyone asks after every reconfiguration. */
static int signal_wildcard(struct job *job)
{
	int err = signal_lost(job);

	return err ? err : emit_wildcard(job, new_epoch(job));
}

/* Figure 4 and Algorithm 1: the new record itself, to the two hosts of the path. */
static int signal_repath_only(struct job *job)
{
	struct hf_change_cursor cursor = { 0 };
	struct hf_change change;
	int err = signal_lost(job);

	while (!err && hf_changes_next(job->changes, &cursor, &change)) {
		struct hf_report report = {
			.epoch = new_epoch(job),
			.trap_num = HF_TRAP_REPATH,
			.comp_mask = COMP_PATH,
		};

		if (change.kind == HF_CHANGE_LOST)
			continue;
		hf_snapshot_path_record(job->changes->new_, change.src, change.dst, &report.path);
		err = emit_to_both_ends(job, &change, &report);
	}
	return err;
}

static bool must_ask(const struct job *job)
{
	struct hf_change_cursor cursor = { 0 };
	struct hf_change change;

	if (!job->changes->counts[HF_CHANGE_CHANGED] && !job->changes->counts[HF_CHANGE_APPEARED])
		return false;
	while (hf_changes_next(job->changes, &cursor, &change))
		if (change.kind != HF_CHANGE_LOST && concerns_subscriber(job, &change))
			return true;
	return false;
}

/* Figure 5, Algorithms 2 and 3: everyone asks, but only where a path changed or came back. */
static int signal_hybrid(struct job *job)
{
	int err = signal_lost(job);

	return err || !must_ask(job) ? err : emit_wildcard(job, new_epoch(job));
}

/* The only destination in a set. */
static uint32_t find_destination(const struct hf_destinations *set)
{
	size_t word = 0;

	while (!set->changed[word])
		word++;
	return word * 64 + __builtin_ctzll(set->changed[word]);
}

static void fill_single_report(const struct job *job, uint32_t src, uint32_t dst, struct hf_report *report)
{
	if (!hf_snapshot_path(job->changes->new_, src, dst)) {
		unpath_report(job, src, dst, COMP_PATH, report);
		return;
	}
	*report = (struct hf_report) {
		.epoch = new_epoch(job),
		.trap_num = HF_TRAP_REPATH,
		.comp_mask = COMP_PATH,
	};
	hf_bulk_path_record(job->bulk, src, dst, &report->path);
	report->site = hf_bulk_site(job->bulk, dst);
}

static void fill_report(const struct job *job, uint32_t src, struct hf_report *report)
{
	struct hf_path_record any;

	*report = (struct hf_report) {
		.epoch = new_epoch(job),
		.trap_num = HF_TRAP_REPATH,
		.comp_mask = HF_PR_COMP_SGID,
	};
	hf_snapshot_path_record(job->changes->new_, src, src, &any);
	report->path.sgid = any.sgid;
}

static int emit_epochs(const struct job *job, uint32_t src, struct hf_report *report, uint64_t base, uint64_t leads_to)
{
	report->instance = job->changes->new_->routing.instance;
	report->base = base;
	report->leads_to = leads_to;
	return emit_to_port(job, src, report);
}

/* Between two routings there is an epoch that no other has: where two Reports are needed, the first leads to that. */
static int signal_several(const struct job *job, uint32_t src, const struct hf_destinations *set, uint64_t base)
{
	struct hf_report_body bodies[HF_BULK_BODIES];
	unsigned int count = hf_bulk_report_bodies(job->bulk, src, set, HF_REPORT_BODY_MAX, bodies);
	struct hf_report report;
	int err = 0;

	/* Without room the Report says that there is something, and has no body. */
	if (!count)
		bodies[count++] = (struct hf_report_body) { .changes = hf_destinations_count(set) };
	fill_report(job, src, &report);
	for (unsigned int i = 0; i < count && !err; i++) {
		uint64_t leads_to = new_epoch(job) - (count - 1 - i);

		report.body = bodies[i];
		report.changes = bodies[i].changes;
		err = emit_epochs(job, src, &report, base, leads_to);
		base = leads_to;
	}
	return err;
}

static int signal_source(const struct job *job, uint32_t src, struct hf_destinations *set)
{
	struct hf_report report;
	uint64_t base;
	size_t count;

	hf_destinations_clear(set);
	count = hf_bulk_told(job->bulk, src, set, &base);
	if (!count)
		return 0;
	if (count > 1)
		return signal_several(job, src, set, base);
	fill_single_report(job, src, find_destination(set), &report);
	report.changes = count;
	return emit_epochs(job, src, &report, base, new_epoch(job));
}

/* Each host is told of its own paths: one inside the trap, some behind it, many by saying that there are some. */
static int signal_targeted(struct job *job)
{
	struct hf_destinations set;
	int err;

	if (hf_changes_are_none(job->changes))
		return 0;
	err = hf_destinations_init(job->n_ports, &set);
	if (err)
		return err;
	for (uint32_t src = 0; src < job->n_ports && !err; src++)
		if (has_subscriber(job, src) && is_present(job, src))
			err = signal_source(job, src, &set);
	hf_destinations_fini(&set);
	return err;
}

static int (*const signal_by_mode[HF_MODES])(struct job *job) = {
	[HF_MODE_OFF] = signal_off,
	[HF_MODE_WILDCARD] = signal_wildcard,
	[HF_MODE_REPATH_ONLY] = signal_repath_only,
	[HF_MODE_HYBRID] = signal_hybrid,
	[HF_MODE_TARGETED] = signal_targeted,
};

const char *const hf_mode_names[HF_MODES + 1] = {
	[HF_MODE_OFF] = "off",
	[HF_MODE_WILDCARD] = "wildcard",
	[HF_MODE_REPATH_ONLY] = "repath-only",
	[HF_MODE_HYBRID] = "hybrid",
	[HF_MODE_TARGETED] = "targeted",
};

static int chain_subscribers(struct job *job)
{
	job->first = malloc((job->n_ports + (size_t)1) * sizeof(*job->first));
	job->next = malloc((job->count + 1) * sizeof(*job->next));
	if (!job->first || !job->next)
		return -ENOMEM;
	for (uint32_t i = 0; i < job->n_ports; i++)
		job->first[i] = LIST_END;
	for (size_t i = 0; i < job->count; i++) {
		uint32_t port = job->subscribers[i].port;

		if (port >= job->n_ports)
			continue;
		job->next[i] = job->first[port];
		job->first[port] = i;
	}
	return 0;
}

int hf_signal(enum hf_mode mode, const struct hf_changes *changes, struct hf_bulk *bulk,
	      const struct hf_subscriber *subscribers, size_t count, hf_emit_fn emit, void *ctx)
{
	struct job job = {
		.changes = changes,
		.bulk = bulk,
		.subscribers = subscribers,
		.count = count,
		.emit = emit,
		.ctx = ctx,
		/* The registry only grows. */
		.n_ports = changes->new_->n_ports,
	};
	int err = chain_subscribers(&job);

	if (!err)
		err = signal_by_mode[mode](&job);
	free(job.first);
	free(job.next);
	free(job.lost_to);
	return err;
}

int hf_signal_unknown(enum hf_mode mode, uint64_t epoch, const struct hf_subscriber *subscribers, size_t count,
		      hf_emit_fn emit, void *ctx)
{
	const struct job job = { .subscribers = subscribers, .count = count, .emit = emit, .ctx = ctx };

	return mode == HF_MODE_OFF ? 0 : emit_wildcard(&job, epoch);
}
