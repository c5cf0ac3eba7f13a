/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "fake_sa.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)

static int keep_sent(void *ctx, const struct hf_mad_addr *to, const struct hf_sa_mad *mad, int timeout_ms,
		     int retries)
{
	struct fake_sa *sa = ctx;

	if (sa->send_error)
		return sa->send_error;
	ck_assert_uint_lt(sa->sent_count, FAKE_SENT_MAX);
	sa->sent[sa->sent_count].mad = *mad;
	sa->sent[sa->sent_count].to = *to;
	sa->sent[sa->sent_count].timeout_ms = timeout_ms;
	sa->sent[sa->sent_count].retries = retries;
	sa->sent_count++;
	return 0;
}

static void begin_table(void *ctx)
{
	struct fake_sa *sa = ctx;

	sa->table_paths = 0;
	hf_path_cache_begin_table(sa->cache);
}

static void take_path(void *ctx, const struct hf_path_record *path)
{
	struct fake_sa *sa = ctx;

	sa->table_paths++;
	sa->last_path = *path;
	ck_assert_int_eq(hf_path_cache_put(sa->cache, path), 0);
}

static void end_table(void *ctx)
{
	struct fake_sa *sa = ctx;

	sa->tables++;
	hf_path_cache_end_table(sa->cache);
}

static int take_repath(void *ctx, const struct hf_path_record *path, uint32_t site)
{
	struct fake_sa *sa = ctx;

	sa->repaths++;
	sa->last_path = *path;
	return sa->repath_error ? sa->repath_error : hf_path_cache_update(sa->cache, path, site);
}

static void take_unpath(void *ctx, uint64_t comp_mask, const struct hf_path_record *path)
{
	struct fake_sa *sa = ctx;

	sa->unpaths++;
	sa->last_path = *path;
	hf_path_cache_lose(sa->cache, comp_mask, path);
}

static void note_subscribed(void *ctx, uint16_t trap_num)
{
	(void)trap_num;
	((struct fake_sa *)ctx)->subscribed++;
}

static void note_report(void *ctx, const struct hf_sa_report *report)
{
	(void)report;
	((struct fake_sa *)ctx)->reports++;
}

static void note_query_sent(void *ctx, uint32_t tid)
{
	(void)ctx;
	(void)tid;
}

static void note_query_done(void *ctx, const struct hf_sa_query_done *done)
{
	((struct fake_sa *)ctx)->last_done = *done;
}

static void begin_delta(void *ctx, const struct hf_sa_delta *delta)
{
	struct fake_sa *sa = ctx;
	const struct hf_path_origin origin = { .subnet_prefix = delta->subnet_prefix, .slid = delta->slid };

	sa->deltas++;
	sa->last_delta = *delta;
	hf_path_cache_begin_delta(sa->cache, &origin, delta->is_whole);
}

static void lose_path(void *ctx, uint64_t guid)
{
	hf_path_cache_lose_guid(((struct fake_sa *)ctx)->cache, guid);
}

static void keep_error(struct fake_sa *sa, int err)
{
	if (!sa->delta_error)
		sa->delta_error = err;
}

static void name_destination(void *ctx, uint64_t guid, uint16_t lid, uint32_t site)
{
	keep_error(ctx, hf_path_cache_name(((struct fake_sa *)ctx)->cache, guid, lid, site));
}

static void add_site(void *ctx, uint32_t site, const struct hf_delta_terms *terms)
{
	keep_error(ctx, hf_path_cache_add_site(((struct fake_sa *)ctx)->cache, site, terms));
}

static void note_set(void *ctx, const struct hf_path *path)
{
	ck_assert(path->reachable);
	((struct fake_sa *)ctx)->set_by_site++;
}

static void set_sites(void *ctx, uint32_t count, uint32_t sum)
{
	keep_error(ctx, hf_path_cache_set_sites(((struct fake_sa *)ctx)->cache, count, sum, note_set, ctx));
}

static void set_path(void *ctx, uint16_t lid, const struct hf_delta_terms *terms)
{
	keep_error(ctx, hf_path_cache_set(((struct fake_sa *)ctx)->cache, lid, terms));
}

