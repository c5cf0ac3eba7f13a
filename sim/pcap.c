/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/pcap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC_NANOSECONDS 0xa1b23c4dU
#define LINKTYPE_ERF 197
#define ERF_TYPE_INFINIBAND 21
#define ERF_VARYING_LENGTH 4
#define ERF_INTERFACE_MASK 3
#define NSEC_PER_SEC UINT64_C(1000000000)
#define GATHERED_RECORDS 256

#define LRH_NEXT_BTH 2
#define VL_SUBNET_MANAGEMENT 15
#define BTH_UD_SEND_ONLY 0x64
#define QKEY_GSI 0x80010000U

#define PSN_ADAPTER_SHIFT 16
#define PSN_ADAPTER_MASK 0x7fU
#define PSN_COUNT_MASK 0xffffU

struct file_header {
	uint32_t magic;
	uint16_t version_major;
	uint16_t version_minor;
	int32_t zone;
	uint32_t accuracy;
	uint32_t snap_length;
	uint32_t link_type;
};

struct record_header {
	uint32_t seconds;
	uint32_t nanoseconds;
	uint32_t captured;
	uint32_t length;
};

/* The extensible record format of Endace's capture cards; what they found out, in front of what they captured. */
struct erf_header {
	__le64 time; /* seconds, and 2^-32 of them */
	uint8_t type;
	uint8_t flags;
	__be16 record_length; /* this header and the frame */
	__be16 lost;
	__be16 frame_length;
};

enum {
	INTERFACE_RECEIVED = 0,
	INTERFACE_SENT = 1,
};

/* The frame of a record; QP numbers and the PSN fill the lower 24 bits of their words. */
struct frame {
	uint8_t vl_version;
	uint8_t sl_next;
	__be16 dlid;
	__be16 words;
	__be16 slid;
	uint8_t opcode;
	uint8_t flags;
	__be16 pkey;
	__be32 dqp;
	__be32 psn;
	__be32 qkey;
	__be32 sqp;
	uint8_t mad[HF_MAD_SIZE];
	__be32 icrc;
	__be16 vcrc;
} __attribute__((packed));

struct record {
	struct record_header header;
	struct erf_header erf;
	struct frame frame;
} __attribute__((packed));

_Static_assert(sizeof(struct file_header) == 24, "pcap");
_Static_assert(sizeof(struct record_header) == 16, "pcap");
_Static_assert(sizeof(struct erf_header) == 16, "ERF");
_Static_assert(sizeof(struct frame) == HF_PCAP_FRAME_SIZE, "LRH to VCRC");

#define CAPTURED_BYTES (sizeof(struct record) - sizeof(struct record_header))

struct hf_pcap_writer {
	int fd;
	uint32_t count;
	size_t gathered;
	struct record records[GATHERED_RECORDS];
};

struct hf_pcap_reader {
	FILE *file;
};

