/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The fabric map: a file in which every process of a simulation sees what ibsim's nodes hold at this moment: links and
 * their states, LIDs, forwarding tables, SL2VL and partition tables. It is ibsim's own memory. libhfsim-sma.so, told by
 * HF_FABRIC_MAP, has ibsim keep its tables in that file (sim/sma/map.c); so there is nothing to be kept up to date, and
 * a packet that goes from switch to switch sees a change exactly as it would on its way.
 *
 * Beside the map FILE lies FILE.counters, which everyone may write to: what each port has sent and received.
 *
 * A map is a file, and may be damaged: nothing read from it is trusted, nothing outside is touched. A file that is cut
 * while it is read ends the reader with SIGBUS.
 */
#ifndef HF_SIM_FABRIC_MAP_H
#define HF_SIM_FABRIC_MAP_H

#include <linux/types.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_FABRIC_MAP_ENV	"HF_FABRIC_MAP"
#define HF_FABRIC_MAGIC		UINT64_C(0x70616d6366660068)
#define HF_FABRIC_VERSION	1
#define HF_FABRIC_HEADER_SIZE	4096
#define HF_FABRIC_SLS		16
#define HF_FABRIC_MAX_HOPS	64
#define HF_FABRIC_GUIDS		32	/* a port has at most */
#define HF_FABRIC_MLID_FIRST	0xc000
#define HF_FABRIC_MLID_LAST	0xfffe
#define HF_FABRIC_LID_PERMISSIVE 0xffff

/* A table of ibsim's in the file. */
struct hf_map_table {
	uint64_t at;		/* in the file */
	uint32_t count;		/* in use */
	uint32_t size;		/* of one element */
};

/* At the beginning of the file, in host byte order. */
struct hf_map_header {
	uint64_t magic;
	uint32_t version;
	uint32_t pid;		/* ibsim's */
	uint64_t address;	/* of the file's first byte in ibsim's memory */
	uint64_t length;	/* bytes of the file in use */
	struct hf_map_table nodes;		/* struct hf_ibsim_node */
	struct hf_map_table switches;	/* struct hf_ibsim_switch */
	struct hf_map_table ports;		/* struct hf_ibsim_memory_port */
	struct hf_map_table kept_switches;	/* struct hf_map_kept_switch, one for each of @switches */
	struct hf_map_table kept_ports;	/* struct hf_map_kept_port, one for each of @ports */
	atomic_uint is_ready;	/* the above holds from now on */
	atomic_uint generation;	/* a futex: counts up after whatever may have changed something */
};

/* What SMPs have set and ibsim itself does not keep, see hfsim-sma(7). Zero: as ibsim has it. */
struct hf_map_kept_switch {
	uint8_t is_set;
	uint8_t default_port;
	uint8_t default_mcast_primary_port;
	uint8_t default_mcast_not_primary_port;
	uint32_t pad;
};

struct hf_map_kept_port {
	uint8_t mtu;		/* NeighborMTU, IBA's code */
	uint8_t pad[7];
	__be64 guids[HF_FABRIC_GUIDS];	/* from 1 on */
};

/* Of one port, in FILE.counters at the port's index: packets, and those of them that were lost there. */
struct hf_map_counters {
	_Atomic uint64_t xmit[HF_FABRIC_SLS];
	_Atomic uint64_t rcv[HF_FABRIC_SLS];
	_Atomic uint64_t lost;
	uint64_t pad[7];
};

struct hf_map {
	const uint8_t *file;
	size_t length;
	struct hf_map_header header;	/* as it was when the map was opened, and was checked then */
	struct hf_map_counters *counters;	/* NULL: packets are not counted */
};

struct hf_map_node {
	uint32_t index;
	char name[65];
	uint64_t guid;
	uint64_t system_guid;
	bool is_switch;
	unsigned int port_count;	/* without port 0 */
};

/* One port as it is at this moment. Codes are IBA's. */
struct hf_map_port {
	uint32_t index;		/* in the map; stays the port's as long as ibsim runs */
	uint32_t node;
	unsigned int number;
	uint64_t guid;
	uint64_t gid_prefix;
	uint16_t lid;
	uint16_t sm_lid;
	unsigned int lmc;
	unsigned int state;
	unsigned int phys_state;
	bool has_peer;
	uint32_t peer;		/* index of the port at the other end of the cable */
	unsigned int width;
	unsigned int speed;
	unsigned int speed_ext;
	unsigned int mtu;
	unsigned int mtu_cap;
	unsigned int vl_cap;
	unsigned int sm_sl;
	unsigned int subnet_timeout;
	uint32_t cap_mask;
	unsigned int guid_count;
	unsigned int pkey_count;
};

