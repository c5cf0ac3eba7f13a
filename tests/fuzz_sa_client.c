/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Everything that comes in from the fabric, through the client into the cache and the connections: tables, deltas,
 * Reports with epochs and without. An input is a list of steps: one byte of kind, then
 *
 *	0 to 127	a MAD from the SM: its length as 16 bits, big-endian, then its bytes. Where the kind is odd,
 *			it gets the transaction id of the last request, as an SM's answer would have
 *	128 to 191	the same from another LID
 *	192 to 223	a request times out
 *	224 to 255	time passes until the next deadline
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "lib/reconciler.h"
#include "lib/sa_client.h"
#include "lib/sim_qp.h"
#include "lib/strategy.h"

#define SM_LID 1
#define CONNECTIONS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct target {
	struct hf_sa_client *client;
	struct hf_path_cache *cache;
	struct hf_registry *registry;
	struct hf_reconciler reconciler;
	struct hf_sa_mad last_request;
	uint64_t now_ns;
	bool is_whole;
	int delta_error;
};

static int keep_request(void *ctx, const struct hf_mad_addr *to, const struct hf_sa_mad *mad, int timeout_ms,
			int retries)
{
	struct target *target = ctx;

	(void)to;
	(void)retries;
	if (timeout_ms)
		target->last_request = *mad;
	return 0;
}

static void begin_table(void *ctx)
{
	hf_path_cache_begin_table(((struct target *)ctx)->cache);
}

static void put_path(void *ctx, const struct hf_path_record *path)
{
	hf_path_cache_put(((struct target *)ctx)->cache, path);
}

static void end_table(void *ctx)
{
	struct target *target = ctx;

	hf_path_cache_end_table(target->cache);
	hf_reconciler_run(&target->reconciler, target->now_ns);
}

static int take_repath(void *ctx, const struct hf_path_record *path, uint32_t site)
{
	struct target *target = ctx;
	union hf_gid dgid = path->dgid;
	int err = hf_path_cache_update(target->cache, path, site);

	if (!err)
		hf_reconciler_run_dgid(&target->reconciler, &dgid, target->now_ns);
	return err;
}

static void take_unpath(void *ctx, uint64_t comp_mask, const struct hf_path_record *path)
{
	struct target *target = ctx;

	hf_path_cache_lose(target->cache, comp_mask, path);
	hf_reconciler_run(&target->reconciler, target->now_ns);
}

static void ignore_trap(void *ctx, uint16_t trap_num) { (void)ctx; (void)trap_num; }
static void ignore_report(void *ctx, const struct hf_sa_report *report) { (void)ctx; (void)report; }
static void ignore_tid(void *ctx, uint32_t tid) { (void)ctx; (void)tid; }
static void ignore_error(void *ctx, int err) { (void)ctx; (void)err; }

static void ignore_done(void *ctx, const struct hf_sa_query_done *done) { (void)ctx; (void)done; }

static void begin_delta(void *ctx, const struct hf_sa_delta *delta)
{
	struct target *target = ctx;
	const struct hf_path_origin origin = { .subnet_prefix = delta->subnet_prefix, .slid = delta->slid };

	target->delta_error = 0;
	target->is_whole = delta->is_whole;
	hf_path_cache_begin_delta(target->cache, &origin, delta->is_whole);
}

static void lose_path(void *ctx, uint64_t guid)
{
	hf_path_cache_lose_guid(((struct target *)ctx)->cache, guid);
}

static void name_destination(void *ctx, uint64_t guid, uint16_t lid, uint32_t site)
{
	struct target *target = ctx;
	int err = hf_path_cache_name(target->cache, guid, lid, site);

	if (err)
		target->delta_error = err;
}

static void set_path(void *ctx, uint16_t lid, const struct hf_delta_terms *terms)
{
	struct target *target = ctx;
	int err = hf_path_cache_set(target->cache, lid, terms);

	if (err)
		target->delta_error = err;
	else if (hf_path_cache_find_lid(target->cache, lid)->dlid != lid)
		abort();
}

static void add_site(void *ctx, uint32_t site, const struct hf_delta_terms *terms)
{
	struct target *target = ctx;
	int err = hf_path_cache_add_site(target->cache, site, terms);

	if (err)
		target->delta_error = err;
}

static void check_set(void *ctx, const struct hf_path *path)
{
	(void)ctx;
	if (!path->reachable)
		abort();
}

static void set_sites(void *ctx, uint32_t count, uint32_t sum)
{
	struct target *target = ctx;
	int err = hf_path_cache_set_sites(target->cache, count, sum, check_set, NULL);

	if (err)
		target->delta_error = err;
}

static int end_delta(void *ctx)
{
	struct target *target = ctx;

	if (target->is_whole && !target->delta_error)
		hf_path_cache_end_table(target->cache);
	hf_reconciler_run(&target->reconciler, target->now_ns);
	return target->delta_error;
}

