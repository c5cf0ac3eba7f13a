/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/node_service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS	UINT64_C(1000000)
#define BELL_GAP_NS	(10 * NS_PER_MS)	/* between requests that bells lead to */
#define NEWS_GAP_NS	(100 * NS_PER_MS)	/* between those that tell of connections */
#define SUSPECT_NS	(500 * NS_PER_MS)	/* until a word that is not believed is repeated */
#define MAX_AGAIN	3			/* of one request; more than one means that somebody interferes */
#define FIRST_INTERVAL_MS	1000		/* any: no heartbeat is sent before the SM has named one */
#define FIRST_COUNT	3

const char *const hf_node_role_names[HF_NODE_ROLES] = {
	[HF_NODE_UNKNOWN] = "unknown",
	[HF_NODE_STANDBY] = "standby",
	[HF_NODE_OWNER] = "owner",
};

/* A request that is under way. */
struct request {
	bool is_waiting;
	struct hf_stamp stamp;
	uint64_t sent_ns;
	enum hf_service_ask ask;
	uint64_t subject;
	unsigned int again;
	uint64_t news;		/* that it tells */
};

/* What the SM is still to be told of a peer. */
struct to_tell {
	enum hf_service_ask ask;	/* HF_SERVICE_ASK_STATE: nothing */
	uint64_t term;			/* in which it happened */
};

struct hf_node_service {
	const struct hf_node_service_ops *ops;
	void *ctx;
	struct hf_key key;
	struct hf_stamper stamper;
	char service[HF_SERVICE_WIRE_NAME_MAX + 1];
	uint64_t guid;
	int report_ms, timeout_ms;
	struct hf_heartbeat *heartbeat;
	bool is_beating;
	bool has_own_times;		/* of heartbeats, whatever the SM says */
	int interval_ms, count;		/* in force */
	struct to_tell *to_tell;	/* by index of peers */

	enum hf_node_role role;
	uint64_t term, owner;
	struct hf_node_order order;
	uint64_t order_instance;	/* of the SM that gave it */
	enum hf_service_progress progress;
	uint16_t exit_status;
	uint32_t connections;
	uint64_t news, told_news;	/* of order and connections: counts, and what the SM has answered */

	struct hf_stamp sm_stamp;	/* of its last answer */
	struct request request;
	unsigned int failures;		/* in a row */
	bool rang;			/* while a request was under way */
	uint64_t next_ask_ns;		/* 0: at once */
	uint64_t answered_ns;
	enum hf_service_status answer;
	struct hf_node_service_counters counters;
};

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The next request leaves at @at_ns, unless one was to leave earlier. */
static void ask_by(struct hf_node_service *node, uint64_t at_ns)
{
	if (node->next_ask_ns > at_ns)
		node->next_ask_ns = at_ns;
}

static void set_term(struct hf_node_service *node, uint64_t term, uint64_t owner)
{
	enum hf_node_role old = node->role;
	uint64_t old_term = node->term;

	if (term == node->term && owner == node->owner)
		return;
	node->term = term;
	node->owner = owner;
	node->role = owner == node->guid ? HF_NODE_OWNER : HF_NODE_STANDBY;
	hf_heartbeat_set_term(node->heartbeat, term, owner);
	node->ops->role(node->ctx, old, old_term);
}

/* What the heartbeats say */

static void send_heartbeat(void *ctx, uint64_t guid, const struct hf_service_mad *mad)
{
	struct hf_node_service *node = ctx;

	node->ops->send_peer(node->ctx, guid, mad);
}

static void note_peer(void *ctx, const struct hf_peer *peer, enum hf_peer_state old)
{
	struct hf_node_service *node = ctx;
	size_t count;
	const struct hf_peer *peers = hf_heartbeat_peers(node->heartbeat, &count);

	node->to_tell[peer - peers] = (struct to_tell){
		.ask = peer->state == HF_PEER_LOST ? HF_SERVICE_ASK_FAILED : HF_SERVICE_ASK_RECOVERED,
		.term = node->term,
	};
	node->next_ask_ns = 0;
	node->ops->peer(node->ctx, peer, old);
}

static void note_term(void *ctx, uint64_t term, uint64_t owner)
{
	set_term(ctx, term, owner);
}

static const struct hf_heartbeat_ops heartbeat_ops = {
	.send = send_heartbeat,
	.changed = note_peer,
	.later_term = note_term,
};

