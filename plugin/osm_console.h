/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The operator's verbs in OpenSM's own console.
 *
 * That has no place for further commands. But it reads lines from a FILE, so the plugin puts one of its own in front of
 * it: lines that are verbs of hf_commands are carried out and an empty line is handed on, all others go on as they are.
 * The FILE is exchanged by a signal handler on OpenSM's main thread, the only one that uses it, so it cannot be closed
 * meanwhile; OpenSM's descriptor and its output stay what they are.
 */
#ifndef HF_PLUGIN_OSM_CONSOLE_H
#define HF_PLUGIN_OSM_CONSOLE_H

#include "plugin/osm.h"
#include "plugin/services.h"

struct hf_osm_console;

/**
 * hf_osm_console_start() - bring the verbs to the console, where there is one
 * @osm:         its options say whether
 * @services:    borrowed; may be NULL
 * @ret_console: to be ended with hf_osm_console_stop(); NULL where there is no console, or none that can be used
 *
 * Why not is logged. SIGURG becomes the plugin's, unless somebody else uses it.
 *
 * Context: create(), on the main thread. Return: 0; -EBUSY where SIGURG is used; -ENOMEM; the negative errno of
 * pthread_create() or eventfd().
 */
int hf_osm_console_start(osm_opensm_t *osm, struct hf_services *services, struct hf_osm_console **ret_console);

/* On the main thread. What OpenSM reads from stays, but carries nothing out any more. @console may be NULL. */
void hf_osm_console_stop(struct hf_osm_console *console);

#endif
