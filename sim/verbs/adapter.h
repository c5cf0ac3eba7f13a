/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The simulated adapter: its objects, and what its parts want of each other. Each context that a program opens is an
 * adapter of its own, with one lock for all its objects; whoever holds it makes progress for all of them: the threads
 * that post and poll, and the context's own thread where they do not.
 *
 *   device.c      what there is: devices, their ports, what they can do
 *   context.c     opening and closing, the thread
 *   memory.c      regions, windows, keys
 *   completion.c  completion queues and channels, asynchronous events
 *   receive.c     receive queues, shared or not
 *   queue_pair.c  queue pairs and their states
 *   post.c        work requests
 *   requester.c   the sending half of the transport
 *   responder.c   the receiving half
 *   wire.c        packets on their way through the fabric
 *
 * Functions that end in _locked, and all static ones but those that libibverbs's interface calls, want the lock held.
 */
#ifndef HF_SIM_VERBS_ADAPTER_H
#define HF_SIM_VERBS_ADAPTER_H

#include <infiniband/verbs.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/fabric_map.h"
#include "sim/verbs/endpoint.h"
#include "sim/verbs/event_queue.h"

#define HF_MAX_QPS		(1u << HF_QPN_INDEX_BITS)
#define HF_MAX_QP_WR		16384
#define HF_MAX_SGE		32
#define HF_MAX_INLINE		1024
#define HF_MAX_CQE		(1 << 22)
#define HF_MAX_SRQ_WR		32768
#define HF_MAX_RD_ATOMIC	128
#define HF_MAX_KEYS		65536u
#define HF_MAX_MESSAGE		(UINT32_C(1) << 31)
#define HF_SEND_OPS		(IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM | IBV_QP_EX_WITH_SEND | \
				 IBV_QP_EX_WITH_SEND_WITH_IMM | IBV_QP_EX_WITH_RDMA_READ | \
				 IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP | IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD | \
				 IBV_QP_EX_WITH_LOCAL_INV | IBV_QP_EX_WITH_BIND_MW | IBV_QP_EX_WITH_SEND_WITH_INV)
#define HF_NEVER		UINT64_MAX

struct hf_batch;
struct hf_context;
struct hf_qp;

/* What kind of adapter is simulated, see hfsim-verbs(7). */
struct hf_model {
	const char *name;
	uint32_t vendor_id;
	uint32_t part_id;
	const char *firmware;
	bool has_sqd;		/* RTS to SQD */
	bool has_apm;
	bool leaves_sqd_drained; /* back to RTS only when it is drained */
};

const struct hf_model *hf_model(void);

/* ------------------------------------------------------------------------------ devices ---- */

struct hf_device {
	struct ibv_device ibv;
	char node[65];		/* its name in the fabric map */
	uint64_t guid;		/* host order */
};

/* What the program has been told of a port. */
struct hf_port_seen {
	unsigned int state;
	uint16_t lid, sm_lid;
	uint32_t pkeys, gids;	/* checksums of the tables */
};

/* An open device. */
struct hf_context {
	pthread_mutex_t lock;
	struct hf_map fabric;
	struct hf_map_node node;
	struct hf_endpoint endpoint;

	pthread_t thread, watcher;
	atomic_bool is_stopping;
	bool is_signalled;		/* a completion queue is armed: its program is about to sleep */
	unsigned int polls;		/* counts up with each look for completions */
	unsigned int empty_polls;	/* in a row */
	uint64_t wakes_ns;		/* when the thread wakes; 0: it is awake */

	struct hf_qp **qps;		/* by index, HF_MAX_QPS */
	unsigned int next_qp;
	struct hf_qp *work;		/* those with something to send */
	struct hf_qp *waiting;		/* those whose ring is full */
	struct hf_qp *timed;		/* those with a timer */
	struct hf_qp *multicast;	/* those attached to a group */

	struct hf_key **keys;		/* by index, HF_MAX_KEYS */
	unsigned int next_key;

	struct hf_event_queue events;
	struct hf_port_seen *ports;	/* the watcher's, by number */

