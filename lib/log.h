/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The log: one line a message, written where a decision is made, not on the way there. Where the lines go is the
 * program's choice: holdfastd writes to stderr or syslog, the plugin to OpenSM's own log.
 */
#ifndef HF_LIB_LOG_H
#define HF_LIB_LOG_H

#include <holdfast/log.h>

/* Adds nothing but the text: name ids in it (GUID 0x%016, LID %u, QPN 0x%x) and what the operator can do. */
void hf_log(enum hf_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
