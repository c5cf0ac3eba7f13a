/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_soak_plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_KIND	"random"
#define RANDOM_PORTS	16	/* of a switch */
#define RANDOM_SWITCHES	40	/* at most */
#define SWITCH_GUID	UINT64_C(0x0002c90000010000)
#define HOST_GUID	UINT64_C(0x0002c90000200000)
#define GUID_STEP	0x10
#define HOSTS_MAX	24	/* where their number is drawn; a fourth with LMC 2, so that answers stay small */

static const char *const any_fabrics[] = {
	"random:4", "random:6", "random:8", "random:10", "random:12", "random:16", "random:20", "mesh:3x2", "mesh:3x3",
	"mesh:4x3", "ring:5", "torus:3x3", "torus:4x3", "fat-tree:4", "leaf-spine:4x2", "leaf-spine:6x3", NULL,
};
static const char *const grid_fabrics[] = {
	"mesh:3x2", "mesh:3x3", "mesh:4x3", "mesh:2x2x2", "mesh:3x2x2", "torus:3x3", "torus:4x3", "torus:4x4", "ring:4",
	"ring:6", NULL,
};
static const char *const tree_fabrics[] = {
	"fat-tree:4", "leaf-spine:4x2", "leaf-spine:3x2x2", "leaf-spine:6x3", "leaf-spine:8x4", NULL,
};
static const char *const lash_fabrics[] = {
	"mesh:3x2", "mesh:3x3", "mesh:4x3", "mesh:2x2x2", "ring:5", "ring:6", "ring:8", "torus:3x3", "torus:4x4",
	"torus:3x3x2", "random:6", "random:10", "random:16", NULL,
};
static const char *const torus_fabrics[] = {
	"torus:3x3x2", "torus:5x3x1", "torus:4x4x1", "torus:3x2x2", "torus:5x4x1", "torus:3x3x1", NULL,
};

const struct hf_soak_engine hf_soak_engines[] = {
	{ .name = "minhop", .fabrics = any_fabrics, .cuts_max = 5, .second = "updn" },
	{ .name = "updn", .fabrics = any_fabrics, .cuts_max = 5, .second = "minhop" },
	{ .name = "dnup", .fabrics = any_fabrics, .cuts_max = 5, .second = "updn" },
	{ .name = "ftree", .fabrics = tree_fabrics, .cuts_max = 3, .second = "minhop" },
	{ .name = "lash", .fabrics = lash_fabrics, .cuts_max = 4, .second = "minhop" },
	{ .name = "dor", .fabrics = grid_fabrics, .cuts_max = 5, .second = "lash" },
	{ .name = "torus-2QoS", .fabrics = torus_fabrics, .needs_qos = true, .cuts_max = 2, .second = "minhop" },
	{ .name = "dfsssp", .fabrics = any_fabrics, .is_drawn = true, .cuts_max = 5, .second = "sssp" },
	{ .name = "sssp", .fabrics = any_fabrics, .cuts_max = 5, .second = "minhop" },
	{ .name = "nue", .fabrics = any_fabrics, .needs_qos = true, .cuts_max = 5, .second = "minhop" },
	{ .name = NULL },
};

const struct hf_soak_engine *hf_soak_engine_find(const char *name)
{
	for (const struct hf_soak_engine *engine = hf_soak_engines; engine->name; engine++)
		if (strcmp(engine->name, name) == 0)
			return engine;
	return NULL;
}

uint64_t hf_soak_next_seed(uint64_t seed)
{
	struct hf_random random = { seed };

	/* Short enough to be typed. */
	return hf_random_next(&random) >> 32;
}

static int fail(char **ret_error, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int fail(char **ret_error, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(ret_error, format, args) < 0)
		*ret_error = NULL;
	va_end(args);
	return err;
}

static unsigned int free_port(const struct hf_topology_node *node)
{
	for (unsigned int i = 1; i <= node->port_count; i++)
		if (!node->ports[i].remote)
			return i;
	return 0;
}

/* Where a port is left at both. */
static void connect(struct hf_topology_node *a, struct hf_topology_node *b)
{
	unsigned int port_a = free_port(a), port_b = free_port(b);

	if (a != b && port_a != 0 && port_b != 0)
		hf_topology_connect(a, port_a, b, port_b);
}

