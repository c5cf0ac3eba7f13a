/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* "holdfast tables": what the fabric really holds, as JSON or as a summary. */
#include "tools/holdfast.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"
#include "tools/holdfast_reader.h"

#define FORMAT_VERSION	1
#define PATHS_TIMEOUT_MS	60000

struct options {
	char *device;
	int port;
	int timeout_ms;		/* of the query for all path records, its whole transfer included */
	bool json;
	bool paths;
};

static bool is_linked(const ibnd_port_t *port)
{
	return port && port->remoteport;
}

static json_t *pack_guid(uint64_t guid)
{
	return json_sprintf("0x%016" PRIx64, guid);
}

/* A node description is whatever the node says: what is no printable ASCII becomes a question mark. */
static json_t *pack_name(const ibnd_node_t *node)
{
	char name[sizeof(node->nodedesc)];

	snprintf(name, sizeof(name), "%s", node->nodedesc);
	for (char *at = name; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return json_string(name);
}

static json_t *pack_vls(const uint8_t vls[HF_READER_SLS])
{
	json_t *array = json_array();

	for (unsigned int sl = 0; sl < HF_READER_SLS; sl++)
		json_array_append_new(array, json_integer(vls[sl]));
	return array;
}

/* An entry for each port that a packet can come from (port 0 is the switch's own) and go to. */
static int pack_switch_sl2vl(const struct hf_reader *reader, ibnd_node_t *node, json_t **ret_tables)
{
	json_t *tables = json_array();
	uint8_t vls[HF_READER_SLS];

	for (int in = 0; in <= node->numports; in++) {
		if (in != 0 && !is_linked(node->ports[in]))
			continue;
		for (int out = 1; out <= node->numports; out++) {
			if (out == in || !is_linked(node->ports[out]))
				continue;
			int err = hf_reader_switch_sl2vl(reader, node, in, out, vls);

			if (err) {
				json_decref(tables);
				return err;
			}
			json_array_append_new(tables, json_pack("{s:i, s:i, s:o}", "in", in, "out", out, "vl",
								pack_vls(vls)));
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

static int pack_switch(const struct hf_reader *reader, ibnd_node_t *node, json_t **ret_switch)
{
	json_t *tables = NULL, *lft;
	uint8_t *ports = NULL;
	size_t count;
	int err = hf_reader_lft(reader, node, &ports, &count);

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
	*ret_switch = json_pack("{s:o, s:o, s:i, s:i, s:o, s:o, s:o}", "guid", pack_guid(node->guid), "name",
				pack_name(node), "lid", node->smalid, "ports", node->numports, "links", pack_links(node),
				"lft", lft, "sl2vl", tables);
	return *ret_switch ? 0 : -ENOMEM;
}

static int pack_host_port(const struct hf_reader *reader, const ibnd_port_t *port, json_t **ret_port)
{
	uint8_t vls[HF_READER_SLS];
	int err = hf_reader_host_sl2vl(reader, port, vls);

	if (err)
		return err;
	*ret_port = json_pack("{s:i, s:o, s:i, s:i, s:o, s:i, s:o}", "port", port->portnum, "guid",
			      pack_guid(port->guid), "lid", port->base_lid, "lmc", port->lmc, "peer",
			      pack_guid(port->remoteport->node->guid), "peer_port", port->remoteport->portnum, "sl2vl",
			      pack_vls(vls));
	return *ret_port ? 0 : -ENOMEM;
}

static int pack_host(const struct hf_reader *reader, ibnd_node_t *node, json_t **ret_host)
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
	*ret_host = json_pack("{s:o, s:o, s:o}", "guid", pack_guid(node->guid), "name", pack_name(node), "ports", ports);
	return *ret_host ? 0 : -ENOMEM;
}

/* One node a line. */
static int print_nodes(const struct hf_reader *reader, bool switches, FILE *out)
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

static struct hf_path_record get_record(const struct hf_reader *reader, size_t i)
{
	struct hf_path_record record;

	memcpy(&record, hf_sa_table_record(&reader->paths.records, i), sizeof(record));
	return record;
}

static void print_paths(const struct hf_reader *reader, FILE *out)
{
	for (size_t i = 0; i < reader->paths.records.count; i++) {
		struct hf_path_record record = get_record(reader, i);

		fprintf(out, "%s\n  [%u,%u,%u,%u,%u,%u]", i == 0 ? "" : ",", be16toh(record.slid),
			be16toh(record.dlid), hf_path_record_sl(&record), hf_path_record_mtu(&record),
			hf_path_record_rate(&record), hf_path_record_pkt_life(&record));
	}
}

static int print_json(const struct hf_reader *reader, FILE *out)
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
	if (reader->paths.answer) {
		fprintf(out, "],\n\"path_fields\":[\"slid\",\"dlid\",\"sl\",\"mtu\",\"rate\",\"pkt_life\"],\n\"paths\":[");
		print_paths(reader, out);
	}
	fprintf(out, "]}\n");
	return 0;
}

/* A summary: how much each switch holds. The tables themselves are for programs: --json. */
static int print_summary(const struct hf_reader *reader, FILE *out)
{
	fprintf(out, "%-18s %-24s %6s %6s %8s\n", "GUID", "NAME", "LID", "LINKS", "ROUTES");
	for (ibnd_node_t *node = reader->fabric->nodes; node; node = node->next) {
		unsigned int n_links = 0, n_routes = 0;
		uint8_t *ports;
		size_t count;

		if (node->type != IB_NODE_SWITCH)
			continue;
		int err = hf_reader_lft(reader, node, &ports, &count);

		if (err)
			return err;
		for (int i = 1; i <= node->numports; i++)
			n_links += is_linked(node->ports[i]);
		for (size_t lid = 1; lid < count; lid++)
			n_routes += ports[lid] != HF_READER_NO_PATH;
		free(ports);
		fprintf(out, "0x%016" PRIx64 " %-24s %6u %6u %8u\n", node->guid, node->nodedesc, node->smalid, n_links,
			n_routes);
	}
	return 0;
}

static void print_sl_counts(const struct hf_reader *reader, FILE *out)
{
	size_t counts[HF_READER_SLS] = { 0 };

	for (size_t i = 0; i < reader->paths.records.count; i++) {
		struct hf_path_record record = get_record(reader, i);

		counts[hf_path_record_sl(&record)]++;
	}
	fprintf(out, "\n%zu path records:", reader->paths.records.count);
	for (unsigned int sl = 0; sl < HF_READER_SLS; sl++)
		if (counts[sl] > 0)
			fprintf(out, " %zu with SL %u", counts[sl], sl);
	fprintf(out, "\n");
}

static int print_tables(const struct options *options)
{
	struct hf_reader reader;
	int err = hf_reader_open(&reader, options->device, options->port);

	if (!err && options->paths)
		err = hf_reader_query_paths(&reader, options->timeout_ms);
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
	hf_reader_close(&reader);
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
	struct options options = { .timeout_ms = PATHS_TIMEOUT_MS };
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
			err = parse_number("--timeout", optarg, 1, INT_MAX / 2, &options.timeout_ms);
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
