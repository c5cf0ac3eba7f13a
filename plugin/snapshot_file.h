/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Snapshots as files, for holdfast(8) to compare. The format stands in holdfast-snapshot(5) and snapshot_layout.h. A
 * file knows only the ports that are there, in the order of their indexes, and numbers the columns anew: what a
 * registry remembers of ports that have left is no part of it.
 */
#ifndef HF_PLUGIN_SNAPSHOT_FILE_H
#define HF_PLUGIN_SNAPSHOT_FILE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "plugin/snapshot.h"

#define HF_SNAPSHOT_FILE_VERSION	1

/**
 * hf_snapshot_write() - write a snapshot
 * @snapshot:     borrowed
 * @out:          is neither flushed nor closed
 * @is_cancelled: ends the writing soon after it became true; NULL where nothing does
 *
 * Return: 0; -ECANCELED; -ENOMEM; -EIO, or the negative errno that @out failed with.
 */
int hf_snapshot_write(const struct hf_snapshot *snapshot, FILE *out, const atomic_bool *is_cancelled);

/**
 * hf_snapshot_save() - write a snapshot to a file
 * @path:         replaced at once when all is written and on disk: nobody sees half a file
 * @is_cancelled: as above
 * @ret_bytes:    the size of the file
 * @ret_error:    set on failure to one line that names the file; caller frees it; NULL without memory
 *
 * Only its owner may read the file. Until it is complete it has a name of its own in the same folder.
 *
 * Return: 0; as hf_snapshot_write(); the negative errno of making, syncing or renaming the file.
 */
int hf_snapshot_save(const struct hf_snapshot *snapshot, const char *path, const atomic_bool *is_cancelled,
		     uint64_t *ret_bytes, char **ret_error);

/**
 * hf_snapshot_read() - read what hf_snapshot_write() wrote
 * @data, @len:   any bytes
 * @name:         of the file, for errors
 * @registry:     gives the ports their indexes and columns: snapshots that were read with the same one compare, in
 *                the order in which they were read. It may have grown even on failure.
 * @ret_snapshot: to be freed with hf_snapshot_free(); safe for every function of snapshot.h and distinguisher.h
 * @ret_error:    set on -EINVAL to one line that names file, byte, value and what is allowed; caller frees it; NULL
 *                without memory
 *
 * Pure. Cost: one pass for the checksum, one for the contents.
 * Return: 0; -EINVAL for what the data say; -ENOMEM.
 */
int hf_snapshot_read(const uint8_t *data, size_t len, const char *name, struct hf_port_registry *registry,
		     struct hf_snapshot **ret_snapshot, char **ret_error);

/* The same of a file, a pipe too. Return: also the negative errno of reading it, with @ret_error set. */
int hf_snapshot_load(const char *path, struct hf_port_registry *registry, struct hf_snapshot **ret_snapshot,
		     char **ret_error);

#endif
