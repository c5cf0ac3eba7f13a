/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/sma/sma.h"

#include <errno.h>
#include <string.h>

#define COUNT(array)		(sizeof(array) / sizeof((array)[0]))
#define IBSIM_VL_CAP		4	/* VL 0 to 7 */
#define VLS_NONE_TAKES		0xf	/* more than any VLCap */

/* Bits of an attribute that a Set writes and ibsim does not keep. */
struct field {
	uint8_t at;
	uint8_t mask;
	bool zero_keeps;	/* 0 in a Set changes nothing */
};

#define AT(type, name)		offsetof(struct hf_smp_##type, name)

static const struct field switch_fields[] = {
	{ AT(switch_info, default_port), 0xff, false },
	{ AT(switch_info, default_mcast_primary_port), 0xff, false },
	{ AT(switch_info, default_mcast_not_primary_port), 0xff, false },
	{ AT(switch_info, mft_top), 0xff, false },
	{ AT(switch_info, mft_top) + 1, 0xff, false },
};

static const struct field port_fields[] = {
	{ AT(port_info, m_key), 0xff, false },
	{ AT(port_info, m_key) + 1, 0xff, false },
	{ AT(port_info, m_key) + 2, 0xff, false },
	{ AT(port_info, m_key) + 3, 0xff, false },
	{ AT(port_info, m_key) + 4, 0xff, false },
	{ AT(port_info, m_key) + 5, 0xff, false },
	{ AT(port_info, m_key) + 6, 0xff, false },
	{ AT(port_info, m_key) + 7, 0xff, false },
	{ AT(port_info, m_key_lease_period), 0xff, false },
	{ AT(port_info, m_key_lease_period) + 1, 0xff, false },
	{ AT(port_info, phys_state_down_default), 0x0f, true },	/* LinkDownDefaultState */
	{ AT(port_info, m_key_protect_lmc), 0xc0, false },	/* M_KeyProtectBits */
	{ AT(port_info, neighbor_mtu_sm_sl), 0xf0, true },	/* NeighborMTU */
	{ AT(port_info, neighbor_mtu_sm_sl), 0x0f, false },	/* MasterSMSL */
	{ AT(port_info, vl_cap_init_type), 0x0f, false },	/* InitType */
	{ AT(port_info, vl_high_limit), 0xff, false },
	{ AT(port_info, vl_stall_hoq_life), 0xe0, false },	/* VLStallCount */
	{ AT(port_info, oper_vls_enforce), 0x0f, false },	/* partition enforcement and raw filters */
	{ AT(port_info, reregister_subnet_timeout), 0x1f, false },	/* SubnetTimeOut */
	{ AT(port_info, error_thresholds), 0xff, false },
};

/* Only where the number of lanes is ours and not ibsim's. */
static const struct field lane_fields[] = {
	{ AT(port_info, oper_vls_enforce), 0xf0, true },	/* OperationalVLs */
};

static void put(uint8_t *data, const uint8_t *from, uint8_t at, uint8_t mask)
{
	data[at] = (data[at] & ~mask) | (from[at] & mask);
}

static void put_fields(uint8_t *data, const uint8_t *from, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(data, from, fields[i].at, fields[i].mask);
}

static void set_fields(uint8_t *data, const uint8_t *request, const struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!fields[i].zero_keeps || (request[fields[i].at] & fields[i].mask))
			put(data, request, fields[i].at, fields[i].mask);
}

int hf_sma_init(struct hf_sma *sma, const char *lanes)
{
	static const char *const allowed[] = { "1", "2", "4", "8", "15" };

	*sma = (struct hf_sma){ .vl_cap = 0 };
	if (!lanes)
		return 0;
	for (size_t i = 0; i < COUNT(allowed); i++)
		if (!strcmp(lanes, allowed[i]))
			sma->vl_cap = i + 1;
	return sma->vl_cap ? 0 : -EINVAL;
}

void hf_sma_fini(struct hf_sma *sma)
{
	hf_sma_store_fini(&sma->store);
}

bool hf_sma_concerns(const struct hf_smp *request)
{
	unsigned int attr = hf_smp_attr(request);

	return (request->hdr.mgmt_class == HF_CLASS_SUBN_LID || request->hdr.mgmt_class == HF_CLASS_SUBN_DIRECTED) &&
	       (request->hdr.method == HF_METHOD_GET || request->hdr.method == HF_METHOD_SET) &&
	       (attr == HF_SMP_SWITCH_INFO || attr == HF_SMP_GUID_INFO || attr == HF_SMP_PORT_INFO);
}

