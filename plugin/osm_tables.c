/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Copies switches, ports, cables and forwarding tables. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "lib/trace.h"
#include "plugin/osm.h"

#define DROP_VL		15
#define TAVOR_DEVICE_ID	23108	/* its best MTU is 1K; OpenSM's option enable_quirks */

struct switch_node {
	const osm_switch_t *sw;
	uint32_t index;
	bool not_added;
	UT_hash_handle hh;
};

/* Everything of one copy. The arrays point into OpenSM, where they stay valid as long as this thread is in report(). */
struct job {
	struct hf_osm *in;
	const osm_subn_t *subn;
	struct hf_osm_lock *lock;
	struct hf_tables *tables;

	uint32_t n_switches;
	struct switch_node *switches;	/* by index */
	struct switch_node *switch_hash;
	const osm_port_t **ports;	/* by index; NULL where absent */
	uint32_t *first_columns;	/* by index */
	unsigned int ports_per_switch, lids;
};

void hf_osm_lock(struct hf_osm_lock *lock)
{
	cl_plock_acquire(lock->plock);
	lock->since_ns = hf_now_ns();
}

void hf_osm_unlock(struct hf_osm_lock *lock)
{
	uint64_t held_ns = hf_now_ns() - lock->since_ns;

	cl_plock_release(lock->plock);
	if (held_ns > lock->longest_ns)
		lock->longest_ns = held_ns;
}

void hf_osm_breathe(struct hf_osm_lock *lock)
{
	if (hf_now_ns() - lock->since_ns < HF_OSM_LOCK_NS)
		return;
	hf_osm_unlock(lock);
	/* On a busy machine the processor is lost here rather than with the lock held. */
	sched_yield();
	hf_osm_lock(lock);
}

#define for_each_in(map, type, item) \
	for (const type *item = (const type *)cl_qmap_head(map); \
	     &item->map_item != cl_qmap_end(map); \
	     item = (const type *)cl_qmap_next(&item->map_item))

static bool has_lid(const osm_port_t *port)
{
	return port->p_physp && osm_port_get_base_lid(port);
}

/* Numbering */

static void raise_lids(struct job *job, unsigned int last_lid)
{
	if (job->lids <= last_lid)
		job->lids = last_lid + 1;
}

static int number_switches(struct job *job)
{
	for_each_in(&job->subn->sw_guid_tbl, osm_switch_t, sw) {
		struct switch_node *node = &job->switches[job->n_switches];

		node->sw = sw;
		node->index = job->n_switches++;
		HASH_ADD_PTR(job->switch_hash, sw, node);
		if (node->not_added)
			return -ENOMEM;
		if (sw->p_node->physp_tbl_size > job->ports_per_switch)
			job->ports_per_switch = sw->p_node->physp_tbl_size;
		raise_lids(job, sw->max_lid_ho < sw->lft_size ? sw->max_lid_ho : sw->lft_size);
		hf_osm_breathe(job->lock);
	}
	return 0;
}

/* A port that OpenSM has, and what the registry says of it. */
struct found_port {
	const osm_port_t *port;
	uint32_t index, column;
};

static int register_ports(struct job *job, struct found_port *found, size_t *ret_count)
{
	size_t count = 0;
	int err;

	for_each_in(&job->subn->port_guid_tbl, osm_port_t, port) {
		if (!has_lid(port))
			continue;
		found[count].port = port;
		err = hf_port_registry_add(job->in->registry, cl_ntoh64(port->guid), osm_port_get_lmc(port),
					   &found[count].index, &found[count].column);
		if (err)
			return err;
		count++;
		hf_osm_breathe(job->lock);
	}
	*ret_count = count;
	return 0;
}

