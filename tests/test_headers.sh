#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
# Each public header compiles alone, as C11 and as C++, and needs no config.h.
. "$top_srcdir/tests/tap.sh"

set -- "$top_srcdir"/include/holdfast/*.h
plan $(($# * 2))
for header; do
	name=holdfast/${header##*/}
	echo "#include <$name>" >"$work/alone.c"
	cp "$work/alone.c" "$work/alone.cc"
	try "$name as C11" ${CC:-cc} -std=c11 -pedantic -Wall -Wextra -Werror -fsyntax-only \
		-I"$top_srcdir/include" "$work/alone.c"
	try "$name as C++" ${CXX:-c++} -std=c++11 -pedantic -Wall -Wextra -Werror -fsyntax-only \
		-I"$top_srcdir/include" "$work/alone.cc"
done
