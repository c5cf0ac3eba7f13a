/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/sa_client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/gid.h"
#include "lib/log.h"
#include "lib/sa_table.h"

#define QPN_GSI			1
#define SA_CLASS_VERSION	2
#define MS			UINT64_C(1000000)
#define BACK_OFF_FIRST_MS	100	/* doubled by each failure in a row */
#define BACK_OFF_MAX_MS		10000
#define QUERY_TIMEOUT_MAX_MS	60000
#define LOCAL_SLACK_MS		1000	/* how much later than the kernel we give a request up ourselves */
#define CHECK_RETRIES		2	/* a lost MAD is no sign of a lost subscription */
#define PATHS_PER_PAIR		1
#define ONE_PATH		(HF_PR_COMP_SGID | HF_PR_COMP_DGID)
#define NEVER			UINT64_MAX
#define BAD_DELTAS_MAX		3	/* in a row: then records are asked for */
#define UNNAMED_CHECKS_MAX	64	/* at every so many checks at least an SM that sends records is asked */
#define DELTA_WORD		8	/* bytes: a delta is filled up to a whole one */
#define SEEN_REPORTS		64	/* as many as the SM sends to one subscriber without waiting */

/* In this order they are subscribed to: without trap 69 the host would be deaf. */
static const uint16_t traps[] = { HF_TRAP_REPATH, HF_TRAP_UNPATH };

#define TRAP_COUNT (sizeof(traps) / sizeof(traps[0]))

/* What the attempts of one Report have in common: the agent that sends it and the count of its Notice. */
struct seen_report {
	uint32_t agent;		/* upper half of the transaction id */
	uint16_t notice_count;	/* 0: none */
};

struct request {
	bool is_outstanding;
	uint32_t tid;
	uint64_t sent_ns;
};

struct hf_sa_client {
	struct hf_sa_client_config config;
	const struct hf_sa_client_ops *ops;
	void *ctx;
	struct hf_sa_port port;
	struct hf_sa_counters counters;
	uint32_t next_tid;
	uint32_t random;

	enum hf_sa_state state;
	struct request request;		/* of the subscription's machine */
	unsigned int trap_index;	/* which of traps[] the request is about */
	unsigned int failures;		/* in a row */
	uint64_t deadline_ns;

	enum hf_sa_query_state query_state;
	struct request query;
	unsigned int query_failures;	/* in a row */
	int query_error;		/* of the last failure */
	uint64_t query_deadline_ns;
	bool is_overtaken;		/* a Report has been taken since the query was sent */

	struct hf_sa_held held;		/* the name of the table that the owner has */
	bool wants_whole;		/* the owner could not take all: the next query says that nothing is held */
	bool wants_records;		/* this SM's deltas cannot be read: the next query says nothing of deltas */
	unsigned int bad_deltas;	/* in a row */
	unsigned int unnamed_checks;	/* in a row, with a table without a name */

	struct seen_report seen[SEEN_REPORTS];	/* since the subscription; a ring */
	unsigned int next_seen;
};

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

static const char *const query_state_names[] = {
	[HF_SA_QUERY_IDLE] = "idle",
	[HF_SA_QUERY_RUNNING] = "running",
	[HF_SA_QUERY_STALE] = "stale",
	[HF_SA_QUERY_BACKING_OFF] = "backing-off",
};

static const char *const answer_names[] = {
	[HF_SA_ANSWER_RECORDS] = "records",
	[HF_SA_ANSWER_DELTA] = "delta",
	[HF_SA_ANSWER_WHOLE] = "whole",
	[HF_SA_ANSWER_KNOWN] = "known",
};

static const char *const query_event_names[] = {
	[HF_SA_QUERY_WANTED] = "wanted", [HF_SA_QUERY_DONE] = "done",	  [HF_SA_QUERY_FAILED] = "failed",
	[HF_SA_QUERY_TIMER] = "timer",	 [HF_SA_QUERY_CANCEL] = "cancel",
};

static void step(struct hf_sa_client *client, uint64_t now_ns, enum hf_sa_event event);
static void step_query(struct hf_sa_client *client, uint64_t now_ns, enum hf_sa_query_event event);

/* Xorshift (Marsaglia): spreads retries and first transaction ids, no more is asked of it. */
static uint32_t next_random(struct hf_sa_client *client)
{
	client->random ^= client->random << 13;
	client->random ^= client->random >> 17;
	client->random ^= client->random << 5;
	return client->random;
}

/* Between half and the whole of 100 ms, 200 ms, 400 ms ... 10 s, so that hosts do not retry all at once. */
static uint64_t back_off_ns(struct hf_sa_client *client, unsigned int failures)
{
	uint64_t delay_ns = BACK_OFF_MAX_MS * MS;

	if (failures <= 7 && BACK_OFF_FIRST_MS << (failures - 1) < BACK_OFF_MAX_MS)
		delay_ns = (BACK_OFF_FIRST_MS << (failures - 1)) * MS;
	return delay_ns / 2 + delay_ns / 2 * (next_random(client) % 1024) / 1024;
}