/* After all are registered: the registry has told how many there are. */
static int place_ports(struct job *job, const struct found_port *found, size_t count)
{
	size_t size = hf_port_registry_count_ports(job->in->registry) + (size_t)1;

	job->ports = calloc(size, sizeof(*job->ports));
	job->first_columns = calloc(size, sizeof(*job->first_columns));
	if (!job->ports || !job->first_columns)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		job->ports[found[i].index] = found[i].port;
		job->first_columns[found[i].index] = found[i].column;
	}
	return 0;
}

static int number_ports(struct job *job)
{
	struct found_port *found = calloc(cl_qmap_count(&job->subn->port_guid_tbl) + 1, sizeof(*found));
	size_t count;
	int err = found ? register_ports(job, found, &count) : -ENOMEM;

	if (!err)
		err = place_ports(job, found, count);
	free(found);
	return err;
}

static int number_all(struct job *job)
{
	int err;

	job->ports_per_switch = 1;
	job->switches = calloc(cl_qmap_count(&job->subn->sw_guid_tbl) + 1, sizeof(*job->switches));
	if (!job->switches)
		return -ENOMEM;
	err = number_switches(job);
	return err ? err : number_ports(job);
}

static uint32_t switch_index(const struct job *job, const osm_switch_t *sw)
{
	struct switch_node *node;

	HASH_FIND_PTR(job->switch_hash, &sw, node);
	return node ? node->index : HF_NO_INDEX;
}

static uint32_t port_index(const struct job *job, ib_net64_t guid)
{
	uint32_t index = hf_port_registry_find(job->in->registry, cl_ntoh64(guid));

	return index != HF_NO_INDEX && job->ports[index] ? index : HF_NO_INDEX;
}

/* Ports */

/* A switch has the capability bits of all its ports at port 0. */
static uint8_t port_rate(const osm_physp_t *physp)
{
	const osm_physp_t *capable = physp->p_node->sw ? osm_node_get_physp_ptr(physp->p_node, 0) : physp;

	return ib_port_info_compute_rate(&physp->port_info, capable && (capable->port_info.capability_mask &
									IB_PORT_CAP_HAS_EXT_SPEEDS));
}

static bool is_tavor(const osm_node_t *node)
{
	static const uint32_t vendors[] = {
		OSM_VENDOR_ID_MELLANOX, OSM_VENDOR_ID_TOPSPIN, OSM_VENDOR_ID_SILVERSTORM, OSM_VENDOR_ID_VOLTAIRE,
	};
	uint32_t vendor = cl_ntoh32(ib_node_info_get_vendor_id(&node->node_info));

	if (cl_ntoh16(node->node_info.device_id) != TAVOR_DEVICE_ID)
		return false;
	for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
		if (vendor == vendors[i])
			return true;
	return false;
}

static uint8_t end_mtu(const osm_subn_t *subn, const osm_physp_t *physp)
{
	uint8_t mtu = ib_port_info_get_mtu_cap(&physp->port_info);

	return subn->opt.enable_quirks && mtu > IB_MTU_LEN_1024 && is_tavor(physp->p_node) ? IB_MTU_LEN_1024 : mtu;
}

static uint8_t rate_capabilities(const ib_port_info_t *info)
{
	uint8_t can = info->capability_mask & IB_PORT_CAP_HAS_EXT_SPEEDS ? HF_CAN_EXTENDED : 0;

	if (!(info->capability_mask & IB_PORT_CAP_HAS_CAP_MASK2))
		return can;
	if (info->capability_mask2 & IB_PORT_CAP2_IS_LINK_WIDTH_2X_SUPPORTED)
		can |= HF_CAN_2X;
	if (info->capability_mask2 & IB_PORT_CAP2_IS_LINK_SPEED_HDR_SUPPORTED)
		can |= HF_CAN_HDR;
	return can;
}

