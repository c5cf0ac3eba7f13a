/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/umad/sysfs.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <rdma/ib_user_mad.h>
#include <stdarg.h>
#include <stdlib.h>

#define array_size(a) (sizeof(a) / sizeof((a)[0]))

/* Where NodeInfo and PortInfo keep what sysfs shows (IBA volume 1, 14.2.5.3 and 14.2.5.6). */
enum {
	NODE_TYPE = 2,
	NODE_SYSTEM_GUID = 4,
	NODE_GUID = 12,
	PORT_GID_PREFIX = 8,
	PORT_LID = 16,
	PORT_SM_LID = 18,
	PORT_CAP_MASK = 20,
	PORT_LOCAL_NUMBER = 28,
	PORT_WIDTH_ACTIVE = 31,
	PORT_STATE = 32, /* lower 4 bits */
	PORT_PHYSICAL_STATE = 33, /* upper 4 bits */
	PORT_LMC = 34, /* lower 3 bits */
	PORT_SPEED_ACTIVE = 35, /* upper 4 bits */
	PORT_SM_SL = 36, /* lower 4 bits */
	PORT_SPEED_EXT_ACTIVE = 62, /* upper 4 bits */
};

#define CAP_EXTENDED_SPEEDS (1U << 14)

struct text {
	char *buffer;
	size_t len;
};

/*
 * A row is a path; a component of it may stand for several: "<adapter>" is hfsim0 and so on, "umad<adapter>" and
 * "issm<adapter>" likewise, "<port>" the number of the adapter's port, "<pkey>" 0 to 31.
 */
struct hf_sysfs_row {
	const char *pattern;
	enum hf_sysfs_kind kind;
	unsigned int needs;
	void (*show)(struct text *text, const struct hf_sysfs_node *node, const struct hf_adapter_facts *facts);
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(text->buffer + text->len, HF_SYSFS_TEXT_SIZE - text->len, format, args);
	va_end(args);
	if (len > 0)
		text->len += (size_t)len;
	if (text->len >= HF_SYSFS_TEXT_SIZE)
		text->len = HF_SYSFS_TEXT_SIZE - 1;
}

static uint16_t get16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static uint32_t get32(const uint8_t *from)
{
	return (uint32_t)get16(from) << 16 | get16(from + 2);
}

static uint64_t get64(const uint8_t *from)
{
	return (uint64_t)get32(from) << 32 | get32(from + 4);
}

static void put_guid(struct text *text, uint64_t guid)
{
	put(text, "%04x:%04x:%04x:%04x", (unsigned int)(guid >> 48), (unsigned int)(guid >> 32 & 0xffff),
	    (unsigned int)(guid >> 16 & 0xffff), (unsigned int)(guid & 0xffff));
}

static void put_name(struct text *text, const char *const *names, size_t count, unsigned int value)
{
	put(text, "%u: %s\n", value, value < count && names[value] ? names[value] : "<unknown>");
}

#define SHOW(name) \
	static void name(struct text *text, const struct hf_sysfs_node *node, const struct hf_adapter_facts *facts)
#define UNUSED(x) (void)(x)

SHOW(show_abi_version)
{
	UNUSED(node), UNUSED(facts);
	put(text, "%d\n", IB_USER_MAD_ABI_VERSION);
}

SHOW(show_adapter_name)
{
	UNUSED(facts);
	char name[HF_SYSFS_NAME_SIZE];

	hf_sysfs_adapter_name(node->adapter, name);
	put(text, "%s\n", name);
}

SHOW(show_port_number)
{
	UNUSED(node);
	put(text, "%u\n", hf_sysfs_port_number(facts));
}

SHOW(show_node_type)
{
	UNUSED(node);
	static const char *const names[] = { [1] = "CA", [2] = "SWITCH", [3] = "ROUTER" };

	put_name(text, names, array_size(names), facts->node_info[NODE_TYPE]);
}

SHOW(show_firmware)
{
	UNUSED(node);
	put(text, "%" PRIx64 "\n", facts->vendor.firmware);
}

SHOW(show_revision)
{
	UNUSED(node);
	put(text, "%x\n", facts->vendor.revision);
}

