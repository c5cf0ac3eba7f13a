/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A service: who owns it, at which term, and what happens next. A pure state machine: what was seen of its nodes goes
 * in with the time, what is to be done comes out. It decides alone, so no two detections can move a service twice: a
 * failure counts only where it is one of the node that owns the service now.
 *
 * The term is the number of a change of owner. It never goes back: it is at least the milliseconds since 1970 at the
 * time of the change, so that an SM without a journal is ahead of the ones before it, and more than any term that a
 * node has shown. Who has seen a higher term knows that a lower one is over.
 */
#ifndef HF_PLUGIN_SERVICE_H
#define HF_PLUGIN_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plugin/services_file.h"

#define HF_SERVICE_NOBODY	(-1)

enum hf_service_state {
	HF_SERVICE_UNKNOWN,	/* this SM is not the master, or has not looked yet */
	HF_SERVICE_OWNED,
	HF_SERVICE_TRANSFERRING,	/* owned; hooks carry its state to the node that it goes back to */
	HF_SERVICE_DRAINING,	/* owned; the hooks are done, the owner's connections are to end */
	HF_SERVICE_ORPHANED,	/* its address is held, but none of its nodes is there */
	HF_SERVICE_STATES,
};

enum hf_service_event {
	HF_SERVICE_EV_FOUND,		/* this SM is the master; the owner that was found is there */
	HF_SERVICE_EV_FOUND_NOBODY,	/* likewise; no owner, or not there; another node is */
	HF_SERVICE_EV_ALL_GONE,		/* likewise, or now: none of its nodes is there */
	HF_SERVICE_EV_OWNER_FAILED,	/* another node is there */
	HF_SERVICE_EV_NODE_CAME,	/* a node is there that was not */
	HF_SERVICE_EV_TARGET_WENT,	/* the node that it was going back to */
	HF_SERVICE_EV_FAILOVER,		/* the operator's, to another node */
	HF_SERVICE_EV_FAILBACK,		/* the operator's, or the delay is over */
	HF_SERVICE_EV_TRANSFERRED,	/* the hooks have succeeded */
	HF_SERVICE_EV_NOT_TRANSFERRED,	/* a hook has failed, or their limit has passed */
	HF_SERVICE_EV_DRAINED,		/* the connections have ended, or the limit has passed */
	HF_SERVICE_EV_RELEASED,		/* this SM is not the master any more */
	HF_SERVICE_EVENTS,
};

/* What a call asks its caller to do. */
enum hf_service_action {
	HF_SERVICE_ACT_NONE,
	HF_SERVICE_ACT_MOVE,		/* the address, from "from" (may be nobody) to "to" (may be nobody) */
	HF_SERVICE_ACT_TRANSFER,	/* start the hooks, from the owner to "to" */
	HF_SERVICE_ACT_DRAIN,		/* ask the owner to end its connections */
	HF_SERVICE_ACT_CANCEL,		/* tell both nodes of a failback that it does not happen */
	HF_SERVICE_ACTIONS,
};

/* Why a service moved, or may not. */
enum hf_service_cause {
	HF_CAUSE_NONE,
	HF_CAUSE_FOUND,		/* the SM has started or taken over */
	HF_CAUSE_SM,		/* the SM does not find the owner's port */
	HF_CAUSE_HEARTBEAT,	/* a peer misses its heartbeats */
	HF_CAUSE_OPERATOR,
	HF_CAUSE_FAILBACK,
	HF_CAUSE_RETURN,	/* all nodes were gone, and this one is back */
	HF_CAUSE_CONFIG,	/* the services file no longer names the owner */
	HF_CAUSES,
};

extern const char *const hf_service_state_names[HF_SERVICE_STATES];
extern const char *const hf_service_event_names[HF_SERVICE_EVENTS];
extern const char *const hf_service_action_names[HF_SERVICE_ACTIONS];
extern const char *const hf_service_cause_names[HF_CAUSES];

struct hf_service_step {
	enum hf_service_action action;
	enum hf_service_cause cause;
	int from, to;			/* indices into the nodes, or HF_SERVICE_NOBODY */
	uint64_t term;			/* after the step */
	enum hf_service_state old_state, state;
	enum hf_service_event event;
};

struct hf_service_member {
	uint64_t guid;			/* of its port, as resolved last; 0: never seen */
	uint16_t lid;
	bool is_present;		/* the SM sees its port */
	bool is_suspect;		/* a peer or the operator said that it has failed, nobody that it is back */
	uint64_t up_ns;			/* since when it is there without a break */
	uint64_t failed_ns;		/* when it failed last; 0: never */
	uint64_t failures;
};

struct hf_service {
	const struct hf_service_config *config;	/* borrowed */
	enum hf_service_state state;
	int owner;			/* index, or HF_SERVICE_NOBODY */
	int target;			/* of a failback that is going on, else HF_SERVICE_NOBODY */
	uint64_t term;			/* 0: it never had an owner */
	uint64_t seen_term;		/* the highest that a node has shown */
	uint64_t since_ns;		/* in this state */
	uint64_t deadline_ns;		/* of hooks or draining; UINT64_MAX: none */
	uint64_t retry_ns;		/* no automatic failback before: the hooks failed */
	uint64_t moves;
	struct hf_service_member members[HF_SERVICE_NODES_MAX];
};

/* The two clocks. Terms come from the second one, everything else from the first. */
struct hf_service_now {
	uint64_t ns;		/* CLOCK_MONOTONIC */
	uint64_t epoch_ms;	/* CLOCK_REALTIME */
};

