/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_stale.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX	20
#define SELECTOR_BITS	6	/* saquery prints MTU, rate and packet life with their selectors */

/* The fields of a record in saquery's words. */
enum {
	FIELD_SGID,
	FIELD_DGID,
	FIELD_SLID,
	FIELD_DLID,
	FIELD_PKEY,
	FIELD_SL,
	FIELD_MTU,
	FIELD_RATE,
	FIELD_PKT_LIFE,
	N_FIELDS,
};

#define ALL_FIELDS	((1u << N_FIELDS) - 1)

static const char *const field_names[N_FIELDS] = {
	[FIELD_SGID] = "sgid",
	[FIELD_DGID] = "dgid",
	[FIELD_SLID] = "slid",
	[FIELD_DLID] = "dlid",
	[FIELD_PKEY] = "pkey",
	[FIELD_SL] = "sl",
	[FIELD_MTU] = "mtu",
	[FIELD_RATE] = "rate",
	[FIELD_PKT_LIFE] = "pkt_life",
};

/* "\t\tsl......................0x1" */
static int find_field(const char *line, const char **ret_value)
{
	const char *name = line + strspn(line, "\t ");
	size_t length = strcspn(name, ".\n");

	*ret_value = name + length + strspn(name + length, ".");
	for (int i = 0; i < N_FIELDS; i++)
		if (strlen(field_names[i]) == length && memcmp(field_names[i], name, length) == 0)
			return i;
	return -1;
}

static int read_guid(const char *text, uint64_t *ret_guid)
{
	char gid_text[INET6_ADDRSTRLEN] = "";
	union hf_gid gid;

	sscanf(text, "%45s", gid_text);
	if (inet_pton(AF_INET6, gid_text, gid.raw) != 1)
		return -EPROTO;
	*ret_guid = be64toh(gid.guid);
	return 0;
}

static int read_number(const char *text, unsigned long max, unsigned long *ret_number)
{
	char *end;

	*ret_number = strtoul(text, &end, 0);
	return end != text && *ret_number <= max ? 0 : -EPROTO;
}

static int take_field(struct hf_path_item *item, int field, const char *text)
{
	unsigned long number = 0, code_mask = (1ul << SELECTOR_BITS) - 1;
	int err = 0;

	switch (field) {
	case FIELD_SGID:
		return read_guid(text, &item->pair.sguid);
	case FIELD_DGID:
		return read_guid(text, &item->pair.dguid);
	case FIELD_SL:
		err = read_number(text, 15, &number);
		item->sls = err ? 0 : 1u << number;
		return err;
	default:
		break;
	}
	err = read_number(text, UINT16_MAX, &number);
	if (field == FIELD_SLID)
		item->slid = number;
	else if (field == FIELD_DLID)
		item->dlid = number;
	else if (field == FIELD_PKEY)
		item->pkey = number;
	else if (field == FIELD_MTU)
		item->mtu = number & code_mask;
	else if (field == FIELD_RATE)
		item->rate = number & code_mask;
	else
		item->pkt_life = number & code_mask;
	return err;
}

int hf_stale_read_saquery(FILE *in, struct hf_path_set *set)
{
	struct hf_path_item item = { 0 };
	unsigned int seen = ALL_FIELDS;
	char *line = NULL;
	size_t room = 0;
	int err = 0;

	while (!err && getline(&line, &room, in) >= 0) {
		const char *value;
		int field = find_field(line, &value);

		if (strncmp(line, "PathRecord dump", strlen("PathRecord dump")) == 0) {
			err = seen == ALL_FIELDS ? 0 : -EPROTO;
			item = (struct hf_path_item){ 0 };
			seen = 0;
		} else if (field >= 0 && seen != ALL_FIELDS) {
			err = take_field(&item, field, value);
			seen |= 1u << field;
			if (!err && seen == ALL_FIELDS)
				err = hf_path_set_add_item(set, &item);
		}
	}
	free(line);
	return err || seen == ALL_FIELDS ? err : -EPROTO;
}

static int get_number(const json_t *object, const char *name, json_int_t max, json_int_t *ret_number)
{
	const json_t *number = json_object_get(object, name);

	*ret_number = json_integer_value(number);
	return json_is_integer(number) && *ret_number >= 0 && *ret_number <= max ? 0 : -EPROTO;
}

static int get_guid(const json_t *object, const char *name, uint64_t *ret_guid)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? read_guid(text, ret_guid) : -EPROTO;
}

static int parse_held(const json_t *json, struct hf_path_item *ret_item)
{
	json_int_t slid, dlid, sl, mtu, rate, pkt_life, pkey;
	uint64_t dguid;

	if (get_guid(json, "dgid", &dguid) || get_number(json, "slid", 0xffff, &slid) ||
	    get_number(json, "dlid", 0xffff, &dlid) || get_number(json, "sl", 15, &sl) ||
	    get_number(json, "mtu", 63, &mtu) || get_number(json, "rate", 63, &rate) ||
	    get_number(json, "pkt_life", 63, &pkt_life) || get_number(json, "pkey", 0xffff, &pkey) ||
	    !json_is_boolean(json_object_get(json, "reachable")))
		return -EPROTO;
	*ret_item = (struct hf_path_item){
		.pair.dguid = dguid, .slid = slid, .dlid = dlid, .sls = 1u << sl, .mtu = mtu, .rate = rate,
		.pkt_life = pkt_life, .pkey = pkey,
	};
	return 0;
}

