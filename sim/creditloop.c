/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/creditloop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/creditloop_graph.h"

#define LID_COUNT	0xC000	/* unicast */
#define NO_PORT		0xFF	/* in a forwarding table */
#define VL_COUNT	16

struct tables {
	uint8_t *lft;		/* by LID; NULL: no route at all */
	size_t lft_size;
	uint8_t **sl2vl;	/* by input port: (out port, SL) -> VL; NULL: identity */
};

struct hf_creditloop {
	const struct hf_topology *topology;
	struct tables *tables;		/* by node index */
	uint32_t *first_channel;	/* by node index: of its port 0; of all nodes' count at the end */
};

/* Who has a LID. */
struct end_port {
	const struct hf_topology_node *node;
	unsigned int port;
};

/* How a walk from a channel ends, for one pair of DLID and SL. */
enum { ARRIVES = -1 };

struct outcome {
	uint32_t stamp;		/* of the pair that it is for */
	int8_t reason;		/* enum hf_flow_failure, or ARRIVES */
	bool is_known;		/* false: the walk that is under way came here */
	uint8_t port;
	uint32_t node;
};

struct walk {
	const struct hf_creditloop *check;
	const struct hf_creditloop_flow *flows;
	struct end_port *ends;		/* by LID */
	struct outcome *outcomes;	/* by channel */
	uint32_t *path;			/* channels of the walk under way */
	struct hf__graph graph;
	uint32_t stamp;
	uint16_t dlid;
	uint8_t sl;
	struct hf_creditloop_result *result;
	size_t failure_room;
};

/* Where a packet is: it has arrived at @in_port of @node, or starts there (a switch's own port is 0). */
struct place {
	const struct hf_topology_node *node;
	unsigned int in_port;
};

struct hf_creditloop *hf_creditloop_new(const struct hf_topology *topology)
{
	struct hf_creditloop *check = calloc(1, sizeof(*check));
	uint32_t next = 0;

	if (!check)
		return NULL;
	check->topology = topology;
	check->tables = calloc(topology->node_count + 1, sizeof(*check->tables));
	check->first_channel = calloc(topology->node_count + 1, sizeof(*check->first_channel));
	if (!check->tables || !check->first_channel) {
		hf_creditloop_free(check);
		return NULL;
	}
	for (unsigned int i = 0; i < topology->node_count; i++) {
		check->first_channel[i] = next;
		next += (topology->nodes[i]->port_count + 1) * VL_COUNT;
	}
	check->first_channel[topology->node_count] = next;
	return check;
}

void hf_creditloop_free(struct hf_creditloop *check)
{
	if (!check)
		return;
	for (unsigned int i = 0; check->tables && i < check->topology->node_count; i++) {
		struct tables *tables = &check->tables[i];

		for (unsigned int port = 0; tables->sl2vl && port <= check->topology->nodes[i]->port_count; port++)
			free(tables->sl2vl[port]);
		free(tables->sl2vl);
		free(tables->lft);
	}
	free(check->tables);
	free(check->first_channel);
	free(check);
}

int hf_creditloop_set_lft(struct hf_creditloop *check, const struct hf_topology_node *node, uint16_t first_lid,
			  const uint8_t *ports, size_t count)
{
	struct tables *tables = &check->tables[node->index];
	uint8_t *lft;

	if (node->type != HF_NODE_SWITCH || count > LID_COUNT || first_lid + count > LID_COUNT)
		return -EINVAL;
	if (first_lid + count > tables->lft_size) {
		lft = realloc(tables->lft, first_lid + count);
		if (!lft)
			return -ENOMEM;
		memset(lft + tables->lft_size, NO_PORT, first_lid + count - tables->lft_size);
		tables->lft = lft;
		tables->lft_size = first_lid + count;
	}
	memcpy(tables->lft + first_lid, ports, count);
	return 0;
}

static uint8_t *identity_rows(unsigned int port_count)
{
	uint8_t *rows = malloc((port_count + 1) * HF_SL_COUNT);

	for (unsigned int i = 0; rows && i < (port_count + 1) * HF_SL_COUNT; i++)
		rows[i] = i % HF_SL_COUNT;
	return rows;
}

int hf_creditloop_set_sl2vl(struct hf_creditloop *check, const struct hf_topology_node *node, unsigned int in_port,
			    unsigned int out_port, const uint8_t vls[HF_SL_COUNT])
{
	struct tables *tables = &check->tables[node->index];

	if (node->type != HF_NODE_SWITCH)
		in_port = 0;
	if (in_port > node->port_count || out_port > node->port_count)
		return -EINVAL;
	for (unsigned int sl = 0; sl < HF_SL_COUNT; sl++)
		if (vls[sl] >= VL_COUNT)
			return -EINVAL;
	if (!tables->sl2vl)
		tables->sl2vl = calloc(node->port_count + 1, sizeof(*tables->sl2vl));
	if (!tables->sl2vl)
		return -ENOMEM;
	if (!tables->sl2vl[in_port])
		tables->sl2vl[in_port] = identity_rows(node->port_count);
	if (!tables->sl2vl[in_port])
		return -ENOMEM;
	memcpy(tables->sl2vl[in_port] + out_port * HF_SL_COUNT, vls, HF_SL_COUNT);
	return 0;
}

