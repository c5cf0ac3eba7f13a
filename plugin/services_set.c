/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/services_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/log.h"

#define ITEMS_MIN		8192
#define ITEMS_PER_SERVICE	4

const struct hf_journal_entry *hf_services_find_old(const struct hf_services *services, const char *name)
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

struct hf_services_entry *hf_services_find(const struct hf_services *services, const char *name)
{
	const struct hf_service_config *config = hf_services_config_find(services->config, name);

	return config ? services->entries[config - services->config->services] : NULL;
}

/* The file */

struct hf_services_stamp hf_services_stamp_of(const char *path)
{
	struct stat stat_;

	if (stat(path, &stat_))
		return (struct hf_services_stamp) { .size = -1 };
	return (struct hf_services_stamp) { .mtime = stat_.st_mtim, .size = stat_.st_size, .inode = stat_.st_ino };
}

static bool is_same_stamp(const struct hf_services_stamp *a, const struct hf_services_stamp *b)
{
	return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec && a->size == b->size &&
	       a->inode == b->inode;
}

static struct hf_services_entry *new_entry(const struct hf_services *services, const struct hf_service_config *config)
{
	const struct hf_journal_entry *old = hf_services_find_old(services, config->name);
	struct hf_services_entry *entry = calloc(1, sizeof(*entry));

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

static void close_entry(struct hf_services *services, struct hf_services_entry *entry)
{
	const struct hf_service_mechanism *mechanism = hf_services_mechanism(services, entry);
	struct hf_service_port owner = hf_services_port(entry, entry->service.owner);

	if (!mechanism)
		return;
	services->fabric.lock(services->fabric.osm);
	mechanism->close(services->fabric.osm, &entry->address, &owner);
	services->fabric.unlock(services->fabric.osm);
}

void hf_services_free_entry(const struct hf_services *services, struct hf_services_entry *entry)
{
	const struct hf_service_mechanism *mechanism = hf_services_mechanism(services, entry);

	if (mechanism && mechanism->forget)
		mechanism->forget(&entry->address);
	free(entry);
}

static void index_mgids(struct hf_services *services)
{
	HASH_CLEAR(hh, services->by_mgid);
	services->is_indexed = true;
	for (size_t i = 0; i < services->count; i++) {
		struct hf_services_entry *entry = services->entries[i];

		entry->not_added = false;
		HASH_ADD_KEYPTR(hh, services->by_mgid, entry->service.config->mgid, MGID_BYTES, entry);
		services->is_indexed &= !entry->not_added;
	}
}

static void adopt_config(struct hf_services *services, struct hf_services_entry *entry,
			 const struct hf_service_config *config)
{
	struct hf_service_now now = hf_services_now();
	struct hf_service_port old_owner = hf_services_port(entry, entry->service.owner);
	struct hf_service_step step;

	hf_service_reconfigure(&entry->service, config, &now, &step);
	entry->address.config = config;
	entry->wants_keep = true;
	if (step.action == HF_SERVICE_ACT_NONE)
		return;
	services->fabric.lock(services->fabric.osm);
	hf_services_perform(services, entry, &step, HF_MOMENT_BETWEEN, &old_owner, NULL);
	services->fabric.unlock(services->fabric.osm);
}

/* Entries of services that stay are taken over; @ret_entries has them and the new ones. */
static int plan_entries(struct hf_services *services, const struct hf_services_config *config,
			struct hf_services_entry ***ret_entries)
{
	struct hf_services_entry **entries = calloc(config->count + 1, sizeof(struct hf_services_entry *));
	size_t i;

	if (!entries)
		return -ENOMEM;
	for (i = 0; i < config->count; i++) {
		const char *name = config->services[i].name;
		struct hf_services_entry *entry = services->config ? hf_services_find(services, name) : NULL;

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
int hf_services_use(struct hf_services *services, struct hf_services_config *config)
{
	struct hf_services_config *old_config = services->config;
	struct hf_services_entry **old_entries = services->entries, **entries;
	size_t old_count = services->count;
	int err = grow_items(services, config->count);

	if (!err)
		err = plan_entries(services, config, &entries);
	if (err) {
		hf_services_config_free(config);
		return err;
	}
	for (size_t i = 0; i < config->count; i++) {
		const char *name = config->services[i].name;
		struct hf_services_entry *entry = entries[i] || !old_config ? NULL : hf_services_find(services, name);

		if (!entry)
			continue;
		old_entries[hf_services_config_find(old_config, name) - old_config->services] = NULL;
		adopt_config(services, entry, &config->services[i]);
		entries[i] = entry;
	}
	HASH_CLEAR(hh, services->by_mgid);
	for (size_t i = 0; i < old_count; i++)
		if (old_entries[i]) {
			close_entry(services, old_entries[i]);
			hf_services_free_entry(services, old_entries[i]);
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
	struct hf_services_stamp stamp = hf_services_stamp_of(services->file);
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
		err = hf_services_use(services, config);
		hf_services_wake(services);
		pthread_mutex_unlock(&services->lock);
	}
	if (err)
		hf_log(HF_LOG_ERROR, "the services stay as they are: %s", error ? error : strerror(-err));
	else
		hf_log(HF_LOG_INFO, "%zu services were read from %s", services->count, services->file);
	free(error);
}
