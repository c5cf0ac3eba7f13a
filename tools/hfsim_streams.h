/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The packets to services in a running fabric: one sender to all services of the scenario's file, and a receiver on
 * each node that may run one (hfsim-traffic(1)). They run from when the hosts are up to the end.
 */
#ifndef HF_TOOLS_HFSIM_STREAMS_H
#define HF_TOOLS_HFSIM_STREAMS_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/hfsim_fabric.h"
#include "tools/hfsim_packets.h"

/**
 * hf_streams_new() - read the services file of the scenario
 * @fabric: whose streams are set; without a services file they are NULL
 *
 * Return: 0; -EINVAL for what the file says; -ENOMEM; another negative errno.
 */
int hf_streams_new(struct hf_fabric *fabric);

/* Names and number of the services, in the order of their indices. */
size_t hf_streams_count(const struct hf_fabric *fabric);
const char *hf_streams_name(const struct hf_fabric *fabric, size_t index);

/* Whether a host is a node of a service whose nodes send each other heartbeats. */
bool hf_streams_have_heartbeats(const struct hf_fabric *fabric, const struct hf_topology_node *host);

/* Writes these services as holdfastd.services(5) wants them on that host. */
void hf_streams_write_node(const struct hf_fabric *fabric, const struct hf_topology_node *host, FILE *out);

/* Starts them and waits until each service is heard. Without streams it does nothing. Return: as hf_fabric_wait(). */
int hf_streams_start(struct hf_fabric *fabric);

/* Services of which nobody receives the last packets. */
size_t hf_streams_count_silent(const struct hf_fabric *fabric);

/* A receiver of the node gets what its holdfastd gets: a signal, and silence, or another start. Return: 0; -errno. */
int hf_streams_signal(struct hf_fabric *fabric, const struct hf_topology_node *node, int number, bool is_silenced);
int hf_streams_restart(struct hf_fabric *fabric, const struct hf_topology_node *node);

/* A process of them that has ended though it should not; NULL. */
const struct hf_child *hf_streams_ended(struct hf_fabric *fabric);

void hf_streams_stop(struct hf_fabric *fabric);

/* After hf_streams_stop(). Return: 0; a negative errno, with fabric->error set. */
int hf_streams_packets(struct hf_fabric *fabric, struct hf_packets *ret_packets);

void hf_streams_free(struct hf_fabric *fabric);

#endif
