/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/umad/engine.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "sim/umad/adapter.h"
#include "sim/umad/capture.h"
#include "sim/umad/mad_layer.h"

#define NSEC_PER_SEC UINT64_C(1000000000)
#define ALIVE_CHECK_NS NSEC_PER_SEC
#define RECEIVED_AT_ONCE 64 /* before the lock is given to the program's threads */
#define STOP_TRIES 1000

struct engine_wait {
	struct pollfd fds[2]; /* wake-up, and ibsim's socket while there is one */
	nfds_t count;
	uint64_t until_ns;
};

uint64_t hf_engine_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void prepare_wait_locked(struct hf_adapter *adapter, uint64_t alive_check_ns, struct engine_wait *ret_wait)
{
	*ret_wait = (struct engine_wait){ .count = 1, .until_ns = UINT64_MAX };
	ret_wait->fds[0] = (struct pollfd){ .fd = adapter->wake_fd, .events = POLLIN };
	if (adapter->is_up) {
		short events = adapter->outgoing ? POLLIN | POLLOUT : POLLIN;

		ret_wait->fds[1] = (struct pollfd){ .fd = adapter->link.data_fd, .events = events };
		ret_wait->count = 2;
		ret_wait->until_ns = min_u64(alive_check_ns, hf_mad_layer_deadline_ns_locked(adapter));
		ret_wait->until_ns = min_u64(ret_wait->until_ns, hf_disorder_deadline_ns(&adapter->disorder));
	}
	adapter->engine_wakes_ns = ret_wait->until_ns;
}

static int poll_until(struct engine_wait *wait)
{
	uint64_t now_ns = hf_engine_now_ns();
	uint64_t left_ns = wait->until_ns > now_ns ? wait->until_ns - now_ns : 0;
	struct timespec left = { (time_t)(left_ns / NSEC_PER_SEC), (long)(left_ns % NSEC_PER_SEC) };

	return ppoll(wait->fds, wait->count, wait->until_ns == UINT64_MAX ? NULL : &left, NULL);
}

static void wait_for_work(struct hf_adapter *adapter, struct engine_wait *wait)
{
	static const struct timespec at_once;
	uint64_t wakes;

	if (ppoll(wait->fds, wait->count, &at_once, NULL) == 0) {
		hf_capture_flush();
		poll_until(wait);
	}
	if (wait->fds[0].revents & POLLIN && read(adapter->wake_fd, &wakes, sizeof(wakes)) < 0)
		return;
}

/* What was held back follows what has passed it. */
static void take_mad_locked(struct hf_adapter *adapter, struct hf_ibsim_mad *mad)
{
	uint64_t now_ns = hf_engine_now_ns();

	if (hf_disorder_hold(&adapter->disorder, mad, now_ns))
		return;
	hf_mad_layer_receive_locked(adapter, mad, now_ns);
	if (hf_disorder_release(&adapter->disorder, mad))
		hf_mad_layer_receive_locked(adapter, mad, now_ns);
}

static void release_late_mad_locked(struct hf_adapter *adapter, uint64_t now_ns)
{
	struct hf_ibsim_mad mad;

	if (now_ns >= hf_disorder_deadline_ns(&adapter->disorder) && hf_disorder_release(&adapter->disorder, &mad))
		hf_mad_layer_receive_locked(adapter, &mad, now_ns);
}

int hf_engine_receive_locked(struct hf_adapter *adapter)
{
	struct hf_ibsim_mad mad;
	int received = 0;

	while (adapter->is_up && received < RECEIVED_AT_ONCE) {
		int rc = hf_ibsim_link_receive(&adapter->link, &mad);

		if (rc == -EAGAIN)
			break;
		if (rc < 0)
			hf_adapter_fail_locked(adapter);
		else
			take_mad_locked(adapter, &mad);
		received++;
	}
	return received;
}

static void work_locked(struct hf_adapter *adapter, uint64_t *alive_check_ns)
{
	int received = hf_engine_receive_locked(adapter);
	uint64_t now_ns = hf_engine_now_ns();

	if (!adapter->is_up)
		return;
	release_late_mad_locked(adapter, now_ns);
	hf_mad_layer_send_queued_locked(adapter);
	hf_mad_layer_expire_locked(adapter, now_ns);
	if (received == 0 && now_ns >= *alive_check_ns && !hf_ibsim_link_is_alive(&adapter->link))
		hf_adapter_fail_locked(adapter);
	if (received > 0 || now_ns >= *alive_check_ns)
		*alive_check_ns = now_ns + ALIVE_CHECK_NS;
}

static void *run(void *arg)
{
	struct hf_adapter *adapter = arg;
	uint64_t alive_check_ns = 0;
	struct engine_wait wait;

	hf_lock(&adapter->lock);
	while (!adapter->is_stopping) {
		work_locked(adapter, &alive_check_ns);
		prepare_wait_locked(adapter, alive_check_ns, &wait);
		hf_unlock(&adapter->lock);
		wait_for_work(adapter, &wait);
		hf_lock(&adapter->lock);
	}
	hf_unlock(&adapter->lock);
	return NULL;
}

static void wake(struct hf_adapter *adapter)
{
	uint64_t one = 1;

	/* It cannot fail: the counter would have to overflow. */
	if (write(adapter->wake_fd, &one, sizeof(one)) < 0)
		return;
}

int hf_engine_start(struct hf_adapter *adapter)
{
	sigset_t all, before;
	int rc;

	if (adapter->has_engine) {
		wake(adapter);
		return 0;
	}
	adapter->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (adapter->wake_fd < 0)
		return -errno;
	/* Signals are the program's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&adapter->engine, NULL, run, adapter);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		close(adapter->wake_fd);
		return -rc;
	}
	adapter->has_engine = true;
	return 0;
}

static bool has_queued(struct hf_adapter *adapter)
{
	bool result;

	hf_lock(&adapter->lock);
	result = adapter->is_up && adapter->outgoing;
	hf_unlock(&adapter->lock);
	return result;
}

void hf_engine_stop(struct hf_adapter *adapter)
{
	if (!adapter->has_engine)
		return;
	for (int i = 0; i < STOP_TRIES && has_queued(adapter); i++)
		poll(NULL, 0, 1);
	hf_lock(&adapter->lock);
	adapter->is_stopping = true;
	hf_unlock(&adapter->lock);
	wake(adapter);
	pthread_join(adapter->engine, NULL);
	adapter->has_engine = false;
}

void hf_engine_wake_locked(struct hf_adapter *adapter)
{
	if (adapter->engine_wakes_ns == 0)
		return;
	if (adapter->outgoing || hf_mad_layer_deadline_ns_locked(adapter) < adapter->engine_wakes_ns) {
		adapter->engine_wakes_ns = 0;
		wake(adapter);
	}
}
