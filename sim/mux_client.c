/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The side of the mux that is an ibsim: control requests, and one data socket for each client. */
#include "sim/mux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/log.h"
#include "lib/trace.h"

#define CLIENT_CAPACITY		512 /* MADs; with what the socket holds, ten RMPP windows */
#define CTL_READS_PER_TURN	64
#define MAX_REPLIES		4096 /* that wait for room */
#define REPLY_NS		UINT64_C(10000000000) /* then the client has given up */
#define NODEINFO_NODE_GUID	12
#define NODEINFO_PORT_GUID	20
#define PORTINFO_LOCAL_PORT	28

/* Answers to control requests */

struct hf_mux_reply {
	struct sockaddr_un addr;
	socklen_t addr_length;
	struct hf_ibsim_ctl ctl;
	uint64_t deadline_ns;
	struct hf_mux_reply *prev, *next;
};

static int send_reply(const struct hf_mux *mux, const struct hf_mux_reply *reply)
{
	return sendto(mux->ctl_fd, &reply->ctl, sizeof(reply->ctl), MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&reply->addr, reply->addr_length) < 0 ? -errno : 0;
}

static void drop_reply(struct hf_mux *mux, struct hf_mux_reply *reply)
{
	DL_DELETE(mux->replies, reply);
	mux->reply_count--;
	free(reply);
}

/* All answers leave by one socket, which some clients that do not read them can fill. Nobody waits for it. */
static void reply_to(struct hf_mux *mux, const struct sockaddr_un *addr, socklen_t addr_length,
		     const struct hf_ibsim_ctl *ctl)
{
	struct hf_mux_reply reply = { .addr = *addr, .addr_length = addr_length, .ctl = *ctl };

	if (send_reply(mux, &reply) != -EAGAIN || mux->reply_count == MAX_REPLIES)
		return;

	struct hf_mux_reply *kept = malloc(sizeof(*kept));

	if (!kept)
		return;
	*kept = reply;
	kept->deadline_ns = hf_now_ns() + REPLY_NS;
	DL_APPEND(mux->replies, kept);
	mux->reply_count++;
}

void hf_mux_replies_retry(struct hf_mux *mux)
{
	struct hf_mux_reply *reply, *next;
	uint64_t now_ns = hf_now_ns();

	DL_FOREACH_SAFE(mux->replies, reply, next) {
		if (send_reply(mux, reply) != -EAGAIN || reply->deadline_ns < now_ns)
			drop_reply(mux, reply);
	}
}

void hf_mux_replies_drop(struct hf_mux *mux)
{
	while (mux->replies)
		drop_reply(mux, mux->replies);
}

static void refuse(struct hf_mux *mux, const struct sockaddr_un *addr, socklen_t addr_length,
		   const struct hf_ibsim_ctl *request)
{
	struct hf_ibsim_ctl answer = *request;

	answer.type = HF_IBSIM_CTL_ERROR;
	reply_to(mux, addr, addr_length, &answer);
}

static void reply(struct hf_mux_client *client, const struct hf_ibsim_ctl *ctl)
{
	reply_to(client->mux, &client->ctl_addr, client->ctl_addr_length, ctl);
}

/* Life of a client */

static void received(void *ctx, struct hf_ibsim_mad *mad)
{
	struct hf_mux_client *client = ctx;

	if (client->is_connected)
		hf_mux_from_client(client, mad);
}

static void broken(void *ctx)
{
	hf_mux_client_free(ctx);
}

static const struct hf_mux_pipe_ops client_ops = { .received = received, .broken = broken };

/* What a client has beside its slot and its socket ends here. */
static void disconnect(struct hf_mux_client *client)
{
	struct hf_mux *mux = client->mux;

	client->is_connected = client->is_held = false;
	hf_mux_rover_forget(mux->rover, client);
	hf_mux_tags_forget(&mux->tags, client->slot);
	if (!client->node)
		return;
	if (client->is_sm)
		hf_mux_ask(mux, client->node->name, HF_IBSIM_CTL_SET_ISSM, NULL, NULL, NULL);
	client->is_sm = false;
	if (client->node->listener == client)
		client->node->listener = NULL;
	hf_mux_node_release(mux, client->node);
	client->node = NULL;
}

