/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What the parts of verbs_tool share: two adapters in one process, and connections between them. */
#ifndef HF_TESTS_VERBS_TOOL_H
#define HF_TESTS_VERBS_TOOL_H

#include <errno.h>
#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE	(4 << 20)
#define DEADLINE_MS	20000

#define must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #condition, strerror(errno)); \
			exit(EXIT_FAILURE); \
		} \
	} while (0)

#define must_be(value, wanted) \
	do { \
		long long value_ = (value), wanted_ = (wanted); \
		if (value_ != wanted_) { \
			fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #value, value_, wanted_); \
			exit(EXIT_FAILURE); \
		} \
	} while (0)

/* An adapter, with one of each object. */
struct end {
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_mr *mr;
	struct ibv_srq *srq;	/* NULL, or for new queue pairs */
	uint8_t *buffer;	/* BUFFER_SIZE */
	struct ibv_port_attr port;
	union ibv_gid gid;	/* the first one */
	struct ibv_qp *qp;
};

/* How queue pairs are connected; set before connect_ends(). */
struct wiring {
	enum ibv_qp_type type;
	unsigned int access;
	uint8_t sl, timeout, retry_cnt, rnr_retry, min_rnr_timer, max_rd_atomic;
	uint8_t lid_offset;	/* added to the LIDs: with an LMC, other paths */
	uint32_t psn;
};

extern const struct wiring plain_wiring;

void open_end(struct end *end, unsigned int device);
struct ibv_qp *new_qp(struct end *end, enum ibv_qp_type type);
void connect_ends(struct end *a, struct end *b, const struct wiring *wiring);

/* How @end is reached: by its LID, or over Ethernet by its GID. */
struct ibv_ah_attr address(const struct end *end, const struct wiring *wiring);

/* Attributes for a transition that leads to working connections; for any mask. */
struct ibv_qp_attr attributes(const struct end *own, const struct end *other, const struct wiring *wiring);

int modify(struct ibv_qp *qp, struct ibv_qp_attr *attr, enum ibv_qp_state state, int mask);
void to_init(struct end *end, const struct wiring *wiring);
void to_rtr(struct end *end, const struct end *other, const struct wiring *wiring);
void to_rts(struct end *end, const struct end *other, const struct wiring *wiring);
enum ibv_qp_state state_of(struct ibv_qp *qp);
struct ibv_qp_attr query(struct ibv_qp *qp);

uint64_t clock_ms(void);
struct ibv_wc completion(struct end *end);	/* the next one; within DEADLINE_MS */
void complete_with(struct end *end, enum ibv_wc_status status);
bool has_completion(struct end *end, int within_ms, struct ibv_wc *ret_wc);
void post_receive(struct end *end, size_t at, uint32_t length);
void post_send(struct end *end, size_t at, uint32_t length);
int post(struct end *end, struct ibv_send_wr *wr);
struct ibv_send_wr request(struct end *end, enum ibv_wr_opcode opcode, struct ibv_sge *sge, size_t at, uint32_t length);

/* The next event, within DEADLINE_MS, which must be this one. It is acknowledged. */
void expect_event(struct end *end, enum ibv_event_type type);

/* Let a message go from one end to the other. */
void exchange(struct end *a, struct end *b);

void transitions(void);
void answers(void);

#endif
