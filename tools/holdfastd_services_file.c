/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfastd_services_file.h"

#include <confuse.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/service_wire.h"

#define AT(field)	offsetof(struct holdfastd_service_values, field)
#define OPTIONS_MAX	16
#define MESSAGE_MAX	512

const struct hf_option holdfastd_service_option_table[] = {
	{
		.name = "port", .type = HF_OPTION_STRING, .offset = AT(port),
		.help = "The local port that may own the service, as adapter:number. Empty: the first one.",
	},
	{
		.name = "key_file", .type = HF_OPTION_STRING, .offset = AT(key_file),
		.help = "The key that the nodes and the subnet manager share: one line of 64 hexadecimal digits, as "
			"openssl rand -hex 32 prints it. Only its owner, root or the user that runs holdfastd, may have "
			"any permission on it. Needed.",
	},
	{
		.name = "interval_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "0", .min = 0,
		.max = 60000, .offset = AT(interval_ms),
		.help = "How often a heartbeat is sent to each peer. All nodes of a service need the same. 0: interval "
			"and count are what the services file of the subnet manager says.",
	},
	{
		.name = "count", .type = HF_OPTION_INT, .default_ = "3", .min = 1, .max = 100, .offset = AT(count),
		.help = "How many heartbeats in a row are missed before a peer is lost, where interval_ms is given.",
	},
	{
		.name = "report_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "10000", .min = 100,
		.max = 3600000, .offset = AT(report_ms),
		.help = "How often the subnet manager is asked who owns the service where there is nothing new. What is "
			"new is told, and asked for, at once.",
	},
	{
		.name = "timeout_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "200", .min = 10,
		.max = 60000, .offset = AT(timeout_ms),
		.help = "How long the subnet manager's answer is waited for; then the request is repeated, after twice "
			"the time each time, up to report_ms.",
	},
	{
		.name = "hook", .type = HF_OPTION_STRING, .offset = AT(hook),
		.help = "A program that is run when this node is to do something for the service, see HOOKS. Empty: "
			"none, and all that it would have to do is done.",
	},
	{
		.name = "hook_limit_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "60000", .min = 10,
		.max = 86400000, .offset = AT(hook_limit_ms),
		.help = "How long it may run, also where the subnet manager allows more. Then it is killed, with all "
			"processes of its group.",
	},
	HF_OPTION_END
};

struct reading {
	const char *path;
	struct holdfastd_service open;		/* the section that is read */
	unsigned int lines[OPTIONS_MAX];	/* in it, by index of options; 0: not given */
	struct holdfastd_services_file file;
	char *error;				/* the first one */
	bool out_of_memory;
};

/* libconfuse copies its option table and hands its callbacks no context of ours. */
static _Thread_local struct reading *current;

static void keep_error(unsigned int line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void keep_error(unsigned int line, const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (!current->error && asprintf(&current->error, "%s:%u: %s", current->path, line, message) < 0) {
		current->error = NULL;
		current->out_of_memory = true;
	}
}

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	char message[MESSAGE_MAX];
	const char *allowed = "";

	vsnprintf(message, sizeof(message), format, args);
	if (strstr(message, "no such option"))
		allowed = strcmp(cfg->name, "service") ? ": allowed is service \"NAME\" { ... }" :
			  ": allowed are peers, port, key_file, interval_ms, count, report_ms, timeout_ms, hook, "
			  "hook_limit_ms";
	keep_error(cfg->line, "%s%s", message, allowed);
}

static void clear_service(struct holdfastd_service *service)
{
	hf_options_fini(holdfastd_service_option_table, &service->values);
	free(service->name);
	explicit_bzero(service, sizeof(*service));
}

static int open_section(struct reading *reading)
{
	reading->open = (struct holdfastd_service){ 0 };
	memset(reading->lines, 0, sizeof(reading->lines));
	return hf_options_init(holdfastd_service_option_table, &reading->open.values);
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *name = cfg_opt_name(opt), *value = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
	char *error = NULL;
	size_t index = 0;
	int err;

	while (strcmp(holdfastd_service_option_table[index].name, name))
		index++;
	if (current->lines[index]) {
		keep_error(cfg->line, "%s stands twice, first in line %u", name, current->lines[index]);
		return -1;
	}
	current->lines[index] = cfg->line;
	err = hf_options_set(holdfastd_service_option_table, name, value ? value : "", &current->open.values, &error);
	if (err == -ENOMEM)
		current->out_of_memory = true;
	else if (err)
		keep_error(cfg->line, "%s", error ? error : strerror(-err));
	free(error);
	return err ? -1 : 0;
}

