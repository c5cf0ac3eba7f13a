/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "lib/delta.h"

/* One announcement in which something changed. */
struct step {
	uint64_t epoch;		/* that it leads to */
	uint32_t n_ports, n_sets;
	uint32_t *set_of;	/* by port; HF_NO_INDEX where nothing changed for it but what is in @to_itself */
	uint64_t *sets;		/* of each: the words of what changed, then those of what is named */
	uint64_t *to_itself;	/* the sources whose path to themselves changed */
	size_t bytes;
	TAILQ_ENTRY(step) next;
};

struct source {
	uint64_t guid;		/* also after it has left */
	uint64_t last, before;	/* epochs when anything changed for it: the last time, and the time before */
	uint32_t number;	/* of the switch whose port 0 it is; HF_NO_INDEX for none */
};

struct hf_history {
	size_t max_bytes, bytes;
	uint64_t epoch, oldest;
	TAILQ_HEAD(steps, step) steps;	/* oldest first */
	struct source *sources;		/* by port */
	uint32_t *by_guid;		/* all ports, in the order of their GUIDs */
	uint32_t n_ports, n_switches;
};

int hf_destinations_init(uint32_t n_ports, struct hf_destinations *ret_set)
{
	size_t words = hf_destinations_words(n_ports);

	ret_set->n_ports = n_ports;
	ret_set->changed = calloc(2 * words, sizeof(*ret_set->changed));
	if (!ret_set->changed)
		return -ENOMEM;
	ret_set->named = ret_set->changed + words;
	return 0;
}

void hf_destinations_fini(struct hf_destinations *set)
{
	free(set->changed);
}

void hf_destinations_clear(struct hf_destinations *set)
{
	memset(set->changed, 0, 2 * hf_destinations_words(set->n_ports) * sizeof(*set->changed));
}

size_t hf_destinations_count(const struct hf_destinations *set)
{
	size_t count = 0;

	for (size_t i = 0; i < hf_destinations_words(set->n_ports); i++)
		count += __builtin_popcountll(set->changed[i]);
	return count;
}

int hf_history_new(size_t max_bytes, struct hf_history **ret_history)
{
	struct hf_history *history = calloc(1, sizeof(*history));

	if (!history)
		return -ENOMEM;
	history->max_bytes = max_bytes;
	TAILQ_INIT(&history->steps);
	*ret_history = history;
	return 0;
}

static void free_step(struct step *step)
{
	if (!step)
		return;
	free(step->set_of);
	free(step->sets);
	free(step->to_itself);
	free(step);
}

static void drop_oldest(struct hf_history *history)
{
	struct step *step = TAILQ_FIRST(&history->steps);

	history->oldest = step->epoch;
	history->bytes -= step->bytes;
	TAILQ_REMOVE(&history->steps, step, next);
	free_step(step);
}

void hf_history_clear(struct hf_history *history)
{
	while (!TAILQ_EMPTY(&history->steps))
		drop_oldest(history);
	free(history->sources);
	free(history->by_guid);
	history->sources = NULL;
	history->by_guid = NULL;
	history->n_ports = history->n_switches = 0;
	history->epoch = history->oldest = 0;
}

void hf_history_free(struct hf_history *history)
{
	if (!history)
		return;
	hf_history_clear(history);
	free(history);
}

uint64_t hf_history_epoch(const struct hf_history *history)
{
	return history->epoch;
}

uint64_t hf_history_oldest(const struct hf_history *history)
{
	return history->oldest;
}

size_t hf_history_bytes(const struct hf_history *history)
{
	return history->bytes;
}

uint64_t hf_history_base(const struct hf_history *history, uint32_t port)
{
	const struct source *source;

	if (port >= history->n_ports)
		return 0;
	source = &history->sources[port];
	return source->last == history->epoch ? source->before : source->last;
}

uint64_t hf_history_guid(const struct hf_history *history, uint32_t port)
{
	return port < history->n_ports ? history->sources[port].guid : 0;
}

uint32_t hf_history_nth(const struct hf_history *history, uint32_t n)
{
	return history->by_guid[n];
}

uint32_t hf_history_count_switches(const struct hf_history *history)
{
	return history->n_switches;
}

uint32_t hf_history_site(const struct hf_history *history, const struct hf_snapshot *snapshot, uint32_t port)
{
	uint32_t switch_ = snapshot->ports[port].switch_;
	uint32_t number = switch_ < history->n_ports ? history->sources[switch_].number : HF_NO_INDEX;

	return number < HF_DELTA_MAX ? hf_site(number, switch_ == port) : HF_SITE_UNKNOWN;
}

/* Making a step */

