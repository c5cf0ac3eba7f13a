/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/queue_pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/verbs/real.h"
#include "lib/verbs/session.h"
#include "lib/verbs/work.h"

#define PKEY_MEMBER_MASK	0x7fff	/* without the bit that says full or limited member */
#define CLASS_SHIFT		5	/* of the service level in a traffic class */

/* What the program gave, attribute by attribute, as far as it is needed to make the queue pair anew. */
static void merge(struct ibv_qp_attr *own, const struct ibv_qp_attr *attr, int mask)
{
	if (mask & IBV_QP_ACCESS_FLAGS)
		own->qp_access_flags = attr->qp_access_flags;
	if (mask & IBV_QP_PKEY_INDEX)
		own->pkey_index = attr->pkey_index;
	if (mask & IBV_QP_PORT)
		own->port_num = attr->port_num;
	if (mask & IBV_QP_AV)
		own->ah_attr = attr->ah_attr;
	if (mask & IBV_QP_PATH_MTU)
		own->path_mtu = attr->path_mtu;
	if (mask & IBV_QP_TIMEOUT)
		own->timeout = attr->timeout;
	if (mask & IBV_QP_RETRY_CNT)
		own->retry_cnt = attr->retry_cnt;
	if (mask & IBV_QP_RNR_RETRY)
		own->rnr_retry = attr->rnr_retry;
	if (mask & IBV_QP_RQ_PSN)
		own->rq_psn = attr->rq_psn;
	if (mask & IBV_QP_MAX_QP_RD_ATOMIC)
		own->max_rd_atomic = attr->max_rd_atomic;
	if (mask & IBV_QP_MIN_RNR_TIMER)
		own->min_rnr_timer = attr->min_rnr_timer;
	if (mask & IBV_QP_SQ_PSN)
		own->sq_psn = attr->sq_psn;
	if (mask & IBV_QP_MAX_DEST_RD_ATOMIC)
		own->max_dest_rd_atomic = attr->max_dest_rd_atomic;
	if (mask & IBV_QP_DEST_QPN)
		own->dest_qp_num = attr->dest_qp_num;
	if (mask & IBV_QP_PATH_MIG_STATE)
		own->path_mig_state = attr->path_mig_state;
	if (mask & IBV_QP_ALT_PATH) {
		own->alt_ah_attr = attr->alt_ah_attr;
		own->alt_pkey_index = attr->alt_pkey_index;
		own->alt_port_num = attr->alt_port_num;
		own->alt_timeout = attr->alt_timeout;
	}
}

/* Events of before may still be on their way. */
static void begin_anew(struct hf_queue_pair *qp)
{
	memset(&qp->attr, 0, sizeof(qp->attr));
	qp->given = 0;
	qp->uses_migration = qp->uses_sqd = qp->is_alternate_ours = false;
}

bool hf_queue_pair_is_connected_locked(const struct hf_queue_pair *qp)
{
	return qp->ibv && hf_strategy_takes(qp->state) && (qp->state != IBV_QPS_RTR || qp->work);
}

static uint32_t draw_life(void)
{
	return (arc4random_uniform(INT32_MAX) + 1) * (HF_HANDSHAKE_USED + 1);
}

/* What its record has to know of it. */
static void note_work(struct hf_queue_pair *qp, int mask)
{
	struct hf_work *work = qp->work;

	if ((mask & IBV_QP_STATE) && qp->state == IBV_QPS_RESET)
		hf_work_clear(work);
	/* What was kept back for a move that this ended: a program that sleeps must look. */
	if ((mask & IBV_QP_STATE) && qp->state == IBV_QPS_ERR && hf_work_needs_wake(work))
		hf_work_wake(work);
	if (mask & IBV_QP_RQ_PSN)
		hf_handshake_init(&work->handshake, 0, qp->qpn, HF_HANDSHAKE_NO_PSN,
				  qp->attr.rq_psn & HF_LEDGER_PSN_MASK, draw_life());
	if (mask & IBV_QP_SQ_PSN) {
		work->handshake.own_psn = qp->attr.sq_psn & HF_LEDGER_PSN_MASK;
		hf_work_begin(work, qp->attr.sq_psn, qp->attr.path_mtu);
	}
}

void hf_queue_pair_note_locked(struct hf_queue_pair *qp, const struct ibv_qp_attr *attr, int mask)
{
	const int used = IBV_QP_AV | IBV_QP_PKEY_INDEX | IBV_QP_PATH_MTU | IBV_QP_PATH_MIG_STATE;
	bool was_connected = hf_queue_pair_is_connected_locked(qp), is_connected;

	merge(&qp->attr, attr, mask);
	qp->given |= mask;
	if (mask & IBV_QP_STATE) {
		qp->state = attr->qp_state;
		if (qp->state == IBV_QPS_RESET)
			begin_anew(qp);
		if (qp->state == IBV_QPS_RTR)
			qp->rtr_ns = hf_clock_ns();
		if (qp->state == IBV_QPS_SQD) {
			qp->uses_sqd = true;
			qp->hides_drained = false;
		}
	}
	if ((mask & IBV_QP_ALT_PATH) ||
	    ((mask & IBV_QP_PATH_MIG_STATE) && attr->path_mig_state != IBV_MIG_MIGRATED)) {
		qp->uses_migration = true;
		qp->hides_migrated = qp->is_alternate_ours = false;
	}
	if (qp->work)
		note_work(qp, mask);
	is_connected = hf_queue_pair_is_connected_locked(qp);
	if (was_connected != is_connected || (is_connected && (mask & used)))
		qp->is_changed = true;
}

