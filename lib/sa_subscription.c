/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/sa_client_impl.h"

#include <string.h>

#include "lib/gid.h"
#include "lib/log.h"
#include "lib/sa_table.h"

#define CHECK_RETRIES		2	/* a lost MAD is no sign of a lost subscription */
#define UNNAMED_CHECKS_MAX	64	/* at every so many checks at least an SM that sends records is asked */

/* In this order they are subscribed to: without trap 69 the host would be deaf. */
static const uint16_t traps[] = { HF_TRAP_REPATH, HF_TRAP_UNPATH };

#define TRAP_COUNT (sizeof(traps) / sizeof(traps[0]))

static const char *const state_names[] = {
	[HF_SA_NO_SM] = "no-sm",
	[HF_SA_SUBSCRIBING] = "subscribing",
	[HF_SA_BACKING_OFF] = "backing-off",
	[HF_SA_SUBSCRIBED] = "subscribed",
	[HF_SA_CHECKING] = "checking",
	[HF_SA_UNSUBSCRIBING] = "unsubscribing",
	[HF_SA_STOPPED] = "stopped",
};

static const char *const event_names[] = {
	[HF_SA_SM_FOUND] = "sm-found",	 [HF_SA_SM_LOST] = "sm-lost",	  [HF_SA_ANSWERED] = "answered",
	[HF_SA_COMPLETED] = "completed", [HF_SA_FAILED] = "failed",	  [HF_SA_FORGOTTEN] = "forgotten",
	[HF_SA_TIMER] = "timer",	 [HF_SA_STOP] = "stop",
};

/* Sends a request of the subscription's machine; failing to send it is an event like its timeout. */
static void start_request(struct hf_sa_client *client, uint64_t now_ns, struct hf_sa_mad *mad, int retries)
{
	int timeout_ms = client->config.request_timeout_ms;
	int err;

	client->deadline_ns = now_ns + (timeout_ms * (1 + retries) + LOCAL_SLACK_MS) * MS;
	err = hf__sa_send_request(client, now_ns, &client->request, mad, timeout_ms, retries);
	if (err)
		hf__sa_step(client, now_ns, HF_SA_FAILED);
}

static void send_inform_info(struct hf_sa_client *client, uint64_t now_ns)
{
	bool subscribe = client->state == HF_SA_SUBSCRIBING;
	struct hf_sa_mad mad;

	hf_sa_mad_init(&mad, HF_METHOD_SET, HF_ATTR_INFORM_INFO, 0);
	hf_inform_info_init((struct hf_inform_info *)mad.data, traps[client->trap_index], subscribe);
	start_request(client, now_ns, &mad, 0);
}

static void inform_first(struct hf_sa_client *client, uint64_t now_ns)
{
	hf__sa_step_query(client, now_ns, HF_SA_QUERY_CANCEL);
	client->trap_index = 0;
	send_inform_info(client, now_ns);
}

static void inform_next(struct hf_sa_client *client, uint64_t now_ns)
{
	client->trap_index++;
	send_inform_info(client, now_ns);
}

/* The SM may be another than before. */
static void subscribe_anew(struct hf_sa_client *client, uint64_t now_ns)
{
	client->wants_records = false;
	client->bad_deltas = 0;
	client->unnamed_checks = 0;
	inform_first(client, now_ns);
}

static void schedule_check(struct hf_sa_client *client, uint64_t now_ns)
{
	client->failures = 0;
	client->deadline_ns = now_ns + client->config.check_interval_ms * MS;
}

/*
 * A table without a name may come from before the first announcement, whose Report did not arrive. It may also be that
 * of an SM that knows no deltas and sends all its records each time: that is asked ever more seldom.
 */
static bool is_unnamed_due(struct hf_sa_client *client)
{
	unsigned int checks = ++client->unnamed_checks;

	return (checks & (checks - 1)) == 0 || checks % UNNAMED_CHECKS_MAX == 0;
}

/*
 * The SM knows us, yet the last Report may not have arrived, and no other shows that: it is asked. A query on its way
 * will do.
 */
static void end_check(struct hf_sa_client *client, uint64_t now_ns)
{
	schedule_check(client, now_ns);
	if ((client->held.instance || is_unnamed_due(client)) && client->query_state == HF_SA_QUERY_IDLE)
		hf__sa_step_query(client, now_ns, HF_SA_QUERY_WANTED);
}

/* Changes made before the subscription were not reported to us: the table is asked for behind it. */
static void begin_listening(struct hf_sa_client *client, uint64_t now_ns)
{
	schedule_check(client, now_ns);
	hf__sa_step_query(client, now_ns, HF_SA_QUERY_WANTED);
}

