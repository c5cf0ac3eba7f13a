/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "tools/hfsim_where.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct place {
	const char *name;
	const char *variable;
	const char *in_build[2];	/* below the build tree's top */
	const char *installed;		/* absolute */
	const char *system;		/* a program of the system's, on PATH or here */
};

static const struct place places[HF_N_PARTS] = {
	[HF_PART_IBSIM] = { "ibsim", "HF_IBSIM", { NULL }, NULL, "/usr/bin/ibsim" },
	[HF_PART_OPENSM] = { "opensm", "HF_OPENSM", { NULL }, NULL, "/usr/sbin/opensm" },
	[HF_PART_SAQUERY] = { "saquery", "HF_SAQUERY", { NULL }, NULL, "/usr/sbin/saquery" },
	[HF_PART_HOLDFAST] = { "holdfast", "HF_HOLDFAST", { "tools/holdfast" }, HF_SBINDIR "/holdfast", NULL },
	[HF_PART_HOLDFASTD] = { "holdfastd", "HF_HOLDFASTD", { "tools/holdfastd" }, HF_SBINDIR "/holdfastd", NULL },
	[HF_PART_MUX] = { "hfsim-mux", "HF_MUX", { "hfsim-mux", "sim/hfsim-mux" }, HF_PKGLIBDIR "/hfsim-mux", NULL },
	[HF_PART_TRAFFIC] = { "hfsim-traffic", "HF_TRAFFIC", { "hfsim-traffic" }, HF_PKGLIBDIR "/hfsim-traffic", NULL },
	[HF_PART_UMAD] = { "libhfsim-umad.so", "HF_UMAD", { ".libs/libhfsim-umad.so", "sim/.libs/libhfsim-umad.so" },
			   HF_PKGLIBDIR "/libhfsim-umad.so", NULL },
	[HF_PART_SIM_VERBS] = { "libhfsim-verbs.so", "HF_SIM_VERBS", { ".libs/libhfsim-verbs.so" },
				HF_PKGLIBDIR "/libhfsim-verbs.so", NULL },
	[HF_PART_VERBS] = { "libholdfast-verbs.so", "HF_VERBS", { "lib/.libs/libholdfast-verbs.so" },
			    HF_LIBDIR "/libholdfast-verbs.so", NULL },
	[HF_PART_SMA] = { "libhfsim-sma.so", "HF_SMA", { ".libs/libhfsim-sma.so", "sim/.libs/libhfsim-sma.so" },
			  HF_PKGLIBDIR "/libhfsim-sma.so", NULL },
	[HF_PART_PLUGIN_DIR] = { "libosmholdfast.so", "HF_PLUGIN_DIR", { ".libs", "plugin/.libs" }, HF_LIBDIR, NULL },
	[HF_PART_SCENARIO_DIR] = { "scenarios", "HF_SCENARIO_DIR", { "sim/scenarios", "../sim/scenarios" },
				   HF_PKGDATADIR "/scenarios", NULL },
};

const char *hf_part_name(enum hf_part part)
{
	return places[part].name;
}

const char *hf_part_variable(enum hf_part part)
{
	return places[part].variable;
}

/* The build tree that hfsim was built in, or NULL: hfsim is TOP/tools/hfsim, or TOP/tools/.libs/hfsim under libtool. */
static const char *build_top(void)
{
	static char top[PATH_MAX];
	char marker[PATH_MAX + sizeof("/config.status")];
	ssize_t length = readlink("/proc/self/exe", top, sizeof(top) - 1);
	char *tools;

	if (length < 0)
		return NULL;
	top[length] = '\0';
	tools = strstr(top, "/tools/.libs/");
	if (!tools) {
		tools = strrchr(top, '/');
		*tools = '\0';
		tools = strrchr(top, '/');
	}
	if (!tools || strncmp(tools, "/tools", 6) != 0)
		return NULL;
	*tools = '\0';
	snprintf(marker, sizeof(marker), "%s/config.status", top);
	return access(marker, F_OK) == 0 ? top : NULL;
}

static bool holds_plugin(const char *folder)
{
	char file[PATH_MAX];

	return snprintf(file, sizeof(file), "%s/libosmholdfast.so", folder) < (int)sizeof(file) &&
	       access(file, F_OK) == 0;
}

static char *copy_if_there(enum hf_part part, const char *path)
{
	if (part == HF_PART_PLUGIN_DIR ? !holds_plugin(path) : access(path, F_OK) != 0)
		return NULL;
	return realpath(path, NULL);
}

static char *find_in_build(enum hf_part part, const char *top)
{
	for (size_t i = 0; i < 2 && places[part].in_build[i]; i++) {
		char path[PATH_MAX];
		char *found;

		if (snprintf(path, sizeof(path), "%s/%s", top, places[part].in_build[i]) >= (int)sizeof(path))
			continue;
		found = copy_if_there(part, path);
		if (found)
			return found;
	}
	return NULL;
}

static char *find_on_path(const char *name)
{
	const char *folder = getenv("PATH");

	while (folder && *folder) {
		size_t length = strcspn(folder, ":");
		char path[PATH_MAX];

		if (snprintf(path, sizeof(path), "%.*s/%s", (int)length, folder, name) < (int)sizeof(path) &&
		    access(path, X_OK) == 0)
			return strdup(path);
		folder += length + (folder[length] == ':');
	}
	return NULL;
}

int hf_where(enum hf_part part, char **ret_path)
{
	const struct place *place = &places[part];
	const char *given = getenv(place->variable);
	const char *top = build_top();
	char *path = NULL;

	if (given) {
		path = copy_if_there(part, given);
	} else {
		if (top)
			path = find_in_build(part, top);
		if (!path && place->installed)
			path = copy_if_there(part, place->installed);
		if (!path && place->system)
			path = find_on_path(place->name);
		if (!path && place->system)
			path = copy_if_there(part, place->system);
	}
	if (!path)
		return -ENOENT;
	*ret_path = path;
	return 0;
}
