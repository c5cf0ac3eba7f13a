/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/probe.h"

#include "lib/verbs/real.h"

#define A(name) IBV_QP_##name

static uint8_t find_port(struct ibv_context *context, struct ibv_port_attr *ret_attr)
{
	struct ibv_device_attr device;

	if (ibv_query_device(context, &device))
		return 0;
	for (uint8_t number = 1; number <= device.phys_port_cnt; number++)
		if (hf_verbs_port(context, number, ret_attr) == 0 && ret_attr->state == IBV_PORT_ACTIVE)
			return number;
	return 0;
}

/* Of an address vector that leads to the port itself. */
static bool set_own_address(struct ibv_context *context, uint8_t port_num, const struct ibv_port_attr *port,
			    struct ibv_ah_attr *ah)
{
	*ah = (struct ibv_ah_attr){ .dlid = port->lid, .port_num = port_num };
	if (port->link_layer != IBV_LINK_LAYER_ETHERNET)
		return true;
	ah->is_global = 1;
	ah->grh.hop_limit = 1;
	return ibv_query_gid(context, port_num, 0, &ah->grh.dgid) == 0;
}

static bool drains(struct ibv_qp *qp, uint8_t port_num, const struct ibv_port_attr *port)
{
	struct ibv_qp_attr attr = {
		.port_num = port_num, .path_mtu = port->active_mtu, .dest_qp_num = qp->qp_num,
		.max_dest_rd_atomic = 1, .min_rnr_timer = 12, .timeout = 14, .retry_cnt = 1, .max_rd_atomic = 1,
	};
	const struct {
		enum ibv_qp_state state;
		int mask;
	} steps[] = {
		{ IBV_QPS_INIT, A(PKEY_INDEX) | A(PORT) | A(ACCESS_FLAGS) },
		{ IBV_QPS_RTR, A(AV) | A(PATH_MTU) | A(DEST_QPN) | A(RQ_PSN) | A(MAX_DEST_RD_ATOMIC) |
			       A(MIN_RNR_TIMER) },
		{ IBV_QPS_RTS, A(TIMEOUT) | A(RETRY_CNT) | A(RNR_RETRY) | A(SQ_PSN) | A(MAX_QP_RD_ATOMIC) },
		{ IBV_QPS_SQD, 0 },
	};

	if (!set_own_address(qp->context, port_num, port, &attr.ah_attr))
		return false;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		attr.qp_state = steps[i].state;
		if (hf_verbs_modify(qp, &attr, A(STATE) | steps[i].mask) < 0)
			return false;
	}
	return true;
}

bool hf_probe_drains(struct ibv_context *context)
{
	struct ibv_port_attr port;
	uint8_t port_num = find_port(context, &port);
	struct ibv_qp_init_attr init = {
		.cap = { .max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC,
	};
	struct ibv_pd *pd = port_num ? ibv_alloc_pd(context) : NULL;
	struct ibv_qp *qp = NULL;
	bool can = false;

	init.send_cq = init.recv_cq = pd ? hf_real_create_cq(context, 2, NULL, NULL, 0) : NULL;
	if (init.send_cq)
		qp = hf_real_create_qp(pd, &init);
	if (qp) {
		can = drains(qp, port_num, &port);
		(void)hf_real_destroy_qp(qp);
	}
	if (init.send_cq)
		(void)hf_real_destroy_cq(init.send_cq);
	if (pd)
		(void)ibv_dealloc_pd(pd);
	return can;
}