static void send_check(struct hf_sa_client *client, uint64_t now_ns)
{
	struct hf_sa_mad mad;

	hf_sa_mad_init(&mad, HF_METHOD_GET_TABLE, HF_ATTR_INFORM_INFO_RECORD, 0);
	mad.comp_mask = htobe64(HF_IIR_COMP_SUBSCRIBER_GID);
	((struct hf_inform_info_record *)mad.data)->subscriber_gid = client->port.gid;
	start_request(client, now_ns, &mad, CHECK_RETRIES);
}

static void back_off(struct hf_sa_client *client, uint64_t now_ns)
{
	client->request.is_outstanding = false;
	client->failures++;
	client->deadline_ns = now_ns + hf__sa_back_off_ns(client, client->failures);
	hf_log(HF_LOG_WARN, "port %s: the SM at LID %u did not accept the subscription to trap %u; next try in %u ms",
	       hf_gid_format(&client->port.gid).text, client->port.sm_lid, traps[client->trap_index],
	       (unsigned int)((client->deadline_ns - now_ns) / MS));
}

static void forget_sm(struct hf_sa_client *client, uint64_t now_ns)
{
	hf__sa_step_query(client, now_ns, HF_SA_QUERY_CANCEL);
	client->request.is_outstanding = false;
	client->failures = 0;
	client->deadline_ns = NEVER;
}

struct transition {
	bool exists;
	enum hf_sa_state next;
	void (*action)(struct hf_sa_client *client, uint64_t now_ns);
};

#define TO(state_, action_) { .exists = true, .next = HF_SA_##state_, .action = action_ }

/* A missing cell is a bug of ours: answers are matched to requests before they become events. */
static const struct transition transitions[HF_SA_STATE_COUNT][HF_SA_EVENT_COUNT] = {
	[HF_SA_NO_SM] = {
		[HF_SA_SM_FOUND] = TO(SUBSCRIBING, subscribe_anew),
		[HF_SA_SM_LOST] = TO(NO_SM, NULL),
		[HF_SA_STOP] = TO(STOPPED, forget_sm),
	},
	[HF_SA_SUBSCRIBING] = {
		[HF_SA_SM_FOUND] = TO(SUBSCRIBING, subscribe_anew),
		[HF_SA_SM_LOST] = TO(NO_SM, forget_sm),
		[HF_SA_ANSWERED] = TO(SUBSCRIBING, inform_next),
		[HF_SA_COMPLETED] = TO(SUBSCRIBED, begin_listening),
		[HF_SA_FAILED] = TO(BACKING_OFF, back_off),
		[HF_SA_TIMER] = TO(BACKING_OFF, back_off),
		[HF_SA_STOP] = TO(UNSUBSCRIBING, inform_first),
	},
	[HF_SA_BACKING_OFF] = {
		[HF_SA_SM_FOUND] = TO(SUBSCRIBING, subscribe_anew),
		[HF_SA_SM_LOST] = TO(NO_SM, forget_sm),
		[HF_SA_TIMER] = TO(SUBSCRIBING, subscribe_anew),
		[HF_SA_STOP] = TO(UNSUBSCRIBING, inform_first),
	},
	[HF_SA_SUBSCRIBED] = {
		[HF_SA_SM_FOUND] = TO(SUBSCRIBING, subscribe_anew),
		[HF_SA_SM_LOST] = TO(NO_SM, forget_sm),
		[HF_SA_TIMER] = TO(CHECKING, send_check),
		[HF_SA_STOP] = TO(UNSUBSCRIBING, inform_first),
	},
	[HF_SA_CHECKING] = {
		[HF_SA_SM_FOUND] = TO(SUBSCRIBING, subscribe_anew),
		[HF_SA_SM_LOST] = TO(NO_SM, forget_sm),
		[HF_SA_ANSWERED] = TO(SUBSCRIBED, end_check),
		[HF_SA_FORGOTTEN] = TO(SUBSCRIBING, subscribe_anew),
		[HF_SA_FAILED] = TO(SUBSCRIBING, subscribe_anew),
		[HF_SA_TIMER] = TO(SUBSCRIBING, subscribe_anew),
		[HF_SA_STOP] = TO(UNSUBSCRIBING, inform_first),
	},
	[HF_SA_UNSUBSCRIBING] = {
		[HF_SA_SM_FOUND] = TO(UNSUBSCRIBING, NULL),
		[HF_SA_SM_LOST] = TO(STOPPED, forget_sm),
		[HF_SA_ANSWERED] = TO(UNSUBSCRIBING, inform_next),
		[HF_SA_COMPLETED] = TO(STOPPED, forget_sm),
		[HF_SA_FAILED] = TO(STOPPED, forget_sm),
		[HF_SA_TIMER] = TO(STOPPED, forget_sm),
		[HF_SA_STOP] = TO(UNSUBSCRIBING, NULL),
	},
	[HF_SA_STOPPED] = {
		[HF_SA_SM_FOUND] = TO(STOPPED, NULL),
		[HF_SA_SM_LOST] = TO(STOPPED, NULL),
		[HF_SA_STOP] = TO(STOPPED, NULL),
	},
};

