/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What the nodes of a service and the SM say to each other: MADs of vendor class 0x32, with the OUI field as the IBA
 * has it for vendor classes 0x30 to 0x4f (volume 1, 16.5), and one layout for all messages behind it. Who says what
 * when stands in doc/service-protocol.md.
 *
 * Each message ends with an HMAC-SHA256 of all of it, by the service's key; the MAD's own header is not covered, and
 * nothing is believed because of it. 0x32 is also ibping's class: the OUI keeps them apart. Ours is from the range that
 * IEEE leaves to local use, as Holdfast has none of its own.
 */
#ifndef HF_LIB_SERVICE_WIRE_H
#define HF_LIB_SERVICE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/key.h"
#include "lib/stamp.h"
#include "lib/wire.h"

#define HF_SERVICE_CLASS		0x32
#define HF_SERVICE_CLASS_VERSION	1
#define HF_SERVICE_OUI			0x024846	/* locally administered; 'H', 'F' */
#define HF_SERVICE_VERSION		1		/* of the layout below */
#define HF_SERVICE_MAGIC		"HS"
#define HF_SERVICE_WIRE_NAME_MAX	63		/* without the zero */

enum hf_service_method {
	HF_SERVICE_METHOD_SEND		= 0x03,
	HF_SERVICE_METHOD_SET		= 0x02,
	HF_SERVICE_METHOD_REPORT	= 0x06,
	HF_SERVICE_METHOD_SET_RESP	= 0x81,		/* GetResp answers Set, too */
};

enum hf_service_attr {
	HF_SERVICE_ATTR_HEARTBEAT	= 0x0010,
	HF_SERVICE_ATTR_REQUEST		= 0x0011,	/* and its answer */
	HF_SERVICE_ATTR_BELL		= 0x0012,
};

enum hf_service_kind {
	HF_SERVICE_HEARTBEAT = 1,	/* node to node: Send */
	HF_SERVICE_REQUEST,		/* node to SM: Set */
	HF_SERVICE_ANSWER,		/* SM to node: GetResp */
	HF_SERVICE_BELL,		/* SM to node: Report, without ReportResp: "ask, there is news" */
	HF_SERVICE_KINDS,		/* no kind is 0 */
};

/* What a node asks of the SM. Each request is also a report of the node's own state. */
enum hf_service_ask {
	HF_SERVICE_ASK_STATE,		/* nothing more than what each answer says */
	HF_SERVICE_ASK_FAILED,		/* "subject" misses its heartbeats: take the service over */
	HF_SERVICE_ASK_RECOVERED,	/* "subject" is back */
	HF_SERVICE_ASKS,
};

/* What the SM orders a node to do before or after a failback. */
enum hf_service_order {
	HF_SERVICE_ORDER_NONE,
	HF_SERVICE_ORDER_GIVE,		/* the owner: make the state ready for "subject" */
	HF_SERVICE_ORDER_TAKE,		/* the one who gets the service: take the state from "subject" */
	HF_SERVICE_ORDER_DRAIN,		/* the owner: let the connections end */
	HF_SERVICE_ORDER_RESUME,	/* the failback does not happen: undo "give" or "take" */
	HF_SERVICE_ORDERS,
};

/* How far a node is with an order. */
enum hf_service_progress {
	HF_SERVICE_PROGRESS_NONE,	/* has none */
	HF_SERVICE_PROGRESS_RUNNING,
	HF_SERVICE_PROGRESS_DONE,
	HF_SERVICE_PROGRESS_FAILED,
	HF_SERVICE_PROGRESS_LIMIT,	/* was ended when its time had passed */
	HF_SERVICE_PROGRESSES,
};

/* What an answer says of the request. */
enum hf_service_status {
	HF_SERVICE_OK,			/* taken; a failure was believed, which need not move anything */
	HF_SERVICE_AGAIN,		/* not known to be new: repeat it with this answer's stamp */
	HF_SERVICE_STALE_TERM,		/* the term of the request is over */
	HF_SERVICE_NO_NODE,		/* sender or subject is none of the service's nodes */
	HF_SERVICE_DISABLED,		/* heartbeats do not move this service */
	HF_SERVICE_NOT_READY,		/* this SM is not the master, or has not looked yet */
	HF_SERVICE_SUSPECT,		/* the sender is itself said to have failed, and was so first */
	HF_SERVICE_STATUSES,
};

extern const char *const hf_service_kind_names[HF_SERVICE_KINDS];
extern const char *const hf_service_ask_names[HF_SERVICE_ASKS];
extern const char *const hf_service_order_names[HF_SERVICE_ORDERS];	/* as the hook program gets them */
extern const char *const hf_service_progress_names[HF_SERVICE_PROGRESSES];
extern const char *const hf_service_status_names[HF_SERVICE_STATUSES];

#define HF_SERVICE_CONNECTIONS_UNKNOWN	UINT32_MAX

/* On the wire */

struct hf_service_wire_heartbeat {
	__be32 interval_ms;	/* of the sender, for diagnosis */
	__be32 count;
	uint8_t reserved[16];
} __attribute__((packed));

struct hf_service_wire_request {
	uint8_t ask;		/* enum hf_service_ask */
	uint8_t progress;	/* enum hf_service_progress, of order_id */
	__be16 exit_status;	/* of the hook: its exit status, or 256 and the signal that ended it */
	__be32 order_id;	/* the last order that came; 0: none */
	__be32 connections;	/* of the service that this node still has; HF_SERVICE_CONNECTIONS_UNKNOWN */
	__be32 reserved;
	__be64 subject;		/* a port GUID; 0 with HF_SERVICE_ASK_STATE */
} __attribute__((packed));

