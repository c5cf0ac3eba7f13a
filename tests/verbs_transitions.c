/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Each transition of the table, with each attribute missing or added, through ibv_modify_qp(). "transitions" holds the
 * answers to the table; after a refusal a queue pair must be as it was. "answers" prints them, to be compared with
 * those of another adapter:
 *
 *	TYPE FROM TO ATTRIBUTES	ANSWER STATE
 *
 * ATTRIBUTES are those that the table requires, with what it has as optional (all), with one more (+NAME) or one less
 * (-NAME). ANSWER is ok, the error's name, or unreachable where FROM is not reached; STATE is the one that the queue
 * pair is in then.
 */
#include "verbs_tool.h"

#include "qp_table.h"

enum { RESET, INIT, RTR, RTS, SQD, SQE, ERR, STATES };

#define UNREACHABLE	(-1)

struct attempt {
	int from, to;
	uint32_t mask;
	char name[32];
	bool may;	/* as the table says */
};

static void (*attempt_made)(const struct attempt *attempt, int err);
static struct wiring wiring;
static struct end a, b;

/* A send with a key that is none: datagrams and unreliable connections come to SQE by it. */
static void provoke_sqe(void)
{
	struct ibv_sge sge;
	struct ibv_send_wr wr = request(&a, IBV_WR_SEND, &sge, 0, 10);
	struct ibv_ah_attr to = address(&b, &wiring);
	struct ibv_ah *ah = ibv_create_ah(a.pd, &to);

	must(ah);
	sge.lkey = 0xdeadbeef;
	if (wiring.type == IBV_QPT_UD) {
		wr.wr.ud.ah = ah;
		wr.wr.ud.remote_qpn = b.qp->qp_num;
	}
	must_be(post(&a, &wr), 0);
	must(completion(&a).status != IBV_WC_SUCCESS);
	must_be(ibv_destroy_ah(ah), 0);
}

/* Some adapters refuse all but the error state while they drain. */
static void wait_until_drained(void)
{
	uint64_t deadline = clock_ms() + DEADLINE_MS;

	while (query(a.qp).sq_draining)
		must(clock_ms() < deadline);
}

static void bring_to(int state)
{
	struct ibv_qp_attr attr = attributes(&a, &b, &wiring);

	wait_until_drained();
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
	wait_until_drained();
	if (state == SQE)
		provoke_sqe();
}

static void make(const struct attempt *attempt)
{
	struct ibv_qp_attr attr = attributes(&a, &b, &wiring);
	bool is_there;

	bring_to(attempt->from);
	is_there = state_of(a.qp) == (enum ibv_qp_state)attempt->from;
	attr.cur_qp_state = attempt->from;
	attempt_made(attempt, is_there ? modify(a.qp, &attr, attempt->to, attempt->mask) : UNREACHABLE);
}

static void check(const struct attempt *attempt, int err)
{
	int state = attempt->may ? attempt->to : attempt->from;

	if (err != (attempt->may ? 0 : EINVAL)) {
		fprintf(stderr, "%s from %s to %s, %s, is not %s\n", qp_types[wiring.type - IBV_QPT_RC],
			qp_states[attempt->from], qp_states[attempt->to], attempt->name,
			attempt->may ? "allowed" : "refused with EINVAL");
		exit(EXIT_FAILURE);
	}
	must_be(state_of(a.qp), state);
	must_be(a.qp->state, state);
}

static void print(const struct attempt *attempt, int err)
{
	printf("%s %s %s %s\t%s %s\n", qp_types[wiring.type - IBV_QPT_RC], qp_states[attempt->from],
	       qp_states[attempt->to], attempt->name,
	       err == UNREACHABLE ? "unreachable" : err ? strerrorname_np(err) : "ok",
	       qp_states[state_of(a.qp)]);
}

static void try_cell(int type, int from, int to, bool is_supported)
{
	const struct qp_row *row = qp_find_row(type, from, to);
	uint32_t required = row ? qp_mask_of(row->required) : 0, optional = row ? qp_mask_of(row->optional) : 0;
	struct attempt attempt = { .from = from, .to = to, .mask = required, .name = "required" };

	attempt.may = row && is_supported;
	make(&attempt);
	if (!attempt.may)
		return;
	attempt.mask |= optional;
	strcpy(attempt.name, "all");
	make(&attempt);
	for (size_t bit = 1; bit < QP_COUNT(qp_attributes); bit++) {
		uint32_t attribute = 1u << bit;

		attempt.mask = required ^ attribute;
		attempt.may = optional & attribute;
		snprintf(attempt.name, sizeof(attempt.name), "%c%s", required & attribute ? '-' : '+',
			 qp_attributes[bit]);
		make(&attempt);
	}
}

static void try_type(int type, bool has_sqd)
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
			try_cell(type, from, to, has_sqd || to != SQD);
	}
	must_be(ibv_destroy_qp(a.qp), 0);
	must_be(ibv_destroy_qp(b.qp), 0);
}

static void try_all(void (*made)(const struct attempt *attempt, int err), bool has_sqd)
{
	attempt_made = made;
	open_end(&a, 0);
	open_end(&b, 1);
	for (int type = 0; type < (int)QP_COUNT(qp_types); type++)
		try_type(type, has_sqd);
}

void transitions(void)
{
	const char *model = getenv("HF_VERBS_MODEL");

	try_all(check, !model || strcmp(model, "mlx5") != 0);
}

void answers(void)
{
	try_all(print, true);
}
