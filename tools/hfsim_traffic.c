/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Simulated senders and receivers of services: see hfsim-traffic(1). A packet goes the way that the switches' tables
 * say at this moment (sim/fabric_map.h). Each receiver is a process with a socket for each of its ports. One that is
 * stopped takes what finds room in its queue, as an adapter does whose program does not run; one that is dead, nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/trace.h"
#include "lib/umad_io.h"
#include "lib/wire.h"
#include "sim/fabric_map.h"
#include "tools/hfsim_packets.h"

#define ATTR_MC_MEMBER		0x0038
#define COMP_MGID		(UINT64_C(1) << 0)
#define COMP_PORT_GID		(UINT64_C(1) << 1)
#define COMP_JOIN_STATE		(UINT64_C(1) << 16)
#define JOIN_SEND_ONLY		0x4
#define JOIN_SUFFIX		",join"
#define ANSWER_MS		1000
#define ANSWER_RETRIES		5
#define ASK_AGAIN_MS		100
#define ASK_FOR_MS		30000
#define JOIN_AGAIN_NS		UINT64_C(1000000000)	/* as a host's kernel does when the SM asks for it */
#define JOIN_PAUSE_NS		UINT64_C(5000000)	/* between joins of many groups */
#define NS_PER_US		UINT64_C(1000)
#define MAP_FOR_MS		10000
#define MAX_PORTS		512	/* of one receiver, and senders to it */
#define QUEUE_BYTES		(1024 * 1024)	/* about a thousand packets */
#define BACKLOG			8

static const char usage[] =
	"usage: hfsim-traffic send --map FILE --dir DIR --packets FILE --node NODE\n"
	"                          [--interval-us US] [--trace FILE] SERVICE=MGID[,join] ...\n"
	"       hfsim-traffic receive --map FILE --dir DIR --packets FILE NODE ...\n";

struct options {
	const char *map, *dir, *packets, *node, *trace;
	unsigned int interval_us;
};

struct service {
	char *name;
	union hf_gid mgid;
	bool is_joined;
	uint16_t dlid;
	uint8_t sl;
	uint32_t seq;
	/* What was traced last. */
	uint32_t port;		/* HF_PACKET_NO_PORT: nobody received */
	uint64_t heard_ns;
	uint32_t lost;
};

/* MCMemberRecord as far as a sender needs it. */
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
_Static_assert(sizeof(struct member_record) == 52, "MCMemberRecord");

static volatile sig_atomic_t is_ending;

static void on_term(int signal_number)
{
	(void)signal_number;
	is_ending = 1;
}

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "hfsim-traffic: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(EXIT_FAILURE);
}

static void must(int err, const char *what)
{
	if (err)
		fail("%s: %s", what, strerror(-err));
}

static void sleep_ms(int ms)
{
	const struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

/* ibsim may not be ready yet. */
static void open_map(const char *path, struct hf_map *fabric)
{
	int err;

	for (int waited_ms = 0; (err = hf_map_open(fabric, path)) && waited_ms < MAP_FOR_MS && !is_ending;
	     waited_ms += ASK_AGAIN_MS)
		sleep_ms(ASK_AGAIN_MS);
	must(err, path);
}

static void get_node(const struct hf_map *fabric, const char *name, struct hf_map_node *node)
{
	if (hf_map_find_node(fabric, name, node) || node->is_switch)
		fail("%s: allowed is an adapter of the fabric", name);
}

static FILE *open_packets(const char *path)
{
	FILE *file = fopen(path, "ae");

	if (!file)
		fail("%s: %s", path, strerror(errno));
	return file;
}

static void write_packet(FILE *file, const struct hf_packet *packet)
{
	if (fwrite(packet, sizeof(*packet), 1, file) != 1)
		fail("packets cannot be written: %s", strerror(errno));
}

static struct sockaddr_un address_of(const char *dir, uint32_t port)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/port-%" PRIu32, dir, port) >=
	    (int)sizeof(address.sun_path))
		fail("%s: the name is too long for a socket", dir);
	return address;
}

/* Receiving */

struct receiver {
	struct pollfd fds[MAX_PORTS];
	uint32_t ports[MAX_PORTS];
	bool is_listening[MAX_PORTS];	/* else the way of a sender's packets */
	nfds_t count;
};

