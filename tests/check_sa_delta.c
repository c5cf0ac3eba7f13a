/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The rows of the table in doc/protocol.md, "What the host does", and what no SM should send. */
#include "check_main.h"
#include "fake_sa.h"

#include <errno.h>
#include <string.h>

#define ONE_PATH	(HF_PR_COMP_SGID | HF_PR_COMP_DGID)
#define GUID(node)	(UINT64_C(0x100) + (node))	/* as in fake_gid() */
#define LID(node)	(6 + (node))			/* as in fake_path() */
#define NODES		9				/* of the table held at first: 1 to 9 */
#define I		UINT64_C(0x1122334455667788)	/* the instance */
#define E		UINT64_C(5)			/* and the epoch held at first */

static struct fake_sa sa;

static void setup(void)
{
	fake_start(&sa);
}

static void teardown(void)
{
	fake_stop(&sa);
}

static const struct hf_sa_counters *counters(void)
{
	return hf_sa_client_counters(sa.client);
}

static const struct hf_sa_mad *last_query(void)
{
	return fake_last(&sa, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD);
}

static uint64_t asked_service_id(void)
{
	return be64toh(((const struct hf_path_record *)last_query()->data)->service_id);
}

static size_t query_count(void)
{
	return fake_count(&sa, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD);
}

static void subscribe(void)
{
	fake_answer(&sa, fake_last(&sa, HF_METHOD_SET, HF_ATTR_INFORM_INFO), 0);
	fake_answer(&sa, fake_last(&sa, HF_METHOD_SET, HF_ATTR_INFORM_INFO), 0);
	ck_assert_int_eq(hf_sa_client_state(sa.client), HF_SA_SUBSCRIBED);
}

static const struct hf_delta_terms terms = { .pkey = 0xffff, .sl = 1, .mtu = 4, .rate = 7, .pkt_life = 18 };

/* All paths of instance @instance with SL 1, nodes 1 to @nodes. */
static void answer_whole(uint64_t instance, uint64_t epoch, unsigned int nodes)
{
	struct hf_delta_name named[64];
	struct hf_delta_path paths[64];
	struct fake_delta delta = {
		.instance = instance, .epoch = epoch, .is_whole = true, .parts = { .named = named, .paths = paths },
	};

	for (unsigned int i = 0; i < nodes; i++) {
		named[i] = (struct hf_delta_name){ .guid = GUID(i + 1), .lid = LID(i + 1) };
		paths[i] = (struct hf_delta_path){ LID(i + 1), terms };
	}
	delta.parts.n_named = delta.parts.n_paths = nodes;
	fake_answer_delta(&sa, &delta);
}

/* The SL of the path to one node is another; or @node 0: nothing is. */
static void answer_change(uint64_t instance, uint64_t base, uint64_t epoch, unsigned int node, uint8_t sl)
{
	struct hf_delta_path path = { LID(node), terms };
	struct fake_delta delta = {
		.instance = instance, .base = base, .epoch = epoch, .parts = { .paths = &path, .n_paths = node > 0 },
	};

	path.terms.sl = sl;
	fake_answer_delta(&sa, &delta);
}

/* SUBSCRIBED, holding (I, E). */
static void settle(void)
{
	fake_tell_port(&sa);
	subscribe();
	answer_whole(I, E, NODES);
	ck_assert(!hf_sa_client_is_busy(sa.client));
	fake_forget(&sa);
}

static void expect_held(uint64_t instance, uint64_t epoch)
{
	struct hf_sa_held held = hf_sa_client_held(sa.client);

	ck_assert_uint_eq(held.instance, instance);
	ck_assert_uint_eq(held.epoch, epoch);
}

static void expect_asked(size_t queries, uint64_t instance, uint64_t epoch)
{
	struct hf_sa_held held;

	ck_assert_uint_eq(query_count(), queries);
	held = fake_held(last_query());
	ck_assert_uint_eq(held.instance, instance);
	ck_assert_uint_eq(held.epoch, epoch);
}

static const struct hf_path *path_to(unsigned int node)
{
	const union hf_gid gid = fake_gid(node);
	const struct hf_path *path = hf_path_cache_find(sa.cache, &gid);

	return path && path->reachable ? path : NULL;
}

static int sl_to(unsigned int node)
{
	return path_to(node) ? path_to(node)->sl : -1;
}

static void pass_back_off(void)
{
	ck_assert_int_eq(hf_sa_client_query_state(sa.client), HF_SA_QUERY_BACKING_OFF);
	while (hf_sa_client_query_state(sa.client) == HF_SA_QUERY_BACKING_OFF)
		fake_advance_ms(&sa, 10);
}

/* The SL of the path to @node as a record. */
static void report_record(uint64_t base, uint64_t epoch, unsigned int node, uint8_t sl)
{
	struct hf_path_record path = fake_path(1, node);

	path.qos_class_sl = htobe16(sl);
	fake_report_epochs(&sa, &(struct fake_report){
		.trap_num = HF_TRAP_REPATH, .comp_mask = ONE_PATH, .path = &path,
		.instance = I, .base = base, .epoch = epoch,
	});
}

