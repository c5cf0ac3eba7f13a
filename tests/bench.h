/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What the benchmark programs share: measuring in turns, and writing figures as tests/bench wants them. */
#ifndef HF_TESTS_BENCH_H
#define HF_TESTS_BENCH_H

#include <stddef.h>
#include <stdint.h>

struct bench_kernel {
	void (*run)(void *ctx);
	void *ctx;
	double ms;	/* result: median of its rounds, as CPU time of this thread */
};

/**
 * bench_alternate() - measure kernels against each other
 * @kernels: of all of them one round after the other, so that what disturbs the machine disturbs all
 * @count:   their number
 * @rounds:  from 1
 *
 * A round that nobody counts comes first. A machine that does other things too delays a thread; time that it did not
 * run does not count.
 */
void bench_alternate(struct bench_kernel *kernels, size_t count, unsigned int rounds);

/* Sorts @values. */
double bench_median(double *values, size_t count);

/* CPU time of this thread. */
uint64_t bench_cpu_ns(void);

struct bench_figure {
	const char *name;
	double ours, reference;
	const char *reference_name;
	const char *unit;
};

/* Appends to the file that HF_BENCH_JSON names, if it names one; ends the program where that fails. */
void bench_write_figure(const struct bench_figure *figure);

#endif