/* Called for each peer of the list when it has been read, and once more at its end. */
static int on_peer(cfg_t *cfg, cfg_opt_t *opt)
{
	struct holdfastd_service *service = &current->open;
	const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
	uint64_t guid = 0;
	char *end;

	if (cfg_opt_size(opt) == service->peer_count)
		return 0;
	errno = 0;
	if (text)
		guid = strtoull(text, &end, 0);
	if (!text || errno || end == text || *end || !guid || strchr(text, '-')) {
		keep_error(cfg->line, "peers: \"%s\": allowed is a port GUID like 0x0002c9030012ab01",
			   text ? text : "");
		return -1;
	}
	for (size_t i = 0; i < service->peer_count; i++)
		if (service->peers[i] == guid) {
			keep_error(cfg->line, "peers: %s stands twice", text);
			return -1;
		}
	if (service->peer_count == HOLDFASTD_PEERS_MAX) {
		keep_error(cfg->line, "peers: allowed are %d at most", HOLDFASTD_PEERS_MAX);
		return -1;
	}
	service->peers[service->peer_count++] = guid;
	return 0;
}

static int check_section(struct holdfastd_service *service, const char *name, unsigned int line)
{
	const char *hook = service->values.hook;
	char *error = NULL;

	if (!hf_service_name_is_valid(name)) {
		keep_error(line, "service \"%s\": allowed in its name are letters, digits, _ . and -, 1 to %d", name,
			   HF_SERVICE_WIRE_NAME_MAX);
		return -1;
	}
	if (!service->peer_count) {
		keep_error(line, "service \"%s\" has no peers: needed is a list of port GUIDs, 1 to %d", name,
			   HOLDFASTD_PEERS_MAX);
		return -1;
	}
	if (!service->values.key_file || !*service->values.key_file) {
		keep_error(line, "service \"%s\" has no key_file: needed is the file of its key", name);
		return -1;
	}
	if (hook && *hook && access(hook, X_OK)) {
		keep_error(line, "service \"%s\": hook %s: %s: needed is a program", name, hook, strerror(errno));
		return -1;
	}
	if (hf_key_load(service->values.key_file, &service->key, &error)) {
		keep_error(line, "service \"%s\": %s", name, error ? error : "no memory");
		free(error);
		return -1;
	}
	return 0;
}

static int on_section(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *name = cfg_title(cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1));
	struct holdfastd_services_file *file = &current->file;
	struct holdfastd_service *grown;

	if (check_section(&current->open, name ? name : "", cfg->line))
		return -1;
	grown = realloc(file->services, (file->count + 1) * sizeof(*grown));
	if (grown)
		file->services = grown;
	current->open.name = grown ? strdup(name) : NULL;
	if (!current->open.name) {
		current->out_of_memory = true;
		return -1;
	}
	grown[file->count++] = current->open;
	if (open_section(current)) {
		current->out_of_memory = true;
		return -1;
	}
	return 0;
}

static int parse(struct reading *reading, const char *text)
{
	cfg_opt_t service[OPTIONS_MAX + 2], root[2], *opt = service;
	cfg_t *cfg;
	int rc;

	for (const struct hf_option *option = holdfastd_service_option_table; option->name; option++) {
		*opt = (cfg_opt_t)CFG_STR(option->name, NULL, CFGF_NODEFAULT);
		opt++->validcb = on_value;
	}
	*opt = (cfg_opt_t)CFG_STR_LIST("peers", NULL, CFGF_NODEFAULT);
	opt++->validcb = on_peer;
	*opt = (cfg_opt_t)CFG_END();
	root[0] = (cfg_opt_t)CFG_SEC("service", service,
				     CFGF_NODEFAULT | CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
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

int holdfastd_services_file_load(const char *path, struct holdfastd_services_file *ret_file, char **ret_error)
{
	struct reading reading = { .path = path };
	char *text = NULL;
	int err = hf_config_text(path, &text);

	if (err && err != -ENOMEM && asprintf(&reading.error, "%s: %s", path, strerror(-err)) < 0)
		reading.error = NULL;
	if (!err)
		err = open_section(&reading);
	if (!err) {
		current = &reading;
		err = parse(&reading, text);
		current = NULL;
	}
	free(text);
	clear_service(&reading.open);
	if (err) {
		holdfastd_services_file_fini(&reading.file);
		*ret_error = reading.error;
		return err;
	}
	*ret_file = reading.file;
	return 0;
}

void holdfastd_services_file_fini(struct holdfastd_services_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		clear_service(&file->services[i]);
	free(file->services);
	*file = (struct holdfastd_services_file){ 0 };
}
