/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/options.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"

struct values {
	bool fast;
	int window;
	int mode;
	char *trace;
};

static const char *const modes[] = { "off", "repath-only", NULL };

static const struct hf_option table[] = {
	{ .name = "fast", .type = HF_OPTION_BOOL, .default_ = "true", .help = "Be fast.",
	  .offset = offsetof(struct values, fast) },
	{ .name = "window", .type = HF_OPTION_INT, .unit = "MADs", .default_ = "16", .min = 1, .max = 64,
	  .help = "Reports on their way at once.", .offset = offsetof(struct values, window) },
	{ .name = "mode", .type = HF_OPTION_CHOICE, .default_ = "off", .choices = modes, .help = "Signalling mode.",
	  .offset = offsetof(struct values, mode) },
	{ .name = "trace", .type = HF_OPTION_STRING, .help = "Trace file.", .offset = offsetof(struct values, trace) },
	HF_OPTION_END
};

static struct values values;
static char path[] = "/tmp/check_options.XXXXXX";
static char *error;

static void setup(void)
{
	ck_assert_int_ge(mkstemp(path), 0);
	ck_assert_int_eq(hf_options_init(table, &values), 0);
}

static void teardown(void)
{
	unlink(path);
	hf_options_fini(table, &values);
	free(error);
}

static int load(const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	return hf_options_load(table, path, &values, &error);
}

static void assert_untouched(void)
{
	ck_assert(values.fast);
	ck_assert_int_eq(values.window, 16);
	ck_assert_int_eq(values.mode, 0);
	ck_assert_ptr_null(values.trace);
}

static void assert_error_has(const char *text)
{
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(strstr(error, text), "'%s' lacks '%s'", error, text);
}

START_TEST(defaults_come_from_the_table)
{
	assert_untouched();
}
END_TEST

START_TEST(a_good_file_is_taken)
{
	ck_assert_int_eq(load("# a comment\nfast = no\nwindow = 64\nmode = repath-only\ntrace = \"/tmp/a b\"\n"), 0);
	ck_assert(!values.fast);
	ck_assert_int_eq(values.window, 64);
	ck_assert_int_eq(values.mode, 1);
	ck_assert_str_eq(values.trace, "/tmp/a b");
}
END_TEST

static const struct {
	const char *text, *line, *value, *allowed;
} bad_files[] = {
	{ "fast = no\nwindow = 65\n", ":2:", "window = 65", "1 to 64 (MADs)" },
	{ "window = 0\n", ":1:", "window = 0", "1 to 64" },
	{ "window = many\n", ":1:", "window = many", "1 to 64" },
	{ "window = 12x\n", ":1:", "window = 12x", "1 to 64" },
	{ "window = 99999999999999999999\n", ":1:", "99999999999999999999", "1 to 64" },
	{ "\n\nmode = loud\n", ":3:", "mode = loud", "off, repath-only" },
	{ "# one\n# two\n\n// three\nmode = loud\n", ":5:", "mode = loud", "off, repath-only" },
	{ "window = 3 # a comment\nmode = loud\n", ":2:", "mode = loud", "off, repath-only" },
	{ "/* two\nlines */ mode = loud\n", ":2:", "mode = loud", "off, repath-only" },
	{ "trace = \"a # b // c\"\nmode = loud\n", ":2:", "mode = loud", "off, repath-only" },
	{ "fast = perhaps\n", ":1:", "fast = perhaps", "true or false" },
	{ "colour = red\n", ":1:", "colour", "fast, window, mode, trace" },
	{ "window = 3\nwindow = 4\n", ":2:", "window", "stands twice" },
	{ "window 3\n", ":1:", "", "" },
	{ "window = {\n", ":", "", "" },
	{ "trace = \"open\n", ":", "", "" },
};

START_TEST(a_bad_file_is_refused_whole)
{
	ck_assert_int_eq(load(bad_files[_i].text), -EINVAL);
	assert_error_has(path);
	assert_error_has(bad_files[_i].line);
	assert_error_has(bad_files[_i].value);
	assert_error_has(bad_files[_i].allowed);
	assert_untouched();
}
END_TEST

START_TEST(comments_and_quotes_do_not_mix)
{
	ck_assert_int_eq(load("trace = \"/a#b//c/*d\" # it's one\nwindow = 3 /* x\n */ fast = no // \"\n"), 0);
	ck_assert_str_eq(values.trace, "/a#b//c/*d");
	ck_assert_int_eq(values.window, 3);
	ck_assert(!values.fast);
}
END_TEST

START_TEST(a_missing_file_is_named)
{
	ck_assert_int_eq(hf_options_load(table, "/nowhere/at.all", &values, &error), -ENOENT);
	assert_error_has("/nowhere/at.all");
	assert_untouched();
}
END_TEST

START_TEST(the_command_line_is_checked_alike)
{
	ck_assert_int_eq(hf_options_set(table, "window", "8", &values, &error), 0);
	ck_assert_int_eq(values.window, 8);
	ck_assert_int_eq(hf_options_set(table, "window", "80", &values, &error), -EINVAL);
	assert_error_has("1 to 64 (MADs)");
	free(error);
	ck_assert_int_eq(hf_options_set(table, "shade", "80", &values, &error), -EINVAL);
	assert_error_has("fast, window, mode, trace");
	ck_assert_int_eq(values.window, 8);
}
END_TEST

START_TEST(the_sample_file_reads_back_as_the_defaults)
{
	char sample[4096] = "", set[4096] = "";
	FILE *out = fmemopen(sample, sizeof(sample), "w");
	size_t used = 0;

	hf_options_print_sample(table, out);
	fclose(out);
	ck_assert_int_eq(load(sample), 0);
	assert_untouched();

	/* With the settings no longer commented out: "#name = value", where prose stands behind "# ". */
	for (char *line = strtok(sample, "\n"); line; line = strtok(NULL, "\n"))
		used += snprintf(set + used, sizeof(set) - used, "%s\n", line[1] == ' ' ? line : line + 1);
	ck_assert_int_eq(load(set), 0);
	ck_assert_int_eq(values.window, 16);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tcase = tcase_create("options");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, defaults_come_from_the_table);
	tcase_add_test(tcase, a_good_file_is_taken);
	tcase_add_loop_test(tcase, a_bad_file_is_refused_whole, 0, sizeof(bad_files) / sizeof(bad_files[0]));
	tcase_add_test(tcase, comments_and_quotes_do_not_mix);
	tcase_add_test(tcase, a_missing_file_is_named);
	tcase_add_test(tcase, the_command_line_is_checked_alike);
	tcase_add_test(tcase, the_sample_file_reads_back_as_the_defaults);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
