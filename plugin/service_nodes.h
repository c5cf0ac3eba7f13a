/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The SM's side of what the nodes of services and the SM say to each other (doc/service-protocol.md): believes requests
 * that are authentic, new, and from a port that is one of the service's nodes; answers them; has nodes carry out
 * orders; and rings the bell of those for whom there is news until they have asked.
 *
 * Where nodes say of each other that they have failed, the first word counts: who is said to have failed is not
 * believed before somebody says that it is back, and what it said before is taken back. So a node that is cut off from
 * the others cannot move the service about among them. But a word stands only as long as who gave it answers the bell;
 * and who says the same of a second node is believed only if that one does not answer it.
 *
 * Pure: the clock is passed in; who owns a service and what follows is decided behind struct hf_service_nodes_ops.
 */
#ifndef HF_PLUGIN_SERVICE_NODES_H
#define HF_PLUGIN_SERVICE_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/key.h"
#include "lib/service_wire.h"
#include "lib/umad_io.h"

#define HF_SERVICE_LOOK_MAX	32	/* nodes of one service */

/* What is known of a service now. */
struct hf_service_look {
	bool is_ready;			/* this SM is the master and has found out */
	uint64_t term, owner;		/* port GUID; 0: nobody */
	uint32_t interval_ms;		/* of heartbeats */
	uint16_t count;			/* 0: heartbeats do not move it */
	size_t node_count;
	struct {
		uint64_t guid;		/* of the port; 0: not known */
		uint16_t lid;		/* 0: not there */
	} nodes[HF_SERVICE_LOOK_MAX];
};

/* What is known of one node; for operators. */
struct hf_service_node_report {
	uint64_t guid;
	uint64_t heard_ns;		/* its last request; 0: none */
	uint64_t term;			/* that it showed */
	enum hf_service_order order;	/* in force for it */
	enum hf_service_progress progress;	/* of it */
	uint16_t exit_status;		/* of its hook, when that has ended */
	uint32_t connections;		/* that it has left; HF_SERVICE_CONNECTIONS_UNKNOWN */
	bool is_behind;			/* it has not asked since there is news */
};

struct hf_service_nodes_ops {
	/* Return: 0; a negative errno, and then it is lost on the way. */
	int (*send)(void *ctx, const struct hf_mad_addr *to, const struct hf_service_mad *mad);

	/* Return: 0; -ENOENT where there is no such service. */
	int (*look)(void *ctx, const char *service, struct hf_service_look *ret_look);

	/*
	 * A peer says that a node has failed, or is back. Return: 0; -ESTALE, -EACCES (no node), -EPERM (heartbeats do
	 * not count), -EAGAIN (not now), -ENOENT.
	 */
	int (*failed)(void *ctx, const char *service, uint64_t guid, uint64_t by_guid, uint64_t term);
	int (*recovered)(void *ctx, const char *service, uint64_t guid, uint64_t by_guid, uint64_t term);

	/* A node knows a later term than we do. */
	void (*later_term)(void *ctx, const char *service, uint64_t term);

	/* What is known of a node is another. */
	void (*reported)(void *ctx, const char *service, const struct hf_service_node_report *report);

	/* What came of hf_service_nodes_transfer() and hf_service_nodes_drain(). */
	void (*transfer_ended)(void *ctx, const char *service, uint64_t term, bool has_succeeded);
	void (*drained)(void *ctx, const char *service, uint64_t term);
};

struct hf_service_nodes_counters {
	uint64_t requests;		/* answered */
	uint64_t again;			/* answered so: not known to be new */
	uint64_t forged;		/* made without the key, or for a service that is not there */
	uint64_t strange;		/* not from the port of the node that it names, or no request to us */
	uint64_t repeated;
	uint64_t refused;		/* for now, or for good */
	uint64_t bells;
};

struct hf_service_nodes;

/**
 * hf_service_nodes_new() - know no service
 * @ops:       borrowed; they may call nothing here
 * @ctx:       passed to @ops
 * @instance:  random, not 0
 * @ret_nodes: to be freed with hf_service_nodes_free()
 *
 * Return: 0; -ENOMEM.
 */
int hf_service_nodes_new(const struct hf_service_nodes_ops *ops, void *ctx, uint64_t instance,
			 struct hf_service_nodes **ret_nodes);

/* @nodes may be NULL. */
void hf_service_nodes_free(struct hf_service_nodes *nodes);

/**
 * hf_service_nodes_put() - a service and its key
 * @nodes:   all
 * @service: its name; copied
 * @key:     copied
 *
 * What is known of its nodes stays where the service was there before.
 *
 * Return: 0; -ENOMEM.
 */
int hf_service_nodes_put(struct hf_service_nodes *nodes, const char *service, const struct hf_key *key);

/* Forgets those that were not put since the last call: the end of a reading of the services file. */
void hf_service_nodes_sweep(struct hf_service_nodes *nodes);

/**
 * hf_service_nodes_receive() - take a MAD
 * @nodes:  all
 * @now_ns: CLOCK_MONOTONIC
 * @from:   whence it came; the answer goes there
 * @mad:    as it was received
 * @len:    its length
 *
 * Return: 0 where it was answered; -EBADMSG, -EPROTONOSUPPORT, -EKEYREJECTED, -ENOENT (strange), -EALREADY (repeated).
 */
int hf_service_nodes_receive(struct hf_service_nodes *nodes, uint64_t now_ns, const struct hf_mad_addr *from,
			     const void *mad, size_t len);

/* There is news for all nodes of a service. Unknown services are ignored here and below. */
void hf_service_nodes_ring(struct hf_service_nodes *nodes, uint64_t now_ns, const char *service);

/**
 * hf_service_nodes_transfer() - have a service's state carried over
 * @nodes:    all
 * @now_ns:   CLOCK_MONOTONIC
 * @service:  its name
 * @term:     told with the end
 * @from:     the owner's port: makes it ready
 * @to:       the other's port: takes it, after that
 * @limit_ms: for both together; the caller ends it then
 */
void hf_service_nodes_transfer(struct hf_service_nodes *nodes, uint64_t now_ns, const char *service, uint64_t term,
			       uint64_t from, uint64_t to, uint32_t limit_ms);

/* Has the owner's connections end. A node that cannot tell says nothing: the caller has a limit. */
void hf_service_nodes_drain(struct hf_service_nodes *nodes, uint64_t now_ns, const char *service, uint64_t term,
			    uint64_t from, uint64_t to, uint32_t limit_ms);

/* The failback does not happen: who has begun something for it undoes that. */
void hf_service_nodes_cancel(struct hf_service_nodes *nodes, uint64_t now_ns, const char *service);

/* It has happened, or another owner has come otherwise: no order is in force. */
void hf_service_nodes_settle(struct hf_service_nodes *nodes, uint64_t now_ns, const char *service);

/* Rings what is due. */
void hf_service_nodes_run(struct hf_service_nodes *nodes, uint64_t now_ns);

/* When hf_service_nodes_run() is due; UINT64_MAX: not before something happens. */
uint64_t hf_service_nodes_deadline_ns(const struct hf_service_nodes *nodes);

const struct hf_service_nodes_counters *hf_service_nodes_counters(const struct hf_service_nodes *nodes);

#endif