/* A Report of several paths that brings none of them. */
static void report_news(uint64_t instance, uint64_t base, uint64_t epoch)
{
	struct hf_path_record pattern = { .sgid = fake_gid(1) };

	fake_report_epochs(&sa, &(struct fake_report){
		.trap_num = HF_TRAP_REPATH, .comp_mask = HF_PR_COMP_SGID, .path = &pattern,
		.instance = instance, .base = base, .epoch = epoch,
	});
}

static void report_body(uint64_t base, uint64_t epoch, struct hf_delta *parts)
{
	struct hf_path_record pattern = { .sgid = fake_gid(1) };

	fake_report_epochs(&sa, &(struct fake_report){
		.trap_num = HF_TRAP_REPATH, .comp_mask = HF_PR_COMP_SGID, .path = &pattern,
		.instance = I, .base = base, .epoch = epoch, .parts = parts,
	});
}

/* An SA that does not know Holdfast sees the query of before: every field that COMP_MASK selects has the same value. */
START_TEST(the_query_is_that_of_a_host_without_deltas)
{
	struct hf_path_record expected = { .sgid = fake_gid(1), .num_path = 1 };
	struct hf_path_record asked;

	fake_tell_port(&sa);
	subscribe();
	memcpy(&asked, last_query()->data, sizeof(asked));
	ck_assert_uint_eq(be64toh(last_query()->comp_mask), HF_PR_COMP_SGID | HF_PR_COMP_NUMB_PATH);
	ck_assert_uint_eq(be64toh(asked.service_id), HF_DELTA_SERVICE_ID);
	ck_assert_mem_eq(&asked.service_id, "Holdfast", 8);
	expect_asked(1, 0, 0);
	asked.service_id = 0;
	ck_assert_mem_eq(&asked, &expected, sizeof(asked));
	for (size_t i = sizeof(asked); i < HF_SA_DATA_SIZE; i++)
		ck_assert_uint_eq(last_query()->data[i], 0);
}
END_TEST

START_TEST(subscribed_asks_and_holds_what_came)
{
	fake_tell_port(&sa);
	subscribe();
	expect_held(0, 0);
	answer_whole(I, E, NODES);
	expect_held(I, E);
	ck_assert_int_eq(sl_to(1), 1);
	ck_assert_int_eq(sl_to(NODES), 1);
	ck_assert_int_eq(sa.last_done.answer, HF_SA_ANSWER_WHOLE);
	ck_assert_uint_eq(sa.last_done.changes, NODES);
	ck_assert_uint_eq(sa.last_done.bytes % 8, 0);
	ck_assert_uint_eq(counters()->whole_tables, 1);
	ck_assert_uint_eq(counters()->changes, NODES);
	ck_assert_uint_eq(counters()->records, 0);

	hf_sa_client_want_query(sa.client, sa.now_ns);
	expect_asked(2, I, E);
}
END_TEST

START_TEST(report_with_a_record_is_taken)
{
	settle();
	report_record(E, E + 1, 3, 7);
	expect_held(I, E + 1);
	ck_assert_int_eq(sl_to(3), 7);
	ck_assert_uint_eq(query_count(), 0);
	ck_assert_uint_eq(counters()->reports_taken, 1);
	ck_assert_uint_eq(counters()->changes, NODES + 1);
}
END_TEST

START_TEST(report_of_a_lost_path_is_taken)
{
	struct hf_path_record path = { .sgid = fake_gid(1), .dgid = fake_gid(4) };

	settle();
	fake_report_epochs(&sa, &(struct fake_report){
		.trap_num = HF_TRAP_UNPATH, .comp_mask = ONE_PATH, .path = &path,
		.instance = I, .base = E - 2, .epoch = E + 3,
	});
	expect_held(I, E + 3);
	ck_assert_int_eq(sl_to(4), -1);
	ck_assert_int_eq(sl_to(5), 1);
	ck_assert_uint_eq(query_count(), 0);
}
END_TEST

/* Node 3 is gone, node 20 has its LID, node 5 has another SL. */
START_TEST(report_with_a_body_is_taken)
{
	uint64_t gone = GUID(3);
	struct hf_delta_name named = { .guid = GUID(20), .lid = LID(3) };
	struct hf_delta_path paths[] = { { LID(3), terms }, { LID(5), terms } };
	struct hf_delta parts = {
		.gone = &gone, .named = &named, .paths = paths, .n_gone = 1, .n_named = 1, .n_paths = 2,
	};

	paths[1].terms.sl = 9;
	settle();
	report_body(E, E + 1, &parts);
	expect_held(I, E + 1);
	ck_assert_int_eq(sl_to(3), -1);
	ck_assert_int_eq(sl_to(20), 1);
	ck_assert_uint_eq(path_to(20)->dlid, LID(3));
	ck_assert_uint_eq(path_to(20)->slid, FAKE_PORT_LID);
	ck_assert_int_eq(sl_to(5), 9);
	ck_assert_uint_eq(query_count(), 0);
	ck_assert_uint_eq(sa.last_delta.changes, 3);
	ck_assert_uint_eq(counters()->reports_taken, 1);
	ck_assert_uint_eq(counters()->changes, NODES + 3);
}
END_TEST

