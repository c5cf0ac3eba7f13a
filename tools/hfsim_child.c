/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/trace.h"

#define EXIT_NOT_STARTED 127
#define POLL_MS		 2	/* between two looks whether a process has ended */

/* Standard input, output and error of the new process. */
struct streams {
	int input, output, log;
};

/* What the new process does before it becomes the program. Ends only where something fails, with errno set. */
static void become(pid_t parent, char *const argv[], char *const environment[], const struct streams *streams)
{
	sigset_t none;

	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return;
	if (getppid() != parent) {	/* it died before the line above */
		errno = ESRCH;
		return;
	}
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(streams->input, STDIN_FILENO) < 0 || dup2(streams->output, STDOUT_FILENO) < 0 ||
	    dup2(streams->log, STDERR_FILENO) < 0)
		return;
	for (; *environment; environment++)
		if (putenv(*environment) != 0)
			return;
	execvp(argv[0], argv);
}

/* The pipe is closed by a successful exec; otherwise the errno comes through it. */
static int read_exec_error(int fd)
{
	int error = 0;
	ssize_t got;

	do
		got = read(fd, &error, sizeof(error));
	while (got < 0 && errno == EINTR);
	return got == sizeof(error) ? -error : 0;
}

static int spawn(struct hf_child *child, char *const argv[], char *const environment[],
		 const struct streams *streams)
{
	pid_t parent = getpid();
	int report[2];
	int err;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	child->pid = fork();
	if (child->pid == 0) {
		become(parent, argv, environment, streams);
		int error = errno;

		if (write(report[1], &error, sizeof(error)) < 0)
			_exit(EXIT_NOT_STARTED);
		_exit(EXIT_NOT_STARTED);
	}
	err = child->pid < 0 ? -errno : 0;
	close(report[1]);
	if (!err)
		err = read_exec_error(report[0]);
	close(report[0]);
	return err;
}

static int open_for_append(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : fd;
}

static int open_streams(const char *log_path, const char *output_path, int input_fd, struct streams *ret_streams)
{
	ret_streams->log = open_for_append(log_path);
	if (ret_streams->log < 0)
		return ret_streams->log;
	ret_streams->output = open_for_append(output_path ? output_path : log_path);
	if (ret_streams->output < 0)
		return ret_streams->output;
	ret_streams->input = input_fd < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) :
					    fcntl(input_fd, F_DUPFD_CLOEXEC, 0);
	return ret_streams->input < 0 ? -errno : 0;
}

static void close_streams(const struct streams *streams)
{
	if (streams->input >= 0)
		close(streams->input);
	if (streams->output >= 0)
		close(streams->output);
	if (streams->log >= 0)
		close(streams->log);
}

int hf_child_start(struct hf_child *child, const char *name, char *const argv[], char *const environment[],
		   const char *log_path, const char *output_path, int input_fd)
{
	struct streams streams = { -1, -1, -1 };
	int err;

	*child = (struct hf_child){ .name = strdup(name), .log_path = strdup(log_path) };
	if (!child->name || !child->log_path)
		return -ENOMEM;
	err = open_streams(log_path, output_path, input_fd, &streams);
	if (!err)
		err = spawn(child, argv, environment, &streams);
	close_streams(&streams);
	if (child->pid < 0)
		child->pid = 0;
	return err;
}

bool hf_child_has_ended(struct hf_child *child)
{
	if (child->pid == 0 || child->ended)
		return true;
	child->ended = waitpid(child->pid, &child->status, WNOHANG) == child->pid;
	return child->ended;
}

int hf_child_wait(struct hf_child *child, int timeout_ms)
{
	uint64_t deadline_ns = hf_now_ns() + (uint64_t)timeout_ms * 1000000;

	while (!hf_child_has_ended(child)) {
		if (timeout_ms >= 0 && hf_now_ns() >= deadline_ns)
			return -ETIMEDOUT;
		poll(NULL, 0, POLL_MS);
	}
	return 0;
}

void hf_child_terminate(struct hf_child *child)
{
	if (!hf_child_has_ended(child))
		kill(-child->pid, SIGTERM);
}

int hf_child_stop(struct hf_child *child, int timeout_ms)
{
	int err = 0;

	if (!hf_child_has_ended(child)) {
		hf_child_terminate(child);
		err = hf_child_wait(child, timeout_ms);
		if (err) {
			kill(-child->pid, SIGKILL);
			hf_child_wait(child, -1);
		}
	}
	free(child->name);
	free(child->log_path);
	*child = (struct hf_child){ .pid = 0 };
	return err;
}

const char *hf_child_describe_end(const struct hf_child *child)
{
	static char text[64];

	if (WIFSIGNALED(child->status))
		snprintf(text, sizeof(text), "was ended by signal %d (%s)", WTERMSIG(child->status),
			 strsignal(WTERMSIG(child->status)));
	else
		snprintf(text, sizeof(text), "ended with exit status %d", WEXITSTATUS(child->status));
	return text;
}