SHOW(show_type)
{
	UNUSED(node), UNUSED(facts);
	put(text, "simulator\n");
}

SHOW(show_node_guid)
{
	UNUSED(node);
	put_guid(text, get64(facts->node_info + NODE_GUID));
	put(text, "\n");
}

SHOW(show_system_guid)
{
	UNUSED(node);
	put_guid(text, get64(facts->node_info + NODE_SYSTEM_GUID));
	put(text, "\n");
}

SHOW(show_node_desc)
{
	UNUSED(node);
	put(text, "%s\n", facts->node);
}

SHOW(show_lid)
{
	UNUSED(node);
	put(text, "0x%x\n", get16(facts->port_info + PORT_LID));
}

SHOW(show_lmc)
{
	UNUSED(node);
	put(text, "%d\n", facts->port_info[PORT_LMC] & 7);
}

SHOW(show_sm_lid)
{
	UNUSED(node);
	put(text, "0x%x\n", get16(facts->port_info + PORT_SM_LID));
}

SHOW(show_sm_sl)
{
	UNUSED(node);
	put(text, "%d\n", facts->port_info[PORT_SM_SL] & 15);
}

SHOW(show_cap_mask)
{
	UNUSED(node);
	put(text, "0x%08x\n", get32(facts->port_info + PORT_CAP_MASK));
}

SHOW(show_link_layer)
{
	UNUSED(node), UNUSED(facts);
	put(text, "InfiniBand\n");
}

SHOW(show_state)
{
	UNUSED(node);
	static const char *const names[] = { "NOP", "DOWN", "INIT", "ARMED", "ACTIVE", "ACTIVE_DEFER" };

	put_name(text, names, array_size(names), facts->port_info[PORT_STATE] & 15);
}

SHOW(show_physical_state)
{
	UNUSED(node);
	static const char *const names[] = {
		[1] = "Sleep", [2] = "Polling", [3] = "Disabled", [4] = "PortConfigurationTraining",
		[5] = "LinkUp", [6] = "LinkErrorRecovery", [7] = "Phy Test",
	};

	put_name(text, names, array_size(names), facts->port_info[PORT_PHYSICAL_STATE] >> 4);
}

static unsigned int link_lanes(const struct hf_adapter_facts *facts)
{
	switch (facts->port_info[PORT_WIDTH_ACTIVE]) {
	case 1:
		return 1;
	case 2:
		return 4;
	case 4:
		return 8;
	case 8:
		return 12;
	case 16:
		return 2;
	default:
		return 0;
	}
}

/* One lane's signalling rate in units of 100 Mb/s, and the kernel's word for it. */
struct lane_speed {
	unsigned int code;
	unsigned int rate;
	const char *name;
};

static const struct lane_speed *find_speed(const struct lane_speed *speeds, size_t count, unsigned int code)
{
	for (size_t i = 0; i < count; i++)
		if (speeds[i].code == code)
			return &speeds[i];
	return NULL;
}

static const struct lane_speed *link_speed(const struct hf_adapter_facts *facts)
{
	static const struct lane_speed single = { 1, 25, "" };
	static const struct lane_speed plain[] = { { 2, 50, " DDR" }, { 4, 100, " QDR" } };
	static const struct lane_speed extended[] = {
		{ 1, 140, " FDR" }, { 2, 250, " EDR" }, { 4, 500, " HDR" }, { 8, 1000, " NDR" },
	};
	const struct lane_speed *speed = NULL;

	if (get32(facts->port_info + PORT_CAP_MASK) & CAP_EXTENDED_SPEEDS)
		speed = find_speed(extended, array_size(extended), facts->port_info[PORT_SPEED_EXT_ACTIVE] >> 4);
	if (!speed)
		speed = find_speed(plain, array_size(plain), facts->port_info[PORT_SPEED_ACTIVE] >> 4);
	return speed ? speed : &single;
}

SHOW(show_rate)
{
	UNUSED(node);
	const struct lane_speed *speed = link_speed(facts);
	unsigned int lanes = link_lanes(facts);
	unsigned int rate = speed->rate * lanes;

	put(text, "%u%s Gb/sec (%uX%s)\n", rate / 10, rate % 10 ? ".5" : "", lanes, speed->name);
}

