/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/sa_client_impl.h"

#include <string.h>

#include "lib/gid.h"
#include "lib/log.h"

#define ONE_PATH	(HF_PR_COMP_SGID | HF_PR_COMP_DGID)

/* Whether the set of paths that a trap means may hold one that starts at this port. */
static bool concerns_port(const struct hf_sa_client *client, uint64_t comp_mask, const struct hf_path_record *path)
{
	return !((comp_mask & HF_PR_COMP_SGID && !hf__sa_is_own(client, path)) ||
		 (comp_mask & HF_PR_COMP_SLID && be16toh(path->slid) != client->port.lid));
}

/*
 * COMP_MASK says which paths were recomputed. Where that is a single one, the record is the new path if it is filled
 * in; otherwise it is a pattern, and the SM must be asked.
 */
static bool carries_path(const struct hf_sa_report *report)
{
	return (report->comp_mask & ONE_PATH) == ONE_PATH && report->path->dlid && hf_path_record_mtu(report->path);
}

static void take_repath(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_report *report)
{
	if (!carries_path(report) || client->ops->repath(client->ctx, report->path, report->site)) {
		hf_sa_client_want_query(client, now_ns);
		return;
	}
	client->counters.records++;
	hf__sa_outdate_query(client, now_ns);
}

static void take_unpath(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_report *report)
{
	hf__sa_outdate_query(client, now_ns);
	client->ops->unpath(client->ctx, report->comp_mask, report->path);
}

/*
 * What a Report without epochs brings may be older than the table held, and a table that has a name is thought to be
 * right: nothing would ever correct it. So the SM is asked.
 */
static void take_plain_report(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_report *report)
{
	if (client->held.instance)
		hf_sa_client_want_query(client, now_ns);
	else if (report->trap_num == HF_TRAP_REPATH)
		take_repath(client, now_ns, report);
	else
		take_unpath(client, now_ns, report);
}

static bool take_body(struct hf_sa_client *client, const struct hf_sa_report *report)
{
	struct hf_sa_delta delta = {
		.subnet_prefix = be64toh(client->port.gid.prefix), .slid = client->port.lid,
	};
	struct hf_sa_items counts;

	if (report->body_length > HF_REPORT_BODY_MAX ||
	    hf__sa_count_items(report->body, report->body_length, &counts)) {
		client->counters.deltas_refused++;
		hf_log(HF_LOG_WARN, "port %s: a Report from the SM at LID %u has a delta of %zu bytes that is none",
		       hf_gid_format(&client->port.gid).text, client->port.sm_lid, report->body_length);
		return false;
	}
	delta.changes = counts.gone + counts.paths;
	return !hf__sa_hand_out_delta(client, &delta, report->body, report->body_length);
}

static bool take_one_path(struct hf_sa_client *client, const struct hf_sa_report *report)
{
	if (report->trap_num == HF_TRAP_UNPATH)
		client->ops->unpath(client->ctx, report->comp_mask, report->path);
	else if (!carries_path(report) || client->ops->repath(client->ctx, report->path, report->site))
		return false;
	else
		client->counters.records++;
	client->counters.changes++;
	return true;
}

/* Return: whether the Report has paths inside and all were taken. */
static bool take_paths(struct hf_sa_client *client, const struct hf_sa_report *report)
{
	if (report->comp_mask == ONE_PATH)
		return take_one_path(client, report);
	return report->trap_num == HF_TRAP_REPATH && report->comp_mask == HF_PR_COMP_SGID && report->body_length > 0 &&
	       take_body(client, report);
}

/* Doc/protocol.md, "What the host does". */
static void take_epochs_report(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_report *report)
{
	const struct hf_sa_epochs *epochs = report->epochs;
	bool is_same = epochs->instance == client->held.instance;

	if (is_same && client->held.epoch >= epochs->epoch) {
		client->counters.reports_known++;
		return;
	}
	if (is_same && epochs->base > client->held.epoch) {
		client->counters.gaps++;
	} else if (is_same && take_paths(client, report)) {
		client->counters.reports_taken++;
		client->held.epoch = epochs->epoch;
		client->is_overtaken = true;
		return;
	}
	hf_sa_client_want_query(client, now_ns);
}

