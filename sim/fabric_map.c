/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/fabric_map.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sim/ibsim_memory.h"
#include "sim/sma/smp.h"

#define STATE_ARMED	3
#define STATE_ACTIVE	4
#define PHYS_LINK_UP	5
#define VL_NONE		15
#define PKEY_BASE	0x7fff
#define PKEY_FULL	0x8000
#define NO_PORT		0xff

/* ------------------------------------------------------------------ looking into the file ---- */

static const void *at_offset(const struct hf_map *fabric, uint64_t offset, uint64_t size)
{
	if (offset < HF_FABRIC_HEADER_SIZE || offset > fabric->length || size > fabric->length - offset)
		return NULL;
	return fabric->file + offset;
}

/* What one of ibsim's pointers points to. */
static const void *at_address(const struct hf_map *fabric, uint64_t address, uint64_t size)
{
	return address < fabric->header.address ? NULL : at_offset(fabric, address - fabric->header.address, size);
}

static const void *element(const struct hf_map *fabric, const struct hf_map_table *table, uint64_t index)
{
	return index < table->count ? fabric->file + table->at + index * table->size : NULL;
}

static bool is_sound(const struct hf_map *fabric, const struct hf_map_table *table, uint64_t size)
{
	return table->size == size && table->at % sizeof(uint64_t) == 0 &&
	       at_offset(fabric, table->at, (uint64_t)table->count * size);
}

int hf_map_init(struct hf_map *fabric, const void *file, size_t length)
{
	const struct hf_map_header *header = file;

	*fabric = (struct hf_map){ .file = file, .length = length };
	if (length < HF_FABRIC_HEADER_SIZE || (uintptr_t)file % sizeof(uint64_t) || header->magic != HF_FABRIC_MAGIC ||
	    header->version != HF_FABRIC_VERSION)
		return -EPROTO;
	if (!atomic_load((atomic_uint *)&header->is_ready))
		return -EAGAIN;
	memcpy(&fabric->header, header, sizeof(fabric->header));
	header = &fabric->header;
	if (!is_sound(fabric, &header->nodes, sizeof(struct hf_ibsim_node)) ||
	    !is_sound(fabric, &header->switches, sizeof(struct hf_ibsim_switch)) ||
	    !is_sound(fabric, &header->ports, sizeof(struct hf_ibsim_memory_port)) ||
	    !is_sound(fabric, &header->kept_switches, sizeof(struct hf_map_kept_switch)) ||
	    !is_sound(fabric, &header->kept_ports, sizeof(struct hf_map_kept_port)) ||
	    header->kept_switches.count != header->switches.count || header->kept_ports.count != header->ports.count)
		return -EPROTO;
	return 0;
}

static void *map_file(const char *path, int flags, int protection, size_t least, size_t *ret_length)
{
	int fd = open(path, flags | O_CLOEXEC);
	struct stat stat;
	void *map = MAP_FAILED;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &stat) == 0) {
		errno = EPROTO;
		if (S_ISREG(stat.st_mode) && (uint64_t)stat.st_size >= least && stat.st_size > 0)
			map = mmap(NULL, stat.st_size, protection, MAP_SHARED, fd, 0);
	}
	close(fd);
	*ret_length = stat.st_size;
	return map == MAP_FAILED ? NULL : map;
}

int hf_map_open(struct hf_map *fabric, const char *path)
{
	char counters[PATH_MAX];
	size_t length = 0, ignored;
	void *map;
	int err;

	if ((size_t)snprintf(counters, sizeof(counters), "%s.counters", path) >= sizeof(counters))
		return -ENAMETOOLONG;
	map = map_file(path, O_RDONLY, PROT_READ, HF_FABRIC_HEADER_SIZE, &length);
	if (!map)
		return -errno;
	err = hf_map_init(fabric, map, length);
	if (err) {
		munmap(map, length);
		return err;
	}
	fabric->counters = map_file(counters, O_RDWR, PROT_READ | PROT_WRITE,
				    fabric->header.ports.count * sizeof(*fabric->counters), &ignored);
	return 0;
}