static int send_request(struct hf_sa_client *client, uint64_t now_ns, struct request *request, struct hf_sa_mad *mad,
			int timeout_ms, int retries)
{
	const struct hf_mad_addr sa = {
		.lid = client->port.sm_lid, .qpn = QPN_GSI, .sl = client->port.sm_sl,
	};
	int err;

	request->tid = client->next_tid++;
	mad->hdr.tid = htobe64(request->tid);
	err = client->ops->send(client->ctx, &sa, mad, timeout_ms, retries);
	request->is_outstanding = !err;
	request->sent_ns = now_ns;
	return err;
}

/* Sends a request of the subscription's machine; failing to send it is an event like its timeout. */
static void start_request(struct hf_sa_client *client, uint64_t now_ns, struct hf_sa_mad *mad, int retries)
{
	int timeout_ms = client->config.request_timeout_ms;
	int err;

	client->deadline_ns = now_ns + (timeout_ms * (1 + retries) + LOCAL_SLACK_MS) * MS;
	err = send_request(client, now_ns, &client->request, mad, timeout_ms, retries);
	if (err)
		step(client, now_ns, HF_SA_FAILED);
}

static void send_inform_info(struct hf_sa_client *client, uint64_t now_ns, bool subscribe)
{
	struct hf_sa_mad mad;

	hf_sa_mad_init(&mad, HF_METHOD_SET, HF_ATTR_INFORM_INFO, 0);
	hf_inform_info_init((struct hf_inform_info *)mad.data, traps[client->trap_index], subscribe);
	start_request(client, now_ns, &mad, 0);
}

static void subscribe_first(struct hf_sa_client *client, uint64_t now_ns)
{
	step_query(client, now_ns, HF_SA_QUERY_CANCEL);
	client->wants_records = false;
	client->bad_deltas = 0;
	client->unnamed_checks = 0;
	client->trap_index = 0;
	send_inform_info(client, now_ns, true);
}

static void subscribe_next(struct hf_sa_client *client, uint64_t now_ns)
{
	client->trap_index++;
	send_inform_info(client, now_ns, true);
}

static void unsubscribe_first(struct hf_sa_client *client, uint64_t now_ns)
{
	step_query(client, now_ns, HF_SA_QUERY_CANCEL);
	client->trap_index = 0;
	send_inform_info(client, now_ns, false);
}

static void unsubscribe_next(struct hf_sa_client *client, uint64_t now_ns)
{
	client->trap_index++;
	send_inform_info(client, now_ns, false);
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
		step_query(client, now_ns, HF_SA_QUERY_WANTED);
}

/* Changes made before the subscription were not reported to us: the table is asked for behind it. */
static void begin_listening(struct hf_sa_client *client, uint64_t now_ns)
{
	schedule_check(client, now_ns);
	step_query(client, now_ns, HF_SA_QUERY_WANTED);
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
	client->deadline_ns = now_ns + back_off_ns(client, client->failures);
	hf_log(HF_LOG_WARN, "port %s: the SM at LID %u did not accept the subscription to trap %u; next try in %u ms",
	       hf_gid_format(&client->port.gid).text, client->port.sm_lid, traps[client->trap_index],
	       (unsigned int)((client->deadline_ns - now_ns) / MS));
}

static void forget_sm(struct hf_sa_client *client, uint64_t now_ns)
{
	step_query(client, now_ns, HF_SA_QUERY_CANCEL);
	client->request.is_outstanding = false;
	client->failures = 0;
	client->deadline_ns = NEVER;
}

