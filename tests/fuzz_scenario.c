/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Any bytes as a scenario's file: it loads, or there is an error in words. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct hf_scenario *scenario = NULL;
	int fd = memfd_create("scenario", MFD_CLOEXEC);
	char path[32], *error = NULL;

	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (hf_scenario_load(path, &scenario, &error) ? !error || scenario : error || !scenario)
		abort();
	free(error);
	hf_scenario_free(scenario);
	close(fd);
	return 0;
}
