/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Random routings are announced one after another. Ports that hold the table of some announcement ask for what changed
 * since, and must then hold what the last snapshot says: no more, no less.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
#include "lib/delta.h"
#include "plugin/bulk.h"
#include "plugin/signaller.h"
#include "random_tables.h"

#define MAX_PORTS	64
#define MOST_LIDS	4	/* of a port */
#define INSTANCE	0x1234567890abcdef
#define MANY_BYTES	(1 << 20)

static size_t told_by_site, moved;	/* destinations in all deltas; deltas that met others */
static const struct hf_bulk *published;
static const struct hf_snapshot *published_snapshot;

/* What a port knows: the path to each destination, by GUID, and whose a LID is. */
struct holder {
	uint64_t instance, epoch;
	size_t count;
	struct held_path {
		uint64_t guid;
		uint16_t lid;
		bool is_there;
		uint32_t site;		/* until it is gone */
		struct hf_delta_terms terms;
	} paths[4 * MAX_PORTS];
	uint64_t owner[0xc000];
	struct hf_delta_site sites[2 * MAX_PORTS];	/* of the delta that is being taken */
	size_t n_sites;
	bool is_stale;		/* something has moved without being told: the whole must be asked for */
};

static struct held_path *find_path(struct holder *holder, uint64_t guid)
{
	for (size_t i = 0; i < holder->count; i++)
		if (holder->paths[i].guid == guid)
			return &holder->paths[i];
	ck_assert_uint_lt(holder->count, 4 * MAX_PORTS);
	holder->paths[holder->count] = (struct held_path) { .guid = guid };
	return &holder->paths[holder->count++];
}

static void take_gone(void *ctx, uint64_t guid)
{
	struct held_path *path = find_path(ctx, guid);

	path->is_there = false;
	path->site = HF_SITE_UNKNOWN;
}

static void take_name(void *ctx, uint64_t guid, uint16_t lid, uint32_t site)
{
	struct holder *holder = ctx;
	struct held_path *path = find_path(holder, guid);

	holder->owner[lid] = guid;
	path->lid = lid;
	path->site = site;
}

static void take_path(void *ctx, uint16_t lid, const struct hf_delta_terms *terms)
{
	struct holder *holder = ctx;
	struct held_path *path;

	ck_assert_uint_ne(holder->owner[lid], 0);
	path = find_path(holder, holder->owner[lid]);
	path->lid = lid;
	path->is_there = true;
	path->terms = *terms;
}

static void take_site(void *ctx, uint32_t site, const struct hf_delta_terms *terms)
{
	struct holder *holder = ctx;

	ck_assert_uint_lt(holder->n_sites, 2 * MAX_PORTS);
	holder->sites[holder->n_sites++] = (struct hf_delta_site) { .site = site, .terms = *terms };
}

static const struct hf_delta_site *find_site(const struct holder *holder, const struct held_path *path)
{
	for (size_t i = 0; i < holder->n_sites; i++)
		if (path->site == holder->sites[i].site)
			return &holder->sites[i];
	return NULL;
}

/* Whether a destination that is there is at another site than the holder was told. */
static bool has_moved(const struct holder *holder)
{
	for (uint32_t dst = 0; dst < published_snapshot->n_ports; dst++)
		for (size_t i = 0; i < holder->count; i++)
			if (published_snapshot->ports[dst].guid == holder->paths[i].guid &&
			    holder->paths[i].site != hf_bulk_site(published, dst))
				return true;
	return false;
}

static void take_covered(void *ctx, uint32_t count, uint32_t sum)
{
	struct holder *holder = ctx;

	told_by_site += count;
	for (size_t i = 0; i < holder->count; i++)
		if (find_site(holder, &holder->paths[i])) {
			count--;
			sum -= hf_site_sum(holder->paths[i].site, holder->paths[i].lid);
		}
	holder->is_stale = count || sum;
	moved += holder->is_stale;
	ck_assert(!holder->is_stale || has_moved(holder));
	for (size_t i = 0; i < holder->count && !holder->is_stale; i++)
		if (find_site(holder, &holder->paths[i])) {
			holder->paths[i].is_there = true;
			holder->paths[i].terms = find_site(holder, &holder->paths[i])->terms;
		}
	holder->n_sites = 0;
}

static const struct hf_delta_visitor taker = {
	.gone = take_gone, .named = take_name, .path = take_path, .at_site = take_site, .covered = take_covered,
};

