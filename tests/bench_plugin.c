/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * An OpenSM plugin for benchmarks, libosmhfbench.so. It writes a trace, see lib/trace.h, to the file HF_BENCH_TRACE:
 *
 *	sweep_start, routing_done, subnet_up {cpu_us, engine}
 *		of a heavy sweep; the CPU time of the whole process until then, and the routing engine that was used last
 *	paths {pairs, entries, differing, path_params_us, copy_us, resolve_us, lock_us}
 *
 * Where HF_BENCH_PATHS is a number of rounds, a "paths" comes for each at the first SUBNET UP: the time that
 * osm_get_path_params() takes for every pair of ports, and that our own way takes for them, as CPU time of this thread;
 * lock_us is wall time, the longest for which OpenSM's lock was held in one piece; differing is the number of pairs for
 * which the two say something else.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "lib/trace.h"
#include "plugin/osm.h"
#include "plugin/snapshot.h"
#include "tests/bench.h"

#define NS_PER_US	1000

struct bench {
	struct hf_osm in;
	struct hf_trace *trace;
	unsigned int rounds;
};

struct ports {
	const osm_port_t **ports;
	uint32_t *indices;	/* in the registry */
	size_t count;
};

struct times {
	uint64_t path_params_ns, copy_ns, resolve_ns, lock_ns;
	size_t differing;
};

/* The lock is held shared, as for a query. */
static int collect_ports(const struct bench *bench, struct ports *ret_ports)
{
	const cl_qmap_t *table = &bench->in.osm->subn.port_guid_tbl;
	struct ports ports = {
		.ports = calloc(cl_qmap_count(table) + 1, sizeof(*ports.ports)),
		.indices = calloc(cl_qmap_count(table) + 1, sizeof(*ports.indices)),
	};

	if (!ports.ports || !ports.indices) {
		free(ports.ports);
		free(ports.indices);
		return -ENOMEM;
	}
	for (const cl_map_item_t *item = cl_qmap_head(table); item != cl_qmap_end(table); item = cl_qmap_next(item)) {
		const osm_port_t *port = (const osm_port_t *)item;
		uint32_t index = hf_port_registry_find(bench->in.registry, cl_ntoh64(port->guid));

		if (index == HF_NO_INDEX)
			continue;
		ports.indices[ports.count] = index;
		ports.ports[ports.count++] = port;
	}
	*ret_ports = ports;
	return 0;
}

static bool get_path_params(const struct bench *bench, const struct ports *ports, size_t src, size_t dst,
			    osm_path_parms_t *ret_parms)
{
	const osm_port_t *from = ports->ports[src], *to = ports->ports[dst];

	return osm_get_path_params(&bench->in.osm->sa, from, cl_ntoh16(osm_port_get_base_lid(from)), to,
				   cl_ntoh16(osm_port_get_base_lid(to)), ret_parms) == IB_SUCCESS;
}

static uint64_t time_path_params(const struct bench *bench, const struct ports *ports)
{
	uint64_t start_ns = bench_cpu_ns();
	osm_path_parms_t parms;

	for (size_t src = 0; src < ports->count; src++)
		for (size_t dst = 0; dst < ports->count; dst++)
			get_path_params(bench, ports, src, dst, &parms);
	return bench_cpu_ns() - start_ns;
}

static bool differs(const struct hf_snapshot *snapshot, hf_entry entry, bool is_path, const osm_path_parms_t *parms)
{
	if (!entry || !is_path)
		return !entry == is_path;
	return hf_entry_sl(entry) != parms->sl || hf_entry_mtu(entry) != parms->mtu ||
	       hf_entry_rate(entry) != parms->rate || hf_snapshot_pkt_life(snapshot, entry) != parms->pkt_life;
}

static size_t count_differing(const struct bench *bench, const struct ports *ports, const struct hf_snapshot *snapshot)
{
	osm_path_parms_t parms;
	size_t count = 0;

	for (size_t src = 0; src < ports->count; src++)
		for (size_t dst = 0; dst < ports->count; dst++) {
			bool is_path = get_path_params(bench, ports, src, dst, &parms);

			count += differs(snapshot, hf_snapshot_path(snapshot, ports->indices[src], ports->indices[dst]),
					 is_path, &parms);
		}
	return count;
}

