/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The inside of hf_services, for its parts alone: services.c has the thread, services_set.c the set of services and
 * its file, services_sweep.c what is done in OpenSM's sweeps, services_ask.c what others ask and say, services_act.c
 * what all of them do to a service.
 */
#ifndef HF_PLUGIN_SERVICES_IMPL_H
#define HF_PLUGIN_SERVICES_IMPL_H

#include "plugin/services.h"

#include <pthread.h>
#include <sys/types.h>
#include <time.h>

#include "lib/hash.h"
#include "plugin/journal.h"

#define HF_SERVICES_LISTENERS_MAX	4
#define MGID_BYTES			16

struct hf_services_entry {
	struct hf_service service;
	struct hf_service_address address;
	bool is_open;
	int open_err;			/* of the last try: logged once */
	bool wants_keep;
	struct hf_service_node_report reports[HF_SERVICE_NODES_MAX];	/* of the node with the GUID in it, if any */
	bool not_added;
	UT_hash_handle hh;		/* by MGID */
};

struct hf_services_listener_entry {
	hf_services_listener listen;
	void *ctx;
};

/* When and how the file was read. */
struct hf_services_stamp {
	struct timespec mtime;
	off_t size;
	ino_t inode;
};

struct hf_services {
	struct hf_services_fabric fabric;
	char *file, *journal;
	struct hf_trace *trace;
	struct hf_services_listener_entry listeners[HF_SERVICES_LISTENERS_MAX];
	size_t listener_count;

	pthread_mutex_t lock;		/* guards all below; rank above OpenSM's lock, taken before it */
	pthread_cond_t changed;		/* of the thread */
	struct hf_services_config *config;
	struct hf_services_stamp stamp;
	struct hf_services_entry **entries;	/* in order of names, as in the configuration */
	size_t count;
	struct hf_services_entry *by_mgid;
	bool is_indexed;		/* all of them are there; else memory was short */
	struct hf_journal_entry *old;	/* what the journal said, in order of names */
	size_t old_count;
	bool is_journal_old;
	int journal_err;		/* of the last try: logged once */
	struct hf_services_item *items;	/* a ring: seq modulo room */
	size_t room;
	uint64_t last_seq;		/* 0: none */
	uint64_t told_seq;
	uint64_t undone_ns;		/* since when a keep() is to be tried again; 0: none is */
	bool is_stopping;

	pthread_t thread;
	bool is_started;
};

/* The functions below are called under the lock. Those that act on the fabric want OpenSM's lock, too. */

/* The times that the state machines take. */
struct hf_service_now hf_services_now(void);

/* The thread has something to do. */
void hf_services_wake(struct hf_services *services);

/* Zeros for HF_SERVICE_NOBODY. */
struct hf_service_port hf_services_port(const struct hf_services_entry *entry, int node);

/* The node whose port has this GUID, or is configured by it; HF_SERVICE_NOBODY. */
int hf_services_node_by_guid(const struct hf_services_entry *entry, uint64_t guid);

/* News of a service; the thread tells it. Its text is set with hf_services_set_text(). */
struct hf_services_item *hf_services_add_item(struct hf_services *services, const struct hf_services_entry *entry,
					      enum hf_services_news news, enum hf_service_cause cause);
void hf_services_set_text(struct hf_services_item *item, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* NULL where the service's mode has none. */
const struct hf_service_mechanism *hf_services_mechanism(const struct hf_services *services,
							 const struct hf_services_entry *entry);

/* Whether @err is to be logged: it is one, and not the one before, @last_err. */
bool hf_services_is_first_try(int *last_err, int err);

/* Makes the service's address; what fails is tried again by hf_services_keep(). */
void hf_services_open(struct hf_services *services, struct hf_services_entry *entry);

/* Sees to it that the address stands as the owner says. */
void hf_services_keep(struct hf_services *services, struct hf_services_entry *entry, enum hf_service_moment moment);

/**
 * hf_services_perform() - do what a service's state machine says
 * @services:  all of them
 * @entry:     the service
 * @step:      of its state machine
 * @moment:    in OpenSM's sweep
 * @old_owner: where the step's "from" is not among the nodes any more; NULL: it is
 * @by:        who wanted it; NULL for nobody
 */
void hf_services_perform(struct hf_services *services, struct hf_services_entry *entry,
			 const struct hf_service_step *step, enum hf_service_moment moment,
			 const struct hf_service_port *old_owner, const char *by);

/* Where another SM is the master, nothing is known any more. */
bool hf_services_is_master(struct hf_services *services);
void hf_services_release(struct hf_services *services);

/* What the journal said of a service; NULL if nothing. */
const struct hf_journal_entry *hf_services_find_old(const struct hf_services *services, const char *name);

/* NULL if there is none of this name. */
struct hf_services_entry *hf_services_find(const struct hf_services *services, const char *name);

struct hf_services_stamp hf_services_stamp_of(const char *path);

/* Takes @config over, in any case. Return: 0; -ENOMEM, where the services stay as they were. */
int hf_services_use(struct hf_services *services, struct hf_services_config *config);

void hf_services_free_entry(const struct hf_services *services, struct hf_services_entry *entry);

#endif
