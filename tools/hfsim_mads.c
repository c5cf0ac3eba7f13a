/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_mads.h"

#include <string.h>

#include "sim/pcap.h"

#define RMPP_FLAG_ACTIVE	0x01
#define RMPP_TYPE_ACK		2
#define RMPP_TYPE_STOP		3
#define RMPP_TYPE_ABORT		4

struct kind {
	const char *name;
	uint8_t method;		/* of an SA MAD; 0 where method and attribute do not decide */
	uint16_t attr_id;
};

static const struct kind kinds[HF_N_MAD_KINDS] = {
	[HF_MAD_REPORT] = { "Report(Notice)", HF_METHOD_REPORT, HF_ATTR_NOTICE },
	[HF_MAD_REPORT_RESP] = { "ReportResp(Notice)", HF_METHOD_REPORT_RESP, HF_ATTR_NOTICE },
	[HF_MAD_PATH_GET] = { "Get(PathRecord)", HF_METHOD_GET, HF_ATTR_PATH_RECORD },
	[HF_MAD_PATH_GET_RESP] = { "GetResp(PathRecord)", HF_METHOD_GET_RESP, HF_ATTR_PATH_RECORD },
	[HF_MAD_PATH_TABLE] = { "GetTable(PathRecord)", HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD },
	[HF_MAD_PATH_TABLE_RESP] = { "GetTableResp(PathRecord)", HF_METHOD_GET_TABLE_RESP, HF_ATTR_PATH_RECORD },
	[HF_MAD_RMPP_ACK] = { "RMPP ACK", 0, 0 },
	[HF_MAD_RMPP_END] = { "RMPP STOP, ABORT", 0, 0 },
	[HF_MAD_INFORM] = { "Set(InformInfo)", HF_METHOD_SET, HF_ATTR_INFORM_INFO },
	[HF_MAD_INFORM_RESP] = { "GetResp(InformInfo)", HF_METHOD_GET_RESP, HF_ATTR_INFORM_INFO },
	[HF_MAD_OTHER_SA] = { "other SA", 0, 0 },
	[HF_MAD_OTHER] = { "other classes", 0, 0 },
	[HF_MAD_SMP] = { "SMP", 0, 0 },
};

const char *hf_mad_kind_name(enum hf_mad_kind kind)
{
	return kinds[kind].name;
}

static enum hf_mad_kind classify_sa(const struct hf_sa_mad *mad)
{
	if (mad->rmpp.rtime_flags & RMPP_FLAG_ACTIVE) {
		if (mad->rmpp.type == RMPP_TYPE_ACK)
			return HF_MAD_RMPP_ACK;
		if (mad->rmpp.type == RMPP_TYPE_STOP || mad->rmpp.type == RMPP_TYPE_ABORT)
			return HF_MAD_RMPP_END;
	}
	for (unsigned int i = 0; i < HF_N_MAD_KINDS; i++)
		if (kinds[i].method == mad->hdr.method && kinds[i].attr_id == be16toh(mad->hdr.attr_id))
			return i;
	return HF_MAD_OTHER_SA;
}

enum hf_mad_kind hf_mad_classify(const uint8_t mad[HF_MAD_SIZE])
{
	struct hf_sa_mad sa;

	memcpy(&sa, mad, sizeof(sa));
	if (sa.hdr.mgmt_class == HF_CLASS_SUBN_LID || sa.hdr.mgmt_class == HF_CLASS_SUBN_DIRECTED)
		return HF_MAD_SMP;
	return sa.hdr.mgmt_class == HF_CLASS_SUBN_ADM ? classify_sa(&sa) : HF_MAD_OTHER;
}

int hf_mads_count(const char *path, uint64_t from_ns, uint64_t to_ns, struct hf_mad_counts *counts)
{
	struct hf_mad_counts sum = *counts;
	struct hf_pcap_reader *reader;
	struct hf_pcap_record record;
	int got, err;

	err = hf_pcap_reader_open(path, &reader);
	if (err)
		return err;
	while ((got = hf_pcap_read(reader, &record)) > 0) {
		enum hf_mad_kind kind = hf_mad_classify(record.mad);

		if (record.time_ns < from_ns || record.time_ns >= to_ns)
			continue;
		if (record.is_sent)
			sum.sent[kind]++;
		else
			sum.received[kind]++;
	}
	hf_pcap_reader_close(reader);
	if (got < 0)
		return got;
	*counts = sum;
	return 0;
}

uint64_t hf_mads_signalling(const struct hf_mad_counts *counts)
{
	uint64_t total = 0;

	for (enum hf_mad_kind kind = HF_MAD_REPORT; kind <= HF_MAD_RMPP_END; kind++)
		total += counts->sent[kind] + counts->received[kind];
	return total;
}

uint64_t hf_mads_total(const struct hf_mad_counts *counts)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < HF_N_MAD_KINDS; i++)
		if (i != HF_MAD_SMP)
			total += counts->sent[i];
	return total;
}