/* A dictionary of GIDs by port, as "paths" names ports. */
static json_t *index_ports(const json_t *status)
{
	json_t *ports = json_object();
	const json_t *port;
	size_t i;

	json_array_foreach(json_object_get(status, "status"), i, port) {
		const char *id = json_string_value(json_object_get(port, "port"));

		if (id)
			json_object_set(ports, id, json_object_get(port, "gid"));
	}
	return ports;
}

int hf_stale_add_held(const json_t *status, const json_t *paths, struct hf_path_set *held)
{
	const json_t *list = json_object_get(paths, "paths"), *path;
	json_t *ports = index_ports(status);
	int err = json_is_array(list) ? 0 : -EPROTO;
	size_t i;

	json_array_foreach(list, i, path) {
		const char *port = json_string_value(json_object_get(path, "port"));
		struct hf_path_item item;

		if (err)
			break;
		err = port ? parse_held(path, &item) : -EPROTO;
		if (!err)
			err = get_guid(ports, port, &item.pair.sguid);
		if (!err && json_is_true(json_object_get(path, "reachable")))
			err = hf_path_set_add_item(held, &item);
	}
	json_decref(ports);
	return err;
}

static int compare_guids(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static const char *name_of(const struct hf_topology *topology, uint64_t guid, char text[24])
{
	for (unsigned int i = 0; i < topology->node_count; i++)
		for (unsigned int port = 0; port <= topology->nodes[i]->port_count; port++)
			if (topology->nodes[i]->ports[port].guid == guid)
				return topology->nodes[i]->name;
	snprintf(text, 24, "0x%016" PRIx64, guid);
	return text;
}

static void describe_items(const struct hf_path_item *items, size_t count, FILE *out)
{
	if (count == 0)
		fprintf(out, "no path");
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%sSLID %u DLID %u SLs 0x%x MTU %u rate %u life %u P_Key 0x%x", i > 0 ? ", " : "",
			items[i].slid, items[i].dlid, items[i].sls, items[i].mtu, items[i].rate, items[i].pkt_life,
			items[i].pkey);
}

/* The records of one pair on either side. */
struct difference {
	const struct hf_path_item *said, *held;
	size_t n_said, n_held;
};

static void describe(const struct hf_topology *topology, const struct difference *difference, json_t *texts)
{
	const struct hf_pair *pair = difference->n_said ? &difference->said->pair : &difference->held->pair;
	char names[2][24], *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return;
	fprintf(out, "%s to %s: the host holds ", name_of(topology, pair->sguid, names[0]),
		name_of(topology, pair->dguid, names[1]));
	describe_items(difference->held, difference->n_held, out);
	fprintf(out, "; the SA says ");
	describe_items(difference->said, difference->n_said, out);
	fclose(out);
	json_array_append_new(texts, json_string(text));
	free(text);
}

/* A host keeps one of the records that the SA has for a pair (LMC), and one of the SLs. */
static bool is_equal(const struct difference *difference)
{
	const struct hf_path_item *held = difference->held;

	if (difference->n_said == 0 || difference->n_held == 0)
		return difference->n_said == difference->n_held;
	for (size_t i = 0; i < difference->n_said; i++) {
		const struct hf_path_item *said = &difference->said[i];

		if (said->slid == held->slid && said->dlid == held->dlid && said->mtu == held->mtu &&
		    said->rate == held->rate && said->pkt_life == held->pkt_life && said->pkey == held->pkey &&
		    (said->sls & held->sls) == held->sls)
			return true;
	}
	return false;
}

/* How many items from an index on are of the same pair. */
static size_t count_pair(const struct hf_path_set *set, size_t from)
{
	size_t end = from;

	while (end < set->count && hf_pair_compare(&set->items[from].pair, &set->items[end].pair) == 0)
		end++;
	return end - from;
}

static int judge(const struct hf_topology *topology, const uint64_t *guids, size_t n_guids,
		 const struct hf_path_set *said, const struct hf_path_set *held, size_t *ret_count, json_t *texts)
{
	size_t i = 0, j = 0, count = 0;

	while (i < said->count || j < held->count) {
		int order = i == said->count ? 1 : j == held->count ? -1 :
			    hf_pair_compare(&said->items[i].pair, &held->items[j].pair);
		struct difference difference = {
			.said = &said->items[i], .n_said = order <= 0 ? count_pair(said, i) : 0,
			.held = &held->items[j], .n_held = order >= 0 ? count_pair(held, j) : 0,
		};
		uint64_t sguid = order <= 0 ? difference.said->pair.sguid : difference.held->pair.sguid;

		if (!is_equal(&difference) &&
		    bsearch(&sguid, guids, n_guids, sizeof(*guids), compare_guids)) {
			if (count++ < TEXTS_MAX)
				describe(topology, &difference, texts);
		}
		i += difference.n_said;
		j += difference.n_held;
	}
	*ret_count = count;
	return 0;
}

int hf_stale_judge(const struct hf_topology *topology, const uint64_t *guids, size_t n_guids,
		   const struct hf_path_set *said, const struct hf_path_set *held, size_t *ret_count,
		   json_t **ret_texts)
{
	uint64_t *sorted = calloc(n_guids + 1, sizeof(*sorted));
	json_t *texts = json_array();
	int err = sorted && texts ? 0 : -ENOMEM;

	if (!err) {
		memcpy(sorted, guids, n_guids * sizeof(*sorted));
		qsort(sorted, n_guids, sizeof(*sorted), compare_guids);
		err = judge(topology, sorted, n_guids, said, held, ret_count, texts);
	}
	free(sorted);
	if (err)
		json_decref(texts);
	else
		*ret_texts = texts;
	return err;
}
