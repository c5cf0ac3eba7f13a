/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The least of a host: subscribes to traps 68 and 69 on every port of this machine, prints each Report and answers it.
 *
 *	subscriber [-s DEVICE]...	-s: DEVICE hears and never answers
 *
 * Prints "subscribed COUNT" when every port is, then a line a Report:
 *	DEVICE trap NUM mask 0xMASK wait W sguid 0xGUID dguid 0xGUID dlid LID sl SL
 * Ends at SIGTERM.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/umad_io.h"
#include "lib/wire.h"

#define MAX_PORTS		16
#define SUBSCRIPTIONS		2
#define ANSWER_MS		1000
#define ANSWER_RETRIES		5

struct port {
	struct hf_umad_port info;
	struct hf_umad *umad;
	int agent;
	int subscriptions;
	bool is_silent;
};

static struct port ports[MAX_PORTS];
static size_t n_ports;

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "subscriber: %s: %s\n", what, strerror(-err));
	exit(EXIT_FAILURE);
}

static void subscribe(struct port *port, uint16_t trap_num)
{
	const struct hf_mad_addr sm = { .lid = port->info.sm_lid, .qpn = 1, .sl = port->info.sm_sl };
	struct hf_inform_info info;
	struct hf_sa_mad mad;

	hf_sa_mad_init(&mad, HF_METHOD_SET, HF_ATTR_INFORM_INFO, trap_num);
	hf_inform_info_init(&info, trap_num, true);
	memcpy(mad.data, &info, sizeof(info));
	must(hf_umad_send(port->umad, port->agent, &sm, &mad, sizeof(mad), ANSWER_MS, ANSWER_RETRIES), "subscribe");
}

static void answer(struct port *port, const struct hf_umad_received *received, struct hf_sa_mad mad)
{
	mad.hdr.method = HF_METHOD_REPORT_RESP;
	must(hf_umad_send(port->umad, port->agent, &received->from, &mad, sizeof(mad), 0, 0), "answer");
}

static void print_report(const struct port *port, const struct hf_sa_mad *mad)
{
	struct hf_repath_notice notice;

	memcpy(&notice, mad->data, sizeof(notice));
	printf("%s trap %u mask 0x%" PRIx64 " wait %u sguid 0x%" PRIx64 " dguid 0x%" PRIx64 " dlid %u sl %u\n",
	       port->info.device, be16toh(notice.trap_num), (uint64_t)be64toh(notice.details.comp_mask),
	       notice.details.wait_for_repath >> 7, (uint64_t)be64toh(notice.path.sgid.guid),
	       (uint64_t)be64toh(notice.path.dgid.guid), be16toh(notice.path.dlid), hf_path_record_sl(&notice.path));
}

static void count_subscription(struct port *port, const struct hf_sa_mad *mad)
{
	must(be16toh(mad->hdr.status) ? -EPERM : 0, "SA refuses the subscription");
	if (++port->subscriptions < SUBSCRIPTIONS)
		return;
	for (size_t i = 0; i < n_ports; i++)
		if (ports[i].subscriptions < SUBSCRIPTIONS)
			return;
	printf("subscribed %zu\n", n_ports);
}

static void handle(struct port *port, const struct hf_umad_received *received)
{
	struct hf_sa_mad mad;

	must(received->status, "no answer from the SA");
	if (received->len < sizeof(mad))
		return;
	memcpy(&mad, received->mad, sizeof(mad));
	if (mad.hdr.method == HF_METHOD_GET_RESP && be16toh(mad.hdr.attr_id) == HF_ATTR_INFORM_INFO)
		count_subscription(port, &mad);
	if (mad.hdr.method != HF_METHOD_REPORT || be16toh(mad.hdr.attr_id) != HF_ATTR_NOTICE)
		return;
	print_report(port, &mad);
	if (!port->is_silent)
		answer(port, received, mad);
}

static void open_ports(int argc, char **argv)
{
	struct hf_umad_port *infos;

	must(hf_umad_list_ports(&infos, &n_ports), "list ports");
	if (n_ports > MAX_PORTS)
		n_ports = MAX_PORTS;
	for (size_t i = 0; i < n_ports; i++) {
		ports[i].info = infos[i];
		for (int arg = 2; arg < argc; arg += 2)
			ports[i].is_silent |= !strcmp(argv[arg - 1], "-s") && !strcmp(argv[arg], infos[i].device);
		must(hf_umad_open(infos[i].device, infos[i].port_num, &ports[i].umad), infos[i].device);
		must(hf_umad_register_sa(ports[i].umad, true, &ports[i].agent), "register");
		subscribe(&ports[i], HF_TRAP_UNPATH);
		subscribe(&ports[i], HF_TRAP_REPATH);
	}
	free(infos);
}

/* So that the program ends by exit() and its adapters leave the simulated fabric. */
static volatile sig_atomic_t is_ending;

static void on_term(int signal_number)
{
	(void)signal_number;
	is_ending = 1;
}

static void receive(struct port *port)
{
	struct hf_umad_received received;
	int err;

	while (!(err = hf_umad_recv(port->umad, &received))) {
		handle(port, &received);
		free(received.mad);
	}
	must(err == -EAGAIN ? 0 : err, port->info.device);
}

int main(int argc, char **argv)
{
	const struct sigaction term = { .sa_handler = on_term };
	struct pollfd fds[MAX_PORTS];
	sigset_t blocked, while_polling;

	/* SIGTERM comes while polling only, so it cannot slip in before. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &while_polling);
	sigaction(SIGTERM, &term, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_ports(argc, argv);
	for (size_t i = 0; i < n_ports; i++)
		fds[i] = (struct pollfd) { .fd = hf_umad_fd(ports[i].umad), .events = POLLIN };
	while (ppoll(fds, n_ports, NULL, &while_polling) > 0 && !is_ending)
		for (size_t i = 0; i < n_ports; i++)
			if (fds[i].revents)
				receive(&ports[i]);
	return is_ending ? EXIT_SUCCESS : EXIT_FAILURE;
}
