/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/bulk.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/port_delta.h"
#include "plugin/signaller.h"

#define UNICAST_LIDS	0xc000
#define WORD_BYTES	8
#define NUM_PATH_MASK	0x7f

struct hf_bulk {
	/* Guards all below but the counters. Leaf: nothing is locked and nothing sent while it is held. */
	pthread_rwlock_t lock;
	const struct hf_snapshot *snapshot;	/* NULL for none */
	struct hf_history *history;
	uint32_t port_at[UNICAST_LIDS];		/* by LID; HF_NO_INDEX for nobody's */

	/* Guards the three below. Leaf, taken under the lock above. */
	pthread_mutex_t audience_lock;
	unsigned int announcements;		/* that have begun and not ended */
	bool is_reading;			/* the last one's subscribers are not known yet */
	bool is_told[UNICAST_LIDS];		/* by LID: of all of them whose subscribers are known */

	atomic_uint draws;
	atomic_ulong answers, whole, refused, changes, bytes;
};

int hf_bulk_new(size_t history_bytes, struct hf_bulk **ret_bulk)
{
	struct hf_bulk *bulk = calloc(1, sizeof(*bulk));
	int err;

	if (!bulk)
		return -ENOMEM;
	err = hf_history_new(history_bytes, &bulk->history);
	if (err)
		goto err_free_bulk;
	err = -pthread_rwlock_init(&bulk->lock, NULL);
	if (err)
		goto err_free_history;
	err = -pthread_mutex_init(&bulk->audience_lock, NULL);
	if (err)
		goto err_destroy_lock;
	*ret_bulk = bulk;
	return 0;

err_destroy_lock:
	pthread_rwlock_destroy(&bulk->lock);
err_free_history:
	hf_history_free(bulk->history);
err_free_bulk:
	free(bulk);
	return err;
}

void hf_bulk_free(struct hf_bulk *bulk)
{
	if (!bulk)
		return;
	pthread_mutex_destroy(&bulk->audience_lock);
	pthread_rwlock_destroy(&bulk->lock);
	hf_history_free(bulk->history);
	free(bulk);
}

/* Publishing */

static void map_lids_locked(struct hf_bulk *bulk)
{
	const struct hf_snapshot *snapshot = bulk->snapshot;

	for (unsigned int lid = 0; lid < UNICAST_LIDS; lid++)
		bulk->port_at[lid] = HF_NO_INDEX;
	for (uint32_t i = 0; i < snapshot->n_ports; i++) {
		const struct hf_port *port = &snapshot->ports[i];

		for (unsigned int lid = port->lid; hf_port_is_present(port) && lid < UNICAST_LIDS &&
						   lid < port->lid + hf_port_count_lids(port); lid++)
			bulk->port_at[lid] = i;
	}
}

static int append_locked(struct hf_bulk *bulk, const struct hf_snapshot *snapshot, const struct hf_changes *changes)
{
	if (changes && bulk->snapshot && !hf_history_add(bulk->history, changes))
		return 0;
	hf_history_clear(bulk->history);
	return hf_history_begin(bulk->history, snapshot);
}

int hf_bulk_publish(struct hf_bulk *bulk, const struct hf_snapshot *snapshot, const struct hf_changes *changes)
{
	int err;

	pthread_rwlock_wrlock(&bulk->lock);
	err = append_locked(bulk, snapshot, changes);
	bulk->snapshot = err ? NULL : snapshot;
	if (!err)
		map_lids_locked(bulk);
	pthread_rwlock_unlock(&bulk->lock);
	return err;
}

void hf_bulk_forget(struct hf_bulk *bulk)
{
	pthread_rwlock_wrlock(&bulk->lock);
	bulk->snapshot = NULL;
	hf_history_clear(bulk->history);
	pthread_rwlock_unlock(&bulk->lock);
}

bool hf_bulk_is_anew(const struct hf_bulk *bulk)
{
	return hf_history_oldest(bulk->history) == hf_history_epoch(bulk->history);
}

/* Who is told */

