/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Preloaded into opensm: while the file that HF_REFUSE_LFT names exists, every answer to a Set of a forwarding table
 * has status 0x1c, as from a switch that refuses it. (ibsim refuses none.)
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

#include <infiniband/umad.h>

#include "lib/wire.h"

#define CLASS_SUBN_LID		0x01
#define CLASS_SUBN_DIRECTED	0x81
#define METHOD_GET_RESP		0x81
#define ATTR_LFT		0x19
#define STATUS_BAD_VALUE	0x1c

static void refuse(void *umad)
{
	struct hf_mad_hdr *hdr = umad_get_mad(umad);
	const char *file = getenv("HF_REFUSE_LFT");

	if ((hdr->mgmt_class == CLASS_SUBN_LID || hdr->mgmt_class == CLASS_SUBN_DIRECTED) &&
	    hdr->method == METHOD_GET_RESP && be16toh(hdr->attr_id) == ATTR_LFT && file && !access(file, F_OK))
		hdr->status |= htobe16(STATUS_BAD_VALUE);
}

__attribute__((visibility("default"))) int umad_recv(int fd, void *umad, int *length, int timeout_ms)
{
	int (*real)(int, void *, int *, int) = (int (*)(int, void *, int *, int))dlsym(RTLD_NEXT, "umad_recv");
	int agent = real(fd, umad, length, timeout_ms);

	if (agent >= 0)
		refuse(umad);
	return agent;
}