	struct verbs_context verbs;	/* last, as libibverbs's inline functions want it */
};

static inline struct hf_context *hf_context_of(const struct ibv_context *context)
{
	return (struct hf_context *)((char *)context - offsetof(struct hf_context, verbs.context));
}

/* Is it one of ours, not one of a real device? */
bool hf_is_ours(const struct ibv_context *context);

int hf_context_port(const struct hf_context *context, unsigned int number, struct hf_map_port *ret_port);
void hf_context_lock(struct hf_context *context);
void hf_context_unlock(struct hf_context *context);

uint64_t hf_clock_ns(void);

/* All that can be done now without waiting: what has come in, what is to be sent, timers. */
void hf_progress_locked(struct hf_context *context);

/* See to it that the context's thread looks at the timers at @deadline_ns. */
void hf_context_wake_by_locked(struct hf_context *context, uint64_t deadline_ns);

/* ------------------------------------------------------------------------------- memory ---- */

enum hf_key_kind { HF_KEY_REGION, HF_KEY_WINDOW };

/* What an L_Key or R_Key stands for; of a window that is not bound, @length is 0 and @access too. */
struct hf_key {
	enum hf_key_kind kind;
	uint32_t key;
	struct ibv_pd *pd;
	uint64_t start;		/* as remote ends and work requests call it */
	uint64_t length;
	uint8_t *memory;	/* at @start */
	unsigned int access;
	unsigned int windows;	/* bound to this region */
	struct hf_key *region;	/* of a bound window */
	struct hf_qp *qp;	/* of a bound window of type 2 */
};

struct hf_mr {
	struct ibv_mr ibv;
	struct hf_key key;
};

struct hf_mw {
	struct ibv_mw ibv;
	struct hf_key key;
};

struct hf_pd {
	struct ibv_pd ibv;
	unsigned int users;
};

/* The memory that a key gives access to; NULL where it does not. */
uint8_t *hf_key_reach_locked(struct hf_context *context, uint32_t key, const struct hf_qp *qp,
			     const struct ibv_pd *pd, uint64_t address, uint64_t length, unsigned int access);

/* The same for the other end of a connection: an R_Key. */
uint8_t *hf_key_reach_remote_locked(struct hf_qp *qp, uint32_t rkey, uint64_t address, uint64_t length,
				    unsigned int access);

/* 0, or the status of the completion. */
enum ibv_wc_status hf_mw_bind_locked(struct hf_qp *qp, struct ibv_mw *mw, uint32_t rkey,
				     const struct ibv_mw_bind_info *info);
enum ibv_wc_status hf_key_invalidate_locked(struct hf_qp *qp, uint32_t rkey);
void hf_mw_forget_qp_locked(struct hf_qp *qp);

/* -------------------------------------------------------------------------- completions ---- */

struct hf_cq {
	union {
		struct ibv_cq ibv;
		struct ibv_cq_ex ex;
	};
	struct ibv_wc *entries;
	uint32_t size;
	uint64_t added, taken;
	enum { HF_CQ_UNARMED, HF_CQ_ARMED_SOLICITED, HF_CQ_ARMED } armed;
	bool has_overrun;
	unsigned int users;
	uint32_t comp_events, async_events;	/* that the program has got, and acknowledges */
	struct ibv_wc current;			/* of the extended interface */
};

struct hf_channel {
	struct ibv_comp_channel ibv;
	struct hf_event_queue events;
};

/* May put the queue and its queue pairs into error where it is full. */
void hf_cq_add_locked(struct ibv_cq *cq, const struct ibv_wc *wc, bool is_solicited);
void hf_cq_purge_locked(struct ibv_cq *cq, const struct hf_qp *qp);

/* Events that the program has not got are taken back. */
void hf_event_forget_locked(struct hf_context *context, const void *object);
void hf_event_qp_locked(struct hf_qp *qp, enum ibv_event_type type);
void hf_event_cq_locked(struct hf_cq *cq, enum ibv_event_type type);
void hf_event_srq_locked(struct ibv_srq *srq, enum ibv_event_type type);
void hf_event_port_locked(struct hf_context *context, unsigned int port, enum ibv_event_type type);

