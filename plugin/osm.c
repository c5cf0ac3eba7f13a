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
	in.registry = hf_port_registry_new();
	if (!in.registry)
		return -ENOMEM;
	*ret_in = in;
	return 0;
}

void hf_osm_fini(struct hf_osm *in)
{
	hf_port_registry_free(in->registry);
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

static bool fill_subscriber(const struct hf_osm *in, const osm_infr_t *infr, struct hf_subscriber *subscriber)
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
	subscriber->port = hf_port_registry_find(in->registry, cl_ntoh64(port->guid));
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

static int copy_subscribers(const struct hf_osm *in, struct hf_osm_lock *lock, struct hf_subscriber **ret_subscribers,
			    size_t *ret_count)
{
	const cl_qlist_t *list = &in->osm->subn.sa_infr_list;
	struct hf_subscriber *subscribers;
	size_t count = 0;

	/* The list changes while others have the lock, so it is not given up in the middle. */
	hf_osm_lock(lock);
	subscribers = calloc(cl_qlist_count(list) + 1, sizeof(*subscribers));
	for (const cl_list_item_t *item = cl_qlist_head(list); subscribers && item != cl_qlist_end(list);
	     item = cl_qlist_next(item))
		if (fill_subscriber(in, (const osm_infr_t *)item, &subscribers[count]))
			count++;
	hf_osm_unlock(lock);
	if (!subscribers)
		return -ENOMEM;
	*ret_subscribers = subscribers;
	*ret_count = merge_subscribers(subscribers, count);
	return 0;
}

/* What another SM announced, or this one before another was the master, says nothing about what hosts hold now. */
static void renew_instance(struct hf_osm *in)
{
	uint64_t instance;

	if (in->osm->subn.first_time_master_sweep && getrandom(&instance, sizeof(instance), 0) == sizeof(instance))
		in->instance = instance;
}

int hf_osm_copy_routing(struct hf_osm *in, bool reroute, struct hf_osm_copy *ret_copy)
{
	struct hf_osm_lock lock = { .plock = &in->osm->lock };
	struct hf_osm_copy copy = { 0 };
	int err;

	renew_instance(in);
	err = hf_osm_copy_tables(in, &lock, &copy.tables);
	if (err)
		return err;
	err = copy_subscribers(in, &lock, &copy.subscribers, &copy.count);
	if (err) {
		hf_tables_free(copy.tables);
		return err;
	}
	copy.longest_lock_ns = lock.longest_ns;
	copy.tables->routing.reroute = reroute;
	in->epoch += HF_EPOCHS_PER_ROUTING;
	copy.tables->routing.epoch = in->epoch;
	*ret_copy = copy;
	return 0;
}

int hf_osm_copy_update(struct hf_osm *in, struct hf_osm_update *ret_update)
{
	struct hf_osm_lock lock = { .plock = &in->osm->lock };
	struct hf_osm_update update = { 0 };
	int err = hf_osm_copy_links(in, &lock, &update.links, &update.n_links);

	if (!err)
		err = copy_subscribers(in, &lock, &update.subscribers, &update.n_subscribers);
	if (err) {
		free(update.links);
		return err;
	}
	*ret_update = update;
	return 0;
}
