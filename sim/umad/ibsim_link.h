/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A client's connection to ibsim: one data socket for MADs, one control socket. Calls on the control socket wait for
 * ibsim's answer (it needs microseconds, seconds while it writes to a client that does not read); the data socket
 * never blocks, because ibsim stops for all its clients while one of them does not read.
 *
 * Not locked: calls on the control socket must not overlap; hf_ibsim_link_send() and _receive() may run beside them.
 */
#ifndef HF_SIM_UMAD_IBSIM_LINK_H
#define HF_SIM_UMAD_IBSIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/ibsim_proto.h"

struct hf_ibsim_link {
	const char *basename;
	int data_fd;
	int ctl_fd;
	uint32_t id;
	uint32_t slot;
	bool wants_requests; /* of QP 0 and 1, or only answers */
	bool is_sm; /* IsSM is set on our behalf */
	char node[HF_IBSIM_NODE_NAME]; /* as ibsim calls it */
};

/**
 * hf_ibsim_link_open() - become a client of ibsim
 * @link:     filled in
 * @basename: of ibsim's sockets; borrowed until the link is closed
 * @node:     where to attach; empty for ibsim's default node
 * @number:   tells the links of one process apart, below 512
 *
 * The link gets answers only, until hf_ibsim_link_want_requests().
 *
 * Return: 0; -ECONNREFUSED if there is no ibsim; -ENODEV if ibsim refuses: no such node, or no free slot; -ETIMEDOUT;
 * -ENAMETOOLONG; other -errno of the socket calls.
 */
int hf_ibsim_link_open(struct hf_ibsim_link *link, const char *basename, const char *node, unsigned int number);

/**
 * hf_ibsim_link_close() - leave ibsim
 * @link: from hf_ibsim_link_open()
 *
 * Waits, up to a second, until ibsim has read all that was sent (it serves control first, and would take the rest for
 * a stranger's). IsSM is taken back.
 */
void hf_ibsim_link_close(struct hf_ibsim_link *link);

/** hf_ibsim_link_drain() - wait, up to a second, until ibsim has read all that was sent. */
void hf_ibsim_link_drain(const struct hf_ibsim_link *link);

/** hf_ibsim_link_abandon() - close the sockets and say nothing, for the child after fork(). */
void hf_ibsim_link_abandon(struct hf_ibsim_link *link);

/**
 * hf_ibsim_link_want_requests() - have requests delivered as well
 * @link: link
 *
 * ibsim can be told so without IsSM being set only by connecting anew; the slot may change with it. Drain the link
 * and receive what has arrived before; nothing may be sent meanwhile.
 *
 * Return: 0; -EBUSY if another client of this node gets them, the link is as before then; other errors as
 * hf_ibsim_link_open(), and the link is dead.
 */
int hf_ibsim_link_want_requests(struct hf_ibsim_link *link);

/**
 * hf_ibsim_link_set_sm() - set or clear IsSM in the port's CapabilityMask
 * @link:  link
 * @is_sm: setting it asks for requests too, clearing it ends them
 *
 * Return: 0; -errno as hf_ibsim_link_ask().
 */
int hf_ibsim_link_set_sm(struct hf_ibsim_link *link, bool is_sm);

/**
 * hf_ibsim_link_ask() - one request on the control socket
 * @link: link
 * @type: request
 * @data: of the request, overwritten by that of the answer
 * @len:  bytes at @data, at most HF_IBSIM_CTL_DATA
 *
 * Return: 0; -EIO if ibsim says no; -ETIMEDOUT; -ECONNREFUSED; other -errno of send() and recv().
 */
int hf_ibsim_link_ask(struct hf_ibsim_link *link, enum hf_ibsim_ctl_type type, void *data, size_t len);

/**
 * hf_ibsim_link_send() - hand a MAD to ibsim
 * @link: link
 * @mad:  borrowed
 *
 * Return: 0; -EAGAIN if the socket is full; other -errno: the link is dead.
 */
int hf_ibsim_link_send(const struct hf_ibsim_link *link, const struct hf_ibsim_mad *mad);

/**
 * hf_ibsim_link_receive() - take a MAD from ibsim
 * @link:    link
 * @ret_mad: filled in
 *
 * Return: 0; -EAGAIN if there is none; other -errno: the link is dead.
 */
int hf_ibsim_link_receive(const struct hf_ibsim_link *link, struct hf_ibsim_mad *ret_mad);

/** hf_ibsim_link_is_alive() - does anyone listen under ibsim's name? Sends nothing. */
bool hf_ibsim_link_is_alive(const struct hf_ibsim_link *link);

#endif
