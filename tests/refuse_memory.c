/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Preloaded into opensm: while the file $HF_REFUSE_MEMORY is there, the plugin's calloc() of REFUSED_BYTES or more
 * fails: on a mesh of 12 switches that of the table of switches, with which the copy of a routing begins, and not those
 * of events, subscribers and Reports.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REFUSED_BYTES	600

void *__libc_calloc(size_t count, size_t size);

static bool is_plugin(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libosmholdfast");
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
	const char *file = getenv("HF_REFUSE_MEMORY");

	if (count * size >= REFUSED_BYTES && file && !access(file, F_OK) && is_plugin(__builtin_return_address(0)))
		return NULL;
	return __libc_calloc(count, size);
}
