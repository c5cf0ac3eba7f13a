/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/service_nodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/hash.h"

#define NS_PER_MS	UINT64_C(1000000)
#define WINDOW_NS	(2000 * NS_PER_MS)	/* how old our stamp may be that a request sends back */
#define FIRST_RING_NS	(50 * NS_PER_MS)	/* until the bell is rung again; then twice as long */
#define MAX_RINGS	8			/* of one news; a node that is there asks by itself, too */
#define RINGS_AT_A_TIME	64
#define PACE_NS		NS_PER_MS		/* between as many */
#define DOUBT_NS	(400 * NS_PER_MS)	/* in which who is doubted must have asked */
#define ACQUITTED_NS	(500 * NS_PER_MS)	/* in which who is back hears who else is */
#define QPN_GSI		1

struct service;

struct node {
	uint64_t guid;
	struct service *service;
	struct hf_contact contact;
	struct hf_mad_addr addr;	/* of its last request */
	struct hf_service_node_report report;
	uint32_t order_id;		/* of report.order; 0: none */
	uint32_t limit_ms;
	uint64_t subject;
	uint64_t accused[HF_SERVICE_LOOK_MAX];	/* whom it says to have failed */
	size_t accused_count;
	uint64_t acquitted_ns;		/* when its own failure was taken back; 0: never */
	uint64_t doubted_ns;		/* since when it is to show that it can still say so; 0: never */
	unsigned int rings;		/* of this news */
	uint64_t ring_ns;		/* the next one */
	TAILQ_ENTRY(node) of_behind;	/* where report.is_behind and rings < MAX_RINGS */
};

/* A failback that is being prepared. */
struct handover {
	uint64_t term;			/* 0: none */
	uint64_t from, to;
	uint64_t end_ns;
};

struct service {
	char name[HF_SERVICE_WIRE_NAME_MAX + 1];
	struct hf_key key;
	bool is_put;			/* since the last sweep */
	struct handover handover;
	size_t node_count;
	struct node *nodes[HF_SERVICE_LOOK_MAX];
	bool not_added;
	UT_hash_handle hh;
};

TAILQ_HEAD(behind, node);

struct hf_service_nodes {
	const struct hf_service_nodes_ops *ops;
	void *ctx;
	struct hf_stamper stamper;
	uint32_t last_order_id;
	struct service *services;
	struct behind behind;		/* in no order */
	uint64_t blocked_until_ns;	/* enough was sent at once */
	struct hf_service_nodes_counters counters;
};

int hf_service_nodes_new(const struct hf_service_nodes_ops *ops, void *ctx, uint64_t instance,
			 struct hf_service_nodes **ret_nodes)
{
	struct hf_service_nodes *nodes = calloc(1, sizeof(*nodes));

	if (!nodes)
		return -ENOMEM;
	nodes->ops = ops;
	nodes->ctx = ctx;
	nodes->stamper.instance = instance;
	TAILQ_INIT(&nodes->behind);
	*ret_nodes = nodes;
	return 0;
}

static bool is_listed(const struct node *node)
{
	return node->report.is_behind && node->rings < MAX_RINGS;
}

static void free_node(struct hf_service_nodes *nodes, struct node *node)
{
	if (is_listed(node))
		TAILQ_REMOVE(&nodes->behind, node, of_behind);
	free(node);
}

static void free_service(struct hf_service_nodes *nodes, struct service *service)
{
	HASH_DEL(nodes->services, service);
	for (size_t i = 0; i < service->node_count; i++)
		free_node(nodes, service->nodes[i]);
	explicit_bzero(&service->key, sizeof(service->key));
	free(service);
}

void hf_service_nodes_free(struct hf_service_nodes *nodes)
{
	struct service *service, *next;

	if (!nodes)
		return;
	HASH_ITER(hh, nodes->services, service, next)
		free_service(nodes, service);
	free(nodes);
}

static struct service *find_service(const struct hf_service_nodes *nodes, const char *name)
{
	struct service *service;

	HASH_FIND_STR(nodes->services, name, service);
	return service;
}

