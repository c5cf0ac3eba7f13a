/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The record of work requests: case by case, and against an adapter and a peer that freeze at random moments. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "check_main.h"
#include "lib/verbs/ledger_inline.h"

#define TAG	0xabcd0001u
#define QPN	0x77
#define MTU	IBV_MTU_1024
#define SENDS	8
#define RECVS	4

static struct hf_ledger *ledger;
static struct ibv_sge sges[3] = { { 0x1000, 100, 1 }, { 0x2000, 200, 2 }, { 0x3000, 300, 3 } };
static struct hf_ledger_count count;

static struct ibv_qp_init_attr attributes(uint32_t sends)
{
	return (struct ibv_qp_init_attr){
		.cap = { .max_send_wr = sends, .max_recv_wr = RECVS, .max_send_sge = 3, .max_recv_sge = 2,
			 .max_inline_data = 64 },
	};
}

static void make(uint32_t first_psn)
{
	struct ibv_qp_init_attr init = attributes(SENDS);

	ledger = hf_ledger_new(&init, QPN, TAG);
	ck_assert_ptr_nonnull(ledger);
	hf_ledger_begin(ledger, first_psn, MTU);
}

static void set_up(void)
{
	make(1000);
}

static void tear_down(void)
{
	hf_ledger_free(ledger);
}

static struct ibv_send_wr send_wr(uint64_t wr_id, enum ibv_wr_opcode opcode, uint32_t length, unsigned int flags)
{
	sges[0].length = length;
	return (struct ibv_send_wr){
		.wr_id = wr_id, .opcode = opcode, .send_flags = flags, .num_sge = length ? 1 : 0, .sg_list = sges,
	};
}

static int stage(uint64_t wr_id, enum ibv_wr_opcode opcode, uint32_t length, unsigned int flags)
{
	struct ibv_send_wr wr = send_wr(wr_id, opcode, length, flags);

	return hf_ledger_stage_send(ledger, &wr);
}

/* Posts one with the adapter. Return: its handle. */
static uint64_t post(uint64_t wr_id, enum ibv_wr_opcode opcode, uint32_t length, unsigned int flags)
{
	struct ibv_send_wr *wr;

	ck_assert_int_eq(stage(wr_id, opcode, length, flags), 0);
	wr = hf_ledger_give_sends(ledger);
	ck_assert_ptr_nonnull(wr);
	ck_assert_ptr_null(wr->next);
	return wr->wr_id;
}

static void keep(uint64_t wr_id, unsigned int flags)
{
	ck_assert_int_eq(stage(wr_id, IBV_WR_SEND, 10, flags), 0);
	hf_ledger_keep_sends(ledger);
}

static uint64_t post_receive(uint64_t wr_id)
{
	struct ibv_recv_wr wr = { .wr_id = wr_id, .sg_list = sges, .num_sge = 2 }, *given;

	ck_assert_int_eq(hf_ledger_stage_receive(ledger, &wr), 0);
	given = hf_ledger_give_receives(ledger);
	ck_assert_ptr_nonnull(given);
	return given->wr_id;
}

/* As polls do. */
static enum hf_ledger_verdict take(struct hf_ledger *of, struct ibv_wc *wc)
{
	if (wc->status == IBV_WC_SUCCESS && hf_ledger_complete_plainly(of, &wc->wr_id))
		return HF_LEDGER_DELIVER;
	return hf_ledger_complete(of, wc);
}

/* The adapter completes a request; @wr_id: what the program is to see, 0: nothing. */
static void complete(uint64_t handle, enum ibv_wc_status status, uint64_t wr_id)
{
	struct ibv_wc wc = { .wr_id = handle, .status = status };
	enum hf_ledger_verdict verdict = take(ledger, &wc);

	ck_assert_int_eq(verdict, wr_id ? HF_LEDGER_DELIVER : HF_LEDGER_SWALLOW);
	if (wr_id)
		ck_assert_uint_eq(wc.wr_id, wr_id);
}

static void next_is(enum hf_ledger_kind kind, uint64_t wr_id, enum ibv_wc_status status)
{
	struct ibv_wc wc;

	ck_assert(hf_ledger_next_settled(ledger, kind, &wc));
	ck_assert_uint_eq(wc.wr_id, wr_id);
	ck_assert_int_eq(wc.status, status);
	ck_assert_uint_eq(wc.qp_num, QPN);
}

static void next_is_none(enum hf_ledger_kind kind)
{
	struct ibv_wc wc;

	ck_assert(!hf_ledger_next_settled(ledger, kind, &wc));
}

static void drain(void)
{
	complete(hf_ledger_marker(ledger), IBV_WC_WR_FLUSH_ERR, 0);
}

/* ------------------------------------------------------------------------------- posting ---- */

