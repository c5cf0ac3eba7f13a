/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/rmpp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1 /* an element that could not be added has hh.tbl == NULL */
#include <uthash.h>

#define RMPP_VERSION 1
#define RMPP_PAYLOAD 220 /* what follows the RMPP header in a MAD: the class header counts as payload */
#define NS_PER_MS UINT64_C(1000000)

enum rmpp_type {
	TYPE_DATA = 1,
	TYPE_ACK = 2,
	TYPE_STOP = 3,
	TYPE_ABORT = 4,
};

enum rmpp_flag {
	FLAG_ACTIVE = 1,
	FLAG_FIRST = 2,
	FLAG_LAST = 4,
	FLAG_ALL = 7,
};

struct rmpp_mad {
	struct hf_mad_hdr hdr;
	struct hf_rmpp_hdr rmpp;
	uint8_t payload[RMPP_PAYLOAD];
} __attribute__((packed, may_alias));

/* Keys are hashed as bytes: no padding, unused bytes zero. */
struct outgoing_key {
	__be64 tid;
	uint32_t lid; /* of the destination of a response; 0 for a request, which its answer finds from any LID */
	uint8_t mgmt_class;
	uint8_t is_response;
	uint8_t unused[2];
};

struct incoming_key {
	__be64 tid;
	uint32_t lid;
	uint32_t qpn;
	uint8_t mgmt_class;
	uint8_t class_version;
	uint8_t method; /* the request of a response is found by all that stands before */
	uint8_t unused[5];
};

#define REQUEST_KEY_LEN offsetof(struct incoming_key, method)

_Static_assert(sizeof(struct rmpp_mad) == HF_MAD_SIZE, "a MAD has 256 bytes");
_Static_assert(sizeof(struct outgoing_key) == 16, "padding would be hashed");
_Static_assert(sizeof(struct incoming_key) == 24, "padding would be hashed");

/* Segment numbers and windows are signed, as in Linux: a peer's number of 2^31 or more is below every window. */
struct outgoing {
	struct outgoing_key key;
	struct hf_rmpp_addr to;
	uint8_t *mad;
	size_t len;
	int32_t count;    /* segments in all */
	int32_t seg;      /* last sent */
	int32_t last_ack; /* last acknowledged; equal to count: only the response is missing */
	int32_t newwin;   /* last that may be sent */
	uint32_t timeout_ms;
	uint32_t retries;
	uint32_t retries_left;
	uint64_t cookie;
	uint64_t deadline_ns;
	TAILQ_ENTRY(outgoing) by_deadline;
	UT_hash_handle hh;
};

/* What is known of a segment beside its data. */
struct segment {
	uint32_t payload_len;
	bool is_held;
	bool is_last;
};

struct incoming {
	struct incoming_key key;
	struct hf_rmpp_addr from;
	bool is_complete;      /* only remembered: mad and ahead are gone */
	uint8_t *mad;          /* header of the first segment, then each segment's data at its place */
	size_t room;           /* bytes allocated at mad */
	struct segment *ahead; /* ring of window entries: what arrived beyond seg, by segment number modulo window */
	struct segment end;    /* the segment seg */
	int32_t seg;           /* last that arrived with all before it */
	int32_t last_ack;
	int32_t newwin;        /* last that the sender may send */
	int32_t reply_window;  /* granted by the requester for the response */
	uint64_t deadline_ns;
	TAILQ_ENTRY(incoming) by_deadline;
	UT_hash_handle hh;
	UT_hash_handle hh_request;
};

TAILQ_HEAD(outgoing_queue, outgoing);
TAILQ_HEAD(incoming_queue, incoming);

struct hf_rmpp {
	struct hf_rmpp_ops ops;
	void *ctx;
	int32_t window;
	uint64_t ack_timeout_ns;
	uint64_t receive_timeout_ns;
	uint64_t linger_ns;
	size_t max_bytes;
	size_t max_transfers;
	struct outgoing *outgoing;
	struct incoming *incoming;
	struct incoming *requests;      /* those of incoming that are requests */
	struct outgoing_queue timers;   /* sorted; timeouts differ */
	struct incoming_queue active;   /* first come, first due: all wait equally long */
	struct incoming_queue complete; /* likewise */
};

