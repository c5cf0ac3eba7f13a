/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The parts of hfsim that judge and tell, on recorded inputs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "lib/wire.h"
#include "tools/hfsim_events.h"
#include "tools/hfsim_judge.h"
#include "tools/hfsim_mads.h"
#include "tools/hfsim_reach.h"
#include "tools/hfsim_result.h"
#include "tools/hfsim_stale.h"
#include "tools/hfsim_timeline.h"

static char folder[64];

static void make_folder(void)
{
	strcpy(folder, "/tmp/check_hfsim.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static void append(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "a");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void follow(struct hf_events *events, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	ck_assert_int_eq(hf_events_follow(events, path), 0);
}

START_TEST(events_of_two_files_merge_by_time)
{
	struct hf_events events = { 0 };

	follow(&events, "a");
	follow(&events, "b");
	append("a", "{\"t\":10,\"who\":\"plugin\",\"ev\":\"one\"}\n{\"t\":30,\"who\":\"plugin\",\"ev\":\"three\"}\n");
	append("b", "{\"t\":20,\"who\":\"host:H\",\"ev\":\"two\"}\n{\"t\":40,\"who\":\"host:H\",\"ev\":\"four\"}\n");
	ck_assert_int_eq(hf_events_read(&events), 4);
	ck_assert_uint_eq(events.count, 4);
	ck_assert_str_eq(events.list[0].name, "one");
	ck_assert_str_eq(events.list[1].name, "two");
	ck_assert_str_eq(events.list[2].name, "three");
	ck_assert_str_eq(events.list[3].name, "four");
	ck_assert_uint_eq(hf_events_at(&events, 20), 1);
	ck_assert_uint_eq(hf_events_at(&events, 21), 2);
	ck_assert_uint_eq(hf_events_at(&events, 41), 4);
	hf_events_fini(&events);
}
END_TEST

START_TEST(events_at_one_time_keep_their_order)
{
	struct hf_events events = { 0 };

	follow(&events, "a");
	append("a", "{\"t\":5,\"who\":\"p\",\"ev\":\"first\"}\n{\"t\":5,\"who\":\"p\",\"ev\":\"second\"}\n");
	hf_events_read(&events);
	ck_assert_str_eq(events.list[0].name, "first");
	ck_assert_str_eq(events.list[1].name, "second");
	hf_events_fini(&events);
}
END_TEST

START_TEST(half_a_line_waits_for_its_end)
{
	struct hf_events events = { 0 };

	follow(&events, "a");
	ck_assert_int_eq(hf_events_read(&events), 0);	/* no file yet */
	append("a", "{\"t\":1,\"who\":\"p\",\"e");
	ck_assert_int_eq(hf_events_read(&events), 0);
	append("a", "v\":\"late\",\"n\":7}\n");
	ck_assert_int_eq(hf_events_read(&events), 1);
	ck_assert_str_eq(events.list[0].name, "late");
	ck_assert_int_eq(hf_event_number(&events.list[0], "n"), 7);
	ck_assert_int_eq(hf_event_number(&events.list[0], "absent"), 0);
	ck_assert_str_eq(hf_event_text(&events.list[0], "absent"), "");
	hf_events_fini(&events);
}
END_TEST

static const char *const bad_lines[] = {
	"", "no JSON", "[]", "{\"who\":\"p\",\"ev\":\"e\"}", "{\"t\":-1,\"who\":\"p\",\"ev\":\"e\"}",
	"{\"t\":1,\"ev\":\"e\"}", "{\"t\":1,\"who\":\"p\"}", "{\"t\":1,\"who\":7,\"ev\":\"e\"}",
};

START_TEST(bad_lines_are_counted_and_left_out)
{
	struct hf_events events = { 0 };
	char line[256];

	follow(&events, "a");
	snprintf(line, sizeof(line), "%s\n{\"t\":1,\"who\":\"p\",\"ev\":\"good\"}\n", bad_lines[_i]);
	append("a", line);
	hf_events_read(&events);
	ck_assert_uint_eq(events.n_bad_lines, 1);
	ck_assert_uint_eq(events.count, 1);
	ck_assert_str_eq(events.list[0].name, "good");
	hf_events_fini(&events);
}
END_TEST

START_TEST(long_timelines_are_condensed)
{
	const struct hf_timeline_names names = { NULL, NULL };
	struct hf_events events = { 0 };
	char *text;
	size_t length;
	FILE *out;

	follow(&events, "a");
	for (int i = 0; i < 10; i++) {
		char line[128];

		snprintf(line, sizeof(line), "{\"t\":%d,\"who\":\"host:H_%d\",\"ev\":\"settled\"}\n", 1000000 * i, i);
		append("a", line);
	}
	append("a", "{\"t\":5500000,\"who\":\"plugin\",\"ev\":\"subnet_up\"}\n");
	hf_events_read(&events);
	out = open_memstream(&text, &length);
	hf_timeline_print(&events, &names, 0, UINT64_MAX, 4, out);
	fclose(out);
	ck_assert_str_eq(text, "     0.000  H_0 is done (first of 10)\n"
			       "     5.500  SUBNET UP\n"
			       "     9.000  H_9 is done (last of 10)\n");
	free(text);

	out = open_memstream(&text, &length);
	hf_timeline_print(&events, &names, 1000000, 4000000, SIZE_MAX, out);
	fclose(out);
	ck_assert_str_eq(text, "     0.000  H_1 is done\n     1.000  H_2 is done\n     2.000  H_3 is done\n");
	free(text);
	hf_events_fini(&events);
}
END_TEST

/*
 * A ring of four switches with a host on each, as "holdfast tables" prints it: everything goes round to the right, so
 * that one lane alone closes a loop. Host n has LID n + 1 at port 3 of switch n with LID n + 11; port 2 leads right.
 */
#define RING 4

/* Whether the way from one host to another passes switch 0. */
static bool is_passing(int from, int to)
{
	return to < from && to != 0;
}

static json_t *ring_switch(int n)
{
	json_t *lft = json_array(), *vls = json_array(), *sl2vl = json_array();

	for (int lid = 0; lid < 20; lid++)
		json_array_append_new(lft, json_integer(lid == n + 1 ? 3 : lid >= 1 && lid <= RING ? 2 : 255));
	for (int sl = 0; sl < 16; sl++)
		json_array_append_new(vls, json_integer(sl % 8));
	json_array_append_new(sl2vl, json_pack("{s:i, s:i, s:O}", "in", 1, "out", 2, "vl", vls));
	json_array_append_new(sl2vl, json_pack("{s:i, s:i, s:o}", "in", 3, "out", 2, "vl", vls));
	return json_pack("{s:o, s:o, s:i, s:i, s:[{s:i,s:o,s:i},{s:i,s:o,s:i},{s:i,s:o,s:i}], s:o, s:o}",
			 "guid", json_sprintf("0x%x", 0x100 + n), "name", json_sprintf("S_%d", n), "lid", n + 11,
			 "ports", 3, "links",
			 "port", 1, "peer", json_sprintf("0x%x", 0x100 + (n + RING - 1) % RING), "peer_port", 2,
			 "port", 2, "peer", json_sprintf("0x%x", 0x100 + (n + 1) % RING), "peer_port", 1,
			 "port", 3, "peer", json_sprintf("0x%x", 0x200 + n), "peer_port", 1, "lft", lft, "sl2vl", sl2vl);
}

static json_t *ring_host(int n)
{
	json_t *vls = json_array();

	for (int sl = 0; sl < 16; sl++)
		json_array_append_new(vls, json_integer(sl % 8));
	return json_pack("{s:o, s:o, s:[{s:i, s:o, s:i, s:i, s:o, s:i, s:o}]}", "guid", json_sprintf("0x%x", 0x200 + n),
			 "name", json_sprintf("H_%d", n), "ports", "port", 1, "guid", json_sprintf("0x%x", 0x300 + n),
			 "lid", n + 1, "lmc", 0, "peer", json_sprintf("0x%x", 0x100 + n), "peer_port", 3, "sl2vl", vls);
}

static json_t *ring_json(void)
{
	json_t *switches = json_array(), *hosts = json_array(), *paths = json_array();

	for (int i = 0; i < RING; i++) {
		json_array_append_new(switches, ring_switch(i));
		json_array_append_new(hosts, ring_host(i));
		for (int j = 0; j < RING; j++)
			json_array_append_new(paths, json_pack("[i,i,i,i,i,i]", i + 1, j + 1, is_passing(i, j), 4, 3, 18));
	}
	return json_pack("{s:i, s:i, s:o, s:o, s:o}", "version", 1, "sm_lid", 1, "switches", switches, "hosts", hosts,
			 "paths", paths);
}

static struct hf_tables *ring_tables(void)
{
	json_t *json = ring_json();
	struct hf_tables *tables;

	ck_assert_int_eq(hf_tables_parse(json, &tables), 0);
	json_decref(json);
	return tables;
}

/* All to all; @sl_passing is what the paths that pass switch 0 use. */
static json_t *ring_connections(int sl_passing)
{
	json_t *connections = json_array();

	for (int i = 0; i < RING; i++)
		for (int j = 0; j < RING; j++)
			if (i != j)
				json_array_append_new(connections,
					json_pack("{s:i, s:o, s:i, s:i, s:i, s:i, s:i, s:b}", "qpn", 0x100 + j, "dgid",
						  json_sprintf("fe80::%x", 0x300 + j), "slid", i + 1, "dlid", j + 1,
						  "sl", is_passing(i, j) ? sl_passing : 0, "mtu", 4, "rate", 3, "path_lost", 0));
	return connections;
}

static struct hf_uses ring_uses(int sl_passing)
{
	json_t *json = ring_connections(sl_passing);
	struct hf_uses uses;

	ck_assert_int_eq(hf_uses_parse(json, &uses), 0);
	json_decref(json);
	return uses;
}

START_TEST(tables_are_parsed)
{
	struct hf_tables *tables = ring_tables();

	ck_assert_uint_eq(hf_topology_count_type(tables->topology, HF_NODE_SWITCH), RING);
	ck_assert_uint_eq(hf_topology_count_links(tables->topology), 2 * RING);
	ck_assert_str_eq(hf_tables_find_lid(tables, 3)->name, "H_2");
	ck_assert_ptr_null(hf_tables_find_lid(tables, 11));
	ck_assert_uint_eq(hf_tables_find_guid(tables, 0x301)->lid, 2);
	ck_assert_uint_eq(hf_tables_find_path(tables, 4, 2)->sl, 1);
	ck_assert_uint_eq(hf_tables_find_path(tables, 1, 4)->sl, 0);
	ck_assert_ptr_null(hf_tables_find_path(tables, 1, 5));
	hf_tables_free(tables);
}
END_TEST

/* Each takes one thing out of good tables, or puts something wrong in. */
static const struct {
	const char *list, *member, *value;	/* of the first entry of the list; no list: of the whole */
} bad_tables[] = {
	{ NULL, "version", "2" },
	{ "switches", "guid", "\"0x0\"" },
	{ "switches", "guid", "\"zz\"" },
	{ "switches", "ports", "0" },
	{ "switches", "ports", "300" },
	{ "switches", "lid", "70000" },
	{ "switches", "name", "7" },
	{ "switches", "lft", "7" },
	{ "switches", "links", "[{\"port\":9,\"peer\":\"0x101\",\"peer_port\":1}]" },
	{ "switches", "links", "[{\"port\":1,\"peer\":\"0x999\",\"peer_port\":1}]" },
	{ "switches", "sl2vl", "[{\"in\":1,\"out\":2,\"vl\":[1,2,3]}]" },
	{ "switches", "sl2vl", "[{\"in\":1,\"out\":200,\"vl\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}]" },
	{ "switches", "sl2vl", "[{\"in\":1,\"out\":2,\"vl\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,16]}]" },
	{ "hosts", "ports", "[{\"port\":0}]" },
	{ "paths", NULL, "[1,2,16,4,3,18]" },
	{ "paths", NULL, "[1,2,0,4,3]" },
	{ "paths", NULL, "[1,70000,0,4,3,18]" },
};

START_TEST(bad_tables_are_refused)
{
	json_t *json = ring_json();
	json_t *list = bad_tables[_i].list ? json_object_get(json, bad_tables[_i].list) : NULL;
	json_t *value = json_loads(bad_tables[_i].value, JSON_DECODE_ANY, NULL);
	struct hf_tables *tables;

	ck_assert_ptr_nonnull(value);
	if (bad_tables[_i].member)
		json_object_set_new(list ? json_array_get(list, 0) : json, bad_tables[_i].member, value);
	else
		json_array_set_new(list, 0, value);
	ck_assert_int_eq(hf_tables_parse(json, &tables), -EPROTO);
	json_decref(json);
}
END_TEST

START_TEST(changes_are_counted_among_hosts)
{
	struct hf_tables *before = ring_tables(), *after;
	json_t *json = ring_json(), *paths = json_object_get(json, "paths");

	ck_assert_uint_eq(hf_tables_count_changes(before, before), 0);
	json_array_set_new(paths, 1, json_pack("[i,i,i,i,i,i]", 1, 2, 5, 4, 3, 18));	/* another SL */
	json_array_remove(paths, 2);							/* lost */
	json_array_append_new(paths, json_pack("[i,i,i,i,i,i]", 11, 12, 5, 4, 3, 18));	/* between switches */
	ck_assert_int_eq(hf_tables_parse(json, &after), 0);
	ck_assert_uint_eq(hf_tables_count_changes(before, after), 2);
	ck_assert_uint_eq(hf_tables_count_changes(after, before), 2);
	json_decref(json);
	hf_tables_free(before);
	hf_tables_free(after);
}
END_TEST

START_TEST(stale_connections_are_named_with_their_difference)
{
	struct hf_tables *tables = ring_tables();
	struct hf_uses uses = ring_uses(1);
	size_t count;
	json_t *texts;

	ck_assert_int_eq(hf_judge_stale(tables, &uses, &count, &texts), 0);
	ck_assert_uint_eq(count, 0);
	json_decref(texts);

	uses.list[0].sl = 3;
	uses.list[1].dlid = 9;
	uses.list[1].mtu = 5;
	uses.list[2].is_lost = true;
	ck_assert_int_eq(hf_judge_stale(tables, &uses, &count, &texts), 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_str_eq(json_string_value(json_array_get(texts, 0)), "H_0 to H_1 (QPN 0x101): SL 3, the SM says 0");
	ck_assert_str_eq(json_string_value(json_array_get(texts, 1)),
			 "H_0 to H_2 (QPN 0x102): DLID 9, the SM says 3; MTU 5, the SM says 4");
	ck_assert_str_eq(json_string_value(json_array_get(texts, 2)),
			 "H_0 to H_3 (QPN 0x103): believed lost, but the SM has a path");
	json_decref(texts);
	free(uses.list);
	hf_tables_free(tables);
}
END_TEST

START_TEST(a_lost_path_is_stale_unless_its_host_knows)
{
	json_t *json = ring_json(), *texts;
	struct hf_uses uses = ring_uses(1);
	struct hf_tables *tables;
	size_t count;

	json_array_remove(json_object_get(json, "paths"), 1);	/* LID 1 to LID 2 */
	ck_assert_int_eq(hf_tables_parse(json, &tables), 0);
	ck_assert_int_eq(hf_judge_stale(tables, &uses, &count, &texts), 0);
	ck_assert_uint_eq(count, 1);
	json_decref(texts);
	uses.list[0].is_lost = true;
	ck_assert_int_eq(hf_judge_stale(tables, &uses, &count, &texts), 0);
	ck_assert_uint_eq(count, 0);
	json_decref(texts);
	json_decref(json);
	free(uses.list);
	hf_tables_free(tables);
}
END_TEST

START_TEST(a_host_that_is_cut_off_is_not_judged)
{
	struct hf_tables *tables = ring_tables();
	struct hf_uses uses = ring_uses(1);
	size_t count;
	json_t *texts;

	uses.list[0].slid = 99;
	uses.list[0].sl = 7;
	ck_assert_int_eq(hf_judge_stale(tables, &uses, &count, &texts), 0);
	ck_assert_uint_eq(count, 0);
	json_decref(texts);
	free(uses.list);
	hf_tables_free(tables);
}
END_TEST

START_TEST(one_lane_on_a_ring_is_a_loop_and_two_are_none)
{
	struct hf_tables *tables = ring_tables();
	struct hf_uses one = ring_uses(0), two = ring_uses(1);
	size_t count;
	json_t *texts;

	ck_assert_int_eq(hf_judge_loops(tables, &one, &count, &texts), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_ptr_nonnull(strstr(json_string_value(json_array_get(texts, 0)), "S_0"));
	json_decref(texts);
	/* Nobody turns from the last link to the first on lane 0, nor from the second to the third on lane 1. */
	ck_assert_int_eq(hf_judge_loops(tables, &two, &count, &texts), 0);
	ck_assert_uint_eq(count, 0);
	json_decref(texts);
	free(one.list);
	free(two.list);
	hf_tables_free(tables);
}
END_TEST

static const struct {
	const char *member, *value;
} bad_uses[] = {
	{ "dgid", "\"no GID\"" }, { "dgid", "7" }, { "qpn", "-1" }, { "qpn", "16777216" }, { "slid", "65536" },
	{ "dlid", "\"3\"" }, { "sl", "16" }, { "mtu", "64" }, { "rate", "64" },
};

START_TEST(bad_connections_are_refused)
{
	json_t *json = ring_connections(0);
	struct hf_uses uses;

	json_object_set_new(json_array_get(json, 2), bad_uses[_i].member,
			    json_loads(bad_uses[_i].value, JSON_DECODE_ANY, NULL));
	ck_assert_int_eq(hf_uses_parse(json, &uses), -EPROTO);
	json_decref(json);
}
END_TEST

static const struct {
	uint8_t mgmt_class, method, rmpp_flags, rmpp_type;
	uint16_t attr_id;
	enum hf_mad_kind kind;
} mad_kinds[] = {
	{ 0x03, 0x06, 0, 0, 0x02, HF_MAD_REPORT },
	{ 0x03, 0x86, 0, 0, 0x02, HF_MAD_REPORT_RESP },
	{ 0x03, 0x01, 0, 0, 0x35, HF_MAD_PATH_GET },
	{ 0x03, 0x81, 0, 0, 0x35, HF_MAD_PATH_GET_RESP },
	{ 0x03, 0x12, 0, 0, 0x35, HF_MAD_PATH_TABLE },
	{ 0x03, 0x92, 1, 1, 0x35, HF_MAD_PATH_TABLE_RESP },
	{ 0x03, 0x12, 1, 2, 0x35, HF_MAD_RMPP_ACK },	/* its method alone would make it a query */
	{ 0x03, 0x92, 1, 4, 0x35, HF_MAD_RMPP_END },
	{ 0x03, 0x02, 0, 0, 0x03, HF_MAD_INFORM },
	{ 0x03, 0x81, 0, 0, 0x03, HF_MAD_INFORM_RESP },
	{ 0x03, 0x12, 0, 0, 0x11, HF_MAD_OTHER_SA },
	{ 0x04, 0x01, 0, 0, 0x35, HF_MAD_OTHER },
	{ 0x01, 0x05, 0, 0, 0x02, HF_MAD_SMP },
	{ 0x81, 0x01, 0, 0, 0x11, HF_MAD_SMP },
};

START_TEST(mads_are_told_apart)
{
	struct hf_sa_mad mad = { 0 };
	uint8_t bytes[HF_MAD_SIZE];

	mad.hdr.mgmt_class = mad_kinds[_i].mgmt_class;
	mad.hdr.method = mad_kinds[_i].method;
	mad.hdr.attr_id = htobe16(mad_kinds[_i].attr_id);
	mad.rmpp.rtime_flags = mad_kinds[_i].rmpp_flags;
	mad.rmpp.type = mad_kinds[_i].rmpp_type;
	memcpy(bytes, &mad, sizeof(bytes));
	ck_assert_int_eq(hf_mad_classify(bytes), mad_kinds[_i].kind);
}
END_TEST

START_TEST(what_is_cut_off_cannot_be_reached)
{
	struct hf_topology *topology;
	struct hf_topology_node *sm, *host, *middle;
	struct hf_reach reach;
	char *error;

	ck_assert_int_eq(hf_topology_from_spec("mesh", "3x1", 1, true, &topology, &error), 0);
	sm = hf_topology_find_name(topology, "sm");
	host = hf_topology_find_name(topology, "H_2_0_0");
	middle = hf_topology_find_name(topology, "S_1_0");
	ck_assert_int_eq(hf_reach_init(&reach, topology), 0);
	ck_assert_int_eq(hf_reach_update(&reach, sm), 0);
	ck_assert(hf_reach_has(&reach, host));
	hf_reach_cut(&reach, middle, 0, true);
	ck_assert_int_eq(hf_reach_update(&reach, sm), 0);
	ck_assert(!hf_reach_has(&reach, host));
	ck_assert(hf_reach_has(&reach, hf_topology_find_name(topology, "H_0_0_0")));
	hf_reach_cut(&reach, middle, 0, false);
	hf_reach_cut(&reach, host, 1, true);
	ck_assert_int_eq(hf_reach_update(&reach, sm), 0);
	ck_assert(hf_reach_has(&reach, middle));
	ck_assert(!hf_reach_has(&reach, host));
	hf_reach_fini(&reach);
	hf_topology_free(topology);
}
END_TEST

/* A result with the numbers of one fault, judged by a scenario with one must. */
static json_t *judged(struct hf_must *must, const char *mode, const char *engine_used, const char *error)
{
	struct hf_scenario scenario = { .mode = mode, .engine = "dfsssp,lash", .musts = must, .must_count = 1 };
	json_t *result = json_pack("{s:s, s:i, s:[s], s:[{s:s, s:i}]}", "engine_used", engine_used,
				   "stale_connections", 2, "stale", "H_0 to H_1: SL 0, the SM says 1", "faults", "name",
				   "cut", "reports_sent", 6);

	ck_assert_int_eq(hf_result_check_musts(result, &scenario, error), 0);
	return result;
}

START_TEST(the_verdict_names_what_did_not_hold)
{
	struct hf_must stale = { .text = (char *)"stale_connections = 0", .name = "stale_connections", .op = HF_MUST_EQ };
	struct hf_must sent = { .text = (char *)"reports_sent > 5", .name = "reports_sent", .of_fault = true,
				.op = HF_MUST_GT, .number = 5 };
	json_t *result = judged(&stale, "off", "lash", ""), *reasons = json_object_get(result, "reasons");

	ck_assert(!hf_result_is_pass(result));
	ck_assert_str_eq(json_string_value(json_array_get(reasons, 0)),
			 "\"stale_connections = 0\" must hold, but it is 2");
	ck_assert_str_eq(json_string_value(json_array_get(reasons, 1)), "  H_0 to H_1: SL 0, the SM says 1");
	json_decref(result);

	result = judged(&sent, "hybrid", "lash", "");
	ck_assert(hf_result_is_pass(result));
	json_decref(result);

	sent.number = 6;
	result = judged(&sent, "hybrid", "lash", "");
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(result, "reasons"), 0)),
			 "\"reports_sent > 5\" must hold, but it is 6 at cut");
	json_decref(result);

	sent.mode = "wildcard";		/* nothing is asked of this mode */
	result = judged(&sent, "hybrid", "lash", "");
	ck_assert(hf_result_is_pass(result));
	json_decref(result);
}
END_TEST

