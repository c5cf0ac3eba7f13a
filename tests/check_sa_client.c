/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"
#include "fake_sa.h"

#include <errno.h>
#include <string.h>

#define ONE_PATH (HF_PR_COMP_SGID | HF_PR_COMP_DGID)

static struct fake_sa sa;

static void setup(void)
{
	fake_start(&sa);
}

static void teardown(void)
{
	fake_stop(&sa);
}

static const struct hf_sa_mad *last_subscription(void)
{
	return fake_last(&sa, HF_METHOD_SET, HF_ATTR_INFORM_INFO);
}

static const struct hf_sa_mad *last_query(void)
{
	return fake_last(&sa, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD);
}

static size_t query_count(void)
{
	return fake_count(&sa, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD);
}

static size_t subscription_count(void)
{
	return fake_count(&sa, HF_METHOD_SET, HF_ATTR_INFORM_INFO);
}

static const uint16_t both_traps[] = { HF_TRAP_UNPATH, HF_TRAP_REPATH };

/* How each state is reached from a fresh client. */
static void reach(enum hf_sa_state state)
{
	switch (state) {
	case HF_SA_NO_SM:
		break;
	case HF_SA_SUBSCRIBING:
		fake_tell_port(&sa);
		break;
	case HF_SA_BACKING_OFF:
		fake_tell_port(&sa);
		fake_time_out(&sa, last_subscription());
		break;
	case HF_SA_SUBSCRIBED:
		fake_settle(&sa);
		break;
	case HF_SA_CHECKING:
		fake_settle(&sa);
		fake_advance_ms(&sa, 10000);
		break;
	case HF_SA_UNSUBSCRIBING:
		fake_settle(&sa);
		hf_sa_client_stop(sa.client, sa.now_ns);
		break;
	case HF_SA_STOPPED:
		hf_sa_client_stop(sa.client, sa.now_ns);
		break;
	case HF_SA_STATE_COUNT:
		break;
	}
	ck_assert_str_eq(hf_sa_state_name(hf_sa_client_state(sa.client)), hf_sa_state_name(state));
}

static const struct hf_sa_mad *last_request(void)
{
	return sa.sent_count ? &sa.sent[sa.sent_count - 1].mad : NULL;
}

/* Causes an event from outside; where the state has no request to answer, an answer to nothing. */
static void cause(enum hf_sa_state state, enum hf_sa_event event)
{
	static const struct hf_sa_mad nothing = { .hdr.method = HF_METHOD_SET };
	const struct hf_sa_mad *request = last_request() ? last_request() : &nothing;

	switch (event) {
	case HF_SA_SM_FOUND:
		sa.port.lid++;
		fake_tell_port(&sa);
		break;
	case HF_SA_SM_LOST:
		fake_tell_port(&sa);
		sa.port.active = false;
		fake_tell_port(&sa);
		break;
	case HF_SA_ANSWERED:
		if (state == HF_SA_CHECKING)
			fake_answer_check(&sa, both_traps, 2);
		else
			fake_answer(&sa, request, 0);
		break;
	case HF_SA_COMPLETED:
		fake_answer(&sa, request, 0);
		if (last_request())
			fake_answer(&sa, last_request(), 0);
		break;
	case HF_SA_FAILED:
		fake_answer(&sa, request, HF_SA_STATUS_REQ_INVALID);
		break;
	case HF_SA_FORGOTTEN:
		if (state == HF_SA_CHECKING)
			fake_answer_check(&sa, both_traps, 1);
		break;
	case HF_SA_TIMER:
		sa.now_ns = hf_sa_client_deadline_ns(sa.client);
		if (sa.now_ns != UINT64_MAX)
			hf_sa_client_handle_timer(sa.client, sa.now_ns);
		break;
	case HF_SA_STOP:
		hf_sa_client_stop(sa.client, sa.now_ns);
		break;
	case HF_SA_EVENT_COUNT:
		break;
	}
}

/* Written from the description in sa_client.h, not from the table. A state that an event cannot concern stays. */
#define ROW(found, lost, answered, completed, failed, forgotten, timer, stop) { \
	[HF_SA_SM_FOUND] = HF_SA_##found, [HF_SA_SM_LOST] = HF_SA_##lost, [HF_SA_ANSWERED] = HF_SA_##answered, \
	[HF_SA_COMPLETED] = HF_SA_##completed, [HF_SA_FAILED] = HF_SA_##failed, \
	[HF_SA_FORGOTTEN] = HF_SA_##forgotten, [HF_SA_TIMER] = HF_SA_##timer, [HF_SA_STOP] = HF_SA_##stop }

