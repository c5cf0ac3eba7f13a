/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Any bytes as a services file and as a journal: they load, or there is an error in words. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin/journal.h"
#include "plugin/services_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_file(const uint8_t *data, size_t len)
{
	struct hf_services_config *config = NULL;
	int fd = memfd_create("services", MFD_CLOEXEC);
	char path[32], *error = NULL;

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (hf_services_file_load(path, &config, &error) ? !error || config : error || !config)
		abort();
	free(error);
	hf_services_config_free(config);
	close(fd);
}

/* What is good is written as it was read. */
static void read_journal(const uint8_t *data, size_t len)
{
	struct hf_journal_entry *entries = NULL, *again = NULL;
	size_t count = 0, length, again_count;
	const char *why;
	char *text;

	if (hf_journal_parse((const char *)data, len, &entries, &count, &why)) {
		if (entries || !why)
			abort();
		return;
	}
	if (hf_journal_format(entries, count, &text, &length) ||
	    hf_journal_parse(text, length, &again, &again_count, &why) || again_count != count)
		abort();
	free(text);
	free(entries);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	read_file(data, len);
	read_journal(data, len);
	return 0;
}