void hf_bulk_begin_announcement(struct hf_bulk *bulk)
{
	pthread_mutex_lock(&bulk->audience_lock);
	if (!bulk->announcements++)
		memset(bulk->is_told, true, sizeof(bulk->is_told));
	bulk->is_reading = true;
	pthread_mutex_unlock(&bulk->audience_lock);
}

void hf_bulk_set_audience(struct hf_bulk *bulk, const struct hf_subscriber *subscribers, size_t count)
{
	bool is_told[UNICAST_LIDS] = { false };

	for (size_t i = 0; i < count; i++)
		if (subscribers[i].addr.lid < UNICAST_LIDS && (subscribers[i].hears & HF_HEARS_ALL) == HF_HEARS_ALL)
			is_told[subscribers[i].addr.lid] = true;
	pthread_mutex_lock(&bulk->audience_lock);
	bulk->is_reading = false;
	for (unsigned int lid = 0; lid < UNICAST_LIDS; lid++)
		bulk->is_told[lid] &= is_told[lid];
	pthread_mutex_unlock(&bulk->audience_lock);
}

void hf_bulk_end_announcement(struct hf_bulk *bulk)
{
	pthread_mutex_lock(&bulk->audience_lock);
	if (!--bulk->announcements)
		bulk->is_reading = false;
	pthread_mutex_unlock(&bulk->audience_lock);
}

/* Whether something is about to be announced that a host will not be told of. */
static bool is_left_out(struct hf_bulk *bulk, uint16_t lid)
{
	bool is_left_out;

	pthread_mutex_lock(&bulk->audience_lock);
	is_left_out = bulk->announcements && (bulk->is_reading || !bulk->is_told[lid]);
	pthread_mutex_unlock(&bulk->audience_lock);
	return is_left_out;
}

/* For Reports */

size_t hf_bulk_told(const struct hf_bulk *bulk, uint32_t port, struct hf_destinations *ret_set, uint64_t *ret_base)
{
	uint64_t epoch = hf_history_epoch(bulk->history);

	/* Epochs are numbers that grow: all steps behind the last but one are the last. */
	hf_history_collect(bulk->history, port, epoch - 1, ret_set);
	*ret_base = hf_history_base(bulk->history, port);
	return hf_destinations_count(ret_set);
}

/* Return: the body, to be freed; NULL without memory. */
static uint8_t *make_body(struct hf_delta *delta, size_t *ret_length)
{
	uint8_t *body = malloc(hf_delta_max_bytes(delta));

	if (body)
		*ret_length = hf_delta_encode(delta, body);
	return body;
}

/* @ret_items: those that are not told by their site. Each takes a byte at least, so with too many nothing is made. */
static bool fits(struct hf_bulk *bulk, uint32_t port, const struct hf_destinations *set, size_t room,
		 struct hf_report_body *ret_body, size_t *ret_items)
{
	struct hf_delta delta;
	uint8_t *body = NULL;
	size_t length = 0;
	bool fits;

	*ret_items = 0;
	if (hf_port_delta_init(bulk->snapshot, bulk->history, port, set, &bulk->draws, &delta))
		return false;
	*ret_items = delta.n_gone + delta.n_paths;
	if (*ret_items <= room)
		body = make_body(&delta, &length);
	hf_port_delta_fini(&delta);
	fits = body && length <= room;
	if (fits) {
		ret_body->length = length;
		memcpy(ret_body->bytes, body, length);
		ret_body->changes = hf_destinations_count(set);
	}
	free(body);
	return fits;
}

/* Of a destination that keeps its site and its name; HF_NO_INDEX where it is new or gone, or its site is not known. */
static uint32_t find_switch(const struct hf_bulk *bulk, uint32_t port, const struct hf_destinations *set, uint32_t dst)
{
	uint32_t site;

	if (hf_destinations_has(set->named, dst) || !hf_snapshot_path(bulk->snapshot, port, dst))
		return HF_NO_INDEX;
	site = hf_bulk_site(bulk, dst);
	return site == HF_SITE_UNKNOWN ? HF_NO_INDEX : hf_site_switch(site);
}