void hf_mux_client_free(struct hf_mux_client *client)
{
	disconnect(client);
	hf_mux_pipe_close(&client->pipe);
	client->mux->clients[client->slot] = NULL;
	free(client);
}

static int connect_in(const struct hf_mux_client *client, int fd)
{
	struct sockaddr_un addr;
	socklen_t length = hf_ibsim_address(&addr, client->mux->listen_name, "in", (int)client->id);

	return connect(fd, (struct sockaddr *)&addr, length) ? -errno : 0;
}

void hf_mux_client_probe(struct hf_mux_client *client)
{
	if (client->pipe.fd < 0 || connect_in(client, client->pipe.fd) == 0)
		return;
	if (client->is_connected)
		hf_log(HF_LOG_INFO, "client %u at node %s is gone", client->slot, client->node->name);
	hf_mux_client_free(client);
}

void hf_mux_client_deliver(struct hf_mux_client *client, const struct hf_ibsim_mad *mad)
{
	/* Any other failure means that the client is dead, which its next probe finds. */
	if (hf_mux_pipe_send(&client->pipe, mad) == -ENOBUFS)
		client->mux->dropped++;
}

void hf_mux_set_congested(struct hf_mux *mux, bool is_congested)
{
	if (mux->is_congested == is_congested)
		return;
	mux->is_congested = is_congested;
	for (unsigned int i = 0; i < HF_MUX_CLIENTS; i++) {
		struct hf_mux_client *client = mux->clients[i];

		if (client)
			hf_mux_pipe_set_reading(&client->pipe, !client->is_held && !is_congested);
	}
}

/* CONNECT: is it a node of ours, where is it, and then a socket of the client's own */

static void refuse_client(struct hf_mux_client *client)
{
	struct hf_ibsim_ctl answer = { .magic = HF_IBSIM_MAGIC, .type = HF_IBSIM_CTL_ERROR };

	reply(client, &answer);
	hf_mux_client_free(client);
}

static int open_data_socket(struct hf_mux_client *client)
{
	struct hf_mux *mux = client->mux;
	struct sockaddr_un addr;
	socklen_t length = hf_ibsim_address(&addr, mux->listen_name, "out", client->slot);

	if (client->pipe.fd >= 0)
		return connect_in(client, client->pipe.fd);

	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;

	int ret = bind(fd, (struct sockaddr *)&addr, length) ? -errno : connect_in(client, fd);

	if (ret) {
		close(fd);
		return ret;
	}
	return hf_mux_pipe_open(&client->pipe, mux->base, fd, CLIENT_CAPACITY, &client_ops, client);
}

static void accept_client(struct hf_mux_client *client)
{
	struct hf_ibsim_ctl answer = {
		.magic = HF_IBSIM_MAGIC, .type = HF_IBSIM_CTL_CONNECT, .slot = client->slot,
		.length = sizeof(struct hf_ibsim_client),
	};
	struct hf_ibsim_client info = { .id = client->slot, .requests = client->wants_requests };
	int ret = open_data_socket(client);

	if (ret) {
		hf_log(HF_LOG_WARN, "cannot reach client %u: %s", client->id, strerror(-ret));
		refuse_client(client);
		return;
	}
	if (client->wants_requests)
		client->node->listener = client;
	memcpy(info.node, client->node->name, sizeof(info.node));
	memcpy(answer.data, &info, sizeof(info));
	client->is_connected = true;
	reply(client, &answer);
	hf_mux_pipe_set_reading(&client->pipe, !client->mux->is_congested);
}

static bool has_other_listener(struct hf_mux_client *client)
{
	if (client->node->listener && client->node->listener != client)
		hf_mux_client_probe(client->node->listener);
	return client->node->listener && client->node->listener != client;
}

static void port_answered(struct hf_mux_job *job, bool is_ok)
{
	struct hf_mux_client *client = job->owner;
	struct hf_mux *mux = job->ctx;

	if (!is_ok || mux->trunk.state == HF_MUX_TRUNK_NONE) {
		refuse_client(client);
		return;
	}
	hf_mux_nodes_set_port(&mux->nodes, client->node, job->ctl.data);
	if (client->wants_requests && has_other_listener(client)) {
		hf_log(HF_LOG_WARN, "client %u: another one gets the requests to node %s", client->id,
		       client->node->name);
		refuse_client(client);
		return;
	}
	accept_client(client);
}

