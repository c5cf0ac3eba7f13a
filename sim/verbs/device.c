/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/verbs/exports.h"

#define MAX_DEVICES	512
#define BLANKS		" \t\n"
#define PAGE_SIZES	(~UINT64_C(0xfff))
#define MODEL_ENV	"HF_VERBS_MODEL"
#define SAY(format, ...) fprintf(stderr, "hfsim-verbs: " format "\n", ##__VA_ARGS__)

static const struct hf_model models[] = {
	{ "mthca", 0x02c9, 23108, "3.5.0", .has_sqd = true, .has_apm = true },
	{ "mlx5", 0x02c9, 4123, "20.35.1012", .has_sqd = false, .has_apm = true },
	{ "rxe", 0xffffff, 0, "0.0.0", .has_sqd = true, .has_apm = false },
	{ "strict", 0x02c9, 0, "1.0.0", .has_sqd = true, .has_apm = false, .leaves_sqd_drained = true },
	{ "plain", 0x02c9, 0, "1.0.0", .has_sqd = false, .has_apm = false },
};

const struct hf_model *hf_model(void)
{
	const char *name = getenv(MODEL_ENV);

	for (size_t i = 0; name && i < sizeof(models) / sizeof(models[0]); i++)
		if (strcmp(models[i].name, name) == 0)
			return &models[i];
	return &models[0];
}

static bool is_known_model(void)
{
	const char *name = getenv(MODEL_ENV);

	return !name || strcmp(hf_model()->name, name) == 0;
}

/* -------------------------------------------------------------------------------- devices ---- */

static struct hf_device *devices;	/* never freed: programs keep what they have got of the list */
static unsigned int device_count;
static pthread_mutex_t devices_lock = PTHREAD_MUTEX_INITIALIZER;	/* both above */

static void add_device(const struct hf_map *fabric, const char *name, size_t length)
{
	struct hf_device *device = &devices[device_count];
	const char *colon = memchr(name, ':', length);
	struct hf_map_node node;

	/* "NODE:PORT" is for the simulated ib_umad. */
	if (colon)
		length = colon - name;
	snprintf(device->node, sizeof(device->node), "%.*s", (int)length, name);
	if (hf_map_find_node(fabric, device->node, &node) < 0 || node.is_switch) {
		SAY("\"%s\" is no adapter of this fabric", device->node);
		return;
	}
	device->guid = node.guid;
	device->ibv.node_type = IBV_NODE_CA;
	device->ibv.transport_type = IBV_TRANSPORT_IB;
	snprintf(device->ibv.name, sizeof(device->ibv.name), "hfsim%u", device_count);
	snprintf(device->ibv.dev_name, sizeof(device->ibv.dev_name), "uverbs%u", device_count);
	snprintf(device->ibv.dev_path, sizeof(device->ibv.dev_path), "/sys/class/infiniband_verbs/uverbs%u",
		 device_count);
	snprintf(device->ibv.ibdev_path, sizeof(device->ibv.ibdev_path), "/sys/class/infiniband/hfsim%u",
		 device_count);
	device_count++;
}

static void find_devices_locked(const char *map)
{
	const char *list = getenv("HF_UMAD_NODES"), *host = getenv("SIM_HOST");
	struct hf_map fabric;
	int err = hf_map_open(&fabric, map);

	if (err) {
		SAY(HF_FABRIC_MAP_ENV "=%s: %s", map, err == -EPROTO ? "no fabric map, or a damaged one" :
								       strerror(-err));
		return;
	}
	devices = calloc(MAX_DEVICES, sizeof(*devices));
	if (devices && list) {
		for (list += strspn(list, BLANKS); *list && device_count < MAX_DEVICES;) {
			size_t length = strcspn(list, BLANKS);

			add_device(&fabric, list, length);
			list += length;
			list += strspn(list, BLANKS);
		}
	} else if (devices && host) {
		add_device(&fabric, host, strlen(host));
	} else if (devices) {
		SAY("neither HF_UMAD_NODES nor SIM_HOST names a node");
	}
	hf_map_close(&fabric);
}

struct ibv_device **hf_device_list(int *ret_count)
{
	const char *map = getenv(HF_FABRIC_MAP_ENV);
	struct ibv_device **list;
	unsigned int count;

