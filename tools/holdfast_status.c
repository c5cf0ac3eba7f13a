/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* "holdfast status" and "holdfast snapshot": what the plugin says on its control socket. */
#include "tools/holdfast.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/options.h"
#include "tools/control_client.h"

#define STATUS_TIMEOUT_MS	10000
#define SNAPSHOT_TIMEOUT_MS	600000	/* it may be large, and the disk slow */

/* Takes @request. Return: the member @what of the answer, to be given up with json_decref(); NULL after an error. */
static json_t *ask(const char *path, json_t *request, const char *what, int timeout_ms)
{
	json_t *answer = NULL, *member;
	int err = request ? hf_control_ask(path, request, timeout_ms, &answer) : -ENOMEM;
	const char *error = json_string_value(json_object_get(answer, "error"));

	json_decref(request);
	member = json_incref(json_object_get(answer, what));
	if (err)
		fprintf(stderr, "holdfast: the plugin's socket %s: %s\n", path, strerror(-err));
	else if (!json_is_object(member))
		fprintf(stderr, "holdfast: the plugin at %s: %s\n", path, error ? error : "unknown answer");
	json_decref(answer);
	if (json_is_object(member))
		return member;
	json_decref(member);
	return NULL;
}

/* Text */

static json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value ? value : "?";
}

#define N	"%" JSON_INTEGER_FORMAT

static void print_engine(const json_t *routing, const json_t *fallback)
{
	if (!json_is_object(routing))
		return;
	printf("engine      %s", text(routing, "engine"));
	if (json_is_object(fallback))
		printf(" instead of %s, which failed: since routing " N ", " N " s ago", text(routing, "wanted_engine"),
		       number(fallback, "since_epoch"), number(fallback, "since_s"));
	printf("\n");
}

static void print_routing(const json_t *routing)
{
	if (!json_is_object(routing)) {
		printf("routing     none yet\n");
		return;
	}
	printf("routing     " N ", copied in " N " us (lock " N " us), resolved in " N " us, " N " subscribers\n",
	       number(routing, "epoch"), number(routing, "copy_us"), number(routing, "lock_us"),
	       number(routing, "resolve_us"), number(routing, "subscribers"));
}

static void print_waiting(const json_t *waiting)
{
	if (json_is_object(waiting))
		printf("waiting     routing " N ": %s\n", number(waiting, "epoch"), text(waiting, "why"));
}

static void print_announced(const json_t *announced)
{
	if (!json_is_object(announced)) {
		printf("announced   none yet\n");
		return;
	}
	printf("announced   routing " N ": " N " ports, " N " of switches; " N " rows, " N " columns, " N " bytes\n",
	       number(announced, "epoch"), number(announced, "ports"), number(announced, "switches"),
	       number(announced, "rows"), number(announced, "columns"), number(announced, "bytes"));
}

static void print_comparison(const json_t *comparison)
{
	if (json_is_object(comparison))
		printf("compared    routing " N ": " N " paths changed, " N " lost, " N " appeared, in " N " us\n",
		       number(comparison, "epoch"), number(comparison, "changed"), number(comparison, "lost"),
		       number(comparison, "appeared"), number(comparison, "compare_us"));
}

static void print_deltas(const json_t *deltas)
{
	if (!json_is_object(deltas))
		return;
	if (number(deltas, "epoch"))
		printf("deltas      since routing " N ", history of " N " bytes\n", number(deltas, "oldest_epoch"),
		       number(deltas, "history_bytes"));
	printf("answers     " N " with " N " changes in " N " bytes, " N " of them whole tables; " N " refused\n",
	       number(deltas, "answers"), number(deltas, "changes"), number(deltas, "bytes"),
	       number(deltas, "whole_tables"), number(deltas, "refused"));
}

static void print_counters(const json_t *counters)
{
	printf("since start " N " routings, " N " announced; " N " Reports, " N " answered, " N " not\n",
	       number(counters, "routings"), number(counters, "announcements"), number(counters, "reports_sent"),
	       number(counters, "reports_acked"), number(counters, "reports_failed"));
}

