/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The table of the IBA's Modify Queue Pair, written as text and independently of the code: attributes that must come
 * along, then those that may. A pair of states that is not here is no transition. For the tests of the table and of the
 * simulated adapter.
 */
#ifndef HF_TESTS_QP_TABLE_H
#define HF_TESTS_QP_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define QP_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* In the order of enum hf_qp_type and enum hf_qp_state. */
static const char *const qp_types[] = { "RC", "UC", "UD" };
static const char *const qp_states[] = { "RESET", "INIT", "RTR", "RTS", "SQD", "SQE", "ERR" };

static const struct qp_row {
	const char *types, *from, *to, *required, *optional;
} qp_table[] = {
	{ "RC UC UD", "RESET", "RESET", "", "" },
	{ "RC UC UD", "INIT", "RESET", "", "" },
	{ "RC UC UD", "INIT", "ERR", "", "" },
	{ "RC UC UD", "RTR", "RESET", "", "" },
	{ "RC UC UD", "RTR", "ERR", "", "" },
	{ "RC UC UD", "RTS", "RESET", "", "" },
	{ "RC UC UD", "RTS", "ERR", "", "" },
	{ "RC UC UD", "SQD", "RESET", "", "" },
	{ "RC UC UD", "SQD", "ERR", "", "" },
	{ "RC UC UD", "SQE", "RESET", "", "" },
	{ "RC UC UD", "SQE", "ERR", "", "" },
	{ "RC UC UD", "ERR", "RESET", "", "" },
	{ "RC UC UD", "ERR", "ERR", "", "" },
	{ "RC UC UD", "RTS", "SQD", "", "sqd_notify" },
	{ "RC UC", "RESET", "INIT", "pkey_index port access_flags", "" },
	{ "RC UC", "INIT", "INIT", "", "pkey_index port access_flags" },
	{ "UD", "RESET", "INIT", "pkey_index port qkey", "" },
	{ "UD", "INIT", "INIT", "", "pkey_index port qkey" },
	{ "RC", "INIT", "RTR", "av path_mtu dest_qpn rq_psn max_dest_rd_atomic min_rnr_timer",
	  "alt_path access_flags pkey_index" },
	{ "UC", "INIT", "RTR", "av path_mtu dest_qpn rq_psn", "alt_path access_flags pkey_index" },
	{ "UD", "INIT", "RTR", "", "pkey_index qkey" },
	{ "RC", "RTR", "RTS", "timeout retry_cnt rnr_retry sq_psn max_rd_atomic",
	  "cur_state alt_path access_flags min_rnr_timer path_mig_state" },
	{ "UC", "RTR", "RTS", "sq_psn", "cur_state alt_path access_flags path_mig_state" },
	{ "UD", "RTR", "RTS", "sq_psn", "cur_state qkey" },
	{ "RC", "RTS", "RTS", "", "cur_state access_flags alt_path path_mig_state min_rnr_timer" },
	{ "UC", "RTS", "RTS", "", "cur_state access_flags alt_path path_mig_state" },
	{ "UD", "RTS", "RTS", "", "cur_state qkey" },
	{ "RC", "SQD", "RTS", "", "cur_state access_flags alt_path path_mig_state min_rnr_timer" },
	{ "UC", "SQD", "RTS", "", "cur_state access_flags alt_path path_mig_state" },
	{ "UD", "SQD", "RTS", "", "cur_state qkey" },
	{ "RC", "SQD", "SQD", "",
	  "port av timeout retry_cnt rnr_retry max_rd_atomic max_dest_rd_atomic alt_path access_flags pkey_index "
	  "min_rnr_timer path_mig_state" },
	{ "UC", "SQD", "SQD", "", "av alt_path access_flags pkey_index path_mig_state" },
	{ "UD", "SQD", "SQD", "", "pkey_index qkey" },
	{ "RC", "SQE", "RTS", "", "" },
	{ "UC", "SQE", "RTS", "", "cur_state access_flags" },
	{ "UD", "SQE", "RTS", "", "cur_state qkey" },
};

/* By bit number of enum ibv_qp_attr_mask. */
static const char *const qp_attributes[] = {
	"state", "cur_state", "sqd_notify", "access_flags", "pkey_index", "port", "qkey", "av", "path_mtu", "timeout",
	"retry_cnt", "rnr_retry", "rq_psn", "max_rd_atomic", "alt_path", "min_rnr_timer", "sq_psn",
	"max_dest_rd_atomic", "path_mig_state", "cap", "dest_qpn",
};

/* The attributes of a text; bit 31 where one is none. */
static inline uint32_t qp_mask_of(const char *words)
{
	uint32_t mask = 0;
	char copy[256], *save, *word;

	strcpy(copy, words);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		size_t bit = 0;

		while (bit < QP_COUNT(qp_attributes) && strcmp(qp_attributes[bit], word))
			bit++;
		mask |= bit < QP_COUNT(qp_attributes) ? 1u << bit : 1u << 31;
	}
	return mask;
}

/* The row of a transition, or NULL where there is none. */
static inline const struct qp_row *qp_find_row(unsigned int type, unsigned int from, unsigned int to)
{
	for (size_t i = 0; i < QP_COUNT(qp_table); i++)
		if (strstr(qp_table[i].types, qp_types[type]) && !strcmp(qp_table[i].from, qp_states[from]) &&
		    !strcmp(qp_table[i].to, qp_states[to]))
			return &qp_table[i];
	return NULL;
}

#endif
