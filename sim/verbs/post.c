/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Work requests as programs post them, one by one or with the extended interface, which collects plain ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/verbs/exports.h"

#define ATOMIC_SIZE 8

/* --------------------------------------------------------------------------------- sending ---- */

/* Which opcodes a queue pair of a type knows. */
static bool knows_opcode(enum ibv_qp_type type, enum ibv_wr_opcode opcode)
{
	switch (opcode) {
	case IBV_WR_SEND:
	case IBV_WR_SEND_WITH_IMM:
		return true;
	case IBV_WR_RDMA_WRITE:
	case IBV_WR_RDMA_WRITE_WITH_IMM:
	case IBV_WR_SEND_WITH_INV:
	case IBV_WR_BIND_MW:
	case IBV_WR_LOCAL_INV:
		return type == IBV_QPT_RC || type == IBV_QPT_UC;
	case IBV_WR_RDMA_READ:
	case IBV_WR_ATOMIC_CMP_AND_SWP:
	case IBV_WR_ATOMIC_FETCH_AND_ADD:
		return type == IBV_QPT_RC;
	case IBV_WR_TSO:
	case IBV_WR_DRIVER1:
	case IBV_WR_ATOMIC_WRITE:
		break;
	}
	return false;
}

static bool is_atomic(enum ibv_wr_opcode opcode)
{
	return opcode == IBV_WR_ATOMIC_CMP_AND_SWP || opcode == IBV_WR_ATOMIC_FETCH_AND_ADD;
}

static uint64_t total_length(const struct ibv_send_wr *wr)
{
	uint64_t length = 0;

	for (int i = 0; i < wr->num_sge; i++)
		length += wr->sg_list[i].length;
	return length;
}

static int check_request(const struct hf_qp *qp, const struct ibv_send_wr *wr, uint64_t length)
{
	bool is_inline = wr->send_flags & IBV_SEND_INLINE;

	if (!knows_opcode(qp->ibv.qp_type, wr->opcode))
		return EINVAL;
	if (is_inline && (length > qp->cap.max_inline_data || wr->opcode == IBV_WR_RDMA_READ || is_atomic(wr->opcode)))
		return EINVAL;
	if (length > HF_MAX_MESSAGE || (is_atomic(wr->opcode) && length != ATOMIC_SIZE))
		return EINVAL;
	if (qp->ibv.qp_type == IBV_QPT_UD && (!wr->wr.ud.ah || length > qp->mtu))
		return EINVAL;
	return 0;
}

static void copy_inline(struct hf_request *request, const struct ibv_send_wr *wr)
{
	uint8_t *to = request->inline_data;

	for (int i = 0; i < wr->num_sge; i++) {
		memcpy(to, (const void *)(uintptr_t)wr->sg_list[i].addr, wr->sg_list[i].length);
		to += wr->sg_list[i].length;
	}
}

static void fill_request(struct hf_qp *qp, struct hf_request *request, const struct ibv_send_wr *wr, uint64_t length)
{
	struct ibv_sge *sges = request->sges;
	uint8_t *inline_data = request->inline_data;

	*request = (struct hf_request){
		.wr_id = wr->wr_id,
		.opcode = wr->opcode,
		.flags = wr->send_flags,
		.immediate = wr->imm_data,
		.length = length,
		.is_inline = wr->send_flags & IBV_SEND_INLINE,
		.sge_count = wr->num_sge,
		.sges = sges,
		.inline_data = inline_data,
	};
	if (request->is_inline)
		copy_inline(request, wr);
	else if (wr->num_sge)
		memcpy(sges, wr->sg_list, wr->num_sge * sizeof(*sges));
	if (qp->ibv.qp_type == IBV_QPT_UD) {
		request->ah = ((struct hf_ah *)wr->wr.ud.ah)->attr;
		request->remote_qpn = wr->wr.ud.remote_qpn & HF_QPN_MASK;
		request->remote_qkey = wr->wr.ud.remote_qkey;
	} else if (wr->opcode == IBV_WR_BIND_MW) {
		request->mw = wr->bind_mw.mw;
		request->rkey = wr->bind_mw.rkey;
		request->bind = wr->bind_mw.bind_info;
	} else if (is_atomic(wr->opcode)) {
		request->remote_address = wr->wr.atomic.remote_addr;
		request->rkey = wr->wr.atomic.rkey;
		request->compare_add = wr->wr.atomic.compare_add;
		request->swap = wr->wr.atomic.swap;
	} else {
		request->remote_address = wr->wr.rdma.remote_addr;
		request->rkey = wr->wr.rdma.rkey;
	}
}

