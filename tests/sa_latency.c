/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Asks the SA over and over for the path from this machine's first port to the SM's, and prints for each query when it
 * was sent (CLOCK_MONOTONIC, ns) and how long the answer took (us). Ends at SIGTERM.
 *
 *	sa_latency [PAUSE_US]		from an answer to the next query, 1000 by default
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/trace.h"
#include "lib/umad_io.h"
#include "lib/wire.h"

#define PATIENCE_MS	300000	/* longer than a sweep of the largest fabric */
#define NS_PER_US	1000

struct client {
	struct hf_umad *umad;
	struct hf_umad_port port;
	int agent;
};

static volatile sig_atomic_t is_ending;

static void on_term(int signal_number)
{
	(void)signal_number;
	is_ending = 1;
}

static void must(int code, const char *what)
{
	if (code)
		errx(EXIT_FAILURE, "%s: %s", what, strerror(-code));
}

static void open_client(struct client *client)
{
	must(hf_umad_open(NULL, 0, &client->umad), "open");
	must(hf_umad_register_sa(client->umad, false, &client->agent), "register");
	must(hf_umad_read_port(client->umad, &client->port), "read port");
}

static void send_query(const struct client *client, uint32_t tid)
{
	const struct hf_mad_addr sm = { .lid = client->port.sm_lid, .qpn = 1, .sl = client->port.sm_sl };
	struct hf_path_record record = {
		.slid = htobe16(client->port.lid),
		.dlid = htobe16(client->port.sm_lid),
	};
	struct hf_sa_mad mad;

	hf_sa_mad_init(&mad, HF_METHOD_GET, HF_ATTR_PATH_RECORD, tid);
	mad.comp_mask = htobe64(HF_PR_COMP_SLID | HF_PR_COMP_DLID);
	memcpy(mad.data, &record, sizeof(record));
	must(hf_umad_send(client->umad, client->agent, &sm, &mad, sizeof(mad), PATIENCE_MS, 0), "send");
}

/* Returns false where SIGTERM came first. */
static bool wait_for_answer(const struct client *client, const sigset_t *while_polling)
{
	struct pollfd fd = { .fd = hf_umad_fd(client->umad), .events = POLLIN };
	struct hf_umad_received received;
	int code;

	while ((code = hf_umad_recv(client->umad, &received))) {
		if (code != -EAGAIN)
			must(code, "receive");
		if (ppoll(&fd, 1, NULL, while_polling) < 0 || is_ending)
			return false;
	}
	must(received.status, "answer");
	free(received.mad);
	return true;
}

int main(int argc, char **argv)
{
	const struct sigaction term = { .sa_handler = on_term };
	useconds_t pause_us = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	sigset_t blocked, while_polling;
	struct client client;

	/* SIGTERM comes while polling only, so it cannot slip in before. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &while_polling);
	sigaction(SIGTERM, &term, NULL);
	open_client(&client);
	for (uint32_t tid = 1;; tid++) {
		uint64_t sent_ns = hf_now_ns();

		send_query(&client, tid);
		if (!wait_for_answer(&client, &while_polling))
			break;
		printf("%" PRIu64 " %" PRIu64 "\n", sent_ns, (hf_now_ns() - sent_ns) / NS_PER_US);
		usleep(pause_us);
	}
	hf_umad_close(client.umad);
	return EXIT_SUCCESS;
}