/* ----------------------------------------------------------------------------- receives ---- */

struct hf_receive {
	uint64_t wr_id;
	int sge_count;
	struct ibv_sge sges[HF_MAX_SGE];
};

struct hf_receive_queue {
	uint32_t max_wr, max_sge;
	uint64_t posted, taken;
	struct hf_receive *entries;
};

struct hf_srq {
	struct ibv_srq ibv;
	struct hf_receive_queue queue;
	uint32_t limit;
	unsigned int users;
	uint32_t async_events;
};

int hf_receive_queue_init(struct hf_receive_queue *queue, uint32_t max_wr, uint32_t max_sge);
void hf_receive_queue_fini(struct hf_receive_queue *queue);
int hf_receive_post_locked(struct hf_receive_queue *queue, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr);

/* The next receive of a queue pair, from its own or its shared queue; false where there is none. */
bool hf_receive_take_locked(struct hf_qp *qp, struct hf_receive *ret_receive);

/* -------------------------------------------------------------------------- queue pairs ---- */

/* Primary and alternate path of a connection. */
struct hf_qp_path {
	struct ibv_ah_attr ah;
	uint16_t pkey_index;
	uint8_t port;
	uint8_t timeout;
};

struct hf_ah {
	struct ibv_ah ibv;
	struct ibv_ah_attr attr;
};

struct hf_request {
	uint64_t wr_id;
	enum ibv_wr_opcode opcode;
	unsigned int flags;
	uint32_t immediate;	/* or the key to invalidate, as it was given */
	uint64_t remote_address;
	uint32_t rkey;
	uint64_t compare_add, swap;
	struct ibv_ah_attr ah;
	uint32_t remote_qpn, remote_qkey;
	struct ibv_mw *mw;
	struct ibv_mw_bind_info bind;
	uint64_t length;
	bool is_inline;
	int sge_count;
	struct ibv_sge *sges;
	uint8_t *inline_data;

	bool has_psn;
	uint32_t psn, packets;
	uint64_t sent;		/* bytes of the message; of a read 1 once it is asked for */
	uint64_t received;	/* bytes of a read's answer */
	bool is_out;		/* a read or atomic that counts among those outstanding */
	bool is_answered;
};

/* A read or atomic to be answered, or answered already and kept in case it is asked again. */
struct hf_reply {
	bool is_atomic;
	uint32_t psn, packets;
	uint64_t address;
	uint64_t length;
	uint64_t sent;
	uint32_t rkey;
	uint64_t result;
};

struct hf_group {
	struct hf_group *next;
	union ibv_gid gid;
	uint16_t lid;
};

struct hf_qp {
	union {
		struct ibv_qp ibv;
		struct ibv_qp_ex ex;
	};
	bool is_ex;
	bool signals_all;
	struct ibv_qp_cap cap;
	uint32_t async_events;

	enum ibv_qp_state state;
	struct hf_qp_path path, alternate;
	bool has_alternate;
	enum ibv_mig_state migration;
	struct ibv_qp_attr attr;	/* what is not above or below */
	uint32_t mtu;			/* bytes */

	/* requester */
	struct hf_request *requests;
	struct ibv_sge *request_sges;
	uint8_t *request_inline;
	uint64_t posted, next, done;	/* requests posted, begun to be sent wholly, completed */
	uint32_t next_psn;
	unsigned int reads_out;
	unsigned int retries_left, rnr_retries_left;
	bool is_lost;			/* something up to @lost_psn will not be acknowledged */
	uint32_t lost_psn;
	uint64_t progress_ns;		/* when something was acknowledged last, or the first of all sent */
	uint64_t deadline_ns;		/* HF_NEVER: no timer runs */
	uint64_t rnr_until_ns;
	bool wants_drained_event;
	bool is_drained;		/* in SQD */

