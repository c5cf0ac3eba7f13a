/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef HF_SIM_IBSIM_PROTO_H
#define HF_SIM_IBSIM_PROTO_H

/*
 * The socket protocol of ibsim 0.10, as seen on its sockets.
 *
 * All sockets are datagram sockets in the abstract Unix name space, called after a base name B (IBSIM_SOCKNAME, by
 * default "sim"):
 *
 *   \0B:ctl        ibsim's, for struct hf_ibsim_ctl; each request is answered by one datagram of the same shape
 *   \0B:ctl<id>    the client's end of it
 *   \0B:out<slot>  ibsim's, one for each client slot, for struct hf_ibsim_mad
 *   \0B:in<id>     the client's end of it; ibsim connects its slot to this name when it handles CONNECT
 *
 * The client chooses its id (any number above 0 that is unused under this base name), ibsim gives out the slot. A
 * terminating zero belongs to each name, as if it were a path.
 */

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HF_IBSIM_BASENAME "sim" /* where IBSIM_SOCKNAME is unset */
#define HF_IBSIM_CLIENTS 10 /* slots of a stock ibsim */
#define HF_IBSIM_MAGIC 0xdeadbeefU
#define HF_IBSIM_CTL_DATA 64
#define HF_IBSIM_NODE_NAME 32
#define HF_IBSIM_MAD_SIZE 256
#define HF_IBSIM_PKEYS (HF_IBSIM_CTL_DATA / 2)

/* hf_ibsim_mad.status of a MAD that ibsim could not deliver and hands back to its sender (ETIMEDOUT). */
#define HF_IBSIM_STATUS_BOUNCED 110

/* hf_ibsim_mad.slid: "the LID of the port that I am attached to". */
#define HF_IBSIM_SLID_AUTO 0

/**
 * struct hf_ibsim_mad - one MAD on a data socket, in either direction
 * @dlid:   htons(LID), widened to 32 bits; 0xffff for directed route SMPs
 * @slid:   likewise; a sender may leave it at HF_IBSIM_SLID_AUTO
 * @dqp:    destination QP
 * @sqp:    source QP
 * @status: 0, or HF_IBSIM_STATUS_BOUNCED
 * @length: bytes of @mad in use; ibsim does not look at it
 * @mad:    the MAD; always whole on the wire. ibsim writes the sender's slot into bits 63..48 of the transaction id
 *          of every MAD whose response bit is clear, and routes those whose response bit is set by the same bits
 */
struct hf_ibsim_mad {
	uint32_t dlid;
	uint32_t slid;
	__be32 dqp;
	__be32 sqp;
	__be32 status;
	__be64 length __attribute__((aligned(8)));
	uint8_t mad[HF_IBSIM_MAD_SIZE];
};

_Static_assert(sizeof(struct hf_ibsim_mad) == 288, "ibsim's struct sim_request");
_Static_assert(offsetof(struct hf_ibsim_mad, status) == 16, "ibsim's struct sim_request");
_Static_assert(offsetof(struct hf_ibsim_mad, length) == 24, "ibsim's struct sim_request");
_Static_assert(offsetof(struct hf_ibsim_mad, mad) == 32, "ibsim's struct sim_request");

/*
 * Requests on the control socket. The comment names what hf_ibsim_ctl.data holds in the answer. A request that fails
 * is answered with HF_IBSIM_CTL_ERROR.
 */
enum hf_ibsim_ctl_type {
	HF_IBSIM_CTL_ERROR,
	HF_IBSIM_CTL_CONNECT, /* struct hf_ibsim_client, also in the request */
	HF_IBSIM_CTL_DISCONNECT, /* nothing; does not clear IsSM */
	HF_IBSIM_CTL_GET_PORT, /* struct hf_ibsim_port */
	HF_IBSIM_CTL_GET_VENDOR, /* struct hf_ibsim_vendor */
	HF_IBSIM_CTL_GET_GID, /* 16 bytes; the lower half is the node GUID in host order: do not use */
	HF_IBSIM_CTL_GET_GUID, /* uint64_t node GUID, host order */
	HF_IBSIM_CTL_GET_NODEINFO, /* NodeInfo attribute; PortGUID and LocalPort are not filled in */
	HF_IBSIM_CTL_GET_PORTINFO, /* PortInfo attribute; the request begins with a port number, 0: the attached one */
	HF_IBSIM_CTL_SET_ISSM, /* nothing; the request is an int32_t: 1 sets IsSM and asks for requests, 0 ends both */
	HF_IBSIM_CTL_GET_PKEYS, /* __be16[HF_IBSIM_PKEYS] */
};

/**
 * struct hf_ibsim_ctl - one datagram on the control socket
 * @magic:  HF_IBSIM_MAGIC
 * @slot:   which client speaks; anything in CONNECT. ibsim believes it unchecked
 * @type:   enum hf_ibsim_ctl_type
 * @length: bytes of @data in use; ibsim does not look at it
 * @data:   by type
 */
struct hf_ibsim_ctl {
	uint32_t magic;
	uint32_t slot;
	uint32_t type;
	uint32_t length;
	uint8_t data[HF_IBSIM_CTL_DATA] __attribute__((aligned(8)));
};

_Static_assert(sizeof(struct hf_ibsim_ctl) == 80, "ibsim's struct sim_ctl");
_Static_assert(offsetof(struct hf_ibsim_ctl, data) == 16, "ibsim's struct sim_ctl");

/**
 * struct hf_ibsim_client - data of CONNECT
 * @id:       request: the client's id, which names its sockets; answer: the slot
 * @qp:       requests to this QP are this client's, where it is above 1
 * @requests: 1: deliver MADs whose response bit is clear (QP 0 and 1); one such client a node, a second one's CONNECT
 *            fails. Does not set IsSM
 * @node:     node name, or empty for ibsim's default node; the client is attached to the node's first port. Answer:
 *            the name of the node
 */
struct hf_ibsim_client {
	uint32_t id;
	uint32_t qp;
	uint32_t requests;
	char node[HF_IBSIM_NODE_NAME];
};

_Static_assert(sizeof(struct hf_ibsim_client) == 44, "ibsim's struct sim_client_info");
_Static_assert(sizeof(struct hf_ibsim_client) <= HF_IBSIM_CTL_DATA, "fits the control datagram");

struct hf_ibsim_port {
	uint16_t lid; /* host order */
	uint8_t state;
};

struct hf_ibsim_vendor {
	uint32_t vendor_id;
	uint32_t device_id;
	uint32_t revision;
	uint64_t firmware __attribute__((aligned(8)));
};

_Static_assert(sizeof(struct hf_ibsim_port) == 4, "ibsim's struct sim_port");
_Static_assert(sizeof(struct hf_ibsim_vendor) == 24, "ibsim's struct sim_vendor");

/**
 * hf_ibsim_address() - the address of one of the sockets named above
 * @addr:     filled in
 * @basename: what IBSIM_SOCKNAME says
 * @channel:  "ctl", "in" or "out"
 * @number:   client id or slot; negative for none
 *
 * Return: the length of the address; 0 if the name does not fit.
 */
static inline socklen_t hf_ibsim_address(struct sockaddr_un *addr, const char *basename, const char *channel,
					 int number)
{
	char digits[12] = "";

	if (number >= 0)
		snprintf(digits, sizeof(digits), "%d", number);
	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;

	int length = snprintf(addr->sun_path + 1, sizeof(addr->sun_path) - 1, "%s:%s%s", basename, channel, digits);

	if (length < 0 || (size_t)length >= sizeof(addr->sun_path) - 1)
		return 0;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length + 1);
}

#endif
