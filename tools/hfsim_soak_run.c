/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_soak_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/trace.h"
#include "tools/hfsim_asker.h"
#include "tools/hfsim_fabric.h"
#include "tools/hfsim_pathset.h"
#include "tools/hfsim_soak_faults.h"

#define NS_PER_MS	UINT64_C(1000000)
#define HUP_AFTER_NS	(25 * NS_PER_MS)	/* where no trap has reached opensm: nothing else makes it sweep */
#define STUCK_NS	(1000 * NS_PER_MS)	/* a sweep without an event: it has failed */
#define TRAP_NS		(100 * NS_PER_MS)	/* a trap is a sweep to come, or was the last sweep's */
#define SETTLE_MS	20000
#define ASK_MS		20000
#define ASK_AGAIN_MAX	50			/* sweeps may come in between so often */
#define DRAWN_RECORDS	10000			/* that show all SLs that are drawn; small fabrics need more answers */
#define DRAWN_TIMES_MIN	20
#define DRAWN_TIMES_MAX	200
#define TOLD_MAX	8			/* pairs of a difference that are told */

struct soak {
	const struct hf_soak_task *task;
	struct hf_soak_plan plan;
	struct hf_scenario *scenario;
	struct hf_fabric fabric;
	struct hf_asker asker;
	struct hf_soak_breaker breaker;
	struct hf_path_set before;
	char engine[32];	/* that OpenSM used last */
	char wanted_engine[32];	/* that it was to use, as the plugin says */
	bool is_drawn;		/* @engine draws SLs */
	bool was_drawn;		/* so did the one before */
	unsigned int n_writes;	/* routings since the last answers that wrote forwarding tables */
	json_t *history;	/* steps in words */
	json_t *differences;
	json_int_t n_faults, n_pairs, n_changes, n_missed, n_false, n_announcements;
	json_int_t n_in_force, n_fallbacks, n_unreported;
	json_int_t n_failed, n_returned, n_switched;	/* faults at which the engine in force became another one */
	char error[HF_FABRIC_ERROR_MAX + 64];
};

/* What is waited for. */
struct settling {
	struct soak *soak;
	uint64_t since_ns;	/* the last strike */
	uint64_t hup_ns;	/* when opensm is told to sweep */
};

/* Index of the last event of the plugin with that name; SIZE_MAX for none. */
static size_t find_last(const struct hf_events *events, const char *name)
{
	for (size_t i = events->count; i-- > 0;)
		if (strcmp(events->list[i].name, name) == 0)
			return i;
	return SIZE_MAX;
}

/* Whether the last sweep, if there was one, has come to its end. */
static bool is_idle(const struct hf_events *events)
{
	size_t swept = find_last(events, "sweep_start"), routed = find_last(events, "routing_done");
	size_t up = find_last(events, "subnet_up");

	if (swept == SIZE_MAX)
		return true;
	return routed != SIZE_MAX && routed > swept && up != SIZE_MAX && up > routed;
}

/* A routing that has not reached all switches is not announced; the next one is. */
static bool is_announced(const struct hf_events *events)
{
	size_t routed = find_last(events, "routing_done"), told = find_last(events, "announce_done");

	/* After the first routing of an opensm there is nothing to compare with. */
	if (routed == SIZE_MAX || json_is_true(json_object_get(events->list[routed].fields, "first")))
		return true;
	return told != SIZE_MAX && hf_event_number(&events->list[told], "epoch") ==
				   hf_event_number(&events->list[routed], "epoch");
}

/* Whether a sweep began after the last strike, and no trap tells of another one to come. */
static bool is_swept(const struct hf_events *events, uint64_t since_ns)
{
	size_t swept = find_last(events, "sweep_start"), trap = find_last(events, "trap");

	if (swept == SIZE_MAX || events->list[swept].time_ns < since_ns)
		return false;
	return trap == SIZE_MAX || trap < swept || hf_now_ns() >= events->list[trap].time_ns + TRAP_NS;
}

/* Whether nothing has happened for so long that nothing will. */
static bool is_stuck(const struct hf_events *events)
{
	return events->count > 0 && hf_now_ns() > events->list[events->count - 1].time_ns + STUCK_NS;
}

