/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Mode lid: a unicast LID belongs to the service and is the LID of the port of its owner. OpenSM remembers LIDs by port
 * GUID in its guid2lid database, from which each heavy sweep sets them; so the LID moves by an entry there, in the same
 * sweep that misses the old owner, before routes are computed.
 *
 * A port takes packets for its own range of LIDs alone: 2^LMC of them, from a multiple of 2^LMC on. Two such ranges are
 * apart, or one lies in the other. For two ports to take the service's LID in turn and keep their own, the range of one
 * would have to hold the own LID of the other, and an adapter does not send out what is for its own range: the two
 * could not talk to each other. So the port that gets the LID gives up its own, and is to be one that has no other use.
 *
 * Two LIDs are kept from being given to anybody else, also over a restart of OpenSM, by entries of GUIDs that no port
 * can have: the service's own while nobody has it, and the one that its owner had before and gets back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/osm.h"
#include "plugin/osm_modes.h"

#include <opensm/osm_db_pack.h>

/* In an EUI-64 of an adapter the first byte's lowest bit is 0: such a GUID would be one of a group. */
#define RESERVED_HOME		UINT64_C(0xff00000000000000)	/* with the rest of a port GUID */
#define RESERVED_SERVICE	UINT64_C(0xfd00000000000000)	/* with a LID */
#define RESERVED_MASK		UINT64_C(0x00ffffffffffffff)

struct memory {
	struct hf_service_address group;
	uint64_t refused;	/* port of which it was said last why it cannot have the LID */
};

static uint64_t home_of(uint64_t guid)
{
	return RESERVED_HOME | (guid & RESERVED_MASK);
}

static uint64_t holder_of(uint16_t lid)
{
	return RESERVED_SERVICE | lid;
}

/* The database */

static uint16_t get_entry(osm_opensm_t *osm, uint64_t guid)
{
	uint16_t first, last;

	return osm_db_guid2lid_get(osm->sm.lid_mgr.p_g2l, guid, &first, &last) ? 0 : first;
}

static void delete_entry(osm_opensm_t *osm, uint64_t guid)
{
	uint16_t lid = get_entry(osm, guid);

	if (!lid)
		return;
	osm_db_guid2lid_delete(osm->sm.lid_mgr.p_g2l, guid);
	osm->sm.lid_mgr.used_lids[lid] = 0;
}

/* Also in the lid manager's own list of LIDs that are taken. */
static int set_entry(osm_opensm_t *osm, uint64_t guid, uint16_t lid)
{
	if (get_entry(osm, guid) == lid)
		return 0;
	delete_entry(osm, guid);
	if (osm_db_guid2lid_set(osm->sm.lid_mgr.p_g2l, guid, lid, lid))
		return -ENOMEM;
	osm->sm.lid_mgr.used_lids[lid] = 1;
	return 0;
}

/* Ports */

static osm_port_t *find_port(osm_opensm_t *osm, uint64_t guid)
{
	osm_port_t *port = guid ? osm_get_port_by_guid(&osm->subn, cl_hton64(guid)) : NULL;

	return port && port->discovery_count && port->p_node->discovery_count ? port : NULL;
}

static uint16_t lid_of(const osm_port_t *port)
{
	return cl_ntoh16(osm_port_get_base_lid(port));
}

static bool is_named(const struct hf_service_config *config, const osm_port_t *port)
{
	for (size_t i = 0; i < config->node_count; i++) {
		const struct hf_service_node *node = &config->nodes[i];

		if (node->port_guid == cl_ntoh64(port->guid))
			return true;
		if (node->description && !strcmp(node->description, port->p_node->print_desc) &&
		    node->port_num == osm_physp_get_port_num(port->p_physp))
			return true;
	}
	return false;
}

static osm_port_t *port_with_lid(osm_opensm_t *osm, uint16_t lid)
{
	return lid < cl_ptr_vector_get_size(&osm->subn.port_lid_tbl) ?
		       cl_ptr_vector_get(&osm->subn.port_lid_tbl, lid) : NULL;
}

/* Whoever has the LID by the database is one of the service's, or stands for it. */
static bool is_taken(osm_opensm_t *osm, const struct hf_service_config *config, uint16_t lid)
{
	const osm_port_t *port = port_with_lid(osm, lid);

	if (port)
		return !is_named(config, port);
	if (!osm->sm.lid_mgr.used_lids[lid] || get_entry(osm, holder_of(lid)) == lid)
		return false;
	/* Of a port that is not there; of whose, only the database knows. */
	for (size_t i = 0; i < config->node_count; i++)
		if (config->nodes[i].port_guid && get_entry(osm, config->nodes[i].port_guid) == lid)
			return false;
	return true;
}

