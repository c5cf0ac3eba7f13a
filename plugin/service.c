/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/service.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define NS_PER_MS	UINT64_C(1000000)
#define NEVER		UINT64_MAX

const char *const hf_service_state_names[HF_SERVICE_STATES] = {
	[HF_SERVICE_UNKNOWN] = "unknown",
	[HF_SERVICE_OWNED] = "owned",
	[HF_SERVICE_TRANSFERRING] = "transferring",
	[HF_SERVICE_DRAINING] = "draining",
	[HF_SERVICE_ORPHANED] = "orphaned",
};

const char *const hf_service_event_names[HF_SERVICE_EVENTS] = {
	[HF_SERVICE_EV_FOUND] = "found",
	[HF_SERVICE_EV_FOUND_NOBODY] = "found-nobody",
	[HF_SERVICE_EV_ALL_GONE] = "all-gone",
	[HF_SERVICE_EV_OWNER_FAILED] = "owner-failed",
	[HF_SERVICE_EV_NODE_CAME] = "node-came",
	[HF_SERVICE_EV_TARGET_WENT] = "target-went",
	[HF_SERVICE_EV_FAILOVER] = "failover",
	[HF_SERVICE_EV_FAILBACK] = "failback",
	[HF_SERVICE_EV_TRANSFERRED] = "transferred",
	[HF_SERVICE_EV_NOT_TRANSFERRED] = "not-transferred",
	[HF_SERVICE_EV_DRAINED] = "drained",
	[HF_SERVICE_EV_RELEASED] = "released",
};

const char *const hf_service_action_names[HF_SERVICE_ACTIONS] = {
	[HF_SERVICE_ACT_NONE] = "none",
	[HF_SERVICE_ACT_MOVE] = "move",
	[HF_SERVICE_ACT_TRANSFER] = "transfer",
	[HF_SERVICE_ACT_DRAIN] = "drain",
	[HF_SERVICE_ACT_CANCEL] = "cancel",
};

const char *const hf_service_cause_names[HF_CAUSES] = {
	[HF_CAUSE_NONE] = "none",
	[HF_CAUSE_FOUND] = "found",
	[HF_CAUSE_SM] = "sm",
	[HF_CAUSE_HEARTBEAT] = "heartbeat",
	[HF_CAUSE_OPERATOR] = "operator",
	[HF_CAUSE_FAILBACK] = "failback",
	[HF_CAUSE_RETURN] = "return",
	[HF_CAUSE_CONFIG] = "config",
};

/* A cell that is not there cannot happen: the functions below do not let it. */
struct cell {
	bool is_there;
	enum hf_service_state next;
	enum hf_service_action action;
};

#define GO(state, act)	{ true, HF_SERVICE_##state, HF_SERVICE_ACT_##act }

