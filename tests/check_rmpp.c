/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The RMPP engine against a model of what the kernel does (rmpp_reference.h): over a bad link in every pairing, in
 * lockstep with the same input, and both against numbers worked out by hand.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "check_main.h"
#include "lib/wire.h"
#include "rmpp_link.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define NS_PER_MS	UINT64_C(1000000)
#define NS_PER_S	UINT64_C(1000000000)

enum { DATA = 1, ACK = 2, STOP = 3, ABORT = 4 };
enum { ACTIVE = 1, FIRST = 2, LAST = 4 };

#define CLASS_VENDOR	0x32
#define METHOD_SEND	0x03

/* Known exchanges */

struct step {
	int side;
	uint8_t method;
	uint8_t type;
	uint8_t flags;
	uint32_t seg_num;
	uint32_t paylen_newwin;
};

struct exchange {
	const char *name;
	struct rmpp_transfer transfer;
	uint32_t window;
	struct step steps[16];
};

static const struct exchange exchanges[] = {
	{
		"no data", { .mgmt_class = 3, .method = 0x92, .len = 56 }, 0, {
			{ 0, 0x92, DATA, ACTIVE | FIRST | LAST, 1, 20 },
			{ 1, 0x12, ACK, ACTIVE, 1, 1 },
		},
	}, {
		"one byte", { .mgmt_class = 3, .method = 0x92, .len = 57 }, 0, {
			{ 0, 0x92, DATA, ACTIVE | FIRST | LAST, 1, 21 },
			{ 1, 0x12, ACK, ACTIVE, 1, 1 },
		},
	}, {
		"a full segment", { .mgmt_class = 3, .method = 0x92, .len = 256 }, 0, {
			{ 0, 0x92, DATA, ACTIVE | FIRST | LAST, 1, 220 },
			{ 1, 0x12, ACK, ACTIVE, 1, 1 },
		},
	}, {
		"one byte more", { .mgmt_class = 3, .method = 0x92, .len = 257 }, 0, {
			{ 0, 0x92, DATA, ACTIVE | FIRST, 1, 2 * 220 - 199 },
			{ 1, 0x12, ACK, ACTIVE, 1, 65 },
			{ 0, 0x92, DATA, ACTIVE | LAST, 2, 21 },
			{ 1, 0x12, ACK, ACTIVE, 2, 65 },
		},
	}, {
		"vendor class request", { .mgmt_class = CLASS_VENDOR, .method = METHOD_SEND, .len = 40 + 3 * 216 }, 0, {
			{ 0, 0x03, DATA, ACTIVE | FIRST, 1, 3 * 220 },
			{ 1, 0x83, ACK, ACTIVE, 1, 65 },
			{ 0, 0x03, DATA, ACTIVE, 2, 0 },
			{ 0, 0x03, DATA, ACTIVE | LAST, 3, 220 },
			{ 1, 0x83, ACK, ACTIVE, 3, 65 },
		},
	}, {
		"the last segment at a window edge", { .mgmt_class = 3, .method = 0x92, .len = 56 + 5 * 200 }, 2, {
			{ 0, 0x92, DATA, ACTIVE | FIRST, 1, 5 * 220 },
			{ 1, 0x12, ACK, ACTIVE, 1, 3 },
			{ 0, 0x92, DATA, ACTIVE, 2, 0 },
			{ 0, 0x92, DATA, ACTIVE, 3, 0 },
			{ 1, 0x12, ACK, ACTIVE, 3, 5 },
			{ 0, 0x92, DATA, ACTIVE, 4, 0 },
			{ 0, 0x92, DATA, ACTIVE | LAST, 5, 220 },
			{ 1, 0x12, ACK, ACTIVE, 5, 5 },
		},
	}, {
		"double-sided",
		{
			.mgmt_class = 3, .method = 0x12, .len = 60, .timeout_ms = 500,
			.answer = RMPP_RMPP_ANSWER, .answer_len = 300,
		}, 0, {
			{ 0, 0x12, DATA, ACTIVE | FIRST | LAST, 1, 24 },
			{ 1, 0x92, ACK, ACTIVE, 1, 1 },
			{ 0, 0x12, ACK, ACTIVE, 0, 1 },
			{ 1, 0x92, DATA, ACTIVE | FIRST, 1, 284 },
			{ 0, 0x12, ACK, ACTIVE, 1, 65 },
			{ 1, 0x92, DATA, ACTIVE | LAST, 2, 64 },
			{ 0, 0x12, ACK, ACTIVE, 2, 65 },
		},
	},
};

