/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * How ibsim 0.10 keeps its fabric in memory on a 64-bit machine, as far as the fabric map shows it. Nothing of this is
 * promised by ibsim: whoever writes the map checks it (sim/sma/map_check.c), and whoever reads it trusts no pointer.
 *
 * Pointers are addresses in ibsim's process. A port of a switch stands at ports[ports_at + number], port 0 included;
 * one of an adapter at ports[ports_at + number - 1].
 */
#ifndef HF_SIM_IBSIM_MEMORY_H
#define HF_SIM_IBSIM_MEMORY_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

enum hf_ibsim_node_type {
	HF_IBSIM_NO_NODE,
	HF_IBSIM_ADAPTER,
	HF_IBSIM_SWITCH,
	HF_IBSIM_ROUTER,
};

struct hf_ibsim_node {
	int32_t type;
	int32_t port_count;	/* without port 0 */
	uint64_t system_guid;
	uint64_t guid;
	int32_t ports_at;
	char name[65];
	uint8_t node_info[64];
	char description[64];
	uint8_t unknown1[3];
	uint64_t sw;		/* struct hf_ibsim_switch, or 0 */
	uint64_t clients;
};

struct hf_ibsim_switch {
	int32_t lft_cap;
	int32_t mft_cap;
	int32_t lft_top;
	int32_t port_change;
	int32_t life_time;
	int32_t mft_positions;	/* 16 ports each */
	uint8_t switch_info[64];
	uint64_t node;
	uint64_t lft;		/* a byte for each LID up to @lft_cap; 0xff: none */
	uint64_t mft;		/* blocks of 32 __be16: block 0 position 0, block 0 position 1 ... */
};

struct hf_ibsim_memory_port {
	uint64_t subnet_prefix;
	uint64_t guid;
	int32_t number;
	int32_t lid;
	int32_t sm_lid;
	int32_t width;
	int32_t width_enabled;
	int32_t speed;
	int32_t speed_enabled;
	int32_t speed_ext;
	int32_t speed_ext_enabled;
	int32_t mlnx_speed;
	int32_t mlnx_speed_enabled;
	int32_t state;
	int32_t phys_state;
	int32_t lmc;
	int32_t hoq_life;
	uint8_t port_info[64];
	uint8_t ext_port_info[64];
	uint8_t oper_vls;
	uint8_t unknown1[147];
	uint64_t peer;		/* struct hf_ibsim_node, or 0 */
	int32_t peer_port;
	uint8_t unknown2[28];
	uint64_t node;
	uint8_t counters[288];
	uint64_t pkeys;		/* __be16, or 0 */
	uint64_t sl2vl;		/* 8 bytes for each port where packets come in; of an adapter 8 bytes */
	uint8_t vl_arbitration[256];
};

#define HF_IBSIM_LFT_NONE	0xff
#define HF_IBSIM_SL2VL_SIZE	8
#define HF_IBSIM_MFT_BLOCK	32	/* MLIDs */
#define HF_IBSIM_MFT_BLOCKS	32
#define HF_IBSIM_MFT_PORTS	16	/* of an entry */

_Static_assert(sizeof(struct hf_ibsim_node) == 240, "ibsim's Node");
_Static_assert(offsetof(struct hf_ibsim_node, sw) == 224, "ibsim's Node");
_Static_assert(sizeof(struct hf_ibsim_switch) == 112, "ibsim's Switch");
_Static_assert(offsetof(struct hf_ibsim_switch, lft) == 96, "ibsim's Switch");
_Static_assert(sizeof(struct hf_ibsim_memory_port) == 960, "ibsim's Port");
_Static_assert(offsetof(struct hf_ibsim_memory_port, state) == 60, "ibsim's Port");
_Static_assert(offsetof(struct hf_ibsim_memory_port, oper_vls) == 204, "ibsim's Port");
_Static_assert(offsetof(struct hf_ibsim_memory_port, peer) == 352, "ibsim's Port");
_Static_assert(offsetof(struct hf_ibsim_memory_port, node) == 392, "ibsim's Port");
_Static_assert(offsetof(struct hf_ibsim_memory_port, pkeys) == 688, "ibsim's Port");

#endif
