/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A body: what is taken for good has one form only, so writing it again gives the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "delta_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct delta_parts *parts = delta_parts_new();

	if (delta_parts_read(parts, data, len) == 0) {
		size_t again_len;
		uint8_t *again = delta_parts_write(parts, &again_len);

		if (again_len != len || memcmp(again, data, len))
			abort();
		free(again);
	} else if (parts->delta.n_gone || parts->delta.n_named || parts->delta.n_paths) {
		abort();
	}
	delta_parts_free(parts);
	return 0;
}
