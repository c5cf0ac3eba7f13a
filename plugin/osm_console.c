/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/osm_console.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "plugin/commands.h"

#define WORDS_MAX	8
#define BLANKS		" \t\r\n"
#define LOOK_MS		200	/* for a session that came without a connection: it waited for another to be killed */
#define NEW_LOOKS	200	/* after a connection, 1 ms apart */
#define FIRST_LOOKS	2000	/* OpenSM opens its console soon after it has loaded its plugins */
#define SWAP_S		2

/* What stands in front of OpenSM's FILE. */
struct filter {
	FILE *inner;		/* OpenSM's; closed with the filter */
	struct hf_osm_console *console;
	char *line;		/* what was read of it and not handed on yet */
	size_t size, length, at;
};

struct hf_osm_console {
	osm_opensm_t *osm;
	struct hf_services *services;
	pthread_t main_thread, thread;
	int stop_fd;
	atomic_bool is_stopping;
	/* What OpenSM reads from, NULL once that is closed: the next FILE may have the same address. */
	_Atomic(FILE *) ours;
};

/* Between the thread and the signal handler on the main thread; a plugin is loaded once. */
static struct {
	osm_console_t *console;
	FILE *old, *new_;
	bool is_done;
	sem_t answered;
} swap;

/* Lines, on the main thread */

static void print_help(FILE *out, const char *name)
{
	for (const struct hf_command *command = hf_commands; command->name; command++)
		if (!name || !strcmp(command->name, name))
			fprintf(out, "%s (Holdfast: %s)\n", command->usage, command->help);
}

/* A node's name may have blanks, in double quotes. Return: NULL where there is no more word. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, BLANKS), *end = NULL;

	if (!*word)
		return NULL;
	if (*word == '"')
		end = strchr(word + 1, '"');
	if (end)
		word++;
	else
		end = word + strcspn(word, BLANKS);
	*rest = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

static size_t split(char *text, const char *words[WORDS_MAX])
{
	size_t count = 0;
	char *word;

	while (count < WORDS_MAX && (word = next_word(&text)))
		words[count++] = word;
	return count;
}

/* Return: whether the line was ours. */
static bool carry_out(struct filter *filter, char *text)
{
	osm_console_t *console = &filter->console->osm->console;
	FILE *out = console->out ? console->out : stdout;
	const char *words[WORDS_MAX];
	size_t count = split(text, words);
	char by[sizeof(console->client_ip) + 32];
	json_t *answer;

	if (count == 1 && !strcmp(words[0], "help")) {
		print_help(out, NULL);
		return false;
	}
	if (count == 2 && !strcmp(words[0], "help") && hf_commands_find(words[1])) {
		print_help(out, words[1]);
		return true;
	}
	if (!count || !hf_commands_find(words[0]))
		return false;
	snprintf(by, sizeof(by), "OpenSM's console%s%s", *console->client_ip ? " from " : "", console->client_ip);
	answer = hf_commands_run(filter->console->services, words, count, true, by);
	hf_commands_print(answer, out);
	json_decref(answer);
	fflush(out);
	return true;
}

/* The next line of OpenSM's FILE is in the filter afterwards. Return: whether there is one. */
static bool read_line(struct filter *filter)
{
	ssize_t got = getline(&filter->line, &filter->size, filter->inner);
	char *copy;

	if (got <= 0)
		return false;
	filter->length = got;
	filter->at = 0;
	if (atomic_load(&filter->console->is_stopping))
		return true;
	copy = strdup(filter->line);
	if (copy && carry_out(filter, copy)) {
		strcpy(filter->line, "\n");
		filter->length = 1;
	}
	free(copy);
	return true;
}

static ssize_t read_filter(void *cookie, char *buffer, size_t size)
{
	struct filter *filter = cookie;
	size_t left;

	if (filter->at == filter->length && !read_line(filter))
		return 0;
	left = filter->length - filter->at;
	if (left > size)
		left = size;
	memcpy(buffer, filter->line + filter->at, left);
	filter->at += left;
	return left;
}

static int close_filter(void *cookie)
{
	struct filter *filter = cookie;
	int rc = filter->inner ? fclose(filter->inner) : 0;

	atomic_store(&filter->console->ours, NULL);
	free(filter->line);
	free(filter);
	return rc;
}

static FILE *new_filter(struct hf_osm_console *console, FILE *inner, struct filter **ret_filter)
{
	static const cookie_io_functions_t functions = { .read = read_filter, .close = close_filter };
	struct filter *filter = calloc(1, sizeof(*filter));
	FILE *file;

	if (!filter)
		return NULL;
	filter->inner = inner;
	filter->console = console;
	file = fopencookie(filter, "r", functions);
	if (!file) {
		free(filter);
		return NULL;
	}
	*ret_filter = filter;
	return file;
}

/* The exchange */

