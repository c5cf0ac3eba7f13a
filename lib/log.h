/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The log: one line a message, written where a decision is made, not on the way there. Where the lines go is the
 * program's choice: holdfastd writes to stderr or syslog, the plugin to OpenSM's own log.
 */
#ifndef HF_LIB_LOG_H
#define HF_LIB_LOG_H

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

/* Adds nothing but the text: name ids in it (GUID 0x%016, LID %u, QPN 0x%x) and what the operator can do. */
void hf_log(enum hf_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
