/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The client of the SA of one port: it subscribes to traps 68 and 69, answers each Report, asks for the port's path
 * records when it must, and hands what it learns to its owner. It does no I/O and reads no clock: MADs come in through
 * hf_sa_client_receive() and go out through a function of the owner's, and the time is passed in.
 *
 * Two state machines run beside each other. The subscription:
 *
 *	NO_SM -> SUBSCRIBING -> SUBSCRIBED <-> CHECKING
 *	             ^ |
 *	             | v
 *	         BACKING_OFF              any -> UNSUBSCRIBING -> STOPPED
 *
 * and, while subscribed, the query for the table, of which at most one runs: what happens during a query makes
 * it STALE, and exactly one further query follows.
 *
 *	IDLE -> RUNNING -> (STALE ->) IDLE or RUNNING; QUERY_BACKING_OFF after a failure
 *
 * CHECKING asks the SA every check_interval_ms for the subscriptions that it knows: an SM that was restarted at the
 * same LID shows itself in nothing else that every kernel reports.
 *
 * An SM with Holdfast answers the query with what changed since the table that the client holds, and its Reports say
 * from which table they lead to which: doc/protocol.md has the rules. Any other SM answers the same query with path
 * records, and what the client then holds has no name.
 */
#ifndef HF_LIB_SA_CLIENT_H
#define HF_LIB_SA_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/delta.h"
#include "lib/umad_io.h"
#include "lib/wire.h"

enum hf_sa_state {
	HF_SA_NO_SM,		/* the port has no LID, is not active or knows no SM */
	HF_SA_SUBSCRIBING,	/* a Set(InformInfo) is on its way */
	HF_SA_BACKING_OFF,	/* the last one failed; the next is due at the deadline */
	HF_SA_SUBSCRIBED,
	HF_SA_CHECKING,		/* subscribed; the SM has been asked whether it still knows that */
	HF_SA_UNSUBSCRIBING,
	HF_SA_STOPPED,
	HF_SA_STATE_COUNT,
};

enum hf_sa_event {
	HF_SA_SM_FOUND,		/* the port can be used, or its LID, GID or SM is another than before */
	HF_SA_SM_LOST,
	HF_SA_ANSWERED,		/* the SM accepted a request and more follow, or the check found all well */
	HF_SA_COMPLETED,	/* the SM accepted the last request */
	HF_SA_FAILED,		/* refused, no answer, or could not be sent */
	HF_SA_FORGOTTEN,	/* the check found subscriptions missing */
	HF_SA_TIMER,
	HF_SA_STOP,
	HF_SA_EVENT_COUNT,
};

enum hf_sa_query_state {
	HF_SA_QUERY_IDLE,
	HF_SA_QUERY_RUNNING,
	HF_SA_QUERY_STALE,	/* running, and something changed since it was sent */
	HF_SA_QUERY_BACKING_OFF,
	HF_SA_QUERY_STATE_COUNT,
};

enum hf_sa_query_event {
	HF_SA_QUERY_WANTED,
	HF_SA_QUERY_DONE,
	HF_SA_QUERY_FAILED,
	HF_SA_QUERY_TIMER,
	HF_SA_QUERY_CANCEL,	/* the SM is gone or another */
	HF_SA_QUERY_EVENT_COUNT,
};

struct hf_sa_client_config {
	int request_timeout_ms;	/* of a subscription and of a check */
	int query_timeout_ms;	/* of a whole table, all its segments; doubled after each failure */
	int check_interval_ms;
	uint32_t seed;		/* of transaction ids and of the spread of retries; other in each process */
};

/* The port as its owner sees it; host order. */
struct hf_sa_port {
	union hf_gid gid;
	uint16_t lid;		/* 0: none */
	uint16_t sm_lid;	/* 0: none */
	uint8_t sm_sl;
	bool active;
};

struct hf_sa_counters {
	uint64_t reports_repath;	/* trap 69 */
	uint64_t reports_unpath;	/* trap 68 */
	uint64_t reports_other;
	uint64_t reports_repeated;	/* answered again, and that is all */
	uint64_t report_resps;
	uint64_t subscriptions;		/* that the SM accepted, each trap of each time */
	uint64_t queries;
	uint64_t queries_failed;
	uint64_t records;		/* of tables and of traps 69 */
	uint64_t records_refused;	/* of another source than this port */
	uint64_t deltas;		/* taken, of those that are not whole */
	uint64_t deltas_refused;	/* malformed, or not leading on from what is held; in answers and in Reports */
	uint64_t whole_tables;		/* taken, as deltas or as records */
	uint64_t changes;		/* destinations in deltas and in Reports with epochs that were taken */
	uint64_t reports_taken;		/* with epochs, for the paths inside */
	uint64_t reports_known;		/* with epochs, of what is held already */
	uint64_t gaps;			/* Reports that lead on from something newer than what is held */
	uint64_t mads_dropped;		/* not from the SM, malformed, or not awaited */
};

/* The name of a table. */
struct hf_sa_held {
	uint64_t instance;	/* 0: it has none */
	uint64_t epoch;
};

/* Where a Report leads from and to. */
struct hf_sa_epochs {
	uint64_t instance, base, epoch;
};