START_TEST(report_of_what_is_known_does_nothing)
{
	settle();
	report_record(E - 1, E, 3, 7);
	report_record(0, 1, 3, 7);
	report_news(I, E - 1, E);
	ck_assert_int_eq(sl_to(3), 1);
	ck_assert_uint_eq(query_count(), 0);
	ck_assert_uint_eq(counters()->reports_known, 3);
	ck_assert_uint_eq(fake_count(&sa, HF_METHOD_REPORT_RESP, HF_ATTR_NOTICE), 3);
	expect_held(I, E);
}
END_TEST

START_TEST(report_that_shows_a_gap_asks)
{
	settle();
	report_record(E + 1, E + 2, 3, 7);
	ck_assert_int_eq(sl_to(3), 1);
	expect_asked(1, I, E);
	ck_assert_uint_eq(counters()->gaps, 1);
	answer_change(I, E, E + 2, 3, 7);
	expect_held(I, E + 2);
	ck_assert_int_eq(sl_to(3), 7);
	ck_assert_int_eq(sa.last_done.answer, HF_SA_ANSWER_DELTA);
	ck_assert_uint_eq(counters()->deltas, 1);
	ck_assert(!hf_sa_client_is_busy(sa.client));
}
END_TEST

START_TEST(report_of_another_instance_asks)
{
	settle();
	report_news(I + 1, 0, 1);
	expect_asked(1, I, E);
	ck_assert_uint_eq(counters()->gaps, 0);
}
END_TEST

START_TEST(report_with_a_record_of_another_instance_is_not_taken)
{
	struct hf_path_record path = fake_path(1, 3);

	settle();
	fake_report_epochs(&sa, &(struct fake_report){
		.trap_num = HF_TRAP_REPATH, .comp_mask = ONE_PATH, .path = &path,
		.instance = I + 1, .base = E, .epoch = E + 1,
	});
	ck_assert_uint_eq(sa.repaths, 0);
	expect_held(I, E);
	expect_asked(1, I, E);
}
END_TEST

START_TEST(report_to_a_host_that_holds_records_asks)
{
	fake_settle(&sa);
	expect_held(0, 0);
	report_record(0, 1, 3, 7);
	ck_assert_uint_eq(sa.repaths, 0);
	expect_asked(1, 0, 0);
}
END_TEST

START_TEST(report_without_paths_asks)
{
	settle();
	report_news(I, E, E + 1);
	expect_asked(1, I, E);
	answer_change(I, E, E + 1, 3, 7);
	fake_report_epochs(&sa, &(struct fake_report){
		.trap_num = HF_TRAP_REPATH, .instance = I, .base = E + 1, .epoch = E + 2,
	});
	expect_asked(2, I, E + 1);
}
END_TEST

START_TEST(reports_during_a_query_lead_to_one_more)
{
	settle();
	report_news(I, E, E + 1);
	report_news(I, E + 1, E + 2);
	report_news(I, E + 2, E + 3);
	ck_assert_uint_eq(query_count(), 1);
	ck_assert_int_eq(hf_sa_client_query_state(sa.client), HF_SA_QUERY_STALE);
	answer_change(I, E, E + 1, 3, 7);
	expect_asked(2, I, E + 1);
	answer_change(I, E + 1, E + 3, 4, 7);
	expect_held(I, E + 3);
	ck_assert(!hf_sa_client_is_busy(sa.client));
}
END_TEST

/* An older one might come after what is held and never be corrected. */
START_TEST(report_without_epochs_asks)
{
	struct hf_path_record path = fake_path(1, 3);

	settle();
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, ONE_PATH, &path);
	expect_asked(1, I, E);
	answer_change(I, E, E, 0, 0);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_UNPATH, ONE_PATH, &path);
	expect_asked(2, I, E);
	answer_change(I, E, E, 0, 0);
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, 0, NULL);
	expect_asked(3, I, E);
	ck_assert_uint_eq(sa.repaths + sa.unpaths, 0);
}
END_TEST

START_TEST(epochs_of_another_version_are_none)
{
	struct hf_path_record path = fake_path(1, 3);

	settle();
	fake_report_epochs(&sa, &(struct fake_report){
		.trap_num = HF_TRAP_REPATH, .comp_mask = ONE_PATH, .path = &path, .version = HF_DELTA_VERSION + 1,
		.instance = I, .base = E, .epoch = E + 1,
	});
	expect_held(I, E);
	expect_asked(1, I, E);
	ck_assert_uint_eq(counters()->reports_taken, 0);
}
END_TEST

START_TEST(reports_of_other_ports_change_nothing)
{
	struct hf_path_record pattern = { .sgid = fake_gid(2) }, path = fake_path(2, 3);
	struct hf_delta_path item = { LID(3), terms };
	struct hf_delta parts = { .paths = &item, .n_paths = 1 };

	settle();
	fake_report_epochs(&sa, &(struct fake_report){
		.trap_num = HF_TRAP_REPATH, .comp_mask = HF_PR_COMP_SGID, .path = &pattern,
		.instance = I, .base = E, .epoch = E + 1, .parts = &parts,
	});
	fake_report_epochs(&sa, &(struct fake_report){
		.trap_num = HF_TRAP_UNPATH, .comp_mask = ONE_PATH, .path = &path,
		.instance = I, .base = E, .epoch = E + 1,
	});
	expect_held(I, E);
	ck_assert_uint_eq(query_count(), 0);
	ck_assert_uint_eq(sa.deltas + sa.unpaths, 0);
}
END_TEST

