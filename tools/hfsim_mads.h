/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* How many MADs of each kind went over the wire, counted from captures: from outside. */
#ifndef HF_TOOLS_HFSIM_MADS_H
#define HF_TOOLS_HFSIM_MADS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

enum hf_mad_kind {
	HF_MAD_REPORT,
	HF_MAD_REPORT_RESP,
	HF_MAD_PATH_GET,
	HF_MAD_PATH_GET_RESP,
	HF_MAD_PATH_TABLE,
	HF_MAD_PATH_TABLE_RESP,		/* each RMPP segment is one */
	HF_MAD_RMPP_ACK,
	HF_MAD_RMPP_END,		/* STOP and ABORT */
	HF_MAD_INFORM,			/* InformInfo: subscriptions */
	HF_MAD_INFORM_RESP,
	HF_MAD_OTHER_SA,
	HF_MAD_OTHER,
	HF_MAD_SMP,			/* the subnet manager's own; never part of a total */
	HF_N_MAD_KINDS,
};

struct hf_mad_counts {
	uint64_t sent[HF_N_MAD_KINDS];		/* by the adapters that captured */
	uint64_t received[HF_N_MAD_KINDS];
};

const char *hf_mad_kind_name(enum hf_mad_kind kind);

/* @mad has HF_MAD_SIZE bytes. */
enum hf_mad_kind hf_mad_classify(const uint8_t mad[HF_MAD_SIZE]);

/**
 * hf_mads_count() - add the MADs of a capture
 * @path:    of the capture
 * @from_ns: first time that counts
 * @to_ns:   first time that does not
 * @counts:  added to; unchanged on failure
 *
 * Return: 0; the negative errno of the capture's reader.
 */
int hf_mads_count(const char *path, uint64_t from_ns, uint64_t to_ns, struct hf_mad_counts *counts);

/*
 * MADs that passed an SM's adapter to tell hosts of paths: Reports, queries for path records and their answers, with
 * acknowledgements and RMPP. Subscriptions are not among them.
 */
uint64_t hf_mads_signalling(const struct hf_mad_counts *counts);

/* Bytes of a MAD on the wire: LRH 8, BTH 12, DETH 8, the MAD, ICRC 4, VCRC 2. */
#define HF_MAD_WIRE_SIZE (8 + 12 + 8 + HF_MAD_SIZE + 4 + 2)

/* All MADs sent, SMPs apart. */
uint64_t hf_mads_total(const struct hf_mad_counts *counts);

#endif