int hf_queue_pair_port_locked(const struct hf_queue_pair *qp, uint8_t port_num, struct hf_port_facts *ret_port)
{
	struct ibv_port_attr attr;
	int err = hf_verbs_port(qp->ibv->context, port_num, &attr);

	if (!err)
		*ret_port = (struct hf_port_facts){
			.is_ethernet = attr.link_layer == IBV_LINK_LAYER_ETHERNET, .lid = attr.lid, .lmc = attr.lmc,
		};
	return err;
}

int hf_queue_pair_path_locked(const struct hf_queue_pair *qp, struct hf_program_path *ret_path)
{
	const struct ibv_ah_attr *ah = &qp->attr.ah_attr;
	struct hf_program_path path = { .reachable = 1 };
	struct hf_port_facts port;
	int err = hf_queue_pair_port_locked(qp, qp->attr.port_num, &port);

	if (!err)
		err = hf_verbs_pkey(qp->ibv->context, qp->attr.port_num, qp->attr.pkey_index, &path.pkey);
	if (err)
		return err;
	if (ah->is_global)
		memcpy(path.dgid.raw, ah->grh.dgid.raw, sizeof(path.dgid.raw));
	path.dlid = ah->dlid;
	path.slid = port.lid | ah->src_path_bits;
	path.sl = port.is_ethernet ? ah->grh.traffic_class >> CLASS_SHIFT : ah->sl;
	path.mtu = qp->attr.path_mtu;
	path.rate = ah->static_rate;
	*ret_path = path;
	return 0;
}

/* The index of a P_Key in the port's table; the one that is used may serve. */
static int find_pkey(const struct hf_queue_pair *qp, uint16_t pkey, uint16_t *ret_index)
{
	struct ibv_context *context = qp->ibv->context;
	uint8_t port_num = qp->attr.port_num;
	uint16_t found;

	*ret_index = qp->attr.pkey_index;
	if (!pkey)
		return 0;
	if (hf_verbs_pkey(context, port_num, qp->attr.pkey_index, &found) == 0 &&
	    !((found ^ pkey) & PKEY_MEMBER_MASK))
		return 0;
	for (unsigned int i = 0; i <= UINT16_MAX && hf_verbs_pkey(context, port_num, i, &found) == 0; i++)
		if (!((found ^ pkey) & PKEY_MEMBER_MASK)) {
			*ret_index = i;
			return 0;
		}
	return -ENOENT;
}

static bool is_same_vector(const struct ibv_ah_attr *a, const struct ibv_ah_attr *b)
{
	return a->dlid == b->dlid && a->sl == b->sl && a->src_path_bits == b->src_path_bits &&
	       a->static_rate == b->static_rate && a->grh.traffic_class == b->grh.traffic_class;
}

static void set_vector(struct ibv_ah_attr *ah, const struct hf_program_path *path, const struct hf_port_facts *port)
{
	if (port->is_ethernet) {
		const uint8_t rest = (1 << CLASS_SHIFT) - 1;

		ah->grh.traffic_class = (uint8_t)(path->sl << CLASS_SHIFT) | (ah->grh.traffic_class & rest);
		return;
	}
	ah->dlid = path->dlid;
	ah->sl = path->sl;
	if (path->slid)
		ah->src_path_bits = path->slid & ((1 << port->lmc) - 1);
	if (path->rate)
		ah->static_rate = path->rate;
}

int hf_queue_pair_route_locked(const struct hf_queue_pair *qp, const struct hf_program_path *path,
			       struct ibv_qp_attr *ret_attr, int *ret_mask)
{
	static const union hf_gid none;
	const struct ibv_ah_attr *ah = &qp->attr.ah_attr;
	struct ibv_qp_attr attr = {
		.ah_attr = *ah, .pkey_index = qp->attr.pkey_index, .port_num = qp->attr.port_num,
		.timeout = qp->attr.timeout, .path_mtu = qp->attr.path_mtu,
	};
	struct hf_port_facts port;
	int mask = 0, err;

	if (!path->reachable)
		return -ENETUNREACH;
	if (ah->is_global && memcmp(path->dgid.raw, none.raw, sizeof(none.raw)) != 0 &&
	    memcmp(path->dgid.raw, ah->grh.dgid.raw, sizeof(path->dgid.raw)) != 0)
		return -ESTALE;
	err = hf_queue_pair_port_locked(qp, attr.port_num, &port);
	if (!err && !port.is_ethernet)
		err = find_pkey(qp, path->pkey, &attr.pkey_index);
	if (err)
		return err;
	set_vector(&attr.ah_attr, path, &port);
	if (!is_same_vector(&attr.ah_attr, ah))
		mask |= IBV_QP_AV;
	if (attr.pkey_index != qp->attr.pkey_index)
		mask |= IBV_QP_PKEY_INDEX;
	if (path->mtu && path->mtu < attr.path_mtu) {
		attr.path_mtu = path->mtu;
		mask |= IBV_QP_PATH_MTU;
	}
	*ret_attr = attr;
	*ret_mask = mask;
	return 0;
}
