/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Which blocks of multicast tables a subnet manager wrote, from a capture at its adapter:
 *
 *	mft_blocks CAPTURE <WINDOWS	each line: FROM TO, in nanoseconds, in order
 *
 * For each window a line "WRITTEN NEEDED": blocks that were set in it, and those that behind it held something else
 * than before.
 */
#include <err.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "sim/pcap.h"

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
	UT_hash_handle hh;
};

struct capture {
	struct hf_pcap_reader *reader;
	struct hf_pcap_record record;
	bool has_record;
	struct block *blocks;
	unsigned long written;
};

static void take_block(struct capture *capture)
{
	const struct hf_pcap_record *record = &capture->record;
	struct block_key key = { .hops = record->mad[SMP_HOPS_AT] };
	struct block *block;

	memcpy(key.path, record->mad + SMP_PATH_AT, key.hops < sizeof(key.path) ? key.hops + (size_t)1 :
							      sizeof(key.path));
	memcpy(key.modifier, record->mad + offsetof(struct hf_mad_hdr, attr_mod), sizeof(key.modifier));
	HASH_FIND(hh, capture->blocks, &key, sizeof(key), block);
	if (!block) {
		/* Tables are empty at first. */
		block = calloc(1, sizeof(*block));
		if (!block)
			err(EXIT_FAILURE, "mft_blocks");
		block->key = key;
		HASH_ADD(hh, capture->blocks, key, sizeof(key), block);
	}
	memcpy(block->now, record->mad + SMP_DATA_AT, sizeof(block->now));
	capture->written++;
}

static void next_block(struct capture *capture)
{
	while ((capture->has_record = hf_pcap_read(capture->reader, &capture->record) == 1)) {
		struct hf_mad_hdr hdr;

		memcpy(&hdr, capture->record.mad, sizeof(hdr));
		if (capture->record.is_sent && hdr.mgmt_class == HF_CLASS_SUBN_DIRECTED &&
		    hdr.method == HF_METHOD_SET && be16toh(hdr.attr_id) == ATTR_MULTICAST_TABLE)
			return;
	}
}

static void take_until(struct capture *capture, uint64_t time_ns)
{
	for (; capture->has_record && capture->record.time_ns < time_ns; next_block(capture))
		take_block(capture);
}

static void begin_window(struct capture *capture)
{
	struct block *block, *next;

	HASH_ITER(hh, capture->blocks, block, next)
		memcpy(block->before, block->now, sizeof(block->now));
	capture->written = 0;
}

static unsigned long count_changed(struct capture *capture)
{
	struct block *block, *next;
	unsigned long count = 0;

	HASH_ITER(hh, capture->blocks, block, next)
		count += memcmp(block->now, block->before, sizeof(block->now)) != 0;
	return count;
}

int main(int argc, char **argv)
{
	struct capture capture = { .has_record = false };
	uint64_t from_ns, to_ns;

	if (argc != 2 || hf_pcap_reader_open(argv[1], &capture.reader))
		errx(EXIT_FAILURE, "usage: mft_blocks CAPTURE <WINDOWS");
	next_block(&capture);
	while (scanf("%" SCNu64 " %" SCNu64, &from_ns, &to_ns) == 2) {
		take_until(&capture, from_ns);
		begin_window(&capture);
		take_until(&capture, to_ns);
		printf("%lu %lu\n", capture.written, count_changed(&capture));
	}
	hf_pcap_reader_close(capture.reader);
	return EXIT_SUCCESS;
}
