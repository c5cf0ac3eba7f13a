/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/verbs/real.h"

#include <dlfcn.h>
#include <endian.h>
#include <errno.h>
#include <rdma/ib_user_verbs.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* Found when it is first needed: behind this library in the order in which symbols are looked up. */
static void *find_real(void *_Atomic *cache, const char *name, const char *version)
{
	void *found = atomic_load_explicit(cache, memory_order_relaxed);

	if (!found) {
		found = dlvsym(RTLD_NEXT, name, version);
		atomic_store_explicit(cache, found, memory_order_relaxed);
	}
	return found;
}

#define REAL(name, version) ({						\
	static void *_Atomic cache;					\
	(__typeof__(&name))find_real(&cache, #name, version); })

struct ibv_context *hf_real_open_device(struct ibv_device *device)
{
	return REAL(ibv_open_device, "IBVERBS_1.1")(device);
}

struct ibv_context *hf_real_import_device(int cmd_fd)
{
	return REAL(ibv_import_device, "IBVERBS_1.10")(cmd_fd);
}

int hf_real_close_device(struct ibv_context *context)
{
	return REAL(ibv_close_device, "IBVERBS_1.1")(context);
}

struct ibv_qp *hf_real_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	return REAL(ibv_create_qp, "IBVERBS_1.1")(pd, attr);
}

int hf_real_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	return REAL(ibv_modify_qp, "IBVERBS_1.1")(qp, attr, mask);
}

int hf_real_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask, struct ibv_qp_init_attr *init)
{
	return REAL(ibv_query_qp, "IBVERBS_1.1")(qp, attr, mask, init);
}

int hf_real_destroy_qp(struct ibv_qp *qp)
{
	return REAL(ibv_destroy_qp, "IBVERBS_1.1")(qp);
}

struct ibv_qp_ex *hf_real_qp_to_qp_ex(struct ibv_qp *qp)
{
	return REAL(ibv_qp_to_qp_ex, "IBVERBS_1.6")(qp);
}

struct ibv_cq *hf_real_create_cq(struct ibv_context *context, int cqe, void *cq_context,
				 struct ibv_comp_channel *channel, int vector)
{
	return REAL(ibv_create_cq, "IBVERBS_1.1")(context, cqe, cq_context, channel, vector);
}

struct ibv_srq *hf_real_create_srq(struct ibv_pd *pd, struct ibv_srq_init_attr *attr)
{
	return REAL(ibv_create_srq, "IBVERBS_1.1")(pd, attr);
}

int hf_real_destroy_srq(struct ibv_srq *srq)
{
	return REAL(ibv_destroy_srq, "IBVERBS_1.1")(srq);
}

int hf_real_resize_cq(struct ibv_cq *cq, int cqe)
{
	return REAL(ibv_resize_cq, "IBVERBS_1.1")(cq, cqe);
}

int hf_real_destroy_cq(struct ibv_cq *cq)
{
	return REAL(ibv_destroy_cq, "IBVERBS_1.1")(cq);
}

int hf_real_get_async_event(struct ibv_context *context, struct ibv_async_event *event)
{
	return REAL(ibv_get_async_event, "IBVERBS_1.1")(context, event);
}

void hf_real_ack_async_event(struct ibv_async_event *event)
{
	REAL(ibv_ack_async_event, "IBVERBS_1.1")(event);
}

void *(*hf_real_dlopen(void))(const char *name, int flags)
{
	static void *_Atomic cache;
	void *found = atomic_load_explicit(&cache, memory_order_relaxed);

	if (!found) {
		found = dlsym(RTLD_NEXT, "dlopen");
		atomic_store_explicit(&cache, found, memory_order_relaxed);
	}
	return (void *(*)(const char *name, int flags))found;
}

/* ------------------------------------------------------------------------------- for ourselves ---- */

/* A function of libibverbs returns the errno, or -1 and sets it. */
static int as_negative(int result)
{
	if (result == 0)
		return 0;
	if (result > 0)
		return -result;
	return errno > 0 ? -errno : -EIO;
}

int hf_verbs_modify(struct ibv_qp *qp, const struct ibv_qp_attr *attr, int mask)
{
	struct ibv_qp_attr copy = *attr;

	errno = 0;
	return as_negative(hf_real_modify_qp(qp, &copy, mask));
}

int hf_verbs_query(struct ibv_qp *qp, struct ibv_qp_attr *ret_attr, int mask)
{
	struct ibv_qp_init_attr init;

	errno = 0;
	return as_negative(hf_real_query_qp(qp, ret_attr, mask, &init));
}

int hf_verbs_port(struct ibv_context *context, uint8_t port_num, struct ibv_port_attr *ret_attr)
{
	errno = 0;
	return as_negative(ibv_query_port(context, port_num, ret_attr));
}

int hf_verbs_guid(struct ibv_context *context, uint8_t port_num, uint64_t *ret_guid)
{
	union ibv_gid gid;
	int err;

	errno = 0;
	err = as_negative(ibv_query_gid(context, port_num, 0, &gid));
	if (!err)
		*ret_guid = be64toh(gid.global.interface_id);
	return err;
}

int hf_verbs_pkey(struct ibv_context *context, uint8_t port_num, uint16_t index, uint16_t *ret_pkey)
{
	__be16 pkey;
	int err;

	errno = 0;
	err = as_negative(ibv_query_pkey(context, port_num, index, &pkey));
	if (!err)
		*ret_pkey = be16toh(pkey);
	return err;
}

bool hf_verbs_needs_kick(const struct ibv_device *device)
{
	char path[sizeof(device->ibdev_path) + sizeof("/parent")];

	/* The network device below it: no other adapter has this file. */
	snprintf(path, sizeof(path), "%s/parent", device->ibdev_path);
	return device->ibdev_path[0] && access(path, F_OK) == 0;
}

int hf_verbs_kick(struct ibv_qp *qp)
{
	struct ib_uverbs_post_send_resp answer;
	struct {
		struct ib_uverbs_cmd_hdr header;
		struct ib_uverbs_post_send post;
	} command = {
		.header = {
			.command = IB_USER_VERBS_CMD_POST_SEND,
			.in_words = sizeof(command) / 4,
			.out_words = sizeof(answer) / 4,
		},
		.post = {
			.response = (uintptr_t)&answer,
			.qp_handle = qp->handle,
			.wqe_size = sizeof(struct ib_uverbs_send_wr),
		},
	};

	return write(qp->context->cmd_fd, &command, sizeof(command)) == sizeof(command) ? 0 : -errno;
}
