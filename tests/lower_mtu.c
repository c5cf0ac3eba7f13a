/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Preloaded into opensm: port 2 of each node has an MTUCap of 1024, and where HF_LOWER_MTU_OF_LIDS is set each port
 * that names a base LID that is a multiple of 4 has one of 512. OpenSM may learn of the latter a sweep later. (ibsim
 * has no other than 2048, and 1024 for port 0 of switches.)
 */
#include <dlfcn.h>
#include <stdlib.h>

#include <infiniband/umad.h>

#include "lib/wire.h"

#define CLASS_SUBN_LID		0x01
#define CLASS_SUBN_DIRECTED	0x81
#define METHOD_GET_RESP		0x81
#define ATTR_PORT_INFO		0x15
#define MTU_512			2
#define MTU_1024		3
/* Bytes of an SMP, whose data begin at 64. */
#define AT_BASE_LID		(64 + 16)
#define AT_MTU_CAP		(64 + 41)

static void lower(void *umad)
{
	uint8_t *mad = umad_get_mad(umad);
	const struct hf_mad_hdr *hdr = umad_get_mad(umad);
	unsigned int lid = mad[AT_BASE_LID] << 8 | mad[AT_BASE_LID + 1];
	unsigned int mtu = 0;

	if ((hdr->mgmt_class != CLASS_SUBN_LID && hdr->mgmt_class != CLASS_SUBN_DIRECTED) ||
	    hdr->method != METHOD_GET_RESP || be16toh(hdr->attr_id) != ATTR_PORT_INFO)
		return;
	if (lid && lid % 4 == 0 && getenv("HF_LOWER_MTU_OF_LIDS"))
		mtu = MTU_512;
	else if ((be32toh(hdr->attr_mod) & 0xff) == 2)
		mtu = MTU_1024;
	if (mtu)
		mad[AT_MTU_CAP] = (mad[AT_MTU_CAP] & 0xf0) | mtu;
}

__attribute__((visibility("default"))) int umad_recv(int fd, void *umad, int *length, int timeout_ms)
{
	int (*real)(int, void *, int *, int) = (int (*)(int, void *, int *, int))dlsym(RTLD_NEXT, "umad_recv");
	int agent = real(fd, umad, length, timeout_ms);

	if (agent >= 0)
		lower(umad);
	return agent;
}
