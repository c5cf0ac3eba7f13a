/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A fabric as a graph: nodes with numbered ports, and cables between ports. It is generated, or read from a file as
 * ibnetdiscover prints it and ibsim reads it, and written as such a file.
 *
 * Everything here is pure memory and stdio: no function needs a subnet manager, ibsim or an adapter. Functions that
 * can fail for a reason in their input set @ret_error to one line that says where, what and what is allowed; the
 * caller frees it. It stays NULL where memory ran out.
 *
 * Context: a topology belongs to one thread at a time.
 */
#ifndef HF_SIM_TOPOLOGY_H
#define HF_SIM_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <uthash.h>

#define HF_TOPOLOGY_NAME_MAX	63	/* characters of a node's name: what ibsim keeps */
#define HF_TOPOLOGY_PORT_MAX	254	/* highest port number (IBA 1.2.1, 14.2.5.3) */
#define HF_TOPOLOGY_NODE_MAX	0xBFFF	/* as many as there are unicast LIDs */
#define HF_TOPOLOGY_SM_NAME	"sm"

enum hf_node_type {	/* NodeInfo.NodeType */
	HF_NODE_CA	= 1,
	HF_NODE_SWITCH	= 2,
	HF_NODE_ROUTER	= 3,
};

struct hf_topology_port {
	struct hf_topology_node *remote;	/* NULL: no cable */
	uint8_t remote_port;			/* 0: no cable */
	uint8_t lmc;
	uint16_t lid;				/* as a file said; 0: it said none. A switch has its LID at port 0 */
	uint64_t guid;				/* of a switch: the node's GUID */
	char rate[12];				/* "4xEDR" as a file said; empty: it said none */
};

struct hf_topology_node {
	unsigned int index;			/* in hf_topology.nodes */
	enum hf_node_type type;
	char *name;				/* the node's name in files and in ibsim's console; unique */
	char *description;			/* NodeDescription */
	uint64_t guid;				/* unique */
	uint64_t system_guid;
	uint32_t vendor_id, device_id;
	bool enhanced_port0;			/* of a switch */
	unsigned int group;			/* port GUID group, see hf_topology_write(); 0: a GUID of its own */
	unsigned int port_count;		/* without port 0 */
	struct hf_topology_port *ports;		/* port_count + 1; [0] is a switch's management port, else unused */
	UT_hash_handle by_name, by_guid;
};

/* To be read by everyone, to be changed by the functions below. */
struct hf_topology {
	struct hf_topology_node **nodes;
	unsigned int node_count, node_room;
	struct hf_topology_node *name_table, *guid_table;
};

struct hf_topology *hf_topology_new(void);
void hf_topology_free(struct hf_topology *topology);

/**
 * hf_topology_add_node() - add a node without cables
 * @topology:    gets the node
 * @type:        its type
 * @name:        1 to %HF_TOPOLOGY_NAME_MAX characters, copied; also its description until that is replaced
 * @guid:        not 0; the ports of a channel adapter or router get @guid + port number
 * @port_count:  1 to %HF_TOPOLOGY_PORT_MAX
 * @ret_node:    the node; it stays where it is until the topology is freed
 *
 * Return: 0; -EINVAL for a name, GUID or port count out of range; -EEXIST where name or GUID are taken; -ENOSPC above
 * %HF_TOPOLOGY_NODE_MAX nodes; -ENOMEM.
 */
int hf_topology_add_node(struct hf_topology *topology, enum hf_node_type type, const char *name, uint64_t guid,
			 unsigned int port_count, struct hf_topology_node **ret_node);

/* Replaces the description. Return: 0; -ENOMEM. */
int hf_topology_describe(struct hf_topology_node *node, const char *description);

/**
 * hf_topology_connect() - lay a cable between two ports
 *
 * Return: 0; -EINVAL where a port does not exist or both are the same; -EBUSY where one has a cable already.
 */
int hf_topology_connect(struct hf_topology_node *a, unsigned int port_a, struct hf_topology_node *b,
			unsigned int port_b);

/* Takes the cable of a port away, if it has one. */
void hf_topology_disconnect(struct hf_topology_node *node, unsigned int port);

/* Return: the node, or NULL. */
struct hf_topology_node *hf_topology_find_name(const struct hf_topology *topology, const char *name);
struct hf_topology_node *hf_topology_find_guid(const struct hf_topology *topology, uint64_t guid);

/* The first port with a cable; 0: there is none. */
unsigned int hf_topology_first_port(const struct hf_topology_node *node);

/* Gives a node and its ports GUIDs as ibsim counts them; hf_topology_index_guids() must follow. */
void hf_topology_set_guid(struct hf_topology_node *node, uint64_t guid);

/**
 * hf_topology_index_guids() - make hf_topology_find_guid() know the nodes by the GUIDs that they have now
 *
 * Return: 0; -EEXIST: @ret_twin has the GUID of a node before it; -ENOMEM.
 */
int hf_topology_index_guids(struct hf_topology *topology, struct hf_topology_node **ret_twin);

/* Return: the lowest port of @from whose cable leads to @to; 0 if there is none. */
unsigned int hf_topology_find_link(const struct hf_topology_node *from, const struct hf_topology_node *to);

