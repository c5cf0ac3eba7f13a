/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/topology.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fail.h"

#define DIMENSIONS_MAX	8
#define COORDINATES_MAX	48	/* characters: DIMENSIONS_MAX times "_" and a number below HF_TOPOLOGY_NODE_MAX */

/* EUI-64 numbers of local scope: no vendor's hardware has them. Each host gets room for its ports' GUIDs. */
#define SWITCH_GUID	0x0268660001000000ull
#define HOST_GUID	0x0268660002000000ull
#define HOST_GUID_STEP	0x100ull

/* The fastest links that ibsim has without extended speeds; where a file names no rate it warns at every port. */
#define RATE		"4xQDR"

struct plan {
	const char *kind, *size_text;
	unsigned int size[DIMENSIONS_MAX], dimensions;
	unsigned int hosts;
	bool sm_host;
	struct hf_topology *topology;
	unsigned int host_count;
	char **ret_error;
};

static int add_switch(struct plan *plan, const char *coordinates, unsigned int port_count)
{
	char name[COORDINATES_MAX + 2];
	struct hf_topology_node *node;

	if (plan->sm_host && plan->topology->node_count == 0)
		port_count++;
	if (port_count > HF_TOPOLOGY_PORT_MAX)
		return hf__fail(-EINVAL, plan->ret_error,
				"%s %s with %u hosts a switch: a switch would have %u ports, at most %u are possible",
				plan->kind, plan->size_text, plan->hosts, port_count, HF_TOPOLOGY_PORT_MAX);
	snprintf(name, sizeof(name), "S%s", coordinates);
	return hf_topology_add_node(plan->topology, HF_NODE_SWITCH, name, SWITCH_GUID + plan->topology->node_count,
				    port_count, &node);
}

static int add_host(struct plan *plan, const char *name, struct hf_topology_node *sw, unsigned int sw_port)
{
	uint64_t guid = HOST_GUID + plan->host_count * HOST_GUID_STEP;
	struct hf_topology_node *node;
	int err;

	err = hf_topology_add_node(plan->topology, HF_NODE_CA, name, guid, 1, &node);
	if (err)
		return err;
	plan->host_count++;
	return hf_topology_connect(node, 1, sw, sw_port);
}

/* The hosts of the first @leaves switches, at @first_port and the ports behind it; then the SM at its switch's last. */
static int add_hosts(struct plan *plan, unsigned int leaves, unsigned int first_port)
{
	struct hf_topology *topology = plan->topology;
	char name[HF_TOPOLOGY_NAME_MAX + 1];
	int err;

	for (unsigned int i = 0; i < leaves; i++) {
		struct hf_topology_node *sw = topology->nodes[i];

		for (unsigned int n = 0; n < plan->hosts; n++) {
			snprintf(name, sizeof(name), "H%.*s_%u", COORDINATES_MAX, sw->name + 1, n);
			err = add_host(plan, name, sw, first_port + n);
			if (err)
				return err;
		}
	}
	if (!plan->sm_host)
		return 0;
	return add_host(plan, HF_TOPOLOGY_SM_NAME, topology->nodes[0], topology->nodes[0]->port_count);
}

static int check_node_count(struct plan *plan, uint64_t switches, uint64_t leaves)
{
	if (switches + leaves * plan->hosts + plan->sm_host <= HF_TOPOLOGY_NODE_MAX)
		return 0;
	return hf__fail(-EINVAL, plan->ret_error,
			"%s %s with %u hosts a switch is too large: at most %u nodes are possible", plan->kind,
			plan->size_text, plan->hosts, HF_TOPOLOGY_NODE_MAX);
}

/* "_x_y_z" of the switch with this number; the last coordinate counts fastest. */
static void grid_coordinates(const struct plan *plan, unsigned int number, char text[COORDINATES_MAX + 1])
{
	unsigned int coordinate[DIMENSIONS_MAX];
	int length = 0;

	for (unsigned int d = plan->dimensions; d-- > 0; number /= plan->size[d])
		coordinate[d] = number % plan->size[d];
	for (unsigned int d = 0; d < plan->dimensions; d++)
		length += snprintf(text + length, COORDINATES_MAX + 1 - length, "_%u", coordinate[d]);
}

static int grid_connect(struct plan *plan, unsigned int switches, bool wrap)
{
	struct hf_topology_node **nodes = plan->topology->nodes;
	unsigned int stride = switches;
	int err;

	for (unsigned int d = 0; d < plan->dimensions; d++) {
		unsigned int size = plan->size[d];

		stride /= size;
		for (unsigned int i = 0; i < switches; i++) {
			unsigned int coordinate = i / stride % size;
			bool is_last = coordinate == size - 1;
			unsigned int next = is_last ? i - coordinate * stride : i + stride;

			if (is_last && (!wrap || size < 3))
				continue;
			err = hf_topology_connect(nodes[i], 2 * d + 2, nodes[next], 2 * d + 1);
			if (err)
				return err;
		}
	}
	return 0;
}

