/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfastd_agent.h"

#include <errno.h>
#include <stdlib.h>

#define MADS_AT_A_TIME	64

void holdfastd_agent_close(struct holdfastd_agent *agent)
{
	if (agent->readable)
		event_free(agent->readable);
	hf_umad_close(agent->umad);
	*agent = (struct holdfastd_agent) { .umad = NULL };
}

int holdfastd_agent_open(struct holdfastd_agent *agent, struct event_base *base, const char *device, int port_num,
			 const struct holdfastd_agent_class *class, event_callback_fn on_readable, void *ctx)
{
	int err = hf_umad_open(device, port_num, &agent->umad);

	if (err)
		return err;
	err = hf_umad_register_vendor(agent->umad, class->mgmt_class, class->version, class->oui, class->methods,
				      class->method_count, &agent->id);
	if (err)
		goto err_close;
	agent->readable = event_new(base, hf_umad_fd(agent->umad), EV_READ | EV_PERSIST, on_readable, ctx);
	if (!agent->readable || event_add(agent->readable, NULL)) {
		err = -ENOMEM;
		goto err_close;
	}
	return 0;

err_close:
	holdfastd_agent_close(agent);
	return err;
}

bool holdfastd_agent_receive(struct holdfastd_agent *agent,
			     void (*take)(void *ctx, const struct hf_umad_received *received), void *ctx)
{
	struct hf_umad_received received;
	int err = 0;

	for (int i = 0; i < MADS_AT_A_TIME && !(err = hf_umad_recv(agent->umad, &received)); i++) {
		take(ctx, &received);
		free(received.mad);
	}
	if (err != -ENODEV && err != -EIO)
		return true;
	holdfastd_agent_close(agent);
	return false;
}
