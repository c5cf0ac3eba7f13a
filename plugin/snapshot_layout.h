/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* How a snapshot lies in a file, for those who write and read it: see holdfast-snapshot(5). Little-endian. */
#ifndef HF_PLUGIN_SNAPSHOT_LAYOUT_H
#define HF_PLUGIN_SNAPSHOT_LAYOUT_H

#include <assert.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugin/snapshot.h"

enum hf_file_flag {
	HF_FILE_FLAG_ROWS_ARE_LIDS	= 0x01,
	HF_FILE_FLAG_REROUTE		= 0x02,
	HF_FILE_FLAG_MASTER		= 0x04,
	HF_FILE_FLAG_FIRST_SWEEP	= 0x08,
	HF_FILE_FLAG_WRITTEN		= 0x10,
	HF_FILE_FLAGS_ALL		= 0x1f,
};

struct hf_file_header {
	uint8_t magic[8];
	__le32 version;
	__le32 flags;		/* enum hf_file_flag */
	__le64 length;		/* of the file */
	__le32 n_ports;
	__le32 n_columns;
	__le32 n_rows;
	__le32 n_classes;
} __attribute__((packed));

struct hf_file_section {
	uint8_t tag[4];
	__le32 reserved;
	__le64 length;		/* of what follows */
} __attribute__((packed));

struct hf_file_routing {
	__le64 epoch;
	__le64 instance;
	__le16 sm_lid;
	uint8_t reserved[6];
	uint8_t sm_gid[16];
	uint8_t subnet_prefix[8];	/* as in a GID */
	char engine[32];
	char wanted_engine[32];
} __attribute__((packed));

struct hf_file_codes {
	uint8_t pkt_lives[HF_PKT_LIVES];
	uint8_t sl_spread[HF_SLS];
} __attribute__((packed));

#define HF_FILE_PORT_IS_SWITCH	0x01

struct hf_file_port {
	__le64 guid;
	__le32 row;
	__le16 lid;
	__le16 terms_class;
	uint8_t lmc;
	uint8_t flags;
	__le16 reserved;
} __attribute__((packed));

#define HF_FILE_CHECKSUM_BYTES	4	/* CRC-32 of all before, at the end */

HF_CHECK_SIZE(struct hf_file_header, 40);
HF_CHECK_AT(struct hf_file_header, length, 16);
HF_CHECK_AT(struct hf_file_header, n_classes, 36);
HF_CHECK_SIZE(struct hf_file_section, 16);
HF_CHECK_SIZE(struct hf_file_routing, 112);
HF_CHECK_AT(struct hf_file_routing, sm_gid, 24);
HF_CHECK_AT(struct hf_file_routing, engine, 48);
HF_CHECK_SIZE(struct hf_file_codes, 24);
HF_CHECK_SIZE(struct hf_file_port, 20);
HF_CHECK_AT(struct hf_file_port, lid, 12);
HF_CHECK_AT(struct hf_file_port, lmc, 16);
static_assert(sizeof(((struct hf_routing *)0)->engine) == 32, "the engine's name has 32 bytes in the file");

/* In this order. */
enum hf_file_part {
	HF_FILE_PART_ROUTING,
	HF_FILE_PART_CODES,
	HF_FILE_PART_PORTS,
	HF_FILE_PART_PKEYS,
	HF_FILE_PART_LOOPBACKS,
	HF_FILE_PART_ENTRIES,
	HF_FILE_PARTS,
};

struct hf_file_counts {
	uint32_t ports, columns, rows, classes;
	bool rows_are_lids;
};

extern const uint8_t hf__snapshot_magic[8];
extern const char hf__snapshot_tags[HF_FILE_PARTS][5];

/* Of a section, without its own header. */
uint64_t hf__snapshot_part_length(enum hf_file_part part, const struct hf_file_counts *counts);

uint64_t hf__snapshot_file_length(const struct hf_file_counts *counts);

#endif