static void check_step(const struct step *step, const struct rmpp_event *event)
{
	const struct hf_rmpp_hdr *rmpp = (const struct hf_rmpp_hdr *)event->rmpp_header;

	ck_assert_msg(event->side == step->side && event->method == step->method && rmpp->version == 1 &&
		      rmpp->type == step->type && rmpp->rtime_flags == step->flags && rmpp->status == 0 &&
		      be32toh(rmpp->seg_num) == step->seg_num &&
		      be32toh(rmpp->paylen_newwin) == step->paylen_newwin,
		      "%s: end %d sends method %#x version %u type %u flags %#x status %u segment %u payload/window %u",
		      rmpp_case, event->side, event->method, rmpp->version, rmpp->type, rmpp->rtime_flags,
		      rmpp->status, be32toh(rmpp->seg_num), be32toh(rmpp->paylen_newwin));
}

static void check_exchange(const struct exchange *exchange, const struct rmpp_party_kind *kind)
{
	struct rmpp_link_config config = { .kinds = { kind, kind }, .rmpp = { .window = exchange->window } };
	struct rmpp_transfer transfer = exchange->transfer;
	size_t num_events = 0;
	size_t num_steps = 0;

	snprintf(rmpp_case, sizeof(rmpp_case), "%s, %s", exchange->name, kind->name);
	transfer.tid = 0x123400000001;
	transfer.start_ns = NS_PER_S;
	struct rmpp_link *link = rmpp_link_new(&config);

	rmpp_link_add(link, &transfer);
	rmpp_link_run(link, 60 * NS_PER_S);
	const struct rmpp_event *trace = rmpp_link_trace(link, &num_events);

	for (size_t i = 0; i < num_events; i++)
		if (trace[i].kind == RMPP_EVENT_SEND)
			check_step(&exchange->steps[num_steps++], &trace[i]);
	ck_assert_msg(num_steps == ARRAY_SIZE(exchange->steps) || !exchange->steps[num_steps].type,
		      "%s: %zu MADs only", rmpp_case, num_steps);
	rmpp_link_free(link);
}

START_TEST(test_known_exchange)
{
	check_exchange(&exchanges[_i], &rmpp_engine);
	check_exchange(&exchanges[_i], &rmpp_model);
}
END_TEST

/* A single-segment RMPP request to end 0, or the final ACK of its double-sided transfer. */
static void inject_request(struct rmpp_link *link, uint64_t at_ns, uint64_t tid, uint8_t method, uint8_t type,
			   uint32_t window)
{
	struct hf_sa_mad mad = {
		.hdr = {
			.base_version = 1, .mgmt_class = HF_CLASS_SUBN_ADM, .class_version = 2, .method = method,
			.tid = htobe64(tid),
		},
		.rmpp = {
			.version = 1, .type = type, .rtime_flags = type == ACK ? ACTIVE : ACTIVE | FIRST | LAST,
			.seg_num = htobe32(type == DATA), .paylen_newwin = htobe32(window),
		},
	};
	struct hf_rmpp_addr from = { .lid = 7, .qpn = 1, .sl = 2 };

	rmpp_link_inject(link, 0, at_ns, &from, (const uint8_t *)&mad);
}

struct grant {
	uint8_t methods[2];	/* of two requests with the same TID, one after the other; 0: only one */
	uint32_t windows[2];
	size_t segments;	/* of ten, sent at once */
	uint64_t others;	/* requests with other TIDs that come afterwards */
};

/*
 * The requester says how many segments of the response it takes at once. Where two requests with one TID are remembered
 * (their methods differ) the later one counts. To a window of 0 there is no edge at which to stop.
 */
