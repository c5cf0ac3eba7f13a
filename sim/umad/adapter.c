/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/umad/adapter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "sim/umad/capture.h"
#include "sim/umad/engine.h"
#include "sim/umad/file.h"
#include "sim/umad/mad_layer.h"

#define MAX_ADAPTERS 512
#define SHUTDOWN_PATIENCE_S 1
#define BLANKS " \t\n"

static struct hf_lock adapters_lock = HF_LOCK_INITIALIZER; /* both below; rank: first */
static struct hf_adapter *adapters;
static unsigned int adapter_count;

static const char *env_or(const char *name, const char *fallback)
{
	const char *value = getenv(name);

	return value && *value ? value : fallback;
}

static uint16_t random_tag(void)
{
	struct timespec now;
	uint16_t tag;

	if (getrandom(&tag, sizeof(tag), GRND_NONBLOCK) == sizeof(tag))
		return tag;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint16_t)(now.tv_nsec ^ getpid());
}

/* "NODE" or "NODE:PORT" */
static void parse_node(struct hf_adapter *adapter, const char *text, size_t len)
{
	const char *colon = memrchr(text, ':', len);
	unsigned int port;
	int end;

	if (colon && sscanf(colon, ":%u%n", &port, &end) == 1 && colon + end == text + len) {
		adapter->wanted_port = port;
		len = (size_t)(colon - text);
	}
	/* A name too long for ibsim is cut here, and unknown to it then. */
	snprintf(adapter->node, sizeof(adapter->node), "%.*s", (int)len, text);
}

static void init_adapter(struct hf_adapter *adapter, unsigned int index)
{
	adapter->index = index;
	hf_lock_init(&adapter->ctl_lock);
	hf_lock_init(&adapter->lock);
	adapter->link.data_fd = adapter->link.ctl_fd = -1;
	adapter->wake_fd = -1;
	hf_agent_table_init(&adapter->agents, random_tag());
	hf_transaction_table_init(&adapter->transactions);
	hf_disorder_init(&adapter->disorder, getenv("HF_UMAD_DISORDER"), index);
}

static void read_environment_locked(void)
{
	const char *text = env_or("HF_UMAD_NODES", env_or("SIM_HOST", ""));
	bool is_list = text == getenv("HF_UMAD_NODES");
	unsigned int count = 0;

	adapters = calloc(MAX_ADAPTERS, sizeof(*adapters));
	if (!adapters)
		return;
	do {
		text += strspn(text, BLANKS);

		size_t len = is_list ? strcspn(text, BLANKS) : strlen(text);

		init_adapter(&adapters[count], count);
		parse_node(&adapters[count++], text, len);
		text += len;
		text += strspn(text, BLANKS);
	} while (*text && count < MAX_ADAPTERS);
	if (*text)
		fprintf(stderr, "hfsim-umad: HF_UMAD_NODES: only the first %d nodes are used\n", MAX_ADAPTERS);
	adapter_count = count;
}

struct hf_adapter *hf_adapters(unsigned int *ret_count)
{
	hf_lock(&adapters_lock);
	if (!adapters)
		read_environment_locked();
	*ret_count = adapter_count;
	hf_unlock(&adapters_lock);
	return adapters;
}

static void complain(struct hf_adapter *adapter, const char *what)
{
	if (!adapter->has_complained)
		fprintf(stderr, "hfsim-umad: adapter hfsim%u at node \"%s\" of ibsim \"%s\": %s\n", adapter->index,
			adapter->node, env_or("IBSIM_SOCKNAME", HF_IBSIM_BASENAME), what);
	adapter->has_complained = true;
}

/* ibsim attaches its clients to the first port of a node, and to port 0 of a switch. */
static bool has_wanted_port(struct hf_adapter *adapter, struct hf_ibsim_link *link)
{
	struct hf_adapter_facts facts = { 0 };

	if (adapter->wanted_port == 0)
		return true;
	if (hf_ibsim_link_ask(link, HF_IBSIM_CTL_GET_PORTINFO, facts.port_info, sizeof(facts.port_info)) < 0)
		return false;
	return hf_sysfs_port_number(&facts) == adapter->wanted_port;
}

