/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/services_file.h"

#include <arpa/inet.h>
#include <confuse.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/services_options.h"

#define MESSAGE_MAX	512
#define MLID_MIN	0xc000
#define MLID_MAX	0xfffe	/* the last one means all ports */

/* The section that is open, as it stands in the file. */
struct section {
	struct hf_service_values values;
	unsigned int lines[HF_SERVICE_OPTIONS_MAX];	/* by index into the option table; 0: not given */
	struct hf_service_node *nodes;
	size_t node_count;
	struct hf_service_switch *switches;
	size_t switch_count;
	unsigned int detection;
	bool is_closed[HF_SERVICE_LISTS];
	unsigned int list_lines[HF_SERVICE_LISTS];
	size_t items;			/* of the list that is open */
};

struct reading {
	const char *path;
	struct section section;
	struct hf_service_config *services;
	size_t count;
	char *error;			/* the first one, with its place */
	bool out_of_memory;
};

/* libconfuse copies its option table and hands its callbacks no context of ours. */
static _Thread_local struct reading *current;

const char *const hf_service_mode_names[HF_SERVICE_MODES + 1] = {
	[HF_SERVICE_MLID] = "mlid",
	[HF_SERVICE_SWITCH_PORT] = "switch-port",
	[HF_SERVICE_LID] = "lid",
};

const char *const hf_service_failback_names[HF_FAILBACKS + 1] = {
	[HF_FAILBACK_AUTOMATIC] = "automatic",
	[HF_FAILBACK_MANUAL] = "manual",
	[HF_FAILBACK_NEVER] = "never",
};

static void keep_error(unsigned int line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void keep_error(unsigned int line, const char *format, ...)
{
	char message[2 * MESSAGE_MAX];
	va_list args;

	if (current->error)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (asprintf(&current->error, "%s:%u: %s", current->path, line, message) < 0) {
		current->error = NULL;
		current->out_of_memory = true;
	}
}

static int fail_memory(void)
{
	current->out_of_memory = true;
	return -1;
}

static void list_names(char *names, size_t size)
{
	size_t used = 0;

	for (const struct hf_option *option = hf_service_option_table; option->name; option++)
		used += snprintf(names + used, size - used, "%s, ", option->name);
	snprintf(names + used, size - used, "%s, %s, %s", hf_service_list_names[HF_SERVICE_LIST_NODES],
		 hf_service_list_names[HF_SERVICE_LIST_DETECTION], hf_service_list_names[HF_SERVICE_LIST_SWITCHES]);
}

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	char message[MESSAGE_MAX], names[MESSAGE_MAX] = "service";

	vsnprintf(message, sizeof(message), format, args);
	if (!strcmp(cfg->name, "service"))
		list_names(names, sizeof(names));
	if (strstr(message, "no such option"))
		keep_error(cfg->line, "%s: allowed are %s", message, names);
	else
		keep_error(cfg->line, "%s", message);
}

/* Single values */

static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	struct section *section = &current->section;
	const char *value = cfg_opt_getstr(opt);
	unsigned int index = 0;
	char *error = NULL;
	int err;

	while (strcmp(hf_service_option_table[index].name, cfg_opt_name(opt)))
		index++;
	if (section->lines[index]) {
		keep_error(cfg->line, "%s stands twice, first in line %u", cfg_opt_name(opt), section->lines[index]);
		return -1;
	}
	err = hf_options_set(hf_service_option_table, cfg_opt_name(opt), value ? value : "", &section->values, &error);
	if (err == -ENOMEM)
		current->out_of_memory = true;
	else if (err)
		keep_error(cfg->line, "%s", error ? error : strerror(-err));
	free(error);
	section->lines[index] = cfg->line;
	return err ? -1 : 0;
}

/* Lists */

/* Return: whether the text is a GUID, which may be 0 where it cannot be one. */
static bool parse_guid(const char *text, uint64_t *ret_guid)
{
	size_t length = strspn(text + 2 * !strncmp(text, "0x", 2), "0123456789abcdefABCDEF");

	if (strncmp(text, "0x", 2) || text[2 + length])
		return false;
	*ret_guid = length && length <= 16 ? strtoull(text, NULL, 16) : 0;
	return true;
}