/* OpenSM forgets a HUP, or a trap, that comes while it sweeps, and a sweep may fail: it is told again. */
static bool is_settled(struct hf_fabric *fabric, void *ctx)
{
	const struct hf_events *events = &fabric->events;
	struct settling *settling = ctx;

	if (!is_idle(events) && !is_stuck(events))
		return false;
	if (is_idle(events) && is_swept(events, settling->since_ns) && is_announced(events))
		return true;
	if (hf_now_ns() >= settling->hup_ns) {
		settling->hup_ns = hf_now_ns() + HUP_AFTER_NS;
		hf_soak_hup(&settling->soak->breaker);
	}
	return false;
}

static int settle(struct soak *soak, uint64_t since_ns, bool is_starting)
{
	/* A HUP ends an opensm that has only just been started. */
	struct settling settling = {
		.soak = soak, .since_ns = since_ns, .hup_ns = is_starting ? UINT64_MAX : hf_now_ns() + HUP_AFTER_NS,
	};

	return hf_fabric_wait(&soak->fabric, "the subnet manager to be quiet", is_settled, &settling, SETTLE_MS);
}

/* Ways that are alone in their layer show its SLs one an answer. */
static uint32_t count_answers(const struct hf_path_set *one_answer)
{
	size_t times = DRAWN_RECORDS / (one_answer->count + 1);

	if (times < DRAWN_TIMES_MIN)
		return DRAWN_TIMES_MIN;
	return times < DRAWN_TIMES_MAX ? times : DRAWN_TIMES_MAX;
}

static int ask(struct soak *soak, struct hf_path_set *ret_set)
{
	int err = hf_asker_ask(&soak->asker, 1, ASK_MS, ret_set);

	if (!err && soak->is_drawn) {
		uint32_t times = count_answers(ret_set);

		hf_path_set_fini(ret_set);
		err = hf_asker_ask(&soak->asker, times, ASK_MS, ret_set);
		hf_path_set_spread_sls(ret_set);
	}
	return err ? hf_fabric_fail(&soak->fabric, err, "the SA gives no path records: %s", strerror(-err)) : 0;
}

static void take_engine(struct soak *soak)
{
	size_t routed = find_last(&soak->fabric.events, "routing_done");
	const struct hf_soak_engine *engine;

	if (routed == SIZE_MAX)
		return;
	snprintf(soak->engine, sizeof(soak->engine), "%s",
		 hf_event_text(&soak->fabric.events.list[routed], "engine"));
	snprintf(soak->wanted_engine, sizeof(soak->wanted_engine), "%s",
		 hf_event_text(&soak->fabric.events.list[routed], "wanted_engine"));
	engine = hf_soak_engine_find(soak->engine);
	soak->is_drawn = engine && engine->is_drawn;
}

/* The answers belong together only if no sweep came in between. */
static int ask_quietly(struct soak *soak, uint64_t since_ns, bool is_starting, struct hf_path_set *ret_set)
{
	for (unsigned int i = 0; i < ASK_AGAIN_MAX; i++) {
		int err = settle(soak, since_ns, is_starting);
		size_t n_events;

		if (err)
			return err;
		take_engine(soak);
		n_events = soak->fabric.events.count;
		err = ask(soak, ret_set);
		if (!err && hf_events_read(&soak->fabric.events) < 0)
			err = -EIO;
		if (err || soak->fabric.events.count == n_events)
			return err;
		hf_path_set_fini(ret_set);
	}
	return hf_fabric_fail(&soak->fabric, -EBUSY, "the subnet manager sweeps without end");
}

static uint64_t read_guid(const struct hf_event *event, const char *field)
{
	return strtoull(hf_event_text(event, field), NULL, 16);
}

/* What the plugin said since the events were forgotten. */
static int take_word(struct soak *soak, struct hf_pairs *ret_said)
{
	const struct hf_events *events = &soak->fabric.events;
	int err = 0;

	*ret_said = (struct hf_pairs){ 0 };
	soak->n_writes = 0;
	for (size_t i = 0; i < events->count && !err; i++) {
		const struct hf_event *event = &events->list[i];
		struct hf_pair pair = { read_guid(event, "sguid"), read_guid(event, "dguid") };

		soak->n_announcements += strcmp(event->name, "diff") == 0;
		soak->n_writes += strcmp(event->name, "routing_done") == 0 && hf_event_number(event, "lft_changes") > 0;
		if (strcmp(event->name, "path_changed") == 0)
			err = hf_pairs_add(ret_said, &pair);
	}
	return err;
}

