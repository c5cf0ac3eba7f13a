/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* "holdfast services", "failover", "failback", "events" and "check-config". */
#include "tools/holdfast.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/commands.h"
#include "plugin/options.h"
#include "plugin/services_file.h"
#include "tools/control_client.h"

#define TIMEOUT_MS	10000
#define FOLLOW_MS	100	/* between two looks for new events */
#define WORDS_MAX	4

struct options {
	const char *socket;
	bool json, follow;
	const char *words[WORDS_MAX];
	size_t count;
};

static const struct option long_options[] = {
	{ "follow", no_argument, NULL, 'f' }, { "help", no_argument, NULL, 'h' }, { "json", no_argument, NULL, 'j' },
	{ "socket", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 },
};

static int print_usage(const struct hf_command *command, FILE *out, int status)
{
	fprintf(out, "usage: holdfast %s%s [--json] [--socket PATH]\n%s\n", command->usage,
		!strcmp(command->name, "events") ? " [--follow]" : "", command->help);
	return status;
}

/* Return: whether to go on; else *ret_status is what to end with. */
static bool parse_options(int argc, char **argv, const struct hf_command *command, struct options *options,
			  int *ret_status)
{
	int option;

	while ((option = getopt_long(argc, argv, "fhjs:", long_options, NULL)) >= 0) {
		if (option == 'h') {
			*ret_status = print_usage(command, stdout, HF_EXIT_OK);
			return false;
		}
		if (option == 's')
			options->socket = optarg;
		else if (option == 'j')
			options->json = true;
		else if (option == 'f' && !strcmp(command->name, "events"))
			options->follow = true;
		else
			goto err_usage;
	}
	if ((size_t)(argc - optind) < command->min_words || (size_t)(argc - optind) > command->max_words)
		goto err_usage;
	options->words[options->count++] = command->name;
	while (optind < argc)
		options->words[options->count++] = argv[optind++];
	return true;

err_usage:
	*ret_status = print_usage(command, stderr, HF_EXIT_USAGE);
	return false;
}

static int ask(const struct options *options, json_t **ret_answer)
{
	json_t *words = json_array(), *request;
	int err;

	for (size_t i = 0; i < options->count; i++)
		json_array_append_new(words, json_string(options->words[i]));
	request = json_pack("{s:o}", "command", words);
	err = request ? hf_control_ask(options->socket, request, TIMEOUT_MS, ret_answer) : -ENOMEM;
	json_decref(request);
	if (err)
		fprintf(stderr, "holdfast: the plugin's socket %s: %s\n", options->socket, strerror(-err));
	return err;
}

static int status_of(const json_t *answer)
{
	static const struct {
		const char *code;
		int status;
	} statuses[] = {
		{ HF_CODE_USAGE, HF_EXIT_USAGE }, { HF_CODE_REFUSED, HF_EXIT_REFUSED },
		{ HF_CODE_DENIED, HF_EXIT_DENIED }, { HF_CODE_NOT_FOUND, HF_EXIT_NOT_FOUND },
	};
	const char *code = json_string_value(json_object_get(answer, "code"));

	if (!json_object_get(answer, "error"))
		return HF_EXIT_OK;
	for (size_t i = 0; code && i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (!strcmp(code, statuses[i].code))
			return statuses[i].status;
	return HF_EXIT_FAILED;
}

static int print_answer(const struct options *options, const json_t *answer)
{
	const char *error = json_string_value(json_object_get(answer, "error"));

	if (error)
		fprintf(stderr, "holdfast: %s\n", error);
	if (options->json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		printf("\n");
	} else if (!error) {
		hf_commands_print(answer, stdout);
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "holdfast: the answer cannot be written: %s\n", strerror(errno));
		return HF_EXIT_FAILED;
	}
	return status_of(answer);
}

/* With --json one object a line, so that a reader need not wait for the end. */
static int print_events(const struct options *options, const json_t *answer, json_int_t *last)
{
	const json_t *event, *events = json_object_get(answer, "events");
	size_t i;

	if (!events)
		return print_answer(options, answer);
	json_array_foreach(events, i, event) {
		*last = json_integer_value(json_object_get(event, "seq"));
		if (options->json) {
			json_dumpf(event, stdout, JSON_COMPACT);
			printf("\n");
		}
	}
	if (!options->json)
		hf_commands_print(answer, stdout);
	return fflush(stdout) || ferror(stdout) ? HF_EXIT_FAILED : HF_EXIT_OK;
}

/* Ends when opensm does. */
static int follow(struct options *options)
{
	const struct timespec pause = { .tv_nsec = FOLLOW_MS * 1000000L };
	json_int_t last = 0;
	char after[32], *end;
	int status = HF_EXIT_OK;

	if (options->count > 1) {
		last = strtoll(options->words[1], &end, 10);
		if (end == options->words[1] || *end) {
			fprintf(stderr, "holdfast: events: \"%s\" is no number of an event\n", options->words[1]);
			return HF_EXIT_USAGE;
		}
	}
	options->count = 2;
	options->words[1] = after;
	while (status == HF_EXIT_OK) {
		json_int_t before = last;
		json_t *answer;

		snprintf(after, sizeof(after), "%" JSON_INTEGER_FORMAT, last);
		if (ask(options, &answer))
			return HF_EXIT_FAILED;
		status = print_events(options, answer, &last);
		json_decref(answer);
		if (last == before)
			nanosleep(&pause, NULL);
	}
	return status;
}

static int run_command(const char *name, int argc, char **argv)
{
	struct options options = { .socket = HF_PLUGIN_SOCKET };
	json_int_t last = 0;
	json_t *answer;
	int status;

	if (!parse_options(argc, argv, hf_commands_find(name), &options, &status))
		return status;
	if (options.follow)
		return follow(&options);
	if (ask(&options, &answer))
		return HF_EXIT_FAILED;
	status = strcmp(name, "events") ? print_answer(&options, answer) : print_events(&options, answer, &last);
	json_decref(answer);
	return status;
}

int hf_command_services(int argc, char **argv)
{
	return run_command("services", argc, argv);
}

int hf_command_failover(int argc, char **argv)
{
	return run_command("failover", argc, argv);
}

int hf_command_failback(int argc, char **argv)
{
	return run_command("failback", argc, argv);
}

int hf_command_events(int argc, char **argv)
{
	return run_command("events", argc, argv);
}

int hf_command_check_config(int argc, char **argv)
{
	struct hf_services_config *config;
	char *error = NULL;
	int err;

	if (argc != 2 || !strcmp(argv[1], "--help")) {
		fprintf(argc == 2 ? stdout : stderr, "usage: holdfast check-config FILE\nread a services file as the plugin "
			"would\n");
		return argc == 2 ? HF_EXIT_OK : HF_EXIT_USAGE;
	}
	err = hf_services_file_load(argv[1], &config, &error);
	if (err) {
		fprintf(stderr, "holdfast: %s\n", error ? error : strerror(-err));
		free(error);
		return HF_EXIT_FAILED;
	}
	printf("%s: %zu services\n", argv[1], config->count);
	hf_services_config_free(config);
	return HF_EXIT_OK;
}
