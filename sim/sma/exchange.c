/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/sma/exchange.h"

#include <string.h>

#define TRIES		4	/* of a question, which a lossy port may lose though it has let the request pass */
#define SLOT_MASK	(UINT64_C(0xffff) << 48)	/* ibsim's part of a transaction id */

static struct hf_smp smp_of(const struct hf_ibsim_mad *mad)
{
	struct hf_smp smp;

	memcpy(&smp, mad->mad, sizeof(smp));
	return smp;
}

static void put_smp(struct hf_ibsim_mad *mad, const struct hf_smp *smp)
{
	memcpy(mad->mad, smp, sizeof(*smp));
}

void hf_sma_exchange_init(struct hf_sma_exchange *exchange)
{
	*exchange = (struct hf_sma_exchange){ .step = HF_SMA_IDLE };
}

static void enter(struct hf_sma_exchange *exchange, enum hf_sma_step step)
{
	exchange->step = step;
	exchange->is_asked = false;
	exchange->tries = 0;
}

bool hf_sma_exchange_begin(struct hf_sma_exchange *exchange, const struct hf_ibsim_mad *mad)
{
	struct hf_smp smp = smp_of(mad);

	if (!hf_sma_concerns(&smp))
		return false;
	exchange->request = *mad;
	exchange->is_known = false;
	enter(exchange, HF_SMA_ASK_NODE);
	return true;
}

bool hf_sma_exchange_is_readable(const struct hf_sma_exchange *exchange)
{
	return exchange->step != HF_SMA_IDLE && !exchange->is_asked;
}

/* A Get that goes the way of the request. For PortInfo 0 means: the port that has the LID. */
static struct hf_smp question(const struct hf_smp *request, enum hf_smp_attr attr)
{
	struct hf_smp smp = *request;

	smp.hdr.method = HF_METHOD_GET;
	smp.hdr.attr_id = htobe16(attr);
	smp.hdr.attr_mod = 0;
	memset(smp.data, 0, sizeof(smp.data));
	return smp;
}

/* What ibsim must be asked in a step. */
static struct hf_smp asked_smp(const struct hf_sma *sma, const struct hf_sma_exchange *exchange)
{
	struct hf_smp request = smp_of(&exchange->request);

	switch (exchange->step) {
	case HF_SMA_ASK_NODE:
		return question(&request, HF_SMP_NODE_INFO);
	case HF_SMA_ASK_PORT:
		return question(&request, HF_SMP_PORT_INFO);
	case HF_SMA_REQUEST:
		return hf_sma_request(sma, &request);
	case HF_SMA_IDLE:
		break;
	}
	return request;
}

/* A question that is lost for good leaves it to ibsim to say that the request is lost too. */
static void question_lost(struct hf_sma_exchange *exchange)
{
	exchange->is_asked = false;
	if (++exchange->tries >= TRIES)
		enter(exchange, HF_SMA_REQUEST);
}

bool hf_sma_exchange_next(struct hf_sma *sma, struct hf_sma_exchange *exchange, struct hf_ibsim_mad *ret_mad)
{
	struct hf_smp smp;

	if (exchange->step != HF_SMA_IDLE && exchange->is_asked)
		enter(exchange, exchange->step == HF_SMA_REQUEST ? HF_SMA_IDLE : HF_SMA_REQUEST);
	if (exchange->step == HF_SMA_IDLE)
		return false;
	smp = asked_smp(sma, exchange);
	*ret_mad = exchange->request;
	put_smp(ret_mad, &smp);
	exchange->is_asked = true;
	return true;
}

static bool has_same_tid(const struct hf_smp *a, const struct hf_smp *b)
{
	return !((be64toh(a->hdr.tid) ^ be64toh(b->hdr.tid)) & ~SLOT_MASK);
}

/* ibsim bounces what it cannot deliver as it is; a trap of a node may come between question and answer. */
static bool is_answer(const struct hf_sma *sma, const struct hf_sma_exchange *exchange, const struct hf_ibsim_mad *mad)
{
	struct hf_smp asked = asked_smp(sma, exchange), smp = smp_of(mad);

	return exchange->is_asked && smp.hdr.mgmt_class == asked.hdr.mgmt_class &&
	       smp.hdr.attr_id == asked.hdr.attr_id && smp.hdr.attr_mod == asked.hdr.attr_mod &&
	       has_same_tid(&smp, &asked) && (mad->status || smp.hdr.method == HF_METHOD_GET_RESP);
}

static void question_answered(struct hf_sma *sma, struct hf_sma_exchange *exchange, const struct hf_smp *answer)
{
	struct hf_smp request = smp_of(&exchange->request);
	struct hf_smp_node_info node;
	struct hf_smp_port_info port;

	if (exchange->step == HF_SMA_ASK_NODE) {
		memcpy(&node, answer->data, sizeof(node));
		hf_sma_see_node_info(&exchange->agent, &node);
		if (hf_sma_needs_port_info(sma, &exchange->agent, &request)) {
			enter(exchange, HF_SMA_ASK_PORT);
			return;
		}
	} else {
		memcpy(&port, answer->data, sizeof(port));
		hf_sma_see_port_info(sma, &exchange->agent, &port);
	}
	exchange->is_known = true;
	enter(exchange, HF_SMA_REQUEST);
}

/* The client sees that its request is lost, as ibsim says so: with the request, and ibsim's slot in its id. */
static void bounce(const struct hf_sma_exchange *exchange, struct hf_ibsim_mad *mad)
{
	struct hf_smp request = smp_of(&exchange->request), answer = smp_of(mad);

	request.hdr.tid = answer.hdr.tid;
	put_smp(mad, &request);
	mad->status = htobe32(HF_IBSIM_STATUS_BOUNCED);
}

static void request_answered(struct hf_sma *sma, struct hf_sma_exchange *exchange, struct hf_ibsim_mad *mad)
{
	struct hf_smp request = smp_of(&exchange->request), answer = smp_of(mad);

	if (!mad->status && exchange->is_known && hf_sma_answer(sma, &exchange->agent, &request, &answer) == 0)
		put_smp(mad, &answer);
	else
		bounce(exchange, mad);
	enter(exchange, HF_SMA_IDLE);
}

bool hf_sma_exchange_written(struct hf_sma *sma, struct hf_sma_exchange *exchange, struct hf_ibsim_mad *mad)
{
	struct hf_smp smp = smp_of(mad);

	if (exchange->step == HF_SMA_IDLE || !is_answer(sma, exchange, mad))
		return true;
	if (exchange->step == HF_SMA_REQUEST)
		request_answered(sma, exchange, mad);
	else if (mad->status || hf_smp_status(&smp))
		question_lost(exchange);
	else
		question_answered(sma, exchange, &smp);
	return exchange->step == HF_SMA_IDLE;
}
