/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfast_names.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct name_node {
	uint64_t guid;
	char *name;
	UT_hash_handle hh;
};

struct hf_names {
	struct name_node *nodes;
};

/* The first name that a GUID is given counts. */
static int add_name(struct hf_names *names, uint64_t guid, const char *name)
{
	struct name_node *node;

	HASH_FIND(hh, names->nodes, &guid, sizeof(guid), node);
	if (node)
		return 0;
	node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->guid = guid;
	node->name = strdup(name);
	if (!node->name) {
		free(node);
		return -ENOMEM;
	}
	HASH_ADD(hh, names->nodes, guid, sizeof(guid), node);
	return 0;
}

static char *skip_blanks(char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

/* GUID "name"; nothing, or a comment. Changes @line. */
static int take_line(struct hf_names *names, char *line)
{
	char *name, *end;
	uint64_t guid;

	line = skip_blanks(line);
	if (!*line || *line == '#')
		return 0;
	errno = 0;
	guid = strtoull(line, &end, 16);
	name = skip_blanks(end);
	if (errno || end == line || name == end || *name != '"')
		return -EINVAL;
	end = strchr(++name, '"');
	if (!end)
		return -EINVAL;
	*end = '\0';
	for (char *at = name; *at; at++)
		if (!isprint((unsigned char)*at))
			*at = '?';
	end = skip_blanks(end + 1);
	return *end && *end != '#' ? -EINVAL : add_name(names, guid, name);
}

static int read_lines(struct hf_names *names, const char *path, FILE *file)
{
	unsigned int number = 0;
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	errno = 0;
	while (!err && getline(&line, &size, file) >= 0) {
		number++;
		err = take_line(names, line);
	}
	if (!err && ferror(file))
		err = -errno;
	if (err == -EINVAL)
		fprintf(stderr, "holdfast: %s:%u: a line must be a GUID in hexadecimal and a \"name\"\n", path, number);
	else if (err)
		fprintf(stderr, "holdfast: %s: %s\n", path, strerror(-err));
	free(line);
	return err;
}

int hf_names_load(const char *path, struct hf_names **ret_names)
{
	FILE *file = fopen(path, "re");
	struct hf_names *names;
	int err;

	if (!file) {
		err = -errno;
		fprintf(stderr, "holdfast: %s: %s\n", path, strerror(-err));
		return err;
	}
	names = calloc(1, sizeof(*names));
	err = names ? read_lines(names, path, file) : -ENOMEM;
	fclose(file);
	if (err) {
		hf_names_free(names);
		return err;
	}
	*ret_names = names;
	return 0;
}

void hf_names_free(struct hf_names *names)
{
	struct name_node *node, *next;

	if (!names)
		return;
	HASH_ITER(hh, names->nodes, node, next) {
		HASH_DEL(names->nodes, node);
		free(node->name);
		free(node);
	}
	free(names);
}

const char *hf_names_find(const struct hf_names *names, uint64_t guid)
{
	struct name_node *node = NULL;

	if (names)
		HASH_FIND(hh, names->nodes, &guid, sizeof(guid), node);
	return node ? node->name : NULL;
}
