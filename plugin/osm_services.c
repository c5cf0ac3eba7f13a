/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/osm_services.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "plugin/osm_modes.h"

/* OpenSM's own, exported by the program but declared in none of the installed headers. */
void osm_pr_rcv_process(void *context, void *data);
void osm_mcmr_rcv_process(void *context, void *data);
void osm_mft_rcv_process(void *context, void *data);
int wait_for_pending_transactions(osm_stats_t *stats);

#define PORTS_PER_POSITION	16

const struct hf_service_mechanism *const hf_service_mechanisms[HF_SERVICE_MODES] = {
	[HF_SERVICE_MLID] = &hf_osm_mlid_mechanism,
	[HF_SERVICE_SWITCH_PORT] = &hf_service_switch_port,
	[HF_SERVICE_LID] = &hf_service_lid,
};

/* A node by its description, while everything is looked at. */
struct named_node {
	const osm_node_t *node;	/* NULL: there are several of that name */
	bool not_added;
	UT_hash_handle hh;
};

struct mft_key {
	uint64_t switch_guid;
	uint32_t block, position;
};

struct mft_block {
	struct mft_key key;
	bool is_answered;
	uint16_t masks[IB_MCAST_BLOCK_SIZE];
	bool not_added;
	UT_hash_handle hh;
};

/* One for all: a plugin is loaded once. */
static struct {
	struct hf_services *services;
	bool has_deltas;
	struct named_node *names;	/* under OpenSM's lock, which begin_look() and end_look() are called with */
	pthread_mutex_t lock;		/* guards what follows; a leaf */
	struct mft_block *blocks;
} hooks = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Ports */

osm_port_t *hf_osm_find_port(osm_opensm_t *osm, uint64_t guid)
{
	return guid ? osm_get_port_by_guid(&osm->subn, cl_hton64(guid)) : NULL;
}

bool hf_osm_is_port_there(const osm_port_t *port)
{
	return port->p_physp && port->discovery_count && port->p_node->discovery_count &&
	       osm_physp_get_port_state(port->p_physp) != IB_LINK_DOWN;
}

osm_physp_t *hf_osm_switch_side(const osm_port_t *port)
{
	osm_physp_t *remote = port->p_physp ? osm_physp_get_remote(port->p_physp) : NULL;

	return remote && remote->p_node->sw ? remote : NULL;
}

static void forget_names(void)
{
	struct named_node *node, *next;

	HASH_ITER(hh, hooks.names, node, next) {
		HASH_DEL(hooks.names, node);
		free(node);
	}
}

static void forget_blocks(void)
{
	struct mft_block *block, *next;

	pthread_mutex_lock(&hooks.lock);
	HASH_ITER(hh, hooks.blocks, block, next) {
		HASH_DEL(hooks.blocks, block);
		free(block);
	}
	pthread_mutex_unlock(&hooks.lock);
}

static int begin_look(osm_opensm_t *osm)
{
	const cl_qmap_t *nodes = &osm->subn.node_guid_tbl;

	forget_names();
	forget_blocks();
	for (cl_map_item_t *item = cl_qmap_head(nodes); item != cl_qmap_end(nodes); item = cl_qmap_next(item)) {
		const osm_node_t *node = (const osm_node_t *)item;
		struct named_node *named;

		if (osm_node_get_type(node) == IB_NODE_TYPE_SWITCH || !node->print_desc)
			continue;
		HASH_FIND_STR(hooks.names, node->print_desc, named);
		if (named) {
			named->node = NULL;
			continue;
		}
		named = calloc(1, sizeof(*named));
		if (!named)
			goto err_forget_names;
		named->node = node;
		HASH_ADD_KEYPTR(hh, hooks.names, node->print_desc, strlen(node->print_desc), named);
		if (named->not_added) {
			free(named);
			goto err_forget_names;
		}
	}
	return 0;

err_forget_names:
	forget_names();
	return -ENOMEM;
}

static void end_look(osm_opensm_t *osm)
{
	(void)osm;
	forget_names();
}

/* The named port, or the first one that is there, or else the first one that is known. */
static osm_port_t *find_named_port(osm_opensm_t *osm, const osm_node_t *node, uint8_t port_num)
{
	osm_port_t *first = NULL;

	for (uint32_t i = port_num ? port_num : 1; i < osm_node_get_num_physp(node); i++) {
		osm_physp_t *physp = osm_node_get_physp_ptr((osm_node_t *)node, i);
		osm_port_t *port = physp ? osm_get_port_by_guid(&osm->subn, osm_physp_get_port_guid(physp)) : NULL;

		if (port && (hf_osm_is_port_there(port) || port_num))
			return port;
		if (port && !first)
			first = port;
		if (port_num)
			break;
	}
	return first;
}

/* Another host that takes the name of a node does not make it fail. */
static osm_port_t *find_port_still_named(osm_opensm_t *osm, uint64_t guid, const char *description)
{
	osm_port_t *port = hf_osm_find_port(osm, guid);

	return port && port->p_node->print_desc && !strcmp(port->p_node->print_desc, description) ? port : NULL;
}