static const struct cell cells[HF_SERVICE_STATES][HF_SERVICE_EVENTS] = {
	[HF_SERVICE_UNKNOWN] = {
		[HF_SERVICE_EV_FOUND] = GO(OWNED, MOVE),
		[HF_SERVICE_EV_FOUND_NOBODY] = GO(OWNED, MOVE),
		[HF_SERVICE_EV_ALL_GONE] = GO(ORPHANED, MOVE),
		[HF_SERVICE_EV_RELEASED] = GO(UNKNOWN, NONE),
	},
	[HF_SERVICE_OWNED] = {
		[HF_SERVICE_EV_ALL_GONE] = GO(ORPHANED, MOVE),
		[HF_SERVICE_EV_OWNER_FAILED] = GO(OWNED, MOVE),
		[HF_SERVICE_EV_FAILOVER] = GO(OWNED, MOVE),
		[HF_SERVICE_EV_FAILBACK] = GO(TRANSFERRING, TRANSFER),
		[HF_SERVICE_EV_RELEASED] = GO(UNKNOWN, NONE),
	},
	[HF_SERVICE_TRANSFERRING] = {
		[HF_SERVICE_EV_ALL_GONE] = GO(ORPHANED, MOVE),
		[HF_SERVICE_EV_OWNER_FAILED] = GO(OWNED, MOVE),
		[HF_SERVICE_EV_TARGET_WENT] = GO(OWNED, CANCEL),
		[HF_SERVICE_EV_FAILOVER] = GO(OWNED, MOVE),
		[HF_SERVICE_EV_TRANSFERRED] = GO(DRAINING, DRAIN),
		[HF_SERVICE_EV_NOT_TRANSFERRED] = GO(OWNED, CANCEL),
		[HF_SERVICE_EV_RELEASED] = GO(UNKNOWN, NONE),
	},
	[HF_SERVICE_DRAINING] = {
		[HF_SERVICE_EV_ALL_GONE] = GO(ORPHANED, MOVE),
		[HF_SERVICE_EV_OWNER_FAILED] = GO(OWNED, MOVE),
		[HF_SERVICE_EV_TARGET_WENT] = GO(OWNED, CANCEL),
		[HF_SERVICE_EV_FAILOVER] = GO(OWNED, MOVE),
		[HF_SERVICE_EV_DRAINED] = GO(OWNED, MOVE),
		[HF_SERVICE_EV_RELEASED] = GO(UNKNOWN, NONE),
	},
	[HF_SERVICE_ORPHANED] = {
		[HF_SERVICE_EV_NODE_CAME] = GO(OWNED, MOVE),
		[HF_SERVICE_EV_FAILOVER] = GO(OWNED, MOVE),
		[HF_SERVICE_EV_RELEASED] = GO(UNKNOWN, NONE),
	},
};

static uint64_t next_term(const struct hf_service *service, const struct hf_service_now *now)
{
	uint64_t term = service->term > service->seen_term ? service->term : service->seen_term;

	return term + 1 > now->epoch_ms ? term + 1 : now->epoch_ms;
}

static bool is_going_back(const struct hf_service *service)
{
	return service->state == HF_SERVICE_TRANSFERRING || service->state == HF_SERVICE_DRAINING;
}

static uint64_t limit_ns(const struct hf_service *service, uint64_t now_ns)
{
	switch (service->state) {
	case HF_SERVICE_TRANSFERRING:
		return now_ns + service->config->hook_limit_ms * NS_PER_MS;
	case HF_SERVICE_DRAINING:
		return now_ns + service->config->drain_limit_ms * NS_PER_MS;
	case HF_SERVICE_UNKNOWN:
	case HF_SERVICE_OWNED:
	case HF_SERVICE_ORPHANED:
	case HF_SERVICE_STATES:
		break;
	}
	return NEVER;
}

static void set_owner(struct hf_service *service, int owner, const struct hf_service_now *now)
{
	/* Nobody at all is no change of owner that a node could mistake for another one. */
	if (owner >= 0 && owner != service->owner) {
		service->term = next_term(service, now);
		service->moves++;
	}
	service->owner = owner;
}

/*
 * The only place that changes the state. @to: who owns the service afterwards where the action is to move it, or to
 * whom it is to go back; for the other actions it says nothing.
 */
static void fire(struct hf_service *service, enum hf_service_event event, int to, enum hf_service_cause cause,
		 const struct hf_service_now *now, struct hf_service_step *ret_step)
{
	const struct cell *cell = &cells[service->state][event];
	struct hf_service_step step = {
		.action = cell->action, .cause = cause, .event = event,
		.from = service->owner, .to = to, .old_state = service->state, .state = cell->next,
	};

	assert(cell->is_there);
	if (cell->action == HF_SERVICE_ACT_CANCEL)
		step.to = service->target;
	if (cell->action == HF_SERVICE_ACT_MOVE && event != HF_SERVICE_EV_FOUND)
		set_owner(service, to, now);
	service->state = cell->next;
	service->target = is_going_back(service) ? step.to : HF_SERVICE_NOBODY;
	service->since_ns = now->ns;
	service->deadline_ns = limit_ns(service, now->ns);
	step.term = service->term;
	*ret_step = step;
}

