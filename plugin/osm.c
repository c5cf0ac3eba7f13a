/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/osm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>

#define MIN_RESP_TIME	8	/* ClassPortInfo.RespTimeValue n means 4.096 us * 2^n; OpenSM uses 8 to 31 */
#define MAX_RESP_TIME	31

/* OpenSM's handler of ClassPortInfo, exported by the program but declared in none of the installed headers. */
void osm_cpi_rcv_process(void *context, void *data);

/*
 * The layout of OpenSM 3.3.23 as Debian builds it. Without osm_config.h in front the structures come out smaller, and
 * the plugin would crash OpenSM at its first step.
 */
#if defined(__x86_64__) && !defined(HF_OSM_UNCHECKED_LAYOUT)
_Static_assert(sizeof(osm_opensm_t) == 189016, "OpenSM's headers differ from those of OpenSM 3.3.23 in Debian 12");
_Static_assert(offsetof(osm_subn_opt_t, event_plugin_options) == 1424, "options lie elsewhere");
_Static_assert(offsetof(osm_opensm_t, lock) == 188520, "the lock lies elsewhere");
_Static_assert(offsetof(osm_opensm_t, routing_engine_used) == 188592, "the routing engine lies elsewhere");
#endif

const char *hf_osm_check_layout(const osm_opensm_t *osm)
{
	const struct {
		const void *is, *must_be;
		const char *what;
	} pointers[] = {
		{ osm->subn.p_osm, osm, "subn.p_osm" },
		{ osm->sm.p_subn, &osm->subn, "sm.p_subn" },
		{ osm->sm.p_log, &osm->log, "sm.p_log" },
		{ osm->sm.p_mad_pool, &osm->mad_pool, "sm.p_mad_pool" },
		{ osm->sm.p_vl15, &osm->vl15, "sm.p_vl15" },
		{ osm->sm.p_disp, &osm->disp, "sm.p_disp" },
		{ osm->sm.p_lock, &osm->lock, "sm.p_lock" },
		{ osm->sm.p_db, &osm->db, "sm.p_db" },
		{ osm->sm.p_vendor, osm->p_vendor, "sm.p_vendor" },
		{ osm->sa.sm, &osm->sm, "sa.sm" },
		{ osm->sa.p_subn, &osm->subn, "sa.p_subn" },
		{ osm->sa.p_log, &osm->log, "sa.p_log" },
		{ osm->sa.p_mad_pool, &osm->mad_pool, "sa.p_mad_pool" },
		{ osm->sa.p_disp, &osm->disp, "sa.p_disp" },
		{ osm->sa.p_lock, &osm->lock, "sa.p_lock" },
		{ osm->sa.p_vendor, osm->p_vendor, "sa.p_vendor" },
	};

	if (!osm->osm_version || strcmp(osm->osm_version, OSM_VERSION))
		return "its version is not " OSM_VERSION;
	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
		if (pointers[i].is != pointers[i].must_be)
			return pointers[i].what;
	return NULL;
}

void hf_osm_refuse(osm_opensm_t *osm, const char *reason)
{
	static const char text[] =
		"osmholdfast: not loaded: this opensm's structures are not those of the headers that the plugin was "
		"built with (at %s); build the plugin with the headers of this opensm";

	fprintf(stderr, text, reason);
	fputc('\n', stderr);
	syslog(LOG_ERR, text, reason);
	if (osm->sm.p_log == &osm->log && osm->sa.p_log == &osm->log) {
		osm_log(&osm->log, OSM_LOG_ERROR, text, reason);
		osm_log(&osm->log, OSM_LOG_ERROR, "\n");
	}
}

static void write_log(void *ctx, enum hf_log_level level, const char *line)
{
	static const struct {
		osm_log_level_t flag;
		const char *prefix;
	} by_level[] = {
		[HF_LOG_ERROR] = { OSM_LOG_ERROR, "error: " },
		[HF_LOG_WARN] = { OSM_LOG_ERROR, "warning: " },
		[HF_LOG_INFO] = { OSM_LOG_INFO, "" },
		[HF_LOG_DEBUG] = { OSM_LOG_DEBUG, "" },
	};

	osm_log(ctx, by_level[level].flag, "osmholdfast: %s%s\n", by_level[level].prefix, line);
}

struct hf_log_sink hf_osm_log_sink(osm_opensm_t *osm)
{
	return (struct hf_log_sink) { .write = write_log, .ctx = &osm->log };
}

