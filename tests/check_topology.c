/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/topology.h"

static struct hf_topology *generate(const char *kind, const char *size, unsigned int hosts, bool sm_host)
{
	struct hf_topology *topology = NULL;
	char *error = NULL;

	ck_assert_msg(!hf_topology_from_spec(kind, size, hosts, sm_host, &topology, &error), "%s", error);
	return topology;
}

static int read_text(const char *text, struct hf_topology **ret_topology, char **ret_error)
{
	FILE *in = fmemopen((void *)text, strlen(text), "r");
	int err;

	ck_assert_ptr_nonnull(in);
	err = hf_topology_read(in, "net", ret_topology, ret_error);
	fclose(in);
	return err;
}

static char *write_text(const struct hf_topology *topology)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(hf_topology_write(topology, out), 0);
	fclose(out);
	return text;
}

static struct hf_topology_node *find(const struct hf_topology *topology, const char *name)
{
	struct hf_topology_node *node = hf_topology_find_name(topology, name);

	ck_assert_msg(node != NULL, "no node %s", name);
	return node;
}

static void assert_linked(const struct hf_topology *topology, const char *a, const char *b, bool is_linked)
{
	const struct hf_topology_node *node_a = find(topology, a), *node_b = find(topology, b);

	ck_assert_msg((hf_topology_find_link(node_a, node_b) != 0) == is_linked, "%s to %s", a, b);
	ck_assert_msg((hf_topology_find_link(node_b, node_a) != 0) == is_linked, "%s to %s", b, a);
}

/* Switch links: of a mesh, each dimension has one fewer than its size in each line along it. */
static const struct {
	const char *kind, *size;
	unsigned int hosts, switches, cas, switch_links;
} counts[] = {
	{ "mesh",	"3x2",		1,	6,	6,	7 },
	{ "mesh",	"7",		2,	7,	14,	6 },
	{ "mesh",	"2x2x2x2",	0,	16,	0,	32 },
	{ "torus",	"4x4x4",	1,	64,	64,	192 },
	{ "torus",	"6x6x6",	2,	216,	432,	648 },
	{ "torus",	"3x2",		1,	6,	6,	9 },
	{ "torus",	"1x5",		1,	5,	5,	5 },
	{ "ring",	"6",		1,	6,	6,	6 },
	{ "ring",	"3",		3,	3,	9,	3 },
	{ "fat-tree",	"4",		2,	20,	16,	32 },
	{ "fat-tree",	"8",		1,	80,	32,	256 },
	{ "fat-tree",	"2",		1,	5,	2,	4 },
	{ "leaf-spine",	"4x2",		3,	6,	12,	8 },
	{ "leaf-spine",	"4x2x3",	1,	6,	4,	24 },
	{ "dragonfly",	"4x2",		2,	36,	72,	90 },
	{ "dragonfly",	"8x4",		4,	264,	1056,	1452 },
	{ "dragonfly",	"4x2x5",	1,	20,	20,	50 },
	{ "dragonfly",	"3x2x6",	1,	18,	18,	33 },
	{ "dragonfly",	"1x1",		1,	2,	2,	1 },
	{ "hyperx",	"4x4",		1,	16,	16,	48 },
	{ "hyperx",	"3x2x4",	2,	24,	48,	72 },
	{ "hyperx",	"5",		1,	5,	5,	10 },
	{ "hypercube",	"4",		1,	16,	16,	32 },
	{ "hypercube",	"1",		3,	2,	6,	1 },
};

START_TEST(test_generator_counts)
{
	for (int sm_host = 0; sm_host < 2; sm_host++) {
		struct hf_topology *t = generate(counts[_i].kind, counts[_i].size, counts[_i].hosts, sm_host);
		unsigned int cas = counts[_i].cas + sm_host;

		ck_assert_uint_eq(hf_topology_count_type(t, HF_NODE_SWITCH), counts[_i].switches);
		ck_assert_uint_eq(hf_topology_count_type(t, HF_NODE_CA), cas);
		ck_assert_uint_eq(hf_topology_count_links(t), counts[_i].switch_links + cas);
		ck_assert_int_eq(hf_topology_find_name(t, "sm") != NULL, sm_host);
		hf_topology_free(t);
	}
}
END_TEST

