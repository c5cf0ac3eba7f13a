/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Clients of ibsim's socket protocol without any adapter around them, for test_mux.sh. Ends with 0 if what it says
 * held. BASE is the socket base name of the mux.
 *
 *	mux_client BASE storm COUNT NODE...	COUNT clients connect, on these nodes in turn; each asks the SA for its
 *						own node record, and each host asks its neighbour and is answered. All
 *						use the same transaction ids
 *	mux_client BASE early COUNT NODE...	the same, but after CONNECT it prints "ready" and waits for standard
 *						input to end
 *	mux_client BASE one-listener NODE	the second client that wants a node's requests is refused, until the
 *						first one is dead
 *	mux_client BASE slow SLOW OTHER		a client that does not read delays no other, and gets what was kept
 *	mux_client BASE garbage NODE		malformed datagrams do nothing
 *	mux_client BASE refused NODE		CONNECT to this node is refused
 *	mux_client BASE hold NODE		prints the slot and waits for a signal
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/wire.h"
#include "sim/ibsim_proto.h"

#define SM_LID_OFFSET		18 /* in PortInfo */
#define LID_OFFSET		16
#define DESCRIPTION_OFFSET	44 /* in NodeRecord */
#define NODE_RECORD_COMP_LID	1
#define CLASS_VENDOR		0x09
#define TID			UINT64_C(0x00001234deadbeef) /* the same in every client */
#define TID_SLOT_SHIFT		48
#define DEADLINE_MS		5000
#define AT_ONCE			50 /* requests to the SA; an SM on ibsim's own adapter stands some 300 */
#define FLOOD			3000

struct client {
	const char *base, *node;
	uint32_t id, slot;
	int ctl, data;
	uint16_t lid, sm_lid;
};

static uint32_t next_id;

static int fail(const char *what, const char *node)
{
	fprintf(stderr, "%s (%s)\n", what, node);
	return -1;
}

static int open_socket(const char *base, const char *channel, uint32_t id)
{
	struct sockaddr_un addr;
	socklen_t length = hf_ibsim_address(&addr, base, channel, (int)id);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, length)) {
		perror("bind");
		exit(EXIT_FAILURE);
	}
	return fd;
}

static int connect_to(int fd, const char *base, const char *channel, int number)
{
	struct sockaddr_un addr;
	socklen_t length = hf_ibsim_address(&addr, base, channel, number);

	return connect(fd, (struct sockaddr *)&addr, length);
}

static ssize_t receive(int fd, void *data, size_t length, int timeout_ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	if (poll(&pollfd, 1, timeout_ms) <= 0)
		return -1;
	return recv(fd, data, length, MSG_DONTWAIT);
}

static int send_ctl(const struct client *client, uint32_t type, const void *data, size_t length)
{
	struct hf_ibsim_ctl ctl = { .magic = HF_IBSIM_MAGIC, .slot = client->slot, .type = type };

	if (length)
		memcpy(ctl.data, data, length);
	return send(client->ctl, &ctl, sizeof(ctl), 0) == (ssize_t)sizeof(ctl) ? 0 : -1;
}

static int read_answer(const struct client *client, struct hf_ibsim_ctl *answer)
{
	if (receive(client->ctl, answer, sizeof(*answer), DEADLINE_MS) != (ssize_t)sizeof(*answer))
		return fail("no answer to a control request", client->node);
	return answer->type == HF_IBSIM_CTL_ERROR ? -1 : 0;
}

static void client_init(struct client *client, const char *base, const char *node)
{
	if (!next_id)
		next_id = 0x20000000U + (uint32_t)getpid() * 1024;
	*client = (struct client){ .base = base, .node = node, .id = next_id++ };
	client->ctl = open_socket(base, "ctl", client->id);
	client->data = open_socket(base, "in", client->id);
	if (connect_to(client->ctl, base, "ctl", -1)) {
		perror("connect");
		exit(EXIT_FAILURE);
	}
}

static int send_connect(const struct client *client, bool requests)
{
	struct hf_ibsim_client info = { .id = client->id, .requests = requests };

	snprintf(info.node, sizeof(info.node), "%s", client->node);
	return send_ctl(client, HF_IBSIM_CTL_CONNECT, &info, sizeof(info));
}