START_TEST(copies_are_whole)
{
	struct ibv_send_wr wr = send_wr(7, IBV_WR_RDMA_WRITE_WITH_IMM, 100, IBV_SEND_SIGNALED | IBV_SEND_FENCE), *copy;

	wr.num_sge = 3;
	wr.imm_data = 0x1234;
	wr.wr.rdma.remote_addr = 0x55;
	wr.wr.rdma.rkey = 0x66;
	ck_assert_int_eq(hf_ledger_stage_send(ledger, &wr), 0);
	memset(&wr, 0xee, sizeof(wr));
	sges[1].length++;
	copy = hf_ledger_give_sends(ledger);
	sges[1].length--;
	ck_assert_int_eq(copy->num_sge, 3);
	ck_assert_uint_eq(copy->sg_list[1].length, 200);
	ck_assert_uint_eq(copy->sg_list[2].addr, 0x3000);
	ck_assert_uint_eq(copy->imm_data, 0x1234);
	ck_assert_uint_eq(copy->wr.rdma.remote_addr, 0x55);
	ck_assert_uint_eq(copy->wr.rdma.rkey, 0x66);
	ck_assert_uint_eq(copy->send_flags, IBV_SEND_SIGNALED | IBV_SEND_FENCE);
	ck_assert_uint_eq(hf_ledger_tag_of(copy->wr_id), TAG);
	ck_assert_int_eq(hf_ledger_kind_of(copy->wr_id), HF_LEDGER_SEND);
}
END_TEST

/* The program may change its memory as soon as the post returns. */
START_TEST(inline_data_is_copied)
{
	char text[] = "hold fast";
	struct ibv_sge parts[2] = { { (uintptr_t)text, 5, 0 }, { (uintptr_t)text + 5, 4, 0 } };
	struct ibv_send_wr wr = { .opcode = IBV_WR_SEND, .send_flags = IBV_SEND_INLINE, .num_sge = 2, .sg_list = parts };
	struct ibv_send_wr *copy;

	ck_assert_int_eq(hf_ledger_stage_send(ledger, &wr), 0);
	memset(text, 'x', sizeof(text));
	copy = hf_ledger_give_sends(ledger);
	ck_assert_int_eq(copy->num_sge, 1);
	ck_assert_uint_eq(copy->sg_list[0].length, 9);
	ck_assert_mem_eq((const void *)(uintptr_t)copy->sg_list[0].addr, "hold fast", 9);
	ck_assert(copy->send_flags & IBV_SEND_INLINE);
	parts[1].length = 60;
	ck_assert_int_eq(hf_ledger_stage_send(ledger, &wr), -EINVAL);
	wr.num_sge = 0;
	ck_assert_int_eq(hf_ledger_stage_send(ledger, &wr), 0);
	ck_assert_int_eq(hf_ledger_give_sends(ledger)->num_sge, 0);
}
END_TEST

START_TEST(too_many_entries)
{
	struct ibv_send_wr wr = send_wr(1, IBV_WR_SEND, 1, 0);
	struct ibv_recv_wr receive = { .num_sge = 3, .sg_list = sges };

	wr.num_sge = 4;
	ck_assert_int_eq(hf_ledger_stage_send(ledger, &wr), -EINVAL);
	wr.num_sge = -1;
	ck_assert_int_eq(hf_ledger_stage_send(ledger, &wr), -EINVAL);
	ck_assert_int_eq(hf_ledger_stage_receive(ledger, &receive), -EINVAL);
	receive.num_sge = -1;
	ck_assert_int_eq(hf_ledger_stage_receive(ledger, &receive), -EINVAL);
	ck_assert_ptr_null(hf_ledger_give_sends(ledger));
	ck_assert_ptr_null(hf_ledger_give_receives(ledger));
}
END_TEST

