/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * An open umad or issm device. What the program holds is an eventfd that is readable while a packet waits, so that
 * poll(), select() and epoll work on it natively; reading and writing it comes here instead of the kernel.
 */
#ifndef HF_SIM_UMAD_FILE_H
#define HF_SIM_UMAD_FILE_H

#include <rdma/ib_user_mad.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HF_FILE_MAX_AGENTS 32

struct hf_adapter;
struct hf_agent;

enum hf_file_kind {
	HF_FILE_UMAD,
	HF_FILE_ISSM,
	HF_FILE_FOREIGN, /* opened by the parent before fork(): everything fails with EIO */
};

/* What one read() returns. */
struct hf_packet {
	struct hf_packet *prev, *next;
	struct ib_user_mad_hdr hdr;
	size_t len;
	uint8_t mad[];
};

/* All but the first three under the adapter's lock. */
struct hf_file {
	atomic_uint references; /* descriptors, and calls that are under way */
	enum hf_file_kind kind;
	struct hf_adapter *adapter;
	int signal_fd; /* our own duplicate of the eventfd, for the program may close its one while it holds others */
	bool is_signalled;
	bool is_dead; /* ibsim is gone */
	bool is_used; /* an agent was registered */
	bool has_pkey_index; /* the program uses the longer header */
	struct hf_agent *agents[HF_FILE_MAX_AGENTS];
	struct hf_packet *packets;
	size_t packet_count;
	struct hf_file *prev, *next;
};

/* Stands in every descriptor that was a device in the parent. */
extern struct hf_file hf_file_foreign;

/**
 * hf_file_open() - open a device
 * @adapter:  connected if need be
 * @kind:     HF_FILE_UMAD or HF_FILE_ISSM
 * @flags:    of open(); O_NONBLOCK and O_CLOEXEC count
 * @ret_file: with one reference
 *
 * Context: no lock held.
 * Return: the descriptor; -ENODEV; -EAGAIN if the issm device is open already; -ENOMEM; other -errno of eventfd().
 */
int hf_file_open(struct hf_adapter *adapter, enum hf_file_kind kind, int flags, struct hf_file **ret_file);

/** hf_file_put() - give up a reference; the last one closes the device. Context: no lock held. */
void hf_file_put(struct hf_file *file);

/**
 * hf_file_read() - as the kernel's ib_umad
 * @file:           file
 * @buffer:         for a header and a MAD
 * @count:          bytes at @buffer
 * @is_nonblocking: do not wait
 *
 * Context: no lock held; a cancellation point, as read() is.
 * Return: bytes read; -EINVAL if there is no room for the header and a whole plain MAD; -ENOSPC if a longer MAD does
 * not fit: the header and the first 256 bytes are there, the packet stays; -EAGAIN; -EINTR; -EIO.
 */
ssize_t hf_file_read(struct hf_file *file, void *buffer, size_t count, bool is_nonblocking);

/**
 * hf_file_write() - as the kernel's ib_umad: hand in a MAD
 * @file:   file
 * @buffer: header and MAD
 * @count:  bytes at @buffer
 *
 * Context: no lock held; a cancellation point, as write() is.
 * Return: @count; -EINVAL for a malformed packet, an unknown agent or a transaction id that is in use; -ENOMEM; -EIO.
 */
ssize_t hf_file_write(struct hf_file *file, const void *buffer, size_t count);

/**
 * hf_file_ioctl() - register and unregister agents, enable the longer header
 * @file:    file
 * @request: IB_USER_MAD_*
 * @arg:     as the kernel wants it
 *
 * Context: no lock held.
 * Return: 0; -EINVAL; -ENOMEM; -EIO; -EFAULT; -ENOTTY for anything else.
 */
int hf_file_ioctl(struct hf_file *file, unsigned long request, void *arg);

/**
 * hf_file_queue_locked() - let the program read a packet
 * @file: file
 * @hdr:  copied
 * @mad:  copied
 * @len:  bytes at @mad
 *
 * Dropped where memory is short or far too many wait. Context: the adapter's lock is held.
 */
void hf_file_queue_locked(struct hf_file *file, const struct ib_user_mad_hdr *hdr, const uint8_t *mad, size_t len);

/** hf_file_die_locked() - from now on everything fails with EIO. Context: the adapter's lock is held. */
void hf_file_die_locked(struct hf_file *file);

#endif
