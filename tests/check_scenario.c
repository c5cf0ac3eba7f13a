/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/scenario_draft.h"

#define FABRIC	"fabric { kind = mesh size = 3x2 }\n"

/* Writes a scenario to a file of its own, loads it, and takes the file's name off an error. */
static int load_text(const char *text, struct hf_scenario **ret_scenario, char **ret_error)
{
	char path[] = "/tmp/hf-scenario.XXXXXX", *error = NULL;
	int fd = mkstemp(path), err;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	err = hf_scenario_load(path, ret_scenario, &error);
	unlink(path);
	if (error) {
		ck_assert_msg(!strncmp(error, path, strlen(path)), "%s", error);
		*ret_error = strdup(error + strlen(path));
		free(error);
	}
	return err;
}

static struct hf_scenario *load(const char *text)
{
	struct hf_scenario *scenario = NULL;
	char *error = NULL;

	ck_assert_msg(!load_text(text, &scenario, &error), "%s", error);
	return scenario;
}

START_TEST(test_defaults)
{
	struct hf_scenario *s = load(FABRIC);

	ck_assert_str_eq(s->title, "");
	ck_assert_str_eq(s->fabric, "mesh 3x2");
	ck_assert_str_eq(s->lanes, "8");
	ck_assert_str_eq(s->engine, "minhop");
	ck_assert_str_eq(s->mode, "targeted");
	ck_assert_str_eq(s->sm_node->name, "sm");
	ck_assert_uint_eq(s->host_count, 6);
	ck_assert_str_eq(s->hosts[0]->name, "H_0_0_0");
	ck_assert(s->connect_all);
	ck_assert_uint_eq(s->hosts_per_daemon, 64);
	ck_assert_uint_eq(s->watchdog_s, 120);
	ck_assert_uint_eq(s->fault_count + s->must_count + s->sm.count + s->plugin.count, 0);
	hf_scenario_free(s);
}
END_TEST