START_TEST(another_routing_engine_or_a_broken_run_fails)
{
	struct hf_must sent = { .text = (char *)"reports_sent > 5", .name = "reports_sent", .of_fault = true,
				.op = HF_MUST_GT, .number = 5 };
	json_t *result = judged(&sent, "hybrid", "minhop", "");

	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(result, "reasons"), 0)),
			 "OpenSM routed with minhop, not with dfsssp,lash");
	json_decref(result);
	result = judged(&sent, "hybrid", "lash", "opensm ended");
	ck_assert(!hf_result_is_pass(result));
	json_decref(result);
}
END_TEST

START_TEST(stale_paths_fail_each_run_but_one_that_is_off)
{
	static const struct {
		const char *mode, *reason;
	} modes[] = {
		{ "hybrid", "3 paths that hosts hold are not what the SA answers" }, { "off", NULL },
	};

	for (size_t i = 0; i < 2; i++) {
		struct hf_scenario scenario = { .engine = (char *)"lash", .mode = modes[i].mode };
		json_t *result = json_pack("{s:s, s:i, s:[s], s:[]}", "engine_used", "lash", "stale_paths", 3,
					   "stale_paths_list", "H_0 to H_1: so and so", "faults");
		json_t *reasons;

		ck_assert_int_eq(hf_result_check_musts(result, &scenario, ""), 0);
		reasons = json_object_get(result, "reasons");
		ck_assert_int_eq(hf_result_is_pass(result), !modes[i].reason);
		if (modes[i].reason) {
			ck_assert_str_eq(json_string_value(json_array_get(reasons, 0)), modes[i].reason);
			ck_assert_str_eq(json_string_value(json_array_get(reasons, 1)), "  H_0 to H_1: so and so");
		}
		json_decref(result);
	}
}
END_TEST