static int post_one(struct hf_qp *qp, const struct ibv_send_wr *wr)
{
	uint64_t length;
	int err;

	if (qp->state < IBV_QPS_RTS)
		return EINVAL;
	if (qp->posted - qp->done >= qp->cap.max_send_wr)
		return ENOMEM;
	if (wr->num_sge < 0 || (uint32_t)wr->num_sge > qp->cap.max_send_sge)
		return EINVAL;
	length = wr->opcode == IBV_WR_BIND_MW || wr->opcode == IBV_WR_LOCAL_INV ? 0 : total_length(wr);
	err = check_request(qp, wr, length);
	if (err)
		return err;
	fill_request(qp, &qp->requests[qp->posted % qp->cap.max_send_wr], wr, length);
	qp->posted++;
	return 0;
}

static int post_all(struct hf_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad_wr)
{
	int err = 0;

	for (; wr && !err; wr = err ? wr : wr->next)
		err = post_one(qp, wr);
	if (err)
		*bad_wr = wr;
	if (qp->state == IBV_QPS_ERR || qp->state == IBV_QPS_SQE)
		hf_requester_flush_locked(qp);
	else
		hf_requester_run_locked(qp);
	return err;
}

int hf_post_send(struct ibv_qp *ibv, struct ibv_send_wr *wr, struct ibv_send_wr **bad_wr)
{
	struct hf_context *context = hf_context_of(ibv->context);
	int err;

	hf_context_lock(context);
	err = post_all(hf_qp_of(ibv), wr, bad_wr);
	hf_context_unlock(context);
	return err;
}

/* ------------------------------------------------------------------------------- receiving ---- */

int hf_post_recv(struct ibv_qp *ibv, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_qp *qp = hf_qp_of(ibv);
	int err = EINVAL;

	*bad_wr = wr;
	hf_context_lock(context);
	if (!ibv->srq && qp->state != IBV_QPS_RESET)
		err = hf_receive_post_locked(&qp->receives, wr, bad_wr);
	if (qp->state == IBV_QPS_ERR)
		hf_responder_flush_locked(qp);
	hf_context_unlock(context);
	return err;
}

/* ------------------------------------------------------------------- the extended interface ---- */

/* The lock is held from start to complete or abort. Requests are collected and posted together. */
struct batch_entry {
	struct ibv_send_wr wr;
	struct ibv_sge sges[HF_MAX_SGE];
	uint8_t inline_data[HF_MAX_INLINE];
};

struct hf_batch {
	unsigned int count, size;
	int error;
	struct batch_entry *entries;
};

static struct hf_qp *of_ex(struct ibv_qp_ex *ex)
{
	return (struct hf_qp *)ex;
}

static void wr_start(struct ibv_qp_ex *ex)
{
	struct hf_qp *qp = of_ex(ex);

	hf_context_lock(hf_qp_context(qp));
	qp->batch->count = 0;
	qp->batch->error = 0;
}

static struct batch_entry *current(struct hf_qp *qp)
{
	return qp->batch->count ? &qp->batch->entries[qp->batch->count - 1] : NULL;
}

/* A new request of the batch; one that has no place is an error that wr_complete() tells of. */
static struct ibv_send_wr *add_wr(struct ibv_qp_ex *ex, enum ibv_wr_opcode opcode)
{
	static struct ibv_send_wr nowhere;
	struct hf_qp *qp = of_ex(ex);
	struct hf_batch *batch = qp->batch;
	struct batch_entry *entry;

