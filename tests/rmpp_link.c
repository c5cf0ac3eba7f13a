/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <check.h>
#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"
#include "rmpp_link.h"

#define NS_PER_US UINT64_C(1000)
#define REMEMBERED 64	/* MADs that may be replayed */

struct packet {
	uint64_t at_ns;
	int to;
	struct hf_rmpp_addr from;
	uint8_t mad[HF_MAD_SIZE];
};

struct end {
	struct rmpp_link *link;
	int side;
	void *party;
	struct rmpp_random fate;	/* of what is sent to it */
};

struct rmpp_link {
	struct rmpp_link_config config;
	struct end ends[2];
	struct rmpp_random hostile;
	uint64_t now_ns;
	struct packet *packets;
	size_t num_packets;
	size_t packets_capacity;
	struct packet remembered[REMEMBERED];
	size_t num_remembered;
	struct rmpp_transfer *transfers;
	size_t num_transfers;
	struct rmpp_event *trace;
	size_t num_events;
	size_t trace_capacity;
};

/* splitmix64 */
uint64_t rmpp_random_next(struct rmpp_random *random)
{
	uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t rmpp_random_below(struct rmpp_random *random, uint64_t bound)
{
	return rmpp_random_next(random) % bound;
}

bool rmpp_random_permille(struct rmpp_random *random, unsigned int permille)
{
	return permille && rmpp_random_below(random, 1000) < permille;
}

static bool is_hostile(const struct rmpp_link *link)
{
	return link->config.falsify_permille || link->config.replay_permille || link->config.timer_late_us;
}

static uint32_t lid_of(int side)
{
	return side ? 7 : 4;
}

static uint64_t digest(const uint8_t *bytes, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ len;

	for (; len >= 8; bytes += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, bytes, 8);
		hash = (hash ^ word) * UINT64_C(0x100000001b3);
		hash ^= hash >> 29;
	}
	for (; len; bytes++, len--)
		hash = (hash ^ *bytes) * UINT64_C(0x100000001b3);
	return hash;
}

static void *grow(void *array, size_t num, size_t *capacity, size_t size)
{
	if (num < *capacity)
		return array;
	*capacity = *capacity ? 2 * *capacity : 64;
	array = realloc(array, *capacity * size);
	ck_assert_ptr_nonnull(array);
	return array;
}

static void trace(struct rmpp_link *link, int side, enum rmpp_event_kind kind, uint64_t value, const uint8_t *mad)
{
	struct rmpp_event event = { .at_ns = link->now_ns, .side = side, .kind = kind, .digest = value };

	if (mad) {
		event.method = mad[offsetof(struct hf_mad_hdr, method)];
		memcpy(event.rmpp_header, mad + sizeof(struct hf_mad_hdr), sizeof(event.rmpp_header));
	}
	link->trace = grow(link->trace, link->num_events, &link->trace_capacity, sizeof(*link->trace));
	link->trace[link->num_events++] = event;
}

/* What the MADs hold */

/* The MAD of a transfer: headers, then bytes that depend on TID, direction and place. */
static void fill(const struct rmpp_transfer *transfer, uint8_t *mad)
{
	struct hf_mad_hdr hdr = {
		.base_version = 1,
		.mgmt_class = transfer->mgmt_class,
		.class_version = transfer->mgmt_class == HF_CLASS_SUBN_ADM ? 2 : 1,
		.method = transfer->method,
		.tid = htobe64(transfer->tid),
		.attr_id = htobe16(HF_ATTR_PATH_RECORD),
	};
	uint32_t salt = (uint32_t)transfer->tid ^ transfer->method * UINT32_C(0x01000193);

	memcpy(mad, &hdr, sizeof(hdr));
	for (size_t i = sizeof(hdr); i < transfer->len; i++)
		mad[i] = (uint8_t)((((uint32_t)i ^ salt) * UINT32_C(2654435761)) >> 23);
}

