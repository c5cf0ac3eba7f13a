/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Any bytes as a snapshot's file. They are read twice, as they are and with a checksum that fits, so that a fuzzer gets
 * behind it. What is read compares with itself and is written so that it reads back the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crc32.h"
#include "plugin/distinguisher.h"
#include "plugin/snapshot_file.h"

static struct hf_snapshot *read_bytes(const uint8_t *data, size_t len, struct hf_port_registry *registry)
{
	struct hf_snapshot *snapshot = NULL;
	char *error = NULL;

	if (hf_snapshot_read(data, len, "fuzz", registry, &snapshot, &error) && (!error || snapshot))
		abort();
	free(error);
	return snapshot;
}

static void write_bytes(const struct hf_snapshot *snapshot, char **ret_data, size_t *ret_len)
{
	FILE *out = open_memstream(ret_data, ret_len);

	if (!out || hf_snapshot_write(snapshot, out, NULL) || fclose(out))
		abort();
}

static uint64_t count_changes(const struct hf_snapshot *old, const struct hf_snapshot *new_)
{
	struct hf_change_cursor cursor = { 0 };
	struct hf_changes changes;
	struct hf_change change;
	uint64_t count = 0;

	if (hf_changes_find(old, new_, &changes))
		abort();
	while (hf_changes_next(&changes, &cursor, &change))
		count++;
	for (int kind = 0; kind < HF_CHANGE_KINDS; kind++)
		count -= changes.counts[kind];
	if (count)
		abort();
	count = hf_changes_are_none(&changes);
	hf_changes_fini(&changes);
	return !count;
}

static void go_round(const uint8_t *data, size_t len)
{
	struct hf_port_registry *registry = hf_port_registry_new();
	struct hf_snapshot *snapshot, *again;
	char *written;
	size_t written_len;

	if (!registry)
		abort();
	snapshot = read_bytes(data, len, registry);
	if (snapshot) {
		write_bytes(snapshot, &written, &written_len);
		/* There is one way to write a snapshot. */
		if (written_len != len || memcmp(written, data, len))
			abort();
		again = read_bytes((uint8_t *)written, written_len, registry);
		if (!again || count_changes(snapshot, again))
			abort();
		hf_snapshot_free(again);
		free(written);
	}
	hf_snapshot_free(snapshot);
	hf_port_registry_free(registry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct hf_crc32 crc;
	uint32_t checksum;
	uint8_t *copy;

	go_round(data, len);
	if (len < sizeof(checksum))
		return 0;
	copy = malloc(len);
	if (!copy)
		abort();
	memcpy(copy, data, len);
	hf_crc32_init(&crc);
	hf_crc32_add(&crc, copy, len - sizeof(checksum));
	checksum = htole32(hf_crc32_value(&crc));
	memcpy(copy + len - sizeof(checksum), &checksum, sizeof(checksum));
	go_round(copy, len);
	free(copy);
	return 0;
}