/* A bit for each SL that the SL2VL table out of a port sends to VL15. */
static uint16_t dropped_sls(const osm_physp_t *out, unsigned int in_port)
{
	const ib_slvl_table_t *table;
	uint16_t dropped = 0;
	uint64_t vls;

	if (in_port >= cl_ptr_vector_get_size(&out->slvl_by_port))
		return 0;
	table = osm_physp_get_slvl_tbl(out, in_port);
	if (!table)
		return 0;
	/* Four bits a VL: whether any of them are all set. */
	memcpy(&vls, table, sizeof(vls));
	if (!(vls & vls >> 1 & vls >> 2 & vls >> 3 & UINT64_C(0x1111111111111111)))
		return 0;
	for (unsigned int sl = 0; sl < HF_SLS; sl++)
		if (ib_slvl_table_get(table, sl) == DROP_VL)
			dropped |= 1 << sl;
	return dropped;
}

static struct hf_link port_link(const osm_subn_t *subn, const osm_physp_t *physp)
{
	return (struct hf_link) {
		.mtu = end_mtu(subn, physp),
		.rate = port_rate(physp),
		.can = rate_capabilities(&physp->port_info),
	};
}

static struct hf_link switch_port_link(const osm_physp_t *physp)
{
	return (struct hf_link) {
		.mtu = ib_port_info_get_mtu_cap(&physp->port_info),
		.rate = port_rate(physp),
	};
}

static void place_port(const struct job *job, const osm_physp_t *physp, struct hf_table_port *to)
{
	const osm_physp_t *remote = physp->p_remote_physp;

	if (physp->p_node->sw) {
		to->peer = switch_index(job, physp->p_node->sw);
		to->place = to->peer == HF_NO_INDEX ? HF_PLACE_NOWHERE : HF_PLACE_IN_SWITCH;
	} else if (remote && remote->p_node->sw) {
		to->peer = switch_index(job, remote->p_node->sw);
		to->peer_port = remote->port_num;
		if (to->peer != HF_NO_INDEX && to->peer_port < job->ports_per_switch)
			to->place = HF_PLACE_AT_SWITCH;
	} else if (remote) {
		to->peer = port_index(job, remote->port_guid);
		to->place = to->peer == HF_NO_INDEX ? HF_PLACE_NOWHERE : HF_PLACE_AT_PORT;
	}
}

static void copy_port(struct job *job, uint32_t index)
{
	const osm_port_t *port = job->ports[index];
	const osm_physp_t *physp = port->p_physp;
	struct hf_table_port *to = &job->tables->ports[index];
	struct hf_link link = port_link(job->subn, physp);

	to->guid = cl_ntoh64(port->guid);
	to->first_column = job->first_columns[index];
	to->lid = cl_ntoh16(osm_port_get_base_lid(port));
	to->lmc = osm_port_get_lmc(port);
	to->mtu = link.mtu;
	to->rate = link.rate;
	to->can = link.can;
	place_port(job, physp, to);
	if (to->place == HF_PLACE_IN_SWITCH)
		job->tables->switches[to->peer].port = index;
	else if (job->subn->opt.qos)
		to->drops = dropped_sls(physp, 0);
}

static void copy_ports(struct job *job)
{
	for (uint32_t i = 0; i < job->tables->n_ports; i++) {
		if (!job->ports[i])
			continue;
		copy_port(job, i);
		hf_osm_breathe(job->lock);
	}
}

/* Switches */

static void copy_switch_port(const struct job *job, const osm_physp_t *physp, struct hf_switch_port *to)
{
	const osm_physp_t *remote = physp->p_remote_physp;
	struct hf_link link = switch_port_link(physp);

	to->mtu = link.mtu;
	to->rate = link.rate;
	if (!remote)
		return;
	if (remote->p_node->sw) {
		to->peer = switch_index(job, remote->p_node->sw);
		to->peer_port = remote->port_num;
		if (to->peer != HF_NO_INDEX && to->peer_port < job->ports_per_switch)
			to->peer_kind = HF_PEER_SWITCH;
	} else {
		to->peer = port_index(job, remote->port_guid);
		if (to->peer != HF_NO_INDEX)
			to->peer_kind = HF_PEER_PORT;
	}
}

