/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Scenarios: a fabric, what runs on it, what breaks and what must hold then, as a file for people to write
 * (holdfast-scenario(5) is the language; sim/scenarios has the files).
 *
 *	title = "The 3x2 mesh loses its middle link"
 *	fabric { kind = mesh  size = 3x2  hosts = 1 }
 *	sm { engine = lash }
 *	program bandwidth { run = "ib_send_bw -D 600"  server = H_1_1_0  client = H_0_1_0 }
 *	fault middle-link { kind = unlink  link = { S_1_0, S_1_1 } }
 *	must = { "stale_connections = 0", "credit_loops_without_update > 0" }
 *
 * Reading makes the fabric too, so that what a fault names is known to exist. Errors are one line with file, line,
 * value and what is allowed.
 */
#ifndef HF_SIM_SCENARIO_H
#define HF_SIM_SCENARIO_H

#include "sim/topology.h"

enum hf_fault_kind {
	HF_FAULT_UNLINK,	/* a cable is taken away */
	HF_FAULT_RELINK,	/* and laid again where it was */
	HF_FAULT_NODE_DOWN,	/* all cables of a node */
	HF_FAULT_NODE_UP,
	HF_FAULT_PORT_DOWN,	/* the cable of one port */
	HF_FAULT_PORT_UP,
	HF_FAULT_LOSSY,		/* a port drops so many percent of the MADs that enter it; 0 heals it */
	HF_FAULT_SWITCH_RESET,	/* a switch forgets all that was set at it, and is back at once */
	HF_FAULT_FAILOVER,	/* the operator moves a service */
	HF_FAULT_FAILBACK,
	HF_FAULT_SM_RESTART,	/* opensm ends and another starts */
	HF_FAULT_SM_KILL,	/* the same by SIGKILL */
	HF_FAULT_SM_DOWN,	/* SIGKILL, and none starts */
	HF_FAULT_SM_UP,		/* it starts again */
	HF_FAULT_SM_STOP,	/* SIGSTOP */
	HF_FAULT_SM_CONT,	/* SIGCONT */
	HF_FAULT_DAEMON_KILL,	/* SIGKILL to the holdfastd that serves a host */
	HF_FAULT_DAEMON_START,	/* another one starts */
	HF_FAULT_DAEMON_STOP,	/* SIGSTOP */
	HF_FAULT_DAEMON_CONT,	/* SIGCONT */
};

struct hf_fault {
	char *name;			/* unique in its scenario */
	enum hf_fault_kind kind;
	struct hf_topology_node *node;	/* NULL for HF_FAULT_SM_* */
	unsigned int port;		/* 0 where the whole node is meant. Of a link: its end at @node */
	struct hf_topology_node *remote;	/* of unlink and relink: the other end */
	unsigned int remote_port;
	unsigned int percent;		/* of HF_FAULT_LOSSY */
	char *service;			/* of HF_FAULT_FAILOVER and HF_FAULT_FAILBACK; else NULL */
	unsigned int after_ms;		/* so long after the one before, or after that has settled */
	bool wait_settled;		/* before the next fault; false: the next follows at once */
	unsigned int line;		/* in the scenario's file */
};

/* A verbs program that runs at two hosts and sends from one to the other, from the first fault to the end. */
struct hf_program {
	char *name;			/* unique in its scenario */
	char *command;			/* words with blanks between them; both ends get it */
	struct hf_topology_node *server, *client;
	const char *strategy;		/* HOLDFAST_STRATEGY; HF_STRATEGY_NONE: without libholdfast-verbs; static */
	const char *model;		/* HF_VERBS_MODEL; static */
};

#define HF_STRATEGY_NONE "none"

/* What is read from outside besides traces: the more hosts, the longer it takes and the larger the files. */
enum hf_measure_what {
	HF_MEASURE_ALL,
	HF_MEASURE_MADS,	/* captures of MADs, but no tables of the switches and no connections */
	HF_MEASURE_NOTHING,
};

enum hf_must_op {
	HF_MUST_EQ,	/* = */
	HF_MUST_NE,	/* != */
	HF_MUST_LT,	/* < */
	HF_MUST_LE,	/* <= */
	HF_MUST_GT,	/* > */
	HF_MUST_GE,	/* >= */
};

