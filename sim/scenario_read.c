/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/scenario_draft.h"

#include <confuse.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fail.h"

#define MESSAGE_MAX	512
#define SECTION_OPTS	(HF__VALUES_MAX + 8)	/* values, lists, sections and the end */

struct reading {
	struct hf__scenario_draft *draft;
	bool seen[HF__SECTION_COUNT];
	char *error;			/* the first one, with its place */
	bool out_of_memory;
};

/* libconfuse copies its option table and hands its callbacks no context of ours. */
static _Thread_local struct reading *current;

static const struct section {
	const char *name;
	const char *lists[3];
	bool is_titled;		/* and may stand several times */
} sections[HF__SECTION_COUNT] = {
	[HF__SECTION_ROOT] = { "root", { "must" } },
	[HF__SECTION_FABRIC] = { "fabric", { NULL } },
	[HF__SECTION_SM] = { "sm", { "opensm", "plugin" } },
	[HF__SECTION_HOSTS] = { "hosts", { "run", "holdfastd" } },
	[HF__SECTION_SERVICES] = { "services", { NULL } },
	[HF__SECTION_PROGRAM] = { "program", { NULL }, true },
	[HF__SECTION_FAULT] = { "fault", { "link" }, true },
};

static enum hf__section find_section(const char *name)
{
	for (int i = 0; i < HF__SECTION_COUNT; i++)
		if (!strcmp(sections[i].name, name))
			return i;
	return HF__SECTION_ROOT;
}

static struct hf__titled_drafts *find_titled(enum hf__section section)
{
	return section == HF__SECTION_FAULT ? &current->draft->faults : &current->draft->programs;
}

static void *section_values(enum hf__section section)
{
	switch (section) {
	case HF__SECTION_ROOT:
		return &current->draft->root;
	case HF__SECTION_FABRIC:
		return &current->draft->fabric;
	case HF__SECTION_SM:
		return &current->draft->sm;
	case HF__SECTION_HOSTS:
		return &current->draft->hosts;
	case HF__SECTION_SERVICES:
		return &current->draft->services;
	case HF__SECTION_PROGRAM:
		return &current->draft->programs.open.values;
	case HF__SECTION_FAULT:
		return &current->draft->faults.open.values;
	case HF__SECTION_COUNT:
		break;
	}
	return NULL;
}

static unsigned int *section_lines(enum hf__section section)
{
	return sections[section].is_titled ? find_titled(section)->open.lines : current->draft->lines[section];
}

static void keep_error(cfg_t *cfg, const char *text)
{
	if (current->error)
		return;
	if (hf__fail(-EINVAL, &current->error, "%s:%d: %s", current->draft->path, cfg->line, text) == -ENOMEM)
		current->out_of_memory = true;
}

/* Keeps and frees what a check found; NULL says that memory ran out. Return: what libconfuse wants of a callback. */
static int refuse(cfg_t *cfg, char *text)
{
	if (text)
		keep_error(cfg, text);
	else
		current->out_of_memory = true;
	free(text);
	return -1;
}

static void add_name(char *names, size_t size, const char *name)
{
	size_t used = strlen(names);

	snprintf(names + used, size - used, "%s%s", used ? ", " : "", name);
}

static void list_names(enum hf__section section, char *names, size_t size)
{
	*names = '\0';
	for (const struct hf_option *option = hf__scenario_tables[section]; option->name; option++)
		add_name(names, size, option->name);
	for (size_t i = 0; sections[section].lists[i]; i++)
		add_name(names, size, sections[section].lists[i]);
	if (section == HF__SECTION_ROOT)
		for (int i = HF__SECTION_ROOT + 1; i < HF__SECTION_COUNT; i++)
			add_name(names, size, sections[i].name);
}

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	char message[MESSAGE_MAX], names[MESSAGE_MAX], text[2 * MESSAGE_MAX + 16];

	vsnprintf(message, sizeof(message), format, args);
	list_names(find_section(cfg->name), names, sizeof(names));
	if (strstr(message, "no such option"))
		snprintf(text, sizeof(text), "%s: allowed are %s", message, names);
	else
		snprintf(text, sizeof(text), "%s", message);
	keep_error(cfg, text);
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	enum hf__section section = find_section(cfg->name);
	const struct hf_option *table = hf__scenario_tables[section];
	unsigned int *lines = section_lines(section), index = 0;
	const char *value = cfg_opt_getstr(opt);
	char text[MESSAGE_MAX], *error = NULL;
	int err;

	while (strcmp(table[index].name, cfg_opt_name(opt)))
		index++;
	if (lines[index]) {
		snprintf(text, sizeof(text), "%s stands twice, first in line %u", table[index].name, lines[index]);
		keep_error(cfg, text);
		return -1;
	}
	err = hf_options_set(table, table[index].name, value ? value : "", section_values(section), &error);
	if (!err && section == HF__SECTION_SM && index == HF__SM_ENGINE)
		err = hf__engine_check(value, &error);
	if (err)
		return refuse(cfg, error);
	lines[index] = cfg->line;
	return 0;
}

