/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/port_delta.h"

#include <errno.h>
#include <stdlib.h>

uint8_t hf_draw_sl(const struct hf_snapshot *snapshot, hf_entry entry, atomic_uint *draws)
{
	unsigned int sl = hf_entry_sl(entry), count = snapshot->sl_spread[sl];

	if (!(entry & HF_SL_IS_SPREAD) || count < 2)
		return sl;
	return sl + atomic_fetch_add(draws, 1) % count;
}

struct job {
	const struct hf_snapshot *snapshot;
	const struct hf_history *history;
	uint32_t src;
	atomic_uint *draws;
	struct hf_delta *delta;
};

static void add_gone(struct job *job, uint32_t dst)
{
	job->delta->gone[job->delta->n_gone++] = hf_history_guid(job->history, dst);
}

static void add_path(struct job *job, uint32_t dst, hf_entry entry, bool is_named)
{
	const struct hf_snapshot *snapshot = job->snapshot;
	const struct hf_port *from = &snapshot->ports[job->src], *to = &snapshot->ports[dst];
	struct hf_delta *delta = job->delta;

	if (is_named)
		delta->named[delta->n_named++] = (struct hf_delta_name) { .guid = to->guid, .lid = to->lid };
	delta->paths[delta->n_paths++] = (struct hf_delta_path) {
		.lid = to->lid,
		.terms = {
			.pkey = hf_snapshot_pkey(snapshot, from->terms_class, to->terms_class),
			.sl = hf_draw_sl(snapshot, entry, job->draws),
			.mtu = hf_entry_mtu(entry),
			.rate = hf_entry_rate(entry),
			.pkt_life = hf_snapshot_pkt_life(snapshot, entry),
		},
	};
}

static void add_all(struct job *job)
{
	for (uint32_t dst = 0; dst < job->snapshot->n_ports; dst++) {
		hf_entry entry = hf_snapshot_path(job->snapshot, job->src, dst);

		if (entry)
			add_path(job, dst, entry, true);
	}
}

static void add_destination(struct job *job, uint32_t dst, bool is_named)
{
	hf_entry entry = hf_snapshot_path(job->snapshot, job->src, dst);

	if (entry)
		add_path(job, dst, entry, is_named);
	else
		add_gone(job, dst);
}

static void add_set(struct job *job, const struct hf_destinations *set)
{
	for (size_t i = 0; i < hf_destinations_words(set->n_ports); i++)
		for (uint64_t rest = set->changed[i]; rest; rest &= rest - 1) {
			uint32_t dst = i * 64 + __builtin_ctzll(rest);

			add_destination(job, dst, hf_destinations_has(set->named, dst));
		}
}

int hf_port_delta_init(const struct hf_snapshot *snapshot, const struct hf_history *history, uint32_t src,
		       const struct hf_destinations *set, atomic_uint *draws, struct hf_delta *ret_delta)
{
	size_t room = (set ? hf_destinations_count(set) : snapshot->n_ports) + 1;
	struct hf_delta delta = {
		.gone = set ? malloc(room * sizeof(*delta.gone)) : NULL,
		.named = malloc(room * sizeof(*delta.named)),
		.paths = malloc(room * sizeof(*delta.paths)),
	};
	struct job job = { .snapshot = snapshot, .history = history, .src = src, .draws = draws, .delta = &delta };

	if ((set && !delta.gone) || !delta.named || !delta.paths) {
		hf_port_delta_fini(&delta);
		return -ENOMEM;
	}
	if (set)
		add_set(&job, set);
	else
		add_all(&job);
	*ret_delta = delta;
	return 0;
}

void hf_port_delta_fini(struct hf_delta *delta)
{
	free(delta->gone);
	free(delta->named);
	free(delta->paths);
	*delta = (struct hf_delta) { 0 };
}
