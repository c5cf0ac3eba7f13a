/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Whom a MAD is for. */
#include "sim/mux.h"

#include <stddef.h>
#include <string.h>

#include "lib/wire.h"

#define CLASS_PERF		0x04
#define ATTR_SM_INFO		0x0020
#define BASE_VERSION		1
#define MAX_CLASS_VERSION	2 /* ibsim does not even answer others */

static struct hf_mad_hdr header_of(const struct hf_ibsim_mad *mad)
{
	struct hf_mad_hdr hdr;

	memcpy(&hdr, mad->mad, sizeof(hdr));
	return hdr;
}

static void set_tid(struct hf_ibsim_mad *mad, uint64_t tid)
{
	__be64 wire = htobe64(tid);

	memcpy(mad->mad + offsetof(struct hf_mad_hdr, tid), &wire, sizeof(wire));
}

static bool is_response(const struct hf_mad_hdr *hdr)
{
	return hdr->method & HF_METHOD_RESP;
}

/* Nodes */

int hf_mux_ask(struct hf_mux *mux, const char *node, enum hf_ibsim_ctl_type type, const void *data, void *owner,
	       void (*done)(struct hf_mux_job *job, bool is_ok))
{
	struct hf_mux_job job = {
		.kind = HF_MUX_JOB_ASK, .owner = owner, .ctx = mux, .done = done,
		.ctl = { .magic = HF_IBSIM_MAGIC, .type = type, .length = HF_IBSIM_CTL_DATA },
	};

	memcpy(job.node, node, strnlen(node, sizeof(job.node) - 1));
	if (data)
		memcpy(job.ctl.data, data, sizeof(job.ctl.data));
	return hf_mux_rover_submit(mux->rover, &job);
}

static void node_answered(struct hf_mux_job *job, bool is_ok)
{
	struct hf_mux_node *node = job->owner;
	struct hf_mux *mux = job->ctx;

	node->is_asked = false;
	if (!is_ok)
		return;
	hf_mux_nodes_set_port(&mux->nodes, node, job->ctl.data);
	hf_mux_trunk_check(mux);
}

void hf_mux_node_ask(struct hf_mux *mux, struct hf_mux_node *node)
{
	if (!node->is_asked)
		node->is_asked = hf_mux_ask(mux, node->name, HF_IBSIM_CTL_GET_PORTINFO, NULL, node, node_answered) == 0;
}

void hf_mux_node_release(struct hf_mux *mux, struct hf_mux_node *node)
{
	if (hf_mux_nodes_put(&mux->nodes, node))
		hf_mux_rover_forget(mux->rover, node);
}

/* From ibsim to the clients */

static void deliver_request(struct hf_mux_node *node, const struct hf_ibsim_mad *mad)
{
	if (node->listener)
		hf_mux_client_deliver(node->listener, mad);
}

static void all_nodes_answered(struct hf_mux_job *job, bool is_ok)
{
	struct hf_mux *mux = job->ctx;

	(void)is_ok;
	for (unsigned int i = 0; i < mux->stray_count; i++) {
		struct hf_mux_node *node = hf_mux_nodes_by_lid(&mux->nodes, hf_mux_lid(mux->strays[i].dlid));

		if (node)
			deliver_request(node, &mux->strays[i]);
	}
	mux->stray_count = 0;
}

/* A request for a LID that no client's node had when last asked. */
static void keep_stray(struct hf_mux *mux, const struct hf_ibsim_mad *mad)
{
	struct hf_mux_job mark = { .kind = HF_MUX_JOB_MARK, .done = all_nodes_answered, .ctx = mux };
	struct hf_mux_node *node, *next;

	if (mux->stray_count == HF_MUX_STRAYS)
		return;
	if (mux->stray_count == 0) {
		HASH_ITER(hh, mux->nodes.by_name, node, next)
			hf_mux_node_ask(mux, node);
		if (hf_mux_rover_submit(mux->rover, &mark))
			return;
	}
	mux->strays[mux->stray_count++] = *mad;
}

static void route_request(struct hf_mux *mux, const struct hf_ibsim_mad *mad)
{
	uint16_t lid = hf_mux_lid(mad->dlid);
	struct hf_mux_node *node = hf_mux_nodes_by_lid(&mux->nodes, lid);

	if (node)
		deliver_request(node, mad);
	else if (lid && lid < HF_MUX_UNICAST_LIDS)
		keep_stray(mux, mad);
}

