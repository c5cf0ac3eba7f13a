/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/crc32.h"

#include <endian.h>
#include <string.h>

#define POLYNOMIAL	0xedb88320	/* the lowest bit first */

void hf_crc32_init(struct hf_crc32 *crc)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t remainder = byte;

		for (int bit = 0; bit < 8; bit++)
			remainder = remainder >> 1 ^ (remainder & 1 ? POLYNOMIAL : 0);
		crc->tables[0][byte] = remainder;
	}
	for (int slice = 1; slice < HF_CRC32_SLICES; slice++)
		for (uint32_t byte = 0; byte < 256; byte++) {
			uint32_t before = crc->tables[slice - 1][byte];

			crc->tables[slice][byte] = before >> 8 ^ crc->tables[0][before & 0xff];
		}
	crc->remainder = UINT32_MAX;
}

/* Eight bytes at a time: table n holds what a byte does that n more come behind. */
static uint32_t add_slices(const struct hf_crc32 *crc, uint32_t remainder, const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	word = le64toh(word) ^ remainder;
	remainder = 0;
	for (int slice = HF_CRC32_SLICES - 1; slice >= 0; slice--, word >>= 8)
		remainder ^= crc->tables[slice][word & 0xff];
	return remainder;
}

void hf_crc32_add(struct hf_crc32 *crc, const void *data, size_t len)
{
	uint32_t remainder = crc->remainder;
	const uint8_t *at = data;

	for (; len >= HF_CRC32_SLICES; len -= HF_CRC32_SLICES, at += HF_CRC32_SLICES)
		remainder = add_slices(crc, remainder, at);
	for (; len; len--)
		remainder = remainder >> 8 ^ crc->tables[0][(remainder ^ *at++) & 0xff];
	crc->remainder = remainder;
}
