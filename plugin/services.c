/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/services.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <uthash.h>

#include "lib/log.h"
#include "plugin/journal.h"

#define NS_PER_S	UINT64_C(1000000000)
#define NEVER		UINT64_MAX
#define ITEMS_MIN	8192
#define ITEMS_PER_SERVICE	4
#define LISTENERS_MAX	4
#define BATCH		64
#define LOOK_NS		NS_PER_S	/* whether this SM is still the master, and what failed once more */
#define MGID_BYTES	16

const char *const hf_services_news_names[HF_NEWS_KINDS] = {
	[HF_NEWS_OWNER] = "owner",
	[HF_NEWS_TRANSFER] = "transfer",
	[HF_NEWS_DRAIN] = "drain",
	[HF_NEWS_CANCEL] = "cancel",
	[HF_NEWS_NODE] = "node",
	[HF_NEWS_REFUSED] = "refused",
};

struct entry {
	struct hf_service service;
	struct hf_service_address address;
	bool is_open;
	int open_err;			/* of the last try: logged once */
	bool wants_keep;
	UT_hash_handle hh;		/* by MGID */
};

struct listener {
	hf_services_listener listen;
	void *ctx;
};

/* When and how the file was read. */
struct stamp {
	struct timespec mtime;
	off_t size;
	ino_t inode;
};

struct hf_services {
	struct hf_services_fabric fabric;
	char *file, *journal;
	struct hf_trace *trace;
	struct listener listeners[LISTENERS_MAX];
	size_t listener_count;

	pthread_mutex_t lock;		/* guards all below; rank above OpenSM's lock, taken before it */
	pthread_cond_t changed;		/* of the thread */
	struct hf_services_config *config;
	struct stamp stamp;
	struct entry **entries;		/* in order of names, as in the configuration */
	size_t count;
	struct entry *by_mgid;
	struct hf_journal_entry *old;	/* what the journal said, in order of names */
	size_t old_count;
	bool is_journal_old;
	int journal_err;		/* of the last try: logged once */
	struct hf_services_item *items;	/* a ring: seq modulo room */
	size_t room;
	uint64_t last_seq;		/* 0: none */
	uint64_t told_seq;
	bool is_stopping;

	pthread_t thread;
	bool is_started;
};

static struct hf_service_now get_now(void)
{
	struct timespec real;

	clock_gettime(CLOCK_REALTIME, &real);
	return (struct hf_service_now) {
		.ns = hf_now_ns(), .epoch_ms = (uint64_t)real.tv_sec * 1000 + real.tv_nsec / 1000000,
	};
}

static void wake(struct hf_services *services)
{
	pthread_cond_signal(&services->changed);
}

/* Items */

static struct hf_service_port port_of(const struct entry *entry, int node)
{
	if (node < 0)
		return (struct hf_service_port) { 0 };
	return (struct hf_service_port) {
		.guid = entry->service.members[node].guid, .lid = entry->service.members[node].lid,
	};
}

