/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What two processes of this machine can do for each other, as the limit that bench_verbs.sh compares with:
 *	ipc_limits bandwidth BYTES	memcpy() into shared memory by one and out of it by the other, in GB/s
 *	ipc_limits latency ROUNDS	half of a round trip through a word of shared memory, in us, median
 * In both the processes wait for each other by looking, and let others run after a while, as a polling program does.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOTS		8
#define SLOT_SIZE	32768
#define LOOKS		32	/* before others may run */

struct shared {
	_Alignas(64) atomic_uint_fast64_t written;
	_Alignas(64) atomic_uint_fast64_t read;
	_Alignas(64) uint8_t slots[SLOTS][SLOT_SIZE];
};

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static void wait_until(atomic_uint_fast64_t *word, uint64_t least)
{
	for (unsigned int looks = 1; atomic_load_explicit(word, memory_order_acquire) < least; looks++)
		if (looks % LOOKS == 0)
			sched_yield();
}

static void write_slots(struct shared *shared, uint8_t *memory, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		wait_until(&shared->read, i < SLOTS ? 0 : i - SLOTS + 1);
		memcpy(shared->slots[i % SLOTS], memory, SLOT_SIZE);
		atomic_store_explicit(&shared->written, i + 1, memory_order_release);
	}
	wait_until(&shared->read, count);
}

static void read_slots(struct shared *shared, uint8_t *memory, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		wait_until(&shared->written, i + 1);
		memcpy(memory, shared->slots[i % SLOTS], SLOT_SIZE);
		atomic_store_explicit(&shared->read, i + 1, memory_order_release);
	}
}

static void bounce(struct shared *shared, uint64_t count, double *times_us)
{
	for (uint64_t i = 0; i < count; i++) {
		double began = now_us();

		atomic_store_explicit(&shared->written, i + 1, memory_order_release);
		wait_until(&shared->read, i + 1);
		times_us[i] = (now_us() - began) / 2;
	}
}

static void bounce_back(struct shared *shared, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		wait_until(&shared->written, i + 1);
		atomic_store_explicit(&shared->read, i + 1, memory_order_release);
	}
}

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
	int is_latency = argc == 3 && strcmp(argv[1], "latency") == 0;
	uint64_t count = argc == 3 ? strtoull(argv[2], NULL, 0) : 0;
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint8_t *memory = calloc(1, SLOT_SIZE);
	double *times_us, began;
	pid_t other;

	if (!is_latency)
		count /= SLOT_SIZE;
	times_us = calloc(count, sizeof(*times_us));
	if (count == 0 || shared == MAP_FAILED || !memory || !times_us) {
		fprintf(stderr, "usage: ipc_limits bandwidth BYTES | latency ROUNDS\n");
		return EXIT_FAILURE;
	}
	began = now_us();
	other = fork();
	if (other < 0)
		return EXIT_FAILURE;
	if (other == 0) {
		if (is_latency)
			bounce_back(shared, count);
		else
			read_slots(shared, memory, count);
		_exit(EXIT_SUCCESS);
	}
	if (is_latency) {
		bounce(shared, count, times_us);
		qsort(times_us, count, sizeof(*times_us), by_size);
		printf("%.3f\n", times_us[count / 2]);
	} else {
		write_slots(shared, memory, count);
		printf("%.3f\n", count * SLOT_SIZE / 1e3 / (now_us() - began));
	}
	return waitpid(other, NULL, 0) == other ? EXIT_SUCCESS : EXIT_FAILURE;
}