static struct hf_sa_mad make_query(const struct hf_snapshot *snapshot, uint64_t guid, uint64_t instance, uint64_t epoch)
{
	const struct hf_delta_held held = { .instance = htobe64(instance), .epoch = htobe64(epoch) };
	struct hf_path_record record = { .num_path = 1, .service_id = htobe64(HF_DELTA_SERVICE_ID) };
	struct hf_sa_mad query;

	record.sgid.prefix = snapshot->routing.subnet_prefix;
	record.sgid.guid = htobe64(guid);
	memcpy(&record.dgid, &held, sizeof(held));
	hf_sa_mad_init(&query, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD, 1);
	query.comp_mask = htobe64(HF_PR_COMP_SGID | HF_PR_COMP_NUMB_PATH);
	memcpy(query.data, &record, sizeof(record));
	return query;
}

static void take_answer(struct holder *holder, const struct hf_bulk_answer *answer)
{
	const struct hf_delta_hdr *hdr = (const struct hf_delta_hdr *)answer->data;

	ck_assert_uint_ge(answer->length, sizeof(*hdr));
	ck_assert_uint_eq(answer->length % 8, 0);
	ck_assert(!memcmp(hdr->magic, HF_DELTA_MAGIC, sizeof(hdr->magic)));
	ck_assert_uint_le(sizeof(*hdr) + be32toh(hdr->body_length), answer->length);
	if (hdr->flags & HF_DELTA_WHOLE)
		for (size_t i = 0; i < holder->count; i++) {
			holder->paths[i].is_there = false;
			holder->paths[i].site = HF_SITE_UNKNOWN;
		}
	else
		ck_assert_uint_eq(be64toh(hdr->base), holder->epoch);
	ck_assert_int_eq(hf_delta_decode((const uint8_t *)(hdr + 1), be32toh(hdr->body_length), &taker, holder), 0);
	holder->instance = be64toh(hdr->instance);
	holder->epoch = be64toh(hdr->epoch);
}

/* Asks, and takes the answer. */
static void ask(struct hf_bulk *bulk, const struct hf_snapshot *snapshot, uint32_t port, struct holder *holder,
		bool *ret_is_whole)
{
	struct hf_sa_mad query = make_query(snapshot, snapshot->ports[port].guid, holder->instance, holder->epoch);
	struct hf_bulk_answer answer;

	published = bulk;
	published_snapshot = snapshot;
	ck_assert(hf_bulk_is_asked(&query));
	hf_bulk_answer(bulk, &query, snapshot->ports[port].lid, &answer);
	ck_assert_int_eq(answer.verdict, HF_BULK_ANSWERED);
	*ret_is_whole = answer.is_whole;
	take_answer(holder, &answer);
	free(answer.data);
	if (holder->is_stale) {
		ck_assert(!*ret_is_whole);
		holder->is_stale = false;
		holder->instance = holder->epoch = 0;
		ask(bulk, snapshot, port, holder, ret_is_whole);
		*ret_is_whole = false;
	}
}

static void check_terms(const struct hf_snapshot *snapshot, uint32_t src, uint32_t dst, const struct held_path *held)
{
	hf_entry entry = hf_snapshot_path(snapshot, src, dst);
	unsigned int first = hf_entry_sl(entry);
	unsigned int count = entry & HF_SL_IS_SPREAD ? snapshot->sl_spread[first] : 1;

	ck_assert_uint_eq(held->lid, snapshot->ports[dst].lid);
	ck_assert_uint_eq(held->terms.pkey, hf_snapshot_pkey(snapshot, snapshot->ports[src].terms_class,
							     snapshot->ports[dst].terms_class));
	ck_assert_uint_ge(held->terms.sl, first);
	ck_assert_uint_lt(held->terms.sl, first + (count ? count : 1));
	ck_assert_uint_eq(held->terms.mtu, hf_entry_mtu(entry));
	ck_assert_uint_eq(held->terms.rate, hf_entry_rate(entry));
	ck_assert_uint_eq(held->terms.pkt_life, hf_snapshot_pkt_life(snapshot, entry));
}

