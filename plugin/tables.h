/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What a routing consists of, copied and not yet understood: ports, cables, forwarding tables, SLs. osm.c fills these
 * tables under OpenSM's lock, by copying alone; hf_snapshot_resolve() turns them into paths on the plugin's own thread.
 *
 * A port, here and behind, is an end port: of a channel adapter or a router, or port 0 of a switch. The registry gives
 * each port GUID an index, and each of its LIDs a column, once and for ever, so that snapshots compare by position;
 * what has left the fabric keeps them and is absent. Switches are numbered anew in each routing.
 */
#ifndef HF_PLUGIN_TABLES_H
#define HF_PLUGIN_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

#define HF_NO_INDEX	UINT32_MAX
#define HF_NO_PORT	0xff	/* in a forwarding table: no route */
#define HF_SLS		16
#define HF_EPOCHS_PER_ROUTING 2	/* one for itself, one for hosts to whom it is told in two Reports and that took the first */

/**
 * hf_port_registry_new() - make an empty registry
 *
 * Return: the registry, to be freed with hf_port_registry_free(); NULL without memory.
 */
struct hf_port_registry *hf_port_registry_new(void);

/* @registry may be NULL. */
void hf_port_registry_free(struct hf_port_registry *registry);

/**
 * hf_port_registry_add() - the index and the columns of a port
 * @registry:   where a GUID that is new gets the next index
 * @guid:       port GUID, host order
 * @lmc:        it gets 2^lmc columns; more than it has leaves the old ones unused
 * @ret_index:  the same in every call
 * @ret_column: of its base LID, the others follow
 *
 * Return: 0; -ENOMEM.
 */
int hf_port_registry_add(struct hf_port_registry *registry, uint64_t guid, unsigned int lmc, uint32_t *ret_index,
		    uint32_t *ret_column);

/* The index of a port, or HF_NO_INDEX. */
uint32_t hf_port_registry_find(const struct hf_port_registry *registry, uint64_t guid);

uint32_t hf_port_registry_count_ports(const struct hf_port_registry *registry);
uint32_t hf_port_registry_count_columns(const struct hf_port_registry *registry);

/* One routing, apart from its paths. */
struct hf_routing {
	uint64_t epoch;		/* counts the routings of this SM instance, in steps of HF_EPOCHS_PER_ROUTING */
	uint64_t instance;	/* random at each start of the plugin: epochs compare within one instance only */
	char engine[32];	/* the routing engine that was really used */
	char wanted_engine[32];	/* the first one that was configured */
	bool reroute;		/* no SUBNET UP will follow */
	bool is_master;
	bool is_first_sweep;	/* of this SM as the master: what hosts hold came from another */
	bool is_written;	/* the switches have acknowledged these tables */
	uint16_t sm_lid;
	union hf_gid sm_gid;
	__be64 subnet_prefix;
};

/* Where a port hangs. */
enum hf_place {
	HF_PLACE_NOWHERE,
	HF_PLACE_AT_SWITCH,	/* cabled to a switch */
	HF_PLACE_IN_SWITCH,	/* its port 0 */
	HF_PLACE_AT_PORT,	/* cabled to a port, without a switch */
};

/* What a port can do with the rates that came late; the SA lowers a rate that one end does not know. */
#define HF_CAN_2X	0x1
#define HF_CAN_HDR	0x2
#define HF_CAN_EXTENDED	0x4
#define HF_CAN_ALL	(HF_CAN_2X | HF_CAN_HDR | HF_CAN_EXTENDED)

struct hf_table_port {
	uint64_t guid;		/* 0 while absent */
	uint32_t first_column;
	uint32_t peer;		/* a switch, or for HF_PLACE_AT_PORT a port */
	uint16_t lid;		/* base LID */
	uint16_t drops;		/* by SL: its own SL2VL table has VL15; 0 without QoS */
	uint16_t terms_class;	/* row and column in @terms_index */
	uint8_t lmc;
	uint8_t place;		/* enum hf_place */
	uint8_t peer_port;	/* HF_PLACE_AT_SWITCH: the number of the switch's port */
	uint8_t mtu, rate;	/* its own, in the IBA's codes */
	uint8_t can;		/* HF_CAN_* */
	uint32_t sl_group;	/* for HF_SL_BY_GROUPS */
};

/* What links are capable of changes once more after a routing, when the SM has brought them up. */
struct hf_link {
	uint8_t mtu, rate;	/* in the IBA's codes */
	uint8_t can;		/* HF_CAN_*; 0 for a switch's port */
};

enum hf_peer_kind {
	HF_PEER_NONE,
	HF_PEER_SWITCH,
	HF_PEER_PORT,
};

/* One port of a switch, port 0 included, and what is at the other end of its cable. */
struct hf_switch_port {
	uint32_t peer;		/* a switch or a port */
	uint8_t peer_kind;	/* enum hf_peer_kind */
	uint8_t peer_port;	/* port number of a HF_PEER_SWITCH */
	uint8_t mtu, rate;	/* of this port alone */
};

