/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Unix sockets that a daemon listens on, and who is at the other end of them. */
#ifndef HF_LIB_LOCAL_SOCKET_H
#define HF_LIB_LOCAL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

/* By the kernel, at the time of connect(). */
struct hf_local_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	gid_t groups[64];	/* the further ones */
	size_t group_count;
};

/* Where the kernel does not say all, the peer is nobody, or in fewer groups than it is. */
void hf_local_peer_learn(int fd, struct hf_local_peer *ret_peer);

bool hf_local_peer_is_in_group(const struct hf_local_peer *peer, gid_t group);

/* Return: 0; -ENOENT where there is no group of this name. */
int hf_local_group_find(const char *name, gid_t *ret_group);

/**
 * hf_local_socket_open() - make a socket file and its socket, not blocking, that is to be listened on
 * @address: one that nobody listens on any more is replaced
 * @type:    SOCK_STREAM or SOCK_SEQPACKET
 * @mode:    of the file; 0666 lets every user connect
 *
 * Return: the socket; -EADDRINUSE where somebody listens there, or where the file is no socket; the negative errno of
 * making it.
 */
int hf_local_socket_open(const struct sockaddr_un *address, int type, mode_t mode);

#endif
