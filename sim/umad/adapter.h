/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The simulated adapters of this process. Each is one port of one node of ibsim and has one connection and one engine
 * thread of its own. An adapter connects when it is used for the first time, and again, when it is opened after
 * ibsim went away.
 *
 * The environment says which they are:
 *	IBSIM_SOCKNAME	base name of ibsim's sockets, as for ibsim itself
 *	HF_UMAD_NODES	nodes of ibsim, separated by blanks: hfsim0, hfsim1 and so on. "NODE:PORT" insists on a port;
 *			ibsim attaches to the first port of a node only
 *	SIM_HOST	the one node, where HF_UMAD_NODES is unset
 *	HF_UMAD_ISSM	if set, IsSM is set for all of them from the start
 *	HF_UMAD_DISORDER "PERCENT SEED": so many percent of the MADs of class SA come late, see sim/umad/disorder.h
 *	HF_UMAD_CAPTURE	file that all their MADs are appended to, see sim/pcap.h
 */
#ifndef HF_SIM_UMAD_ADAPTER_H
#define HF_SIM_UMAD_ADAPTER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/umad/agent.h"
#include "sim/umad/disorder.h"
#include "sim/umad/ibsim_link.h"
#include "sim/umad/lock.h"
#include "sim/umad/sysfs.h"
#include "sim/umad/transaction.h"

struct hf_file;

/* A MAD that ibsim's socket had no room for. */
struct hf_outgoing {
	struct hf_outgoing *prev, *next;
	struct hf_ibsim_mad mad;
};

struct hf_adapter {
	unsigned int index;
	char node[HF_IBSIM_NODE_NAME];
	unsigned int wanted_port; /* 0: any */

	struct hf_lock ctl_lock; /* connecting, the control socket of @link, @facts; rank: before @lock */
	bool has_complained;
	struct hf_adapter_facts facts; /* as last heard */
	uint64_t heard_ns[HF_SYSFS_N_NEEDS];

	struct hf_lock lock; /* all below; rank: after @ctl_lock, before the capture's lock */
	atomic_bool is_up; /* written under both locks or, when ibsim fails, under @lock */
	struct hf_ibsim_link link;
	uint16_t lid; /* of the port, as last heard */
	struct hf_agent_table agents;
	struct hf_transaction_table transactions;
	struct hf_outgoing *outgoing;
	struct hf_disorder disorder;
	struct hf_file *files;
	bool is_sm_held; /* an issm file is open */

	bool has_engine;
	bool is_stopping;
	int wake_fd; /* eventfd */
	uint64_t engine_wakes_ns; /* when the engine looks at the deadlines again; 0 if it is about to */
	pthread_t engine;
};

/**
 * hf_adapters() - the adapters that the environment asks for
 * @ret_count: how many; at least 1
 *
 * HF_UMAD_NODES, else SIM_HOST, else one adapter at ibsim's default node. Nothing is connected yet.
 *
 * Context: any thread.
 * Return: the array, or NULL and a count of 0 if memory is short.
 */
struct hf_adapter *hf_adapters(unsigned int *ret_count);

/**
 * hf_adapter_connect() - make sure that an adapter is connected
 * @adapter: adapter
 *
 * Context: any thread, no lock held. The first failure is reported on standard error.
 * Return: 0; -ENODEV.
 */
int hf_adapter_connect(struct hf_adapter *adapter);

/**
 * hf_adapter_get_facts() - ask ibsim about an adapter
 * @adapter:   connected if need be
 * @needs:     set of enum hf_sysfs_needs
 * @ret_facts: what @needs names is filled in, and the node's name
 *
 * Context: any thread, no lock held.
 * Return: 0; -ENODEV.
 */
int hf_adapter_get_facts(struct hf_adapter *adapter, unsigned int needs, struct hf_adapter_facts *ret_facts);

/**
 * hf_adapter_hold_sm() - set IsSM, as opening an issm file does, or clear it again
 * @adapter: connected
 * @is_sm:   set or clear
 *
 * Context: any thread, no lock held.
 * Return: 0; -EAGAIN if it is held already; -ENODEV.
 */
int hf_adapter_hold_sm(struct hf_adapter *adapter, bool is_sm);

/**
 * hf_adapter_update_requests() - have requests delivered if an agent waits for them
 * @adapter: connected
 *
 * Where another program on the same node gets them, this one does not; ibsim has one receiver of requests a node.
 * That is reported on standard error.
 *
 * Context: any thread, no lock held.
 */
void hf_adapter_update_requests(struct hf_adapter *adapter);

/**
 * hf_adapter_fail_locked() - ibsim is gone
 * @adapter: adapter
 *
 * Its files fail with EIO from now on. Context: @adapter->lock is held.
 */
void hf_adapter_fail_locked(struct hf_adapter *adapter);

/** hf_adapters_shutdown() - leave ibsim in good order, at the end of the process. */
void hf_adapters_shutdown(void);

/** hf_adapters_forget() - in the child after fork(): the connections are the parent's. Takes no lock. */
void hf_adapters_forget(void);

#endif
