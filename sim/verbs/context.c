/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "lib/crc32.h"
#include "sim/verbs/exports.h"

#define STATE_ACTIVE	4
#define SPIN_NS		20000		/* after something came in, more may follow at once */
#define NAP_NS		1000000		/* while the program itself looks for completions all the time */
#define SLEEP_NS	UINT64_C(1000000000)
#define WATCH_MS	1000
#define VECTORS		1
#define QPS_APART	97

uint64_t hf_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void hf_context_lock(struct hf_context *context)
{
	pthread_mutex_lock(&context->lock);
}

void hf_context_unlock(struct hf_context *context)
{
	pthread_mutex_unlock(&context->lock);
}

int hf_context_port(const struct hf_context *context, unsigned int number, struct hf_map_port *ret_port)
{
	uint32_t index;
	int err = number ? hf_map_find_port(&context->fabric, &context->node, number, &index) : -ENOENT;

	return err ? err : hf_map_get_port(&context->fabric, index, ret_port);
}

/* ------------------------------------------------------------------------------- progress ---- */

static void run_work(struct hf_context *context)
{
	/* Those that come to the list meanwhile are run too, unless they wait for others. */
	while (context->work) {
		struct hf_qp *qp = context->work;

		DL_DELETE2(context->work, qp, work_prev, work_next);
		qp->is_working = false;
		hf_responder_run_locked(qp);
		hf_requester_run_locked(qp);
	}
}

static void run_timers(struct hf_context *context)
{
	struct hf_qp *qp, *next;
	uint64_t now_ns;

	if (!context->timed)
		return;
	now_ns = hf_clock_ns();
	DL_FOREACH_SAFE2(context->timed, qp, next, timed_next)
		if (qp->deadline_ns <= now_ns)
			hf_requester_timer_locked(qp, now_ns);
}

static bool progress(struct hf_context *context)
{
	bool is_found = hf_wire_receive_locked(context);

	run_timers(context);
	run_work(context);
	return is_found;
}

void hf_progress_locked(struct hf_context *context)
{
	progress(context);
}

static uint64_t next_deadline(const struct hf_context *context)
{
	uint64_t deadline_ns = HF_NEVER;
	const struct hf_qp *qp;

	DL_FOREACH2(context->timed, qp, timed_next)
		if (qp->deadline_ns < deadline_ns)
			deadline_ns = qp->deadline_ns;
	return deadline_ns;
}

void hf_context_wake_by_locked(struct hf_context *context, uint64_t deadline_ns)
{
	if (context->wakes_ns <= deadline_ns)
		return;
	context->wakes_ns = 0;
	hf_endpoint_wake(&context->endpoint);
}

/*
 * Sleep with the lock released. While the program polls, it makes the progress itself and needs no one to be woken for
 * it; the thread only looks now and then whether it still does.
 */
static void sleep_locked(struct hf_context *context, bool listens)
{
	uint64_t now_ns = hf_clock_ns(), span_ns = listens ? SLEEP_NS : NAP_NS, deadline_ns = next_deadline(context);
	unsigned int bell = hf_endpoint_bell(&context->endpoint);

	if (deadline_ns <= now_ns)
		return;
	if (deadline_ns - now_ns < span_ns)
		span_ns = deadline_ns - now_ns;
	context->wakes_ns = now_ns + span_ns;
	hf_context_unlock(context);
	hf_endpoint_sleep(&context->endpoint, bell, listens, span_ns);
	hf_context_lock(context);
	context->wakes_ns = 0;
}

static void *run(void *argument)
{
	struct hf_context *context = argument;
	unsigned int polls = 0;
	uint64_t found_ns = 0;

	hf_context_lock(context);
	while (!context->is_stopping) {
		bool polled = context->polls != polls && !context->is_signalled;

		polls = context->polls;
		context->is_signalled = false;
		if (polled) {
			sleep_locked(context, false);
			continue;
		}
		if (progress(context)) {
			found_ns = hf_clock_ns();
		} else if (hf_clock_ns() - found_ns > SPIN_NS) {
			sleep_locked(context, true);
			continue;
		}
		hf_context_unlock(context);
		sched_yield();
		hf_context_lock(context);
	}
	hf_context_unlock(context);
	return NULL;
}

/* ----------------------------------------------------------------------------- port events ---- */

static struct hf_port_seen look_at(const struct hf_context *context, unsigned int number)
{
	struct hf_port_seen seen = { .state = 0 };
	struct hf_crc32 pkeys, gids;
	struct hf_map_port port;
	uint16_t pkey;
	__be64 guid;

	if (hf_context_port(context, number, &port) < 0)
		return seen;
	hf_crc32_init(&pkeys);
	for (unsigned int i = 0; hf_map_get_pkey(&context->fabric, &port, i, &pkey) == 0; i++)
		hf_crc32_add(&pkeys, &pkey, sizeof(pkey));
	hf_crc32_init(&gids);
	hf_crc32_add(&gids, &port.gid_prefix, sizeof(port.gid_prefix));
	for (unsigned int i = 0; hf_map_get_guid(&context->fabric, &port, i, &guid) == 0; i++)
		hf_crc32_add(&gids, &guid, sizeof(guid));
	return (struct hf_port_seen){
		.state = port.state,
		.lid = port.lid,
		.sm_lid = port.sm_lid,
		.pkeys = hf_crc32_value(&pkeys),
		.gids = hf_crc32_value(&gids),
	};
}