START_TEST(test_mesh_neighbours)
{
	struct hf_topology *t = generate("mesh", "3x2", 2, true);

	assert_linked(t, "S_0_0", "S_1_0", true);
	assert_linked(t, "S_0_0", "S_2_0", false);
	assert_linked(t, "S_0_0", "S_1_1", false);
	assert_linked(t, "S_1_0", "S_1_1", true);
	assert_linked(t, "S_2_1", "H_2_1_1", true);
	assert_linked(t, "S_0_0", "sm", true);
	ck_assert_uint_eq(hf_topology_find_link(find(t, "S_1_0"), find(t, "S_2_0")), 2);
	ck_assert_uint_eq(hf_topology_find_link(find(t, "S_1_0"), find(t, "S_1_1")), 4);
	ck_assert_uint_eq(hf_topology_find_link(find(t, "S_1_1"), find(t, "S_1_0")), 3);
	ck_assert_uint_eq(hf_topology_find_link(find(t, "S_1_0"), find(t, "H_1_0_1")), 6);
	hf_topology_free(t);
}
END_TEST

START_TEST(test_torus_wraps)
{
	struct hf_topology *t = generate("torus", "4x3", 1, false);

	assert_linked(t, "S_0_0", "S_3_0", true);
	assert_linked(t, "S_0_0", "S_0_2", true);
	assert_linked(t, "S_0_0", "S_2_0", false);
	ck_assert_uint_eq(hf_topology_find_link(find(t, "S_3_1"), find(t, "S_0_1")), 2);
	hf_topology_free(t);
}
END_TEST

/* With k/2 hosts a leaf no port is free: every switch has all the cables it can have. */
START_TEST(test_fat_tree_pods)
{
	struct hf_topology *t = generate("fat-tree", "6", 3, true);

	assert_linked(t, "S_0_0", "S_1_2", true);
	assert_linked(t, "S_0_0", "S_1_3", false);
	assert_linked(t, "S_0_4", "S_1_3", true);
	assert_linked(t, "S_1_0", "S_2_0", true);
	assert_linked(t, "S_1_0", "S_2_3", false);
	assert_linked(t, "S_1_17", "S_2_8", true);
	for (unsigned int i = 0; i < t->node_count; i++) {
		const struct hf_topology_node *node = t->nodes[i];

		for (unsigned int port = 1; port <= node->port_count; port++)
			ck_assert_msg(node->ports[port].remote != NULL, "%s[%u] is free", node->name, port);
	}
	hf_topology_free(t);
}
END_TEST

static unsigned int count_switch_links(const struct hf_topology_node *node)
{
	unsigned int count = 0;

	for (unsigned int port = 1; port <= node->port_count; port++)
		count += node->ports[port].remote && node->ports[port].remote->type == HF_NODE_SWITCH;
	return count;
}

/* How many nodes there are within a number of cables of the first switch. */
static unsigned int count_within(const struct hf_topology *t, unsigned int hops)
{
	unsigned int *distance = calloc(t->node_count, sizeof(*distance)), count = 1;

	ck_assert_ptr_nonnull(distance);
	distance[0] = 1;
	for (unsigned int hop = 1; hop <= hops; hop++)
		for (unsigned int i = 0; i < t->node_count; i++)
			for (unsigned int port = 1; distance[i] == hop && port <= t->nodes[i]->port_count; port++) {
				const struct hf_topology_node *next = t->nodes[i]->ports[port].remote;

				if (next && !distance[next->index]) {
					distance[next->index] = hop + 1;
					count++;
				}
			}
	free(distance);
	return count;
}

