/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/local_socket.h"

#include <errno.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void hf_local_peer_learn(int fd, struct hf_local_peer *ret_peer)
{
	socklen_t length = sizeof(ret_peer->groups);
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	*ret_peer = (struct hf_local_peer) { .uid = (uid_t)-1, .gid = (gid_t)-1 };
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size))
		return;
	ret_peer->uid = credentials.uid;
	ret_peer->gid = credentials.gid;
	ret_peer->pid = credentials.pid;
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ret_peer->groups, &length))
		ret_peer->group_count = length / sizeof(ret_peer->groups[0]);
}

bool hf_local_peer_is_in_group(const struct hf_local_peer *peer, gid_t group)
{
	for (size_t i = 0; i < peer->group_count; i++)
		if (peer->groups[i] == group)
			return true;
	return peer->gid == group;
}

int hf_local_group_find(const char *name, gid_t *ret_group)
{
	char buffer[4096];
	struct group group, *found = NULL;

	getgrnam_r(name, &group, buffer, sizeof(buffer), &found);
	if (!found)
		return -ENOENT;
	*ret_group = group.gr_gid;
	return 0;
}

/* Whether a socket file is there that nobody listens on. Another file is refused like one, but must stay. */
static bool is_stale(const struct sockaddr_un *address, int type)
{
	struct stat stat;
	bool is_refused;
	int fd;

	if (lstat(address->sun_path, &stat) || !S_ISSOCK(stat.st_mode))
		return false;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	is_refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) && errno == ECONNREFUSED;
	close(fd);
	return is_refused;
}

/* The file gets the mode of the socket, within what umask() lets through, which is one of all threads. */
static int bind_socket(int fd, const struct sockaddr_un *address, int type, mode_t mode)
{
	int err;

	if (fchmod(fd, mode))
		return -errno;
	err = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;
	if (err == -EADDRINUSE && is_stale(address, type) && !unlink(address->sun_path))
		err = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;
	return err || !chmod(address->sun_path, mode) ? err : -errno;
}

int hf_local_socket_open(const struct sockaddr_un *address, int type, mode_t mode)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = bind_socket(fd, address, type, mode);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}