/* Most switches drop nothing and get no table. */
static int copy_drops(const struct job *job, const osm_physp_t *out, struct hf_table_switch *to)
{
	unsigned int size = job->ports_per_switch;

	for (unsigned int in_port = 0; in_port < out->p_node->physp_tbl_size; in_port++) {
		uint16_t dropped = dropped_sls(out, in_port);

		if (!dropped)
			continue;
		if (!to->drops)
			to->drops = calloc((size_t)size * size, sizeof(*to->drops));
		if (!to->drops)
			return -ENOMEM;
		to->drops[(size_t)in_port * size + out->port_num] = dropped;
	}
	return 0;
}

static int copy_switch(struct job *job, uint32_t index)
{
	const osm_switch_t *sw = job->switches[index].sw;
	const uint8_t *lft = sw->new_lft ? sw->new_lft : sw->lft;
	unsigned int lids = sw->max_lid_ho < sw->lft_size ? sw->max_lid_ho + 1U : sw->lft_size;
	struct hf_table_switch *to = &job->tables->switches[index];
	int err = 0;

	to->guid = cl_ntoh64(osm_node_get_node_guid(sw->p_node));
	for (unsigned int i = 0; !err && i < sw->p_node->physp_tbl_size; i++) {
		const osm_physp_t *physp = osm_node_get_physp_ptr(sw->p_node, i);

		if (!physp)
			continue;
		copy_switch_port(job, physp, &job->tables->switch_ports[(size_t)index * job->ports_per_switch + i]);
		if (job->subn->opt.qos)
			err = copy_drops(job, physp, to);
	}
	if (lft && lids <= job->tables->lids)
		memcpy(&job->tables->forwarding[(size_t)index * job->tables->lids], lft, lids);
	return err;
}

static int copy_switches(struct job *job)
{
	int err = 0;

	for (uint32_t i = 0; i < job->n_switches; i++)
		job->tables->switches[i].port = HF_NO_INDEX;
	for (uint32_t i = 0; !err && i < job->n_switches; i++) {
		err = copy_switch(job, i);
		hf_osm_breathe(job->lock);
	}
	return err;
}

/* The routing itself */

/*
 * Whether all switches have acknowledged their tables: OpenSM clears its copy of a block before it writes it, and fills
 * it from the answer. Its subnet_initialization_error tells of a Set that was not answered, not of one that was
 * refused.
 */
static bool is_written(struct job *job)
{
	for (uint32_t i = 0; i < job->n_switches; i++) {
		const osm_switch_t *sw = job->switches[i].sw;
		unsigned int lids = sw->max_lid_ho < sw->lft_size ? sw->max_lid_ho + 1U : sw->lft_size;

		if (sw->lft && sw->new_lft && memcmp(sw->lft, sw->new_lft, lids))
			return false;
		hf_osm_breathe(job->lock);
	}
	return true;
}

static void copy_wanted_engine(const osm_subn_opt_t *opt, struct hf_routing *routing)
{
	const char *names = opt->routing_engine_names;
	int length;

	if (!names || !*names || !strcmp(names, "(null)"))
		names = "minhop";
	names += strspn(names, ", \t\n");
	length = strcspn(names, ", \t\n");
	snprintf(routing->wanted_engine, sizeof(routing->wanted_engine), "%.*s", length, names);
}

