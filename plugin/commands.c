/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/commands.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/trace.h"

#define EVENTS_MAX	256	/* in one answer */
#define NS_PER_MS	UINT64_C(1000000)

json_t *hf_commands_error(const char *code, const char *format, ...)
{
	va_list args;
	char *text;
	json_t *answer;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		return NULL;
	answer = json_pack("{s:s, s:s}", "error", text, "code", code);
	free(text);
	return answer;
}

/* services */

static json_t *pack_guid(uint64_t guid)
{
	return guid ? json_sprintf("0x%016" PRIx64, guid) : json_null();
}

/* What holdfastd says there; null where it has said nothing yet. */
static json_t *pack_report(const struct hf_service_node_report *report)
{
	bool is_counted = report->connections != HF_SERVICE_CONNECTIONS_UNKNOWN;

	if (!report->heard_ns)
		return json_null();
	return json_pack("{s:I, s:I, s:b, s:s, s:s, s:i, s:I}", "heard_ms",
			 (json_int_t)((hf_now_ns() - report->heard_ns) / NS_PER_MS), "term", (json_int_t)report->term,
			 "behind", report->is_behind, "order", hf_service_order_names[report->order], "progress",
			 hf_service_progress_names[report->progress], "exit_status", report->exit_status, "connections",
			 is_counted ? (json_int_t)report->connections : (json_int_t)-1);
}

static json_t *pack_node(const struct hf_services_node_view *node)
{
	return json_pack("{s:s, s:o, s:i, s:b, s:b, s:b, s:I, s:I, s:o}", "name", node->name, "guid",
			 pack_guid(node->port.guid), "lid", node->port.lid, "present", node->is_present, "suspect",
			 node->is_suspect, "held_down", node->is_held_down, "up_ms", (json_int_t)node->up_ms, "failures",
			 (json_int_t)node->failures, "report", pack_report(&node->report));
}

/* The node's name, or null. */
static json_t *pack_which(const struct hf_services_view *view, int node)
{
	return node < 0 ? json_null() : json_string(view->nodes[node].name);
}

static void add_service(void *ctx, const struct hf_services_view *view)
{
	json_t *list = ctx, *nodes = json_array();
	char mgid[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < view->node_count; i++)
		json_array_append_new(nodes, pack_node(&view->nodes[i]));
	inet_ntop(AF_INET6, view->mgid, mgid, sizeof(mgid));
	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:o, s:o, s:I, s:s, s:o}",
					      "name", view->name, "state", hf_service_state_names[view->state], "mode",
					      hf_service_mode_names[view->mode], "mgid", mgid, "mlid", view->mlid,
					      "lid", view->lid, "term", (json_int_t)view->term, "owner",
					      pack_which(view, view->owner), "going_back_to",
					      pack_which(view, view->target), "moves", (json_int_t)view->moves,
					      "failback", hf_service_failback_names[view->config->failback], "nodes",
					      nodes));
}

static json_t *run_services(struct hf_services *services, const char *const *words, size_t count, const char *by)
{
	json_t *list = json_array();
	const char *name = count ? words[0] : NULL;

	(void)by;
	if (services)
		hf_services_visit(services, name, add_service, list);
	if (name && !json_array_size(list)) {
		json_decref(list);
		return hf_commands_error(HF_CODE_NOT_FOUND, "service %s: there is no such service", name);
	}
	return json_pack("{s:o}", "services", list);
}

/* failover, failback */

static json_t *answer_done(int err, const char *what, const char *name, char *why)
{
	json_t *answer;

	if (!err)
		return json_pack("{s:{s:s}}", what, "service", name);
	answer = hf_commands_error(err == -ENOENT || err == -ESRCH ? HF_CODE_NOT_FOUND : HF_CODE_REFUSED, "%s",
				   why ? why : strerror(-err));
	free(why);
	return answer;
}

static json_t *answer_none(const char *name)
{
	return hf_commands_error(HF_CODE_NOT_FOUND, "service %s: opensm has no services file", name);
}

static json_t *run_failover(struct hf_services *services, const char *const *words, size_t count, const char *by)
{
	char *why = NULL;
	int err;

	if (!services)
		return answer_none(words[0]);
	err = hf_services_fail_over(services, words[0], count > 1 ? words[1] : NULL, by, &why);
	return answer_done(err, "failover", words[0], why);
}

static json_t *run_failback(struct hf_services *services, const char *const *words, size_t count, const char *by)
{
	char *why = NULL;
	int err;

	(void)count;
	if (!services)
		return answer_none(words[0]);
	err = hf_services_fail_back(services, words[0], by, &why);
	return answer_done(err, "failback", words[0], why);
}

/* events */

static json_t *pack_event(const struct hf_services_item *item)
{
	return json_pack("{s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:s}", "seq", (json_int_t)item->seq,
			 "epoch_ms", (json_int_t)item->epoch_ms, "at_ns", (json_int_t)item->at_ns, "event",
			 hf_services_news_names[item->news], "service", item->service, "state",
			 hf_service_state_names[item->state], "cause", hf_service_cause_names[item->cause], "from",
			 pack_guid(item->from.guid), "to", pack_guid(item->to.guid), "term", (json_int_t)item->term,
			 "text", item->text);
}

