/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_streams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/services_file.h"
#include "tools/hfsim_setup.h"

#define STOP_TIMEOUT_MS		5000
#define START_TIMEOUT_MS	60000
#define SENT_FILE		"packets.sent"
#define RECEIVED_FILE		"packets.%zu"
#define TRACE_FILE		"traffic.trace"
#define ARGUMENTS		12	/* of the sender besides the services */

/* A node that may run services. */
struct receiver {
	const struct hf_topology_node *node;
	struct hf_child child;
	bool is_silenced;
};

struct hf_streams {
	struct hf_services_config *config;
	struct receiver *receivers;
	size_t n_receivers;
	struct hf_child sender;
};

/* By description, which is the name where the fabric says nothing else. */
static struct hf_topology_node *find_description(const struct hf_topology *topology, const char *description)
{
	for (unsigned int i = 0; i < topology->node_count; i++)
		if (topology->nodes[i]->type == HF_NODE_CA && !strcmp(topology->nodes[i]->description, description))
			return topology->nodes[i];
	return NULL;
}

static struct hf_topology_node *find_port_guid(const struct hf_topology *topology, uint64_t guid)
{
	for (unsigned int i = 0; i < topology->node_count; i++)
		for (unsigned int number = 1; number <= topology->nodes[i]->port_count; number++)
			if (topology->nodes[i]->type == HF_NODE_CA && topology->nodes[i]->ports[number].guid == guid)
				return topology->nodes[i];
	return NULL;
}

static struct hf_topology_node *find_service_node(const struct hf_fabric *fabric, const struct hf_service_node *named)
{
	const struct hf_topology *topology = fabric->scenario->topology;

	return named->description ? find_description(topology, named->description) :
				    find_port_guid(topology, named->port_guid);
}

static struct receiver *find_receiver(const struct hf_streams *streams, const struct hf_topology_node *node)
{
	for (size_t i = 0; i < streams->n_receivers; i++)
		if (streams->receivers[i].node == node)
			return &streams->receivers[i];
	return NULL;
}

static int add_receiver(struct hf_fabric *fabric, const struct hf_service_config *service,
			const struct hf_service_node *named)
{
	const struct hf_topology_node *node = find_service_node(fabric, named);
	struct hf_streams *streams = fabric->streams;
	char name[80];

	if (!node || node == fabric->scenario->sender) {
		hf_service_node_print(named, name, sizeof(name));
		return hf_fabric_fail(fabric, -EINVAL, "%s: service \"%s\": node %s: allowed is an adapter of the "
				      "fabric (%s) other than the sender's", fabric->scenario->services_file, service->name,
				      name, fabric->scenario->fabric);
	}
	if (!find_receiver(streams, node))
		streams->receivers[streams->n_receivers++].node = node;
	return 0;
}

static int add_receivers(struct hf_fabric *fabric)
{
	struct hf_streams *streams = fabric->streams;
	const struct hf_services_config *config = streams->config;
	int err = 0;

	streams->receivers = calloc(fabric->scenario->topology->node_count, sizeof(*streams->receivers));
	if (!streams->receivers)
		return -ENOMEM;
	for (size_t i = 0; i < config->count && !err; i++)
		for (size_t j = 0; j < config->services[i].node_count && !err; j++)
			err = add_receiver(fabric, &config->services[i], &config->services[i].nodes[j]);
	return err;
}

int hf_streams_new(struct hf_fabric *fabric)
{
	char *error = NULL;
	int err;

	if (!fabric->scenario->services_file)
		return 0;
	fabric->streams = calloc(1, sizeof(*fabric->streams));
	if (!fabric->streams)
		return hf_fabric_fail(fabric, -ENOMEM, "%s", strerror(ENOMEM));
	err = hf_services_file_load(fabric->scenario->services_file, &fabric->streams->config, &error);
	if (err)
		hf_fabric_fail(fabric, err, "%s", error ? error : strerror(-err));
	else if (!fabric->streams->config->count)
		err = hf_fabric_fail(fabric, -EINVAL, "%s has no services", fabric->scenario->services_file);
	else
		err = add_receivers(fabric);
	free(error);
	if (err)
		hf_streams_free(fabric);
	return err;
}

size_t hf_streams_count(const struct hf_fabric *fabric)
{
	return fabric->streams ? fabric->streams->config->count : 0;
}

const char *hf_streams_name(const struct hf_fabric *fabric, size_t index)
{
	return fabric->streams->config->services[index].name;
}

static uint64_t port_guid_of(const struct hf_fabric *fabric, const struct hf_service_node *named)
{
	const struct hf_topology_node *node = find_service_node(fabric, named);

	if (named->port_guid)
		return named->port_guid;
	return named->port_num ? node->ports[named->port_num].guid : hf_setup_port_guid(node);
}

