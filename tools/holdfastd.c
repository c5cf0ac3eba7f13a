/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* holdfastd(8): keeps the connections of this host on the paths that the subnet manager gives. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/log.h"
#include "tools/holdfastd_control.h"
#include "tools/holdfastd_options.h"
#include "tools/holdfastd_ports.h"
#include "tools/holdfastd_programs.h"
#include "tools/holdfastd_services.h"
#include "tools/holdfastd_services_file.h"

#define DEFAULT_FILE HF_SYSCONFDIR "/holdfast/holdfastd.conf"
#define EXIT_CONFIG 2

struct arguments {
	const char *file;		/* NULL: the default one, which need not exist */
	char **settings;		/* "name=value", in order */
	size_t setting_count;
	bool log_to_stderr;
	bool check_only;
	const struct hf_option *print_sample;	/* of these; NULL for none */
};

struct daemon {
	const struct arguments *arguments;
	struct holdfastd_options options;
	struct event_base *base;
	struct holdfastd_ports *ports;
	struct holdfastd_services *services;	/* NULL where there are none */
	struct holdfastd_programs *programs;	/* likewise */
	struct holdfastd_asked asked;
	struct hf_control *control;
	bool is_stopping;
};

static void write_syslog(void *ctx, enum hf_log_level level, const char *line)
{
	static const int priorities[] = {
		[HF_LOG_ERROR] = LOG_ERR,
		[HF_LOG_WARN] = LOG_WARNING,
		[HF_LOG_INFO] = LOG_INFO,
		[HF_LOG_DEBUG] = LOG_DEBUG,
	};

	(void)ctx;
	syslog(priorities[level], "%s", line);
}

static void start_log(const struct daemon *daemon)
{
	static const struct hf_log_sink sink = { .write = write_syslog };
	bool to_syslog = daemon->options.log == LOG_TO_SYSLOG && !daemon->arguments->log_to_stderr;

	if (to_syslog)
		openlog("holdfastd", LOG_PID, LOG_DAEMON);
	hf_log_init(to_syslog ? &sink : NULL, (enum hf_log_level)daemon->options.log_level);
}

static int apply_setting(char *setting, struct holdfastd_options *options, char **ret_error)
{
	char *equals = strchr(setting, '=');
	int err;

	if (!equals) {
		*ret_error = NULL;
		if (asprintf(ret_error, "-o %s: an option is set by name=value", setting) < 0)
			return -ENOMEM;
		return -EINVAL;
	}
	*equals = '\0';
	err = hf_options_set(holdfastd_option_table, setting, equals + 1, options, ret_error);
	*equals = '=';
	return err;
}

/* Defaults, then the file, then the command line. @options is to be freed only on success. */
static int load_options(const struct arguments *arguments, struct holdfastd_options *options, char **ret_error)
{
	bool is_optional = !arguments->file && access(DEFAULT_FILE, F_OK) && errno == ENOENT;
	const char *file = arguments->file ? arguments->file : DEFAULT_FILE;
	int err;

	memset(options, 0, sizeof(*options));
	err = hf_options_init(holdfastd_option_table, options);
	if (!err && !is_optional)
		err = hf_options_load(holdfastd_option_table, file, options, ret_error);
	for (size_t i = 0; i < arguments->setting_count && !err; i++)
		err = apply_setting(arguments->settings[i], options, ret_error);
	if (err)
		hf_options_fini(holdfastd_option_table, options);
	return err;
}

static void end_loop(void *ctx)
{
	struct daemon *daemon = ctx;

	event_base_loopbreak(daemon->base);
}

/* The second time is for those who do not want to wait for the SM's answer. */
static void on_terminate(evutil_socket_t signal_num, short events, void *ctx)
{
	struct daemon *daemon = ctx;

	(void)events;
	if (daemon->is_stopping) {
		end_loop(daemon);
		return;
	}
	hf_log(HF_LOG_INFO, "signal %d: ending the subscriptions", (int)signal_num);
	daemon->is_stopping = true;
	holdfastd_ports_stop(daemon->ports, end_loop, daemon);
}

static int check_reload(const struct daemon *daemon, const struct holdfastd_options *options)
{
	const char *fixed = holdfastd_options_find_fixed(&daemon->options, options);

	if (!fixed)
		return 0;
	hf_log(HF_LOG_ERROR, "reload refused, the old options stay: %s can only be changed by a restart", fixed);
	return -EINVAL;
}

static void reload_options(struct daemon *daemon)
{
	struct holdfastd_options options;
	char *error = NULL;
	int err = load_options(daemon->arguments, &options, &error);

	if (err) {
		hf_log(HF_LOG_ERROR, "reload refused, the old options stay: %s", error ? error : strerror(-err));
		free(error);
		return;
	}
	if (check_reload(daemon, &options)) {
		hf_options_fini(holdfastd_option_table, &options);
		return;
	}
	hf_options_fini(holdfastd_option_table, &daemon->options);
	daemon->options = options;
	start_log(daemon);
	holdfastd_ports_reload(daemon->ports);
	hf_log(HF_LOG_INFO, "options reloaded");
}

/* The two files do not wait for each other. */
static void on_hangup(evutil_socket_t signal_num, short events, void *ctx)
{
	struct daemon *daemon = ctx;
	int err;

	(void)signal_num;
	(void)events;
	reload_options(daemon);
	if (!daemon->services)
		return;
	err = holdfastd_services_reload(daemon->services);
	if (err)
		hf_log(HF_LOG_ERROR, "reload refused, the old services stay: %s", strerror(-err));
	else
		hf_log(HF_LOG_INFO, "services reloaded");
}

static const struct {
	int signal_num;
	event_callback_fn handler;
} signals[] = {
	{ SIGTERM, on_terminate },
	{ SIGINT, on_terminate },
	{ SIGHUP, on_hangup },
};