static void print_status(const json_t *status)
{
	printf("plugin      version %s, pid " N ", mode %s, instance %s\n", text(status, "version"),
	       number(status, "pid"), text(status, "mode"), text(status, "instance"));
	printf("SM          %s\n", json_is_true(json_object_get(status, "master")) ? "master" : "not the master");
	print_engine(json_object_get(status, "routing"), json_object_get(status, "fallback"));
	print_routing(json_object_get(status, "routing"));
	print_waiting(json_object_get(status, "waiting"));
	print_announced(json_object_get(status, "announced"));
	print_comparison(json_object_get(status, "comparison"));
	print_deltas(json_object_get(status, "deltas"));
	print_counters(json_object_get(status, "counters"));
}

static int end_output(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return HF_EXIT_OK;
	fprintf(stderr, "holdfast: the answer cannot be written: %s\n", strerror(errno));
	return HF_EXIT_FAILED;
}

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' }, { "json", no_argument, NULL, 'j' },
	{ "socket", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 },
};

struct options {
	const char *socket;
	bool json;
};

/* Return: whether to go on; else *ret_status is what to end with. */
static bool parse_options(int argc, char **argv, const char *usage, struct options *options, int *ret_status)
{
	int option;

	while ((option = getopt_long(argc, argv, "hjs:", long_options, NULL)) >= 0) {
		switch (option) {
		case 'h':
			printf("%s", usage);
			*ret_status = HF_EXIT_OK;
			return false;
		case 'j':
			options->json = true;
			break;
		case 's':
			options->socket = optarg;
			break;
		default:
			fprintf(stderr, "%s", usage);
			*ret_status = HF_EXIT_USAGE;
			return false;
		}
	}
	return true;
}

int hf_command_status(int argc, char **argv)
{
	struct options options = { .socket = HF_PLUGIN_SOCKET };
	json_t *status;
	int rc;

	if (!parse_options(argc, argv, "usage: holdfast status [--json] [--socket PATH]\n", &options, &rc))
		return rc;
	if (optind < argc) {
		fprintf(stderr, "holdfast: status takes no argument \"%s\"\n", argv[optind]);
		return HF_EXIT_USAGE;
	}
	status = ask(options.socket, json_pack("{s:s}", "get", "status"), "status", STATUS_TIMEOUT_MS);
	if (!status)
		return HF_EXIT_FAILED;
	if (options.json) {
		json_dumpf(status, stdout, JSON_INDENT(2));
		printf("\n");
	} else {
		print_status(status);
	}
	json_decref(status);
	return end_output();
}

/* The plugin has another working folder. Return: freed with free(); NULL after an error. */
static char *make_absolute(const char *file)
{
	char folder[PATH_MAX], *path;

	if (*file == '/')
		return strdup(file);
	if (!getcwd(folder, sizeof(folder)) || asprintf(&path, "%s/%s", folder, file) < 0)
		return NULL;
	return path;
}

static int save_snapshot(const struct options *options, const char *file)
{
	char *path = make_absolute(file);
	json_t *saved;

	if (!path) {
		fprintf(stderr, "holdfast: %s: %s\n", file, strerror(errno));
		return HF_EXIT_FAILED;
	}
	saved = ask(options->socket, json_pack("{s:s}", "snapshot", path), "snapshot", SNAPSHOT_TIMEOUT_MS);
	free(path);
	if (!saved)
		return HF_EXIT_FAILED;
	if (options->json) {
		json_dumpf(saved, stdout, JSON_INDENT(2));
		printf("\n");
	} else {
		printf("routing " N ": %s, " N " bytes\n", number(saved, "epoch"), text(saved, "file"),
		       number(saved, "bytes"));
	}
	json_decref(saved);
	return end_output();
}

int hf_command_snapshot(int argc, char **argv)
{
	static const char usage[] = "usage: holdfast snapshot [--json] [--socket PATH] FILE\n";
	struct options options = { .socket = HF_PLUGIN_SOCKET };
	int rc;

	if (!parse_options(argc, argv, usage, &options, &rc))
		return rc;
	if (argc - optind != 1) {
		fprintf(stderr, "holdfast: snapshot takes one file\n%s", usage);
		return HF_EXIT_USAGE;
	}
	return save_snapshot(&options, argv[optind]);
}
