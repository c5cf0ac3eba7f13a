/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <holdfast/host.h>

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/gid.h"
#include "lib/host_private.h"
#include "lib/log.h"
#include "lib/sim_qp.h"
#include "lib/strategy.h"
#include "lib/strategy_program.h"

#define MS			UINT64_C(1000000)
#define REREAD_INTERVAL_MS	10	/* at least, between two times that a MAD has the port read */
#define PORT_STATE_ACTIVE	4
#define MADS_AT_A_TIME		64
#define INSTANCE_FORMAT		"0x%016" PRIx64
#define INSTANCE_TEXT		19	/* bytes of that, and its end */
#define FIRST_SIMULATED_QPN	0xf00000	/* adapters begin below */

void hf_host_config_init(struct hf_host_config *config)
{
	*config = (struct hf_host_config){
		.port_interval_ms = 1000,
		.request_timeout_ms = 1000,
		.query_timeout_ms = 2000,
		.check_interval_ms = 10000,
	};
}

static int send_mad(void *ctx, const struct hf_mad_addr *to, const struct hf_sa_mad *mad, int timeout_ms,
		    int retries)
{
	struct hf_host *host = ctx;

	return hf_umad_send(host->umad, host->agent, to, mad, sizeof(*mad), timeout_ms, retries);
}

static void begin_table(void *ctx)
{
	struct hf_host *host = ctx;

	hf_path_cache_begin_table(host->cache);
}

static void put_path(void *ctx, const struct hf_path_record *path)
{
	struct hf_host *host = ctx;
	union hf_gid dgid = path->dgid;
	int err = hf_path_cache_put(host->cache, path);

	if (err)
		hf_log(HF_LOG_ERROR, "%s port %d: path to %s not kept: %s", host->port.device, host->port.port_num,
		       hf_gid_format(&dgid).text, strerror(-err));
}

static void end_table(void *ctx)
{
	struct hf_host *host = ctx;

	hf_path_cache_end_table(host->cache);
	hf__host_name_waiting(host);
	hf_reconciler_run(&host->reconciler, host->now_ns);
}

static void begin_delta(void *ctx, const struct hf_sa_delta *delta)
{
	struct hf_host *host = ctx;
	const struct hf_path_origin origin = { .subnet_prefix = delta->subnet_prefix, .slid = delta->slid };

	host->delta = (struct delta_pass){
		.is_whole = delta->is_whole,
		.is_small = !delta->is_whole && delta->changes <= SMALL_DELTA,
	};
	hf_path_cache_begin_delta(host->cache, &origin, delta->is_whole);
}

static void note_changed(struct hf_host *host, const union hf_gid *dgid)
{
	struct delta_pass *delta = &host->delta;

	if (delta->is_small && delta->changed_count < SMALL_DELTA)
		delta->changed[delta->changed_count++] = *dgid;
	else
		delta->is_small = false;
}

/* What one item cannot do, others can: they are true, whatever became of it. */
static void note_delta_error(struct hf_host *host, int err)
{
	if (!host->delta.err)
		host->delta.err = err;
}

static void lose_path(void *ctx, uint64_t guid)
{
	struct hf_host *host = ctx;
	const struct hf_path *path = hf_path_cache_lose_guid(host->cache, guid);

	if (path)
		note_changed(host, &path->dgid);
}

static void name_destination(void *ctx, uint64_t guid, uint16_t lid, uint32_t site)
{
	struct hf_host *host = ctx;
	int err = hf_path_cache_name(host->cache, guid, lid, site);

	if (!err)
		return;
	hf_log(HF_LOG_ERROR, "%s port %d: port GUID 0x%016" PRIx64 ", LID %u, not kept: %s", host->port.device,
	       host->port.port_num, guid, lid, strerror(-err));
	note_delta_error(host, err);
}

static void set_path(void *ctx, uint16_t lid, const struct hf_delta_terms *terms)
{
	struct hf_host *host = ctx;
	int err = hf_path_cache_set(host->cache, lid, terms);

	if (err) {
		hf_log(HF_LOG_WARN, "%s port %d: the SM told of a path to LID %u, but not whose LID that is",
		       host->port.device, host->port.port_num, lid);
		note_delta_error(host, err);
		return;
	}
	note_changed(host, &hf_path_cache_find_lid(host->cache, lid)->dgid);
}