static struct hf_services_item *add_item(struct hf_services *services, const struct entry *entry,
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

static void set_text(struct hf_services_item *item, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void set_text(struct hf_services_item *item, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(item->text, sizeof(item->text), format, args);
	va_end(args);
}

/* Doing; all of it under both locks */

static const struct hf_service_mechanism *mechanism_of(const struct hf_services *services, const struct entry *entry)
{
	return services->fabric.mechanisms[entry->service.config->mode];
}

static bool is_first_try(int *last_err, int err)
{
	bool is_new = err && err != *last_err;

	*last_err = err;
	return is_new;
}

static void open_address(struct hf_services *services, struct entry *entry)
{
	const struct hf_service_mechanism *mechanism = mechanism_of(services, entry);
	struct hf_service_address before = entry->address;
	int err = mechanism ? mechanism->open(services->fabric.osm, &entry->address) : -EOPNOTSUPP;

	entry->is_open = !err;
	if (is_first_try(&entry->open_err, err))
		set_text(add_item(services, entry, HF_NEWS_REFUSED, HF_CAUSE_NONE),
			 "its address cannot be made (MLID 0x%04x, LID %u): %s", entry->address.mlid,
			 entry->address.lid, strerror(-err));
	if (!err && (before.mlid != entry->address.mlid || before.lid != entry->address.lid))
		services->is_journal_old = true;
}

static void keep_address(struct hf_services *services, struct entry *entry, enum hf_service_moment moment)
{
	struct hf_service_port others[HF_SERVICE_NODES_MAX], owner = port_of(entry, entry->service.owner);
	size_t count = 0;

	entry->wants_keep = false;
	/* Who is not found yet is found when the next sweep has routed, and not earlier: others may need their MLIDs. */
	if (entry->service.state == HF_SERVICE_UNKNOWN)
		return;
	if (!entry->is_open)
		open_address(services, entry);
	if (!entry->is_open)
		return;
	for (int i = 0; i < (int)entry->service.config->node_count; i++)
		if (i != entry->service.owner && entry->service.members[i].guid &&
		    entry->service.members[i].guid != owner.guid)
			others[count++] = port_of(entry, i);
	entry->wants_keep = mechanism_of(services, entry)->keep(services->fabric.osm, &entry->address, &owner, others,
								count, moment) != 0;
}

static void move_address(struct hf_services *services, struct entry *entry, const struct hf_service_port *from,
			 const struct hf_service_port *to, enum hf_service_moment moment)
{
	int err;

	if (!entry->is_open)
		open_address(services, entry);
	if (!entry->is_open)
		return;
	err = mechanism_of(services, entry)->move(services->fabric.osm, &entry->address, from, to, moment);
	entry->wants_keep = err != 0;
	if (err && err != -EINPROGRESS)
		set_text(add_item(services, entry, HF_NEWS_REFUSED, HF_CAUSE_NONE),
			 "its address cannot be moved to 0x%016" PRIx64 ": %s; it is tried again", to->guid, strerror(-err));
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

/* @old_owner: where the step's "from" is not among the nodes any more; NULL: it is. @by: NULL for nobody. */
static void perform(struct hf_services *services, struct entry *entry, const struct hf_service_step *step,
		    enum hf_service_moment moment, const struct hf_service_port *old_owner, const char *by)
{
	struct hf_service_port from = old_owner ? *old_owner : port_of(entry, step->from), to = port_of(entry, step->to);
	struct hf_services_item *item;

	if (step->action == HF_SERVICE_ACT_NONE)
		return;
	if (step->action == HF_SERVICE_ACT_MOVE) {
		move_address(services, entry, &from, &to, moment);
		services->is_journal_old = true;
	}
	item = add_item(services, entry, news_of(step->action), step->cause);
	item->from = from;
	item->to = to;
	set_text(item, "%s -> %s on %s%s%s", hf_service_state_names[step->old_state],
		 hf_service_state_names[step->state], hf_service_event_names[step->event], by ? " by " : "",
		 by ? by : "");
}

/* Seeing */

static bool is_named_before(const struct entry *entry, int node, uint64_t guid)
{
	for (int i = 0; i < node; i++)
		if (entry->service.members[i].guid == guid && entry->service.members[i].is_present)
			return true;
	return false;
}

static void look_at(struct hf_services *services, struct entry *entry, int node, enum hf_service_moment moment,
		    const struct hf_service_now *now)
{
	struct hf_service_member *member = &entry->service.members[node], before = *member;
	struct hf_services_sight sight = { .port = port_of(entry, node) };
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
	item = add_item(services, entry, HF_NEWS_NODE, HF_CAUSE_SM);
	item->from = port_of(entry, node);
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
		perform(services, services->entries[i], &step, moment, NULL, NULL);
	}
}

static void release_all(struct hf_services *services)
{
	struct hf_service_now now = get_now();
	struct hf_service_step step;

	for (size_t i = 0; i < services->count; i++) {
		struct entry *entry = services->entries[i];

		entry->is_open = false;
		entry->wants_keep = false;
		if (entry->service.state == HF_SERVICE_UNKNOWN)
			continue;
		hf_service_release(&entry->service, &now, &step);
		set_text(add_item(services, entry, HF_NEWS_OWNER, HF_CAUSE_NONE), "this SM is not the master any more");
	}
	wake(services);
}

/* Under the services' lock. Where another SM is the master, nothing is known any more. */
static bool is_master(struct hf_services *services)
{
	if (services->fabric.is_master(services->fabric.osm))
		return true;
	release_all(services);
	return false;
}

/* Finding, as a new master */

static const struct hf_journal_entry *find_old(const struct hf_services *services, const char *name)
{
	for (size_t low = 0, high = services->old_count; low < high;) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(services->old[middle].name, name);

		if (!order)
			return &services->old[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int node_by_guid(const struct entry *entry, uint64_t guid)
{
	for (int i = 0; guid && i < (int)entry->service.config->node_count; i++)
		if (entry->service.members[i].guid == guid || entry->service.config->nodes[i].port_guid == guid)
			return i;
	return HF_SERVICE_NOBODY;
}

static size_t list_ports(const struct entry *entry, struct hf_service_port ports[HF_SERVICE_NODES_MAX])
{
	for (int i = 0; i < (int)entry->service.config->node_count; i++)
		ports[i] = entry->service.members[i].is_present ? port_of(entry, i) : (struct hf_service_port) { 0 };
	return entry->service.config->node_count;
}

static void ask_fabric(struct hf_services *services, const struct entry *entry)
{
	const struct hf_service_mechanism *mechanism = mechanism_of(services, entry);
	struct hf_service_port ports[HF_SERVICE_NODES_MAX];

	if (entry->service.state == HF_SERVICE_UNKNOWN && entry->is_open && mechanism->ask)
		mechanism->ask(services->fabric.osm, &entry->address, ports, list_ports(entry, ports));
}

static uint32_t ask_holders(struct hf_services *services, const struct entry *entry)
{
	const struct hf_service_mechanism *mechanism = mechanism_of(services, entry);
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
static void find_owner(struct hf_services *services, struct entry *entry, const struct hf_service_now *now)
{
	const struct hf_journal_entry *old = find_old(services, entry->service.config->name);
	int known = node_by_guid(entry, old ? old->owner : 0), owner = known;
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
	perform(services, entry, &step, HF_MOMENT_ROUTED, NULL, NULL);
}

/* What the sweeper says */

void hf_services_sweep_done(struct hf_services *services)
{
	struct hf_service_now now = get_now();

	pthread_mutex_lock(&services->lock);
	if (is_master(services)) {
		services->fabric.lock(services->fabric.osm);
		if (!look_at_all(services, HF_MOMENT_SWEEP, &now))
			conclude_all(services, HF_MOMENT_SWEEP, &now);
		services->fabric.unlock(services->fabric.osm);
		wake(services);
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
			open_address(services, services->entries[i]);
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
		keep_address(services, services->entries[i], HF_MOMENT_ROUTED);
	services->fabric.unlock(services->fabric.osm);
	wake(services);
}

void hf_services_routed(struct hf_services *services)
{
	struct hf_service_now now = get_now();

	pthread_mutex_lock(&services->lock);
	if (is_master(services)) {
		if (begin_routed(services, &now)) {
			/* Only this thread changes what entries there are; OpenSM's others must not wait for answers. */
			pthread_mutex_unlock(&services->lock);
			services->fabric.wait_for_answers(services->fabric.osm);
			pthread_mutex_lock(&services->lock);
		}
		if (is_master(services))
			end_routed(services, &now);
	}
	pthread_mutex_unlock(&services->lock);
}

void hf_services_up(struct hf_services *services)
{
	struct hf_service_now now = get_now();

	pthread_mutex_lock(&services->lock);
	if (is_master(services)) {
		services->fabric.lock(services->fabric.osm);
		if (!look_at_all(services, HF_MOMENT_UP, &now))
			conclude_all(services, HF_MOMENT_UP, &now);
		for (size_t i = 0; i < services->count; i++)
			keep_address(services, services->entries[i], HF_MOMENT_UP);
		services->fabric.unlock(services->fabric.osm);
		wake(services);
	}
	pthread_mutex_unlock(&services->lock);
}

void hf_services_not_master(struct hf_services *services)
{
	pthread_mutex_lock(&services->lock);
	release_all(services);
	pthread_mutex_unlock(&services->lock);
}

/* What others say */

static struct entry *find_entry(const struct hf_services *services, const char *name)
{
	const struct hf_service_config *config = hf_services_config_find(services->config, name);

	return config ? services->entries[config - services->config->services] : NULL;
}

static struct entry *find_mgid(const struct hf_services *services, const uint8_t mgid[MGID_BYTES])
{
	struct entry *entry;

	HASH_FIND(hh, services->by_mgid, mgid, MGID_BYTES, entry);
	return entry;
}

void hf_services_member_changed(struct hf_services *services, const uint8_t mgid[MGID_BYTES])
{
	struct entry *entry;

	pthread_mutex_lock(&services->lock);
	entry = find_mgid(services, mgid);
	if (entry) {
		entry->wants_keep = true;
		wake(services);
	}
	pthread_mutex_unlock(&services->lock);
}

bool hf_services_find_target(struct hf_services *services, const uint8_t mgid[MGID_BYTES],
			     struct hf_services_target *ret_target)
{
	const struct hf_service_mechanism *mechanism;
	struct hf_service_port owner;
	struct entry *entry;

	*ret_target = (struct hf_services_target) { .lid = 0 };
	pthread_mutex_lock(&services->lock);
	entry = find_mgid(services, mgid);
	mechanism = entry && entry->is_open ? mechanism_of(services, entry) : NULL;
	if (mechanism && mechanism->path_lid) {
		owner = port_of(entry, entry->service.owner);
		services->fabric.lock(services->fabric.osm);
		ret_target->lid = mechanism->path_lid(services->fabric.osm, &entry->address, &owner);
		services->fabric.unlock(services->fabric.osm);
	}
	pthread_mutex_unlock(&services->lock);
	return mechanism;
}

/* One service's step that somebody asked for; under the services' lock alone. */
static void perform_alone(struct hf_services *services, struct entry *entry, const struct hf_service_step *step,
			  const char *by)
{
	if (step->action != HF_SERVICE_ACT_NONE) {
		services->fabric.lock(services->fabric.osm);
		perform(services, entry, step, HF_MOMENT_BETWEEN, NULL, by);
		services->fabric.unlock(services->fabric.osm);
	}
	wake(services);
}

static int report_node(struct hf_services *services, const char *name, uint64_t guid, uint64_t by_guid, uint64_t term,
		       bool has_failed)
{
	struct entry *entry = find_entry(services, name);
	struct hf_service_now now = get_now();
	struct hf_service_step step = { .action = HF_SERVICE_ACT_NONE };
	struct hf_services_item *item;
	int node, by, err = 0;
	bool was_suspect;

	if (!entry)
		return -ENOENT;
	node = node_by_guid(entry, guid);
	by = node_by_guid(entry, by_guid);
	if (node < 0 || by < 0 || node == by)
		return -EACCES;
	if (!is_master(services))
		return -EAGAIN;
	was_suspect = entry->service.members[node].is_suspect;
	if (has_failed)
		err = hf_service_node_failed(&entry->service, node, term, HF_CAUSE_HEARTBEAT, &now, &step);
	else if (term && term < entry->service.term)
		err = -ESTALE;
	else
		hf_service_node_recovered(&entry->service, node, &now, &step);
	if (was_suspect != entry->service.members[node].is_suspect) {
		item = add_item(services, entry, HF_NEWS_NODE, HF_CAUSE_HEARTBEAT);
		item->from = port_of(entry, node);
		set_text(item, "%s by 0x%016" PRIx64, has_failed ? "its heartbeats are missed" : "its heartbeats are back",
			 by_guid);
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
	struct entry *entry;

	pthread_mutex_lock(&services->lock);
	entry = find_entry(services, name);
	if (entry)
		hf_service_learn_term(&entry->service, term);
	pthread_mutex_unlock(&services->lock);
	return entry ? 0 : -ENOENT;
}

int hf_services_transfer_ended(struct hf_services *services, const char *name, uint64_t term, bool has_succeeded)
{
	struct hf_service_now now = get_now();
	struct hf_service_step step;
	struct entry *entry;

	pthread_mutex_lock(&services->lock);
	entry = find_entry(services, name);
	if (entry && is_master(services)) {
		hf_service_transfer_ended(&entry->service, term, has_succeeded, &now, &step);
		perform_alone(services, entry, &step, NULL);
	}
	pthread_mutex_unlock(&services->lock);
	return entry ? 0 : -ENOENT;
}

int hf_services_drained(struct hf_services *services, const char *name, uint64_t term)
{
	struct hf_service_now now = get_now();
	struct hf_service_step step;
	struct entry *entry;

	pthread_mutex_lock(&services->lock);
	entry = find_entry(services, name);
	if (entry && is_master(services)) {
		hf_service_drained(&entry->service, term, &now, &step);
		perform_alone(services, entry, &step, NULL);
	}
	pthread_mutex_unlock(&services->lock);
	return entry ? 0 : -ENOENT;
}

/* The operator */

static int find_node(const struct entry *entry, const char *text)
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

static int explain(int err, char **ret_why, const char *name, const char *node)
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
		why = node ? "the SM does not see it" : "no other node is there";
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
	struct entry *entry = find_entry(services, name);
	struct hf_service_now now = get_now();
	struct hf_service_step step;
	int node = HF_SERVICE_NOBODY, err;

	if (!entry)
		return -ENOENT;
	if (!is_master(services))
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
	struct entry *entry = find_entry(services, name);
	struct hf_service_now now = get_now();
	struct hf_service_step step;
	int err;

	if (!entry)
		return -ENOENT;
	if (!is_master(services))
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
	return explain(err, ret_why, name, node);
}

int hf_services_fail_back(struct hf_services *services, const char *name, const char *by, char **ret_why)
{
	int err;

	pthread_mutex_lock(&services->lock);
	err = fail_back(services, name, by);
	pthread_mutex_unlock(&services->lock);
	return explain(err, ret_why, name, NULL);
}

/* Showing */

static void fill_view(const struct entry *entry, struct hf_services_view *view, uint64_t now_ns)
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
		node->port = port_of(entry, i);
		node->is_present = member->is_present;
		node->is_suspect = member->is_suspect;
		node->is_held_down = hf_service_is_held_down(service, i, now_ns);
		node->up_ms = member->is_present ? (now_ns - member->up_ns) / 1000000 : 0;
		node->failures = member->failures;
	}
}

size_t hf_services_visit(struct hf_services *services, const char *name,
			 void (*visit)(void *ctx, const struct hf_services_view *view), void *ctx)
{
	struct hf_services_view view;
	size_t visited = 0;

	pthread_mutex_lock(&services->lock);
	is_master(services);
	for (size_t i = 0; i < services->count; i++)
		if (!name || !strcmp(name, services->entries[i]->service.config->name)) {
			fill_view(services->entries[i], &view, hf_now_ns());
			visit(ctx, &view);
			visited++;
		}
	pthread_mutex_unlock(&services->lock);
	return visited;
}

static size_t copy_items(const struct hf_services *services, uint64_t seq, struct hf_services_item *ret_items,
			 size_t max)
{
	size_t count = 0;

	if (services->last_seq - seq > services->room - 1 && services->last_seq > services->room - 1)
		seq = services->last_seq - (services->room - 1);
	while (seq < services->last_seq && count < max)
		ret_items[count++] = services->items[++seq % services->room];
	return count;
}

size_t hf_services_items(struct hf_services *services, uint64_t seq, struct hf_services_item *ret_items, size_t max)
{
	size_t count;

	pthread_mutex_lock(&services->lock);
	/* Nobody hears of what the journal does not know yet. */
	count = copy_items(services, seq, ret_items, max);
	while (count && ret_items[count - 1].seq > services->told_seq)
		count--;
	pthread_mutex_unlock(&services->lock);
	return count;
}

int hf_services_listen(struct hf_services *services, hf_services_listener listener, void *ctx)
{
	if (services->listener_count == LISTENERS_MAX)
		return -ENOSPC;
	services->listeners[services->listener_count++] = (struct listener) { listener, ctx };
	return 0;
}

/* The thread */

static void log_item(const struct hf_services_item *item)
{
	hf_log(item->news == HF_NEWS_REFUSED ? HF_LOG_WARN : HF_LOG_INFO,
	       "service %s: %s: %s; port 0x%016" PRIx64 " -> 0x%016" PRIx64 ", term %" PRIu64 ", cause %s", item->service,
	       hf_services_news_names[item->news], item->text, item->from.guid, item->to.guid, item->term,
	       hf_service_cause_names[item->cause]);
}

static void trace_item(struct hf_trace *trace, const struct hf_services_item *item)
{
	char from[24], to[24];

	snprintf(from, sizeof(from), "0x%016" PRIx64, item->from.guid);
	snprintf(to, sizeof(to), "0x%016" PRIx64, item->to.guid);
	hf_trace_event(trace, "service", "{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "at", (json_int_t)item->at_ns,
		       "service", item->service, "news", hf_services_news_names[item->news], "state",
		       hf_service_state_names[item->state], "cause", hf_service_cause_names[item->cause], "from", from,
		       "to", to, "term", (json_int_t)item->term, "text", item->text);
}

/* Gives the lock up meanwhile. */
static void tell(struct hf_services *services, uint64_t until_seq)
{
	struct hf_services_item batch[BATCH];
	size_t count;

	while (services->told_seq < until_seq) {
		count = copy_items(services, services->told_seq, batch, BATCH);
		while (count && batch[count - 1].seq > until_seq)
			count--;
		if (!count)
			break;
		pthread_mutex_unlock(&services->lock);
		for (size_t i = 0; i < count; i++) {
			log_item(&batch[i]);
			trace_item(services->trace, &batch[i]);
			for (size_t j = 0; j < services->listener_count; j++)
				services->listeners[j].listen(services->listeners[j].ctx, &batch[i]);
		}
		pthread_mutex_lock(&services->lock);
		services->told_seq = batch[count - 1].seq;
	}
}

/* What is not known now stands as it was. */
static void fill_journal(const struct hf_services *services, struct hf_journal_entry *entries)
{
	for (size_t i = 0; i < services->count; i++) {
		const struct entry *entry = services->entries[i];
		const struct hf_journal_entry *old = find_old(services, entry->service.config->name);
		struct hf_journal_entry *line = &entries[i];

		if (old)
			*line = *old;
		snprintf(line->name, sizeof(line->name), "%s", entry->service.config->name);
		line->mlid = entry->address.mlid;
		line->lid = entry->address.lid;
		if (entry->service.owner >= 0)
			line->owner = port_of(entry, entry->service.owner).guid;
		if (entry->service.term > line->term)
			line->term = entry->service.term;
	}
}

/* Gives the lock up meanwhile. */
static void save_journal(struct hf_services *services)
{
	size_t count = services->count;
	struct hf_journal_entry *entries = calloc(count + 1, sizeof(*entries));
	int err = -ENOMEM;
	bool is_news;

	services->is_journal_old = false;
	if (entries) {
		fill_journal(services, entries);
		pthread_mutex_unlock(&services->lock);
		err = hf_journal_save(services->journal, entries, count);
		pthread_mutex_lock(&services->lock);
		free(services->old);
		services->old = entries;
		services->old_count = count;
	}
	is_news = is_first_try(&services->journal_err, err);
	if (is_news) {
		pthread_mutex_unlock(&services->lock);
		hf_log(HF_LOG_ERROR, "journal = %s: %s: after a restart of opensm the fabric alone says who owns which "
		       "service", services->journal, strerror(-err));
		pthread_mutex_lock(&services->lock);
	}
}

static bool is_due(const struct entry *entry, uint64_t now_ns)
{
	return entry->wants_keep || hf_service_deadline(&entry->service) <= now_ns;
}

static void do_due(struct hf_services *services)
{
	struct hf_service_now now = get_now();
	struct hf_service_step step;
	bool is_any = false;

	for (size_t i = 0; i < services->count && !is_any; i++)
		is_any = is_due(services->entries[i], now.ns);
	if (!is_any)
		return;
	services->fabric.lock(services->fabric.osm);
	for (size_t i = 0; i < services->count; i++) {
		struct entry *entry = services->entries[i];

		if (entry->wants_keep)
			keep_address(services, entry, HF_MOMENT_BETWEEN);
		hf_service_tick(&entry->service, &now, &step);
		perform(services, entry, &step, HF_MOMENT_BETWEEN, NULL, NULL);
	}
	services->fabric.unlock(services->fabric.osm);
}

static void wait_until(struct hf_services *services, uint64_t deadline_ns)
{
	struct timespec until = { .tv_sec = deadline_ns / NS_PER_S, .tv_nsec = deadline_ns % NS_PER_S };

	pthread_cond_timedwait(&services->changed, &services->lock, &until);
}

static uint64_t next_deadline(const struct hf_services *services)
{
	uint64_t deadline_ns = hf_now_ns() + LOOK_NS;

	for (size_t i = 0; i < services->count; i++)
		if (hf_service_deadline(&services->entries[i]->service) < deadline_ns)
			deadline_ns = hf_service_deadline(&services->entries[i]->service);
	return deadline_ns;
}

static void *run(void *arg)
{
	struct hf_services *services = arg;
	bool has_journal = services->journal && *services->journal;

	pthread_mutex_lock(&services->lock);
	while (!services->is_stopping) {
		uint64_t until_seq;

		if (is_master(services))
			do_due(services);
		until_seq = services->last_seq;
		if (services->is_journal_old && has_journal)
			save_journal(services);
		tell(services, until_seq);
		if (!services->is_stopping && services->told_seq == services->last_seq)
			wait_until(services, next_deadline(services));
	}
	pthread_mutex_unlock(&services->lock);
	return NULL;
}

int hf_services_start(struct hf_services *services)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&services->thread, NULL, run, services);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	services->is_started = !err;
	return err;
}

/* The file */

static struct stamp stamp_of(const char *path)
{
	struct stat stat_;

	if (stat(path, &stat_))
		return (struct stamp) { .size = -1 };
	return (struct stamp) { .mtime = stat_.st_mtim, .size = stat_.st_size, .inode = stat_.st_ino };
}

static bool is_same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec && a->size == b->size &&
	       a->inode == b->inode;
}

static struct entry *new_entry(const struct hf_services *services, const struct hf_service_config *config)
{
	const struct hf_journal_entry *old = find_old(services, config->name);
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	hf_service_init(&entry->service, config);
	entry->address.config = config;
	entry->address.mlid = config->mlid ? config->mlid : old ? old->mlid : 0;
	entry->address.lid = config->lid ? config->lid : old ? old->lid : 0;
	return entry;
}

/* Whether the address stays what it is. */
static bool is_same_address(const struct hf_service_config *a, const struct hf_service_config *b)
{
	return !memcmp(a->mgid, b->mgid, sizeof(a->mgid)) && a->mode == b->mode && a->pkey == b->pkey &&
	       a->qkey == b->qkey && a->mtu == b->mtu && a->rate == b->rate && a->sl == b->sl &&
	       a->pkt_life == b->pkt_life && (!b->mlid || a->mlid == b->mlid) && (!b->lid || a->lid == b->lid);
}

static void close_entry(struct hf_services *services, struct entry *entry)
{
	const struct hf_service_mechanism *mechanism = mechanism_of(services, entry);
	struct hf_service_port owner = port_of(entry, entry->service.owner);

	if (!mechanism)
		return;
	services->fabric.lock(services->fabric.osm);
	mechanism->close(services->fabric.osm, &entry->address, &owner);
	services->fabric.unlock(services->fabric.osm);
}

static void free_entry(const struct hf_services *services, struct entry *entry)
{
	const struct hf_service_mechanism *mechanism = mechanism_of(services, entry);

	if (mechanism && mechanism->forget)
		mechanism->forget(&entry->address);
	free(entry);
}

static void index_mgids(struct hf_services *services)
{
	HASH_CLEAR(hh, services->by_mgid);
	for (size_t i = 0; i < services->count; i++)
		HASH_ADD_KEYPTR(hh, services->by_mgid, services->entries[i]->service.config->mgid, MGID_BYTES,
				services->entries[i]);
}

static void adopt_config(struct hf_services *services, struct entry *entry, const struct hf_service_config *config)
{
	struct hf_service_now now = get_now();
	struct hf_service_port old_owner = port_of(entry, entry->service.owner);
	struct hf_service_step step;

	hf_service_reconfigure(&entry->service, config, &now, &step);
	entry->address.config = config;
	entry->wants_keep = true;
	if (step.action == HF_SERVICE_ACT_NONE)
		return;
	services->fabric.lock(services->fabric.osm);
	perform(services, entry, &step, HF_MOMENT_BETWEEN, &old_owner, NULL);
	services->fabric.unlock(services->fabric.osm);
}

/* Entries of services that stay are taken over; @ret_entries has them and the new ones. */
static int plan_entries(struct hf_services *services, const struct hf_services_config *config,
			struct entry ***ret_entries)
{
	struct entry **entries = calloc(config->count + 1, sizeof(struct entry *));
	size_t i;

	if (!entries)
		return -ENOMEM;
	for (i = 0; i < config->count; i++) {
		struct entry *entry = services->config ? find_entry(services, config->services[i].name) : NULL;

		if (entry && is_same_address(entry->service.config, &config->services[i]))
			continue;
		entries[i] = new_entry(services, &config->services[i]);
		if (!entries[i])
			break;
	}
	if (i == config->count) {
		*ret_entries = entries;
		return 0;
	}
	while (i--)
		free(entries[i]);
	free(entries);
	return -ENOMEM;
}

static size_t items_room(size_t count)
{
	return count * ITEMS_PER_SERVICE > ITEMS_MIN ? count * ITEMS_PER_SERVICE : ITEMS_MIN;
}

/* Items that nobody has heard of keep their places. */
static int grow_items(struct hf_services *services, size_t count)
{
	size_t room = items_room(count);
	struct hf_services_item *items;

	if (room <= services->room)
		return 0;
	items = calloc(room, sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (uint64_t seq = services->last_seq; seq && seq + services->room > services->last_seq; seq--)
		items[seq % room] = services->items[seq % services->room];
	free(services->items);
	services->items = items;
	services->room = room;
	return 0;
}

/* Takes @config over, in any case. */
static int use_config(struct hf_services *services, struct hf_services_config *config)
{
	struct hf_services_config *old_config = services->config;
	struct entry **old_entries = services->entries, **entries;
	size_t old_count = services->count;
	int err = grow_items(services, config->count);

	if (!err)
		err = plan_entries(services, config, &entries);
	if (err) {
		hf_services_config_free(config);
		return err;
	}
	for (size_t i = 0; i < config->count; i++) {
		struct entry *entry = entries[i] || !old_config ? NULL : find_entry(services, config->services[i].name);

		if (!entry)
			continue;
		old_entries[hf_services_config_find(old_config, config->services[i].name) - old_config->services] = NULL;
		adopt_config(services, entry, &config->services[i]);
		entries[i] = entry;
	}
	HASH_CLEAR(hh, services->by_mgid);
	for (size_t i = 0; i < old_count; i++)
		if (old_entries[i]) {
			close_entry(services, old_entries[i]);
			free_entry(services, old_entries[i]);
		}
	free(old_entries);
	services->config = config;
	services->entries = entries;
	services->count = config->count;
	services->is_journal_old = old_config != NULL;
	hf_services_config_free(old_config);
	index_mgids(services);
	return 0;
}

void hf_services_reread(struct hf_services *services)
{
	struct stamp stamp = stamp_of(services->file);
	struct hf_services_config *config = NULL;
	char *error = NULL;
	int err;

	/* The stamp and the file are this thread's. */
	if (is_same_stamp(&stamp, &services->stamp))
		return;
	services->stamp = stamp;
	err = hf_services_file_load(services->file, &config, &error);
	if (!err) {
		pthread_mutex_lock(&services->lock);
		err = use_config(services, config);
		wake(services);
		pthread_mutex_unlock(&services->lock);
	}
	if (err)
		hf_log(HF_LOG_ERROR, "the services stay as they are: %s", error ? error : strerror(-err));
	else
		hf_log(HF_LOG_INFO, "%zu services were read from %s", services->count, services->file);
	free(error);
}

static int compare_old(const void *a, const void *b)
{
	return strcmp(((const struct hf_journal_entry *)a)->name, ((const struct hf_journal_entry *)b)->name);
}

static void load_journal(struct hf_services *services)
{
	const char *why = NULL;
	char *aside;
	int err;

	if (!services->journal || !*services->journal)
		return;
	err = hf_journal_load(services->journal, &services->old, &services->old_count, &why);
	if (!err && services->old_count) {
		qsort(services->old, services->old_count, sizeof(*services->old), compare_old);
		return;
	}
	if (!err)
		return;
	services->old = NULL;
	services->old_count = 0;
	hf_log(HF_LOG_ERROR, "journal = %s: %s: the fabric alone says who owns which service; the file is kept with .bad "
	       "behind its name", services->journal, why ? why : strerror(-err));
	if (asprintf(&aside, "%s.bad", services->journal) >= 0) {
		rename(services->journal, aside);
		free(aside);
	}
}

static int init_locks(struct hf_services *services)
{
	pthread_condattr_t attr;
	int err = -pthread_mutex_init(&services->lock, NULL);

	if (err)
		return err;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	err = -pthread_cond_init(&services->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (err)
		pthread_mutex_destroy(&services->lock);
	return err;
}

static int init_services(struct hf_services *services, const struct hf_services_setup *setup, char **ret_error)
{
	struct hf_services_config *config;
	int err;

	services->fabric = setup->fabric;
	services->trace = setup->trace;
	services->file = strdup(setup->file);
	services->journal = setup->journal ? strdup(setup->journal) : NULL;
	if (!services->file || (setup->journal && !services->journal))
		return -ENOMEM;
	services->stamp = stamp_of(services->file);
	err = hf_services_file_load(services->file, &config, ret_error);
	if (err)
		return err;
	load_journal(services);
	return use_config(services, config);
}

static void free_services(struct hf_services *services)
{
	HASH_CLEAR(hh, services->by_mgid);
	for (size_t i = 0; i < services->count; i++)
		free_entry(services, services->entries[i]);
	free(services->entries);
	hf_services_config_free(services->config);
	free(services->old);
	free(services->items);
	free(services->file);
	free(services->journal);
	pthread_cond_destroy(&services->changed);
	pthread_mutex_destroy(&services->lock);
	free(services);
}

int hf_services_new(const struct hf_services_setup *setup, struct hf_services **ret_services, char **ret_error)
{
	struct hf_services *services = calloc(1, sizeof(*services));
	int err = services ? init_locks(services) : -ENOMEM;

	if (err) {
		free(services);
		return err;
	}
	err = init_services(services, setup, ret_error);
	if (err) {
		free_services(services);
		return err;
	}
	*ret_services = services;
	return 0;
}

void hf_services_free(struct hf_services *services)
{
	if (!services)
		return;
	if (services->is_started) {
		pthread_mutex_lock(&services->lock);
		services->is_stopping = true;
		wake(services);
		pthread_mutex_unlock(&services->lock);
		pthread_join(services->thread, NULL);
	}
	free_services(services);
}
