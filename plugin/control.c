/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/control.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/control.h"
#include "lib/log.h"
#include "lib/trace.h"
#include "plugin/commands.h"
#include "plugin/snapshot_file.h"

#define NS_PER_S	UINT64_C(1000000000)
#define WORDS_MAX	8
#define NO_GROUP	((gid_t)-1)

struct hf_plugin_control {
	struct hf_plugin_control_config config;
	gid_t read_group, act_group;	/* NO_GROUP for none */
	pthread_t thread;
	int wake_fd;
	atomic_bool is_stopping;
	struct event_base *base;
	struct event *wake_event;
	struct hf_control *socket;
};

static const char *const waiting_names[HF_WAITINGS] = {
	[HF_WAITING_NOTHING] = "nothing",
	[HF_WAITING_WRITTEN] = "not written to all switches",
	[HF_WAITING_SUBNET_UP] = "waiting for SUBNET UP",
};

/* Status */

struct member {
	const char *name;
	uint64_t value;
};

static json_t *pack_numbers(const struct member *members, size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, members[i].name, json_integer((json_int_t)members[i].value));
	return object;
}

#define PACK_NUMBERS(...) \
	pack_numbers((const struct member[]){ __VA_ARGS__ }, \
		     sizeof((const struct member[]){ __VA_ARGS__ }) / sizeof(struct member))

static json_t *pack_routing(const struct hf_status_routing *routing)
{
	json_t *object;

	if (!routing->epoch)
		return json_null();
	object = PACK_NUMBERS({ "epoch", routing->epoch }, { "copy_us", routing->copy_us },
			      { "lock_us", routing->lock_us }, { "resolve_us", routing->resolve_us },
			      { "subscribers", routing->subscribers });
	json_object_set_new(object, "engine", json_string(routing->engine));
	json_object_set_new(object, "wanted_engine", json_string(routing->wanted_engine));
	return object;
}

static json_t *pack_fallback(const struct hf_status *status)
{
	if (!status->is_fallback)
		return json_null();
	return PACK_NUMBERS({ "since_epoch", status->fallback_epoch },
			    { "since_s", (hf_now_ns() - status->fallback_ns) / NS_PER_S });
}

static json_t *pack_waiting(const struct hf_status *status)
{
	if (status->waiting == HF_WAITING_NOTHING)
		return json_null();
	return json_pack("{s:I, s:s}", "epoch", (json_int_t)status->waiting_epoch, "why",
			 waiting_names[status->waiting]);
}

static json_t *pack_announced(const struct hf_status_announced *announced)
{
	if (!announced->epoch)
		return json_null();
	return PACK_NUMBERS({ "epoch", announced->epoch }, { "ports", announced->ports },
			    { "switches", announced->switches }, { "rows", announced->rows },
			    { "columns", announced->columns }, { "entries", announced->entries },
			    { "bytes", announced->bytes });
}

static json_t *pack_comparison(const struct hf_status_comparison *comparison)
{
	if (!comparison->epoch)
		return json_null();
	return PACK_NUMBERS({ "epoch", comparison->epoch },
			    { hf_change_names[HF_CHANGE_CHANGED], comparison->counts[HF_CHANGE_CHANGED] },
			    { hf_change_names[HF_CHANGE_LOST], comparison->counts[HF_CHANGE_LOST] },
			    { hf_change_names[HF_CHANGE_APPEARED], comparison->counts[HF_CHANGE_APPEARED] },
			    { "compare_us", comparison->compare_us });
}

static json_t *pack_counters(const struct hf_status_counters *counters)
{
	return PACK_NUMBERS({ "routings", counters->routings }, { "announcements", counters->announcements },
			    { "reports_sent", counters->reports_sent }, { "reports_acked", counters->reports_acked },
			    { "reports_failed", counters->reports_failed });
}

static json_t *pack_deltas(struct hf_bulk *bulk)
{
	struct hf_bulk_status status;

	if (!bulk)
		return json_null();
	hf_bulk_get_status(bulk, &status);
	return PACK_NUMBERS({ "epoch", status.epoch }, { "oldest_epoch", status.oldest },
			    { "history_bytes", status.history_bytes }, { "answers", status.answers },
			    { "whole_tables", status.whole }, { "refused", status.refused },
			    { "changes", status.changes }, { "bytes", status.bytes });
}

