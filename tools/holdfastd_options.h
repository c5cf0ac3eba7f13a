/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The options of holdfastd: holdfastd.conf(5). */
#ifndef HF_TOOLS_HOLDFASTD_OPTIONS_H
#define HF_TOOLS_HOLDFASTD_OPTIONS_H

#include <stdbool.h>

#include "lib/options.h"

enum holdfastd_log { LOG_TO_STDERR, LOG_TO_SYSLOG };

struct holdfastd_options {
	char *ports;
	char *connect;		/* NULL or "": none */
	int strategy;
	bool simulated_sqd;
	char *services;		/* file; NULL or "": none */
	char *socket;		/* "": none */
	char *programs_socket;	/* NULL or "": none */
	char *programs_group;	/* NULL or "": all */
	char *trace;		/* NULL or "": none */
	int log;		/* enum holdfastd_log */
	int log_level;		/* enum hf_log_level */
	int port_interval_ms;
	int request_timeout_ms;
	int query_timeout_ms;
	int check_interval_s;
	int stop_timeout_ms;
};

extern const struct hf_option holdfastd_option_table[];

/* Return: the name of an option that differs and cannot be reloaded; NULL where @to may replace @from. */
const char *holdfastd_options_find_fixed(const struct holdfastd_options *from, const struct holdfastd_options *to);

#endif
