/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tests/fabric_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MTU_4096	5
#define RATE_100_GBPS	16
#define LAST_LID	0xbfff
#define SLS_GIVEN	8

struct job {
	const struct hf_topology *topology;
	struct hf_tables *tables;
	struct hf_port_registry *registry;
	uint32_t *switch_of;	/* by node; HF_NO_INDEX for channel adapters */
	uint32_t *queue;	/* of switches, the nearest to a destination first */
	uint8_t *next_ports;	/* by switch; HF_NO_PORT where it has not been met */
};

/* A port's column is its index, and its LID one more. */
static int number_port(struct job *job, uint64_t guid)
{
	uint32_t index, column;

	return hf_port_registry_add(job->registry, guid, 0, &index, &column);
}

static int number_adapter(struct job *job, const struct hf_topology_node *node)
{
	int err = 0;

	for (unsigned int number = 1; !err && number <= node->port_count; number++)
		if (node->ports[number].remote)
			err = number_port(job, node->guid + number);
	return err;
}

static int number_all(struct job *job, uint32_t *ret_switches, unsigned int *ret_ports_per_switch)
{
	int err = 0;

	*ret_switches = 0;
	*ret_ports_per_switch = 1;
	for (unsigned int i = 0; !err && i < job->topology->node_count; i++) {
		const struct hf_topology_node *node = job->topology->nodes[i];

		job->switch_of[i] = HF_NO_INDEX;
		if (node->type != HF_NODE_SWITCH) {
			err = number_adapter(job, node);
			continue;
		}
		job->switch_of[i] = (*ret_switches)++;
		if (node->port_count >= *ret_ports_per_switch)
			*ret_ports_per_switch = node->port_count + 1;
		err = number_port(job, node->guid);
	}
	return err;
}

static struct hf_table_port *put_port(struct job *job, uint64_t guid)
{
	uint32_t index = hf_port_registry_find(job->registry, guid);
	struct hf_table_port *port = &job->tables->ports[index];

	*port = (struct hf_table_port) {
		.guid = guid,
		.first_column = index,
		.lid = index + 1,
		.mtu = MTU_4096,
		.rate = RATE_100_GBPS,
		.can = HF_CAN_ALL,
		.peer = HF_NO_INDEX,
	};
	return port;
}

static void put_switch(struct job *job, const struct hf_topology_node *node)
{
	struct hf_tables *tables = job->tables;
	uint32_t index = job->switch_of[node->index];
	struct hf_table_port *port0 = put_port(job, node->guid);

	port0->place = HF_PLACE_IN_SWITCH;
	port0->peer = port0->sl_group = index;
	tables->switches[index].guid = node->guid;
	tables->switches[index].port = port0 - tables->ports;
	for (unsigned int number = 0; number <= node->port_count; number++) {
		const struct hf_topology_port *from = &node->ports[number];
		struct hf_switch_port *to = &tables->switch_ports[(size_t)index * tables->ports_per_switch + number];

		to->mtu = MTU_4096;
		to->rate = RATE_100_GBPS;
		if (!from->remote)
			continue;
		if (from->remote->type == HF_NODE_SWITCH) {
			to->peer_kind = HF_PEER_SWITCH;
			to->peer = job->switch_of[from->remote->index];
			to->peer_port = from->remote_port;
		} else {
			to->peer_kind = HF_PEER_PORT;
			to->peer = hf_port_registry_find(job->registry, from->remote->guid + from->remote_port);
		}
	}
}

static void put_adapter_port(struct job *job, const struct hf_topology_node *node, unsigned int number)
{
	const struct hf_topology_port *from = &node->ports[number];
	struct hf_table_port *port;

	if (!from->remote)
		return;
	port = put_port(job, node->guid + number);
	if (from->remote->type != HF_NODE_SWITCH)
		return;
	port->place = HF_PLACE_AT_SWITCH;
	port->peer = port->sl_group = job->switch_of[from->remote->index];
	port->peer_port = from->remote_port;
}

static void put_node(struct job *job, const struct hf_topology_node *node)
{
	if (node->type == HF_NODE_SWITCH) {
		put_switch(job, node);
		return;
	}
	for (unsigned int number = 1; number <= node->port_count; number++)
		put_adapter_port(job, node, number);
}

