/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/wire.h"

#include <string.h>

#define QPN_GSI		1
#define RESP_TIME_VALUE	19	/* 4.096 us * 2^19 = 2.1 s */

void hf_sa_mad_init(struct hf_sa_mad *mad, uint8_t method, uint16_t attr_id, uint64_t tid)
{
	memset(mad, 0, sizeof(*mad));
	mad->hdr.base_version = 1;
	mad->hdr.mgmt_class = HF_CLASS_SUBN_ADM;
	mad->hdr.class_version = 2;
	mad->hdr.method = method;
	mad->hdr.tid = htobe64(tid);
	mad->hdr.attr_id = htobe16(attr_id);
}

static void put_be24(uint8_t out[3], uint32_t value)
{
	out[0] = value >> 16;
	out[1] = value >> 8;
	out[2] = value;
}

void hf_repath_notice_init(struct hf_repath_notice *notice, uint16_t trap_num, uint16_t issuer_lid,
			   const union hf_gid *issuer_gid, uint64_t comp_mask, const struct hf_path_record *path,
			   bool wait)
{
	memset(notice, 0, sizeof(*notice));
	notice->generic_type = HF_NOTICE_IS_GENERIC | HF_NOTICE_TYPE_SUBNET_MANAGEMENT;
	put_be24(notice->producer_type, HF_NOTICE_PRODUCER_CLASS_MANAGER);
	notice->trap_num = htobe16(trap_num);
	notice->issuer_lid = htobe16(issuer_lid);
	notice->details.comp_mask = htobe64(comp_mask);
	notice->details.wait_for_repath = wait ? HF_WAIT_FOR_REPATH : 0;
	notice->issuer_gid = *issuer_gid;
	if (path)
		notice->path = *path;
}

/* Where a body is in a Report's SA data. */
static const struct {
	size_t at, end;
} pieces[] = {
	{ offsetof(struct hf_repath_notice, details.reserved) + sizeof(struct hf_report_epochs),
	  offsetof(struct hf_repath_notice, issuer_gid) },
	{ offsetof(struct hf_repath_notice, path), offsetof(struct hf_repath_notice, path.sgid) },
	{ offsetof(struct hf_repath_notice, path.dlid), HF_SA_DATA_SIZE },
};

static_assert(offsetof(struct hf_repath_notice, issuer_gid) - offsetof(struct hf_repath_notice, details.reserved) -
	      sizeof(struct hf_report_epochs) + offsetof(struct hf_path_record, sgid) + HF_SA_DATA_SIZE -
	      offsetof(struct hf_repath_notice, path.dlid) == HF_REPORT_BODY_MAX, "a body fills the pieces");

/* Return: how much of the @rest of a body is in a piece. */
static size_t piece_length(size_t piece, size_t rest)
{
	size_t size = pieces[piece].end - pieces[piece].at;

	return rest < size ? rest : size;
}

void hf_report_put_body(struct hf_sa_mad *mad, const uint8_t *body, size_t length)
{
	for (size_t i = 0, done = 0; done < length; done += piece_length(i, length - done), i++)
		memcpy(mad->data + pieces[i].at, body + done, piece_length(i, length - done));
}

void hf_report_get_body(const struct hf_sa_mad *mad, uint8_t *ret_body, size_t length)
{
	for (size_t i = 0, done = 0; done < length; done += piece_length(i, length - done), i++)
		memcpy(ret_body + done, mad->data + pieces[i].at, piece_length(i, length - done));
}

void hf_inform_info_init(struct hf_inform_info *info, uint16_t trap_num, bool subscribe)
{
	memset(info, 0, sizeof(*info));
	info->lid_range_begin = htobe16(HF_LID_RANGE_ALL);
	info->is_generic = 1;
	info->subscribe = subscribe;
	info->type = htobe16(HF_NOTICE_TYPE_ANY);
	info->trap_num = htobe16(trap_num);
	info->qpn_resp_time = htobe32(QPN_GSI << 8 | RESP_TIME_VALUE);
	put_be24(info->producer_type, HF_NOTICE_PRODUCER_ANY);
}
