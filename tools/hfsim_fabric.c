/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_fabric.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/trace.h"
#include "tools/hfsim_hosts.h"
#include "tools/hfsim_programs.h"
#include "tools/hfsim_setup.h"
#include "tools/hfsim_streams.h"

#define POLL_MS			5	/* between two looks at a state that no trace tells */
#define IBSIM_TIMEOUT_MS	10000
#define STOP_TIMEOUT_MS		5000
#define WATCHDOG_EXTRA_S	30	/* the alarm comes after the deadline that all waiting has */
#define MUX_TIMEOUT_MS		10000
#define DIRECT_HOSTS		7	/* of ibsim's 10 slots; opensm and a diagnostic need one each, one is spare */
#define MUX_READY		"is shared as"	/* what hfsim-mux says when it serves its socket */
#define PLUGIN_REFUSES		"osmholdfast: error"	/* begins the plugin's words in opensm's log */
#define N_ENVIRONMENT		10

struct hf_file_path hf_fabric_path(const struct hf_fabric *fabric, const char *format, ...)
{
	struct hf_file_path path;
	int length = snprintf(path.text, sizeof(path.text), "%s/", fabric->dir);
	va_list args;

	va_start(args, format);
	vsnprintf(path.text + length, sizeof(path.text) - length, format, args);
	va_end(args);
	return path;
}

int hf_fabric_fail(struct hf_fabric *fabric, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fabric->error, sizeof(fabric->error), format, args);
	va_end(args);
	return err;
}

/* What a child gets on top of hfsim's own environment. */
struct environment {
	char text[N_ENVIRONMENT][2 * PATH_MAX];
	char *list[N_ENVIRONMENT + 1];
	size_t count;
};

static void add_variable(struct environment *environment, const char *format, ...)
{
	char *text = environment->text[environment->count];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(environment->text[0]), format, args);
	va_end(args);
	environment->list[environment->count++] = text;
	environment->list[environment->count] = NULL;
}

static void add_preload(struct environment *environment, const struct hf_fabric *fabric, enum hf_part part)
{
	const char *preload = getenv("LD_PRELOAD");

	add_variable(environment, "LD_PRELOAD=%s%s%s", fabric->parts[part], preload ? ":" : "",
		     preload ? preload : "");
}

/* Of a program that uses adapters: the simulated ib_umad at the given nodes. */
static void init_client_environment(struct environment *environment, const struct hf_fabric *fabric,
				    const char *socket_name, const char *nodes)
{
	*environment = (struct environment){ .count = 0 };
	add_variable(environment, "IBSIM_SOCKNAME=%s", socket_name);
	add_variable(environment, "HF_UMAD_NODES=%s", nodes);
	add_preload(environment, fabric, HF_PART_UMAD);
}

/* ibsim keeps the slot of a client that was killed until it has something for it: there must be enough to spare. */
static bool is_anyone_killed(const struct hf_scenario *scenario)
{
	for (size_t i = 0; i < scenario->fault_count; i++) {
		enum hf_fault_kind kind = scenario->faults[i].kind;

		if (kind == HF_FAULT_SM_KILL || kind == HF_FAULT_SM_DOWN || kind == HF_FAULT_DAEMON_KILL)
			return true;
	}
	return false;
}

static bool needs_mux(const struct hf_fabric *fabric)
{
	return fabric->scenario->host_count > DIRECT_HOSTS || fabric->scenario->standby_node ||
	       fabric->scenario->services_file ||
	       is_anyone_killed(fabric->scenario);
}

static int find_parts(struct hf_fabric *fabric)
{
	for (enum hf_part part = 0; part < HF_N_PARTS; part++) {
		int err;

		if (part == HF_PART_SCENARIO_DIR || (part == HF_PART_MUX && !needs_mux(fabric)) ||
		    (part == HF_PART_TRAFFIC && !fabric->scenario->services_file) ||
		    ((part == HF_PART_SIM_VERBS || part == HF_PART_VERBS) && !fabric->scenario->program_count))
			continue;
		err = hf_where(part, &fabric->parts[part]);
		if (err)
			return hf_fabric_fail(fabric, err, "%s cannot be found; %s can say where it is",
					      hf_part_name(part), hf_part_variable(part));
	}
	return 0;
}

