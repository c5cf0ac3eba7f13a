/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The registry of connections: every one of a port from its creation to its destruction, found by queue pair number and
 * by destination. What a connection uses is noted here; what the SM says stands in the path cache.
 */
#ifndef HF_LIB_CONNECTION_H
#define HF_LIB_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hash.h"
#include "lib/path_cache.h"
#include "lib/wire.h"

struct hf_strategy;

enum hf_connection_state {
	HF_CONNECTION_WAITING,		/* no path is known yet */
	HF_CONNECTION_ESTABLISHED,
	HF_CONNECTION_CHANGING,		/* the strategy has not finished */
	HF_CONNECTION_FAILED,		/* the last change failed and is tried again */
	HF_CONNECTION_STATE_COUNT,
};

enum hf_connection_event {
	HF_CONNECTION_BEGIN,		/* a change to another path, or the first path */
	HF_CONNECTION_DONE,
	HF_CONNECTION_FAIL,
	HF_CONNECTION_EVENT_COUNT,
};

struct hf_connection {
	uint32_t qpn;
	union hf_gid dgid;
	const struct hf_strategy *strategy;
	void *endpoint;			/* what the strategy changes; the strategy's */

	enum hf_connection_state state;
	struct hf_path path;		/* in use; zero before the first */
	struct hf_path wanted;		/* while CHANGING, and after a failure */
	bool path_lost;			/* the SM knows no path to @dgid now */
	uint64_t changes;		/* since it was established */
	uint64_t failures;
	uint64_t retry_ns;		/* after a failure; 0: the last change did not fail */

	/* The registry's. */
	bool not_added;
	UT_hash_handle hh;		/* by @qpn */
	struct hf_connection *prev, *next; /* with the same @dgid */
};

struct hf_registry;

/* Return: 0; -ENOMEM. */
int hf_registry_new(struct hf_registry **ret_registry);

/* @registry may be NULL. Destroys the connections that are left. */
void hf_registry_free(struct hf_registry *registry);

/**
 * hf_connection_create() - register a connection
 * @registry:       the port's
 * @qpn:            its queue pair
 * @dgid:           the other end
 * @strategy:       how it is changed
 * @endpoint:       passes to the connection, which closes it with the strategy when it is destroyed
 * @ret_connection: owned by the registry; valid until hf_connection_destroy()
 *
 * Return: 0; -EEXIST where the registry has @qpn; -ENOMEM. On failure @endpoint stays the caller's.
 */
int hf_connection_create(struct hf_registry *registry, uint32_t qpn, const union hf_gid *dgid,
			 const struct hf_strategy *strategy, void *endpoint, struct hf_connection **ret_connection);

/* It leads to @dgid from now on. Return: 0; -ENOMEM. */
int hf_connection_set_dgid(struct hf_registry *registry, struct hf_connection *connection, const union hf_gid *dgid);

void hf_connection_destroy(struct hf_registry *registry, struct hf_connection *connection);

/* Return: the connection; NULL if there is none. */
struct hf_connection *hf_registry_find_qpn(const struct hf_registry *registry, uint32_t qpn);

/* Return: the first with this destination, others behind it by @next; NULL if there is none. */
struct hf_connection *hf_registry_find_dgid(const struct hf_registry *registry, const union hf_gid *dgid);

size_t hf_registry_count(const struct hf_registry *registry);

/* In the order of creation. @visit may change the connection, not the registry. */
void hf_registry_for_each(const struct hf_registry *registry,
			  void (*visit)(void *ctx, struct hf_connection *connection), void *ctx);

/**
 * hf_connection_step() - the one place that changes a connection's state
 * @connection: changed
 * @event:      what happened
 *
 * Return: 0; -EINVAL where the event cannot happen in that state, with the state unchanged.
 */
int hf_connection_step(struct hf_connection *connection, enum hf_connection_event event);

const char *hf_connection_state_name(enum hf_connection_state state);

#endif