static void copy_routing(struct job *job)
{
	const osm_opensm_t *osm = job->in->osm;
	const osm_subn_t *subn = job->subn;
	struct hf_routing *routing = &job->tables->routing;

	routing->instance = job->in->instance;
	routing->is_master = hf_osm_is_master(osm);
	routing->is_first_sweep = subn->first_time_master_sweep;
	routing->is_written = is_written(job);
	routing->sm_lid = cl_ntoh16(subn->sm_base_lid);
	routing->subnet_prefix = subn->opt.subnet_prefix;
	routing->sm_gid.prefix = subn->opt.subnet_prefix;
	routing->sm_gid.guid = subn->sm_port_guid;
	snprintf(routing->engine, sizeof(routing->engine), "%s",
		 osm->routing_engine_used ? osm->routing_engine_used->name : "none");
	copy_wanted_engine(&subn->opt, routing);
	job->tables->only_original_rates = subn->opt.use_original_extended_sa_rates_only;
}

/* Memory is had, and written to for the first time, without the lock. */
static int copy_all(struct job *job)
{
	struct hf_port_registry *registry = job->in->registry;
	int err;

	hf_osm_lock(job->lock);
	err = number_all(job);
	hf_osm_unlock(job->lock);
	job->in->ports_per_switch = job->ports_per_switch;
	if (!err)
		err = hf_tables_new(hf_port_registry_count_ports(registry), hf_port_registry_count_columns(registry),
				    job->n_switches, job->ports_per_switch, job->lids, &job->tables);
	if (err)
		return err;
	hf_osm_lock(job->lock);
	copy_routing(job);
	err = copy_switches(job);
	copy_ports(job);
	hf_osm_unlock(job->lock);
	if (!err)
		err = hf_osm_copy_terms(job->in, job->lock, job->tables, job->ports);
	return err ? err : hf_osm_copy_sls(job->in, job->lock, job->tables);
}

int hf_osm_copy_tables(struct hf_osm *in, struct hf_osm_lock *lock, struct hf_tables **ret_tables)
{
	struct job job = { .in = in, .subn = &in->osm->subn, .lock = lock };
	int err = copy_all(&job);

	HASH_CLEAR(hh, job.switch_hash);
	free(job.switches);
	free(job.ports);
	free(job.first_columns);
	if (err) {
		hf_tables_free(job.tables);
		return err;
	}
	*ret_tables = job.tables;
	return 0;
}

/* Links, in the order in which the tables have been numbered: neither ports nor switches come or go since. */

static void copy_port_links(const struct hf_osm *in, struct hf_osm_lock *lock, struct hf_link *links)
{
	for_each_in(&in->osm->subn.port_guid_tbl, osm_port_t, port) {
		uint32_t index = hf_port_registry_find(in->registry, cl_ntoh64(port->guid));

		if (has_lid(port) && index != HF_NO_INDEX)
			links[index] = port_link(&in->osm->subn, port->p_physp);
		hf_osm_breathe(lock);
	}
}

static void copy_switch_links(const struct hf_osm *in, struct hf_osm_lock *lock, unsigned int ports_per_switch,
			      struct hf_link *links)
{
	for_each_in(&in->osm->subn.sw_guid_tbl, osm_switch_t, sw) {
		for (unsigned int i = 0; i < sw->p_node->physp_tbl_size && i < ports_per_switch; i++) {
			const osm_physp_t *physp = osm_node_get_physp_ptr(sw->p_node, i);

			if (physp)
				links[i] = switch_port_link(physp);
		}
		links += ports_per_switch;
		hf_osm_breathe(lock);
	}
}

int hf_osm_copy_links(struct hf_osm *in, struct hf_osm_lock *lock, struct hf_link **ret_links, size_t *ret_count)
{
	uint32_t n_ports = hf_port_registry_count_ports(in->registry);
	size_t count = n_ports + (size_t)cl_qmap_count(&in->osm->subn.sw_guid_tbl) * in->ports_per_switch;
	struct hf_link *links = calloc(count + 1, sizeof(*links));

	if (!links)
		return -ENOMEM;
	hf_osm_lock(lock);
	copy_port_links(in, lock, links);
	copy_switch_links(in, lock, in->ports_per_switch, &links[n_ports]);
	hf_osm_unlock(lock);
	*ret_links = links;
	*ret_count = count;
	return 0;
}
