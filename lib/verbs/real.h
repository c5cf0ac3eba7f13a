/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * libibverbs's own functions, or those of what is preloaded behind this library. This file's source alone knows how
 * they are found, and what they return when they fail.
 */
#ifndef HF_LIB_VERBS_REAL_H
#define HF_LIB_VERBS_REAL_H

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stdint.h>

/* As libibverbs has them, for the program's calls. */
struct ibv_context *hf_real_open_device(struct ibv_device *device);
struct ibv_context *hf_real_import_device(int cmd_fd);
int hf_real_close_device(struct ibv_context *context);
struct ibv_qp *hf_real_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr);
int hf_real_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask);
int hf_real_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask, struct ibv_qp_init_attr *init);
int hf_real_destroy_qp(struct ibv_qp *qp);
struct ibv_qp_ex *hf_real_qp_to_qp_ex(struct ibv_qp *qp);
struct ibv_cq *hf_real_create_cq(struct ibv_context *context, int cqe, void *cq_context,
				 struct ibv_comp_channel *channel, int vector);
struct ibv_srq *hf_real_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *attr);
int hf_real_destroy_srq(struct ibv_srq *srq);
int hf_real_resize_cq(struct ibv_cq *cq, int cqe);
int hf_real_destroy_cq(struct ibv_cq *cq);
int hf_real_get_async_event(struct ibv_context *context, struct ibv_async_event *event);
void hf_real_ack_async_event(struct ibv_async_event *event);
void *(*hf_real_dlopen(void))(const char *name, int flags);

/* For the library's own. Return: 0; -errno. */
int hf_verbs_modify(struct ibv_qp *qp, const struct ibv_qp_attr *attr, int mask);
int hf_verbs_query(struct ibv_qp *qp, struct ibv_qp_attr *ret_attr, int mask);
int hf_verbs_port(struct ibv_context *context, uint8_t port_num, struct ibv_port_attr *ret_attr);
int hf_verbs_guid(struct ibv_context *context, uint8_t port_num, uint64_t *ret_guid);	/* host order */
int hf_verbs_pkey(struct ibv_context *context, uint8_t port_num, uint16_t index, uint16_t *ret_pkey);

/*
 * The kernel's software adapter (rdma_rxe) leaves work requests that were posted in SQD where they are until the next
 * one is posted. A post of none, that its library does not let through, gets them going.
 */
bool hf_verbs_needs_kick(const struct ibv_device *device);
int hf_verbs_kick(struct ibv_qp *qp);

#endif
