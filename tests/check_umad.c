/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The pure parts of the simulated ib_umad: agents, transactions, paths, captures. */
#include "check_main.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/pcap.h"
#include "sim/umad/agent.h"
#include "sim/umad/mad.h"
#include "sim/umad/sysfs.h"
#include "sim/umad/transaction.h"

#define FIRST_TAG 0xfffe
#define CLASS_VENDOR 0x32
#define MSEC UINT64_C(1000000)

/* ---- agents ---- */

static struct hf_agent_table agents;

static void setup_agents(void)
{
	hf_agent_table_init(&agents, FIRST_TAG);
}

static void teardown_agents(void)
{
	while (agents.first)
		hf_agent_remove(&agents, agents.first);
}

static struct hf_agent_request request_for(uint8_t mgmt_class, uint8_t version, uint8_t method)
{
	struct hf_agent_request request = {
		.qpn = mgmt_class != HF_CLASS_SUBN_LID && mgmt_class != HF_CLASS_SUBN_DIRECTED,
		.mgmt_class = mgmt_class,
		.class_version = version,
	};

	if (method)
		request.methods[method / 64] = UINT64_C(1) << method % 64;
	return request;
}

static struct hf_agent *add_agent(const struct hf_agent_request *request)
{
	struct hf_agent *agent = NULL;

	ck_assert_int_eq(hf_agent_add(&agents, request, &agent), 0);
	return agent;
}

static struct hf_agent *add(uint8_t mgmt_class, uint8_t version, uint8_t method)
{
	struct hf_agent_request request = request_for(mgmt_class, version, method);

	return add_agent(&request);
}

static void make_mad(uint8_t mad[HF_MAD_SIZE], uint8_t mgmt_class, uint8_t version, uint8_t method, uint64_t tid)
{
	struct hf_mad_hdr hdr = {
		.base_version = 1,
		.mgmt_class = mgmt_class,
		.class_version = version,
		.method = method,
		.tid = htobe64(tid),
	};

	memset(mad, 0, HF_MAD_SIZE);
	memcpy(mad, &hdr, sizeof(hdr));
}

static struct hf_agent *find(uint8_t mgmt_class, uint8_t version, uint8_t method, uint64_t tid)
{
	uint8_t mad[HF_MAD_SIZE];

	make_mad(mad, mgmt_class, version, method, tid);
	return hf_agent_find(&agents, mad);
}

START_TEST(responses_go_by_tag)
{
	struct hf_agent *a = add(HF_CLASS_SUBN_ADM, 2, 0), *b = add(HF_CLASS_SUBN_ADM, 2, 0);
	struct hf_agent *c = add(HF_CLASS_SUBN_ADM, 2, 0);

	ck_assert_uint_eq(a->tag, FIRST_TAG);
	ck_assert_uint_eq(b->tag, FIRST_TAG + 1);
	ck_assert_uint_eq(c->tag, 0);
	/* ibsim's slot above the tag and the program's bits below it do not matter. */
	ck_assert_ptr_eq(find(HF_CLASS_SUBN_ADM, 2, HF_METHOD_GET_RESP, 0x0007fffe00001234), a);
	ck_assert_ptr_eq(find(HF_CLASS_SUBN_ADM, 2, HF_METHOD_GET_TABLE_RESP, 0x0000ffff00001234), b);
	ck_assert_ptr_eq(find(HF_CLASS_SUBN_ADM, 2, HF_METHOD_TRAP_REPRESS, 0x0001000000001234), c);
	ck_assert_ptr_null(find(HF_CLASS_SUBN_ADM, 2, HF_METHOD_GET_RESP, 0x0000000100001234));
}
END_TEST

START_TEST(tags_in_use_are_skipped)
{
	struct hf_agent *a = add(HF_CLASS_SUBN_ADM, 2, 0);

	agents.next_tag = FIRST_TAG;
	ck_assert_uint_eq(add(HF_CLASS_SUBN_ADM, 2, 0)->tag, FIRST_TAG + 1);
	hf_agent_remove(&agents, a);
	agents.next_tag = FIRST_TAG;
	ck_assert_uint_eq(add(HF_CLASS_SUBN_ADM, 2, 0)->tag, FIRST_TAG);
}
END_TEST

