/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What the control socket tells of services. */
#include "tools/holdfastd_services_impl.h"

#include <jansson.h>

/* In milliseconds; -1 where it never was. */
static json_int_t age_ms(uint64_t then_ns)
{
	return then_ns ? (json_int_t)((hf_now_ns() - then_ns) / NS_PER_MS) : -1;
}

static json_t *describe_peers(const struct hf_node_service_status *status)
{
	json_t *array = json_array();

	for (size_t i = 0; i < status->peer_count; i++) {
		const struct hf_peer *peer = &status->peers[i];

		json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:I, s:s, s:I}",
						       "guid", format_guid(peer->guid).text,
						       "state", hf_peer_state_names[peer->state],
						       "heard_ms", age_ms(peer->heard_ns),
						       "term", (json_int_t)peer->term,
						       "owner", format_guid(peer->owner).text,
						       "restarts", (json_int_t)peer->restarts));
	}
	return array;
}

static json_t *describe_counters(const struct hf_node_service_status *status)
{
	const struct hf_heartbeat_counters *beats = status->heartbeats;
	const struct hf_node_service_counters *talk = status->counters;
	const struct {
		const char *name;
		uint64_t value;
	} items[] = {
		{ "heartbeats_sent", beats->sent }, { "heartbeats_heard", beats->heard },
		{ "heartbeats_stale", beats->stale }, { "heartbeats_repeated", beats->repeated },
		{ "peers_lost", beats->lost }, { "peers_back", beats->back }, { "stalls", beats->stalls },
		{ "requests", talk->requests }, { "answers", talk->answers }, { "again", talk->again },
		{ "timeouts", talk->timeouts }, { "refused", talk->refused }, { "bells", talk->bells },
		{ "forged", beats->forged + talk->forged }, { "strange", beats->strange + talk->strange },
	};
	json_t *object = json_object();

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		json_object_set_new(object, items[i].name, json_integer((json_int_t)items[i].value));
	return object;
}

static json_t *describe_service(const struct service *service)
{
	struct hf_node_service_status status;
	char port[96];

	hf_node_service_get_status(service->node, &status);
	snprintf(port, sizeof(port), "%s:%d", service->port->device, service->port->port_num);
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:s, s:b, s:i, s:i, s:s, s:s, s:i, s:I, s:s, s:o, s:o}",
			 "service", status.service, "port", port, "guid", format_guid(service->port->guid).text,
			 "role", hf_node_role_names[status.role], "term", (json_int_t)status.term,
			 "owner", format_guid(status.owner).text, "answered_ms", age_ms(status.answered_ns),
			 "answer", hf_service_status_names[status.answer], "beating", status.is_beating,
			 "interval_ms", status.interval_ms, "count", status.count,
			 "order", hf_service_order_names[status.order.order],
			 "progress", hf_service_progress_names[status.progress], "exit_status", status.exit_status,
			 "connections", status.connections == HF_SERVICE_CONNECTIONS_UNKNOWN ? (json_int_t)-1 :
			 (json_int_t)status.connections,
			 "hook", service->running.is_wanted ? holdfastd_service_phase(service, &service->running) : "",
			 "peers", describe_peers(&status), "counters", describe_counters(&status));
}

json_t *holdfastd_services_describe(const struct holdfastd_services *services)
{
	json_t *array = json_array();

	for (size_t i = 0; services && i < services->count; i++)
		json_array_append_new(array, describe_service(services->services[i]));
	return array;
}
