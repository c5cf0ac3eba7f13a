/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The files that the programs of a run are started with, written into the run's directory. */
#ifndef HF_TOOLS_HFSIM_SETUP_H
#define HF_TOOLS_HFSIM_SETUP_H

#include "tools/hfsim_fabric.h"

/* File names in the run's directory. */
#define HF_FILE_NET		"fabric.net"
#define HF_FILE_OPENSM_CONF	"opensm.conf"
#define HF_FILE_OPENSM_LOG	"opensm.log"
#define HF_FILE_PLUGIN_CONF	"osmholdfast.conf"
#define HF_FILE_PLUGIN_SOCKET	"opensm.socket"
#define HF_FILE_PLUGIN_TRACE	"opensm.trace"
#define HF_FILE_SM_CAPTURE	"opensm.pcap"
#define HF_FILE_STANDBY_CONF	"standby.conf"
#define HF_FILE_STANDBY_LOG	"standby.log"
#define HF_FILE_STANDBY_PLUGIN	"standby.osmholdfast.conf"
#define HF_FILE_STANDBY_SOCKET	"standby.socket"
#define HF_FILE_STANDBY_TRACE	"standby.trace"
#define HF_FILE_STANDBY_CAPTURE	"standby.pcap"
#define HF_FILE_STANDBY_DIR	"standby"	/* what opensm keeps for its next start */
#define HF_FILE_SERVICES	"services.conf"
#define HF_FILE_KEY		"service.key"
#define HF_FILE_HOOK		"service.hook"
#define HF_FILE_MAP		"fabric.map"
#define HF_FILE_JOURNAL		"opensm.journal"
#define HF_FILE_STANDBY_JOURNAL	"standby.journal"
#define HF_FILE_HOST		"host-%zu"	/* .conf, .socket, .services, .trace, ...; the daemon's index */

/* All of them return 0 or the negative errno of writing, and set fabric->error. */
int hf_setup_net(struct hf_fabric *fabric);
int hf_setup_opensm(struct hf_fabric *fabric);
int hf_setup_daemon(struct hf_fabric *fabric, const struct hf_daemon *daemon);

/*
 * The services file, the hook and the key of the run: in the files that the scenario names @DIR@ stands for the run's
 * directory, in which there is a key service.key.
 */
int hf_setup_services(struct hf_fabric *fabric);

/* GUID of an adapter's first port with a cable, or 0. */
uint64_t hf_setup_port_guid(const struct hf_topology_node *node);

/* Every how many seconds the hosts ask the SM whether they have missed something. */
int hf_setup_check_interval_s(const struct hf_scenario *scenario);

#endif
