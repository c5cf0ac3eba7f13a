/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * hfsim-fabric: what the fabric map shows, as text. One line for each port, hop or count; hfsim-verbs(7) explains them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fabric_map.h"

static const char usage[] =
	"usage: hfsim-fabric ports [NODE]                      ports and their links\n"
	"       hfsim-fabric counters [NODE]                   packets by port and SL\n"
	"       hfsim-fabric route NODE DLID [SL [P_KEY]]      the way of a packet from port 1 of NODE\n"
	"       hfsim-fabric flood NODE MLID [SL [P_KEY]]      the ways of a multicast packet\n"
	"HF_FABRIC_MAP names the map of a running ibsim.\n";

static const char *node_name(const struct hf_map *fabric, uint32_t port, char *buffer, size_t size)
{
	struct hf_map_port info;
	struct hf_map_node node;

	if (hf_map_get_port(fabric, port, &info) < 0 || hf_map_get_node(fabric, info.node, &node) < 0)
		return "?";
	snprintf(buffer, size, "%s[%u]", node.name, info.number);
	return buffer;
}

static void print_port(const struct hf_map *fabric, const struct hf_map_port *port)
{
	char own[96], peer[96];

	printf("%s lid %u lmc %u state %u phys_state %u peer %s\n", node_name(fabric, port->index, own, sizeof(own)),
	       port->lid, port->lmc, port->state, port->phys_state,
	       port->has_peer ? node_name(fabric, port->peer, peer, sizeof(peer)) : "-");
}

static void print_counts(const char *name, const char *what, const _Atomic uint64_t *counts)
{
	for (unsigned int sl = 0; sl < HF_FABRIC_SLS; sl++)
		if (counts[sl])
			printf("%s %s sl %u %" PRIu64 "\n", name, what, sl, counts[sl]);
}

static void print_counters(const struct hf_map *fabric, const struct hf_map_port *port)
{
	const struct hf_map_counters *counters = &fabric->counters[port->index];
	char name[96];

	node_name(fabric, port->index, name, sizeof(name));
	print_counts(name, "xmit", counters->xmit);
	print_counts(name, "rcv", counters->rcv);
	if (counters->lost)
		printf("%s lost %" PRIu64 "\n", name, counters->lost);
}

static int each_port(const struct hf_map *fabric, const char *only,
		     void (*print)(const struct hf_map *fabric, const struct hf_map_port *port))
{
	bool is_found = !only;

	for (uint32_t i = 0; i < fabric->header.ports.count; i++) {
		struct hf_map_port port;
		struct hf_map_node node;

		if (hf_map_get_port(fabric, i, &port) < 0 || hf_map_get_node(fabric, port.node, &node) < 0 ||
		    (only && strcmp(only, node.name) != 0))
			continue;
		is_found = true;
		print(fabric, &port);
	}
	if (!is_found)
		fprintf(stderr, "hfsim-fabric: no node \"%s\"\n", only);
	return is_found ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void print_route(void *context, const struct hf_map_route *route)
{
	const struct hf_map *fabric = context;
	char name[96];

	for (unsigned int i = 0; i < route->crossed_count; i++)
		printf("%s%s", node_name(fabric, route->crossed[i], name, sizeof(name)), i % 2 ? "\n" : " -> ");
	printf("%s at %s\n", hf_map_fate_name(route->fate), node_name(fabric, route->port, name, sizeof(name)));
}

static bool parse(const char *text, unsigned long least, unsigned long most, const char *what, unsigned long *ret_value)
{
	char *end;

	errno = 0;
	*ret_value = strtoul(text, &end, 0);
	if (errno == 0 && end != text && !*end && *ret_value >= least && *ret_value <= most)
		return true;
	fprintf(stderr, "hfsim-fabric: %s \"%s\": allowed are %lu to %lu\n", what, text, least, most);
	return false;
}

static int show_way(const struct hf_map *fabric, bool is_flood, int argc, char *argv[])
{
	unsigned long dlid, sl = 0, pkey = 0;
	struct hf_map_packet packet;
	struct hf_map_route route;
	struct hf_map_node node;

	if (!parse(argv[1], is_flood ? HF_FABRIC_MLID_FIRST : 1,
		   is_flood ? HF_FABRIC_MLID_LAST : HF_FABRIC_MLID_FIRST - 1, "LID", &dlid) ||
	    (argc > 2 && !parse(argv[2], 0, HF_FABRIC_SLS - 1, "SL", &sl)) ||
	    (argc > 3 && !parse(argv[3], 0, UINT16_MAX, "P_Key", &pkey)))
		return EXIT_FAILURE;
	packet = (struct hf_map_packet){ .dlid = dlid, .sl = sl, .pkey = pkey };
	if (hf_map_find_node(fabric, argv[0], &node) < 0 ||
	    hf_map_find_port(fabric, &node, node.is_switch ? 0 : 1, &packet.from) < 0) {
		fprintf(stderr, "hfsim-fabric: no node \"%s\" with a port 1\n", argv[0]);
		return EXIT_FAILURE;
	}
	if (is_flood) {
		hf_map_flood(fabric, &packet, print_route, (void *)fabric);
	} else {
		hf_map_route(fabric, &packet, &route);
		print_route((void *)fabric, &route);
	}
	return EXIT_SUCCESS;
}

static int run(const struct hf_map *fabric, int argc, char *argv[])
{
	const char *node = argc > 2 ? argv[2] : NULL;

	if (argc >= 2 && argc <= 3 && strcmp(argv[1], "ports") == 0)
		return each_port(fabric, node, print_port);
	if (argc >= 2 && argc <= 3 && strcmp(argv[1], "counters") == 0 && fabric->counters)
		return each_port(fabric, node, print_counters);
	if (argc >= 4 && argc <= 6 && (strcmp(argv[1], "route") == 0 || strcmp(argv[1], "flood") == 0))
		return show_way(fabric, strcmp(argv[1], "flood") == 0, argc - 2, argv + 2);
	fputs(usage, stderr);
	return 2;
}

int main(int argc, char *argv[])
{
	const char *path = getenv(HF_FABRIC_MAP_ENV);
	struct hf_map fabric;
	int err, status;

	if (!path || !*path) {
		fputs(usage, stderr);
		return 2;
	}
	err = hf_map_open(&fabric, path);
	if (err) {
		fprintf(stderr, "hfsim-fabric: %s: %s\n", path,
			err == -EPROTO ? "no fabric map, or a damaged one" : strerror(-err));
		return EXIT_FAILURE;
	}
	status = run(&fabric, argc, argv);
	hf_map_close(&fabric);
	return status;
}
