/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/sa_client_impl.h"

#include <errno.h>
#include <string.h>

#define DELTA_WORD	8	/* bytes: a delta is filled up to a whole one */

static void count_gone(void *ctx, uint64_t guid)
{
	struct hf_sa_items *counts = ctx;

	(void)guid;
	counts->gone++;
}

static void count_path(void *ctx, uint16_t lid, const struct hf_delta_terms *terms)
{
	struct hf_sa_items *counts = ctx;

	(void)lid;
	(void)terms;
	counts->paths++;
}

static void count_covered(void *ctx, uint32_t count, uint32_t sum)
{
	struct hf_sa_items *counts = ctx;

	(void)sum;
	counts->paths += count;
}

int hf__sa_count_items(const uint8_t *body, size_t length, struct hf_sa_items *counts)
{
	static const struct hf_delta_visitor visitor = {
		.gone = count_gone, .path = count_path, .covered = count_covered,
	};

	*counts = (struct hf_sa_items){ 0 };
	return hf_delta_decode(body, length, &visitor, counts);
}

int hf__sa_hand_out_delta(struct hf_sa_client *client, const struct hf_sa_delta *delta, const uint8_t *body,
			  size_t length)
{
	int err;

	client->ops->delta_begin(client->ctx, delta);
	hf_delta_decode(body, length, &client->ops->delta, client->ctx);
	err = client->ops->delta_end(client->ctx);
	if (err)
		client->wants_whole = true;
	else
		client->counters.changes += delta->changes;
	return err;
}

static bool is_zero(const uint8_t *at, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (at[i])
			return false;
	return true;
}

int hf__sa_parse_delta(const uint8_t *data, size_t bytes, struct hf_sa_delta_answer *ret_answer)
{
	struct hf_delta_hdr hdr;
	size_t behind;

	if (bytes < sizeof(hdr))
		return -EBADMSG;
	memcpy(&hdr, data, sizeof(hdr));
	if (memcmp(hdr.magic, HF_DELTA_MAGIC, sizeof(hdr.magic)) || hdr.version == 0)
		return -EBADMSG;
	ret_answer->version = hdr.version;
	if (hdr.version > HF_DELTA_VERSION)
		return -EPROTONOSUPPORT;
	*ret_answer = (struct hf_sa_delta_answer){
		.version = hdr.version,
		.instance = be64toh(hdr.instance),
		.base = be64toh(hdr.base),
		.epoch = be64toh(hdr.epoch),
		.delta = {
			.subnet_prefix = be64toh(hdr.subnet_prefix),
			.slid = be16toh(hdr.slid),
			.is_whole = hdr.flags & HF_DELTA_WHOLE,
		},
		.body = data + sizeof(hdr),
		.body_length = be32toh(hdr.body_length),
		.bytes = bytes,
	};
	behind = bytes - sizeof(hdr) - ret_answer->body_length;
	if (hdr.flags & ~HF_DELTA_WHOLE || !hdr.instance || !hdr.slid || ret_answer->delta.slid > HF_DELTA_MAX ||
	    ret_answer->body_length > bytes - sizeof(hdr) || behind >= DELTA_WORD || bytes % DELTA_WORD ||
	    !is_zero(ret_answer->body + ret_answer->body_length, behind) ||
	    hf__sa_count_items(ret_answer->body, ret_answer->body_length, &ret_answer->counts))
		return -EBADMSG;
	ret_answer->delta.changes = ret_answer->counts.gone + ret_answer->counts.paths;
	return 0;
}
