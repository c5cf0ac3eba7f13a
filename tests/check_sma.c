/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What ibsim's SMA does not keep. The other side is a node that answers, and forgets, as ibsim's do. */
#include "check_main.h"

#include <string.h>

#include "sim/sma/exchange.h"

#define TID		UINT64_C(0x00001234deadbeef)
#define SLOT		UINT64_C(3)
#define SET_BAD_METHOD	0x0008
#define PORT_UP		5	/* some port of the switch */

/* What ibsim has of a node, and how it treats what is sent there. */
struct node {
	uint64_t guid;
	bool is_switch;
	uint8_t port_count, local_port, guid_cap;
	uint16_t lid;
	int lose;		/* so many datagrams from now on are bounced */
	unsigned int questions;
	struct hf_smp last;	/* that it answered */
};

static struct hf_sma sma;
static struct hf_sma_exchange client;
static struct node leaf, spine, host;

static void setup(void)
{
	ck_assert_int_eq(hf_sma_init(&sma, NULL), 0);
	hf_sma_exchange_init(&client);
	leaf = (struct node){ .guid = 0x100, .is_switch = true, .port_count = 8, .guid_cap = 1, .lid = 1 };
	spine = (struct node){ .guid = 0x200, .is_switch = true, .port_count = 8, .guid_cap = 1, .lid = 2 };
	host = (struct node){ .guid = 0x300, .port_count = 2, .local_port = 1, .guid_cap = 32, .lid = 3 };
}

static void teardown(void)
{
	hf_sma_fini(&sma);
}

static void use_lanes(const char *lanes)
{
	hf_sma_fini(&sma);
	ck_assert_int_eq(hf_sma_init(&sma, lanes), 0);
}

/* ---- the node ---- */

static void answer_node_info(const struct node *node, struct hf_smp *smp)
{
	struct hf_smp_node_info info = {
		.type = node->is_switch ? HF_SMP_NODE_TYPE_SWITCH : 1,
		.port_count = node->port_count,
		.node_guid = htobe64(node->guid),
		.local_port = node->local_port,
	};

	memcpy(smp->data, &info, sizeof(info));
}

static void answer_switch_info(const struct node *node, struct hf_smp *smp)
{
	struct hf_smp_switch_info info = { .lft_cap = htobe16(0x7800) };

	if (!node->is_switch)
		hf_smp_set_status(smp, 0x000c);
	else
		memcpy(smp->data, &info, sizeof(info));
}

static void answer_guid_info(const struct node *node, struct hf_smp *smp)
{
	__be64 guid = htobe64(node->guid + node->local_port);

	if (smp->hdr.method == HF_METHOD_SET)
		hf_smp_set_status(smp, SET_BAD_METHOD);
	memset(smp->data, 0, sizeof(smp->data));
	if (hf_smp_modifier(smp) == 0)
		memcpy(smp->data, &guid, sizeof(guid));
}

static void answer_port_info(struct node *node, struct hf_smp *smp)
{
	unsigned int port = hf_smp_modifier(smp) & HF_SMP_PORT_MASK;
	bool has_lid = node->is_switch ? port == 0 : port == 0 || port == node->local_port;
	struct hf_smp_port_info info;

	memcpy(&info, smp->data, sizeof(info));
	if (port > node->port_count || (smp->hdr.method == HF_METHOD_SET && info.oper_vls_enforce >> 4 > 4)) {
		hf_smp_set_status(smp, HF_SMP_STATUS_BAD_FIELD);
		return;
	}
	if (smp->hdr.method == HF_METHOD_SET && has_lid)
		node->lid = be16toh(info.lid);
	info = (struct hf_smp_port_info){
		.lid = has_lid ? htobe16(node->lid) : 0,
		.neighbor_mtu_sm_sl = 0x40,
		.vl_cap_init_type = 0x40,
		.oper_vls_enforce = 0x40,
		.guid_cap = node->guid_cap,
	};
	memcpy(smp->data, &info, sizeof(info));
}

