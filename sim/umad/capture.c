/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/umad/capture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/pcap.h"
#include "sim/umad/lock.h"

#define NSEC_PER_SEC UINT64_C(1000000000)

static struct hf_lock capture_lock = HF_LOCK_INITIALIZER; /* all below; rank: last */
static struct hf_pcap_writer *capture_writer;
static bool capture_is_off;
static bool capture_is_flushed;

static void give_up_locked(const char *path, int rc)
{
	fprintf(stderr, "hfsim-umad: capture %s: %s\n", path, strerror(-rc));
	capture_is_off = true;
}

static bool is_open_locked(void)
{
	const char *path = getenv("HF_UMAD_CAPTURE");
	int rc;

	if (capture_writer || capture_is_off)
		return !capture_is_off;
	if (!path || !*path) {
		capture_is_off = true;
		return false;
	}
	rc = hf_pcap_writer_open(path, &capture_writer);
	if (rc < 0)
		give_up_locked(path, rc);
	return rc == 0;
}

void hf_capture_mad(unsigned int adapter, bool is_sent, uint16_t port_lid, const struct hf_ibsim_mad *mad)
{
	struct timespec now;
	struct hf_pcap_record record = {
		.is_sent = is_sent,
		.adapter = (uint8_t)(adapter & 0x7f),
		.slid = mad->slid == HF_IBSIM_SLID_AUTO ? port_lid : ntohs((uint16_t)mad->slid),
		.dlid = ntohs((uint16_t)mad->dlid),
		.sqp = ntohl(mad->sqp),
		.dqp = ntohl(mad->dqp),
	};
	int rc;

	hf_lock(&capture_lock);
	if (is_open_locked()) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		record.time_ns = (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
		memcpy(record.mad, mad->mad, sizeof(record.mad));
		rc = hf_pcap_write(capture_writer, &record);
		if (rc < 0)
			give_up_locked("file", rc);
		capture_is_flushed = false;
	}
	hf_unlock(&capture_lock);
}

void hf_capture_flush(void)
{
	int rc;

	hf_lock(&capture_lock);
	if (capture_writer && !capture_is_off && !capture_is_flushed) {
		rc = hf_pcap_flush(capture_writer);
		if (rc < 0)
			give_up_locked("file", rc);
		capture_is_flushed = true;
	}
	hf_unlock(&capture_lock);
}

void hf_capture_forget(void)
{
	hf_lock_init(&capture_lock);
	capture_writer = NULL;
	capture_is_off = false;
}