static const enum hf_sa_state expected[HF_SA_STATE_COUNT][HF_SA_EVENT_COUNT] = {
	[HF_SA_NO_SM] = ROW(SUBSCRIBING, NO_SM, NO_SM, NO_SM, NO_SM, NO_SM, NO_SM, STOPPED),
	[HF_SA_SUBSCRIBING] = ROW(SUBSCRIBING, NO_SM, SUBSCRIBING, SUBSCRIBED, BACKING_OFF, SUBSCRIBING, BACKING_OFF,
				  UNSUBSCRIBING),
	[HF_SA_BACKING_OFF] = ROW(SUBSCRIBING, NO_SM, BACKING_OFF, BACKING_OFF, BACKING_OFF, BACKING_OFF, SUBSCRIBING,
				  UNSUBSCRIBING),
	[HF_SA_SUBSCRIBED] = ROW(SUBSCRIBING, NO_SM, SUBSCRIBED, SUBSCRIBED, SUBSCRIBED, SUBSCRIBED, CHECKING,
				 UNSUBSCRIBING),
	[HF_SA_CHECKING] = ROW(SUBSCRIBING, NO_SM, SUBSCRIBED, SUBSCRIBING, SUBSCRIBING, SUBSCRIBING, SUBSCRIBING,
			       UNSUBSCRIBING),
	[HF_SA_UNSUBSCRIBING] = ROW(UNSUBSCRIBING, STOPPED, UNSUBSCRIBING, STOPPED, STOPPED, UNSUBSCRIBING, STOPPED,
				    UNSUBSCRIBING),
	[HF_SA_STOPPED] = ROW(STOPPED, STOPPED, STOPPED, STOPPED, STOPPED, STOPPED, STOPPED, STOPPED),
};

START_TEST(every_cell)
{
	enum hf_sa_state state = _i / HF_SA_EVENT_COUNT;
	enum hf_sa_event event = _i % HF_SA_EVENT_COUNT;

	reach(state);
	cause(state, event);
	ck_assert_msg(hf_sa_client_state(sa.client) == expected[state][event], "%s on event %d: %s, not %s",
		      hf_sa_state_name(state), event, hf_sa_state_name(hf_sa_client_state(sa.client)),
		      hf_sa_state_name(expected[state][event]));
}
END_TEST

enum query_cause { WANT, ANSWER, REFUSE, TIME_PASSES, SM_GOES, QUERY_CAUSE_COUNT };

static void reach_query(enum hf_sa_query_state state)
{
	fake_settle(&sa);
	if (state == HF_SA_QUERY_IDLE)
		return;
	hf_sa_client_want_query(sa.client, sa.now_ns);
	if (state == HF_SA_QUERY_STALE)
		hf_sa_client_want_query(sa.client, sa.now_ns);
	if (state == HF_SA_QUERY_BACKING_OFF)
		fake_time_out(&sa, last_query());
	ck_assert_int_eq(hf_sa_client_query_state(sa.client), state);
}

static void cause_query(enum hf_sa_query_state state, enum query_cause what)
{
	switch (what) {
	case WANT:
		hf_sa_client_want_query(sa.client, sa.now_ns);
		break;
	case ANSWER:
		if (state != HF_SA_QUERY_IDLE)
			fake_answer_table(&sa, 2, 3);
		break;
	case REFUSE:
		if (state != HF_SA_QUERY_IDLE)
			fake_answer(&sa, last_query(), HF_SA_STATUS_NO_RESOURCES);
		break;
	case TIME_PASSES:
		if (state != HF_SA_QUERY_IDLE) {
			sa.now_ns = hf_sa_client_deadline_ns(sa.client);
			hf_sa_client_handle_timer(sa.client, sa.now_ns);
		}
		break;
	case SM_GOES:
		sa.port.sm_lid = 0;
		fake_tell_port(&sa);
		break;
	case QUERY_CAUSE_COUNT:
		break;
	}
}

#define QUERY_ROW(want, answer, refuse, time, sm) { \
	[WANT] = HF_SA_QUERY_##want, [ANSWER] = HF_SA_QUERY_##answer, [REFUSE] = HF_SA_QUERY_##refuse, \
	[TIME_PASSES] = HF_SA_QUERY_##time, [SM_GOES] = HF_SA_QUERY_##sm }

static const enum hf_sa_query_state query_expected[HF_SA_QUERY_STATE_COUNT][QUERY_CAUSE_COUNT] = {
	[HF_SA_QUERY_IDLE] = QUERY_ROW(RUNNING, IDLE, IDLE, IDLE, IDLE),
	[HF_SA_QUERY_RUNNING] = QUERY_ROW(STALE, IDLE, BACKING_OFF, BACKING_OFF, IDLE),
	[HF_SA_QUERY_STALE] = QUERY_ROW(STALE, RUNNING, BACKING_OFF, BACKING_OFF, IDLE),
	[HF_SA_QUERY_BACKING_OFF] = QUERY_ROW(RUNNING, BACKING_OFF, BACKING_OFF, RUNNING, IDLE),
};

