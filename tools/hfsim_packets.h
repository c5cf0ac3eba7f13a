/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What became of the packets that a simulated sender sent to services: the files that hfsim-traffic(1) writes, and what
 * follows from them. Times are those of lib/trace.h.
 */
#ifndef HF_TOOLS_HFSIM_PACKETS_H
#define HF_TOOLS_HFSIM_PACKETS_H

#include <stddef.h>
#include <stdint.h>

/*
 * One packet, on its way and in the files, in host byte order. The sender's file has each packet once, a receiver's
 * each copy that came.
 */
struct hf_packet {
	uint64_t sent_ns;
	uint64_t received_ns;	/* 0 in the sender's file */
	uint32_t seq;		/* of the service, from 0 */
	uint32_t service;	/* index, as the sender counts them */
	uint32_t port;		/* index in the fabric map, where it came; 0 in the sender's file */
	uint32_t pad;
};

#define HF_PACKET_NO_PORT	UINT32_MAX

/* A packet and all its copies. */
struct hf_sent_packet {
	uint64_t sent_ns;
	uint64_t received_ns;	/* by the first who did */
	uint32_t service, seq;
	uint32_t port;		/* of the first who did; HF_PACKET_NO_PORT: nobody */
	uint32_t copies;	/* that came */
};

struct hf_packets {
	struct hf_sent_packet *list;	/* by service, then seq */
	size_t count;
	size_t strays;			/* copies of which the sender's file knows nothing */
};

/* What is to be said of one service in a span of time. */
struct hf_packet_span {
	uint64_t sent, lost, doubled;
	uint64_t silent_ns;	/* the longest time without a packet that anybody received; 0 where none was lost */
	uint64_t moved_ns;	/* when the first packet was sent that another port received than before; 0: none */
	uint32_t ports;		/* different ones that received */
};

/**
 * hf_packets_load() - read the files of one run
 * @sent_path:   of the sender
 * @paths:       of the receivers
 * @n_paths:     their number; a file that is not there is one without a packet
 * @ret_packets: to be cleared with hf_packets_fini()
 *
 * A record that was cut off, as of a receiver that was killed, is left out.
 *
 * Return: 0; -ENOMEM; the negative errno of reading.
 */
int hf_packets_load(const char *sent_path, const char *const *paths, size_t n_paths, struct hf_packets *ret_packets);

void hf_packets_fini(struct hf_packets *packets);

/**
 * hf_packets_judge() - count the packets of one service in a span of time
 * @packets:  of the run
 * @service:  index
 * @from_ns:  first time that counts, of sending
 * @to_ns:    first time that does not
 * @ret_span: zero where no packet was sent
 *
 * Lost packets in a row are silence from the last packet before that was received, even if that is before @from_ns,
 * to the next one after that was, even if that is behind @to_ns.
 */
void hf_packets_judge(const struct hf_packets *packets, uint32_t service, uint64_t from_ns, uint64_t to_ns,
		      struct hf_packet_span *ret_span);

#endif