static void add_site(void *ctx, uint32_t site, const struct hf_delta_terms *terms)
{
	struct hf_host *host = ctx;
	int err = hf_path_cache_add_site(host->cache, site, terms);

	if (err)
		note_delta_error(host, err);
}

static void note_set(void *ctx, const struct hf_path *path)
{
	note_changed(ctx, &path->dgid);
}

static void set_sites(void *ctx, uint32_t count, uint32_t sum)
{
	struct hf_host *host = ctx;
	int err = hf_path_cache_set_sites(host->cache, count, sum, note_set, host);

	if (err) {
		hf_log(HF_LOG_WARN, "%s port %d: the SM told of paths to all that is at some switches, %" PRIu32
		       " destinations, but these are others than those known here", host->port.device,
		       host->port.port_num, count);
		note_delta_error(host, err);
	}
}

/* Where an item could not be taken, what is missing from a whole table may be that: it is not lost yet. */
static int end_delta(void *ctx)
{
	struct hf_host *host = ctx;
	const struct delta_pass *delta = &host->delta;

	if (delta->is_whole && !delta->err)
		hf_path_cache_end_table(host->cache);
	hf__host_name_waiting(host);
	if (!delta->is_small)
		hf_reconciler_run(&host->reconciler, host->now_ns);
	else
		for (size_t i = 0; i < delta->changed_count; i++)
			hf_reconciler_run_dgid(&host->reconciler, &delta->changed[i], host->now_ns);
	return delta->err;
}

static int take_repath(void *ctx, const struct hf_path_record *path, uint32_t site)
{
	struct hf_host *host = ctx;
	union hf_gid dgid = path->dgid;
	int err = hf_path_cache_update(host->cache, path, site);

	if (err)
		return err;
	hf__host_name_waiting(host);
	hf_reconciler_run_dgid(&host->reconciler, &dgid, host->now_ns);
	return 0;
}

static void take_unpath(void *ctx, uint64_t comp_mask, const struct hf_path_record *path)
{
	struct hf_host *host = ctx;

	if (hf_path_cache_lose(host->cache, comp_mask, path) > 0)
		hf_reconciler_run(&host->reconciler, host->now_ns);
}

static void trace_subscribed(void *ctx, uint16_t trap_num)
{
	struct hf_host *host = ctx;

	hf_trace_event(host->trace, "subscribed", "{s:i}", "trap", trap_num);
}

static void trace_report(void *ctx, const struct hf_sa_report *report)
{
	struct hf_host *host = ctx;
	union hf_gid sgid = report->path->sgid, dgid = report->path->dgid;
	struct hf_gid_text sgid_text = hf_gid_format(&sgid), dgid_text = hf_gid_format(&dgid);

	const char *sgid_if = report->comp_mask & HF_PR_COMP_SGID ? sgid_text.text : NULL;
	const char *dgid_if = report->comp_mask & HF_PR_COMP_DGID ? dgid_text.text : NULL;
	const struct hf_sa_epochs *epochs = report->epochs;
	char instance[INSTANCE_TEXT];

	if (!epochs) {
		hf_trace_event(host->trace, "report", "{s:i, s:s*, s:s*}", "trap", report->trap_num, "sgid", sgid_if,
			       "dgid", dgid_if);
		return;
	}
	snprintf(instance, sizeof(instance), INSTANCE_FORMAT, epochs->instance);
	hf_trace_event(host->trace, "report", "{s:i, s:s*, s:s*, s:s, s:I, s:I, s:I}", "trap", report->trap_num,
		       "sgid", sgid_if, "dgid", dgid_if, "instance", instance, "base", (json_int_t)epochs->base,
		       "epoch", (json_int_t)epochs->epoch, "body_bytes", (json_int_t)report->body_length);
}

static void trace_query_sent(void *ctx, uint32_t tid)
{
	struct hf_host *host = ctx;

	hf_trace_event(host->trace, "query_sent", "{s:I}", "tid", (json_int_t)tid);
}

