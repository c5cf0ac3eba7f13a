/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A client and an SM with Holdfast, with a channel between them that loses, doubles and reorders. The SM changes paths,
 * announces, forgets its history, is restarted, and now and then leaves an answer to OpenSM. When the channel is good
 * again and nothing changes any more, the client must come to hold the last table, destination by destination.
 */
#include "check_main.h"
#include "fake_sa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES		24	/* node 1 is the client's own and always there */
#define LIDS		40
#define HISTORY		4	/* epochs back that a delta can lead from */
#define CHANNEL		64
#define STEPS		1500
#define MS		UINT64_C(1000000)
#define GUID(node)	(UINT64_C(0x100) + (node))	/* as in fake_gid() */
#define ONE_PATH	(HF_PR_COMP_SGID | HF_PR_COMP_DGID)
#define MTU		5
#define RATE		16
#define PKT_LIFE	18
#define SWITCHES	5	/* nodes 2 to 6 are their own ports */

struct node {
	bool is_there;
	uint16_t lid;
	uint8_t sl;
	uint32_t at;		/* the switch where it hangs */
	uint64_t changed, named;	/* the last epoch in which the path, and in which the LID, became another */
};

struct message {
	uint8_t *mad;
	size_t len;
	bool is_to_sm, is_report;
};

static struct {
	struct fake_sa host;
	struct node nodes[NODES + 1];
	uint64_t instance, first, epoch, base;
	uint16_t notice_count;
	bool is_subscribed;
	bool has_records;	/* OpenSM may answer; a Report is then sent until it arrives, as nobody asks later */
	bool is_good;		/* the channel */
	struct message channel[CHANNEL];
	size_t in_channel;
	size_t deltas, wholes, records, reports, lost;
} world;

static bool chance(unsigned int in_100)
{
	return random() % 100 < (long)in_100;
}

static void put_message(const void *mad, size_t len, bool is_to_sm, bool is_report)
{
	struct message *message;

	if (world.in_channel == CHANNEL) {
		world.lost++;
		return;
	}
	message = &world.channel[world.in_channel++];
	*message = (struct message){ malloc(len), len, is_to_sm, is_report };
	memcpy(message->mad, mad, len);
}

/* What the client sent since the last time. */
static void collect(void)
{
	struct fake_sa *host = &world.host;

	for (size_t i = 0; i < host->sent_count; i++)
		put_message(&host->sent[i].mad, sizeof(host->sent[i].mad), true, false);
	fake_forget(host);
}

static struct hf_delta_terms terms_of(const struct node *node)
{
	return (struct hf_delta_terms){
		.pkey = 0xffff, .sl = node->sl, .mtu = MTU, .rate = RATE, .pkt_life = PKT_LIFE,
	};
}

static bool is_own_port(unsigned int number)
{
	return number > 1 && number <= 1 + SWITCHES;
}

static uint32_t site_of(unsigned int number)
{
	return hf_site(is_own_port(number) ? number - 2 : world.nodes[number].at, is_own_port(number));
}

static struct hf_path_record record_of(unsigned int number)
{
	const struct node *node = &world.nodes[number];

	return (struct hf_path_record){
		.sgid = fake_gid(1), .dgid = fake_gid(number),
		.slid = htobe16(FAKE_PORT_LID), .dlid = htobe16(node->lid),
		.num_path = 1, .pkey = htobe16(0xffff), .qos_class_sl = htobe16(node->sl),
		.mtu = 0x80 | MTU, .rate = 0x80 | RATE, .pkt_life = 0x80 | PKT_LIFE,
	};
}

struct items {
	uint64_t gone[NODES];
	struct hf_delta_name named[NODES];
	struct hf_delta_path paths[NODES];
	struct hf_delta_site sites[2 * SWITCHES];
};

static bool is_told(unsigned int number, bool is_whole, uint64_t since)
{
	return world.nodes[number].is_there && (is_whole || world.nodes[number].changed > since);
}

/* Whether the nodes at a site are told by it: all paths are alike, and one is to be told. */
static bool is_alike(uint32_t site, bool is_whole, uint64_t since, unsigned int *ret_number)
{
	bool is_wanted = false;

	*ret_number = 0;
	for (unsigned int number = 1; number <= NODES; number++) {
		if (!world.nodes[number].is_there || site_of(number) != site)
			continue;
		if (*ret_number && world.nodes[number].sl != world.nodes[*ret_number].sl)
			return false;
		*ret_number = number;
		is_wanted = is_wanted || is_told(number, is_whole, since);
	}
	return is_wanted;
}