static void do_nothing(struct hf_sa_client *client, uint64_t now_ns)
{
	(void)client;
	(void)now_ns;
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
		[HF_SA_SM_FOUND] = TO(SUBSCRIBING, subscribe_first),
		[HF_SA_SM_LOST] = TO(NO_SM, do_nothing),
		[HF_SA_STOP] = TO(STOPPED, forget_sm),
	},
	[HF_SA_SUBSCRIBING] = {
		[HF_SA_SM_FOUND] = TO(SUBSCRIBING, subscribe_first),
		[HF_SA_SM_LOST] = TO(NO_SM, forget_sm),
		[HF_SA_ANSWERED] = TO(SUBSCRIBING, subscribe_next),
		[HF_SA_COMPLETED] = TO(SUBSCRIBED, begin_listening),
		[HF_SA_FAILED] = TO(BACKING_OFF, back_off),
		[HF_SA_TIMER] = TO(BACKING_OFF, back_off),
		[HF_SA_STOP] = TO(UNSUBSCRIBING, unsubscribe_first),
	},
	[HF_SA_BACKING_OFF] = {
		[HF_SA_SM_FOUND] = TO(SUBSCRIBING, subscribe_first),
		[HF_SA_SM_LOST] = TO(NO_SM, forget_sm),
		[HF_SA_TIMER] = TO(SUBSCRIBING, subscribe_first),
		[HF_SA_STOP] = TO(UNSUBSCRIBING, unsubscribe_first),
	},
	[HF_SA_SUBSCRIBED] = {
		[HF_SA_SM_FOUND] = TO(SUBSCRIBING, subscribe_first),
		[HF_SA_SM_LOST] = TO(NO_SM, forget_sm),
		[HF_SA_TIMER] = TO(CHECKING, send_check),
		[HF_SA_STOP] = TO(UNSUBSCRIBING, unsubscribe_first),
	},
	[HF_SA_CHECKING] = {
		[HF_SA_SM_FOUND] = TO(SUBSCRIBING, subscribe_first),
		[HF_SA_SM_LOST] = TO(NO_SM, forget_sm),
		[HF_SA_ANSWERED] = TO(SUBSCRIBED, end_check),
		[HF_SA_FORGOTTEN] = TO(SUBSCRIBING, subscribe_first),
		[HF_SA_FAILED] = TO(SUBSCRIBING, subscribe_first),
		[HF_SA_TIMER] = TO(SUBSCRIBING, subscribe_first),
		[HF_SA_STOP] = TO(UNSUBSCRIBING, unsubscribe_first),
	},
	[HF_SA_UNSUBSCRIBING] = {
		[HF_SA_SM_FOUND] = TO(UNSUBSCRIBING, do_nothing),
		[HF_SA_SM_LOST] = TO(STOPPED, forget_sm),
		[HF_SA_ANSWERED] = TO(UNSUBSCRIBING, unsubscribe_next),
		[HF_SA_COMPLETED] = TO(STOPPED, forget_sm),
		[HF_SA_FAILED] = TO(STOPPED, forget_sm),
		[HF_SA_TIMER] = TO(STOPPED, forget_sm),
		[HF_SA_STOP] = TO(UNSUBSCRIBING, do_nothing),
	},
	[HF_SA_STOPPED] = {
		[HF_SA_SM_FOUND] = TO(STOPPED, do_nothing),
		[HF_SA_SM_LOST] = TO(STOPPED, do_nothing),
		[HF_SA_STOP] = TO(STOPPED, do_nothing),
	},
};

/* To a check and back: no news. */
static bool is_routine(enum hf_sa_state from, enum hf_sa_state to)
{
	return to == HF_SA_CHECKING || (from == HF_SA_CHECKING && to == HF_SA_SUBSCRIBED);
}

/* The one place that changes the subscription's state. */
static void step(struct hf_sa_client *client, uint64_t now_ns, enum hf_sa_event event)
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
	transition->action(client, now_ns);
}

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
	err = send_request(client, now_ns, &client->query, &mad, timeout_ms, 0);
	if (err) {
		client->query_error = err;
		step_query(client, now_ns, HF_SA_QUERY_FAILED);
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
	client->query_deadline_ns = now_ns + back_off_ns(client, client->query_failures);
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
		[HF_SA_QUERY_WANTED] = QUERY_TO(STALE, do_nothing),
		[HF_SA_QUERY_DONE] = QUERY_TO(IDLE, end_query),
		[HF_SA_QUERY_FAILED] = QUERY_TO(BACKING_OFF, back_off_query),
		[HF_SA_QUERY_TIMER] = QUERY_TO(BACKING_OFF, time_out_query),
		[HF_SA_QUERY_CANCEL] = QUERY_TO(IDLE, end_query),
	},
	[HF_SA_QUERY_STALE] = {
		[HF_SA_QUERY_WANTED] = QUERY_TO(STALE, do_nothing),
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
static void step_query(struct hf_sa_client *client, uint64_t now_ns, enum hf_sa_query_event event)
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
	transition->action(client, now_ns);
}

int hf_sa_client_new(const struct hf_sa_client_config *config, const struct hf_sa_client_ops *ops, void *ctx,
		     struct hf_sa_client **ret_client)
{
	struct hf_sa_client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	client->config = *config;
	client->ops = ops;
	client->ctx = ctx;
	client->random = config->seed ? config->seed : 1;
	client->next_tid = next_random(client);
	client->deadline_ns = NEVER;
	client->query_deadline_ns = NEVER;
	*ret_client = client;
	return 0;
}

void hf_sa_client_free(struct hf_sa_client *client)
{
	free(client);
}

void hf_sa_client_set_config(struct hf_sa_client *client, const struct hf_sa_client_config *config)
{
	client->config = *config;
}

static bool is_usable(const struct hf_sa_port *port)
{
	return port->active && port->lid && port->sm_lid;
}

static bool is_same_port(const struct hf_sa_port *a, const struct hf_sa_port *b)
{
	return hf_gid_is_equal(&a->gid, &b->gid) && a->lid == b->lid && a->sm_lid == b->sm_lid &&
	       a->sm_sl == b->sm_sl && a->active == b->active;
}

