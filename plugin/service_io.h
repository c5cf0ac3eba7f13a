/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The thread that brings together the nodes of services and the SM's services: MADs come and go over a umad port of the
 * SM's own, what nodes say goes to hf_services, and what hf_services decides goes to the nodes.
 *
 * It touches nothing of OpenSM's but through hf_services. Services without a key file have no nodes to talk with.
 */
#ifndef HF_PLUGIN_SERVICE_IO_H
#define HF_PLUGIN_SERVICE_IO_H

#include <linux/types.h>

#include "lib/trace.h"
#include "plugin/services.h"

struct hf_service_io;

/**
 * hf_service_io_new() - listen to the services
 * @services:  before hf_services_start(); borrowed until hf_service_io_stop()
 * @port_guid: of the SM's port
 * @trace:     borrowed; may be NULL
 * @ret_io:    to be freed with hf_service_io_free(), after the services
 *
 * Return: 0; -ENOMEM, -ENOSPC; the negative errno of eventfd() or getrandom().
 */
int hf_service_io_new(struct hf_services *services, __be64 port_guid, struct hf_trace *trace,
		      struct hf_service_io **ret_io);

/* Starts the thread. Return: 0; the negative errno of pthread_create(). */
int hf_service_io_start(struct hf_service_io *io);

/* Ends the thread: from here on nothing is asked of the services. @io may be NULL or not started. */
void hf_service_io_stop(struct hf_service_io *io);

/* @io may be NULL. */
void hf_service_io_free(struct hf_service_io *io);

#endif