int hf_node_service_new(const struct hf_node_service_config *config, const struct hf_node_service_ops *ops, void *ctx,
			struct hf_node_service **ret_node)
{
	struct hf_node_service *node = calloc(1, sizeof(*node));
	int err = -ENOMEM;

	if (!node)
		return err;
	node->ops = ops;
	node->ctx = ctx;
	node->key = *config->key;
	node->stamper.instance = config->instance;
	strncpy(node->service, config->service, HF_SERVICE_WIRE_NAME_MAX);
	node->guid = config->guid;
	node->report_ms = config->report_ms;
	node->timeout_ms = config->timeout_ms;
	node->has_own_times = node->is_beating = config->interval_ms > 0;
	node->interval_ms = node->is_beating ? config->interval_ms : FIRST_INTERVAL_MS;
	node->count = node->is_beating ? config->count : FIRST_COUNT;
	node->connections = HF_SERVICE_CONNECTIONS_UNKNOWN;
	node->to_tell = calloc(config->peer_count + 1, sizeof(*node->to_tell));
	if (!node->to_tell)
		goto err_free_node;
	const struct hf_heartbeat_config heartbeat_config = {
		.service = node->service, .guid = node->guid, .peers = config->peers,
		.peer_count = config->peer_count, .interval_ms = node->interval_ms, .count = node->count,
		.key = &node->key, .stamper = &node->stamper,
	};
	err = hf_heartbeat_new(&heartbeat_config, &heartbeat_ops, node, &node->heartbeat);
	if (err)
		goto err_free_node;
	*ret_node = node;
	return 0;

err_free_node:
	hf_node_service_free(node);
	return err;
}

void hf_node_service_free(struct hf_node_service *node)
{
	if (!node)
		return;
	hf_heartbeat_free(node->heartbeat);
	explicit_bzero(&node->key, sizeof(node->key));
	free(node->to_tell);
	free(node);
}

/* Requests */

static bool is_to_be_told(const struct hf_node_service *node, const struct to_tell *to_tell)
{
	switch (to_tell->ask) {
	case HF_SERVICE_ASK_FAILED:
		return node->term && to_tell->term == node->term;
	case HF_SERVICE_ASK_RECOVERED:
		return true;
	case HF_SERVICE_ASK_STATE:
	case HF_SERVICE_ASKS:
		break;
	}
	return false;
}

/* Losses first. Return: the peer, with what is to be told of it; NULL for none. */
static const struct hf_peer *choose_subject(struct hf_node_service *node, enum hf_service_ask *ret_ask)
{
	size_t count;
	const struct hf_peer *peers = hf_heartbeat_peers(node->heartbeat, &count), *chosen = NULL;

	*ret_ask = HF_SERVICE_ASK_STATE;
	for (size_t i = 0; i < count; i++) {
		struct to_tell *to_tell = &node->to_tell[i];

		if (!is_to_be_told(node, to_tell)) {
			to_tell->ask = HF_SERVICE_ASK_STATE;
			continue;
		}
		if (!chosen || (to_tell->ask == HF_SERVICE_ASK_FAILED && *ret_ask != HF_SERVICE_ASK_FAILED)) {
			chosen = &peers[i];
			*ret_ask = to_tell->ask;
		}
	}
	return chosen;
}

static bool has_news(struct hf_node_service *node)
{
	enum hf_service_ask ask;

	return choose_subject(node, &ask) || node->told_news != node->news;
}

static void send_request(struct hf_node_service *node, uint64_t now_ns)
{
	enum hf_service_ask ask;
	const struct hf_peer *subject = choose_subject(node, &ask);
	struct request *request = &node->request;
	struct hf_service_mad mad;

	request->is_waiting = true;
	request->stamp = hf_stamper_next(&node->stamper, now_ns);
	request->sent_ns = now_ns;
	request->ask = ask;
	request->subject = subject ? subject->guid : 0;
	request->news = node->news;
	const struct hf_service_msg msg = {
		.kind = HF_SERVICE_REQUEST, .from = node->guid, .stamp = request->stamp, .echo = node->sm_stamp,
		.term = node->term, .owner = node->owner,
		.request = {
			.ask = ask, .subject = request->subject, .order_id = node->order.id,
			.progress = node->progress, .exit_status = node->exit_status,
			.connections = node->connections,
		},
	};
	struct hf_service_msg named = msg;

	memcpy(named.service, node->service, sizeof(named.service));
	hf_service_wire_write(&named, &node->key, (uint32_t)request->stamp.ns, &mad);
	node->next_ask_ns = now_ns + node->report_ms * NS_PER_MS;
	node->counters.requests++;
	/* Sent or not: without an answer it is repeated. */
	(void)node->ops->send_sm(node->ctx, &mad);
}