int hf_service_nodes_put(struct hf_service_nodes *nodes, const char *name, const struct hf_key *key)
{
	struct service *service = find_service(nodes, name);

	if (!service) {
		service = calloc(1, sizeof(*service));
		if (!service)
			return -ENOMEM;
		strncpy(service->name, name, HF_SERVICE_WIRE_NAME_MAX);
		HASH_ADD_STR(nodes->services, name, service);
		if (service->not_added) {
			free(service);
			return -ENOMEM;
		}
	}
	service->key = *key;
	service->is_put = true;
	return 0;
}

void hf_service_nodes_sweep(struct hf_service_nodes *nodes)
{
	struct service *service, *next;

	HASH_ITER(hh, nodes->services, service, next) {
		if (!service->is_put)
			free_service(nodes, service);
		else
			service->is_put = false;
	}
}

static struct node *find_node(const struct service *service, uint64_t guid)
{
	for (size_t i = 0; i < service->node_count; i++)
		if (service->nodes[i]->guid == guid)
			return service->nodes[i];
	return NULL;
}

static int index_in_look(const struct hf_service_look *look, uint64_t guid)
{
	for (size_t i = 0; guid && i < look->node_count; i++)
		if (look->nodes[i].guid == guid)
			return (int)i;
	return -1;
}

/* Room for one that is configured; one that is not any more makes way. */
static struct node *put_node(struct hf_service_nodes *nodes, struct service *service, uint64_t guid,
			     const struct hf_service_look *look)
{
	struct node *node = find_node(service, guid);
	size_t at = service->node_count;

	if (node)
		return node;
	for (size_t i = 0; at == HF_SERVICE_LOOK_MAX && i < service->node_count; i++)
		if (index_in_look(look, service->nodes[i]->guid) < 0) {
			free_node(nodes, service->nodes[i]);
			service->nodes[i] = service->nodes[--service->node_count];
			at = service->node_count;
		}
	node = at < HF_SERVICE_LOOK_MAX ? calloc(1, sizeof(*node)) : NULL;
	if (!node)
		return NULL;
	node->guid = node->report.guid = guid;
	node->service = service;
	node->report.connections = HF_SERVICE_CONNECTIONS_UNKNOWN;
	service->nodes[service->node_count++] = node;
	return node;
}

/* Bells */

static void set_behind(struct hf_service_nodes *nodes, struct node *node, uint64_t now_ns)
{
	if (!is_listed(node))
		TAILQ_INSERT_TAIL(&nodes->behind, node, of_behind);
	node->report.is_behind = true;
	node->rings = 0;
	node->ring_ns = now_ns;
	nodes->ops->reported(nodes->ctx, node->service->name, &node->report);
}

static void set_not_behind(struct hf_service_nodes *nodes, struct node *node)
{
	if (is_listed(node))
		TAILQ_REMOVE(&nodes->behind, node, of_behind);
	node->report.is_behind = false;
	nodes->ops->reported(nodes->ctx, node->service->name, &node->report);
}

static struct hf_service_msg start_msg(struct hf_service_nodes *nodes, uint64_t now_ns, enum hf_service_kind kind,
				       const struct service *service, uint64_t to, const struct hf_service_look *look)
{
	struct hf_service_msg msg = {
		.kind = kind, .to = to, .stamp = hf_stamper_next(&nodes->stamper, now_ns),
		.term = look->term, .owner = look->owner,
	};

	memcpy(msg.service, service->name, sizeof(msg.service));
	return msg;
}

static void send_bell(struct hf_service_nodes *nodes, uint64_t now_ns, struct node *node)
{
	struct hf_mad_addr to = { .qpn = QPN_GSI };
	struct hf_service_look look;
	struct hf_service_msg msg;
	struct hf_service_mad mad;
	int index;

	if (nodes->ops->look(nodes->ctx, node->service->name, &look))
		return;
	index = index_in_look(&look, node->guid);
	if (index < 0 || !look.nodes[index].lid)
		return;
	to.lid = look.nodes[index].lid;
	if (node->addr.lid == to.lid)
		to = node->addr;
	msg = start_msg(nodes, now_ns, HF_SERVICE_BELL, node->service, node->guid, &look);
	hf_service_wire_write(&msg, &node->service->key, (uint32_t)msg.stamp.ns, &mad);
	nodes->counters.bells++;
	(void)nodes->ops->send(nodes->ctx, &to, &mad);
}

