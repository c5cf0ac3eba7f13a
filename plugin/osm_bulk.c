/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Queries for path records, on their way to OpenSM: those of hosts that know deltas are answered here, from what was
 * announced. All others go on as if nobody had looked at them.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/osm_services.h"

/* OpenSM's own, exported by the program but declared in none of the installed headers. */
void osm_pr_rcv_process(void *context, void *data);

/* One for all: a plugin is loaded once. Set before OpenSM hears of the handler. */
static struct {
	struct hf_bulk *bulk;
	struct hf_trace *trace;
} answers;

static void send_answer(osm_sa_t *sa, osm_madw_t *request, const struct hf_bulk_answer *answer)
{
	osm_madw_t *madw = osm_mad_pool_get(sa->p_mad_pool, request->h_bind, IB_SA_MAD_HDR_SIZE + answer->length,
					    &request->mad_addr);
	ib_sa_mad_t *mad;

	if (!madw) {
		hf_log(HF_LOG_ERROR, "no memory to answer a query for path records");
		return;
	}
	mad = osm_madw_get_sa_mad_ptr(madw);
	memcpy(mad, osm_madw_get_sa_mad_ptr(request), IB_SA_MAD_HDR_SIZE);
	mad->method |= IB_MAD_METHOD_RESP_MASK;
	mad->sm_key = 0;	/* never shown to a client (C15-0.1.5) */
	mad->attr_offset = cl_hton16(HF_DELTA_ATTR_OFFSET);
	mad->rmpp_version = 1;
	mad->rmpp_flags = IB_RMPP_FLAG_ACTIVE;
	memcpy(ib_sa_mad_get_payload_ptr(mad), answer->data, answer->length);
	osm_sa_send(sa, madw, FALSE);
}

static void trace_answer(uint16_t lid, const struct hf_bulk_answer *answer)
{
	hf_trace_event(answers.trace, "delta_sent", "{s:i, s:I, s:I, s:b, s:I, s:I}", "lid", lid,
		       "base", (json_int_t)answer->base, "epoch", (json_int_t)answer->epoch,
		       "whole", answer->is_whole, "changes", (json_int_t)answer->changes,
		       "bytes", (json_int_t)answer->length);
}

/* The dispatcher's handler, on one of its threads with no lock held. */
void hf_osm_bulk_query(void *context, void *data)
{
	osm_sa_t *sa = context;
	osm_madw_t *request = data;
	const struct hf_sa_mad *query = (const struct hf_sa_mad *)osm_madw_get_sa_mad_ptr(request);
	uint16_t from_lid = cl_ntoh16(request->mad_addr.dest_lid);
	struct hf_bulk_answer answer = { .verdict = HF_BULK_NOT_OURS };

	if (hf_bulk_is_asked(query))
		hf_bulk_answer(answers.bulk, query, from_lid, &answer);
	switch (answer.verdict) {
	case HF_BULK_NOT_OURS:
		osm_pr_rcv_process(context, data);
		break;
	case HF_BULK_REFUSED:
		osm_sa_send_error(sa, request, cl_hton16(answer.status));
		break;
	case HF_BULK_ANSWERED:
		send_answer(sa, request, &answer);
		trace_answer(from_lid, &answer);
		break;
	}
	free(answer.data);
}

int hf_osm_answer_deltas(osm_opensm_t *osm, struct hf_bulk *bulk, struct hf_trace *trace)
{
	osm_sa_t *sa = &osm->sa;

	answers.bulk = bulk;
	answers.trace = trace;
	cl_disp_unregister(sa->pr_disp_h);
	sa->pr_disp_h = cl_disp_register(sa->p_disp, OSM_MSG_MAD_PATH_RECORD, hf_osm_bulk_query, sa);
	if (sa->pr_disp_h != CL_DISP_INVALID_HANDLE)
		return 0;
	sa->pr_disp_h = cl_disp_register(sa->p_disp, OSM_MSG_MAD_PATH_RECORD, osm_pr_rcv_process, sa);
	return -EIO;
}
