/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/reporter.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/hash.h"

#define NS_PER_MS	UINT64_C(1000000)
#define ATTEMPT_BITS	4	/* the lower bits of a transaction id */
#define ATTEMPT_MASK	((1u << ATTEMPT_BITS) - 1)
#define RETRY_SEND_NS	NS_PER_MS	/* after -EAGAIN */

_Static_assert(HF_REPORTER_MAX_RETRIES <= ATTEMPT_MASK, "the attempt must fit in a transaction id");

enum item_state {
	ITEM_QUEUED,	/* in its peer's queue */
	ITEM_READY,	/* in one of the two ready lists */
	ITEM_WAITING,	/* sent, in the list of its attempt's timer */
};

/* One report on its way to one subscriber. */
struct item {
	struct hf_report report;
	struct peer *peer;
	enum item_state state;
	uint32_t id;
	int attempts;			/* sent so far */
	bool holds_slot, is_late;
	uint64_t first_sent_ns, slot_end_ns, timeout_ns;
	TAILQ_ENTRY(item) of_peer;	/* queue while QUEUED, else active */
	TAILQ_ENTRY(item) of_state;	/* ready list or timer list */
	TAILQ_ENTRY(item) of_slots;
	bool not_added;
	UT_hash_handle hh;		/* by id, while READY or WAITING */
};

TAILQ_HEAD(items, item);

struct peer {
	uint64_t key;
	struct hf_mad_addr addr;
	unsigned int hears;
	struct items queue, active;
	int queued, n_active;
	uint16_t notice_count;	/* of its last report */
	bool is_silent;		/* its last report was given up */
	bool is_kept;		/* mark of hf_reporter_keep() */
	bool not_added;
	UT_hash_handle hh;
};

struct hf_reporter {
	struct hf_reporter_config config;
	const struct hf_reporter_ops *ops;
	void *ctx;
	uint32_t last_id;
	struct peer *peers;
	struct item *by_id;
	size_t pending;
	struct items first_tries;	/* READY, goes first */
	struct items late_tries;	/* READY: retries, and who was silent last time */
	/* By attempt: all in one list wait equally long, so it is in order of their deadlines. */
	struct items timers[HF_REPORTER_MAX_RETRIES + 1];
	struct items slots;		/* in order of slot_end_ns */
	int slots_used;
	uint64_t blocked_until_ns;	/* after -EAGAIN */
};

int hf_reporter_new(const struct hf_reporter_config *config, const struct hf_reporter_ops *ops, void *ctx,
		    uint32_t first_id, struct hf_reporter **ret_reporter)
{
	struct hf_reporter *reporter = calloc(1, sizeof(*reporter));

	if (!reporter)
		return -ENOMEM;
	reporter->config = *config;
	reporter->ops = ops;
	reporter->ctx = ctx;
	reporter->last_id = first_id;
	TAILQ_INIT(&reporter->first_tries);
	TAILQ_INIT(&reporter->late_tries);
	TAILQ_INIT(&reporter->slots);
	for (int i = 0; i <= HF_REPORTER_MAX_RETRIES; i++)
		TAILQ_INIT(&reporter->timers[i]);
	*ret_reporter = reporter;
	return 0;
}

static uint64_t attempt_ms(const struct hf_reporter_config *config, int attempt)
{
	if (config->backoff == HF_BACKOFF_LINEAR)
		return (uint64_t)config->timeout_ms * (attempt + 1);
	return (uint64_t)config->timeout_ms << attempt;
}

