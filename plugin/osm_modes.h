/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The modes that are more than a group: beside their own they keep the address of the group, as mode mlid does. */
#ifndef HF_PLUGIN_OSM_MODES_H
#define HF_PLUGIN_OSM_MODES_H

#include "plugin/service_mechanism.h"

extern const struct hf_service_mechanism hf_service_switch_port;
extern const struct hf_service_mechanism hf_service_lid;

static inline const struct hf_service_mechanism *hf_group(void)
{
	return hf_service_mechanisms[HF_SERVICE_MLID];
}

/* The group's address for a call to hf_group(), from what the caller of the other mode knows of it now. */
static inline struct hf_service_address *hf_group_address(const struct hf_service_address *address,
							  struct hf_service_address *group)
{
	group->config = address->config;
	group->mlid = address->mlid;
	return group;
}

#endif
