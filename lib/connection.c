/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/connection.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "lib/gid.h"
#include "lib/log.h"
#include "lib/strategy.h"

/* All connections to one destination. */
struct destination {
	union hf_gid dgid;
	struct hf_connection *connections;
	bool not_added;
	UT_hash_handle hh;	/* by dgid */
};

struct hf_registry {
	struct hf_connection *by_qpn;
	struct destination *by_dgid;
};

static const char *const state_names[] = {
	[HF_CONNECTION_WAITING] = "waiting",
	[HF_CONNECTION_ESTABLISHED] = "established",
	[HF_CONNECTION_CHANGING] = "changing",
	[HF_CONNECTION_FAILED] = "failed",
};

static const char *const event_names[] = {
	[HF_CONNECTION_BEGIN] = "begin", [HF_CONNECTION_DONE] = "done", [HF_CONNECTION_FAIL] = "fail",
};

struct transition {
	bool exists;
	enum hf_connection_state next;
};

#define TO(state_) { .exists = true, .next = HF_CONNECTION_##state_ }

static const struct transition transitions[HF_CONNECTION_STATE_COUNT][HF_CONNECTION_EVENT_COUNT] = {
	[HF_CONNECTION_WAITING] = { [HF_CONNECTION_BEGIN] = TO(CHANGING) },
	[HF_CONNECTION_ESTABLISHED] = { [HF_CONNECTION_BEGIN] = TO(CHANGING) },
	[HF_CONNECTION_CHANGING] = {
		[HF_CONNECTION_DONE] = TO(ESTABLISHED),
		[HF_CONNECTION_FAIL] = TO(FAILED),
	},
	[HF_CONNECTION_FAILED] = { [HF_CONNECTION_BEGIN] = TO(CHANGING) },
};

int hf_connection_step(struct hf_connection *connection, enum hf_connection_event event)
{
	const struct transition *transition = &transitions[connection->state][event];

	if (!transition->exists)
		return -EINVAL;
	hf_log(HF_LOG_DEBUG, "QPN 0x%x to %s: %s -> %s on %s", connection->qpn, hf_gid_format(&connection->dgid).text,
	       state_names[connection->state], state_names[transition->next], event_names[event]);
	connection->state = transition->next;
	return 0;
}

int hf_registry_new(struct hf_registry **ret_registry)
{
	struct hf_registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return -ENOMEM;
	*ret_registry = registry;
	return 0;
}

void hf_registry_free(struct hf_registry *registry)
{
	if (!registry)
		return;
	while (registry->by_qpn)
		hf_connection_destroy(registry, registry->by_qpn);
	free(registry);
}

static struct destination *find_destination(const struct hf_registry *registry, const union hf_gid *dgid)
{
	struct destination *destination;

	HASH_FIND(hh, registry->by_dgid, dgid, sizeof(*dgid), destination);
	return destination;
}

static int find_or_add_destination(struct hf_registry *registry, const union hf_gid *dgid,
				   struct destination **ret_destination)
{
	struct destination *destination = find_destination(registry, dgid);

	if (!destination) {
		destination = calloc(1, sizeof(*destination));
		if (!destination)
			return -ENOMEM;
		destination->dgid = *dgid;
		HASH_ADD(hh, registry->by_dgid, dgid, sizeof(destination->dgid), destination);
		if (destination->not_added) {
			free(destination);
			return -ENOMEM;
		}
	}
	*ret_destination = destination;
	return 0;
}

static void drop_if_empty(struct hf_registry *registry, struct destination *destination)
{
	if (destination->connections)
		return;
	HASH_DEL(registry->by_dgid, destination);
	free(destination);
}

int hf_connection_create(struct hf_registry *registry, uint32_t qpn, const union hf_gid *dgid,
			 const struct hf_strategy *strategy, void *endpoint, struct hf_connection **ret_connection)
{
	struct destination *destination;
	struct hf_connection *connection;
	int err;

	if (hf_registry_find_qpn(registry, qpn))
		return -EEXIST;
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return -ENOMEM;
	connection->qpn = qpn;
	connection->dgid = *dgid;
	connection->strategy = strategy;
	connection->endpoint = endpoint;

	err = find_or_add_destination(registry, dgid, &destination);
	if (err)
		goto err_free_connection;
	HASH_ADD(hh, registry->by_qpn, qpn, sizeof(connection->qpn), connection);
	if (connection->not_added) {
		err = -ENOMEM;
		goto err_drop_destination;
	}
	DL_APPEND(destination->connections, connection);
	*ret_connection = connection;
	return 0;

err_drop_destination:
	drop_if_empty(registry, destination);
err_free_connection:
	free(connection);
	return err;
}

int hf_connection_set_dgid(struct hf_registry *registry, struct hf_connection *connection, const union hf_gid *dgid)
{
	struct destination *from = find_destination(registry, &connection->dgid), *to;
	int err = find_or_add_destination(registry, dgid, &to);

	if (err)
		return err;
	DL_DELETE(from->connections, connection);
	DL_APPEND(to->connections, connection);
	connection->dgid = *dgid;
	drop_if_empty(registry, from);
	return 0;
}

void hf_connection_destroy(struct hf_registry *registry, struct hf_connection *connection)
{
	struct destination *destination = find_destination(registry, &connection->dgid);

	DL_DELETE(destination->connections, connection);
	drop_if_empty(registry, destination);
	HASH_DEL(registry->by_qpn, connection);
	connection->strategy->close(connection->endpoint);
	free(connection);
}

struct hf_connection *hf_registry_find_qpn(const struct hf_registry *registry, uint32_t qpn)
{
	struct hf_connection *connection;

	HASH_FIND(hh, registry->by_qpn, &qpn, sizeof(qpn), connection);
	return connection;
}

struct hf_connection *hf_registry_find_dgid(const struct hf_registry *registry, const union hf_gid *dgid)
{
	const struct destination *destination = find_destination(registry, dgid);

	return destination ? destination->connections : NULL;
}

size_t hf_registry_count(const struct hf_registry *registry)
{
	return HASH_COUNT(registry->by_qpn);
}

void hf_registry_for_each(const struct hf_registry *registry,
			  void (*visit)(void *ctx, struct hf_connection *connection), void *ctx)
{
	for (struct hf_connection *connection = registry->by_qpn; connection; connection = connection->hh.next)
		visit(ctx, connection);
}

const char *hf_connection_state_name(enum hf_connection_state state)
{
	return state_names[state];
}
