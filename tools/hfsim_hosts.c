/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/trace.h"
#include "lib/wire.h"
#include "tools/control_client.h"
#include "tools/hfsim_setup.h"
#include "tools/hfsim_stale.h"

#define CONTROL_TIMEOUT_MS	5000
#define ASK_INTERVAL_NS		(20 * UINT64_C(1000000))	/* asking must not slow down what is measured */

/* The names of a daemon's adapters as HF_UMAD_NODES wants them. */
static char *join_names(const struct hf_scenario *scenario, size_t first, size_t count)
{
	char *names = NULL;
	size_t length;
	FILE *out = open_memstream(&names, &length);

	if (!out)
		return NULL;
	for (size_t i = first; i < first + count; i++)
		fprintf(out, "%s%s", i == first ? "" : " ", scenario->hosts[i]->name);
	fclose(out);
	return names;
}

static int make_daemons(struct hf_fabric *fabric)
{
	const struct hf_scenario *scenario = fabric->scenario;
	size_t each = scenario->hosts_per_daemon;
	size_t count = (scenario->host_count + each - 1) / each;

	fabric->daemons = calloc(count + 1, sizeof(*fabric->daemons));
	if (!fabric->daemons)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct hf_daemon *daemon = &fabric->daemons[i];

		daemon->index = i;
		daemon->first_host = i * each;
		daemon->n_hosts = i + 1 < count ? each : scenario->host_count - i * each;
		daemon->node_names = join_names(scenario, daemon->first_host, daemon->n_hosts);
		if (!daemon->node_names)
			return -ENOMEM;
		fabric->n_daemons++;
	}
	return 0;
}

struct hf_daemon *hf_hosts_find(struct hf_fabric *fabric, const struct hf_topology_node *host)
{
	const struct hf_scenario *scenario = fabric->scenario;

	for (size_t i = 0; i < scenario->host_count; i++)
		if (scenario->hosts[i] == host)
			return &fabric->daemons[i / scenario->hosts_per_daemon];
	return NULL;
}

static size_t count_served(const struct hf_fabric *fabric, const struct hf_daemon *daemon)
{
	size_t count = 0;

	if (daemon->is_silenced)
		return 0;
	for (size_t i = daemon->first_host; i < daemon->first_host + daemon->n_hosts; i++)
		count += hf_reach_has(&fabric->reach, fabric->scenario->hosts[i]);
	return count;
}

static bool is_asked(const struct hf_fabric *fabric, const struct hf_daemon *daemon)
{
	return count_served(fabric, daemon) > 0;
}

size_t hf_hosts_count_served(const struct hf_fabric *fabric)
{
	size_t count = 0;

	for (size_t i = 0; i < fabric->n_daemons; i++)
		count += count_served(fabric, &fabric->daemons[i]);
	return count;
}

static int ask(const struct hf_fabric *fabric, const struct hf_daemon *daemon, const char *what, json_t **ret_answer)
{
	struct hf_file_path path = hf_fabric_path(fabric, HF_FILE_HOST ".socket", daemon->index);

	return hf_control_get(path.text, what, CONTROL_TIMEOUT_MS, ret_answer);
}

/* An adapter that is cut off is busy for ever: it looks for its SM. */
static bool is_cut_off(const struct hf_fabric *fabric, const struct hf_daemon *daemon, const json_t *port)
{
	const char *text = json_string_value(json_object_get(port, "gid"));
	union hf_gid gid;

	if (!text || inet_pton(AF_INET6, text, gid.raw) != 1)
		return false;
	for (size_t i = daemon->first_host; i < daemon->first_host + daemon->n_hosts; i++) {
		const struct hf_topology_node *host = fabric->scenario->hosts[i];

		if (hf_setup_port_guid(host) == be64toh(gid.guid))
			return !hf_reach_has(&fabric->reach, host);
	}
	return false;
}

static bool is_idle(const struct hf_fabric *fabric, const struct hf_daemon *daemon)
{
	json_t *answer;
	const json_t *ports, *port;
	bool idle;
	size_t i;

	if (ask(fabric, daemon, "status", &answer))
		return false;
	ports = json_object_get(answer, "status");
	idle = json_array_size(ports) == daemon->n_hosts;
	json_array_foreach(ports, i, port)
		if (!json_is_false(json_object_get(port, "busy")) && !is_cut_off(fabric, daemon, port))
			idle = false;
	json_decref(answer);
	return idle;
}

bool hf_hosts_are_idle(struct hf_fabric *fabric)
{
	for (size_t i = 0; i < fabric->n_daemons; i++)
		if (is_asked(fabric, &fabric->daemons[i]) && !is_idle(fabric, &fabric->daemons[i]))
			return false;
	return true;
}