START_TEST(every_cell_of_the_query)
{
	enum hf_sa_query_state state = _i / QUERY_CAUSE_COUNT;
	enum query_cause what = _i % QUERY_CAUSE_COUNT;

	reach_query(state);
	cause_query(state, what);
	ck_assert_msg(hf_sa_client_query_state(sa.client) == query_expected[state][what], "%s on %d: %s, not %s",
		      hf_sa_query_state_name(state), what,
		      hf_sa_query_state_name(hf_sa_client_query_state(sa.client)),
		      hf_sa_query_state_name(query_expected[state][what]));
}
END_TEST

START_TEST(subscribes_to_both_traps_then_asks_for_the_table)
{
	const struct hf_inform_info *info;
	const struct hf_path_record *path;

	fake_tell_port(&sa);
	ck_assert_uint_eq(sa.sent_count, 1);
	ck_assert_uint_eq(sa.sent[0].to.lid, FAKE_SM_LID);
	ck_assert_uint_eq(sa.sent[0].to.qpn, 1);
	info = (const struct hf_inform_info *)last_subscription()->data;
	ck_assert_uint_eq(be16toh(info->trap_num), HF_TRAP_REPATH);
	ck_assert_uint_eq(info->subscribe, 1);

	fake_answer(&sa, last_subscription(), 0);
	ck_assert_uint_eq(sa.sent_count, 2);
	info = (const struct hf_inform_info *)last_subscription()->data;
	ck_assert_uint_eq(be16toh(info->trap_num), HF_TRAP_UNPATH);
	ck_assert_uint_eq(query_count(), 0);

	fake_answer(&sa, last_subscription(), 0);
	ck_assert_uint_eq(sa.subscribed, 2);
	ck_assert_uint_eq(query_count(), 1);
	ck_assert_uint_eq(be64toh(last_query()->comp_mask), HF_PR_COMP_SGID | HF_PR_COMP_NUMB_PATH);
	path = (const struct hf_path_record *)last_query()->data;
	ck_assert_mem_eq(&path->sgid, &sa.port.gid, sizeof(path->sgid));
	ck_assert_uint_eq(path->num_path, 1);
	ck_assert(hf_sa_client_is_busy(sa.client));

	fake_answer_table(&sa, 2, 100);
	ck_assert_uint_eq(sa.tables, 1);
	ck_assert_uint_eq(sa.table_paths, 100);
	ck_assert(!hf_sa_client_is_busy(sa.client));
}
END_TEST

START_TEST(unsubscribes_from_both_traps)
{
	const struct hf_inform_info *info;

	fake_settle(&sa);
	hf_sa_client_stop(sa.client, sa.now_ns);
	info = (const struct hf_inform_info *)last_subscription()->data;
	ck_assert_uint_eq(info->subscribe, 0);
	ck_assert_uint_eq(be16toh(info->trap_num), HF_TRAP_REPATH);
	fake_answer(&sa, last_subscription(), 0);
	info = (const struct hf_inform_info *)last_subscription()->data;
	ck_assert_uint_eq(info->subscribe, 0);
	ck_assert_uint_eq(be16toh(info->trap_num), HF_TRAP_UNPATH);
	fake_answer(&sa, last_subscription(), 0);
	ck_assert_int_eq(hf_sa_client_state(sa.client), HF_SA_STOPPED);
	ck_assert_uint_eq(hf_sa_client_deadline_ns(sa.client), UINT64_MAX);
}
END_TEST

/* A deaf SM: tries grow rarer, at least every 10 s and never more often than every 50 ms. */
START_TEST(retries_a_lost_subscription_with_back_off)
{
	uint64_t gap_ns = 0;

	fake_tell_port(&sa);
	for (int i = 0; i < 20; i++) {
		uint64_t failed_ns = sa.now_ns;

		fake_time_out(&sa, last_subscription());
		ck_assert_int_eq(hf_sa_client_state(sa.client), HF_SA_BACKING_OFF);
		gap_ns = hf_sa_client_deadline_ns(sa.client) - failed_ns;
		ck_assert_uint_ge(gap_ns, 50000000);
		ck_assert_uint_le(gap_ns, 10000000000);
		sa.now_ns += gap_ns;
		hf_sa_client_handle_timer(sa.client, sa.now_ns);
		ck_assert_int_eq(hf_sa_client_state(sa.client), HF_SA_SUBSCRIBING);
	}
	ck_assert_uint_ge(gap_ns, 5000000000);
	ck_assert_uint_eq(subscription_count(), 21);
}
END_TEST

