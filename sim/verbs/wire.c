/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/verbs/adapter.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#define BATCH 64	/* packets of one ring before others have their turn */

uint16_t hf_wire_pkey(const struct hf_context *context, unsigned int port, unsigned int index)
{
	struct hf_map_port info;
	uint16_t pkey;

	if (hf_context_port(context, port, &info) < 0 || hf_map_get_pkey(&context->fabric, &info, index, &pkey) < 0)
		return 0;
	return pkey;
}

static void wait_for_room(struct hf_qp *qp, uint32_t number)
{
	struct hf_context *context = hf_qp_context(qp);

	qp->waits_for = number;
	if (!qp->is_waiting)
		DL_APPEND2(context->waiting, qp, waiting_prev, waiting_next);
	qp->is_waiting = true;
}

/* Room in the ring; where there is none, the reader is asked to ring when there is. */
static struct hf_packet *reserve(struct hf_ring *ring, uint32_t length)
{
	struct hf_packet *place = hf_ring_reserve(ring, length);

	if (place)
		return place;
	atomic_store(&ring->wants_room, 1);
	return hf_ring_reserve(ring, length);
}

/* The P_Key and the addresses, as the path says; false where the adapter has no such port. */
static bool address_packet(struct hf_qp *qp, const struct hf_qp_path *path, struct hf_packet *packet,
			   struct hf_map_packet *ret_packet)
{
	struct hf_context *context = hf_qp_context(qp);
	struct hf_map_port port;
	uint16_t pkey = 0;
	__be64 guid;

	if (hf_context_port(context, path->port, &port) < 0 ||
	    hf_map_get_pkey(&context->fabric, &port, path->pkey_index, &pkey) < 0 || !pkey)
		return false;
	packet->pkey = pkey;
	packet->slid = port.lid | path->ah.src_path_bits;
	packet->dlid = path->ah.dlid;
	packet->sl = path->ah.sl;
	packet->src_qpn = qp->ibv.qp_num;
	if (qp->migration == IBV_MIG_MIGRATED)
		packet->flags |= HF_PACKET_MIGRATED;
	if (path->ah.is_global) {
		__be64 prefix = htobe64(port.gid_prefix);

		packet->flags |= HF_PACKET_GRH;
		packet->flow_label = path->ah.grh.flow_label;
		packet->traffic_class = path->ah.grh.traffic_class;
		packet->hop_limit = path->ah.grh.hop_limit;
		memcpy(packet->dgid, &path->ah.grh.dgid, sizeof(packet->dgid));
		if (hf_map_get_guid(&context->fabric, &port, path->ah.grh.sgid_index, &guid) < 0)
			return false;
		memcpy(packet->sgid, &prefix, sizeof(prefix));
		memcpy(packet->sgid + sizeof(prefix), &guid, sizeof(guid));
	}
	*ret_packet = (struct hf_map_packet){
		.from = port.index, .dlid = packet->dlid, .sl = packet->sl, .pkey = pkey,
	};
	return true;
}

int hf_wire_send_locked(struct hf_qp *qp, const struct hf_qp_path *path, const struct hf_packet *packet,
			int (*fill)(void *context, uint8_t *payload, uint32_t length), void *fill_context)
{
	struct hf_context *context = hf_qp_context(qp);
	uint32_t number = packet->dest_qpn >> HF_QPN_INDEX_BITS;
	struct hf_packet addressed = *packet, *place;
	struct hf_map_packet on_way;
	struct hf_map_route route;
	struct hf_ring *ring;
	int err = 0;

	if (!address_packet(qp, path, &addressed, &on_way))
		return HF_LOST;
	hf_map_route(&context->fabric, &on_way, &route);
	if (route.fate != HF_FABRIC_DELIVERED) {
		hf_map_count(&context->fabric, &route, packet->sl, packet->packets);
		return HF_LOST;
	}
	ring = hf_endpoint_ring_to(&context->endpoint, number);
	place = ring ? reserve(ring, packet->length) : NULL;
	if (ring && !place) {
		wait_for_room(qp, number);
		return HF_NO_ROOM;
	}
	if (place && fill)
		err = fill(fill_context, (uint8_t *)(place + 1), packet->length);
	if (err)
		return err;
	hf_map_count(&context->fabric, &route, addressed.sl, packet->packets);
	if (!place)
		return HF_LOST;	/* arrives, where nobody has the queue pair */
	addressed.port = route.port;
	*place = addressed;
	hf_ring_commit(ring, packet->length);
	hf_endpoint_ring_bell(&context->endpoint, number);
	return HF_SENT;
}

