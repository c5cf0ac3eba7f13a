/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/umad/ibsim_link.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MS 10000
#define DRAIN_TRIES 1000
#define DRAIN_STEP_MS 1
#define NUMBER_SHIFT 22 /* process ids are smaller */

static int open_socket(const char *basename, const char *channel, uint32_t id)
{
	struct sockaddr_un addr;
	socklen_t len = hf_ibsim_address(&addr, basename, channel, (int)id);
	int fd, rc;

	if (len == 0)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, len) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static int connect_socket(int fd, const char *basename, const char *channel, int number)
{
	struct sockaddr_un addr;
	socklen_t len = hf_ibsim_address(&addr, basename, channel, number);

	if (len == 0)
		return -ENAMETOOLONG;
	return connect(fd, (struct sockaddr *)&addr, len) < 0 ? -errno : 0;
}

static int send_ctl(struct hf_ibsim_link *link, const struct hf_ibsim_ctl *ctl)
{
	struct pollfd writable = { .fd = link->ctl_fd, .events = POLLOUT };

	while (send(link->ctl_fd, ctl, sizeof(*ctl), MSG_NOSIGNAL) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (poll(&writable, 1, ANSWER_TIMEOUT_MS) == 0)
			return -ETIMEDOUT;
	}
	return 0;
}

/* An answer of another type belongs to a request that was given up. */
static int receive_ctl(struct hf_ibsim_link *link, uint32_t type, struct hf_ibsim_ctl *ret_ctl)
{
	struct pollfd readable = { .fd = link->ctl_fd, .events = POLLIN };

	for (;;) {
		ssize_t len = recv(link->ctl_fd, ret_ctl, sizeof(*ret_ctl), 0);

		if (len == (ssize_t)sizeof(*ret_ctl) && ret_ctl->magic == HF_IBSIM_MAGIC) {
			if (ret_ctl->type == type)
				return 0;
			if (ret_ctl->type == HF_IBSIM_CTL_ERROR)
				return -EIO;
		}
		if (len >= 0 || errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;

		int ready = poll(&readable, 1, ANSWER_TIMEOUT_MS);

		if (ready == 0)
			return -ETIMEDOUT;
		if (ready < 0 && errno != EINTR)
			return -errno;
	}
}

static void drop_stale_answers(struct hf_ibsim_link *link)
{
	struct hf_ibsim_ctl stale;

	while (recv(link->ctl_fd, &stale, sizeof(stale), 0) >= 0)
		;
}

int hf_ibsim_link_ask(struct hf_ibsim_link *link, enum hf_ibsim_ctl_type type, void *data, size_t len)
{
	struct hf_ibsim_ctl ctl = {
		.magic = HF_IBSIM_MAGIC,
		.slot = link->slot,
		.type = type,
		.length = (uint32_t)len,
	};
	int rc;

	if (len > sizeof(ctl.data))
		return -EINVAL;
	if (len > 0)
		memcpy(ctl.data, data, len);
	drop_stale_answers(link);
	rc = send_ctl(link, &ctl);
	if (rc == 0)
		rc = receive_ctl(link, type, &ctl);
	if (rc == 0 && len > 0)
		memcpy(data, ctl.data, len);
	return rc;
}

/* A socket that is connected to one slot refuses the other that a second CONNECT may bring. */
static void disconnect_socket(int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	connect(fd, &none, sizeof(none));
}

static int attach(struct hf_ibsim_link *link, const char *node, bool wants_requests)
{
	struct hf_ibsim_client client = { .id = link->id, .requests = wants_requests };
	int rc;

	snprintf(client.node, sizeof(client.node), "%s", node);
	rc = hf_ibsim_link_ask(link, HF_IBSIM_CTL_CONNECT, &client, sizeof(client));
	if (rc < 0)
		return rc == -EIO ? -ENODEV : rc;
	link->slot = client.id;
	link->wants_requests = wants_requests;
	client.node[sizeof(client.node) - 1] = '\0';
	memmove(link->node, client.node, sizeof(link->node));
	return connect_socket(link->data_fd, link->basename, "out", (int)link->slot);
}

int hf_ibsim_link_open(struct hf_ibsim_link *link, const char *basename, const char *node, unsigned int number)
{
	int rc;

	*link = (struct hf_ibsim_link){ .basename = basename, .data_fd = -1, .ctl_fd = -1 };
	if (strlen(node) >= sizeof(link->node))
		return -ENAMETOOLONG;
	link->id = (uint32_t)getpid() | number << NUMBER_SHIFT;
	link->ctl_fd = open_socket(basename, "ctl", link->id);
	if (link->ctl_fd < 0)
		return link->ctl_fd;
	rc = connect_socket(link->ctl_fd, basename, "ctl", -1);
	if (rc < 0)
		goto err_close_ctl;
	link->data_fd = open_socket(basename, "in", link->id);
	if (link->data_fd < 0) {
		rc = link->data_fd;
		goto err_close_ctl;
	}
	rc = attach(link, node, false);
	/* ibsim ends itself if the client is gone when it gets to CONNECT: after a timeout the sockets stay open. */
	if (rc == -ETIMEDOUT)
		return rc;
	if (rc < 0)
		goto err_close_data;
	return 0;

err_close_data:
	close(link->data_fd);
err_close_ctl:
	close(link->ctl_fd);
	return rc;
}

/* The kernel charges unread datagrams to the sending socket. */
void hf_ibsim_link_drain(const struct hf_ibsim_link *link)
{
	int unread;

	for (int i = 0; i < DRAIN_TRIES; i++) {
		if (ioctl(link->data_fd, SIOCOUTQ, &unread) < 0 || unread == 0)
			return;
		poll(NULL, 0, DRAIN_STEP_MS);
	}
}

void hf_ibsim_link_close(struct hf_ibsim_link *link)
{
	hf_ibsim_link_drain(link);
	if (link->is_sm)
		hf_ibsim_link_set_sm(link, false);
	hf_ibsim_link_ask(link, HF_IBSIM_CTL_DISCONNECT, NULL, 0);
	hf_ibsim_link_abandon(link);
}

void hf_ibsim_link_abandon(struct hf_ibsim_link *link)
{
	close(link->data_fd);
	close(link->ctl_fd);
	link->data_fd = link->ctl_fd = -1;
}

/*
 * ibsim may give us another slot, and ends itself if its connect() fails: the kernel lets it connect to our socket only
 * while that is connected to the same slot or to none.
 */
static int disconnect_data(const struct hf_ibsim_link *link)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	return connect(link->data_fd, &none, sizeof(none)) < 0 ? -errno : 0;
}

