/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "plugin/engine_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

#define REOPEN_NS	(1000 * NS_PER_MS)

static int open_port(struct hf_engine *engine)
{
	struct hf_umad_port *ports = NULL;
	size_t count = 0, i;
	int err = hf_umad_list_ports(&ports, &count);

	if (err)
		return err;
	for (i = 0; i < count && ports[i].gid.guid != engine->config.port_guid; i++)
		;
	err = i < count ? hf_umad_open(ports[i].device, ports[i].port_num, &engine->umad) : -ENODEV;
	free(ports);
	if (err)
		return err;
	err = hf_umad_register_sa(engine->umad, false, &engine->agent);
	if (err) {
		hf_umad_close(engine->umad);
		engine->umad = NULL;
	}
	return err;
}

void hf_engine_ensure_port(struct hf_engine *engine, uint64_t now_ns)
{
	int err;

	if (!engine->wants_umad || engine->umad || now_ns < engine->open_at_ns)
		return;
	err = open_port(engine);
	if (!err)
		return;
	if (!engine->open_at_ns)
		hf_log(HF_LOG_WARN, "port GUID 0x%016" PRIx64 " cannot be opened for Reports (%s); trying on", (uint64_t)
		       be64toh(engine->config.port_guid), strerror(-err));
	engine->open_at_ns = now_ns + REOPEN_NS;
}

static void close_port(struct hf_engine *engine)
{
	hf_umad_close(engine->umad);
	engine->umad = NULL;
	engine->open_at_ns = 0;
}

/* Is it the ReportResp of a Notice? Only its header counts. */
static bool is_report_response(const struct hf_umad_received *received)
{
	const struct hf_mad_hdr *hdr = (const struct hf_mad_hdr *)received->mad;

	return !received->status && received->len >= sizeof(*hdr) && hdr->mgmt_class == HF_CLASS_SUBN_ADM &&
	       hdr->method == HF_METHOD_REPORT_RESP && be16toh(hdr->attr_id) == HF_ATTR_NOTICE;
}

void hf_engine_receive(struct hf_engine *engine)
{
	struct hf_umad_received received;
	int err;

	while (!(err = hf_umad_recv(engine->umad, &received))) {
		const struct hf_mad_hdr *hdr = (const struct hf_mad_hdr *)received.mad;

		if (is_report_response(&received))
			hf_reporter_answer(engine->reporter, received.from.lid, (uint32_t)be64toh(hdr->tid),
					   hf_now_ns());
		free(received.mad);
	}
	if (err == -ENODEV || err == -EIO)
		close_port(engine);
}
