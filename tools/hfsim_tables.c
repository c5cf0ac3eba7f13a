/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_tables.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_VERSION	1
#define LFT_MAX		0xc000
#define UNICAST_LID_MAX	0xbfff

/* Reads an integer member. Out of range is as bad as missing. */
static int get_number(const json_t *object, const char *name, json_int_t min, json_int_t max, json_int_t *ret_number)
{
	const json_t *number = json_object_get(object, name);
	json_int_t value = json_integer_value(number);

	if (!json_is_integer(number) || value < min || value > max)
		return -EPROTO;
	*ret_number = value;
	return 0;
}

static int get_guid(const json_t *object, const char *name, uint64_t *ret_guid)
{
	const char *text = json_string_value(json_object_get(object, name));
	char *end;

	if (!text)
		return -EPROTO;
	*ret_guid = strtoull(text, &end, 16);
	return *end == '\0' && *ret_guid != 0 ? 0 : -EPROTO;
}

/* Descriptions need not be unique, but names of a topology must be: a second one gets its GUID for a name. */
static int add_node(struct hf_tables *tables, const json_t *json, enum hf_node_type type, unsigned int n_ports,
		    struct hf_topology_node **ret_node)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	char guid_name[24];
	uint64_t guid;
	int err = get_guid(json, "guid", &guid);

	if (err || !name)
		return -EPROTO;
	snprintf(guid_name, sizeof(guid_name), "0x%016" PRIx64, guid);
	if (*name == '\0' || hf_topology_find_name(tables->topology, name))
		name = guid_name;
	err = hf_topology_add_node(tables->topology, type, name, guid, n_ports, ret_node);
	return err == -EINVAL || err == -EEXIST ? -EPROTO : err;
}

static int add_switch(struct hf_tables *tables, const json_t *json)
{
	struct hf_topology_node *node;
	json_int_t n_ports, lid;

	if (get_number(json, "ports", 1, HF_TOPOLOGY_PORT_MAX, &n_ports) ||
	    get_number(json, "lid", 0, UNICAST_LID_MAX, &lid))
		return -EPROTO;
	int err = add_node(tables, json, HF_NODE_SWITCH, n_ports, &node);

	if (!err)
		node->ports[0].lid = lid;
	return err;
}

static int add_port(struct hf_tables *tables, struct hf_topology_node *node, const json_t *json)
{
	struct hf_table_port *port;
	json_int_t number, lid, lmc;
	uint64_t guid;

	if (get_number(json, "port", 1, node->port_count, &number) || get_guid(json, "guid", &guid) ||
	    get_number(json, "lid", 0, UNICAST_LID_MAX, &lid) || get_number(json, "lmc", 0, 7, &lmc))
		return -EPROTO;
	node->ports[number].guid = guid;
	node->ports[number].lid = lid;
	node->ports[number].lmc = lmc;
	port = calloc(1, sizeof(*port));
	if (!port)
		return -ENOMEM;
	*port = (struct hf_table_port){ .lid = lid, .guid = guid, .name = node->name };
	HASH_ADD(by_lid, tables->ports, lid, sizeof(port->lid), port);
	HASH_ADD(by_guid, tables->guids, guid, sizeof(port->guid), port);
	return 0;
}

static int add_host(struct hf_tables *tables, const json_t *json)
{
	const json_t *ports = json_object_get(json, "ports");
	struct hf_topology_node *node;
	json_int_t last = 1;
	const json_t *port;
	size_t i;
	int err;

	json_array_foreach(ports, i, port) {
		json_int_t number;

		if (get_number(port, "port", 1, HF_TOPOLOGY_PORT_MAX, &number))
			return -EPROTO;
		last = number > last ? number : last;
	}
	err = add_node(tables, json, HF_NODE_CA, last, &node);
	json_array_foreach(ports, i, port)
		if (!err)
			err = add_port(tables, node, port);
	return err;
}

/* Every cable stands at both of its ends: the second time it is there already. */
static int connect_port(struct hf_tables *tables, struct hf_topology_node *node, const json_t *json)
{
	struct hf_topology_node *peer;
	json_int_t port, peer_port;
	uint64_t guid;

	if (get_number(json, "port", 1, node->port_count, &port) || get_guid(json, "peer", &guid) ||
	    get_number(json, "peer_port", 0, HF_TOPOLOGY_PORT_MAX, &peer_port))
		return -EPROTO;
	peer = hf_topology_find_guid(tables->topology, guid);
	if (!peer)
		return -EPROTO;
	if (node->ports[port].remote == peer && node->ports[port].remote_port == peer_port)
		return 0;
	return hf_topology_connect(node, port, peer, peer_port) ? -EPROTO : 0;
}

