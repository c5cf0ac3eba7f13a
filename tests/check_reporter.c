/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The reporter in simulated time: hosts that answer after a while, or never, or from an attempt on. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "plugin/reporter.h"

#define MS		UINT64_C(1000000)
#define MAX_HOSTS	1024
#define MAX_SENT	65536
#define NEVER		UINT64_MAX

struct host {
	uint64_t rtt_ns;	/* NEVER: dead */
	int deaf_attempts;	/* attempts of each report that get lost on the way */
};

struct sent {
	uint64_t at_ns, answer_ns;
	uint16_t lid;
	uint32_t tid;
	int attempt;
	struct hf_report report;
};

static struct hf_reporter_config config;
static struct hf_reporter *reporter;
static struct host hosts[MAX_HOSTS];
static struct sent *sent;
static size_t n_sent;
static size_t ends[HF_REPORT_FORGOTTEN + 1];
static uint64_t acked_ns[MAX_HOSTS];	/* when the host's last report was answered */
static long added;
static uint64_t now_ns;
static int busy_sends;			/* how many sends find no room */

static int send_mad(void *ctx, const struct hf_mad_addr *to, const struct hf_report *report, uint32_t tid,
		    int attempt)
{
	const struct host *host = &hosts[to->lid];

	(void)ctx;
	if (busy_sends) {
		busy_sends--;
		return -EAGAIN;
	}
	ck_assert_uint_lt(n_sent, MAX_SENT);
	sent[n_sent++] = (struct sent) {
		.at_ns = now_ns,
		.answer_ns = host->rtt_ns == NEVER || attempt < host->deaf_attempts ? NEVER : now_ns + host->rtt_ns,
		.lid = to->lid, .tid = tid, .attempt = attempt, .report = *report,
	};
	return 0;
}

static void count_end(void *ctx, const struct hf_mad_addr *to, const struct hf_report *report,
		      enum hf_report_end end, uint32_t tid, uint64_t ns)
{
	(void)ctx;
	(void)report;
	(void)tid;
	(void)ns;
	ends[end]++;
	added--;
	if (end == HF_REPORT_ACKED)
		acked_ns[to->lid] = now_ns;
}

static void count_added(void *ctx, const struct hf_report *report)
{
	(void)ctx;
	(void)report;
	added++;
}

static const struct hf_reporter_ops ops = { .added = count_added, .send = send_mad, .done = count_end };

static void start(void)
{
	ck_assert_int_eq(hf_reporter_new(&config, &ops, NULL, UINT32_MAX - 3, &reporter), 0);
}

static void setup(void)
{
	config = (struct hf_reporter_config) {
		.window = 8, .per_subscriber = 1, .pace_ms = 10, .timeout_ms = 100, .retries = 3,
		.backoff = HF_BACKOFF_EXPONENTIAL, .queue_max = 100,
	};
	sent = calloc(MAX_SENT, sizeof(*sent));
	ck_assert_ptr_nonnull(sent);
	for (int i = 0; i < MAX_HOSTS; i++)
		hosts[i].rtt_ns = MS;
	now_ns = 1000 * MS;
}

static void teardown(void)
{
	hf_reporter_free(reporter);
	free(sent);
}

static struct hf_subscriber subscriber(uint16_t lid)
{
	return (struct hf_subscriber) {
		.addr = { .lid = lid, .qpn = 1 }, .hears = HF_HEARS_UNPATH | HF_HEARS_REPATH,
	};
}

static void add(uint16_t lid, uint16_t trap_num, uint64_t comp_mask, uint64_t epoch)
{
	const struct hf_subscriber to = subscriber(lid);
	const struct hf_report report = { .epoch = epoch, .trap_num = trap_num, .comp_mask = comp_mask };

	ck_assert_int_eq(hf_reporter_add(reporter, &to, &report), 0);
}

static void add_wildcard(uint16_t lid, uint64_t epoch)
{
	add(lid, HF_TRAP_REPATH, 0, epoch);
}

static void add_path(uint16_t lid, uint64_t epoch)
{
	add(lid, HF_TRAP_REPATH, HF_PR_COMP_SGID | HF_PR_COMP_DGID, epoch);
}

static struct sent *next_answer(void)
{
	struct sent *next = NULL;

