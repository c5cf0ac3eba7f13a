/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crc32.h"

#define HEADER		"holdfast-journal 1\n"
#define LINE_MAX_BYTES	(HF_SERVICE_NAME_MAX + 64)
#define FILE_MAX_BYTES	((off_t)HF_SERVICES_MAX * LINE_MAX_BYTES + 128)

static uint32_t crc_of(const char *text, size_t length)
{
	struct hf_crc32 crc;

	hf_crc32_init(&crc);
	hf_crc32_add(&crc, text, length);
	return hf_crc32_value(&crc);
}

/* Reading */

/* One line, with a zero in place of its end. */
struct line {
	char text[LINE_MAX_BYTES];
};

static int next_line(const char *text, size_t length, size_t *at, struct line *ret_line)
{
	const char *start = text + *at;
	const char *end = memchr(start, '\n', length - *at);
	size_t size = end ? (size_t)(end - start) : 0;

	if (!end || size >= sizeof(ret_line->text) || memchr(start, '\0', size))
		return -EBADMSG;
	memcpy(ret_line->text, start, size);
	ret_line->text[size] = '\0';
	*at += size + 1;
	return 0;
}

/* Takes a number and the blank or end behind it. */
static int take_number(char **text, int base, uint64_t max, uint64_t *ret_value)
{
	char *end;
	unsigned long long value;

	if (**text < '0' || **text > '9')
		return -EBADMSG;
	errno = 0;
	value = strtoull(*text, &end, base);
	if (errno || value > max || (*end != ' ' && *end))
		return -EBADMSG;
	*text = *end ? end + 1 : end;
	*ret_value = value;
	return 0;
}

static int parse_entry(char *text, struct hf_journal_entry *ret_entry)
{
	struct hf_journal_entry entry = { .term = 0 };
	char *blank = strchr(text, ' ');
	uint64_t mlid, lid;

	if (!blank || blank == text || blank - text > HF_SERVICE_NAME_MAX)
		return -EBADMSG;
	memcpy(entry.name, text, blank - text);
	text = blank + 1;
	if (take_number(&text, 16, UINT16_MAX, &mlid) || take_number(&text, 16, UINT16_MAX, &lid) ||
	    take_number(&text, 16, UINT64_MAX, &entry.owner) || take_number(&text, 10, UINT64_MAX, &entry.term) || *text)
		return -EBADMSG;
	entry.mlid = (uint16_t)mlid;
	entry.lid = (uint16_t)lid;
	*ret_entry = entry;
	return 0;
}

/* The last line, over which the CRC does not go; it begins at @start of the text. */
static int check_end(const char *text, size_t start, char *line, size_t count, const char **ret_why)
{
	uint64_t said, crc;

	line += strlen("end ");
	*ret_why = "its last line is no end";
	if (take_number(&line, 10, HF_SERVICES_MAX, &said) || strlen(line) != 8 ||
	    line[strspn(line, "0123456789abcdef")])
		return -EBADMSG;
	crc = strtoull(line, NULL, 16);
	*ret_why = "a service is missing";
	if (said != count)
		return -EBADMSG;
	*ret_why = "its checksum is wrong";
	return crc == crc_of(text, start) ? 0 : -EBADMSG;
}

int hf_journal_parse(const char *text, size_t length, struct hf_journal_entry **ret_entries, size_t *ret_count,
		     const char **ret_why)
{
	struct hf_journal_entry *entries = NULL;
	size_t at = strlen(HEADER), start, count = 0, room = 0;
	struct line line;
	int err = 0;

	*ret_why = "it does not begin with \"holdfast-journal 1\"";
	if (length < at || memcmp(text, HEADER, at))
		return -EBADMSG;
	for (;;) {
		*ret_why = "a line of it is damaged";
		start = at;
		err = next_line(text, length, &at, &line);
		if (err || !strncmp(line.text, "end ", 4))
			break;
		if (count == room) {
			struct hf_journal_entry *grown = reallocarray(entries, room * 2 + 16, sizeof(*entries));

			if (!grown) {
				err = -ENOMEM;
				break;
			}
			entries = grown;
			room = room * 2 + 16;
		}
		err = count < HF_SERVICES_MAX ? parse_entry(line.text, &entries[count]) : -EBADMSG;
		if (err)
			break;
		count++;
	}
	if (!err)
		err = check_end(text, start, line.text, count, ret_why);
	if (!err && at != length) {
		*ret_why = "something stands behind its end";
		err = -EBADMSG;
	}
	if (err) {
		free(entries);
		return err;
	}
	*ret_entries = entries;
	*ret_count = count;
	return 0;
}

static int read_whole(int fd, char **ret_text, size_t *ret_length)
{
	struct stat stat;
	char *text;
	ssize_t got;
	size_t length = 0;

	if (fstat(fd, &stat))
		return -errno;
	if (stat.st_size > FILE_MAX_BYTES)
		return -EFBIG;
	text = malloc(stat.st_size + 1);
	if (!text)
		return -ENOMEM;
	while ((got = read(fd, text + length, stat.st_size - length)) > 0)
		length += got;
	if (got < 0) {
		int err = -errno;

		free(text);
		return err;
	}
	*ret_text = text;
	*ret_length = length;
	return 0;
}

int hf_journal_load(const char *path, struct hf_journal_entry **ret_entries, size_t *ret_count, const char **ret_why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	size_t length = 0;
	char *text = NULL;

	*ret_why = NULL;
	if (fd < 0 && errno == ENOENT) {
		*ret_entries = NULL;
		*ret_count = 0;
		return 0;
	}
	if (fd < 0)
		return -errno;
	err = read_whole(fd, &text, &length);
	close(fd);
	if (err)
		return err;
	err = hf_journal_parse(text, length, ret_entries, ret_count, ret_why);
	free(text);
	return err;
}

/* Writing */

int hf_journal_format(const struct hf_journal_entry *entries, size_t count, char **ret_text, size_t *ret_length)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	bool has_failed;

	if (!out)
		return -ENOMEM;
	fputs(HEADER, out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s 0x%04x 0x%04x 0x%016" PRIx64 " %" PRIu64 "\n", entries[i].name, entries[i].mlid,
			entries[i].lid, entries[i].owner, entries[i].term);
	fflush(out);
	fprintf(out, "end %zu %08" PRIx32 "\n", count, text ? crc_of(text, length) : 0);
	has_failed = ferror(out);
	if (fclose(out) || has_failed) {
		free(text);
		return -ENOMEM;
	}
	*ret_text = text;
	*ret_length = length;
	return 0;
}

static int write_file(const char *path, const char *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err = 0;

	if (fd < 0)
		return -errno;
	while (length && !err) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno != EINTR)
			err = -errno;
		if (written > 0) {
			text += written;
			length -= written;
		}
	}
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

/* The name is on the disk when the folder is. */
static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int err = !copy ? -ENOMEM : fd < 0 ? -errno : 0;

	if (!err && fsync(fd))
		err = -errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	return err;
}

static int replace(const char *path, const char *text, size_t length)
{
	char *temporary;
	int err;

	if (asprintf(&temporary, "%s.tmp", path) < 0)
		return -ENOMEM;
	err = write_file(temporary, text, length);
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		unlink(temporary);
	else
		err = sync_folder(path);
	free(temporary);
	return err;
}

int hf_journal_save(const char *path, const struct hf_journal_entry *entries, size_t count)
{
	char *text;
	size_t length;
	int err = hf_journal_format(entries, count, &text, &length);

	if (err)
		return err;
	err = replace(path, text, length);
	free(text);
	return err;
}