void hf_service_nodes_run(struct hf_service_nodes *nodes, uint64_t now_ns)
{
	struct node *node, *next;
	int rung = 0;

	if (now_ns < nodes->blocked_until_ns)
		return;
	for (node = TAILQ_FIRST(&nodes->behind); node; node = next) {
		next = TAILQ_NEXT(node, of_behind);
		if (now_ns < node->ring_ns)
			continue;
		if (rung++ == RINGS_AT_A_TIME) {
			nodes->blocked_until_ns = now_ns + PACE_NS;
			return;
		}
		send_bell(nodes, now_ns, node);
		node->ring_ns = now_ns + (FIRST_RING_NS << node->rings);
		if (++node->rings == MAX_RINGS)
			TAILQ_REMOVE(&nodes->behind, node, of_behind);
	}
}

uint64_t hf_service_nodes_deadline_ns(const struct hf_service_nodes *nodes)
{
	uint64_t deadline_ns = UINT64_MAX;
	const struct node *node;

	TAILQ_FOREACH(node, &nodes->behind, of_behind)
		if (node->ring_ns < deadline_ns)
			deadline_ns = node->ring_ns;
	return deadline_ns < nodes->blocked_until_ns ? nodes->blocked_until_ns : deadline_ns;
}

void hf_service_nodes_ring(struct hf_service_nodes *nodes, uint64_t now_ns, const char *name)
{
	struct service *service = find_service(nodes, name);
	struct hf_service_look look;

	if (!service || nodes->ops->look(nodes->ctx, name, &look))
		return;
	for (size_t i = 0; i < look.node_count; i++) {
		struct node *node = look.nodes[i].guid ? put_node(nodes, service, look.nodes[i].guid, &look) : NULL;

		/* Without memory it hears of it when it asks. */
		if (node)
			set_behind(nodes, node, now_ns);
	}
}

/* Orders */

static void give_order(struct hf_service_nodes *nodes, uint64_t now_ns, struct node *node, enum hf_service_order order,
		       uint64_t subject, uint32_t limit_ms)
{
	if (order == HF_SERVICE_ORDER_NONE && !node->order_id)
		return;
	if (order != HF_SERVICE_ORDER_NONE && !++nodes->last_order_id)
		nodes->last_order_id = 1;
	node->order_id = order == HF_SERVICE_ORDER_NONE ? 0 : nodes->last_order_id;
	node->subject = subject;
	node->limit_ms = limit_ms;
	node->report.order = order;
	node->report.progress = HF_SERVICE_PROGRESS_NONE;
	node->report.exit_status = 0;
	set_behind(nodes, node, now_ns);
}

/* Return: the node that is to have the order; NULL where it is none of the service's, or there is no memory. */
static struct node *order_node(struct hf_service_nodes *nodes, uint64_t now_ns, struct service *service,
			       uint64_t guid, enum hf_service_order order, uint64_t subject, uint32_t limit_ms)
{
	struct hf_service_look look;
	struct node *node = NULL;

	if (!nodes->ops->look(nodes->ctx, service->name, &look) && index_in_look(&look, guid) >= 0)
		node = put_node(nodes, service, guid, &look);
	if (node)
		give_order(nodes, now_ns, node, order, subject, limit_ms);
	return node;
}

/* @order: the first, to the owner */
static void begin_handover(struct hf_service_nodes *nodes, uint64_t now_ns, const char *name, uint64_t term,
			   uint64_t from, uint64_t to, uint32_t limit_ms, enum hf_service_order order)
{
	struct service *service = find_service(nodes, name);

	if (!service)
		return;
	service->handover = (struct handover){
		.term = term, .from = from, .to = to, .end_ns = now_ns + limit_ms * NS_PER_MS,
	};
	order_node(nodes, now_ns, service, from, order, to, limit_ms);
}

void hf_service_nodes_transfer(struct hf_service_nodes *nodes, uint64_t now_ns, const char *name, uint64_t term,
			       uint64_t from, uint64_t to, uint32_t limit_ms)
{
	begin_handover(nodes, now_ns, name, term, from, to, limit_ms, HF_SERVICE_ORDER_GIVE);
}

void hf_service_nodes_drain(struct hf_service_nodes *nodes, uint64_t now_ns, const char *name, uint64_t term,
			    uint64_t from, uint64_t to, uint32_t limit_ms)
{
	begin_handover(nodes, now_ns, name, term, from, to, limit_ms, HF_SERVICE_ORDER_DRAIN);
}