/* From before what is held, up to it, and nothing at all. */
START_TEST(delta_that_leads_on_is_taken)
{
	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	answer_change(I, E - 3, E, 3, 7);
	expect_held(I, E);
	ck_assert_int_eq(sl_to(3), 7);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	answer_change(I, E, E + 4, 0, 0);
	expect_held(I, E + 4);
	ck_assert_uint_eq(counters()->deltas, 2);
	ck_assert_int_eq(sl_to(4), 1);
}
END_TEST

START_TEST(delta_that_a_report_overtook_is_not_taken)
{
	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	report_record(E, E + 2, 3, 9);
	answer_change(I, E, E + 1, 3, 7);
	expect_held(I, E + 2);
	ck_assert_int_eq(sl_to(3), 9);
	ck_assert_int_eq(sa.last_done.answer, HF_SA_ANSWER_KNOWN);
	ck_assert_uint_eq(query_count(), 1);
	ck_assert(!hf_sa_client_is_busy(sa.client));
}
END_TEST

START_TEST(delta_newer_than_what_a_report_brought_is_taken)
{
	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	report_record(E, E + 1, 3, 9);
	answer_change(I, E, E + 2, 3, 7);
	expect_held(I, E + 2);
	ck_assert_int_eq(sl_to(3), 7);
}
END_TEST

static const struct {
	uint64_t instance, base, epoch;
} unfit[] = {
	{ I, E + 1, E + 2 }, { I + 1, E, E + 1 }, { I, E + 3, E + 2 },
};

START_TEST(delta_that_does_not_lead_on_leads_to_a_whole_one)
{
	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	answer_change(unfit[_i].instance, unfit[_i].base, unfit[_i].epoch, 3, 7);
	expect_held(I, E);
	ck_assert_int_eq(sl_to(3), 1);
	ck_assert_uint_eq(counters()->deltas_refused, 1);
	pass_back_off();
	expect_asked(2, 0, 0);
	answer_whole(I, E + 2, NODES - 1);
	expect_held(I, E + 2);
	ck_assert_int_eq(sl_to(NODES), -1);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	expect_asked(3, I, E + 2);
}
END_TEST

START_TEST(whole_of_another_instance_is_taken)
{
	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	answer_whole(I + 1, 1, NODES - 2);
	expect_held(I + 1, 1);
	ck_assert_int_eq(sl_to(NODES - 2), 1);
	ck_assert_int_eq(sl_to(NODES - 1), -1);
	ck_assert(sa.last_delta.is_whole);
}
END_TEST

START_TEST(whole_that_a_report_overtook_is_not_taken)
{
	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	report_record(E, E + 2, 3, 9);
	answer_whole(I, E + 1, NODES - 2);
	expect_held(I, E + 2);
	ck_assert_int_eq(sl_to(NODES), 1);
	ck_assert(!hf_sa_client_is_busy(sa.client));
}
END_TEST

START_TEST(whole_without_any_path_is_refused)
{
	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	answer_whole(I + 1, 1, 0);
	expect_held(I, E);
	ck_assert_int_eq(sl_to(NODES), 1);
	pass_back_off();
}
END_TEST

/* The SM goes to one without the plugin and comes back. */
START_TEST(an_sm_without_holdfast_and_back)
{
	settle();
	sa.port.sm_sl = 1;
	fake_tell_port(&sa);
	subscribe();
	expect_asked(1, I, E);
	fake_answer_table(&sa, 1, 5);
	expect_held(0, 0);
	ck_assert_int_eq(sl_to(2), 0);
	ck_assert_int_eq(sl_to(NODES), -1);
	ck_assert_int_eq(sa.last_done.answer, HF_SA_ANSWER_RECORDS);
	ck_assert_uint_eq(sa.last_done.bytes, 5 * sizeof(struct hf_path_record));
	ck_assert_uint_eq(counters()->whole_tables, 2);

	/* What a stock SM cannot send, but a plugin in another mode can, is taken as it is. */
	fake_report(&sa, FAKE_SM_LID, HF_TRAP_REPATH, ONE_PATH, &(struct hf_path_record){
		.sgid = fake_gid(1), .dgid = fake_gid(30), .dlid = htobe16(36), .mtu = 4, .pkey = 0xffff });
	ck_assert_int_eq(sl_to(30), 0);
	ck_assert_uint_eq(query_count(), 1);

	sa.port.sm_sl = 0;
	fake_tell_port(&sa);
	subscribe();
	expect_asked(2, 0, 0);
	answer_whole(I, E + 7, NODES);
	expect_held(I, E + 7);
	ck_assert_int_eq(sl_to(30), -1);
	ck_assert_int_eq(sl_to(NODES), 1);
}
END_TEST