	for (size_t i = 0; i < n_sent; i++)
		if (sent[i].answer_ns != NEVER && (!next || sent[i].answer_ns < next->answer_ns))
			next = &sent[i];
	return next;
}

/* Runs until nothing is left to happen before @until_ns. */
static void run_until(uint64_t until_ns)
{
	for (;;) {
		struct sent *answer;
		uint64_t deadline;

		hf_reporter_run(reporter, now_ns);
		answer = next_answer();
		deadline = hf_reporter_deadline(reporter);
		ck_assert_msg(deadline == NEVER || deadline > now_ns, "a deadline that is past turns in circles");
		if (answer && answer->answer_ns <= deadline && answer->answer_ns <= until_ns) {
			now_ns = answer->answer_ns;
			answer->answer_ns = NEVER;
			hf_reporter_answer(reporter, answer->lid, answer->tid, now_ns);
		} else if (deadline <= until_ns && deadline != NEVER) {
			now_ns = deadline;
		} else {
			break;
		}
	}
	if (until_ns != NEVER)
		now_ns = until_ns;
}

static void run_to_end(void)
{
	run_until(NEVER);
	ck_assert_uint_eq(hf_reporter_pending(reporter), 0);
	ck_assert_int_eq(added, 0);
}

/* The most MADs sent within any pace_ms that were not answered meanwhile, which must not exceed the window. */
static size_t widest(uint64_t rtt_ns)
{
	size_t widest = 0;
	uint64_t held_ns = rtt_ns < config.pace_ms * MS ? rtt_ns : config.pace_ms * MS;

	for (size_t i = 0; i < n_sent; i++) {
		size_t count = 0;

		for (size_t j = i; j < n_sent && sent[j].at_ns < sent[i].at_ns + held_ns; j++)
			count++;
		if (count > widest)
			widest = count;
	}
	return widest;
}

START_TEST(everyone_is_told_once)
{
	start();
	for (uint16_t lid = 1; lid <= 500; lid++)
		add_wildcard(lid, 1);
	run_to_end();
	ck_assert_uint_eq(n_sent, 500);
	ck_assert_uint_eq(ends[HF_REPORT_ACKED], 500);
	ck_assert_uint_eq(widest(MS), 8);
	/* 8 at a time, 1 ms each */
	ck_assert_uint_eq(now_ns, 1063 * MS);
}
END_TEST

START_TEST(window_holds_among_the_dead)
{
	for (int i = 0; i < MAX_HOSTS; i++)
		hosts[i].rtt_ns = NEVER;
	start();
	for (uint16_t lid = 1; lid <= 100; lid++)
		add_wildcard(lid, 1);
	run_to_end();
	ck_assert_uint_eq(n_sent, 100 * 4);
	ck_assert_uint_eq(ends[HF_REPORT_TIMED_OUT], 100);
	ck_assert_uint_eq(widest(NEVER), 8);
}
END_TEST

/* Ten dead hosts in front, a window of one: the living wait 10 times pace_ms, not 10 times all timeouts. */
START_TEST(dead_subscribers_delay_no_other)
{
	config.window = 1;
	for (uint16_t lid = 1; lid <= 10; lid++)
		hosts[lid].rtt_ns = NEVER;
	start();
	for (uint16_t lid = 1; lid <= 20; lid++)
		add_wildcard(lid, 1);
	run_to_end();
	ck_assert_uint_eq(ends[HF_REPORT_ACKED], 10);
	ck_assert_uint_eq(ends[HF_REPORT_TIMED_OUT], 10);
	for (uint16_t lid = 11; lid <= 20; lid++)
		ck_assert_uint_le(acked_ns[lid], 1000 * MS + 10 * 10 * MS + (lid - 10) * MS);
}
END_TEST

/* Who was silent last time is asked last, so next time the living do not wait for them at all. */
START_TEST(silent_subscribers_come_last)
{
	uint64_t second_ns;

	config.window = 1;
	for (uint16_t lid = 1; lid <= 10; lid++)
		hosts[lid].rtt_ns = NEVER;
	start();
	for (uint16_t lid = 1; lid <= 20; lid++)
		add_wildcard(lid, 1);
	run_until(60000 * MS);
	second_ns = now_ns;
	for (uint16_t lid = 1; lid <= 20; lid++)
		add_wildcard(lid, 2);
	run_to_end();
	for (uint16_t lid = 11; lid <= 20; lid++)
		ck_assert_uint_le(acked_ns[lid], second_ns + 10 * MS);
}
END_TEST

