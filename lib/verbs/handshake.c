/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/handshake.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define PSN_MASK	0xffffffu

const char *const hf_handshake_kind_names[HF_HANDSHAKE_KINDS] = {
	[HF_HANDSHAKE_FREEZE] = "FREEZE",
	[HF_HANDSHAKE_FROZEN] = "FROZEN",
	[HF_HANDSHAKE_GO] = "GO",
	[HF_HANDSHAKE_GONE] = "GONE",
	[HF_HANDSHAKE_REFUSED] = "REFUSED",
	[HF_HANDSHAKE_LIFE] = "LIFE",
};

const char *const hf_handshake_state_names[HF_HANDSHAKE_STATES] = {
	[HF_HANDSHAKE_IDLE] = "idle",
	[HF_HANDSHAKE_ASKING] = "asking",
	[HF_HANDSHAKE_STOPPING] = "stopping",
	[HF_HANDSHAKE_PREPARING] = "preparing",
	[HF_HANDSHAKE_GOING] = "going",
	[HF_HANDSHAKE_STARTING] = "starting",
	[HF_HANDSHAKE_HALTING] = "halting",
	[HF_HANDSHAKE_HALTED] = "halted",
	[HF_HANDSHAKE_RESTARTING] = "restarting",
};

const char *const hf_handshake_reason_names[HF_HANDSHAKE_REASONS] = {
	[HF_HANDSHAKE_NO_REASON] = "none",
	[HF_HANDSHAKE_UNKNOWN] = "unknown",
	[HF_HANDSHAKE_NOT_ABLE] = "not-able",
	[HF_HANDSHAKE_FAILED] = "failed",
	[HF_HANDSHAKE_GAVE_UP] = "gave-up",
};

/* ------------------------------------------------------------------------------- the table ---- */

#define SAY_NOTHING	0	/* no kind of message is 0 */

/* A cell that is not there cannot happen; STRAY means nothing anywhere and is in no row. */
struct cell {
	bool is_there;
	enum hf_handshake_state next;
	uint8_t say;			/* enum hf_handshake_kind, or SAY_NOTHING */
	enum hf_handshake_action action;
};

#define SAY(state, kind, act)	{ true, HF_HANDSHAKE_##state, HF_HANDSHAKE_##kind, HF_HANDSHAKE_##act }
#define GO(state, act)		{ true, HF_HANDSHAKE_##state, SAY_NOTHING, HF_HANDSHAKE_##act }
#define ON(event)		[HF_HANDSHAKE_EV_##event]

/* What is late or doubled and changes nothing in a state. */
#define ANSWERS_OLD(state)							\
	ON(GO_AGAIN) = SAY(state, GONE, NOTHING),				\
	ON(GO_STRAY) = SAY(state, REFUSED, NOTHING),				\
	ON(FROZEN_LATE) = SAY(state, GO, NOTHING)
#define IGNORES(state, event)	ON(event) = GO(state, NOTHING)

