/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct hf_trace {
	int fd;
	char *who;
};

int hf_trace_open(const char *path, const char *who, struct hf_trace **ret_trace)
{
	struct hf_trace *trace = calloc(1, sizeof(*trace));
	int err = -ENOMEM;

	if (!trace)
		return err;
	trace->who = strdup(who);
	if (!trace->who)
		goto err_free_trace;
	trace->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (trace->fd < 0) {
		err = -errno;
		goto err_free_who;
	}
	*ret_trace = trace;
	return 0;

err_free_who:
	free(trace->who);
err_free_trace:
	free(trace);
	return err;
}

void hf_trace_close(struct hf_trace *trace)
{
	if (!trace)
		return;
	close(trace->fd);
	free(trace->who);
	free(trace);
}

static json_t *pack_line(const struct hf_trace *trace, const char *event, const char *format, va_list args)
{
	json_t *line = json_pack("{s:I, s:s, s:s}", "t", (json_int_t)hf_now_ns(), "who", trace->who, "ev", event);
	json_error_t error;
	json_t *fields;

	if (!line || !format)
		return line;
	fields = json_vpack_ex(&error, 0, format, args);
	if (fields)
		json_object_update_new(line, fields);
	return line;
}

void hf_trace_event(struct hf_trace *trace, const char *event, const char *format, ...)
{
	va_list args;
	json_t *line;
	char *text;

	if (!trace)
		return;
	va_start(args, format);
	line = pack_line(trace, event, format, args);
	va_end(args);
	text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	json_decref(line);
	if (!text)
		return;

	/* The NUL becomes the newline, so that the line is one write() and lines of two threads never mix. */
	size_t len = strlen(text);

	text[len] = '\n';
	if (write(trace->fd, text, len + 1) < 0)
		errno = 0;	/* a full disk must not stop what is being traced */
	free(text);
}

uint64_t hf_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
