/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/verbs/event_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

int hf_event_queue_init(struct hf_event_queue *queue)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	*queue = (struct hf_event_queue){ .read_fd = ends[0], .write_fd = ends[1] };
	return 0;
}

void hf_event_queue_fini(struct hf_event_queue *queue)
{
	struct hf_event *event, *next;

	DL_FOREACH_SAFE(queue->events, event, next)
		free(event);
	queue->events = NULL;
	close(queue->read_fd);
	close(queue->write_fd);
}

void hf_event_queue_add_locked(struct hf_event_queue *queue, void *object, int type, int port)
{
	struct hf_event *event = malloc(sizeof(*event));

	if (!event)
		return;
	*event = (struct hf_event){ .object = object, .type = type, .port = port };
	if (write(queue->write_fd, "", 1) != 1) {
		free(event);
		return;
	}
	DL_APPEND(queue->events, event);
}

/* Bytes are read with the lock alone, so there is one for each event. No thread is cancelled while it has the lock. */
static void take_byte_locked(struct hf_event_queue *queue)
{
	int cancel_state, error = errno;
	ssize_t count;
	char byte;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	do
		count = read(queue->read_fd, &byte, 1);
	while (count < 0 && errno == EINTR);
	pthread_setcancelstate(cancel_state, NULL);
	errno = error;
}

void hf_event_queue_remove_locked(struct hf_event_queue *queue, const void *object)
{
	struct hf_event *event, *next;

	DL_FOREACH_SAFE(queue->events, event, next) {
		if (event->object != object)
			continue;
		DL_DELETE(queue->events, event);
		free(event);
		take_byte_locked(queue);
	}
}

bool hf_event_queue_take_locked(struct hf_event_queue *queue, struct hf_event *ret_event)
{
	struct hf_event *event = queue->events;

	if (!event)
		return false;
	DL_DELETE(queue->events, event);
	*ret_event = *event;
	free(event);
	take_byte_locked(queue);
	return true;
}

bool hf_event_queue_wait(struct hf_event_queue *queue)
{
	struct pollfd readable = { .fd = queue->read_fd, .events = POLLIN };
	bool waits = !(fcntl(queue->read_fd, F_GETFL) & O_NONBLOCK);
	int ready = poll(&readable, 1, waits ? -1 : 0);

	if (ready == 0)
		errno = EAGAIN;
	return ready > 0;
}
