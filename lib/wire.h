/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Management datagrams as they lie on the wire (IBA volume 1, chapters 13 to 15): common, RMPP and SA headers and the
 * attributes that Holdfast reads and writes. Every multi-byte field is big-endian and typed so; the layouts are checked
 * at compile time below. The structs are packed because the IBA places 64-bit fields at 4-byte boundaries; read a
 * field by value, never take its address.
 */
#ifndef HF_LIB_WIRE_H
#define HF_LIB_WIRE_H

#include <assert.h>
#include <endian.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_MAD_SIZE		256
#define HF_SA_DATA_SIZE		200	/* bytes of SA attribute data in one MAD */

enum hf_mgmt_class {
	HF_CLASS_SUBN_LID	= 0x01,
	HF_CLASS_SUBN_ADM	= 0x03,
	HF_CLASS_SUBN_DIRECTED	= 0x81,
};

enum hf_mad_method {
	HF_METHOD_GET		= 0x01,
	HF_METHOD_SET		= 0x02,
	HF_METHOD_TRAP		= 0x05,
	HF_METHOD_REPORT	= 0x06,
	HF_METHOD_TRAP_REPRESS	= 0x07,
	HF_METHOD_GET_TABLE	= 0x12,
	HF_METHOD_DELETE	= 0x15,
	HF_METHOD_RESP		= 0x80,	/* the R bit */
	HF_METHOD_GET_RESP	= 0x81,
	HF_METHOD_REPORT_RESP	= 0x86,
	HF_METHOD_GET_TABLE_RESP = 0x92,
};

enum hf_attr_id {
	HF_ATTR_CLASS_PORT_INFO	= 0x0001,
	HF_ATTR_NOTICE		= 0x0002,
	HF_ATTR_INFORM_INFO	= 0x0003,
	HF_ATTR_NODE_RECORD	= 0x0011,
	HF_ATTR_PATH_RECORD	= 0x0035,
	HF_ATTR_INFORM_INFO_RECORD = 0x00f3,
};

enum hf_trap_num {
	HF_TRAP_UNPATH		= 68,
	HF_TRAP_REPATH		= 69,
	HF_TRAP_LINK_STATE	= 128,
};

enum hf_sa_status {	/* class-specific MAD status, upper byte (table 187) */
	HF_SA_STATUS_OK			= 0,
	HF_SA_STATUS_NO_RESOURCES	= 0x0100,
	HF_SA_STATUS_REQ_INVALID	= 0x0200,
	HF_SA_STATUS_NO_RECORDS		= 0x0300,
	HF_SA_STATUS_TOO_MANY_RECORDS	= 0x0400,
	HF_SA_STATUS_INVALID_GID	= 0x0500,
	HF_SA_STATUS_INSUFFICIENT_COMPONENTS = 0x0600,
	HF_SA_STATUS_DENIED		= 0x0700,
};

#define HF_NOTICE_IS_GENERIC	0x80
#define HF_NOTICE_TYPE_ANY	0xffff	/* InformInfo.Type: all */
#define HF_NOTICE_TYPE_SUBNET_MANAGEMENT 0x03	/* the type of OpenSM's own SA traps (64 to 67) */
#define HF_NOTICE_PRODUCER_CLASS_MANAGER 4
#define HF_NOTICE_PRODUCER_ANY	0xffffff
#define HF_LID_RANGE_ALL	0xffff	/* InformInfo.LIDRangeBegin: all LIDs */

#define HF_CAP_MASK2_UNPATH_REPATH 0x01	/* SA ClassPortInfo CapabilityMask2: IsUnPathRePathSupported */

/* PathRecord component mask (table 205): which fields of the record count */
#define HF_PR_COMP_DGID		(UINT64_C(1) << 2)
#define HF_PR_COMP_SGID		(UINT64_C(1) << 3)
#define HF_PR_COMP_DLID		(UINT64_C(1) << 4)
#define HF_PR_COMP_SLID		(UINT64_C(1) << 5)
#define HF_PR_COMP_REVERSIBLE	(UINT64_C(1) << 11)
#define HF_PR_COMP_NUMB_PATH	(UINT64_C(1) << 12)
#define HF_PR_COMP_PKEY		(UINT64_C(1) << 13)
#define HF_PR_COMP_SL		(UINT64_C(1) << 15)
#define HF_PR_COMP_MTU		(UINT64_C(1) << 17)
#define HF_PR_COMP_RATE		(UINT64_C(1) << 19)
#define HF_PR_COMP_PKT_LIFE	(UINT64_C(1) << 21)

