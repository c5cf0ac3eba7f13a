/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/snapshot_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crc32.h"
#include "plugin/snapshot_layout.h"

struct writer {
	const struct hf_snapshot *snapshot;
	struct hf_file_counts counts;
	FILE *out;
	struct hf_crc32 crc;
	hf_entry *row;		/* the columns as the file has them */
	int err;		/* the first one */
};

static void put(struct writer *writer, const void *data, size_t len)
{
	if (writer->err || !len)
		return;
	hf_crc32_add(&writer->crc, data, len);
	errno = 0;
	if (fwrite(data, 1, len, writer->out) != len)
		writer->err = errno ? -errno : -EIO;
}

static struct hf_file_counts count_all(const struct hf_snapshot *snapshot)
{
	struct hf_file_counts counts = {
		.rows = snapshot->n_rows,
		.classes = snapshot->n_terms_classes,
		.rows_are_lids = snapshot->rows_are_lids,
	};

	for (uint32_t i = 0; i < snapshot->n_ports; i++) {
		if (!hf_port_is_present(&snapshot->ports[i]))
			continue;
		counts.ports++;
		counts.columns += hf_port_count_lids(&snapshot->ports[i]);
	}
	return counts;
}

static uint32_t make_flags(const struct hf_snapshot *snapshot)
{
	const struct hf_routing *routing = &snapshot->routing;

	return (snapshot->rows_are_lids ? HF_FILE_FLAG_ROWS_ARE_LIDS : 0) |
	       (routing->reroute ? HF_FILE_FLAG_REROUTE : 0) | (routing->is_master ? HF_FILE_FLAG_MASTER : 0) |
	       (routing->is_first_sweep ? HF_FILE_FLAG_FIRST_SWEEP : 0) |
	       (routing->is_written ? HF_FILE_FLAG_WRITTEN : 0);
}

static void put_header(struct writer *writer)
{
	struct hf_file_header header = {
		.version = htole32(HF_SNAPSHOT_FILE_VERSION),
		.flags = htole32(make_flags(writer->snapshot)),
		.length = htole64(hf__snapshot_file_length(&writer->counts)),
		.n_ports = htole32(writer->counts.ports),
		.n_columns = htole32(writer->counts.columns),
		.n_rows = htole32(writer->counts.rows),
		.n_classes = htole32(writer->counts.classes),
	};

	memcpy(header.magic, hf__snapshot_magic, sizeof(hf__snapshot_magic));
	put(writer, &header, sizeof(header));
}

static void put_section(struct writer *writer, enum hf_file_part part)
{
	struct hf_file_section header = { .length = htole64(hf__snapshot_part_length(part, &writer->counts)) };

	memcpy(header.tag, hf__snapshot_tags[part], sizeof(header.tag));
	put(writer, &header, sizeof(header));
}

static void put_routing(struct writer *writer)
{
	const struct hf_routing *routing = &writer->snapshot->routing;
	struct hf_file_routing out = {
		.epoch = htole64(routing->epoch),
		.instance = htole64(routing->instance),
		.sm_lid = htole16(routing->sm_lid),
	};

	memcpy(out.sm_gid, routing->sm_gid.raw, sizeof(out.sm_gid));
	memcpy(out.subnet_prefix, &routing->subnet_prefix, sizeof(out.subnet_prefix));
	memcpy(out.engine, routing->engine, strnlen(routing->engine, sizeof(out.engine) - 1));
	memcpy(out.wanted_engine, routing->wanted_engine,
	       strnlen(routing->wanted_engine, sizeof(out.wanted_engine) - 1));
	put_section(writer, HF_FILE_PART_ROUTING);
	put(writer, &out, sizeof(out));
}

static void put_codes(struct writer *writer)
{
	struct hf_file_codes out;

	memcpy(out.pkt_lives, writer->snapshot->pkt_lives, sizeof(out.pkt_lives));
	memcpy(out.sl_spread, writer->snapshot->sl_spread, sizeof(out.sl_spread));
	put_section(writer, HF_FILE_PART_CODES);
	put(writer, &out, sizeof(out));
}

