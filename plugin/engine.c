/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/engine_impl.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

static void trace_plain(struct hf_engine *engine, const struct hf_engine_event *event, const char *name)
{
	hf_trace_event(engine->config.trace, name, "{s:I}", "t", (json_int_t)event->at_ns);
}

static void handle_event(struct hf_engine *engine, struct hf_engine_event *event)
{
	bool is_reroute = event->copy.tables && event->copy.tables->routing.reroute;

	switch (event->kind) {
	case HF_EVENT_TRAP:
		atomic_fetch_sub(&engine->traps_posted, 1);
		hf_trace_event(engine->config.trace, "trap", "{s:I, s:i, s:i}", "t", (json_int_t)event->at_ns,
			       "num", event->trap_num, "lid", event->issuer_lid);
		break;
	case HF_EVENT_SWEEP_START:
		trace_plain(engine, event, "sweep_start");
		break;
	case HF_EVENT_ROUTING:
		hf_engine_take_routing(engine, event);
		if (is_reroute)
			hf_bulk_end_announcement(engine->config.bulk);
		break;
	case HF_EVENT_LOST_ROUTING:
		hf_engine_lose_routing(engine);
		break;
	case HF_EVENT_SUBNET_UP:
		trace_plain(engine, event, "subnet_up");
		hf_engine_update_waiting(engine, &event->update);
		hf_engine_announce(engine);
		hf_engine_tell_lost(engine, event->update.subscribers, event->update.n_subscribers);
		hf_bulk_end_announcement(engine->config.bulk);
		break;
	case HF_EVENT_NOT_MASTER:
		engine->status.is_master = false;
		engine->status.routing = (struct hf_status_routing) { 0 };
		engine->status.is_fallback = false;
		hf_reporter_keep(engine->reporter, NULL, 0);
		hf_engine_forget_routings(engine);
		break;
	}
}

static void handle_posted(struct hf_engine *engine)
{
	struct hf_engine_event *event = hf_engine_take_posted(engine);

	while (event) {
		struct hf_engine_event *next = event->next;

		if (!atomic_load(&engine->is_stopping))
			handle_event(engine, event);
		hf_engine_free_event(event);
		event = next;
	}
	if (atomic_exchange(&engine->is_dropped, false))
		hf_engine_lose_routing(engine);
}

static int poll_timeout_ms(const struct hf_engine *engine)
{
	uint64_t now_ns = hf_now_ns();
	uint64_t deadline_ns = engine->umad ? hf_reporter_deadline(engine->reporter) : UINT64_MAX;

	if (engine->wants_umad && !engine->umad)
		deadline_ns = engine->open_at_ns;
	if (deadline_ns == UINT64_MAX)
		return -1;
	if (deadline_ns <= now_ns)
		return 0;
	return (deadline_ns - now_ns) / NS_PER_MS + 1;
}

static void wait_for_work(struct hf_engine *engine)
{
	struct pollfd fds[2] = {
		{ .fd = engine->wake_fd, .events = POLLIN },
		{ .fd = engine->umad ? hf_umad_fd(engine->umad) : -1, .events = POLLIN },
	};
	uint64_t count;

	if (poll(fds, 2, poll_timeout_ms(engine)) <= 0)
		return;
	if (fds[0].revents && read(engine->wake_fd, &count, sizeof(count)) < 0)
		errno = 0;
	if (fds[1].revents)
		hf_engine_receive(engine);
}

static void *run(void *arg)
{
	struct hf_engine *engine = arg;

	while (!atomic_load(&engine->is_stopping)) {
		wait_for_work(engine);
		handle_posted(engine);
		hf_engine_ensure_port(engine, hf_now_ns());
		if (engine->umad)
			hf_reporter_run(engine->reporter, hf_now_ns());
		hf_engine_finish_announcements(engine);
		hf_engine_publish_status(engine);
	}
	return NULL;
}

/* OpenSM's signals are its main thread's. */
static int start_thread(struct hf_engine *engine)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&engine->thread, NULL, run, engine);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

int hf_engine_start(const struct hf_engine_config *config, struct hf_engine **ret_engine)
{
	struct hf_engine *engine = calloc(1, sizeof(*engine));
	uint32_t first_id;
	int err;

	if (!engine)
		return -ENOMEM;
	engine->config = *config;
	TAILQ_INIT(&engine->announcements);
	if (getrandom(&first_id, sizeof(first_id), 0) != sizeof(first_id)) {
		err = -errno;
		goto err_free_engine;
	}
	engine->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (engine->wake_fd < 0) {
		err = -errno;
		goto err_free_engine;
	}
	err = hf_reporter_new(&config->reporter, &hf_engine_reporter_ops, engine, first_id, &engine->reporter);
	if (err)
		goto err_close_wake_fd;
	err = start_thread(engine);
	if (err)
		goto err_free_reporter;
	*ret_engine = engine;
	return 0;

err_free_reporter:
	hf_reporter_free(engine->reporter);
err_close_wake_fd:
	close(engine->wake_fd);
err_free_engine:
	free(engine);
	return err;
}

void hf_engine_stop(struct hf_engine *engine)
{
	struct hf_engine_announcement *announcement;

	if (!engine)
		return;
	atomic_store(&engine->is_stopping, true);
	hf_engine_wake(engine);
	pthread_join(engine->thread, NULL);
	handle_posted(engine);
	hf_engine_forget_routings(engine);
	hf_reporter_free(engine->reporter);
	while ((announcement = TAILQ_FIRST(&engine->announcements))) {
		TAILQ_REMOVE(&engine->announcements, announcement, next);
		free(announcement);
	}
	hf_umad_close(engine->umad);
	close(engine->wake_fd);
	free(engine);
}