static void check_holder(const struct hf_snapshot *snapshot, uint32_t src, struct holder *holder)
{
	size_t there = 0;

	for (uint32_t dst = 0; dst < snapshot->n_ports; dst++) {
		if (!hf_snapshot_path(snapshot, src, dst))
			continue;
		there++;
		ck_assert(find_path(holder, snapshot->ports[dst].guid)->is_there);
		check_terms(snapshot, src, dst, find_path(holder, snapshot->ports[dst].guid));
	}
	for (size_t i = 0; i < holder->count; i++)
		there -= holder->paths[i].is_there;
	ck_assert_uint_eq(there, 0);
}

static bool is_free(const bool *used, const struct hf_table_port *port, unsigned int lid)
{
	if (lid % MOST_LIDS)
		return false;
	for (unsigned int i = 0; i < 1U << port->lmc; i++)
		if (lid + i >= RANDOM_LIDS || used[lid + i])
			return false;
	return true;
}

/*
 * In a fabric LIDs are unique, and a range begins at a multiple of its size, so that none moves by less than that;
 * random tables do not care.
 */
static void make_lids_unique(struct hf_tables *tables)
{
	bool used[RANDOM_LIDS + 4] = { true };

	for (uint32_t i = 0; i < tables->n_ports; i++) {
		struct hf_table_port *port = &tables->ports[i];
		unsigned int lid = port->lid;

		if (!port->guid)
			continue;
		for (unsigned int at = 1; !is_free(used, port, lid); at++)
			lid = at;
		port->lid = lid;
		for (unsigned int j = 0; j < 1U << port->lmc; j++)
			used[lid + j] = true;
	}
}

/* As after a restart of the SM without its file of LIDs. */
static void swap_lids(struct hf_tables *tables)
{
	struct hf_table_port *a = &tables->ports[random_below(tables->n_ports)];
	struct hf_table_port *b = &tables->ports[random_below(tables->n_ports)];
	uint16_t lid = a->lid;

	if (!a->guid || !b->guid || a->lmc != b->lmc)
		return;
	a->lid = b->lid;
	b->lid = lid;
}

struct world {
	struct hf_port_registry *registry;
	struct hf_tables *tables;
	struct hf_snapshot *announced;
	struct hf_bulk *bulk;
	uint64_t epoch;
	struct holder *holders;
	unsigned int reports, in_reports, in_several;
};

static struct hf_snapshot *resolve(struct world *world)
{
	struct hf_snapshot *snapshot;

	world->epoch += HF_EPOCHS_PER_ROUTING + random_below(3);
	world->tables->routing.epoch = world->epoch;
	world->tables->routing.instance = INSTANCE;
	ck_assert_int_eq(hf_snapshot_resolve(world->tables, &snapshot), 0);
	return snapshot;
}

/* A Report brings who holds its base or more to the last epoch, if its paths are inside. */
static void take_report(struct world *world, const struct hf_snapshot *snapshot, uint32_t port)
{
	struct hf_destinations set;
	struct holder *holder = &world->holders[port];
	struct hf_report_body bodies[HF_BULK_BODIES];
	unsigned int n_bodies, taken;
	uint64_t base;
	size_t count;

	published = world->bulk;
	published_snapshot = snapshot;
	ck_assert_int_eq(hf_destinations_init(snapshot->n_ports, &set), 0);
	count = hf_bulk_told(world->bulk, port, &set, &base);
	ck_assert_uint_lt(base, snapshot->routing.epoch);
	/* These worlds are small, and so are the bodies. */
	n_bodies = count ? hf_bulk_report_bodies(world->bulk, port, &set, 20 + random_below(30), bodies) : 0;
	world->reports += count > 0;
	world->in_several += n_bodies > 1;
	/* Now and then the last one of several is lost. */
	taken = n_bodies > 1 && one_in(4) ? n_bodies - 1 : n_bodies;
	for (unsigned int i = 0; i < taken && holder->instance == INSTANCE && holder->epoch >= base; i++) {
		world->in_reports += i == 0;
		ck_assert_int_eq(hf_delta_decode(bodies[i].bytes, bodies[i].length, &taker, holder), 0);
		base = snapshot->routing.epoch - (n_bodies - 1 - i);
		if (!holder->is_stale)
			holder->epoch = base;
		holder->is_stale = false;
	}
	/* Who holds the base and is told of nothing is up to date. */
	if (!count && holder->instance == INSTANCE && holder->epoch >= base)
		check_holder(snapshot, port, holder);
	if (n_bodies && holder->epoch == snapshot->routing.epoch)
		check_holder(snapshot, port, holder);
	hf_destinations_fini(&set);
}

