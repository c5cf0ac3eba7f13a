/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What a host does with multicast groups, from the adapter of this process.
 *
 *	mcast_member join MGID STATE	STATE: 1 full member, 2 receives only, 4 sends only; prints "mlid 0xMLID"
 *	mcast_member leave MGID STATE
 *	mcast_member join-many MGID COUNT STATE	joins MGID and the ones that follow, COUNT of them; prints "joined COUNT"
 *	mcast_member path MGID		asks for the path from this port to the group; prints "dlid 0xLID sl SL"
 *	mcast_member watch		subscribes to traps 66 and 67; prints "watching", then "trap NUM MGID" for each
 *
 * Ends with 1 where the SA refuses or does not answer; "watch" ends at SIGTERM.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/umad_io.h"
#include "lib/wire.h"

#define ATTR_MC_MEMBER		0x0038
#define METHOD_DELETE		0x15
#define TRAP_CREATED		66
#define TRAP_DELETED		67
#define COMP_MGID		(UINT64_C(1) << 0)
#define COMP_PORT_GID		(UINT64_C(1) << 1)
#define COMP_JOIN_STATE		(UINT64_C(1) << 16)
#define ANSWER_MS		1000
#define ANSWER_RETRIES		5
#define WAIT_MS			10000

/* The MCMemberRecord as far as it is needed. */
struct member_record {
	union hf_gid mgid, port_gid;
	__be32 qkey;
	__be16 mlid;
	uint8_t mtu, tclass;
	__be16 pkey;
	uint8_t rate, pkt_life;
	__be32 sl_flow_hop;
	uint8_t scope_state, proxy_join;
	uint8_t reserved[2];
} __attribute__((packed));

static struct hf_umad_port port;
static struct hf_umad *umad;
static int agent;

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "mcast_member: %s: %s\n", what, strerror(-err));
	exit(EXIT_FAILURE);
}

static void open_port(void)
{
	struct hf_umad_port *ports;
	size_t count;

	must(hf_umad_list_ports(&ports, &count), "list ports");
	must(count ? 0 : -ENODEV, "list ports");
	port = ports[0];
	free(ports);
	must(hf_umad_open(port.device, port.port_num, &umad), port.device);
	must(hf_umad_register_sa(umad, true, &agent), "register");
}

static void send_request(const struct hf_sa_mad *mad)
{
	const struct hf_mad_addr sm = { .lid = port.sm_lid, .qpn = 1, .sl = port.sm_sl };

	must(hf_umad_send(umad, agent, &sm, mad, sizeof(*mad), ANSWER_MS, ANSWER_RETRIES), "send");
}

static struct hf_sa_mad ask(struct hf_sa_mad request)
{
	struct pollfd readable = { .fd = hf_umad_fd(umad), .events = POLLIN };
	struct hf_umad_received received;
	struct hf_sa_mad answer;

	send_request(&request);
	must(poll(&readable, 1, WAIT_MS) == 1 ? 0 : -ETIMEDOUT, "no answer");
	must(hf_umad_recv(umad, &received), "receive");
	must(received.status, "no answer");
	must(received.len >= sizeof(answer) ? 0 : -EPROTO, "short answer");
	memcpy(&answer, received.mad, sizeof(answer));
	free(received.mad);
	if (answer.hdr.status) {
		fprintf(stderr, "mcast_member: the SA refuses: status 0x%04x\n", be16toh(answer.hdr.status));
		exit(EXIT_FAILURE);
	}
	return answer;
}

static union hf_gid parse_mgid(const char *text)
{
	union hf_gid gid;

	must(inet_pton(AF_INET6, text, &gid) == 1 ? 0 : -EINVAL, text);
	return gid;
}

static int change_membership(uint8_t method, const char *mgid, const char *state)
{
	struct member_record record = {
		.mgid = parse_mgid(mgid), .port_gid = port.gid, .scope_state = (uint8_t)strtoul(state, NULL, 0),
	};
	struct hf_sa_mad mad;

	hf_sa_mad_init(&mad, method, ATTR_MC_MEMBER, 1);
	mad.comp_mask = htobe64(COMP_MGID | COMP_PORT_GID | COMP_JOIN_STATE);
	memcpy(mad.data, &record, sizeof(record));
	mad = ask(mad);
	memcpy(&record, mad.data, sizeof(record));
	printf("mlid 0x%04x\n", be16toh(record.mlid));
	return EXIT_SUCCESS;
}