static const struct grant grants[] = {
	{ { HF_METHOD_GET_TABLE, 0 }, { 1, 0 }, 1, 0 },
	{ { HF_METHOD_GET_TABLE, 0 }, { 4, 0 }, 4, 0 },
	{ { HF_METHOD_GET_TABLE, 0 }, { 100, 0 }, 10, 0 },
	{ { HF_METHOD_GET_TABLE, 0 }, { 0x80000000, 0 }, 1, 0 },	/* negative: less than the segment, refused */
	{ { HF_METHOD_GET_TABLE, 0 }, { 0, 0 }, 10, 0 },
	{ { HF_METHOD_GET_TABLE, HF_METHOD_GET }, { 4, 1 }, 1, 0 },
	{ { HF_METHOD_GET, HF_METHOD_GET_TABLE }, { 3, 5 }, 5, 0 },
	{ { HF_METHOD_GET_TABLE, HF_METHOD_GET }, { 4, 7 }, 7, 240 },
};

static void inject_requests(struct rmpp_link *link, const struct grant *grant, uint64_t tid)
{
	for (unsigned int i = 0; i < 2 && grant->methods[i]; i++) {
		inject_request(link, NS_PER_S + i, tid, grant->methods[i], DATA, 220);
		inject_request(link, NS_PER_S + 100 + i, tid, grant->methods[i], ACK, grant->windows[i]);
	}
	for (uint64_t i = 1; i <= grant->others; i++)
		inject_request(link, NS_PER_S + 200 + i, tid + i, HF_METHOD_GET_TABLE, DATA, 220);
}

START_TEST(test_granted_window)
{
	/* All that end 0 sends is lost, and what it gets is not from end 1. */
	struct rmpp_link_config config = {
		.kinds = { &rmpp_twin, &rmpp_twin },
		.towards = { [1].loss_permille = 1000 },
		.timer_late_us = 1,
	};
	struct rmpp_transfer response = {
		.start_ns = 2 * NS_PER_S, .mgmt_class = HF_CLASS_SUBN_ADM, .method = HF_METHOD_GET_TABLE_RESP,
		.tid = 1, .len = 56 + 10 * HF_SA_DATA_SIZE,
	};
	struct rmpp_link *link = rmpp_link_new(&config);
	size_t num = 0;
	size_t segments = 0;

	snprintf(rmpp_case, sizeof(rmpp_case), "granted window, case %d", _i);
	inject_requests(link, &grants[_i], response.tid);
	rmpp_link_add(link, &response);
	rmpp_link_run(link, 3 * NS_PER_S);
	const struct rmpp_event *trace = rmpp_link_trace(link, &num);

	for (size_t i = 0; i < num; i++)
		segments += trace[i].kind == RMPP_EVENT_SEND && trace[i].method == HF_METHOD_GET_TABLE_RESP &&
			    trace[i].rmpp_header[1] == DATA;
	ck_assert_msg(segments == grants[_i].segments, "%s: %zu segments", rmpp_case, segments);
	rmpp_link_free(link);
}
END_TEST

/* Random runs */

#define NUM_RUNS 150	/* of each combination of loss and speed */

/*
 * Kernel timers are slow for a bad link: 2 s a window, and 40 s for all. Half of the runs have them, with so few
 * retries that nothing is sent again after the receiver's 10 s of memory: a single segment would then be delivered
 * twice, by the kernel, too. The other half has a short timer, many retries and more time, with which nothing fails.
 */
static void draw_timing(struct rmpp_random *random, bool kernel_timing, struct hf_rmpp_config *ret_config,
			uint32_t *ret_retries)
{
	static const uint32_t windows[] = { 0, 0, 1, 2, 5, 16 };

	*ret_config = (struct hf_rmpp_config){ .window = windows[rmpp_random_below(random, ARRAY_SIZE(windows))] };
	*ret_retries = (uint32_t)rmpp_random_below(random, 5);
	if (kernel_timing)
		return;
	ret_config->ack_timeout_ms = 30 + (uint32_t)rmpp_random_below(random, 20);
	ret_config->receive_timeout_ms = 250000;
	*ret_retries = 60;
}

static struct rmpp_conditions draw_conditions(struct rmpp_random *random, unsigned int loss_permille)
{
	return (struct rmpp_conditions){
		.loss_permille = loss_permille,
		.double_permille = rmpp_random_permille(random, 500) ? 50 : 0,
		.late_permille = rmpp_random_permille(random, 500) ? 100 : 0,
		.delay_us = 1 + (uint32_t)rmpp_random_below(random, 100),
		.late_us = 1 + (uint32_t)rmpp_random_below(random, 20000),
	};
}

