/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/status.h"

#include <pthread.h>
#include <stdlib.h>

struct hf_status_board {
	pthread_mutex_t lock;		/* guards all below; a leaf: nothing is locked under it */
	struct hf_status status;
	struct hf_snapshot *announced;
};

struct hf_status_board *hf_status_board_new(void)
{
	struct hf_status_board *board = calloc(1, sizeof(*board));

	if (board && pthread_mutex_init(&board->lock, NULL)) {
		free(board);
		board = NULL;
	}
	return board;
}

void hf_status_board_free(struct hf_status_board *board)
{
	if (!board)
		return;
	hf_snapshot_free(board->announced);
	pthread_mutex_destroy(&board->lock);
	free(board);
}

void hf_status_publish(struct hf_status_board *board, const struct hf_status *status, struct hf_snapshot *announced)
{
	struct hf_snapshot *old = NULL;

	pthread_mutex_lock(&board->lock);
	board->status = *status;
	if (board->announced != announced) {
		old = board->announced;
		board->announced = announced ? hf_snapshot_share(announced) : NULL;
	}
	pthread_mutex_unlock(&board->lock);
	hf_snapshot_free(old);
}

void hf_status_read(struct hf_status_board *board, struct hf_status *ret_status)
{
	pthread_mutex_lock(&board->lock);
	*ret_status = board->status;
	pthread_mutex_unlock(&board->lock);
}

struct hf_snapshot *hf_status_share_snapshot(struct hf_status_board *board)
{
	struct hf_snapshot *snapshot;

	pthread_mutex_lock(&board->lock);
	snapshot = board->announced ? hf_snapshot_share(board->announced) : NULL;
	pthread_mutex_unlock(&board->lock);
	return snapshot;
}
