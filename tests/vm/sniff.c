/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What RDMA over Ethernet puts on the wire: the traffic class of the packets to each queue pair.
 *
 *	sniff DEVICE
 *
 * Prints a line "SOURCE QPN CLASS" for the first packet from an address to a queue pair, and again whenever its class
 * is another one than before, numbers in decimal, until it is ended. Packets in both directions, RoCEv2 over IPv6.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/types.h>
#include <net/if.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ROCE_PORT	4791
#define SEEN_MAX		64

/* IBA, base transport header. */
struct bth {
	uint8_t opcode, flags;
	__be16 pkey;
	__be32 qpn;	/* in the lower 24 bits */
	__be32 psn;
};

struct roce_packet {
	struct ip6_hdr ip;
	struct udphdr udp;
	struct bth bth;
};
_Static_assert(sizeof(struct roce_packet) == 60, "as on the wire");

static struct {
	struct in6_addr source;
	uint32_t qpn;
	unsigned int class;
} seen[SEEN_MAX];
static unsigned int seen_count;

static void fail(const char *what)
{
	fprintf(stderr, "sniff: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

/* Of ETH_P_ALL, for other sockets do not see what is sent. */
static int open_device(const char *name)
{
	const struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(name),
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM, 0);

	if (fd < 0 || !address.sll_ifindex || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		fail(name);
	return fd;
}

static void note(const struct in6_addr *source, uint32_t qpn, unsigned int class)
{
	char text[INET6_ADDRSTRLEN];
	unsigned int i = 0;

	while (i < seen_count && (seen[i].qpn != qpn || memcmp(&seen[i].source, source, sizeof(*source)) != 0))
		i++;
	if (i == SEEN_MAX || (i < seen_count && seen[i].class == class))
		return;
	seen[i].source = *source;
	seen[i].qpn = qpn;
	seen[i].class = class;
	seen_count += i == seen_count;
	printf("%s %u %u\n", inet_ntop(AF_INET6, source, text, sizeof(text)), qpn, class);
}

int main(int argc, char **argv)
{
	struct roce_packet packet;
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: sniff DEVICE\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = open_device(argv[1]);
	for (;;) {
		ssize_t length = recv(fd, &packet, sizeof(packet), 0);

		if (length < 0 && errno != EINTR)
			fail("recv");
		if (length == sizeof(packet) && packet.ip.ip6_vfc >> 4 == 6 && packet.ip.ip6_nxt == IPPROTO_UDP &&
		    packet.udp.uh_dport == htons(ROCE_PORT))
			note(&packet.ip.ip6_src, ntohl(packet.bth.qpn) & 0xffffff,
			     ntohl(packet.ip.ip6_flow) >> 20 & 0xff);
	}
}