/* Of fabrics whose switches are all alike: cables of each to other switches, and how far the farthest host is. */
static const struct {
	const char *kind, *size;
	unsigned int hosts, degree, diameter;
} regular[] = {
	{ "torus",	"4x4x4",	1,	6,	6 + 1 },
	{ "dragonfly",	"4x2",		2,	5,	3 + 1 },
	{ "dragonfly",	"8x4",		4,	11,	3 + 1 },
	{ "dragonfly",	"4x2x5",	1,	5,	3 + 1 },
	{ "dragonfly",	"4x2x3",	1,	5,	2 + 1 },
	{ "hyperx",	"4x4",		1,	6,	2 + 1 },
	{ "hyperx",	"3x2x4",	2,	6,	3 + 1 },
	{ "hypercube",	"4",		1,	4,	4 + 1 },
	{ "hypercube",	"8",		4,	8,	8 + 1 },
};

START_TEST(test_regular)
{
	struct hf_topology *t = generate(regular[_i].kind, regular[_i].size, regular[_i].hosts, false);

	for (unsigned int i = 0; i < t->node_count; i++)
		if (t->nodes[i]->type == HF_NODE_SWITCH)
			ck_assert_uint_eq(count_switch_links(t->nodes[i]), regular[_i].degree);
	ck_assert_uint_eq(count_within(t, regular[_i].diameter), t->node_count);
	ck_assert_uint_lt(count_within(t, regular[_i].diameter - 1), t->node_count);
	hf_topology_free(t);
}
END_TEST

/* How many cables lead from one group to another. */
static unsigned int count_between(const struct hf_topology *t, unsigned int a, unsigned int from, unsigned int to)
{
	unsigned int count = 0;

	for (unsigned int i = from * a; i < (from + 1) * a; i++)
		for (unsigned int port = 1; port <= t->nodes[i]->port_count; port++) {
			const struct hf_topology_node *remote = t->nodes[i]->ports[port].remote;

			count += remote && remote->type == HF_NODE_SWITCH && remote->index / a == to;
		}
	return count;
}

static const struct {
	const char *size;
	unsigned int a, groups, cables;
} dragonflies[] = {
	{ "4x2", 4, 9, 1 }, { "4x2x5", 4, 5, 2 }, { "4x2x4", 4, 4, 2 }, { "2x3x2", 2, 2, 6 }, { "8x4", 8, 33, 1 },
};

START_TEST(test_dragonfly_groups)
{
	struct hf_topology *t = generate("dragonfly", dragonflies[_i].size, 1, true);
	unsigned int a = dragonflies[_i].a;

	for (unsigned int from = 0; from < dragonflies[_i].groups; from++)
		for (unsigned int to = 0; to < dragonflies[_i].groups; to++)
			ck_assert_uint_eq(count_between(t, a, from, to),
					  from == to ? a * (a - 1) : dragonflies[_i].cables);
	hf_topology_free(t);
}
END_TEST

START_TEST(test_dragonfly_neighbours)
{
	struct hf_topology *t = generate("dragonfly", "4x2", 2, true);

	assert_linked(t, "S_3_0", "S_3_3", true);
	assert_linked(t, "S_0_0", "S_1_3", true);
	assert_linked(t, "S_0_0", "S_2_3", true);
	assert_linked(t, "S_0_1", "S_1_3", false);
	assert_linked(t, "S_8_3", "H_8_3_1", true);
	assert_linked(t, "S_0_0", "sm", true);
	ck_assert_uint_eq(hf_topology_find_link(find(t, "S_3_0"), find(t, "S_3_3")), 3);
	ck_assert_uint_eq(hf_topology_find_link(find(t, "S_0_0"), find(t, "S_1_3")), 4);
	ck_assert_uint_eq(hf_topology_find_link(find(t, "S_8_3"), find(t, "H_8_3_0")), 6);
	hf_topology_free(t);
}
END_TEST

