/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Mode mlid: the owner's port is a full member of the group, which the SM joins and leaves on its behalf.
 *
 * OpenSM destroys a group with its last full member, gives its MLID away, and drops the members that only send. So the
 * plugin itself counts as one full member without a port: the group outlives all its nodes, under the same MLID, and no
 * trap 66 or 67 tells senders of a change that is none of theirs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/osm_services.h"

/* In address->data: that the plugin is counted in the group. */
#define COUNTED		((void *)1)

static osm_mgrp_t *find_group(osm_opensm_t *osm, const struct hf_service_address *address)
{
	ib_gid_t mgid;

	memcpy(mgid.raw, address->config->mgid, sizeof(mgid.raw));
	return osm_get_mgrp_by_mgid(&osm->subn, &mgid);
}

static bool is_free(const osm_opensm_t *osm, uint16_t mlid)
{
	return mlid >= IB_LID_MCAST_START_HO && mlid <= osm->subn.max_mcast_lid_ho &&
	       !osm->subn.mboxes[mlid - IB_LID_MCAST_START_HO];
}

/* Return: the MLID that the group gets; 0 where there is none. */
static uint16_t pick_mlid(const osm_opensm_t *osm, const struct hf_service_address *address)
{
	if (is_free(osm, address->mlid))
		return address->mlid;
	for (uint32_t mlid = IB_LID_MCAST_START_HO; !address->config->mlid && mlid <= osm->subn.max_mcast_lid_ho; mlid++)
		if (is_free(osm, (uint16_t)mlid))
			return (uint16_t)mlid;
	return 0;
}

static osm_mgrp_t *make_group(osm_opensm_t *osm, const struct hf_service_address *address, uint16_t mlid)
{
	const struct hf_service_config *config = address->config;
	ib_member_rec_t record;

	memset(&record, 0, sizeof(record));
	memcpy(record.mgid.raw, config->mgid, sizeof(record.mgid.raw));
	record.qkey = cl_hton32(config->qkey);
	record.mlid = cl_hton16(mlid);
	record.pkey = cl_hton16(config->pkey);
	record.mtu = IB_PATH_SELECTOR_EXACTLY << 6 | config->mtu;
	record.rate = IB_PATH_SELECTOR_EXACTLY << 6 | config->rate;
	record.pkt_life = IB_PATH_SELECTOR_EXACTLY << 6 | config->pkt_life;
	record.sl_flow_hop = ib_member_set_sl_flow_hop(config->sl, 0, 0);
	record.scope_state = ib_member_set_scope_state(ib_mgid_get_scope(&record.mgid), IB_JOIN_STATE_FULL);
	return osm_mgrp_new(&osm->subn, record.mlid, &record);
}

static int open_group(osm_opensm_t *osm, struct hf_service_address *address)
{
	osm_mgrp_t *group = find_group(osm, address);
	uint16_t mlid;

	if (group && address->config->mlid && cl_ntoh16(group->mlid) != address->config->mlid)
		return -EADDRINUSE;
	if (!group) {
		mlid = pick_mlid(osm, address);
		if (!mlid)
			return -EADDRINUSE;
		group = make_group(osm, address, mlid);
		if (!group)
			return -ENOMEM;
		address->data = NULL;
	}
	if (!address->data) {
		group->full_members++;
		address->data = COUNTED;
	}
	address->mlid = cl_ntoh16(group->mlid);
	return 0;
}

static bool is_full_member(const osm_mgrp_t *group, uint64_t guid)
{
	const osm_mcm_alias_guid_t *member = osm_mgrp_get_mcm_alias_guid(group, cl_hton64(guid));

	return member && member->scope_state & IB_JOIN_STATE_FULL;
}

static int join(osm_opensm_t *osm, osm_mgrp_t *group, uint64_t guid)
{
	osm_port_t *port = hf_osm_find_port(osm, guid);
	ib_member_rec_t record = group->mcmember_rec;

	if (!port || !hf_osm_is_port_there(port))
		return -EHOSTUNREACH;
	if (is_full_member(group, guid))
		return 0;
	record.port_gid.unicast.prefix = osm->subn.opt.subnet_prefix;
	record.port_gid.unicast.interface_id = osm_port_get_guid(port);
	record.scope_state = ib_member_set_scope_state(record.scope_state >> 4, IB_JOIN_STATE_FULL);
	record.proxy_join = 0;
	if (!osm_mgrp_add_port(&osm->subn, &osm->log, group, port, &record, FALSE))
		return -ENOMEM;
	/* OpenSM does not where the port was there as one that only sends. */
	osm_sm_reroute_mlid(&osm->sm, group->mlid);
	return 0;
}