static int end_delta(void *ctx)
{
	struct fake_sa *sa = ctx;
	int err = sa->delta_error;

	if (sa->last_delta.is_whole && !err)
		hf_path_cache_end_table(sa->cache);
	sa->delta_error = 0;
	return err;
}

static void note_query_failed(void *ctx, int err)
{
	ck_assert_int_lt(err, 0);
	((struct fake_sa *)ctx)->query_failures++;
}

static const struct hf_sa_client_ops fake_ops = {
	.send = keep_sent,
	.table_begin = begin_table,
	.table_path = take_path,
	.table_end = end_table,
	.delta_begin = begin_delta,
	.delta = {
		.gone = lose_path, .named = name_destination, .path = set_path, .at_site = add_site,
		.covered = set_sites,
	},
	.delta_end = end_delta,
	.repath = take_repath,
	.unpath = take_unpath,
	.subscribed = note_subscribed,
	.report = note_report,
	.query_sent = note_query_sent,
	.query_done = note_query_done,
	.query_failed = note_query_failed,
};

union hf_gid fake_gid(unsigned int n)
{
	union hf_gid gid = { .prefix = htobe64(0xfe80000000000000), .guid = htobe64(0x100 + n) };

	return gid;
}

void fake_start(struct fake_sa *sa)
{
	const struct hf_sa_client_config config = {
		.request_timeout_ms = 1000, .query_timeout_ms = 2000, .check_interval_ms = 10000, .seed = 42,
	};

	memset(sa, 0, sizeof(*sa));
	sa->now_ns = 5000 * MS;
	sa->port = (struct hf_sa_port){
		.gid = fake_gid(1), .lid = FAKE_PORT_LID, .sm_lid = FAKE_SM_LID, .active = true,
	};
	ck_assert_int_eq(hf_sa_client_new(&config, &fake_ops, sa, &sa->client), 0);
	ck_assert_int_eq(hf_path_cache_new(&sa->cache), 0);
}

void fake_stop(struct fake_sa *sa)
{
	hf_sa_client_free(sa->client);
	hf_path_cache_free(sa->cache);
}

void fake_tell_port(struct fake_sa *sa)
{
	hf_sa_client_set_port(sa->client, sa->now_ns, &sa->port);
}

void fake_advance_ms(struct fake_sa *sa, uint64_t ms)
{
	uint64_t end_ns = sa->now_ns + ms * MS;

	while (hf_sa_client_deadline_ns(sa->client) <= end_ns) {
		if (hf_sa_client_deadline_ns(sa->client) > sa->now_ns)
			sa->now_ns = hf_sa_client_deadline_ns(sa->client);
		hf_sa_client_handle_timer(sa->client, sa->now_ns);
	}
	sa->now_ns = end_ns;
}

void fake_forget(struct fake_sa *sa)
{
	sa->sent_count = 0;
	sa->tables = sa->deltas = sa->repaths = sa->unpaths = sa->reports = sa->subscribed = sa->query_failures = 0;
}

static bool is_kind(const struct hf_sa_mad *mad, uint8_t method, uint16_t attr_id)
{
	return mad->hdr.method == method && be16toh(mad->hdr.attr_id) == attr_id;
}

size_t fake_count(const struct fake_sa *sa, uint8_t method, uint16_t attr_id)
{
	size_t count = 0;

	for (size_t i = 0; i < sa->sent_count; i++)
		count += is_kind(&sa->sent[i].mad, method, attr_id);
	return count;
}

const struct hf_sa_mad *fake_last(const struct fake_sa *sa, uint8_t method, uint16_t attr_id)
{
	for (size_t i = sa->sent_count; i-- > 0;)
		if (is_kind(&sa->sent[i].mad, method, attr_id))
			return &sa->sent[i].mad;
	ck_abort_msg("no MAD with method 0x%02x and attribute 0x%04x was sent", method, attr_id);
	return NULL;
}

void fake_receive(struct fake_sa *sa, uint16_t from_lid, const void *mad, size_t len)
{
	const struct hf_mad_addr from = { .lid = from_lid, .qpn = 1 };

	hf_sa_client_receive(sa->client, sa->now_ns, &from, 0, mad, len);
}

/* ib_umad puts the agent's number into the upper half of the transaction id, and there it comes back. */
static struct hf_sa_mad answer_to(const struct hf_sa_mad *request, uint16_t status)
{
	struct hf_sa_mad answer = *request;

