/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Threads that connect, use, reset and destroy queue pairs between two devices, while someone moves those: what
 * libholdfast-verbs must never harm. Each message must arrive, each state be the one that the thread asked for, and no
 * event come that it did not ask for.
 *
 *	preload_stress SECONDS
 */
#include "verbs_tool.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS		4
#define MESSAGE_BYTES	5000
#define EXCHANGES	20
#define QUERIES		20

struct worker {
	struct wiring wiring;
	pthread_t thread;
	unsigned int seed;
	bool draws;			/* packet sequence numbers */
	struct end a, b;
	unsigned long rounds;
};

static struct end first, second;
static uint64_t deadline_ms;

/* The device is shared, the rest its own. */
static void init_end(struct end *own, const struct end *of)
{
	*own = *of;
	own->pd = ibv_alloc_pd(own->context);
	own->cq = ibv_create_cq(own->context, 1000, NULL, NULL, 0);
	own->buffer = calloc(1, BUFFER_SIZE);
	must(own->pd && own->cq && own->buffer);
	own->mr = ibv_reg_mr(own->pd, own->buffer, BUFFER_SIZE, IBV_ACCESS_LOCAL_WRITE);
	must(own->mr);
}

static void fini_end(struct end *own)
{
	must_be(ibv_dereg_mr(own->mr), 0);
	must_be(ibv_destroy_cq(own->cq), 0);
	must_be(ibv_dealloc_pd(own->pd), 0);
	free(own->buffer);
}

static void message(struct end *from, struct end *to, uint8_t value)
{
	memset(from->buffer, value, MESSAGE_BYTES);
	post_receive(to, 100000, MESSAGE_BYTES);
	post_send(from, 0, MESSAGE_BYTES);
	complete_with(to, IBV_WC_SUCCESS);
	complete_with(from, IBV_WC_SUCCESS);
	must(memcmp(from->buffer, to->buffer + 100000, MESSAGE_BYTES) == 0);
}

/* For each connection others, as libraries do, or always the same, as many programs do. */
static void choose_psn(struct worker *worker)
{
	if (worker->draws)
		worker->wiring.psn = (rand_r(&worker->seed) ^ (unsigned int)rand_r(&worker->seed) << 12) & 0xffffff;
}

static void look(struct worker *worker)
{
	for (int i = 0; i < QUERIES; i++)
		must_be(state_of(worker->a.qp), IBV_QPS_RTS);
}

static void reset(struct end *end)
{
	struct ibv_qp_attr attr = { 0 };

	must_be(modify(end->qp, &attr, IBV_QPS_RESET, 0), 0);
	must_be(state_of(end->qp), IBV_QPS_RESET);
}

static void connect_one(struct end *end, struct end *other, const struct wiring *wiring)
{
	to_init(end, wiring);
	to_rtr(end, other, wiring);
	to_rts(end, other, wiring);
}

static void connect_again(struct worker *worker)
{
	choose_psn(worker);
	reset(&worker->a);
	reset(&worker->b);
	connect_one(&worker->a, &worker->b, &worker->wiring);
	connect_one(&worker->b, &worker->a, &worker->wiring);
	message(&worker->a, &worker->b, 1);
}

/* One end is there again while the other is still as it was. */
static void connect_in_turn(struct worker *worker)
{
	choose_psn(worker);
	reset(&worker->a);
	connect_one(&worker->a, &worker->b, &worker->wiring);
	look(worker);
	reset(&worker->b);
	connect_one(&worker->b, &worker->a, &worker->wiring);
	message(&worker->a, &worker->b, 1);
}

static void fail_one(struct worker *worker)
{
	struct ibv_qp_attr attr = { 0 };

	must_be(modify(worker->a.qp, &attr, IBV_QPS_ERR, 0), 0);
	must_be(state_of(worker->a.qp), IBV_QPS_ERR);
}

/* What leaves a queue pair where it is. */
static void adjust(struct worker *worker)
{
	for (int i = 0; i < QUERIES; i++) {
		struct ibv_qp_attr attr = { .min_rnr_timer = 1 + i, .qp_access_flags = worker->wiring.access };

		must_be(modify(worker->a.qp, &attr, IBV_QPS_RTS, IBV_QP_MIN_RNR_TIMER), 0);
		must_be(query(worker->a.qp).min_rnr_timer, 1 + i);
		must_be(ibv_modify_qp(worker->b.qp, &attr, IBV_QP_ACCESS_FLAGS), 0);
	}
	message(&worker->b, &worker->a, 3);
}