static const struct cell cells[HF_HANDSHAKE_STATES][HF_HANDSHAKE_EVENTS] = {
	[HF_HANDSHAKE_IDLE] = {
		ANSWERS_OLD(IDLE),
		ON(BEGIN) = SAY(ASKING, FREEZE, NOTHING),
		ON(FREEZE) = GO(HALTING, DO_STOP),
		ON(FROZEN_YET) = SAY(ASKING, FREEZE, NOTHING),
		ON(FROZEN_STRAY) = SAY(IDLE, REFUSED, NOTHING),
	},
	[HF_HANDSHAKE_ASKING] = {
		ANSWERS_OLD(ASKING),
		ON(LIFE) = SAY(ASKING, FREEZE, NOTHING),
		ON(FROZEN) = GO(STOPPING, DO_STOP),
		ON(REFUSED) = GO(IDLE, END_REFUSED),
		ON(UNKNOWN) = GO(IDLE, END_REFUSED),
		ON(RESEND) = SAY(ASKING, FREEZE, NOTHING),
		ON(DEADLINE) = GO(IDLE, END_SILENT),
		ON(FREEZE) = GO(HALTING, DO_STOP),	/* the other end's goes on, not ours */
		IGNORES(ASKING, FROZEN_STRAY),		/* it will hear of the new round */
	},
	[HF_HANDSHAKE_STOPPING] = {
		ANSWERS_OLD(STOPPING),
		ON(DONE) = GO(PREPARING, DO_PREPARE),
		ON(NOT_DONE) = SAY(IDLE, REFUSED, NOTHING),
		ON(REFUSED) = GO(IDLE, END_BROKEN),
		IGNORES(STOPPING, FROZEN),
		IGNORES(STOPPING, FROZEN_STRAY),
		IGNORES(STOPPING, UNKNOWN),
		IGNORES(STOPPING, FREEZE),
	},
	[HF_HANDSHAKE_PREPARING] = {
		ANSWERS_OLD(PREPARING),
		ON(DONE) = SAY(GOING, GO, NOTHING),
		ON(NOT_DONE) = SAY(IDLE, REFUSED, NOTHING),
		ON(REFUSED) = GO(IDLE, END_BROKEN),
		IGNORES(PREPARING, FROZEN),
		IGNORES(PREPARING, FROZEN_STRAY),
		IGNORES(PREPARING, UNKNOWN),
		IGNORES(PREPARING, FREEZE),
	},
	[HF_HANDSHAKE_GOING] = {
		ANSWERS_OLD(GOING),
		ON(GONE) = GO(STARTING, DO_START),
		ON(REFUSED) = GO(IDLE, END_BROKEN),
		ON(RESEND) = SAY(GOING, GO, NOTHING),
		ON(UNKNOWN) = GO(STARTING, DO_START),	/* its program has ended it, ours has not */
		/* It may have restarted: either the connection works or its retries end it. */
		ON(DEADLINE) = GO(STARTING, DO_START),
		IGNORES(GOING, FROZEN),
		IGNORES(GOING, FROZEN_STRAY),
		IGNORES(GOING, FREEZE),
	},
	[HF_HANDSHAKE_STARTING] = {
		ANSWERS_OLD(STARTING),
		ON(DONE) = GO(IDLE, END_MOVED),
		ON(NOT_DONE) = GO(IDLE, NOTHING),
		IGNORES(STARTING, FROZEN),
		IGNORES(STARTING, FROZEN_STRAY),
		IGNORES(STARTING, UNKNOWN),
		IGNORES(STARTING, FREEZE),
		IGNORES(STARTING, REFUSED),
	},
	[HF_HANDSHAKE_HALTING] = {
		ANSWERS_OLD(HALTING),
		ON(DONE) = SAY(HALTED, FROZEN, NOTHING),
		ON(NOT_DONE) = SAY(IDLE, REFUSED, NOTHING),
		IGNORES(HALTING, FREEZE),
		IGNORES(HALTING, FREEZE_AGAIN),
		IGNORES(HALTING, FROZEN_STRAY),
		IGNORES(HALTING, UNKNOWN),
		IGNORES(HALTING, REFUSED),	/* it will be told again when it hears FROZEN */
	},
	[HF_HANDSHAKE_HALTED] = {
		ANSWERS_OLD(HALTED),
		ON(GO) = GO(RESTARTING, DO_RESTART),
		ON(FREEZE) = SAY(HALTED, FROZEN, NOTHING),	/* it gave up and tries again */
		ON(FREEZE_AGAIN) = SAY(HALTED, FROZEN, NOTHING),
		ON(RESEND) = SAY(HALTED, FROZEN, NOTHING),
		ON(REFUSED) = GO(IDLE, END_BROKEN),
		ON(UNKNOWN) = GO(IDLE, END_BROKEN),
		ON(DEADLINE) = GO(IDLE, END_BROKEN),
		ON(ALONE) = GO(RESTARTING, DO_RESTART),
		IGNORES(HALTED, FROZEN_STRAY),
	},
	[HF_HANDSHAKE_RESTARTING] = {
		ANSWERS_OLD(RESTARTING),
		ON(DONE) = SAY(IDLE, GONE, END_MOVED),
		ON(NOT_DONE) = SAY(IDLE, REFUSED, NOTHING),
		IGNORES(RESTARTING, GO),
		IGNORES(RESTARTING, FREEZE),
		IGNORES(RESTARTING, FREEZE_AGAIN),
		IGNORES(RESTARTING, FROZEN_STRAY),
		IGNORES(RESTARTING, UNKNOWN),
		IGNORES(RESTARTING, REFUSED),
	},
};

