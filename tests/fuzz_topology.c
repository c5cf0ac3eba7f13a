/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Any bytes as a fabric's file. What is read must be written so that it reads back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/topology.h"

static struct hf_topology *read_text(const char *text, size_t len)
{
	struct hf_topology *topology = NULL;
	FILE *in = fmemopen((void *)text, len, "r");
	char *error = NULL;

	if (!in)
		return NULL;
	if (hf_topology_read(in, "fuzz", &topology, &error) && (!error || topology))
		abort();
	free(error);
	fclose(in);
	return topology;
}

static char *write_text(const struct hf_topology *topology)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out || hf_topology_write(topology, out) || fclose(out))
		abort();
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct hf_topology *topology = len ? read_text((const char *)data, len) : NULL, *again;
	char *text, *text_again;

	if (!topology)
		return 0;
	text = write_text(topology);
	again = read_text(text, strlen(text));
	if (!again)
		abort();
	text_again = write_text(again);
	if (strcmp(text, text_again))
		abort();
	free(text);
	free(text_again);
	hf_topology_free(topology);
	hf_topology_free(again);
	return 0;
}
