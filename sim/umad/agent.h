/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The MAD agents of one port: who may register and whom an arriving MAD belongs to, by the rules of the kernel's MAD
 * layer. Pure: no I/O, no locks.
 */
#ifndef HF_SIM_UMAD_AGENT_H
#define HF_SIM_UMAD_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_file;
struct hf_rmpp;

/* What a program asks for; the union of both registration requests of the kernel. */
struct hf_agent_request {
	uint32_t qpn; /* 0 or 1 */
	uint8_t mgmt_class; /* 0: only sends and gets answers */
	uint8_t class_version;
	uint8_t rmpp_version; /* 0: sees RMPP MADs one by one */
	uint32_t oui; /* vendor classes 0x30 to 0x4f */
	uint64_t methods[2]; /* bit set: requests of this method are the agent's; bit m is in word m / 64 */
	bool does_own_rmpp; /* IB_USER_MAD_USER_RMPP */
};

struct hf_agent {
	struct hf_agent_request is;
	uint16_t tag; /* its part of transaction ids; unique in the table */
	uint32_t id; /* its number in its file */
	struct hf_file *file; /* whose it is; the table does not look at it */
	struct hf_rmpp *rmpp; /* NULL where the agent wants none; the table does not look at it */
	void *port; /* likewise */
	struct hf_agent *prev, *next;
};

struct hf_agent_table {
	struct hf_agent *first;
	uint16_t next_tag;
};

/**
 * hf_agent_table_init() - an empty table
 * @table:     filled in
 * @first_tag: of the first agent. Must be random: a peer remembers the transactions of a finished RMPP transfer for
 *             10 s, and would take those of a new process with the same tags for duplicates
 */
void hf_agent_table_init(struct hf_agent_table *table, uint16_t first_tag);

/**
 * hf_agent_add() - register an agent
 * @table:     table
 * @request:   copied
 * @ret_agent: the new agent, in the table; end it with hf_agent_remove()
 *
 * Return: 0; -EINVAL where the kernel says so: bad QP, class, version, OUI or RMPP version, or another agent has one
 * of the methods already; -ENOMEM; -ENOSPC if all 65536 tags are in use.
 */
int hf_agent_add(struct hf_agent_table *table, const struct hf_agent_request *request, struct hf_agent **ret_agent);

/** hf_agent_remove() - take an agent out of its table and free it. */
void hf_agent_remove(struct hf_agent_table *table, struct hf_agent *agent);

/**
 * hf_agent_find() - whom an arriving MAD belongs to
 * @table: table
 * @mad:   256 bytes
 *
 * A response belongs to the agent whose tag is in its transaction id, a request to the agent that registered its
 * class, version and method (and OUI).
 *
 * Return: the agent or NULL.
 */
struct hf_agent *hf_agent_find(const struct hf_agent_table *table, const uint8_t *mad);

/** hf_agent_wants_requests() - does any agent of the table wait for requests? */
bool hf_agent_wants_requests(const struct hf_agent_table *table);

#endif
