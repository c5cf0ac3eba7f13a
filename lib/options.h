/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Options: one table says what they are; it reads files, takes command line overrides and prints the commented sample.
 * A file has lines "name = value" and comments behind "#" (libconfuse's syntax).
 */
#ifndef HF_LIB_OPTIONS_H
#define HF_LIB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum hf_option_type {
	HF_OPTION_BOOL,		/* bool */
	HF_OPTION_INT,		/* int */
	HF_OPTION_CHOICE,	/* int: index into choices */
	HF_OPTION_STRING,	/* char *, owned by the values; NULL where the default is NULL */
};

struct hf_option {
	const char *name;
	enum hf_option_type type;
	const char *unit;		/* NULL for none */
	const char *default_;		/* as it would stand in a file */
	int min, max;			/* of HF_OPTION_INT */
	const char *const *choices;	/* of HF_OPTION_CHOICE; ends with NULL */
	bool reloadable;
	const char *help;		/* sentences for the sample file and the manual page */
	size_t offset;			/* of the value in the program's struct of values */
};

/* Ends with an option whose name is NULL. */
#define HF_OPTION_END { .name = NULL }

/**
 * hf_options_init() - set every value to its default
 * @table:  the options
 * @values: the struct that their offsets mean; zeroed by the caller
 *
 * Return: 0; -ENOMEM.
 */
int hf_options_init(const struct hf_option *table, void *values);

/* Frees the strings among the values. */
void hf_options_fini(const struct hf_option *table, void *values);

/**
 * hf_options_load() - read a file over the values that are there
 * @table:     the options
 * @path:      the file
 * @values:    changed only if the whole file is good
 * @ret_error: set on failure to one line that names file, line, value and what is allowed; caller frees it
 *
 * An unknown name, a value out of range and a name that stands twice are errors.
 *
 * Return: 0; -EINVAL for what the file says; -ENOMEM; the negative errno of reading it.
 */
int hf_options_load(const struct hf_option *table, const char *path, void *values, char **ret_error);

/**
 * hf_options_set() - set one value from the command line
 * @table:     the options
 * @name:      which
 * @value:     as it would stand in a file
 * @values:    unchanged on failure
 * @ret_error: as in hf_options_load(), without a file
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int hf_options_set(const struct hf_option *table, const char *name, const char *value, void *values,
		   char **ret_error);

/* Whether an option has the same value in two structs. */
bool hf_option_is_same(const struct hf_option *option, const void *values, const void *other);

/**
 * hf_config_text() - read a file for libconfuse
 * @path:     the file; ends at a zero byte
 * @ret_text: its text, with blanks in place of comments, as libconfuse counts some of their lines twice; caller frees
 *
 * Return: 0; -ENOMEM; the negative errno of reading it.
 */
int hf_config_text(const char *path, char **ret_text);

/* Prints the commented sample file: every option with help, unit, range and default, the settings commented out. */
void hf_options_print_sample(const struct hf_option *table, FILE *out);

#endif
