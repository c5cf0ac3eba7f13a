/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "delta_parts.h"

#include <stdlib.h>
#include <string.h>

struct delta_parts *delta_parts_new(void)
{
	struct delta_parts *parts = calloc(1, sizeof(*parts));

	if (!parts)
		abort();
	parts->delta = (struct hf_delta){
		.gone = parts->gone, .named = parts->named, .paths = parts->paths, .sites = parts->sites,
	};
	return parts;
}

void delta_parts_free(struct delta_parts *parts)
{
	free(parts);
}

static void check_room(size_t count)
{
	if (count >= HF_DELTA_MAX)
		abort();
}

static void add_gone(void *ctx, uint64_t guid)
{
	struct hf_delta *delta = ctx;

	check_room(delta->n_gone);
	delta->gone[delta->n_gone++] = guid;
}

static void add_named(void *ctx, uint64_t guid, uint16_t lid, uint32_t site)
{
	struct hf_delta *delta = ctx;

	check_room(delta->n_named);
	delta->named[delta->n_named++] = (struct hf_delta_name){ guid, lid, site };
}

static void add_path(void *ctx, uint16_t lid, const struct hf_delta_terms *terms)
{
	struct hf_delta *delta = ctx;

	check_room(delta->n_paths);
	delta->paths[delta->n_paths++] = (struct hf_delta_path){ lid, *terms };
}

static void add_site(void *ctx, uint32_t site, const struct hf_delta_terms *terms)
{
	struct hf_delta *delta = ctx;

	if (delta->n_sites >= HF_SITE_LAST)
		abort();
	delta->sites[delta->n_sites++] = (struct hf_delta_site){ .site = site, .terms = *terms };
}

static void set_covered(void *ctx, uint32_t count, uint32_t sum)
{
	struct hf_delta *delta = ctx;

	delta->covered = count;
	delta->covered_sum = sum;
}

int delta_parts_read(struct delta_parts *parts, const uint8_t *body, size_t length)
{
	static const struct hf_delta_visitor visitor = {
		.gone = add_gone, .named = add_named, .path = add_path, .at_site = add_site, .covered = set_covered,
	};

	return hf_delta_decode(body, length, &visitor, &parts->delta);
}

uint8_t *delta_parts_write(struct delta_parts *parts, size_t *ret_length)
{
	uint8_t *body = malloc(hf_delta_max_bytes(&parts->delta)), *exact;

	if (!body)
		abort();
	*ret_length = hf_delta_encode(&parts->delta, body);
	exact = realloc(body, *ret_length);
	return exact ? exact : body;
}