static void trace_query_done(void *ctx, const struct hf_sa_query_done *done)
{
	struct hf_host *host = ctx;

	hf_trace_event(host->trace, "query_done", "{s:s, s:I, s:I, s:I, s:I}",
		       "answer", hf_sa_answer_name(done->answer), "records", (json_int_t)done->records,
		       "changes", (json_int_t)done->changes,
		       "bytes", (json_int_t)done->bytes, "us", (json_int_t)(done->duration_ns / 1000));
}

static void trace_query_failed(void *ctx, int err)
{
	struct hf_host *host = ctx;

	hf_trace_event(host->trace, "query_failed", "{s:s}", "error", strerror(-err));
}

static const struct hf_sa_client_ops sa_ops = {
	.send = send_mad,
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
	.subscribed = trace_subscribed,
	.report = trace_report,
	.query_sent = trace_query_sent,
	.query_done = trace_query_done,
	.query_failed = trace_query_failed,
};

/* Only where a program moved it; events leave out what is NULL. */
static json_t *move_number(const struct hf_host *host, const struct hf_host_move *move, uint64_t number)
{
	return host->trace && move ? json_integer((json_int_t)number) : NULL;
}

static void trace_changed(void *ctx, const struct hf_connection *connection, const struct hf_path *old)
{
	struct hf_host *host = ctx;
	const struct hf_path *path = &connection->path;
	const struct hf_program_endpoint *endpoint = hf_program_endpoint_of(connection);
	const struct hf_host_move *move = endpoint ? &endpoint->last_move : NULL;
	struct hf_gid_text dgid = hf_gid_format(&connection->dgid);

	if (!old) {
		hf_trace_event(host->trace, "connection_established", "{s:I, s:s, s:i, s:i}", "qpn",
			       (json_int_t)connection->qpn, "dgid", dgid.text, "dlid", path->dlid, "sl", path->sl);
		return;
	}
	hf_log(HF_LOG_INFO, "%s port %d: QPN 0x%x to %s moved from DLID %u SL %u to DLID %u SL %u%s%s",
	       host->port.device, host->port.port_num, connection->qpn, dgid.text, old->dlid, old->sl, path->dlid,
	       path->sl, move ? " by " : "", move ? move->strategy : "");
	hf_trace_event(host->trace, "connection_changed",
		       "{s:I, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s*, s:o*, s:o*, s:o*}", "qpn",
		       (json_int_t)connection->qpn, "dgid", dgid.text, "dlid", path->dlid, "old_dlid", old->dlid,
		       "old_sl", old->sl, "new_sl", path->sl, "old_mtu", old->mtu, "new_mtu", path->mtu, "old_rate",
		       old->rate, "new_rate", path->rate, "strategy", move ? move->strategy : NULL,
		       "lost", move_number(host, move, move ? move->lost : 0),
		       "replayed", move_number(host, move, move ? move->replayed : 0),
		       "paused_us", move_number(host, move, move ? move->paused_ns / 1000 : 0));
}

static void trace_lost(void *ctx, const struct hf_connection *connection)
{
	struct hf_host *host = ctx;
	struct hf_gid_text dgid = hf_gid_format(&connection->dgid);

	hf_log(HF_LOG_WARN, "%s port %d: the SM %s a path for QPN 0x%x to %s", host->port.device, host->port.port_num,
	       connection->path_lost ? "no longer has" : "again has", connection->qpn, dgid.text);
	hf_trace_event(host->trace, connection->path_lost ? "path_lost" : "path_returned", "{s:I, s:s}", "qpn",
		       (json_int_t)connection->qpn, "dgid", dgid.text);
}

static const struct hf_reconciler_ops reconciler_ops = {
	.changed = trace_changed,
	.lost = trace_lost,
};

static struct hf_sa_client_config sa_config(const struct hf_host_config *config, uint32_t seed)
{
	return (struct hf_sa_client_config){
		.request_timeout_ms = config->request_timeout_ms,
		.query_timeout_ms = config->query_timeout_ms,
		.check_interval_ms = config->check_interval_ms,
		.seed = seed,
	};
}