/* ----------------------------------------------------------------------------- multicast ---- */

struct flood {
	struct hf_qp *qp;
	const struct hf_packet *packet;
	int (*fill)(void *context, uint8_t *payload, uint32_t length);
	void *fill_context;
	int err;
};

/* A copy to every endpoint at an adapter; what has no room loses its copy, for datagrams may be lost. */
static void deliver_copies(struct flood *flood, uint32_t port)
{
	struct hf_context *context = hf_qp_context(flood->qp);
	struct hf_map_port info;

	if (hf_map_get_port(&context->fabric, port, &info) < 0)
		return;
	for (uint32_t number = 1; number < HF_ENDPOINT_COUNT && !flood->err; number++) {
		struct hf_endpoint_entry *entry = &context->endpoint.entries[number];
		struct hf_packet *place;
		struct hf_ring *ring;

		if (!atomic_load(&entry->incarnation) || atomic_load(&entry->node) != info.node)
			continue;
		ring = hf_endpoint_ring_to(&context->endpoint, number);
		place = ring ? hf_ring_reserve(ring, flood->packet->length) : NULL;
		if (!place)
			continue;
		flood->err = flood->fill(flood->fill_context, (uint8_t *)(place + 1), flood->packet->length);
		if (flood->err)
			return;
		*place = *flood->packet;
		place->port = port;
		hf_ring_commit(ring, flood->packet->length);
		hf_endpoint_ring_bell(&context->endpoint, number);
	}
}

static void visit(void *context, const struct hf_map_route *route)
{
	struct flood *flood = context;

	hf_map_count(&hf_qp_context(flood->qp)->fabric, route, flood->packet->sl, flood->packet->packets);
	if (route->fate == HF_FABRIC_DELIVERED)
		deliver_copies(flood, route->port);
}

int hf_wire_flood_locked(struct hf_qp *qp, const struct hf_qp_path *path, const struct hf_packet *packet,
			 int (*fill)(void *context, uint8_t *payload, uint32_t length), void *fill_context)
{
	struct hf_packet addressed = *packet;
	struct flood flood = { .qp = qp, .packet = &addressed, .fill = fill, .fill_context = fill_context };
	struct hf_map_packet on_way;

	addressed.dest_qpn = HF_QPN_MULTICAST;
	if (!address_packet(qp, path, &addressed, &on_way))
		return HF_LOST;
	/* The adapter itself gives copies to those of its own queue pairs that are attached. */
	deliver_copies(&flood, on_way.from);
	if (!flood.err)
		hf_map_flood(&hf_qp_context(qp)->fabric, &on_way, visit, &flood);
	return flood.err ? flood.err : HF_SENT;
}

/* ------------------------------------------------------------------------------- arrival ---- */

void hf_wire_tell_lost_locked(struct hf_context *context, const struct hf_packet *packet)
{
	uint32_t number = packet->src_qpn >> HF_QPN_INDEX_BITS;
	struct hf_ring *ring = hf_endpoint_ring_to(&context->endpoint, number);
	struct hf_packet *place = ring ? hf_ring_reserve(ring, 0) : NULL;

	if (!place)
		return;
	*place = (struct hf_packet){
		.type = HF_PACKET_LOST,
		.dest_qpn = packet->src_qpn,
		.src_qpn = packet->dest_qpn,
		.psn = hf_psn_add(packet->psn, packet->packets ? packet->packets - 1 : 0),
	};
	hf_ring_commit(ring, 0);
	hf_endpoint_ring_bell(&context->endpoint, number);
}

static bool has_joined(const struct hf_qp *qp, const struct hf_packet *packet)
{
	for (const struct hf_group *group = qp->groups; group; group = group->next)
		if (group->lid == packet->dlid && memcmp(group->gid.raw, packet->dgid, sizeof(packet->dgid)) == 0)
			return true;
	return false;
}

static void receive_multicast(struct hf_context *context, const struct hf_packet *packet, const uint8_t *payload)
{
	struct hf_qp *qp, *next;

	DL_FOREACH_SAFE2(context->multicast, qp, next, multicast_next)
		if (has_joined(qp, packet))
			hf_responder_request_locked(qp, packet, payload);
}

static bool is_answer(const struct hf_packet *packet)
{
	return packet->type >= HF_PACKET_READ_RESPONSE;
}