static int make_dir(struct hf_fabric *fabric, const char *dir)
{
	const char *tmp = getenv("TMPDIR");
	int length;

	length = dir ? snprintf(fabric->dir, sizeof(fabric->dir), "%s", dir) :
		       snprintf(fabric->dir, sizeof(fabric->dir), "%s/hfsim.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (length >= (int)sizeof(fabric->dir)) {
		fabric->dir[0] = '\0';
		return hf_fabric_fail(fabric, -ENAMETOOLONG, "the name of the run's directory is too long");
	}
	if (dir ? mkdir(fabric->dir, 0755) < 0 && errno != EEXIST : !mkdtemp(fabric->dir)) {
		int err = hf_fabric_fail(fabric, -errno, "%s: %s", fabric->dir, strerror(errno));

		fabric->dir[0] = '\0';
		return err;
	}
	return 0;
}

static int take_over_signals(struct hf_fabric *fabric)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	fabric->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	fabric->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fabric->signal_fd < 0 || fabric->inotify_fd < 0 ||
	    inotify_add_watch(fabric->inotify_fd, fabric->dir, IN_MODIFY) < 0)
		return hf_fabric_fail(fabric, -errno, "signals and files cannot be watched: %s", strerror(errno));
	return 0;
}

/* Should hfsim ever hang, the alarm ends it, and the kernel its children. */
static void start_watchdog(struct hf_fabric *fabric)
{
	fabric->deadline_ns = hf_now_ns() + (uint64_t)fabric->scenario->watchdog_s * 1000000000;
	alarm(fabric->scenario->watchdog_s + WATCHDOG_EXTRA_S);
}

static int name_sockets(struct hf_fabric *fabric)
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return hf_fabric_fail(fabric, -errno, "no random number: %s", strerror(errno));
	snprintf(fabric->socket_name, sizeof(fabric->socket_name), "hfsim.%d.%08x", getpid(), random);
	snprintf(fabric->host_socket_name, sizeof(fabric->host_socket_name), "%s%s", fabric->socket_name,
		 needs_mux(fabric) ? ".mux" : "");
	return 0;
}

int hf_fabric_init(struct hf_fabric *fabric, const struct hf_scenario *scenario, const char *dir)
{
	int err;

	*fabric = (struct hf_fabric){
		.scenario = scenario, .is_captured = scenario->measured != HF_MEASURE_NOTHING,
		.signal_fd = -1, .inotify_fd = -1,
	};
	fabric->ibsim.console_fd = -1;
	err = hf_reach_init(&fabric->reach, scenario->topology);
	if (!err)
		err = hf_reach_update(&fabric->reach, fabric->scenario->sm_node);
	if (err)
		return hf_fabric_fail(fabric, err, "%s", strerror(-err));
	err = find_parts(fabric);
	if (!err)
		err = hf_streams_new(fabric);
	if (!err)
		err = make_dir(fabric, dir);
	if (!err)
		err = take_over_signals(fabric);
	if (!err)
		err = name_sockets(fabric);
	if (!err)
		start_watchdog(fabric);
	return err;
}

static const char *ended_child(struct hf_fabric *fabric, const struct hf_child **ret_child)
{
	struct hf_child *children[] = {
		&fabric->ibsim.child, &fabric->mux, &fabric->opensm, &fabric->standby,
	};

	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
		if (children[i]->pid > 0 && hf_child_has_ended(children[i])) {
			*ret_child = children[i];
			return children[i]->name;
		}
	}
	*ret_child = hf_streams_ended(fabric);
	if (*ret_child)
		return (*ret_child)->name;
	for (size_t i = 0; i < fabric->n_daemons; i++) {
		struct hf_daemon *daemon = &fabric->daemons[i];

		if (!daemon->is_silenced && daemon->child.pid > 0 && hf_child_has_ended(&daemon->child)) {
			*ret_child = &daemon->child;
			return daemon->child.name;
		}
	}
	return NULL;
}

static void sleep_until_news(struct hf_fabric *fabric)
{
	struct pollfd sources[] = {
		{ .fd = fabric->signal_fd, .events = POLLIN }, { .fd = fabric->inotify_fd, .events = POLLIN },
	};
	char news[4096];

	poll(sources, 2, POLL_MS);
	while (read(fabric->inotify_fd, news, sizeof(news)) > 0)
		;	/* that there are news is all that counts */
}

static bool is_interrupted(struct hf_fabric *fabric)
{
	struct signalfd_siginfo info;

	return read(fabric->signal_fd, &info, sizeof(info)) == sizeof(info);
}

