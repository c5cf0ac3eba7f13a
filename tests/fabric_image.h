/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A fabric map in memory, as ibsim would have left it: two switches with a cable between them and two adapters each,
 * all ports active.
 *
 *	adapter 0 --1 switch 0 3--3 switch 1 1-- adapter 2
 *	adapter 1 --2                        2-- adapter 3
 *
 * The adapters have the LIDs 1 to 4, the switches 5 and 6.
 */
#ifndef HF_TESTS_FABRIC_IMAGE_H
#define HF_TESTS_FABRIC_IMAGE_H

#include "sim/fabric_map.h"
#include "sim/ibsim_memory.h"

#define IMAGE_ADAPTERS		4
#define IMAGE_SWITCHES		2
#define IMAGE_NODES		(IMAGE_SWITCHES + IMAGE_ADAPTERS)
#define IMAGE_SWITCH_PORTS	3
#define IMAGE_PORTS		(IMAGE_SWITCHES * (IMAGE_SWITCH_PORTS + 1) + IMAGE_ADAPTERS)
#define IMAGE_LIDS		64
#define IMAGE_PKEYS		2

struct fabric_image {
	struct hf_map_header header;
	uint8_t pad[HF_FABRIC_HEADER_SIZE - sizeof(struct hf_map_header)];
	struct hf_ibsim_node nodes[IMAGE_NODES];	/* the switches first */
	struct hf_ibsim_switch switches[IMAGE_SWITCHES];
	struct hf_ibsim_memory_port ports[IMAGE_PORTS];
	struct hf_map_kept_switch kept_switches[IMAGE_SWITCHES];
	struct hf_map_kept_port kept_ports[IMAGE_PORTS];
	uint8_t lfts[IMAGE_SWITCHES][IMAGE_LIDS];
	__be16 mfts[IMAGE_SWITCHES][HF_IBSIM_MFT_BLOCKS * HF_IBSIM_MFT_BLOCK];
	uint8_t sl2vl[IMAGE_PORTS][(IMAGE_SWITCH_PORTS + 1) * HF_IBSIM_SL2VL_SIZE];
	__be16 pkeys[IMAGE_PORTS][IMAGE_PKEYS];
};

void fabric_image_init(struct fabric_image *image);

/* Indices into fabric_image.ports. */
uint32_t image_switch_port(unsigned int sw, unsigned int number);
uint32_t image_adapter_port(unsigned int adapter);

#endif
