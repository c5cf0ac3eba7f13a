/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Prints the commented sample of the plugin's options file; with an argument, the keywords of a service. */
#include <stdio.h>
#include <stdlib.h>

#include "plugin/options.h"
#include "plugin/services_options.h"

int main(int argc, char **argv)
{
	(void)argv;
	hf_options_print_sample(argc > 1 ? hf_service_option_table : hf_plugin_option_table, stdout);
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