static int join_many(const char *first, const char *count_text, const char *state)
{
	union hf_gid mgid = parse_mgid(first);
	unsigned long count = strtoul(count_text, NULL, 0);
	uint64_t low;

	for (unsigned long i = 0; i < count; i++) {
		struct member_record record = {
			.port_gid = port.gid, .scope_state = (uint8_t)strtoul(state, NULL, 0),
		};
		struct hf_sa_mad mad;

		memcpy(&low, (uint8_t *)&mgid + 8, sizeof(low));
		low = htobe64(be64toh(low) + i);
		record.mgid = mgid;
		memcpy((uint8_t *)&record.mgid + 8, &low, sizeof(low));
		hf_sa_mad_init(&mad, HF_METHOD_SET, ATTR_MC_MEMBER, i + 1);
		mad.comp_mask = htobe64(COMP_MGID | COMP_PORT_GID | COMP_JOIN_STATE);
		memcpy(mad.data, &record, sizeof(record));
		ask(mad);
	}
	printf("joined %lu\n", count);
	return EXIT_SUCCESS;
}

static int ask_path(const char *mgid)
{
	struct hf_path_record record = { .dgid = parse_mgid(mgid), .sgid = port.gid, .num_path = 1 };
	struct hf_sa_mad mad;

	hf_sa_mad_init(&mad, HF_METHOD_GET, HF_ATTR_PATH_RECORD, 1);
	mad.comp_mask = htobe64(HF_PR_COMP_DGID | HF_PR_COMP_SGID);
	memcpy(mad.data, &record, sizeof(record));
	mad = ask(mad);
	memcpy(&record, mad.data, sizeof(record));
	printf("dlid 0x%04x sl %u\n", be16toh(record.dlid), hf_path_record_sl(&record));
	return EXIT_SUCCESS;
}

/* Watching */

static volatile sig_atomic_t is_ending;

static void on_term(int signal_number)
{
	(void)signal_number;
	is_ending = 1;
}

static void subscribe(uint16_t trap_num)
{
	struct hf_inform_info info;
	struct hf_sa_mad mad;

	hf_sa_mad_init(&mad, HF_METHOD_SET, HF_ATTR_INFORM_INFO, trap_num);
	hf_inform_info_init(&info, trap_num, true);
	memcpy(mad.data, &info, sizeof(info));
	ask(mad);
}

static void take_report(const struct hf_umad_received *received)
{
	char text[INET6_ADDRSTRLEN];
	struct hf_sa_mad mad;

	if (received->status || received->len < sizeof(mad))
		return;
	memcpy(&mad, received->mad, sizeof(mad));
	if (mad.hdr.method != HF_METHOD_REPORT)
		return;
	/* Generic notice: the trap's number at 4, the GID of traps 64 to 67 at 16. */
	printf("trap %u %s\n", mad.data[4] << 8 | mad.data[5], inet_ntop(AF_INET6, mad.data + 16, text, sizeof(text)));
	mad.hdr.method = HF_METHOD_REPORT_RESP;
	must(hf_umad_send(umad, agent, &received->from, &mad, sizeof(mad), 0, 0), "answer");
}

static int watch(void)
{
	const struct sigaction term = { .sa_handler = on_term };
	struct pollfd readable = { .fd = hf_umad_fd(umad), .events = POLLIN };
	struct hf_umad_received received;
	sigset_t blocked, while_polling;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &while_polling);
	sigaction(SIGTERM, &term, NULL);
	subscribe(TRAP_CREATED);
	subscribe(TRAP_DELETED);
	printf("watching\n");
	while (ppoll(&readable, 1, NULL, &while_polling) > 0 && !is_ending)
		while (!hf_umad_recv(umad, &received)) {
			take_report(&received);
			free(received.mad);
		}
	return is_ending ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_port();
	if (argc == 4 && !strcmp(argv[1], "join"))
		return change_membership(HF_METHOD_SET, argv[2], argv[3]);
	if (argc == 4 && !strcmp(argv[1], "leave"))
		return change_membership(METHOD_DELETE, argv[2], argv[3]);
	if (argc == 5 && !strcmp(argv[1], "join-many"))
		return join_many(argv[2], argv[3], argv[4]);
	if (argc == 3 && !strcmp(argv[1], "path"))
		return ask_path(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "watch"))
		return watch();
	fprintf(stderr, "usage: mcast_member join|leave MGID STATE, path MGID, or watch\n");
	return EXIT_FAILURE;
}
