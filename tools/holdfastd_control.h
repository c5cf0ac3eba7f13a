/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What holdfastd answers on its control socket; the protocol stands in holdfastd(8). */
#ifndef HF_TOOLS_HOLDFASTD_CONTROL_H
#define HF_TOOLS_HOLDFASTD_CONTROL_H

#include "lib/control.h"
#include "tools/holdfastd_ports.h"
#include "tools/holdfastd_programs.h"
#include "tools/holdfastd_services.h"

/* What is asked about. */
struct holdfastd_asked {
	const struct holdfastd_ports *ports;
	const struct holdfastd_services *services;	/* may be NULL */
	const struct holdfastd_programs *programs;	/* may be NULL */
};

/**
 * holdfastd_control_new() - listen on a unix socket
 * @asked: borrowed
 *
 * All else is as for hf_control_new().
 */
int holdfastd_control_new(struct event_base *base, const char *path, const struct holdfastd_asked *asked,
			  struct hf_control **ret_control);

#endif
