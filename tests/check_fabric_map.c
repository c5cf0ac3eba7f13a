/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "check_main.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "fabric_image.h"

static struct fabric_image image;
static struct hf_map fabric;

static void set_up(void)
{
	fabric_image_init(&image);
	ck_assert_int_eq(hf_map_init(&fabric, &image, sizeof(image)), 0);
}

static struct hf_map_route route_of(unsigned int from, unsigned int dlid, unsigned int sl, unsigned int pkey)
{
	struct hf_map_packet packet = { .from = image_adapter_port(from), .dlid = dlid, .sl = sl, .pkey = pkey };
	struct hf_map_route route;

	hf_map_route(&fabric, &packet, &route);
	return route;
}

static void check_fate(unsigned int from, unsigned int dlid, enum hf_map_fate fate, uint32_t port)
{
	struct hf_map_route route = route_of(from, dlid, 0, 0);

	ck_assert_str_eq(hf_map_fate_name(route.fate), hf_map_fate_name(fate));
	ck_assert_uint_eq(route.port, port);
}

START_TEST(refuses_what_is_no_map)
{
	ck_assert_int_eq(hf_map_init(&fabric, &image, HF_FABRIC_HEADER_SIZE - 1), -EPROTO);
	image.header.magic++;
	ck_assert_int_eq(hf_map_init(&fabric, &image, sizeof(image)), -EPROTO);
	fabric_image_init(&image);
	image.header.version++;
	ck_assert_int_eq(hf_map_init(&fabric, &image, sizeof(image)), -EPROTO);
	fabric_image_init(&image);
	image.header.is_ready = 0;
	ck_assert_int_eq(hf_map_init(&fabric, &image, sizeof(image)), -EAGAIN);
	fabric_image_init(&image);
	image.header.ports.size--;
	ck_assert_int_eq(hf_map_init(&fabric, &image, sizeof(image)), -EPROTO);
	fabric_image_init(&image);
	image.header.kept_ports.count--;
	ck_assert_int_eq(hf_map_init(&fabric, &image, sizeof(image)), -EPROTO);
	fabric_image_init(&image);
	image.header.nodes.at = sizeof(image) - 8;
	ck_assert_int_eq(hf_map_init(&fabric, &image, sizeof(image)), -EPROTO);
	fabric_image_init(&image);
	ck_assert_int_eq(hf_map_init(&fabric, &image, sizeof(image) / 4), -EPROTO);
}
END_TEST

START_TEST(shows_nodes_and_ports)
{
	struct hf_map_node node;
	struct hf_map_port port;
	uint32_t index;

	ck_assert_int_eq(hf_map_find_node(&fabric, "H_2", &node), 0);
	ck_assert(!node.is_switch && node.port_count == 1);
	ck_assert_int_eq(hf_map_find_port(&fabric, &node, 1, &index), 0);
	ck_assert_int_eq(hf_map_find_port(&fabric, &node, 0, &index), -ENOENT);
	ck_assert_int_eq(hf_map_find_port(&fabric, &node, 2, &index), -ENOENT);
	ck_assert_int_eq(hf_map_get_port(&fabric, index, &port), 0);
	ck_assert_uint_eq(port.lid, 3);
	ck_assert_uint_eq(port.state, 4);
	ck_assert_uint_eq(port.mtu, 4);
	ck_assert_uint_eq(port.guid, node.guid + 1);
	ck_assert(port.has_peer && port.peer == image_switch_port(1, 1));
	ck_assert_int_eq(hf_map_find_node(&fabric, "S_1", &node), 0);
	ck_assert(node.is_switch);
	ck_assert_int_eq(hf_map_find_port(&fabric, &node, 0, &index), 0);
	ck_assert_int_eq(hf_map_get_port(&fabric, index, &port), 0);
	ck_assert(!port.has_peer && port.lid == 6 && port.guid == node.guid);
	ck_assert_int_eq(hf_map_find_node(&fabric, "H_4", &node), -ENOENT);
	ck_assert_int_eq(hf_map_get_port(&fabric, IMAGE_PORTS, &port), -ENOENT);
}
END_TEST

