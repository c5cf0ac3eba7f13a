/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What test_sma.sh does at the nodes of ibsim that stock tools cannot do. Numbers as strtoull() reads them.
 *	sma_tool switch LID PRIMARY NOT_PRIMARY	Set(SwitchInfo) with these default multicast ports
 *	sma_tool guid LID INDEX GUID		Set(GUIDInfo) with this one GUID of its block changed
 *	sma_tool port LID M_KEY LEASE		Set(PortInfo) of the port that has the LID
 *	sma_tool lft LID DLID PORT		Set of the one entry of a linear forwarding table, 255: none
 *	sma_tool mft LID MLID PORTS		Set of the one entry of a multicast table, as a mask of ports 0 to 15
 *	sma_tool flood LID COUNT		so many MADs that nobody answers
 *	sma_tool ghost				connects to ibsim as a client that is gone already
 */
#include <errno.h>
#include <infiniband/mad.h>
#include <infiniband/umad.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/wire.h"
#include "sim/ibsim_proto.h"
#include "sim/sma/smp.h"

#define CLASS_VENDOR	0x32
#define TIMEOUT_MS	1000

#define must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #condition, strerror(errno)); \
			exit(EXIT_FAILURE); \
		} \
	} while (0)

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

	must(*text && !*end);
	return value;
}

static struct ibmad_port *open_port(void)
{
	int classes[] = { IB_SMI_CLASS };
	struct ibmad_port *port = mad_rpc_open_port(NULL, 0, classes, 1);

	must(port != NULL);
	return port;
}

static void get(struct ibmad_port *port, const char *lid, enum hf_smp_attr attr, unsigned int modifier, void *data)
{
	ib_portid_t to = { .lid = (int)number(lid) };

	must(smp_query_via(data, &to, attr, modifier, TIMEOUT_MS, port) != NULL);
}

static void set(struct ibmad_port *port, const char *lid, enum hf_smp_attr attr, unsigned int modifier, void *data)
{
	ib_portid_t to = { .lid = (int)number(lid) };

	must(smp_set_via(data, &to, attr, modifier, TIMEOUT_MS, port) != NULL);
}

static void set_switch(char **args)
{
	struct ibmad_port *port = open_port();
	struct hf_smp_switch_info info;

	get(port, args[0], HF_SMP_SWITCH_INFO, 0, &info);
	info.default_mcast_primary_port = number(args[1]);
	info.default_mcast_not_primary_port = number(args[2]);
	set(port, args[0], HF_SMP_SWITCH_INFO, 0, &info);
}

static void set_guid(char **args)
{
	unsigned int index = number(args[1]), block = index / HF_SMP_GUIDS_A_BLOCK;
	__be64 guids[HF_SMP_GUIDS_A_BLOCK], guid = htobe64(number(args[2]));
	struct ibmad_port *port = open_port();

	get(port, args[0], HF_SMP_GUID_INFO, block, guids);
	guids[index % HF_SMP_GUIDS_A_BLOCK] = guid;
	set(port, args[0], HF_SMP_GUID_INFO, block, guids);
}

static void set_port(char **args)
{
	struct ibmad_port *port = open_port();
	struct hf_smp_port_info info;

	get(port, args[0], HF_SMP_PORT_INFO, 0, &info);
	info.m_key = htobe64(number(args[1]));
	info.m_key_lease_period = htobe16(number(args[2]));
	/* No change of the states. */
	info.speed_supported_state &= 0xf0;
	info.phys_state_down_default = 0;
	set(port, args[0], HF_SMP_PORT_INFO, 0, &info);
}

static void set_route(char **args)
{
	unsigned int dlid = number(args[1]), block = dlid / sizeof(((struct hf_smp *)0)->data);
	uint8_t ports[sizeof(((struct hf_smp *)0)->data)];
	struct ibmad_port *port = open_port();

	get(port, args[0], (enum hf_smp_attr)IB_ATTR_LINEARFORWTBL, block, ports);
	ports[dlid % sizeof(ports)] = number(args[2]);
	set(port, args[0], (enum hf_smp_attr)IB_ATTR_LINEARFORWTBL, block, ports);
}

static void set_group(char **args)
{
	unsigned int offset = number(args[1]) - 0xc000;
	struct ibmad_port *port = open_port();
	__be16 masks[32];

	get(port, args[0], (enum hf_smp_attr)IB_ATTR_MULTICASTFORWTBL, offset / 32, masks);
	masks[offset % 32] = htobe16(number(args[2]));
	set(port, args[0], (enum hf_smp_attr)IB_ATTR_MULTICASTFORWTBL, offset / 32, masks);
}

static void flood(char **args)
{
	struct {
		uint8_t header[64];
		struct hf_mad_hdr mad;
		uint8_t data[HF_MAD_SIZE - sizeof(struct hf_mad_hdr)];
	} message = { .mad = { 1, CLASS_VENDOR, 1, HF_METHOD_GET } };
	long methods[16 / sizeof(long)] = { 0 };
	uint8_t oui[] = { 0, 0x14, 5 };
	uint64_t count = number(args[1]);
	int fd, agent;

	must(umad_init() == 0);
	fd = umad_open_port(NULL, 0);
	must(fd >= 0);
	agent = umad_register_oui(fd, CLASS_VENDOR, 0, oui, methods);
	must(agent >= 0);
	memcpy(message.data + 13, oui, sizeof(oui));
	for (uint64_t i = 0; i < count; i++) {
		message.mad.tid = htobe64(i + 1);
		umad_set_addr(&message, number(args[0]), 1, 0, (int)0x80010000);
		must(umad_send(fd, agent, &message, HF_MAD_SIZE, 0, 0) == 0);
	}
	umad_close_port(fd);
}

/* It asks ibsim to connect to a socket that does not exist. */
static void ghost(char **args)
{
	const char *base = getenv("IBSIM_SOCKNAME");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct hf_ibsim_client client = { .id = getpid() };
	struct hf_ibsim_ctl ctl = { .magic = HF_IBSIM_MAGIC, .type = HF_IBSIM_CTL_CONNECT, .length = sizeof(client) };
	struct timeval patience = { 5, 0 };
	struct sockaddr_un address;
	socklen_t length;

	(void)args;
	must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
	length = hf_ibsim_address(&address, base, "ctl", getpid());
	must(bind(fd, (struct sockaddr *)&address, length) == 0);
	length = hf_ibsim_address(&address, base, "ctl", -1);
	memcpy(ctl.data, &client, sizeof(client));
	must(sendto(fd, &ctl, sizeof(ctl), 0, (struct sockaddr *)&address, length) == sizeof(ctl));
	must(recv(fd, &ctl, sizeof(ctl), 0) == sizeof(ctl) && ctl.type == HF_IBSIM_CTL_CONNECT);
}

static const struct {
	const char *name;
	int args;
	void (*run)(char **args);
} commands[] = {
	{ "switch", 3, set_switch }, { "guid", 3, set_guid }, { "port", 3, set_port },
	{ "lft", 3, set_route },     { "mft", 3, set_group }, { "flood", 2, flood },  { "ghost", 0, ghost },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0 && argc == commands[i].args + 2) {
			commands[i].run(argv + 2);
			return EXIT_SUCCESS;
		}
	}
	fprintf(stderr, "usage: sma_tool COMMAND [argument ...]\n");
	return EXIT_FAILURE;
}