static void announce(struct world *world)
{
	struct hf_snapshot *snapshot = resolve(world);
	struct hf_changes changes;

	ck_assert_int_eq(hf_changes_find(world->announced, snapshot, &changes), 0);
	ck_assert_int_eq(hf_bulk_publish(world->bulk, snapshot, &changes), 0);
	hf_changes_fini(&changes);
	hf_snapshot_free(world->announced);
	world->announced = snapshot;
	for (uint32_t i = 0; i < snapshot->n_ports; i++)
		if (hf_port_is_present(&snapshot->ports[i]) && one_in(2))
			take_report(world, snapshot, i);
}

/* Return: how many were told the whole although they held a table. */
static unsigned int ask_some(struct world *world, unsigned int every)
{
	unsigned int whole = 0;

	for (uint32_t i = 0; i < world->announced->n_ports; i++) {
		bool held_one = world->holders[i].instance == INSTANCE, is_whole;

		if (!hf_port_is_present(&world->announced->ports[i]) || !one_in(every))
			continue;
		ask(world->bulk, world->announced, i, &world->holders[i], &is_whole);
		check_holder(world->announced, i, &world->holders[i]);
		ck_assert(held_one || is_whole);
		whole += held_one && is_whole;
	}
	return whole;
}

static void begin_world(struct world *world, unsigned int round, size_t history_bytes)
{
	*world = (struct world) { .registry = hf_port_registry_new() };
	world->tables = random_tables(world->registry, 1 + random_below(6), 2 + random_below(30),
				      (enum hf_sl_by)(round % 4), random());
	make_lids_unique(world->tables);
	world->announced = resolve(world);
	world->holders = calloc(MAX_PORTS, sizeof(*world->holders));
	ck_assert_int_eq(hf_bulk_new(history_bytes, &world->bulk), 0);
	ck_assert_int_eq(hf_bulk_publish(world->bulk, world->announced, NULL), 0);
}

static void end_world(struct world *world)
{
	hf_bulk_free(world->bulk);
	hf_snapshot_free(world->announced);
	hf_tables_free(world->tables);
	hf_port_registry_free(world->registry);
	free(world->holders);
}

static void change_world(struct world *world)
{
	mutate_tables(world->registry, world->tables, random_below(5));
	if (one_in(4))
		swap_lids(world->tables);
	make_lids_unique(world->tables);
}

START_TEST(who_asks_holds_what_was_announced)
{
	unsigned int reports = 0, in_reports = 0;

	srandom(random_seed());
	for (unsigned int round = 0; round < 200; round++) {
		struct world world;

		begin_world(&world, round, MANY_BYTES);
		ask_some(&world, 1);
		for (unsigned int step = 0; step < 12; step++) {
			change_world(&world);
			announce(&world);
			ck_assert_uint_eq(ask_some(&world, 4), 0);
		}
		ask_some(&world, 1);
		reports += world.reports;
		in_reports += world.in_reports;
		end_world(&world);
	}
	printf("# %u hosts told, %u took the paths in Reports; %zu paths told by their site, %zu deltas not as known\n",
	       reports, in_reports, told_by_site, moved);
	ck_assert_uint_gt(told_by_site, 20 * moved);
	ck_assert_uint_gt(in_reports, reports / 20);
}
END_TEST

/*
 * A star: two hosts at each of the leaves around switch 0. SLs are given to pairs of switches, as LASH gives them, and
 * switches' own ports have a smaller MTU.
 */
#define LEAVES		20
#define STAR_SWITCHES	(1 + LEAVES)
#define STAR_PORTS	(STAR_SWITCHES + 2 * LEAVES)

static uint32_t switch_of(uint32_t port)
{
	return port < STAR_SWITCHES ? port : 1 + (port - STAR_SWITCHES) / 2;
}

static uint8_t star_route(uint32_t at, uint32_t to)
{
	if (switch_of(to) != at)
		return at == 0 ? switch_of(to) : 1;
	return to == at ? 0 : 2 + (to - STAR_SWITCHES) % 2;
}

static void set_star_host(struct hf_tables *tables, uint32_t port, bool is_there)
{
	struct hf_switch_port *cable = &tables->switch_ports[switch_of(port) * tables->ports_per_switch +
							     star_route(switch_of(port), port)];

	tables->ports[port].guid = is_there ? 0x100000 + port : 0;
	cable->peer_kind = is_there ? HF_PEER_PORT : HF_PEER_NONE;
	cable->peer = port;
}

