/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/snapshot_file.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crc32.h"
#include "plugin/snapshot_layout.h"

#define LIDS_MAX	0xbfff	/* the highest unicast LID */
#define LMC_MAX		7
#define PKT_LIFE_MAX	0x3f
#define CLASSES_MAX	UINT16_MAX
#define READ_BYTES	65536

struct reader {
	const char *name;
	const uint8_t *data;
	size_t len, at;
	struct hf_file_counts counts;
	struct hf_port_registry *registry;
	struct hf_snapshot *snapshot;
	uint32_t *port_of;	/* index of each port, in the file's order */
	char *error;
};

static int refuse(struct reader *reader, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int refuse(struct reader *reader, size_t at, const char *format, ...)
{
	char *what = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&what, format, args) < 0)
		what = NULL;
	va_end(args);
	if (!what || asprintf(&reader->error, "%s: byte %zu: %s", reader->name, at, what) < 0)
		reader->error = NULL;
	free(what);
	return -EINVAL;
}

static int check_range(struct reader *reader, size_t at, const char *what, uint64_t value, uint64_t min, uint64_t max)
{
	if (value >= min && value <= max)
		return 0;
	return refuse(reader, at, "%s is %" PRIu64 ", must be %" PRIu64 " to %" PRIu64, what, value, min, max);
}

/* The next @len bytes, which the caller knows to be there. */
static const uint8_t *take(struct reader *reader, size_t len)
{
	const uint8_t *data = &reader->data[reader->at];

	reader->at += len;
	return data;
}

static uint16_t get_le16(const uint8_t *data)
{
	return data[0] | data[1] << 8;
}

#define AT(reader, type, field)	((reader)->at - sizeof(type) + offsetof(type, field))

static int check_start(struct reader *reader, const struct hf_file_header *header)
{
	uint32_t version = le32toh(header->version);

	if (memcmp(header->magic, hf__snapshot_magic, sizeof(hf__snapshot_magic)))
		return refuse(reader, 0, "it does not begin as a snapshot of Holdfast does");
	if (version > HF_SNAPSHOT_FILE_VERSION)
		return refuse(reader, offsetof(struct hf_file_header, version), "version %u is of a later Holdfast; "
			      "this one reads version %u", version, HF_SNAPSHOT_FILE_VERSION);
	return check_range(reader, offsetof(struct hf_file_header, version), "the version", version, 1,
			   HF_SNAPSHOT_FILE_VERSION);
}

static int check_counts(struct reader *reader, const struct hf_file_header *header)
{
	struct hf_file_counts *counts = &reader->counts;
	uint32_t flags = le32toh(header->flags);
	int err;

	*counts = (struct hf_file_counts) {
		.ports = le32toh(header->n_ports),
		.columns = le32toh(header->n_columns),
		.rows = le32toh(header->n_rows),
		.classes = le32toh(header->n_classes),
		.rows_are_lids = flags & HF_FILE_FLAG_ROWS_ARE_LIDS,
	};
	if (flags & ~HF_FILE_FLAGS_ALL)
		return refuse(reader, AT(reader, struct hf_file_header, flags), "the flags are 0x%x, known is 0x%x",
			      flags, HF_FILE_FLAGS_ALL);
	err = check_range(reader, AT(reader, struct hf_file_header, n_ports), "the number of ports", counts->ports, 0,
			  LIDS_MAX);
	if (!err)
		err = check_range(reader, AT(reader, struct hf_file_header, n_columns), "the number of columns",
				  counts->columns, counts->ports, LIDS_MAX);
	if (!err)
		err = check_range(reader, AT(reader, struct hf_file_header, n_rows), "the number of rows", counts->rows,
				  0, counts->columns);
	return err ? err : check_range(reader, AT(reader, struct hf_file_header, n_classes), "the number of classes",
				       counts->classes, 0, CLASSES_MAX);
}