static void look(osm_opensm_t *osm, const struct hf_service_node *node, struct hf_services_sight *ret_sight)
{
	struct named_node *named = NULL;
	osm_port_t *port = NULL;

	if (!node->description) {
		port = hf_osm_find_port(osm, node->port_guid);
	} else {
		HASH_FIND_STR(hooks.names, node->description, named);
		if (named && named->node)
			port = find_named_port(osm, named->node, node->port_num);
		else if (named)
			port = find_port_still_named(osm, ret_sight->port.guid, node->description);
	}
	*ret_sight = (struct hf_services_sight) { .is_there = false };
	if (!port)
		return;
	ret_sight->port.guid = cl_ntoh64(osm_port_get_guid(port));
	ret_sight->port.lid = port->p_physp ? cl_ntoh16(osm_port_get_base_lid(port)) : 0;
	ret_sight->is_there = hf_osm_is_port_there(port);
}

/* What the switches hold */

static struct mft_key key_of(const osm_switch_t *sw, uint16_t mlid, uint8_t port)
{
	struct mft_key key;

	memset(&key, 0, sizeof(key));
	key.switch_guid = cl_ntoh64(osm_node_get_node_guid(sw->p_node));
	key.block = (mlid - IB_LID_MCAST_START_HO) / IB_MCAST_BLOCK_SIZE;
	key.position = port / PORTS_PER_POSITION;
	return key;
}

static struct mft_block *find_block(const struct mft_key *key)
{
	struct mft_block *block;

	HASH_FIND(hh, hooks.blocks, key, sizeof(*key), block);
	return block;
}

static bool add_block(const struct mft_key *key)
{
	struct mft_block *block;

	pthread_mutex_lock(&hooks.lock);
	block = find_block(key) ? NULL : calloc(1, sizeof(*block));
	if (block) {
		block->key = *key;
		HASH_ADD(hh, hooks.blocks, key, sizeof(block->key), block);
	}
	if (block && block->not_added) {
		free(block);
		block = NULL;
	}
	pthread_mutex_unlock(&hooks.lock);
	return block;
}

void hf_osm_ask_mft(osm_opensm_t *osm, const osm_switch_t *sw, uint16_t mlid, uint8_t port)
{
	const struct mft_key key = key_of(sw, mlid, port);
	osm_physp_t *physp = osm_node_get_physp_ptr(sw->p_node, 0);
	osm_madw_context_t context = {
		.mft_context = { .node_guid = osm_node_get_node_guid(sw->p_node), .set_method = FALSE },
	};

	if (!physp || !add_block(&key))
		return;
	osm_req_get(&osm->sm, osm_physp_get_dr_path_ptr(physp), IB_MAD_ATTR_MCAST_FWD_TBL,
		    cl_hton32(key.block | key.position << IB_MCAST_POSITION_SHIFT), FALSE,
		    ib_port_info_get_m_key(&physp->port_info), 0, CL_DISP_MSGID_NONE, &context);
}

bool hf_osm_mft_has(const osm_switch_t *sw, uint16_t mlid, uint8_t port)
{
	const struct mft_key key = key_of(sw, mlid, port);
	const struct mft_block *block;
	bool has = false;

	pthread_mutex_lock(&hooks.lock);
	block = find_block(&key);
	if (block && block->is_answered)
		has = block->masks[(mlid - IB_LID_MCAST_START_HO) % IB_MCAST_BLOCK_SIZE] >>
		      port % PORTS_PER_POSITION & 1;
	pthread_mutex_unlock(&hooks.lock);
	return has;
}

/* OpenSM itself only writes these tables: the answers to its Sets are its own. */
static void take_mft(void *context, void *data)
{
	osm_madw_t *madw = data;
	const osm_mft_context_t *asked = osm_madw_get_mft_context_ptr(madw);
	const ib_smp_t *smp = osm_madw_get_smp_ptr(madw);
	const ib_net16_t *masks = (const ib_net16_t *)smp->data;
	uint32_t modifier = cl_ntoh32(smp->attr_mod);
	struct mft_key key;
	struct mft_block *block;

	if (asked->set_method) {
		osm_mft_rcv_process(context, data);
		return;
	}
	memset(&key, 0, sizeof(key));
	key.switch_guid = cl_ntoh64(asked->node_guid);
	key.block = modifier & IB_MCAST_BLOCK_ID_MASK_HO;
	key.position = modifier >> IB_MCAST_POSITION_SHIFT;
	pthread_mutex_lock(&hooks.lock);
	block = find_block(&key);
	if (block && !ib_smp_get_status(smp)) {
		for (int i = 0; i < IB_MCAST_BLOCK_SIZE; i++)
			block->masks[i] = cl_ntoh16(masks[i]);
		block->is_answered = true;
	}
	pthread_mutex_unlock(&hooks.lock);
}

/* What hf_services calls */

static bool is_master(osm_opensm_t *osm)
{
	return hf_osm_is_master(osm) && !osm_exit_flag;
}

static void lock_exclusively(osm_opensm_t *osm)
{
	cl_plock_excl_acquire(&osm->lock);
}