/* A node that sends to the service as well goes on to be a member that only sends. */
static void leave(osm_opensm_t *osm, osm_mgrp_t *group, uint64_t guid)
{
	osm_mcm_alias_guid_t *member = guid ? osm_mgrp_get_mcm_alias_guid(group, cl_hton64(guid)) : NULL;
	ib_member_rec_t record = group->mcmember_rec;

	if (!member || !(member->scope_state & IB_JOIN_STATE_FULL))
		return;
	record.scope_state = IB_JOIN_STATE_FULL;
	osm_mgrp_remove_port(&osm->subn, &osm->log, group, member, &record);
	osm_sm_reroute_mlid(&osm->sm, group->mlid);
}

static void close_group(osm_opensm_t *osm, struct hf_service_address *address, const struct hf_service_port *owner)
{
	osm_mgrp_t *group = find_group(osm, address);
	ib_net16_t mlid;

	if (!group || !address->data)
		return;
	address->data = NULL;
	mlid = group->mlid;
	leave(osm, group, owner->guid);
	/* Other members may be there: then the group is theirs. */
	if (!--group->full_members)
		osm_mgrp_cleanup(&osm->subn, group);
	osm_sm_reroute_mlid(&osm->sm, mlid);
}

/* OpenSM writes its tables in the order of its requests: what is no more in its copy is written before any join. */
static bool is_served(osm_opensm_t *osm, const struct hf_service_address *address, uint64_t guid)
{
	const osm_port_t *port = hf_osm_find_port(osm, guid);
	const osm_physp_t *side = port && hf_osm_is_port_there(port) ? hf_osm_switch_side(port) : NULL;

	return side && osm_mcast_tbl_is_port(osm_switch_get_mcast_tbl_ptr(side->p_node->sw), address->mlid,
					     side->port_num);
}

static int move_member(osm_opensm_t *osm, struct hf_service_address *address, const struct hf_service_port *from,
		       const struct hf_service_port *to, enum hf_service_moment moment)
{
	osm_mgrp_t *group = find_group(osm, address);
	int err = 0;

	(void)moment;
	if (!group)
		return -ENOENT;
	if (address->config->leave_first && from->guid != to->guid) {
		leave(osm, group, from->guid);
		if (is_served(osm, address, from->guid))
			return -EINPROGRESS;
	}
	if (to->guid)
		err = join(osm, group, to->guid);
	/* Where nobody could join, the one that was there stays. */
	if (!err && from->guid != to->guid)
		leave(osm, group, from->guid);
	return err;
}

static int keep_member(osm_opensm_t *osm, struct hf_service_address *address, const struct hf_service_port *owner,
		       const struct hf_service_port *others, size_t other_count, enum hf_service_moment moment)
{
	osm_mgrp_t *group = find_group(osm, address);
	int err = 0;

	(void)moment;
	if (!group)
		return -ENOENT;
	if (address->config->leave_first)
		for (size_t i = 0; i < other_count; i++) {
			leave(osm, group, others[i].guid);
			if (is_served(osm, address, others[i].guid))
				return -EINPROGRESS;
		}
	if (owner->guid)
		err = join(osm, group, owner->guid);
	for (size_t i = 0; !err && i < other_count; i++)
		leave(osm, group, others[i].guid);
	/* It comes back in a sweep, which calls again. */
	return err == -EHOSTUNREACH ? 0 : err;
}

static void ask_tables(osm_opensm_t *osm, const struct hf_service_address *address,
		       const struct hf_service_port *ports, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const osm_port_t *port = hf_osm_find_port(osm, ports[i].guid);
		const osm_physp_t *side = port ? hf_osm_switch_side(port) : NULL;

		if (side)
			hf_osm_ask_mft(osm, side->p_node->sw, address->mlid, side->port_num);
	}
}

static uint32_t find_holders(osm_opensm_t *osm, const struct hf_service_address *address,
			     const struct hf_service_port *ports, size_t count)
{
	const osm_mgrp_t *group = find_group(osm, address);
	uint32_t holders = 0;

	for (size_t i = 0; i < count; i++) {
		const osm_port_t *port = hf_osm_find_port(osm, ports[i].guid);
		const osm_physp_t *side = port ? hf_osm_switch_side(port) : NULL;

		if (side && hf_osm_mft_has(side->p_node->sw, address->mlid, side->port_num))
			holders |= 1U << i;
		/* OpenSM may have read its own database of members again. */
		if (group && ports[i].guid && is_full_member(group, ports[i].guid))
			holders |= 1U << i;
	}
	return holders;
}

const struct hf_service_mechanism hf_osm_mlid_mechanism = {
	.name = "mlid",
	.open = open_group,
	.close = close_group,
	.move = move_member,
	.keep = keep_member,
	.ask = ask_tables,
	.holders = find_holders,
};
