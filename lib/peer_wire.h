/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What holdfastd carries from a program to the one at the other end of its connection: MADs of vendor class 0x33, with
 * method Send and no answer. Class and OUI are as in lib/service_wire.h; the class is another than the services', so
 * that each has an agent of its own, whose MADs the kernel keeps apart.
 *
 * Nothing in it is authenticated. What it may do at most is what any node of the subnet can do to a connection by
 * sending packets to it; who receives it compares the source LID, which the fabric does not let a host choose, with
 * where the SM says the other end is.
 */
#ifndef HF_LIB_PEER_WIRE_H
#define HF_LIB_PEER_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

#define HF_PEER_CLASS		0x33
#define HF_PEER_CLASS_VERSION	1
#define HF_PEER_OUI		0x024846	/* locally administered; 'H', 'F' */
#define HF_PEER_METHOD_SEND	0x03
#define HF_PEER_ATTR		0x0010
#define HF_PEER_MAGIC		"HP"
#define HF_PEER_VERSION		1		/* of the layout below */
#define HF_PEER_DATA_MAX	64

/* Behind the OUI: all 216 bytes of vendor data. */
struct hf_peer_wire {
	uint8_t magic[2];	/* HF_PEER_MAGIC */
	uint8_t version;	/* HF_PEER_VERSION */
	uint8_t length;		/* of data */
	__be32 to_qpn;		/* the receiver's queue pair */
	__be32 from_qpn;	/* the sender's */
	__be32 reserved1;
	uint8_t data[HF_PEER_DATA_MAX];
	uint8_t reserved2[136];
} __attribute__((packed));

struct hf_peer_mad {
	struct hf_mad_hdr hdr;
	struct hf_rmpp_hdr rmpp;	/* zeros */
	uint8_t reserved;
	uint8_t oui[3];
	struct hf_peer_wire msg;
} __attribute__((packed));

HF_CHECK_AT(struct hf_peer_wire, to_qpn, 4);
HF_CHECK_AT(struct hf_peer_wire, data, 16);
HF_CHECK_SIZE(struct hf_peer_wire, 216);
HF_CHECK_AT(struct hf_peer_mad, oui, 37);
HF_CHECK_AT(struct hf_peer_mad, msg, 40);
HF_CHECK_SIZE(struct hf_peer_mad, HF_MAD_SIZE);

/* In the program: host order. */
struct hf_peer_msg {
	uint32_t to_qpn, from_qpn;
	uint32_t length;
	uint8_t data[HF_PEER_DATA_MAX];
};

/* @msg: its length is at most HF_PEER_DATA_MAX; all of @ret_mad is set. */
void hf_peer_wire_write(const struct hf_peer_msg *msg, uint64_t tid, struct hf_peer_mad *ret_mad);

/**
 * hf_peer_wire_read() - read what a MAD says, true or not
 * @mad:     as it was received
 * @len:     its length
 * @ret_msg: bytes behind its length are 0
 *
 * Reserved bytes may have any value: a later version may use them.
 *
 * Return: 0; -EBADMSG for what is no such message: class, method, attribute, OUI, magic, a length or a queue pair
 * number that cannot be; -EPROTONOSUPPORT for another version of the layout.
 */
int hf_peer_wire_read(const void *mad, size_t len, struct hf_peer_msg *ret_msg);

#endif
