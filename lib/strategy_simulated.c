/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <errno.h>
#include <stdlib.h>

#include "lib/sim_qp.h"
#include "lib/strategy.h"

#define A(name) HF_QP_ATTR_##name

#define TO_INIT (A(STATE) | A(PKEY_INDEX) | A(PORT) | A(ACCESS_FLAGS))
#define TO_RTR (A(STATE) | A(AV) | A(PATH_MTU) | A(DEST_QPN) | A(RQ_PSN) | A(MAX_DEST_RD_ATOMIC) | A(MIN_RNR_TIMER))
#define TO_RTS (A(STATE) | A(TIMEOUT) | A(RETRY_CNT) | A(RNR_RETRY) | A(SQ_PSN) | A(MAX_QP_RD_ATOMIC))
#define IN_SQD (A(AV) | A(TIMEOUT) | A(PKEY_INDEX))

#define TIMEOUT_MAX 31

struct step {
	enum hf_qp_state to;
	uint32_t mask;
};

/* There and back takes twice the packet life; one more step is the adapter's own delay. */
static uint8_t ack_timeout(uint8_t pkt_life)
{
	return pkt_life + 2 < TIMEOUT_MAX ? pkt_life + 2 : TIMEOUT_MAX;
}

static struct hf_sim_qp_attr attributes_of(const struct hf_sim_qp *qp, const struct hf_path *path)
{
	return (struct hf_sim_qp_attr){
		.av = { .dgid = path->dgid, .dlid = path->dlid, .sl = path->sl, .rate = path->rate },
		.path_mtu = path->mtu,
		.timeout = ack_timeout(path->pkt_life),
		.pkey = path->pkey,
		.dest_qpn = qp->attr.dest_qpn,
	};
}

static int walk(struct hf_sim_qp *qp, const struct hf_path *path, const struct step *steps, size_t count)
{
	struct hf_sim_qp_attr attr = attributes_of(qp, path);
	int err = 0;

	for (size_t i = 0; i < count && !err; i++) {
		attr.state = steps[i].to;
		err = hf_sim_qp_modify(qp, &attr, steps[i].mask);
	}
	return err;
}

static int change_by_reset(struct hf_sim_qp *qp, const struct hf_path *path)
{
	static const struct step steps[] = {
		{ HF_QP_RESET, A(STATE) }, { HF_QP_INIT, TO_INIT }, { HF_QP_RTR, TO_RTR }, { HF_QP_RTS, TO_RTS },
	};

	return walk(qp, path, steps, sizeof(steps) / sizeof(steps[0]));
}

static int change_by_sqd(struct hf_sim_qp *qp, const struct hf_path *path)
{
	static const struct step steps[] = {
		{ HF_QP_SQD, A(STATE) }, { HF_QP_SQD, IN_SQD }, { HF_QP_RTS, A(STATE) },
	};

	return walk(qp, path, steps, sizeof(steps) / sizeof(steps[0]));
}

static int simulated_establish(struct hf_connection *connection, const struct hf_path *path, uint64_t now_ns)
{
	(void)now_ns;
	return change_by_reset(connection->endpoint, path);
}

static int simulated_apply(struct hf_connection *connection, const struct hf_path *path, uint64_t now_ns)
{
	struct hf_sim_qp *qp = connection->endpoint;

	(void)now_ns;
	if (qp->attr.state == HF_QP_RTS && qp->attr.path_mtu == path->mtu && change_by_sqd(qp, path) == 0)
		return 0;
	return change_by_reset(qp, path);
}

static const char *simulated_qp_state(const struct hf_connection *connection)
{
	const struct hf_sim_qp *qp = connection->endpoint;

	return hf_qp_state_name(qp->attr.state);
}

const struct hf_strategy hf_strategy_simulated = {
	.name = "simulated",
	.establish = simulated_establish,
	.apply = simulated_apply,
	.close = free,
	.qp_state = simulated_qp_state,
};
