/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/sma/map.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim/fabric_map.h"
#include "sim/ibsim_memory.h"

#define RESERVED	(UINT64_C(16) << 30)	/* addresses; the file is as long as what is in use */
#define GROWTH		(UINT64_C(16) << 20)
#define ALIGNMENT	16

static struct {
	char path[PATH_MAX];
	int fd;
	uint8_t *base;
	uint64_t used, length;
	bool is_published;
	struct hf_map_header *header;	/* at @base */
} map = { .fd = -1 };

int hf_map_begin(const char *path)
{
	int err;

	if ((size_t)snprintf(map.path, sizeof(map.path), "%s", path) >= sizeof(map.path))
		return -ENAMETOOLONG;
	unlink(path);
	map.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (map.fd < 0)
		return -errno;
	map.length = GROWTH;
	if (ftruncate(map.fd, map.length) < 0)
		goto err_close;
	map.base = mmap(NULL, RESERVED, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, map.fd, 0);
	if (map.base == MAP_FAILED)
		goto err_close;
	map.header = (struct hf_map_header *)map.base;
	map.used = HF_FABRIC_HEADER_SIZE;
	*map.header = (struct hf_map_header){
		.magic = HF_FABRIC_MAGIC,
		.version = HF_FABRIC_VERSION,
		.pid = getpid(),
		.address = (uintptr_t)map.base,
	};
	return 0;

err_close:
	err = -errno;
	close(map.fd);
	map.fd = -1;
	map.base = NULL;
	return err;
}

/* ibsim's tables are the first of their element's size. */
static void note_table(uint64_t at, size_t count, size_t size)
{
	struct hf_map_table *table = NULL;

	if (size == sizeof(struct hf_ibsim_node))
		table = &map.header->nodes;
	else if (size == sizeof(struct hf_ibsim_switch))
		table = &map.header->switches;
	else if (size == sizeof(struct hf_ibsim_memory_port))
		table = &map.header->ports;
	if (table && !table->at && count <= UINT32_MAX)
		*table = (struct hf_map_table){ .at = at, .count = count, .size = size };
}

