/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What OpenSM sees of the plugin: create, report, delete. */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/trace.h"
#include "plugin/control.h"
#include "plugin/engine.h"
#include "plugin/options.h"
#include "plugin/osm.h"
#include "plugin/osm_console.h"
#include "plugin/osm_services.h"
#include "plugin/service_io.h"
#include "plugin/status.h"

#define DEFAULT_OPTIONS_FILE	HF_SYSCONFDIR "/opensm/osmholdfast.conf"

/* The version that OpenSM compares with its own; a test builds one that does not fit. */
#ifndef HF_OSM_VERSION
#define HF_OSM_VERSION	OSM_VERSION
#endif

struct plugin {
	struct hf_osm in;
	struct hf_plugin_options options;
	struct hf_trace *trace;
	struct hf_bulk *bulk;
	struct hf_status_board *board;
	struct hf_engine *engine;
	struct hf_services *services;		/* NULL where there are none */
	struct hf_service_io *service_io;	/* likewise */
	struct hf_plugin_control *control;	/* NULL where there is none */
	struct hf_osm_console *console;		/* likewise */
};

/* The same name twice in event_plugin_name would be two plugins on one set of statics, and every host told twice. */
static atomic_flag is_loaded = ATOMIC_FLAG_INIT;

static int load_options(const osm_opensm_t *osm, struct hf_plugin_options *options)
{
	const char *path = osm->subn.opt.event_plugin_options;
	char *error = NULL;
	int err = hf_options_init(hf_plugin_option_table, options);

	if (err)
		return err;
	if (!path && access(DEFAULT_OPTIONS_FILE, F_OK))
		return 0;
	err = hf_options_load(hf_plugin_option_table, path ? path : DEFAULT_OPTIONS_FILE, options, &error);
	if (err) {
		hf_log(HF_LOG_ERROR, "not loaded: %s", error ? error : strerror(-err));
		hf_options_fini(hf_plugin_option_table, options);
	}
	free(error);
	return err;
}

static int open_trace(const struct hf_plugin_options *options, struct hf_trace **ret_trace)
{
	int err = options->trace && *options->trace ? hf_trace_open(options->trace, "plugin", ret_trace) : 0;

	if (err)
		hf_log(HF_LOG_ERROR, "not loaded: trace = %s: %s", options->trace, strerror(-err));
	return err;
}

static int start_engine(struct plugin *plugin)
{
	const struct hf_engine_config config = {
		.mode = plugin->options.mode,
		.reporter = plugin->options.reporter,
		.bulk = plugin->bulk,
		.trace = plugin->trace,
		.trace_paths = plugin->options.trace_paths,
		.port_guid = plugin->in.osm->subn.sm_port_guid,
		.board = plugin->board,
	};
	int err = hf_engine_start(&config, &plugin->engine);

	if (err)
		hf_log(HF_LOG_ERROR, "not loaded: its thread cannot be started: %s", strerror(-err));
	return err;
}

/* A host that holds a named table takes no record from a Report without epochs, which is all that repath-only has. */
static bool answers_deltas(const struct hf_plugin_options *options)
{
	return options->deltas && options->mode != HF_MODE_OFF && options->mode != HF_MODE_REPATH_ONLY;
}

static int load_services(struct plugin *plugin)
{
	const struct hf_services_setup setup = {
		.fabric = hf_osm_services_fabric(plugin->in.osm),
		.file = plugin->options.services,
		.journal = plugin->options.journal,
		.trace = plugin->trace,
	};
	char *error = NULL;
	int err;

	if (!setup.file || !*setup.file)
		return 0;
	err = hf_services_new(&setup, &plugin->services, &error);
	if (err)
		hf_log(HF_LOG_ERROR, "not loaded: services: %s", error ? error : strerror(-err));
	free(error);
	if (err)
		return err;
	err = hf_service_io_new(plugin->services, plugin->in.osm->subn.sm_port_guid, plugin->trace, &plugin->service_io);
	if (err) {
		hf_log(HF_LOG_ERROR, "not loaded: services: %s", strerror(-err));
		hf_services_free(plugin->services);
		plugin->services = NULL;
	}
	return err;
}

static void free_services(struct plugin *plugin)
{
	hf_service_io_stop(plugin->service_io);
	hf_services_free(plugin->services);
	hf_service_io_free(plugin->service_io);
}

static int start_services(struct plugin *plugin)
{
	int err = plugin->services ? hf_services_start(plugin->services) : 0;

	if (!err && plugin->service_io)
		err = hf_service_io_start(plugin->service_io);
	if (err)
		hf_log(HF_LOG_ERROR, "not loaded: the services' thread cannot be started: %s", strerror(-err));
	return err;
}

