/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What subnet managers have set at the simulated nodes and ibsim does not keep. There is one record for each port that
 * can have a LID: port 0 of a switch, which holds what was set at all its ports, and each port of an adapter. Pure: no
 * I/O, no locks; one thread.
 */
#ifndef HF_SIM_SMA_STORE_H
#define HF_SIM_SMA_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/hash.h"
#include "sim/sma/smp.h"

struct hf_sma_key {
	uint64_t node_guid;	/* host order */
	uint32_t port;		/* 0 for a switch */
	uint32_t pad;
};

struct hf_sma_port {
	bool is_set;
	uint8_t info[HF_SMP_DATA_SIZE];	/* PortInfo as the last Set left it */
};

struct hf_sma_record {
	struct hf_sma_key key;
	bool had_lid;		/* ibsim knew a LID of the port when it was last asked */
	unsigned int checked_at;	/* hf_sma.console_lines when it was asked */
	bool has_switch_info;
	uint8_t switch_info[HF_SMP_DATA_SIZE];	/* as the last Set had it */
	__be64 guids[UINT8_MAX + 1];	/* what was set behind GUID 0, at its index */
	unsigned int port_count;	/* of @ports */
	bool not_added;		/* see lib/hash.h */
	UT_hash_handle hh;
	struct hf_sma_port ports[];	/* of a switch by port number, of an adapter the port alone */
};

struct hf_sma_store {
	struct hf_sma_record *by_key;
};

void hf_sma_store_fini(struct hf_sma_store *store);

/* The record of a port, or NULL. */
struct hf_sma_record *hf_sma_store_find(const struct hf_sma_store *store, uint64_t node_guid, unsigned int port);

/**
 * hf_sma_store_add() - the record of a port, made where there is none
 * @store:      store
 * @node_guid:  of the node, host order
 * @port:       0 for a switch
 * @port_count: what hf_sma_record.port_count shall be at least; a record that has fewer loses what it holds
 *
 * Return: the record; NULL where memory ran out.
 */
struct hf_sma_record *hf_sma_store_add(struct hf_sma_store *store, uint64_t node_guid, unsigned int port,
				       unsigned int port_count);

/* Frees @record. */
void hf_sma_store_remove(struct hf_sma_store *store, struct hf_sma_record *record);

#endif
