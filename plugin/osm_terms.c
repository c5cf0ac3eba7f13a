/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Which partition and which level of the QoS policy a path gets. Both depend on the P_Key tables of its ends and on the
 * groups of the policy they are in, so ports that are equal in these make one class, and OpenSM itself is asked once
 * for each pair of classes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hash.h"
#include "plugin/osm.h"

/* It declares functions without prototypes. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <opensm/osm_qos_policy.h>
#pragma GCC diagnostic pop

#define MAX_CLASSES	65536

struct class_node {
	size_t length;
	uint8_t *key;		/* P_Keys, then the match rules' groups */
	uint32_t index;
	const osm_physp_t *physp;	/* of one of its ports */
	bool not_added;
	UT_hash_handle hh;
};

struct terms_node {
	struct hf_terms terms;
	uint32_t index;
	bool not_added;
	UT_hash_handle hh;
};

struct job {
	const osm_subn_t *subn;
	struct hf_osm_lock *lock;
	struct hf_tables *tables;
	const osm_qos_policy_t *policy;	/* NULL for none */
	struct class_node *class_hash;
	const osm_physp_t **physps;	/* by class */
	struct terms_node *terms_hash;
};

/* Classes */

static bool is_in_groups(const osm_physp_t *physp, const cl_list_t *groups)
{
	uint64_t guid = cl_ntoh64(osm_physp_get_port_guid(physp));

	for (cl_list_iterator_t i = cl_list_head(groups); i != cl_list_end(groups); i = cl_list_next(i)) {
		const osm_qos_port_group_t *group = cl_list_obj(i);

		if (!group)
			continue;
		if (group->node_types & 1U << osm_node_get_type(physp->p_node))
			return true;
		if (cl_qmap_get(&group->port_map, guid) != cl_qmap_end(&group->port_map))
			return true;
	}
	return false;
}

static size_t count_rules(const osm_qos_policy_t *policy)
{
	return policy ? cl_list_count(&policy->qos_match_rules) : 0;
}

static uint8_t *put_rules(const osm_qos_policy_t *policy, const osm_physp_t *physp, uint8_t *to)
{
	const cl_list_t *rules = &policy->qos_match_rules;

	for (cl_list_iterator_t i = cl_list_head(rules); i != cl_list_end(rules); i = cl_list_next(i)) {
		const osm_qos_match_rule_t *rule = cl_list_obj(i);

		*to++ = !rule ? 0 : is_in_groups(physp, &rule->source_group_list) |
				    is_in_groups(physp, &rule->destination_group_list) << 1;
	}
	return to;
}

static int make_key(const struct job *job, const osm_physp_t *physp, uint8_t **ret_key, size_t *ret_length)
{
	const cl_map_t *pkeys = &physp->pkeys.keys;
	uint8_t *key = malloc(cl_map_count(pkeys) * sizeof(ib_net16_t) + count_rules(job->policy) + 1);
	uint8_t *to = key;

	if (!key)
		return -ENOMEM;
	for (cl_map_iterator_t i = cl_map_head(pkeys); i != cl_map_end(pkeys); i = cl_map_next(i)) {
		memcpy(to, cl_map_obj(i), sizeof(ib_net16_t));
		to += sizeof(ib_net16_t);
	}
	if (job->policy)
		to = put_rules(job->policy, physp, to);
	*ret_key = key;
	*ret_length = to - key;
	return 0;
}

static int find_or_add_class(struct job *job, const osm_physp_t *physp, uint16_t *ret_class)
{
	struct class_node *node;
	size_t length;
	uint8_t *key;
	int err = make_key(job, physp, &key, &length);

	if (err)
		return err;
	HASH_FIND(hh, job->class_hash, key, length, node);
	if (node) {
		free(key);
		*ret_class = node->index;
		return 0;
	}
	node = calloc(1, sizeof(*node));
	if (!node || HASH_COUNT(job->class_hash) == MAX_CLASSES) {
		free(node);
		free(key);
		return -ENOMEM;
	}
	node->length = length;
	node->key = key;
	node->index = HASH_COUNT(job->class_hash);
	node->physp = physp;
	HASH_ADD_KEYPTR(hh, job->class_hash, node->key, node->length, node);
	if (node->not_added) {
		free(node);
		free(key);
		return -ENOMEM;
	}
	*ret_class = node->index;
	return 0;
}

static int find_classes(struct job *job, const osm_port_t *const *ports)
{
	struct class_node *node, *next;
	int err = 0;

	for (uint32_t i = 0; !err && i < job->tables->n_ports; i++) {
		if (!ports[i])
			continue;
		err = find_or_add_class(job, ports[i]->p_physp, &job->tables->ports[i].terms_class);
		hf_osm_breathe(job->lock);
	}
	if (err)
		return err;
	job->physps = calloc(HASH_COUNT(job->class_hash) + (size_t)1, sizeof(*job->physps));
	if (!job->physps)
		return -ENOMEM;
	HASH_ITER(hh, job->class_hash, node, next)
		job->physps[node->index] = node->physp;
	return 0;
}

