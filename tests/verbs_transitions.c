/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Each transition of the table, with each attribute missing or added, through ibv_modify_qp(). In a state that is not
 * the one asked for, or at a refusal, a queue pair must be as it was.
 */
#include "verbs_tool.h"

#include "qp_table.h"

enum { RESET, INIT, RTR, RTS, SQD, SQE, ERR, STATES };

static struct wiring wiring;
static struct end a, b;

/* A send with a key that is none: datagrams and unreliable connections come to SQE by it. */
static void provoke_sqe(void)
{
	struct ibv_sge sge;
	struct ibv_send_wr wr = request(&a, IBV_WR_SEND, &sge, 0, 10);
	struct ibv_ah_attr to = { .dlid = b.port.lid, .port_num = 1 };
	struct ibv_ah *ah = ibv_create_ah(a.pd, &to);

	must(ah);
	sge.lkey = 0xdeadbeef;
	if (wiring.type == IBV_QPT_UD) {
		wr.wr.ud.ah = ah;
		wr.wr.ud.remote_qpn = b.qp->qp_num;
	}
	must_be(post(&a, &wr), 0);
	complete_with(&a, IBV_WC_LOC_PROT_ERR);
	must_be(ibv_destroy_ah(ah), 0);
}

static void bring_to(int state)
{
	struct ibv_qp_attr attr = attributes(&a, &b, &wiring);

	must_be(modify(a.qp, &attr, IBV_QPS_RESET, 0), 0);
	if (state == RESET)
		return;
	to_init(&a, &wiring);
	if (state == ERR)
		must_be(modify(a.qp, &attr, IBV_QPS_ERR, 0), 0);
	if (state == INIT || state == ERR)
		return;
	to_rtr(&a, &b, &wiring);
	if (state == RTR)
		return;
	to_rts(&a, &b, &wiring);
	if (state == SQD)
		must_be(modify(a.qp, &attr, IBV_QPS_SQD, 0), 0);
	if (state == SQE)
		provoke_sqe();
}

static void check_one(int from, int to, uint32_t mask, bool may)
{
	struct ibv_qp_attr attr = attributes(&a, &b, &wiring);

	bring_to(from);
	must_be(state_of(a.qp), from);
	attr.cur_qp_state = from;
	if (modify(a.qp, &attr, to, mask) != (may ? 0 : EINVAL)) {
		fprintf(stderr, "%s from %s to %s with mask 0x%x is not %s\n", qp_types[wiring.type - IBV_QPT_RC],
			qp_states[from], qp_states[to], mask, may ? "allowed" : "refused with EINVAL");
		exit(EXIT_FAILURE);
	}
	must_be(state_of(a.qp), may ? to : from);
	must_be(a.qp->state, may ? to : from);
}

static void check_cell(int type, int from, int to, bool is_supported)
{
	const struct qp_row *row = qp_find_row(type, from, to);
	uint32_t required, optional;

	if (!row || !is_supported) {
		check_one(from, to, 0, false);
		return;
	}
	required = qp_mask_of(row->required);
	optional = qp_mask_of(row->optional);
	check_one(from, to, required, true);
	check_one(from, to, required | optional, true);
	for (size_t bit = 1; bit < QP_COUNT(qp_attributes); bit++) {
		uint32_t attribute = 1u << bit;

		if (required & attribute)
			check_one(from, to, required & ~attribute, false);
		else
			check_one(from, to, required | attribute, optional & attribute);
	}
}

static void check_type(int type, bool has_sqd)
{
	wiring = plain_wiring;
	wiring.type = IBV_QPT_RC + type;
	a.qp = new_qp(&a, wiring.type);
	b.qp = new_qp(&b, wiring.type);
	for (int from = 0; from < STATES; from++) {
		/* No RC queue pair comes to SQE. */
		if ((from == SQE && wiring.type == IBV_QPT_RC) || (from == SQD && !has_sqd))
			continue;
		for (int to = 0; to < STATES; to++)
			check_cell(type, from, to, has_sqd || to != SQD);
	}
	must_be(ibv_destroy_qp(a.qp), 0);
	must_be(ibv_destroy_qp(b.qp), 0);
}

void transitions(void)
{
	const char *model = getenv("HF_VERBS_MODEL");

	open_end(&a, 0);
	open_end(&b, 1);
	for (int type = 0; type < (int)QP_COUNT(qp_types); type++)
		check_type(type, !model || strcmp(model, "mlx5") != 0);
}