void hf_map_close(struct hf_map *fabric)
{
	if (fabric->counters)
		munmap(fabric->counters, fabric->header.ports.count * sizeof(*fabric->counters));
	munmap((void *)fabric->file, fabric->length);
	*fabric = (struct hf_map){ .file = NULL };
}

static atomic_uint *generation_of(const struct hf_map *fabric)
{
	return &((struct hf_map_header *)fabric->file)->generation;
}

unsigned int hf_map_generation(const struct hf_map *fabric)
{
	return atomic_load(generation_of(fabric));
}

void hf_map_wait(const struct hf_map *fabric, unsigned int generation, int timeout_ms)
{
	struct timespec timeout = { .tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L };

	syscall(SYS_futex, generation_of(fabric), FUTEX_WAIT, generation, &timeout, NULL, 0);
}

void hf_map_wake(const struct hf_map *fabric)
{
	syscall(SYS_futex, generation_of(fabric), FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ------------------------------------------------------------------------ nodes and ports ---- */

static const struct hf_ibsim_node *node_of(const struct hf_map *fabric, uint64_t address)
{
	uint64_t offset = address - fabric->header.address - fabric->header.nodes.at;

	if (offset % sizeof(struct hf_ibsim_node))
		return NULL;
	return element(fabric, &fabric->header.nodes, offset / sizeof(struct hf_ibsim_node));
}

static uint32_t node_index(const struct hf_map *fabric, const struct hf_ibsim_node *node)
{
	return ((const uint8_t *)node - fabric->file - fabric->header.nodes.at) / sizeof(*node);
}

static const struct hf_ibsim_switch *switch_of(const struct hf_map *fabric, const struct hf_ibsim_node *node)
{
	uint64_t offset = node->sw - fabric->header.address - fabric->header.switches.at;

	if (node->type != HF_IBSIM_SWITCH || offset % sizeof(struct hf_ibsim_switch))
		return NULL;
	return element(fabric, &fabric->header.switches, offset / sizeof(struct hf_ibsim_switch));
}

static const struct hf_map_kept_switch *kept_switch(const struct hf_map *fabric,
						       const struct hf_ibsim_switch *sw)
{
	uint64_t index = ((const uint8_t *)sw - fabric->file - fabric->header.switches.at) / sizeof(*sw);

	return element(fabric, &fabric->header.kept_switches, index);
}

/* The index of a port of a node, or UINT32_MAX. */
static uint32_t port_index(const struct hf_map *fabric, const struct hf_ibsim_node *node, unsigned int number)
{
	unsigned int first = node->type == HF_IBSIM_SWITCH ? 0 : 1;
	uint64_t index;

	if (node->ports_at < 0 || node->port_count < 0 || number < first || number > (unsigned int)node->port_count)
		return UINT32_MAX;
	index = (uint64_t)node->ports_at + number - first;
	return index < fabric->header.ports.count ? index : UINT32_MAX;
}

static const struct hf_ibsim_memory_port *port_at(const struct hf_map *fabric, uint32_t index)
{
	return element(fabric, &fabric->header.ports, index);
}

static void copy_node(const struct hf_map *fabric, const struct hf_ibsim_node *node, struct hf_map_node *ret_node)
{
	*ret_node = (struct hf_map_node){
		.index = node_index(fabric, node),
		.guid = node->guid,
		.system_guid = node->system_guid,
		.is_switch = node->type == HF_IBSIM_SWITCH,
		.port_count = node->port_count > 0 ? node->port_count : 0,
	};
	memcpy(ret_node->name, node->name, sizeof(ret_node->name) - 1);
}

int hf_map_get_node(const struct hf_map *fabric, uint32_t index, struct hf_map_node *ret_node)
{
	const struct hf_ibsim_node *node = element(fabric, &fabric->header.nodes, index);

	if (!node)
		return -ENOENT;
	copy_node(fabric, node, ret_node);
	return 0;
}

int hf_map_find_node(const struct hf_map *fabric, const char *name, struct hf_map_node *ret_node)
{
	for (uint32_t i = 0; i < fabric->header.nodes.count; i++) {
		const struct hf_ibsim_node *node = element(fabric, &fabric->header.nodes, i);

		if (strncmp(node->name, name, sizeof(node->name)) == 0) {
			copy_node(fabric, node, ret_node);
			return 0;
		}
	}
	return -ENOENT;
}

int hf_map_find_port(const struct hf_map *fabric, const struct hf_map_node *node, unsigned int number,
			uint32_t *ret_index)
{
	const struct hf_ibsim_node *raw = element(fabric, &fabric->header.nodes, node->index);
	uint32_t index = raw ? port_index(fabric, raw, number) : UINT32_MAX;

	if (index == UINT32_MAX)
		return -ENOENT;
	*ret_index = index;
	return 0;
}

/* The port at the other end of a cable, or UINT32_MAX. */
static uint32_t peer_of(const struct hf_map *fabric, const struct hf_ibsim_memory_port *port)
{
	uint64_t address = __atomic_load_n(&port->peer, __ATOMIC_RELAXED);
	const struct hf_ibsim_node *node = address ? node_of(fabric, address) : NULL;

	return node ? port_index(fabric, node, port->peer_port) : UINT32_MAX;
}

static unsigned int pkey_count(const struct hf_map *fabric, const struct hf_ibsim_node *node, unsigned int number)
{
	const struct hf_ibsim_switch *sw = switch_of(fabric, node);
	struct hf_smp_switch_info switch_info;
	struct hf_smp_node_info info;

	if (sw && number > 0) {
		memcpy(&switch_info, sw->switch_info, sizeof(switch_info));
		return be16toh(switch_info.partition_enforce_cap);
	}
	memcpy(&info, node->node_info, sizeof(info));
	return be16toh(info.partition_cap);
}

int hf_map_get_port(const struct hf_map *fabric, uint32_t index, struct hf_map_port *ret_port)
{
	const struct hf_ibsim_memory_port *port = port_at(fabric, index);
	const struct hf_map_kept_port *kept = element(fabric, &fabric->header.kept_ports, index);
	const struct hf_ibsim_node *node = port ? node_of(fabric, port->node) : NULL;
	struct hf_smp_port_info info;

	if (!node || !kept)
		return -ENOENT;
	memcpy(&info, port->port_info, sizeof(info));
	*ret_port = (struct hf_map_port){
		.index = index,
		.node = node_index(fabric, node),
		.number = port->number,
		/* What the port says of itself; hf_ibsim_memory_port.guid is for ibsim's clients alone. */
		.guid = node->guid + (node->type == HF_IBSIM_SWITCH ? 0 : port->number),
		.gid_prefix = port->subnet_prefix,
		.lid = port->lid,
		.sm_lid = port->sm_lid,
		.lmc = port->lmc & 7,
		.state = port->state,
		.phys_state = port->phys_state,
		.peer = peer_of(fabric, port),
		.width = port->width,
		.speed = port->speed,
		.speed_ext = port->speed_ext,
		.mtu = kept->mtu ? kept->mtu : info.neighbor_mtu_sm_sl >> 4,
		.mtu_cap = info.init_type_reply_mtu_cap & 0xf,
		.vl_cap = info.vl_cap_init_type >> 4,
		.sm_sl = info.neighbor_mtu_sm_sl & 0xf,
		.subnet_timeout = info.reregister_subnet_timeout & 0x1f,
		.cap_mask = be32toh(info.cap_mask),
		.guid_count = info.guid_cap < HF_FABRIC_GUIDS ? info.guid_cap : HF_FABRIC_GUIDS,
		.pkey_count = pkey_count(fabric, node, port->number),
	};
	ret_port->has_peer = ret_port->peer != UINT32_MAX;
	return 0;
}

int hf_map_get_guid(const struct hf_map *fabric, const struct hf_map_port *port, unsigned int index,
		       __be64 *ret_guid)
{
	const struct hf_map_kept_port *kept = element(fabric, &fabric->header.kept_ports, port->index);

	if (!kept || index >= port->guid_count)
		return -ENOENT;
	*ret_guid = index ? kept->guids[index] : htobe64(port->guid);
	return 0;
}

int hf_map_get_pkey(const struct hf_map *fabric, const struct hf_map_port *port, unsigned int index,
		       uint16_t *ret_pkey)
{
	const struct hf_ibsim_memory_port *raw = port_at(fabric, port->index);
	const __be16 *pkeys = raw ? at_address(fabric, raw->pkeys, (uint64_t)port->pkey_count * sizeof(*pkeys)) : NULL;
	__be16 pkey;

	if (!pkeys || index >= port->pkey_count)
		return -ENOENT;
	memcpy(&pkey, &pkeys[index], sizeof(pkey));
	*ret_pkey = be16toh(pkey);
	return 0;
}

/* ---------------------------------------------------------------------- what a port lets by ---- */

static bool has_lid(const struct hf_ibsim_memory_port *port, unsigned int lid)
{
	unsigned int first = __atomic_load_n(&port->lid, __ATOMIC_RELAXED);

	return first && lid >= first && lid < first + (1u << (port->lmc & 7));
}

static bool carries_data(const struct hf_ibsim_memory_port *port, int least_state)
{
	return __atomic_load_n(&port->state, __ATOMIC_RELAXED) >= least_state &&
	       __atomic_load_n(&port->phys_state, __ATOMIC_RELAXED) == PHYS_LINK_UP;
}

/* The lane that a port sends a packet on which came in at port @in of its switch (0 at an adapter). */
static unsigned int lane_of(const struct hf_map *fabric, const struct hf_ibsim_memory_port *out, unsigned int in,
			    unsigned int sl)
{
	const uint8_t *table = in > UINT8_MAX ? NULL :
		at_address(fabric, out->sl2vl, (in + 1) * HF_IBSIM_SL2VL_SIZE);

	if (!table)
		return VL_NONE;
	table += in * HF_IBSIM_SL2VL_SIZE;
	return sl % 2 ? table[sl / 2] & 0xf : table[sl / 2] >> 4;
}

/* Two P_Keys match if their lower bits are equal and one of the two is a full member's. */
static bool takes_pkey(const struct hf_map *fabric, uint32_t index, uint16_t pkey)
{
	const struct hf_ibsim_memory_port *port = port_at(fabric, index);
	const struct hf_ibsim_node *node = port ? node_of(fabric, port->node) : NULL;
	unsigned int count = node ? pkey_count(fabric, node, port->number) : 0;
	const uint8_t *pkeys = node ? at_address(fabric, port->pkeys, (uint64_t)count * sizeof(__be16)) : NULL;

	for (unsigned int i = 0; pkeys && i < count; i++) {
		unsigned int own = pkeys[2 * i] << 8 | pkeys[2 * i + 1];

		if ((own & PKEY_BASE) && ((own ^ pkey) & PKEY_BASE) == 0 && ((own | pkey) & PKEY_FULL))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------------------- the way ---- */

static bool end_at(struct hf_map_route *route, uint32_t port, enum hf_map_fate fate)
{
	route->fate = fate;
	route->port = port;
	return false;
}

/*
 * Over the cable at port @out, to the port at its other end.
 *
 * Return: true with @ret_in; false if the packet is lost.
 */
static bool cross(const struct hf_map *fabric, const struct hf_map_packet *packet, uint32_t out, unsigned int in,
		  int least_state, struct hf_map_route *route, uint32_t *ret_in)
{
	const struct hf_ibsim_memory_port *port = port_at(fabric, out), *peer;

	if (!port)
		return end_at(route, route->port, HF_FABRIC_LOST_DAMAGED);
	*ret_in = peer_of(fabric, port);
	peer = port_at(fabric, *ret_in);
	if (!carries_data(port, least_state) || !peer || !carries_data(peer, STATE_ARMED))
		return end_at(route, out, HF_FABRIC_LOST_PORT_DOWN);
	if (lane_of(fabric, port, in, packet->sl) == VL_NONE)
		return end_at(route, out, HF_FABRIC_LOST_VL15);
	if (route->crossed_count + 2 > sizeof(route->crossed) / sizeof(route->crossed[0]))
		return end_at(route, out, HF_FABRIC_LOST_LOOP);
	route->crossed[route->crossed_count++] = out;
	route->crossed[route->crossed_count++] = *ret_in;
	route->port = *ret_in;
	return true;
}

static void arrive(const struct hf_map *fabric, const struct hf_map_packet *packet, uint32_t index,
		   struct hf_map_route *route)
{
	if (packet->pkey && !takes_pkey(fabric, index, packet->pkey))
		end_at(route, index, HF_FABRIC_LOST_PKEY);
	else
		end_at(route, index, HF_FABRIC_DELIVERED);
}

static unsigned int lft_entry(const struct hf_map *fabric, const struct hf_ibsim_switch *sw, unsigned int lid)
{
	const uint8_t *lft = at_address(fabric, sw->lft, lid + 1);

	return lft && (int)lid <= sw->lft_top && (int)lid < sw->lft_cap ? lft[lid] : HF_IBSIM_LFT_NONE;
}

/* Through the switch of port @in; true with @ret_in of the next node, false if the packet's way ends here. */
static bool through_switch(const struct hf_map *fabric, const struct hf_map_packet *packet,
			   const struct hf_ibsim_node *node, uint32_t in, struct hf_map_route *route,
			   uint32_t *ret_in)
{
	const struct hf_ibsim_switch *sw = switch_of(fabric, node);
	unsigned int number;
	uint32_t out;

	if (!sw)
		return end_at(route, in, HF_FABRIC_LOST_DAMAGED);
	number = lft_entry(fabric, sw, packet->dlid);
	out = number == HF_IBSIM_LFT_NONE ? UINT32_MAX : port_index(fabric, node, number);
	if (out == UINT32_MAX)
		return end_at(route, in, HF_FABRIC_LOST_NO_ROUTE);
	if (number == 0) {
		/* To the switch itself, which has no queue pairs but the two that no program sees. */
		if (has_lid(port_at(fabric, out), packet->dlid))
			arrive(fabric, packet, out, route);
		else
			end_at(route, out, HF_FABRIC_LOST_WRONG_LID);
		return false;
	}
	return cross(fabric, packet, out, port_at(fabric, in)->number, STATE_ARMED, route, ret_in);
}

void hf_map_route(const struct hf_map *fabric, const struct hf_map_packet *packet,
		     struct hf_map_route *ret_route)
{
	const struct hf_ibsim_memory_port *from = port_at(fabric, packet->from), *port;
	uint32_t in;

	ret_route->crossed_count = 0;
	ret_route->port = packet->from;
	if (!from || packet->sl >= HF_FABRIC_SLS) {
		end_at(ret_route, packet->from, HF_FABRIC_LOST_DAMAGED);
		return;
	}
	if (has_lid(from, packet->dlid)) {
		if (carries_data(from, STATE_ACTIVE))
			arrive(fabric, packet, packet->from, ret_route);
		else
			end_at(ret_route, packet->from, HF_FABRIC_LOST_PORT_DOWN);
		return;
	}
	if (!cross(fabric, packet, packet->from, 0, STATE_ACTIVE, ret_route, &in))
		return;
	for (unsigned int hops = 0; hops <= HF_FABRIC_MAX_HOPS; hops++) {
		const struct hf_ibsim_node *node;

		port = port_at(fabric, in);
		node = node_of(fabric, port->node);
		if (!node) {
			end_at(ret_route, in, HF_FABRIC_LOST_DAMAGED);
			return;
		}
		if (node->type != HF_IBSIM_SWITCH) {
			if (has_lid(port, packet->dlid))
				arrive(fabric, packet, in, ret_route);
			else
				end_at(ret_route, in, HF_FABRIC_LOST_WRONG_LID);
			return;
		}
		if (!through_switch(fabric, packet, node, in, ret_route, &in))
			return;
	}
	end_at(ret_route, in, HF_FABRIC_LOST_LOOP);
}

/* ------------------------------------------------------------------------------ multicast ---- */

struct flood {
	const struct hf_map *fabric;
	const struct hf_map_packet *packet;
	void (*visit)(void *context, const struct hf_map_route *route);
	void *context;
	unsigned int copies_left;	/* tables that loop and branch would make more and more */
};

#define MAX_COPIES 65536

static bool mft_has(const struct hf_map *fabric, const struct hf_ibsim_switch *sw, unsigned int mlid,
		    unsigned int number)
{
	unsigned int offset = mlid - HF_FABRIC_MLID_FIRST, block = offset / HF_IBSIM_MFT_BLOCK;
	unsigned int position = number / HF_IBSIM_MFT_PORTS;
	const uint8_t *entry;
	uint64_t at;

	if (sw->mft_positions <= 0 || position >= (unsigned int)sw->mft_positions || block >= HF_IBSIM_MFT_BLOCKS)
		return false;
	at = ((uint64_t)block * sw->mft_positions + position) * HF_IBSIM_MFT_BLOCK + offset % HF_IBSIM_MFT_BLOCK;
	if (sw->mft > UINT64_MAX - at * 2)
		return false;
	entry = at_address(fabric, sw->mft + at * 2, 2);
	return entry && ((entry[0] << 8 | entry[1]) >> number % HF_IBSIM_MFT_PORTS & 1);
}

/* The ports of an entry, of one moment: a switch decides once where a packet goes. Return: whether there are any. */
static bool read_mft_entry(const struct hf_map *fabric, const struct hf_ibsim_node *node,
			   const struct hf_ibsim_switch *sw, unsigned int mlid, bool ret_ports[UINT8_MAX + 1])
{
	bool has_any = false;

	for (int number = 0; number <= node->port_count && number <= UINT8_MAX; number++) {
		ret_ports[number] = mft_has(fabric, sw, mlid, number);
		has_any |= ret_ports[number];
	}
	return has_any;
}

/* Where a switch sends a packet to a group that it does not know. */
static unsigned int default_mcast_port(const struct hf_map *fabric, const struct hf_ibsim_switch *sw,
				       unsigned int in)
{
	const struct hf_map_kept_switch *kept = kept_switch(fabric, sw);

	if (!kept || !kept->is_set)
		return NO_PORT;
	return in == kept->default_mcast_primary_port ? kept->default_mcast_not_primary_port :
							 kept->default_mcast_primary_port;
}

static void lose_copy(struct flood *flood, struct hf_map_route *route, uint32_t port, enum hf_map_fate fate)
{
	end_at(route, port, fate);
	flood->visit(flood->context, route);
}

static void flood_node(struct flood *flood, uint32_t in, unsigned int hops, struct hf_map_route *route);

/* The copy that leaves at port @number; what the packet has crossed up to here is counted with the first of them. */
static void flood_port(struct flood *flood, const struct hf_ibsim_node *node, unsigned int number, uint32_t in,
		       unsigned int hops, struct hf_map_route *route)
{
	uint32_t out = port_index(flood->fabric, node, number), next;

	if (flood->copies_left == 0)
		return;
	if (out == UINT32_MAX) {
		lose_copy(flood, route, in, HF_FABRIC_LOST_NO_ROUTE);
	} else if (number == 0) {
		arrive(flood->fabric, flood->packet, out, route);
		flood->visit(flood->context, route);
	} else if (cross(flood->fabric, flood->packet, out, port_at(flood->fabric, in)->number, STATE_ARMED, route,
			 &next)) {
		flood_node(flood, next, hops + 1, route);
		return;
	} else {
		flood->visit(flood->context, route);
	}
	flood->copies_left--;
	route->crossed_count = 0;
}

static void flood_switch(struct flood *flood, const struct hf_ibsim_node *node, uint32_t in, unsigned int hops,
			 struct hf_map_route *route)
{
	const struct hf_ibsim_switch *sw = switch_of(flood->fabric, node);
	unsigned int came_from = port_at(flood->fabric, in)->number, number;
	bool ports[UINT8_MAX + 1];

	if (sw && read_mft_entry(flood->fabric, node, sw, flood->packet->dlid, ports)) {
		for (number = 0; number <= (unsigned int)node->port_count && number <= UINT8_MAX; number++)
			if (number != came_from && ports[number])
				flood_port(flood, node, number, in, hops, route);
		return;
	}
	number = sw ? default_mcast_port(flood->fabric, sw, came_from) : NO_PORT;
	if (number == NO_PORT || number == came_from) {
		lose_copy(flood, route, in, HF_FABRIC_LOST_NO_ROUTE);
		route->crossed_count = 0;
	} else {
		flood_port(flood, node, number, in, hops, route);
	}
}

static void flood_node(struct flood *flood, uint32_t in, unsigned int hops, struct hf_map_route *route)
{
	const struct hf_ibsim_node *node = node_of(flood->fabric, port_at(flood->fabric, in)->node);

	if (node && node->type == HF_IBSIM_SWITCH && hops < HF_FABRIC_MAX_HOPS) {
		flood_switch(flood, node, in, hops, route);
		return;
	}
	if (!node)
		end_at(route, in, HF_FABRIC_LOST_DAMAGED);
	else if (node->type == HF_IBSIM_SWITCH)
		end_at(route, in, HF_FABRIC_LOST_LOOP);
	else
		arrive(flood->fabric, flood->packet, in, route);
	flood->visit(flood->context, route);
	route->crossed_count = 0;
	if (flood->copies_left > 0)
		flood->copies_left--;
}

void hf_map_flood(const struct hf_map *fabric, const struct hf_map_packet *packet,
		     void (*visit)(void *context, const struct hf_map_route *route), void *context)
{
	struct flood flood = {
		.fabric = fabric, .packet = packet, .visit = visit, .context = context, .copies_left = MAX_COPIES,
	};
	struct hf_map_route route = { .port = packet->from };
	uint32_t in;

	if (!port_at(fabric, packet->from) || packet->sl >= HF_FABRIC_SLS || packet->dlid < HF_FABRIC_MLID_FIRST)
		lose_copy(&flood, &route, packet->from, HF_FABRIC_LOST_DAMAGED);
	else if (cross(fabric, packet, packet->from, 0, STATE_ACTIVE, &route, &in))
		flood_node(&flood, in, 0, &route);
	else
		visit(context, &route);
}

/* ------------------------------------------------------------------------------- counters ---- */

void hf_map_count(const struct hf_map *fabric, const struct hf_map_route *route, unsigned int sl,
		     uint64_t packets)
{
	struct hf_map_counters *counters = fabric->counters;

	if (!counters)
		return;
	for (unsigned int i = 0; i < route->crossed_count; i++) {
		struct hf_map_counters *port = &counters[route->crossed[i]];

		atomic_fetch_add_explicit(i % 2 ? &port->rcv[sl] : &port->xmit[sl], packets, memory_order_relaxed);
	}
	if (route->fate != HF_FABRIC_DELIVERED && route->port < fabric->header.ports.count)
		atomic_fetch_add_explicit(&counters[route->port].lost, packets, memory_order_relaxed);
}

const char *hf_map_fate_name(enum hf_map_fate fate)
{
	static const char *const names[] = {
		[HF_FABRIC_DELIVERED] = "delivered",
		[HF_FABRIC_LOST_PORT_DOWN] = "port down",
		[HF_FABRIC_LOST_NO_ROUTE] = "no route",
		[HF_FABRIC_LOST_LOOP] = "loop",
		[HF_FABRIC_LOST_WRONG_LID] = "wrong LID",
		[HF_FABRIC_LOST_VL15] = "no lane for the SL",
		[HF_FABRIC_LOST_PKEY] = "P_Key",
		[HF_FABRIC_LOST_DAMAGED] = "damaged map",
	};

	return (unsigned int)fate < HF_FABRIC_FATE_COUNT ? names[fate] : "?";
}