static int check_length(struct reader *reader, const struct hf_file_header *header)
{
	uint64_t length = le64toh(header->length), needed = hf__snapshot_file_length(&reader->counts);
	size_t at = AT(reader, struct hf_file_header, length);

	if (length != needed)
		return refuse(reader, at, "the length is %" PRIu64 ", its counts make %" PRIu64, length, needed);
	if (length != reader->len)
		return refuse(reader, at, "the length is %" PRIu64 ", the file has %zu bytes", length, reader->len);
	return 0;
}

static int check_checksum(struct reader *reader)
{
	size_t len = reader->len - HF_FILE_CHECKSUM_BYTES;
	struct hf_crc32 crc;
	__le32 checksum;

	memcpy(&checksum, &reader->data[len], sizeof(checksum));
	hf_crc32_init(&crc);
	hf_crc32_add(&crc, reader->data, len);
	if (le32toh(checksum) == hf_crc32_value(&crc))
		return 0;
	return refuse(reader, len, "the checksum is 0x%08x, the contents have 0x%08x", le32toh(checksum),
		      hf_crc32_value(&crc));
}

static int read_header(struct reader *reader)
{
	struct hf_file_header header;
	int err;

	if (reader->len < sizeof(header))
		return refuse(reader, reader->len, "the file ends within its header of %zu bytes", sizeof(header));
	memcpy(&header, take(reader, sizeof(header)), sizeof(header));
	err = check_start(reader, &header);
	if (!err)
		err = check_counts(reader, &header);
	if (!err)
		err = check_length(reader, &header);
	if (!err)
		err = check_checksum(reader);
	if (err)
		return err;
	reader->snapshot->routing = (struct hf_routing) {
		.reroute = le32toh(header.flags) & HF_FILE_FLAG_REROUTE,
		.is_master = le32toh(header.flags) & HF_FILE_FLAG_MASTER,
		.is_first_sweep = le32toh(header.flags) & HF_FILE_FLAG_FIRST_SWEEP,
		.is_written = le32toh(header.flags) & HF_FILE_FLAG_WRITTEN,
	};
	return 0;
}

static int read_section(struct reader *reader, enum hf_file_part part)
{
	uint64_t needed = hf__snapshot_part_length(part, &reader->counts);
	struct hf_file_section header;

	memcpy(&header, take(reader, sizeof(header)), sizeof(header));
	if (memcmp(header.tag, hf__snapshot_tags[part], sizeof(header.tag)))
		return refuse(reader, AT(reader, struct hf_file_section, tag), "section %s must begin here",
			      hf__snapshot_tags[part]);
	if (header.reserved)
		return refuse(reader, AT(reader, struct hf_file_section, reserved), "a reserved field of section %s is "
			      "0x%x, must be 0", hf__snapshot_tags[part], le32toh(header.reserved));
	if (le64toh(header.length) != needed)
		return refuse(reader, AT(reader, struct hf_file_section, length), "section %s has %" PRIu64 " bytes, "
			      "its counts make %" PRIu64, hf__snapshot_tags[part], (uint64_t)le64toh(header.length),
			      needed);
	return 0;
}

/* Printable, and zero behind its end. */
static int read_engine(struct reader *reader, size_t at, const char *text, char *ret_engine)
{
	size_t size = sizeof(((struct hf_routing *)0)->engine), len = strnlen(text, size);

	for (size_t i = 0; i < size; i++)
		if (len == size || (i < len ? !isprint((unsigned char)text[i]) : text[i]))
			return refuse(reader, at, "the name of a routing engine must be at most %zu printable "
				      "characters, and zero behind", size - 1);
	memcpy(ret_engine, text, size);
	return 0;
}

static int read_routing(struct reader *reader)
{
	struct hf_routing *routing = &reader->snapshot->routing;
	static const uint8_t zeros[sizeof(((struct hf_file_routing *)0)->reserved)];
	struct hf_file_routing in;
	int err;

	memcpy(&in, take(reader, sizeof(in)), sizeof(in));
	routing->epoch = le64toh(in.epoch);
	routing->instance = le64toh(in.instance);
	routing->sm_lid = le16toh(in.sm_lid);
	memcpy(routing->sm_gid.raw, in.sm_gid, sizeof(in.sm_gid));
	memcpy(&routing->subnet_prefix, in.subnet_prefix, sizeof(in.subnet_prefix));
	if (memcmp(in.reserved, zeros, sizeof(zeros)))
		return refuse(reader, AT(reader, struct hf_file_routing, reserved), "a reserved field is not 0");
	err = read_engine(reader, AT(reader, struct hf_file_routing, engine), in.engine, routing->engine);
	return err ? err : read_engine(reader, AT(reader, struct hf_file_routing, wanted_engine), in.wanted_engine,
				       routing->wanted_engine);
}