/* -------------------------------------------------------------------------------- messages ---- */

static void compose(const struct hf_handshake *handshake, enum hf_handshake_kind kind, uint32_t round,
		    struct hf_handshake_message *ret_message)
{
	*ret_message = (struct hf_handshake_message){
		.header = { .strategy = HF_PROGRAM_STRATEGY_RESET, .kind = kind },
		.version = HF_HANDSHAKE_VERSION,
		.round = htobe32(round),
		.guid = htobe64(handshake->guid),
		.qpn = htobe32(handshake->qpn),
		.sender_psn = htobe32(handshake->own_psn),
		.receiver_psn = htobe32(handshake->peer_psn),
		.sender_life = htobe32(handshake->life),
		.receiver_life = htobe32(handshake->peer_life),
	};
	if (kind == HF_HANDSHAKE_REFUSED)
		ret_message->reason = handshake->reason;
	if (kind != HF_HANDSHAKE_FROZEN && kind != HF_HANDSHAKE_GO)
		return;
	ret_message->mtu = handshake->own.mtu;
	ret_message->floor = htobe32(handshake->last);
	ret_message->expected_psn = htobe32(handshake->own.expected_psn);
	ret_message->first_psn = htobe32(handshake->own.first_psn);
	ret_message->oldest_psn = htobe32(handshake->own.oldest_psn);
	ret_message->next_psn = htobe32(handshake->own.next_psn);
}

/* To one that speaks to what is not there, or not any more: as from there. */
static void compose_unknown(const struct hf_handshake_message *to, struct hf_handshake_message *ret_message)
{
	*ret_message = (struct hf_handshake_message){
		.header = { .strategy = HF_PROGRAM_STRATEGY_RESET, .kind = HF_HANDSHAKE_REFUSED },
		.version = HF_HANDSHAKE_VERSION,
		.reason = HF_HANDSHAKE_UNKNOWN,
		.round = to->round,
		.sender_psn = to->receiver_psn,
		.receiver_psn = to->sender_psn,
		.sender_life = to->receiver_life,
		.receiver_life = to->sender_life,
	};
}

static bool has_offer(const struct hf_handshake_message *message)
{
	return message->header.kind == HF_HANDSHAKE_FROZEN || message->header.kind == HF_HANDSHAKE_GO;
}

static bool is_good(const struct hf_handshake_message *message)
{
	if (message->header.strategy != HF_PROGRAM_STRATEGY_RESET || message->version != HF_HANDSHAKE_VERSION ||
	    message->header.kind < HF_HANDSHAKE_FREEZE || message->header.kind >= HF_HANDSHAKE_KINDS ||
	    message->reason >= HF_HANDSHAKE_REASONS || message->round == 0)
		return false;
	return !has_offer(message) || (message->mtu >= 1 && message->mtu <= 5 &&
	       be32toh(message->expected_psn) <= PSN_MASK && be32toh(message->first_psn) <= PSN_MASK &&
	       be32toh(message->oldest_psn) <= PSN_MASK && be32toh(message->next_psn) <= PSN_MASK);
}

static int decode(const void *data, size_t length, struct hf_handshake_message *ret_message)
{
	struct hf_handshake_message message;

	if (length != sizeof(message))
		return -EBADMSG;
	memcpy(&message, data, sizeof(message));
	if (!is_good(&message))
		return -EBADMSG;
	*ret_message = message;
	return 0;
}

static bool is_halt(enum hf_handshake_state state)
{
	return state == HF_HANDSHAKE_HALTING || state == HF_HANDSHAKE_HALTED || state == HF_HANDSHAKE_RESTARTING;
}

