/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The subcommands that start a fabric: run and compare. */
#include "tools/hfsim.h"

#include <errno.h>
#include <getopt.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/hfsim_report.h"
#include "tools/hfsim_result.h"
#include "tools/hfsim_run.h"

struct options {
	const char *json_path;
	const char *dir;
	bool keep;
	bool is_verbose;
};

static const struct option run_options[] = {
	{ "dir", required_argument, NULL, 'd' }, { "json", required_argument, NULL, 'j' },
	{ "keep", no_argument, NULL, 'k' }, { "mode", required_argument, NULL, 'm' },
	{ "set", required_argument, NULL, 's' }, { "verbose", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static void print_progress(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s\n", line);
}

static int write_json(const json_t *result, const char *path)
{
	if (json_dump_file(result, path, JSON_INDENT(2)) == 0)
		return 0;
	fprintf(stderr, "hfsim: %s cannot be written: %s\n", path, strerror(errno));
	return -EIO;
}

/* Return: enum hf_exit; *ret_result is the result where there is one. */
static int run_once(const struct hf_scenario *scenario, const struct options *options, bool is_printed,
		    json_t **ret_result)
{
	struct hf_run run;
	bool keep;
	int status, err;

	err = hf_run(&run, scenario, options->dir, print_progress, NULL);
	*ret_result = hf_result_new(&run);
	if (*ret_result && is_printed)
		hf_report_print(&run, *ret_result, options->is_verbose, stdout);
	status = *ret_result && hf_result_is_pass(*ret_result) ? HF_EXIT_OK : HF_EXIT_FAILED;
	if (err == -ENOEXEC || err == -ENOENT)
		status = HF_EXIT_USAGE;
	keep = options->keep || options->dir || run.error[0] != '\0' || (is_printed && status != HF_EXIT_OK);
	if (keep && run.fabric.dir[0] != '\0')
		fprintf(stderr, "the run's files are in %s\n", run.fabric.dir);
	hf_run_fini(&run, keep);
	return status;
}

/* Return: 0, or an exit status to end with. The settings of @argv wait for the scenario: they are applied to it. */
static int parse_run(int argc, char **argv, struct options *options, struct hf_scenario *scenario)
{
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "d:j:km:s:v", run_options, NULL)) >= 0) {
		char setting[64];

		switch (option) {
		case 'd':
			options->dir = optarg;
			break;
		case 'j':
			options->json_path = optarg;
			break;
		case 'k':
			options->keep = true;
			break;
		case 'm':
			snprintf(setting, sizeof(setting), "mode=%s", optarg);
			if (scenario && hf_change_scenario(scenario, setting))
				return HF_EXIT_USAGE;
			break;
		case 's':
			if (scenario && hf_change_scenario(scenario, optarg))
				return HF_EXIT_USAGE;
			break;
		case 'v':
			options->is_verbose = true;
			break;
		default:
			return HF_EXIT_USAGE;
		}
	}
	return 0;
}

/* The options are read twice: first to find the scenario among them, then to change it. */
static int open_run(int argc, char **argv, struct options *options, struct hf_scenario **ret_scenario)
{
	int status = parse_run(argc, argv, options, NULL);

	if (status)
		return status;
	if (optind >= argc) {
		fprintf(stderr, "hfsim: %s needs a scenario; \"hfsim list\" names them\n", argv[0]);
		return HF_EXIT_USAGE;
	}
	if (hf_open_scenario(argv[optind], ret_scenario))
		return HF_EXIT_USAGE;
	status = parse_run(argc, argv, options, *ret_scenario);
	if (status)
		hf_scenario_free(*ret_scenario);
	return status;
}

int hf_command_run(int argc, char **argv)
{
	struct options options = { .json_path = NULL };
	struct hf_scenario *scenario;
	json_t *result;
	int status = open_run(argc, argv, &options, &scenario);

	if (status)
		return status;
	if (argc - optind > 1) {
		fprintf(stderr, "hfsim: run takes one scenario, \"%s\" is one too many\n", argv[optind + 1]);
		hf_scenario_free(scenario);
		return HF_EXIT_USAGE;
	}
	status = run_once(scenario, &options, true, &result);
	if (result && options.json_path && write_json(result, options.json_path))
		status = HF_EXIT_FAILED;
	json_decref(result);
	hf_scenario_free(scenario);
	return status;
}

