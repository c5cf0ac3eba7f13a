/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * One client's requests on their way through ibsim. ibsim handles one datagram of a client at a time: it reads it from
 * the client's socket and writes the answer, if there is one, to the same socket before it reads there again. So a
 * request that concerns struct hf_sma can be held back while ibsim answers two questions of ours that go the same way:
 * Get(NodeInfo) tells which agent it is, Get(PortInfo) whether that port was reset. Nothing is remembered about ways:
 * what they lead to changes. Pure: no I/O.
 */
#ifndef HF_SIM_SMA_EXCHANGE_H
#define HF_SIM_SMA_EXCHANGE_H

#include "sim/ibsim_proto.h"
#include "sim/sma/sma.h"

enum hf_sma_step {
	HF_SMA_IDLE,
	HF_SMA_ASK_NODE,
	HF_SMA_ASK_PORT,
	HF_SMA_REQUEST,
};

struct hf_sma_exchange {
	enum hf_sma_step step;
	bool is_asked;		/* ibsim has the datagram of this step */
	unsigned int tries;	/* of this step's question */
	bool is_known;		/* @agent is filled in as far as the request needs it */
	struct hf_sma_agent agent;
	struct hf_ibsim_mad request;	/* as the client sent it */
};

/* The client is a new one. */
void hf_sma_exchange_init(struct hf_sma_exchange *exchange);

/**
 * hf_sma_exchange_begin() - take a datagram that a client sent
 * @exchange: idle
 * @mad:      copied
 *
 * Return: true if hf_sma_exchange_next() has what ibsim must get now; false if it must get @mad as it is.
 */
bool hf_sma_exchange_begin(struct hf_sma_exchange *exchange, const struct hf_ibsim_mad *mad);

/* Has it a datagram for ibsim, so that the client's socket counts as readable? */
bool hf_sma_exchange_is_readable(const struct hf_sma_exchange *exchange);

/**
 * hf_sma_exchange_next() - what ibsim reads from the client's socket now
 * @sma:      state
 * @exchange: exchange
 * @ret_mad:  datagram
 *
 * What it read before and did not answer it has thrown away.
 *
 * Return: true; false if the exchange is idle: ibsim shall have the client's next datagram.
 */
bool hf_sma_exchange_next(struct hf_sma *sma, struct hf_sma_exchange *exchange, struct hf_ibsim_mad *ret_mad);

/**
 * hf_sma_exchange_written() - a datagram that ibsim writes to the client
 * @sma:      state
 * @exchange: exchange
 * @mad:      may be changed
 *
 * Return: true if it is for the client; false if it answers a question of ours.
 */
bool hf_sma_exchange_written(struct hf_sma *sma, struct hf_sma_exchange *exchange, struct hf_ibsim_mad *mad);

#endif