static int read_codes(struct reader *reader)
{
	struct hf_snapshot *snapshot = reader->snapshot;
	struct hf_file_codes in;
	int err = 0;

	memcpy(&in, take(reader, sizeof(in)), sizeof(in));
	for (unsigned int i = 0; i < HF_PKT_LIVES && !err; i++)
		err = check_range(reader, AT(reader, struct hf_file_codes, pkt_lives) + i, "a packet life",
				  in.pkt_lives[i], 0, i ? PKT_LIFE_MAX : 0);
	for (unsigned int sl = 0; sl < HF_SLS && !err; sl++)
		err = check_range(reader, AT(reader, struct hf_file_codes, sl_spread) + sl,
				  "the number of SLs that an SL is spread over", in.sl_spread[sl], 0, HF_SLS - sl);
	memcpy(snapshot->pkt_lives, in.pkt_lives, sizeof(in.pkt_lives));
	memcpy(snapshot->sl_spread, in.sl_spread, sizeof(in.sl_spread));
	return err;
}

static int check_port(struct reader *reader, const struct hf_file_port *in)
{
	uint32_t lids = 1U << (in->lmc & LMC_MAX);
	uint32_t rows = reader->counts.rows_are_lids ? lids : 1;
	int err;

	if (!in->guid)
		return refuse(reader, AT(reader, struct hf_file_port, guid), "the GUID of a port is 0");
	if (in->flags & ~HF_FILE_PORT_IS_SWITCH || in->reserved)
		return refuse(reader, AT(reader, struct hf_file_port, flags), "the flags of a port are 0x%x, known is "
			      "0x%x", in->flags | le16toh(in->reserved) << 8, HF_FILE_PORT_IS_SWITCH);
	err = check_range(reader, AT(reader, struct hf_file_port, lmc), "an LMC", in->lmc, 0, LMC_MAX);
	if (!err)
		err = check_range(reader, AT(reader, struct hf_file_port, lid), "a base LID", le16toh(in->lid), 1,
				  LIDS_MAX + 1 - lids);
	if (!err && reader->counts.rows < rows)
		return refuse(reader, AT(reader, struct hf_file_port, row), "a port needs %u rows, there are %u", rows,
			      reader->counts.rows);
	if (!err)
		err = check_range(reader, AT(reader, struct hf_file_port, row), "the row of a port", le32toh(in->row),
				  0, reader->counts.rows - rows);
	if (!err && !reader->counts.classes)
		return refuse(reader, AT(reader, struct hf_file_port, terms_class), "a port's class is %u, there is "
			      "none", le16toh(in->terms_class));
	return err ? err : check_range(reader, AT(reader, struct hf_file_port, terms_class), "the class of a port",
				       le16toh(in->terms_class), 0, reader->counts.classes - 1);
}

/* All are checked before the registry hears of any: a bad file leaves nothing in it but ports that could be. */
static int check_ports(struct reader *reader)
{
	uint32_t columns = 0;
	size_t start = reader->at;
	int err = 0;

	for (uint32_t i = 0; i < reader->counts.ports && !err; i++) {
		struct hf_file_port in;

		memcpy(&in, take(reader, sizeof(in)), sizeof(in));
		err = check_port(reader, &in);
		if (!err)
			columns += 1U << in.lmc;
	}
	if (!err && columns != reader->counts.columns)
		return refuse(reader, start, "the ports have %u LIDs, the header says %u columns", columns,
			      reader->counts.columns);
	reader->at = start;
	return err;
}

