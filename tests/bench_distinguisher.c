/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The pure part of the distinguisher on the tables of large fabrics, which are generated: how long the tables take to
 * become a snapshot, how fast two snapshots are compared, beside memcmp() over the same bytes, and what they weigh.
 *
 *	bench_distinguisher [--rounds N] [FABRIC ...]	the table and the figures
 *	bench_distinguisher --figures [FABRIC ...]	the names of the figures
 *	bench_distinguisher --kernel NAME FABRIC	runs one kernel once, in bench_run_kernel(), to be looked at from
 *							outside; prints how many entries there are
 *
 * A FABRIC is KIND:SIZE:HOSTS as hf_topology_from_spec() has them, or a file of ibnetdiscover's or ibsim's. The figures
 * of the first have plain names, those of the others end in the fabric's.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/distinguisher.h"
#include "plugin/snapshot.h"
#include "tests/bench.h"
#include "tests/fabric_tables.h"

#define SEED			1
#define MAX_COMPARED_BYTES	(256UL << 20)	/* two larger ones are not had; the fat-tree's is weighed alone */
#define CHANGED_PART		100		/* one entry of so many is changed */
#define WORDS			64

static const char *const default_fabrics[] = {
	"torus:16x16x16:2",
	"leaf-spine:24x16:24",	/* like a DGX SuperPOD: 40 switches, 576 adapters */
	"fat-tree:56:28",	/* 43904 adapters, of the 49151 ports that can have a LID */
};

struct stage {
	const char *fabric;
	char name[WORDS];		/* fit for a figure */
	struct hf_tables *tables;
	struct hf_snapshot *snapshot;
	struct hf_snapshot *same;	/* resolved once more */
	struct hf_snapshot *changed;	/* and changed here and there */
};

/* The stage */

static struct hf_topology *make_topology(const char *fabric)
{
	char kind[WORDS], size[WORDS], *error = NULL;
	struct hf_topology *topology;
	unsigned int hosts;
	int err;

	if (sscanf(fabric, "%63[^:]:%63[^:]:%u", kind, size, &hosts) == 3)
		err = hf_topology_from_spec(kind, size, hosts, false, &topology, &error);
	else
		err = hf_topology_load(fabric, &topology, &error);
	if (err)
		errx(EXIT_FAILURE, "%s: %s", fabric, error ? error : strerror(-err));
	return topology;
}

static void name_stage(struct stage *stage)
{
	const char *from = strrchr(stage->fabric, '/');
	size_t i;

	from = from ? from + 1 : stage->fabric;
	for (i = 0; from[i] && i < sizeof(stage->name) - 1; i++)
		stage->name[i] = strchr(":-.", from[i]) ? '_' : from[i];
	stage->name[i] = '\0';
}

static void set_stage(const char *fabric, struct stage *stage)
{
	struct hf_topology *topology = make_topology(fabric);
	bool has_sls = !strncmp(fabric, "torus", 5) || !strncmp(fabric, "mesh", 4);
	int err;

	*stage = (struct stage) { .fabric = fabric };
	name_stage(stage);
	err = fabric_tables_new(topology, has_sls, &stage->tables);
	if (err)
		errx(EXIT_FAILURE, "%s: its tables: %s", fabric, strerror(-err));
	hf_topology_free(topology);
}

static void clear_stage(struct stage *stage)
{
	hf_tables_free(stage->tables);
	hf_snapshot_free(stage->snapshot);
	hf_snapshot_free(stage->same);
	hf_snapshot_free(stage->changed);
}

static struct hf_snapshot *resolve(const struct stage *stage)
{
	struct hf_snapshot *snapshot;
	int err = hf_snapshot_resolve(stage->tables, &snapshot);

	if (err)
		errx(EXIT_FAILURE, "%s: a snapshot: %s", stage->fabric, strerror(-err));
	return snapshot;
}

static size_t count_entries(const struct hf_snapshot *snapshot)
{
	return (size_t)snapshot->n_rows * snapshot->n_columns;
}

/* Others have come to the same entries with another SL. */
static void change_entries(struct hf_snapshot *snapshot)
{
	size_t count = count_entries(snapshot);

	for (size_t i = 0; i < count; i++)
		if (snapshot->entries[i] && random() % CHANGED_PART == 0)
			snapshot->entries[i] ^= 1;
}

