/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_staleness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/trace.h"
#include "tools/hfsim_asker.h"
#include "tools/hfsim_hosts.h"
#include "tools/hfsim_soak_plan.h"
#include "tools/hfsim_stale.h"

#define NS_PER_MS	UINT64_C(1000000)
#define LOOK_MS		200	/* between two looks */
#define SAQUERY_NODES	300	/* a larger fabric's answer is hundreds of megabytes of text */
#define SAQUERY_MS	"10000"
#define TOOL_MS		15000
#define ASK_MS		120000
#define DRAWN_RECORDS	10000	/* that show all SLs that are drawn */
#define DRAWN_TIMES_MIN	20
#define DRAWN_TIMES_MAX	200

static const struct hf_event *last_of_plugin(const struct hf_events *events, const char *name)
{
	for (size_t i = events->count; i-- > 0;)
		if (hf_event_is_by(&events->list[i], "plugin") && strcmp(events->list[i].name, name) == 0)
			return &events->list[i];
	return NULL;
}

static bool is_drawn(const struct hf_fabric *fabric)
{
	const struct hf_event *routed = last_of_plugin(&fabric->events, "routing_done");
	const struct hf_soak_engine *engine = routed ? hf_soak_engine_find(hf_event_text(routed, "engine")) : NULL;

	return engine && engine->is_drawn;
}

static int ask_by_saquery(struct hf_fabric *fabric, struct hf_path_set *set)
{
	struct hf_file_path path = hf_fabric_path(fabric, "saquery.txt");
	char *argv[] = { fabric->parts[HF_PART_SAQUERY], "-p", "-t", SAQUERY_MS, NULL };
	FILE *file;
	int err;

	unlink(path.text);
	err = hf_fabric_run_tool(fabric, argv, &path, TOOL_MS);
	if (err)
		return err;
	file = fopen(path.text, "re");
	if (!file)
		return hf_fabric_fail(fabric, -errno, "%s: %s", path.text, strerror(errno));
	err = hf_stale_read_saquery(file, set);
	fclose(file);
	return err ? hf_fabric_fail(fabric, err, "%s holds no path records: %s", path.text, strerror(-err)) : 0;
}

static uint32_t count_answers(const struct hf_path_set *one_answer)
{
	size_t times = DRAWN_RECORDS / (one_answer->count + 1);

	if (times < DRAWN_TIMES_MIN)
		return DRAWN_TIMES_MIN;
	return times < DRAWN_TIMES_MAX ? times : DRAWN_TIMES_MAX;
}

static int ask_ourselves(struct hf_fabric *fabric, uint32_t times, struct hf_path_set *set)
{
	struct hf_path_set more = { 0 };
	struct hf_asker asker;
	int err = hf_asker_start(&asker, fabric);

	if (!err) {
		err = hf_asker_ask(&asker, times, ASK_MS, &more);
		if (err)
			hf_fabric_fail(fabric, err, "the SA gives no path records: %s", strerror(-err));
	}
	for (size_t i = 0; i < more.count && !err; i++)
		err = hf_path_set_add_item(set, &more.items[i]);
	hf_path_set_fini(&more);
	hf_asker_stop(&asker);
	return err;
}

static int ask_sa(struct hf_fabric *fabric, struct hf_path_set *ret_said)
{
	bool is_small = fabric->scenario->topology->node_count <= SAQUERY_NODES;
	int err;

	*ret_said = (struct hf_path_set){ 0 };
	err = is_small ? ask_by_saquery(fabric, ret_said) : ask_ourselves(fabric, 1, ret_said);
	if (!err && is_drawn(fabric))
		err = ask_ourselves(fabric, count_answers(ret_said), ret_said);
	hf_path_set_finish(ret_said);
	if (!err && is_drawn(fabric))
		hf_path_set_spread_sls(ret_said);
	return err;
}

static int look_at_hosts(struct hf_fabric *fabric, const struct hf_path_set *said, struct hf_staleness *staleness)
{
	uint64_t now_ns = hf_now_ns(), *guids = hf_hosts_list_served(fabric);
	struct hf_path_set held = { 0 };
	json_t *texts;
	int err = guids ? hf_hosts_paths(fabric, &held) : -ENOMEM;

	if (!err)
		err = hf_stale_judge(fabric->scenario->topology, guids, hf_hosts_count_served(fabric), said, &held,
				     &staleness->n_stale, &texts);
	if (!err) {
		json_decref(staleness->texts);
		staleness->texts = texts;
		staleness->is_judged = true;
		staleness->fresh_ns = staleness->n_stale ? 0 : now_ns;
	}
	hf_path_set_fini(&held);
	free(guids);
	return err;
}

/* What no waiting mends. */
static bool is_final(int err)
{
	return err == -EINTR || err == -EPIPE || err == -ENOMEM;
}

/* When the plugin last had something to say: answers from before that are old. */
static uint64_t last_news_ns(const struct hf_fabric *fabric)
{
	const struct hf_event *routed = last_of_plugin(&fabric->events, "routing_done");
	const struct hf_event *up = last_of_plugin(&fabric->events, "subnet_up");
	uint64_t routed_ns = routed ? routed->time_ns : 0, up_ns = up ? up->time_ns : 0;

	return routed_ns > up_ns ? routed_ns : up_ns;
}

int hf_staleness_wait(struct hf_fabric *fabric, int limit_ms, struct hf_staleness *ret_staleness)
{
	uint64_t deadline_ns = hf_now_ns() + limit_ms * NS_PER_MS, asked_ns = 0;
	struct hf_path_set said = { 0 };
	int err;

	*ret_staleness = (struct hf_staleness){ 0 };
	for (;;) {
		uint64_t next_ns;

		err = 0;
		if (!asked_ns || last_news_ns(fabric) >= asked_ns) {
			asked_ns = hf_now_ns();
			hf_path_set_fini(&said);
			err = ask_sa(fabric, &said);
			if (err)
				asked_ns = 0;
		}
		if (!err)
			err = look_at_hosts(fabric, &said, ret_staleness);
		next_ns = hf_now_ns() + LOOK_MS * NS_PER_MS;
		if ((!err && ret_staleness->fresh_ns && last_news_ns(fabric) < asked_ns) || is_final(err) ||
		    next_ns > deadline_ns)
			break;
		err = hf_fabric_wait(fabric, "hosts that are stale", hf_fabric_is_past, &next_ns, LOOK_MS * 10);
		if (err)
			break;
	}
	hf_path_set_fini(&said);
	return err;
}

void hf_staleness_fini(struct hf_staleness *staleness)
{
	json_decref(staleness->texts);
	staleness->texts = NULL;
}
