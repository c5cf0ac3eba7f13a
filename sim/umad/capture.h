/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The capture of all MADs of this process in the file that HF_UMAD_CAPTURE names; nothing happens where it is unset. */
#ifndef HF_SIM_UMAD_CAPTURE_H
#define HF_SIM_UMAD_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/ibsim_proto.h"

/**
 * hf_capture_mad() - add a MAD
 * @adapter:  index of the adapter
 * @is_sent:  by this adapter; else received
 * @port_lid: stands for the source of a sent MAD whose source ibsim will fill in
 * @mad:      borrowed
 *
 * Context: any thread. A file that cannot be written is reported once on standard error; the program goes on.
 */
void hf_capture_mad(unsigned int adapter, bool is_sent, uint16_t port_lid, const struct hf_ibsim_mad *mad);

/** hf_capture_flush() - bring what is captured to the file. Context: any thread. */
void hf_capture_flush(void);

/** hf_capture_forget() - in the child after fork(): what the parent gathered is the parent's to write. */
void hf_capture_forget(void);

#endif