START_TEST(survives_a_kernel_that_reports_no_timeout)
{
	fake_tell_port(&sa);
	fake_advance_ms(&sa, 1900);
	ck_assert_uint_eq(subscription_count(), 1);
	fake_advance_ms(&sa, 300);
	ck_assert_uint_eq(subscription_count(), 2);
}
END_TEST

START_TEST(backs_off_when_nothing_can_be_sent)
{
	sa.send_error = -EAGAIN;
	fake_tell_port(&sa);
	ck_assert_int_eq(hf_sa_client_state(sa.client), HF_SA_BACKING_OFF);
	sa.send_error = 0;
	fake_advance_ms(&sa, 200);
	ck_assert_uint_eq(subscription_count(), 1);
}
END_TEST

START_TEST(repeats_a_lost_query_with_a_longer_timeout)
{
	int timeout_ms = 0;

	fake_settle(&sa);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	for (int i = 0; i < 8; i++) {
		ck_assert_int_ge(sa.sent[sa.sent_count - 1].timeout_ms, timeout_ms);
		timeout_ms = sa.sent[sa.sent_count - 1].timeout_ms;
		fake_time_out(&sa, last_query());
		sa.now_ns = hf_sa_client_deadline_ns(sa.client);
		while (hf_sa_client_query_state(sa.client) == HF_SA_QUERY_BACKING_OFF) {
			hf_sa_client_handle_timer(sa.client, sa.now_ns);
			if (hf_sa_client_state(sa.client) == HF_SA_CHECKING)
				fake_answer_check(&sa, both_traps, 2);
			if (hf_sa_client_query_state(sa.client) == HF_SA_QUERY_BACKING_OFF)
				sa.now_ns = hf_sa_client_deadline_ns(sa.client);
		}
	}
	ck_assert_int_eq(timeout_ms, 60000);
	ck_assert_uint_eq(sa.query_failures, 8);
	fake_answer_table(&sa, 2, 3);
	ck_assert_uint_eq(sa.tables, 1);

	hf_sa_client_want_query(sa.client, sa.now_ns);
	ck_assert_int_eq(sa.sent[sa.sent_count - 1].timeout_ms, 2000);
}
END_TEST

START_TEST(answers_a_report_with_its_echo)
{
	struct hf_path_record path = fake_path(1, 2);
	const struct hf_sa_mad *answer;
	const struct hf_repath_notice *notice;

	fake_settle(&sa);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, ONE_PATH, &path);
	answer = fake_last(&sa, HF_METHOD_REPORT_RESP, HF_ATTR_NOTICE);
	ck_assert_uint_eq(be64toh(answer->hdr.tid), 0xabcdef);
	notice = (const struct hf_repath_notice *)answer->data;
	ck_assert_uint_eq(be16toh(notice->trap_num), HF_TRAP_REPATH);
	ck_assert_mem_eq(&notice->path, &path, sizeof(path));
	ck_assert_int_eq(sa.sent[0].timeout_ms, 0);
	ck_assert_uint_eq(sa.sent[0].to.lid, FAKE_SM_LID);
}
END_TEST

/* ib_umad would take an answer with RMPP flags for the first segment of a transfer. */
START_TEST(answers_without_rmpp_whatever_the_report_says)
{
	struct hf_sa_mad report;

	fake_settle(&sa);
	hf_sa_mad_init(&report, HF_METHOD_REPORT, HF_ATTR_NOTICE, 1);
	memset(&report.rmpp, 0xff, sizeof(report.rmpp));
	report.hdr.status = htobe16(HF_SA_STATUS_DENIED);
	fake_receive(&sa, FAKE_SM_LID, &report, sizeof(report));
	ck_assert_uint_eq(fake_last(&sa, HF_METHOD_REPORT_RESP, HF_ATTR_NOTICE)->rmpp.rtime_flags, 0);
	ck_assert_uint_eq(fake_last(&sa, HF_METHOD_REPORT_RESP, HF_ATTR_NOTICE)->hdr.status, 0);
}
END_TEST

START_TEST(answers_reports_in_every_state_with_an_sm)
{
	fake_tell_port(&sa);
	fake_forget(&sa);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, 0, NULL);
	ck_assert_uint_eq(fake_count(&sa, HF_METHOD_REPORT_RESP, HF_ATTR_NOTICE), 1);
	ck_assert_uint_eq(query_count(), 0);
}
END_TEST

