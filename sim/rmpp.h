/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * RMPP, the reliable multi-packet protocol that carries MADs longer than 256 bytes (IBA volume 1, 13.6), as the
 * Linux MAD layer does it for agents that registered with an RMPP version.
 *
 * The engine does no I/O, starts no thread and reads no clock: the caller hands it MADs and the time (any monotonic
 * clock, in ns; never backwards), and it calls back. One engine serves one MAD agent. An engine is not locked: calls
 * to the same engine must not overlap. Callbacks run inside the call that causes them and must not call the engine
 * that called them.
 *
 * What Linux does and this engine with it:
 *  - a sender starts with a window of one segment (an answer to an RMPP request: the window its requester granted),
 *    sends up to the window edge, and goes back to the last acknowledged segment when the timer fires;
 *  - its timer is the caller's timeout, at most ack_timeout_ms, and ack_timeout_ms where there is none. It runs from
 *    the last segment sent. Each acknowledged segment gives all retries back;
 *  - a receiver acknowledges at the window edge, at the end, and whatever it acknowledged before; it gives up
 *    receive_timeout_ms after the first segment, progress or not, and remembers a finished transfer for linger_ms;
 *  - ABORT and STOP end what is sent, never what is received.
 * Where Linux runs into an accident the engine does what was meant there: a timeout of at most 2 s is used for every
 * window (Linux loses it after the first), and of several requests with its TID a response takes the window of the last
 * (Linux: of the first that it remembers). A MAD of a class without RMPP is not taken for RMPP.
 */
#ifndef HF_SIM_RMPP_H
#define HF_SIM_RMPP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire.h"

/* Whom a MAD goes to or comes from. Transfers are told apart by lid and qpn; the rest is handed back as it came. */
struct hf_rmpp_addr {
	uint32_t lid;
	uint32_t qpn;
	uint16_t pkey_index;
	uint8_t sl;
	uint8_t path_bits;
};

/**
 * struct hf_rmpp_ops - what an engine calls
 * @send:    one MAD for the wire. Must not block; @mad is borrowed. A failure (negative errno) counts as a lost MAD.
 *           One call of the engine may send as many MADs as the window of the peer allows.
 * @deliver: a whole MAD arrived. Common, RMPP and class header once, as the first segment had them, then all data.
 *           @mad is borrowed; @len is at least 36 and, from a lying peer, may be shorter than the class header. A
 *           response whose request this engine does not hold is delivered too: matching it with a plain request, and
 *           dropping it where there is none, is up to the caller.
 * @sent:    a transfer of hf_rmpp_send() ended, called once for each: 0 (all acknowledged and, where a timeout was
 *           given, the response delivered), -ETIMEDOUT (retries used up, or no response), -EREMOTEIO (the peer sent
 *           STOP or ABORT, or broke the protocol), -ECANCELED.
 */
struct hf_rmpp_ops {
	int (*send)(void *ctx, const struct hf_rmpp_addr *to, const uint8_t mad[HF_MAD_SIZE]);
	void (*deliver)(void *ctx, const struct hf_rmpp_addr *from, const uint8_t *mad, size_t len);
	void (*sent)(void *ctx, uint64_t cookie, int status);
};

/**
 * struct hf_rmpp_config - limits and timers; a field of 0 means its default
 * @window:             segments granted to a sender beyond the last acknowledged one; default 64
 * @ack_timeout_ms:     upper limit of the sender's timer; default 2000
 * @receive_timeout_ms: from the first segment until a receiver aborts with T2L; default 40000
 * @linger_ms:          how long a received transfer is remembered; default 10000
 * @max_bytes:          longest MAD that is put together; default 256 MiB. Beyond it, and where memory is short, the
 *                      sender gets STOP with RESX and the transfer is forgotten
 * @max_transfers:      incoming transfers, remembered ones included; default 65536. Beyond it the oldest remembered
 *                      one is forgotten or, where all are unfinished, a new one is not begun
 */
struct hf_rmpp_config {
	uint32_t window;
	uint32_t ack_timeout_ms;
	uint32_t receive_timeout_ms;
	uint32_t linger_ms;
	size_t max_bytes;
	size_t max_transfers;
};

/* RMPPStatus: STOP carries RESX, ABORT one of the others. */
enum hf_rmpp_status {
	HF_RMPP_STATUS_RESX = 1,         /* resources exhausted (STOP) */
	HF_RMPP_STATUS_T2L = 118,        /* total time too long */
	HF_RMPP_STATUS_BAD_LEN = 119,    /* inconsistent last and payload length */
	HF_RMPP_STATUS_BAD_SEG = 120,    /* inconsistent first and segment number */
	HF_RMPP_STATUS_BADT = 121,       /* bad RMPP type */
	HF_RMPP_STATUS_W2S = 122,        /* new window last too small */
	HF_RMPP_STATUS_S2B = 123,        /* segment number too big */
	HF_RMPP_STATUS_BAD_STATUS = 124, /* illegal status */
	HF_RMPP_STATUS_UNV = 125,        /* unsupported version */
	HF_RMPP_STATUS_TMR = 126,        /* too many retries */
	HF_RMPP_STATUS_UNSPEC = 127,     /* unspecified */
};