static void note_pairs(struct soak *soak, const struct hf_path_set *after, const struct hf_pairs *pairs, json_t *texts)
{
	for (size_t i = 0; i < pairs->count && i < TOLD_MAX; i++) {
		char *text = hf_path_set_describe(&soak->before, after, &pairs->list[i]);

		json_array_append_new(texts, json_sprintf("0x%016" PRIx64 " > 0x%016" PRIx64 ": %s",
							  pairs->list[i].sguid, pairs->list[i].dguid,
							  text ? text : ""));
		free(text);
	}
}

static void note_difference(struct soak *soak, const struct hf_path_set *after, const struct hf_pairs *missed,
			    const struct hf_pairs *false_)
{
	json_t *missed_texts = json_array(), *false_texts = json_array();

	note_pairs(soak, after, missed, missed_texts);
	note_pairs(soak, after, false_, false_texts);
	json_array_append_new(soak->differences, json_pack("{s:I, s:s, s:I, s:I, s:o, s:o}", "fault", soak->n_faults,
							   "engine", soak->engine, "missed", (json_int_t)missed->count,
							   "false", (json_int_t)false_->count, "missed_pairs",
							   missed_texts, "false_pairs", false_texts));
}

static int judge(struct soak *soak, const struct hf_path_set *after)
{
	struct hf_pairs really = { 0 }, said = { 0 }, missed = { 0 }, false_ = { 0 };
	int err = hf_path_set_compare(&soak->before, after, &really);

	if (!err)
		err = take_word(soak, &said);
	if (!err)
		err = hf_pairs_judge(&really, &said, &missed, &false_);
	/* Of SLs that are drawn, fewer to draw from is said, more again is not: nobody could say what was false. */
	if ((soak->is_drawn || soak->was_drawn) && soak->n_writes > 1)
		false_.count = 0;
	if (!err) {
		soak->n_pairs += hf_path_set_count_pairs(after);
		soak->n_changes += really.count;
		soak->n_missed += missed.count;
		soak->n_false += false_.count;
		if (missed.count > 0 || false_.count > 0)
			note_difference(soak, after, &missed, &false_);
	}
	hf_pairs_fini(&really);
	hf_pairs_fini(&said);
	hf_pairs_fini(&missed);
	hf_pairs_fini(&false_);
	return err;
}

/* What brought another engine: a restart that was told to use it, or the wanted one failed, or works again. */
static void count_engine_change(struct soak *soak, const char *engine_before, const struct hf_soak_step *step)
{
	if (strcmp(soak->engine, engine_before) == 0)
		return;
	if (step->is_restart)
		soak->n_switched++;
	else if (strcmp(soak->engine, soak->breaker.engine) == 0)
		soak->n_returned++;
	else
		soak->n_failed++;
}

/* Any engine but the configured one is a fall-back, and the plugin must say that it is one. */
static void check_engine(struct soak *soak)
{
	soak->n_in_force += strcmp(soak->engine, soak->task->engine->name) == 0;
	soak->n_fallbacks += strcmp(soak->engine, soak->breaker.engine) != 0;
	soak->n_unreported += strcmp(soak->wanted_engine, soak->breaker.engine) != 0;
}

static void note_step(struct soak *soak, const struct hf_soak_step *step)
{
	json_array_append_new(soak->history, json_string(step->text));
	if (soak->task->is_verbose)
		fprintf(stderr, "%" JSON_INTEGER_FORMAT ": %s\n", soak->n_faults, step->text);
}

static int one_fault(struct soak *soak)
{
	char engine_before[sizeof(soak->engine)];
	struct hf_path_set after = { 0 };
	struct hf_soak_step step;
	int err;

	memcpy(engine_before, soak->engine, sizeof(engine_before));
	hf_events_forget(&soak->fabric.events, soak->fabric.events.count);
	soak->n_faults++;
	soak->was_drawn = soak->is_drawn;
	err = hf_soak_break(&soak->breaker, &step);
	note_step(soak, &step);
	if (err)
		return err;
	err = ask_quietly(soak, soak->breaker.struck_ns, step.is_restart, &after);
	if (err)
		return err;
	check_engine(soak);
	count_engine_change(soak, engine_before, &step);
	/* Nobody is told what a new opensm does otherwise than the last one: hosts find out that it is another. */
	if (!step.is_restart)
		err = judge(soak, &after);
	hf_path_set_fini(&soak->before);
	soak->before = after;
	return err;
}