/* The table held becomes one without a name. */
static void forget_held(struct hf_sa_client *client)
{
	client->held = (struct hf_sa_held){ 0 };
	client->wants_whole = false;
}

/* A table is that of a port and its LID: another of either has another table, which the SM calls by the same name. */
void hf_sa_client_set_port(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_port *port)
{
	bool was_usable = is_usable(&client->port);

	if (is_same_port(&client->port, port))
		return;
	if (!hf_gid_is_equal(&client->port.gid, &port->gid) || client->port.lid != port->lid)
		forget_held(client);
	client->port = *port;
	if (is_usable(port)) {
		hf_log(HF_LOG_INFO, "port %s: LID %u, SM at LID %u", hf_gid_format(&port->gid).text, port->lid,
		       port->sm_lid);
		step(client, now_ns, HF_SA_SM_FOUND);
	} else if (was_usable) {
		step(client, now_ns, HF_SA_SM_LOST);
	}
}

static bool is_listening(const struct hf_sa_client *client)
{
	return client->state == HF_SA_SUBSCRIBED || client->state == HF_SA_CHECKING;
}

void hf_sa_client_want_query(struct hf_sa_client *client, uint64_t now_ns)
{
	if (is_listening(client))
		step_query(client, now_ns, HF_SA_QUERY_WANTED);
}

static void drop(struct hf_sa_client *client, const char *why, const struct hf_mad_addr *from,
		 const struct hf_mad_hdr *hdr)
{
	client->counters.mads_dropped++;
	hf_log(HF_LOG_DEBUG, "port %s: dropped a MAD from LID %u (method 0x%02x, attribute 0x%04x): %s",
	       hf_gid_format(&client->port.gid).text, from->lid, hdr->method, be16toh(hdr->attr_id), why);
}

static bool is_own(const struct hf_sa_client *client, const struct hf_path_record *path)
{
	union hf_gid sgid = path->sgid;

	return hf_gid_is_equal(&sgid, &client->port.gid);
}

/* Whether the set of paths that a trap means may hold one that starts at this port. */
static bool concerns_port(const struct hf_sa_client *client, uint64_t comp_mask, const struct hf_path_record *path)
{
	return !((comp_mask & HF_PR_COMP_SGID && !is_own(client, path)) ||
		 (comp_mask & HF_PR_COMP_SLID && be16toh(path->slid) != client->port.lid));
}

/* A table on its way may be older than what a trap just said and come in after it. */
static void outdate_query(struct hf_sa_client *client, uint64_t now_ns)
{
	if (client->query_state == HF_SA_QUERY_RUNNING)
		step_query(client, now_ns, HF_SA_QUERY_WANTED);
}

/*
 * COMP_MASK says which paths were recomputed. Where that is a single one, the record is the new path if it is filled
 * in; otherwise it is a pattern, and the SM must be asked.
 */
static bool carries_path(const struct hf_sa_report *report)
{
	return (report->comp_mask & ONE_PATH) == ONE_PATH && report->path->dlid && hf_path_record_mtu(report->path);
}

static void take_repath(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_report *report)
{
	if (!carries_path(report) || client->ops->repath(client->ctx, report->path, report->site)) {
		hf_sa_client_want_query(client, now_ns);
		return;
	}
	client->counters.records++;
	outdate_query(client, now_ns);
}

static void take_unpath(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_report *report)
{
	outdate_query(client, now_ns);
	client->ops->unpath(client->ctx, report->comp_mask, report->path);
}

/*
 * What a Report without epochs brings may be older than the table held, and a table that has a name is thought to be
 * right: nothing would ever correct it. So the SM is asked.
 */
static void take_plain_report(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_report *report)
{
	if (client->held.instance)
		hf_sa_client_want_query(client, now_ns);
	else if (report->trap_num == HF_TRAP_REPATH)
		take_repath(client, now_ns, report);
	else
		take_unpath(client, now_ns, report);
}

struct item_counts {
	size_t gone, paths;	/* those that are told by their sites among them */
};

static void count_gone(void *ctx, uint64_t guid)
{
	struct item_counts *counts = ctx;

	(void)guid;
	counts->gone++;
}

static void count_path(void *ctx, uint16_t lid, const struct hf_delta_terms *terms)
{
	struct item_counts *counts = ctx;

	(void)lid;
	(void)terms;
	counts->paths++;
}

static void count_covered(void *ctx, uint32_t count, uint32_t sum)
{
	struct item_counts *counts = ctx;

	(void)sum;
	counts->paths += count;
}

/* Return: 0; -EBADMSG for a body that is none. */
static int count_items(const uint8_t *body, size_t length, struct item_counts *counts)
{
	static const struct hf_delta_visitor visitor = {
		.gone = count_gone, .path = count_path, .covered = count_covered,
	};

	*counts = (struct item_counts){ 0 };
	return hf_delta_decode(body, length, &visitor, counts);
}