static uint8_t lookup_vl(const struct hf_creditloop *check, const struct place *place, unsigned int out_port,
			 uint8_t sl)
{
	uint8_t **sl2vl = check->tables[place->node->index].sl2vl;
	unsigned int in_port = place->node->type == HF_NODE_SWITCH ? place->in_port : 0;

	return sl2vl && sl2vl[in_port] ? sl2vl[in_port][out_port * HF_SL_COUNT + sl] : sl;
}

static uint32_t channel_of(const struct hf_creditloop *check, const struct hf_topology_node *node, unsigned int port,
			   uint8_t vl)
{
	return check->first_channel[node->index] + port * VL_COUNT + vl;
}

static unsigned int port_of(const struct hf_creditloop *check, const struct hf_topology_node *node, uint32_t channel)
{
	return (channel - check->first_channel[node->index]) / VL_COUNT;
}

static void fail_walk(struct outcome *outcome, enum hf_flow_failure reason, const struct place *place,
		      unsigned int port)
{
	outcome->reason = reason;
	outcome->node = place->node->index;
	outcome->port = port;
}

static bool has_lid(const struct walk *walk, const struct place *place, unsigned int port)
{
	const struct end_port *end = &walk->ends[walk->dlid];

	return end->node == place->node && end->port == port;
}

/* The port by which a packet leaves; 0 where it does not, and @outcome then says why. */
static unsigned int find_exit(const struct walk *walk, const struct place *place, bool is_start,
			      struct outcome *outcome)
{
	const struct tables *tables = &walk->check->tables[place->node->index];
	bool is_switch = place->node->type == HF_NODE_SWITCH;
	unsigned int port = NO_PORT;

	*outcome = (struct outcome){ .reason = ARRIVES };
	if (has_lid(walk, place, is_switch ? 0 : place->in_port))
		return 0;
	if (!is_switch) {
		if (is_start)
			return place->in_port;
		fail_walk(outcome, HF_FLOW_WRONG_END, place, place->in_port);
		return 0;
	}
	if (walk->dlid < tables->lft_size)
		port = tables->lft[walk->dlid];
	if (port >= 1 && port <= place->node->port_count)
		return port;
	fail_walk(outcome, HF_FLOW_NO_ROUTE, place, 0);
	return 0;
}

/*
 * One hop: the channel by which the packet leaves, and @place behind it. False where it does not leave: @outcome then
 * says why.
 */
static bool hop(const struct walk *walk, struct place *place, bool is_start, uint32_t *ret_channel,
		struct outcome *outcome)
{
	unsigned int out_port = find_exit(walk, place, is_start, outcome);
	const struct hf_topology_port *port = &place->node->ports[out_port];
	uint8_t vl;

	if (!out_port)
		return false;
	vl = lookup_vl(walk->check, place, out_port, walk->sl);
	if (!port->remote || vl == HF_VL_DROP) {
		fail_walk(outcome, port->remote ? HF_FLOW_VL_DROP : HF_FLOW_LINK_DOWN, place, out_port);
		return false;
	}
	*ret_channel = channel_of(walk->check, place->node, out_port, vl);
	*place = (struct place){ port->remote, port->remote_port };
	return true;
}

/* Writes how the walk along @path ends to all its channels. */
static void remember(struct walk *walk, size_t length, struct outcome outcome)
{
	outcome.stamp = walk->stamp;
	outcome.is_known = true;
	for (size_t i = 0; i < length; i++)
		walk->outcomes[walk->path[i]] = outcome;
}

/*
 * Walks from @place until the packet arrives or fails, or comes to a channel where an earlier walk to the same DLID
 * with the same SL has been, which knows the rest. An adapter's channel is nobody's successor, so it needs no
 * dependencies.
 */
static int walk_flow(struct walk *walk, struct place place, struct outcome *ret_outcome)
{
	bool was_switch = false;
	uint32_t channel, previous = 0;
	struct place left = place;
	size_t length = 0;

	while (hop(walk, &place, length == 0, &channel, ret_outcome)) {
		struct outcome *seen = &walk->outcomes[channel];

		if (was_switch && hf__graph_add(&walk->graph, previous, channel))
			return -ENOMEM;
		if (seen->stamp == walk->stamp) {
			if (seen->is_known)
				*ret_outcome = *seen;
			else
				fail_walk(ret_outcome, HF_FLOW_LOOP, &left, port_of(walk->check, left.node, channel));
			break;
		}
		seen->stamp = walk->stamp;
		seen->is_known = false;
		walk->path[length++] = channel;
		previous = channel;
		was_switch = left.node->type == HF_NODE_SWITCH;
		left = place;
	}
	remember(walk, length, *ret_outcome);
	return 0;
}

