/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/program_wire.h"

#include <errno.h>
#include <string.h>

#include "lib/qp_state.h"

#define QPN_MAX		0xffffffu
#define LID_MAX		0xbfffu		/* the unicast ones */
#define SL_MAX		15
#define CODE_MAX	0x3f		/* of MTU, rate and packet life: 6 bits */
#define ERRNO_MAX	4095

const char *const hf_program_kind_names[HF_PROGRAM_KINDS] = {
	[HF_PROGRAM_HELLO] = "hello",
	[HF_PROGRAM_WELCOME] = "welcome",
	[HF_PROGRAM_ADD] = "add",
	[HF_PROGRAM_REMOVE] = "remove",
	[HF_PROGRAM_MOVE] = "move",
	[HF_PROGRAM_MOVED] = "moved",
	[HF_PROGRAM_PEER] = "peer",
};

const char *const hf_program_strategy_names[HF_PROGRAM_STRATEGIES] = {
	[HF_PROGRAM_STRATEGY_NONE] = "none",
	[HF_PROGRAM_STRATEGY_APM] = "apm",
	[HF_PROGRAM_STRATEGY_SQD] = "sqd",
	[HF_PROGRAM_STRATEGY_RESET] = "reset",
};

static bool has_end(const char *text, size_t size)
{
	return memchr(text, '\0', size);
}

static bool is_qpn(uint32_t qpn)
{
	return qpn > 0 && qpn <= QPN_MAX;
}

static bool is_path(const struct hf_program_path *path)
{
	return path->dlid <= LID_MAX && path->slid <= LID_MAX && path->sl <= SL_MAX && path->mtu <= CODE_MAX &&
	       path->rate <= CODE_MAX && path->pkt_life <= CODE_MAX && path->reachable <= 1;
}

static bool names_destination(const struct hf_program_path *path)
{
	static const union hf_gid none;

	return path->dlid || memcmp(path->dgid.raw, none.raw, sizeof(none.raw));
}

static bool is_add(const struct hf_program_add *add)
{
	return add->device[0] && has_end(add->device, sizeof(add->device)) && add->port_num > 0 &&
	       (add->qp_type == HF_QP_RC || add->qp_type == HF_QP_UC) && is_qpn(add->dest_qpn) &&
	       is_path(&add->path) && names_destination(&add->path) && add->moved.strategy < HF_PROGRAM_STRATEGIES;
}

static bool is_moved(const struct hf_program_moved *moved)
{
	return moved->move_id && moved->err <= 0 && moved->err >= -ERRNO_MAX &&
	       moved->strategy < HF_PROGRAM_STRATEGIES;
}

static bool is_body(const struct hf_program_message *message, enum hf_program_kind kind)
{
	switch (kind) {
	case HF_PROGRAM_HELLO:
		return has_end(message->hello.name, sizeof(message->hello.name));
	case HF_PROGRAM_WELCOME:
	case HF_PROGRAM_REMOVE:
		return true;
	case HF_PROGRAM_ADD:
		return is_add(&message->add);
	case HF_PROGRAM_MOVE:
		return message->move.move_id && is_path(&message->move.path);
	case HF_PROGRAM_MOVED:
		return is_moved(&message->moved);
	case HF_PROGRAM_PEER:
		return message->peer.length <= HF_PROGRAM_PEER_MAX && is_path(&message->peer.path);
	case HF_PROGRAM_KINDS:
		break;
	}
	return false;
}

static bool is_sent_by(enum hf_program_kind kind, enum hf_program_side side)
{
	switch (kind) {
	case HF_PROGRAM_HELLO:
	case HF_PROGRAM_ADD:
	case HF_PROGRAM_REMOVE:
	case HF_PROGRAM_MOVED:
		return side == HF_PROGRAM_FROM_PROGRAM;
	case HF_PROGRAM_WELCOME:
	case HF_PROGRAM_MOVE:
		return side == HF_PROGRAM_FROM_DAEMON;
	case HF_PROGRAM_PEER:
		return true;
	case HF_PROGRAM_KINDS:
		break;
	}
	return false;
}

/* The version lies at the same place in both. */
static bool is_greeting(enum hf_program_kind kind)
{
	return kind == HF_PROGRAM_HELLO || kind == HF_PROGRAM_WELCOME;
}

int hf_program_check(const struct hf_program_message *message, size_t length, enum hf_program_side from)
{
	if (length != sizeof(*message) || message->magic != HF_PROGRAM_MAGIC || message->kind >= HF_PROGRAM_KINDS ||
	    !is_sent_by(message->kind, from))
		return -EBADMSG;
	if (is_greeting(message->kind)) {
		if (message->hello.version != HF_PROGRAM_VERSION)
			return -EPROTONOSUPPORT;
		if (message->qpn)
			return -EBADMSG;
	} else if (!is_qpn(message->qpn)) {
		return -EBADMSG;
	}
	return is_body(message, message->kind) ? 0 : -EBADMSG;
}

void hf_program_message_init(struct hf_program_message *message, enum hf_program_kind kind, uint32_t qpn)
{
	memset(message, 0, sizeof(*message));
	message->magic = HF_PROGRAM_MAGIC;
	message->kind = kind;
	message->qpn = qpn;
}
