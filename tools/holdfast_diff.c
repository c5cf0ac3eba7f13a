/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* "holdfast diff": which paths differ between two snapshot files, and how. */
#include "tools/holdfast.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/distinguisher.h"
#include "plugin/snapshot_file.h"
#include "tools/holdfast_names.h"

#define FORMAT_VERSION	1

/* As diff(1) ends. */
enum diff_exit {
	EXIT_SAME,
	EXIT_DIFFERENT,
	EXIT_TROUBLE,
};

/* A port by LID or by GUID; every port where both are 0. */
struct filter {
	uint16_t lid;
	uint64_t guid;
};

struct options {
	bool json, is_summary;
	const char *name_map;
	struct filter from, to, port;
};

enum attribute {
	ATTRIBUTE_LID,
	ATTRIBUTE_SL,
	ATTRIBUTE_MTU,
	ATTRIBUTE_RATE,
	ATTRIBUTE_PKT_LIFE,
	ATTRIBUTES,
};

static const char *const attribute_names[ATTRIBUTES] = {
	[ATTRIBUTE_LID] = "lid",
	[ATTRIBUTE_SL] = "sl",
	[ATTRIBUTE_MTU] = "mtu",
	[ATTRIBUTE_RATE] = "rate",
	[ATTRIBUTE_PKT_LIFE] = "pkt_life",
};

enum { BEFORE, AFTER, SIDES };

static const char *const side_names[SIDES] = { "before", "after" };

/* What one snapshot says of a pair of LIDs. */
struct side {
	bool is_there;
	uint16_t slid, dlid, sls;
	uint8_t mtu, rate, pkt_life;	/* the IBA's codes */
};

struct job {
	const struct options *options;
	const char *files[SIDES];
	struct hf_snapshot *snapshots[SIDES];
	struct hf_names *names;
	uint64_t paths[HF_CHANGE_KINDS];	/* that were chosen */
	uint64_t attributes[ATTRIBUTES];	/* of changed ones, how many differ in it */
	bool has_line;
};

/* What differs */

static uint64_t port_guid(const struct job *job, uint32_t index)
{
	uint64_t guid = hf_snapshot_port(job->snapshots[AFTER], index)->guid;

	return guid ? guid : hf_snapshot_port(job->snapshots[BEFORE], index)->guid;
}

static bool has_lid(const struct hf_port *port, uint16_t lid)
{
	return hf_port_is_present(port) && lid >= port->lid && lid < port->lid + hf_port_count_lids(port);
}

static bool is_port(const struct job *job, const struct filter *filter, uint32_t index)
{
	if (filter->guid)
		return port_guid(job, index) == filter->guid;
	return !filter->lid || has_lid(hf_snapshot_port(job->snapshots[BEFORE], index), filter->lid) ||
	       has_lid(hf_snapshot_port(job->snapshots[AFTER], index), filter->lid);
}

static bool is_chosen(const struct job *job, const struct hf_change *change)
{
	const struct options *options = job->options;

	return is_port(job, &options->from, change->src) && is_port(job, &options->to, change->dst) &&
	       (is_port(job, &options->port, change->src) || is_port(job, &options->port, change->dst));
}

/* @src_lid, @dst_lid: counted from the base LIDs */
static struct side get_side(const struct hf_snapshot *snapshot, const struct hf_change *change, uint32_t src_lid,
			    uint32_t dst_lid)
{
	hf_entry entry = hf_snapshot_entry(snapshot, change->src, src_lid, change->dst, dst_lid);

	if (!entry)
		return (struct side) { .is_there = false };
	return (struct side) {
		.is_there = true,
		.slid = hf_snapshot_port(snapshot, change->src)->lid + src_lid,
		.dlid = hf_snapshot_port(snapshot, change->dst)->lid + dst_lid,
		.sls = hf_snapshot_sls(snapshot, entry),
		.mtu = hf_entry_mtu(entry),
		.rate = hf_entry_rate(entry),
		.pkt_life = hf_snapshot_pkt_life(snapshot, entry),
	};
}

/* A bit for each attribute, as the distinguisher has it: an SL that may be drawn besides others is no change. */
static unsigned int compare_sides(const struct side sides[SIDES])
{
	const struct side *before = &sides[BEFORE], *after = &sides[AFTER];

	if (!before->is_there || !after->is_there)
		return 0;
	return (before->slid != after->slid || before->dlid != after->dlid) << ATTRIBUTE_LID |
	       !!(before->sls & ~after->sls) << ATTRIBUTE_SL | (before->mtu != after->mtu) << ATTRIBUTE_MTU |
	       (before->rate != after->rate) << ATTRIBUTE_RATE |
	       (before->pkt_life != after->pkt_life) << ATTRIBUTE_PKT_LIFE;
}