static int add_switches(struct hf_soak_plan *plan, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct hf_topology_node *node;
		char name[32];
		int err;

		snprintf(name, sizeof(name), "S_%u", i);
		err = hf_topology_add_node(plan->topology, HF_NODE_SWITCH, name, SWITCH_GUID + i * GUID_STEP,
					   RANDOM_PORTS, &node);
		if (err)
			return err;
		/* A tree first, so that all of it hangs together. */
		if (i > 0)
			connect(plan->topology->nodes[hf_random_below(&plan->random, i)], node);
	}
	for (unsigned int i = 0; i < count; i++)
		connect(plan->topology->nodes[hf_random_below(&plan->random, count)],
			plan->topology->nodes[hf_random_below(&plan->random, count)]);
	return 0;
}

static int add_host(struct hf_soak_plan *plan, const char *name, unsigned int number, unsigned int n_ports,
		    struct hf_topology_node *at)
{
	struct hf_topology_node *host;
	int err = hf_topology_add_node(plan->topology, HF_NODE_CA, name, HOST_GUID + number * GUID_STEP, n_ports,
				       &host);

	if (!err)
		connect(host, at);
	return err;
}

/* Hosts of one port or two on random switches; the second port of a host on another switch, or on the same. */
static int add_hosts(struct hf_soak_plan *plan, unsigned int n_switches, unsigned int count)
{
	int err = add_host(plan, HF_TOPOLOGY_SM_NAME, 0, 1, plan->topology->nodes[0]);

	for (unsigned int i = 1; i <= count && !err; i++) {
		unsigned int n_ports = hf_random_percent(&plan->random, 20) ? 2 : 1;
		char name[32];

		snprintf(name, sizeof(name), "H_%u", i);
		err = add_host(plan, name, i, n_ports,
			       plan->topology->nodes[hf_random_below(&plan->random, n_switches)]);
		if (!err && n_ports == 2)
			connect(hf_topology_find_name(plan->topology, name),
				plan->topology->nodes[hf_random_below(&plan->random, n_switches)]);
	}
	return err;
}

static unsigned int hosts_max(const struct hf_soak_plan *plan)
{
	return HOSTS_MAX >> plan->lmc;
}

static int build_random(struct hf_soak_plan *plan, const char *size, char **ret_error)
{
	char *end;
	unsigned long count = strtoul(size, &end, 10);
	int err;

	if (*size == '\0' || *end != '\0' || count < 1 || count > RANDOM_SWITCHES)
		return fail(ret_error, -EINVAL, "\"" RANDOM_KIND ":%s\": must be 1 to %d switches", size,
			    RANDOM_SWITCHES);
	plan->topology = hf_topology_new();
	if (!plan->topology)
		return -ENOMEM;
	err = add_switches(plan, count);
	return err ? err : add_hosts(plan, count, 2 + hf_random_below(&plan->random, hosts_max(plan) - 1));
}

/* "KIND:SIZE[:HOSTS]" */
static int build_fabric(struct hf_soak_plan *plan, char **ret_error)
{
	char text[sizeof(plan->fabric)];
	char *size, *hosts, *end = "";
	unsigned long n_hosts = 1;

	memcpy(text, plan->fabric, sizeof(text));
	size = strchr(text, ':');
	if (!size)
		return fail(ret_error, -EINVAL, "\"%s\" is no fabric: KIND:SIZE[:HOSTS]", plan->fabric);
	*size++ = '\0';
	hosts = strchr(size, ':');
	if (hosts) {
		*hosts++ = '\0';
		n_hosts = strtoul(hosts, &end, 10);
	}
	if (*end != '\0' || n_hosts > HF_TOPOLOGY_PORT_MAX)
		return fail(ret_error, -EINVAL, "\"%s\" is no number of hosts", hosts);
	if (strcmp(text, RANDOM_KIND) == 0)
		return build_random(plan, size, ret_error);
	return hf_topology_from_spec(text, size, n_hosts, true, &plan->topology, ret_error);
}

/* Some cables are slower than others: paths that move change their rate. */
static void draw_rates(struct hf_soak_plan *plan)
{
	static const char *const rates[] = { "4xQDR", "4xQDR", "4xDDR", "4xSDR", "1xSDR", "12xQDR", "4xFDR" };

	for (unsigned int i = 0; i < plan->topology->node_count; i++) {
		struct hf_topology_node *node = plan->topology->nodes[i];

		for (unsigned int port = 1; port <= node->port_count; port++) {
			struct hf_topology_port *end = &node->ports[port];
			const char *rate = rates[hf_random_below(&plan->random, sizeof(rates) / sizeof(rates[0]))];

			if (!end->remote || *end->rate)
				continue;
			snprintf(end->rate, sizeof(end->rate), "%s", rate);
			snprintf(end->remote->ports[end->remote_port].rate, sizeof(end->rate), "%s", rate);
		}
	}
}

