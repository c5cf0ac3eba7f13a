/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/umad/fd_table.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "sim/umad/file.h"

#define MAX_FDS 65536

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER; /* writing, taking references; rank: last */
static _Atomic(struct hf_file *) table[MAX_FDS];
static atomic_int limit; /* above the largest descriptor that was ever ours */

static struct hf_file *peek(int fd)
{
	return fd >= 0 && fd < limit ? table[fd] : NULL;
}

int hf_fd_install(int fd, struct hf_file *file)
{
	if (fd < 0 || fd >= MAX_FDS)
		return -EMFILE;
	pthread_mutex_lock(&table_lock);
	table[fd] = file;
	if (fd >= limit)
		limit = fd + 1;
	pthread_mutex_unlock(&table_lock);
	return 0;
}

struct hf_file *hf_fd_get(int fd)
{
	struct hf_file *file = peek(fd);

	if (!file)
		return NULL;
	pthread_mutex_lock(&table_lock);
	file = table[fd];
	if (file)
		file->references++;
	pthread_mutex_unlock(&table_lock);
	return file;
}

struct hf_file *hf_fd_take(int fd)
{
	struct hf_file *file = peek(fd);

	if (!file)
		return NULL;
	pthread_mutex_lock(&table_lock);
	file = table[fd];
	table[fd] = NULL;
	pthread_mutex_unlock(&table_lock);
	return file;
}

void hf_fd_forget(void)
{
	pthread_mutex_init(&table_lock, NULL);
	for (int fd = 0; fd < limit; fd++)
		if (table[fd])
			table[fd] = &hf_file_foreign;
}

int hf_fd_limit(void)
{
	return limit;
}
