/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/service_wire.h"

#include <errno.h>
#include <string.h>

const char *const hf_service_kind_names[HF_SERVICE_KINDS] = {
	[HF_SERVICE_HEARTBEAT] = "heartbeat",
	[HF_SERVICE_REQUEST] = "request",
	[HF_SERVICE_ANSWER] = "answer",
	[HF_SERVICE_BELL] = "bell",
};

const char *const hf_service_ask_names[HF_SERVICE_ASKS] = {
	[HF_SERVICE_ASK_STATE] = "state",
	[HF_SERVICE_ASK_FAILED] = "failed",
	[HF_SERVICE_ASK_RECOVERED] = "recovered",
};

const char *const hf_service_order_names[HF_SERVICE_ORDERS] = {
	[HF_SERVICE_ORDER_NONE] = "none",
	[HF_SERVICE_ORDER_GIVE] = "give",
	[HF_SERVICE_ORDER_TAKE] = "take",
	[HF_SERVICE_ORDER_DRAIN] = "drain",
	[HF_SERVICE_ORDER_RESUME] = "resume",
};

const char *const hf_service_progress_names[HF_SERVICE_PROGRESSES] = {
	[HF_SERVICE_PROGRESS_NONE] = "none",
	[HF_SERVICE_PROGRESS_RUNNING] = "running",
	[HF_SERVICE_PROGRESS_DONE] = "done",
	[HF_SERVICE_PROGRESS_FAILED] = "failed",
	[HF_SERVICE_PROGRESS_LIMIT] = "limit",
};

const char *const hf_service_status_names[HF_SERVICE_STATUSES] = {
	[HF_SERVICE_OK] = "ok",
	[HF_SERVICE_AGAIN] = "again",
	[HF_SERVICE_STALE_TERM] = "stale-term",
	[HF_SERVICE_NO_NODE] = "no-node",
	[HF_SERVICE_DISABLED] = "disabled",
	[HF_SERVICE_NOT_READY] = "not-ready",
	[HF_SERVICE_SUSPECT] = "suspect",
};

static const struct {
	uint8_t method;
	uint16_t attr_id;
} carriers[HF_SERVICE_KINDS] = {
	[HF_SERVICE_HEARTBEAT] = { HF_SERVICE_METHOD_SEND, HF_SERVICE_ATTR_HEARTBEAT },
	[HF_SERVICE_REQUEST] = { HF_SERVICE_METHOD_SET, HF_SERVICE_ATTR_REQUEST },
	[HF_SERVICE_ANSWER] = { HF_SERVICE_METHOD_SET_RESP, HF_SERVICE_ATTR_REQUEST },
	[HF_SERVICE_BELL] = { HF_SERVICE_METHOD_REPORT, HF_SERVICE_ATTR_BELL },
};

static const uint8_t oui[3] = { HF_SERVICE_OUI >> 16, HF_SERVICE_OUI >> 8 & 0xff, HF_SERVICE_OUI & 0xff };

static void write_body(const struct hf_service_msg *msg, struct hf_service_wire *wire)
{
	switch (msg->kind) {
	case HF_SERVICE_HEARTBEAT:
		wire->body.heartbeat.interval_ms = htobe32(msg->heartbeat.interval_ms);
		wire->body.heartbeat.count = htobe32(msg->heartbeat.count);
		break;
	case HF_SERVICE_REQUEST:
		wire->body.request.ask = msg->request.ask;
		wire->body.request.progress = msg->request.progress;
		wire->body.request.exit_status = htobe16(msg->request.exit_status);
		wire->body.request.order_id = htobe32(msg->request.order_id);
		wire->body.request.connections = htobe32(msg->request.connections);
		wire->body.request.subject = htobe64(msg->request.subject);
		break;
	case HF_SERVICE_ANSWER:
		wire->body.answer.status = msg->answer.status;
		wire->body.answer.order = msg->answer.order;
		wire->body.answer.count = htobe16(msg->answer.count);
		wire->body.answer.order_id = htobe32(msg->answer.order_id);
		wire->body.answer.limit_ms = htobe32(msg->answer.limit_ms);
		wire->body.answer.interval_ms = htobe32(msg->answer.interval_ms);
		wire->body.answer.subject = htobe64(msg->answer.subject);
		break;
	case HF_SERVICE_BELL:
	case HF_SERVICE_KINDS:
		break;
	}
}

void hf_service_wire_write(const struct hf_service_msg *msg, const struct hf_key *key, uint64_t tid,
			   struct hf_service_mad *ret_mad)
{
	struct hf_service_wire *wire = &ret_mad->msg;

	memset(ret_mad, 0, sizeof(*ret_mad));
	ret_mad->hdr.base_version = 1;
	ret_mad->hdr.mgmt_class = HF_SERVICE_CLASS;
	ret_mad->hdr.class_version = HF_SERVICE_CLASS_VERSION;
	ret_mad->hdr.method = carriers[msg->kind].method;
	ret_mad->hdr.attr_id = htobe16(carriers[msg->kind].attr_id);
	ret_mad->hdr.tid = htobe64(tid);
	memcpy(ret_mad->oui, oui, sizeof(oui));
	memcpy(wire->magic, HF_SERVICE_MAGIC, sizeof(wire->magic));
	wire->version = HF_SERVICE_VERSION;
	wire->kind = msg->kind;
	memcpy(wire->service, msg->service, strnlen(msg->service, HF_SERVICE_WIRE_NAME_MAX));
	wire->from = htobe64(msg->from);
	wire->to = htobe64(msg->to);
	wire->instance = htobe64(msg->stamp.instance);
	wire->stamp = htobe64(msg->stamp.ns);
	wire->echo_instance = htobe64(msg->echo.instance);
	wire->echo_stamp = htobe64(msg->echo.ns);
	wire->term = htobe64(msg->term);
	wire->owner = htobe64(msg->owner);
	write_body(msg, wire);
	hf_key_mac(key, wire, offsetof(struct hf_service_wire, mac), wire->mac);
}

