/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/topology.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fail.h"

#define FOUND_MAX	24			/* characters of the input that an error quotes */
#define GROUP_GUID	0x0268660003000000ull
#define GROUP_GUID_STEP	0x100ull		/* room for the port GUIDs of an adapter */

/* Where ibsim starts to count for nodes without a GUID line. */
#define FIRST_SWITCH_GUID	0x100000ull
#define FIRST_CA_GUID		0x200000ull
#define FIRST_ROUTER_GUID	0x300000ull

/* One end of a cable as a line tells it; the other end's node may come later in the file. */
struct cable_end {
	struct hf_topology_node *node;
	unsigned int port, remote_port;
	unsigned int line;
	uint64_t guid;			/* of the port; 0: the line does not tell it */
	char remote[HF_TOPOLOGY_NAME_MAX + 1];
};

struct reader {
	const char *path;
	unsigned int line;
	char **ret_error;
	struct hf_topology *topology;
	struct hf_topology_node *node;		/* whose port lines are read; NULL between records */
	uint64_t next_guid[HF_NODE_ROUTER + 1], base_guid[HF_NODE_ROUTER + 1];
	uint64_t system_guid;
	uint32_t vendor_id, device_id;
	struct cable_end *cables;
	size_t cable_count, cable_room;
};

static int fail_expected(struct reader *reader, const char *at, const char *expected)
{
	if (!*at)
		return hf__fail(-EINVAL, reader->ret_error, "%s:%u: expected %s before the end of the line",
				reader->path, reader->line, expected);
	return hf__fail(-EINVAL, reader->ret_error, "%s:%u: expected %s, found \"%.*s\"", reader->path,
			reader->line, expected, FOUND_MAX, at);
}

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

static bool skip_char(const char **at, char c)
{
	skip_blanks(at);
	if (**at != c)
		return false;
	++*at;
	return true;
}

/* Decimal or 0x; a GUID in brackets is hexadecimal without 0x: @base 16. */
static bool scan_number(const char **at, int base, uint64_t max, uint64_t *ret_value)
{
	unsigned long long value;
	char *end;

	skip_blanks(at);
	if (!isxdigit((unsigned char)**at))
		return false;
	errno = 0;
	value = strtoull(*at, &end, base);
	if (errno || end == *at || value > max)
		return false;
	*at = end;
	*ret_value = value;
	return true;
}

static int read_number(struct reader *reader, const char **at, uint64_t max, const char *what, uint64_t *ret_value)
{
	const char *start = *at;

	return scan_number(at, 0, max, ret_value) ? 0 : fail_expected(reader, start, what);
}

static int read_end(struct reader *reader, const char *at)
{
	skip_blanks(&at);
	return !*at || *at == '#' ? 0 : fail_expected(reader, at, "a comment or the end of the line");
}

static int read_name(struct reader *reader, const char **at, char name[HF_TOPOLOGY_NAME_MAX + 1])
{
	const char *start, *end;

	skip_blanks(at);
	if (**at != '"')
		return fail_expected(reader, *at, "a node's name in quotes");
	start = *at + 1;
	end = strchr(start, '"');
	if (!end || end == start || end - start > HF_TOPOLOGY_NAME_MAX)
		return fail_expected(reader, *at, "a name of 1 to 63 characters in quotes");
	memcpy(name, start, end - start);
	name[end - start] = '\0';
	*at = end + 1;
	return 0;
}

/* "[3]", and behind it "[ext 17]" as ibnetdiscover marks the ports of a chassis. */
static int read_port_number(struct reader *reader, const char **at, unsigned int *ret_port)
{
	uint64_t port, external;

	if (!skip_char(at, '['))
		return fail_expected(reader, *at, "a port number in [ ]");
	if (!scan_number(at, 10, HF_TOPOLOGY_PORT_MAX, &port) || port < 1)
		return fail_expected(reader, *at, "a port number from 1 to 254");
	if (!skip_char(at, ']'))
		return fail_expected(reader, *at, "]");
	if (!strncmp(*at, "[ext ", 5)) {
		*at += 5;
		if (!scan_number(at, 10, UINT32_MAX, &external) || !skip_char(at, ']'))
			return fail_expected(reader, *at, "the external port number and ]");
	}
	*ret_port = port;
	return 0;
}