static void tell_port(struct hf_context *context, unsigned int number)
{
	struct hf_port_seen now = look_at(context, number), before = context->ports[number];

	context->ports[number] = now;
	if (before.state == STATE_ACTIVE && now.state != STATE_ACTIVE)
		hf_event_port_locked(context, number, IBV_EVENT_PORT_ERR);
	if (now.lid != before.lid)
		hf_event_port_locked(context, number, IBV_EVENT_LID_CHANGE);
	if (now.sm_lid != before.sm_lid)
		hf_event_port_locked(context, number, IBV_EVENT_SM_CHANGE);
	if (now.pkeys != before.pkeys)
		hf_event_port_locked(context, number, IBV_EVENT_PKEY_CHANGE);
	if (now.gids != before.gids)
		hf_event_port_locked(context, number, IBV_EVENT_GID_CHANGE);
	if (before.state != STATE_ACTIVE && now.state == STATE_ACTIVE)
		hf_event_port_locked(context, number, IBV_EVENT_PORT_ACTIVE);
}

static void *watch(void *argument)
{
	struct hf_context *context = argument;
	unsigned int seen = hf_map_generation(&context->fabric) - 1;

	while (!context->is_stopping) {
		unsigned int now = hf_map_generation(&context->fabric);

		if (now == seen) {
			hf_map_wait(&context->fabric, seen, WATCH_MS);
			continue;
		}
		seen = now;
		hf_context_lock(context);
		for (unsigned int number = 1; number <= context->node.port_count; number++)
			tell_port(context, number);
		hf_context_unlock(context);
	}
	return NULL;
}

/* ------------------------------------------------------------------------ opened and closed ---- */

static int start_threads(struct hf_context *context)
{
	sigset_t all, before;
	int err;

	/* The program's signals are for its own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&context->thread, NULL, run, context);
	if (!err)
		err = pthread_create(&context->watcher, NULL, watch, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

static void init_verbs(struct hf_context *context, struct ibv_device *device)
{
	struct verbs_context *verbs = &context->verbs;

	verbs->sz = sizeof(*verbs);
	verbs->query_port = hf_query_port;
	verbs->query_device_ex = hf_query_device_ex;
	verbs->create_qp_ex = hf_create_qp_ex;
	verbs->create_cq_ex = hf_create_cq_ex;
	verbs->create_srq_ex = hf_create_srq_ex;
	verbs->context.device = device;
	verbs->context.ops = (struct ibv_context_ops){
		.alloc_mw = hf_alloc_mw,
		.bind_mw = hf_bind_mw,
		.dealloc_mw = hf_dealloc_mw,
		.poll_cq = hf_poll_cq,
		.req_notify_cq = hf_req_notify_cq,
		.post_srq_recv = hf_post_srq_recv,
		.post_send = hf_post_send,
		.post_recv = hf_post_recv,
	};
	verbs->context.cmd_fd = -1;
	verbs->context.async_fd = context->events.read_fd;
	verbs->context.num_comp_vectors = VECTORS;
	pthread_mutex_init(&verbs->context.mutex, NULL);
	verbs->context.abi_compat = __VERBS_ABI_IS_EXTENDED;
}

static void release(struct hf_context *context)
{
	free(context->qps);
	free(context->keys);
	free(context->ports);
	free(context);
}

struct ibv_context *hf_ibv_open_device(struct ibv_device *ibv)
{
	const struct hf_device *device = (const struct hf_device *)ibv;
	struct hf_context *context = calloc(1, sizeof(*context));
	int err;

	if (!context)
		return NULL;
	pthread_mutex_init(&context->lock, NULL);
	context->qps = calloc(HF_MAX_QPS, sizeof(*context->qps));
	context->keys = calloc(HF_MAX_KEYS, sizeof(*context->keys));
	context->ports = calloc(UINT8_MAX + 1, sizeof(*context->ports));
	err = -ENOMEM;
	if (!context->qps || !context->keys || !context->ports)
		goto err_release;
	err = hf_map_open(&context->fabric, getenv(HF_FABRIC_MAP_ENV));
	if (err)
		goto err_release;
	err = hf_map_find_node(&context->fabric, device->node, &context->node);
	if (err)
		goto err_fabric;
	err = hf_event_queue_init(&context->events);
	if (err)
		goto err_fabric;
	err = hf_endpoint_open(&context->endpoint, getenv(HF_FABRIC_MAP_ENV), context->node.index);
	if (err)
		goto err_events;
	/* Not the numbers that the last one had who was this endpoint: its peers may not know yet that it has gone. */
	context->next_qp = context->endpoint.incarnation * QPS_APART;
	init_verbs(context, ibv);
	for (unsigned int number = 1; number <= context->node.port_count; number++)
		context->ports[number] = look_at(context, number);
	err = start_threads(context);
	if (err)
		goto err_endpoint;
	return &context->verbs.context;

err_endpoint:
	hf_endpoint_close(&context->endpoint);
err_events:
	hf_event_queue_fini(&context->events);
err_fabric:
	hf_map_close(&context->fabric);
err_release:
	fprintf(stderr, "hfsim-verbs: %s at node \"%s\": %s\n", ibv->name, device->node, strerror(-err));
	release(context);
	errno = -err;
	return NULL;
}

int hf_ibv_close_device(struct ibv_context *ibv)
{
	struct hf_context *context = hf_context_of(ibv);
	const struct timespec moment = { .tv_nsec = 200000 };

	hf_context_lock(context);
	hf_progress_locked(context);
	context->is_stopping = true;
	hf_context_unlock(context);
	hf_endpoint_wake(&context->endpoint);
	pthread_join(context->thread, NULL);
	while (pthread_tryjoin_np(context->watcher, NULL) == EBUSY) {
		hf_map_wake(&context->fabric);
		nanosleep(&moment, NULL);
	}
	hf_endpoint_close(&context->endpoint);
	hf_event_queue_fini(&context->events);
	hf_map_close(&context->fabric);
	release(context);
	return 0;
}