size_t hf_rmpp_data_offset(uint8_t mgmt_class)
{
	switch (mgmt_class) {
	case 0x03: /* subnet administration */
		return 56;
	case 0x06: /* device management */
	case 0x10: /* device administration */
	case 0x12: /* boot information */
		return 64;
	default:
		return mgmt_class >= 0x30 && mgmt_class <= 0x4f ? 40 : 0; /* vendor, with OUI */
	}
}

bool hf_rmpp_is_active(const uint8_t *mad, size_t len)
{
	const struct rmpp_mad *m = (const struct rmpp_mad *)mad;

	return len >= offsetof(struct rmpp_mad, payload) && hf_rmpp_data_offset(m->hdr.mgmt_class) &&
	       m->rmpp.rtime_flags & FLAG_ACTIVE;
}

static bool is_response(const struct rmpp_mad *mad)
{
	return mad->hdr.method & HF_METHOD_RESP || mad->hdr.method == HF_METHOD_TRAP_REPRESS;
}

/* ACK, STOP or ABORT in answer to @about: its headers, the other direction. */
static void reply(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *to, const struct rmpp_mad *about,
		  enum rmpp_type type, uint8_t status, int32_t seg, int32_t newwin)
{
	struct rmpp_mad mad = { 0 };

	memcpy(&mad, about, hf_rmpp_data_offset(about->hdr.mgmt_class));
	mad.hdr.method ^= HF_METHOD_RESP;
	mad.rmpp.version = RMPP_VERSION;
	mad.rmpp.type = type;
	mad.rmpp.rtime_flags = (about->rmpp.rtime_flags & ~FLAG_ALL) | FLAG_ACTIVE;
	mad.rmpp.status = status;
	mad.rmpp.seg_num = htobe32(seg);
	mad.rmpp.paylen_newwin = htobe32(newwin);
	rmpp->ops.send(rmpp->ctx, to, (const uint8_t *)&mad);
}

static void reply_abort(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *to, const struct rmpp_mad *about,
			enum hf_rmpp_status status)
{
	reply(rmpp, to, about, TYPE_ABORT, status, 0, 0);
}

/* Sending */

static struct outgoing_key outgoing_key(const struct rmpp_mad *mad, uint32_t lid, bool response)
{
	return (struct outgoing_key){
		.tid = mad->hdr.tid,
		.lid = response ? lid : 0,
		.mgmt_class = mad->hdr.mgmt_class,
		.is_response = response,
	};
}

/* The transfer that a MAD of the peer is about: a response to our request, or the other way round. */
static struct outgoing *find_outgoing(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const struct rmpp_mad *mad)
{
	struct outgoing_key key = outgoing_key(mad, from->lid, !is_response(mad));
	struct outgoing *out;

	HASH_FIND(hh, rmpp->outgoing, &key, sizeof(key), out);
	return out;
}

static bool is_acked(const struct outgoing *out)
{
	return out->last_ack == out->count;
}

static void free_outgoing(struct outgoing *out)
{
	free(out->mad);
	free(out);
}

static void end_outgoing(struct hf_rmpp *rmpp, struct outgoing *out, int status)
{
	uint64_t cookie = out->cookie;

	HASH_DEL(rmpp->outgoing, out);
	TAILQ_REMOVE(&rmpp->timers, out, by_deadline);
	free_outgoing(out);
	rmpp->ops.sent(rmpp->ctx, cookie, status);
}

/* A new deadline is mostly the latest of all: look for its place from the end. */
static void insert_timer(struct hf_rmpp *rmpp, struct outgoing *out, uint64_t deadline_ns)
{
	struct outgoing *before;

	out->deadline_ns = deadline_ns;
	TAILQ_FOREACH_REVERSE(before, &rmpp->timers, outgoing_queue, by_deadline)
		if (before->deadline_ns <= deadline_ns)
			break;
	if (before)
		TAILQ_INSERT_AFTER(&rmpp->timers, before, out, by_deadline);
	else
		TAILQ_INSERT_HEAD(&rmpp->timers, out, by_deadline);
}