/* Text */

static const char *format_mtu(unsigned int mtu, char *text, size_t size)
{
	if (mtu >= 1 && mtu <= 5)
		snprintf(text, size, "%u", 128U << mtu);
	else
		snprintf(text, size, "code %u", mtu);
	return text;
}

static const char *format_rate(unsigned int rate, char *text, size_t size)
{
	static const char *const gbps[] = {
		[2] = "2.5", [3] = "10", [4] = "30", [5] = "5", [6] = "20", [7] = "40", [8] = "60", [9] = "80",
		[10] = "120", [11] = "14", [12] = "56", [13] = "112", [14] = "168", [15] = "25", [16] = "100",
		[17] = "200", [18] = "300", [19] = "28", [20] = "50", [21] = "400", [22] = "600",
	};

	if (rate < sizeof(gbps) / sizeof(gbps[0]) && gbps[rate])
		snprintf(text, size, "%s", gbps[rate]);
	else
		snprintf(text, size, "code %u", rate);
	return text;
}

/* 4.096 us * 2^code */
static const char *format_pkt_life(unsigned int pkt_life, char *text, size_t size)
{
	static const char *const units[] = { "us", "ms", "s" };
	double value = 4.096 * (double)(UINT64_C(1) << pkt_life);
	unsigned int unit = 0;

	for (; value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		value /= 1000;
	snprintf(text, size, "%.3g%s", value, units[unit]);
	return text;
}

/* 3, 2-4, 0,2-4 */
static const char *format_sls(unsigned int sls, char *text, size_t size)
{
	const char *separator = "";
	size_t used = 0;

	for (unsigned int sl = 0; sl < HF_SLS; sl++) {
		unsigned int last = sl;

		if (!(sls >> sl & 1))
			continue;
		while (last + 1 < HF_SLS && sls >> (last + 1) & 1)
			last++;
		if (used < size)
			used += snprintf(&text[used], size - used, last > sl ? "%s%u-%u" : "%s%u", separator, sl, last);
		separator = ",";
		sl = last;
	}
	return text;
}

static const char *format_lid(unsigned int lid, char *text, size_t size)
{
	snprintf(text, size, "%u", lid);
	return text;
}

enum { CELL_BYTES = 48, PART_BYTES = 20 };

/* "was -> is", or one of them where the other is the same or not there. */
static void print_cell(int width, const char *const parts[SIDES])
{
	char cell[CELL_BYTES];

	if (parts[BEFORE] && parts[AFTER] && strcmp(parts[BEFORE], parts[AFTER]) != 0)
		snprintf(cell, sizeof(cell), "%s -> %s", parts[BEFORE], parts[AFTER]);
	else
		snprintf(cell, sizeof(cell), "%s", parts[BEFORE] ? parts[BEFORE] : parts[AFTER]);
	printf(" %-*s", width, cell);
}

static unsigned int get_slid(const struct side *side) { return side->slid; }
static unsigned int get_dlid(const struct side *side) { return side->dlid; }
static unsigned int get_mtu(const struct side *side) { return side->mtu; }
static unsigned int get_rate(const struct side *side) { return side->rate; }
static unsigned int get_pkt_life(const struct side *side) { return side->pkt_life; }
static unsigned int get_sls(const struct side *side) { return side->sls; }

static const struct column {
	const char *title;
	int width;
	unsigned int (*get)(const struct side *side);
	const char *(*format)(unsigned int value, char *text, size_t size);
} columns[] = {
	{ "SLID", 14, get_slid, format_lid },
	{ "DLID", 14, get_dlid, format_lid },
	{ "SL", 10, get_sls, format_sls },
	{ "MTU", 12, get_mtu, format_mtu },
	{ "GB/S", 10, get_rate, format_rate },
	{ "LIFE", 0, get_pkt_life, format_pkt_life },
};

#define N_COLUMNS	(sizeof(columns) / sizeof(columns[0]))

static void print_port(const struct job *job, uint32_t index)
{
	uint64_t guid = port_guid(job, index);
	const char *name = hf_names_find(job->names, guid);

	if (name)
		printf(" %-18s", name);
	else
		printf(" 0x%016" PRIx64, guid);
}

static void print_titles(void)
{
	printf("%-8s %-18s %-18s", "CHANGE", "SOURCE", "DESTINATION");
	for (size_t i = 0; i < N_COLUMNS; i++)
		printf(" %-*s", columns[i].width, columns[i].title);
	printf("\n");
}

static void print_line(const struct job *job, const struct hf_change *change, enum hf_change_kind kind,
		       const struct side sides[SIDES])
{
	printf("%-8s", hf_change_names[kind]);
	print_port(job, change->src);
	print_port(job, change->dst);
	for (size_t i = 0; i < N_COLUMNS; i++) {
		char texts[SIDES][PART_BYTES];
		const char *parts[SIDES] = { NULL };

		for (int side = 0; side < SIDES; side++)
			if (sides[side].is_there)
				parts[side] = columns[i].format(columns[i].get(&sides[side]), texts[side],
								sizeof(texts[side]));
		print_cell(columns[i].width, parts);
	}
	printf("\n");
}

/* JSON */

static json_t *pack_guid(uint64_t guid)
{
	return json_sprintf("0x%016" PRIx64, guid);
}

static json_t *pack_side(const struct side *side)
{
	json_t *sls = json_array();

	if (!side->is_there) {
		json_decref(sls);
		return json_null();
	}
	for (unsigned int sl = 0; sl < HF_SLS; sl++)
		if (side->sls >> sl & 1)
			json_array_append_new(sls, json_integer(sl));
	return json_pack("{s:i, s:i, s:o, s:i, s:i, s:i}", "slid", side->slid, "dlid", side->dlid, "sls", sls,
			 "mtu", side->mtu, "rate", side->rate, "pkt_life", side->pkt_life);
}

static void add_name(const struct job *job, json_t *object, const char *member, uint32_t index)
{
	const char *name = hf_names_find(job->names, port_guid(job, index));

	if (name)
		json_object_set_new(object, member, json_string(name));
}

static int dump(json_t *object)
{
	int rc = object ? json_dumpf(object, stdout, JSON_COMPACT) : -1;

	json_decref(object);
	return rc ? -ENOMEM : 0;
}

static int print_json_line(struct job *job, const struct hf_change *change, enum hf_change_kind kind,
			   const struct side sides[SIDES])
{
	json_t *line = json_pack("{s:s, s:o, s:o, s:o, s:o}", "change", hf_change_names[kind],
				 "sguid", pack_guid(port_guid(job, change->src)),
				 "dguid", pack_guid(port_guid(job, change->dst)),
				 "before", pack_side(&sides[BEFORE]), "after", pack_side(&sides[AFTER]));

	add_name(job, line, "source", change->src);
	add_name(job, line, "destination", change->dst);
	printf("%s\n  ", job->has_line ? "," : "");
	job->has_line = true;
	return dump(line);
}

/* The walk */

static enum hf_change_kind line_kind(const struct side sides[SIDES])
{
	if (!sides[BEFORE].is_there)
		return HF_CHANGE_APPEARED;
	return sides[AFTER].is_there ? HF_CHANGE_CHANGED : HF_CHANGE_LOST;
}

static int tell_line(struct job *job, const struct hf_change *change, const struct side sides[SIDES])
{
	if (job->options->is_summary)
		return 0;
	if (job->options->json)
		return print_json_line(job, change, line_kind(sides), sides);
	if (!job->has_line)
		print_titles();
	job->has_line = true;
	print_line(job, change, line_kind(sides), sides);
	return 0;
}

static uint32_t count_lids(const struct job *job, uint32_t index)
{
	uint32_t most = 0;

	for (int side = 0; side < SIDES; side++) {
		const struct hf_port *port = hf_snapshot_port(job->snapshots[side], index);

		if (hf_port_is_present(port) && hf_port_count_lids(port) > most)
			most = hf_port_count_lids(port);
	}
	return most;
}

/* A line for each pair of LIDs that differs: one, unless there is an LMC. */
static int tell_change(struct job *job, const struct hf_change *change)
{
	unsigned int differing = 0;
	int err = 0;

	for (uint32_t src = 0; src < count_lids(job, change->src); src++)
		for (uint32_t dst = 0; dst < count_lids(job, change->dst) && !err; dst++) {
			struct side sides[SIDES];
			unsigned int compared;

			for (int side = 0; side < SIDES; side++)
				sides[side] = get_side(job->snapshots[side], change, src, dst);
			compared = compare_sides(sides);
			if (compared || sides[BEFORE].is_there != sides[AFTER].is_there)
				err = tell_line(job, change, sides);
			differing |= compared;
		}
	job->paths[change->kind]++;
	for (int i = 0; i < ATTRIBUTES && change->kind == HF_CHANGE_CHANGED; i++)
		job->attributes[i] += differing >> i & 1;
	return err;
}

static int tell_changes(struct job *job)
{
	struct hf_change_cursor cursor = { 0 };
	struct hf_changes changes;
	struct hf_change change;
	int err = hf_changes_find(job->snapshots[BEFORE], job->snapshots[AFTER], &changes);

	if (err)
		return err;
	while (!err && hf_changes_next(&changes, &cursor, &change))
		if (is_chosen(job, &change))
			err = tell_change(job, &change);
	hf_changes_fini(&changes);
	return err;
}

static uint64_t count_all(const struct job *job)
{
	return job->paths[HF_CHANGE_CHANGED] + job->paths[HF_CHANGE_LOST] + job->paths[HF_CHANGE_APPEARED];
}

/* What stands around it */

static bool is_fallback(const struct hf_routing *routing)
{
	return strcmp(routing->engine, routing->wanted_engine) != 0;
}

/* Epochs compare within one start of the subnet manager only. */
static const char *compare_instances(const struct job *job)
{
	const struct hf_routing *before = &job->snapshots[BEFORE]->routing, *after = &job->snapshots[AFTER]->routing;

	if (before->instance != after->instance)
		return "The snapshots come from two starts of the subnet manager.";
	if (before->epoch > after->epoch)
		return "The snapshot before is the later one.";
	return NULL;
}

static void print_side(const struct job *job, int side)
{
	const struct hf_snapshot *snapshot = job->snapshots[side];
	const struct hf_routing *routing = &snapshot->routing;
	uint32_t ports, switches;

	hf_snapshot_count_ports(snapshot, &ports, &switches);
	printf("%-7s %s: routing %" PRIu64 " of instance 0x%016" PRIx64 ", %s%s%s, SM LID %u GUID 0x%016" PRIx64
	       ", %u ports, %u of switches\n", side_names[side], job->files[side], routing->epoch, routing->instance,
	       routing->engine, is_fallback(routing) ? " instead of " : "",
	       is_fallback(routing) ? routing->wanted_engine : "", routing->sm_lid,
	       (uint64_t)be64toh(routing->sm_gid.guid), ports, switches);
}

static void print_summary(const struct job *job)
{
	const char *separator = ":";

	printf("%" PRIu64 " paths changed, %" PRIu64 " lost, %" PRIu64 " appeared", job->paths[HF_CHANGE_CHANGED],
	       job->paths[HF_CHANGE_LOST], job->paths[HF_CHANGE_APPEARED]);
	for (int i = 0; i < ATTRIBUTES; i++)
		if (job->attributes[i]) {
			printf("%s %" PRIu64 " in %s", separator, job->attributes[i], attribute_names[i]);
			separator = ",";
		}
	printf("\n");
}

static int print_table(struct job *job)
{
	const char *instances = compare_instances(job);
	int err;

	for (int side = 0; side < SIDES; side++)
		print_side(job, side);
	if (instances)
		printf("%s\n", instances);
	printf("\n");
	err = tell_changes(job);
	if (err)
		return err;
	if (job->has_line)
		printf("\n");
	print_summary(job);
	return 0;
}

static json_t *pack_snapshot(const struct job *job, int side)
{
	const struct hf_snapshot *snapshot = job->snapshots[side];
	const struct hf_routing *routing = &snapshot->routing;
	uint32_t ports, switches;

	hf_snapshot_count_ports(snapshot, &ports, &switches);
	return json_pack("{s:s, s:I, s:o, s:s, s:s, s:i, s:o, s:I, s:I}", "file", job->files[side],
			 "epoch", (json_int_t)routing->epoch, "instance", pack_guid(routing->instance),
			 "engine", routing->engine, "wanted_engine", routing->wanted_engine, "sm_lid", routing->sm_lid,
			 "sm_guid", pack_guid(be64toh(routing->sm_gid.guid)), "ports", (json_int_t)ports,
			 "switches", (json_int_t)switches);
}

static json_t *pack_summary(const struct job *job)
{
	json_t *attributes = json_object();

	for (int i = 0; i < ATTRIBUTES; i++)
		json_object_set_new(attributes, attribute_names[i], json_integer((json_int_t)job->attributes[i]));
	return json_pack("{s:I, s:I, s:I, s:o}", "changed", (json_int_t)job->paths[HF_CHANGE_CHANGED],
			 "lost", (json_int_t)job->paths[HF_CHANGE_LOST],
			 "appeared", (json_int_t)job->paths[HF_CHANGE_APPEARED], "changed_in", attributes);
}

/* The lines may be millions: one after the other, the summary behind them. */
static int print_json(struct job *job)
{
	int err = 0;

	printf("{\"version\":%d", FORMAT_VERSION);
	for (int side = 0; side < SIDES && !err; side++) {
		printf(",\n\"%s\":", side_names[side]);
		err = dump(pack_snapshot(job, side));
	}
	printf(",\n\"same_instance\":%s", job->snapshots[BEFORE]->routing.instance ==
	       job->snapshots[AFTER]->routing.instance ? "true" : "false");
	if (!job->options->is_summary)
		printf(",\n\"changes\":[");
	if (!err)
		err = tell_changes(job);
	printf("%s,\n\"summary\":", job->options->is_summary ? "" : "]");
	if (!err)
		err = dump(pack_summary(job));
	printf("}\n");
	return err;
}

static int compare_files(struct job *job)
{
	int err = job->options->json ? print_json(job) : print_table(job);

	if (err)
		fprintf(stderr, "holdfast: %s\n", strerror(-err));
	else if (fflush(stdout) || ferror(stdout)) {
		err = -EIO;
		fprintf(stderr, "holdfast: the changes cannot be written: %s\n", strerror(errno));
	}
	return err;
}

/* With one registry, so that the snapshots compare. */
static int load_files(struct job *job, struct hf_port_registry *registry)
{
	for (int side = 0; side < SIDES; side++) {
		char *error = NULL;
		int err = hf_snapshot_load(job->files[side], registry, &job->snapshots[side], &error);

		if (err) {
			fprintf(stderr, "holdfast: %s\n", error ? error : strerror(-err));
			free(error);
			return err;
		}
	}
	return 0;
}

static int run_diff(const struct options *options, char **files)
{
	struct job job = { .options = options, .files = { files[BEFORE], files[AFTER] } };
	struct hf_port_registry *registry = hf_port_registry_new();
	int err = registry ? load_files(&job, registry) : -ENOMEM;

	if (!err && options->name_map)
		err = hf_names_load(options->name_map, &job.names);
	if (!err)
		err = compare_files(&job);
	hf_names_free(job.names);
	for (int side = 0; side < SIDES; side++)
		hf_snapshot_free(job.snapshots[side]);
	hf_port_registry_free(registry);
	if (err)
		return EXIT_TROUBLE;
	return count_all(&job) ? EXIT_DIFFERENT : EXIT_SAME;
}

/* What is no unicast LID is a GUID. */
static int parse_filter(const char *name, const char *text, struct filter *ret_filter)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 0);
	if (errno || end == text || *end || !number || *text == '-') {
		fprintf(stderr, "holdfast: %s is \"%s\", must be a LID of 1 to 49151 or a GUID\n", name, text);
		return -EINVAL;
	}
	*ret_filter = (struct filter) { 0 };
	if (number < 0xc000)
		ret_filter->lid = number;
	else
		ret_filter->guid = number;
	return 0;
}

