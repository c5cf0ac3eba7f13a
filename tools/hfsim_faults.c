/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_faults.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/hfsim_hosts.h"
#include "tools/hfsim_setup.h"
#include "tools/hfsim_streams.h"

#define COMMAND_TIMEOUT_MS	5000
#define STOP_TIMEOUT_MS		10000

struct kind {
	const char *command;	/* of ibsim's console, NULL where it has no part in it */
	const char *then;	/* another one, right behind it */
	bool is_rerouted;
	bool is_cut;		/* cables are taken away, else laid again */
	int signal;		/* to the daemon, 0 for none */
	bool is_silenced;	/* and whether that daemon answers no longer */
	bool is_started;	/* another daemon */
	const char *service_command;	/* of the operator's */
	int (*change_sm)(struct hf_fabric *fabric);
};

static int restart_sm(struct hf_fabric *fabric)
{
	hf_child_stop(&fabric->opensm, STOP_TIMEOUT_MS);
	fabric->is_sm_stopped = false;
	return hf_fabric_start_opensm(fabric);
}

static int kill_sm(struct hf_fabric *fabric)
{
	if (fabric->opensm.pid > 0)
		kill(fabric->opensm.pid, SIGKILL);
	hf_child_wait(&fabric->opensm, STOP_TIMEOUT_MS);
	hf_child_stop(&fabric->opensm, STOP_TIMEOUT_MS);
	fabric->is_sm_stopped = false;
	return 0;
}

static int replace_sm(struct hf_fabric *fabric)
{
	kill_sm(fabric);
	return hf_fabric_start_opensm(fabric);
}

static int signal_sm(struct hf_fabric *fabric, int number, bool is_stopped)
{
	if (fabric->opensm.pid == 0 || kill(fabric->opensm.pid, number) < 0)
		return hf_fabric_fail(fabric, -ESRCH, "opensm does not run");
	fabric->is_sm_stopped = is_stopped;
	return 0;
}

static int stop_sm(struct hf_fabric *fabric)
{
	return signal_sm(fabric, SIGSTOP, true);
}

static int continue_sm(struct hf_fabric *fabric)
{
	return signal_sm(fabric, SIGCONT, false);
}

static const struct kind kinds[] = {
	[HF_FAULT_UNLINK] = { .command = "Unlink", .is_rerouted = true, .is_cut = true },
	[HF_FAULT_RELINK] = { .command = "ReLink", .is_rerouted = true },
	[HF_FAULT_NODE_DOWN] = { .command = "Unlink", .is_rerouted = true, .is_cut = true },
	[HF_FAULT_NODE_UP] = { .command = "ReLink", .is_rerouted = true },
	[HF_FAULT_PORT_DOWN] = { .command = "Unlink", .is_rerouted = true, .is_cut = true },
	[HF_FAULT_PORT_UP] = { .command = "ReLink", .is_rerouted = true },
	[HF_FAULT_LOSSY] = { .command = "Error" },
	[HF_FAULT_SWITCH_RESET] = { .command = "Clear", .then = "ReLink", .is_rerouted = true },
	[HF_FAULT_FAILOVER] = { .service_command = "failover" },
	[HF_FAULT_FAILBACK] = { .service_command = "failback" },
	[HF_FAULT_SM_RESTART] = { .is_rerouted = true, .change_sm = restart_sm },
	[HF_FAULT_SM_KILL] = { .is_rerouted = true, .change_sm = replace_sm },
	[HF_FAULT_SM_DOWN] = { .change_sm = kill_sm },
	[HF_FAULT_SM_UP] = { .is_rerouted = true, .change_sm = hf_fabric_start_opensm },
	[HF_FAULT_SM_STOP] = { .change_sm = stop_sm },
	[HF_FAULT_SM_CONT] = { .change_sm = continue_sm },
	[HF_FAULT_DAEMON_START] = { .is_started = true },
	[HF_FAULT_DAEMON_KILL] = { .signal = SIGKILL, .is_silenced = true },
	[HF_FAULT_DAEMON_STOP] = { .signal = SIGSTOP, .is_silenced = true },
	[HF_FAULT_DAEMON_CONT] = { .signal = SIGCONT },
};

/* Whether a standby takes over, or gives back. */
static bool has_other_master(const struct hf_fabric *fabric, const struct hf_fault *fault)
{
	return fabric->scenario->standby_node && (fault->kind == HF_FAULT_SM_DOWN || fault->kind == HF_FAULT_SM_STOP);
}