static void check_attempts(const uint64_t *at_ms, size_t count)
{
	ck_assert_uint_eq(n_sent, count);
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(sent[i].attempt, (int)i);
		ck_assert_uint_eq(sent[i].at_ns, (1000 + at_ms[i]) * MS);
		for (size_t j = 0; j < i; j++)
			ck_assert_uint_ne(sent[i].tid, sent[j].tid);
	}
}

START_TEST(retries_exponential)
{
	static const uint64_t at_ms[] = { 0, 100, 300, 700 };

	hosts[1].rtt_ns = NEVER;
	start();
	add_wildcard(1, 1);
	run_until(1000 * MS + 1499 * MS);
	ck_assert_uint_eq(ends[HF_REPORT_TIMED_OUT], 0);
	run_to_end();
	check_attempts(at_ms, 4);
	ck_assert_uint_eq(ends[HF_REPORT_TIMED_OUT], 1);
	ck_assert_int_eq(hf_reporter_lifetime_ms(&config), 1500);
}
END_TEST

START_TEST(retries_linear)
{
	static const uint64_t at_ms[] = { 0, 100, 300, 600 };

	config.backoff = HF_BACKOFF_LINEAR;
	hosts[1].rtt_ns = NEVER;
	start();
	add_wildcard(1, 1);
	run_to_end();
	check_attempts(at_ms, 4);
	ck_assert_int_eq(hf_reporter_lifetime_ms(&config), 1000);
}
END_TEST

START_TEST(answer_of_an_earlier_attempt_counts)
{
	hosts[1].rtt_ns = 250 * MS;
	start();
	add_wildcard(1, 1);
	run_to_end();
	/* Sent at 0 and 100 ms; the first one's answer at 250 ms ends it, the second one's is ignored. */
	ck_assert_uint_eq(n_sent, 2);
	ck_assert_uint_eq(ends[HF_REPORT_ACKED], 1);
	ck_assert_uint_eq(acked_ns[1], 1250 * MS);
}
END_TEST

START_TEST(lost_attempts_are_repeated)
{
	for (int i = 0; i < MAX_HOSTS; i++)
		hosts[i].deaf_attempts = i % 4;
	start();
	for (uint16_t lid = 1; lid <= 100; lid++)
		add_wildcard(lid, 1);
	run_to_end();
	ck_assert_uint_eq(ends[HF_REPORT_ACKED], 100);
}
END_TEST

START_TEST(attempts_have_one_notice_count)
{
	hosts[1].deaf_attempts = 1;
	start();
	add_wildcard(1, 1);
	run_to_end();
	add_wildcard(1, 2);
	run_to_end();
	ck_assert_uint_eq(n_sent, 4);
	ck_assert_uint_ne(sent[0].tid, sent[1].tid);
	ck_assert_uint_ne(sent[0].report.notice_count, 0);
	ck_assert_uint_eq(sent[0].report.notice_count, sent[1].report.notice_count);
	ck_assert_uint_ne(sent[1].report.notice_count, sent[2].report.notice_count);
	ck_assert_uint_eq(sent[2].report.notice_count, sent[3].report.notice_count);
}
END_TEST

START_TEST(foreign_answers_are_ignored)
{
	hosts[1].rtt_ns = NEVER;
	start();
	add_wildcard(1, 1);
	run_until(1001 * MS);
	hf_reporter_answer(reporter, 2, sent[0].tid, now_ns);		/* from elsewhere */
	hf_reporter_answer(reporter, 1, sent[0].tid + 1, now_ns);	/* of an attempt not made */
	hf_reporter_answer(reporter, 1, sent[0].tid ^ 0x100, now_ns);
	ck_assert_uint_eq(hf_reporter_pending(reporter), 1);
	hf_reporter_answer(reporter, 1, sent[0].tid, now_ns);
	hf_reporter_answer(reporter, 1, sent[0].tid, now_ns);		/* a duplicate */
	ck_assert_uint_eq(ends[HF_REPORT_ACKED], 1);
	ck_assert_uint_eq(hf_reporter_pending(reporter), 0);
}
END_TEST