/* "(b8599f0300fc6de4)", where it stands. */
static int read_port_guid(struct reader *reader, const char **at, uint64_t *ret_guid)
{
	if (!skip_char(at, '('))
		return 0;
	if (!scan_number(at, 16, UINT64_MAX, ret_guid) || !skip_char(at, ')'))
		return fail_expected(reader, *at, "a port GUID, hexadecimal, and )");
	return 0;
}

/* The number behind @keyword in a comment; comments are no part of the syntax, so anything else is nothing. */
static unsigned int comment_number(const char *comment, const char *keyword, unsigned int max)
{
	const char *found = strstr(comment, keyword);
	uint64_t value;

	if (!found)
		return 0;
	found += strlen(keyword);
	return scan_number(&found, 10, max, &value) ? value : 0;
}

/* Behind a description: " lid 19 4xFDR". */
static void comment_rate(const char *comment, char *rate, size_t size)
{
	char found[12];
	unsigned int lid;

	if (sscanf(comment, " lid %5u %11s", &lid, found) == 2 && isdigit((unsigned char)*found))
		snprintf(rate, size, "%s", found);
}

/* Splits a comment at the description in quotes; a description may have quotes inside. Return: what is behind it. */
static const char *split_comment(const char *comment, const char **ret_start, const char **ret_end)
{
	const char *start = strchr(comment, '"'), *end = strrchr(comment, '"');

	if (!start || end == start)
		return NULL;
	*ret_start = start + 1;
	*ret_end = end;
	return end + 1;
}

static int read_node_comment(struct hf_topology_node *node, const char *comment)
{
	const char *start, *end, *rest = split_comment(comment, &start, &end);
	char *description;
	int err;

	if (!rest)
		return 0;
	description = strndup(start, end - start);
	if (!description)
		return -ENOMEM;
	err = hf_topology_describe(node, description);
	free(description);
	if (node->type == HF_NODE_SWITCH) {
		node->enhanced_port0 = strstr(rest, "enhanced port 0") != NULL;
		node->ports[0].lid = comment_number(rest, " lid ", HF_TOPOLOGY_NODE_MAX);
		node->ports[0].lmc = comment_number(rest, " lmc ", 7);
	}
	return err;
}

static void read_port_comment(struct hf_topology_node *node, struct hf_topology_port *port, const char *comment)
{
	const char *start, *end, *rest = split_comment(comment, &start, &end);

	if (!rest)
		return;
	comment_rate(rest, port->rate, sizeof(port->rate));
	if (node->type == HF_NODE_SWITCH || !strstr(comment, " lid ") || strstr(comment, " lid ") > start)
		return;
	port->lid = comment_number(comment, " lid ", HF_TOPOLOGY_NODE_MAX);
	port->lmc = comment_number(comment, " lmc ", 7);
}

static int fail_node(struct reader *reader, int err, enum hf_node_type type, const char *name)
{
	uint64_t guid = reader->next_guid[type];

	if (err == -ENOMEM)
		return err;
	if (err == -ENOSPC)
		return hf__fail(-EINVAL, reader->ret_error, "%s:%u: expected at most %u nodes", reader->path,
				reader->line, HF_TOPOLOGY_NODE_MAX);
	if (err == -EINVAL)
		return hf__fail(-EINVAL, reader->ret_error, "%s:%u: expected 1 to %u ports and a GUID other than 0",
				reader->path, reader->line, HF_TOPOLOGY_PORT_MAX);
	if (hf_topology_find_name(reader->topology, name))
		return hf__fail(-EINVAL, reader->ret_error,
				"%s:%u: a node \"%s\" stands above, expected another name", reader->path,
				reader->line, name);
	return hf__fail(-EINVAL, reader->ret_error,
			"%s:%u: GUID 0x%016" PRIx64 " of \"%s\" is that of \"%s\", expected another", reader->path,
			reader->line, guid, name, hf_topology_find_guid(reader->topology, guid)->name);
}