static int generate_grid(struct plan *plan, bool wrap)
{
	unsigned int link_ports = 2 * plan->dimensions;
	char coordinates[COORDINATES_MAX + 1];
	uint64_t switches = 1;
	int err;

	for (unsigned int d = 0; d < plan->dimensions; d++) {
		switches *= plan->size[d];
		err = check_node_count(plan, switches, switches);
		if (err)
			return err;
	}
	for (unsigned int i = 0; i < switches; i++) {
		grid_coordinates(plan, i, coordinates);
		err = add_switch(plan, coordinates, link_ports + plan->hosts);
		if (err)
			return err;
	}
	err = grid_connect(plan, switches, wrap);
	return err ? err : add_hosts(plan, switches, link_ports + 1);
}

static int generate_mesh(struct plan *plan)
{
	return generate_grid(plan, false);
}

static int generate_torus(struct plan *plan)
{
	return generate_grid(plan, true);
}

static int generate_ring(struct plan *plan)
{
	if (plan->dimensions != 1 || plan->size[0] < 3)
		return hf__fail(-EINVAL, plan->ret_error, "ring size \"%s\": expected one number, 3 or more",
				plan->size_text);
	return generate_grid(plan, true);
}

static int add_level(struct plan *plan, unsigned int level, unsigned int count, unsigned int port_count)
{
	char coordinates[COORDINATES_MAX + 1];
	int err;

	for (unsigned int i = 0; i < count; i++) {
		snprintf(coordinates, sizeof(coordinates), "_%u_%u", level, i);
		err = add_switch(plan, coordinates, port_count);
		if (err)
			return err;
	}
	return 0;
}

/* Ports of leaves and of the level above: 1 to half lead down, the others up. A spine's port p+1 leads to pod p. */
static int fat_tree_connect(struct plan *plan, unsigned int radix)
{
	unsigned int half = radix / 2, per_level = radix * half;
	struct hf_topology_node **leaves = plan->topology->nodes, **middle = leaves + per_level;
	struct hf_topology_node **spines = middle + per_level;
	int err;

	for (unsigned int i = 0; i < per_level; i++) {
		unsigned int pod = i / half, in_pod = i % half;

		for (unsigned int up = 0; up < half; up++) {
			err = hf_topology_connect(leaves[i], half + 1 + up, middle[pod * half + up], in_pod + 1);
			if (err)
				return err;
			err = hf_topology_connect(middle[i], half + 1 + up, spines[in_pod * half + up], pod + 1);
			if (err)
				return err;
		}
	}
	return 0;
}

static int generate_fat_tree(struct plan *plan)
{
	unsigned int radix = plan->size[0];
	uint64_t per_level = (uint64_t)radix * (radix / 2);
	int err;

	if (plan->dimensions != 1 || radix < 2 || radix % 2 || radix > HF_TOPOLOGY_PORT_MAX)
		return hf__fail(-EINVAL, plan->ret_error,
				"fat-tree size \"%s\": expected one even number from 2 to %u, the ports of a switch",
				plan->size_text, HF_TOPOLOGY_PORT_MAX);
	if (plan->hosts > radix / 2)
		return hf__fail(-EINVAL, plan->ret_error,
				"%u hosts a leaf: a fat-tree of size %u has room for at most %u", plan->hosts, radix,
				radix / 2);
	err = check_node_count(plan, per_level * 2 + per_level / 2, per_level);
	if (err)
		return err;
	err = add_level(plan, 0, per_level, radix);
	if (!err)
		err = add_level(plan, 1, per_level, radix);
	if (!err)
		err = add_level(plan, 2, per_level / 2, radix);
	if (!err)
		err = fat_tree_connect(plan, radix);
	return err ? err : add_hosts(plan, per_level, 1);
}

static int leaf_spine_connect(struct plan *plan, unsigned int leaves, unsigned int spines, unsigned int cables)
{
	struct hf_topology_node **nodes = plan->topology->nodes;
	int err;

	for (unsigned int leaf = 0; leaf < leaves; leaf++)
		for (unsigned int i = 0; i < spines * cables; i++) {
			err = hf_topology_connect(nodes[leaf], plan->hosts + 1 + i, nodes[leaves + i / cables],
						  leaf * cables + i % cables + 1);
			if (err)
				return err;
		}
	return 0;
}