/* A failure to read leaves what was known; the port is read again at the next interval. */
static void read_port(struct hf_host *host)
{
	struct hf_umad_port port;

	host->port_read_ns = host->now_ns;
	if (hf_umad_read_port(host->umad, &port))
		return;
	host->port = port;
	hf_sa_client_set_port(host->sa, host->now_ns, &(struct hf_sa_port){
		.gid = port.gid,
		.lid = port.lid,
		.sm_lid = port.sm_lid,
		.sm_sl = port.sm_sl,
		.active = port.state == PORT_STATE_ACTIVE,
	});
}

/*
 * A MAD of another than the SM that is known, or at a port that was down: since the port was read it has come back or
 * has got another SM, whose first word shall not be lost. Whoever sends rubbish has the port read now and then, no more.
 */
static void read_port_for(struct hf_host *host, const struct hf_umad_received *received)
{
	bool is_known = host->port.state == PORT_STATE_ACTIVE && received->from.lid == host->port.sm_lid;

	if (!received->status && !is_known && host->now_ns >= host->port_read_ns + REREAD_INTERVAL_MS * MS)
		read_port(host);
}

static void trace_settled(struct hf_host *host)
{
	bool is_settled = !hf_sa_client_is_busy(host->sa) && !hf_reconciler_is_busy(&host->reconciler);

	if (is_settled && !host->is_settled)
		hf_trace_event(host->trace, "settled", NULL);
	host->is_settled = is_settled;
}

static int open_port(struct hf_host *host, const struct hf_host_config *config)
{
	int err = hf_umad_open(config->device, config->port_num, &host->umad);

	if (err)
		return err;
	err = hf_umad_register_sa(host->umad, true, &host->agent);
	if (err)
		return err;
	return hf_umad_read_port(host->umad, &host->port);
}

static int open_trace(struct hf_host *host, const struct hf_host_config *config)
{
	char who[128];

	if (!config->trace)
		return 0;
	snprintf(who, sizeof(who), "host:%s", config->name ? config->name : host->port.device);
	return hf_trace_open(config->trace, who, &host->trace);
}

static int make_parts(struct hf_host *host, const struct hf_host_config *config)
{
	struct hf_sa_client_config client_config = sa_config(config, (uint32_t)(host->now_ns ^ getpid() << 16));
	int err = hf_sa_client_new(&client_config, &sa_ops, host, &host->sa);

	if (!err)
		err = hf_path_cache_new(&host->cache);
	if (!err)
		err = hf_registry_new(&host->registry);
	if (!err)
		hf_reconciler_init(&host->reconciler, host->registry, host->cache, &reconciler_ops, host);
	return err;
}

int hf_host_new(const struct hf_host_config *config, struct hf_host **ret_host)
{
	struct hf_host *host = calloc(1, sizeof(*host));
	int err;

	if (!host)
		return -ENOMEM;
	host->now_ns = hf_now_ns();
	host->next_qpn = FIRST_SIMULATED_QPN;
	host->config = *config;
	host->config.name = NULL;
	host->config.device = host->config.trace = NULL;
	err = open_port(host, config);
	if (!err)
		err = open_trace(host, config);
	if (!err)
		err = make_parts(host, config);
	if (err)
		goto err_free_host;
	host->config.name = strdup(config->name ? config->name : host->port.device);
	if (!host->config.name) {
		err = -ENOMEM;
		goto err_free_host;
	}
	*ret_host = host;
	return 0;

err_free_host:
	hf_host_free(host);
	return err;
}

void hf_host_free(struct hf_host *host)
{
	if (!host)
		return;
	hf_registry_free(host->registry);
	hf_path_cache_free(host->cache);
	hf_sa_client_free(host->sa);
	hf_trace_close(host->trace);
	hf_umad_close(host->umad);
	free((char *)host->config.name);
	free(host);
}

void hf_host_set_config(struct hf_host *host, const struct hf_host_config *config)
{
	struct hf_sa_client_config client_config = sa_config(config, 0);

	host->config.port_interval_ms = config->port_interval_ms;
	host->config.request_timeout_ms = config->request_timeout_ms;
	host->config.query_timeout_ms = config->query_timeout_ms;
	host->config.check_interval_ms = config->check_interval_ms;
	hf_sa_client_set_config(host->sa, &client_config);
}

