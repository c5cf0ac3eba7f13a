/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_ibsim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/trace.h"

#define PROMPT		"sim> "
#define POLL_MS		2	/* between two looks at the log, in which ibsim says that a command is done */
#define SPARE_NODES	16	/* ibsim panics where a table is exactly full */

struct sizes {
	unsigned int nodes, switches, ports;
};

static struct sizes count_sizes(const struct hf_topology *topology)
{
	struct sizes sizes = {
		.nodes = topology->node_count + SPARE_NODES,
		.switches = hf_topology_count_type(topology, HF_NODE_SWITCH) + SPARE_NODES,
	};

	for (unsigned int i = 0; i < topology->node_count; i++)
		sizes.ports += topology->nodes[i]->port_count + 1;
	sizes.ports += SPARE_NODES;
	return sizes;
}

static int spawn(struct hf_ibsim *ibsim, const char *program, const struct hf_topology *topology, const char *net_path,
		 char *const environment[], const char *log_path, int input_fd)
{
	struct sizes sizes = count_sizes(topology);
	char nodes[16], switches[16], ports[16];
	char *argv[] = {
		(char *)program, "-s", "-I", "-N", nodes, "-S", switches, "-P", ports, (char *)net_path, NULL,
	};

	snprintf(nodes, sizeof(nodes), "%u", sizes.nodes);
	snprintf(switches, sizeof(switches), "%u", sizes.switches);
	snprintf(ports, sizeof(ports), "%u", sizes.ports);
	return hf_child_start(&ibsim->child, "ibsim", argv, environment, log_path, NULL, input_fd);
}

int hf_ibsim_start(struct hf_ibsim *ibsim, const char *program, const struct hf_topology *topology,
		   const char *net_path, char *const environment[], const char *log_path, int timeout_ms)
{
	int console[2];
	int err;

	*ibsim = (struct hf_ibsim){ .console_fd = -1 };
	if (pipe2(console, O_CLOEXEC) < 0)
		return -errno;
	err = spawn(ibsim, program, topology, net_path, environment, log_path, console[0]);
	close(console[0]);
	ibsim->console_fd = console[1];
	if (err)
		return err;
	/* Its first prompt comes before its sockets; it answers commands only when they are there. */
	return hf_ibsim_command(ibsim, "Attached", timeout_ms, NULL);
}

/**
 * find_answer() - read from the log what follows a point of it up to the next prompt
 * @ret_answer: to be freed
 *
 * Return: 0; -EAGAIN where there is no prompt yet; -ENOMEM; another negative errno.
 */
static int find_answer(struct hf_ibsim *ibsim, char **ret_answer)
{
	int fd = open(ibsim->child.log_path, O_RDONLY | O_CLOEXEC);
	int err = -EAGAIN;
	struct stat stat;
	char *text, *prompt;
	ssize_t got;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &stat) < 0 || stat.st_size <= ibsim->log_at)
		goto err_close;
	text = calloc(1, stat.st_size - ibsim->log_at + 1);
	err = text ? -EAGAIN : -ENOMEM;
	if (!text)
		goto err_close;
	got = pread(fd, text, stat.st_size - ibsim->log_at, ibsim->log_at);
	prompt = got > 0 ? strstr(text, PROMPT) : NULL;
	if (!prompt)
		goto err_free;
	ibsim->log_at += prompt - text + strlen(PROMPT);
	*prompt = '\0';
	*ret_answer = text;
	close(fd);
	return 0;

err_free:
	free(text);
err_close:
	close(fd);
	return err;
}

static int wait_for_answer(struct hf_ibsim *ibsim, uint64_t deadline_ns, char **ret_answer)
{
	for (;;) {
		int err = find_answer(ibsim, ret_answer);

		if (err != -EAGAIN)
			return err;
		if (hf_now_ns() > deadline_ns)
			return -ETIMEDOUT;
		if (hf_child_has_ended(&ibsim->child))
			return -EPIPE;
		poll(NULL, 0, POLL_MS);
	}
}

static bool is_refusal(const char *answer)
{
	return strncmp(answer, "# ", 2) == 0 || strstr(answer, "\n# ") || strstr(answer, "unknown - skipped");
}

int hf_ibsim_command(struct hf_ibsim *ibsim, const char *command, int timeout_ms, char **ret_answer)
{
	uint64_t deadline_ns = hf_now_ns() + (uint64_t)timeout_ms * 1000000;
	bool is_first = ibsim->log_at == 0;
	char *answer;
	int err = 0;

	if (is_first) {
		err = wait_for_answer(ibsim, deadline_ns, &answer);
		if (err)
			return err;
		free(answer);
	}
	if (dprintf(ibsim->console_fd, "%s\n", command) < 0)
		return -EPIPE;
	err = wait_for_answer(ibsim, deadline_ns, &answer);
	if (err)
		return err;
	if (is_refusal(answer))
		err = -EINVAL;
	if (ret_answer)
		*ret_answer = answer;
	else
		free(answer);
	return err;
}

int hf_ibsim_stop(struct hf_ibsim *ibsim, int timeout_ms)
{
	if (ibsim->console_fd >= 0)
		close(ibsim->console_fd);
	ibsim->console_fd = -1;
	return hf_child_stop(&ibsim->child, timeout_ms);
}
