/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What the plugin's own thread tells of itself, for others to read at any moment. The thread publishes; nobody else
 * sees its insides.
 */
#ifndef HF_PLUGIN_STATUS_H
#define HF_PLUGIN_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "plugin/distinguisher.h"
#include "plugin/snapshot.h"

enum hf_waiting {
	HF_WAITING_NOTHING,
	HF_WAITING_WRITTEN,	/* not all switches have accepted the tables */
	HF_WAITING_SUBNET_UP,
	HF_WAITINGS,
};

struct hf_status_routing {
	uint64_t epoch;			/* 0: there was none */
	uint64_t instance;
	char engine[32], wanted_engine[32];
	uint64_t copy_us, lock_us;	/* OpenSM was held up, and its lock in one piece */
	uint64_t resolve_us;
	uint64_t subscribers;
};

/* The routing that was announced last. */
struct hf_status_announced {
	uint64_t epoch;			/* 0: there is none */
	uint64_t ports, switches;
	uint64_t rows, columns, entries, bytes;
};

struct hf_status_comparison {
	uint64_t epoch;			/* 0: there was none */
	uint64_t counts[HF_CHANGE_KINDS];
	uint64_t compare_us;
};

struct hf_status_counters {
	uint64_t routings, announcements;
	uint64_t reports_sent, reports_acked, reports_failed;
};

struct hf_status {
	bool is_master;			/* when OpenSM last reported anything of it */
	struct hf_status_routing routing;
	bool is_fallback;
	uint64_t fallback_epoch;	/* of the first routing by another engine than the wanted one */
	uint64_t fallback_ns;		/* and when it was, CLOCK_MONOTONIC */
	uint64_t waiting_epoch;
	enum hf_waiting waiting;
	struct hf_status_announced announced;
	struct hf_status_comparison comparison;
	struct hf_status_counters counters;
};

struct hf_status_board;

/* Return: the board, to be freed with hf_status_board_free(); NULL without memory. */
struct hf_status_board *hf_status_board_new(void);

/* @board may be NULL. Nobody uses it any more. */
void hf_status_board_free(struct hf_status_board *board);

/**
 * hf_status_publish() - replace what others see
 * @board:     the board
 * @status:    copied
 * @announced: the snapshot of the routing that was announced last, NULL for none; the board becomes another owner
 *
 * Context: any thread; nobody holds the lock longer than copying a struct takes.
 */
void hf_status_publish(struct hf_status_board *board, const struct hf_status *status, struct hf_snapshot *announced);

/* Context: any thread. */
void hf_status_read(struct hf_status_board *board, struct hf_status *ret_status);

/* The announced snapshot, to be given up with hf_snapshot_free(); NULL where there is none. Context: any thread. */
struct hf_snapshot *hf_status_share_snapshot(struct hf_status_board *board);

#endif