struct hf_table_switch {
	uint64_t guid;
	uint32_t port;		/* its port 0, or HF_NO_INDEX */
	/* By SL, [in][out], ports_per_switch each: the SL2VL table has VL15. NULL where none has. */
	uint16_t *drops;
};

/* What partitions and QoS policy lay down for the paths from one class of ports to another. */
struct hf_terms {
	uint16_t pkey;		/* 0: they share none, and there is no path */
	uint8_t sl;		/* before the routing engine is asked */
	uint8_t mtu_limit;	/* 0 for none */
	uint8_t rate_limit;	/* 0 for none */
	uint8_t pkt_life;	/* the IBA's code */
};

/* On what the routing engine's SL depends, besides the SL it is offered. */
enum hf_sl_by {
	HF_SL_BY_NOTHING,	/* one cell */
	HF_SL_BY_GROUPS,	/* [group of the destination][group of the source]: their switches */
	HF_SL_BY_DLID,		/* [column][0] */
	HF_SL_BY_LIDS,		/* [column][column of the source's LID] */
};

#define HF_SL_MASK	0x0f
#define HF_SL_IS_SPREAD	0x10	/* one of several at random, from this one on; see sl_spread */
#define HF_SL_IS_HINT	0x20	/* the SL that was offered */

struct hf_tables {
	struct hf_routing routing;

	uint32_t n_ports, n_columns;
	struct hf_table_port *ports;

	uint32_t n_switches;
	unsigned int ports_per_switch;		/* highest number of any, plus 1 */
	struct hf_table_switch *switches;
	struct hf_switch_port *switch_ports;	/* [switch][number] */
	unsigned int lids;			/* highest LID plus 1 */
	uint8_t *forwarding;			/* [switch][LID]: port number, or HF_NO_PORT */

	uint32_t n_terms_classes, n_terms;
	struct hf_terms *terms;
	uint16_t *terms_index;			/* [class of the source][class of the destination] */

	enum hf_sl_by sl_by;
	uint32_t n_sl_groups;
	unsigned int n_sl_variants;
	uint8_t sl_variant[HF_SLS];		/* by the SL offered */
	uint8_t *sls;				/* [variant][destination][source]: SL and HF_SL_* */
	uint8_t sl_spread[HF_SLS];		/* by SL: over how many SLs it is spread; 0 or 1 for none */

	bool only_original_rates;		/* none above 300 Gb/s, no 28 and 50 */
};

/**
 * hf_tables_new() - make tables in which everything is absent
 * @n_ports, @n_columns: as the registry counts them
 * @n_switches:          their number
 * @ports_per_switch:    highest port number of any, plus 1
 * @lids:                highest LID, plus 1
 * @ret_tables:          to be freed with hf_tables_free()
 *
 * Everybody may talk to everybody with SL 0 and packet life 18; terms and SLs are for the caller to replace.
 *
 * Return: 0; -ENOMEM.
 */
int hf_tables_new(uint32_t n_ports, uint32_t n_columns, uint32_t n_switches, unsigned int ports_per_switch,
		  unsigned int lids, struct hf_tables **ret_tables);

/* @tables may be NULL. */
void hf_tables_free(struct hf_tables *tables);

/**
 * hf_tables_set_terms() - make room for the terms of classes of ports
 * @tables:    whose terms are replaced by @n_terms and an index that is zero everywhere
 * @n_classes: of ports
 * @n_terms:   different ones, 65536 at most
 *
 * Return: 0; -ENOMEM, and nothing has changed.
 */
int hf_tables_set_terms(struct hf_tables *tables, uint32_t n_classes, uint32_t n_terms);

/**
 * hf_tables_set_sls() - make room for SLs
 * @tables:     sl_variant is left alone
 * @by:         what they depend on
 * @n_groups:   for HF_SL_BY_GROUPS
 * @n_variants: from 1
 *
 * All are HF_SL_IS_HINT.
 *
 * Return: 0; -ENOMEM, and nothing has changed.
 */
int hf_tables_set_sls(struct hf_tables *tables, enum hf_sl_by by, uint32_t n_groups, unsigned int n_variants);

/* How many struct hf_link there are: of the ports, then [switch][number]. */
static inline size_t hf_tables_count_links(const struct hf_tables *tables)
{
	return tables->n_ports + (size_t)tables->n_switches * tables->ports_per_switch;
}

/**
 * hf_tables_update_links() - take over what links are capable of now
 * @tables: of the routing that they belong to
 * @links:  as many as hf_tables_count_links() says
 *
 * Return: whether any differs from before.
 */
bool hf_tables_update_links(struct hf_tables *tables, const struct hf_link *links);

/* The size of one variant's table. */
uint32_t hf_tables_count_sl_sources(const struct hf_tables *tables);
uint32_t hf_tables_count_sl_destinations(const struct hf_tables *tables);

#endif