/* A switch with half of the switches to which paths changed before it. */
static uint32_t find_middle(const struct hf_bulk *bulk, uint32_t port, const struct hf_destinations *set,
			    uint64_t *switches)
{
	uint32_t n_switches = hf_history_count_switches(bulk->history), count = 0, seen = 0, middle = 0;

	for (uint32_t dst = 0; dst < set->n_ports; dst++) {
		uint32_t number;

		if (!hf_destinations_has(set->changed, dst))
			continue;
		number = find_switch(bulk, port, set, dst);
		if (number == HF_NO_INDEX || hf_destinations_has(switches, number))
			continue;
		hf_destinations_add(switches, number);
		count++;
	}
	while (middle < n_switches && 2 * seen < count)
		seen += hf_destinations_has(switches, middle++);
	return middle;
}

/*
 * Who is new or gone comes first, as a path that is told for a whole site means all who are known there. What is at one
 * switch stays together.
 */
static int split(const struct hf_bulk *bulk, uint32_t port, const struct hf_destinations *set,
		 struct hf_destinations halves[HF_BULK_BODIES])
{
	uint64_t *switches = calloc(hf_destinations_words(hf_history_count_switches(bulk->history)), sizeof(*switches));
	uint32_t middle;

	if (!switches)
		return -ENOMEM;
	middle = find_middle(bulk, port, set, switches);
	for (uint32_t dst = 0; dst < set->n_ports; dst++) {
		uint32_t number;

		if (!hf_destinations_has(set->changed, dst))
			continue;
		number = find_switch(bulk, port, set, dst);
		hf_destinations_add(halves[number != HF_NO_INDEX && number >= middle].changed, dst);
		if (hf_destinations_has(set->named, dst))
			hf_destinations_add(halves[0].named, dst);
	}
	free(switches);
	return 0;
}

unsigned int hf_bulk_report_bodies(struct hf_bulk *bulk, uint32_t port, const struct hf_destinations *set, size_t room,
				   struct hf_report_body ret_bodies[HF_BULK_BODIES])
{
	struct hf_destinations halves[HF_BULK_BODIES] = { 0 };
	unsigned int count = 0;
	size_t items;

	if (fits(bulk, port, set, room, &ret_bodies[0], &items))
		return 1;
	if (items > HF_BULK_BODIES * room)
		return 0;
	if (!hf_destinations_init(set->n_ports, &halves[0]) && !hf_destinations_init(set->n_ports, &halves[1]) &&
	    !split(bulk, port, set, halves) && hf_destinations_count(&halves[0]) && hf_destinations_count(&halves[1]) &&
	    fits(bulk, port, &halves[0], room, &ret_bodies[0], &items) &&
	    fits(bulk, port, &halves[1], room, &ret_bodies[1], &items))
		count = HF_BULK_BODIES;
	for (unsigned int i = 0; i < HF_BULK_BODIES; i++)
		hf_destinations_fini(&halves[i]);
	return count;
}

size_t hf_bulk_weigh(struct hf_bulk *bulk, uint32_t port, size_t *ret_changes)
{
	struct hf_destinations set;
	struct hf_delta delta;
	size_t length = 0;
	uint64_t base;

	*ret_changes = 0;
	if (!hf_port_is_present(hf_snapshot_port(bulk->snapshot, port)) ||
	    hf_destinations_init(bulk->snapshot->n_ports, &set))
		return 0;
	*ret_changes = hf_bulk_told(bulk, port, &set, &base);
	if (*ret_changes && !hf_port_delta_init(bulk->snapshot, bulk->history, port, &set, &bulk->draws, &delta)) {
		free(make_body(&delta, &length));
		hf_port_delta_fini(&delta);
	}
	hf_destinations_fini(&set);
	return length;
}

uint32_t hf_bulk_site(const struct hf_bulk *bulk, uint32_t port)
{
	return hf_history_site(bulk->history, bulk->snapshot, port);
}

void hf_bulk_path_record(struct hf_bulk *bulk, uint32_t src, uint32_t dst, struct hf_path_record *ret_record)
{
	hf_entry entry = hf_snapshot_path(bulk->snapshot, src, dst);

	hf_snapshot_path_record(bulk->snapshot, src, dst, ret_record);
	if (entry)
		ret_record->qos_class_sl = htobe16(hf_draw_sl(bulk->snapshot, entry, &bulk->draws));
}

