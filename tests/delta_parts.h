/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef HF_TESTS_DELTA_PARTS_H
#define HF_TESTS_DELTA_PARTS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/delta.h"

/* What a body says, in its order; room for the largest that is good. */
struct delta_parts {
	uint64_t gone[HF_DELTA_MAX];
	struct hf_delta_name named[HF_DELTA_MAX];
	struct hf_delta_path paths[HF_DELTA_MAX];
	struct hf_delta_site sites[HF_SITE_LAST];
	struct hf_delta delta;	/* refers to the arrays above */
};

/* Empty; ends the program where there is no memory. */
struct delta_parts *delta_parts_new(void);
void delta_parts_free(struct delta_parts *parts);

/* Return: what hf_delta_decode() returns; its items are added to @parts. */
int delta_parts_read(struct delta_parts *parts, const uint8_t *body, size_t length);

/* Return: a block of exactly *@ret_length bytes, to be freed. */
uint8_t *delta_parts_write(struct delta_parts *parts, size_t *ret_length);

#endif