static void print_usage(FILE *out)
{
	fprintf(out, "usage: holdfast diff [--json] [--summary] [--from PORT] [--to PORT] [--port PORT]\n"
		"                     [--node-name-map FILE] BEFORE AFTER\n");
}

static const struct option long_options[] = {
	{ "from", required_argument, NULL, 'f' }, { "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' }, { "node-name-map", required_argument, NULL, 'n' },
	{ "port", required_argument, NULL, 'p' }, { "summary", no_argument, NULL, 's' },
	{ "to", required_argument, NULL, 't' }, { NULL, 0, NULL, 0 },
};

int hf_command_diff(int argc, char **argv)
{
	struct options options = { .json = false };
	int option, err = 0;

	while ((option = getopt_long(argc, argv, "f:hjn:p:st:", long_options, NULL)) >= 0) {
		switch (option) {
		case 'f':
			err = parse_filter("--from", optarg, &options.from);
			break;
		case 'h':
			print_usage(stdout);
			return EXIT_SAME;
		case 'j':
			options.json = true;
			break;
		case 'n':
			options.name_map = optarg;
			break;
		case 'p':
			err = parse_filter("--port", optarg, &options.port);
			break;
		case 's':
			options.is_summary = true;
			break;
		case 't':
			err = parse_filter("--to", optarg, &options.to);
			break;
		default:
			print_usage(stderr);
			return EXIT_TROUBLE;
		}
		if (err)
			return EXIT_TROUBLE;
	}
	if (argc - optind != SIDES) {
		fprintf(stderr, "holdfast: diff takes two files\n");
		print_usage(stderr);
		return EXIT_TROUBLE;
	}
	return run_diff(&options, &argv[optind]);
}