static void restart_timer(struct hf_rmpp *rmpp, struct outgoing *out, uint64_t deadline_ns)
{
	TAILQ_REMOVE(&rmpp->timers, out, by_deadline);
	insert_timer(rmpp, out, deadline_ns);
}

static uint64_t ack_deadline(const struct hf_rmpp *rmpp, const struct outgoing *out, uint64_t now_ns)
{
	uint64_t timeout_ns = out->timeout_ms * NS_PER_MS;

	return now_ns + (timeout_ns && timeout_ns < rmpp->ack_timeout_ns ? timeout_ns : rmpp->ack_timeout_ns);
}

/* The first segment tells the payload of the whole transfer, the last its own; the others are full and tell nothing. */
static uint32_t payload_len(const struct outgoing *out, int32_t seg, size_t offset)
{
	size_t pad = out->count * (HF_MAD_SIZE - offset) - (out->len - offset);

	if (seg == out->count)
		return RMPP_PAYLOAD - pad;
	return seg == 1 ? (size_t)out->count * RMPP_PAYLOAD - pad : 0;
}

static void send_segment(struct hf_rmpp *rmpp, const struct outgoing *out, int32_t seg)
{
	size_t offset = hf_rmpp_data_offset(out->key.mgmt_class);
	size_t chunk = HF_MAD_SIZE - offset;
	size_t start = offset + (seg - 1) * chunk;
	struct rmpp_mad mad = { 0 };

	memcpy(&mad, out->mad, offset);
	memcpy((uint8_t *)&mad + offset, out->mad + start, seg == out->count ? out->len - start : chunk);
	mad.rmpp = (struct hf_rmpp_hdr){
		.version = RMPP_VERSION,
		.type = TYPE_DATA,
		.rtime_flags = FLAG_ACTIVE | (seg == 1 ? FLAG_FIRST : 0) | (seg == out->count ? FLAG_LAST : 0),
		.seg_num = htobe32(seg),
		.paylen_newwin = htobe32(payload_len(out, seg, offset)),
	};
	rmpp->ops.send(rmpp->ctx, &out->to, (const uint8_t *)&mad);
}

/* At least one segment goes out: into a closed window too when the timer fired, as Linux does it. */
static void send_window(struct hf_rmpp *rmpp, struct outgoing *out)
{
	do {
		send_segment(rmpp, out, ++out->seg);
	} while (out->seg != out->newwin && out->seg != out->count);
}

/* An RMPP request was acknowledged with a window for its response; without one it is a single segment. */
static int32_t first_window(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *to, const struct rmpp_mad *mad)
{
	struct incoming_key key = {
		.tid = mad->hdr.tid,
		.lid = to->lid,
		.qpn = to->qpn,
		.mgmt_class = mad->hdr.mgmt_class,
		.class_version = mad->hdr.class_version,
	};
	struct incoming *request = NULL;

	if (mad->hdr.method & HF_METHOD_RESP)
		HASH_FIND(hh_request, rmpp->requests, &key, REQUEST_KEY_LEN, request);
	return request ? request->reply_window : 1;
}

/* Segments that a MAD takes; 0 if it cannot go through RMPP. */
static int32_t count_segments(const uint8_t *mad, size_t len)
{
	size_t offset = len >= sizeof(struct hf_mad_hdr) ? hf_rmpp_data_offset(mad[1]) : 0;

	if (!offset || len < offset)
		return 0;
	size_t count = len == offset ? 1 : (len - offset - 1) / (HF_MAD_SIZE - offset) + 1;

	return count <= INT32_MAX / RMPP_PAYLOAD ? (int32_t)count : 0;
}

static struct outgoing *new_outgoing(const uint8_t *mad, size_t len)
{
	struct outgoing *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->mad = malloc(len);
	if (!out->mad) {
		free(out);
		return NULL;
	}
	memcpy(out->mad, mad, len);
	out->len = len;
	return out;
}