/* "NAME/2" is port 2. A description with another slash in it is left alone. */
static int split_port(const char *text, struct hf_service_node *node)
{
	const char *slash = strrchr(text, '/');
	size_t digits = slash ? strspn(slash + 1, "0123456789") : 0;
	unsigned long port = digits && digits <= 3 ? strtoul(slash + 1, NULL, 10) : 0;

	if (!digits || slash[1 + digits] || slash == text) {
		node->description = strdup(text);
		return 0;
	}
	if (port < 1 || port > 254)
		return -EINVAL;
	node->port_num = (uint8_t)port;
	node->description = strndup(text, slash - text);
	return 0;
}

bool hf_service_node_is_same(const struct hf_service_node *a, const struct hf_service_node *b)
{
	if (!a->description || !b->description)
		return !a->description && !b->description && a->port_guid == b->port_guid;
	return !strcmp(a->description, b->description) && a->port_num == b->port_num;
}

void hf_service_node_print(const struct hf_service_node *node, char *text, size_t size)
{
	if (!node->description)
		snprintf(text, size, "0x%016" PRIx64, node->port_guid);
	else if (node->port_num)
		snprintf(text, size, "%s/%u", node->description, node->port_num);
	else
		snprintf(text, size, "%s", node->description);
}

static int add_node(unsigned int line, const char *text)
{
	struct section *section = &current->section;
	struct hf_service_node node = { 0 }, *grown;
	bool is_guid = parse_guid(text, &node.port_guid);

	if (section->node_count == HF_SERVICE_NODES_MAX) {
		keep_error(line, "nodes: allowed are at most %d", HF_SERVICE_NODES_MAX);
		return -1;
	}
	if (!*text || (is_guid && !node.port_guid) || (!is_guid && split_port(text, &node))) {
		keep_error(line, "nodes: \"%s\": allowed is a port GUID (0x and 1 to 16 hexadecimal digits, not all "
			   "zero) or a node description, with /1 to /254 behind it for a port", text);
		return -1;
	}
	if (!is_guid && !node.description)
		return fail_memory();
	for (size_t i = 0; i < section->node_count; i++)
		if (hf_service_node_is_same(&section->nodes[i], &node)) {
			keep_error(line, "nodes: \"%s\" stands twice", text);
			free(node.description);
			return -1;
		}
	grown = reallocarray(section->nodes, section->node_count + 1, sizeof(*grown));
	if (!grown) {
		free(node.description);
		return fail_memory();
	}
	section->nodes = grown;
	grown[section->node_count++] = node;
	return 0;
}

static int add_switch(unsigned int line, const char *text)
{
	struct section *section = &current->section;
	struct hf_service_switch one = { 0 }, *grown;
	bool is_guid = parse_guid(text, &one.guid);

	if (!*text || (is_guid && !one.guid) || section->switch_count == HF_SERVICE_SWITCHES_MAX) {
		keep_error(line, "switches: \"%s\": allowed are at most %d node GUIDs or node descriptions of switches",
			   text, HF_SERVICE_SWITCHES_MAX);
		return -1;
	}
	grown = reallocarray(section->switches, section->switch_count + 1, sizeof(*grown));
	if (!grown)
		return fail_memory();
	section->switches = grown;
	if (!is_guid && !(one.description = strdup(text)))
		return fail_memory();
	grown[section->switch_count++] = one;
	return 0;
}

static int add_detection(unsigned int line, const char *text)
{
	static const char *const names[] = { "sm", "heartbeat", "operator" };	/* by bit */

	for (unsigned int bit = 0; bit < sizeof(names) / sizeof(names[0]); bit++)
		if (!strcmp(text, names[bit])) {
			current->section.detection |= 1U << bit;
			return 0;
		}
	keep_error(line, "detection: \"%s\": allowed are sm, heartbeat, operator", text);
	return -1;
}

/* libconfuse calls this for each string of a list as it is read, and once more at the end of the list. */
static int on_item(cfg_t *cfg, cfg_opt_t *opt)
{
	struct section *section = &current->section;
	unsigned int size = cfg_opt_size(opt);
	int list = 0;
	const char *text;

	while (strcmp(hf_service_list_names[list], cfg_opt_name(opt)))
		list++;
	if (section->is_closed[list]) {
		keep_error(cfg->line, "%s stands twice, allowed is one list", cfg_opt_name(opt));
		return -1;
	}
	if (size == section->items) {
		section->is_closed[list] = true;
		section->list_lines[list] = cfg->line;
		section->items = 0;
		return 0;
	}
	section->items = size;
	text = cfg_opt_getnstr(opt, size - 1);
	switch ((enum hf_service_list)list) {
	case HF_SERVICE_LIST_NODES:
		return add_node(cfg->line, text);
	case HF_SERVICE_LIST_DETECTION:
		return add_detection(cfg->line, text);
	case HF_SERVICE_LIST_SWITCHES:
		return add_switch(cfg->line, text);
	case HF_SERVICE_LISTS:
		break;
	}
	return -1;
}

