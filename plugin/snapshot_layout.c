/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/snapshot_layout.h"

const uint8_t hf__snapshot_magic[8] = { 'H', 'F', 'S', 'N', 'A', 'P', 0x1a, '\n' };

const char hf__snapshot_tags[SECTIONS][5] = {
	[SECTION_ROUTING] = "ROUT",
	[SECTION_CODES] = "CODE",
	[SECTION_PORTS] = "PORT",
	[SECTION_PKEYS] = "PKEY",
	[SECTION_LOOPBACKS] = "LOOP",
	[SECTION_ENTRIES] = "ENTR",
};

/* No product overflows: each count fits into 16 bits. */
uint64_t hf__snapshot_section_length(enum section section, const struct counts *counts)
{
	switch (section) {
	case SECTION_ROUTING:
		return sizeof(struct file_routing);
	case SECTION_CODES:
		return sizeof(struct file_codes);
	case SECTION_PORTS:
		return (uint64_t)counts->ports * sizeof(struct file_port);
	case SECTION_PKEYS:
		return (uint64_t)counts->classes * counts->classes * sizeof(uint16_t);
	case SECTION_LOOPBACKS:
		return counts->rows_are_lids ? 0 : (uint64_t)counts->columns * sizeof(hf_entry);
	case SECTION_ENTRIES:
		return (uint64_t)counts->rows * counts->columns * sizeof(hf_entry);
	case SECTIONS:
		break;
	}
	return 0;
}

uint64_t hf__snapshot_file_length(const struct counts *counts)
{
	uint64_t length = sizeof(struct file_header) + CHECKSUM_BYTES;

	for (int section = 0; section < SECTIONS; section++)
		length += sizeof(struct file_section) + hf__snapshot_section_length(section, counts);
	return length;
}