/* Hosts are told also where nobody can ask about it. */
static void start_control(struct plugin *plugin)
{
	const struct hf_plugin_control_config config = {
		.path = plugin->options.control,
		.mode = hf_mode_names[plugin->options.mode],
		.instance = plugin->in.instance,
		.board = plugin->board,
		.bulk = answers_deltas(&plugin->options) ? plugin->bulk : NULL,
		.services = plugin->services,
		.read_group = plugin->options.control_read_group,
		.act_group = plugin->options.control_act_group,
	};
	int err;

	if (!config.path || !*config.path)
		return;
	err = hf_plugin_control_start(&config, &plugin->control);
	if (err)
		hf_log(HF_LOG_ERROR, "no control socket: control = %s: %s", config.path, strerror(-err));
}

/* OpenSM's console goes on without Holdfast's commands. */
static void start_console(struct plugin *plugin)
{
	int err = hf_osm_console_start(plugin->in.osm, plugin->services, &plugin->console);

	if (err)
		hf_log(HF_LOG_WARN, "OpenSM's console is left alone (%s): Holdfast's commands work by holdfast(8)",
		       strerror(-err));
}

static int init_plugin(osm_opensm_t *osm, struct plugin *plugin)
{
	const struct hf_log_sink sink = hf_osm_log_sink(osm);
	int err;

	hf_log_init(&sink, HF_LOG_INFO);
	err = load_options(osm, &plugin->options);
	if (err)
		return err;
	hf_log_init(&sink, plugin->options.log_level);
	err = open_trace(&plugin->options, &plugin->trace);
	if (err)
		goto err_fini_options;
	err = hf_osm_init(osm, &plugin->in);
	if (err)
		goto err_close_trace;
	err = hf_bulk_new(plugin->options.history_bytes, &plugin->bulk);
	if (err)
		goto err_fini_osm;
	err = load_services(plugin);
	if (err)
		goto err_free_bulk;
	plugin->board = hf_status_board_new();
	err = plugin->board ? start_engine(plugin) : -ENOMEM;
	if (err)
		goto err_free_board;
	err = start_services(plugin);
	if (err)
		goto err_stop_engine;
	start_control(plugin);
	start_console(plugin);
	return 0;

err_stop_engine:
	hf_engine_stop(plugin->engine);
err_free_board:
	hf_status_board_free(plugin->board);
	free_services(plugin);
err_free_bulk:
	hf_bulk_free(plugin->bulk);
err_fini_osm:
	hf_osm_fini(&plugin->in);
err_close_trace:
	hf_trace_close(plugin->trace);
err_fini_options:
	hf_options_fini(hf_plugin_option_table, &plugin->options);
	return err;
}

static void announce_plugin(struct plugin *plugin)
{
	const char *mode = hf_mode_names[plugin->options.mode];

	/* A host that finds the bit clear knows that it will hear nothing. */
	if (plugin->options.mode != HF_MODE_OFF && hf_osm_announce_support(plugin->in.osm))
		hf_log(HF_LOG_WARN, "the SA's ClassPortInfo cannot be changed: it will not tell of traps 68 and 69");
	if (answers_deltas(&plugin->options) && hf_osm_answer_deltas(plugin->in.osm, plugin->bulk, plugin->trace))
		hf_log(HF_LOG_WARN, "queries for path records cannot be taken over: hosts get whole tables from OpenSM");
	if (plugin->services && hf_osm_hook_services(plugin->in.osm, plugin->services, answers_deltas(&plugin->options)))
		hf_log(HF_LOG_WARN, "the SA's handlers cannot be taken over: clients that are no members of a service's group "
		       "get no path to it, and what other SMs did to it is not seen");
	hf_trace_event(plugin->trace, "loaded", "{s:s}", "mode", mode);
	hf_log(HF_LOG_INFO, "version %s loaded, mode %s, instance 0x%016" PRIx64, PACKAGE_VERSION, mode,
	       plugin->in.instance);
}

static void *create(struct osm_opensm *osm)
{
	const char *misfit = hf_osm_check_layout(osm);
	struct plugin *plugin;

	if (misfit) {
		hf_osm_refuse(osm, misfit);
		return NULL;
	}
	if (atomic_flag_test_and_set(&is_loaded)) {
		osm_log(&osm->log, OSM_LOG_ERROR, "osmholdfast: not loaded twice: event_plugin_name names it twice\n");
		return NULL;
	}
	plugin = calloc(1, sizeof(*plugin));
	if (!plugin || init_plugin(osm, plugin)) {
		free(plugin);
		atomic_flag_clear(&is_loaded);
		return NULL;
	}
	announce_plugin(plugin);
	return plugin;
}

static void delete(void *plugin_data)
{
	struct plugin *plugin = plugin_data;

	hf_osm_console_stop(plugin->console);
	hf_plugin_control_stop(plugin->control);
	free_services(plugin);
	hf_osm_services_fini();
	hf_engine_stop(plugin->engine);
	hf_bulk_free(plugin->bulk);
	hf_status_board_free(plugin->board);
	hf_osm_fini(&plugin->in);
	hf_trace_close(plugin->trace);
	hf_options_fini(hf_plugin_option_table, &plugin->options);
	free(plugin);
	atomic_flag_clear(&is_loaded);
}