/* Columns of the comparison: a member of the first fault, or of the whole result. */
static const struct {
	const char *title;
	const char *member;
	bool of_fault;
} columns[] = {
	{ "MADs", "mads_total", true },
	{ "reports", "reports_sent", true },
	{ "queries", "sa_queries", true },
	{ "records", "path_records_received", true },
	{ "changed", "connections_changed", true },
	{ "routing ms", "ms_routing_done", true },
	{ "done ms", "ms_last_host_done", true },
	{ "ours ms", "ms_ours", true },
	{ "stale", "stale_connections", false },
	{ "loops", "credit_loops_after", false },
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void add_comparison(struct libscols_table *table, const char *mode, const json_t *result)
{
	const json_t *fault = json_array_get(json_object_get(result, "faults"), 0);
	struct libscols_line *line = scols_table_new_line(table, NULL);

	scols_line_set_data(line, 0, mode);
	for (size_t i = 0; i < N_COLUMNS; i++) {
		const json_t *value = json_object_get(columns[i].of_fault ? fault : result, columns[i].member);
		char text[32] = "-";

		if (json_is_integer(value))
			snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		else if (json_is_real(value))
			snprintf(text, sizeof(text), "%.1f", json_real_value(value));
		scols_line_set_data(line, i + 1, text);
	}
	scols_line_set_data(line, N_COLUMNS + 1, hf_result_is_pass(result) ? "pass" : "fail");
}

static struct libscols_table *new_comparison(void)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		return NULL;
	scols_table_new_column(table, "mode", 0, 0);
	for (size_t i = 0; i < N_COLUMNS; i++)
		scols_table_new_column(table, columns[i].title, 0, SCOLS_FL_RIGHT);
	scols_table_new_column(table, "verdict", 0, 0);
	return table;
}

/* Return: 0, or the exit status to end with. A mode that fails is part of the comparison; a run that breaks is not. */
static int compare_mode(struct hf_scenario *scenario, const char *mode, const struct options *options,
			struct libscols_table *table, json_t *results)
{
	char setting[64];
	json_t *result;
	int status;

	snprintf(setting, sizeof(setting), "mode=%s", mode);
	if (hf_change_scenario(scenario, setting))
		return HF_EXIT_USAGE;
	status = run_once(scenario, options, false, &result);
	if (!result)
		return HF_EXIT_FAILED;
	add_comparison(table, mode, result);
	if (json_array_size(json_object_get(result, "faults")) < scenario->fault_count)
		fprintf(stderr, "hfsim: mode %s: %s\n", mode,
			json_string_value(json_array_get(json_object_get(result, "reasons"), 0)));
	json_object_set_new(results, mode, result);
	return status == HF_EXIT_USAGE ? status : 0;
}

int hf_command_compare(int argc, char **argv)
{
	static char *all_modes[] = { "wildcard", "repath-only", "hybrid", "targeted", "off" };
	struct libscols_table *table = new_comparison();
	struct options options = { .json_path = NULL };
	struct hf_scenario *scenario = NULL;
	json_t *results = json_object();
	int n_modes, status;
	char **modes;

	status = table && results ? open_run(argc, argv, &options, &scenario) : HF_EXIT_FAILED;
	n_modes = argc - optind > 1 ? argc - optind - 1 : (int)(sizeof(all_modes) / sizeof(all_modes[0]));
	modes = argc - optind > 1 ? argv + optind + 1 : all_modes;
	for (int i = 0; !status && i < n_modes; i++)
		status = compare_mode(scenario, modes[i], &options, table, results);
	if (!status) {
		printf("%s: %s, the first fault\n", scenario->name, scenario->title);
		scols_print_table(table);
		if (options.json_path && write_json(results, options.json_path))
			status = HF_EXIT_FAILED;
	}
	hf_scenario_free(scenario);
	json_decref(results);
	scols_unref_table(table);
	return status;
}
