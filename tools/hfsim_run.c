/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/trace.h"
#include "tools/hfsim_faults.h"
#include "tools/hfsim_hosts.h"
#include "tools/hfsim_programs.h"
#include "tools/hfsim_setup.h"
#include "tools/hfsim_streams.h"

#define QUIET_MS		300		/* without an event: nothing more is to come */
#define QUIET_NS		(QUIET_MS * UINT64_C(1000000))
#define ASK_INTERVAL_NS		(50 * UINT64_C(1000000))
#define TABLES_TIMEOUT_MS	120000
#define CHECKS			2	/* of a host's, within which it must have found out that it is stale */
#define TIMEOUTS_MS		15000	/* of subscriptions and queries in between, each lost once or twice */

struct progress {
	hf_run_progress *tell;
	void *ctx;
};

static void tell(const struct progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(const struct progress *progress, const char *format, ...)
{
	char line[512];
	va_list args;

	if (!progress->tell)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	progress->tell(progress->ctx, line);
}

/* What a run waits for after a fault. */
struct settling {
	size_t first_event;	/* at the cut */
	bool is_rerouted;	/* the SM is expected to compute routes again */
	bool is_announced;	/* and the plugin to say when it has told the hosts, */
	bool is_subscribed;	/* or every host to have found the SM that runs now */
	bool is_heard;		/* each service */
	uint64_t next_ask_ns;
};

/* Index of the last event of the plugin since the cut; SIZE_MAX for none. */
static size_t find_last(const struct hf_events *events, const struct settling *settling, const char *name)
{
	size_t last = SIZE_MAX, at = settling->first_event;

	for (; hf_events_find(events, at, "plugin", name, &at); at++)
		last = at;
	return last;
}

static bool is_told(const struct hf_events *events, const struct settling *settling, json_int_t epoch)
{
	size_t at = settling->first_event;

	for (; hf_events_find(events, at, "plugin", "announce_done", &at); at++)
		if (hf_event_number(&events->list[at], "epoch") == epoch)
			return true;
	return false;
}

/* An announcement that has nothing to tell is done at once, and may be so before the one that came before it. */
static bool is_all_told(const struct hf_events *events, const struct settling *settling, size_t routed)
{
	size_t at = settling->first_event;

	for (; hf_events_find(events, at, "plugin", "diff", &at); at++)
		if (!is_told(events, settling, hf_event_number(&events->list[at], "epoch")))
			return false;
	return is_told(events, settling, hf_event_number(&events->list[routed], "epoch"));
}

/* The last sweep of the SM that routed last: another one, on standby, looks at the fabric and routes nothing. */
static size_t find_last_sweep(const struct hf_events *events, const struct settling *settling, size_t routed)
{
	const char *who = events->list[routed].who;
	size_t last = SIZE_MAX, at = settling->first_event;

	for (; hf_events_find(events, at, who, "sweep_start", &at); at++)
		if (strcmp(events->list[at].who, who) == 0)
			last = at;
	return last;
}

/* Whether the last sweep has led to new routes, these to SUBNET UP, and all hosts have been told of them. */
static bool has_sm_finished(const struct hf_events *events, const struct settling *settling)
{
	size_t swept = SIZE_MAX, routed = find_last(events, settling, "routing_done");
	size_t up = find_last(events, settling, "subnet_up");

	if (!settling->is_rerouted)
		return true;
	if (routed == SIZE_MAX || up == SIZE_MAX || up < routed)
		return false;
	swept = find_last_sweep(events, settling, routed);
	if (swept != SIZE_MAX && swept > routed)
		return false;
	return !settling->is_announced || is_all_told(events, settling, routed);
}

/* A host finds out within its check_interval_s that its SM is another. */
static bool have_hosts_subscribed(const struct hf_fabric *fabric, const struct settling *settling)
{
	json_t *hosts = json_object();
	size_t at = settling->first_event, count;

	for (; hf_events_find(&fabric->events, at, "host:", "subscribed", &at); at++)
		if (hf_event_number(&fabric->events.list[at], "trap") == HF_TRAP_REPATH)
			json_object_set_new(hosts, fabric->events.list[at].who, json_true());
	count = json_object_size(hosts);
	json_decref(hosts);
	return count >= hf_hosts_count_served(fabric);
}

static bool is_settled(struct hf_fabric *fabric, void *ctx)
{
	const struct hf_events *events = &fabric->events;
	struct settling *settling = ctx;
	uint64_t now_ns = hf_now_ns();

	if (events->count > 0 && now_ns < events->list[events->count - 1].time_ns + QUIET_NS)
		return false;
	if (!has_sm_finished(events, settling) || now_ns < settling->next_ask_ns)
		return false;
	if (settling->is_subscribed && !have_hosts_subscribed(fabric, settling))
		return false;
	if (settling->is_heard && hf_streams_count_silent(fabric))
		return false;
	settling->next_ask_ns = now_ns + ASK_INTERVAL_NS;
	return hf_hosts_are_idle(fabric);
}

static int fail(struct hf_run *run, int err)
{
	snprintf(run->error, sizeof(run->error), "%s", run->fabric.error[0] ? run->fabric.error : strerror(-err));
	return err;
}

static int read_tables(struct hf_run *run, struct hf_tables **ret_tables)
{
	struct hf_file_path path = hf_fabric_path(&run->fabric, "tables-%zu.json", run->n_measures);
	char *argv[] = { run->fabric.parts[HF_PART_HOLDFAST], "tables", "--json", "--paths", NULL };
	int err = hf_fabric_run_tool(&run->fabric, argv, &path, TABLES_TIMEOUT_MS);

	if (err)
		return err;
	err = hf_tables_load(path.text, ret_tables);
	return err ? hf_fabric_fail(&run->fabric, err, "%s holds no tables: %s", path.text, strerror(-err)) : 0;
}

static int read_uses(struct hf_run *run, struct hf_uses *ret_uses)
{
	struct hf_file_path path = hf_fabric_path(&run->fabric, "connections-%zu.json", run->n_measures);
	json_t *connections;
	int err = hf_hosts_connections(&run->fabric, &connections);

	if (err)
		return err;
	json_dump_file(connections, path.text, JSON_INDENT(1));
	err = hf_uses_parse(connections, ret_uses);
	json_decref(connections);
	return err ? hf_fabric_fail(&run->fabric, err, "%s holds no connections: %s", path.text, strerror(-err)) : 0;
}

static int measure(struct hf_run *run)
{
	struct hf_measure *measure = &run->measures[run->n_measures];
	int err;

	if (run->scenario->measured != HF_MEASURE_ALL) {
		run->n_measures++;
		return 0;
	}
	err = read_tables(run, &measure->tables);
	if (err)
		return err;
	err = read_uses(run, &measure->uses);
	if (err) {
		hf_tables_free(measure->tables);
		return err;
	}
	run->n_measures++;
	return 0;
}

static int bring_up(struct hf_run *run, const char *dir, const struct progress *progress)
{
	struct settling settling = { 0 };
	int err;

	run->start_ns = hf_now_ns();
	err = hf_fabric_init(&run->fabric, run->scenario, dir);
	if (err)
		return err;
	tell(progress, "%s in %s", run->scenario->name, run->fabric.dir);
	err = hf_fabric_start_sm(&run->fabric);
	if (err)
		return err;
	run->subnet_up_ns = hf_now_ns();
	tell(progress, "SUBNET UP after %.0f ms", (run->subnet_up_ns - run->start_ns) / 1e6);
	err = hf_hosts_start(&run->fabric);
	if (err)
		return err;
	run->connected_ns = hf_now_ns();
	tell(progress, "%zu hosts are connected after %.0f ms", run->scenario->host_count,
	     (run->connected_ns - run->start_ns) / 1e6);
	err = hf_streams_start(&run->fabric);
	if (!err)
		err = hf_programs_start(&run->fabric);
	if (!err)
		err = hf_fabric_wait(&run->fabric, "quiet", is_settled, &settling, run->scenario->watchdog_s * 1000);
	return err ? err : measure(run);
}

/* Faults that were not waited for are waited for with the one that is. */
static int settle(struct hf_run *run)
{
	struct settling settling = { .is_heard = run->fabric.streams };
	char what[128];

	for (size_t i = 0; i < run->n_faults; i++) {
		const struct hf_fault_run *fault = &run->faults[i];

		if (fault->settled_ns || !hf_fault_is_rerouted(&run->fabric, fault->fault))
			continue;
		settling.first_event = hf_events_at(&run->fabric.events, fault->cut_ns);
		settling.is_rerouted = true;
		/* After the first routing of an opensm there is nothing to compare with, and nobody to tell. */
		settling.is_subscribed |= hf_fault_is_new_sm(&run->fabric, fault->fault);
		settling.is_announced = !settling.is_subscribed;
	}
	snprintf(what, sizeof(what), "quiet after fault \"%s\"", run->faults[run->n_faults - 1].fault->name);
	return hf_fabric_wait(&run->fabric, what, is_settled, &settling, run->scenario->watchdog_s * 1000);
}

/* The faults since the last quiet time are settled together. */
static void note_settled(struct hf_run *run, const struct hf_measure *before, uint64_t settled_ns)
{
	for (size_t i = run->n_faults; i-- > 0 && run->faults[i].settled_ns == 0;) {
		run->faults[i].settled_ns = settled_ns;
		run->faults[i].before = *before;
		run->faults[i].after = run->measures[run->n_measures - 1];
	}
}

static int wait_for_fault(struct hf_run *run, const struct hf_fault *fault)
{
	uint64_t until_ns = hf_now_ns() + fault->after_ms * UINT64_C(1000000);

	if (!fault->after_ms)
		return 0;
	return hf_fabric_wait(&run->fabric, "the time of a fault", hf_fabric_is_past, &until_ns,
			      fault->after_ms + QUIET_MS);
}

static int run_fault(struct hf_run *run, const struct hf_fault *fault, const struct progress *progress)
{
	const struct hf_measure *before = &run->measures[run->n_measures - 1];
	int err = wait_for_fault(run, fault);
	struct hf_fault_run *fault_run;
	uint64_t settled_ns;

	if (err)
		return err;
	fault_run = &run->faults[run->n_faults++];
	tell(progress, "fault \"%s\": %s", fault->name, hf_fault_kind_text(fault->kind));
	fault_run->fault = fault;
	fault_run->cut_ns = hf_events_add(&run->fabric.events, "fault", "{s:s, s:s}", "name", fault->name, "kind",
					  hf_fault_kind_text(fault->kind));
	err = hf_fault_apply(&run->fabric, fault);
	if (err || (!fault->wait_settled && run->n_faults < run->scenario->fault_count))
		return err;
	if (!hf_fabric_has_sm(&run->fabric))
		return run->n_faults < run->scenario->fault_count ? 0 :
		       hf_fabric_fail(&run->fabric, -EPIPE, "the last fault leaves no SM that could be asked");
	err = settle(run);
	if (err)
		return err;
	settled_ns = hf_now_ns();
	tell(progress, "quiet again after %.0f ms", (settled_ns - fault_run->cut_ns) / 1e6);
	err = measure(run);
	if (!err)
		note_settled(run, before, settled_ns);
	return err;
}

static int run_faults(struct hf_run *run, const struct progress *progress)
{
	const struct hf_scenario *scenario = run->scenario;

	for (size_t i = 0; i < scenario->fault_count; i++) {
		int err = run_fault(run, &scenario->faults[i], progress);

		if (err)
			return err;
	}
	return 0;
}

/* A host that has lost all Reports finds out at its next check, and asks; the answer may be lost, too. */
static int judge_staleness(struct hf_run *run, const struct progress *progress)
{
	bool is_off = strcmp(run->scenario->mode, HF_MODE_NAME_OFF) == 0;
	int limit_ms = is_off ? 0 : hf_setup_check_interval_s(run->scenario) * CHECKS * 1000 + TIMEOUTS_MS;
	int err = hf_staleness_wait(&run->fabric, limit_ms, &run->staleness);

	if (!err && run->staleness.n_stale > 0)
		tell(progress, "%zu paths that hosts hold are not what the SA answers", run->staleness.n_stale);
	return err;
}

static int count_mads(struct hf_run *run)
{
	if (run->scenario->measured == HF_MEASURE_NOTHING)
		return 0;
	for (size_t i = 0; i < run->n_faults; i++) {
		struct hf_fault_run *fault = &run->faults[i];
		struct hf_file_path path = hf_fabric_path(&run->fabric, HF_FILE_SM_CAPTURE);
		int err = hf_mads_count(path.text, fault->cut_ns, fault->settled_ns, &fault->sm_mads);

		path = hf_fabric_path(&run->fabric, HF_FILE_STANDBY_CAPTURE);
		if (!err && run->scenario->standby_node)
			err = hf_mads_count(path.text, fault->cut_ns, fault->settled_ns, &fault->sm_mads);
		for (size_t j = 0; !err && j < run->fabric.n_daemons; j++) {
			path = hf_fabric_path(&run->fabric, HF_FILE_HOST ".pcap", j);
			err = hf_mads_count(path.text, fault->cut_ns, fault->settled_ns, &fault->host_mads);
		}
		if (err)
			return hf_fabric_fail(&run->fabric, err, "%s: %s", path.text, strerror(-err));
	}
	return 0;
}

/* Whether each service is heard is to be asked before the receivers end. */
static void end_streams(struct hf_run *run)
{
	if (!run->fabric.streams)
		return;
	hf_events_read(&run->fabric.events);
	run->n_silent = hf_streams_count_silent(&run->fabric);
	run->end_ns = hf_now_ns();
	hf_streams_stop(&run->fabric);
}

int hf_run(struct hf_run *run, const struct hf_scenario *scenario, const char *dir, hf_run_progress *progress,
	   void *ctx)
{
	const struct progress told = { progress, ctx };
	int err;

	*run = (struct hf_run){
		.scenario = scenario,
		.measures = calloc(scenario->fault_count + 1, sizeof(*run->measures)),
		.faults = calloc(scenario->fault_count + 1, sizeof(*run->faults)),
	};
	run->fabric.signal_fd = run->fabric.inotify_fd = run->fabric.ibsim.console_fd = -1;
	if (!run->measures || !run->faults)
		return fail(run, -ENOMEM);
	err = bring_up(run, dir, &told);
	if (!err)
		err = run_faults(run, &told);
	if (!err)
		err = judge_staleness(run, &told);
	if (!err)
		err = hf_programs_finish(&run->fabric);
	end_streams(run);
	hf_fabric_stop(&run->fabric);
	/* What the programs wrote at their end. */
	hf_events_read(&run->fabric.events);
	if (!err)
		err = count_mads(run);
	if (!err && run->fabric.streams)
		err = hf_streams_packets(&run->fabric, &run->packets);
	return err ? fail(run, err) : 0;
}

void hf_run_fini(struct hf_run *run, bool keep_dir)
{
	for (size_t i = 0; i < run->n_measures; i++) {
		hf_tables_free(run->measures[i].tables);
		free(run->measures[i].uses.list);
	}
	free(run->measures);
	free(run->faults);
	hf_staleness_fini(&run->staleness);
	hf_packets_fini(&run->packets);
	hf_fabric_fini(&run->fabric, keep_dir);
}
