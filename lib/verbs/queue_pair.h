/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What libholdfast-verbs knows of the program's devices and of its connected queue pairs, from their creation to their
 * destruction. Queue pairs of other types than RC and UC are not known to it.
 *
 * Locks, in the order in which they are taken:
 *   queue pair  hf_queue_pair.lock: everything of a queue pair that is not marked otherwise. Held by the program's own
 *               calls and by each step of a move; never while waiting for the network or for the program.
 *   registry    the tables of devices and queue pairs, the list of what is to be told to holdfastd. A leaf.
 * The data path takes none of these: hf_queue_pair_of() does not lock. It has locks of its own (work.h), which are
 * taken after a queue pair's and before the registry's.
 *
 * A queue pair is moved by one thread, the session's (session.h). Threads of the program wait for it or end its work
 * (move.h), so whoever comes with the lock to a queue pair finds a move between two steps or none.
 */
#ifndef HF_LIB_VERBS_QUEUE_PAIR_H
#define HF_LIB_VERBS_QUEUE_PAIR_H

#include <infiniband/verbs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/program_wire.h"
#include "lib/verbs/strategy.h"

#define HF_QP_TABLE_BITS	12
#define HF_QPN_UPPER(qpn)	((qpn) >> HF_QP_TABLE_BITS & ((1u << HF_QP_TABLE_BITS) - 1))
#define HF_QPN_LOWER(qpn)	((qpn) & ((1u << HF_QP_TABLE_BITS) - 1))

struct hf_queue_pair;
struct hf_work;

struct hf_qp_table {
	struct hf_queue_pair *_Atomic at[1 << HF_QP_TABLE_BITS];	/* by the lower bits of the queue pair number */
};

/* An open device. Never freed: one that was closed serves the next that is opened. */
struct hf_verbs {
	_Atomic(struct ibv_context *) ibv;	/* NULL: closed */
	struct hf_verbs *_Atomic next;
	char device[HF_PROGRAM_DEVICE_MAX + 1];
	struct ibv_qp *(*create_qp_ex)(struct ibv_context *context, struct ibv_qp_init_attr_ex *attr); /* its own */
	struct ibv_cq_ex *(*create_cq_ex)(struct ibv_context *context, struct ibv_cq_init_attr_ex *attr);
	struct ibv_context_ops ops;		/* its own; data_path.h */
	struct hf_qp_table *_Atomic tables[1 << HF_QP_TABLE_BITS]; /* by the upper bits */
	_Atomic uint32_t refused;		/* 1 << enum hf_program_strategy: what the adapter cannot do */
	bool needs_kick;			/* does not go on by itself after SQD */
	bool is_decided;			/* whether it is recorded; data_path.h */
	bool is_recorded;			/* the data path is; where it is not, nothing can be reset */
	atomic_bool waits_for_events;		/* a thread of the program blocks in ibv_get_async_event() */
};

/* The move of a queue pair, or its part in a move of the other end. */
struct hf_move {
	const struct hf_move_strategy *strategy; /* NULL: none is under way */
	uint32_t id;				/* holdfastd's; 0: the other end's move */
	unsigned int session;			/* that @id is of */
	uint32_t tried;				/* 1 << enum hf_program_strategy */
	struct hf_program_path path;		/* to be used */
	uint64_t wake_ns;			/* when it is to be stepped next */
	uint64_t deadline_ns;			/* the strategy's */
	uint64_t repeat_ns;			/* the strategy's */
	uint64_t paused_since_ns;		/* 0: the queue pair can send */
	uint64_t paused_ns;
	int step;				/* the strategy's */
	int result;				/* the strategy's */
	bool is_in_sqd;				/* strategy sqd brought the adapter there, and not back yet */
	bool is_stuck;				/* there, and nobody knows for how long: holdfastd has its answer */
	uint32_t lost, replayed;		/* work requests */
};

