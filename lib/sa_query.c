/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/sa_client_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/gid.h"
#include "lib/log.h"
#include "lib/sa_table.h"

#define QUERY_TIMEOUT_MAX_MS	60000
#define PATHS_PER_PAIR		1
#define BAD_DELTAS_MAX		3	/* in a row: then records are asked for */

static const char *const query_state_names[] = {
	[HF_SA_QUERY_IDLE] = "idle",
	[HF_SA_QUERY_RUNNING] = "running",
	[HF_SA_QUERY_STALE] = "stale",
	[HF_SA_QUERY_BACKING_OFF] = "backing-off",
};

static const char *const query_event_names[] = {
	[HF_SA_QUERY_WANTED] = "wanted", [HF_SA_QUERY_DONE] = "done",	  [HF_SA_QUERY_FAILED] = "failed",
	[HF_SA_QUERY_TIMER] = "timer",	 [HF_SA_QUERY_CANCEL] = "cancel",
};

static const char *const answer_names[] = {
	[HF_SA_ANSWER_RECORDS] = "records",
	[HF_SA_ANSWER_DELTA] = "delta",
	[HF_SA_ANSWER_WHOLE] = "whole",
	[HF_SA_ANSWER_KNOWN] = "known",
};

/* The first try waits query_timeout_ms, each further one twice as long: a big table may just need it. */
static int query_timeout_ms(const struct hf_sa_client *client)
{
	int timeout_ms = client->config.query_timeout_ms;

	for (unsigned int i = 0; i < client->query_failures && timeout_ms < QUERY_TIMEOUT_MAX_MS; i++)
		timeout_ms *= 2;
	return timeout_ms < QUERY_TIMEOUT_MAX_MS ? timeout_ms : QUERY_TIMEOUT_MAX_MS;
}

/* In fields that COMP_MASK does not select: an SA that knows nothing of this does not look at them. */
static void put_held(const struct hf_sa_client *client, struct hf_path_record *path)
{
	const struct hf_delta_held held = {
		.instance = htobe64(client->held.instance),
		.epoch = htobe64(client->held.epoch),
	};

	if (client->wants_records)
		return;
	path->service_id = htobe64(HF_DELTA_SERVICE_ID);
	if (!client->wants_whole)
		memcpy(&path->dgid, &held, sizeof(held));
}

static void send_query(struct hf_sa_client *client, uint64_t now_ns)
{
	int timeout_ms = query_timeout_ms(client);
	struct hf_sa_mad mad;
	struct hf_path_record *path = (struct hf_path_record *)mad.data;
	int err;

	hf_sa_mad_init(&mad, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD, 0);
	mad.comp_mask = htobe64(HF_PR_COMP_SGID | HF_PR_COMP_NUMB_PATH);
	path->sgid = client->port.gid;
	path->num_path = PATHS_PER_PAIR;
	put_held(client, path);
	client->is_overtaken = false;
	client->query_deadline_ns = now_ns + (timeout_ms + LOCAL_SLACK_MS) * MS;
	err = hf__sa_send_request(client, now_ns, &client->query, &mad, timeout_ms, 0);
	if (err) {
		hf__sa_fail_query(client, now_ns, err);
		return;
	}
	client->counters.queries++;
	client->ops->query_sent(client->ctx, client->query.tid);
}

static void end_query(struct hf_sa_client *client, uint64_t now_ns)
{
	(void)now_ns;
	client->query.is_outstanding = false;
	client->query_failures = 0;
	client->query_deadline_ns = NEVER;
}

static void repeat_query(struct hf_sa_client *client, uint64_t now_ns)
{
	end_query(client, now_ns);
	send_query(client, now_ns);
}

static void back_off_query(struct hf_sa_client *client, uint64_t now_ns)
{
	client->query.is_outstanding = false;
	client->query_failures++;
	client->counters.queries_failed++;
	client->query_deadline_ns = now_ns + hf__sa_back_off_ns(client, client->query_failures);
	hf_log(HF_LOG_WARN, "port %s: the query for the path records failed (%s); next try in %u ms",
	       hf_gid_format(&client->port.gid).text, strerror(-client->query_error),
	       (unsigned int)((client->query_deadline_ns - now_ns) / MS));
	client->ops->query_failed(client->ctx, client->query_error);
}