void hf_service_nodes_cancel(struct hf_service_nodes *nodes, uint64_t now_ns, const char *name)
{
	struct service *service = find_service(nodes, name);

	if (!service)
		return;
	service->handover = (struct handover){ 0 };
	for (size_t i = 0; i < service->node_count; i++)
		if (service->nodes[i]->order_id && service->nodes[i]->report.order != HF_SERVICE_ORDER_RESUME)
			give_order(nodes, now_ns, service->nodes[i], HF_SERVICE_ORDER_RESUME,
				   service->nodes[i]->subject, service->nodes[i]->limit_ms);
}

void hf_service_nodes_settle(struct hf_service_nodes *nodes, uint64_t now_ns, const char *name)
{
	struct service *service = find_service(nodes, name);

	if (!service)
		return;
	service->handover = (struct handover){ 0 };
	for (size_t i = 0; i < service->node_count; i++)
		give_order(nodes, now_ns, service->nodes[i], HF_SERVICE_ORDER_NONE, 0, 0);
	hf_service_nodes_ring(nodes, now_ns, name);
}

static uint32_t rest_ms(const struct handover *handover, uint64_t now_ns)
{
	return handover->end_ns > now_ns ? (handover->end_ns - now_ns) / NS_PER_MS + 1 : 1;
}

/* An order of a handover has ended. */
static void go_on(struct hf_service_nodes *nodes, uint64_t now_ns, struct service *service, const struct node *node)
{
	const struct handover handover = service->handover;
	bool is_done = node->report.progress == HF_SERVICE_PROGRESS_DONE;

	if (!handover.term)
		return;
	switch (node->report.order) {
	case HF_SERVICE_ORDER_GIVE:
		if (is_done && order_node(nodes, now_ns, service, handover.to, HF_SERVICE_ORDER_TAKE, handover.from,
					  rest_ms(&handover, now_ns)))
			return;
		nodes->ops->transfer_ended(nodes->ctx, service->name, handover.term, false);
		break;
	case HF_SERVICE_ORDER_TAKE:
		nodes->ops->transfer_ended(nodes->ctx, service->name, handover.term, is_done);
		break;
	case HF_SERVICE_ORDER_DRAIN:
		/* Otherwise nobody knows whether connections are left: the limit decides. */
		if (is_done)
			nodes->ops->drained(nodes->ctx, service->name, handover.term);
		break;
	case HF_SERVICE_ORDER_NONE:
	case HF_SERVICE_ORDER_RESUME:
	case HF_SERVICE_ORDERS:
		break;
	}
}

static bool has_ended(enum hf_service_progress progress)
{
	return progress >= HF_SERVICE_PROGRESS_DONE;
}

static void take_report(struct hf_service_nodes *nodes, uint64_t now_ns, struct service *service, struct node *node,
			const struct hf_service_msg *msg)
{
	const struct hf_service_request *request = &msg->request;
	bool had_ended = has_ended(node->report.progress);

	node->report.heard_ns = now_ns;
	node->report.term = msg->term;
	node->report.connections = request->connections;
	if (!node->order_id || request->order_id != node->order_id)
		return;
	node->report.progress = request->progress;
	node->report.exit_status = request->exit_status;
	if (!had_ended && has_ended(request->progress))
		go_on(nodes, now_ns, service, node);
}

/* Who says that who has failed */

static size_t find_accused(const struct node *node, uint64_t guid)
{
	size_t i = 0;

	while (i < node->accused_count && node->accused[i] != guid)
		i++;
	return i;
}

static bool is_accused(const struct service *service, uint64_t guid)
{
	for (size_t i = 0; i < service->node_count; i++)
		if (find_accused(service->nodes[i], guid) < service->nodes[i]->accused_count)
			return true;
	return false;
}

static void withdraw(struct node *node, uint64_t guid)
{
	size_t i = find_accused(node, guid);

	if (i < node->accused_count)
		node->accused[i] = node->accused[--node->accused_count];
}

static void acquit(struct service *service, uint64_t guid, uint64_t now_ns)
{
	struct node *node = find_node(service, guid);

	if (node && is_accused(service, guid))
		node->acquitted_ns = now_ns;
	for (size_t i = 0; i < service->node_count; i++)
		withdraw(service->nodes[i], guid);
}

