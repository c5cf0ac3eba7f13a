/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Which blocks of multicast tables a subnet manager wrote, from a capture at its adapter: mft_blocks CAPTURE
 *
 * What it writes within PAUSE_NS of each other is one change. For each a line "WRITTEN NEEDED": blocks that were set,
 * and those of them that held something else before the change than they do behind it. The first change is left out, as
 * nobody knows what was there before.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "sim/pcap.h"

#define PAUSE_NS		UINT64_C(150000000)
#define ATTR_MULTICAST_TABLE	0x001b
#define SMP_HOPS_AT		7
#define SMP_DATA_AT		64
#define SMP_PATH_AT		128
#define SMP_DATA_SIZE		64

/* Directed route from the SM, and the attribute modifier: block and position. */
struct block_key {
	uint8_t hops, path[64];
	uint8_t modifier[4];
};

struct block {
	struct block_key key;
	uint8_t now[SMP_DATA_SIZE], before[SMP_DATA_SIZE];
	bool is_written;	/* in this change */
	UT_hash_handle hh;
};

struct change {
	struct block *blocks;
	unsigned long written, count;
	uint64_t last_ns;
};

static void end_change(struct change *change)
{
	unsigned long needed = 0;
	struct block *block, *next;

	HASH_ITER(hh, change->blocks, block, next) {
		needed += block->is_written && memcmp(block->now, block->before, sizeof(block->now));
		memcpy(block->before, block->now, sizeof(block->now));
		block->is_written = false;
	}
	if (change->count++ && change->written)
		printf("%lu %lu\n", change->written, needed);
	change->written = 0;
}

static void take_block(struct change *change, const struct hf_pcap_record *record)
{
	struct block_key key = { .hops = record->mad[SMP_HOPS_AT] };
	struct block *block;

	if (change->written && record->time_ns > change->last_ns + PAUSE_NS)
		end_change(change);
	memcpy(key.path, record->mad + SMP_PATH_AT, key.hops < sizeof(key.path) ? key.hops + (size_t)1 :
							      sizeof(key.path));
	memcpy(key.modifier, record->mad + offsetof(struct hf_mad_hdr, attr_mod), sizeof(key.modifier));
	HASH_FIND(hh, change->blocks, &key, sizeof(key), block);
	if (!block) {
		/* Tables are empty at first. */
		block = calloc(1, sizeof(*block));
		if (!block)
			err(EXIT_FAILURE, "mft_blocks");
		block->key = key;
		HASH_ADD(hh, change->blocks, key, sizeof(key), block);
	}
	memcpy(block->now, record->mad + SMP_DATA_AT, sizeof(block->now));
	block->is_written = true;
	change->written++;
	change->last_ns = record->time_ns;
}

int main(int argc, char **argv)
{
	struct hf_pcap_record record;
	struct hf_pcap_reader *reader;
	struct change change = { 0 };

	if (argc != 2 || hf_pcap_reader_open(argv[1], &reader))
		errx(EXIT_FAILURE, "usage: mft_blocks CAPTURE");
	while (hf_pcap_read(reader, &record) == 1) {
		struct hf_mad_hdr hdr;

		memcpy(&hdr, record.mad, sizeof(hdr));
		if (record.is_sent && hdr.mgmt_class == HF_CLASS_SUBN_DIRECTED && hdr.method == HF_METHOD_SET &&
		    be16toh(hdr.attr_id) == ATTR_MULTICAST_TABLE)
			take_block(&change, &record);
	}
	if (change.written)
		end_change(&change);
	hf_pcap_reader_close(reader);
	return EXIT_SUCCESS;
}
