/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The tables of a whole fabric, made from its topology without OpenSM: shortest ways, spread over the cables, and SLs
 * as an engine gives them that tells switches apart.
 */
#ifndef HF_TESTS_FABRIC_TABLES_H
#define HF_TESTS_FABRIC_TABLES_H

#include <stdbool.h>

#include "plugin/tables.h"
#include "sim/topology.h"

/**
 * fabric_tables_new() - route a fabric
 * @topology:   borrowed; cables between two channel adapters are left out
 * @has_sls:    an SL from 0 to 7 for each pair of switches, instead of the one that is offered
 * @ret_tables: to be freed with hf_tables_free()
 *
 * LIDs are given from 1 on, in the order of the nodes. Cost: O(switches x cables).
 *
 * Return: 0; -EINVAL where there are more ports than unicast LIDs; -ENOMEM.
 */
int fabric_tables_new(const struct hf_topology *topology, bool has_sls, struct hf_tables **ret_tables);

#endif
