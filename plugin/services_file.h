/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The services file: which services there are, where they may run and what moves them. Its syntax and each keyword
 * stand in holdfast-services(5).
 */
#ifndef HF_PLUGIN_SERVICES_FILE_H
#define HF_PLUGIN_SERVICES_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_SERVICES_MAX			16384	/* as many as there are MLIDs */
#define HF_SERVICE_NODES_MAX		32
#define HF_SERVICE_SWITCHES_MAX		64
#define HF_SERVICE_NAME_MAX		63	/* without the zero */

/* What stands behind the address of a service. */
enum hf_service_mode {
	HF_SERVICE_MLID,	/* the active node's port is the member of the group */
	HF_SERVICE_SWITCH_PORT,	/* the switches' default multicast ports lead to it */
	HF_SERVICE_LID,		/* a unicast LID is its own */
	HF_SERVICE_MODES,
};

/* Who may say that a node has failed; a set. */
enum hf_service_detection {
	HF_DETECTION_SM = 1,
	HF_DETECTION_HEARTBEAT = 2,
	HF_DETECTION_OPERATOR = 4,
};

enum hf_service_failback {
	HF_FAILBACK_AUTOMATIC,
	HF_FAILBACK_MANUAL,	/* when the operator says so */
	HF_FAILBACK_NEVER,	/* not even then; "failover SERVICE NODE" goes anywhere */
	HF_FAILBACKS,
};

extern const char *const hf_service_mode_names[HF_SERVICE_MODES + 1];
extern const char *const hf_service_failback_names[HF_FAILBACKS + 1];

/* A port that may own a service: by its GUID, or as a port of the node that has a description. */
struct hf_service_node {
	uint64_t port_guid;	/* 0: by description */
	char *description;	/* NULL: by GUID */
	uint8_t port_num;	/* with a description; 0: the first port that is up */
};

struct hf_service_switch {
	uint64_t guid;		/* node GUID; 0: by description */
	char *description;
};

struct hf_service_config {
	char *name;
	uint8_t mgid[16];
	uint16_t pkey;
	uint16_t mlid;		/* 0: the SM gives one, and keeps to it */
	uint16_t lid;		/* HF_SERVICE_LID: the unicast LID, below 0xC000; 0: the mechanism gives one */
	uint32_t qkey;
	uint8_t mtu, rate, pkt_life, sl;	/* the IBA's codes, of the group */
	int mode;		/* enum hf_service_mode */
	bool leave_first;
	unsigned int detection;	/* enum hf_service_detection */
	int failback;		/* enum hf_service_failback */
	int failback_delay_ms;	/* for which the first node must have been back */
	int hold_down_ms;	/* for which a node that failed must have been back, if another one is there */
	bool state_transfer;	/* hooks run on both nodes before a failback */
	int hook_limit_ms;	/* then they have failed */
	int drain_limit_ms;	/* of waiting for the connections of the node that gives up; 0: none */
	int heartbeat_interval_ms;
	int heartbeat_count;	/* intervals without a heartbeat, then the node has failed */
	char *key_file;		/* NULL: no heartbeats are believed */
	struct hf_service_node *nodes;	/* in order of preference */
	size_t node_count;
	struct hf_service_switch *switches;	/* HF_SERVICE_SWITCH_PORT: to be set; none: those on the way */
	size_t switch_count;
	unsigned int line;	/* of its mgid */
};

struct hf_services_config {
	struct hf_service_config *services;	/* sorted by name */
	size_t count;
};

/**
 * hf_services_file_load() - read a services file
 * @path:       the file
 * @ret_config: to be freed with hf_services_config_free()
 * @ret_error:  set on failure to one line that names file, line, value and what is allowed; caller frees it
 *
 * What the services may not share is checked over all of them: names, MGIDs, MLIDs, LIDs. What a mode cannot do is
 * checked by hf_service_mode_checks.
 *
 * Return: 0; -EINVAL for what the file says; -ENOMEM; the negative errno of reading it.
 */
int hf_services_file_load(const char *path, struct hf_services_config **ret_config, char **ret_error);

/**
 * hf_service_mode_check_fn - refuses what a mode cannot do
 * @config:    of one service, otherwise good
 * @ret_error: a sentence without file and line: value, and what is allowed; caller frees it
 *
 * Pure. Return: 0; -EINVAL; -ENOMEM.
 */
typedef int (*hf_service_mode_check_fn)(const struct hf_service_config *config, char **ret_error);

/* One for each mode, in plugin/service_modes.c; NULL where there is nothing to refuse. */
extern const hf_service_mode_check_fn hf_service_mode_checks[HF_SERVICE_MODES];

/**
 * hf_service_modes_check_together() - refuse what modes cannot do beside each other
 * @services:  each of them good; in any order
 * @count:     how many
 * @ret_which: on failure the one that has to go
 * @ret_error: as above
 *
 * A switch has one pair of default multicast ports, so there is one service of mode switch-port at most. A port that
 * gets the LID of a service of mode lid loses its own, so it can run no other service.
 *
 * Pure. Return: 0; -EINVAL; -ENOMEM.
 */
int hf_service_modes_check_together(const struct hf_service_config *services, size_t count,
				    const struct hf_service_config **ret_which, char **ret_error);

/* @config may be NULL. */
void hf_services_config_free(struct hf_services_config *config);

/* Return: the service of that name; NULL where there is none. */
const struct hf_service_config *hf_services_config_find(const struct hf_services_config *config, const char *name);

/* Whether two nodes were named in the same way, so that what is known of one holds for the other. */
bool hf_service_node_is_same(const struct hf_service_node *a, const struct hf_service_node *b);

/* The node as it stands in the file: the GUID or the description, with "/PORT" where one is given. */
void hf_service_node_print(const struct hf_service_node *node, char *text, size_t size);

#endif
