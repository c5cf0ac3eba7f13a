/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/umad/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

#include "sim/umad/adapter.h"
#include "sim/umad/mad.h"
#include "sim/umad/mad_layer.h"

#define MAX_PACKETS 200000 /* the kernel's own limit */
#define OUI_MAX 0xffffffU
#define DEAD_READ_MS 50

_Static_assert(sizeof(struct ib_user_mad_hdr_old) == 56, "the kernel's");
_Static_assert(sizeof(struct ib_user_mad_hdr) == 64, "the kernel's");
_Static_assert(sizeof(((struct ib_user_mad_reg_req *)0)->method_mask) == 16, "128 methods");

struct hf_file hf_file_foreign = { .kind = HF_FILE_FOREIGN, .signal_fd = -1 };

int hf_file_open(struct hf_adapter *adapter, enum hf_file_kind kind, int flags, struct hf_file **ret_file)
{
	int fd, rc = hf_adapter_connect(adapter);
	struct hf_file *file;

	if (rc < 0)
		return rc;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	fd = eventfd(0, (flags & O_NONBLOCK ? EFD_NONBLOCK : 0) | (flags & O_CLOEXEC ? EFD_CLOEXEC : 0));
	if (fd < 0) {
		rc = -errno;
		goto err_free;
	}
	*file = (struct hf_file){ .references = 1, .kind = kind, .adapter = adapter };
	file->signal_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (file->signal_fd < 0) {
		rc = -errno;
		goto err_close;
	}
	rc = kind == HF_FILE_ISSM ? hf_adapter_hold_sm(adapter, true) : 0;
	if (rc < 0)
		goto err_close_signal;
	hf_lock(&adapter->lock);
	DL_APPEND(adapter->files, file);
	hf_unlock(&adapter->lock);
	*ret_file = file;
	return fd;

err_close_signal:
	close(file->signal_fd);
err_close:
	close(fd);
err_free:
	free(file);
	return rc;
}

static void close_file(struct hf_file *file)
{
	struct hf_adapter *adapter = file->adapter;
	struct hf_packet *packet, *next;

	if (file->kind == HF_FILE_ISSM)
		hf_adapter_hold_sm(adapter, false);
	hf_lock(&adapter->lock);
	for (int i = 0; i < HF_FILE_MAX_AGENTS; i++)
		if (file->agents[i])
			hf_mad_layer_unregister_locked(adapter, file->agents[i]);
	DL_DELETE(adapter->files, file);
	hf_unlock(&adapter->lock);
	DL_FOREACH_SAFE(file->packets, packet, next)
		free(packet);
	close(file->signal_fd);
	free(file);
}

void hf_file_put(struct hf_file *file)
{
	if (file->kind != HF_FILE_FOREIGN && atomic_fetch_sub(&file->references, 1) == 1)
		close_file(file);
}

/* The eventfd is readable while a packet waits or the file is dead. */
static void update_signal_locked(struct hf_file *file)
{
	bool wanted = file->packets || file->is_dead;
	uint64_t count = 1;
	ssize_t rc;

	if (wanted == file->is_signalled)
		return;
	if (wanted)
		rc = write(file->signal_fd, &count, sizeof(count));
	else
		rc = read(file->signal_fd, &count, sizeof(count));
	file->is_signalled = rc < 0 ? file->is_signalled : wanted;
}

void hf_file_queue_locked(struct hf_file *file, const struct ib_user_mad_hdr *hdr, const uint8_t *mad, size_t len)
{
	struct hf_packet *packet;

	if (file->packet_count >= MAX_PACKETS)
		return;
	packet = malloc(sizeof(*packet) + len);
	if (!packet)
		return;
	packet->hdr = *hdr;
	packet->len = len;
	memcpy(packet->mad, mad, len);
	DL_APPEND(file->packets, packet);
	file->packet_count++;
	update_signal_locked(file);
}

void hf_file_die_locked(struct hf_file *file)
{
	file->is_dead = true;
	update_signal_locked(file);
}

