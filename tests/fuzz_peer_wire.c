/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* MADs from program to program. What can be read can be written, and is the same when it is read again. */
#include <stdlib.h>
#include <string.h>

#include "lib/peer_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct hf_peer_msg msg, again;
	struct hf_peer_mad mad;

	if (hf_peer_wire_read(data, len, &msg))
		return 0;
	if (msg.length > sizeof(msg.data))
		abort();
	hf_peer_wire_write(&msg, 1, &mad);
	if (hf_peer_wire_read(&mad, sizeof(mad), &again) || memcmp(&msg, &again, sizeof(msg)))
		abort();
	return 0;
}