static int generate_leaf_spine(struct plan *plan)
{
	uint64_t leaves = plan->size[0], spines = plan->size[1];
	uint64_t cables = plan->dimensions > 2 ? plan->size[2] : 1;
	int err;

	if (plan->dimensions < 2 || plan->dimensions > 3)
		return hf__fail(-EINVAL, plan->ret_error,
				"leaf-spine size \"%s\": expected LEAVESxSPINES or LEAVESxSPINESxCABLES",
				plan->size_text);
	if (spines * cables > HF_TOPOLOGY_PORT_MAX || leaves * cables > HF_TOPOLOGY_PORT_MAX)
		return hf__fail(-EINVAL, plan->ret_error,
				"leaf-spine size \"%s\": a switch would have more than %u ports", plan->size_text,
				HF_TOPOLOGY_PORT_MAX);
	err = check_node_count(plan, leaves + spines, leaves);
	if (!err)
		err = add_level(plan, 0, leaves, plan->hosts + spines * cables);
	if (!err)
		err = add_level(plan, 1, spines, leaves * cables);
	if (!err)
		err = leaf_spine_connect(plan, leaves, spines, cables);
	return err ? err : add_hosts(plan, leaves, 1);
}

/* Ports 1 to count - 1 of a switch lead to the others of its clique, in order. */
static unsigned int clique_port(unsigned int from, unsigned int to)
{
	return to < from ? to + 1 : to;
}

/* Every two switches of a line along a dimension have a cable; the ports of dimension 0 come first. */
static int hyperx_connect(struct plan *plan, unsigned int switches)
{
	struct hf_topology_node **nodes = plan->topology->nodes;
	unsigned int stride = switches, base = 0;

	for (unsigned int d = 0; d < plan->dimensions; d++) {
		unsigned int size = plan->size[d];

		stride /= size;
		for (unsigned int i = 0; i < switches; i++) {
			unsigned int at = i / stride % size;

			for (unsigned int to = at + 1; to < size; to++) {
				int err = hf_topology_connect(nodes[i], base + clique_port(at, to),
							      nodes[i + (to - at) * stride],
							      base + clique_port(to, at));

				if (err)
					return err;
			}
		}
		base += size - 1;
	}
	return 0;
}

static int generate_hyperx(struct plan *plan)
{
	char coordinates[COORDINATES_MAX + 1];
	uint64_t switches = 1, link_ports = 0;
	int err;

	for (unsigned int d = 0; d < plan->dimensions; d++) {
		switches *= plan->size[d];
		link_ports += plan->size[d] - 1;
		err = check_node_count(plan, switches, switches);
		if (err)
			return err;
	}
	for (unsigned int i = 0; i < switches; i++) {
		grid_coordinates(plan, i, coordinates);
		err = add_switch(plan, coordinates, link_ports + plan->hosts);
		if (err)
			return err;
	}
	err = hyperx_connect(plan, switches);
	return err ? err : add_hosts(plan, switches, link_ports + 1);
}

static int generate_hypercube(struct plan *plan)
{
	unsigned int dimensions = plan->size[0];

	if (plan->dimensions != 1 || dimensions > DIMENSIONS_MAX)
		return hf__fail(-EINVAL, plan->ret_error,
				"hypercube size \"%s\": expected one number from 1 to %d, the dimensions",
				plan->size_text, DIMENSIONS_MAX);
	plan->dimensions = dimensions;
	for (unsigned int d = 0; d < dimensions; d++)
		plan->size[d] = 2;
	return generate_hyperx(plan);
}

/* All switches of a group have cables to each other, at their first ports. */
static int dragonfly_connect_groups(struct plan *plan, unsigned int a, unsigned int groups)
{
	for (unsigned int group = 0; group < groups; group++) {
		struct hf_topology_node **nodes = plan->topology->nodes + group * a;

		for (unsigned int i = 0; i < a; i++)
			for (unsigned int j = i + 1; j < a; j++) {
				int err = hf_topology_connect(nodes[i], clique_port(i, j), nodes[j], clique_port(j, i));

				if (err)
					return err;
			}
	}
	return 0;
}

/*
 * A group's a * h global ports are numbered through. Of each round of groups - 1 of them, the k-th leads to the k-th
 * group behind, which sees this one as its (groups - 2 - k)-th. Ports that are too few for another round stay free.
 */
static int dragonfly_connect_globally(struct plan *plan, unsigned int a, unsigned int h, unsigned int groups)
{
	unsigned int rounds = a * h / (groups - 1);
	struct hf_topology_node **nodes = plan->topology->nodes;

	for (unsigned int group = 0; group < groups; group++)
		for (unsigned int number = 0; number < rounds * (groups - 1); number++) {
			unsigned int k = number % (groups - 1), peer = (group + k + 1) % groups;
			unsigned int there = number - k + groups - 2 - k;
			int err;

			if (peer < group)
				continue;
			err = hf_topology_connect(nodes[group * a + number / h], a + number % h,
						  nodes[peer * a + there / h], a + there % h);
			if (err)
				return err;
		}
	return 0;
}