enum hf_map_fate {
	HF_FABRIC_DELIVERED,
	HF_FABRIC_LOST_PORT_DOWN,	/* a port on the way, or one of the two ends, does not carry data */
	HF_FABRIC_LOST_NO_ROUTE,	/* a switch has no entry for the DLID, or one that leads nowhere */
	HF_FABRIC_LOST_LOOP,		/* more than HF_FABRIC_MAX_HOPS switches */
	HF_FABRIC_LOST_WRONG_LID,	/* arrived at an adapter that does not have the DLID */
	HF_FABRIC_LOST_VL15,		/* a port maps the SL to no data lane */
	HF_FABRIC_LOST_PKEY,		/* the P_Key is not in the table of the port where it arrived */
	HF_FABRIC_LOST_DAMAGED,		/* the map leads nowhere */
	HF_FABRIC_FATE_COUNT,
};

/* A packet as the fabric sees it. */
struct hf_map_packet {
	uint32_t from;		/* index of the port that sends it */
	uint16_t dlid;
	uint8_t sl;
	uint16_t pkey;		/* 0: not checked */
};

struct hf_map_route {
	enum hf_map_fate fate;
	uint32_t port;		/* index: where it is delivered, or lost */
	unsigned int crossed_count;
	uint32_t crossed[2 * (HF_FABRIC_MAX_HOPS + 1)];	/* ports in order: out, in, out, in ... */
};

/**
 * hf_map_open() - open a map
 * @fabric: to be closed with hf_map_close()
 * @path:   of the map
 *
 * Return: 0; -EAGAIN where ibsim is not ready; -EPROTO where it is no map, or a damaged one; another negative errno.
 * Without FILE.counters packets are not counted, which is no failure.
 */
int hf_map_open(struct hf_map *fabric, const char *path);
void hf_map_close(struct hf_map *fabric);

/**
 * hf_map_init() - the same for a map that is in memory
 * @fabric: nothing is to be freed
 * @file:   borrowed
 * @length: bytes at @file
 *
 * Return: 0; -EAGAIN; -EPROTO.
 */
int hf_map_init(struct hf_map *fabric, const void *file, size_t length);

/* The number that counts up with each change, to be waited on by hf_map_wait(). */
unsigned int hf_map_generation(const struct hf_map *fabric);

/**
 * hf_map_wait() - sleep until something may have changed
 * @fabric:     map
 * @generation: as the caller has seen it
 * @timeout_ms: at most
 */
void hf_map_wait(const struct hf_map *fabric, unsigned int generation, int timeout_ms);

/* End the waits of all readers as if something had changed. */
void hf_map_wake(const struct hf_map *fabric);

/* All return 0, or -ENOENT where there is no such thing (or the map is damaged there). */
int hf_map_get_node(const struct hf_map *fabric, uint32_t index, struct hf_map_node *ret_node);
int hf_map_find_node(const struct hf_map *fabric, const char *name, struct hf_map_node *ret_node);
int hf_map_get_port(const struct hf_map *fabric, uint32_t index, struct hf_map_port *ret_port);
int hf_map_find_port(const struct hf_map *fabric, const struct hf_map_node *node, unsigned int number,
			uint32_t *ret_index);
int hf_map_get_guid(const struct hf_map *fabric, const struct hf_map_port *port, unsigned int index,
		       __be64 *ret_guid);
int hf_map_get_pkey(const struct hf_map *fabric, const struct hf_map_port *port, unsigned int index,
		       uint16_t *ret_pkey);

/**
 * hf_map_route() - the way of a packet to an adapter
 * @fabric:    map
 * @packet:    its DLID is one of 1 to 0xbfff
 * @ret_route: where it ends, and why there
 *
 * A packet to a LID of its own port goes there without a cable, as in a real adapter.
 *
 * Context: any thread. Cost: a few table look-ups for each switch on the way.
 */
void hf_map_route(const struct hf_map *fabric, const struct hf_map_packet *packet,
		     struct hf_map_route *ret_route);

/**
 * hf_map_flood() - the ways of a multicast packet
 * @fabric:  map
 * @packet:  its DLID is an MLID
 * @visit:   called for each copy that reaches an adapter or is lost; its route holds what this copy has crossed since
 *           the last branch, so that counting each route counts each port once
 * @context: for @visit
 *
 * By the switches' multicast tables; a switch without an entry for the MLID sends it to its default multicast port, and
 * what comes from there to the one for that case (SwitchInfo DefaultMulticastPrimaryPort and NotPrimaryPort).
 */
void hf_map_flood(const struct hf_map *fabric, const struct hf_map_packet *packet,
		     void (*visit)(void *context, const struct hf_map_route *route), void *context);

/* Count so many packets of this SL along a route; no-op without counters. */
void hf_map_count(const struct hf_map *fabric, const struct hf_map_route *route, unsigned int sl,
		     uint64_t packets);

const char *hf_map_fate_name(enum hf_map_fate fate);

#endif
