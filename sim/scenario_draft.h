/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A scenario between reading and building: what the file says, each value checked by itself and with the line where it
 * stands. Names of nodes and faults are not looked up yet.
 */
#ifndef HF_SIM_SCENARIO_DRAFT_H
#define HF_SIM_SCENARIO_DRAFT_H

#include "lib/options.h"
#include "sim/scenario.h"

#define HF__WATCHDOG_MAX_S	86400
#define HF__VALUES_MAX		8	/* in a section */

enum hf__section {
	HF__SECTION_ROOT,
	HF__SECTION_FABRIC,
	HF__SECTION_SM,
	HF__SECTION_HOSTS,
	HF__SECTION_SERVICES,
	HF__SECTION_PROGRAM,
	HF__SECTION_FAULT,
	HF__SECTION_COUNT,
};

struct hf__root_values {
	char *title, *description;
	int watchdog_s;
	int measure;		/* enum hf_measure_what */
};

struct hf__fabric_values {
	char *kind, *size, *file;
	int hosts;
	bool sm_host;
	int lanes;		/* index in hf__scenario_lanes */
};

struct hf__sm_values {
	char *engine, *node, *standby;
	int mode;		/* index in hf__scenario_modes */
};

struct hf__hosts_values {
	int connections;	/* 0: all-to-all, 1: none */
	int hosts_per_daemon;
	int disorder, seed;
};

struct hf__services_values {
	char *file, *from, *hook;
	int interval_us;
};

struct hf__program_values {
	char *run, *server, *client;
	int strategy;		/* index in hf__scenario_strategies */
	int model;		/* index in hf__scenario_models */
};

struct hf__fault_values {
	int kind;		/* enum hf_fault_kind */
	char *node, *port, *service;
	int percent;		/* -1: not said */
	int wait;		/* 0: settled, 1: none */
	int after_ms;
};

/* Indices into the tables of the sections, and so into hf__scenario_draft.lines. */
enum { HF__ROOT_TITLE, HF__ROOT_DESCRIPTION, HF__ROOT_WATCHDOG, HF__ROOT_MEASURE };
enum { HF__FABRIC_KIND, HF__FABRIC_SIZE, HF__FABRIC_FILE, HF__FABRIC_HOSTS, HF__FABRIC_SM_HOST, HF__FABRIC_LANES };
enum { HF__SM_ENGINE, HF__SM_MODE, HF__SM_NODE, HF__SM_STANDBY };
enum { HF__SERVICES_FILE, HF__SERVICES_FROM, HF__SERVICES_INTERVAL, HF__SERVICES_HOOK };
enum { HF__PROGRAM_RUN, HF__PROGRAM_SERVER, HF__PROGRAM_CLIENT, HF__PROGRAM_STRATEGY, HF__PROGRAM_MODEL };
enum {
	HF__FAULT_KIND, HF__FAULT_NODE, HF__FAULT_PORT, HF__FAULT_SERVICE, HF__FAULT_PERCENT, HF__FAULT_WAIT,
	HF__FAULT_AFTER,
};

extern const struct hf_option *const hf__scenario_tables[HF__SECTION_COUNT];
extern const char *const hf__scenario_modes[], *const hf__scenario_lanes[];
extern const char *const hf__scenario_strategies[], *const hf__scenario_models[];

/* A string of a list. */
struct hf__item {
	char *text;
	unsigned int line;
};

struct hf__items {
	struct hf__item *items;
	size_t count;
	bool is_closed;		/* its } was read */
};

/* A section with a title, of which there may be several: a program or a fault. */
struct hf__titled_draft {
	char *name;
	union {
		struct hf__program_values program;
		struct hf__fault_values fault;
	} values;
	struct hf__items link;			/* of a fault */
	unsigned int line;			/* of its end */
	unsigned int lines[HF__VALUES_MAX];	/* 0: not said */
};

struct hf__titled_drafts {
	struct hf__titled_draft *drafts;
	size_t count;
	struct hf__titled_draft open;	/* has not ended yet, or not begun */
};

struct hf__scenario_draft {
	const char *path;
	struct hf__root_values root;
	struct hf__fabric_values fabric;
	struct hf__sm_values sm;
	struct hf__hosts_values hosts;
	struct hf__services_values services;
	unsigned int lines[HF__SECTION_COUNT][HF__VALUES_MAX];
	struct hf__items must, opensm, plugin, run, holdfastd;
	struct hf__titled_drafts programs, faults;
};

/* Reads a file. Return: 0 and a draft that the caller frees with hf__scenario_draft_fini(); as hf_scenario_load(). */
int hf__scenario_read(const char *path, struct hf__scenario_draft *draft, char **ret_error);
void hf__scenario_draft_fini(struct hf__scenario_draft *draft);

/* Looks names up and makes the fabric. Return: as hf_scenario_load(). */
int hf__scenario_build(const struct hf__scenario_draft *draft, struct hf_scenario **ret_scenario, char **ret_error);

/* The checks that file and command line share. Each sets @ret_error without a place in it. */
int hf__engine_check(const char *engine, char **ret_error);
int hf__settings_put(struct hf_settings *settings, const char *const *reserved, const char *text, char **ret_error);
int hf__must_parse(const char *text, struct hf_must *ret_must, char **ret_error);

/* Names that the runner sets itself, with what to use instead: "name", "instead", ..., NULL. */
extern const char *const hf__sm_reserved[], *const hf__plugin_reserved[], *const hf__holdfastd_reserved[];

#endif
