/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* GIDs as people write them: an IPv6 address. */
#ifndef HF_LIB_GID_H
#define HF_LIB_GID_H

#include <stdbool.h>
#include <string.h>

#include "lib/wire.h"

#define HF_GID_TEXT_BYTES 46	/* with the NUL */

struct hf_gid_text {
	char text[HF_GID_TEXT_BYTES];
};

/* Returned by value, so that a message can name two: hf_gid_format(&a).text. */
struct hf_gid_text hf_gid_format(const union hf_gid *gid);

/* Return: 0; -EINVAL, with @ret_gid untouched. */
int hf_gid_parse(const char *text, union hf_gid *ret_gid);

static inline bool hf_gid_is_equal(const union hf_gid *a, const union hf_gid *b)
{
	return !memcmp(a, b, sizeof(*a));
}

#endif