static int add_failure(struct walk *walk, const struct hf_creditloop_failure *failure)
{
	struct hf_creditloop_result *result = walk->result;

	if (result->failure_count == walk->failure_room) {
		size_t room = walk->failure_room ? walk->failure_room * 2 : 16;
		struct hf_creditloop_failure *grown = reallocarray(result->failures, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		result->failures = grown;
		walk->failure_room = room;
	}
	result->failures[result->failure_count++] = *failure;
	return 0;
}

static int check_flow(struct walk *walk, size_t flow)
{
	const struct end_port *source = &walk->ends[walk->flows[flow].slid];
	struct hf_creditloop_failure failure = { .flow = flow, .reason = HF_FLOW_NO_SOURCE };
	struct outcome outcome;
	int err;

	if (!source->node)
		return add_failure(walk, &failure);
	err = walk_flow(walk, (struct place){ source->node, source->port }, &outcome);
	if (err || outcome.reason == ARRIVES)
		return err;
	failure.reason = outcome.reason;
	failure.node = walk->check->topology->nodes[outcome.node];
	failure.port = outcome.port;
	return add_failure(walk, &failure);
}

static size_t pair_of(const struct hf_creditloop_flow *flow)
{
	return (size_t)flow->dlid * HF_SL_COUNT + flow->sl;
}

/* Flows by their pair of DLID and SL: a counting sort, since there are many flows and few pairs. */
static int sort_flows(const struct hf_creditloop_flow *flows, size_t count, size_t **ret_order)
{
	size_t *start = calloc((UINT16_MAX + 1) * HF_SL_COUNT + 1, sizeof(*start));
	size_t *order = calloc(count + 1, sizeof(*order));

	if (!start || !order) {
		free(start);
		free(order);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		start[pair_of(&flows[i]) + 1]++;
	for (size_t i = 1; i <= (UINT16_MAX + 1) * HF_SL_COUNT; i++)
		start[i] += start[i - 1];
	for (size_t i = 0; i < count; i++)
		order[start[pair_of(&flows[i])]++] = i;
	free(start);
	*ret_order = order;
	return 0;
}

static int check_flows(struct walk *walk, size_t count)
{
	size_t *order;
	int err = sort_flows(walk->flows, count, &order);

	if (err)
		return err;
	for (size_t i = 0; i < count && !err; i++) {
		const struct hf_creditloop_flow *flow = &walk->flows[order[i]];

		if (!i || pair_of(flow) != pair_of(&walk->flows[order[i - 1]]))
			walk->stamp++;
		walk->dlid = flow->dlid;
		walk->sl = flow->sl;
		err = check_flow(walk, order[i]);
	}
	free(order);
	return err;
}

static int compare_failures(const void *a, const void *b)
{
	size_t flow_a = ((const struct hf_creditloop_failure *)a)->flow;
	size_t flow_b = ((const struct hf_creditloop_failure *)b)->flow;

	return (flow_a > flow_b) - (flow_a < flow_b);
}

/* The node whose channels these are: the last one that begins at or before. */
static const struct hf_topology_node *node_of(const struct hf_creditloop *check, uint32_t channel)
{
	unsigned int low = 0, high = check->topology->node_count;

	while (high - low > 1) {
		unsigned int middle = (low + high) / 2;

		if (check->first_channel[middle] <= channel)
			low = middle;
		else
			high = middle;
	}
	return check->topology->nodes[low];
}

static int take_cycle(const struct hf_creditloop *check, const struct hf__cycle *found,
		      struct hf_creditloop_cycle *ret_cycle)
{
	struct hf_creditloop_channel *channels = calloc(found->count, sizeof(*channels));

	if (!channels)
		return -ENOMEM;
	for (size_t i = 0; i < found->count; i++) {
		const struct hf_topology_node *node = node_of(check, found->vertices[i]);

		channels[i].node = node;
		channels[i].port = port_of(check, node, found->vertices[i]);
		channels[i].vl = found->vertices[i] % VL_COUNT;
	}
	ret_cycle->channels = channels;
	ret_cycle->channel_count = found->count;
	return 0;
}

static int take_cycles(struct walk *walk)
{
	struct hf_creditloop_result *result = walk->result;
	struct hf__cycle *found;
	size_t count;
	int err = hf__graph_find_cycles(&walk->graph, &found, &count);

	if (err)
		return err;
	result->cycles = calloc(count + 1, sizeof(*result->cycles));
	if (!result->cycles)
		err = -ENOMEM;
	for (size_t i = 0; i < count && !err; i++) {
		err = take_cycle(walk->check, &found[i], &result->cycles[i]);
		if (!err)
			result->cycle_count++;
	}
	hf__cycles_free(found, count);
	return err;
}

static void count_channels(struct walk *walk)
{
	const struct hf_creditloop *check = walk->check;

	walk->result->dependency_count = walk->graph.edge_count;
	for (unsigned int i = 0; i < check->topology->node_count; i++) {
		if (check->topology->nodes[i]->type != HF_NODE_SWITCH)
			continue;
		for (uint32_t channel = check->first_channel[i]; channel < check->first_channel[i + 1]; channel++)
			walk->result->channel_count += walk->outcomes[channel].stamp != 0;
	}
}

static void find_ends(const struct hf_topology *topology, struct end_port *ends)
{
	for (unsigned int i = 0; i < topology->node_count; i++) {
		const struct hf_topology_node *node = topology->nodes[i];
		unsigned int last = node->type == HF_NODE_SWITCH ? 0 : node->port_count;

		for (unsigned int port = node->type != HF_NODE_SWITCH; port <= last; port++)
			for (uint32_t n = 0; node->ports[port].lid && n < 1u << (node->ports[port].lmc & 7); n++)
				ends[(uint16_t)(node->ports[port].lid + n)] = (struct end_port){ node, port };
	}
}

static int walk_init(struct walk *walk, const struct hf_creditloop *check)
{
	uint32_t channel_count = check->first_channel[check->topology->node_count];

	walk->check = check;
	walk->ends = calloc(UINT16_MAX + 1, sizeof(*walk->ends));
	walk->outcomes = calloc((size_t)channel_count + 1, sizeof(*walk->outcomes));
	walk->path = calloc((size_t)channel_count + 1, sizeof(*walk->path));
	walk->result = calloc(1, sizeof(*walk->result));
	if (!walk->ends || !walk->outcomes || !walk->path || !walk->result)
		return -ENOMEM;
	find_ends(check->topology, walk->ends);
	return hf__graph_init(&walk->graph, channel_count);
}

/* All but the result. */
static void walk_fini(struct walk *walk)
{
	hf__graph_fini(&walk->graph);
	free(walk->ends);
	free(walk->outcomes);
	free(walk->path);
}

int hf_creditloop_check(const struct hf_creditloop *check, const struct hf_creditloop_flow *flows, size_t flow_count,
			struct hf_creditloop_result **ret_result)
{
	struct walk walk = { .flows = flows };
	int err;

	for (size_t i = 0; i < flow_count; i++)
		if (flows[i].sl >= HF_SL_COUNT)
			return -EINVAL;
	err = walk_init(&walk, check);
	if (!err)
		err = check_flows(&walk, flow_count);
	if (!err)
		err = take_cycles(&walk);
	if (err)
		goto err_free_result;
	if (walk.result->failure_count)
		qsort(walk.result->failures, walk.result->failure_count, sizeof(*walk.result->failures),
		      compare_failures);
	count_channels(&walk);
	walk_fini(&walk);
	*ret_result = walk.result;
	return 0;

err_free_result:
	hf_creditloop_result_free(walk.result);
	walk_fini(&walk);
	return err;
}

void hf_creditloop_result_free(struct hf_creditloop_result *result)
{
	if (!result)
		return;
	for (size_t i = 0; i < result->cycle_count; i++)
		free(result->cycles[i].channels);
	free(result->cycles);
	free(result->failures);
	free(result);
}

char *hf_creditloop_cycle_text(const struct hf_creditloop_cycle *cycle)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < cycle->channel_count; i++) {
		const struct hf_creditloop_channel *channel = &cycle->channels[i];
		const struct hf_topology_port *port = &channel->node->ports[channel->port];

		fprintf(out, "%s[%u] > %s[%u] VL %u, ", channel->node->name, channel->port, port->remote->name,
			port->remote_port, channel->vl);
	}
	fprintf(out, "back to %s[%u]", cycle->channels[0].node->name, cycle->channels[0].port);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

const char *hf_flow_failure_text(enum hf_flow_failure reason)
{
	switch (reason) {
	case HF_FLOW_NO_SOURCE:
		return "no port has the source LID";
	case HF_FLOW_NO_ROUTE:
		return "the switch has no route";
	case HF_FLOW_LINK_DOWN:
		return "the route leads to a port without a link";
	case HF_FLOW_VL_DROP:
		return "SL2VL drops the service level";
	case HF_FLOW_LOOP:
		return "the routes go round in a circle";
	case HF_FLOW_WRONG_END:
		return "the route ends at another adapter";
	}
	return "unknown";
}
