/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Mode switch-port: what is in no multicast table of a switch leaves at its default multicast port, and those ports
 * lead to the owner. The group is there as in mode mlid, for whoever asks the SA.
 *
 * OpenSM never sets these ports, but each time it writes SwitchInfo for reasons of its own it writes back what it read
 * last. So what is queued here is noted in OpenSM's copy at once; the switch's answer replaces the copy. What a switch
 * has lost is seen after OpenSM has read it again, which each heavy sweep does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/funnel.h"
#include "plugin/osm.h"
#include "plugin/osm_modes.h"

#define LOST_MAX	3	/* times that a switch may lose its ports between two moves before it is said */

/* What is remembered of a switch that was written. */
struct written {
	uint64_t guid;
	unsigned int lost;
};

/* The mechanism's own of one address. */
struct memory {
	struct hf_service_address group;
	uint64_t owner;
	struct written *written;	/* sorted by GUID */
	size_t n_written;
	uint32_t n_cut_off;		/* as was said last */
};

/* OpenSM's switches that are there, by rising GUID as OpenSM has them. Valid as long as the lock is held. */
struct fabric {
	struct hf_funnel_graph graph;
	struct hf_switch_port *ports;
	struct hf_default_ports *held;
	bool *wanted;			/* NULL: all */
	osm_switch_t **switches;
};

/* Reading OpenSM */

static uint64_t switch_guid(const osm_switch_t *sw)
{
	return cl_ntoh64(osm_node_get_node_guid(sw->p_node));
}

/* OpenSM's map is by GUIDs as they are on the wire. */
static int compare_switches(const void *a, const void *b)
{
	uint64_t x = cl_qmap_key(&(*(osm_switch_t *const *)a)->map_item);
	uint64_t y = cl_qmap_key(&(*(osm_switch_t *const *)b)->map_item);

	return x < y ? -1 : x > y;
}

static uint32_t find_switch(const struct fabric *fabric, osm_switch_t *sw)
{
	osm_switch_t **found = bsearch(&sw, fabric->switches, fabric->graph.n_switches, sizeof(sw), compare_switches);

	return found ? found - fabric->switches : HF_NO_INDEX;
}

/* Within a sweep OpenSM still has what it did not find any more. */
static bool is_there(const osm_node_t *node)
{
	return node && node->discovery_count;
}

static bool carries(const osm_physp_t *physp)
{
	return physp && osm_physp_is_valid(physp) && osm_physp_get_port_state(physp) > IB_LINK_DOWN;
}

/* The other end of a cable over which packets go; NULL where there is none. */
static osm_physp_t *other_end(const osm_physp_t *physp)
{
	osm_physp_t *other = carries(physp) ? osm_physp_get_remote(physp) : NULL;

	return carries(other) && is_there(osm_physp_get_node_ptr(other)) ? other : NULL;
}

static void copy_ports(struct fabric *fabric, uint32_t index)
{
	osm_node_t *node = fabric->switches[index]->p_node;
	const ib_switch_info_t *info = &fabric->switches[index]->switch_info;

	fabric->held[index] = (struct hf_default_ports){ info->def_mcast_pri_port, info->def_mcast_not_port };
	for (unsigned int number = 1; number < osm_node_get_num_physp(node); number++) {
		struct hf_switch_port *port = &fabric->ports[(size_t)index * fabric->graph.ports_per_switch + number];
		const osm_physp_t *other = other_end(osm_node_get_physp_ptr(node, number));
		osm_node_t *peer = other ? osm_physp_get_node_ptr(other) : NULL;

		if (!peer)
			continue;
		port->peer_kind = peer->sw ? HF_PEER_SWITCH : HF_PEER_PORT;
		port->peer = peer->sw ? find_switch(fabric, peer->sw) : HF_NO_INDEX;
		port->peer_port = osm_physp_get_port_num(other);
	}
}

