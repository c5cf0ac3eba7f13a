/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_report.h"

#include <inttypes.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "tools/hfsim_result.h"
#include "tools/hfsim_setup.h"
#include "tools/hfsim_timeline.h"

#define MATRIX_HOSTS	12	/* more do not fit on a screen */
#define TIMELINE_MOST	4
#define NO_SL		-1

static struct libscols_table *new_table(FILE *out)
{
	struct libscols_table *table = scols_new_table();

	if (table)
		scols_table_set_stream(table, out);
	return table;
}

static void set_cell(struct libscols_line *line, size_t column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void set_cell(struct libscols_line *line, size_t column, const char *format, ...)
{
	char text[64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	scols_line_set_data(line, column, text);
}

/* SL of the connection between two port GUIDs at a time; NO_SL for none. */
static int find_sl(const struct hf_measure *measure, uint64_t from, uint64_t to)
{
	const struct hf_table_port *port = measure->tables ? hf_tables_find_guid(measure->tables, from) : NULL;

	for (size_t i = 0; port && i < measure->uses.count; i++)
		if (measure->uses.list[i].slid == port->lid && measure->uses.list[i].dest_guid == to)
			return measure->uses.list[i].is_lost ? NO_SL : measure->uses.list[i].sl;
	return NO_SL;
}

static void set_sl_cell(struct libscols_line *line, size_t column, int before, int after)
{
	char texts[2][8] = { "-", "-" };

	if (before != NO_SL)
		snprintf(texts[0], sizeof(texts[0]), "%d", before);
	if (after != NO_SL)
		snprintf(texts[1], sizeof(texts[1]), "%d", after);
	if (before == after)
		set_cell(line, column, "%s", before == NO_SL ? "" : texts[0]);
	else
		set_cell(line, column, "%s>%s", texts[0], texts[1]);
}

static void print_matrix(const struct hf_run *run, const struct hf_fault_run *fault, FILE *out)
{
	const struct hf_scenario *scenario = run->scenario;
	struct libscols_table *table = new_table(out);

	if (!table)
		return;
	scols_table_new_column(table, "from \\ to", 0, 0);
	for (size_t i = 0; i < scenario->host_count; i++)
		scols_table_new_column(table, scenario->hosts[i]->name, 0, SCOLS_FL_RIGHT);
	for (size_t i = 0; i < scenario->host_count; i++) {
		uint64_t from = hf_setup_port_guid(scenario->hosts[i]);
		struct libscols_line *line = scols_table_new_line(table, NULL);

		set_cell(line, 0, "%s", scenario->hosts[i]->name);
		for (size_t j = 0; j < scenario->host_count; j++) {
			uint64_t to = hf_setup_port_guid(scenario->hosts[j]);

			set_sl_cell(line, j + 1, find_sl(&fault->before, from, to), find_sl(&fault->after, from, to));
		}
	}
	fprintf(out, "\nSL of each connection, before > after:\n");
	scols_print_table(table);
	scols_unref_table(table);
}

static void print_sl_summary(const struct hf_fault_run *fault, FILE *out)
{
	size_t counts[2][HF_SL_COUNT] = { 0 };

	for (size_t i = 0; i < fault->before.uses.count; i++)
		counts[0][fault->before.uses.list[i].sl]++;
	for (size_t i = 0; i < fault->after.uses.count; i++)
		counts[1][fault->after.uses.list[i].sl]++;
	fprintf(out, "\nConnections on each SL, before > after:\n");
	for (unsigned int sl = 0; sl < HF_SL_COUNT; sl++)
		if (counts[0][sl] + counts[1][sl] > 0)
			fprintf(out, "  SL %-2u %zu > %zu\n", sl, counts[0][sl], counts[1][sl]);
}

static void print_mads(const json_t *fault, FILE *out)
{
	struct libscols_table *table = new_table(out);
	json_t *mads = json_object_get(fault, "mads"), *count;
	const char *name;

	if (!table)
		return;
	scols_table_new_column(table, "MADs", 0, 0);
	scols_table_new_column(table, "sent", 0, SCOLS_FL_RIGHT);
	json_object_foreach(mads, name, count) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		set_cell(line, 0, "%s", name);
		set_cell(line, 1, "%" JSON_INTEGER_FORMAT, json_integer_value(count));
	}
	struct libscols_line *line = scols_table_new_line(table, NULL);

	set_cell(line, 0, "all");
	set_cell(line, 1, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(fault, "mads_total")));
	fprintf(out, "\n");
	scols_print_table(table);
	fprintf(out, "(and %" JSON_INTEGER_FORMAT " SMPs of the subnet manager)\n",
		json_integer_value(json_object_get(fault, "smps")));
	scols_unref_table(table);
}

