/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/sa_paths.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>

#include "lib/trace.h"
#include "lib/wire.h"

#define QPN_GSI		1
#define QKEY_GSI	0x80010000
#define SLACK_MS	500	/* the adapter's own timeout comes first, and is the better message */

static int wait_for_answer(struct hf_umad *umad, int timeout_ms, struct hf_umad_received *ret_received)
{
	struct pollfd poll_fd = { .fd = hf_umad_fd(umad), .events = POLLIN };
	uint64_t deadline_ns = hf_now_ns() + (uint64_t)timeout_ms * 1000000;

	for (;;) {
		int err = hf_umad_recv(umad, ret_received);
		uint64_t now_ns = hf_now_ns();

		if (err != -EAGAIN)
			return err;
		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		if (poll(&poll_fd, 1, (deadline_ns - now_ns) / 1000000 + 1) < 0 && errno != EINTR)
			return -errno;
	}
}

static int find_records(const struct hf_umad_received *answer, struct hf_sa_table *ret_records)
{
	const struct hf_sa_mad *mad = (const struct hf_sa_mad *)answer->mad;

	if (answer->status)
		return answer->status;
	if (answer->len < offsetof(struct hf_sa_mad, data) || mad->hdr.method != HF_METHOD_GET_TABLE_RESP ||
	    mad->hdr.status != 0)
		return -EPROTO;
	return hf_sa_table_parse(answer->mad, answer->len, sizeof(struct hf_path_record), ret_records);
}

int hf_sa_paths_query(struct hf_umad *umad, int agent, const struct hf_umad_port *port, uint32_t tid, int timeout_ms,
		      struct hf_sa_paths *ret_paths)
{
	const struct hf_mad_addr sa = {
		.lid = port->sm_lid, .qpn = QPN_GSI, .qkey = QKEY_GSI, .sl = port->sm_sl,
	};
	struct hf_umad_received answer;
	struct hf_sa_paths paths;
	struct hf_sa_mad query;
	int err;

	/* No component counts: all pairs. */
	hf_sa_mad_init(&query, HF_METHOD_GET_TABLE, HF_ATTR_PATH_RECORD, tid);
	err = hf_umad_send(umad, agent, &sa, &query, sizeof(query), timeout_ms, 0);
	if (!err)
		err = wait_for_answer(umad, timeout_ms + SLACK_MS, &answer);
	if (err)
		return err;
	paths.answer = answer.mad;
	err = find_records(&answer, &paths.records);
	if (err)
		hf_sa_paths_fini(&paths);
	else
		*ret_paths = paths;
	return err;
}

void hf_sa_paths_fini(struct hf_sa_paths *paths)
{
	free(paths->answer);
	paths->answer = NULL;
}