static void resolve_stage(struct stage *stage)
{
	stage->snapshot = resolve(stage);
	if (hf_snapshot_bytes(stage->snapshot) > MAX_COMPARED_BYTES)
		return;
	stage->same = resolve(stage);
	stage->changed = resolve(stage);
	change_entries(stage->changed);
}

/* Kernels */

static volatile int sink;	/* so that nothing is left out as useless */

static void run_resolve(void *ctx)
{
	hf_snapshot_free(resolve(ctx));
}

static void compare(const struct stage *stage, const struct hf_snapshot *with)
{
	struct hf_changes changes;
	int err = hf_changes_find(stage->snapshot, with, &changes);

	if (err)
		errx(EXIT_FAILURE, "%s: a comparison: %s", stage->fabric, strerror(-err));
	sink = hf_changes_are_none(&changes);
	hf_changes_fini(&changes);
}

static void run_compare_equal(void *ctx)
{
	const struct stage *stage = ctx;

	compare(stage, stage->same);
}

static void run_compare_changed(void *ctx)
{
	const struct stage *stage = ctx;

	compare(stage, stage->changed);
}

static void run_memcmp(void *ctx)
{
	const struct stage *stage = ctx;

	sink = memcmp(stage->snapshot->entries, stage->same->entries,
		      count_entries(stage->snapshot) * sizeof(hf_entry));
}

/* The limit of what makes a snapshot: its entries are written. */
static void run_memcpy(void *ctx)
{
	const struct stage *stage = ctx;
	size_t length = count_entries(stage->snapshot) * sizeof(hf_entry);
	hf_entry *copy = malloc(length);

	if (!copy)
		err(EXIT_FAILURE, "%s: a copy", stage->fabric);
	memcpy(copy, stage->snapshot->entries, length);
	sink = copy[length / sizeof(*copy) - 1];
	free(copy);
}

static const struct {
	const char *name;
	void (*run)(void *ctx);
} kernels[] = {
	{ "resolve", run_resolve },
	{ "equal", run_compare_equal },
	{ "1pct", run_compare_changed },
	{ "memcmp", run_memcmp },
	{ "memcpy", run_memcpy },
};

/* Found by its name from outside, so it must exist as a function. */
__attribute__((noipa)) void bench_run_kernel(void (*run)(void *ctx), void *ctx);
void bench_run_kernel(void (*run)(void *ctx), void *ctx)
{
	run(ctx);
}

static int show_kernel(const char *name, const char *fabric)
{
	struct stage stage;

	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		if (strcmp(kernels[i].name, name))
			continue;
		set_stage(fabric, &stage);
		resolve_stage(&stage);
		if (!stage.same)
			errx(EXIT_FAILURE, "%s: too large to be compared", fabric);
		bench_run_kernel(kernels[i].run, &stage);
		printf("%zu\n", count_entries(stage.snapshot));
		clear_stage(&stage);
		return EXIT_SUCCESS;
	}
	errx(EXIT_FAILURE, "no kernel \"%s\"; there are resolve, equal, 1pct, memcmp and memcpy", name);
}

/* Figures */

static void write_figure(const char *name, const char *suffix, struct bench_figure figure)
{
	char full[2 * WORDS];

	snprintf(full, sizeof(full), "%s%s%s", name, *suffix ? "_" : "", suffix);
	figure.name = full;
	bench_write_figure(&figure);
}

static void measure_speeds(struct stage *stage, const char *suffix, unsigned int rounds)
{
	struct bench_kernel turns[] = {
		{ .run = run_memcmp, .ctx = stage },
		{ .run = run_compare_equal, .ctx = stage },
		{ .run = run_compare_changed, .ctx = stage },
	};
	double mb = count_entries(stage->snapshot) * sizeof(hf_entry) / 1e6;
	double limit, equal, changed;

	bench_alternate(turns, sizeof(turns) / sizeof(turns[0]), rounds);
	limit = mb / turns[0].ms;
	equal = mb / turns[1].ms;
	changed = mb / turns[2].ms;
	printf(" %8.2f %8.2f %5.0f%% %8.2f %5.0f%%\n", limit, equal, 100 * equal / limit, changed,
	       100 * changed / limit);
	write_figure("diff_equal_vs_memcmp", suffix,
		     (struct bench_figure) { .ours = equal, .reference = limit, .reference_name = "memcmp",
					     .unit = "GB/s" });
	write_figure("diff_1pct_vs_memcmp", suffix,
		     (struct bench_figure) { .ours = changed, .reference = limit, .reference_name = "memcmp",
					     .unit = "GB/s" });
}

