/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/verbs/exports.h"

#include <errno.h>
#include <stdlib.h>

#define KEY_TAG_BITS	8
#define REMOTE_WRITES	(IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)
#define ACCESS_KNOWN	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ | \
			 IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_MW_BIND | IBV_ACCESS_ZERO_BASED | \
			 IBV_ACCESS_HUGETLB | IBV_ACCESS_OPTIONAL_RANGE)

struct ibv_pd *hf_ibv_alloc_pd(struct ibv_context *context)
{
	struct hf_pd *pd = calloc(1, sizeof(*pd));

	if (!pd)
		return NULL;
	pd->ibv.context = context;
	return &pd->ibv;
}

int hf_ibv_dealloc_pd(struct ibv_pd *pd)
{
	struct hf_context *context = hf_context_of(pd->context);
	unsigned int users;

	hf_context_lock(context);
	users = ((struct hf_pd *)pd)->users;
	hf_context_unlock(context);
	if (users)
		return EBUSY;
	free(pd);
	return 0;
}

/* ---------------------------------------------------------------------------------- keys ---- */

static struct hf_key *find_key(const struct hf_context *context, uint32_t number)
{
	struct hf_key *key = context->keys[(number >> KEY_TAG_BITS) % HF_MAX_KEYS];

	return key && key->key == number ? key : NULL;
}

/* A number for a key, with a tag that the last one at its place did not have. */
static bool add_key(struct hf_context *context, struct hf_key *key)
{
	static _Atomic uint8_t tag;	/* of all contexts, so that keys differ from one to the next */

	for (unsigned int tries = 0; tries < HF_MAX_KEYS; tries++) {
		unsigned int index = context->next_key++ % HF_MAX_KEYS;

		if (index == 0 || context->keys[index])
			continue;
		key->key = index << KEY_TAG_BITS | (uint8_t)(++tag * 37);
		context->keys[index] = key;
		return true;
	}
	return false;
}

static void remove_key(struct hf_context *context, const struct hf_key *key)
{
	context->keys[key->key >> KEY_TAG_BITS] = NULL;
}

static uint8_t *reach(const struct hf_key *key, uint64_t address, uint64_t length, unsigned int access)
{
	uint64_t offset = address - key->start;

	if ((key->access & access) != access || offset > key->length || length > key->length - offset)
		return NULL;
	return key->memory + offset;
}

uint8_t *hf_key_reach_locked(struct hf_context *context, uint32_t number, const struct hf_qp *qp,
			     const struct ibv_pd *pd, uint64_t address, uint64_t length, unsigned int access)
{
	const struct hf_key *key = find_key(context, number);

	if (!key || key->pd != pd || (key->qp && key->qp != qp))
		return NULL;
	return reach(key, address, length, access);
}

uint8_t *hf_key_reach_remote_locked(struct hf_qp *qp, uint32_t rkey, uint64_t address, uint64_t length,
				    unsigned int access)
{
	static uint8_t nothing;	/* an access to no byte needs no key (IBA volume 1, 9.7.2.4) */

	if ((qp->attr.qp_access_flags & access) != access)
		return NULL;
	if (length == 0)
		return &nothing;
	return hf_key_reach_locked(hf_qp_context(qp), rkey, qp, qp->ibv.pd, address, length, access);
}

/* ------------------------------------------------------------------------------- regions ---- */

static bool is_good_access(unsigned int access)
{
	return !(access & ~ACCESS_KNOWN) && (!(access & REMOTE_WRITES) || (access & IBV_ACCESS_LOCAL_WRITE));
}

struct ibv_mr *hf_ibv_reg_mr_iova2(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova, unsigned int access)
{
	struct hf_context *context = hf_context_of(pd->context);
	struct hf_mr *mr;
	bool is_added;

