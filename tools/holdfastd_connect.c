/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfastd_connect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/gid.h"

#define BLANKS " \t\r\n"

static int append_line(struct holdfastd_connect *connect, const char *local, const union hf_gid *dgid)
{
	struct holdfastd_connect_line *grown, *line;

	grown = realloc(connect->lines, (connect->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	connect->lines = grown;
	line = &grown[connect->count];
	line->local = local ? strdup(local) : NULL;
	if (local && !line->local)
		return -ENOMEM;
	line->dgid = *dgid;
	connect->count++;
	return 0;
}

static int parse_line(struct holdfastd_connect *connect, char *text)
{
	char *save, *first, *second;
	union hf_gid dgid;

	text[strcspn(text, "#")] = '\0';
	first = strtok_r(text, BLANKS, &save);
	if (!first)
		return 0;
	second = strtok_r(NULL, BLANKS, &save);
	if (strtok_r(NULL, BLANKS, &save) || hf_gid_parse(second ? second : first, &dgid))
		return -EINVAL;
	return append_line(connect, second ? first : NULL, &dgid);
}

static char *describe_error(const char *path, unsigned int number, int err)
{
	char *text = NULL;
	int printed;

	if (err == -EINVAL)
		printed = asprintf(&text, "%s:%u: a line is \"[local port] GID\"", path, number);
	else
		printed = asprintf(&text, "%s: %s", path, strerror(-err));
	return printed < 0 ? NULL : text;
}

int holdfastd_connect_load(const char *path, struct holdfastd_connect *ret_connect, char **ret_error)
{
	struct holdfastd_connect connect = { 0 };
	unsigned int number = 0;
	size_t size = 0;
	char *text = NULL;
	FILE *file = fopen(path, "re");
	int err = file ? 0 : -errno;

	while (!err && getline(&text, &size, file) >= 0) {
		number++;
		err = parse_line(&connect, text);
	}
	if (!err && ferror(file))
		err = -EIO;
	free(text);
	if (file)
		fclose(file);
	if (err) {
		*ret_error = describe_error(path, number, err);
		holdfastd_connect_fini(&connect);
		return err;
	}
	*ret_connect = connect;
	return 0;
}

void holdfastd_connect_fini(struct holdfastd_connect *connect)
{
	for (size_t i = 0; i < connect->count; i++)
		free(connect->lines[i].local);
	free(connect->lines);
	*connect = (struct holdfastd_connect){ 0 };
}

static bool is_meant(const struct holdfastd_connect_line *line, const struct hf_host_status *status)
{
	char id[128];
	union hf_gid gid;

	if (!line->local || !strcmp(line->local, status->device) || !strcmp(line->local, status->name))
		return true;
	snprintf(id, sizeof(id), "%s:%d", status->device, status->port_num);
	if (!strcmp(line->local, id))
		return true;
	return !hf_gid_parse(line->local, &gid) && !memcmp(gid.raw, status->gid, sizeof(gid.raw));
}

int holdfastd_connect_apply(const struct holdfastd_connect *connect, struct hf_host *host, bool has_sqd)
{
	struct hf_host_status status;
	uint32_t qpn;
	int err = 0;

	hf_host_get_status(host, &status);
	for (size_t i = 0; i < connect->count && !err; i++) {
		const struct holdfastd_connect_line *line = &connect->lines[i];

		if (is_meant(line, &status) && memcmp(line->dgid.raw, status.gid, sizeof(status.gid)))
			err = hf_host_connect_simulated(host, line->dgid.raw, has_sqd, &qpn);
	}
	return err;
}
