/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Where the messages of libholdfast go: the program's choice. */
#ifndef HOLDFAST_LOG_H
#define HOLDFAST_LOG_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum hf_log_level {
	HF_LOG_ERROR,	/* something that was asked for is not done */
	HF_LOG_WARN,	/* it goes on, but an operator should look */
	HF_LOG_INFO,	/* a change of state */
	HF_LOG_DEBUG,
};

/* Takes one finished line without its newline. Called on the thread that logs, with no lock held. */
struct hf_log_sink {
	void (*write)(void *ctx, enum hf_log_level level, const char *line);
	void *ctx;
};

/**
 * hf_log_init() - choose where the log goes and how much of it
 * @sink:  copied; NULL means stderr, each line behind its level
 * @level: messages above this level are dropped
 *
 * Context: before any thread that logs is started.
 */
void hf_log_init(const struct hf_log_sink *sink, enum hf_log_level level);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