static json_t *run_events(struct hf_services *services, const char *const *words, size_t count, const char *by)
{
	struct hf_services_item *items = calloc(EVENTS_MAX, sizeof(*items));
	unsigned long long after = 0;
	size_t n_items = 0;
	json_t *list;
	char *end;

	(void)by;
	if (!items)
		return NULL;
	if (count) {
		after = strtoull(words[0], &end, 10);
		if (*end || end == words[0]) {
			free(items);
			return hf_commands_error(HF_CODE_USAGE, "events: \"%s\" is no number of an event", words[0]);
		}
	}
	if (services)
		n_items = hf_services_items(services, after, items, EVENTS_MAX);
	list = json_array();
	for (size_t i = 0; i < n_items; i++)
		json_array_append_new(list, pack_event(&items[i]));
	free(items);
	return json_pack("{s:o}", "events", list);
}

const struct hf_command hf_commands[] = {
	{ "services", "services [SERVICE]", "who owns which service, and who could", 0, 1, false, run_services },
	{ "failover", "failover SERVICE [NODE]", "move a service, to the best other node or to one", 1, 2, true,
	  run_failover },
	{ "failback", "failback SERVICE", "bring a service back to its first node that is there", 1, 1, true,
	  run_failback },
	{ "events", "events [AFTER]", "what happened to services, behind event number AFTER", 0, 1, false, run_events },
	{ .name = NULL },
};

const struct hf_command *hf_commands_find(const char *name)
{
	for (const struct hf_command *command = hf_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

json_t *hf_commands_run(struct hf_services *services, const char *const *words, size_t count, bool may_act,
			const char *by)
{
	const struct hf_command *command = hf_commands_find(words[0]);
	const char *error;
	json_t *answer;

	if (!command)
		return hf_commands_error(HF_CODE_USAGE, "there is no command \"%s\"", words[0]);
	if (count - 1 < command->min_words || count - 1 > command->max_words)
		return hf_commands_error(HF_CODE_USAGE, "usage: %s", command->usage);
	if (command->acts && !may_act)
		answer = hf_commands_error(HF_CODE_DENIED, "%s: %s may not do this", command->name, by);
	else
		answer = command->run(services, words + 1, count - 1, by);
	if (!command->acts)
		return answer;
	error = json_string_value(json_object_get(answer, "error"));
	hf_log(HF_LOG_INFO, "%s said: %s %s%s%s: %s", by, command->name, words[1], count > 2 ? " " : "",
	       count > 2 ? words[2] : "", error ? error : "done");
	return answer;
}

/* Text */

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "nobody";
}

static json_int_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

#define N	"%" JSON_INTEGER_FORMAT

static void print_report(const json_t *report, FILE *out)
{
	const char *order = text_of(report, "order");
	json_int_t status = number_of(report, "exit_status");

	fprintf(out, "    heard " N " ms ago, knows term " N, number_of(report, "heard_ms"), number_of(report, "term"));
	if (number_of(report, "connections") >= 0)
		fprintf(out, ", " N " connections", number_of(report, "connections"));
	if (strcmp(order, hf_service_order_names[HF_SERVICE_ORDER_NONE]))
		fprintf(out, ", order %s: %s", order, text_of(report, "progress"));
	if (status)
		fprintf(out, ", status " N, status);
	fprintf(out, "%s\n", json_is_true(json_object_get(report, "behind")) ? ", is asked" : "");
}

static void print_service(const json_t *service, FILE *out)
{
	const json_t *node;
	size_t i;

	fprintf(out, "%s: %s, owner %s, term " N "\n", text_of(service, "name"), text_of(service, "state"),
		text_of(service, "owner"), number_of(service, "term"));
	if (json_is_string(json_object_get(service, "going_back_to")))
		fprintf(out, "  going back to %s\n", text_of(service, "going_back_to"));
	fprintf(out, "  mode %s, MGID %s, MLID 0x%04x", text_of(service, "mode"), text_of(service, "mgid"),
		(unsigned int)number_of(service, "mlid"));
	if (number_of(service, "lid"))
		fprintf(out, ", LID " N, number_of(service, "lid"));
	fprintf(out, ", failback %s, " N " moves\n", text_of(service, "failback"), number_of(service, "moves"));
	json_array_foreach(json_object_get(service, "nodes"), i, node) {
		fprintf(out, "  node %s: ", text_of(node, "name"));
		if (!json_is_true(json_object_get(node, "present")))
			fprintf(out, "not there");
		else
			fprintf(out, "port %s, LID " N ", for " N " s%s%s", text_of(node, "guid"), number_of(node, "lid"),
				number_of(node, "up_ms") / 1000,
				json_is_true(json_object_get(node, "suspect")) ? ", said to have failed" : "",
				json_is_true(json_object_get(node, "held_down")) ? ", held down" : "");
		fprintf(out, "\n");
		if (json_is_object(json_object_get(node, "report")))
			print_report(json_object_get(node, "report"), out);
	}
}

static void print_event(const json_t *event, FILE *out)
{
	json_int_t ms = number_of(event, "epoch_ms");

	fprintf(out, N " " N ".%03d %s %s: %s; %s -> %s, term " N "\n", number_of(event, "seq"), ms / 1000,
		(int)(ms % 1000), text_of(event, "service"), text_of(event, "event"), text_of(event, "text"),
		text_of(event, "from"), text_of(event, "to"), number_of(event, "term"));
}

void hf_commands_print(const json_t *answer, FILE *out)
{
	const char *error = json_string_value(json_object_get(answer, "error"));
	const json_t *item, *services = json_object_get(answer, "services");
	size_t i;

	if (error)
		fprintf(out, "%s\n", error);
	if (services && !json_array_size(services))
		fprintf(out, "no services\n");
	json_array_foreach(services, i, item)
		print_service(item, out);
	json_array_foreach(json_object_get(answer, "events"), i, item)
		print_event(item, out);
	if (json_object_get(answer, "failover") || json_object_get(answer, "failback"))
		fprintf(out, "done\n");
}