int hf_fabric_wait(struct hf_fabric *fabric, const char *what, bool (*is_reached)(struct hf_fabric *fabric, void *ctx),
		   void *ctx, int timeout_ms)
{
	uint64_t deadline_ns = hf_now_ns() + (uint64_t)timeout_ms * 1000000;

	if (deadline_ns > fabric->deadline_ns)
		deadline_ns = fabric->deadline_ns;
	for (;;) {
		int got = hf_events_read(&fabric->events);
		const struct hf_child *child;

		if (got < 0)
			return hf_fabric_fail(fabric, got, "a trace cannot be read: %s", strerror(-got));
		if (is_reached(fabric, ctx))
			return 0;
		if (ended_child(fabric, &child))
			return hf_fabric_fail(fabric, -EPIPE, "%s %s while waiting for %s; see %s", child->name,
					      hf_child_describe_end(child), what, child->log_path);
		if (is_interrupted(fabric))
			return hf_fabric_fail(fabric, -EINTR, "interrupted while waiting for %s", what);
		if (hf_now_ns() >= deadline_ns)
			return hf_fabric_fail(fabric, -ETIMEDOUT, "timed out while waiting for %s%s", what,
					      deadline_ns == fabric->deadline_ns ? " (watchdog of the whole run)" : "");
		sleep_until_news(fabric);
	}
}

bool hf_fabric_is_past(struct hf_fabric *fabric, void *ctx)
{
	const uint64_t *until_ns = ctx;

	(void)fabric;
	return hf_now_ns() >= *until_ns;
}

static int start_ibsim(struct hf_fabric *fabric)
{
	struct hf_file_path net = hf_fabric_path(fabric, HF_FILE_NET), log = hf_fabric_path(fabric, "ibsim.log");
	struct environment environment = { .count = 0 };
	int err;

	if (needs_mux(fabric)) {
		hf_topology_group_hosts(fabric->scenario->topology, 1);
		fabric->scenario->sm_node->group = 0;
		if (fabric->scenario->standby_node)
			fabric->scenario->standby_node->group = 0;
	}
	err = hf_setup_net(fabric);
	if (err)
		return err;
	add_variable(&environment, "IBSIM_SOCKNAME=%s", fabric->socket_name);
	add_variable(&environment, "HF_SMA_VLS=%s", fabric->scenario->lanes);
	add_variable(&environment, "HF_FABRIC_MAP=%s", hf_fabric_path(fabric, HF_FILE_MAP).text);
	add_preload(&environment, fabric, HF_PART_SMA);
	err = hf_ibsim_start(&fabric->ibsim, fabric->parts[HF_PART_IBSIM], fabric->scenario->topology, net.text,
			     environment.list, log.text, IBSIM_TIMEOUT_MS);
	return err ? hf_fabric_fail(fabric, err, "ibsim does not start (%s); see %s", strerror(-err), log.text) : 0;
}

