/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The operator's verbs: one table for the control socket and OpenSM's console. A command is words in, a JSON object
 * out; hf_commands_print() makes text of it.
 */
#ifndef HF_PLUGIN_COMMANDS_H
#define HF_PLUGIN_COMMANDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "plugin/services.h"

struct hf_command {
	const char *name;
	const char *usage;	/* its words */
	const char *help;
	size_t min_words, max_words;	/* behind the name */
	bool acts;		/* not everybody who may ask may do this */
	json_t *(*run)(struct hf_services *services, const char *const *words, size_t count, const char *by);
};

/* Ends with an entry whose name is NULL. */
extern const struct hf_command hf_commands[];

/* What an answer's "code" says where there is an "error". */
#define HF_CODE_USAGE		"usage"
#define HF_CODE_DENIED		"denied"
#define HF_CODE_NOT_FOUND	"not-found"
#define HF_CODE_REFUSED		"refused"

/* Return: an object with "error" and "code"; NULL without memory. */
json_t *hf_commands_error(const char *code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Return: the command; NULL where there is none. */
const struct hf_command *hf_commands_find(const char *name);

/**
 * hf_commands_run() - do what the words say
 * @services: NULL where there is no services file
 * @words:    the command's name and its words
 * @count:    at least 1
 * @may_act:  whether the one who asks may do what acts
 * @by:       who, for the log
 *
 * What acts is logged, done or not. Return: an object, with "error" and "code" on failure; NULL without memory.
 */
json_t *hf_commands_run(struct hf_services *services, const char *const *words, size_t count, bool may_act,
			const char *by);

/* The answer as text, for people. */
void hf_commands_print(const json_t *answer, FILE *out);

#endif