	if (batch->count == batch->size) {
		unsigned int size = batch->size ? batch->size * 2 : 16;
		struct batch_entry *entries = realloc(batch->entries, size * sizeof(*entries));

		if (!entries) {
			batch->error = ENOMEM;
			return &nowhere;
		}
		batch->entries = entries;
		batch->size = size;
	}
	entry = &batch->entries[batch->count++];
	entry->wr = (struct ibv_send_wr){ .wr_id = ex->wr_id, .send_flags = ex->wr_flags, .opcode = opcode };
	return &entry->wr;
}

static void wr_send(struct ibv_qp_ex *ex)
{
	add_wr(ex, IBV_WR_SEND);
}

static void wr_send_imm(struct ibv_qp_ex *ex, __be32 immediate)
{
	add_wr(ex, IBV_WR_SEND_WITH_IMM)->imm_data = immediate;
}

static void wr_send_inv(struct ibv_qp_ex *ex, uint32_t rkey)
{
	add_wr(ex, IBV_WR_SEND_WITH_INV)->invalidate_rkey = rkey;
}

static void add_rdma(struct ibv_qp_ex *ex, enum ibv_wr_opcode opcode, uint32_t rkey, uint64_t address, __be32 immediate)
{
	struct ibv_send_wr *wr = add_wr(ex, opcode);

	wr->imm_data = immediate;
	wr->wr.rdma.rkey = rkey;
	wr->wr.rdma.remote_addr = address;
}

static void wr_rdma_write(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t address)
{
	add_rdma(ex, IBV_WR_RDMA_WRITE, rkey, address, 0);
}

static void wr_rdma_write_imm(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t address, __be32 immediate)
{
	add_rdma(ex, IBV_WR_RDMA_WRITE_WITH_IMM, rkey, address, immediate);
}

static void wr_rdma_read(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t address)
{
	add_rdma(ex, IBV_WR_RDMA_READ, rkey, address, 0);
}

static void add_atomic(struct ibv_qp_ex *ex, enum ibv_wr_opcode opcode, uint32_t rkey, uint64_t address,
		       uint64_t compare_add, uint64_t swap)
{
	struct ibv_send_wr *wr = add_wr(ex, opcode);

	wr->wr.atomic.rkey = rkey;
	wr->wr.atomic.remote_addr = address;
	wr->wr.atomic.compare_add = compare_add;
	wr->wr.atomic.swap = swap;
}

static void wr_atomic_cmp_swp(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t address, uint64_t compare, uint64_t swap)
{
	add_atomic(ex, IBV_WR_ATOMIC_CMP_AND_SWP, rkey, address, compare, swap);
}

static void wr_atomic_fetch_add(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t address, uint64_t add)
{
	add_atomic(ex, IBV_WR_ATOMIC_FETCH_AND_ADD, rkey, address, add, 0);
}

static void wr_local_inv(struct ibv_qp_ex *ex, uint32_t rkey)
{
	add_wr(ex, IBV_WR_LOCAL_INV)->invalidate_rkey = rkey;
}

static void wr_bind_mw(struct ibv_qp_ex *ex, struct ibv_mw *mw, uint32_t rkey, const struct ibv_mw_bind_info *info)
{
	struct ibv_send_wr *wr = add_wr(ex, IBV_WR_BIND_MW);

	wr->bind_mw.mw = mw;
	wr->bind_mw.rkey = rkey;
	wr->bind_mw.bind_info = *info;
}

static void wr_set_ud_addr(struct ibv_qp_ex *ex, struct ibv_ah *ah, uint32_t remote_qpn, uint32_t remote_qkey)
{
	struct batch_entry *entry = current(of_ex(ex));

	if (!entry)
		return;
	entry->wr.wr.ud.ah = ah;
	entry->wr.wr.ud.remote_qpn = remote_qpn;
	entry->wr.wr.ud.remote_qkey = remote_qkey;
}

static void wr_set_sge_list(struct ibv_qp_ex *ex, size_t count, const struct ibv_sge *sges)
{
	struct hf_qp *qp = of_ex(ex);
	struct batch_entry *entry = current(qp);

	if (!entry)
		return;
	if (count > HF_MAX_SGE) {
		qp->batch->error = EINVAL;
		return;
	}
	memcpy(entry->sges, sges, count * sizeof(*sges));
	entry->wr.num_sge = count;
}