static void time_out_query(struct hf_sa_client *client, uint64_t now_ns)
{
	client->query_error = -ETIMEDOUT;
	back_off_query(client, now_ns);
}

struct query_transition {
	bool exists;
	enum hf_sa_query_state next;
	void (*action)(struct hf_sa_client *client, uint64_t now_ns);
};

#define QUERY_TO(state_, action_) { .exists = true, .next = HF_SA_QUERY_##state_, .action = action_ }

static const struct query_transition query_transitions[HF_SA_QUERY_STATE_COUNT][HF_SA_QUERY_EVENT_COUNT] = {
	[HF_SA_QUERY_IDLE] = {
		[HF_SA_QUERY_WANTED] = QUERY_TO(RUNNING, send_query),
		[HF_SA_QUERY_CANCEL] = QUERY_TO(IDLE, end_query),
	},
	[HF_SA_QUERY_RUNNING] = {
		[HF_SA_QUERY_WANTED] = QUERY_TO(STALE, NULL),
		[HF_SA_QUERY_DONE] = QUERY_TO(IDLE, end_query),
		[HF_SA_QUERY_FAILED] = QUERY_TO(BACKING_OFF, back_off_query),
		[HF_SA_QUERY_TIMER] = QUERY_TO(BACKING_OFF, time_out_query),
		[HF_SA_QUERY_CANCEL] = QUERY_TO(IDLE, end_query),
	},
	[HF_SA_QUERY_STALE] = {
		[HF_SA_QUERY_WANTED] = QUERY_TO(STALE, NULL),
		[HF_SA_QUERY_DONE] = QUERY_TO(RUNNING, repeat_query),
		[HF_SA_QUERY_FAILED] = QUERY_TO(BACKING_OFF, back_off_query),
		[HF_SA_QUERY_TIMER] = QUERY_TO(BACKING_OFF, time_out_query),
		[HF_SA_QUERY_CANCEL] = QUERY_TO(IDLE, end_query),
	},
	[HF_SA_QUERY_BACKING_OFF] = {
		/* What asks for it shows that the SM is alive. */
		[HF_SA_QUERY_WANTED] = QUERY_TO(RUNNING, send_query),
		[HF_SA_QUERY_TIMER] = QUERY_TO(RUNNING, send_query),
		[HF_SA_QUERY_CANCEL] = QUERY_TO(IDLE, end_query),
	},
};

/* The one place that changes the query's state. */
void hf__sa_step_query(struct hf_sa_client *client, uint64_t now_ns, enum hf_sa_query_event event)
{
	const struct query_transition *transition = &query_transitions[client->query_state][event];
	enum hf_sa_query_state old = client->query_state;

	if (!transition->exists) {
		hf_log(HF_LOG_ERROR, "port %s: no transition of the query from %s on %s; please report this",
		       hf_gid_format(&client->port.gid).text, query_state_names[old], query_event_names[event]);
		return;
	}
	client->query_state = transition->next;
	if (old != client->query_state)
		hf_log(HF_LOG_DEBUG, "port %s: query %s -> %s on %s", hf_gid_format(&client->port.gid).text,
		       query_state_names[old], query_state_names[client->query_state], query_event_names[event]);
	if (transition->action)
		transition->action(client, now_ns);
}

/* A table on its way may be older than what a trap just said and come in after it. */
void hf__sa_outdate_query(struct hf_sa_client *client, uint64_t now_ns)
{
	if (client->query_state == HF_SA_QUERY_RUNNING)
		hf__sa_step_query(client, now_ns, HF_SA_QUERY_WANTED);
}

void hf__sa_fail_query(struct hf_sa_client *client, uint64_t now_ns, int err)
{
	client->query_error = err;
	hf__sa_step_query(client, now_ns, HF_SA_QUERY_FAILED);
}