START_TEST(one_subscriber_gets_its_reports_in_order)
{
	hosts[1].deaf_attempts = 1;
	start();
	for (uint64_t epoch = 1; epoch <= 50; epoch++)
		add_path(1, epoch);
	run_to_end();
	ck_assert_uint_eq(ends[HF_REPORT_ACKED], 50);
	for (size_t i = 0; i < n_sent; i++)
		ck_assert_uint_eq(sent[i].report.epoch, i / 2 + 1);
}
END_TEST

START_TEST(several_in_flight_to_one_subscriber)
{
	config.per_subscriber = 4;
	start();
	for (uint64_t epoch = 1; epoch <= 40; epoch++)
		add_path(1, epoch);
	run_to_end();
	ck_assert_uint_eq(ends[HF_REPORT_ACKED], 40);
	ck_assert_uint_eq(widest(MS), 4);
}
END_TEST

START_TEST(wildcards_coalesce)
{
	start();
	add_wildcard(1, 1);
	hf_reporter_run(reporter, now_ns);	/* the first is on its way and cannot be taken back */
	for (uint64_t epoch = 2; epoch <= 10; epoch++) {
		add_path(1, epoch);
		add_wildcard(1, epoch);
	}
	run_to_end();
	ck_assert_uint_eq(n_sent, 2);
	ck_assert_uint_eq(sent[1].report.epoch, 10);
	ck_assert(hf_report_is_wildcard(&sent[1].report));
	ck_assert_uint_eq(ends[HF_REPORT_REPLACED], 17);
}
END_TEST

START_TEST(unsent_wildcard_in_front_is_replaced_too)
{
	start();
	add_wildcard(1, 1);
	add_wildcard(1, 2);
	run_to_end();
	ck_assert_uint_eq(n_sent, 1);
	ck_assert_uint_eq(sent[0].report.epoch, 2);
}
END_TEST

START_TEST(wildcard_leaves_unpaths_alone)
{
	start();
	add(1, HF_TRAP_UNPATH, HF_PR_COMP_DGID, 1);
	add(1, HF_TRAP_UNPATH, HF_PR_COMP_DGID, 1);
	add_wildcard(1, 1);
	run_to_end();
	ck_assert_uint_eq(n_sent, 3);
	ck_assert_uint_eq(sent[0].report.trap_num, HF_TRAP_UNPATH);
	ck_assert_uint_eq(sent[1].report.trap_num, HF_TRAP_UNPATH);
	ck_assert_uint_eq(sent[2].report.trap_num, HF_TRAP_REPATH);
}
END_TEST

START_TEST(full_queue_becomes_a_wildcard)
{
	hosts[1].rtt_ns = NEVER;
	start();
	for (uint64_t epoch = 1; epoch <= 100000; epoch++) {
		add_path(1, epoch);
		ck_assert_uint_le(hf_reporter_pending(reporter), (size_t)config.queue_max + 2);
	}
	hf_reporter_run(reporter, now_ns);
	hosts[1].rtt_ns = MS;
	run_to_end();
	/* What was not sent of the 100000 is told by a wildcard or after it. */
	ck_assert_uint_lt(n_sent, 2 * config.queue_max);
	ck_assert_uint_gt(ends[HF_REPORT_REPLACED], 99000);
}
END_TEST

START_TEST(full_queue_of_who_hears_no_repath_is_dropped)
{
	struct hf_subscriber to = subscriber(1);
	const struct hf_report report = { .epoch = 1, .trap_num = HF_TRAP_UNPATH, .comp_mask = HF_PR_COMP_DGID };

	to.hears = HF_HEARS_UNPATH;
	start();
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(hf_reporter_add(reporter, &to, &report), 0);
	ck_assert_uint_le(hf_reporter_pending(reporter), (size_t)config.queue_max + 1);
	run_to_end();
	for (size_t i = 0; i < n_sent; i++)
		ck_assert_uint_eq(sent[i].report.trap_num, HF_TRAP_UNPATH);
}
END_TEST