/* The records may be older than the Report. */
START_TEST(records_that_a_report_overtook_are_asked_for_again)
{
	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	report_record(E, E + 1, 3, 9);
	fake_answer_table(&sa, 1, NODES);
	expect_asked(2, 0, 0);
	answer_whole(I, E + 1, NODES);
	expect_held(I, E + 1);
	ck_assert(!hf_sa_client_is_busy(sa.client));
}
END_TEST

START_TEST(a_good_check_asks_for_what_is_new)
{
	static const uint16_t both_traps[] = { HF_TRAP_UNPATH, HF_TRAP_REPATH };

	settle();
	fake_advance_ms(&sa, 10000);
	ck_assert_int_eq(hf_sa_client_state(sa.client), HF_SA_CHECKING);
	ck_assert_uint_eq(query_count(), 0);
	fake_answer_check(&sa, both_traps, 2);
	expect_asked(1, I, E);

	/* The one that runs will do. */
	answer_change(I, E, E + 1, 3, 7);
	fake_advance_ms(&sa, 9990);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	fake_advance_ms(&sa, 20);
	ck_assert_int_eq(hf_sa_client_state(sa.client), HF_SA_CHECKING);
	fake_answer_check(&sa, both_traps, 2);
	ck_assert_int_eq(hf_sa_client_query_state(sa.client), HF_SA_QUERY_RUNNING);
	ck_assert_uint_eq(query_count(), 2);
}
END_TEST

START_TEST(a_lost_answer_is_asked_for_again)
{
	settle();
	report_news(I, E, E + 1);
	fake_time_out(&sa, last_query());
	pass_back_off();
	expect_asked(2, I, E);
	expect_held(I, E);
}
END_TEST

/* The same name means another table there. */
START_TEST(another_lid_or_gid_holds_nothing)
{
	settle();
	sa.port.sm_lid++;
	fake_tell_port(&sa);
	expect_held(I, E);
	sa.port.lid += _i;
	sa.port.gid.guid ^= htobe64(!_i);
	fake_tell_port(&sa);
	expect_held(0, 0);
}
END_TEST

static void expect_refused(uint64_t refused)
{
	expect_held(I, E);
	ck_assert_uint_eq(sa.deltas, 0);
	ck_assert_uint_eq(counters()->deltas_refused, refused);
	for (unsigned int node = 1; node <= NODES; node++)
		ck_assert_int_eq(sl_to(node), 1);
}

enum { HDR = sizeof(struct hf_delta_hdr) };

static void no_magic(uint8_t *data, size_t *bytes) { (void)bytes; data[0] ^= 0x20; }
static void version_0(uint8_t *data, size_t *bytes) { (void)bytes; data[4] = 0; }
static void unknown_flag(uint8_t *data, size_t *bytes) { (void)bytes; data[5] |= 0x02; }
static void slid_0(uint8_t *data, size_t *bytes) { (void)bytes; data[6] = data[7] = 0; }
static void slid_multicast(uint8_t *data, size_t *bytes) { (void)bytes; data[6] = 0xc0; }
static void instance_0(uint8_t *data, size_t *bytes) { (void)bytes; memset(data + 8, 0, 8); }
static void huge_body(uint8_t *data, size_t *bytes) { (void)bytes; memset(data + 40, 0xff, 4); }
static void longer_body(uint8_t *data, size_t *bytes) { (void)bytes; data[43]++; }
static void shorter_body(uint8_t *data, size_t *bytes) { (void)bytes; data[43]--; }
static void no_body(uint8_t *data, size_t *bytes) { data[43] = 0; *bytes = HDR; }
static void one_word(uint8_t *data, size_t *bytes) { (void)data; *bytes = 8; }
static void half_header(uint8_t *data, size_t *bytes) { (void)data; *bytes = HDR - 8; }
static void header_alone(uint8_t *data, size_t *bytes) { (void)data; *bytes = HDR; }
static void one_byte_less(uint8_t *data, size_t *bytes) { (void)data; (*bytes)--; }
static void one_byte_more(uint8_t *data, size_t *bytes) { data[(*bytes)++] = 0; }
static void a_word_more(uint8_t *data, size_t *bytes) { memset(data + *bytes, 0, 8); *bytes += 8; }
static void filled_with_ones(uint8_t *data, size_t *bytes) { data[*bytes - 1] = 1; }
static void bad_body(uint8_t *data, size_t *bytes) { (void)bytes; data[HDR + 2] = 2; }
static void bad_pkey(uint8_t *data, size_t *bytes) { (void)bytes; data[HDR + 4] = data[HDR + 5] = 0; }

static void (*const spoilers[])(uint8_t *data, size_t *bytes) = {
	no_magic, version_0, unknown_flag, slid_0, slid_multicast, instance_0, huge_body, longer_body, shorter_body,
	no_body, one_word, half_header, header_alone, one_byte_less, one_byte_more, a_word_more, filled_with_ones,
	bad_body, bad_pkey,
};

/* A delta with one change: 48 bytes of header, 13 of body, 3 behind them. */
static size_t put_small_delta(uint8_t *data)
{
	struct hf_delta_path path = { LID(3), { 0xffff, 7, 4, 7, 18 } };
	struct fake_delta delta = {
		.instance = I, .base = E, .epoch = E + 1, .parts = { .paths = &path, .n_paths = 1 },
	};
	size_t bytes = fake_put_delta(&delta, data);

	ck_assert_uint_eq(bytes, HDR + 16);
	ck_assert_uint_eq(data[43], 13);
	return bytes;
}

