/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * libhfsim-verbs.so, preloaded into a program that uses verbs: libibverbs's functions, with its versions, that have to
 * do with devices. While HF_FABRIC_MAP is set, the devices are simulated ones; while it is not, everything goes on to
 * libibverbs. What has to do with no device, names of codes and the like, is libibverbs's in any case.
 *
 * A program that loads libibverbs with dlopen() gets this library, which has libibverbs behind it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/verbs/exports.h"

#undef ibv_get_device_list
#undef ibv_query_port
#undef ibv_reg_mr
#undef ibv_reg_mr_iova

#define EXPORT __attribute__((visibility("default")))

/* libibverbs's own function, found when it is first needed. */
static void *find_real(void **cache, const char *name, const char *version)
{
	void *found = __atomic_load_n(cache, __ATOMIC_RELAXED);

	if (!found) {
		found = dlvsym(RTLD_NEXT, name, version);
		__atomic_store_n(cache, found, __ATOMIC_RELAXED);
	}
	return found;
}

#define REAL(name, version) ({						\
	static void *cache;						\
	(__typeof__(&name))find_real(&cache, #name, version); })

static bool is_simulating(void)
{
	const char *map = getenv(HF_FABRIC_MAP_ENV);

	return map && *map;
}

EXPORT struct ibv_device **ibv_get_device_list(int *num_devices)
{
	return is_simulating() ? hf_device_list(num_devices) : REAL(ibv_get_device_list, "IBVERBS_1.1")(num_devices);
}

EXPORT void ibv_free_device_list(struct ibv_device **list)
{
	if (list && list[0] && !hf_device_is_ours(list[0]))
		REAL(ibv_free_device_list, "IBVERBS_1.1")(list);
	else
		free(list);
}

EXPORT const char *ibv_get_device_name(struct ibv_device *device)
{
	return device->name;
}

EXPORT __be64 ibv_get_device_guid(struct ibv_device *device)
{
	return hf_device_is_ours(device) ? htobe64(((struct hf_device *)device)->guid) :
					   REAL(ibv_get_device_guid, "IBVERBS_1.1")(device);
}

EXPORT int ibv_get_device_index(struct ibv_device *device)
{
	return hf_device_is_ours(device) ? -1 : REAL(ibv_get_device_index, "IBVERBS_1.9")(device);
}

EXPORT struct ibv_context *ibv_open_device(struct ibv_device *device)
{
	return hf_device_is_ours(device) ? hf_ibv_open_device(device) :
					   REAL(ibv_open_device, "IBVERBS_1.1")(device);
}

/* The rest differs only in whose object it is that a function is called for. */
#define OURS_OR_REAL(type, name, version, context, parameters, arguments)				\
	EXPORT type name parameters									\
	{												\
		return hf_is_ours(context) ? hf_##name arguments : REAL(name, version)arguments;	\
	}

OURS_OR_REAL(int, ibv_close_device, "IBVERBS_1.1", context, (struct ibv_context *context), (context))
OURS_OR_REAL(int, ibv_query_device, "IBVERBS_1.1", context,
	     (struct ibv_context *context, struct ibv_device_attr *attr), (context, attr))
OURS_OR_REAL(int, ibv_query_gid, "IBVERBS_1.1", context,
	     (struct ibv_context *context, uint8_t port, int index, union ibv_gid *gid), (context, port, index, gid))
OURS_OR_REAL(int, ibv_query_pkey, "IBVERBS_1.1", context,
	     (struct ibv_context *context, uint8_t port, int index, __be16 *pkey), (context, port, index, pkey))
OURS_OR_REAL(int, ibv_get_pkey_index, "IBVERBS_1.5", context,
	     (struct ibv_context *context, uint8_t port, __be16 pkey), (context, port, pkey))
OURS_OR_REAL(struct ibv_pd *, ibv_alloc_pd, "IBVERBS_1.1", context, (struct ibv_context *context), (context))
OURS_OR_REAL(int, ibv_dealloc_pd, "IBVERBS_1.1", pd->context, (struct ibv_pd *pd), (pd))
OURS_OR_REAL(struct ibv_mr *, ibv_reg_mr_iova2, "IBVERBS_1.8", pd->context,
	     (struct ibv_pd *pd, void *addr, size_t length, uint64_t iova, unsigned int access),
	     (pd, addr, length, iova, access))
OURS_OR_REAL(int, ibv_dereg_mr, "IBVERBS_1.1", mr->context, (struct ibv_mr *mr), (mr))
OURS_OR_REAL(int, ibv_rereg_mr, "IBVERBS_1.1", mr->context,
	     (struct ibv_mr *mr, int flags, struct ibv_pd *pd, void *addr, size_t length, int access),
	     (mr, flags, pd, addr, length, access))
OURS_OR_REAL(struct ibv_comp_channel *, ibv_create_comp_channel, "IBVERBS_1.0", context,
	     (struct ibv_context *context), (context))
OURS_OR_REAL(int, ibv_destroy_comp_channel, "IBVERBS_1.0", channel->context, (struct ibv_comp_channel *channel),
	     (channel))
OURS_OR_REAL(struct ibv_cq *, ibv_create_cq, "IBVERBS_1.1", context,
	     (struct ibv_context *context, int cqe, void *cq_context, struct ibv_comp_channel *channel,
	      int comp_vector), (context, cqe, cq_context, channel, comp_vector))
OURS_OR_REAL(int, ibv_resize_cq, "IBVERBS_1.1", cq->context, (struct ibv_cq *cq, int cqe), (cq, cqe))
OURS_OR_REAL(int, ibv_destroy_cq, "IBVERBS_1.1", cq->context, (struct ibv_cq *cq), (cq))
OURS_OR_REAL(int, ibv_get_cq_event, "IBVERBS_1.1", channel->context,
	     (struct ibv_comp_channel *channel, struct ibv_cq **cq, void **cq_context), (channel, cq, cq_context))
OURS_OR_REAL(int, ibv_get_async_event, "IBVERBS_1.1", context,
	     (struct ibv_context *context, struct ibv_async_event *event), (context, event))
OURS_OR_REAL(struct ibv_srq *, ibv_create_srq, "IBVERBS_1.1", pd->context,
	     (struct ibv_pd *pd, struct ibv_srq_init_attr *attr), (pd, attr))
OURS_OR_REAL(int, ibv_modify_srq, "IBVERBS_1.1", srq->context,
	     (struct ibv_srq *srq, struct ibv_srq_attr *attr, int mask), (srq, attr, mask))
OURS_OR_REAL(int, ibv_query_srq, "IBVERBS_1.1", srq->context, (struct ibv_srq *srq, struct ibv_srq_attr *attr),
	     (srq, attr))
OURS_OR_REAL(int, ibv_destroy_srq, "IBVERBS_1.1", srq->context, (struct ibv_srq *srq), (srq))
OURS_OR_REAL(struct ibv_qp *, ibv_create_qp, "IBVERBS_1.1", pd->context,
	     (struct ibv_pd *pd, struct ibv_qp_init_attr *attr), (pd, attr))
OURS_OR_REAL(struct ibv_qp_ex *, ibv_qp_to_qp_ex, "IBVERBS_1.6", qp->context, (struct ibv_qp *qp), (qp))
OURS_OR_REAL(int, ibv_modify_qp, "IBVERBS_1.1", qp->context,
	     (struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask), (qp, attr, mask))
OURS_OR_REAL(int, ibv_query_qp, "IBVERBS_1.1", qp->context,
	     (struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask, struct ibv_qp_init_attr *init_attr),
	     (qp, attr, mask, init_attr))
OURS_OR_REAL(int, ibv_destroy_qp, "IBVERBS_1.1", qp->context, (struct ibv_qp *qp), (qp))
OURS_OR_REAL(struct ibv_ah *, ibv_create_ah, "IBVERBS_1.1", pd->context,
	     (struct ibv_pd *pd, struct ibv_ah_attr *attr), (pd, attr))
OURS_OR_REAL(int, ibv_init_ah_from_wc, "IBVERBS_1.1", context,
	     (struct ibv_context *context, uint8_t port, struct ibv_wc *wc, struct ibv_grh *grh,
	      struct ibv_ah_attr *attr), (context, port, wc, grh, attr))
OURS_OR_REAL(int, ibv_destroy_ah, "IBVERBS_1.1", ah->context, (struct ibv_ah *ah), (ah))
OURS_OR_REAL(int, ibv_attach_mcast, "IBVERBS_1.1", qp->context,
	     (struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid), (qp, gid, lid))
OURS_OR_REAL(int, ibv_detach_mcast, "IBVERBS_1.1", qp->context,
	     (struct ibv_qp *qp, const union ibv_gid *gid, uint16_t lid), (qp, gid, lid))

EXPORT int ibv_query_port(struct ibv_context *context, uint8_t port, struct _compat_ibv_port_attr *attr)
{
	if (!hf_is_ours(context))
		return REAL(ibv_query_port, "IBVERBS_1.1")(context, port, attr);
	/* The old structure ends where port_cap_flags2 was added. */
	return hf_query_port(context, port, (struct ibv_port_attr *)attr,
			     offsetof(struct ibv_port_attr, port_cap_flags2));
}

EXPORT struct ibv_mr *ibv_reg_mr(struct ibv_pd *pd, void *addr, size_t length, int access)
{
	return hf_is_ours(pd->context) ? hf_ibv_reg_mr_iova2(pd, addr, length, (uintptr_t)addr, access) :
					 REAL(ibv_reg_mr, "IBVERBS_1.1")(pd, addr, length, access);
}

EXPORT struct ibv_mr *ibv_reg_mr_iova(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova, int access)
{
	return hf_is_ours(pd->context) ? hf_ibv_reg_mr_iova2(pd, addr, length, iova, access) :
					 REAL(ibv_reg_mr_iova, "IBVERBS_1.7")(pd, addr, length, iova, access);
}

EXPORT struct ibv_ah *ibv_create_ah_from_wc(struct ibv_pd *pd, struct ibv_wc *wc, struct ibv_grh *grh, uint8_t port)
{
	struct ibv_ah_attr attr;

	if (!hf_is_ours(pd->context))
		return REAL(ibv_create_ah_from_wc, "IBVERBS_1.1")(pd, wc, grh, port);
	return hf_ibv_init_ah_from_wc(pd->context, port, wc, grh, &attr) < 0 ? NULL : hf_ibv_create_ah(pd, &attr);
}

EXPORT void ibv_ack_cq_events(struct ibv_cq *cq, unsigned int count)
{
	if (hf_is_ours(cq->context))
		hf_ibv_ack_cq_events(cq, count);
	else
		REAL(ibv_ack_cq_events, "IBVERBS_1.1")(cq, count);
}

/* The event does not say which device it is of; for both it is the counting of an object's events. */
EXPORT void ibv_ack_async_event(struct ibv_async_event *event)
{
	if (is_simulating())
		hf_ibv_ack_async_event(event);
	else
		REAL(ibv_ack_async_event, "IBVERBS_1.1")(event);
}

EXPORT int _ibv_query_gid_ex(struct ibv_context *context, uint32_t port, uint32_t index, struct ibv_gid_entry *entry,
			     uint32_t flags, size_t entry_size)
{
	return hf_is_ours(context) ? hf_ibv_query_gid_ex(context, port, index, entry, flags, entry_size) :
		REAL(_ibv_query_gid_ex, "IBVERBS_1.11")(context, port, index, entry, flags, entry_size);
}

EXPORT ssize_t _ibv_query_gid_table(struct ibv_context *context, struct ibv_gid_entry *entries, size_t max_entries,
				    uint32_t flags, size_t entry_size)
{
	return hf_is_ours(context) ? hf_ibv_query_gid_table(context, entries, max_entries, flags, entry_size) :
		REAL(_ibv_query_gid_table, "IBVERBS_1.11")(context, entries, max_entries, flags, entry_size);
}

/* Private to rdma-core, but ibv_devinfo of Debian wants it. The type is 0, IB, for every GID there is here. */
int ibv_query_gid_type(struct ibv_context *context, uint8_t port, unsigned int index, int *type);
EXPORT int ibv_query_gid_type(struct ibv_context *context, uint8_t port, unsigned int index, int *type)
{
	if (!hf_is_ours(context))
		return REAL(ibv_query_gid_type, "IBVERBS_PRIVATE_34")(context, port, index, type);
	*type = 0;
	return 0;
}

/* No device of ours has extended connection establishment; the connection manager asks. */
EXPORT int ibv_query_ece(struct ibv_qp *qp, struct ibv_ece *ece)
{
	if (!hf_is_ours(qp->context))
		return REAL(ibv_query_ece, "IBVERBS_1.10")(qp, ece);
	memset(ece, 0, sizeof(*ece));
	return 0;
}

EXPORT int ibv_set_ece(struct ibv_qp *qp, struct ibv_ece *ece)
{
	if (!hf_is_ours(qp->context))
		return REAL(ibv_set_ece, "IBVERBS_1.10")(qp, ece);
	return ece->vendor_id ? EOPNOTSUPP : 0;
}

EXPORT int ibv_query_qp_data_in_order(struct ibv_qp *qp, enum ibv_wr_opcode op, uint32_t flags)
{
	return hf_is_ours(qp->context) ? 0 : REAL(ibv_query_qp_data_in_order, "IBVERBS_1.14")(qp, op, flags);
}

/* What a program asks for that looks for libibverbs's functions itself is this library. */
EXPORT void *dlopen(const char *name, int flags)
{
	static void *cache;
	void *(*real)(const char *name, int flags) = __atomic_load_n(&cache, __ATOMIC_RELAXED);
	const char *base = name ? strrchr(name, '/') : NULL;
	Dl_info own;

	if (!real) {
		real = dlsym(RTLD_NEXT, "dlopen");
		__atomic_store_n(&cache, (void *)real, __ATOMIC_RELAXED);
	}
	base = base ? base + 1 : name;
	if (base && strncmp(base, "libibverbs.so", strlen("libibverbs.so")) == 0 &&
	    dladdr(__builtin_return_address(0), &own) && !strstr(own.dli_fname, "libibverbs") &&
	    dladdr((void *)find_real, &own))
		return real(own.dli_fname, flags);
	return real(name, flags);
}
