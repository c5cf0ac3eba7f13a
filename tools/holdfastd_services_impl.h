/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The inside of holdfastd_services, for its parts alone: holdfastd_services.c has the services and their hooks,
 * holdfastd_services_ports.c the ports that their messages come and go by, holdfastd_services_status.c what is told.
 */
#ifndef HF_TOOLS_HOLDFASTD_SERVICES_IMPL_H
#define HF_TOOLS_HOLDFASTD_SERVICES_IMPL_H

#include "tools/holdfastd_services.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/node_service.h"
#include "lib/umad_io.h"
#include "tools/holdfastd_agent.h"
#include "tools/holdfastd_hook.h"
#include "tools/holdfastd_services_file.h"

#define NS_PER_MS	UINT64_C(1000000)
#define GUID_TEXT	19

/* Services of one port share its agent. */
struct port {
	struct holdfastd_services *services;
	char device[64];
	int port_num;
	uint64_t guid;			/* host order */
	struct hf_umad_port now;	/* as read last */
	struct holdfastd_agent agent;	/* closed while the adapter is gone */
	struct event *timer;		/* the next reading of the port, or try to open it */
};

/* A run of the hook program. */
struct run {
	bool is_wanted;
	struct hf_node_order order;	/* id 0: the notice of a role */
	uint64_t term;
};

struct service {
	struct holdfastd_services *services;
	const struct holdfastd_service *config;
	struct port *port;
	struct hf_node_service *node;
	struct event *timer;
	struct holdfastd_hook *hook;
	struct run running;		/* is_wanted while the hook runs */
	struct run next_order, next_notice;
	char role_told[16];		/* by a notice */
	bool is_handling;		/* the node's functions may not be called from within its callbacks */
};

struct holdfastd_services {
	struct event_base *base;
	const struct holdfastd_options *options;
	const struct holdfastd_ports *hosts;
	struct hf_trace *trace;
	struct holdfastd_services_file file;
	struct port **ports;
	size_t port_count;
	struct service **services;	/* in the order of the file */
	size_t count;
};

static inline struct timeval timeval_of_ns(uint64_t ns)
{
	return (struct timeval){ .tv_sec = ns / 1000000000, .tv_usec = ns % 1000000000 / 1000 + 1 };
}

struct guid_text {
	char text[GUID_TEXT];
};

static inline struct guid_text format_guid(uint64_t guid)
{
	struct guid_text out;

	snprintf(out.text, sizeof(out.text), "0x%016" PRIx64, guid);
	return out;
}

/* Has the node do what is due. */
void holdfastd_service_run(struct service *service);

/* What it is doing for the service now: an order's name, or a role. */
const char *holdfastd_service_phase(const struct service *service, const struct run *run);

/**
 * holdfastd_services_get_port() - the port of a service, opened where none has it yet
 * @services: whose ports it is added to
 * @config:   of the service
 * @found:    the ports of this host
 * @count:    how many
 * @ret_port: stays the services'
 *
 * What fails is logged here. Return: 0; -ENODEV, -EBUSY, -ENOMEM.
 */
int holdfastd_services_get_port(struct holdfastd_services *services, const struct holdfastd_service *config,
				const struct hf_umad_port *found, size_t count, struct port **ret_port);

/* Closes those that no service of the set has. */
void holdfastd_services_drop_ports(struct holdfastd_services *services);

#endif
