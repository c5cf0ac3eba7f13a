/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tests/bench.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MAX_KERNELS	8
#define MAX_ROUNDS	64

uint64_t bench_cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

double bench_median(double *values, size_t count)
{
	if (!count)
		return 0;
	qsort(values, count, sizeof(*values), compare_doubles);
	return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static double run_once(const struct bench_kernel *kernel)
{
	uint64_t start_ns = bench_cpu_ns();

	kernel->run(kernel->ctx);
	return (bench_cpu_ns() - start_ns) / 1e6;
}

void bench_alternate(struct bench_kernel *kernels, size_t count, unsigned int rounds)
{
	double ms[MAX_KERNELS][MAX_ROUNDS];

	if (count > MAX_KERNELS || !rounds || rounds > MAX_ROUNDS)
		errx(EXIT_FAILURE, "%zu kernels, %u rounds: at most %d, 1 to %d", count, rounds, MAX_KERNELS, MAX_ROUNDS);
	for (size_t i = 0; i < count; i++)
		run_once(&kernels[i]);
	for (unsigned int round = 0; round < rounds; round++)
		for (size_t i = 0; i < count; i++)
			ms[i][round] = run_once(&kernels[i]);
	for (size_t i = 0; i < count; i++)
		kernels[i].ms = bench_median(ms[i], rounds);
}

void bench_write_figure(const struct bench_figure *figure)
{
	const char *path = getenv("HF_BENCH_JSON");
	FILE *out = path ? fopen(path, "a") : NULL;

	if (!path)
		return;
	if (!out)
		err(EXIT_FAILURE, "%s", path);
	fprintf(out, "{\"figure\": \"%s\", \"ours\": %.9g, \"reference\": %.9g, \"reference_name\": \"%s\", "
		"\"unit\": \"%s\", \"ratio\": ", figure->name, figure->ours, figure->reference,
		figure->reference_name, figure->unit);
	if (figure->reference)
		fprintf(out, "%.9g}\n", figure->ours / figure->reference);
	else
		fputs("null}\n", out);
	if (fclose(out))
		err(EXIT_FAILURE, "%s", path);
}
