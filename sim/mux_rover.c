/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/mux_rover.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "lib/log.h"
#include "lib/trace.h"

#define MAX_JOBS	8192
#define FIRST_ID	0x40000000U /* process ids end at 2^22 */
#define LAST_ID		0x7fffffffU /* ibsim prints ids as signed */
#define NSEC_PER_MSEC	UINT64_C(1000000)
#define CONNECT_RETRY_NS 10000000L
#define STOP_MS		1000
#define NO_SLOT		UINT32_MAX

/* What the request that ibsim has not answered yet is for. */
enum step {
	STEP_NONE,
	STEP_FLUSH,	/* an answer means: ibsim turns to all MADs sent before, before it reads the next request */
	STEP_DETACH,
	STEP_ATTACH,
	STEP_JOB,
};

struct hf_mux_rover {
	const char *basename;
	const struct hf_mux_rover_ops *ops;
	void *ctx;
	int ctl_fd, data_fd;
	uint32_t ctl_id, data_id;
	struct event *ctl_readable, *data_readable, *kick;
	struct hf_mux_job *jobs;
	unsigned int job_count;
	enum step step;
	uint32_t slot; /* NO_SLOT: not attached */
	char node[HF_IBSIM_NODE_NAME]; /* where */
	bool has_sent; /* MADs since the last flush */
	bool is_stopped;
	bool is_sm; /* set or cleared IsSM here: ibsim would give us other nodes' requests from now on */
};

static int bind_free_id(int fd, const char *basename, const char *channel, uint32_t *id)
{
	struct sockaddr_un addr;

	for (; *id < LAST_ID; (*id)++) {
		socklen_t length = hf_ibsim_address(&addr, basename, channel, (int)*id);

		if (!length)
			return -ENAMETOOLONG;
		if (bind(fd, (struct sockaddr *)&addr, length) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return -errno;
	}
	return -EADDRINUSE;
}

static int open_bound(const char *basename, const char *channel, uint32_t *id)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;

	int ret = bind_free_id(fd, basename, channel, id);

	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}

int hf_mux_rover_bind(const struct hf_mux_rover *rover, int *ret_fd, uint32_t *ret_id)
{
	uint32_t id = FIRST_ID + (uint32_t)getpid();
	int fd = open_bound(rover->basename, "in", &id);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	*ret_id = id;
	return 0;
}

static void lose_ibsim(struct hf_mux_rover *rover)
{
	hf_log(HF_LOG_ERROR, "ibsim \"%s\" is gone (%s)", rover->basename, strerror(errno));
	rover->is_stopped = true;
	rover->ops->lost(rover->ctx);
}

