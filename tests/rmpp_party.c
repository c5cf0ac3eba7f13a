/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rmpp_party.h"
#include "rmpp_reference.h"

char rmpp_case[160];

static void *engine_start(const struct hf_rmpp_ops *ops, void *ctx, const struct hf_rmpp_config *config)
{
	struct hf_rmpp *rmpp = NULL;

	ck_assert_int_eq(hf_rmpp_new(ops, ctx, config, &rmpp), 0);
	return rmpp;
}

static void engine_stop(void *party)
{
	hf_rmpp_free(party);
}

static int engine_send(void *party, const struct hf_rmpp_addr *to, const uint8_t *mad, size_t len,
		       uint32_t timeout_ms, uint32_t retries, uint64_t cookie, uint64_t now_ns)
{
	return hf_rmpp_send(party, to, mad, len, timeout_ms, retries, cookie, now_ns);
}

static int engine_receive(void *party, const struct hf_rmpp_addr *from, const uint8_t mad[HF_MAD_SIZE],
			  uint64_t now_ns)
{
	return hf_rmpp_receive(party, from, mad, now_ns);
}

static int engine_cancel(void *party, uint64_t cookie)
{
	return hf_rmpp_cancel(party, cookie);
}

static uint64_t engine_deadline_ns(const void *party)
{
	return hf_rmpp_deadline_ns(party);
}

static void engine_expire(void *party, uint64_t now_ns)
{
	hf_rmpp_expire(party, now_ns);
}

const struct rmpp_party_kind rmpp_engine = {
	.name = "engine",
	.start = engine_start,
	.stop = engine_stop,
	.send = engine_send,
	.receive = engine_receive,
	.cancel = engine_cancel,
	.deadline_ns = engine_deadline_ns,
	.expire = engine_expire,
};

static void *model_start(const struct hf_rmpp_ops *ops, void *ctx, const struct hf_rmpp_config *config)
{
	return rmpp_reference_new(ops, ctx, config);
}

static void model_stop(void *party)
{
	rmpp_reference_free(party);
}

static int model_send(void *party, const struct hf_rmpp_addr *to, const uint8_t *mad, size_t len, uint32_t timeout_ms,
		      uint32_t retries, uint64_t cookie, uint64_t now_ns)
{
	return rmpp_reference_send(party, to, mad, len, timeout_ms, retries, cookie, now_ns);
}

static int model_receive(void *party, const struct hf_rmpp_addr *from, const uint8_t mad[HF_MAD_SIZE],
			 uint64_t now_ns)
{
	return rmpp_reference_receive(party, from, mad, now_ns);
}

static int model_cancel(void *party, uint64_t cookie)
{
	return rmpp_reference_cancel(party, cookie);
}

static uint64_t model_deadline_ns(const void *party)
{
	return rmpp_reference_deadline_ns(party);
}

static void model_expire(void *party, uint64_t now_ns)
{
	rmpp_reference_expire(party, now_ns);
}

const struct rmpp_party_kind rmpp_model = {
	.name = "reference",
	.start = model_start,
	.stop = model_stop,
	.send = model_send,
	.receive = model_receive,
	.cancel = model_cancel,
	.deadline_ns = model_deadline_ns,
	.expire = model_expire,
};

/* The twin */

enum output_kind { OUTPUT_SEND, OUTPUT_DELIVER, OUTPUT_SENT };

struct output {
	enum output_kind kind;
	struct hf_rmpp_addr peer;
	uint8_t *mad;
	size_t len;
	uint64_t cookie;
	int status;
};

/* What one of the two called back since the last comparison. */
struct outputs {
	struct output *of;
	size_t num;
	size_t capacity;
};

struct twin {
	struct hf_rmpp_ops ops;
	void *ctx;
	void *engine;
	void *model;
	struct outputs from_engine;
	struct outputs from_model;
};

static void record(struct outputs *outputs, struct output output, const uint8_t *mad)
{
	if (outputs->num == outputs->capacity) {
		outputs->capacity = outputs->capacity ? 2 * outputs->capacity : 16;
		outputs->of = realloc(outputs->of, outputs->capacity * sizeof(*outputs->of));
		ck_assert_ptr_nonnull(outputs->of);
	}
	if (mad) {
		output.mad = malloc(output.len);
		ck_assert_ptr_nonnull(output.mad);
		memcpy(output.mad, mad, output.len);
	}
	outputs->of[outputs->num++] = output;
}