static void node_answers(struct node *node, struct hf_ibsim_mad *mad)
{
	struct hf_smp smp;

	memcpy(&smp, mad->mad, sizeof(smp));
	smp.hdr.tid |= htobe64(SLOT << 48);
	node->questions++;
	node->last = smp;
	if (node->lose > 0) {
		node->lose--;
		mad->status = htobe32(HF_IBSIM_STATUS_BOUNCED);
	} else {
		if (hf_smp_attr(&smp) == HF_SMP_NODE_INFO)
			answer_node_info(node, &smp);
		else if (hf_smp_attr(&smp) == HF_SMP_SWITCH_INFO)
			answer_switch_info(node, &smp);
		else if (hf_smp_attr(&smp) == HF_SMP_GUID_INFO)
			answer_guid_info(node, &smp);
		else
			answer_port_info(node, &smp);
		smp.hdr.method = HF_METHOD_GET_RESP;
	}
	memcpy(mad->mad, &smp, sizeof(smp));
}

/* ---- the client ---- */

static struct hf_ibsim_mad datagram(uint8_t method, uint16_t attr, uint32_t modifier, const void *data)
{
	struct hf_ibsim_mad mad = { .length = htobe64(HF_MAD_SIZE) };
	struct hf_smp smp = {
		.hdr = {
			.base_version = 1,
			.mgmt_class = HF_CLASS_SUBN_DIRECTED,
			.class_version = 1,
			.method = method,
			.tid = htobe64(TID),
			.attr_id = htobe16(attr),
			.attr_mod = htobe32(modifier),
		},
		.initial_path = { 0, 1, 2 },
	};

	if (data)
		memcpy(smp.data, data, sizeof(smp.data));
	memcpy(mad.mad, &smp, sizeof(smp));
	return mad;
}

/* Sends a request through to a node. Return: the datagram that comes back to the client. */
static struct hf_ibsim_mad send_request(struct node *node, const struct hf_ibsim_mad *request)
{
	struct hf_ibsim_mad mad = *request;

	node->questions = 0;
	if (!hf_sma_exchange_begin(&client, request)) {
		node_answers(node, &mad);
		ck_assert(hf_sma_exchange_written(&sma, &client, &mad));
		return mad;
	}
	do {
		ck_assert(hf_sma_exchange_is_readable(&client));
		ck_assert(hf_sma_exchange_next(&sma, &client, &mad));
		ck_assert(!hf_sma_exchange_is_readable(&client));
		node_answers(node, &mad);
		ck_assert_uint_lt(node->questions, 20);
	} while (!hf_sma_exchange_written(&sma, &client, &mad));
	ck_assert(!hf_sma_exchange_is_readable(&client));
	return mad;
}

/* The answer to a request that is not lost. */
static struct hf_smp ask(struct node *node, uint8_t method, uint16_t attr, uint32_t modifier, const void *data)
{
	struct hf_ibsim_mad request = datagram(method, attr, modifier, data), mad = send_request(node, &request);
	struct hf_smp smp;

	ck_assert_uint_eq(mad.status, 0);
	memcpy(&smp, mad.mad, sizeof(smp));
	ck_assert_uint_eq(smp.hdr.method, HF_METHOD_GET_RESP);
	ck_assert_uint_eq(hf_smp_attr(&smp), attr);
	ck_assert_uint_eq(hf_smp_modifier(&smp), modifier);
	ck_assert_uint_eq(be64toh(smp.hdr.tid), TID | SLOT << 48);
	return smp;
}

static struct hf_smp_switch_info get_switch(struct node *node)
{
	struct hf_smp smp = ask(node, HF_METHOD_GET, HF_SMP_SWITCH_INFO, 0, NULL);
	struct hf_smp_switch_info info;

	ck_assert_uint_eq(hf_smp_status(&smp), 0);
	memcpy(&info, smp.data, sizeof(info));
	return info;
}

static struct hf_smp_port_info port_info_of(const struct hf_smp *smp)
{
	struct hf_smp_port_info info;

	memcpy(&info, smp->data, sizeof(info));
	return info;
}

static struct hf_smp_port_info get_port(struct node *node, unsigned int port)
{
	struct hf_smp smp = ask(node, HF_METHOD_GET, HF_SMP_PORT_INFO, port, NULL);

	ck_assert_uint_eq(hf_smp_status(&smp), 0);
	return port_info_of(&smp);
}