/* Whose identity is smaller goes on; equal ones are a queue pair that is connected to itself. */
static bool is_ours_first(const struct hf_handshake *handshake, const struct hf_handshake_message *message)
{
	uint64_t guid = be64toh(message->guid);

	return handshake->guid != guid ? handshake->guid < guid : handshake->qpn <= be32toh(message->qpn);
}

static bool is_same_life(uint32_t a, uint32_t b)
{
	return (a | HF_HANDSHAKE_USED) == (b | HF_HANDSHAKE_USED);
}

static enum hf_handshake_event classify_freeze(const struct hf_handshake *handshake,
					       const struct hf_handshake_message *message)
{
	bool is_new_life = !is_same_life(be32toh(message->sender_life), handshake->peer_life);
	uint32_t round = be32toh(message->round);

	if (is_halt(handshake->state) && round == handshake->round && !is_new_life)
		return HF_HANDSHAKE_EV_FREEZE_AGAIN;
	if ((round <= handshake->last && !is_new_life) ||
	    (handshake->state == HF_HANDSHAKE_ASKING && is_ours_first(handshake, message)))
		return HF_HANDSHAKE_EV_STRAY;
	return HF_HANDSHAKE_EV_FREEZE;
}

/* What a message means to this end as it is now. */
static enum hf_handshake_event classify(const struct hf_handshake *handshake,
					const struct hf_handshake_message *message)
{
	uint32_t round = be32toh(message->round);
	enum hf_handshake_state state = handshake->state;
	bool is_ours = round == handshake->round && state != HF_HANDSHAKE_IDLE;

	switch ((enum hf_handshake_kind)message->header.kind) {
	case HF_HANDSHAKE_FREEZE:
		return classify_freeze(handshake, message);
	case HF_HANDSHAKE_LIFE:
		return is_ours && state == HF_HANDSHAKE_ASKING &&
		       be32toh(message->sender_life) != handshake->peer_life ?
		       HF_HANDSHAKE_EV_LIFE : HF_HANDSHAKE_EV_STRAY;
	case HF_HANDSHAKE_FROZEN:
		if (is_ours && handshake->is_initiator)
			return HF_HANDSHAKE_EV_FROZEN;
		if (state == HF_HANDSHAKE_IDLE && round > handshake->closed && round <= handshake->proposed)
			return HF_HANDSHAKE_EV_FROZEN_YET;
		return round == handshake->agreed && handshake->is_initiator && round == handshake->round ?
		       HF_HANDSHAKE_EV_FROZEN_LATE : HF_HANDSHAKE_EV_FROZEN_STRAY;
	case HF_HANDSHAKE_GO:
		if (is_ours && (state == HF_HANDSHAKE_HALTED || state == HF_HANDSHAKE_RESTARTING))
			return HF_HANDSHAKE_EV_GO;
		return round == handshake->agreed ? HF_HANDSHAKE_EV_GO_AGAIN : HF_HANDSHAKE_EV_GO_STRAY;
	case HF_HANDSHAKE_GONE:
		return is_ours && state == HF_HANDSHAKE_GOING ? HF_HANDSHAKE_EV_GONE : HF_HANDSHAKE_EV_STRAY;
	case HF_HANDSHAKE_REFUSED:
		if (!is_ours)
			return HF_HANDSHAKE_EV_STRAY;
		if (state == HF_HANDSHAKE_HALTED && handshake->own.is_unused)
			return HF_HANDSHAKE_EV_ALONE;
		return message->reason == HF_HANDSHAKE_UNKNOWN ? HF_HANDSHAKE_EV_UNKNOWN : HF_HANDSHAKE_EV_REFUSED;
	case HF_HANDSHAKE_KINDS:
		break;
	}
	return HF_HANDSHAKE_EV_STRAY;
}