/* All but the RMPP header, which is the first segment's. */
static bool is_whole(const struct rmpp_transfer *transfer, const uint8_t *mad, size_t len)
{
	size_t rmpp_end = sizeof(struct hf_mad_hdr) + sizeof(struct hf_rmpp_hdr);
	bool same = len == transfer->len;

	if (same) {
		uint8_t *sent = malloc(len);

		ck_assert_ptr_nonnull(sent);
		fill(transfer, sent);
		same = !memcmp(sent, mad, sizeof(struct hf_mad_hdr)) &&
		       !memcmp(sent + rmpp_end, mad + rmpp_end, len - rmpp_end);
		free(sent);
	}
	return same;
}

static struct rmpp_transfer *find_delivered(struct rmpp_link *link, int side, const uint8_t *mad)
{
	const struct hf_mad_hdr *hdr = (const struct hf_mad_hdr *)mad;

	for (size_t i = 0; i < link->num_transfers; i++) {
		struct rmpp_transfer *transfer = &link->transfers[i];

		if (transfer->side != side && transfer->started && htobe64(transfer->tid) == hdr->tid &&
		    transfer->mgmt_class == hdr->mgmt_class && transfer->method == hdr->method)
			return transfer;
	}
	return NULL;
}

/* The wire */

static void put_packet(struct rmpp_link *link, const struct packet *packet)
{
	link->packets = grow(link->packets, link->num_packets, &link->packets_capacity, sizeof(*link->packets));
	link->packets[link->num_packets++] = *packet;
}

static uint32_t strange_number(struct rmpp_link *link)
{
	static const uint32_t numbers[] = { 0, 1, 2, 3, 4, 64, 65, 66, 0x7fffffff, 0x80000000, 0xffffffff };

	return numbers[rmpp_random_below(&link->hostile, sizeof(numbers) / sizeof(numbers[0]))];
}

static uint32_t false_number(struct rmpp_link *link, uint32_t number)
{
	switch (rmpp_random_below(&link->hostile, 4)) {
	case 0:
		return strange_number(link);
	case 1:
		return number + 1;
	case 2:
		return number - 1;
	default:
		return (uint32_t)rmpp_random_below(&link->hostile, 250);
	}
}

static void falsify_rmpp(struct rmpp_link *link, struct hf_rmpp_hdr *rmpp)
{
	static const uint8_t statuses[] = { 0, 1, 2, 117, 118, 119, 123, 127, 128, 255 };

	switch (rmpp_random_below(&link->hostile, 6)) {
	case 0:
		rmpp->version = (uint8_t)rmpp_random_below(&link->hostile, 3);
		break;
	case 1:
		rmpp->type = (uint8_t)rmpp_random_below(&link->hostile, 7);
		break;
	case 2:
		rmpp->rtime_flags ^= (uint8_t)(1 << rmpp_random_below(&link->hostile, 8));
		break;
	case 3:
		rmpp->status = statuses[rmpp_random_below(&link->hostile, sizeof(statuses))];
		break;
	case 4:
		rmpp->seg_num = htobe32(false_number(link, be32toh(rmpp->seg_num)));
		break;
	case 5:
		rmpp->paylen_newwin = htobe32(false_number(link, be32toh(rmpp->paylen_newwin)));
		break;
	}
	/* An ABORT or STOP that is one needs two fields at once. */
	if (rmpp_random_permille(&link->hostile, 60)) {
		rmpp->type = rmpp_random_permille(&link->hostile, 500) ? 3 : 4;
		rmpp->status = rmpp->type == 3 ? 1 : 118 + (uint8_t)rmpp_random_below(&link->hostile, 10);
	}
}

static void falsify_rest(struct rmpp_link *link, struct packet *packet)
{
	static const uint8_t classes[] = { 0x03, 0x04, 0x06, 0x10, 0x12, 0x32, 0x4f };
	static const uint8_t methods[] = { 0x03, 0x12, 0x83, 0x92, 0x07, 0x87 };
	struct hf_mad_hdr *hdr = (struct hf_mad_hdr *)packet->mad;

	switch (rmpp_random_below(&link->hostile, 9)) {
	case 0:
		hdr->tid ^= htobe64(1 + rmpp_random_below(&link->hostile, 3));
		break;
	case 1:
		hdr->method ^= HF_METHOD_RESP;
		break;
	case 2:
		hdr->method = methods[rmpp_random_below(&link->hostile, sizeof(methods))];
		break;
	case 3:
		hdr->mgmt_class = classes[rmpp_random_below(&link->hostile, sizeof(classes))];
		break;
	case 4:
		hdr->class_version ^= 1;
		break;
	case 5:
		packet->from.lid ^= 1;
		break;
	case 6:
		packet->from.qpn++;
		break;
	case 7:
		packet->from.sl ^= 1;
		packet->from.pkey_index++;
		break;
	case 8:
		packet->mad[1 + rmpp_random_below(&link->hostile, HF_MAD_SIZE - 1)] ^=
			(uint8_t)rmpp_random_below(&link->hostile, 256);
		break;
	}
}

