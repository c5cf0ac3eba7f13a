/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#ifndef HF_SIM_FAIL_H
#define HF_SIM_FAIL_H

/**
 * hf__fail() - say why, and return the error
 * @err:       negative errno
 * @ret_error: set to the text, which the caller of the library frees; untouched where memory runs out
 *
 * Return: @err; -ENOMEM if there is no memory for the text.
 */
int hf__fail(int err, char **ret_error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