/* Return: the status. */
static unsigned int set_port(struct node *node, unsigned int port, const struct hf_smp_port_info *info)
{
	struct hf_smp smp = ask(node, HF_METHOD_SET, HF_SMP_PORT_INFO, port, info);

	return hf_smp_status(&smp);
}

static void set_default_port(struct node *node, uint8_t port)
{
	struct hf_smp_switch_info info = { .default_port = port };

	ask(node, HF_METHOD_SET, HF_SMP_SWITCH_INFO, 0, &info);
}

static void get_guids(struct node *node, unsigned int block, uint64_t guids[HF_SMP_GUIDS_A_BLOCK])
{
	struct hf_smp smp = ask(node, HF_METHOD_GET, HF_SMP_GUID_INFO, block, NULL);
	__be64 wire[HF_SMP_GUIDS_A_BLOCK];

	ck_assert_uint_eq(hf_smp_status(&smp), 0);
	memcpy(wire, smp.data, sizeof(wire));
	for (int i = 0; i < HF_SMP_GUIDS_A_BLOCK; i++)
		guids[i] = be64toh(wire[i]);
}

/* Sets GUID i of the block to base + i. Return: the status. */
static unsigned int set_guids(struct node *node, unsigned int block, uint64_t base)
{
	__be64 wire[HF_SMP_GUIDS_A_BLOCK];
	struct hf_smp smp;

	for (int i = 0; i < HF_SMP_GUIDS_A_BLOCK; i++)
		wire[i] = htobe64(base + i);
	smp = ask(node, HF_METHOD_SET, HF_SMP_GUID_INFO, block, wire);
	return hf_smp_status(&smp);
}

/* ---- what is kept ---- */

START_TEST(switch_info_is_kept)
{
	struct hf_smp_switch_info set = {
		.default_port = 1,
		.default_mcast_primary_port = 2,
		.default_mcast_not_primary_port = 3,
		.mft_top = htobe16(0xc123),
		.lft_cap = htobe16(77),
	};
	struct hf_smp_switch_info got;
	struct hf_smp answer;

	answer = ask(&leaf, HF_METHOD_SET, HF_SMP_SWITCH_INFO, 0, &set);
	memcpy(&got, answer.data, sizeof(got));
	ck_assert_uint_eq(got.default_mcast_primary_port, 2);
	got = get_switch(&leaf);
	ck_assert_uint_eq(got.default_port, 1);
	ck_assert_uint_eq(got.default_mcast_primary_port, 2);
	ck_assert_uint_eq(got.default_mcast_not_primary_port, 3);
	ck_assert_uint_eq(be16toh(got.mft_top), 0xc123);
	ck_assert_uint_eq(be16toh(got.lft_cap), 0x7800);
	ck_assert_uint_eq(get_switch(&spine).default_port, 0);
}
END_TEST

START_TEST(a_host_has_no_switch_info)
{
	struct hf_smp_switch_info set = { .default_port = 1 };
	struct hf_smp answer = ask(&host, HF_METHOD_SET, HF_SMP_SWITCH_INFO, 0, &set);

	ck_assert_uint_eq(hf_smp_status(&answer), 0x000c);
}
END_TEST

START_TEST(port_info_is_kept)
{
	struct hf_smp_port_info set = {
		.m_key = htobe64(0x1122334455667788),
		.lid = htobe16(9),
		.m_key_lease_period = htobe16(660),
		.m_key_protect_lmc = 0x47,
		.phys_state_down_default = 0x52,
		.neighbor_mtu_sm_sl = 0x53,
		.vl_cap_init_type = 0x21,
		.vl_high_limit = 4,
		.vl_stall_hoq_life = 0x73,
		.oper_vls_enforce = 0x3c,
		.reregister_subnet_timeout = 0x92,
		.error_thresholds = 0x88,
	};
	struct hf_smp_port_info got;

	ck_assert_uint_eq(set_port(&host, 1, &set), 0);
	got = get_port(&host, 0);
	ck_assert_uint_eq(be64toh(got.m_key), 0x1122334455667788);
	ck_assert_uint_eq(be16toh(got.m_key_lease_period), 660);
	ck_assert_uint_eq(got.m_key_protect_lmc, 0x40);
	ck_assert_uint_eq(got.phys_state_down_default, 0x02);
	ck_assert_uint_eq(got.neighbor_mtu_sm_sl, 0x53);
	ck_assert_uint_eq(got.vl_cap_init_type, 0x41);
	ck_assert_uint_eq(got.vl_high_limit, 4);
	ck_assert_uint_eq(got.vl_stall_hoq_life, 0x60);
	ck_assert_uint_eq(got.oper_vls_enforce, 0x4c);
	ck_assert_uint_eq(got.reregister_subnet_timeout, 0x12);
	ck_assert_uint_eq(got.error_thresholds, 0x88);
	ck_assert_uint_eq(be16toh(got.lid), 9);
	ck_assert_uint_eq(get_port(&host, 2).vl_high_limit, 0);
}
END_TEST