static bool is_node_of(const struct hf_fabric *fabric, const struct hf_service_config *service,
		       const struct hf_topology_node *host)
{
	for (size_t i = 0; i < service->node_count; i++)
		if (find_service_node(fabric, &service->nodes[i]) == host)
			return service->detection & HF_DETECTION_HEARTBEAT;
	return false;
}

bool hf_streams_have_heartbeats(const struct hf_fabric *fabric, const struct hf_topology_node *host)
{
	for (size_t i = 0; i < hf_streams_count(fabric); i++)
		if (is_node_of(fabric, &fabric->streams->config->services[i], host))
			return true;
	return false;
}

void hf_streams_write_node(const struct hf_fabric *fabric, const struct hf_topology_node *host, FILE *out)
{
	for (size_t i = 0; i < hf_streams_count(fabric); i++) {
		const struct hf_service_config *service = &fabric->streams->config->services[i];
		const char *comma = "";

		if (!is_node_of(fabric, service, host))
			continue;
		fprintf(out, "service \"%s\" {\n\tkey_file = \"%s\"\n\tpeers = {", service->name,
			hf_fabric_path(fabric, HF_FILE_KEY).text);
		for (size_t j = 0; j < service->node_count; j++) {
			if (find_service_node(fabric, &service->nodes[j]) == host)
				continue;
			fprintf(out, "%s \"0x%016" PRIx64 "\"", comma, port_guid_of(fabric, &service->nodes[j]));
			comma = ",";
		}
		fprintf(out, " }\n");
		if (fabric->scenario->hook_file)
			fprintf(out, "\thook = \"%s\"\n", hf_fabric_path(fabric, HF_FILE_HOOK).text);
		fprintf(out, "}\n");
	}
}

static int start_receiver(struct hf_fabric *fabric, struct receiver *receiver)
{
	struct hf_file_path map = hf_fabric_path(fabric, HF_FILE_MAP), dir = hf_fabric_path(fabric, "%s", "");
	struct hf_file_path packets = hf_fabric_path(fabric, RECEIVED_FILE,
						     (size_t)(receiver - fabric->streams->receivers));
	char *argv[] = {
		fabric->parts[HF_PART_TRAFFIC], "receive", "--map", map.text, "--dir", dir.text, "--packets",
		packets.text, receiver->node->name, NULL,
	};
	char name[96];

	snprintf(name, sizeof(name), "hfsim-traffic receive %s", receiver->node->name);
	receiver->is_silenced = false;
	return hf_fabric_start_client(fabric, &receiver->child, name, argv, receiver->node->name, "traffic.log");
}

/* "NAME=MGID,join": who sends by multicast tables is in the group, as one who only sends. */
static char *service_argument(const struct hf_service_config *service)
{
	char mgid[INET6_ADDRSTRLEN], *text;

	inet_ntop(AF_INET6, service->mgid, mgid, sizeof(mgid));
	if (asprintf(&text, "%s=%s%s", service->name, mgid, service->mode == HF_SERVICE_MLID ? ",join" : "") < 0)
		return NULL;
	return text;
}

static int start_sender(struct hf_fabric *fabric)
{
	const struct hf_services_config *config = fabric->streams->config;
	struct hf_file_path map = hf_fabric_path(fabric, HF_FILE_MAP), dir = hf_fabric_path(fabric, "%s", "");
	struct hf_file_path packets = hf_fabric_path(fabric, SENT_FILE), trace = hf_fabric_path(fabric, TRACE_FILE);
	char interval[16], **argv = calloc(ARGUMENTS + config->count + 3, sizeof(*argv));
	char *const head[] = {
		fabric->parts[HF_PART_TRAFFIC], "send", "--map", map.text, "--dir", dir.text, "--packets", packets.text,
		"--trace", trace.text, "--node", fabric->scenario->sender->name, "--interval-us", interval,
	};
	size_t count = sizeof(head) / sizeof(head[0]);
	int err = 0;

	if (!argv)
		return -ENOMEM;
	snprintf(interval, sizeof(interval), "%u", fabric->scenario->interval_us);
	memcpy(argv, head, sizeof(head));
	for (size_t i = 0; i < config->count; i++) {
		argv[count + i] = service_argument(&config->services[i]);
		if (!argv[count + i])
			err = -ENOMEM;
	}
	if (!err)
		err = hf_events_follow(&fabric->events, trace.text);
	if (!err)
		err = hf_fabric_start_client(fabric, &fabric->streams->sender, "hfsim-traffic send", argv,
					     fabric->scenario->sender->name, "traffic.log");
	for (size_t i = 0; i < config->count; i++)
		free(argv[count + i]);
	free(argv);
	return err;
}