START_TEST(requests_go_by_class_version_and_method)
{
	struct hf_agent *gets = add(HF_CLASS_SUBN_ADM, 2, HF_METHOD_GET);
	struct hf_agent *reports = add(HF_CLASS_SUBN_ADM, 2, HF_METHOD_REPORT);
	struct hf_agent *old = add(HF_CLASS_SUBN_ADM, 1, HF_METHOD_GET);
	struct hf_agent *smps = add(HF_CLASS_SUBN_LID, 1, HF_METHOD_GET);
	struct hf_agent *directed = add(HF_CLASS_SUBN_DIRECTED, 1, HF_METHOD_GET);

	ck_assert_ptr_eq(find(HF_CLASS_SUBN_ADM, 2, HF_METHOD_GET, 0), gets);
	ck_assert_ptr_eq(find(HF_CLASS_SUBN_ADM, 2, HF_METHOD_REPORT, 0), reports);
	ck_assert_ptr_eq(find(HF_CLASS_SUBN_ADM, 1, HF_METHOD_GET, 0), old);
	ck_assert_ptr_eq(find(HF_CLASS_SUBN_LID, 1, HF_METHOD_GET, 0), smps);
	ck_assert_ptr_eq(find(HF_CLASS_SUBN_DIRECTED, 1, HF_METHOD_GET, 0), directed);
	ck_assert_ptr_null(find(HF_CLASS_SUBN_ADM, 2, HF_METHOD_SET, 0));
	ck_assert_ptr_null(find(0x04, 1, HF_METHOD_GET, 0));
	ck_assert(hf_agent_wants_requests(&agents));
}
END_TEST

START_TEST(vendor_requests_go_by_oui)
{
	struct hf_agent_request request = request_for(CLASS_VENDOR, 1, HF_METHOD_GET);
	uint8_t mad[HF_MAD_SIZE];
	struct hf_agent *one, *two;

	request.oui = 0x001405;
	one = add_agent(&request);
	request.oui = 0x0002c9;
	two = add_agent(&request);
	make_mad(mad, CLASS_VENDOR, 1, HF_METHOD_GET, 0);
	memcpy(mad + HF_VENDOR_OUI_OFFSET, "\x00\x14\x05", 3);
	ck_assert_ptr_eq(hf_agent_find(&agents, mad), one);
	memcpy(mad + HF_VENDOR_OUI_OFFSET, "\x00\x02\xc9", 3);
	ck_assert_ptr_eq(hf_agent_find(&agents, mad), two);
	memcpy(mad + HF_VENDOR_OUI_OFFSET, "\x00\x00\x01", 3);
	ck_assert_ptr_null(hf_agent_find(&agents, mad));
}
END_TEST

static const struct {
	const char *what;
	struct hf_agent_request request;
} refused[] = {
	{ "QP 2", { .qpn = 2, .mgmt_class = HF_CLASS_SUBN_ADM, .class_version = 2 } },
	{ "SA on QP 0", { .qpn = 0, .mgmt_class = HF_CLASS_SUBN_ADM, .class_version = 2 } },
	{ "SMPs on QP 1", { .qpn = 1, .mgmt_class = HF_CLASS_SUBN_DIRECTED, .class_version = 1 } },
	{ "a class beyond all", { .qpn = 1, .mgmt_class = 0x50, .class_version = 1 } },
	{ "a version beyond all", { .qpn = 1, .mgmt_class = HF_CLASS_SUBN_ADM, .class_version = 0x83 } },
	{ "a vendor without OUI", { .qpn = 1, .mgmt_class = CLASS_VENDOR, .class_version = 1 } },
	{ "RMPP version 2", { .qpn = 1, .mgmt_class = HF_CLASS_SUBN_ADM, .class_version = 2, .rmpp_version = 2 } },
	{ "RMPP of PerfMgt", { .qpn = 1, .mgmt_class = 0x04, .class_version = 1, .rmpp_version = 1 } },
	{ "a method that is taken",
	  { .qpn = 1, .mgmt_class = HF_CLASS_SUBN_ADM, .class_version = 2, .methods = { 1 << HF_METHOD_REPORT } } },
};

START_TEST(bad_registrations_are_refused)
{
	struct hf_agent *agent;

	add(HF_CLASS_SUBN_ADM, 2, HF_METHOD_REPORT);
	ck_assert_msg(hf_agent_add(&agents, &refused[_i].request, &agent) == -EINVAL, "%s", refused[_i].what);
}
END_TEST