/* Arrived at the port that the queue pair uses, with its P_Key? What does not is dropped, as if lost on the way. */
static bool is_for(const struct hf_context *context, const struct hf_qp *qp, const struct hf_packet *packet)
{
	const struct hf_qp_path *paths[] = { &qp->path, qp->has_alternate ? &qp->alternate : NULL };

	if (qp->state == IBV_QPS_RESET || qp->state == IBV_QPS_INIT || qp->state == IBV_QPS_ERR)
		return false;
	if (packet->type == HF_PACKET_LOST)
		return true;
	for (unsigned int i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct hf_map_port port;
		uint16_t pkey;

		if (!paths[i] || hf_context_port(context, paths[i]->port, &port) < 0 || port.index != packet->port)
			continue;
		if (hf_map_get_pkey(&context->fabric, &port, paths[i]->pkey_index, &pkey) == 0 &&
		    ((pkey ^ packet->pkey) & 0x7fff) == 0 && ((pkey | packet->pkey) & 0x8000))
			return true;
	}
	return false;
}

/* What the packet says about the path that its sender uses (IBA volume 1, 17.2.8). */
static void see_migration(struct hf_qp *qp, const struct hf_packet *packet)
{
	bool has_migrated = packet->flags & HF_PACKET_MIGRATED;

	if (packet->type == HF_PACKET_LOST || qp->ibv.qp_type == IBV_QPT_UD)
		return;
	if (qp->migration == IBV_MIG_REARM && !has_migrated)
		qp->migration = IBV_MIG_ARMED;
	else if (qp->migration == IBV_MIG_ARMED && has_migrated)
		hf_qp_migrate_locked(qp);
}

static void receive_packet(struct hf_context *context, const struct hf_packet *packet, const uint8_t *payload)
{
	struct hf_qp *qp;

	if (packet->dest_qpn == HF_QPN_MULTICAST) {
		if (packet->flags & HF_PACKET_DATAGRAM)
			receive_multicast(context, packet, payload);
		return;
	}
	qp = hf_qp_find_locked(context, packet->dest_qpn);
	if (!qp || !is_for(context, qp, packet) ||
	    (qp->ibv.qp_type == IBV_QPT_UD) != !!(packet->flags & HF_PACKET_DATAGRAM) ||
	    (qp->ibv.qp_type != IBV_QPT_UD && qp->attr.dest_qp_num != packet->src_qpn)) {
		if (packet->type != HF_PACKET_LOST && !(packet->flags & HF_PACKET_DATAGRAM))
			hf_wire_tell_lost_locked(context, packet);
		return;
	}
	see_migration(qp, packet);
	if (is_answer(packet))
		hf_requester_answer_locked(qp, packet, payload);
	else
		hf_responder_request_locked(qp, packet, payload);
}

/* Those that wait for room in the ring to @number try again. */
static void end_wait(struct hf_context *context, uint32_t number)
{
	struct hf_qp *qp, *next;

	DL_FOREACH_SAFE2(context->waiting, qp, next, waiting_next) {
		if (qp->waits_for != number)
			continue;
		DL_DELETE2(context->waiting, qp, waiting_prev, waiting_next);
		qp->is_waiting = false;
		hf_qp_work_locked(qp);
	}
}

/* true if the ring holds more than was taken from it */
static bool drain(struct hf_context *context, uint32_t number, bool *ret_found)
{
	struct hf_ring *ring = hf_endpoint_ring_from(&context->endpoint, number);
	unsigned int count = 0;
	struct hf_packet packet;
	const uint8_t *payload;
	int rc = 0;

	end_wait(context, number);
	if (!ring)
		return false;
	while (count < BATCH && (rc = hf_ring_peek(ring, &packet, &payload)) > 0) {
		receive_packet(context, &packet, payload);
		hf_ring_release(ring, packet.length);
		count++;
	}
	if (count > 0) {
		*ret_found = true;
		if (atomic_load(&ring->wants_room) && atomic_exchange(&ring->wants_room, 0))
			hf_endpoint_ring_bell(&context->endpoint, number);
	}
	return rc > 0;
}

bool hf_wire_receive_locked(struct hf_context *context)
{
	bool is_found = false;

	for (unsigned int word = 0; word < HF_ENDPOINT_WORDS; word++) {
		uint64_t bells = hf_endpoint_take_bells(&context->endpoint, word), again = 0;

		for (uint64_t left = bells; left; left &= left - 1) {
			unsigned int bit = __builtin_ctzll(left);

			if (drain(context, word * 64 + bit, &is_found))
				again |= UINT64_C(1) << bit;
		}
		if (again)
			atomic_fetch_or(&context->endpoint.entries[context->endpoint.number].rings[word], again);
	}
	return is_found;
}