/* The sender's last word about a service; NULL before the first. */
static const struct hf_event *last_word(const struct hf_fabric *fabric, const char *service)
{
	for (size_t i = fabric->events.count; i-- > 0;) {
		const struct hf_event *event = &fabric->events.list[i];

		if (!strncmp(event->name, "service_", strlen("service_")) && hf_event_is_by(event, "traffic") &&
		    !strcmp(hf_event_text(event, "service"), service))
			return event;
	}
	return NULL;
}

size_t hf_streams_count_silent(const struct hf_fabric *fabric)
{
	size_t count = 0;

	for (size_t i = 0; i < hf_streams_count(fabric); i++) {
		const struct hf_event *event = last_word(fabric, hf_streams_name(fabric, i));

		count += !event || strcmp(event->name, "service_heard") != 0;
	}
	return count;
}

static bool are_heard(struct hf_fabric *fabric, void *ctx)
{
	(void)ctx;
	return !hf_streams_count_silent(fabric);
}

int hf_streams_start(struct hf_fabric *fabric)
{
	struct hf_streams *streams = fabric->streams;
	int err = 0;

	if (!streams)
		return 0;
	for (size_t i = 0; i < streams->n_receivers && !err; i++)
		err = start_receiver(fabric, &streams->receivers[i]);
	if (!err)
		err = start_sender(fabric);
	return err ? err : hf_fabric_wait(fabric, "each service to be heard", are_heard, NULL, START_TIMEOUT_MS);
}

int hf_streams_signal(struct hf_fabric *fabric, const struct hf_topology_node *node, int number, bool is_silenced)
{
	struct receiver *receiver = fabric->streams ? find_receiver(fabric->streams, node) : NULL;

	if (!receiver)
		return 0;
	receiver->is_silenced = is_silenced;
	if (kill(receiver->child.pid, number) < 0)
		return hf_fabric_fail(fabric, -errno, "%s: %s", receiver->child.name, strerror(errno));
	return 0;
}

int hf_streams_restart(struct hf_fabric *fabric, const struct hf_topology_node *node)
{
	struct receiver *receiver = fabric->streams ? find_receiver(fabric->streams, node) : NULL;

	if (!receiver)
		return 0;
	hf_child_stop(&receiver->child, STOP_TIMEOUT_MS);
	return start_receiver(fabric, receiver);
}

const struct hf_child *hf_streams_ended(struct hf_fabric *fabric)
{
	struct hf_streams *streams = fabric->streams;

	if (!streams)
		return NULL;
	if (streams->sender.pid > 0 && hf_child_has_ended(&streams->sender))
		return &streams->sender;
	for (size_t i = 0; i < streams->n_receivers; i++) {
		struct receiver *receiver = &streams->receivers[i];

		if (!receiver->is_silenced && receiver->child.pid > 0 && hf_child_has_ended(&receiver->child))
			return &receiver->child;
	}
	return NULL;
}

/* The sender first: what comes to nobody any more is not lost. */
void hf_streams_stop(struct hf_fabric *fabric)
{
	struct hf_streams *streams = fabric->streams;

	if (!streams)
		return;
	hf_child_stop(&streams->sender, STOP_TIMEOUT_MS);
	for (size_t i = 0; i < streams->n_receivers; i++) {
		if (streams->receivers[i].child.pid > 0)
			kill(streams->receivers[i].child.pid, SIGCONT);
		hf_child_terminate(&streams->receivers[i].child);
	}
	for (size_t i = 0; i < streams->n_receivers; i++)
		hf_child_stop(&streams->receivers[i].child, STOP_TIMEOUT_MS);
}

int hf_streams_packets(struct hf_fabric *fabric, struct hf_packets *ret_packets)
{
	size_t count = fabric->streams->n_receivers;
	struct hf_file_path *paths = calloc(count, sizeof(*paths)), sent = hf_fabric_path(fabric, SENT_FILE);
	const char **texts = calloc(count, sizeof(*texts));
	int err = -ENOMEM;

	for (size_t i = 0; paths && texts && i < count; i++) {
		paths[i] = hf_fabric_path(fabric, RECEIVED_FILE, i);
		texts[i] = paths[i].text;
	}
	if (paths && texts)
		err = hf_packets_load(sent.text, texts, count, ret_packets);
	free(texts);
	free(paths);
	return err ? hf_fabric_fail(fabric, err, "%s: %s", sent.text, strerror(-err)) : 0;
}

void hf_streams_free(struct hf_fabric *fabric)
{
	if (!fabric->streams)
		return;
	hf_services_config_free(fabric->streams->config);
	free(fabric->streams->receivers);
	free(fabric->streams);
	fabric->streams = NULL;
}