START_TEST(shows_what_is_kept_beside)
{
	struct hf_map_port port;
	__be64 guid;
	uint16_t pkey;

	image.kept_ports[image_adapter_port(1)].mtu = 5;
	image.kept_ports[image_adapter_port(1)].guids[3] = htobe64(0x77);
	ck_assert_int_eq(hf_map_get_port(&fabric, image_adapter_port(1), &port), 0);
	ck_assert_uint_eq(port.mtu, 5);
	ck_assert_int_eq(hf_map_get_guid(&fabric, &port, 0, &guid), 0);
	ck_assert_uint_eq(be64toh(guid), port.guid);
	ck_assert_int_eq(hf_map_get_guid(&fabric, &port, 3, &guid), 0);
	ck_assert_uint_eq(be64toh(guid), 0x77);
	ck_assert_int_eq(hf_map_get_guid(&fabric, &port, 8, &guid), -ENOENT);
	ck_assert_int_eq(hf_map_get_pkey(&fabric, &port, 0, &pkey), 0);
	ck_assert_uint_eq(pkey, 0xffff);
	ck_assert_int_eq(hf_map_get_pkey(&fabric, &port, IMAGE_PKEYS, &pkey), -ENOENT);
}
END_TEST

START_TEST(routes_by_the_tables)
{
	struct hf_map_route route = route_of(0, 4, 0, 0xffff);

	ck_assert_int_eq(route.fate, HF_FABRIC_DELIVERED);
	ck_assert_uint_eq(route.port, image_adapter_port(3));
	ck_assert_uint_eq(route.crossed_count, 6);
	ck_assert_uint_eq(route.crossed[0], image_adapter_port(0));
	ck_assert_uint_eq(route.crossed[1], image_switch_port(0, 1));
	ck_assert_uint_eq(route.crossed[2], image_switch_port(0, 3));
	ck_assert_uint_eq(route.crossed[5], image_adapter_port(3));
	check_fate(0, 1, HF_FABRIC_DELIVERED, image_adapter_port(0));
	check_fate(0, 6, HF_FABRIC_DELIVERED, image_switch_port(1, 0));
	image.ports[image_adapter_port(3)].lmc = 2;
	image.ports[image_adapter_port(3)].lid = 8;
	image.lfts[0][11] = image.lfts[1][11] = 3;
	image.lfts[1][11] = 2;
	check_fate(0, 11, HF_FABRIC_DELIVERED, image_adapter_port(3));
}
END_TEST

START_TEST(loses_by_the_tables)
{
	check_fate(0, 20, HF_FABRIC_LOST_NO_ROUTE, image_switch_port(0, 1));
	image.lfts[0][4] = 200;
	check_fate(0, 4, HF_FABRIC_LOST_NO_ROUTE, image_switch_port(0, 1));
	image.lfts[0][4] = 2;
	check_fate(0, 4, HF_FABRIC_LOST_WRONG_LID, image_adapter_port(1));
	image.lfts[0][4] = 0;
	check_fate(0, 4, HF_FABRIC_LOST_WRONG_LID, image_switch_port(0, 0));
	image.lfts[0][4] = image.lfts[1][4] = 3;
	ck_assert_int_eq(route_of(0, 4, 0, 0).fate, HF_FABRIC_LOST_LOOP);
	image.switches[0].lft_top = 3;
	check_fate(0, 4, HF_FABRIC_LOST_NO_ROUTE, image_switch_port(0, 1));
}
END_TEST

