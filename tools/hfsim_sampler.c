/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_sampler.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "lib/trace.h"
#include "sim/fabric_map.h"

#define INTERVAL_NS	200000
#define PAUSE_NS	1000000		/* shorter ones are the machine's */

/* Packets on one SL, with no pause between them. Times are those of lib/trace.h. */
struct span {
	uint64_t first_ns, last_ns;
	int sl;
};

/* What was seen of one node. */
struct node {
	uint32_t port;			/* index in the map */
	uint64_t seen[HF_FABRIC_SLS];	/* packets, as they were looked at last */
	_Atomic uint64_t packets;
	struct span *spans;
	size_t count, room;
};

struct hf_sampler {
	struct hf_map fabric;
	struct node *nodes;
	size_t count;
	pthread_t thread;
	bool is_running;
	atomic_bool is_stopping;
};

/* Return: whether there was memory for it. Without, a span is missing: a pause more than there was. */
static bool add_span(struct node *node, uint64_t now_ns, int sl)
{
	if (node->count == node->room) {
		size_t room = node->room ? 2 * node->room : 64;
		struct span *grown = reallocarray(node->spans, room, sizeof(*grown));

		if (!grown)
			return false;
		node->spans = grown;
		node->room = room;
	}
	node->spans[node->count++] = (struct span) { .first_ns = now_ns, .last_ns = now_ns, .sl = sl };
	return true;
}

static void note_packets(struct node *node, uint64_t now_ns, uint64_t before_ns, int sl)
{
	struct span *last = node->count ? &node->spans[node->count - 1] : NULL;
	/* If nobody looked for long, the packets went out at any time since. */
	bool goes_on = last && last->sl == sl &&
		       (before_ns <= last->last_ns || before_ns - last->last_ns < PAUSE_NS);

	if (!goes_on && !add_span(node, now_ns, sl))
		return;
	last = &node->spans[node->count - 1];
	last->last_ns = now_ns;
}

static void look_at(struct hf_sampler *sampler, struct node *node, uint64_t now_ns, uint64_t before_ns)
{
	struct hf_map_counters *counters = &sampler->fabric.counters[node->port];

	for (int sl = 0; sl < HF_FABRIC_SLS; sl++) {
		uint64_t packets = atomic_load_explicit(&counters->xmit[sl], memory_order_relaxed);
		uint64_t more = packets - node->seen[sl];

		if (!more)
			continue;
		node->seen[sl] = packets;
		atomic_fetch_add_explicit(&node->packets, more, memory_order_relaxed);
		note_packets(node, now_ns, before_ns, sl);
	}
}

static void *run(void *arg)
{
	const struct timespec pause = { .tv_nsec = INTERVAL_NS };
	struct hf_sampler *sampler = arg;
	uint64_t before_ns = hf_now_ns();

	while (!atomic_load(&sampler->is_stopping)) {
		uint64_t now_ns = hf_now_ns();

		for (size_t i = 0; i < sampler->count; i++)
			look_at(sampler, &sampler->nodes[i], now_ns, before_ns);
		before_ns = now_ns;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int find_port(struct hf_sampler *sampler, const struct hf_topology_node *node, uint32_t *ret_port)
{
	struct hf_map_node found;
	int err = hf_map_find_node(&sampler->fabric, node->name, &found);

	for (unsigned int number = 1; !err && number <= node->port_count; number++)
		if (node->ports[number].remote)
			return hf_map_find_port(&sampler->fabric, &found, number, ret_port);
	return err ? err : -ENOENT;
}

static int open_map(struct hf_sampler *sampler, const char *map, const struct hf_topology_node *const *nodes,
		    size_t count)
{
	int err = hf_map_open(&sampler->fabric, map);

	if (err)
		return err;
	sampler->nodes = calloc(count + 1, sizeof(*sampler->nodes));
	if (!sampler->nodes)
		return -ENOMEM;
	if (!sampler->fabric.counters)
		return -ENOENT;
	for (; sampler->count < count && !err; sampler->count++)
		err = find_port(sampler, nodes[sampler->count], &sampler->nodes[sampler->count].port);
	return err;
}

int hf_sampler_start(const char *map, const struct hf_topology_node *const *nodes, size_t count,
		     struct hf_sampler **ret_sampler)
{
	struct hf_sampler *sampler = calloc(1, sizeof(*sampler));
	sigset_t all, old;
	int err;

	if (!sampler)
		return -ENOMEM;
	err = open_map(sampler, map, nodes, count);
	if (err)
		goto err_free;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&sampler->thread, NULL, run, sampler);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		goto err_free;
	sampler->is_running = true;
	*ret_sampler = sampler;
	return 0;

err_free:
	hf_sampler_free(sampler);
	return err;
}

void hf_sampler_stop(struct hf_sampler *sampler)
{
	if (!sampler->is_running)
		return;
	atomic_store(&sampler->is_stopping, true);
	pthread_join(sampler->thread, NULL);
	sampler->is_running = false;
}

void hf_sampler_free(struct hf_sampler *sampler)
{
	if (!sampler)
		return;
	hf_sampler_stop(sampler);
	for (size_t i = 0; i < sampler->count; i++)
		free(sampler->nodes[i].spans);
	free(sampler->nodes);
	if (sampler->fabric.file)
		hf_map_close(&sampler->fabric);
	free(sampler);
}

uint64_t hf_sampler_packets(struct hf_sampler *sampler, size_t node)
{
	return atomic_load_explicit(&sampler->nodes[node].packets, memory_order_relaxed);
}

int hf_sampler_sl_at(const struct hf_sampler *sampler, size_t node, uint64_t time_ns)
{
	const struct node *seen = &sampler->nodes[node];
	int sl = HF_SAMPLER_NO_SL;

	for (size_t i = 0; i < seen->count && seen->spans[i].first_ns <= time_ns; i++)
		sl = seen->spans[i].sl;
	return sl;
}

uint64_t hf_sampler_pause_ns(const struct hf_sampler *sampler, size_t node, uint64_t from_ns, uint64_t to_ns)
{
	const struct node *seen = &sampler->nodes[node];
	uint64_t longest = 0;

	for (size_t i = 0; i < seen->count; i++) {
		uint64_t begin_ns = seen->spans[i].last_ns;
		uint64_t end_ns = i + 1 < seen->count ? seen->spans[i + 1].first_ns : to_ns;

		if (end_ns > from_ns && begin_ns < to_ns && end_ns > begin_ns && end_ns - begin_ns > longest)
			longest = end_ns - begin_ns;
	}
	return longest;
}