static void add_socket(struct receiver *receiver, int fd, uint32_t port, bool is_listening)
{
	if (receiver->count == MAX_PORTS)
		fail("allowed are %d ports and senders together", MAX_PORTS);
	receiver->fds[receiver->count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	receiver->ports[receiver->count] = port;
	receiver->is_listening[receiver->count++] = is_listening;
}

static void listen_at(struct receiver *receiver, const char *dir, uint32_t port)
{
	struct sockaddr_un address = address_of(dir, port);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	unlink(address.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
		fail("%s: %s", address.sun_path, strerror(errno));
	add_socket(receiver, fd, port, true);
}

static void take_sender(struct receiver *receiver, nfds_t which)
{
	int fd = accept4(receiver->fds[which].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		add_socket(receiver, fd, receiver->ports[which], false);
}

static void take_packets(struct receiver *receiver, nfds_t which, FILE *file)
{
	struct hf_packet packet;
	ssize_t size;

	while ((size = recv(receiver->fds[which].fd, &packet, sizeof(packet), 0)) == sizeof(packet)) {
		packet.received_ns = hf_now_ns();
		packet.port = receiver->ports[which];
		write_packet(file, &packet);
	}
	/* It may be killed at any time. */
	fflush(file);
	if (size == 0) {
		close(receiver->fds[which].fd);
		receiver->fds[which].fd = -1;
	}
}

static int run_receiver(const struct options *options, char *const *names)
{
	static struct receiver receiver;
	FILE *file = open_packets(options->packets);
	struct hf_map fabric;
	sigset_t blocked, open;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &open);
	open_map(options->map, &fabric);
	for (; *names; names++) {
		struct hf_map_node node;
		uint32_t port;

		get_node(&fabric, *names, &node);
		for (unsigned int number = 1; number <= node.port_count; number++)
			if (!hf_map_find_port(&fabric, &node, number, &port))
				listen_at(&receiver, options->dir, port);
	}
	hf_map_close(&fabric);
	printf("listening\n");
	fflush(stdout);
	while (!is_ending && ppoll(receiver.fds, receiver.count, NULL, &open) > 0)
		for (nfds_t i = 0; i < receiver.count; i++)
			if (receiver.fds[i].revents && receiver.is_listening[i])
				take_sender(&receiver, i);
			else if (receiver.fds[i].revents)
				take_packets(&receiver, i, file);
	return fclose(file) ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Asking the SA */

struct client {
	struct hf_umad_port port;
	struct hf_umad *umad;
	int agent;
	uint32_t tid;	/* of the last request: the kernel refuses one that is on its way already */
};

static void open_client(struct client *client)
{
	struct hf_umad_port *ports;
	size_t count;

	must(hf_umad_list_ports(&ports, &count), "the adapter");
	must(count ? 0 : -ENODEV, "the adapter");
	client->port = ports[0];
	free(ports);
	must(hf_umad_open(client->port.device, client->port.port_num, &client->umad), client->port.device);
	must(hf_umad_register_sa(client->umad, false, &client->agent), client->port.device);
}

static void send_request(struct client *client, const struct hf_sa_mad *mad)
{
	struct hf_mad_addr sm = { .qpn = 1 };

	if (hf_umad_read_port(client->umad, &client->port) || !client->port.sm_lid)
		return;
	sm.lid = client->port.sm_lid;
	sm.sl = client->port.sm_sl;
	hf_umad_send(client->umad, client->agent, &sm, mad, sizeof(*mad), ANSWER_MS, ANSWER_RETRIES);
}

static void make_join(struct client *client, const struct service *service, struct hf_sa_mad *ret_mad)
{
	struct member_record record = {
		.mgid = service->mgid, .port_gid = client->port.gid, .scope_state = JOIN_SEND_ONLY,
	};

	hf_sa_mad_init(ret_mad, HF_METHOD_SET, ATTR_MC_MEMBER, ++client->tid);
	ret_mad->comp_mask = htobe64(COMP_MGID | COMP_PORT_GID | COMP_JOIN_STATE);
	memcpy(ret_mad->data, &record, sizeof(record));
}

static void make_query(struct client *client, const struct service *service, struct hf_sa_mad *ret_mad)
{
	struct hf_path_record record = { .dgid = service->mgid, .sgid = client->port.gid, .num_path = 1 };

	hf_sa_mad_init(ret_mad, HF_METHOD_GET, HF_ATTR_PATH_RECORD, ++client->tid);
	ret_mad->comp_mask = htobe64(HF_PR_COMP_DGID | HF_PR_COMP_SGID);
	memcpy(ret_mad->data, &record, sizeof(record));
}

/* Return: whether the SA answers, and does not refuse. */
static bool ask(struct client *client, const struct hf_sa_mad *request, struct hf_sa_mad *ret_answer)
{
	struct pollfd readable = { .fd = hf_umad_fd(client->umad), .events = POLLIN };
	struct hf_umad_received received;
	bool is_good;

	send_request(client, request);
	if (poll(&readable, 1, ANSWER_MS) != 1 || hf_umad_recv(client->umad, &received))
		return false;
	is_good = !received.status && received.len >= sizeof(*ret_answer);
	if (is_good)
		memcpy(ret_answer, received.mad, sizeof(*ret_answer));
	free(received.mad);
	return is_good && !ret_answer->hdr.status;
}

static bool ask_for_service(struct client *client, struct service *service)
{
	struct hf_path_record record;
	struct hf_sa_mad mad, answer;

	if (service->is_joined) {
		make_join(client, service, &mad);
		if (!ask(client, &mad, &answer))
			return false;
	}
	make_query(client, service, &mad);
	if (!ask(client, &mad, &answer))
		return false;
	memcpy(&record, answer.data, sizeof(record));
	service->dlid = be16toh(record.dlid);
	service->sl = hf_path_record_sl(&record);
	return service->dlid;
}

/* Once, before the first packet: the address stays, whatever happens to the nodes behind it. */
static void learn_address(struct client *client, struct service *service)
{
	uint64_t until_ns = hf_now_ns() + ASK_FOR_MS * NS_PER_US * 1000;

	while (!ask_for_service(client, service)) {
		if (is_ending || hf_now_ns() > until_ns)
			fail("the SA tells no path to service %s", service->name);
		sleep_ms(ASK_AGAIN_MS);
	}
}

static void drop_answers(struct client *client)
{
	struct hf_umad_received received;

	while (!hf_umad_recv(client->umad, &received))
		free(received.mad);
}

/* Sending */

struct sender {
	const struct options *options;
	struct client client;
	struct hf_map fabric;
	struct hf_trace *trace;
	FILE *file;
	struct service *services;
	size_t n_services;
	uint32_t from;
	int *fds;			/* to the receivers, by port; -1: none */
	uint64_t next_ns, join_ns;
	size_t next_join;		/* the service whose group is joined next */
};

/* One packet on its way. */
struct flight {
	struct sender *sender;
	struct hf_packet packet;
	uint32_t port;			/* where a copy was received */
	enum hf_map_fate fate;	/* of the last copy that was not */
	bool is_unheard;		/* a copy came where nobody listens */
};

static int connect_to(const struct sender *sender, uint32_t port)
{
	struct sockaddr_un address = address_of(sender->options->dir, port);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), size = QUEUE_BYTES;

	must(fd < 0 ? -errno : 0, "socket");
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

/* Another receiver may have started at the port since the last packet. */
static bool hand_over(struct sender *sender, uint32_t port, const struct hf_packet *packet)
{
	int *fd = &sender->fds[port];

	for (int tries = 0; tries < 2; tries++) {
		if (*fd < 0)
			*fd = connect_to(sender, port);
		if (*fd < 0)
			return false;
		if (send(*fd, packet, sizeof(*packet), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(*packet))
			return true;
		if (errno == EAGAIN)
			return false;
		close(*fd);
		*fd = -1;
	}
	return false;
}

static void deliver(void *context, const struct hf_map_route *route)
{
	struct flight *flight = context;

	if (route->fate != HF_FABRIC_DELIVERED) {
		flight->fate = route->fate;
		return;
	}
	if (hand_over(flight->sender, route->port, &flight->packet))
		flight->port = route->port;
	else
		flight->is_unheard = true;
}

/* "H_2_1_0[1]", in a static buffer. */
static const char *name_port(const struct hf_map *fabric, uint32_t index)
{
	static char name[80];
	struct hf_map_node node;
	struct hf_map_port port;

	if (hf_map_get_port(fabric, index, &port) || hf_map_get_node(fabric, port.node, &node))
		return "?";
	snprintf(name, sizeof(name), "%s[%u]", node.name, port.number);
	return name;
}

/* A line where the service falls silent, and where it is heard again or at another port. */
static void trace_flight(struct sender *sender, struct service *service, const struct flight *flight)
{
	uint64_t sent_ns = flight->packet.sent_ns;

	if (flight->port == HF_PACKET_NO_PORT) {
		if (!service->lost++ && service->port != HF_PACKET_NO_PORT)
			hf_trace_event(sender->trace, "service_silent", "{s:s, s:I, s:s}", "service", service->name,
				       "seq", (json_int_t)flight->packet.seq, "why", flight->is_unheard ?
				       "nobody listens there" : hf_map_fate_name(flight->fate));
		return;
	}
	if (service->lost || service->port != flight->port)
		hf_trace_event(sender->trace, "service_heard", "{s:s, s:s, s:I, s:I, s:I}", "service", service->name,
			       "at", name_port(&sender->fabric, flight->port), "seq", (json_int_t)flight->packet.seq, "lost",
			       (json_int_t)service->lost, "silent_us", service->heard_ns && service->lost ?
			       (json_int_t)((sent_ns - service->heard_ns) / NS_PER_US) : 0);
	service->lost = 0;
	service->port = flight->port;
	service->heard_ns = sent_ns;
}

static void send_packet(struct sender *sender, struct service *service)
{
	struct flight flight = {
		.sender = sender,
		.packet = { .seq = service->seq++, .service = service - sender->services, .sent_ns = hf_now_ns() },
		.port = HF_PACKET_NO_PORT,
		.fate = HF_FABRIC_LOST_NO_ROUTE,
	};
	const struct hf_map_packet packet = { .from = sender->from, .dlid = service->dlid, .sl = service->sl };
	struct hf_map_route route;

	if (service->dlid >= HF_FABRIC_MLID_FIRST) {
		hf_map_flood(&sender->fabric, &packet, deliver, &flight);
	} else {
		hf_map_route(&sender->fabric, &packet, &route);
		deliver(&flight, &route);
	}
	write_packet(sender->file, &flight.packet);
	trace_flight(sender, service, &flight);
}

/* One group after the other. */
static void join_again(struct sender *sender)
{
	struct service *service = &sender->services[sender->next_join++ % sender->n_services];
	uint64_t pause_ns = JOIN_AGAIN_NS / sender->n_services;
	struct hf_sa_mad mad;

	drop_answers(&sender->client);
	if (service->is_joined) {
		make_join(&sender->client, service, &mad);
		send_request(&sender->client, &mad);
	}
	sender->join_ns = hf_now_ns() + (pause_ns > JOIN_PAUSE_NS ? pause_ns : JOIN_PAUSE_NS);
}

static void sleep_until(uint64_t time_ns)
{
	const struct timespec time = { .tv_sec = time_ns / 1000000000, .tv_nsec = time_ns % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
}

/* Who was held up does not catch up: that would be a burst where there was a pause. */
static void send_to_all(struct sender *sender)
{
	uint64_t now_ns;

	for (size_t i = 0; i < sender->n_services; i++)
		send_packet(sender, &sender->services[i]);
	now_ns = hf_now_ns();
	sender->next_ns += sender->options->interval_us * NS_PER_US;
	if (sender->next_ns < now_ns)
		sender->next_ns = now_ns;
}

static void parse_service(char *text, struct service *service)
{
	char *equals = strchr(text, '='), *suffix;

	if (!equals || equals == text)
		fail("%s: allowed is SERVICE=MGID or SERVICE=MGID" JOIN_SUFFIX, text);
	*equals = '\0';
	suffix = strstr(equals + 1, JOIN_SUFFIX);
	service->is_joined = suffix && !suffix[strlen(JOIN_SUFFIX)];
	if (service->is_joined)
		*suffix = '\0';
	if (inet_pton(AF_INET6, equals + 1, service->mgid.raw) != 1 || service->mgid.raw[0] != 0xff)
		fail("%s: allowed is a multicast GID", equals + 1);
	service->name = text;
	service->port = HF_PACKET_NO_PORT;
}

static void set_up_sender(struct sender *sender, char **texts, size_t count)
{
	struct hf_map_node node;

	sender->services = calloc(count, sizeof(*sender->services));
	must(sender->services ? 0 : -ENOMEM, "services");
	sender->n_services = count;
	for (size_t i = 0; i < count; i++)
		parse_service(texts[i], &sender->services[i]);
	if (sender->options->trace)
		must(hf_trace_open(sender->options->trace, "traffic", &sender->trace), sender->options->trace);
	sender->file = open_packets(sender->options->packets);
	open_map(sender->options->map, &sender->fabric);
	sender->fds = malloc(sender->fabric.header.ports.count * sizeof(*sender->fds));
	must(sender->fds ? 0 : -ENOMEM, "receivers");
	memset(sender->fds, -1, sender->fabric.header.ports.count * sizeof(*sender->fds));
	get_node(&sender->fabric, sender->options->node, &node);
	open_client(&sender->client);
	/* The same port of the adapter as the one that asks the SA. */
	must(hf_map_find_port(&sender->fabric, &node, sender->client.port.port_num, &sender->from),
	     sender->options->node);
}

static int run_sender(const struct options *options, char **texts, size_t count)
{
	struct sender sender = { .options = options };

	set_up_sender(&sender, texts, count);
	for (size_t i = 0; i < count; i++) {
		learn_address(&sender.client, &sender.services[i]);
		hf_trace_event(sender.trace, "traffic_started", "{s:s, s:i, s:i}", "service", sender.services[i].name,
			       "dlid", sender.services[i].dlid, "sl", sender.services[i].sl);
	}
	sender.next_ns = hf_now_ns();
	sender.join_ns = sender.next_ns + JOIN_AGAIN_NS;
	while (!is_ending) {
		if (hf_now_ns() >= sender.next_ns)
			send_to_all(&sender);
		if (hf_now_ns() >= sender.join_ns)
			join_again(&sender);
		sleep_until(sender.next_ns < sender.join_ns ? sender.next_ns : sender.join_ns);
	}
	hf_trace_close(sender.trace);
	hf_umad_close(sender.client.umad);
	hf_map_close(&sender.fabric);
	free(sender.fds);
	free(sender.services);
	return fclose(sender.file) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static unsigned int parse_interval(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end || *text == '-' || value < 1 || value > 1000000)
		fail("--interval-us %s: allowed is 1 to 1000000", text);
	return value;
}

static void parse_options(int argc, char **argv, struct options *options)
{
	static const struct option longs[] = {
		{ "map", required_argument, NULL, 'm' },	 { "dir", required_argument, NULL, 'd' },
		{ "packets", required_argument, NULL, 'p' },	 { "node", required_argument, NULL, 'n' },
		{ "interval-us", required_argument, NULL, 'i' }, { "trace", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },		 { NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (option) {
		case 'm':
			options->map = optarg;
			break;
		case 'd':
			options->dir = optarg;
			break;
		case 'p':
			options->packets = optarg;
			break;
		case 'n':
			options->node = optarg;
			break;
		case 'i':
			options->interval_us = parse_interval(optarg);
			break;
		case 't':
			options->trace = optarg;
			break;
		case 'h':
			printf("%s", usage);
			exit(EXIT_SUCCESS);
		default:
			fprintf(stderr, "%s", usage);
			exit(EXIT_FAILURE);
		}
	}
}

int main(int argc, char **argv)
{
	const struct sigaction term = { .sa_handler = on_term };
	struct options options = { .interval_us = 1000 };

	sigaction(SIGTERM, &term, NULL);
	sigaction(SIGINT, &term, NULL);
	signal(SIGPIPE, SIG_IGN);
	parse_options(argc, argv, &options);
	if (options.map && options.dir && options.packets && optind + 1 < argc) {
		if (!strcmp(argv[optind], "receive"))
			return run_receiver(&options, argv + optind + 1);
		if (!strcmp(argv[optind], "send") && options.node)
			return run_sender(&options, argv + optind + 1, argc - optind - 1);
	}
	fprintf(stderr, "%s", usage);
	return EXIT_FAILURE;
}
