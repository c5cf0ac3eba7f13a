/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * One InfiniBand port of this host, kept in step with the subnet manager: an hf_host subscribes to traps 68 and 69,
 * answers each Report, fetches the port's path records when they may have changed, and moves the port's connections
 * to the paths that the SM now gives.
 *
 * It starts no thread and waits for nothing. The program polls hf_host_fd(), calls hf_host_handle() when it is readable
 * or hf_host_deadline_ns() has passed, and does so on one thread at a time:
 *
 *	hf_host_new(&config, &host);
 *	for (;;) {
 *		poll hf_host_fd(host) until hf_host_deadline_ns(host)
 *		hf_host_handle(host);
 *	}
 *
 * Strings returned by the library are constant and live as long as it is loaded. GIDs are in network byte order, all
 * numbers in host order; MTU, rate and packet life are the IBA's codes (MTU 4 is 2048 bytes). Errors are negative
 * errno.
 */
#ifndef HOLDFAST_HOST_H
#define HOLDFAST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct hf_host;

struct hf_host_config {
	const char *device;	/* adapter, e.g. "mlx5_0"; NULL for the first */
	int port_num;		/* from 1; 0 for the first active one */
	const char *name;	/* who writes the trace; NULL for the adapter's name */
	const char *trace;	/* file to append JSON lines to; NULL for none */
	int port_interval_ms;	/* how often LID, SM and state of the port are read */
	int request_timeout_ms;	/* of a subscription */
	int query_timeout_ms;	/* of all path records; doubled after each failure */
	int check_interval_ms;	/* how often the SM is asked whether it still knows the subscription */
};

/* Every field set, with the defaults of holdfastd.conf(5). */
void hf_host_config_init(struct hf_host_config *config);

/**
 * hf_host_new() - open a port and begin to keep it in step
 * @config:   its strings are copied
 * @ret_host: to be freed with hf_host_free()
 *
 * A port that is down or has no SM is no error: it is watched until it has.
 *
 * Return: 0; -ENODEV where there is no such port; -EACCES; -EBUSY where another program receives this port's Reports;
 * -ENOMEM; -EIO; the errno of opening the trace.
 */
int hf_host_new(const struct hf_host_config *config, struct hf_host **ret_host);

/* @host may be NULL. Ends its connections; sends nothing: see hf_host_stop(). */
void hf_host_free(struct hf_host *host);

/* Takes the intervals and timeouts of @config; its other fields count only in hf_host_new(). */
void hf_host_set_config(struct hf_host *host, const struct hf_host_config *config);

/* A descriptor to poll for reading; the same as long as @host lives. */
int hf_host_fd(const struct hf_host *host);

/* CLOCK_MONOTONIC: when hf_host_handle() is to be called even if nothing was received. */
uint64_t hf_host_deadline_ns(const struct hf_host *host);

/**
 * hf_host_handle() - do what is due: receive, answer, ask, move connections
 * @host: the port
 *
 * Context: the caller's thread; does not block. A bounded number of MADs is taken at a time.
 * Return: 0; -ENODEV when the adapter is gone, -EIO when it cannot be read; after either only the getters and
 * hf_host_free() make sense.
 */
int hf_host_handle(struct hf_host *host);

/* Begins to end the subscriptions; hf_host_is_stopped() says when that is done or was tried. */
void hf_host_stop(struct hf_host *host);
bool hf_host_is_stopped(const struct hf_host *host);

/**
 * hf_host_connect_simulated() - create a simulated reliable connection
 * @host:    the port
 * @dgid:    GID of the port at the other end
 * @has_sqd: whether the simulated adapter can drain a send queue; if not, changes take the way through RESET
 * @ret_qpn: its queue pair number
 *
 * The queue pair is brought to RTS as soon as the SM gives a path to @dgid.
 *
 * Return: 0; -ENOMEM.
 */
int hf_host_connect_simulated(struct hf_host *host, const uint8_t dgid[16], bool has_sqd, uint32_t *ret_qpn);

struct hf_host_path {
	uint8_t dgid[16];
	uint16_t slid;
	uint16_t dlid;
	uint16_t pkey;
	uint8_t sl;
	uint8_t mtu;
	uint8_t rate;
	uint8_t pkt_life;
	bool reachable;		/* false: the SM took it back */
};

/* A connection whose queue pair is another program's: that has brought it to where it sends, and alone can move it. */
struct hf_host_program {
	uint32_t qpn;
	uint32_t dest_qpn;
	struct hf_host_path path;	/* in use; what is not known of SLID, P_Key, MTU, rate and packet life is 0 */
	int pid;
	const char *name;		/* of the program */

	/*
	 * Have it moved to @path; hf_host_finish_program() says what became of that. May call getters of the host
	 * only. Called until the connection is disconnected or the host is freed.
	 */
	void (*move)(void *ctx, const struct hf_host_path *path);
	void *ctx;
};

/**
 * hf_host_connect_program() - register a program's connection
 * @host:    the port
 * @program: its name is copied; a path with a GID of zeros is known by its DLID, and waits until the SM has named it
 *
 * The connection is moved where its DLID, SL, source path bits (with LMC) or static rate are not the SM's, or its MTU
 * is larger than the path's. One of another partition than the SM's path to that destination is left alone.
 *
 * Return: 0; -EEXIST where the port has a connection of this number; -ENOMEM.
 */