static void ignore_changed(void *ctx, const struct hf_connection *connection, const struct hf_path *old)
{
	(void)ctx;
	(void)connection;
	(void)old;
}

static void ignore_lost(void *ctx, const struct hf_connection *connection)
{
	(void)ctx;
	(void)connection;
}

static void ignore_line(void *ctx, enum hf_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static const struct hf_sa_client_ops client_ops = {
	.send = keep_request,
	.table_begin = begin_table,
	.table_path = put_path,
	.table_end = end_table,
	.delta_begin = begin_delta,
	.delta = {
		.gone = lose_path, .named = name_destination, .path = set_path, .at_site = add_site,
		.covered = set_sites,
	},
	.delta_end = end_delta,
	.repath = take_repath,
	.unpath = take_unpath,
	.subscribed = ignore_trap,
	.report = ignore_report,
	.query_sent = ignore_tid,
	.query_done = ignore_done,
	.query_failed = ignore_error,
};

static const struct hf_reconciler_ops reconciler_ops = { .changed = ignore_changed, .lost = ignore_lost };

static void start(struct target *target)
{
	static const struct hf_log_sink sink = { .write = ignore_line };
	const struct hf_sa_client_config config = {
		.request_timeout_ms = 1000, .query_timeout_ms = 2000, .check_interval_ms = 10000, .seed = 1,
	};
	const struct hf_sa_port port = { .gid.guid = htobe64(1), .lid = 2, .sm_lid = SM_LID, .active = true };

	memset(target, 0, sizeof(*target));
	hf_log_init(&sink, HF_LOG_DEBUG);
	if (hf_sa_client_new(&config, &client_ops, target, &target->client) || hf_path_cache_new(&target->cache) ||
	    hf_registry_new(&target->registry))
		abort();
	hf_reconciler_init(&target->reconciler, target->registry, target->cache, &reconciler_ops, target);
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		union hf_gid dgid = { .guid = htobe64(2 + i) };
		struct hf_sim_qp *qp = malloc(sizeof(*qp));
		struct hf_connection *connection;

		if (!qp)
			abort();
		hf_sim_qp_init(qp, i, (struct hf_sim_qp_caps){ .has_sqd = i & 1 });
		if (hf_connection_create(target->registry, i, &dgid, &hf_strategy_simulated, qp, &connection))
			abort();
	}
	hf_sa_client_set_port(target->client, target->now_ns, &port);
}

static void stop(struct target *target)
{
	hf_registry_free(target->registry);
	hf_path_cache_free(target->cache);
	hf_sa_client_free(target->client);
}

/* Return: how many bytes the MAD took from @data. The client gets a block of exactly its length. */
static size_t deliver(struct target *target, uint8_t kind, const uint8_t *data, size_t len)
{
	const struct hf_mad_addr from = { .lid = kind < 128 ? SM_LID : SM_LID + 1, .qpn = 1 };
	size_t mad_len = len < 2 ? 0 : (size_t)data[0] << 8 | data[1];
	size_t used = len < 2 ? len : 2;
	uint8_t *mad;

	if (mad_len > len - used)
		mad_len = len - used;
	mad = malloc(mad_len ? mad_len : 1);
	if (!mad)
		abort();
	memcpy(mad, data + used, mad_len);
	if (kind & 1 && mad_len >= sizeof(struct hf_mad_hdr))
		memcpy(mad + offsetof(struct hf_mad_hdr, tid), (uint8_t *)&target->last_request +
		       offsetof(struct hf_mad_hdr, tid), sizeof(__be64));
	hf_sa_client_receive(target->client, target->now_ns, &from, 0, mad, mad_len);
	free(mad);
	return used + mad_len;
}

static void time_out(struct target *target)
{
	const struct hf_mad_addr from = { .lid = SM_LID, .qpn = 1 };

	hf_sa_client_receive(target->client, target->now_ns, &from, -ETIMEDOUT, &target->last_request,
			     sizeof(target->last_request.hdr));
}

static void pass_time(struct target *target)
{
	uint64_t deadline_ns = hf_sa_client_deadline_ns(target->client);

	if (deadline_ns == UINT64_MAX)
		return;
	target->now_ns = deadline_ns;
	hf_sa_client_handle_timer(target->client, deadline_ns);
	hf_reconciler_handle_timer(&target->reconciler, deadline_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct target target;

	start(&target);
	while (len > 0) {
		uint8_t kind = *data++;
		size_t used = 0;

		len--;
		if (kind < 192)
			used = deliver(&target, kind, data, len);
		else if (kind < 224)
			time_out(&target);
		else
			pass_time(&target);
		data += used;
		len -= used;
	}
	stop(&target);
	return 0;
}