/* Most are small; some have more segments than a window, few have thousands. */
static size_t draw_data_len(struct rmpp_random *random)
{
	static const size_t edges[] = { 0, 1, 199, 200, 201, 215, 216, 217, 400, 65 * 200, 65 * 200 + 1, 65 * 216 };

	switch (rmpp_random_below(random, 40)) {
	case 0:
		return rmpp_random_below(random, 400000);
	case 1 ... 4:
		return rmpp_random_below(random, 30000);
	case 5 ... 19:
		return edges[rmpp_random_below(random, ARRAY_SIZE(edges))];
	default:
		return rmpp_random_below(random, 2500);
	}
}

static struct rmpp_transfer draw_transfer(struct rmpp_random *random, uint64_t number, uint32_t retries)
{
	bool sa = rmpp_random_permille(random, 500);
	size_t header = sa ? 56 : 40;
	struct rmpp_transfer transfer = {
		.start_ns = NS_PER_S + rmpp_random_below(random, NS_PER_S / 20),
		.side = (int)rmpp_random_below(random, 2),
		.mgmt_class = sa ? HF_CLASS_SUBN_ADM : CLASS_VENDOR,
		.method = sa ? HF_METHOD_GET_TABLE : METHOD_SEND,
		.tid = rmpp_random_next(random) << 8 | number,
		.len = header + draw_data_len(random),
		.retries = retries,
	};

	switch (rmpp_random_below(random, 4)) {
	case 0:
		transfer.method |= HF_METHOD_RESP;
		return transfer;
	case 1:
		return transfer;
	case 2:
		transfer.answer = RMPP_PLAIN_ANSWER;
		break;
	case 3:
		transfer.answer = RMPP_RMPP_ANSWER;
		transfer.answer_len = header + draw_data_len(random);
		break;
	}
	transfer.timeout_ms = 100 + (uint32_t)rmpp_random_below(random, 4000);
	if (rmpp_random_permille(random, 500))
		transfer.timeout_ms = 60000;
	return transfer;
}

static struct rmpp_link *new_run(uint64_t seed, unsigned int loss_permille, bool kernel_timing,
				 const struct rmpp_party_kind *kind0, const struct rmpp_party_kind *kind1)
{
	struct rmpp_random random = { seed };
	struct rmpp_link_config config = { .seed = seed, .kinds = { kind0, kind1 } };
	uint32_t retries;

	snprintf(rmpp_case, sizeof(rmpp_case), "seed %#" PRIx64 ", %u per mille lost, %s timing, %s <-> %s", seed,
		 loss_permille, kernel_timing ? "kernel" : "fast", kind0->name, kind1->name);
	draw_timing(&random, kernel_timing, &config.rmpp, &retries);
	config.towards[0] = draw_conditions(&random, loss_permille);
	config.towards[1] = draw_conditions(&random, loss_permille);
	struct rmpp_link *link = rmpp_link_new(&config);

	for (uint64_t i = 1 + rmpp_random_below(&random, 3); i; i--) {
		struct rmpp_transfer transfer = draw_transfer(&random, i, retries);

		rmpp_link_add(link, &transfer);
	}
	return link;
}

/* How transfers ended; @failed counts those that did not succeed and waited for no response. */
struct outcome {
	unsigned int succeeded;
	unsigned int timed_out;
	unsigned int aborted;
	unsigned int failed;
};

/* What must hold whatever was lost: all ended, and what ended well is at the other end, and its response is here. */
static void check_run(const struct rmpp_link *link, struct outcome *outcome)
{
	size_t num = 0;
	const struct rmpp_transfer *transfers = rmpp_link_transfers(link, &num);

	for (size_t i = 0; i < num; i++) {
		const struct rmpp_transfer *transfer = &transfers[i];

		ck_assert_msg(transfer->ended, "%s: transfer %zu never ends", rmpp_case, i);
		if (transfer->is_plain)
			continue;
		outcome->succeeded += transfer->status == 0;
		outcome->timed_out += transfer->status == -ETIMEDOUT;
		outcome->aborted += transfer->status == -EREMOTEIO;
		outcome->failed += transfer->status && !transfer->timeout_ms;
		if (transfer->status)
			continue;
		ck_assert_msg(transfer->delivered == 1, "%s: transfer %zu succeeded, delivered %u times", rmpp_case, i,
			      transfer->delivered);
	}
}

