/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Random raw tables of a fabric and a slow, plain reading of them: every path is walked hop by hop, pair by pair. The
 * tables are worse than any routing engine's: loops, dead ends, routes to the wrong port, hosts that come and go.
 */
#ifndef HF_TESTS_RANDOM_TABLES_H
#define HF_TESTS_RANDOM_TABLES_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/snapshot.h"

#define RANDOM_PORTS	6

/* HF_SEED=n repeats a run; otherwise every run is another one. */
static inline unsigned int random_seed(void)
{
	const char *given = getenv("HF_SEED");
	unsigned int seed = given ? strtoul(given, NULL, 0) : (unsigned int)time(NULL);

	printf("# seed %u\n", seed);
	fflush(stdout);
	return seed;
}

static inline unsigned int random_below(unsigned int n)
{
	return n ? (unsigned int)random() % n : 0;
}

static inline uint8_t random_mtu(void)
{
	return 1 + random_below(5);
}

static inline uint8_t random_rate(void)
{
	return 2 + random_below(21);
}

static inline void random_column(struct hf_snapshot *snapshot, uint32_t index)
{
	struct hf_column *column = &snapshot->columns[index];

	*column = (struct hf_column) { .row = HF_NO_INDEX };
	if (!random_below(8))
		return;
	column->guid = 0x100000 + index;
	column->lid = 1 + index;
	column->mtu = random_mtu();
	column->rate = random_rate();
	column->pkey = 0xffff;
	if (random_below(10))
		column->row = random_below(snapshot->n_rows);
}

static inline void random_port(struct hf_snapshot *snapshot, struct hf_switch_port *port)
{
	*port = (struct hf_switch_port) { .mtu = random_mtu(), .rate = random_rate() };
	switch (random_below(4)) {
	case 0:
		break;
	case 1:
		port->peer_kind = HF_PEER_END_PORT;
		port->peer_index = random_below(snapshot->n_columns);
		break;
	default:
		port->peer_kind = HF_PEER_SWITCH;
		port->peer_index = random_below(snapshot->n_rows);
		port->peer_port = 1 + random_below(RANDOM_PORTS - 1);
	}
}

static inline void random_cell(struct hf_snapshot *snapshot, size_t cell)
{
	snapshot->next_port[cell] = random_below(12) ? random_below(RANDOM_PORTS) : HF_NO_PORT;
	snapshot->sl[cell] = random_below(3);
}

static inline void count_row_columns(struct hf_snapshot *snapshot)
{
	for (uint32_t i = 0; i < snapshot->n_rows; i++)
		snapshot->rows[i].columns = 0;
	for (uint32_t i = 0; i < snapshot->n_columns; i++)
		if (snapshot->columns[i].row != HF_NO_INDEX)
			snapshot->rows[snapshot->columns[i].row].columns++;
}

static inline struct hf_snapshot *random_tables(uint32_t n_rows, uint32_t n_columns)
{
	struct hf_snapshot *snapshot;

	ck_assert_int_eq(hf_snapshot_new(n_rows, n_columns, RANDOM_PORTS, &snapshot), 0);
	snapshot->epoch = 1;
	snapshot->pkt_life = 18;
	for (uint32_t i = 0; i < n_rows; i++)
		snapshot->rows[i].guid = 0x200000 + i;
	for (uint32_t i = 0; i < n_columns; i++)
		random_column(snapshot, i);
	for (uint32_t i = 0; i < n_rows * RANDOM_PORTS; i++)
		random_port(snapshot, &snapshot->ports[i]);
	for (size_t i = 0; i < (size_t)n_rows * n_columns; i++)
		random_cell(snapshot, i);
	/* Paths are rare among wholly random ports: most switches do route to their own hosts. */
	for (uint32_t i = 0; i < n_columns; i++)
		if (snapshot->columns[i].row != HF_NO_INDEX && random_below(8)) {
			uint32_t row = snapshot->columns[i].row;
			uint8_t port = random_below(RANDOM_PORTS);

			snapshot->ports[row * RANDOM_PORTS + port].peer_kind = HF_PEER_END_PORT;
			snapshot->ports[row * RANDOM_PORTS + port].peer_index = i;
			snapshot->next_port[(size_t)row * n_columns + i] = port;
		}
	count_row_columns(snapshot);
	return snapshot;
}