/* On the main thread: it is not in the middle of looking at the pointer, or has done with it. */
static void on_signal(int number)
{
	int old_errno = errno;

	(void)number;
	if (swap.console && swap.console->in == swap.old) {
		swap.console->in = swap.new_;
		swap.is_done = true;
	}
	swap.console = NULL;
	sem_post(&swap.answered);
	errno = old_errno;
}

/* Return: whether OpenSM reads from a filter of ours now. */
static bool exchange(struct hf_osm_console *console, FILE *old)
{
	struct timespec until;
	struct filter *filter;
	FILE *file = new_filter(console, old, &filter);

	if (!file)
		return false;
	/* Before the main thread has it, and may close it. */
	atomic_store(&console->ours, file);
	swap.console = &console->osm->console;
	swap.old = old;
	swap.new_ = file;
	swap.is_done = false;
	pthread_kill(console->main_thread, SIGURG);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SWAP_S;
	while (sem_timedwait(&swap.answered, &until)) {
		if (errno == EINTR)
			continue;
		/* The main thread does nothing at all. When it goes on it gets the signal, and needs the FILE. */
		return true;
	}
	if (swap.is_done)
		return true;
	/* OpenSM closed its own meanwhile. */
	filter->inner = NULL;
	fclose(file);
	return false;
}

static bool sleep_or_stop(struct hf_osm_console *console, int socket, int timeout_ms)
{
	struct pollfd fds[2] = { { .fd = console->stop_fd, .events = POLLIN }, { .fd = socket, .events = POLLIN } };

	poll(fds, 2, timeout_ms);
	return !atomic_load(&console->is_stopping);
}

static void *run(void *arg)
{
	struct hf_osm_console *console = arg;
	const osm_console_t *theirs = &console->osm->console;
	int looks = FIRST_LOOKS;

	while (!atomic_load(&console->is_stopping)) {
		FILE *in = *(FILE *const volatile *)&theirs->in;
		struct pollfd incoming = { .fd = theirs->socket, .events = POLLIN };

		if (in && in != atomic_load(&console->ours) && exchange(console, in))
			looks = 0;
		/* The main thread accepts a connection at once: its session is there in the next moment. */
		if (theirs->socket > 0 && poll(&incoming, 1, 0) == 1)
			looks = NEW_LOOKS;
		if (looks) {
			looks--;
			sleep_or_stop(console, -1, 1);
		} else {
			sleep_or_stop(console, theirs->socket > 0 ? theirs->socket : -1, LOOK_MS);
		}
	}
	return NULL;
}

static int take_signal(void)
{
	struct sigaction ours = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, before;

	if (sigaction(SIGURG, NULL, &before))
		return -errno;
	if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
		return -EBUSY;
	return sigaction(SIGURG, &ours, NULL) ? -errno : 0;
}

static int start_thread(struct hf_osm_console *console)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&console->thread, NULL, run, console);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

/* Return: whether there is a console that can be used. */
static bool is_usable(const osm_opensm_t *osm)
{
	const char *mode = osm->subn.opt.console;

	if (!mode || !strcmp(mode, "off"))
		return false;
	if (!strcmp(mode, "local") || !strcmp(mode, "loopback"))
		return true;
	hf_log(HF_LOG_WARN, "console %s is left alone: Holdfast's commands work in consoles local and loopback, and by "
	       "holdfast(8)", mode);
	return false;
}

int hf_osm_console_start(osm_opensm_t *osm, struct hf_services *services, struct hf_osm_console **ret_console)
{
	struct hf_osm_console *console;
	int err;

	*ret_console = NULL;
	if (!is_usable(osm))
		return 0;
	console = calloc(1, sizeof(*console));
	if (!console)
		return -ENOMEM;
	console->osm = osm;
	console->services = services;
	console->main_thread = pthread_self();
	sem_init(&swap.answered, 0, 0);
	console->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = console->stop_fd < 0 ? -errno : take_signal();
	if (!err)
		err = start_thread(console);
	if (err) {
		if (console->stop_fd >= 0)
			close(console->stop_fd);
		free(console);
		return err;
	}
	*ret_console = console;
	return 0;
}

/*
 * OpenSM's FILE must not lead into the plugin once that is unloaded, so OpenSM gets its own back: this is its main
 * thread, which is not reading now.
 */
static void give_back(struct hf_osm_console *console)
{
	osm_console_t *theirs = &console->osm->console;

	if (swap.is_done && theirs->in == swap.new_)
		theirs->in = swap.old;
}

void hf_osm_console_stop(struct hf_osm_console *console)
{
	uint64_t one = 1;

	if (!console)
		return;
	atomic_store(&console->is_stopping, true);
	if (write(console->stop_fd, &one, sizeof(one)) < 0)
		errno = 0;
	pthread_join(console->thread, NULL);
	give_back(console);
	signal(SIGURG, SIG_DFL);
	sem_destroy(&swap.answered);
	close(console->stop_fd);
	free(console);
}
