/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A fabric read from outside, as a diagnostic reads it: topology, forwarding tables and SL to VL tables by SMPs on
 * directed routes, path records by one query of the SA. Nothing here asks Holdfast's plugin. Functions say on standard
 * error what fails.
 */
#ifndef HF_TOOLS_HOLDFAST_READER_H
#define HF_TOOLS_HOLDFAST_READER_H

#include <infiniband/ibnetdisc.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/umad_io.h"
#include "tools/sa_paths.h"

#define HF_READER_SLS		16
#define HF_READER_NO_PATH	0xff	/* in a forwarding table */

struct hf_reader {
	char *device;			/* NULL: the first; borrowed */
	int port_num;			/* 0: the first active one */
	struct ibmad_port *smp;
	ibnd_fabric_t *fabric;		/* as discovered */
	struct hf_umad_port port;	/* the port that is read through */
	struct hf_sa_paths paths;	/* of the SA, once it was asked */
};

/**
 * hf_reader_open() - open a port and discover the fabric
 * @reader:   filled; to be given to hf_reader_close() also on failure
 * @device:   see struct hf_reader
 * @port_num: see struct hf_reader
 *
 * Return: 0; a negative errno.
 */
int hf_reader_open(struct hf_reader *reader, char *device, int port_num);

void hf_reader_close(struct hf_reader *reader);

/**
 * hf_reader_query_paths() - ask the SA for all path records, into reader->paths
 * @timeout_ms: of the answer with its whole transfer
 *
 * Return: 0; -ETIMEDOUT; -EPROTO, -EBADMSG where the answer is no table; another negative errno.
 */
int hf_reader_query_paths(struct hf_reader *reader, int timeout_ms);

/**
 * hf_reader_lft() - read a switch's linear forwarding table
 * @node:      the switch
 * @ret_ports: egress port by LID from 0 on, HF_READER_NO_PATH for none; the caller frees it
 * @ret_count: LinearFDBTop + 1
 *
 * Return: 0; -EIO where the switch does not answer; -ENOMEM.
 */
int hf_reader_lft(const struct hf_reader *reader, ibnd_node_t *node, uint8_t **ret_ports, size_t *ret_count);

/* Reads the VL of each SL for packets of a switch from port @in (0: its own) to port @out. Return: 0; -EIO. */
int hf_reader_switch_sl2vl(const struct hf_reader *reader, ibnd_node_t *node, int in, int out,
			   uint8_t ret_vls[HF_READER_SLS]);

/* The same for packets that an adapter's port sends. */
int hf_reader_host_sl2vl(const struct hf_reader *reader, const ibnd_port_t *port, uint8_t ret_vls[HF_READER_SLS]);

#endif