/* ----------------------------------------------------------------------------- the machine ---- */

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void set_timers(struct hf_handshake *handshake, uint64_t now_ns)
{
	handshake->resend_ns = handshake->deadline_ns = HF_HANDSHAKE_NEVER;
	switch (handshake->state) {
	case HF_HANDSHAKE_ASKING:
		handshake->resend_ns = now_ns + HF_HANDSHAKE_RESEND_NS;
		handshake->deadline_ns = handshake->begun_ns + HF_HANDSHAKE_ASK_NS;
		break;
	case HF_HANDSHAKE_GOING:
		handshake->resend_ns = now_ns + HF_HANDSHAKE_RESEND_NS;
		handshake->deadline_ns = handshake->begun_ns + HF_HANDSHAKE_LIMIT_NS;
		break;
	case HF_HANDSHAKE_HALTED:
		handshake->resend_ns = now_ns + HF_HANDSHAKE_RESEND_NS;
		handshake->deadline_ns = handshake->begun_ns + HF_HANDSHAKE_HALT_NS;
		break;
	case HF_HANDSHAKE_IDLE:
	case HF_HANDSHAKE_STOPPING:
	case HF_HANDSHAKE_PREPARING:
	case HF_HANDSHAKE_STARTING:
	case HF_HANDSHAKE_HALTING:
	case HF_HANDSHAKE_RESTARTING:
	case HF_HANDSHAKE_STATES:
		break;
	}
}

/* The one place where the state changes. @round: of the message that is answered. */
static void apply(struct hf_handshake *handshake, enum hf_handshake_event event, uint32_t round, uint64_t now_ns,
		  struct hf_handshake_step *ret_step)
{
	const struct cell *cell = &cells[handshake->state][event];
	enum hf_handshake_state before = handshake->state;

	*ret_step = (struct hf_handshake_step){ .action = HF_HANDSHAKE_NOTHING };
	if (event == HF_HANDSHAKE_EV_STRAY)
		return;
	assert(cell->is_there);
	handshake->state = cell->next;
	if (before != cell->next || event == HF_HANDSHAKE_EV_RESEND || event == HF_HANDSHAKE_EV_FREEZE)
		set_timers(handshake, now_ns);
	/* What ends for another reason than silence is not taken up again. */
	if (cell->next == HF_HANDSHAKE_IDLE && before != HF_HANDSHAKE_IDLE && cell->action != HF_HANDSHAKE_END_SILENT)
		handshake->closed = handshake->proposed;
	ret_step->action = cell->action;
	ret_step->has_message = cell->say != SAY_NOTHING;
	if (ret_step->has_message)
		compose(handshake, cell->say, round, &ret_step->message);
}

void hf_handshake_init(struct hf_handshake *handshake, uint64_t guid, uint32_t qpn, uint32_t own_psn,
		       uint32_t peer_psn, uint32_t life)
{
	*handshake = (struct hf_handshake){
		.guid = guid,
		.qpn = qpn,
		.own_psn = own_psn,
		.peer_psn = peer_psn,
		.told_psn = own_psn,
		.life = life,
		.state = HF_HANDSHAKE_IDLE,
		.resend_ns = HF_HANDSHAKE_NEVER,
		.deadline_ns = HF_HANDSHAKE_NEVER,
	};
}

/* A new round. */
static void propose(struct hf_handshake *handshake, uint64_t now_ns)
{
	handshake->proposed = max_u32(handshake->proposed, handshake->last) + 1;
	handshake->round = handshake->proposed;
	handshake->is_initiator = true;
	handshake->reason = HF_HANDSHAKE_NO_REASON;
	handshake->begun_ns = now_ns;
}

void hf_handshake_use(struct hf_handshake *handshake)
{
	if (handshake->state == HF_HANDSHAKE_IDLE)
		handshake->life |= HF_HANDSHAKE_USED;
}

int hf_handshake_begin(struct hf_handshake *handshake, uint64_t now_ns, struct hf_handshake_step *ret_step)
{
	if (handshake->state != HF_HANDSHAKE_IDLE)
		return -EBUSY;
	propose(handshake, now_ns);
	apply(handshake, HF_HANDSHAKE_EV_BEGIN, handshake->round, now_ns, ret_step);
	return 0;
}

