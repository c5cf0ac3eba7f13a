/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/holdfast_reader.h"

#include <errno.h>
#include <infiniband/mad.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire.h"

#define LFT_BLOCK_LIDS	64
#define ROUTE_HOPS_MAX	63
#define SMP_TIMEOUT_MS	500
#define SMP_RETRIES	4
#define DISCOVERY_SMPS	16	/* on the wire at once */

static int read_smp(const struct hf_reader *reader, ib_portid_t *to, unsigned int attr_id, unsigned int mod,
		    uint8_t ret_data[IB_SMP_DATA_SIZE])
{
	return smp_query_via(ret_data, to, attr_id, mod, SMP_TIMEOUT_MS, reader->smp) ? 0 : -EIO;
}

int hf_reader_lft(const struct hf_reader *reader, ibnd_node_t *node, uint8_t **ret_ports, size_t *ret_count)
{
	size_t count = mad_get_field(node->switchinfo, 0, IB_SW_LINEAR_FDB_TOP_F) + 1;
	size_t n_blocks = (count + LFT_BLOCK_LIDS - 1) / LFT_BLOCK_LIDS;
	uint8_t *ports = malloc(n_blocks * LFT_BLOCK_LIDS);

	if (!ports)
		return -ENOMEM;
	for (size_t block = 0; block < n_blocks; block++) {
		int err = read_smp(reader, &node->path_portid, IB_ATTR_LINEARFORWTBL, block,
				   ports + block * LFT_BLOCK_LIDS);

		if (err) {
			free(ports);
			return err;
		}
	}
	*ret_ports = ports;
	*ret_count = count;
	return 0;
}

static void unpack_sl2vl(const uint8_t data[IB_SMP_DATA_SIZE], uint8_t ret_vls[HF_READER_SLS])
{
	for (unsigned int sl = 0; sl < HF_READER_SLS; sl++)
		ret_vls[sl] = sl % 2 ? data[sl / 2] & 0x0f : data[sl / 2] >> 4;
}

int hf_reader_switch_sl2vl(const struct hf_reader *reader, ibnd_node_t *node, int in, int out,
			   uint8_t ret_vls[HF_READER_SLS])
{
	uint8_t data[IB_SMP_DATA_SIZE];
	int err = read_smp(reader, &node->path_portid, IB_ATTR_SLVL_TABLE, in << 8 | out, data);

	if (!err)
		unpack_sl2vl(data, ret_vls);
	return err;
}

/* The directed route that enters an adapter through the given port: an adapter answers for the port it is asked at. */
static ib_portid_t route_to_port(const ibnd_port_t *port)
{
	const ibnd_port_t *peer = port->remoteport;
	ib_portid_t route = port->node->path_portid;

	if (peer && peer->node->type == IB_NODE_SWITCH && peer->node->path_portid.drpath.cnt < ROUTE_HOPS_MAX) {
		route = peer->node->path_portid;
		route.drpath.p[++route.drpath.cnt] = peer->portnum;
	}
	return route;
}

int hf_reader_host_sl2vl(const struct hf_reader *reader, const ibnd_port_t *port, uint8_t ret_vls[HF_READER_SLS])
{
	ib_portid_t route = route_to_port(port);
	uint8_t data[IB_SMP_DATA_SIZE];
	int err = read_smp(reader, &route, IB_ATTR_SLVL_TABLE, 0, data);

	if (!err)
		unpack_sl2vl(data, ret_vls);
	return err;
}

static int query_paths(struct hf_reader *reader, struct hf_umad *umad, int timeout_ms)
{
	int agent;
	int err = hf_umad_register_sa(umad, false, &agent);

	return err ? err : hf_sa_paths_query(umad, agent, &reader->port, 1, timeout_ms, &reader->paths);
}

static int open_umad(const struct hf_reader *reader, struct hf_umad **ret_umad)
{
	int err = hf_umad_open(reader->device, reader->port_num, ret_umad);

	if (err)
		fprintf(stderr, "holdfast: the adapter's port cannot be opened: %s\n", strerror(-err));
	return err;
}

static int read_port(struct hf_reader *reader)
{
	struct hf_umad *umad;
	int err = open_umad(reader, &umad);

	if (err)
		return err;
	err = hf_umad_read_port(umad, &reader->port);
	hf_umad_close(umad);
	if (err)
		fprintf(stderr, "holdfast: the adapter's port cannot be read: %s\n", strerror(-err));
	return err;
}

int hf_reader_query_paths(struct hf_reader *reader, int timeout_ms)
{
	struct hf_umad *umad;
	int err = open_umad(reader, &umad);

	if (err)
		return err;
	err = query_paths(reader, umad, timeout_ms);
	hf_umad_close(umad);
	if (err)
		fprintf(stderr, "holdfast: the SA at LID %u gives no path records: %s\n", reader->port.sm_lid,
			strerror(-err));
	return err;
}

static int open_fabric(struct hf_reader *reader)
{
	int classes[] = { IB_SMI_CLASS, IB_SMI_DIRECT_CLASS };
	ibnd_config_t config = { .max_smps = DISCOVERY_SMPS, .timeout_ms = SMP_TIMEOUT_MS, .retries = SMP_RETRIES };

	reader->smp = mad_rpc_open_port(reader->device, reader->port_num, classes, 2);
	if (!reader->smp) {
		fprintf(stderr, "holdfast: SMPs cannot be sent through this port: %s\n", strerror(errno));
		return -EIO;
	}
	mad_rpc_set_retries(reader->smp, SMP_RETRIES);
	reader->fabric = ibnd_discover_fabric(reader->device, reader->port_num, NULL, &config);
	if (!reader->fabric) {
		fprintf(stderr, "holdfast: the fabric cannot be discovered\n");
		return -EIO;
	}
	return 0;
}

int hf_reader_open(struct hf_reader *reader, char *device, int port_num)
{
	int err;

	*reader = (struct hf_reader){ .device = device, .port_num = port_num };
	err = read_port(reader);
	return err ? err : open_fabric(reader);
}

void hf_reader_close(struct hf_reader *reader)
{
	if (reader->fabric)
		ibnd_destroy_fabric(reader->fabric);
	if (reader->smp)
		mad_rpc_close_port(reader->smp);
	hf_sa_paths_fini(&reader->paths);
}