static int make_dir(char dir[HF_FABRIC_DIR_MAX])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, HF_FABRIC_DIR_MAX, "%s/hfsim.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	return mkdtemp(dir) ? 0 : -errno;
}

static int prepare(struct soak *soak, char dir[HF_FABRIC_DIR_MAX], char **ret_error)
{
	int err = hf_soak_plan_init(&soak->plan, soak->task->engine, soak->task->seed, soak->task->fabric, ret_error);

	if (!err)
		err = make_dir(dir);
	if (!err)
		err = hf_soak_plan_scenario(&soak->plan, dir, &soak->scenario, ret_error);
	for (const char *const *setting = soak->task->settings; !err && *setting; setting++)
		err = hf_scenario_set(soak->scenario, *setting, ret_error);
	return err;
}

static int bring_up(struct soak *soak, const char *dir)
{
	int err = hf_fabric_init(&soak->fabric, soak->scenario, dir);

	if (err)
		return err;
	soak->fabric.is_captured = false;
	err = hf_soak_breaker_init(&soak->breaker, &soak->plan, &soak->fabric);
	if (!err)
		err = hf_fabric_start_sm(&soak->fabric);
	if (!err)
		err = hf_asker_start(&soak->asker, &soak->fabric);
	if (!err)
		err = ask_quietly(soak, 0, true, &soak->before);
	return err;
}

static json_t *pack_counts(const struct soak *soak)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "faults", soak->n_faults, "pairs",
			 soak->n_pairs, "changes", soak->n_changes, "missed", soak->n_missed, "false", soak->n_false,
			 "announcements", soak->n_announcements, "in_force", soak->n_in_force, "fallbacks",
			 soak->n_fallbacks, "unreported", soak->n_unreported, "failed", soak->n_failed, "returned",
			 soak->n_returned, "switched", soak->n_switched);
}

static json_t *pack_result(const struct soak *soak, bool is_kept)
{
	json_t *result = pack_counts(soak);
	char text[256] = "";
	json_t *rest;

	if (soak->plan.topology)
		hf_soak_plan_describe(&soak->plan, text, sizeof(text));
	rest = json_pack("{s:s, s:I, s:s, s:O, s:O, s:s*, s:s*}", "engine", soak->task->engine->name,
			 "seed", (json_int_t)soak->task->seed, "fabric", text, "history", soak->history,
			 "differences", soak->differences, "error", soak->error[0] ? soak->error : NULL,
			 "dir", is_kept ? soak->fabric.dir : NULL);
	json_object_update(result, rest);
	json_decref(rest);
	return result;
}

static void run(struct soak *soak)
{
	char dir[HF_FABRIC_DIR_MAX], *error = NULL;
	int err = prepare(soak, dir, &error);

	if (!err)
		err = bring_up(soak, dir);
	for (unsigned int i = 0; i < soak->task->n_faults && !err; i++)
		err = one_fault(soak);
	if (err)
		snprintf(soak->error, sizeof(soak->error), "%s",
			 error ? error : soak->fabric.error[0] ? soak->fabric.error : strerror(-err));
	free(error);
}

json_t *hf_soak_run(const struct hf_soak_task *task)
{
	struct soak soak = {
		.task = task, .history = json_array(), .differences = json_array(), .asker = { .fd = -1 },
		.fabric = { .signal_fd = -1, .inotify_fd = -1, .ibsim = { .console_fd = -1 } },
	};
	bool is_kept;
	json_t *result;

	run(&soak);
	is_kept = task->keep || soak.error[0] || soak.n_missed > 0 || soak.n_false > 0 || soak.n_unreported > 0;
	result = pack_result(&soak, is_kept);
	hf_asker_stop(&soak.asker);
	hf_fabric_fini(&soak.fabric, is_kept);
	hf_soak_breaker_fini(&soak.breaker);
	hf_path_set_fini(&soak.before);
	hf_scenario_free(soak.scenario);
	hf_soak_plan_fini(&soak.plan);
	json_decref(soak.history);
	json_decref(soak.differences);
	return result;
}