/* A dead host's queue does not go through all attempts one by one. */
START_TEST(queue_of_a_dead_subscriber_collapses)
{
	hosts[1].rtt_ns = NEVER;
	start();
	for (uint64_t epoch = 1; epoch <= 50; epoch++)
		add_path(1, epoch);
	run_to_end();
	ck_assert_uint_eq(n_sent, 8);
	ck_assert(hf_report_is_wildcard(&sent[4].report));
	ck_assert_uint_eq(sent[4].report.epoch, 50);
}
END_TEST

START_TEST(full_send_queue_is_waited_for)
{
	busy_sends = 5;
	start();
	for (uint16_t lid = 1; lid <= 20; lid++)
		add_wildcard(lid, 1);
	run_to_end();
	ck_assert_uint_eq(ends[HF_REPORT_ACKED], 20);
	ck_assert_uint_eq(sent[0].at_ns, 1005 * MS);
	for (size_t i = 0; i < n_sent; i++)
		ck_assert_int_eq(sent[i].attempt, 0);
}
END_TEST

START_TEST(who_unsubscribes_is_forgotten)
{
	const struct hf_subscriber kept[] = { subscriber(2) };

	hosts[1].rtt_ns = NEVER;
	hosts[2].rtt_ns = 5 * MS;
	start();
	for (uint16_t lid = 1; lid <= 2; lid++)
		for (uint64_t epoch = 1; epoch <= 3; epoch++)
			add_path(lid, epoch);
	hf_reporter_run(reporter, now_ns);
	hf_reporter_keep(reporter, kept, 1);
	ck_assert_uint_eq(ends[HF_REPORT_FORGOTTEN], 3);
	run_to_end();
	ck_assert_uint_eq(ends[HF_REPORT_ACKED], 3);
	hf_reporter_keep(reporter, NULL, 0);
	ck_assert_uint_eq(hf_reporter_deadline(reporter), NEVER);
}
END_TEST

/* Random hosts, reports and losses: whatever happens, every report ends once and the window holds. */
START_TEST(random_run_ends)
{
	srandom(_i);
	config.window = 1 + random() % 20;
	config.per_subscriber = 1 + random() % 3;
	config.retries = random() % 5;
	config.queue_max = 1 + random() % 20;
	for (int i = 0; i < 50; i++) {
		hosts[i].rtt_ns = random() % 5 ? 1 + random() % (300 * MS) : NEVER;
		hosts[i].deaf_attempts = random() % 3;
	}
	start();
	for (int i = 0; i < 600; i++) {
		uint16_t lid = random() % 50;

		if (random() % 3)
			add_path(lid, i);
		else
			add(lid, random() % 2 ? HF_TRAP_REPATH : HF_TRAP_UNPATH, 0, i);
		busy_sends = random() % 10 ? 0 : 3;
		if (!(random() % 4))
			run_until(now_ns + random() % (20 * MS));
	}
	run_to_end();
	ck_assert_uint_le(widest(1), (size_t)config.window);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reporter");
	TCase *tcase = tcase_create("reporter");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, everyone_is_told_once);
	tcase_add_test(tcase, window_holds_among_the_dead);
	tcase_add_test(tcase, dead_subscribers_delay_no_other);
	tcase_add_test(tcase, silent_subscribers_come_last);
	tcase_add_test(tcase, retries_exponential);
	tcase_add_test(tcase, retries_linear);
	tcase_add_test(tcase, answer_of_an_earlier_attempt_counts);
	tcase_add_test(tcase, lost_attempts_are_repeated);
	tcase_add_test(tcase, attempts_have_one_notice_count);
	tcase_add_test(tcase, foreign_answers_are_ignored);
	tcase_add_test(tcase, one_subscriber_gets_its_reports_in_order);
	tcase_add_test(tcase, several_in_flight_to_one_subscriber);
	tcase_add_test(tcase, wildcards_coalesce);
	tcase_add_test(tcase, unsent_wildcard_in_front_is_replaced_too);
	tcase_add_test(tcase, wildcard_leaves_unpaths_alone);
	tcase_add_test(tcase, full_queue_becomes_a_wildcard);
	tcase_add_test(tcase, full_queue_of_who_hears_no_repath_is_dropped);
	tcase_add_test(tcase, queue_of_a_dead_subscriber_collapses);
	tcase_add_test(tcase, full_send_queue_is_waited_for);
	tcase_add_test(tcase, who_unsubscribes_is_forgotten);
	tcase_add_loop_test(tcase, random_run_ends, 0, 30);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