/* ibsim's SMA counts port GUIDs up from the node GUID. */
SHOW(show_gid)
{
	UNUSED(node);
	put_guid(text, get64(facts->port_info + PORT_GID_PREFIX));
	put(text, ":");
	put_guid(text, get64(facts->node_info + NODE_GUID) + hf_sysfs_port_number(facts));
	put(text, "\n");
}

SHOW(show_pkey)
{
	put(text, "0x%04x\n", be16toh(facts->pkeys[node->pkey]));
}

#define CLASS "/sys/class/infiniband"
#define MAD CLASS "_mad"
#define PORT CLASS "/<adapter>/ports/<port>"

#define NODE_INFO HF_SYSFS_NEEDS_NODE_INFO
#define PORT_INFO HF_SYSFS_NEEDS_PORT_INFO
#define VENDOR HF_SYSFS_NEEDS_VENDOR
#define PKEYS HF_SYSFS_NEEDS_PKEYS

static const struct hf_sysfs_row rows[] = {
	{ "/dev/infiniband", HF_SYSFS_DIR, 0, NULL },
	{ "/dev/infiniband/umad<adapter>", HF_SYSFS_UMAD, 0, NULL },
	{ "/dev/infiniband/issm<adapter>", HF_SYSFS_ISSM, 0, NULL },
	{ MAD, HF_SYSFS_DIR, 0, NULL },
	{ MAD "/abi_version", HF_SYSFS_FILE, 0, show_abi_version },
	{ MAD "/umad<adapter>", HF_SYSFS_DIR, 0, NULL },
	{ MAD "/umad<adapter>/ibdev", HF_SYSFS_FILE, 0, show_adapter_name },
	{ MAD "/umad<adapter>/port", HF_SYSFS_FILE, PORT_INFO, show_port_number },
	{ MAD "/issm<adapter>", HF_SYSFS_DIR, 0, NULL },
	{ MAD "/issm<adapter>/ibdev", HF_SYSFS_FILE, 0, show_adapter_name },
	{ MAD "/issm<adapter>/port", HF_SYSFS_FILE, PORT_INFO, show_port_number },
	{ CLASS, HF_SYSFS_DIR, 0, NULL },
	{ CLASS "/<adapter>", HF_SYSFS_DIR, 0, NULL },
	{ CLASS "/<adapter>/node_type", HF_SYSFS_FILE, NODE_INFO, show_node_type },
	{ CLASS "/<adapter>/fw_ver", HF_SYSFS_FILE, VENDOR, show_firmware },
	{ CLASS "/<adapter>/hw_rev", HF_SYSFS_FILE, VENDOR, show_revision },
	{ CLASS "/<adapter>/hca_type", HF_SYSFS_FILE, 0, show_type },
	{ CLASS "/<adapter>/node_guid", HF_SYSFS_FILE, NODE_INFO, show_node_guid },
	{ CLASS "/<adapter>/sys_image_guid", HF_SYSFS_FILE, NODE_INFO, show_system_guid },
	{ CLASS "/<adapter>/node_desc", HF_SYSFS_FILE, 0, show_node_desc },
	{ CLASS "/<adapter>/ports", HF_SYSFS_DIR, 0, NULL },
	{ PORT, HF_SYSFS_DIR, 0, NULL },
	{ PORT "/lid", HF_SYSFS_FILE, PORT_INFO, show_lid },
	{ PORT "/lid_mask_count", HF_SYSFS_FILE, PORT_INFO, show_lmc },
	{ PORT "/sm_lid", HF_SYSFS_FILE, PORT_INFO, show_sm_lid },
	{ PORT "/sm_sl", HF_SYSFS_FILE, PORT_INFO, show_sm_sl },
	{ PORT "/state", HF_SYSFS_FILE, PORT_INFO, show_state },
	{ PORT "/phys_state", HF_SYSFS_FILE, PORT_INFO, show_physical_state },
	{ PORT "/rate", HF_SYSFS_FILE, PORT_INFO, show_rate },
	{ PORT "/cap_mask", HF_SYSFS_FILE, PORT_INFO, show_cap_mask },
	{ PORT "/link_layer", HF_SYSFS_FILE, 0, show_link_layer },
	{ PORT "/gids", HF_SYSFS_DIR, 0, NULL },
	{ PORT "/gids/0", HF_SYSFS_FILE, NODE_INFO | PORT_INFO, show_gid },
	{ PORT "/pkeys", HF_SYSFS_DIR, 0, NULL },
	{ PORT "/pkeys/<pkey>", HF_SYSFS_FILE, PKEYS, show_pkey },
};