static uint16_t find_free_lid(osm_opensm_t *osm)
{
	for (uint32_t lid = 1; lid <= osm->subn.max_ucast_lid_ho; lid++)
		if (!osm->sm.lid_mgr.used_lids[lid] && !port_with_lid(osm, lid))
			return lid;
	return 0;
}

/* Another port of the same host by which it can be reached; of adapters of one host the system's GUID is the same. */
static bool has_other_port(osm_opensm_t *osm, const osm_port_t *port)
{
	cl_qmap_t *map = &osm->subn.port_guid_tbl;

	for (cl_map_item_t *item = cl_qmap_head(map); item != cl_qmap_end(map); item = cl_qmap_next(item)) {
		const osm_port_t *other = (const osm_port_t *)item;
		ib_net64_t system = port->p_node->node_info.sys_guid;

		if (other == port || !other->discovery_count || other->p_node->sw)
			continue;
		if (other->p_node == port->p_node || (system && other->p_node->node_info.sys_guid == system))
			return true;
	}
	return false;
}

/* NULL where the port may get the LID. */
static const char *why_not(osm_opensm_t *osm, const osm_port_t *port, uint16_t lid)
{
	if (port->p_node->sw)
		return "it is a switch";
	if (port->guid == osm->subn.sm_port_guid)
		return "the subnet manager runs there and needs a LID that stays";
	if (get_entry(osm, home_of(cl_ntoh64(port->guid))) && get_entry(osm, cl_ntoh64(port->guid)) != lid)
		return "it has the LID of another service";
	if (!has_other_port(osm, port))
		return "its host has no other port in the fabric, and would lose the only LID by which it is known";
	return NULL;
}

/* Moving */

static void ask_for_sweep(osm_opensm_t *osm, enum hf_service_moment moment)
{
	if (moment == HF_MOMENT_SWEEP)
		return;
	osm->subn.force_heavy_sweep = TRUE;
	osm_sm_signal(&osm->sm, OSM_SIGNAL_SWEEP);
}

/* Without an entry it would keep the LID that it has; it gets its own back, or any other. */
static int take_from(osm_opensm_t *osm, uint64_t guid, uint16_t lid)
{
	uint16_t home = guid ? get_entry(osm, home_of(guid)) : 0;

	if (!guid || get_entry(osm, guid) != lid)
		return 0;
	delete_entry(osm, guid);
	if (home) {
		delete_entry(osm, home_of(guid));
		return set_entry(osm, guid, home);
	}
	return 0;
}

static int give_to(osm_opensm_t *osm, osm_port_t *port, uint16_t lid)
{
	uint64_t guid = cl_ntoh64(port->guid);
	uint16_t home = get_entry(osm, guid);
	int err = 0;

	if (!home)
		home = lid_of(port);
	delete_entry(osm, holder_of(lid));
	if (home && home != lid)
		err = set_entry(osm, home_of(guid), home);
	if (!err)
		err = set_entry(osm, guid, lid);
	/* set_entry() of the port gave its old LID free, which home_of() holds now. */
	if (home && home != lid)
		osm->sm.lid_mgr.used_lids[home] = 1;
	return err;
}

static int refuse(struct memory *memory, const struct hf_service_config *config, uint64_t guid, const char *why)
{
	if (memory->refused != guid)
		hf_log(HF_LOG_ERROR, "service %s: port 0x%016" PRIx64 " cannot have its LID: %s", config->name, guid,
		       why);
	memory->refused = guid;
	return -EPERM;
}

/* What is in the database already is on its way, or OpenSM itself sweeps again until it is there. */
static int move_lid(osm_opensm_t *osm, struct hf_service_address *address, uint64_t from, uint64_t to,
		    enum hf_service_moment moment)
{
	const osm_port_t *old = find_port(osm, from);
	osm_port_t *port = find_port(osm, to);
	bool is_old_first = address->config->leave_first && old && lid_of(old) == address->lid;
	const char *why = port ? why_not(osm, port, address->lid) : NULL;
	int err;

	if (to && !port)
		return -EHOSTUNREACH;
	if (why)
		return refuse(address->data, address->config, to, why);
	if (to && get_entry(osm, to) == address->lid)
		return 0;
	if (from != to) {
		err = take_from(osm, from, address->lid);
		if (err)
			return err;
	}
	/* The sweep that takes the LID from the old one is then not the one that gives it to the new one. */
	err = port && !is_old_first ? give_to(osm, port, address->lid) :
				      set_entry(osm, holder_of(address->lid), address->lid);
	if (!err)
		ask_for_sweep(osm, moment);
	return !err && port && is_old_first ? -EINPROGRESS : err;
}