static int record_send(void *ctx, const struct hf_rmpp_addr *to, const uint8_t mad[HF_MAD_SIZE])
{
	record(ctx, (struct output){ .kind = OUTPUT_SEND, .peer = *to, .len = HF_MAD_SIZE }, mad);
	return 0;
}

static void record_deliver(void *ctx, const struct hf_rmpp_addr *from, const uint8_t *mad, size_t len)
{
	record(ctx, (struct output){ .kind = OUTPUT_DELIVER, .peer = *from, .len = len }, mad);
}

static void record_sent(void *ctx, uint64_t cookie, int status)
{
	record(ctx, (struct output){ .kind = OUTPUT_SENT, .cookie = cookie, .status = status }, NULL);
}

static void empty(struct outputs *outputs)
{
	for (size_t i = 0; i < outputs->num; i++)
		free(outputs->of[i].mad);
	outputs->num = 0;
}

static bool same_peer(const struct hf_rmpp_addr *a, const struct hf_rmpp_addr *b)
{
	return a->lid == b->lid && a->qpn == b->qpn && a->pkey_index == b->pkey_index && a->sl == b->sl &&
	       a->path_bits == b->path_bits;
}

static bool same_output(const struct output *a, const struct output *b)
{
	if (a->kind != b->kind || a->cookie != b->cookie || a->status != b->status || a->len != b->len)
		return false;
	return same_peer(&a->peer, &b->peer) && (!a->len || !memcmp(a->mad, b->mad, a->len));
}

