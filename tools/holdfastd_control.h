/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The control socket of holdfastd: JSON lines, one answer a request; the protocol stands in holdfastd(8). */
#ifndef HF_TOOLS_HOLDFASTD_CONTROL_H
#define HF_TOOLS_HOLDFASTD_CONTROL_H

#include <event2/event.h>

#include "tools/holdfastd_ports.h"

struct holdfastd_control;

/**
 * holdfastd_control_new() - listen on a unix socket
 * @base:        the loop
 * @path:        the socket; one that nobody listens on any more is replaced
 * @ports:       what is asked about; borrowed
 * @ret_control: to be freed with holdfastd_control_free(), which removes the socket
 *
 * Return: 0; -EADDRINUSE where somebody listens there; -ENAMETOOLONG; -ENOMEM; the errno of making the socket.
 */
int holdfastd_control_new(struct event_base *base, const char *path, const struct holdfastd_ports *ports,
			  struct holdfastd_control **ret_control);

/* @control may be NULL. */
void holdfastd_control_free(struct holdfastd_control *control);

#endif