/* A section as a whole */

static unsigned int line_of(const struct section *section, const char *name, unsigned int otherwise)
{
	for (size_t i = 0; hf_service_option_table[i].name; i++)
		if (!strcmp(hf_service_option_table[i].name, name))
			return section->lines[i] ? section->lines[i] : otherwise;
	return otherwise;
}

static bool parse_mgid(const char *text, uint8_t ret_mgid[16])
{
	return inet_pton(AF_INET6, text, ret_mgid) == 1 && ret_mgid[0] == 0xff;
}

static bool is_ipoib(const uint8_t mgid[16])
{
	return (mgid[2] == 0x40 || mgid[2] == 0x60) && mgid[3] == 0x1b;
}

static bool parse_qkey(const char *text, uint32_t *ret_qkey)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || value > UINT32_MAX)
		return false;
	*ret_qkey = (uint32_t)value;
	return true;
}

static bool is_good_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return length && !name[length] && length <= HF_SERVICE_NAME_MAX;
}

static bool check_section(const struct section *section, const char *name, unsigned int end_line)
{
	const struct hf_service_values *values = &section->values;
	uint8_t mgid[16];
	uint32_t qkey;

	if (!is_good_name(name))
		keep_error(end_line, "service \"%s\": allowed in its name are letters, digits, _ . and -, 1 to %d",
			   name, HF_SERVICE_NAME_MAX);
	else if (!values->mgid)
		keep_error(end_line, "service \"%s\" has no mgid: needed is a multicast GID like ff12:a01b::1", name);
	else if (!parse_mgid(values->mgid, mgid))
		keep_error(line_of(section, "mgid", end_line), "mgid = %s: allowed is a multicast GID, ff00:: to "
			   "ffff:...:ffff", values->mgid);
	else if (is_ipoib(mgid))
		keep_error(line_of(section, "mgid", end_line), "mgid = %s: 401b and 601b in the second group are "
			   "IPoIB's, allowed is any other", values->mgid);
	else if (!section->node_count)
		keep_error(end_line, "service \"%s\" has no nodes: needed is a list of 1 to %d", name,
			   HF_SERVICE_NODES_MAX);
	else if (values->mlid && values->mlid < MLID_MIN)
		keep_error(line_of(section, "mlid", end_line), "mlid = %d: allowed is 0xc000 to 0xfffe, or 0 for one "
			   "that the SM gives", values->mlid);
	else if (!parse_qkey(values->qkey, &qkey))
		keep_error(line_of(section, "qkey", end_line), "qkey = %s: allowed is 0 to 0xffffffff", values->qkey);
	else if (section->detection & HF_DETECTION_HEARTBEAT && (!values->key_file || !*values->key_file))
		keep_error(section->list_lines[HF_SERVICE_LIST_DETECTION], "detection by heartbeat needs a key_file");
	return !current->error && !current->out_of_memory;
}

static void config_fini(struct hf_service_config *config)
{
	for (size_t i = 0; i < config->node_count; i++)
		free(config->nodes[i].description);
	for (size_t i = 0; i < config->switch_count; i++)
		free(config->switches[i].description);
	free(config->nodes);
	free(config->switches);
	free(config->key_file);
	free(config->name);
}

static int section_init(struct section *section)
{
	memset(section, 0, sizeof(*section));
	return hf_options_init(hf_service_option_table, &section->values);
}

static void section_fini(struct section *section)
{
	struct hf_service_config rest = {
		.nodes = section->nodes, .node_count = section->node_count,
		.switches = section->switches, .switch_count = section->switch_count,
	};

	config_fini(&rest);
	hf_options_fini(hf_service_option_table, &section->values);
}

