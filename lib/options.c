/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/options.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ERROR_MAX_BYTES 1024

/* One reading of a file: what it gives for each option, or why it is refused. */
struct reading {
	const struct hf_option *table;
	const char *path;
	char **texts;		/* by index in the table; NULL where the file says nothing */
	char *error;
};

/* libconfuse copies its option table and hands its callbacks no context of ours. */
static _Thread_local struct reading *current;

static size_t count_options(const struct hf_option *table)
{
	size_t count = 0;

	while (table[count].name)
		count++;
	return count;
}

static const struct hf_option *find_option(const struct hf_option *table, const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

static char *format_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *format_error(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return text;
}

/* "0 to 64 (milliseconds)", "true or false", "one of a, b, c" */
static void describe_allowed(const struct hf_option *option, char *text, size_t size)
{
	int used;

	switch (option->type) {
	case HF_OPTION_BOOL:
		snprintf(text, size, "true or false");
		break;
	case HF_OPTION_INT:
		used = snprintf(text, size, "%d to %d", option->min, option->max);
		if (option->unit)
			snprintf(text + used, size - used, " (%s)", option->unit);
		break;
	case HF_OPTION_CHOICE:
		used = snprintf(text, size, "one of ");
		for (size_t i = 0; option->choices[i] && used < (int)size; i++)
			used += snprintf(text + used, size - used, "%s%s", i ? ", " : "", option->choices[i]);
		break;
	case HF_OPTION_STRING:
		snprintf(text, size, "a string");
		break;
	}
}

static bool parse_bool(const char *text, int *ret_value)
{
	static const char *const words[][2] = { { "false", "true" }, { "no", "yes" }, { "off", "on" } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (int value = 0; value < 2; value++)
			if (!strcmp(text, words[i][value])) {
				*ret_value = value;
				return true;
			}
	return false;
}

static bool parse_int(const struct hf_option *option, const char *text, int *ret_value)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 0);
	if (errno || end == text || *end || value < option->min || value > option->max)
		return false;
	*ret_value = (int)value;
	return true;
}

static bool parse_choice(const struct hf_option *option, const char *text, int *ret_value)
{
	for (int i = 0; option->choices[i]; i++)
		if (!strcmp(option->choices[i], text)) {
			*ret_value = i;
			return true;
		}
	return false;
}

/* Everything but strings becomes a number. */
static bool parse_number(const struct hf_option *option, const char *text, int *ret_value)
{
	switch (option->type) {
	case HF_OPTION_BOOL:
		return parse_bool(text, ret_value);
	case HF_OPTION_INT:
		return parse_int(option, text, ret_value);
	case HF_OPTION_CHOICE:
		return parse_choice(option, text, ret_value);
	case HF_OPTION_STRING:
		break;
	}
	return true;
}

static int store(const struct hf_option *option, const char *text, void *values)
{
	void *where = (char *)values + option->offset;
	int number = 0;
	char *copy;

	if (option->type == HF_OPTION_STRING) {
		copy = text ? strdup(text) : NULL;
		if (text && !copy)
			return -ENOMEM;
		free(*(char **)where);
		*(char **)where = copy;
		return 0;
	}
	if (!parse_number(option, text, &number))
		return -EINVAL;
	if (option->type == HF_OPTION_BOOL)
		*(bool *)where = number;
	else
		*(int *)where = number;
	return 0;
}

int hf_options_init(const struct hf_option *table, void *values)
{
	for (; table->name; table++) {
		int err = store(table, table->default_, values);

		if (err)
			return err;
	}
	return 0;
}

void hf_options_fini(const struct hf_option *table, void *values)
{
	for (; table->name; table++)
		if (table->type == HF_OPTION_STRING)
			store(table, NULL, values);
}

static char *describe_value_error(const struct hf_option *option, const char *text)
{
	char allowed[ERROR_MAX_BYTES];

	describe_allowed(option, allowed, sizeof(allowed));
	return format_error("%s = %s: allowed is %s", option->name, text, allowed);
}

static char *describe_unknown(const struct hf_option *table, const char *message)
{
	char names[ERROR_MAX_BYTES] = "";
	int used = 0;

	for (; table->name && used < (int)sizeof(names); table++)
		used += snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", table->name);
	return format_error("%s: allowed are %s", message, names);
}

static void keep_first_error(cfg_t *cfg, char *message)
{
	if (message && !current->error)
		current->error = format_error("%s:%d: %s", current->path, cfg->line, message);
	free(message);
}

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	char message[ERROR_MAX_BYTES];

	vsnprintf(message, sizeof(message), format, args);
	if (strstr(message, "no such option"))
		keep_first_error(cfg, describe_unknown(current->table, message));
	else
		keep_first_error(cfg, strdup(message));
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct hf_option *option = find_option(current->table, cfg_opt_name(opt));
	char **text = &current->texts[option - current->table];
	const char *value = cfg_opt_getnstr(opt, 0);
	int number;

	if (*text) {
		keep_first_error(cfg, format_error("%s stands twice", option->name));
		return -1;
	}
	if (!value || !parse_number(option, value, &number)) {
		keep_first_error(cfg, describe_value_error(option, value ? value : ""));
		return -1;
	}
	*text = strdup(value);
	return *text ? 0 : -1;
}

