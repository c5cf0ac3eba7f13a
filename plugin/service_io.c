/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/service_io.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/umad_io.h"
#include "plugin/service_nodes.h"

#define NS_PER_MS	UINT64_C(1000000)
#define REOPEN_NS	(1000 * NS_PER_MS)
#define KEYS_NS		(5000 * NS_PER_MS)	/* between looks whether a key file is another */
#define MADS_AT_A_TIME	64
#define GUID_TEXT	24

_Static_assert(HF_SERVICE_NAME_MAX == HF_SERVICE_WIRE_NAME_MAX, "every name must fit in a message");
_Static_assert(HF_SERVICE_NODES_MAX == HF_SERVICE_LOOK_MAX, "every node must fit");

struct news {
	struct hf_services_item item;
	STAILQ_ENTRY(news) next;
};

STAILQ_HEAD(news_queue, news);

/* A service that has a key file, and the file as it was read. */
struct keyed {
	char name[HF_SERVICE_NAME_MAX + 1];
	char *path;
	struct timespec mtime;
	ino_t inode;
	struct hf_key key;
	bool is_good;
	bool is_told;		/* that it is not */
};

struct hf_service_io {
	struct hf_services *services;
	struct hf_trace *trace;
	__be64 port_guid;
	int wake_fd;
	atomic_bool is_stopping;
	bool is_started;
	pthread_t thread;

	pthread_mutex_t lock;		/* guards the queue alone; no other is taken under it */
	struct news_queue queue;

	/* Below: of the thread alone. */
	struct hf_service_nodes *nodes;
	struct keyed *keyed;		/* in order of names */
	size_t keyed_count;
	uint64_t keys_ns;		/* the next look */
	struct hf_umad *umad;
	int agent;
	uint64_t open_at_ns;		/* 0: no try has failed */
};

static void wake(struct hf_service_io *io)
{
	uint64_t one = 1;

	/* It can only fail by overflow, and then the thread is awake anyway. */
	if (write(io->wake_fd, &one, sizeof(one)) < 0)
		errno = 0;
}

/* On the services' thread. */
static void hear(void *ctx, const struct hf_services_item *item)
{
	struct hf_service_io *io = ctx;
	struct news *news = malloc(sizeof(*news));

	/* Without memory the nodes find out when they ask. */
	if (!news)
		return;
	news->item = *item;
	pthread_mutex_lock(&io->lock);
	STAILQ_INSERT_TAIL(&io->queue, news, next);
	pthread_mutex_unlock(&io->lock);
	wake(io);
}

/* What the services say */

static void copy_look(void *ctx, const struct hf_services_view *view)
{
	struct hf_service_look *look = ctx;
	bool is_beating = view->config->detection & HF_DETECTION_HEARTBEAT;

	look->is_ready = view->state != HF_SERVICE_UNKNOWN;
	look->term = view->term;
	look->owner = view->owner >= 0 ? view->nodes[view->owner].port.guid : 0;
	look->interval_ms = is_beating ? view->config->heartbeat_interval_ms : 0;
	look->count = is_beating ? view->config->heartbeat_count : 0;
	look->node_count = view->node_count;
	for (size_t i = 0; i < view->node_count; i++) {
		look->nodes[i].guid = view->nodes[i].port.guid;
		look->nodes[i].lid = view->nodes[i].is_present ? view->nodes[i].port.lid : 0;
	}
}

static int look(void *ctx, const char *name, struct hf_service_look *ret_look)
{
	struct hf_service_io *io = ctx;
	struct hf_service_look found = { 0 };

	if (!hf_services_visit(io->services, name, copy_look, &found))
		return -ENOENT;
	*ret_look = found;
	return 0;
}

static void trace_word(struct hf_service_io *io, const char *event, const char *name, uint64_t guid, uint64_t by_guid,
		       uint64_t term, int err)
{
	char subject[GUID_TEXT], by[GUID_TEXT];

	if (!io->trace)
		return;
	snprintf(subject, sizeof(subject), "0x%016" PRIx64, guid);
	snprintf(by, sizeof(by), "0x%016" PRIx64, by_guid);
	hf_trace_event(io->trace, event, "{s:s, s:s, s:s, s:I, s:s}", "service", name, "guid", subject, "by", by,
		       "term", (json_int_t)term, "result", err ? strerror(-err) : "ok");
}

