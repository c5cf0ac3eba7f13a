/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"

#define DRAIN_MS_MAX		10000	/* holdfastd cuts off who owes it an answer for 15 s */
#define STUCK_MS_MAX		600000
#define LINE_BYTES		1200

static struct hf_verbs_settings settings = {
	.socket = HF_PROGRAM_SOCKET_DEFAULT,
	.drain_ms = 1000,
	.stuck_ms = 60000,
	.replays = true,
};
static const char *log_path;	/* NULL: no log */

const struct hf_verbs_settings *hf_verbs_settings(void)
{
	return &settings;
}

/* The program's descriptors are its own: the file is opened for each line. */
static void write_line(void *ctx, enum hf_log_level level, const char *text)
{
	static const char *const names[] = {
		[HF_LOG_ERROR] = "error", [HF_LOG_WARN] = "warning", [HF_LOG_INFO] = "info", [HF_LOG_DEBUG] = "debug",
	};
	int error = errno, fd = STDERR_FILENO;
	char line[LINE_BYTES];
	int length;

	(void)ctx;
	if (!log_path)
		return;
	length = snprintf(line, sizeof(line), "holdfast-verbs[%d]: %s: %s\n", (int)getpid(), names[level], text);
	if (strcmp(log_path, "stderr") != 0)
		fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0600);
	if (fd >= 0 && write(fd, line, length) < 0)
		log_path = NULL;
	if (fd > STDERR_FILENO)
		close(fd);
	errno = error;
}

static enum hf_log_level level_of(const char *text)
{
	if (text && !strcmp(text, "error"))
		return HF_LOG_ERROR;
	if (text && !strcmp(text, "warning"))
		return HF_LOG_WARN;
	return text && !strcmp(text, "debug") ? HF_LOG_DEBUG : HF_LOG_INFO;
}

static void read_strategy(const char *text)
{
	if (!text || !strcmp(text, "auto"))
		return;
	if (!strcmp(text, "all")) {
		settings.records_all = true;
		return;
	}
	for (int i = HF_PROGRAM_STRATEGY_NONE + 1; i < HF_PROGRAM_STRATEGIES; i++)
		if (!strcmp(text, hf_program_strategy_names[i])) {
			settings.strategy = i;
			return;
		}
	hf_log(HF_LOG_ERROR, "HOLDFAST_STRATEGY=%s: allowed are auto, all, apm, sqd and reset; auto it is", text);
}

static void read_ms(const char *name, unsigned int max_ms, unsigned int *ms)
{
	const char *text = secure_getenv(name);
	unsigned long value;
	char *end;

	if (!text)
		return;
	value = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && value <= max_ms)
		*ms = value;
	else
		hf_log(HF_LOG_ERROR, "%s=%s: allowed are 0 to %u; %u it is", name, text, max_ms, *ms);
}

static void read_lost(const char *text)
{
	if (!text || !strcmp(text, "replay"))
		return;
	if (!strcmp(text, "flush"))
		settings.replays = false;
	else
		hf_log(HF_LOG_ERROR, "HOLDFAST_LOST=%s: allowed are replay and flush; replay it is", text);
}

__attribute__((constructor))
static void read_environment(void)
{
	static const struct hf_log_sink sink = { .write = write_line };
	const char *path = secure_getenv("HOLDFAST_SOCKET"), *log = secure_getenv("HOLDFAST_LOG");

	/* Copies: the program may change its environment. */
	log_path = log && *log ? strdup(log) : NULL;
	hf_log_init(&sink, level_of(secure_getenv("HOLDFAST_LOG_LEVEL")));
	if (path && *path) {
		path = strdup(path);
		settings.socket = path ? path : "";
	}
	read_strategy(secure_getenv("HOLDFAST_STRATEGY"));
	read_ms("HOLDFAST_DRAIN_MS", DRAIN_MS_MAX, &settings.drain_ms);
	read_ms("HOLDFAST_STUCK_MS", STUCK_MS_MAX, &settings.stuck_ms);
	read_lost(secure_getenv("HOLDFAST_LOST"));
}
