/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The services of this host: holdfastd.services(5). */
#ifndef HF_TOOLS_HOLDFASTD_SERVICES_FILE_H
#define HF_TOOLS_HOLDFASTD_SERVICES_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/key.h"
#include "lib/options.h"

#define HOLDFASTD_PEERS_MAX	31	/* a service has 32 nodes at most */

/* What a section says; the texts belong to it. */
struct holdfastd_service_values {
	char *port;		/* NULL or "": the first */
	char *key_file;
	int interval_ms;	/* 0: as the SM says */
	int count;
	int report_ms;
	int timeout_ms;
	char *hook;		/* NULL or "": none */
	int hook_limit_ms;
};

struct holdfastd_service {
	char *name;
	struct holdfastd_service_values values;
	uint64_t peers[HOLDFASTD_PEERS_MAX];
	size_t peer_count;
	struct hf_key key;
};

struct holdfastd_services_file {
	struct holdfastd_service *services;
	size_t count;
};

extern const struct hf_option holdfastd_service_option_table[];

/**
 * holdfastd_services_file_load() - read a services file, and the keys that it names
 * @path:      the file
 * @ret_file:  to be cleared with holdfastd_services_file_fini()
 * @ret_error: set on failure to one line that names file, line, value and what is allowed; caller frees it
 *
 * Return: 0; -EINVAL for what the file says; -ENOMEM; the negative errno of reading it.
 */
int holdfastd_services_file_load(const char *path, struct holdfastd_services_file *ret_file, char **ret_error);

void holdfastd_services_file_fini(struct holdfastd_services_file *file);

#endif