START_TEST(test_hyperx_neighbours)
{
	struct hf_topology *t = generate("hyperx", "3x4", 1, false);

	assert_linked(t, "S_0_0", "S_2_0", true);
	assert_linked(t, "S_0_0", "S_0_3", true);
	assert_linked(t, "S_0_0", "S_1_1", false);
	ck_assert_uint_eq(hf_topology_find_link(find(t, "S_0_0"), find(t, "S_2_0")), 2);
	ck_assert_uint_eq(hf_topology_find_link(find(t, "S_2_3"), find(t, "S_2_0")), 3);
	ck_assert_uint_eq(hf_topology_find_link(find(t, "S_2_3"), find(t, "H_2_3_0")), 6);
	hf_topology_free(t);
	t = generate("hypercube", "3", 1, false);
	assert_linked(t, "S_0_0_0", "S_1_0_0", true);
	assert_linked(t, "S_0_0_0", "S_1_1_0", false);
	assert_linked(t, "S_1_1_1", "S_1_1_0", true);
	hf_topology_free(t);
}
END_TEST

static const struct {
	const char *kind, *size;
	unsigned int hosts;
	const char *error;
} refused[] = {
	{ "star",	"3",		1, "fabric \"star\": expected mesh, torus, ring, fat-tree, leaf-spine, dragonfly, "
					   "hyperx or hypercube" },
	{ "mesh",	"",		1, "expected 1 to 8 numbers" },
	{ "mesh",	"3x",		1, "expected 1 to 8 numbers" },
	{ "mesh",	"3x-2",		1, "expected 1 to 8 numbers" },
	{ "mesh",	"3x0",		1, "expected 1 to 8 numbers" },
	{ "mesh",	"3,2",		1, "expected 1 to 8 numbers" },
	{ "mesh",	"1x1x1x1x1x1x1x1x1", 1, "expected 1 to 8 numbers" },
	{ "mesh",	"49151x49151x49151x49151x49151", 1, "at most 49151 nodes" },
	{ "mesh",	"99999999999999999999", 1, "expected 1 to 8 numbers" },
	{ "mesh",	"3x2",		251, "at most 254" },
	{ "torus",	"3x2",		4000000000u, "expected 0 to 254" },
	{ "ring",	"2",		1, "3 or more" },
	{ "ring",	"6x2",		1, "3 or more" },
	{ "fat-tree",	"5",		1, "even number" },
	{ "fat-tree",	"4",		3, "at most 2" },
	{ "fat-tree",	"254",		1, "at most 49151 nodes" },
	{ "leaf-spine",	"4",		1, "LEAVESxSPINES" },
	{ "leaf-spine",	"4x256",	1, "more than 254 ports" },
	{ "dragonfly",	"4",		1, "SWITCHESxCABLESxGROUPS" },
	{ "dragonfly",	"4x2x10",	1, "with 2 to SWITCHES*CABLES+1 groups" },
	{ "dragonfly",	"4x2x1",	1, "with 2 to SWITCHES*CABLES+1 groups" },
	{ "dragonfly",	"49151x49151",	1, "at most 49151 nodes" },
	{ "dragonfly",	"200x60x2",	0, "at most 254" },
	{ "hyperx",	"300",		1, "at most 254" },
	{ "hyperx",	"200x200x200",	1, "at most 49151 nodes" },
	{ "hypercube",	"9",		1, "from 1 to 8" },
	{ "hypercube",	"2x2",		1, "from 1 to 8" },
};

START_TEST(test_generator_refuses)
{
	struct hf_topology *t = NULL;
	char *error = NULL;

	ck_assert_int_eq(hf_topology_from_spec(refused[_i].kind, refused[_i].size, refused[_i].hosts, true, &t, &error),
			 -EINVAL);
	ck_assert_ptr_null(t);
	ck_assert_msg(strstr(error, refused[_i].error) != NULL, "%s", error);
	free(error);
}
END_TEST

START_TEST(test_write_read_same)
{
	struct hf_topology *t = generate(counts[_i].kind, counts[_i].size, counts[_i].hosts, true), *again = NULL;
	char *text = write_text(t), *error = NULL, *text_again;

	ck_assert_msg(!read_text(text, &again, &error), "%s", error);
	text_again = write_text(again);
	ck_assert_str_eq(text, text_again);
	ck_assert_uint_eq(hf_topology_count_links(again), hf_topology_count_links(t));
	ck_assert_uint_eq(find(again, "sm")->guid, find(t, "sm")->guid);
	free(text);
	free(text_again);
	hf_topology_free(t);
	hf_topology_free(again);
}
END_TEST

