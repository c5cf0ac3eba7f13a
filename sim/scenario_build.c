/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/scenario_draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fail.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define ENDING		".conf"
#define FABRIC_MAX	4096	/* characters of a fabric in words or of its file's path */

struct building {
	const struct hf__scenario_draft *draft;
	struct hf_scenario *scenario;
	char **ret_error;
};

/* Puts the place in front of what a check said, and frees that; NULL where memory ran out. */
static int fail_at(struct building *building, unsigned int line, int err, char *text)
{
	int result = -ENOMEM;

	if (text && err != -ENOMEM)
		result = hf__fail(err, building->ret_error, "%s:%u: %s", building->draft->path, line, text);
	free(text);
	return result;
}

#define FAIL(building, line, format, ...) \
	hf__fail(-EINVAL, (building)->ret_error, "%s:%u: " format, (building)->draft->path, line, ##__VA_ARGS__)

static int copy(char **where, const char *text)
{
	*where = strdup(text ? text : "");
	return *where ? 0 : -ENOMEM;
}

static int name_scenario(struct building *building)
{
	const char *slash = strrchr(building->draft->path, '/');
	const char *file = slash ? slash + 1 : building->draft->path;
	size_t length = strlen(file), ending = strlen(ENDING);

	if (length > ending && !strcmp(file + length - ending, ENDING))
		length -= ending;
	building->scenario->name = strndup(file, length);
	return building->scenario->name ? 0 : -ENOMEM;
}

/* A file that the scenario names is beside it, unless its path is absolute. */
static void beside_scenario(const struct building *building, const char *file, char *path, size_t size)
{
	const char *slash = strrchr(building->draft->path, '/');
	int folder = *file == '/' || !slash ? 0 : slash + 1 - building->draft->path;

	snprintf(path, size, "%.*s%s", folder, building->draft->path, file);
}

static int load_fabric_file(struct building *building, unsigned int line)
{
	const char *file = building->draft->fabric.file;
	char path[FABRIC_MAX], *error = NULL;
	int err;

	beside_scenario(building, file, path, sizeof(path));
	err = copy(&building->scenario->fabric, path);
	if (!err)
		err = hf_topology_load(path, &building->scenario->topology, &error);
	return err ? fail_at(building, line, err, error) : 0;
}

static int generate_fabric(struct building *building, unsigned int line)
{
	const struct hf__fabric_values *fabric = &building->draft->fabric;
	char words[FABRIC_MAX], *error = NULL;
	int err;

	snprintf(words, sizeof(words), "%s %s", fabric->kind, fabric->size);
	err = copy(&building->scenario->fabric, words);
	if (!err)
		err = hf_topology_from_spec(fabric->kind, fabric->size, fabric->hosts, fabric->sm_host,
					    &building->scenario->topology, &error);
	return err ? fail_at(building, line, err, error) : 0;
}

static int make_fabric(struct building *building)
{
	const struct hf__fabric_values *fabric = &building->draft->fabric;
	const unsigned int *lines = building->draft->lines[HF__SECTION_FABRIC];

	building->scenario->lanes = hf__scenario_lanes[fabric->lanes];
	if (fabric->file && (fabric->kind || fabric->size || lines[HF__FABRIC_HOSTS] || lines[HF__FABRIC_SM_HOST]))
		return FAIL(building, lines[HF__FABRIC_FILE],
			    "file = %s: allowed is a file alone, or kind, size, hosts and sm_host", fabric->file);
	if (fabric->file)
		return load_fabric_file(building, lines[HF__FABRIC_FILE]);
	if (fabric->kind && fabric->size)
		return generate_fabric(building, lines[HF__FABRIC_SIZE]);
	return hf__fail(-EINVAL, building->ret_error, "%s: section fabric needs kind and size, or file",
			building->draft->path);
}

static int find_node(struct building *building, unsigned int line, const char *what, const char *name,
		     struct hf_topology_node **ret_node)
{
	*ret_node = hf_topology_find_name(building->scenario->topology, name);
	if (*ret_node)
		return 0;
	return FAIL(building, line, "%s = %s: allowed is a node of the fabric (%s)", what, name,
		    building->scenario->fabric);
}

static int find_sm(struct building *building)
{
	struct hf_scenario *scenario = building->scenario;
	struct hf_topology *topology = scenario->topology;
	const char *name = building->draft->sm.node;
	unsigned int line = building->draft->lines[HF__SECTION_SM][HF__SM_NODE];
	int err;

	if (name) {
		err = find_node(building, line, "node", name, &scenario->sm_node);
		if (!err && scenario->sm_node->type != HF_NODE_CA)
			return FAIL(building, line, "node = %s: allowed is a channel adapter", name);
		return err;
	}
	scenario->sm_node = hf_topology_find_name(topology, HF_TOPOLOGY_SM_NAME);
	for (unsigned int i = 0; i < topology->node_count && !scenario->sm_node; i++)
		if (topology->nodes[i]->type == HF_NODE_CA)
			scenario->sm_node = topology->nodes[i];
	if (!scenario->sm_node)
		return hf__fail(-EINVAL, building->ret_error, "%s: the fabric (%s) needs a channel adapter for the SM",
				building->draft->path, scenario->fabric);
	return 0;
}

static int find_standby(struct building *building)
{
	struct hf_scenario *scenario = building->scenario;
	const char *name = building->draft->sm.standby;
	unsigned int line = building->draft->lines[HF__SECTION_SM][HF__SM_STANDBY];
	int err;

	if (!name)
		return 0;
	err = find_node(building, line, "standby", name, &scenario->standby_node);
	if (!err && (scenario->standby_node->type != HF_NODE_CA || scenario->standby_node == scenario->sm_node))
		return FAIL(building, line, "standby = %s: allowed is a channel adapter other than the SM's", name);
	return err;
}

/* Where the SM or the sender is, no holdfastd runs. */
static bool is_taken(const struct hf_scenario *scenario, const struct hf_topology_node *node)
{
	return node == scenario->sm_node || node == scenario->standby_node || node == scenario->sender;
}

static int put_settings(struct building *building, const struct hf__items *items, const char *const *reserved,
			struct hf_settings *settings)
{
	for (size_t i = 0; i < items->count; i++) {
		char *error = NULL;
		int err = hf__settings_put(settings, reserved, items->items[i].text, &error);

		if (err)
			return fail_at(building, items->items[i].line, err, error);
	}
	return 0;
}

static int set_up_sm(struct building *building)
{
	const struct hf__scenario_draft *draft = building->draft;
	struct hf_scenario *scenario = building->scenario;
	int err = find_sm(building);

	if (!err)
		err = find_standby(building);
	scenario->mode = hf__scenario_modes[draft->sm.mode];
	if (!err)
		err = copy(&scenario->engine, draft->sm.engine);
	if (!err)
		err = put_settings(building, &draft->opensm, hf__sm_reserved, &scenario->sm);
	if (!err)
		err = put_settings(building, &draft->plugin, hf__plugin_reserved, &scenario->plugin);
	return err;
}

static bool is_host(const struct hf_scenario *scenario, const struct hf_topology_node *node)
{
	for (size_t i = 0; i < scenario->host_count; i++)
		if (scenario->hosts[i] == node)
			return true;
	return false;
}

static void take_all_hosts(struct hf_scenario *scenario)
{
	struct hf_topology *topology = scenario->topology;

	for (unsigned int i = 0; i < topology->node_count; i++)
		if (topology->nodes[i]->type == HF_NODE_CA && !is_taken(scenario, topology->nodes[i]))
			scenario->hosts[scenario->host_count++] = topology->nodes[i];
}

static int take_host(struct building *building, const struct hf__item *item)
{
	struct hf_scenario *scenario = building->scenario;
	struct hf_topology_node *node;
	int err = find_node(building, item->line, "run", item->text, &node);

	if (err)
		return err;
	if (node->type != HF_NODE_CA || is_taken(scenario, node) || is_host(scenario, node))
		return FAIL(building, item->line,
			    "run = %s: allowed is all, or channel adapters other than the SM's and the sender's, "
			    "each once", item->text);
	scenario->hosts[scenario->host_count++] = node;
	return 0;
}

static int set_up_services(struct building *building)
{
	const struct hf__services_values *services = &building->draft->services;
	const unsigned int *lines = building->draft->lines[HF__SECTION_SERVICES];
	struct hf_scenario *scenario = building->scenario;
	char path[FABRIC_MAX];
	int err;

	if (!services->file && !services->from && !services->hook && !lines[HF__SERVICES_INTERVAL])
		return 0;
	if (!services->file || !services->from)
		return hf__fail(-EINVAL, building->ret_error, "%s: section services needs file and from",
				building->draft->path);
	beside_scenario(building, services->file, path, sizeof(path));
	err = copy(&scenario->services_file, path);
	if (!err && services->hook) {
		beside_scenario(building, services->hook, path, sizeof(path));
		err = copy(&scenario->hook_file, path);
	}
	if (!err)
		err = find_node(building, lines[HF__SERVICES_FROM], "from", services->from, &scenario->sender);
	if (err)
		return err;
	if (scenario->sender->type != HF_NODE_CA || scenario->sender == scenario->sm_node ||
	    scenario->sender == scenario->standby_node)
		return FAIL(building, lines[HF__SERVICES_FROM], "from = %s: allowed is a channel adapter other than "
			    "the SM's", services->from);
	scenario->interval_us = services->interval_us;
	return 0;
}

#define HOSTS_MAX	4000u	/* hfsim-mux has 4096 slots, and diagnostics take some */

static int set_up_hosts(struct building *building)
{
	const struct hf__items *run = &building->draft->run;
	struct hf_scenario *scenario = building->scenario;
	int err = 0;

	scenario->hosts_per_daemon = building->draft->hosts.hosts_per_daemon;
	scenario->disorder = building->draft->hosts.disorder;
	scenario->seed = building->draft->hosts.seed;
	scenario->connect_all = building->draft->hosts.connections == 0;
	scenario->hosts = calloc(scenario->topology->node_count, sizeof(*scenario->hosts));
	if (!scenario->hosts)
		return -ENOMEM;
	if (!run->count || (run->count == 1 && !strcmp(run->items[0].text, "all")))
		take_all_hosts(scenario);
	else
		for (size_t i = 0; i < run->count && !err; i++)
			err = take_host(building, &run->items[i]);
	if (!err && scenario->host_count > HOSTS_MAX)
		err = hf__fail(-EINVAL, building->ret_error, "%s: holdfastd would run on %zu hosts: allowed are %u, so "
			       "name them in run", building->draft->path, scenario->host_count, HOSTS_MAX);
	if (!err)
		err = put_settings(building, &building->draft->holdfastd, hf__holdfastd_reserved, &scenario->holdfastd);
	return err;
}

static int find_program_host(struct building *building, unsigned int line, const char *what, const char *name,
			     struct hf_topology_node **ret_node)
{
	int err = find_node(building, line, what, name, ret_node);

	if (!err && !is_host(building->scenario, *ret_node))
		return FAIL(building, line, "%s = %s: allowed is a host where holdfastd runs", what, name);
	return err;
}

static int add_program(struct building *building, const struct hf__titled_draft *draft)
{
	const struct hf__program_values *values = &draft->values.program;
	struct hf_scenario *scenario = building->scenario;
	struct hf_program *program = &scenario->programs[scenario->program_count++];
	int err;

	if (!values->run || !values->server || !values->client)
		return FAIL(building, draft->line, "program %s needs run, server and client", draft->name);
	program->strategy = hf__scenario_strategies[values->strategy];
	program->model = hf__scenario_models[values->model];
	err = copy(&program->name, draft->name);
	if (!err)
		err = copy(&program->command, values->run);
	if (!err && strspn(program->command, " ") == strlen(program->command))
		return FAIL(building, draft->lines[HF__PROGRAM_RUN], "run = \"%s\": allowed is a program and its "
			    "arguments", values->run);
	if (!err)
		err = find_program_host(building, draft->lines[HF__PROGRAM_SERVER], "server", values->server,
					&program->server);
	if (!err)
		err = find_program_host(building, draft->lines[HF__PROGRAM_CLIENT], "client", values->client,
					&program->client);
	if (!err && program->server == program->client)
		return FAIL(building, draft->lines[HF__PROGRAM_CLIENT], "client = %s: allowed is another host than the "
			    "server", values->client);
	return err;
}

static int add_programs(struct building *building)
{
	const struct hf__scenario_draft *draft = building->draft;
	int err = 0;

	building->scenario->programs = calloc(draft->programs.count + 1, sizeof(struct hf_program));
	if (!building->scenario->programs)
		return -ENOMEM;
	for (size_t i = 0; i < draft->programs.count && !err; i++)
		err = add_program(building, &draft->programs.drafts[i]);
	/* A program finds its daemon by the host's name. */
	if (!err && draft->programs.count)
		building->scenario->hosts_per_daemon = 1;
	return err;
}

/* What tells where a fault strikes. */
enum {
	BY_LINK = 1,
	BY_PORT = 2,
	BY_NODE = 4,
	BY_PERCENT = 8,
	BY_SERVICE = 16,
};

#define LINK_TEXT	"link = { NODE, NODE } or port = \"NODE[PORT]\""
#define PORT_TEXT	"port = \"NODE[PORT]\""
#define NODE_TEXT	"node = NODE"
#define SERVICE_TEXT	"service = SERVICE"

static const struct {
	unsigned int by, or_by;
	const char *by_text;
	bool is_of_host;	/* the node must be one where holdfastd runs */
	int undoes;		/* the kind that must have come before; -1: none */
} kinds[] = {
	[HF_FAULT_UNLINK] = { BY_LINK, BY_PORT, LINK_TEXT, false, -1 },
	[HF_FAULT_RELINK] = { BY_LINK, BY_PORT, LINK_TEXT, false, HF_FAULT_UNLINK },
	[HF_FAULT_NODE_DOWN] = { BY_NODE, BY_NODE, NODE_TEXT, false, -1 },
	[HF_FAULT_NODE_UP] = { BY_NODE, BY_NODE, NODE_TEXT, false, HF_FAULT_NODE_DOWN },
	[HF_FAULT_PORT_DOWN] = { BY_PORT, BY_PORT, PORT_TEXT, false, -1 },
	[HF_FAULT_PORT_UP] = { BY_PORT, BY_PORT, PORT_TEXT, false, HF_FAULT_PORT_DOWN },
	[HF_FAULT_LOSSY] = { BY_PORT | BY_PERCENT, BY_PORT | BY_PERCENT, PORT_TEXT " and percent", false, -1 },
	[HF_FAULT_SWITCH_RESET] = { BY_NODE, BY_NODE, NODE_TEXT, false, -1 },
	[HF_FAULT_FAILOVER] = { BY_SERVICE, BY_SERVICE | BY_NODE, SERVICE_TEXT " and perhaps " NODE_TEXT, false, -1 },
	[HF_FAULT_FAILBACK] = { BY_SERVICE, BY_SERVICE, SERVICE_TEXT, false, -1 },
	[HF_FAULT_SM_RESTART] = { 0, 0, "nothing", false, -1 },
	[HF_FAULT_SM_KILL] = { 0, 0, "nothing", false, -1 },
	[HF_FAULT_SM_DOWN] = { 0, 0, "nothing", false, -1 },
	[HF_FAULT_SM_UP] = { 0, 0, "nothing", false, HF_FAULT_SM_DOWN },
	[HF_FAULT_SM_STOP] = { 0, 0, "nothing", false, -1 },
	[HF_FAULT_SM_CONT] = { 0, 0, "nothing", false, HF_FAULT_SM_STOP },
	[HF_FAULT_DAEMON_START] = { BY_NODE, BY_NODE, NODE_TEXT, true, HF_FAULT_DAEMON_KILL },
	[HF_FAULT_DAEMON_KILL] = { BY_NODE, BY_NODE, NODE_TEXT, true, -1 },
	[HF_FAULT_DAEMON_STOP] = { BY_NODE, BY_NODE, NODE_TEXT, true, -1 },
	[HF_FAULT_DAEMON_CONT] = { BY_NODE, BY_NODE, NODE_TEXT, true, HF_FAULT_DAEMON_STOP },
};

static int check_fault_values(struct building *building, const struct hf__titled_draft *draft)
{
	enum hf_fault_kind kind = draft->values.fault.kind;
	unsigned int by = 0;

	if (!draft->lines[HF__FAULT_KIND])
		return FAIL(building, draft->line, "fault %s needs a kind", draft->name);
	by |= draft->link.count ? BY_LINK : 0;
	by |= draft->lines[HF__FAULT_PORT] ? BY_PORT : 0;
	by |= draft->lines[HF__FAULT_NODE] ? BY_NODE : 0;
	by |= draft->lines[HF__FAULT_PERCENT] ? BY_PERCENT : 0;
	by |= draft->lines[HF__FAULT_SERVICE] ? BY_SERVICE : 0;
	if ((by == kinds[kind].by || by == kinds[kind].or_by) && (!draft->link.count || draft->link.count == 2))
		return 0;
	return FAIL(building, draft->lines[HF__FAULT_KIND], "fault %s: with kind = %s allowed is %s", draft->name,
		    hf_fault_kind_text(kind), kinds[kind].by_text);
}

/* "S_1_0[4]" */
static int find_port(struct building *building, const struct hf__titled_draft *draft, struct hf_fault *fault)
{
	const char *text = draft->values.fault.port, *bracket = strrchr(text, '[');
	unsigned int line = draft->lines[HF__FAULT_PORT];
	char name[HF_TOPOLOGY_NAME_MAX + 1], end;
	int err;

	if (!bracket || bracket - text > HF_TOPOLOGY_NAME_MAX || sscanf(bracket, "[%3u%c", &fault->port, &end) != 2 ||
	    end != ']' || strchr(bracket, ']')[1])
		return FAIL(building, line, "port = %s: allowed is \"NODE[PORT]\"", text);
	snprintf(name, sizeof(name), "%.*s", (int)(bracket - text), text);
	err = find_node(building, line, "port", name, &fault->node);
	if (err)
		return err;
	if (fault->port < 1 || fault->port > fault->node->port_count || !fault->node->ports[fault->port].remote)
		return FAIL(building, line, "port = %s: allowed is a port with a cable, from 1 to %u", text,
			    fault->node->port_count);
	return 0;
}

static int find_link(struct building *building, const struct hf__titled_draft *draft, struct hf_fault *fault)
{
	const struct hf__item *ends = draft->link.items;
	struct hf_topology_node *remote;
	int err = find_node(building, ends[0].line, "link", ends[0].text, &fault->node);

	if (!err)
		err = find_node(building, ends[1].line, "link", ends[1].text, &remote);
	if (err)
		return err;
	fault->port = hf_topology_find_link(fault->node, remote);
	if (!fault->port)
		return FAIL(building, ends[1].line,
			    "link = { %s, %s }: allowed are two nodes with a cable between them", ends[0].text,
			    ends[1].text);
	return 0;
}

static bool is_same_place(const struct hf_fault *a, const struct hf_fault *b)
{
	return (a->node == b->node && a->port == b->port) ||
	       (a->remote && a->remote == b->node && a->remote_port == b->port);
}

static int check_undoes(struct building *building, const struct hf_fault *fault, int undoes)
{
	const struct hf_scenario *scenario = building->scenario;

	for (size_t i = 0; i < scenario->fault_count; i++)
		if ((int)scenario->faults[i].kind == undoes && is_same_place(&scenario->faults[i], fault))
			return 0;
	return FAIL(building, fault->line, "fault %s: kind = %s is allowed behind a %s at the same place only",
		    fault->name, hf_fault_kind_text(fault->kind), hf_fault_kind_text(undoes));
}

static int place_fault(struct building *building, const struct hf__titled_draft *draft, struct hf_fault *fault)
{
	unsigned int node_line = draft->lines[HF__FAULT_NODE];
	int err = 0;

	if (draft->link.count)
		err = find_link(building, draft, fault);
	else if (draft->values.fault.port)
		err = find_port(building, draft, fault);
	else if (draft->values.fault.node)
		err = find_node(building, node_line, "node", draft->values.fault.node, &fault->node);
	if (err)
		return err;
	if (kinds[fault->kind].by & BY_LINK) {
		fault->remote = fault->node->ports[fault->port].remote;
		fault->remote_port = fault->node->ports[fault->port].remote_port;
	}
	if (fault->kind == HF_FAULT_SWITCH_RESET && fault->node->type != HF_NODE_SWITCH)
		return FAIL(building, node_line, "node = %s: allowed is a switch", draft->values.fault.node);
	if (draft->values.fault.service && !building->scenario->services_file)
		return FAIL(building, draft->lines[HF__FAULT_SERVICE], "service = %s: allowed with a section services "
			    "only", draft->values.fault.service);
	if (kinds[fault->kind].is_of_host && !is_host(building->scenario, fault->node))
		return FAIL(building, node_line, "node = %s: allowed is a host where holdfastd runs",
			    draft->values.fault.node);
	return 0;
}

/* Whether the subnet manager is on one side of it and the rest of the fabric on the other. */
static bool cuts_sm_off(const struct hf_scenario *scenario, const struct hf_fault *fault)
{
	const struct hf_topology_node *sm = scenario->sm_node;
	const struct hf_topology_port *port = &sm->ports[hf_topology_first_port(sm)];

	if (fault->kind == HF_FAULT_NODE_DOWN)
		return fault->node == sm || fault->node == port->remote;
	return (fault->kind == HF_FAULT_UNLINK || fault->kind == HF_FAULT_PORT_DOWN) &&
	       (fault->node == sm || fault->node->ports[fault->port].remote == sm);
}

/* Without a standby nobody would find out what has changed, and the next fault would wait for it in vain. */
static int check_sm_stays(struct building *building, const struct hf_fault *fault)
{
	const struct hf_scenario *scenario = building->scenario;

	if (!fault->wait_settled || scenario->standby_node || !cuts_sm_off(scenario, fault))
		return 0;
	return FAIL(building, fault->line, "fault %s: it cuts off %s, where opensm runs: allowed with wait = none, with a "
		    "standby, or with another node in section sm", fault->name, scenario->sm_node->name);
}

static int add_fault(struct building *building, const struct hf__titled_draft *draft)
{
	struct hf_scenario *scenario = building->scenario;
	struct hf_fault *fault = &scenario->faults[scenario->fault_count];
	int err = check_fault_values(building, draft);

	if (err)
		return err;
	fault->kind = draft->values.fault.kind;
	fault->percent = draft->values.fault.percent;
	fault->after_ms = draft->values.fault.after_ms;
	fault->wait_settled = draft->values.fault.wait == 0;
	fault->line = draft->lines[HF__FAULT_KIND];
	err = place_fault(building, draft, fault);
	if (!err)
		err = copy(&fault->name, draft->name);
	if (!err && draft->values.fault.service)
		err = copy(&fault->service, draft->values.fault.service);
	if (!err && kinds[fault->kind].undoes >= 0)
		err = check_undoes(building, fault, kinds[fault->kind].undoes);
	if (!err)
		err = check_sm_stays(building, fault);
	if (!err) {
		scenario->fault_count++;
	} else {
		free(fault->name);
		free(fault->service);
	}
	return err;
}

static int add_faults(struct building *building)
{
	const struct hf__scenario_draft *draft = building->draft;
	int err = 0;

	building->scenario->faults = calloc(draft->faults.count + 1, sizeof(struct hf_fault));
	if (!building->scenario->faults)
		return -ENOMEM;
	for (size_t i = 0; i < draft->faults.count && !err; i++)
		err = add_fault(building, &draft->faults.drafts[i]);
	return err;
}

static bool has_fault(const struct hf_scenario *scenario, const char *name)
{
	for (size_t i = 0; i < scenario->fault_count; i++)
		if (!strcmp(scenario->faults[i].name, name))
			return true;
	return false;
}

static int add_must(struct building *building, const struct hf__item *item)
{
	struct hf_scenario *scenario = building->scenario;
	struct hf_must *must = &scenario->musts[scenario->must_count];
	char *error = NULL;
	int err = hf__must_parse(item->text, must, &error);

	if (err)
		return fail_at(building, item->line, err, error);
	scenario->must_count++;
	if (must->fault && !has_fault(scenario, must->fault))
		return FAIL(building, item->line, "must \"%s\": allowed before the point is the name of a fault",
			    must->text);
	return 0;
}

static int add_musts(struct building *building)
{
	const struct hf__items *musts = &building->draft->must;
	int err = 0;

	building->scenario->musts = calloc(musts->count + 1, sizeof(struct hf_must));
	if (!building->scenario->musts)
		return -ENOMEM;
	for (size_t i = 0; i < musts->count && !err; i++)
		err = add_must(building, &musts->items[i]);
	return err;
}

/* A string that goes on over several lines in the file is one line for its readers. */
static int copy_line(char **where, const char *text)
{
	int err = copy(where, text);

	for (char *c = *where; c && (c = strpbrk(c, "\r\n\t")) != NULL; )
		*c = ' ';
	return err;
}

static int copy_root(struct building *building)
{
	struct hf_scenario *scenario = building->scenario;
	int err = name_scenario(building);

	if (!err)
		err = copy_line(&scenario->title, building->draft->root.title);
	if (!err)
		err = copy_line(&scenario->description, building->draft->root.description);
	scenario->watchdog_s = building->draft->root.watchdog_s;
	scenario->measured = building->draft->root.measure;
	return err;
}

int hf__scenario_build(const struct hf__scenario_draft *draft, struct hf_scenario **ret_scenario, char **ret_error)
{
	static int (*const steps[])(struct building *building) = { copy_root, make_fabric, set_up_sm, set_up_services,
								   set_up_hosts, add_programs, add_faults,
								   add_musts };
	struct building building = { .draft = draft, .ret_error = ret_error };
	int err = 0;

	building.scenario = calloc(1, sizeof(*building.scenario));
	if (!building.scenario)
		return -ENOMEM;
	for (size_t i = 0; i < COUNT(steps) && !err; i++)
		err = steps[i](&building);
	if (err)
		goto err_free;
	*ret_scenario = building.scenario;
	return 0;

err_free:
	hf_scenario_free(building.scenario);
	return err;
}