START_TEST(each_port_of_a_switch_has_its_own)
{
	struct hf_smp_port_info set = { .vl_high_limit = 7 };

	ck_assert_uint_eq(set_port(&leaf, PORT_UP, &set), 0);
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).vl_high_limit, 7);
	leaf.local_port = 3;
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).vl_high_limit, 7);
	ck_assert_uint_eq(get_port(&leaf, PORT_UP + 1).vl_high_limit, 0);
	ck_assert_uint_eq(get_port(&spine, PORT_UP).vl_high_limit, 0);
}
END_TEST

START_TEST(zero_changes_no_mtu)
{
	struct hf_smp_port_info set = { .neighbor_mtu_sm_sl = 0x50 }, zero = { .vl_high_limit = 1 };

	ck_assert_uint_eq(set_port(&leaf, PORT_UP, &zero), 0);
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).neighbor_mtu_sm_sl, 0x40);
	ck_assert_uint_eq(set_port(&leaf, PORT_UP, &set), 0);
	ck_assert_uint_eq(set_port(&leaf, PORT_UP, &zero), 0);
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).neighbor_mtu_sm_sl, 0x50);
}
END_TEST

START_TEST(what_ibsim_refuses_is_not_kept)
{
	struct hf_smp_port_info set = { .vl_high_limit = 7, .oper_vls_enforce = 0x50 };

	ck_assert_uint_eq(set_port(&leaf, PORT_UP, &set), HF_SMP_STATUS_BAD_FIELD);
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).vl_high_limit, 0);
	ck_assert_uint_eq(set_port(&leaf, 200, &set), HF_SMP_STATUS_BAD_FIELD);
}
END_TEST

START_TEST(guids_are_kept)
{
	uint64_t guids[HF_SMP_GUIDS_A_BLOCK];

	ck_assert_uint_eq(set_guids(&host, 0, 0xa0), 0);
	ck_assert_uint_eq(set_guids(&host, 3, 0xb0), 0);
	get_guids(&host, 0, guids);
	ck_assert_uint_eq(guids[0], host.guid + 1);
	ck_assert_uint_eq(guids[1], 0xa1);
	ck_assert_uint_eq(guids[7], 0xa7);
	get_guids(&host, 1, guids);
	ck_assert_uint_eq(guids[0], 0);
	get_guids(&host, 3, guids);
	ck_assert_uint_eq(guids[0], 0xb0);
	ck_assert_uint_eq(guids[7], 0xb7);
}
END_TEST

START_TEST(guids_end_at_the_cap)
{
	uint64_t guids[HF_SMP_GUIDS_A_BLOCK];

	ck_assert_uint_eq(set_guids(&host, 4, 0xa0), HF_SMP_STATUS_BAD_FIELD);
	ck_assert_uint_eq(set_guids(&host, 0x20000000, 0xa0), HF_SMP_STATUS_BAD_FIELD);
	ck_assert_uint_eq(set_guids(&leaf, 0, 0xa0), 0);
	get_guids(&leaf, 0, guids);
	ck_assert_uint_eq(guids[0], leaf.guid);
	ck_assert_uint_eq(guids[1], 0);
	host.guid_cap = 255;
	ck_assert_uint_eq(set_guids(&host, 31, 0xa0), 0);
	get_guids(&host, 31, guids);
	ck_assert_uint_eq(guids[6], 0xa6);
	ck_assert_uint_eq(guids[7], 0);
}
END_TEST

