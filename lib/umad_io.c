/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/umad_io.h"

#include <errno.h>
#include <infiniband/umad.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SA_CLASS_VERSION	2
#define RMPP_VERSION		1
#define QKEY_GSI		0x80010000u
#define MAX_CAS			UMAD_MAX_DEVICES
#define FIRST_READ_BYTES	(4 * HF_MAD_SIZE)

struct hf_umad {
	int fd;
	char device[64];
	int port_num;
};

static void fill_port(const umad_port_t *port, struct hf_umad_port *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->device, sizeof(out->device), "%s", port->ca_name);
	out->port_num = port->portnum;
	out->lid = port->base_lid;
	out->lmc = port->lmc;
	out->sm_lid = port->sm_lid;
	out->sm_sl = port->sm_sl;
	out->state = port->state;
	out->gid.prefix = port->gid_prefix;
	out->gid.guid = port->port_guid;
}

static int append_ports(const char *device, struct hf_umad_port **ports, size_t *count)
{
	umad_ca_t ca;
	int err = 0;

	if (umad_get_ca(device, &ca) < 0)
		return -EIO;
	for (int i = 0; i <= ca.numports && !err; i++) {
		struct hf_umad_port *grown;

		if (!ca.ports[i] || strcmp(ca.ports[i]->link_layer, "InfiniBand"))
			continue;
		grown = realloc(*ports, (*count + 1) * sizeof(**ports));
		if (!grown) {
			err = -ENOMEM;
			break;
		}
		*ports = grown;
		fill_port(ca.ports[i], &grown[(*count)++]);
	}
	umad_release_ca(&ca);
	return err;
}

int hf_umad_list_ports(struct hf_umad_port **ret_ports, size_t *ret_count)
{
	struct umad_device_node *list, *node;
	struct hf_umad_port *ports = NULL;
	size_t count = 0;
	int err = 0;

	umad_init();
	list = umad_get_ca_device_list();
	for (node = list; node && !err; node = node->next)
		err = append_ports(node->ca_name, &ports, &count);
	umad_free_ca_device_list(list);
	if (err) {
		free(ports);
		return err;
	}
	*ret_ports = ports;
	*ret_count = count;
	return 0;
}

/* umad_open_port() gives -ENODEV, -EINVAL and -EIO, the last for any failure of open(), whose errno is still there. */
static int open_error(int result)
{
	if (result == -EIO && (errno == EACCES || errno == EPERM))
		return -EACCES;
	return result == -EIO ? -EIO : -ENODEV;
}

int hf_umad_open(const char *device, int port_num, struct hf_umad **ret_umad)
{
	struct hf_umad *umad = calloc(1, sizeof(*umad));
	umad_port_t port;
	int err;

	if (!umad)
		return -ENOMEM;
	umad_init();
	if (umad_get_port(device, port_num, &port) < 0) {
		err = -ENODEV;
		goto err_free_umad;
	}
	snprintf(umad->device, sizeof(umad->device), "%s", port.ca_name);
	umad->port_num = port.portnum;
	umad_release_port(&port);

	umad->fd = umad_open_port(umad->device, umad->port_num);
	if (umad->fd < 0) {
		err = open_error(umad->fd);
		goto err_free_umad;
	}
	*ret_umad = umad;
	return 0;

err_free_umad:
	free(umad);
	return err;
}

void hf_umad_close(struct hf_umad *umad)
{
	if (!umad)
		return;
	umad_close_port(umad->fd);
	free(umad);
}

static int register_agent(struct hf_umad *umad, struct umad_reg_attr *attr, int *ret_agent)
{
	uint32_t agent;
	int result = umad_register2(umad->fd, attr, &agent);	/* a positive errno */

	if (result)
		return result == EBUSY || result == EINVAL ? -EBUSY : -EIO;
	*ret_agent = (int)agent;
	return 0;
}

int hf_umad_register_sa(struct hf_umad *umad, bool reports, int *ret_agent)
{
	struct umad_reg_attr attr = {
		.mgmt_class = HF_CLASS_SUBN_ADM,
		.mgmt_class_version = SA_CLASS_VERSION,
		.rmpp_version = RMPP_VERSION,
	};

	if (reports)
		attr.method_mask[0] = UINT64_C(1) << HF_METHOD_REPORT;
	return register_agent(umad, &attr, ret_agent);
}