/* The first line of a log that has a text in it, from there on; to be freed. NULL for none. */
static char *find_in_log(const char *path, const char *text)
{
	FILE *file = fopen(path, "re");
	char *line = NULL, *found = NULL;
	size_t room = 0;

	while (file && !found && getline(&line, &room, file) >= 0) {
		const char *at = strstr(line, text);

		if (at)
			found = strndup(at, strcspn(at, "\n"));
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

static bool log_has(const char *path, const char *text)
{
	char *found = find_in_log(path, text);

	free(found);
	return found != NULL;
}

/* In ibsim all hosts have one port GUID, so that they can share a client's slot. Everyone else sees their own. */
static int tell_guids(struct hf_fabric *fabric)
{
	char *commands = NULL, *rest, *line;
	size_t length;
	FILE *out = open_memstream(&commands, &length);
	int err = out ? hf_topology_write_guids(fabric->scenario->topology, out) : -ENOMEM;

	if (out)
		fclose(out);
	for (line = strtok_r(commands, "\n", &rest); line && !err; line = strtok_r(NULL, "\n", &rest))
		err = hf_ibsim_command(&fabric->ibsim, line, IBSIM_TIMEOUT_MS, NULL);
	free(commands);
	return err ? hf_fabric_fail(fabric, err, "ibsim does not take the hosts' GUIDs: %s", strerror(-err)) : 0;
}

static bool is_mux_ready(struct hf_fabric *fabric, void *ctx)
{
	(void)ctx;
	return log_has(fabric->mux.log_path, MUX_READY);
}

static int start_mux(struct hf_fabric *fabric)
{
	char *argv[] = {
		fabric->parts[HF_PART_MUX], "--listen", fabric->host_socket_name, "--ibsim", fabric->socket_name, NULL,
	};
	char *environment[] = { NULL };
	int err = tell_guids(fabric);

	if (err)
		return err;
	err = hf_child_start(&fabric->mux, "hfsim-mux", argv, environment, hf_fabric_path(fabric, "mux.log").text, NULL,
			     -1);
	if (err)
		return hf_fabric_fail(fabric, err, "hfsim-mux does not start: %s", strerror(-err));
	return hf_fabric_wait(fabric, "hfsim-mux", is_mux_ready, NULL, MUX_TIMEOUT_MS);
}

/* Where an opensm runs, and its files. */
struct sm {
	const char *name, *node, *conf, *output, *capture;
	struct hf_file_path dir;
};

static int start_sm(struct hf_fabric *fabric, const struct sm *sm, struct hf_child *child)
{
	struct hf_file_path conf = hf_fabric_path(fabric, "%s", sm->conf);
	struct hf_file_path log = hf_fabric_path(fabric, "%s", sm->output);
	char *argv[] = { fabric->parts[HF_PART_OPENSM], "-F", conf.text, NULL };
	const char *libraries = getenv("LD_LIBRARY_PATH");
	struct environment environment;
	int err;

	init_client_environment(&environment, fabric, fabric->socket_name, sm->node);
	if (fabric->is_captured)
		add_variable(&environment, "HF_UMAD_CAPTURE=%s", hf_fabric_path(fabric, "%s", sm->capture).text);
	add_variable(&environment, "LD_LIBRARY_PATH=%s%s%s", fabric->parts[HF_PART_PLUGIN_DIR], libraries ? ":" : "",
		     libraries ? libraries : "");
	add_variable(&environment, "OSM_CACHE_DIR=%s", sm->dir.text);
	add_variable(&environment, "OSM_TMP_DIR=%s", sm->dir.text);
	err = hf_child_start(child, sm->name, argv, environment.list, log.text, NULL, -1);
	return err ? hf_fabric_fail(fabric, err, "%s does not start: %s", sm->name, strerror(-err)) : 0;
}

int hf_fabric_start_opensm(struct hf_fabric *fabric)
{
	const struct sm sm = {
		.name = "opensm", .node = fabric->scenario->sm_node->name, .conf = HF_FILE_OPENSM_CONF,
		.output = "opensm.out", .capture = HF_FILE_SM_CAPTURE, .dir = hf_fabric_path(fabric, "%s", ""),
	};

	return start_sm(fabric, &sm, &fabric->opensm);
}

static bool is_on_standby(struct hf_fabric *fabric, void *ctx)
{
	(void)fabric;
	return log_has(ctx, "Entering STANDBY state");
}

static int start_standby(struct hf_fabric *fabric)
{
	const struct sm sm = {
		.name = "standby opensm", .node = fabric->scenario->standby_node->name, .conf = HF_FILE_STANDBY_CONF,
		.output = "standby.out", .capture = HF_FILE_STANDBY_CAPTURE,
		.dir = hf_fabric_path(fabric, HF_FILE_STANDBY_DIR),
	};
	struct hf_file_path log = hf_fabric_path(fabric, HF_FILE_STANDBY_LOG);
	int err;

	if (mkdir(sm.dir.text, 0755) < 0 && errno != EEXIST)
		return hf_fabric_fail(fabric, -errno, "%s: %s", sm.dir.text, strerror(errno));
	err = hf_events_follow_as(&fabric->events, hf_fabric_path(fabric, HF_FILE_STANDBY_TRACE).text,
				  "plugin of standby");
	if (err)
		return hf_fabric_fail(fabric, err, "%s", strerror(-err));
	err = start_sm(fabric, &sm, &fabric->standby);
	return err ? err : hf_fabric_wait(fabric, "the second opensm to stand by", is_on_standby, log.text,
					  fabric->scenario->watchdog_s * 1000);
}

bool hf_fabric_has_sm(const struct hf_fabric *fabric)
{
	return fabric->standby.pid > 0 || (fabric->opensm.pid > 0 && !fabric->is_sm_stopped);
}

static bool is_subnet_up(struct hf_fabric *fabric, void *ctx)
{
	const char *log_path = ctx;
	size_t at;

	if (hf_events_find(&fabric->events, 0, "plugin", "subnet_up", &at))
		return true;
	return log_has(log_path, "SUBNET UP");
}

/* The plugin says in opensm's log why it does not load; opensm goes on without it. */
static int check_plugin(struct hf_fabric *fabric, const char *log_path)
{
	char *reason;
	size_t at;

	if (hf_events_find(&fabric->events, 0, "plugin", "loaded", &at))
		return 0;
	reason = find_in_log(log_path, PLUGIN_REFUSES);
	hf_fabric_fail(fabric, -ENOEXEC, "%s",
		       reason ? reason : "opensm runs without the plugin, and its log does not say why");
	free(reason);
	return -ENOEXEC;
}

int hf_fabric_start_sm(struct hf_fabric *fabric)
{
	struct hf_file_path log = hf_fabric_path(fabric, HF_FILE_OPENSM_LOG);
	int err = start_ibsim(fabric);

	if (!err && needs_mux(fabric))
		err = start_mux(fabric);
	if (!err && fabric->streams)
		err = hf_setup_services(fabric);
	if (!err)
		err = hf_setup_opensm(fabric);
	if (err)
		return err;
	err = hf_events_follow(&fabric->events, hf_fabric_path(fabric, HF_FILE_PLUGIN_TRACE).text);
	if (err)
		return hf_fabric_fail(fabric, err, "%s", strerror(-err));
	err = hf_fabric_start_opensm(fabric);
	if (!err)
		err = hf_fabric_wait(fabric, "SUBNET UP", is_subnet_up, log.text, fabric->scenario->watchdog_s * 1000);
	if (!err)
		err = check_plugin(fabric, log.text);
	return err || !fabric->scenario->standby_node ? err : start_standby(fabric);
}

int hf_fabric_start_daemon(struct hf_fabric *fabric, struct hf_daemon *daemon)
{
	struct hf_file_path conf = hf_fabric_path(fabric, HF_FILE_HOST ".conf", daemon->index);
	struct hf_file_path log = hf_fabric_path(fabric, HF_FILE_HOST ".log", daemon->index);
	char *argv[] = { fabric->parts[HF_PART_HOLDFASTD], "-c", conf.text, NULL };
	bool is_followed = daemon->child.name != NULL || daemon->is_silenced;
	struct environment environment;
	char name[64];
	int err = hf_setup_daemon(fabric, daemon);

	if (err)
		return err;
	init_client_environment(&environment, fabric, fabric->host_socket_name, daemon->node_names);
	if (fabric->is_captured)
		add_variable(&environment, "HF_UMAD_CAPTURE=%s",
			     hf_fabric_path(fabric, HF_FILE_HOST ".pcap", daemon->index).text);
	if (fabric->scenario->disorder > 0)
		add_variable(&environment, "HF_UMAD_DISORDER=%u %zu", fabric->scenario->disorder,
			     fabric->scenario->seed + daemon->index);
	snprintf(name, sizeof(name), "holdfastd %zu", daemon->index);
	err = hf_child_start(&daemon->child, name, argv, environment.list, log.text, NULL, -1);
	if (!err && !is_followed)
		err = hf_events_follow(&fabric->events,
				       hf_fabric_path(fabric, HF_FILE_HOST ".trace", daemon->index).text);
	return err ? hf_fabric_fail(fabric, err, "holdfastd does not start: %s", strerror(-err)) : 0;
}

int hf_fabric_start_client(struct hf_fabric *fabric, struct hf_child *child, const char *name, char *const argv[],
			   const char *node, const char *log)
{
	struct environment environment;
	int err;

	init_client_environment(&environment, fabric, fabric->host_socket_name, node);
	err = hf_child_start(child, name, argv, environment.list, hf_fabric_path(fabric, "%s", log).text, NULL, -1);
	return err ? hf_fabric_fail(fabric, err, "%s does not start: %s", name, strerror(-err)) : 0;
}

int hf_fabric_start_program(struct hf_fabric *fabric, struct hf_child *child, const struct hf_program_start *start)
{
	const struct hf_daemon *daemon = hf_hosts_find(fabric, start->node);
	const char *preload = getenv("LD_PRELOAD");
	bool is_moved = strcmp(start->strategy, HF_STRATEGY_NONE) != 0;
	struct environment environment = { .count = 0 };
	int err;

	add_variable(&environment, "HF_FABRIC_MAP=%s", hf_fabric_path(fabric, HF_FILE_MAP).text);
	add_variable(&environment, "HF_UMAD_NODES=%s", start->node->name);
	add_variable(&environment, "HF_VERBS_MODEL=%s", start->model);
	add_variable(&environment, "LD_PRELOAD=%s%s%s%s%s", is_moved ? fabric->parts[HF_PART_VERBS] : "",
		     is_moved ? ":" : "", fabric->parts[HF_PART_SIM_VERBS], preload ? ":" : "", preload ? preload : "");
	if (is_moved) {
		add_variable(&environment, "HOLDFAST_STRATEGY=%s", start->strategy);
		add_variable(&environment, "HOLDFAST_SOCKET=%s",
			     hf_fabric_path(fabric, HF_FILE_HOST ".programs", daemon->index).text);
	}
	err = hf_child_start(child, start->name, start->argv, environment.list,
			     hf_fabric_path(fabric, "%s", start->log).text, NULL, -1);
	return err ? hf_fabric_fail(fabric, err, "%s does not start: %s", start->name, strerror(-err)) : 0;
}

void hf_fabric_stop(struct hf_fabric *fabric)
{
	hf_programs_stop(fabric);
	hf_streams_stop(fabric);
	for (size_t i = 0; i < fabric->n_daemons; i++) {
		if (fabric->daemons[i].child.pid > 0)
			kill(fabric->daemons[i].child.pid, SIGCONT);	/* a fault may have stopped it */
		hf_child_terminate(&fabric->daemons[i].child);
	}
	for (size_t i = 0; i < fabric->n_daemons; i++)
		hf_child_stop(&fabric->daemons[i].child, STOP_TIMEOUT_MS);
	if (fabric->is_sm_stopped && fabric->opensm.pid > 0)
		kill(fabric->opensm.pid, SIGCONT);
	hf_child_terminate(&fabric->standby);
	hf_child_stop(&fabric->opensm, STOP_TIMEOUT_MS);
	hf_child_stop(&fabric->standby, STOP_TIMEOUT_MS);
	hf_child_stop(&fabric->mux, STOP_TIMEOUT_MS);
	hf_ibsim_stop(&fabric->ibsim, STOP_TIMEOUT_MS);
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

void hf_fabric_fini(struct hf_fabric *fabric, bool keep_dir)
{
	hf_fabric_stop(fabric);
	alarm(0);
	hf_programs_free(fabric);
	hf_streams_free(fabric);
	for (size_t i = 0; i < fabric->n_daemons; i++)
		free(fabric->daemons[i].node_names);
	free(fabric->daemons);
	for (enum hf_part part = 0; part < HF_N_PARTS; part++)
		free(fabric->parts[part]);
	if (fabric->signal_fd >= 0)
		close(fabric->signal_fd);
	if (fabric->inotify_fd >= 0)
		close(fabric->inotify_fd);
	hf_events_fini(&fabric->events);
	hf_reach_fini(&fabric->reach);
	if (!keep_dir && fabric->dir[0] != '\0')
		nftw(fabric->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool has_tool_ended(struct hf_fabric *fabric, void *ctx)
{
	(void)fabric;
	return hf_child_has_ended(ctx);
}

int hf_fabric_start_tool(struct hf_fabric *fabric, struct hf_child *tool, char *const argv[], const char *output_path,
			 int input_fd)
{
	struct hf_file_path log = hf_fabric_path(fabric, "tools.log");
	struct environment environment;
	int err;

	init_client_environment(&environment, fabric, fabric->socket_name, fabric->scenario->sm_node->name);
	err = hf_child_start(tool, argv[0], argv, environment.list, log.text, output_path, input_fd);
	return err ? hf_fabric_fail(fabric, err, "%s does not start: %s", argv[0], strerror(-err)) : 0;
}

int hf_fabric_run_tool(struct hf_fabric *fabric, char *const argv[], const struct hf_file_path *output_path,
		       int timeout_ms)
{
	struct hf_child child;
	int err = hf_fabric_start_tool(fabric, &child, argv, output_path->text, -1);

	if (!err)
		err = hf_fabric_wait(fabric, argv[0], has_tool_ended, &child, timeout_ms);
	if (!err && child.status != 0)
		err = hf_fabric_fail(fabric, -EPROTO, "%s %s; see %s", argv[0], hf_child_describe_end(&child),
				     child.log_path);
	hf_child_stop(&child, STOP_TIMEOUT_MS);
	return err;
}