/* InformInfoRecord component mask */
#define HF_IIR_COMP_SUBSCRIBER_GID (UINT64_C(1) << 0)

union hf_gid {
	uint8_t raw[16];
	struct {
		__be64 prefix;
		__be64 guid;
	} __attribute__((packed));
};

struct hf_mad_hdr {
	uint8_t base_version;
	uint8_t mgmt_class;
	uint8_t class_version;
	uint8_t method;
	__be16 status;
	__be16 class_specific;
	__be64 tid;
	__be16 attr_id;
	__be16 reserved;
	__be32 attr_mod;
} __attribute__((packed));

struct hf_rmpp_hdr {
	uint8_t version;
	uint8_t type;
	uint8_t rtime_flags;	/* response time in the upper 5 bits, flags in the lower 3 */
	uint8_t status;
	__be32 seg_num;		/* first data dword: segment number */
	__be32 paylen_newwin;	/* second: payload length, or new window last */
} __attribute__((packed));

struct hf_sa_mad {
	struct hf_mad_hdr hdr;
	struct hf_rmpp_hdr rmpp;
	__be64 sm_key;
	__be16 attr_offset;	/* size of a record in a table, in 8-byte words */
	__be16 reserved;
	__be64 comp_mask;
	uint8_t data[HF_SA_DATA_SIZE];
} __attribute__((packed));

struct hf_path_record {
	__be64 service_id;
	union hf_gid dgid;
	union hf_gid sgid;
	__be16 dlid;
	__be16 slid;
	__be32 hop_flow_raw;
	uint8_t tclass;
	uint8_t num_path;	/* bit 7: reversible */
	__be16 pkey;
	__be16 qos_class_sl;	/* SL in the lower 4 bits */
	uint8_t mtu;		/* selector in the upper 2 bits, IBA's code in the lower 6; rate and pkt_life alike */
	uint8_t rate;
	uint8_t pkt_life;
	uint8_t preference;
	uint8_t reserved[6];
} __attribute__((packed));

struct hf_inform_info {
	union hf_gid gid;
	__be16 lid_range_begin;
	__be16 lid_range_end;
	__be16 reserved1;
	uint8_t is_generic;
	uint8_t subscribe;
	__be16 type;
	__be16 trap_num;
	__be32 qpn_resp_time;	/* QPN in the upper 24 bits, response time in the lower 5 */
	uint8_t reserved2;
	uint8_t producer_type[3];
} __attribute__((packed));

struct hf_inform_info_record {
	union hf_gid subscriber_gid;
	__be16 subscriber_enum;
	uint8_t reserved1[6];
	struct hf_inform_info info;
	uint8_t reserved2[4];
} __attribute__((packed));

/* DataDetails of traps 68 and 69, from byte 10 of the Notice. */
struct hf_repath_details {
	__be64 comp_mask;	/* which fields of the path record count: the set of paths that is meant */
	uint8_t wait_for_repath; /* bit 7 */
	uint8_t reserved[45];
} __attribute__((packed));

#define HF_WAIT_FOR_REPATH	0x80

/* Which tables a Report of a Holdfast SM leads from and to (doc/protocol.md): at the beginning of "reserved" above. */
struct hf_report_epochs {
	uint8_t magic[2];	/* HF_REPORT_MAGIC */
	uint8_t version;	/* HF_DELTA_VERSION */
	uint8_t body_length;	/* of a delta's body, see hf_report_put_body(), in bytes; 0 for none */
	__be64 instance;
	__be64 base;
	__be64 epoch;
	__be32 site;		/* of the destination of the one path that PATH_REC is; see lib/delta.h */
} __attribute__((packed));