/* As infiniband-diags print it: a chassis, external ports, an adapter with two ports, a router, a switch on itself. */
static const char ibnetdiscover_text[] =
	"#\n# Topology file: generated on Sun Feb 21 16:30:17 2021\n#\n"
	"# Initiated from node 0c42a103008b40d0 port 0c42a103008b40d0\n"
	"\nChassis 1 (guid 0x2c90200423e8c)\nHostname: core\n\n# Spine Nodes\n"
	"vendid=0x2c9\ndevid=0xd2f0\nsysimgguid=0xb8599f0300fc6de4\t\t# Chassis 1 slot 3\n"
	"switchguid=0xb8599f0300fc6de4(b8599f0300fc6de4)\t# Spine 2 Chip 1\n"
	"Switch\t41 \"S-b8599f0300fc6de4\"\t\t# \"MF0;sw \"95\":MQM8700/U1\" enhanced port 0 lid 13 lmc 1\n"
	"[3][ext 17]\t\"R-1\"[1]\t\t# \"router\" lid 19 4xFDR\n"
	"[23]\t\"H-ec0d9a03007d7d0a\"[2](ec0d9a03007d7d0c) \t\t# \"dcs96 HCA-1\" lid 28 4xEDR slot 23\n"
	"[40]\t\"S-b8599f0300fc6de4\"[41][ext 2]\t\t# \"MF0;sw\" lid 13 4xNDR s=128 w=2 v=4\n"
	"\nvendid=0x2c9\r\ncaguid=0xec0d9a03007d7d0a\r\n"
	"Ca\t2 \"H-ec0d9a03007d7d0a\"\t\t# \"dcs96 HCA-1\" (scp)\r\n"
	"[2](ec0d9a03007d7d0c) \t\"S-b8599f0300fc6de4\"[23] (b8599f0300fc6de4) \t\t"
	"# lid 28 lmc 2 \"MF0;sw\" lid 13 4xEDR\r\n"
	"\nrtguid=0x77\nRt\t1 \"R-1\"\t\t# \"router\"\n"
	"[1](78) \t\"S-b8599f0300fc6de4\"[3]\t\t# lid 19 lmc 0 \"MF0;sw\" lid 13 4xFDR\n";

START_TEST(test_read_ibnetdiscover)
{
	struct hf_topology *t = NULL;
	const struct hf_topology_node *sw, *ca;
	char *error = NULL;

	ck_assert_msg(!read_text(ibnetdiscover_text, &t, &error), "%s", error);
	ck_assert_uint_eq(t->node_count, 3);
	ck_assert_uint_eq(hf_topology_count_links(t), 3);
	sw = hf_topology_find_guid(t, 0xb8599f0300fc6de4);
	ck_assert_ptr_nonnull(sw);
	ck_assert_str_eq(sw->description, "MF0;sw \"95\":MQM8700/U1");
	ck_assert(sw->enhanced_port0);
	ck_assert_uint_eq(sw->ports[0].lid, 13);
	ck_assert_uint_eq(sw->ports[0].lmc, 1);
	ck_assert_uint_eq(sw->vendor_id, 0x2c9);
	ck_assert_uint_eq(sw->device_id, 0xd2f0);
	ck_assert_str_eq(sw->ports[40].rate, "4xNDR");
	ck_assert_ptr_eq(sw->ports[40].remote, sw);
	ck_assert_uint_eq(sw->ports[40].remote_port, 41);
	ca = find(t, "H-ec0d9a03007d7d0a");
	ck_assert_uint_eq(ca->ports[2].lid, 28);
	ck_assert_uint_eq(ca->ports[2].lmc, 2);
	ck_assert_uint_eq(ca->ports[2].guid, 0xec0d9a03007d7d0c);
	ck_assert_ptr_eq(ca->ports[2].remote, sw);
	ck_assert_ptr_null(ca->ports[1].remote);
	ck_assert_int_eq(find(t, "R-1")->type, HF_NODE_ROUTER);
	ck_assert_uint_eq(find(t, "R-1")->guid, 0x77);
	hf_topology_free(t);
}
END_TEST