/* A decimal number below @limit without needless zeroes, up to the end of @text. */
static bool parse_number(const char *text, unsigned int limit, unsigned int *ret_value)
{
	char *end;

	if (!isdigit((unsigned char)text[0]) || (text[0] == '0' && text[1] != '\0'))
		return false;

	unsigned long value = strtoul(text, &end, 10);

	if (*end != '\0' || value >= limit)
		return false;
	*ret_value = (unsigned int)value;
	return true;
}

static bool parse_adapter(const char *text, const char *prefix, unsigned int adapters, struct hf_sysfs_node *node)
{
	size_t len = strlen(prefix);

	if (strncmp(text, prefix, len) != 0 || !parse_number(text + len, adapters, &node->adapter))
		return false;
	node->has_adapter = true;
	return true;
}

static bool parse_port(const char *text, struct hf_sysfs_node *node)
{
	node->has_port = true;
	return parse_number(text, UINT8_MAX, &node->port);
}

static bool match_component(const char *pattern, const char *text, unsigned int adapters, struct hf_sysfs_node *node)
{
	if (strcmp(pattern, "<adapter>") == 0)
		return parse_adapter(text, "hfsim", adapters, node);
	if (strcmp(pattern, "umad<adapter>") == 0)
		return parse_adapter(text, "umad", adapters, node);
	if (strcmp(pattern, "issm<adapter>") == 0)
		return parse_adapter(text, "issm", adapters, node);
	if (strcmp(pattern, "<pkey>") == 0)
		return parse_number(text, HF_IBSIM_PKEYS, &node->pkey);
	if (strcmp(pattern, "<port>") == 0)
		return parse_port(text, node);
	return strcmp(pattern, text) == 0;
}

/* Take the first component off a path that begins with a slash. */
static bool next_component(const char **path, char ret_name[HF_SYSFS_NAME_SIZE])
{
	if (**path != '/')
		return false;

	const char *begin = *path + 1;
	size_t len = strcspn(begin, "/");

	if (len >= HF_SYSFS_NAME_SIZE)
		return false;
	memcpy(ret_name, begin, len);
	ret_name[len] = '\0';
	*path = begin + len;
	return true;
}

static bool match_row(const struct hf_sysfs_row *row, const char *path, unsigned int adapters,
		      struct hf_sysfs_node *ret_node)
{
	char wanted[HF_SYSFS_NAME_SIZE], found[HF_SYSFS_NAME_SIZE];
	const char *pattern = row->pattern;

	*ret_node = (struct hf_sysfs_node){ .kind = row->kind, .row = row };
	while (*pattern && *path)
		if (!next_component(&pattern, wanted) || !next_component(&path, found) ||
		    !match_component(wanted, found, adapters, ret_node))
			return false;
	return *pattern == '\0' && *path == '\0';
}

static void drop_last_component(char *path, size_t *len)
{
	while (*len > 0 && path[--*len] != '/')
		;
}

/* Without repeated slashes, "." and "..", and without a slash at the end. */
static int normalize(const char *path, char ret_path[HF_SYSFS_PATH_SIZE])
{
	size_t len = 0;

	while (*path) {
		size_t part = strcspn(path, "/");

		if (part == 2 && strncmp(path, "..", 2) == 0) {
			drop_last_component(ret_path, &len);
		} else if (part > 0 && !(part == 1 && *path == '.')) {
			if (len + 1 + part >= HF_SYSFS_PATH_SIZE)
				return -ENOENT;
			ret_path[len++] = '/';
			memcpy(ret_path + len, path, part);
			len += part;
		}
		path += part + (path[part] == '/');
	}
	ret_path[len] = '\0';
	return 0;
}