static int register_ports(struct reader *reader)
{
	size_t start = reader->at;
	uint32_t column;

	reader->port_of = malloc((reader->counts.ports + (size_t)1) * sizeof(*reader->port_of));
	if (!reader->port_of)
		return -ENOMEM;
	for (uint32_t i = 0; i < reader->counts.ports; i++) {
		struct hf_file_port in;

		memcpy(&in, take(reader, sizeof(in)), sizeof(in));
		if (hf_port_registry_add(reader->registry, le64toh(in.guid), in.lmc, &reader->port_of[i], &column))
			return -ENOMEM;
	}
	reader->at = start;
	return 0;
}

static int store_port(struct reader *reader, uint32_t index, const struct hf_file_port *in)
{
	struct hf_port *port = &reader->snapshot->ports[index];
	uint32_t column;

	if (hf_port_is_present(port))
		return refuse(reader, AT(reader, struct hf_file_port, guid), "GUID 0x%016" PRIx64 " is there twice",
			      (uint64_t)le64toh(in->guid));
	/* It is known by now. */
	if (hf_port_registry_add(reader->registry, le64toh(in->guid), in->lmc, &index, &column))
		return -ENOMEM;
	port->guid = le64toh(in->guid);
	port->first_column = column;
	port->row = le32toh(in->row);
	port->lid = le16toh(in->lid);
	port->terms_class = le16toh(in->terms_class);
	port->lmc = in->lmc;
	port->is_switch = in->flags & HF_FILE_PORT_IS_SWITCH;
	port->switch_ = HF_NO_INDEX;
	return 0;
}

static int read_ports(struct reader *reader)
{
	struct hf_snapshot *snapshot = reader->snapshot;
	int err = check_ports(reader);

	if (!err)
		err = register_ports(reader);
	if (err)
		return err;
	snapshot->n_ports = hf_port_registry_count_ports(reader->registry);
	snapshot->n_columns = hf_port_registry_count_columns(reader->registry);
	snapshot->ports = calloc(snapshot->n_ports + (size_t)1, sizeof(*snapshot->ports));
	if (!snapshot->ports)
		return -ENOMEM;
	for (uint32_t i = 0; i < reader->counts.ports && !err; i++) {
		struct hf_file_port in;

		memcpy(&in, take(reader, sizeof(in)), sizeof(in));
		err = store_port(reader, reader->port_of[i], &in);
	}
	return err;
}

static int read_pkeys(struct reader *reader)
{
	struct hf_snapshot *snapshot = reader->snapshot;
	size_t count = (size_t)reader->counts.classes * reader->counts.classes;

	snapshot->n_terms_classes = reader->counts.classes;
	snapshot->pkeys = malloc((count + 1) * sizeof(*snapshot->pkeys));
	if (!snapshot->pkeys)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		snapshot->pkeys[i] = get_le16(take(reader, sizeof(uint16_t)));
	return 0;
}

static int check_entry(struct reader *reader, size_t at, hf_entry entry)
{
	unsigned int sl = hf_entry_sl(entry);

	if (!entry)
		return 0;
	if (!hf_entry_life(entry))
		return refuse(reader, at, "path 0x%04x has no packet life", entry);
	if (entry & HF_SL_IS_SPREAD && reader->snapshot->sl_spread[sl] < 2)
		return refuse(reader, at, "path 0x%04x has one of several SLs from %u on, of which there are %u", entry,
			      sl, reader->snapshot->sl_spread[sl]);
	return 0;
}

/* @entries: by column of the snapshot, zero where this file says nothing */
static int read_entries(struct reader *reader, hf_entry *entries)
{
	for (uint32_t i = 0; i < reader->counts.ports; i++) {
		const struct hf_port *port = &reader->snapshot->ports[reader->port_of[i]];

		for (uint32_t lid = 0; lid < hf_port_count_lids(port); lid++) {
			size_t at = reader->at;
			hf_entry entry = get_le16(take(reader, sizeof(entry)));
			int err = check_entry(reader, at, entry);

			if (err)
				return err;
			entries[port->first_column + lid] = entry;
		}
	}
	return 0;
}