void hf_handshake_done(struct hf_handshake *handshake, const struct hf_handshake_offer *offer, uint64_t now_ns,
		       struct hf_handshake_step *ret_step)
{
	if (offer) {
		handshake->own = *offer;
		handshake->own.expected_psn &= PSN_MASK;
		handshake->own.first_psn &= PSN_MASK;
	}
	if (handshake->state == HF_HANDSHAKE_STARTING || handshake->state == HF_HANDSHAKE_RESTARTING)
		handshake->agreed = handshake->round;
	apply(handshake, HF_HANDSHAKE_EV_DONE, handshake->round, now_ns, ret_step);
}

void hf_handshake_not_done(struct hf_handshake *handshake, enum hf_handshake_reason reason,
			   struct hf_handshake_step *ret_step)
{
	handshake->reason = reason;
	apply(handshake, HF_HANDSHAKE_EV_NOT_DONE, handshake->round, 0, ret_step);
}

static void take_offer(struct hf_handshake *handshake, const struct hf_handshake_message *message)
{
	handshake->peer = (struct hf_handshake_offer){
		.expected_psn = be32toh(message->expected_psn),
		.first_psn = be32toh(message->first_psn),
		.oldest_psn = be32toh(message->oldest_psn),
		.next_psn = be32toh(message->next_psn),
		.mtu = message->mtu,
	};
}

/* Rounds are of two lives: with another one they begin anew. */
static void meet(struct hf_handshake *handshake, const struct hf_handshake_message *message)
{
	uint32_t life = be32toh(message->sender_life);

	if (!is_same_life(handshake->peer_life, life))
		handshake->last = handshake->agreed = 0;
	handshake->peer_life = life;
}

/* An end that was never used goes on where the programs have begun, whatever the other end has done. */
static void take_own_offer(struct hf_handshake *handshake)
{
	handshake->peer = (struct hf_handshake_offer){
		.expected_psn = handshake->own.first_psn,
		.first_psn = handshake->own.expected_psn,
		.mtu = handshake->own.mtu,
	};
}

/* What a message brings with it, before the state changes. */
static void take(struct hf_handshake *handshake, const struct hf_handshake_message *message,
		 enum hf_handshake_event event, uint64_t now_ns)
{
	uint32_t round = be32toh(message->round);

	if (event == HF_HANDSHAKE_EV_REFUSED || event == HF_HANDSHAKE_EV_UNKNOWN) {
		handshake->reason = message->reason;
	} else if (event == HF_HANDSHAKE_EV_ALONE) {
		take_own_offer(handshake);
	} else if (event == HF_HANDSHAKE_EV_LIFE) {
		meet(handshake, message);
	} else if (event == HF_HANDSHAKE_EV_FROZEN_YET) {
		propose(handshake, now_ns);
	} else if (event == HF_HANDSHAKE_EV_FREEZE && cells[handshake->state][event].next != handshake->state) {
		handshake->is_initiator = false;
	} else if (event == HF_HANDSHAKE_EV_FROZEN && handshake->state == HF_HANDSHAKE_ASKING) {
		take_offer(handshake, message);
		handshake->last = max_u32(round, be32toh(message->floor));
	} else if (event == HF_HANDSHAKE_EV_GO && handshake->state == HF_HANDSHAKE_HALTED) {
		take_offer(handshake, message);
	} else if (event == HF_HANDSHAKE_EV_GO_STRAY || event == HF_HANDSHAKE_EV_FROZEN_STRAY) {
		handshake->reason = HF_HANDSHAKE_GAVE_UP;
	}
	/* A new round for us to follow; also while we wait for GO in one that its initiator has given up. */
	if (event == HF_HANDSHAKE_EV_FREEZE && !handshake->is_initiator &&
	    handshake->state != HF_HANDSHAKE_RESTARTING) {
		meet(handshake, message);
		handshake->round = round;
		handshake->last = max_u32(round, handshake->proposed);
		handshake->begun_ns = now_ns;
		handshake->reason = HF_HANDSHAKE_NO_REASON;
	}
}

static bool is_same_psn(uint32_t a, uint32_t b)
{
	return a == b || a == HF_HANDSHAKE_NO_PSN || b == HF_HANDSHAKE_NO_PSN;
}

