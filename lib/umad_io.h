/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The one place that calls libibumad and knows its ways of saying "no" (+errno, -1, NULL). The kernel does RMPP: a
 * reply of many segments arrives here as one MAD of any length.
 */
#ifndef HF_LIB_UMAD_IO_H
#define HF_LIB_UMAD_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

struct hf_umad;

/* Where a MAD comes from or goes to; host order. */
struct hf_mad_addr {
	uint16_t lid;
	uint32_t qpn;
	uint32_t qkey;
	uint8_t sl;
	uint8_t path_bits;
	uint16_t pkey_index;
};

struct hf_umad_port {
	char device[64];	/* the adapter's name, e.g. mlx5_0 */
	int port_num;		/* from 1 */
	uint16_t lid;		/* 0 while the SM has given none */
	uint8_t lmc;
	uint16_t sm_lid;	/* 0 while there is no SM */
	uint8_t sm_sl;
	uint8_t state;		/* PortState: 1 down, 2 init, 3 armed, 4 active */
	union hf_gid gid;	/* GID 0: subnet prefix and port GUID */
};

struct hf_umad_received {
	int agent;
	int status;		/* 0: a MAD arrived; -ETIMEDOUT: a request's answer did not; other -errno */
	struct hf_mad_addr from;
	uint8_t *mad;		/* with @status != 0 the header of the request; freed with free() */
	size_t len;
};

/**
 * hf_umad_list_ports() - find the InfiniBand ports of this machine
 * @ret_ports: array, freed with free()
 * @ret_count: its length, may be 0
 *
 * Return: 0; -ENOMEM; -EIO where the adapters cannot be read.
 */
int hf_umad_list_ports(struct hf_umad_port **ret_ports, size_t *ret_count);

/**
 * hf_umad_open() - open a port for management datagrams
 * @device:   the adapter's name; NULL for the first
 * @port_num: from 1; 0 for the first active one
 * @ret_umad: to be closed with hf_umad_close()
 *
 * Return: 0; -ENODEV where there is no such port; -EACCES, -EIO.
 */
int hf_umad_open(const char *device, int port_num, struct hf_umad **ret_umad);

/* @umad may be NULL. Ends all its agents. */
void hf_umad_close(struct hf_umad *umad);

/**
 * hf_umad_register_sa() - become a client of the SA
 * @umad:      the port
 * @reports:   also receive Report(Notice): one agent a port can
 * @ret_agent: names the agent in sends and receives
 *
 * Return: 0; -EBUSY where another program of this port receives reports; -EIO.
 */
int hf_umad_register_sa(struct hf_umad *umad, bool reports, int *ret_agent);

/**
 * hf_umad_register_vendor() - send and receive MADs of a vendor class with an OUI
 * @umad:         the port
 * @mgmt_class:   0x30 to 0x4f
 * @version:      of the class
 * @oui:          24 bits
 * @methods:      of the requests that are received
 * @method_count: how many; 0: only answers are
 * @ret_agent:    names the agent in sends and receives
 *
 * Return: 0; -EBUSY where another program of this port receives one of them; -EIO.
 */
int hf_umad_register_vendor(struct hf_umad *umad, uint8_t mgmt_class, uint8_t version, uint32_t oui,
			    const uint8_t *methods, size_t method_count, int *ret_agent);

/* A descriptor to poll: readable when hf_umad_recv() has something. */
int hf_umad_fd(const struct hf_umad *umad);

/**
 * hf_umad_send() - send a MAD
 * @umad:       the port
 * @agent:      of hf_umad_register_sa()
 * @to:         the peer
 * @mad:        header, SA header and data
 * @len:        its length in bytes, at most HF_MAD_SIZE
 * @timeout_ms: of the answer to a request; 0 for MADs that have none
 * @retries:    how often the kernel sends it again after @timeout_ms
 *
 * The kernel replaces the upper 32 bits of a request's transaction id.
 *
 * Context: any thread. Does not wait for the peer.
 * Return: 0; -EINVAL; -EIO; -EAGAIN where the send queue is full.
 */
int hf_umad_send(struct hf_umad *umad, int agent, const struct hf_mad_addr *to, const void *mad, size_t len,
		 int timeout_ms, int retries);

/**
 * hf_umad_recv() - take the next MAD that arrived, or the end of a request that got no answer
 * @umad:         the port
 * @ret_received: its mad is the caller's
 *
 * Return: 0; -EAGAIN where there is none; -ENODEV when the adapter is gone; -ENOMEM.
 */
int hf_umad_recv(struct hf_umad *umad, struct hf_umad_received *ret_received);

/**
 * hf_umad_read_port() - read what the port is now
 * @umad:     the port
 * @ret_port: LIDs, state, GID
 *
 * Return: 0; -EIO.
 */
int hf_umad_read_port(struct hf_umad *umad, struct hf_umad_port *ret_port);

#endif