static int finish_connect(struct client *client)
{
	struct hf_ibsim_ctl answer;
	struct hf_ibsim_client info;

	if (read_answer(client, &answer))
		return -1;
	memcpy(&info, answer.data, sizeof(info));
	client->slot = info.id;
	return connect_to(client->data, client->base, "out", (int)client->slot);
}

/* Ends it as a process that is killed does. */
static void client_die(struct client *client)
{
	close(client->ctl);
	close(client->data);
}

static int client_open(struct client *client, const char *base, const char *node, bool requests)
{
	client_init(client, base, node);
	if (send_connect(client, requests) || finish_connect(client)) {
		client_die(client);
		return -1;
	}
	return 0;
}

static int client_close(struct client *client)
{
	struct hf_ibsim_ctl answer;
	int ret = send_ctl(client, HF_IBSIM_CTL_DISCONNECT, NULL, 0);

	if (ret == 0)
		ret = read_answer(client, &answer);
	client_die(client);
	return ret;
}

static uint16_t be16_at(const uint8_t *data)
{
	return (uint16_t)(data[0] << 8 | data[1]);
}

static int learn_port(struct client *client)
{
	struct hf_ibsim_ctl answer;

	if (send_ctl(client, HF_IBSIM_CTL_GET_PORTINFO, NULL, 0) || read_answer(client, &answer))
		return fail("no PortInfo", client->node);
	client->lid = be16_at(answer.data + LID_OFFSET);
	client->sm_lid = be16_at(answer.data + SM_LID_OFFSET);
	return client->lid && client->sm_lid ? 0 : fail("no LID", client->node);
}

static int send_mad(const struct client *client, uint16_t dlid, const void *mad)
{
	struct hf_ibsim_mad packet = {
		.dlid = htons(dlid), .slid = HF_IBSIM_SLID_AUTO, .dqp = htonl(1), .sqp = htonl(1),
		.length = htobe64(HF_MAD_SIZE),
	};

	memcpy(packet.mad, mad, sizeof(packet.mad));
	return send(client->data, &packet, sizeof(packet), 0) == (ssize_t)sizeof(packet) ? 0 : -1;
}

static int read_mad(const struct client *client, struct hf_ibsim_mad *packet)
{
	if (receive(client->data, packet, sizeof(*packet), DEADLINE_MS) != (ssize_t)sizeof(*packet))
		return fail("no MAD arrived", client->node);
	if (packet->status)
		return fail("a MAD came back", client->node);
	return ntohs((uint16_t)packet->dlid) == client->lid ? 0 : fail("a MAD for another LID", client->node);
}

static bool is_own_tid(const struct client *client, __be64 tid)
{
	return be64toh(tid) == (TID | (uint64_t)client->slot << TID_SLOT_SHIFT);
}

/* SA: the record of the client's own node */

static int ask_sa(const struct client *client)
{
	struct hf_sa_mad mad;
	__be16 lid = htobe16(client->lid);

	hf_sa_mad_init(&mad, HF_METHOD_GET, HF_ATTR_NODE_RECORD, TID);
	mad.comp_mask = htobe64(NODE_RECORD_COMP_LID);
	memcpy(mad.data, &lid, sizeof(lid));
	return send_mad(client, client->sm_lid, &mad);
}

static int check_sa(const struct client *client)
{
	struct hf_ibsim_mad packet;
	struct hf_sa_mad mad;

	if (read_mad(client, &packet))
		return -1;
	memcpy(&mad, packet.mad, sizeof(mad));
	if (mad.hdr.method != HF_METHOD_GET_RESP || mad.hdr.status || !is_own_tid(client, mad.hdr.tid))
		return fail("not the answer to the SA query", client->node);
	if (be16_at(mad.data) != client->lid ||
	    strncmp((const char *)mad.data + DESCRIPTION_OFFSET, client->node, strlen(client->node) + 1))
		return fail("the record of another node", client->node);
	return 0;
}

/* Host to host */

static int ask_host(const struct client *client, uint16_t dlid)
{
	struct hf_sa_mad mad;

	hf_sa_mad_init(&mad, HF_METHOD_GET, HF_ATTR_CLASS_PORT_INFO, TID);
	mad.hdr.mgmt_class = CLASS_VENDOR;
	mad.hdr.class_version = 1;
	memcpy(mad.data, client->node, strlen(client->node));
	return send_mad(client, dlid, &mad);
}

