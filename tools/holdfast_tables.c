/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * "holdfast tables": what the fabric really holds, read as a diagnostic reads it: topology, forwarding tables and SL to
 * VL tables by SMPs on directed routes, path records by one query of the SA. Nothing here asks Holdfast's plugin.
 */
#include "tools/holdfast.h"

#include <errno.h>
#include <getopt.h>
#include <infiniband/ibnetdisc.h>
#include <infiniband/mad.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/trace.h"
#include "lib/umad_io.h"
#include "lib/wire.h"

#define FORMAT_VERSION	1
#define LFT_BLOCK_LIDS	64
#define LFT_NO_PATH	0xff
#define N_SL		16
#define SMP_TIMEOUT_MS	500
#define SMP_RETRIES	4
#define DISCOVERY_SMPS	16	/* on the wire at once */
#define QPN_GSI		1
#define QKEY_GSI	0x80010000

struct options {
	char *device;
	int port;
	int timeout_ms;		/* of the query for all path records, its whole transfer included */
	bool json;
	bool paths;
};

struct reader {
	const struct options *options;
	struct ibmad_port *smp;
	ibnd_fabric_t *fabric;
	struct hf_umad_port port;	/* the port that is read through */
	uint8_t *records;	/* the SA's answer, or NULL */
	size_t n_records;
	size_t record_size;
};

static int read_smp(const struct reader *reader, ib_portid_t *to, unsigned int attr_id, unsigned int mod,
		    uint8_t ret_data[IB_SMP_DATA_SIZE])
{
	return smp_query_via(ret_data, to, attr_id, mod, SMP_TIMEOUT_MS, reader->smp) ? 0 : -EIO;
}

static void unpack_sl2vl(const uint8_t data[IB_SMP_DATA_SIZE], uint8_t ret_vl[N_SL])
{
	for (unsigned int sl = 0; sl < N_SL; sl++)
		ret_vl[sl] = sl % 2 ? data[sl / 2] & 0x0f : data[sl / 2] >> 4;
}

/* The directed route that enters an adapter through the given port: an adapter answers for the port it is asked at. */
static ib_portid_t route_to_port(const ibnd_port_t *port)
{
	const ibnd_port_t *peer = port->remoteport;
	ib_portid_t route = port->node->path_portid;

	if (peer && peer->node->type == IB_NODE_SWITCH && peer->node->path_portid.drpath.cnt < 63) {
		route = peer->node->path_portid;
		route.drpath.p[++route.drpath.cnt] = peer->portnum;
	}
	return route;
}

/**
 * read_lft() - read a switch's linear forwarding table
 * @reader:    the fabric
 * @node:      the switch
 * @ret_ports: egress port by LID, 255 for none; the caller frees it
 * @ret_count: LinearFDBTop + 1
 */
static int read_lft(const struct reader *reader, ibnd_node_t *node, uint8_t **ret_ports, size_t *ret_count)
{
	size_t count = mad_get_field(node->switchinfo, 0, IB_SW_LINEAR_FDB_TOP_F) + 1;
	size_t n_blocks = (count + LFT_BLOCK_LIDS - 1) / LFT_BLOCK_LIDS;
	uint8_t *ports = malloc(n_blocks * LFT_BLOCK_LIDS);

	if (!ports)
		return -ENOMEM;
	for (size_t block = 0; block < n_blocks; block++) {
		int err = read_smp(reader, &node->path_portid, IB_ATTR_LINEARFORWTBL, block,
				   ports + block * LFT_BLOCK_LIDS);

		if (err) {
			free(ports);
			return err;
		}
	}
	*ret_ports = ports;
	*ret_count = count;
	return 0;
}

static bool is_linked(const ibnd_port_t *port)
{
	return port && port->remoteport;
}

static json_t *pack_guid(uint64_t guid)
{
	return json_sprintf("0x%016" PRIx64, guid);
}

static json_t *pack_sl2vl(const uint8_t data[IB_SMP_DATA_SIZE])
{
	json_t *vls = json_array();
	uint8_t vl[N_SL];

	unpack_sl2vl(data, vl);
	for (unsigned int sl = 0; sl < N_SL; sl++)
		json_array_append_new(vls, json_integer(vl[sl]));
	return vls;
}

/* An entry for each port that a packet can come from (port 0 is the switch's own) and go to. */
static int pack_switch_sl2vl(const struct reader *reader, ibnd_node_t *node, json_t **ret_tables)
{
	json_t *tables = json_array();
	uint8_t data[IB_SMP_DATA_SIZE];

	for (int in = 0; in <= node->numports; in++) {
		if (in != 0 && !is_linked(node->ports[in]))
			continue;
		for (int out = 1; out <= node->numports; out++) {
			if (out == in || !is_linked(node->ports[out]))
				continue;
			int err = read_smp(reader, &node->path_portid, IB_ATTR_SLVL_TABLE, in << 8 | out, data);

			if (err) {
				json_decref(tables);
				return err;
			}
			json_array_append_new(tables, json_pack("{s:i, s:i, s:o}", "in", in, "out", out, "vl",
								pack_sl2vl(data)));
		}
	}
	*ret_tables = tables;
	return 0;
}

