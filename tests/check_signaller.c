/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "check_main.h"
#include "lib/delta.h"
#include "plugin/signaller.h"

#define HOSTS		4
#define BOTH		(HF_HEARS_UNPATH | HF_HEARS_REPATH)
#define COMP_PATH	(HF_PR_COMP_SGID | HF_PR_COMP_DGID)
#define MAX_EMITTED	64

struct emitted {
	uint16_t to;	/* LID */
	struct hf_report report;
};

static struct hf_snapshot *old, *new_;
static struct hf_subscriber subscribers[HOSTS + 2];
static size_t n_subscribers;
static struct emitted emitted[MAX_EMITTED];
static size_t n_emitted;

/* A packet life as good as any: its code is the second. */
static hf_entry path_entry(unsigned int sl)
{
	return hf_entry_pack(sl, 4, 7, 2);
}

/* Host i alone at switch i with LID 10 + i, every path with SL 0. */
static struct hf_snapshot *full_mesh(uint64_t epoch)
{
	struct hf_tables *tables;
	struct hf_snapshot *snapshot;

	ck_assert_int_eq(hf_tables_new(HOSTS, HOSTS, HOSTS, 2, 1, &tables), 0);
	tables->routing.epoch = epoch;
	for (uint32_t i = 0; i < HOSTS; i++) {
		tables->switches[i] = (struct hf_table_switch) { .guid = 0x200000 + i, .port = HF_NO_INDEX };
		tables->ports[i] = (struct hf_table_port) {
			.guid = 0x100000 + i, .first_column = i, .place = HF_PLACE_AT_SWITCH, .peer = i, .peer_port = 1,
			.lid = 10 + i, .mtu = 4, .rate = 7,
		};
	}
	ck_assert_int_eq(hf_snapshot_resolve(tables, &snapshot), 0);
	ck_assert_uint_eq(snapshot->n_rows, HOSTS);
	for (uint32_t i = 0; i < HOSTS * HOSTS; i++)
		snapshot->entries[i] = path_entry(0);
	hf_tables_free(tables);
	return snapshot;
}

static void set_path(uint32_t src, uint32_t dst, hf_entry entry)
{
	new_->entries[src * HOSTS + dst] = entry;
}

static void remove_host(struct hf_snapshot *snapshot, uint32_t host)
{
	snapshot->ports[host] = (struct hf_port) { 0 };
	for (uint32_t i = 0; i < HOSTS; i++) {
		snapshot->entries[i * HOSTS + host] = 0;
		snapshot->entries[host * HOSTS + i] = 0;
	}
}

static void subscribe(uint32_t host, unsigned int hears, uint32_t qpn)
{
	subscribers[n_subscribers++] = (struct hf_subscriber) {
		.addr = { .lid = 10 + host, .qpn = qpn }, .port = host, .hears = hears,
	};
}

static void setup(void)
{
	old = full_mesh(1);
	new_ = full_mesh(2);
	n_subscribers = 0;
	for (uint32_t i = 0; i < HOSTS; i++)
		subscribe(i, BOTH, 1);
	n_emitted = 0;
}

static void teardown(void)
{
	hf_snapshot_free(old);
	hf_snapshot_free(new_);
}

static int collect(void *ctx, const struct hf_subscriber *to, const struct hf_report *report)
{
	(void)ctx;
	ck_assert_uint_lt(n_emitted, MAX_EMITTED);
	emitted[n_emitted++] = (struct emitted) { .to = to->addr.lid, .report = *report };
	return 0;
}

static void signal_changes(enum hf_mode mode)
{
	struct hf_changes changes;
	struct hf_bulk *bulk;

	n_emitted = 0;
	ck_assert_int_eq(hf_changes_find(old, new_, &changes), 0);
	ck_assert_int_eq(hf_bulk_new(0, &bulk), 0);
	ck_assert_int_eq(hf_bulk_publish(bulk, old, NULL), 0);
	ck_assert_int_eq(hf_bulk_publish(bulk, new_, &changes), 0);
	ck_assert_int_eq(hf_signal(mode, &changes, bulk, subscribers, n_subscribers, collect, NULL), 0);
	hf_bulk_free(bulk);
	hf_changes_fini(&changes);
}

/* How many reports of a trap with a component mask a host was told. */
static size_t told(uint32_t host, uint16_t trap_num, uint64_t comp_mask)
{
	size_t count = 0;

	for (size_t i = 0; i < n_emitted; i++)
		count += emitted[i].to == 10 + host && emitted[i].report.trap_num == trap_num &&
			 emitted[i].report.comp_mask == comp_mask;
	return count;
}

