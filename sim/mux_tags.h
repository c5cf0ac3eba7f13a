/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Transaction ids on a shared slot. ibsim tells its clients by bits 63..48 of the transaction id, which it writes
 * itself; behind the mux that number is the same for all hosts. So the mux gives each pair of a client and the
 * client's own bits 47..32 (its agent) a tag, which takes the place of these bits on ibsim's side. Pure: no I/O.
 */
#ifndef HF_SIM_MUX_TAGS_H
#define HF_SIM_MUX_TAGS_H

#include <stdbool.h>
#include <stdint.h>

#define HF_MUX_CLIENTS		4096
#define HF_MUX_TAGS		65536
#define HF_MUX_CLIENT_TAGS	(HF_MUX_TAGS / HF_MUX_CLIENTS) /* so a free tag is always left */

struct hf_mux_tag {
	uint16_t client;
	uint16_t own; /* bits 47..32 as the client wrote them */
	bool is_taken;
};

struct hf_mux_client_tags {
	unsigned int count;
	uint16_t tags[HF_MUX_CLIENT_TAGS]; /* last used first */
};

struct hf_mux_tags {
	struct hf_mux_tag by_tag[HF_MUX_TAGS];
	struct hf_mux_client_tags by_client[HF_MUX_CLIENTS];
	uint16_t next;
};

/**
 * hf_mux_tags_init() - no tag given out yet
 * @tags:  filled
 * @first: the first tag that will be given. Must be random: a peer remembers the transaction of a finished RMPP
 *         transfer for 10 s and would take those of a restarted mux for duplicates. For the same reason a tag that
 *         became free is the last one to be given out again.
 */
void hf_mux_tags_init(struct hf_mux_tags *tags, uint16_t first);

/**
 * hf_mux_tags_to_ibsim() - the transaction id of a client's request as ibsim shall see it
 * @client: below HF_MUX_CLIENTS
 * @tid:    as the client wrote it
 *
 * A client that uses more than HF_MUX_CLIENT_TAGS values of bits 47..32 loses the answers to those unused longest.
 */
uint64_t hf_mux_tags_to_ibsim(struct hf_mux_tags *tags, uint16_t client, uint64_t tid);

/**
 * hf_mux_tags_to_client() - whose answer this is
 * @tid:        as it came from ibsim
 * @ret_client: the client
 * @ret_tid:    what the client expects: its number in bits 63..48, as ibsim would have written it, and its own tag
 *
 * Return: false if no client has this tag (any more); the outputs are untouched then.
 */
bool hf_mux_tags_to_client(const struct hf_mux_tags *tags, uint64_t tid, uint16_t *ret_client, uint64_t *ret_tid);

/* Frees the tags of a client that is gone. */
void hf_mux_tags_forget(struct hf_mux_tags *tags, uint16_t client);

#endif