START_TEST(test_everything)
{
	struct hf_scenario *s = load(
		"title = \"t\" description = \"d\ne\" watchdog_s = 9\n"
		"fabric { kind = torus size = 4x4 hosts = 2 sm_host = false lanes = 15 }\n"
		"sm { engine = \"ftree,lash\" mode = repath-only node = H_0_0_1 standby = H_2_2_1\n"
		"  opensm = { \"qos TRUE\", \"lash_start_vl = 1\", \"qos FALSE\" } plugin = { \"window = 4\" } }\n"
		"hosts { run = { H_0_0_0, H_3_3_1 } connections = none hosts_per_daemon = 1\n"
		"  disorder = 20 seed = 7 holdfastd = { \"check_interval_s = 2\" } }\n"
		"fault a { kind = unlink link = { S_0_0, S_0_1 } wait = none }\n"
		"fault b { kind = relink port = \"S_0_1[3]\" }\n"
		"fault c { kind = lossy port = \"S_0_0[5]\" percent = 30 }\n"
		"fault d { kind = node-down node = S_1_1 }\n"
		"fault e { kind = node-up node = S_1_1 }\n"
		"fault f { kind = port-down port = \"H_3_3_1[1]\" }\n"
		"fault g { kind = port-up port = \"H_3_3_1[1]\" }\n"
		"fault h { kind = sm-restart }\n"
		"fault i { kind = daemon-stop node = H_3_3_1 }\n"
		"fault j { kind = daemon-cont node = H_3_3_1 }\n"
		"fault k { kind = daemon-kill node = H_0_0_0 }\n"
		"fault l { kind = daemon-start node = H_0_0_0 after_ms = 250 }\n"
		"fault m { kind = sm-kill }\n"
		"fault n { kind = sm-down }\n"
		"fault o { kind = sm-up }\n"
		"fault p { kind = sm-stop }\n"
		"fault q { kind = sm-cont }\n"
		"must = { \"stale_connections = 0\", \"c.mads_total<=100\", \" reports_sent  !=  7 in  off\" }\n");

	ck_assert_str_eq(s->title, "t");
	ck_assert_str_eq(s->description, "d e");
	ck_assert_uint_eq(s->watchdog_s, 9);
	ck_assert_str_eq(s->lanes, "15");
	ck_assert_str_eq(s->engine, "ftree,lash");
	ck_assert_str_eq(s->mode, "repath-only");
	ck_assert_str_eq(s->sm_node->name, "H_0_0_1");
	ck_assert_uint_eq(s->sm.count, 2);
	ck_assert_str_eq(s->sm.items[0].name, "qos");
	ck_assert_str_eq(s->sm.items[0].value, "FALSE");
	ck_assert_str_eq(s->sm.items[1].name, "lash_start_vl");
	ck_assert_str_eq(s->sm.items[1].value, "1");
	ck_assert_str_eq(s->plugin.items[0].name, "window");
	ck_assert_uint_eq(s->host_count, 2);
	ck_assert(!s->connect_all);
	ck_assert_str_eq(s->standby_node->name, "H_2_2_1");
	ck_assert_uint_eq(s->disorder, 20);
	ck_assert_uint_eq(s->seed, 7);
	ck_assert_str_eq(s->holdfastd.items[0].name, "check_interval_s");
	ck_assert_uint_eq(s->fault_count, 17);
	ck_assert_str_eq(s->faults[0].name, "a");
	ck_assert(!s->faults[0].wait_settled);
	ck_assert_uint_eq(s->faults[0].port, 4);
	ck_assert_str_eq(s->faults[0].remote->name, "S_0_1");
	ck_assert_uint_eq(s->faults[0].remote_port, 3);
	ck_assert_uint_eq(s->faults[0].line, 8);
	ck_assert(s->faults[1].wait_settled);
	ck_assert_uint_eq(s->faults[2].percent, 30);
	ck_assert_ptr_null(s->faults[2].remote);
	ck_assert_uint_eq(s->faults[3].port, 0);
	ck_assert_int_eq(s->faults[10].kind, HF_FAULT_DAEMON_KILL);
	ck_assert_uint_eq(s->faults[10].after_ms, 0);
	ck_assert_int_eq(s->faults[11].kind, HF_FAULT_DAEMON_START);
	ck_assert_uint_eq(s->faults[11].after_ms, 250);
	ck_assert_int_eq(s->faults[16].kind, HF_FAULT_SM_CONT);
	ck_assert_uint_eq(s->must_count, 3);
	ck_assert_str_eq(s->musts[0].name, "stale_connections");
	ck_assert(!s->musts[0].of_fault);
	ck_assert_str_eq(s->musts[1].fault, "c");
	ck_assert_int_eq(s->musts[1].op, HF_MUST_LE);
	ck_assert_int_eq(s->musts[1].number, 100);
	ck_assert_str_eq(s->musts[2].mode, "off");
	ck_assert(s->musts[2].of_fault);
	ck_assert_ptr_null(s->musts[2].fault);
	hf_scenario_free(s);
}
END_TEST

