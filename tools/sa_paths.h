/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* All path records that the SA knows, by one query. */
#ifndef HF_TOOLS_SA_PATHS_H
#define HF_TOOLS_SA_PATHS_H

#include <stdint.h>

#include "lib/sa_table.h"
#include "lib/umad_io.h"

struct hf_sa_paths {
	uint8_t *answer;		/* of the SA, or NULL */
	struct hf_sa_table records;	/* in it; struct hf_path_record */
};

/**
 * hf_sa_paths_query() - ask for the path records of all pairs of ports
 * @umad:       the port to ask through
 * @agent:      of hf_umad_register_sa(), with no other query on its way
 * @port:       as hf_umad_read_port() read it
 * @tid:        another one in each query: the receiver takes an answer with the last one's for a repetition
 * @timeout_ms: of the answer with its whole transfer
 * @ret_paths:  to be given to hf_sa_paths_fini()
 *
 * Return: 0; -ETIMEDOUT; -EPROTO, -EBADMSG where the answer is no table; another negative errno.
 */
int hf_sa_paths_query(struct hf_umad *umad, int agent, const struct hf_umad_port *port, uint32_t tid, int timeout_ms,
		      struct hf_sa_paths *ret_paths);

void hf_sa_paths_fini(struct hf_sa_paths *paths);

#endif
