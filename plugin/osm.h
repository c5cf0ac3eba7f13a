/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The one door to OpenSM: no other file includes its headers, and only osm*.c and plugin.c include this one. What comes
 * out is plain tables.
 *
 * OpenSM's structures, its lock and the data of its routing engines are touched on OpenSM's own threads only, inside
 * create() and report(): at exit OpenSM frees its engines while threads of a plugin may still run. Its log alone lives
 * longer than the plugin and may be written from any thread.
 */
#ifndef HF_PLUGIN_OSM_H
#define HF_PLUGIN_OSM_H

/* Before any other OpenSM header: it decides what the structures contain. */
#include <opensm/osm_config.h>

#include <iba/ib_types.h>
#include <opensm/osm_event_plugin.h>
#include <opensm/osm_inform.h>
#include <opensm/osm_opensm.h>
#include <opensm/osm_partition.h>
#include <opensm/osm_version.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/log.h"
#include "lib/trace.h"
#include "plugin/bulk.h"
#include "plugin/engine.h"
#include "plugin/signaller.h"
#include "plugin/tables.h"

struct hf_osm {
	osm_opensm_t *osm;
	struct hf_port_registry *registry;	/* of the sweeper thread */
	uint64_t instance;
	uint64_t epoch;				/* of the last copy */
	unsigned int ports_per_switch;		/* in it */
	bool samples_sls;			/* it was said that an engine's SLs are sampled */
};

/**
 * hf_osm_check_layout() - find out whether this is the OpenSM that the plugin was built for
 * @osm: what OpenSM handed to create(); only read
 *
 * OpenSM compares its version with the plugin's, but the same version built with other options has other structures.
 * OpenSM's objects point at each other, and all of those pointers must be where the plugin looks for them.
 *
 * Return: NULL where all is well, else the first thing that is not as it should be.
 */
const char *hf_osm_check_layout(const osm_opensm_t *osm);

/**
 * hf_osm_refuse() - say why the plugin will not load
 * @osm:    whose log gets the line as well, where that log can be trusted to be one
 * @reason: what hf_osm_check_layout() returned
 *
 * stderr and syslog get it in any case.
 */
void hf_osm_refuse(osm_opensm_t *osm, const char *reason);

/* A sink into OpenSM's log. */
struct hf_log_sink hf_osm_log_sink(osm_opensm_t *osm);

/**
 * hf_osm_init() - start reading from an OpenSM
 * @osm:    checked by hf_osm_check_layout()
 * @ret_in: to be cleared with hf_osm_fini()
 *
 * Return: 0; -ENOMEM; the negative errno of getrandom().
 */
int hf_osm_init(osm_opensm_t *osm, struct hf_osm *ret_in);

void hf_osm_fini(struct hf_osm *in);

/**
 * hf_osm_announce_support() - let the SA say in its ClassPortInfo that it sends traps 68 and 69
 * @osm: whose handler of ClassPortInfo is replaced by one that answers the same with IsUnPathRePathSupported set
 *
 * Context: create(). OpenSM itself takes the handler away at exit, before the plugin is unloaded.
 * Return: 0; -EIO where OpenSM refuses, and then it answers as before.
 */
int hf_osm_announce_support(osm_opensm_t *osm);

static inline bool hf_osm_is_master(const osm_opensm_t *osm)
{
	return osm->subn.sm_state == IB_SMINFO_STATE_MASTER;
}

/**
 * hf_osm_copy_routing() - copy what the paths follow from, and who wants to hear of them
 * @in:       the registry in it may grow
 * @reroute:  as OpenSM says with the event
 * @ret_copy: for hf_engine_post_routing(), which takes its parts over
 *
 * The subscribers are those of trap 68 or 69 who may hear of the SM's port, one entry an address.
 *
 * Context: the sweeper thread, in report() with no lock held. OpenSM's lock is held shared while things are copied,
 * and given up for a moment every HF_OSM_LOCK_NS: no query of the SA and no trap waits longer. What is copied cannot
 * change meanwhile, for only this thread changes routes, ports, partitions and policies.
 * Return: 0; -ENOMEM.
 */
int hf_osm_copy_routing(struct hf_osm *in, bool reroute, struct hf_osm_copy *ret_copy);

/**
 * hf_osm_copy_update() - copy what may have changed when the SM has brought the links up
 * @in:         after hf_osm_copy_routing(), of the same sweep
 * @ret_update: for hf_engine_post_subnet_up(), which takes its parts over
 *
 * Context: as for hf_osm_copy_routing().
 * Return: 0; -ENOMEM.
 */
int hf_osm_copy_update(struct hf_osm *in, struct hf_osm_update *ret_update);

/**
 * hf_osm_answer_deltas() - let queries for path records be answered from what was announced
 * @osm:   whose handler of PathRecord is replaced by one that leaves all other queries to OpenSM's
 * @bulk:  where the answers come from; borrowed until OpenSM has taken the handler away, before it deletes its plugins
 * @trace: borrowed likewise; may be NULL
 *
 * Context: create().
 * Return: 0; -EIO where OpenSM refuses, and then it answers as before.
 */
int hf_osm_answer_deltas(osm_opensm_t *osm, struct hf_bulk *bulk, struct hf_trace *trace);

/* Parts of osm*.c for each other. */

#define HF_OSM_LOCK_NS	UINT64_C(1000000)

struct hf_osm_lock {
	cl_plock_t *plock;
	uint64_t since_ns;
	uint64_t longest_ns;	/* for which it was held in one piece */
};

void hf_osm_lock(struct hf_osm_lock *lock);
void hf_osm_unlock(struct hf_osm_lock *lock);

/* Lets others have the lock where it has been held for HF_OSM_LOCK_NS. */
void hf_osm_breathe(struct hf_osm_lock *lock);

/* The tables without SLs need the lock, and so do the SLs: the functions take it. All return 0 or -ENOMEM. */
int hf_osm_copy_tables(struct hf_osm *in, struct hf_osm_lock *lock, struct hf_tables **ret_tables);
int hf_osm_copy_terms(struct hf_osm *in, struct hf_osm_lock *lock, struct hf_tables *tables,
		      const osm_port_t *const *ports);
int hf_osm_copy_sls(struct hf_osm *in, struct hf_osm_lock *lock, struct hf_tables *tables);
int hf_osm_copy_links(struct hf_osm *in, struct hf_osm_lock *lock, struct hf_link **ret_links, size_t *ret_count);

#endif
