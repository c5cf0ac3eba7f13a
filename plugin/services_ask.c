/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/services_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/trace.h"

/* What others say */

static struct hf_services_entry *find_mgid(const struct hf_services *services, const uint8_t mgid[MGID_BYTES])
{
	struct hf_services_entry *entry;

	HASH_FIND(hh, services->by_mgid, mgid, MGID_BYTES, entry);
	for (size_t i = 0; !entry && !services->is_indexed && i < services->count; i++)
		if (!memcmp(services->entries[i]->service.config->mgid, mgid, MGID_BYTES))
			entry = services->entries[i];
	return entry;
}

void hf_services_member_changed(struct hf_services *services, const uint8_t mgid[MGID_BYTES])
{
	struct hf_services_entry *entry;

	pthread_mutex_lock(&services->lock);
	entry = find_mgid(services, mgid);
	if (entry) {
		entry->wants_keep = true;
		hf_services_wake(services);
	}
	pthread_mutex_unlock(&services->lock);
}

bool hf_services_find_target(struct hf_services *services, const uint8_t mgid[MGID_BYTES],
			     struct hf_services_target *ret_target)
{
	const struct hf_service_mechanism *mechanism;
	struct hf_service_port owner;
	struct hf_services_entry *entry;

	*ret_target = (struct hf_services_target) { .lid = 0 };
	pthread_mutex_lock(&services->lock);
	entry = find_mgid(services, mgid);
	mechanism = entry && entry->is_open ? hf_services_mechanism(services, entry) : NULL;
	if (mechanism && mechanism->path_lid) {
		owner = hf_services_port(entry, entry->service.owner);
		services->fabric.lock(services->fabric.osm);
		ret_target->lid = mechanism->path_lid(services->fabric.osm, &entry->address, &owner);
		services->fabric.unlock(services->fabric.osm);
	}
	pthread_mutex_unlock(&services->lock);
	return mechanism;
}

/* One service's step that somebody asked for; under the services' lock alone. */
static void perform_alone(struct hf_services *services, struct hf_services_entry *entry,
			  const struct hf_service_step *step, const char *by)
{
	if (step->action != HF_SERVICE_ACT_NONE) {
		services->fabric.lock(services->fabric.osm);
		hf_services_perform(services, entry, step, HF_MOMENT_BETWEEN, NULL, by);
		services->fabric.unlock(services->fabric.osm);
	}
	hf_services_wake(services);
}

static int report_node(struct hf_services *services, const char *name, uint64_t guid, uint64_t by_guid, uint64_t term,
		       bool has_failed)
{
	struct hf_services_entry *entry = hf_services_find(services, name);
	struct hf_service_now now = hf_services_now();
	struct hf_service_step step = { .action = HF_SERVICE_ACT_NONE };
	struct hf_services_item *item;
	int node, by, err = 0;
	bool was_suspect;

	if (!entry)
		return -ENOENT;
	node = hf_services_node_by_guid(entry, guid);
	by = hf_services_node_by_guid(entry, by_guid);
	if (node < 0 || by < 0 || node == by)
		return -EACCES;
	if (!hf_services_is_master(services))
		return -EAGAIN;
	was_suspect = entry->service.members[node].is_suspect;
	if (has_failed)
		err = hf_service_node_failed(&entry->service, node, term, HF_CAUSE_HEARTBEAT, &now, &step);
	else if (term && term < entry->service.term)
		err = -ESTALE;
	else
		hf_service_node_recovered(&entry->service, node, &now, &step);
	if (was_suspect != entry->service.members[node].is_suspect) {
		item = hf_services_add_item(services, entry, HF_NEWS_NODE, HF_CAUSE_HEARTBEAT);
		item->from = hf_services_port(entry, node);
		hf_services_set_text(item, "%s by 0x%016" PRIx64,
				     has_failed ? "its heartbeats are missed" : "its heartbeats are back", by_guid);
	}
	perform_alone(services, entry, &step, NULL);
	return err;
}