	if (!is_good_access(access)) {
		errno = EINVAL;
		return NULL;
	}
	mr = calloc(1, sizeof(*mr));
	if (!mr)
		return NULL;
	mr->key = (struct hf_key){
		.kind = HF_KEY_REGION,
		.pd = pd,
		.start = access & IBV_ACCESS_ZERO_BASED ? 0 : iova,
		.length = length,
		.memory = addr,
		.access = access,
	};
	hf_context_lock(context);
	is_added = add_key(context, &mr->key);
	if (is_added)
		((struct hf_pd *)pd)->users++;
	hf_context_unlock(context);
	if (!is_added) {
		free(mr);
		errno = ENOMEM;
		return NULL;
	}
	mr->ibv = (struct ibv_mr){
		.context = pd->context,
		.pd = pd,
		.addr = addr,
		.length = length,
		.lkey = mr->key.key,
		.rkey = mr->key.key,
	};
	return &mr->ibv;
}

int hf_ibv_dereg_mr(struct ibv_mr *ibv)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_mr *mr = (struct hf_mr *)ibv;
	bool is_used;

	hf_context_lock(context);
	is_used = mr->key.windows;
	if (!is_used) {
		remove_key(context, &mr->key);
		((struct hf_pd *)mr->key.pd)->users--;
	}
	hf_context_unlock(context);
	if (is_used)
		return EBUSY;
	free(mr);
	return 0;
}

int hf_ibv_rereg_mr(struct ibv_mr *ibv, int flags, struct ibv_pd *pd, void *addr, size_t length, int access)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_mr *mr = (struct hf_mr *)ibv;
	int rc = IBV_REREG_MR_ERR_INPUT;

	if (flags & ~IBV_REREG_MR_FLAGS_SUPPORTED || !flags || ((flags & IBV_REREG_MR_CHANGE_ACCESS) &&
	    !is_good_access(access)) || ((flags & IBV_REREG_MR_CHANGE_TRANSLATION) && (!addr || !length))) {
		errno = EINVAL;
		return rc;
	}
	hf_context_lock(context);
	if (mr->key.windows) {
		errno = EBUSY;
		goto out;
	}
	if (flags & IBV_REREG_MR_CHANGE_PD) {
		((struct hf_pd *)mr->key.pd)->users--;
		((struct hf_pd *)pd)->users++;
		mr->key.pd = mr->ibv.pd = pd;
	}
	if (flags & IBV_REREG_MR_CHANGE_ACCESS)
		mr->key.access = access;
	if (flags & IBV_REREG_MR_CHANGE_TRANSLATION) {
		mr->key.memory = mr->ibv.addr = addr;
		mr->key.start = mr->key.access & IBV_ACCESS_ZERO_BASED ? 0 : (uintptr_t)addr;
		mr->key.length = mr->ibv.length = length;
	}
	rc = 0;
out:
	hf_context_unlock(context);
	return rc;
}

/* ------------------------------------------------------------------------------- windows ---- */

struct ibv_mw *hf_alloc_mw(struct ibv_pd *pd, enum ibv_mw_type type)
{
	struct hf_context *context = hf_context_of(pd->context);
	struct hf_mw *mw;
	bool is_added;

	if (type != IBV_MW_TYPE_1 && type != IBV_MW_TYPE_2) {
		errno = EINVAL;
		return NULL;
	}
	mw = calloc(1, sizeof(*mw));
	if (!mw)
		return NULL;
	mw->key = (struct hf_key){ .kind = HF_KEY_WINDOW, .pd = pd };
	hf_context_lock(context);
	is_added = add_key(context, &mw->key);
	if (is_added)
		((struct hf_pd *)pd)->users++;
	hf_context_unlock(context);
	if (!is_added) {
		free(mw);
		errno = ENOMEM;
		return NULL;
	}
	mw->ibv = (struct ibv_mw){ .context = pd->context, .pd = pd, .rkey = mw->key.key, .type = type };
	return &mw->ibv;
}

static void unbind(struct hf_key *key)
{
	if (key->region)
		key->region->windows--;
	key->region = NULL;
	key->qp = NULL;
	key->length = 0;
	key->access = 0;
}