/* A request is done when its response was delivered, and its sender does not learn of it otherwise. */
static void check_answers(const struct rmpp_link *link)
{
	size_t num = 0;
	const struct rmpp_transfer *transfers = rmpp_link_transfers(link, &num);

	for (size_t i = 0; i < num; i++) {
		bool answered = false;

		if (!transfers[i].timeout_ms)
			continue;
		for (size_t j = 0; j < num; j++)
			if (j != i && transfers[j].tid == transfers[i].tid)
				answered = transfers[j].delivered;
		ck_assert_msg(answered || transfers[i].status, "%s: transfer %zu succeeded without a response",
			      rmpp_case, i);
	}
}

static void check_same_trace(const struct rmpp_link *link, const struct rmpp_link *other)
{
	size_t num = 0;
	size_t num_other = 0;
	const struct rmpp_event *trace = rmpp_link_trace(link, &num);
	const struct rmpp_event *trace_other = rmpp_link_trace(other, &num_other);

	for (size_t i = 0; i < num && i < num_other; i++) {
		const struct rmpp_event *a = &trace[i];
		const struct rmpp_event *b = &trace_other[i];

		ck_assert_msg(a->at_ns == b->at_ns && a->side == b->side && a->kind == b->kind &&
			      a->digest == b->digest,
			      "%s: event %zu: end %d, kind %d, at %" PRIu64 " ns; between references: end %d, kind %d, "
			      "at %" PRIu64 " ns", rmpp_case, i, a->side, a->kind, a->at_ns, b->side, b->kind,
			      b->at_ns);
	}
	ck_assert_msg(num == num_other, "%s: %zu events, between references %zu", rmpp_case, num, num_other);
}

/* One seed in every pairing: each must do exactly what two references do, and so fail where they fail. */
static void check_pairings(uint64_t seed, unsigned int loss_permille, bool kernel_timing, struct outcome *outcome)
{
	static const struct rmpp_party_kind *const pairs[][2] = {
		{ &rmpp_model, &rmpp_engine },
		{ &rmpp_engine, &rmpp_model },
		{ &rmpp_engine, &rmpp_engine },
	};
	struct rmpp_link *models = new_run(seed, loss_permille, kernel_timing, &rmpp_model, &rmpp_model);

	rmpp_link_run(models, 300 * NS_PER_S);
	check_run(models, outcome);
	check_answers(models);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct outcome unused = { 0 };
		struct rmpp_link *link = new_run(seed, loss_permille, kernel_timing, pairs[i][0], pairs[i][1]);

		rmpp_link_run(link, 300 * NS_PER_S);
		check_run(link, &unused);
		check_answers(link);
		check_same_trace(link, models);
		rmpp_link_free(link);
	}
	rmpp_link_free(models);
}

static const unsigned int losses_permille[] = { 0, 10, 100, 300 };

START_TEST(test_pairings)
{
	unsigned int loss_permille = losses_permille[_i / 2];
	bool kernel_timing = _i % 2;
	struct outcome outcome = { 0 };

	for (uint64_t run = 0; run < NUM_RUNS; run++)
		check_pairings((uint64_t)_i << 32 | run, loss_permille, kernel_timing, &outcome);
	ck_assert_uint_gt(outcome.succeeded, NUM_RUNS);
	if (!loss_permille)
		ck_assert_uint_eq(outcome.timed_out + outcome.aborted, 0);
	if (!kernel_timing)
		ck_assert_uint_eq(outcome.failed, 0);
	if (kernel_timing && loss_permille >= 100) {
		ck_assert_uint_gt(outcome.timed_out, 0);
		ck_assert_uint_gt(outcome.aborted, 0);
	}
}
END_TEST

/* Lockstep */

#define NUM_LOCKSTEPS 300

