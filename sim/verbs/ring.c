/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/verbs/ring.h"

#include <errno.h>
#include <string.h>

/*
 * A packet never goes over the end of the data: where it would, a skip record fills the rest. A record begins with its
 * length as a whole.
 */
struct record {
	uint32_t size;	/* with this header, rounded up */
	uint32_t is_skip;
	uint8_t pad[HF_RING_ALIGNMENT - 2 * sizeof(uint32_t)];
};

_Static_assert(sizeof(struct record) == HF_RING_ALIGNMENT, "packets are aligned");

static uint32_t record_size(size_t length)
{
	return (sizeof(struct record) + sizeof(struct hf_packet) + length + HF_RING_ALIGNMENT - 1) /
	       HF_RING_ALIGNMENT * HF_RING_ALIGNMENT;
}

static struct record *record_at(struct hf_ring *ring, uint64_t position)
{
	return (struct record *)(ring->data + position % HF_RING_DATA_SIZE);
}

struct hf_packet *hf_ring_reserve(struct hf_ring *ring, size_t length)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	uint32_t size = record_size(length), left = HF_RING_DATA_SIZE - head % HF_RING_DATA_SIZE;
	uint64_t needed = size > left ? (uint64_t)size + left : size;

	if (head % HF_RING_ALIGNMENT || head - tail > HF_RING_DATA_SIZE || HF_RING_DATA_SIZE - (head - tail) < needed)
		return NULL;
	if (size > left) {
		*record_at(ring, head) = (struct record){ .size = left, .is_skip = 1 };
		head += left;
		atomic_store_explicit(&ring->head, head, memory_order_release);
	}
	return (struct hf_packet *)(record_at(ring, head) + 1);
}

void hf_ring_commit(struct hf_ring *ring, size_t length)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	struct record *record = record_at(ring, head);

	record->is_skip = 0;
	record->size = record_size(length);
	atomic_store_explicit(&ring->head, head + record->size, memory_order_release);
}

bool hf_ring_is_empty(struct hf_ring *ring)
{
	return atomic_load_explicit(&ring->head, memory_order_acquire) ==
	       atomic_load_explicit(&ring->tail, memory_order_relaxed);
}

int hf_ring_peek(struct hf_ring *ring, struct hf_packet *ret_packet, const uint8_t **ret_payload)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	for (;;) {
		uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
		struct record record;

		if (head == tail)
			return 0;
		if (head - tail > HF_RING_DATA_SIZE || tail % HF_RING_ALIGNMENT)
			return -EPROTO;
		memcpy(&record, record_at(ring, tail), sizeof(record));
		if (record.size < sizeof(struct record) || record.size % HF_RING_ALIGNMENT ||
		    record.size > head - tail || record.size > HF_RING_DATA_SIZE - tail % HF_RING_DATA_SIZE)
			return -EPROTO;
		if (!record.is_skip) {
			const struct record *at = record_at(ring, tail);

			if (record.size < sizeof(struct record) + sizeof(struct hf_packet))
				return -EPROTO;
			memcpy(ret_packet, at + 1, sizeof(*ret_packet));
			if (record.size != record_size(ret_packet->length) ||
			    !hf_packet_check(ret_packet, ret_packet->length))
				return -EPROTO;
			*ret_payload = (const uint8_t *)(at + 1) + sizeof(struct hf_packet);
			return 1;
		}
		tail += record.size;
		atomic_store_explicit(&ring->tail, tail, memory_order_release);
	}
}

void hf_ring_release(struct hf_ring *ring, size_t length)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	atomic_store_explicit(&ring->tail, tail + record_size(length), memory_order_release);
}
