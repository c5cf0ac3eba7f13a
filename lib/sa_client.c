/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/sa_client_impl.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/gid.h"
#include "lib/log.h"

#define QPN_GSI			1
#define SA_CLASS_VERSION	2
#define BACK_OFF_FIRST_MS	100	/* doubled by each failure in a row */
#define BACK_OFF_MAX_MS		10000

/* Xorshift (Marsaglia): spreads retries and first transaction ids, no more is asked of it. */
static uint32_t next_random(struct hf_sa_client *client)
{
	client->random ^= client->random << 13;
	client->random ^= client->random >> 17;
	client->random ^= client->random << 5;
	return client->random;
}

/* Between half and the whole of 100 ms, 200 ms, 400 ms ... 10 s, so that hosts do not retry all at once. */
uint64_t hf__sa_back_off_ns(struct hf_sa_client *client, unsigned int failures)
{
	uint64_t delay_ns = BACK_OFF_MAX_MS * MS;

	if (failures <= 7 && BACK_OFF_FIRST_MS << (failures - 1) < BACK_OFF_MAX_MS)
		delay_ns = (BACK_OFF_FIRST_MS << (failures - 1)) * MS;
	return delay_ns / 2 + delay_ns / 2 * (next_random(client) % 1024) / 1024;
}

int hf__sa_send_request(struct hf_sa_client *client, uint64_t now_ns, struct hf_sa_request *request,
			struct hf_sa_mad *mad, int timeout_ms, int retries)
{
	const struct hf_mad_addr sa = {
		.lid = client->port.sm_lid, .qpn = QPN_GSI, .sl = client->port.sm_sl,
	};
	int err;

	request->tid = client->next_tid++;
	mad->hdr.tid = htobe64(request->tid);
	err = client->ops->send(client->ctx, &sa, mad, timeout_ms, retries);
	request->is_outstanding = !err;
	request->sent_ns = now_ns;
	return err;
}

void hf__sa_drop(struct hf_sa_client *client, const char *why, const struct hf_mad_addr *from,
		 const struct hf_mad_hdr *hdr)
{
	client->counters.mads_dropped++;
	hf_log(HF_LOG_DEBUG, "port %s: dropped a MAD from LID %u (method 0x%02x, attribute 0x%04x): %s",
	       hf_gid_format(&client->port.gid).text, from->lid, hdr->method, be16toh(hdr->attr_id), why);
}

bool hf__sa_is_own(const struct hf_sa_client *client, const struct hf_path_record *path)
{
	union hf_gid sgid = path->sgid;

	return hf_gid_is_equal(&sgid, &client->port.gid);
}

int hf_sa_client_new(const struct hf_sa_client_config *config, const struct hf_sa_client_ops *ops, void *ctx,
		     struct hf_sa_client **ret_client)
{
	struct hf_sa_client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	client->config = *config;
	client->ops = ops;
	client->ctx = ctx;
	client->random = config->seed ? config->seed : 1;
	client->next_tid = next_random(client);
	client->deadline_ns = NEVER;
	client->query_deadline_ns = NEVER;
	*ret_client = client;
	return 0;
}

void hf_sa_client_free(struct hf_sa_client *client)
{
	free(client);
}

void hf_sa_client_set_config(struct hf_sa_client *client, const struct hf_sa_client_config *config)
{
	client->config = *config;
}

static bool is_usable(const struct hf_sa_port *port)
{
	return port->active && port->lid && port->sm_lid;
}

static bool is_same_port(const struct hf_sa_port *a, const struct hf_sa_port *b)
{
	return hf_gid_is_equal(&a->gid, &b->gid) && a->lid == b->lid && a->sm_lid == b->sm_lid &&
	       a->sm_sl == b->sm_sl && a->active == b->active;
}

/* The table held becomes one without a name. */
void hf__sa_forget_held(struct hf_sa_client *client)
{
	client->held = (struct hf_sa_held){ 0 };
	client->wants_whole = false;
}

/* A table is that of a port and its LID: another of either has another table, which the SM calls by the same name. */
void hf_sa_client_set_port(struct hf_sa_client *client, uint64_t now_ns, const struct hf_sa_port *port)
{
	bool was_usable = is_usable(&client->port);

	if (is_same_port(&client->port, port))
		return;
	if (!hf_gid_is_equal(&client->port.gid, &port->gid) || client->port.lid != port->lid)
		hf__sa_forget_held(client);
	client->port = *port;
	if (is_usable(port)) {
		hf_log(HF_LOG_INFO, "port %s: LID %u, SM at LID %u", hf_gid_format(&port->gid).text, port->lid,
		       port->sm_lid);
		hf__sa_step(client, now_ns, HF_SA_SM_FOUND);
	} else if (was_usable) {
		hf__sa_step(client, now_ns, HF_SA_SM_LOST);
	}
}

