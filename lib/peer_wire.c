/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/peer_wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define QPN_MAX 0xffffffu

static const uint8_t oui[3] = { HF_PEER_OUI >> 16, HF_PEER_OUI >> 8 & 0xff, HF_PEER_OUI & 0xff };

void hf_peer_wire_write(const struct hf_peer_msg *msg, uint64_t tid, struct hf_peer_mad *ret_mad)
{
	struct hf_peer_wire *wire = &ret_mad->msg;

	memset(ret_mad, 0, sizeof(*ret_mad));
	ret_mad->hdr.base_version = 1;
	ret_mad->hdr.mgmt_class = HF_PEER_CLASS;
	ret_mad->hdr.class_version = HF_PEER_CLASS_VERSION;
	ret_mad->hdr.method = HF_PEER_METHOD_SEND;
	ret_mad->hdr.attr_id = htobe16(HF_PEER_ATTR);
	ret_mad->hdr.tid = htobe64(tid);
	memcpy(ret_mad->oui, oui, sizeof(oui));
	memcpy(wire->magic, HF_PEER_MAGIC, sizeof(wire->magic));
	wire->version = HF_PEER_VERSION;
	wire->length = msg->length;
	wire->to_qpn = htobe32(msg->to_qpn);
	wire->from_qpn = htobe32(msg->from_qpn);
	memcpy(wire->data, msg->data, msg->length);
}

static bool is_ours(const struct hf_peer_mad *mad)
{
	return mad->hdr.base_version == 1 && mad->hdr.mgmt_class == HF_PEER_CLASS &&
	       mad->hdr.class_version == HF_PEER_CLASS_VERSION && mad->hdr.method == HF_PEER_METHOD_SEND &&
	       be16toh(mad->hdr.attr_id) == HF_PEER_ATTR && !memcmp(mad->oui, oui, sizeof(oui)) &&
	       !memcmp(mad->msg.magic, HF_PEER_MAGIC, sizeof(mad->msg.magic));
}

static bool is_qpn(uint32_t qpn)
{
	return qpn > 0 && qpn <= QPN_MAX;
}

int hf_peer_wire_read(const void *mad, size_t len, struct hf_peer_msg *ret_msg)
{
	const struct hf_peer_mad *in = mad;
	const struct hf_peer_wire *wire = &in->msg;
	struct hf_peer_msg msg = { 0 };

	if (len != sizeof(*in) || !is_ours(in))
		return -EBADMSG;
	if (wire->version != HF_PEER_VERSION)
		return -EPROTONOSUPPORT;
	msg.to_qpn = be32toh(wire->to_qpn);
	msg.from_qpn = be32toh(wire->from_qpn);
	msg.length = wire->length;
	if (msg.length > HF_PEER_DATA_MAX || !is_qpn(msg.to_qpn) || !is_qpn(msg.from_qpn))
		return -EBADMSG;
	memcpy(msg.data, wire->data, msg.length);
	*ret_msg = msg;
	return 0;
}
