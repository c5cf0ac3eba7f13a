/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfastd_options.h"

#include <string.h>

static const char *const strategies[] = { "simulated", NULL };
static const char *const logs[] = { "stderr", "syslog", NULL };
static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };

#define AT(field) offsetof(struct holdfastd_options, field)

const struct hf_option holdfastd_option_table[] = {
	{
		.name = "ports", .type = HF_OPTION_STRING, .default_ = "all", .offset = AT(ports),
		.help = "The ports to keep in step with the subnet manager: all InfiniBand ports of this host, "
			"or a list like \"mlx5_0:1 mlx5_1:1\"; without a number, all ports of the adapter.",
	},
	{
		.name = "connect", .type = HF_OPTION_STRING, .offset = AT(connect),
		.help = "A file that names destinations, for simulations: a port GID a line, behind the local "
			"port that connects to it (adapter, adapter:number, node name or GID) unless all ports "
			"do. To each of them one reliable connection is created.",
	},
	{
		.name = "strategy", .type = HF_OPTION_CHOICE, .choices = strategies, .default_ = "simulated",
		.offset = AT(strategy),
		.help = "How a connection is moved to another path.",
	},
	{
		.name = "simulated_sqd", .type = HF_OPTION_BOOL, .default_ = "true", .offset = AT(simulated_sqd),
		.help = "Whether simulated queue pairs know the state SQD; if not, their paths are changed by "
			"way of RESET, as on an adapter that refuses SQD.",
	},
	{
		.name = "services", .type = HF_OPTION_STRING, .offset = AT(services),
		.help = "The file of the services that this host is a node of, holdfastd.services(5). Empty: none.",
	},
	{
		.name = "socket", .type = HF_OPTION_STRING, .default_ = "/run/holdfastd.sock", .offset = AT(socket),
		.help = "The control socket. Empty: none.",
	},
	{
		.name = "programs_socket", .type = HF_OPTION_STRING, .offset = AT(programs_socket),
		.help = "The socket that libholdfast-verbs connects to from programs, so that their connections are "
			"moved, too; usually /run/holdfast-programs.sock. Empty: none.",
	},
	{
		.name = "programs_group", .type = HF_OPTION_STRING, .offset = AT(programs_group),
		.help = "The group whose members' programs may connect to that socket, beside root's. Empty: every "
			"user's.",
	},
	{
		.name = "trace", .type = HF_OPTION_STRING, .offset = AT(trace),
		.help = "A file to which events are appended, one JSON object a line. Empty: none.",
	},
	{
		.name = "log", .type = HF_OPTION_CHOICE, .choices = logs, .default_ = "stderr", .offset = AT(log),
		.help = "Where messages go.",
	},
	{
		.name = "log_level", .type = HF_OPTION_CHOICE, .choices = log_levels, .default_ = "info",
		.reloadable = true, .offset = AT(log_level),
		.help = "The least important messages that are written.",
	},
	{
		.name = "port_interval_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "1000",
		.min = 10, .max = 60000, .reloadable = true, .offset = AT(port_interval_ms),
		.help = "How often LID, state and subnet manager of each port are read. A MAD of an unknown SM has them read at "
			"once.",
	},
	{
		.name = "request_timeout_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "1000",
		.min = 10, .max = 60000, .reloadable = true, .offset = AT(request_timeout_ms),
		.help = "How long the answer to a subscription is waited for. Retries come after 100 ms, 200 ms "
			"and so on, at most 10 s.",
	},
	{
		.name = "query_timeout_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "2000",
		.min = 100, .max = 60000, .reloadable = true, .offset = AT(query_timeout_ms),
		.help = "How long the whole table of path records is waited for, all its segments together. "
			"Doubled after each failure in a row, to at most 60 s.",
	},
	{
		.name = "check_interval_s", .type = HF_OPTION_INT, .unit = "seconds", .default_ = "10",
		.min = 1, .max = 3600, .reloadable = true, .offset = AT(check_interval_s),
		.help = "How often the subnet manager is asked whether it still knows the subscriptions of a "
			"port: one that was restarted may have forgotten them.",
	},
	{
		.name = "stop_timeout_ms", .type = HF_OPTION_INT, .unit = "milliseconds", .default_ = "500",
		.min = 0, .max = 10000, .reloadable = true, .offset = AT(stop_timeout_ms),
		.help = "How long holdfastd tries to end its subscriptions when it is stopped.",
	},
	HF_OPTION_END
};

const char *holdfastd_options_find_fixed(const struct holdfastd_options *from, const struct holdfastd_options *to)
{
	for (const struct hf_option *option = holdfastd_option_table; option->name; option++)
		if (!option->reloadable && !hf_option_is_same(option, from, to))
			return option->name;
	return NULL;
}
