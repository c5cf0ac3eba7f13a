/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The one place that asks a routing engine for SLs, as seldom as the engine allows. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "plugin/osm.h"
#include "plugin/sampling.h"

#define CALLS_PER_BREATH	256
#define TILE			64	/* ends; what an engine looks up for so many stays in the processor's cache */
#define CHECKED_PATHS		256	/* DFSSSP: whether what was read agrees with what it answers */

/* On what each engine's path_sl() depends. An engine that is not here may depend on everything, and draw at random. */
static const struct engine {
	const char *name;
	enum hf_sl_by by;
	uint8_t hint_mask;	/* the bits that count of the SL it is offered */
} engines[] = {
	{ "lash", HF_SL_BY_GROUPS, 0 },
	{ "torus-2QoS", HF_SL_BY_GROUPS, 0x8 },
	{ "nue", HF_SL_BY_DLID, HF_SL_MASK },
	{ "dfsssp", HF_SL_BY_LIDS, HF_SL_MASK },
	{ NULL, HF_SL_BY_LIDS, HF_SL_MASK },
};

struct job {
	struct hf_osm *in;
	const struct osm_routing_engine *re;
	const struct engine *engine;
	struct hf_osm_lock *lock;
	struct hf_tables *tables;
	unsigned int calls;
	uint8_t hints[HF_SLS];		/* by variant */
	uint32_t n_ends;		/* sources, and in the same order destinations */
	uint16_t *lids;			/* by source: one for which path_sl() is asked; 0 for none */
	uint16_t *dlids;		/* by destination */
};

static uint8_t ask(struct job *job, uint8_t hint, uint16_t slid, uint16_t dlid)
{
	if (++job->calls % CALLS_PER_BREATH == 0)
		hf_osm_breathe(job->lock);
	return job->re->path_sl(job->re->context, hint, cl_hton16(slid), cl_hton16(dlid)) & HF_SL_MASK;
}

static const struct engine *find_engine(const char *name)
{
	const struct engine *engine = engines;

	while (engine->name && strcmp(engine->name, name))
		engine++;
	return engine;
}

/* The SLs that are offered, each once as far as the engine tells them apart. */
static unsigned int collect_hints(struct job *job)
{
	unsigned int count = 0;

	for (uint32_t i = 0; i < job->tables->n_terms; i++) {
		uint8_t hint = job->tables->terms[i].sl & job->engine->hint_mask;
		unsigned int variant = 0;

		while (variant < count && job->hints[variant] != hint)
			variant++;
		if (variant == count)
			job->hints[count++] = hint;
		job->tables->sl_variant[job->tables->terms[i].sl] = variant;
	}
	return count ? count : 1;
}

/* Ends */

/* A group is a switch; a port that hangs at none is a group of its own. */
static uint32_t number_groups(struct hf_tables *tables)
{
	uint32_t count = tables->n_switches;

	for (uint32_t i = 0; i < tables->n_ports; i++) {
		struct hf_table_port *port = &tables->ports[i];

		if (!port->guid)
			continue;
		if (port->place == HF_PLACE_AT_SWITCH || port->place == HF_PLACE_IN_SWITCH)
			port->sl_group = port->peer;
		else
			port->sl_group = count++;
	}
	return count;
}

static uint16_t *make_lids(const struct hf_tables *tables, uint32_t count, bool by_group)
{
	uint16_t *lids = calloc(count + (size_t)1, sizeof(*lids));

	for (uint32_t i = 0; lids && i < tables->n_ports; i++) {
		const struct hf_table_port *port = &tables->ports[i];

		if (!port->guid)
			continue;
		if (by_group) {
			/* A host rather than the switch: that is what engines are made for. */
			if (!lids[port->sl_group] || port->place == HF_PLACE_AT_SWITCH)
				lids[port->sl_group] = port->lid;
			continue;
		}
		for (unsigned int lid = 0; lid < 1U << port->lmc; lid++)
			lids[port->first_column + lid] = port->lid + lid;
	}
	return lids;
}

static uint16_t first_lid(const struct hf_tables *tables)
{
	for (uint32_t i = 0; i < tables->n_ports; i++)
		if (tables->ports[i].guid)
			return tables->ports[i].lid;
	return 0;
}

static int prepare(struct job *job)
{
	struct hf_tables *tables = job->tables;
	bool by_group = job->engine->by == HF_SL_BY_GROUPS;
	uint32_t n_groups = by_group ? number_groups(tables) : 0;
	int err = hf_tables_set_sls(tables, job->engine->by, n_groups, collect_hints(job));

	if (err)
		return err;
	job->dlids = make_lids(tables, hf_tables_count_sl_destinations(tables), by_group);
	if (job->engine->by != HF_SL_BY_DLID) {
		job->lids = make_lids(tables, hf_tables_count_sl_sources(tables), by_group);
	} else {
		job->lids = calloc(1, sizeof(*job->lids));
		if (job->lids)
			job->lids[0] = first_lid(tables);
	}
	return job->lids && job->dlids ? 0 : -ENOMEM;
}

