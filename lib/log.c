/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_MAX_BYTES 1024

static const char *const level_names[] = {
	[HF_LOG_ERROR] = "error", [HF_LOG_WARN] = "warning", [HF_LOG_INFO] = "info", [HF_LOG_DEBUG] = "debug",
};

static void write_stderr(void *ctx, enum hf_log_level level, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s: %s\n", level_names[level], line);
}

static struct hf_log_sink log_sink = { .write = write_stderr };
static enum hf_log_level log_level = HF_LOG_INFO;

void hf_log_init(const struct hf_log_sink *sink, enum hf_log_level level)
{
	log_sink = sink ? *sink : (struct hf_log_sink){ .write = write_stderr };
	log_level = level;
}

void hf_log(enum hf_log_level level, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;

	if (level > log_level)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log_sink.write(log_sink.ctx, level, line);
}
