/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Heartbeats between the nodes of one service: who of the others is alive? Pure: the clock is passed in and MADs leave
 * through a callback.
 *
 * Each interval every node sends one to each of the others. It says which of the receiver's the sender had last, so it
 * shows that its sender was alive after that: a peer is alive only if it can hear us, and a recorded heartbeat does not
 * count (lib/stamp.h). Who sends one that shows nothing recent, as after a start, is answered by one at once and so can
 * send better ones.
 *
 * A peer is lost when "count" heartbeats in a row have not come, and half an interval more, for what was under way. It
 * is back with the first that counts. A peer that was never heard is neither.
 *
 * Where this program itself stood still for more than an interval, what it missed says nothing about its peers: all of
 * them get their whole time anew.
 */
#ifndef HF_LIB_HEARTBEAT_H
#define HF_LIB_HEARTBEAT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/key.h"
#include "lib/service_wire.h"
#include "lib/stamp.h"

enum hf_peer_state {
	HF_PEER_UNKNOWN,	/* never heard */
	HF_PEER_ALIVE,
	HF_PEER_LOST,
	HF_PEER_STATES,
};

extern const char *const hf_peer_state_names[HF_PEER_STATES];

struct hf_peer {
	uint64_t guid;			/* of its port */
	enum hf_peer_state state;
	uint64_t heard_ns;		/* the last heartbeat that counted; 0: none */
	uint64_t term, owner;		/* as it said */
	uint32_t interval_ms, count;	/* likewise */
	uint64_t restarts;		/* seen */
	struct hf_contact contact;
	uint64_t answered_ns;		/* when it was answered out of turn */
};

struct hf_heartbeat_counters {
	uint64_t sent, heard;
	uint64_t forged;	/* made without the key */
	uint64_t strange;	/* from no peer, or not for us */
	uint64_t stale;		/* showed no recent stamp of ours: old, or the peer has none yet */
	uint64_t repeated;	/* taken before, or after a later one */
	uint64_t lost, back;	/* changes of peers */
	uint64_t stalls;	/* when this program stood still */
};

struct hf_heartbeat_config {
	const char *service;		/* its name; copied */
	uint64_t guid;			/* of the own port */
	const uint64_t *peers;		/* the other nodes' ports; copied */
	size_t peer_count;
	int interval_ms, count;		/* from 1 */
	const struct hf_key *key;	/* copied */
	struct hf_stamper *stamper;	/* of this node; borrowed */
};

struct hf_heartbeat_ops {
	/* Sends to a peer's port; one that is lost on the way is no failure. */
	void (*send)(void *ctx, uint64_t guid, const struct hf_service_mad *mad);

	/* A peer's state is not @old any more. */
	void (*changed)(void *ctx, const struct hf_peer *peer, enum hf_peer_state old);

	/* A peer knows a later term than we do. It is not ours before hf_heartbeat_set_term(). */
	void (*later_term)(void *ctx, uint64_t term, uint64_t owner);
};

struct hf_heartbeat;

/**
 * hf_heartbeat_new() - begin
 * @config:        see there
 * @ops:           borrowed; changed() and later_term() may call hf_heartbeat_set_term(), nothing else here
 * @ctx:           passed to @ops
 * @ret_heartbeat: to be freed with hf_heartbeat_free()
 *
 * Return: 0; -ENOMEM.
 */
int hf_heartbeat_new(const struct hf_heartbeat_config *config, const struct hf_heartbeat_ops *ops, void *ctx,
		     struct hf_heartbeat **ret_heartbeat);

/* @heartbeat may be NULL. */
void hf_heartbeat_free(struct hf_heartbeat *heartbeat);

/* Other times from now on; each peer gets its whole time anew. */
void hf_heartbeat_set_times(struct hf_heartbeat *heartbeat, uint64_t now_ns, int interval_ms, int count);

/* What the heartbeats say of the service. */
void hf_heartbeat_set_term(struct hf_heartbeat *heartbeat, uint64_t term, uint64_t owner);

/**
 * hf_heartbeat_receive() - take a heartbeat
 * @heartbeat: the service's
 * @now_ns:    CLOCK_MONOTONIC
 * @mad:       whole
 * @msg:       what hf_service_wire_read() made of it: a heartbeat of this service
 *
 * Return: 0 where it counts; -EKEYREJECTED where it was made without the key; -ENOENT where it is not from a peer to
 * us; -ESTALE where it shows nothing recent; -EALREADY where it was taken before.
 */
int hf_heartbeat_receive(struct hf_heartbeat *heartbeat, uint64_t now_ns, const struct hf_service_mad *mad,
			 const struct hf_service_msg *msg);

/* Sends what is due and looks who is lost. Take what was received first. */
void hf_heartbeat_run(struct hf_heartbeat *heartbeat, uint64_t now_ns);

/* When hf_heartbeat_run() is due; CLOCK_MONOTONIC. */
uint64_t hf_heartbeat_deadline_ns(const struct hf_heartbeat *heartbeat);

const struct hf_peer *hf_heartbeat_peers(const struct hf_heartbeat *heartbeat, size_t *ret_count);
const struct hf_heartbeat_counters *hf_heartbeat_counters(const struct hf_heartbeat *heartbeat);

/* How long nothing is heard from a peer before it is lost, in nanoseconds. */
uint64_t hf_heartbeat_lost_ns(int interval_ms, int count);

#endif
