/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The other end of an hf_sa_client in simulated time: it keeps what the client sent and told its owner, and makes the
 * MADs that an SA would send.
 */
#ifndef HF_TESTS_FAKE_SA_H
#define HF_TESTS_FAKE_SA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/path_cache.h"
#include "lib/sa_client.h"

#define FAKE_SENT_MAX	64
#define FAKE_PORT_LID	7
#define FAKE_SM_LID	1

struct fake_sa {
	struct hf_sa_client *client;
	uint64_t now_ns;
	struct hf_sa_port port;
	int send_error;			/* what send returns */
	int repath_error;
	struct {
		struct hf_sa_mad mad;
		struct hf_mad_addr to;
		int timeout_ms, retries;
	} sent[FAKE_SENT_MAX];
	size_t sent_count;		/* since fake_forget() */
	size_t tables, table_paths, repaths, unpaths, reports, subscribed, query_failures;
	struct hf_path_record last_path;
	size_t deltas;
	struct hf_sa_delta last_delta;
	struct hf_sa_query_done last_done;
	int delta_error;		/* what delta_end returns, once */
	size_t set_by_site;
	struct hf_path_cache *cache;	/* what the client's owner made of it all */
};

/* A client in NO_SM whose port has LID FAKE_PORT_LID and sees the SM at FAKE_SM_LID once it is told so. */
void fake_start(struct fake_sa *sa);
void fake_stop(struct fake_sa *sa);

/* GID of node number @n; the client's port is number 1. */
union hf_gid fake_gid(unsigned int n);

void fake_tell_port(struct fake_sa *sa);
void fake_advance_ms(struct fake_sa *sa, uint64_t ms);	/* calls the timer at each deadline on the way */
void fake_forget(struct fake_sa *sa);			/* what was sent and told so far */

/* How many MADs with this method and attribute were sent; the last of them. */
size_t fake_count(const struct fake_sa *sa, uint8_t method, uint16_t attr_id);
const struct hf_sa_mad *fake_last(const struct fake_sa *sa, uint8_t method, uint16_t attr_id);

void fake_receive(struct fake_sa *sa, uint16_t from_lid, const void *mad, size_t len);
void fake_answer(struct fake_sa *sa, const struct hf_sa_mad *request, uint16_t status);
void fake_time_out(struct fake_sa *sa, const struct hf_sa_mad *request);

/* A table of paths from this port to nodes @first to @first + @count - 1, as answer to the last query. */
void fake_answer_table(struct fake_sa *sa, unsigned int first, unsigned int count);
struct hf_path_record fake_path(unsigned int from, unsigned int to);

/* A list of subscriptions, as answer to the last check. */
void fake_answer_check(struct fake_sa *sa, const uint16_t *traps, size_t count);

void fake_report(struct fake_sa *sa, uint16_t from_lid, uint16_t trap_num, uint64_t comp_mask,
		 const struct hf_path_record *path);

/* What an SM with Holdfast says; host order. */
struct fake_delta {
	uint64_t instance, base, epoch;
	bool is_whole;
	struct hf_delta parts;
};

#define FAKE_DELTA_MAX 4096	/* bytes */

/* Header, body and what fills the last word, into @data of FAKE_DELTA_MAX bytes. Return: how many bytes. */
size_t fake_put_delta(struct fake_delta *delta, uint8_t *data);

/* Anything, as answer to a query. */
void fake_answer_data(struct fake_sa *sa, const struct hf_sa_mad *query, unsigned int attr_offset, const void *data,
		      size_t bytes);

/* As answer to the last query. */
void fake_answer_delta(struct fake_sa *sa, struct fake_delta *delta);

/* What a query says of the table held; its DGID. */
struct hf_sa_held fake_held(const struct hf_sa_mad *query);

struct fake_report {
	uint16_t trap_num;
	uint64_t comp_mask;
	const struct hf_path_record *path;	/* NULL for zeros */
	uint64_t instance, base, epoch;		/* @instance 0: none of the three */
	uint8_t version;			/* 0: the one that we know */
	uint32_t site;
	struct hf_delta *parts;			/* NULL for no body */
	uint16_t notice_count;
};

void fake_make_report(const struct fake_report *report, struct hf_sa_mad *mad);
void fake_report_epochs(struct fake_sa *sa, const struct fake_report *report);

/* From NO_SM to SUBSCRIBED with the first table taken. */
void fake_settle(struct fake_sa *sa);

#endif
