/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/mux_pipe.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS_PER_TURN 64 /* then others get their turn */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct hf_mux_pipe *pipe = arg;
	struct hf_ibsim_mad mad;

	(void)what;
	for (int i = 0; i < READS_PER_TURN && pipe->is_reading; i++) {
		ssize_t length = recv(fd, &mad, sizeof(mad), MSG_DONTWAIT | MSG_TRUNC);

		if (length < 0)
			return;
		if (length == (ssize_t)sizeof(mad))
			pipe->ops->received(pipe->ctx, &mad);
	}
}

static int send_now(const struct hf_mux_pipe *pipe, const struct hf_ibsim_mad *mad)
{
	if (send(pipe->fd, mad, sizeof(*mad), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM ? -EAGAIN : -errno;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct hf_mux_pipe *pipe = arg;

	(void)fd;
	(void)what;
	while (pipe->count) {
		int ret = send_now(pipe, &pipe->waiting[pipe->first]);

		if (ret == -EAGAIN)
			return;
		if (ret) {
			pipe->ops->broken(pipe->ctx);
			return;
		}
		pipe->first = (pipe->first + 1) % pipe->capacity;
		pipe->count--;
	}
	event_del(pipe->writable);
	if (pipe->ops->drained)
		pipe->ops->drained(pipe->ctx);
}

int hf_mux_pipe_open(struct hf_mux_pipe *pipe, struct event_base *base, int fd, unsigned int capacity,
		     const struct hf_mux_pipe_ops *ops, void *ctx)
{
	*pipe = (struct hf_mux_pipe){ .fd = fd, .ops = ops, .ctx = ctx, .capacity = capacity, .is_reading = true };
	pipe->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, pipe);
	pipe->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, pipe);
	if (!pipe->readable || !pipe->writable || event_add(pipe->readable, NULL)) {
		hf_mux_pipe_close(pipe);
		return -ENOMEM;
	}
	return 0;
}

void hf_mux_pipe_close(struct hf_mux_pipe *pipe)
{
	if (pipe->fd < 0)
		return;
	if (pipe->readable)
		event_free(pipe->readable);
	if (pipe->writable)
		event_free(pipe->writable);
	close(pipe->fd);
	free(pipe->waiting);
	*pipe = (struct hf_mux_pipe){ .fd = -1 };
}

static int wait_for_room(struct hf_mux_pipe *pipe, const struct hf_ibsim_mad *mad)
{
	if (!pipe->waiting)
		pipe->waiting = calloc(pipe->capacity, sizeof(*pipe->waiting));
	if (!pipe->waiting || pipe->count == pipe->capacity)
		return -ENOBUFS;
	if (pipe->count == 0 && event_add(pipe->writable, NULL))
		return -ENOBUFS;
	pipe->waiting[(pipe->first + pipe->count++) % pipe->capacity] = *mad;
	return 0;
}

int hf_mux_pipe_send(struct hf_mux_pipe *pipe, const struct hf_ibsim_mad *mad)
{
	if (pipe->fd < 0)
		return -ENOTCONN;

	int ret = pipe->count ? -EAGAIN : send_now(pipe, mad);

	return ret == -EAGAIN ? wait_for_room(pipe, mad) : ret;
}

bool hf_mux_pipe_is_filling(const struct hf_mux_pipe *pipe)
{
	return pipe->count > pipe->capacity / 2;
}

void hf_mux_pipe_set_reading(struct hf_mux_pipe *pipe, bool on)
{
	if (pipe->fd < 0 || pipe->is_reading == on)
		return;
	if (on ? event_add(pipe->readable, NULL) : event_del(pipe->readable))
		return;
	pipe->is_reading = on;
}