static int add_item(struct hf__items *items, const char *text, unsigned int line)
{
	struct hf__item *grown = reallocarray(items->items, items->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	items->items = grown;
	grown[items->count].text = strdup(text);
	grown[items->count].line = line;
	if (!grown[items->count].text)
		return -ENOMEM;
	items->count++;
	return 0;
}

static struct hf__items *find_list(const char *name)
{
	struct hf__scenario_draft *draft = current->draft;

	if (!strcmp(name, "must"))
		return &draft->must;
	if (!strcmp(name, "opensm"))
		return &draft->opensm;
	if (!strcmp(name, "plugin"))
		return &draft->plugin;
	if (!strcmp(name, "holdfastd"))
		return &draft->holdfastd;
	return !strcmp(name, "run") ? &draft->run : &draft->faults.open.link;
}

/* libconfuse calls this for each string of a list as it is read, and once more at the end of the list. */
static int on_item(cfg_t *cfg, cfg_opt_t *opt)
{
	struct hf__items *list = find_list(cfg_opt_name(opt));
	unsigned int size = cfg_opt_size(opt);
	char text[MESSAGE_MAX];

	if (list->is_closed) {
		snprintf(text, sizeof(text), "%s stands twice, allowed is one list", cfg_opt_name(opt));
		keep_error(cfg, text);
		return -1;
	}
	if (size == list->count) {
		list->is_closed = true;
		return 0;
	}
	return add_item(list, cfg_opt_getnstr(opt, size - 1), cfg->line) ? refuse(cfg, NULL) : 0;
}

static int on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	enum hf__section section = find_section(cfg_opt_name(opt));
	char text[MESSAGE_MAX];

	if (!current->seen[section]) {
		current->seen[section] = true;
		return 0;
	}
	snprintf(text, sizeof(text), "section %s stands twice, allowed is one", sections[section].name);
	keep_error(cfg, text);
	return -1;
}

static void items_fini(struct hf__items *items)
{
	for (size_t i = 0; i < items->count; i++)
		free(items->items[i].text);
	free(items->items);
}

static int titled_init(enum hf__section section, struct hf__titled_draft *titled)
{
	memset(titled, 0, sizeof(*titled));
	return hf_options_init(hf__scenario_tables[section], &titled->values);
}

static void titled_fini(enum hf__section section, struct hf__titled_draft *titled)
{
	hf_options_fini(hf__scenario_tables[section], &titled->values);
	items_fini(&titled->link);
	free(titled->name);
}

static void all_titled_fini(enum hf__section section, struct hf__titled_drafts *titled)
{
	for (size_t i = 0; i < titled->count; i++)
		titled_fini(section, &titled->drafts[i]);
	free(titled->drafts);
	titled_fini(section, &titled->open);
}

/* The name of the section that has just ended; NULL where it may not be called so. */
static const char *read_title(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *name = cfg_title(cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1));
	char text[MESSAGE_MAX];

	if (*name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")])
		return name;
	snprintf(text, sizeof(text), "%s \"%s\": allowed in its name are letters, digits, _ and -", cfg_opt_name(opt),
		 name);
	keep_error(cfg, text);
	return NULL;
}

/* The end of a section with a title: the open one goes to the others, and the next one begins. */
static int on_titled(cfg_t *cfg, cfg_opt_t *opt)
{
	enum hf__section section = find_section(cfg_opt_name(opt));
	struct hf__titled_drafts *titled = find_titled(section);
	const char *name = read_title(cfg, opt);
	struct hf__titled_draft *grown;

	if (!name)
		return -1;
	grown = reallocarray(titled->drafts, titled->count + 1, sizeof(*grown));
	if (!grown)
		return refuse(cfg, NULL);
	titled->drafts = grown;
	titled->open.line = cfg->line;
	titled->open.name = strdup(name);
	if (!titled->open.name)
		return refuse(cfg, NULL);
	grown[titled->count++] = titled->open;
	return titled_init(section, &titled->open) ? refuse(cfg, NULL) : 0;
}