/* What comes in the answer to such a query, or in a Report. Its body is good. Return: 0, or what the owner says. */
static int hand_out_delta(struct hf_sa_client *client, const struct hf_sa_delta *delta, const uint8_t *body,
			  size_t length)
{
	int err;

	client->ops->delta_begin(client->ctx, delta);
	hf_delta_decode(body, length, &client->ops->delta, client->ctx);
	err = client->ops->delta_end(client->ctx);
	if (err)
		client->wants_whole = true;
	else
		client->counters.changes += delta->changes;
	return err;
}

static bool take_body(struct hf_sa_client *client, const struct hf_sa_report *report)
{
	struct hf_sa_delta delta = {
		.subnet_prefix = be64toh(client->port.gid.prefix), .slid = client->port.lid,
	};
	struct item_counts counts;

	if (report->body_length > HF_REPORT_BODY_MAX || count_items(report->body, report->body_length, &counts)) {
		client->counters.deltas_refused++;
		hf_log(HF_LOG_WARN, "port %s: a Report from the SM at LID %u has a delta of %zu bytes that is none",
		       hf_gid_format(&client->port.gid).text, client->port.sm_lid, report->body_length);
		return false;
	}
	delta.changes = counts.gone + counts.paths;
	return !hand_out_delta(client, &delta, report->body, report->body_length);
}

static bool take_one_path(struct hf_sa_client *client, const struct hf_sa_report *report)
{
	if (report->trap_num == HF_TRAP_UNPATH)
		client->ops->unpath(client->ctx, report->comp_mask, report->path);
	else if (!carries_path(report) || client->ops->repath(client->ctx, report->path, report->site))
		return false;
	else
		client->counters.records++;
	client->counters.changes++;
	return true;
}

/* Return: whether the Report has paths inside and all were taken. */
static bool take_paths(struct hf_sa_client *client, const struct hf_sa_report *report)
{
	if (report->comp_mask == ONE_PATH)
		return take_one_path(client, report);
	return report->trap_num == HF_TRAP_REPATH && report->comp_mask == HF_PR_COMP_SGID && report->body_length > 0 &&
	       take_body(client, report);
}

/* Doc/protocol.md, "What the host does". */
static void take_epochs_report(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_report *report)
{
	const struct hf_sa_epochs *epochs = report->epochs;
	bool is_same = epochs->instance == client->held.instance;

	if (is_same && client->held.epoch >= epochs->epoch) {
		client->counters.reports_known++;
		return;
	}
	if (is_same && epochs->base > client->held.epoch) {
		client->counters.gaps++;
	} else if (is_same && take_paths(client, report)) {
		client->counters.reports_taken++;
		client->held.epoch = epochs->epoch;
		client->is_overtaken = true;
		return;
	}
	hf_sa_client_want_query(client, now_ns);
}

/* Where there are epochs of the version that we know. */
static void read_epochs(const struct hf_sa_mad *mad, struct hf_sa_epochs *ret_epochs,
			uint8_t ret_body[HF_REPORT_BODY_MAX], struct hf_sa_report *report)
{
	const struct hf_repath_notice *notice = (const struct hf_repath_notice *)mad->data;
	struct hf_report_epochs epochs;

	memcpy(&epochs, notice->details.reserved, sizeof(epochs));
	if (memcmp(epochs.magic, HF_REPORT_MAGIC, sizeof(epochs.magic)) || epochs.version != HF_DELTA_VERSION ||
	    !epochs.instance)
		return;
	*ret_epochs = (struct hf_sa_epochs){
		.instance = be64toh(epochs.instance), .base = be64toh(epochs.base), .epoch = be64toh(epochs.epoch),
	};
	report->epochs = ret_epochs;
	report->site = be32toh(epochs.site) <= HF_SITE_LAST ? be32toh(epochs.site) : HF_SITE_UNKNOWN;
	report->body = ret_body;
	report->body_length = epochs.body_length;
	if (report->body_length <= HF_REPORT_BODY_MAX)
		hf_report_get_body(mad, ret_body, report->body_length);
}

static void take_notice(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_mad *mad)
{
	const struct hf_repath_notice *notice = (const struct hf_repath_notice *)mad->data;
	struct hf_sa_epochs epochs;
	uint8_t body[HF_REPORT_BODY_MAX];
	struct hf_sa_report report = {
		.trap_num = notice->generic_type & HF_NOTICE_IS_GENERIC ? be16toh(notice->trap_num) : 0,
		.comp_mask = be64toh(notice->details.comp_mask),
		.path = &notice->path,
	};

	if (report.trap_num != HF_TRAP_REPATH && report.trap_num != HF_TRAP_UNPATH) {
		client->counters.reports_other++;
		return;
	}
	read_epochs(mad, &epochs, body, &report);
	client->ops->report(client->ctx, &report);
	if (report.trap_num == HF_TRAP_REPATH)
		client->counters.reports_repath++;
	else
		client->counters.reports_unpath++;
	if (!concerns_port(client, report.comp_mask, report.path))
		client->counters.records_refused += report.trap_num == HF_TRAP_REPATH;
	else if (report.epochs)
		take_epochs_report(client, now_ns, &report);
	else
		take_plain_report(client, now_ns, &report);
}