#define SAQUERY_RECORD(dguid, dlid, sl) \
	"PathRecord dump:\n\t\tservice_id..............0x0000000000000000\n\t\tdgid....................fe80::" dguid "\n" \
	"\t\tsgid....................fe80::1\n\t\tdlid...................." dlid "\n\t\tslid....................1\n" \
	"\t\thop_flow_raw............0x0\n\t\ttclass..................0x0\n\t\tnum_path_revers.........0x80\n" \
	"\t\tpkey....................0xFFFF\n\t\tqos_class...............0x0\n\t\tsl......................" sl "\n" \
	"\t\tmtu.....................0x84\n\t\trate....................0x87\n\t\tpkt_life................0x92\n" \
	"\t\tpreference..............0x0\n\t\tresv2...................0x0\n\t\tresv3...................0x0\n"

static int read_saquery(const char *text, struct hf_path_set *ret_set)
{
	FILE *in = fmemopen((char *)text, strlen(text), "r");
	int err;

	*ret_set = (struct hf_path_set){ 0 };
	err = hf_stale_read_saquery(in, ret_set);
	fclose(in);
	hf_path_set_finish(ret_set);
	return err;
}

START_TEST(saquery_is_understood)
{
	struct hf_path_set set;

	ck_assert_int_eq(read_saquery(SAQUERY_RECORD("2", "2", "0x0") SAQUERY_RECORD("3", "5", "0xB"), &set), 0);
	ck_assert_uint_eq(set.count, 2);
	ck_assert_uint_eq(set.items[1].pair.sguid, 1);
	ck_assert_uint_eq(set.items[1].pair.dguid, 3);
	ck_assert_uint_eq(set.items[1].slid, 1);
	ck_assert_uint_eq(set.items[1].dlid, 5);
	ck_assert_uint_eq(set.items[1].sls, 1 << 11);
	ck_assert_uint_eq(set.items[1].mtu, 4);
	ck_assert_uint_eq(set.items[1].rate, 7);
	ck_assert_uint_eq(set.items[1].pkt_life, 18);
	ck_assert_uint_eq(set.items[1].pkey, 0xffff);
	hf_path_set_fini(&set);
}
END_TEST