static int take_failure(void *ctx, const char *name, uint64_t guid, uint64_t by_guid, uint64_t term)
{
	struct hf_service_io *io = ctx;
	int err = hf_services_report_failure(io->services, name, guid, by_guid, term);

	trace_word(io, "service_peer_failed", name, guid, by_guid, term, err);
	hf_log(HF_LOG_INFO, "service %s: port 0x%016" PRIx64 " misses heartbeats of port 0x%016" PRIx64 " at term %"
	       PRIu64 ": %s", name, by_guid, guid, term, err ? strerror(-err) : "believed");
	return err;
}

static int take_recovery(void *ctx, const char *name, uint64_t guid, uint64_t by_guid, uint64_t term)
{
	struct hf_service_io *io = ctx;
	int err = hf_services_report_recovery(io->services, name, guid, by_guid, term);

	trace_word(io, "service_peer_recovered", name, guid, by_guid, term, err);
	return err;
}

static void take_term(void *ctx, const char *name, uint64_t term)
{
	struct hf_service_io *io = ctx;

	(void)hf_services_learn_term(io->services, name, term);
}

static void take_report(void *ctx, const char *name, const struct hf_service_node_report *report)
{
	struct hf_service_io *io = ctx;

	(void)hf_services_note_report(io->services, name, report);
}

static void end_transfer(void *ctx, const char *name, uint64_t term, bool has_succeeded)
{
	struct hf_service_io *io = ctx;

	hf_trace_event(io->trace, "service_transfer_ended", "{s:s, s:I, s:b}", "service", name, "term",
		       (json_int_t)term, "succeeded", has_succeeded);
	if (!has_succeeded)
		hf_log(HF_LOG_WARN, "service %s: a state-transfer hook failed; the service stays where it is", name);
	(void)hf_services_transfer_ended(io->services, name, term, has_succeeded);
}

static void end_drain(void *ctx, const char *name, uint64_t term)
{
	struct hf_service_io *io = ctx;

	hf_trace_event(io->trace, "service_drained", "{s:s, s:I}", "service", name, "term", (json_int_t)term);
	(void)hf_services_drained(io->services, name, term);
}

static int send_mad(void *ctx, const struct hf_mad_addr *to, const struct hf_service_mad *mad)
{
	struct hf_service_io *io = ctx;

	return io->umad ? hf_umad_send(io->umad, io->agent, to, mad, sizeof(*mad), 0, 0) : -ENODEV;
}

static const struct hf_service_nodes_ops nodes_ops = {
	.send = send_mad,
	.look = look,
	.failed = take_failure,
	.recovered = take_recovery,
	.later_term = take_term,
	.reported = take_report,
	.transfer_ended = end_transfer,
	.drained = end_drain,
};

struct limits {
	int hook_ms, drain_ms;
};

static void copy_limits(void *ctx, const struct hf_services_view *view)
{
	*(struct limits *)ctx = (struct limits) { view->config->hook_limit_ms, view->config->drain_limit_ms };
}

static void tell(struct hf_service_io *io, const struct hf_services_item *item)
{
	uint64_t now_ns = hf_now_ns();
	struct limits limits = { 0 };

	hf_services_visit(io->services, item->service, copy_limits, &limits);
	switch (item->news) {
	case HF_NEWS_OWNER:
		hf_service_nodes_settle(io->nodes, now_ns, item->service);
		break;
	case HF_NEWS_TRANSFER:
		hf_service_nodes_transfer(io->nodes, now_ns, item->service, item->term, item->from.guid,
					  item->to.guid, limits.hook_ms);
		break;
	case HF_NEWS_DRAIN:
		hf_service_nodes_drain(io->nodes, now_ns, item->service, item->term, item->from.guid, item->to.guid,
				       limits.drain_ms);
		break;
	case HF_NEWS_CANCEL:
		hf_service_nodes_cancel(io->nodes, now_ns, item->service);
		break;
	case HF_NEWS_NODE:
	case HF_NEWS_REFUSED:
	case HF_NEWS_KINDS:
		break;
	}
}

/* Keys */

struct collection {
	struct keyed *keyed;
	size_t count;
	bool out_of_memory;
};

static void collect(void *ctx, const struct hf_services_view *view)
{
	struct collection *collection = ctx;
	struct keyed *grown, *keyed;

	if (!view->config->key_file)
		return;
	grown = realloc(collection->keyed, (collection->count + 1) * sizeof(*grown));
	if (grown)
		collection->keyed = grown;
	keyed = grown ? &grown[collection->count] : NULL;
	if (keyed)
		*keyed = (struct keyed) { .path = strdup(view->config->key_file) };
	if (!keyed || !keyed->path) {
		collection->out_of_memory = true;
		return;
	}
	memcpy(keyed->name, view->name, sizeof(keyed->name));
	collection->count++;
}

