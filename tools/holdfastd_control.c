/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfastd_control.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/gid.h"

static json_t *json_gid(const uint8_t raw[16])
{
	union hf_gid gid;

	memcpy(gid.raw, raw, sizeof(gid.raw));
	return json_string(hf_gid_format(&gid).text);
}

static json_t *json_counters(const struct hf_host_counters *counters)
{
	const struct {
		const char *name;
		uint64_t value;
	} items[] = {
		{ "reports_repath", counters->reports_repath },	  { "reports_unpath", counters->reports_unpath },
		{ "reports_other", counters->reports_other },	  { "reports_repeated", counters->reports_repeated },
		{ "report_resps", counters->report_resps },
		{ "subscriptions", counters->subscriptions },	  { "queries", counters->queries },
		{ "queries_failed", counters->queries_failed },	  { "records", counters->records },
		{ "records_refused", counters->records_refused }, { "deltas", counters->deltas },
		{ "deltas_refused", counters->deltas_refused },	  { "whole_tables", counters->whole_tables },
		{ "changes", counters->changes },		  { "reports_taken", counters->reports_taken },
		{ "reports_known", counters->reports_known },	  { "gaps", counters->gaps },
		{ "mads_dropped", counters->mads_dropped },
		{ "established", counters->established },	  { "changed", counters->changed },
		{ "failed", counters->failed },			  { "lost", counters->lost },
		{ "returned", counters->returned },
	};
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		json_object_set_new(object, items[i].name, json_integer((json_int_t)items[i].value));
	return object;
}

static void append_status(void *ctx, const char *id, const struct hf_host *host)
{
	struct hf_host_status status;
	char instance[19];

	hf_host_get_status(host, &status);
	snprintf(instance, sizeof(instance), "0x%016" PRIx64, status.instance);
	json_array_append_new(ctx, json_pack("{s:s, s:s, s:o, s:i, s:i, s:s, s:s, s:b, s:i, s:i, s:s, s:I, s:o}",
					     "port", id, "name", status.name, "gid", json_gid(status.gid),
					     "lid", status.lid, "sm_lid", status.sm_lid, "state", status.state,
					     "query", status.query, "busy", status.busy,
					     "connections", (int)status.connections, "paths", (int)status.paths,
					     "instance", instance, "epoch", (json_int_t)status.epoch,
					     "counters", json_counters(&status.counters)));
}

/* What the records of one port have in common. */
struct list {
	json_t *array;
	const char *id;
};

/* What is more to say where the queue pair is a program's. */
static json_t *json_program(const struct hf_host_connection *connection)
{
	const struct hf_host_move *move = &connection->last_move;

	return json_pack("{s:I, s:s, s:i, s:s, s:I, s:I, s:I}", "dest_qpn", (json_int_t)connection->dest_qpn,
			 "program", connection->program, "pid", connection->pid,
			 "moved_by", move->strategy ? move->strategy : "", "lost", (json_int_t)move->lost,
			 "replayed", (json_int_t)move->replayed, "paused_us", (json_int_t)(move->paused_ns / 1000));
}

static void append_connection(void *ctx, const struct hf_host_connection *connection)
{
	const struct hf_host_path *path = &connection->path;
	struct list *list = ctx;

	json_t *object =
		json_pack("{s:s, s:I, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:I, s:b}",
			  "port", list->id, "qpn", (json_int_t)connection->qpn, "dgid", json_gid(path->dgid),
			  "slid", path->slid, "dlid", path->dlid, "sl", path->sl, "mtu", path->mtu, "rate", path->rate,
			  "pkt_life", path->pkt_life, "pkey", path->pkey, "state", connection->state,
			  "qp_state", connection->qp_state, "strategy", connection->strategy,
			  "changes", (json_int_t)connection->changes, "path_lost", connection->path_lost);

	if (object && connection->program)
		json_object_update_new(object, json_program(connection));
	json_array_append_new(list->array, object);
}

static void append_path(void *ctx, const struct hf_host_path *path)
{
	struct list *list = ctx;

	json_array_append_new(list->array, json_pack("{s:s, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b}",
						     "port", list->id, "dgid", json_gid(path->dgid),
						     "slid", path->slid, "dlid", path->dlid, "sl", path->sl,
						     "mtu", path->mtu, "rate", path->rate, "pkt_life", path->pkt_life,
						     "pkey", path->pkey, "reachable", path->reachable));
}

static void append_connections(void *ctx, const char *id, const struct hf_host *host)
{
	struct list list = { ctx, id };

	hf_host_for_each_connection(host, append_connection, &list);
}

static void append_paths(void *ctx, const char *id, const struct hf_host *host)
{
	struct list list = { ctx, id };

	hf_host_for_each_path(host, append_path, &list);
}

static const struct {
	const char *what;
	void (*append)(void *array, const char *id, const struct hf_host *host);
} requests[] = {
	{ "status", append_status },
	{ "connections", append_connections },
	{ "paths", append_paths },
};

static json_t *answer_get(const struct holdfastd_asked *asked, const char *what)
{
	if (!strcmp(what, "services"))
		return json_pack("{s:o}", what, holdfastd_services_describe(asked->services));
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		json_t *array;

		if (strcmp(what, requests[i].what))
			continue;
		array = json_array();
		holdfastd_ports_for_each(asked->ports, requests[i].append, array);
		if (requests[i].append == append_status)
			return json_pack("{s:o, s:i}", what, array, "programs",
					 (int)holdfastd_programs_count(asked->programs));
		return json_pack("{s:o}", what, array);
	}
	return json_pack("{s:s}", "error", "get: status, connections, paths or services");
}

static json_t *answer(void *ctx, const json_t *request)
{
	const char *what = json_string_value(json_object_get(request, "get"));

	return what ? answer_get(ctx, what) :
	       json_pack("{s:s}", "error", "a request is {\"get\": \"status\"} or the like");
}

int holdfastd_control_new(struct event_base *base, const char *path, const struct holdfastd_asked *asked,
			  struct hf_control **ret_control)
{
	/* Nobody changes them through it. */
	return hf_control_new(base, path, answer, (void *)asked, ret_control);
}