START_TEST(agents_without_class_only_send)
{
	struct hf_agent_request request = { .qpn = 1, .methods = { UINT64_MAX, UINT64_MAX } };
	struct hf_agent *agent = add_agent(&request);

	ck_assert(!hf_agent_wants_requests(&agents));
	ck_assert_ptr_null(find(0, 0, HF_METHOD_GET, 0));
	ck_assert_ptr_eq(find(HF_CLASS_SUBN_ADM, 2, HF_METHOD_GET_RESP, (uint64_t)FIRST_TAG << 32), agent);
}
END_TEST

/* ---- transactions ---- */

static struct hf_transaction_table transactions;

static void setup_transactions(void)
{
	hf_transaction_table_init(&transactions);
}

static void teardown_transactions(void)
{
	while (transactions.by_key)
		hf_transaction_remove(&transactions, transactions.by_key);
}

static int begin(uint8_t method, uint64_t tid, uint16_t dlid, uint32_t timeout_ms, uint32_t retries,
		 struct hf_transaction **ret_transaction)
{
	const struct ib_user_mad_hdr hdr = { .lid = htobe16(dlid), .timeout_ms = timeout_ms, .retries = retries };
	uint8_t mad[HF_MAD_SIZE];

	make_mad(mad, HF_CLASS_SUBN_ADM, 2, method, tid);
	return hf_transaction_add(&transactions, NULL, &hdr, mad, sizeof(mad), false, 0, ret_transaction);
}

START_TEST(answers_find_their_request)
{
	struct hf_transaction *one, *two;
	uint8_t mad[HF_MAD_SIZE];

	ck_assert_int_eq(begin(HF_METHOD_GET, 0x500000001, 1, 100, 0, &one), 0);
	ck_assert_int_eq(begin(HF_METHOD_GET, 0x500000002, 1, 100, 0, &two), 0);
	make_mad(mad, HF_CLASS_SUBN_ADM, 2, HF_METHOD_GET_RESP, 0x0003000500000002);
	ck_assert_ptr_eq(hf_transaction_answered_by(&transactions, mad), two);
	make_mad(mad, HF_CLASS_SUBN_ADM, 2, HF_METHOD_GET_RESP, 0x0003000500000001);
	ck_assert_ptr_eq(hf_transaction_answered_by(&transactions, mad), one);
	hf_transaction_remove(&transactions, one);
	ck_assert_ptr_null(hf_transaction_answered_by(&transactions, mad));
	make_mad(mad, HF_CLASS_SUBN_LID, 1, HF_METHOD_GET_RESP, 0x0003000500000002);
	ck_assert_ptr_null(hf_transaction_answered_by(&transactions, mad));
}
END_TEST

START_TEST(ids_in_use_are_refused)
{
	struct hf_transaction *transaction;

	ck_assert_int_eq(begin(HF_METHOD_GET, 7, 1, 100, 0, &transaction), 0);
	ck_assert_int_eq(begin(HF_METHOD_SET, 7, 2, 100, 0, &transaction), -EINVAL);
	/* Responses are told apart by their destination too. */
	ck_assert_int_eq(begin(HF_METHOD_GET_RESP, 7, 1, 0, 0, &transaction), 0);
	ck_assert_int_eq(begin(HF_METHOD_GET_RESP, 7, 2, 0, 0, &transaction), 0);
	ck_assert_int_eq(begin(HF_METHOD_GET_RESP, 7, 2, 0, 0, &transaction), -EINVAL);
}
END_TEST

START_TEST(retries_and_deadlines)
{
	struct hf_transaction *slow, *fast;

	ck_assert_uint_eq(hf_transaction_deadline_ns(&transactions), UINT64_MAX);
	ck_assert_int_eq(begin(HF_METHOD_GET, 1, 1, 500, 0, &slow), 0);
	ck_assert_int_eq(begin(HF_METHOD_GET, 2, 1, 100, 2, &fast), 0);
	ck_assert_uint_eq(hf_transaction_deadline_ns(&transactions), 100 * MSEC);
	ck_assert_ptr_null(hf_transaction_next_due(&transactions, 100 * MSEC - 1));
	ck_assert_ptr_eq(hf_transaction_next_due(&transactions, 100 * MSEC), fast);
	ck_assert(hf_transaction_try_again(&transactions, fast, 100 * MSEC));
	ck_assert_ptr_null(hf_transaction_next_due(&transactions, 100 * MSEC));
	ck_assert_uint_eq(hf_transaction_deadline_ns(&transactions), 200 * MSEC);
	ck_assert(hf_transaction_try_again(&transactions, fast, 200 * MSEC));
	ck_assert_ptr_eq(hf_transaction_next_due(&transactions, 300 * MSEC), fast);
	ck_assert(!hf_transaction_try_again(&transactions, fast, 300 * MSEC));
	hf_transaction_remove(&transactions, fast);
	ck_assert_ptr_null(hf_transaction_next_due(&transactions, 300 * MSEC));
	ck_assert_uint_eq(hf_transaction_deadline_ns(&transactions), 500 * MSEC);
	ck_assert_ptr_eq(hf_transaction_next_due(&transactions, 501 * MSEC), slow);
}
END_TEST