static int read_loopbacks(struct reader *reader)
{
	struct hf_snapshot *snapshot = reader->snapshot;

	if (reader->counts.rows_are_lids)
		return 0;
	snapshot->loopbacks = calloc(snapshot->n_columns + (size_t)1, sizeof(*snapshot->loopbacks));
	return snapshot->loopbacks ? read_entries(reader, snapshot->loopbacks) : -ENOMEM;
}

static int read_rows(struct reader *reader)
{
	struct hf_snapshot *snapshot = reader->snapshot;
	int err = 0;

	snapshot->n_rows = reader->counts.rows;
	snapshot->rows_are_lids = reader->counts.rows_are_lids;
	snapshot->entries = calloc((size_t)snapshot->n_rows * snapshot->n_columns + 1, sizeof(*snapshot->entries));
	if (!snapshot->entries)
		return -ENOMEM;
	for (uint32_t row = 0; row < snapshot->n_rows && !err; row++)
		err = read_entries(reader, &snapshot->entries[(size_t)row * snapshot->n_columns]);
	return err;
}

static int read_all(struct reader *reader)
{
	static int (*const readers[HF_FILE_PARTS])(struct reader *) = {
		[HF_FILE_PART_ROUTING] = read_routing,
		[HF_FILE_PART_CODES] = read_codes,
		[HF_FILE_PART_PORTS] = read_ports,
		[HF_FILE_PART_PKEYS] = read_pkeys,
		[HF_FILE_PART_LOOPBACKS] = read_loopbacks,
		[HF_FILE_PART_ENTRIES] = read_rows,
	};
	int err = read_header(reader);

	/* From here on all that is taken is there: the lengths agree. */
	for (int part = 0; part < HF_FILE_PARTS && !err; part++) {
		err = read_section(reader, part);
		if (!err)
			err = readers[part](reader);
	}
	return err;
}

int hf_snapshot_read(const uint8_t *data, size_t len, const char *name, struct hf_port_registry *registry,
		     struct hf_snapshot **ret_snapshot, char **ret_error)
{
	struct reader reader = {
		.name = name, .data = data, .len = len, .registry = registry,
		.snapshot = calloc(1, sizeof(*reader.snapshot)),
	};
	int err = reader.snapshot ? read_all(&reader) : -ENOMEM;

	free(reader.port_of);
	if (err) {
		hf_snapshot_free(reader.snapshot);
		*ret_error = reader.error;
		return err;
	}
	*ret_snapshot = reader.snapshot;
	return 0;
}

/* All that comes, freed with free(). */
static int read_whole(int fd, uint8_t **ret_data, size_t *ret_len)
{
	struct stat stat;
	size_t size, len = 0;
	uint8_t *data;
	ssize_t got;
	int err;

	if (fstat(fd, &stat))
		return -errno;
	size = S_ISREG(stat.st_mode) ? (size_t)stat.st_size + 1 : READ_BYTES;
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	while ((got = read(fd, &data[len], size - len)) > 0) {
		len += got;
		if (len == size) {
			uint8_t *grown = realloc(data, 2 * size);

			if (!grown) {
				err = -ENOMEM;
				goto err_free_data;
			}
			data = grown;
			size *= 2;
		}
	}
	if (got < 0) {
		err = -errno;
		goto err_free_data;
	}
	*ret_data = data;
	*ret_len = len;
	return 0;

err_free_data:
	free(data);
	return err;
}

static char *describe_errno(const char *name, int err)
{
	char *error;

	return asprintf(&error, "%s: %s", name, strerror(-err)) < 0 ? NULL : error;
}

int hf_snapshot_load(const char *path, struct hf_port_registry *registry, struct hf_snapshot **ret_snapshot,
		     char **ret_error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *data = NULL;
	size_t len = 0;
	int err = fd < 0 ? -errno : read_whole(fd, &data, &len);

	if (fd >= 0)
		close(fd);
	if (err) {
		*ret_error = describe_errno(path, err);
		return err;
	}
	err = hf_snapshot_read(data, len, path, registry, ret_snapshot, ret_error);
	free(data);
	return err;
}