static const struct {
	const char *text, *error;
} bad[] = {
	{ "",						": section fabric needs kind and size, or file" },
	{ "fabric { kind = mesh }\n",			": section fabric needs kind and size, or file" },
	{ "fabric { kind = mesh\nsize = 3xx }\n",	":2: mesh size \"3xx\": expected 1 to 8 numbers" },
	{ "fabric { kind = star size = 3 }\n",		":1: fabric \"star\": expected mesh, torus" },
	{ "fabric { file = x\nsize = 3 }\n",		":1: file = x: allowed is a file alone" },
	{ "fabric { file = nonexistent.net }\n",	":1: /tmp/nonexistent.net: cannot open: No such file" },
	{ FABRIC "services { file = x }\n",		": section services needs file and from" },
	{ FABRIC "services { hook = x }\n",		": section services needs file and from" },
	{ FABRIC "services { file = x\nfrom = nobody }\n",	":3: from = nobody: allowed is a node of the fabric" },
	{ FABRIC "services { file = x\nfrom = S_0_0 }\n", ":3: from = S_0_0: allowed is a channel adapter" },
	{ FABRIC "services { file = x\nfrom = H_0_0_0\ninterval_us = 1 }\n", ":4: interval_us = 1: allowed is 100" },
	{ FABRIC "fault f { kind = failover }\n",	":2: fault f: with kind = failover allowed is service = SERVICE and perhaps" },
	{ FABRIC "program p { run = x\nserver = H_0_0_0 }\n",	":3: program p needs run, server and client" },
	{ FABRIC "program p { run = \" \"\nserver = H_0_0_0\nclient = H_1_0_0 }\n",	":2: run = \" \": allowed is a program" },
	{ FABRIC "program p { run = x\nserver = S_0_0\nclient = H_1_0_0 }\n",	":3: server = S_0_0: allowed is a host" },
	{ FABRIC "program p { run = x\nserver = H_1_0_0\nclient = H_1_0_0 }\n", ":4: client = H_1_0_0: allowed is another" },
	{ FABRIC "program p { strategy = slow }\n",		":2: strategy = slow: allowed is one of auto, all, apm, sqd" },
	{ FABRIC "program p { model = x }\n",			":2: model = x: allowed is one of mthca, mlx5" },
	{ FABRIC "program \"a b\" { run = x }\n",		":2: program \"a b\": allowed in its name are letters" },
	{ FABRIC "fault f { kind = failback\nservice = x }\n", ":3: service = x: allowed with a section services" },
	{ FABRIC "fault f { kind = node-down node = sm }\n", ":2: fault f: it cuts off sm, where opensm runs" },
	{ FABRIC "fault f { kind = node-down node = S_0_0 }\n", ":2: fault f: it cuts off sm, where opensm runs" },
	{ FABRIC "fault f { kind = port-down port = \"sm[1]\" }\n", ":2: fault f: it cuts off sm, where opensm runs" },
	{ FABRIC "sm { node = H_1_1_0 } fault f { kind = unlink link = { S_1_1, H_1_1_0 } }\n",
	  ":2: fault f: it cuts off H_1_1_0, where opensm runs" },
	{ FABRIC "fault f { kind = switch-reset\nnode = H_0_0_0 }\n", ":3: node = H_0_0_0: allowed is a switch" },
	{ FABRIC "\nfabric { }\n",			":3: section fabric stands twice, allowed is one" },
	{ "fabric { kind = mesh\nkind = ring }\n",	":2: kind stands twice, first in line 1" },
	{ "fabric { kind = mesh size = 3x2 hosts = 999 }\n", ":1: hosts = 999: allowed is 0 to 254" },
	{ "fabric { kind = mesh size = 3x2 hosts = x }\n", ":1: hosts = x: allowed is 0 to 254" },
	{ "fabric { kind = mesh size = 3x2 sm_host = 7 }\n", ":1: sm_host = 7: allowed is true or false" },
	{ "fabric { kind = mesh size = 3x2 lanes = 16 }\n", ":1: lanes = 16: allowed is one of 1, 2, 4, 8, 15" },
	{ "fabric { kind = mesh size = 3x2 hosts = 0 sm_host = no }\n",
	  ": the fabric (mesh 3x2) needs a channel adapter" },
	{ "fabric {\n  wide = 3\n}\n",
	  ":2: no such option 'wide': allowed are kind, size, file, hosts, sm_host" },
	{ "fabrik {\n}\n",
	  ":1: no such option 'fabrik': allowed are title, description, watchdog_s, measure, must, "
					 "fabric, sm" },
	{ FABRIC "title = \"open\n",			":3: " },
	{ "fabric kind\n",				":1: " },
	{ "watchdog_s = 0\n" FABRIC,			":1: watchdog_s = 0: allowed is 1 to 86400" },
	{ FABRIC "sm {\nmode = loud\n}\n",
	  ":3: mode = loud: allowed is one of targeted, hybrid, wildcard, repath-only, off" },
	{ FABRIC "sm {\nengine = lasso\n}\n",
	  ":3: engine = lasso: allowed is one or, with commas, several of" },
	{ FABRIC "sm { engine = \"lash,\" }\n",		":2: engine = lash,: allowed is" },
	{ FABRIC "sm { node = S_0_0 }\n",		":2: node = S_0_0: allowed is a channel adapter" },
	{ FABRIC "sm { standby = S_0_0 }\n",		":2: standby = S_0_0: allowed is a channel adapter" },
	{ FABRIC "sm { standby = sm }\n",		":2: standby = sm: allowed is a channel adapter other" },
	{ FABRIC "sm { standby = H_0_0_0 }\nhosts { run = { H_0_0_0 } }\n", ":3: run = H_0_0_0: allowed is all" },
	{ FABRIC "fault a { kind = sm-up }\n",		":2: fault a: kind = sm-up is allowed behind a sm-down" },
	{ FABRIC "fault a { kind = sm-kill node = sm }\n", ":2: fault a: with kind = sm-kill allowed is nothing" },
	{ FABRIC "hosts { disorder = 101 }\n",		":2: disorder = 101" },
	{ FABRIC "sm { opensm = { \"qos TRUE\",\n\"routing_engine lash\" } }\n",
	  ":3: routing_engine is set by the run itself, from engine" },
	{ FABRIC "sm { opensm = { qos } }\n",		":2: \"qos\": allowed is a name, then a value, on one line" },
	{ FABRIC "hosts { holdfastd = { \"trace = x\" } }\n",	":2: trace is set by the run itself" },
	{ FABRIC "sm { plugin = { \"mode = off\" } }\n",	":2: mode is set by the run itself, from mode" },
	{ FABRIC "hosts { run = { H_0_0_0,\nH_9_9_9 } }\n",
	  ":3: run = H_9_9_9: allowed is a node of the fabric (mesh 3x2)" },
	{ "fabric { kind = mesh size = 5x4 hosts = 201 }\n", ": holdfastd would run on 4020 hosts: allowed are 4000" },
	{ FABRIC "hosts { run = { sm } }\n",
	  ":2: run = sm: allowed is all, or channel adapters other than" },
	{ FABRIC "hosts { run = { S_0_0 } }\n",		":2: run = S_0_0: allowed is all" },
	{ FABRIC "hosts { connections = some }\n",	":2: connections = some: allowed is one of all-to-all, none" },
	{ FABRIC "fault a {\nkind = explode\n}\n",
	  ":3: kind = explode: allowed is one of unlink, relink, node-down" },
	{ FABRIC "fault a {\nwait = none\n}\n",		":4: fault a needs a kind" },
	{ FABRIC "fault \"a b\" {\nkind = sm-restart\n}\n", ":4: fault \"a b\": allowed in its name are letters" },
	{ FABRIC "fault a { kind = unlink }\n",
	  ":2: fault a: with kind = unlink allowed is link = { NODE, NODE }" },
	{ FABRIC "fault a { kind = unlink link = { S_0_0 } }\n", ":2: fault a: with kind = unlink allowed is link" },
	{ FABRIC "fault a { kind = unlink node = S_0_0 }\n", ":2: fault a: with kind = unlink allowed is link" },
	{ FABRIC "fault a { kind = sm-restart percent = 0 }\n",
	  ":2: fault a: with kind = sm-restart allowed is nothing" },
	{ FABRIC "fault a { kind = lossy port = \"S_0_0[5]\" }\n", ":2: fault a: with kind = lossy allowed is port" },
	{ FABRIC "fault a { kind = lossy port = \"S_0_0[5]\" percent = 101 }\n",
	  ":2: percent = 101: allowed is 0 to 100" },
	{ FABRIC "fault a { kind = unlink\nlink = { S_0_0, S_1_1 } }\n",
	  ":3: link = { S_0_0, S_1_1 }: allowed are two nodes with a cable between them" },
	{ FABRIC "fault a { kind = unlink link = { S_0_0, S_9_9 } }\n",
	  ":2: link = S_9_9: allowed is a node of the fabric" },
	{ FABRIC "fault a { kind = port-down port = S_0_0 }\n", ":2: port = S_0_0: allowed is \"NODE[PORT]\"" },
	{ FABRIC "fault a { kind = port-down port = \"S_0_0[x]\" }\n",
	  ":2: port = S_0_0[x]: allowed is \"NODE[PORT]\"" },
	{ FABRIC "fault a { kind = port-down port = \"S_0_0[2]]\" }\n",
	  ":2: port = S_0_0[2]]: allowed is \"NODE[PORT]\"" },
	{ FABRIC "fault a { kind = port-down port = \"S_0_0[1]\" }\n",
	  ":2: port = S_0_0[1]: allowed is a port with a cable" },
	{ FABRIC "fault a { kind = port-down port = \"S_0_0[99]\" }\n",
	  ":2: port = S_0_0[99]: allowed is a port with a cable" },
	{ FABRIC "fault a { kind = daemon-kill node = sm }\n",
	  ":2: node = sm: allowed is a host where holdfastd runs" },
	{ FABRIC "fault a { kind = node-up node = S_0_0 }\n",
	  ":2: fault a: kind = node-up is allowed behind a node-down at the same place only" },
	{ FABRIC "fault a { kind = sm-restart }\nfault a { kind = sm-restart }\n", ":3: found duplicate title 'a'" },
	{ FABRIC "must = {\n\"happiness > 3\" }\n",	":3: must \"happiness > 3\": allowed are the numbers" },
	{ FABRIC "must = { \"stale_connections = 0\" }\nmust = { \"stale_connections = 0\" }\n",
	  ":3: must stands twice, allowed is one list" },
	{ FABRIC "must = { \"stale_connections 0\" }\n",
	  ":2: must \"stale_connections 0\": allowed behind the name is" },
	{ FABRIC "must = { \"stale_connections => 0\" }\n",
	  ":2: must \"stale_connections => 0\": allowed behind the name is" },
	{ FABRIC "must = { \"stale_connections = \" }\n",
	  ":2: must \"stale_connections = \": allowed behind the name is" },
	{ FABRIC "must = { \"stale_connections = 0 at once\" }\n",
	  ":2: must \"stale_connections = 0 at once\": allowed behind" },
	{ FABRIC "must = { \"stale_connections = 0 in love\" }\n",
	  ":2: must \"stale_connections = 0 in love\": allowed behind" },
	{ FABRIC "must = { \"a.mads_total > 0\" }\n",	":2: must \"a.mads_total > 0\": allowed before the point is" },
	{ FABRIC "must = { \"a.stale_connections = 0\" }\n",
	  ":2: must \"a.stale_connections = 0\": allowed are the numbers" },
};

