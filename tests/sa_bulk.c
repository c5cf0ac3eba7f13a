/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Asks for the whole table of this machine's first port, in turns as any SA answers it (PathRecords) and as Holdfast's
 * plugin does (a delta that is whole), and prints for each turn who answered, with how many destinations, in how many
 * bytes, and how long it took. Or asks for it so many times at once, as many hosts do after a fault: what is printed is
 * then the last answer, and how long it took until all were there.
 *
 *	sa_bulk ROUNDS [AT_ONCE]
 *	stock 1025 65600 2841		(us)
 *	delta 1025 6190 310
 *
 * Where the plugin does not answer, both lines say stock. Or asks once as a host does, in the name of any port and with
 * any table in its hand, and prints what came:
 *
 *	sa_bulk ask SGUID INSTANCE EPOCH	SGUID 0: this port's own
 *	whole 13 0x4b0e... 2			(changes, instance, epoch that the delta leads to)
 *	since 1 5 0x4b0e... 2			(base, changes, instance, epoch)
 *	records 13
 *	refused 0x0200
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/trace.h"
#include "lib/umad_io.h"
#include "lib/wire.h"

#define PATIENCE_MS	60000
#define NS_PER_US	1000

struct client {
	struct hf_umad *umad;
	struct hf_umad_port port;
	int agent;
	uint32_t tid;
};

static void must(int code, const char *what)
{
	if (code)
		errx(EXIT_FAILURE, "%s: %s", what, strerror(-code));
}

static void send_query(struct client *client, bool is_delta)
{
	const struct hf_mad_addr sm = { .lid = client->port.sm_lid, .qpn = 1, .sl = client->port.sm_sl };
	struct hf_path_record record = { .num_path = 1, .sgid = client->port.gid };
	struct hf_sa_mad mad;

	if (is_delta)
		record.service_id = htobe64(HF_DELTA_SERVICE_ID);
	hf_sa_mad_init(&mad, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD, ++client->tid);
	mad.comp_mask = htobe64(HF_PR_COMP_SGID | HF_PR_COMP_NUMB_PATH);
	memcpy(mad.data, &record, sizeof(record));
	must(hf_umad_send(client->umad, client->agent, &sm, &mad, sizeof(mad), PATIENCE_MS, 0), "send");
}

static void receive(struct client *client, struct hf_umad_received *ret_received)
{
	struct pollfd fd = { .fd = hf_umad_fd(client->umad), .events = POLLIN };
	int code;

	while ((code = hf_umad_recv(client->umad, ret_received)) == -EAGAIN)
		if (poll(&fd, 1, PATIENCE_MS) <= 0)
			errx(EXIT_FAILURE, "no answer");
	must(code, "receive");
	must(ret_received->status, "answer");
}

static void print_answer(const struct hf_umad_received *received, uint64_t took_ns)
{
	const struct hf_sa_mad *mad = (const struct hf_sa_mad *)received->mad;
	size_t bytes = received->len - offsetof(struct hf_sa_mad, data);
	struct hf_delta_hdr delta;

	if (received->len < sizeof(struct hf_mad_hdr) || mad->hdr.status)
		errx(EXIT_FAILURE, "the SA refuses");
	if (be16toh(mad->attr_offset) == HF_DELTA_ATTR_OFFSET && bytes >= sizeof(delta)) {
		memcpy(&delta, (const char *)received->mad + offsetof(struct hf_sa_mad, data), sizeof(delta));
		printf("delta %" PRIu32 " %zu %" PRIu64 "\n", be32toh(delta.changes), bytes, took_ns / NS_PER_US);
	} else {
		printf("stock %zu %zu %" PRIu64 "\n", bytes / sizeof(struct hf_path_record), bytes, took_ns / NS_PER_US);
	}
}

static void send_question(struct client *client, uint64_t sguid, uint64_t instance, uint64_t epoch)
{
	const struct hf_mad_addr sm = { .lid = client->port.sm_lid, .qpn = 1, .sl = client->port.sm_sl };
	const struct hf_delta_held held = { .instance = htobe64(instance), .epoch = htobe64(epoch) };
	struct hf_path_record record = {
		.service_id = htobe64(HF_DELTA_SERVICE_ID), .num_path = 1, .sgid = client->port.gid,
	};
	struct hf_sa_mad mad;

	memcpy(&record.dgid, &held, sizeof(held));
	if (sguid)
		record.sgid.guid = htobe64(sguid);
	hf_sa_mad_init(&mad, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD, ++client->tid);
	mad.comp_mask = htobe64(HF_PR_COMP_SGID | HF_PR_COMP_NUMB_PATH);
	memcpy(mad.data, &record, sizeof(record));
	must(hf_umad_send(client->umad, client->agent, &sm, &mad, sizeof(mad), PATIENCE_MS, 0), "send");
}

static void print_reply(const struct hf_umad_received *received)
{
	const struct hf_sa_mad *mad = (const struct hf_sa_mad *)received->mad;
	size_t bytes = received->len - offsetof(struct hf_sa_mad, data);
	struct hf_delta_hdr delta;

	if (received->len < offsetof(struct hf_sa_mad, data))
		errx(EXIT_FAILURE, "a short answer");
	if (mad->hdr.status) {
		printf("refused 0x%04x\n", be16toh(mad->hdr.status));
	} else if (be16toh(mad->attr_offset) != HF_DELTA_ATTR_OFFSET || bytes < sizeof(delta)) {
		printf("records %zu\n", bytes / sizeof(struct hf_path_record));
	} else {
		memcpy(&delta, (const char *)received->mad + offsetof(struct hf_sa_mad, data), sizeof(delta));
		if (delta.flags & HF_DELTA_WHOLE)
			printf("whole");
		else
			printf("since %" PRIu64, be64toh(delta.base));
		printf(" %" PRIu32 " 0x%016" PRIx64 " %" PRIu64 "\n", be32toh(delta.changes), be64toh(delta.instance),
		       be64toh(delta.epoch));
	}
}

static void ask_once(struct client *client, char **numbers)
{
	struct hf_umad_received received;

	send_question(client, strtoull(numbers[0], NULL, 0), strtoull(numbers[1], NULL, 0),
		      strtoull(numbers[2], NULL, 0));
	receive(client, &received);
	print_reply(&received);
	free(received.mad);
}

static void ask(struct client *client, bool is_delta, unsigned long at_once)
{
	struct hf_umad_received received = { .mad = NULL };
	uint64_t sent_ns = hf_now_ns();

	for (unsigned long i = 0; i < at_once; i++)
		send_query(client, is_delta);
	for (unsigned long i = 0; i < at_once; i++) {
		free(received.mad);
		receive(client, &received);
	}
	print_answer(&received, hf_now_ns() - sent_ns);
	free(received.mad);
}

int main(int argc, char **argv)
{
	bool is_question = argc == 5 && !strcmp(argv[1], "ask");
	unsigned long rounds = is_question ? 0 : argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	unsigned long at_once = !is_question && argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	struct client client = { .tid = 0 };

	if (!at_once)
		errx(EXIT_FAILURE, "see the head of sa_bulk.c");
	must(hf_umad_open(NULL, 0, &client.umad), "open");
	must(hf_umad_register_sa(client.umad, false, &client.agent), "register");
	must(hf_umad_read_port(client.umad, &client.port), "read port");
	if (is_question)
		ask_once(&client, &argv[2]);
	for (unsigned long i = 0; i < rounds; i++) {
		ask(&client, false, at_once);
		ask(&client, true, at_once);
	}
	hf_umad_close(client.umad);
	return EXIT_SUCCESS;
}
