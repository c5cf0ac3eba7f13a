/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What each mode cannot do, for whoever reads a services file. */
#include "plugin/services_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNICAST_LID_LAST	0xbfff

__attribute__((format(printf, 2, 3))) static int refuse(char **ret_error, const char *format, ...)
{
	va_list values;
	int length;

	va_start(values, format);
	length = vasprintf(ret_error, format, values);
	va_end(values);
	return length < 0 ? -ENOMEM : -EINVAL;
}

static int check_mlid(const struct hf_service_config *config, char **ret_error)
{
	if (config->lid)
		return refuse(ret_error, "lid is set: allowed in mode lid only");
	if (config->switch_count)
		return refuse(ret_error, "switches are set: allowed in mode switch-port only");
	return 0;
}

static int check_switch_port(const struct hf_service_config *config, char **ret_error)
{
	if (config->lid)
		return refuse(ret_error, "lid is set: allowed in mode lid only");
	return 0;
}

/* A port gives up its own LID for the service's, so it must be sure which of a host's ports that is. */
static int check_lid(const struct hf_service_config *config, char **ret_error)
{
	if (config->switch_count)
		return refuse(ret_error, "switches are set: allowed in mode switch-port only");
	if (config->lid > UNICAST_LID_LAST)
		return refuse(ret_error, "lid = %u: allowed is 1 to %u, or 0 for one that the SM gives", config->lid,
			      UNICAST_LID_LAST);
	for (size_t i = 0; i < config->node_count; i++)
		if (config->nodes[i].description && !config->nodes[i].port_num)
			return refuse(ret_error, "node \"%s\": allowed is a port GUID, or a description with a port "
				      "number (\"%s/2\"), as the port loses its own LID to the service's",
				      config->nodes[i].description, config->nodes[i].description);
	return 0;
}

const hf_service_mode_check_fn hf_service_mode_checks[HF_SERVICE_MODES] = {
	[HF_SERVICE_MLID] = check_mlid,
	[HF_SERVICE_SWITCH_PORT] = check_switch_port,
	[HF_SERVICE_LID] = check_lid,
};

/* One port of one service. */
struct use {
	const struct hf_service_node *node;
	const struct hf_service_config *service;
};

static int compare_nodes(const struct hf_service_node *a, const struct hf_service_node *b)
{
	int order;

	if (a->port_guid != b->port_guid)
		return a->port_guid < b->port_guid ? -1 : 1;
	if (!a->description || !b->description)
		return !!a->description - !!b->description;
	order = strcmp(a->description, b->description);
	return order ? order : a->port_num - b->port_num;
}

static int compare_uses(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int order = compare_nodes(x->node, y->node);

	return order ? order : (x->service->line > y->service->line) - (x->service->line < y->service->line);
}

static int check_uses(struct use *uses, size_t count, const struct hf_service_config **ret_which, char **ret_error)
{
	char name[80];

	qsort(uses, count, sizeof(*uses), compare_uses);
	for (size_t i = 1; i < count; i++) {
		const struct hf_service_config *first = uses[i - 1].service, *second = uses[i].service;

		if (compare_nodes(uses[i - 1].node, uses[i].node) ||
		    (first->mode != HF_SERVICE_LID && second->mode != HF_SERVICE_LID))
			continue;
		hf_service_node_print(uses[i].node, name, sizeof(name));
		*ret_which = second;
		return refuse(ret_error, "node %s is also one of service \"%s\" in line %u: allowed is a port of its "
			      "own for each service of mode lid", name, first->name, first->line);
	}
	return 0;
}

static int check_ports(const struct hf_service_config *services, size_t count,
		       const struct hf_service_config **ret_which, char **ret_error)
{
	size_t n_nodes = 0, n_uses = 0, n_lid = 0;
	struct use *uses;
	int err;

	for (size_t i = 0; i < count; i++) {
		n_nodes += services[i].node_count;
		n_lid += services[i].mode == HF_SERVICE_LID;
	}
	if (!n_lid)
		return 0;
	uses = calloc(n_nodes + 1, sizeof(*uses));
	if (!uses)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < services[i].node_count; j++)
			uses[n_uses++] = (struct use){ &services[i].nodes[j], &services[i] };
	err = check_uses(uses, n_uses, ret_which, ret_error);
	free(uses);
	return err;
}

int hf_service_modes_check_together(const struct hf_service_config *services, size_t count,
				    const struct hf_service_config **ret_which, char **ret_error)
{
	const struct hf_service_config *first = NULL;

	for (size_t i = 0; i < count; i++) {
		if (services[i].mode != HF_SERVICE_SWITCH_PORT)
			continue;
		if (first) {
			*ret_which = &services[i];
			return refuse(ret_error, "so is service \"%s\" in line %u: allowed is one, as a switch has one "
				      "pair of default multicast ports", first->name, first->line);
		}
		first = &services[i];
	}
	return check_ports(services, count, ret_which, ret_error);
}