static void trouble(struct rmpp_link *link, struct packet *packet)
{
	struct packet *old = &link->remembered[link->num_remembered++ % REMEMBERED];

	*old = *packet;
	if (rmpp_random_permille(&link->hostile, link->config.replay_permille)) {
		size_t num = link->num_remembered < REMEMBERED ? link->num_remembered : REMEMBERED;
		struct packet again = link->remembered[rmpp_random_below(&link->hostile, num)];
		uint64_t late_us = rmpp_random_permille(&link->hostile, 200) ? 15000000 : 20000;

		again.at_ns = link->now_ns + rmpp_random_below(&link->hostile, late_us) * NS_PER_US;
		put_packet(link, &again);
	}
	if (!rmpp_random_permille(&link->hostile, link->config.falsify_permille))
		return;
	if (rmpp_random_permille(&link->hostile, 700))
		falsify_rmpp(link, (struct hf_rmpp_hdr *)(packet->mad + sizeof(struct hf_mad_hdr)));
	else
		falsify_rest(link, packet);
}

static void transmit(struct rmpp_link *link, int from, const uint8_t *mad)
{
	struct end *end = &link->ends[!from];
	const struct rmpp_conditions *conditions = &link->config.towards[end->side];
	struct packet packet = { .to = end->side, .from = { .lid = lid_of(from), .qpn = 1, .sl = 2, .path_bits = 0 } };
	int copies = 1 + rmpp_random_permille(&end->fate, conditions->double_permille);

	memcpy(packet.mad, mad, HF_MAD_SIZE);
	for (; copies; copies--) {
		bool lost = rmpp_random_permille(&end->fate, conditions->loss_permille);
		bool late = rmpp_random_permille(&end->fate, conditions->late_permille);
		uint64_t late_ns = rmpp_random_below(&end->fate, conditions->late_us * NS_PER_US + 1);
		struct packet copy = packet;

		if (lost)
			continue;
		copy.at_ns = link->now_ns + conditions->delay_us * NS_PER_US + (late ? late_ns : 0);
		trouble(link, &copy);
		put_packet(link, &copy);
	}
}

void rmpp_link_inject(struct rmpp_link *link, int side, uint64_t at_ns, const struct hf_rmpp_addr *from,
		      const uint8_t mad[HF_MAD_SIZE])
{
	struct packet packet = { .at_ns = at_ns, .to = side, .from = *from };

	memcpy(packet.mad, mad, HF_MAD_SIZE);
	put_packet(link, &packet);
}

/* What the ends call back */

static int on_send(void *ctx, const struct hf_rmpp_addr *to, const uint8_t mad[HF_MAD_SIZE])
{
	struct end *end = ctx;
	struct rmpp_link *link = end->link;

	trace(link, end->side, RMPP_EVENT_SEND, digest(mad, HF_MAD_SIZE) ^ to->lid ^ (uint64_t)to->qpn << 32,
	      mad);
	if (to->lid == lid_of(!end->side))
		transmit(link, end->side, mad);
	return 0;
}

static void answer(struct rmpp_link *link, const struct rmpp_transfer *request)
{
	struct rmpp_transfer response = {
		.start_ns = link->now_ns + 300 * NS_PER_US,
		.side = !request->side,
		.mgmt_class = request->mgmt_class,
		.method = request->method | HF_METHOD_RESP,
		.tid = request->tid,
		.len = request->answer_len,
		.retries = request->retries,
	};

	if (request->answer == RMPP_NO_ANSWER)
		return;
	if (request->answer == RMPP_RMPP_ANSWER) {
		rmpp_link_add(link, &response);
		return;
	}
	uint8_t plain[HF_MAD_SIZE];

	response.len = HF_MAD_SIZE;
	response.is_plain = true;
	response.started = true;
	response.ended = true;
	fill(&response, plain);
	memset(plain + sizeof(struct hf_mad_hdr), 0, sizeof(struct hf_rmpp_hdr));
	rmpp_link_add(link, &response);
	transmit(link, response.side, plain);
}