static void set_star_port(struct hf_tables *tables, uint32_t port)
{
	bool is_switch = port < STAR_SWITCHES;

	tables->ports[port] = (struct hf_table_port) {
		.guid = 0x100000 + port, .lid = 1 + port, .place = is_switch ? HF_PLACE_IN_SWITCH : HF_PLACE_AT_SWITCH,
		.peer = switch_of(port), .peer_port = is_switch ? 0 : star_route(switch_of(port), port),
		.mtu = is_switch ? 3 : 5, .rate = 7, .can = HF_CAN_ALL, .sl_group = switch_of(port),
	};
	if (is_switch)
		tables->switches[port].port = port;
	else
		set_star_host(tables, port, true);
}

static void join(struct hf_tables *tables, uint32_t leaf)
{
	struct hf_switch_port *core = &tables->switch_ports[leaf];
	struct hf_switch_port *up = &tables->switch_ports[leaf * tables->ports_per_switch + 1];

	*core = (struct hf_switch_port) { .peer_kind = HF_PEER_SWITCH, .peer = leaf, .peer_port = 1 };
	*up = (struct hf_switch_port) { .peer_kind = HF_PEER_SWITCH, .peer = 0, .peer_port = leaf };
}

static struct hf_tables *make_star(struct hf_port_registry *registry)
{
	struct hf_tables *tables;

	ck_assert_int_eq(hf_tables_new(STAR_PORTS, 0, STAR_SWITCHES, STAR_SWITCHES, STAR_PORTS + 1, &tables), 0);
	for (uint32_t leaf = 1; leaf <= LEAVES; leaf++)
		join(tables, leaf);
	for (uint32_t port = 0; port < STAR_PORTS; port++)
		set_star_port(tables, port);
	for (size_t i = 0; i < STAR_SWITCHES * STAR_SWITCHES; i++) {
		tables->switch_ports[i].mtu = 5;
		tables->switch_ports[i].rate = 7;
	}
	for (uint32_t at = 0; at < STAR_SWITCHES; at++)
		for (uint32_t to = 0; to < STAR_PORTS; to++)
			tables->forwarding[at * tables->lids + 1 + to] = star_route(at, to);
	register_ports(registry, tables);
	ck_assert_int_eq(hf_tables_set_sls(tables, HF_SL_BY_GROUPS, STAR_SWITCHES, 1), 0);
	memset(tables->sls, 0, STAR_SWITCHES * STAR_SWITCHES);
	return tables;
}

static void change_star(struct hf_tables *tables)
{
	unsigned int every = 1 + random_below(10);

	for (size_t i = 0; i < STAR_SWITCHES * STAR_SWITCHES; i++)
		if (one_in(every))
			tables->sls[i] = random_below(8);
	for (uint32_t port = STAR_SWITCHES; port < STAR_PORTS; port++)
		if (one_in(20))
			set_star_host(tables, port, one_in(2));
}

START_TEST(what_is_too_much_for_one_report_comes_in_two)
{
	struct world world = {
		.registry = hf_port_registry_new(), .holders = calloc(MAX_PORTS, sizeof(*world.holders)),
	};

	srandom(random_seed());
	world.tables = make_star(world.registry);
	world.announced = resolve(&world);
	ck_assert_int_eq(hf_bulk_new(MANY_BYTES, &world.bulk), 0);
	ck_assert_int_eq(hf_bulk_publish(world.bulk, world.announced, NULL), 0);
	for (unsigned int step = 0; step < 300; step++) {
		change_star(world.tables);
		announce(&world);
		ck_assert_uint_eq(ask_some(&world, 4), 0);
	}
	printf("# %u hosts told, %u took the paths in Reports, %u needed two; %zu paths told by their site\n",
	       world.reports, world.in_reports, world.in_several, told_by_site);
	ck_assert_uint_gt(world.in_several, world.reports / 10);
	ck_assert_uint_gt(world.in_reports, world.reports / 10);
	ck_assert_uint_eq(moved, 0);
	end_world(&world);
}
END_TEST