static uint32_t end_of_tile(uint32_t first, uint32_t count)
{
	return count - first < TILE ? count : first + TILE;
}

/* A tile is square: an engine looks up both ends of each path, and a thousand ends do not fit into the cache. */
static void ask_tile(struct job *job, unsigned int variant, uint32_t first_dst, uint32_t first_src)
{
	struct hf_tables *tables = job->tables;
	uint32_t sources = hf_tables_count_sl_sources(tables);
	uint32_t destinations = hf_tables_count_sl_destinations(tables);

	for (uint32_t dst = first_dst; dst < end_of_tile(first_dst, destinations); dst++) {
		uint8_t *sls = &tables->sls[((size_t)variant * destinations + dst) * sources];

		for (uint32_t src = first_src; job->dlids[dst] && src < end_of_tile(first_src, sources); src++)
			if (job->lids[src])
				sls[src] = ask(job, job->hints[variant], job->lids[src], job->dlids[dst]);
	}
}

static void ask_all(struct job *job)
{
	uint32_t sources = hf_tables_count_sl_sources(job->tables);
	uint32_t destinations = hf_tables_count_sl_destinations(job->tables);

	hf_osm_lock(job->lock);
	for (unsigned int variant = 0; variant < job->tables->n_sl_variants; variant++)
		for (uint32_t dst = 0; dst < destinations; dst += TILE)
			for (uint32_t src = 0; src < sources; src += TILE)
				ask_tile(job, variant, dst, src);
	hf_osm_unlock(job->lock);
}

/* Engines that draw at random */

static uint8_t ask_sampled(void *ctx, uint16_t slid, uint16_t dlid)
{
	struct job *job = ctx;

	return ask(job, job->hints[0], slid, dlid);
}

static void sample_all(struct job *job)
{
	uint8_t layer[HF_SLS];

	hf_osm_lock(job->lock);
	hf_sample_layers(job->lids, hf_tables_count_sl_sources(job->tables), ask_sampled, job, layer);
	hf_osm_unlock(job->lock);
	ask_all(job);
	hf_merge_layers(job->tables, layer);
}

/*
 * DFSSSP's own data, as osm_ucast_dfsssp.c of OpenSM 3.3.23 has it: private, so it is read as if it came from a
 * stranger. A path's SL is vls[source + destination * num_lids], or one of the vl_split_count of these from there on.
 */
struct dfsssp_table {
	uint64_t num_lids;
	const uint16_t *lids;	/* in network order, ascending as they are stored */
	const uint8_t *vls;
};

struct dfsssp_context {
	osm_routing_engine_type_t routing_type;
	const void *p_mgr;
	const void *adj_list;
	uint32_t adj_list_size;
	const struct dfsssp_table *srcdest2vl_table;
	const uint8_t *vl_split_count;
};

/* Reads memory that may not be there. */
static bool peek(const void *from, void *to, size_t length)
{
	const struct iovec local = { .iov_base = to, .iov_len = length };
	const struct iovec remote = { .iov_base = (void *)from, .iov_len = length };

	return !length || process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)length;
}

struct dfsssp {
	struct dfsssp_table table;
	uint8_t split_count[HF_SLS];
	uint32_t *columns;	/* by index in its table; HF_NO_INDEX where the LID is nobody's now */
	uint8_t *vls;		/* of one destination */
};

static uint32_t column_of(const struct hf_tables *tables, const uint32_t *columns_by_lid, uint16_t lid)
{
	return lid < tables->lids ? columns_by_lid[lid] : HF_NO_INDEX;
}

static uint32_t *map_lids(const struct job *job)
{
	const struct hf_tables *tables = job->tables;
	uint32_t *columns = malloc((tables->lids + (size_t)1) * sizeof(*columns));

	if (!columns)
		return NULL;
	for (unsigned int i = 0; i < tables->lids; i++)
		columns[i] = HF_NO_INDEX;
	for (uint32_t i = 0; i < tables->n_columns; i++)
		if (job->dlids[i] && job->dlids[i] < tables->lids)
			columns[job->dlids[i]] = i;
	return columns;
}

/* Are the LIDs sorted, and each mapped to its column? */
static bool read_lids(struct job *job, struct dfsssp *dfsssp)
{
	uint64_t count = dfsssp->table.num_lids;
	uint16_t *lids = malloc(count * sizeof(*lids) + 1);
	uint32_t *columns_by_lid = map_lids(job);
	bool ok = lids && columns_by_lid && peek(dfsssp->table.lids, lids, count * sizeof(*lids));

	for (uint64_t i = 0; ok && i < count; i++) {
		ok = !i || lids[i - 1] < lids[i];
		dfsssp->columns[i] = column_of(job->tables, columns_by_lid, cl_ntoh16(lids[i]));
	}
	free(lids);
	free(columns_by_lid);
	return ok;
}