/* The runs of above once more, engine and reference with the same input at either end. */
START_TEST(test_lockstep)
{
	for (uint64_t run = 0; run < NUM_LOCKSTEPS; run++) {
		uint64_t seed = UINT64_C(0x10c5) << 48 | (uint64_t)_i << 32 | run;
		struct rmpp_link *link = new_run(seed, losses_permille[_i], run % 2, &rmpp_twin, &rmpp_twin);
		struct outcome unused = { 0 };

		rmpp_link_run(link, 300 * NS_PER_S);
		check_run(link, &unused);
		rmpp_link_free(link);
	}
}
END_TEST

struct hostility {
	const char *name;
	unsigned int falsify_permille;
	unsigned int replay_permille;
	uint32_t timer_late_us;
	unsigned int injections;
	bool cancels;
	unsigned int runs;
};

static const struct hostility hostilities[] = {
	{ .name = "late timers", .timer_late_us = 30000, .runs = 600 },
	{ .name = "replays", .replay_permille = 100, .runs = 600 },
	{ .name = "cancellations", .replay_permille = 20, .cancels = true, .runs = 600 },
	{ .name = "falsified now and then", .falsify_permille = 30, .replay_permille = 10, .runs = 1200 },
	{ .name = "falsified often", .falsify_permille = 400, .replay_permille = 100, .timer_late_us = 3000,
	  .runs = 1200 },
	{ .name = "made up", .replay_permille = 50, .injections = 150, .runs = 1200 },
};

/* TIDs, classes and methods are few, so that much of it concerns what is under way. */
static void draw_mad(struct rmpp_random *random, const struct rmpp_link *link, uint8_t *mad)
{
	static const uint8_t classes[] = { 0x03, 0x03, 0x03, 0x32, 0x32, 0x06, 0x04 };
	static const uint8_t methods[] = { 0x12, 0x92, 0x03, 0x83, 0x02 };
	static const uint8_t statuses[] = { 1, 117, 118, 122, 127, 128, 255 };
	static const uint32_t numbers[] = { 0, 1, 2, 3, 4, 5, 8, 19, 20, 21, 64, 65, 66, 219, 220, 221, 0x7fffffff,
					    0x80000000, 0xffffffff };
	size_t num = 0;
	const struct rmpp_transfer *transfers = rmpp_link_transfers(link, &num);
	const struct rmpp_transfer *transfer = &transfers[rmpp_random_below(random, num)];
	struct hf_mad_hdr hdr = {
		.base_version = 1,
		.mgmt_class = transfer->mgmt_class,
		.class_version = transfer->mgmt_class == HF_CLASS_SUBN_ADM ? 2 : 1,
		.method = transfer->method ^ (rmpp_random_permille(random, 700) ? HF_METHOD_RESP : 0),
		.tid = htobe64(transfer->tid),
	};
	struct hf_rmpp_hdr rmpp = {
		.version = rmpp_random_permille(random, 950),
		.type = (uint8_t)(1 + rmpp_random_below(random, rmpp_random_permille(random, 900) ? 2 : 5)),
		.rtime_flags = rmpp_random_permille(random, 950) | (uint8_t)(rmpp_random_below(random, 32) << 3),
		.seg_num = htobe32(numbers[rmpp_random_below(random, ARRAY_SIZE(numbers))]),
		.paylen_newwin = htobe32(numbers[rmpp_random_below(random, ARRAY_SIZE(numbers))]),
	};

	if (rmpp_random_permille(random, 300)) {
		hdr.mgmt_class = classes[rmpp_random_below(random, ARRAY_SIZE(classes))];
		hdr.method = methods[rmpp_random_below(random, ARRAY_SIZE(methods))];
		hdr.tid = htobe64(transfer->tid + rmpp_random_below(random, 4));
	}
	if (rmpp.type == STOP || rmpp.type == ABORT || rmpp_random_permille(random, 20))
		rmpp.status = statuses[rmpp_random_below(random, ARRAY_SIZE(statuses))];
	if (be32toh(rmpp.seg_num) == 1 || rmpp_random_permille(random, 20))
		rmpp.rtime_flags |= FIRST;
	if (rmpp_random_permille(random, 300))
		rmpp.rtime_flags |= LAST;
	for (size_t i = 0; i < HF_MAD_SIZE; i++)
		mad[i] = (uint8_t)rmpp_random_next(random);
	memcpy(mad, &hdr, sizeof(hdr));
	memcpy(mad + sizeof(hdr), &rmpp, sizeof(rmpp));
}

