/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The services that this host is a node of, on the event loop: heartbeats and what the SM says over a umad port of
 * their own, hooks as children.
 */
#ifndef HF_TOOLS_HOLDFASTD_SERVICES_H
#define HF_TOOLS_HOLDFASTD_SERVICES_H

#include <event2/event.h>
#include <jansson.h>

#include "lib/trace.h"
#include "tools/holdfastd_options.h"
#include "tools/holdfastd_ports.h"

struct holdfastd_services;

/**
 * holdfastd_services_new() - read the services file and begin
 * @base:         the loop
 * @options:      borrowed
 * @ports:        where paths to peers are known; borrowed
 * @ret_services: to be freed with holdfastd_services_free(); NULL where the options name no file
 *
 * What fails is logged here.
 *
 * Return: 0; -EINVAL, -ENODEV where a service's port is not there; -EBUSY where another program has it; -ENOMEM.
 */
int holdfastd_services_new(struct event_base *base, const struct holdfastd_options *options,
			   const struct holdfastd_ports *ports, struct holdfastd_services **ret_services);

/**
 * holdfastd_services_reload() - read the services file again
 * @services: of which those go on undisturbed whose section and key are the same; others begin anew, and a hook of
 *            theirs that runs is killed
 *
 * What fails is logged here, and then all services stay as they were. Return: as holdfastd_services_new().
 */
int holdfastd_services_reload(struct holdfastd_services *services);

/* @services may be NULL. Hooks that run are killed. */
void holdfastd_services_free(struct holdfastd_services *services);

/* A list with an object for each service; holdfastd(8) has the members. @services may be NULL. */
json_t *holdfastd_services_describe(const struct holdfastd_services *services);

#endif