START_TEST(a_short_history_tells_the_whole)
{
	unsigned int whole = 0;

	srandom(random_seed());
	for (unsigned int round = 0; round < 50; round++) {
		struct world world;
		struct hf_bulk_status status;

		begin_world(&world, round, 0);
		ask_some(&world, 1);
		for (unsigned int step = 0; step < 12; step++) {
			change_world(&world);
			announce(&world);
			whole += ask_some(&world, 4);
			hf_bulk_get_status(world.bulk, &status);
			ck_assert_uint_eq(status.epoch, world.epoch);
		}
		whole += ask_some(&world, 1);
		end_world(&world);
	}
	ck_assert_uint_gt(whole, 50);
}
END_TEST

/* Who missed that announcement must see a gap in each Report after it. */
START_TEST(a_history_that_begins_anew_counts_as_a_change_for_everybody)
{
	srandom(random_seed());
	for (unsigned int round = 0; round < 50; round++) {
		struct hf_snapshot *snapshot;
		struct world world;

		begin_world(&world, round, MANY_BYTES);
		ask_some(&world, 2);
		change_world(&world);
		snapshot = resolve(&world);
		ck_assert(hf_bulk_is_anew(world.bulk));
		ck_assert_int_eq(hf_bulk_publish(world.bulk, snapshot, NULL), 0);
		ck_assert(hf_bulk_is_anew(world.bulk));
		hf_snapshot_free(world.announced);
		world.announced = snapshot;
		/* Reports alone, to holders of the epoch before: take_report() compares what they then hold. */
		for (unsigned int step = 0; step < 4; step++) {
			change_world(&world);
			announce(&world);
		}
		end_world(&world);
	}
}
END_TEST

START_TEST(another_instance_and_impossible_epochs_get_the_whole)
{
	struct world world;
	bool is_whole;

	srandom(random_seed());
	begin_world(&world, 0, MANY_BYTES);
	for (uint32_t i = 0; i < world.announced->n_ports; i++) {
		const struct { uint64_t instance, epoch; } held[] = {
			{ 0, 0 }, { INSTANCE, world.epoch + 1 }, { INSTANCE, world.epoch - 1 }, { INSTANCE, UINT64_MAX },
			{ INSTANCE ^ 1, world.epoch },
		};

		for (size_t j = 0; hf_port_is_present(&world.announced->ports[i]) && j < 5; j++) {
			world.holders[i].instance = held[j].instance;
			world.holders[i].epoch = held[j].epoch;
			ask(world.bulk, world.announced, i, &world.holders[i], &is_whole);
			ck_assert(is_whole);
			check_holder(world.announced, i, &world.holders[i]);
		}
	}
	end_world(&world);
}
END_TEST

static struct hf_bulk_answer answer_to(struct world *world, uint64_t guid, uint16_t lid)
{
	struct hf_sa_mad query = make_query(world->announced, guid, 0, 0);
	struct hf_bulk_answer answer;

	hf_bulk_answer(world->bulk, &query, lid, &answer);
	return answer;
}

START_TEST(nobody_learns_of_other_ports)
{
	struct world world;

	srandom(random_seed());
	begin_world(&world, 0, MANY_BYTES);
	for (uint32_t i = 0; i < world.announced->n_ports; i++)
		for (uint32_t j = 0; j < world.announced->n_ports; j++) {
			const struct hf_port *from = &world.announced->ports[i], *of = &world.announced->ports[j];
			struct hf_bulk_answer answer;

			if (i == j || !hf_port_is_present(from) || !hf_port_is_present(of))
				continue;
			answer = answer_to(&world, of->guid, from->lid);
			ck_assert_int_eq(answer.verdict, HF_BULK_REFUSED);
			ck_assert_uint_eq(answer.status, HF_SA_STATUS_REQ_INVALID);
			ck_assert_ptr_null(answer.data);
			answer = answer_to(&world, 0xdead, from->lid);
			ck_assert_int_eq(answer.verdict, HF_BULK_REFUSED);
			ck_assert_uint_eq(answer.status, HF_SA_STATUS_INVALID_GID);
		}
	ck_assert_int_eq(answer_to(&world, world.announced->ports[0].guid, 0).verdict, HF_BULK_NOT_OURS);
	ck_assert_int_eq(answer_to(&world, world.announced->ports[0].guid, 0xbfff).verdict, HF_BULK_NOT_OURS);
	ck_assert_int_eq(answer_to(&world, world.announced->ports[0].guid, 0xffff).verdict, HF_BULK_NOT_OURS);
	hf_bulk_forget(world.bulk);
	ck_assert_int_eq(answer_to(&world, world.announced->ports[0].guid, 1).verdict, HF_BULK_NOT_OURS);
	end_world(&world);
}
END_TEST

