/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfastd_programs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/program_server.h"
#include "tools/holdfastd_peers.h"

/* The data of a queue pair is the host that has its connection; NULL while its port is not served. */
struct holdfastd_programs {
	struct holdfastd_ports *ports;
	struct hf_program_server *server;
	struct holdfastd_peers *peers;
};

static struct hf_host_path host_path(const struct hf_program_path *path)
{
	struct hf_host_path out = {
		.slid = path->slid,
		.dlid = path->dlid,
		.pkey = path->pkey,
		.sl = path->sl,
		.mtu = path->mtu,
		.rate = path->rate,
		.pkt_life = path->pkt_life,
		.reachable = true,
	};

	memcpy(out.dgid, path->dgid.raw, sizeof(out.dgid));
	return out;
}

static struct hf_program_path program_path(const struct hf_host_path *path)
{
	struct hf_program_path out = {
		.slid = path->slid,
		.dlid = path->dlid,
		.pkey = path->pkey,
		.sl = path->sl,
		.mtu = path->mtu,
		.rate = path->rate,
		.pkt_life = path->pkt_life,
		.reachable = path->reachable,
	};

	memcpy(out.dgid.raw, path->dgid, sizeof(out.dgid.raw));
	return out;
}

/* From the host */

static void move_qp(void *ctx, const struct hf_host_path *path)
{
	const struct hf_program_path out = program_path(path);

	hf_program_qp_move(ctx, &out);
}

static void deliver(const struct hf_host_connection *connection, const struct hf_host_path *path, const uint8_t *data,
		    size_t length)
{
	const struct hf_program_path out = program_path(path);

	hf_program_qp_peer(connection->ctx, &out, data, length);
}

static void attach(struct hf_program_qp *qp, struct hf_host *host)
{
	const struct hf_host_program program = {
		.qpn = qp->key.qpn,
		.dest_qpn = qp->add.dest_qpn,
		.path = host_path(&qp->add.path),
		.pid = qp->who->pid,
		.name = qp->who->name,
		.move = move_qp,
		.ctx = qp,
	};
	int err = hf_host_connect_program(host, &program);

	if (err)
		hf_log(HF_LOG_WARN, "program \"%s\" (pid %d): %s QPN 0x%x is left alone: %s", program.name, program.pid,
		       qp->key.device, program.qpn, strerror(-err));
	else
		qp->data = host;
}

/* From programs */

static void add_qp(void *ctx, struct hf_program_qp *qp)
{
	const struct holdfastd_programs *programs = ctx;
	const struct hf_host_path path = host_path(&qp->add.path);
	const struct hf_program_done *moved = &qp->add.moved;
	const struct hf_host_move move = {
		.strategy = hf_program_strategy_names[moved->strategy], .lost = moved->lost,
		.replayed = moved->replayed, .paused_ns = moved->paused_ns,
	};
	struct hf_host *host = holdfastd_ports_find(programs->ports, qp->key.device, qp->add.port_num);

	if (!host)
		return;
	if (qp->data)
		(void)hf_host_update_program(host, qp->key.qpn, &path,
					     moved->strategy == HF_PROGRAM_STRATEGY_NONE ? NULL : &move);
	else
		attach(qp, host);
	holdfastd_ports_wake(programs->ports, host);
}

static void remove_qp(void *ctx, struct hf_program_qp *qp)
{
	const struct holdfastd_programs *programs = ctx;
	struct hf_host *host = qp->data;

	if (!host)
		return;
	(void)hf_host_disconnect(host, qp->key.qpn);
	qp->data = NULL;
	holdfastd_ports_wake(programs->ports, host);
}

/* What the connection uses now, for when the port is closed and opened again. */
static void keep_path(struct hf_program_qp *qp, const struct hf_host *host)
{
	const union hf_gid dgid = qp->add.path.dgid;
	struct hf_host_connection connection;

	if (hf_host_find_connection(host, qp->key.qpn, &connection))
		return;
	qp->add.path = program_path(&connection.path);
	qp->add.path.dgid = dgid;	/* or none, as the program has it */
}

