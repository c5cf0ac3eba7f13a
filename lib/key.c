/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
#include "lib/key.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/base16.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGITS	(2 * HF_KEY_SIZE)

static const char *check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return "cannot be examined";
	if (!S_ISREG(st.st_mode))
		return "must be a regular file";
	if (st.st_uid && st.st_uid != geteuid())
		return "must belong to root or to the user that runs this program";
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return "nobody but its owner may have any permission on it (chmod 600)";
	return NULL;
}

/* Return: the length of what is there, at most @size; a negative errno. */
static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t got;

	while (used < size && (got = read(fd, text + used, size - used)) != 0) {
		if (got < 0 && errno != EINTR)
			return -errno;
		used += got > 0 ? (size_t)got : 0;
	}
	return (ssize_t)used;
}

static int parse_key(const char *text, size_t len, struct hf_key *ret_key)
{
	struct base16_decode_ctx ctx;
	size_t size = HF_KEY_SIZE;

	if (len == DIGITS + 1 && text[DIGITS] == '\n')
		len--;
	/* The decoder takes blanks, too. */
	if (len != DIGITS || strspn(text, "0123456789abcdefABCDEF") < DIGITS)
		return -EINVAL;
	base16_decode_init(&ctx);
	if (!base16_decode_update(&ctx, &size, ret_key->bytes, len, text) || size != HF_KEY_SIZE ||
	    !base16_decode_final(&ctx))
		return -EINVAL;
	return 0;
}

static int read_key(int fd, struct hf_key *ret_key)
{
	char text[DIGITS + 3];
	ssize_t len = read_all(fd, text, sizeof(text) - 1);
	int err = len < 0 ? (int)len : 0;

	text[len < 0 ? 0 : len] = '\0';
	if (!err)
		err = parse_key(text, (size_t)len, ret_key);
	explicit_bzero(text, sizeof(text));
	return err;
}

int hf_key_load(const char *path, struct hf_key *ret_key, char **ret_error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int err = fd < 0 ? -errno : 0;
	const char *why = fd < 0 ? strerror(errno) : check_file(fd);

	if (!err && why)
		err = -EACCES;
	if (!err) {
		err = read_key(fd, ret_key);
		why = err == -EINVAL ? "must have one line of 64 hexadecimal digits" : strerror(-err);
	}
	if (fd >= 0)
		close(fd);
	if (err && asprintf(ret_error, "key file %s: %s", path, why) < 0)
		*ret_error = NULL;
	return err;
}

void hf_key_mac(const struct hf_key *key, const void *data, size_t len, uint8_t ret_mac[HF_MAC_SIZE])
{
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, sizeof(key->bytes), key->bytes);
	hmac_sha256_update(&ctx, len, data);
	hmac_sha256_digest(&ctx, HF_MAC_SIZE, ret_mac);
	explicit_bzero(&ctx, sizeof(ctx));
}

bool hf_mac_is_same(const uint8_t a[HF_MAC_SIZE], const uint8_t b[HF_MAC_SIZE])
{
	return memeql_sec(a, b, HF_MAC_SIZE);
}