	if (!is_known_model()) {
		SAY(MODEL_ENV "=%s: allowed are mthca, mlx5, rxe, strict and plain", getenv(MODEL_ENV));
		errno = EINVAL;
		return NULL;
	}
	pthread_mutex_lock(&devices_lock);
	if (!devices)
		find_devices_locked(map);
	count = device_count;
	pthread_mutex_unlock(&devices_lock);
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return NULL;
	for (unsigned int i = 0; i < count; i++)
		list[i] = &devices[i].ibv;
	if (ret_count)
		*ret_count = count;
	return list;
}

bool hf_device_is_ours(const struct ibv_device *device)
{
	const struct hf_device *ours = (const struct hf_device *)device;

	return devices && ours >= devices && ours < devices + MAX_DEVICES;
}

bool hf_is_ours(const struct ibv_context *context)
{
	return hf_device_is_ours(context->device);
}

/* ---------------------------------------------------------------------------------- queries ---- */

int hf_ibv_query_device(struct ibv_context *ibv, struct ibv_device_attr *attr)
{
	struct hf_context *context = hf_context_of(ibv);
	const struct hf_model *model = hf_model();
	struct hf_map_port port;
	unsigned int pkeys = hf_context_port(context, 1, &port) == 0 ? port.pkey_count : 1;

	*attr = (struct ibv_device_attr){
		.node_guid = htobe64(context->node.guid),
		.sys_image_guid = htobe64(context->node.system_guid),
		.max_mr_size = UINT64_MAX,
		.page_size_cap = PAGE_SIZES,
		.vendor_id = model->vendor_id,
		.vendor_part_id = model->part_id,
		.hw_ver = 1,
		.max_qp = HF_MAX_QPS,
		.max_qp_wr = HF_MAX_QP_WR,
		.device_cap_flags = IBV_DEVICE_CHANGE_PHY_PORT | IBV_DEVICE_PORT_ACTIVE_EVENT |
				    IBV_DEVICE_SYS_IMAGE_GUID | IBV_DEVICE_RC_RNR_NAK_GEN | IBV_DEVICE_SRQ_RESIZE |
				    IBV_DEVICE_BAD_PKEY_CNTR | IBV_DEVICE_MEM_WINDOW | IBV_DEVICE_MEM_WINDOW_TYPE_2B |
				    (model->has_apm ? IBV_DEVICE_AUTO_PATH_MIG : 0),
		.max_sge = HF_MAX_SGE,
		.max_sge_rd = HF_MAX_SGE,
		.max_cq = 65536,
		.max_cqe = HF_MAX_CQE,
		.max_mr = HF_MAX_KEYS - 1,
		.max_pd = 65536,
		.max_qp_rd_atom = HF_MAX_RD_ATOMIC,
		.max_res_rd_atom = HF_MAX_QPS * HF_MAX_RD_ATOMIC,
		.max_qp_init_rd_atom = HF_MAX_RD_ATOMIC,
		.atomic_cap = IBV_ATOMIC_GLOB,
		.max_mw = HF_MAX_KEYS - 1,
		.max_mcast_grp = 65536,
		.max_mcast_qp_attach = HF_MAX_QPS,
		.max_total_mcast_qp_attach = HF_MAX_QPS,
		.max_ah = 65536,
		.max_srq = 65536,
		.max_srq_wr = HF_MAX_SRQ_WR,
		.max_srq_sge = HF_MAX_SGE,
		.max_pkeys = pkeys,
		.local_ca_ack_delay = 15,
		.phys_port_cnt = context->node.port_count,
	};
	snprintf(attr->fw_ver, sizeof(attr->fw_ver), "%s", model->firmware);
	return 0;
}

int hf_query_device_ex(struct ibv_context *context, const struct ibv_query_device_ex_input *input,
		       struct ibv_device_attr_ex *attr, size_t attr_size)
{
	struct ibv_device_attr_ex full = { .phys_port_cnt_ex = hf_context_of(context)->node.port_count };
	int rc;

	if ((input && input->comp_mask) || attr_size < sizeof(attr->orig_attr))
		return EINVAL;
	rc = hf_ibv_query_device(context, &full.orig_attr);
	full.device_cap_flags_ex = full.orig_attr.device_cap_flags;
	memset(attr, 0, attr_size);
	memcpy(attr, &full, attr_size < sizeof(full) ? attr_size : sizeof(full));
	return rc;
}