static size_t header_size(const struct hf_file *file)
{
	return file->has_pkey_index ? sizeof(struct ib_user_mad_hdr) : sizeof(struct ib_user_mad_hdr_old);
}

static ssize_t copy_packet(const struct hf_packet *packet, size_t hdr_size, void *buffer, size_t count)
{
	struct ib_user_mad_hdr hdr = packet->hdr;
	size_t first = packet->len < HF_MAD_SIZE ? packet->len : HF_MAD_SIZE;
	bool is_whole = count >= hdr_size + packet->len;

	if (count < hdr_size + first)
		return -EINVAL;
	if (hdr.status == 0)
		hdr.length = (uint32_t)(hdr_size + packet->len);
	memcpy(buffer, &hdr, hdr_size);
	memcpy((uint8_t *)buffer + hdr_size, packet->mad, is_whole ? packet->len : first);
	return is_whole ? (ssize_t)(hdr_size + packet->len) : -ENOSPC;
}

static ssize_t read_locked(struct hf_file *file, void *buffer, size_t count)
{
	struct hf_packet *packet = file->packets;
	ssize_t rc;

	if (count < header_size(file))
		return -EINVAL;
	if (file->is_dead)
		return -EIO;
	if (!packet)
		return -EAGAIN;
	rc = copy_packet(packet, header_size(file), buffer, count);
	if (rc < 0)
		return rc;
	DL_DELETE(file->packets, packet);
	file->packet_count--;
	free(packet);
	update_signal_locked(file);
	return rc;
}

/* poll() says at once that there is something, as for any device that is gone: who does not give up would spin. */
static ssize_t slow_down(ssize_t rc)
{
	if (rc == -EIO)
		poll(NULL, 0, DEAD_READ_MS);
	return rc;
}

ssize_t hf_file_read(struct hf_file *file, void *buffer, size_t count, bool is_nonblocking)
{
	struct pollfd readable = { .fd = file->signal_fd, .events = POLLIN };
	ssize_t rc;

	pthread_testcancel();
	if (file->kind != HF_FILE_UMAD)
		return file->kind == HF_FILE_FOREIGN ? -EIO : -EINVAL;
	for (;;) {
		hf_lock(&file->adapter->lock);
		rc = read_locked(file, buffer, count);
		hf_unlock(&file->adapter->lock);
		if (rc != -EAGAIN || is_nonblocking)
			return slow_down(rc);
		if (poll(&readable, 1, -1) < 0)
			return -errno;
	}
}

static int write_locked(struct hf_file *file, const struct ib_user_mad_hdr *hdr, uint8_t *mad, size_t len)
{
	struct hf_agent *agent = hdr->id < HF_FILE_MAX_AGENTS ? file->agents[hdr->id] : NULL;

	if (file->is_dead)
		return -EIO;
	if (!agent)
		return -EINVAL;
	return hf_mad_layer_post_locked(file->adapter, agent, hdr, mad, len);
}

ssize_t hf_file_write(struct hf_file *file, const void *buffer, size_t count)
{
	struct ib_user_mad_hdr hdr = { 0 };
	size_t hdr_size = header_size(file);
	uint8_t *mad;
	int rc;

	pthread_testcancel();
	if (file->kind != HF_FILE_UMAD)
		return file->kind == HF_FILE_FOREIGN ? -EIO : -EINVAL;
	if (count < hdr_size + HF_UMAD_MIN_MAD)
		return -EINVAL;
	memcpy(&hdr, buffer, hdr_size);
	/* A copy, for the transaction id is changed in it. */
	mad = malloc(count - hdr_size);
	if (!mad)
		return -ENOMEM;
	memcpy(mad, (const uint8_t *)buffer + hdr_size, count - hdr_size);
	hf_lock(&file->adapter->lock);
	rc = write_locked(file, &hdr, mad, count - hdr_size);
	hf_unlock(&file->adapter->lock);
	free(mad);
	return rc < 0 ? rc : (ssize_t)count;
}

