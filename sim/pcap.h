/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Captures of MADs: nanosecond pcap files of link type ERF (197, record type InfiniBand), which Wireshark 4.0 dissects
 * whole; it does not know the plain InfiniBand link type. Each record is one packet as a port would send it: LRH, BTH,
 * DETH, the MAD, and both CRCs as zeroes. The capture interface in the ERF header is 0 for a packet that the adapter
 * received and 1 for one that it sent. Which adapter it was is kept where no dissector minds, in the packet sequence
 * number of the BTH: bits 22..16 are its index, bits 15..0 count the records of one writer.
 *
 * Times are CLOCK_MONOTONIC, not the time of day. Nothing here is locked.
 */
#ifndef HF_SIM_PCAP_H
#define HF_SIM_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

/* LRH 8, BTH 12, DETH 8, MAD, ICRC 4, VCRC 2 */
#define HF_PCAP_FRAME_SIZE (8 + 12 + 8 + HF_MAD_SIZE + 4 + 2)

/* One captured MAD; host order except @mad. */
struct hf_pcap_record {
	uint64_t time_ns;
	bool is_sent; /* by the adapter that captured it; else received */
	uint8_t adapter; /* index in its process, 0..127 */
	uint16_t slid; /* 0xffff on directed route SMPs, 0 where the port had no LID yet */
	uint16_t dlid;
	uint32_t sqp;
	uint32_t dqp;
	uint8_t mad[HF_MAD_SIZE];
};

struct hf_pcap_writer;
struct hf_pcap_reader;

/**
 * hf_pcap_writer_open() - open a capture for appending
 * @path:       file; created where it is missing, continued where it is a capture already
 * @ret_writer: free with hf_pcap_writer_close()
 *
 * Return: 0; -errno of open() or write().
 */
int hf_pcap_writer_open(const char *path, struct hf_pcap_writer **ret_writer);

/**
 * hf_pcap_write() - add a record
 * @writer: from hf_pcap_writer_open()
 * @record: borrowed
 *
 * Records gather in memory; they reach the file whole, at the latest with hf_pcap_flush().
 *
 * Return: 0; -errno of write(): the records gathered so far are lost then.
 */
int hf_pcap_write(struct hf_pcap_writer *writer, const struct hf_pcap_record *record);

/** hf_pcap_flush() - bring all records to the file; 0 or -errno of write(). */
int hf_pcap_flush(struct hf_pcap_writer *writer);

/** hf_pcap_writer_close() - flush and free; takes NULL. */
void hf_pcap_writer_close(struct hf_pcap_writer *writer);

/**
 * hf_pcap_reader_open() - open a capture that hf_pcap_write() made
 * @path:       file
 * @ret_reader: free with hf_pcap_reader_close()
 *
 * Return: 0; -errno of fopen(); -EINVAL if it is not a capture of this kind and byte order.
 */
int hf_pcap_reader_open(const char *path, struct hf_pcap_reader **ret_reader);

/**
 * hf_pcap_read() - the next record
 * @reader:     from hf_pcap_reader_open()
 * @ret_record: filled in
 *
 * Return: 1 with a record; 0 at the end of the file, also where the last record is cut short; -EINVAL where a record
 * is not a MAD in a frame as described above.
 */
int hf_pcap_read(struct hf_pcap_reader *reader, struct hf_pcap_record *ret_record);

/** hf_pcap_reader_close() - free; takes NULL. */
void hf_pcap_reader_close(struct hf_pcap_reader *reader);

#endif