static void on_deliver(void *ctx, const struct hf_rmpp_addr *from, const uint8_t *mad, size_t len)
{
	struct end *end = ctx;
	struct rmpp_link *link = end->link;
	struct rmpp_transfer *transfer = find_delivered(link, end->side, mad);
	bool whole = transfer && is_whole(transfer, mad, len);

	trace(link, end->side, RMPP_EVENT_DELIVER, digest(mad, len), mad);
	if (!is_hostile(link)) {
		ck_assert_msg(transfer, "%s: end %d got a MAD that nobody sent", rmpp_case, end->side);
		ck_assert_msg(whole, "%s: end %d got %zu bytes that are not the %zu that were sent", rmpp_case,
			      end->side, len, transfer->len);
		ck_assert_msg(!transfer->delivered, "%s: end %d got TID %#" PRIx64 " twice", rmpp_case, end->side,
			      transfer->tid);
		ck_assert_uint_eq(from->lid, lid_of(!end->side));
	}
	if (whole && !transfer->delivered++)
		answer(link, transfer);
}

static void on_sent(void *ctx, uint64_t cookie, int status)
{
	struct end *end = ctx;
	struct rmpp_link *link = end->link;

	trace(link, end->side, RMPP_EVENT_SENT, cookie << 16 ^ (uint16_t)status, NULL);
	ck_assert_msg(cookie < link->num_transfers && link->transfers[cookie].side == end->side,
		      "%s: end %d completes cookie %" PRIu64 ", which is not its own", rmpp_case, end->side, cookie);
	struct rmpp_transfer *transfer = &link->transfers[cookie];

	ck_assert_msg(transfer->started && !transfer->ended, "%s: transfer %" PRIu64 " completes twice", rmpp_case,
		      cookie);
	transfer->ended = true;
	transfer->status = status;
}

/* Time */

static void start(struct rmpp_link *link, size_t i)
{
	struct end *end = &link->ends[link->transfers[i].side];
	struct rmpp_transfer transfer = link->transfers[i];
	struct hf_rmpp_addr to = { .lid = lid_of(!end->side), .qpn = 1, .sl = 2 };
	uint8_t *mad = malloc(transfer.len);

	ck_assert_ptr_nonnull(mad);
	fill(&transfer, mad);
	link->transfers[i].started = true;
	int ret = link->config.kinds[end->side]->send(end->party, &to, mad, transfer.len, transfer.timeout_ms,
						      transfer.retries, i, link->now_ns);

	free(mad);
	ck_assert_msg(!ret || is_hostile(link), "%s: send of transfer %zu returned %d", rmpp_case, i, ret);
	if (ret) {
		link->transfers[i].ended = true;
		link->transfers[i].status = ret;
	}
}

/* A late timer is late by as much as its own time says, so that it is the same in each run. */
static uint64_t timer_ns(const struct rmpp_link *link, int side)
{
	uint64_t deadline_ns = link->config.kinds[side]->deadline_ns(link->ends[side].party);
	struct rmpp_random late = { deadline_ns };

	if (deadline_ns == UINT64_MAX || !link->config.timer_late_us)
		return deadline_ns;
	return deadline_ns + rmpp_random_below(&late, link->config.timer_late_us * NS_PER_US);
}

static size_t next_packet(const struct rmpp_link *link)
{
	size_t next = 0;

	for (size_t i = 1; i < link->num_packets; i++)
		if (link->packets[i].at_ns < link->packets[next].at_ns)
			next = i;
	return next;
}

static void hand_over(struct rmpp_link *link, size_t i)
{
	struct packet packet = link->packets[i];
	struct end *end = &link->ends[packet.to];
	const struct rmpp_party_kind *kind = link->config.kinds[packet.to];

	link->num_packets--;
	memmove(&link->packets[i], &link->packets[i + 1], (link->num_packets - i) * sizeof(*link->packets));
	int ret = kind->receive(end->party, &packet.from, packet.mad, link->now_ns);

	if (!is_hostile(link))
		ck_assert_msg(ret == 0 || !hf_rmpp_is_active(packet.mad, HF_MAD_SIZE),
			      "%s: end %d does not take an RMPP MAD", rmpp_case, packet.to);
	else if (rmpp_random_permille(&link->hostile, 100))
		kind->expire(end->party, link->now_ns);
}