static void finish_move(void *ctx, struct hf_program_qp *qp, const struct hf_program_moved *moved)
{
	const struct holdfastd_programs *programs = ctx;
	const struct hf_host_move move = {
		.err = moved->err,
		.strategy = hf_program_strategy_names[moved->strategy],
		.lost = moved->lost,
		.replayed = moved->replayed,
		.paused_ns = moved->paused_ns,
	};
	struct hf_host *host = qp->data;

	if (!host || hf_host_finish_program(host, qp->key.qpn, &move))
		return;
	keep_path(qp, host);
	holdfastd_ports_wake(programs->ports, host);
}

static void send_peer(void *ctx, struct hf_program_qp *qp, const uint8_t *data, size_t length)
{
	const struct holdfastd_programs *programs = ctx;

	if (qp->data)
		holdfastd_peers_send(programs->peers, qp->data, qp->key.qpn, data, length);
}

static const struct hf_program_server_ops server_ops = {
	.added = add_qp, .removed = remove_qp, .moved = finish_move, .peer = send_peer,
};

/* Ports that come and go */

struct opening {
	const char *device;
	int port_num;
	struct hf_host *host;
};

static void attach_waiting(void *ctx, struct hf_program_qp *qp)
{
	const struct opening *opening = ctx;

	if (!qp->data && qp->add.port_num == opening->port_num && !strcmp(qp->key.device, opening->device))
		attach(qp, opening->host);
}

static void open_port(void *ctx, const char *device, int port_num, struct hf_host *host)
{
	struct holdfastd_programs *programs = ctx;
	struct opening opening = { device, port_num, host };

	holdfastd_peers_add(programs->peers, device, port_num, host);
	hf_program_server_for_each(programs->server, attach_waiting, &opening);
}

static void detach(void *ctx, struct hf_program_qp *qp)
{
	if (qp->data == ctx)
		qp->data = NULL;
}

static void close_port(void *ctx, struct hf_host *host)
{
	struct holdfastd_programs *programs = ctx;

	holdfastd_peers_remove(programs->peers, host);
	hf_program_server_for_each(programs->server, detach, host);
}

static const struct holdfastd_ports_watcher watcher = { .opened = open_port, .closed = close_port };

/* Start and end */

static int start_server(struct holdfastd_programs *programs, struct event_base *base,
			const struct holdfastd_options *options)
{
	struct hf_program_server_config config;
	int err;

	hf_program_server_config_init(&config);
	config.path = options->programs_socket;
	config.group = options->programs_group;
	err = hf_program_server_new(base, &config, &server_ops, programs, &programs->server);
	if (err == -ENOENT && config.group && *config.group)
		hf_log(HF_LOG_ERROR, "programs_socket %s: group \"%s\": %s", config.path, config.group, strerror(-err));
	else if (err)
		hf_log(HF_LOG_ERROR, "programs_socket %s: %s", config.path, strerror(-err));
	return err;
}

int holdfastd_programs_new(struct event_base *base, const struct holdfastd_options *options,
			   struct holdfastd_ports *ports, struct holdfastd_programs **ret_programs)
{
	struct holdfastd_programs *programs;
	int err;

	*ret_programs = NULL;
	if (!options->programs_socket || !*options->programs_socket)
		return 0;
	programs = calloc(1, sizeof(*programs));
	if (!programs)
		return -ENOMEM;
	programs->ports = ports;
	err = holdfastd_peers_new(base, deliver, &programs->peers);
	if (!err)
		err = start_server(programs, base, options);
	if (err) {
		holdfastd_programs_free(programs);
		return err;
	}
	holdfastd_ports_watch(ports, &watcher, programs);
	*ret_programs = programs;
	return 0;
}

void holdfastd_programs_free(struct holdfastd_programs *programs)
{
	if (!programs)
		return;
	holdfastd_ports_watch(programs->ports, NULL, NULL);
	hf_program_server_free(programs->server);
	holdfastd_peers_free(programs->peers);
	free(programs);
}

unsigned int holdfastd_programs_count(const struct holdfastd_programs *programs)
{
	return programs ? hf_program_server_count(programs->server) : 0;
}
