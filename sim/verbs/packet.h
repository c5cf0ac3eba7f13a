/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What one simulated adapter says to another: packets of the queue pairs' transport (IBA volume 1, chapter 9) as they
 * lie in a ring, in host byte order. To spare work a packet here stands for a run of packets of one message on the
 * wire, with as many packet sequence numbers.
 */
#ifndef HF_SIM_VERBS_PACKET_H
#define HF_SIM_VERBS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_PSN_MASK		0xffffffu
#define HF_QPN_MASK		0xffffffu
#define HF_QPN_MULTICAST	0xffffffu
#define HF_GRH_SIZE		40
#define HF_PACKET_PAYLOAD_MAX	32768u	/* a multiple of every MTU */

enum hf_packet_type {
	HF_PACKET_SEND,
	HF_PACKET_WRITE,
	HF_PACKET_READ,
	HF_PACKET_CMP_SWAP,
	HF_PACKET_FETCH_ADD,
	HF_PACKET_READ_RESPONSE,
	HF_PACKET_ATOMIC_RESPONSE,
	HF_PACKET_ACK,
	HF_PACKET_NAK,
	HF_PACKET_LOST,		/* on no wire: a packet of the receiver's queue pair, or the answer to it, was lost */
	HF_PACKET_TYPE_COUNT,
};

enum hf_nak {
	HF_NAK_SEQUENCE,
	HF_NAK_INVALID_REQUEST,
	HF_NAK_ACCESS,
	HF_NAK_OPERATION,
	HF_NAK_RNR,		/* with the timer's code in hf_packet.rnr_timer */
	HF_NAK_COUNT,
};

enum hf_packet_flag {
	HF_PACKET_FIRST		= 1 << 0,	/* of the message */
	HF_PACKET_LAST		= 1 << 1,
	HF_PACKET_SOLICITED	= 1 << 2,
	HF_PACKET_MIGRATED	= 1 << 3,	/* BTH MigReq */
	HF_PACKET_IMMEDIATE	= 1 << 4,
	HF_PACKET_INVALIDATE	= 1 << 5,
	HF_PACKET_GRH		= 1 << 6,
	HF_PACKET_DATAGRAM	= 1 << 7,	/* has a DETH: to a UD queue pair */
};

struct hf_packet {
	uint8_t type;
	uint8_t flags;
	uint8_t sl;
	uint8_t nak;
	uint8_t rnr_timer;
	uint8_t traffic_class;
	uint8_t hop_limit;
	uint8_t pad;
	uint16_t slid;
	uint16_t dlid;
	uint16_t pkey;
	uint16_t pad2;
	uint32_t port;		/* where it arrives: index in the fabric map */
	uint32_t dest_qpn;
	uint32_t src_qpn;
	uint32_t psn;		/* the first; of ACK the last that is acknowledged */
	uint32_t packets;	/* on the wire */
	uint32_t qkey;
	uint32_t immediate;	/* as it was given, or the key to invalidate */
	uint32_t rkey;
	uint64_t address;	/* where this part of the message goes, or is read from */
	uint64_t total;		/* bytes of the whole message */
	uint64_t compare_add;	/* also the result of an atomic */
	uint64_t swap;
	uint32_t flow_label;
	uint32_t length;	/* bytes that follow */
	uint8_t sgid[16];
	uint8_t dgid[16];
	uint8_t pad3[8];
};

_Static_assert(sizeof(struct hf_packet) == 128, "two cache lines");

static inline uint32_t hf_psn_add(uint32_t psn, uint32_t count)
{
	return (psn + count) & HF_PSN_MASK;
}

/* a - b, in the half of the circle that is nearer */
static inline int32_t hf_psn_diff(uint32_t a, uint32_t b)
{
	return (int32_t)((a - b) << 8) >> 8;
}

/**
 * hf_packet_check() - may a packet that came from another process be handled?
 * @packet: header
 * @length: bytes that follow it
 *
 * Return: true if its type, length and counts are such as this adapter sends them.
 */
bool hf_packet_check(const struct hf_packet *packet, size_t length);

#endif
