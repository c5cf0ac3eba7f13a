/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/hfsim_programs.h"
#include "tools/hfsim_streams.h"

#define N_EXAMPLES 3	/* of stale connections among the reasons */

/* The part of the events that belongs to a fault. */
struct window {
	const struct hf_event *list;
	size_t first, end;
	uint64_t cut_ns;
};

static struct window find_window(const struct hf_run *run, const struct hf_fault_run *fault)
{
	const struct hf_events *events = &run->fabric.events;

	return (struct window){
		.list = events->list, .cut_ns = fault->cut_ns, .first = hf_events_at(events, fault->cut_ns),
		.end = fault->settled_ns ? hf_events_at(events, fault->settled_ns) : events->count,
	};
}

static bool is_event(const struct hf_event *event, const char *who, const char *name)
{
	return strcmp(event->name, name) == 0 && hf_event_is_by(event, who);
}

static size_t count_events(const struct window *window, const char *who, const char *name)
{
	size_t count = 0;

	for (size_t i = window->first; i < window->end; i++)
		count += is_event(&window->list[i], who, name);
	return count;
}

static json_int_t sum_field(const struct window *window, const char *who, const char *name, const char *field)
{
	json_int_t sum = 0;

	for (size_t i = window->first; i < window->end; i++)
		if (is_event(&window->list[i], who, name))
			sum += hf_event_number(&window->list[i], field);
	return sum;
}

/* Time of the last event of a name that is not later than @until_ns; 0 for none. */
static uint64_t last_time(const struct window *window, const char *who, const char *name, uint64_t until_ns)
{
	uint64_t time_ns = 0;

	for (size_t i = window->first; i < window->end && window->list[i].time_ns <= until_ns; i++)
		if (is_event(&window->list[i], who, name))
			time_ns = window->list[i].time_ns;
	return time_ns;
}

static uint64_t first_time(const struct window *window, const char *who, const char *name)
{
	for (size_t i = window->first; i < window->end; i++)
		if (is_event(&window->list[i], who, name))
			return window->list[i].time_ns;
	return 0;
}

/* When the last host had nothing more to do: its last report, answer or change. 0: no host had anything to do. */
static uint64_t last_host_done(const struct window *window)
{
	static const char *const names[] = {
		"report", "query_done", "connection_changed", "path_lost", "path_returned", "settled",
	};
	uint64_t done_ns = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint64_t time_ns = last_time(window, "host:", names[i], UINT64_MAX);

		done_ns = time_ns > done_ns ? time_ns : done_ns;
	}
	return done_ns;
}

static size_t count_hosts_told(const struct window *window)
{
	json_t *hosts = json_object();
	size_t count;

	for (size_t i = window->first; i < window->end; i++)
		if (is_event(&window->list[i], "host:", "report"))
			json_object_set_new(hosts, window->list[i].who, json_true());
	count = json_object_size(hosts);
	json_decref(hosts);
	return count;
}

/* Records and changes in answers, and in traps that carry some. */
static json_int_t count_records(const struct window *window)
{
	json_int_t count = sum_field(window, "host:", "query_done", "records") +
			   sum_field(window, "host:", "query_done", "changes");

	for (size_t i = window->first; i < window->end; i++)
		count += is_event(&window->list[i], "host:", "report") &&
			 hf_event_number(&window->list[i], "trap") == HF_TRAP_REPATH &&
			 *hf_event_text(&window->list[i], "sgid") != '\0';
	return count;
}

static json_t *pack_ms(uint64_t time_ns, uint64_t since_ns)
{
	return time_ns ? json_real((double)(int64_t)(time_ns - since_ns) / 1e6) : json_null();
}

