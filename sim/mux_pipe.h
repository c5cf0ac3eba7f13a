/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* A data socket of ibsim's protocol in an event loop: reads MADs, and sends them without ever waiting. */
#ifndef HF_SIM_MUX_PIPE_H
#define HF_SIM_MUX_PIPE_H

#include <event2/event.h>
#include <stdbool.h>

#include "sim/ibsim_proto.h"

/**
 * struct hf_mux_pipe_ops - what a pipe calls
 * @received: one MAD; the pipe's own to change. May stop the pipe's reading, must not close it
 * @drained:  what had to wait is sent; may be NULL
 * @broken:   the peer is gone while MADs waited for it; may close the pipe
 */
struct hf_mux_pipe_ops {
	void (*received)(void *ctx, struct hf_ibsim_mad *mad);
	void (*drained)(void *ctx);
	void (*broken)(void *ctx);
};

struct hf_mux_pipe {
	int fd; /* -1: closed */
	const struct hf_mux_pipe_ops *ops;
	void *ctx;
	struct event *readable, *writable;
	bool is_reading;
	struct hf_ibsim_mad *waiting; /* ring of @capacity MADs; allocated when the first one must wait */
	unsigned int capacity, first, count;
};

/**
 * hf_mux_pipe_open() - begin to read
 * @pipe:     filled
 * @base:     event loop
 * @fd:       non-blocking datagram socket, connected where the pipe shall send; closed with the pipe, and on failure
 * @capacity: MADs that may wait for the peer, beyond what the socket itself holds (167); above 0
 * @ops:      must outlive the pipe
 *
 * Return: 0; -ENOMEM.
 */
int hf_mux_pipe_open(struct hf_mux_pipe *pipe, struct event_base *base, int fd, unsigned int capacity,
		     const struct hf_mux_pipe_ops *ops, void *ctx);

/* Does nothing to a pipe that is closed. */
void hf_mux_pipe_close(struct hf_mux_pipe *pipe);

/**
 * hf_mux_pipe_send() - send a MAD now or when the peer has room
 * @mad: copied
 *
 * Return: 0; -ENOBUFS if it is dropped because too many wait already; -ENOTCONN if the pipe is closed; else a negative
 * errno: the peer is gone.
 */
int hf_mux_pipe_send(struct hf_mux_pipe *pipe, const struct hf_ibsim_mad *mad);

/* Half of the capacity is used: whoever can should wait for drained(). */
bool hf_mux_pipe_is_filling(const struct hf_mux_pipe *pipe);

/* Reading is on at first. */
void hf_mux_pipe_set_reading(struct hf_mux_pipe *pipe, bool on);

#endif
