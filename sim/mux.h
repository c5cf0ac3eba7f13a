/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * hfsim-mux: lets any number of simulated hosts share the ten client slots of a stock ibsim. To its clients it is an
 * ibsim with HF_MUX_CLIENTS slots, to ibsim it is two clients:
 *
 *   trunk  attached to one of the hosts, and asking for requests. ibsim finds the client that a MAD is for by the port
 *          GUID of the port it ends at, so where all hosts have the same port GUID in ibsim (`caguid=` before each Hca
 *          of the net file; the console's `Guid` then gives each the GUID that its SMA reports), the trunk receives
 *          the MADs for all of them and the destination LID tells which is meant. It sends with any source LID.
 *   rover  attached to one host after the other, for what depends on the place (mux_rover.h): control requests, SMPs
 *          and PMA MADs.
 *
 * Whom a MAD from ibsim is for: a response goes by its transaction id (mux_tags.h); a request goes to the client that
 * asked for requests at the node with that LID, or to none: as in ibsim there is silence then.
 *
 * What is not as on an ibsim with enough slots:
 *  - Other MADs than SMPs and PMA MADs, and SMInfo, enter the fabric at the trunk's host, so a broken or lossy link
 *    near the sender goes unnoticed. Only where the host's own link is down its MADs come back (status
 *    HF_IBSIM_STATUS_BOUNCED), once the mux knows. Towards the hosts MADs take their real way.
 *  - The LIDs are learnt by asking ibsim: when a client connects, sends without a LID, or asks for its PortInfo, when
 *    a request comes for an unknown LID, and in turn, a node every HF_MUX_TICK_MS. Until then a changed LID is
 *    unknown.
 *  - A directed route request that ends at one of the hosts and that no SMA answers (SMInfo) is nobody's.
 *  - A response that cannot be delivered does not come back to its sender.
 *  - Only the first port of an HCA, and QP 0 and 1.
 */
#ifndef HF_SIM_MUX_H
#define HF_SIM_MUX_H

#include <arpa/inet.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/ibsim_proto.h"
#include "sim/mux_nodes.h"
#include "sim/mux_pipe.h"
#include "sim/mux_rover.h"
#include "sim/mux_tags.h"

#define HF_MUX_TICK_MS		20
#define HF_MUX_STRAYS		256

struct hf_mux_reply;

struct hf_mux_client {
	struct hf_mux *mux;
	uint16_t slot; /* its place in hf_mux.clients, and its client id */
	uint32_t id; /* its own choice: names its socket */
	struct sockaddr_un ctl_addr; /* whom its control requests come from */
	socklen_t ctl_addr_length;
	bool is_connected; /* from the answer to CONNECT to DISCONNECT */
	struct hf_mux_node *node; /* NULL until ibsim knows it, and after DISCONNECT */
	struct hf_mux_pipe pipe; /* from the first CONNECT until the client's socket is gone, as ibsim's stay open */
	bool wants_requests;
	bool is_sm; /* set IsSM */
	bool is_held; /* a MAD of its waits for the rover; no further one is read */
};

enum hf_mux_trunk_state {
	HF_MUX_TRUNK_NONE,
	HF_MUX_TRUNK_CONNECTING,
	HF_MUX_TRUNK_READY,
};

struct hf_mux_trunk {
	enum hf_mux_trunk_state state;
	struct hf_mux_node *node; /* where; NULL in state NONE */
	uint32_t slot; /* ibsim's, in state READY */
	int fd; /* in state CONNECTING */
	struct hf_mux_pipe pipe; /* open in state READY */
};

