/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfastd_services_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/log.h"

#define QPN_GSI		1
#define ENV_MAX		64
#define ENV_OURS	8

/* Sending */

/* As the SM says: holdfastd knows the path to every port. A peer that has none cannot be reached anyway. */
static void send_peer(void *ctx, uint64_t guid, const struct hf_service_mad *mad)
{
	const struct service *service = ctx;
	const struct port *port = service->port;
	const union hf_gid dgid = { .prefix = port->now.gid.prefix, .guid = htobe64(guid) };
	const struct hf_host *host = holdfastd_ports_find(service->services->hosts, port->device, port->port_num);
	struct hf_host_path path;

	if (!port->agent.umad || !host || hf_host_find_path(host, dgid.raw, &path) || !path.reachable)
		return;
	const struct hf_mad_addr to = { .lid = path.dlid, .qpn = QPN_GSI, .sl = path.sl };

	/* One that is lost is what heartbeats are for. */
	(void)hf_umad_send(port->agent.umad, port->agent.id, &to, mad, sizeof(*mad), 0, 0);
}

static int send_sm(void *ctx, const struct hf_service_mad *mad)
{
	const struct service *service = ctx;
	const struct port *port = service->port;
	const struct hf_mad_addr to = { .lid = port->now.sm_lid, .qpn = QPN_GSI, .sl = port->now.sm_sl };

	if (!port->agent.umad || !to.lid)
		return -ENOTCONN;
	/* The kernel knows the answer as long as we would wait for it. */
	return hf_umad_send(port->agent.umad, port->agent.id, &to, mad, sizeof(*mad), service->config->values.report_ms, 0);
}

/* Hooks */

const char *holdfastd_service_phase(const struct service *service, const struct run *run)
{
	return run->order.id ? hf_service_order_names[run->order.order] : service->role_told;
}

static uint32_t limit_of(const struct service *service, const struct run *run)
{
	uint32_t limit_ms = service->config->values.hook_limit_ms;

	return run->order.id && run->order.limit_ms < limit_ms ? run->order.limit_ms + !run->order.limit_ms : limit_ms;
}

/* holdfastd's own variables of these names would only confuse. */
static size_t copy_environment(char *environ_[ENV_MAX + ENV_OURS])
{
	size_t n = 0;

	for (char **var = environ; *var && n < ENV_MAX; var++)
		if (strncmp(*var, "HF_", 3))
			environ_[n++] = *var;
	return n;
}

static void start_hook(struct service *service, const struct run *run)
{
	const char *program = service->config->values.hook, *phase = holdfastd_service_phase(service, run);
	char *argv[] = { (char *)program, (char *)phase, service->config->name, NULL };
	char *environ_[ENV_MAX + ENV_OURS], ours[ENV_OURS][128];
	struct hf_node_service_status status;
	size_t n = copy_environment(environ_), i = 0;

	hf_node_service_get_status(service->node, &status);
	snprintf(ours[i++], sizeof(ours[0]), "HF_PHASE=%s", phase);
	snprintf(ours[i++], sizeof(ours[0]), "HF_SERVICE=%s", service->config->name);
	snprintf(ours[i++], sizeof(ours[0]), "HF_TERM=%" PRIu64, run->term);
	snprintf(ours[i++], sizeof(ours[0]), "HF_OWNER=%s", format_guid(status.owner).text);
	snprintf(ours[i++], sizeof(ours[0]), "HF_PORT=%s", format_guid(service->port->guid).text);
	snprintf(ours[i++], sizeof(ours[0]), "HF_PEER=%s", run->order.id ? format_guid(run->order.subject).text : "");
	snprintf(ours[i++], sizeof(ours[0]), "HF_LIMIT_MS=%" PRIu32, limit_of(service, run));
	for (size_t j = 0; j < i; j++)
		environ_[n++] = ours[j];
	environ_[n] = NULL;
	service->running = *run;
	service->running.is_wanted = true;
	hf_trace_event(service->services->trace, "hook_started", "{s:s, s:s, s:I}", "service", service->config->name,
		       "phase", phase, "term", (json_int_t)run->term);
	holdfastd_hook_start(service->hook, argv, environ_, limit_of(service, run));
}