START_TEST(loses_where_a_port_is_down)
{
	image.ports[image_switch_port(1, 3)].state = 1;
	check_fate(0, 4, HF_FABRIC_LOST_PORT_DOWN, image_switch_port(0, 3));
	check_fate(0, 2, HF_FABRIC_DELIVERED, image_adapter_port(1));
	image.ports[image_switch_port(1, 3)].state = 2;
	check_fate(0, 4, HF_FABRIC_LOST_PORT_DOWN, image_switch_port(0, 3));
	image.ports[image_switch_port(1, 3)].state = 3;
	check_fate(0, 4, HF_FABRIC_DELIVERED, image_adapter_port(3));
	image.ports[image_switch_port(0, 3)].peer = 0;
	check_fate(0, 4, HF_FABRIC_LOST_PORT_DOWN, image_switch_port(0, 3));
	/* What sends must be active. */
	image.ports[image_adapter_port(0)].state = 3;
	check_fate(0, 2, HF_FABRIC_LOST_PORT_DOWN, image_adapter_port(0));
	check_fate(0, 1, HF_FABRIC_LOST_PORT_DOWN, image_adapter_port(0));
}
END_TEST

START_TEST(loses_without_a_lane)
{
	uint8_t *table = image.sl2vl[image_switch_port(0, 3)];

	/* SL 5 of what comes in at port 1, and no other */
	table[1 * HF_IBSIM_SL2VL_SIZE + 2] = 0x0f;
	ck_assert_int_eq(route_of(0, 4, 5, 0).fate, HF_FABRIC_LOST_VL15);
	ck_assert_int_eq(route_of(0, 4, 4, 0).fate, HF_FABRIC_DELIVERED);
	ck_assert_int_eq(route_of(1, 4, 5, 0).fate, HF_FABRIC_DELIVERED);
	image.sl2vl[image_adapter_port(1)][0] = 0xf0;
	ck_assert_int_eq(route_of(1, 4, 0, 0).fate, HF_FABRIC_LOST_VL15);
}
END_TEST

START_TEST(takes_only_its_partitions)
{
	image.pkeys[image_adapter_port(3)][0] = htobe16(0x0001);
	image.pkeys[image_adapter_port(3)][1] = htobe16(0x8002);
	ck_assert_int_eq(route_of(0, 4, 0, 0x8001).fate, HF_FABRIC_DELIVERED);
	ck_assert_int_eq(route_of(0, 4, 0, 0x0001).fate, HF_FABRIC_LOST_PKEY);	/* two limited members */
	ck_assert_int_eq(route_of(0, 4, 0, 0x0002).fate, HF_FABRIC_DELIVERED);
	ck_assert_int_eq(route_of(0, 4, 0, 0xffff).fate, HF_FABRIC_LOST_PKEY);
	ck_assert_int_eq(route_of(0, 4, 0, 0x8000).fate, HF_FABRIC_LOST_PKEY);
}
END_TEST

START_TEST(trusts_no_pointer)
{
	image.ports[image_switch_port(1, 3)].node += 8;
	ck_assert_int_eq(route_of(0, 4, 0, 0).fate, HF_FABRIC_LOST_DAMAGED);
	fabric_image_init(&image);
	image.nodes[0].sw = 0;
	ck_assert_int_eq(route_of(0, 4, 0, 0).fate, HF_FABRIC_LOST_DAMAGED);
	fabric_image_init(&image);
	image.switches[0].lft = UINT64_MAX - 3;
	ck_assert_int_eq(route_of(0, 4, 0, 0).fate, HF_FABRIC_LOST_NO_ROUTE);
	fabric_image_init(&image);
	image.ports[image_switch_port(0, 3)].peer_port = -1;
	ck_assert_int_eq(route_of(0, 4, 0, 0).fate, HF_FABRIC_LOST_PORT_DOWN);
}
END_TEST

/* ------------------------------------------------------------------------------ multicast ---- */

static unsigned int delivered[IMAGE_PORTS], lost, crossed;

static void note(void *context, const struct hf_map_route *route)
{
	(void)context;
	crossed += route->crossed_count;
	if (route->fate == HF_FABRIC_DELIVERED)
		delivered[route->port]++;
	else
		lost++;
	hf_map_count(&fabric, route, 3, 1);
}