static int get_vls(const json_t *json, uint8_t ret_vls[HF_SL_COUNT])
{
	if (json_array_size(json) != HF_SL_COUNT)
		return -EPROTO;
	for (size_t sl = 0; sl < HF_SL_COUNT; sl++) {
		json_int_t vl = json_integer_value(json_array_get(json, sl));

		if (vl < 0 || vl > 15)
			return -EPROTO;
		ret_vls[sl] = vl;
	}
	return 0;
}

static int set_lft(struct hf_tables *tables, const struct hf_topology_node *node, const json_t *lft)
{
	size_t count = json_array_size(lft);
	uint8_t ports[LFT_MAX];

	if (!json_is_array(lft) || count > LFT_MAX)
		return -EPROTO;
	for (size_t lid = 0; lid < count; lid++)
		ports[lid] = json_integer_value(json_array_get(lft, lid));
	/* LID 0 is no destination. */
	return count > 1 ? hf_creditloop_set_lft(tables->check, node, 1, ports + 1, count - 1) : 0;
}

static int set_switch_tables(struct hf_tables *tables, const json_t *json, const struct hf_topology_node *node)
{
	const json_t *entry;
	size_t i;
	int err = set_lft(tables, node, json_object_get(json, "lft"));

	json_array_foreach(json_object_get(json, "sl2vl"), i, entry) {
		uint8_t vls[HF_SL_COUNT];
		json_int_t in, out;

		if (err)
			return err;
		if (get_number(entry, "in", 0, node->port_count, &in) ||
		    get_number(entry, "out", 1, node->port_count, &out) || get_vls(json_object_get(entry, "vl"), vls))
			return -EPROTO;
		err = hf_creditloop_set_sl2vl(tables->check, node, in, out, vls);
	}
	return err;
}

static int set_host_tables(struct hf_tables *tables, const json_t *json, const struct hf_topology_node *node)
{
	const json_t *port;
	size_t i;

	json_array_foreach(json_object_get(json, "ports"), i, port) {
		uint8_t vls[HF_SL_COUNT];
		json_int_t number;

		if (get_number(port, "port", 1, node->port_count, &number) ||
		    get_vls(json_object_get(port, "sl2vl"), vls))
			return -EPROTO;
		int err = hf_creditloop_set_sl2vl(tables->check, node, 0, number, vls);

		if (err)
			return err;
	}
	return 0;
}

static struct hf_topology_node *find_node(const struct hf_tables *tables, const json_t *json)
{
	uint64_t guid;

	return get_guid(json, "guid", &guid) ? NULL : hf_topology_find_guid(tables->topology, guid);
}

static int add_nodes(struct hf_tables *tables, const json_t *switches, const json_t *hosts)
{
	const json_t *json;
	size_t i;
	int err = 0;

	json_array_foreach(switches, i, json)
		if (!err)
			err = add_switch(tables, json);
	json_array_foreach(hosts, i, json)
		if (!err)
			err = add_host(tables, json);
	return err;
}

static int connect_nodes(struct hf_tables *tables, const json_t *nodes, const char *list)
{
	const json_t *json, *port;
	size_t i, j;
	int err = 0;

	json_array_foreach(nodes, i, json) {
		struct hf_topology_node *node = find_node(tables, json);

		json_array_foreach(json_object_get(json, list), j, port)
			if (!err)
				err = connect_port(tables, node, port);
	}
	return err;
}

static int set_tables(struct hf_tables *tables, const json_t *switches, const json_t *hosts)
{
	const json_t *json;
	size_t i;
	int err = 0;

	tables->check = hf_creditloop_new(tables->topology);
	if (!tables->check)
		return -ENOMEM;
	json_array_foreach(switches, i, json)
		if (!err)
			err = set_switch_tables(tables, json, find_node(tables, json));
	json_array_foreach(hosts, i, json)
		if (!err)
			err = set_host_tables(tables, json, find_node(tables, json));
	return err == -EINVAL ? -EPROTO : err;
}

