/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The invariant of Holdfast: for each subscribed host and each destination, what the host holds equals what the SA
 * would answer. Pure: what stock saquery printed and what hosts said can be judged again.
 */
#ifndef HF_TOOLS_HFSIM_STALE_H
#define HF_TOOLS_HFSIM_STALE_H

#include <jansson.h>
#include <stdio.h>

#include "sim/topology.h"
#include "tools/hfsim_pathset.h"

/**
 * hf_stale_read_saquery() - take the records out of what "saquery -p" printed
 * @in:  read to its end
 * @set: added to; to be finished by the caller
 *
 * Return: 0; -EPROTO where a record is not complete or its values are no numbers; -ENOMEM.
 */
int hf_stale_read_saquery(FILE *in, struct hf_path_set *set);

/**
 * hf_stale_add_held() - take the paths of one holdfastd
 * @status: its answer to {"get":"status"}: which port has which GID
 * @paths:  its answer to {"get":"paths"}
 * @held:   gets those that are reachable; to be finished by the caller
 *
 * Return: 0; -EPROTO where an answer is not as documented in holdfastd(8); -ENOMEM.
 */
int hf_stale_add_held(const json_t *status, const json_t *paths, struct hf_path_set *held);

/**
 * hf_stale_judge() - find the paths that hosts hold otherwise than the SA answers
 * @topology:  has the nodes' names
 * @guids:     port GUIDs of the hosts that are judged, in any order
 * @n_guids:   their number
 * @said:      what the SA answers; finished. An SL is one of several where it is drawn
 * @held:      what the hosts hold; finished
 * @ret_count: how many (host, destination) differ in SL, MTU, rate, packet life, LIDs or P_Key, or in whether there is
 *             a path
 * @ret_texts: some of them for people, array of strings; json_decref() it
 *
 * Return: 0; -ENOMEM.
 */
int hf_stale_judge(const struct hf_topology *topology, const uint64_t *guids, size_t n_guids,
		   const struct hf_path_set *said, const struct hf_path_set *held, size_t *ret_count,
		   json_t **ret_texts);

#endif
