/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/umad/agent.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "sim/rmpp.h"
#include "sim/umad/mad.h"

#define MAX_CLASS 79
#define MAX_CLASS_VERSION 0x82
#define TAGS 65536

void hf_agent_table_init(struct hf_agent_table *table, uint16_t first_tag)
{
	*table = (struct hf_agent_table){ .next_tag = first_tag };
}

static bool is_smp_class(uint8_t mgmt_class)
{
	return mgmt_class == HF_CLASS_SUBN_LID || mgmt_class == HF_CLASS_SUBN_DIRECTED;
}

static bool has_methods(const struct hf_agent_request *request)
{
	return request->methods[0] || request->methods[1];
}

static bool has_method(const struct hf_agent_request *request, uint8_t method)
{
	method &= (uint8_t)~HF_METHOD_RESP;
	return request->methods[method / 64] >> (method % 64) & 1;
}

static bool is_class_valid(const struct hf_agent_request *request)
{
	if (request->class_version > MAX_CLASS_VERSION)
		return false;
	if (request->mgmt_class > MAX_CLASS && request->mgmt_class != HF_CLASS_SUBN_DIRECTED)
		return false;
	if (is_smp_class(request->mgmt_class) != (request->qpn == 0))
		return false;
	if (hf_class_is_vendor_oui(request->mgmt_class) && request->oui == 0)
		return false;
	return request->rmpp_version == 0 || hf_rmpp_data_offset(request->mgmt_class) > 0;
}

static bool is_same_protocol(const struct hf_agent_request *a, const struct hf_agent_request *b)
{
	if (a->mgmt_class != b->mgmt_class)
		return false;
	/* The kernel keeps the newer vendor classes by OUI and other classes by version. */
	return a->class_version == b->class_version && (!hf_class_is_vendor_oui(a->mgmt_class) || a->oui == b->oui);
}

static bool is_taken(const struct hf_agent_table *table, const struct hf_agent_request *request)
{
	const struct hf_agent *agent;

	DL_FOREACH(table->first, agent)
		if (is_same_protocol(&agent->is, request) && ((agent->is.methods[0] & request->methods[0]) ||
							      (agent->is.methods[1] & request->methods[1])))
			return true;
	return false;
}

static struct hf_agent *find_tag(const struct hf_agent_table *table, uint16_t tag)
{
	struct hf_agent *agent;

	DL_FOREACH(table->first, agent)
		if (agent->tag == tag)
			return agent;
	return NULL;
}

int hf_agent_add(struct hf_agent_table *table, const struct hf_agent_request *request, struct hf_agent **ret_agent)
{
	struct hf_agent *agent;
	int tries = 0;

	if (request->qpn > 1 || request->rmpp_version > 1)
		return -EINVAL;
	if (request->mgmt_class != 0 && (!is_class_valid(request) || is_taken(table, request)))
		return -EINVAL;
	while (find_tag(table, table->next_tag)) {
		table->next_tag++;
		if (++tries == TAGS)
			return -ENOSPC;
	}
	agent = calloc(1, sizeof(*agent));
	if (!agent)
		return -ENOMEM;
	agent->is = *request;
	if (request->mgmt_class == 0)
		agent->is.methods[0] = agent->is.methods[1] = 0;
	agent->tag = table->next_tag++;
	DL_APPEND(table->first, agent);
	*ret_agent = agent;
	return 0;
}

void hf_agent_remove(struct hf_agent_table *table, struct hf_agent *agent)
{
	DL_DELETE(table->first, agent);
	free(agent);
}

static uint32_t get_oui(const uint8_t *mad)
{
	const uint8_t *oui = mad + HF_VENDOR_OUI_OFFSET;

	return (uint32_t)oui[0] << 16 | (uint32_t)oui[1] << 8 | oui[2];
}

struct hf_agent *hf_agent_find(const struct hf_agent_table *table, const uint8_t *mad)
{
	struct hf_mad_hdr hdr = hf_mad_header(mad);
	struct hf_agent_request wanted = { .mgmt_class = hdr.mgmt_class, .class_version = hdr.class_version };
	struct hf_agent *agent;

	if (hf_mad_is_response(mad))
		return find_tag(table, (uint16_t)(be64toh(hdr.tid) >> HF_TID_TAG_SHIFT));
	if (hf_class_is_vendor_oui(hdr.mgmt_class))
		wanted.oui = get_oui(mad);
	DL_FOREACH(table->first, agent)
		if (is_same_protocol(&agent->is, &wanted) && has_method(&agent->is, hdr.method))
			return agent;
	return NULL;
}

bool hf_agent_wants_requests(const struct hf_agent_table *table)
{
	const struct hf_agent *agent;

	DL_FOREACH(table->first, agent)
		if (has_methods(&agent->is))
			return true;
	return false;
}
