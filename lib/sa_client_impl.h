/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The inside of hf_sa_client, for its parts alone: sa_client.c has the port, the time and what comes in,
 * sa_subscription.c and sa_query.c the two state machines and the answers to their requests, sa_report.c what the SM
 * tells unasked, sa_delta.c what deltas in answers and in Reports have in common.
 */
#ifndef HF_LIB_SA_CLIENT_IMPL_H
#define HF_LIB_SA_CLIENT_IMPL_H

#include "lib/sa_client.h"

#define MS			UINT64_C(1000000)
#define NEVER			UINT64_MAX
#define LOCAL_SLACK_MS		1000	/* how much later than the kernel we give a request up ourselves */
#define SEEN_REPORTS		64	/* as many as the SM sends to one subscriber without waiting */

struct hf_sa_request {
	bool is_outstanding;
	uint32_t tid;
	uint64_t sent_ns;
};

/* What the attempts of one Report have in common: the agent that sends it and the count of its Notice. */
struct hf_sa_seen {
	uint32_t agent;		/* upper half of the transaction id */
	uint16_t notice_count;	/* 0: none */
};

struct hf_sa_client {
	struct hf_sa_client_config config;
	const struct hf_sa_client_ops *ops;
	void *ctx;
	struct hf_sa_port port;
	struct hf_sa_counters counters;
	uint32_t next_tid;
	uint32_t random;

	enum hf_sa_state state;
	struct hf_sa_request request;	/* of the subscription's machine */
	unsigned int trap_index;	/* which of the traps the request is about */
	unsigned int failures;		/* in a row */
	uint64_t deadline_ns;

	enum hf_sa_query_state query_state;
	struct hf_sa_request query;
	unsigned int query_failures;	/* in a row */
	int query_error;		/* of the last failure */
	uint64_t query_deadline_ns;
	bool is_overtaken;		/* a Report has been taken since the query was sent */

	struct hf_sa_held held;		/* the name of the table that the owner has */
	bool wants_whole;		/* the owner could not take all: the next query says that nothing is held */
	bool wants_records;		/* this SM's deltas cannot be read: the next query says nothing of deltas */
	unsigned int bad_deltas;	/* in a row */
	unsigned int unnamed_checks;	/* in a row, with a table without a name */

	struct hf_sa_seen seen[SEEN_REPORTS];	/* since the subscription; a ring */
	unsigned int next_seen;
};

/* sa_client.c */
int hf__sa_send_request(struct hf_sa_client *client, uint64_t now_ns, struct hf_sa_request *request,
			struct hf_sa_mad *mad, int timeout_ms, int retries);
uint64_t hf__sa_back_off_ns(struct hf_sa_client *client, unsigned int failures);
void hf__sa_drop(struct hf_sa_client *client, const char *why, const struct hf_mad_addr *from,
		 const struct hf_mad_hdr *hdr);
bool hf__sa_is_own(const struct hf_sa_client *client, const struct hf_path_record *path);
void hf__sa_forget_held(struct hf_sa_client *client);

/* sa_subscription.c; the answer is one to client->request. */
void hf__sa_step(struct hf_sa_client *client, uint64_t now_ns, enum hf_sa_event event);
void hf__sa_take_answer(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_addr *from, const void *mad,
			size_t len);

/* sa_query.c; the answer is one to client->query. */
void hf__sa_step_query(struct hf_sa_client *client, uint64_t now_ns, enum hf_sa_query_event event);
void hf__sa_fail_query(struct hf_sa_client *client, uint64_t now_ns, int err);
void hf__sa_outdate_query(struct hf_sa_client *client, uint64_t now_ns);
void hf__sa_take_query_answer(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_addr *from,
			      const void *mad, size_t len);

/* sa_report.c */
void hf__sa_take_report(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_addr *from, const void *mad,
			size_t len);

/* sa_delta.c */

struct hf_sa_items {
	size_t gone, paths;	/* those that are told by their sites among them */
};

/* An answer that is a delta, its header in host order. */
struct hf_sa_delta_answer {
	uint8_t version;
	uint64_t instance, base, epoch;
	struct hf_sa_delta delta;
	const uint8_t *body;
	size_t body_length;
	struct hf_sa_items counts;
	size_t bytes;
};

/* Return: 0; -EBADMSG for a body that is none. */
int hf__sa_count_items(const uint8_t *body, size_t length, struct hf_sa_items *counts);

/* Return: 0; -EBADMSG; -EPROTONOSUPPORT for a higher version, and only @ret_answer->version is set. */
int hf__sa_parse_delta(const uint8_t *data, size_t bytes, struct hf_sa_delta_answer *ret_answer);

/* The body is good. Return: 0, or what the owner says. */
int hf__sa_hand_out_delta(struct hf_sa_client *client, const struct hf_sa_delta *delta, const uint8_t *body,
			  size_t length);

#endif
