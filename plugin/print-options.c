/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Prints the commented sample of the plugin's options file. */
#include <stdio.h>
#include <stdlib.h>

#include "plugin/options.h"

int main(void)
{
	hf_options_print_sample(hf_plugin_option_table, stdout);
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
