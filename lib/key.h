/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Keys that nodes and SM share, and HMAC-SHA256 with them; by nettle. */
#ifndef HF_LIB_KEY_H
#define HF_LIB_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_KEY_SIZE	32
#define HF_MAC_SIZE	32

struct hf_key {
	uint8_t bytes[HF_KEY_SIZE];
};

/**
 * hf_key_load() - read a key from its file
 * @path:      one line of 64 hexadecimal digits, as "openssl rand -hex 32" prints it
 * @ret_key:   the key
 * @ret_error: set on failure to one line that names the file and what is wrong with it, never what is in it; caller
 *             frees it
 *
 * The file must be a regular one that belongs to root or to who runs the program, and nobody else may read or write it.
 *
 * Return: 0; -EACCES for its owner or permissions; -EINVAL for what is in it; -ENOMEM; the negative errno of reading.
 */
int hf_key_load(const char *path, struct hf_key *ret_key, char **ret_error);

/* HMAC-SHA256 of @data. */
void hf_key_mac(const struct hf_key *key, const void *data, size_t len, uint8_t ret_mac[HF_MAC_SIZE]);

/* Takes the same time whatever the difference is. */
bool hf_mac_is_same(const uint8_t a[HF_MAC_SIZE], const uint8_t b[HF_MAC_SIZE]);

#endif
