/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/services_impl.h"

#include <string.h>

/* Seeing */

static bool is_named_before(const struct hf_services_entry *entry, int node, uint64_t guid)
{
	for (int i = 0; i < node; i++)
		if (entry->service.members[i].guid == guid && entry->service.members[i].is_present)
			return true;
	return false;
}

static void look_at(struct hf_services *services, struct hf_services_entry *entry, int node,
		    enum hf_service_moment moment, const struct hf_service_now *now)
{
	struct hf_service_member *member = &entry->service.members[node], before = *member;
	struct hf_services_sight sight = { .port = hf_services_port(entry, node) };
	struct hf_services_item *item;

	/* Who has just been discovered has no LID yet: it comes when that is routed. */
	if (moment == HF_MOMENT_SWEEP && !member->is_present)
		return;
	services->fabric.look(services->fabric.osm, &entry->service.config->nodes[node], &sight);
	if (sight.is_there && is_named_before(entry, node, sight.port.guid))
		sight.is_there = false;
	if (moment == HF_MOMENT_SWEEP && sight.port.guid != member->guid)
		sight.is_there = false;
	hf_service_see(&entry->service, node, sight.port.guid, sight.port.lid, sight.is_there, now);
	if (before.is_present == member->is_present || entry->service.state == HF_SERVICE_UNKNOWN)
		return;
	item = hf_services_add_item(services, entry, HF_NEWS_NODE, HF_CAUSE_SM);
	item->from = hf_services_port(entry, node);
	hf_service_node_print(&entry->service.config->nodes[node], item->text, sizeof(item->text) - 16);
	strcat(item->text, member->is_present ? " has come" : " has gone");
}

static int look_at_all(struct hf_services *services, enum hf_service_moment moment, const struct hf_service_now *now)
{
	int err = services->fabric.begin_look(services->fabric.osm);

	if (err)
		return err;
	for (size_t i = 0; i < services->count; i++)
		for (int node = 0; node < (int)services->entries[i]->service.config->node_count; node++)
			look_at(services, services->entries[i], node, moment, now);
	services->fabric.end_look(services->fabric.osm);
	return 0;
}

static void conclude_all(struct hf_services *services, enum hf_service_moment moment,
			 const struct hf_service_now *now)
{
	struct hf_service_step step;

	for (size_t i = 0; i < services->count; i++) {
		hf_service_seen(&services->entries[i]->service, now, &step);
		hf_services_perform(services, services->entries[i], &step, moment, NULL, NULL);
	}
}

/* Finding, as a new master */

/* Zeros for a node that is not there. */
static size_t list_ports(const struct hf_services_entry *entry, struct hf_service_port ports[HF_SERVICE_NODES_MAX])
{
	for (int i = 0; i < (int)entry->service.config->node_count; i++)
		ports[i] = hf_services_port(entry, entry->service.members[i].is_present ? i : HF_SERVICE_NOBODY);
	return entry->service.config->node_count;
}

static void ask_fabric(struct hf_services *services, const struct hf_services_entry *entry)
{
	const struct hf_service_mechanism *mechanism = hf_services_mechanism(services, entry);
	struct hf_service_port ports[HF_SERVICE_NODES_MAX];

	if (entry->service.state == HF_SERVICE_UNKNOWN && entry->is_open && mechanism->ask)
		mechanism->ask(services->fabric.osm, &entry->address, ports, list_ports(entry, ports));
}

static uint32_t ask_holders(struct hf_services *services, const struct hf_services_entry *entry)
{
	const struct hf_service_mechanism *mechanism = hf_services_mechanism(services, entry);
	struct hf_service_port ports[HF_SERVICE_NODES_MAX];
	size_t count = list_ports(entry, ports);

	return entry->is_open && mechanism->holders ?
	       mechanism->holders(services->fabric.osm, &entry->address, ports, count) : 0;
}

/*
 * The fabric is right where it shows one owner: another SM may have moved the service since this one kept its journal.
 * The journal decides where the fabric shows none, as nobody sends to the service, or two, as an SM died between a
 * join and a leave.
 */
