/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Services in OpenSM: what hf_services needs of it, and the hooks into its SA. For osm*.c and plugin.c alone. */
#ifndef HF_PLUGIN_OSM_SERVICES_H
#define HF_PLUGIN_OSM_SERVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/osm.h"
#include "plugin/services.h"

/* What hf_services_new() wants. */
struct hf_services_fabric hf_osm_services_fabric(osm_opensm_t *osm);

/**
 * hf_osm_hook_services() - let the SA answer for services
 * @osm:         whose handlers of PathRecord, of changes of MCMemberRecord and of MulticastForwardingTable are replaced
 *               by ones that pass everything on
 * @services:    borrowed until OpenSM has taken the handlers away, before it deletes its plugins
 * @has_deltas:  whether hf_osm_answer_deltas() has replaced the first one before
 *
 * Context: create(). Return: 0; -EIO where OpenSM refuses, and then it answers as before.
 */
int hf_osm_hook_services(osm_opensm_t *osm, struct hf_services *services, bool has_deltas);

/* Undoes what delete() must leave clean: nothing of OpenSM's is touched. */
void hf_osm_services_fini(void);

/* The SA's path record handler of osm_bulk.c. */
void hf_osm_bulk_query(void *context, void *data);

/* Parts of the mechanisms for each other; all under OpenSM's lock. */

/* Return: the port; NULL where OpenSM does not know it. */
osm_port_t *hf_osm_find_port(osm_opensm_t *osm, uint64_t guid);

/* Whether a port can be reached, by what the last sweep saw. */
bool hf_osm_is_port_there(const osm_port_t *port);

/* The physical port of the switch at the other end of a port's cable; NULL where there is none. */
osm_physp_t *hf_osm_switch_side(const osm_port_t *port);

/**
 * hf_osm_ask_mft() - queue a query of the block of a switch's multicast table that says where an MLID goes
 * @sw:   the switch
 * @mlid: 0xc000 to 0xfffe
 * @port: of the switch
 *
 * Asked again since the last begin_look() of struct hf_services_fabric it does nothing.
 */
void hf_osm_ask_mft(osm_opensm_t *osm, const osm_switch_t *sw, uint16_t mlid, uint8_t port);

/* Whether the block that was asked for says so. */
bool hf_osm_mft_has(const osm_switch_t *sw, uint16_t mlid, uint8_t port);

extern const struct hf_service_mechanism hf_osm_mlid_mechanism;

#endif
