/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/heartbeat.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS	UINT64_C(1000000)
#define ANSWERS		4	/* out of turn to one peer, in an interval at most */

const char *const hf_peer_state_names[HF_PEER_STATES] = {
	[HF_PEER_UNKNOWN] = "unknown",
	[HF_PEER_ALIVE] = "alive",
	[HF_PEER_LOST] = "lost",
};

enum peer_event {
	PEER_HEARD,
	PEER_SILENT,	/* for its whole time */
	PEER_EVENTS,
};

static const enum hf_peer_state next_states[HF_PEER_STATES][PEER_EVENTS] = {
	[HF_PEER_UNKNOWN] = { [PEER_HEARD] = HF_PEER_ALIVE, [PEER_SILENT] = HF_PEER_UNKNOWN },
	[HF_PEER_ALIVE] = { [PEER_HEARD] = HF_PEER_ALIVE, [PEER_SILENT] = HF_PEER_LOST },
	[HF_PEER_LOST] = { [PEER_HEARD] = HF_PEER_ALIVE, [PEER_SILENT] = HF_PEER_LOST },
};

struct hf_heartbeat {
	const struct hf_heartbeat_ops *ops;
	void *ctx;
	struct hf_stamper *stamper;
	struct hf_key key;
	struct hf_service_msg msg;	/* what all that are sent have in common */
	uint64_t interval_ns, lost_ns;
	uint64_t next_send_ns;		/* 0 before the first */
	struct hf_heartbeat_counters counters;
	struct hf_peer *peers;
	size_t peer_count;
};

uint64_t hf_heartbeat_lost_ns(int interval_ms, int count)
{
	uint64_t interval_ns = interval_ms * NS_PER_MS;

	return count * interval_ns + interval_ns / 2;
}

static void set_times(struct hf_heartbeat *heartbeat, int interval_ms, int count)
{
	heartbeat->interval_ns = interval_ms * NS_PER_MS;
	heartbeat->lost_ns = hf_heartbeat_lost_ns(interval_ms, count);
	heartbeat->msg.heartbeat.interval_ms = interval_ms;
	heartbeat->msg.heartbeat.count = count;
}

int hf_heartbeat_new(const struct hf_heartbeat_config *config, const struct hf_heartbeat_ops *ops, void *ctx,
		     struct hf_heartbeat **ret_heartbeat)
{
	struct hf_heartbeat *heartbeat = calloc(1, sizeof(*heartbeat));

	if (!heartbeat)
		return -ENOMEM;
	heartbeat->peers = calloc(config->peer_count + 1, sizeof(*heartbeat->peers));
	if (!heartbeat->peers) {
		free(heartbeat);
		return -ENOMEM;
	}
	heartbeat->ops = ops;
	heartbeat->ctx = ctx;
	heartbeat->stamper = config->stamper;
	heartbeat->key = *config->key;
	heartbeat->msg.kind = HF_SERVICE_HEARTBEAT;
	heartbeat->msg.from = config->guid;
	strncpy(heartbeat->msg.service, config->service, HF_SERVICE_WIRE_NAME_MAX);
	set_times(heartbeat, config->interval_ms, config->count);
	heartbeat->peer_count = config->peer_count;
	for (size_t i = 0; i < config->peer_count; i++)
		heartbeat->peers[i].guid = config->peers[i];
	*ret_heartbeat = heartbeat;
	return 0;
}

void hf_heartbeat_free(struct hf_heartbeat *heartbeat)
{
	if (!heartbeat)
		return;
	explicit_bzero(&heartbeat->key, sizeof(heartbeat->key));
	free(heartbeat->peers);
	free(heartbeat);
}

static void forgive_peers(struct hf_heartbeat *heartbeat, uint64_t now_ns)
{
	for (size_t i = 0; i < heartbeat->peer_count; i++)
		if (heartbeat->peers[i].state == HF_PEER_ALIVE)
			heartbeat->peers[i].heard_ns = now_ns;
}

void hf_heartbeat_set_times(struct hf_heartbeat *heartbeat, uint64_t now_ns, int interval_ms, int count)
{
	set_times(heartbeat, interval_ms, count);
	forgive_peers(heartbeat, now_ns);
	if (heartbeat->next_send_ns)
		heartbeat->next_send_ns = now_ns;
}

void hf_heartbeat_set_term(struct hf_heartbeat *heartbeat, uint64_t term, uint64_t owner)
{
	heartbeat->msg.term = term;
	heartbeat->msg.owner = owner;
}

static void tell(struct hf_heartbeat *heartbeat, uint64_t now_ns, uint64_t guid, const struct hf_stamp *echo)
{
	struct hf_service_msg msg = heartbeat->msg;
	struct hf_service_mad mad;

	msg.to = guid;
	msg.stamp = hf_stamper_next(heartbeat->stamper, now_ns);
	msg.echo = *echo;
	hf_service_wire_write(&msg, &heartbeat->key, 0, &mad);
	heartbeat->counters.sent++;
	heartbeat->ops->send(heartbeat->ctx, guid, &mad);
}