int hf_osm_init(osm_opensm_t *osm, struct hf_osm *ret_in)
{
	struct hf_osm in = { .osm = osm };

	if (getrandom(&in.instance, sizeof(in.instance), 0) != sizeof(in.instance))
		return -errno;
	in.registry = hf_registry_new();
	if (!in.registry)
		return -ENOMEM;
	*ret_in = in;
	return 0;
}

void hf_osm_fini(struct hf_osm *in)
{
	hf_registry_free(in->registry);
	in->registry = NULL;
}

/* ClassPortInfo */

static uint8_t response_time(uint32_t timeout_ms)
{
	uint8_t value = MIN_RESP_TIME;

	while (value < MAX_RESP_TIME && (UINT64_C(4096) << value) / 1000000 < timeout_ms)
		value++;
	return value;
}

static uint16_t capability_mask(const osm_subn_opt_t *opt)
{
	uint16_t mask = OSM_CAP_IS_SUBN_GET_SET_NOTICE_SUP | OSM_CAP_IS_PORT_INFO_CAPMASK_MATCH_SUPPORTED;

#if defined(VENDOR_RMPP_SUPPORT) && defined(DUAL_SIDED_RMPP)
	mask |= OSM_CAP_IS_MULTIPATH_SUP;
#endif
	return opt->disable_multicast ? mask : mask | OSM_CAP_IS_UD_MCAST_SUP;
}

static uint32_t capability_mask2(const osm_subn_opt_t *opt)
{
	return HF_CAP_MASK2_UNPATH_REPATH |
	       OSM_CAP2_IS_FULL_PORTINFO_REC_SUPPORTED |
	       OSM_CAP2_IS_EXTENDED_SPEEDS_SUPPORTED |
	       OSM_CAP2_IS_ALIAS_GUIDS_SUPPORTED |
	       OSM_CAP2_IS_MULTICAST_SERVICE_RECS_SUPPORTED |
	       OSM_CAP2_IS_PORT_INFO_CAPMASK2_MATCH_SUPPORTED |
	       OSM_CAP2_IS_SEND_ONLY_FULL_MEMBER_SUPPORTED |
	       OSM_CAP2_IS_LINK_WIDTH_2X_SUPPORTED |
	       OSM_CAP2_IS_LINK_SPEED_HDR_SUPPORTED |
	       (opt->use_mfttop ? OSM_CAP2_IS_MCAST_TOP_SUPPORTED : 0) |
	       (opt->qos ? OSM_CAP2_IS_QOS_SUPPORTED : 0);
}

static void fill_class_port_info(const osm_subn_opt_t *opt, ib_class_port_info_t *info)
{
	memset(info, 0, sizeof(*info));
	info->base_ver = 1;
	info->class_ver = 2;
	info->cap_mask = cl_hton16(capability_mask(opt));
	ib_class_set_resp_time_val(info, response_time(opt->transaction_timeout));
	ib_class_set_cap_mask2(info, capability_mask2(opt));
	info->redir_qp = CL_HTON32(1);
	info->redir_qkey = IB_QP1_WELL_KNOWN_Q_KEY;
	info->trap_qkey = IB_QP1_WELL_KNOWN_Q_KEY;
}

/* The dispatcher's handler: only a Get differs from what OpenSM does. */
static void answer_class_port_info(void *context, void *data)
{
	osm_sa_t *sa = context;
	osm_madw_t *request = data;
	const ib_sa_mad_t *asked = osm_madw_get_sa_mad_ptr(request);
	osm_madw_t *answer;
	ib_sa_mad_t *mad;

	if (asked->method != IB_MAD_METHOD_GET) {
		osm_cpi_rcv_process(context, data);
		return;
	}
	answer = osm_mad_pool_get(sa->p_mad_pool, request->h_bind, MAD_BLOCK_SIZE, &request->mad_addr);
	if (!answer) {
		hf_log(HF_LOG_ERROR, "no memory to answer a query of the SA's ClassPortInfo");
		return;
	}
	mad = osm_madw_get_sa_mad_ptr(answer);
	memset(mad, 0, MAD_BLOCK_SIZE);
	memcpy(mad, asked, IB_SA_MAD_HDR_SIZE);
	mad->method |= IB_MAD_METHOD_RESP_MASK;
	mad->sm_key = 0;	/* never shown to a client (C15-0.1.5) */
	fill_class_port_info(&sa->p_subn->opt, ib_sa_mad_get_payload_ptr(mad));
	osm_sa_send(sa, answer, FALSE);
}