static void add_times(json_t *json, const struct window *window)
{
	uint64_t done_ns = last_host_done(window);
	/* A sweep after the last host is done was not waited for by anyone. */
	uint64_t until_ns = done_ns ? done_ns : UINT64_MAX;
	uint64_t routed_ns = last_time(window, "plugin", "routing_done", until_ns);
	uint64_t up_ns = last_time(window, "plugin", "subnet_up", until_ns);
	/* Until then nothing could be told: the time is OpenSM's. */
	uint64_t ready_ns = up_ns > routed_ns ? up_ns : routed_ns;
	bool is_shared = done_ns && ready_ns;

	json_object_set_new(json, "ms_trap", pack_ms(first_time(window, "plugin", "trap"), window->cut_ns));
	json_object_set_new(json, "ms_routing_done", pack_ms(routed_ns, window->cut_ns));
	json_object_set_new(json, "ms_subnet_up", pack_ms(up_ns, window->cut_ns));
	json_object_set_new(json, "ms_last_report_acked",
			    pack_ms(last_time(window, "plugin", "report_acked", UINT64_MAX), window->cut_ns));
	json_object_set_new(json, "ms_last_host_done", pack_ms(done_ns, window->cut_ns));
	json_object_set_new(json, "ms_ours", is_shared ? pack_ms(done_ns, ready_ns) : json_null());
	json_object_set_new(json, "ours_percent",
			    is_shared ? json_real(100.0 * (done_ns - ready_ns) / (done_ns - window->cut_ns)) :
					json_null());
}

/* What the plugin says that its announcements held; null where it does not. */
static void add_announcements(json_t *json, const struct window *window)
{
	static const char *const fields[][2] = {
		{ "announced_hosts", "hosts" }, { "announced_changes", "changes" }, { "announced_bytes", "bytes" },
	};
	bool is_said = count_events(window, "plugin", "announcement") > 0;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(json, fields[i][0], is_said ?
				    json_integer(sum_field(window, "plugin", "announcement", fields[i][1])) :
				    json_null());
}

static void add_mads(json_t *json, const struct hf_fault_run *fault)
{
	struct hf_mad_counts all = fault->sm_mads;
	json_t *mads = json_object();

	for (enum hf_mad_kind kind = 0; kind < HF_N_MAD_KINDS; kind++) {
		all.sent[kind] += fault->host_mads.sent[kind];
		if (kind != HF_MAD_SMP && all.sent[kind] > 0)
			json_object_set_new(mads, hf_mad_kind_name(kind), json_integer(all.sent[kind]));
	}
	json_object_set_new(json, "reports_sent", json_integer(fault->sm_mads.sent[HF_MAD_REPORT]));
	json_object_set_new(json, "reports_acked", json_integer(fault->sm_mads.received[HF_MAD_REPORT_RESP]));
	json_object_set_new(json, "sa_queries", json_integer(fault->host_mads.sent[HF_MAD_PATH_TABLE] +
							     fault->host_mads.sent[HF_MAD_PATH_GET]));
	json_object_set_new(json, "mads_total", json_integer(hf_mads_total(&all)));
	json_object_set_new(json, "mads_signalling", json_integer(hf_mads_signalling(&fault->sm_mads)));
	json_object_set_new(json, "bytes_signalling",
			    json_integer(hf_mads_signalling(&fault->sm_mads) * HF_MAD_WIRE_SIZE));
	json_object_set_new(json, "mads", mads);
	json_object_set_new(json, "smps", json_integer(fault->sm_mads.sent[HF_MAD_SMP]));
}

static int add_judgement(json_t *json, const struct hf_fault_run *fault)
{
	size_t n_stale, n_without, n_after;
	json_t *stale, *without, *after;

	if (hf_judge_stale(fault->after.tables, &fault->after.uses, &n_stale, &stale))
		return -ENOMEM;
	json_object_set_new(json, "stale_connections", json_integer(n_stale));
	json_object_set_new(json, "stale", stale);
	if (hf_judge_loops(fault->after.tables, &fault->before.uses, &n_without, &without))
		return -ENOMEM;
	json_object_set_new(json, "credit_loops_without_update", json_integer(n_without));
	json_object_set_new(json, "cycles_without_update", without);
	if (hf_judge_loops(fault->after.tables, &fault->after.uses, &n_after, &after))
		return -ENOMEM;
	json_object_set_new(json, "credit_loops_after", json_integer(n_after));
	json_object_set_new(json, "cycles_after", after);
	json_object_set_new(json, "changed_paths",
			    json_integer(hf_tables_count_changes(fault->before.tables, fault->after.tables)));
	return 0;
}

