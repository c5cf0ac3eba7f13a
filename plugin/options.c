/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/options.h"

#define AT(field)	offsetof(struct hf_plugin_options, field)

static const char *const backoff_names[HF_BACKOFFS + 1] = {
	[HF_BACKOFF_EXPONENTIAL] = "exponential",
	[HF_BACKOFF_LINEAR] = "linear",
};

static const char *const level_names[] = {
	[HF_LOG_ERROR] = "error",
	[HF_LOG_WARN] = "warning",
	[HF_LOG_INFO] = "info",
	[HF_LOG_DEBUG] = "debug",
	NULL,
};

const struct hf_option hf_plugin_option_table[] = {
	{
		.name = "mode", .type = HF_OPTION_CHOICE, .default_ = "targeted", .choices = hf_mode_names,
		.offset = AT(mode),
		.help = "Which hosts are told what after a routing. targeted: each host whose own paths changed, of these "
			"alone. wildcard: every subscriber, after every routing, to query its paths again. hybrid: the "
			"same, but only if a path changed. repath-only: the two hosts of each path that changed, with the "
			"new path record inside. off: nobody.",
	},
	{
		.name = "window", .type = HF_OPTION_INT, .default_ = "64", .min = 1, .max = 4096,
		.offset = AT(reporter.window),
		.help = "Reports that may be on their way at a time, over all subscribers.",
	},
	{
		.name = "per_subscriber", .type = HF_OPTION_INT, .default_ = "1", .min = 1, .max = 64,
		.offset = AT(reporter.per_subscriber),
		.help = "Reports that may be on their way to one subscriber. Above 1 they can arrive in another order "
			"when one is lost.",
	},
	{
		.name = "pace_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "10", .min = 1,
		.max = 10000, .offset = AT(reporter.pace_ms),
		.help = "How long a report that is not answered counts against the window. Dead subscribers delay the "
			"others by at most their number divided by the window, times this.",
	},
	{
		.name = "timeout_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "200", .min = 1,
		.max = 60000, .offset = AT(reporter.timeout_ms),
		.help = "How long the first attempt of a report waits for its answer.",
	},
	{
		.name = "retries", .type = HF_OPTION_INT, .default_ = "4", .min = 0, .max = HF_REPORTER_MAX_RETRIES,
		.offset = AT(reporter.retries),
		.help = "How often a report is sent again before its subscriber is given up for this routing.",
	},
	{
		.name = "backoff", .type = HF_OPTION_CHOICE, .default_ = "exponential", .choices = backoff_names,
		.offset = AT(reporter.backoff),
		.help = "How the wait grows from attempt to attempt. exponential: it doubles. linear: it grows by "
			"timeout_ms.",
	},
	{
		.name = "queue_max", .type = HF_OPTION_INT, .default_ = "4096", .min = 1, .max = 65536,
		.offset = AT(reporter.queue_max),
		.help = "Reports that may wait for one subscriber. When there are more, one that says \"query all your "
			"paths\" replaces them.",
	},
	{
		.name = "deltas", .type = HF_OPTION_BOOL, .default_ = "true", .offset = AT(deltas),
		.help = "Whether hosts that ask for their paths are told what has changed since they asked last, instead "
			"of the whole table. In modes off and repath-only they never are: in the former nothing is "
			"watched, in the latter the Reports bring the records.",
	},
	{
		.name = "history_bytes", .type = HF_OPTION_INT, .unit = "bytes", .default_ = "67108864", .min = 0,
		.max = 2147483647, .offset = AT(history_bytes),
		.help = "How much memory may be taken to know what changed in which routing. A host that missed more than "
			"that is told all its paths. The last routing is always kept.",
	},
	{
		.name = "control", .type = HF_OPTION_STRING, .default_ = HF_PLUGIN_SOCKET, .offset = AT(control),
		.help = "A unix socket for holdfast(8). Its owner and root may do everything. Empty: none.",
	},
	{
		.name = "control_read_group", .type = HF_OPTION_STRING, .default_ = NULL,
		.offset = AT(control_read_group),
		.help = "Who is in this group may ask on the control socket. Empty: nobody more.",
	},
	{
		.name = "control_act_group", .type = HF_OPTION_STRING, .default_ = NULL, .offset = AT(control_act_group),
		.help = "Who is in this group may ask and act on the control socket: move services, write snapshots. Empty: "
			"nobody more.",
	},
	{
		.name = "services", .type = HF_OPTION_STRING, .default_ = NULL, .offset = AT(services),
		.help = "The file of services that move from node to node, holdfast-services(5). It is read again in the next "
			"heavy sweep when it has changed; SIGHUP starts one. Empty: none.",
	},
	{
		.name = "journal", .type = HF_OPTION_STRING, .default_ = HF_PLUGIN_JOURNAL, .offset = AT(journal),
		.help = "Where it is kept who owns which service, for a restart. Empty: nowhere.",
	},
	{
		.name = "log_level", .type = HF_OPTION_CHOICE, .default_ = "info", .choices = level_names,
		.offset = AT(log_level),
		.help = "The least important lines that still go to the log of OpenSM, which applies its own log flags "
			"to them as well.",
	},
	{
		.name = "trace", .type = HF_OPTION_STRING, .default_ = NULL, .offset = AT(trace),
		.help = "A file to which events are appended, one JSON object a line. Empty: none.",
	},
	{
		.name = "trace_paths", .type = HF_OPTION_BOOL, .default_ = "false", .offset = AT(trace_paths),
		.help = "Whether each path that changed gets a line in the trace. There may be millions.",
	},
	HF_OPTION_END
};
