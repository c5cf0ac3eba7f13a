/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfastd_peers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/log.h"
#include "lib/peer_wire.h"
#include "lib/umad_io.h"
#include "tools/holdfastd_agent.h"

#define QPN_GSI			1

struct port {
	struct holdfastd_peers *peers;
	char id[96];
	struct hf_host *host;
	struct holdfastd_agent agent;
	struct port *prev, *next;
};

struct holdfastd_peers {
	struct event_base *base;
	holdfastd_peers_deliver_fn deliver;
	struct port *ports;
	uint32_t tid;
};

/* The SM's path to the other end of a program's connection. */
static bool find_path(const struct hf_host *host, uint32_t qpn, struct hf_host_connection *ret_connection,
		      struct hf_host_path *ret_path)
{
	return !hf_host_find_connection(host, qpn, ret_connection) && ret_connection->program &&
	       !hf_host_find_path(host, ret_connection->path.dgid, ret_path) && ret_path->reachable;
}

/* Only from where the SM says the other end is, from any LID of that port, and only from that queue pair. */
static void take_msg(const struct holdfastd_peers *peers, const struct hf_host *host, uint16_t from_lid,
		     const struct hf_peer_msg *msg)
{
	struct hf_host_connection connection;
	struct hf_host_status status;
	struct hf_host_path path;

	hf_host_get_status(host, &status);
	if (find_path(host, msg->to_qpn, &connection, &path) && connection.dest_qpn == msg->from_qpn &&
	    path.dlid >> status.lmc == from_lid >> status.lmc)
		peers->deliver(&connection, &path, msg->data, msg->length);
}

/* What is forged or strange is dropped without a word: nobody shall fill the log from afar. */
static void take_mad(void *ctx, const struct hf_umad_received *received)
{
	const struct port *port = ctx;
	struct hf_peer_msg msg;

	if (!received->status && !hf_peer_wire_read(received->mad, received->len, &msg))
		take_msg(port->peers, port->host, received->from.lid, &msg);
}

static void on_readable(evutil_socket_t fd, short events, void *ctx)
{
	struct port *port = ctx;

	(void)fd;
	(void)events;
	(void)holdfastd_agent_receive(&port->agent, take_mad, port);
}

static int open_port(struct port *port, const char *device, int port_num)
{
	static const uint8_t methods[] = { HF_PEER_METHOD_SEND };
	static const struct holdfastd_agent_class class = {
		HF_PEER_CLASS, HF_PEER_CLASS_VERSION, HF_PEER_OUI, methods, sizeof(methods),
	};

	return holdfastd_agent_open(&port->agent, port->peers->base, device, port_num, &class, on_readable, port);
}

void holdfastd_peers_add(struct holdfastd_peers *peers, const char *device, int port_num, struct hf_host *host)
{
	struct port *port = calloc(1, sizeof(*port));
	int err;

	if (!port) {
		hf_log(HF_LOG_ERROR, "%s:%d: no words between programs: %s", device, port_num, strerror(ENOMEM));
		return;
	}
	port->peers = peers;
	port->host = host;
	snprintf(port->id, sizeof(port->id), "%s:%d", device, port_num);
	DL_APPEND(peers->ports, port);
	err = open_port(port, device, port_num);
	if (err)
		hf_log(HF_LOG_ERROR, "%s: no words between programs: %s", port->id,
		       err == -EBUSY ? "another program receives those of this port" : strerror(-err));
}

static struct port *find_port(const struct holdfastd_peers *peers, const struct hf_host *host)
{
	struct port *port;

	DL_SEARCH_SCALAR(peers->ports, port, host, host);
	return port;
}

static void free_port(struct port *port)
{
	DL_DELETE(port->peers->ports, port);
	holdfastd_agent_close(&port->agent);
	free(port);
}

void holdfastd_peers_remove(struct holdfastd_peers *peers, const struct hf_host *host)
{
	struct port *port = find_port(peers, host);

	if (port)
		free_port(port);
}

void holdfastd_peers_send(struct holdfastd_peers *peers, struct hf_host *host, uint32_t qpn, const uint8_t *data,
			  size_t length)
{
	const struct port *port = find_port(peers, host);
	struct hf_host_connection connection;
	struct hf_peer_msg msg = { .from_qpn = qpn, .length = length };
	struct hf_host_status status;
	struct hf_host_path path;
	struct hf_peer_mad mad;

	if (!port || length > sizeof(msg.data) || !find_path(host, qpn, &connection, &path))
		return;
	msg.to_qpn = connection.dest_qpn;
	memcpy(msg.data, data, length);
	hf_host_get_status(host, &status);
	/* Not every fabric leads a packet back to the port that sent it. */
	if (!memcmp(path.dgid, status.gid, sizeof(status.gid))) {
		take_msg(peers, host, path.dlid, &msg);
		return;
	}
	if (!port->agent.umad)
		return;
	const struct hf_mad_addr to = {
		.lid = path.dlid, .qpn = QPN_GSI, .sl = path.sl,
		.path_bits = path.slid & ((1u << status.lmc) - 1),
	};

	hf_peer_wire_write(&msg, ++peers->tid, &mad);
	/* Programs say again what was not answered. */
	(void)hf_umad_send(port->agent.umad, port->agent.id, &to, &mad, sizeof(mad), 0, 0);
}

int holdfastd_peers_new(struct event_base *base, holdfastd_peers_deliver_fn deliver,
			struct holdfastd_peers **ret_peers)
{
	struct holdfastd_peers *peers = calloc(1, sizeof(*peers));

	if (!peers)
		return -ENOMEM;
	peers->base = base;
	peers->deliver = deliver;
	*ret_peers = peers;
	return 0;
}

void holdfastd_peers_free(struct holdfastd_peers *peers)
{
	if (!peers)
		return;
	while (peers->ports)
		free_port(peers->ports);
	free(peers);
}