/* The subnet manager is in all partitions: the SA tells nobody of ports that share none with the one who asks. */
static int draw_partitions(struct hf_soak_plan *plan)
{
	unsigned int n_nodes = plan->topology->node_count;

	if (!hf_random_percent(&plan->random, 40))
		return 0;
	plan->is_default_limited = hf_random_percent(&plan->random, 30);
	plan->n_partitions = 1 + hf_random_below(&plan->random, HF_SOAK_PARTITIONS_MAX);
	for (size_t i = 0; i < plan->n_partitions; i++) {
		struct hf_soak_partition *partition = &plan->partitions[i];

		partition->sl = hf_random_below(&plan->random, HF_SOAK_SLS);
		partition->is_member = calloc(n_nodes, sizeof(*partition->is_member));
		if (!partition->is_member)
			return -ENOMEM;
		for (unsigned int node = 0; node < n_nodes; node++)
			partition->is_member[node] = hf_random_percent(&plan->random, 60) ||
				strcmp(plan->topology->nodes[node]->name, HF_TOPOLOGY_SM_NAME) == 0;
	}
	return 0;
}

static void choose_fabric(struct hf_soak_plan *plan, const char *fabric)
{
	const char *const *fabrics = plan->engine->fabrics;
	size_t count = 0;

	while (fabrics[count])
		count++;
	if (fabric)
		snprintf(plan->fabric, sizeof(plan->fabric), "%s", fabric);
	else
		snprintf(plan->fabric, sizeof(plan->fabric), "%s", fabrics[hf_random_below(&plan->random, count)]);
}

int hf_soak_plan_init(struct hf_soak_plan *plan, const struct hf_soak_engine *engine, uint64_t seed,
		      const char *fabric, char **ret_error)
{
	static const unsigned int lanes[] = { 2, 4, 8, 8, 8, 8, 15, 15 };
	int err;

	*plan = (struct hf_soak_plan){ .engine = engine, .seed = seed, .random = { seed } };
	for (const char *c = engine->name; *c; c++)
		plan->random.state += (unsigned char)*c;
	choose_fabric(plan, fabric);
	plan->lmc = hf_random_percent(&plan->random, 60) ? 0 : 1 + hf_random_below(&plan->random, 2);
	plan->lanes = lanes[hf_random_below(&plan->random, sizeof(lanes) / sizeof(lanes[0]))];
	plan->has_roots = hf_random_percent(&plan->random, 92);
	plan->has_qos = engine->needs_qos || hf_random_percent(&plan->random, 40);
	err = build_fabric(plan, ret_error);
	if (err)
		return err;
	if (hf_random_percent(&plan->random, 50))
		draw_rates(plan);
	err = draw_partitions(plan);
	return err ? err : hf_soak_qos_init(&plan->qos, plan->topology, &plan->random);
}

void hf_soak_plan_fini(struct hf_soak_plan *plan)
{
	for (size_t i = 0; i < plan->n_partitions; i++)
		free(plan->partitions[i].is_member);
	hf_soak_qos_fini(&plan->qos);
	hf_topology_free(plan->topology);
}

void hf_soak_plan_describe(const struct hf_soak_plan *plan, char *text, size_t size)
{
	bool has_policy = plan->has_qos && plan->qos.has_policy, has_drops = plan->has_qos && plan->qos.has_drops;
	int length = snprintf(text, size, "%s, LMC %u, %u lanes%s%s%s%s", plan->fabric, plan->lmc, plan->lanes,
			      plan->has_roots ? ", roots" : "", plan->has_qos ? ", QoS" : "",
			      has_policy ? ", policy" : "", has_drops ? ", dropped SLs" : "");

	if (plan->n_partitions > 0)
		snprintf(text + length, size - length, ", %zu partitions%s", plan->n_partitions,
			 plan->is_default_limited ? " and a limited default" : "");
}