static json_t *pack_links(const ibnd_node_t *node)
{
	json_t *links = json_array();

	for (int i = 1; i <= node->numports; i++)
		if (is_linked(node->ports[i]))
			json_array_append_new(links, json_pack("{s:i, s:o, s:i}", "port", i, "peer",
							       pack_guid(node->ports[i]->remoteport->node->guid),
							       "peer_port", node->ports[i]->remoteport->portnum));
	return links;
}

static int pack_switch(const struct reader *reader, ibnd_node_t *node, json_t **ret_switch)
{
	json_t *tables = NULL, *lft;
	uint8_t *ports = NULL;
	size_t count;
	int err = read_lft(reader, node, &ports, &count);

	if (!err)
		err = pack_switch_sl2vl(reader, node, &tables);
	if (err) {
		free(ports);
		return err;
	}

	lft = json_array();
	for (size_t lid = 0; lid < count; lid++)
		json_array_append_new(lft, json_integer(ports[lid]));
	free(ports);
	*ret_switch = json_pack("{s:o, s:s, s:i, s:i, s:o, s:o, s:o}", "guid", pack_guid(node->guid), "name",
				node->nodedesc, "lid", node->smalid, "ports", node->numports, "links", pack_links(node),
				"lft", lft, "sl2vl", tables);
	return *ret_switch ? 0 : -ENOMEM;
}

static int pack_host_port(const struct reader *reader, const ibnd_port_t *port, json_t **ret_port)
{
	ib_portid_t route = route_to_port(port);
	uint8_t data[IB_SMP_DATA_SIZE];
	int err = read_smp(reader, &route, IB_ATTR_SLVL_TABLE, 0, data);

	if (err)
		return err;
	*ret_port = json_pack("{s:i, s:o, s:i, s:i, s:o, s:i, s:o}", "port", port->portnum, "guid",
			      pack_guid(port->guid), "lid", port->base_lid, "lmc", port->lmc, "peer",
			      pack_guid(port->remoteport->node->guid), "peer_port", port->remoteport->portnum, "sl2vl",
			      pack_sl2vl(data));
	return *ret_port ? 0 : -ENOMEM;
}

static int pack_host(const struct reader *reader, ibnd_node_t *node, json_t **ret_host)
{
	json_t *ports = json_array();

	for (int i = 1; i <= node->numports; i++) {
		json_t *port;
		int err;

		if (!is_linked(node->ports[i]))
			continue;
		err = pack_host_port(reader, node->ports[i], &port);
		if (err) {
			json_decref(ports);
			return err;
		}
		json_array_append_new(ports, port);
	}
	*ret_host = json_pack("{s:o, s:s, s:o}", "guid", pack_guid(node->guid), "name", node->nodedesc, "ports", ports);
	return *ret_host ? 0 : -ENOMEM;
}

/* One node a line. */
static int print_nodes(const struct reader *reader, bool switches, FILE *out)
{
	const char *separator = "";

	for (ibnd_node_t *node = reader->fabric->nodes; node; node = node->next) {
		json_t *json;
		int err;

		if ((node->type == IB_NODE_SWITCH) != switches)
			continue;
		err = switches ? pack_switch(reader, node, &json) : pack_host(reader, node, &json);
		if (err) {
			fprintf(stderr, "holdfast: \"%s\" (GUID 0x%016" PRIx64 ") does not answer: %s\n",
				node->nodedesc, node->guid, strerror(-err));
			return err;
		}
		fprintf(out, "%s\n  ", separator);
		json_dumpf(json, out, JSON_COMPACT);
		json_decref(json);
		separator = ",";
	}
	return 0;
}

static struct hf_path_record get_record(const struct reader *reader, size_t i)
{
	struct hf_path_record record;

	memcpy(&record, reader->records + i * reader->record_size, sizeof(record));
	return record;
}

static void print_paths(const struct reader *reader, FILE *out)
{
	for (size_t i = 0; i < reader->n_records; i++) {
		struct hf_path_record record = get_record(reader, i);

		fprintf(out, "%s\n  [%u,%u,%u,%u,%u,%u]", i == 0 ? "" : ",", be16toh(record.slid),
			be16toh(record.dlid), hf_path_record_sl(&record), hf_path_record_mtu(&record),
			hf_path_record_rate(&record), hf_path_record_pkt_life(&record));
	}
}