struct hf_sa_report {
	uint16_t trap_num;
	uint64_t comp_mask;			/* host order */
	const struct hf_path_record *path;	/* never NULL */
	const struct hf_sa_epochs *epochs;	/* NULL for none */
	uint32_t site;				/* of the destination of @path; see lib/delta.h */
	const uint8_t *body;			/* of a delta */
	size_t body_length;			/* 0 for none */
};

/* What a delta has besides its items; host order. */
struct hf_sa_delta {
	uint64_t subnet_prefix;	/* of all its destinations */
	uint16_t slid;		/* of all its paths */
	bool is_whole;		/* what is not in it is unreachable */
	size_t changes;		/* how many destinations are gone or have a path in it */
};

enum hf_sa_answer {
	HF_SA_ANSWER_RECORDS,
	HF_SA_ANSWER_DELTA,
	HF_SA_ANSWER_WHOLE,	/* a delta that is whole */
	HF_SA_ANSWER_KNOWN,	/* a delta of less than a Report brought meanwhile: not taken */
};

struct hf_sa_query_done {
	enum hf_sa_answer answer;
	size_t records, changes;	/* 0 where it is none of the kind */
	size_t bytes;			/* behind the headers */
	uint64_t duration_ns;
};

/*
 * What the owner does for the client. All but @send are told after the state has changed; they may call
 * hf_sa_client_want_query() and the getters, nothing else of the client.
 */
struct hf_sa_client_ops {
	/* Sends without waiting, as hf_umad_send() does; 0 or negative errno. */
	int (*send)(void *ctx, const struct hf_mad_addr *to, const struct hf_sa_mad *mad, int timeout_ms, int retries);
	/* A whole table of this port's paths: begin, each record, end. */
	void (*table_begin)(void *ctx);
	void (*table_path)(void *ctx, const struct hf_path_record *path);
	void (*table_end)(void *ctx);
	/* What changed, or a whole table: begin, each item, end. After any failure the SM is asked for the whole. */
	void (*delta_begin)(void *ctx, const struct hf_sa_delta *delta);
	struct hf_delta_visitor delta;
	int (*delta_end)(void *ctx);
	/* Trap 69 with a whole path of this port inside; after any failure the SM is asked. */
	int (*repath)(void *ctx, const struct hf_path_record *path, uint32_t site);
	/* Trap 68 that concerns this port. */
	void (*unpath)(void *ctx, uint64_t comp_mask, const struct hf_path_record *path);

	/* For traces. */
	void (*subscribed)(void *ctx, uint16_t trap_num);
	void (*report)(void *ctx, const struct hf_sa_report *report);
	void (*query_sent)(void *ctx, uint32_t tid);
	void (*query_done)(void *ctx, const struct hf_sa_query_done *done);	/* before it is handed out */
	void (*query_failed)(void *ctx, int err);
};

struct hf_sa_client;

/**
 * hf_sa_client_new() - a client in state NO_SM
 * @config:     copied
 * @ops:        borrowed as long as the client lives
 * @ctx:        first argument of each of @ops
 * @ret_client: to be freed with hf_sa_client_free()
 *
 * Return: 0; -ENOMEM.
 */
int hf_sa_client_new(const struct hf_sa_client_config *config, const struct hf_sa_client_ops *ops, void *ctx,
		     struct hf_sa_client **ret_client);

/* @client may be NULL. Sends nothing: see hf_sa_client_stop(). */
void hf_sa_client_free(struct hf_sa_client *client);

/* Takes new timeouts; what runs keeps its own. */
void hf_sa_client_set_config(struct hf_sa_client *client, const struct hf_sa_client_config *config);

/* Tells what the port is now, whether or not that changed. */
void hf_sa_client_set_port(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_port *port);

/**
 * hf_sa_client_receive() - take a MAD that arrived, or the end of a request without an answer
 * @client: the client
 * @now_ns: the time
 * @from:   its sender
 * @status: as in struct hf_umad_received
 * @mad:    checked here, whatever it holds
 * @len:    its length in bytes
 */
void hf_sa_client_receive(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_addr *from, int status,
			  const void *mad, size_t len);

/* When hf_sa_client_handle_timer() is to be called; UINT64_MAX for never. */
uint64_t hf_sa_client_deadline_ns(const struct hf_sa_client *client);

/* Does what is due. Calling it early does nothing. */
void hf_sa_client_handle_timer(struct hf_sa_client *client, uint64_t now_ns);

/* Asks for what is new, now or after what runs; not while unsubscribed, for each subscription brings a query. */
void hf_sa_client_want_query(struct hf_sa_client *client, uint64_t now_ns);

/* Ends the subscriptions; the state is STOPPED when that is done or was tried. */
void hf_sa_client_stop(struct hf_sa_client *client, uint64_t now_ns);

enum hf_sa_state hf_sa_client_state(const struct hf_sa_client *client);
enum hf_sa_query_state hf_sa_client_query_state(const struct hf_sa_client *client);

/* Whether anything is still to come: no complete subscription, or a query not ended. */
bool hf_sa_client_is_busy(const struct hf_sa_client *client);

/* The name of the table that the owner was given. */
struct hf_sa_held hf_sa_client_held(const struct hf_sa_client *client);

const struct hf_sa_counters *hf_sa_client_counters(const struct hf_sa_client *client);

const char *hf_sa_state_name(enum hf_sa_state state);
const char *hf_sa_query_state_name(enum hf_sa_query_state state);
const char *hf_sa_answer_name(enum hf_sa_answer answer);

#endif