static uint64_t *changed_words(const struct step *step, uint32_t set)
{
	return &step->sets[2 * set * hf_destinations_words(step->n_ports)];
}

static uint64_t *named_words(const struct step *step, uint32_t set)
{
	return changed_words(step, set) + hf_destinations_words(step->n_ports);
}

static struct step *new_step(const struct hf_changes *changes)
{
	struct step *step = calloc(1, sizeof(*step));
	uint32_t n_ports = changes->new_->n_ports;

	if (!step)
		return NULL;
	step->n_ports = n_ports;
	step->set_of = malloc((n_ports + (size_t)1) * sizeof(*step->set_of));
	step->to_itself = calloc(hf_destinations_words(n_ports), sizeof(*step->to_itself));
	if (!step->set_of || !step->to_itself) {
		free_step(step);
		return NULL;
	}
	for (uint32_t i = 0; i < n_ports; i++)
		step->set_of[i] = HF_NO_INDEX;
	return step;
}

/* Between base LIDs, which is what hosts are told of. */
static bool had_path(const struct hf_changes *changes, uint32_t class, uint32_t dst)
{
	const struct hf_snapshot *old = changes->old;
	const struct hf_port *port = hf_snapshot_port(old, dst);

	return changes->classes[class].old_lids && hf_port_is_present(port) &&
	       old->entries[(size_t)changes->classes[class].old_row * old->n_columns + port->first_column];
}

static void fill_set(const struct hf_changes *changes, uint32_t class, uint64_t *changed, uint64_t *named)
{
	struct hf_class_cursor cursor = { 0 };
	enum hf_change_kind kind;
	uint32_t dst;

	while (hf_changes_next_of_class(changes, class, &cursor, &dst, &kind)) {
		hf_destinations_add(changed, dst);
		if (!had_path(changes, class, dst) || changes->is_listed[dst])
			hf_destinations_add(named, dst);
	}
}

static bool is_empty(const uint64_t *set, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (set[i])
			return false;
	return true;
}

