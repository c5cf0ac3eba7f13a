/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What the kernel's MAD layer does between its agents and the wire: transaction ids, timeouts and retries, RMPP, and
 * which agent gets what arrives. All functions: the adapter's lock is held.
 *
 * As a real fabric is silent about what it loses, MADs that ibsim hands back to their sender are dropped.
 */
#ifndef HF_SIM_UMAD_MAD_LAYER_H
#define HF_SIM_UMAD_MAD_LAYER_H

#include <rdma/ib_user_mad.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/ibsim_proto.h"
#include "sim/umad/agent.h"

struct hf_adapter;
struct hf_file;

/**
 * hf_mad_layer_register_locked() - make an agent
 * @adapter:   adapter
 * @file:      gets what is for the agent; must outlive it
 * @id:        of the agent in its file
 * @request:   copied
 * @ret_agent: end it with hf_mad_layer_unregister_locked()
 *
 * Return: 0; errors as hf_agent_add().
 */
int hf_mad_layer_register_locked(struct hf_adapter *adapter, struct hf_file *file, uint32_t id,
				 const struct hf_agent_request *request, struct hf_agent **ret_agent);

/** hf_mad_layer_unregister_locked() - end an agent and, silently, its transactions. */
void hf_mad_layer_unregister_locked(struct hf_adapter *adapter, struct hf_agent *agent);

/**
 * hf_mad_layer_post_locked() - send a MAD
 * @adapter: adapter
 * @agent:   whose
 * @hdr:     where to; if timeout_ms is above 0 and the MAD is a request, its response or ETIMEDOUT will be queued
 * @mad:     the MAD; the agent's tag is written into its transaction id
 * @len:     bytes at @mad, at least 36; above 256 only for RMPP
 *
 * Return: 0; -EINVAL; -ENOMEM; -EIO if ibsim is gone.
 */
int hf_mad_layer_post_locked(struct hf_adapter *adapter, struct hf_agent *agent, const struct ib_user_mad_hdr *hdr,
			     uint8_t *mad, size_t len);

/** hf_mad_layer_receive_locked() - a MAD arrived; no byte of it is trusted. */
void hf_mad_layer_receive_locked(struct hf_adapter *adapter, const struct hf_ibsim_mad *mad, uint64_t now_ns);

/** hf_mad_layer_send_queued_locked() - send what waits for room in the socket. */
void hf_mad_layer_send_queued_locked(struct hf_adapter *adapter);

/** hf_mad_layer_expire_locked() - run the timers that are due. */
void hf_mad_layer_expire_locked(struct hf_adapter *adapter, uint64_t now_ns);

/** hf_mad_layer_deadline_ns_locked() - when a timer is due at the earliest; UINT64_MAX for never. */
uint64_t hf_mad_layer_deadline_ns_locked(const struct hf_adapter *adapter);

/** hf_mad_layer_fail_locked() - forget what is under way: ibsim is gone. */
void hf_mad_layer_fail_locked(struct hf_adapter *adapter);

#endif
