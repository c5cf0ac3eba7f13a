/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfastd_hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES	128
#define PREFIX		"connections "

struct holdfastd_hook {
	const struct holdfastd_hook_ops *ops;
	void *ctx;
	struct event_base *base;
	struct event *child;		/* SIGCHLD */
	struct event *limit;
	struct event *output;		/* NULL where none is read */
	int output_fd;
	char line[LINE_MAX_BYTES];	/* what was read of one */
	size_t used;
	pid_t pid;			/* also its group; 0: none runs */
	enum holdfastd_hook_end end;	/* why it was killed, if it was */
	int start_error;		/* of one that could not be run */
};

bool holdfastd_hook_is_running(const struct holdfastd_hook *hook)
{
	return hook->pid || hook->start_error;
}

static void close_output(struct holdfastd_hook *hook)
{
	if (!hook->output)
		return;
	event_free(hook->output);
	hook->output = NULL;
	close(hook->output_fd);
}

static void take_line(struct holdfastd_hook *hook)
{
	unsigned long value;
	char *end;

	if (strncmp(hook->line, PREFIX, strlen(PREFIX)))
		return;
	errno = 0;
	value = strtoul(hook->line + strlen(PREFIX), &end, 10);
	if (!errno && end > hook->line + strlen(PREFIX) && !*end && value < UINT32_MAX)
		hook->ops->connections(hook->ctx, value);
}

/* A line that is too long is none of ours; what follows it may be. */
static void take_output(struct holdfastd_hook *hook, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n') {
			if (hook->used < sizeof(hook->line))
				hook->line[hook->used++] = text[i];
			continue;
		}
		if (hook->used < sizeof(hook->line)) {
			hook->line[hook->used] = '\0';
			take_line(hook);
		}
		hook->used = 0;
	}
}

/* Return: whether there may be more. */
static bool read_output(struct holdfastd_hook *hook)
{
	char text[4096];
	ssize_t len = read(hook->output_fd, text, sizeof(text));

	if (len > 0)
		take_output(hook, text, (size_t)len);
	else if (!len || (errno != EAGAIN && errno != EINTR))
		close_output(hook);
	return len > 0;
}

static void on_output(evutil_socket_t fd, short events, void *ctx)
{
	(void)fd;
	(void)events;
	read_output(ctx);
}

static void finish(struct holdfastd_hook *hook, enum holdfastd_hook_end end, uint16_t status)
{
	evtimer_del(hook->limit);
	/* What it wrote last counts, too. A process that it left behind may hold the pipe for ever. */
	for (int i = 0; i < 64 && hook->output && read_output(hook); i++)
		;
	close_output(hook);
	hook->pid = 0;
	hook->start_error = 0;
	hook->ops->ended(hook->ctx, end, status);
}

static void kill_group(struct holdfastd_hook *hook, enum holdfastd_hook_end why)
{
	/* It has not been waited for, so the number is still its own. */
	if (hook->pid && hook->end == HOLDFASTD_HOOK_OK) {
		hook->end = why;
		kill(-hook->pid, SIGKILL);
	}
}

static void on_child(evutil_socket_t signal_num, short events, void *ctx)
{
	struct holdfastd_hook *hook = ctx;
	enum holdfastd_hook_end end;
	int status;

	(void)signal_num;
	(void)events;
	if (!hook->pid || waitpid(hook->pid, &status, WNOHANG) != hook->pid)
		return;
	end = hook->end != HOLDFASTD_HOOK_OK ? hook->end :
	      WIFEXITED(status) && !WEXITSTATUS(status) ? HOLDFASTD_HOOK_OK : HOLDFASTD_HOOK_FAILED;
	finish(hook, end, WIFEXITED(status) ? WEXITSTATUS(status) : HOLDFASTD_HOOK_SIGNALLED + WTERMSIG(status));
}

static void on_limit(evutil_socket_t fd, short events, void *ctx)
{
	struct holdfastd_hook *hook = ctx;

	(void)fd;
	(void)events;
	if (hook->start_error)
		finish(hook, HOLDFASTD_HOOK_FAILED, 127);
	else
		kill_group(hook, HOLDFASTD_HOOK_LIMIT);
}

int holdfastd_hook_new(struct event_base *base, const struct holdfastd_hook_ops *ops, void *ctx,
		       struct holdfastd_hook **ret_hook)
{
	struct holdfastd_hook *hook = calloc(1, sizeof(*hook));

	if (!hook)
		return -ENOMEM;
	hook->ops = ops;
	hook->ctx = ctx;
	hook->base = base;
	hook->child = evsignal_new(base, SIGCHLD, on_child, hook);
	hook->limit = evtimer_new(base, on_limit, hook);
	if (!hook->child || !hook->limit || event_add(hook->child, NULL)) {
		holdfastd_hook_free(hook);
		return -ENOMEM;
	}
	*ret_hook = hook;
	return 0;
}

void holdfastd_hook_free(struct holdfastd_hook *hook)
{
	if (!hook)
		return;
	if (hook->pid) {
		kill(-hook->pid, SIGKILL);
		waitpid(hook->pid, NULL, 0);
	}
	close_output(hook);
	if (hook->child)
		event_free(hook->child);
	if (hook->limit)
		event_free(hook->limit);
	free(hook);
}

/* Standard input is empty, standard output is ours, standard error as holdfastd's own. */
static int spawn(char *const argv[], char *const environ_[], int out_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t all, none;
	int err;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	err = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	if (!err)
		err = posix_spawn(ret_pid, argv[0], &actions, &attr, argv, environ_);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

static int run(struct holdfastd_hook *hook, char *const argv[], char *const environ_[])
{
	int fds[2], err;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	err = spawn(argv, environ_, fds[1], &hook->pid);
	close(fds[1]);
	if (err) {
		hook->pid = 0;
		close(fds[0]);
		return err;
	}
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	hook->output_fd = fds[0];
	hook->output = event_new(hook->base, fds[0], EV_READ | EV_PERSIST, on_output, hook);
	if (hook->output)
		event_add(hook->output, NULL);
	else
		close(fds[0]);
	return 0;
}

void holdfastd_hook_start(struct holdfastd_hook *hook, char *const argv[], char *const environ_[], uint32_t limit_ms)
{
	struct timeval delay = { .tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000 };

	hook->used = 0;
	hook->end = HOLDFASTD_HOOK_OK;
	hook->start_error = run(hook, argv, environ_);
	if (hook->start_error)
		delay = (struct timeval){ 0 };
	evtimer_add(hook->limit, &delay);
}

void holdfastd_hook_stop(struct holdfastd_hook *hook)
{
	kill_group(hook, HOLDFASTD_HOOK_STOPPED);
}