/* Terms */

static uint8_t partition_sl(const osm_subn_t *subn, uint16_t pkey)
{
	const cl_map_item_t *item = cl_qmap_get(&subn->prtn_pkey_tbl, cl_hton16(pkey & 0x7fff));

	return item == cl_qmap_end(&subn->prtn_pkey_tbl) ? OSM_DEFAULT_SL : ((const osm_prtn_t *)item)->sl;
}

static const osm_qos_level_t *find_level(const struct job *job, const osm_physp_t *src, const osm_physp_t *dst)
{
	const ib_path_rec_t any = { 0 };

	return job->policy ? osm_qos_policy_get_qos_level_by_pr(job->policy, &any, src, dst, 0) : NULL;
}

/* As OpenSM puts it together for a query that names nothing but the two ends. */
static void make_terms(const struct job *job, const osm_physp_t *src, const osm_physp_t *dst, struct hf_terms *terms)
{
	const osm_qos_level_t *level = find_level(job, src, dst);
	boolean_t both = job->subn->opt.allow_both_pkeys;
	uint16_t pkey = cl_ntoh16(level && level->pkey_range_len ?
				  osm_qos_level_get_shared_pkey(level, src, dst, both) :
				  osm_physp_find_common_pkey(src, dst, both));

	memset(terms, 0, sizeof(*terms));
	terms->pkey = pkey & 0x7fff ? pkey : 0;
	terms->sl = level && level->sl_set ? level->sl : partition_sl(job->subn, pkey);
	terms->mtu_limit = level && level->mtu_limit_set ? level->mtu_limit : 0;
	terms->rate_limit = level && level->rate_limit_set ? level->rate_limit : 0;
	terms->pkt_life = level && level->pkt_life_set ? level->pkt_life : job->subn->opt.subnet_timeout;
	terms->sl &= HF_SL_MASK;
}

static int find_or_add_terms(struct job *job, const struct hf_terms *terms, uint16_t *ret_index)
{
	struct terms_node *node;

	HASH_FIND(hh, job->terms_hash, terms, sizeof(*terms), node);
	if (!node) {
		node = calloc(1, sizeof(*node));
		if (!node || HASH_COUNT(job->terms_hash) == MAX_CLASSES) {
			free(node);
			return -ENOMEM;
		}
		node->terms = *terms;
		node->index = HASH_COUNT(job->terms_hash);
		HASH_ADD(hh, job->terms_hash, terms, sizeof(node->terms), node);
		if (node->not_added) {
			free(node);
			return -ENOMEM;
		}
	}
	*ret_index = node->index;
	return 0;
}

static int fill_index(struct job *job, uint32_t n_classes, uint16_t *terms_index)
{
	for (uint32_t src = 0; src < n_classes; src++)
		for (uint32_t dst = 0; dst < n_classes; dst++) {
			struct hf_terms terms;
			int err;

			make_terms(job, job->physps[src], job->physps[dst], &terms);
			err = find_or_add_terms(job, &terms, &terms_index[(size_t)src * n_classes + dst]);
			if (err)
				return err;
			hf_osm_breathe(job->lock);
		}
	return 0;
}

static int copy_terms(struct job *job)
{
	uint32_t n_classes = HASH_COUNT(job->class_hash);
	size_t size = (size_t)n_classes * n_classes;
	uint16_t *terms_index = calloc(size + 1, sizeof(*terms_index));
	struct terms_node *node, *next;
	int err = -ENOMEM;

	if (!terms_index)
		return err;
	err = fill_index(job, n_classes, terms_index);
	if (!err)
		err = hf_tables_set_terms(job->tables, n_classes, HASH_COUNT(job->terms_hash));
	if (!err) {
		memcpy(job->tables->terms_index, terms_index, size * sizeof(*terms_index));
		HASH_ITER(hh, job->terms_hash, node, next)
			job->tables->terms[node->index] = node->terms;
	}
	free(terms_index);
	return err;
}

static void free_hashes(struct job *job)
{
	struct class_node *class, *next_class;
	struct terms_node *terms, *next_terms;

	HASH_ITER(hh, job->class_hash, class, next_class) {
		HASH_DEL(job->class_hash, class);
		free(class->key);
		free(class);
	}
	HASH_ITER(hh, job->terms_hash, terms, next_terms) {
		HASH_DEL(job->terms_hash, terms);
		free(terms);
	}
}

int hf_osm_copy_terms(struct hf_osm *in, struct hf_osm_lock *lock, struct hf_tables *tables,
		      const osm_port_t *const *ports)
{
	const osm_subn_t *subn = &in->osm->subn;
	struct job job = {
		.subn = subn,
		.lock = lock,
		.tables = tables,
		.policy = subn->opt.qos ? subn->p_qos_policy : NULL,
	};
	int err;

	hf_osm_lock(lock);
	err = find_classes(&job, ports);
	if (!err)
		err = copy_terms(&job);
	hf_osm_unlock(lock);
	free_hashes(&job);
	free(job.physps);
	return err;
}