	answer.hdr.method = request->hdr.method == HF_METHOD_SET ? HF_METHOD_GET_RESP :
								   request->hdr.method | HF_METHOD_RESP;
	answer.hdr.status = htobe16(status);
	answer.hdr.tid |= htobe64(UINT64_C(0x1234) << 32);
	return answer;
}

void fake_answer(struct fake_sa *sa, const struct hf_sa_mad *request, uint16_t status)
{
	struct hf_sa_mad answer = answer_to(request, status);

	fake_receive(sa, FAKE_SM_LID, &answer, sizeof(answer));
}

void fake_time_out(struct fake_sa *sa, const struct hf_sa_mad *request)
{
	const struct hf_mad_addr from = { .lid = FAKE_SM_LID, .qpn = 1 };
	struct hf_sa_mad header = *request;

	hf_sa_client_receive(sa->client, sa->now_ns, &from, -ETIMEDOUT, &header, sizeof(header.hdr));
}

struct hf_path_record fake_path(unsigned int from, unsigned int to)
{
	return (struct hf_path_record){
		.sgid = fake_gid(from),
		.dgid = fake_gid(to),
		.slid = htobe16(6 + from),
		.dlid = htobe16(6 + to),
		.pkey = htobe16(0xffff),
		.mtu = 4,
		.rate = 7,
		.pkt_life = 18,
	};
}

/* @mad has room for the headers and @count records. */
static size_t put_headers(uint8_t *mad, const struct hf_sa_mad *request, size_t record_size, size_t count)
{
	struct hf_sa_mad headers = answer_to(request, 0);

	headers.attr_offset = htobe16(record_size / 8);
	memcpy(mad, &headers, offsetof(struct hf_sa_mad, data));
	return offsetof(struct hf_sa_mad, data) + count * record_size;
}

void fake_answer_table(struct fake_sa *sa, unsigned int first, unsigned int count)
{
	const struct hf_sa_mad *query = fake_last(sa, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD);
	uint8_t *mad = malloc(sizeof(*query) + count * sizeof(struct hf_path_record));
	size_t len = put_headers(mad, query, sizeof(struct hf_path_record), count);

	for (unsigned int i = 0; i < count; i++) {
		struct hf_path_record path = fake_path(1, first + i);

		memcpy(mad + offsetof(struct hf_sa_mad, data) + i * sizeof(path), &path, sizeof(path));
	}
	fake_receive(sa, FAKE_SM_LID, mad, len);
	free(mad);
}

void fake_answer_check(struct fake_sa *sa, const uint16_t *traps, size_t count)
{
	const struct hf_sa_mad *check = fake_last(sa, HF_METHOD_GET_TABLE, HF_ATTR_INFORM_INFO_RECORD);
	uint8_t mad[HF_MAD_SIZE + 8 * sizeof(struct hf_inform_info_record)];
	size_t len = put_headers(mad, check, sizeof(struct hf_inform_info_record), count);

	for (size_t i = 0; i < count; i++) {
		struct hf_inform_info_record record = { .subscriber_gid = fake_gid(1) };

		hf_inform_info_init(&record.info, traps[i], true);
		memcpy(mad + offsetof(struct hf_sa_mad, data) + i * sizeof(record), &record, sizeof(record));
	}
	fake_receive(sa, FAKE_SM_LID, mad, len);
}

void fake_report(struct fake_sa *sa, uint16_t from_lid, uint16_t trap_num, uint64_t comp_mask,
		 const struct hf_path_record *path)
{
	union hf_gid sm_gid = fake_gid(0);
	struct hf_sa_mad report;

	hf_sa_mad_init(&report, HF_METHOD_REPORT, HF_ATTR_NOTICE, 0xabcdef);
	hf_repath_notice_init((struct hf_repath_notice *)report.data, trap_num, FAKE_SM_LID, &sm_gid, comp_mask, path,
			      false);
	fake_receive(sa, from_lid, &report, sizeof(report));
}