START_TEST(malformed_deltas_are_refused)
{
	uint8_t data[FAKE_DELTA_MAX];
	size_t bytes = put_small_delta(data);

	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	spoilers[_i](data, &bytes);
	fake_answer_data(&sa, last_query(), HF_DELTA_ATTR_OFFSET, data, bytes);
	expect_refused(1);
	ck_assert_uint_eq(sa.query_failures, 1);
	pass_back_off();
	expect_asked(2, 0, 0);
	ck_assert_uint_eq(asked_service_id(), HF_DELTA_SERVICE_ID);
	answer_whole(I, E + 1, NODES);
	expect_held(I, E + 1);
}
END_TEST

/* Whatever the length and the AttributeOffset; a delta under the attribute offset of records is none of either. */
START_TEST(deltas_of_every_length)
{
	uint8_t data[FAKE_DELTA_MAX];
	size_t bytes = put_small_delta(data);

	settle();
	for (unsigned int attr_offset = 0; attr_offset < 10; attr_offset++) {
		for (size_t cut = 0; cut < bytes; cut++) {
			if (hf_sa_client_query_state(sa.client) != HF_SA_QUERY_RUNNING)
				hf_sa_client_want_query(sa.client, sa.now_ns);
			fake_answer_data(&sa, last_query(), attr_offset, data, cut);
			fake_forget(&sa);
			expect_held(I, E);
			for (unsigned int node = 1; node <= NODES; node++)
				ck_assert_int_eq(sl_to(node), 1);
		}
	}
	ck_assert_uint_eq(counters()->deltas + counters()->whole_tables, 1);
}
END_TEST

START_TEST(every_flipped_bit_is_refused_or_a_delta)
{
	uint8_t data[FAKE_DELTA_MAX];
	size_t bytes = put_small_delta(data);
	uint64_t taken = 0;

	for (size_t bit = 0; bit < bytes * 8; bit++) {
		teardown();
		setup();
		settle();
		hf_sa_client_want_query(sa.client, sa.now_ns);
		data[bit / 8] ^= 1 << bit % 8;
		fake_answer_data(&sa, last_query(), HF_DELTA_ATTR_OFFSET, data, bytes);
		data[bit / 8] ^= 1 << bit % 8;
		if (counters()->deltas + counters()->whole_tables == 1) {	/* the one of settle() */
			expect_held(I, E);
			ck_assert_int_eq(hf_sa_client_query_state(sa.client) == HF_SA_QUERY_IDLE,
					 sa.last_done.answer == HF_SA_ANSWER_KNOWN);
		} else {
			taken++;
		}
	}
	ck_assert_uint_gt(taken, 0);
}
END_TEST

/* A plugin whose deltas are always bad: its records may be good. A new subscription is a new chance. */
START_TEST(after_three_bad_deltas_records_are_asked_for)
{
	uint8_t data[FAKE_DELTA_MAX];
	size_t bytes = put_small_delta(data);
	struct hf_path_record plain = { .sgid = fake_gid(1), .num_path = 1 };
	struct hf_path_record asked;

	no_magic(data, &bytes);
	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	for (unsigned int i = 0; i < 3; i++) {
		memcpy(&asked, last_query()->data, sizeof(asked));
		ck_assert_uint_eq(be64toh(asked.service_id), HF_DELTA_SERVICE_ID);
		fake_answer_data(&sa, last_query(), HF_DELTA_ATTR_OFFSET, data, bytes);
		pass_back_off();
	}
	expect_refused(3);
	memcpy(&asked, last_query()->data, sizeof(asked));
	ck_assert_mem_eq(&asked, &plain, sizeof(asked));
	fake_answer_table(&sa, 1, 4);
	expect_held(0, 0);
	ck_assert_int_eq(sl_to(2), 0);

	sa.port.sm_lid++;
	fake_tell_port(&sa);
	sa.port.sm_lid--;
	fake_tell_port(&sa);
	subscribe();
	memcpy(&asked, last_query()->data, sizeof(asked));
	ck_assert_uint_eq(be64toh(asked.service_id), HF_DELTA_SERVICE_ID);
}
END_TEST

START_TEST(a_newer_version_is_asked_for_records)
{
	uint8_t data[FAKE_DELTA_MAX];
	size_t bytes = put_small_delta(data);

	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	data[4] = HF_DELTA_VERSION + 1;
	memset(data + 5, 0xff, bytes - 5);
	fake_answer_data(&sa, last_query(), HF_DELTA_ATTR_OFFSET, data, bytes);
	expect_refused(0);
	pass_back_off();
	ck_assert_uint_eq(asked_service_id(), 0);
	expect_asked(2, 0, 0);
	fake_answer_table(&sa, 1, 4);
	expect_held(0, 0);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	ck_assert_uint_eq(asked_service_id(), 0);

	sa.port.sm_sl = 3;
	fake_tell_port(&sa);
	subscribe();
	ck_assert_uint_eq(asked_service_id(), HF_DELTA_SERVICE_ID);
}
END_TEST