struct hf_service_wire_answer {
	uint8_t status;		/* enum hf_service_status */
	uint8_t order;		/* enum hf_service_order: the one that is in force for this node */
	__be16 count;		/* as the SM's services file has it; 0: no heartbeats */
	__be32 order_id;	/* another one for each order; 0 with HF_SERVICE_ORDER_NONE */
	__be32 limit_ms;	/* for the order */
	__be32 interval_ms;	/* as count */
	__be64 subject;		/* of the order: the port GUID of the other node */
} __attribute__((packed));

/* Behind the OUI: all 216 bytes of vendor data. */
struct hf_service_wire {
	uint8_t magic[2];	/* HF_SERVICE_MAGIC */
	uint8_t version;	/* HF_SERVICE_VERSION */
	uint8_t kind;		/* enum hf_service_kind */
	__be32 reserved1;
	char service[HF_SERVICE_WIRE_NAME_MAX + 1];	/* its name, then zeros to the end */
	__be64 from;		/* port GUID; 0: the SM */
	__be64 to;		/* likewise */
	__be64 instance;	/* the sender's, from 1: drawn at each start of it */
	__be64 stamp;		/* more than any before of that instance */
	__be64 echo_instance;	/* the receiver's, as the sender had it last; 0: not yet */
	__be64 echo_stamp;
	__be64 term;		/* the last that the sender knows; 0: none */
	__be64 owner;		/* in it: port GUID; 0: nobody */
	union {
		struct hf_service_wire_heartbeat heartbeat;
		struct hf_service_wire_request request;
		struct hf_service_wire_answer answer;
		uint8_t raw[24];
	} body;			/* zeros for a bell */
	uint8_t reserved2[24];
	uint8_t mac[HF_MAC_SIZE];	/* HMAC-SHA256 of all before it */
} __attribute__((packed));

struct hf_service_mad {
	struct hf_mad_hdr hdr;
	struct hf_rmpp_hdr rmpp;	/* zeros */
	uint8_t reserved;
	uint8_t oui[3];
	struct hf_service_wire msg;
} __attribute__((packed));

HF_CHECK_SIZE(struct hf_service_wire_heartbeat, 24);
HF_CHECK_SIZE(struct hf_service_wire_request, 24);
HF_CHECK_SIZE(struct hf_service_wire_answer, 24);
HF_CHECK_AT(struct hf_service_wire_request, order_id, 4);
HF_CHECK_AT(struct hf_service_wire_request, subject, 16);
HF_CHECK_AT(struct hf_service_wire_answer, limit_ms, 8);
HF_CHECK_AT(struct hf_service_wire_answer, subject, 16);
HF_CHECK_AT(struct hf_service_wire, service, 8);
HF_CHECK_AT(struct hf_service_wire, from, 72);
HF_CHECK_AT(struct hf_service_wire, instance, 88);
HF_CHECK_AT(struct hf_service_wire, term, 120);
HF_CHECK_AT(struct hf_service_wire, body, 136);
HF_CHECK_AT(struct hf_service_wire, mac, 184);
HF_CHECK_SIZE(struct hf_service_wire, 216);
HF_CHECK_AT(struct hf_service_mad, oui, 37);
HF_CHECK_AT(struct hf_service_mad, msg, 40);
HF_CHECK_SIZE(struct hf_service_mad, HF_MAD_SIZE);

/* In the program: host order */

struct hf_service_heartbeat {
	uint32_t interval_ms, count;
};

struct hf_service_request {
	enum hf_service_ask ask;
	enum hf_service_progress progress;
	uint16_t exit_status;
	uint32_t order_id, connections;
	uint64_t subject;
};

struct hf_service_answer {
	enum hf_service_status status;
	enum hf_service_order order;
	uint32_t order_id, limit_ms;
	uint64_t subject;
	uint32_t interval_ms;
	uint16_t count;
};

struct hf_service_msg {
	enum hf_service_kind kind;
	char service[HF_SERVICE_WIRE_NAME_MAX + 1];
	uint64_t from, to;
	struct hf_stamp stamp, echo;
	uint64_t term, owner;
	union {
		struct hf_service_heartbeat heartbeat;
		struct hf_service_request request;
		struct hf_service_answer answer;
	};
};

/**
 * hf_service_wire_write() - make a MAD of a message
 * @msg:     the message
 * @key:     of its service
 * @tid:     transaction id, host order; ib_umad overwrites the upper 32 bits of requests
 * @ret_mad: all of it is set
 */
void hf_service_wire_write(const struct hf_service_msg *msg, const struct hf_key *key, uint64_t tid,
			   struct hf_service_mad *ret_mad);

/**
 * hf_service_wire_read() - read what a MAD says, true or not
 * @mad:     as it was received
 * @len:     its length
 * @ret_msg: to be believed only after hf_service_wire_is_authentic(), for whose key one needs the service's name
 *
 * Reserved bytes may have any value: a later version may use them.
 *
 * Return: 0; -EBADMSG for what is no such message: class, method, attribute, OUI, magic, kind, name, a value that is
 * not defined; -EPROTONOSUPPORT for another version of the layout.
 */
int hf_service_wire_read(const void *mad, size_t len, struct hf_service_msg *ret_msg);

/* Was it made by who has the key? @mad: of HF_MAD_SIZE bytes. Takes the same time whatever the difference is. */
bool hf_service_wire_is_authentic(const void *mad, const struct hf_key *key);

/* The transaction id, host order; the lower half alone is the program's own. */
uint64_t hf_service_wire_tid(const void *mad);

/* Whether a name can be a service's: 1 to 63 letters, digits, _ . and -. */
bool hf_service_name_is_valid(const char *name);

#endif