START_TEST(answers_other_traps_and_does_nothing_else)
{
	fake_settle(&sa);
	fake_report(&sa, FAKE_SM_LID, 64, 0, NULL);
	ck_assert_uint_eq(sa.sent_count, 1);
	ck_assert_uint_eq(fake_count(&sa, HF_METHOD_REPORT_RESP, HF_ATTR_NOTICE), 1);
	ck_assert_uint_eq(hf_sa_client_counters(sa.client)->reports_other, 1);
}
END_TEST

START_TEST(ignores_reports_that_are_not_from_the_sm)
{
	fake_settle(&sa);
	fake_report(&sa, FAKE_SM_LID + 1, HF_TRAP_REPATH, 0, NULL);
	ck_assert_uint_eq(sa.sent_count, 0);
	ck_assert_uint_eq(hf_sa_client_counters(sa.client)->mads_dropped, 1);
}
END_TEST

START_TEST(a_wildcard_leads_to_one_query)
{
	fake_settle(&sa);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, 0, NULL);
	ck_assert_uint_eq(query_count(), 1);
	ck_assert_uint_eq(sa.repaths, 0);
	fake_answer_table(&sa, 2, 5);
	ck_assert_uint_eq(sa.tables, 1);
	ck_assert(!hf_sa_client_is_busy(sa.client));
}
END_TEST

/* Duplicates come when an answer of ours was lost; a burst comes when links fail one after the other. */
START_TEST(a_burst_leads_to_one_further_query)
{
	fake_settle(&sa);
	for (int i = 0; i < 20; i++)
		fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, 0, NULL);
	ck_assert_uint_eq(fake_count(&sa, HF_METHOD_REPORT_RESP, HF_ATTR_NOTICE), 20);
	ck_assert_uint_eq(query_count(), 1);
	fake_answer_table(&sa, 2, 5);
	ck_assert_uint_eq(query_count(), 2);
	fake_answer_table(&sa, 2, 5);
	ck_assert_uint_eq(query_count(), 2);
	ck_assert(!hf_sa_client_is_busy(sa.client));
}
END_TEST

/* The attempts of one Report differ in their transaction ids only. */
START_TEST(a_repeated_report_is_answered_and_no_more)
{
	struct hf_sa_mad report;
	union hf_gid sm_gid = fake_gid(0);
	struct hf_repath_notice *notice = (struct hf_repath_notice *)report.data;

	fake_settle(&sa);
	hf_sa_mad_init(&report, HF_METHOD_REPORT, HF_ATTR_NOTICE, UINT64_C(0x1700000010));
	hf_repath_notice_init(notice, HF_TRAP_REPATH, FAKE_SM_LID, &sm_gid, 0, NULL, false);
	notice->toggle_count = htobe16(7);
	fake_receive(&sa, FAKE_SM_LID, &report, sizeof(report));
	ck_assert_uint_eq(query_count(), 1);
	report.hdr.tid = htobe64(UINT64_C(0x1700000011));
	fake_receive(&sa, FAKE_SM_LID, &report, sizeof(report));
	fake_answer_table(&sa, 2, 5);
	fake_receive(&sa, FAKE_SM_LID, &report, sizeof(report));
	ck_assert_uint_eq(fake_count(&sa, HF_METHOD_REPORT_RESP, HF_ATTR_NOTICE), 3);
	ck_assert_uint_eq(hf_sa_client_counters(sa.client)->reports_repeated, 2);
	ck_assert_uint_eq(query_count(), 1);

	/* Neither the next count nor the same count from another agent, after the SM was restarted, is a repetition. */
	notice->toggle_count = htobe16(8);
	fake_receive(&sa, FAKE_SM_LID, &report, sizeof(report));
	ck_assert_uint_eq(query_count(), 2);
	fake_answer_table(&sa, 2, 5);
	report.hdr.tid = htobe64(UINT64_C(0x1800000011));
	fake_receive(&sa, FAKE_SM_LID, &report, sizeof(report));
	ck_assert_uint_eq(query_count(), 3);
}
END_TEST

START_TEST(takes_the_record_from_the_trap)
{
	struct hf_path_record path = fake_path(1, 3);

	path.qos_class_sl = htobe16(5);
	fake_settle(&sa);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, ONE_PATH, &path);
	ck_assert_uint_eq(sa.repaths, 1);
	ck_assert_mem_eq(&sa.last_path, &path, sizeof(path));
	ck_assert_uint_eq(query_count(), 0);
}
END_TEST

START_TEST(asks_where_the_record_is_only_a_pattern)
{
	struct hf_path_record without_lid = fake_path(1, 3), without_mtu = fake_path(1, 3);

	without_lid.dlid = 0;
	without_mtu.mtu = 0;
	fake_settle(&sa);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, ONE_PATH, &without_lid);
	ck_assert_uint_eq(query_count(), 1);
	fake_answer_table(&sa, 2, 3);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, ONE_PATH, &without_mtu);
	ck_assert_uint_eq(query_count(), 2);
	ck_assert_uint_eq(sa.repaths, 0);
}
END_TEST