static int answer_host(const struct client *client)
{
	struct hf_ibsim_mad packet;
	struct hf_sa_mad mad;

	if (read_mad(client, &packet))
		return -1;
	memcpy(&mad, packet.mad, sizeof(mad));
	if (mad.hdr.mgmt_class != CLASS_VENDOR || mad.hdr.method != HF_METHOD_GET)
		return fail("not the neighbour's request", client->node);
	mad.hdr.method = HF_METHOD_GET_RESP;
	return send_mad(client, ntohs((uint16_t)packet.slid), &mad);
}

static int check_host_answer(const struct client *client)
{
	struct hf_ibsim_mad packet;
	struct hf_sa_mad mad;

	if (read_mad(client, &packet))
		return -1;
	memcpy(&mad, packet.mad, sizeof(mad));
	if (mad.hdr.method != HF_METHOD_GET_RESP || !is_own_tid(client, mad.hdr.tid))
		return fail("not the neighbour's answer", client->node);
	return strcmp((const char *)mad.data, client->node) ? fail("somebody else's answer", client->node) : 0;
}

/* Does @step with all clients before the next one is done. */
static int each(const struct client *clients, int count, int (*step)(const struct client *client))
{
	int ret = 0;

	for (int i = 0; i < count; i++)
		ret |= step(&clients[i]);
	return ret;
}

static int each_asks_next(const struct client *clients, int count)
{
	int ret = 0;

	for (int i = 0; i < count; i++)
		ret |= ask_host(&clients[i], clients[(i + 1) % count].lid);
	return ret;
}

static int connect_all(struct client *clients, int count, const char *base, char **nodes, int node_count)
{
	int ret = 0;

	/* The first client on each node gets its requests. */
	for (int i = 0; i < count; i++) {
		client_init(&clients[i], base, nodes[i % node_count]);
		ret |= send_connect(&clients[i], i < node_count);
	}
	for (int i = 0; i < count; i++)
		ret |= finish_connect(&clients[i]) ? fail("CONNECT refused", clients[i].node) : 0;
	return ret;
}

static void wait_for_word(void)
{
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
		;
}

static int storm(const char *base, int count, char **nodes, int node_count, bool is_early)
{
	struct client *clients = calloc((size_t)count, sizeof(*clients));
	int listeners = count < node_count ? count : node_count;

	if (!clients || connect_all(clients, count, base, nodes, node_count))
		return -1;

	if (is_early)
		wait_for_word();

	int ret = 0;

	for (int i = 0; i < count; i++)
		ret |= learn_port(&clients[i]);
	for (int i = 0; i < count; i += AT_ONCE) {
		int some = count - i < AT_ONCE ? count - i : AT_ONCE;

		ret |= each(clients + i, some, ask_sa) | each(clients + i, some, check_sa);
	}
	ret |= each_asks_next(clients, listeners) | each(clients, listeners, answer_host) |
	       each(clients, listeners, check_host_answer);
	for (int i = 0; i < count; i++)
		ret |= client_close(&clients[i]);
	free(clients);
	return ret;
}

static int one_listener(const char *base, const char *node)
{
	struct client first, second;

	if (client_open(&first, base, node, true))
		return fail("the first one is refused", node);
	if (client_open(&second, base, node, true) == 0)
		return fail("the second one is accepted", node);
	if (client_open(&second, base, node, false))
		return fail("one that wants no requests is refused", node);
	client_close(&second);
	client_die(&first);

	uint32_t slot = first.slot;

	if (client_open(&second, base, node, true))
		return fail("a dead one is still in the way", node);
	if (client_open(&first, base, node, false))
		return fail("one more is refused", node);
	if (first.slot != slot && second.slot != slot)
		return fail("the slot of the dead one is not used again", node);
	return client_close(&first) | client_close(&second);
}

