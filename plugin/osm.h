/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The one door to OpenSM: no other file includes its headers, and only osm.c and plugin.c include this one. What comes
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
#include "plugin/signaller.h"
#include "plugin/snapshot.h"

struct hf_osm {
	osm_opensm_t *osm;
	struct hf_registry *registry;	/* of the sweeper thread */
	uint64_t instance;
	uint64_t epoch;			/* of the last snapshot */
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
 * hf_osm_take_snapshot() - copy what the paths are now, and who wants to hear of them
 * @in:              the registry in it may grow
 * @reroute:         as OpenSM says with the event
 * @ret_snapshot:    not resolved yet; freed with hf_snapshot_free()
 * @ret_subscribers: those of trap 68 or 69 who may hear of the SM's port, one entry an address; freed with free()
 * @ret_count:       their number
 *
 * Context: the sweeper thread, in report() with no lock held; holds OpenSM's lock shared while it copies.
 * Return: 0; -ENOMEM.
 */
int hf_osm_take_snapshot(struct hf_osm *in, bool reroute, struct hf_snapshot **ret_snapshot,
			 struct hf_subscriber **ret_subscribers, size_t *ret_count);

#endif
