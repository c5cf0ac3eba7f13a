/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What the kernel's MAD layer reads from a MAD to route it. @mad is at least a whole RMPP header (36 bytes) long. */
#ifndef HF_SIM_UMAD_MAD_H
#define HF_SIM_UMAD_MAD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/wire.h"

#define HF_METHOD_SEND 0x03
#define HF_CLASS_BASEBOARD 0x05
#define HF_ATTR_MOD_BASEBOARD_RESP 1
#define HF_VENDOR_OUI_OFFSET 37
#define HF_UMAD_MIN_MAD 36 /* shortest MAD that a program may hand in: common and RMPP header */

/* The 16 bits of a transaction id that name the agent. Above is ibsim's slot, below the program's own part. */
#define HF_TID_TAG_SHIFT 32
#define HF_TID_TAG_MASK (UINT64_C(0xffff) << HF_TID_TAG_SHIFT)
#define HF_TID_PROGRAM_MASK UINT64_C(0xffffffff)
#define HF_TID_SLOT_MASK (UINT64_C(0xffff) << 48)

static inline struct hf_mad_hdr hf_mad_header(const uint8_t *mad)
{
	struct hf_mad_hdr hdr;

	memcpy(&hdr, mad, sizeof(hdr));
	return hdr;
}

/* Does it answer something? TrapRepress answers a trap though its response bit is clear. */
static inline bool hf_mad_is_response(const uint8_t *mad)
{
	struct hf_mad_hdr hdr = hf_mad_header(mad);

	return (hdr.method & HF_METHOD_RESP) || hdr.method == HF_METHOD_TRAP_REPRESS ||
	       (hdr.mgmt_class == HF_CLASS_BASEBOARD && (be32toh(hdr.attr_mod) & HF_ATTR_MOD_BASEBOARD_RESP));
}

static inline uint64_t hf_mad_tid(const uint8_t *mad)
{
	return be64toh(hf_mad_header(mad).tid);
}

static inline void hf_mad_set_tid(uint8_t *mad, uint64_t tid)
{
	__be64 wire = htobe64(tid);

	memcpy(mad + offsetof(struct hf_mad_hdr, tid), &wire, sizeof(wire));
}

static inline bool hf_class_is_vendor_oui(uint8_t mgmt_class)
{
	return mgmt_class >= 0x30 && mgmt_class <= 0x4f;
}

#endif