static uint64_t timeout_ns(const struct hf_node_service *node)
{
	uint64_t ms = node->timeout_ms;

	for (unsigned int i = 0; i < node->failures && ms < (uint64_t)node->report_ms; i++)
		ms *= 2;
	if (ms > (uint64_t)node->report_ms && node->report_ms > node->timeout_ms)
		ms = node->report_ms;
	return ms * NS_PER_MS;
}

static void start_over(struct hf_node_service *node)
{
	node->request.again = 0;
	node->rang = false;
}

/* Without an answer the same again, whatever was to be told then. */
static void check_timeout(struct hf_node_service *node, uint64_t now_ns)
{
	if (!node->request.is_waiting || now_ns < node->request.sent_ns + timeout_ns(node))
		return;
	node->request.is_waiting = false;
	node->failures++;
	node->counters.timeouts++;
	start_over(node);
	node->next_ask_ns = now_ns;
}

void hf_node_service_run(struct hf_node_service *node, uint64_t now_ns)
{
	if (node->is_beating)
		hf_heartbeat_run(node->heartbeat, now_ns);
	check_timeout(node, now_ns);
	if (now_ns < node->next_ask_ns)
		return;
	/* What is new does not wait for the answer to what is old. */
	if (!node->request.is_waiting || !node->next_ask_ns)
		send_request(node, now_ns);
}

uint64_t hf_node_service_deadline_ns(const struct hf_node_service *node)
{
	uint64_t deadline_ns = node->next_ask_ns;

	if (node->request.is_waiting && node->next_ask_ns)
		deadline_ns = node->request.sent_ns + timeout_ns(node);
	if (node->is_beating && hf_heartbeat_deadline_ns(node->heartbeat) < deadline_ns)
		deadline_ns = hf_heartbeat_deadline_ns(node->heartbeat);
	return deadline_ns;
}

void hf_node_service_ask(struct hf_node_service *node, uint64_t now_ns)
{
	(void)now_ns;
	node->failures = 0;
	node->next_ask_ns = 0;
}

/* What the SM says */

static void take_times(struct hf_node_service *node, uint64_t now_ns, const struct hf_service_answer *answer)
{
	bool is_beating = answer->interval_ms && answer->count && answer->interval_ms <= INT32_MAX;

	if (node->has_own_times)
		return;
	if (is_beating && ((int)answer->interval_ms != node->interval_ms || answer->count != node->count)) {
		node->interval_ms = (int)answer->interval_ms;
		node->count = answer->count;
		hf_heartbeat_set_times(node->heartbeat, now_ns, node->interval_ms, node->count);
	}
	node->is_beating = is_beating;
}

static void take_order(struct hf_node_service *node, const struct hf_service_msg *msg)
{
	const struct hf_service_answer *answer = &msg->answer;
	bool was_running = node->progress == HF_SERVICE_PROGRESS_RUNNING;

	if (answer->order_id == node->order.id && (!node->order.id || msg->stamp.instance == node->order_instance))
		return;
	node->order = (struct hf_node_order){
		.order = answer->order, .id = answer->order_id, .limit_ms = answer->limit_ms,
		.subject = answer->subject,
	};
	node->order_instance = msg->stamp.instance;
	node->progress = answer->order_id ? HF_SERVICE_PROGRESS_RUNNING : HF_SERVICE_PROGRESS_NONE;
	node->exit_status = 0;
	node->news++;
	if (answer->order_id || was_running)
		node->ops->order(node->ctx, &node->order);
}

static void take_verdict(struct hf_node_service *node, enum hf_service_status status)
{
	const struct request *request = &node->request;
	size_t count;
	const struct hf_peer *peers = hf_heartbeat_peers(node->heartbeat, &count);

	if (status == HF_SERVICE_NOT_READY)
		return;
	node->told_news = request->news;
	if (status == HF_SERVICE_SUSPECT)
		return;
	for (size_t i = 0; i < count; i++)
		if (peers[i].guid == request->subject && node->to_tell[i].ask == request->ask)
			node->to_tell[i].ask = HF_SERVICE_ASK_STATE;
	if (status == HF_SERVICE_OK)
		return;
	node->counters.refused++;
	node->ops->refused(node->ctx, request->ask, request->subject, status);
}

