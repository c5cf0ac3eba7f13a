/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Subnet management packets and the attributes that the SMA extension reads and writes, as they lie on the wire (IBA
 * volume 1, 14.2). Both classes, LID-routed and directed route, have their data at the same place.
 */
#ifndef HF_SIM_SMA_SMP_H
#define HF_SIM_SMA_SMP_H

#include "lib/wire.h"

#define HF_SMP_DATA_SIZE	64
#define HF_SMP_STATUS_MASK	0x7fff	/* of a directed route packet bit 15 is its direction */
#define HF_SMP_STATUS_BAD_FIELD	0x001c	/* "one or more fields in the attribute or its modifier are invalid" */
#define HF_SMP_NODE_TYPE_SWITCH	2
#define HF_SMP_PORT_MASK	0x7fffffff	/* of PortInfo's modifier; bit 31 asks for extended speeds */
#define HF_SMP_GUIDS_A_BLOCK	8

enum hf_smp_attr {
	HF_SMP_NODE_INFO = 0x0011,
	HF_SMP_SWITCH_INFO = 0x0012,
	HF_SMP_GUID_INFO = 0x0014,
	HF_SMP_PORT_INFO = 0x0015,
};

struct hf_smp {
	struct hf_mad_hdr hdr;
	__be64 m_key;
	__be16 dr_slid;
	__be16 dr_dlid;
	uint8_t reserved[28];
	uint8_t data[HF_SMP_DATA_SIZE];
	uint8_t initial_path[64];
	uint8_t return_path[64];
} __attribute__((packed));

struct hf_smp_node_info {
	uint8_t base_version;
	uint8_t class_version;
	uint8_t type;
	uint8_t port_count;
	__be64 system_guid;
	__be64 node_guid;
	__be64 port_guid;
	__be16 partition_cap;
	__be16 device_id;
	__be32 revision;
	uint8_t local_port;
	uint8_t vendor_id[3];
	uint8_t reserved[24];
} __attribute__((packed));

struct hf_smp_switch_info {
	__be16 lft_cap;
	__be16 random_cap;
	__be16 mft_cap;
	__be16 lft_top;
	uint8_t default_port;
	uint8_t default_mcast_primary_port;
	uint8_t default_mcast_not_primary_port;
	uint8_t life_time_state;
	__be16 lids_per_port;
	__be16 partition_enforce_cap;
	uint8_t flags;
	uint8_t reserved1;
	__be16 mft_top;
	uint8_t reserved2[44];
} __attribute__((packed));

/* A field that shares its byte is named with its neighbour, the upper bits first. */
struct hf_smp_port_info {
	__be64 m_key;
	__be64 gid_prefix;
	__be16 lid;
	__be16 sm_lid;
	__be32 cap_mask;
	__be16 diag_code;
	__be16 m_key_lease_period;
	uint8_t local_port;
	uint8_t width_enabled;
	uint8_t width_supported;
	uint8_t width_active;
	uint8_t speed_supported_state;
	uint8_t phys_state_down_default;
	uint8_t m_key_protect_lmc;
	uint8_t speed_active_enabled;
	uint8_t neighbor_mtu_sm_sl;
	uint8_t vl_cap_init_type;
	uint8_t vl_high_limit;
	uint8_t vl_arb_high_cap;
	uint8_t vl_arb_low_cap;
	uint8_t init_type_reply_mtu_cap;
	uint8_t vl_stall_hoq_life;
	uint8_t oper_vls_enforce;
	__be16 m_key_violations;
	__be16 p_key_violations;
	__be16 q_key_violations;
	uint8_t guid_cap;
	uint8_t reregister_subnet_timeout;
	uint8_t resp_time;
	uint8_t error_thresholds;
	__be16 max_credit_hint;
	__be32 round_trip_latency;
	__be16 cap_mask2;
	uint8_t speed_ext_active_supported;
	uint8_t speed_ext_enabled;
} __attribute__((packed));

HF_CHECK_SIZE(struct hf_smp, HF_MAD_SIZE);
HF_CHECK_AT(struct hf_smp, data, 64);
HF_CHECK_AT(struct hf_smp, initial_path, 128);
HF_CHECK_SIZE(struct hf_smp_node_info, HF_SMP_DATA_SIZE);
HF_CHECK_AT(struct hf_smp_node_info, node_guid, 12);
HF_CHECK_AT(struct hf_smp_node_info, local_port, 36);
HF_CHECK_SIZE(struct hf_smp_switch_info, HF_SMP_DATA_SIZE);
HF_CHECK_AT(struct hf_smp_switch_info, default_port, 8);
HF_CHECK_AT(struct hf_smp_switch_info, mft_top, 18);
HF_CHECK_SIZE(struct hf_smp_port_info, HF_SMP_DATA_SIZE);
HF_CHECK_AT(struct hf_smp_port_info, m_key_lease_period, 26);
HF_CHECK_AT(struct hf_smp_port_info, neighbor_mtu_sm_sl, 36);
HF_CHECK_AT(struct hf_smp_port_info, oper_vls_enforce, 43);
HF_CHECK_AT(struct hf_smp_port_info, guid_cap, 50);
HF_CHECK_AT(struct hf_smp_port_info, speed_ext_enabled, 63);

static inline unsigned int hf_smp_attr(const struct hf_smp *smp)
{
	return be16toh(smp->hdr.attr_id);
}

static inline uint32_t hf_smp_modifier(const struct hf_smp *smp)
{
	return be32toh(smp->hdr.attr_mod);
}

static inline unsigned int hf_smp_status(const struct hf_smp *smp)
{
	return be16toh(smp->hdr.status) & HF_SMP_STATUS_MASK;
}

static inline void hf_smp_set_status(struct hf_smp *smp, unsigned int status)
{
	smp->hdr.status = htobe16((be16toh(smp->hdr.status) & ~HF_SMP_STATUS_MASK) | status);
}

#endif