int hf_reporter_lifetime_ms(const struct hf_reporter_config *config)
{
	uint64_t ms = 0;

	for (int attempt = 0; attempt <= config->retries; attempt++)
		ms += attempt_ms(config, attempt);
	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

size_t hf_reporter_pending(const struct hf_reporter *reporter)
{
	return reporter->pending;
}

static uint32_t item_tid(const struct item *item)
{
	return item->id << ATTEMPT_BITS | (item->attempts ? item->attempts - 1 : 0);
}

static uint32_t next_id(struct hf_reporter *reporter)
{
	struct item *taken;
	uint32_t id;

	do {
		id = ++reporter->last_id & (UINT32_MAX >> ATTEMPT_BITS);
		HASH_FIND(hh, reporter->by_id, &id, sizeof(id), taken);
	} while (taken);
	return id;
}

static void release_slot(struct hf_reporter *reporter, struct item *item)
{
	if (!item->holds_slot)
		return;
	TAILQ_REMOVE(&reporter->slots, item, of_slots);
	item->holds_slot = false;
	reporter->slots_used--;
}

static void make_ready(struct hf_reporter *reporter, struct item *item)
{
	item->state = ITEM_READY;
	item->is_late = item->attempts || item->peer->is_silent;
	TAILQ_INSERT_TAIL(item->is_late ? &reporter->late_tries : &reporter->first_tries, item, of_state);
}

static void leave_state(struct hf_reporter *reporter, struct item *item)
{
	switch (item->state) {
	case ITEM_QUEUED:
		TAILQ_REMOVE(&item->peer->queue, item, of_peer);
		item->peer->queued--;
		return;
	case ITEM_READY:
		TAILQ_REMOVE(item->is_late ? &reporter->late_tries : &reporter->first_tries, item, of_state);
		break;
	case ITEM_WAITING:
		TAILQ_REMOVE(&reporter->timers[item->attempts - 1], item, of_state);
		break;
	}
	release_slot(reporter, item);
	if (!item->not_added)
		HASH_DEL(reporter->by_id, item);
	TAILQ_REMOVE(&item->peer->active, item, of_peer);
	item->peer->n_active--;
}

static void free_item(struct hf_reporter *reporter, struct item *item)
{
	leave_state(reporter, item);
	reporter->pending--;
	free(item);
}

static void end_item(struct hf_reporter *reporter, struct item *item, enum hf_report_end end, uint64_t now_ns)
{
	reporter->ops->done(reporter->ctx, &item->peer->addr, &item->report, end, item_tid(item),
			    item->attempts ? now_ns - item->first_sent_ns : 0);
	free_item(reporter, item);
}

/* Lets as many of a peer's queued reports go on as may be on their way at a time. */
static void promote(struct hf_reporter *reporter, struct peer *peer)
{
	struct item *item;

	while (peer->n_active < reporter->config.per_subscriber && (item = TAILQ_FIRST(&peer->queue))) {
		TAILQ_REMOVE(&peer->queue, item, of_peer);
		peer->queued--;
		TAILQ_INSERT_TAIL(&peer->active, item, of_peer);
		peer->n_active++;
		item->id = next_id(reporter);
		/* Without memory it goes out, and its answer is not known for its own. */
		HASH_ADD(hh, reporter->by_id, id, sizeof(item->id), item);
		make_ready(reporter, item);
	}
}

static uint64_t peer_key(const struct hf_mad_addr *addr)
{
	return (uint64_t)addr->lid << 32 | addr->qpn;
}

static struct peer *find_peer(const struct hf_reporter *reporter, uint64_t key)
{
	struct peer *peer;

	HASH_FIND(hh, reporter->peers, &key, sizeof(key), peer);
	return peer;
}

static struct peer *find_or_add_peer(struct hf_reporter *reporter, const struct hf_subscriber *subscriber)
{
	struct peer *peer = find_peer(reporter, peer_key(&subscriber->addr));

	if (!peer) {
		peer = calloc(1, sizeof(*peer));
		if (!peer)
			return NULL;
		peer->key = peer_key(&subscriber->addr);
		peer->notice_count = (uint16_t)reporter->last_id;
		TAILQ_INIT(&peer->queue);
		TAILQ_INIT(&peer->active);
		HASH_ADD(hh, reporter->peers, key, sizeof(peer->key), peer);
		if (peer->not_added) {
			free(peer);
			return NULL;
		}
	}
	peer->addr = subscriber->addr;
	peer->hears = subscriber->hears;
	return peer;
}

static void free_peer(struct hf_reporter *reporter, struct peer *peer)
{
	struct item *item;

	while ((item = TAILQ_FIRST(&peer->queue)) || (item = TAILQ_FIRST(&peer->active)))
		free_item(reporter, item);
	HASH_DEL(reporter->peers, peer);
	free(peer);
}

void hf_reporter_free(struct hf_reporter *reporter)
{
	struct peer *peer, *next;

	if (!reporter)
		return;
	HASH_ITER(hh, reporter->peers, peer, next)
		free_peer(reporter, peer);
	free(reporter);
}

/* What a wildcard trap 69 says as well. Trap 68 stays: who hears of both is told of both, in order. */
static void drop_unsent_repaths(struct hf_reporter *reporter, struct peer *peer)
{
	struct item *item, *next;

	for (item = TAILQ_FIRST(&peer->active); item; item = next) {
		next = TAILQ_NEXT(item, of_peer);
		if (!item->attempts && item->report.trap_num == HF_TRAP_REPATH)
			end_item(reporter, item, HF_REPORT_REPLACED, 0);
	}
	for (item = TAILQ_FIRST(&peer->queue); item; item = next) {
		next = TAILQ_NEXT(item, of_peer);
		if (item->report.trap_num == HF_TRAP_REPATH)
			end_item(reporter, item, HF_REPORT_REPLACED, 0);
	}
}

static void drop_queue(struct hf_reporter *reporter, struct peer *peer)
{
	struct item *item;

	while ((item = TAILQ_FIRST(&peer->queue)))
		end_item(reporter, item, HF_REPORT_REPLACED, 0);
}

/* From 1, for a Notice that says 0 counts nothing. */
static uint16_t next_notice_count(struct peer *peer)
{
	peer->notice_count = peer->notice_count % HF_NOTICE_COUNT_MAX + 1;
	return peer->notice_count;
}

static int enqueue(struct hf_reporter *reporter, struct peer *peer, const struct hf_report *report)
{
	struct item *item = calloc(1, sizeof(*item));

	if (!item)
		return -ENOMEM;
	item->report = *report;
	item->report.notice_count = next_notice_count(peer);
	item->peer = peer;
	item->state = ITEM_QUEUED;
	TAILQ_INSERT_TAIL(&peer->queue, item, of_peer);
	peer->queued++;
	reporter->pending++;
	reporter->ops->added(reporter->ctx, report);
	return 0;
}

/* Replaces all that waits for a peer by one report that makes it ask for everything. */
static int collapse_queue(struct hf_reporter *reporter, struct peer *peer, uint64_t epoch)
{
	const struct hf_report wildcard = { .epoch = epoch, .trap_num = HF_TRAP_REPATH };

	drop_queue(reporter, peer);
	return peer->hears & HF_HEARS_REPATH ? enqueue(reporter, peer, &wildcard) : 0;
}

int hf_reporter_add(struct hf_reporter *reporter, const struct hf_subscriber *to, const struct hf_report *report)
{
	struct peer *peer = find_or_add_peer(reporter, to);
	int err;

	if (!peer)
		return -ENOMEM;
	if (hf_report_is_wildcard(report))
		drop_unsent_repaths(reporter, peer);
	err = enqueue(reporter, peer, report);
	if (!err && peer->queued > reporter->config.queue_max)
		err = collapse_queue(reporter, peer, report->epoch);
	promote(reporter, peer);
	return err;
}

static void give_up(struct hf_reporter *reporter, struct item *item, uint64_t now_ns)
{
	struct peer *peer = item->peer;
	uint64_t epoch = TAILQ_EMPTY(&peer->queue) ? 0 : TAILQ_LAST(&peer->queue, items)->report.epoch;

	end_item(reporter, item, HF_REPORT_TIMED_OUT, now_ns);
	peer->is_silent = true;
	/* Without memory the queue is merely empty: the host was silent anyway. */
	if (peer->queued > 1)
		(void)collapse_queue(reporter, peer, epoch);
	promote(reporter, peer);
}

static void run_timers(struct hf_reporter *reporter, uint64_t now_ns)
{
	struct item *item;

	for (int attempt = 0; attempt <= reporter->config.retries; attempt++)
		while ((item = TAILQ_FIRST(&reporter->timers[attempt])) && item->timeout_ns <= now_ns) {
			if (attempt == reporter->config.retries) {
				give_up(reporter, item, now_ns);
				continue;
			}
			TAILQ_REMOVE(&reporter->timers[attempt], item, of_state);
			release_slot(reporter, item);
			make_ready(reporter, item);
		}
	while ((item = TAILQ_FIRST(&reporter->slots)) && item->slot_end_ns <= now_ns)
		release_slot(reporter, item);
}

static int send_item(struct hf_reporter *reporter, struct item *item, uint64_t now_ns)
{
	int attempt = item->attempts;
	int err = reporter->ops->send(reporter->ctx, &item->peer->addr, &item->report,
				      item->id << ATTEMPT_BITS | attempt, attempt);

	if (err == -EAGAIN)
		return err;
	if (!attempt)
		item->first_sent_ns = now_ns;
	TAILQ_REMOVE(item->is_late ? &reporter->late_tries : &reporter->first_tries, item, of_state);
	item->attempts++;
	item->state = ITEM_WAITING;
	item->timeout_ns = now_ns + attempt_ms(&reporter->config, attempt) * NS_PER_MS;
	TAILQ_INSERT_TAIL(&reporter->timers[attempt], item, of_state);
	item->slot_end_ns = now_ns + reporter->config.pace_ms * NS_PER_MS;
	item->holds_slot = true;
	TAILQ_INSERT_TAIL(&reporter->slots, item, of_slots);
	reporter->slots_used++;
	return 0;
}

static struct item *first_ready(const struct hf_reporter *reporter)
{
	struct item *item = TAILQ_FIRST(&reporter->first_tries);

	return item ? item : TAILQ_FIRST(&reporter->late_tries);
}

void hf_reporter_run(struct hf_reporter *reporter, uint64_t now_ns)
{
	struct item *item;

	run_timers(reporter, now_ns);
	if (now_ns < reporter->blocked_until_ns)
		return;
	while (reporter->slots_used < reporter->config.window && (item = first_ready(reporter)))
		if (send_item(reporter, item, now_ns)) {
			reporter->blocked_until_ns = now_ns + RETRY_SEND_NS;
			return;
		}
}

void hf_reporter_answer(struct hf_reporter *reporter, uint16_t from_lid, uint32_t tid, uint64_t now_ns)
{
	uint32_t id = tid >> ATTEMPT_BITS;
	struct peer *peer;
	struct item *item;

	HASH_FIND(hh, reporter->by_id, &id, sizeof(id), item);
	if (!item || (int)(tid & ATTEMPT_MASK) >= item->attempts || item->peer->addr.lid != from_lid)
		return;
	peer = item->peer;
	peer->is_silent = false;
	end_item(reporter, item, HF_REPORT_ACKED, now_ns);
	promote(reporter, peer);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t hf_reporter_deadline(const struct hf_reporter *reporter)
{
	uint64_t deadline = UINT64_MAX;
	struct item *item;

	for (int attempt = 0; attempt <= reporter->config.retries; attempt++)
		if ((item = TAILQ_FIRST(&reporter->timers[attempt])))
			deadline = min_u64(deadline, item->timeout_ns);
	if (!first_ready(reporter))
		return deadline;
	if (reporter->slots_used < reporter->config.window)
		return min_u64(deadline, reporter->blocked_until_ns);
	return min_u64(deadline, TAILQ_FIRST(&reporter->slots)->slot_end_ns);
}

static void forget_peer(struct hf_reporter *reporter, struct peer *peer)
{
	struct item *item;

	while ((item = TAILQ_FIRST(&peer->queue)) || (item = TAILQ_FIRST(&peer->active)))
		end_item(reporter, item, HF_REPORT_FORGOTTEN, item->first_sent_ns);
	free_peer(reporter, peer);
}

void hf_reporter_keep(struct hf_reporter *reporter, const struct hf_subscriber *subscribers, size_t count)
{
	struct peer *peer, *next;

	for (peer = reporter->peers; peer; peer = peer->hh.next)
		peer->is_kept = false;
	for (size_t i = 0; i < count; i++) {
		peer = find_peer(reporter, peer_key(&subscribers[i].addr));
		if (peer)
			peer->is_kept = true;
	}
	HASH_ITER(hh, reporter->peers, peer, next)
		if (!peer->is_kept)
			forget_peer(reporter, peer);
}
