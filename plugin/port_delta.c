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

/* The paths from the source to all that is at a site. */
struct paths {
	bool is_wanted;		/* one of them at least is to be told */
	bool is_there, is_mixed;
	uint16_t pkey;
	hf_entry entry;
};

struct job {
	const struct hf_snapshot *snapshot;
	const struct hf_history *history;
	uint32_t src;
	atomic_uint *draws;
	struct paths *at_site;
	uint32_t n_sites;	/* the last one and 1 */
	struct hf_delta *delta;
};

static uint16_t path_pkey(const struct job *job, uint32_t dst)
{
	const struct hf_port *ports = job->snapshot->ports;

	return hf_snapshot_pkey(job->snapshot, ports[job->src].terms_class, ports[dst].terms_class);
}

static struct hf_delta_terms make_terms(const struct job *job, hf_entry entry, uint16_t pkey)
{
	return (struct hf_delta_terms) {
		.pkey = pkey,
		.sl = hf_draw_sl(job->snapshot, entry, job->draws),
		.mtu = hf_entry_mtu(entry),
		.rate = hf_entry_rate(entry),
		.pkt_life = hf_snapshot_pkt_life(job->snapshot, entry),
	};
}

static uint32_t site_of(const struct job *job, uint32_t dst)
{
	return hf_history_site(job->history, job->snapshot, dst);
}

/* The paths with which a destination's may be told; NULL where its site is not known. */
static struct paths *find_paths(const struct job *job, uint32_t site)
{
	return site == HF_SITE_UNKNOWN ? NULL : &job->at_site[site];
}

static bool is_covered(const struct paths *paths)
{
	return paths && paths->is_wanted && !paths->is_mixed;
}

static bool is_told(const struct hf_destinations *set, uint32_t dst)
{
	return !set || (dst < set->n_ports && hf_destinations_has(set->changed, dst));
}

/* SLs that are drawn are drawn for each path. */
static void fold(struct job *job, uint32_t dst, hf_entry entry, bool is_wanted)
{
	struct paths *paths = find_paths(job, site_of(job, dst));
	uint16_t pkey = path_pkey(job, dst);

	if (!paths)
		return;
	if (!paths->is_there) {
		paths->is_there = true;
		paths->entry = entry;
		paths->pkey = pkey;
	}
	if (paths->entry != entry || paths->pkey != pkey || entry & HF_SL_IS_SPREAD)
		paths->is_mixed = true;
	paths->is_wanted |= is_wanted;
}

static void fold_all(struct job *job, const struct hf_destinations *set)
{
	for (uint32_t dst = 0; dst < job->snapshot->n_ports; dst++) {
		hf_entry entry = hf_snapshot_path(job->snapshot, job->src, dst);

		if (entry)
			fold(job, dst, entry, is_told(set, dst));
	}
}

static void add_gone(struct job *job, uint32_t dst)
{
	job->delta->gone[job->delta->n_gone++] = hf_history_guid(job->history, dst);
}

static void add_name(struct job *job, uint32_t dst, uint32_t site)
{
	const struct hf_port *port = &job->snapshot->ports[dst];

	job->delta->named[job->delta->n_named++] = (struct hf_delta_name) {
		.guid = port->guid, .lid = port->lid, .site = site,
	};
}

static void add_path(struct job *job, uint32_t dst, hf_entry entry)
{
	job->delta->paths[job->delta->n_paths++] = (struct hf_delta_path) {
		.lid = job->snapshot->ports[dst].lid, .terms = make_terms(job, entry, path_pkey(job, dst)),
	};
}

static void cover(struct job *job, uint32_t dst, uint32_t site)
{
	job->delta->covered++;
	job->delta->covered_sum += hf_site_sum(site, job->snapshot->ports[dst].lid);
}

/* All that is at a site is covered, be it to be told or not. */
static void add_destination(struct job *job, uint32_t dst, const struct hf_destinations *set)
{
	hf_entry entry = hf_snapshot_path(job->snapshot, job->src, dst);
	uint32_t site = site_of(job, dst);
	bool is_at_site = entry && is_covered(find_paths(job, site));

	if (is_at_site)
		cover(job, dst, site);
	if (!is_told(set, dst))
		return;
	if (!entry) {
		if (set)
			add_gone(job, dst);
		return;
	}
	if (!set || hf_destinations_has(set->named, dst))
		add_name(job, dst, site);
	if (!is_at_site)
		add_path(job, dst, entry);
}

static void add_sites(struct job *job)
{
	for (uint32_t site = HF_SITE_UNKNOWN + 1; site < job->n_sites; site++) {
		const struct paths *paths = &job->at_site[site];

		if (is_covered(paths))
			job->delta->sites[job->delta->n_sites++] = (struct hf_delta_site) {
				.site = site, .terms = make_terms(job, paths->entry, paths->pkey),
			};
	}
}

static void collect(struct job *job, const struct hf_destinations *set)
{
	fold_all(job, set);
	for (uint32_t n = 0; n < job->snapshot->n_ports; n++)
		add_destination(job, hf_history_nth(job->history, n), set);
	add_sites(job);
}

int hf_port_delta_init(const struct hf_snapshot *snapshot, const struct hf_history *history, uint32_t src,
		       const struct hf_destinations *set, atomic_uint *draws, struct hf_delta *ret_delta)
{
	size_t room = (set ? hf_destinations_count(set) : snapshot->n_ports) + 1;
	uint32_t n_sites = hf_site(hf_history_count_switches(history), false);
	struct hf_delta delta = {
		.gone = set ? malloc(room * sizeof(*delta.gone)) : NULL,
		.named = malloc(room * sizeof(*delta.named)),
		.paths = malloc(room * sizeof(*delta.paths)),
		.sites = malloc(n_sites * sizeof(*delta.sites)),
	};
	struct job job = {
		.snapshot = snapshot, .history = history, .src = src, .draws = draws, .delta = &delta,
		.n_sites = n_sites, .at_site = calloc(n_sites, sizeof(*job.at_site)),
	};

	if ((set && !delta.gone) || !delta.named || !delta.paths || !delta.sites || !job.at_site) {
		free(job.at_site);
		hf_port_delta_fini(&delta);
		return -ENOMEM;
	}
	collect(&job, set);
	free(job.at_site);
	*ret_delta = delta;
	return 0;
}

void hf_port_delta_fini(struct hf_delta *delta)
{
	free(delta->gone);
	free(delta->named);
	free(delta->paths);
	free(delta->sites);
	*delta = (struct hf_delta) { 0 };
}