static bool open_dfsssp(struct job *job, struct dfsssp *dfsssp)
{
	struct dfsssp_context context;

	if (!peek(job->re->context, &context, sizeof(context)) ||
	    context.routing_type != OSM_ROUTING_ENGINE_TYPE_DFSSSP || context.p_mgr != &job->in->osm->sm.ucast_mgr ||
	    !peek(context.srcdest2vl_table, &dfsssp->table, sizeof(dfsssp->table)) ||
	    !peek(context.vl_split_count, dfsssp->split_count, sizeof(dfsssp->split_count)) ||
	    !dfsssp->table.num_lids || dfsssp->table.num_lids > IB_LID_UCAST_END_HO)
		return false;
	dfsssp->columns = malloc(dfsssp->table.num_lids * sizeof(*dfsssp->columns));
	dfsssp->vls = malloc(dfsssp->table.num_lids);
	return dfsssp->columns && dfsssp->vls && read_lids(job, dfsssp);
}

static bool read_destination(const struct job *job, struct dfsssp *dfsssp, uint64_t index)
{
	uint64_t count = dfsssp->table.num_lids;
	uint8_t *sls = &job->tables->sls[(size_t)dfsssp->columns[index] * job->tables->n_columns];

	if (!peek(dfsssp->table.vls + index * count, dfsssp->vls, count))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		uint8_t sl = dfsssp->vls[i];

		if (sl >= HF_SLS || sl + dfsssp->split_count[sl] > HF_SLS)
			return false;
		if (dfsssp->columns[i] != HF_NO_INDEX)
			sls[dfsssp->columns[i]] = dfsssp->split_count[sl] > 1 ? sl | HF_SL_IS_SPREAD : sl;
	}
	return true;
}

/* Whether draws of random paths are among those that were read. */
static bool agrees(struct job *job)
{
	const struct hf_tables *tables = job->tables;
	bool ok = true;

	hf_osm_lock(job->lock);
	for (int i = 0; ok && i < CHECKED_PATHS; i++) {
		uint32_t src = (uint32_t)random() % tables->n_columns, dst = (uint32_t)random() % tables->n_columns;
		uint8_t sl, first;

		if (!job->lids[src] || !job->dlids[dst])
			continue;
		first = tables->sls[(size_t)dst * tables->n_columns + src];
		sl = ask(job, job->hints[0], job->lids[src], job->dlids[dst]);
		if (first & HF_SL_IS_HINT)
			ok = sl == job->hints[0];
		else if (first & HF_SL_IS_SPREAD)
			ok = sl >= (first & HF_SL_MASK) &&
			     sl < (first & HF_SL_MASK) + tables->sl_spread[first & HF_SL_MASK];
		else
			ok = sl == first;
	}
	hf_osm_unlock(job->lock);
	return ok;
}

/* Paths whose LIDs are not in its table keep the SL they are offered, and so one variant serves all. */
static bool read_dfsssp(struct job *job)
{
	struct dfsssp dfsssp = { 0 };
	bool ok = open_dfsssp(job, &dfsssp);

	if (ok)
		memcpy(job->tables->sl_spread, dfsssp.split_count, sizeof(job->tables->sl_spread));
	for (uint64_t i = 0; ok && i < dfsssp.table.num_lids; i++)
		if (dfsssp.columns[i] != HF_NO_INDEX)
			ok = read_destination(job, &dfsssp, i);
	for (unsigned int variant = 1; ok && variant < job->tables->n_sl_variants; variant++)
		memcpy(&job->tables->sls[(size_t)variant * job->tables->n_columns * job->tables->n_columns],
		       job->tables->sls, (size_t)job->tables->n_columns * job->tables->n_columns);
	free(dfsssp.columns);
	free(dfsssp.vls);
	return ok && agrees(job);
}

static void copy_random(struct job *job)
{
	if (job->engine->name && read_dfsssp(job))
		return;
	if (!job->in->samples_sls)
		hf_log(HF_LOG_WARN, "what SLs routing engine %s draws from cannot be read: it is found out by sampling",
		       job->re->name);
	job->in->samples_sls = true;
	sample_all(job);
}

int hf_osm_copy_sls(struct hf_osm *in, struct hf_osm_lock *lock, struct hf_tables *tables)
{
	struct job job = { .in = in, .re = in->osm->routing_engine_used, .lock = lock, .tables = tables };
	int err;

	if (!job.re || !job.re->path_sl)
		return 0;
	job.engine = find_engine(job.re->name);
	err = prepare(&job);
	if (!err && job.engine->by == HF_SL_BY_LIDS)
		copy_random(&job);
	else if (!err)
		ask_all(&job);
	free(job.lids);
	free(job.dlids);
	return err;
}