static void measure(const char *fabric, bool is_first, unsigned int rounds)
{
	struct stage stage;
	struct bench_kernel turns[] = {
		{ .run = run_memcpy, .ctx = &stage },
		{ .run = run_resolve, .ctx = &stage },
	};
	const char *suffix;
	double bytes, entries;

	set_stage(fabric, &stage);
	suffix = is_first ? "" : stage.name;
	resolve_stage(&stage);
	entries = count_entries(stage.snapshot);
	bytes = hf_snapshot_bytes(stage.snapshot);
	bench_alternate(turns, sizeof(turns) / sizeof(turns[0]), stage.same ? (rounds + 1) / 2 : 1);
	printf("%-20s %6u %6u %6u %8.1f %7.1f %6.3f %8.0f %6.1f", fabric, stage.tables->n_switches,
	       stage.tables->n_ports, stage.snapshot->n_rows, entries / 1e6, bytes / 1e6, bytes / entries, turns[1].ms,
	       turns[1].ms * 1e6 / entries);
	write_figure("bytes_per_pair", suffix,
		     (struct bench_figure) { .ours = bytes / entries, .reference = sizeof(hf_entry),
					     .reference_name = "the entries alone", .unit = "bytes" });
	write_figure("resolve_ns_per_pair", suffix,
		     (struct bench_figure) { .ours = turns[1].ms * 1e6 / entries,
					     .reference = turns[0].ms * 1e6 / entries,
					     .reference_name = "memcpy of the entries", .unit = "ns" });
	if (stage.same)
		measure_speeds(&stage, suffix, rounds);
	else
		puts("        -        -      -        -      -");
	clear_stage(&stage);
}

static void list_figures(const char *fabric, bool is_first)
{
	static const char *const names[] = {
		"diff_equal_vs_memcmp", "diff_1pct_vs_memcmp", "bytes_per_pair", "resolve_ns_per_pair",
	};
	struct stage stage = { .fabric = fabric };

	name_stage(&stage);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		printf("%s%s%s\n", names[i], is_first ? "" : "_", is_first ? "" : stage.name);
}

static void print_head(void)
{
	puts("Tables of generated fabrics; an entry is what the SA answers for one class of sources and one LID.\n"
	     "Time is CPU time of one thread, a median; 1%: of the entries, at random places.");
	printf("%-20s %6s %6s %6s %8s %7s %6s %8s %6s %8s %8s %6s %8s %6s\n", "", "", "", "", "entries", "MB", "bytes/",
	       "resolve", "ns/", "memcmp", "equal", "", "1%", "");
	printf("%-20s %6s %6s %6s %8s %7s %6s %8s %6s %8s %8s %6s %8s %6s\n", "fabric", "switch", "ports", "rows",
	       "million", "in all", "entry", "ms", "entry", "GB/s", "GB/s", "", "GB/s", "");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "figures", no_argument, NULL, 'f' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "rounds", required_argument, NULL, 'r' },
		{ 0 },
	};
	const char *const *fabrics = default_fabrics;
	int count = sizeof(default_fabrics) / sizeof(default_fabrics[0]);
	const char *kernel = NULL;
	unsigned int rounds = 9;
	bool only_names = false;

	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'f')
			only_names = true;
		else if (option == 'k')
			kernel = optarg;
		else if (option == 'r')
			rounds = strtoul(optarg, NULL, 10);
		else
			return EXIT_FAILURE;
	}
	if (optind < argc) {
		fabrics = (const char *const *)&argv[optind];
		count = argc - optind;
	}
	srandom(SEED);
	if (kernel)
		return show_kernel(kernel, fabrics[0]);
	if (!only_names)
		print_head();
	for (int i = 0; i < count; i++) {
		if (only_names)
			list_figures(fabrics[i], i == 0);
		else
			measure(fabrics[i], i == 0, rounds);
		fflush(stdout);
	}
	return EXIT_SUCCESS;
}