/* The next start or cancellation: its time, and which. */
static uint64_t next_order_ns(const struct rmpp_link *link, size_t *ret_i)
{
	uint64_t first_ns = UINT64_MAX;

	for (size_t i = 0; i < link->num_transfers; i++) {
		const struct rmpp_transfer *transfer = &link->transfers[i];
		uint64_t at_ns = !transfer->started ? transfer->start_ns :
				 !transfer->ended && transfer->cancel_ns ? transfer->cancel_ns : UINT64_MAX;

		if (at_ns < first_ns) {
			first_ns = at_ns;
			*ret_i = i;
		}
	}
	return first_ns;
}

static void follow_order(struct rmpp_link *link, size_t i)
{
	const struct rmpp_transfer *transfer = &link->transfers[i];

	if (!transfer->started)
		start(link, i);
	else
		ck_assert_int_eq(link->config.kinds[transfer->side]->cancel(link->ends[transfer->side].party, i), 0);
}

static void advance(struct rmpp_link *link, uint64_t to_ns)
{
	if (to_ns > link->now_ns)
		link->now_ns = to_ns;
}

void rmpp_link_run(struct rmpp_link *link, uint64_t until_ns)
{
	for (;;) {
		size_t order = 0;
		size_t packet = next_packet(link);
		uint64_t order_ns = next_order_ns(link, &order);
		uint64_t packet_ns = link->num_packets ? link->packets[packet].at_ns : UINT64_MAX;
		uint64_t timers_ns[2] = { timer_ns(link, 0), timer_ns(link, 1) };
		int side = timers_ns[1] < timers_ns[0];
		uint64_t next_ns = order_ns < packet_ns ? order_ns : packet_ns;

		if (timers_ns[side] < next_ns)
			next_ns = timers_ns[side];
		if (next_ns == UINT64_MAX || next_ns > until_ns)
			return;
		advance(link, next_ns);
		if (packet_ns == next_ns)
			hand_over(link, packet);
		else if (order_ns == next_ns)
			follow_order(link, order);
		else
			link->config.kinds[side]->expire(link->ends[side].party, link->now_ns);
	}
}

/* Beginning and end */

struct rmpp_link *rmpp_link_new(const struct rmpp_link_config *config)
{
	static const struct hf_rmpp_ops ops = { .send = on_send, .deliver = on_deliver, .sent = on_sent };
	struct rmpp_link *link = calloc(1, sizeof(*link));

	ck_assert_ptr_nonnull(link);
	link->config = *config;
	link->now_ns = UINT64_C(1000000007);
	link->hostile.state = config->seed ^ UINT64_C(0x5bf03635);
	for (int side = 0; side < 2; side++) {
		struct end *end = &link->ends[side];

		end->link = link;
		end->side = side;
		end->fate.state = config->seed * 2 + (unsigned int)side;
		end->party = config->kinds[side]->start(&ops, end, &config->rmpp);
	}
	return link;
}

void rmpp_link_free(struct rmpp_link *link)
{
	for (int side = 0; side < 2; side++)
		link->config.kinds[side]->stop(link->ends[side].party);
	free(link->packets);
	free(link->transfers);
	free(link->trace);
	free(link);
}

void rmpp_link_add(struct rmpp_link *link, const struct rmpp_transfer *transfer)
{
	link->transfers = realloc(link->transfers, (link->num_transfers + 1) * sizeof(*link->transfers));
	ck_assert_ptr_nonnull(link->transfers);
	link->transfers[link->num_transfers++] = *transfer;
}

const struct rmpp_transfer *rmpp_link_transfers(const struct rmpp_link *link, size_t *ret_num)
{
	*ret_num = link->num_transfers;
	return link->transfers;
}

const struct rmpp_event *rmpp_link_trace(const struct rmpp_link *link, size_t *ret_num)
{
	*ret_num = link->num_events;
	return link->trace;
}
