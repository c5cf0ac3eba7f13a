/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What libibverbs's functions do for a simulated device; interpose.c calls them under their own names, and libibverbs's
 * for a real device. Each is that function, as its manual page says.
 */
#ifndef HF_SIM_VERBS_EXPORTS_H
#define HF_SIM_VERBS_EXPORTS_H

#include "sim/verbs/adapter.h"

struct ibv_device **hf_device_list(int *ret_count);
bool hf_device_is_ours(const struct ibv_device *device);

struct ibv_context *hf_ibv_open_device(struct ibv_device *device);
int hf_ibv_close_device(struct ibv_context *context);
int hf_ibv_query_device(struct ibv_context *context, struct ibv_device_attr *attr);
int hf_query_device_ex(struct ibv_context *context, const struct ibv_query_device_ex_input *input,
		       struct ibv_device_attr_ex *attr, size_t attr_size);
int hf_query_port(struct ibv_context *context, uint8_t port, struct ibv_port_attr *attr, size_t attr_size);
int hf_ibv_query_gid(struct ibv_context *context, uint8_t port, int index, union ibv_gid *gid);
int hf_ibv_query_gid_ex(struct ibv_context *context, uint32_t port, uint32_t index, struct ibv_gid_entry *entry,
			uint32_t flags, size_t entry_size);
ssize_t hf_ibv_query_gid_table(struct ibv_context *context, struct ibv_gid_entry *entries, size_t max_entries,
			       uint32_t flags, size_t entry_size);
int hf_ibv_query_pkey(struct ibv_context *context, uint8_t port, int index, __be16 *pkey);
int hf_ibv_get_pkey_index(struct ibv_context *context, uint8_t port, __be16 pkey);

struct ibv_pd *hf_ibv_alloc_pd(struct ibv_context *context);
int hf_ibv_dealloc_pd(struct ibv_pd *pd);
struct ibv_mr *hf_ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova, unsigned int access);
int hf_ibv_dereg_mr(struct ibv_mr *mr);
int hf_ibv_rereg_mr(struct ibv_mr *mr, int flags, struct ibv_pd *pd, void *addr, size_t length, int access);
struct ibv_mw *hf_alloc_mw(struct ibv_pd *pd, enum ibv_mw_type type);
int hf_dealloc_mw(struct ibv_mw *mw);
int hf_bind_mw(struct ibv_qp *qp, struct ibv_mw *mw, struct ibv_mw_bind *bind);

struct ibv_comp_channel *hf_ibv_create_comp_channel(struct ibv_context *context);
int hf_ibv_destroy_comp_channel(struct ibv_comp_channel *channel);
struct ibv_cq *hf_ibv_create_cq(struct ibv_context *context, int cqe, void *cq_context,
				struct ibv_comp_channel *channel, int comp_vector);
struct ibv_cq_ex *hf_create_cq_ex(struct ibv_context *context, struct ibv_cq_init_attr_ex *attr);
int hf_ibv_resize_cq(struct ibv_cq *cq, int cqe);
int hf_ibv_destroy_cq(struct ibv_cq *cq);
int hf_poll_cq(struct ibv_cq *cq, int count, struct ibv_wc *wc);
int hf_req_notify_cq(struct ibv_cq *cq, int solicited_only);
int hf_ibv_get_cq_event(struct ibv_comp_channel *channel, struct ibv_cq **cq, void **cq_context);
void hf_ibv_ack_cq_events(struct ibv_cq *cq, unsigned int count);
int hf_ibv_get_async_event(struct ibv_context *context, struct ibv_async_event *event);
void hf_ibv_ack_async_event(struct ibv_async_event *event);

struct ibv_srq *hf_ibv_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *attr);
struct ibv_srq *hf_create_srq_ex(struct ibv_context *context, struct ibv_srq_init_attr_ex *attr);
int hf_ibv_modify_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr, int mask);
int hf_ibv_query_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr);
int hf_ibv_destroy_srq(struct ibv_srq *srq);
int hf_post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr);

struct ibv_qp *hf_ibv_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr);
struct ibv_qp *hf_create_qp_ex(struct ibv_context *context, struct ibv_qp_init_attr_ex *attr);
struct ibv_qp_ex *hf_ibv_qp_to_qp_ex(struct ibv_qp *qp);
int hf_ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask);
int hf_ibv_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask, struct ibv_qp_init_attr *init_attr);
int hf_ibv_destroy_qp(struct ibv_qp *qp);

struct ibv_ah *hf_ibv_create_ah(struct ibv_pd *pd, struct ibv_ah_attr *attr);
int hf_ibv_init_ah_from_wc(struct ibv_context *context, uint8_t port, struct ibv_wc *wc, struct ibv_grh *grh,
			   struct ibv_ah_attr *attr);
int hf_ibv_destroy_ah(struct ibv_ah *ah);
int hf_ibv_attach_mcast(struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid);
int hf_ibv_detach_mcast(struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid);

#endif
