/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"

#define DEFAULT_PKEY		0xffff
#define DEFAULT_PKT_LIFE	18

struct port_node {
	uint64_t guid;
	uint32_t index;
	uint32_t column;
	unsigned int lmc;
	bool not_added;
	UT_hash_handle hh;
};

struct hf_port_registry {
	struct port_node *ports;
	uint32_t n_columns;
};

struct hf_port_registry *hf_port_registry_new(void)
{
	return calloc(1, sizeof(struct hf_port_registry));
}

void hf_port_registry_free(struct hf_port_registry *registry)
{
	struct port_node *node, *next;

	if (!registry)
		return;
	HASH_ITER(hh, registry->ports, node, next) {
		HASH_DEL(registry->ports, node);
		free(node);
	}
	free(registry);
}

static struct port_node *find_port(const struct hf_port_registry *registry, uint64_t guid)
{
	struct port_node *node;

	HASH_FIND(hh, registry->ports, &guid, sizeof(guid), node);
	return node;
}

static void give_columns(struct hf_port_registry *registry, struct port_node *node, unsigned int lmc)
{
	node->lmc = lmc;
	node->column = registry->n_columns;
	registry->n_columns += 1U << lmc;
}

int hf_port_registry_add(struct hf_port_registry *registry, uint64_t guid, unsigned int lmc, uint32_t *ret_index,
			 uint32_t *ret_column)
{
	struct port_node *node = find_port(registry, guid);

	if (!node) {
		node = calloc(1, sizeof(*node));
		if (!node)
			return -ENOMEM;
		node->guid = guid;
		node->index = HASH_COUNT(registry->ports);
		give_columns(registry, node, lmc);
		HASH_ADD(hh, registry->ports, guid, sizeof(guid), node);
		if (node->not_added) {
			registry->n_columns = node->column;
			free(node);
			return -ENOMEM;
		}
	} else if (lmc > node->lmc) {
		give_columns(registry, node, lmc);
	}
	*ret_index = node->index;
	*ret_column = node->column;
	return 0;
}

uint32_t hf_port_registry_find(const struct hf_port_registry *registry, uint64_t guid)
{
	const struct port_node *node = find_port(registry, guid);

	return node ? node->index : HF_NO_INDEX;
}

uint32_t hf_port_registry_count_ports(const struct hf_port_registry *registry)
{
	return HASH_COUNT(registry->ports);
}

uint32_t hf_port_registry_count_columns(const struct hf_port_registry *registry)
{
	return registry->n_columns;
}

int hf_tables_new(uint32_t n_ports, uint32_t n_columns, uint32_t n_switches, unsigned int ports_per_switch,
		  unsigned int lids, struct hf_tables **ret_tables)
{
	struct hf_tables *tables = calloc(1, sizeof(*tables));
	size_t n_forwarding = (size_t)n_switches * lids;

	if (!tables)
		return -ENOMEM;
	tables->n_ports = n_ports;
	tables->n_columns = n_columns;
	tables->n_switches = n_switches;
	tables->ports_per_switch = ports_per_switch;
	tables->lids = lids;
	/* One more of each, so that an empty fabric is no special case. */
	tables->ports = calloc(n_ports + (size_t)1, sizeof(*tables->ports));
	tables->switches = calloc(n_switches + (size_t)1, sizeof(*tables->switches));
	tables->switch_ports = calloc((size_t)n_switches * ports_per_switch + 1, sizeof(*tables->switch_ports));
	tables->forwarding = malloc(n_forwarding + 1);
	if (!tables->ports || !tables->switches || !tables->switch_ports || !tables->forwarding ||
	    hf_tables_set_terms(tables, 1, 1) || hf_tables_set_sls(tables, HF_SL_BY_NOTHING, 0, 1)) {
		hf_tables_free(tables);
		return -ENOMEM;
	}
	memset(tables->forwarding, HF_NO_PORT, n_forwarding);
	tables->terms[0] = (struct hf_terms) { .pkey = DEFAULT_PKEY, .pkt_life = DEFAULT_PKT_LIFE };
	*ret_tables = tables;
	return 0;
}

void hf_tables_free(struct hf_tables *tables)
{
	if (!tables)
		return;
	for (uint32_t i = 0; tables->switches && i < tables->n_switches; i++)
		free(tables->switches[i].drops);
	free(tables->ports);
	free(tables->switches);
	free(tables->switch_ports);
	free(tables->forwarding);
	free(tables->terms);
	free(tables->terms_index);
	free(tables->sls);
	free(tables);
}

int hf_tables_set_terms(struct hf_tables *tables, uint32_t n_classes, uint32_t n_terms)
{
	struct hf_terms *terms = calloc(n_terms + (size_t)1, sizeof(*terms));
	uint16_t *terms_index = calloc((size_t)n_classes * n_classes + 1, sizeof(*terms_index));

	if (!terms || !terms_index) {
		free(terms);
		free(terms_index);
		return -ENOMEM;
	}
	free(tables->terms);
	free(tables->terms_index);
	tables->terms = terms;
	tables->n_terms = n_terms;
	tables->terms_index = terms_index;
	tables->n_terms_classes = n_classes;
	return 0;
}

static bool update(uint8_t *old, uint8_t new_)
{
	bool differs = *old != new_;

	*old = new_;
	return differs;
}

bool hf_tables_update_links(struct hf_tables *tables, const struct hf_link *links)
{
	size_t n_switch_ports = (size_t)tables->n_switches * tables->ports_per_switch;
	bool differs = false;

	for (uint32_t i = 0; i < tables->n_ports; i++, links++) {
		differs |= update(&tables->ports[i].mtu, links->mtu);
		differs |= update(&tables->ports[i].rate, links->rate);
		differs |= update(&tables->ports[i].can, links->can);
	}
	for (size_t i = 0; i < n_switch_ports; i++, links++) {
		differs |= update(&tables->switch_ports[i].mtu, links->mtu);
		differs |= update(&tables->switch_ports[i].rate, links->rate);
	}
	return differs;
}

static uint32_t count_sl_sources(const struct hf_tables *tables, enum hf_sl_by by, uint32_t n_groups)
{
	switch (by) {
	case HF_SL_BY_NOTHING:
	case HF_SL_BY_DLID:
		break;
	case HF_SL_BY_GROUPS:
		return n_groups;
	case HF_SL_BY_LIDS:
		return tables->n_columns;
	}
	return 1;
}

static uint32_t count_sl_destinations(const struct hf_tables *tables, enum hf_sl_by by, uint32_t n_groups)
{
	return by == HF_SL_BY_DLID ? tables->n_columns : count_sl_sources(tables, by, n_groups);
}

int hf_tables_set_sls(struct hf_tables *tables, enum hf_sl_by by, uint32_t n_groups, unsigned int n_variants)
{
	size_t size = (size_t)count_sl_sources(tables, by, n_groups) * count_sl_destinations(tables, by, n_groups) *
		      n_variants;
	uint8_t *sls = malloc(size + 1);

	if (!sls)
		return -ENOMEM;
	memset(sls, HF_SL_IS_HINT, size);
	free(tables->sls);
	tables->sls = sls;
	tables->sl_by = by;
	tables->n_sl_groups = n_groups;
	tables->n_sl_variants = n_variants;
	return 0;
}

uint32_t hf_tables_count_sl_sources(const struct hf_tables *tables)
{
	return count_sl_sources(tables, tables->sl_by, tables->n_sl_groups);
}

uint32_t hf_tables_count_sl_destinations(const struct hf_tables *tables)
{
	return count_sl_destinations(tables, tables->sl_by, tables->n_sl_groups);
}
