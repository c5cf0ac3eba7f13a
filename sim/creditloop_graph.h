/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A directed graph of numbered vertices, and its cycles. */
#ifndef HF_SIM_CREDITLOOP_GRAPH_H
#define HF_SIM_CREDITLOOP_GRAPH_H

#include <stddef.h>
#include <stdint.h>

struct hf__edges {
	uint32_t *to;
	uint32_t count, room;
};

struct hf__graph {
	struct hf__edges *edges;	/* by vertex */
	uint32_t vertex_count;
	size_t edge_count;
};

struct hf__cycle {
	uint32_t *vertices;		/* each has an edge to the one behind it, the last to the first */
	size_t count;
};

/* Return: 0; -ENOMEM. */
int hf__graph_init(struct hf__graph *graph, uint32_t vertex_count);
void hf__graph_fini(struct hf__graph *graph);

/* Adds an edge if it is not there. Cost: O(edges of @from). Return: 0; -ENOMEM. */
int hf__graph_add(struct hf__graph *graph, uint32_t from, uint32_t to);

/**
 * hf__graph_find_cycles() - one cycle of each strongly connected component
 * @ret_cycles: the shortest through the component's first vertex in depth-first order, ordered by component; caller
 *              frees with hf__cycles_free()
 *
 * Cost: O(vertices + edges) (Tarjan, then a breadth-first search in each component), without recursion.
 *
 * Return: 0; -ENOMEM.
 */
int hf__graph_find_cycles(const struct hf__graph *graph, struct hf__cycle **ret_cycles, size_t *ret_count);
void hf__cycles_free(struct hf__cycle *cycles, size_t count);

#endif
