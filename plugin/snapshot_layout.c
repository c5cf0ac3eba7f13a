/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/snapshot_layout.h"

const uint8_t hf__snapshot_magic[8] = { 'H', 'F', 'S', 'N', 'A', 'P', 0x1a, '\n' };

const char hf__snapshot_tags[HF_FILE_PARTS][5] = {
	[HF_FILE_PART_ROUTING] = "ROUT",
	[HF_FILE_PART_CODES] = "CODE",
	[HF_FILE_PART_PORTS] = "PORT",
	[HF_FILE_PART_PKEYS] = "PKEY",
	[HF_FILE_PART_LOOPBACKS] = "LOOP",
	[HF_FILE_PART_ENTRIES] = "ENTR",
};

/* No product overflows: each count fits into 16 bits. */
uint64_t hf__snapshot_part_length(enum hf_file_part part, const struct hf_file_counts *counts)
{
	switch (part) {
	case HF_FILE_PART_ROUTING:
		return sizeof(struct hf_file_routing);
	case HF_FILE_PART_CODES:
		return sizeof(struct hf_file_codes);
	case HF_FILE_PART_PORTS:
		return (uint64_t)counts->ports * sizeof(struct hf_file_port);
	case HF_FILE_PART_PKEYS:
		return (uint64_t)counts->classes * counts->classes * sizeof(uint16_t);
	case HF_FILE_PART_LOOPBACKS:
		return counts->rows_are_lids ? 0 : (uint64_t)counts->columns * sizeof(hf_entry);
	case HF_FILE_PART_ENTRIES:
		return (uint64_t)counts->rows * counts->columns * sizeof(hf_entry);
	case HF_FILE_PARTS:
		break;
	}
	return 0;
}

uint64_t hf__snapshot_file_length(const struct hf_file_counts *counts)
{
	uint64_t length = sizeof(struct hf_file_header) + HF_FILE_CHECKSUM_BYTES;

	for (int part = 0; part < HF_FILE_PARTS; part++)
		length += sizeof(struct hf_file_section) + hf__snapshot_part_length(part, counts);
	return length;
}