static int print_json(const struct reader *reader, FILE *out)
{
	int err;

	fprintf(out, "{\"version\":%d,\"sm_lid\":%u,\n\"switches\":[", FORMAT_VERSION, reader->port.sm_lid);
	err = print_nodes(reader, true, out);
	if (err)
		return err;
	fprintf(out, "],\n\"hosts\":[");
	err = print_nodes(reader, false, out);
	if (err)
		return err;
	if (reader->options->paths) {
		fprintf(out, "],\n\"path_fields\":[\"slid\",\"dlid\",\"sl\",\"mtu\",\"rate\",\"pkt_life\"],\n\"paths\":[");
		print_paths(reader, out);
	}
	fprintf(out, "]}\n");
	return 0;
}

/* A summary: how much each switch holds. The tables themselves are for programs: --json. */
static int print_summary(const struct reader *reader, FILE *out)
{
	fprintf(out, "%-18s %-24s %6s %6s %8s\n", "GUID", "NAME", "LID", "LINKS", "ROUTES");
	for (ibnd_node_t *node = reader->fabric->nodes; node; node = node->next) {
		unsigned int n_links = 0, n_routes = 0;
		uint8_t *ports;
		size_t count;

		if (node->type != IB_NODE_SWITCH)
			continue;
		int err = read_lft(reader, node, &ports, &count);

		if (err)
			return err;
		for (int i = 1; i <= node->numports; i++)
			n_links += is_linked(node->ports[i]);
		for (size_t lid = 1; lid < count; lid++)
			n_routes += ports[lid] != LFT_NO_PATH;
		free(ports);
		fprintf(out, "0x%016" PRIx64 " %-24s %6u %6u %8u\n", node->guid, node->nodedesc, node->smalid, n_links,
			n_routes);
	}
	return 0;
}

static void print_sl_counts(const struct reader *reader, FILE *out)
{
	size_t counts[N_SL] = { 0 };

	for (size_t i = 0; i < reader->n_records; i++) {
		struct hf_path_record record = get_record(reader, i);

		counts[hf_path_record_sl(&record)]++;
	}
	fprintf(out, "\n%zu path records:", reader->n_records);
	for (unsigned int sl = 0; sl < N_SL; sl++)
		if (counts[sl] > 0)
			fprintf(out, " %zu with SL %u", counts[sl], sl);
	fprintf(out, "\n");
}

static int wait_for_answer(struct hf_umad *umad, int timeout_ms, struct hf_umad_received *ret_received)
{
	struct pollfd poll_fd = { .fd = hf_umad_fd(umad), .events = POLLIN };
	uint64_t deadline_ns = hf_now_ns() + (uint64_t)timeout_ms * 1000000;

	for (;;) {
		int err = hf_umad_recv(umad, ret_received);
		uint64_t now_ns = hf_now_ns();

		if (err != -EAGAIN)
			return err;
		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		if (poll(&poll_fd, 1, (deadline_ns - now_ns) / 1000000 + 1) < 0 && errno != EINTR)
			return -errno;
	}
}

/* Takes over the answer's memory when it holds a table of path records. */
static int take_records(struct reader *reader, const struct hf_umad_received *answer)
{
	const struct hf_sa_mad *mad = (const struct hf_sa_mad *)answer->mad;
	size_t header = offsetof(struct hf_sa_mad, data);

	if (answer->status)
		return answer->status;
	if (answer->len < header || mad->hdr.method != HF_METHOD_GET_TABLE_RESP || mad->hdr.status != 0)
		return -EPROTO;
	reader->record_size = (size_t)be16toh(mad->attr_offset) * 8;
	if (reader->record_size < sizeof(struct hf_path_record))
		return -EPROTO;
	reader->n_records = (answer->len - header) / reader->record_size;
	reader->records = malloc(answer->len - header + 1);
	if (!reader->records)
		return -ENOMEM;
	memcpy(reader->records, answer->mad + header, answer->len - header);
	return 0;
}

static int query_paths(struct reader *reader, struct hf_umad *umad)
{
	const struct hf_mad_addr sa = {
		.lid = reader->port.sm_lid, .qpn = QPN_GSI, .qkey = QKEY_GSI, .sl = reader->port.sm_sl,
	};
	int timeout_ms = reader->options->timeout_ms;
	struct hf_umad_received answer;
	struct hf_sa_mad query;
	int agent, err;

	err = hf_umad_register_sa(umad, false, &agent);
	if (err)
		return err;
	/* No component counts: all pairs. */
	hf_sa_mad_init(&query, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD, 1);
	err = hf_umad_send(umad, agent, &sa, &query, sizeof(query), timeout_ms, 0);
	if (err)
		return err;
	err = wait_for_answer(umad, timeout_ms + SMP_TIMEOUT_MS, &answer);
	if (err)
		return err;
	err = take_records(reader, &answer);
	free(answer.mad);
	return err;
}

