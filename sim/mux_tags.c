/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/mux_tags.h"

#include <string.h>

#define TAG_SHIFT	32
#define CLIENT_SHIFT	48
#define PROGRAM_MASK	UINT64_C(0xffffffff)

static uint16_t tag_of(uint64_t tid)
{
	return (uint16_t)(tid >> TAG_SHIFT);
}

void hf_mux_tags_init(struct hf_mux_tags *tags, uint16_t first)
{
	memset(tags, 0, sizeof(*tags));
	tags->next = first;
}

/* Moves entry @at to the front. */
static void use(struct hf_mux_client_tags *mine, unsigned int at)
{
	uint16_t tag = mine->tags[at];

	memmove(mine->tags + 1, mine->tags, at * sizeof(mine->tags[0]));
	mine->tags[0] = tag;
}

static uint16_t take(struct hf_mux_tags *tags, uint16_t client, uint16_t own)
{
	struct hf_mux_client_tags *mine = &tags->by_client[client];

	if (mine->count == HF_MUX_CLIENT_TAGS)
		tags->by_tag[mine->tags[--mine->count]].is_taken = false;
	while (tags->by_tag[tags->next].is_taken)
		tags->next++;

	uint16_t tag = tags->next++;

	tags->by_tag[tag] = (struct hf_mux_tag){ .client = client, .own = own, .is_taken = true };
	mine->tags[mine->count++] = tag;
	use(mine, mine->count - 1);
	return tag;
}

static uint16_t find_or_take(struct hf_mux_tags *tags, uint16_t client, uint16_t own)
{
	struct hf_mux_client_tags *mine = &tags->by_client[client];

	for (unsigned int i = 0; i < mine->count; i++) {
		if (tags->by_tag[mine->tags[i]].own == own) {
			use(mine, i);
			return mine->tags[0];
		}
	}
	return take(tags, client, own);
}

uint64_t hf_mux_tags_to_ibsim(struct hf_mux_tags *tags, uint16_t client, uint64_t tid)
{
	return (uint64_t)find_or_take(tags, client, tag_of(tid)) << TAG_SHIFT | (tid & PROGRAM_MASK);
}

bool hf_mux_tags_to_client(const struct hf_mux_tags *tags, uint64_t tid, uint16_t *ret_client, uint64_t *ret_tid)
{
	const struct hf_mux_tag *tag = &tags->by_tag[tag_of(tid)];

	if (!tag->is_taken)
		return false;
	*ret_client = tag->client;
	*ret_tid = (uint64_t)tag->client << CLIENT_SHIFT | (uint64_t)tag->own << TAG_SHIFT | (tid & PROGRAM_MASK);
	return true;
}

void hf_mux_tags_forget(struct hf_mux_tags *tags, uint16_t client)
{
	struct hf_mux_client_tags *mine = &tags->by_client[client];

	for (unsigned int i = 0; i < mine->count; i++)
		tags->by_tag[mine->tags[i]].is_taken = false;
	mine->count = 0;
}