int hf_rmpp_send(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *to, const uint8_t *mad, size_t len,
		 uint32_t timeout_ms, uint32_t retries, uint64_t cookie, uint64_t now_ns)
{
	const struct rmpp_mad *m = (const struct rmpp_mad *)mad;
	int32_t count = count_segments(mad, len);
	struct outgoing *out;

	if (!count)
		return -EINVAL;
	struct outgoing_key key = outgoing_key(m, to->lid, is_response(m));

	HASH_FIND(hh, rmpp->outgoing, &key, sizeof(key), out);
	if (out)
		return -EEXIST;
	out = new_outgoing(mad, len);
	if (!out)
		return -ENOMEM;
	out->key = key;
	out->to = *to;
	out->count = count;
	out->newwin = first_window(rmpp, to, m);
	out->timeout_ms = timeout_ms;
	out->retries = out->retries_left = retries;
	out->cookie = cookie;
	HASH_ADD(hh, rmpp->outgoing, key, sizeof(out->key), out);
	if (!out->hh.tbl)
		goto err_free;
	insert_timer(rmpp, out, ack_deadline(rmpp, out, now_ns));
	send_window(rmpp, out);
	return 0;

err_free:
	free_outgoing(out);
	return -ENOMEM;
}

int hf_rmpp_cancel(struct hf_rmpp *rmpp, uint64_t cookie)
{
	int rc = -ENOENT;
	struct outgoing *out, *next;

	for (out = TAILQ_FIRST(&rmpp->timers); out; out = next) {
		next = TAILQ_NEXT(out, by_deadline);
		if (out->cookie != cookie)
			continue;
		end_outgoing(rmpp, out, -ECANCELED);
		rc = 0;
	}
	return rc;
}

/* The peer ends the transfer or breaks the protocol. Once all is acknowledged only the response counts. */
static void fail_outgoing(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const struct rmpp_mad *mad)
{
	struct outgoing *out = find_outgoing(rmpp, from, mad);

	if (out && !is_acked(out))
		end_outgoing(rmpp, out, -EREMOTEIO);
}

static void refuse(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const struct rmpp_mad *mad,
		   enum hf_rmpp_status status)
{
	fail_outgoing(rmpp, from, mad);
	reply_abort(rmpp, from, mad, status);
}

/* Double-sided RMPP: the requester answers the last ACK of its request with the window for the response. */
static void ack_last_ack(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *to, const struct rmpp_mad *ack)
{
	reply(rmpp, to, ack, TYPE_ACK, 0, 0, 1);
}

static void all_acked(struct hf_rmpp *rmpp, struct outgoing *out, const struct hf_rmpp_addr *from,
		      const struct rmpp_mad *ack, uint64_t now_ns)
{
	if (!out->timeout_ms) {
		end_outgoing(rmpp, out, 0);
		return;
	}
	restart_timer(rmpp, out, now_ns + out->timeout_ms * NS_PER_MS);
	ack_last_ack(rmpp, from, ack);
}

static void receive_ack_of(struct hf_rmpp *rmpp, struct outgoing *out, const struct hf_rmpp_addr *from,
			   const struct rmpp_mad *ack, uint64_t now_ns)
{
	int32_t seg = be32toh(ack->rmpp.seg_num);
	int32_t newwin = be32toh(ack->rmpp.paylen_newwin);

	if (is_acked(out)) {
		ack_last_ack(rmpp, from, ack);
		return;
	}
	if (seg > out->count || seg > out->newwin) {
		refuse(rmpp, from, ack, HF_RMPP_STATUS_S2B);
		return;
	}
	if (newwin < out->newwin || seg < out->last_ack)
		return;
	if (seg > out->last_ack) {
		out->last_ack = seg;
		out->retries_left = out->retries;
	}
	out->newwin = newwin;
	if (is_acked(out)) {
		all_acked(rmpp, out, from, ack, now_ns);
	} else if (out->seg < out->newwin && out->seg < out->count) {
		send_window(rmpp, out);
		restart_timer(rmpp, out, ack_deadline(rmpp, out, now_ns));
	}
}