START_TEST(ports_of_a_host_have_guids_of_their_own)
{
	uint64_t guids[HF_SMP_GUIDS_A_BLOCK];

	ck_assert_uint_eq(set_guids(&host, 0, 0xa0), 0);
	host.local_port = 2;
	get_guids(&host, 0, guids);
	ck_assert_uint_eq(guids[1], 0);
}
END_TEST

/* ---- lanes ---- */

START_TEST(lanes_are_ibsims_unless_said)
{
	struct hf_smp_port_info got = get_port(&leaf, PORT_UP);

	ck_assert_uint_eq(got.vl_cap_init_type >> 4, 4);
	ck_assert_uint_eq(got.oper_vls_enforce >> 4, 4);
}
END_TEST

START_TEST(fifteen_lanes)
{
	struct hf_smp_port_info set = { .oper_vls_enforce = 0x50 }, got;

	use_lanes("15");
	got = get_port(&leaf, PORT_UP);
	ck_assert_uint_eq(got.vl_cap_init_type >> 4, 5);
	ck_assert_uint_eq(got.oper_vls_enforce >> 4, 5);
	ck_assert_uint_eq(set_port(&leaf, PORT_UP, &set), 0);
	ck_assert_uint_eq(port_info_of(&leaf.last).oper_vls_enforce >> 4, 4);
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).oper_vls_enforce >> 4, 5);
	set.oper_vls_enforce = 0x20;
	ck_assert_uint_eq(set_port(&leaf, PORT_UP, &set), 0);
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).oper_vls_enforce >> 4, 2);
	set.oper_vls_enforce = 0;
	ck_assert_uint_eq(set_port(&leaf, PORT_UP, &set), 0);
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).oper_vls_enforce >> 4, 2);
	set.oper_vls_enforce = 0x60;
	ck_assert_uint_eq(set_port(&leaf, PORT_UP, &set), HF_SMP_STATUS_BAD_FIELD);
	ck_assert_uint_eq(get_port(&host, 1).vl_cap_init_type >> 4, 5);
}
END_TEST

START_TEST(two_lanes)
{
	struct hf_smp_port_info set = { .oper_vls_enforce = 0x30 };

	use_lanes("2");
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).vl_cap_init_type >> 4, 2);
	ck_assert_uint_eq(set_port(&leaf, PORT_UP, &set), HF_SMP_STATUS_BAD_FIELD);
	set.oper_vls_enforce = 0x10;
	ck_assert_uint_eq(set_port(&leaf, PORT_UP, &set), 0);
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).oper_vls_enforce >> 4, 1);
}
END_TEST

START_TEST(other_numbers_of_lanes)
{
	static const char *const wrong[] = { "", "0", "3", "16", "015", "15 ", "x" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_lt(hf_sma_init(&sma, wrong[i]), 0);
}
END_TEST

/* ---- how long it is kept ---- */

static void configure(struct node *node)
{
	struct hf_smp_port_info set = { .lid = htobe16(node->lid), .vl_high_limit = 7 };

	ck_assert_uint_eq(set_port(node, node->is_switch ? 0 : 1, &set), 0);
	if (node->is_switch) {
		ck_assert_uint_eq(set_port(node, PORT_UP, &set), 0);
		set_default_port(node, 4);
	}
}

START_TEST(a_reset_switch_has_forgotten)
{
	configure(&leaf);
	configure(&spine);
	sma.console_lines++;
	leaf.lid = 0;
	ck_assert_uint_eq(get_switch(&leaf).default_port, 0);
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).vl_high_limit, 0);
	ck_assert_uint_eq(get_switch(&spine).default_port, 4);
}
END_TEST

START_TEST(its_ports_tell_of_the_reset_too)
{
	configure(&leaf);
	sma.console_lines++;
	leaf.lid = 0;
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).vl_high_limit, 0);
	ck_assert_uint_eq(get_switch(&leaf).default_port, 0);
}
END_TEST

START_TEST(what_is_set_after_a_reset_stays)
{
	configure(&leaf);
	sma.console_lines++;
	leaf.lid = 0;
	set_default_port(&leaf, 6);
	ck_assert_uint_eq(get_port(&leaf, PORT_UP).vl_high_limit, 0);
	ck_assert_uint_eq(get_switch(&leaf).default_port, 6);
}
END_TEST