/* To a check and back: no news. */
static bool is_routine(enum hf_sa_state from, enum hf_sa_state to)
{
	return to == HF_SA_CHECKING || (from == HF_SA_CHECKING && to == HF_SA_SUBSCRIBED);
}

/* The one place that changes the subscription's state. */
void hf__sa_step(struct hf_sa_client *client, uint64_t now_ns, enum hf_sa_event event)
{
	const struct transition *transition = &transitions[client->state][event];
	enum hf_sa_state old = client->state;

	if (!transition->exists) {
		hf_log(HF_LOG_ERROR, "port %s: no transition from %s on %s; please report this",
		       hf_gid_format(&client->port.gid).text, state_names[old], event_names[event]);
		return;
	}
	client->state = transition->next;
	if (old != client->state)
		hf_log(is_routine(old, client->state) ? HF_LOG_DEBUG : HF_LOG_INFO, "port %s: %s -> %s on %s",
		       hf_gid_format(&client->port.gid).text, state_names[old], state_names[client->state],
		       event_names[event]);
	if (transition->action)
		transition->action(client, now_ns);
}

/* Traps 68 and 69 among the subscriptions that the SM says it has? */
static bool knows_us(const struct hf_sa_table *table)
{
	unsigned int found = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct hf_inform_info_record *record = hf_sa_table_record(table, i);

		for (unsigned int t = 0; t < TRAP_COUNT; t++)
			if (record->info.is_generic && be16toh(record->info.trap_num) == traps[t])
				found |= 1u << t;
	}
	return found == (1u << TRAP_COUNT) - 1;
}

static void take_check(struct hf_sa_client *client, uint64_t now_ns, const void *mad, size_t len)
{
	struct hf_sa_table table;
	int err = hf_sa_table_parse(mad, len, sizeof(struct hf_inform_info_record), &table);

	client->request.is_outstanding = false;
	if (err) {
		hf__sa_step(client, now_ns, HF_SA_FAILED);
		return;
	}
	hf__sa_step(client, now_ns, knows_us(&table) ? HF_SA_ANSWERED : HF_SA_FORGOTTEN);
}

static void take_inform_info(struct hf_sa_client *client, uint64_t now_ns)
{
	client->request.is_outstanding = false;
	if (client->state == HF_SA_SUBSCRIBING) {
		client->counters.subscriptions++;
		memset(client->seen, 0, sizeof(client->seen));
		client->ops->subscribed(client->ctx, traps[client->trap_index]);
	}
	hf__sa_step(client, now_ns, client->trap_index + 1 < TRAP_COUNT ? HF_SA_ANSWERED : HF_SA_COMPLETED);
}

/* An answer to the request of the subscription's machine; its attribute was not compared yet. */
void hf__sa_take_answer(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_addr *from, const void *mad,
			size_t len)
{
	const struct hf_mad_hdr *hdr = mad;
	bool is_check = client->state == HF_SA_CHECKING;

	if (be16toh(hdr->attr_id) != (is_check ? HF_ATTR_INFORM_INFO_RECORD : HF_ATTR_INFORM_INFO)) {
		hf__sa_drop(client, "another attribute than asked for", from, hdr);
		return;
	}
	if (be16toh(hdr->status)) {
		client->request.is_outstanding = false;
		hf_log(HF_LOG_WARN, "port %s: the SM at LID %u refused attribute 0x%04x with status 0x%04x",
		       hf_gid_format(&client->port.gid).text, from->lid, be16toh(hdr->attr_id), be16toh(hdr->status));
		hf__sa_step(client, now_ns, HF_SA_FAILED);
		return;
	}
	if (is_check)
		take_check(client, now_ns, mad, len);
	else
		take_inform_info(client, now_ns);
}

const char *hf_sa_state_name(enum hf_sa_state state)
{
	return state_names[state];
}