/* What the packets to services tell of a fault, which lasts until the next one. */
static json_t *pack_stream(const struct hf_run *run, size_t index, const struct hf_fault_run *fault, uint64_t end_ns,
			   struct hf_packet_span *ret_span)
{
	hf_packets_judge(&run->packets, index, fault->cut_ns, end_ns, ret_span);
	return json_pack("{s:s, s:I, s:I, s:I, s:f, s:o}", "service", hf_streams_name(&run->fabric, index), "sent",
			 (json_int_t)ret_span->sent, "lost", (json_int_t)ret_span->lost, "doubled",
			 (json_int_t)ret_span->doubled, "ms_silent", ret_span->silent_ns / 1e6, "ms_moved",
			 pack_ms(ret_span->moved_ns, fault->cut_ns));
}

/* Sums, and the worst of all services. */
static int add_streams(json_t *json, const struct hf_run *run, const struct hf_fault_run *fault)
{
	struct hf_packet_span span, all = { 0 };
	size_t index = fault - run->faults, moved = 0;
	uint64_t end_ns = index + 1 < run->n_faults ? run->faults[index + 1].cut_ns : run->end_ns;
	json_t *list = json_array();

	for (size_t i = 0; i < hf_streams_count(&run->fabric); i++) {
		if (json_array_append_new(list, pack_stream(run, i, fault, end_ns, &span)) < 0) {
			json_decref(list);
			return -ENOMEM;
		}
		all.lost += span.lost;
		all.doubled += span.doubled;
		all.silent_ns = span.silent_ns > all.silent_ns ? span.silent_ns : all.silent_ns;
		all.moved_ns = span.moved_ns > all.moved_ns ? span.moved_ns : all.moved_ns;
		moved += span.moved_ns != 0;
	}
	json_object_set_new(json, "services", list);
	json_object_set_new(json, "fault_packets_lost", json_integer(all.lost));
	json_object_set_new(json, "fault_packets_doubled", json_integer(all.doubled));
	json_object_set_new(json, "fault_ms_silent", json_real(all.silent_ns / 1e6));
	json_object_set_new(json, "services_moved", json_integer(moved));
	json_object_set_new(json, "ms_moved", pack_ms(all.moved_ns, fault->cut_ns));
	return 0;
}

static int add_programs(json_t *json, const struct hf_run *run, const struct hf_fault_run *fault)
{
	if (!run->fabric.programs || !fault->settled_ns)
		return 0;
	return json_object_set_new(json, "programs", hf_programs_pack_fault(&run->fabric, fault->cut_ns,
									     fault->settled_ns)) < 0 ? -ENOMEM : 0;
}

