/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/control_client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/trace.h"

#define READ_BYTES	16384
#define ANSWER_MAX	(64u << 20)

static int open_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* The socket is a blocking one, but is only read after poll() said that there is something. */
static int read_line(int fd, uint64_t deadline_ns, char **ret_line, size_t *ret_length)
{
	char *line = NULL, *end = NULL;
	size_t length = 0;
	int err = 0;

	while (!end && !err) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		uint64_t now_ns = hf_now_ns();
		char *grown = realloc(line, length + READ_BYTES);
		ssize_t got = 0;

		if (!grown) {
			err = -ENOMEM;
			break;
		}
		line = grown;
		if (now_ns >= deadline_ns || poll(&readable, 1, (deadline_ns - now_ns) / 1000000 + 1) == 0)
			err = -ETIMEDOUT;
		else if ((got = read(fd, line + length, READ_BYTES)) < 0)
			err = -errno;
		else if (got == 0 || length + got > ANSWER_MAX)
			err = -EPROTO;
		else
			end = memchr(line + length, '\n', got);
		length += got > 0 ? got : 0;
	}
	if (err) {
		free(line);
		return err;
	}
	*ret_line = line;
	*ret_length = end - line;
	return 0;
}

/* The line is short: it fits into the socket's buffer or the peer is stuck. */
static int send_line(int fd, const json_t *request)
{
	char *line = json_dumps(request, JSON_COMPACT);
	size_t length;
	ssize_t sent;

	if (!line)
		return -ENOMEM;
	length = strlen(line);
	line[length] = '\n';
	sent = send(fd, line, length + 1, MSG_NOSIGNAL);
	free(line);
	if (sent < 0)
		return -errno;
	return (size_t)sent == length + 1 ? 0 : -EPROTO;
}

static int ask(int fd, const json_t *request, int timeout_ms, json_t **ret_answer)
{
	uint64_t deadline_ns = hf_now_ns() + (uint64_t)timeout_ms * 1000000;
	size_t length;
	json_t *answer;
	char *line;
	int err = send_line(fd, request);

	if (err)
		return err;
	err = read_line(fd, deadline_ns, &line, &length);
	if (err)
		return err;
	answer = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	free(line);
	if (!json_is_object(answer)) {
		json_decref(answer);
		return -EPROTO;
	}
	*ret_answer = answer;
	return 0;
}

int hf_control_ask(const char *path, const json_t *request, int timeout_ms, json_t **ret_answer)
{
	int fd = open_socket(path);
	int err;

	if (fd < 0)
		return fd;
	err = ask(fd, request, timeout_ms, ret_answer);
	close(fd);
	return err;
}

int hf_control_get(const char *path, const char *what, int timeout_ms, json_t **ret_answer)
{
	json_t *request = json_pack("{s:s}", "get", what), *answer;
	int err = request ? hf_control_ask(path, request, timeout_ms, &answer) : -ENOMEM;

	json_decref(request);
	if (!err && json_object_get(answer, "error")) {
		json_decref(answer);
		err = -EPROTO;
	}
	if (!err)
		*ret_answer = answer;
	return err;
}