static void nothing(const struct hf_service *service, struct hf_service_step *ret_step)
{
	*ret_step = (struct hf_service_step) {
		.action = HF_SERVICE_ACT_NONE, .from = service->owner, .to = service->owner, .term = service->term,
		.old_state = service->state, .state = service->state,
	};
}

void hf_service_init(struct hf_service *service, const struct hf_service_config *config)
{
	memset(service, 0, sizeof(*service));
	service->config = config;
	service->owner = service->target = HF_SERVICE_NOBODY;
	service->deadline_ns = NEVER;
}

/* Who is there */

bool hf_service_is_usable(const struct hf_service *service, int node)
{
	return node >= 0 && service->members[node].is_present && !service->members[node].is_suspect;
}

bool hf_service_is_held_down(const struct hf_service *service, int node, uint64_t now_ns)
{
	const struct hf_service_member *member = &service->members[node];

	return member->failed_ns && now_ns < member->up_ns + service->config->hold_down_ms * NS_PER_MS;
}

int hf_service_choose(const struct hf_service *service, int not_node, uint64_t now_ns)
{
	int held_down = HF_SERVICE_NOBODY;

	for (int i = 0; i < (int)service->config->node_count; i++) {
		if (i == not_node || !hf_service_is_usable(service, i))
			continue;
		if (!hf_service_is_held_down(service, i, now_ns))
			return i;
		if (held_down == HF_SERVICE_NOBODY)
			held_down = i;
	}
	return held_down;
}

/* Where the owner is gone, one that is under suspicion is better than none. */
static int choose_any(const struct hf_service *service, int not_node, uint64_t now_ns)
{
	int node = hf_service_choose(service, not_node, now_ns);

	for (int i = 0; node < 0 && i < (int)service->config->node_count; i++)
		if (i != not_node && service->members[i].is_present)
			node = i;
	return node;
}

static bool is_owner_gone(const struct hf_service *service)
{
	return service->owner >= 0 && !service->members[service->owner].is_present &&
	       service->config->detection & HF_DETECTION_SM;
}

static bool is_owner_suspect(const struct hf_service *service)
{
	return service->owner >= 0 && service->members[service->owner].is_suspect;
}

static void note_failure(struct hf_service_member *member, uint64_t now_ns)
{
	member->failed_ns = now_ns ? now_ns : 1;
	member->failures++;
}

void hf_service_see(struct hf_service *service, int node, uint64_t guid, uint16_t lid, bool is_present,
		    const struct hf_service_now *now)
{
	struct hf_service_member *member = &service->members[node];

	/* Another port under the description is as good as a failure of the one before. */
	if (member->is_present && (!is_present || guid != member->guid))
		note_failure(member, now->ns);
	if (is_present && (!member->is_present || guid != member->guid)) {
		member->up_ns = now->ns;
		member->is_suspect = false;
	}
	member->is_present = is_present;
	if (guid) {
		member->guid = guid;
		member->lid = lid;
	}
}

/* What follows from who is there, whoever noticed. */
static void conclude(struct hf_service *service, enum hf_service_cause cause, const struct hf_service_now *now,
		     struct hf_service_step *ret_step)
{
	int other;

	nothing(service, ret_step);
	if (service->state == HF_SERVICE_UNKNOWN)
		return;
	if (service->state == HF_SERVICE_ORPHANED) {
		other = choose_any(service, HF_SERVICE_NOBODY, now->ns);
		if (other >= 0)
			fire(service, HF_SERVICE_EV_NODE_CAME, other, HF_CAUSE_RETURN, now, ret_step);
		return;
	}
	if (is_owner_gone(service)) {
		other = choose_any(service, service->owner, now->ns);
		fire(service, other >= 0 ? HF_SERVICE_EV_OWNER_FAILED : HF_SERVICE_EV_ALL_GONE, other, cause, now,
		     ret_step);
		return;
	}
	other = is_owner_suspect(service) ? hf_service_choose(service, service->owner, now->ns) : HF_SERVICE_NOBODY;
	if (other >= 0)
		fire(service, HF_SERVICE_EV_OWNER_FAILED, other, cause, now, ret_step);
	else if (is_going_back(service) && !hf_service_is_usable(service, service->target))
		fire(service, HF_SERVICE_EV_TARGET_WENT, HF_SERVICE_NOBODY, cause, now, ret_step);
}

