/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/own_fd.h"

#include <sys/stat.h>
#include <unistd.h>

struct hf_own_fd hf_own_fd_of(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return (struct hf_own_fd)HF_OWN_FD_NONE;
	return (struct hf_own_fd){ .fd = fd, .device = status.st_dev, .inode = status.st_ino };
}

bool hf_own_fd_is_good(const struct hf_own_fd *own)
{
	struct stat status;

	return own->fd >= 0 && fstat(own->fd, &status) == 0 && status.st_dev == own->device &&
	       status.st_ino == own->inode;
}

void hf_own_fd_close(struct hf_own_fd *own)
{
	if (hf_own_fd_is_good(own))
		close(own->fd);
	*own = (struct hf_own_fd)HF_OWN_FD_NONE;
}
