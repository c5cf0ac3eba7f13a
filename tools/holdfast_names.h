/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Names for GUIDs, from a node name map as infiniband-diags reads it: lines GUID "name", comments behind "#". */
#ifndef HF_TOOLS_HOLDFAST_NAMES_H
#define HF_TOOLS_HOLDFAST_NAMES_H

#include <stdint.h>

struct hf_names;

/**
 * hf_names_load() - read a node name map
 * @path:      the file
 * @ret_names: to be freed with hf_names_free()
 *
 * Says on standard error what is wrong, with file and line.
 *
 * Return: 0; -EINVAL for what the file says; -ENOMEM; the negative errno of reading it.
 */
int hf_names_load(const char *path, struct hf_names **ret_names);

/* @names may be NULL. */
void hf_names_free(struct hf_names *names);

/* The name, or NULL where it has none. @names may be NULL. */
const char *hf_names_find(const struct hf_names *names, uint64_t guid);

#endif
