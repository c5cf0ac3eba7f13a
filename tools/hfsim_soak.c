/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The subcommand soak: many fabrics, each in a process of its own, several at a time. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/hfsim.h"
#include "tools/hfsim_soak_run.h"

#define FAULTS_A_FABRIC	40	/* then comes the next fabric */
#define FAULTS_MAX	1000000
#define JOBS_MAX	64
#define SETTINGS_MAX	32
#define DEFAULT_SEED	1

struct options {
	const struct hf_soak_engine *engine;	/* NULL: all */
	unsigned int n_faults;			/* for each engine */
	uint64_t seed;
	const char *fabric;
	const char *json_path;
	unsigned int n_jobs;
	const char *settings[SETTINGS_MAX + 1];
	unsigned int n_settings;
	bool is_verbose, keep;
};

static const struct option long_options[] = {
	{ "engine", required_argument, NULL, 'e' }, { "faults", required_argument, NULL, 'f' },
	{ "jobs", required_argument, NULL, 'J' }, { "json", required_argument, NULL, 'j' },
	{ "keep", no_argument, NULL, 'k' }, { "seed", required_argument, NULL, 's' },
	{ "set", required_argument, NULL, 'S' }, { "topology", required_argument, NULL, 't' },
	{ "verbose", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 },
};

static int parse_number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtoull(text, &end, 0);
	if (*text >= '0' && *text <= '9' && *end == '\0' && !errno && *ret_number >= min && *ret_number <= max)
		return 0;
	fprintf(stderr, "hfsim: %s is \"%s\", must be %" PRIu64 " to %" PRIu64 "\n", name, text, min, max);
	return -EINVAL;
}

static int parse_engine(const char *name, struct options *options)
{
	options->engine = hf_soak_engine_find(name);
	if (options->engine || strcmp(name, "all") == 0)
		return 0;
	fprintf(stderr, "hfsim: --engine is \"%s\", must be all", name);
	for (const struct hf_soak_engine *engine = hf_soak_engines; engine->name; engine++)
		fprintf(stderr, ", %s", engine->name);
	fprintf(stderr, "\n");
	return -EINVAL;
}

static int parse_setting(const char *setting, struct options *options)
{
	if ((strncmp(setting, "sm.", 3) != 0 && strncmp(setting, "plugin.", 7) != 0) || !strchr(setting, '=')) {
		fprintf(stderr, "hfsim: --set is \"%s\", must be sm.NAME=VALUE or plugin.NAME=VALUE\n", setting);
		return -EINVAL;
	}
	if (options->n_settings == SETTINGS_MAX) {
		fprintf(stderr, "hfsim: more than %d --set\n", SETTINGS_MAX);
		return -E2BIG;
	}
	options->settings[options->n_settings++] = setting;
	return 0;
}

static int parse_option(int option, struct options *options)
{
	uint64_t number;
	int err;

	switch (option) {
	case 'e':
		return parse_engine(optarg, options);
	case 'f':
		err = parse_number("--faults", optarg, 1, FAULTS_MAX, &number);
		options->n_faults = number;
		return err;
	case 'J':
		err = parse_number("--jobs", optarg, 1, JOBS_MAX, &number);
		options->n_jobs = number;
		return err;
	case 'j':
		options->json_path = optarg;
		return 0;
	case 'k':
		options->keep = true;
		return 0;
	case 's':
		return parse_number("--seed", optarg, 0, INT64_MAX, &options->seed);
	case 'S':
		return parse_setting(optarg, options);
	case 't':
		options->fabric = optarg;
		return 0;
	case 'v':
		options->is_verbose = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static int parse_options(int argc, char **argv, struct options *options)
{
	int option, err = 0;

	while (!err && (option = getopt_long(argc, argv, "", long_options, NULL)) >= 0)
		err = parse_option(option, options);
	if (!err && optind < argc) {
		fprintf(stderr, "hfsim: soak takes no argument \"%s\"\n", argv[optind]);
		err = -EINVAL;
	}
	return err;
}

/* A fabric that cannot be made is found before anything is started. */
static int check_fabric(const struct options *options)
{
	const struct hf_soak_engine *engine = options->engine ? options->engine : hf_soak_engines;
	struct hf_soak_plan plan;
	char *error = NULL;
	int err = hf_soak_plan_init(&plan, engine, options->seed, options->fabric, &error);

	if (err)
		fprintf(stderr, "hfsim: %s\n", error ? error : strerror(-err));
	free(error);
	hf_soak_plan_fini(&plan);
	return err;
}

/* What runs now. */
struct job {
	pid_t pid;		/* 0: nothing */
	int result_fd;
};

struct soaking {
	const struct options *options;
	struct job jobs[JOBS_MAX];
	json_t *results;
	int err;
};

/* The process of one task: its result goes through the pipe. */
static void work(const struct hf_soak_task *task, int result_fd, pid_t parent)
{
	json_t *result;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(HF_EXIT_FAILED);
	result = hf_soak_run(task);
	if (result)
		json_dumpfd(result, result_fd, JSON_COMPACT);
	_exit(HF_EXIT_OK);
}

static int start_job(struct job *job, const struct hf_soak_task *task)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe(ends) < 0)
		return -errno;
	fflush(stdout);
	job->pid = fork();
	if (job->pid == 0) {
		close(ends[0]);
		work(task, ends[1], parent);
	}
	close(ends[1]);
	job->result_fd = ends[0];
	return job->pid < 0 ? -errno : 0;
}