static int open_link(struct hf_adapter *adapter, struct hf_ibsim_link *ret_link)
{
	int rc = hf_ibsim_link_open(ret_link, env_or("IBSIM_SOCKNAME", HF_IBSIM_BASENAME), adapter->node,
				    adapter->index);

	if (rc == -ENODEV) {
		complain(adapter, "refused: no such node, or all client slots are taken");
		return rc;
	}
	if (rc < 0) {
		complain(adapter, strerror(-rc));
		return rc;
	}
	if (!has_wanted_port(adapter, ret_link)) {
		complain(adapter, "ibsim attaches to the first port only");
		hf_ibsim_link_close(ret_link);
		return -ENODEV;
	}
	if (getenv("HF_UMAD_ISSM") && hf_ibsim_link_set_sm(ret_link, true) < 0)
		complain(adapter, "cannot set IsSM");
	return 0;
}

static uint16_t ask_lid(struct hf_ibsim_link *link)
{
	uint8_t data[HF_IBSIM_CTL_DATA] = { 0 };
	struct hf_ibsim_port port;

	if (hf_ibsim_link_ask(link, HF_IBSIM_CTL_GET_PORT, data, sizeof(data)) < 0)
		return 0;
	memcpy(&port, data, sizeof(port));
	return port.lid;
}

static int connect_ctl_locked(struct hf_adapter *adapter)
{
	struct hf_ibsim_link link;
	uint16_t lid;
	int rc;

	if (adapter->link.data_fd >= 0)
		hf_ibsim_link_abandon(&adapter->link);
	rc = open_link(adapter, &link);
	if (rc < 0)
		return -ENODEV;
	lid = ask_lid(&link);
	memset(adapter->heard_ns, 0, sizeof(adapter->heard_ns));
	hf_lock(&adapter->lock);
	adapter->link = link;
	adapter->lid = lid;
	adapter->is_up = true;
	hf_unlock(&adapter->lock);
	rc = hf_engine_start(adapter);
	if (rc < 0) {
		complain(adapter, "cannot start a thread");
		hf_lock(&adapter->lock);
		hf_adapter_fail_locked(adapter);
		hf_unlock(&adapter->lock);
		return -ENODEV;
	}
	return 0;
}

int hf_adapter_connect(struct hf_adapter *adapter)
{
	int rc = 0;

	hf_lock(&adapter->ctl_lock);
	if (!adapter->is_up)
		rc = connect_ctl_locked(adapter);
	hf_unlock(&adapter->ctl_lock);
	return rc;
}

static int fail_unless(int rc, struct hf_adapter *adapter)
{
	if (rc == 0)
		return 0;
	hf_lock(&adapter->lock);
	hf_adapter_fail_locked(adapter);
	hf_unlock(&adapter->lock);
	return -ENODEV;
}

/*
 * Each of the many files that a program reads to know one port would ask ibsim again. A kernel's sysfs is no fresher:
 * it learns of what was set at the port by an event.
 */
#define FACTS_ARE_FRESH_NS 10000000

static int ask_fact_ctl_locked(struct hf_adapter *adapter, enum hf_sysfs_needs need)
{
	struct hf_ibsim_link *link = &adapter->link;
	struct hf_adapter_facts *facts = &adapter->facts;
	uint8_t vendor[HF_IBSIM_CTL_DATA] = { 0 };
	int rc;

	switch (need) {
	case HF_SYSFS_NEEDS_NODE_INFO:
		return hf_ibsim_link_ask(link, HF_IBSIM_CTL_GET_NODEINFO, facts->node_info, sizeof(facts->node_info));
	case HF_SYSFS_NEEDS_PORT_INFO:
		return hf_ibsim_link_ask(link, HF_IBSIM_CTL_GET_PORTINFO, facts->port_info, sizeof(facts->port_info));
	case HF_SYSFS_NEEDS_PKEYS:
		return hf_ibsim_link_ask(link, HF_IBSIM_CTL_GET_PKEYS, facts->pkeys, sizeof(facts->pkeys));
	case HF_SYSFS_NEEDS_VENDOR:
		rc = hf_ibsim_link_ask(link, HF_IBSIM_CTL_GET_VENDOR, vendor, sizeof(vendor));
		memcpy(&facts->vendor, vendor, sizeof(facts->vendor));
		return rc;
	}
	return -EINVAL;
}

static int ask_facts_ctl_locked(struct hf_adapter *adapter, unsigned int needs, struct hf_adapter_facts *ret_facts)
{
	uint64_t now_ns = hf_engine_now_ns();

	for (unsigned int i = 0; i < HF_SYSFS_N_NEEDS; i++) {
		int rc;

		if (!(needs & 1u << i) || (adapter->heard_ns[i] && now_ns < adapter->heard_ns[i] + FACTS_ARE_FRESH_NS))
			continue;
		rc = ask_fact_ctl_locked(adapter, 1u << i);
		if (rc < 0)
			return rc;
		adapter->heard_ns[i] = now_ns;
	}
	*ret_facts = adapter->facts;
	memcpy(ret_facts->node, adapter->link.node, sizeof(ret_facts->node));
	return 0;
}