/* Takes the lists of the section. */
static struct hf_service_config make_config(struct section *section, const char *name, unsigned int line)
{
	struct hf_service_values *values = &section->values;
	struct hf_service_config config = {
		.name = strdup(name),
		.pkey = (uint16_t)values->pkey, .mlid = (uint16_t)values->mlid, .lid = (uint16_t)values->lid,
		.mtu = (uint8_t)(values->mtu + 1), .rate = hf_service_rate_codes[values->rate],
		.pkt_life = (uint8_t)values->pkt_life, .sl = (uint8_t)values->sl,
		.mode = values->mode, .leave_first = values->leave_first,
		.detection = section->detection ? section->detection : HF_DETECTION_SM | HF_DETECTION_OPERATOR,
		.failback = values->failback, .failback_delay_ms = values->failback_delay_ms,
		.hold_down_ms = values->hold_down_ms, .state_transfer = values->state_transfer,
		.hook_limit_ms = values->hook_limit_ms, .drain_limit_ms = values->drain_limit_ms,
		.heartbeat_interval_ms = values->heartbeat_interval_ms, .heartbeat_count = values->heartbeat_count,
		.key_file = values->key_file,
		.nodes = section->nodes, .node_count = section->node_count,
		.switches = section->switches, .switch_count = section->switch_count,
		.line = line_of(section, "mgid", line),
	};

	parse_mgid(values->mgid, config.mgid);
	parse_qkey(values->qkey, &config.qkey);
	values->key_file = NULL;
	section->nodes = NULL;
	section->switches = NULL;
	section->node_count = section->switch_count = 0;
	return config;
}

static bool check_mode(const struct hf_service_config *config)
{
	hf_service_mode_check_fn check = hf_service_mode_checks[config->mode];
	char *error = NULL;
	int err = check ? check(config, &error) : 0;

	if (err == -ENOMEM)
		current->out_of_memory = true;
	else if (err)
		keep_error(config->line, "service \"%s\", mode %s: %s", config->name,
			   hf_service_mode_names[config->mode], error ? error : strerror(-err));
	free(error);
	return !err;
}

/* The end of a section: it goes to the others, and the next one begins. */
static int on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	struct section *section = &current->section;
	const char *name = cfg_title(cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1));
	struct hf_service_config *grown, config;

	if (!check_section(section, name ? name : "", cfg->line))
		return -1;
	if (current->count == HF_SERVICES_MAX) {
		keep_error(cfg->line, "there are more than %d services", HF_SERVICES_MAX);
		return -1;
	}
	grown = reallocarray(current->services, current->count + 1, sizeof(*grown));
	if (!grown)
		return fail_memory();
	current->services = grown;
	config = make_config(section, name, cfg->line);
	grown[current->count++] = config;
	if (!config.name)
		return fail_memory();
	if (!check_mode(&config))
		return -1;
	section_fini(section);
	return section_init(section) ? fail_memory() : 0;
}

/* All sections */

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct hf_service_config *)a)->name, ((const struct hf_service_config *)b)->name);
}

static int compare_mgids(const void *a, const void *b)
{
	const struct hf_service_config *left = *(const struct hf_service_config *const *)a;
	const struct hf_service_config *right = *(const struct hf_service_config *const *)b;
	int order = memcmp(left->mgid, right->mgid, sizeof(left->mgid));

	return order ? order : (left->line > right->line) - (left->line < right->line);
}

static int compare_mlids(const void *a, const void *b)
{
	const struct hf_service_config *left = *(const struct hf_service_config *const *)a;
	const struct hf_service_config *right = *(const struct hf_service_config *const *)b;

	if (left->mlid != right->mlid)
		return left->mlid < right->mlid ? -1 : 1;
	return (left->line > right->line) - (left->line < right->line);
}

static int compare_lids(const void *a, const void *b)
{
	const struct hf_service_config *left = *(const struct hf_service_config *const *)a;
	const struct hf_service_config *right = *(const struct hf_service_config *const *)b;

	if (left->lid != right->lid)
		return left->lid < right->lid ? -1 : 1;
	return (left->line > right->line) - (left->line < right->line);
}

static void find_shared(const struct hf_service_config **sorted, size_t count)
{
	qsort(sorted, count, sizeof(*sorted), compare_mgids);
	for (size_t i = 1; i < count; i++)
		if (!memcmp(sorted[i - 1]->mgid, sorted[i]->mgid, sizeof(sorted[i]->mgid)))
			keep_error(sorted[i]->line, "service \"%s\" has the mgid of service \"%s\" in line %u",
				   sorted[i]->name, sorted[i - 1]->name, sorted[i - 1]->line);
	qsort(sorted, count, sizeof(*sorted), compare_mlids);
	for (size_t i = 1; i < count; i++)
		if (sorted[i]->mlid && sorted[i - 1]->mlid == sorted[i]->mlid)
			keep_error(sorted[i]->line, "service \"%s\" has mlid 0x%04x like service \"%s\" in line %u",
				   sorted[i]->name, sorted[i]->mlid, sorted[i - 1]->name, sorted[i - 1]->line);
	qsort(sorted, count, sizeof(*sorted), compare_lids);
	for (size_t i = 1; i < count; i++)
		if (sorted[i]->lid && sorted[i - 1]->lid == sorted[i]->lid)
			keep_error(sorted[i]->line, "service \"%s\" has lid %u like service \"%s\" in line %u",
				   sorted[i]->name, sorted[i]->lid, sorted[i - 1]->name, sorted[i - 1]->line);
}