static int slow(const char *base, const char *slow_node, const char *other_node)
{
	struct client reader, sleeper;
	struct hf_ibsim_mad packet;
	int kept = 0;

	if (client_open(&sleeper, base, slow_node, true) || client_open(&reader, base, other_node, true) ||
	    learn_port(&sleeper) || learn_port(&reader))
		return fail("cannot connect", slow_node);
	for (int i = 0; i < FLOOD; i++) {
		if (ask_host(&reader, sleeper.lid))
			return fail("cannot send", other_node);
		if (i % AT_ONCE == 0 && (ask_sa(&reader) || check_sa(&reader)))
			return fail("delayed by a client that does not read", other_node);
	}
	while (receive(sleeper.data, &packet, sizeof(packet), 100) == (ssize_t)sizeof(packet))
		kept++;
	if (kept < 100 || kept == FLOOD)
		return fail(kept < 100 ? "too little was kept" : "there is no bound", slow_node);
	return client_close(&sleeper) | client_close(&reader);
}

static int garbage(const char *base, const char *node)
{
	static const struct hf_ibsim_ctl bad[] = {
		{ .magic = 0, .type = HF_IBSIM_CTL_CONNECT },
		{ .magic = HF_IBSIM_MAGIC, .type = HF_IBSIM_CTL_CONNECT },
		{ .magic = HF_IBSIM_MAGIC, .type = 4711 },
		{ .magic = HF_IBSIM_MAGIC, .type = HF_IBSIM_CTL_GET_PORT, .slot = UINT32_MAX },
		{ .magic = HF_IBSIM_MAGIC, .type = HF_IBSIM_CTL_DISCONNECT, .slot = 0 },
		{ .magic = HF_IBSIM_MAGIC, .type = HF_IBSIM_CTL_CONNECT,
		  .data = { 1, 0, 0, 0, [12] = 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H',
			    'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H' } },
	};
	static const uint8_t junk[600] = { 0xef, 0xbe, 0xad, 0xde, 0xff, 0xff };
	struct client good, other;
	struct hf_ibsim_ctl answer;

	if (client_open(&good, base, node, true) || learn_port(&good))
		return fail("cannot connect", node);
	client_init(&other, base, node);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		send(other.ctl, &bad[i], sizeof(bad[i]), 0);
		if (i > 0 && (receive(other.ctl, &answer, sizeof(answer), DEADLINE_MS) < 0 ||
			      answer.type != HF_IBSIM_CTL_ERROR))
			return fail("a bad request is not refused", node);
	}
	/* A CONNECT whose data socket is gone before the mux can connect to it */
	close(other.data);
	if (send_connect(&other, false) || receive(other.ctl, &answer, sizeof(answer), DEADLINE_MS) < 0 ||
	    answer.type != HF_IBSIM_CTL_ERROR)
		return fail("CONNECT without a data socket is not refused", node);
	for (size_t length = 0; length < sizeof(junk); length += 7) {
		send(other.ctl, junk, length, 0);
		send(good.data, junk, length, 0);
	}
	send_mad(&good, good.sm_lid, junk);
	send_mad(&good, 0, junk);
	return ask_sa(&good) | check_sa(&good) | client_close(&good);
}

static int refused(const char *base, const char *node)
{
	struct client client;

	return client_open(&client, base, node, false) == 0 ? fail("CONNECT is not refused", node) : 0;
}

static int hold(const char *base, const char *node)
{
	struct client client;

	if (client_open(&client, base, node, true))
		return -1;
	printf("%u\n", client.slot);
	fflush(stdout);
	pause();
	return 0;
}

static int run(int argc, char **argv)
{
	const char *base = argv[1], *what = argv[2], *node = argv[3];

	if ((strcmp(what, "storm") == 0 || strcmp(what, "early") == 0) && argc > 4)
		return storm(base, atoi(node), argv + 4, argc - 4, strcmp(what, "early") == 0);
	if (strcmp(what, "one-listener") == 0)
		return one_listener(base, node);
	if (strcmp(what, "slow") == 0 && argc > 4)
		return slow(base, node, argv[4]);
	if (strcmp(what, "garbage") == 0)
		return garbage(base, node);
	if (strcmp(what, "refused") == 0)
		return refused(base, node);
	if (strcmp(what, "hold") == 0)
		return hold(base, node);
	return fail("no such test", what);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: mux_client BASE WHAT ARGUMENT...\n");
		return EXIT_FAILURE;
	}
	return run(argc, argv) ? EXIT_FAILURE : EXIT_SUCCESS;
}
