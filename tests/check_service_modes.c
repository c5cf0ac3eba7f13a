/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What a mode cannot do is refused when the services file is read, alone and beside other services. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "check_main.h"
#include "plugin/services_file.h"

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

static int load(const char *text, struct hf_services_config **ret_config, char **ret_error)
{
	char path[] = "/tmp/hf-service-modes.XXXXXX";
	int fd = mkstemp(path), err;

	ck_assert_int_ge(fd, 0);
	close(fd);
	write_file(path, text);
	err = hf_services_file_load(path, ret_config, ret_error);
	unlink(path);
	return err;
}

static void check_good(const char *text)
{
	struct hf_services_config *config;
	char *error = NULL;

	ck_assert_msg(!load(text, &config, &error), "%s", error);
	hf_services_config_free(config);
}

/* The line is that of the mgid of the service that has to go. */
static void check_refused(const char *text, unsigned int line, const char *why)
{
	struct hf_services_config *config;
	char *error = NULL, where[16];

	ck_assert_int_eq(load(text, &config, &error), -EINVAL);
	snprintf(where, sizeof(where), ":%u: ", line);
	ck_assert_msg(strstr(error, where) != NULL, "%s", error);
	ck_assert_msg(strstr(error, why) != NULL, "%s", error);
	free(error);
}

#define SERVICE(name, mgid, rest) "service " name " {\n\tmgid = \"ff12:a01b::" mgid "\"\n" rest "}\n"

START_TEST(modes_alone)
{
	check_good(SERVICE("a", "1", "nodes = { 0x11, \"host b\" }\n"));
	check_good(SERVICE("a", "1", "mode = switch-port\nnodes = { 0x11, 0x12 }\n"));
	check_good(SERVICE("a", "1", "mode = switch-port\nnodes = { 0x11 }\nswitches = { 0x21, \"leaf 1\" }\n"));
	check_good(SERVICE("a", "1", "mode = lid\nlid = 0x40\nnodes = { 0x11, \"host b/2\" }\n"));
	check_refused(SERVICE("a", "1", "lid = 64\nnodes = { 0x11 }\n"), 2, "mode lid only");
	check_refused(SERVICE("a", "1", "mode = switch-port\nlid = 64\nnodes = { 0x11 }\n"), 2, "mode lid only");
	check_refused(SERVICE("a", "1", "switches = { 0x21 }\nnodes = { 0x11 }\n"), 2, "mode switch-port only");
	check_refused(SERVICE("a", "1", "mode = lid\nswitches = { 0x21 }\nnodes = { 0x11 }\n"), 2,
		      "mode switch-port only");
	check_refused(SERVICE("a", "1", "mode = lid\nnodes = { 0x11, \"host b\" }\n"), 2, "host b/2");
}
END_TEST

START_TEST(one_service_for_default_ports)
{
	check_good(SERVICE("a", "1", "mode = switch-port\nnodes = { 0x11, 0x12 }\n")
		   SERVICE("b", "2", "nodes = { 0x11, 0x12 }\n"));
	check_refused(SERVICE("a", "1", "mode = switch-port\nnodes = { 0x11, 0x12 }\n")
		      SERVICE("b", "2", "mode = switch-port\nnodes = { 0x13 }\n"), 7, "service \"a\" in line 2");
}
END_TEST

START_TEST(a_port_for_each_lid)
{
	check_good(SERVICE("a", "1", "mode = lid\nnodes = { 0x11, 0x12 }\n")
		   SERVICE("b", "2", "mode = lid\nnodes = { 0x13, 0x14, \"host/1\" }\n")
		   SERVICE("c", "3", "nodes = { 0x15, \"host\", \"host/2\" }\n"));
	check_refused(SERVICE("a", "1", "mode = lid\nnodes = { 0x11, 0x12 }\n")
		      SERVICE("b", "2", "nodes = { 0x13, 0x12 }\n"), 7, "node 0x0000000000000012");
	check_refused(SERVICE("z", "1", "nodes = { \"host/1\" }\n")
		      SERVICE("b", "2", "mode = lid\nnodes = { 0x13, \"host/1\" }\n"), 6, "service \"z\" in line 2");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("service_modes");
	TCase *tcase = tcase_create("service_modes");

	tcase_add_test(tcase, modes_alone);
	tcase_add_test(tcase, one_service_for_default_ports);
	tcase_add_test(tcase, a_port_for_each_lid);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