static json_int_t number(const json_t *result, const char *member)
{
	return json_integer_value(json_object_get(result, member));
}

static bool is_good(const json_t *result)
{
	return !json_object_get(result, "error") && number(result, "missed") == 0 && number(result, "false") == 0 &&
	       number(result, "unreported") == 0;
}

static void print_lines(const json_t *list, const char *before)
{
	const json_t *line;
	size_t i;

	json_array_foreach(list, i, line)
		printf("%s%s\n", before, json_string_value(line));
}

/* The faults up to and with the one that made a difference. */
static void print_history(const json_t *history, size_t n_faults)
{
	for (size_t i = 0; i < n_faults && i < json_array_size(history); i++)
		printf("  fault %zu: %s\n", i + 1, json_string_value(json_array_get(history, i)));
}

static void print_differences(const json_t *result)
{
	const json_t *differences = json_object_get(result, "differences"), *difference;
	size_t i;

	json_array_foreach(differences, i, difference) {
		printf("  after fault %" JSON_INTEGER_FORMAT " (%s): %" JSON_INTEGER_FORMAT " missed, %"
		       JSON_INTEGER_FORMAT " false\n", number(difference, "fault"),
		       json_string_value(json_object_get(difference, "engine")), number(difference, "missed"),
		       number(difference, "false"));
		print_lines(json_object_get(difference, "missed_pairs"), "    missed ");
		print_lines(json_object_get(difference, "false_pairs"), "    false  ");
	}
}

static void print_failure(const struct soaking *soaking, const json_t *result)
{
	const char *fabric = soaking->options->fabric;
	const char *error = json_string_value(json_object_get(result, "error"));

	printf("%s, seed %" JSON_INTEGER_FORMAT ", %s: files in %s\n",
	       json_string_value(json_object_get(result, "engine")), number(result, "seed"),
	       json_string_value(json_object_get(result, "fabric")),
	       json_string_value(json_object_get(result, "dir")));
	print_history(json_object_get(result, "history"), number(result, "faults"));
	print_differences(result);
	if (number(result, "unreported") > 0)
		printf("  %" JSON_INTEGER_FORMAT " fall-backs to another engine not reported\n",
		       number(result, "unreported"));
	if (error)
		printf("  %s\n", error);
	printf("  again: hfsim soak --engine %s --seed %" JSON_INTEGER_FORMAT " --faults %" JSON_INTEGER_FORMAT,
	       json_string_value(json_object_get(result, "engine")), number(result, "seed"), number(result, "faults"));
	printf("%s%s", fabric ? " --topology " : "", fabric ? fabric : "");
	for (unsigned int i = 0; i < soaking->options->n_settings; i++)
		printf(" --set '%s'", soaking->options->settings[i]);
	printf("\n");
}

static void finish_job(struct soaking *soaking, struct job *job)
{
	json_t *result = json_loadfd(job->result_fd, 0, NULL);

	close(job->result_fd);
	waitpid(job->pid, NULL, 0);
	job->pid = 0;
	if (!result) {
		soaking->err = -EPIPE;
		fprintf(stderr, "hfsim: a soak ended without a result\n");
		return;
	}
	if (!is_good(result))
		print_failure(soaking, result);
	json_array_append_new(soaking->results, result);
}

/* Waits until a process ends, and takes its result. A result is small enough for its pipe, or read by and by. */
static void finish_one(struct soaking *soaking)
{
	fd_set readable;
	int max_fd = -1;

	FD_ZERO(&readable);
	for (unsigned int i = 0; i < soaking->options->n_jobs; i++) {
		if (soaking->jobs[i].pid == 0)
			continue;
		FD_SET(soaking->jobs[i].result_fd, &readable);
		max_fd = soaking->jobs[i].result_fd > max_fd ? soaking->jobs[i].result_fd : max_fd;
	}
	if (max_fd < 0 || select(max_fd + 1, &readable, NULL, NULL, NULL) <= 0)
		return;
	for (unsigned int i = 0; i < soaking->options->n_jobs; i++)
		if (soaking->jobs[i].pid > 0 && FD_ISSET(soaking->jobs[i].result_fd, &readable))
			finish_job(soaking, &soaking->jobs[i]);
}

