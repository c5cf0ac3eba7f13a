/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/scenario.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fail.h"
#include "sim/scenario_draft.h"

#define PLUGIN_PREFIX	"plugin."
#define SM_PREFIX	"sm."
#define HOST_PREFIX	"holdfastd."
#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* The plugin's own names, hf_mode_names, and "targeted". */
const char *const hf__scenario_modes[] = { "targeted", "hybrid", "wildcard", "repath-only", HF_MODE_NAME_OFF, NULL };
const char *const hf__scenario_lanes[] = { "1", "2", "4", "8", "15", NULL };

const char *const hf__scenario_strategies[] = { "auto", "all", "apm", "sqd", "reset", HF_STRATEGY_NONE, NULL };
const char *const hf__scenario_models[] = { "mthca", "mlx5", "rxe", "strict", "plain", NULL };

static const char *const fault_kinds[] = {
	[HF_FAULT_UNLINK] = "unlink",
	[HF_FAULT_RELINK] = "relink",
	[HF_FAULT_NODE_DOWN] = "node-down",
	[HF_FAULT_NODE_UP] = "node-up",
	[HF_FAULT_PORT_DOWN] = "port-down",
	[HF_FAULT_PORT_UP] = "port-up",
	[HF_FAULT_LOSSY] = "lossy",
	[HF_FAULT_SWITCH_RESET] = "switch-reset",
	[HF_FAULT_FAILOVER] = "failover",
	[HF_FAULT_FAILBACK] = "failback",
	[HF_FAULT_SM_RESTART] = "sm-restart",
	[HF_FAULT_SM_KILL] = "sm-kill",
	[HF_FAULT_SM_DOWN] = "sm-down",
	[HF_FAULT_SM_UP] = "sm-up",
	[HF_FAULT_SM_STOP] = "sm-stop",
	[HF_FAULT_SM_CONT] = "sm-cont",
	[HF_FAULT_DAEMON_KILL] = "daemon-kill",
	[HF_FAULT_DAEMON_START] = "daemon-start",
	[HF_FAULT_DAEMON_STOP] = "daemon-stop",
	[HF_FAULT_DAEMON_CONT] = "daemon-cont",
	NULL,
};

static const char *const connection_kinds[] = { "all-to-all", "none", NULL };
static const char *const waits[] = { "settled", "none", NULL };

static const char *const measures[] = {
	[HF_MEASURE_ALL] = "all",
	[HF_MEASURE_MADS] = "mads",
	[HF_MEASURE_NOTHING] = "nothing",
	NULL,
};