static void expire_outgoing(struct hf_rmpp *rmpp, struct outgoing *out, uint64_t now_ns)
{
	if (is_acked(out) || !out->retries_left) {
		end_outgoing(rmpp, out, -ETIMEDOUT);
		return;
	}
	out->retries_left--;
	out->seg = out->last_ack;
	send_window(rmpp, out);
	restart_timer(rmpp, out, ack_deadline(rmpp, out, now_ns));
}

/* Receiving */

static struct incoming_key incoming_key(const struct hf_rmpp_addr *from, const struct rmpp_mad *mad)
{
	return (struct incoming_key){
		.tid = mad->hdr.tid,
		.lid = from->lid,
		.qpn = from->qpn,
		.mgmt_class = mad->hdr.mgmt_class,
		.class_version = mad->hdr.class_version,
		.method = mad->hdr.method,
	};
}

static struct incoming *find_incoming(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const struct rmpp_mad *mad)
{
	struct incoming_key key = incoming_key(from, mad);
	struct incoming *in;

	HASH_FIND(hh, rmpp->incoming, &key, sizeof(key), in);
	return in;
}

static void free_incoming(struct incoming *in)
{
	free(in->ahead);
	free(in->mad);
	free(in);
}

static void forget_incoming(struct hf_rmpp *rmpp, struct incoming *in)
{
	TAILQ_REMOVE(in->is_complete ? &rmpp->complete : &rmpp->active, in, by_deadline);
	HASH_DELETE(hh, rmpp->incoming, in);
	if (in->hh_request.tbl)
		HASH_DELETE(hh_request, rmpp->requests, in);
	free_incoming(in);
}

/* A later request with the same TID supersedes: the response will be to that. */
static void forget_request(struct hf_rmpp *rmpp, const struct incoming *later)
{
	struct incoming *request;

	HASH_FIND(hh_request, rmpp->requests, &later->key, REQUEST_KEY_LEN, request);
	if (!request)
		return;
	HASH_DELETE(hh_request, rmpp->requests, request);
	request->hh_request.tbl = NULL;
}

static int add_incoming(struct hf_rmpp *rmpp, struct incoming *in)
{
	HASH_ADD(hh, rmpp->incoming, key, sizeof(in->key), in);
	if (!in->hh.tbl)
		return -ENOMEM;
	if (in->key.method & HF_METHOD_RESP)
		return 0;
	forget_request(rmpp, in);
	HASH_ADD(hh_request, rmpp->requests, key, REQUEST_KEY_LEN, in);
	if (in->hh_request.tbl)
		return 0;
	HASH_DELETE(hh, rmpp->incoming, in);
	return -ENOMEM;
}

static bool has_room(struct hf_rmpp *rmpp)
{
	if (HASH_COUNT(rmpp->incoming) < rmpp->max_transfers)
		return true;
	struct incoming *oldest = TAILQ_FIRST(&rmpp->complete);

	if (!oldest)
		return false;
	forget_incoming(rmpp, oldest);
	return true;
}

static int new_incoming(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const struct rmpp_mad *first,
			uint64_t now_ns, struct incoming **ret_in)
{
	if (!has_room(rmpp))
		return -ENOSPC;
	struct incoming *in = calloc(1, sizeof(*in));

	if (!in)
		return -ENOMEM;
	in->key = incoming_key(from, first);
	in->from = *from;
	in->newwin = 1;
	in->reply_window = 1;
	in->deadline_ns = now_ns + rmpp->receive_timeout_ns;
	in->ahead = calloc(rmpp->window, sizeof(*in->ahead));
	if (!in->ahead || add_incoming(rmpp, in)) {
		free_incoming(in);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&rmpp->active, in, by_deadline);
	*ret_in = in;
	return 0;
}

static int grow(struct incoming *in, size_t need)
{
	size_t room = 2 * in->room > need ? 2 * in->room : need;
	uint8_t *mad = realloc(in->mad, room);

	if (!mad)
		return -ENOMEM;
	in->mad = mad;
	in->room = room;
	return 0;
}