/* HF_SERVICE_UNKNOWN, with no owner. */
void hf_service_init(struct hf_service *service, const struct hf_service_config *config);

/* Whether a node may own the service now: it is there and nobody says that it has failed. */
bool hf_service_is_usable(const struct hf_service *service, int node);

/* Whether it failed and has not been back for long enough to be chosen while another one is there. */
bool hf_service_is_held_down(const struct hf_service *service, int node, uint64_t now_ns);

/**
 * hf_service_choose() - the node that a service should move to
 * @service: the service
 * @not_node: its owner, which is not asked for; HF_SERVICE_NOBODY: all are
 * @now_ns:  against hold-down
 *
 * The first in order of preference that is usable and not held down; where all that are usable are held down, the
 * first of these.
 *
 * Return: its index, or HF_SERVICE_NOBODY.
 */
int hf_service_choose(const struct hf_service *service, int not_node, uint64_t now_ns);

/*
 * All of these hand out at most one thing to be done. Each may be called in any state; what makes no sense there
 * changes nothing.
 */

/**
 * hf_service_see() - what the SM sees of a node's port
 * @service:    the service
 * @node:       which
 * @guid:       of the port; 0 where it was not found
 * @lid:        of the port
 * @is_present: whether it is there and can be reached
 * @now:        the time
 *
 * Only notes it; hf_service_seen() draws the conclusions when all nodes of the service have been looked at.
 */
void hf_service_see(struct hf_service *service, int node, uint64_t guid, uint16_t lid, bool is_present,
		    const struct hf_service_now *now);
void hf_service_seen(struct hf_service *service, const struct hf_service_now *now, struct hf_service_step *ret_step);

/**
 * hf_service_found() - begin as the master
 * @service: in HF_SERVICE_UNKNOWN, all of whose nodes have been looked at
 * @owner:   who owns it by the fabric, or else by the journal; HF_SERVICE_NOBODY where neither knows
 * @term:    of the journal; 0 where it does not know, or where it names another owner than the fabric
 */
void hf_service_found(struct hf_service *service, int owner, uint64_t term, const struct hf_service_now *now,
		      struct hf_service_step *ret_step);

/**
 * hf_service_node_failed() - somebody says that a node has failed
 * @service: the service
 * @node:    which
 * @term:    the term that the one who says it knows; 0: the present one. Of an old term it is not believed, and a
 *           higher one makes the next term higher still.
 * @cause:   HF_CAUSE_HEARTBEAT or HF_CAUSE_OPERATOR
 *
 * Return: 0, also where nothing moves because another node owns the service; -EPERM where the service is not to be
 * moved so; -ESTALE where the term is over; -EAGAIN in HF_SERVICE_UNKNOWN.
 */
int hf_service_node_failed(struct hf_service *service, int node, uint64_t term, enum hf_service_cause cause,
			   const struct hf_service_now *now, struct hf_service_step *ret_step);

/* A node of which that was said is back: its heartbeats are. */
void hf_service_node_recovered(struct hf_service *service, int node, const struct hf_service_now *now,
			       struct hf_service_step *ret_step);

/* A node has shown a term: the next is higher. */
void hf_service_learn_term(struct hf_service *service, uint64_t term);

/**
 * hf_service_fail_over() - the operator's command
 * @node: to which; HF_SERVICE_NOBODY: the best but the owner
 *
 * Moves at once. A node that the operator names is trusted: no suspicion or hold-down is in its way.
 *
 * Return: 0; -EALREADY where it owns the service; -EHOSTDOWN where the SM does not see it, or no node is there;
 * -EPERM where the operator may not; -EAGAIN in HF_SERVICE_UNKNOWN.
 */
int hf_service_fail_over(struct hf_service *service, int node, const struct hf_service_now *now,
			 struct hf_service_step *ret_step);

/**
 * hf_service_fail_back() - the operator's command
 *
 * To the first node, with hooks and draining as configured.
 *
 * Return: as above; -EINPROGRESS where it is going on; -EPERM also where failback is "never".
 */
int hf_service_fail_back(struct hf_service *service, const struct hf_service_now *now,
			 struct hf_service_step *ret_step);

/* What the nodes answer. @term: for which it was asked; another one is ignored. */
void hf_service_transfer_ended(struct hf_service *service, uint64_t term, bool has_succeeded,
			       const struct hf_service_now *now, struct hf_service_step *ret_step);
void hf_service_drained(struct hf_service *service, uint64_t term, const struct hf_service_now *now,
			struct hf_service_step *ret_step);

/* Limits and delays that have passed. */
void hf_service_tick(struct hf_service *service, const struct hf_service_now *now, struct hf_service_step *ret_step);

/* When to call it next; UINT64_MAX: not before something else happens. */
uint64_t hf_service_deadline(const struct hf_service *service);

/* This SM is not the master any more: all that it knows of the nodes is forgotten, but not the term. */
void hf_service_release(struct hf_service *service, const struct hf_service_now *now,
			struct hf_service_step *ret_step);

/**
 * hf_service_reconfigure() - the services file was read again
 * @service: which keeps its owner, term and what it knows of nodes that are named as before
 * @config:  borrowed from here on; has the same name
 *
 * Where the owner is not named any more the service moves; @ret_step->from is nobody then, as the node has no index.
 */
void hf_service_reconfigure(struct hf_service *service, const struct hf_service_config *config,
			    const struct hf_service_now *now, struct hf_service_step *ret_step);

#endif