START_TEST(a_reset_port_of_a_host_has_forgotten)
{
	uint64_t guids[HF_SMP_GUIDS_A_BLOCK];

	configure(&host);
	ck_assert_uint_eq(set_guids(&host, 0, 0xa0), 0);
	host.lid = 0;
	get_guids(&host, 0, guids);
	ck_assert_uint_eq(guids[1], 0);
	ck_assert_uint_eq(get_port(&host, 1).vl_high_limit, 0);
}
END_TEST

START_TEST(a_console_command_alone_resets_nothing)
{
	configure(&leaf);
	sma.console_lines++;
	ck_assert_uint_eq(get_switch(&leaf).default_port, 4);
	ck_assert_uint_eq(leaf.questions, 3);
	ck_assert_uint_eq(get_switch(&leaf).default_port, 4);
	ck_assert_uint_eq(leaf.questions, 2);
}
END_TEST

START_TEST(a_lid_taken_away_by_the_sm_is_no_reset)
{
	struct hf_smp_port_info set = { .lid = 0, .vl_high_limit = 7 };

	configure(&host);
	ck_assert_uint_eq(set_port(&host, 1, &set), 0);
	ck_assert_uint_eq(get_port(&host, 1).vl_high_limit, 7);
}
END_TEST

/* ---- the way through ibsim ---- */

START_TEST(others_pass)
{
	struct hf_ibsim_mad mad = datagram(HF_METHOD_GET, HF_SMP_NODE_INFO, 0, NULL);

	ck_assert(!hf_sma_exchange_begin(&client, &mad));
	mad = datagram(HF_METHOD_GET_RESP, HF_SMP_PORT_INFO, 0, NULL);
	ck_assert(!hf_sma_exchange_begin(&client, &mad));
	mad = datagram(HF_METHOD_GET, HF_SMP_PORT_INFO, 0, NULL);
	mad.mad[offsetof(struct hf_mad_hdr, mgmt_class)] = 0x31;
	ck_assert(!hf_sma_exchange_begin(&client, &mad));
	ck_assert(!hf_sma_exchange_is_readable(&client));
	ck_assert(!hf_sma_exchange_next(&sma, &client, &mad));
	ck_assert(hf_sma_exchange_written(&sma, &client, &mad));
}
END_TEST

START_TEST(questions_go_the_way_of_the_request)
{
	struct hf_ibsim_mad request = datagram(HF_METHOD_SET, HF_SMP_SWITCH_INFO, 0, NULL), mad;
	struct hf_smp asked, sent;

	memset(request.mad + offsetof(struct hf_smp, data), 0xaa, HF_SMP_DATA_SIZE);
	request.dlid = 77;
	ck_assert(hf_sma_exchange_begin(&client, &request));
	ck_assert(hf_sma_exchange_next(&sma, &client, &mad));
	ck_assert_uint_eq(mad.dlid, 77);
	memcpy(&asked, mad.mad, sizeof(asked));
	memcpy(&sent, request.mad, sizeof(sent));
	ck_assert_uint_eq(asked.hdr.method, HF_METHOD_GET);
	ck_assert_uint_eq(hf_smp_attr(&asked), HF_SMP_NODE_INFO);
	ck_assert_mem_eq(asked.initial_path, sent.initial_path, sizeof(asked.initial_path));
	asked.hdr.method = sent.hdr.method;
	asked.hdr.attr_id = sent.hdr.attr_id;
	ck_assert_mem_eq(&asked, &sent, offsetof(struct hf_smp, data));
}
END_TEST

START_TEST(a_lost_question_is_asked_again)
{
	set_default_port(&leaf, 4);
	leaf.lose = 3;
	ck_assert_uint_eq(get_switch(&leaf).default_port, 4);
}
END_TEST

