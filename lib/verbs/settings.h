/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The environment of libholdfast-verbs, read once, when the library is loaded. See doc/libholdfast-verbs.7. */
#ifndef HF_LIB_VERBS_SETTINGS_H
#define HF_LIB_VERBS_SETTINGS_H

#include <stdbool.h>

#include "lib/program_wire.h"

#define HF_PROGRAM_SOCKET_DEFAULT "/run/holdfast-programs.sock"

struct hf_verbs_settings {
	const char *socket;			/* HOLDFAST_SOCKET */
	enum hf_program_strategy strategy;	/* HOLDFAST_STRATEGY; NONE: auto or all */
	bool records_all;			/* "all": what may have to be reset is recorded also where SQD works */
	unsigned int drain_ms;			/* HOLDFAST_DRAIN_MS */
	unsigned int stuck_ms;			/* HOLDFAST_STUCK_MS */
	bool replays;				/* HOLDFAST_LOST */
};

const struct hf_verbs_settings *hf_verbs_settings(void);

#endif