START_TEST(test_errors)
{
	struct hf_scenario *scenario = NULL;
	char *error = NULL;

	int err = load_text(bad[_i].text, &scenario, &error);

	ck_assert_int_eq(err, strstr(bad[_i].error, "cannot open") ? -ENOENT : -EINVAL);
	ck_assert_ptr_null(scenario);
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(!strncmp(error, bad[_i].error, strlen(bad[_i].error)), "got %s, not %s", error, bad[_i].error);
	free(error);
}
END_TEST

START_TEST(test_missing_file)
{
	struct hf_scenario *scenario = NULL;
	char *error = NULL;

	ck_assert_int_eq(hf_scenario_load("/nonexistent/x.conf", &scenario, &error), -ENOENT);
	ck_assert_str_eq(error, "/nonexistent/x.conf: cannot open: No such file or directory");
	free(error);
}
END_TEST

static const struct {
	const char *setting, *error;	/* NULL: allowed */
} settings[] = {
	{ "mode=off", NULL },
	{ "mode=loud", "mode = loud: allowed is one of targeted, hybrid, wildcard, repath-only, off" },
	{ "engine=updn", NULL },
	{ "engine=", "engine = : allowed is one or" },
	{ "lanes=15", NULL },
	{ "lanes=3", "lanes = 3: allowed is one of 1, 2, 4, 8, 15" },
	{ "watchdog_s=7", NULL },
	{ "watchdog_s=0", "watchdog_s = 0: allowed is 1 to 86400" },
	{ "hosts_per_daemon=2", NULL },
	{ "hosts_per_daemon=none", "hosts_per_daemon = none: allowed is 1 to" },
	{ "plugin.window=4", NULL },
	{ "plugin.mode=off", "mode is set by the run itself, from mode" },
	{ "holdfastd.check_interval_s=2", NULL },
	{ "holdfastd.socket=x", "socket is set by the run itself, from the run's folder" },
	{ "plugin.window", "\"plugin.window\": allowed is mode=, engine=" },
	{ "plugin.=4", "\"=4\": allowed is a name" },
	{ "sm.qos=TRUE", NULL },
	{ "sm.guid=1", "guid is set by the run itself" },
	{ "size=3x3", "\"size=3x3\": allowed is mode=, engine=" },
};