unsigned int hf_topology_count_type(const struct hf_topology *topology, enum hf_node_type type);
unsigned int hf_topology_count_links(const struct hf_topology *topology);

/**
 * hf_topology_from_spec() - generate a fabric
 * @kind:         one of the kinds below
 * @size:         as the kind wants it
 * @hosts:        channel adapters with one port on each switch (of fat-tree and leaf-spine: on each leaf switch)
 * @sm_host:      add an adapter named "sm" on the first switch, at a port of its own behind the hosts' ports
 * @ret_topology: caller frees with hf_topology_free()
 * @ret_error:    see above
 *
 *	kind		size			switches
 *	mesh		"3x2", "4x4x4", ...	S_x_y..., one coordinate for each of up to 8 dimensions
 *	torus		the same		the same; a dimension of 2 has one cable, not two in parallel
 *	ring		"6" (3 or more)		S_x
 *	fat-tree	"4" (even)		folded Clos of three levels, of switches with so many ports (k):
 *						k*k/2 leaves S_0_i, k*k/2 above them S_1_i, k*k/4 spines S_2_i;
 *						k/2 neighbouring S_0 and S_1 make a pod; at most k/2 hosts on a leaf
 *	leaf-spine	"4x2", "4x2x3"		leaves S_0_i, spines S_1_j, the third number cables between each two
 *	dragonfly	"4x2", "4x2x5"		switches of a group (a), global cables of each (h), groups; without the
 *						third number a*h+1 of them, with one cable between each two groups, else
 *						a*h/(groups-1) cables. S_g_i is the i-th of group g, linked to all others
 *						of its group. Balanced where a = 2h and a switch has h hosts
 *	hyperx		"4x4", "3x3x3"		as mesh, but each switch is linked to all others of its line along each
 *						dimension (a Hamming graph)
 *	hypercube	"4" (1 to 8)		a hyperx of so many dimensions of 2
 *
 * Hosts are named like their switch: H_x_y_n is the n-th (from 0) on S_x_y. In mesh, torus and ring the ports 2d+1
 * and 2d+2 of a switch lead down and up dimension d (from 0), hosts follow behind them; on leaves hosts come first.
 * In dragonfly and hyperx the ports to the other switches of a group or line come first, in their order (of a hyperx
 * line by line, from dimension 0), then a dragonfly's global cables, then the hosts.
 * GUIDs are the same at every run. The nodes stand in the order switches, hosts, SM.
 *
 * Return: 0; -EINVAL for a kind, size or number of hosts that is not possible; -ENOMEM.
 */
int hf_topology_from_spec(const char *kind, const char *size, unsigned int hosts, bool sm_host,
			  struct hf_topology **ret_topology, char **ret_error);

/**
 * hf_topology_read() - read a fabric as ibnetdiscover prints it (also with -p or -g) or as ibsim has it
 * @in:           read to its end
 * @path:         what errors call the file
 * @ret_topology: caller frees with hf_topology_free()
 * @ret_error:    "path:line: what is wrong, expected what"
 *
 * A cable may stand at one or at both of its ends; both must agree. Nodes without a GUID line are numbered as ibsim
 * does it. Comments give descriptions, LIDs and rates where they have ibnetdiscover's form. What only ibsim's console
 * knows (include, do, module, aliases, width and speed settings) is an error, because it would be lost.
 *
 * ibsim has GUIDs for nodes alone and counts those of an adapter's ports up from it. So where the file tells the GUID
 * of an adapter's first port with a cable, the node's becomes that less the port's number: the port has the GUID of the
 * file, the node of many adapters has not.
 *
 * Return: 0; -EINVAL for what the file says; -ENOMEM; the negative errno of reading.
 */
int hf_topology_read(FILE *in, const char *path, struct hf_topology **ret_topology, char **ret_error);

/* The same for the file at @path; an errno of opening it is told in @ret_error, too. */
int hf_topology_load(const char *path, struct hf_topology **ret_topology, char **ret_error);

/**
 * hf_topology_write() - write a file that ibsim loads and hf_topology_read() reads back the same
 * @topology: borrowed
 * @out:      written, not closed
 *
 * ibsim delivers by port GUID and gives port p of an adapter the GUID node + p, whatever a file says of ports: see
 * hf_topology_read().
 * Adapters with the same hf_topology_node.group (1 and up) are written with one node GUID, so that one client of
 * ibsim's few receives for all of them. ibsim must then run with -I, and be given the commands that
 * hf_topology_write_guids() writes before a subnet manager starts, so that it reports every adapter's own GUID.
 *
 * Return: 0; the negative errno of writing.
 */
int hf_topology_write(const struct hf_topology *topology, FILE *out);

/* Puts all channel adapters but "sm" in turn into groups 1 to @groups; 0 gives each its own GUID back. */
void hf_topology_group_hosts(struct hf_topology *topology, unsigned int groups);

/* Writes ibsim console commands, one a line: the node GUID of each adapter that is in a group. Return: see above. */
int hf_topology_write_guids(const struct hf_topology *topology, FILE *out);

#endif