static json_t *answer_status(struct hf_plugin_control *control)
{
	const struct hf_plugin_control_config *config = &control->config;
	struct hf_status status;
	uint64_t instance;

	hf_status_read(config->board, &status);
	instance = status.routing.epoch ? status.routing.instance : config->instance;
	return json_pack("{s:{s:s, s:i, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}}", "status",
			 "version", PACKAGE_VERSION, "pid", (int)getpid(), "mode", config->mode,
			 "instance", json_sprintf("0x%016" PRIx64, instance), "master", status.is_master,
			 "routing", pack_routing(&status.routing), "fallback", pack_fallback(&status),
			 "waiting", pack_waiting(&status), "announced", pack_announced(&status.announced),
			 "comparison", pack_comparison(&status.comparison),
			 "deltas", pack_deltas(config->bulk), "counters", pack_counters(&status.counters));
}

/* Snapshots */

static json_t *answer_saved(struct hf_plugin_control *control, const struct hf_snapshot *snapshot, const char *path)
{
	uint64_t start_ns = hf_now_ns(), bytes = 0;
	char *error = NULL;
	int err = hf_snapshot_save(snapshot, path, &control->is_stopping, &bytes, &error);
	json_t *answer;

	if (err) {
		answer = json_pack("{s:s}", "error", error ? error : strerror(-err));
		free(error);
		return answer;
	}
	hf_log(HF_LOG_INFO, "routing %" PRIu64 " was written to %s: %" PRIu64 " bytes in %" PRIu64 " ms",
	       snapshot->routing.epoch, path, bytes, (hf_now_ns() - start_ns) / 1000000);
	return json_pack("{s:{s:s, s:I, s:I}}", "snapshot", "file", path, "epoch",
			 (json_int_t)snapshot->routing.epoch, "bytes", (json_int_t)bytes);
}

static json_t *answer_snapshot(struct hf_plugin_control *control, const char *path)
{
	struct hf_snapshot *snapshot;
	json_t *answer;

	if (*path != '/')
		return json_pack("{s:s}", "error", "snapshot: the file's path must be absolute");
	snapshot = hf_status_share_snapshot(control->config.board);
	if (!snapshot)
		return json_pack("{s:s}", "error", "snapshot: no routing has been announced yet");
	answer = answer_saved(control, snapshot, path);
	hf_snapshot_free(snapshot);
	return answer;
}

/* Commands */

struct rights {
	bool may_read, may_act;
};

static struct rights rights_of(const struct hf_plugin_control *control, const struct hf_local_peer *asker)
{
	struct rights rights = { .may_act = !asker->uid || asker->uid == geteuid() };

	rights.may_act |= control->act_group != NO_GROUP && hf_local_peer_is_in_group(asker, control->act_group);
	rights.may_read = rights.may_act ||
			  (control->read_group != NO_GROUP && hf_local_peer_is_in_group(asker, control->read_group));
	return rights;
}

static void name_asker(const struct hf_local_peer *asker, char *text, size_t size)
{
	char buffer[1024];
	struct passwd user, *found = NULL;

	getpwuid_r(asker->uid, &user, buffer, sizeof(buffer), &found);
	snprintf(text, size, "user %s (uid %u, pid %d)", found ? found->pw_name : "?", (unsigned int)asker->uid,
		 (int)asker->pid);
}

static json_t *answer_command(struct hf_plugin_control *control, const json_t *list, bool may_act, const char *by)
{
	const char *words[WORDS_MAX];
	size_t count = json_array_size(list);

	if (!count || count > WORDS_MAX)
		return hf_commands_error(HF_CODE_USAGE, "command: allowed are 1 to %d words", WORDS_MAX);
	for (size_t i = 0; i < count; i++) {
		words[i] = json_string_value(json_array_get(list, i));
		if (!words[i])
			return hf_commands_error(HF_CODE_USAGE, "command: each word is a string");
	}
	return hf_commands_run(control->config.services, words, count, may_act, by);
}