int hf_osm_announce_support(osm_opensm_t *osm)
{
	osm_sa_t *sa = &osm->sa;

	cl_disp_unregister(sa->cpi_disp_h);
	sa->cpi_disp_h = cl_disp_register(sa->p_disp, OSM_MSG_MAD_CLASS_PORT_INFO, answer_class_port_info, sa);
	if (sa->cpi_disp_h != CL_DISP_INVALID_HANDLE)
		return 0;
	sa->cpi_disp_h = cl_disp_register(sa->p_disp, OSM_MSG_MAD_CLASS_PORT_INFO, osm_cpi_rcv_process, sa);
	return -EIO;
}

/* Snapshots. All of this runs under OpenSM's lock, shared. */

#define for_each_in(map, type, item) \
	for (const type *item = (const type *)cl_qmap_head(map); \
	     &item->map_item != cl_qmap_end(map); \
	     item = (const type *)cl_qmap_next(&item->map_item))

static uint64_t node_guid(const osm_node_t *node)
{
	return cl_ntoh64(osm_node_get_node_guid(node));
}

static bool is_column(const osm_port_t *port)
{
	return port->p_physp && osm_node_get_type(port->p_node) != IB_NODE_TYPE_SWITCH;
}

/* Gives every switch and end port its index and finds out how large the tables must be. */
static int register_all(struct hf_registry *registry, const osm_subn_t *subn, unsigned int *ret_ports_per_row)
{
	unsigned int ports_per_row = 1;
	uint32_t index;
	int err = 0;

	for_each_in(&subn->sw_guid_tbl, osm_switch_t, sw) {
		if (sw->p_node->physp_tbl_size > ports_per_row)
			ports_per_row = sw->p_node->physp_tbl_size;
		err = hf_registry_row(registry, node_guid(sw->p_node), &index);
		if (err)
			return err;
	}
	for_each_in(&subn->port_guid_tbl, osm_port_t, port) {
		if (!is_column(port))
			continue;
		err = hf_registry_column(registry, cl_ntoh64(port->guid), &index);
		if (err)
			return err;
	}
	*ret_ports_per_row = ports_per_row;
	return 0;
}

/* HF_NO_INDEX for what register_all() has not seen. */
static uint32_t row_of(const struct hf_osm *in, const struct hf_snapshot *snapshot, const osm_node_t *node)
{
	uint32_t row;

	if (!node->sw || hf_registry_row(in->registry, node_guid(node), &row) || row >= snapshot->n_rows)
		return HF_NO_INDEX;
	return row;
}

static uint32_t column_of(const struct hf_osm *in, const struct hf_snapshot *snapshot, ib_net64_t port_guid)
{
	uint32_t column;

	if (hf_registry_column(in->registry, cl_ntoh64(port_guid), &column) || column >= snapshot->n_columns)
		return HF_NO_INDEX;
	return column;
}

/* A switch has the capability bits of all its ports at port 0. */
static uint8_t port_rate(const osm_physp_t *physp)
{
	const osm_physp_t *capable = physp->p_node->sw ? osm_node_get_physp_ptr(physp->p_node, 0) : physp;

	return ib_port_info_compute_rate(&physp->port_info, capable && (capable->port_info.capability_mask &
									IB_PORT_CAP_HAS_EXT_SPEEDS));
}

static uint8_t port_mtu(const osm_physp_t *physp)
{
	return ib_port_info_get_mtu_cap(&physp->port_info);
}

static void fill_switch_port(const struct hf_osm *in, const struct hf_snapshot *snapshot, const osm_physp_t *physp,
			     struct hf_switch_port *port)
{
	const osm_physp_t *remote = physp->p_remote_physp;

	port->mtu = port_mtu(physp);
	port->rate = port_rate(physp);
	if (!remote)
		return;
	if (remote->p_node->sw) {
		port->peer_index = row_of(in, snapshot, remote->p_node);
		port->peer_port = remote->port_num;
		if (port->peer_index != HF_NO_INDEX && port->peer_port < snapshot->ports_per_row)
			port->peer_kind = HF_PEER_SWITCH;
	} else {
		port->peer_index = column_of(in, snapshot, remote->port_guid);
		if (port->peer_index != HF_NO_INDEX)
			port->peer_kind = HF_PEER_END_PORT;
	}
}