static void inject(struct rmpp_random *random, struct rmpp_link *link)
{
	uint8_t mad[HF_MAD_SIZE];
	struct hf_rmpp_addr from = { .qpn = 1, .sl = 2 };
	bool soon = rmpp_random_permille(random, 700);
	int side = (int)rmpp_random_below(random, 2);

	from.lid = side ? 4 : 7;
	if (rmpp_random_permille(random, 50))
		from = (struct hf_rmpp_addr){ .lid = 9, .qpn = 5, .pkey_index = 1, .sl = 3, .path_bits = 1 };
	if (rmpp_random_permille(random, 50))
		from.qpn = 5;
	draw_mad(random, link, mad);
	rmpp_link_inject(link, side, NS_PER_S + rmpp_random_below(random, soon ? NS_PER_S / 10 : 15 * NS_PER_S), &from,
			 mad);
}

static void check_hostile(const struct hostility *hostility, uint64_t seed)
{
	struct rmpp_random random = { seed };
	struct rmpp_link_config config = {
		.seed = seed,
		.kinds = { &rmpp_twin, &rmpp_twin },
		.falsify_permille = hostility->falsify_permille,
		.replay_permille = hostility->replay_permille,
		.timer_late_us = hostility->timer_late_us,
	};
	uint32_t retries;

	snprintf(rmpp_case, sizeof(rmpp_case), "%s, seed %#" PRIx64, hostility->name, seed);
	draw_timing(&random, rmpp_random_permille(&random, 500), &config.rmpp, &retries);
	if (rmpp_random_permille(&random, 200))
		config.rmpp.receive_timeout_ms = 300;
	if (rmpp_random_permille(&random, 200))
		config.rmpp.linger_ms = 100;
	config.towards[0] = draw_conditions(&random, 50);
	config.towards[1] = draw_conditions(&random, 50);
	struct rmpp_link *link = rmpp_link_new(&config);

	for (uint64_t i = 1 + rmpp_random_below(&random, 4); i; i--) {
		struct rmpp_transfer transfer = draw_transfer(&random, i, retries % 5);

		transfer.tid = UINT64_C(0x100000000) | rmpp_random_below(&random, 4);
		transfer.len = transfer.len % 8000 + 64;
		transfer.answer_len = transfer.answer_len % 8000 + 64;
		if (hostility->cancels && rmpp_random_permille(&random, 700))
			transfer.cancel_ns = transfer.start_ns + rmpp_random_below(&random, 100 * NS_PER_MS);
		rmpp_link_add(link, &transfer);
	}
	for (unsigned int i = 0; i < hostility->injections; i++)
		inject(&random, link);
	/* Half of them are stopped at any time, with transfers under way. */
	rmpp_link_run(link, rmpp_random_permille(&random, 500) ? NS_PER_S + rmpp_random_below(&random, NS_PER_S / 10) :
		      200 * NS_PER_S);
	rmpp_link_free(link);
}

START_TEST(test_hostile)
{
	for (uint64_t run = 0; run < hostilities[_i].runs; run++)
		check_hostile(&hostilities[_i], UINT64_C(0xbad) << 48 | (uint64_t)_i << 32 | run);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rmpp");
	TCase *known = tcase_create("known");
	TCase *pairings = tcase_create("pairings");
	TCase *lockstep = tcase_create("lockstep");

	tcase_add_loop_test(known, test_known_exchange, 0, ARRAY_SIZE(exchanges));
	tcase_add_loop_test(known, test_granted_window, 0, ARRAY_SIZE(grants));
	suite_add_tcase(suite, known);
	tcase_set_timeout(pairings, 60);
	tcase_add_loop_test(pairings, test_pairings, 0, 2 * ARRAY_SIZE(losses_permille));
	suite_add_tcase(suite, pairings);
	tcase_set_timeout(lockstep, 60);
	tcase_add_loop_test(lockstep, test_lockstep, 0, ARRAY_SIZE(losses_permille));
	tcase_add_loop_test(lockstep, test_hostile, 0, ARRAY_SIZE(hostilities));
	suite_add_tcase(suite, lockstep);
	return check_main(suite);
}
