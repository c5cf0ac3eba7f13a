/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The tables of a fabric at one time: what "holdfast tables --json --paths" printed, ready to be asked. */
#ifndef HF_TOOLS_HFSIM_TABLES_H
#define HF_TOOLS_HFSIM_TABLES_H

#include <jansson.h>
#include <stdbool.h>

#include "sim/creditloop.h"
#include "sim/topology.h"

struct hf_table_path {
	uint16_t slid, dlid;
	uint8_t sl, mtu, rate, pkt_life;
	UT_hash_handle hh;
};

struct hf_table_port {
	uint16_t lid;
	uint64_t guid;
	const char *name;	/* of its node; the topology's */
	UT_hash_handle by_lid, by_guid;
};

struct hf_tables {
	struct hf_topology *topology;	/* as discovered, with LIDs */
	struct hf_creditloop *check;	/* with all tables set */
	struct hf_table_path *paths;	/* hash by SLID and DLID */
	struct hf_table_port *ports;	/* of hosts; hash by LID, and */
	struct hf_table_port *guids;	/* the same by GUID */
};

/**
 * hf_tables_parse() - take the tables out of the program's output
 * @json:       borrowed
 * @ret_tables: to be freed with hf_tables_free()
 *
 * Return: 0; -EPROTO where the output is not as documented; -ENOMEM.
 */
int hf_tables_parse(const json_t *json, struct hf_tables **ret_tables);

/* The same for a file. Return: also -ENOENT and the like. */
int hf_tables_load(const char *path, struct hf_tables **ret_tables);

/* @tables may be NULL. */
void hf_tables_free(struct hf_tables *tables);

/* The path record that the SM answers now, or NULL. */
const struct hf_table_path *hf_tables_find_path(const struct hf_tables *tables, uint16_t slid, uint16_t dlid);

/* A host's port, or NULL. */
const struct hf_table_port *hf_tables_find_lid(const struct hf_tables *tables, uint16_t lid);
const struct hf_table_port *hf_tables_find_guid(const struct hf_tables *tables, uint64_t guid);

/* Among the hosts' ports: path records that are in one only or differ in SL, MTU, rate or packet life. */
size_t hf_tables_count_changes(const struct hf_tables *before, const struct hf_tables *after);

#endif