int hf_host_connect_program(struct hf_host *host, const struct hf_host_program *program);

struct hf_host_move {
	int err;		/* 0; or the negative errno of why the path in use is still the old one */
	const char *strategy;	/* constant; what did it */
	uint32_t lost;		/* work requests that ended in an error because of it */
	uint32_t replayed;	/* that were posted once more */
	uint64_t paused_ns;	/* for how long nothing could be sent */
};

/**
 * hf_host_update_program() - a program's connection uses another path to the same destination
 * @host: the port
 * @qpn:  its queue pair
 * @path: in use now
 * @move: of the other end's, which brought it there; NULL: the program itself did
 *
 * Return: 0; -ENOENT.
 */
int hf_host_update_program(struct hf_host *host, uint32_t qpn, const struct hf_host_path *path,
			   const struct hf_host_move *move);

/* The end of what the move function began. Return: 0, also where no move was begun; -ENOENT. */
int hf_host_finish_program(struct hf_host *host, uint32_t qpn, const struct hf_host_move *move);

/* Return: 0; -ENOENT where there is no connection with this number. */
int hf_host_disconnect(struct hf_host *host, uint32_t qpn);

struct hf_host_counters {
	uint64_t reports_repath;	/* Reports of trap 69 received */
	uint64_t reports_unpath;	/* of trap 68 */
	uint64_t reports_other;
	uint64_t reports_repeated;	/* further attempts of Reports that had arrived */
	uint64_t report_resps;		/* sent */
	uint64_t subscriptions;		/* accepted by the SM, each trap of each time */
	uint64_t queries;		/* for path records or what changed, each try */
	uint64_t queries_failed;
	uint64_t records;		/* path records received, in tables and in traps */
	uint64_t records_refused;	/* that start at another port */
	uint64_t deltas;		/* taken: answers that have changes alone, from an SM with Holdfast */
	uint64_t deltas_refused;	/* malformed, or not leading on from the table held; also in Reports */
	uint64_t whole_tables;		/* taken, as deltas or as path records */
	uint64_t changes;		/* destinations in deltas and in Reports that were taken */
	uint64_t reports_taken;		/* Reports of an SM with Holdfast whose paths were taken, without a query */
	uint64_t reports_known;		/* of what was held already */
	uint64_t gaps;			/* Reports that showed that an earlier one is missing */
	uint64_t mads_dropped;		/* not from the SM, malformed, or not awaited */
	uint64_t established;		/* connections that got their first path */
	uint64_t changed;		/* connections moved to another path */
	uint64_t failed;		/* moves that failed, each try */
	uint64_t lost;			/* connections whose path was lost */
	uint64_t returned;		/* and came back */
};

struct hf_host_status {
	const char *device;
	int port_num;
	const char *name;
	uint8_t gid[16];
	uint16_t lid;		/* 0: none */
	uint8_t lmc;
	uint16_t sm_lid;	/* 0: none */
	const char *state;	/* of the subscription: no-sm, subscribing, backing-off, subscribed, checking, ... */
	const char *query;	/* idle, running, stale, backing-off */
	bool busy;		/* the subscription is not complete, or a query or a change has not ended */
	uint32_t connections;
	uint32_t paths;
	uint64_t instance;	/* of the SM's that made the table of paths; 0: one without Holdfast */
	uint64_t epoch;		/* of that instance: the routing that the table is of */
	struct hf_host_counters counters;
};

/* Strings of @ret_status are valid as long as @host. */
void hf_host_get_status(const struct hf_host *host, struct hf_host_status *ret_status);

struct hf_host_connection {
	uint32_t qpn;
	struct hf_host_path path;	/* in use; all but the GID is 0 while there was none */
	const char *state;		/* waiting, established, changing, failed */
	const char *qp_state;		/* RESET, INIT, RTR, RTS, SQD, SQE, ERR */
	const char *strategy;
	bool path_lost;			/* the SM has no path to this destination now */
	uint64_t changes;

	/* Of a program's. */
	const char *program;		/* NULL: it is none */
	int pid;
	uint32_t dest_qpn;
	struct hf_host_move last_move;	/* its strategy is NULL before the first */
	void *ctx;			/* as in struct hf_host_program */
};

/* @dgid: whose path; @ret_path is set only if it is known. Return: 0; -ENOENT. */
int hf_host_find_path(const struct hf_host *host, const uint8_t dgid[16], struct hf_host_path *ret_path);

/* @ret_connection is set only if there is one with this number. Return: 0; -ENOENT. */
int hf_host_find_connection(const struct hf_host *host, uint32_t qpn, struct hf_host_connection *ret_connection);

/* Call @visit for each path that the SM gave, and for each connection; @visit may call getters of @host only. */
void hf_host_for_each_path(const struct hf_host *host, void (*visit)(void *ctx, const struct hf_host_path *path),
			   void *ctx);
void hf_host_for_each_connection(const struct hf_host *host,
				 void (*visit)(void *ctx, const struct hf_host_connection *connection), void *ctx);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
