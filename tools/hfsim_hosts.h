/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The hosts of a running fabric: one holdfastd for one or several of them, asked through its control socket. */
#ifndef HF_TOOLS_HFSIM_HOSTS_H
#define HF_TOOLS_HFSIM_HOSTS_H

#include <jansson.h>
#include <stdbool.h>

#include "tools/hfsim_fabric.h"
#include "tools/hfsim_pathset.h"

/**
 * hf_hosts_start() - start holdfastd for all hosts, and wait until every connection stands
 *
 * Return: as hf_fabric_wait().
 */
int hf_hosts_start(struct hf_fabric *fabric);

/* The daemon that serves a host, or NULL. */
struct hf_daemon *hf_hosts_find(struct hf_fabric *fabric, const struct hf_topology_node *host);

/**
 * hf_hosts_are_idle() - ask the hosts whether they have something to do
 *
 * Daemons that a fault has silenced or whose hosts are all cut off from the SM are not asked.
 *
 * Return: true where all the others say no.
 */
bool hf_hosts_are_idle(struct hf_fabric *fabric);

/* How many hosts reach the SM and have a daemon that is not silenced. */
size_t hf_hosts_count_served(const struct hf_fabric *fabric);

/**
 * hf_hosts_connections() - ask the hosts for their connections
 * @ret_connections: array of the objects that they gave; json_decref() it
 *
 * Hosts that are not asked for idleness are not asked here either.
 *
 * Return: 0; a negative errno.
 */
int hf_hosts_connections(struct hf_fabric *fabric, json_t **ret_connections);

/**
 * hf_hosts_paths() - ask the hosts for the paths that they hold
 * @ret_held: the reachable ones, finished; to be given to hf_path_set_fini() also on failure
 *
 * Hosts that are not asked for idleness are not asked here either.
 *
 * Return: 0; a negative errno.
 */
int hf_hosts_paths(struct hf_fabric *fabric, struct hf_path_set *ret_held);

/* Port GUIDs of the hosts that hf_hosts_count_served() counts; to be freed. NULL without memory. */
uint64_t *hf_hosts_list_served(const struct hf_fabric *fabric);

#endif
