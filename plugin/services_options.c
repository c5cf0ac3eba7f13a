/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/services_options.h"

#define AT(field)	offsetof(struct hf_service_values, field)

const char *const hf_service_list_names[HF_SERVICE_LISTS] = {
	[HF_SERVICE_LIST_NODES] = "nodes",
	[HF_SERVICE_LIST_DETECTION] = "detection",
	[HF_SERVICE_LIST_SWITCHES] = "switches",
};

/* The IBA's code is the index plus one. */
static const char *const mtu_names[] = { "256", "512", "1024", "2048", "4096", NULL };

static const char *const rate_names[] = {
	"2.5", "5", "10", "14", "20", "25", "30", "40", "56", "60", "80", "100", "112", "120", "168", "200", "300", NULL,
};

const uint8_t hf_service_rate_codes[] = { 2, 5, 3, 11, 6, 15, 4, 7, 12, 8, 9, 16, 13, 10, 14, 17, 18 };

const struct hf_option hf_service_option_table[] = {
	{
		.name = "mgid", .type = HF_OPTION_STRING, .default_ = NULL, .offset = AT(mgid),
		.help = "The multicast GID of the group, which senders address. Needed; no two services have the same.",
	},
	{
		.name = "pkey", .type = HF_OPTION_INT, .default_ = "0xffff", .min = 1, .max = 0xffff, .offset = AT(pkey),
		.help = "The P_Key of the group.",
	},
	{
		.name = "mlid", .type = HF_OPTION_INT, .default_ = "0", .min = 0, .max = 0xfffe, .offset = AT(mlid),
		.help = "The multicast LID of the group, from 0xc000. 0: the SM gives one, which then stays.",
	},
	{
		.name = "mode", .type = HF_OPTION_CHOICE, .default_ = "mlid", .choices = hf_service_mode_names,
		.offset = AT(mode),
		.help = "How the address is brought to a node. mlid: the node's port is the member of the group. "
			"switch-port: the default multicast ports of switches lead to it. lid: a unicast LID moves to it.",
	},
	{
		.name = "lid", .type = HF_OPTION_INT, .default_ = "0", .min = 0, .max = 0xbfff, .offset = AT(lid),
		.help = "In mode lid the LID of the service. 0: the SM gives one, which then stays.",
	},
	{
		.name = "leave_first", .type = HF_OPTION_BOOL, .default_ = "false", .offset = AT(leave_first),
		.help = "Whether a node has lost the address before the next one gets it, for networks that must never "
			"have two. Else the next one gets it first, so that there is always one.",
	},
	{
		.name = "failback", .type = HF_OPTION_CHOICE, .default_ = "manual", .choices = hf_service_failback_names,
		.offset = AT(failback),
		.help = "When the service goes back to the first of its nodes that is there. automatic: when that has "
			"been back for failback_delay_ms. manual: when the operator says so. never: not even then.",
	},
	{
		.name = "failback_delay_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "60000", .min = 0,
		.max = 86400000, .offset = AT(failback_delay_ms),
		.help = "How long the node must have been back without a break.",
	},
	{
		.name = "hold_down_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "30000", .min = 0,
		.max = 86400000, .offset = AT(hold_down_ms),
		.help = "How long a node that failed must have been back without a break before it is chosen again, unless "
			"no other is there.",
	},
	{
		.name = "state_transfer", .type = HF_OPTION_BOOL, .default_ = "false", .offset = AT(state_transfer),
		.help = "Whether the state-transfer hooks run on both nodes before a failback. If one fails, the service "
			"stays where it is.",
	},
	{
		.name = "hook_limit_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "30000", .min = 1,
		.max = 86400000, .offset = AT(hook_limit_ms),
		.help = "How long the hooks may take; after that they have failed.",
	},
	{
		.name = "drain_limit_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "0", .min = 0,
		.max = 86400000, .offset = AT(drain_limit_ms),
		.help = "How long a failback waits for the connections of the node that gives the service up. 0: it does "
			"not.",
	},
	{
		.name = "heartbeat_interval_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "100", .min = 1,
		.max = 60000, .offset = AT(heartbeat_interval_ms),
		.help = "How often the nodes send each other heartbeats.",
	},
	{
		.name = "heartbeat_count", .type = HF_OPTION_INT, .default_ = "3", .min = 1, .max = 100,
		.offset = AT(heartbeat_count),
		.help = "How many heartbeats in a row a node misses of another before it says that it has failed.",
	},
	{
		.name = "key_file", .type = HF_OPTION_STRING, .default_ = NULL, .offset = AT(key_file),
		.help = "The key that the nodes and the SM share. Needed for detection by heartbeat.",
	},
	{
		.name = "qkey", .type = HF_OPTION_STRING, .default_ = "0x0b1b", .offset = AT(qkey),
		.help = "The Q_Key of the group.",
	},
	{
		.name = "mtu", .type = HF_OPTION_CHOICE, .unit = "bytes", .default_ = "2048", .choices = mtu_names,
		.offset = AT(mtu),
		.help = "The MTU of the group in bytes.",
	},
	{
		.name = "rate", .type = HF_OPTION_CHOICE, .default_ = "10", .choices = rate_names, .offset = AT(rate),
		.help = "The rate of the group in Gb/s.",
	},
	{
		.name = "pkt_life", .type = HF_OPTION_INT, .default_ = "18", .min = 0, .max = 63, .offset = AT(pkt_life),
		.help = "The packet life time of the group, as 4.096 us times two to this power.",
	},
	{
		.name = "sl", .type = HF_OPTION_INT, .default_ = "0", .min = 0, .max = 15, .offset = AT(sl),
		.help = "The service level of the group.",
	},
	HF_OPTION_END
};