static void fill_row(const struct hf_osm *in, struct hf_snapshot *snapshot, const osm_switch_t *sw)
{
	uint32_t row = row_of(in, snapshot, sw->p_node);

	if (row == HF_NO_INDEX)
		return;
	snapshot->rows[row].guid = node_guid(sw->p_node);
	for (unsigned int i = 1; i < sw->p_node->physp_tbl_size; i++) {
		const osm_physp_t *physp = osm_node_get_physp_ptr(sw->p_node, i);

		if (physp)
			fill_switch_port(in, snapshot, physp,
					 &snapshot->ports[(size_t)row * snapshot->ports_per_row + i]);
	}
}

/* The default partition's key in the port's table; with allow_both_pkeys OpenSM keeps full and limited apart. */
static uint16_t default_pkey(const osm_physp_t *physp)
{
	const ib_net16_t *pkey = cl_map_get(&physp->pkeys.keys, IB_DEFAULT_PKEY);

	if (!pkey)
		pkey = cl_map_get(&physp->pkeys.keys, IB_DEFAULT_PARTIAL_PKEY);
	return pkey ? cl_ntoh16(*pkey) : 0;
}

static void fill_column(const struct hf_osm *in, struct hf_snapshot *snapshot, const osm_port_t *port)
{
	uint32_t index = column_of(in, snapshot, port->guid);
	const osm_physp_t *physp = port->p_physp;
	const osm_physp_t *remote = physp->p_remote_physp;
	struct hf_column *column;

	if (index == HF_NO_INDEX || !osm_port_get_base_lid(port))
		return;
	column = &snapshot->columns[index];
	column->guid = cl_ntoh64(port->guid);
	column->lid = cl_ntoh16(osm_port_get_base_lid(port));
	column->lmc = osm_port_get_lmc(port);
	column->pkey = default_pkey(physp);
	column->mtu = port_mtu(physp);
	column->rate = port_rate(physp);
	column->row = remote ? row_of(in, snapshot, remote->p_node) : HF_NO_INDEX;
	if (column->row == HF_NO_INDEX)
		return;
	if (!snapshot->rows[column->row].columns++)
		snapshot->rows[column->row].first_column = index;
	if (port_mtu(remote) < column->mtu)
		column->mtu = port_mtu(remote);
	column->rate = hf_rate_min(column->rate, port_rate(remote));
}

static void fill_next_ports(struct hf_snapshot *snapshot, const osm_switch_t *sw, uint32_t row)
{
	uint8_t *next_port = &snapshot->next_port[(size_t)row * snapshot->n_columns];
	const uint8_t *lft = sw->new_lft ? sw->new_lft : sw->lft;

	if (!lft)
		return;
	for (uint32_t i = 0; i < snapshot->n_columns; i++) {
		uint16_t lid = snapshot->columns[i].lid;

		if (lid && lid <= sw->max_lid_ho && lid < sw->lft_size)
			next_port[i] = lft[lid];
	}
}

/* The SL that OpenSM gives to a path of the default partition where the engine has no say. */
static uint8_t partition_sl(const osm_subn_t *subn)
{
	const cl_map_item_t *item = cl_qmap_get(&subn->prtn_pkey_tbl, IB_DEFAULT_PARTIAL_PKEY);

	return item == cl_qmap_end(&subn->prtn_pkey_tbl) ? OSM_DEFAULT_SL : ((const osm_prtn_t *)item)->sl;
}

/* The one place that asks a routing engine; @src_lid is the LID of one end port, for all at the same switch. */
static void fill_sls(const osm_opensm_t *osm, struct hf_snapshot *snapshot, uint32_t row, uint16_t src_lid)
{
	const struct osm_routing_engine *engine = osm->routing_engine_used;
	uint8_t *sl = &snapshot->sl[(size_t)row * snapshot->n_columns];
	uint8_t hint = partition_sl(&osm->subn);

	for (uint32_t i = 0; i < snapshot->n_columns; i++) {
		if (!hf_column_is_present(&snapshot->columns[i]))
			continue;
		sl[i] = hint;
		if (engine && engine->path_sl)
			sl[i] = engine->path_sl(engine->context, hint, cl_hton16(src_lid),
						cl_hton16(snapshot->columns[i].lid));
	}
}