void hf_sma_see_node_info(struct hf_sma_agent *agent, const struct hf_smp_node_info *info)
{
	*agent = (struct hf_sma_agent){
		.node_guid = be64toh(info->node_guid),
		.is_switch = info->type == HF_SMP_NODE_TYPE_SWITCH,
		.port_count = info->port_count,
		.local_port = info->local_port,
	};
}

/* The port of a PortInfo request: 0 at an adapter is the port where it came in. */
static unsigned int requested_port(const struct hf_sma_agent *agent, const struct hf_smp *request)
{
	unsigned int port = hf_smp_modifier(request) & HF_SMP_PORT_MASK;

	return port || agent->is_switch ? port : agent->local_port;
}

/* The port whose record holds what is set at @port. */
static unsigned int record_port(const struct hf_sma_agent *agent, unsigned int port)
{
	return agent->is_switch ? 0 : port;
}

static struct hf_sma_record *find_record(const struct hf_sma *sma, const struct hf_sma_agent *agent, unsigned int port)
{
	return hf_sma_store_find(&sma->store, agent->node_guid, record_port(agent, port));
}

static struct hf_sma_record *add_record(struct hf_sma *sma, const struct hf_sma_agent *agent, unsigned int port)
{
	return hf_sma_store_add(&sma->store, agent->node_guid, record_port(agent, port),
				agent->is_switch ? agent->port_count + 1 : 1);
}

bool hf_sma_needs_port_info(const struct hf_sma *sma, const struct hf_sma_agent *agent, const struct hf_smp *request)
{
	const struct hf_sma_record *record = find_record(sma, agent, agent->local_port);

	if (hf_smp_attr(request) == HF_SMP_GUID_INFO)
		return true;
	/* The answer itself tells the LID of the port. */
	if (hf_smp_attr(request) == HF_SMP_PORT_INFO && (!agent->is_switch || requested_port(agent, request) == 0))
		return false;
	return record && record->checked_at != sma->console_lines;
}

static void tell(const struct hf_sma *sma, const struct hf_sma_record *record, bool is_gone)
{
	if (sma->keep && record)
		sma->keep(record, is_gone);
}

/* A port without the LID that it had was reset, unless the subnet manager took the LID away. */
static void see_lid(struct hf_sma *sma, struct hf_sma_record *record, bool has_lid, bool by_set)
{
	if (!record)
		return;
	if (record->had_lid && !has_lid && !by_set) {
		tell(sma, record, true);
		hf_sma_store_remove(&sma->store, record);
		return;
	}
	record->had_lid = has_lid;
	record->checked_at = sma->console_lines;
}

void hf_sma_see_port_info(struct hf_sma *sma, struct hf_sma_agent *agent, const struct hf_smp_port_info *info)
{
	agent->guid_cap = info->guid_cap;
	see_lid(sma, find_record(sma, agent, agent->local_port), info->lid != 0, false);
}

/* ibsim takes as many operational lanes as it has itself; what no port here takes, it must not take either. */
static void offer_lanes(const struct hf_sma *sma, struct hf_smp_port_info *info)
{
	unsigned int vls = info->oper_vls_enforce >> 4;

	if (vls > sma->vl_cap)
		vls = VLS_NONE_TAKES;
	else if (vls > IBSIM_VL_CAP)
		vls = IBSIM_VL_CAP;
	info->oper_vls_enforce = (info->oper_vls_enforce & 0x0f) | vls << 4;
}

struct hf_smp hf_sma_request(const struct hf_sma *sma, const struct hf_smp *request)
{
	struct hf_smp asked = *request;
	struct hf_smp_port_info info;

	if (request->hdr.method != HF_METHOD_SET)
		return asked;
	if (hf_smp_attr(request) == HF_SMP_GUID_INFO)
		asked.hdr.method = HF_METHOD_GET;
	if (hf_smp_attr(request) == HF_SMP_PORT_INFO && sma->vl_cap) {
		memcpy(&info, request->data, sizeof(info));
		offer_lanes(sma, &info);
		memcpy(asked.data, &info, sizeof(info));
	}
	return asked;
}

static int answer_switch_info(struct hf_sma *sma, const struct hf_sma_agent *agent, const struct hf_smp *request,
			      struct hf_smp *answer)
{
	struct hf_sma_record *record;

	if (!agent->is_switch)
		return 0;
	if (request->hdr.method == HF_METHOD_SET) {
		record = add_record(sma, agent, 0);
		if (!record)
			return -ENOMEM;
		memcpy(record->switch_info, request->data, sizeof(record->switch_info));
		record->has_switch_info = true;
		tell(sma, record, false);
	}
	record = find_record(sma, agent, 0);
	if (record && record->has_switch_info)
		put_fields(answer->data, record->switch_info, switch_fields, COUNT(switch_fields));
	return 0;
}

