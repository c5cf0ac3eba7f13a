/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What the files of hf_host share. */
#ifndef HF_LIB_HOST_PRIVATE_H
#define HF_LIB_HOST_PRIVATE_H

#include <holdfast/host.h>

#include "lib/connection.h"
#include "lib/path_cache.h"
#include "lib/reconciler.h"
#include "lib/sa_client.h"
#include "lib/trace.h"
#include "lib/umad_io.h"

#define SMALL_DELTA 64	/* destinations: up to here their connections alone are compared */

/* The delta that is being taken. */
struct delta_pass {
	bool is_whole, is_small;
	union hf_gid changed[SMALL_DELTA];
	size_t changed_count;
	int err;		/* the first one */
};

struct hf_host {
	struct hf_host_config config;	/* its strings are ours */
	struct hf_umad *umad;
	int agent;
	struct hf_umad_port port;
	uint64_t port_read_ns;		/* when the port was read last */
	struct hf_trace *trace;
	struct hf_sa_client *sa;
	struct hf_path_cache *cache;
	struct hf_registry *registry;
	struct hf_reconciler reconciler;
	struct delta_pass delta;
	uint32_t next_qpn;
	uint64_t now_ns;		/* of the call that is going on */
	bool is_settled;
};

struct hf_host_path hf__host_public_path(const struct hf_path *path, const union hf_gid *dgid);

/* Names the destinations of connections that wait for it, as far as can be; when the cache has got something. */
void hf__host_name_waiting(struct hf_host *host);

#endif