static int read_port_and_paths(struct reader *reader)
{
	struct hf_umad *umad;
	int err = hf_umad_open(reader->options->device, reader->options->port, &umad);

	if (err) {
		fprintf(stderr, "holdfast: the adapter's port cannot be opened: %s\n", strerror(-err));
		return err;
	}
	err = hf_umad_read_port(umad, &reader->port);
	if (!err && reader->options->paths) {
		err = query_paths(reader, umad);
		if (err)
			fprintf(stderr, "holdfast: the SA at LID %u gives no path records: %s\n", reader->port.sm_lid,
				strerror(-err));
	}
	hf_umad_close(umad);
	return err;
}

static int open_fabric(struct reader *reader)
{
	int classes[] = { IB_SMI_CLASS, IB_SMI_DIRECT_CLASS };
	ibnd_config_t config = { .max_smps = DISCOVERY_SMPS, .timeout_ms = SMP_TIMEOUT_MS, .retries = SMP_RETRIES };

	reader->smp = mad_rpc_open_port(reader->options->device, reader->options->port, classes, 2);
	if (!reader->smp) {
		fprintf(stderr, "holdfast: SMPs cannot be sent through this port: %s\n", strerror(errno));
		return -EIO;
	}
	mad_rpc_set_retries(reader->smp, SMP_RETRIES);
	reader->fabric = ibnd_discover_fabric(reader->options->device, reader->options->port, NULL, &config);
	if (!reader->fabric) {
		fprintf(stderr, "holdfast: the fabric cannot be discovered\n");
		return -EIO;
	}
	return 0;
}

static void close_reader(struct reader *reader)
{
	if (reader->fabric)
		ibnd_destroy_fabric(reader->fabric);
	if (reader->smp)
		mad_rpc_close_port(reader->smp);
	free(reader->records);
}

static int print_tables(const struct options *options)
{
	struct reader reader = { .options = options };
	int err = read_port_and_paths(&reader);

	if (!err)
		err = open_fabric(&reader);
	if (!err && options->json) {
		err = print_json(&reader, stdout);
	} else if (!err) {
		err = print_summary(&reader, stdout);
		if (!err && options->paths)
			print_sl_counts(&reader, stdout);
	}
	if (!err && fflush(stdout) != 0) {
		err = -errno;
		fprintf(stderr, "holdfast: the tables cannot be written: %s\n", strerror(errno));
	}
	close_reader(&reader);
	return err;
}

static int parse_number(const char *name, const char *text, int min, int max, int *ret_number)
{
	char *end;
	long number = strtol(text, &end, 0);

	if (*text == '\0' || *end != '\0' || number < min || number > max) {
		fprintf(stderr, "holdfast: %s is \"%s\", must be %d to %d\n", name, text, min, max);
		return -EINVAL;
	}
	*ret_number = number;
	return 0;
}

static void print_usage(FILE *out)
{
	fprintf(out, "usage: holdfast tables [--json] [--paths] [--device NAME] [--port N] [--timeout MS]\n");
}

static const struct option long_options[] = {
	{ "device", required_argument, NULL, 'd' }, { "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' }, { "paths", no_argument, NULL, 'p' },
	{ "port", required_argument, NULL, 'P' }, { "timeout", required_argument, NULL, 't' },
	{ NULL, 0, NULL, 0 },
};

int hf_command_tables(int argc, char **argv)
{
	struct options options = { .timeout_ms = 60000 };
	int option, err = 0;

	while ((option = getopt_long(argc, argv, "d:hjpP:t:", long_options, NULL)) >= 0) {
		switch (option) {
		case 'd':
			options.device = optarg;
			break;
		case 'h':
			print_usage(stdout);
			return HF_EXIT_OK;
		case 'j':
			options.json = true;
			break;
		case 'p':
			options.paths = true;
			break;
		case 'P':
			err = parse_number("--port", optarg, 1, 255, &options.port);
			break;
		case 't':
			err = parse_number("--timeout", optarg, 1, INT_MAX - SMP_TIMEOUT_MS, &options.timeout_ms);
			break;
		default:
			print_usage(stderr);
			return HF_EXIT_USAGE;
		}
		if (err)
			return HF_EXIT_USAGE;
	}
	if (optind < argc) {
		fprintf(stderr, "holdfast: tables takes no argument \"%s\"\n", argv[optind]);
		return HF_EXIT_USAGE;
	}
	return print_tables(&options) ? HF_EXIT_FAILED : HF_EXIT_OK;
}