int hf_dealloc_mw(struct ibv_mw *ibv)
{
	struct hf_context *context = hf_context_of(ibv->context);
	struct hf_mw *mw = (struct hf_mw *)ibv;

	hf_context_lock(context);
	unbind(&mw->key);
	remove_key(context, &mw->key);
	((struct hf_pd *)mw->key.pd)->users--;
	hf_context_unlock(context);
	free(mw);
	return 0;
}

/* A type 2 window may be bound only while it is not, a type 1 window as often as one likes. */
static bool may_bind(const struct hf_qp *qp, const struct hf_mw *mw, uint32_t rkey, const struct ibv_mw_bind_info *info)
{
	const struct hf_mr *mr = (const struct hf_mr *)info->mr;
	unsigned int access = info->mw_access_flags;

	if (mw->key.pd != qp->ibv.pd || rkey >> KEY_TAG_BITS != mw->key.key >> KEY_TAG_BITS)
		return false;
	if (mw->ibv.type == IBV_MW_TYPE_2 && mw->key.region)
		return false;
	if (!mr)
		return mw->ibv.type == IBV_MW_TYPE_1;
	if (mr->key.pd != qp->ibv.pd || !(mr->key.access & IBV_ACCESS_MW_BIND) ||
	    ((access & REMOTE_WRITES) && !(mr->key.access & IBV_ACCESS_LOCAL_WRITE)))
		return false;
	return reach(&mr->key, info->addr, info->length, 0);
}

enum ibv_wc_status hf_mw_bind_locked(struct hf_qp *qp, struct ibv_mw *ibv, uint32_t rkey,
				     const struct ibv_mw_bind_info *info)
{
	struct hf_mw *mw = (struct hf_mw *)ibv;
	struct hf_mr *mr = (struct hf_mr *)info->mr;

	if (!may_bind(qp, mw, rkey, info))
		return IBV_WC_MW_BIND_ERR;
	unbind(&mw->key);
	mw->key.key = rkey;
	if (!mr || info->length == 0)
		return IBV_WC_SUCCESS;
	mw->key.region = &mr->key;
	mw->key.region->windows++;
	mw->key.qp = ibv->type == IBV_MW_TYPE_2 ? qp : NULL;
	mw->key.memory = reach(&mr->key, info->addr, info->length, 0);
	mw->key.start = info->mw_access_flags & IBV_ACCESS_ZERO_BASED ? 0 : info->addr;
	mw->key.length = info->length;
	mw->key.access = info->mw_access_flags;
	return IBV_WC_SUCCESS;
}

int hf_bind_mw(struct ibv_qp *qp, struct ibv_mw *mw, struct ibv_mw_bind *bind)
{
	struct ibv_send_wr *bad, wr = {
		.wr_id = bind->wr_id,
		.opcode = IBV_WR_BIND_MW,
		.send_flags = bind->send_flags,
		.bind_mw = { .mw = mw, .rkey = ibv_inc_rkey(mw->rkey), .bind_info = bind->bind_info },
	};
	int rc = hf_post_send(qp, &wr, &bad);

	if (rc == 0)
		mw->rkey = wr.bind_mw.rkey;
	return rc;
}

enum ibv_wc_status hf_key_invalidate_locked(struct hf_qp *qp, uint32_t rkey)
{
	struct hf_key *key = find_key(hf_qp_context(qp), rkey);

	if (!key || key->kind != HF_KEY_WINDOW || key->qp != qp)
		return IBV_WC_MW_BIND_ERR;
	unbind(key);
	return IBV_WC_SUCCESS;
}

void hf_mw_forget_qp_locked(struct hf_qp *qp)
{
	struct hf_context *context = hf_qp_context(qp);

	for (unsigned int i = 0; i < HF_MAX_KEYS; i++)
		if (context->keys[i] && context->keys[i]->qp == qp)
			unbind(context->keys[i]);
}