static cfg_opt_t *add_opts(enum hf__section section, cfg_opt_t *opt)
{
	for (const struct hf_option *option = hf__scenario_tables[section]; option->name; option++) {
		*opt = (cfg_opt_t)CFG_STR(option->name, NULL, CFGF_NODEFAULT);
		opt++->validcb = on_value;
	}
	for (size_t i = 0; sections[section].lists[i]; i++) {
		*opt = (cfg_opt_t)CFG_STR_LIST(sections[section].lists[i], NULL, CFGF_NODEFAULT);
		opt++->validcb = on_item;
	}
	return opt;
}

static int parse(struct reading *reading)
{
	cfg_opt_t opts[HF__SECTION_COUNT][SECTION_OPTS];
	cfg_opt_t *opt = add_opts(HF__SECTION_ROOT, opts[HF__SECTION_ROOT]);
	const char *path = reading->draft->path;
	cfg_t *cfg;
	int err;

	for (int i = HF__SECTION_ROOT + 1; i < HF__SECTION_COUNT; i++) {
		*add_opts(i, opts[i]) = (cfg_opt_t)CFG_END();
		*opt = (cfg_opt_t)CFG_SEC(sections[i].name, opts[i], CFGF_NODEFAULT);
		if (sections[i].is_titled)
			opt->flags |= CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
		opt++->validcb = sections[i].is_titled ? on_titled : on_section;
	}
	*opt = (cfg_opt_t)CFG_END();
	cfg = cfg_init(opts[HF__SECTION_ROOT], CFGF_NONE);
	if (!cfg)
		return -ENOMEM;
	cfg_set_error_function(cfg, on_error);
	current = reading;
	errno = 0;
	switch (cfg_parse(cfg, path)) {
	case CFG_SUCCESS:
		err = 0;
		break;
	case CFG_FILE_ERROR:
		err = errno ? -errno : -EIO;
		hf__fail(err, &reading->error, "%s: cannot open: %s", path, strerror(-err));
		break;
	default:
		/* libconfuse says nothing where a zero byte ends the text. */
		keep_error(cfg, "allowed is a value, a list or a section");
		err = reading->out_of_memory ? -ENOMEM : -EINVAL;
		break;
	}
	current = NULL;
	cfg_free(cfg);
	return err;
}

static int draft_init(struct hf__scenario_draft *draft, const char *path)
{
	int err;

	memset(draft, 0, sizeof(*draft));
	draft->path = path;
	err = hf_options_init(hf__scenario_tables[HF__SECTION_ROOT], &draft->root);
	if (!err)
		err = hf_options_init(hf__scenario_tables[HF__SECTION_FABRIC], &draft->fabric);
	if (!err)
		err = hf_options_init(hf__scenario_tables[HF__SECTION_SM], &draft->sm);
	if (!err)
		err = hf_options_init(hf__scenario_tables[HF__SECTION_HOSTS], &draft->hosts);
	if (!err)
		err = hf_options_init(hf__scenario_tables[HF__SECTION_SERVICES], &draft->services);
	if (!err)
		err = titled_init(HF__SECTION_PROGRAM, &draft->programs.open);
	if (!err)
		err = titled_init(HF__SECTION_FAULT, &draft->faults.open);
	return err;
}

int hf__scenario_read(const char *path, struct hf__scenario_draft *draft, char **ret_error)
{
	struct reading reading = { .draft = draft };
	int err = draft_init(draft, path);

	if (!err)
		err = parse(&reading);
	if (err) {
		hf__scenario_draft_fini(draft);
		*ret_error = reading.error;
	}
	return err;
}

void hf__scenario_draft_fini(struct hf__scenario_draft *draft)
{
	hf_options_fini(hf__scenario_tables[HF__SECTION_ROOT], &draft->root);
	hf_options_fini(hf__scenario_tables[HF__SECTION_FABRIC], &draft->fabric);
	hf_options_fini(hf__scenario_tables[HF__SECTION_SM], &draft->sm);
	hf_options_fini(hf__scenario_tables[HF__SECTION_HOSTS], &draft->hosts);
	hf_options_fini(hf__scenario_tables[HF__SECTION_SERVICES], &draft->services);
	all_titled_fini(HF__SECTION_PROGRAM, &draft->programs);
	all_titled_fini(HF__SECTION_FAULT, &draft->faults);
	items_fini(&draft->must);
	items_fini(&draft->opensm);
	items_fini(&draft->plugin);
	items_fini(&draft->run);
	items_fini(&draft->holdfastd);
}