/*
 * From the life that we know of to this one? FREEZE and LIFE say themselves which life they are of. What may stop us
 * must have been said since we are in use.
 */
static bool is_of_these_lives(const struct hf_handshake *handshake, const struct hf_handshake_message *message)
{
	uint32_t to = be32toh(message->receiver_life);

	if (message->header.kind == HF_HANDSHAKE_FREEZE)
		return to == handshake->life;
	return is_same_life(to, handshake->life) && (message->header.kind == HF_HANDSHAKE_LIFE ||
	       is_same_life(be32toh(message->sender_life), handshake->peer_life));
}

/* Who asks is told which life this is; who waits for one that is over, that it is. */
static int answer_other_life(const struct hf_handshake *handshake, const struct hf_handshake_message *message,
			     struct hf_handshake_step *ret_step)
{
	struct hf_handshake_step step = { .action = HF_HANDSHAKE_NOTHING, .has_message = true };

	if (message->header.kind == HF_HANDSHAKE_FREEZE) {
		compose(handshake, HF_HANDSHAKE_LIFE, be32toh(message->round), &step.message);
		step.message.receiver_life = message->sender_life;
	} else if (has_offer(message)) {
		compose_unknown(message, &step.message);
	} else {
		return -ESTALE;
	}
	*ret_step = step;
	return 0;
}

int hf_handshake_receive(struct hf_handshake *handshake, const void *data, size_t length, uint64_t now_ns,
			 struct hf_handshake_step *ret_step)
{
	struct hf_handshake_message message;
	enum hf_handshake_event event;
	int err = decode(data, length, &message);

	if (err)
		return err;
	if (!is_same_psn(be32toh(message.sender_psn), handshake->peer_psn) ||
	    !is_same_psn(be32toh(message.receiver_psn), handshake->own_psn))
		return -ESTALE;
	if (!is_of_these_lives(handshake, &message))
		return answer_other_life(handshake, &message, ret_step);
	handshake->told_psn = be32toh(message.receiver_psn);
	event = classify(handshake, &message);
	take(handshake, &message, event, now_ns);
	apply(handshake, event, event == HF_HANDSHAKE_EV_FROZEN_YET ? handshake->round : be32toh(message.round), now_ns,
	      ret_step);
	return 0;
}

void hf_handshake_tick(struct hf_handshake *handshake, uint64_t now_ns, struct hf_handshake_step *ret_step)
{
	enum hf_handshake_event event = HF_HANDSHAKE_EV_DEADLINE;

	*ret_step = (struct hf_handshake_step){ .action = HF_HANDSHAKE_NOTHING };
	if (now_ns >= handshake->deadline_ns) {
		if (handshake->state == HF_HANDSHAKE_HALTED && handshake->own.is_unused) {
			take_own_offer(handshake);
			event = HF_HANDSHAKE_EV_ALONE;
		}
		apply(handshake, event, handshake->round, now_ns, ret_step);
	} else if (now_ns >= handshake->resend_ns) {
		apply(handshake, HF_HANDSHAKE_EV_RESEND, handshake->round, now_ns, ret_step);
	}
}

void hf_handshake_abandon(struct hf_handshake *handshake)
{
	handshake->state = HF_HANDSHAKE_IDLE;
	handshake->closed = handshake->proposed;
	handshake->resend_ns = handshake->deadline_ns = HF_HANDSHAKE_NEVER;
}

uint64_t hf_handshake_next_ns(const struct hf_handshake *handshake)
{
	return handshake->resend_ns < handshake->deadline_ns ? handshake->resend_ns : handshake->deadline_ns;
}

int hf_handshake_refuse(const void *data, size_t length, struct hf_handshake_message *ret_reply)
{
	struct hf_handshake_message message;
	int err = decode(data, length, &message);

	if (err)
		return err;
	if (message.header.kind != HF_HANDSHAKE_FREEZE && !has_offer(&message))
		return -ENOMSG;
	compose_unknown(&message, ret_reply);
	return 0;
}