static void write_members(const struct hf_soak_plan *plan, const struct hf_soak_partition *partition, FILE *out)
{
	for (unsigned int i = 0; i < plan->topology->node_count; i++) {
		const struct hf_topology_node *node = plan->topology->nodes[i];
		bool is_switch = node->type == HF_NODE_SWITCH;

		if (!partition->is_member[i])
			continue;
		for (unsigned int port = is_switch ? 0 : 1; port <= (is_switch ? 0 : node->port_count); port++)
			fprintf(out, ", 0x%" PRIx64 "=full", is_switch ? node->guid : node->ports[port].guid);
	}
}

int hf_soak_plan_write_partitions(const struct hf_soak_plan *plan, const char *path)
{
	FILE *out = fopen(path, "we");
	bool is_bad;

	if (!out)
		return -errno;
	fprintf(out, "Default=0x7fff: ALL=%s, SELF=full;\n", plan->is_default_limited ? "limited" : "full");
	for (size_t i = 0; i < plan->n_partitions; i++) {
		fprintf(out, "P%zu=0x%zx, sl=%u: SELF=full", i, i + 1, plan->partitions[i].sl);
		write_members(plan, &plan->partitions[i], out);
		fprintf(out, ";\n");
	}
	is_bad = ferror(out);
	return fclose(out) != 0 || is_bad ? -EIO : 0;
}

static const struct hf_topology_node *torus_switch(const struct hf_soak_plan *plan, const unsigned int at[3])
{
	char name[64];

	snprintf(name, sizeof(name), "S_%u_%u_%u", at[0], at[1], at[2]);
	return hf_topology_find_name(plan->topology, name);
}

/* A link of a seed to the switch next in the positive and, in dimensions above 2, in the negative direction. */
static void write_seed(const struct hf_soak_plan *plan, const unsigned int size[3], const unsigned int origin[3],
		       FILE *out)
{
	for (unsigned int i = 0; i < 3; i++) {
		unsigned int up[3] = { origin[0], origin[1], origin[2] };
		unsigned int down[3] = { origin[0], origin[1], origin[2] };

		if (size[i] < 2)
			continue;
		up[i] = (origin[i] + 1) % size[i];
		down[i] = (origin[i] + size[i] - 1) % size[i];
		fprintf(out, "%cp_link 0x%" PRIx64 " 0x%" PRIx64 "\n", 'x' + i, torus_switch(plan, origin)->guid,
			torus_switch(plan, up)->guid);
		if (size[i] > 2)
			fprintf(out, "%cm_link 0x%" PRIx64 " 0x%" PRIx64 "\n", 'x' + i,
				torus_switch(plan, origin)->guid, torus_switch(plan, down)->guid);
	}
	for (unsigned int i = 0; i < 3; i++)
		if (size[i] > 1)
			fprintf(out, "%c_dateline -%u\n", 'x' + i, origin[i]);
}

static int write_torus(const struct hf_soak_plan *plan, const char *path)
{
	const unsigned int first[3] = { 0 };
	unsigned int size[3], last[3];
	FILE *out;

	if (sscanf(plan->fabric, "torus:%ux%ux%u", &size[0], &size[1], &size[2]) != 3)
		return 0;
	out = fopen(path, "we");
	if (!out)
		return -errno;
	for (unsigned int i = 0; i < 3; i++)
		last[i] = size[i] - 1;
	fprintf(out, "torus %u%c %u%c %u%c\n", size[0], size[0] > 2 ? 't' : 'm', size[1], size[1] > 2 ? 't' : 'm',
		size[2], size[2] > 2 ? 't' : 'm');
	write_seed(plan, size, first, out);
	fprintf(out, "next_seed\n");
	write_seed(plan, size, last, out);
	return fclose(out) != 0 ? -errno : 0;
}

/* The spines of a fat-tree; elsewhere the first switch and another one. */
static bool is_root(const struct hf_soak_plan *plan, const struct hf_topology_node *node, unsigned int drawn)
{
	if (node->type != HF_NODE_SWITCH)
		return false;
	if (strncmp(plan->fabric, "fat-tree:", strlen("fat-tree:")) == 0)
		return strncmp(node->name, "S_2_", strlen("S_2_")) == 0;
	if (strncmp(plan->fabric, "leaf-spine:", strlen("leaf-spine:")) == 0)
		return strncmp(node->name, "S_1_", strlen("S_1_")) == 0;
	return node->index == 0 || node->index == drawn;
}