static bool is_named(const struct hf_service_config *config, const osm_switch_t *sw)
{
	for (size_t i = 0; i < config->switch_count; i++) {
		const struct hf_service_switch *named = &config->switches[i];

		if (named->guid ? named->guid == switch_guid(sw) :
				  !strcmp(named->description, sw->p_node->print_desc))
			return true;
	}
	return false;
}

static void free_fabric(struct fabric *fabric)
{
	free(fabric->ports);
	free(fabric->held);
	free(fabric->wanted);
	free(fabric->switches);
}

static void list_switches(osm_opensm_t *osm, struct fabric *fabric)
{
	cl_qmap_t *map = &osm->subn.sw_guid_tbl;

	for (cl_map_item_t *item = cl_qmap_head(map); item != cl_qmap_end(map); item = cl_qmap_next(item)) {
		osm_switch_t *sw = (osm_switch_t *)item;

		if (!is_there(sw->p_node))
			continue;
		if (osm_node_get_num_physp(sw->p_node) > fabric->graph.ports_per_switch)
			fabric->graph.ports_per_switch = osm_node_get_num_physp(sw->p_node);
		fabric->switches[fabric->graph.n_switches++] = sw;
	}
}

static int copy_fabric(osm_opensm_t *osm, const struct hf_service_config *config, struct fabric *ret_fabric)
{
	size_t count = cl_qmap_count(&osm->subn.sw_guid_tbl) + 1;
	struct fabric fabric = { .switches = calloc(count, sizeof(osm_switch_t *)) };

	if (!fabric.switches)
		return -ENOMEM;
	list_switches(osm, &fabric);
	fabric.ports = calloc(count * (fabric.graph.ports_per_switch + 1), sizeof(*fabric.ports));
	fabric.held = calloc(count, sizeof(*fabric.held));
	if (config->switch_count)
		fabric.wanted = calloc(count, sizeof(*fabric.wanted));
	if (!fabric.ports || !fabric.held || (config->switch_count && !fabric.wanted)) {
		free_fabric(&fabric);
		return -ENOMEM;
	}
	fabric.graph.switch_ports = fabric.ports;
	for (uint32_t i = 0; i < fabric.graph.n_switches; i++) {
		copy_ports(&fabric, i);
		if (fabric.wanted)
			fabric.wanted[i] = is_named(config, fabric.switches[i]);
	}
	*ret_fabric = fabric;
	return 0;
}

/* Where a port hangs; false where no switch leads to it. */
static bool find_root(osm_opensm_t *osm, uint64_t guid, osm_switch_t **ret_switch, uint8_t *ret_number)
{
	const osm_port_t *port = guid ? osm_get_port_by_guid(&osm->subn, cl_hton64(guid)) : NULL;
	const osm_physp_t *other;

	if (!port || !is_there(port->p_node))
		return false;
	if (port->p_node->sw) {
		*ret_switch = port->p_node->sw;
		*ret_number = 0;
		return true;
	}
	other = other_end(port->p_physp);
	if (!other || !osm_physp_get_node_ptr(other)->sw)
		return false;
	*ret_switch = osm_physp_get_node_ptr(other)->sw;
	*ret_number = osm_physp_get_port_num(other);
	return true;
}

/* Writing switches */

static int write_switch(osm_opensm_t *osm, osm_switch_t *sw, struct hf_default_ports ports)
{
	const osm_physp_t *physp = osm_node_get_physp_ptr(sw->p_node, 0);
	ib_switch_info_t info = sw->switch_info;
	osm_madw_context_t context;

	if (!physp)
		return -EHOSTUNREACH;
	info.def_mcast_pri_port = ports.primary;
	info.def_mcast_not_port = ports.not_primary;
	/* Written as 1 it would be cleared, and a change that OpenSM has not seen yet lost. */
	ib_switch_info_clear_state_change(&info);
	memset(&context, 0, sizeof(context));
	context.si_context.node_guid = osm_node_get_node_guid(sw->p_node);
	context.si_context.set_method = TRUE;
	if (osm_req_set(&osm->sm, osm_physp_get_dr_path_ptr(physp), (uint8_t *)&info, sizeof(info),
			IB_MAD_ATTR_SWITCH_INFO, 0, FALSE, ib_port_info_get_m_key(&physp->port_info), 0,
			CL_DISP_MSGID_NONE, &context))
		return -EIO;
	sw->switch_info.def_mcast_pri_port = ports.primary;
	sw->switch_info.def_mcast_not_port = ports.not_primary;
	return 0;
}