static void hand_out_table(struct hf_sa_client *client, const struct hf_sa_table *table)
{
	size_t own = 0;

	client->ops->table_begin(client->ctx);
	for (size_t i = 0; i < table->count; i++) {
		const struct hf_path_record *path = hf_sa_table_record(table, i);

		if (!hf__sa_is_own(client, path))
			continue;
		own++;
		client->ops->table_path(client->ctx, path);
	}
	client->ops->table_end(client->ctx);
	client->counters.records += own;
	if (own < table->count) {
		client->counters.records_refused += table->count - own;
		hf_log(HF_LOG_WARN, "port %s: %zu of %zu path records from the SM start at another port: ignored",
		       hf_gid_format(&client->port.gid).text, table->count - own, table->count);
	}
}

/*
 * A Report that was taken while the query ran may be newer than the records, which do not say of when they are: they
 * are asked for again.
 */
static void take_records(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_table *table)
{
	const struct hf_sa_query_done done = {
		.answer = HF_SA_ANSWER_RECORDS,
		.records = table->count,
		.bytes = table->count * table->stride,
		.duration_ns = now_ns - client->query.sent_ns,
	};

	hf__sa_forget_held(client);
	client->bad_deltas = 0;
	client->counters.whole_tables++;
	client->ops->query_done(client->ctx, &done);
	hand_out_table(client, table);
	if (client->is_overtaken)
		hf__sa_outdate_query(client, now_ns);
	hf__sa_step_query(client, now_ns, HF_SA_QUERY_DONE);
}

/* A port always has at least the path to itself: an empty table comes from an SM that has not finished. */
static void take_table(struct hf_sa_client *client, uint64_t now_ns, const void *mad, size_t len)
{
	struct hf_sa_table table;

	if (hf_sa_table_parse(mad, len, sizeof(struct hf_path_record), &table)) {
		hf_log(HF_LOG_WARN, "port %s: a table of %zu bytes with attribute offset %u is none",
		       hf_gid_format(&client->port.gid).text, len,
		       be16toh(((const struct hf_sa_mad *)mad)->attr_offset));
		hf__sa_fail_query(client, now_ns, -EBADMSG);
		return;
	}
	if (table.count == 0) {
		hf__sa_fail_query(client, now_ns, -ENOENT);
		return;
	}
	take_records(client, now_ns, &table);
}

/* What is held keeps its name, and the whole is asked for after a while. */
static void refuse_delta(struct hf_sa_client *client, uint64_t now_ns, const char *why, int err)
{
	client->counters.deltas_refused++;
	client->wants_whole = true;
	client->bad_deltas++;
	if (client->bad_deltas >= BAD_DELTAS_MAX)
		client->wants_records = true;
	hf_log(HF_LOG_WARN, "port %s: a delta from the SM at LID %u %s; asking for %s",
	       hf_gid_format(&client->port.gid).text, client->port.sm_lid, why,
	       client->wants_records ? "path records" : "the whole table");
	hf__sa_fail_query(client, now_ns, err);
}

static void note_answer(struct hf_sa_client *client, uint64_t now_ns, enum hf_sa_answer kind,
			const struct hf_sa_delta_answer *answer)
{
	const struct hf_sa_query_done done = {
		.answer = kind,
		.changes = answer->delta.changes,
		.bytes = answer->bytes,
		.duration_ns = now_ns - client->query.sent_ns,
	};

	client->ops->query_done(client->ctx, &done);
}