/* The same tables in a fabric that may have grown; raw, as all here. */
static inline struct hf_snapshot *copy_tables(const struct hf_snapshot *from, uint32_t n_rows, uint32_t n_columns)
{
	struct hf_snapshot *copy = random_tables(n_rows, n_columns);

	copy->epoch = from->epoch + 1;
	memcpy(copy->rows, from->rows, from->n_rows * sizeof(*copy->rows));
	memcpy(copy->columns, from->columns, from->n_columns * sizeof(*copy->columns));
	memcpy(copy->ports, from->ports, from->n_rows * RANDOM_PORTS * sizeof(*copy->ports));
	for (uint32_t row = 0; row < from->n_rows; row++) {
		memcpy(&copy->next_port[(size_t)row * n_columns], &from->next_port[(size_t)row * from->n_columns],
		       from->n_columns);
		memcpy(&copy->sl[(size_t)row * n_columns], &from->sl[(size_t)row * from->n_columns], from->n_columns);
	}
	count_row_columns(copy);
	return copy;
}

static inline void mutate_tables(struct hf_snapshot *snapshot, unsigned int how_much)
{
	for (unsigned int i = 0; i < how_much; i++)
		switch (random_below(4)) {
		case 0:
			random_column(snapshot, random_below(snapshot->n_columns));
			break;
		case 1:
			random_port(snapshot, &snapshot->ports[random_below(snapshot->n_rows * RANDOM_PORTS)]);
			break;
		case 2:
			random_cell(snapshot, random_below(snapshot->n_rows * snapshot->n_columns));
			break;
		case 3:
			if (snapshot->columns[random_below(snapshot->n_columns)].lid)
				snapshot->columns[random_below(snapshot->n_columns)].lid += 100;
			break;
		}
	count_row_columns(snapshot);
}

/* Mb/s, in an order of its own: by the speeds' names, not by the IBA's codes. */
static inline double slow_mbps(uint8_t rate)
{
	static const struct {
		uint8_t code;
		double mbps;
	} speeds[] = {
		{ 2, 2500 }, { 5, 5000 }, { 3, 10000 }, { 11, 14062.5 }, { 6, 20000 }, { 15, 25781.25 },
		{ 19, 28125 }, { 4, 30000 }, { 7, 40000 }, { 20, 50000 }, { 12, 56250 }, { 8, 60000 },
		{ 9, 80000 }, { 16, 103125 }, { 13, 112500 }, { 10, 120000 }, { 14, 168750 }, { 17, 206250 },
		{ 18, 309375 }, { 21, 400000 }, { 22, 600000 },
	};

	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].code == rate)
			return speeds[i].mbps;
	return 0;
}

struct slow_path {
	bool is_reachable;
	uint8_t sl, mtu, rate;
};

static inline void slow_cross(struct slow_path *path, uint8_t mtu, uint8_t rate)
{
	if (mtu < path->mtu)
		path->mtu = mtu;
	if (slow_mbps(rate) < slow_mbps(path->rate))
		path->rate = rate;
}

static inline struct slow_path slow_walk(const struct hf_snapshot *raw, uint32_t src, uint32_t dst)
{
	const struct slow_path none = { 0 };
	const struct hf_column *from = &raw->columns[src], *to = &raw->columns[dst];
	struct slow_path path = { .is_reachable = true, .mtu = from->mtu, .rate = from->rate };
	uint32_t row = from->row;

	if (!from->guid || !to->guid || row == HF_NO_INDEX)
		return none;
	path.sl = raw->sl[(size_t)row * raw->n_columns + dst];
	for (uint32_t hops = 0; hops <= raw->n_rows; hops++) {
		uint8_t number = raw->next_port[(size_t)row * raw->n_columns + dst];
		const struct hf_switch_port *port;

		if (number >= RANDOM_PORTS)
			return none;
		port = &raw->ports[row * RANDOM_PORTS + number];
		if (port->peer_kind == HF_PEER_END_PORT && port->peer_index == dst) {
			slow_cross(&path, to->mtu, to->rate);
			return path;
		}
		if (port->peer_kind != HF_PEER_SWITCH)
			return none;
		slow_cross(&path, port->mtu, port->rate);
		row = port->peer_index;
		port = &raw->ports[row * RANDOM_PORTS + port->peer_port];
		slow_cross(&path, port->mtu, port->rate);
	}
	return none;
}

#endif
