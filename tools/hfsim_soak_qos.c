/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_soak_qos.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DROP_VL		15
#define SLS_DROPPED	8	/* only those below it are ever dropped */

/* Half of the levels say something of each but the SL, of which all must. */
static struct hf_soak_level draw_level(struct hf_random *random)
{
	struct hf_soak_level level = { .sl = hf_random_below(random, HF_SOAK_SLS) };

	if (hf_random_percent(random, 50))
		level.mtu_limit = 1 + hf_random_below(random, 4);
	if (hf_random_percent(random, 50))
		level.rate_limit = 2 + hf_random_below(random, 6);
	if (hf_random_percent(random, 50))
		level.pkt_life = 8 + hf_random_below(random, 12);
	return level;
}

static bool draw_drop(struct hf_random *random)
{
	return hf_random_percent(random, 15);
}

int hf_soak_qos_init(struct hf_soak_qos *qos, const struct hf_topology *topology, struct hf_random *random)
{
	*qos = (struct hf_soak_qos){
		.topology = topology, .has_policy = hf_random_percent(random, 60),
		.has_drops = hf_random_percent(random, 30),
	};
	for (size_t i = 0; i < HF_SOAK_LEVELS; i++)
		qos->levels[i] = draw_level(random);
	for (size_t i = 0; i < HF_SOAK_GROUPS; i++) {
		qos->is_in_group[i] = calloc(topology->node_count, sizeof(bool));
		if (!qos->is_in_group[i])
			return -ENOMEM;
		for (unsigned int node = 0; node < topology->node_count; node++)
			qos->is_in_group[i][node] = hf_random_percent(random, 40);
	}
	for (unsigned int sl = 1; sl < SLS_DROPPED; sl++)
		qos->is_dropped[sl] = draw_drop(random);
	return 0;
}

void hf_soak_qos_fini(struct hf_soak_qos *qos)
{
	for (size_t i = 0; i < HF_SOAK_GROUPS; i++)
		free(qos->is_in_group[i]);
}

void hf_soak_qos_change(struct hf_soak_qos *qos, struct hf_random *random)
{
	unsigned int drawn = hf_random_below(random, 3);
	bool *is_in_group = qos->is_in_group[hf_random_below(random, HF_SOAK_GROUPS)];
	unsigned int node = hf_random_below(random, qos->topology->node_count);
	unsigned int sl = 1 + hf_random_below(random, SLS_DROPPED - 1);

	if (drawn == 0)
		qos->levels[hf_random_below(random, HF_SOAK_LEVELS)] = draw_level(random);
	else if (drawn == 1)
		is_in_group[node] = !is_in_group[node];
	else
		qos->is_dropped[sl] = !qos->is_dropped[sl];
}

/* A group without ports would be an error: the subnet manager's is in all. */
static void write_group(const struct hf_soak_qos *qos, size_t group, FILE *out)
{
	fprintf(out, "\tport-group\n\t\tname: G%zu\n\t\tnode-type: SELF\n", group);
	for (unsigned int i = 0; i < qos->topology->node_count; i++) {
		const struct hf_topology_node *node = qos->topology->nodes[i];
		bool is_switch = node->type == HF_NODE_SWITCH;

		if (!qos->is_in_group[group][i])
			continue;
		for (unsigned int port = is_switch ? 0 : 1; port <= (is_switch ? 0 : node->port_count); port++)
			fprintf(out, "\t\tport-guid: 0x%" PRIx64 "\n", is_switch ? node->guid : node->ports[port].guid);
	}
	fprintf(out, "\tend-port-group\n");
}

static void write_level(const struct hf_soak_level *level, size_t number, FILE *out)
{
	fprintf(out, "\tqos-level\n");
	if (number == 0)
		fprintf(out, "\t\tname: DEFAULT\n");
	else
		fprintf(out, "\t\tname: L%zu\n", number);
	fprintf(out, "\t\tsl: %u\n", level->sl);
	if (level->mtu_limit)
		fprintf(out, "\t\tmtu-limit: %u\n", level->mtu_limit);
	if (level->rate_limit)
		fprintf(out, "\t\trate-limit: %u\n", level->rate_limit);
	if (level->pkt_life)
		fprintf(out, "\t\tpacket-life: %u\n", level->pkt_life);
	fprintf(out, "\tend-qos-level\n");
}

static void write_rule(const char *ends, unsigned int level, FILE *out)
{
	fprintf(out, "\tqos-match-rule\n%s\t\tqos-level-name: L%u\n\tend-qos-match-rule\n", ends, level);
}

int hf_soak_qos_write(const struct hf_soak_qos *qos, const char *path)
{
	FILE *out = fopen(path, "we");
	bool is_bad;

	if (!out)
		return -errno;
	fprintf(out, "port-groups\n");
	for (size_t i = 0; i < HF_SOAK_GROUPS; i++)
		write_group(qos, i, out);
	fprintf(out, "end-port-groups\nqos-levels\n");
	for (size_t i = 0; i < HF_SOAK_LEVELS; i++)
		write_level(&qos->levels[i], i, out);
	fprintf(out, "end-qos-levels\nqos-match-rules\n");
	write_rule("\t\tsource: G0\n\t\tdestination: G1\n", 1, out);
	write_rule("\t\tsource: G1\n", 2, out);
	write_rule("\t\tdestination: G0\n", 3, out);
	fprintf(out, "end-qos-match-rules\n");
	is_bad = ferror(out);
	return fclose(out) != 0 || is_bad ? -EIO : 0;
}

void hf_soak_qos_sl2vl(const struct hf_soak_qos *qos, char *text, size_t size)
{
	size_t length = 0;

	for (unsigned int sl = 0; sl < HF_SOAK_SLS && length < size; sl++)
		length += snprintf(text + length, size - length, "%s%u", sl == 0 ? "" : ",",
				   qos->has_drops && qos->is_dropped[sl] ? DROP_VL : sl % 8);
}
