/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The extended interface for sending, ibv_wr_start() to ibv_wr_complete(), for queue pairs with a record: requests are
 * built in its slots and posted together, as ibv_post_send() would. The lock of posting is held from the start to the
 * end.
 */
#include <errno.h>
#include <string.h>

#include "lib/verbs/data_path.h"
#include "lib/verbs/ledger_inline.h"
#include "lib/verbs/work.h"

#define OPS_KNOWN (IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM | IBV_QP_EX_WITH_SEND | \
		   IBV_QP_EX_WITH_SEND_WITH_IMM | IBV_QP_EX_WITH_RDMA_READ | IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP | \
		   IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD | IBV_QP_EX_WITH_LOCAL_INV | IBV_QP_EX_WITH_BIND_MW | \
		   IBV_QP_EX_WITH_SEND_WITH_INV)

bool hf_send_facade_has(uint64_t ops)
{
	return !(ops & ~(uint64_t)OPS_KNOWN);
}

static struct hf_work *work_of(struct ibv_qp_ex *ex)
{
	return hf_queue_pair_of(&ex->qp_base)->work;
}

/* The request that is being built; NULL: an earlier one had no place. */
static struct ibv_send_wr *current(struct hf_work *work)
{
	if (work->batch_error || !hf_ledger_has_staged(work->ledger))
		return NULL;
	return hf_ledger_staged_send(work->ledger);
}

/* What there is no place for is written where nobody reads it. */
static struct ibv_send_wr *add(struct ibv_qp_ex *ex, enum ibv_wr_opcode opcode)
{
	const struct ibv_send_wr wr = { .wr_id = ex->wr_id, .send_flags = ex->wr_flags & ~(unsigned int)IBV_SEND_INLINE,
					.opcode = opcode };
	struct hf_work *work = work_of(ex);

	if (!work->batch_error)
		work->batch_error = -hf_ledger_stage_send(work->ledger, &wr);
	return work->batch_error ? &work->nowhere : hf_ledger_staged_send(work->ledger);
}

static void wr_start(struct ibv_qp_ex *ex)
{
	struct hf_work *work = work_of(ex);

	hf_short_lock_take(&work->send_lock);
	work->batch_error = 0;
}

static int wr_complete(struct ibv_qp_ex *ex)
{
	struct hf_work *work = work_of(ex);
	int err = work->batch_error;

	if (err)
		hf_ledger_drop_sends(work->ledger);
	else
		err = hf_work_post_staged_locked(work);
	hf_short_lock_give(&work->send_lock);
	return err;
}

static void wr_abort(struct ibv_qp_ex *ex)
{
	struct hf_work *work = work_of(ex);

	hf_ledger_drop_sends(work->ledger);
	hf_short_lock_give(&work->send_lock);
}

static void wr_send(struct ibv_qp_ex *ex)
{
	add(ex, IBV_WR_SEND);
}

static void wr_send_imm(struct ibv_qp_ex *ex, __be32 immediate)
{
	add(ex, IBV_WR_SEND_WITH_IMM)->imm_data = immediate;
}

static void wr_send_inv(struct ibv_qp_ex *ex, uint32_t rkey)
{
	add(ex, IBV_WR_SEND_WITH_INV)->invalidate_rkey = rkey;
}

static struct ibv_send_wr *add_rdma(struct ibv_qp_ex *ex, enum ibv_wr_opcode opcode, uint32_t rkey, uint64_t address)
{
	struct ibv_send_wr *wr = add(ex, opcode);

	wr->wr.rdma.rkey = rkey;
	wr->wr.rdma.remote_addr = address;
	return wr;
}

static void wr_rdma_write(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t address)
{
	add_rdma(ex, IBV_WR_RDMA_WRITE, rkey, address);
}

static void wr_rdma_write_imm(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t address, __be32 immediate)
{
	add_rdma(ex, IBV_WR_RDMA_WRITE_WITH_IMM, rkey, address)->imm_data = immediate;
}