void *hf_map_alloc(size_t count, size_t size)
{
	uint64_t bytes, at = map.used;

	if (!map.base || map.is_published || __builtin_mul_overflow(count, size, &bytes))
		return NULL;
	if (bytes > RESERVED || at + bytes > RESERVED - ALIGNMENT)
		return NULL;
	if (at + bytes > map.length) {
		uint64_t length = (at + bytes + GROWTH - 1) / GROWTH * GROWTH;

		if (ftruncate(map.fd, length) < 0)
			return NULL;
		map.length = length;
	}
	map.used = (at + bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	note_table(at, count, size);
	return map.base + at;
}

bool hf_map_has(const void *memory)
{
	return map.base && (const uint8_t *)memory >= map.base && (const uint8_t *)memory < map.base + RESERVED;
}

/* ------------------------------------------------------- is it kept as we think it is? ---- */

static void *table_element(const struct hf_map_table *table, uint64_t index)
{
	return map.base + table->at + index * table->size;
}

static bool is_element(const struct hf_map_table *table, uint64_t address)
{
	uint64_t offset = address - (uintptr_t)map.base - table->at;

	return offset / table->size < table->count && offset % table->size == 0;
}

static bool is_in_map(uint64_t address, uint64_t size)
{
	uint64_t offset = address - (uintptr_t)map.base;

	return offset >= HF_FABRIC_HEADER_SIZE && offset <= map.used && size <= map.used - offset;
}

static bool is_sound_port(const struct hf_ibsim_node *node, const struct hf_ibsim_memory_port *port, int number)
{
	uint64_t lanes = node->sw ? (uint64_t)node->port_count + 1 : 1;

	return port->node == (uintptr_t)node && port->number == number && port->state >= 0 && port->state <= 4 &&
	       port->phys_state >= 0 && port->phys_state <= 7 && port->lmc >= 0 && port->lmc <= 7 &&
	       (!port->peer || is_element(&map.header->nodes, port->peer)) &&
	       (!port->pkeys || is_in_map(port->pkeys, sizeof(__be16))) &&
	       is_in_map(port->sl2vl, lanes * HF_IBSIM_SL2VL_SIZE);
}

static bool is_sound_switch(const struct hf_ibsim_node *node)
{
	const struct hf_ibsim_switch *sw = (const void *)(uintptr_t)node->sw;

	return is_element(&map.header->switches, node->sw) && sw->node == (uintptr_t)node && sw->lft_cap > 0 &&
	       is_in_map(sw->lft, sw->lft_cap) && sw->mft_positions > 0 && is_in_map(sw->mft, 1);
}

static bool is_sound_node(const struct hf_ibsim_node *node, uint32_t ports_at)
{
	int first = node->type == HF_IBSIM_SWITCH ? 0 : 1;
	struct hf_smp_node_info info;

	memcpy(&info, node->node_info, sizeof(info));
	if (node->type > HF_IBSIM_ROUTER || be64toh(info.node_guid) != node->guid || info.type != node->type ||
	    info.port_count != node->port_count || node->ports_at < 0 || (uint32_t)node->ports_at != ports_at ||
	    memchr(node->name, '\0', sizeof(node->name)) == NULL)
		return false;
	if ((node->type == HF_IBSIM_SWITCH) != (node->sw != 0) || (node->sw && !is_sound_switch(node)))
		return false;
	for (int number = first; number <= node->port_count; number++)
		if (ports_at + number - first >= map.header->ports.count ||
		    !is_sound_port(node, table_element(&map.header->ports, ports_at + number - first), number))
			return false;
	return true;
}

/* Counts what is in use: ibsim fills each table from its beginning. */
static const char *check(uint32_t *ret_nodes, uint32_t *ret_switches, uint32_t *ret_ports)
{
	struct hf_map_header *header = map.header;

	*ret_nodes = *ret_switches = *ret_ports = 0;
	if (!header->nodes.at || !header->switches.at || !header->ports.at)
		return "it has not the tables that ibsim 0.10 has";
	for (; *ret_nodes < header->nodes.count; (*ret_nodes)++) {
		const struct hf_ibsim_node *node = table_element(&header->nodes, *ret_nodes);

		if (node->type == HF_IBSIM_NO_NODE)
			break;
		if (!is_sound_node(node, *ret_ports))
			return "its tables are not as ibsim 0.10 has them";
		*ret_switches += node->type == HF_IBSIM_SWITCH;
		*ret_ports += node->port_count + (node->type == HF_IBSIM_SWITCH);
	}
	return NULL;
}

static int make_counters(uint32_t ports)
{
	char path[PATH_MAX + sizeof(".counters")];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s.counters", map.path);
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0666) < 0 || ftruncate(fd, (off_t)ports * sizeof(struct hf_map_counters)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static bool add_table(struct hf_map_table *table, uint32_t count, uint32_t size)
{
	uint8_t *memory = hf_map_alloc(count, size);

	if (!memory)
		return false;
	*table = (struct hf_map_table){ .at = memory - map.base, .count = count, .size = size };
	return true;
}

const char *hf_map_publish(void)
{
	uint32_t nodes, switches, ports;
	const char *problem = NULL;

	if (!map.base || map.is_published)
		return NULL;
	problem = check(&nodes, &switches, &ports);
	if (!problem && (!add_table(&map.header->kept_switches, switches, sizeof(struct hf_map_kept_switch)) ||
			 !add_table(&map.header->kept_ports, ports, sizeof(struct hf_map_kept_port))))
		problem = "the file cannot grow";
	map.is_published = true;
	if (!problem && make_counters(ports) < 0)
		problem = "the file of counters cannot be made";
	if (problem) {
		unlink(map.path);
		return problem;
	}
	map.header->nodes.count = nodes;
	map.header->switches.count = switches;
	map.header->ports.count = ports;
	map.header->length = map.used;
	atomic_store(&map.header->is_ready, 1);
	hf_map_changed();
	return NULL;
}

static bool is_ready(void)
{
	return map.base && atomic_load(&map.header->is_ready);
}

void hf_map_changed(void)
{
	if (!is_ready())
		return;
	atomic_fetch_add(&map.header->generation, 1);
	syscall(SYS_futex, &map.header->generation, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* -------------------------------------------------------- what ibsim itself does not keep ---- */

static const struct hf_ibsim_node *find_node(uint64_t guid)
{
	static uint32_t cache[4096];	/* index by GUID, as last found */
	uint32_t *slot = &cache[(guid ^ guid >> 12) % (sizeof(cache) / sizeof(cache[0]))];
	const struct hf_ibsim_node *node = table_element(&map.header->nodes, *slot);

	if (node->guid == guid)
		return node;
	for (uint32_t i = 0; i < map.header->nodes.count; i++) {
		node = table_element(&map.header->nodes, i);
		if (node->guid == guid) {
			*slot = i;
			return node;
		}
	}
	return NULL;
}

static void keep_switch(const struct hf_ibsim_node *node, const struct hf_sma_record *record, bool is_gone)
{
	uint64_t index = (node->sw - (uintptr_t)map.base - map.header->switches.at) / sizeof(struct hf_ibsim_switch);
	struct hf_map_kept_switch *kept = table_element(&map.header->kept_switches, index);
	struct hf_smp_switch_info info;

	memcpy(&info, record->switch_info, sizeof(info));
	*kept = (struct hf_map_kept_switch){
		.is_set = record->has_switch_info && !is_gone,
		.default_port = info.default_port,
		.default_mcast_primary_port = info.default_mcast_primary_port,
		.default_mcast_not_primary_port = info.default_mcast_not_primary_port,
	};
}

static void keep_port(uint32_t index, const struct hf_sma_port *port, const struct hf_sma_record *record, bool is_gone)
{
	struct hf_map_kept_port *kept = table_element(&map.header->kept_ports, index);
	struct hf_smp_port_info info;

	if (is_gone) {
		*kept = (struct hf_map_kept_port){ .mtu = 0 };
		return;
	}
	memcpy(&info, port->info, sizeof(info));
	kept->mtu = port->is_set ? info.neighbor_mtu_sm_sl >> 4 : 0;
	memcpy(kept->guids, record->guids, sizeof(kept->guids));
}

void hf_map_keep(const struct hf_sma_record *record, bool is_gone)
{
	const struct hf_ibsim_node *node = is_ready() ? find_node(record->key.node_guid) : NULL;

	if (!node)
		return;
	if (node->type == HF_IBSIM_SWITCH) {
		keep_switch(node, record, is_gone);
		for (uint32_t i = 0; i < record->port_count && (int32_t)i <= node->port_count; i++)
			keep_port(node->ports_at + i, &record->ports[i], record, is_gone);
	} else if (record->key.port >= 1 && (int32_t)record->key.port <= node->port_count && record->port_count) {
		keep_port(node->ports_at + record->key.port - 1, &record->ports[0], record, is_gone);
	}
}
