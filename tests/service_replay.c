/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Sends recorded messages of services again, from the adapter of this process.
 *
 *	service_replay FILE KIND FROM LID [TIMES]
 *
 * FILE: a capture of the simulated ib_umad. KIND: heartbeat, request, answer or bell. FROM: the port GUID that the
 * messages name as their sender (0 for the SM). LID: where they go. Prints how many were sent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/service_wire.h"
#include "lib/umad_io.h"
#include "sim/pcap.h"

#define QPN_GSI	1

static bool is_meant(const struct hf_pcap_record *record, const char *kind, uint64_t from)
{
	struct hf_service_msg msg;

	return record->is_sent && !hf_service_wire_read(record->mad, sizeof(record->mad), &msg) &&
	       !strcmp(hf_service_kind_names[msg.kind], kind) && msg.from == from;
}

/* Slowly enough for whoever reads them. */
static int send_again(struct hf_umad *umad, int agent, const struct hf_mad_addr *to, struct hf_pcap_record *record,
		      uint32_t number)
{
	struct hf_mad_hdr *hdr = (struct hf_mad_hdr *)record->mad;
	const struct timespec pause = { .tv_nsec = 1000000 };

	/* Transaction ids are not covered; other ones pass all that only looks at them. */
	hdr->tid = htobe64(number);
	nanosleep(&pause, NULL);
	return hf_umad_send(umad, agent, to, record->mad, sizeof(record->mad), 0, 0);
}

static int replay(struct hf_umad *umad, int agent, char *argv[], unsigned long *count)
{
	const struct hf_mad_addr to = { .lid = strtoul(argv[4], NULL, 0), .qpn = QPN_GSI };
	uint64_t from = strtoull(argv[3], NULL, 0);
	struct hf_pcap_reader *reader;
	struct hf_pcap_record record;
	int rc;

	rc = hf_pcap_reader_open(argv[1], &reader);
	if (rc)
		return rc;
	while ((rc = hf_pcap_read(reader, &record)) == 1) {
		if (!is_meant(&record, argv[2], from))
			continue;
		rc = send_again(umad, agent, &to, &record, ++*count);
		if (rc)
			break;
	}
	hf_pcap_reader_close(reader);
	return rc;
}

int main(int argc, char *argv[])
{
	unsigned long count = 0, times = argc > 5 ? strtoul(argv[5], NULL, 0) : 1;
	struct hf_umad *umad;
	int agent, err;

	if (argc < 5) {
		fprintf(stderr, "usage: service_replay FILE KIND FROM LID [TIMES]\n");
		return 2;
	}
	err = hf_umad_open(NULL, 0, &umad);
	if (!err)
		err = hf_umad_register_vendor(umad, HF_SERVICE_CLASS, HF_SERVICE_CLASS_VERSION, HF_SERVICE_OUI, NULL, 0,
					      &agent);
	for (unsigned long i = 0; i < times && !err; i++)
		err = replay(umad, agent, argv, &count);
	if (err)
		fprintf(stderr, "service_replay: %s\n", strerror(-err));
	else
		printf("%lu\n", count);
	return err || !count;
}
