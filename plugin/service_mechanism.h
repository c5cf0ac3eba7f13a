/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * How the address of a service is brought to a port: one mechanism for each mode. A mechanism knows OpenSM and nothing
 * of who should own what; hf_services decides that and calls it.
 *
 * Each function is called with OpenSM's lock held exclusively, so it takes none. It may touch OpenSM's tables of ports,
 * nodes, switches, groups and LIDs: the callers' threads have ended before OpenSM frees any of these. Engine data
 * (routing_engine_used, path_sl) are the sweeper's alone. None waits for an answer from the fabric. osm_req_set() only
 * queues and may be called; osm_report_notice() comes back as an event and may be called, too.
 */
#ifndef HF_PLUGIN_SERVICE_MECHANISM_H
#define HF_PLUGIN_SERVICE_MECHANISM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin/services_file.h"

struct osm_opensm;

/* When it is called. */
enum hf_service_moment {
	HF_MOMENT_SWEEP,	/* HEAVY_SWEEP_DONE: the same sweep drops dead ports, gives LIDs, routes and writes */
	HF_MOMENT_ROUTED,	/* UCAST_ROUTING_DONE of a heavy sweep: multicast is routed and written next */
	HF_MOMENT_UP,		/* SUBNET UP: nothing follows by itself */
	HF_MOMENT_BETWEEN,	/* no sweep is going on that would bring it to the switches: ask for one, or write */
};

/* The address of one service. */
struct hf_service_address {
	const struct hf_service_config *config;	/* borrowed */
	uint16_t mlid;		/* of the group; the mechanism sets it in open(); what was there before is asked for */
	uint16_t lid;		/* of HF_SERVICE_LID; likewise */
	void *data;		/* the mechanism's own; NULL at first */
};

/* A port that gets or gives up an address. Its osm_port_t may be gone: find it by the GUID. */
struct hf_service_port {
	uint64_t guid;		/* host order; 0: nobody */
	uint16_t lid;
};

struct hf_service_mechanism {
	const char *name;	/* of the mode */

	/**
	 * open() - make the address, or find it
	 * @osm:     OpenSM
	 * @address: with the MLID and LID that the journal knows, which are kept where they are free
	 *
	 * Called for each service at each HF_MOMENT_ROUTED of a master and whenever a service is new, so most calls
	 * find everything there.
	 *
	 * Return: 0; -EADDRINUSE where the MLID or LID is another's; -ENOMEM; -EINVAL. The service then has no owner.
	 */
	int (*open)(struct osm_opensm *osm, struct hf_service_address *address);

	/*
	 * Give the address up, which @owner has (guid 0: nobody): the service was taken out of the file. Of an address
	 * that was never opened it does nothing. It is not called when opensm ends: everything then stays as it is.
	 */
	void (*close)(struct osm_opensm *osm, struct hf_service_address *address, const struct hf_service_port *owner);

	/* Free address->data, and touch nothing of OpenSM's. May be NULL. */
	void (*forget)(struct hf_service_address *address);

	/**
	 * move() - bring the address to a port
	 * @osm:     OpenSM
	 * @address: of open()
	 * @from:    who has it; guid 0 for nobody. It may be dead.
	 * @to:      who gets it; guid 0 for nobody: only hold the address
	 * @moment:  when
	 *
	 * With leave_first @from must have lost it before @to has it. Done again it changes nothing.
	 *
	 * Return: 0: it is done, or will be by what was asked for; -EINPROGRESS: only @from has lost it, and keep()
	 * does the rest; -EHOSTUNREACH where the port is not there; -ENOMEM; another negative errno. The caller tries
	 * again with keep().
	 */
	int (*move)(struct osm_opensm *osm, struct hf_service_address *address, const struct hf_service_port *from,
		    const struct hf_service_port *to, enum hf_service_moment moment);

	/**
	 * keep() - see to it that the address is with its owner and with nobody else
	 * @owner:    guid 0 for nobody
	 * @others:   the other ports that the service may run on
	 * @moment:   HF_MOMENT_ROUTED, HF_MOMENT_UP or HF_MOMENT_BETWEEN
	 *
	 * Called after each sweep and when hosts have changed multicast memberships: what was lost is written again,
	 * and a move() that failed is made up for.
	 *
	 * Return: as move(). Where it failed it is called again within a second.
	 */
	int (*keep)(struct osm_opensm *osm, struct hf_service_address *address, const struct hf_service_port *owner,
		     const struct hf_service_port *others, size_t other_count, enum hf_service_moment moment);

	/**
	 * ask() - queue what holders() has to know of the fabric
	 *
	 * On the sweeper at HF_MOMENT_ROUTED of a new master, before this SM has written any multicast table. OpenSM's
	 * lock is given up afterwards until all SMPs are answered. May be NULL.
	 */
	void (*ask)(struct osm_opensm *osm, const struct hf_service_address *address,
		    const struct hf_service_port *ports, size_t count);

	/**
	 * holders() - which of these ports have the address by what the fabric holds
	 * @ports: the service's; of guid 0 where one is not there
	 * @count: how many, at most HF_SERVICE_NODES_MAX
	 *
	 * After ask(). May be NULL: the fabric does not know.
	 *
	 * Return: a set, bit i for @ports[i].
	 */
	uint32_t (*holders)(struct osm_opensm *osm, const struct hf_service_address *address,
			    const struct hf_service_port *ports, size_t count);

	/**
	 * path_lid() - the LID for a client that asks for the path to the service's MGID
	 * @owner: guid 0 for nobody
	 *
	 * May be NULL. Return: 0: OpenSM answers, with the group's MLID.
	 */
	uint16_t (*path_lid)(struct osm_opensm *osm, const struct hf_service_address *address,
			     const struct hf_service_port *owner);
};

/* By enum hf_service_mode; NULL for a mode that is not there. */
extern const struct hf_service_mechanism *const hf_service_mechanisms[HF_SERVICE_MODES];

#endif