/* The SM repeats a Report until it is answered, so the answer goes out before anything else is done. */
static void answer_report(struct hf_sa_client *client, const struct hf_mad_addr *from, const struct hf_sa_mad *mad)
{
	struct hf_sa_mad answer = *mad;

	answer.hdr.method = HF_METHOD_REPORT_RESP;
	answer.hdr.status = 0;
	memset(&answer.rmpp, 0, sizeof(answer.rmpp));
	if (client->ops->send(client->ctx, from, &answer, 0, 0) == 0)
		client->counters.report_resps++;
}

/* The SM sends a Report again whose answer was late or lost; what it told has been taken care of. */
static bool is_repeated(struct hf_sa_client *client, const struct hf_sa_mad *mad)
{
	const struct hf_repath_notice *notice = (const struct hf_repath_notice *)mad->data;
	const struct seen_report report = {
		.agent = be64toh(mad->hdr.tid) >> 32,
		.notice_count = be16toh(notice->toggle_count) & HF_NOTICE_COUNT_MAX,
	};

	if (!report.notice_count)
		return false;
	for (unsigned int i = 0; i < SEEN_REPORTS; i++)
		if (client->seen[i].agent == report.agent && client->seen[i].notice_count == report.notice_count)
			return true;
	client->seen[client->next_seen] = report;
	client->next_seen = (client->next_seen + 1) % SEEN_REPORTS;
	return false;
}

static void take_report(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_addr *from, const void *mad,
			size_t len)
{
	const struct hf_sa_mad *report = mad;

	if (len != HF_MAD_SIZE || be16toh(report->hdr.attr_id) != HF_ATTR_NOTICE) {
		drop(client, "no Report of a Notice", from, &report->hdr);
		return;
	}
	answer_report(client, from, report);
	if (is_repeated(client, report)) {
		client->counters.reports_repeated++;
		return;
	}
	take_notice(client, now_ns, report);
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
		step(client, now_ns, HF_SA_FAILED);
		return;
	}
	step(client, now_ns, knows_us(&table) ? HF_SA_ANSWERED : HF_SA_FORGOTTEN);
}

static void take_inform_info(struct hf_sa_client *client, uint64_t now_ns)
{
	client->request.is_outstanding = false;
	if (client->state == HF_SA_SUBSCRIBING) {
		client->counters.subscriptions++;
		memset(client->seen, 0, sizeof(client->seen));
		client->ops->subscribed(client->ctx, traps[client->trap_index]);
	}
	step(client, now_ns, client->trap_index + 1 < TRAP_COUNT ? HF_SA_ANSWERED : HF_SA_COMPLETED);
}

/* An answer to the request of the subscription's machine; its attribute was not compared yet. */
static void take_answer(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_addr *from, const void *mad,
			size_t len)
{
	const struct hf_mad_hdr *hdr = mad;
	bool is_check = client->state == HF_SA_CHECKING;

	if (be16toh(hdr->attr_id) != (is_check ? HF_ATTR_INFORM_INFO_RECORD : HF_ATTR_INFORM_INFO)) {
		drop(client, "another attribute than asked for", from, hdr);
		return;
	}
	if (be16toh(hdr->status)) {
		client->request.is_outstanding = false;
		hf_log(HF_LOG_WARN, "port %s: the SM at LID %u refused attribute 0x%04x with status 0x%04x",
		       hf_gid_format(&client->port.gid).text, from->lid, be16toh(hdr->attr_id), be16toh(hdr->status));
		step(client, now_ns, HF_SA_FAILED);
		return;
	}
	if (is_check)
		take_check(client, now_ns, mad, len);
	else
		take_inform_info(client, now_ns);
}

static void fail_query(struct hf_sa_client *client, uint64_t now_ns, int err)
{
	client->query_error = err;
	step_query(client, now_ns, HF_SA_QUERY_FAILED);
}