size_t fake_put_delta(struct fake_delta *delta, uint8_t *data)
{
	struct hf_delta_hdr hdr = {
		.magic = HF_DELTA_MAGIC,
		.version = HF_DELTA_VERSION,
		.flags = delta->is_whole ? HF_DELTA_WHOLE : 0,
		.slid = htobe16(FAKE_PORT_LID),
		.instance = htobe64(delta->instance),
		.base = htobe64(delta->base),
		.epoch = htobe64(delta->epoch),
		.subnet_prefix = htobe64(0xfe80000000000000),
		.changes = htobe32(delta->parts.n_gone + delta->parts.n_paths + delta->parts.covered),
	};
	size_t length;

	ck_assert_uint_le(sizeof(hdr) + hf_delta_max_bytes(&delta->parts) + 8, FAKE_DELTA_MAX);
	length = hf_delta_encode(&delta->parts, data + sizeof(hdr));
	hdr.body_length = htobe32(length);
	memcpy(data, &hdr, sizeof(hdr));
	length += sizeof(hdr);
	while (length % 8)
		data[length++] = 0;
	return length;
}

void fake_answer_data(struct fake_sa *sa, const struct hf_sa_mad *query, unsigned int attr_offset, const void *data,
		      size_t bytes)
{
	const size_t headers = offsetof(struct hf_sa_mad, data);
	uint8_t *mad = malloc(headers + bytes);

	put_headers(mad, query, attr_offset * 8, 0);
	memcpy(mad + headers, data, bytes);
	fake_receive(sa, FAKE_SM_LID, mad, headers + bytes);
	free(mad);
}

void fake_answer_delta(struct fake_sa *sa, struct fake_delta *delta)
{
	uint8_t data[FAKE_DELTA_MAX];
	size_t bytes = fake_put_delta(delta, data);

	fake_answer_data(sa, fake_last(sa, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD), HF_DELTA_ATTR_OFFSET, data,
			 bytes);
}

struct hf_sa_held fake_held(const struct hf_sa_mad *query)
{
	struct hf_delta_held held;

	memcpy(&held, &((const struct hf_path_record *)query->data)->dgid, sizeof(held));
	return (struct hf_sa_held){ be64toh(held.instance), be64toh(held.epoch) };
}

void fake_make_report(const struct fake_report *report, struct hf_sa_mad *mad)
{
	struct hf_repath_notice *notice = (struct hf_repath_notice *)mad->data;
	struct hf_report_epochs epochs = {
		.magic = HF_REPORT_MAGIC,
		.version = report->version ? report->version : HF_DELTA_VERSION,
		.instance = htobe64(report->instance),
		.base = htobe64(report->base),
		.epoch = htobe64(report->epoch),
		.site = htobe32(report->site),
	};
	union hf_gid sm_gid = fake_gid(0);

	hf_sa_mad_init(mad, HF_METHOD_REPORT, HF_ATTR_NOTICE, 0xabcdef);
	hf_repath_notice_init(notice, report->trap_num, FAKE_SM_LID, &sm_gid, report->comp_mask, report->path, false);
	notice->toggle_count = htobe16(report->notice_count);
	if (report->parts) {
		uint8_t body[FAKE_DELTA_MAX];

		ck_assert_uint_le(hf_delta_max_bytes(report->parts), sizeof(body));
		epochs.body_length = hf_delta_encode(report->parts, body);
		ck_assert_uint_le(epochs.body_length, HF_REPORT_BODY_MAX);
		hf_report_put_body(mad, body, epochs.body_length);
	}
	if (report->instance)
		memcpy(notice->details.reserved, &epochs, sizeof(epochs));
}

void fake_report_epochs(struct fake_sa *sa, const struct fake_report *report)
{
	struct hf_sa_mad mad;

	fake_make_report(report, &mad);
	fake_receive(sa, FAKE_SM_LID, &mad, sizeof(mad));
}

void fake_settle(struct fake_sa *sa)
{
	fake_tell_port(sa);
	fake_answer(sa, fake_last(sa, HF_METHOD_SET, HF_ATTR_INFORM_INFO), 0);
	fake_answer(sa, fake_last(sa, HF_METHOD_SET, HF_ATTR_INFORM_INFO), 0);
	fake_answer_table(sa, 2, 3);
	ck_assert(!hf_sa_client_is_busy(sa->client));
	fake_forget(sa);
}