static int take_snapshot(struct bench *bench, struct times *times, struct hf_snapshot **ret_snapshot)
{
	uint64_t start_ns = bench_cpu_ns();
	struct hf_osm_copy copy;
	int err = hf_osm_copy_routing(&bench->in, false, &copy);

	if (err)
		return err;
	times->copy_ns = bench_cpu_ns() - start_ns;
	times->lock_ns = copy.longest_lock_ns;
	start_ns = bench_cpu_ns();
	err = hf_snapshot_resolve(copy.tables, ret_snapshot);
	times->resolve_ns = bench_cpu_ns() - start_ns;
	hf_tables_free(copy.tables);
	free(copy.subscribers);
	return err;
}

static void trace_times(const struct bench *bench, const struct times *times, size_t pairs, size_t entries)
{
	hf_trace_event(bench->trace, "paths", "{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "pairs", (json_int_t)pairs,
		       "entries", (json_int_t)entries, "differing", (json_int_t)times->differing,
		       "path_params_us", (json_int_t)(times->path_params_ns / NS_PER_US),
		       "copy_us", (json_int_t)(times->copy_ns / NS_PER_US),
		       "resolve_us", (json_int_t)(times->resolve_ns / NS_PER_US),
		       "lock_us", (json_int_t)(times->lock_ns / NS_PER_US));
}

static int run_round(struct bench *bench)
{
	struct times times = { 0 };
	struct hf_snapshot *snapshot;
	struct ports ports;
	int err = take_snapshot(bench, &times, &snapshot);

	if (err)
		return err;
	cl_plock_acquire(&bench->in.osm->lock);
	err = collect_ports(bench, &ports);
	if (!err) {
		times.path_params_ns = time_path_params(bench, &ports);
		times.differing = count_differing(bench, &ports, snapshot);
	}
	cl_plock_release(&bench->in.osm->lock);
	if (!err) {
		trace_times(bench, &times, ports.count * ports.count,
			    (size_t)snapshot->n_rows * snapshot->n_columns);
		free(ports.ports);
		free(ports.indices);
	}
	hf_snapshot_free(snapshot);
	return err;
}

static void trace_sweep(const struct bench *bench, const char *event)
{
	const struct osm_routing_engine *engine = bench->in.osm->routing_engine_used;
	struct timespec cpu;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	hf_trace_event(bench->trace, event, "{s:I, s:s}", "cpu_us",
		       (json_int_t)(cpu.tv_sec * INT64_C(1000000) + cpu.tv_nsec / NS_PER_US),
		       "engine", engine ? engine->name : "none");
}

static void report(void *plugin_data, osm_epi_event_id_t event_id, void *event_data)
{
	struct bench *bench = plugin_data;

	(void)event_data;
	if (event_id == OSM_EVENT_ID_HEAVY_SWEEP_START)
		trace_sweep(bench, "sweep_start");
	if (event_id == OSM_EVENT_ID_UCAST_ROUTING_DONE)
		trace_sweep(bench, "routing_done");
	if (event_id != OSM_EVENT_ID_SUBNET_UP)
		return;
	trace_sweep(bench, "subnet_up");
	for (; bench->rounds; bench->rounds--)
		if (run_round(bench))
			hf_trace_event(bench->trace, "failed", NULL);
}

static void *create(struct osm_opensm *osm)
{
	const char *path = getenv("HF_BENCH_TRACE");
	const char *rounds = getenv("HF_BENCH_PATHS");
	struct bench *bench = calloc(1, sizeof(*bench));

	if (!bench)
		return NULL;
	if (!path || hf_trace_open(path, "bench", &bench->trace)) {
		free(bench);
		return NULL;
	}
	bench->rounds = rounds ? strtoul(rounds, NULL, 10) : 0;
	if (!hf_osm_check_layout(osm) && !hf_osm_init(osm, &bench->in))
		return bench;
	hf_trace_close(bench->trace);
	free(bench);
	return NULL;
}

static void delete(void *plugin_data)
{
	struct bench *bench = plugin_data;

	hf_osm_fini(&bench->in);
	hf_trace_close(bench->trace);
	free(bench);
}

__attribute__((visibility("default"))) osm_event_plugin_t osm_event_plugin = {
	.osm_version = OSM_VERSION,
	.create = create,
	.delete = delete,
	.report = report,
};