static const char *const bad_saquery[] = {
	"PathRecord dump:\n", "PathRecord dump:\n\t\tsl......................0x1\n",
	SAQUERY_RECORD("z", "2", "0x0"), SAQUERY_RECORD("2", "many", "0x0"), SAQUERY_RECORD("2", "2", "0x10"),
	SAQUERY_RECORD("2", "70000", "0x0"),
	"PathRecord dump:\n\t\tdlid....................2\n" SAQUERY_RECORD("2", "2", "0x0"),
};

START_TEST(bad_saquery_is_refused)
{
	struct hf_path_set set;

	ck_assert_int_eq(read_saquery(bad_saquery[_i], &set), -EPROTO);
	hf_path_set_fini(&set);
}
END_TEST

static const struct {
	const char *field;
	json_int_t value;
	bool is_stale;
} held_values[] = {
	{ "sl", 1, false },	/* one of two that the SA gives */
	{ "sl", 2, true },	{ "dlid", 3, true },		{ "slid", 9, true },	{ "mtu", 5, true },
	{ "rate", 3, true },	{ "pkt_life", 17, true },	{ "pkey", 0x7fff, true },
};

static json_t *held_paths(const char *field, json_int_t value)
{
	json_t *paths = json_pack("{s:[{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:b}]}", "paths", "port",
				  "sim0:1", "dgid", "fe80::2", "slid", 1, "dlid", 2, "sl", 0, "mtu", 4, "rate", 7,
				  "pkt_life", 18, "pkey", 0xffff, "reachable", 1);

	json_object_set_new(json_array_get(json_object_get(paths, "paths"), 0), field, json_integer(value));
	return paths;
}

