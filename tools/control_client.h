/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A question to a control socket: JSON lines, one for the question, one for the answer. See holdfastd(8)
 * and osmholdfast.conf(5).
 */
#ifndef HF_TOOLS_CONTROL_CLIENT_H
#define HF_TOOLS_CONTROL_CLIENT_H

#include <jansson.h>

/**
 * hf_control_ask() - send a request and wait for its answer
 * @path:       of the socket
 * @request:    an object; borrowed
 * @timeout_ms: of the whole answer
 * @ret_answer: an object; json_decref() it
 *
 * Return: 0; -ENOENT, -ECONNREFUSED where nobody serves the socket; -ETIMEDOUT; -EPROTO where the answer is no JSON
 * object; -ENAMETOOLONG; -ENOMEM; another negative errno.
 */
int hf_control_ask(const char *path, const json_t *request, int timeout_ms, json_t **ret_answer);

/**
 * hf_control_get() - ask for one thing
 * @path:       of the socket
 * @what:       "status", "connections", ...
 * @timeout_ms: of the whole answer
 * @ret_answer: an object; json_decref() it
 *
 * Return: as above; -EPROTO also where the answer says "error".
 */
int hf_control_get(const char *path, const char *what, int timeout_ms, json_t **ret_answer);

#endif