static int read_node(struct reader *reader, const char *at, enum hf_node_type type)
{
	char name[HF_TOPOLOGY_NAME_MAX + 1];
	struct hf_topology_node *node;
	uint64_t ports;
	int err;

	err = read_number(reader, &at, HF_TOPOLOGY_PORT_MAX, "the number of ports, 1 to 254", &ports);
	if (!err)
		err = read_name(reader, &at, name);
	if (!err)
		err = read_end(reader, at);
	if (err)
		return err;
	err = hf_topology_add_node(reader->topology, type, name, reader->next_guid[type], ports, &node);
	if (err)
		return fail_node(reader, err, type, name);
	reader->next_guid[type] += type == HF_NODE_SWITCH ? 1 : ports + 1;
	if (reader->system_guid)
		node->system_guid = reader->system_guid;
	node->vendor_id = reader->vendor_id;
	node->device_id = reader->device_id;
	reader->system_guid = 0;
	reader->vendor_id = reader->device_id = 0;
	reader->node = node;
	return read_node_comment(node, at);
}

static int add_cable(struct reader *reader, const struct cable_end *cable)
{
	if (reader->cable_count == reader->cable_room) {
		size_t room = reader->cable_room ? reader->cable_room * 2 : 256;
		struct cable_end *cables = reallocarray(reader->cables, room, sizeof(*cables));

		if (!cables)
			return -ENOMEM;
		reader->cables = cables;
		reader->cable_room = room;
	}
	reader->cables[reader->cable_count++] = *cable;
	return 0;
}

/* [3]	"S-0002c903007b78b0"[1](2c903007b78b1)		# "description" lid 19 4xFDR */
static int read_port(struct reader *reader, const char *at)
{
	struct cable_end cable = { .node = reader->node, .line = reader->line, .remote_port = 1 };
	uint64_t remote_guid;
	int err;

	if (!cable.node)
		return fail_expected(reader, at, "Switch, Ca, Hca or Rt before a port");
	err = read_port_number(reader, &at, &cable.port);
	if (err)
		return err;
	if (cable.port > cable.node->port_count)
		return hf__fail(-EINVAL, reader->ret_error, "%s:%u: port %u of \"%s\", expected 1 to %u", reader->path,
				reader->line, cable.port, cable.node->name, cable.node->port_count);
	err = read_port_guid(reader, &at, &cable.guid);
	if (!err)
		err = read_name(reader, &at, cable.remote);
	if (!err && (skip_blanks(&at), *at == '['))
		err = read_port_number(reader, &at, &cable.remote_port);
	if (!err)
		err = read_port_guid(reader, &at, &remote_guid);
	if (!err)
		err = read_end(reader, at);
	if (err)
		return err;
	read_port_comment(cable.node, &cable.node->ports[cable.port], at);
	return add_cable(reader, &cable);
}

static int read_guid(struct reader *reader, const char *at, enum hf_node_type type)
{
	bool is_relative = skip_char(&at, '+');
	uint64_t guid, port_guid;
	int err;

	if (!is_relative && !skip_char(&at, '='))
		return fail_expected(reader, at, "= or + and a GUID");
	err = read_number(reader, &at, UINT64_MAX, "a GUID", &guid);
	if (!err)
		err = read_port_guid(reader, &at, &port_guid);
	if (!err)
		err = read_end(reader, at);
	if (err)
		return err;
	if (!is_relative) {
		reader->base_guid[type] = guid;
		guid = 0;
	}
	reader->next_guid[type] = reader->base_guid[type] + guid;
	return 0;
}

static int read_value(struct reader *reader, const char *at, uint64_t max, uint64_t *ret_value)
{
	int err;

	if (!skip_char(&at, '='))
		return fail_expected(reader, at, "=");
	err = read_number(reader, &at, max, "a number", ret_value);
	return err ? err : read_end(reader, at);
}

static int read_switch_line(struct reader *reader, const char *at)
{
	return read_node(reader, at, HF_NODE_SWITCH);
}