static void hand_out_table(struct hf_sa_client *client, const struct hf_sa_table *table)
{
	size_t own = 0;

	client->ops->table_begin(client->ctx);
	for (size_t i = 0; i < table->count; i++) {
		const struct hf_path_record *path = hf_sa_table_record(table, i);

		if (!is_own(client, path))
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

	forget_held(client);
	client->bad_deltas = 0;
	client->counters.whole_tables++;
	client->ops->query_done(client->ctx, &done);
	hand_out_table(client, table);
	if (client->is_overtaken)
		outdate_query(client, now_ns);
	step_query(client, now_ns, HF_SA_QUERY_DONE);
}

/* A port always has at least the path to itself: an empty table comes from an SM that has not finished. */
static void take_table(struct hf_sa_client *client, uint64_t now_ns, const void *mad, size_t len)
{
	struct hf_sa_table table;

	if (hf_sa_table_parse(mad, len, sizeof(struct hf_path_record), &table)) {
		hf_log(HF_LOG_WARN, "port %s: a table of %zu bytes with attribute offset %u is none",
		       hf_gid_format(&client->port.gid).text, len,
		       be16toh(((const struct hf_sa_mad *)mad)->attr_offset));
		fail_query(client, now_ns, -EBADMSG);
		return;
	}
	if (table.count == 0) {
		fail_query(client, now_ns, -ENOENT);
		return;
	}
	take_records(client, now_ns, &table);
}

/* An answer that is a delta, its header in host order. */
struct delta_answer {
	uint8_t version;
	uint64_t instance, base, epoch;
	struct hf_sa_delta delta;
	const uint8_t *body;
	size_t body_length;
	struct item_counts counts;
	size_t bytes;
};

static bool is_zero(const uint8_t *at, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (at[i])
			return false;
	return true;
}

/* Return: 0; -EBADMSG; -EPROTONOSUPPORT for a higher version, and only @ret_answer->version is set. */
static int parse_delta(const uint8_t *data, size_t bytes, struct delta_answer *ret_answer)
{
	struct hf_delta_hdr hdr;
	size_t behind;

	if (bytes < sizeof(hdr))
		return -EBADMSG;
	memcpy(&hdr, data, sizeof(hdr));
	if (memcmp(hdr.magic, HF_DELTA_MAGIC, sizeof(hdr.magic)) || hdr.version == 0)
		return -EBADMSG;
	ret_answer->version = hdr.version;
	if (hdr.version > HF_DELTA_VERSION)
		return -EPROTONOSUPPORT;
	*ret_answer = (struct delta_answer){
		.version = hdr.version,
		.instance = be64toh(hdr.instance),
		.base = be64toh(hdr.base),
		.epoch = be64toh(hdr.epoch),
		.delta = {
			.subnet_prefix = be64toh(hdr.subnet_prefix),
			.slid = be16toh(hdr.slid),
			.is_whole = hdr.flags & HF_DELTA_WHOLE,
		},
		.body = data + sizeof(hdr),
		.body_length = be32toh(hdr.body_length),
		.bytes = bytes,
	};
	behind = bytes - sizeof(hdr) - ret_answer->body_length;
	if (hdr.flags & ~HF_DELTA_WHOLE || !hdr.instance || !hdr.slid || ret_answer->delta.slid > HF_DELTA_MAX ||
	    ret_answer->body_length > bytes - sizeof(hdr) || behind >= DELTA_WORD || bytes % DELTA_WORD ||
	    !is_zero(ret_answer->body + ret_answer->body_length, behind) ||
	    count_items(ret_answer->body, ret_answer->body_length, &ret_answer->counts))
		return -EBADMSG;
	ret_answer->delta.changes = ret_answer->counts.gone + ret_answer->counts.paths;
	return 0;
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
	fail_query(client, now_ns, err);
}

static void note_answer(struct hf_sa_client *client, uint64_t now_ns, enum hf_sa_answer kind,
			const struct delta_answer *answer)
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
static void take_good_delta(struct hf_sa_client *client, uint64_t now_ns, const struct delta_answer *answer)
{
	bool is_whole = answer->delta.is_whole;
	int err;

	note_answer(client, now_ns, is_whole ? HF_SA_ANSWER_WHOLE : HF_SA_ANSWER_DELTA, answer);
	err = hand_out_delta(client, &answer->delta, answer->body, answer->body_length);
	if (err == -ESTALE && is_whole) {
		refuse_delta(client, now_ns, "contradicts itself", err);
		return;
	}
	if (err) {
		fail_query(client, now_ns, err);
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
	step_query(client, now_ns, HF_SA_QUERY_DONE);
}

/* Doc/protocol.md, "What the host does". */
static void take_delta(struct hf_sa_client *client, uint64_t now_ns, const struct delta_answer *answer)
{
	const struct hf_sa_held *held = &client->held;
	bool is_same = answer->instance == held->instance;

	if (is_same && held->epoch > answer->epoch) {
		if (client->wants_whole) {
			fail_query(client, now_ns, -EAGAIN);
			return;
		}
		note_answer(client, now_ns, HF_SA_ANSWER_KNOWN, answer);
		step_query(client, now_ns, HF_SA_QUERY_DONE);
	} else if (answer->delta.is_whole && answer->counts.paths == 0) {
		fail_query(client, now_ns, -ENOENT);
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
	fail_query(client, now_ns, -EPROTONOSUPPORT);
}

static void take_delta_answer(struct hf_sa_client *client, uint64_t now_ns, const uint8_t *data, size_t bytes)
{
	struct delta_answer answer;
	int err = parse_delta(data, bytes, &answer);

	if (err == -EPROTONOSUPPORT)
		refuse_version(client, now_ns, answer.version);
	else if (err)
		refuse_delta(client, now_ns, "is none", err);
	else
		take_delta(client, now_ns, &answer);
}

static void take_query_answer(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_addr *from,
			      const void *mad, size_t len)
{
	const struct hf_sa_mad *headers = mad;
	size_t bytes = len - offsetof(struct hf_sa_mad, data);

	if (be16toh(headers->hdr.attr_id) != HF_ATTR_PATH_RECORD) {
		drop(client, "another attribute than asked for", from, &headers->hdr);
		return;
	}
	if (be16toh(headers->hdr.status)) {
		hf_log(HF_LOG_WARN, "port %s: the SM at LID %u answered the query with status 0x%04x",
		       hf_gid_format(&client->port.gid).text, from->lid, be16toh(headers->hdr.status));
		fail_query(client, now_ns, -EREMOTEIO);
		return;
	}
	if (bytes > 0 && be16toh(headers->attr_offset) == HF_DELTA_ATTR_OFFSET)
		take_delta_answer(client, now_ns, headers->data, bytes);
	else
		take_table(client, now_ns, mad, len);
}

static bool is_answer_to(const struct request *request, const struct hf_mad_hdr *hdr)
{
	return request->is_outstanding && (uint32_t)be64toh(hdr->tid) == request->tid;
}

/* The kernel gave up on one of our requests. */
static void take_timeout(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_hdr *hdr, int status)
{
	if (is_answer_to(&client->query, hdr)) {
		fail_query(client, now_ns, status);
	} else if (is_answer_to(&client->request, hdr)) {
		client->request.is_outstanding = false;
		step(client, now_ns, HF_SA_FAILED);
	}
}

static bool is_sa_mad(const struct hf_mad_hdr *hdr)
{
	return hdr->base_version == 1 && hdr->mgmt_class == HF_CLASS_SUBN_ADM && hdr->class_version == SA_CLASS_VERSION;
}

void hf_sa_client_receive(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_addr *from, int status,
			  const void *mad, size_t len)
{
	const struct hf_mad_hdr *hdr = mad;

	if (len < sizeof(*hdr)) {
		client->counters.mads_dropped++;
		return;
	}
	if (status) {
		take_timeout(client, now_ns, hdr, status);
		return;
	}
	if (len < offsetof(struct hf_sa_mad, data) || !is_sa_mad(hdr)) {
		drop(client, "no MAD of the SA", from, hdr);
		return;
	}
	if (!is_usable(&client->port) || from->lid != client->port.sm_lid) {
		drop(client, "not from the SM", from, hdr);
		return;
	}
	if (hdr->method == HF_METHOD_REPORT)
		take_report(client, now_ns, from, mad, len);
	else if (!(hdr->method & HF_METHOD_RESP))
		drop(client, "a request that only the SA answers", from, hdr);
	else if (is_answer_to(&client->query, hdr))
		take_query_answer(client, now_ns, from, mad, len);
	else if (is_answer_to(&client->request, hdr))
		take_answer(client, now_ns, from, mad, len);
	else
		drop(client, "an answer that nobody awaits", from, hdr);
}

uint64_t hf_sa_client_deadline_ns(const struct hf_sa_client *client)
{
	return client->deadline_ns < client->query_deadline_ns ? client->deadline_ns : client->query_deadline_ns;
}

void hf_sa_client_handle_timer(struct hf_sa_client *client, uint64_t now_ns)
{
	if (now_ns >= client->deadline_ns)
		step(client, now_ns, HF_SA_TIMER);
	if (now_ns >= client->query_deadline_ns)
		step_query(client, now_ns, HF_SA_QUERY_TIMER);
}

void hf_sa_client_stop(struct hf_sa_client *client, uint64_t now_ns)
{
	step(client, now_ns, HF_SA_STOP);
}

enum hf_sa_state hf_sa_client_state(const struct hf_sa_client *client)
{
	return client->state;
}

enum hf_sa_query_state hf_sa_client_query_state(const struct hf_sa_client *client)
{
	return client->query_state;
}

bool hf_sa_client_is_busy(const struct hf_sa_client *client)
{
	return !is_listening(client) || client->query_state != HF_SA_QUERY_IDLE;
}

struct hf_sa_held hf_sa_client_held(const struct hf_sa_client *client)
{
	return client->held;
}

const struct hf_sa_counters *hf_sa_client_counters(const struct hf_sa_client *client)
{
	return &client->counters;
}

const char *hf_sa_state_name(enum hf_sa_state state)
{
	return state_names[state];
}

const char *hf_sa_query_state_name(enum hf_sa_query_state state)
{
	return query_state_names[state];
}

const char *hf_sa_answer_name(enum hf_sa_answer answer)
{
	return answer_names[answer];
}