/* Answering */

bool hf_bulk_is_asked(const struct hf_sa_mad *query)
{
	const struct hf_path_record *record = (const struct hf_path_record *)query->data;

	return query->hdr.method == HF_METHOD_GET_TABLE && be16toh(query->hdr.attr_id) == HF_ATTR_PATH_RECORD &&
	       be64toh(query->comp_mask) == (HF_PR_COMP_SGID | HF_PR_COMP_NUMB_PATH) &&
	       (record->num_path & NUM_PATH_MASK) == 1 && be64toh(record->service_id) == HF_DELTA_SERVICE_ID;
}

static bool is_anybodys_locked(const struct hf_bulk *bulk, uint64_t guid)
{
	const struct hf_snapshot *snapshot = bulk->snapshot;

	for (uint32_t i = 0; i < snapshot->n_ports; i++)
		if (snapshot->ports[i].guid == guid)
			return guid != 0;
	return false;
}

static void refuse(struct hf_bulk_answer *answer, uint16_t status)
{
	answer->verdict = HF_BULK_REFUSED;
	answer->status = status;
}

/* A port learns of its own paths alone, and where the query came from is all that tells who asks. */
static uint32_t find_asker_locked(const struct hf_bulk *bulk, const struct hf_path_record *record, uint16_t from_lid,
				  struct hf_bulk_answer *answer)
{
	uint32_t port = from_lid < UNICAST_LIDS ? bulk->port_at[from_lid] : HF_NO_INDEX;
	union hf_gid sgid = record->sgid;
	uint64_t guid = be64toh(sgid.guid);

	if (port == HF_NO_INDEX || sgid.prefix != bulk->snapshot->routing.subnet_prefix)
		return HF_NO_INDEX;
	if (bulk->snapshot->ports[port].guid == guid)
		return port;
	refuse(answer, is_anybodys_locked(bulk, guid) ? HF_SA_STATUS_REQ_INVALID : HF_SA_STATUS_INVALID_GID);
	return HF_NO_INDEX;
}

/* Whether what has changed since then can be told, and not only how everything is. */
static bool is_known_locked(const struct hf_bulk *bulk, const struct hf_delta_held *held)
{
	uint64_t epoch = be64toh(held->epoch);

	return be64toh(held->instance) == bulk->snapshot->routing.instance &&
	       epoch >= hf_history_oldest(bulk->history) && epoch <= hf_history_epoch(bulk->history);
}

static int collect_locked(struct hf_bulk *bulk, uint32_t port, const struct hf_delta_held *held,
			  struct hf_delta *ret_delta, size_t *ret_changes)
{
	struct hf_destinations set;
	int err = hf_destinations_init(bulk->snapshot->n_ports, &set);

	if (err)
		return err;
	hf_history_collect(bulk->history, port, be64toh(held->epoch), &set);
	*ret_changes = hf_destinations_count(&set);
	err = hf_port_delta_init(bulk->snapshot, bulk->history, port, &set, &bulk->draws, ret_delta);
	hf_destinations_fini(&set);
	return err;
}

static size_t round_up(size_t length)
{
	return (length + WORD_BYTES - 1) / WORD_BYTES * WORD_BYTES;
}

static int collect_all_locked(struct hf_bulk *bulk, uint32_t port, struct hf_delta *ret_delta, size_t *ret_changes)
{
	int err = hf_port_delta_init(bulk->snapshot, bulk->history, port, NULL, &bulk->draws, ret_delta);

	if (!err)
		*ret_changes = ret_delta->n_paths + ret_delta->covered;
	return err;
}

static int write_answer(const struct hf_delta_hdr *hdr, struct hf_delta *delta, size_t changes,
			struct hf_bulk_answer *answer)
{
	struct hf_delta_hdr *to = malloc(sizeof(*hdr) + hf_delta_max_bytes(delta) + WORD_BYTES);
	uint8_t *body = (uint8_t *)(to + 1);
	size_t length;