/* The client must learn of a loss as if there were no questions, and its retry must not find half of it done. */
START_TEST(a_lost_request_comes_back)
{
	struct hf_ibsim_mad request, mad;
	uint64_t tid;

	request = datagram(HF_METHOD_SET, HF_SMP_GUID_INFO, 0, NULL);
	host.lose = 100;
	mad = send_request(&host, &request);
	ck_assert_uint_eq(be32toh(mad.status), HF_IBSIM_STATUS_BOUNCED);
	ck_assert_uint_eq(host.questions, 5);
	ck_assert_uint_eq(mad.mad[offsetof(struct hf_mad_hdr, method)], HF_METHOD_SET);
	memcpy(&tid, mad.mad + offsetof(struct hf_mad_hdr, tid), sizeof(tid));
	ck_assert_uint_eq(be64toh(tid), TID | SLOT << 48);
}
END_TEST

START_TEST(an_answer_of_nobody_known_is_a_loss)
{
	struct hf_ibsim_mad request = datagram(HF_METHOD_GET, HF_SMP_SWITCH_INFO, 0, NULL), mad;

	set_default_port(&leaf, 4);
	leaf.lose = 4;
	mad = send_request(&leaf, &request);
	ck_assert_uint_eq(be32toh(mad.status), HF_IBSIM_STATUS_BOUNCED);
}
END_TEST

START_TEST(what_ibsim_throws_away_is_gone)
{
	struct hf_ibsim_mad request = datagram(HF_METHOD_GET, HF_SMP_SWITCH_INFO, 0, NULL), mad;

	ck_assert(hf_sma_exchange_begin(&client, &request));
	ck_assert(hf_sma_exchange_next(&sma, &client, &mad));
	ck_assert(hf_sma_exchange_next(&sma, &client, &mad));
	ck_assert_mem_eq(&mad, &request, sizeof(mad));
	ck_assert(!hf_sma_exchange_next(&sma, &client, &mad));
	ck_assert_uint_eq(get_switch(&leaf).default_port, 0);
}
END_TEST

START_TEST(a_trap_may_come_in_between)
{
	struct hf_ibsim_mad request = datagram(HF_METHOD_SET, HF_SMP_PORT_INFO, 1, NULL), mad, trap;

	trap = datagram(HF_METHOD_TRAP, 2, 0, NULL);
	ck_assert(hf_sma_exchange_begin(&client, &request));
	ck_assert(hf_sma_exchange_next(&sma, &client, &mad));
	ck_assert(hf_sma_exchange_written(&sma, &client, &trap));
	node_answers(&leaf, &mad);
	ck_assert(!hf_sma_exchange_written(&sma, &client, &mad));
	ck_assert(hf_sma_exchange_written(&sma, &client, &trap));
	ck_assert(hf_sma_exchange_next(&sma, &client, &mad));
	ck_assert(hf_sma_exchange_written(&sma, &client, &trap));
	node_answers(&leaf, &mad);
	ck_assert(hf_sma_exchange_written(&sma, &client, &mad));
	ck_assert(!hf_sma_exchange_is_readable(&client));
}
END_TEST

static Suite *make_suite(void)
{
	const TTest *const tests[] = {
		switch_info_is_kept,
		a_host_has_no_switch_info,
		port_info_is_kept,
		each_port_of_a_switch_has_its_own,
		zero_changes_no_mtu,
		what_ibsim_refuses_is_not_kept,
		guids_are_kept,
		guids_end_at_the_cap,
		ports_of_a_host_have_guids_of_their_own,
		lanes_are_ibsims_unless_said,
		fifteen_lanes,
		two_lanes,
		other_numbers_of_lanes,
		a_reset_switch_has_forgotten,
		its_ports_tell_of_the_reset_too,
		what_is_set_after_a_reset_stays,
		a_reset_port_of_a_host_has_forgotten,
		a_console_command_alone_resets_nothing,
		a_lid_taken_away_by_the_sm_is_no_reset,
		others_pass,
		questions_go_the_way_of_the_request,
		a_lost_question_is_asked_again,
		a_lost_request_comes_back,
		an_answer_of_nobody_known_is_a_loss,
		what_ibsim_throws_away_is_gone,
		a_trap_may_come_in_between,
	};
	Suite *suite = suite_create("sma");

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		TCase *tcase = tcase_create(tests[i]->name);

		tcase_add_checked_fixture(tcase, setup, teardown);
		tcase_add_test(tcase, tests[i]);
		suite_add_tcase(suite, tcase);
	}
	return suite;
}

int main(void)
{
	return check_main(make_suite());
}