static uint64_t port_guid_of(const uint8_t *nodeinfo)
{
	uint64_t guid;

	memcpy(&guid, nodeinfo + NODEINFO_PORT_GUID, sizeof(guid));
	return guid;
}

/* ibsim's answer to GET_NODEINFO has the GUID that all ports of the group have in it. The first node decides. */
static bool is_in_group(struct hf_mux *mux, const uint8_t *nodeinfo)
{
	if (!mux->nodes.by_name)
		mux->group = port_guid_of(nodeinfo);
	return mux->group == port_guid_of(nodeinfo);
}

static void node_found(struct hf_mux_job *job, bool is_ok)
{
	struct hf_mux_client *client = job->owner;
	struct hf_mux *mux = job->ctx;

	if (!is_ok) {
		hf_log(HF_LOG_WARN, "client %u: ibsim has no node %s, or no free slot", client->id, job->node);
		refuse_client(client);
		return;
	}
	if (!is_in_group(mux, job->ctl.data)) {
		hf_log(HF_LOG_WARN, "client %u: node %s does not share the port GUID of the others in ibsim "
		       "(\"caguid=\" in the net file)", client->id, job->node);
		refuse_client(client);
		return;
	}
	if (hf_mux_nodes_get(&mux->nodes, job->node, &client->node)) {
		refuse_client(client);
		return;
	}
	if (mux->trunk.state == HF_MUX_TRUNK_NONE)
		hf_mux_trunk_attach(mux, client->node);
	if (hf_mux_ask(mux, job->node, HF_IBSIM_CTL_GET_PORTINFO, NULL, client, port_answered))
		refuse_client(client);
}

static uint16_t first_free_slot(const struct hf_mux *mux)
{
	uint16_t slot = 0;

	while (slot < HF_MUX_CLIENTS && mux->clients[slot])
		slot++;
	return slot;
}

static void probe_all(struct hf_mux *mux)
{
	for (unsigned int i = 0; i < HF_MUX_CLIENTS; i++) {
		if (mux->clients[i])
			hf_mux_client_probe(mux->clients[i]);
	}
}

static struct hf_mux_client *client_new(struct hf_mux *mux, uint32_t id)
{
	struct hf_mux_client *client;

	if (first_free_slot(mux) == HF_MUX_CLIENTS)
		probe_all(mux);

	uint16_t slot = first_free_slot(mux);

	if (slot == HF_MUX_CLIENTS)
		return NULL;
	client = calloc(1, sizeof(*client));
	if (!client)
		return NULL;
	*client = (struct hf_mux_client){ .mux = mux, .slot = slot, .id = id, .pipe = { .fd = -1 } };
	mux->clients[slot] = client;
	return client;
}

/*
 * A client that was here already gets the same slot: its socket, if it still is the same, is connected to that of the
 * slot and takes no other. If it is another socket, the earlier client is dead: the name belongs to the id.
 */
static struct hf_mux_client *client_for(struct hf_mux *mux, uint32_t id)
{
	for (unsigned int i = 0; i < HF_MUX_CLIENTS; i++) {
		if (mux->clients[i] && mux->clients[i]->id == id) {
			disconnect(mux->clients[i]);
			return mux->clients[i];
		}
	}
	return client_new(mux, id);
}

static bool is_connect_valid(const struct hf_ibsim_client *info)
{
	return info->id > 0 && info->id <= INT32_MAX && info->node[0] && memchr(info->node, 0, sizeof(info->node));
}

static void connect_client(struct hf_mux *mux, const struct sockaddr_un *addr, socklen_t addr_length,
			   const struct hf_ibsim_ctl *request)
{
	struct hf_ibsim_client info;

	memcpy(&info, request->data, sizeof(info));

	bool is_valid = is_connect_valid(&info);
	struct hf_mux_client *client = is_valid ? client_for(mux, info.id) : NULL;

	if (!client) {
		hf_log(HF_LOG_WARN, "CONNECT refused: %s",
		       is_valid ? "all slots are in use" : "it names no node or no id");
		refuse(mux, addr, addr_length, request);
		return;
	}
	client->ctl_addr = *addr;
	client->ctl_addr_length = addr_length;
	client->wants_requests = info.requests;
	if (hf_mux_ask(mux, info.node, HF_IBSIM_CTL_GET_NODEINFO, NULL, client, node_found))
		refuse_client(client);
}