/* Where there are epochs of the version that we know. */
static void read_epochs(const struct hf_sa_mad *mad, struct hf_sa_epochs *ret_epochs,
			uint8_t ret_body[HF_REPORT_BODY_MAX], struct hf_sa_report *report)
{
	const struct hf_repath_notice *notice = (const struct hf_repath_notice *)mad->data;
	struct hf_report_epochs epochs;

	memcpy(&epochs, notice->details.reserved, sizeof(epochs));
	if (memcmp(epochs.magic, HF_REPORT_MAGIC, sizeof(epochs.magic)) || epochs.version != HF_DELTA_VERSION ||
	    !epochs.instance)
		return;
	*ret_epochs = (struct hf_sa_epochs){
		.instance = be64toh(epochs.instance), .base = be64toh(epochs.base), .epoch = be64toh(epochs.epoch),
	};
	report->epochs = ret_epochs;
	report->site = be32toh(epochs.site) <= HF_SITE_LAST ? be32toh(epochs.site) : HF_SITE_UNKNOWN;
	report->body = ret_body;
	report->body_length = epochs.body_length;
	if (report->body_length <= HF_REPORT_BODY_MAX)
		hf_report_get_body(mad, ret_body, report->body_length);
}

static void take_notice(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_mad *mad)
{
	const struct hf_repath_notice *notice = (const struct hf_repath_notice *)mad->data;
	struct hf_sa_epochs epochs;
	uint8_t body[HF_REPORT_BODY_MAX];
	struct hf_sa_report report = {
		.trap_num = notice->generic_type & HF_NOTICE_IS_GENERIC ? be16toh(notice->trap_num) : 0,
		.comp_mask = be64toh(notice->details.comp_mask),
		.path = &notice->path,
	};

	if (report.trap_num != HF_TRAP_REPATH && report.trap_num != HF_TRAP_UNPATH) {
		client->counters.reports_other++;
		return;
	}
	read_epochs(mad, &epochs, body, &report);
	client->ops->report(client->ctx, &report);
	if (report.trap_num == HF_TRAP_REPATH)
		client->counters.reports_repath++;
	else
		client->counters.reports_unpath++;
	if (!concerns_port(client, report.comp_mask, report.path))
		client->counters.records_refused += report.trap_num == HF_TRAP_REPATH;
	else if (report.epochs)
		take_epochs_report(client, now_ns, &report);
	else
		take_plain_report(client, now_ns, &report);
}

/* The SM repeats a Report until it is answered, so the answer goes out before anything else is done. */
static void answer_report(struct hf_sa_client *client, const struct hf_mad_addr *from, const struct hf_sa_mad *mad)
{
	struct hf_sa_mad answer = *mad;

	answer.hdr.method = HF_METHOD_REPORT_RESP;
	answer.hdr.status = 0;
	memset(&answer.rmpp, 0, sizeof(answer.rmpp));
	if (client->ops->send(client->ctx, from, &answer, 0, 0) == 0)
		client->counters.report_resps++;
}

/* The SM sends a Report again whose answer was late or lost; what it told has been taken care of. */
static bool is_repeated(struct hf_sa_client *client, const struct hf_sa_mad *mad)
{
	const struct hf_repath_notice *notice = (const struct hf_repath_notice *)mad->data;
	const struct hf_sa_seen report = {
		.agent = be64toh(mad->hdr.tid) >> 32,
		.notice_count = be16toh(notice->toggle_count) & HF_NOTICE_COUNT_MAX,
	};

	if (!report.notice_count)
		return false;
	for (unsigned int i = 0; i < SEEN_REPORTS; i++)
		if (client->seen[i].agent == report.agent && client->seen[i].notice_count == report.notice_count)
			return true;
	client->seen[client->next_seen] = report;
	client->next_seen = (client->next_seen + 1) % SEEN_REPORTS;
	return false;
}

void hf__sa_take_report(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_addr *from, const void *mad,
			size_t len)
{
	const struct hf_sa_mad *report = mad;

	if (len != HF_MAD_SIZE || be16toh(report->hdr.attr_id) != HF_ATTR_NOTICE) {
		hf__sa_drop(client, "no Report of a Notice", from, &report->hdr);
		return;
	}
	answer_report(client, from, report);
	if (is_repeated(client, report)) {
		client->counters.reports_repeated++;
		return;
	}
	take_notice(client, now_ns, report);
}