static bool holds(const osm_switch_t *sw, struct hf_default_ports ports)
{
	return sw->switch_info.def_mcast_pri_port == ports.primary &&
	       sw->switch_info.def_mcast_not_port == ports.not_primary;
}

static int compare_written(const void *a, const void *b)
{
	const struct written *x = a, *y = b;

	return x->guid < y->guid ? -1 : x->guid > y->guid;
}

static struct written *find_written(const struct memory *memory, uint64_t guid)
{
	const struct written key = { .guid = guid };

	return memory->n_written ? bsearch(&key, memory->written, memory->n_written, sizeof(key), compare_written) :
				   NULL;
}

/* A switch that should have it by now has not. */
static void note_lost(struct written *written, const osm_switch_t *sw)
{
	written->lost++;
	hf_log(written->lost < LOST_MAX ? HF_LOG_INFO : HF_LOG_DEBUG,
	       "switch 0x%016" PRIx64 " has lost its default multicast ports; they are written again",
	       switch_guid(sw));
	if (written->lost == LOST_MAX)
		hf_log(HF_LOG_WARN, "switch 0x%016" PRIx64 " does not keep its default multicast ports: "
		       "no service of mode switch-port can be reached through it", switch_guid(sw));
}

static int remember(struct memory *memory, const struct fabric *fabric, const struct hf_funnel *funnel, uint64_t owner)
{
	struct written *written = calloc(funnel->n_hops + 1, sizeof(*written));

	if (!written)
		return -ENOMEM;
	for (uint32_t i = 0; i < funnel->n_hops; i++) {
		uint64_t guid = switch_guid(fabric->switches[funnel->hops[i].switch_]);
		const struct written *old = memory->owner == owner ? find_written(memory, guid) : NULL;

		written[i] = old ? *old : (struct written){ .guid = guid };
	}
	qsort(written, funnel->n_hops, sizeof(*written), compare_written);
	free(memory->written);
	memory->written = written;
	memory->n_written = funnel->n_hops;
	memory->owner = owner;
	return 0;
}

static void say_cut_off(struct memory *memory, const struct hf_service_config *config, const struct hf_funnel *funnel)
{
	if (funnel->n_cut_off && funnel->n_cut_off != memory->n_cut_off)
		hf_log(HF_LOG_WARN, "service %s: %" PRIu32 " switches have no way to its node", config->name,
		       funnel->n_cut_off);
	memory->n_cut_off = funnel->n_cut_off;
}

/* Nearest to the owner first: so no packet ever goes round in a circle. */
static int write_funnel(osm_opensm_t *osm, struct memory *memory, const struct fabric *fabric,
			const struct hf_funnel *funnel, uint64_t owner)
{
	int err = 0;

	for (uint32_t i = 0; i < funnel->n_hops; i++) {
		osm_switch_t *sw = fabric->switches[funnel->hops[i].switch_];
		struct written *before = memory->owner == owner ? find_written(memory, switch_guid(sw)) : NULL;
		int failed;

		if (holds(sw, funnel->hops[i].ports))
			continue;
		if (before && holds(sw, (struct hf_default_ports){ 0 }))
			note_lost(before, sw);
		failed = write_switch(osm, sw, funnel->hops[i].ports);
		if (failed)
			err = failed;
	}
	return err ? err : remember(memory, fabric, funnel, owner);
}