/* Orders go first. */
static void start_next(struct service *service)
{
	struct run *next = service->next_order.is_wanted ? &service->next_order : &service->next_notice;
	struct run run = *next;

	if (holdfastd_hook_is_running(service->hook) || !run.is_wanted)
		return;
	next->is_wanted = false;
	start_hook(service, &run);
}

static const struct {
	const char *name;
	enum hf_service_progress progress;
} ends[] = {
	[HOLDFASTD_HOOK_OK] = { "ok", HF_SERVICE_PROGRESS_DONE },
	[HOLDFASTD_HOOK_FAILED] = { "failed", HF_SERVICE_PROGRESS_FAILED },
	[HOLDFASTD_HOOK_LIMIT] = { "limit", HF_SERVICE_PROGRESS_LIMIT },
	[HOLDFASTD_HOOK_STOPPED] = { "stopped", HF_SERVICE_PROGRESS_FAILED },
};

static void note_hook_end(void *ctx, enum holdfastd_hook_end end, uint16_t status)
{
	struct service *service = ctx;
	const struct run run = service->running;
	const char *phase = holdfastd_service_phase(service, &run);

	service->running.is_wanted = false;
	hf_trace_event(service->services->trace, "hook_ended", "{s:s, s:s, s:s, s:i}", "service",
		       service->config->name, "phase", phase, "end", ends[end].name, "status", status);
	hf_log(end == HOLDFASTD_HOOK_OK ? HF_LOG_INFO : HF_LOG_WARN, "service %s: hook %s, phase %s: %s, status %u",
	       service->config->name, service->config->values.hook, phase, ends[end].name, status);
	if (run.order.id)
		hf_node_service_order_ended(service->node, hf_now_ns(), run.order.id, ends[end].progress, status);
	start_next(service);
	holdfastd_service_run(service);
}

static void note_connections(void *ctx, uint32_t connections)
{
	struct service *service = ctx;

	hf_node_service_set_connections(service->node, hf_now_ns(), connections);
	holdfastd_service_run(service);
}

static const struct holdfastd_hook_ops hook_ops = { .ended = note_hook_end, .connections = note_connections };

/* What the node says */

static void take_order(void *ctx, const struct hf_node_order *order)
{
	struct service *service = ctx;
	struct hf_node_service_status status;

	hf_node_service_get_status(service->node, &status);
	hf_log(HF_LOG_INFO, "service %s: the SM's order: %s", service->config->name,
	       hf_service_order_names[order->order]);
	service->next_order = (struct run){ .is_wanted = order->id, .order = *order, .term = status.term };
	if (service->running.is_wanted && service->running.order.id)
		holdfastd_hook_stop(service->hook);
}

static void note_role(void *ctx, enum hf_node_role old, uint64_t old_term)
{
	struct service *service = ctx;
	struct hf_node_service_status status;

	(void)old_term;
	hf_node_service_get_status(service->node, &status);
	hf_trace_event(service->services->trace, "service_role", "{s:s, s:s, s:I, s:s}", "service", status.service,
		       "role", hf_node_role_names[status.role], "term", (json_int_t)status.term, "owner",
		       format_guid(status.owner).text);
	hf_log(HF_LOG_INFO, "service %s: %s -> %s at term %" PRIu64 ", owner is port %s", status.service,
	       hf_node_role_names[old], hf_node_role_names[status.role], status.term, format_guid(status.owner).text);
	if (!strcmp(service->role_told, hf_node_role_names[status.role]))
		return;
	snprintf(service->role_told, sizeof(service->role_told), "%s", hf_node_role_names[status.role]);
	service->next_notice = (struct run){
		.is_wanted = service->config->values.hook && *service->config->values.hook, .term = status.term,
	};
}

static void note_peer(void *ctx, const struct hf_peer *peer, enum hf_peer_state old)
{
	struct service *service = ctx;

	hf_trace_event(service->services->trace, "service_peer", "{s:s, s:s, s:s}", "service", service->config->name,
		       "guid", format_guid(peer->guid).text, "state", hf_peer_state_names[peer->state]);
	hf_log(peer->state == HF_PEER_LOST ? HF_LOG_WARN : HF_LOG_INFO, "service %s: peer %s: %s -> %s",
	       service->config->name, format_guid(peer->guid).text, hf_peer_state_names[old],
	       hf_peer_state_names[peer->state]);
}

