/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * One service as one of its nodes sees it: who owns it at which term, which of the other nodes are alive, what the SM
 * wants of this node. Pure: the clock is passed in, and MADs and orders leave through callbacks.
 * doc/service-protocol.md has the protocol.
 *
 * The SM decides who owns a service. A node asks it: when it starts, when the SM rings the bell, when there is
 * something to tell (a peer that was lost or is back, an order carried out), and now and then. Each request says all
 * that the node knows, each answer all that the SM wants, so any of them may get lost.
 *
 * A loss is told in the term in which it happened, and in no later one. So nodes that cannot hear each other do not
 * pull a service to and fro: who loses it to the other has lost the other before.
 */
#ifndef HF_LIB_NODE_SERVICE_H
#define HF_LIB_NODE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/heartbeat.h"
#include "lib/key.h"
#include "lib/service_wire.h"

enum hf_node_role {
	HF_NODE_UNKNOWN,	/* neither the SM nor a peer has said who owns the service */
	HF_NODE_STANDBY,
	HF_NODE_OWNER,
	HF_NODE_ROLES,
};

extern const char *const hf_node_role_names[HF_NODE_ROLES];

struct hf_node_order {
	enum hf_service_order order;
	uint32_t id;
	uint32_t limit_ms;
	uint64_t subject;		/* the other node's port */
};

struct hf_node_service_config {
	const char *service;		/* its name; copied */
	uint64_t guid;			/* of the own port */
	const uint64_t *peers;		/* the other nodes' ports; copied */
	size_t peer_count;
	int interval_ms, count;		/* of heartbeats; interval 0: both as the SM says, and none before */
	int report_ms;			/* how often the SM is asked where nothing is new */
	int timeout_ms;			/* of its first answer; then twice as long, up to report_ms */
	const struct hf_key *key;	/* copied */
	uint64_t instance;		/* random, not 0 */
};

struct hf_node_service_counters {
	uint64_t requests, answers;
	uint64_t again;			/* answers that asked for the request with their stamp */
	uint64_t timeouts;		/* requests that had no answer in time */
	uint64_t refused;		/* requests that were refused for good: stale, no node, disabled */
	uint64_t bells;
	uint64_t forged;		/* answers and bells made without the key */
	uint64_t strange;		/* not from the SM to us, or not awaited */
};

/* What is known; for status. */
struct hf_node_service_status {
	const char *service;
	enum hf_node_role role;
	uint64_t term, owner;
	struct hf_node_order order;	/* in force */
	enum hf_service_progress progress;	/* of it */
	uint16_t exit_status;
	uint32_t connections;
	uint64_t answered_ns;		/* when the SM's last answer came; 0: none has */
	enum hf_service_status answer;	/* what it said of the request */
	bool is_beating;
	int interval_ms, count;		/* as they are in force */
	const struct hf_peer *peers;
	size_t peer_count;
	const struct hf_heartbeat_counters *heartbeats;
	const struct hf_node_service_counters *counters;
};

/* None of them may call anything here but hf_node_service_get_status(). */
struct hf_node_service_ops {
	void (*send_peer)(void *ctx, uint64_t guid, const struct hf_service_mad *mad);

	/* Return: 0; a negative errno where it cannot be sent now, which counts as lost on the way. */
	int (*send_sm)(void *ctx, const struct hf_service_mad *mad);

	/*
	 * Carry out an order, in place of the one that may be going on; HF_SERVICE_ORDER_NONE only ends that. Its end
	 * is to be told by hf_node_service_order_ended().
	 */
	void (*order)(void *ctx, const struct hf_node_order *order);

	/* Role, term or owner is another. */
	void (*role)(void *ctx, enum hf_node_role old, uint64_t old_term);

	void (*peer)(void *ctx, const struct hf_peer *peer, enum hf_peer_state old);

	/* The SM does not believe what was told of @subject. */
	void (*refused)(void *ctx, enum hf_service_ask ask, uint64_t subject, enum hf_service_status status);
};

struct hf_node_service;

/* Return: 0; -ENOMEM. Nothing is sent before hf_node_service_run(). */
int hf_node_service_new(const struct hf_node_service_config *config, const struct hf_node_service_ops *ops, void *ctx,
			struct hf_node_service **ret_node);

/* @node may be NULL. */
void hf_node_service_free(struct hf_node_service *node);

/**
 * hf_node_service_receive() - take a MAD of this service
 * @node:   the service
 * @now_ns: CLOCK_MONOTONIC
 * @mad:    whole
 * @msg:    what hf_service_wire_read() made of it
 *
 * Return: 0 where it was taken; -EKEYREJECTED, -ENOENT, -ESTALE, -EALREADY as hf_heartbeat_receive().
 */
int hf_node_service_receive(struct hf_node_service *node, uint64_t now_ns, const struct hf_service_mad *mad,
			    const struct hf_service_msg *msg);

/* Does what is due. Take what was received first. */
void hf_node_service_run(struct hf_node_service *node, uint64_t now_ns);

/* When hf_node_service_run() is due; CLOCK_MONOTONIC. */
uint64_t hf_node_service_deadline_ns(const struct hf_node_service *node);

/* Another SM, or the own port's LID is another: ask at once. */
void hf_node_service_ask(struct hf_node_service *node, uint64_t now_ns);

/* How an order ended; ignored where it is not in force any more. */
void hf_node_service_order_ended(struct hf_node_service *node, uint64_t now_ns, uint32_t id,
				 enum hf_service_progress progress, uint16_t exit_status);

/* How many connections of the service this node still has. */
void hf_node_service_set_connections(struct hf_node_service *node, uint64_t now_ns, uint32_t connections);

/* What it points to lives as long as @node. */
void hf_node_service_get_status(const struct hf_node_service *node, struct hf_node_service_status *ret_status);

#endif
