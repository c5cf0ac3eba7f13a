/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#define HASH_NONFATAL_OOM 1

#include "sim/topology.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hf_topology *hf_topology_new(void)
{
	return calloc(1, sizeof(struct hf_topology));
}

static void node_free(struct hf_topology_node *node)
{
	free(node->name);
	free(node->description);
	free(node->ports);
	free(node);
}

void hf_topology_free(struct hf_topology *topology)
{
	if (!topology)
		return;
	HASH_CLEAR(by_name, topology->name_table);
	HASH_CLEAR(by_guid, topology->guid_table);
	for (unsigned int i = 0; i < topology->node_count; i++)
		node_free(topology->nodes[i]);
	free(topology->nodes);
	free(topology);
}

struct hf_topology_node *hf_topology_find_name(const struct hf_topology *topology, const char *name)
{
	struct hf_topology_node *node;

	HASH_FIND(by_name, topology->name_table, name, strlen(name), node);
	return node;
}

struct hf_topology_node *hf_topology_find_guid(const struct hf_topology *topology, uint64_t guid)
{
	struct hf_topology_node *node;

	HASH_FIND(by_guid, topology->guid_table, &guid, sizeof(guid), node);
	return node;
}

int hf_topology_index_guids(struct hf_topology *topology, struct hf_topology_node **ret_twin)
{
	HASH_CLEAR(by_guid, topology->guid_table);
	for (unsigned int i = 0; i < topology->node_count; i++) {
		struct hf_topology_node *node = topology->nodes[i];

		if (hf_topology_find_guid(topology, node->guid)) {
			*ret_twin = node;
			return -EEXIST;
		}
		HASH_ADD(by_guid, topology->guid_table, guid, sizeof(node->guid), node);
		if (!node->by_guid.tbl)
			return -ENOMEM;
	}
	return 0;
}

unsigned int hf_topology_first_port(const struct hf_topology_node *node)
{
	for (unsigned int i = 1; i <= node->port_count; i++)
		if (node->ports[i].remote)
			return i;
	return 0;
}

static int make_room(struct hf_topology *topology)
{
	struct hf_topology_node **nodes;
	unsigned int room;

	if (topology->node_count < topology->node_room)
		return 0;
	room = topology->node_room ? topology->node_room * 2 : 64;
	nodes = reallocarray(topology->nodes, room, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	topology->nodes = nodes;
	topology->node_room = room;
	return 0;
}

void hf_topology_set_guid(struct hf_topology_node *node, uint64_t guid)
{
	node->guid = guid;
	for (unsigned int i = 0; i <= node->port_count; i++)
		node->ports[i].guid = node->type == HF_NODE_SWITCH ? guid : guid + i;
}

static struct hf_topology_node *node_new(enum hf_node_type type, const char *name, uint64_t guid,
					 unsigned int port_count)
{
	struct hf_topology_node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->type = type;
	node->system_guid = guid;
	node->port_count = port_count;
	node->name = strdup(name);
	node->description = strdup(name);
	node->ports = calloc(port_count + 1, sizeof(*node->ports));
	if (!node->name || !node->description || !node->ports) {
		node_free(node);
		return NULL;
	}
	hf_topology_set_guid(node, guid);
	return node;
}

int hf_topology_add_node(struct hf_topology *topology, enum hf_node_type type, const char *name, uint64_t guid,
			 unsigned int port_count, struct hf_topology_node **ret_node)
{
	size_t name_length = strlen(name);
	struct hf_topology_node *node;

	if (!name_length || name_length > HF_TOPOLOGY_NAME_MAX || !guid || !port_count ||
	    port_count > HF_TOPOLOGY_PORT_MAX)
		return -EINVAL;
	if (hf_topology_find_name(topology, name) || hf_topology_find_guid(topology, guid))
		return -EEXIST;
	if (topology->node_count == HF_TOPOLOGY_NODE_MAX)
		return -ENOSPC;
	if (make_room(topology))
		return -ENOMEM;
	node = node_new(type, name, guid, port_count);
	if (!node)
		return -ENOMEM;

	HASH_ADD_KEYPTR(by_name, topology->name_table, node->name, name_length, node);
	if (!node->by_name.tbl)
		goto err_free_node;
	HASH_ADD(by_guid, topology->guid_table, guid, sizeof(node->guid), node);
	if (!node->by_guid.tbl)
		goto err_del_name;
	node->index = topology->node_count++;
	topology->nodes[node->index] = node;
	*ret_node = node;
	return 0;

err_del_name:
	HASH_DELETE(by_name, topology->name_table, node);
err_free_node:
	node_free(node);
	return -ENOMEM;
}

int hf_topology_describe(struct hf_topology_node *node, const char *description)
{
	char *copy = strdup(description);

	if (!copy)
		return -ENOMEM;
	free(node->description);
	node->description = copy;
	return 0;
}

static bool has_port(const struct hf_topology_node *node, unsigned int port)
{
	return port >= 1 && port <= node->port_count;
}

int hf_topology_connect(struct hf_topology_node *a, unsigned int port_a, struct hf_topology_node *b,
			unsigned int port_b)
{
	if (!has_port(a, port_a) || !has_port(b, port_b) || (a == b && port_a == port_b))
		return -EINVAL;
	if (a->ports[port_a].remote || b->ports[port_b].remote)
		return -EBUSY;
	a->ports[port_a].remote = b;
	a->ports[port_a].remote_port = port_b;
	b->ports[port_b].remote = a;
	b->ports[port_b].remote_port = port_a;
	return 0;
}

void hf_topology_disconnect(struct hf_topology_node *node, unsigned int port)
{
	struct hf_topology_port *near_end, *far_end;

	if (!has_port(node, port) || !node->ports[port].remote)
		return;
	near_end = &node->ports[port];
	far_end = &near_end->remote->ports[near_end->remote_port];
	near_end->remote = far_end->remote = NULL;
	near_end->remote_port = far_end->remote_port = 0;
}

unsigned int hf_topology_find_link(const struct hf_topology_node *from, const struct hf_topology_node *to)
{
	for (unsigned int port = 1; port <= from->port_count; port++)
		if (from->ports[port].remote == to)
			return port;
	return 0;
}

unsigned int hf_topology_count_type(const struct hf_topology *topology, enum hf_node_type type)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < topology->node_count; i++)
		count += topology->nodes[i]->type == type;
	return count;
}

unsigned int hf_topology_count_links(const struct hf_topology *topology)
{
	unsigned int ends = 0;

	for (unsigned int i = 0; i < topology->node_count; i++)
		for (unsigned int port = 1; port <= topology->nodes[i]->port_count; port++)
			ends += topology->nodes[i]->ports[port].remote != NULL;
	return ends / 2;
}

void hf_topology_group_hosts(struct hf_topology *topology, unsigned int groups)
{
	unsigned int host = 0;

	for (unsigned int i = 0; i < topology->node_count; i++) {
		struct hf_topology_node *node = topology->nodes[i];

		if (node->type != HF_NODE_CA || !strcmp(node->name, HF_TOPOLOGY_SM_NAME))
			continue;
		node->group = groups ? host++ % groups + 1 : 0;
	}
}