static int read_ca_line(struct reader *reader, const char *at)
{
	return read_node(reader, at, HF_NODE_CA);
}

static int read_router_line(struct reader *reader, const char *at)
{
	return read_node(reader, at, HF_NODE_ROUTER);
}

static int read_switch_guid(struct reader *reader, const char *at)
{
	return read_guid(reader, at, HF_NODE_SWITCH);
}

static int read_ca_guid(struct reader *reader, const char *at)
{
	return read_guid(reader, at, HF_NODE_CA);
}

static int read_router_guid(struct reader *reader, const char *at)
{
	return read_guid(reader, at, HF_NODE_ROUTER);
}

static int read_system_guid(struct reader *reader, const char *at)
{
	return read_value(reader, at, UINT64_MAX, &reader->system_guid);
}

static int read_vendor_id(struct reader *reader, const char *at)
{
	uint64_t value;
	int err = read_value(reader, at, UINT32_MAX, &value);

	if (!err)
		reader->vendor_id = value;
	return err;
}

static int read_device_id(struct reader *reader, const char *at)
{
	uint64_t value;
	int err = read_value(reader, at, UINT32_MAX, &value);

	if (!err)
		reader->device_id = value;
	return err;
}

/* Headings between the records of ibnetdiscover -g. */
static int read_heading(struct reader *reader, const char *at)
{
	(void)reader;
	(void)at;
	return 0;
}

static const struct keyword {
	const char *word;
	int (*read)(struct reader *reader, const char *at);
} keywords[] = {
	{ "switchguid",		read_switch_guid },
	{ "hcaguids",		read_ca_guid },
	{ "caguid",		read_ca_guid },
	{ "rtguid",		read_router_guid },
	{ "sysimgguid",		read_system_guid },
	{ "vendid",		read_vendor_id },
	{ "devid",		read_device_id },
	{ "Switch",		read_switch_line },
	{ "Hca",		read_ca_line },
	{ "Ca",			read_ca_line },
	{ "Rt",			read_router_line },
	{ "Chassis",		read_heading },
	{ "Non-Chassis",	read_heading },
	{ "Hostname:",		read_heading },
};

static int read_line(struct reader *reader, char *line)
{
	size_t length = strcspn(line, "\r\n");

	line[length] = '\0';
	if (*line == '#')
		return 0;
	if (*line == '[')
		return read_port(reader, line);
	reader->node = NULL;
	if (!line[strspn(line, " \t")])
		return 0;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		length = strlen(keywords[i].word);
		if (!strncmp(line, keywords[i].word, length) && !isalnum((unsigned char)line[length]))
			return keywords[i].read(reader, line + length);
	}
	return fail_expected(reader, line, "a node (Switch, Ca, Hca, Rt), a port ([1] ...), or one of switchguid, "
			     "caguid, hcaguids, rtguid, sysimgguid, vendid, devid");
}

static int fail_cable(struct reader *reader, const struct cable_end *cable, const struct hf_topology_node *node,
		      unsigned int port)
{
	return hf__fail(-EINVAL, reader->ret_error,
			"%s:%u: expected a cable from \"%s\"[%u] to \"%s\"[%u], but \"%s\"[%u] leads to \"%s\"[%u]",
			reader->path, cable->line, cable->node->name, cable->port, cable->remote, cable->remote_port,
			node->name, port, node->ports[port].remote->name, node->ports[port].remote_port);
}

static int connect_cable(struct reader *reader, const struct cable_end *cable)
{
	struct hf_topology_node *remote = hf_topology_find_name(reader->topology, cable->remote);
	struct hf_topology_port *port = &cable->node->ports[cable->port];

	if (!remote)
		return hf__fail(-EINVAL, reader->ret_error, "%s:%u: \"%s\" is no node of this file, expected one",
				reader->path, cable->line, cable->remote);
	if (cable->remote_port > remote->port_count)
		return hf__fail(-EINVAL, reader->ret_error, "%s:%u: port %u of \"%s\", expected 1 to %u",
				reader->path, cable->line, cable->remote_port, cable->remote, remote->port_count);
	if (port->remote == remote && port->remote_port == cable->remote_port)
		return 0;
	if (port->remote)
		return fail_cable(reader, cable, cable->node, cable->port);
	if (remote->ports[cable->remote_port].remote)
		return fail_cable(reader, cable, remote, cable->remote_port);
	if (hf_topology_connect(cable->node, cable->port, remote, cable->remote_port))
		return hf__fail(-EINVAL, reader->ret_error,
				"%s:%u: port %u of \"%s\" leads to itself, expected another port", reader->path,
				cable->line, cable->port, cable->remote);
	return 0;
}