/* PortInfo's extended speed stands where there is one; verbs have one code for both. */
static uint8_t active_speed(const struct hf_map_port *port)
{
	switch (port->speed_ext) {
	case 1:
		return 16;	/* FDR */
	case 2:
		return 32;	/* EDR */
	case 4:
		return 64;	/* HDR */
	case 8:
		return 128;	/* NDR */
	default:
		return port->speed;
	}
}

static uint8_t vl_count_code(unsigned int vl_cap)
{
	return vl_cap ? vl_cap : 1;
}

int hf_query_port(struct ibv_context *context, uint8_t number, struct ibv_port_attr *attr, size_t attr_size)
{
	struct ibv_port_attr full = { .link_layer = IBV_LINK_LAYER_INFINIBAND };
	struct hf_map_port port;

	if (hf_context_port(hf_context_of(context), number, &port) < 0)
		return EINVAL;
	full.state = port.state;
	full.max_mtu = port.mtu_cap;
	full.active_mtu = port.mtu;
	full.gid_tbl_len = port.guid_count;
	full.port_cap_flags = port.cap_mask;
	full.max_msg_sz = HF_MAX_MESSAGE;
	full.pkey_tbl_len = port.pkey_count;
	full.lid = port.lid;
	full.sm_lid = port.sm_lid;
	full.lmc = port.lmc;
	full.max_vl_num = vl_count_code(port.vl_cap);
	full.sm_sl = port.sm_sl;
	full.subnet_timeout = port.subnet_timeout;
	full.active_width = port.width;
	full.active_speed = active_speed(&port);
	full.phys_state = port.phys_state;
	memset(attr, 0, attr_size);
	memcpy(attr, &full, attr_size < sizeof(full) ? attr_size : sizeof(full));
	return 0;
}

int hf_ibv_query_gid(struct ibv_context *context, uint8_t number, int index, union ibv_gid *gid)
{
	struct hf_context *own = hf_context_of(context);
	struct hf_map_port port;
	__be64 guid;

	if (index < 0 || hf_context_port(own, number, &port) < 0 ||
	    hf_map_get_guid(&own->fabric, &port, index, &guid) < 0) {
		errno = EINVAL;
		return -1;
	}
	gid->global.subnet_prefix = htobe64(port.gid_prefix);
	gid->global.interface_id = guid;
	return 0;
}

int hf_ibv_query_gid_ex(struct ibv_context *context, uint32_t port, uint32_t index, struct ibv_gid_entry *entry,
			uint32_t flags, size_t entry_size)
{
	struct ibv_gid_entry full = { .gid_index = index, .port_num = port, .gid_type = IBV_GID_TYPE_IB };

	if (flags || port > UINT8_MAX || index > HF_FABRIC_GUIDS)
		return EINVAL;
	if (hf_ibv_query_gid(context, port, index, &full.gid) < 0 || !full.gid.global.interface_id)
		return ENODATA;
	memset(entry, 0, entry_size);
	memcpy(entry, &full, entry_size < sizeof(full) ? entry_size : sizeof(full));
	return 0;
}

ssize_t hf_ibv_query_gid_table(struct ibv_context *context, struct ibv_gid_entry *entries, size_t max_entries,
			       uint32_t flags, size_t entry_size)
{
	size_t count = 0;

	for (unsigned int port = 1; port <= hf_context_of(context)->node.port_count; port++) {
		for (unsigned int index = 0; index < HF_FABRIC_GUIDS && count < max_entries; index++) {
			void *entry = (char *)entries + count * entry_size;

			if (hf_ibv_query_gid_ex(context, port, index, entry, flags, entry_size) == 0)
				count++;
		}
	}
	return count;
}

int hf_ibv_query_pkey(struct ibv_context *context, uint8_t number, int index, __be16 *ret_pkey)
{
	struct hf_context *own = hf_context_of(context);
	struct hf_map_port port;
	uint16_t pkey;

	if (index < 0 || hf_context_port(own, number, &port) < 0 ||
	    hf_map_get_pkey(&own->fabric, &port, index, &pkey) < 0) {
		errno = EINVAL;
		return -1;
	}
	*ret_pkey = htobe16(pkey);
	return 0;
}

int hf_ibv_get_pkey_index(struct ibv_context *context, uint8_t port, __be16 pkey)
{
	__be16 own;

	for (int i = 0; hf_ibv_query_pkey(context, port, i, &own) == 0; i++)
		if (own == pkey)
			return i;
	errno = EINVAL;
	return -1;
}
