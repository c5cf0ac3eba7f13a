/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/creditloop_graph.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* What the searches know of a vertex. */
struct mark {
	uint32_t number;	/* in depth-first order, from 1; 0: not seen yet */
	uint32_t lowest;	/* least number of a vertex on the stack that it reaches */
	uint32_t component;	/* NONE: on the stack, or not seen yet */
	uint32_t parent;	/* in the breadth-first search; NONE: not seen yet */
	uint32_t next_edge;	/* of the depth-first search */
};

struct search {
	const struct hf__graph *graph;
	struct mark *marks;
	uint32_t *stack, stack_count;	/* vertices without a component */
	uint32_t *path, path_count;	/* from the root of the depth-first search to where it is; later a queue */
	uint32_t number, component_count;
	struct hf__cycle *cycles;
	size_t cycle_count;
};

int hf__graph_init(struct hf__graph *graph, uint32_t vertex_count)
{
	graph->edges = calloc((size_t)vertex_count + 1, sizeof(*graph->edges));
	graph->vertex_count = vertex_count;
	graph->edge_count = 0;
	return graph->edges ? 0 : -ENOMEM;
}

void hf__graph_fini(struct hf__graph *graph)
{
	for (uint32_t i = 0; graph->edges && i < graph->vertex_count; i++)
		free(graph->edges[i].to);
	free(graph->edges);
}

int hf__graph_add(struct hf__graph *graph, uint32_t from, uint32_t to)
{
	struct hf__edges *edges = &graph->edges[from];

	for (uint32_t i = 0; i < edges->count; i++)
		if (edges->to[i] == to)
			return 0;
	if (edges->count == edges->room) {
		uint32_t room = edges->room ? edges->room * 2 : 4;
		uint32_t *grown = reallocarray(edges->to, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		edges->to = grown;
		edges->room = room;
	}
	edges->to[edges->count++] = to;
	graph->edge_count++;
	return 0;
}

void hf__cycles_free(struct hf__cycle *cycles, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(cycles[i].vertices);
	free(cycles);
}

/* The way back along the parents, turned round: from @start to @end, which has an edge to @start. */
static int add_cycle(struct search *search, uint32_t start, uint32_t end)
{
	struct hf__cycle cycle = { .count = 1 }, *grown;

	for (uint32_t v = end; v != start; v = search->marks[v].parent)
		cycle.count++;
	cycle.vertices = calloc(cycle.count, sizeof(*cycle.vertices));
	grown = reallocarray(search->cycles, search->cycle_count + 1, sizeof(*grown));
	if (grown)
		search->cycles = grown;
	if (!grown || !cycle.vertices) {
		free(cycle.vertices);
		return -ENOMEM;
	}
	for (size_t i = cycle.count; i-- > 0; end = search->marks[end].parent)
		cycle.vertices[i] = end;
	search->cycles[search->cycle_count++] = cycle;
	return 0;
}

/* Breadth first from @start in its component, until an edge leads back. Uses @queue, with room for the component. */
static int find_cycle(struct search *search, uint32_t start, uint32_t *queue)
{
	uint32_t component = search->marks[start].component, head = 0, tail = 0;

	search->marks[start].parent = start;
	queue[tail++] = start;
	while (head < tail) {
		uint32_t from = queue[head++];
		const struct hf__edges *edges = &search->graph->edges[from];

		for (uint32_t i = 0; i < edges->count; i++) {
			struct mark *to = &search->marks[edges->to[i]];

			if (edges->to[i] == start)
				return add_cycle(search, start, from);
			if (to->component != component || to->parent != NONE)
				continue;
			to->parent = from;
			queue[tail++] = edges->to[i];
		}
	}
	return 0;
}

/*
 * @root and what lies above it on the stack are a component. A single vertex is one, too: the search in it finds a
 * cycle only if it has an edge to itself. What lies above the path is free, so the queue is there.
 */
static int close_component(struct search *search, uint32_t root)
{
	uint32_t vertex;

	do {
		vertex = search->stack[--search->stack_count];
		search->marks[vertex].component = search->component_count;
	} while (vertex != root);
	search->component_count++;
	return find_cycle(search, root, search->path + search->path_count);
}

static void enter(struct search *search, uint32_t vertex)
{
	struct mark *mark = &search->marks[vertex];

	mark->number = mark->lowest = ++search->number;
	search->stack[search->stack_count++] = vertex;
	search->path[search->path_count++] = vertex;
}

static int leave(struct search *search, uint32_t vertex)
{
	struct mark *mark = &search->marks[vertex];

	search->path_count--;
	if (search->path_count) {
		struct mark *parent = &search->marks[search->path[search->path_count - 1]];

		if (mark->lowest < parent->lowest)
			parent->lowest = mark->lowest;
	}
	return mark->lowest == mark->number ? close_component(search, vertex) : 0;
}

static int search_from(struct search *search, uint32_t root)
{
	int err = 0;

	enter(search, root);
	while (search->path_count && !err) {
		uint32_t vertex = search->path[search->path_count - 1];
		const struct hf__edges *edges = &search->graph->edges[vertex];
		struct mark *mark = &search->marks[vertex];
		const struct mark *to;

		if (mark->next_edge == edges->count) {
			err = leave(search, vertex);
			continue;
		}
		to = &search->marks[edges->to[mark->next_edge]];
		if (!to->number)
			enter(search, edges->to[mark->next_edge]);
		else if (to->component == NONE && to->number < mark->lowest)
			mark->lowest = to->number;
		mark->next_edge++;
	}
	return err;
}

int hf__graph_find_cycles(const struct hf__graph *graph, struct hf__cycle **ret_cycles, size_t *ret_count)
{
	struct search search = { .graph = graph };
	size_t count = graph->vertex_count;
	int err = -ENOMEM;

	search.marks = calloc(count + 1, sizeof(*search.marks));
	search.stack = calloc(count + 1, sizeof(*search.stack));
	/* The path and, above it, a queue never hold more than all vertices: they have none in common. */
	search.path = calloc(count + 1, sizeof(*search.path));
	if (!search.marks || !search.stack || !search.path)
		goto err_free;
	for (uint32_t i = 0; i < graph->vertex_count; i++)
		search.marks[i].component = search.marks[i].parent = NONE;
	err = 0;
	for (uint32_t i = 0; i < graph->vertex_count && !err; i++)
		if (!search.marks[i].number && graph->edges[i].count)
			err = search_from(&search, i);
	if (err)
		goto err_free;
	*ret_cycles = search.cycles;
	*ret_count = search.cycle_count;
	search.cycles = NULL;

err_free:
	if (search.cycles)
		hf__cycles_free(search.cycles, search.cycle_count);
	free(search.marks);
	free(search.stack);
	free(search.path);
	return err;
}