static void gather_sites(struct hf_delta *delta, bool is_whole, uint64_t since)
{
	unsigned int number;

	for (uint32_t site = hf_site(0, false); site <= hf_site(SWITCHES - 1, true); site++) {
		if (!is_alike(site, is_whole, since, &number))
			continue;
		delta->sites[delta->n_sites++] = (struct hf_delta_site){
			.site = site, .terms = terms_of(&world.nodes[number]),
		};
		for (number = 1; number <= NODES; number++)
			if (world.nodes[number].is_there && site_of(number) == site) {
				delta->covered++;
				delta->covered_sum += hf_site_sum(site, world.nodes[number].lid);
			}
	}
}

/* What is other since epoch @since of this instance; or everything. */
static struct hf_delta gather(struct items *items, bool is_whole, uint64_t since)
{
	struct hf_delta delta = {
		.gone = items->gone, .named = items->named, .paths = items->paths, .sites = items->sites,
	};
	unsigned int ignored;

	gather_sites(&delta, is_whole, since);

	for (unsigned int number = 1; number <= NODES; number++) {
		const struct node *node = &world.nodes[number];

		if (!is_whole && node->changed <= since)
			continue;
		if (!node->is_there) {
			if (!is_whole)
				delta.gone[delta.n_gone++] = GUID(number);
			continue;
		}
		if (is_whole || node->named > since)
			delta.named[delta.n_named++] = (struct hf_delta_name){ GUID(number), node->lid, site_of(number) };
		if (!is_alike(site_of(number), is_whole, since, &ignored))
			delta.paths[delta.n_paths++] = (struct hf_delta_path){ node->lid, terms_of(node) };
	}
	return delta;
}

static void send_report(struct fake_report *report)
{
	struct hf_sa_mad mad;

	report->instance = world.instance;
	report->base = world.base;
	report->epoch = world.epoch;
	report->notice_count = ++world.notice_count;
	fake_make_report(report, &mad);
	put_message(&mad, sizeof(mad), false, true);
	world.reports++;
}

static void report_one(unsigned int number)
{
	struct hf_path_record record = record_of(number);
	bool is_there = world.nodes[number].is_there;

	send_report(&(struct fake_report){
		.trap_num = is_there ? HF_TRAP_REPATH : HF_TRAP_UNPATH, .comp_mask = ONE_PATH, .path = &record,
		.site = site_of(number),
	});
}

static void report_several(struct hf_delta *delta)
{
	struct hf_path_record pattern = { .sgid = fake_gid(1) };
	uint8_t body[FAKE_DELTA_MAX];
	bool is_small = hf_delta_encode(delta, body) <= HF_REPORT_BODY_MAX;

	send_report(&(struct fake_report){
		.trap_num = HF_TRAP_REPATH, .comp_mask = HF_PR_COMP_SGID, .path = &pattern,
		.parts = is_small ? delta : NULL,
	});
}

static size_t count_changed(uint64_t since)
{
	size_t count = 0;

	for (unsigned int number = 1; number <= NODES; number++)
		count += world.nodes[number].changed > since;
	return count;
}

static unsigned int only_change(uint64_t epoch)
{
	unsigned int number = 1;

	while (world.nodes[number].changed != epoch)
		number++;
	return number;
}

static void tell(void)
{
	struct items items;
	struct hf_delta delta = gather(&items, false, world.epoch - 1);

	size_t changed = count_changed(world.epoch - 1);

	if (changed == 0)
		return;
	if (!world.is_subscribed)
		;
	else if (chance(3))
		send_report(&(struct fake_report){ .trap_num = HF_TRAP_REPATH });
	else if (changed == 1)
		report_one(only_change(world.epoch));
	else
		report_several(&delta);
	world.base = world.epoch;
}

static bool is_free(unsigned int lid)
{
	for (unsigned int number = 1; number <= NODES; number++)
		if (world.nodes[number].is_there && world.nodes[number].lid == lid)
			return false;
	return true;
}

static void exchange_lids(unsigned int a, unsigned int b)
{
	struct node *first = &world.nodes[a], *second = &world.nodes[b];
	uint16_t lid = first->lid;

	if (!first->is_there || !second->is_there || a == b)
		return;
	first->lid = second->lid;
	second->lid = lid;
	first->changed = first->named = second->changed = second->named = world.epoch;
}

/* All paths there become alike. */
static void change_switch(uint32_t at)
{
	uint8_t sl = random() % 16;

	for (unsigned int number = 1; number <= NODES; number++) {
		struct node *node = &world.nodes[number];

		if (!node->is_there || hf_site_switch(site_of(number)) != at || node->sl == sl)
			continue;
		node->sl = sl;
		node->changed = world.epoch;
	}
}