bool hf_sysfs_is_ours(const char *path)
{
	return path && path[0] == '/' && (strstr(path, "class/infiniband") || strstr(path, "dev/infiniband"));
}

bool hf_sysfs_is_inside(const char *path)
{
	static const char *const roots[] = { "/dev/infiniband", CLASS, MAD };
	char normal[HF_SYSFS_PATH_SIZE];

	if (normalize(path, normal) < 0)
		return false;
	for (size_t i = 0; i < array_size(roots); i++) {
		size_t len = strlen(roots[i]);

		if (strncmp(normal, roots[i], len) == 0 && (normal[len] == '\0' || normal[len] == '/'))
			return true;
	}
	return false;
}

int hf_sysfs_lookup(const char *path, unsigned int adapters, struct hf_sysfs_node *ret_node)
{
	char normal[HF_SYSFS_PATH_SIZE];

	if (normalize(path, normal) < 0)
		return -ENOENT;
	for (size_t i = 0; i < array_size(rows); i++)
		if (match_row(&rows[i], normal, adapters, ret_node))
			return 0;
	return -ENOENT;
}

/* How many entries one row makes in its directory. */
static unsigned int count_entries(const char *name, unsigned int adapters)
{
	if (strcmp(name, "<pkey>") == 0)
		return HF_IBSIM_PKEYS;
	return strstr(name, "<adapter>") ? adapters : 1;
}

static void name_entry(const char *name, unsigned int number, unsigned int port, char ret_name[HF_SYSFS_NAME_SIZE])
{
	const char *placeholder = strchr(name, '<');

	if (!placeholder)
		snprintf(ret_name, HF_SYSFS_NAME_SIZE, "%s", name);
	else if (strcmp(name, "<adapter>") == 0)
		hf_sysfs_adapter_name(number, ret_name);
	else
		snprintf(ret_name, HF_SYSFS_NAME_SIZE, "%.*s%u", (int)(placeholder - name), name,
			 strcmp(name, "<port>") == 0 ? port : number);
}

/* The name of the row in the directory, NULL if it lies elsewhere. */
static const char *name_in_directory(const struct hf_sysfs_row *row, const struct hf_sysfs_row *directory)
{
	size_t len = strlen(directory->pattern);

	if (strncmp(row->pattern, directory->pattern, len) != 0 || row->pattern[len] != '/')
		return NULL;
	return strchr(row->pattern + len + 1, '/') ? NULL : row->pattern + len + 1;
}

bool hf_sysfs_entry(const struct hf_sysfs_node *node, unsigned int position, unsigned int adapters, unsigned int port,
		    char ret_name[HF_SYSFS_NAME_SIZE], enum hf_sysfs_kind *ret_kind)
{
	for (size_t i = 0; i < array_size(rows); i++) {
		const char *name = name_in_directory(&rows[i], node->row);

		if (!name)
			continue;

		unsigned int count = count_entries(name, adapters);

		if (position < count) {
			name_entry(name, position, port, ret_name);
			*ret_kind = rows[i].kind;
			return true;
		}
		position -= count;
	}
	return false;
}

unsigned int hf_sysfs_needs(const struct hf_sysfs_node *node)
{
	return node->row->needs;
}

size_t hf_sysfs_read(const struct hf_sysfs_node *node, const struct hf_adapter_facts *facts,
		     char ret_text[HF_SYSFS_TEXT_SIZE])
{
	struct text text = { .buffer = ret_text };

	node->row->show(&text, node, facts);
	return text.len;
}

unsigned int hf_sysfs_port_number(const struct hf_adapter_facts *facts)
{
	return facts->port_info[PORT_LOCAL_NUMBER];
}

void hf_sysfs_adapter_name(unsigned int index, char ret_name[HF_SYSFS_NAME_SIZE])
{
	snprintf(ret_name, HF_SYSFS_NAME_SIZE, "hfsim%u", index);
}