/* The mechanism */

static int open_lid(osm_opensm_t *osm, struct hf_service_address *address)
{
	const struct hf_service_config *config = address->config;
	uint16_t lid = config->lid ? config->lid : address->lid;

	if (osm->subn.opt.lmc) {
		hf_log(HF_LOG_ERROR, "service %s: mode lid needs lmc 0 in OpenSM's configuration, where it is %u",
		       config->name, osm->subn.opt.lmc);
		return -EINVAL;
	}
	if (!lid)
		lid = find_free_lid(osm);
	if (!lid || lid > osm->subn.max_ucast_lid_ho)
		return -EINVAL;
	if (is_taken(osm, config, lid)) {
		if (config->lid || !address->lid)
			return -EADDRINUSE;
		lid = find_free_lid(osm);
		if (!lid)
			return -EADDRINUSE;
	}
	address->lid = lid;
	return osm->sm.lid_mgr.used_lids[lid] ? 0 : set_entry(osm, holder_of(lid), lid);
}

static void forget(struct hf_service_address *address)
{
	struct memory *memory = address->data;

	if (memory && hf_group()->forget)
		hf_group()->forget(&memory->group);
	free(memory);
	address->data = NULL;
}

static int open_address(osm_opensm_t *osm, struct hf_service_address *address)
{
	struct memory *memory = address->data ? address->data : calloc(1, sizeof(*memory));
	int err;

	if (!memory)
		return -ENOMEM;
	err = hf_group()->open(osm, hf_group_address(address, &memory->group));
	if (!err) {
		address->mlid = memory->group.mlid;
		err = open_lid(osm, address);
	}
	address->data = memory;
	if (err)
		forget(address);
	return err;
}

/* The port gets its own LID back, or any other. */
static void close_address(osm_opensm_t *osm, struct hf_service_address *address, const struct hf_service_port *owner)
{
	struct memory *memory = address->data;

	if (!memory)
		return;
	hf_group()->close(osm, hf_group_address(address, &memory->group), owner);
	delete_entry(osm, holder_of(address->lid));
	if (owner->guid && get_entry(osm, owner->guid) == address->lid) {
		take_from(osm, owner->guid, address->lid);
		ask_for_sweep(osm, HF_MOMENT_BETWEEN);
	}
	forget(address);
}

static int move(osm_opensm_t *osm, struct hf_service_address *address, const struct hf_service_port *from,
		const struct hf_service_port *to, enum hf_service_moment moment)
{
	struct memory *memory = address->data;
	int err = memory ? move_lid(osm, address, from->guid, to->guid, moment) : -EINVAL;

	if (err)
		return err;
	return hf_group()->move(osm, hf_group_address(address, &memory->group), from, to, moment);
}

static int keep(osm_opensm_t *osm, struct hf_service_address *address, const struct hf_service_port *owner,
		const struct hf_service_port *others, size_t other_count, enum hf_service_moment moment)
{
	struct memory *memory = address->data;
	int lid_err = 0, err;

	if (!memory)
		return -EINVAL;
	err = hf_group()->keep(osm, hf_group_address(address, &memory->group), owner, others, other_count, moment);
	for (size_t i = 0; i < other_count && !lid_err; i++) {
		if (!others[i].guid || get_entry(osm, others[i].guid) != address->lid)
			continue;
		lid_err = take_from(osm, others[i].guid, address->lid);
		ask_for_sweep(osm, moment);
	}
	if (!lid_err && owner->guid)
		lid_err = move_lid(osm, address, 0, owner->guid, moment);
	return err ? err : lid_err;
}

static uint32_t holders(osm_opensm_t *osm, const struct hf_service_address *address,
			const struct hf_service_port *ports, size_t count)
{
	uint32_t set = 0;

	for (size_t i = 0; i < count; i++) {
		const osm_port_t *port = find_port(osm, ports[i].guid);

		if (port && address->lid && lid_of(port) == address->lid)
			set |= UINT32_C(1) << i;
	}
	return set;
}

static uint16_t path_lid(osm_opensm_t *osm, const struct hf_service_address *address,
			 const struct hf_service_port *owner)
{
	const osm_port_t *port = find_port(osm, owner->guid);

	return port && lid_of(port) == address->lid ? address->lid : 0;
}

const struct hf_service_mechanism hf_service_lid = {
	.name = "lid",
	.open = open_address,
	.close = close_address,
	.forget = forget,
	.move = move,
	.keep = keep,
	.holders = holders,
	.path_lid = path_lid,
};