static void change_something(void)
{
	unsigned int number = 2 + random() % (NODES - 1);
	struct node *node = &world.nodes[number];
	unsigned int lid = 1 + random() % LIDS;

	if (!node->is_there) {
		if (!is_free(lid))
			return;
		*node = (struct node){ true, lid, random() % 16, random() % SWITCHES, world.epoch, world.epoch };
	} else if (chance(30)) {
		node->is_there = false;
		node->changed = world.epoch;
	} else if (chance(30)) {
		exchange_lids(number, 2 + random() % (NODES - 1));
	} else if (chance(30)) {
		change_switch(random() % SWITCHES);
	} else if (chance(10)) {
		/* To another switch, with the same LID and path: nobody is told, and the sum will not be right. */
		node->at = random() % SWITCHES;
	} else {
		node->sl = (node->sl + 1 + random() % 15) % 16;
		node->changed = world.epoch;
	}
}

/* Now and then nothing changed for this host, now and then nearly everything. */
static void announce(void)
{
	unsigned int changes = chance(20) ? 0 : chance(20) ? 40 : 1 + random() % 4;

	world.epoch += 1 + chance(20);
	for (unsigned int i = 0; i < changes; i++)
		change_something();
	tell();
}

/* Another instance; the paths may be others, and the subscription may be forgotten. */
static void restart_sm(void)
{
	world.instance = (uint64_t)random() << 32 | random() | 1;
	world.epoch = world.first = world.base = 1 + random() % 3;
	for (unsigned int i = random() % 6; i > 0; i--)
		change_something();
	for (unsigned int number = 1; number <= NODES; number++)
		world.nodes[number].changed = world.nodes[number].named = world.epoch;
	if (chance(50))
		world.is_subscribed = false;
	else
		send_report(&(struct fake_report){ .trap_num = HF_TRAP_REPATH });
}

static size_t put_records(uint8_t *data)
{
	size_t bytes = 0;

	for (unsigned int number = 1; number <= NODES; number++) {
		struct hf_path_record record = record_of(number);

		if (!world.nodes[number].is_there)
			continue;
		memcpy(data + bytes, &record, sizeof(record));
		bytes += sizeof(record);
	}
	return bytes;
}

static size_t put_delta(const struct hf_sa_held *held, uint8_t *data)
{
	struct items items;
	uint64_t oldest = world.epoch > HISTORY ? world.epoch - HISTORY : 0;
	struct fake_delta delta = { .instance = world.instance, .epoch = world.epoch };

	if (oldest < world.first)
		oldest = world.first;
	delta.is_whole = held->instance != world.instance || held->epoch < oldest;
	delta.base = delta.is_whole ? 0 : held->epoch;
	delta.parts = gather(&items, delta.is_whole, delta.base);
	world.wholes += delta.is_whole;
	world.deltas += !delta.is_whole;
	return fake_put_delta(&delta, data);
}

static void answer(const struct hf_sa_mad *request, const void *data, size_t bytes, unsigned int attr_offset)
{
	uint8_t mad[offsetof(struct hf_sa_mad, data) + FAKE_DELTA_MAX];
	struct hf_sa_mad headers = *request;

	headers.hdr.method = request->hdr.method == HF_METHOD_SET ? HF_METHOD_GET_RESP : HF_METHOD_GET_TABLE_RESP;
	headers.attr_offset = htobe16(attr_offset);
	memcpy(mad, &headers, offsetof(struct hf_sa_mad, data));
	memcpy(mad + offsetof(struct hf_sa_mad, data), data, bytes);
	put_message(mad, offsetof(struct hf_sa_mad, data) + bytes, false, false);
}

static void answer_query(const struct hf_sa_mad *request)
{
	struct hf_sa_held held = fake_held(request);
	uint8_t data[FAKE_DELTA_MAX];
	size_t bytes;

	if (world.has_records && chance(20)) {
		world.records++;
		bytes = put_records(data);
		answer(request, data, bytes, sizeof(struct hf_path_record) / 8);
	} else {
		bytes = put_delta(&held, data);
		answer(request, data, bytes, HF_DELTA_ATTR_OFFSET);
	}
}

static void answer_check(const struct hf_sa_mad *request)
{
	struct hf_inform_info_record records[2] = { 0 };

	hf_inform_info_init(&records[0].info, HF_TRAP_UNPATH, true);
	hf_inform_info_init(&records[1].info, HF_TRAP_REPATH, true);
	answer(request, records, world.is_subscribed ? sizeof(records) : 0, sizeof(records[0]) / 8);
}

static void sm_receives(const struct hf_sa_mad *request)
{
	switch (be16toh(request->hdr.attr_id)) {
	case HF_ATTR_INFORM_INFO:
		world.is_subscribed = true;
		answer(request, request->data, HF_SA_DATA_SIZE, 0);
		break;
	case HF_ATTR_INFORM_INFO_RECORD:
		answer_check(request);
		break;
	case HF_ATTR_PATH_RECORD:
		answer_query(request);
		break;
	}
}

static void deliver(const struct message *message)
{
	if (message->is_to_sm)
		sm_receives((const struct hf_sa_mad *)message->mad);
	else
		fake_receive(&world.host, FAKE_SM_LID, message->mad, message->len);
}