START_TEST(asks_where_the_trap_means_all_paths_to_a_destination)
{
	struct hf_path_record path = fake_path(2, 3);

	fake_settle(&sa);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, HF_PR_COMP_DGID, &path);
	ck_assert_uint_eq(sa.repaths, 0);
	ck_assert_uint_eq(query_count(), 1);
}
END_TEST

START_TEST(asks_where_the_owner_cannot_keep_the_record)
{
	struct hf_path_record path = fake_path(1, 3);

	fake_settle(&sa);
	sa.repath_error = -ENOSPC;
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, ONE_PATH, &path);
	ck_assert_uint_eq(query_count(), 1);
}
END_TEST

/* The other end of a path is told, too, but its own connections do not use that path. */
START_TEST(leaves_paths_of_other_ports_alone)
{
	struct hf_path_record path = fake_path(3, 1);

	fake_settle(&sa);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, ONE_PATH, &path);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_UNPATH, ONE_PATH, &path);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, HF_PR_COMP_SLID, &path);
	ck_assert_uint_eq(sa.repaths + sa.unpaths, 0);
	ck_assert_uint_eq(query_count(), 0);
	ck_assert_uint_eq(fake_count(&sa, HF_METHOD_REPORT_RESP, HF_ATTR_NOTICE), 3);
}
END_TEST

/* The table may have been made before the trap was sent and must not have the last word. */
START_TEST(asks_again_when_a_record_overtakes_a_table)
{
	struct hf_path_record path = fake_path(1, 3);

	fake_settle(&sa);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, ONE_PATH, &path);
	fake_answer_table(&sa, 2, 5);
	ck_assert_uint_eq(query_count(), 2);
}
END_TEST

START_TEST(tells_of_lost_paths)
{
	struct hf_path_record path = fake_path(1, 3);

	fake_settle(&sa);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_UNPATH, ONE_PATH, &path);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_UNPATH, HF_PR_COMP_DGID, &path);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_UNPATH, 0, NULL);
	ck_assert_uint_eq(sa.unpaths, 3);
	ck_assert_uint_eq(query_count(), 0);
	ck_assert_uint_eq(hf_sa_client_counters(sa.client)->reports_unpath, 3);
}
END_TEST

START_TEST(subscribes_again_with_another_sm)
{
	fake_settle(&sa);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	fake_forget(&sa);
	sa.port.sm_lid = FAKE_SM_LID + 1;
	fake_tell_port(&sa);
	ck_assert_uint_eq(subscription_count(), 1);
	ck_assert_uint_eq(sa.sent[0].to.lid, FAKE_SM_LID + 1);
	ck_assert_int_eq(hf_sa_client_query_state(sa.client), HF_SA_QUERY_IDLE);

	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, 0, NULL);
	ck_assert_uint_eq(fake_count(&sa, HF_METHOD_REPORT_RESP, HF_ATTR_NOTICE), 0);
}
END_TEST

START_TEST(does_nothing_while_the_port_stays_what_it_is)
{
	fake_settle(&sa);
	fake_tell_port(&sa);
	ck_assert_uint_eq(sa.sent_count, 0);
}
END_TEST

/* An SM restarted at the same LID: the check finds no subscription, and the table may be another. */
START_TEST(subscribes_again_when_the_sm_forgot)
{
	const struct hf_inform_info_record *record;

	fake_settle(&sa);
	fake_advance_ms(&sa, 10000);
	record = (const struct hf_inform_info_record *)
			 fake_last(&sa, HF_METHOD_GET_TABLE, HF_ATTR_INFORM_INFO_RECORD)->data;
	ck_assert_mem_eq(&record->subscriber_gid, &sa.port.gid, sizeof(sa.port.gid));
	fake_answer_check(&sa, NULL, 0);
	fake_answer(&sa, last_subscription(), 0);
	fake_answer(&sa, last_subscription(), 0);
	ck_assert_int_eq(hf_sa_client_state(sa.client), HF_SA_SUBSCRIBED);
	ck_assert_uint_eq(query_count(), 1);
}
END_TEST