static void note_refused(void *ctx, enum hf_service_ask ask, uint64_t subject, enum hf_service_status status)
{
	struct service *service = ctx;

	hf_trace_event(service->services->trace, "service_refused", "{s:s, s:s, s:s, s:s}", "service",
		       service->config->name, "ask", hf_service_ask_names[ask], "guid", format_guid(subject).text,
		       "status", hf_service_status_names[status]);
	hf_log(HF_LOG_INFO, "service %s: the SM refuses \"%s\" of port %s: %s", service->config->name,
	       hf_service_ask_names[ask], format_guid(subject).text, hf_service_status_names[status]);
}

static const struct hf_node_service_ops node_ops = {
	.send_peer = send_peer,
	.send_sm = send_sm,
	.order = take_order,
	.role = note_role,
	.peer = note_peer,
	.refused = note_refused,
};

/* Orders for which there is no program are carried out by that. */
static void settle_orders(struct service *service)
{
	const char *program = service->config->values.hook;

	if (service->next_order.is_wanted && (!program || !*program)) {
		service->next_order.is_wanted = false;
		hf_node_service_order_ended(service->node, hf_now_ns(), service->next_order.order.id,
					    HF_SERVICE_PROGRESS_DONE, 0);
	}
	start_next(service);
}

void holdfastd_service_run(struct service *service)
{
	uint64_t now_ns, deadline_ns;
	struct timeval delay;

	/* Who calls from within goes on here when it has returned. */
	if (service->is_handling)
		return;
	service->is_handling = true;
	do {
		settle_orders(service);
		now_ns = hf_now_ns();
		hf_node_service_run(service->node, now_ns);
		deadline_ns = hf_node_service_deadline_ns(service->node);
	} while (deadline_ns <= now_ns);
	service->is_handling = false;
	delay = timeval_of_ns(deadline_ns - now_ns);
	evtimer_add(service->timer, &delay);
}

static void on_service_timer(evutil_socket_t fd, short events, void *ctx)
{
	(void)fd;
	(void)events;
	holdfastd_service_run(ctx);
}

/* One service */

static void free_service(struct service *service)
{
	holdfastd_hook_free(service->hook);
	if (service->timer)
		event_free(service->timer);
	hf_node_service_free(service->node);
	free(service);
}

static int start_service(struct service *service)
{
	const struct holdfastd_service *config = service->config;
	struct hf_node_service_config node_config = {
		.service = config->name, .guid = service->port->guid, .peers = config->peers,
		.peer_count = config->peer_count, .interval_ms = config->values.interval_ms,
		.count = config->values.count, .report_ms = config->values.report_ms,
		.timeout_ms = config->values.timeout_ms, .key = &config->key,
	};
	const struct timeval at_once = { 0 };
	int err;

	for (size_t i = 0; i < config->peer_count; i++)
		if (config->peers[i] == service->port->guid) {
			hf_log(HF_LOG_ERROR, "service %s: peers: %s is this node's own port", config->name,
			       format_guid(config->peers[i]).text);
			return -EINVAL;
		}
	if (getrandom(&node_config.instance, sizeof(node_config.instance), 0) != sizeof(node_config.instance))
		return -errno;
	node_config.instance |= !node_config.instance;
	err = hf_node_service_new(&node_config, &node_ops, service, &service->node);
	if (!err)
		err = holdfastd_hook_new(service->services->base, &hook_ops, service, &service->hook);
	if (err)
		return err;
	service->timer = evtimer_new(service->services->base, on_service_timer, service);
	return service->timer && !evtimer_add(service->timer, &at_once) ? 0 : -ENOMEM;
}

static int new_service(struct holdfastd_services *services, const struct holdfastd_service *config,
		       const struct hf_umad_port *found, size_t count, struct service **ret_service)
{
	struct service *service = calloc(1, sizeof(*service));
	int err;

	if (!service)
		return -ENOMEM;
	service->services = services;
	service->config = config;
	err = holdfastd_services_get_port(services, config, found, count, &service->port);
	if (!err)
		err = start_service(service);
	if (err) {
		free_service(service);
		return err;
	}
	*ret_service = service;
	return 0;
}

/* The set */