static void free_keyed(struct keyed *keyed, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(keyed[i].path);
	if (count)
		explicit_bzero(keyed, count * sizeof(*keyed));
	free(keyed);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct keyed *)a)->name, ((const struct keyed *)b)->name);
}

/* Reads the file if it is another than last time. A key that was good stays where the new one is not. */
static void refresh(struct keyed *keyed, const struct keyed *old)
{
	struct stat st = { 0 };
	char *error = NULL;

	if (stat(keyed->path, &st) == 0) {
		keyed->mtime = st.st_mtim;
		keyed->inode = st.st_ino;
	}
	if (old) {
		keyed->key = old->key;
		keyed->is_good = old->is_good;
		keyed->is_told = old->is_told;
		if (old->is_good && !strcmp(old->path, keyed->path) && old->inode == keyed->inode &&
		    old->mtime.tv_sec == keyed->mtime.tv_sec && old->mtime.tv_nsec == keyed->mtime.tv_nsec)
			return;
	}
	if (!hf_key_load(keyed->path, &keyed->key, &error)) {
		keyed->is_good = true;
		keyed->is_told = false;
	} else if (!keyed->is_told) {
		keyed->is_told = true;
		hf_log(HF_LOG_ERROR, "service %s: %s; its nodes %s", keyed->name, error ? error : "no memory",
		       keyed->is_good ? "are believed by the old key" : "are not believed");
	}
	free(error);
}

static void refresh_keys(struct hf_service_io *io, uint64_t now_ns)
{
	struct collection collection = { 0 };

	io->keys_ns = now_ns + KEYS_NS;
	hf_services_visit(io->services, NULL, collect, &collection);
	if (collection.out_of_memory) {
		free_keyed(collection.keyed, collection.count);
		return;
	}
	for (size_t i = 0; i < collection.count; i++) {
		struct keyed *keyed = &collection.keyed[i];

		refresh(keyed, io->keyed_count ? bsearch(keyed, io->keyed, io->keyed_count, sizeof(*keyed),
							 compare_names) : NULL);
		if (keyed->is_good && hf_service_nodes_put(io->nodes, keyed->name, &keyed->key))
			hf_log(HF_LOG_ERROR, "service %s: no memory for its nodes", keyed->name);
	}
	hf_service_nodes_sweep(io->nodes);
	free_keyed(io->keyed, io->keyed_count);
	io->keyed = collection.keyed;
	io->keyed_count = collection.count;
}

/* The port */

static int open_port(struct hf_service_io *io)
{
	static const uint8_t methods[] = { HF_SERVICE_METHOD_SET };
	struct hf_umad_port *ports = NULL;
	size_t count = 0, i;
	int err = hf_umad_list_ports(&ports, &count);

	if (err)
		return err;
	for (i = 0; i < count && ports[i].gid.guid != io->port_guid; i++)
		;
	err = i < count ? hf_umad_open(ports[i].device, ports[i].port_num, &io->umad) : -ENODEV;
	free(ports);
	if (err)
		return err;
	err = hf_umad_register_vendor(io->umad, HF_SERVICE_CLASS, HF_SERVICE_CLASS_VERSION, HF_SERVICE_OUI, methods,
				      sizeof(methods), &io->agent);
	if (err) {
		hf_umad_close(io->umad);
		io->umad = NULL;
	}
	return err;
}

static void ensure_port(struct hf_service_io *io, uint64_t now_ns)
{
	int err;

	if (io->umad || !io->keyed_count || now_ns < io->open_at_ns)
		return;
	err = open_port(io);
	if (err && !io->open_at_ns)
		hf_log(HF_LOG_WARN, "port GUID 0x%016" PRIx64 " cannot be opened for services' nodes (%s); trying on",
		       (uint64_t)be64toh(io->port_guid), strerror(-err));
	io->open_at_ns = err ? now_ns + REOPEN_NS : 0;
}

