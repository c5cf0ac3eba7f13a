/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "lib/verbs/queue_pair.h"
#include "lib/verbs/real.h"
#include "lib/verbs/work.h"

#define TABLE_SIZE	(1u << HF_QP_TABLE_BITS)

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
struct hf_verbs *_Atomic hf_devices;
static struct hf_queue_pair *to_tell;
static _Atomic uint32_t next_number = 1;

/* --------------------------------------------------------------------------------- devices ---- */

static struct hf_verbs *make_device_locked(struct ibv_context *ibv)
{
	struct hf_verbs *verbs = hf_verbs_find(NULL);
	bool is_new = !verbs;

	if (is_new)
		verbs = calloc(1, sizeof(*verbs));
	if (!verbs)
		return NULL;
	snprintf(verbs->device, sizeof(verbs->device), "%s", ibv->device->name);
	verbs->create_qp_ex = NULL;
	verbs->refused = 0;
	verbs->waits_for_events = false;
	verbs->needs_kick = hf_verbs_needs_kick(ibv->device);
	verbs->is_decided = verbs->is_recorded = false;
	atomic_store_explicit(&verbs->ibv, ibv, memory_order_release);
	if (is_new) {
		verbs->next = atomic_load(&hf_devices);
		atomic_store_explicit(&hf_devices, verbs, memory_order_release);
	}
	return verbs;
}

struct hf_verbs *hf_verbs_get(struct ibv_context *ibv)
{
	struct hf_verbs *verbs = hf_verbs_find(ibv);

	if (verbs)
		return verbs;
	pthread_mutex_lock(&registry_lock);
	verbs = hf_verbs_find(ibv);
	if (!verbs)
		verbs = make_device_locked(ibv);
	pthread_mutex_unlock(&registry_lock);
	return verbs;
}

/* ----------------------------------------------------------------------------- queue pairs ---- */

static bool set_locked(struct hf_verbs *verbs, uint32_t qpn, struct hf_queue_pair *qp)
{
	struct hf_qp_table *table = atomic_load(&verbs->tables[HF_QPN_UPPER(qpn)]);

	if (!table) {
		table = calloc(1, sizeof(*table));
		if (!table)
			return false;
		atomic_store_explicit(&verbs->tables[HF_QPN_UPPER(qpn)], table, memory_order_release);
	}
	atomic_store_explicit(&table->at[HF_QPN_LOWER(qpn)], qp, memory_order_release);
	return true;
}

struct hf_queue_pair *hf_queue_pair_find(uint32_t number, uint32_t qpn)
{
	struct hf_queue_pair *found = NULL;

	pthread_mutex_lock(&registry_lock);
	for (struct hf_verbs *verbs = hf_devices; verbs && !found; verbs = verbs->next) {
		struct hf_queue_pair *qp = hf_verbs_queue_pair(verbs, qpn);

		if (qp && qp->number == number)
			found = qp;
	}
	if (found)
		found->references++;
	pthread_mutex_unlock(&registry_lock);
	return found;
}

/* With a reference. */
static struct hf_queue_pair *find(struct hf_verbs *verbs, uint32_t qpn)
{
	struct hf_queue_pair *found;

	pthread_mutex_lock(&registry_lock);
	found = hf_verbs_queue_pair(verbs, qpn);
	if (found)
		found->references++;
	pthread_mutex_unlock(&registry_lock);
	return found;
}

static void release(struct hf_queue_pair *qp)
{
	pthread_mutex_destroy(&qp->lock);
	pthread_cond_destroy(&qp->idle);
	free(qp);
}

void hf_queue_pair_ref(struct hf_queue_pair *qp)
{
	pthread_mutex_lock(&registry_lock);
	qp->references++;
	pthread_mutex_unlock(&registry_lock);
}

void hf_queue_pair_unref(struct hf_queue_pair *qp)
{
	bool is_last;

	if (!qp)
		return;
	pthread_mutex_lock(&registry_lock);
	is_last = --qp->references == 0;
	pthread_mutex_unlock(&registry_lock);
	if (is_last)
		release(qp);
}

void hf_queue_pair_remove(struct hf_queue_pair *qp)
{
	struct hf_work *work;
	bool was_there;

	pthread_mutex_lock(&registry_lock);
	was_there = hf_verbs_queue_pair(qp->verbs, qp->qpn) == qp;
	if (was_there)
		set_locked(qp->verbs, qp->qpn, NULL);
	pthread_mutex_unlock(&registry_lock);
	pthread_mutex_lock(&qp->lock);
	work = qp->work;
	qp->work = NULL;
	pthread_mutex_unlock(&qp->lock);
	hf_work_remove(work);
	if (was_there)
		hf_queue_pair_unref(qp);
}

/* One that has been destroyed, if not by a function that we know of. */
static void remove_stale(struct hf_queue_pair *qp)
{
	pthread_mutex_lock(&qp->lock);
	qp->ibv = NULL;
	memset(&qp->move, 0, sizeof(qp->move));
	pthread_mutex_unlock(&qp->lock);
	hf_queue_pair_tell(qp);
	hf_queue_pair_remove(qp);
}

