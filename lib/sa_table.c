/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/sa_table.h"

#include <errno.h>

#include "lib/wire.h"

#define SA_HEADERS_SIZE offsetof(struct hf_sa_mad, data)

int hf_sa_table_parse(const void *mad, size_t len, size_t record_size, struct hf_sa_table *ret_table)
{
	const struct hf_sa_mad *headers = mad;
	size_t stride, bytes;

	if (len < SA_HEADERS_SIZE)
		return -EBADMSG;
	stride = (size_t)be16toh(headers->attr_offset) * 8;
	bytes = len - SA_HEADERS_SIZE;
	if (bytes > 0 && (stride < record_size || bytes % stride != 0))
		return -EBADMSG;
	*ret_table = (struct hf_sa_table){
		.records = headers->data,
		.stride = stride,
		.count = bytes ? bytes / stride : 0,
	};
	return 0;
}
