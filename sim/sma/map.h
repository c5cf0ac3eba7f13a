/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The writer of the fabric map (sim/fabric_map.h): what ibsim allocates while it reads its fabric lies in the file, so
 * that its tables are there for everyone to see. One thread.
 */
#ifndef HF_SIM_SMA_MAP_H
#define HF_SIM_SMA_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/sma/store.h"

/**
 * hf_map_begin() - make the file; from now on hf_map_alloc() gives out parts of it
 * @path: replaced where it exists; FILE.counters beside it too
 *
 * Return: 0; negative errno.
 */
int hf_map_begin(const char *path);

/**
 * hf_map_alloc() - memory in the file
 * @count: elements
 * @size:  of one; tells ibsim's tables from other things
 *
 * Return: zeroed memory; NULL where there is no map, or ibsim has begun to run, or the file is full.
 */
void *hf_map_alloc(size_t count, size_t size);

/* Is it memory of the map, which must not be freed? */
bool hf_map_has(const void *memory);

/**
 * hf_map_publish() - ibsim has read its fabric: check that it keeps it as we think, and let readers in
 *
 * Return: NULL; what is not as it should be, and there is no map then.
 */
const char *hf_map_publish(void);

/* Something may have changed: wakes those who wait. */
void hf_map_changed(void);

/* What is kept for a port has changed; @is_gone: is about to be forgotten. */
void hf_map_keep(const struct hf_sma_record *record, bool is_gone);

#endif