START_TEST(full_queues)
{
	struct ibv_recv_wr receive = { .num_sge = 0 };
	uint64_t first = post(1, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);

	for (int i = 1; i < SENDS; i++)
		post(i + 1, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	ck_assert_int_eq(stage(9, IBV_WR_SEND, 1, 0), -ENOMEM);
	complete(first, IBV_WC_SUCCESS, 1);
	post(9, IBV_WR_SEND, 1, 0);
	ck_assert_int_eq(stage(10, IBV_WR_SEND, 1, 0), -ENOMEM);
	for (int i = 0; i < RECVS; i++)
		post_receive(i);
	ck_assert_int_eq(hf_ledger_stage_receive(ledger, &receive), -ENOMEM);
}
END_TEST

/* Rings are powers of two, the queues need not be. */
START_TEST(odd_queue)
{
	struct ibv_qp_init_attr init = attributes(5);

	hf_ledger_free(ledger);
	ledger = hf_ledger_new(&init, QPN, TAG);
	hf_ledger_begin(ledger, 0, MTU);
	for (int i = 0; i < 5; i++)
		post(i + 1, IBV_WR_SEND, 1, 0);
	ck_assert_int_eq(stage(6, IBV_WR_SEND, 1, 0), -ENOMEM);
}
END_TEST

START_TEST(dropped_and_changed_when_staged)
{
	struct ibv_send_wr *wr;

	ck_assert_int_eq(stage(1, IBV_WR_SEND, 1, 0), 0);
	hf_ledger_drop_sends(ledger);
	ck_assert_uint_eq(ledger->next_psn, 1000);
	ck_assert_int_eq(stage(2, IBV_WR_SEND, 0, 0), 0);
	wr = hf_ledger_staged_send(ledger);
	memcpy(hf_ledger_staged_inline(ledger), "abc", 3);
	wr->sg_list[0] = (struct ibv_sge){ .addr = (uintptr_t)hf_ledger_staged_inline(ledger), .length = 3 };
	wr->num_sge = 1;
	hf_ledger_count_staged(ledger);
	wr = hf_ledger_give_sends(ledger);
	ck_assert_ptr_null(wr->next);
	ck_assert_mem_eq((const void *)(uintptr_t)wr->sg_list[0].addr, "abc", 3);
	ck_assert_uint_eq(hf_ledger_sends_outstanding(ledger), 1);
	ck_assert_uint_eq(ledger->next_psn, 1001);
}
END_TEST

/* Packets of what was staged, but is kept or dropped, or becomes longer, have other numbers. */
START_TEST(staged_is_counted_once)
{
	post(1, IBV_WR_SEND, 1, 0);
	keep(2, 0);
	ck_assert_uint_eq(ledger->next_psn, 1001);
	ck_assert_int_eq(stage(3, IBV_WR_SEND, 1, 0), 0);
	ck_assert_int_eq(stage(4, IBV_WR_SEND, 5000, 0), 0);
	hf_ledger_drop_sends(ledger);
	ck_assert_uint_eq(ledger->next_psn, 1001);
	ck_assert_uint_eq(hf_ledger_sends_outstanding(ledger), 2);
	ck_assert_ptr_nonnull(hf_ledger_give_kept_sends(ledger));
	ck_assert_uint_eq(ledger->next_psn, 1002);
	ck_assert_int_eq(stage(5, IBV_WR_SEND, 1, 0), 0);
	ck_assert_int_eq(stage(6, IBV_WR_SEND, 1, 0), 0);
	hf_ledger_staged_send(ledger)->sg_list[0].length = 5000;
	hf_ledger_count_staged(ledger);
	ck_assert_ptr_nonnull(hf_ledger_give_sends(ledger)->next);
	ck_assert_uint_eq(ledger->next_psn, 1003 + 5);
}
END_TEST

/* The adapter took two of four. */
START_TEST(error_in_the_middle)
{
	struct ibv_send_wr *head, *bad;
	uint64_t taken;

	post(1, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	for (int i = 2; i <= 5; i++)
		ck_assert_int_eq(stage(i, IBV_WR_SEND, 3000, IBV_SEND_SIGNALED), 0);
	head = hf_ledger_give_sends(ledger);
	taken = head->next->wr_id;
	bad = head->next->next;
	ck_assert_uint_eq(hf_ledger_take_back_sends(ledger, bad), 2);
	ck_assert_uint_eq(hf_ledger_sends_outstanding(ledger), 3);
	ck_assert_uint_eq(ledger->next_psn, 1000 + 1 + 3 + 3);
	post(6, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	complete(taken, IBV_WC_SUCCESS, 3);
	ck_assert_uint_eq(hf_ledger_sends_outstanding(ledger), 1);
}
END_TEST

START_TEST(all_taken_back)
{
	struct ibv_recv_wr receive = { .wr_id = 5 };
	struct ibv_send_wr *head;

	for (int i = 0; i < SENDS; i++)
		ck_assert_int_eq(stage(i, IBV_WR_SEND, 1, 0), 0);
	head = hf_ledger_give_sends(ledger);
	ck_assert_uint_eq(hf_ledger_take_back_sends(ledger, head), SENDS);
	ck_assert_uint_eq(hf_ledger_sends_outstanding(ledger), 0);
	ck_assert_uint_eq(ledger->next_psn, 1000);
	for (int i = 0; i < RECVS; i++)
		ck_assert_int_eq(hf_ledger_stage_receive(ledger, &receive), 0);
	ck_assert_uint_eq(hf_ledger_take_back_receives(ledger, hf_ledger_give_receives(ledger)), RECVS);
	ck_assert_uint_eq(hf_ledger_receives_outstanding(ledger), 0);
}
END_TEST

START_TEST(packets_are_counted)
{
	static const struct {
		enum ibv_wr_opcode opcode;
		uint32_t length, packets;
	} cases[] = {
		{ IBV_WR_SEND, 0, 1 }, { IBV_WR_SEND, 1, 1 }, { IBV_WR_SEND, 1024, 1 }, { IBV_WR_SEND, 1025, 2 },
		{ IBV_WR_RDMA_READ, 4096, 4 }, { IBV_WR_RDMA_WRITE, 4097, 5 }, { IBV_WR_ATOMIC_FETCH_AND_ADD, 8, 1 },
		{ IBV_WR_ATOMIC_CMP_AND_SWP, 8, 1 }, { IBV_WR_LOCAL_INV, 0, 0 }, { IBV_WR_BIND_MW, 0, 0 },
		{ IBV_WR_SEND_WITH_IMM, 0x80000000u, 0x200000 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t before = ledger->next_psn;
		uint64_t handle = post(i + 1, cases[i].opcode, cases[i].length, IBV_SEND_SIGNALED);

		ck_assert_uint_eq((ledger->next_psn - before) & HF_LEDGER_PSN_MASK, cases[i].packets);
		complete(handle, IBV_WC_SUCCESS, i + 1);
	}
}
END_TEST

/* --------------------------------------------------------------------------- completions ---- */

START_TEST(unsignalled_retire_with_the_next)
{
	uint64_t handle = 0;

	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 7; i++)
			post(i + 1, IBV_WR_SEND, 1, 0);
		handle = post(8, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
		ck_assert_uint_eq(hf_ledger_sends_outstanding(ledger), 8);
		complete(handle, IBV_WC_SUCCESS, 8);
		ck_assert_uint_eq(hf_ledger_sends_outstanding(ledger), 0);
	}
}
END_TEST

/* An error is told of an unsignalled one too. */
START_TEST(errors_are_the_programs)
{
	uint64_t first = post(1, IBV_WR_SEND, 1, 0), second = post(2, IBV_WR_SEND, 1, 0), receive = post_receive(3);

	complete(first, IBV_WC_REM_ACCESS_ERR, 1);
	complete(second, IBV_WC_WR_FLUSH_ERR, 2);
	complete(receive, IBV_WC_WR_FLUSH_ERR, 3);
}
END_TEST

START_TEST(foreign_completions)
{
	struct ibv_wc wc = { .wr_id = 5 };
	uint64_t handle = post(1, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);

	ck_assert_int_eq(take(ledger, &wc), HF_LEDGER_FOREIGN);
	ck_assert_uint_eq(wc.wr_id, 5);
	wc.wr_id = handle + 1;
	ck_assert_int_eq(take(ledger, &wc), HF_LEDGER_FOREIGN);
	complete(handle, IBV_WC_SUCCESS, 1);
	wc.wr_id = handle;
	ck_assert_int_eq(take(ledger, &wc), HF_LEDGER_FOREIGN);
}
END_TEST

START_TEST(numbers_wrap)
{
	for (uint32_t i = 0; i < (1u << HF_LEDGER_NUMBER_BITS) + 100; i++) {
		struct ibv_send_wr wr = { .wr_id = i, .opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED };
		struct ibv_wc wc = { .status = IBV_WC_SUCCESS };

		hf_ledger_stage_send(ledger, &wr);
		wc.wr_id = hf_ledger_give_sends(ledger)->wr_id;
		if (take(ledger, &wc) != HF_LEDGER_DELIVER || wc.wr_id != i)
			ck_abort_msg("number %u", i);
	}
}
END_TEST

START_TEST(cleared)
{
	uint64_t handle = post(1, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);

	post_receive(2);
	hf_ledger_clear(ledger);
	ck_assert_uint_eq(hf_ledger_sends_outstanding(ledger), 0);
	ck_assert_uint_eq(hf_ledger_receives_outstanding(ledger), 0);
	complete(handle, IBV_WC_WR_FLUSH_ERR, 0);
}
END_TEST

/* ------------------------------------------------------------------------------- restarts ---- */

static void settle(uint32_t expected, bool replays, uint32_t replayed, uint32_t lost)
{
	ck_assert_int_eq(hf_ledger_settle(ledger, expected, replays, &count), 0);
	ck_assert_uint_eq(count.replayed, replayed);
	ck_assert_uint_eq(count.lost, lost);
}

static struct ibv_send_wr *restart(void)
{
	hf_ledger_restart(ledger, 5000, MTU);
	return hf_ledger_replay_sends(ledger);
}

START_TEST(executed_and_replayed)
{
	uint64_t first = post(1, IBV_WR_SEND, 2048, IBV_SEND_SIGNALED), second;
	struct ibv_send_wr *wr;

	second = post(2, IBV_WR_SEND, 3000, IBV_SEND_SIGNALED);
	post(3, IBV_WR_SEND, 1, 0);
	hf_ledger_guard(ledger);
	complete(first, IBV_WC_WR_FLUSH_ERR, 0);
	complete(second, IBV_WC_WR_FLUSH_ERR, 0);
	drain();
	keep(4, IBV_SEND_SIGNALED);
	/* In the middle of the second one. */
	settle(1003, true, 2, 0);
	next_is(HF_LEDGER_SEND, 1, IBV_WC_SUCCESS);
	next_is_none(HF_LEDGER_SEND);
	wr = restart();
	ck_assert_uint_eq(wr->sg_list[0].length, 3000);
	ck_assert_uint_ne(wr->wr_id, second);
	ck_assert_uint_eq(ledger->next_psn, 5000 + 3 + 1 + 1);
	/* What the adapter had left of the old epoch comes late. */
	complete(second, IBV_WC_WR_FLUSH_ERR, 0);
	complete(wr->wr_id, IBV_WC_SUCCESS, 2);
	ck_assert_ptr_nonnull(wr->next->next);
	complete(wr->next->next->wr_id, IBV_WC_SUCCESS, 4);
	ck_assert_uint_eq(hf_ledger_sends_outstanding(ledger), 0);
}
END_TEST

START_TEST(psn_wraps)
{
	tear_down();
	make(0xfffffe);
	post(1, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	post(2, IBV_WR_SEND, 3000, IBV_SEND_SIGNALED);
	post(3, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	ck_assert_uint_eq(ledger->next_psn, 3);
	hf_ledger_guard(ledger);
	ck_assert_int_eq(hf_ledger_settle(ledger, 0xfffffd, true, &count), -EPROTO);
	ck_assert_int_eq(hf_ledger_settle(ledger, 4, true, &count), -EPROTO);
	settle(2, true, 1, 0);
	next_is(HF_LEDGER_SEND, 1, IBV_WC_SUCCESS);
	next_is(HF_LEDGER_SEND, 2, IBV_WC_SUCCESS);
	next_is_none(HF_LEDGER_SEND);
}
END_TEST

/* Its answer may not have come; what was executed after it must wait for its turn. */
START_TEST(read_is_asked_again)
{
	struct ibv_send_wr *wr;

	post(1, IBV_WR_RDMA_READ, 2048, 0);
	post(2, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	post(3, IBV_WR_RDMA_READ, 1, IBV_SEND_SIGNALED);
	post(4, IBV_WR_RDMA_WRITE, 1, 0);
	post(5, IBV_WR_RDMA_WRITE, 1, IBV_SEND_SIGNALED);
	hf_ledger_guard(ledger);
	settle(1006, true, 2, 0);
	next_is_none(HF_LEDGER_SEND);
	wr = restart();
	ck_assert(wr->send_flags & IBV_SEND_SIGNALED);
	ck_assert_ptr_null(wr->next->next);
	complete(wr->wr_id, IBV_WC_SUCCESS, 0);
	next_is(HF_LEDGER_SEND, 2, IBV_WC_SUCCESS);
	next_is_none(HF_LEDGER_SEND);
	complete(wr->next->wr_id, IBV_WC_SUCCESS, 3);
	next_is(HF_LEDGER_SEND, 5, IBV_WC_SUCCESS);
	next_is_none(HF_LEDGER_SEND);
	ck_assert_uint_eq(hf_ledger_sends_outstanding(ledger), 0);
}
END_TEST

/* The next move comes before the read of the first is answered. */
START_TEST(settled_stay_settled)
{
	struct ibv_send_wr *wr;

	post(1, IBV_WR_RDMA_READ, 2048, 0);
	post(2, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	hf_ledger_guard(ledger);
	settle(1003, true, 1, 0);
	restart();
	post(3, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	hf_ledger_guard(ledger);
	settle(5000, true, 2, 0);
	wr = restart();
	complete(wr->wr_id, IBV_WC_SUCCESS, 0);
	next_is(HF_LEDGER_SEND, 2, IBV_WC_SUCCESS);
	complete(wr->next->wr_id, IBV_WC_SUCCESS, 3);
}
END_TEST

START_TEST(atomic_result_is_lost)
{
	post(1, IBV_WR_ATOMIC_FETCH_AND_ADD, 8, IBV_SEND_SIGNALED);
	post(2, IBV_WR_ATOMIC_CMP_AND_SWP, 8, 0);
	post(3, IBV_WR_ATOMIC_FETCH_AND_ADD, 8, IBV_SEND_SIGNALED);
	hf_ledger_guard(ledger);
	settle(1002, true, 1, 2);
	next_is(HF_LEDGER_SEND, 1, IBV_WC_WR_FLUSH_ERR);
	next_is(HF_LEDGER_SEND, 2, IBV_WC_WR_FLUSH_ERR);
	next_is_none(HF_LEDGER_SEND);
	ck_assert_ptr_nonnull(restart());
}
END_TEST

/* What was completed without a word needs no other end to say so. */
START_TEST(silently_completed)
{
	uint64_t third;

	post(1, IBV_WR_ATOMIC_FETCH_AND_ADD, 8, 0);
	post(2, IBV_WR_RDMA_READ, 8, 0);
	third = post(3, IBV_WR_ATOMIC_FETCH_AND_ADD, 8, 0);
	hf_ledger_guard(ledger);
	complete(third, IBV_WC_WR_FLUSH_ERR, 0);
	drain();
	ck_assert(hf_ledger_is_drained(ledger));
	settle(1002, true, 1, 0);
	next_is_none(HF_LEDGER_SEND);
	ck_assert_uint_eq(hf_ledger_sends_outstanding(ledger), 1);
}
END_TEST

START_TEST(flushed_on_demand)
{
	post(1, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	post(2, IBV_WR_SEND, 1, 0);
	post(3, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	hf_ledger_guard(ledger);
	keep(4, 0);
	settle(1001, false, 0, 3);
	next_is(HF_LEDGER_SEND, 1, IBV_WC_SUCCESS);
	next_is(HF_LEDGER_SEND, 2, IBV_WC_WR_FLUSH_ERR);
	next_is(HF_LEDGER_SEND, 3, IBV_WC_WR_FLUSH_ERR);
	next_is(HF_LEDGER_SEND, 4, IBV_WC_WR_FLUSH_ERR);
	next_is_none(HF_LEDGER_SEND);
	ck_assert_ptr_null(restart());
	complete(post(5, IBV_WR_SEND, 1, IBV_SEND_SIGNALED), IBV_WC_SUCCESS, 5);
}
END_TEST

/* Nothing was lost: what came while it was frozen is not flushed either. */
START_TEST(nothing_to_flush)
{
	post(1, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	hf_ledger_guard(ledger);
	keep(2, 0);
	settle(1001, false, 0, 0);
	next_is(HF_LEDGER_SEND, 1, IBV_WC_SUCCESS);
	ck_assert_ptr_nonnull(restart());
}
END_TEST

START_TEST(unreliable_connection)
{
	uint64_t third;

	post(1, IBV_WR_SEND, 1, 0);
	post(2, IBV_WR_SEND, 1, 0);
	third = post(3, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	hf_ledger_guard(ledger);
	complete(third, IBV_WC_WR_FLUSH_ERR, 0);
	drain();
	hf_ledger_settle_unreliable(ledger, true, &count);
	ck_assert_uint_eq(count.replayed, 1);
	next_is_none(HF_LEDGER_SEND);
	ck_assert_ptr_null(restart()->next);
}
END_TEST

/* Nobody knows what the adapter has sent: rather lost than doubled. */
START_TEST(unreliable_not_drained)
{
	post(1, IBV_WR_SEND, 1, 0);
	hf_ledger_guard(ledger);
	hf_ledger_settle_unreliable(ledger, true, &count);
	ck_assert_uint_eq(count.lost, 1);
	next_is(HF_LEDGER_SEND, 1, IBV_WC_WR_FLUSH_ERR);
}
END_TEST

START_TEST(receives_come_back)
{
	struct ibv_recv_wr wr = { .wr_id = 3, .sg_list = sges, .num_sge = 1 }, *replayed;
	uint64_t first = post_receive(1), second = post_receive(2);

	hf_ledger_guard(ledger);
	complete(first, IBV_WC_SUCCESS, 1);
	drain();
	ck_assert(!hf_ledger_is_drained(ledger));
	complete(second, IBV_WC_WR_FLUSH_ERR, 0);
	ck_assert(hf_ledger_is_drained(ledger));
	ck_assert_int_eq(hf_ledger_stage_receive(ledger, &wr), 0);
	hf_ledger_keep_receives(ledger);
	settle(1000, true, 0, 0);
	next_is_none(HF_LEDGER_RECEIVE);
	hf_ledger_restart(ledger, 5000, MTU);
	replayed = hf_ledger_replay_receives(ledger);
	ck_assert_int_eq(replayed->num_sge, 2);
	ck_assert_int_eq(replayed->next->num_sge, 1);
	ck_assert_ptr_null(replayed->next->next);
	complete(replayed->wr_id, IBV_WC_SUCCESS, 2);
	complete(replayed->next->wr_id, IBV_WC_SUCCESS, 3);
}
END_TEST

/* The program sees what it would have seen. */
START_TEST(given_up)
{
	uint64_t first = post(1, IBV_WR_SEND, 1, IBV_SEND_SIGNALED), second = post(2, IBV_WR_SEND, 1, 0);
	uint64_t receive = post_receive(4);

	hf_ledger_guard(ledger);
	complete(first, IBV_WC_RETRY_EXC_ERR, 0);
	complete(second, IBV_WC_WR_FLUSH_ERR, 0);
	complete(receive, IBV_WC_WR_FLUSH_ERR, 0);
	ck_assert(!ledger->has_failed);
	ck_assert(!hf_ledger_unguard(ledger));
	keep(3, 0);
	hf_ledger_give_up(ledger, &count);
	ck_assert_uint_eq(count.lost, 3);
	next_is(HF_LEDGER_SEND, 1, IBV_WC_RETRY_EXC_ERR);
	next_is(HF_LEDGER_SEND, 2, IBV_WC_WR_FLUSH_ERR);
	next_is(HF_LEDGER_SEND, 3, IBV_WC_WR_FLUSH_ERR);
	next_is_none(HF_LEDGER_SEND);
	next_is(HF_LEDGER_RECEIVE, 4, IBV_WC_WR_FLUSH_ERR);
	next_is_none(HF_LEDGER_RECEIVE);
	complete(post(5, IBV_WR_SEND, 1, 0), IBV_WC_WR_FLUSH_ERR, 5);
}
END_TEST

START_TEST(failures_of_their_own)
{
	uint64_t first = post(1, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);

	hf_ledger_guard(ledger);
	ck_assert(hf_ledger_unguard(ledger));
	hf_ledger_guard(ledger);
	complete(first, IBV_WC_REM_ACCESS_ERR, 0);
	ck_assert(ledger->has_failed);
	hf_ledger_give_up(ledger, &count);
	next_is(HF_LEDGER_SEND, 1, IBV_WC_REM_ACCESS_ERR);
}
END_TEST

/* Those that end without a word may have ended, but for a later one that will be heard of. */
START_TEST(atomics_are_known)
{
	uint64_t second;

	post(1, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	ck_assert_int_eq(hf_ledger_atomics(ledger), HF_LEDGER_NO_ATOMIC);
	post(2, IBV_WR_ATOMIC_FETCH_AND_ADD, 8, 0);
	ck_assert_int_eq(hf_ledger_atomics(ledger), HF_LEDGER_SILENT_ATOMIC);
	second = post(3, IBV_WR_SEND, 1, IBV_SEND_SIGNALED);
	ck_assert_int_eq(hf_ledger_atomics(ledger), HF_LEDGER_ATOMIC);
	complete(second, IBV_WC_SUCCESS, 3);
	ck_assert_int_eq(hf_ledger_atomics(ledger), HF_LEDGER_NO_ATOMIC);
	ck_assert_int_eq(stage(4, IBV_WR_ATOMIC_FETCH_AND_ADD, 8, IBV_SEND_SIGNALED), 0);
	hf_ledger_keep_sends(ledger);
	ck_assert_int_eq(hf_ledger_atomics(ledger), HF_LEDGER_NO_ATOMIC);
	ck_assert_ptr_nonnull(hf_ledger_give_kept_sends(ledger));
	ck_assert_int_eq(hf_ledger_atomics(ledger), HF_LEDGER_ATOMIC);
	ck_assert_ptr_null(hf_ledger_give_kept_sends(ledger));
}
END_TEST

START_TEST(windows_do_not_last)
{
	post(1, IBV_WR_SEND, 1, 0);
	ck_assert(!ledger->is_limited);
	ck_assert(ledger->has_unsignalled);
	post(2, IBV_WR_BIND_MW, 0, IBV_SEND_SIGNALED);
	ck_assert(ledger->is_limited);
	hf_ledger_clear(ledger);
	ck_assert(!ledger->is_limited);
}
END_TEST

/* -------------------------------------------------------- against an adapter, frozen at random ---- */

#define MESSAGES	400
#define WORLDS		400
#define RING		16

/* Sends what it is given to another end, which executes packet by packet, and may be frozen at any of them. */
struct world {
	uint64_t random;
	struct hf_ledger *ledger;
	struct ibv_send_wr with_adapter[RING];
	unsigned int count;		/* there */
	uint32_t psn;			/* of the first of them */
	uint32_t expected;		/* by the other end */
	unsigned int acked;		/* of them: completed, if not told yet */
	uint64_t posted, seen, executed, errors, lost;
	bool is_frozen;
};

static uint32_t draw(struct world *world, uint32_t limit)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return (world->random * UINT64_C(0x2545f4914f6cdd1d) >> 32) % limit;
}

static uint32_t length_of(const struct ibv_send_wr *wr)
{
	return wr->num_sge ? wr->sg_list[0].length : 0;
}

static uint32_t world_packets(const struct ibv_send_wr *wr)
{
	return length_of(wr) ? (length_of(wr) + 1023) / 1024 : 1;
}

/* Every second message is signalled; the number is in the immediate. */
static bool is_signalled(uint64_t number) { return number % 3 == 0; }
static bool is_read(uint64_t number) { return number % 7 == 5; }

static void take_chain(struct world *world, const struct ibv_send_wr *wr)
{
	for (; wr; wr = wr->next) {
		ck_assert_uint_lt(world->count, RING);
		world->with_adapter[world->count++] = *wr;
	}
}

static void post_message(struct world *world)
{
	uint64_t number = world->posted;
	struct ibv_sge sge = { .length = draw(world, 5000) };
	struct ibv_send_wr wr = {
		.wr_id = number, .imm_data = number, .sg_list = &sge, .num_sge = sge.length ? 1 : 0,
		.opcode = is_read(number) ? IBV_WR_RDMA_READ : IBV_WR_SEND_WITH_IMM,
		.send_flags = is_signalled(number) ? IBV_SEND_SIGNALED : 0,
	};

	if (number == MESSAGES || hf_ledger_stage_send(world->ledger, &wr) < 0)
		return;
	world->posted++;
	if (world->is_frozen)
		hf_ledger_keep_sends(world->ledger);
	else
		take_chain(world, hf_ledger_give_sends(world->ledger));
}

/* The next packet arrives there. Messages are executed in their order, each once. */
static void execute_packet(struct world *world)
{
	uint32_t psn = world->psn;

	for (unsigned int i = 0; i < world->count; i++) {
		const struct ibv_send_wr *wr = &world->with_adapter[i];
		uint32_t end = (psn + world_packets(wr)) & HF_LEDGER_PSN_MASK;

		if (((world->expected - psn) & HF_LEDGER_PSN_MASK) < world_packets(wr)) {
			world->expected = (world->expected + 1) & HF_LEDGER_PSN_MASK;
			if (world->expected == end && wr->opcode == IBV_WR_SEND_WITH_IMM) {
				while (is_read(world->executed))
					world->executed++;
				ck_assert_uint_eq(wr->imm_data, world->executed);
				world->executed++;
			}
			return;
		}
		psn = end;
	}
}

/* The program sees its completions in order, each once. */
static void see(struct world *world, const struct ibv_wc *wc)
{
	while (!is_signalled(world->seen) && wc->status == IBV_WC_SUCCESS)
		world->seen++;
	ck_assert_uint_eq(wc->wr_id, world->seen);
	world->seen++;
	world->errors += wc->status != IBV_WC_SUCCESS;
}

static void see_settled(struct world *world)
{
	struct ibv_wc wc;

	while (hf_ledger_next_settled(world->ledger, HF_LEDGER_SEND, &wc))
		see(world, &wc);
}

static void bring(struct world *world, const struct ibv_send_wr *wr, enum ibv_wc_status status)
{
	struct ibv_wc wc = { .wr_id = wr->wr_id, .status = status };

	if (status == IBV_WC_SUCCESS && !(wr->send_flags & IBV_SEND_SIGNALED))
		return;
	if (take(world->ledger, &wc) == HF_LEDGER_DELIVER)
		see(world, &wc);
	see_settled(world);
}

/* The answer to the first that the adapter has, if it is executed. */
static void acknowledge(struct world *world)
{
	uint32_t packets = world->count ? world_packets(&world->with_adapter[0]) : 0;
	struct ibv_send_wr wr;

	if (!world->count || ((world->expected - world->psn) & HF_LEDGER_PSN_MASK) < packets)
		return;
	wr = world->with_adapter[0];
	world->psn = (world->psn + packets) & HF_LEDGER_PSN_MASK;
	world->count--;
	memmove(world->with_adapter, world->with_adapter + 1, world->count * sizeof(wr));
	bring(world, &wr, IBV_WC_SUCCESS);
}

static void freeze(struct world *world)
{
	bool is_told = draw(world, 4) != 0;
	struct ibv_wc marker = { .status = IBV_WC_WR_FLUSH_ERR };

	hf_ledger_guard(world->ledger);
	world->is_frozen = true;
	/* Sometimes the adapter does not come to give back anything. */
	for (unsigned int i = 0; is_told && i < world->count; i++)
		bring(world, &world->with_adapter[i], i ? IBV_WC_WR_FLUSH_ERR : IBV_WC_RETRY_EXC_ERR);
	marker.wr_id = hf_ledger_marker(world->ledger);
	if (is_told)
		ck_assert_int_eq(take(world->ledger, &marker), HF_LEDGER_SWALLOW);
	world->count = 0;
}

static void go(struct world *world, bool replays)
{
	uint32_t first_psn = (world->ledger->next_psn + HF_LEDGER_PSN_JUMP) & HF_LEDGER_PSN_MASK;
	struct hf_ledger_count settled;

	ck_assert_int_eq(hf_ledger_settle(world->ledger, world->expected, replays, &settled), 0);
	world->lost += settled.lost;
	see_settled(world);
	world->expected = world->psn = first_psn;
	hf_ledger_restart(world->ledger, first_psn, MTU);
	world->is_frozen = false;
	take_chain(world, hf_ledger_replay_sends(world->ledger));
}

static void run_world(uint64_t seed)
{
	struct ibv_qp_init_attr init = attributes(RING);
	struct world world = { .random = seed * UINT64_C(0x9e3779b97f4a7c15) };

	world.ledger = hf_ledger_new(&init, QPN, TAG);
	world.psn = world.expected = draw(&world, HF_LEDGER_PSN_MASK + 1);
	hf_ledger_begin(world.ledger, world.psn, MTU);
	for (unsigned int turn = 0; world.seen < MESSAGES - 1; turn++) {
		uint32_t what = draw(&world, 100);

		ck_assert_uint_lt(turn, 100000);
		if (what < 30)
			post_message(&world);
		else if (what < 4 + 30 && world.is_frozen)
			go(&world, true);
		else if (world.is_frozen)
			continue;
		else if (what < 36)
			freeze(&world);
		else if (what < 80)
			execute_packet(&world);
		else
			acknowledge(&world);
		if (world.posted == MESSAGES && world.seen >= MESSAGES - MESSAGES % 3)
			break;
	}
	ck_assert_uint_eq(world.errors, 0);
	ck_assert_uint_eq(world.lost, 0);
	hf_ledger_free(world.ledger);
}

START_TEST(each_message_once_and_in_order)
{
	for (uint64_t seed = 1; seed <= WORLDS; seed++)
		run_world(seed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger");
	TCase *cases = tcase_create("cases"), *worlds = tcase_create("worlds");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, copies_are_whole);
	tcase_add_test(cases, inline_data_is_copied);
	tcase_add_test(cases, too_many_entries);
	tcase_add_test(cases, full_queues);
	tcase_add_test(cases, odd_queue);
	tcase_add_test(cases, dropped_and_changed_when_staged);
	tcase_add_test(cases, staged_is_counted_once);
	tcase_add_test(cases, error_in_the_middle);
	tcase_add_test(cases, all_taken_back);
	tcase_add_test(cases, packets_are_counted);
	tcase_add_test(cases, unsignalled_retire_with_the_next);
	tcase_add_test(cases, errors_are_the_programs);
	tcase_add_test(cases, foreign_completions);
	tcase_add_test(cases, numbers_wrap);
	tcase_add_test(cases, cleared);
	tcase_add_test(cases, executed_and_replayed);
	tcase_add_test(cases, psn_wraps);
	tcase_add_test(cases, read_is_asked_again);
	tcase_add_test(cases, settled_stay_settled);
	tcase_add_test(cases, atomic_result_is_lost);
	tcase_add_test(cases, silently_completed);
	tcase_add_test(cases, flushed_on_demand);
	tcase_add_test(cases, nothing_to_flush);
	tcase_add_test(cases, unreliable_connection);
	tcase_add_test(cases, unreliable_not_drained);
	tcase_add_test(cases, receives_come_back);
	tcase_add_test(cases, given_up);
	tcase_add_test(cases, failures_of_their_own);
	tcase_add_test(cases, atomics_are_known);
	tcase_add_test(cases, windows_do_not_last);
	suite_add_tcase(suite, cases);
	tcase_set_timeout(worlds, 120);
	tcase_add_test(worlds, each_message_once_and_in_order);
	suite_add_tcase(suite, worlds);
	return check_main(suite);
}
