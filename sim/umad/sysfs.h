/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The paths that the kernel's InfiniBand drivers would show for the simulated adapters: /sys/class/infiniband,
 * /sys/class/infiniband_mad and /dev/infiniband. Each adapter has one port. Pure: what a file says is computed from
 * what ibsim told, which the caller fetches.
 */
#ifndef HF_SIM_UMAD_SYSFS_H
#define HF_SIM_UMAD_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/ibsim_proto.h"

#define HF_SYSFS_NAME_SIZE 32 /* of one path component, terminating zero included */
#define HF_SYSFS_TEXT_SIZE 128 /* of one attribute */
#define HF_SYSFS_PATH_SIZE 256

/* What ibsim knows of an adapter; attributes as on the wire. */
struct hf_adapter_facts {
	char node[HF_IBSIM_NODE_NAME];
	uint8_t node_info[HF_IBSIM_CTL_DATA];
	uint8_t port_info[HF_IBSIM_CTL_DATA];
	__be16 pkeys[HF_IBSIM_PKEYS];
	struct hf_ibsim_vendor vendor;
};

enum hf_sysfs_kind {
	HF_SYSFS_DIR,
	HF_SYSFS_FILE,
	HF_SYSFS_UMAD, /* character device: MADs */
	HF_SYSFS_ISSM, /* character device: holds IsSM while open */
};

struct hf_sysfs_row;

/* A path that exists. */
struct hf_sysfs_node {
	enum hf_sysfs_kind kind;
	const struct hf_sysfs_row *row;
	bool has_adapter; /* else above all adapters, and @adapter means nothing */
	unsigned int adapter;
	bool has_port; /* the path names a port: whether the adapter has it is the caller's to check */
	unsigned int port;
	unsigned int pkey; /* index of the P_Key where the path ends in one */
};

/* What ibsim must be asked for before hf_sysfs_read(). */
enum hf_sysfs_needs {
	HF_SYSFS_NEEDS_NODE_INFO = 1,
	HF_SYSFS_NEEDS_PORT_INFO = 2,
	HF_SYSFS_NEEDS_PKEYS = 4,
	HF_SYSFS_NEEDS_VENDOR = 8,
};

#define HF_SYSFS_N_NEEDS 4

/**
 * hf_sysfs_is_ours() - could a path be one of the simulated ones?
 * @path: absolute or not, in any spelling, NULL too
 *
 * Cheap; the first thing that each open of the program goes through.
 */
bool hf_sysfs_is_ours(const char *path);

/**
 * hf_sysfs_is_inside() - does a path lie in a simulated folder, or is one?
 * @path: absolute, in any spelling
 *
 * What lies in there and is not simulated does not exist; what lies beside it, such as /sys/class/infiniband_cm, is
 * real.
 */
bool hf_sysfs_is_inside(const char *path);

/**
 * hf_sysfs_lookup() - find a path
 * @path:     absolute; repeated slashes and "." are ignored, ".." is understood
 * @adapters: how many there are
 * @ret_node: filled in
 *
 * Return: 0; -ENOENT if there is no such path.
 */
int hf_sysfs_lookup(const char *path, unsigned int adapters, struct hf_sysfs_node *ret_node);

/** hf_sysfs_needs() - a set of enum hf_sysfs_needs: the facts that hf_sysfs_read() looks at. */
unsigned int hf_sysfs_needs(const struct hf_sysfs_node *node);

/**
 * hf_sysfs_entry() - one entry of a directory
 * @node:     of kind HF_SYSFS_DIR
 * @position: from 0
 * @adapters: how many there are
 * @port:     number of the adapter's port; anything where @node->has_adapter is false
 * @ret_name: filled in
 * @ret_kind: filled in
 *
 * Return: true; false behind the last entry.
 */
bool hf_sysfs_entry(const struct hf_sysfs_node *node, unsigned int position, unsigned int adapters, unsigned int port,
		    char ret_name[HF_SYSFS_NAME_SIZE], enum hf_sysfs_kind *ret_kind);

/**
 * hf_sysfs_read() - what a file says
 * @node:     of kind HF_SYSFS_FILE
 * @facts:    of its adapter, as far as hf_sysfs_needs() names them
 * @ret_text: filled in, as the kernel words it
 *
 * Return: length of the text.
 */
size_t hf_sysfs_read(const struct hf_sysfs_node *node, const struct hf_adapter_facts *facts,
		     char ret_text[HF_SYSFS_TEXT_SIZE]);

/** hf_sysfs_port_number() - the number of the adapter's port: LocalPortNum of its PortInfo. */
unsigned int hf_sysfs_port_number(const struct hf_adapter_facts *facts);

/** hf_sysfs_adapter_name() - "hfsim<index>". */
void hf_sysfs_adapter_name(unsigned int index, char ret_name[HF_SYSFS_NAME_SIZE]);

#endif
