/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The keywords of the services file: one table for parsing, for the sample, and by a test for holdfast-services(5). */
#ifndef HF_PLUGIN_SERVICES_OPTIONS_H
#define HF_PLUGIN_SERVICES_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/options.h"
#include "plugin/services_file.h"

#define HF_SERVICE_OPTIONS_MAX	32

/* What has one value. Lists are apart. */
struct hf_service_values {
	char *mgid, *qkey, *key_file;
	int pkey, mlid, lid;
	int mtu, rate;		/* indices into their names */
	int pkt_life, sl;
	int mode, failback;
	bool leave_first, state_transfer;
	int failback_delay_ms, hold_down_ms, hook_limit_ms, drain_limit_ms;
	int heartbeat_interval_ms, heartbeat_count;
};

extern const struct hf_option hf_service_option_table[];

enum hf_service_list {
	HF_SERVICE_LIST_NODES,
	HF_SERVICE_LIST_DETECTION,
	HF_SERVICE_LIST_SWITCHES,
	HF_SERVICE_LISTS,
};

extern const char *const hf_service_list_names[HF_SERVICE_LISTS];

/* By index into the names of option rate. */
extern const uint8_t hf_service_rate_codes[];

#endif
