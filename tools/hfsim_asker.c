/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_asker.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/trace.h"

#define STOP_TIMEOUT_MS 2000

int hf_asker_start(struct hf_asker *asker, struct hf_fabric *fabric)
{
	char program[PATH_MAX];
	char *argv[] = { program, HF_ASKER_COMMAND, NULL };
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	int sockets[2], err;

	*asker = (struct hf_asker){ .fd = -1 };
	if (length < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return hf_fabric_fail(fabric, -errno, "the SA cannot be asked: %m");
	program[length] = '\0';
	asker->fd = sockets[0];
	err = hf_fabric_start_tool(fabric, &asker->child, argv, NULL, sockets[1]);
	close(sockets[1]);
	return err;
}

static int read_all(int fd, void *data, size_t size, uint64_t deadline_ns)
{
	for (size_t done = 0; done < size;) {
		struct pollfd source = { .fd = fd, .events = POLLIN };
		uint64_t now_ns = hf_now_ns();
		ssize_t got;

		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		if (poll(&source, 1, (deadline_ns - now_ns) / 1000000 + 1) <= 0)
			continue;
		got = read(fd, (char *)data + done, size - done);
		if (got == 0)
			return -EPIPE;
		if (got < 0 && errno != EINTR)
			return -errno;
		done += got > 0 ? got : 0;
	}
	return 0;
}

static int read_records(int fd, uint32_t count, uint64_t deadline_ns, struct hf_path_set *set)
{
	struct hf_path_record *records = calloc(count + (size_t)1, sizeof(*records));
	int err = records ? read_all(fd, records, count * sizeof(*records), deadline_ns) : -ENOMEM;

	for (uint32_t i = 0; !err && i < count; i++)
		err = hf_path_set_add(set, &records[i]);
	free(records);
	return err;
}

static int read_answer(int fd, uint64_t deadline_ns, struct hf_path_set *set)
{
	struct hf_asker_answer answer;
	int err = read_all(fd, &answer, sizeof(answer), deadline_ns);

	if (err || answer.err)
		return err ? err : answer.err;
	return read_records(fd, answer.n_records, deadline_ns, set);
}

int hf_asker_ask(struct hf_asker *asker, uint32_t times, int timeout_ms, struct hf_path_set *ret_set)
{
	const struct hf_asker_question question = { .times = times };
	uint64_t deadline_ns = hf_now_ns() + (uint64_t)timeout_ms * 1000000;
	int err = 0;

	*ret_set = (struct hf_path_set){ 0 };
	if (write(asker->fd, &question, sizeof(question)) != sizeof(question))
		return -EPIPE;
	for (uint32_t i = 0; !err && i < times; i++)
		err = read_answer(asker->fd, deadline_ns, ret_set);
	hf_path_set_finish(ret_set);
	return err;
}

void hf_asker_stop(struct hf_asker *asker)
{
	if (asker->fd >= 0)
		close(asker->fd);
	asker->fd = -1;
	hf_child_stop(&asker->child, STOP_TIMEOUT_MS);
}
