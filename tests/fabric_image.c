/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "fabric_image.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "sim/sma/smp.h"

#define ADDRESS		UINT64_C(0x7f0000000000)	/* where ibsim would have had it */
#define FIRST_GUID	UINT64_C(0x100)

static uint64_t address_of(const struct fabric_image *image, const void *member)
{
	return ADDRESS + ((const char *)member - (const char *)image);
}

uint32_t image_switch_port(unsigned int sw, unsigned int number)
{
	return sw * (IMAGE_SWITCH_PORTS + 1) + number;
}

uint32_t image_adapter_port(unsigned int adapter)
{
	return IMAGE_SWITCHES * (IMAGE_SWITCH_PORTS + 1) + adapter;
}

static struct hf_map_table table(const struct fabric_image *image, const void *first, uint32_t count, uint32_t size)
{
	return (struct hf_map_table){ .at = (const char *)first - (const char *)image, .count = count, .size = size };
}

#define TABLE(member) table(image, image->member, sizeof(image->member) / sizeof(image->member[0]), \
			    sizeof(image->member[0]))

static void init_node(struct fabric_image *image, unsigned int index, bool is_switch, unsigned int port_count,
		      uint32_t ports_at)
{
	struct hf_ibsim_node *node = &image->nodes[index];
	struct hf_smp_node_info info = {
		.type = is_switch ? HF_IBSIM_SWITCH : HF_IBSIM_ADAPTER,
		.port_count = port_count,
		.node_guid = htobe64(FIRST_GUID + index * 0x10),
		.partition_cap = htobe16(IMAGE_PKEYS),
	};

	node->type = info.type;
	node->port_count = port_count;
	node->guid = node->system_guid = be64toh(info.node_guid);
	node->ports_at = ports_at;
	snprintf(node->name, sizeof(node->name), "%s_%u", is_switch ? "S" : "H",
		 is_switch ? index : index - IMAGE_SWITCHES);
	memcpy(node->node_info, &info, sizeof(info));
}

static void init_port(struct fabric_image *image, uint32_t index, unsigned int node, unsigned int number, unsigned int lid)
{
	struct hf_ibsim_memory_port *port = &image->ports[index];
	struct hf_smp_port_info info = { .neighbor_mtu_sm_sl = 4 << 4, .guid_cap = 8 };

	*port = (struct hf_ibsim_memory_port){
		.subnet_prefix = UINT64_C(0xfe80000000000000),
		.number = number,
		.lid = lid,
		.state = 4,
		.phys_state = 5,
		.node = address_of(image, &image->nodes[node]),
		.pkeys = address_of(image, image->pkeys[index]),
		.sl2vl = address_of(image, image->sl2vl[index]),
	};
	memcpy(port->port_info, &info, sizeof(info));
	image->pkeys[index][0] = htobe16(0xffff);
}

static void link_ports(struct fabric_image *image, uint32_t a, uint32_t b)
{
	image->ports[a].peer = image->ports[b].node;
	image->ports[a].peer_port = image->ports[b].number;
	image->ports[b].peer = image->ports[a].node;
	image->ports[b].peer_port = image->ports[a].number;
}

static void init_switch(struct fabric_image *image, unsigned int index)
{
	struct hf_smp_switch_info info = { .partition_enforce_cap = htobe16(IMAGE_PKEYS) };

	image->switches[index] = (struct hf_ibsim_switch){
		.lft_cap = IMAGE_LIDS,
		.mft_cap = 1024,
		.lft_top = IMAGE_LIDS - 1,
		.mft_positions = 1,
		.node = address_of(image, &image->nodes[index]),
		.lft = address_of(image, image->lfts[index]),
		.mft = address_of(image, image->mfts[index]),
	};
	memcpy(image->switches[index].switch_info, &info, sizeof(info));
	image->nodes[index].sw = address_of(image, &image->switches[index]);
	memset(image->lfts[index], HF_IBSIM_LFT_NONE, sizeof(image->lfts[index]));
	for (unsigned int adapter = 0; adapter < IMAGE_ADAPTERS; adapter++)
		image->lfts[index][adapter + 1] = adapter / 2 == index ? adapter % 2 + 1 : 3;
	image->lfts[index][5 + index] = 0;
	image->lfts[index][6 - index] = 3;
}

void fabric_image_init(struct fabric_image *image)
{
	memset(image, 0, sizeof(*image));
	for (unsigned int sw = 0; sw < IMAGE_SWITCHES; sw++) {
		init_node(image, sw, true, IMAGE_SWITCH_PORTS, image_switch_port(sw, 0));
		init_switch(image, sw);
		for (unsigned int number = 0; number <= IMAGE_SWITCH_PORTS; number++)
			init_port(image, image_switch_port(sw, number), sw, number, number ? 0 : 5 + sw);
	}
	for (unsigned int adapter = 0; adapter < IMAGE_ADAPTERS; adapter++) {
		init_node(image, IMAGE_SWITCHES + adapter, false, 1, image_adapter_port(adapter));
		init_port(image, image_adapter_port(adapter), IMAGE_SWITCHES + adapter, 1, adapter + 1);
		link_ports(image, image_adapter_port(adapter), image_switch_port(adapter / 2, adapter % 2 + 1));
	}
	link_ports(image, image_switch_port(0, 3), image_switch_port(1, 3));
	image->header = (struct hf_map_header){
		.magic = HF_FABRIC_MAGIC,
		.version = HF_FABRIC_VERSION,
		.address = ADDRESS,
		.length = sizeof(*image),
		.nodes = TABLE(nodes),
		.switches = TABLE(switches),
		.ports = TABLE(ports),
		.kept_switches = TABLE(kept_switches),
		.kept_ports = TABLE(kept_ports),
		.is_ready = 1,
	};
}