static void handle_peer(struct hf_heartbeat *heartbeat, struct hf_peer *peer, enum peer_event event)
{
	enum hf_peer_state old = peer->state;

	peer->state = next_states[old][event];
	if (peer->state == old)
		return;
	heartbeat->counters.lost += peer->state == HF_PEER_LOST;
	heartbeat->counters.back += peer->state == HF_PEER_ALIVE;
	heartbeat->ops->changed(heartbeat->ctx, peer, old);
}

static struct hf_peer *find_peer(const struct hf_heartbeat *heartbeat, uint64_t guid)
{
	for (size_t i = 0; i < heartbeat->peer_count; i++)
		if (heartbeat->peers[i].guid == guid)
			return &heartbeat->peers[i];
	return NULL;
}

/* With what it needs to send us one that counts. */
static void answer_stale(struct hf_heartbeat *heartbeat, uint64_t now_ns, struct hf_peer *peer,
			 const struct hf_stamp *stamp)
{
	if (peer->answered_ns && now_ns < peer->answered_ns + heartbeat->interval_ns / ANSWERS)
		return;
	peer->answered_ns = now_ns;
	tell(heartbeat, now_ns, peer->guid, stamp);
}

static void take(struct hf_heartbeat *heartbeat, uint64_t now_ns, struct hf_peer *peer,
		 const struct hf_service_msg *msg)
{
	heartbeat->counters.heard++;
	peer->heard_ns = now_ns;
	peer->term = msg->term;
	peer->owner = msg->owner;
	peer->interval_ms = msg->heartbeat.interval_ms;
	peer->count = msg->heartbeat.count;
	if (msg->term > heartbeat->msg.term)
		heartbeat->ops->later_term(heartbeat->ctx, msg->term, msg->owner);
	handle_peer(heartbeat, peer, PEER_HEARD);
}

int hf_heartbeat_receive(struct hf_heartbeat *heartbeat, uint64_t now_ns, const struct hf_service_mad *mad,
			 const struct hf_service_msg *msg)
{
	struct hf_peer *peer = find_peer(heartbeat, msg->from);
	uint64_t before;

	if (!hf_service_wire_is_authentic(mad, &heartbeat->key)) {
		heartbeat->counters.forged++;
		return -EKEYREJECTED;
	}
	if (!peer || msg->to != heartbeat->msg.from || strcmp(msg->service, heartbeat->msg.service)) {
		heartbeat->counters.strange++;
		return -ENOENT;
	}
	before = peer->contact.last.instance;
	switch (hf_contact_check(&peer->contact, heartbeat->stamper, &msg->stamp, &msg->echo, now_ns,
				 heartbeat->lost_ns)) {
	case HF_CONTACT_FRESH:
		peer->restarts += before && before != msg->stamp.instance;
		take(heartbeat, now_ns, peer, msg);
		return 0;
	case HF_CONTACT_STALE:
		heartbeat->counters.stale++;
		answer_stale(heartbeat, now_ns, peer, &msg->stamp);
		return -ESTALE;
	case HF_CONTACT_REPEATED:
		break;
	}
	heartbeat->counters.repeated++;
	return -EALREADY;
}

static void send_all(struct hf_heartbeat *heartbeat, uint64_t now_ns)
{
	bool is_first = !heartbeat->next_send_ns;

	if (!is_first && now_ns < heartbeat->next_send_ns)
		return;
	for (size_t i = 0; i < heartbeat->peer_count; i++)
		tell(heartbeat, now_ns, heartbeat->peers[i].guid, &heartbeat->peers[i].contact.last);
	heartbeat->next_send_ns += heartbeat->interval_ns;
	if (is_first || heartbeat->next_send_ns <= now_ns)
		heartbeat->next_send_ns = now_ns + heartbeat->interval_ns;
}

void hf_heartbeat_run(struct hf_heartbeat *heartbeat, uint64_t now_ns)
{
	if (heartbeat->next_send_ns && now_ns > heartbeat->next_send_ns + heartbeat->interval_ns) {
		heartbeat->counters.stalls++;
		forgive_peers(heartbeat, now_ns);
	}
	send_all(heartbeat, now_ns);
	for (size_t i = 0; i < heartbeat->peer_count; i++) {
		struct hf_peer *peer = &heartbeat->peers[i];

		if (peer->state == HF_PEER_ALIVE && now_ns >= peer->heard_ns + heartbeat->lost_ns)
			handle_peer(heartbeat, peer, PEER_SILENT);
	}
}

uint64_t hf_heartbeat_deadline_ns(const struct hf_heartbeat *heartbeat)
{
	uint64_t deadline_ns = heartbeat->next_send_ns;

	for (size_t i = 0; i < heartbeat->peer_count; i++) {
		const struct hf_peer *peer = &heartbeat->peers[i];

		if (peer->state == HF_PEER_ALIVE && peer->heard_ns + heartbeat->lost_ns < deadline_ns)
			deadline_ns = peer->heard_ns + heartbeat->lost_ns;
	}
	return deadline_ns;
}

const struct hf_peer *hf_heartbeat_peers(const struct hf_heartbeat *heartbeat, size_t *ret_count)
{
	*ret_count = heartbeat->peer_count;
	return heartbeat->peers;
}

const struct hf_heartbeat_counters *hf_heartbeat_counters(const struct hf_heartbeat *heartbeat)
{
	return &heartbeat->counters;
}