static unsigned int line_of(const struct reader *reader, const struct hf_topology_node *node)
{
	for (size_t i = 0; i < reader->cable_count; i++)
		if (reader->cables[i].node == node)
			return reader->cables[i].line;
	return reader->line;
}

/*
 * ibsim counts the GUIDs of an adapter's ports up from the node's. Many adapters give a node and its port the same one;
 * of these two it is the port's that GIDs, partitions and QoS policies name, and the node's that gives way.
 */
static int number_ports(struct reader *reader)
{
	const struct hf_topology_node *first, *adapter, *other;
	struct hf_topology_node *twin = NULL;
	int err;

	for (size_t i = 0; i < reader->cable_count; i++) {
		const struct cable_end *cable = &reader->cables[i];

		if (cable->node->type == HF_NODE_SWITCH || cable->port != hf_topology_first_port(cable->node))
			continue;
		if (cable->guid > cable->port)
			hf_topology_set_guid(cable->node, cable->guid - cable->port);
	}
	err = hf_topology_index_guids(reader->topology, &twin);
	if (err != -EEXIST)
		return err;
	/* Switches keep theirs, so one of the two is an adapter. */
	first = hf_topology_find_guid(reader->topology, twin->guid);
	adapter = twin->type == HF_NODE_SWITCH ? first : twin;
	other = twin->type == HF_NODE_SWITCH ? twin : first;
	return hf__fail(-EINVAL, reader->ret_error,
			"%s:%u: GUID 0x%016" PRIx64 " of \"%s\", which is its port's less the port's number, is that of "
			"\"%s\", expected another", reader->path, line_of(reader, adapter), adapter->guid, adapter->name,
			other->name);
}

static int read_lines(struct reader *reader, FILE *in)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;
	int err = 0;

	while (!err && (errno = 0, length = getline(&line, &size, in)) >= 0) {
		reader->line++;
		if (strlen(line) == (size_t)length)
			err = read_line(reader, line);
		else
			err = hf__fail(-EINVAL, reader->ret_error, "%s:%u: a zero byte, expected text", reader->path,
				       reader->line);
	}
	if (!err && !feof(in))
		err = hf__fail(-errno, reader->ret_error, "%s:%u: cannot read on: %s", reader->path, reader->line,
			       strerror(errno));
	for (size_t i = 0; !err && i < reader->cable_count; i++)
		err = connect_cable(reader, &reader->cables[i]);
	if (!err)
		err = number_ports(reader);
	if (!err && !reader->topology->node_count)
		err = hf__fail(-EINVAL, reader->ret_error, "%s: no node in the file, expected Switch, Ca, Hca or Rt",
			       reader->path);
	free(line);
	return err;
}

int hf_topology_read(FILE *in, const char *path, struct hf_topology **ret_topology, char **ret_error)
{
	struct reader reader = {
		.path = path,
		.ret_error = ret_error,
		.next_guid = { [HF_NODE_CA] = FIRST_CA_GUID, [HF_NODE_SWITCH] = FIRST_SWITCH_GUID,
			       [HF_NODE_ROUTER] = FIRST_ROUTER_GUID },
	};
	int err;

	memcpy(reader.base_guid, reader.next_guid, sizeof(reader.base_guid));
	reader.topology = hf_topology_new();
	if (!reader.topology)
		return -ENOMEM;
	err = read_lines(&reader, in);
	free(reader.cables);
	if (err)
		goto err_free;
	*ret_topology = reader.topology;
	return 0;

err_free:
	hf_topology_free(reader.topology);
	return err;
}