/* What else the delta said is true, and stays. */
START_TEST(a_path_to_an_unknown_lid_leads_to_a_whole_table)
{
	struct hf_delta_path paths[] = { { LID(3), terms }, { 1000, terms } };
	struct fake_delta delta = {
		.instance = I, .base = E, .epoch = E + 1, .parts = { .paths = paths, .n_paths = 2 },
	};

	paths[0].terms.sl = 7;
	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	fake_answer_delta(&sa, &delta);
	expect_held(I, E);
	ck_assert_int_eq(sl_to(3), 7);
	ck_assert_uint_eq(counters()->deltas, 0);
	pass_back_off();
	expect_asked(2, 0, 0);

	/* What is held stays good: Reports may lead on from it. The whole table is owed nevertheless. */
	report_record(E, E + 1, 4, 9);
	expect_held(I, E + 1);
	answer_whole(I, E, NODES);
	expect_held(I, E + 1);
	pass_back_off();
	expect_asked(3, 0, 0);
	answer_whole(I, E + 1, NODES);
	ck_assert_int_eq(sl_to(3), 1);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	expect_asked(4, I, E + 1);
}
END_TEST

START_TEST(a_report_with_an_unknown_lid_leads_to_a_whole_table)
{
	struct hf_delta_path paths[] = { { LID(3), terms }, { 1000, terms } };
	struct hf_delta parts = { .paths = paths, .n_paths = 2 };

	settle();
	report_body(E, E + 1, &parts);
	expect_held(I, E);
	expect_asked(1, 0, 0);
	ck_assert_uint_eq(counters()->reports_taken, 0);
	answer_whole(I, E + 1, NODES);
	hf_sa_client_want_query(sa.client, sa.now_ns);
	expect_asked(2, I, E + 1);
}
END_TEST

/* All nodes but the first, which is the switch that the others hang at. */
static struct hf_delta_site all_there(struct hf_delta *parts, uint8_t sl)
{
	struct hf_delta_site item = { .site = hf_site(5, false), .terms = terms };

	item.terms.sl = sl;
	parts->n_sites = 1;
	for (unsigned int node = 2; node <= NODES; node++) {
		parts->covered++;
		parts->covered_sum += hf_site_sum(hf_site(5, false), LID(node));
	}
	return item;
}

/* A whole table in which nodes are told with their sites; @sum_error makes it contradict itself. */
static void answer_sites(uint64_t epoch, uint32_t sum_error)
{
	struct hf_delta_name named[NODES];
	struct hf_delta_path path = { LID(1), terms };
	struct fake_delta delta = {
		.instance = I, .epoch = epoch, .is_whole = true,
		.parts = { .named = named, .paths = &path, .n_named = NODES, .n_paths = 1 },
	};
	struct hf_delta_site item = all_there(&delta.parts, 1);

	for (unsigned int i = 0; i < NODES; i++)
		named[i] = (struct hf_delta_name){ GUID(i + 1), LID(i + 1), hf_site(5, i == 0) };
	delta.parts.sites = &item;
	delta.parts.covered_sum += sum_error;
	fake_answer_delta(&sa, &delta);
}

START_TEST(a_report_tells_all_paths_to_a_switch)
{
	struct hf_delta parts = { 0 };
	struct hf_delta_site item = all_there(&parts, 9);

	fake_tell_port(&sa);
	subscribe();
	answer_sites(E, 0);
	ck_assert_uint_eq(sa.last_delta.changes, NODES);
	fake_forget(&sa);
	for (unsigned int node = 1; node <= NODES; node++)
		ck_assert_int_eq(sl_to(node), 1);
	parts.sites = &item;
	report_body(E, E + 1, &parts);
	expect_held(I, E + 1);
	ck_assert_int_eq(sl_to(1), 1);
	for (unsigned int node = 2; node <= NODES; node++)
		ck_assert_int_eq(sl_to(node), 9);
	ck_assert_uint_eq(query_count(), 0);
	ck_assert_uint_eq(sa.set_by_site, 2 * (NODES - 1));
}
END_TEST

/* The host does not know who is there, or others: it asks for the whole, and nothing of it is taken. */
START_TEST(a_report_of_a_switch_with_others_leads_to_a_whole_table)
{
	struct hf_delta parts = { 0 };
	struct hf_delta_site item = all_there(&parts, 9);

	parts.sites = &item;
	if (_i) {
		fake_tell_port(&sa);
		subscribe();
		answer_sites(E, 0);
		fake_forget(&sa);
		parts.covered_sum--;
	} else {
		settle();
	}
	report_body(E, E + 1, &parts);
	for (unsigned int node = 1; node <= NODES; node++)
		ck_assert_int_eq(sl_to(node), 1);
	expect_held(I, E);
	expect_asked(1, 0, 0);
	answer_sites(E + 1, 0);
	expect_held(I, E + 1);
}
END_TEST

