/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_timeline.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"

typedef void describe_event(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out);

static const char *name_lid(const struct hf_timeline_names *names, uint16_t lid)
{
	const struct hf_table_port *port = names->before ? hf_tables_find_lid(names->before, lid) : NULL;

	if (!port && names->after)
		port = hf_tables_find_lid(names->after, lid);
	return port ? port->name : "?";
}

static const char *name_gid(const struct hf_timeline_names *names, const char *text)
{
	const struct hf_table_port *port = NULL;
	union hf_gid gid;

	if (inet_pton(AF_INET6, text, gid.raw) != 1)
		return text;
	if (names->before)
		port = hf_tables_find_guid(names->before, be64toh(gid.guid));
	if (!port && names->after)
		port = hf_tables_find_guid(names->after, be64toh(gid.guid));
	return port ? port->name : text;
}

static const char *name_host(const struct hf_event *event)
{
	const char *colon = strchr(event->who, ':');

	return colon ? colon + 1 : event->who;
}

/* The path that a trap speaks of, as far as it names one. */
static void describe_path(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	const char *sgid = hf_event_text(event, "sgid"), *dgid = hf_event_text(event, "dgid");

	if (*sgid != '\0' || *dgid != '\0')
		fprintf(out, " on %s > %s", *sgid ? name_gid(names, sgid) : "any", *dgid ? name_gid(names, dgid) : "some");
}

static void describe_fault(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)names;
	fprintf(out, "fault \"%s\": %s", hf_event_text(event, "name"), hf_event_text(event, "kind"));
}

static void describe_trap(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)names;
	fprintf(out, "trap %d from LID %d reaches the SM", (int)hf_event_number(event, "num"),
		(int)hf_event_number(event, "lid"));
}

static void describe_sweep(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)event;
	(void)names;
	fprintf(out, "the SM sweeps");
}

static void describe_routing(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)names;
	fprintf(out, "routing done with %s, epoch %d; snapshot %d us", hf_event_text(event, "engine"),
		(int)hf_event_number(event, "epoch"), (int)hf_event_number(event, "snapshot_us"));
}

static void describe_subnet_up(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)event;
	(void)names;
	fprintf(out, "SUBNET UP");
}

static void describe_diff(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)names;
	fprintf(out, "%d paths changed, %d lost, %d appeared; compared in %d us",
		(int)hf_event_number(event, "changed"), (int)hf_event_number(event, "lost"),
		(int)hf_event_number(event, "appeared"), (int)hf_event_number(event, "compare_us"));
}

static void describe_report_sent(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	int attempt = hf_event_number(event, "attempt");

	fprintf(out, "trap %d to %s", (int)hf_event_number(event, "trap"),
		name_lid(names, hf_event_number(event, "lid")));
	describe_path(event, names, out);
	if (attempt > 1)
		fprintf(out, ", attempt %d", attempt);
}

static void describe_report_acked(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	fprintf(out, "trap %d answered by %s after %d us", (int)hf_event_number(event, "trap"),
		name_lid(names, hf_event_number(event, "lid")), (int)hf_event_number(event, "us"));
}

static void describe_report_failed(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	fprintf(out, "trap %d to %s failed: %s", (int)hf_event_number(event, "trap"),
		name_lid(names, hf_event_number(event, "lid")), hf_event_text(event, "reason"));
}

static void describe_announced(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)names;
	fprintf(out, "all told: %d hosts, %d reports, %d answered, %d failed", (int)hf_event_number(event, "hosts"),
		(int)hf_event_number(event, "sent"), (int)hf_event_number(event, "acked"),
		(int)hf_event_number(event, "failed"));
}

static void describe_subscribed(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)names;
	fprintf(out, "%s has subscribed to trap %d", name_host(event), (int)hf_event_number(event, "trap"));
}

static void describe_report(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	fprintf(out, "%s receives trap %d", name_host(event), (int)hf_event_number(event, "trap"));
	describe_path(event, names, out);
}

static void describe_query_sent(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)names;
	fprintf(out, "%s asks for its path records", name_host(event));
}

static void describe_query_done(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)names;
	const char *answer = hf_event_text(event, "answer");

	if (!strcmp(answer, "records") || !strcmp(answer, "whole"))
		fprintf(out, "%s has %d path records after %d us", name_host(event),
			(int)(hf_event_number(event, "records") + hf_event_number(event, "changes")),
			(int)hf_event_number(event, "us"));
	else
		fprintf(out, "%s has %d changes of its paths after %d us", name_host(event),
			(int)hf_event_number(event, "changes"), (int)hf_event_number(event, "us"));
}

static void describe_query_failed(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)names;
	fprintf(out, "%s gets no path records: %s", name_host(event), hf_event_text(event, "error"));
}

static void describe_changed(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	fprintf(out, "%s changes its connection to %s: SL %d > %d", name_host(event),
		name_gid(names, hf_event_text(event, "dgid")), (int)hf_event_number(event, "old_sl"),
		(int)hf_event_number(event, "new_sl"));
}