/* The whole file, freed with free(). */
static int read_text(const char *path, char **ret_text)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	int err = 0;

	if (!file)
		return -errno;
	errno = 0;
	if (getdelim(&text, &size, '\0', file) < 0) {
		err = -errno;
		free(text);
		text = err ? NULL : strdup("");
		err = err || text ? err : -ENOMEM;
	}
	fclose(file);
	*ret_text = text;
	return err;
}

/* The end of the quoted string that starts at @text, or @text where none does. */
static char *end_of_quoted(char *text)
{
	char quote = *text;

	if (quote != '"' && quote != '\'')
		return text;
	for (text++; *text && *text != quote; text++)
		if (*text == '\\' && text[1])
			text++;
	return *text ? text + 1 : text;
}

static char *end_of_comment(char *text)
{
	char *end;

	if (*text == '#' || !strncmp(text, "//", 2))
		return text + strcspn(text, "\n");
	if (strncmp(text, "/*", 2))
		return text;
	end = strstr(text + 2, "*/");
	return end ? end + 2 : text;
}

/* libconfuse counts some lines of comments twice, so it gets to see none. */
static void blank_comments(char *text)
{
	while (*text) {
		char *end = end_of_comment(text);

		for (; text < end; text++)
			if (*text != '\n')
				*text = ' ';
		end = end_of_quoted(text);
		text = end > text ? end : *text ? text + 1 : text;
	}
}

int hf_config_text(const char *path, char **ret_text)
{
	int err = read_text(path, ret_text);

	if (!err)
		blank_comments(*ret_text);
	return err;
}

/* Fills @reading; -EINVAL with its error set where the text is refused. */
static int parse_text(const char *text, struct reading *reading)
{
	size_t count = count_options(reading->table);
	cfg_opt_t *opts = calloc(count + 1, sizeof(*opts));
	int err = -ENOMEM;
	cfg_t *cfg;

	if (!opts)
		return err;
	for (size_t i = 0; i < count; i++)
		opts[i] = (cfg_opt_t)CFG_STR(reading->table[i].name, NULL, CFGF_NODEFAULT);
	opts[count] = (cfg_opt_t)CFG_END();
	cfg = cfg_init(opts, CFGF_NONE);
	if (!cfg)
		goto err_free_opts;
	cfg_set_error_function(cfg, on_error);
	for (size_t i = 0; i < count; i++)
		cfg_set_validate_func(cfg, reading->table[i].name, on_value);

	current = reading;
	err = cfg_parse_buf(cfg, text) == CFG_SUCCESS ? 0 : reading->error ? -EINVAL : -ENOMEM;
	current = NULL;
	cfg_free(cfg);
err_free_opts:
	free(opts);
	return err;
}

static int read_file(struct reading *reading)
{
	char *text = NULL;
	int err = hf_config_text(reading->path, &text);

	if (err) {
		reading->error = format_error("%s: %s", reading->path, strerror(-err));
		return err;
	}
	err = parse_text(text, reading);
	free(text);
	return err;
}

int hf_options_load(const struct hf_option *table, const char *path, void *values, char **ret_error)
{
	size_t count = count_options(table);
	struct reading reading = { .table = table, .path = path, .texts = calloc(count, sizeof(char *)) };
	int err;

	if (!reading.texts)
		return -ENOMEM;
	err = read_file(&reading);
	for (size_t i = 0; i < count && !err; i++)
		if (reading.texts[i])
			err = store(&table[i], reading.texts[i], values);
	if (err)
		*ret_error = reading.error ? reading.error : strdup(strerror(-err));
	for (size_t i = 0; i < count; i++)
		free(reading.texts[i]);
	free(reading.texts);
	return err;
}

int hf_options_set(const struct hf_option *table, const char *name, const char *value, void *values,
		   char **ret_error)
{
	const struct hf_option *option = find_option(table, name);
	int number;

	if (!option) {
		char message[ERROR_MAX_BYTES];

		snprintf(message, sizeof(message), "no such option '%s'", name);
		*ret_error = describe_unknown(table, message);
		return -EINVAL;
	}
	if (!parse_number(option, value, &number)) {
		*ret_error = describe_value_error(option, value);
		return -EINVAL;
	}
	return store(option, value, values);
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool hf_option_is_same(const struct hf_option *option, const void *values, const void *other)
{
	const void *a = (const char *)values + option->offset, *b = (const char *)other + option->offset;

	switch (option->type) {
	case HF_OPTION_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case HF_OPTION_INT:
	case HF_OPTION_CHOICE:
		return *(const int *)a == *(const int *)b;
	case HF_OPTION_STRING:
		return is_same_text(*(char *const *)a, *(char *const *)b);
	}
	return false;
}

/* Prints @text in lines of at most 78 columns behind "# ". */
static void print_wrapped(const char *text, FILE *out)
{
	enum { WIDTH = 76 };

	while (*text) {
		size_t len = strlen(text);

		if (len > WIDTH) {
			len = WIDTH;
			while (len && text[len] != ' ')
				len--;
			if (!len)
				len = WIDTH;
		}
		fprintf(out, "# %.*s\n", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
}

void hf_options_print_sample(const struct hf_option *table, FILE *out)
{
	char allowed[ERROR_MAX_BYTES];

	for (; table->name; table++) {
		print_wrapped(table->help, out);
		describe_allowed(table, allowed, sizeof(allowed));
		fprintf(out, "# Allowed: %s.%s\n", allowed, table->reloadable ? " May be reloaded." : "");
		fprintf(out, "#%s = %s\n\n", table->name, table->default_ ? table->default_ : "\"\"");
	}
}
