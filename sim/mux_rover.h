/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The slot of ibsim that goes from node to node. What ibsim ties to the place of the asking client is done from there:
 * control requests about a node, and MADs that ibsim's SMA and PMA answer (they start at the client's node, and a
 * response that would end at another node is thrown away). One thing at a time, in the order of submission.
 */
#ifndef HF_SIM_MUX_ROVER_H
#define HF_SIM_MUX_ROVER_H

#include <event2/event.h>
#include <stdbool.h>

#include "sim/ibsim_proto.h"

enum hf_mux_job_kind {
	HF_MUX_JOB_ASK, /* attach to the node and ask @ctl */
	HF_MUX_JOB_SEND, /* attach to the node and send @mad */
	HF_MUX_JOB_PLAIN, /* ask @ctl wherever the rover is; @ctl.slot is the caller's */
	HF_MUX_JOB_MARK, /* nothing; done when all before it are */
};

/**
 * struct hf_mux_job - something to do
 * @node:  its name (ASK, SEND)
 * @ctl:   request; when done, ibsim's answer
 * @mad:   SEND; its answer comes like any other MAD
 * @done:  called once, unless NULL; @is_ok is false if ibsim refused. Owns nothing of the job. May submit jobs
 * @owner: whose job it is, for @done and hf_mux_rover_forget()
 * @ctx:   for @done
 */
struct hf_mux_job {
	enum hf_mux_job_kind kind;
	char node[HF_IBSIM_NODE_NAME];
	struct hf_ibsim_ctl ctl;
	struct hf_ibsim_mad mad;
	void (*done)(struct hf_mux_job *job, bool is_ok);
	void *owner;
	void *ctx;
	struct hf_mux_job *prev, *next;
};

struct hf_mux_rover_ops {
	void (*received)(void *ctx, struct hf_ibsim_mad *mad);
	void (*lost)(void *ctx); /* ibsim is gone; nothing will be done any more */
};

struct hf_mux_rover;

/**
 * hf_mux_rover_new() - wait for ibsim's control socket and connect to it
 * @base:      event loop
 * @basename:  ibsim's; borrowed
 * @wait_ms:   how long to wait for ibsim to start
 * @ret_rover: free it with hf_mux_rover_free()
 *
 * Return: 0; -ETIMEDOUT if there is no ibsim of this name; -ENAMETOOLONG; -ENOMEM; the negative errno of a socket call.
 */
int hf_mux_rover_new(struct event_base *base, const char *basename, unsigned int wait_ms,
		     const struct hf_mux_rover_ops *ops, void *ctx, struct hf_mux_rover **ret_rover);

/* Gives up the slot. Drops all jobs without calling done(). Takes NULL. */
void hf_mux_rover_free(struct hf_mux_rover *rover);

/**
 * hf_mux_rover_submit() - queue a job
 * @job: copied
 *
 * Return: 0; -EBUSY if too many jobs wait; -ENOMEM. done() is not called on failure, nor within this call.
 */
int hf_mux_rover_submit(struct hf_mux_rover *rover, const struct hf_mux_job *job);

/* Is ibsim still there? If not, lost() is called. For times without jobs, which find that out, too. */
void hf_mux_rover_probe(struct hf_mux_rover *rover);

/**
 * hf_mux_rover_stop() - begin nothing more
 *
 * Waits a moment for the answer that is under way: ibsim ends itself if the socket of a CONNECT is gone when it gets to
 * it. The job that waits for this answer is finished; no other one will be.
 */
void hf_mux_rover_stop(struct hf_mux_rover *rover);

/* Tells ibsim that a slot is free, without waiting for it: for the end of the program. */
void hf_mux_rover_release(struct hf_mux_rover *rover, uint32_t slot);

/* The jobs of @owner are no longer wanted: those not begun are dropped, and done() is not called. */
void hf_mux_rover_forget(struct hf_mux_rover *rover, const void *owner);

/**
 * hf_mux_rover_bind() - a socket that ibsim can connect a slot to
 * @ret_fd: bound to the name that belongs to @ret_id; non-blocking
 * @ret_id: a client id that no one else uses, for CONNECT
 *
 * The id lies above all process ids, which other clients choose.
 *
 * Return: 0; the negative errno of a socket call.
 */
int hf_mux_rover_bind(const struct hf_mux_rover *rover, int *ret_fd, uint32_t *ret_id);

#endif