static bool is_ours(struct world *world, const struct hf_port *port)
{
	struct hf_bulk_answer answer = answer_to(world, port->guid, port->lid);

	free(answer.data);
	return answer.verdict == HF_BULK_ANSWERED;
}

/* Who subscribes while something is announced, and asks before that can be asked for, would be stale and not know. */
START_TEST(who_will_not_be_told_is_left_to_opensm)
{
	struct hf_subscriber all[2] = { { .hears = HF_HEARS_ALL }, { .hears = HF_HEARS_REPATH } };
	const struct hf_port *first = NULL, *second = NULL;
	struct world world;

	srandom(random_seed());
	begin_world(&world, 0, MANY_BYTES);
	for (uint32_t i = 0; i < world.announced->n_ports; i++) {
		const struct hf_port *port = &world.announced->ports[i];

		if (hf_port_is_present(port) && !first)
			first = port;
		else if (hf_port_is_present(port))
			second = port;
	}
	ck_assert(first && second);
	all[0].addr.lid = first->lid;
	all[1].addr.lid = second->lid;

	hf_bulk_begin_announcement(world.bulk);
	ck_assert(!is_ours(&world, first));
	hf_bulk_set_audience(world.bulk, all, 2);
	ck_assert(is_ours(&world, first));
	ck_assert_msg(!is_ours(&world, second), "it does not hear trap 68 yet");
	ck_assert_int_eq(answer_to(&world, second->guid, first->lid).verdict, HF_BULK_REFUSED);

	/* It has subscribed, but will hear of the second announcement alone. */
	all[1].hears = HF_HEARS_ALL;
	hf_bulk_begin_announcement(world.bulk);
	ck_assert(!is_ours(&world, first));
	hf_bulk_set_audience(world.bulk, all, 2);
	ck_assert(is_ours(&world, first));
	ck_assert(!is_ours(&world, second));
	hf_bulk_end_announcement(world.bulk);
	ck_assert(!is_ours(&world, second));
	hf_bulk_end_announcement(world.bulk);
	ck_assert(is_ours(&world, first));
	ck_assert(is_ours(&world, second));

	/* Where nothing is known of who is told. */
	hf_bulk_begin_announcement(world.bulk);
	hf_bulk_end_announcement(world.bulk);
	ck_assert(is_ours(&world, first));
	end_world(&world);
}
END_TEST

START_TEST(only_queries_with_the_mark_are_ours)
{
	struct world world;
	struct hf_sa_mad query;

	srandom(1);
	begin_world(&world, 0, MANY_BYTES);
	query = make_query(world.announced, 1, 0, 0);
	ck_assert(hf_bulk_is_asked(&query));
	query.hdr.method = HF_METHOD_GET;
	ck_assert(!hf_bulk_is_asked(&query));
	query = make_query(world.announced, 1, 0, 0);
	query.comp_mask |= htobe64(HF_PR_COMP_DGID);
	ck_assert(!hf_bulk_is_asked(&query));
	query = make_query(world.announced, 1, 0, 0);
	query.data[0] ^= 1;
	ck_assert(!hf_bulk_is_asked(&query));
	query = make_query(world.announced, 1, 0, 0);
	query.hdr.attr_id = htobe16(HF_ATTR_NODE_RECORD);
	ck_assert(!hf_bulk_is_asked(&query));
	query = make_query(world.announced, 1, 0, 0);
	((struct hf_path_record *)query.data)->num_path = 2;
	ck_assert(!hf_bulk_is_asked(&query));
	end_world(&world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bulk");
	TCase *tcase = tcase_create("bulk");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, who_asks_holds_what_was_announced);
	tcase_add_test(tcase, what_is_too_much_for_one_report_comes_in_two);
	tcase_add_test(tcase, a_short_history_tells_the_whole);
	tcase_add_test(tcase, a_history_that_begins_anew_counts_as_a_change_for_everybody);
	tcase_add_test(tcase, another_instance_and_impossible_epochs_get_the_whole);
	tcase_add_test(tcase, nobody_learns_of_other_ports);
	tcase_add_test(tcase, who_will_not_be_told_is_left_to_opensm);
	tcase_add_test(tcase, only_queries_with_the_mark_are_ours);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