static json_t *pack_fault(const struct hf_run *run, const struct hf_fault_run *fault)
{
	struct window window = find_window(run, fault);
	json_t *json = json_pack("{s:s, s:s, s:I, s:I}", "name", fault->fault->name, "kind",
				 hf_fault_kind_text(fault->fault->kind), "cut_ns", (json_int_t)fault->cut_ns,
				 "settled_ns", (json_int_t)fault->settled_ns);

	if (!json)
		return NULL;
	if (fault->after.tables && add_judgement(json, fault)) {
		json_decref(json);
		return NULL;
	}
	json_object_set_new(json, "hosts_told", json_integer(count_hosts_told(&window)));
	json_object_set_new(json, "path_records_received", json_integer(count_records(&window)));
	json_object_set_new(json, "connections_changed",
			    json_integer(count_events(&window, "host:", "connection_changed")));
	add_announcements(json, &window);
	add_mads(json, fault);
	add_times(json, &window);
	if ((run->fabric.streams && add_streams(json, run, fault)) || add_programs(json, run, fault)) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* The worst of all faults, and what it was. */
static void add_worst(json_t *result, const char *number, const char *list)
{
	const json_t *fault, *worst = NULL;
	json_int_t most = 0;
	size_t i;

	json_array_foreach(json_object_get(result, "faults"), i, fault) {
		json_int_t count = json_integer_value(json_object_get(fault, number));

		if (count > most || !worst) {
			most = count;
			worst = fault;
		}
	}
	json_object_set_new(result, number, json_integer(most));
	if (worst && json_object_get(worst, list))
		json_object_set(result, list, json_object_get(worst, list));
	else
		json_object_set_new(result, list, json_array());
}

static int add_before(json_t *result, const struct hf_run *run)
{
	json_t *cycles = NULL;
	size_t count = 0;

	if (run->n_measures > 0 && run->measures[0].tables &&
	    hf_judge_loops(run->measures[0].tables, &run->measures[0].uses, &count, &cycles))
		return -ENOMEM;
	json_object_set_new(result, "connections",
			    json_integer(run->n_measures > 0 ? run->measures[0].uses.count : 0));
	json_object_set_new(result, "credit_loops_before", json_integer(count));
	json_object_set_new(result, "cycles_before", cycles ? cycles : json_array());
	return 0;
}

/* Which routing engine OpenSM really used last: it falls back to another one without a word. */
static const char *engine_used(const struct hf_run *run)
{
	const struct hf_events *events = &run->fabric.events;
	const char *engine = "";

	for (size_t i = 0; i < events->count; i++)
		if (is_event(&events->list[i], "plugin", "routing_done"))
			engine = hf_event_text(&events->list[i], "engine");
	return engine;
}

/* When the last fault was cut: what the time until no host is stale counts from. */
static uint64_t last_cut_ns(const struct hf_run *run)
{
	return run->n_faults > 0 ? run->faults[run->n_faults - 1].cut_ns : run->connected_ns;
}

static void add_staleness(json_t *result, const struct hf_run *run)
{
	const struct hf_staleness *staleness = &run->staleness;

	json_object_set_new(result, "stale_paths", staleness->is_judged ? json_integer(staleness->n_stale) :
									   json_null());
	json_object_set_new(result, "stale_paths_list", staleness->texts ? json_incref(staleness->texts) : json_array());
	json_object_set_new(result, "ms_none_stale", pack_ms(staleness->fresh_ns, last_cut_ns(run)));
}

static void add_packets(json_t *result, const struct hf_run *run)
{
	struct hf_packet_span span, all = { 0 };

	for (size_t i = 0; i < hf_streams_count(&run->fabric); i++) {
		hf_packets_judge(&run->packets, i, 0, run->end_ns, &span);
		all.sent += span.sent;
		all.lost += span.lost;
		all.doubled += span.doubled;
		all.silent_ns = span.silent_ns > all.silent_ns ? span.silent_ns : all.silent_ns;
	}
	json_object_set_new(result, "packets_sent", json_integer(all.sent));
	json_object_set_new(result, "packets_lost", json_integer(all.lost));
	json_object_set_new(result, "packets_doubled", json_integer(all.doubled));
	json_object_set_new(result, "ms_silent", json_real(all.silent_ns / 1e6));
	json_object_set_new(result, "services_silent", json_integer(run->n_silent));
}

static json_t *pack_head(const struct hf_run *run)
{
	const struct hf_scenario *scenario = run->scenario;

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o}", "scenario", scenario->name, "title",
			 scenario->title, "fabric", scenario->fabric, "engine", scenario->engine, "engine_used",
			 engine_used(run), "mode", scenario->mode, "hosts", (json_int_t)scenario->host_count,
			 "ms_start_to_subnet_up", pack_ms(run->subnet_up_ns, run->start_ns), "ms_start_to_connected",
			 pack_ms(run->connected_ns, run->start_ns));
}

json_t *hf_result_new(const struct hf_run *run)
{
	json_t *result = pack_head(run), *faults = json_array();

	if (!result || !faults || add_before(result, run))
		goto err_free;
	json_object_set(result, "faults", faults);
	for (size_t i = 0; i < run->n_faults; i++)
		if (json_array_append_new(faults, pack_fault(run, &run->faults[i])) < 0)
			goto err_free;
	add_staleness(result, run);
	if (run->fabric.streams)
		add_packets(result, run);
	if (run->fabric.programs && run->n_measures)
		hf_programs_add_result(&run->fabric, run->measures[run->n_measures - 1].tables, result);
	add_worst(result, "stale_connections", "stale");
	add_worst(result, "credit_loops_without_update", "cycles_without_update");
	add_worst(result, "credit_loops_after", "cycles_after");
	if (hf_result_check_musts(result, run->scenario, run->error))
		goto err_free;
	json_decref(faults);
	return result;

err_free:
	json_decref(faults);
	json_decref(result);
	return NULL;
}

bool hf_result_is_pass(const json_t *result)
{
	const char *verdict = json_string_value(json_object_get(result, "verdict"));

	return verdict && strcmp(verdict, "pass") == 0;
}