int hf_services_report_failure(struct hf_services *services, const char *name, uint64_t guid, uint64_t by_guid,
			       uint64_t term)
{
	int err;

	pthread_mutex_lock(&services->lock);
	err = report_node(services, name, guid, by_guid, term, true);
	pthread_mutex_unlock(&services->lock);
	return err;
}

int hf_services_report_recovery(struct hf_services *services, const char *name, uint64_t guid, uint64_t by_guid,
				uint64_t term)
{
	int err;

	pthread_mutex_lock(&services->lock);
	err = report_node(services, name, guid, by_guid, term, false);
	pthread_mutex_unlock(&services->lock);
	return err;
}

int hf_services_learn_term(struct hf_services *services, const char *name, uint64_t term)
{
	struct hf_services_entry *entry;

	pthread_mutex_lock(&services->lock);
	entry = hf_services_find(services, name);
	if (entry)
		hf_service_learn_term(&entry->service, term);
	pthread_mutex_unlock(&services->lock);
	return entry ? 0 : -ENOENT;
}

int hf_services_note_report(struct hf_services *services, const char *name,
			    const struct hf_service_node_report *report)
{
	struct hf_services_entry *entry;
	int node = HF_SERVICE_NOBODY;

	pthread_mutex_lock(&services->lock);
	entry = hf_services_find(services, name);
	if (entry)
		node = hf_services_node_by_guid(entry, report->guid);
	if (node >= 0)
		entry->reports[node] = *report;
	pthread_mutex_unlock(&services->lock);
	return node >= 0 ? 0 : -ENOENT;
}

int hf_services_transfer_ended(struct hf_services *services, const char *name, uint64_t term, bool has_succeeded)
{
	struct hf_service_now now = hf_services_now();
	struct hf_service_step step;
	struct hf_services_entry *entry;

	pthread_mutex_lock(&services->lock);
	entry = hf_services_find(services, name);
	if (entry && hf_services_is_master(services)) {
		hf_service_transfer_ended(&entry->service, term, has_succeeded, &now, &step);
		perform_alone(services, entry, &step, NULL);
	}
	pthread_mutex_unlock(&services->lock);
	return entry ? 0 : -ENOENT;
}

int hf_services_drained(struct hf_services *services, const char *name, uint64_t term)
{
	struct hf_service_now now = hf_services_now();
	struct hf_service_step step;
	struct hf_services_entry *entry;

	pthread_mutex_lock(&services->lock);
	entry = hf_services_find(services, name);
	if (entry && hf_services_is_master(services)) {
		hf_service_drained(&entry->service, term, &now, &step);
		perform_alone(services, entry, &step, NULL);
	}
	pthread_mutex_unlock(&services->lock);
	return entry ? 0 : -ENOENT;
}

/* The operator */

static int find_node(const struct hf_services_entry *entry, const char *text)
{
	char name[sizeof(((struct hf_services_node_view *)NULL)->name)], *end;
	unsigned long long number = strtoull(text, &end, 0);
	bool is_number = end != text && !*end && *text != '-';

	for (int i = 0; i < (int)entry->service.config->node_count; i++) {
		const struct hf_service_member *member = &entry->service.members[i];

		hf_service_node_print(&entry->service.config->nodes[i], name, sizeof(name));
		if (!strcmp(name, text))
			return i;
		if (is_number && number && (member->guid == number || entry->service.config->nodes[i].port_guid == number ||
					    (member->is_present && member->lid == number)))
			return i;
	}
	return HF_SERVICE_NOBODY;
}

/* @down: what -EHOSTDOWN means. */
static int explain(int err, char **ret_why, const char *name, const char *node, const char *down)
{
	const char *why = strerror(-err);
	int length;

	switch (-err) {
	case 0:
		return 0;
	case ENOENT:
		why = "there is no such service";
		break;
	case ESRCH:
		why = "it is none of the service's nodes";
		break;
	case EALREADY:
		why = "it owns the service already";
		break;
	case EHOSTDOWN:
		why = down;
		break;
	case EPERM:
		why = "the services file does not allow it";
		break;
	case EAGAIN:
		why = "this SM is not the master, or does not know yet who owns it";
		break;
	case EINPROGRESS:
		why = "it is going back already";
		break;
	}
	length = node ? asprintf(ret_why, "service %s, node %s: %s", name, node, why) :
		 asprintf(ret_why, "service %s: %s", name, why);
	if (length < 0)
		*ret_why = NULL;
	return err;
}