static int lead_to(osm_opensm_t *osm, struct hf_service_address *address, uint64_t owner)
{
	struct memory *memory = address->data;
	struct fabric fabric;
	struct hf_funnel funnel;
	osm_switch_t *root;
	uint8_t number;
	int err;

	if (!find_root(osm, owner, &root, &number))
		return -EHOSTUNREACH;
	err = copy_fabric(osm, address->config, &fabric);
	if (err)
		return err;
	err = hf_funnel_compute(&fabric.graph, find_switch(&fabric, root), number, fabric.wanted, fabric.held,
				&funnel);
	if (err)
		goto err_free_fabric;
	say_cut_off(memory, address->config, &funnel);
	err = write_funnel(osm, memory, &fabric, &funnel, owner);
	hf_funnel_fini(&funnel);

err_free_fabric:
	free_fabric(&fabric);
	return err;
}

/* The mechanism */

static void forget(struct hf_service_address *address)
{
	struct memory *memory = address->data;

	if (!memory)
		return;
	if (hf_group()->forget)
		hf_group()->forget(&memory->group);
	free(memory->written);
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
	address->data = memory;
	if (err)
		forget(address);
	else
		address->mlid = memory->group.mlid;
	return err;
}

static void close_address(osm_opensm_t *osm, struct hf_service_address *address, const struct hf_service_port *owner)
{
	struct memory *memory = address->data;

	if (!memory)
		return;
	hf_group()->close(osm, hf_group_address(address, &memory->group), owner);
	for (size_t i = 0; i < memory->n_written; i++) {
		osm_switch_t *sw = osm_get_switch_by_guid(&osm->subn, cl_hton64(memory->written[i].guid));

		if (sw)
			write_switch(osm, sw, (struct hf_default_ports){ 0 });
	}
	forget(address);
}

/* The old node must have nothing more before the new one has anything: its own switch keeps what comes for it. */
static void stop_at(osm_opensm_t *osm, uint64_t guid)
{
	osm_switch_t *sw;
	uint8_t number;

	if (find_root(osm, guid, &sw, &number) && sw->switch_info.def_mcast_pri_port == number)
		write_switch(osm, sw, (struct hf_default_ports){ HF_FUNNEL_SINK, HF_FUNNEL_SINK });
}

static int move(osm_opensm_t *osm, struct hf_service_address *address, const struct hf_service_port *from,
		const struct hf_service_port *to, enum hf_service_moment moment)
{
	struct memory *memory = address->data;
	int err;

	if (!memory)
		return -EINVAL;
	if (address->config->leave_first && from->guid != to->guid)
		stop_at(osm, from->guid);
	err = hf_group()->move(osm, hf_group_address(address, &memory->group), from, to, moment);
	if (err || !to->guid)
		return err;
	return lead_to(osm, address, to->guid);
}

static int keep(osm_opensm_t *osm, struct hf_service_address *address, const struct hf_service_port *owner,
		const struct hf_service_port *others, size_t other_count, enum hf_service_moment moment)
{
	struct memory *memory = address->data;
	int err, ports_err;

	if (!memory)
		return -EINVAL;
	err = hf_group()->keep(osm, hf_group_address(address, &memory->group), owner, others, other_count, moment);
	ports_err = owner->guid ? lead_to(osm, address, owner->guid) : 0;
	return err ? err : ports_err;
}

/* The switch of an end port tells: packets that are in no table leave it there. */
static uint32_t holders(osm_opensm_t *osm, const struct hf_service_address *address,
			const struct hf_service_port *ports, size_t count)
{
	uint32_t set = 0;
	osm_switch_t *sw;
	uint8_t number;

	(void)address;
	for (size_t i = 0; i < count; i++)
		if (find_root(osm, ports[i].guid, &sw, &number) && number &&
		    sw->switch_info.def_mcast_pri_port == number)
			set |= UINT32_C(1) << i;
	return set;
}

const struct hf_service_mechanism hf_service_switch_port = {
	.name = "switch-port",
	.open = open_address,
	.close = close_address,
	.forget = forget,
	.move = move,
	.keep = keep,
	.holders = holders,
};