/* Any message of those that wait, not the oldest: they overtake each other. */
static void deliver_one(void)
{
	size_t index = random() % world.in_channel;
	struct message message = world.channel[index];
	bool is_lost = !world.is_good && chance(20);

	world.channel[index] = world.channel[--world.in_channel];
	if (is_lost && message.is_report && world.has_records)
		put_message(message.mad, message.len, message.is_to_sm, true);
	else if (is_lost)
		world.lost++;
	else
		deliver(&message);
	if (!is_lost && !world.is_good && chance(10))
		put_message(message.mad, message.len, message.is_to_sm, false);
	free(message.mad);
	collect();
}

static void pass_time(void)
{
	uint64_t deadline_ns = hf_sa_client_deadline_ns(world.host.client);

	ck_assert_uint_ne(deadline_ns, UINT64_MAX);
	if (deadline_ns > world.host.now_ns)
		world.host.now_ns = deadline_ns;
	hf_sa_client_handle_timer(world.host.client, world.host.now_ns);
	collect();
}

static void one_step(void)
{
	if (chance(4))
		announce();
	else if (chance(1) && chance(30))
		restart_sm();
	else if (world.in_channel > 0 && !chance(10))
		deliver_one();
	else if (chance(40))
		pass_time();
}

/* Three checks and what follows from them. */
static void calm_down(void)
{
	uint64_t end_ns = world.host.now_ns + 40000 * MS;

	world.is_good = true;
	while (world.host.now_ns < end_ns || world.in_channel > 0 || hf_sa_client_is_busy(world.host.client)) {
		if (world.in_channel > 0)
			deliver_one();
		else
			pass_time();
	}
}

static void expect_last_table(void)
{
	for (unsigned int number = 1; number <= NODES; number++) {
		const struct node *node = &world.nodes[number];
		const union hf_gid gid = fake_gid(number);
		const struct hf_path *path = hf_path_cache_find(world.host.cache, &gid);
		bool is_reachable = path && path->reachable;

		ck_assert_msg(is_reachable == node->is_there, "node %u: %d, not %d", number, is_reachable,
			      node->is_there);
		if (!is_reachable)
			continue;
		ck_assert_msg(path->dlid == node->lid && path->sl == node->sl && path->slid == FAKE_PORT_LID &&
			      path->pkey == 0xffff && path->mtu == MTU && path->rate == RATE &&
			      path->pkt_life == PKT_LIFE, "node %u: DLID %u SL %u, not DLID %u SL %u", number,
			      path->dlid, path->sl, node->lid, node->sl);
	}
}

static void start_world(unsigned int seed, bool has_records)
{
	printf("# seed %u\n", seed);
	srandom(seed);
	memset(&world, 0, sizeof(world));
	world.has_records = has_records;
	world.instance = random() + 1;
	world.epoch = world.first = world.base = 1;
	world.nodes[1] = (struct node){ true, FAKE_PORT_LID, 0, 0, 1, 1 };
	for (int i = 0; i < 100; i++)
		change_something();
	fake_start(&world.host);
	fake_tell_port(&world.host);
	collect();
}

static void stop_world(void)
{
	const struct hf_sa_counters *counters = hf_sa_client_counters(world.host.client);

	printf("# %zu deltas, %zu whole, %zu times records, %zu Reports, %zu messages lost; taken: %u deltas, %u whole "
	       "tables, %u Reports; %u Reports known, %u gaps\n", world.deltas, world.wholes, world.records,
	       world.reports, world.lost, (unsigned int)counters->deltas, (unsigned int)counters->whole_tables,
	       (unsigned int)counters->reports_taken, (unsigned int)counters->reports_known,
	       (unsigned int)counters->gaps);
	ck_assert_uint_eq(counters->deltas_refused, 0);
	while (world.in_channel > 0)
		free(world.channel[--world.in_channel].mad);
	fake_stop(&world.host);
}

/* Some moments of quiet on the way, so that every one of them is seen from another past. */
static void run(unsigned int seed, bool has_records)
{
	start_world(seed, has_records);
	for (int round = 0; round < 4; round++) {
		world.is_good = false;
		for (int i = 0; i < STEPS; i++)
			one_step();
		calm_down();
		expect_last_table();
	}
	stop_world();
}

START_TEST(comes_to_the_last_table)
{
	run(_i, false);
}
END_TEST

START_TEST(comes_to_the_last_table_though_opensm_answers_at_times)
{
	run(1000 + _i, true);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sa_lossy");
	TCase *tcase = tcase_create("sa_lossy");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, comes_to_the_last_table, 0, 100);
	tcase_add_loop_test(tcase, comes_to_the_last_table_though_opensm_answers_at_times, 0, 100);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