static struct job *find_idle(struct soaking *soaking)
{
	for (unsigned int i = 0; i < soaking->options->n_jobs; i++)
		if (soaking->jobs[i].pid == 0)
			return &soaking->jobs[i];
	return NULL;
}

static void soak_engine(struct soaking *soaking, const struct hf_soak_engine *engine)
{
	const struct options *options = soaking->options;
	uint64_t seed = options->seed;

	for (unsigned int done = 0; done < options->n_faults && !soaking->err; done += FAULTS_A_FABRIC) {
		unsigned int left = options->n_faults - done;
		const struct hf_soak_task task = {
			.engine = engine, .seed = seed, .fabric = options->fabric,
			.settings = options->settings, .is_verbose = options->is_verbose,
			.keep = options->keep, .n_faults = left < FAULTS_A_FABRIC ? left : FAULTS_A_FABRIC,
		};
		struct job *job;

		while ((job = find_idle(soaking)) == NULL)
			finish_one(soaking);
		soaking->err = start_job(job, &task);
		seed = hf_soak_next_seed(seed);
	}
}

static bool is_busy(const struct soaking *soaking)
{
	for (unsigned int i = 0; i < soaking->options->n_jobs; i++)
		if (soaking->jobs[i].pid > 0)
			return true;
	return false;
}

static const struct {
	const char *title;
	const char *member;	/* NULL: how many fabrics */
} columns[] = {
	{ "fabrics", NULL }, { "faults", "faults" }, { "pairs", "pairs" }, { "changes", "changes" },
	{ "missed", "missed" }, { "false", "false" }, { "in force", "in_force" }, { "fall-backs", "fallbacks" },
	{ "unreported", "unreported" }, { "failed", "failed" }, { "returned", "returned" }, { "switched", "switched" },
};

#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static json_int_t sum(const json_t *results, const char *engine, const char *member)
{
	const json_t *result;
	json_int_t total = 0;
	size_t i;

	json_array_foreach(results, i, result)
		if (strcmp(json_string_value(json_object_get(result, "engine")), engine) == 0)
			total += member ? number(result, member) : 1;
	return total;
}

static void print_table(const json_t *results)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		return;
	scols_table_new_column(table, "engine", 0, 0);
	for (size_t i = 0; i < N_COLUMNS; i++)
		scols_table_new_column(table, columns[i].title, 0, SCOLS_FL_RIGHT);
	for (const struct hf_soak_engine *engine = hf_soak_engines; engine->name; engine++) {
		struct libscols_line *line;

		if (sum(results, engine->name, NULL) == 0)
			continue;
		line = scols_table_new_line(table, NULL);
		scols_line_set_data(line, 0, engine->name);
		for (size_t i = 0; i < N_COLUMNS; i++) {
			char text[32];

			snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
				 sum(results, engine->name, columns[i].member));
			scols_line_set_data(line, i + 1, text);
		}
	}
	scols_print_table(table);
	scols_unref_table(table);
}

static int report(const struct soaking *soaking)
{
	int status = soaking->err ? HF_EXIT_FAILED : HF_EXIT_OK;
	const json_t *result;
	size_t i;

	json_array_foreach(soaking->results, i, result)
		if (!is_good(result))
			status = HF_EXIT_FAILED;
	printf("seed %" PRIu64 "\n", soaking->options->seed);
	print_table(soaking->results);
	if (soaking->options->json_path &&
	    json_dump_file(soaking->results, soaking->options->json_path, JSON_INDENT(1)) != 0) {
		fprintf(stderr, "hfsim: %s cannot be written: %s\n", soaking->options->json_path, strerror(errno));
		status = HF_EXIT_FAILED;
	}
	return status;
}

int hf_command_soak(int argc, char **argv)
{
	struct options options = { .n_faults = FAULTS_A_FABRIC, .seed = DEFAULT_SEED, .n_jobs = 1 };
	struct soaking soaking = { .options = &options };
	int status;

	if (parse_options(argc, argv, &options) || check_fabric(&options))
		return HF_EXIT_USAGE;
	soaking.results = json_array();
	for (const struct hf_soak_engine *engine = hf_soak_engines; engine->name && !soaking.err; engine++)
		if (!options.engine || options.engine == engine)
			soak_engine(&soaking, engine);
	while (is_busy(&soaking))
		finish_one(&soaking);
	status = report(&soaking);
	json_decref(soaking.results);
	return status;
}