static void flood(unsigned int mlid)
{
	struct hf_map_packet packet = { .from = image_adapter_port(0), .dlid = mlid, .sl = 3 };

	memset(delivered, 0, sizeof(delivered));
	lost = crossed = 0;
	hf_map_flood(&fabric, &packet, note, NULL);
}

START_TEST(floods_by_the_tables)
{
	static struct hf_map_counters counters[IMAGE_PORTS];

	fabric.counters = counters;
	image.mfts[0][33] = htobe16(1 << 1 | 1 << 2 | 1 << 3);
	image.mfts[1][33] = htobe16(1 << 1 | 1 << 2 | 1 << 3);
	flood(0xc021);
	/* Not back to where it comes from. */
	ck_assert_uint_eq(delivered[image_adapter_port(0)], 0);
	for (unsigned int i = 1; i < IMAGE_ADAPTERS; i++)
		ck_assert_uint_eq(delivered[image_adapter_port(i)], 1);
	ck_assert_uint_eq(lost, 0);
	ck_assert_uint_eq(crossed, 2 * 5);	/* five cables, each once */
	ck_assert_uint_eq(counters[image_switch_port(0, 1)].rcv[3], 1);
	ck_assert_uint_eq(counters[image_switch_port(1, 2)].xmit[3], 1);
	ck_assert_uint_eq(counters[image_switch_port(1, 2)].rcv[3], 0);
	flood(0xc020);
	ck_assert_uint_eq(lost, 1);
	ck_assert_uint_eq(counters[image_switch_port(0, 1)].lost, 1);
}
END_TEST

START_TEST(floods_by_the_default_ports)
{
	image.mfts[1][0] = htobe16(1 << 2);
	image.kept_switches[0] = (struct hf_map_kept_switch){
		.is_set = 1, .default_mcast_primary_port = 3, .default_mcast_not_primary_port = 2,
	};
	flood(0xc000);
	ck_assert_uint_eq(delivered[image_adapter_port(3)], 1);
	ck_assert_uint_eq(delivered[image_adapter_port(1)] + lost, 0);
	/* What comes in at the primary port goes to the other. */
	image.kept_switches[0].default_mcast_primary_port = 1;
	flood(0xc000);
	ck_assert_uint_eq(delivered[image_adapter_port(1)], 1);
	ck_assert_uint_eq(delivered[image_adapter_port(3)], 0);
	image.kept_switches[0].is_set = 0;
	flood(0xc000);
	ck_assert_uint_eq(lost, 1);
}
END_TEST

/* Three cables between two switches, all of them in the group: copies without end, were there no end. */
START_TEST(a_flood_ends)
{
	for (unsigned int number = 1; number <= 2; number++) {
		struct hf_ibsim_memory_port *a = &image.ports[image_switch_port(0, number)];
		struct hf_ibsim_memory_port *b = &image.ports[image_switch_port(1, number)];

		if (number == 1)
			continue;
		a->peer = b->node;
		a->peer_port = number;
		b->peer = a->node;
		b->peer_port = number;
	}
	image.mfts[0][0] = image.mfts[1][0] = htobe16(0xe);
	flood(0xc000);
	ck_assert_uint_gt(lost, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fabric_map");
	TCase *tcase = tcase_create("fabric_map");

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, refuses_what_is_no_map);
	tcase_add_test(tcase, shows_nodes_and_ports);
	tcase_add_test(tcase, shows_what_is_kept_beside);
	tcase_add_test(tcase, routes_by_the_tables);
	tcase_add_test(tcase, loses_by_the_tables);
	tcase_add_test(tcase, loses_where_a_port_is_down);
	tcase_add_test(tcase, loses_without_a_lane);
	tcase_add_test(tcase, takes_only_its_partitions);
	tcase_add_test(tcase, trusts_no_pointer);
	tcase_add_test(tcase, floods_by_the_tables);
	tcase_add_test(tcase, floods_by_the_default_ports);
	tcase_add_test(tcase, a_flood_ends);
	suite_add_tcase(suite, tcase);
	return check_main(suite);
}