static bool is_same_config(const struct holdfastd_service *a, const struct holdfastd_service *b)
{
	for (const struct hf_option *option = holdfastd_service_option_table; option->name; option++)
		if (!hf_option_is_same(option, &a->values, &b->values))
			return false;
	return !strcmp(a->name, b->name) && a->peer_count == b->peer_count &&
	       !memcmp(a->peers, b->peers, a->peer_count * sizeof(*a->peers)) && !memcmp(&a->key, &b->key, sizeof(a->key));
}

/* The one that there is and that goes on as it is; NULL for none. */
static struct service *find_same(const struct holdfastd_services *services, const struct holdfastd_service *config)
{
	for (size_t i = 0; i < services->count; i++)
		if (is_same_config(services->services[i]->config, config))
			return services->services[i];
	return NULL;
}

/* Frees those of @set that are not in @other. */
static void free_others(struct service **set, size_t count, struct service *const *other, size_t other_count)
{
	for (size_t i = 0; i < count; i++) {
		size_t j = 0;

		while (j < other_count && other[j] != set[i])
			j++;
		if (j == other_count)
			free_service(set[i]);
	}
	free(set);
}

/* @set: has room for all of @file. On failure those that are new in it are there up to *ret_count. */
static int fill_set(struct holdfastd_services *services, const struct holdfastd_services_file *file,
		    struct service **set, size_t *ret_count)
{
	struct hf_umad_port *found;
	size_t found_count, i;
	int err = hf_umad_list_ports(&found, &found_count);

	*ret_count = 0;
	if (err)
		return err;
	for (i = 0; i < file->count; i++) {
		set[i] = find_same(services, &file->services[i]);
		if (!set[i])
			err = new_service(services, &file->services[i], found, found_count, &set[i]);
		if (err)
			break;
	}
	*ret_count = i;
	free(found);
	return err;
}

static int open_trace(struct holdfastd_services *services)
{
	const char *path = services->options->trace;
	char who[96];

	if (services->trace || !path || !*path || !services->port_count)
		return 0;
	snprintf(who, sizeof(who), "services:%s", format_guid(services->ports[0]->guid).text);
	return hf_trace_open(path, who, &services->trace);
}

/* Takes @file over where it succeeds; else everything stays as it is. */
static int use_file(struct holdfastd_services *services, const struct holdfastd_services_file *file)
{
	struct service **set = calloc(file->count + 1, sizeof(struct service *));
	size_t count;
	int err;

	if (!set)
		return -ENOMEM;
	err = fill_set(services, file, set, &count);
	if (!err)
		err = open_trace(services);
	if (err) {
		free_others(set, count, services->services, services->count);
		holdfastd_services_drop_ports(services);
		return err;
	}
	for (size_t i = 0; i < count; i++)
		set[i]->config = &file->services[i];
	free_others(services->services, services->count, set, count);
	services->services = set;
	services->count = count;
	holdfastd_services_drop_ports(services);
	holdfastd_services_file_fini(&services->file);
	services->file = *file;
	return 0;
}

int holdfastd_services_reload(struct holdfastd_services *services)
{
	struct holdfastd_services_file file;
	char *error = NULL;
	int err = holdfastd_services_file_load(services->options->services, &file, &error);

	if (err) {
		hf_log(HF_LOG_ERROR, "%s", error ? error : strerror(-err));
		free(error);
		return err;
	}
	err = use_file(services, &file);
	if (err)
		holdfastd_services_file_fini(&file);
	return err;
}

int holdfastd_services_new(struct event_base *base, const struct holdfastd_options *options,
			   const struct holdfastd_ports *ports, struct holdfastd_services **ret_services)
{
	struct holdfastd_services *services;
	int err;

	*ret_services = NULL;
	if (!options->services || !*options->services)
		return 0;
	services = calloc(1, sizeof(*services));
	if (!services)
		return -ENOMEM;
	services->base = base;
	services->options = options;
	services->hosts = ports;
	err = holdfastd_services_reload(services);
	if (err) {
		holdfastd_services_free(services);
		return err;
	}
	*ret_services = services;
	return 0;
}

void holdfastd_services_free(struct holdfastd_services *services)
{
	if (!services)
		return;
	free_others(services->services, services->count, NULL, 0);
	services->count = 0;
	holdfastd_services_drop_ports(services);
	free(services->ports);
	hf_trace_close(services->trace);
	holdfastd_services_file_fini(&services->file);
	free(services);
}