/* What a move does, by the program itself. The kernel's software adapter has no SL, and tells all of each drain. */
static void drain(struct worker *worker)
{
	struct ibv_qp_attr attr = attributes(&worker->a, &worker->b, &worker->wiring);
	struct ibv_qp_attr seen;

	if (worker->a.port.link_layer == IBV_LINK_LAYER_ETHERNET)
		return;
	must_be(modify(worker->a.qp, &attr, IBV_QPS_SQD, 0), 0);
	do {
		seen = query(worker->a.qp);
		must_be(seen.qp_state, IBV_QPS_SQD);
	} while (seen.sq_draining);
	attr.ah_attr.sl = 1;
	must_be(ibv_modify_qp(worker->a.qp, &attr, IBV_QP_AV), 0);
	must_be(query(worker->a.qp).ah_attr.sl, 1);
	must_be(modify(worker->a.qp, &attr, IBV_QPS_RTS, 0), 0);
	message(&worker->a, &worker->b, 2);
}

static void leave_unfinished(struct worker *worker)
{
	for (int i = 0; i < EXCHANGES; i++)
		post_send(&worker->a, 0, MESSAGE_BYTES);
}

static void *work(void *argument)
{
	static void (*const endings[])(struct worker *worker) = {
		connect_again, connect_in_turn, fail_one, look, adjust, drain, leave_unfinished,
	};
	struct worker *worker = argument;

	worker->wiring = plain_wiring;
	init_end(&worker->a, &first);
	init_end(&worker->b, &second);
	while (clock_ms() < deadline_ms) {
		unsigned int count = rand_r(&worker->seed) % EXCHANGES;
		struct ibv_wc wc;

		choose_psn(worker);
		connect_ends(&worker->a, &worker->b, &worker->wiring);
		for (unsigned int i = 0; i < count; i++)
			message(i % 2 ? &worker->a : &worker->b, i % 2 ? &worker->b : &worker->a, i);
		endings[rand_r(&worker->seed) % (sizeof(endings) / sizeof(endings[0]))](worker);
		must_be(ibv_destroy_qp(worker->a.qp), 0);
		must_be(ibv_destroy_qp(worker->b.qp), 0);
		/* What a failure or the end has left. */
		while (ibv_poll_cq(worker->a.cq, 1, &wc) > 0 || ibv_poll_cq(worker->b.cq, 1, &wc) > 0)
			;
		worker->rounds++;
	}
	fini_end(&worker->a);
	fini_end(&worker->b);
	return NULL;
}

/* No event of a move's may be seen; others may. */
static void *watch(void *argument)
{
	struct ibv_context *context = argument;
	struct ibv_async_event event;

	while (ibv_get_async_event(context, &event) == 0) {
		must(event.event_type != IBV_EVENT_SQ_DRAINED && event.event_type != IBV_EVENT_PATH_MIG);
		ibv_ack_async_event(&event);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS];
	unsigned long rounds = 0;
	pthread_t watchers[2];

	if (argc != 2) {
		fprintf(stderr, "usage: preload_stress SECONDS\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_end(&first, 0);
	open_end(&second, 1);
	must_be(pthread_create(&watchers[0], NULL, watch, first.context), 0);
	must_be(pthread_create(&watchers[1], NULL, watch, second.context), 0);
	deadline_ms = clock_ms() + strtoul(argv[1], NULL, 10) * 1000;
	for (int i = 0; i < THREADS; i++) {
		workers[i].seed = i + 1;
		workers[i].draws = i % 2;
		must_be(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	puts("ready");
	for (int i = 0; i < THREADS; i++) {
		must_be(pthread_join(workers[i].thread, NULL), 0);
		rounds += workers[i].rounds;
	}
	for (int i = 0; i < 2; i++) {
		pthread_cancel(watchers[i]);
		pthread_join(watchers[i], NULL);
	}
	printf("%lu rounds\n", rounds);
	return 0;
}
