/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What holdfastd and a program with libholdfast-verbs say to each other, over a unix socket of type SOCK_SEQPACKET: one
 * message a packet, all of the same size, in host byte order. Who says what when stands in doc/program-protocol.md.
 *
 * Each side checks every message with hf_program_check() before it looks at it: neither trusts the other.
 */
#ifndef HF_LIB_PROGRAM_WIRE_H
#define HF_LIB_PROGRAM_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

#define HF_PROGRAM_MAGIC	0x48465056u	/* "HFPV" */
#define HF_PROGRAM_VERSION	1		/* of the layout below */
#define HF_PROGRAM_DEVICE_MAX	63		/* without the zero */
#define HF_PROGRAM_PEER_MAX	64		/* bytes from program to program */

enum hf_program_kind {
	HF_PROGRAM_HELLO = 1,	/* program: its first message */
	HF_PROGRAM_WELCOME,	/* holdfastd: the answer to it */
	HF_PROGRAM_ADD,		/* program: a connection that can send, and what it uses now; again after its changes */
	HF_PROGRAM_REMOVE,	/* program: one that is gone, or left RTS by the program's doing */
	HF_PROGRAM_MOVE,	/* holdfastd: use this path */
	HF_PROGRAM_MOVED,	/* program: the answer to it */
	HF_PROGRAM_PEER,	/* program: to the program at the other end; holdfastd: from there */
	HF_PROGRAM_KINDS,	/* no kind is 0 */
};

/* How a connection is moved; in the order in which they are preferred. */
enum hf_program_strategy {
	HF_PROGRAM_STRATEGY_NONE,	/* not moved */
	HF_PROGRAM_STRATEGY_APM,
	HF_PROGRAM_STRATEGY_SQD,
	HF_PROGRAM_STRATEGY_RESET,
	HF_PROGRAM_STRATEGIES,
};

extern const char *const hf_program_kind_names[HF_PROGRAM_KINDS];
extern const char *const hf_program_strategy_names[HF_PROGRAM_STRATEGIES];	/* none, apm, sqd, reset */

/* A path; MTU, rate and packet life in the IBA's codes. */
struct hf_program_path {
	union hf_gid dgid;	/* all zero: known by its DLID alone (an address vector without GRH) */
	uint16_t dlid;
	uint16_t slid;		/* 0: not known */
	uint16_t pkey;		/* 0: not known */
	uint8_t sl;
	uint8_t mtu;		/* 0: not known; so are the two below */
	uint8_t rate;
	uint8_t pkt_life;
	uint8_t reachable;	/* 0 or 1: whether the SM has such a path */
	uint8_t reserved[5];
};

struct hf_program_hello {
	uint32_t version;	/* HF_PROGRAM_VERSION */
	uint32_t reserved;
	char name[HF_PROGRAM_DEVICE_MAX + 1];	/* of the program, for people */
};

struct hf_program_welcome {
	uint32_t version;
	uint32_t reserved;
};

/* What a move took, and who did it: none for the program itself. */
struct hf_program_done {
	uint8_t strategy;	/* enum hf_program_strategy */
	uint8_t reserved[3];
	uint32_t lost;		/* work requests that ended in an error because of it */
	uint32_t replayed;	/* that were posted once more */
	uint32_t reserved2;
	uint64_t paused_ns;	/* for how long the queue pair could not send */
};

struct hf_program_add {
	char device[HF_PROGRAM_DEVICE_MAX + 1];
	uint8_t port_num;	/* from 1 */
	uint8_t qp_type;	/* HF_QP_RC or HF_QP_UC */
	uint8_t reserved[2];
	uint32_t dest_qpn;
	struct hf_program_path path;	/* in use; what is not in an address vector is 0 */
	struct hf_program_done moved;	/* a move of the other end's that has brought it there since the last ADD */
};

struct hf_program_move {
	uint32_t move_id;	/* another one for each move of the connection, not 0 */
	uint32_t reserved;
	struct hf_program_path path;
};

struct hf_program_moved {
	uint32_t move_id;
	int32_t err;		/* 0, or the negative errno of why it uses what it used before */
	uint8_t strategy;	/* enum hf_program_strategy: what did it */
	uint8_t reserved[3];
	uint32_t lost;		/* work requests that ended in an error because of it */
	uint32_t replayed;	/* that were posted once more */
	uint32_t reserved2;
	uint64_t paused_ns;	/* for how long the queue pair could not send */
};

struct hf_program_peer {
	uint32_t length;	/* of data */
	uint32_t reserved;
	uint8_t data[HF_PROGRAM_PEER_MAX];
	struct hf_program_path path;	/* from holdfastd: the SM's path to the other end; from the program zeros */
};

struct hf_program_message {
	uint32_t magic;
	uint32_t kind;		/* enum hf_program_kind */
	uint32_t qpn;		/* the program's own queue pair; 0 in HELLO and WELCOME */
	uint32_t adapter;	/* the program's own number of qpn's adapter; two may have a queue pair of one number */
	union {
		struct hf_program_hello hello;
		struct hf_program_welcome welcome;
		struct hf_program_add add;	/* REMOVE has no body */
		struct hf_program_move move;
		struct hf_program_moved moved;
		struct hf_program_peer peer;
		uint8_t raw[128];
	};
};

HF_CHECK_SIZE(struct hf_program_path, 32);
HF_CHECK_AT(struct hf_program_path, dlid, 16);
HF_CHECK_SIZE(struct hf_program_hello, 72);
HF_CHECK_SIZE(struct hf_program_done, 24);
HF_CHECK_SIZE(struct hf_program_add, 128);
HF_CHECK_SIZE(struct hf_program_move, 40);
HF_CHECK_SIZE(struct hf_program_moved, 32);
HF_CHECK_SIZE(struct hf_program_peer, 104);
HF_CHECK_SIZE(struct hf_program_message, 144);

enum hf_program_side {
	HF_PROGRAM_FROM_PROGRAM,
	HF_PROGRAM_FROM_DAEMON,
};

/**
 * hf_program_check() - may a message be looked at?
 * @message: as it was received
 * @length:  bytes received
 * @from:    who sent it
 *
 * Reserved bytes may have any value: a later version may use them.
 *
 * Return: 0; -EBADMSG for what is no such message: length, magic, kind, a kind that this side does not send, a string
 * without its end, a value that is not defined; -EPROTONOSUPPORT for a HELLO or WELCOME of another version.
 */
int hf_program_check(const struct hf_program_message *message, size_t length, enum hf_program_side from);

/* All zero but magic, kind and @qpn. */
void hf_program_message_init(struct hf_program_message *message, enum hf_program_kind kind, uint32_t qpn);

#endif
