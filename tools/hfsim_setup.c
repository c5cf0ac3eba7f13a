/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_setup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "tools/hfsim_streams.h"

#define SUBNET_PREFIX	UINT64_C(0xfe80000000000000)
#define CHECK_INTERVAL_S 10	/* holdfastd's own default */
#define DIR_WORD	"@DIR@"
#define SMPS_ON_WIRE	32	/* enough to be fast, few enough for ibsim's sockets, which hold 167 MADs */

static int open_file(struct hf_fabric *fabric, const struct hf_file_path *path, FILE **ret_file)
{
	*ret_file = fopen(path->text, "we");
	return *ret_file ? 0 : hf_fabric_fail(fabric, -errno, "%s: %s", path->text, strerror(errno));
}

static int close_file(struct hf_fabric *fabric, const struct hf_file_path *path, FILE *file)
{
	int err = ferror(file) ? -EIO : 0;

	if (fclose(file) != 0)
		err = -errno;
	return err ? hf_fabric_fail(fabric, err, "%s: %s", path->text, strerror(-err)) : 0;
}


int hf_setup_net(struct hf_fabric *fabric)
{
	struct hf_file_path path = hf_fabric_path(fabric, HF_FILE_NET);
	FILE *file;
	int err = open_file(fabric, &path, &file);

	if (err)
		return err;
	hf_topology_write(fabric->scenario->topology, file);
	return close_file(fabric, &path, file);
}

/* The files of one opensm. */
struct sm_files {
	const char *conf, *log, *plugin_conf, *socket, *trace, *journal;
	int priority;	/* where there are two */
};

static const struct sm_files first_files = {
	HF_FILE_OPENSM_CONF, HF_FILE_OPENSM_LOG, HF_FILE_PLUGIN_CONF, HF_FILE_PLUGIN_SOCKET, HF_FILE_PLUGIN_TRACE,
	HF_FILE_JOURNAL, 10,
};

static const struct sm_files standby_files = {
	HF_FILE_STANDBY_CONF, HF_FILE_STANDBY_LOG, HF_FILE_STANDBY_PLUGIN, HF_FILE_STANDBY_SOCKET,
	HF_FILE_STANDBY_TRACE, HF_FILE_STANDBY_JOURNAL, 5,
};

static int setup_plugin(struct hf_fabric *fabric, const struct sm_files *files)
{
	const struct hf_settings *plugin = &fabric->scenario->plugin;
	struct hf_file_path path = hf_fabric_path(fabric, "%s", files->plugin_conf);
	FILE *file;
	int err = open_file(fabric, &path, &file);

	if (err)
		return err;
	fprintf(file, "trace = \"%s\"\ncontrol = \"%s\"\nmode = %s\n",
		hf_fabric_path(fabric, "%s", files->trace).text, hf_fabric_path(fabric, "%s", files->socket).text,
		fabric->scenario->mode);
	if (fabric->scenario->services_file)
		fprintf(file, "services = \"%s\"\njournal = \"%s\"\n",
			hf_fabric_path(fabric, HF_FILE_SERVICES).text,
			hf_fabric_path(fabric, "%s", files->journal).text);
	for (size_t i = 0; i < plugin->count; i++)
		fprintf(file, "%s = \"%s\"\n", plugin->items[i].name, plugin->items[i].value);
	return close_file(fabric, &path, file);
}

static int setup_sm(struct hf_fabric *fabric, const struct sm_files *files)
{
	const struct hf_settings *sm = &fabric->scenario->sm;
	struct hf_file_path path = hf_fabric_path(fabric, "%s", files->conf);
	FILE *file;
	int err = open_file(fabric, &path, &file);

	if (err)
		return err;
	/* OpenSM reads the last setting of a name. */
	fprintf(file, "log_file %s\nforce_log_flush TRUE\n", hf_fabric_path(fabric, "%s", files->log).text);
	fprintf(file, "max_wire_smps %d\nmax_wire_smps2 %d\n", SMPS_ON_WIRE, SMPS_ON_WIRE);
	fprintf(file, "event_plugin_name osmholdfast\nevent_plugin_options %s\n",
		hf_fabric_path(fabric, "%s", files->plugin_conf).text);
	if (fabric->scenario->standby_node)
		fprintf(file, "sm_priority %d\n", files->priority);
	if (fabric->scenario->engine)
		fprintf(file, "routing_engine %s\n", fabric->scenario->engine);
	for (size_t i = 0; i < sm->count; i++)
		fprintf(file, "%s %s\n", sm->items[i].name, sm->items[i].value);
	err = close_file(fabric, &path, file);
	return err ? err : setup_plugin(fabric, files);
}

int hf_setup_opensm(struct hf_fabric *fabric)
{
	int err = setup_sm(fabric, &first_files);

	if (!err && fabric->scenario->standby_node)
		err = setup_sm(fabric, &standby_files);
	return err;
}

static int write_key(struct hf_fabric *fabric)
{
	struct hf_file_path path = hf_fabric_path(fabric, HF_FILE_KEY);
	uint8_t key[32];
	FILE *file;
	int err;

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return hf_fabric_fail(fabric, -errno, "no random number: %s", strerror(errno));
	err = open_file(fabric, &path, &file);
	if (err)
		return err;
	fchmod(fileno(file), 0600);
	for (size_t i = 0; i < sizeof(key); i++)
		fprintf(file, "%02x", key[i]);
	fprintf(file, "\n");
	return close_file(fabric, &path, file);
}

