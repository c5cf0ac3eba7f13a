/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "sim/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int hf__fail(int err, char **ret_error, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	*ret_error = text;
	return err;
}