struct hf_mux {
	const char *listen_name, *ibsim_name;
	struct event_base *base;
	struct event *ctl_readable, *tick, *sigterm, *sigint;
	int ctl_fd;
	struct hf_mux_rover *rover;
	struct hf_mux_trunk trunk;
	uint64_t group; /* port GUID that all nodes share, as NodeInfo has it; undefined where there is no node */
	struct hf_mux_nodes nodes;
	struct hf_mux_tags tags;
	struct hf_mux_client *clients[HF_MUX_CLIENTS];
	unsigned int probe_next; /* slot that the next tick looks at */
	bool is_congested; /* ibsim is slower than the clients: none of them is read */
	struct hf_ibsim_mad strays[HF_MUX_STRAYS]; /* requests for unknown LIDs; delivered when all nodes were asked */
	unsigned int stray_count;
	struct hf_mux_reply *replies; /* to control requests, that wait for room in ctl_fd */
	unsigned int reply_count;
	uint64_t dropped; /* MADs lost because a client did not read */
	int status; /* exit status */
};

/* Fields of struct hf_ibsim_mad that hold a LID. */
static inline uint16_t hf_mux_lid(uint32_t field)
{
	return ntohs((uint16_t)field);
}

static inline uint32_t hf_mux_lid_field(uint16_t lid)
{
	return htons(lid);
}

/* mux_client.c */

/* Event callback: a control request of a client. @arg: struct hf_mux. */
void hf_mux_ctl_readable(evutil_socket_t fd, short what, void *arg);

/* Sends answers that had to wait. There is no event for "the peer of an unconnected socket has room". */
void hf_mux_replies_retry(struct hf_mux *mux);

void hf_mux_replies_drop(struct hf_mux *mux);

/* Ends a client and closes its socket: the slot is free. */
void hf_mux_client_free(struct hf_mux_client *client);

/* Frees the client if its socket is gone. A process that was killed tells nobody. */
void hf_mux_client_probe(struct hf_mux_client *client);

/* The MAD goes to the client. It is lost if the client has too many to read. */
void hf_mux_client_deliver(struct hf_mux_client *client, const struct hf_ibsim_mad *mad);

/* Reads the clients' MADs, or leaves them where they are until ibsim is less busy. */
void hf_mux_set_congested(struct hf_mux *mux, bool is_congested);

/* mux_trunk.c */

/**
 * hf_mux_trunk_attach() - attach the trunk to a node, away from where it was
 *
 * Takes a while; MADs are lost meanwhile. Jobs that are submitted to the rover after this run after it. Where ibsim
 * refuses, the trunk is in state NONE.
 */
void hf_mux_trunk_attach(struct hf_mux *mux, struct hf_mux_node *node);

/* Sends a MAD now or soon. It is lost if there is no trunk, or too many wait for ibsim. */
void hf_mux_trunk_send(struct hf_mux *mux, const struct hf_ibsim_mad *mad);

/* Gives the slot back, at the end of the program. */
void hf_mux_trunk_close(struct hf_mux *mux);

/* Where the trunk has no host or its host lost its link, all hosts would be cut off: goes to another one. */
void hf_mux_trunk_check(struct hf_mux *mux);

/* mux_route.c */

/* A client's MAD on its way to ibsim. */
void hf_mux_from_client(struct hf_mux_client *client, struct hf_ibsim_mad *mad);

/* A MAD from ibsim. */
void hf_mux_from_ibsim(struct hf_mux *mux, struct hf_ibsim_mad *mad);

/* Asks ibsim for the port of a node, unless that is being done. Failures are made up for by the next tick. */
void hf_mux_node_ask(struct hf_mux *mux, struct hf_mux_node *node);

/* The end of a use of a node. */
void hf_mux_node_release(struct hf_mux *mux, struct hf_mux_node *node);

/**
 * hf_mux_ask() - ask ibsim about a node
 * @data:  HF_IBSIM_CTL_DATA bytes, or NULL for zeros
 * @owner: see struct hf_mux_job; likewise @done. The job's ctx is @mux
 *
 * Return: as hf_mux_rover_submit().
 */
int hf_mux_ask(struct hf_mux *mux, const char *node, enum hf_ibsim_ctl_type type, const void *data, void *owner,
	       void (*done)(struct hf_mux_job *job, bool is_ok));

#endif
