/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/snapshot.h"

#include <stdlib.h>
#include <string.h>

#define PR_REVERSIBLE	0x80
#define PR_EXACTLY	0x80	/* selector 2 of MTU, rate and packet life */

uint8_t hf_rate_min(uint8_t a, uint8_t b)
{
	/* How fast they are among each other; the IBA's codes came in another order. Others are slower than all. */
	static const uint8_t ranks[256] = {
		[2] = 1, [5] = 2, [3] = 3, [11] = 4, [6] = 5, [4] = 6, [15] = 7, [19] = 8, [7] = 9, [8] = 10, [20] = 11,
		[12] = 12, [9] = 13, [10] = 14, [16] = 15, [13] = 16, [14] = 17, [17] = 18, [18] = 19, [21] = 20,
		[22] = 21,
	};

	return ranks[b] < ranks[a] ? b : a;
}

uint8_t hf_rate_for(unsigned int can, uint8_t rate)
{
	switch (rate) {
	case 19:	/* 28 Gb/s, only of two lanes; down to 25 or 20 */
		if (can & HF_CAN_2X)
			return rate;
		return can & HF_CAN_EXTENDED ? 15 : 6;
	case 20:	/* 50 Gb/s, of two lanes or of HDR; down to 40 */
		return can & (HF_CAN_2X | HF_CAN_HDR) ? rate : 7;
	case 21:	/* 400 and 600 Gb/s, only of HDR; down to 300 */
	case 22:
		return can & HF_CAN_HDR ? rate : 18;
	default:
		return rate;
	}
}

struct hf_snapshot *hf_snapshot_share(struct hf_snapshot *snapshot)
{
	atomic_fetch_add(&snapshot->sharers, 1);
	return snapshot;
}

void hf_snapshot_free(struct hf_snapshot *snapshot)
{
	if (!snapshot || atomic_fetch_sub(&snapshot->sharers, 1) > 0)
		return;
	free(snapshot->ports);
	free(snapshot->entries);
	free(snapshot->loopbacks);
	free(snapshot->pkeys);
	free(snapshot);
}

size_t hf_snapshot_bytes(const struct hf_snapshot *snapshot)
{
	return sizeof(*snapshot) + snapshot->n_ports * sizeof(*snapshot->ports) +
	       ((size_t)snapshot->n_rows * snapshot->n_columns) * sizeof(*snapshot->entries) +
	       (snapshot->loopbacks ? snapshot->n_columns * sizeof(*snapshot->loopbacks) : 0) +
	       (size_t)snapshot->n_terms_classes * snapshot->n_terms_classes * sizeof(*snapshot->pkeys);
}

void hf_snapshot_count_ports(const struct hf_snapshot *snapshot, uint32_t *ret_ports, uint32_t *ret_switches)
{
	*ret_ports = *ret_switches = 0;
	for (uint32_t i = 0; i < snapshot->n_ports; i++) {
		*ret_ports += hf_port_is_present(&snapshot->ports[i]);
		*ret_switches += snapshot->ports[i].is_switch;
	}
}

const struct hf_port *hf_snapshot_port(const struct hf_snapshot *snapshot, uint32_t index)
{
	static const struct hf_port absent;

	return index < snapshot->n_ports ? &snapshot->ports[index] : &absent;
}

hf_entry hf_snapshot_entry(const struct hf_snapshot *snapshot, uint32_t src, uint32_t src_lid, uint32_t dst,
			   uint32_t dst_lid)
{
	const struct hf_port *source = hf_snapshot_port(snapshot, src);
	const struct hf_port *destination = hf_snapshot_port(snapshot, dst);
	uint32_t row = source->row + (snapshot->rows_are_lids ? src_lid : 0);
	uint32_t column = destination->first_column + dst_lid;

	if (!hf_port_is_present(source) || !hf_port_is_present(destination) ||
	    src_lid >= hf_port_count_lids(source) || dst_lid >= hf_port_count_lids(destination))
		return 0;
	if (src == dst && snapshot->loopbacks)
		return snapshot->loopbacks[column];
	return snapshot->entries[(size_t)row * snapshot->n_columns + column];
}

static union hf_gid port_gid(const struct hf_snapshot *snapshot, const struct hf_port *port)
{
	union hf_gid gid;

	gid.prefix = snapshot->routing.subnet_prefix;
	gid.guid = htobe64(port->guid);
	return gid;
}

void hf_snapshot_path_record(const struct hf_snapshot *snapshot, uint32_t src, uint32_t dst,
			     struct hf_path_record *ret_record)
{
	const struct hf_port *source = hf_snapshot_port(snapshot, src);
	const struct hf_port *destination = hf_snapshot_port(snapshot, dst);
	hf_entry path = hf_snapshot_path(snapshot, src, dst);

	memset(ret_record, 0, sizeof(*ret_record));
	ret_record->sgid = port_gid(snapshot, source);
	ret_record->dgid = port_gid(snapshot, destination);
	ret_record->slid = htobe16(source->lid);
	ret_record->dlid = htobe16(destination->lid);
	ret_record->num_path = hf_snapshot_path(snapshot, dst, src) ? PR_REVERSIBLE : 0;
	if (hf_port_is_present(source) && hf_port_is_present(destination))
		ret_record->pkey = htobe16(hf_snapshot_pkey(snapshot, source->terms_class, destination->terms_class));
	if (!path)
		return;
	ret_record->qos_class_sl = htobe16(hf_entry_sl(path));
	ret_record->mtu = PR_EXACTLY | hf_entry_mtu(path);
	ret_record->rate = PR_EXACTLY | hf_entry_rate(path);
	ret_record->pkt_life = PR_EXACTLY | hf_snapshot_pkt_life(snapshot, path);
}