static bool is_listening(const struct hf_sa_client *client)
{
	return client->state == HF_SA_SUBSCRIBED || client->state == HF_SA_CHECKING;
}

void hf_sa_client_want_query(struct hf_sa_client *client, uint64_t now_ns)
{
	if (is_listening(client))
		hf__sa_step_query(client, now_ns, HF_SA_QUERY_WANTED);
}

static bool is_answer_to(const struct hf_sa_request *request, const struct hf_mad_hdr *hdr)
{
	return request->is_outstanding && (uint32_t)be64toh(hdr->tid) == request->tid;
}

/* The kernel gave up on one of our requests. */
static void take_timeout(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_hdr *hdr, int status)
{
	if (is_answer_to(&client->query, hdr)) {
		hf__sa_fail_query(client, now_ns, status);
	} else if (is_answer_to(&client->request, hdr)) {
		client->request.is_outstanding = false;
		hf__sa_step(client, now_ns, HF_SA_FAILED);
	}
}

static bool is_sa_mad(const struct hf_mad_hdr *hdr)
{
	return hdr->base_version == 1 && hdr->mgmt_class == HF_CLASS_SUBN_ADM && hdr->class_version == SA_CLASS_VERSION;
}

void hf_sa_client_receive(struct hf_sa_client *client, uint64_t now_ns, const struct hf_mad_addr *from, int status,
			  const void *mad, size_t len)
{
	const struct hf_mad_hdr *hdr = mad;

	if (len < sizeof(*hdr)) {
		client->counters.mads_dropped++;
		return;
	}
	if (status) {
		take_timeout(client, now_ns, hdr, status);
		return;
	}
	if (len < offsetof(struct hf_sa_mad, data) || !is_sa_mad(hdr)) {
		hf__sa_drop(client, "no MAD of the SA", from, hdr);
		return;
	}
	if (!is_usable(&client->port) || from->lid != client->port.sm_lid) {
		hf__sa_drop(client, "not from the SM", from, hdr);
		return;
	}
	if (hdr->method == HF_METHOD_REPORT)
		hf__sa_take_report(client, now_ns, from, mad, len);
	else if (!(hdr->method & HF_METHOD_RESP))
		hf__sa_drop(client, "a request that only the SA answers", from, hdr);
	else if (is_answer_to(&client->query, hdr))
		hf__sa_take_query_answer(client, now_ns, from, mad, len);
	else if (is_answer_to(&client->request, hdr))
		hf__sa_take_answer(client, now_ns, from, mad, len);
	else
		hf__sa_drop(client, "an answer that nobody awaits", from, hdr);
}

uint64_t hf_sa_client_deadline_ns(const struct hf_sa_client *client)
{
	return client->deadline_ns < client->query_deadline_ns ? client->deadline_ns : client->query_deadline_ns;
}

void hf_sa_client_handle_timer(struct hf_sa_client *client, uint64_t now_ns)
{
	if (now_ns >= client->deadline_ns)
		hf__sa_step(client, now_ns, HF_SA_TIMER);
	if (now_ns >= client->query_deadline_ns)
		hf__sa_step_query(client, now_ns, HF_SA_QUERY_TIMER);
}

void hf_sa_client_stop(struct hf_sa_client *client, uint64_t now_ns)
{
	hf__sa_step(client, now_ns, HF_SA_STOP);
}

enum hf_sa_state hf_sa_client_state(const struct hf_sa_client *client)
{
	return client->state;
}

enum hf_sa_query_state hf_sa_client_query_state(const struct hf_sa_client *client)
{
	return client->query_state;
}

bool hf_sa_client_is_busy(const struct hf_sa_client *client)
{
	return !is_listening(client) || client->query_state != HF_SA_QUERY_IDLE;
}

struct hf_sa_held hf_sa_client_held(const struct hf_sa_client *client)
{
	return client->held;
}

const struct hf_sa_counters *hf_sa_client_counters(const struct hf_sa_client *client)
{
	return &client->counters;
}