/* "stale_connections = 0", "middle-link.changed_paths > 0", "reports_sent = 0 in hybrid" */
struct hf_must {
	char *text;		/* as the file has it */
	char *fault;		/* whose number is meant; NULL for one of the whole run, or for one of every fault */
	const char *name;	/* in the result's JSON; static */
	bool of_fault;		/* @name is a member of each fault, not of the whole result */
	enum hf_must_op op;
	long long number;
	const char *mode;	/* must hold in this mode only; NULL: in each; static */
};

/* One line "name value" for opensm.conf or one option of the plugin. */
struct hf_setting {
	char *name, *value;
};

struct hf_settings {
	struct hf_setting *items;
	size_t count;
};

struct hf_scenario {
	char *name;			/* the file's name without folder and ".conf" */
	char *title, *description;	/* never NULL */
	char *fabric;			/* in words: "mesh 3x2", or the file */
	struct hf_topology *topology;
	const char *lanes;		/* data lanes of each port: "1", "2", "4", "8", "15"; static */
	struct hf_topology_node *sm_node;	/* where opensm runs */
	struct hf_topology_node *standby_node;	/* where another one waits to take over; NULL: there is none */
	char *engine;			/* of opensm -R; a list with commas is possible */
	const char *mode;		/* a signalling mode of the plugin; static */
	struct hf_settings sm;		/* further lines of opensm.conf */
	struct hf_settings plugin;	/* further options of the plugin */
	struct hf_settings holdfastd;	/* further options of holdfastd */
	struct hf_topology_node **hosts;	/* where holdfastd runs; no SM is among them */
	size_t host_count;
	unsigned int hosts_per_daemon;	/* one process serves so many hosts */
	char *services_file;		/* the services of the run, sent to all the time; NULL: none */
	char *hook_file;		/* what their nodes run as their hook; NULL: nothing */
	struct hf_topology_node *sender;	/* from where; NULL without services */
	unsigned int interval_us;	/* between two packets to the same service */
	bool connect_all;		/* each host has a connection to each other one */
	unsigned int disorder;		/* so many percent of what a host receives comes late */
	unsigned int seed;		/* that decides which */
	struct hf_program *programs;	/* in order */
	size_t program_count;
	struct hf_fault *faults;	/* in order */
	size_t fault_count;
	struct hf_must *musts;
	size_t must_count;
	enum hf_measure_what measured;
	unsigned int watchdog_s;	/* the whole run is ended after this time */
};

/**
 * hf_scenario_load() - read a scenario and make its fabric
 * @path:         the file; a fabric file that it names is looked for beside it unless its path is absolute
 * @ret_scenario: caller frees with hf_scenario_free()
 * @ret_error:    see above; caller frees it
 *
 * Context: any thread, one at a time a thread.
 * Return: 0; -EINVAL for what the files say; -ENOMEM; the negative errno of reading.
 */
int hf_scenario_load(const char *path, struct hf_scenario **ret_scenario, char **ret_error);
void hf_scenario_free(struct hf_scenario *scenario);

/**
 * hf_scenario_set() - change a scenario from the command line
 * @scenario:  unchanged on failure
 * @setting:   "mode=off", "engine=updn", "lanes=15", "watchdog_s=300", "hosts_per_daemon=8", "strategy=sqd" of all
 *             programs,
 *             "plugin.NAME=VALUE", "sm.NAME=VALUE" or "holdfastd.NAME=VALUE"; the last three replace a value of
 *             that name or add one
 * @ret_error: what is wrong with which value and what is allowed; caller frees it
 *
 * The values are checked as those in the file are. What plugin options there are the plugin alone knows.
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int hf_scenario_set(struct hf_scenario *scenario, const char *setting, char **ret_error);

#define HF_MODE_NAME_OFF "off"	/* the mode in which nobody is told anything */

/* Return: whether @number is what @must asks for. */
bool hf_must_holds(const struct hf_must *must, long long number);

/* Return: the kind as the language has it, "unlink" for one; static. */
const char *hf_fault_kind_text(enum hf_fault_kind kind);

#endif