/* @set_of_class: HF_NO_INDEX where nothing changed for the class. */
static int fill_sets(struct step *step, const struct hf_changes *changes, uint32_t *set_of_class)
{
	size_t words = 2 * hf_destinations_words(step->n_ports), room = 0;

	for (uint32_t class = 0; class < changes->n_classes; class++) {
		if (step->n_sets == room) {
			uint64_t *grown = realloc(step->sets, (2 * room + 1) * words * sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			step->sets = grown;
			room = 2 * room + 1;
		}
		memset(changed_words(step, step->n_sets), 0, words * sizeof(*step->sets));
		fill_set(changes, class, changed_words(step, step->n_sets), named_words(step, step->n_sets));
		set_of_class[class] = is_empty(changed_words(step, step->n_sets), words) ? HF_NO_INDEX : step->n_sets++;
	}
	return 0;
}

static void fill_sources(struct step *step, const struct hf_changes *changes, const uint32_t *set_of_class)
{
	enum hf_change_kind kind;

	for (uint32_t i = 0; i < step->n_ports; i++) {
		uint32_t class = hf_changes_class(changes, i);

		if (class == HF_NO_INDEX)
			continue;
		step->set_of[i] = set_of_class[class];
		if (hf_changes_to_itself(changes, i, &kind))
			hf_destinations_add(step->to_itself, i);
	}
}

static void trim_step(struct step *step)
{
	size_t words = hf_destinations_words(step->n_ports);
	size_t size = 2 * words * step->n_sets * sizeof(*step->sets);
	uint64_t *trimmed = realloc(step->sets, size + 1);

	if (trimmed)
		step->sets = trimmed;
	step->bytes = sizeof(*step) + size + step->n_ports * sizeof(*step->set_of) + words * sizeof(*step->to_itself);
}

static int make_step(const struct hf_changes *changes, struct step **ret_step)
{
	uint32_t *set_of_class = malloc((changes->n_classes + (size_t)1) * sizeof(*set_of_class));
	struct step *step = new_step(changes);
	int err = set_of_class && step ? fill_sets(step, changes, set_of_class) : -ENOMEM;

	if (!err) {
		fill_sources(step, changes, set_of_class);
		trim_step(step);
		*ret_step = step;
	} else {
		free_step(step);
	}
	free(set_of_class);
	return err;
}

/* Keeping it */

static int make_room(struct hf_history *history, uint32_t n_ports)
{
	struct source *sources = realloc(history->sources, n_ports * sizeof(*sources));
	uint32_t *by_guid;

	if (!sources)
		return -ENOMEM;
	history->sources = sources;
	by_guid = realloc(history->by_guid, n_ports * sizeof(*by_guid));
	if (!by_guid)
		return -ENOMEM;
	history->by_guid = by_guid;
	for (uint32_t i = history->n_ports; i < n_ports; i++) {
		sources[i] = (struct source) { .number = HF_NO_INDEX };
		by_guid[i] = i;
	}
	history->n_ports = n_ports;
	return 0;
}

static int compare_guids(const void *a, const void *b, void *arg)
{
	const struct source *sources = arg;
	uint64_t first = sources[*(const uint32_t *)a].guid, second = sources[*(const uint32_t *)b].guid;

	return (first > second) - (first < second);
}

static int add_sources(struct hf_history *history, const struct hf_snapshot *snapshot)
{
	bool is_new = false;

	if (snapshot->n_ports > history->n_ports && make_room(history, snapshot->n_ports))
		return -ENOMEM;
	for (uint32_t i = 0; i < snapshot->n_ports; i++) {
		const struct hf_port *port = &snapshot->ports[i];

		if (!hf_port_is_present(port))
			continue;
		is_new |= history->sources[i].guid != port->guid;
		history->sources[i].guid = port->guid;
		if (port->is_switch && history->sources[i].number == HF_NO_INDEX)
			history->sources[i].number = history->n_switches++;
	}
	if (is_new)
		qsort_r(history->by_guid, history->n_ports, sizeof(*history->by_guid), compare_guids, history->sources);
	return 0;
}

int hf_history_begin(struct hf_history *history, const struct hf_snapshot *first)
{
	int err = add_sources(history, first);

	if (err)
		return err;
	history->epoch = history->oldest = first->routing.epoch;
	for (uint32_t i = 0; i < history->n_ports; i++)
		history->sources[i].before = history->sources[i].last = history->epoch;
	return 0;
}

/* A class's own ports are in its set as the others see them: alone it may be one that nothing changed for. */
static bool concerns(const struct step *step, uint32_t port)
{
	const uint64_t *changed;

	if (hf_destinations_has(step->to_itself, port))
		return true;
	if (step->set_of[port] == HF_NO_INDEX)
		return false;
	changed = changed_words(step, step->set_of[port]);
	for (size_t i = 0; i < hf_destinations_words(step->n_ports); i++)
		if (changed[i] & ~(i == port / 64 ? UINT64_C(1) << port % 64 : 0))
			return true;
	return false;
}

static void append(struct hf_history *history, struct step *step)
{
	for (uint32_t i = 0; i < step->n_ports; i++)
		if (concerns(step, i)) {
			history->sources[i].before = history->sources[i].last;
			history->sources[i].last = step->epoch;
		}
	TAILQ_INSERT_TAIL(&history->steps, step, next);
	history->bytes += step->bytes;
	while (history->bytes > history->max_bytes && TAILQ_FIRST(&history->steps) != step)
		drop_oldest(history);
}

int hf_history_add(struct hf_history *history, const struct hf_changes *changes)
{
	uint64_t epoch = changes->new_->routing.epoch;
	struct step *step = NULL;
	int err = hf_changes_are_none(changes) ? 0 : make_step(changes, &step);

	if (!err)
		err = add_sources(history, changes->new_);
	if (err) {
		free_step(step);
		return err;
	}
	if (step) {
		step->epoch = epoch;
		append(history, step);
	}
	history->epoch = epoch;
	return 0;
}

static void add_step(const struct step *step, uint32_t port, struct hf_destinations *set)
{
	size_t own = port / 64;
	uint64_t own_bit = UINT64_C(1) << port % 64;
	bool had_changed = set->changed[own] & own_bit, had_named = set->named[own] & own_bit;

	if (step->set_of[port] != HF_NO_INDEX) {
		const uint64_t *changed = changed_words(step, step->set_of[port]);
		const uint64_t *named = named_words(step, step->set_of[port]);

		for (size_t i = 0; i < hf_destinations_words(step->n_ports); i++) {
			set->changed[i] |= changed[i];
			set->named[i] |= named[i];
		}
	}
	if (!had_changed)
		set->changed[own] &= ~own_bit;
	if (!had_named)
		set->named[own] &= ~own_bit;
	if (hf_destinations_has(step->to_itself, port)) {
		hf_destinations_add(set->changed, port);
		hf_destinations_add(set->named, port);
	}
}

void hf_history_collect(const struct hf_history *history, uint32_t port, uint64_t since, struct hf_destinations *set)
{
	struct step *step;

	TAILQ_FOREACH_REVERSE(step, &history->steps, steps, next) {
		if (step->epoch <= since)
			return;
		if (port < step->n_ports && port < set->n_ports)
			add_step(step, port, set);
	}
}