#define HF_REPORT_MAGIC		"HF"
#define HF_REPORT_BODY_MAX	117	/* bytes that a Report has room for besides */

/* What a host that knows deltas says in fields of its query that COMP_MASK does not select. */
#define HF_DELTA_SERVICE_ID	UINT64_C(0x486f6c6466617374)	/* "Holdfast", in ServiceID */

/* In the query's DGID. */
struct hf_delta_held {
	__be64 instance;	/* 0: none */
	__be64 epoch;
} __attribute__((packed));

#define HF_DELTA_VERSION	1
#define HF_DELTA_ATTR_OFFSET	1	/* in 8-byte words; PathRecords have 8 */
#define HF_DELTA_WHOLE		0x01	/* every destination; what is not in it is unreachable */

/* Where a PathRecord is awaited, in the answer to such a query; the body follows, then zeros up to a word's end. */
struct hf_delta_hdr {
	uint8_t magic[4];	/* HF_DELTA_MAGIC */
	uint8_t version;
	uint8_t flags;		/* HF_DELTA_WHOLE */
	__be16 slid;		/* of all its paths */
	__be64 instance;
	__be64 base;		/* the epoch that it leads from; 0 where it is whole */
	__be64 epoch;		/* and to */
	__be64 subnet_prefix;	/* of all its destinations' GIDs */
	__be32 body_length;	/* in bytes */
	__be32 changes;		/* how many destinations it has */
} __attribute__((packed));

#define HF_DELTA_MAGIC		"HFdt"
#define HF_NOTICE_COUNT_MAX	0x7fff	/* NoticeCount, the lower 15 bits of Notice.toggle_count */

/* A generic Notice of traps 68 and 69 with the path record that follows it in ClassTrapSpecificData. */
struct hf_repath_notice {
	uint8_t generic_type;	/* HF_NOTICE_IS_GENERIC | type */
	uint8_t producer_type[3];
	__be16 trap_num;
	__be16 issuer_lid;
	__be16 toggle_count;
	struct hf_repath_details details;
	union hf_gid issuer_gid;
	struct hf_path_record path;
} __attribute__((packed));