	/* responder */
	struct hf_receive_queue receives;
	uint32_t expected_psn;
	bool has_receive;
	struct hf_receive receive;	/* that a message is going into */
	uint64_t receive_at;
	uint64_t message_at;		/* bytes of the message that have come */
	bool is_in_message;
	bool is_nak_sent;
	bool is_ack_due;
	bool is_nak_due;
	enum hf_nak nak_due;
	bool is_established;
	struct hf_reply replies[HF_MAX_RD_ATOMIC];
	uint64_t replies_added, replies_done;
	uint64_t dup_reply;		/* reply that is given again, + 1; 0: none */

	struct hf_group *groups;
	struct hf_batch *batch;		/* the extended interface's */

	bool is_working, is_waiting, is_timed;
	uint32_t waits_for;		/* endpoint */
	struct hf_qp *work_prev, *work_next;
	struct hf_qp *waiting_prev, *waiting_next;
	struct hf_qp *timed_prev, *timed_next;
	struct hf_qp *multicast_prev, *multicast_next;
};

static inline struct hf_qp *hf_qp_of(struct ibv_qp *qp)
{
	return (struct hf_qp *)qp;
}

static inline struct hf_context *hf_qp_context(const struct hf_qp *qp)
{
	return hf_context_of(qp->ibv.context);
}

struct hf_qp *hf_qp_find_locked(struct hf_context *context, uint32_t qpn);

/* There may be something for the queue pair to send. */
void hf_qp_work_locked(struct hf_qp *qp);
void hf_qp_set_timer_locked(struct hf_qp *qp, uint64_t deadline_ns);

/* To the error state: everything posted is flushed. */
void hf_qp_error_locked(struct hf_qp *qp);
void hf_qp_migrate_locked(struct hf_qp *qp);

/* ---------------------------------------------------------------------------- transport ---- */

int hf_post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad_wr);
int hf_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr);

/* false where memory is short */
bool hf_post_init_ex(struct hf_qp *qp);
void hf_post_fini_ex(struct hf_qp *qp);

void hf_requester_run_locked(struct hf_qp *qp);
void hf_requester_timer_locked(struct hf_qp *qp, uint64_t now_ns);
void hf_requester_answer_locked(struct hf_qp *qp, const struct hf_packet *packet, const uint8_t *payload);
void hf_requester_flush_locked(struct hf_qp *qp);
void hf_requester_reset_locked(struct hf_qp *qp);

void hf_responder_run_locked(struct hf_qp *qp);
void hf_responder_request_locked(struct hf_qp *qp, const struct hf_packet *packet, const uint8_t *payload);
void hf_responder_flush_locked(struct hf_qp *qp);
void hf_responder_reset_locked(struct hf_qp *qp);

/* How a packet leaves. */
enum hf_sent { HF_SENT, HF_NO_ROOM, HF_LOST };

/**
 * hf_wire_send_locked() - a packet through the fabric
 * @qp:      sends it; waits for room where there is none
 * @path:    its way
 * @packet:  what is not on the way; its length says how many bytes @fill puts in
 * @fill:    puts the payload where it goes, and says whether it could; NULL where there is none
 * @context: for @fill
 *
 * Return: HF_SENT, HF_NO_ROOM or HF_LOST; negative where @fill failed.
 */
int hf_wire_send_locked(struct hf_qp *qp, const struct hf_qp_path *path, const struct hf_packet *packet,
			int (*fill)(void *context, uint8_t *payload, uint32_t length), void *context);

/* To every endpoint that a multicast packet reaches. */
int hf_wire_flood_locked(struct hf_qp *qp, const struct hf_qp_path *path, const struct hf_packet *packet,
			 int (*fill)(void *context, uint8_t *payload, uint32_t length), void *context);

/* Tell the queue pair at the other end of a connection that it waits in vain. */
void hf_wire_tell_lost_locked(struct hf_context *context, const struct hf_packet *packet);

/* What has come in. Return: whether there was anything. */
bool hf_wire_receive_locked(struct hf_context *context);

/* The P_Key at an index of a port's table, 0 where there is none. */
uint16_t hf_wire_pkey(const struct hf_context *context, unsigned int port, unsigned int index);

#endif
