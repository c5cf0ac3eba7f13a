/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The CRC-32 of IEEE 802.3, as gzip, zlib and PNG have it. */
#ifndef HF_LIB_CRC32_H
#define HF_LIB_CRC32_H

#include <stddef.h>
#include <stdint.h>

#define HF_CRC32_SLICES	8

struct hf_crc32 {
	uint32_t tables[HF_CRC32_SLICES][256];
	uint32_t remainder;
};

void hf_crc32_init(struct hf_crc32 *crc);
void hf_crc32_add(struct hf_crc32 *crc, const void *data, size_t len);

/* Of all that was added. */
static inline uint32_t hf_crc32_value(const struct hf_crc32 *crc)
{
	return ~crc->remainder;
}

#endif