#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

static int add_signals(struct daemon *daemon, struct event *events[SIGNAL_COUNT])
{
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		events[i] = evsignal_new(daemon->base, signals[i].signal_num, signals[i].handler, daemon);
		if (!events[i] || event_add(events[i], NULL))
			return -ENOMEM;
	}
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static int start(struct daemon *daemon)
{
	const char *path = daemon->options.socket;
	int err = holdfastd_ports_new(daemon->base, &daemon->options, &daemon->ports);

	if (!err)
		err = holdfastd_services_new(daemon->base, &daemon->options, daemon->ports, &daemon->services);
	if (!err)
		err = holdfastd_programs_new(daemon->base, &daemon->options, daemon->ports, &daemon->programs);
	if (err || !path || !*path)
		return err;
	daemon->asked = (struct holdfastd_asked){ daemon->ports, daemon->services, daemon->programs };
	err = holdfastd_control_new(daemon->base, path, &daemon->asked, &daemon->control);
	if (err)
		hf_log(HF_LOG_ERROR, "socket %s: %s", path, strerror(-err));
	return err;
}

static int run(struct daemon *daemon)
{
	struct event *events[SIGNAL_COUNT] = { NULL };
	int err;

	daemon->base = event_base_new();
	if (!daemon->base)
		return -ENOMEM;
	err = add_signals(daemon, events);
	if (!err)
		err = start(daemon);
	if (!err && event_base_dispatch(daemon->base) < 0)
		err = -EIO;
	hf_control_free(daemon->control);
	holdfastd_programs_free(daemon->programs);
	holdfastd_services_free(daemon->services);
	holdfastd_ports_free(daemon->ports);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		if (events[i])
			event_free(events[i]);
	event_base_free(daemon->base);
	return err;
}

static void print_usage(FILE *out)
{
	fprintf(out,
		"usage: holdfastd [-f] [-c FILE] [-o NAME=VALUE ...]\n"
		"       holdfastd --check-config [-c FILE] [-o NAME=VALUE ...]\n"
		"       holdfastd --print-config-sample | --print-services-sample\n"
		"  -c, --config FILE      options, instead of " DEFAULT_FILE "\n"
		"  -o, --option NAME=VALUE  one option, instead of what the file says\n"
		"  -f, --foreground       log to standard error whatever the log option says\n"
		"  --check-config         say whether the options are good, and end\n"
		"  --print-config-sample  print a commented file of all options, and end\n"
		"  --print-services-sample  print the commented options of a service, and end\n"
		"  -h, --help, -V, --version\n");
}

/* Return: -1 to go on; otherwise the exit status. */
static int parse_arguments(int argc, char *argv[], struct arguments *arguments)
{
	enum { CHECK_CONFIG = 256, PRINT_SAMPLE, PRINT_SERVICES_SAMPLE };
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "option", required_argument, NULL, 'o' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "check-config", no_argument, NULL, CHECK_CONFIG },
		{ "print-config-sample", no_argument, NULL, PRINT_SAMPLE },
		{ "print-services-sample", no_argument, NULL, PRINT_SERVICES_SAMPLE },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:o:fhV", names, NULL)) >= 0) {
		if (c == 'c') {
			arguments->file = optarg;
		} else if (c == 'o') {
			arguments->settings[arguments->setting_count++] = optarg;
		} else if (c == 'f') {
			arguments->log_to_stderr = true;
		} else if (c == CHECK_CONFIG) {
			arguments->check_only = true;
		} else if (c == PRINT_SAMPLE) {
			arguments->print_sample = holdfastd_option_table;
		} else if (c == PRINT_SERVICES_SAMPLE) {
			arguments->print_sample = holdfastd_service_option_table;
		} else if (c == 'V') {
			puts(PACKAGE_STRING);
			return EXIT_SUCCESS;
		} else {
			print_usage(c == 'h' ? stdout : stderr);
			return c == 'h' ? EXIT_SUCCESS : EXIT_CONFIG;
		}
	}
	if (optind < argc) {
		print_usage(stderr);
		return EXIT_CONFIG;
	}
	return -1;
}

static int check_services(const char *path, char **ret_error)
{
	struct holdfastd_services_file file;
	int err = path && *path ? holdfastd_services_file_load(path, &file, ret_error) : 0;

	if (!err && path && *path)
		holdfastd_services_file_fini(&file);
	return err;
}

static int run_with_options(const struct arguments *arguments)
{
	struct daemon daemon = { .arguments = arguments };
	char *error = NULL;
	int err = load_options(arguments, &daemon.options, &error);

	if (err) {
		fprintf(stderr, "holdfastd: %s\n", error ? error : strerror(-err));
		free(error);
		return EXIT_CONFIG;
	}
	if (arguments->check_only) {
		err = check_services(daemon.options.services, &error);
		if (err)
			fprintf(stderr, "holdfastd: %s\n", error ? error : strerror(-err));
		free(error);
		hf_options_fini(holdfastd_option_table, &daemon.options);
		return err ? EXIT_CONFIG : EXIT_SUCCESS;
	}
	start_log(&daemon);
	err = run(&daemon);
	hf_options_fini(holdfastd_option_table, &daemon.options);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
	struct arguments arguments = { .settings = calloc(argc, sizeof(char *)) };
	int status;

	if (!arguments.settings)
		return EXIT_FAILURE;
	status = parse_arguments(argc, argv, &arguments);
	if (status < 0 && arguments.print_sample) {
		hf_options_print_sample(arguments.print_sample, stdout);
		status = EXIT_SUCCESS;
	} else if (status < 0) {
		status = run_with_options(&arguments);
	}
	free(arguments.settings);
	return status;
}
