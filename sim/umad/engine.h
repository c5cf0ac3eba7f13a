/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The thread of an adapter: receives MADs, sends those that the socket had no room for, runs the timers, notices that
 * ibsim is gone. It never blocks in anything but its poll().
 */
#ifndef HF_SIM_UMAD_ENGINE_H
#define HF_SIM_UMAD_ENGINE_H

#include <stdint.h>

struct hf_adapter;

/** hf_engine_start() - start the thread, or wake it after a new connection; 0 or -errno. Context: ctl_lock is held. */
int hf_engine_start(struct hf_adapter *adapter);

/** hf_engine_stop() - send what is queued, then end the thread. Context: no lock held. */
void hf_engine_stop(struct hf_adapter *adapter);

/** hf_engine_receive_locked() - take in some of what has arrived; how many MADs. Context: lock is held. */
int hf_engine_receive_locked(struct hf_adapter *adapter);

/** hf_engine_wake_locked() - have the thread look again if there is something for it. Context: lock is held. */
void hf_engine_wake_locked(struct hf_adapter *adapter);

/** hf_engine_now_ns() - CLOCK_MONOTONIC. */
uint64_t hf_engine_now_ns(void);

#endif