static void find_owner(struct hf_services *services, struct hf_services_entry *entry, const struct hf_service_now *now)
{
	const struct hf_journal_entry *old = hf_services_find_old(services, entry->service.config->name);
	int known = hf_services_node_by_guid(entry, old ? old->owner : 0), owner = known;
	uint64_t term = old && known >= 0 ? old->term : 0;
	uint32_t holders = ask_holders(services, entry);
	struct hf_service_step step;

	if (holders && !(known >= 0 && holders & 1U << known))
		owner = __builtin_ctz(holders);
	if (owner != known)
		term = 0;
	if (old)
		hf_service_learn_term(&entry->service, old->term);
	/* What this SM itself knew before another was the master for a while. */
	hf_service_learn_term(&entry->service, entry->service.term);
	hf_service_found(&entry->service, owner, term, now, &step);
	hf_services_perform(services, entry, &step, HF_MOMENT_ROUTED, NULL, NULL);
}

/* What the sweeper says */

void hf_services_sweep_done(struct hf_services *services)
{
	struct hf_service_now now = hf_services_now();

	pthread_mutex_lock(&services->lock);
	if (hf_services_is_master(services)) {
		services->fabric.lock(services->fabric.osm);
		if (!look_at_all(services, HF_MOMENT_SWEEP, &now))
			conclude_all(services, HF_MOMENT_SWEEP, &now);
		services->fabric.unlock(services->fabric.osm);
		hf_services_wake(services);
	}
	pthread_mutex_unlock(&services->lock);
}

/* Return: whether the fabric was asked anything. */
static bool begin_routed(struct hf_services *services, const struct hf_service_now *now)
{
	bool has_asked = false;

	services->fabric.lock(services->fabric.osm);
	if (!look_at_all(services, HF_MOMENT_ROUTED, now))
		for (size_t i = 0; i < services->count; i++) {
			hf_services_open(services, services->entries[i]);
			ask_fabric(services, services->entries[i]);
			has_asked |= services->entries[i]->service.state == HF_SERVICE_UNKNOWN;
		}
	services->fabric.unlock(services->fabric.osm);
	return has_asked;
}

static void end_routed(struct hf_services *services, const struct hf_service_now *now)
{
	services->fabric.lock(services->fabric.osm);
	for (size_t i = 0; i < services->count; i++)
		if (services->entries[i]->service.state == HF_SERVICE_UNKNOWN && services->entries[i]->is_open)
			find_owner(services, services->entries[i], now);
	conclude_all(services, HF_MOMENT_ROUTED, now);
	for (size_t i = 0; i < services->count; i++)
		hf_services_keep(services, services->entries[i], HF_MOMENT_ROUTED);
	services->fabric.unlock(services->fabric.osm);
	hf_services_wake(services);
}

void hf_services_routed(struct hf_services *services)
{
	struct hf_service_now now = hf_services_now();

	pthread_mutex_lock(&services->lock);
	if (hf_services_is_master(services)) {
		if (begin_routed(services, &now)) {
			/* Only this thread changes what entries there are; OpenSM's must not wait for answers. */
			pthread_mutex_unlock(&services->lock);
			services->fabric.wait_for_answers(services->fabric.osm);
			pthread_mutex_lock(&services->lock);
		}
		if (hf_services_is_master(services))
			end_routed(services, &now);
	}
	pthread_mutex_unlock(&services->lock);
}

void hf_services_up(struct hf_services *services)
{
	struct hf_service_now now = hf_services_now();

	pthread_mutex_lock(&services->lock);
	if (hf_services_is_master(services)) {
		services->fabric.lock(services->fabric.osm);
		if (!look_at_all(services, HF_MOMENT_UP, &now))
			conclude_all(services, HF_MOMENT_UP, &now);
		for (size_t i = 0; i < services->count; i++)
			hf_services_keep(services, services->entries[i], HF_MOMENT_UP);
		services->fabric.unlock(services->fabric.osm);
		hf_services_wake(services);
	}
	pthread_mutex_unlock(&services->lock);
}

void hf_services_not_master(struct hf_services *services)
{
	pthread_mutex_lock(&services->lock);
	hf_services_release(services);
	pthread_mutex_unlock(&services->lock);
}