struct hf_queue_pair {
	/* Constant. */
	struct hf_verbs *verbs;
	uint32_t qpn;
	uint32_t number;			/* no other queue pair of the process has it, or had it */
	struct ibv_qp_init_attr init;		/* as the program gave it, with the capabilities that it got */

	pthread_mutex_t lock;
	pthread_cond_t idle;			/* the move has ended */
	struct ibv_qp *ibv;			/* NULL: destroyed, or about to be */
	enum ibv_qp_state state;		/* that the program brought it to */
	uint64_t rtr_ns;			/* when it came to RTR */
	struct ibv_qp_attr attr;		/* what it gave on the way, and what a move changed since */
	int given;				/* enum ibv_qp_attr_mask: which of them */
	bool uses_migration;			/* the program loads alternate paths or arms them itself */
	bool uses_sqd;				/* the program has been to SQD itself */
	bool hides_drained;			/* the next SQ_DRAINED is of a move */
	bool hides_migrated;			/* every PATH_MIG is of a move */
	bool is_alternate_ours;			/* attr.alt_* were loaded by a move */
	struct hf_move move;
	unsigned int waiting;			/* threads of the program that wait for the end of a move */
	struct hf_program_move order;		/* that waits for them, or for the other end's move; move_id 0: none */
	unsigned int order_session;		/* that it is of */
	bool is_changed;			/* holdfastd is to be told what it uses now */
	struct hf_program_moved answer;		/* to be told; move_id 0: none */
	unsigned int answer_session;		/* to which it is an answer */
	struct hf_program_done passive;		/* what the other end's moves took, to be told; strategy none: no */
	int last_error;				/* that was logged */
	struct hf_work *work;			/* the record of its work requests; NULL: there is none, work.h */
	unsigned int hides_last_wqe;		/* that many LAST_WQE_REACHED are of moves */
	bool hides_established;			/* COMM_EST is of a move: the program has connected it */

	/* The registry's. */
	unsigned int references;
	bool is_listed;				/* is among those to be told */
	struct hf_queue_pair *tell_prev, *tell_next;

	/* The session thread's. */
	bool is_told;				/* holdfastd has it */
	bool is_moving;				/* is among those to be stepped */
	uint64_t settles_ns;			/* when one in RTR is told if it is not in RTS by then; 0: never */
	struct hf_queue_pair *moving_prev, *moving_next;
};

/* ---- registry.c ---- */

/* Only for those that are inline here. */
extern struct hf_verbs *_Atomic hf_devices;

/* NULL: not known. */
static inline struct hf_verbs *hf_verbs_find(const struct ibv_context *ibv)
{
	struct hf_verbs *verbs = atomic_load_explicit(&hf_devices, memory_order_acquire);

	while (verbs && atomic_load_explicit(&verbs->ibv, memory_order_acquire) != ibv)
		verbs = atomic_load_explicit(&verbs->next, memory_order_acquire);
	return verbs;
}

static inline struct hf_queue_pair *hf_verbs_queue_pair(const struct hf_verbs *verbs, uint32_t qpn)
{
	struct hf_qp_table *table = atomic_load_explicit(&verbs->tables[HF_QPN_UPPER(qpn)], memory_order_acquire);

	return table ? atomic_load_explicit(&table->at[HF_QPN_LOWER(qpn)], memory_order_acquire) : NULL;
}

/**
 * hf_verbs_get() - what is known of a device
 * @ibv: open
 *
 * Makes it known where it is not. Return: the device; NULL: no memory.
 */
struct hf_verbs *hf_verbs_get(struct ibv_context *ibv);

/* Any queue pair that is left on it, with a reference; NULL: none. */
struct hf_queue_pair *hf_verbs_first_queue_pair(struct hf_verbs *verbs);

/* Forgets a device that has none left, before it is closed. */
void hf_verbs_forget(struct hf_verbs *verbs);