static void fill_paths(const struct hf_osm *in, struct hf_snapshot *snapshot)
{
	for_each_in(&in->osm->subn.sw_guid_tbl, osm_switch_t, sw) {
		uint32_t row = row_of(in, snapshot, sw->p_node);

		if (row != HF_NO_INDEX)
			fill_next_ports(snapshot, sw, row);
	}
	for (uint32_t i = 0; i < snapshot->n_columns; i++) {
		const struct hf_column *column = &snapshot->columns[i];

		if (hf_column_is_present(column) && column->row != HF_NO_INDEX &&
		    snapshot->rows[column->row].first_column == i)
			fill_sls(in->osm, snapshot, column->row, column->lid);
	}
}

static void fill_header(const struct hf_osm *in, struct hf_snapshot *snapshot)
{
	const osm_opensm_t *osm = in->osm;

	snapshot->instance = in->instance;
	snapshot->is_master = hf_osm_is_master(osm);
	snapshot->sm_lid = cl_ntoh16(osm->subn.sm_base_lid);
	snapshot->subnet_prefix = osm->subn.opt.subnet_prefix;
	snapshot->sm_gid.prefix = osm->subn.opt.subnet_prefix;
	snapshot->sm_gid.guid = osm->subn.sm_port_guid;
	snapshot->pkt_life = osm->subn.opt.subnet_timeout;
	snprintf(snapshot->engine, sizeof(snapshot->engine), "%s",
		 osm->routing_engine_used ? osm->routing_engine_used->name : "none");
}

static int copy_paths(struct hf_osm *in, struct hf_snapshot **ret_snapshot)
{
	const osm_subn_t *subn = &in->osm->subn;
	struct hf_snapshot *snapshot;
	unsigned int ports_per_row;
	int err = register_all(in->registry, subn, &ports_per_row);

	if (!err)
		err = hf_snapshot_new(hf_registry_count_rows(in->registry), hf_registry_count_columns(in->registry),
				      ports_per_row, &snapshot);
	if (err)
		return err;
	fill_header(in, snapshot);
	for_each_in(&subn->sw_guid_tbl, osm_switch_t, sw)
		fill_row(in, snapshot, sw);
	for_each_in(&subn->port_guid_tbl, osm_port_t, port)
		if (is_column(port))
			fill_column(in, snapshot, port);
	fill_paths(in, snapshot);
	*ret_snapshot = snapshot;
	return 0;
}

/* Subscribers: who may hear of the SM's port, by the rules of OpenSM's own Reports (IBA 13.4.9, o13-17.1.1). */

static bool hears_sm(const osm_subn_t *subn, const ib_inform_info_t *info)
{
	const ib_gid_t sm_gid = {
		.unicast = { .prefix = subn->opt.subnet_prefix, .interface_id = subn->sm_port_guid },
	};
	uint16_t sm_lid = cl_ntoh16(subn->sm_base_lid);

	if (info->gid.unicast.prefix || info->gid.unicast.interface_id)
		return !memcmp(&info->gid, &sm_gid, sizeof(sm_gid));
	return info->lid_range_begin == HF_LID_RANGE_ALL ||
	       (cl_ntoh16(info->lid_range_begin) <= sm_lid && sm_lid <= cl_ntoh16(info->lid_range_end));
}

static unsigned int hears_traps(const ib_inform_info_t *info)
{
	uint32_t producer = cl_ntoh32(ib_inform_info_get_prod_type(info));

	if (!info->is_generic)
		return 0;
	if (info->trap_type != HF_NOTICE_TYPE_ANY &&
	    cl_ntoh16(info->trap_type) != HF_NOTICE_TYPE_SUBNET_MANAGEMENT)
		return 0;
	if (producer != HF_NOTICE_PRODUCER_ANY && producer != HF_NOTICE_PRODUCER_CLASS_MANAGER)
		return 0;
	switch (cl_ntoh16(info->g_or_v.generic.trap_num)) {
	case HF_TRAP_UNPATH:
		return HF_HEARS_UNPATH;
	case HF_TRAP_REPATH:
		return HF_HEARS_REPATH;
	case 0xffff:
		return HF_HEARS_UNPATH | HF_HEARS_REPATH;
	default:
		return 0;
	}
}

