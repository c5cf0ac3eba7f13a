/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The plugin's control socket: status, snapshots and services for the operator, on a thread of its own. A client that
 * is slow, or a snapshot that takes long to write, holds up other clients at most, never a Report. The protocol stands
 * in osmholdfast.conf(5).
 */
#ifndef HF_PLUGIN_CONTROL_H
#define HF_PLUGIN_CONTROL_H

#include <stdint.h>

#include "plugin/bulk.h"
#include "plugin/services.h"
#include "plugin/status.h"

struct hf_plugin_control;

struct hf_plugin_control_config {
	const char *path;		/* of the socket; borrowed for the call */
	const char *mode;		/* the signalling mode's name; borrowed */
	uint64_t instance;		/* until there is a routing */
	struct hf_status_board *board;	/* borrowed */
	struct hf_bulk *bulk;		/* borrowed; NULL where nobody is answered from it */
	struct hf_services *services;	/* borrowed; NULL for none */
	const char *read_group, *act_group;	/* names; NULL or empty for none; borrowed for the call */
};

/**
 * hf_plugin_control_start() - listen and start the thread
 * @config:      copied
 * @ret_control: to be ended with hf_plugin_control_stop()
 *
 * No signal is ever delivered to the thread.
 *
 * Root and the user of this process may do everything; the groups' members what the options say, and nobody else
 * anything.
 *
 * Return: 0; as hf_control_new(); -ENOENT where there is no such group; the negative errno of eventfd() or
 * pthread_create().
 */
int hf_plugin_control_start(const struct hf_plugin_control_config *config, struct hf_plugin_control **ret_control);

/* Ends the thread and removes the socket; a snapshot that is being written is given up. May be NULL. */
void hf_plugin_control_stop(struct hf_plugin_control *control);

#endif
