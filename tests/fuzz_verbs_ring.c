/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A ring that its writer has filled with anything. The first 16 bytes are head and tail, the rest lies at the tail.
 * What the reader is given must be within the ring, and the reader must come to an end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/verbs/ring.h"

#define READS_MAX (HF_RING_DATA_SIZE / HF_RING_ALIGNMENT + 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct hf_ring *ring = aligned_alloc(64, sizeof(*ring));
	uint64_t ends[2] = { 0 };
	struct hf_packet packet;
	const uint8_t *payload;

	if (!ring)
		return 0;
	memset(ring, 0, sizeof(*ring));
	if (len >= sizeof(ends)) {
		memcpy(ends, data, sizeof(ends));
		data += sizeof(ends);
		len -= sizeof(ends);
	}
	ring->head = ends[0];
	ring->tail = ends[1];
	for (size_t i = 0; i < len && i < HF_RING_DATA_SIZE; i++)
		ring->data[(ends[1] + i) % HF_RING_DATA_SIZE] = data[i];
	for (unsigned int reads = 0; hf_ring_peek(ring, &packet, &payload) > 0; reads++) {
		if (reads > READS_MAX || payload < ring->data || packet.length > HF_RING_DATA_SIZE ||
		    payload + packet.length > ring->data + HF_RING_DATA_SIZE)
			abort();
		hf_ring_release(ring, packet.length);
	}
	free(ring);
	return 0;
}