static bool may_hear_sm(const osm_opensm_t *osm, const osm_port_t *port)
{
	const osm_port_t *sm_port = osm_get_port_by_guid(&osm->subn, osm->subn.sm_port_guid);

	return sm_port && osm_physp_share_pkey((osm_log_t *)&osm->log, sm_port->p_physp, port->p_physp,
					       osm->subn.opt.allow_both_pkeys);
}

static bool fill_subscriber(const struct hf_osm *in, const struct hf_snapshot *snapshot, const osm_infr_t *infr,
			    struct hf_subscriber *subscriber)
{
	const ib_inform_info_t *info = &infr->inform_record.inform_info;
	const osm_port_t *port;

	subscriber->hears = hears_sm(&in->osm->subn, info) ? hears_traps(info) : 0;
	if (!subscriber->hears)
		return false;
	/* A subscription outlives its port; where that has left there is nobody to tell. */
	port = osm_get_port_by_lid(&in->osm->subn, infr->report_addr.dest_lid);
	if (!port || !port->p_physp || !may_hear_sm(in->osm, port))
		return false;
	subscriber->column = is_column(port) ? column_of(in, snapshot, port->guid) : HF_NO_INDEX;
	subscriber->addr = (struct hf_mad_addr) {
		.lid = cl_ntoh16(infr->report_addr.dest_lid),
		.qpn = cl_ntoh32(infr->report_addr.addr_type.gsi.remote_qp),
		.qkey = cl_ntoh32(infr->report_addr.addr_type.gsi.remote_qkey),
		.sl = infr->report_addr.addr_type.gsi.service_level,
		.path_bits = infr->report_addr.path_bits,
		.pkey_index = infr->report_addr.addr_type.gsi.pkey_ix,
	};
	return true;
}

static int copy_subscribers(const struct hf_osm *in, const struct hf_snapshot *snapshot,
			    struct hf_subscriber **ret_subscribers, size_t *ret_count)
{
	const cl_qlist_t *list = &in->osm->subn.sa_infr_list;
	struct hf_subscriber *subscribers = calloc(cl_qlist_count(list) + 1, sizeof(*subscribers));
	size_t count = 0;

	if (!subscribers)
		return -ENOMEM;
	for (const cl_list_item_t *item = cl_qlist_head(list); item != cl_qlist_end(list); item = cl_qlist_next(item))
		if (fill_subscriber(in, snapshot, (const osm_infr_t *)item, &subscribers[count]))
			count++;
	*ret_subscribers = subscribers;
	*ret_count = count;
	return 0;
}

static int compare_subscribers(const void *a, const void *b)
{
	const struct hf_mad_addr *left = &((const struct hf_subscriber *)a)->addr;
	const struct hf_mad_addr *right = &((const struct hf_subscriber *)b)->addr;

	if (left->lid != right->lid)
		return left->lid < right->lid ? -1 : 1;
	return left->qpn < right->qpn ? -1 : left->qpn > right->qpn;
}

/* Makes one of the entries of one address; returns how many are left. */
static size_t merge_subscribers(struct hf_subscriber *subscribers, size_t count)
{
	size_t kept = 0;

	qsort(subscribers, count, sizeof(*subscribers), compare_subscribers);
	for (size_t i = 0; i < count; i++) {
		if (kept && !compare_subscribers(&subscribers[kept - 1], &subscribers[i]))
			subscribers[kept - 1].hears |= subscribers[i].hears;
		else
			subscribers[kept++] = subscribers[i];
	}
	return kept;
}

int hf_osm_take_snapshot(struct hf_osm *in, bool reroute, struct hf_snapshot **ret_snapshot,
			 struct hf_subscriber **ret_subscribers, size_t *ret_count)
{
	struct hf_snapshot *snapshot = NULL;
	struct hf_subscriber *subscribers;
	size_t count;
	int err;

	cl_plock_acquire(&in->osm->lock);
	err = copy_paths(in, &snapshot);
	if (!err)
		err = copy_subscribers(in, snapshot, &subscribers, &count);
	cl_plock_release(&in->osm->lock);
	if (err)
		goto err_free_snapshot;

	snapshot->reroute = reroute;
	snapshot->epoch = ++in->epoch;
	*ret_snapshot = snapshot;
	*ret_subscribers = subscribers;
	*ret_count = merge_subscribers(subscribers, count);
	return 0;

err_free_snapshot:
	hf_snapshot_free(snapshot);
	return err;
}
