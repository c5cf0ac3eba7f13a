/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The daemon's end of doc/program-protocol.md: a unix socket on which programs say which queue pairs they have, and are
 * told to move them. It knows nothing of paths and of adapters.
 *
 * No program can hold up another or the daemon: one that owes an answer, or does not read, for too long is cut off.
 * None can touch what is another's: a queue pair belongs to the session that added it first.
 *
 * Queue pairs are the server's, from added() to removed(). Its functions may be called from anywhere in the loop's
 * thread: they never call back.
 */
#ifndef HF_LIB_PROGRAM_SERVER_H
#define HF_LIB_PROGRAM_SERVER_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/hash.h"
#include "lib/program_wire.h"

struct hf_program_server;
struct hf_program_session;

/* The program at the other end of a session. */
struct hf_program_who {
	int pid;		/* by the kernel */
	char name[HF_PROGRAM_DEVICE_MAX + 1];	/* as it says; printable */
};

struct hf_program_qp_key {
	char device[HF_PROGRAM_DEVICE_MAX + 1];	/* zeros to the end */
	uint32_t qpn;
};

struct hf_program_qp {
	struct hf_program_qp_key key;
	struct hf_program_add add;	/* as the program said it last; the path is the caller's to keep up to date */
	const struct hf_program_who *who;
	void *data;			/* the caller's; NULL at first */

	/* The server's. */
	struct hf_program_session *session;
	uint32_t own_key[2];		/* the program's: adapter, qpn */
	bool is_sending, is_awaited, not_added;
	uint32_t move_id;		/* of the move that is awaited */
	struct hf_program_path move_path;
	UT_hash_handle hh;		/* by own_key, in the session */
	UT_hash_handle hh_key;		/* by key, in the server */
	struct hf_program_qp *prev, *next;	/* whose moves are to be sent */
};

/* What a program says. Called in the loop. */
struct hf_program_server_ops {
	/* It has this queue pair, or the one that it has uses another path now. */
	void (*added)(void *ctx, struct hf_program_qp *qp);

	/* No longer: it is freed afterwards. Also before added(), where destination or port became another. */
	void (*removed)(void *ctx, struct hf_program_qp *qp);

	/* The answer to hf_program_qp_move(). */
	void (*moved)(void *ctx, struct hf_program_qp *qp, const struct hf_program_moved *moved);

	/* For the program at the other end. */
	void (*peer)(void *ctx, struct hf_program_qp *qp, const uint8_t *data, size_t length);
};

struct hf_program_server_config {
	const char *path;	/* of the socket */
	const char *group;	/* whose members may connect, beside root and the daemon's own user; NULL, "": all */
	unsigned int sessions_max;
	unsigned int qps_max;	/* of one session */
	unsigned int patience_ms;	/* for what a program owes: HELLO, the answer to a move, reading */
};

/* Every field set but the path. */
void hf_program_server_config_init(struct hf_program_server_config *config);

/**
 * hf_program_server_new() - listen on a unix socket
 * @base:       the loop, whose thread alone may use the server
 * @config:     copied; its strings are used here only
 * @ops:        borrowed
 * @ctx:        passed to them
 * @ret_server: to be freed with hf_program_server_free(), which removes the socket
 *
 * Return: 0; -ENOENT where there is no such group; -ENAMETOOLONG; -ENOMEM; as hf_local_socket_open().
 */
int hf_program_server_new(struct event_base *base, const struct hf_program_server_config *config,
			  const struct hf_program_server_ops *ops, void *ctx, struct hf_program_server **ret_server);

/* @server may be NULL. Ends all sessions; removed() is called for each queue pair. */
void hf_program_server_free(struct hf_program_server *server);

/* Sessions whose program said HELLO. */
unsigned int hf_program_server_count(const struct hf_program_server *server);

/**
 * hf_program_qp_move() - tell the program to move
 * @qp:   a queue pair
 * @path: copied
 *
 * One move at a time is answered by moved(); a further one before that takes its place. Nothing is sent here and
 * nothing fails: the loop sends when the program reads.
 */
void hf_program_qp_move(struct hf_program_qp *qp, const struct hf_program_path *path);

/* From the program at the other end; dropped where this one does not read. @length: at most HF_PROGRAM_PEER_MAX. */
void hf_program_qp_peer(struct hf_program_qp *qp, const struct hf_program_path *path, const uint8_t *data,
			size_t length);

/* Calls @visit for each queue pair of all programs. */
void hf_program_server_for_each(struct hf_program_server *server, void (*visit)(void *ctx, struct hf_program_qp *qp),
				void *ctx);

#endif