static void put_ports(struct writer *writer)
{
	put_section(writer, HF_FILE_PART_PORTS);
	for (uint32_t i = 0; i < writer->snapshot->n_ports; i++) {
		const struct hf_port *port = &writer->snapshot->ports[i];
		const struct hf_file_port out = {
			.guid = htole64(port->guid),
			.row = htole32(port->row),
			.lid = htole16(port->lid),
			.terms_class = htole16(port->terms_class),
			.lmc = port->lmc,
			.flags = port->is_switch ? HF_FILE_PORT_IS_SWITCH : 0,
		};

		if (hf_port_is_present(port))
			put(writer, &out, sizeof(out));
	}
}

static void put_pkeys(struct writer *writer)
{
	size_t count = (size_t)writer->counts.classes * writer->counts.classes;

	put_section(writer, HF_FILE_PART_PKEYS);
	for (size_t i = 0; i < count; i++) {
		__le16 pkey = htole16(writer->snapshot->pkeys[i]);

		put(writer, &pkey, sizeof(pkey));
	}
}

/* @entries: by column of the snapshot */
static void put_entries(struct writer *writer, const hf_entry *entries)
{
	uint32_t column = 0;

	for (uint32_t i = 0; i < writer->snapshot->n_ports; i++) {
		const struct hf_port *port = &writer->snapshot->ports[i];

		if (!hf_port_is_present(port))
			continue;
		for (uint32_t lid = 0; lid < hf_port_count_lids(port); lid++)
			writer->row[column++] = htole16(entries[port->first_column + lid]);
	}
	put(writer, writer->row, column * sizeof(*writer->row));
}

static void put_loopbacks(struct writer *writer)
{
	put_section(writer, HF_FILE_PART_LOOPBACKS);
	if (writer->snapshot->loopbacks)
		put_entries(writer, writer->snapshot->loopbacks);
}

static void put_rows(struct writer *writer, const atomic_bool *is_cancelled)
{
	put_section(writer, HF_FILE_PART_ENTRIES);
	for (uint32_t row = 0; row < writer->counts.rows && !writer->err; row++) {
		put_entries(writer, &writer->snapshot->entries[(size_t)row * writer->snapshot->n_columns]);
		if (is_cancelled && atomic_load(is_cancelled))
			writer->err = -ECANCELED;
	}
}

int hf_snapshot_write(const struct hf_snapshot *snapshot, FILE *out, const atomic_bool *is_cancelled)
{
	struct writer writer = { .snapshot = snapshot, .counts = count_all(snapshot), .out = out };
	__le32 checksum;

	writer.row = malloc((writer.counts.columns + (size_t)1) * sizeof(*writer.row));
	if (!writer.row)
		return -ENOMEM;
	hf_crc32_init(&writer.crc);
	put_header(&writer);
	put_routing(&writer);
	put_codes(&writer);
	put_ports(&writer);
	put_pkeys(&writer);
	put_loopbacks(&writer);
	put_rows(&writer, is_cancelled);
	checksum = htole32(hf_crc32_value(&writer.crc));
	put(&writer, &checksum, sizeof(checksum));
	free(writer.row);
	return writer.err;
}

static int write_file(const struct hf_snapshot *snapshot, int fd, const atomic_bool *is_cancelled,
		      uint64_t *ret_bytes)
{
	FILE *out = fdopen(fd, "w");
	struct stat stat;
	int err;

	if (!out) {
		err = -errno;
		close(fd);
		return err;
	}
	err = hf_snapshot_write(snapshot, out, is_cancelled);
	if (!err && (fflush(out) || fsync(fd) || fstat(fd, &stat)))
		err = -errno;
	if (!err)
		*ret_bytes = stat.st_size;
	if (fclose(out) && !err)
		err = -errno;
	return err;
}

/* So that the new name outlives a crash as well; where a folder cannot be synced the file is still whole. */
static void sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	free(copy);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

static char *describe_errno(const char *name, int err)
{
	char *error;

	return asprintf(&error, "%s: %s", name, strerror(-err)) < 0 ? NULL : error;
}

int hf_snapshot_save(const struct hf_snapshot *snapshot, const char *path, const atomic_bool *is_cancelled,
		     uint64_t *ret_bytes, char **ret_error)
{
	uint64_t bytes = 0;
	char *temporary;
	int fd, err;

	*ret_error = NULL;
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		goto err_free_temporary;
	}
	err = write_file(snapshot, fd, is_cancelled, &bytes);
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		goto err_unlink;
	sync_folder(path);
	free(temporary);
	*ret_bytes = bytes;
	return 0;

err_unlink:
	unlink(temporary);
err_free_temporary:
	free(temporary);
	*ret_error = describe_errno(path, err);
	return err;
}