struct hf_rmpp;

/**
 * hf_rmpp_data_offset() - where the data of a MAD begins, after the headers that each segment repeats
 * @mgmt_class: management class
 *
 * Return: 56 (SA), 64 (device management, device administration, BIS), 40 (vendor 0x30-0x4f); 0 for a class that has
 * no RMPP.
 */
size_t hf_rmpp_data_offset(uint8_t mgmt_class);

/**
 * hf_rmpp_is_active() - does a MAD go through RMPP?
 * @mad: the MAD, beginning with the common header; borrowed
 * @len: bytes at @mad, any
 *
 * Return: true if the class has RMPP and the Active flag is set.
 */
bool hf_rmpp_is_active(const uint8_t *mad, size_t len);

/**
 * hf_rmpp_new() - make the engine of one MAD agent
 * @ops:      copied; all three must be set
 * @ctx:      handed to each callback
 * @config:   copied; NULL for all defaults
 * @ret_rmpp: the engine; free it with hf_rmpp_free()
 *
 * Return: 0; -EINVAL if @ops misses a function, window is above 65535 or max_bytes above 2^31 - 1; -ENOMEM.
 */
int hf_rmpp_new(const struct hf_rmpp_ops *ops, void *ctx, const struct hf_rmpp_config *config,
		struct hf_rmpp **ret_rmpp);

/**
 * hf_rmpp_free() - end an engine
 * @rmpp: the engine or NULL
 *
 * Transfers that are still sent end with -ECANCELED first (the sent callback runs, in no set order); nothing goes to
 * the wire.
 */
void hf_rmpp_free(struct hf_rmpp *rmpp);

/**
 * hf_rmpp_send() - send a MAD of any length
 * @rmpp:       engine
 * @to:         destination; copied
 * @mad:        common, RMPP and class header, then data; copied. The engine writes the whole RMPP header itself: what
 *              stands there is ignored
 * @len:        bytes at @mad, headers included
 * @timeout_ms: 0 if no response is expected, and the last ACK ends the transfer. Otherwise the response must arrive
 *              within this time after the last ACK (that wait is not repeated), and ACKs are waited for this long too,
 *              but at most ack_timeout_ms
 * @retries:    how often the timer may fire without progress before the transfer fails
 * @cookie:     handed to the sent callback
 * @now_ns:     the time
 *
 * Requests are told apart by TID and class, responses by destination LID too.
 *
 * Context: calls send. Cost: O(segments in the window).
 * Return: 0, and sent will be called; otherwise it will not: -EINVAL if the class has no RMPP, or @len is shorter than
 * its headers or its payload longer than 2^31 - 1; -EEXIST if such a transfer is under way; -ENOMEM.
 */
int hf_rmpp_send(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *to, const uint8_t *mad, size_t len,
		 uint32_t timeout_ms, uint32_t retries, uint64_t cookie, uint64_t now_ns);

/**
 * hf_rmpp_receive() - hand over a MAD from the wire
 * @rmpp:   engine
 * @from:   source; copied
 * @mad:    the MAD; borrowed, no byte of it is trusted
 * @now_ns: the time
 *
 * Timers of plain requests stay with the caller: neither segments nor ACKs of a response extend them.
 *
 * Context: calls send, deliver and sent. Cost: O(1) a segment, and O(segments in the window) for an ACK.
 * Return: 0 if the engine took it: RMPP, or the plain response to a request that it sent (that response is delivered).
 * 1 if it is for the caller: not RMPP-active and no response to a request of this engine.
 */
int hf_rmpp_receive(struct hf_rmpp *rmpp, const struct hf_rmpp_addr *from, const uint8_t mad[HF_MAD_SIZE],
		    uint64_t now_ns);

/**
 * hf_rmpp_cancel() - end what is being sent
 * @rmpp:   engine
 * @cookie: as given to hf_rmpp_send(); where several share it, all of them
 *
 * Context: calls sent with -ECANCELED. The peer is not told, as in Linux. Cost: O(transfers being sent).
 * Return: 0; -ENOENT if nothing with that cookie is being sent.
 */
int hf_rmpp_cancel(struct hf_rmpp *rmpp, uint64_t cookie);

/**
 * hf_rmpp_deadline_ns() - when hf_rmpp_expire() has something to do
 * @rmpp: engine
 *
 * Cost: O(1).
 * Return: the time of the next timer, in the caller's clock, maybe in the past; UINT64_MAX if none runs.
 */
uint64_t hf_rmpp_deadline_ns(const struct hf_rmpp *rmpp);

/**
 * hf_rmpp_expire() - run the timers that are due
 * @rmpp:   engine
 * @now_ns: the time
 *
 * A timer fires once @now_ns has reached it; called too early it does nothing.
 *
 * Context: calls send and sent.
 */
void hf_rmpp_expire(struct hf_rmpp *rmpp, uint64_t now_ns);

#endif