/* Which of its ports leads each switch to @destination by a shortest way; the order of trying spreads the ways. */
static void find_next_ports(struct job *job, uint32_t destination)
{
	const struct hf_tables *tables = job->tables;
	unsigned int size = tables->ports_per_switch;
	uint32_t head = 0, tail = 0;

	memset(job->next_ports, HF_NO_PORT, tables->n_switches);
	job->next_ports[destination] = 0;
	job->queue[tail++] = destination;
	while (head < tail) {
		const struct hf_switch_port *ports = &tables->switch_ports[(size_t)job->queue[head++] * size];

		for (unsigned int i = 0, number = destination % size; i < size; i++, number = (number + 1) % size) {
			const struct hf_switch_port *port = &ports[number];

			if (port->peer_kind != HF_PEER_SWITCH || job->next_ports[port->peer] != HF_NO_PORT)
				continue;
			job->next_ports[port->peer] = port->peer_port;
			job->queue[tail++] = port->peer;
		}
	}
}

static void route_to(struct job *job, uint32_t destination)
{
	struct hf_tables *tables = job->tables;
	uint32_t *lids = job->queue;	/* not needed any more */
	uint8_t last_ports[256];
	unsigned int count = 0;

	find_next_ports(job, destination);
	for (unsigned int number = 0; number < tables->ports_per_switch; number++) {
		const struct hf_switch_port *port =
			&tables->switch_ports[(size_t)destination * tables->ports_per_switch + number];

		if (number && port->peer_kind != HF_PEER_PORT)
			continue;
		last_ports[count] = number;
		lids[count++] = tables->ports[number ? port->peer : tables->switches[destination].port].lid;
	}
	for (uint32_t sw = 0; sw < tables->n_switches; sw++)
		for (unsigned int i = 0; i < count; i++)
			tables->forwarding[(size_t)sw * tables->lids + lids[i]] =
				sw == destination ? last_ports[i] : job->next_ports[sw];
}

static int give_sls(struct hf_tables *tables)
{
	size_t count = (size_t)tables->n_switches * tables->n_switches;
	int err = hf_tables_set_sls(tables, HF_SL_BY_GROUPS, tables->n_switches, 1);

	for (size_t i = 0; !err && i < count; i++)
		tables->sls[i] = random() % SLS_GIVEN;
	return err;
}

static int fill_tables(struct job *job, bool has_sls)
{
	for (unsigned int i = 0; i < job->topology->node_count; i++)
		put_node(job, job->topology->nodes[i]);
	job->next_ports = malloc(job->tables->n_switches + (size_t)1);
	job->queue = malloc((job->tables->n_switches + (size_t)256) * sizeof(*job->queue));
	if (!job->next_ports || !job->queue)
		return -ENOMEM;
	for (uint32_t i = 0; i < job->tables->n_switches; i++)
		route_to(job, i);
	return has_sls ? give_sls(job->tables) : 0;
}

static int make_tables(struct job *job, bool has_sls)
{
	uint32_t n_switches, n_ports;
	unsigned int ports_per_switch;
	int err = number_all(job, &n_switches, &ports_per_switch);

	if (err)
		return err;
	n_ports = hf_port_registry_count_ports(job->registry);
	if (n_ports > LAST_LID)
		return -EINVAL;
	err = hf_tables_new(n_ports, n_ports, n_switches, ports_per_switch, n_ports + 1, &job->tables);
	return err ? err : fill_tables(job, has_sls);
}

int fabric_tables_new(const struct hf_topology *topology, bool has_sls, struct hf_tables **ret_tables)
{
	struct job job = { .topology = topology, .registry = hf_port_registry_new() };
	int err = -ENOMEM;

	job.switch_of = malloc((topology->node_count + (size_t)1) * sizeof(*job.switch_of));
	if (job.registry && job.switch_of)
		err = make_tables(&job, has_sls);
	hf_port_registry_free(job.registry);
	free(job.switch_of);
	free(job.queue);
	free(job.next_ports);
	if (err) {
		hf_tables_free(job.tables);
		return err;
	}
	*ret_tables = job.tables;
	return 0;
}