START_TEST(test_settings)
{
	struct hf_scenario *s = load(FABRIC "sm { plugin = { \"window = 64\" } }\n");
	char *error = NULL;
	int err = hf_scenario_set(s, settings[_i].setting, &error);

	ck_assert_int_eq(err, settings[_i].error ? -EINVAL : 0);
	if (settings[_i].error)
		ck_assert_msg(!strncmp(error, settings[_i].error, strlen(settings[_i].error)), "%s", error);
	else
		ck_assert_ptr_null(error);
	free(error);
	hf_scenario_free(s);
}
END_TEST

START_TEST(test_settings_change)
{
	struct hf_scenario *s = load(FABRIC "sm { plugin = { \"window = 64\" } }\n");
	char *error = NULL;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (!settings[i].error)
			ck_assert_int_eq(hf_scenario_set(s, settings[i].setting, &error), 0);
	ck_assert_str_eq(s->mode, "off");
	ck_assert_str_eq(s->engine, "updn");
	ck_assert_uint_eq(s->watchdog_s, 7);
	ck_assert_uint_eq(s->hosts_per_daemon, 2);
	ck_assert_uint_eq(s->plugin.count, 1);
	ck_assert_str_eq(s->plugin.items[0].value, "4");
	ck_assert_uint_eq(s->sm.count, 1);
	ck_assert_str_eq(s->sm.items[0].name, "qos");
	hf_scenario_free(s);
}
END_TEST

