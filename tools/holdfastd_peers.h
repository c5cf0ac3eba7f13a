/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Words from the program at one end of a connection to the one at the other end, which holdfastd carries in MADs
 * (lib/peer_wire.h) and does not understand.
 */
#ifndef HF_TOOLS_HOLDFASTD_PEERS_H
#define HF_TOOLS_HOLDFASTD_PEERS_H

#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <holdfast/host.h>

struct holdfastd_peers;

/**
 * holdfastd_peers_deliver_fn - a word for a connection of this host
 * @connection: a program's; the word comes from where its other end is
 * @path:       the SM's to there
 */
typedef void (*holdfastd_peers_deliver_fn)(const struct hf_host_connection *connection, const struct hf_host_path *path,
					   const uint8_t *data, size_t length);

/* @deliver: called in the loop, and by holdfastd_peers_send(). Return: 0; -ENOMEM. */
int holdfastd_peers_new(struct event_base *base, holdfastd_peers_deliver_fn deliver,
			struct holdfastd_peers **ret_peers);

/* @peers may be NULL. */
void holdfastd_peers_free(struct holdfastd_peers *peers);

/* A port that words go through, as long as @host lives. What fails is logged here. */
void holdfastd_peers_add(struct holdfastd_peers *peers, const char *device, int port_num, struct hf_host *host);
void holdfastd_peers_remove(struct holdfastd_peers *peers, const struct hf_host *host);

/**
 * holdfastd_peers_send() - send a word to the other end of a connection
 * @peers:  to which @host was added
 * @host:   the port
 * @qpn:    the connection; a word of one that is not there, or has no path, is dropped
 * @data:   the word
 * @length: at most HF_PEER_DATA_MAX
 */
void holdfastd_peers_send(struct holdfastd_peers *peers, struct hf_host *host, uint32_t qpn, const uint8_t *data,
			  size_t length);

#endif