/**
 * hf_queue_pair_add() - a queue pair was created
 * @ibv:  RC or UC
 * @init: as the program got it back
 *
 * If there is no memory it stays unknown, and is never moved.
 */
void hf_queue_pair_add(struct ibv_qp *ibv, const struct ibv_qp_init_attr *init);

/**
 * hf_queue_pair_of() - what is known of a queue pair of the program
 * @ibv: not destroyed before the caller is done
 *
 * Context: any thread, also the data path; takes no lock. Cost: two loads where one device is open.
 * Return: it, without a reference of its own; NULL: not known.
 */
static inline struct hf_queue_pair *hf_queue_pair_of(const struct ibv_qp *ibv)
{
	struct hf_verbs *verbs = hf_verbs_find(ibv->context);

	return verbs ? hf_verbs_queue_pair(verbs, ibv->qp_num) : NULL;
}

/*
 * As holdfastd names it. What it says of one that is gone is not taken for another one, of the same QPN. Return: with a
 * reference; NULL: there is none.
 */
struct hf_queue_pair *hf_queue_pair_find(uint32_t number, uint32_t qpn);

/* Takes it out of the tables, where it may have been replaced already: after it was destroyed. */
void hf_queue_pair_remove(struct hf_queue_pair *qp);

void hf_queue_pair_ref(struct hf_queue_pair *qp);
void hf_queue_pair_unref(struct hf_queue_pair *qp);	/* NULL is allowed */

/*
 * Something about it is to be told to holdfastd: an answer, or that it came, changed or went. The session thread takes
 * them in this order, so what was said of a queue pair that is gone is said before another one gets its number.
 */
void hf_queue_pair_tell(struct hf_queue_pair *qp);
struct hf_queue_pair *hf_queue_pair_next_to_tell(void);	/* with a reference; NULL: nothing */

/* Lists all that can send, and takes none for told: a new session begins. On the session thread. */
void hf_queue_pair_tell_all(void);

/* fork(): nobody holds the registry meanwhile; the child knows the devices, and no queue pair. */
void hf_registry_fork_prepare(void);
void hf_registry_fork_parent(void);
void hf_registry_fork_child(void);

/* ---- queue_pair.c ---- */

/* Notes what a call of the program's, that succeeded, has changed. */
void hf_queue_pair_note_locked(struct hf_queue_pair *qp, const struct ibv_qp_attr *attr, int mask);

/* The program brought it to where it can be moved: what holdfastd is told of. */
bool hf_queue_pair_is_connected_locked(const struct hf_queue_pair *qp);

/* What is true of a port. */
struct hf_port_facts {
	bool is_ethernet;
	uint16_t lid;
	uint8_t lmc;
};

/* Return: 0; -errno. */
int hf_queue_pair_port_locked(const struct hf_queue_pair *qp, uint8_t port_num, struct hf_port_facts *ret_port);

/* What its address vector holds, in holdfastd's terms. Return: 0; -errno. */
int hf_queue_pair_path_locked(const struct hf_queue_pair *qp, struct hf_program_path *ret_path);

/**
 * hf_queue_pair_route_locked() - the attributes that put a queue pair on a path
 * @qp:       its own attributes are what the rest comes from
 * @path:     what to use
 * @ret_attr: ah_attr, pkey_index, port_num, timeout and path_mtu are set, nothing else
 * @ret_mask: what differs of IBV_QP_AV, IBV_QP_PKEY_INDEX and IBV_QP_PATH_MTU (only a smaller one counts)
 *
 * On a port whose link layer is Ethernet, the service level becomes the upper three bits of the traffic class and
 * nothing else changes.
 *
 * Return: 0; -ENETUNREACH where there is no such path; -ESTALE where it leads to another GID; -ENOENT where the port
 * does not have its P_Key; -errno.
 */
int hf_queue_pair_route_locked(const struct hf_queue_pair *qp, const struct hf_program_path *path,
			       struct ibv_qp_attr *ret_attr, int *ret_mask);

#endif