#define HF_CHECK_AT(type, field, at) \
	static_assert(offsetof(type, field) == (at), #type "." #field " must lie at byte " #at)
#define HF_CHECK_SIZE(type, size) static_assert(sizeof(type) == (size), #type " must have " #size " bytes")

HF_CHECK_SIZE(union hf_gid, 16);
HF_CHECK_SIZE(struct hf_mad_hdr, 24);
HF_CHECK_AT(struct hf_mad_hdr, tid, 8);
HF_CHECK_AT(struct hf_mad_hdr, attr_id, 16);
HF_CHECK_SIZE(struct hf_rmpp_hdr, 12);
HF_CHECK_SIZE(struct hf_sa_mad, HF_MAD_SIZE);
HF_CHECK_AT(struct hf_sa_mad, sm_key, 36);
HF_CHECK_AT(struct hf_sa_mad, attr_offset, 44);
HF_CHECK_AT(struct hf_sa_mad, comp_mask, 48);
HF_CHECK_AT(struct hf_sa_mad, data, 56);
HF_CHECK_SIZE(struct hf_path_record, 64);
HF_CHECK_AT(struct hf_path_record, dgid, 8);
HF_CHECK_AT(struct hf_path_record, dlid, 40);
HF_CHECK_AT(struct hf_path_record, pkey, 50);
HF_CHECK_AT(struct hf_path_record, qos_class_sl, 52);
HF_CHECK_AT(struct hf_path_record, mtu, 54);
HF_CHECK_AT(struct hf_path_record, pkt_life, 56);
HF_CHECK_SIZE(struct hf_inform_info, 36);
HF_CHECK_AT(struct hf_inform_info, lid_range_begin, 16);
HF_CHECK_AT(struct hf_inform_info, subscribe, 23);
HF_CHECK_AT(struct hf_inform_info, trap_num, 26);
HF_CHECK_AT(struct hf_inform_info, producer_type, 33);
HF_CHECK_SIZE(struct hf_inform_info_record, 64);
HF_CHECK_AT(struct hf_inform_info_record, info, 24);
HF_CHECK_SIZE(struct hf_repath_details, 54);
HF_CHECK_SIZE(struct hf_report_epochs, 32);
HF_CHECK_SIZE(struct hf_delta_held, 16);
HF_CHECK_SIZE(struct hf_delta_hdr, 48);
HF_CHECK_AT(struct hf_delta_hdr, instance, 8);
HF_CHECK_AT(struct hf_delta_hdr, body_length, 40);
HF_CHECK_AT(struct hf_repath_notice, details, 10);
HF_CHECK_AT(struct hf_repath_notice, issuer_gid, 64);
HF_CHECK_AT(struct hf_repath_notice, path, 80);
HF_CHECK_SIZE(struct hf_repath_notice, 144);
static_assert(sizeof(struct hf_report_epochs) <= sizeof(((struct hf_repath_details *)0)->reserved),
	      "the epochs must fit into the reserved bytes");

static inline unsigned int hf_path_record_sl(const struct hf_path_record *record)
{
	return be16toh(record->qos_class_sl) & 0x0f;
}

/* MTU, rate and packet life without their selector: the IBA's codes. */
static inline unsigned int hf_path_record_mtu(const struct hf_path_record *record)
{
	return record->mtu & 0x3f;
}

static inline unsigned int hf_path_record_rate(const struct hf_path_record *record)
{
	return record->rate & 0x3f;
}

static inline unsigned int hf_path_record_pkt_life(const struct hf_path_record *record)
{
	return record->pkt_life & 0x3f;
}

/**
 * hf_sa_mad_init() - set the headers of an SA request or Report
 * @mad:      filled; all other bytes become zero
 * @method:   enum hf_mad_method
 * @attr_id:  enum hf_attr_id
 * @tid:      transaction id, host order; ib_umad overwrites the upper 32 bits of requests
 */
void hf_sa_mad_init(struct hf_sa_mad *mad, uint8_t method, uint16_t attr_id, uint64_t tid);

/**
 * hf_repath_notice_init() - set what traps 68 and 69 have in common
 * @notice:     filled; all other bytes become zero
 * @trap_num:   HF_TRAP_UNPATH or HF_TRAP_REPATH
 * @issuer_lid: LID of the SM's port, host order
 * @issuer_gid: GID of the SM's port
 * @comp_mask:  HF_PR_COMP_*, host order: which fields of @path count; 0 with a zero record means all paths
 * @path:       the path, or NULL for a zero record
 * @wait:       WAIT_FOR_REPATH: a trap 69 for the same paths may follow
 *
 * Source: IBA volume 1, 14.2.5.1 and 15.4.7, as an independent decoder (Wireshark's) reads it.
 */
void hf_repath_notice_init(struct hf_repath_notice *notice, uint16_t trap_num, uint16_t issuer_lid,
			   const union hf_gid *issuer_gid, uint64_t comp_mask, const struct hf_path_record *path,
			   bool wait);

/**
 * hf_report_put_body() - put the body of a delta into a Report
 * @mad:    a Report whose struct hf_repath_notice is complete and selects the SGID alone
 * @body:   the body
 * @length: its length, HF_REPORT_BODY_MAX at most
 *
 * It goes where nothing else stands: behind struct hf_report_epochs, into the path record's fields before and behind its
 * SGID, and to the end of the MAD. COMP_MASK selects none of them, so they mean nothing to who knows no deltas.
 */
void hf_report_put_body(struct hf_sa_mad *mad, const uint8_t *body, size_t length);

/* The reverse. */
void hf_report_get_body(const struct hf_sa_mad *mad, uint8_t *ret_body, size_t length);

/**
 * hf_inform_info_init() - set a subscription to one generic trap of any issuer
 * @info:      filled; all other bytes become zero
 * @trap_num:  the trap
 * @subscribe: true subscribes, false ends the subscription
 *
 * Source: IBA volume 1, 13.4.8.3 (InformInfo) and 13.4.11 (event subscription).
 */
void hf_inform_info_init(struct hf_inform_info *info, uint16_t trap_num, bool subscribe);

#endif