/* Takes back what it said of others, where nobody else says so. */
static void silence(struct hf_service_nodes *nodes, struct service *service, uint64_t guid, uint64_t by_guid,
		    uint64_t term)
{
	struct node *node = find_node(service, guid);

	while (node && node->accused_count) {
		uint64_t other = node->accused[0];

		withdraw(node, other);
		if (!is_accused(service, other))
			(void)nodes->ops->recovered(nodes->ctx, service->name, other, by_guid, term);
	}
}

/* Asks whether a node is there. Return: false where it was asked before, and has not answered in time. */
static bool is_there(struct hf_service_nodes *nodes, uint64_t now_ns, struct node *node)
{
	if (node->doubted_ns && node->report.heard_ns < node->doubted_ns)
		return now_ns < node->doubted_ns + DOUBT_NS;
	node->doubted_ns = now_ns;
	set_behind(nodes, node, now_ns);
	return true;
}

/* Does nobody say that a node has failed who could know better by now? */
static bool is_believed(struct hf_service_nodes *nodes, uint64_t now_ns, struct service *service,
			const struct hf_service_msg *msg)
{
	bool was_accused = is_accused(service, msg->from), is_clear = true;

	for (size_t i = 0; i < service->node_count; i++) {
		struct node *accuser = service->nodes[i];

		if (find_accused(accuser, msg->from) == accuser->accused_count)
			continue;
		if (is_there(nodes, now_ns, accuser))
			is_clear = false;
		else
			withdraw(accuser, msg->from);
	}
	if (was_accused && is_clear)
		(void)nodes->ops->recovered(nodes->ctx, service->name, msg->from, msg->request.subject, msg->term);
	return is_clear;
}

/* Who says so of one more node may be cut off himself: then that one is there for us. */
static bool is_cut_off(struct hf_service_nodes *nodes, uint64_t now_ns, struct service *service, const struct node *by,
		       uint64_t guid)
{
	struct node *node = find_node(service, guid);

	if (!node || !by->accused_count || find_accused(by, guid) < by->accused_count)
		return false;
	return is_there(nodes, now_ns, node);
}

static int accuse(struct hf_service_nodes *nodes, struct service *service, struct node *by,
		  const struct hf_service_msg *msg)
{
	uint64_t guid = msg->request.subject;
	int err;

	silence(nodes, service, guid, by->guid, msg->term);
	err = nodes->ops->failed(nodes->ctx, service->name, guid, by->guid, msg->term);
	if (!err && find_accused(by, guid) == by->accused_count && by->accused_count < HF_SERVICE_LOOK_MAX)
		by->accused[by->accused_count++] = guid;
	return err;
}

/* Requests */

static enum hf_service_status status_of(int err)
{
	switch (err) {
	case 0:
		return HF_SERVICE_OK;
	case -ESTALE:
		return HF_SERVICE_STALE_TERM;
	case -EPERM:
		return HF_SERVICE_DISABLED;
	case -EACCES:
	case -ENOENT:
		return HF_SERVICE_NO_NODE;
	default:
		return HF_SERVICE_NOT_READY;
	}
}

static enum hf_service_status act(struct hf_service_nodes *nodes, uint64_t now_ns, struct service *service,
				  struct node *node, const struct hf_service_msg *msg,
				  const struct hf_service_look *look)
{
	const struct hf_service_request *request = &msg->request;

	if (!look->is_ready)
		return HF_SERVICE_NOT_READY;
	if (msg->term > look->term)
		nodes->ops->later_term(nodes->ctx, service->name, msg->term);
	switch (request->ask) {
	case HF_SERVICE_ASK_FAILED:
		/* Who knows no term knows nothing of who is to own the service. */
		if (!msg->term || msg->term < look->term)
			return HF_SERVICE_STALE_TERM;
		if (index_in_look(look, request->subject) < 0 || request->subject == msg->from)
			return HF_SERVICE_NO_NODE;
		if (node->acquitted_ns && now_ns < node->acquitted_ns + ACQUITTED_NS)
			return HF_SERVICE_SUSPECT;
		if (!is_believed(nodes, now_ns, service, msg) ||
		    is_cut_off(nodes, now_ns, service, node, request->subject))
			return HF_SERVICE_SUSPECT;
		return status_of(accuse(nodes, service, node, msg));
	case HF_SERVICE_ASK_RECOVERED:
		if (index_in_look(look, request->subject) < 0 || request->subject == msg->from)
			return HF_SERVICE_NO_NODE;
		acquit(service, request->subject, now_ns);
		return status_of(nodes->ops->recovered(nodes->ctx, service->name, request->subject, msg->from,
						       msg->term));
	case HF_SERVICE_ASK_STATE:
	case HF_SERVICE_ASKS:
		break;
	}
	return HF_SERVICE_OK;
}