/* ---- paths ---- */

static struct hf_adapter_facts facts;

static void setup_facts(void)
{
	facts = (struct hf_adapter_facts){ .node = "host", .pkeys = { htobe16(0xffff), htobe16(0x7fff) } };
	memcpy(facts.node_info + 4, "\0\0\0\0\0\x10\0\x01\0\0\0\0\0\x10\0\x02", 16);
	facts.node_info[2] = 1;
	memcpy(facts.port_info + 8, "\xfe\x80\0\0\0\0\0\0\0\x1f\x01\x02", 12);
	facts.port_info[20 + 2] = 0x40; /* extended speeds */
	facts.port_info[28] = 1;
	facts.port_info[31] = 2;
	facts.port_info[32] = 0x14;
	facts.port_info[33] = 0x52;
	facts.port_info[34] = 0x03;
	facts.port_info[35] = 0x44;
	facts.port_info[36] = 0x45;
	facts.port_info[62] = 0x20;
}

static const struct {
	const char *path, *text;
} attributes[] = {
	{ "/sys/class/infiniband_mad/abi_version", "5\n" },
	{ "/sys/class/infiniband_mad/umad1//ibdev", "hfsim1\n" },
	{ "/sys/class/infiniband_mad/umad0/port", "1\n" },
	{ "//sys/./class/infiniband/hfsim0/../hfsim1/node_type", "1: CA\n" },
	{ "/sys/class/infiniband/hfsim0/node_guid", "0000:0000:0010:0002\n" },
	{ "/sys/class/infiniband/hfsim0/sys_image_guid", "0000:0000:0010:0001\n" },
	{ "/sys/class/infiniband/hfsim0/node_desc", "host\n" },
	{ "/sys/class/infiniband/hfsim0/ports/1/lid", "0x1f\n" },
	{ "/sys/class/infiniband/hfsim0/ports/1/lid_mask_count", "3\n" },
	{ "/sys/class/infiniband/hfsim0/ports/1/sm_lid", "0x102\n" },
	{ "/sys/class/infiniband/hfsim0/ports/1/sm_sl", "5\n" },
	{ "/sys/class/infiniband/hfsim0/ports/1/state", "4: ACTIVE\n" },
	{ "/sys/class/infiniband/hfsim0/ports/1/phys_state", "5: LinkUp\n" },
	{ "/sys/class/infiniband/hfsim0/ports/1/rate", "100 Gb/sec (4X EDR)\n" },
	{ "/sys/class/infiniband/hfsim0/ports/1/cap_mask", "0x00004000\n" },
	{ "/sys/class/infiniband/hfsim0/ports/1/link_layer", "InfiniBand\n" },
	{ "/sys/class/infiniband/hfsim0/ports/1/gids/0", "fe80:0000:0000:0000:0000:0000:0010:0003\n" },
	{ "/sys/class/infiniband/hfsim0/ports/1/pkeys/1", "0x7fff\n" },
	{ "/sys/class/infiniband/hfsim0/ports/1/pkeys/31", "0x0000\n" },
};

START_TEST(attributes_say_what_ibsim_says)
{
	char text[HF_SYSFS_TEXT_SIZE];
	struct hf_sysfs_node node;
	size_t len;

	ck_assert(hf_sysfs_is_ours(attributes[_i].path));
	ck_assert(hf_sysfs_is_inside(attributes[_i].path));
	ck_assert_msg(hf_sysfs_lookup(attributes[_i].path, 2, &node) == 0, "no %s", attributes[_i].path);
	ck_assert_int_eq(node.kind, HF_SYSFS_FILE);
	len = hf_sysfs_read(&node, &facts, text);
	ck_assert_uint_eq(len, strlen(attributes[_i].text));
	ck_assert_str_eq(text, attributes[_i].text);
}
END_TEST

