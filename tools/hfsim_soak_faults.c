/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_soak_faults.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/trace.h"
#include "tools/hfsim_setup.h"

#define COMMAND_TIMEOUT_MS	5000
#define STOP_TIMEOUT_MS		10000
#define LIDS			64	/* a LID that a port is given behind opensm's back is 1 to this */
#define DEFAULT_SUBNET_TIMEOUT	18
#define CUTS_MAX_HOSTS		2	/* of the cables that may be missing, so many more may be hosts' */

static void say(struct hf_soak_step *step, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct hf_soak_step *step, const char *format, ...)
{
	size_t length = strlen(step->text);
	va_list args;

	if (length > 0 && length + 2 < sizeof(step->text))
		length += snprintf(step->text + length, sizeof(step->text) - length, ", ");
	va_start(args, format);
	vsnprintf(step->text + length, sizeof(step->text) - length, format, args);
	va_end(args);
}

static int tell_ibsim(struct hf_soak_breaker *breaker, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int tell_ibsim(struct hf_soak_breaker *breaker, const char *format, ...)
{
	struct hf_fabric *fabric = breaker->fabric;
	char command[256], *answer = NULL;
	va_list args;
	int err;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	breaker->struck_ns = hf_now_ns();
	err = hf_ibsim_command(&fabric->ibsim, command, COMMAND_TIMEOUT_MS, &answer);
	if (err)
		hf_fabric_fail(fabric, err, "ibsim does not take '%s': %s", command, answer ? answer : strerror(-err));
	free(answer);
	return err;
}

int hf_soak_hup(struct hf_soak_breaker *breaker)
{
	breaker->struck_ns = hf_now_ns();
	if (kill(breaker->fabric->opensm.pid, SIGHUP) < 0)
		return hf_fabric_fail(breaker->fabric, -errno, "opensm: %m");
	return 0;
}

static void add_cable(struct hf_soak_breaker *breaker, struct hf_topology_node *node, unsigned int port)
{
	const struct hf_topology_port *end = &node->ports[port];

	/* Each stands at both of its ends. */
	if (!end->remote || node == breaker->fabric->scenario->sm_node ||
	    end->remote == breaker->fabric->scenario->sm_node || end->remote->index < node->index ||
	    (end->remote == node && end->remote_port < port))
		return;
	breaker->cables[breaker->n_cables++] = (struct hf_soak_cable){
		.a = node, .b = end->remote, .port_a = port, .port_b = end->remote_port,
	};
}

int hf_soak_breaker_init(struct hf_soak_breaker *breaker, struct hf_soak_plan *plan, struct hf_fabric *fabric)
{
	const struct hf_topology *topology = fabric->scenario->topology;

	*breaker = (struct hf_soak_breaker){
		.plan = plan, .fabric = fabric, .subnet_timeout = DEFAULT_SUBNET_TIMEOUT, .engine = plan->engine->name,
		.cables = calloc(hf_topology_count_links(topology) + 1, sizeof(*breaker->cables)),
	};
	if (!breaker->cables)
		return -ENOMEM;
	for (unsigned int i = 0; i < topology->node_count; i++)
		for (unsigned int port = 1; port <= topology->nodes[i]->port_count; port++)
			add_cable(breaker, topology->nodes[i], port);
	return 0;
}

void hf_soak_breaker_fini(struct hf_soak_breaker *breaker)
{
	free(breaker->cables);
}

static bool is_host_cable(const struct hf_soak_cable *cable)
{
	return cable->a->type != HF_NODE_SWITCH || cable->b->type != HF_NODE_SWITCH;
}

static unsigned int count_cuts(const struct hf_soak_breaker *breaker)
{
	unsigned int count = 0;

	for (size_t i = 0; i < breaker->n_cables; i++)
		count += breaker->cables[i].is_cut;
	return count;
}

/* One at random of those that are cut, or are not; NULL for none. */
static struct hf_soak_cable *draw_cable(struct hf_soak_breaker *breaker, bool is_cut)
{
	unsigned int n_cuts = count_cuts(breaker);
	unsigned int count = is_cut ? n_cuts : breaker->n_cables - n_cuts;
	unsigned int left;

	if (count == 0)
		return NULL;
	left = hf_random_below(&breaker->plan->random, count);
	for (size_t i = 0; i < breaker->n_cables; i++)
		if (breaker->cables[i].is_cut == is_cut && left-- == 0)
			return &breaker->cables[i];
	return NULL;
}

static int cut(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	struct hf_soak_cable *cable = draw_cable(breaker, false);

	if (!cable)
		return 0;
	say(step, "unlink %s[%u]-%s[%u]", cable->a->name, cable->port_a, cable->b->name, cable->port_b);
	cable->is_cut = true;
	return tell_ibsim(breaker, "Unlink \"%s\"[%u]", cable->a->name, cable->port_a);
}

static int lay(struct hf_soak_breaker *breaker, struct hf_soak_cable *cable)
{
	cable->is_cut = false;
	return tell_ibsim(breaker, "Link \"%s\"[%u] \"%s\"[%u]", cable->a->name, cable->port_a, cable->b->name,
			  cable->port_b);
}

static int mend(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	struct hf_soak_cable *cable = draw_cable(breaker, true);

	if (!cable)
		return 0;
	say(step, "relink %s[%u]-%s[%u]", cable->a->name, cable->port_a, cable->b->name, cable->port_b);
	return lay(breaker, cable);
}

static int mend_all(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	int err = 0;

	say(step, "relink all");
	for (size_t i = 0; i < breaker->n_cables && !err; i++)
		if (breaker->cables[i].is_cut)
			err = lay(breaker, &breaker->cables[i]);
	return err;
}

/* A node that may leave: neither the subnet manager's nor its switch. NULL where luck wants none. */
static struct hf_topology_node *draw_node(struct hf_soak_breaker *breaker, bool may_be_switch)
{
	const struct hf_scenario *scenario = breaker->fabric->scenario;

	for (unsigned int i = 0; i < 2 * scenario->topology->node_count; i++) {
		struct hf_topology_node *node =
			scenario->topology->nodes[hf_random_below(&breaker->plan->random,
								  scenario->topology->node_count)];

		if (node != scenario->sm_node && node != scenario->sm_node->ports[1].remote &&
		    (may_be_switch || node->type != HF_NODE_SWITCH))
			return node;
	}
	return NULL;
}

static int leave(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	struct hf_topology_node *node = draw_node(breaker, true);

	if (!node)
		return 0;
	say(step, "%s leaves", node->name);
	for (size_t i = 0; i < breaker->n_cables; i++)
		if (breaker->cables[i].a == node || breaker->cables[i].b == node)
			breaker->cables[i].is_cut = true;
	return tell_ibsim(breaker, "Unlink \"%s\"", node->name);
}

/* All its cables that are missing, those of earlier faults too. */
static int come_back(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	struct hf_soak_cable *drawn = draw_cable(breaker, true);
	struct hf_topology_node *node = drawn ? drawn->a : NULL;
	int err = 0;

	if (!node)
		return 0;
	say(step, "%s is back", node->name);
	for (size_t i = 0; i < breaker->n_cables && !err; i++) {
		struct hf_soak_cable *cable = &breaker->cables[i];

		if (cable->is_cut && (cable->a == node || cable->b == node))
			err = lay(breaker, cable);
	}
	return err;
}

/* Two hosts change places. */
static int swap_hosts(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	struct hf_soak_cable *first = draw_cable(breaker, false), *second = draw_cable(breaker, false);
	struct hf_topology_node **host, **other;
	struct hf_soak_cable old;
	int err;

	if (!first || first == second || !is_host_cable(first) || !is_host_cable(second))
		return 0;
	say(step, "the cables of %s[%u] and %s[%u] are swapped", first->b->name, first->port_b, second->b->name,
	    second->port_b);
	/* Nodes are in the order switches, hosts: the host is at end b. */
	host = &first->b;
	other = &second->b;
	err = tell_ibsim(breaker, "Unlink \"%s\"[%u]", (*host)->name, first->port_b);
	if (!err)
		err = tell_ibsim(breaker, "Unlink \"%s\"[%u]", (*other)->name, second->port_b);
	old = *first;
	first->b = second->b;
	first->port_b = second->port_b;
	second->b = old.b;
	second->port_b = old.port_b;
	if (!err)
		err = lay(breaker, first);
	return err ? err : lay(breaker, second);
}

/* A port forgets its LID and has another, perhaps somebody else's; no trap tells of it. */
static int change_lid(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	struct hf_topology_node *node = draw_node(breaker, true);
	unsigned int lid = 1 + hf_random_below(&breaker->plan->random, LIDS);
	unsigned int port = node && node->type == HF_NODE_SWITCH ? 0 : 1;
	int err;

	if (!node)
		return 0;
	say(step, "%s has LID %u", node->name, lid);
	err = tell_ibsim(breaker, "Baselid \"%s\"[%u] %u", node->name, port, lid);
	return err ? err : hf_soak_hup(breaker);
}

static int sweep(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	say(step, "HUP");
	return hf_soak_hup(breaker);
}

/* opensm.conf is written from the scenario; of a name that stands there twice the last counts. */
static int write_conf(struct hf_soak_breaker *breaker)
{
	struct hf_file_path path = hf_fabric_path(breaker->fabric, HF_FILE_OPENSM_CONF);
	int err = hf_setup_opensm(breaker->fabric);
	char sl2vl[64];
	FILE *file;

	if (err)
		return err;
	hf_soak_qos_sl2vl(&breaker->plan->qos, sl2vl, sizeof(sl2vl));
	file = fopen(path.text, "ae");
	if (file) {
		fprintf(file, "routing_engine %s\n", breaker->engine);
		fprintf(file, "subnet_timeout %u\n", breaker->subnet_timeout);
		fprintf(file, "qos_sl2vl %s\n", sl2vl);
	}
	return !file || fclose(file) != 0 ? hf_fabric_fail(breaker->fabric, -EIO, "%s: %m", path.text) : 0;
}

/* The packet life of all paths. */
static int change_life(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	int err;

	breaker->subnet_timeout = 12 + hf_random_below(&breaker->plan->random, 8);
	say(step, "subnet_timeout %u, HUP", breaker->subnet_timeout);
	err = write_conf(breaker);
	return err ? err : hf_soak_hup(breaker);
}

/* Its SL, or that of a port's membership. */
static int change_partition(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	struct hf_soak_plan *plan = breaker->plan;
	struct hf_topology_node *node = draw_node(breaker, true);
	struct hf_soak_partition *partition;
	int err;

	if (plan->n_partitions == 0 || !node)
		return 0;
	partition = &plan->partitions[hf_random_below(&plan->random, plan->n_partitions)];
	if (hf_random_percent(&plan->random, 50)) {
		partition->sl = hf_random_below(&plan->random, HF_SOAK_SLS);
		say(step, "partition %zu has SL %u, HUP", partition - plan->partitions, partition->sl);
	} else {
		bool *is_member = &partition->is_member[hf_topology_find_name(plan->topology, node->name)->index];

		*is_member = !*is_member;
		say(step, "%s %s partition %zu, HUP", node->name, *is_member ? "joins" : "leaves",
		    partition - plan->partitions);
	}
	err = hf_soak_plan_write_partitions(plan, hf_fabric_path(breaker->fabric, "partitions.conf").text);
	if (err)
		return hf_fabric_fail(breaker->fabric, err, "the partitions cannot be written: %s", strerror(-err));
	return hf_soak_hup(breaker);
}

/* A level, a group, or the SLs that are dropped. */
static int change_qos(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	struct hf_soak_plan *plan = breaker->plan;
	int err;

	if (!plan->has_qos)
		return 0;
	hf_soak_qos_change(&plan->qos, &plan->random);
	say(step, "another QoS policy, HUP");
	err = plan->qos.has_policy ?
	      hf_soak_qos_write(&plan->qos, hf_fabric_path(breaker->fabric, "qos-policy.conf").text) : 0;
	if (err)
		return hf_fabric_fail(breaker->fabric, err, "the policy cannot be written: %s", strerror(-err));
	err = write_conf(breaker);
	return err ? err : hf_soak_hup(breaker);
}

static void change_engine(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	const struct hf_soak_engine *engine = breaker->plan->engine;

	breaker->engine = breaker->engine == engine->name ? engine->second : engine->name;
	say(step, "engine %s", breaker->engine);
}

/* Another opensm; it may have forgotten which LIDs the ports had, or be told to use another engine. */
static int restart(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	struct hf_random *random = &breaker->plan->random;
	int err;

	step->is_restart = true;
	hf_child_stop(&breaker->fabric->opensm, STOP_TIMEOUT_MS);
	say(step, "SM restart");
	if (hf_random_percent(random, 40)) {
		unlink(hf_fabric_path(breaker->fabric, "guid2lid").text);
		say(step, "LIDs forgotten");
	}
	if (breaker->engine != breaker->plan->engine->name || hf_random_percent(random, 20))
		change_engine(breaker, step);
	err = write_conf(breaker);
	breaker->struck_ns = hf_now_ns();
	return err ? err : hf_fabric_start_opensm(breaker->fabric);
}

/* In percent; the rest sweeps. */
static const struct {
	unsigned int percent;
	int (*strike)(struct hf_soak_breaker *breaker, struct hf_soak_step *step);
} kinds[] = {
	{ 36, cut }, { 20, mend }, { 10, leave }, { 10, come_back }, { 5, swap_hosts }, { 4, change_lid },
	{ 3, change_life }, { 5, change_partition }, { 4, change_qos }, { 2, restart },
};

static int strike(struct hf_soak_breaker *breaker, struct hf_soak_step *step)
{
	unsigned int drawn = hf_random_below(&breaker->plan->random, 100);

	if (count_cuts(breaker) > breaker->plan->engine->cuts_max + CUTS_MAX_HOSTS)
		return hf_random_percent(&breaker->plan->random, 50) ? mend_all(breaker, step) :
								       come_back(breaker, step);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (drawn < kinds[i].percent)
			return kinds[i].strike(breaker, step);
		drawn -= kinds[i].percent;
	}
	return sweep(breaker, step);
}

int hf_soak_break(struct hf_soak_breaker *breaker, struct hf_soak_step *ret_step)
{
	unsigned int count = hf_random_percent(&breaker->plan->random, 75) ? 1 :
			     2 + hf_random_below(&breaker->plan->random, 3);
	int err = 0;

	*ret_step = (struct hf_soak_step){ .is_restart = false };
	for (unsigned int i = 0; i < count && !err && !ret_step->is_restart; i++)
		err = strike(breaker, ret_step);
	/* What had no object to strike at is a sweep. */
	if (!err && ret_step->text[0] == '\0')
		err = sweep(breaker, ret_step);
	return err;
}
