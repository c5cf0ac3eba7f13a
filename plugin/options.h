/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The plugin's options: one table for parsing, for the sample file and, by a test, for osmholdfast(5). */
#ifndef HF_PLUGIN_OPTIONS_H
#define HF_PLUGIN_OPTIONS_H

#include <stdbool.h>

#include "lib/log.h"
#include "lib/options.h"
#include "plugin/reporter.h"
#include "plugin/signaller.h"

/* Where holdfast(8) looks for the plugin. */
#define HF_PLUGIN_SOCKET	"/run/osmholdfast.sock"

/* Where the SM's machine keeps what must survive a restart. */
#define HF_PLUGIN_JOURNAL	"/var/lib/osmholdfast.journal"

struct hf_plugin_options {
	int mode;	/* enum hf_mode */
	struct hf_reporter_config reporter;
	bool deltas;
	int history_bytes;
	char *control;	/* socket; NULL or empty for none */
	char *control_read_group, *control_act_group;	/* names; NULL or empty for none */
	char *services;	/* file; NULL or empty for none */
	char *journal;	/* file; NULL or empty for none */
	int log_level;	/* enum hf_log_level */
	char *trace;	/* file; NULL for none */
	bool trace_paths;
};

extern const struct hf_option hf_plugin_option_table[];

#endif
