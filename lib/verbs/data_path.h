/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Stands in front of an adapter's data path: ibv_post_send(), ibv_post_recv() and ibv_poll_cq() are inline functions
 * that go through the device's table of functions, as do those of the extended interfaces. Only where RESET may be
 * used; else the program's data path does not meet this library.
 */
#ifndef HF_LIB_VERBS_DATA_PATH_H
#define HF_LIB_VERBS_DATA_PATH_H

#include <infiniband/verbs.h>

#include "lib/verbs/queue_pair.h"

/* A device was opened. The caller lets in one at a time. */
void hf_data_path_watch(struct hf_verbs *verbs, struct ibv_context *ibv);

/*
 * The first queue is made, and not used yet. Whether there will be records is decided now, and not for programs that only
 * look at the device.
 */
void hf_data_path_decide(struct hf_verbs *verbs, struct ibv_context *ibv);

/* A queue pair was created and added. @ops: enum ibv_qp_create_send_ops_flags of the extended interface; 0: not used */
void hf_data_path_add(struct hf_queue_pair *qp, uint64_t ops);

/* A shared receive queue was created, or destroyed. */
void hf_data_path_add_shared(struct ibv_srq *srq, const struct ibv_srq_attr *attr);
void hf_data_path_remove_shared(struct ibv_srq *srq);

/* The adapter's own functions. */
const struct ibv_context_ops *hf_data_path_ops(struct ibv_context *ibv);

/* ---- send_facade.c ---- */

/* Can all of these be posted as struct ibv_send_wr? */
bool hf_send_facade_has(uint64_t ops);

/* Its functions of the extended interface become ours, which post with the others. */
void hf_send_facade_stand_in_front(struct ibv_qp_ex *ex);

#endif