static void check_all_told_wildcard_once(void)
{
	static const struct hf_path_record zero;

	ck_assert_uint_eq(n_emitted, n_subscribers);
	for (uint32_t i = 0; i < HOSTS; i++)
		ck_assert_uint_eq(told(i, HF_TRAP_REPATH, 0), 1);
	for (size_t i = 0; i < n_emitted; i++) {
		ck_assert_mem_eq(&emitted[i].report.path, &zero, sizeof(zero));
		ck_assert(!emitted[i].report.wait);
		ck_assert_uint_eq(emitted[i].report.epoch, 2);
	}
}

START_TEST(nothing_changed)
{
	signal_changes(HF_MODE_WILDCARD);
	check_all_told_wildcard_once();
	signal_changes(HF_MODE_HYBRID);
	ck_assert_uint_eq(n_emitted, 0);
	signal_changes(HF_MODE_REPATH_ONLY);
	ck_assert_uint_eq(n_emitted, 0);
}
END_TEST

START_TEST(changed_path)
{
	set_path(0, 1, path_entry(1));
	signal_changes(HF_MODE_WILDCARD);
	check_all_told_wildcard_once();
	signal_changes(HF_MODE_HYBRID);
	check_all_told_wildcard_once();

	signal_changes(HF_MODE_REPATH_ONLY);
	ck_assert_uint_eq(n_emitted, 2);
	ck_assert_uint_eq(told(0, HF_TRAP_REPATH, COMP_PATH), 1);
	ck_assert_uint_eq(told(1, HF_TRAP_REPATH, COMP_PATH), 1);
	ck_assert_uint_eq(hf_path_record_sl(&emitted[0].report.path), 1);
	ck_assert_uint_eq(be16toh(emitted[0].report.path.slid), 10);
	ck_assert_uint_eq(be16toh(emitted[0].report.path.dlid), 11);
	ck_assert_uint_eq(be64toh(emitted[0].report.path.sgid.guid), 0x100000);
	ck_assert_uint_eq(be64toh(emitted[0].report.path.dgid.guid), 0x100001);
}
END_TEST

START_TEST(lost_pair)
{
	set_path(0, 1, 0);
	for (enum hf_mode mode = HF_MODE_WILDCARD; mode <= HF_MODE_HYBRID; mode++) {
		signal_changes(mode);
		ck_assert_uint_eq(told(0, HF_TRAP_UNPATH, COMP_PATH), 1);
		ck_assert_uint_eq(told(1, HF_TRAP_UNPATH, COMP_PATH), 1);
		ck_assert_uint_eq(told(2, HF_TRAP_UNPATH, COMP_PATH), 0);
		ck_assert_uint_eq(told(0, HF_TRAP_UNPATH, HF_PR_COMP_DGID), 0);
		ck_assert(emitted[0].report.wait);
		ck_assert_uint_eq(be64toh(emitted[0].report.path.sgid.guid), 0x100000);
		ck_assert_uint_eq(be64toh(emitted[0].report.path.dgid.guid), 0x100001);
		ck_assert_uint_eq(n_emitted, mode == HF_MODE_WILDCARD ? 2 + HOSTS : 2);
	}
}
END_TEST

/* The host left: whoever is there hears of it once, nobody of the paths from it. */
START_TEST(lost_host)
{
	remove_host(new_, 3);
	n_subscribers--;
	for (enum hf_mode mode = HF_MODE_WILDCARD; mode <= HF_MODE_HYBRID; mode++) {
		signal_changes(mode);
		for (uint32_t i = 0; i < 3; i++)
			ck_assert_uint_eq(told(i, HF_TRAP_UNPATH, HF_PR_COMP_DGID), 1);
		ck_assert(!emitted[0].report.wait);
		ck_assert_uint_eq(be64toh(emitted[0].report.path.dgid.guid), 0x100003);
		ck_assert_uint_eq(be64toh(emitted[0].report.path.sgid.guid), 0);
		ck_assert_uint_eq(n_emitted, mode == HF_MODE_WILDCARD ? 6 : 3);
	}
}
END_TEST

START_TEST(destination_in_the_subnet_but_unreachable)
{
	for (uint32_t src = 0; src < HOSTS; src++)
		set_path(src, 3, 0);
	signal_changes(HF_MODE_HYBRID);
	ck_assert_uint_eq(n_emitted, HOSTS);
	for (uint32_t i = 0; i < HOSTS; i++)
		ck_assert_uint_eq(told(i, HF_TRAP_UNPATH, HF_PR_COMP_DGID), 1);
	ck_assert(emitted[0].report.wait);
}
END_TEST