int hf_ibsim_link_want_requests(struct hf_ibsim_link *link)
{
	int rc;

	if (link->wants_requests)
		return 0;
	rc = hf_ibsim_link_ask(link, HF_IBSIM_CTL_DISCONNECT, NULL, 0);
	if (rc == 0)
		rc = disconnect_data(link);
	if (rc < 0)
		return rc;
	disconnect_socket(link->data_fd);
	rc = attach(link, link->node, true);
	if (rc != -ENODEV)
		return rc;
	rc = attach(link, link->node, false);
	return rc < 0 ? rc : -EBUSY;
}

int hf_ibsim_link_set_sm(struct hf_ibsim_link *link, bool is_sm)
{
	int32_t value = is_sm;
	int rc = hf_ibsim_link_ask(link, HF_IBSIM_CTL_SET_ISSM, &value, sizeof(value));

	if (rc < 0)
		return rc;
	link->is_sm = is_sm;
	link->wants_requests = is_sm;
	return 0;
}

int hf_ibsim_link_send(const struct hf_ibsim_link *link, const struct hf_ibsim_mad *mad)
{
	for (;;) {
		if (send(link->data_fd, mad, sizeof(*mad), MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

int hf_ibsim_link_receive(const struct hf_ibsim_link *link, struct hf_ibsim_mad *ret_mad)
{
	for (;;) {
		ssize_t len = recv(link->data_fd, ret_mad, sizeof(*ret_mad), 0);

		if (len == (ssize_t)sizeof(*ret_mad))
			return 0;
		if (len < 0 && errno != EINTR)
			return -errno;
	}
}

bool hf_ibsim_link_is_alive(const struct hf_ibsim_link *link)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool is_refused;

	if (fd < 0)
		return true;
	is_refused = connect_socket(fd, link->basename, "ctl", -1) == -ECONNREFUSED;
	close(fd);
	return !is_refused;
}