/* The two functions of a card, each with the GUID of its port: in ibsim it is the nodes' that differ from the file. */
START_TEST(test_read_one_guid_for_node_and_port)
{
	struct hf_topology *t = NULL, *again = NULL;
	char *error = NULL, *text;

	ck_assert_msg(!read_text("switchguid=0x99\nSwitch 2 \"S\"\n"
				 "caguid=0xa\nCa 1 \"A\"\n[1](a) \"S\"[1](99)\n"
				 "caguid=0xb\nCa 2 \"B\"\n[2](c) \"S\"[2](99)\n", &t, &error), "%s", error);
	text = write_text(t);
	ck_assert_msg(!read_text(text, &again, &error), "%s", error);
	ck_assert_uint_eq(find(t, "A")->guid, 0x9);
	ck_assert_uint_eq(find(t, "A")->ports[1].guid, 0xa);
	ck_assert_uint_eq(find(t, "B")->guid, 0xa);
	ck_assert_uint_eq(find(t, "B")->ports[1].guid, 0xb);
	ck_assert_uint_eq(find(t, "B")->ports[2].guid, 0xc);
	ck_assert_ptr_eq(hf_topology_find_guid(t, 0xa), find(t, "B"));
	ck_assert_ptr_null(hf_topology_find_guid(t, 0xb));
	ck_assert_uint_eq(find(again, "A")->guid, 0x9);
	ck_assert_uint_eq(find(again, "B")->ports[2].guid, 0xc);
	free(text);
	hf_topology_free(t);
	hf_topology_free(again);
}
END_TEST

/* ibsim's own small form: no GUIDs, ports at one end only, the remote port left out. */
START_TEST(test_read_ibsim)
{
	struct hf_topology *t = NULL;
	char *error = NULL;

	ck_assert_msg(!read_text("Switch 8 \"A\"\n[1] \"C\"[1]\n[3] \"B\"[4]\n\nSwitch\t8 \"B\"\n[1]\t\"D\"\n"
				 "\nHca 2 \"C\"\nHca 2 \"D\"", &t, &error), "%s", error);
	ck_assert_uint_eq(hf_topology_count_links(t), 3);
	assert_linked(t, "D", "B", true);
	ck_assert_uint_eq(find(t, "B")->guid, 0x100001);
	ck_assert_uint_eq(find(t, "C")->guid, 0x200000);
	ck_assert_uint_eq(find(t, "D")->guid, 0x200003);
	ck_assert_uint_eq(find(t, "D")->ports[1].guid, 0x200004);
	hf_topology_free(t);
}
END_TEST