#define STRING(struct_, field) \
	{ .name = #field, .type = HF_OPTION_STRING, .offset = offsetof(struct hf__##struct_##_values, field) }
#define NUMBER(struct_, field, initial, least, most) \
	{ .name = #field, .type = HF_OPTION_INT, .default_ = initial, .min = least, .max = most, \
	  .offset = offsetof(struct hf__##struct_##_values, field) }
#define CHOICE(struct_, field, initial, names) \
	{ .name = #field, .type = HF_OPTION_CHOICE, .default_ = initial, .choices = names, \
	  .offset = offsetof(struct hf__##struct_##_values, field) }

static const struct hf_option root_table[] = {
	[HF__ROOT_TITLE] = STRING(root, title),
	[HF__ROOT_DESCRIPTION] = STRING(root, description),
	[HF__ROOT_WATCHDOG] = NUMBER(root, watchdog_s, "120", 1, HF__WATCHDOG_MAX_S),
	[HF__ROOT_MEASURE] = CHOICE(root, measure, "all", measures),
	HF_OPTION_END
};

static const struct hf_option fabric_table[] = {
	[HF__FABRIC_KIND] = STRING(fabric, kind),
	[HF__FABRIC_SIZE] = STRING(fabric, size),
	[HF__FABRIC_FILE] = STRING(fabric, file),
	[HF__FABRIC_HOSTS] = NUMBER(fabric, hosts, "1", 0, HF_TOPOLOGY_PORT_MAX),
	[HF__FABRIC_SM_HOST] = {
		.name = "sm_host", .type = HF_OPTION_BOOL, .default_ = "true",
		.offset = offsetof(struct hf__fabric_values, sm_host)
	},
	[HF__FABRIC_LANES] = CHOICE(fabric, lanes, "8", hf__scenario_lanes),
	HF_OPTION_END
};

static const struct hf_option sm_table[] = {
	[HF__SM_ENGINE] = {
		.name = "engine", .type = HF_OPTION_STRING, .default_ = "minhop",
		.offset = offsetof(struct hf__sm_values, engine)
	},
	[HF__SM_MODE] = CHOICE(sm, mode, "targeted", hf__scenario_modes),
	[HF__SM_NODE] = STRING(sm, node),
	[HF__SM_STANDBY] = STRING(sm, standby),
	HF_OPTION_END
};

static const struct hf_option hosts_table[] = {
	CHOICE(hosts, connections, "all-to-all", connection_kinds),
	NUMBER(hosts, hosts_per_daemon, "64", 1, HF_TOPOLOGY_NODE_MAX),
	NUMBER(hosts, disorder, "0", 0, 100),
	NUMBER(hosts, seed, "1", 0, INT_MAX),
	HF_OPTION_END
};

static const struct hf_option services_table[] = {
	[HF__SERVICES_FILE] = STRING(services, file),
	[HF__SERVICES_FROM] = STRING(services, from),
	[HF__SERVICES_INTERVAL] = NUMBER(services, interval_us, "1000", 100, 1000000),
	[HF__SERVICES_HOOK] = STRING(services, hook),
	HF_OPTION_END
};

static const struct hf_option program_table[] = {
	[HF__PROGRAM_RUN] = STRING(program, run),
	[HF__PROGRAM_SERVER] = STRING(program, server),
	[HF__PROGRAM_CLIENT] = STRING(program, client),
	[HF__PROGRAM_STRATEGY] = CHOICE(program, strategy, "auto", hf__scenario_strategies),
	[HF__PROGRAM_MODEL] = CHOICE(program, model, "mthca", hf__scenario_models),
	HF_OPTION_END
};

static const struct hf_option fault_table[] = {
	[HF__FAULT_KIND] = CHOICE(fault, kind, "unlink", fault_kinds),
	[HF__FAULT_NODE] = STRING(fault, node),
	[HF__FAULT_PORT] = STRING(fault, port),
	[HF__FAULT_SERVICE] = STRING(fault, service),
	[HF__FAULT_PERCENT] = NUMBER(fault, percent, "0", 0, 100),
	[HF__FAULT_WAIT] = CHOICE(fault, wait, "settled", waits),
	[HF__FAULT_AFTER] = NUMBER(fault, after_ms, "0", 0, 60000),
	HF_OPTION_END
};

const struct hf_option *const hf__scenario_tables[HF__SECTION_COUNT] = {
	[HF__SECTION_ROOT] = root_table,
	[HF__SECTION_FABRIC] = fabric_table,
	[HF__SECTION_SM] = sm_table,
	[HF__SECTION_HOSTS] = hosts_table,
	[HF__SECTION_SERVICES] = services_table,
	[HF__SECTION_PROGRAM] = program_table,
	[HF__SECTION_FAULT] = fault_table,
};

const char *const hf__sm_reserved[] = {
	"routing_engine",	"engine",
	"event_plugin_name",	"the plugin that hfsim loads",
	"event_plugin_options",	"sm.plugin",
	"guid",			"sm.node",
	"log_file",		"the run's folder",
	NULL
};

const char *const hf__plugin_reserved[] = {
	"mode",			"mode",
	"trace",		"the run's folder",
	"services",		"services.file",
	"journal",		"the run's folder",
	NULL
};

const char *const hf__holdfastd_reserved[] = {
	"connect",		"hosts.connections",
	"programs_socket",	"the run's folder",
	"socket",		"the run's folder",
	"trace",		"the run's folder",
	NULL
};

static const char *const run_numbers[] = {
	"stale_paths", "stale_connections", "credit_loops_before", "credit_loops_without_update", "credit_loops_after",
	"packets_sent", "packets_lost", "packets_doubled", "ms_silent", "services_silent",
	"programs_ended", "programs_silent", "programs_on_wrong_sl", "work_requests_lost",
};

static const char *const fault_numbers[] = {
	"changed_paths", "hosts_told", "reports_sent", "reports_acked", "sa_queries", "path_records_received",
	"mads_total", "ms_routing_done", "ms_last_report_acked", "ms_last_host_done",
	"fault_packets_lost", "fault_packets_doubled", "fault_ms_silent", "services_moved", "ms_moved",
};

static const char *const must_ops[] = {
	[HF_MUST_EQ] = "=",
	[HF_MUST_NE] = "!=",
	[HF_MUST_LT] = "<",
	[HF_MUST_LE] = "<=",
	[HF_MUST_GT] = ">",
	[HF_MUST_GE] = ">=",
};

const char *hf_fault_kind_text(enum hf_fault_kind kind)
{
	return fault_kinds[kind];
}

static void settings_fini(struct hf_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		free(settings->items[i].name);
		free(settings->items[i].value);
	}
	free(settings->items);
}

void hf_scenario_free(struct hf_scenario *scenario)
{
	if (!scenario)
		return;
	for (size_t i = 0; i < scenario->program_count; i++) {
		free(scenario->programs[i].name);
		free(scenario->programs[i].command);
	}
	free(scenario->programs);
	for (size_t i = 0; i < scenario->fault_count; i++) {
		free(scenario->faults[i].name);
		free(scenario->faults[i].service);
	}
	for (size_t i = 0; i < scenario->must_count; i++) {
		free(scenario->musts[i].text);
		free(scenario->musts[i].fault);
	}
	settings_fini(&scenario->sm);
	settings_fini(&scenario->plugin);
	settings_fini(&scenario->holdfastd);
	hf_topology_free(scenario->topology);
	free(scenario->faults);
	free(scenario->musts);
	free(scenario->hosts);
	free(scenario->name);
	free(scenario->title);
	free(scenario->description);
	free(scenario->fabric);
	free(scenario->engine);
	free(scenario->services_file);
	free(scenario->hook_file);
	free(scenario);
}

int hf_scenario_load(const char *path, struct hf_scenario **ret_scenario, char **ret_error)
{
	struct hf__scenario_draft draft;
	int err = hf__scenario_read(path, &draft, ret_error);

	if (err)
		return err;
	err = hf__scenario_build(&draft, ret_scenario, ret_error);
	hf__scenario_draft_fini(&draft);
	return err;
}

static bool is_engine(const char *name, size_t length)
{
	static const char *const engines[] = {
		"minhop", "updn", "dnup", "file", "ftree", "lash", "dor", "torus-2QoS", "nue", "dfsssp", "sssp",
		"no_fallback",
	};

	for (size_t i = 0; i < COUNT(engines); i++)
		if (strlen(engines[i]) == length && !memcmp(engines[i], name, length))
			return true;
	return false;
}

int hf__engine_check(const char *engine, char **ret_error)
{
	const char *at = engine;

	for (;;) {
		size_t length = strcspn(at, ",");

		if (!is_engine(at, length))
			return hf__fail(-EINVAL, ret_error, "engine = %s: allowed is one or, with commas, several of "
					"minhop, updn, dnup, file, ftree, lash, dor, torus-2QoS, nue, dfsssp, sssp, "
					"no_fallback", engine);
		if (!at[length])
			return 0;
		at += length + 1;
	}
}

static size_t name_length(const char *text)
{
	size_t length = 0;

	while (isalnum((unsigned char)text[length]) || text[length] == '_' || text[length] == '-')
		length++;
	return length;
}

static int put_value(struct hf_settings *settings, const char *name, size_t length, const char *value)
{
	struct hf_setting setting = { .value = strdup(value) }, *items;

	if (!setting.value)
		return -ENOMEM;
	for (size_t i = 0; i < settings->count; i++)
		if (strlen(settings->items[i].name) == length && !memcmp(settings->items[i].name, name, length)) {
			free(settings->items[i].value);
			settings->items[i].value = setting.value;
			return 0;
		}
	setting.name = strndup(name, length);
	items = reallocarray(settings->items, settings->count + 1, sizeof(*items));
	if (items)
		settings->items = items;
	if (!items || !setting.name) {
		free(setting.name);
		free(setting.value);
		return -ENOMEM;
	}
	settings->items[settings->count++] = setting;
	return 0;
}

/* "name value" and "name = value". */
int hf__settings_put(struct hf_settings *settings, const char *const *reserved, const char *text, char **ret_error)
{
	size_t length = name_length(text);
	const char *value = text + length;

	value += strspn(value, " \t");
	if (*value == '=') {
		value++;
		value += strspn(value, " \t");
	}
	if (!length || value == text + length || !*value || strpbrk(value, "\r\n"))
		return hf__fail(-EINVAL, ret_error, "\"%s\": allowed is a name, then a value, on one line", text);
	for (; *reserved; reserved += 2)
		if (strlen(reserved[0]) == length && !memcmp(reserved[0], text, length))
			return hf__fail(-EINVAL, ret_error, "%s is set by the run itself, from %s", reserved[0],
					reserved[1]);
	return put_value(settings, text, length, value);
}

static const char *find_word(const char *const *words, size_t count, const char *text, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(words[i]) == length && !memcmp(words[i], text, length))
			return words[i];
	return NULL;
}

static int parse_must_name(const char **at, struct hf_must *must, char **ret_error)
{
	size_t length = name_length(*at);

	if ((*at)[length] == '.') {
		must->fault = strndup(*at, length);
		if (!must->fault)
			return -ENOMEM;
		*at += length + 1;
		length = name_length(*at);
	}
	if (!must->fault)
		must->name = find_word(run_numbers, COUNT(run_numbers), *at, length);
	if (!must->name) {
		must->name = find_word(fault_numbers, COUNT(fault_numbers), *at, length);
		must->of_fault = true;
	}
	if (!must->name)
		return hf__fail(-EINVAL, ret_error,
				"must \"%s\": allowed are the numbers stale_paths, stale_connections, credit_loops_before, "
				"credit_loops_without_update, credit_loops_after, packets_sent, packets_lost, "
				"packets_doubled, ms_silent, services_silent, programs_ended, programs_silent, "
				"programs_on_wrong_sl, work_requests_lost, and, of one fault (FAULT.NUMBER) or of each, changed_paths, hosts_told, reports_sent, reports_acked, sa_queries, "
				"path_records_received, mads_total, ms_routing_done, ms_last_report_acked, "
				"ms_last_host_done, fault_packets_lost, fault_packets_doubled, fault_ms_silent, "
				"services_moved, ms_moved", must->text);
	*at += length;
	*at += strspn(*at, " \t");
	return 0;
}

static int parse_must_op(const char **at, struct hf_must *must, char **ret_error)
{
	size_t length = strspn(*at, "<>=!");
	char *end;

	for (size_t i = 0; i < COUNT(must_ops); i++)
		if (strlen(must_ops[i]) == length && !memcmp(must_ops[i], *at, length)) {
			must->op = i;
			errno = 0;
			must->number = strtoll(*at + length, &end, 10);
			if (errno || end == *at + length)
				break;
			*at = end + strspn(end, " \t");
			return 0;
		}
	return hf__fail(-EINVAL, ret_error,
			"must \"%s\": allowed behind the name is =, !=, <, <=, > or >= and a number", must->text);
}

static int parse_must_mode(const char *at, struct hf_must *must, char **ret_error)
{
	size_t modes = COUNT(hf__scenario_modes) - 1;

	if (!*at)
		return 0;
	if (!strncmp(at, "in", 2) && (at[2] == ' ' || at[2] == '\t')) {
		at += 3;
		at += strspn(at, " \t");
		must->mode = find_word(hf__scenario_modes, modes, at, strlen(at));
		if (must->mode)
			return 0;
	}
	return hf__fail(-EINVAL, ret_error, "must \"%s\": allowed behind the number is nothing, or \"in\" and "
			"targeted, hybrid, wildcard, repath-only or off", must->text);
}

int hf__must_parse(const char *text, struct hf_must *ret_must, char **ret_error)
{
	struct hf_must must = { .text = strdup(text) };
	const char *at = text + strspn(text, " \t");
	int err;

	if (!must.text)
		return -ENOMEM;
	err = parse_must_name(&at, &must, ret_error);
	if (!err)
		err = parse_must_op(&at, &must, ret_error);
	if (!err)
		err = parse_must_mode(at, &must, ret_error);
	if (err)
		goto err_free;
	*ret_must = must;
	return 0;

err_free:
	free(must.text);
	free(must.fault);
	return err;
}

bool hf_must_holds(const struct hf_must *must, long long number)
{
	switch (must->op) {
	case HF_MUST_EQ:
		return number == must->number;
	case HF_MUST_NE:
		return number != must->number;
	case HF_MUST_LT:
		return number < must->number;
	case HF_MUST_LE:
		return number <= must->number;
	case HF_MUST_GT:
		return number > must->number;
	case HF_MUST_GE:
		return number >= must->number;
	}
	return false;
}

static int set_engine(struct hf_scenario *scenario, const char *value, char **ret_error)
{
	int err = hf__engine_check(value, ret_error);
	char *copy;

	if (err)
		return err;
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(scenario->engine);
	scenario->engine = copy;
	return 0;
}

static int set_mode(struct hf_scenario *scenario, const char *value, char **ret_error)
{
	struct hf__sm_values values = { 0 };
	int err = hf_options_set(sm_table, "mode", value, &values, ret_error);

	if (!err)
		scenario->mode = hf__scenario_modes[values.mode];
	return err;
}

static int set_lanes(struct hf_scenario *scenario, const char *value, char **ret_error)
{
	struct hf__fabric_values values = { 0 };
	int err = hf_options_set(fabric_table, "lanes", value, &values, ret_error);

	if (!err)
		scenario->lanes = hf__scenario_lanes[values.lanes];
	return err;
}

static int set_watchdog(struct hf_scenario *scenario, const char *value, char **ret_error)
{
	struct hf__root_values values = { 0 };
	int err = hf_options_set(root_table, "watchdog_s", value, &values, ret_error);

	if (!err)
		scenario->watchdog_s = values.watchdog_s;
	return err;
}

static int set_seed(struct hf_scenario *scenario, const char *value, char **ret_error)
{
	struct hf__hosts_values values = { 0 };
	int err = hf_options_set(hosts_table, "seed", value, &values, ret_error);

	if (!err)
		scenario->seed = values.seed;
	return err;
}

static int set_hosts_per_daemon(struct hf_scenario *scenario, const char *value, char **ret_error)
{
	struct hf__hosts_values values = { 0 };
	int err = hf_options_set(hosts_table, "hosts_per_daemon", value, &values, ret_error);

	if (!err && scenario->program_count && values.hosts_per_daemon != 1)
		return hf__fail(-EINVAL, ret_error, "hosts_per_daemon = %s: allowed is 1 in a scenario with programs",
				value);
	if (!err)
		scenario->hosts_per_daemon = values.hosts_per_daemon;
	return err;
}

/* Of all programs. */
static int set_strategy(struct hf_scenario *scenario, const char *value, char **ret_error)
{
	struct hf__program_values values = { 0 };
	int err = hf_options_set(program_table, "strategy", value, &values, ret_error);

	for (size_t i = 0; !err && i < scenario->program_count; i++)
		scenario->programs[i].strategy = hf__scenario_strategies[values.strategy];
	return err;
}

int hf_scenario_set(struct hf_scenario *scenario, const char *setting, char **ret_error)
{
	static const struct {
		const char *name;
		int (*set)(struct hf_scenario *scenario, const char *value, char **ret_error);
	} names[] = {
		{ "mode=",		set_mode },
		{ "engine=",		set_engine },
		{ "lanes=",		set_lanes },
		{ "watchdog_s=",	set_watchdog },
		{ "hosts_per_daemon=",	set_hosts_per_daemon },
		{ "seed=",		set_seed },
		{ "strategy=",		set_strategy },
	};

	if (!strncmp(setting, PLUGIN_PREFIX, strlen(PLUGIN_PREFIX)) && strchr(setting, '='))
		return hf__settings_put(&scenario->plugin, hf__plugin_reserved, setting + strlen(PLUGIN_PREFIX),
					ret_error);
	if (!strncmp(setting, SM_PREFIX, strlen(SM_PREFIX)) && strchr(setting, '='))
		return hf__settings_put(&scenario->sm, hf__sm_reserved, setting + strlen(SM_PREFIX), ret_error);
	if (!strncmp(setting, HOST_PREFIX, strlen(HOST_PREFIX)) && strchr(setting, '='))
		return hf__settings_put(&scenario->holdfastd, hf__holdfastd_reserved, setting + strlen(HOST_PREFIX),
					ret_error);
	for (size_t i = 0; i < COUNT(names); i++)
		if (!strncmp(setting, names[i].name, strlen(names[i].name)))
			return names[i].set(scenario, setting + strlen(names[i].name), ret_error);
	return hf__fail(-EINVAL, ret_error, "\"%s\": allowed is mode=, engine=, lanes=, watchdog_s=, "
			"hosts_per_daemon=, seed=, strategy=, plugin.NAME=, sm.NAME= or holdfastd.NAME= and a value", setting);
}