/* Records may be older than a Report that did not arrive. Yet who sends records sends all of them. */
START_TEST(checks_at_its_interval_and_asks_for_records_ever_more_seldom)
{
	fake_settle(&sa);
	for (int i = 1; i <= 200; i++) {
		bool is_due = i == 1 || i == 2 || i == 4 || i == 8 || i == 16 || i == 32 || i == 64 || i == 128 || i == 192;

		fake_forget(&sa);
		fake_advance_ms(&sa, 10000);
		ck_assert_uint_eq(fake_count(&sa, HF_METHOD_GET_TABLE, HF_ATTR_INFORM_INFO_RECORD), 1);
		ck_assert_int_eq(sa.sent[sa.sent_count - 1].retries, 2);
		fake_answer_check(&sa, both_traps, 2);
		ck_assert_uint_eq(query_count(), is_due);
		if (is_due)
			fake_answer_table(&sa, 2, 3);
		ck_assert_uint_eq(sa.sent_count, 1 + is_due);
	}
}
END_TEST

/* What no SM should send. Nothing may reach the owner, and the query is repeated. */
static void expect_bad_table(const void *mad, size_t len)
{
	fake_receive(&sa, FAKE_SM_LID, mad, len);
	ck_assert_uint_eq(sa.tables, 0);
	ck_assert_int_eq(hf_sa_client_query_state(sa.client), HF_SA_QUERY_BACKING_OFF);
}

static struct hf_sa_mad table_headers(unsigned int attr_offset)
{
	struct hf_sa_mad headers = *last_query();

	headers.hdr.method = HF_METHOD_GET_TABLE_RESP;
	headers.attr_offset = htobe16(attr_offset);
	return headers;
}

static const struct {
	unsigned int attr_offset;
	size_t data_bytes;
} bad_tables[] = {
	{ 0, 64 }, { 7, 56 }, { 8, 63 }, { 8, 65 }, { 8, 1 }, { 9, 64 }, { 0xffff, 64 }, { 8, 0 }, { 1, 200 },
};

START_TEST(refuses_tables_that_are_none)
{
	struct hf_sa_mad mad;

	fake_settle(&sa);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	mad = table_headers(bad_tables[_i].attr_offset);
	expect_bad_table(&mad, offsetof(struct hf_sa_mad, data) + bad_tables[_i].data_bytes);
}
END_TEST

START_TEST(takes_records_that_are_longer_than_known)
{
	uint8_t mad[sizeof(struct hf_sa_mad) + 144] = { 0 };
	struct hf_path_record path = fake_path(1, 9);
	struct hf_sa_mad headers;

	fake_settle(&sa);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	headers = table_headers(9);
	memcpy(mad, &headers, sizeof(headers));
	memcpy(mad + 56, &path, sizeof(path));
	memcpy(mad + 56 + 72, &path, sizeof(path));
	fake_receive(&sa, FAKE_SM_LID, mad, 56 + 144);
	ck_assert_uint_eq(sa.table_paths, 2);
	ck_assert_mem_eq(&sa.last_path, &path, sizeof(path));
}
END_TEST

START_TEST(skips_records_of_other_ports)
{
	struct hf_path_record own = fake_path(1, 2), foreign = fake_path(2, 3);
	uint8_t mad[56 + 128];
	struct hf_sa_mad headers;

	fake_settle(&sa);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	headers = table_headers(8);
	memcpy(mad, &headers, 56);
	memcpy(mad + 56, &foreign, 64);
	memcpy(mad + 120, &own, 64);
	fake_receive(&sa, FAKE_SM_LID, mad, sizeof(mad));
	ck_assert_uint_eq(sa.table_paths, 1);
	ck_assert_mem_eq(&sa.last_path, &own, sizeof(own));
	ck_assert_uint_eq(hf_sa_client_counters(sa.client)->records_refused, 1);
}
END_TEST

static void set_class(struct hf_sa_mad *mad) { mad->hdr.mgmt_class = 4; }
static void set_base(struct hf_sa_mad *mad) { mad->hdr.base_version = 2; }
static void set_version(struct hf_sa_mad *mad) { mad->hdr.class_version = 1; }
static void set_tid(struct hf_sa_mad *mad) { mad->hdr.tid ^= htobe64(1); }
static void set_attribute(struct hf_sa_mad *mad) { mad->hdr.attr_id = htobe16(HF_ATTR_NODE_RECORD); }
static void set_request(struct hf_sa_mad *mad) { mad->hdr.method = HF_METHOD_GET_TABLE; }

static void (*const spoilers[])(struct hf_sa_mad *mad) = {
	set_class, set_base, set_version, set_tid, set_attribute, set_request,
};

START_TEST(drops_what_is_no_answer)
{
	struct hf_sa_mad mad;

	fake_settle(&sa);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	mad = table_headers(8);
	spoilers[_i](&mad);
	fake_receive(&sa, FAKE_SM_LID, &mad, 56 + 64);
	ck_assert_uint_eq(sa.tables, 0);
	ck_assert_uint_eq(hf_sa_client_counters(sa.client)->mads_dropped, 1);
	ck_assert_int_eq(hf_sa_client_query_state(sa.client), HF_SA_QUERY_RUNNING);
}
END_TEST