/* Puts the data of a segment at its place; the first brings the header. */
static int store_segment(struct hf_rmpp *rmpp, struct incoming *in, const struct rmpp_mad *mad, int32_t seg)
{
	size_t offset = hf_rmpp_data_offset(mad->hdr.mgmt_class);
	size_t chunk = HF_MAD_SIZE - offset;
	size_t end = offset + seg * chunk;

	if (end > rmpp->max_bytes)
		return -EMSGSIZE;
	if (end > in->room && grow(in, end))
		return -ENOMEM;
	if (seg == 1)
		memcpy(in->mad, mad, offset);
	memcpy(in->mad + end - chunk, (const uint8_t *)mad + offset, chunk);
	in->ahead[seg % rmpp->window] = (struct segment){
		.payload_len = be32toh(mad->rmpp.paylen_newwin),
		.is_held = true,
		.is_last = mad->rmpp.rtime_flags & FLAG_LAST,
	};
	return 0;
}

/* Takes over what has arrived without a gap. */
static void advance(struct hf_rmpp *rmpp, struct incoming *in)
{
	struct segment *next;

	while ((next = &in->ahead[(in->seg + 1) % rmpp->window])->is_held) {
		in->end = *next;
		next->is_held = false;
		in->seg++;
	}
}

static void ack_incoming(struct hf_rmpp *rmpp, struct incoming *in, uint16_t pkey_index, const struct rmpp_mad *about)
{
	struct hf_rmpp_addr to = in->from;

	to.pkey_index = pkey_index;
	in->last_ack = in->seg;
	reply(rmpp, &to, about, TYPE_ACK, 0, in->seg, in->newwin);
}

/* A payload length that no MAD can have counts as a full one. */
static size_t mad_len(const struct incoming *in)
{
	size_t offset = hf_rmpp_data_offset(in->key.mgmt_class);
	size_t pad = in->end.payload_len <= RMPP_PAYLOAD ? RMPP_PAYLOAD - in->end.payload_len : 0;

	return offset + in->seg * (HF_MAD_SIZE - offset) - pad;
}

/* The request that this engine sent and that a response answers. */
static struct outgoing *find_request(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const struct rmpp_mad *mad)
{
	return is_response(mad) ? find_outgoing(rmpp, from, mad) : NULL;
}

/* A response is handed over before its request ends. */
static void deliver(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const uint8_t *mad, size_t len)
{
	struct outgoing *request = find_request(rmpp, from, (const struct rmpp_mad *)mad);

	rmpp->ops.deliver(rmpp->ctx, from, mad, len);
	if (request)
		end_outgoing(rmpp, request, 0);
}

static void complete_incoming(struct hf_rmpp *rmpp, struct incoming *in, uint64_t now_ns)
{
	ack_incoming(rmpp, in, in->from.pkey_index, (const struct rmpp_mad *)in->mad);
	TAILQ_REMOVE(&rmpp->active, in, by_deadline);
	in->is_complete = true;
	in->deadline_ns = now_ns + rmpp->linger_ns;
	TAILQ_INSERT_TAIL(&rmpp->complete, in, by_deadline);

	deliver(rmpp, &in->from, in->mad, mad_len(in));
	free(in->mad);
	in->mad = NULL;
	free(in->ahead);
	in->ahead = NULL;
}

static void take_segment(struct hf_rmpp *rmpp, struct incoming *in, const struct hf_rmpp_addr *from,
			 const struct rmpp_mad *mad, int32_t seg, uint64_t now_ns)
{
	if (store_segment(rmpp, in, mad, seg)) {
		forget_incoming(rmpp, in);
		reply(rmpp, from, mad, TYPE_STOP, HF_RMPP_STATUS_RESX, 0, 0);
		return;
	}
	if (seg != in->seg + 1)
		return;
	advance(rmpp, in);
	if (in->end.is_last) {
		complete_incoming(rmpp, in, now_ns);
	} else if (in->seg == in->newwin) {
		in->newwin += rmpp->window;
		ack_incoming(rmpp, in, from->pkey_index, mad);
	}
}

