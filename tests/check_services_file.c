/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The services file and the journal: what is good, and what is said of what is not. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"
#include "plugin/journal.h"
#include "plugin/services_file.h"

static char folder[] = "/tmp/hf-check.XXXXXX";
static char path[64];

static void set_up(void)
{
	memcpy(folder, "/tmp/hf-check.XXXXXX", sizeof(folder));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
}

static void tear_down(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void write_file(const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(a_whole_service)
{
	const struct hf_service_config *service;
	struct hf_services_config *config;
	char *error = NULL, text[64];

	write_file("# comment\nservice \"b\" { mgid = \"ff12::2\" nodes = {\"x\"} }\n"
		   "service \"a\" {\n mgid = \"ff12:a01b::1\"\n pkey = 0x8001\n mlid = 0xc123\n"
		   " nodes = {\"0x2c903000e0b72\", \"host b HCA-1/2\", \"a/b\"}\n mode = mlid\n leave_first = true\n"
		   " detection = {sm, heartbeat}\n key_file = \"/k\"\n failback = automatic\n failback_delay_ms = 7\n"
		   " rate = 40\n mtu = 4096\n qkey = 0xffffffff\n}\n");
	ck_assert_int_eq(hf_services_file_load(path, &config, &error), 0);
	ck_assert_uint_eq(config->count, 2);
	service = hf_services_config_find(config, "a");
	ck_assert_ptr_eq(service, &config->services[0]);
	ck_assert_ptr_null(hf_services_config_find(config, "c"));
	ck_assert_uint_eq(service->mgid[0], 0xff);
	ck_assert_uint_eq(service->mgid[15], 1);
	ck_assert_uint_eq(service->pkey, 0x8001);
	ck_assert_uint_eq(service->mlid, 0xc123);
	ck_assert_uint_eq(service->qkey, 0xffffffff);
	ck_assert_uint_eq(service->rate, 7);
	ck_assert_uint_eq(service->mtu, 5);
	ck_assert(service->leave_first);
	ck_assert_uint_eq(service->detection, HF_DETECTION_SM | HF_DETECTION_HEARTBEAT);
	ck_assert_int_eq(service->failback_delay_ms, 7);
	ck_assert_uint_eq(service->line, 4);
	ck_assert_uint_eq(service->node_count, 3);
	ck_assert_uint_eq(service->nodes[0].port_guid, 0x2c903000e0b72);
	ck_assert_str_eq(service->nodes[1].description, "host b HCA-1");
	ck_assert_uint_eq(service->nodes[1].port_num, 2);
	hf_service_node_print(&service->nodes[1], text, sizeof(text));
	ck_assert_str_eq(text, "host b HCA-1/2");
	ck_assert_str_eq(service->nodes[2].description, "a/b");
	ck_assert_uint_eq(config->services[1].detection, HF_DETECTION_SM | HF_DETECTION_OPERATOR);
	hf_services_config_free(config);
}
END_TEST

#define HEAD	"service \"a\" {\n mgid = \"ff12::1\"\n nodes = {\"x\"}\n"

static const struct {
	const char *text, *error;
} bad[] = {
	{ HEAD " rate = 41\n}", ":4: rate = 41: allowed is one of 2.5, 5, 10" },
	{ HEAD " colour = red\n}", ":4: no such option 'colour': allowed are mgid, pkey" },
	{ "servant \"a\" { }", ":1: no such option 'servant': allowed are service" },
	{ HEAD " mgid = \"ff12::2\"\n}", ":4: mgid stands twice, first in line 2" },
	{ HEAD " nodes = {\"y\"}\n}", ":4: nodes stands twice, allowed is one list" },
	{ HEAD " mlid = 0x8000\n}", ":4: mlid = 32768: allowed is 0xc000 to 0xfffe, or 0" },
	{ HEAD " qkey = many\n}", ":4: qkey = many: allowed is 0 to 0xffffffff" },
	{ HEAD " detection = {luck}\n}", ":4: detection: \"luck\": allowed are sm, heartbeat, operator" },
	{ HEAD " detection = {heartbeat}\n}", ":4: detection by heartbeat needs a key_file" },
	{ HEAD " lid = 5\n}", ":2: service \"a\", mode mlid: lid is set: allowed in mode lid only" },
	{ HEAD " switches = {\"s\"}\n}", ":2: service \"a\", mode mlid: switches are set: allowed in mode switch-port" },
	{ "service \"a\" {\n mgid = \"fe80::1\"\n nodes = {\"x\"} }", ":2: mgid = fe80::1: allowed is a multicast GID" },
	{ "service \"a\" {\n mgid = \"ff12:401b::1\"\n nodes = {\"x\"} }", ":2: mgid = ff12:401b::1: 401b and 601b" },
	{ "service \"a\" { nodes = {\"x\"} }", ":1: service \"a\" has no mgid" },
	{ "service \"a\" { mgid = \"ff12::1\" }", ":1: service \"a\" has no nodes" },
	{ "service \"a b\" { mgid = \"ff12::1\" nodes = {\"x\"} }", ":1: service \"a b\": allowed in its name" },
	{ "service \"a\" {\n mgid = \"ff12::1\"\n nodes = {\"0x0\"} }", ":3: nodes: \"0x0\": allowed is a port GUID" },
	{ "service \"a\" {\n mgid = \"ff12::1\"\n nodes = {\"x/255\"} }", ":3: nodes: \"x/255\": allowed is a port GUID" },
	{ "service \"a\" {\n mgid = \"ff12::1\"\n nodes = {\"x\", \"x\"} }", ":3: nodes: \"x\" stands twice" },
	{ HEAD "}\nservice \"a\" { mgid = \"ff12::2\" nodes = {\"x\"} }", ":5: found duplicate title 'a'" },
	{ HEAD "}\nservice \"b\" {\n mgid = \"ff12::1\" nodes = {\"x\"} }",
	  ":6: service \"b\" has the mgid of service \"a\" in line 2" },
	{ HEAD " mlid = 0xc001 }\nservice \"b\" {\n mgid = \"ff12::2\" mlid = 0xc001 nodes = {\"x\"} }",
	  ":6: service \"b\" has mlid 0xc001 like service \"a\" in line 2" },
	{ "service \"a\" {", ":1: " },
};

START_TEST(what_is_bad)
{
	struct hf_services_config *config = NULL;
	char *error = NULL, expected[256];

	write_file(bad[_i].text);
	snprintf(expected, sizeof(expected), "%s%s", path, bad[_i].error);
	ck_assert_int_eq(hf_services_file_load(path, &config, &error), -EINVAL);
	ck_assert_ptr_null(config);
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(!strncmp(error, expected, strlen(expected)), "\"%s\" does not begin with \"%s\"", error, expected);
	free(error);
}
END_TEST

START_TEST(no_file)
{
	struct hf_services_config *config;
	char *error = NULL;

	ck_assert_int_eq(hf_services_file_load(path, &config, &error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error, "No such file"));
	free(error);
}
END_TEST

/* The journal */

static const struct hf_journal_entry lines[] = {
	{ .name = "a", .mlid = 0xc001, .owner = 0x1234, .term = 7 },
	{ .name = "b-2", .mlid = 0xfffe, .lid = 0xbfff, .owner = UINT64_MAX, .term = UINT64_MAX },
};

START_TEST(journal_reads_back)
{
	struct hf_journal_entry *entries;
	const char *why;
	size_t count;

	ck_assert_int_eq(hf_journal_load(path, &entries, &count, &why), 0);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(hf_journal_save(path, lines, 2), 0);
	ck_assert_int_eq(hf_journal_save(path, lines, 2), 0);
	ck_assert_int_eq(hf_journal_load(path, &entries, &count, &why), 0);
	ck_assert_uint_eq(count, 2);
	for (size_t i = 0; i < count; i++) {
		ck_assert_str_eq(entries[i].name, lines[i].name);
		ck_assert_uint_eq(entries[i].mlid, lines[i].mlid);
		ck_assert_uint_eq(entries[i].lid, lines[i].lid);
		ck_assert_uint_eq(entries[i].owner, lines[i].owner);
		ck_assert_uint_eq(entries[i].term, lines[i].term);
	}
	free(entries);
}
END_TEST

/* Every byte counts, and every length. */
START_TEST(journal_that_is_damaged)
{
	struct hf_journal_entry *entries;
	const char *why;
	size_t length, count;
	char *text;

	ck_assert_int_eq(hf_journal_format(lines, 2, &text, &length), 0);
	for (size_t i = 0; i < length; i++) {
		ck_assert_int_eq(hf_journal_parse(text, i, &entries, &count, &why), -EBADMSG);
		for (int bit = 0; bit < 8; bit++) {
			text[i] ^= (char)(1 << bit);
			ck_assert_int_eq(hf_journal_parse(text, length, &entries, &count, &why), -EBADMSG);
			ck_assert_ptr_nonnull(why);
			text[i] ^= (char)(1 << bit);
		}
	}
	ck_assert_int_eq(hf_journal_parse(text, length, &entries, &count, &why), 0);
	free(entries);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("services file");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_whole_service);
	tcase_add_loop_test(tcase, what_is_bad, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tcase, no_file);
	tcase_add_test(tcase, journal_reads_back);
	tcase_add_test(tcase, journal_that_is_damaged);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