void hf_service_seen(struct hf_service *service, const struct hf_service_now *now, struct hf_service_step *ret_step)
{
	conclude(service, is_owner_gone(service) ? HF_CAUSE_SM : HF_CAUSE_HEARTBEAT, now, ret_step);
}

void hf_service_found(struct hf_service *service, int owner, uint64_t term, const struct hf_service_now *now,
		      struct hf_service_step *ret_step)
{
	bool is_there = owner >= 0 && (service->members[owner].is_present ||
				       !(service->config->detection & HF_DETECTION_SM));
	int other;

	nothing(service, ret_step);
	if (service->state != HF_SERVICE_UNKNOWN)
		return;
	if (term > service->term)
		service->term = term;
	if (is_there) {
		service->owner = owner;
		/* Who was found without its term begins a new one: another one may have been told of the old. */
		if (!term)
			service->term = next_term(service, now);
		fire(service, HF_SERVICE_EV_FOUND, owner, HF_CAUSE_FOUND, now, ret_step);
		ret_step->from = HF_SERVICE_NOBODY;
		return;
	}
	service->owner = owner;
	other = choose_any(service, owner, now->ns);
	fire(service, other >= 0 ? HF_SERVICE_EV_FOUND_NOBODY : HF_SERVICE_EV_ALL_GONE, other, HF_CAUSE_FOUND, now,
	     ret_step);
}

/* What peers and the operator say */

void hf_service_learn_term(struct hf_service *service, uint64_t term)
{
	if (term > service->seen_term)
		service->seen_term = term;
}

int hf_service_node_failed(struct hf_service *service, int node, uint64_t term, enum hf_service_cause cause,
			   const struct hf_service_now *now, struct hf_service_step *ret_step)
{
	struct hf_service_member *member = &service->members[node];
	unsigned int needed = cause == HF_CAUSE_HEARTBEAT ? HF_DETECTION_HEARTBEAT : HF_DETECTION_OPERATOR;

	nothing(service, ret_step);
	if (!(service->config->detection & needed))
		return -EPERM;
	if (service->state == HF_SERVICE_UNKNOWN)
		return -EAGAIN;
	hf_service_learn_term(service, term);
	if (term && term < service->term)
		return -ESTALE;
	if (!member->is_suspect && member->is_present)
		note_failure(member, now->ns);
	member->is_suspect = true;
	/* A peer's word counts for a port that the SM does not look at, too. */
	if (node == service->owner && !member->is_present && !is_owner_gone(service)) {
		int other = choose_any(service, node, now->ns);

		if (other >= 0)
			fire(service, HF_SERVICE_EV_OWNER_FAILED, other, cause, now, ret_step);
		return 0;
	}
	conclude(service, cause, now, ret_step);
	return 0;
}

void hf_service_node_recovered(struct hf_service *service, int node, const struct hf_service_now *now,
			       struct hf_service_step *ret_step)
{
	struct hf_service_member *member = &service->members[node];

	if (member->is_suspect) {
		member->is_suspect = false;
		member->up_ns = now->ns;
	}
	conclude(service, HF_CAUSE_HEARTBEAT, now, ret_step);
}

