/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Messages between holdfastd and programs, to both sides: a row of packets, each behind a byte that has its length. */
#include <stdlib.h>
#include <string.h>

#include "lib/program_wire.h"
#include "lib/qp_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void use_text(const char *text, size_t size)
{
	if (strnlen(text, size) == size)
		abort();
}

static void use_path(const struct hf_program_path *path)
{
	if (path->sl > 15 || path->dlid > 0xbfff || path->reachable > 1)
		abort();
}

/* What either side relies on. */
static void use_message(const struct hf_program_message *message)
{
	switch ((enum hf_program_kind)message->kind) {
	case HF_PROGRAM_HELLO:
		use_text(message->hello.name, sizeof(message->hello.name));
		break;
	case HF_PROGRAM_ADD:
		use_text(message->add.device, sizeof(message->add.device));
		use_path(&message->add.path);
		if (!hf_program_strategy_names[message->add.moved.strategy])
			abort();
		if (message->add.qp_type != HF_QP_RC && message->add.qp_type != HF_QP_UC)
			abort();
		break;
	case HF_PROGRAM_MOVE:
		use_path(&message->move.path);
		break;
	case HF_PROGRAM_MOVED:
		if (!hf_program_strategy_names[message->moved.strategy])
			abort();
		break;
	case HF_PROGRAM_PEER:
		use_path(&message->peer.path);
		if (message->peer.length > sizeof(message->peer.data))
			abort();
		break;
	case HF_PROGRAM_WELCOME:
	case HF_PROGRAM_REMOVE:
		break;
	case HF_PROGRAM_KINDS:
		abort();
	}
}

static void take_packet(const uint8_t *data, size_t len)
{
	struct hf_program_message message;

	memset(&message, 0xff, sizeof(message));
	memcpy(&message, data, len < sizeof(message) ? len : sizeof(message));
	for (int side = HF_PROGRAM_FROM_PROGRAM; side <= HF_PROGRAM_FROM_DAEMON; side++) {
		if (hf_program_check(&message, len, side))
			continue;
		if (len != sizeof(message) || !hf_program_kind_names[message.kind])
			abort();
		use_message(&message);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	while (len > 0) {
		size_t bytes = data[0] < len - 1 ? data[0] : len - 1;

		take_packet(data + 1, bytes);
		data += 1 + bytes;
		len -= 1 + bytes;
	}
	return 0;
}
