/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A ring of packets in memory that two processes share: one writes, one reads. Neither can be made by the other to
 * touch anything but the ring. Pure: no I/O.
 */
#ifndef HF_SIM_VERBS_RING_H
#define HF_SIM_VERBS_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/verbs/packet.h"

#define HF_RING_DATA_SIZE	(UINT32_C(1) << 18)
#define HF_RING_ALIGNMENT	64u

struct hf_ring {
	_Alignas(64) atomic_uint_fast64_t head;	/* bytes written, ever; the writer's */
	_Alignas(64) atomic_uint_fast64_t tail;	/* bytes read, ever; the reader's */
	_Alignas(64) atomic_uint wants_room;	/* the writer waits to be told of room */
	_Alignas(64) uint8_t data[HF_RING_DATA_SIZE];
};

/**
 * hf_ring_reserve() - room for one packet
 * @ring:   the caller is its only writer
 * @length: bytes behind the header
 *
 * Return: where the packet and then its bytes are to be put, before hf_ring_commit(); NULL where there is no room.
 */
struct hf_packet *hf_ring_reserve(struct hf_ring *ring, size_t length);
void hf_ring_commit(struct hf_ring *ring, size_t length);

/**
 * hf_ring_peek() - the oldest packet
 * @ring:        the caller is its only reader
 * @ret_packet:  a copy of its header, checked by hf_packet_check()
 * @ret_payload: its bytes in the ring, which may change under the reader
 *
 * Return: 1; 0 where there is none; -EPROTO where the writer has written nonsense: nothing more is read then.
 */
int hf_ring_peek(struct hf_ring *ring, struct hf_packet *ret_packet, const uint8_t **ret_payload);

/* Done with the packet that hf_ring_peek() gave, of so many bytes behind the header. */
void hf_ring_release(struct hf_ring *ring, size_t length);

bool hf_ring_is_empty(struct hf_ring *ring);

#endif
