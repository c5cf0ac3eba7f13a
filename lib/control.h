/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A control socket: a unix socket on which clients send JSON objects, one a line, and get one back for each. A client
 * that does not read, does not ask or sends too much is cut off; none can hold up the others or the program.
 */
#ifndef HF_LIB_CONTROL_H
#define HF_LIB_CONTROL_H

#include <event2/event.h>
#include <jansson.h>

#include "lib/local_socket.h"

struct hf_control;

/**
 * hf_control_answer_fn - answers a request
 * @ctx:     as given to hf_control_new()
 * @request: an object; borrowed
 *
 * Return: an object, which is taken over; NULL without memory.
 */
typedef json_t *(*hf_control_answer_fn)(void *ctx, const json_t *request);

/**
 * hf_control_new() - listen on a unix socket
 * @base:        the loop, whose thread alone may use the control socket
 * @path:        the socket, which its owner alone may use; one that nobody listens on any more is replaced
 * @answer:      called in the loop
 * @ctx:         passed to it
 * @ret_control: to be freed with hf_control_free(), which removes the socket
 *
 * The caller sees to it that SIGPIPE does no harm in the loop's thread.
 *
 * Return: 0; -EADDRINUSE where somebody listens there, or where the file is no socket; -ENAMETOOLONG; -ENOMEM; the
 * negative errno of making the socket.
 */
int hf_control_new(struct event_base *base, const char *path, hf_control_answer_fn answer, void *ctx,
		   struct hf_control **ret_control);

/* Who sent the request that is being answered; in the answer function only. */
const struct hf_local_peer *hf_control_asker(const struct hf_control *control);

/**
 * hf_control_admit_all() - let every user connect
 * @control: whose answer function then looks at hf_control_asker()
 *
 * Return: 0; the negative errno of chmod().
 */
int hf_control_admit_all(struct hf_control *control);

/* @control may be NULL. */
void hf_control_free(struct hf_control *control);

#endif
