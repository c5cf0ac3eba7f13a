/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/gid.h"

#include <arpa/inet.h>
#include <errno.h>

struct hf_gid_text hf_gid_format(const union hf_gid *gid)
{
	struct hf_gid_text text = { "" };

	inet_ntop(AF_INET6, gid->raw, text.text, sizeof(text.text));
	return text;
}

int hf_gid_parse(const char *text, union hf_gid *ret_gid)
{
	union hf_gid gid;

	if (inet_pton(AF_INET6, text, gid.raw) != 1)
		return -EINVAL;
	*ret_gid = gid;
	return 0;
}