static int register_locked(struct hf_file *file, const struct hf_agent_request *request, uint32_t *ret_id)
{
	uint32_t id = 0;
	int rc;

	if (file->is_dead)
		return -EIO;
	while (id < HF_FILE_MAX_AGENTS && file->agents[id])
		id++;
	if (id == HF_FILE_MAX_AGENTS)
		return -ENOMEM;
	rc = hf_mad_layer_register_locked(file->adapter, file, id, request, &file->agents[id]);
	if (rc < 0)
		return rc;
	file->is_used = true;
	*ret_id = id;
	return 0;
}

static int register_agent(struct hf_file *file, const struct hf_agent_request *request, uint32_t *ret_id)
{
	int rc;

	hf_lock(&file->adapter->lock);
	rc = register_locked(file, request, ret_id);
	hf_unlock(&file->adapter->lock);
	if (rc == 0 && (request->methods[0] || request->methods[1]))
		hf_adapter_update_requests(file->adapter);
	return rc;
}

static int register_agent_1(struct hf_file *file, struct ib_user_mad_reg_req *arg)
{
	struct hf_agent_request request = {
		.qpn = arg->qpn,
		.mgmt_class = arg->mgmt_class,
		.class_version = arg->mgmt_class_version,
		.rmpp_version = arg->rmpp_version,
		.oui = (uint32_t)arg->oui[0] << 16 | (uint32_t)arg->oui[1] << 8 | arg->oui[2],
	};

	memcpy(request.methods, arg->method_mask, sizeof(request.methods));
	return register_agent(file, &request, &arg->id);
}

static int register_agent_2(struct hf_file *file, struct ib_user_mad_reg_req2 *arg)
{
	struct hf_agent_request request = {
		.qpn = arg->qpn,
		.mgmt_class = arg->mgmt_class,
		.class_version = arg->mgmt_class_version,
		.rmpp_version = arg->rmpp_version,
		.oui = arg->oui,
		.does_own_rmpp = arg->flags & IB_USER_MAD_USER_RMPP,
	};

	if (arg->flags & ~(uint32_t)IB_USER_MAD_REG_FLAGS_CAP) {
		arg->flags = IB_USER_MAD_REG_FLAGS_CAP;
		return -EINVAL;
	}
	if (arg->oui > OUI_MAX)
		return -EINVAL;
	memcpy(request.methods, arg->method_mask, sizeof(request.methods));
	return register_agent(file, &request, &arg->id);
}

static int unregister_agent(struct hf_file *file, uint32_t id)
{
	int rc = -EINVAL;

	hf_lock(&file->adapter->lock);
	if (id < HF_FILE_MAX_AGENTS && file->agents[id]) {
		hf_mad_layer_unregister_locked(file->adapter, file->agents[id]);
		file->agents[id] = NULL;
		rc = 0;
	}
	hf_unlock(&file->adapter->lock);
	return rc;
}

static int enable_pkey(struct hf_file *file)
{
	int rc = -EINVAL;

	hf_lock(&file->adapter->lock);
	if (!file->is_used) {
		file->has_pkey_index = true;
		rc = 0;
	}
	hf_unlock(&file->adapter->lock);
	return rc;
}

int hf_file_ioctl(struct hf_file *file, unsigned long request, void *arg)
{
	if (file->kind != HF_FILE_UMAD)
		return file->kind == HF_FILE_FOREIGN ? -EIO : -ENOTTY;
	switch (request) {
	case IB_USER_MAD_REGISTER_AGENT:
		return arg ? register_agent_1(file, arg) : -EFAULT;
	case IB_USER_MAD_REGISTER_AGENT2:
		return arg ? register_agent_2(file, arg) : -EFAULT;
	case IB_USER_MAD_UNREGISTER_AGENT:
		return arg ? unregister_agent(file, *(uint32_t *)arg) : -EFAULT;
	case IB_USER_MAD_ENABLE_PKEY:
		return enable_pkey(file);
	default:
		return -ENOTTY;
	}
}
