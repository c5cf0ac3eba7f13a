/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The subcommands that start nothing: list, check, topology; and finding scenarios for the others. */
#include "tools/hfsim.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/hfsim_where.h"

#define SUFFIX ".conf"

static bool has_suffix(const char *name)
{
	size_t length = strlen(name);

	return length > strlen(SUFFIX) && strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static int find_folder(char **ret_folder)
{
	int err = hf_where(HF_PART_SCENARIO_DIR, ret_folder);

	if (err)
		fprintf(stderr, "hfsim: there is no folder of scenarios; %s can name one\n",
			hf_part_variable(HF_PART_SCENARIO_DIR));
	return err;
}

static int load(const char *path, struct hf_scenario **ret_scenario)
{
	char *error = NULL;
	int err = hf_scenario_load(path, ret_scenario, &error);

	if (err)
		fprintf(stderr, "hfsim: %s\n", error ? error : strerror(-err));
	free(error);
	return err;
}

int hf_open_scenario(const char *name, struct hf_scenario **ret_scenario)
{
	char path[PATH_MAX];
	char *folder;
	int err;

	if (strchr(name, '/') || has_suffix(name))
		return load(name, ret_scenario);
	err = find_folder(&folder);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/%s" SUFFIX, folder, name);
	free(folder);
	return load(path, ret_scenario);
}

int hf_change_scenario(struct hf_scenario *scenario, const char *setting)
{
	char *error = NULL;
	int err = hf_scenario_set(scenario, setting, &error);

	if (err)
		fprintf(stderr, "hfsim: %s\n", error ? error : strerror(-err));
	free(error);
	return err;
}

static int is_scenario(const struct dirent *entry)
{
	return has_suffix(entry->d_name);
}

static int list_one(const char *folder, const char *file)
{
	struct hf_scenario *scenario;
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	err = load(path, &scenario);
	if (err)
		return err;
	printf("%-16s %s\n", scenario->name, scenario->title);
	hf_scenario_free(scenario);
	return 0;
}

int hf_command_list(int argc, char **argv)
{
	struct dirent **entries;
	int count, status = HF_EXIT_OK;
	char *folder;

	if (argc > 1) {
		fprintf(stderr, "hfsim: list takes no argument \"%s\"\n", argv[1]);
		return HF_EXIT_USAGE;
	}
	if (find_folder(&folder))
		return HF_EXIT_USAGE;
	count = scandir(folder, &entries, is_scenario, alphasort);
	if (count < 0) {
		fprintf(stderr, "hfsim: %s: %s\n", folder, strerror(errno));
		free(folder);
		return HF_EXIT_USAGE;
	}
	for (int i = 0; i < count; i++) {
		if (list_one(folder, entries[i]->d_name))
			status = HF_EXIT_USAGE;
		free(entries[i]);
	}
	free(entries);
	free(folder);
	return status;
}

int hf_command_check(int argc, char **argv)
{
	int status = argc > 1 ? HF_EXIT_OK : HF_EXIT_USAGE;

	if (argc < 2)
		fprintf(stderr, "usage: hfsim check FILE ...\n");
	for (int i = 1; i < argc; i++) {
		struct hf_scenario *scenario;

		if (load(argv[i], &scenario)) {
			status = HF_EXIT_USAGE;
			continue;
		}
		printf("%s: %s, %zu hosts, %zu faults\n", argv[i], scenario->fabric, scenario->host_count,
		       scenario->fault_count);
		hf_scenario_free(scenario);
	}
	return status;
}

static const struct option topology_options[] = {
	{ "hosts", required_argument, NULL, 'n' }, { "sm", no_argument, NULL, 's' }, { NULL, 0, NULL, 0 },
};

static int print_topology(const char *kind, const char *size, unsigned int hosts, bool has_sm)
{
	struct hf_topology *topology;
	char *error = NULL;
	int err = hf_topology_from_spec(kind, size, hosts, has_sm, &topology, &error);

	if (err) {
		fprintf(stderr, "hfsim: %s\n", error ? error : strerror(-err));
		free(error);
		return HF_EXIT_USAGE;
	}
	err = hf_topology_write(topology, stdout);
	hf_topology_free(topology);
	if (!err && fflush(stdout) != 0)
		err = -errno;
	if (err)
		fprintf(stderr, "hfsim: the fabric cannot be written: %s\n", strerror(-err));
	return err ? HF_EXIT_FAILED : HF_EXIT_OK;
}

int hf_command_topology(int argc, char **argv)
{
	unsigned long hosts = 1;
	bool has_sm = false;
	int option;
	char *end;

	while ((option = getopt_long(argc, argv, "n:s", topology_options, NULL)) >= 0) {
		switch (option) {
		case 'n':
			hosts = strtoul(optarg, &end, 10);
			if (*optarg == '\0' || *end != '\0' || hosts > HF_TOPOLOGY_PORT_MAX) {
				fprintf(stderr, "hfsim: --hosts is \"%s\", must be 0 to %d\n", optarg,
					HF_TOPOLOGY_PORT_MAX);
				return HF_EXIT_USAGE;
			}
			break;
		case 's':
			has_sm = true;
			break;
		default:
			return HF_EXIT_USAGE;
		}
	}
	if (argc - optind != 2) {
		fprintf(stderr, "usage: hfsim topology KIND SIZE [--hosts N] [--sm]\n");
		return HF_EXIT_USAGE;
	}
	return print_topology(argv[optind], argv[optind + 1], hosts, has_sm);
}