/* Engines that rank switches find no roots by themselves in most fabrics, or fail where a fat-tree is not whole. */
static int write_roots(const struct hf_soak_plan *plan, const char *path)
{
	unsigned int drawn = plan->seed % hf_topology_count_type(plan->topology, HF_NODE_SWITCH);
	FILE *out = fopen(path, "we");

	if (!out)
		return -errno;
	for (unsigned int i = 0; i < plan->topology->node_count; i++)
		if (is_root(plan, plan->topology->nodes[i], drawn))
			fprintf(out, "0x%" PRIx64 "\n", plan->topology->nodes[i]->guid);
	return fclose(out) != 0 ? -errno : 0;
}

static int write_net(const struct hf_soak_plan *plan, const char *path)
{
	FILE *out = fopen(path, "we");
	int err;

	if (!out)
		return -errno;
	err = hf_topology_write(plan->topology, out);
	return fclose(out) != 0 && !err ? -errno : err;
}

static int write_scenario(const struct hf_soak_plan *plan, const char *dir, const char *path)
{
	FILE *out = fopen(path, "we");
	char sl2vl[64];

	if (!out)
		return -errno;
	fprintf(out, "title = \"%s\"\nwatchdog_s = 3600\nfabric {\n\tfile = \"soak.net\"\n\tlanes = %u\n}\n",
		plan->fabric, plan->lanes);
	fprintf(out, "hosts {\n\tconnections = none\n}\n");
	fprintf(out, "sm {\n\tengine = %s\n\tmode = off\n\topensm = {\n", plan->engine->name);
	/* Nothing but the faults starts a sweep; what is lost is soon sent again. */
	fprintf(out, "\t\t\"sweep_interval 0\", \"transaction_timeout 60\", \"polling_retry_number 2\",\n");
	fprintf(out, "\t\t\"lmc %u\", \"qos %s\",\n", plan->lmc, plan->has_qos ? "TRUE" : "FALSE");
	if (plan->n_partitions > 0)
		fprintf(out, "\t\t\"partition_config_file %s/partitions.conf\",\n", dir);
	else
		fprintf(out, "\t\t\"partition_config_file %s/none\",\n", dir);
	fprintf(out, "\t\t\"torus_config %s/torus-2QoS.conf\",\n", dir);
	if (plan->has_roots)
		fprintf(out, "\t\t\"root_guid_file %s/roots\",\n", dir);
	hf_soak_qos_sl2vl(&plan->qos, sl2vl, sizeof(sl2vl));
	fprintf(out, "\t\t\"qos_policy_file %s/%s\", \"qos_sl2vl %s\",\n", dir,
		plan->qos.has_policy ? "qos-policy.conf" : "none", sl2vl);
	fprintf(out, "\t\t\"nue_max_num_vls 4\",\n\t}\n\tplugin = { \"trace_paths = true\" }\n}\n");
	return fclose(out) != 0 ? -errno : 0;
}

int hf_soak_plan_scenario(const struct hf_soak_plan *plan, const char *dir, struct hf_scenario **ret_scenario,
			  char **ret_error)
{
	char scenario[512], net[512], partitions[512], torus[512], roots[512], policy[512];
	int err;

	snprintf(scenario, sizeof(scenario), "%s/soak.conf", dir);
	snprintf(net, sizeof(net), "%s/soak.net", dir);
	snprintf(partitions, sizeof(partitions), "%s/partitions.conf", dir);
	snprintf(torus, sizeof(torus), "%s/torus-2QoS.conf", dir);
	snprintf(roots, sizeof(roots), "%s/roots", dir);
	snprintf(policy, sizeof(policy), "%s/qos-policy.conf", dir);
	err = write_net(plan, net);
	if (!err)
		err = write_scenario(plan, dir, scenario);
	if (!err && plan->n_partitions > 0)
		err = hf_soak_plan_write_partitions(plan, partitions);
	if (!err)
		err = write_torus(plan, torus);
	if (!err && plan->qos.has_policy)
		err = hf_soak_qos_write(&plan->qos, policy);
	if (!err && plan->has_roots)
		err = write_roots(plan, roots);
	if (err)
		return fail(ret_error, err, "%s: %s", dir, strerror(-err));
	err = hf_scenario_load(scenario, ret_scenario, ret_error);
	if (!err)
		(*ret_scenario)->host_count = 0;	/* nobody shares ibsim's slots with us */
	return err;
}
