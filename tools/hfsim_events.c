/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/trace.h"

#define READ_BYTES 65536

struct hf_events_file {
	char *path;
	const char *who;	/* instead of what its lines say; NULL for that */
	int fd;			/* -1: not there yet */
	char *pending;		/* a line that has no end yet */
	size_t n_pending;
};

void hf_events_fini(struct hf_events *events)
{
	for (size_t i = 0; i < events->count; i++)
		json_decref(events->list[i].fields);
	free(events->list);
	for (size_t i = 0; i < events->n_files; i++) {
		if (events->files[i].fd >= 0)
			close(events->files[i].fd);
		free(events->files[i].path);
		free(events->files[i].pending);
	}
	free(events->files);
	*events = (struct hf_events){ 0 };
}

int hf_events_follow_as(struct hf_events *events, const char *path, const char *who)
{
	struct hf_events_file *files = realloc(events->files, (events->n_files + 1) * sizeof(*files));
	struct hf_events_file file = { .fd = -1, .path = strdup(path), .who = who };

	if (files)
		events->files = files;
	if (!files || !file.path) {
		free(file.path);
		return -ENOMEM;
	}
	files[events->n_files++] = file;
	return 0;
}

int hf_events_follow(struct hf_events *events, const char *path)
{
	return hf_events_follow_as(events, path, NULL);
}

/* Takes @fields over, in any case. Lines mostly come in the order of time: the place is found from the end. */
static int insert(struct hf_events *events, json_t *fields, uint64_t time_ns)
{
	struct hf_event event = {
		.time_ns = time_ns, .fields = fields,
		.who = json_string_value(json_object_get(fields, "who")),
		.name = json_string_value(json_object_get(fields, "ev")),
	};
	size_t at = events->count;

	if (events->count == events->room) {
		size_t room = events->room ? events->room * 2 : 256;
		struct hf_event *list = realloc(events->list, room * sizeof(*list));

		if (!list) {
			json_decref(fields);
			return -ENOMEM;
		}
		events->list = list;
		events->room = room;
	}
	while (at > 0 && events->list[at - 1].time_ns > time_ns)
		at--;
	memmove(events->list + at + 1, events->list + at, (events->count - at) * sizeof(*events->list));
	events->list[at] = event;
	events->count++;
	return 0;
}

static int take_line(struct hf_events *events, const char *line, size_t length, const char *who)
{
	json_t *fields = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	json_t *time = json_object_get(fields, "t");

	if (!json_is_integer(time) || json_integer_value(time) < 0 || !json_is_string(json_object_get(fields, "who")) ||
	    !json_is_string(json_object_get(fields, "ev"))) {
		json_decref(fields);
		events->n_bad_lines++;
		return 0;
	}
	if (who)
		json_object_set_new(fields, "who", json_string(who));
	return insert(events, fields, json_integer_value(time));
}

/* Keeps what has no newline yet. */
static int take_lines(struct hf_events *events, struct hf_events_file *file)
{
	char *start = file->pending;
	char *end = file->pending + file->n_pending;
	int n_lines = 0;
	char *newline;

	while ((newline = memchr(start, '\n', end - start)) != NULL) {
		int err = take_line(events, start, newline - start, file->who);

		if (err)
			return err;
		start = newline + 1;
		n_lines++;
	}
	file->n_pending = end - start;
	memmove(file->pending, start, file->n_pending);
	return n_lines;
}

static int read_file(struct hf_events *events, struct hf_events_file *file)
{
	int n_events = 0;

	if (file->fd < 0)
		file->fd = open(file->path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0)
		return errno == ENOENT ? 0 : -errno;
	for (;;) {
		char *pending = realloc(file->pending, file->n_pending + READ_BYTES);
		ssize_t got;

		if (!pending)
			return -ENOMEM;
		file->pending = pending;
		got = read(file->fd, pending + file->n_pending, READ_BYTES);
		if (got < 0)
			return -errno;
		if (got == 0)
			return n_events;
		file->n_pending += got;

		int n_lines = take_lines(events, file);

		if (n_lines < 0)
			return n_lines;
		n_events += n_lines;
	}
}

int hf_events_read(struct hf_events *events)
{
	int n_events = 0;

	for (size_t i = 0; i < events->n_files; i++) {
		int got = read_file(events, &events->files[i]);

		if (got < 0)
			return got;
		n_events += got;
	}
	return n_events;
}

uint64_t hf_events_add(struct hf_events *events, const char *name, const char *format, ...)
{
	uint64_t now_ns = hf_now_ns();
	json_t *line = json_pack("{s:I, s:s, s:s}", "t", (json_int_t)now_ns, "who", HF_EVENTS_WHO, "ev", name);

	if (!line)
		return 0;
	if (format) {
		json_error_t error;
		va_list args;

		va_start(args, format);
		json_object_update_new(line, json_vpack_ex(&error, 0, format, args));
		va_end(args);
	}
	return insert(events, line, now_ns) ? 0 : now_ns;
}

bool hf_events_find(const struct hf_events *events, size_t from, const char *who, const char *name, size_t *ret_at)
{
	for (size_t i = from; i < events->count; i++) {
		if (strcmp(events->list[i].name, name) == 0 && hf_event_is_by(&events->list[i], who)) {
			*ret_at = i;
			return true;
		}
	}
	return false;
}

void hf_events_forget(struct hf_events *events, size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_decref(events->list[i].fields);
	events->count -= count;
	memmove(events->list, events->list + count, events->count * sizeof(*events->list));
}

size_t hf_events_at(const struct hf_events *events, uint64_t time_ns)
{
	size_t low = 0, high = events->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (events->list[middle].time_ns < time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

json_int_t hf_event_number(const struct hf_event *event, const char *field)
{
	return json_integer_value(json_object_get(event->fields, field));
}

const char *hf_event_text(const struct hf_event *event, const char *field)
{
	const char *text = json_string_value(json_object_get(event->fields, field));

	return text ? text : "";
}

bool hf_event_is_by(const struct hf_event *event, const char *who)
{
	return strncmp(event->who, who, strlen(who)) == 0;
}