static void copy_line(const struct hf_fabric *fabric, const char *line, FILE *out)
{
	const char *at;

	while ((at = strstr(line, DIR_WORD)) != NULL) {
		fprintf(out, "%.*s%s", (int)(at - line), line, fabric->dir);
		line = at + strlen(DIR_WORD);
	}
	fputs(line, out);
}

static int copy_file(struct hf_fabric *fabric, const char *from, const char *name, mode_t mode)
{
	struct hf_file_path path = hf_fabric_path(fabric, "%s", name);
	FILE *in = fopen(from, "re"), *out;
	char *line = NULL;
	size_t room = 0;
	int err;

	if (!in)
		return hf_fabric_fail(fabric, -errno, "%s: %s", from, strerror(errno));
	err = open_file(fabric, &path, &out);
	if (!err)
		fchmod(fileno(out), mode);
	while (!err && getline(&line, &room, in) >= 0)
		copy_line(fabric, line, out);
	free(line);
	fclose(in);
	return err ? err : close_file(fabric, &path, out);
}

int hf_setup_services(struct hf_fabric *fabric)
{
	const struct hf_scenario *scenario = fabric->scenario;
	int err = copy_file(fabric, scenario->services_file, HF_FILE_SERVICES, 0644);

	if (!err && scenario->hook_file)
		err = copy_file(fabric, scenario->hook_file, HF_FILE_HOOK, 0755);
	return err ? err : write_key(fabric);
}

uint64_t hf_setup_port_guid(const struct hf_topology_node *node)
{
	unsigned int port = hf_topology_first_port(node);

	return port ? node->ports[port].guid : 0;
}

static void print_gid(FILE *file, uint64_t guid)
{
	for (int word = 0; word < 8; word++)
		fprintf(file, "%s%" PRIx16, word == 0 ? "" : ":",
			(uint16_t)((word < 4 ? SUBNET_PREFIX : guid) >> (48 - word % 4 * 16)));
	fprintf(file, "\n");
}

/* A process of one adapter is not told to connect to itself. */
static int setup_connect(struct hf_fabric *fabric, const struct hf_file_path *path, const struct hf_daemon *daemon)
{
	const struct hf_scenario *scenario = fabric->scenario;
	FILE *file;
	int err = open_file(fabric, path, &file);

	if (err)
		return err;
	for (size_t i = 0; scenario->connect_all && i < scenario->host_count; i++) {
		uint64_t guid = hf_setup_port_guid(scenario->hosts[i]);

		if (guid != 0 && (daemon->n_hosts > 1 || i != daemon->first_host))
			print_gid(file, guid);
	}
	return close_file(fabric, path, file);
}

int hf_setup_check_interval_s(const struct hf_scenario *scenario)
{
	const struct hf_settings *settings = &scenario->holdfastd;

	for (size_t i = 0; i < settings->count; i++)
		if (strcmp(settings->items[i].name, "check_interval_s") == 0)
			return atoi(settings->items[i].value);
	return CHECK_INTERVAL_S;
}

/* A process of several hosts would be several nodes of a service: it is none. */
static bool has_node_services(const struct hf_fabric *fabric, const struct hf_daemon *daemon)
{
	return daemon->n_hosts == 1 &&
	       hf_streams_have_heartbeats(fabric, fabric->scenario->hosts[daemon->first_host]);
}

static int setup_node_services(struct hf_fabric *fabric, const struct hf_daemon *daemon)
{
	struct hf_file_path path = hf_fabric_path(fabric, HF_FILE_HOST ".services", daemon->index);
	FILE *file;
	int err = open_file(fabric, &path, &file);

	if (err)
		return err;
	hf_streams_write_node(fabric, fabric->scenario->hosts[daemon->first_host], file);
	return close_file(fabric, &path, file);
}

int hf_setup_daemon(struct hf_fabric *fabric, const struct hf_daemon *daemon)
{
	const struct hf_settings *settings = &fabric->scenario->holdfastd;
	struct hf_file_path connect = hf_fabric_path(fabric, HF_FILE_HOST ".connect", daemon->index);
	struct hf_file_path path = hf_fabric_path(fabric, HF_FILE_HOST ".conf", daemon->index);
	FILE *file;
	int err = open_file(fabric, &path, &file);

	if (err)
		return err;
	fprintf(file, "socket = \"%s\"\n", hf_fabric_path(fabric, HF_FILE_HOST ".socket", daemon->index).text);
	fprintf(file, "trace = \"%s\"\n", hf_fabric_path(fabric, HF_FILE_HOST ".trace", daemon->index).text);
	fprintf(file, "connect = \"%s\"\n", connect.text);
	if (fabric->scenario->program_count)
		fprintf(file, "programs_socket = \"%s\"\n",
			hf_fabric_path(fabric, HF_FILE_HOST ".programs", daemon->index).text);
	if (has_node_services(fabric, daemon))
		fprintf(file, "services = \"%s\"\n",
			hf_fabric_path(fabric, HF_FILE_HOST ".services", daemon->index).text);
	for (size_t i = 0; i < settings->count; i++)
		fprintf(file, "%s = \"%s\"\n", settings->items[i].name, settings->items[i].value);
	err = close_file(fabric, &path, file);
	if (!err && has_node_services(fabric, daemon))
		err = setup_node_services(fabric, daemon);
	return err ? err : setup_connect(fabric, &connect, daemon);
}