static void send_answer(struct hf_service_nodes *nodes, uint64_t now_ns, const struct service *service,
			const struct node *node, const struct hf_mad_addr *to, const struct hf_service_msg *request,
			enum hf_service_status status, uint64_t tid)
{
	struct hf_service_look look = { 0 };
	struct hf_service_msg msg;
	struct hf_service_mad mad;

	/* What came of the request is in it, where that was quick. */
	(void)nodes->ops->look(nodes->ctx, service->name, &look);
	msg = start_msg(nodes, now_ns, HF_SERVICE_ANSWER, service, request->from, &look);
	msg.echo = request->stamp;
	msg.answer = (struct hf_service_answer){
		.status = status,
		.order = node ? node->report.order : HF_SERVICE_ORDER_NONE,
		.order_id = node ? node->order_id : 0,
		.limit_ms = node ? node->limit_ms : 0,
		.subject = node ? node->subject : 0,
		.interval_ms = look.interval_ms,
		.count = look.count,
	};
	hf_service_wire_write(&msg, &service->key, tid, &mad);
	(void)nodes->ops->send(nodes->ctx, to, &mad);
}

static int answer_node(struct hf_service_nodes *nodes, uint64_t now_ns, struct service *service, struct node *node,
		       const struct hf_mad_addr *from, const struct hf_service_msg *msg, uint64_t tid,
		       const struct hf_service_look *look)
{
	enum hf_service_status status;

	switch (hf_contact_check(&node->contact, &nodes->stamper, &msg->stamp, &msg->echo, now_ns, WINDOW_NS)) {
	case HF_CONTACT_FRESH:
		break;
	case HF_CONTACT_STALE:
		nodes->counters.again++;
		send_answer(nodes, now_ns, service, NULL, from, msg, HF_SERVICE_AGAIN, tid);
		return 0;
	case HF_CONTACT_REPEATED:
		nodes->counters.repeated++;
		return -EALREADY;
	}
	node->addr = *from;
	nodes->counters.requests++;
	/* News that its request leads to is in the answer. */
	take_report(nodes, now_ns, service, node, msg);
	status = act(nodes, now_ns, service, node, msg, look);
	nodes->counters.refused += status != HF_SERVICE_OK;
	send_answer(nodes, now_ns, service, node, from, msg, status, tid);
	set_not_behind(nodes, node);
	return 0;
}

int hf_service_nodes_receive(struct hf_service_nodes *nodes, uint64_t now_ns, const struct hf_mad_addr *from,
			     const void *mad, size_t len)
{
	struct hf_service_msg msg;
	int err = hf_service_wire_read(mad, len, &msg);
	struct service *service;
	struct hf_service_look look;
	struct node *node;
	int index;

	if (err)
		return err;
	service = find_service(nodes, msg.service);
	if (!service || !hf_service_wire_is_authentic(mad, &service->key)) {
		nodes->counters.forged++;
		return -EKEYREJECTED;
	}
	if (msg.kind != HF_SERVICE_REQUEST || msg.to || nodes->ops->look(nodes->ctx, msg.service, &look)) {
		nodes->counters.strange++;
		return -ENOENT;
	}
	index = index_in_look(&look, msg.from);
	if (index < 0 || look.nodes[index].lid != from->lid) {
		nodes->counters.strange++;
		return -ENOENT;
	}
	node = put_node(nodes, service, msg.from, &look);
	if (!node)
		return -ENOMEM;
	return answer_node(nodes, now_ns, service, node, from, &msg, hf_service_wire_tid(mad), &look);
}

const struct hf_service_nodes_counters *hf_service_nodes_counters(const struct hf_service_nodes *nodes)
{
	return &nodes->counters;
}
