#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# libholdfast exports what its map says, that is what its public headers declare, and a program needs no more.
. "$top_srcdir/tests/tap.sh"

library=$top_builddir/lib/.libs/libholdfast.so
nm -D --defined-only "$library" | sed -n 's/.* T \([a-z_0-9]*\).*/\1/p' | sort >"$work/exported"
sed -n 's/^[[:blank:]]*\(hf_[a-z_0-9]*\);$/\1/p' "$top_srcdir/lib/holdfast.map" | sort >"$work/mapped"
cat "$top_srcdir"/include/holdfast/*.h | grep -v '^ \*' | grep -o '\<hf_[a-z_0-9]*(' | tr -d '(' | sort -u >"$work/declared"

cat >"$work/program.c" <<'END'
#include <holdfast/host.h>
#include <holdfast/log.h>
#include <stdio.h>

int main(void)
{
	struct hf_host_config config;
	struct hf_host *host;

	hf_log_init(NULL, HF_LOG_ERROR);
	hf_host_config_init(&config);
	config.device = "no-such-adapter";
	return hf_host_new(&config, &host) < 0 ? 0 : 1;
}
END

plan 4
try "the library exports what the map says" diff "$work/mapped" "$work/exported"
try "the map names what the headers declare" diff "$work/declared" "$work/mapped"
try "a program links with the public interface alone" ${CC:-cc} -std=c11 -Wall -Werror -I"$top_srcdir/include" \
	"$work/program.c" -o "$work/program" "$library"
try "and runs" env LD_LIBRARY_PATH="$top_builddir/lib/.libs" "$work/program"
