/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What each mode cannot do, for whoever reads a services file. */
#include "plugin/services_file.h"

#include <errno.h>
#include <stdio.h>

static int refuse(char **ret_error, const char *text)
{
	return asprintf(ret_error, "%s", text) < 0 ? -ENOMEM : -EINVAL;
}

static int check_mlid(const struct hf_service_config *config, char **ret_error)
{
	if (config->lid)
		return refuse(ret_error, "lid is set: allowed in mode lid only");
	if (config->switch_count)
		return refuse(ret_error, "switches are set: allowed in mode switch-port only");
	return 0;
}

const hf_service_mode_check_fn hf_service_mode_checks[HF_SERVICE_MODES] = {
	[HF_SERVICE_MLID] = check_mlid,
};