/* GUID 0 is the port's own and cannot be set; beyond GUIDCap there is nothing to set. */
static void put_guids(const struct hf_sma_agent *agent, unsigned int first, uint8_t *data, const __be64 *guids)
{
	for (unsigned int i = first ? 0 : 1; i < HF_SMP_GUIDS_A_BLOCK && first + i < agent->guid_cap; i++)
		memcpy(data + i * sizeof(guids[0]), &guids[i], sizeof(guids[0]));
}

static int answer_guid_info(struct hf_sma *sma, const struct hf_sma_agent *agent, const struct hf_smp *request,
			    struct hf_smp *answer)
{
	uint64_t first = (uint64_t)hf_smp_modifier(request) * HF_SMP_GUIDS_A_BLOCK;
	struct hf_sma_record *record;
	__be64 guids[HF_SMP_GUIDS_A_BLOCK];

	if (first >= agent->guid_cap) {
		hf_smp_set_status(answer, HF_SMP_STATUS_BAD_FIELD);
		return 0;
	}
	if (request->hdr.method == HF_METHOD_SET) {
		record = add_record(sma, agent, agent->local_port);
		if (!record)
			return -ENOMEM;
		memcpy(guids, request->data, sizeof(guids));
		put_guids(agent, first, (uint8_t *)&record->guids[first], guids);
		tell(sma, record, false);
	}
	record = find_record(sma, agent, agent->local_port);
	if (record)
		put_guids(agent, first, answer->data, &record->guids[first]);
	return 0;
}

static struct hf_sma_port *find_port(struct hf_sma_record *record, const struct hf_sma_agent *agent, unsigned int port)
{
	unsigned int index = agent->is_switch ? port : 0;

	return record && index < record->port_count ? &record->ports[index] : NULL;
}

static void show_lanes(const struct hf_sma *sma, uint8_t *data)
{
	struct hf_smp_port_info info;

	memcpy(&info, data, sizeof(info));
	info.vl_cap_init_type = (info.vl_cap_init_type & 0x0f) | sma->vl_cap << 4;
	info.oper_vls_enforce = (info.oper_vls_enforce & 0x0f) | sma->vl_cap << 4;
	memcpy(data, &info, sizeof(info));
}

/* @data becomes PortInfo as the client sees it, from ibsim's and from what was set before. */
static void put_port_info(const struct hf_sma *sma, const struct hf_sma_port *port, uint8_t *data)
{
	if (sma->vl_cap)
		show_lanes(sma, data);
	if (!port || !port->is_set)
		return;
	put_fields(data, port->info, port_fields, COUNT(port_fields));
	if (sma->vl_cap)
		put_fields(data, port->info, lane_fields, COUNT(lane_fields));
}

static void set_port_info(const struct hf_sma *sma, struct hf_sma_port *port, const uint8_t *request, uint8_t *data)
{
	set_fields(data, request, port_fields, COUNT(port_fields));
	if (sma->vl_cap)
		set_fields(data, request, lane_fields, COUNT(lane_fields));
	memcpy(port->info, data, sizeof(port->info));
	port->is_set = true;
}

static int answer_port_info(struct hf_sma *sma, const struct hf_sma_agent *agent, const struct hf_smp *request,
			    struct hf_smp *answer)
{
	bool is_set = request->hdr.method == HF_METHOD_SET;
	unsigned int number = requested_port(agent, request);
	struct hf_smp_port_info info;
	struct hf_sma_record *record;
	struct hf_sma_port *port;

	if (is_set && !add_record(sma, agent, number))
		return -ENOMEM;
	memcpy(&info, answer->data, sizeof(info));
	if (record_port(agent, number) == number)
		see_lid(sma, find_record(sma, agent, number), info.lid != 0, is_set);
	record = find_record(sma, agent, number);
	port = find_port(record, agent, number);
	put_port_info(sma, port, answer->data);
	if (is_set && port) {
		set_port_info(sma, port, request->data, answer->data);
		tell(sma, record, false);
	}
	return 0;
}

int hf_sma_answer(struct hf_sma *sma, const struct hf_sma_agent *agent, const struct hf_smp *request,
		  struct hf_smp *answer)
{
	if (hf_smp_status(answer))
		return 0;
	switch (hf_smp_attr(request)) {
	case HF_SMP_SWITCH_INFO:
		return answer_switch_info(sma, agent, request, answer);
	case HF_SMP_GUID_INFO:
		return answer_guid_info(sma, agent, request, answer);
	case HF_SMP_PORT_INFO:
		return answer_port_info(sma, agent, request, answer);
	}
	return 0;
}