static const char *const missing[] = {
	"/sys/class/infiniband/hfsim2",		      "/sys/class/infiniband/hfsim01",
	"/sys/class/infiniband/hfsim",		      "/sys/class/infiniband/mlx5_0",
	"/sys/class/infiniband/hfsim0/ports/x/lid",   "/sys/class/infiniband/hfsim0/ports/1/lid/0",
	"/sys/class/infiniband/hfsim0/ports/1/pkeys/32", "/dev/infiniband/uverbs0",
	"/dev/infiniband/umad-1",		      "/sys/class/infiniband/hfsim0/ports/1/gids/1",
};

START_TEST(other_paths_inside_do_not_exist)
{
	struct hf_sysfs_node node;

	ck_assert(hf_sysfs_is_inside(missing[_i]));
	ck_assert_msg(hf_sysfs_lookup(missing[_i], 2, &node) == -ENOENT, "%s", missing[_i]);
}
END_TEST

START_TEST(paths_beside_are_not_ours)
{
	ck_assert(!hf_sysfs_is_ours(NULL));
	ck_assert(!hf_sysfs_is_ours("/etc/passwd"));
	ck_assert(!hf_sysfs_is_ours("class/infiniband"));
	ck_assert(!hf_sysfs_is_inside("/sys/class/infiniband_cm/abi_version"));
	ck_assert(!hf_sysfs_is_inside("/sys/class/infiniband/../net"));
}
END_TEST

static unsigned int list(const char *path, char names[64][HF_SYSFS_NAME_SIZE])
{
	enum hf_sysfs_kind kind;
	struct hf_sysfs_node node;
	unsigned int count = 0;

	ck_assert_int_eq(hf_sysfs_lookup(path, 2, &node), 0);
	ck_assert_int_eq(node.kind, HF_SYSFS_DIR);
	while (count < 64 && hf_sysfs_entry(&node, count, 2, 1, names[count], &kind))
		count++;
	return count;
}

START_TEST(folders_list_their_entries)
{
	char names[64][HF_SYSFS_NAME_SIZE];

	ck_assert_uint_eq(list("/sys/class/infiniband", names), 2);
	ck_assert_str_eq(names[1], "hfsim1");
	ck_assert_uint_eq(list("/sys/class/infiniband_mad/", names), 5);
	ck_assert_str_eq(names[0], "abi_version");
	ck_assert_str_eq(names[2], "umad1");
	ck_assert_str_eq(names[4], "issm1");
	ck_assert_uint_eq(list("/dev/infiniband", names), 4);
	ck_assert_uint_eq(list("/sys/class/infiniband/hfsim1/ports", names), 1);
	ck_assert_str_eq(names[0], "1");
	ck_assert_uint_eq(list("/sys/class/infiniband/hfsim1/ports/1/pkeys", names), 32);
	ck_assert_str_eq(names[31], "31");
	ck_assert_uint_eq(list("/sys/class/infiniband/hfsim1/ports/1/gids", names), 1);
}
END_TEST

/* ---- captures ---- */

static char capture_path[32];