static void unlock(osm_opensm_t *osm)
{
	cl_plock_release(&osm->lock);
}

static void wait_for_answers(osm_opensm_t *osm)
{
	wait_for_pending_transactions(&osm->stats);
}

struct hf_services_fabric hf_osm_services_fabric(osm_opensm_t *osm)
{
	return (struct hf_services_fabric) {
		.osm = osm, .mechanisms = hf_service_mechanisms, .is_master = is_master,
		.lock = lock_exclusively, .unlock = unlock,
		.begin_look = begin_look, .look = look, .end_look = end_look, .wait_for_answers = wait_for_answers,
	};
}

/* The SA. Its handlers run on threads of the dispatcher, with no lock held. */

static bool has_pkey_of(osm_sa_t *sa, osm_madw_t *madw, const uint8_t mgid[16])
{
	ib_gid_t gid;
	const osm_mgrp_t *group;
	const osm_port_t *port;
	bool has;

	memcpy(gid.raw, mgid, sizeof(gid.raw));
	cl_plock_acquire(sa->p_lock);
	group = osm_get_mgrp_by_mgid(sa->p_subn, &gid);
	port = osm_get_port_by_mad_addr(sa->p_log, sa->p_subn, osm_madw_get_mad_addr_ptr(madw));
	has = group && port && port->p_physp && osm_physp_has_pkey(sa->p_log, group->mcmember_rec.pkey, port->p_physp);
	cl_plock_release(sa->p_lock);
	return has;
}

/*
 * OpenSM tells the path to a group to its members alone, but who sends to a service need not be one; and where the
 * service has a LID of its own, the question becomes one for that LID.
 */
static void widen_query(osm_sa_t *sa, osm_madw_t *madw)
{
	ib_sa_mad_t *mad = osm_madw_get_sa_mad_ptr(madw);
	ib_path_rec_t *record = (ib_path_rec_t *)mad->data;
	struct hf_services_target target;

	if (!(mad->comp_mask & IB_PR_COMPMASK_DGID) || !ib_gid_is_multicast(&record->dgid) ||
	    !hf_services_find_target(hooks.services, record->dgid.raw, &target) ||
	    !has_pkey_of(sa, madw, record->dgid.raw))
		return;
	if (!target.lid) {
		mad->comp_mask &= ~(IB_PR_COMPMASK_SGID | IB_PR_COMPMASK_SLID);
		return;
	}
	mad->comp_mask = (mad->comp_mask & ~IB_PR_COMPMASK_DGID) | IB_PR_COMPMASK_DLID;
	record->dlid = cl_hton16(target.lid);
}

static void take_path_query(void *context, void *data)
{
	widen_query(context, data);
	if (hooks.has_deltas)
		hf_osm_bulk_query(context, data);
	else
		osm_pr_rcv_process(context, data);
}

static void take_member_change(void *context, void *data)
{
	const ib_sa_mad_t *mad = osm_madw_get_sa_mad_ptr(data);
	ib_gid_t mgid = ((const ib_member_rec_t *)mad->data)->mgid;

	osm_mcmr_rcv_process(context, data);
	hf_services_member_changed(hooks.services, mgid.raw);
}

static int replace_handler(cl_dispatcher_t *dispatcher, cl_disp_reg_handle_t *handle, cl_disp_msgid_t message,
			   cl_pfn_msgrcv_cb_t ours, cl_pfn_msgrcv_cb_t theirs, void *context)
{
	cl_disp_unregister(*handle);
	*handle = cl_disp_register(dispatcher, message, ours, context);
	if (*handle != CL_DISP_INVALID_HANDLE)
		return 0;
	*handle = cl_disp_register(dispatcher, message, theirs, context);
	return -EIO;
}

int hf_osm_hook_services(osm_opensm_t *osm, struct hf_services *services, bool has_deltas)
{
	osm_sa_t *sa = &osm->sa;
	int err;

	hooks.services = services;
	hooks.has_deltas = has_deltas;
	err = replace_handler(osm->sm.p_disp, &osm->sm.mft_disp_h, OSM_MSG_MAD_MFT, take_mft, osm_mft_rcv_process,
			      &osm->sm);
	if (!err)
		err = replace_handler(sa->p_disp, &sa->pr_disp_h, OSM_MSG_MAD_PATH_RECORD, take_path_query,
				      has_deltas ? hf_osm_bulk_query : osm_pr_rcv_process, sa);
	/* With one thread there is one dispatcher, and one handler for Get and Set. */
	if (!err && sa->p_set_disp)
		err = replace_handler(sa->p_set_disp, &sa->mcmr_set_disp_h, OSM_MSG_MAD_MCMEMBER_RECORD,
				      take_member_change, osm_mcmr_rcv_process, sa);
	else if (!err)
		err = replace_handler(sa->p_disp, &sa->mcmr_disp_h, OSM_MSG_MAD_MCMEMBER_RECORD, take_member_change,
				      osm_mcmr_rcv_process, sa);
	return err;
}

void hf_osm_services_fini(void)
{
	forget_names();
	forget_blocks();
	hooks.services = NULL;
}
