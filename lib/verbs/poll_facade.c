/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The extended interface for completions, ibv_start_poll() to ibv_end_poll(): the adapter's completions pass with the
 * program's wr_id in place, what is not for the program is left out, and what waits in the stash comes first. The lock
 * is held from a start that found something to the end.
 */
#include <errno.h>

#include "lib/verbs/completion_queue.h"
#include "lib/verbs/ledger.h"
#include "lib/verbs/work.h"

static struct hf_cq *of_ex(struct ibv_cq_ex *ex)
{
	return hf_cq_find(ibv_cq_ex_to_cq(ex));
}

static bool show_stashed(struct hf_cq *cq, struct ibv_cq_ex *ex)
{
	cq->is_at_stash = hf_cq_take_locked(cq, 1, &cq->current) == 1;
	if (cq->is_at_stash) {
		ex->wr_id = cq->current.wr_id;
		ex->status = cq->current.status;
	}
	return cq->is_at_stash;
}

/* Is what the adapter is at for the program? */
static bool admit(struct hf_cq *cq, struct ibv_cq_ex *ex)
{
	enum hf_ledger_kind kind = hf_ledger_kind_of(ex->wr_id);
	enum hf_ledger_verdict verdict;
	struct hf_work *work;
	struct ibv_wc wc;

	verdict = hf_work_complete(&work, &ex->wr_id, ex->status, ex->status ? cq->real.read_vendor_err(ex) : 0);
	while (work && hf_ledger_next_settled(work->ledger, kind, &wc))
		hf_cq_push_locked(cq, &wc);
	return verdict != HF_LEDGER_SWALLOW;
}

static int next_locked(struct hf_cq *cq, struct ibv_cq_ex *ex, struct ibv_poll_cq_attr *attr)
{
	for (;;) {
		int err;

		if (show_stashed(cq, ex))
			return 0;
		err = cq->is_started ? cq->real.next_poll(ex) : cq->real.start_poll(ex, attr);
		if (err)
			return err;
		cq->is_started = true;
		if (admit(cq, ex))
			return 0;
	}
}

static void end_locked(struct hf_cq *cq, struct ibv_cq_ex *ex)
{
	if (cq->is_started)
		cq->real.end_poll(ex);
	cq->is_started = cq->is_at_stash = false;
}

static int start_poll(struct ibv_cq_ex *ex, struct ibv_poll_cq_attr *attr)
{
	struct hf_cq *cq = of_ex(ex);
	int err;

	hf_short_lock_take(&cq->lock);
	err = next_locked(cq, ex, attr);
	if (err) {
		end_locked(cq, ex);
		hf_short_lock_give(&cq->lock);
	}
	return err;
}

static int next_poll(struct ibv_cq_ex *ex)
{
	struct ibv_poll_cq_attr attr = { 0 };

	return next_locked(of_ex(ex), ex, &attr);
}

static void end_poll(struct ibv_cq_ex *ex)
{
	struct hf_cq *cq = of_ex(ex);

	end_locked(cq, ex);
	hf_short_lock_give(&cq->lock);
}

/* Of a stashed completion, what struct ibv_wc has; else the adapter's. */
#define READER(type, name)									\
	static type read_##name(struct ibv_cq_ex *ex)						\
	{											\
		struct hf_cq *cq = of_ex(ex);							\
												\
		return cq->is_at_stash ? cq->current.name : cq->real.read_##name(ex);		\
	}

READER(enum ibv_wc_opcode, opcode)
READER(uint32_t, vendor_err)
READER(uint32_t, byte_len)
READER(__be32, imm_data)
READER(uint32_t, qp_num)
READER(uint32_t, src_qp)
READER(unsigned int, wc_flags)
READER(uint32_t, slid)
READER(uint8_t, sl)
READER(uint8_t, dlid_path_bits)

/* Times are not kept in the stash. */
#define READER_OF_TIME(name)									\
	static uint64_t read_##name(struct ibv_cq_ex *ex)					\
	{											\
		struct hf_cq *cq = of_ex(ex);							\
												\
		return cq->is_at_stash ? 0 : cq->real.read_##name(ex);				\
	}

READER_OF_TIME(completion_ts)
READER_OF_TIME(completion_wallclock_ns)

void hf_cq_stand_in_front(struct hf_cq *cq, struct ibv_cq_ex *ex)
{
	cq->real = *ex;
	ex->start_poll = start_poll;
	ex->next_poll = next_poll;
	ex->end_poll = end_poll;
	ex->read_opcode = read_opcode;
	ex->read_vendor_err = read_vendor_err;
	ex->read_byte_len = read_byte_len;
	ex->read_imm_data = read_imm_data;
	ex->read_qp_num = read_qp_num;
	ex->read_src_qp = read_src_qp;
	ex->read_wc_flags = read_wc_flags;
	ex->read_slid = read_slid;
	ex->read_sl = read_sl;
	ex->read_dlid_path_bits = read_dlid_path_bits;
	ex->read_completion_ts = read_completion_ts;
	ex->read_completion_wallclock_ns = read_completion_wallclock_ns;
}
