/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Connections whose queue pair is another program's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/gid.h"
#include "lib/host_private.h"
#include "lib/log.h"
#include "lib/strategy.h"
#include "lib/strategy_program.h"

/* Under which the registry has connections that are known by their DLID alone. */
static const union hf_gid no_gid;

static struct hf_path private_path(const struct hf_host_path *path)
{
	struct hf_path out = {
		.dlid = path->dlid,
		.slid = path->slid,
		.pkey = path->pkey,
		.sl = path->sl,
		.mtu = path->mtu,
		.rate = path->rate,
		.pkt_life = path->pkt_life,
		.reachable = true,
	};

	memcpy(out.dgid.raw, path->dgid, sizeof(out.dgid.raw));
	return out;
}

static void name_destination(struct hf_host *host, struct hf_connection *connection)
{
	const struct hf_program_endpoint *endpoint = connection->endpoint;
	const uint16_t base_mask = (uint16_t)(0xffffu << host->port.lmc);
	const struct hf_path *path = hf_path_cache_find_lid(host->cache, endpoint->used.dlid);
	int err;

	if (!path)
		path = hf_path_cache_find_lid(host->cache, endpoint->used.dlid & base_mask);
	if (!path)
		return;
	err = hf_connection_set_dgid(host->registry, connection, &path->dgid);
	if (err)
		hf_log(HF_LOG_ERROR, "%s port %d: QPN 0x%x to LID %u is left alone: %s", host->port.device,
		       host->port.port_num, connection->qpn, endpoint->used.dlid, strerror(-err));
}

static bool is_named(const struct hf_connection *connection)
{
	return !hf_gid_is_equal(&connection->dgid, &no_gid);
}

static void compare(struct hf_host *host, struct hf_connection *connection)
{
	if (!is_named(connection))
		name_destination(host, connection);
	hf_reconciler_run_connection(&host->reconciler, connection, host->now_ns);
}

void hf__host_name_waiting(struct hf_host *host)
{
	struct hf_connection *connection = hf_registry_find_dgid(host->registry, &no_gid), *next;

	for (; connection; connection = next) {
		next = connection->next;
		compare(host, connection);
	}
}

int hf_host_connect_program(struct hf_host *host, const struct hf_host_program *program)
{
	struct hf_program_endpoint *endpoint = calloc(1, sizeof(*endpoint));
	struct hf_connection *connection;
	int err;

	if (!endpoint)
		return -ENOMEM;
	*endpoint = (struct hf_program_endpoint){
		.used = private_path(&program->path),
		.lmc = &host->port.lmc,
		.dest_qpn = program->dest_qpn,
		.pid = program->pid,
		.program = strdup(program->name),
		.move = program->move,
		.ctx = program->ctx,
	};
	if (!endpoint->program) {
		err = -ENOMEM;
		goto err_close_endpoint;
	}
	err = hf_connection_create(host->registry, program->qpn, &endpoint->used.dgid, &hf_strategy_program, endpoint,
				   &connection);
	if (err)
		goto err_close_endpoint;
	host->now_ns = hf_now_ns();
	compare(host, connection);
	return 0;

err_close_endpoint:
	hf_strategy_program.close(endpoint);
	return err;
}

static struct hf_connection *find_program(const struct hf_host *host, uint32_t qpn)
{
	struct hf_connection *connection = hf_registry_find_qpn(host->registry, qpn);

	return connection && hf_program_endpoint_of(connection) ? connection : NULL;
}

/* By the other end: whatever is under way towards that path has reached it. */
static void note_moved(struct hf_host *host, struct hf_connection *connection, const struct hf_host_move *move)
{
	struct hf_program_endpoint *endpoint = connection->endpoint;
	struct hf_path used = endpoint->used;

	if (connection->state == HF_CONNECTION_CHANGING &&
	    (connection->wanted.dlid != used.dlid || connection->wanted.sl != used.sl))
		return;
	used.dgid = connection->dgid;
	endpoint->last_move = *move;
	hf_reconciler_note_moved(&host->reconciler, connection, &used, host->now_ns);
}

int hf_host_update_program(struct hf_host *host, uint32_t qpn, const struct hf_host_path *path,
			   const struct hf_host_move *move)
{
	struct hf_connection *connection = find_program(host, qpn);
	struct hf_program_endpoint *endpoint;

	if (!connection)
		return -ENOENT;
	endpoint = connection->endpoint;
	endpoint->used = private_path(path);
	host->now_ns = hf_now_ns();
	if (move && hf_path_differs(&connection->path, &endpoint->used))
		note_moved(host, connection, move);
	if (connection->path.reachable) {
		connection->path = endpoint->used;
		connection->path.dgid = connection->dgid;
	}
	compare(host, connection);
	return 0;
}

int hf_host_finish_program(struct hf_host *host, uint32_t qpn, const struct hf_host_move *move)
{
	struct hf_connection *connection = find_program(host, qpn);
	struct hf_program_endpoint *endpoint;

	if (!connection)
		return -ENOENT;
	endpoint = connection->endpoint;
	/* The other end may have been first: that has been told already. */
	if (connection->state != HF_CONNECTION_CHANGING)
		return 0;
	endpoint->last_move = *move;
	host->now_ns = hf_now_ns();
	hf_reconciler_finish(&host->reconciler, connection, move->err, host->now_ns);
	return 0;
}