static void describe_lost(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	fprintf(out, "%s knows that its path to %s is lost", name_host(event),
		name_gid(names, hf_event_text(event, "dgid")));
}

static void describe_returned(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	fprintf(out, "%s knows that its path to %s is back", name_host(event),
		name_gid(names, hf_event_text(event, "dgid")));
}

static void describe_settled(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)names;
	fprintf(out, "%s is done", name_host(event));
}

/* "0x0268..." */
static const char *name_guid(const struct hf_timeline_names *names, const char *text)
{
	uint64_t guid = strtoull(text, NULL, 0);
	const struct hf_table_port *port = names->before ? hf_tables_find_guid(names->before, guid) : NULL;

	if (!guid)
		return "nobody";
	if (!port && names->after)
		port = hf_tables_find_guid(names->after, guid);
	return port ? port->name : text;
}

static void describe_service(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	fprintf(out, "service %s: %s, %s > %s, cause %s, term %" JSON_INTEGER_FORMAT, hf_event_text(event, "service"),
		hf_event_text(event, "news"), name_guid(names, hf_event_text(event, "from")),
		name_guid(names, hf_event_text(event, "to")), hf_event_text(event, "cause"),
		hf_event_number(event, "term"));
}

/* In the traces of services hosts are called by their port GUIDs. */
static void describe_hook_started(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	fprintf(out, "%s runs the hook of service %s: %s", name_guid(names, name_host(event)),
		hf_event_text(event, "service"), hf_event_text(event, "phase"));
}

static void describe_hook_ended(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	fprintf(out, "%s has run the hook of service %s: %s, %s", name_guid(names, name_host(event)),
		hf_event_text(event, "service"), hf_event_text(event, "phase"), hf_event_text(event, "end"));
	if (hf_event_number(event, "status"))
		fprintf(out, ", status %d", (int)hf_event_number(event, "status"));
}

static void describe_silent(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	(void)names;
	fprintf(out, "a packet to service %s is lost: %s", hf_event_text(event, "service"),
		hf_event_text(event, "why"));
}

static void describe_heard(const struct hf_event *event, const struct hf_timeline_names *names, FILE *out)
{
	int lost = hf_event_number(event, "lost");

	(void)names;
	fprintf(out, "service %s is heard at %s", hf_event_text(event, "service"), hf_event_text(event, "at"));
	if (lost)
		fprintf(out, ", after %d packets lost in %.1f ms", lost, hf_event_number(event, "silent_us") / 1e3);
}

static const struct {
	const char *name;
	describe_event *describe;
} kinds[] = {
	{ "fault", describe_fault },
	{ "trap", describe_trap },
	{ "sweep_start", describe_sweep },
	{ "routing_done", describe_routing },
	{ "subnet_up", describe_subnet_up },
	{ "diff", describe_diff },
	{ "report_sent", describe_report_sent },
	{ "report_acked", describe_report_acked },
	{ "report_failed", describe_report_failed },
	{ "announce_done", describe_announced },
	{ "subscribed", describe_subscribed },
	{ "report", describe_report },
	{ "query_sent", describe_query_sent },
	{ "query_done", describe_query_done },
	{ "query_failed", describe_query_failed },
	{ "connection_changed", describe_changed },
	{ "path_lost", describe_lost },
	{ "path_returned", describe_returned },
	{ "settled", describe_settled },
	{ "service", describe_service },
	{ "hook_started", describe_hook_started },
	{ "hook_ended", describe_hook_ended },
	{ "service_silent", describe_silent },
	{ "service_heard", describe_heard },
};

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Index among the kinds; N_KINDS for an event that is not for people. */
static size_t find_kind(const struct hf_event *event)
{
	size_t kind = 0;

	while (kind < N_KINDS && strcmp(kinds[kind].name, event->name) != 0)
		kind++;
	return kind;
}

void hf_timeline_print(const struct hf_events *events, const struct hf_timeline_names *names, uint64_t from_ns,
		       uint64_t to_ns, size_t most, FILE *out)
{
	size_t first = hf_events_at(events, from_ns), end = hf_events_at(events, to_ns);
	size_t total[N_KINDS + 1] = { 0 }, seen[N_KINDS + 1] = { 0 };

	for (size_t i = first; i < end; i++)
		total[find_kind(&events->list[i])]++;
	for (size_t i = first; i < end; i++) {
		const struct hf_event *event = &events->list[i];
		size_t kind = find_kind(event);

		seen[kind]++;
		if (kind == N_KINDS || (total[kind] > most && seen[kind] > 1 && seen[kind] < total[kind]))
			continue;
		fprintf(out, "%10.3f  ", (double)(event->time_ns - from_ns) / 1e6);
		kinds[kind].describe(event, names, out);
		if (total[kind] > most)
			fprintf(out, seen[kind] == 1 ? " (first of %zu)" : " (last of %zu)", total[kind]);
		fprintf(out, "\n");
	}
}