int hf_topology_load(const char *path, struct hf_topology **ret_topology, char **ret_error)
{
	FILE *in = fopen(path, "re");
	int err;

	if (!in)
		return hf__fail(-errno, ret_error, "%s: cannot open: %s", path, strerror(errno));
	err = hf_topology_read(in, path, ret_topology, ret_error);
	fclose(in);
	return err;
}

/* ibsim takes "=" anywhere in a port's line for a setting, and ends a description at a quote. */
static void write_description(const struct hf_topology_node *node, FILE *out)
{
	putc('"', out);
	for (const char *c = node->description; *c; c++)
		putc(*c == '"' || *c == '=' || iscntrl((unsigned char)*c) ? ' ' : *c, out);
	putc('"', out);
}

static void write_header(const struct hf_topology_node *node, FILE *out)
{
	static const char *const guid_word[] = { [HF_NODE_CA] = "caguid", [HF_NODE_SWITCH] = "switchguid",
						 [HF_NODE_ROUTER] = "rtguid" };
	static const char *const type_word[] = { [HF_NODE_CA] = "Hca", [HF_NODE_SWITCH] = "Switch",
						 [HF_NODE_ROUTER] = "Rt" };
	uint64_t guid = node->group ? GROUP_GUID + node->group * GROUP_GUID_STEP : node->guid;

	fprintf(out, "\nvendid=0x%x\ndevid=0x%x\nsysimgguid=0x%" PRIx64 "\n%s=0x%" PRIx64 "\n", node->vendor_id,
		node->device_id, node->system_guid, guid_word[node->type], guid);
	fprintf(out, "%s\t%u \"%s\"\t\t# ", type_word[node->type], node->port_count, node->name);
	write_description(node, out);
	if (node->type == HF_NODE_SWITCH)
		fprintf(out, " %s port 0 lid %u lmc %u", node->enhanced_port0 ? "enhanced" : "base", node->ports[0].lid,
			node->ports[0].lmc);
	putc('\n', out);
}

static unsigned int port_lid(const struct hf_topology_node *node, unsigned int port)
{
	return node->ports[node->type == HF_NODE_SWITCH ? 0 : port].lid;
}

static void write_port(const struct hf_topology_node *node, unsigned int number, FILE *out)
{
	const struct hf_topology_port *port = &node->ports[number];
	const struct hf_topology_node *remote = port->remote;
	bool is_switch = node->type == HF_NODE_SWITCH;

	fprintf(out, "[%u]", number);
	if (!is_switch)
		fprintf(out, "(%" PRIx64 ")", port->guid);
	fprintf(out, "\t\"%s\"[%u]", remote->name, port->remote_port);
	if (*port->rate || port->lid) {
		fputs("\t\t# ", out);
		if (!is_switch)
			fprintf(out, "lid %u lmc %u ", port->lid, port->lmc);
		write_description(remote, out);
		if (*port->rate)
			fprintf(out, " lid %u %s", port_lid(remote, port->remote_port), port->rate);
	}
	putc('\n', out);
}

int hf_topology_write(const struct hf_topology *topology, FILE *out)
{
	fprintf(out, "# %u switches, %u nodes, %u links\n", hf_topology_count_type(topology, HF_NODE_SWITCH),
		topology->node_count, hf_topology_count_links(topology));
	for (unsigned int i = 0; i < topology->node_count; i++) {
		const struct hf_topology_node *node = topology->nodes[i];

		write_header(node, out);
		for (unsigned int port = 1; port <= node->port_count; port++)
			if (node->ports[port].remote)
				write_port(node, port, out);
	}
	return fflush(out) || ferror(out) ? -EIO : 0;
}

int hf_topology_write_guids(const struct hf_topology *topology, FILE *out)
{
	for (unsigned int i = 0; i < topology->node_count; i++) {
		const struct hf_topology_node *node = topology->nodes[i];

		if (node->group)
			fprintf(out, "Guid \"%s\" 0x%" PRIx64 "\n", node->name, node->guid);
	}
	return fflush(out) || ferror(out) ? -EIO : 0;
}
