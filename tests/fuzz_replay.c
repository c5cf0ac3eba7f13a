/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Runs a fuzz target over stored inputs, one TAP line each, where no fuzzer is at hand. It is linked with the target:
 * a file tests/fuzz_NAME.c that defines LLVMFuzzerTestOneInput() and whose inputs lie in tests/seeds/NAME.
 *
 *   fuzz_NAME [folder]      folder: else $HF_FUZZ_SEEDS, else $top_srcdir/tests/seeds/NAME
 *
 * To look for new inputs, build the target with a fuzzer instead of this file, as in
 *   clang -g -I. -Iinclude -fsanitize=fuzzer,address,undefined tests/fuzz_rmpp.c sim/rmpp.c -o fuzz_rmpp
 *   ./fuzz_rmpp NEW-INPUTS tests/seeds/rmpp
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int read_whole(const char *path, uint8_t **ret_data, size_t *ret_len)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	long len;

	if (!file)
		return -EIO;
	if (fseek(file, 0, SEEK_END) || (len = ftell(file)) < 0 || fseek(file, 0, SEEK_SET))
		goto err_close;
	data = malloc(len ? len : 1);
	if (!data || fread(data, 1, len, file) != (size_t)len)
		goto err_close;
	fclose(file);
	*ret_data = data;
	*ret_len = len;
	return 0;

err_close:
	free(data);
	fclose(file);
	return -EIO;
}

/* The line is written before the next input runs: a crash shows which input it was. */
static int replay(const char *folder, const char *name)
{
	char path[PATH_MAX];
	uint8_t *data;
	size_t len;

	printf("# %s\n", name);
	fflush(stdout);
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path) || read_whole(path, &data, &len))
		return -EIO;
	LLVMFuzzerTestOneInput(data, len);
	free(data);
	return 0;
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int replay_folder(const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_input, alphasort);
	int failed = 0;

	if (count <= 0) {
		printf("1..1\nnot ok 1 - %s: %s\n", folder, count ? strerror(errno) : "no inputs");
		return EXIT_FAILURE;
	}
	printf("1..%d\n", count);
	for (int i = 0; i < count; i++) {
		int rc = replay(folder, entries[i]->d_name);

		printf("%s %d - %s\n", rc ? "not ok" : "ok", i + 1, entries[i]->d_name);
		failed += !!rc;
		free(entries[i]);
	}
	free(entries);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : getenv("HF_FUZZ_SEEDS");
	const char *name = strstr(program_invocation_short_name, "fuzz_");
	const char *top = getenv("top_srcdir");
	char path[PATH_MAX];

	if (!folder) {
		snprintf(path, sizeof(path), "%s/tests/seeds/%s", top ? top : ".", name ? name + 5 : "");
		folder = path;
	}
	return replay_folder(folder);
}
