/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The ports that holdfastd serves: each an hf_host on the event loop. */
#ifndef HF_TOOLS_HOLDFASTD_PORTS_H
#define HF_TOOLS_HOLDFASTD_PORTS_H

#include <stdbool.h>

#include <event2/event.h>
#include <holdfast/host.h>

#include "tools/holdfastd_options.h"

struct holdfastd_ports;

/**
 * holdfastd_ports_new() - open the ports that the options name and put them on the loop
 * @base:      the loop
 * @options:   borrowed, as long as the ports live; simulated connections are created as its connect file says
 * @ret_ports: to be freed with holdfastd_ports_free()
 *
 * What fails is logged here. A port whose adapter disappears later is opened again when it is back.
 *
 * Return: 0; -ENODEV where a port that is named, or any at all, does not exist; -EINVAL for a bad list or connect
 * file; what hf_host_new() returns.
 */
int holdfastd_ports_new(struct event_base *base, const struct holdfastd_options *options,
			struct holdfastd_ports **ret_ports);

/* @ports may be NULL. */
void holdfastd_ports_free(struct holdfastd_ports *ports);

/* Takes the timeouts and intervals that the options have now. */
void holdfastd_ports_reload(struct holdfastd_ports *ports);

/* Begins to end the subscriptions; @stopped is called once, when all ended or the stop timeout passed. */
void holdfastd_ports_stop(struct holdfastd_ports *ports, void (*stopped)(void *ctx), void *ctx);

/* Who wants to know of hosts that come and go; called in the loop. */
struct holdfastd_ports_watcher {
	void (*opened)(void *ctx, const char *device, int port_num, struct hf_host *host);
	void (*closed)(void *ctx, struct hf_host *host);	/* is freed afterwards, and its connections with it */
};

/* One can watch: opened() is called for what is there now, too. @watcher is borrowed; NULL: nobody any more. */
void holdfastd_ports_watch(struct holdfastd_ports *ports, const struct holdfastd_ports_watcher *watcher, void *ctx);

/* Return: the host of a port; NULL where it is not served or its adapter is gone. */
struct hf_host *holdfastd_ports_find(const struct holdfastd_ports *ports, const char *device, int port_num);

/* To be called after a change to @host from outside: what follows from it is done soon. */
void holdfastd_ports_wake(const struct holdfastd_ports *ports, const struct hf_host *host);

/* @id is "adapter:number". Ports whose adapter is gone are left out. */
void holdfastd_ports_for_each(const struct holdfastd_ports *ports,
			      void (*visit)(void *ctx, const char *id, const struct hf_host *host), void *ctx);

#endif