static int read_request(const struct hf_service_wire_request *wire, struct hf_service_request *request)
{
	if (wire->ask >= HF_SERVICE_ASKS || wire->progress >= HF_SERVICE_PROGRESSES)
		return -EBADMSG;
	*request = (struct hf_service_request){
		.ask = wire->ask,
		.progress = wire->progress,
		.exit_status = be16toh(wire->exit_status),
		.order_id = be32toh(wire->order_id),
		.connections = be32toh(wire->connections),
		.subject = be64toh(wire->subject),
	};
	return 0;
}

static int read_answer(const struct hf_service_wire_answer *wire, struct hf_service_answer *answer)
{
	if (wire->status >= HF_SERVICE_STATUSES || wire->order >= HF_SERVICE_ORDERS)
		return -EBADMSG;
	*answer = (struct hf_service_answer){
		.status = wire->status,
		.order = wire->order,
		.count = be16toh(wire->count),
		.order_id = be32toh(wire->order_id),
		.limit_ms = be32toh(wire->limit_ms),
		.interval_ms = be32toh(wire->interval_ms),
		.subject = be64toh(wire->subject),
	};
	/* An order has an id, and nothing else has. */
	return (answer->order == HF_SERVICE_ORDER_NONE) == (answer->order_id == 0) ? 0 : -EBADMSG;
}

static int read_body(const struct hf_service_wire *wire, struct hf_service_msg *msg)
{
	switch (msg->kind) {
	case HF_SERVICE_HEARTBEAT:
		msg->heartbeat.interval_ms = be32toh(wire->body.heartbeat.interval_ms);
		msg->heartbeat.count = be32toh(wire->body.heartbeat.count);
		return 0;
	case HF_SERVICE_REQUEST:
		return read_request(&wire->body.request, &msg->request);
	case HF_SERVICE_ANSWER:
		return read_answer(&wire->body.answer, &msg->answer);
	case HF_SERVICE_BELL:
		return 0;
	case HF_SERVICE_KINDS:
		break;
	}
	return -EBADMSG;
}

static bool is_ours(const struct hf_service_mad *mad)
{
	return mad->hdr.base_version == 1 && mad->hdr.mgmt_class == HF_SERVICE_CLASS &&
	       mad->hdr.class_version == HF_SERVICE_CLASS_VERSION && !memcmp(mad->oui, oui, sizeof(oui)) &&
	       !memcmp(mad->msg.magic, HF_SERVICE_MAGIC, sizeof(mad->msg.magic));
}

bool hf_service_name_is_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t len = strspn(name, letters);

	return len > 0 && !name[len] && len <= HF_SERVICE_WIRE_NAME_MAX;
}

/* One name has one form: zeros fill the field. */
static int read_name(const struct hf_service_wire *wire, struct hf_service_msg *msg)
{
	size_t len = strnlen(wire->service, sizeof(wire->service));

	if (len == sizeof(wire->service))
		return -EBADMSG;
	memset(msg->service, 0, sizeof(msg->service));
	memcpy(msg->service, wire->service, len);
	if (memcmp(msg->service, wire->service, sizeof(msg->service)) || !hf_service_name_is_valid(msg->service))
		return -EBADMSG;
	return 0;
}

int hf_service_wire_read(const void *mad, size_t len, struct hf_service_msg *ret_msg)
{
	const struct hf_service_mad *in = mad;
	const struct hf_service_wire *wire = &in->msg;
	struct hf_service_msg msg = { 0 };
	int err;

	if (len != sizeof(*in) || !is_ours(in))
		return -EBADMSG;
	if (wire->version != HF_SERVICE_VERSION)
		return -EPROTONOSUPPORT;
	if (wire->kind < HF_SERVICE_HEARTBEAT || wire->kind >= HF_SERVICE_KINDS ||
	    in->hdr.method != carriers[wire->kind].method ||
	    be16toh(in->hdr.attr_id) != carriers[wire->kind].attr_id)
		return -EBADMSG;
	msg.kind = wire->kind;
	msg.from = be64toh(wire->from);
	msg.to = be64toh(wire->to);
	msg.stamp = (struct hf_stamp){ be64toh(wire->instance), be64toh(wire->stamp) };
	msg.echo = (struct hf_stamp){ be64toh(wire->echo_instance), be64toh(wire->echo_stamp) };
	msg.term = be64toh(wire->term);
	msg.owner = be64toh(wire->owner);
	err = msg.stamp.instance ? read_name(wire, &msg) : -EBADMSG;
	if (!err)
		err = read_body(wire, &msg);
	if (!err)
		*ret_msg = msg;
	return err;
}

bool hf_service_wire_is_authentic(const void *mad, const struct hf_key *key)
{
	const struct hf_service_wire *wire = &((const struct hf_service_mad *)mad)->msg;
	uint8_t mac[HF_MAC_SIZE];

	hf_key_mac(key, wire, offsetof(struct hf_service_wire, mac), mac);
	return hf_mac_is_same(mac, wire->mac);
}

uint64_t hf_service_wire_tid(const void *mad)
{
	return be64toh(((const struct hf_service_mad *)mad)->hdr.tid);
}