int hf_adapter_get_facts(struct hf_adapter *adapter, unsigned int needs, struct hf_adapter_facts *ret_facts)
{
	int rc = hf_adapter_connect(adapter);

	if (rc < 0)
		return rc;
	hf_lock(&adapter->ctl_lock);
	rc = adapter->is_up ? ask_facts_ctl_locked(adapter, needs, ret_facts) : -ENODEV;
	rc = fail_unless(rc, adapter);
	hf_unlock(&adapter->ctl_lock);
	return rc;
}

/*
 * Connecting anew takes the lock, for nothing may be sent meanwhile. ibsim handles control first and writes to us a few
 * MADs at most until then, so that it cannot get stuck on a full socket that nobody reads.
 */
static int want_requests_locked(struct hf_adapter *adapter)
{
	if (!adapter->is_up || !hf_agent_wants_requests(&adapter->agents))
		return 0;
	hf_engine_receive_locked(adapter);
	return hf_ibsim_link_want_requests(&adapter->link);
}

static void update_requests_ctl_locked(struct hf_adapter *adapter)
{
	int rc;

	if (adapter->link.wants_requests)
		return;
	hf_ibsim_link_drain(&adapter->link);
	hf_lock(&adapter->lock);
	rc = want_requests_locked(adapter);
	if (rc < 0 && rc != -EBUSY)
		hf_adapter_fail_locked(adapter);
	hf_unlock(&adapter->lock);
	if (rc == -EBUSY)
		complain(adapter, "another program there gets its requests, this one only answers");
}

void hf_adapter_update_requests(struct hf_adapter *adapter)
{
	hf_lock(&adapter->ctl_lock);
	update_requests_ctl_locked(adapter);
	hf_unlock(&adapter->ctl_lock);
}

int hf_adapter_hold_sm(struct hf_adapter *adapter, bool is_sm)
{
	int rc = -EAGAIN;

	hf_lock(&adapter->ctl_lock);
	if (adapter->is_sm_held == is_sm)
		goto out;
	adapter->is_sm_held = is_sm;
	rc = adapter->is_up ? hf_ibsim_link_set_sm(&adapter->link, is_sm) : -ENODEV;
	rc = fail_unless(rc, adapter);
	if (rc < 0)
		adapter->is_sm_held = false;
	else if (!is_sm)
		update_requests_ctl_locked(adapter);
out:
	hf_unlock(&adapter->ctl_lock);
	return rc;
}

void hf_adapter_fail_locked(struct hf_adapter *adapter)
{
	struct hf_file *file;

	if (!adapter->is_up)
		return;
	adapter->is_up = false;
	/* Not closed: other threads may be about to use the descriptors. But nothing may pile up in it. */
	shutdown(adapter->link.data_fd, SHUT_RDWR);
	hf_mad_layer_fail_locked(adapter);
	for (file = adapter->files; file; file = file->next)
		hf_file_die_locked(file);
}

static void shut_down_ctl_locked(struct hf_adapter *adapter)
{
	bool was_up;

	if (!hf_lock_for_a_while(&adapter->lock, SHUTDOWN_PATIENCE_S))
		return;
	was_up = atomic_exchange(&adapter->is_up, false);
	hf_unlock(&adapter->lock);
	if (was_up)
		hf_ibsim_link_close(&adapter->link);
}

/* A signal handler that calls exit() may have interrupted a thread that holds a lock. */
void hf_adapters_shutdown(void)
{
	for (unsigned int i = 0; i < adapter_count; i++) {
		if (!hf_lock_for_a_while(&adapters[i].lock, SHUTDOWN_PATIENCE_S))
			continue;
		hf_unlock(&adapters[i].lock);
		hf_engine_stop(&adapters[i]);
		if (!hf_lock_for_a_while(&adapters[i].ctl_lock, SHUTDOWN_PATIENCE_S))
			continue;
		shut_down_ctl_locked(&adapters[i]);
		hf_unlock(&adapters[i].ctl_lock);
	}
	hf_capture_flush();
}

/* The memory is not freed: locks of the parent's other threads may lie in it, locked for ever. */
void hf_adapters_forget(void)
{
	for (unsigned int i = 0; i < adapter_count; i++)
		if (adapters[i].link.data_fd >= 0)
			hf_ibsim_link_abandon(&adapters[i].link);
	adapters = NULL;
	adapter_count = 0;
	hf_lock_init(&adapters_lock);
}
