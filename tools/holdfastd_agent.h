/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* An agent of a vendor class at one port, in the daemon's loop. */
#ifndef HF_TOOLS_HOLDFASTD_AGENT_H
#define HF_TOOLS_HOLDFASTD_AGENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/umad_io.h"

/* Begins with all zero, which is closed. */
struct holdfastd_agent {
	struct hf_umad *umad;	/* NULL: closed */
	int id;
	struct event *readable;
};

struct holdfastd_agent_class {
	uint8_t mgmt_class, version;
	uint32_t oui;
	const uint8_t *methods;	/* that are received */
	size_t method_count;
};

/**
 * holdfastd_agent_open() - open a port for MADs of a class
 * @agent:       closed
 * @base:        the loop
 * @device:      adapter
 * @port_num:    from 1
 * @class:       borrowed for the call
 * @on_readable: is to call holdfastd_agent_receive()
 * @ctx:         for it
 *
 * Return: 0; -ENOMEM; the errors of hf_umad_open() and hf_umad_register_vendor(). On failure it stays closed.
 */
int holdfastd_agent_open(struct holdfastd_agent *agent, struct event_base *base, const char *device, int port_num,
			 const struct holdfastd_agent_class *class, event_callback_fn on_readable, void *ctx);

void holdfastd_agent_close(struct holdfastd_agent *agent);

/* Gives @take what has come, a bounded number at a time. Return: false: the adapter is gone, and the agent closed. */
bool holdfastd_agent_receive(struct holdfastd_agent *agent,
			     void (*take)(void *ctx, const struct hf_umad_received *received), void *ctx);

#endif
