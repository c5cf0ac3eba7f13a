/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What test_topology.sh needs of the library:
 *	topology_tool generate KIND SIZE HOSTS [GROUPS]		a fabric with an SM host, as a file for ibsim
 *	topology_tool guids KIND SIZE HOSTS GROUPS		the commands that tell ibsim the GUIDs of grouped hosts
 *	topology_tool convert FILE				what it read, written again
 *	topology_tool same FILE FILE				ends with 0 if nodes (by GUID) and cables are the same
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/topology.h"

static struct hf_topology *must(int err, struct hf_topology *topology, char *error)
{
	if (!err)
		return topology;
	fprintf(stderr, "%s\n", error ? error : strerror(-err));
	exit(EXIT_FAILURE);
}

static struct hf_topology *load(const char *path)
{
	struct hf_topology *topology = NULL;
	char *error = NULL;
	int err = hf_topology_load(path, &topology, &error);

	return must(err, topology, error);
}

static struct hf_topology *generate(char **argv, const char *groups)
{
	struct hf_topology *topology = NULL;
	char *error = NULL;
	int err = hf_topology_from_spec(argv[0], argv[1], atoi(argv[2]), true, &topology, &error);

	must(err, topology, error);
	hf_topology_group_hosts(topology, groups ? atoi(groups) : 0);
	return topology;
}

static int differs(const char *what, const struct hf_topology_node *node, unsigned int port)
{
	fprintf(stderr, "%s of \"%s\" (GUID 0x%016" PRIx64 ") port %u differs\n", what, node->description, node->guid,
		port);
	return EXIT_FAILURE;
}

static int compare_node(const struct hf_topology_node *a, const struct hf_topology_node *b)
{
	if (!b || a->type != b->type || a->port_count != b->port_count || strcmp(a->description, b->description))
		return differs("type, ports or description", a, 0);
	for (unsigned int port = 1; port <= a->port_count; port++) {
		const struct hf_topology_port *pa = &a->ports[port], *pb = &b->ports[port];

		if (!pa->remote != !pb->remote || pa->remote_port != pb->remote_port)
			return differs("cable", a, port);
		if (pa->remote && pa->remote->guid != pb->remote->guid)
			return differs("far node", a, port);
	}
	return EXIT_SUCCESS;
}

static int compare(const struct hf_topology *a, const struct hf_topology *b)
{
	if (a->node_count != b->node_count) {
		fprintf(stderr, "%u and %u nodes\n", a->node_count, b->node_count);
		return EXIT_FAILURE;
	}
	for (unsigned int i = 0; i < a->node_count; i++)
		if (compare_node(a->nodes[i], hf_topology_find_guid(b, a->nodes[i]->guid)))
			return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc >= 5 && !strcmp(argv[1], "generate"))
		return hf_topology_write(generate(argv + 2, argv[5]), stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
	if (argc == 6 && !strcmp(argv[1], "guids"))
		return hf_topology_write_guids(generate(argv + 2, argv[5]), stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
	if (argc == 3 && !strcmp(argv[1], "convert"))
		return hf_topology_write(load(argv[2]), stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
	if (argc == 4 && !strcmp(argv[1], "same"))
		return compare(load(argv[2]), load(argv[3]));
	fprintf(stderr, "see the head of topology_tool.c\n");
	return 2;
}