/* The SM's word is the latest, unless it has forgotten a term that others remember: then it will name a later one. */
static void take_term(struct hf_node_service *node, const struct hf_service_msg *msg)
{
	if (msg->answer.status != HF_SERVICE_NOT_READY && msg->term >= node->term && msg->term)
		set_term(node, msg->term, msg->owner);
}

static int repeat_request(struct hf_node_service *node, uint64_t now_ns)
{
	node->counters.again++;
	if (++node->request.again > MAX_AGAIN)
		return -ESTALE;
	send_request(node, now_ns);
	return 0;
}

/* When to tell what is still to be told. */
static uint64_t retry_ns(const struct hf_node_service *node, uint64_t now_ns)
{
	if (node->answer == HF_SERVICE_SUSPECT)
		return node->request.sent_ns + SUSPECT_NS;
	return node->failures ? node->request.sent_ns + timeout_ns(node) : now_ns;
}

static int take_answer(struct hf_node_service *node, uint64_t now_ns, const struct hf_service_msg *msg)
{
	struct request *request = &node->request;

	if (!request->is_waiting || msg->echo.instance != request->stamp.instance ||
	    msg->echo.ns != request->stamp.ns) {
		node->counters.strange++;
		return -ENOENT;
	}
	node->sm_stamp = msg->stamp;
	if (msg->answer.status == HF_SERVICE_AGAIN)
		return repeat_request(node, now_ns);
	request->is_waiting = false;
	node->counters.answers++;
	node->answered_ns = now_ns;
	node->answer = msg->answer.status;
	node->failures = msg->answer.status == HF_SERVICE_NOT_READY ? node->failures + 1 : 0;
	take_term(node, msg);
	take_times(node, now_ns, &msg->answer);
	take_verdict(node, msg->answer.status);
	take_order(node, msg);
	if (node->rang)
		ask_by(node, request->sent_ns + BELL_GAP_NS);
	if (has_news(node))
		ask_by(node, retry_ns(node, now_ns));
	start_over(node);
	return 0;
}

static int take_bell(struct hf_node_service *node)
{
	node->counters.bells++;
	/* It may have been rung after the SM wrote the answer that is on its way. */
	if (node->request.is_waiting)
		node->rang = true;
	else
		ask_by(node, later(node->request.sent_ns + BELL_GAP_NS, 1));
	return 0;
}

int hf_node_service_receive(struct hf_node_service *node, uint64_t now_ns, const struct hf_service_mad *mad,
			    const struct hf_service_msg *msg)
{
	if (msg->kind == HF_SERVICE_HEARTBEAT)
		return hf_heartbeat_receive(node->heartbeat, now_ns, mad, msg);
	if (!hf_service_wire_is_authentic(mad, &node->key)) {
		node->counters.forged++;
		return -EKEYREJECTED;
	}
	if (msg->from || msg->to != node->guid || strcmp(msg->service, node->service) ||
	    msg->kind == HF_SERVICE_REQUEST) {
		node->counters.strange++;
		return -ENOENT;
	}
	return msg->kind == HF_SERVICE_ANSWER ? take_answer(node, now_ns, msg) : take_bell(node);
}

void hf_node_service_order_ended(struct hf_node_service *node, uint64_t now_ns, uint32_t id,
				 enum hf_service_progress progress, uint16_t exit_status)
{
	(void)now_ns;
	if (!id || id != node->order.id || node->progress != HF_SERVICE_PROGRESS_RUNNING)
		return;
	node->progress = progress;
	node->exit_status = exit_status;
	node->news++;
	node->next_ask_ns = 0;
}

void hf_node_service_set_connections(struct hf_node_service *node, uint64_t now_ns, uint32_t connections)
{
	if (connections == node->connections)
		return;
	node->connections = connections;
	node->news++;
	ask_by(node, later(now_ns, node->request.sent_ns + NEWS_GAP_NS));
}

void hf_node_service_get_status(const struct hf_node_service *node, struct hf_node_service_status *ret_status)
{
	*ret_status = (struct hf_node_service_status){
		.service = node->service,
		.role = node->role,
		.term = node->term,
		.owner = node->owner,
		.order = node->order,
		.progress = node->progress,
		.exit_status = node->exit_status,
		.connections = node->connections,
		.answered_ns = node->answered_ns,
		.answer = node->answer,
		.is_beating = node->is_beating,
		.interval_ms = node->interval_ms,
		.count = node->count,
		.heartbeats = hf_heartbeat_counters(node->heartbeat),
		.counters = &node->counters,
	};
	ret_status->peers = hf_heartbeat_peers(node->heartbeat, &ret_status->peer_count);
}