static size_t count_stale(json_t *paths, const char *answer, uint64_t host)
{
	json_t *status = json_pack("{s:[{s:s, s:s}]}", "status", "port", "sim0:1", "gid", "fe80::1"), *texts;
	struct hf_path_set said, held = { 0 };
	struct hf_topology *topology = hf_topology_new();
	size_t count;

	ck_assert_int_eq(read_saquery(answer, &said), 0);
	ck_assert_int_eq(hf_stale_add_held(status, paths, &held), 0);
	hf_path_set_finish(&held);
	ck_assert_int_eq(hf_stale_judge(topology, &host, 1, &said, &held, &count, &texts), 0);
	ck_assert_uint_eq(json_array_size(texts), count);
	json_decref(texts);
	json_decref(status);
	json_decref(paths);
	hf_path_set_fini(&said);
	hf_path_set_fini(&held);
	hf_topology_free(topology);
	return count;
}

START_TEST(a_path_is_stale_where_a_field_differs)
{
	ck_assert_uint_eq(count_stale(held_paths(held_values[_i].field, held_values[_i].value),
				      SAQUERY_RECORD("2", "2", "0x0") SAQUERY_RECORD("2", "2", "0x1"), 1),
			  held_values[_i].is_stale);
}
END_TEST

START_TEST(a_path_too_many_or_too_few_is_stale)
{
	json_t *lost = held_paths("sl", 0);

	ck_assert_uint_eq(count_stale(held_paths("sl", 0), "", 1), 1);
	ck_assert_uint_eq(count_stale(held_paths("sl", 0), SAQUERY_RECORD("2", "2", "0x0")
				      SAQUERY_RECORD("3", "3", "0x0"), 1), 1);
	json_object_set_new(json_array_get(json_object_get(lost, "paths"), 0), "reachable", json_false());
	ck_assert_uint_eq(count_stale(json_incref(lost), "", 1), 0);
	ck_assert_uint_eq(count_stale(lost, SAQUERY_RECORD("2", "2", "0x0"), 1), 1);
	/* Another host is judged. */
	ck_assert_uint_eq(count_stale(held_paths("sl", 0), "", 7), 0);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

static Suite *hfsim_suite(void)
{
	Suite *suite = suite_create("hfsim");
	TCase *files = tcase_create("files"), *judge = tcase_create("judge");

	tcase_add_checked_fixture(files, make_folder, remove_folder);
	tcase_add_test(files, events_of_two_files_merge_by_time);
	tcase_add_test(files, events_at_one_time_keep_their_order);
	tcase_add_test(files, half_a_line_waits_for_its_end);
	tcase_add_loop_test(files, bad_lines_are_counted_and_left_out, 0, COUNT(bad_lines));
	tcase_add_test(files, long_timelines_are_condensed);
	suite_add_tcase(suite, files);
	tcase_add_test(judge, tables_are_parsed);
	tcase_add_loop_test(judge, bad_tables_are_refused, 0, COUNT(bad_tables));
	tcase_add_test(judge, changes_are_counted_among_hosts);
	tcase_add_test(judge, stale_connections_are_named_with_their_difference);
	tcase_add_test(judge, a_lost_path_is_stale_unless_its_host_knows);
	tcase_add_test(judge, a_host_that_is_cut_off_is_not_judged);
	tcase_add_test(judge, one_lane_on_a_ring_is_a_loop_and_two_are_none);
	tcase_add_loop_test(judge, bad_connections_are_refused, 0, COUNT(bad_uses));
	tcase_add_loop_test(judge, mads_are_told_apart, 0, COUNT(mad_kinds));
	tcase_add_test(judge, what_is_cut_off_cannot_be_reached);
	tcase_add_test(judge, the_verdict_names_what_did_not_hold);
	tcase_add_test(judge, another_routing_engine_or_a_broken_run_fails);
	tcase_add_test(judge, stale_paths_fail_each_run_but_one_that_is_off);
	tcase_add_test(judge, saquery_is_understood);
	tcase_add_loop_test(judge, bad_saquery_is_refused, 0, COUNT(bad_saquery));
	tcase_add_loop_test(judge, a_path_is_stale_where_a_field_differs, 0, COUNT(held_values));
	tcase_add_test(judge, a_path_too_many_or_too_few_is_stale);
	suite_add_tcase(suite, judge);
	return suite;
}

int main(void)
{
	return check_main(hfsim_suite());
}