START_TEST(path_that_returns)
{
	old->entries[0 * HOSTS + 1] = 0;
	signal_changes(HF_MODE_HYBRID);
	check_all_told_wildcard_once();
	signal_changes(HF_MODE_REPATH_ONLY);
	ck_assert_uint_eq(n_emitted, 2);
	ck_assert_uint_eq(told(0, HF_TRAP_REPATH, COMP_PATH), 1);
	ck_assert_uint_eq(told(1, HF_TRAP_REPATH, COMP_PATH), 1);
	ck_assert_uint_eq(emitted[0].report.path.mtu, 0x80 | 4);
}
END_TEST

START_TEST(host_that_returns)
{
	remove_host(old, 3);
	signal_changes(HF_MODE_REPATH_ONLY);
	/* Three paths to it and three from it, each told at both ends, and its own to itself. */
	ck_assert_uint_eq(n_emitted, 13);
	ck_assert_uint_eq(told(3, HF_TRAP_REPATH, COMP_PATH), 7);
	ck_assert_uint_eq(told(0, HF_TRAP_REPATH, COMP_PATH), 2);
}
END_TEST

START_TEST(only_what_was_subscribed)
{
	n_subscribers = 0;
	subscribe(0, HF_HEARS_UNPATH, 1);
	subscribe(1, HF_HEARS_REPATH, 1);
	set_path(0, 1, 0);
	set_path(1, 0, path_entry(1));
	signal_changes(HF_MODE_HYBRID);
	ck_assert_uint_eq(n_emitted, 2);
	ck_assert_uint_eq(told(0, HF_TRAP_UNPATH, COMP_PATH), 1);
	ck_assert_uint_eq(told(1, HF_TRAP_REPATH, 0), 1);
	signal_changes(HF_MODE_REPATH_ONLY);
	ck_assert_uint_eq(n_emitted, 2);
	ck_assert_uint_eq(told(0, HF_TRAP_UNPATH, COMP_PATH), 1);
	ck_assert_uint_eq(told(1, HF_TRAP_REPATH, COMP_PATH), 1);
}
END_TEST

START_TEST(two_subscribers_at_one_host)
{
	subscribe(0, BOTH, 77);
	set_path(0, 1, path_entry(1));
	signal_changes(HF_MODE_REPATH_ONLY);
	ck_assert_uint_eq(told(0, HF_TRAP_REPATH, COMP_PATH), 2);
	ck_assert_uint_eq(told(1, HF_TRAP_REPATH, COMP_PATH), 1);
}
END_TEST

/* Nobody is at the ports of these paths, so nobody is told. */
START_TEST(paths_without_subscribers)
{
	n_subscribers = 0;
	subscribe(0, BOTH, 1);
	set_path(1, 2, path_entry(1));
	set_path(2, 3, 0);
	signal_changes(HF_MODE_HYBRID);
	ck_assert_uint_eq(n_emitted, 0);
	signal_changes(HF_MODE_REPATH_ONLY);
	ck_assert_uint_eq(n_emitted, 0);
	set_path(1, 0, path_entry(1));
	signal_changes(HF_MODE_HYBRID);
	ck_assert_uint_eq(n_emitted, 1);
}
END_TEST

/* Where it is not known what changed. */
START_TEST(unknown_changes)
{
	ck_assert_int_eq(hf_signal_unknown(HF_MODE_OFF, 2, subscribers, n_subscribers, collect, NULL), 0);
	ck_assert_uint_eq(n_emitted, 0);
	ck_assert_int_eq(hf_signal_unknown(HF_MODE_REPATH_ONLY, 2, subscribers, n_subscribers, collect, NULL), 0);
	check_all_told_wildcard_once();
}
END_TEST

START_TEST(off_tells_nobody)
{
	remove_host(new_, 3);
	set_path(0, 1, path_entry(1));
	signal_changes(HF_MODE_OFF);
	ck_assert_uint_eq(n_emitted, 0);
}
END_TEST

static const struct hf_report *only_report_to(uint32_t host)
{
	const struct hf_report *found = NULL;

	for (size_t i = 0; i < n_emitted; i++)
		if (emitted[i].to == 10 + host) {
			ck_assert_ptr_null(found);
			found = &emitted[i].report;
		}
	ck_assert_ptr_nonnull(found);
	ck_assert_uint_eq(found->instance, new_->routing.instance);
	ck_assert_uint_eq(found->epoch, 2);
	ck_assert_uint_eq(found->leads_to, 2);
	return found;
}