/* Other control requests: ibsim's own answer about the client's node */

/* The client learns its LID here, so the mux must know it from now on. */
static void learn_port(struct hf_mux_client *client, const struct hf_ibsim_ctl *answer)
{
	struct hf_mux *mux = client->mux;
	struct hf_ibsim_port port;

	memcpy(&port, answer->data, sizeof(port));
	if (answer->type == HF_IBSIM_CTL_GET_PORTINFO && answer->data[PORTINFO_LOCAL_PORT] == 1)
		hf_mux_nodes_set_port(&mux->nodes, client->node, answer->data);
	if (answer->type == HF_IBSIM_CTL_GET_PORT && !hf_mux_node_has_lid(client->node, port.lid))
		hf_mux_node_ask(mux, client->node);
}

static void ctl_answered(struct hf_mux_job *job, bool is_ok)
{
	struct hf_mux_client *client = job->owner;

	job->ctl.slot = client->slot;
	if (is_ok)
		learn_port(client, &job->ctl);
	/* The GUID of the group is of no use to the client; where there is no group, ibsim has the node's GUID here. */
	if (is_ok && job->ctl.type == HF_IBSIM_CTL_GET_NODEINFO)
		memcpy(job->ctl.data + NODEINFO_PORT_GUID, job->ctl.data + NODEINFO_NODE_GUID, sizeof(uint64_t));
	if (!is_ok)
		job->ctl.type = HF_IBSIM_CTL_ERROR;
	reply(client, &job->ctl);
}

static void set_issm(struct hf_mux_client *client, const struct hf_ibsim_ctl *request)
{
	int32_t on;

	memcpy(&on, request->data, sizeof(on));
	client->is_sm = on;
	if (on && !has_other_listener(client))
		client->node->listener = client;
	if (!on && client->node->listener == client)
		client->node->listener = NULL;
}

static void ask_for_client(struct hf_mux_client *client, const struct hf_ibsim_ctl *request)
{
	if (request->type == HF_IBSIM_CTL_SET_ISSM)
		set_issm(client, request);
	if (hf_mux_ask(client->mux, client->node->name, request->type, request->data, client, ctl_answered))
		refuse(client->mux, &client->ctl_addr, client->ctl_addr_length, request);
}

/* The client that a request speaks for: it must come from whom sent CONNECT. */
static struct hf_mux_client *find_speaker(struct hf_mux *mux, const struct sockaddr_un *addr, socklen_t addr_length,
					  const struct hf_ibsim_ctl *request)
{
	struct hf_mux_client *client = request->slot < HF_MUX_CLIENTS ? mux->clients[request->slot] : NULL;

	if (!client || !client->is_connected || client->ctl_addr_length != addr_length ||
	    memcmp(&client->ctl_addr, addr, addr_length) != 0)
		return NULL;
	return client;
}

static void handle_request(struct hf_mux *mux, const struct sockaddr_un *addr, socklen_t addr_length,
			   const struct hf_ibsim_ctl *request)
{
	struct hf_mux_client *client = find_speaker(mux, addr, addr_length, request);

	if (request->type == HF_IBSIM_CTL_CONNECT) {
		connect_client(mux, addr, addr_length, request);
	} else if (!client || request->type == HF_IBSIM_CTL_ERROR || request->type > HF_IBSIM_CTL_GET_PKEYS) {
		refuse(mux, addr, addr_length, request);
	} else if (request->type == HF_IBSIM_CTL_DISCONNECT) {
		disconnect(client);
		reply(client, request);
	} else {
		ask_for_client(client, request);
	}
}

void hf_mux_ctl_readable(evutil_socket_t fd, short what, void *arg)
{
	struct hf_mux *mux = arg;

	(void)what;
	for (int i = 0; i < CTL_READS_PER_TURN; i++) {
		struct sockaddr_un addr;
		socklen_t addr_length = sizeof(addr);
		struct hf_ibsim_ctl request;
		ssize_t length = recvfrom(fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC,
					  (struct sockaddr *)&addr, &addr_length);

		if (length < 0)
			return;
		if (length == (ssize_t)sizeof(request) && request.magic == HF_IBSIM_MAGIC &&
		    addr_length <= sizeof(addr))
			handle_request(mux, &addr, addr_length, &request);
	}
}
