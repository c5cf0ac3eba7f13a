/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The records of a SubnAdmGetTableResp, after RMPP has put its segments together. */
#ifndef HF_LIB_SA_TABLE_H
#define HF_LIB_SA_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct hf_sa_table {
	const uint8_t *records;
	size_t stride;		/* from one record to the next, in bytes */
	size_t count;
};

/**
 * hf_sa_table_parse() - find the records in an answer
 * @mad:         the whole answer: headers and records; borrowed by @ret_table
 * @len:         its length in bytes
 * @record_size: what one record must at least have, in bytes
 * @ret_table:   the records; @count 0 for an empty table
 *
 * Source: IBA volume 1, 15.2.1.1: AttributeOffset counts 8-byte words from one record to the next.
 *
 * Return: 0; -EBADMSG where length and AttributeOffset contradict each other or @record_size.
 */
int hf_sa_table_parse(const void *mad, size_t len, size_t record_size, struct hf_sa_table *ret_table);

static inline const void *hf_sa_table_record(const struct hf_sa_table *table, size_t index)
{
	return table->records + index * table->stride;
}

#endif