START_TEST(test_must_holds)
{
	static const struct {
		enum hf_must_op op;
		bool below, equal, above;
	} table[] = {
		{ HF_MUST_EQ, false, true, false },
		{ HF_MUST_NE, true, false, true },
		{ HF_MUST_LT, true, false, false },
		{ HF_MUST_LE, true, true, false },
		{ HF_MUST_GT, false, false, true },
		{ HF_MUST_GE, false, true, true },
	};
	struct hf_must must = { .op = table[_i].op, .number = 5 };

	ck_assert_int_eq(hf_must_holds(&must, 4), table[_i].below);
	ck_assert_int_eq(hf_must_holds(&must, 5), table[_i].equal);
	ck_assert_int_eq(hf_must_holds(&must, 6), table[_i].above);
}
END_TEST

/* What is installed: each file loads, has something to say to people, and claims something. */
START_TEST(test_shipped)
{
	const char *top = getenv("top_srcdir");
	char pattern[4096];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/sim/scenarios/*.conf", top ? top : ".");
	ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
	ck_assert_uint_ge(found.gl_pathc, 6);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct hf_scenario *s = NULL;
		char *error = NULL;

		ck_assert_msg(!hf_scenario_load(found.gl_pathv[i], &s, &error), "%s", error);
		ck_assert_msg(*s->title && *s->description && s->fault_count && s->must_count, "%s", s->name);
		hf_scenario_free(s);
	}
	globfree(&found);
}
END_TEST

static char *read_manual(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096], *text = NULL;
	size_t size = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s/doc/holdfast-scenario.5", top ? top : ".");
	in = fopen(path, "r");
	ck_assert_msg(in != NULL, "%s", path);
	ck_assert_int_gt(getdelim(&text, &size, '\0', in), 0);
	fclose(in);
	return text;
}

static void assert_in_manual(const char *manual, const char *macro, const char *word)
{
	char line[128];

	snprintf(line, sizeof(line), "\n.It %s %s", macro, word);
	ck_assert_msg(strstr(manual, line) != NULL, "holdfast-scenario(5) has no %s", word);
}

/* Every value, every kind of fault, and every number that a condition can name stands in the manual page. */
START_TEST(test_manual)
{
	char *manual = read_manual(), *error = NULL;
	struct hf_scenario *scenario = NULL;
	char *word, *rest;

	for (int i = 0; i < HF__SECTION_COUNT; i++)
		for (const struct hf_option *option = hf__scenario_tables[i]; option->name; option++)
			assert_in_manual(manual, "Ic", option->name);
	for (int kind = HF_FAULT_UNLINK; kind <= HF_FAULT_DAEMON_CONT; kind++)
		assert_in_manual(manual, "Cm", hf_fault_kind_text(kind));
	ck_assert_int_eq(load_text(FABRIC "must = { \"x = 0\" }\n", &scenario, &error), -EINVAL);
	for (word = strtok_r(strstr(error, "the numbers ") + 12, ", ", &rest); word; word = strtok_r(NULL, ", ", &rest))
		if (strchr(word, '_'))
			assert_in_manual(manual, "Ic", word);
	free(error);
	free(manual);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("scenario");
	TCase *files = tcase_create("files"), *run = tcase_create("run");

	tcase_add_test(files, test_defaults);
	tcase_add_test(files, test_everything);
	tcase_add_loop_test(files, test_errors, 0, COUNT(bad));
	tcase_add_test(files, test_missing_file);
	tcase_add_test(files, test_shipped);
	tcase_add_test(files, test_manual);
	suite_add_tcase(suite, files);
	tcase_add_loop_test(run, test_settings, 0, COUNT(settings));
	tcase_add_test(run, test_settings_change);
	tcase_add_loop_test(run, test_must_holds, 0, 6);
	suite_add_tcase(suite, run);
	return check_main(suite);
}