static int add_path(struct hf_tables *tables, const json_t *json)
{
	static const json_int_t max[] = { UNICAST_LID_MAX, UNICAST_LID_MAX, 15, 63, 63, 63 };
	struct hf_table_path *path = calloc(1, sizeof(*path)), *old;
	json_int_t field[6];

	if (!path)
		return -ENOMEM;
	for (size_t i = 0; i < 6; i++) {
		field[i] = json_integer_value(json_array_get(json, i));
		if (!json_is_integer(json_array_get(json, i)) || field[i] < 0 || field[i] > max[i]) {
			free(path);
			return -EPROTO;
		}
	}
	path->slid = field[0];
	path->dlid = field[1];
	path->sl = field[2];
	path->mtu = field[3];
	path->rate = field[4];
	path->pkt_life = field[5];
	HASH_REPLACE(hh, tables->paths, slid, sizeof(path->slid) + sizeof(path->dlid), path, old);
	free(old);
	return 0;
}

int hf_tables_parse(const json_t *json, struct hf_tables **ret_tables)
{
	const json_t *switches = json_object_get(json, "switches"), *hosts = json_object_get(json, "hosts");
	struct hf_tables *tables = calloc(1, sizeof(*tables));
	const json_t *path;
	json_int_t version;
	size_t i;
	int err = 0;

	if (!tables)
		return -ENOMEM;
	tables->topology = hf_topology_new();
	if (!tables->topology)
		err = -ENOMEM;
	else if (get_number(json, "version", FORMAT_VERSION, FORMAT_VERSION, &version))
		err = -EPROTO;
	if (!err)
		err = add_nodes(tables, switches, hosts);
	if (!err)
		err = connect_nodes(tables, switches, "links");
	if (!err)
		err = connect_nodes(tables, hosts, "ports");
	if (!err)
		err = set_tables(tables, switches, hosts);
	json_array_foreach(json_object_get(json, "paths"), i, path)
		if (!err)
			err = add_path(tables, path);
	if (err) {
		hf_tables_free(tables);
		return err;
	}
	*ret_tables = tables;
	return 0;
}

int hf_tables_load(const char *path, struct hf_tables **ret_tables)
{
	FILE *file = fopen(path, "re");
	json_t *json;
	int err;

	if (!file)
		return -errno;
	json = json_loadf(file, 0, NULL);
	fclose(file);
	if (!json)
		return -EPROTO;
	err = hf_tables_parse(json, ret_tables);
	json_decref(json);
	return err;
}

void hf_tables_free(struct hf_tables *tables)
{
	struct hf_table_path *path, *next_path;
	struct hf_table_port *port, *next_port;

	if (!tables)
		return;
	HASH_ITER(hh, tables->paths, path, next_path) {
		HASH_DEL(tables->paths, path);
		free(path);
	}
	HASH_CLEAR(by_guid, tables->guids);
	HASH_ITER(by_lid, tables->ports, port, next_port) {
		HASH_DELETE(by_lid, tables->ports, port);
		free(port);
	}
	hf_creditloop_free(tables->check);
	hf_topology_free(tables->topology);
	free(tables);
}

const struct hf_table_path *hf_tables_find_path(const struct hf_tables *tables, uint16_t slid, uint16_t dlid)
{
	const struct hf_table_path key = { .slid = slid, .dlid = dlid };
	struct hf_table_path *path;

	HASH_FIND(hh, tables->paths, &key.slid, sizeof(key.slid) + sizeof(key.dlid), path);
	return path;
}

const struct hf_table_port *hf_tables_find_lid(const struct hf_tables *tables, uint16_t lid)
{
	struct hf_table_port *port;

	HASH_FIND(by_lid, tables->ports, &lid, sizeof(lid), port);
	return port;
}

const struct hf_table_port *hf_tables_find_guid(const struct hf_tables *tables, uint64_t guid)
{
	struct hf_table_port *port;

	HASH_FIND(by_guid, tables->guids, &guid, sizeof(guid), port);
	return port;
}

static bool is_between_hosts(const struct hf_tables *tables, const struct hf_table_path *path)
{
	return path->slid != path->dlid && hf_tables_find_lid(tables, path->slid) &&
	       hf_tables_find_lid(tables, path->dlid);
}

size_t hf_tables_count_changes(const struct hf_tables *before, const struct hf_tables *after)
{
	const struct hf_table_path *path, *other;
	size_t n_changes = 0;

	for (path = after->paths; path; path = path->hh.next) {
		if (!is_between_hosts(after, path))
			continue;
		other = hf_tables_find_path(before, path->slid, path->dlid);
		n_changes += !other || other->sl != path->sl || other->mtu != path->mtu || other->rate != path->rate ||
			     other->pkt_life != path->pkt_life;
	}
	for (path = before->paths; path; path = path->hh.next)
		n_changes += is_between_hosts(before, path) && !hf_tables_find_path(after, path->slid, path->dlid);
	return n_changes;
}