static void route_response(struct hf_mux *mux, struct hf_ibsim_mad *mad, uint64_t tid)
{
	uint16_t slot;

	if (!hf_mux_tags_to_client(&mux->tags, tid, &slot, &tid) || !mux->clients[slot])
		return;
	set_tid(mad, tid);
	hf_mux_client_deliver(mux->clients[slot], mad);
}

void hf_mux_from_ibsim(struct hf_mux *mux, struct hf_ibsim_mad *mad)
{
	struct hf_mad_hdr hdr = header_of(mad);
	bool is_bounced = mad->status != 0;

	if (is_bounced && mux->trunk.node)
		hf_mux_node_ask(mux, mux->trunk.node);
	if (is_bounced && is_response(&hdr))
		return;
	if (is_bounced || is_response(&hdr))
		route_response(mux, mad, be64toh(hdr.tid));
	else
		route_request(mux, mad);
}

/* From the clients to ibsim */

static void bounce(struct hf_mux_client *client, struct hf_ibsim_mad *mad)
{
	mad->status = htonl(HF_IBSIM_STATUS_BOUNCED);
	hf_mux_client_deliver(client, mad);
}

static void tag(struct hf_mux_client *client, struct hf_ibsim_mad *mad)
{
	struct hf_mad_hdr hdr = header_of(mad);

	if (!is_response(&hdr))
		set_tid(mad, hf_mux_tags_to_ibsim(&client->mux->tags, client->slot, be64toh(hdr.tid)));
}

static void send_by_trunk(struct hf_mux_client *client, struct hf_ibsim_mad *mad)
{
	if (!client->node->is_up || !client->node->lid) {
		bounce(client, mad);
		return;
	}
	if (!hf_mux_node_has_lid(client->node, hf_mux_lid(mad->slid)))
		mad->slid = hf_mux_lid_field(client->node->lid);
	tag(client, mad);
	hf_mux_trunk_send(client->mux, mad);
}

static void hold(struct hf_mux_client *client, bool is_held)
{
	client->is_held = is_held;
	hf_mux_pipe_set_reading(&client->pipe, !is_held && !client->mux->is_congested);
}

static void sent_by_rover(struct hf_mux_job *job, bool is_ok)
{
	struct hf_mux_client *client = job->owner;

	(void)is_ok;
	hold(client, false);
}

static void send_by_rover(struct hf_mux_client *client, struct hf_ibsim_mad *mad)
{
	struct hf_mux_job job = { .kind = HF_MUX_JOB_SEND, .owner = client, .done = sent_by_rover };

	memcpy(job.node, client->node->name, sizeof(job.node));
	tag(client, mad);
	job.mad = *mad;
	hold(client, hf_mux_rover_submit(client->mux->rover, &job) == 0);
}

static void lid_learnt(struct hf_mux_job *job, bool is_ok)
{
	struct hf_mux_client *client = job->owner;

	if (is_ok)
		hf_mux_nodes_set_port(&client->mux->nodes, client->node, job->ctl.data);
	hold(client, false);
	send_by_trunk(client, &job->mad);
}

static void send_when_lid_known(struct hf_mux_client *client, const struct hf_ibsim_mad *mad)
{
	struct hf_mux_job job = {
		.kind = HF_MUX_JOB_ASK, .owner = client, .done = lid_learnt, .mad = *mad,
		.ctl = { .magic = HF_IBSIM_MAGIC, .type = HF_IBSIM_CTL_GET_PORTINFO },
	};

	memcpy(job.node, client->node->name, sizeof(job.node));
	hold(client, hf_mux_rover_submit(client->mux->rover, &job) == 0);
}

/* Classes that ibsim's SMA and PMA answer; but SMInfo is a matter between subnet managers, who take their time. */
static bool depends_on_place(const struct hf_mad_hdr *hdr)
{
	if (hdr->mgmt_class == HF_CLASS_SUBN_LID)
		return be16toh(hdr->attr_id) != ATTR_SM_INFO;
	return hdr->mgmt_class == HF_CLASS_SUBN_DIRECTED || hdr->mgmt_class == CLASS_PERF;
}

void hf_mux_from_client(struct hf_mux_client *client, struct hf_ibsim_mad *mad)
{
	struct hf_mad_hdr hdr = header_of(mad);

	if (hdr.base_version != BASE_VERSION || hdr.class_version > MAX_CLASS_VERSION)
		return;
	mad->status = 0;
	if (depends_on_place(&hdr))
		send_by_rover(client, mad);
	else if (client->node->lid == 0 || !client->node->is_up)
		send_when_lid_known(client, mad);
	else
		send_by_trunk(client, mad);
}