static void receive(struct hf_service_io *io)
{
	struct hf_umad_received received;
	int err = 0;

	for (int i = 0; i < MADS_AT_A_TIME && !(err = hf_umad_recv(io->umad, &received)); i++) {
		if (!received.status)
			(void)hf_service_nodes_receive(io->nodes, hf_now_ns(), &received.from, received.mad,
						       received.len);
		free(received.mad);
	}
	if (err == -ENODEV || err == -EIO) {
		hf_umad_close(io->umad);
		io->umad = NULL;
	}
}

/* The thread */

static int poll_timeout_ms(const struct hf_service_io *io)
{
	uint64_t now_ns = hf_now_ns(), deadline_ns = hf_service_nodes_deadline_ns(io->nodes);

	if (io->keys_ns < deadline_ns)
		deadline_ns = io->keys_ns;
	if (!io->umad && io->keyed_count && io->open_at_ns < deadline_ns)
		deadline_ns = io->open_at_ns;
	return deadline_ns <= now_ns ? 0 : (int)((deadline_ns - now_ns) / NS_PER_MS + 1);
}

static void wait_for_work(struct hf_service_io *io)
{
	struct pollfd fds[2] = {
		{ .fd = io->wake_fd, .events = POLLIN },
		{ .fd = io->umad ? hf_umad_fd(io->umad) : -1, .events = POLLIN },
	};
	uint64_t count;

	if (poll(fds, 2, poll_timeout_ms(io)) <= 0)
		return;
	if (fds[0].revents && read(io->wake_fd, &count, sizeof(count)) < 0)
		errno = 0;
	if (fds[1].revents)
		receive(io);
}

static void take_news(struct hf_service_io *io, bool is_heard)
{
	struct news_queue queue = STAILQ_HEAD_INITIALIZER(queue);
	struct news *news;

	pthread_mutex_lock(&io->lock);
	STAILQ_CONCAT(&queue, &io->queue);
	pthread_mutex_unlock(&io->lock);
	while ((news = STAILQ_FIRST(&queue))) {
		STAILQ_REMOVE_HEAD(&queue, next);
		if (is_heard)
			tell(io, &news->item);
		free(news);
	}
}

static void *run(void *arg)
{
	struct hf_service_io *io = arg;

	while (!atomic_load(&io->is_stopping)) {
		uint64_t now_ns = hf_now_ns();

		if (now_ns >= io->keys_ns)
			refresh_keys(io, now_ns);
		ensure_port(io, now_ns);
		wait_for_work(io);
		take_news(io, true);
		hf_service_nodes_run(io->nodes, hf_now_ns());
	}
	return NULL;
}

int hf_service_io_new(struct hf_services *services, __be64 port_guid, struct hf_trace *trace,
		      struct hf_service_io **ret_io)
{
	struct hf_service_io *io = calloc(1, sizeof(*io));
	uint64_t instance;
	int err;

	if (!io)
		return -ENOMEM;
	io->services = services;
	io->port_guid = port_guid;
	io->trace = trace;
	STAILQ_INIT(&io->queue);
	pthread_mutex_init(&io->lock, NULL);
	io->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (io->wake_fd < 0) {
		err = -errno;
		goto err_free_io;
	}
	if (getrandom(&instance, sizeof(instance), 0) != sizeof(instance)) {
		err = -errno;
		goto err_close_wake_fd;
	}
	err = hf_service_nodes_new(&nodes_ops, io, instance ? instance : 1, &io->nodes);
	if (err)
		goto err_close_wake_fd;
	err = hf_services_listen(services, hear, io);
	if (err)
		goto err_free_nodes;
	*ret_io = io;
	return 0;

err_free_nodes:
	hf_service_nodes_free(io->nodes);
err_close_wake_fd:
	close(io->wake_fd);
err_free_io:
	pthread_mutex_destroy(&io->lock);
	free(io);
	return err;
}

/* OpenSM's signals are its main thread's. */
int hf_service_io_start(struct hf_service_io *io)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&io->thread, NULL, run, io);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	io->is_started = !err;
	return err;
}

void hf_service_io_stop(struct hf_service_io *io)
{
	if (!io || !io->is_started)
		return;
	atomic_store(&io->is_stopping, true);
	wake(io);
	pthread_join(io->thread, NULL);
	io->is_started = false;
}

void hf_service_io_free(struct hf_service_io *io)
{
	if (!io)
		return;
	take_news(io, false);
	hf_umad_close(io->umad);
	hf_service_nodes_free(io->nodes);
	free_keyed(io->keyed, io->keyed_count);
	close(io->wake_fd);
	pthread_mutex_destroy(&io->lock);
	free(io);
}