static const struct {
	const char *text, *error;
} bad[] = {
	{ "\n",					"net: no node in the file, expected Switch" },
	{ "[1] \"B\"[1]\n",			"net:1: expected Switch, Ca, Hca or Rt before a port, found \"[1]" },
	{ "Switch 8 \"A\"\n\n[1] \"B\"[1]\n",	"net:3: expected Switch" },
	{ "Switch \"A\"\n",			"net:1: expected the number of ports, 1 to 254, found \" \"A\"" },
	{ "Switch 255 \"A\"\n",			"net:1: expected the number of ports" },
	{ "Switch 0 \"A\"\n",			"net:1: expected 1 to 254 ports" },
	{ "Switch 8 A\n",			"net:1: expected a node's name in quotes, found \"A\"" },
	{ "Switch 8 \"A\n",			"net:1: expected a name of 1 to 63 characters in quotes" },
	{ "Switch 8 \"\"\n",			"net:1: expected a name" },
	{ "Switch 8 \"A\" \"B\"\n",		"net:1: expected a comment or the end of the line, found \"\"B\"\"" },
	{ "Switch 8\n",				"net:1: expected a node's name in quotes before the end of the line" },
	{ "Switch 8 \"A\"\nCa 1 \"A\"\n",	"net:2: a node \"A\" stands above" },
	{ "caguid=0x5\nCa 1 \"A\"\nswitchguid=5\nSwitch 1 \"B\"\n",
	  "net:4: GUID 0x0000000000000005 of \"B\" is that of \"A\"" },
	{ "switchguid=4\nSwitch 1 \"B\"\ncaguid=9\nCa 1 \"A\"\n[1](5) \"B\"[1]\n",
	  "net:5: GUID 0x0000000000000004 of \"A\", which is its port's less the port's number, is that of \"B\"" },
	{ "caguid=9\nCa 1 \"A\"\n[1](5) \"B\"[1]\n\nswitchguid=4\nSwitch 1 \"B\"\n",
	  "net:3: GUID 0x0000000000000004 of \"A\", which is its port's less the port's number, is that of \"B\"" },
	{ "caguid=0\nCa 1 \"A\"\n",		"net:2: expected 1 to 254 ports and a GUID other than 0" },
	{ "caguid\nCa 1 \"A\"\n",		"net:1: expected = or + and a GUID before the end of the line" },
	{ "caguid=0x10000000000000000\n",	"net:1: expected a GUID, found" },
	{ "caguid=0x1(zz)\n",			"net:1: expected a port GUID" },
	{ "vendid=x\n",				"net:1: expected a number, found \"x\"" },
	{ "Switch 8 \"A\"\n[9] \"A\"[1]\n",	"net:2: port 9 of \"A\", expected 1 to 8" },
	{ "Switch 8 \"A\"\n[0] \"A\"[1]\n",	"net:2: expected a port number from 1 to 254" },
	{ "Switch 8 \"A\"\n[1 \"A\"[1]\n",	"net:2: expected ], found" },
	{ "Switch 8 \"A\"\n[1] \"A\"[2] w=4\n",	"net:2: expected a comment or the end of the line, found \"w=4\"" },
	{ "Switch 8 \"A\"\n[1] \"B\"[1]\n",	"net:2: \"B\" is no node of this file" },
	{ "Switch 8 \"A\"\n[1] \"B\"[2]\nCa 1 \"B\"\n",	"net:2: port 2 of \"B\", expected 1 to 1" },
	{ "Switch 8 \"A\"\n[1] \"A\"[1]\n",	"net:2: port 1 of \"A\" leads to itself" },
	{ "Switch 8 \"A\"\n[1] \"B\"[1]\n[2] \"B\"[1]\nCa 1 \"B\"\n",
	  "net:3: expected a cable from \"A\"[2] to \"B\"[1], but \"B\"[1] leads to \"A\"[1]" },
	{ "Switch 8 \"A\"\n[1] \"B\"[1]\n[1] \"B\"[2]\nCa 2 \"B\"\n",
	  "net:3: expected a cable from \"A\"[1] to \"B\"[2], but \"A\"[1] leads to \"B\"[1]" },
	{ "include \"other\"\n",		"net:1: expected a node (Switch, Ca, Hca, Rt)" },
	{ "Switches 8 \"A\"\n",			"net:1: expected a node (Switch, Ca, Hca, Rt)" },
};

START_TEST(test_read_errors)
{
	struct hf_topology *t = NULL;
	char *error = NULL;

	ck_assert_int_eq(read_text(bad[_i].text, &t, &error), -EINVAL);
	ck_assert_ptr_null(t);
	ck_assert_msg(!strncmp(error, bad[_i].error, strlen(bad[_i].error)), "%s", error);
	free(error);
}
END_TEST

START_TEST(test_read_zero_byte)
{
	static const char text[] = "Switch 8 \"A\"\n[1]\0\n";
	FILE *in = fmemopen((void *)text, sizeof(text) - 1, "r");
	struct hf_topology *t = NULL;
	char *error = NULL;

	ck_assert_int_eq(hf_topology_read(in, "net", &t, &error), -EINVAL);
	ck_assert_str_eq(error, "net:2: a zero byte, expected text");
	free(error);
	fclose(in);
}
END_TEST