START_TEST(drops_answers_from_elsewhere)
{
	struct hf_sa_mad mad;

	fake_settle(&sa);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	mad = table_headers(8);
	fake_receive(&sa, FAKE_SM_LID + 1, &mad, 56 + 64);
	ck_assert_uint_eq(sa.tables, 0);
	ck_assert_int_eq(hf_sa_client_query_state(sa.client), HF_SA_QUERY_RUNNING);
}
END_TEST

/* Every length from nothing to a whole MAD, as each kind that is looked at. */
START_TEST(bears_every_length)
{
	static const uint8_t methods[] = { HF_METHOD_REPORT, HF_METHOD_GET_TABLE_RESP, HF_METHOD_GET_RESP };
	struct hf_sa_mad mad;

	fake_settle(&sa);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	for (size_t m = 0; m < sizeof(methods); m++) {
		hf_sa_mad_init(&mad, methods[m], HF_ATTR_NOTICE, 1);
		for (size_t len = 0; len < HF_MAD_SIZE; len++) {
			uint8_t *exact = malloc(len ? len : 1);

			memcpy(exact, &mad, len);
			fake_receive(&sa, FAKE_SM_LID, exact, len);
			free(exact);
		}
	}
	ck_assert_uint_eq(hf_sa_client_counters(sa.client)->mads_dropped, 3 * HF_MAD_SIZE);
	ck_assert_uint_eq(fake_count(&sa, HF_METHOD_REPORT_RESP, HF_ATTR_NOTICE), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sa_client");
	TCase *tcase = tcase_create("sa_client");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, every_cell, 0, HF_SA_STATE_COUNT * HF_SA_EVENT_COUNT);
	tcase_add_loop_test(tcase, every_cell_of_the_query, 0, HF_SA_QUERY_STATE_COUNT * QUERY_CAUSE_COUNT);
	tcase_add_test(tcase, subscribes_to_both_traps_then_asks_for_the_table);
	tcase_add_test(tcase, unsubscribes_from_both_traps);
	tcase_add_test(tcase, retries_a_lost_subscription_with_back_off);
	tcase_add_test(tcase, survives_a_kernel_that_reports_no_timeout);
	tcase_add_test(tcase, backs_off_when_nothing_can_be_sent);
	tcase_add_test(tcase, repeats_a_lost_query_with_a_longer_timeout);
	tcase_add_test(tcase, answers_a_report_with_its_echo);
	tcase_add_test(tcase, answers_without_rmpp_whatever_the_report_says);
	tcase_add_test(tcase, answers_reports_in_every_state_with_an_sm);
	tcase_add_test(tcase, answers_other_traps_and_does_nothing_else);
	tcase_add_test(tcase, ignores_reports_that_are_not_from_the_sm);
	tcase_add_test(tcase, a_wildcard_leads_to_one_query);
	tcase_add_test(tcase, a_burst_leads_to_one_further_query);
	tcase_add_test(tcase, a_repeated_report_is_answered_and_no_more);
	tcase_add_test(tcase, takes_the_record_from_the_trap);
	tcase_add_test(tcase, asks_where_the_record_is_only_a_pattern);
	tcase_add_test(tcase, asks_where_the_trap_means_all_paths_to_a_destination);
	tcase_add_test(tcase, asks_where_the_owner_cannot_keep_the_record);
	tcase_add_test(tcase, leaves_paths_of_other_ports_alone);
	tcase_add_test(tcase, asks_again_when_a_record_overtakes_a_table);
	tcase_add_test(tcase, tells_of_lost_paths);
	tcase_add_test(tcase, subscribes_again_with_another_sm);
	tcase_add_test(tcase, does_nothing_while_the_port_stays_what_it_is);
	tcase_add_test(tcase, subscribes_again_when_the_sm_forgot);
	tcase_add_test(tcase, checks_at_its_interval_and_asks_for_records_ever_more_seldom);
	tcase_add_loop_test(tcase, refuses_tables_that_are_none, 0, sizeof(bad_tables) / sizeof(bad_tables[0]));
	tcase_add_test(tcase, takes_records_that_are_longer_than_known);
	tcase_add_test(tcase, skips_records_of_other_ports);
	tcase_add_loop_test(tcase, drops_what_is_no_answer, 0, sizeof(spoilers) / sizeof(spoilers[0]));
	tcase_add_test(tcase, drops_answers_from_elsewhere);
	tcase_add_test(tcase, bears_every_length);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