static json_t *answer(void *ctx, const json_t *request)
{
	struct hf_plugin_control *control = ctx;
	const struct hf_local_peer *asker = hf_control_asker(control->socket);
	const char *what = json_string_value(json_object_get(request, "get"));
	const char *path = json_string_value(json_object_get(request, "snapshot"));
	const json_t *command = json_object_get(request, "command");
	struct rights rights = rights_of(control, asker);
	char by[96];

	name_asker(asker, by, sizeof(by));
	if (!rights.may_read || (path && !rights.may_act))
		return hf_commands_error(HF_CODE_DENIED, "%s may not %s", by, path ? "do this" : "ask");
	if (what && !strcmp(what, "status"))
		return answer_status(control);
	if (path)
		return answer_snapshot(control, path);
	if (json_is_array(command))
		return answer_command(control, command, rights.may_act, by);
	return json_pack("{s:s}", "error", what ? "get: status" :
			 "a request is {\"get\": \"status\"}, {\"snapshot\": \"/absolute/path\"} or "
			 "{\"command\": [\"WORD\", ...]}");
}

/* The thread */

static void on_wake(evutil_socket_t fd, short events, void *ctx)
{
	struct hf_plugin_control *control = ctx;

	(void)fd;
	(void)events;
	event_base_loopbreak(control->base);
}

static void *run(void *arg)
{
	struct hf_plugin_control *control = arg;

	event_base_dispatch(control->base);
	return NULL;
}

/* OpenSM's signals are its main thread's. A SIGPIPE of ours stays pending for ever, and write() says EPIPE. */
static int start_thread(struct hf_plugin_control *control)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&control->thread, NULL, run, control);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

/* The loop is the thread's alone, so libevent needs no locks. */
static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (!config)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static int find_group(const char *name, gid_t *ret_group)
{
	int err;

	*ret_group = NO_GROUP;
	if (!name || !*name)
		return 0;
	err = hf_local_group_find(name, ret_group);
	if (err)
		hf_log(HF_LOG_ERROR, "control_read_group, control_act_group: there is no group \"%s\"", name);
	return err;
}

static int find_groups(struct hf_plugin_control *control)
{
	int err = find_group(control->config.read_group, &control->read_group);

	if (!err)
		err = find_group(control->config.act_group, &control->act_group);
	control->config.read_group = control->config.act_group = NULL;
	return err;
}

static int open_socket(struct hf_plugin_control *control, const char *path)
{
	int err = hf_control_new(control->base, path, answer, control, &control->socket);

	if (!err && (control->read_group != NO_GROUP || control->act_group != NO_GROUP))
		err = hf_control_admit_all(control->socket);
	return err;
}

static int init_loop(struct hf_plugin_control *control)
{
	control->base = new_base();
	if (!control->base)
		return -ENOMEM;
	control->wake_event = event_new(control->base, control->wake_fd, EV_READ | EV_PERSIST, on_wake, control);
	if (!control->wake_event || event_add(control->wake_event, NULL))
		return -ENOMEM;
	return 0;
}

static void fini_loop(struct hf_plugin_control *control)
{
	hf_control_free(control->socket);
	if (control->wake_event)
		event_free(control->wake_event);
	if (control->base)
		event_base_free(control->base);
}

int hf_plugin_control_start(const struct hf_plugin_control_config *config, struct hf_plugin_control **ret_control)
{
	struct hf_plugin_control *control = calloc(1, sizeof(*control));
	int err;

	if (!control)
		return -ENOMEM;
	control->config = *config;
	control->config.path = NULL;
	control->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (control->wake_fd < 0) {
		err = -errno;
		goto err_free_control;
	}
	err = init_loop(control);
	if (!err)
		err = find_groups(control);
	if (!err)
		err = open_socket(control, config->path);
	if (!err)
		err = start_thread(control);
	if (err)
		goto err_fini_loop;
	*ret_control = control;
	return 0;

err_fini_loop:
	fini_loop(control);
	close(control->wake_fd);
err_free_control:
	free(control);
	return err;
}

void hf_plugin_control_stop(struct hf_plugin_control *control)
{
	uint64_t one = 1;

	if (!control)
		return;
	atomic_store(&control->is_stopping, true);
	/* It cannot fail: nothing else writes there. */
	if (write(control->wake_fd, &one, sizeof(one)) < 0)
		errno = 0;
	pthread_join(control->thread, NULL);
	fini_loop(control);
	close(control->wake_fd);
	free(control);
}
