/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/mux.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/log.h"

#define CAPACITY 1024

static void received(void *ctx, struct hf_ibsim_mad *mad)
{
	hf_mux_from_ibsim(ctx, mad);
}

static void drained(void *ctx)
{
	hf_mux_set_congested(ctx, false);
}

/* ibsim's operator gave our slot to someone else. */
static void broken(void *ctx)
{
	struct hf_mux *mux = ctx;

	hf_log(HF_LOG_WARN, "ibsim took slot %u away", mux->trunk.slot);
	hf_mux_pipe_close(&mux->trunk.pipe);
	mux->trunk.state = HF_MUX_TRUNK_NONE;
	hf_mux_node_release(mux, mux->trunk.node);
	mux->trunk.node = NULL;
	hf_mux_set_congested(mux, false);
}

static const struct hf_mux_pipe_ops trunk_ops = { .received = received, .drained = drained, .broken = broken };

void hf_mux_trunk_send(struct hf_mux *mux, const struct hf_ibsim_mad *mad)
{
	int ret = hf_mux_pipe_send(&mux->trunk.pipe, mad);

	if (ret && ret != -ENOBUFS && ret != -ENOTCONN)
		broken(mux);
	else if (hf_mux_pipe_is_filling(&mux->trunk.pipe))
		hf_mux_set_congested(mux, true);
}

static void give_up(struct hf_mux *mux)
{
	close(mux->trunk.fd);
	mux->trunk.state = HF_MUX_TRUNK_NONE;
	hf_mux_node_release(mux, mux->trunk.node);
	mux->trunk.node = NULL;
}

static int connect_slot(struct hf_mux *mux, uint32_t slot)
{
	struct sockaddr_un addr;
	socklen_t length = hf_ibsim_address(&addr, mux->ibsim_name, "out", (int)slot);

	if (connect(mux->trunk.fd, (struct sockaddr *)&addr, length))
		return -errno;
	return hf_mux_pipe_open(&mux->trunk.pipe, mux->base, mux->trunk.fd, CAPACITY, &trunk_ops, mux);
}

static void connected(struct hf_mux_job *job, bool is_ok)
{
	struct hf_mux *mux = job->ctx;
	struct hf_ibsim_client client;

	memcpy(&client, job->ctl.data, sizeof(client));
	if (!is_ok || client.id >= HF_IBSIM_CLIENTS) {
		hf_log(HF_LOG_WARN, "ibsim has no slot for the trunk at node %s", mux->trunk.node->name);
		give_up(mux);
		return;
	}

	int ret = connect_slot(mux, client.id);

	if (ret) {
		hf_log(HF_LOG_WARN, "cannot use slot %u of ibsim: %s", client.id, strerror(-ret));
		hf_mux_rover_release(mux->rover, client.id);
		give_up(mux);
		return;
	}
	mux->trunk.slot = client.id;
	mux->trunk.state = HF_MUX_TRUNK_READY;
	hf_log(HF_LOG_INFO, "trunk is at node %s, slot %u of ibsim", mux->trunk.node->name, client.id);
}

static int submit_connect(struct hf_mux *mux, const char *node)
{
	struct hf_ibsim_client client = { .requests = 1 };
	struct hf_mux_job job = {
		.kind = HF_MUX_JOB_PLAIN, .done = connected, .owner = &mux->trunk, .ctx = mux,
		.ctl = { .magic = HF_IBSIM_MAGIC, .type = HF_IBSIM_CTL_CONNECT, .length = sizeof(client) },
	};
	int ret = hf_mux_rover_bind(mux->rover, &mux->trunk.fd, &client.id);

	if (ret)
		return ret;
	memcpy(client.node, node, strnlen(node, sizeof(client.node) - 1));
	memcpy(job.ctl.data, &client, sizeof(client));
	ret = hf_mux_rover_submit(mux->rover, &job);
	if (ret)
		close(mux->trunk.fd);
	return ret;
}

static void submit_disconnect(struct hf_mux *mux)
{
	struct hf_mux_job job = {
		.kind = HF_MUX_JOB_PLAIN,
		.ctl = { .magic = HF_IBSIM_MAGIC, .type = HF_IBSIM_CTL_DISCONNECT, .slot = mux->trunk.slot },
	};

	if (mux->trunk.state == HF_MUX_TRUNK_READY)
		hf_mux_rover_submit(mux->rover, &job);
}

void hf_mux_trunk_attach(struct hf_mux *mux, struct hf_mux_node *node)
{
	struct hf_mux_trunk *trunk = &mux->trunk;
	struct hf_mux_node *old = trunk->node;

	submit_disconnect(mux);
	hf_mux_pipe_close(&trunk->pipe);
	hf_mux_set_congested(mux, false);
	trunk->state = HF_MUX_TRUNK_NONE;
	trunk->node = NULL;
	if (submit_connect(mux, node->name) == 0) {
		trunk->state = HF_MUX_TRUNK_CONNECTING;
		trunk->node = node;
		node->users++;
	}
	if (old)
		hf_mux_node_release(mux, old);
}

void hf_mux_trunk_check(struct hf_mux *mux)
{
	struct hf_mux_node *node, *next;

	if (mux->trunk.state == HF_MUX_TRUNK_CONNECTING || (mux->trunk.node && mux->trunk.node->is_up))
		return;
	HASH_ITER(hh, mux->nodes.by_name, node, next) {
		if (node->is_up) {
			hf_mux_trunk_attach(mux, node);
			return;
		}
	}
}

void hf_mux_trunk_close(struct hf_mux *mux)
{
	switch (mux->trunk.state) {
	case HF_MUX_TRUNK_NONE:
		return;
	case HF_MUX_TRUNK_CONNECTING:
		close(mux->trunk.fd);
		break;
	case HF_MUX_TRUNK_READY:
		hf_mux_pipe_close(&mux->trunk.pipe);
		hf_mux_rover_release(mux->rover, mux->trunk.slot);
		break;
	}
	mux->trunk.state = HF_MUX_TRUNK_NONE;
	hf_mux_node_release(mux, mux->trunk.node);
	mux->trunk.node = NULL;
}