static int fail_over(struct hf_services *services, const char *name, const char *node_text, const char *by)
{
	struct hf_services_entry *entry = hf_services_find(services, name);
	struct hf_service_now now = hf_services_now();
	struct hf_service_step step;
	int node = HF_SERVICE_NOBODY, err;

	if (!entry)
		return -ENOENT;
	if (!hf_services_is_master(services))
		return -EAGAIN;
	if (node_text)
		node = find_node(entry, node_text);
	if (node_text && node < 0)
		return -ESRCH;
	err = hf_service_fail_over(&entry->service, node, &now, &step);
	perform_alone(services, entry, &step, by);
	return err;
}

static int fail_back(struct hf_services *services, const char *name, const char *by)
{
	struct hf_services_entry *entry = hf_services_find(services, name);
	struct hf_service_now now = hf_services_now();
	struct hf_service_step step;
	int err;

	if (!entry)
		return -ENOENT;
	if (!hf_services_is_master(services))
		return -EAGAIN;
	err = hf_service_fail_back(&entry->service, &now, &step);
	perform_alone(services, entry, &step, by);
	return err;
}

int hf_services_fail_over(struct hf_services *services, const char *name, const char *node, const char *by,
			  char **ret_why)
{
	int err;

	pthread_mutex_lock(&services->lock);
	err = fail_over(services, name, node, by);
	pthread_mutex_unlock(&services->lock);
	return explain(err, ret_why, name, node, node ? "the SM does not see it" : "no other node is there");
}

int hf_services_fail_back(struct hf_services *services, const char *name, const char *by, char **ret_why)
{
	int err;

	pthread_mutex_lock(&services->lock);
	err = fail_back(services, name, by);
	pthread_mutex_unlock(&services->lock);
	return explain(err, ret_why, name, NULL, "no node that comes before its owner is there");
}

/* Showing */

static void fill_view(const struct hf_services_entry *entry, struct hf_services_view *view, uint64_t now_ns)
{
	const struct hf_service *service = &entry->service;

	*view = (struct hf_services_view) {
		.mode = service->config->mode, .state = service->state, .mlid = entry->address.mlid,
		.lid = entry->address.lid, .term = service->term, .owner = service->owner, .target = service->target,
		.moves = service->moves, .config = service->config, .node_count = service->config->node_count,
	};
	memcpy(view->mgid, service->config->mgid, sizeof(view->mgid));
	snprintf(view->name, sizeof(view->name), "%s", service->config->name);
	for (int i = 0; i < (int)view->node_count; i++) {
		const struct hf_service_member *member = &service->members[i];
		struct hf_services_node_view *node = &view->nodes[i];

		hf_service_node_print(&service->config->nodes[i], node->name, sizeof(node->name));
		node->port = hf_services_port(entry, i);
		node->is_present = member->is_present;
		node->is_suspect = member->is_suspect;
		node->is_held_down = hf_service_is_held_down(service, i, now_ns);
		node->up_ms = member->is_present ? (now_ns - member->up_ns) / 1000000 : 0;
		node->failures = member->failures;
		node->report.connections = HF_SERVICE_CONNECTIONS_UNKNOWN;
		/* A file that was read again may name the nodes in another order. */
		if (member->guid && entry->reports[i].guid == member->guid)
			node->report = entry->reports[i];
	}
}

size_t hf_services_visit(struct hf_services *services, const char *name,
			 void (*visit)(void *ctx, const struct hf_services_view *view), void *ctx)
{
	struct hf_services_view view;
	size_t visited = 0;

	pthread_mutex_lock(&services->lock);
	hf_services_is_master(services);
	for (size_t i = 0; i < services->count; i++)
		if (!name || !strcmp(name, services->entries[i]->service.config->name)) {
			fill_view(services->entries[i], &view, hf_now_ns());
			visit(ctx, &view);
			visited++;
		}
	pthread_mutex_unlock(&services->lock);
	return visited;
}