void hf_queue_pair_add(struct ibv_qp *ibv, const struct ibv_qp_init_attr *init)
{
	struct hf_verbs *verbs = hf_verbs_find(ibv->context);
	struct hf_queue_pair *qp, *stale = verbs ? find(verbs, ibv->qp_num) : NULL;
	bool is_added;

	if (stale)
		remove_stale(stale);
	hf_queue_pair_unref(stale);
	qp = verbs ? calloc(1, sizeof(*qp)) : NULL;
	if (!qp)
		return;
	qp->verbs = verbs;
	qp->qpn = ibv->qp_num;
	qp->number = atomic_fetch_add(&next_number, 1);
	qp->init = *init;
	qp->ibv = ibv;
	qp->state = IBV_QPS_RESET;
	qp->references = 1;
	pthread_mutex_init(&qp->lock, NULL);
	pthread_cond_init(&qp->idle, NULL);
	pthread_mutex_lock(&registry_lock);
	is_added = set_locked(verbs, qp->qpn, qp);
	pthread_mutex_unlock(&registry_lock);
	if (!is_added)
		release(qp);
}

/* Calls @visit for each, until it returns false. */
static void for_each_locked(struct hf_verbs *verbs, bool (*visit)(struct hf_queue_pair *qp, void *ctx), void *ctx)
{
	for (unsigned int i = 0; i < TABLE_SIZE; i++) {
		struct hf_qp_table *table = atomic_load(&verbs->tables[i]);

		for (unsigned int j = 0; table && j < TABLE_SIZE; j++) {
			struct hf_queue_pair *qp = atomic_load(&table->at[j]);

			if (qp && !visit(qp, ctx))
				return;
		}
	}
}

static bool take_first(struct hf_queue_pair *qp, void *ctx)
{
	*(struct hf_queue_pair **)ctx = qp;
	qp->references++;
	return false;
}

struct hf_queue_pair *hf_verbs_first_queue_pair(struct hf_verbs *verbs)
{
	struct hf_queue_pair *first = NULL;

	pthread_mutex_lock(&registry_lock);
	for_each_locked(verbs, take_first, &first);
	pthread_mutex_unlock(&registry_lock);
	return first;
}

void hf_verbs_forget(struct hf_verbs *verbs)
{
	pthread_mutex_lock(&registry_lock);
	for (unsigned int i = 0; i < TABLE_SIZE; i++)
		free(atomic_exchange(&verbs->tables[i], NULL));
	atomic_store_explicit(&verbs->ibv, NULL, memory_order_release);
	pthread_mutex_unlock(&registry_lock);
}

/* --------------------------------------------------------------------------- to be told of ---- */

static void list_locked(struct hf_queue_pair *qp)
{
	if (qp->is_listed)
		return;
	qp->is_listed = true;
	qp->references++;
	DL_APPEND2(to_tell, qp, tell_prev, tell_next);
}

void hf_queue_pair_tell(struct hf_queue_pair *qp)
{
	pthread_mutex_lock(&registry_lock);
	list_locked(qp);
	pthread_mutex_unlock(&registry_lock);
}

struct hf_queue_pair *hf_queue_pair_next_to_tell(void)
{
	struct hf_queue_pair *qp;

	pthread_mutex_lock(&registry_lock);
	qp = to_tell;
	if (qp) {
		DL_DELETE2(to_tell, qp, tell_prev, tell_next);
		qp->is_listed = false;
	}
	pthread_mutex_unlock(&registry_lock);
	return qp;
}

static bool tell_anew(struct hf_queue_pair *qp, void *ctx)
{
	(void)ctx;
	qp->is_told = false;
	list_locked(qp);
	return true;
}

void hf_queue_pair_tell_all(void)
{
	struct hf_queue_pair *qp;

	pthread_mutex_lock(&registry_lock);
	DL_FOREACH2(to_tell, qp, tell_next)
		qp->is_told = false;
	for (struct hf_verbs *verbs = hf_devices; verbs; verbs = verbs->next)
		for_each_locked(verbs, tell_anew, NULL);
	pthread_mutex_unlock(&registry_lock);
}

/* ------------------------------------------------------------------------------------ fork ---- */

void hf_registry_fork_prepare(void)
{
	pthread_mutex_lock(&registry_lock);
}

void hf_registry_fork_parent(void)
{
	pthread_mutex_unlock(&registry_lock);
}

/* The queue pairs may have been locked by threads that are no more: they are left where they are. */
void hf_registry_fork_child(void)
{
	for (struct hf_verbs *verbs = hf_devices; verbs; verbs = verbs->next)
		for (unsigned int i = 0; i < TABLE_SIZE; i++)
			atomic_store(&verbs->tables[i], NULL);
	to_tell = NULL;
	pthread_mutex_init(&registry_lock, NULL);
}