static void wr_set_sge(struct ibv_qp_ex *ex, uint32_t lkey, uint64_t address, uint32_t length)
{
	wr_set_sge_list(ex, 1, &(struct ibv_sge){ .addr = address, .length = length, .lkey = lkey });
}

/* The program may change the bytes as soon as this returns. */
static void wr_set_inline_data_list(struct ibv_qp_ex *ex, size_t count, const struct ibv_data_buf *buffers)
{
	struct hf_qp *qp = of_ex(ex);
	struct batch_entry *entry = current(qp);
	size_t length = 0;

	if (!entry)
		return;
	for (size_t i = 0; i < count; i++) {
		if (buffers[i].length > sizeof(entry->inline_data) - length) {
			qp->batch->error = EINVAL;
			return;
		}
		memcpy(entry->inline_data + length, buffers[i].addr, buffers[i].length);
		length += buffers[i].length;
	}
	entry->wr.send_flags |= IBV_SEND_INLINE;
	entry->wr.num_sge = 1;
	entry->sges[0].length = length;
}

static void wr_set_inline_data(struct ibv_qp_ex *ex, void *address, size_t length)
{
	wr_set_inline_data_list(ex, 1, &(struct ibv_data_buf){ .addr = address, .length = length });
}

/* Either all of a batch is posted or nothing. */
static int post_batch(struct hf_qp *qp)
{
	struct hf_batch *batch = qp->batch;
	struct ibv_send_wr *bad;

	if (batch->error || batch->count == 0)
		return batch->error;
	if (qp->posted - qp->done + batch->count > qp->cap.max_send_wr)
		return ENOMEM;
	for (unsigned int i = 0; i < batch->count; i++) {
		struct batch_entry *entry = &batch->entries[i];

		if (entry->wr.send_flags & IBV_SEND_INLINE)
			entry->sges[0].addr = (uintptr_t)entry->inline_data;
		entry->wr.sg_list = entry->sges;
		entry->wr.next = i + 1 < batch->count ? &batch->entries[i + 1].wr : NULL;
	}
	return post_all(qp, &batch->entries[0].wr, &bad);
}

static int wr_complete(struct ibv_qp_ex *ex)
{
	struct hf_qp *qp = of_ex(ex);
	int err = post_batch(qp);

	hf_context_unlock(hf_qp_context(qp));
	return err;
}

static void wr_abort(struct ibv_qp_ex *ex)
{
	hf_context_unlock(hf_qp_context(of_ex(ex)));
}

bool hf_post_init_ex(struct hf_qp *qp)
{
	struct ibv_qp_ex *ex = &qp->ex;

	qp->batch = calloc(1, sizeof(*qp->batch));
	if (!qp->batch)
		return false;
	ex->wr_start = wr_start;
	ex->wr_complete = wr_complete;
	ex->wr_abort = wr_abort;
	ex->wr_send = wr_send;
	ex->wr_send_imm = wr_send_imm;
	ex->wr_send_inv = wr_send_inv;
	ex->wr_rdma_write = wr_rdma_write;
	ex->wr_rdma_write_imm = wr_rdma_write_imm;
	ex->wr_rdma_read = wr_rdma_read;
	ex->wr_atomic_cmp_swp = wr_atomic_cmp_swp;
	ex->wr_atomic_fetch_add = wr_atomic_fetch_add;
	ex->wr_local_inv = wr_local_inv;
	ex->wr_bind_mw = wr_bind_mw;
	ex->wr_set_ud_addr = wr_set_ud_addr;
	ex->wr_set_sge = wr_set_sge;
	ex->wr_set_sge_list = wr_set_sge_list;
	ex->wr_set_inline_data = wr_set_inline_data;
	ex->wr_set_inline_data_list = wr_set_inline_data_list;
	return true;
}

void hf_post_fini_ex(struct hf_qp *qp)
{
	if (qp->batch)
		free(qp->batch->entries);
	free(qp->batch);
}
