/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/funnel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FAR	UINT32_MAX

/* What is known of a switch while the tree grows. */
struct place {
	uint32_t distance;	/* FAR while no way is known */
	uint32_t next;		/* on its way to the root */
	uint8_t primary;
	bool is_set;		/* wanted, or on the way of one that is */
};

struct search {
	const struct hf_funnel_graph *graph;
	struct place *places;
	uint32_t *order;	/* the switches as they were reached */
	uint32_t n_reached;
};

static const struct hf_switch_port *port_of(const struct hf_funnel_graph *graph, uint32_t switch_, unsigned int number)
{
	return &graph->switch_ports[(size_t)switch_ * graph->ports_per_switch + number];
}

/* Packets go out on one side and must come in on the other. */
static bool leads_to_switch(const struct hf_funnel_graph *graph, uint32_t switch_, unsigned int number)
{
	const struct hf_switch_port *port = port_of(graph, switch_, number), *other;

	if (port->peer_kind != HF_PEER_SWITCH || port->peer >= graph->n_switches ||
	    port->peer_port >= graph->ports_per_switch)
		return false;
	other = port_of(graph, port->peer, port->peer_port);
	return other->peer_kind == HF_PEER_SWITCH && other->peer == switch_ && other->peer_port == number;
}

/* Breadth first: each switch is reached over as few hops as there are. */
static void measure_distances(struct search *search, uint32_t root)
{
	const struct hf_funnel_graph *graph = search->graph;

	for (uint32_t i = 0; i < graph->n_switches; i++)
		search->places[i] = (struct place){ .distance = FAR, .next = HF_NO_INDEX };
	search->places[root].distance = 0;
	search->order[search->n_reached++] = root;
	for (uint32_t done = 0; done < search->n_reached; done++) {
		uint32_t from = search->order[done];

		for (unsigned int number = 1; number < graph->ports_per_switch; number++) {
			uint32_t to = port_of(graph, from, number)->peer;

			if (!leads_to_switch(graph, from, number) || search->places[to].distance != FAR)
				continue;
			search->places[to].distance = search->places[from].distance + 1;
			search->order[search->n_reached++] = to;
		}
	}
}

/* Whether a port is one hop nearer to the root. */
static bool is_nearer(const struct search *search, uint32_t switch_, unsigned int number)
{
	return leads_to_switch(search->graph, switch_, number) &&
	       search->places[port_of(search->graph, switch_, number)->peer].distance + 1 ==
		       search->places[switch_].distance;
}

/* Of a switch that was reached over one of its cables, so one is found. */
static uint8_t choose_primary(const struct search *search, uint32_t switch_, const struct hf_default_ports *held)
{
	unsigned int number = 1;

	if (held && held->primary && held->primary < search->graph->ports_per_switch &&
	    is_nearer(search, switch_, held->primary))
		return held->primary;
	while (!is_nearer(search, switch_, number))
		number++;
	return number;
}

static void choose_ports(struct search *search, uint8_t root_port, const struct hf_default_ports *held)
{
	search->places[search->order[0]].primary = root_port;
	for (uint32_t i = 1; i < search->n_reached; i++) {
		struct place *place = &search->places[search->order[i]];

		place->primary = choose_primary(search, search->order[i], held ? &held[search->order[i]] : NULL);
		place->next = port_of(search->graph, search->order[i], place->primary)->peer;
	}
}

static void mark_ways(struct search *search, const bool *wanted)
{
	for (uint32_t i = 0; i < search->graph->n_switches; i++) {
		if ((wanted && !wanted[i]) || search->places[i].distance == FAR)
			continue;
		for (uint32_t at = i; at != HF_NO_INDEX && !search->places[at].is_set; at = search->places[at].next)
			search->places[at].is_set = true;
	}
}

static int compare_hops(const void *a, const void *b)
{
	const struct hf_funnel_hop *x = a, *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return x->switch_ < y->switch_ ? -1 : x->switch_ > y->switch_;
}

static int collect(const struct search *search, const bool *wanted, struct hf_funnel *ret_funnel)
{
	uint32_t n = search->graph->n_switches;
	struct hf_funnel funnel = {
		.hops = calloc(n, sizeof(*funnel.hops)),
		.cut_off = calloc(n, sizeof(*funnel.cut_off)),
	};

	if (!funnel.hops || !funnel.cut_off) {
		hf_funnel_fini(&funnel);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct place *place = &search->places[i];

		if (place->is_set)
			funnel.hops[funnel.n_hops++] = (struct hf_funnel_hop){
				.switch_ = i,
				.distance = place->distance,
				.ports = { .primary = place->primary, .not_primary = HF_FUNNEL_SINK },
			};
		else if (place->distance == FAR && (!wanted || wanted[i]))
			funnel.cut_off[funnel.n_cut_off++] = i;
	}
	qsort(funnel.hops, funnel.n_hops, sizeof(*funnel.hops), compare_hops);
	*ret_funnel = funnel;
	return 0;
}

int hf_funnel_compute(const struct hf_funnel_graph *graph, uint32_t root, uint8_t root_port, const bool *wanted,
		      const struct hf_default_ports *held, struct hf_funnel *ret_funnel)
{
	struct search search = { .graph = graph };
	int err = -ENOMEM;

	if (root >= graph->n_switches || root_port >= graph->ports_per_switch)
		return -EINVAL;
	search.places = calloc(graph->n_switches, sizeof(*search.places));
	search.order = calloc(graph->n_switches, sizeof(*search.order));
	if (!search.places || !search.order)
		goto err_free;
	measure_distances(&search, root);
	choose_ports(&search, root_port, held);
	mark_ways(&search, wanted);
	err = collect(&search, wanted, ret_funnel);

err_free:
	free(search.order);
	free(search.places);
	return err;
}

void hf_funnel_fini(struct hf_funnel *funnel)
{
	free(funnel->hops);
	free(funnel->cut_off);
	*funnel = (struct hf_funnel){ 0 };
}