static void report_routing(struct plugin *plugin, bool reroute)
{
	uint64_t start_ns = hf_now_ns();
	struct hf_osm_copy copy;
	int err;

	if (reroute)
		hf_bulk_begin_announcement(plugin->bulk);
	err = hf_osm_copy_routing(&plugin->in, reroute, &copy);
	if (err) {
		hf_log(HF_LOG_ERROR, "this routing cannot be announced (%s); all hosts are told to ask for OpenSM's paths",
		       strerror(-err));
		if (reroute)
			hf_bulk_end_announcement(plugin->bulk);
		hf_engine_post_lost_routing(plugin->engine);
		return;
	}
	if (reroute)
		hf_bulk_set_audience(plugin->bulk, copy.subscribers, copy.count);
	copy.taken_ns = hf_now_ns() - start_ns;
	hf_engine_post_routing(plugin->engine, &copy);
}

static void report_subnet_up(struct plugin *plugin)
{
	struct hf_osm_update update;
	bool is_copied;

	hf_bulk_begin_announcement(plugin->bulk);
	is_copied = hf_osm_is_master(plugin->in.osm) && !hf_osm_copy_update(&plugin->in, &update);
	if (is_copied)
		hf_bulk_set_audience(plugin->bulk, update.subscribers, update.n_subscribers);
	if (!is_copied && hf_osm_is_master(plugin->in.osm))
		hf_log(HF_LOG_ERROR, "no memory to see what changed after routing");
	hf_engine_post_subnet_up(plugin->engine, is_copied ? &update : NULL);
}

static void report_trap(struct plugin *plugin, const ib_mad_notice_attr_t *notice)
{
	if (ib_notice_is_generic(notice))
		hf_engine_post_trap(plugin->engine, cl_ntoh16(notice->g_or_v.generic.trap_num),
				    cl_ntoh16(notice->issuer_lid));
}

/* What the sweeper has seen goes to the services before anything else: they act in this very sweep. */
static void report_to_services(struct plugin *plugin, osm_epi_event_id_t event_id, const void *event_data)
{
	if (!plugin->services)
		return;
	/* A SIGHUP in the middle of a sweep lets that begin anew, without an event for its start. */
	if (event_id == OSM_EVENT_ID_HEAVY_SWEEP_START || event_id == OSM_EVENT_ID_HEAVY_SWEEP_DONE)
		hf_services_reread(plugin->services);
	if (event_id == OSM_EVENT_ID_HEAVY_SWEEP_DONE)
		hf_services_sweep_done(plugin->services);
	else if (event_id == OSM_EVENT_ID_UCAST_ROUTING_DONE && (uintptr_t)event_data == UCAST_ROUTING_HEAVY_SWEEP)
		hf_services_routed(plugin->services);
	else if (event_id == OSM_EVENT_ID_SUBNET_UP)
		hf_services_up(plugin->services);
	else if (event_id == OSM_EVENT_ID_STATE_CHANGE && !hf_osm_is_master(plugin->in.osm))
		hf_services_not_master(plugin->services);
}

/*
 * On OpenSM's threads. In TRAP and LFT_CHANGE the caller holds OpenSM's lock, shared or not: there nothing of OpenSM's
 * may be locked.
 */
static void report(void *plugin_data, osm_epi_event_id_t event_id, void *event_data)
{
	struct plugin *plugin = plugin_data;

	report_to_services(plugin, event_id, event_data);
	switch (event_id) {
	case OSM_EVENT_ID_TRAP:
		report_trap(plugin, event_data);
		break;
	case OSM_EVENT_ID_LFT_CHANGE:
		hf_engine_post_lft_change(plugin->engine);
		break;
	case OSM_EVENT_ID_HEAVY_SWEEP_START:
		hf_engine_post_sweep_start(plugin->engine);
		break;
	case OSM_EVENT_ID_UCAST_ROUTING_DONE:
		report_routing(plugin, (uintptr_t)event_data == UCAST_ROUTING_REROUTE);
		break;
	case OSM_EVENT_ID_SUBNET_UP:
		report_subnet_up(plugin);
		break;
	case OSM_EVENT_ID_STATE_CHANGE:
		if (!hf_osm_is_master(plugin->in.osm))
			hf_engine_post_not_master(plugin->engine);
		break;
	case OSM_EVENT_ID_PORT_ERRORS:
	case OSM_EVENT_ID_PORT_DATA_COUNTERS:
	case OSM_EVENT_ID_PORT_SELECT:
	case OSM_EVENT_ID_HEAVY_SWEEP_DONE:
	case OSM_EVENT_ID_SA_DB_DUMPED:
	case OSM_EVENT_ID_MAX:
		break;
	}
}

__attribute__((visibility("default"))) osm_event_plugin_t osm_event_plugin = {
	.osm_version = HF_OSM_VERSION,
	.create = create,
	.delete = delete,
	.report = report,
};
