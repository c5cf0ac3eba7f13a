/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_judge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"

static int get_number(const json_t *object, const char *name, json_int_t max, json_int_t *ret_number)
{
	const json_t *number = json_object_get(object, name);

	*ret_number = json_integer_value(number);
	return json_is_integer(number) && *ret_number >= 0 && *ret_number <= max ? 0 : -EPROTO;
}

static int parse_use(const json_t *json, struct hf_use *ret_use)
{
	const char *dgid = json_string_value(json_object_get(json, "dgid"));
	json_int_t qpn, slid, dlid, sl, mtu, rate;
	union hf_gid gid;

	if (!dgid || inet_pton(AF_INET6, dgid, gid.raw) != 1 || get_number(json, "qpn", 0xffffff, &qpn) ||
	    get_number(json, "slid", 0xffff, &slid) || get_number(json, "dlid", 0xffff, &dlid) ||
	    get_number(json, "sl", 15, &sl) || get_number(json, "mtu", 63, &mtu) ||
	    get_number(json, "rate", 63, &rate))
		return -EPROTO;
	*ret_use = (struct hf_use){
		.qpn = qpn, .slid = slid, .dlid = dlid, .sl = sl, .mtu = mtu, .rate = rate,
		.dest_guid = be64toh(gid.guid), .is_lost = json_is_true(json_object_get(json, "path_lost")),
		.is_program = json_object_get(json, "program") != NULL,
	};
	return 0;
}

int hf_uses_parse(const json_t *connections, struct hf_uses *ret_uses)
{
	struct hf_uses uses = { .list = calloc(json_array_size(connections) + 1, sizeof(*uses.list)) };
	const json_t *json;
	size_t i;

	if (!uses.list)
		return -ENOMEM;
	json_array_foreach(connections, i, json) {
		struct hf_use use;

		if (parse_use(json, &use)) {
			free(uses.list);
			return -EPROTO;
		}
		if (use.dlid != 0)
			uses.list[uses.count++] = use;
	}
	*ret_uses = uses;
	return 0;
}

/* Where the connection should lead, for people. */
static json_t *describe(const struct hf_tables *tables, const struct hf_use *use, const char *what)
{
	const struct hf_table_port *from = hf_tables_find_lid(tables, use->slid);
	const struct hf_table_port *to = hf_tables_find_guid(tables, use->dest_guid);

	return json_sprintf("%s to %s (QPN 0x%" PRIx32 "): %s", from ? from->name : "?", to ? to->name : "?", use->qpn,
			    what);
}

/* Appends "SL 0, the SM says 1" and the like. */
static void append_difference(char *text, size_t size, const char *name, unsigned int used, unsigned int said)
{
	size_t length = strlen(text);

	if (used != said)
		snprintf(text + length, size - length, "%s%s %u, the SM says %u", length ? "; " : "", name, used, said);
}

/* The differences as text, empty where there are none. */
static void compare(const struct hf_tables *tables, const struct hf_use *use, char *text, size_t size)
{
	const struct hf_table_port *to = hf_tables_find_guid(tables, use->dest_guid);
	const struct hf_table_path *path = to ? hf_tables_find_path(tables, use->slid, to->lid) : NULL;

	text[0] = '\0';
	if (!hf_tables_find_lid(tables, use->slid))
		return;		/* its host has been cut off: nobody can tell it anything */
	if (!path) {
		snprintf(text, size, "%s", use->is_lost ? "" : "in use, but the SM has no path");
	} else if (use->is_lost) {
		snprintf(text, size, "believed lost, but the SM has a path");
	} else {
		append_difference(text, size, "DLID", use->dlid, path->dlid);
		append_difference(text, size, "SL", use->sl, path->sl);
		/* A program may use less than the path can do, and say 0 for as fast as can be. */
		if (!use->is_program || use->mtu > path->mtu)
			append_difference(text, size, "MTU", use->mtu, path->mtu);
		if (!use->is_program || (use->rate && path->rate < use->rate))
			append_difference(text, size, "rate", use->rate, path->rate);
	}
}

int hf_judge_stale(const struct hf_tables *tables, const struct hf_uses *uses, size_t *ret_count, json_t **ret_texts)
{
	json_t *texts = json_array();

	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < uses->count; i++) {
		char text[256];

		compare(tables, &uses->list[i], text, sizeof(text));
		if (text[0] != '\0' && json_array_append_new(texts, describe(tables, &uses->list[i], text)) < 0) {
			json_decref(texts);
			return -ENOMEM;
		}
	}
	*ret_count = json_array_size(texts);
	*ret_texts = texts;
	return 0;
}

static json_t *pack_cycles(const struct hf_creditloop_result *result)
{
	json_t *texts = json_array();

	for (size_t i = 0; i < result->cycle_count; i++) {
		char *text = hf_creditloop_cycle_text(&result->cycles[i]);

		json_array_append_new(texts, json_string(text ? text : "?"));
		free(text);
	}
	return texts;
}

int hf_judge_loops(const struct hf_tables *tables, const struct hf_uses *uses, size_t *ret_count, json_t **ret_texts)
{
	struct hf_creditloop_flow *flows = calloc(uses->count + 1, sizeof(*flows));
	struct hf_creditloop_result *result;
	int err;

	if (!flows)
		return -ENOMEM;
	for (size_t i = 0; i < uses->count; i++)
		flows[i] = (struct hf_creditloop_flow){
			.slid = uses->list[i].slid, .dlid = uses->list[i].dlid, .sl = uses->list[i].sl,
		};
	err = hf_creditloop_check(tables->check, flows, uses->count, &result);
	free(flows);
	if (err)
		return err;
	*ret_count = result->cycle_count;
	*ret_texts = pack_cycles(result);
	hf_creditloop_result_free(result);
	return *ret_texts ? 0 : -ENOMEM;
}