int hf_umad_register_vendor(struct hf_umad *umad, uint8_t mgmt_class, uint8_t version, uint32_t oui,
			    const uint8_t *methods, size_t method_count, int *ret_agent)
{
	struct umad_reg_attr attr = {
		.mgmt_class = mgmt_class,
		.mgmt_class_version = version,
		.oui = oui,
	};

	for (size_t i = 0; i < method_count; i++)
		attr.method_mask[methods[i] / 64] |= UINT64_C(1) << methods[i] % 64;
	return register_agent(umad, &attr, ret_agent);
}

int hf_umad_fd(const struct hf_umad *umad)
{
	return umad->fd;
}

int hf_umad_send(struct hf_umad *umad, int agent, const struct hf_mad_addr *to, const void *mad, size_t len,
		 int timeout_ms, int retries)
{
	_Alignas(8) uint8_t buffer[sizeof(struct ib_user_mad) + HF_MAD_SIZE] = { 0 };
	struct ib_user_mad *packet = (struct ib_user_mad *)buffer;

	if (len > HF_MAD_SIZE)
		return -EINVAL;
	memcpy(packet->data, mad, len);
	packet->addr.lid = htobe16(to->lid);
	packet->addr.qpn = htobe32(to->qpn);
	packet->addr.qkey = htobe32(to->qkey ? to->qkey : QKEY_GSI);
	packet->addr.sl = to->sl;
	packet->addr.path_bits = to->path_bits;
	packet->addr.pkey_index = to->pkey_index;
	if (umad_send(umad->fd, agent, packet, (int)len, timeout_ms, retries) == 0)
		return 0;
	return errno == EAGAIN || errno == ENOMEM ? -EAGAIN : errno == EINVAL ? -EINVAL : -EIO;
}

/* Reads one packet into @packet; -ENOSPC with @length set to what it needs where it is longer than @length. */
static int read_packet(struct hf_umad *umad, struct ib_user_mad *packet, int *length)
{
	int agent = umad_recv(umad->fd, packet, length, 0);

	if (agent >= 0)
		return 0;
	switch (errno) {
	case EAGAIN:
	case EINTR:
		return -EAGAIN;
	case ENOSPC:
		return -ENOSPC;
	case ENODEV:
	case EIO:
		return -ENODEV;
	default:
		return -EIO;
	}
}

int hf_umad_recv(struct hf_umad *umad, struct hf_umad_received *ret_received)
{
	int length = FIRST_READ_BYTES;
	struct ib_user_mad *packet = NULL;
	int err;

	do {
		struct ib_user_mad *grown = realloc(packet, sizeof(*packet) + length);

		if (!grown) {
			err = -ENOMEM;
			goto err_free_packet;
		}
		packet = grown;
		err = read_packet(umad, packet, &length);
	} while (err == -ENOSPC);
	if (err)
		goto err_free_packet;

	*ret_received = (struct hf_umad_received){
		.agent = (int)packet->agent_id,
		.status = -(int)packet->status,
		.from = {
			.lid = be16toh(packet->addr.lid),
			.qpn = be32toh(packet->addr.qpn),
			.qkey = be32toh(packet->addr.qkey),
			.sl = packet->addr.sl,
			.path_bits = packet->addr.path_bits,
			.pkey_index = packet->addr.pkey_index,
		},
		.len = length,
	};
	/* The caller gets one block to free: the MAD moves to its start. */
	memmove(packet, packet->data, length);
	ret_received->mad = (uint8_t *)packet;
	return 0;

err_free_packet:
	free(packet);
	return err;
}

int hf_umad_read_port(struct hf_umad *umad, struct hf_umad_port *ret_port)
{
	umad_port_t port;

	if (umad_get_port(umad->device, umad->port_num, &port) < 0)
		return -EIO;
	fill_port(&port, ret_port);
	umad_release_port(&port);
	return 0;
}