/* What explains a number that must not be so, a list in the same object. */
static const char *list_behind(const char *name)
{
	static const struct {
		const char *number, *list;
	} pairs[] = {
		{ "stale_paths", "stale_paths_list" },
		{ "stale_connections", "stale" },
		{ "credit_loops_before", "cycles_before" },
		{ "credit_loops_without_update", "cycles_without_update" },
		{ "credit_loops_after", "cycles_after" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (strcmp(pairs[i].number, name) == 0)
			return pairs[i].list;
	return NULL;
}

static void add_examples(json_t *reasons, const json_t *object, const char *name)
{
	const char *list_name = list_behind(name);
	const json_t *list = list_name ? json_object_get(object, list_name) : NULL, *text;
	size_t i;

	json_array_foreach(list, i, text) {
		if (i == N_EXAMPLES) {
			json_array_append_new(reasons, json_sprintf("  and %zu more", json_array_size(list) - i));
			break;
		}
		json_array_append_new(reasons, json_sprintf("  %s%s", strncmp(list_name, "cycles", 6) == 0 ?
							    "credit loop " : "", json_string_value(text)));
	}
}

static void check_number(json_t *reasons, const json_t *object, const struct hf_must *must, const char *fault)
{
	const json_t *value = json_object_get(object, must->name);

	if (json_is_number(value) && hf_must_holds(must, (long long)json_number_value(value)))
		return;
	json_array_append_new(reasons, json_is_number(value) ?
			      json_sprintf("\"%s\" must hold, but it is %lld%s%s", must->text,
					   (long long)json_number_value(value), fault ? " at " : "",
					   fault ? fault : "") :
			      json_sprintf("\"%s\" must hold, but there is no such number%s%s", must->text,
					   fault ? " at " : "", fault ? fault : ""));
	add_examples(reasons, object, must->name);
}

static void check_must(json_t *reasons, const json_t *result, const struct hf_must *must)
{
	const json_t *fault;
	size_t i;

	if (!must->of_fault) {
		check_number(reasons, result, must, NULL);
		return;
	}
	json_array_foreach(json_object_get(result, "faults"), i, fault) {
		const char *name = json_string_value(json_object_get(fault, "name"));

		if (!must->fault || (name && strcmp(must->fault, name) == 0))
			check_number(reasons, fault, must, name);
	}
}

/* OpenSM's engine option may be a list: any of them will do. */
static bool is_wanted_engine(const char *wanted, const char *used)
{
	size_t length = strlen(used);

	for (const char *at = wanted; (at = strstr(at, used)) != NULL; at += length)
		if ((at == wanted || at[-1] == ',' || at[-1] == ' ') &&
		    (at[length] == '\0' || at[length] == ',' || at[length] == ' '))
			return true;
	return false;
}

/* What must hold in each run, whatever its scenario says. */
static void check_staleness(json_t *reasons, const json_t *result)
{
	json_int_t n_stale = json_integer_value(json_object_get(result, "stale_paths"));

	if (n_stale == 0)
		return;
	json_array_append_new(reasons, json_sprintf("%" JSON_INTEGER_FORMAT " paths that hosts hold are not what the SA "
						    "answers", n_stale));
	add_examples(reasons, result, "stale_paths");
}

int hf_result_check_musts(json_t *result, const struct hf_scenario *scenario, const char *error)
{
	const char *engine = json_string_value(json_object_get(result, "engine_used"));
	json_t *reasons = json_array();

	if (!reasons)
		return -ENOMEM;
	if (*error != '\0')
		json_array_append_new(reasons, json_string(error));
	else if (engine && *engine != '\0' && scenario->engine && !is_wanted_engine(scenario->engine, engine))
		json_array_append_new(reasons, json_sprintf("OpenSM routed with %s, not with %s", engine,
							    scenario->engine));
	if (*error == '\0' && scenario->mode && strcmp(scenario->mode, HF_MODE_NAME_OFF) != 0)
		check_staleness(reasons, result);
	for (size_t i = 0; *error == '\0' && i < scenario->must_count; i++) {
		const struct hf_must *must = &scenario->musts[i];

		if (!must->mode || strcmp(must->mode, scenario->mode) == 0)
			check_must(reasons, result, must);
	}
	json_object_set_new(result, "verdict", json_string(json_array_size(reasons) > 0 ? "fail" : "pass"));
	json_object_set_new(result, "reasons", reasons);
	return 0;
}