/* Three in a row, and records are asked for. */
START_TEST(a_whole_table_that_contradicts_itself_is_refused)
{
	settle();
	hf_sa_client_want_query(sa.client, sa.now_ns);
	for (unsigned int i = 0; i < 3; i++) {
		answer_sites(E + 1, 1);
		expect_held(I, E);
		ck_assert_uint_eq(counters()->deltas_refused, i + 1);
		pass_back_off();
	}
	ck_assert_uint_eq(be64toh(((const struct hf_path_record *)last_query()->data)->service_id), 0);
}
END_TEST

/* Longer than the MAD, than the body, or with a body that is none: nothing of it is taken. */
START_TEST(reports_with_bad_bodies_ask)
{
	static const uint8_t lengths[] = { 1, 12, 14, HF_REPORT_BODY_MAX, HF_REPORT_BODY_MAX + 1, 255 };
	struct hf_path_record pattern = { .sgid = fake_gid(1) };
	struct hf_delta_path path = { LID(3), { 0xffff, 7, 4, 7, 18 } };
	struct hf_delta parts = { .paths = &path, .n_paths = 1 };
	struct hf_sa_mad mad;

	settle();
	fake_make_report(&(struct fake_report){
		.trap_num = HF_TRAP_REPATH, .comp_mask = HF_PR_COMP_SGID, .path = &pattern,
		.instance = I, .base = E, .epoch = E + 1, .parts = &parts,
	}, &mad);
	((struct hf_repath_notice *)mad.data)->details.reserved[3] = lengths[_i];
	fake_receive(&sa, FAKE_SM_LID, &mad, sizeof(mad));
	expect_refused(1);
	expect_asked(1, I, E);
}
END_TEST

START_TEST(a_record_that_cannot_be_kept_is_asked_for)
{
	settle();
	sa.repath_error = -ENOSPC;
	report_record(E, E + 1, 3, 7);
	expect_held(I, E);
	expect_asked(1, I, E);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sa_delta");
	TCase *tcase = tcase_create("sa_delta");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_query_is_that_of_a_host_without_deltas);
	tcase_add_test(tcase, subscribed_asks_and_holds_what_came);
	tcase_add_test(tcase, report_with_a_record_is_taken);
	tcase_add_test(tcase, report_of_a_lost_path_is_taken);
	tcase_add_test(tcase, report_with_a_body_is_taken);
	tcase_add_test(tcase, report_of_what_is_known_does_nothing);
	tcase_add_test(tcase, report_that_shows_a_gap_asks);
	tcase_add_test(tcase, report_of_another_instance_asks);
	tcase_add_test(tcase, report_with_a_record_of_another_instance_is_not_taken);
	tcase_add_test(tcase, report_to_a_host_that_holds_records_asks);
	tcase_add_test(tcase, report_without_paths_asks);
	tcase_add_test(tcase, reports_during_a_query_lead_to_one_more);
	tcase_add_test(tcase, report_without_epochs_asks);
	tcase_add_test(tcase, epochs_of_another_version_are_none);
	tcase_add_test(tcase, reports_of_other_ports_change_nothing);
	tcase_add_test(tcase, delta_that_leads_on_is_taken);
	tcase_add_test(tcase, delta_that_a_report_overtook_is_not_taken);
	tcase_add_test(tcase, delta_newer_than_what_a_report_brought_is_taken);
	tcase_add_loop_test(tcase, delta_that_does_not_lead_on_leads_to_a_whole_one, 0,
			    sizeof(unfit) / sizeof(unfit[0]));
	tcase_add_test(tcase, whole_of_another_instance_is_taken);
	tcase_add_test(tcase, whole_that_a_report_overtook_is_not_taken);
	tcase_add_test(tcase, whole_without_any_path_is_refused);
	tcase_add_test(tcase, an_sm_without_holdfast_and_back);
	tcase_add_test(tcase, records_that_a_report_overtook_are_asked_for_again);
	tcase_add_test(tcase, a_good_check_asks_for_what_is_new);
	tcase_add_test(tcase, a_lost_answer_is_asked_for_again);
	tcase_add_loop_test(tcase, another_lid_or_gid_holds_nothing, 0, 2);
	tcase_add_loop_test(tcase, malformed_deltas_are_refused, 0, sizeof(spoilers) / sizeof(spoilers[0]));
	tcase_add_test(tcase, deltas_of_every_length);
	tcase_add_test(tcase, every_flipped_bit_is_refused_or_a_delta);
	tcase_add_test(tcase, after_three_bad_deltas_records_are_asked_for);
	tcase_add_test(tcase, a_newer_version_is_asked_for_records);
	tcase_add_test(tcase, a_path_to_an_unknown_lid_leads_to_a_whole_table);
	tcase_add_test(tcase, a_report_with_an_unknown_lid_leads_to_a_whole_table);
	tcase_add_test(tcase, a_report_tells_all_paths_to_a_switch);
	tcase_add_loop_test(tcase, a_report_of_a_switch_with_others_leads_to_a_whole_table, 0, 2);
	tcase_add_test(tcase, a_whole_table_that_contradicts_itself_is_refused);
	tcase_add_loop_test(tcase, reports_with_bad_bodies_ask, 0, 6);
	tcase_add_test(tcase, a_record_that_cannot_be_kept_is_asked_for);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