START_TEST(targeted_tells_one_path_inside)
{
	old->routing.instance = new_->routing.instance = 77;
	signal_changes(HF_MODE_TARGETED);
	ck_assert_uint_eq(n_emitted, 0);
	set_path(0, 1, path_entry(1));
	set_path(2, 3, 0);
	signal_changes(HF_MODE_TARGETED);
	/* Their destinations hear nothing: what they send takes other paths. */
	ck_assert_uint_eq(n_emitted, 2);
	ck_assert_uint_eq(only_report_to(0)->trap_num, HF_TRAP_REPATH);
	ck_assert_uint_eq(only_report_to(0)->comp_mask, COMP_PATH);
	ck_assert_uint_eq(hf_path_record_sl(&only_report_to(0)->path), 1);
	ck_assert_uint_eq(be16toh(only_report_to(0)->path.dlid), 11);
	ck_assert_uint_eq(only_report_to(0)->changes, 1);
	ck_assert_uint_eq(only_report_to(2)->trap_num, HF_TRAP_UNPATH);
	ck_assert_uint_eq(only_report_to(2)->comp_mask, COMP_PATH);
	ck_assert(only_report_to(2)->wait);
	ck_assert_uint_eq(be64toh(only_report_to(2)->path.dgid.guid), 0x100003);
}
END_TEST

START_TEST(targeted_tells_some_paths_behind)
{
	const struct hf_report *report;

	old->routing.instance = new_->routing.instance = 77;
	set_path(0, 1, path_entry(1));
	set_path(0, 2, path_entry(2));
	set_path(0, 3, 0);
	signal_changes(HF_MODE_TARGETED);
	ck_assert_uint_eq(n_emitted, 1);
	report = only_report_to(0);
	ck_assert_uint_eq(report->trap_num, HF_TRAP_REPATH);
	ck_assert_uint_eq(report->comp_mask, HF_PR_COMP_SGID);
	ck_assert_uint_eq(be64toh(report->path.sgid.guid), 0x100000);
	ck_assert_uint_eq(be64toh(report->path.dgid.guid), 0);
	ck_assert_uint_eq(report->changes, 3);
	ck_assert_uint_gt(report->body.length, 0);
	ck_assert_int_eq(hf_delta_decode(report->body.bytes, report->body.length, &(struct hf_delta_visitor) { 0 }, NULL), 0);
}
END_TEST

START_TEST(targeted_says_that_a_host_left)
{
	old->routing.instance = new_->routing.instance = 77;
	remove_host(new_, 3);
	signal_changes(HF_MODE_TARGETED);
	ck_assert_uint_eq(n_emitted, 3);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(only_report_to(i)->trap_num, HF_TRAP_UNPATH);
		ck_assert(!only_report_to(i)->wait);
	}
}
END_TEST

static int refuse_second(void *ctx, const struct hf_subscriber *to, const struct hf_report *report)
{
	collect(ctx, to, report);
	return n_emitted < 2 ? 0 : -ENOMEM;
}

START_TEST(ends_where_emit_fails)
{
	struct hf_changes changes;

	remove_host(new_, 3);
	ck_assert_int_eq(hf_changes_find(old, new_, &changes), 0);
	ck_assert_int_eq(hf_signal(HF_MODE_WILDCARD, &changes, NULL, subscribers, n_subscribers, refuse_second, NULL),
			 -ENOMEM);
	ck_assert_uint_eq(n_emitted, 2);
	hf_changes_fini(&changes);
}
END_TEST

START_TEST(every_mode_has_a_name)
{
	for (int i = 0; i < HF_MODES; i++)
		ck_assert_ptr_nonnull(hf_mode_names[i]);
	ck_assert_ptr_null(hf_mode_names[HF_MODES]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("signaller");
	TCase *tcase = tcase_create("signaller");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, nothing_changed);
	tcase_add_test(tcase, changed_path);
	tcase_add_test(tcase, lost_pair);
	tcase_add_test(tcase, lost_host);
	tcase_add_test(tcase, destination_in_the_subnet_but_unreachable);
	tcase_add_test(tcase, path_that_returns);
	tcase_add_test(tcase, host_that_returns);
	tcase_add_test(tcase, only_what_was_subscribed);
	tcase_add_test(tcase, two_subscribers_at_one_host);
	tcase_add_test(tcase, paths_without_subscribers);
	tcase_add_test(tcase, unknown_changes);
	tcase_add_test(tcase, off_tells_nobody);
	tcase_add_test(tcase, ends_where_emit_fails);
	tcase_add_test(tcase, every_mode_has_a_name);
	tcase_add_test(tcase, targeted_tells_one_path_inside);
	tcase_add_test(tcase, targeted_tells_some_paths_behind);
	tcase_add_test(tcase, targeted_says_that_a_host_left);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