int hf_host_fd(const struct hf_host *host)
{
	return hf_umad_fd(host->umad);
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t port_deadline_ns(const struct hf_host *host)
{
	return host->port_read_ns + host->config.port_interval_ms * MS;
}

uint64_t hf_host_deadline_ns(const struct hf_host *host)
{
	return earliest(earliest(port_deadline_ns(host), hf_sa_client_deadline_ns(host->sa)),
			hf_reconciler_deadline_ns(&host->reconciler));
}

static int receive_mads(struct hf_host *host)
{
	for (int i = 0; i < MADS_AT_A_TIME; i++) {
		struct hf_umad_received received;
		int err = hf_umad_recv(host->umad, &received);

		if (err == -EAGAIN || err == -ENOMEM)
			return 0;
		if (err)
			return err;
		read_port_for(host, &received);
		hf_sa_client_receive(host->sa, host->now_ns, &received.from, received.status, received.mad,
				     received.len);
		free(received.mad);
	}
	return 0;
}

int hf_host_handle(struct hf_host *host)
{
	int err;

	host->now_ns = hf_now_ns();
	if (host->now_ns >= port_deadline_ns(host))
		read_port(host);
	err = receive_mads(host);
	hf_sa_client_handle_timer(host->sa, host->now_ns);
	hf_reconciler_handle_timer(&host->reconciler, host->now_ns);
	trace_settled(host);
	return err;
}

void hf_host_stop(struct hf_host *host)
{
	host->now_ns = hf_now_ns();
	hf_sa_client_stop(host->sa, host->now_ns);
}

bool hf_host_is_stopped(const struct hf_host *host)
{
	return hf_sa_client_state(host->sa) == HF_SA_STOPPED;
}

int hf_host_connect_simulated(struct hf_host *host, const uint8_t dgid[16], bool has_sqd, uint32_t *ret_qpn)
{
	struct hf_sim_qp *qp = malloc(sizeof(*qp));
	struct hf_connection *connection;
	union hf_gid gid;
	int err;

	if (!qp)
		return -ENOMEM;
	memcpy(gid.raw, dgid, sizeof(gid.raw));
	hf_sim_qp_init(qp, host->next_qpn, (struct hf_sim_qp_caps){ .has_sqd = has_sqd });
	err = hf_connection_create(host->registry, qp->qpn, &gid, &hf_strategy_simulated, qp, &connection);
	if (err)
		goto err_free_qp;
	host->next_qpn++;
	host->now_ns = hf_now_ns();
	hf_reconciler_run_dgid(&host->reconciler, &gid, host->now_ns);
	*ret_qpn = connection->qpn;
	return 0;

err_free_qp:
	free(qp);
	return err;
}

int hf_host_disconnect(struct hf_host *host, uint32_t qpn)
{
	struct hf_connection *connection = hf_registry_find_qpn(host->registry, qpn);

	if (!connection)
		return -ENOENT;
	hf_reconciler_forget(&host->reconciler, connection);
	hf_connection_destroy(host->registry, connection);
	return 0;
}

static struct hf_host_counters gather_counters(const struct hf_host *host)
{
	const struct hf_sa_counters *sa = hf_sa_client_counters(host->sa);
	const struct hf_reconciler_counters *reconciler = &host->reconciler.counters;

	return (struct hf_host_counters){
		.reports_repath = sa->reports_repath,
		.reports_unpath = sa->reports_unpath,
		.reports_other = sa->reports_other,
		.reports_repeated = sa->reports_repeated,
		.report_resps = sa->report_resps,
		.subscriptions = sa->subscriptions,
		.queries = sa->queries,
		.queries_failed = sa->queries_failed,
		.records = sa->records,
		.records_refused = sa->records_refused,
		.deltas = sa->deltas,
		.deltas_refused = sa->deltas_refused,
		.whole_tables = sa->whole_tables,
		.changes = sa->changes,
		.reports_taken = sa->reports_taken,
		.reports_known = sa->reports_known,
		.gaps = sa->gaps,
		.mads_dropped = sa->mads_dropped,
		.established = reconciler->established,
		.changed = reconciler->changed,
		.failed = reconciler->failed,
		.lost = reconciler->lost,
		.returned = reconciler->returned,
	};
}

void hf_host_get_status(const struct hf_host *host, struct hf_host_status *ret_status)
{
	const struct hf_sa_held held = hf_sa_client_held(host->sa);

	*ret_status = (struct hf_host_status){
		.device = host->port.device,
		.port_num = host->port.port_num,
		.name = host->config.name,
		.lid = host->port.lid,
		.lmc = host->port.lmc,
		.sm_lid = host->port.sm_lid,
		.state = hf_sa_state_name(hf_sa_client_state(host->sa)),
		.query = hf_sa_query_state_name(hf_sa_client_query_state(host->sa)),
		.busy = hf_sa_client_is_busy(host->sa) || hf_reconciler_is_busy(&host->reconciler),
		.connections = hf_registry_count(host->registry),
		.paths = hf_path_cache_count(host->cache),
		.instance = held.instance,
		.epoch = held.epoch,
		.counters = gather_counters(host),
	};
	memcpy(ret_status->gid, host->port.gid.raw, sizeof(ret_status->gid));
}

struct hf_host_path hf__host_public_path(const struct hf_path *path, const union hf_gid *dgid)
{
	struct hf_host_path out = {
		.slid = path->slid,
		.dlid = path->dlid,
		.pkey = path->pkey,
		.sl = path->sl,
		.mtu = path->mtu,
		.rate = path->rate,
		.pkt_life = path->pkt_life,
		.reachable = path->reachable,
	};

	memcpy(out.dgid, dgid->raw, sizeof(out.dgid));
	return out;
}

int hf_host_find_path(const struct hf_host *host, const uint8_t dgid[16], struct hf_host_path *ret_path)
{
	const struct hf_path *path;
	union hf_gid gid;

	memcpy(gid.raw, dgid, sizeof(gid.raw));
	path = hf_path_cache_find(host->cache, &gid);
	if (!path)
		return -ENOENT;
	*ret_path = hf__host_public_path(path, &gid);
	return 0;
}

struct path_visit {
	void (*visit)(void *ctx, const struct hf_host_path *path);
	void *ctx;
};

static void visit_path(void *ctx, const struct hf_path *path)
{
	const struct path_visit *visit = ctx;
	struct hf_host_path out = hf__host_public_path(path, &path->dgid);

	visit->visit(visit->ctx, &out);
}

void hf_host_for_each_path(const struct hf_host *host, void (*visit)(void *ctx, const struct hf_host_path *path),
			   void *ctx)
{
	struct path_visit path_visit = { visit, ctx };

	hf_path_cache_for_each(host->cache, visit_path, &path_visit);
}

struct connection_visit {
	void (*visit)(void *ctx, const struct hf_host_connection *connection);
	void *ctx;
};

static struct hf_host_connection public_connection(const struct hf_connection *connection)
{
	const struct hf_program_endpoint *endpoint = hf_program_endpoint_of(connection);
	bool is_waiting = endpoint && !connection->path.reachable;
	struct hf_host_connection out = {
		.qpn = connection->qpn,
		.path = hf__host_public_path(is_waiting ? &endpoint->used : &connection->path, &connection->dgid),
		.state = hf_connection_state_name(connection->state),
		.qp_state = connection->strategy->qp_state(connection),
		.strategy = connection->strategy->name,
		.path_lost = connection->path_lost,
		.changes = connection->changes,
	};

	if (endpoint) {
		out.dest_qpn = endpoint->dest_qpn;
		out.pid = endpoint->pid;
		out.program = endpoint->program;
		out.last_move = endpoint->last_move;
		out.ctx = endpoint->ctx;
	}
	return out;
}

static void visit_connection(void *ctx, struct hf_connection *connection)
{
	const struct connection_visit *visit = ctx;
	struct hf_host_connection out = public_connection(connection);

	visit->visit(visit->ctx, &out);
}

int hf_host_find_connection(const struct hf_host *host, uint32_t qpn, struct hf_host_connection *ret_connection)
{
	const struct hf_connection *connection = hf_registry_find_qpn(host->registry, qpn);

	if (!connection)
		return -ENOENT;
	*ret_connection = public_connection(connection);
	return 0;
}

void hf_host_for_each_connection(const struct hf_host *host,
				 void (*visit)(void *ctx, const struct hf_host_connection *connection), void *ctx)
{
	struct connection_visit connection_visit = { visit, ctx };

	hf_registry_for_each(host->registry, visit_connection, &connection_visit);
}
