/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What the program posts: into the record, and from there to the adapter. What that has not taken is not posted. */
#include "lib/verbs/data_path.h"
#include "lib/verbs/ledger_inline.h"
#include "lib/verbs/work.h"

#define HF_INLINE inline __attribute__((always_inline))

static struct hf_work *work_of(const struct ibv_qp *ibv)
{
	struct hf_queue_pair *qp = hf_queue_pair_of(ibv);

	return qp ? qp->work : NULL;
}

/* The adapter has refused the chain from @bad on. Return: the one of @wr of which that is a copy. */
static __attribute__((noinline)) struct ibv_send_wr *take_back_sends_locked(struct hf_ledger *ledger,
									     const struct ibv_send_wr *head,
									     const struct ibv_send_wr *bad,
									     struct ibv_send_wr *wr)
{
	hf_ledger_take_back_sends(ledger, bad);
	for (; head != bad && wr; head = head->next)
		wr = wr->next;
	return wr;
}

static HF_INLINE int give_sends_locked(struct hf_work *work, struct ibv_send_wr *wr, struct ibv_send_wr **ret_bad)
{
	struct hf_ledger *ledger = work->ledger;
	struct ibv_send_wr *head, *bad;
	int err;

	if (work->keeps_sends) {
		hf_ledger_keep_sends(ledger);
		return 0;
	}
	head = bad = hf_ledger_give_sends(ledger);
	err = head ? work->ops.post_send(work->ibv, head, &bad) : 0;
	if (err)
		*ret_bad = take_back_sends_locked(ledger, head, bad, wr);
	return err;
}

int hf_work_post_staged_locked(struct hf_work *work)
{
	struct ibv_send_wr *bad;

	hf_ledger_count_staged(work->ledger);
	return give_sends_locked(work, NULL, &bad);
}

int hf_work_program_post_send(struct ibv_qp *ibv, struct ibv_send_wr *wr, struct ibv_send_wr **bad_wr)
{
	struct hf_work *work = work_of(ibv);
	struct ibv_send_wr *next;
	int err = 0, given;

	if (!work)
		return hf_data_path_ops(ibv->context)->post_send(ibv, wr, bad_wr);
	hf_short_lock_take(&work->send_lock);
	for (next = wr; next; next = next->next) {
		err = hf_ledger_stage_send(work->ledger, next);
		if (err) {
			*bad_wr = next;
			break;
		}
	}
	given = give_sends_locked(work, wr, bad_wr);
	hf_short_lock_give(&work->send_lock);
	return given ? given : -err;
}

static __attribute__((noinline)) struct ibv_recv_wr *take_back_receives_locked(struct hf_ledger *ledger,
										const struct ibv_recv_wr *head,
										const struct ibv_recv_wr *bad,
										struct ibv_recv_wr *wr)
{
	hf_ledger_take_back_receives(ledger, bad);
	for (; head != bad && wr; head = head->next)
		wr = wr->next;
	return wr;
}

static HF_INLINE int give_receives_locked(struct hf_work *work, struct ibv_recv_wr *wr, struct ibv_recv_wr **ret_bad)
{
	struct hf_ledger *ledger = work->ledger;
	struct ibv_recv_wr *head, *bad;
	int err;

	if (work->keeps_receives) {
		hf_ledger_keep_receives(ledger);
		return 0;
	}
	head = bad = hf_ledger_give_receives(ledger);
	err = head ? work->ops.post_recv(work->ibv, head, &bad) : 0;
	if (err)
		*ret_bad = take_back_receives_locked(ledger, head, bad, wr);
	return err;
}

/* Receives of a shared queue are posted to it, and none here. */
int hf_work_program_post_recv(struct ibv_qp *ibv, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad_wr)
{
	struct hf_work *work = ibv->srq ? NULL : work_of(ibv);
	struct ibv_recv_wr *next;
	int err = 0, given;

	if (!work)
		return hf_data_path_ops(ibv->context)->post_recv(ibv, wr, bad_wr);
	hf_short_lock_take(&work->recv_lock);
	for (next = wr; next; next = next->next) {
		err = hf_ledger_stage_receive(work->ledger, next);
		if (err) {
			*bad_wr = next;
			break;
		}
	}
	given = give_receives_locked(work, wr, bad_wr);
	hf_short_lock_give(&work->recv_lock);
	return given ? given : -err;
}
