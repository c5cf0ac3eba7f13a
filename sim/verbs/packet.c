/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/verbs/packet.h"

#define MESSAGE_MAX (UINT64_C(1) << 31)

static bool has_payload(uint8_t type)
{
	return type == HF_PACKET_SEND || type == HF_PACKET_WRITE || type == HF_PACKET_READ_RESPONSE;
}

bool hf_packet_check(const struct hf_packet *packet, size_t length)
{
	if (packet->type >= HF_PACKET_TYPE_COUNT || packet->length != length || length > HF_PACKET_PAYLOAD_MAX)
		return false;
	if ((packet->dest_qpn | packet->src_qpn) & ~HF_QPN_MASK || packet->psn & ~HF_PSN_MASK || packet->sl > 15)
		return false;
	if (packet->total > MESSAGE_MAX || packet->packets > HF_PSN_MASK / 2 || packet->nak >= HF_NAK_COUNT)
		return false;
	if (length > 0 && !has_payload(packet->type))
		return false;
	return !has_payload(packet->type) || (packet->packets > 0 && length <= packet->total);
}
