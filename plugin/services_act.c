/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/services_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/trace.h"

struct hf_service_now hf_services_now(void)
{
	struct timespec real;

	clock_gettime(CLOCK_REALTIME, &real);
	return (struct hf_service_now) {
		.ns = hf_now_ns(), .epoch_ms = (uint64_t)real.tv_sec * 1000 + real.tv_nsec / 1000000,
	};
}

void hf_services_wake(struct hf_services *services)
{
	pthread_cond_signal(&services->changed);
}

/* Items */

struct hf_service_port hf_services_port(const struct hf_services_entry *entry, int node)
{
	if (node < 0)
		return (struct hf_service_port) { 0 };
	return (struct hf_service_port) {
		.guid = entry->service.members[node].guid, .lid = entry->service.members[node].lid,
	};
}

int hf_services_node_by_guid(const struct hf_services_entry *entry, uint64_t guid)
{
	for (int i = 0; guid && i < (int)entry->service.config->node_count; i++)
		if (entry->service.members[i].guid == guid || entry->service.config->nodes[i].port_guid == guid)
			return i;
	return HF_SERVICE_NOBODY;
}

struct hf_services_item *hf_services_add_item(struct hf_services *services, const struct hf_services_entry *entry,
					      enum hf_services_news news, enum hf_service_cause cause)
{
	struct hf_services_item *item = &services->items[++services->last_seq % services->room];
	struct timespec real;

	clock_gettime(CLOCK_REALTIME, &real);
	*item = (struct hf_services_item) {
		.seq = services->last_seq, .at_ns = hf_now_ns(), .news = news, .cause = cause,
		.epoch_ms = (uint64_t)real.tv_sec * 1000 + real.tv_nsec / 1000000,
		.state = entry->service.state, .term = entry->service.term,
	};
	snprintf(item->service, sizeof(item->service), "%s", entry->service.config->name);
	return item;
}

void hf_services_set_text(struct hf_services_item *item, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(item->text, sizeof(item->text), format, args);
	va_end(args);
}

/* Doing */

const struct hf_service_mechanism *hf_services_mechanism(const struct hf_services *services,
							 const struct hf_services_entry *entry)
{
	return services->fabric.mechanisms[entry->service.config->mode];
}

bool hf_services_is_first_try(int *last_err, int err)
{
	bool is_new = err && err != *last_err;

	*last_err = err;
	return is_new;
}

void hf_services_open(struct hf_services *services, struct hf_services_entry *entry)
{
	const struct hf_service_mechanism *mechanism = hf_services_mechanism(services, entry);
	struct hf_service_address before = entry->address;
	int err = mechanism ? mechanism->open(services->fabric.osm, &entry->address) : -EOPNOTSUPP;

	entry->is_open = !err;
	if (hf_services_is_first_try(&entry->open_err, err))
		hf_services_set_text(hf_services_add_item(services, entry, HF_NEWS_REFUSED, HF_CAUSE_NONE),
				     "its address cannot be made (MLID 0x%04x, LID %u): %s", entry->address.mlid,
				     entry->address.lid, strerror(-err));
	if (!err && (before.mlid != entry->address.mlid || before.lid != entry->address.lid))
		services->is_journal_old = true;
}

void hf_services_keep(struct hf_services *services, struct hf_services_entry *entry, enum hf_service_moment moment)
{
	struct hf_service_port others[HF_SERVICE_NODES_MAX], owner = hf_services_port(entry, entry->service.owner);
	const struct hf_service_mechanism *mechanism;
	size_t count = 0;

	entry->wants_keep = false;
	/* Who is not found yet is found when the next sweep has routed, not earlier: others may need their MLIDs. */
	if (entry->service.state == HF_SERVICE_UNKNOWN)
		return;
	if (!entry->is_open)
		hf_services_open(services, entry);
	if (!entry->is_open)
		return;
	for (int i = 0; i < (int)entry->service.config->node_count; i++)
		if (i != entry->service.owner && entry->service.members[i].guid &&
		    entry->service.members[i].guid != owner.guid)
			others[count++] = hf_services_port(entry, i);
	mechanism = hf_services_mechanism(services, entry);
	entry->wants_keep = mechanism->keep(services->fabric.osm, &entry->address, &owner, others, count, moment) != 0;
}

static void move_address(struct hf_services *services, struct hf_services_entry *entry,
			 const struct hf_service_port *from, const struct hf_service_port *to,
			 enum hf_service_moment moment)
{
	int err;

	if (!entry->is_open)
		hf_services_open(services, entry);
	if (!entry->is_open)
		return;
	err = hf_services_mechanism(services, entry)->move(services->fabric.osm, &entry->address, from, to, moment);
	entry->wants_keep = err != 0;
	/* What others wait for in vain does not make this one wait. */
	services->undone_ns = 0;
	if (err && err != -EINPROGRESS)
		hf_services_set_text(hf_services_add_item(services, entry, HF_NEWS_REFUSED, HF_CAUSE_NONE),
				     "its address cannot be moved to 0x%016" PRIx64 ": %s; it is tried again", to->guid,
				     strerror(-err));
}

static enum hf_services_news news_of(enum hf_service_action action)
{
	switch (action) {
	case HF_SERVICE_ACT_TRANSFER:
		return HF_NEWS_TRANSFER;
	case HF_SERVICE_ACT_DRAIN:
		return HF_NEWS_DRAIN;
	case HF_SERVICE_ACT_CANCEL:
		return HF_NEWS_CANCEL;
	case HF_SERVICE_ACT_NONE:
	case HF_SERVICE_ACT_MOVE:
	case HF_SERVICE_ACTIONS:
		break;
	}
	return HF_NEWS_OWNER;
}

void hf_services_perform(struct hf_services *services, struct hf_services_entry *entry,
			 const struct hf_service_step *step, enum hf_service_moment moment,
			 const struct hf_service_port *old_owner, const char *by)
{
	struct hf_service_port from = old_owner ? *old_owner : hf_services_port(entry, step->from);
	struct hf_service_port to = hf_services_port(entry, step->to);
	struct hf_services_item *item;

	if (step->action == HF_SERVICE_ACT_NONE)
		return;
	if (step->action == HF_SERVICE_ACT_MOVE) {
		move_address(services, entry, &from, &to, moment);
		services->is_journal_old = true;
	}
	item = hf_services_add_item(services, entry, news_of(step->action), step->cause);
	item->from = from;
	item->to = to;
	hf_services_set_text(item, "%s -> %s on %s%s%s", hf_service_state_names[step->old_state],
			     hf_service_state_names[step->state], hf_service_event_names[step->event],
			     by ? " by " : "", by ? by : "");
}

/* Mastership */

void hf_services_release(struct hf_services *services)
{
	struct hf_service_now now = hf_services_now();
	struct hf_service_step step;

	for (size_t i = 0; i < services->count; i++) {
		struct hf_services_entry *entry = services->entries[i];

		entry->is_open = false;
		entry->wants_keep = false;
		if (entry->service.state == HF_SERVICE_UNKNOWN)
			continue;
		hf_service_release(&entry->service, &now, &step);
		hf_services_set_text(hf_services_add_item(services, entry, HF_NEWS_OWNER, HF_CAUSE_NONE),
				     "this SM is not the master any more");
	}
	hf_services_wake(services);
}

bool hf_services_is_master(struct hf_services *services)
{
	if (services->fabric.is_master(services->fabric.osm))
		return true;
	hf_services_release(services);
	return false;
}