static void continue_incoming(struct hf_rmpp *rmpp, struct incoming *in, const struct hf_rmpp_addr *from,
			      const struct rmpp_mad *mad, uint64_t now_ns)
{
	int32_t seg = be32toh(mad->rmpp.seg_num);

	if (seg > in->newwin)
		return;
	if (seg <= in->last_ack || in->is_complete)
		ack_incoming(rmpp, in, from->pkey_index, mad);
	else if (seg > in->seg && !in->ahead[seg % rmpp->window].is_held)
		take_segment(rmpp, in, from, mad, seg, now_ns);
}

static void receive_data(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const struct rmpp_mad *mad,
			 uint64_t now_ns)
{
	bool first = mad->rmpp.seg_num == htobe32(1);

	if (mad->rmpp.status) {
		reply_abort(rmpp, from, mad, HF_RMPP_STATUS_BAD_STATUS);
		return;
	}
	if (first != !!(mad->rmpp.rtime_flags & FLAG_FIRST)) {
		reply_abort(rmpp, from, mad, HF_RMPP_STATUS_BAD_SEG);
		return;
	}
	struct incoming *in = find_incoming(rmpp, from, mad);

	if (in)
		continue_incoming(rmpp, in, from, mad, now_ns);
	else if (first && !new_incoming(rmpp, from, mad, now_ns, &in))
		take_segment(rmpp, in, from, mad, 1, now_ns);
}

static void expire_incoming(struct hf_rmpp *rmpp, struct incoming *in)
{
	if (!in->is_complete)
		reply_abort(rmpp, &in->from, (const struct rmpp_mad *)in->mad, HF_RMPP_STATUS_T2L);
	forget_incoming(rmpp, in);
}

/* Both directions */

/* An ACK of segment 0 for nothing that is sent grants the window for the response to a received request. */
static void grant_reply_window(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const struct rmpp_mad *ack)
{
	struct incoming *request = find_incoming(rmpp, from, ack);

	if (request && request->is_complete)
		request->reply_window = be32toh(ack->rmpp.paylen_newwin);
}

static void receive_ack(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const struct rmpp_mad *ack,
			uint64_t now_ns)
{
	if (ack->rmpp.status) {
		refuse(rmpp, from, ack, HF_RMPP_STATUS_BAD_STATUS);
		return;
	}
	if ((int32_t)be32toh(ack->rmpp.paylen_newwin) < (int32_t)be32toh(ack->rmpp.seg_num)) {
		refuse(rmpp, from, ack, HF_RMPP_STATUS_W2S);
		return;
	}
	struct outgoing *out = find_outgoing(rmpp, from, ack);

	if (out)
		receive_ack_of(rmpp, out, from, ack, now_ns);
	else if (!ack->rmpp.seg_num)
		grant_reply_window(rmpp, from, ack);
}

static void receive_end(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const struct rmpp_mad *mad, bool legal)
{
	if (legal)
		fail_outgoing(rmpp, from, mad);
	else
		refuse(rmpp, from, mad, HF_RMPP_STATUS_BAD_STATUS);
}

static void receive_rmpp(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const struct rmpp_mad *mad,
			 uint64_t now_ns)
{
	uint8_t status = mad->rmpp.status;

	if (mad->rmpp.version != RMPP_VERSION) {
		refuse(rmpp, from, mad, HF_RMPP_STATUS_UNV);
		return;
	}
	switch (mad->rmpp.type) {
	case TYPE_DATA:
		receive_data(rmpp, from, mad, now_ns);
		break;
	case TYPE_ACK:
		receive_ack(rmpp, from, mad, now_ns);
		break;
	case TYPE_STOP:
		receive_end(rmpp, from, mad, status == HF_RMPP_STATUS_RESX);
		break;
	case TYPE_ABORT:
		receive_end(rmpp, from, mad, status >= HF_RMPP_STATUS_T2L && status <= HF_RMPP_STATUS_UNSPEC);
		break;
	default:
		refuse(rmpp, from, mad, HF_RMPP_STATUS_BADT);
		break;
	}
}