int hf_service_fail_over(struct hf_service *service, int node, const struct hf_service_now *now,
			 struct hf_service_step *ret_step)
{
	nothing(service, ret_step);
	if (!(service->config->detection & HF_DETECTION_OPERATOR))
		return -EPERM;
	if (service->state == HF_SERVICE_UNKNOWN)
		return -EAGAIN;
	if (node >= 0 && node == service->owner)
		return -EALREADY;
	if (node < 0)
		node = hf_service_choose(service, service->owner, now->ns);
	if (node < 0 || !service->members[node].is_present)
		return -EHOSTDOWN;
	service->members[node].is_suspect = false;
	fire(service, HF_SERVICE_EV_FAILOVER, node, HF_CAUSE_OPERATOR, now, ret_step);
	/* It was meant: the delay of an automatic failback begins now. */
	service->retry_ns = now->ns + service->config->failback_delay_ms * NS_PER_MS;
	return 0;
}

/* Steps that the configuration leaves out take no time. */
static void start_failback(struct hf_service *service, int target, enum hf_service_cause cause,
			   const struct hf_service_now *now, struct hf_service_step *ret_step)
{
	enum hf_service_state old_state = service->state;

	fire(service, HF_SERVICE_EV_FAILBACK, target, cause, now, ret_step);
	if (!service->config->state_transfer)
		fire(service, HF_SERVICE_EV_TRANSFERRED, target, cause, now, ret_step);
	if (!service->config->state_transfer && !service->config->drain_limit_ms)
		fire(service, HF_SERVICE_EV_DRAINED, target, cause, now, ret_step);
	ret_step->old_state = old_state;
}

int hf_service_fail_back(struct hf_service *service, const struct hf_service_now *now,
			 struct hf_service_step *ret_step)
{
	int target = 0;

	nothing(service, ret_step);
	if (service->config->failback == HF_FAILBACK_NEVER || !(service->config->detection & HF_DETECTION_OPERATOR))
		return -EPERM;
	if (service->state == HF_SERVICE_UNKNOWN)
		return -EAGAIN;
	if (is_going_back(service))
		return -EINPROGRESS;
	if (service->owner < 0)
		return -EHOSTDOWN;
	while (target < service->owner && !hf_service_is_usable(service, target))
		target++;
	if (target == service->owner)
		return target ? -EHOSTDOWN : -EALREADY;
	start_failback(service, target, HF_CAUSE_OPERATOR, now, ret_step);
	return 0;
}

void hf_service_transfer_ended(struct hf_service *service, uint64_t term, bool has_succeeded,
			       const struct hf_service_now *now, struct hf_service_step *ret_step)
{
	int target = service->target;

	nothing(service, ret_step);
	if (service->state != HF_SERVICE_TRANSFERRING || term != service->term)
		return;
	if (!has_succeeded) {
		service->retry_ns = now->ns + service->config->failback_delay_ms * NS_PER_MS;
		fire(service, HF_SERVICE_EV_NOT_TRANSFERRED, HF_SERVICE_NOBODY, HF_CAUSE_FAILBACK, now, ret_step);
		return;
	}
	fire(service, HF_SERVICE_EV_TRANSFERRED, target, HF_CAUSE_FAILBACK, now, ret_step);
	if (service->config->drain_limit_ms)
		return;
	fire(service, HF_SERVICE_EV_DRAINED, target, HF_CAUSE_FAILBACK, now, ret_step);
	ret_step->old_state = HF_SERVICE_TRANSFERRING;
}

void hf_service_drained(struct hf_service *service, uint64_t term, const struct hf_service_now *now,
			struct hf_service_step *ret_step)
{
	nothing(service, ret_step);
	if (service->state == HF_SERVICE_DRAINING && term == service->term)
		fire(service, HF_SERVICE_EV_DRAINED, service->target, HF_CAUSE_FAILBACK, now, ret_step);
}

/* Time */

