/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Where the packets of simulated adapters go: every context that a program opens is an endpoint, with a number that is
 * part of its queue pairs' numbers. Two endpoints that talk share two rings, one each way. All this lies beside the
 * fabric map: FILE.endpoints, and FILE.rings/ with a file for each ring.
 *
 * An endpoint holds a lock on its byte of FILE.endpoints, which the kernel releases when its process ends, however that
 * happens. A lock here is one of the file, so it must not be taken through two descriptors in one process by fcntl's
 * older kind: they are "open file description" locks.
 */
#ifndef HF_SIM_VERBS_ENDPOINT_H
#define HF_SIM_VERBS_ENDPOINT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/verbs/ring.h"

#define HF_ENDPOINT_COUNT	1024u	/* endpoint 0 is none */
#define HF_ENDPOINT_WORDS	(HF_ENDPOINT_COUNT / 64)
#define HF_QPN_INDEX_BITS	14	/* the lower bits of a queue pair number; the upper ones are the endpoint's */

struct hf_endpoint_entry {
	atomic_uint incarnation;	/* of the endpoint that holds this number; 0: none does */
	atomic_uint node;		/* index in the fabric map */
	atomic_uint is_asleep;		/* its thread sleeps on @bell */
	atomic_uint bell;		/* a futex */
	atomic_uint last_incarnation;	/* as @incarnation, or of the last one that held it */
	uint32_t pad[11];
	_Atomic uint64_t rings[HF_ENDPOINT_WORDS];	/* a bit for each endpoint that has something for this one */
};

struct hf_endpoint_peer {
	struct hf_ring *out, *in;
	uint32_t out_incarnation, in_incarnation;
};

struct hf_endpoint {
	char path[4096];	/* of the fabric map */
	int fd;			/* of FILE.endpoints, with the lock */
	struct hf_endpoint_entry *entries;
	uint32_t number;
	uint32_t incarnation;
	struct hf_endpoint_peer peers[HF_ENDPOINT_COUNT];
};

/**
 * hf_endpoint_open() - become an endpoint
 * @endpoint: zeroed; to be closed with hf_endpoint_close()
 * @map:      path of the fabric map
 * @node:     index of the adapter's node there
 *
 * Return: 0; -EBUSY where all numbers are taken; another negative errno.
 */
int hf_endpoint_open(struct hf_endpoint *endpoint, const char *map, uint32_t node);
void hf_endpoint_close(struct hf_endpoint *endpoint);

/* Is there an endpoint of this number? @is_sure: asks the kernel, and clears what a killed process has left. */
bool hf_endpoint_is_alive(struct hf_endpoint *endpoint, uint32_t number, bool is_sure);

/* The ring to an endpoint, made where there is none; NULL where there is no such endpoint. */
struct hf_ring *hf_endpoint_ring_to(struct hf_endpoint *endpoint, uint32_t number);

/* The ring from an endpoint, which may be gone and have left something in it; NULL where there is none. */
struct hf_ring *hf_endpoint_ring_from(struct hf_endpoint *endpoint, uint32_t number);

/* There is something for @number in the ring, or room in the one from it. */
void hf_endpoint_ring_bell(struct hf_endpoint *endpoint, uint32_t number);

/* Take the set of endpoints that have rung, one word of it. */
uint64_t hf_endpoint_take_bells(struct hf_endpoint *endpoint, unsigned int word);
bool hf_endpoint_has_bells(struct hf_endpoint *endpoint);

/* To be taken before the last look for work that precedes a sleep: what rings after it ends the sleep. */
unsigned int hf_endpoint_bell(struct hf_endpoint *endpoint);

/**
 * hf_endpoint_sleep() - sleep until hf_endpoint_wake()
 * @endpoint:   endpoint
 * @bell:       from hf_endpoint_bell()
 * @listens:    other endpoints that ring end the sleep too; else they need not take the trouble
 * @timeout_ns: at most so long
 */
void hf_endpoint_sleep(struct hf_endpoint *endpoint, unsigned int bell, bool listens, uint64_t timeout_ns);
void hf_endpoint_wake(struct hf_endpoint *endpoint);

#endif