static void wr_rdma_read(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t address)
{
	add_rdma(ex, IBV_WR_RDMA_READ, rkey, address);
}

static void add_atomic(struct ibv_qp_ex *ex, enum ibv_wr_opcode opcode, uint32_t rkey, uint64_t address,
		       uint64_t compare_add, uint64_t swap)
{
	struct ibv_send_wr *wr = add(ex, opcode);

	wr->wr.atomic.rkey = rkey;
	wr->wr.atomic.remote_addr = address;
	wr->wr.atomic.compare_add = compare_add;
	wr->wr.atomic.swap = swap;
}

static void wr_atomic_cmp_swp(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t address, uint64_t compare, uint64_t swap)
{
	add_atomic(ex, IBV_WR_ATOMIC_CMP_AND_SWP, rkey, address, compare, swap);
}

static void wr_atomic_fetch_add(struct ibv_qp_ex *ex, uint32_t rkey, uint64_t address, uint64_t count)
{
	add_atomic(ex, IBV_WR_ATOMIC_FETCH_AND_ADD, rkey, address, count, 0);
}

static void wr_local_inv(struct ibv_qp_ex *ex, uint32_t rkey)
{
	add(ex, IBV_WR_LOCAL_INV)->invalidate_rkey = rkey;
}

static void wr_bind_mw(struct ibv_qp_ex *ex, struct ibv_mw *mw, uint32_t rkey, const struct ibv_mw_bind_info *info)
{
	struct ibv_send_wr *wr = add(ex, IBV_WR_BIND_MW);

	wr->bind_mw.mw = mw;
	wr->bind_mw.rkey = rkey;
	wr->bind_mw.bind_info = *info;
}

static void wr_set_sge_list(struct ibv_qp_ex *ex, size_t count, const struct ibv_sge *sges)
{
	struct hf_work *work = work_of(ex);
	struct ibv_send_wr *wr = current(work);

	if (!wr)
		return;
	if (count > work->ledger->max_send_sge) {
		work->batch_error = EINVAL;
		return;
	}
	memcpy(wr->sg_list, sges, count * sizeof(*sges));
	wr->num_sge = count;
}

static void wr_set_sge(struct ibv_qp_ex *ex, uint32_t lkey, uint64_t address, uint32_t length)
{
	wr_set_sge_list(ex, 1, &(struct ibv_sge){ .addr = address, .length = length, .lkey = lkey });
}

static void wr_set_inline_data_list(struct ibv_qp_ex *ex, size_t count, const struct ibv_data_buf *buffers)
{
	struct hf_work *work = work_of(ex);
	struct ibv_send_wr *wr = current(work);
	uint32_t length = 0;
	uint8_t *to;

	if (!wr)
		return;
	to = hf_ledger_staged_inline(work->ledger);
	for (size_t i = 0; i < count; i++) {
		if (buffers[i].length > work->ledger->max_inline - length) {
			work->batch_error = EINVAL;
			return;
		}
		memcpy(to + length, buffers[i].addr, buffers[i].length);
		length += buffers[i].length;
	}
	wr->send_flags |= IBV_SEND_INLINE;
	wr->sg_list[0] = (struct ibv_sge){ .addr = (uintptr_t)to, .length = length };
	wr->num_sge = length != 0;
}

static void wr_set_inline_data(struct ibv_qp_ex *ex, void *address, size_t length)
{
	wr_set_inline_data_list(ex, 1, &(struct ibv_data_buf){ .addr = address, .length = length });
}

void hf_send_facade_stand_in_front(struct ibv_qp_ex *ex)
{
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
	ex->wr_set_sge = wr_set_sge;
	ex->wr_set_sge_list = wr_set_sge_list;
	ex->wr_set_inline_data = wr_set_inline_data;
	ex->wr_set_inline_data_list = wr_set_inline_data_list;
}
