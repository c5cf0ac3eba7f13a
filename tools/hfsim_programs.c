/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_programs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/trace.h"
#include "tools/hfsim_hosts.h"
#include "tools/hfsim_sampler.h"
#include "tools/hfsim_setup.h"
#include "tools/hfsim_tables.h"

#define STOP_TIMEOUT_MS		2000
#define START_TIMEOUT_MS	60000
#define SEND_TIMEOUT_MS		5000
#define LISTEN_STATE		0x0a	/* TCP_LISTEN in /proc/net/tcp */
#define PACKETS_ENOUGH		100	/* of which nobody says that they are the connection's set-up */
#define WORDS_MAX		64
#define ENDS			2

enum end { CLIENT, SERVER };

/* Both ends of a program. Their nodes are 2 * index + end for the sampler. */
struct pair {
	struct hf_child children[ENDS];
	unsigned int tcp_port;
	uint64_t asked_packets;		/* that the client had sent when it was to send once more */
	bool is_silent;
	bool has_ended[ENDS];		/* by itself */
	bool is_stopped;
};

struct hf_programs {
	struct hf_sampler *sampler;
	struct pair *pairs;
	size_t count;
};

static const struct hf_topology_node *node_of(const struct hf_fabric *fabric, size_t index, enum end end)
{
	const struct hf_program *program = &fabric->scenario->programs[index];

	return end == CLIENT ? program->client : program->server;
}

static size_t sampled(size_t index, enum end end)
{
	return ENDS * index + end;
}

/* A port that was free a moment ago. */
static int find_tcp_port(unsigned int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, length) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		err = -errno;
	close(fd);
	*ret_port = ntohs(address.sin_port);
	return err;
}

static bool is_listening_in(const char *path, unsigned int port)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	bool found = false;

	while (file && !found && getline(&line, &room, file) >= 0) {
		unsigned int local, state;

		found = sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", &local, &state) == 2 &&
			local == port && state == LISTEN_STATE;
	}
	free(line);
	if (file)
		fclose(file);
	return found;
}

static bool is_listening(struct hf_fabric *fabric, void *ctx)
{
	struct pair *pair = ctx;

	(void)fabric;
	return hf_child_has_ended(&pair->children[SERVER]) || is_listening_in("/proc/net/tcp", pair->tcp_port) ||
	       is_listening_in("/proc/net/tcp6", pair->tcp_port);
}