/* When a node that comes before the owner has been back for long enough; NEVER where it is not there. */
static uint64_t ripe_ns(const struct hf_service *service, int node)
{
	const struct hf_service_config *config = service->config;
	const struct hf_service_member *member = &service->members[node];
	uint64_t at_ns;

	if (!hf_service_is_usable(service, node))
		return NEVER;
	at_ns = member->up_ns + config->failback_delay_ms * NS_PER_MS;
	if (member->failed_ns && config->hold_down_ms > config->failback_delay_ms)
		at_ns = member->up_ns + config->hold_down_ms * NS_PER_MS;
	return at_ns > service->retry_ns ? at_ns : service->retry_ns;
}

static bool goes_back_by_itself(const struct hf_service *service)
{
	return service->state == HF_SERVICE_OWNED && service->config->failback == HF_FAILBACK_AUTOMATIC;
}

uint64_t hf_service_deadline(const struct hf_service *service)
{
	uint64_t deadline_ns = service->deadline_ns;

	for (int i = 0; goes_back_by_itself(service) && i < service->owner; i++)
		if (ripe_ns(service, i) < deadline_ns)
			deadline_ns = ripe_ns(service, i);
	return deadline_ns;
}

void hf_service_tick(struct hf_service *service, const struct hf_service_now *now, struct hf_service_step *ret_step)
{
	nothing(service, ret_step);
	if (service->state == HF_SERVICE_TRANSFERRING && now->ns >= service->deadline_ns) {
		hf_service_transfer_ended(service, service->term, false, now, ret_step);
		return;
	}
	if (service->state == HF_SERVICE_DRAINING && now->ns >= service->deadline_ns) {
		hf_service_drained(service, service->term, now, ret_step);
		return;
	}
	for (int i = 0; goes_back_by_itself(service) && i < service->owner; i++)
		if (now->ns >= ripe_ns(service, i)) {
			start_failback(service, i, HF_CAUSE_FAILBACK, now, ret_step);
			return;
		}
}

void hf_service_release(struct hf_service *service, const struct hf_service_now *now,
			struct hf_service_step *ret_step)
{
	fire(service, HF_SERVICE_EV_RELEASED, HF_SERVICE_NOBODY, HF_CAUSE_NONE, now, ret_step);
	service->owner = HF_SERVICE_NOBODY;
	service->retry_ns = 0;
	memset(service->members, 0, sizeof(service->members));
}

static int find_node(const struct hf_service_config *config, const struct hf_service_node *node)
{
	for (int i = 0; i < (int)config->node_count; i++)
		if (hf_service_node_is_same(&config->nodes[i], node))
			return i;
	return HF_SERVICE_NOBODY;
}

void hf_service_reconfigure(struct hf_service *service, const struct hf_service_config *config,
			    const struct hf_service_now *now, struct hf_service_step *ret_step)
{
	const struct hf_service old = *service;
	int other;

	service->config = config;
	service->retry_ns = 0;	/* by delays that are gone */
	memset(service->members, 0, sizeof(service->members));
	for (int i = 0; i < (int)old.config->node_count; i++) {
		int moved = find_node(config, &old.config->nodes[i]);

		if (moved >= 0)
			service->members[moved] = old.members[i];
	}
	service->owner = old.owner >= 0 ? find_node(config, &old.config->nodes[old.owner]) : HF_SERVICE_NOBODY;
	service->target = old.target >= 0 ? find_node(config, &old.config->nodes[old.target]) : HF_SERVICE_NOBODY;
	nothing(service, ret_step);
	if (service->state == HF_SERVICE_UNKNOWN || service->state == HF_SERVICE_ORPHANED)
		return;
	if (service->owner >= 0) {
		/* Begun by rules that are gone: it may begin again by the new ones. */
		if (is_going_back(service))
			fire(service, HF_SERVICE_EV_TARGET_WENT, HF_SERVICE_NOBODY, HF_CAUSE_CONFIG, now, ret_step);
		return;
	}
	other = choose_any(service, HF_SERVICE_NOBODY, now->ns);
	fire(service, other >= 0 ? HF_SERVICE_EV_OWNER_FAILED : HF_SERVICE_EV_ALL_GONE, other, HF_CAUSE_CONFIG, now,
	     ret_step);
}