static void ask(struct hf_mux_rover *rover, enum step step, const struct hf_ibsim_ctl *ctl)
{
	if (send(rover->ctl_fd, ctl, sizeof(*ctl), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		lose_ibsim(rover);
	else
		rover->step = step;
}

static void ask_short(struct hf_mux_rover *rover, enum step step, enum hf_ibsim_ctl_type type)
{
	struct hf_ibsim_ctl ctl = { .magic = HF_IBSIM_MAGIC, .slot = rover->slot, .type = type };

	ask(rover, step, &ctl);
}

static void attach(struct hf_mux_rover *rover, const char *node)
{
	struct hf_ibsim_ctl ctl = { .magic = HF_IBSIM_MAGIC, .type = HF_IBSIM_CTL_CONNECT };
	struct hf_ibsim_client client = { .id = rover->data_id };

	memcpy(client.node, node, sizeof(client.node));
	memcpy(ctl.data, &client, sizeof(client));
	ctl.length = sizeof(client);
	ask(rover, STEP_ATTACH, &ctl);
}

static void finish(struct hf_mux_rover *rover, bool is_ok)
{
	struct hf_mux_job *job = rover->jobs;

	DL_DELETE(rover->jobs, job);
	rover->job_count--;
	if (job->done)
		job->done(job, is_ok);
	free(job);
}

static void send_mad(struct hf_mux_rover *rover, const struct hf_ibsim_mad *mad)
{
	struct sockaddr_un addr;
	socklen_t length = hf_ibsim_address(&addr, rover->basename, "out", (int)rover->slot);

	/* Where ibsim is busy, the MAD is lost like any other MAD; its sender asks again. */
	sendto(rover->data_fd, mad, sizeof(*mad), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&addr, length);
	rover->has_sent = true;
}

static void do_job(struct hf_mux_rover *rover, struct hf_mux_job *job)
{
	switch (job->kind) {
	case HF_MUX_JOB_ASK:
		job->ctl.slot = rover->slot;
		rover->is_sm |= job->ctl.type == HF_IBSIM_CTL_SET_ISSM;
		ask(rover, STEP_JOB, &job->ctl);
		break;
	case HF_MUX_JOB_PLAIN:
		ask(rover, STEP_JOB, &job->ctl);
		break;
	case HF_MUX_JOB_SEND:
		send_mad(rover, &job->mad);
		finish(rover, true);
		break;
	case HF_MUX_JOB_MARK:
		finish(rover, true);
		break;
	}
}

static bool needs_place(const struct hf_mux_job *job)
{
	return job && (job->kind == HF_MUX_JOB_ASK || job->kind == HF_MUX_JOB_SEND);
}

static bool is_in_place(const struct hf_mux_rover *rover, const struct hf_mux_job *job)
{
	return rover->slot != NO_SLOT && !rover->is_sm && strcmp(rover->node, job->node) == 0;
}

static void leave(struct hf_mux_rover *rover)
{
	if (rover->has_sent)
		ask_short(rover, STEP_FLUSH, HF_IBSIM_CTL_GET_PORT);
	else
		ask_short(rover, STEP_DETACH, HF_IBSIM_CTL_DISCONNECT);
}

/* Does what can be done before ibsim must answer. The next step follows from where the rover is. */
static void advance(struct hf_mux_rover *rover)
{
	while (rover->step == STEP_NONE && !rover->is_stopped) {
		struct hf_mux_job *job = rover->jobs;
		bool must_move = needs_place(job) && !is_in_place(rover, job);

		if (rover->slot != NO_SLOT && (rover->is_sm || must_move))
			leave(rover);
		else if (must_move)
			attach(rover, job->node);
		else if (job)
			do_job(rover, job);
		else
			break;
	}
}

static void attached(struct hf_mux_rover *rover, const struct hf_ibsim_ctl *answer)
{
	struct hf_mux_job *job = rover->jobs;
	struct hf_ibsim_client client;

	memcpy(&client, answer->data, sizeof(client));
	if (answer->type != HF_IBSIM_CTL_CONNECT || client.id >= HF_IBSIM_CLIENTS) {
		finish(rover, false);
		return;
	}
	rover->slot = client.id;
	rover->has_sent = rover->is_sm = false;
	/* ibsim may know the node by its description too and cuts long names: keep its own name where that finds it. */
	if (strnlen(client.node, sizeof(client.node)) < sizeof(client.node) - 1)
		memcpy(job->node, client.node, sizeof(job->node));
	memcpy(rover->node, job->node, sizeof(rover->node));
}

static void answered(struct hf_mux_rover *rover, const struct hf_ibsim_ctl *answer)
{
	enum step step = rover->step;

	rover->step = STEP_NONE;
	switch (step) {
	case STEP_NONE:
		break;
	case STEP_FLUSH:
		rover->has_sent = false;
		break;
	case STEP_DETACH:
		rover->slot = NO_SLOT;
		rover->is_sm = false;
		break;
	case STEP_ATTACH:
		attached(rover, answer);
		break;
	case STEP_JOB:
		rover->jobs->ctl = *answer;
		finish(rover, answer->type != HF_IBSIM_CTL_ERROR);
		break;
	}
	advance(rover);
}

static void on_ctl_readable(evutil_socket_t fd, short what, void *arg)
{
	struct hf_mux_rover *rover = arg;
	struct hf_ibsim_ctl ctl;
	ssize_t length = recv(fd, &ctl, sizeof(ctl), MSG_DONTWAIT | MSG_TRUNC);

	(void)what;
	if (length < 0 && errno != EAGAIN && errno != EINTR)
		lose_ibsim(rover);
	else if (length == (ssize_t)sizeof(ctl) && ctl.magic == HF_IBSIM_MAGIC)
		answered(rover, &ctl);
}

static void on_data_readable(evutil_socket_t fd, short what, void *arg)
{
	struct hf_mux_rover *rover = arg;
	struct hf_ibsim_mad mad;
	ssize_t length;

	(void)what;
	while ((length = recv(fd, &mad, sizeof(mad), MSG_DONTWAIT | MSG_TRUNC)) >= 0) {
		if (length == (ssize_t)sizeof(mad))
			rover->ops->received(rover->ctx, &mad);
	}
}

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	advance(arg);
}

static int connect_ctl(const struct hf_mux_rover *rover)
{
	struct sockaddr_un addr;
	socklen_t length = hf_ibsim_address(&addr, rover->basename, "ctl", -1);

	return connect(rover->ctl_fd, (struct sockaddr *)&addr, length) ? -errno : 0;
}

static int wait_for_ibsim(const struct hf_mux_rover *rover, unsigned int wait_ms)
{
	const struct timespec pause = { .tv_nsec = CONNECT_RETRY_NS };
	uint64_t deadline_ns = hf_now_ns() + wait_ms * NSEC_PER_MSEC;
	int ret;

	while ((ret = connect_ctl(rover)) == -ECONNREFUSED) {
		if (hf_now_ns() >= deadline_ns)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return ret;
}

void hf_mux_rover_probe(struct hf_mux_rover *rover)
{
	if (!rover->is_stopped && connect_ctl(rover))
		lose_ibsim(rover);
}

static int open_sockets(struct hf_mux_rover *rover, unsigned int wait_ms)
{
	int ret = hf_mux_rover_bind(rover, &rover->data_fd, &rover->data_id);

	if (ret)
		return ret;
	rover->ctl_id = rover->data_id;
	rover->ctl_fd = open_bound(rover->basename, "ctl", &rover->ctl_id);
	if (rover->ctl_fd < 0)
		return rover->ctl_fd;
	return wait_for_ibsim(rover, wait_ms);
}

static int add_events(struct hf_mux_rover *rover, struct event_base *base)
{
	rover->ctl_readable = event_new(base, rover->ctl_fd, EV_READ | EV_PERSIST, on_ctl_readable, rover);
	rover->data_readable = event_new(base, rover->data_fd, EV_READ | EV_PERSIST, on_data_readable, rover);
	rover->kick = event_new(base, -1, 0, on_kick, rover);
	if (!rover->ctl_readable || !rover->data_readable || !rover->kick)
		return -ENOMEM;
	return event_add(rover->ctl_readable, NULL) || event_add(rover->data_readable, NULL) ? -ENOMEM : 0;
}

int hf_mux_rover_new(struct event_base *base, const char *basename, unsigned int wait_ms,
		     const struct hf_mux_rover_ops *ops, void *ctx, struct hf_mux_rover **ret_rover)
{
	struct hf_mux_rover *rover = calloc(1, sizeof(*rover));

	if (!rover)
		return -ENOMEM;
	*rover = (struct hf_mux_rover){
		.basename = basename, .ops = ops, .ctx = ctx, .ctl_fd = -1, .data_fd = -1, .slot = NO_SLOT,
	};

	int ret = open_sockets(rover, wait_ms);

	if (ret == 0)
		ret = add_events(rover, base);
	if (ret) {
		hf_mux_rover_free(rover);
		return ret;
	}
	*ret_rover = rover;
	return 0;
}

void hf_mux_rover_stop(struct hf_mux_rover *rover)
{
	struct pollfd readable = { .fd = rover->ctl_fd, .events = POLLIN };

	rover->is_stopped = true;
	if (rover->step != STEP_NONE && poll(&readable, 1, STOP_MS) > 0)
		on_ctl_readable(rover->ctl_fd, 0, rover);
}

void hf_mux_rover_release(struct hf_mux_rover *rover, uint32_t slot)
{
	struct hf_ibsim_ctl ctl = {
		.magic = HF_IBSIM_MAGIC, .slot = slot, .type = HF_IBSIM_CTL_DISCONNECT,
	};

	send(rover->ctl_fd, &ctl, sizeof(ctl), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

void hf_mux_rover_free(struct hf_mux_rover *rover)
{
	struct hf_mux_job *job, *next;

	if (!rover)
		return;
	if (rover->slot != NO_SLOT)
		hf_mux_rover_release(rover, rover->slot);
	DL_FOREACH_SAFE(rover->jobs, job, next) {
		free(job);
	}
	free_event(rover->ctl_readable);
	free_event(rover->data_readable);
	free_event(rover->kick);
	if (rover->ctl_fd >= 0)
		close(rover->ctl_fd);
	if (rover->data_fd >= 0)
		close(rover->data_fd);
	free(rover);
}

int hf_mux_rover_submit(struct hf_mux_rover *rover, const struct hf_mux_job *job)
{
	if (rover->job_count >= MAX_JOBS)
		return -EBUSY;

	struct hf_mux_job *copy = malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *job;
	DL_APPEND(rover->jobs, copy);
	rover->job_count++;
	event_active(rover->kick, 0, 0);
	return 0;
}

/* The first job may be under way: ibsim's answer must still find it. */
void hf_mux_rover_forget(struct hf_mux_rover *rover, const void *owner)
{
	struct hf_mux_job *job, *next;

	DL_FOREACH_SAFE(rover->jobs, job, next) {
		if (job->owner != owner)
			continue;
		job->done = NULL;
		job->owner = NULL;
		if (job == rover->jobs)
			continue;
		DL_DELETE(rover->jobs, job);
		rover->job_count--;
		free(job);
	}
}