static int generate_dragonfly(struct plan *plan)
{
	uint64_t a = plan->size[0], h = plan->size[1], most = a * h + 1;
	uint64_t groups = plan->dimensions > 2 ? plan->size[2] : most;
	char coordinates[COORDINATES_MAX + 1];
	int err;

	if (plan->dimensions < 2 || plan->dimensions > 3 || groups < 2 || groups > most)
		return hf__fail(-EINVAL, plan->ret_error,
				"dragonfly size \"%s\": expected SWITCHESxCABLES or SWITCHESxCABLESxGROUPS, with 2 to "
				"SWITCHES*CABLES+1 groups", plan->size_text);
	err = check_node_count(plan, a * groups, a * groups);
	if (err)
		return err;
	for (unsigned int i = 0; i < a * groups; i++) {
		snprintf(coordinates, sizeof(coordinates), "_%u_%u", i / (unsigned int)a, i % (unsigned int)a);
		err = add_switch(plan, coordinates, a - 1 + h + plan->hosts);
		if (err)
			return err;
	}
	err = dragonfly_connect_groups(plan, a, groups);
	if (!err)
		err = dragonfly_connect_globally(plan, a, h, groups);
	return err ? err : add_hosts(plan, a * groups, a + h);
}

static const struct generator {
	const char *kind;
	int (*generate)(struct plan *plan);
} generators[] = {
	{ "mesh",	generate_mesh },
	{ "torus",	generate_torus },
	{ "ring",	generate_ring },
	{ "fat-tree",	generate_fat_tree },
	{ "leaf-spine",	generate_leaf_spine },
	{ "dragonfly",	generate_dragonfly },
	{ "hyperx",	generate_hyperx },
	{ "hypercube",	generate_hypercube },
};

static const struct generator *find_generator(const char *kind)
{
	for (size_t i = 0; i < sizeof(generators) / sizeof(generators[0]); i++)
		if (!strcmp(kind, generators[i].kind))
			return &generators[i];
	return NULL;
}

static int parse_size(struct plan *plan)
{
	const char *at = plan->size_text;
	unsigned long value;
	char *end;

	for (;;) {
		if (!isdigit((unsigned char)*at) || plan->dimensions == DIMENSIONS_MAX)
			break;
		errno = 0;
		value = strtoul(at, &end, 10);
		if (errno || value < 1 || value > HF_TOPOLOGY_NODE_MAX)
			break;
		plan->size[plan->dimensions++] = value;
		if (!*end)
			return 0;
		if (*end != 'x')
			break;
		at = end + 1;
	}
	return hf__fail(-EINVAL, plan->ret_error,
			"%s size \"%s\": expected 1 to %d numbers from 1 to %u with \"x\" between them", plan->kind,
			plan->size_text, DIMENSIONS_MAX, HF_TOPOLOGY_NODE_MAX);
}

static void set_rates(struct hf_topology *topology)
{
	for (unsigned int i = 0; i < topology->node_count; i++)
		for (unsigned int port = 1; port <= topology->nodes[i]->port_count; port++)
			strcpy(topology->nodes[i]->ports[port].rate, RATE);
}

int hf_topology_from_spec(const char *kind, const char *size, unsigned int hosts, bool sm_host,
			  struct hf_topology **ret_topology, char **ret_error)
{
	const struct generator *generator = find_generator(kind);
	struct plan plan = { .kind = kind, .size_text = size, .hosts = hosts, .sm_host = sm_host,
			     .ret_error = ret_error };
	int err;

	if (!generator)
		return hf__fail(-EINVAL, ret_error,
				"fabric \"%s\": expected mesh, torus, ring, fat-tree, leaf-spine, dragonfly, hyperx or "
				"hypercube", kind);
	err = parse_size(&plan);
	if (err)
		return err;
	if (hosts > HF_TOPOLOGY_PORT_MAX)
		return hf__fail(-EINVAL, ret_error, "%u hosts a switch: expected 0 to %u", hosts, HF_TOPOLOGY_PORT_MAX);
	plan.topology = hf_topology_new();
	if (!plan.topology)
		return -ENOMEM;
	err = generator->generate(&plan);
	if (err)
		goto err_free;
	set_rates(plan.topology);
	*ret_topology = plan.topology;
	return 0;

err_free:
	hf_topology_free(plan.topology);
	return err;
}
