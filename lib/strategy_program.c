/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/strategy_program.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/host_private.h"
#include "lib/strategy.h"

#define PKEY_PARTITION	0x7fff	/* without the kind of membership */

struct hf_program_endpoint *hf_program_endpoint_of(const struct hf_connection *connection)
{
	return connection->strategy == &hf_strategy_program ? connection->endpoint : NULL;
}

/* The queue pair sends already: that path is its first. */
static int program_establish(struct hf_connection *connection, const struct hf_path *path, uint64_t now_ns)
{
	const struct hf_program_endpoint *endpoint = connection->endpoint;

	(void)now_ns;
	connection->wanted = endpoint->used;
	connection->wanted.dgid = path->dgid;
	connection->wanted.reachable = true;
	return 0;
}

/* What the queue pair uses on @path: what was not known of it is not known afterwards, and its MTU never grows. */
static struct hf_path used_on(const struct hf_path *used, const struct hf_path *path)
{
	struct hf_path result = *path;

	result.slid = used->slid ? path->slid : 0;
	result.pkey = used->pkey;
	result.rate = used->rate ? path->rate : 0;
	result.mtu = used->mtu < path->mtu ? used->mtu : path->mtu;
	return result;
}

static int program_apply(struct hf_connection *connection, const struct hf_path *path, uint64_t now_ns)
{
	const struct hf_program_endpoint *endpoint = connection->endpoint;
	const struct hf_host_path public_path = hf__host_public_path(path, &path->dgid);

	(void)now_ns;
	connection->wanted = used_on(&connection->path, path);
	endpoint->move(endpoint->ctx, &public_path);
	return -EINPROGRESS;
}

/*
 * Only what an address vector holds, and an MTU that the path no longer has. A path of another partition than the queue
 * pair's is none for it: the SM was asked for one path to each port.
 */
static bool program_differs(const struct hf_connection *connection, const struct hf_path *path)
{
	const struct hf_program_endpoint *endpoint = connection->endpoint;
	const struct hf_path *used = &connection->path;
	uint16_t path_bits = (1u << *endpoint->lmc) - 1;

	if (used->pkey && path->pkey && (used->pkey ^ path->pkey) & PKEY_PARTITION)
		return false;
	return used->dlid != path->dlid || used->sl != path->sl ||
	       (used->slid && (used->slid ^ path->slid) & path_bits) || (used->rate && used->rate != path->rate) ||
	       used->mtu > path->mtu;
}

static void program_close(void *ctx)
{
	struct hf_program_endpoint *endpoint = ctx;

	if (!endpoint)
		return;
	free(endpoint->program);
	free(endpoint);
}

/* Programs name only such connections. */
static const char *program_qp_state(const struct hf_connection *connection)
{
	(void)connection;
	return "RTS";
}

const struct hf_strategy hf_strategy_program = {
	.name = "program",
	.establish = program_establish,
	.apply = program_apply,
	.differs = program_differs,
	.close = program_close,
	.qp_state = program_qp_state,
};