bool hf_fault_is_new_sm(const struct hf_fabric *fabric, const struct hf_fault *fault)
{
	return has_other_master(fabric, fault) || (kinds[fault->kind].change_sm && kinds[fault->kind].is_rerouted);
}

bool hf_fault_is_rerouted(const struct hf_fabric *fabric, const struct hf_fault *fault)
{
	return has_other_master(fabric, fault) || kinds[fault->kind].is_rerouted;
}

static int give_command(struct hf_fabric *fabric, const struct hf_fault *fault, const char *verb)
{
	char port[16] = "", percent[16] = "", command[128];
	char *answer = NULL;
	int err;

	if (fault->port > 0)
		snprintf(port, sizeof(port), "[%u]", fault->port);
	if (fault->kind == HF_FAULT_LOSSY)
		snprintf(percent, sizeof(percent), " %u", fault->percent);
	snprintf(command, sizeof(command), "%s \"%s\"%s%s", verb, fault->node->name, port, percent);
	err = hf_ibsim_command(&fabric->ibsim, command, COMMAND_TIMEOUT_MS, &answer);
	if (err)
		hf_fabric_fail(fabric, err, "ibsim does not take '%s': %s", command, answer ? answer : strerror(-err));
	free(answer);
	return err;
}

static int change_links(struct hf_fabric *fabric, const struct hf_fault *fault)
{
	const struct kind *kind = &kinds[fault->kind];
	int err = give_command(fabric, fault, kind->command);

	if (!err && kind->then)
		return give_command(fabric, fault, kind->then);
	if (err || fault->kind == HF_FAULT_LOSSY)
		return err;
	hf_reach_cut(&fabric->reach, fault->node, fault->port, kinds[fault->kind].is_cut);
	err = hf_reach_update(&fabric->reach, fabric->scenario->sm_node);
	return err ? hf_fabric_fail(fabric, err, "%s", strerror(-err)) : 0;
}

static int start_daemon(struct hf_fabric *fabric, const struct hf_fault *fault)
{
	struct hf_daemon *daemon = hf_hosts_find(fabric, fault->node);
	int err;

	if (!daemon)
		return hf_fabric_fail(fabric, -ENOENT, "no holdfastd runs on \"%s\"", fault->node->name);
	hf_child_stop(&daemon->child, STOP_TIMEOUT_MS);
	err = hf_fabric_start_daemon(fabric, daemon);
	daemon->is_silenced = false;
	return err ? err : hf_streams_restart(fabric, fault->node);
}

static int signal_daemon(struct hf_fabric *fabric, const struct hf_fault *fault)
{
	struct hf_daemon *daemon = hf_hosts_find(fabric, fault->node);

	if (!daemon)
		return hf_fabric_fail(fabric, -ENOENT, "no holdfastd runs on \"%s\"", fault->node->name);
	daemon->is_silenced = kinds[fault->kind].is_silenced;
	if (kill(daemon->child.pid, kinds[fault->kind].signal) < 0)
		return hf_fabric_fail(fabric, -errno, "%s: %s", daemon->child.name, strerror(errno));
	return hf_streams_signal(fabric, fault->node, kinds[fault->kind].signal, daemon->is_silenced);
}

static int command_service(struct hf_fabric *fabric, const struct hf_fault *fault)
{
	struct hf_file_path socket = hf_fabric_path(fabric, HF_FILE_PLUGIN_SOCKET);
	struct hf_file_path out = hf_fabric_path(fabric, "commands.log");
	char *argv[] = {
		fabric->parts[HF_PART_HOLDFAST], (char *)kinds[fault->kind].service_command, "--socket", socket.text,
		fault->service, fault->node ? fault->node->name : NULL, NULL,
	};

	return hf_fabric_run_tool(fabric, argv, &out, COMMAND_TIMEOUT_MS);
}

int hf_fault_apply(struct hf_fabric *fabric, const struct hf_fault *fault)
{
	if (kinds[fault->kind].change_sm)
		return kinds[fault->kind].change_sm(fabric);
	if (kinds[fault->kind].service_command)
		return command_service(fabric, fault);
	if (kinds[fault->kind].is_started)
		return start_daemon(fabric, fault);
	return kinds[fault->kind].signal ? signal_daemon(fabric, fault) : change_links(fabric, fault);
}