static json_int_t get_count(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static double get_ms(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static void print_sentence(const json_t *fault, FILE *out)
{
	fprintf(out, "\n%" JSON_INTEGER_FORMAT " path records changed; %" JSON_INTEGER_FORMAT " hosts were told by %"
		JSON_INTEGER_FORMAT " reports, %" JSON_INTEGER_FORMAT " answered; %" JSON_INTEGER_FORMAT
		" queries brought %" JSON_INTEGER_FORMAT " records; %" JSON_INTEGER_FORMAT " connections changed\n",
		get_count(fault, "changed_paths"), get_count(fault, "hosts_told"), get_count(fault, "reports_sent"),
		get_count(fault, "reports_acked"), get_count(fault, "sa_queries"),
		get_count(fault, "path_records_received"), get_count(fault, "connections_changed"));
	if (json_is_number(json_object_get(fault, "ms_ours")))
		fprintf(out, "from the cut to the last host done %.1f ms: %.1f ms of OpenSM, %.1f ms (%.0f %%) ours\n",
			get_ms(fault, "ms_last_host_done"),
			get_ms(fault, "ms_last_host_done") - get_ms(fault, "ms_ours"), get_ms(fault, "ms_ours"),
			get_ms(fault, "ours_percent"));
}

static void print_streams(const json_t *json, FILE *out)
{
	const json_t *stream;
	size_t i;

	json_array_foreach(json_object_get(json, "services"), i, stream) {
		fprintf(out, "service %s: ", json_string_value(json_object_get(stream, "service")));
		if (get_count(stream, "lost"))
			fprintf(out, "nobody received for %.1f ms; ", get_ms(stream, "ms_silent"));
		fprintf(out, "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " packets lost, %" JSON_INTEGER_FORMAT
			" doubled", get_count(stream, "lost"), get_count(stream, "sent"), get_count(stream, "doubled"));
		if (json_is_number(json_object_get(stream, "ms_moved")))
			fprintf(out, "; the first at another node after %.1f ms", get_ms(stream, "ms_moved"));
		fprintf(out, "\n");
	}
}

static void print_program_end(struct libscols_table *table, const json_t *program, const char *end)
{
	const json_t *json = json_object_get(program, end);
	struct libscols_line *line = scols_table_new_line(table, NULL);
	bool is_client = strcmp(end, "client") == 0;
	int sls[2];

	for (size_t i = 0; i < 2; i++) {
		const json_t *sl = json_object_get(json, i ? "sl_after" : "sl_before");

		sls[i] = json_is_integer(sl) ? (int)json_integer_value(sl) : NO_SL;
	}
	set_cell(line, 0, "%s", is_client ? json_string_value(json_object_get(program, "program")) : "");
	set_cell(line, 1, "%s", json_string_value(json_object_get(json, "node")));
	set_cell(line, 2, "%s", json_string_value(json_object_get(program, "strategy")));
	set_cell(line, 3, "%s", json_string_value(json_object_get(json, "strategy")));
	set_sl_cell(line, 4, sls[0], sls[1]);
	if (is_client)
		set_cell(line, 5, "%.1f", get_ms(program, "ms_without_traffic"));
	set_cell(line, 6, "%.1f", get_ms(json, "ms_paused"));
	set_cell(line, 7, "%" JSON_INTEGER_FORMAT, get_count(json, "lost"));
	set_cell(line, 8, "%" JSON_INTEGER_FORMAT, get_count(json, "replayed"));
}

static void print_programs(const json_t *fault, FILE *out)
{
	static const struct {
		const char *name;
		int flags;
	} columns[] = {
		{ "program", 0 }, { "at", 0 }, { "strategy", 0 }, { "moved by", 0 }, { "SL", SCOLS_FL_RIGHT },
		{ "ms without traffic", SCOLS_FL_RIGHT }, { "ms stopped", SCOLS_FL_RIGHT }, { "lost", SCOLS_FL_RIGHT },
		{ "replayed", SCOLS_FL_RIGHT },
	};
	const json_t *programs = json_object_get(fault, "programs"), *program;
	struct libscols_table *table = json_array_size(programs) ? new_table(out) : NULL;
	size_t i;

	if (!table)
		return;
	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		scols_table_new_column(table, columns[i].name, 0, columns[i].flags);
	json_array_foreach(programs, i, program) {
		print_program_end(table, program, "client");
		print_program_end(table, program, "server");
	}
	fprintf(out, "\nPrograms, with the SL that their adapters' ports sent on, and work requests:\n");
	scols_print_table(table);
	scols_unref_table(table);
}

static void print_fault(const struct hf_run *run, size_t index, const json_t *json, bool is_verbose, FILE *out)
{
	const struct hf_fault_run *fault = &run->faults[index];
	const struct hf_timeline_names names = { fault->before.tables, fault->after.tables };
	uint64_t end_ns = fault->settled_ns ? fault->settled_ns : UINT64_MAX;
	bool is_followed = index + 1 < run->n_faults && run->faults[index + 1].cut_ns < end_ns;

	fprintf(out, "\n%s\n", fault->fault->name);
	hf_timeline_print(&run->fabric.events, &names, fault->cut_ns,
			  is_followed ? run->faults[index + 1].cut_ns : end_ns, is_verbose ? SIZE_MAX : TIMELINE_MOST,
			  out);
	/* Faults in quick succession are measured together, behind the last one. */
	if (!fault->after.tables || is_followed)
		return;
	if (run->scenario->host_count <= MATRIX_HOSTS)
		print_matrix(run, fault, out);
	else
		print_sl_summary(fault, out);
	print_mads(json, out);
	print_sentence(json, out);
	print_streams(json, out);
	print_programs(json, out);
}

static void print_cycles(const json_t *result, const char *list, const char *when, FILE *out)
{
	const json_t *text;
	size_t i;

	json_array_foreach(json_object_get(result, list), i, text)
		fprintf(out, "credit loop %s: %s\n", when, json_string_value(text));
}

static void print_judgement(const json_t *result, FILE *out)
{
	if (json_object_get(result, "packets_sent"))
		fprintf(out, "\n%" JSON_INTEGER_FORMAT " packets to services: %" JSON_INTEGER_FORMAT " lost, %"
			JSON_INTEGER_FORMAT " doubled; %" JSON_INTEGER_FORMAT " services silent at the end\n",
			get_count(result, "packets_sent"), get_count(result, "packets_lost"),
			get_count(result, "packets_doubled"), get_count(result, "services_silent"));
	fprintf(out, "\nstale paths %" JSON_INTEGER_FORMAT, get_count(result, "stale_paths"));
	if (json_is_number(json_object_get(result, "ms_none_stale")))
		fprintf(out, " (none since %.0f ms after the last fault)", get_ms(result, "ms_none_stale"));
	fprintf(out, "\nstale connections %" JSON_INTEGER_FORMAT "; credit loops: %" JSON_INTEGER_FORMAT " before, %"
		JSON_INTEGER_FORMAT " had no host been told, %" JSON_INTEGER_FORMAT " after\n",
		get_count(result, "stale_connections"), get_count(result, "credit_loops_before"),
		get_count(result, "credit_loops_without_update"), get_count(result, "credit_loops_after"));
	print_cycles(result, "cycles_without_update", "had no host been told", out);
	print_cycles(result, "cycles_after", "after", out);
}

static void print_verdict(const json_t *result, FILE *out)
{
	const json_t *reason;
	size_t i;

	fprintf(out, "\n%s (%s, mode %s)\n", hf_result_is_pass(result) ? "PASS" : "FAIL",
		json_string_value(json_object_get(result, "scenario")),
		json_string_value(json_object_get(result, "mode")));
	json_array_foreach(json_object_get(result, "reasons"), i, reason)
		fprintf(out, "  %s\n", json_string_value(reason));
}

void hf_report_print(const struct hf_run *run, const json_t *result, bool is_verbose, FILE *out)
{
	const json_t *faults = json_object_get(result, "faults");

	for (size_t i = 0; i < run->n_faults; i++)
		print_fault(run, i, json_array_get(faults, i), is_verbose, out);
	if (run->error[0] == '\0')
		print_judgement(result, out);
	print_verdict(result, out);
}