/* The answer leads on from what is held, or is whole. */
static void take_good_delta(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_delta_answer *answer)
{
	bool is_whole = answer->delta.is_whole;
	int err;

	note_answer(client, now_ns, is_whole ? HF_SA_ANSWER_WHOLE : HF_SA_ANSWER_DELTA, answer);
	err = hf__sa_hand_out_delta(client, &answer->delta, answer->body, answer->body_length);
	if (err == -ESTALE && is_whole) {
		refuse_delta(client, now_ns, "contradicts itself", err);
		return;
	}
	if (err) {
		hf__sa_fail_query(client, now_ns, err);
		return;
	}
	if (client->held.instance != answer->instance)
		hf_log(HF_LOG_INFO, "port %s: paths are those of instance 0x%016" PRIx64 " from epoch %" PRIu64 " on",
		       hf_gid_format(&client->port.gid).text, answer->instance, answer->epoch);
	client->held = (struct hf_sa_held){ answer->instance, answer->epoch };
	client->unnamed_checks = 0;
	client->bad_deltas = 0;
	if (is_whole) {
		client->wants_whole = false;
		client->counters.whole_tables++;
	} else {
		client->counters.deltas++;
	}
	hf__sa_step_query(client, now_ns, HF_SA_QUERY_DONE);
}

/* Doc/protocol.md, "What the host does". */
static void take_delta(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_delta_answer *answer)
{
	const struct hf_sa_held *held = &client->held;
	bool is_same = answer->instance == held->instance;

	if (is_same && held->epoch > answer->epoch) {
		if (client->wants_whole) {
			hf__sa_fail_query(client, now_ns, -EAGAIN);
			return;
		}
		note_answer(client, now_ns, HF_SA_ANSWER_KNOWN, answer);
		hf__sa_step_query(client, now_ns, HF_SA_QUERY_DONE);
	} else if (answer->delta.is_whole && answer->counts.paths == 0) {
		hf__sa_fail_query(client, now_ns, -ENOENT);
	} else if (answer->delta.is_whole || (is_same && answer->base <= held->epoch)) {
		take_good_delta(client, now_ns, answer);
	} else {
		refuse_delta(client, now_ns, "does not lead on from the table held", -EPROTO);
	}
}

/* A version that we do not know: we ask as one who knows none, until we subscribe anew. */
static void refuse_version(struct hf_sa_client *client, uint64_t now_ns, unsigned int version)
{
	client->wants_records = true;
	hf_log(HF_LOG_WARN, "port %s: the SM at LID %u sends deltas of version %u, newer than this program knows (%u); "
	       "asking for path records", hf_gid_format(&client->port.gid).text, client->port.sm_lid, version,
	       HF_DELTA_VERSION);
	hf__sa_fail_query(client, now_ns, -EPROTONOSUPPORT);
}

static void take_delta_answer(struct hf_sa_client *client, uint64_t now_ns, const uint8_t *data, size_t bytes)
{
	struct hf_sa_delta_answer answer;
	int err = hf__sa_parse_delta(data, bytes, &answer);

	if (err == -EPROTONOSUPPORT)
		refuse_version(client, now_ns, answer.version);
	else if (err)
		refuse_delta(client, now_ns, "is none", err);
	else
		take_delta(client, now_ns, &answer);
}

void hf__sa_take_query_answer(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_addr *from,
			      const void *mad, size_t len)
{
	const struct hf_sa_mad *headers = mad;
	size_t bytes = len - offsetof(struct hf_sa_mad, data);

	if (be16toh(headers->hdr.attr_id) != HF_ATTR_PATH_RECORD) {
		hf__sa_drop(client, "another attribute than asked for", from, &headers->hdr);
		return;
	}
	if (be16toh(headers->hdr.status)) {
		hf_log(HF_LOG_WARN, "port %s: the SM at LID %u answered the query with status 0x%04x",
		       hf_gid_format(&client->port.gid).text, from->lid, be16toh(headers->hdr.status));
		hf__sa_fail_query(client, now_ns, -EREMOTEIO);
		return;
	}
	if (bytes > 0 && be16toh(headers->attr_offset) == HF_DELTA_ATTR_OFFSET)
		take_delta_answer(client, now_ns, headers->data, bytes);
	else
		take_table(client, now_ns, mad, len);
}

const char *hf_sa_query_state_name(enum hf_sa_query_state state)
{
	return query_state_names[state];
}

const char *hf_sa_answer_name(enum hf_sa_answer answer)
{
	return answer_names[answer];
}
