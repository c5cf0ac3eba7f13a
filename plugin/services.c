/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/services_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

#define NS_PER_S	UINT64_C(1000000000)
#define BATCH		64
#define LOOK_NS		NS_PER_S	/* whether this SM is still the master */
#define RETRY_NS	UINT64_C(5000000)	/* what is not done yet; then after twice the time, up to LOOK_NS */

const char *const hf_services_news_names[HF_NEWS_KINDS] = {
	[HF_NEWS_OWNER] = "owner",
	[HF_NEWS_TRANSFER] = "transfer",
	[HF_NEWS_DRAIN] = "drain",
	[HF_NEWS_CANCEL] = "cancel",
	[HF_NEWS_NODE] = "node",
	[HF_NEWS_REFUSED] = "refused",
};

/* Items that were told */

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
	if (services->listener_count == HF_SERVICES_LISTENERS_MAX)
		return -ENOSPC;
	services->listeners[services->listener_count++] = (struct hf_services_listener_entry) { listener, ctx };
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
		const struct hf_services_entry *entry = services->entries[i];
		const struct hf_journal_entry *old = hf_services_find_old(services, entry->service.config->name);
		struct hf_journal_entry *line = &entries[i];

		if (old)
			*line = *old;
		snprintf(line->name, sizeof(line->name), "%s", entry->service.config->name);
		line->mlid = entry->address.mlid;
		line->lid = entry->address.lid;
		if (entry->service.owner >= 0)
			line->owner = hf_services_port(entry, entry->service.owner).guid;
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
	/* At the next look at the latest. */
	services->is_journal_old |= err != 0;
	is_news = hf_services_is_first_try(&services->journal_err, err);
	if (is_news) {
		pthread_mutex_unlock(&services->lock);
		hf_log(HF_LOG_ERROR, "journal = %s: %s: after a restart of opensm the fabric alone says who owns which "
		       "service", services->journal, strerror(-err));
		pthread_mutex_lock(&services->lock);
	}
}

static bool is_due(const struct hf_services_entry *entry, uint64_t now_ns)
{
	return entry->wants_keep || hf_service_deadline(&entry->service) <= now_ns;
}

static void do_due(struct hf_services *services)
{
	struct hf_service_now now = hf_services_now();
	struct hf_service_step step;
	bool is_any = false;

	for (size_t i = 0; i < services->count && !is_any; i++)
		is_any = is_due(services->entries[i], now.ns);
	if (!is_any)
		return;
	services->fabric.lock(services->fabric.osm);
	for (size_t i = 0; i < services->count; i++) {
		struct hf_services_entry *entry = services->entries[i];

		if (entry->wants_keep)
			hf_services_keep(services, entry, HF_MOMENT_BETWEEN);
		hf_service_tick(&entry->service, &now, &step);
		hf_services_perform(services, entry, &step, HF_MOMENT_BETWEEN, NULL, NULL);
	}
	services->fabric.unlock(services->fabric.osm);
}

static void wait_until(struct hf_services *services, uint64_t deadline_ns)
{
	struct timespec until = { .tv_sec = deadline_ns / NS_PER_S, .tv_nsec = deadline_ns % NS_PER_S };

	pthread_cond_timedwait(&services->changed, &services->lock, &until);
}

/* The longer it has not been done, the longer until the next try. */
static uint64_t retry_pause_ns(struct hf_services *services, uint64_t now_ns)
{
	uint64_t pause_ns;

	if (!services->undone_ns)
		services->undone_ns = now_ns;
	pause_ns = now_ns - services->undone_ns;
	return pause_ns < RETRY_NS ? RETRY_NS : pause_ns < LOOK_NS ? pause_ns : LOOK_NS;
}

static uint64_t next_deadline(struct hf_services *services)
{
	uint64_t now_ns = hf_now_ns(), deadline_ns = now_ns + LOOK_NS;
	bool is_undone = false;

	for (size_t i = 0; i < services->count; i++) {
		is_undone |= services->entries[i]->wants_keep;
		if (hf_service_deadline(&services->entries[i]->service) < deadline_ns)
			deadline_ns = hf_service_deadline(&services->entries[i]->service);
	}
	if (!is_undone)
		services->undone_ns = 0;
	else if (now_ns + retry_pause_ns(services, now_ns) < deadline_ns)
		deadline_ns = now_ns + retry_pause_ns(services, now_ns);
	return deadline_ns;
}

static void *run(void *arg)
{
	struct hf_services *services = arg;
	bool has_journal = services->journal && *services->journal;

	pthread_mutex_lock(&services->lock);
	while (!services->is_stopping) {
		uint64_t until_seq;

		if (hf_services_is_master(services))
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

/* The journal, and beginning and end */

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
	services->stamp = hf_services_stamp_of(services->file);
	err = hf_services_file_load(services->file, &config, ret_error);
	if (err)
		return err;
	load_journal(services);
	return hf_services_use(services, config);
}

static void free_services(struct hf_services *services)
{
	HASH_CLEAR(hh, services->by_mgid);
	for (size_t i = 0; i < services->count; i++)
		hf_services_free_entry(services, services->entries[i]);
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
		hf_services_wake(services);
		pthread_mutex_unlock(&services->lock);
		pthread_join(services->thread, NULL);
	}
	free_services(services);
}