/* Splits @command in place. */
static size_t split(char *command, char *words[WORDS_MAX])
{
	size_t count = 0;
	char *rest;

	for (char *word = strtok_r(command, " ", &rest); word && count < WORDS_MAX; word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	return count;
}

static int start_end(struct hf_fabric *fabric, size_t index, enum end end)
{
	static const char *const names[ENDS] = { [CLIENT] = "client", [SERVER] = "server" };
	const struct hf_program *program = &fabric->scenario->programs[index];
	struct pair *pair = &fabric->programs->pairs[index];
	char *command = strdup(program->command), *words[WORDS_MAX + 4], port[16], address[] = "127.0.0.1";
	char option[] = "-p", name[128], log[128];
	size_t count;
	int err;

	if (!command)
		return -ENOMEM;
	count = split(command, words);
	snprintf(port, sizeof(port), "%u", pair->tcp_port);
	words[count++] = option;
	words[count++] = port;
	if (end == CLIENT)
		words[count++] = address;
	words[count] = NULL;
	snprintf(name, sizeof(name), "%s %s", program->name, names[end]);
	snprintf(log, sizeof(log), "program-%s-%s.log", program->name, names[end]);
	err = hf_fabric_start_program(fabric, &pair->children[end], &(struct hf_program_start) {
		.name = name, .argv = words, .node = node_of(fabric, index, end), .log = log,
		.strategy = program->strategy, .model = program->model,
	});
	free(command);
	return err;
}

static int fail_ended(struct hf_fabric *fabric, const struct hf_child *child)
{
	return hf_fabric_fail(fabric, -EPIPE, "%s %s before it has sent anything; see %s", child->name,
			      hf_child_describe_end(child), child->log_path);
}

static const struct hf_child *ended_end(struct pair *pair)
{
	for (enum end end = CLIENT; end <= SERVER; end++)
		if (hf_child_has_ended(&pair->children[end]))
			return &pair->children[end];
	return NULL;
}

static int start_pair(struct hf_fabric *fabric, size_t index)
{
	struct pair *pair = &fabric->programs->pairs[index];
	int err = find_tcp_port(&pair->tcp_port);

	if (err)
		return hf_fabric_fail(fabric, err, "no port for program %s: %s", fabric->scenario->programs[index].name,
				      strerror(-err));
	err = start_end(fabric, index, SERVER);
	if (!err)
		err = hf_fabric_wait(fabric, "a program's server to listen", is_listening, pair, START_TIMEOUT_MS);
	if (!err && ended_end(pair) == &pair->children[SERVER])
		return fail_ended(fabric, &pair->children[SERVER]);
	return err ? err : start_end(fabric, index, CLIENT);
}

static bool has_program(const json_t *connections, const struct hf_child *child)
{
	const json_t *connection;
	size_t i;

	json_array_foreach(connections, i, connection)
		if (json_integer_value(json_object_get(connection, "pid")) == child->pid)
			return true;
	return false;
}

/* Whether the client of every program whose connections can be moved is known to the daemon of its host. */
static bool are_known(struct hf_fabric *fabric)
{
	json_t *connections;
	bool known = true;

	if (hf_hosts_connections(fabric, &connections))
		return false;
	for (size_t i = 0; i < fabric->scenario->program_count; i++)
		known &= !strcmp(fabric->scenario->programs[i].strategy, HF_STRATEGY_NONE) ||
			 has_program(connections, &fabric->programs->pairs[i].children[CLIENT]);
	json_decref(connections);
	return known;
}

static bool are_sending(struct hf_fabric *fabric, void *ctx)
{
	const struct hf_child **ended = ctx;
	struct hf_programs *programs = fabric->programs;

	for (size_t i = 0; i < programs->count; i++) {
		*ended = ended_end(&programs->pairs[i]);
		if (*ended)
			return true;
		if (hf_sampler_packets(programs->sampler, sampled(i, CLIENT)) < PACKETS_ENOUGH)
			return false;
	}
	return are_known(fabric);
}

static int start_sampler(struct hf_fabric *fabric)
{
	const struct hf_topology_node **nodes = calloc(ENDS * fabric->programs->count, sizeof(*nodes));
	int err = -ENOMEM;

	for (size_t i = 0; nodes && i < ENDS * fabric->programs->count; i++)
		nodes[i] = node_of(fabric, i / ENDS, i % ENDS);
	if (nodes)
		err = hf_sampler_start(hf_fabric_path(fabric, HF_FILE_MAP).text, nodes, ENDS * fabric->programs->count,
				       &fabric->programs->sampler);
	free(nodes);
	return err ? hf_fabric_fail(fabric, err, "%s cannot be read: %s", HF_FILE_MAP, strerror(-err)) : 0;
}

static int new_programs(struct hf_fabric *fabric)
{
	struct hf_programs *programs = calloc(1, sizeof(*programs));

	if (!programs)
		return -ENOMEM;
	fabric->programs = programs;
	programs->count = fabric->scenario->program_count;
	programs->pairs = calloc(programs->count, sizeof(*programs->pairs));
	return programs->pairs ? 0 : -ENOMEM;
}

int hf_programs_start(struct hf_fabric *fabric)
{
	const struct hf_child *ended = NULL;
	int err;

	if (!fabric->scenario->program_count)
		return 0;
	err = new_programs(fabric);
	if (err)
		return hf_fabric_fail(fabric, err, "%s", strerror(-err));
	err = start_sampler(fabric);
	for (size_t i = 0; i < fabric->programs->count && !err; i++)
		err = start_pair(fabric, i);
	if (!err)
		err = hf_fabric_wait(fabric, "every program to send", are_sending, &ended, START_TIMEOUT_MS);
	return !err && ended ? fail_ended(fabric, ended) : err;
}

static bool have_sent_more(struct hf_fabric *fabric, void *ctx)
{
	struct hf_programs *programs = fabric->programs;
	const uint64_t *until_ns = ctx;
	bool have_all = true;

	for (size_t i = 0; i < programs->count; i++) {
		struct pair *pair = &programs->pairs[i];

		pair->is_silent = hf_sampler_packets(programs->sampler, sampled(i, CLIENT)) == pair->asked_packets;
		have_all &= !pair->is_silent || ended_end(pair);
	}
	return have_all || hf_now_ns() >= *until_ns;
}

int hf_programs_finish(struct hf_fabric *fabric)
{
	struct hf_programs *programs = fabric->programs;
	uint64_t until_ns = hf_now_ns() + SEND_TIMEOUT_MS * UINT64_C(1000000);

	if (!programs)
		return 0;
	for (size_t i = 0; i < programs->count; i++)
		programs->pairs[i].asked_packets = hf_sampler_packets(programs->sampler, sampled(i, CLIENT));
	return hf_fabric_wait(fabric, "every program to send once more", have_sent_more, &until_ns,
			      2 * SEND_TIMEOUT_MS);
}

/* Who has ended by itself is known from then on. */
void hf_programs_stop(struct hf_fabric *fabric)
{
	struct hf_programs *programs = fabric->programs;

	if (!programs || !programs->sampler)
		return;
	hf_sampler_stop(programs->sampler);
	for (size_t i = 0; i < programs->count; i++) {
		struct pair *pair = &programs->pairs[i];

		for (enum end end = CLIENT; end <= SERVER; end++)
			pair->has_ended[end] |= pair->children[end].pid > 0 && !pair->is_stopped &&
						hf_child_has_ended(&pair->children[end]);
		pair->is_stopped = true;
		for (enum end end = CLIENT; end <= SERVER; end++)
			hf_child_stop(&pair->children[end], STOP_TIMEOUT_MS);
	}
}

void hf_programs_free(struct hf_fabric *fabric)
{
	if (!fabric->programs)
		return;
	hf_programs_stop(fabric);
	hf_sampler_free(fabric->programs->sampler);
	free(fabric->programs->pairs);
	free(fabric->programs);
	fabric->programs = NULL;
}

/* Results */

/* Moves of a program's queue pair at one of its hosts. */
struct moves {
	const char *strategy;	/* of the last; "" for none */
	json_int_t count, lost, replayed, paused_us;
};

static struct moves sum_moves(const struct hf_fabric *fabric, const struct hf_topology_node *node, uint64_t from_ns,
			      uint64_t to_ns)
{
	struct moves moves = { .strategy = "" };
	char who[96];

	snprintf(who, sizeof(who), "host:%s", node->name);
	for (size_t i = 0; i < fabric->events.count; i++) {
		const struct hf_event *event = &fabric->events.list[i];

		if (event->time_ns < from_ns || event->time_ns >= to_ns || strcmp(event->name, "connection_changed") ||
		    strcmp(event->who, who) || !*hf_event_text(event, "strategy"))
			continue;
		moves.strategy = hf_event_text(event, "strategy");
		moves.count++;
		moves.lost += hf_event_number(event, "lost");
		moves.replayed += hf_event_number(event, "replayed");
		moves.paused_us += hf_event_number(event, "paused_us");
	}
	return moves;
}

/* The SL that the SA gives for the way from one end to the other. */
static int find_sl(const struct hf_tables *tables, const struct hf_topology_node *from,
		   const struct hf_topology_node *to)
{
	const struct hf_table_port *source = hf_tables_find_guid(tables, hf_setup_port_guid(from));
	const struct hf_table_port *destination = hf_tables_find_guid(tables, hf_setup_port_guid(to));
	const struct hf_table_path *path = source && destination ?
					   hf_tables_find_path(tables, source->lid, destination->lid) : NULL;

	return path ? path->sl : HF_SAMPLER_NO_SL;
}

static bool is_on_wrong_sl(const struct hf_fabric *fabric, const struct hf_tables *tables, size_t index)
{
	for (enum end end = CLIENT; end <= SERVER; end++) {
		int used = hf_sampler_sl_at(fabric->programs->sampler, sampled(index, end), UINT64_MAX);
		int right = find_sl(tables, node_of(fabric, index, end), node_of(fabric, index, !end));

		if (used != HF_SAMPLER_NO_SL && right != HF_SAMPLER_NO_SL && used != right)
			return true;
	}
	return false;
}

void hf_programs_add_result(const struct hf_fabric *fabric, const struct hf_tables *tables, json_t *result)
{
	const struct hf_programs *programs = fabric->programs;
	json_int_t ended = 0, silent = 0, wrong = 0, lost = 0;

	for (size_t i = 0; programs && programs->sampler && i < programs->count; i++) {
		ended += programs->pairs[i].has_ended[CLIENT] || programs->pairs[i].has_ended[SERVER];
		silent += programs->pairs[i].is_silent;
		wrong += tables && is_on_wrong_sl(fabric, tables, i);
		for (enum end end = CLIENT; end <= SERVER; end++)
			lost += sum_moves(fabric, node_of(fabric, i, end), 0, UINT64_MAX).lost;
	}
	json_object_set_new(result, "programs_ended", json_integer(ended));
	json_object_set_new(result, "programs_silent", json_integer(silent));
	json_object_set_new(result, "programs_on_wrong_sl", tables ? json_integer(wrong) : json_null());
	json_object_set_new(result, "work_requests_lost", json_integer(lost));
}

static json_t *pack_sl(int sl)
{
	return sl == HF_SAMPLER_NO_SL ? json_null() : json_integer(sl);
}

static json_t *pack_end(const struct hf_fabric *fabric, size_t index, enum end end, uint64_t from_ns, uint64_t to_ns)
{
	const struct hf_sampler *sampler = fabric->programs->sampler;
	struct moves moves = sum_moves(fabric, node_of(fabric, index, end), from_ns, to_ns);

	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:f, s:o, s:o}", "node", node_of(fabric, index, end)->name,
			 "strategy", moves.strategy, "moves", moves.count, "lost", moves.lost, "replayed",
			 moves.replayed, "ms_paused", moves.paused_us / 1e3, "sl_before",
			 pack_sl(hf_sampler_sl_at(sampler, sampled(index, end), from_ns)), "sl_after",
			 pack_sl(hf_sampler_sl_at(sampler, sampled(index, end), to_ns)));
}

json_t *hf_programs_pack_fault(const struct hf_fabric *fabric, uint64_t from_ns, uint64_t to_ns)
{
	const struct hf_programs *programs = fabric->programs;
	json_t *list = json_array();

	for (size_t i = 0; list && i < programs->count; i++) {
		const struct hf_program *program = &fabric->scenario->programs[i];
		uint64_t pause_ns = hf_sampler_pause_ns(programs->sampler, sampled(i, CLIENT), from_ns, to_ns);
		json_t *json = json_pack("{s:s, s:s, s:s, s:f, s:o, s:o}", "program", program->name, "command",
					 program->command, "strategy", program->strategy, "ms_without_traffic",
					 pause_ns / 1e6, "client", pack_end(fabric, i, CLIENT, from_ns, to_ns),
					 "server", pack_end(fabric, i, SERVER, from_ns, to_ns));

		if (json_array_append_new(list, json) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