int hf_rmpp_receive(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const uint8_t mad[HF_MAD_SIZE],
		    uint64_t now_ns)
{
	const struct rmpp_mad *m = (const struct rmpp_mad *)mad;

	if (hf_rmpp_is_active(mad, HF_MAD_SIZE)) {
		receive_rmpp(rmpp, from, m, now_ns);
		return 0;
	}
	if (!find_request(rmpp, from, m))
		return 1;
	deliver(rmpp, from, mad, HF_MAD_SIZE);
	return 0;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t hf_rmpp_deadline_ns(const struct hf_rmpp *rmpp)
{
	const struct outgoing *out = TAILQ_FIRST(&rmpp->timers);
	const struct incoming *active = TAILQ_FIRST(&rmpp->active);
	const struct incoming *complete = TAILQ_FIRST(&rmpp->complete);
	uint64_t deadline_ns = out ? out->deadline_ns : UINT64_MAX;

	if (active)
		deadline_ns = min_u64(deadline_ns, active->deadline_ns);
	if (complete)
		deadline_ns = min_u64(deadline_ns, complete->deadline_ns);
	return deadline_ns;
}

static void expire_queue(struct hf_rmpp *rmpp, struct incoming_queue *queue, uint64_t now_ns)
{
	struct incoming *in;

	while ((in = TAILQ_FIRST(queue)) && in->deadline_ns <= now_ns)
		expire_incoming(rmpp, in);
}

void hf_rmpp_expire(struct hf_rmpp *rmpp, uint64_t now_ns)
{
	struct outgoing *out;

	while ((out = TAILQ_FIRST(&rmpp->timers)) && out->deadline_ns <= now_ns)
		expire_outgoing(rmpp, out, now_ns);
	expire_queue(rmpp, &rmpp->active, now_ns);
	expire_queue(rmpp, &rmpp->complete, now_ns);
}

/* An engine's life */

static size_t or_default(size_t value, size_t preset)
{
	return value ? value : preset;
}

int hf_rmpp_new(const struct hf_rmpp_ops *ops, void *ctx, const struct hf_rmpp_config *config,
		struct hf_rmpp **ret_rmpp)
{
	static const struct hf_rmpp_config defaults;

	if (!config)
		config = &defaults;
	if (!ops->send || !ops->deliver || !ops->sent || config->window > UINT16_MAX || config->max_bytes > INT32_MAX)
		return -EINVAL;
	struct hf_rmpp *rmpp = calloc(1, sizeof(*rmpp));

	if (!rmpp)
		return -ENOMEM;
	rmpp->ops = *ops;
	rmpp->ctx = ctx;
	rmpp->window = or_default(config->window, 64);
	rmpp->ack_timeout_ns = or_default(config->ack_timeout_ms, 2000) * NS_PER_MS;
	rmpp->receive_timeout_ns = or_default(config->receive_timeout_ms, 40000) * NS_PER_MS;
	rmpp->linger_ns = or_default(config->linger_ms, 10000) * NS_PER_MS;
	rmpp->max_bytes = or_default(config->max_bytes, 256 << 20);
	rmpp->max_transfers = or_default(config->max_transfers, 65536);
	TAILQ_INIT(&rmpp->timers);
	TAILQ_INIT(&rmpp->active);
	TAILQ_INIT(&rmpp->complete);
	*ret_rmpp = rmpp;
	return 0;
}

static void forget_queue(struct hf_rmpp *rmpp, struct incoming_queue *queue)
{
	struct incoming *in;

	while ((in = TAILQ_FIRST(queue)))
		forget_incoming(rmpp, in);
}

void hf_rmpp_free(struct hf_rmpp *rmpp)
{
	struct outgoing *out;

	if (!rmpp)
		return;
	while ((out = TAILQ_FIRST(&rmpp->timers)))
		end_outgoing(rmpp, out, -ECANCELED);
	forget_queue(rmpp, &rmpp->active);
	forget_queue(rmpp, &rmpp->complete);
	free(rmpp);
}