static int write_all(int fd, const void *data, size_t len)
{
	const uint8_t *next = data;

	while (len > 0) {
		ssize_t done = write(fd, next, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		next += done;
		len -= (size_t)done;
	}
	return 0;
}

static int write_file_header(int fd)
{
	const struct file_header header = {
		.magic = MAGIC_NANOSECONDS,
		.version_major = 2,
		.version_minor = 4,
		.snap_length = CAPTURED_BYTES,
		.link_type = LINKTYPE_ERF,
	};
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	return status.st_size > 0 ? 0 : write_all(fd, &header, sizeof(header));
}

int hf_pcap_writer_open(const char *path, struct hf_pcap_writer **ret_writer)
{
	struct hf_pcap_writer *writer = calloc(1, sizeof(*writer));
	int rc;

	if (!writer)
		return -ENOMEM;
	writer->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (writer->fd < 0) {
		rc = -errno;
		goto err_free;
	}
	rc = write_file_header(writer->fd);
	if (rc < 0)
		goto err_close;
	*ret_writer = writer;
	return 0;

err_close:
	close(writer->fd);
err_free:
	free(writer);
	return rc;
}

static struct record_header make_header(uint64_t time_ns)
{
	return (struct record_header){
		.seconds = (uint32_t)(time_ns / NSEC_PER_SEC),
		.nanoseconds = (uint32_t)(time_ns % NSEC_PER_SEC),
		.captured = CAPTURED_BYTES,
		.length = CAPTURED_BYTES,
	};
}

/* The fraction is rounded up, so that the nanosecond comes out again. */
static struct erf_header make_erf(uint64_t time_ns, bool is_sent)
{
	uint64_t fraction = ((time_ns % NSEC_PER_SEC << 32) + NSEC_PER_SEC - 1) / NSEC_PER_SEC;

	return (struct erf_header){
		.time = htole64((time_ns / NSEC_PER_SEC << 32) + fraction),
		.type = ERF_TYPE_INFINIBAND,
		.flags = ERF_VARYING_LENGTH | (is_sent ? INTERFACE_SENT : INTERFACE_RECEIVED),
		.record_length = htobe16(CAPTURED_BYTES),
		.frame_length = htobe16(HF_PCAP_FRAME_SIZE),
	};
}

static struct frame make_frame(const struct hf_pcap_record *record, uint32_t count)
{
	uint32_t adapter = record->adapter & PSN_ADAPTER_MASK;
	bool is_smp = record->dqp == 0;
	struct frame frame = {
		.vl_version = is_smp ? VL_SUBNET_MANAGEMENT << 4 : 0,
		.sl_next = LRH_NEXT_BTH,
		.dlid = htobe16(record->dlid),
		.words = htobe16(offsetof(struct frame, vcrc) / 4),
		.slid = htobe16(record->slid),
		.opcode = BTH_UD_SEND_ONLY,
		.pkey = htobe16(0xffff),
		.dqp = htobe32(record->dqp),
		.psn = htobe32(adapter << PSN_ADAPTER_SHIFT | (count & PSN_COUNT_MASK)),
		.qkey = htobe32(is_smp ? 0 : QKEY_GSI),
		.sqp = htobe32(record->sqp),
	};

	memcpy(frame.mad, record->mad, HF_MAD_SIZE);
	return frame;
}

int hf_pcap_write(struct hf_pcap_writer *writer, const struct hf_pcap_record *record)
{
	writer->records[writer->gathered] = (struct record){
		.header = make_header(record->time_ns),
		.erf = make_erf(record->time_ns, record->is_sent),
		.frame = make_frame(record, writer->count++),
	};
	if (++writer->gathered < GATHERED_RECORDS)
		return 0;
	return hf_pcap_flush(writer);
}

int hf_pcap_flush(struct hf_pcap_writer *writer)
{
	size_t len = writer->gathered * sizeof(writer->records[0]);

	writer->gathered = 0;
	return len > 0 ? write_all(writer->fd, writer->records, len) : 0;
}

void hf_pcap_writer_close(struct hf_pcap_writer *writer)
{
	if (!writer)
		return;
	hf_pcap_flush(writer);
	close(writer->fd);
	free(writer);
}

int hf_pcap_reader_open(const char *path, struct hf_pcap_reader **ret_reader)
{
	struct hf_pcap_reader *reader = calloc(1, sizeof(*reader));
	struct file_header header;
	int rc;

	if (!reader)
		return -ENOMEM;
	reader->file = fopen(path, "re");
	if (!reader->file) {
		rc = -errno;
		goto err_free;
	}
	rc = -EINVAL;
	if (fread(&header, sizeof(header), 1, reader->file) != 1 || header.magic != MAGIC_NANOSECONDS ||
	    header.link_type != LINKTYPE_ERF)
		goto err_close;
	*ret_reader = reader;
	return 0;

err_close:
	fclose(reader->file);
err_free:
	free(reader);
	return rc;
}

int hf_pcap_read(struct hf_pcap_reader *reader, struct hf_pcap_record *ret_record)
{
	struct record from;

	if (fread(&from.header, sizeof(from.header), 1, reader->file) != 1)
		return 0;
	if (from.header.captured != CAPTURED_BYTES)
		return -EINVAL;
	if (fread(&from.erf, CAPTURED_BYTES, 1, reader->file) != 1)
		return 0;
	if (from.erf.type != ERF_TYPE_INFINIBAND || from.frame.opcode != BTH_UD_SEND_ONLY ||
	    (from.frame.sl_next & 3) != LRH_NEXT_BTH)
		return -EINVAL;
	*ret_record = (struct hf_pcap_record){
		.time_ns = from.header.seconds * NSEC_PER_SEC + from.header.nanoseconds,
		.is_sent = (from.erf.flags & ERF_INTERFACE_MASK) == INTERFACE_SENT,
		.adapter = be32toh(from.frame.psn) >> PSN_ADAPTER_SHIFT & PSN_ADAPTER_MASK,
		.slid = be16toh(from.frame.slid),
		.dlid = be16toh(from.frame.dlid),
		.sqp = be32toh(from.frame.sqp),
		.dqp = be32toh(from.frame.dqp),
	};
	memcpy(ret_record->mad, from.frame.mad, HF_MAD_SIZE);
	return 1;
}

void hf_pcap_reader_close(struct hf_pcap_reader *reader)
{
	if (!reader)
		return;
	fclose(reader->file);
	free(reader);
}
