/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Which descriptors of the process are simulated devices. For all others a look at it costs one load. */
#ifndef HF_SIM_UMAD_FD_TABLE_H
#define HF_SIM_UMAD_FD_TABLE_H

struct hf_file;

/** hf_fd_install() - @fd is @file from now on; takes over one reference. 0 or -EMFILE: the descriptor is too large. */
int hf_fd_install(int fd, struct hf_file *file);

/** hf_fd_get() - the file of a descriptor, with a reference for the caller; NULL if it is none of ours. */
struct hf_file *hf_fd_get(int fd);

/** hf_fd_take() - as hf_fd_get(), and the descriptor is no longer ours: the caller gets its reference. */
struct hf_file *hf_fd_take(int fd);

/** hf_fd_forget() - in the child after fork(): all devices are the parent's. Takes no lock. */
void hf_fd_forget(void);

/** hf_fd_limit() - no descriptor from this one on is ours. */
int hf_fd_limit(void);

#endif