static void check_together(struct reading *reading)
{
	const struct hf_service_config *which;
	char *error = NULL;
	int err = hf_service_modes_check_together(reading->services, reading->count, &which, &error);

	if (err == -ENOMEM)
		reading->out_of_memory = true;
	else if (err)
		keep_error(which->line, "service \"%s\", mode %s: %s", which->name,
			   hf_service_mode_names[which->mode], error);
	free(error);
}

static int check_all(struct reading *reading)
{
	const struct hf_service_config **sorted = calloc(reading->count + 1, sizeof(const struct hf_service_config *));

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < reading->count; i++)
		sorted[i] = &reading->services[i];
	find_shared(sorted, reading->count);
	free(sorted);
	check_together(reading);
	if (reading->count)
		qsort(reading->services, reading->count, sizeof(*reading->services), compare_names);
	return reading->out_of_memory ? -ENOMEM : reading->error ? -EINVAL : 0;
}

static int parse(struct reading *reading, const char *text)
{
	cfg_opt_t service[HF_SERVICE_OPTIONS_MAX + HF_SERVICE_LISTS + 1], root[2], *opt = service;
	cfg_t *cfg;
	int rc;

	for (const struct hf_option *option = hf_service_option_table; option->name; option++) {
		*opt = (cfg_opt_t)CFG_STR(option->name, NULL, CFGF_NODEFAULT);
		opt++->validcb = on_value;
	}
	for (int list = 0; list < HF_SERVICE_LISTS; list++) {
		*opt = (cfg_opt_t)CFG_STR_LIST(hf_service_list_names[list], NULL, CFGF_NODEFAULT);
		opt++->validcb = on_item;
	}
	*opt = (cfg_opt_t)CFG_END();
	root[0] = (cfg_opt_t)CFG_SEC("service", service, CFGF_NODEFAULT | CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	root[0].validcb = on_section;
	root[1] = (cfg_opt_t)CFG_END();
	cfg = cfg_init(root, CFGF_NONE);
	if (!cfg)
		return -ENOMEM;
	cfg_set_error_function(cfg, on_error);
	rc = cfg_parse_buf(cfg, text);
	if (rc != CFG_SUCCESS)
		keep_error(cfg->line, "allowed is service \"NAME\" { ... }");
	cfg_free(cfg);
	return reading->out_of_memory ? -ENOMEM : reading->error ? -EINVAL : 0;
}

static void free_services(struct hf_service_config *services, size_t count)
{
	for (size_t i = 0; i < count; i++)
		config_fini(&services[i]);
	free(services);
}

static int read_services(struct reading *reading)
{
	char *text = NULL;
	int err = hf_config_text(reading->path, &text);

	if (err) {
		if (err != -ENOMEM && asprintf(&reading->error, "%s: %s", reading->path, strerror(-err)) < 0)
			err = -ENOMEM;
		return err;
	}
	current = reading;
	err = section_init(&reading->section);
	if (!err)
		err = parse(reading, text);
	if (!err)
		err = check_all(reading);
	section_fini(&reading->section);
	current = NULL;
	free(text);
	return err;
}

int hf_services_file_load(const char *path, struct hf_services_config **ret_config, char **ret_error)
{
	struct hf_services_config *config = calloc(1, sizeof(*config));
	struct reading reading = { .path = path };
	int err = config ? read_services(&reading) : -ENOMEM;

	if (err) {
		free_services(reading.services, reading.count);
		free(config);
		if (err == -ENOMEM) {
			free(reading.error);
			reading.error = strdup("no memory");
		}
		*ret_error = reading.error;
		return err;
	}
	config->services = reading.services;
	config->count = reading.count;
	*ret_config = config;
	return 0;
}

void hf_services_config_free(struct hf_services_config *config)
{
	if (!config)
		return;
	free_services(config->services, config->count);
	free(config);
}

const struct hf_service_config *hf_services_config_find(const struct hf_services_config *config, const char *name)
{
	const struct hf_service_config key = { .name = (char *)name };

	return config->count ? bsearch(&key, config->services, config->count, sizeof(key), compare_names) : NULL;
}