static int append_connections(struct hf_fabric *fabric, const struct hf_daemon *daemon, json_t *connections)
{
	json_t *answer, *list;
	int err = ask(fabric, daemon, "connections", &answer);

	if (err)
		return hf_fabric_fail(fabric, err, "%s does not tell its connections: %s", daemon->child.name,
				      strerror(-err));
	list = json_object_get(answer, "connections");
	if (!json_is_array(list))
		err = hf_fabric_fail(fabric, -EPROTO, "%s: the answer has no list of connections", daemon->child.name);
	else
		json_array_extend(connections, list);
	json_decref(answer);
	return err;
}

int hf_hosts_connections(struct hf_fabric *fabric, json_t **ret_connections)
{
	json_t *connections = json_array();
	int err = connections ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < fabric->n_daemons; i++)
		if (is_asked(fabric, &fabric->daemons[i]))
			err = append_connections(fabric, &fabric->daemons[i], connections);
	if (err) {
		json_decref(connections);
		return err;
	}
	*ret_connections = connections;
	return 0;
}

static int append_paths(struct hf_fabric *fabric, const struct hf_daemon *daemon, struct hf_path_set *held)
{
	json_t *status = NULL, *paths = NULL;
	int err = ask(fabric, daemon, "status", &status);

	if (!err)
		err = ask(fabric, daemon, "paths", &paths);
	if (!err)
		err = hf_stale_add_held(status, paths, held);
	json_decref(status);
	json_decref(paths);
	return err ? hf_fabric_fail(fabric, err, "%s does not tell its paths: %s", daemon->child.name,
				    strerror(-err)) : 0;
}

int hf_hosts_paths(struct hf_fabric *fabric, struct hf_path_set *ret_held)
{
	int err = 0;

	*ret_held = (struct hf_path_set){ 0 };
	for (size_t i = 0; !err && i < fabric->n_daemons; i++)
		if (is_asked(fabric, &fabric->daemons[i]))
			err = append_paths(fabric, &fabric->daemons[i], ret_held);
	hf_path_set_finish(ret_held);
	return err;
}

uint64_t *hf_hosts_list_served(const struct hf_fabric *fabric)
{
	uint64_t *guids = calloc(fabric->scenario->host_count + 1, sizeof(*guids));
	size_t count = 0;

	for (size_t i = 0; guids && i < fabric->n_daemons; i++) {
		const struct hf_daemon *daemon = &fabric->daemons[i];

		for (size_t j = daemon->first_host; j < daemon->first_host + daemon->n_hosts; j++)
			if (!daemon->is_silenced && hf_reach_has(&fabric->reach, fabric->scenario->hosts[j]))
				guids[count++] = hf_setup_port_guid(fabric->scenario->hosts[j]);
	}
	return guids;
}

static size_t count_ready(const json_t *connections)
{
	size_t n_ready = 0, i;
	const json_t *connection;

	json_array_foreach(connections, i, connection) {
		const char *state = json_string_value(json_object_get(connection, "qp_state"));

		n_ready += state && strcmp(state, "RTS") == 0;
	}
	return n_ready;
}

/* When the hosts were last asked. */
struct asking {
	uint64_t next_ns;
	size_t n_expected;	/* connections */
};

static bool are_connected(struct hf_fabric *fabric, void *ctx)
{
	struct asking *asking = ctx;
	json_t *connections;
	bool connected;

	if (hf_now_ns() < asking->next_ns)
		return false;
	connected = hf_hosts_are_idle(fabric) && hf_hosts_connections(fabric, &connections) == 0;
	if (connected) {
		connected = count_ready(connections) >= asking->n_expected;
		json_decref(connections);
	}
	asking->next_ns = hf_now_ns() + ASK_INTERVAL_NS;
	return connected;
}

int hf_hosts_start(struct hf_fabric *fabric)
{
	const struct hf_scenario *scenario = fabric->scenario;
	struct asking asking = { 0 };
	int err = make_daemons(fabric);

	if (err)
		return hf_fabric_fail(fabric, err, "%s", strerror(-err));
	for (size_t i = 0; i < fabric->n_daemons; i++) {
		err = hf_fabric_start_daemon(fabric, &fabric->daemons[i]);
		if (err)
			return err;
	}
	if (scenario->connect_all && scenario->host_count > 1)
		asking.n_expected = scenario->host_count * (scenario->host_count - 1);
	return hf_fabric_wait(fabric, "all connections of the hosts", are_connected, &asking,
			      scenario->watchdog_s * 1000);
}