	if (!to)
		return -ENOMEM;
	length = hf_delta_encode(delta, body);
	memset(body + length, 0, WORD_BYTES);
	*to = *hdr;
	to->body_length = htobe32(length);
	to->changes = htobe32(changes);
	answer->verdict = HF_BULK_ANSWERED;
	answer->data = (uint8_t *)to;
	answer->length = round_up(sizeof(*hdr) + length);
	answer->instance = be64toh(hdr->instance);
	answer->epoch = be64toh(hdr->epoch);
	answer->base = be64toh(hdr->base);
	answer->changes = changes;
	answer->is_whole = hdr->flags & HF_DELTA_WHOLE;
	return 0;
}

static int answer_port_locked(struct hf_bulk *bulk, uint32_t port, const struct hf_delta_held *held,
			      struct hf_bulk_answer *answer)
{
	const struct hf_snapshot *snapshot = bulk->snapshot;
	bool is_known = is_known_locked(bulk, held);
	struct hf_delta_hdr hdr = {
		.magic = HF_DELTA_MAGIC,
		.version = HF_DELTA_VERSION,
		.flags = is_known ? 0 : HF_DELTA_WHOLE,
		.slid = htobe16(snapshot->ports[port].lid),
		.instance = htobe64(snapshot->routing.instance),
		.base = is_known ? held->epoch : 0,
		.epoch = htobe64(snapshot->routing.epoch),
		.subnet_prefix = snapshot->routing.subnet_prefix,
	};
	struct hf_delta delta;
	size_t changes;
	int err = is_known ? collect_locked(bulk, port, held, &delta, &changes) :
			     collect_all_locked(bulk, port, &delta, &changes);

	if (err)
		return err;
	err = write_answer(&hdr, &delta, changes, answer);
	hf_port_delta_fini(&delta);
	return err;
}

static void count_answer(struct hf_bulk *bulk, const struct hf_bulk_answer *answer)
{
	if (answer->verdict == HF_BULK_REFUSED)
		atomic_fetch_add(&bulk->refused, 1);
	if (answer->verdict != HF_BULK_ANSWERED)
		return;
	atomic_fetch_add(&bulk->answers, 1);
	atomic_fetch_add(&bulk->whole, answer->is_whole);
	atomic_fetch_add(&bulk->changes, answer->changes);
	atomic_fetch_add(&bulk->bytes, answer->length);
}

void hf_bulk_answer(struct hf_bulk *bulk, const struct hf_sa_mad *query, uint16_t from_lid,
		    struct hf_bulk_answer *ret_answer)
{
	const struct hf_path_record *record = (const struct hf_path_record *)query->data;
	struct hf_delta_held held;
	uint32_t port;

	memset(ret_answer, 0, sizeof(*ret_answer));
	memcpy(&held, record->dgid.raw, sizeof(held));
	pthread_rwlock_rdlock(&bulk->lock);
	if (bulk->snapshot) {
		port = find_asker_locked(bulk, record, from_lid, ret_answer);
		/* Without memory it is OpenSM's, and so it is where what is published would soon be old without a word. */
		if (port != HF_NO_INDEX &&
		    (is_left_out(bulk, from_lid) || answer_port_locked(bulk, port, &held, ret_answer)))
			ret_answer->verdict = HF_BULK_NOT_OURS;
	}
	pthread_rwlock_unlock(&bulk->lock);
	count_answer(bulk, ret_answer);
}

void hf_bulk_get_status(struct hf_bulk *bulk, struct hf_bulk_status *ret_status)
{
	struct hf_bulk_status status = {
		.answers = atomic_load(&bulk->answers),
		.whole = atomic_load(&bulk->whole),
		.refused = atomic_load(&bulk->refused),
		.changes = atomic_load(&bulk->changes),
		.bytes = atomic_load(&bulk->bytes),
	};

	pthread_rwlock_rdlock(&bulk->lock);
	if (bulk->snapshot) {
		status.instance = bulk->snapshot->routing.instance;
		status.epoch = hf_history_epoch(bulk->history);
		status.oldest = hf_history_oldest(bulk->history);
		status.history_bytes = hf_history_bytes(bulk->history);
	}
	pthread_rwlock_unlock(&bulk->lock);
	*ret_status = status;
}