static void setup_capture(void)
{
	snprintf(capture_path, sizeof(capture_path), "/tmp/hf-check-umad.XXXXXX");

	int fd = mkstemp(capture_path);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void teardown_capture(void)
{
	unlink(capture_path);
}

static struct hf_pcap_record make_record(unsigned int i)
{
	struct hf_pcap_record record = {
		.time_ns = UINT64_C(5999999999) + i,
		.is_sent = i % 2,
		.adapter = (uint8_t)(i % 128),
		.slid = (uint16_t)i,
		.dlid = 0xffff,
		.sqp = i % 2,
		.dqp = 0xabcdef,
	};

	make_mad(record.mad, HF_CLASS_SUBN_ADM, 2, HF_METHOD_GET, i);
	record.mad[HF_MAD_SIZE - 1] = (uint8_t)i;
	return record;
}

static void write_records(unsigned int from, unsigned int to)
{
	struct hf_pcap_writer *writer;

	ck_assert_int_eq(hf_pcap_writer_open(capture_path, &writer), 0);
	for (unsigned int i = from; i < to; i++) {
		struct hf_pcap_record record = make_record(i);

		ck_assert_int_eq(hf_pcap_write(writer, &record), 0);
	}
	hf_pcap_writer_close(writer);
}

START_TEST(captures_read_back)
{
	struct hf_pcap_record record, expected;
	struct hf_pcap_reader *reader;

	write_records(0, 1000);
	write_records(1000, 1001);
	ck_assert_int_eq(hf_pcap_reader_open(capture_path, &reader), 0);
	for (unsigned int i = 0; i < 1001; i++) {
		expected = make_record(i);
		ck_assert_int_eq(hf_pcap_read(reader, &record), 1);
		ck_assert_mem_eq(record.mad, expected.mad, HF_MAD_SIZE);
		ck_assert_uint_eq(record.time_ns, expected.time_ns);
		ck_assert_int_eq(record.is_sent, expected.is_sent);
		ck_assert_uint_eq(record.adapter, expected.adapter);
		ck_assert_uint_eq(record.slid, expected.slid);
		ck_assert_uint_eq(record.dlid, expected.dlid);
		ck_assert_uint_eq(record.sqp, expected.sqp);
		ck_assert_uint_eq(record.dqp, expected.dqp);
	}
	ck_assert_int_eq(hf_pcap_read(reader, &record), 0);
	hf_pcap_reader_close(reader);
}
END_TEST

START_TEST(a_cut_capture_ends_early)
{
	struct hf_pcap_record record;
	struct hf_pcap_reader *reader;

	write_records(0, 2);
	ck_assert_int_eq(truncate(capture_path, 24 + 2 * (16 + 16 + HF_PCAP_FRAME_SIZE) - 1), 0);
	ck_assert_int_eq(hf_pcap_reader_open(capture_path, &reader), 0);
	ck_assert_int_eq(hf_pcap_read(reader, &record), 1);
	ck_assert_int_eq(hf_pcap_read(reader, &record), 0);
	hf_pcap_reader_close(reader);
	ck_assert_int_eq(truncate(capture_path, 20), 0);
	ck_assert_int_eq(hf_pcap_reader_open(capture_path, &reader), -EINVAL);
	ck_assert_int_eq(hf_pcap_reader_open("/nonexistent/file", &reader), -ENOENT);
}
END_TEST

#define array_size(a) ((int)(sizeof(a) / sizeof((a)[0])))

static Suite *make_suite(void)
{
	Suite *suite = suite_create("umad");
	TCase *agent_case = tcase_create("agents"), *transaction_case = tcase_create("transactions");
	TCase *path_case = tcase_create("paths"), *capture_case = tcase_create("captures");

	tcase_add_checked_fixture(agent_case, setup_agents, teardown_agents);
	tcase_add_test(agent_case, responses_go_by_tag);
	tcase_add_test(agent_case, tags_in_use_are_skipped);
	tcase_add_test(agent_case, requests_go_by_class_version_and_method);
	tcase_add_test(agent_case, vendor_requests_go_by_oui);
	tcase_add_loop_test(agent_case, bad_registrations_are_refused, 0, array_size(refused));
	tcase_add_test(agent_case, agents_without_class_only_send);
	suite_add_tcase(suite, agent_case);

	tcase_add_checked_fixture(transaction_case, setup_transactions, teardown_transactions);
	tcase_add_test(transaction_case, answers_find_their_request);
	tcase_add_test(transaction_case, ids_in_use_are_refused);
	tcase_add_test(transaction_case, retries_and_deadlines);
	suite_add_tcase(suite, transaction_case);

	tcase_add_checked_fixture(path_case, setup_facts, NULL);
	tcase_add_loop_test(path_case, attributes_say_what_ibsim_says, 0, array_size(attributes));
	tcase_add_loop_test(path_case, other_paths_inside_do_not_exist, 0, array_size(missing));
	tcase_add_test(path_case, paths_beside_are_not_ours);
	tcase_add_test(path_case, folders_list_their_entries);
	suite_add_tcase(suite, path_case);

	tcase_add_checked_fixture(capture_case, setup_capture, teardown_capture);
	tcase_add_test(capture_case, captures_read_back);
	tcase_add_test(capture_case, a_cut_capture_ends_early);
	suite_add_tcase(suite, capture_case);
	return suite;
}

int main(void)
{
	return check_main(make_suite());
}