START_TEST(test_load_missing)
{
	struct hf_topology *t = NULL;
	char *error = NULL;

	ck_assert_int_eq(hf_topology_load("/nonexistent/net", &t, &error), -ENOENT);
	ck_assert_str_eq(error, "/nonexistent/net: cannot open: No such file or directory");
	free(error);
}
END_TEST

START_TEST(test_disconnect)
{
	struct hf_topology *t = generate("ring", "6", 1, false);
	struct hf_topology_node *a = find(t, "S_0"), *b = find(t, "S_1");

	ck_assert_int_eq(hf_topology_connect(a, 2, b, 1), -EBUSY);
	hf_topology_disconnect(b, 1);
	hf_topology_disconnect(b, 1);
	hf_topology_disconnect(b, 99);
	assert_linked(t, "S_0", "S_1", false);
	ck_assert_uint_eq(hf_topology_count_links(t), 11);
	ck_assert_int_eq(hf_topology_connect(a, 2, b, 4), -EINVAL);
	ck_assert_int_eq(hf_topology_connect(a, 0, b, 1), -EINVAL);
	ck_assert_int_eq(hf_topology_connect(a, 2, b, 1), 0);
	assert_linked(t, "S_0", "S_1", true);
	hf_topology_free(t);
}
END_TEST

START_TEST(test_groups)
{
	struct hf_topology *t = generate("ring", "4", 1, true), *again = NULL;
	char *text, *error = NULL, *commands = NULL;
	size_t size;
	FILE *out;

	hf_topology_group_hosts(t, 3);
	ck_assert_uint_eq(find(t, "H_0_0")->group, 1);
	ck_assert_uint_eq(find(t, "H_2_0")->group, 3);
	ck_assert_uint_eq(find(t, "H_3_0")->group, 1);
	ck_assert_uint_eq(find(t, "sm")->group, 0);
	text = write_text(t);
	ck_assert_int_eq(read_text(text, &again, &error), -EINVAL);
	ck_assert_msg(strstr(error, "of \"H_3_0\" is that of \"H_0_0\"") != NULL, "%s", error);
	out = open_memstream(&commands, &size);
	ck_assert_int_eq(hf_topology_write_guids(t, out), 0);
	fclose(out);
	ck_assert_str_eq(commands, "Guid \"H_0_0\" 0x268660002000000\nGuid \"H_1_0\" 0x268660002000100\n"
			 "Guid \"H_2_0\" 0x268660002000200\nGuid \"H_3_0\" 0x268660002000300\n");
	free(error);
	free(text);
	free(commands);
	hf_topology_group_hosts(t, 0);
	text = write_text(t);
	error = NULL;
	ck_assert_msg(!read_text(text, &again, &error), "%s", error);
	free(text);
	hf_topology_free(t);
	hf_topology_free(again);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("topology");
	TCase *generators = tcase_create("generators"), *files = tcase_create("files");

	tcase_add_loop_test(generators, test_generator_counts, 0, COUNT(counts));
	tcase_add_test(generators, test_mesh_neighbours);
	tcase_add_test(generators, test_torus_wraps);
	tcase_add_test(generators, test_fat_tree_pods);
	tcase_add_loop_test(generators, test_regular, 0, COUNT(regular));
	tcase_add_loop_test(generators, test_dragonfly_groups, 0, COUNT(dragonflies));
	tcase_add_test(generators, test_dragonfly_neighbours);
	tcase_add_test(generators, test_hyperx_neighbours);
	tcase_add_loop_test(generators, test_generator_refuses, 0, COUNT(refused));
	tcase_add_test(generators, test_disconnect);
	suite_add_tcase(suite, generators);
	tcase_add_loop_test(files, test_write_read_same, 0, COUNT(counts));
	tcase_add_test(files, test_read_ibnetdiscover);
	tcase_add_test(files, test_read_one_guid_for_node_and_port);
	tcase_add_test(files, test_read_ibsim);
	tcase_add_loop_test(files, test_read_errors, 0, COUNT(bad));
	tcase_add_test(files, test_read_zero_byte);
	tcase_add_test(files, test_load_missing);
	tcase_add_test(files, test_groups);
	suite_add_tcase(suite, files);
	return check_main(suite);
}