static void describe_mad(char *text, size_t size, const uint8_t *mad, size_t len)
{
	size_t at = 0;

	for (size_t i = 0; i < len && i < 40 && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%02x", i % 4 ? "" : " ", mad[i]);
}

static void describe(char *text, size_t size, const struct outputs *outputs, size_t i)
{
	if (i >= outputs->num) {
		snprintf(text, size, "nothing");
		return;
	}
	const struct output *output = &outputs->of[i];

	if (output->kind == OUTPUT_SENT) {
		snprintf(text, size, "sent cookie %" PRIu64 " status %d", output->cookie, output->status);
		return;
	}
	int at = snprintf(text, size, "%s LID %u QPN %u P_Key index %u SL %u path bits %u, %zu bytes:",
			  output->kind == OUTPUT_SEND ? "send to" : "deliver from", output->peer.lid, output->peer.qpn,
			  output->peer.pkey_index, output->peer.sl, output->peer.path_bits, output->len);

	describe_mad(text + at, size - (size_t)at, output->mad, output->len);
}

static void compare_outputs(const struct twin *twin, const char *call, uint64_t now_ns)
{
	const struct outputs *engine = &twin->from_engine;
	const struct outputs *model = &twin->from_model;
	size_t i = 0;

	while (i < engine->num && i < model->num && same_output(&engine->of[i], &model->of[i]))
		i++;
	if (i == engine->num && i == model->num)
		return;
	char engine_did[320];
	char model_did[320];

	describe(engine_did, sizeof(engine_did), engine, i);
	describe(model_did, sizeof(model_did), model, i);
	ck_abort_msg("%s: %s at %" PRIu64 " ns, callback %zu:\n engine:    %s\n reference: %s", rmpp_case, call, now_ns,
		     i, engine_did, model_did);
}

/* Compares what a call did; then hands it on. */
static void settle(struct twin *twin, const char *call, int engine_ret, int model_ret, uint64_t now_ns)
{
	uint64_t engine_ns = hf_rmpp_deadline_ns(twin->engine);
	uint64_t model_ns = rmpp_reference_deadline_ns(twin->model);

	compare_outputs(twin, call, now_ns);
	ck_assert_msg(engine_ret == model_ret, "%s: %s at %" PRIu64 " ns: engine returned %d, reference %d", rmpp_case,
		      call, now_ns, engine_ret, model_ret);
	ck_assert_msg(engine_ns == model_ns,
		      "%s: %s at %" PRIu64 " ns: next deadline of the engine %" PRIu64 " ns, of the reference %" PRIu64
		      " ns", rmpp_case, call, now_ns, engine_ns, model_ns);
	for (size_t i = 0; i < twin->from_model.num; i++) {
		const struct output *output = &twin->from_model.of[i];

		switch (output->kind) {
		case OUTPUT_SEND:
			twin->ops.send(twin->ctx, &output->peer, output->mad);
			break;
		case OUTPUT_DELIVER:
			twin->ops.deliver(twin->ctx, &output->peer, output->mad, output->len);
			break;
		case OUTPUT_SENT:
			twin->ops.sent(twin->ctx, output->cookie, output->status);
			break;
		}
	}
	empty(&twin->from_engine);
	empty(&twin->from_model);
}

static void *twin_start(const struct hf_rmpp_ops *ops, void *ctx, const struct hf_rmpp_config *config)
{
	static const struct hf_rmpp_ops record_ops = {
		.send = record_send,
		.deliver = record_deliver,
		.sent = record_sent,
	};
	struct twin *twin = calloc(1, sizeof(*twin));

	ck_assert_ptr_nonnull(twin);
	twin->ops = *ops;
	twin->ctx = ctx;
	twin->engine = engine_start(&record_ops, &twin->from_engine, config);
	twin->model = model_start(&record_ops, &twin->from_model, config);
	return twin;
}

static int by_cookie(const void *a, const void *b)
{
	const struct output *x = a;
	const struct output *y = b;

	return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

static void twin_stop(void *party)
{
	struct twin *twin = party;

	hf_rmpp_free(twin->engine);
	rmpp_reference_free(twin->model);
	if (twin->from_engine.num)
		qsort(twin->from_engine.of, twin->from_engine.num, sizeof(struct output), by_cookie);
	if (twin->from_model.num)
		qsort(twin->from_model.of, twin->from_model.num, sizeof(struct output), by_cookie);
	compare_outputs(twin, "stop", 0);
	for (size_t i = 0; i < twin->from_model.num; i++)
		twin->ops.sent(twin->ctx, twin->from_model.of[i].cookie, twin->from_model.of[i].status);
	empty(&twin->from_engine);
	empty(&twin->from_model);
	free(twin->from_engine.of);
	free(twin->from_model.of);
	free(twin);
}

static int twin_send(void *party, const struct hf_rmpp_addr *to, const uint8_t *mad, size_t len, uint32_t timeout_ms,
		     uint32_t retries, uint64_t cookie, uint64_t now_ns)
{
	struct twin *twin = party;
	int model_ret = rmpp_reference_send(twin->model, to, mad, len, timeout_ms, retries, cookie, now_ns);
	int engine_ret = hf_rmpp_send(twin->engine, to, mad, len, timeout_ms, retries, cookie, now_ns);

	settle(twin, "send", engine_ret, model_ret, now_ns);
	return model_ret;
}

static int twin_receive(void *party, const struct hf_rmpp_addr *from, const uint8_t mad[HF_MAD_SIZE],
			uint64_t now_ns)
{
	struct twin *twin = party;
	char call[160];
	int model_ret = rmpp_reference_receive(twin->model, from, mad, now_ns);
	int engine_ret = hf_rmpp_receive(twin->engine, from, mad, now_ns);
	int at = snprintf(call, sizeof(call), "receive from LID %u QPN %u", from->lid, from->qpn);

	describe_mad(call + at, sizeof(call) - (size_t)at, mad, HF_MAD_SIZE);
	settle(twin, call, engine_ret, model_ret, now_ns);
	return model_ret;
}

static int twin_cancel(void *party, uint64_t cookie)
{
	struct twin *twin = party;
	int model_ret = rmpp_reference_cancel(twin->model, cookie);
	int engine_ret = hf_rmpp_cancel(twin->engine, cookie);

	settle(twin, "cancel", engine_ret, model_ret, 0);
	return model_ret;
}

static uint64_t twin_deadline_ns(const void *party)
{
	const struct twin *twin = party;

	return rmpp_reference_deadline_ns(twin->model);
}

static void twin_expire(void *party, uint64_t now_ns)
{
	struct twin *twin = party;

	rmpp_reference_expire(twin->model, now_ns);
	hf_rmpp_expire(twin->engine, now_ns);
	settle(twin, "expire", 0, 0, now_ns);
}

const struct rmpp_party_kind rmpp_twin = {
	.name = "twin",
	.start = twin_start,
	.stop = twin_stop,
	.send = twin_send,
	.receive = twin_receive,
	.cancel = twin_cancel,
	.deadline_ns = twin_deadline_ns,
	.expire = twin_expire,
};
